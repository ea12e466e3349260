//! Figures of a sweep beside its errors: the error against what the run cost, and steps along a number.

use maud::{Markup, html};
use serde::{Deserialize, Serialize};

use super::{StepSummary, SweepSummary};
use crate::chart::group_class;
use crate::chart::lines::{self, Axis, Behind, Drawn, Lines, SMALL, Series};
use crate::chart::scale::Scale;
use crate::format;

/// Steps along a number, such as layers that share a loss: how error and cost change with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trend {
    /// What it shows, for people.
    pub title: String,
    /// What the number is.
    pub axis: String,
    /// The number of each step, and the step's name, by rising number.
    pub steps: Vec<(f64, String)>,
    /// The step that is drawn across, if there is one.
    pub beside: Option<String>,
}

/// A quantity that trends and clouds show.
struct Shown {
    /// Of a [`Metric`](crate::Metric).
    key: &'static str,
    title: &'static str,
    tick: fn(f64) -> String,
}

fn hundredths(error: f64) -> String {
    format!("{} %", format::trimmed(100.0 * error))
}

const ERROR: Shown = Shown { key: "test_error", title: "Test error", tick: hundredths };

const COSTS: [Shown; 3] = [
    Shown { key: "train_seconds", title: "Training time, s", tick: format::trimmed },
    Shown { key: "macs", title: "Multiply-adds", tick: format::prefixed },
    Shown { key: "saved_peak_bytes", title: "Kept for credit", tick: format::bytes },
];

/// The mean over seeds.
fn mean(step: &StepSummary, shown: &Shown) -> Option<f64> {
    step.metrics.get(shown.key).map(|estimate| estimate.mean).filter(|mean| mean.is_finite())
}

fn series(class: usize, drawn: Drawn, points: Vec<(f64, f64)>) -> Series {
    let label = String::new();
    Series { label, class: group_class(class), dash: class, marker: class, faint: false, drawn, points }
}

/// The error of each step against each cost, and which steps nothing beats.
pub(super) fn clouds(sweep: &SweepSummary) -> Markup {
    let clouds: Vec<Markup> = COSTS.iter().filter_map(|cost| cloud(sweep, cost)).collect();
    html! {
        @if !clouds.is_empty() {
            section id="costs" {
                h2 { "Error against what it cost" }
                p {
                    "Down and left is better. The line joins the steps that no other beats in both; they are named below each "
                    "drawing, the cheapest first."
                }
                div class="columns" { @for cloud in &clouds { (cloud) } }
            }
        }
    }
}

fn cloud(sweep: &SweepSummary, cost: &Shown) -> Option<Markup> {
    let place = |step: &StepSummary| Some((mean(step, cost)?, mean(step, &ERROR)?, step.step.clone()));
    let mut all: Vec<(f64, f64, String)> = sweep.steps.iter().filter_map(place).collect();
    if all.len() < 3 {
        return None;
    }
    all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let mut best = f64::INFINITY;
    let (front, beaten): (Vec<_>, Vec<_>) = all.iter().partition(|(_, error, _)| {
        let better = *error < best;
        best = best.min(*error);
        better
    });
    let points = |of: &[&(f64, f64, String)]| of.iter().map(|(x, y, _)| (*x, *y)).collect::<Vec<_>>();
    let drawn = [series(0, Drawn::Curve, points(&front)), series(1, Drawn::Marks, points(&beaten))];
    let names: Vec<String> =
        front.iter().map(|(_, y, name)| format!("{name} ({})", format::percent(*y))).collect();
    let names = names.join("; ");
    let chart = Lines {
        id: format!("cloud-{}", cost.key),
        title: format!("Test error against {}", cost.title.to_lowercase()),
        description: format!("Nothing beats: {names}"),
        x: axis(cost, all.iter().map(|p| p.0)),
        y: axis(&ERROR, all.iter().map(|p| p.1)),
        series: drawn.into_iter().filter(|s| !s.points.is_empty()).collect(),
        reference: None,
        behind: Behind::default(),
    };
    Some(html! {
        figure {
            h4 { (cost.title) }
            (chart.svg(SMALL))
            figcaption { (names) }
        }
    })
}

fn axis(shown: &Shown, values: impl Iterator<Item = f64>) -> Axis {
    let values: Vec<f64> = values.collect();
    Axis { scale: Scale::for_errors(&values), title: shown.title.into(), tick: shown.tick }
}

/// One section a trend.
pub(super) fn sections(sweep: &SweepSummary) -> Markup {
    html! { @for (i, trend) in sweep.trends.iter().enumerate() { (section(sweep, trend, i)) } }
}

fn section(sweep: &SweepSummary, trend: &Trend, index: usize) -> Markup {
    let charts: Vec<Markup> =
        [&ERROR].into_iter().chain(&COSTS).filter_map(|shown| chart(sweep, trend, shown, index)).collect();
    html! {
        @if !charts.is_empty() {
            section id={ "trend-" (index) } {
                h2 { (trend.title) }
                div class="key" {
                    span { (lines::swatch(&group_class(0), 0, 0)) (trend.axis) }
                    @if let Some(beside) = &trend.beside {
                        span { (lines::swatch(&group_class(1), 1, 1)) (beside) }
                    }
                }
                div class="columns" { @for chart in &charts { (chart) } }
            }
        }
    }
}

fn chart(sweep: &SweepSummary, trend: &Trend, shown: &Shown, index: usize) -> Option<Markup> {
    let at = |(x, name): &(f64, String)| Some((*x, mean(sweep.step(name)?, shown)?));
    let points: Vec<(f64, f64)> = trend.steps.iter().filter_map(at).collect();
    let (first, last) = (*points.first()?, *points.last()?);
    if points.len() < 2 {
        return None;
    }
    let beside = trend.beside.as_deref().and_then(|name| mean(sweep.step(name)?, shown));
    let across = beside.map(|y| vec![(first.0, y), (last.0, y)]).unwrap_or_default();
    let heights = points.iter().map(|p| p.1).chain(beside);
    let described: Vec<String> =
        points.iter().map(|(x, y)| format!("{} at {}", (shown.tick)(*y), format::trimmed(*x))).collect();
    let chart = Lines {
        id: format!("trend-{index}-{}", shown.key),
        title: format!("{} against {}", shown.title, trend.axis),
        description: described.join("; "),
        x: Axis {
            scale: Scale::log(points.iter().map(|p| p.0)),
            title: trend.axis.clone(),
            tick: format::trimmed,
        },
        y: Axis { scale: Scale::from_zero(heights), title: String::new(), tick: shown.tick },
        series: [series(0, Drawn::Curve, points), series(1, Drawn::Plain, across)]
            .into_iter()
            .filter(|s| !s.points.is_empty())
            .collect(),
        reference: None,
        behind: Behind::default(),
    };
    Some(html! { figure { h4 { (shown.title) } (chart.svg(SMALL)) } })
}

#[cfg(test)]
mod tests {
    use super::super::tests::named;
    use super::super::{Layout, html};
    use super::*;
    use crate::{Summary, sample};

    fn sweep() -> SweepSummary {
        let runs = Summary::of(&sample::duel(&[1, 2, 3])).runs.into_iter().enumerate();
        let names = ["one", "two", "four", "bp"].map(named);
        SweepSummary::of("trend", Layout::Grid(Vec::new()), &names, runs.map(|(i, run)| (i % 4, run)))
    }

    #[test]
    fn a_trend_is_drawn_for_what_was_measured_beside_what_it_leads_to() {
        let mut sweep = sweep();
        sweep.trends.push(Trend {
            title: "Longer blocks".into(),
            axis: "layers a block".into(),
            steps: vec![(1.0, "one".into()), (2.0, "two".into()), (4.0, "four".into())],
            beside: Some("bp".into()),
        });
        let page = html(&sweep, None);
        let trend = page.split("id=\"trend-0\"").nth(1).unwrap().split("</section>").next().unwrap();
        let measured = 1 + COSTS.iter().filter(|cost| sweep.steps[0].metrics.contains_key(cost.key)).count();
        assert_eq!(trend.matches("<svg class=\"lines small\"").count(), measured);
        assert!(trend.contains("Longer blocks") && trend.contains("bp") && !trend.contains("NaN"), "{trend}");
        sweep.trends[0].steps.truncate(1);
        assert!(!html(&sweep, None).contains("trend-0"), "a point is no trend");
    }

    #[test]
    fn nothing_beats_those_on_the_front() {
        let mut sweep = sweep();
        for (step, (macs, error)) in
            sweep.steps.iter_mut().zip([(4.0, 0.1), (2.0, 0.2), (3.0, 0.3), (1.0, 0.4)])
        {
            let of = |value: f64| crate::stats::Estimate::of(&[value]).unwrap();
            step.metrics.insert("macs".into(), of(macs));
            step.metrics.insert("test_error".into(), of(error));
        }
        let page = html(&sweep, None);
        assert!(page.contains("bp (40.00 %); two (20.00 %); one (10.00 %)"), "{page}");
    }
}
