//! Rows that still teach: the share of positive and negative rows that a layer learns from, epoch by epoch.
//!
//! A learner that knows it says `rows_taught` with each step: the share of rows whose error in that layer is not
//! exactly zero. Here are its means over epochs and, of several seeds, over runs.

use std::collections::BTreeMap;

use maud::{Markup, html};
use serde::Serialize;
use serde_json::json;

use super::{Evidence, Exhibit, Shown, Side, mean, scrolling};
use crate::chart::lines::{Axis, Behind, Drawn, Lines, SMALL, Series};
use crate::chart::scale::Scale;
use crate::format::{self, ABSENT};
use crate::run::{Run, Trace};

/// What records call it.
const TAUGHT: &str = "rows_taught";

pub(super) struct RowsTaught;

impl Exhibit for RowsTaught {
    fn key(&self) -> &'static str {
        "rows_taught"
    }

    fn title(&self) -> &'static str {
        "Rows that still teach"
    }

    fn show(&self, evidence: &Evidence) -> Shown {
        let taught: Vec<Taught> = evidence.sides().into_iter().filter_map(Taught::of).collect();
        if taught.is_empty() {
            return Shown::Nothing("no learner here counts the rows that still teach it");
        }
        let html = html! {
            p {
                "The share of rows, positive and negative, that a layer still learns from. On every other row it is "
                "so sure that the error is exactly zero."
            }
            @for side in &taught { (shown(side)) }
        };
        let numbers = taught.iter().map(|t| {
            json!({
                "group": t.side.group.group, "runs": t.runs, "skip_satisfied": t.skips, "layers": t.layers,
            })
        });
        Shown::Figure { html, numbers: numbers.collect() }
    }
}

/// What the runs of one group told.
struct Taught<'a> {
    side: Side<'a>,
    /// Runs that told it, and count.
    runs: usize,
    /// Whether rows that do not teach are left out; `None` if the recipes do not say, or do not agree.
    skips: Option<bool>,
    layers: Vec<Layer>,
}

/// Means of one layer.
#[derive(Serialize)]
struct Layer {
    /// Counted from 0.
    layer: u64,
    /// By rising epoch.
    epochs: Vec<Share>,
}

/// Mean over one epoch.
#[derive(Clone, Copy, Serialize)]
pub(super) struct Share {
    /// Counted from 1.
    epoch: u64,
    /// Epochs done at its end; below `epoch` where the run stopped within.
    pub(super) end: f64,
    /// In [0, 1].
    pub(super) share: f64,
}

impl<'a> Taught<'a> {
    fn of(side: Side<'a>) -> Option<Taught<'a>> {
        let told = |run: &Run| run.traces.iter().any(|t| layer_of(t).is_some());
        let mut runs: Vec<&Run> = side.runs.iter().copied().filter(|r| told(r)).collect();
        let finished = |run: &Run| run.outcome == Some(adieu_record::Outcome::Finished);
        if runs.iter().any(|r| finished(r)) {
            runs.retain(|r| finished(r));
        }
        let mut layers: Vec<u64> = runs.iter().flat_map(|r| r.traces.iter().filter_map(layer_of)).collect();
        layers.sort_unstable();
        layers.dedup();
        let layers = layers.into_iter().map(|layer| Layer { layer, epochs: means(&runs, TAUGHT, layer) });
        let layers: Vec<Layer> = layers.filter(|l| !l.epochs.is_empty()).collect();
        let said = |run: &Run| run.start.recipe["learner"]["skip_satisfied"].as_bool();
        let skips = runs.first().and_then(|r| said(r)).filter(|s| runs.iter().all(|r| said(r) == Some(*s)));
        (!layers.is_empty()).then_some(Taught { side, runs: runs.len(), skips, layers })
    }

    /// The first, the middle and the last epoch, once each.
    fn epochs(&self) -> Vec<u64> {
        let all = || self.layers.iter().flat_map(|l| l.epochs.iter().map(|s| s.epoch));
        let (first, last) = (all().min().unwrap_or(1), all().max().unwrap_or(1));
        let mut epochs = vec![first, first.midpoint(last), last];
        epochs.dedup();
        epochs
    }

    /// `Layer 1 from 38.20 % in epoch 1 to 12.40 % in epoch 12; layer 2 …`.
    fn words(&self) -> String {
        let one = |(i, l): (usize, &Layer)| {
            let name = format!("{} {}", if i == 0 { "Layer" } else { "layer" }, l.layer + 1);
            let (Some(first), Some(last)) = (l.epochs.first(), l.epochs.last()) else { return name };
            let at = |s: &Share| match i {
                0 => format!("{} in epoch {}", format::percent(s.share), s.epoch),
                _ => format::percent(s.share),
            };
            if first.epoch == last.epoch {
                return format!("{name} {}", at(first));
            }
            format!("{name} from {} to {}", at(first), at(last))
        };
        self.layers.iter().enumerate().map(one).collect::<Vec<_>>().join("; ") + "."
    }
}

/// The layer of a trace that counts rows.
fn layer_of(trace: &Trace) -> Option<u64> {
    trace.layer.filter(|_| trace.name == TAUGHT)
}

/// Mean of a share over the runs that know it of the layer, in every epoch that all of them have.
pub(super) fn means(runs: &[&Run], name: &str, layer: u64) -> Vec<Share> {
    let of_layer = |run: &&Run| run.traces.iter().position(|t| t.name == name && t.layer == Some(layer));
    let traces = runs.iter().filter_map(|run| Some(&run.traces[of_layer(run)?]));
    let each: Vec<BTreeMap<u64, Share>> = traces.map(|t| by_epoch(&t.points)).collect();
    let Some(first) = each.first() else { return Vec::new() };
    let at = |epoch: u64| {
        let shares: Option<Vec<&Share>> = each.iter().map(|run| run.get(&epoch)).collect();
        let shares = shares?;
        let (end, share) = (mean(shares.iter().map(|s| s.end))?, mean(shares.iter().map(|s| s.share))?);
        Some(Share { epoch, end, share })
    };
    first.keys().filter_map(|epoch| at(*epoch)).collect()
}

/// Means over epochs of means over windows, which end at `points` and never reach beyond an epoch.
fn by_epoch(points: &[(f64, f64)]) -> BTreeMap<u64, Share> {
    let mut found: BTreeMap<u64, Share> = BTreeMap::new();
    let mut done = 0.0_f64;
    for &(end, share) in points.iter().filter(|(_, share)| (0.0..=1.0).contains(share)) {
        let begun = (end.ceil() - 1.0).max(0.0);
        let length = end - done.max(begun);
        if length > 0.0 {
            let epoch = begun as u64 + 1;
            let mean = found.entry(epoch).or_insert(Share { epoch, end, share });
            // A mean that moves by the part that the window has in the epoch so far.
            mean.share += (share - mean.share) * length / (end - begun);
            mean.end = end;
            done = end;
        }
    }
    found
}

/// A chart with its words, and a table beside it where there is room.
fn shown(taught: &Taught) -> Markup {
    let side = &taught.side;
    html! {
        h3 { (side.name()) @if taught.runs > 1 { span class="aside" { ", mean of " (taught.runs) " runs" } } }
        div class="columns" {
            figure {
                (chart(taught))
                figcaption {
                    (taught.words())
                    @match taught.skips {
                        Some(true) => " The other rows are left out of the weight gradient (skip_satisfied).",
                        Some(false) => " The other rows could have been left out of the weight gradient (skip_satisfied).",
                        None => "",
                    }
                }
            }
            (table(taught))
        }
    }
}

fn chart(taught: &Taught) -> Markup {
    let side = &taught.side;
    let series = taught.layers.iter().map(|l| Series {
        label: format!("layer {}", l.layer + 1),
        class: side.class.clone(),
        dash: l.layer as usize,
        marker: l.layer as usize,
        faint: false,
        drawn: Drawn::default(),
        points: l.epochs.iter().map(|s| (s.end, s.share)).collect(),
    });
    let ends = taught.layers.iter().flat_map(|l| l.epochs.iter().map(|s| s.end));
    let lines = Lines {
        id: format!("rows_taught-{}", side.index),
        title: format!("Rows that still teach, by layer of {}", side.group.label),
        description: taught.words(),
        x: Axis { scale: Scale::from_zero(ends), title: "epochs".into(), tick: format::trimmed },
        y: Axis {
            scale: Scale::Linear { lo: 0.0, hi: 1.0 },
            title: "share of rows, mean of the epoch".into(),
            tick: |v| format!("{} %", format::trimmed(100.0 * v)),
        },
        series: series.collect(),
        reference: None,
        behind: Behind::default(),
    };
    lines.svg(SMALL)
}

fn table(taught: &Taught) -> Markup {
    let epochs = taught.epochs();
    let cell = |l: &Layer, epoch: u64| {
        let found = l.epochs.iter().find(|s| s.epoch == epoch);
        found.map_or_else(|| ABSENT.into(), |s| format::percent(s.share))
    };
    let table = html! {
        table {
            thead { tr {
                th scope="col" { "Layer" }
                @for epoch in &epochs { th scope="col" class="number" { "Epoch " (epoch) } }
            } }
            tbody {
                @for l in &taught.layers {
                    tr {
                        th scope="row" { (l.layer + 1) }
                        @for &epoch in &epochs { td class="number" { (cell(l, epoch)) } }
                    }
                }
            }
        }
    };
    scrolling(&format!("Rows that still teach {}, by layer and epoch", taught.side.group.label), &table)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn windows_weigh_as_much_as_they_are_long() {
        // An epoch of windows of a half, a quarter and a quarter; then half an epoch; then a gap.
        let points = [(0.5, 0.8), (0.75, 0.4), (1.0, 0.2), (1.5, 0.1), (3.0, 0.3)];
        let found: Vec<_> = by_epoch(&points).into_values().map(|s| (s.epoch, s.end, s.share)).collect();
        assert_eq!(found.len(), 3);
        for ((epoch, end, share), expected) in
            found.iter().zip([(1, 1.0, 0.55), (2, 1.5, 0.1), (3, 3.0, 0.3)])
        {
            assert_eq!((*epoch, *end), (expected.0, expected.1));
            assert!((share - expected.2).abs() < 1e-12, "{share} is not {}", expected.2);
        }
    }

    #[test]
    fn what_is_no_share_of_rows_is_left_out() {
        let points = [(0.0, 0.5), (1.0, 1e300), (2.0, -0.1), (3.0, 0.5), (3.0, 0.9), (2.5, 0.9)];
        let found: Vec<_> = by_epoch(&points).into_values().map(|s| (s.epoch, s.end, s.share)).collect();
        assert_eq!(found, [(3, 3.0, 0.5)]);
    }

    #[test]
    fn runs_that_broke_off_count_only_where_none_finished() {
        let mut runs = crate::sample::duel(&[1, 2]);
        runs[0].outcome = None;
        for trace in &mut runs[0].traces {
            trace.points.truncate(3);
        }
        let taught = |runs: &[Run]| -> Value {
            let summary = crate::summary::Summary::of(runs);
            match RowsTaught.show(&Evidence { runs, summary: &summary }) {
                Shown::Figure { numbers, .. } => numbers[0].clone(),
                Shown::Nothing(why) => panic!("{why}"),
            }
        };
        let epochs = |numbers: &Value| numbers["layers"][0]["epochs"].as_array().map(Vec::len);
        let both = taught(&runs);
        assert_eq!((&both["runs"], epochs(&both)), (&json!(1), Some(12)));
        let alone = taught(&runs[..1]);
        assert_eq!((&alone["runs"], epochs(&alone)), (&json!(1), Some(1)));
        assert_eq!(alone["layers"][0]["epochs"][0]["end"], json!(0.5));
    }
}
