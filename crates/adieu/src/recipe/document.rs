//! A recipe's text against its schema: every fault at once, each with its line.
//!
//! serde stops at the first thing it dislikes and knows no line for it. Here the TOML is walked beside
//! the JSON Schema (draft 2020-12, as schemars renders serde types), and every disagreement becomes a
//! [`Fault`]: the key path, the line, what is wrong, what would be valid. A document without a fault
//! comes back as JSON, ready for `serde_json::from_value`.
//!
//! Three steps, three files:
//!
//! 1. `schema`: what a place in the document wants, sorted by the kinds of value that TOML has;
//! 2. `walk`: document beside schema, giving findings and the document as JSON;
//! 3. `words`: a finding as a sentence with a remedy, whose example is itself checked before it is shown.
//!
//! The schema's keywords that count are `$ref`, `allOf`, `anyOf`, `oneOf`, `type`, `const`, `enum`,
//! `properties`, `required`, `additionalProperties`, `items`, `prefixItems`, `default`, `examples`,
//! `format` of numbers, and the bounds of numbers, strings and lists; others are passed over. Two habits
//! of recipes are stricter than JSON Schema:
//!
//! - **a key nobody reads is a fault** wherever `additionalProperties` does not ask for it in so many
//!   words: a unit variant of a tagged enum has no way to say `deny_unknown_fields`;
//! - **a number is finite and fits its Rust type**: `nan`, `inf`, `5_000_000_000` for a `u32`.
//!
//! Serde aliases are not in a schema, so they are unknown keys.

mod schema;
#[cfg(test)]
mod tests;
mod walk;
mod words;

use serde::Serialize;
use serde_json::Value as Json;
use std::fmt;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// One thing wrong with a recipe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Where: `learner.objective.theta`, `model.blocks[2][0]`; empty when the text is not TOML at all.
    pub key: String,
    /// The line in the text, from 1. A missing key has the line of the table that lacks it.
    pub line: Option<usize>,
    /// What is wrong.
    pub what: String,
    /// What would be valid.
    pub remedy: String,
}

impl Fault {
    /// The fault with the file it is in: `ff.toml:3: train.epochs: what; remedy`.
    pub fn in_file<'a>(&'a self, file: impl fmt::Display + 'a) -> impl fmt::Display + 'a {
        fmt::from_fn(move |f| {
            write!(f, "{file}:")?;
            if let Some(line) = self.line {
                write!(f, "{line}:")?;
            }
            write!(f, " {}", Sentence(self))
        })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        Sentence(self).fmt(f)
    }
}

/// A fault without its place in the file.
struct Sentence<'a>(&'a Fault);

impl fmt::Display for Sentence<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Fault { key, what, remedy, .. } = self.0;
        if !key.is_empty() {
            write!(f, "{key}: ")?;
        }
        write!(f, "{what}; {remedy}")
    }
}

/// Checks `text` against `schema`: the document as JSON, ready for serde, or all its faults by line.
///
/// An integer where a number is wanted comes back as a float; keys that are absent stay absent, for
/// serde to fill in. Text that is not TOML has one fault, the parser's.
///
/// # Panics
/// If a `$ref` of the schema does not lead to a place in the schema.
pub(super) fn check(text: &str, schema: &Json) -> Result<Json, Vec<Fault>> {
    let root = DeTable::parse(text).map_err(|error| vec![syntax_fault(text, &error)])?;
    let span = root.span();
    let root = Spanned::new(span, DeValue::Table(root.into_inner()));
    let mut walk = walk::Walk::new(schema);
    let json = walk.value("", &root, schema);
    if walk.findings.is_empty() {
        return Ok(json);
    }
    let mut findings = walk.findings;
    findings.sort_by(|a, b| (a.at, &a.key).cmp(&(b.at, &b.key)));
    Err(findings
        .into_iter()
        .map(|finding| Fault {
            line: Some(line_at(text, finding.at)),
            remedy: words::remedy(schema, &finding),
            key: finding.key,
            what: finding.what,
        })
        .collect())
}

/// The line, from 1, where `text` writes the key path `key`, such as `model.blocks[2][0]`.
///
/// A key left to its default has the line of the nearest table or list around it that is written;
/// `None` if not even its first part is, or if the text is not TOML.
pub(crate) fn line_of(text: &str, key: &str) -> Option<usize> {
    let root = DeTable::parse(text).ok()?.into_inner();
    let mut parts = walk::parts(key).into_iter();
    let walk::Part::Key(first) = parts.next()? else {
        return None;
    };
    let (name, mut here) = root.get_key_value(first.as_str())?;
    let mut at = name.span().start;
    for part in parts {
        match (part, here.get_ref()) {
            (walk::Part::Key(key), DeValue::Table(table)) => {
                let Some((name, value)) = table.get_key_value(key.as_str()) else { break };
                (at, here) = (name.span().start, value);
            }
            (walk::Part::Index(index), DeValue::Array(list)) => {
                let Some(value) = list.get(index) else { break };
                (at, here) = (value.span().start, value);
            }
            _ => break,
        }
    }
    Some(line_at(text, at))
}

/// The line, from 1, of the byte `at`; the end of the text belongs to its last line.
fn line_at(text: &str, at: usize) -> usize {
    let before = text.bytes().take(at).filter(|&byte| byte == b'\n').count();
    (before + 1).min(text.lines().count().max(1))
}

fn syntax_fault(text: &str, error: &toml::de::Error) -> Fault {
    let line = error.span().map(|span| line_at(text, span.start));
    let source = line.and_then(|line| text.lines().nth(line - 1)).map_or("", str::trim);
    Fault {
        key: String::new(),
        line,
        what: format!("this is not TOML: {}", error.message().replace('\n', ", ")),
        remedy: if source.is_empty() {
            "correct it; nothing else was checked".into()
        } else {
            format!("correct `{}`; nothing else was checked", words::shortened(source))
        },
    }
}
