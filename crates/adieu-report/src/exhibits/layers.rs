//! How each layer is doing, epoch by epoch: pairs that it has the wrong way round, and how busy its units are.
//!
//! A learner that knows them says `pairwise_errors`, `sparsity`, `dead_units` and `always_on` with each step. Here are
//! their means over epochs and, of several seeds, over runs. How goodness comes apart is an exhibit of its own.

use maud::{Markup, html};
use serde::Serialize;
use serde_json::json;

use super::rows_taught::{Share, means};
use super::{Evidence, Exhibit, Shown, Side};
use crate::chart::lines::{Axis, Behind, Drawn, Lines, SMALL, Series};
use crate::chart::scale::Scale;
use crate::format;
use crate::run::Run;

/// What the record calls a share, what people call it.
const MEASURES: [(&str, &str); 4] = [
    ("pairwise_errors", "Pairs the wrong way round"),
    ("sparsity", "Activities that are zero"),
    ("dead_units", "Units off on every positive row"),
    ("always_on", "Units on on every positive row"),
];

pub(super) struct LayerByLayer;

impl Exhibit for LayerByLayer {
    fn key(&self) -> &'static str {
        "layers"
    }

    fn title(&self) -> &'static str {
        "Layer by layer"
    }

    fn show(&self, evidence: &Evidence) -> Shown {
        let told: Vec<Told> = evidence.sides().into_iter().filter_map(Told::of).collect();
        if told.is_empty() {
            return Shown::Nothing("no learner here says how its layers are doing");
        }
        let html = html! {
            p {
                "A pair is the wrong way round in a layer if its negative row has the better goodness. A unit is off "
                "where its activity is exactly zero; dead ones are off on all positive rows of a batch. A ReLU "
                "that is always on is a linear unit."
            }
            @for side in &told { (multiples(side)) }
        };
        let numbers = told.iter().map(|t| json!({ "group": t.side.group.group, "measures": t.measures }));
        Shown::Figure { html, numbers: numbers.collect() }
    }
}

/// What the runs of one group told.
struct Told<'a> {
    side: Side<'a>,
    measures: Vec<Measure>,
}

#[derive(Serialize)]
struct Measure {
    name: &'static str,
    #[serde(skip)]
    title: &'static str,
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

impl<'a> Told<'a> {
    fn of(side: Side<'a>) -> Option<Told<'a>> {
        let measures =
            MEASURES.map(|(name, title)| Measure { name, title, layers: layers(&side.runs, name) });
        let measures: Vec<Measure> = measures.into_iter().filter(|m| !m.layers.is_empty()).collect();
        (!measures.is_empty()).then_some(Told { side, measures })
    }
}

fn layers(runs: &[&Run], name: &str) -> Vec<Layer> {
    let told = |run: &&Run| run.traces.iter().any(|t| t.name == name);
    let runs: Vec<&Run> = runs.iter().copied().filter(told).collect();
    let traces = runs.iter().flat_map(|r| r.traces.iter().filter(|t| t.name == name));
    let mut layers: Vec<u64> = traces.filter_map(|t| t.layer).collect();
    layers.sort_unstable();
    layers.dedup();
    let layers = layers.into_iter().map(|layer| Layer { layer, epochs: means(&runs, name, layer) });
    layers.filter(|l| !l.epochs.is_empty()).collect()
}

impl Measure {
    /// `In the last epoch 1.20 % in layer 1, 3.40 % in layer 2.`
    fn words(&self) -> String {
        let last = |l: &Layer| {
            let share = l.epochs.last()?.share;
            Some(format!("{} in layer {}", format::percent(share), l.layer + 1))
        };
        format!("In the last epoch {}.", self.layers.iter().filter_map(last).collect::<Vec<_>>().join(", "))
    }
}

/// One small chart a measure.
fn multiples(told: &Told) -> Markup {
    html! {
        h3 { (told.side.heading()) }
        div class="multiples" {
            @for measure in &told.measures {
                figure {
                    h4 { (measure.title) }
                    (chart(&told.side, measure))
                    figcaption { (measure.words()) }
                }
            }
        }
    }
}

fn chart(side: &Side, measure: &Measure) -> Markup {
    let shares = || measure.layers.iter().flat_map(|l| &l.epochs);
    let series = measure.layers.iter().map(|l| Series {
        label: format!("layer {}", l.layer + 1),
        class: side.class.clone(),
        dash: l.layer as usize,
        marker: l.layer as usize,
        faint: false,
        drawn: Drawn::default(),
        points: l.epochs.iter().map(|s| (s.end, s.share)).collect(),
    });
    let lines = Lines {
        id: format!("layers-{}-{}", side.index, measure.name),
        title: format!("{}, by layer of {}", measure.title, side.group.label),
        description: measure.words(),
        x: Axis {
            scale: Scale::from_zero(shares().map(|s| s.end)),
            title: "epochs".into(),
            tick: format::trimmed,
        },
        y: Axis {
            scale: Scale::from_zero_nice(shares().map(|s| s.share).chain([0.01]), 4),
            title: "share, mean of the epoch".into(),
            tick: |v| format!("{} %", format::trimmed(100.0 * v)),
        },
        series: series.collect(),
        reference: None,
        behind: Behind::default(),
    };
    lines.svg(SMALL)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::Summary;

    #[test]
    fn what_was_not_told_is_left_out_and_nothing_told_is_no_exhibit() {
        let mut runs = crate::sample::duel(&[1, 2]);
        let names = |runs: &[Run]| -> Vec<String> {
            let summary = Summary::of(runs);
            match LayerByLayer.show(&Evidence { runs, summary: &summary }) {
                Shown::Figure { numbers, .. } => {
                    let measures = numbers[0]["measures"].as_array().into_iter().flatten();
                    measures.map(|m| m["name"].as_str().unwrap_or_default().to_string()).collect()
                }
                Shown::Nothing(_) => Vec::new(),
            }
        };
        assert_eq!(names(&runs), MEASURES.map(|(name, _)| name));
        for run in &mut runs {
            run.traces.retain(|t| t.name != "sparsity" && t.name != "always_on");
        }
        assert_eq!(names(&runs), ["pairwise_errors", "dead_units"]);
        runs.iter_mut().for_each(|run| run.traces.clear());
        assert_eq!(names(&runs), [""; 0]);
    }
}
