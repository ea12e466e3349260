//! What holds of every recipe, written in every way, and of every recipe with one thing wrong.

use super::super::walk::{Part, joined, parts};
use super::*;
use proptest::prelude::*;
use proptest::sample::Index;
use toml::{Table, Value};

const SENTINEL_KEY: &str = "zz_sentinel";
const SENTINEL_DATE: &str = "1979-05-27";

fn theta() -> impl Strategy<Value = Theta> {
    prop_oneof![
        (-9.0..9.0).prop_map(Theta::Number),
        Just(Theta::Name(ThetaName::Width)),
        Just(Theta::Name(ThetaName::Mean))
    ]
}

fn objective() -> impl Strategy<Value = Objective> {
    prop_oneof![theta().prop_map(|theta| Objective::Logistic { theta }), Just(Objective::Margin)]
}

fn learner() -> impl Strategy<Value = Learner> {
    let rate = || prop_oneof![(0.0..5.0), Just(1.0)].prop_map(Rate);
    let forward_forward = (objective(), proptest::option::of(objective()), rate())
        .prop_map(|(objective, peer, learning_rate)| ForwardForward { objective, peer, learning_rate });
    let back_prop = (rate(), 0.01..0.99, any::<(i8, f32)>().prop_filter("finite", |(_, b)| b.is_finite()))
        .prop_map(|(learning_rate, momentum, (a, b))| BackProp {
            learning_rate,
            momentum,
            betas: (a.into(), b.into()),
        });
    prop_oneof![forward_forward.prop_map(Learner::ForwardForward), back_prop.prop_map(Learner::BackProp)]
}

fn data() -> impl Strategy<Value = Data> {
    let mnist = || {
        (proptest::option::of(0..99_usize), 0.0..=1.0, any::<[u32; 4]>())
            .prop_map(|(take, validation, crop)| Mnist { take, validation, crop })
    };
    prop_oneof![Just(Data::Digits), mnist().prop_map(Data::Mnist), mnist().prop_map(Data::FashionMnist)]
}

fn train() -> impl Strategy<Value = Train> {
    let schedule = prop_oneof![Just(Schedule::Constant), Just(Schedule::Cosine), Just(Schedule::Linear)];
    (1_u32.., 0..999_usize, any::<bool>(), proptest::option::of(schedule))
        .prop_map(|(epochs, batch, shuffle, schedule)| Train { epochs, batch, shuffle, schedule })
}

fn model() -> impl Strategy<Value = Model> {
    let blocks = proptest::collection::vec(proptest::collection::vec(0..99_usize, 0..3), 0..3);
    let scale = any::<f32>().prop_filter("finite", |scale| scale.is_finite());
    let probe = (any::<i8>(), scale).prop_map(|(layer, scale)| Probe { layer, scale });
    (blocks, proptest::collection::vec(probe, 0..3)).prop_map(|(blocks, probes)| Model { blocks, probes })
}

fn recipe() -> impl Strategy<Value = Recipe> {
    let name = proptest::string::string_regex("[a-zé\"'\\\\\n#=\\[\u{1}]{1,8}").unwrap();
    (name, 0..=i64::MAX as u64, data(), train(), model(), learner()).prop_map(
        |(name, seed, data, train, model, learner)| Recipe { name, seed, data, train, model, learner },
    )
}

/// A way to write the same document.
#[derive(Clone, Copy, Debug)]
enum Style {
    Headers,
    Inline,
    Dotted,
}

fn style() -> impl Strategy<Value = Style> {
    prop_oneof![Just(Style::Headers), Just(Style::Inline), Just(Style::Dotted)]
}

fn written(table: &Table, style: Style) -> String {
    match style {
        Style::Headers => toml::to_string_pretty(table).unwrap(),
        Style::Inline => table.iter().map(|(key, value)| format!("{key} = {value}\n")).collect(),
        Style::Dotted => dotted("", table),
    }
}

fn dotted(path: &str, table: &Table) -> String {
    let line = |(key, value): (&String, &Value)| match value {
        Value::Table(inner) if !inner.is_empty() => dotted(&joined(path, key), inner),
        value => format!("{} = {value}\n", joined(path, key)),
    };
    table.iter().map(line).collect()
}

/// The paths of all values in `value`, which is at `path`.
fn paths(path: &str, value: &Value) -> Vec<String> {
    let inner: Vec<String> = match value {
        Value::Table(table) => {
            table.iter().flat_map(|(key, value)| paths(&joined(path, key), value)).collect()
        }
        Value::Array(list) => {
            list.iter().enumerate().flat_map(|(i, value)| paths(&format!("{path}[{i}]"), value)).collect()
        }
        _ => Vec::new(),
    };
    std::iter::once(path.to_string()).filter(|path| !path.is_empty()).chain(inner).collect()
}

/// A recipe as a TOML value, and the paths in it.
fn documented(recipe: &Recipe) -> (Value, Vec<String>) {
    let document = Value::try_from(recipe).unwrap();
    let paths = paths("", &document);
    (document, paths)
}

fn place<'v>(document: &'v mut Value, path: &[Part]) -> &'v mut Value {
    path.iter().fold(document, |value, part| match part {
        Part::Key(key) => &mut value[key.as_str()],
        Part::Index(index) => &mut value[*index],
    })
}

/// The table that holds the last key of `path`, and that key.
fn holder<'v>(document: &'v mut Value, path: &str) -> Option<(&'v mut Table, String)> {
    let mut path = parts(path);
    let Some(Part::Key(key)) = path.pop() else { return None };
    Some((place(document, &path).as_table_mut().unwrap(), key))
}

/// The faults of `document`, and its text. Each fault has a line that exists and fits on one itself.
fn faults_of(document: &Value, style: Style) -> (String, Vec<Fault>) {
    let text = written(document.as_table().unwrap(), style);
    let faults = check(&text, &schema()).err().unwrap_or_default();
    for fault in &faults {
        let line = fault.line.unwrap_or_else(|| panic!("{fault} has no line in\n{text}"));
        assert!((1..=text.lines().count().max(1)).contains(&line), "{fault} is outside\n{text}");
        assert!(!fault.to_string().contains('\n'), "{fault}");
    }
    (text, faults)
}

/// The line, from 1, where `part` first is.
fn line_with(text: &str, part: &str) -> Option<usize> {
    text.lines().position(|line| line.contains(part)).map(|index| index + 1)
}

/// The value that a remedy shows.
fn example(fault: &Fault) -> Value {
    let (_, example) =
        fault.remedy.split_once("for example `").unwrap_or_else(|| panic!("no example: {fault}"));
    let example = example.strip_suffix('`').unwrap();
    match parts(&fault.key).pop() {
        Some(Part::Key(key)) => example.parse::<Table>().unwrap()[&key].clone(),
        _ => format!("x = {example}").parse::<Table>().unwrap()["x"].clone(),
    }
}

/// Values to put where they may or may not belong.
fn stray() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        Just("width"),
        Just("digits"),
        Just("margin"),
        Just("back_prop"),
        Just("cosine"),
        Just("")
    ];
    let scalar = prop_oneof![
        any::<bool>().prop_map(Value::Boolean),
        prop_oneof![-2..3_i64, any::<i64>()].prop_map(Value::Integer),
        prop_oneof![-2.0..2.0, any::<f64>()].prop_map(Value::Float),
        text.prop_map(|text| Value::String(text.into())),
    ];
    scalar.prop_recursive(2, 8, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            proptest::collection::vec((known_key(), inner), 0..3).prop_map(|entries| Value::Table(
                entries.into_iter().map(|(key, v)| (key.to_string(), v)).collect()
            )),
        ]
    })
}

fn known_key() -> impl Strategy<Value = &'static str> {
    const KEYS: [&str; 11] = [
        "kind",
        "take",
        "crop",
        "epochs",
        "theta",
        "peer",
        "layer",
        "scale",
        "momentum",
        "learning_rate",
        "name",
    ];
    proptest::sample::select(&KEYS[..])
}

proptest! {
    #[test]
    fn any_string_is_judged(text in any::<String>(), key in any::<String>()) {
        if let Err(faults) = check(&text, &schema()) {
            prop_assert!(!faults.is_empty());
        }
        line_of(&text, &key);
    }

    #[test]
    fn torn_recipes_are_judged(recipe in recipe(), style in style(), cut in any::<Index>(), into in any::<Index>(), more in ".{0,3}") {
        let text = written(documented(&recipe).0.as_table().unwrap(), style);
        let letters: Vec<char> = text.chars().collect();
        let (cut, into) = (cut.index(letters.len()), into.index(letters.len()));
        let torn: String = letters[..cut].iter().copied().chain(more.chars()).chain(letters[into..].iter().copied()).collect();
        match check(&torn, &schema()) {
            Ok(json) => prop_assert_eq!(serde_json::from_value::<Recipe>(json).unwrap(), toml::from_str(&torn).unwrap()),
            Err(faults) => prop_assert!(!faults.is_empty()),
        }
    }

    #[test]
    fn a_valid_recipe_is_accepted_and_is_what_serde_reads(recipe in recipe(), style in style()) {
        let text = written(documented(&recipe).0.as_table().unwrap(), style);
        let json = check(&text, &schema()).map_err(|faults| TestCaseError::fail(format!("{faults:?}\n{text}")))?;
        prop_assert_eq!(&serde_json::from_value::<Recipe>(json).unwrap(), &recipe);
        prop_assert_eq!(toml::from_str::<Recipe>(&text).unwrap(), recipe);
    }

    #[test]
    fn a_required_key_is_missed(recipe in recipe(), style in style(), which in any::<Index>()) {
        let (mut document, mut paths) = documented(&recipe);
        paths.retain(|path| {
            let key = path.rsplit('.').next().unwrap();
            ["name", "model", "blocks", "layer", "learner", "kind"].contains(&key)
        });
        let path = &paths[which.index(paths.len())];
        let (table, key) = holder(&mut document, path).unwrap();
        table.remove(&key);
        let (text, faults) = faults_of(&document, style);
        let keys: Vec<_> = faults.iter().map(|fault| &fault.key).collect();
        prop_assert_eq!(keys, [path], "{}", text);
    }

    #[test]
    fn a_renamed_key_is_unknown_on_its_line(recipe in recipe(), style in style(), which in any::<Index>()) {
        let (mut document, mut paths) = documented(&recipe);
        paths.retain(|path| !path.ends_with(']'));
        let path = &paths[which.index(paths.len())];
        let (table, key) = holder(&mut document, path).unwrap();
        let value = table.remove(&key).unwrap();
        table.insert(SENTINEL_KEY.into(), value);
        let (text, faults) = faults_of(&document, style);
        if key == "kind" {
            prop_assert!(faults.iter().any(|fault| fault.key == *path), "{:?}\n{}", faults, text);
        } else {
            let renamed = faults.iter().find(|fault| fault.key.ends_with(SENTINEL_KEY));
            let line = renamed.and_then(|fault| fault.line);
            prop_assert!(line.is_some(), "{:?}\n{}", faults, text);
            prop_assert_eq!(line, line_with(&text, SENTINEL_KEY), "{}", text);
        }
    }

    #[test]
    fn a_date_is_a_fault_on_its_line_and_the_example_is_the_cure(recipe in recipe(), style in style(), which in any::<Index>()) {
        let (mut document, paths) = documented(&recipe);
        let path = &paths[which.index(paths.len())];
        *place(&mut document, &parts(path)) = Value::Datetime(SENTINEL_DATE.parse().unwrap());
        let (text, faults) = faults_of(&document, style);
        prop_assert_eq!(faults.len(), 1, "{:?}\n{}", faults, text);
        prop_assert_eq!(&faults[0].key, path);
        prop_assert_eq!(faults[0].line, line_with(&text, SENTINEL_DATE), "{}", text);
        prop_assert_eq!(faults[0].line, line_of(&text, path), "{}", text);
        *place(&mut document, &parts(path)) = example(&faults[0]);
        if !path.ends_with("kind") {
            let (text, faults) = faults_of(&document, style);
            prop_assert!(faults.is_empty(), "{:?}\n{}", faults, text);
        }
    }

    #[test]
    fn what_is_accepted_serde_accepts(
        recipe in recipe(),
        style in style(),
        changes in proptest::collection::vec((any::<Index>(), proptest::option::of(known_key()), stray()), 1..3),
    ) {
        let mut document = documented(&recipe).0;
        for (which, key, value) in changes {
            let paths = paths("", &document);
            let here = place(&mut document, &parts(&paths[which.index(paths.len())]));
            match (here, key) {
                (Value::Table(table), Some(key)) => drop(table.insert(key.into(), value)),
                (here, _) => *here = value,
            }
        }
        let text = written(document.as_table().unwrap(), style);
        let by_toml = toml::from_str::<Recipe>(&text);
        match check(&text, &schema()) {
            Ok(json) => {
                let by_json = serde_json::from_value::<Recipe>(json);
                prop_assert!(by_json.is_ok(), "{:?}\n{}", by_json, text);
                prop_assert_eq!(by_json.ok(), by_toml.ok(), "{}", text);
            }
            Err(_) => drop(faults_of(&document, style)),
        }
    }

    #[test]
    fn a_key_path_is_read_as_it_is_written(keys in proptest::collection::vec((any::<String>(), proptest::option::of(0..99_usize)), 1..4)) {
        let mut path = String::new();
        let mut expected = Vec::new();
        for (key, index) in keys {
            path = joined(&path, &key);
            expected.push(Part::Key(key));
            if let Some(index) = index {
                path += &format!("[{index}]");
                expected.push(Part::Index(index));
            }
        }
        prop_assert_eq!(parts(&path), expected);
    }
}
