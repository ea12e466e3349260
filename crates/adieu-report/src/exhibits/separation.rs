//! Goodness of positive and negative rows, layer by layer, as they come apart in training.

use maud::{Markup, html};
use serde_json::json;

use super::{Evidence, Exhibit, Shown, Side};
use crate::chart::lines::{Axis, Behind, Drawn, Lines, SMALL, Series};
use crate::chart::scale::Scale;
use crate::format;
use crate::run::Separation;

pub(super) struct SeparationOfGoodness;

impl Exhibit for SeparationOfGoodness {
    fn key(&self) -> &'static str {
        "separation"
    }

    fn title(&self) -> &'static str {
        "How goodness came apart"
    }

    fn show(&self, evidence: &Evidence) -> Shown {
        let sides: Vec<(Side, Vec<Vec<Separation>>)> = evidence
            .sides()
            .into_iter()
            .map(|side| {
                let told: Vec<Vec<Separation>> =
                    side.runs.iter().map(|r| r.separation()).filter(|s| !s.is_empty()).collect();
                (side, told)
            })
            .filter(|(_, told)| !told.is_empty())
            .collect();
        if sides.is_empty() {
            return Shown::Nothing("no learner here has a goodness");
        }
        let html = html! {
            p {
                "Mean goodness of positive and negative rows in units of the threshold: at 1 a layer cannot decide, "
                "and learning is the gap around it."
            }
            @for (side, told) in &sides { (multiples(side, told)) }
        };
        let numbers = sides.iter().map(|(side, told)| json!({ "group": side.group.group, "runs": told }));
        Shown::Figure { html, numbers: numbers.collect() }
    }
}

/// One small chart a layer, all to the same scale.
fn multiples(side: &Side, told: &[Vec<Separation>]) -> Markup {
    let all = || told.iter().flatten();
    let values = all().flat_map(|s| s.positive.iter().chain(&s.negative)).map(|p| p.1);
    let y = Scale::from_zero_nice(values.chain([1.0]), 4);
    let x = Scale::from_zero(all().flat_map(|s| s.positive.iter().map(|p| p.0)));
    let mut layers: Vec<u64> = all().map(|s| s.layer).collect();
    layers.sort_unstable();
    layers.dedup();
    html! {
        h3 { (side.name()) @if told.len() > 1 { span class="aside" { ", one line a seed" } } }
        div class="multiples" {
            @for layer in layers {
                @let of_layer: Vec<&Separation> = all().filter(|s| s.layer == layer).collect();
                figure {
                    h4 { "Layer " (layer + 1) }
                    (chart(side, layer, &of_layer, x, y))
                    @if let Some(words) = at_the_end(&of_layer) { figcaption { (words) } }
                }
            }
        }
    }
}

fn chart(side: &Side, layer: u64, of_layer: &[&Separation], x: Scale, y: Scale) -> Markup {
    let alone = of_layer.len() == 1;
    let series = of_layer.iter().enumerate().flat_map(|(i, s)| {
        let line = |label: &str, points: &[(f64, f64)], dash: usize| Series {
            label: if i == 0 { label.into() } else { String::new() },
            class: side.class.clone(),
            dash,
            marker: side.index,
            faint: !alone,
            drawn: Drawn::default(),
            points: thinned(points),
        };
        [line("positive", &s.positive, 0), line("negative", &s.negative, 1)]
    });
    let lines = Lines {
        id: format!("separation-{}-{layer}", side.index),
        title: format!("Goodness in layer {} of {}", layer + 1, side.group.label),
        description: at_the_end(of_layer).unwrap_or_default(),
        x: Axis { scale: x, title: "epochs".into(), tick: format::trimmed },
        y: Axis { scale: y, title: "goodness ∕ threshold".into(), tick: format::trimmed },
        series: series.collect(),
        reference: Some((1.0, "")),
        behind: Behind::default(),
    };
    lines.svg(SMALL)
}

/// At most 120 points: a small chart shows no more.
fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let every = points.len().div_ceil(120).max(1);
    let last = points.len().saturating_sub(1);
    let kept = points.iter().enumerate().filter(|(i, _)| i % every == 0 || *i == last);
    kept.map(|(_, p)| *p).collect()
}

/// `At the end 1.74 against 0.38; 1.02 % of pairs the wrong way round.`
fn at_the_end(of_layer: &[&Separation]) -> Option<String> {
    let last = |points: fn(&Separation) -> &Vec<(f64, f64)>| {
        super::mean(of_layer.iter().filter_map(|s| points(s).last().map(|p| p.1)))
    };
    let (positive, negative) = (last(|s| &s.positive)?, last(|s| &s.negative)?);
    let pairs = last(|s| &s.pairwise_errors)
        .map_or_else(String::new, |p| format!("; {} of pairs the wrong way round", format::percent(p)));
    Some(format!(
        "At the end {} against {}{pairs}.",
        format::significant(positive, 3),
        format::significant(negative, 3)
    ))
}
