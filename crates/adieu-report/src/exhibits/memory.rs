//! Memory by category: what the bytes were for.

use maud::html;
use serde_json::json;

use super::{Evidence, Exhibit, Shown, Side, mean};
use crate::chart::bars;
use crate::chart::scale::Scale;
use crate::format::{self, ABSENT};
use crate::label;

/// Categories in order of show: name, reading, part. Other parts of `allocated_peak` follow.
const CATEGORIES: [(&str, &str, Option<&str>); 6] = [
    ("All together, at its peak", "allocated_peak", None),
    ("Kept for credit", "saved_peak", None),
    ("Parameters", "allocated_peak", Some("parameters")),
    ("Optimizer", "allocated_peak", Some("optimizer")),
    ("Activations", "allocated_peak", Some("activations")),
    ("Data", "allocated_peak", Some("data")),
];

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
        let mut rows: Vec<(String, &str, Option<String>)> = CATEGORIES
            .iter()
            .map(|&(name, reading, part)| (name.into(), reading, part.map(Into::into)))
            .collect();
        for part in evidence.runs.iter().flat_map(|r| &r.readings).filter(|r| r.name == "allocated_peak") {
            if !rows.iter().any(|r| r.1 == "allocated_peak" && r.2 == part.part) {
                let name = part.part.as_deref().map_or_else(String::new, label::words);
                rows.push((name, "allocated_peak", part.part.clone()));
            }
        }
        rows.retain(|(_, reading, part)| sides.iter().any(|s| peak(s, reading, part.as_deref()).is_some()));
        if rows.is_empty() {
            return Shown::Nothing("no run metered its memory");
        }
        let all = rows
            .iter()
            .flat_map(|(_, reading, part)| sides.iter().filter_map(|s| peak(s, reading, part.as_deref())));
        let scale = Scale::from_zero(all);
        let html = html! {
            div class="memory" {
                @for (i, (name, reading, part)) in rows.iter().enumerate() {
                    div class="category" {
                        h4 { (name) }
                        @for side in &sides {
                            @let value = peak(side, reading, part.as_deref());
                            @let text = value.map_or(ABSENT.to_string(), format::bytes);
                            @let title = format!("{name}, {}: {text}", side.group.label);
                            div class="bar-line" {
                                span class={ "name " (side.class) } title=(side.group.label) { (side.group.short) }
                                span { @if let Some(v) = value {
                                    (bars::single(&format!("memory-{i}-{}", side.index), &title, &scale, &side.class, v))
                                } }
                                span class="figure" { (text) }
                            }
                        }
                    }
                }
            }
            p class="note" {
                "Each bar is the peak of its own category; categories need not peak at the same moment, so they may "
                "add up to more than all together. “Kept for credit” counts the values saved in the forward pass "
                "until they were used."
            }
        };
        let numbers = sides.iter().map(|side| {
            let of = |(_, reading, part): &(String, &str, Option<String>)| {
                json!({ "reading": reading, "part": part, "bytes": peak(side, reading, part.as_deref()) })
            };
            json!({ "group": side.group.group, "peaks": rows.iter().map(of).collect::<Vec<_>>() })
        });
        Shown::Figure { html, numbers: numbers.collect() }
    }
}

/// Mean peak over the group's runs that measured it.
fn peak(side: &Side, reading: &str, part: Option<&str>) -> Option<f64> {
    mean(side.runs.iter().filter_map(|r| r.measured(reading, part).ok()))
}
