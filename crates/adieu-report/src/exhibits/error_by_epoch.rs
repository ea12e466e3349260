//! Error against epochs, by read-out and split, and the last error of each read-out.
//!
//! The other error figure ([`super::error_by_time`]) is drawn by [`figure`] too.

use adieu_record::Split;
use maud::{Markup, html};
use serde_json::{Value, json};

use super::{Evidence, Exhibit, Shown, Side, mean, scrolling};
use crate::chart::lines::{Axis, Behind, Drawn, Lines, Series};
use crate::chart::scale::Scale;
use crate::format;
use crate::label;
use crate::run::{Curve, Point, Run};
use crate::stats::Estimate;

pub(super) struct ErrorByEpoch;

impl Exhibit for ErrorByEpoch {
    fn key(&self) -> &'static str {
        "error_by_epoch"
    }

    fn title(&self) -> &'static str {
        "Error against epochs"
    }

    fn show(&self, evidence: &Evidence) -> Shown {
        let across = Across {
            key: self.key(),
            of: |run| &run.curves,
            what: "error",
            x: |p| p.epoch,
            title: "epochs",
            tick: format::count,
        };
        match figure(evidence, &across) {
            Some(charts) => {
                let html = html! { (charts) (last_errors(evidence)) };
                Shown::Figure { html, numbers: numbers(evidence, across.of) }
            }
            None => Shown::Nothing("no run was judged by labels"),
        }
    }
}

/// What an error is drawn against.
pub(super) struct Across {
    pub(super) key: &'static str,
    /// The curves drawn.
    pub(super) of: fn(&Run) -> &[Curve],
    /// What they are of.
    pub(super) what: &'static str,
    pub(super) x: fn(&Point) -> f64,
    /// Title of the axis, with its unit.
    pub(super) title: &'static str,
    pub(super) tick: fn(f64) -> String,
}

/// One chart a split that was evaluated: the first in the open, the rest folded away.
pub(super) fn figure(evidence: &Evidence, across: &Across) -> Option<Markup> {
    let sides = evidence.sides();
    let longest = |split: Split| {
        let curves = evidence.runs.iter().flat_map(across.of).filter(|c| c.split == split);
        curves.map(|c| c.points.len()).max().unwrap_or(0)
    };
    let mut splits = [Split::Test, Split::Validation, Split::Train];
    splits.sort_by_key(|&s| std::cmp::Reverse(longest(s)));
    let mut shown = splits.into_iter().filter(|&s| longest(s) > 0);
    let first = shown.next()?;
    let rest: Vec<Split> = shown.collect();
    Some(html! {
        figure { (chart(&sides, first, across)) (key_to_lines(&sides)) }
        @for split in rest {
            details {
                summary { "The same on the " (label::split(split)) " rows" }
                figure { (chart(&sides, split, across)) }
            }
        }
    })
}

fn chart(sides: &[Side], split: Split, across: &Across) -> Markup {
    let series: Vec<Series> = sides.iter().flat_map(|side| lines_of(side, split, across)).collect();
    let errors: Vec<f64> = series.iter().flat_map(|s| s.points.iter().map(|p| p.1)).collect();
    let abscissas = series.iter().flat_map(|s| s.points.iter().map(|p| p.0));
    let x = Scale::from_zero(abscissas);
    let ends = series
        .iter()
        .filter(|s| !s.faint)
        .filter_map(|s| s.points.last().map(|p| format!("{} ends at {}", s.label, format::percent(p.1))));
    let description = ends.collect::<Vec<_>>().join("; ");
    let name = label::split(split);
    let lines = Lines {
        id: format!("{}-{name}", across.key),
        title: format!("{} {} against {}", label::words(name), across.what, across.title),
        description,
        x: Axis { scale: x, title: across.title.into(), tick: across.tick },
        y: Axis {
            scale: Scale::for_errors(&errors),
            title: format!("{} {}", label::words(name), across.what),
            tick: |v| format!("{} %", format::trimmed(100.0 * v)),
        },
        series,
        reference: None,
        behind: Behind::default(),
    };
    lines.responsive()
}

/// For each read-out of a group: a thin line a seed, and their mean.
fn lines_of(side: &Side, split: Split, across: &Across) -> Vec<Series> {
    let readouts = readouts(side, split, across.of);
    let several = readouts.len() > 1;
    let mut series = Vec::new();
    for (dash, readout) in readouts.iter().enumerate() {
        let curves: Vec<&Curve> =
            side.runs.iter().filter_map(|r| curve(across.of, r, split, readout)).collect();
        let label =
            if several { format!("{} {readout}", side.group.short) } else { side.group.short.clone() };
        let line = |points: Vec<(f64, f64)>, faint: bool| Series {
            label: if faint { String::new() } else { label.clone() },
            class: side.class.clone(),
            dash,
            marker: side.index,
            faint,
            drawn: Drawn::default(),
            points,
        };
        if curves.len() > 1 {
            let each = curves.iter().map(|c| c.points.iter().map(|p| ((across.x)(p), p.error)).collect());
            series.extend(each.map(|points| line(points, true)));
        }
        series.push(line(mean_curve(&curves, across.x), false));
    }
    series
}

/// Mean place and mean error at every step that all the curves have.
fn mean_curve(curves: &[&Curve], x: fn(&Point) -> f64) -> Vec<(f64, f64)> {
    let Some(first) = curves.first() else { return Vec::new() };
    let at = |step: u64| -> Option<(f64, f64)> {
        let points: Option<Vec<&Point>> =
            curves.iter().map(|c| c.points.iter().find(|p| p.step == step)).collect();
        let points = points?;
        Some((mean(points.iter().map(|p| x(p)))?, mean(points.iter().map(|p| p.error))?))
    };
    first.points.iter().filter_map(|p| at(p.step)).collect()
}

fn curve<'a>(of: fn(&Run) -> &[Curve], run: &'a Run, split: Split, readout: &str) -> Option<&'a Curve> {
    of(run).iter().find(|c| c.split == split && c.readout == readout)
}

/// Read-outs a group was evaluated by, its own first.
fn readouts(side: &Side, split: Split, of: fn(&Run) -> &[Curve]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let own = side.runs.iter().flat_map(|r| r.start.readouts.iter());
    let seen = side.runs.iter().flat_map(|r| of(r).iter().map(|c| &c.readout));
    for name in own.chain(seen) {
        let evaluated = side.runs.iter().any(|r| curve(of, r, split, name).is_some());
        if evaluated && !names.contains(name) {
            names.push(name.clone());
        }
    }
    names
}

/// What the short names and thin lines of the chart mean.
fn key_to_lines(sides: &[Side]) -> Markup {
    html! {
        figcaption {
            @for (i, side) in sides.iter().enumerate() {
                @if i > 0 { " · " }
                span class={ "name " (side.class) } { (side.group.short) }
                " " (label::within(&side.group.label))
            }
            @if sides.iter().any(|s| s.runs.len() > 1) { " · thin lines are single seeds, thick lines their mean" }
        }
    }
}

/// The last error of each read-out on each split.
fn last_errors(evidence: &Evidence) -> Markup {
    let sides = evidence.sides();
    let splits: Vec<Split> = [Split::Train, Split::Validation, Split::Test]
        .into_iter()
        .filter(|&s| evidence.runs.iter().any(|r| r.last.iter().any(|e| e.split == s)))
        .collect();
    let table = html! {
        table {
            thead { tr {
                th scope="col" { "Last error by read-out" }
                @for &split in &splits { th scope="col" class="number" { (label::words(label::split(split))) } }
            } }
            tbody {
                @for side in &sides {
                    @for readout in all_readouts(side) {
                        tr {
                            th scope="row" {
                                span class={ "name " (side.class) } { (side.group.short) } " " (readout)
                            }
                            @for &split in &splits { td class="number" { (last_error(side, split, &readout)) } }
                        }
                    }
                }
            }
        }
    };
    scrolling("Last error by read-out", &table)
}

fn all_readouts(side: &Side) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for split in [Split::Test, Split::Validation, Split::Train] {
        for name in readouts(side, split, |run| &run.curves) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names
}

/// One run: error ± its binomial standard error. Several: mean and range.
fn last_error(side: &Side, split: Split, readout: &str) -> String {
    let last: Vec<_> = side.runs.iter().filter_map(|r| r.last_evaluation(split, readout)).collect();
    let errors: Vec<f64> = last.iter().filter_map(|e| e.error).collect();
    match (&last[..], Estimate::of(&errors)) {
        (_, None) => format::ABSENT.into(),
        ([one], Some(e)) => match crate::summary::standard_error(one) {
            Some(s) => format!("{} ± {}", format::points(e.mean), format::percent(s)),
            None => format::percent(e.mean),
        },
        (_, Some(e)) => {
            let (lo, hi) = (format::points(e.min), format::points(e.max));
            format!("{} ({lo} to {hi})", format::percent(e.mean))
        }
    }
}

/// Every curve of every run.
pub(super) fn numbers(evidence: &Evidence, of: fn(&Run) -> &[Curve]) -> Value {
    let runs = evidence.runs.iter().map(
        |r| json!({ "run": r.folder, "learner": r.start.learner, "seed": r.start.seed, "curves": of(r) }),
    );
    runs.collect()
}
