//! How the cost of a training step grows with depth, width and batch, and the page that shows it.
//!
//! ```text
//! growth     cost = c · at^b:  ln cost = ln c + b ln at by least squares; b is the exponent
//! ```

use adieu_record::Unit;
use maud::{Markup, html};
use serde::Serialize;

use crate::chart::group_class;
use crate::chart::lines::{self, Axis, Behind, Drawn, Lines, SMALL, Series};
use crate::chart::scale::Scale;
use crate::exhibits::scrolling;
use crate::format::{self, ABSENT};
use crate::page;
use crate::stats::{Estimate, Line};

/// One net and learner.
#[derive(Clone, Debug, Serialize)]
pub struct Point {
    /// What is swept: `depth`, `width` or `batch`.
    pub axis: &'static str,
    /// Where on it.
    pub at: u64,
    /// `forward_forward`, `back_prop`, or either in less memory.
    pub learner: String,
    /// s of a step, over the turns; the first turn of each net does not count.
    pub seconds: Estimate,
    /// Multiply-adds of a step.
    pub macs: f64,
    /// Bytes of a step beside data, parameters and moments, by the learner's formula; `None` where it states none.
    pub step_bytes: Option<u64>,
    /// Most bytes kept from the forward pass for credit, as counted.
    pub kept_bytes: u64,
}

/// How a quantity grows along an axis.
#[derive(Clone, Debug, Serialize)]
pub struct Growth {
    /// What is swept.
    pub axis: &'static str,
    /// By which learner.
    pub learner: String,
    /// `seconds`, `macs`, `step_bytes` or `kept_bytes`.
    pub quantity: &'static str,
    /// Quantity over axis: what one layer, unit or row more costs.
    pub line: Line,
    /// Slope of the logarithms: 0 does not grow, 1 grows in proportion, 2 with the square.
    pub exponent: Line,
}

/// What was found.
#[derive(Clone, Debug, Serialize)]
pub struct Scaling {
    /// Every net and learner.
    pub points: Vec<Point>,
    /// How each quantity grows.
    pub growth: Vec<Growth>,
}

/// A quantity whose growth is told.
struct Quantity {
    key: &'static str,
    title: &'static str,
    unit: Unit,
    /// Title of its axis, and what its values are divided by there.
    axis: &'static str,
    by: f64,
    tick: fn(f64) -> String,
    of: fn(&Point) -> Option<f64>,
}

const QUANTITIES: [Quantity; 4] = [
    Quantity {
        key: "seconds",
        title: "Time of a step",
        unit: Unit::Seconds,
        axis: "time of a step",
        by: 1.0,
        tick: |v| short(&format::seconds(v)),
        of: |p| Some(p.seconds.mean),
    },
    Quantity {
        key: "macs",
        title: "Multiply-adds of a step",
        unit: Unit::MultiplyAdds,
        axis: "multiply-adds",
        by: 1.0,
        tick: |v| short(&format::prefixed(v)),
        of: |p| Some(p.macs),
    },
    Quantity {
        key: "step_bytes",
        title: "Bytes of a step, by formula",
        unit: Unit::Bytes,
        axis: "MiB",
        by: 1_048_576.0,
        tick: format::trimmed,
        of: |p| p.step_bytes.map(|bytes| bytes as f64),
    },
    Quantity {
        key: "kept_bytes",
        title: "Bytes kept for credit, as counted",
        unit: Unit::Bytes,
        axis: "MiB",
        by: 1_048_576.0,
        tick: format::trimmed,
        of: |p| Some(p.kept_bytes as f64),
    },
];

/// What is swept, and in which words.
const AXES: [(&str, &str); 3] =
    [("depth", "hidden layers"), ("width", "units a layer"), ("batch", "rows a step")];

/// `2.00 ms` → `2 ms`: ticks are round.
fn short(text: &str) -> String {
    let (number, unit) = text.split_once(' ').unwrap_or((text, ""));
    let number =
        if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number };
    if unit.is_empty() { number.into() } else { format!("{number} {unit}") }
}

impl Scaling {
    /// Fits how each quantity grows along each axis, learner by learner.
    pub fn of(points: Vec<Point>) -> Scaling {
        let mut of: Vec<(&'static str, &str)> = points.iter().map(|p| (p.axis, p.learner.as_str())).collect();
        of.sort_unstable();
        of.dedup();
        let mut growth = Vec::new();
        for (axis, learner) in of {
            for quantity in &QUANTITIES {
                let some = points.iter().filter(|p| p.axis == axis && p.learner == learner);
                let seen: Vec<(f64, f64)> =
                    some.filter_map(|p| Some((p.at as f64, (quantity.of)(p)?))).collect();
                let logarithms: Vec<(f64, f64)> = seen.iter().map(|(x, y)| (x.ln(), y.ln())).collect();
                if let (Some(line), Some(exponent)) = (Line::through(&seen), Line::through(&logarithms)) {
                    growth.push(Growth {
                        axis,
                        learner: learner.into(),
                        quantity: quantity.key,
                        line,
                        exponent,
                    });
                }
            }
        }
        Scaling { points, growth }
    }

    fn growth(&self, axis: &str, learner: &str, quantity: &str) -> Option<&Growth> {
        self.growth.iter().find(|g| g.axis == axis && g.learner == learner && g.quantity == quantity)
    }

    /// Each once, in order of first appearance.
    fn learners(&self) -> Vec<&str> {
        let mut all: Vec<&str> = Vec::new();
        for point in &self.points {
            if !all.contains(&point.learner.as_str()) {
                all.push(&point.learner);
            }
        }
        all
    }
}

/// What was found as one HTML file: log-log plots, a line a learner. `deck` says on what; `footer` is a line at the foot.
pub fn html(found: &Scaling, deck: &str, footer: Option<&str>) -> String {
    let main = html! {
        section id="reading" {
            h2 { "How to read it" }
            p {
                "One of depth, width and batch is changed at a time, around a net in the middle. Both axes are logarithmic, so "
                "that a straight line is a power: of slope 0 it does not grow, of slope 1 in proportion, of slope 2 with the "
                "square. Markers are measured or counted, lines are fitted; the slope stands below each drawing with its 95 % "
                "interval."
            }
            div class="key" {
                @for (i, learner) in found.learners().iter().enumerate() {
                    span { (lines::swatch(&group_class(i), i / 6, i)) (learner) }
                }
            }
        }
        @for quantity in &QUANTITIES {
            section id=(quantity.key) {
                h2 { (quantity.title) }
                div class="columns" { @for axis in AXES { (chart(found, quantity, axis)) } }
            }
        }
        section id="numbers" { h2 { "All the numbers" } (table(found)) }
    };
    page::shell("How cost grows", deck, &main, footer)
}

fn chart(found: &Scaling, quantity: &Quantity, (axis, words): (&str, &str)) -> Markup {
    let place = |p: &Point| Some((p.at as f64, (quantity.of)(p)? / quantity.by)).filter(|at| at.1 > 0.0);
    let all: Vec<(f64, f64)> = found.points.iter().filter(|p| p.axis == axis).filter_map(place).collect();
    if all.is_empty() {
        return html! {};
    }
    let mut series = Vec::new();
    for (i, learner) in found.learners().iter().enumerate() {
        let of = found.points.iter().filter(|p| p.axis == axis && p.learner == *learner);
        let points: Vec<(f64, f64)> = of.filter_map(place).collect();
        let one = |drawn, points| Series {
            label: String::new(),
            class: group_class(i),
            dash: i / 6,
            marker: i,
            faint: false,
            drawn,
            points,
        };
        if let Some(growth) = found.growth(axis, learner, quantity.key) {
            let Line { intercept, slope, .. } = growth.exponent;
            let at = |x: f64| (x, (intercept + slope * x.ln()).exp() / quantity.by);
            let ends = points.iter().map(|p| p.0);
            let (lo, hi) = (ends.clone().fold(f64::INFINITY, f64::min), ends.fold(0.0, f64::max));
            series.push(one(Drawn::Plain, vec![at(lo), at(hi)]));
        }
        series.push(one(Drawn::Marks, points));
    }
    series.retain(|s| !s.points.is_empty());
    let slopes = slopes(found, quantity, axis);
    let lines = Lines {
        id: format!("{}-{axis}", quantity.key),
        title: format!("{} against {words}", quantity.title),
        description: slopes.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>().join("; "),
        x: Axis { scale: Scale::log(all.iter().map(|p| p.0)), title: words.into(), tick: format::trimmed },
        y: Axis {
            scale: Scale::log(all.iter().map(|p| p.1)),
            title: quantity.axis.into(),
            tick: quantity.tick,
        },
        series,
        reference: None,
        behind: Behind::default(),
    };
    html! {
        figure {
            h4 { "Against " (words) }
            (lines.svg(SMALL))
            figcaption { @for (i, text) in slopes { span class={ "name " (group_class(i)) } { "● " } (text) br; } }
        }
    }
}

/// `back_prop: slope 0.98 (0.95 to 1.02)`, by place of the learner.
fn slopes(found: &Scaling, quantity: &Quantity, axis: &str) -> Vec<(usize, String)> {
    let learners = found.learners();
    let one = |(i, learner): (usize, &&str)| {
        let told = found
            .points
            .iter()
            .any(|p| p.axis == axis && p.learner == **learner && (quantity.of)(p).is_some());
        let Some(growth) = found.growth(axis, learner, quantity.key) else {
            // Nothing to fit: one place only, or a zero.
            return told.then(|| (i, format!("{learner}: no slope")));
        };
        Some((i, format!("{learner}: slope {}", slope(growth))))
    };
    learners.iter().enumerate().filter_map(one).collect()
}

/// `0.98 (0.95 to 1.02)`; without an interval where there are two places only, or no scatter.
fn slope(growth: &Growth) -> String {
    let two = |v: f64| {
        let text = format!("{v:.2}");
        if text == "-0.00" { "0.00".into() } else { text.replace('-', "−") }
    };
    let middle = two(growth.exponent.slope);
    let interval = growth.exponent.interval.map(|i| [two(i.lo), two(i.hi)]);
    let interval = interval.filter(|ends| ends.iter().any(|end| *end != middle));
    interval.map_or_else(|| middle.clone(), |[lo, hi]| format!("{middle} ({lo} to {hi})"))
}

fn table(found: &Scaling) -> Markup {
    let table = html! {
        table {
            thead { tr {
                th scope="col" { "Axis" } th scope="col" { "At" } th scope="col" { "Learner" }
                @for quantity in &QUANTITIES { th scope="col" class="number" { (quantity.title) } }
            } }
            tbody { @for point in &found.points { tr {
                th scope="row" { (point.axis) }
                td { (point.at) }
                td { (point.learner) }
                @for quantity in &QUANTITIES {
                    td class="number" {
                        ((quantity.of)(point).map_or_else(|| ABSENT.into(), |v| format::value(quantity.unit, v)))
                    }
                }
            } } }
        }
    };
    html! { details { summary { "Every net and learner" } (scrolling("Every net and learner", &table)) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found() -> Scaling {
        let mut points = Vec::new();
        for (axis, ats) in [("depth", [2, 4, 8]), ("width", [250, 500, 1000]), ("batch", [50, 100, 200])] {
            for at in ats {
                for (learner, power, formula) in [("back_prop", 1, true), ("ff <2>", 2, false)] {
                    let x = at as f64;
                    points.push(Point {
                        axis,
                        at,
                        learner: learner.into(),
                        seconds: Estimate::of(&[1e-3 * x, 1.02e-3 * x]).expect("two values"),
                        macs: 1e6 * x.powi(power),
                        step_bytes: formula.then_some(4096 * at),
                        kept_bytes: if formula { 4096 } else { 0 },
                    });
                }
            }
        }
        Scaling::of(points)
    }

    #[test]
    fn exponents_are_those_of_the_powers() {
        let found = found();
        let exponent = |learner: &str, quantity: &str| {
            found.growth("depth", learner, quantity).map(|growth| growth.exponent.slope)
        };
        for (learner, quantity, expected) in [
            ("back_prop", "macs", 1.0),
            ("ff <2>", "macs", 2.0),
            ("back_prop", "seconds", 1.0),
            ("back_prop", "step_bytes", 1.0),
            ("back_prop", "kept_bytes", 0.0),
        ] {
            let found = exponent(learner, quantity).expect("three places");
            assert!((found - expected).abs() < 1e-9, "{learner} {quantity}: {found}");
        }
        assert_eq!(exponent("ff <2>", "kept_bytes"), None, "zero has no logarithm");
        assert_eq!(exponent("ff <2>", "step_bytes"), None, "it states none");
    }

    #[test]
    fn the_page_has_a_line_a_learner_and_names_slopes() {
        let page = html(&found(), "784-500-500", Some("a foot"));
        let macs = page.split("id=\"macs\"").nth(1).unwrap().split("id=\"step_bytes\"").next().unwrap();
        assert_eq!(macs.matches("class=\"line ").count(), 6, "two learners on three axes");
        assert_eq!(macs.matches("class=\"marker ").count(), 18);
        for part in ["back_prop: slope 1.00", "ff &lt;2&gt;: slope 2.00", "ff &lt;2&gt;: no slope", "a foot"]
        {
            assert!(page.contains(part), "no `{part}`");
        }
        for bad in ["NaN", "<script", "href", "ff <2>"] {
            assert!(!page.contains(bad), "`{bad}` in the page");
        }
        assert!(!html(&Scaling::of(Vec::new()), "nothing", None).contains("NaN"));
    }
}
