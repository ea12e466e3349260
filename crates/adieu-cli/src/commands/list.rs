//! `adieu list`: every choice a recipe has. Read from the recipes' own schema, so it cannot lag behind.

use std::path::Path;

use adieu::Recipe;
use adieu::report::text::{WIDTH, wrapped};
use serde_json::{Map, Value, json};

use crate::args::{List, Topic};
use crate::terminal;

/// Something that can be chosen, or is there.
struct Item {
    name: String,
    about: String,
    /// Settings with their defaults.
    settings: Vec<(String, Value)>,
}

/// Topics that are choices: name, where recipes make them, definition in the schema.
const CHOICES: [(Topic, &str, &str, &str); 9] = [
    (Topic::Learners, "learners", "learner = { kind = \"…\" }", "LearnerRecipe"),
    (Topic::Goodness, "goodness", "learner.goodness = { kind = \"…\" }", "Goodness"),
    (Topic::Objectives, "objectives", "learner.objective = { kind = \"…\" }", "Objective"),
    (Topic::Negatives, "negatives", "learner.negatives = { kind = \"…\" }", "Negatives"),
    (Topic::Labels, "labels", "learner.label = { kind = \"…\" }", "LabelCode"),
    (Topic::Optimizers, "optimizers", "learner.optimizer = { kind = \"…\" }", "Optimizer"),
    (Topic::Schedules, "schedules", "learner.schedule = { kind = \"…\" }", "Schedule"),
    (Topic::Activations, "activations", "model.activation = \"…\"", "Activation"),
    (Topic::Norms, "norms", "learner.norm = \"…\"", "Norm"),
];

/// Topics that are not choices of a recipe alone.
const OTHERS: [(Topic, &str, &str); 3] = [
    (Topic::Datasets, "datasets", "data = { kind = \"…\" }"),
    (Topic::Meters, "meters", "read after every epoch"),
    (Topic::Exhibits, "exhibits", "figures and tables of a report"),
];

pub(super) fn run(asked: &List) -> anyhow::Result<()> {
    let schema = Recipe::schema();
    if asked.topic == Some(Topic::Schema) {
        return terminal::result(&format!("{schema:#}"));
    }
    let wanted = |topic: Topic| asked.topic.is_none_or(|asked| asked == topic);
    let choices = CHOICES.iter().filter(|choice| wanted(choice.0));
    let choices = choices.map(|(_, name, place, definition)| (*name, *place, choices_of(&schema, definition)));
    let others = OTHERS.iter().filter(|other| wanted(other.0));
    let others = others.map(|(topic, name, place)| (*name, *place, there_is(*topic)));
    let sections: Vec<(&str, &str, Vec<Item>)> = choices.chain(others).collect();
    if asked.json {
        let each = sections.iter().map(|(name, _, items)| ((*name).to_string(), items.iter().map(as_json).collect()));
        return terminal::result(&Value::Object(each.collect()).to_string());
    }
    let each: Vec<String> = sections.iter().map(|(name, place, items)| as_text(name, place, items)).collect();
    terminal::result(&each.join("\n"))
}

/// The variants of a definition: of plain names, or of tables told apart by `kind`.
fn choices_of(schema: &Value, definition: &str) -> Vec<Item> {
    let variants = schema["$defs"][definition]["oneOf"].as_array().map_or(&[][..], Vec::as_slice);
    variants.iter().filter_map(|variant| choice_of(schema, variant)).collect()
}

fn choice_of(schema: &Value, variant: &Value) -> Option<Item> {
    let kind = variant.get("const").or_else(|| variant["properties"]["kind"].get("const"))?;
    let target = variant.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix("#/$defs/"));
    let target = target.map_or(variant, |name| &schema["$defs"][name]);
    let properties = target["properties"].as_object().into_iter().flat_map(Map::iter);
    let settings = properties.filter(|(key, _)| *key != "kind");
    Some(Item {
        name: kind.as_str()?.into(),
        about: target["description"].as_str().unwrap_or_default().replace('\n', " "),
        settings: settings.map(|(key, property)| (key.clone(), property["default"].clone())).collect(),
    })
}

fn there_is(topic: Topic) -> Vec<Item> {
    let item = |name: &str, about: &str| Item { name: name.into(), about: about.into(), settings: Vec::new() };
    match topic {
        Topic::Datasets => adieu::data::list().iter().map(|data| item(data.kind(), data.about())).collect(),
        Topic::Meters => {
            let meters = adieu::meter::all(Path::new("/"));
            meters.iter().map(|meter| item(meter.name(), &format!("from {}", meter.about().source))).collect()
        }
        Topic::Exhibits => adieu::report::page::exhibits().map(|(key, title)| item(key, title)).collect(),
        _ => Vec::new(),
    }
}

fn as_json(item: &Item) -> Value {
    let settings: Map<String, Value> = item.settings.iter().cloned().collect();
    json!({ "name": item.name, "about": item.about, "settings": settings })
}

fn as_text(name: &str, place: &str, items: &[Item]) -> String {
    let width = items.iter().map(|item| item.name.chars().count()).max().unwrap_or(0);
    let indent = " ".repeat(width + 4);
    let mut text = format!("{name}: {place}\n");
    for item in items {
        text.push_str(&indented(&item.about, &format!("  {:<width$}  ", item.name), &indent));
        if !item.settings.is_empty() {
            let settings: Vec<String> = item.settings.iter().map(|(key, value)| format!("{key} = {}", toml(value))).collect();
            text.push_str(&indented(&settings.join(", "), &indent, &indent));
        }
    }
    text
}

/// `text` behind `first`, wrapped, further lines behind `indent`.
fn indented(text: &str, first: &str, indent: &str) -> String {
    // The wrapper counts from the line's first word, so what stands before it must hold no spaces of its own.
    let held: String = first.chars().map(|c| if c == ' ' { '\u{a0}' } else { c }).collect();
    let all = wrapped(&format!("{held}{text}"), indent).replace('\u{a0}', " ");
    debug_assert!(all.lines().all(|line| line.chars().count() <= WIDTH || !line.contains(' ')));
    all
}

/// A default as recipes write it.
fn toml(value: &Value) -> String {
    match value {
        Value::Object(table) => {
            let each: Vec<String> = table.iter().map(|(key, value)| format!("{key} = {}", toml(value))).collect();
            format!("{{ {} }}", each.join(", "))
        }
        Value::Null => "(must be given)".into(),
        other => other.to_string(),
    }
}
