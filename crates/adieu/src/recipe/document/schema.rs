//! What a place in a document wants, read from its JSON Schema.
//!
//! A schema is a tangle of `$ref`, `anyOf` and keywords; a TOML value is one of six kinds. [`Wanted`] is
//! the schema sorted by those kinds, so that a value looks at the forms of its own kind and no others.

use serde_json::{Map, Value as Json};
use std::cmp::Ordering;
use std::fmt;

/// The forms that a value may take, by kind.
#[derive(Default)]
pub(super) struct Wanted {
    /// The schema wants nothing in particular, and every kind has its most general form.
    pub(super) anything: bool,
    pub(super) boolean: bool,
    pub(super) numbers: Vec<Numbers>,
    /// Free text, by its number of characters.
    pub(super) text: Option<Size>,
    /// Strings with a meaning: the values of a plain enum.
    pub(super) names: Vec<String>,
    pub(super) lists: Vec<List>,
    pub(super) tables: Vec<Table>,
}

/// Numbers from `low` to `high`.
pub(super) struct Numbers {
    pub(super) integer: bool,
    pub(super) low: Option<Bound>,
    pub(super) high: Option<Bound>,
}

/// An end of a range.
#[derive(Clone, Copy)]
pub(super) struct Bound {
    pub(super) end: Number,
    pub(super) included: bool,
    /// The Rust type sets it, not the author: it goes without saying until it is broken.
    pub(super) of_type: bool,
}

/// A number that keeps all 64 bits of an integer.
#[derive(Clone, Copy, Debug)]
pub(super) enum Number {
    Integer(i128),
    Float(f64),
}

/// How many characters, or items.
#[derive(Clone, Copy)]
pub(super) struct Size {
    pub(super) least: usize,
    pub(super) most: Option<usize>,
}

/// A list: a schema for each of the first items, one for the rest.
pub(super) struct List {
    pub(super) first: Vec<Json>,
    pub(super) rest: Json,
    pub(super) size: Size,
}

/// A table: a schema for each key.
pub(super) struct Table {
    pub(super) keys: Map<String, Json>,
    pub(super) required: Vec<String>,
    /// The schema of keys without a name here; `None` refuses them.
    pub(super) others: Option<Json>,
}

impl Wanted {
    /// What `schema`, a part of `root`, wants.
    ///
    /// # Panics
    /// If a `$ref` does not lead to a place in `root`.
    pub(super) fn of(root: &Json, schema: &Json) -> Self {
        let mut wanted = Self::default();
        for form in forms(root, schema) {
            wanted.add(&form);
        }
        wanted
    }

    fn add(&mut self, form: &Map<String, Json>) {
        let names = form.get("const").into_iter().chain(array(form, "enum"));
        let names: Vec<_> = names.filter_map(Json::as_str).map(String::from).collect();
        if !names.is_empty() {
            self.names.extend(names);
            return;
        }
        match form.get("type") {
            Some(Json::String(kind)) => self.add_kind(kind, form),
            Some(Json::Array(kinds)) => {
                for kind in kinds.iter().filter_map(Json::as_str) {
                    self.add_kind(kind, form);
                }
            }
            _ if form.contains_key("properties") => self.add_kind("object", form),
            _ => {
                self.anything = true;
                for kind in ["boolean", "integer", "number", "string", "array"] {
                    self.add_kind(kind, form);
                }
                let (keys, required) = (Map::new(), Vec::new());
                self.tables.push(Table { keys, required, others: Some(Json::Bool(true)) });
            }
        }
    }

    fn add_kind(&mut self, kind: &str, form: &Map<String, Json>) {
        match kind {
            "boolean" => self.boolean = true,
            "integer" => self.numbers.push(Numbers::of(form, true)),
            "number" => self.numbers.push(Numbers::of(form, false)),
            "string" => self.text = Some(Size::of(form, "minLength", "maxLength")),
            "array" => self.lists.push(List {
                first: array(form, "prefixItems").cloned().collect(),
                rest: form.get("items").cloned().unwrap_or(Json::Bool(true)),
                size: Size::of(form, "minItems", "maxItems"),
            }),
            "object" => self.tables.push(Table {
                keys: form.get("properties").and_then(Json::as_object).cloned().unwrap_or_default(),
                required: array(form, "required").filter_map(Json::as_str).map(String::from).collect(),
                others: form
                    .get("additionalProperties")
                    .filter(|others| **others != Json::Bool(false))
                    .cloned(),
            }),
            // "null": TOML has none, a key is left out instead.
            _ => {}
        }
    }

    /// Whether a string with a meaning is all that will do.
    pub(super) fn only_names(&self) -> bool {
        let more = self.boolean || self.text.is_some() || !self.numbers.is_empty();
        !self.names.is_empty() && !more && self.lists.is_empty() && self.tables.is_empty()
    }

    /// The key that tells the tables apart, if there is one: each gives it its own constant.
    pub(super) fn tag(&self) -> Option<&str> {
        let (first, others) = self.tables.split_first()?;
        let mut keys = first.keys.keys().filter(|key| first.constant(key).is_some());
        keys.find(|key| others.iter().all(|table| table.constant(key).is_some())).map(String::as_str)
    }

    /// The constants of the key `tag`, one a table.
    pub(super) fn kinds(&self, tag: &str) -> Vec<String> {
        self.tables.iter().filter_map(|table| table.constant(tag)).map(String::from).collect()
    }
}

impl Table {
    /// The only value that `key` may have.
    pub(super) fn constant(&self, key: &str) -> Option<&str> {
        self.keys.get(key)?.get("const")?.as_str()
    }
}

impl List {
    /// The schema of the item `index`.
    pub(super) fn item(&self, index: usize) -> &Json {
        self.first.get(index).unwrap_or(&self.rest)
    }
}

impl Size {
    fn of(form: &Map<String, Json>, least: &str, most: &str) -> Self {
        let count = |key| form.get(key).and_then(Json::as_u64).map(|count| count as usize);
        Self { least: count(least).unwrap_or(0), most: count(most) }
    }

    pub(super) fn holds(self, count: usize) -> bool {
        count >= self.least && self.most.is_none_or(|most| count <= most)
    }
}

impl Numbers {
    fn of(form: &Map<String, Json>, integer: bool) -> Self {
        let bound = |key: &str, included| {
            let end = Number::of(form.get(key)?)?;
            Some(Bound { end, included, of_type: false })
        };
        let (least, most) = form.get("format").and_then(Json::as_str).and_then(type_range).unzip();
        let of_type = |end| Bound { end, included: true, of_type: true };
        let low = [bound("minimum", true), bound("exclusiveMinimum", false), least.map(of_type)];
        let high = [bound("maximum", true), bound("exclusiveMaximum", false), most.map(of_type)];
        Self {
            integer,
            // The tightest; where two are equal the first, which is the author's.
            low: low
                .into_iter()
                .flatten()
                .reduce(|a, b| if b.end > a.end || a.admits_more(b) { b } else { a }),
            high: high
                .into_iter()
                .flatten()
                .reduce(|a, b| if b.end < a.end || a.admits_more(b) { b } else { a }),
        }
    }

    /// The bound that `number` breaks, and on which side of it the number is.
    pub(super) fn broken_by(&self, number: Number) -> Option<(Ordering, Bound)> {
        let low = self.low.filter(|low| number < low.end || (number == low.end && !low.included));
        let high = self.high.filter(|high| number > high.end || (number == high.end && !high.included));
        low.map(|low| (Ordering::Less, low)).or(high.map(|high| (Ordering::Greater, high)))
    }
}

impl Bound {
    /// At the same end, this one includes it and `other` does not.
    fn admits_more(self, other: Self) -> bool {
        self.end == other.end && self.included && !other.included
    }
}

/// The least and greatest value of the Rust type that schemars names by `format`.
fn type_range(format: &str) -> Option<(Number, Number)> {
    let integers = |low: i128, high: i128| Some((Number::Integer(low), Number::Integer(high)));
    match format {
        "float" => Some((Number::Float(f32::MIN.into()), Number::Float(f32::MAX.into()))),
        "uint8" => integers(0, u8::MAX.into()),
        "uint16" => integers(0, u16::MAX.into()),
        "uint32" => integers(0, u32::MAX.into()),
        "uint64" => integers(0, u64::MAX.into()),
        "uint" => integers(0, usize::MAX as i128),
        "int8" => integers(i8::MIN.into(), i8::MAX.into()),
        "int16" => integers(i16::MIN.into(), i16::MAX.into()),
        "int32" => integers(i32::MIN.into(), i32::MAX.into()),
        "int64" => integers(i64::MIN.into(), i64::MAX.into()),
        "int" => integers(isize::MIN as i128, isize::MAX as i128),
        _ => None,
    }
}

impl Number {
    fn of(json: &Json) -> Option<Self> {
        let integer = json.as_i64().map(i128::from).or(json.as_u64().map(i128::from));
        integer.map(Self::Integer).or(json.as_f64().map(Self::Float))
    }

    pub(super) fn as_f64(self) -> f64 {
        match self {
            Self::Integer(integer) => integer as f64,
            Self::Float(float) => float,
        }
    }

    /// As JSON, if it is an integer of 64 bits or a finite float.
    pub(super) fn json(self) -> Option<Json> {
        match self {
            Self::Integer(integer) => {
                let small = i64::try_from(integer).map(Json::from);
                small.or_else(|_| u64::try_from(integer).map(Json::from)).ok()
            }
            Self::Float(float) => serde_json::Number::from_f64(float).map(Json::Number),
        }
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.partial_cmp(other) == Some(Ordering::Equal)
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Integer(a), Self::Integer(b)) => Some(a.cmp(b)),
            _ => self.as_f64().partial_cmp(&other.as_f64()),
        }
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(integer) => integer.fmt(f),
            // 0.5 and 3 as they are, 3.4028235e38 not in 39 digits.
            Self::Float(float) if float.abs() < 1e9 && (float.abs() > 1e-5 || *float == 0.0) => float.fmt(f),
            Self::Float(float) => write!(f, "{float:e}"),
        }
    }
}

/// The schema as alternatives free of `$ref`, `allOf`, `anyOf` and `oneOf`. `false` has none.
fn forms(root: &Json, schema: &Json) -> Vec<Map<String, Json>> {
    let Some(schema) = schema.as_object() else {
        return if schema == &Json::Bool(false) { Vec::new() } else { vec![Map::new()] };
    };
    let mut own = schema.clone();
    own.retain(|key, _| !["$ref", "$defs", "allOf", "anyOf", "oneOf"].contains(&key.as_str()));
    let mut forms_so_far = vec![own];
    if let Some(reference) = schema.get("$ref").and_then(Json::as_str) {
        forms_so_far = product(&forms_so_far, &forms(root, target(root, reference)));
    }
    for part in array(schema, "allOf") {
        forms_so_far = product(&forms_so_far, &forms(root, part));
    }
    for choice in ["anyOf", "oneOf"] {
        if schema.contains_key(choice) {
            let alternatives: Vec<_> = array(schema, choice).flat_map(|part| forms(root, part)).collect();
            forms_so_far = product(&forms_so_far, &alternatives);
        }
    }
    forms_so_far
}

/// Each of `outer` with each of `inner`.
fn product(outer: &[Map<String, Json>], inner: &[Map<String, Json>]) -> Vec<Map<String, Json>> {
    outer.iter().flat_map(|outer| inner.iter().map(|inner| merged(outer, inner))).collect()
}

/// Both schemas at once: properties and required keys add up, otherwise the outer keyword wins.
fn merged(outer: &Map<String, Json>, inner: &Map<String, Json>) -> Map<String, Json> {
    let mut both = inner.clone();
    for (key, value) in outer {
        match (both.get_mut(key), value) {
            (Some(Json::Object(here)), Json::Object(more)) if key == "properties" => {
                here.extend(more.clone());
            }
            (Some(Json::Array(here)), Json::Array(more)) if key == "required" => here.extend(more.clone()),
            _ => {
                both.insert(key.clone(), value.clone());
            }
        }
    }
    both
}

/// The place that `reference`, such as `#/$defs/Learner`, points to.
fn target<'s>(root: &'s Json, reference: &str) -> &'s Json {
    let place = reference.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
    place.unwrap_or_else(|| panic!("the schema has no `{reference}`"))
}

/// The items of the array at `key`; none if there is no such array.
fn array<'s>(form: &'s Map<String, Json>, key: &str) -> impl Iterator<Item = &'s Json> {
    form.get(key).and_then(Json::as_array).into_iter().flatten()
}
