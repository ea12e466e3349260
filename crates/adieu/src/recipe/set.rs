//! Setting one dotted key of a recipe.

use std::fmt;
use std::str::FromStr;

use serde_json::{Map, Value as Json};

/// A dotted key of a recipe and its value, as people write them: `learner.optimizer.rate=0.01`.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// `learner.optimizer.rate`
    pub key: String,
    /// What TOML makes of the value; a bare word is a string.
    pub value: Json,
}

impl FromStr for Setting {
    type Err = String;

    fn from_str(text: &str) -> Result<Setting, String> {
        let wanted = "write KEY=VALUE, as in learner.optimizer.rate=0.01";
        let (key, value) = text.split_once('=').ok_or(wanted)?;
        let (key, value) = (key.trim().to_string(), value.trim());
        if key.is_empty() || value.is_empty() {
            return Err(wanted.into());
        }
        let written = toml::from_str::<toml::Table>(&format!("value = {value}")).ok();
        let alone = written.filter(|table| table.len() == 1).and_then(|mut table| table.remove("value"));
        let value = match alone {
            None | Some(toml::Value::Datetime(_)) => Json::from(value),
            Some(written) => serde_json::to_value(written).map_err(|error| error.to_string())?,
        };
        Ok(Setting { key, value })
    }
}

impl fmt::Display for Setting {
    /// As it could be written.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = toml::Value::try_from(&self.value).map_err(|_| fmt::Error)?;
        let bare = |text: &str| toml::from_str::<toml::Table>(&format!("value = {text}")).is_err();
        match value.as_str().filter(|text| bare(text) && text.trim() == *text && !text.is_empty()) {
            Some(text) => write!(f, "{}={text}", self.key),
            None => write!(f, "{}={value}", self.key),
        }
    }
}

/// Gives `key` of `recipe` the value. Giving a table another `kind` drops its settings: they were the old kind's. Only those
/// of `data` are for every kind, and stay.
///
/// # Errors
/// What is wrong with the key, and what to do.
pub(crate) fn set(recipe: &mut Json, key: &str, value: &Json) -> Result<(), (String, &'static str)> {
    const DOTTED: &str = "write keys as in \"learner.norm\" or \"learner.goodness.kind\"";
    if !key.contains('.') && value.is_object() && value.get("kind").is_none() {
        let what = "this would replace the whole table, its other keys too".into();
        return Err((what, "write the dotted key in quotes: \"learner.norm\" = \"rms\""));
    }
    if value.is_null() {
        return Err(("this is no number".into(), "write a finite one"));
    }
    let mut here = recipe;
    let mut parts = key.split('.').peekable();
    while let Some(part) = parts.next() {
        if part.is_empty() {
            return Err(("this is no dotted key".into(), DOTTED));
        }
        let Json::Object(table) = here else {
            return Err((format!("there is no table that holds `{part}`"), DOTTED));
        };
        if parts.peek().is_some() {
            here = table.entry(part).or_insert_with(|| Json::Object(Map::new()));
            continue;
        }
        if part == "kind" && key != "data.kind" && table.get("kind") != Some(value) {
            table.clear();
        }
        table.insert(part.into(), value.clone());
        break;
    }
    Ok(())
}

/// The keys in the order they are set in: what replaces a table first, and then from the outside in.
pub(crate) fn ordered<'a, T: 'a>(
    sets: impl IntoIterator<Item = (&'a String, &'a Json, T)>,
) -> Vec<(&'a String, &'a Json, T)> {
    let mut sets: Vec<_> = sets.into_iter().collect();
    sets.sort_by_key(|(key, value, _)| {
        let replaces = value.is_object() || key.ends_with(".kind");
        (!replaces, key.matches('.').count(), (*key).clone())
    });
    sets
}

/// Whether what was set at `set` can be to blame for a fault at `fault`: one lies in the other.
pub(crate) fn touches(set: &str, fault: &str) -> bool {
    let set = set.strip_suffix(".kind").unwrap_or(set);
    let within = |inner: &str, outer: &str| {
        inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    within(fault, set) || within(set, fault)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn recipe() -> Json {
        json!({ "learner": { "kind": "ff", "optimizer": { "kind": "ema", "rate": 1.0, "momentum": 0.9 } } })
    }

    #[test]
    fn settings_are_told_as_they_could_be_written() {
        for (written, told) in [
            ("learner.optimizer.rate=0.01", "learner.optimizer.rate=0.01"),
            ("data.kind = \"idx\"", "data.kind=idx"),
            ("data.dir=~/a b", "data.dir=~/a b"),
            ("data.label=\"1\"", "data.label=\"1\""),
            ("train.epochs=3", "train.epochs=3"),
            ("model.blocks=[[10], [{ kind = \"dropout\", share = 0.5 }]]", ""),
        ] {
            let setting: Setting = written.parse().unwrap();
            assert!(told.is_empty() || setting.to_string() == told, "{setting}");
            assert_eq!(setting.to_string().parse(), Ok(setting));
        }
    }

    #[test]
    fn keys_are_set_and_another_kind_drops_the_settings_of_the_old() {
        let mut changed = recipe();
        set(&mut changed, "learner.optimizer.rate", &json!(2.0)).unwrap();
        set(&mut changed, "learner.head", &json!(false)).unwrap();
        let expected = json!({ "kind": "ff", "head": false, "optimizer": { "kind": "ema", "rate": 2.0, "momentum": 0.9 } });
        assert_eq!(changed["learner"], expected);
        set(&mut changed, "learner.optimizer.kind", &json!("ema")).unwrap();
        assert_eq!(changed["learner"], expected, "the same kind keeps its settings");
        set(&mut changed, "learner.optimizer.kind", &json!("adam")).unwrap();
        assert_eq!(changed["learner"]["optimizer"], json!({ "kind": "adam" }));
        let mut changed = json!({ "data": { "kind": "cifar10", "jitter": 4, "labels": false } });
        set(&mut changed, "data.kind", &json!("images")).unwrap();
        assert_eq!(changed["data"], json!({ "kind": "images", "jitter": 4, "labels": false }));
        assert!(set(&mut changed, "data.jitter", &Json::Null).is_err(), "NaN is no number in JSON");
    }

    #[test]
    fn values_are_toml_or_bare_words() {
        let value = |text: &str| text.parse::<Setting>().map(|setting| setting.value);
        for (text, expected) in [
            ("a.b=1", json!(1)),
            ("a.b = 1e-3", json!(0.001)),
            ("a=true", json!(true)),
            ("a=adam_w", json!("adam_w")),
            ("a=\"x = y\"", json!("x = y")),
            ("a=x = y", json!("x = y")),
            ("model.blocks=[[10], [5]]", json!([[10], [5]])),
            ("a={ kind = \"sgd\", rate = 0.1 }", json!({ "kind": "sgd", "rate": 0.1 })),
            ("data.dir=/some/folder", json!("/some/folder")),
            ("a=2026-01-01", json!("2026-01-01")),
        ] {
            assert_eq!(value(text), Ok(expected), "{text}");
        }
        for text in ["a", "=1", "a=", ""] {
            assert!(value(text).is_err(), "{text}");
        }
    }

    #[test]
    fn keys_that_lead_nowhere_are_told() {
        for key in ["", "learner..rate", "learner.kind.rate"] {
            let mut changed = recipe();
            assert!(set(&mut changed, key, &json!(1)).is_err(), "{key}");
        }
    }

    #[test]
    fn kinds_come_before_their_settings() {
        let (number, name) = (json!(1), json!("adam"));
        let keys = ["learner.optimizer.rate", "learner.optimizer.kind", "learner.head"].map(String::from);
        let sets = [(&keys[0], &number, ()), (&keys[1], &name, ()), (&keys[2], &number, ())];
        let ordered: Vec<&str> = ordered(sets).into_iter().map(|(key, _, ())| key.as_str()).collect();
        assert_eq!(ordered, ["learner.optimizer.kind", "learner.head", "learner.optimizer.rate"]);
    }

    #[test]
    fn blame_lies_with_what_holds_the_fault_or_is_held_by_it() {
        for (set, fault, expected) in [
            ("learner.optimizer", "learner.optimizer.rate", true),
            ("learner.optimizer.kind", "learner.optimizer.rate", true),
            ("learner.optimizer.rate", "learner.optimizer", true),
            ("model.blocks", "model.blocks[1][0]", true),
            ("learner.head", "learner.head_optimizer", false),
            ("train.batch", "learner.kind", false),
        ] {
            assert_eq!(touches(set, fault), expected, "{set} {fault}");
        }
    }
}
