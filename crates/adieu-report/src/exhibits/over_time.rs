//! Power, memory, processors and clocks over run time, with what went on meanwhile: evaluations shaded, checkpoints
//! dotted, epochs as ticks.

use adieu_record::Unit;
use maud::{Markup, html};
use serde_json::{Value, json};

use super::{Evidence, Exhibit, Shown, Side};
use crate::chart::lines::{Axis, Behind, Drawn, Lines, SMALL, Series};
use crate::chart::scale::Scale;
use crate::format;
use crate::run::Run;
use crate::timeline::{Timeline, Track};

/// What is drawn in one set of charts.
struct Quantity {
    key: &'static str,
    title: &'static str,
    /// Names of the tracks, each in a dash of its own.
    tracks: &'static [(&'static str, &'static str)],
    /// Title of the axis.
    axis: &'static str,
    /// What the values are divided by.
    unit: f64,
    /// Of memory the peaks count, of the rest the mean.
    largest: bool,
}

const QUANTITIES: [Quantity; 4] = [
    Quantity { key: "power", title: "Power", tracks: &[("power", "")], axis: "W", unit: 1.0, largest: false },
    Quantity {
        key: "memory",
        title: "Memory",
        tracks: &[("resident", "resident"), ("allocated", "allocated")],
        axis: "MiB",
        unit: 1_048_576.0,
        largest: true,
    },
    Quantity {
        key: "cpu-use",
        title: "Processors kept busy by the run",
        tracks: &[("cpu_use", "")],
        axis: "processors",
        unit: 1.0,
        largest: false,
    },
    Quantity {
        key: "clock",
        title: "Clock of the processors",
        tracks: &[("clock", "")],
        axis: "GHz",
        unit: 1e9,
        largest: false,
    },
];

/// Points of a line: a chart shows no more.
const POINTS: usize = 300;

pub(super) struct OverTime;

impl Exhibit for OverTime {
    fn key(&self) -> &'static str {
        "over_time"
    }

    fn title(&self) -> &'static str {
        "Power and memory over time"
    }

    fn show(&self, evidence: &Evidence) -> Shown {
        let sides = evidence.sides();
        // One run a side: lines of several would hide each other, and their evaluations lie elsewhere.
        let shown: Vec<(&Side, &Run)> = sides
            .iter()
            .filter_map(|side| side.runs.iter().find(|run| sampled(run)).map(|run| (side, *run)))
            .collect();
        if shown.is_empty() {
            return Shown::Nothing("no run sampled its power or memory");
        }
        let html = html! {
            @for quantity in &QUANTITIES { (charts(quantity, &shown)) }
            p class="note" {
                "Shaded: evaluations. Dotted: a checkpoint is complete. Ticks inside the axis: an epoch begins. "
                "A line is broken where nothing could be read. Of many moments the means are drawn, of memory the peaks."
                @if sides.iter().any(|side| side.runs.len() > 1) {
                    " One run of each learner: " (seeds(&shown)) "."
                }
                @for what in absent(&shown) { " " (what) }
            }
        };
        let numbers = evidence.runs.iter().filter(|run| sampled(run)).map(numbers).collect();
        Shown::Figure { html, numbers }
    }
}

fn sampled(run: &Run) -> bool {
    QUANTITIES.iter().flat_map(|q| q.tracks).any(|(name, _)| run.timeline.track(name).is_some())
}

/// The small charts of one quantity, one a run, on the same scales.
fn charts(quantity: &Quantity, shown: &[(&Side, &Run)]) -> Markup {
    let tracks = |run: &&Run| -> Vec<(usize, Track)> {
        let found = quantity.tracks.iter().enumerate();
        found.filter_map(|(i, (name, _))| Some((i, run.timeline.track(name)?.clone()))).collect()
    };
    let all = shown.iter().map(|(side, run)| (*side, *run, tracks(run)));
    let having: Vec<_> = all.filter(|(.., tracks)| !tracks.is_empty()).collect();
    let all = having.iter().flat_map(|(.., tracks)| tracks).flat_map(|(_, track)| &track.points);
    let y = Scale::from_zero_nice(all.map(|p| p.1 / quantity.unit), 4);
    let x = Scale::from_zero(having.iter().map(|(_, run, _)| run.timeline.end));
    html! {
        @if !having.is_empty() {
            h3 { (quantity.title) }
            div class="columns" {
                @for (side, run, tracks) in &having {
                    @let chart = chart(quantity, side, run, tracks, x, y);
                    figure {
                        @if having.len() > 1 { h4 { (side.name()) } (chart.svg(SMALL)) }
                        @else { (chart.responsive()) }
                        figcaption { (said(quantity, tracks)) }
                    }
                }
            }
        }
    }
}

fn chart(
    quantity: &Quantity,
    side: &Side,
    run: &Run,
    tracks: &[(usize, Track)],
    x: Scale,
    y: Scale,
) -> Lines {
    let line = |(dash, track): &(usize, Track)| {
        let stretches = track.thinned(POINTS, quantity.largest);
        let last = stretches.len().saturating_sub(1);
        let label = quantity.tracks[*dash].1;
        let series = stretches.into_iter().enumerate().map(|(i, points)| Series {
            label: if i == last && tracks.len() > 1 { label.into() } else { String::new() },
            class: side.class.clone(),
            dash: *dash,
            marker: side.index,
            faint: false,
            drawn: Drawn::Plain,
            points: points.into_iter().map(|(s, value)| (s, value / quantity.unit)).collect(),
        });
        series.collect::<Vec<_>>()
    };
    Lines {
        id: format!("{}-{}", quantity.key, side.index),
        title: format!("{} of {} over run time", quantity.title, side.group.label),
        description: said(quantity, tracks),
        x: Axis { scale: x, title: "seconds of run time".into(), tick: format::trimmed },
        y: Axis { scale: y, title: quantity.axis.into(), tick: format::trimmed },
        series: tracks.iter().flat_map(line).collect(),
        reference: None,
        behind: behind(&run.timeline),
    }
}

fn behind(line: &Timeline) -> Behind {
    Behind { shades: line.evaluations.clone(), ticks: line.epochs.clone(), marks: line.checkpoints.clone() }
}

/// `12.3 W in the mean, 45.6 W at most; by RAPL.`
fn said(quantity: &Quantity, tracks: &[(usize, Track)]) -> String {
    let one = |(i, track): &(usize, Track)| {
        let values = || track.points.iter().map(|p| p.1);
        let most = values().fold(0.0, f64::max);
        let mean = super::mean(values()).unwrap_or(0.0);
        let name = match (quantity.tracks[*i].1, tracks.len()) {
            ("", _) | (_, 0) => String::new(),
            (name, _) => format!("{name} "),
        };
        let text = |v: f64| match track.unit {
            Unit::Count => format::significant(v, 3),
            unit => format::value(unit, v),
        };
        format!("{name}{} in the mean of moments, {} at most; by {}", text(mean), text(most), track.source)
    };
    tracks.iter().map(one).collect::<Vec<_>>().join(". ") + "."
}

fn seeds(shown: &[(&Side, &Run)]) -> String {
    let each = shown.iter().map(|(side, run)| format!("{} with seed {}", side.group.short, run.start.seed));
    crate::label::list(&each.collect::<Vec<_>>())
}

/// What of power and memory the runs here did not sample.
fn absent(shown: &[(&Side, &Run)]) -> Vec<String> {
    let missing = |quantity: &&Quantity| {
        shown
            .iter()
            .all(|(_, run)| quantity.tracks.iter().all(|(name, _)| run.timeline.track(name).is_none()))
    };
    let why = |key: &str| {
        let energy = shown.iter().filter(|_| key == "power").find_map(|(_, run)| run.joules().err());
        energy.map_or_else(String::new, |m| format!(" (energy: {})", m.why))
    };
    let told = QUANTITIES.iter().filter(missing);
    told.map(|q| format!("Not sampled: {}{}.", q.title.to_lowercase(), why(q.key))).collect()
}

fn numbers(run: &Run) -> Value {
    let line = &run.timeline;
    let tracks = line.tracks.iter().map(|track| {
        json!({
            "name": track.name, "part": track.part, "unit": track.unit, "source": track.source,
            "points": track.points.len(),
            "mean": super::mean(track.points.iter().map(|p| p.1)),
            "most": track.points.iter().map(|p| p.1).reduce(f64::max),
        })
    });
    json!({
        "run": run.folder,
        "tracks": tracks.collect::<Vec<_>>(),
        "evaluations_s": line.evaluations,
        "checkpoints_s": line.checkpoints,
        "epochs_s": line.epochs,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use crate::summary::Summary;

    fn shown(runs: &[Run]) -> Shown {
        let summary = Summary::of(runs);
        OverTime.show(&Evidence { runs, summary: &summary })
    }

    #[test]
    fn a_line_breaks_at_a_gap_and_evaluations_are_shaded() {
        let mut runs = sample::duel(&[42]);
        let line = &mut runs[0].timeline;
        let power = line.tracks.iter_mut().find(|t| t.name == "power" && t.part.is_none()).expect("sampled");
        let middle = power.points.len() / 2;
        power.points.drain(middle..middle + 20);
        let Shown::Figure { html, numbers } = shown(&runs[..1]) else { panic!("it was sampled") };
        let html = html.into_string();
        let power = html.split("id=\"memory").next().expect("power comes first");
        let wide = power.split("</svg>").next().expect("the wide one");
        assert_eq!(wide.matches("class=\"line ").count(), 2, "{wide}");
        assert_eq!(wide.matches("class=\"shade\"").count(), runs[0].timeline.evaluations.len());
        assert_eq!(numbers[0]["tracks"][0]["unit"], "watts");
    }

    #[test]
    fn what_was_not_sampled_is_said() {
        let mut runs = sample::duel(&[42]);
        for run in &mut runs {
            run.timeline.tracks.retain(|t| t.name != "power");
        }
        let Shown::Figure { html, .. } = shown(&runs) else { panic!("memory was sampled") };
        assert!(html.into_string().contains("Not sampled: power"));
        for run in &mut runs {
            run.timeline.tracks.clear();
        }
        assert!(matches!(shown(&runs), Shown::Nothing(_)));
    }
}
