//! Recipes and their faults, in the words that a reader sees; then properties over made-up recipes.

mod properties;

use super::*;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Recipe {
    /// What the run is called.
    #[schemars(length(min = 1))]
    name: String,
    #[serde(default)]
    seed: u64,
    #[serde(default)]
    data: Data,
    #[serde(default)]
    train: Train,
    model: Model,
    learner: Learner,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Data {
    /// A unit variant: nothing in serde or the schema refuses its unknown keys.
    #[default]
    Digits,
    Mnist(Mnist),
    FashionMnist(Mnist),
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Mnist {
    #[serde(skip_serializing_if = "Option::is_none")]
    take: Option<usize>,
    #[schemars(range(min = 0.0, max = 1.0))]
    validation: f64,
    crop: [u32; 4],
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Train {
    #[schemars(range(min = 1))]
    epochs: u32,
    batch: usize,
    shuffle: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    schedule: Option<Schedule>,
}

impl Default for Train {
    fn default() -> Self {
        Self { epochs: 10, batch: 100, shuffle: true, schedule: None }
    }
}

/// With a doc on some variants, schemars makes `oneOf` of this.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Schedule {
    /// Always the same.
    Constant,
    /// A cosine.
    Cosine,
    Linear,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Model {
    blocks: Vec<Vec<usize>>,
    #[serde(default)]
    probes: Vec<Probe>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Probe {
    layer: i8,
    #[serde(default)]
    scale: f32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Learner {
    ForwardForward(ForwardForward),
    BackProp(BackProp),
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct ForwardForward {
    objective: Objective,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer: Option<Objective>,
    learning_rate: Rate,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct BackProp {
    learning_rate: Rate,
    /// An open interval.
    #[schemars(extend("exclusiveMinimum" = 0.0, "exclusiveMaximum" = 1.0))]
    momentum: f64,
    betas: (f64, f64),
}

impl Default for BackProp {
    fn default() -> Self {
        Self { learning_rate: Rate(0.1), momentum: 0.9, betas: (0.9, 0.99) }
    }
}

/// A newtype, by `$ref` in the schema.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
struct Rate(#[schemars(range(min = 0.0))] f64);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Objective {
    Logistic { theta: Theta },
    Margin,
}

impl Default for Objective {
    fn default() -> Self {
        Self::Logistic { theta: Theta::Number(2.0) }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Theta {
    Number(f64),
    Name(ThetaName),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum ThetaName {
    Width,
    Mean,
}

fn schema() -> Json {
    schemars::schema_for!(Recipe).to_value()
}

/// All faults of `text`, a line each.
fn rendered(text: &str, schema: &Json) -> String {
    match check(text, schema) {
        Ok(json) => format!("no fault: {json}\n"),
        Err(faults) => faults.iter().map(|fault| format!("{}\n", fault.in_file("r.toml"))).collect(),
    }
}

/// A recipe without a fault, after `top` lines and before others.
fn with(top: &str, rest: &str) -> String {
    format!("name = \"a\"\n{top}\nmodel.blocks = [[5]]\nlearner.kind = \"back_prop\"\n{rest}")
}

/// Compares the faults of each text with its expectation, and shows all that differ.
fn assert_faults(schema: &Json, cases: &[(String, &str)]) {
    let mut report = String::new();
    for (text, expected) in cases {
        let actual = rendered(text, schema);
        if actual.trim() != expected.trim() {
            let _ =
                write!(report, "--- text\n{text}\n--- expected\n{}\n--- actual\n{actual}", expected.trim());
        }
    }
    assert!(report.is_empty(), "{report}");
}

/// Shapes that recipes seldom have.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Odd {
    rates: BTreeMap<String, f64>,
    anything: Option<Json>,
    widths: Option<Widths>,
    way: Option<Way>,
    tree: Option<Tree>,
    #[schemars(length(min = 2, max = 3))]
    code: String,
    pair: Option<(bool, Schedule)>,
    letter: Option<char>,
    large: u64,
    signed: i64,
    #[schemars(range(max = -1))]
    below: i32,
    #[schemars(extend("exclusiveMinimum" = 0))]
    above: f64,
    #[serde(flatten)]
    flat: Flat,
}

/// One list, or a list of lists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Widths {
    Row(Vec<usize>),
    Rows(Vec<Vec<usize>>),
}

/// Tagged from outside.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Way {
    Off,
    Fixed(f64),
    Warm { steps: usize },
}

/// A table that holds tables like itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Tree {
    leaf: usize,
    #[serde(default)]
    branches: Vec<Tree>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Flat {
    flattened: bool,
}

fn odd_schema() -> Json {
    schemars::schema_for!(Odd).to_value()
}

#[test]
fn text_that_is_not_toml_has_the_parsers_fault() {
    let cases = [
        (
            "name = a".into(),
            "
r.toml:1: this is not TOML: string values must be quoted, expected literal string; correct `name = a`; nothing else was checked",
        ),
        (
            r#"name = "a"
name = "b""#.into(),
            r#"
r.toml:2: this is not TOML: duplicate key; correct `name = "b"`; nothing else was checked"#,
        ),
        (
            "[train".into(),
            "
r.toml:1: this is not TOML: unclosed table, expected `]`; correct `[train`; nothing else was checked",
        ),
        (
            r#"name = "a"

train = {
  epochs = 1
"#.into(),
            "
r.toml:4: this is not TOML: unclosed inline table, expected `}`; correct `epochs = 1`; nothing else was checked",
        ),
        (
            r#"é = """

"#.into(),
            r#"
r.toml:1: this is not TOML: invalid unquoted key, expected letters, numbers, `-`, `_`; correct `é = """`; nothing else was checked"#,
        ),
    ];
    assert_faults(&schema(), &cases);
}

#[test]
fn unknown_keys() {
    let cases = [
        (
            with("sed = 3", ""),
            "
r.toml:2: sed: unknown key `sed`; did you mean `seed`? valid keys here: `data`, `learner`, `model`, `name`, `seed`, `train`",
        ),
        (
            with("xyzzy = 3", ""),
            "
r.toml:2: xyzzy: unknown key `xyzzy`; valid keys here: `data`, `learner`, `model`, `name`, `seed`, `train`",
        ),
        (
            with("", r#"[train]
epochs = 3
Shuffle = false
batch-size = 7
"line\nbreak" = 7"#),
            r#"
r.toml:7: train.Shuffle: unknown key `Shuffle`; did you mean `shuffle`? valid keys here: `batch`, `epochs`, `schedule`, `shuffle`
r.toml:8: train.batch-size: unknown key `batch-size`; did you mean `batch`? valid keys here: `batch`, `epochs`, `schedule`, `shuffle`
r.toml:9: train."line\nbreak": unknown key `line�break`; valid keys here: `batch`, `epochs`, `schedule`, `shuffle`"#,
        ),
        (
            with("epochs = 3", "[train]
seed = 5"),
            "
r.toml:2: epochs: unknown key `epochs`; did you mean `train.epochs`? valid keys here: `data`, `learner`, `model`, `name`, `seed`, `train`
r.toml:6: train.seed: unknown key `seed`; `seed` belongs at the top, before the first `[table]`. valid keys here: `batch`, `epochs`, `schedule`, `shuffle`",
        ),
        (
            with(r#"data = { kind = "digits", take = 5 }"#, ""),
            "
r.toml:2: data.take: unknown key `take`; valid keys here: `kind`",
        ),
        (
            with("'odd key' = 1
train.'a.b' = 2", ""),
            r#"
r.toml:2: "odd key": unknown key `odd key`; valid keys here: `data`, `learner`, `model`, `name`, `seed`, `train`
r.toml:3: train."a.b": unknown key `a.b`; valid keys here: `batch`, `epochs`, `schedule`, `shuffle`"#,
        ),
    ];
    assert_faults(&schema(), &cases);
}

#[test]
fn wrong_values() {
    let cases = [
        (
            with(
                "",
                "[train]
epochs = 10.0
batch = 99999999999999999999
shuffle = 'true'
schedule = 'cosin'",
            ),
            r#"
r.toml:6: train.epochs: found a float, 10.0; wanted an integer of at least 1, for example `epochs = 10`
r.toml:7: train.batch: 99999999999999999999 needs more than 64 bits; wanted an integer of at least 0, for example `batch = 100`
r.toml:8: train.shuffle: found a string, "true"; wanted true or false, for example `shuffle = true`
r.toml:9: train.schedule: unknown name `cosin`; did you mean `cosine`? valid names here: `linear`, `constant`, `cosine`"#,
        ),
        (
            with(
                "",
                "[train]
epochs = 5_000_000_000
batch = -1
shuffle = 1
schedule = 3",
            ),
            r#"
r.toml:6: train.epochs: 5000000000 is too large, the greatest is 4294967295; wanted an integer of at least 1, for example `epochs = 10`
r.toml:7: train.batch: -1 is too small, the least is 0; wanted an integer of at least 0, for example `batch = 100`
r.toml:8: train.shuffle: found an integer, 1; wanted true or false, for example `shuffle = true`
r.toml:9: train.schedule: found an integer, 3; wanted one of the names `linear`, `constant`, `cosine`, for example `schedule = "linear"`"#,
        ),
        (
            with(
                "",
                "[data]
kind = 'mnist'
take = 'x'
validation = 1.5
crop = [1, 2, 3]",
            ),
            r#"
r.toml:7: data.take: found a string, "x"; wanted an integer of at least 0, for example `take = 1`
r.toml:8: data.validation: 1.5 is too large, the greatest is 1; wanted a number from 0 to 1, for example `validation = 0.0`
r.toml:9: data.crop: found a list of 3 items; wanted a list of exactly 4 items, each item an integer of at least 0, for example `crop = [0, 0, 0, 0]`"#,
        ),
        (
            with(
                r#"seed = 1979-05-27
train = "fast"
data = "mnits"
learner.momentum = 0.5"#,
                "",
            ),
            r#"
r.toml:2: seed: found a date, 1979-05-27; wanted an integer of at least 0, for example `seed = 0`
r.toml:3: train: found a string, "fast"; wanted a table with keys among `batch`, `epochs`, `schedule`, `shuffle`, for example `train = { batch = 100, epochs = 10, shuffle = true }`
r.toml:4: data: found a string, "mnits"; wanted a table with a `kind`, one of `digits`, `mnist`, `fashion_mnist`, for example `data = { kind = "mnist" }`"#,
        ),
        (
            with(
                "data = 0x10",
                "[[train]]
epochs = 1",
            ),
            r#"
r.toml:2: data: found an integer, 0x10; wanted a table with a `kind`, one of `digits`, `mnist`, `fashion_mnist`, for example `data = { kind = "digits" }`
r.toml:5: train: found a list; wanted a table with keys among `batch`, `epochs`, `schedule`, `shuffle`, for example `train = { batch = 100, epochs = 10, shuffle = true }`"#,
        ),
    ];
    assert_faults(&schema(), &cases);
}

#[test]
fn whole_recipes() {
    let cases = [
        (
            "".into(),
            r#"
r.toml:1: learner: missing key `learner`; wanted a table with a `kind`, one of `forward_forward`, `back_prop`, for example `learner = { kind = "forward_forward" }`
r.toml:1: model: missing key `model`; wanted a table with keys among `blocks`, `probes`, for example `model = { blocks = [[1]] }`
r.toml:1: name: missing key `name`; wanted a string of at least 1 character, for example `name = "text"`"#,
        ),
        (
            r#"# a comment
nmae = "a"
model.blocks = [[5]]
learner.kind = "back_prop""#.into(),
            "
r.toml:2: nmae: unknown key `nmae`; did you mean `name`? valid keys here: `data`, `learner`, `model`, `name`, `seed`, `train`",
        ),
        (
            r#"name = ""
model = {}
learner = { kind = "forward_forward", objective = { kind = "margn" }, learning_rate = nan }"#.into(),
            r#"
r.toml:1: name: found a string of 0 characters; wanted a string of at least 1 character, for example `name = "text"`
r.toml:2: model.blocks: missing key `blocks`; wanted a list, each item a list, each item an integer of at least 0, for example `blocks = [[1]]`
r.toml:3: learner.objective.kind: unknown kind `margn`; did you mean `margin`? valid names here: `logistic`, `margin`
r.toml:3: learner.learning_rate: nan is not a finite number; wanted a number of at least 0, for example `learning_rate = 0.0`"#,
        ),
        (
            r#"name = "a"
model.blocks = 5

[learner]
kind = "backprop"
lerning_rate = 1
momentum = 1"#.into(),
            "
r.toml:2: model.blocks: found an integer, 5; wanted a list, each item a list, each item an integer of at least 0, for example `blocks = [[5]]`
r.toml:5: learner.kind: unknown kind `backprop`; did you mean `back_prop`? valid names here: `forward_forward`, `back_prop`",
        ),
        (
            r#"name = "a"
model.blocks = [5, "6"]

[learner]
Kind = "back_prop"
lerning_rate = 1"#.into(),
            r#"
r.toml:2: model.blocks[0]: found an integer, 5; wanted a list, each item an integer of at least 0, for example `[5]`
r.toml:2: model.blocks[1]: found a string, "6"; wanted a list, each item an integer of at least 0, for example `[1]`
r.toml:4: learner.kind: missing key `kind`; does `Kind` mean `kind`? wanted one of the names `forward_forward`, `back_prop`, for example `kind = "forward_forward"`"#,
        ),
        (
            r#"name = "a"
model.blocks = [[5]]
[learner]
kind = 5
lerning_rate = 1"#.into(),
            r#"
r.toml:4: learner.kind: found an integer, 5; wanted one of the names `forward_forward`, `back_prop`, for example `kind = "forward_forward"`"#,
        ),
        (
            r#"name = "a"
model.blocks = [[5]]
[learner]
kind = "back_prop"
lerning_rate = 1
momentum = 1
betas = [1]
learning_rate = -0.5"#.into(),
            "
r.toml:5: learner.lerning_rate: unknown key `lerning_rate`; did you mean `learning_rate`? valid keys here: `betas`, `kind`, `learning_rate`, `momentum`
r.toml:6: learner.momentum: 1 is too large, it must be below 1; wanted a number above 0 and below 1, for example `momentum = 0.9`
r.toml:7: learner.betas: found a list of 1 item; wanted a list of exactly 2 items: a number, then a number, for example `betas = [0.9, 0.99]`
r.toml:8: learner.learning_rate: -0.5 is too small, the least is 0; wanted a number of at least 0, for example `learning_rate = 0.1`",
        ),
        (
            r#"name = "a"
[model]
blocks = [
  [5],
  [-1, 6.0], [
  "7"],
]
[[model.probes]]
layer = 1
scale = 1e39
[[model.probes]]
layer = 1000
[[model.probes]]
scale = 1
[learner]
kind = "forward_forward"
objective.kind = "logistic"
objective.theta = "widht"
peer = { kind = "margin", theta = 3 }
"#.into(),
            r#"
r.toml:5: model.blocks[1][0]: -1 is too small, the least is 0; wanted an integer of at least 0, for example `1`
r.toml:5: model.blocks[1][1]: found a float, 6.0; wanted an integer of at least 0, for example `6`
r.toml:6: model.blocks[2][0]: found a string, "7"; wanted an integer of at least 0, for example `7`
r.toml:10: model.probes[0].scale: 1e39 is too large, the greatest is 3.4028234663852886e38; wanted a number, for example `scale = 0.0`
r.toml:12: model.probes[1].layer: 1000 is too large, the greatest is 127; wanted an integer from -128 to 127, for example `layer = 1`
r.toml:13: model.probes[2].layer: missing key `layer`; wanted an integer from -128 to 127, for example `layer = 1`
r.toml:18: learner.objective.theta: unknown name `widht`; wanted a number, or one of the names `width`, `mean`, for example `theta = "width"`
r.toml:19: learner.peer.theta: unknown key `theta`; valid keys here: `kind`"#,
        ),
        (
            "name = \"a\"\r\nmodel.blocks = [[5]]\r\n[learner]\r\nkind = \"forward_forward\"\r\nobjective = { kind = \"logistic\" }\r\npeer = { kind = \"logistic\", theta = inf }\r\n".into(),
            r#"
r.toml:5: learner.objective.theta: missing key `theta`; wanted a number, or one of the names `width`, `mean`, for example `theta = "width"`
r.toml:6: learner.peer.theta: inf is not a finite number; wanted a number, or one of the names `width`, `mean`, for example `theta = "width"`"#,
        ),
        (
            r#"name = "a"
model.blocks = [[5]]
learner = { kind = "bp" }
data.kind = "minst"
train = [1]"#.into(),
            "
r.toml:3: learner.kind: unknown kind `bp`; did you mean `back_prop`? valid names here: `forward_forward`, `back_prop`
r.toml:4: data.kind: unknown kind `minst`; did you mean `mnist`? valid names here: `digits`, `mnist`, `fashion_mnist`
r.toml:5: train: found a list; wanted a table with keys among `batch`, `epochs`, `schedule`, `shuffle`, for example `train = { batch = 100, epochs = 10, shuffle = true }`",
        ),
    ];
    assert_faults(&schema(), &cases);
}

#[test]
fn rare_shapes() {
    let cases = [
        (
            "rates = { 'a b' = 1, c = 'x' }
anything = { a = [1, { b = 1979-05-27 }], c = nan }".into(),
            r#"
r.toml:1: rates.c: found a string, "x"; wanted a number, for example `c = 0.5`
r.toml:2: anything.a[1].b: found a date, 1979-05-27; wanted any value but a date, for example `b = "1979-05-27"`
r.toml:2: anything.c: nan is not a finite number; wanted any value but a date, for example `c = 1`"#,
        ),
        (
            "widths = [[1], [2, 3.5]]".into(),
            "
r.toml:1: widths[1][1]: found a float, 3.5; wanted an integer of at least 0, for example `4`",
        ),
        (
            "widths = [1, -2]".into(),
            "
r.toml:1: widths[1]: -2 is too small, the least is 0; wanted an integer of at least 0, for example `1`",
        ),
        (
            "widths = 3".into(),
            "
r.toml:1: widths: found an integer, 3; wanted a list, each item an integer of at least 0, or a list, each item a list, each item an integer of at least 0, for example `widths = [3]`",
        ),
        (
            "way = 'of'".into(),
            r#"
r.toml:1: way: unknown name `of`; wanted the name `off`, or a table with the key `fixed`, or a table with the key `warm`, for example `way = "off"`"#,
        ),
        (
            "way = { warm = { stpes = 3 } }".into(),
            "
r.toml:1: way.warm.stpes: unknown key `stpes`; did you mean `steps`? valid keys here: `steps`",
        ),
        (
            "way = { fixed = 'x' }".into(),
            r#"
r.toml:1: way.fixed: found a string, "x"; wanted a number, for example `fixed = 0.5`"#,
        ),
        (
            "tree = { leaf = 1, branches = [{ leaf = 2, branches = [{ leef = 3 }] }] }".into(),
            "
r.toml:1: tree.branches[0].branches[0].leef: unknown key `leef`; did you mean `leaf`? valid keys here: `branches`, `leaf`",
        ),
        (
            "tree = []".into(),
            "
r.toml:1: tree: found a list; wanted a table with keys among `branches`, `leaf`, for example `tree = { leaf = 1 }`",
        ),
        (
            "code = 'é'
letter = 'ab'".into(),
            r#"
r.toml:1: code: found a string of 1 character; wanted a string of 2 to 3 characters, for example `code = "te"`
r.toml:2: letter: found a string of 2 characters; wanted a string of exactly 1 character, for example `letter = "t"`"#,
        ),
        (
            "pair = [1, 'cosin']".into(),
            "
r.toml:1: pair[0]: found an integer, 1; wanted true or false, for example `true`
r.toml:1: pair[1]: unknown name `cosin`; did you mean `cosine`? valid names here: `linear`, `constant`, `cosine`",
        ),
        (
            "pair = [true]".into(),
            r#"
r.toml:1: pair: found a list of 1 item; wanted a list of exactly 2 items: true or false, then one of the names `linear`, `constant`, `cosine`, for example `pair = [true, "linear"]`"#,
        ),
        (
            "large = 18446744073709551616
signed = 9223372036854775808
below = 0
above = 0".into(),
            "
r.toml:1: large: 18446744073709551616 needs more than 64 bits; wanted an integer of at least 0, for example `large = 0`
r.toml:2: signed: 9223372036854775808 is too large, the greatest is 9223372036854775807; wanted an integer, for example `signed = 0`
r.toml:3: below: 0 is too large, the greatest is -1; wanted an integer of at most -1, for example `below = -1`
r.toml:4: above: 0 is too small, it must be above 0; wanted a number above 0, for example `above = 0.5`",
        ),
        (
            "flatened = true".into(),
            "
r.toml:1: flatened: unknown key `flatened`; did you mean `flattened`? valid keys here: `above`, `anything`, `below`, `code`, `flattened`, `large`, `letter`, `pair`, `rates`, `signed`, `tree`, `way`, `widths`",
        ),
        (
            "flattened = 'yes'
anithing = 5".into(),
            r#"
r.toml:1: flattened: found a string, "yes"; wanted true or false, for example `flattened = false`
r.toml:2: anithing: unknown key `anithing`; did you mean `anything`? valid keys here: `above`, `anything`, `below`, `code`, `flattened`, `large`, `letter`, `pair`, `rates`, `signed`, `tree`, `way`, `widths`"#,
        ),
        (
            "above = 1e-300
below = -1
code = 'ab'
flattened = true
large = 18446744073709551615
signed = -9223372036854775808
way = { warm = { steps = 3 } }
widths = []".into(),
            r#"
no fault: {"above":1e-300,"below":-1,"code":"ab","flattened":true,"large":18446744073709551615,"signed":-9223372036854775808,"way":{"warm":{"steps":3}},"widths":[]}"#,
        ),
        (
            "way = {}".into(),
            "
r.toml:1: way.fixed: missing key `fixed`; wanted a number, for example `fixed = 0.5`",
        ),
    ];
    assert_faults(&odd_schema(), &cases);
}

/// Keywords in company that schemars gives them seldom or in later versions.
#[test]
fn schemas_by_hand() {
    let count = serde_json::json!({ "type": "integer", "minimum": 1 });
    let cases = [
        (
            // A reference with keywords beside it, and a flattened enum: properties add up, and so do required keys.
            serde_json::json!({
                "$defs": { "Base": { "type": "object", "properties": { "a": count }, "required": ["a"] } },
                "$ref": "#/$defs/Base",
                "properties": { "b": count },
                "required": ["b"],
                "allOf": [{ "properties": { "c": count } }],
                "oneOf": [
                    { "properties": { "kind": { "const": "x" }, "d": count }, "required": ["kind", "d"] },
                    { "properties": { "kind": { "const": "y" } }, "required": ["kind"] },
                ],
            }),
            "kind = \"x\"\nc = 0\ne = 1",
            r"
r.toml:1: a: missing key `a`; wanted an integer of at least 1, for example `a = 1`
r.toml:1: b: missing key `b`; wanted an integer of at least 1, for example `b = 1`
r.toml:1: d: missing key `d`; wanted an integer of at least 1, for example `d = 1`
r.toml:2: c: 0 is too small, the least is 1; wanted an integer of at least 1, for example `c = 1`
r.toml:3: e: unknown key `e`; valid keys here: `a`, `b`, `c`, `d`, `kind`",
        ),
        (
            // Of two lists the one of this length.
            serde_json::json!({ "properties": { "a": { "anyOf": [
                { "type": "array", "items": { "type": "number" }, "minItems": 1, "maxItems": 1 },
                { "type": "array", "items": { "type": "number" }, "minItems": 2, "maxItems": 2 },
            ] } } }),
            "a = [1, 2]",
            r#"no fault: {"a":[1.0,2.0]}"#,
        ),
        (
            // An integer stays one where it may, whatever comes first.
            serde_json::json!({ "properties": { "a": { "type": ["number", "integer"] } } }),
            "a = 1",
            r#"no fault: {"a":1}"#,
        ),
        (
            // An example table has what it requires, its kind first.
            serde_json::json!({ "properties": { "a": {
                "type": "object",
                "properties": { "b": count, "kind": { "const": "x" } },
                "required": ["b", "kind"],
            } } }),
            "a = 1",
            r#"r.toml:1: a: found an integer, 1; wanted a table with a `kind`, one of `x`, for example `a = { kind = "x", b = 1 }`"#,
        ),
        (
            // A list of such lists: the words end.
            serde_json::json!({
                "$defs": { "Lists": { "type": "array", "items": { "$ref": "#/$defs/Lists" }, "minItems": 1 } },
                "properties": { "a": { "$ref": "#/$defs/Lists" } },
            }),
            "a = true",
            r"r.toml:1: a: found a truth value, true; wanted a list of at least 1 item, each item a list of at least 1 item, each item a list of at least 1 item, each item a list of at least 1 item, each item a list of at least 1 item, each item a value like these",
        ),
        (
            // TOML, unlike JSON, escapes the character 7f.
            serde_json::json!({ "properties": { "a": { "type": "string", "default": "\u{7f}" } } }),
            "a = true",
            r#"r.toml:1: a: found a truth value, true; wanted a string, for example `a = "\u007f"`"#,
        ),
        (
            // Two bounds: the tighter counts.
            serde_json::json!({ "properties": { "a": {
                "type": "number", "minimum": 1, "exclusiveMinimum": 1, "maximum": 3, "exclusiveMaximum": 4,
            } } }),
            "a = 1",
            r"r.toml:1: a: 1 is too small, it must be above 1; wanted a number above 1 and of at most 3, for example `a = 3`",
        ),
        (
            // Nothing will do.
            serde_json::json!({ "properties": { "a": false }, "additionalProperties": true }),
            "a = 1\nb = [1, \"x\", { c = true }]",
            r"r.toml:1: a: found an integer, 1; wanted no value at all",
        ),
    ];
    for (schema, text, expected) in cases {
        assert_faults(&schema, &[(text.into(), expected)]);
    }
}

#[test]
fn a_fault_reads_with_and_without_its_file() {
    let fault = |key: &str, line| Fault { key: key.into(), line, what: "W".into(), remedy: "R".into() };
    let cases = [
        (fault("a.b", Some(3)), "line 3: a.b: W; R", "r.toml:3: a.b: W; R"),
        (fault("", Some(3)), "line 3: W; R", "r.toml:3: W; R"),
        (fault("a.b", None), "a.b: W; R", "r.toml: a.b: W; R"),
    ];
    for (fault, alone, in_file) in cases {
        assert_eq!((fault.to_string(), fault.in_file("r.toml").to_string()), (alone.into(), in_file.into()));
    }
}

#[test]
fn an_integer_becomes_the_number_that_is_wanted() {
    let json = check(&with("seed = 3", "learning_rate = 3"), &schema());
    assert!(json.is_err(), "the last line is in the table of the root, not of the learner: {json:?}");
    let json = check(&with("seed = 3\nlearner.learning_rate = 3", ""), &schema()).unwrap();
    assert_eq!(json["seed"].to_string(), "3");
    assert_eq!(json["learner"]["learning_rate"].to_string(), "3.0");
}

#[test]
fn line_of_finds_every_way_to_write_a_key() {
    let text = r#"# a comment
name = "a"
data.kind = "mnist"
data."odd key".x = 1

[model]
blocks = [
  [1, 2],
  [3,
   4],
]
[[model.probes]]
layer = 1
[[model.probes]]
layer = 2
inner = { a = 1, b = [
  5] }
[learner.objective]
kind = "margin"
"#;
    let cases = [
        ("name", Some(2)),
        ("data", Some(3)),
        ("data.kind", Some(3)),
        (r#"data."odd key".x"#, Some(4)),
        ("model", Some(6)),
        ("model.blocks", Some(7)),
        ("model.blocks[0]", Some(8)),
        ("model.blocks[1][0]", Some(9)),
        ("model.blocks[1][1]", Some(10)),
        ("model.probes[0]", Some(12)),
        ("model.probes[1].layer", Some(15)),
        ("model.probes[1].inner.a", Some(16)),
        ("model.probes[1].inner.b[0]", Some(17)),
        ("learner", Some(18)),
        ("learner.objective.kind", Some(19)),
        // Not written: the nearest that is.
        ("learner.objective.theta", Some(18)),
        ("learner.learning_rate", Some(18)),
        ("model.blocks[7]", Some(7)),
        ("model.probes[0].scale", Some(12)),
        ("name.first", Some(2)),
        ("model.blocks[0].x", Some(8)),
        // Nothing of it written.
        ("train.epochs", None),
        ("", None),
        ("[0]", None),
    ];
    let actual: Vec<_> = cases.iter().map(|(key, _)| (*key, line_of(text, key))).collect();
    assert_eq!(actual, cases);
    assert_eq!(line_of("name = ", "name"), None, "not TOML");
}

#[test]
fn near_names() {
    let valid = ["learning_rate", "back_prop", "forward_forward", "batch", "theta", "seed"];
    let cases = [
        ("lerning_rate", Some("learning_rate")),
        ("learning-rate", Some("learning_rate")),
        ("LearningRate", Some("learning_rate")),
        ("rate", Some("learning_rate")),
        ("bp", Some("back_prop")),
        ("ff", Some("forward_forward")),
        ("batch_size", Some("batch")),
        ("thtea", Some("theta")),
        ("thta", Some("theta")),
        ("sede", Some("seed")),
        ("s", None),
        ("b", None),
        ("", None),
        ("momentum", None),
    ];
    let actual: Vec<_> =
        cases.iter().map(|(typed, _)| (*typed, words::nearest(typed, valid.into_iter()))).collect();
    assert_eq!(actual, cases);
}

#[test]
#[should_panic(expected = "the schema has no `#/$defs/Lost`")]
fn a_reference_to_nowhere_is_our_bug() {
    let _ = check("a = 1", &serde_json::json!({ "properties": { "a": { "$ref": "#/$defs/Lost" } } }));
}

#[test]
fn the_schema_of_recipes_asks_for_nothing_that_is_passed_over() {
    let checked = "$ref allOf anyOf oneOf type const enum properties required additionalProperties items prefixItems \
         default examples format minimum maximum exclusiveMinimum exclusiveMaximum minLength maxLength minItems maxItems";
    let harmless = "$schema $defs title description";
    let known: Vec<_> = checked.split_whitespace().chain(harmless.split_whitespace()).collect();
    let mut unknown = Vec::new();
    let mut seen = 0;
    let mut schemas = vec![(String::new(), crate::Recipe::schema())];
    while let Some((path, schema)) = schemas.pop() {
        for (keyword, value) in schema.as_object().into_iter().flatten() {
            let here = format!("{path}/{keyword}");
            seen += 1;
            if !known.contains(&keyword.as_str()) {
                unknown.push(here.clone());
            }
            match keyword.as_str() {
                "properties" | "$defs" => {
                    let entries = value.as_object().unwrap().iter();
                    schemas.extend(entries.map(|(key, schema)| (format!("{here}/{key}"), schema.clone())));
                }
                "allOf" | "anyOf" | "oneOf" | "prefixItems" => {
                    schemas.extend(
                        value.as_array().unwrap().iter().map(|schema| (here.clone(), schema.clone())),
                    );
                }
                "items" | "additionalProperties" => schemas.push((here, value.clone())),
                _ => {}
            }
        }
    }
    assert!(seen > 100, "a recipe says more than {seen} things");
    assert!(unknown.is_empty(), "keywords without a check: {unknown:#?}");
}
