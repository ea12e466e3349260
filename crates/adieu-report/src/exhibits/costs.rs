//! The costs table: every quantity, every learner, and how they compare.

use maud::{Markup, html};
use serde_json::json;

use super::{Evidence, Exhibit, Shown, scrolling};
use crate::format::{self, ABSENT};
use crate::metric::{METRICS, Metric, belongs};
use crate::stats::Estimate;
use crate::summary::Comparison;
use crate::text;

pub(super) struct Costs;

impl Exhibit for Costs {
    fn key(&self) -> &'static str {
        "costs"
    }

    fn title(&self) -> &'static str {
        "What it cost"
    }

    fn show(&self, evidence: &Evidence) -> Shown {
        let summary = evidence.summary;
        if summary.runs.is_empty() {
            return Shown::Nothing("there is no run");
        }
        let sides = evidence.sides();
        let table = html! {
            table {
                thead { tr {
                    th scope="col" { "Quantity" }
                    @for side in &sides { th scope="col" class="number" { (side.column()) } }
                    @for c in &summary.comparisons { th scope="col" class="number" { (versus(c, evidence)) } }
                } }
                tbody {
                    @for metric in METRICS.iter().filter(|m| belongs(m.key, &summary.runs)) {
                        tr {
                            th scope="row" { (metric.label) }
                            @for side in &sides { td class="number" { (cell(metric, side.group.metrics.get(metric.key))) } }
                            @for c in &summary.comparisons { td class="number" { (compared(metric, c)) } }
                        }
                    }
                }
            }
        };
        let html = html! {
            (scrolling("Costs", &table))
            p class="note" {
                (ABSENT) " is not measured, never zero. "
                @if summary.runs.iter().any(|r| !r.finished()) {
                    "Only finished runs count where a learner has any. "
                }
                @if summary.comparisons.iter().any(|c| c.seeds.len() > 1) {
                    "Smaller figures are the range over seeds; brackets hold paired 95 % intervals (Student’s t); "
                    "ratios are geometric means over seeds."
                } @else if !summary.comparisons.is_empty() {
                    "One seed: the ± of the error is its binomial standard error; the other figures have no interval."
                }
            }
        };
        Shown::Figure {
            html,
            numbers: json!({ "groups": summary.groups, "comparisons": summary.comparisons }),
        }
    }
}

/// `FF ∕ BP`.
fn versus(c: &Comparison, evidence: &Evidence) -> String {
    let short = |name: &str| evidence.summary.group(name).map_or(name.to_string(), |g| g.short.clone());
    format!("{} against {}", short(&c.group), short(&c.against))
}

/// Mean, and the range beneath where it is not a point.
fn cell(metric: &Metric, estimate: Option<&Estimate>) -> Markup {
    let text = |v: f64| format::value(metric.unit, v);
    let Some(e) = estimate else { return html! { (ABSENT) } };
    let (lo, hi) = (text(e.min), text(e.max));
    html! {
        (text(e.mean))
        @if e.n > 1 && lo != hi { br; span class="aside" { (lo) " to " (hi) } }
    }
}

fn compared(metric: &Metric, c: &Comparison) -> Markup {
    let (value, spread) = if metric.key == "test_error" {
        let Some(d) = c.test_error_difference else { return html! { (ABSENT) } };
        let spread = match (d.interval, c.difference_standard_error) {
            (None, Some(s)) => format!("± {}", format::points(s)),
            _ => text::points_range(&d),
        };
        (format!("{} points", format::signed_points(d.mean)), spread)
    } else {
        let Some(r) = c.ratios.get(metric.key) else {
            let withheld = c.withheld.iter().any(|key| key == metric.key);
            return html! { @if withheld { span class="aside" { "not compared" } } @else { (ABSENT) } };
        };
        (format::ratio(r.mean), text::ratio_range(r))
    };
    html! { (value) @if !spread.is_empty() { br; span class="aside" { (spread.trim_start()) } } }
}
