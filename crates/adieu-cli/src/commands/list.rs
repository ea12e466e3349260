//! `adieu list`: every choice a recipe has. Read from the recipes' own schema, so it cannot lag behind.

use adieu::Recipe;
use adieu::report::text::wrapped;
use serde_json::{Map, Value, json};

use crate::args::{List, Topic};
use crate::terminal;

/// Something that can be chosen, or is there.
struct Item {
    name: String,
    about: String,
    settings: Vec<Setting>,
}

/// A key inside a choice.
struct Setting {
    key: String,
    /// Null if it must be given.
    default: Value,
    about: String,
}

/// Topics that are choices: name, where recipes make them, definition in the schema.
const CHOICES: [(Topic, &str, &str, &str); 10] = [
    (Topic::Learners, "learners", "learner = { kind = \"…\" }", "LearnerRecipe"),
    (Topic::Goodness, "goodness", "learner.goodness = { kind = \"…\" }", "Goodness"),
    (Topic::Objectives, "objectives", "learner.objective = { kind = \"…\" }", "Objective"),
    (Topic::Negatives, "negatives", "learner.negatives = { kind = \"…\" }", "Negatives"),
    (Topic::Fakes, "fakes", "learner.fakes = { kind = \"…\" }", "Fakes"),
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
    let choices =
        choices.map(|(_, name, place, definition)| (*name, *place, choices_of(&schema, definition)));
    let others = OTHERS.iter().filter(|other| wanted(other.0));
    let others = others.map(|(topic, name, place)| (*name, *place, there_is(*topic)));
    let sections: Vec<(&str, &str, Vec<Item>)> = choices.chain(others).collect();
    if asked.json {
        let each = sections
            .iter()
            .map(|(name, _, items)| ((*name).to_string(), items.iter().map(as_json).collect()));
        return terminal::result(&Value::Object(each.collect()).to_string());
    }
    let full = asked.topic.is_some();
    let each: Vec<String> =
        sections.iter().map(|(name, place, items)| as_text(name, place, items, full)).collect();
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
    let words = |value: &Value| value["description"].as_str().unwrap_or_default().replace('\n', " ");
    let settings = properties.filter(|(key, _)| *key != "kind").map(|(key, property)| Setting {
        key: key.clone(),
        default: property["default"].clone(),
        about: words(property),
    });
    Some(Item { name: kind.as_str()?.into(), about: words(target), settings: settings.collect() })
}

fn there_is(topic: Topic) -> Vec<Item> {
    let item =
        |name: &str, about: &str| Item { name: name.into(), about: about.into(), settings: Vec::new() };
    match topic {
        Topic::Datasets => adieu::data::list().iter().map(|data| item(data.kind(), data.about())).collect(),
        Topic::Meters => {
            let meters = adieu::meter::all(adieu::instruments::chosen());
            meters.iter().map(|meter| item(meter.name(), &format!("from {}", meter.about().source))).collect()
        }
        Topic::Exhibits => adieu::report::page::exhibits().map(|(key, title)| item(key, title)).collect(),
        _ => Vec::new(),
    }
}

fn as_json(item: &Item) -> Value {
    let settings = item
        .settings
        .iter()
        .map(|setting| (setting.key.clone(), json!({ "default": setting.default, "about": setting.about })));
    json!({ "name": item.name, "about": item.about, "settings": settings.collect::<Map<String, Value>>() })
}

/// One item after the other; settings with their meaning if it is to be `full`.
fn as_text(name: &str, place: &str, items: &[Item], full: bool) -> String {
    let width = items.iter().map(|item| item.name.chars().count()).max().unwrap_or(0);
    let indent = " ".repeat(width + 4);
    let mut text = format!("{name}: {place}\n");
    for item in items {
        text.push_str(&indented(&item.about, &format!("  {:<width$}  ", item.name), &indent));
        let settings =
            item.settings.iter().map(|setting| format!("{} = {}", setting.key, toml(&setting.default)));
        if full {
            for (setting, written) in item.settings.iter().zip(settings) {
                text.push_str(&indented(&written, &indent, &indent));
                let deeper = format!("{indent}    ");
                text.push_str(&indented(&setting.about, &deeper, &deeper));
            }
        } else if !item.settings.is_empty() {
            text.push_str(&indented(&settings.collect::<Vec<_>>().join(", "), &indent, &indent));
        }
    }
    text
}

/// `text` behind `first`, wrapped, further lines behind `indent`.
fn indented(text: &str, first: &str, indent: &str) -> String {
    // The wrapper breaks at spaces, so what stands before the text must hold none.
    let held = first.replace(' ', "\u{a0}");
    wrapped(&format!("{held}{text}"), indent).replace('\u{a0}', " ")
}

/// A default as recipes write it; of what a list of tables holds in turn, the kind.
fn toml(value: &Value) -> String {
    written(value, false)
}

fn written(value: &Value, brief: bool) -> String {
    match value {
        Value::Object(table) => match table.get("kind") {
            Some(kind) if brief => format!("{{ kind = {kind}, … }}"),
            _ => {
                let each = table.iter().map(|(key, value)| format!("{key} = {}", written(value, brief)));
                format!("{{ {} }}", each.collect::<Vec<_>>().join(", "))
            }
        },
        Value::Array(items) => {
            let each: Vec<String> = items.iter().map(|item| written(item, true)).collect();
            format!("[{}]", each.join(", "))
        }
        Value::Null => "(must be given)".into(),
        other => other.to_string(),
    }
}
