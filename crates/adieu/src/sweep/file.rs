//! The sweep file: TOML, checked by its schema as recipes are.

use std::collections::BTreeMap;
use std::path::Path;

use adieu_report::sweep::{Change, Layout};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value as Json;

use super::{Axis, Place, Step, Sweep, told_once};
use crate::Error;
use crate::recipe::{Fault, Faults, Recipe, line_of, ordered, parse_as, set};

/// Largest seed that JSON can hold.
const MOST_SEED: u64 = (1 << 53) - 1;
/// Most steps of a grid: more are taken for a slip.
const MOST_STEPS: usize = 10_000;

/// A sweep: one recipe, changed step by step or over a grid.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Written {
    /// Name of the sweep, for people.
    name: String,
    /// Number of seeds each step is run with: the base's, the one after it, ….
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 10_000))]
    seeds: u64,
    /// Whether a step keeps the changes of the steps before it: a ladder.
    #[serde(default)]
    cumulative: bool,
    /// The recipe that is changed: a table, or the name of a recipe file beside the sweep.
    base: Base,
    /// The steps, in order.
    #[serde(default)]
    step: Vec<WrittenStep>,
    /// Instead of steps: the values of each dotted key; one step for every choice of one value a key.
    #[serde(default)]
    grid: BTreeMap<String, Vec<Json>>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
#[allow(clippy::large_enum_variant, reason = "there is one, and it lives as long as the reading")]
enum Base {
    File(String),
    Whole(Recipe),
}

/// One step of a sweep.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WrittenStep {
    /// Name of the step, for people, and of its folder.
    name: String,
    /// What it changes, by dotted keys in quotes: `{ "learner.norm" = "rms" }`.
    #[serde(default)]
    set: BTreeMap<String, Json>,
}

fn one() -> u64 {
    1
}

/// A step before it is a recipe.
struct Draft<'a> {
    name: String,
    /// Key, value, and the value in words.
    sets: Vec<(&'a String, &'a Json, String)>,
    /// Where it is written in the file, and where its sets are.
    home: String,
    sets_home: String,
}

pub(super) fn schema() -> Json {
    schemars::schema_for!(Written).to_value()
}

/// Reads a sweep; `folder` is where a base named by file is looked for.
///
/// # Errors
/// [`Error::Recipe`] with every fault of form; [`Error::Io`] for the base.
pub(super) fn parse(text: &str, file: &str, folder: &Path) -> Result<Sweep, Error> {
    let written: Written = parse_as(text, file)?;
    let base = match written.base {
        Base::File(name) => Recipe::read(&folder.join(name))?,
        Base::Whole(recipe) => recipe,
    };
    let line = |key: &str| line_of(text, key);
    let refuse = |key: &str, what: &str, remedy: &str| {
        let fault = Fault { key: key.into(), line: line(key), what: what.into(), remedy: remedy.into() };
        Err(Faults { file: file.into(), faults: vec![fault] }.into())
    };
    match (written.step.is_empty(), written.grid.is_empty()) {
        (true, true) => {
            let remedy =
                "write [[step]] tables with `name` and `set`, or a [grid] of keys and lists of values";
            return refuse("step", "there is no step", remedy);
        }
        (false, false) => {
            return refuse("grid", "there are steps too", "keep the steps or the grid, not both");
        }
        (true, false) => {
            let axes: Vec<Axis> =
                written.grid.into_iter().map(|(key, values)| Axis::of(&key, values)).collect();
            return grid(&written.name, &base, written.seeds, &axes, file, &line);
        }
        (false, true) => {}
    }
    let drafts = written.step.iter().enumerate().map(|(i, step)| Draft {
        name: step.name.clone(),
        sets: step.set.iter().map(|(key, value)| (key, value, words(value))).collect(),
        home: format!("step[{i}]"),
        sets_home: format!("step[{i}].set"),
    });
    let layout = if written.cumulative { Layout::Ladder } else { Layout::Ablation };
    build(
        Made { name: &written.name, seeds: written.seeds, layout, base: &base, file, line: &line },
        drafts.collect(),
    )
}

/// See [`Sweep::grid`]; `line` tells the line of a place in the file.
pub(super) fn grid(
    name: &str,
    base: &Recipe,
    seeds: u64,
    axes: &[Axis],
    file: &str,
    line: &dyn Fn(&str) -> Option<usize>,
) -> Result<Sweep, Error> {
    let steps = axes.iter().try_fold(1, |steps: usize, axis| steps.checked_mul(axis.values.len()));
    let steps = steps.filter(|steps| (1..=MOST_STEPS).contains(steps));
    let Some(steps) = steps else {
        let what = "a grid has 1 to 10000 steps, and this has another number".into();
        let remedy = "give every key at least one value, and fewer where they are many".into();
        let fault = Fault { key: "grid".into(), line: line("grid"), what, remedy };
        return Err(Faults { file: file.into(), faults: vec![fault] }.into());
    };
    let drafts = (0..steps).map(|index| {
        let mut left = index;
        let mut sets: Vec<_> = axes
            .iter()
            .rev()
            .map(|axis| {
                let (label, value) = &axis.values[left % axis.values.len()];
                left /= axis.values.len();
                (&axis.key, value, label.clone())
            })
            .collect();
        sets.reverse();
        let names: Vec<String> = sets.iter().map(|(_, _, label)| label.clone()).collect();
        Draft { name: names.join(", "), sets, home: "grid".into(), sets_home: "grid".into() }
    });
    let keys = axes.iter().map(|axis| axis.key.clone()).collect();
    build(Made { name, seeds, layout: Layout::Grid(keys), base, file, line }, drafts.collect())
}

/// What all steps of a sweep share.
struct Made<'a> {
    name: &'a str,
    seeds: u64,
    layout: Layout,
    base: &'a Recipe,
    file: &'a str,
    line: &'a dyn Fn(&str) -> Option<usize>,
}

/// From drafts to recipes.
fn build(made: Made<'_>, drafts: Vec<Draft<'_>>) -> Result<Sweep, Error> {
    let Made { name, seeds, layout, base, file, line } = made;
    let mut faults = names_faults(&drafts, line);
    if base.seed > MOST_SEED - seeds {
        faults.push(Fault {
            key: "base.seed".into(),
            line: line("base.seed"),
            what: format!("{seeds} seeds from {} are too large", base.seed),
            remedy: "choose a smaller seed, 1 say".into(),
        });
    }
    let base = serde_json::to_value(base).expect("a recipe is made of strings, numbers and lists");
    let (mut below, mut places) = (base.clone(), Vec::new());
    let (mut steps, mut misplaced) = (Vec::new(), Vec::new());
    for draft in drafts {
        if layout != Layout::Ladder {
            (below, places) = (base.clone(), Vec::new());
        }
        let (step, found) = one_step(draft, &mut below, &mut places, line);
        misplaced.extend(found.into_iter().map(|fault| (steps.len(), fault)));
        steps.push(step);
    }
    faults.extend(told_once(misplaced.into_iter().map(|(i, fault)| (&steps[i], fault)).collect()));
    if !faults.is_empty() {
        faults.sort_by_key(|fault| fault.line);
        return Err(Faults { file: file.into(), faults }.into());
    }
    Ok(Sweep { name: name.into(), seeds, layout, steps, file: file.into() })
}

/// The step that `draft` makes of the recipe `below`, which becomes its own with every default spelled out, and what is
/// wrong with it. With faults the step is only good for naming them.
fn one_step(
    draft: Draft<'_>,
    below: &mut Json,
    places: &mut Vec<Place>,
    line: &dyn Fn(&str) -> Option<usize>,
) -> (Step, Vec<Fault>) {
    let mut faults = Vec::new();
    let mut changes = Vec::new();
    let mut fault = |key: &str, what: String, remedy: &str| {
        faults.push(Fault { key: key.into(), line: None, what, remedy: remedy.into() });
    };
    for (key, value, label) in ordered(draft.sets) {
        let written = format!("{}.{}", draft.sets_home, Json::from(key.as_str()));
        places.push(Place { key: key.clone(), line: line(&written) });
        changes.push(Change { key: key.clone(), value: label });
        if ["name", "seed"].contains(&key.as_str()) {
            fault(key, "a step has the sweep's".into(), "leave it out; `seeds` says how many there are");
        } else if let Err((what, remedy)) = set(below, key, value) {
            fault(key, what, remedy);
        }
    }
    below["name"] = Json::from(draft.name.as_str());
    let text = toml::to_string(below).unwrap_or_default();
    let parsed = if faults.is_empty() {
        Recipe::parse(&text, "")
    } else {
        Err(Faults { file: String::new(), faults })
    };
    let (recipe, faults) = match parsed {
        Ok(recipe) => {
            *below = serde_json::to_value(&recipe).expect("a recipe is made of strings, numbers and lists");
            (recipe, Vec::new())
        }
        Err(found) => (nothing(), found.faults),
    };
    let step = Step { name: draft.name, changes, recipe, places: places.clone(), line: line(&draft.home) };
    (step, faults)
}

/// In place of a recipe that could not be made.
fn nothing() -> Recipe {
    Recipe::parse("[model]\nblocks = []\n[learner]\nkind = \"back_prop\"\n", "").expect("it is well formed")
}

/// Names that make no folder, or the same.
fn names_faults(drafts: &[Draft<'_>], line: &dyn Fn(&str) -> Option<usize>) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (i, draft) in drafts.iter().enumerate() {
        let name = folder_name(&draft.name);
        let twin = drafts[..i].iter().find(|other| folder_name(&other.name) == name);
        let what = match twin {
            _ if name.is_empty() => format!("`{}` has no letter or digit to name a folder by", draft.name),
            Some(twin) => format!("`{}` and `{}` would share the folder {name}", draft.name, twin.name),
            None => continue,
        };
        let key = if draft.home == "grid" { draft.home.clone() } else { format!("{}.name", draft.home) };
        let remedy = "give every step a name of its own".into();
        faults.push(Fault { line: line(&key), key, what, remedy });
    }
    faults
}

/// `RMS norm, θ = 2` → `rms-norm-θ-2`.
pub(super) fn folder_name(name: &str) -> String {
    let plain = name.to_lowercase();
    let words: Vec<&str> =
        plain.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty()).collect();
    words.join("-")
}

/// A value as a few words: `rms`, `0.03`, `adam_w rate 0.03`.
pub(super) fn words(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Object(table) => {
            let kind = table.get("kind").map(words);
            let rest = table.iter().filter(|(key, _)| *key != "kind");
            let rest = rest.map(|(key, value)| format!("{key} {}", words(value)));
            kind.into_iter().chain(rest).collect::<Vec<_>>().join(" ")
        }
        other => other.to_string(),
    }
}
