//! The answer in words, and the four figures it rests on.

use maud::{Markup, html};
use serde_json::json;

use super::{Evidence, Exhibit, Shown, Side, unbroken};
use crate::chart::bars;
use crate::chart::scale::Scale;
use crate::format::{self, ABSENT};
use crate::metric::{Metric, metric, quality};
use crate::text;

/// What decides besides the quality: the three costs.
const COSTS: [&str; 3] = ["train_seconds", "peak_alloc_bytes", "macs"];

pub(super) struct Verdict;

impl Exhibit for Verdict {
    fn key(&self) -> &'static str {
        "verdict"
    }

    fn title(&self) -> &'static str {
        "Is it time to bid adieu to back-propagation?"
    }

    fn show(&self, evidence: &Evidence) -> Shown {
        let words = text::verdict(evidence.summary);
        let sides = evidence.sides();
        let headline = || std::iter::once(quality(&evidence.summary.runs)).chain(COSTS);
        let html = html! {
            @for what in &evidence.summary.conditions {
                p class="warning" role="note" { strong { "Mind: " } (what) "." }
            }
            @for paragraph in words.split("\n\n") {
                @let (evidence, answer) = paragraph.split_at(paragraph.find(text::ANSWER).unwrap_or(paragraph.len()));
                p class="verdict" { (unbroken(evidence)) strong { (unbroken(answer)) } }
            }
            div class="cards" {
                @for key in headline() { (card(metric(key), &sides, evidence)) }
            }
        };
        let figures: serde_json::Map<String, serde_json::Value> = headline()
            .map(|key| {
                let means = sides.iter().map(|s| (s.group.group.clone(), json!(s.group.metrics.get(key))));
                (key.to_string(), means.collect())
            })
            .collect();
        Shown::Figure { html, numbers: json!({ "words": words, "figures": figures }) }
    }
}

/// One quantity of every group, with a bar each.
fn card(metric: &Metric, sides: &[Side], evidence: &Evidence) -> Markup {
    let means = || sides.iter().filter_map(|s| s.group.metrics.get(metric.key)).map(|e| e.mean);
    let scale = Scale::from_zero(means());
    html! {
        div class="card" {
            h3 { (metric.label) }
            @for side in sides {
                @let mean = side.group.metrics.get(metric.key).map(|e| e.mean);
                @let text = mean.map_or(ABSENT.to_string(), |m| format::value(metric.unit, m));
                div class="figure-row" {
                    span class={ "name " (side.class) } title=(side.group.label) { (side.group.short) }
                    span class="figure" { (text) }
                }
                @let name = format!("{}: {text}", side.group.label);
                @let id = format!("card-{}-{}", metric.key, side.index);
                @if let Some(mean) = mean { (bars::single(&id, &name, &scale, &side.class, mean)) }
                @else { div class="bar thin" {} }
            }
            @for comparison in &evidence.summary.comparisons {
                @if let Some(words) = against(metric, comparison) {
                    p class="aside" { (words) }
                }
            }
        }
    }
}

fn against(metric: &Metric, comparison: &crate::Comparison) -> Option<String> {
    if metric.key == "test_error" {
        let d = comparison.test_error_difference?;
        let spread = match (d.interval, comparison.difference_standard_error) {
            (None, Some(s)) => format!(" ± {}", format::points(s)),
            _ => text::points_range(&d),
        };
        return Some(format!("{} points{spread}", format::signed_points(d.mean)));
    }
    if comparison.withheld.iter().any(|key| key == metric.key) {
        return Some("not compared across machines".into());
    }
    let ratio = comparison.ratios.get(metric.key)?;
    Some(format!("{}{}", format::ratio(ratio.mean), text::ratio_range(ratio)))
}
