//! Memory by category: what the bytes were for.

use maud::{Markup, html};
use serde_json::{Value, json};

use super::{Evidence, Exhibit, Shown, Side, mean};
use crate::chart::bars;
use crate::chart::scale::Scale;
use crate::format::{self, ABSENT};
use crate::label;

/// Where the bytes of a row come from.
#[derive(Clone, Debug, PartialEq)]
enum Source {
    /// Measured: a reading, and its part.
    Peak(&'static str, Option<String>),
    /// Reckoned from shapes, as the start of the run says it.
    Formula,
}

/// Rows in order of show. Other parts of `allocated_peak` follow.
fn known() -> Vec<(String, Source)> {
    let part = |name: &str| Source::Peak("allocated_peak", Some(name.into()));
    let rows = [
        ("All together, at its peak", Source::Peak("allocated_peak", None)),
        ("Kept for credit", Source::Peak("saved_peak", None)),
        ("Parameters", part("parameters")),
        ("Optimizer", part("optimizer")),
        ("Activations", part("activations")),
        ("Activations, by formula", Source::Formula),
        ("Data", part("data")),
    ];
    rows.map(|(name, source)| (name.into(), source)).into()
}

/// Measured above reckoned, as a share, up to which bookkeeping explains it.
const BOOKKEEPING: f64 = 0.02;

pub(super) struct Memory;

impl Exhibit for Memory {
    fn key(&self) -> &'static str {
        "memory"
    }

    fn title(&self) -> &'static str {
        "Memory by category"
    }

    fn show(&self, evidence: &Evidence) -> Shown {
        let sides = evidence.sides();
        let rows = rows(evidence, &sides);
        if !rows.iter().any(|(_, source)| matches!(source, Source::Peak(..))) {
            return Shown::Nothing("no run metered its memory");
        }
        let all = rows.iter().flat_map(|(_, source)| sides.iter().filter_map(|s| bytes(s, source)));
        let scale = Scale::from_zero(all);
        let html = html! {
            div class="memory" {
                @for (i, (name, source)) in rows.iter().enumerate() {
                    div class="category" {
                        h4 { (name) }
                        @for side in &sides { (bar(i, name, side, bytes(side, source), &scale)) }
                    }
                }
            }
            p class="note" {
                "Each bar is the peak of its own category; categories need not peak at the same moment, so they may "
                "add up to more than all together. “Kept for credit” counts the values saved in the forward pass "
                "until they were used."
            }
            @if rows.iter().any(|(_, source)| *source == Source::Formula) { (formula(&sides)) }
        };
        Shown::Figure { html, numbers: sides.iter().map(|side| numbers(side, &rows)).collect() }
    }
}

/// The rows that any side has a figure for.
fn rows(evidence: &Evidence, sides: &[Side]) -> Vec<(String, Source)> {
    let mut rows = known();
    for part in evidence.runs.iter().flat_map(|r| &r.readings).filter(|r| r.name == "allocated_peak") {
        let source = Source::Peak("allocated_peak", part.part.clone());
        if !rows.iter().any(|r| r.1 == source) {
            rows.push((part.part.as_deref().map_or_else(String::new, label::words), source));
        }
    }
    rows.retain(|(_, source)| sides.iter().any(|s| bytes(s, source).is_some()));
    rows
}

/// Mean over the group's runs that know it.
fn bytes(side: &Side, source: &Source) -> Option<f64> {
    mean(side.runs.iter().filter_map(|r| match source {
        Source::Peak(reading, part) => r.measured(reading, part.as_deref()).ok(),
        Source::Formula => r.start.network.step_bytes.map(|b| b as f64),
    }))
}

fn bar(row: usize, name: &str, side: &Side, value: Option<f64>, scale: &Scale) -> Markup {
    let text = value.map_or(ABSENT.to_string(), format::bytes);
    let title = format!("{name}, {}: {text}", side.group.label);
    html! {
        div class="bar-line" {
            span class={ "name " (side.class) } title=(side.group.label) { (side.group.short) }
            span { @if let Some(v) = value {
                (bars::single(&format!("memory-{row}-{}", side.index), &title, scale, &side.class, v))
            } }
            span class="figure" { (text) }
        }
    }
}

/// By how many bytes the measured peak of activations is above the formula's, and the formula's: means over the
/// runs that know both.
fn above(side: &Side) -> Option<(f64, f64)> {
    let both = side.runs.iter().filter_map(|r| {
        let formula = r.start.network.step_bytes? as f64;
        Some((r.measured("allocated_peak", Some("activations")).ok()? - formula, formula))
    });
    let both: Vec<(f64, f64)> = both.collect();
    Some((mean(both.iter().map(|b| b.0))?.round(), mean(both.iter().map(|b| b.1))?))
}

/// What the formula counts, and how near the measurement comes.
fn formula(sides: &[Side]) -> Markup {
    let found: Vec<(&Side, f64, f64)> =
        sides.iter().filter_map(|s| above(s).map(|(above, formula)| (s, above, formula))).collect();
    let bookkeeping = |above: f64, formula: f64| above > 0.0 && above <= BOOKKEEPING * formula;
    html! {
        p class="note" {
            "“Activations, by formula” is not measured but reckoned from shapes: the most bytes of activity, kept "
            "values, errors and working memory that a training step holds at once."
            @for (i, (side, above, _)) in found.iter().enumerate() {
                @if i == 0 { " The measured peak is " } @else { ", " }
                (apart(*above)) " for " (side.name())
            }
            @if !found.is_empty() { "." }
            @if !found.is_empty() && found.iter().all(|(_, above, formula)| bookkeeping(*above, *formula)) {
                " The difference is bookkeeping, such as names and lists."
            }
        }
    }
}

/// `8,614 bytes above it`.
fn apart(above: f64) -> String {
    let bytes = |n: f64| format!("{} {}", format::count(n), if n == 1.0 { "byte" } else { "bytes" });
    match above {
        0.0 => "the same to the byte".into(),
        _ if above > 0.0 => format!("{} above it", bytes(above)),
        _ => format!("{} below it", bytes(-above)),
    }
}

fn numbers(side: &Side, rows: &[(String, Source)]) -> Value {
    let peaks = rows.iter().filter_map(|(_, source)| match source {
        Source::Peak(reading, part) => {
            Some(json!({ "reading": reading, "part": part, "bytes": bytes(side, source) }))
        }
        Source::Formula => None,
    });
    json!({
        "group": side.group.group,
        "peaks": peaks.collect::<Vec<_>>(),
        "step_bytes": bytes(side, &Source::Formula),
        "activations_above_step_bytes": above(side).map(|a| a.0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Run;
    use crate::sample;
    use crate::summary::Summary;

    fn shown(runs: &[Run]) -> (String, Value) {
        let summary = Summary::of(runs);
        match Memory.show(&Evidence { runs, summary: &summary }) {
            Shown::Figure { html, numbers } => (html.into_string(), numbers),
            Shown::Nothing(why) => panic!("{why}"),
        }
    }

    #[test]
    fn a_record_without_the_formula_shows_none() {
        let mut runs = sample::duel(&[42]);
        runs[1].start.network.step_bytes = None;
        let (html, numbers) = shown(&runs);
        assert_eq!(html.matches("Activations, by formula, ").count(), 1, "{html}");
        assert_eq!(numbers[1]["step_bytes"], Value::Null);
        runs[0].start.network.step_bytes = None;
        assert!(!shown(&runs).0.contains("by formula"));
    }

    #[test]
    fn only_a_small_excess_is_called_bookkeeping() {
        let mut runs = sample::duel(&[42]);
        let measured = runs[0].measured("allocated_peak", Some("activations")).expect("it is") as u64;
        let cases = [
            (measured, "the same to the byte", false),
            (measured - 1, "1 byte above it", true),
            (measured / 2, "bytes above it", false),
            (measured + 1000, "1,000 bytes below it", false),
        ];
        for (formula, words, bookkeeping) in cases {
            runs[0].start.network.step_bytes = Some(formula);
            let html = shown(&runs[..1]).0;
            assert!(html.contains(words), "{formula}: {html}");
            assert_eq!(html.contains("bookkeeping"), bookkeeping, "{formula}");
        }
    }
}
