//! The document beside its schema: findings, and the document as JSON.

use super::schema::{List, Number, Table, Wanted};
use super::words;
use serde_json::{Map, Value as Json};
use std::cmp::Ordering;
use toml::Spanned;
use toml::de::{DeArray, DeInteger, DeTable, DeValue};

/// A disagreement between document and schema.
pub(super) struct Finding {
    pub(super) key: String,
    /// The byte of the text where it is.
    pub(super) at: usize,
    pub(super) what: String,
    pub(super) cure: Cure,
}

/// What the remedy is made of. Making it takes work that a trial walk has no use for.
pub(super) enum Cure {
    /// Another value; `repairs` are guesses at what was meant, from what was found.
    Value { schema: Json, repairs: Vec<Json> },
    /// Another name in place of `typed`, which is a key or one of an enum's names; `near` is perhaps it.
    Name { typed: String, near: Option<String>, valid: Vec<String>, is_key: bool },
    /// The key `tag` with one of `kinds`; `written` is perhaps that key, misspelt.
    Tag { tag: String, kinds: Vec<String>, written: Option<String> },
}

/// A walk through a document; `findings` grows on the way.
pub(super) struct Walk<'s> {
    root: &'s Json,
    pub(super) findings: Vec<Finding>,
}

impl<'s> Walk<'s> {
    /// A walk by the schema `root`, which holds the `$defs`.
    pub(super) fn new(root: &'s Json) -> Self {
        Self { root, findings: Vec::new() }
    }

    /// Checks `found`, at the path `key`, against `schema`. Its JSON means nothing once there is a finding.
    pub(super) fn value(&mut self, key: &str, found: &Spanned<DeValue<'_>>, schema: &Json) -> Json {
        let wanted = Wanted::of(self.root, schema);
        let at = found.span().start;
        let judged = match found.get_ref() {
            DeValue::Boolean(boolean) if wanted.boolean => Ok(Json::Bool(*boolean)),
            value @ (DeValue::Integer(_) | DeValue::Float(_)) => number(value, &wanted),
            DeValue::String(string) => {
                if wanted.only_names() && !wanted.names.iter().any(|name| name == string) {
                    self.unknown_name(key, at, string, wanted.names, "name");
                    return Json::Null;
                }
                text(string, &wanted)
            }
            DeValue::Array(list) if !wanted.lists.is_empty() => {
                return self.list(key, at, list, &wanted.lists, schema);
            }
            DeValue::Table(table) if !wanted.tables.is_empty() => return self.table(key, at, table, &wanted),
            other => Err(format!("found {}", words::found(other))),
        };
        judged.unwrap_or_else(|what| {
            let repairs = words::repairs(found.get_ref(), &wanted);
            self.find(key, at, what, Cure::Value { schema: schema.clone(), repairs })
        })
    }

    fn list(&mut self, key: &str, at: usize, found: &DeArray<'_>, lists: &[List], schema: &Json) -> Json {
        let list = self.nearest(lists, |trial, list| {
            trial.items(key, found, list);
            usize::from(!list.size.holds(found.len()))
        });
        if !list.size.holds(found.len()) {
            let what = format!("found a list of {}", words::counted(found.len(), "item"));
            self.find(key, at, what, Cure::Value { schema: schema.clone(), repairs: Vec::new() });
        }
        self.items(key, found, list)
    }

    fn items(&mut self, key: &str, found: &DeArray<'_>, list: &List) -> Json {
        let items = found.iter().enumerate();
        items.map(|(index, item)| self.value(&format!("{key}[{index}]"), item, list.item(index))).collect()
    }

    fn table(&mut self, key: &str, at: usize, found: &DeTable<'_>, wanted: &Wanted) -> Json {
        let table = match wanted.tag() {
            Some(tag) => match self.tagged(key, at, found, wanted, tag) {
                Some(table) => table,
                None => return Json::Null,
            },
            None => self.nearest(&wanted.tables, |trial, table| {
                trial.entries(key, at, found, table);
                0
            }),
        };
        self.entries(key, at, found, table)
    }

    /// The table that the tag in `found` chooses. If it chooses none, that is the only finding here:
    /// which other keys are right depends on it.
    fn tagged<'w>(
        &mut self,
        key: &str,
        at: usize,
        found: &DeTable<'_>,
        wanted: &'w Wanted,
        tag: &str,
    ) -> Option<&'w Table> {
        let kinds = wanted.kinds(tag);
        let path = joined(key, tag);
        let Some(value) = found.get(tag) else {
            let written =
                words::nearest(tag, found.keys().map(|key| key.get_ref().as_ref())).map(String::from);
            let cure = Cure::Tag { tag: tag.into(), kinds, written };
            self.find(&path, at, format!("missing key `{tag}`"), cure);
            return None;
        };
        let at = value.span().start;
        let Some(kind) = value.get_ref().as_str() else {
            let what = format!("found {}", words::found(value.get_ref()));
            self.find(&path, at, what, Cure::Tag { tag: tag.into(), kinds, written: None });
            return None;
        };
        let chosen = wanted.tables.iter().find(|table| table.constant(tag) == Some(kind));
        if chosen.is_none() {
            self.unknown_name(&path, at, kind, kinds, tag);
        }
        chosen
    }

    fn entries(&mut self, key: &str, at: usize, found: &DeTable<'_>, table: &Table) -> Json {
        let mut missing: Vec<_> =
            table.required.iter().filter(|key| !found.contains_key(key.as_str())).collect();
        let mut json = Map::new();
        for (name, value) in found {
            let path = joined(key, name.get_ref());
            if let Some(schema) = table.keys.get(name.get_ref().as_ref()).or(table.others.as_ref()) {
                json.insert(name.get_ref().to_string(), self.value(&path, value, schema));
                continue;
            }
            // A misspelt key is one fault, not also the want of the key that was meant.
            let mut valid: Vec<_> = table.keys.keys().cloned().collect();
            valid.sort();
            let absent = valid.iter().filter(|key| !found.contains_key(key.as_str()));
            let near = words::nearest(name.get_ref(), absent.map(String::as_str))
                .or_else(|| words::nearest(name.get_ref(), valid.iter().map(String::as_str)))
                .map(String::from);
            missing.retain(|key| Some(*key) != near.as_ref());
            let typed = name.get_ref().to_string();
            let what = format!("unknown key `{}`", words::shortened(&typed));
            self.find(&path, name.span().start, what, Cure::Name { typed, near, valid, is_key: true });
        }
        for name in missing {
            let schema = table.keys.get(name).cloned().unwrap_or(Json::Bool(true));
            let cure = Cure::Value { schema, repairs: Vec::new() };
            self.find(&joined(key, name), at, format!("missing key `{name}`"), cure);
        }
        Json::Object(json)
    }

    /// The candidate that a trial walk likes best: of the fewest findings the first.
    fn nearest<'w, T>(&self, candidates: &'w [T], walk: impl Fn(&mut Self, &T) -> usize) -> &'w T {
        if let [only] = candidates {
            return only;
        }
        let findings = |candidate: &&T| {
            let mut trial = Self::new(self.root);
            walk(&mut trial, candidate) + trial.findings.len()
        };
        candidates.iter().min_by_key(findings).expect("callers have looked for an empty slice")
    }

    fn unknown_name(&mut self, key: &str, at: usize, typed: &str, valid: Vec<String>, noun: &str) {
        let what = format!("unknown {noun} `{}`", words::shortened(typed));
        let near = words::nearest(typed, valid.iter().map(String::as_str)).map(String::from);
        self.find(key, at, what, Cure::Name { typed: typed.into(), near, valid, is_key: false });
    }

    fn find(&mut self, key: &str, at: usize, what: String, cure: Cure) -> Json {
        self.findings.push(Finding { key: key.into(), at, what, cure });
        Json::Null
    }
}

/// A number as JSON, or what is wrong with it.
fn number(found: &DeValue<'_>, wanted: &Wanted) -> Result<Json, String> {
    let mistaken = || format!("found {}", words::found(found));
    let number = match found {
        DeValue::Integer(integer) => {
            integer_of(integer).ok_or_else(|| format!("{integer} needs more than 64 bits"))?
        }
        DeValue::Float(float) => match float.as_str().parse() {
            Ok(value) if f64::is_finite(value) => Number::Float(value),
            _ => return Err(format!("{} is not a finite number", float.as_str())),
        },
        _ => return Err(mistaken()),
    };
    let is_integer = matches!(number, Number::Integer(_));
    let mut complaint = None;
    // Integers stay integers where they may.
    let (exact, loose): (Vec<_>, Vec<_>) = wanted.numbers.iter().partition(|form| form.integer);
    for form in exact.into_iter().chain(loose) {
        if form.integer && !is_integer {
            continue;
        }
        match form.broken_by(number) {
            None if form.integer => return number.json().ok_or_else(mistaken),
            None => return Number::Float(number.as_f64()).json().ok_or_else(mistaken),
            Some((side, bound)) => {
                complaint = complaint.or(Some(out_of_range(number, side, bound.included, bound.end)))
            }
        }
    }
    Err(complaint.unwrap_or_else(mistaken))
}

/// The integer, if 64 bits hold it.
pub(super) fn integer_of(integer: &DeInteger<'_>) -> Option<Number> {
    let value = i128::from_str_radix(integer.as_str(), integer.radix()).ok()?;
    (i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(&value).then_some(Number::Integer(value))
}

fn out_of_range(number: Number, side: Ordering, included: bool, end: Number) -> String {
    match (side, included) {
        (Ordering::Less, true) => format!("{number} is too small, the least is {end}"),
        (Ordering::Less, false) => format!("{number} is too small, it must be above {end}"),
        (_, true) => format!("{number} is too large, the greatest is {end}"),
        (_, false) => format!("{number} is too large, it must be below {end}"),
    }
}

/// A string as JSON, or what is wrong with it.
fn text(found: &str, wanted: &Wanted) -> Result<Json, String> {
    let characters = found.chars().count();
    let named = wanted.names.iter().any(|name| name == found);
    match wanted.text {
        _ if named => Ok(Json::from(found)),
        Some(size) if size.holds(characters) => Ok(Json::from(found)),
        Some(_) => Err(format!("found a string of {}", words::counted(characters, "character"))),
        None if !wanted.names.is_empty() => Err(format!("unknown name `{}`", words::shortened(found))),
        None => Err(format!("found {}", words::found(&DeValue::String(found.into())))),
    }
}

/// A part of a key path.
#[derive(Debug, PartialEq)]
pub(super) enum Part {
    Key(String),
    Index(usize),
}

/// The path of `key` in the table at the path `table`; a key that TOML wants quoted is quoted.
pub(super) fn joined(table: &str, key: &str) -> String {
    let bare =
        !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    let key = if bare { key.into() } else { Json::from(key).to_string() };
    if table.is_empty() { key } else { format!("{table}.{key}") }
}

/// The parts of a key path, up to the first that cannot be read.
pub(super) fn parts(path: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        let part;
        if let Some(inside) = rest.strip_prefix('[') {
            let Some((digits, after)) = inside.split_once(']') else { break };
            let Ok(index) = digits.parse() else { break };
            (part, rest) = (Part::Index(index), after);
        } else if rest.starts_with('"') {
            let mut strings = serde_json::Deserializer::from_str(rest).into_iter::<String>();
            let Some(Ok(key)) = strings.next() else { break };
            (part, rest) = (Part::Key(key), &rest[strings.byte_offset()..]);
        } else {
            let (key, after) = rest.split_at(rest.find(['.', '[']).unwrap_or(rest.len()));
            (part, rest) = (Part::Key(key.into()), after);
        }
        parts.push(part);
        rest = rest.strip_prefix('.').unwrap_or(rest);
    }
    parts
}
