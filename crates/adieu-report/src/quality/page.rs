//! The page of a benchmark to a quality: costs to each target, who got there by when, what a lower error costs.

use adieu_record::Unit;
use maud::{Markup, html};

use super::{Attempt, Method, Quality, Target, row, said};
use crate::chart::dots::{self, Dots};
use crate::chart::lines::{Axis, Behind, Drawn, Lines, SMALL, Series};
use crate::chart::scale::Scale;
use crate::chart::{group_class, lines};
use crate::exhibits::scrolling;
use crate::format::{self, ABSENT};
use crate::page;
use crate::ranks::median_interval;

/// A quantity that costs are told in.
struct Quantity {
    key: &'static str,
    title: &'static str,
    unit: Unit,
    /// Title of its axis, and what its values are divided by there.
    axis: &'static str,
    by: f64,
    tick: fn(f64) -> String,
    of: fn(&Attempt) -> Option<f64>,
    /// Whether [`super::Entry`] has it.
    to_target: bool,
}

const QUANTITIES: [Quantity; 4] = [
    Quantity {
        key: "seconds",
        title: "Training time",
        unit: Unit::Seconds,
        axis: "seconds on the training clock",
        by: 1.0,
        tick: format::trimmed,
        of: |a| Some(a.seconds),
        to_target: true,
    },
    Quantity {
        key: "multiply_adds",
        title: "Multiply-adds",
        unit: Unit::MultiplyAdds,
        axis: "multiply-adds",
        by: 1.0,
        tick: short,
        of: |a| a.multiply_adds,
        to_target: true,
    },
    Quantity {
        key: "peak_alloc_bytes",
        title: "Peak memory",
        unit: Unit::Bytes,
        axis: "MiB allocated at most",
        by: 1_048_576.0,
        tick: format::trimmed,
        of: |a| a.peak_alloc_bytes,
        to_target: false,
    },
    Quantity {
        key: "joules",
        title: "Energy",
        unit: Unit::Joules,
        axis: "joules, evaluation too",
        by: 1.0,
        tick: short,
        of: |a| a.joules,
        to_target: true,
    },
];

/// `2 k`, `500 G`: ticks are round.
fn short(v: f64) -> String {
    let text = format::prefixed(v);
    let (number, prefix) = text.split_once(' ').map_or((text.as_str(), ""), |(n, p)| (n, p));
    let number =
        if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number };
    if prefix.is_empty() { number.into() } else { format!("{number} {prefix}") }
}

/// The benchmark as one HTML file. `footer` is a line at the foot.
pub fn html(quality: &Quality, footer: Option<&str>) -> String {
    let main = html! {
        section id="said" {
            h2 { "What can be said" }
            @for what in &quality.conditions { p class="warning" role="note" { strong { "Mind: " } (what) "." } }
            ul class="verdict" { @for what in said(quality) { li { (what) } } }
            (key(quality))
        }
        @for (i, target) in quality.targets.iter().enumerate() { (to_target(quality, i, target)) }
        section id="front" { h2 { "What a lower error costs" } (fronts(quality)) }
        section id="methods" { h2 { "The methods" } (methods(quality)) }
    };
    let runs = quality.attempts.len();
    let seeds = quality.methods.iter().map(|m| m.seeds.len()).max().unwrap_or(0);
    let deck = format!("{} methods · {seeds} seeds · {runs} runs", quality.methods.len());
    page::shell(&format!("Cost to quality: {}", quality.name), &deck, &main, footer)
}

/// Method by method, colour, dash and marker.
fn key(quality: &Quality) -> Markup {
    html! {
        div class="key" {
            @for (i, method) in quality.methods.iter().enumerate() {
                span { (lines::swatch(&group_class(i), i / 6, i)) (method.name) }
            }
        }
    }
}

fn to_target(quality: &Quality, index: usize, target: &Target) -> Markup {
    let title = format!("To an error of {} ({})", format::percent(target.error), target.name);
    html! {
        section id={ "target-" (index) } {
            h2 { (title) }
            @for quantity in QUANTITIES.iter().filter(|q| q.to_target) {
                h3 { (quantity.title) }
                (costs(quality, index, target, quantity))
            }
            p class="note" {
                "Each dot is a run; the tick is their median, the line its interval of at least 95 %, whatever the "
                "distribution, from six seeds on. A ring at the right edge is a run that never got there: it costs more "
                "than all others."
            }
            h3 { "Who got there by when" }
            (steps(quality, index, target))
            (table(quality, index))
        }
    }
}

/// Cost of each run of a method to a target; `None` where it never got there.
fn values<'a>(quality: &'a Quality, method: &str, target: &Target, key: &str) -> Option<&'a [Option<f64>]> {
    let cost = quality.entry(method, &target.name, key)?.cost.as_ref()?;
    Some(&cost.values)
}

fn costs(quality: &Quality, index: usize, target: &Target, quantity: &Quantity) -> Markup {
    let told = |method: &Method| values(quality, &method.name, target, quantity.key);
    let seen = quality.methods.iter().filter_map(told).flatten().flatten();
    let seen: Vec<f64> = seen.map(|v| v / quantity.by).collect();
    if quality.methods.iter().all(|method| told(method).is_none()) {
        return html! { p class="note" { "Not measured in every run of any method." } };
    }
    if seen.is_empty() {
        return html! { p class="note" { "No run got there." } };
    }
    let scale = Scale::for_errors(&seen);
    let text = |v: f64| format::value(quantity.unit, v);
    html! {
        figure {
            @for (i, method) in quality.methods.iter().enumerate() {
                @let values = told(method);
                @let cost = quality.entry(&method.name, &target.name, quantity.key).and_then(|e| e.cost.as_ref());
                @let middle = match cost {
                    None => ABSENT.to_string(),
                    Some(cost) => cost.median.map_or_else(|| "never".into(), text),
                };
                div class="step-line" {
                    span class={ "step-name name " (group_class(i)) } { (method.name) }
                    @if let Some(values) = values {
                        (dots::row(&dots_of(method, i, index, quantity, values, &middle), &scale))
                    } @else { span class="aside" { "not measured in every run" } }
                    span class="figure" { (middle) }
                }
            }
            div class="step-line" { span {} (dots::axis(&scale, quantity.tick, quantity.axis)) span {} }
        }
    }
}

fn dots_of(
    method: &Method,
    i: usize,
    target: usize,
    quantity: &Quantity,
    values: &[Option<f64>],
    middle: &str,
) -> Dots {
    let text = |v: f64| format::value(quantity.unit, v);
    let seeded = || values.iter().zip(&method.seeds);
    let all: Vec<f64> = values.iter().map(|v| v.map_or(f64::INFINITY, |v| v / quantity.by)).collect();
    let never: Vec<String> =
        seeded().filter(|(v, _)| v.is_none()).map(|(_, seed)| format!("seed {seed}: never")).collect();
    let reached = values.len() - never.len();
    Dots {
        id: format!("cost-{target}-{}-{i}", quantity.key),
        title: format!("{}: median {middle}, reached by {reached} of {}", method.name, values.len()),
        class: group_class(i),
        points: seeded()
            .filter_map(|(v, seed)| v.map(|v| (v / quantity.by, format!("seed {seed}: {}", text(v)))))
            .collect(),
        beyond: never,
        mean: crate::ranks::median(&all).filter(|m| m.is_finite()),
        interval: median_interval(&all).filter(|(lo, _)| lo.is_finite()),
    }
}

/// The share of a method's runs that have reached the target, over time.
fn share(values: &[Option<f64>], end: f64) -> Vec<(f64, f64)> {
    let mut times: Vec<f64> = values.iter().flatten().copied().collect();
    times.sort_by(f64::total_cmp);
    let (mut points, mut share) = (vec![(0.0, 0.0)], 0.0);
    for time in times {
        points.push((time, share));
        share += 1.0 / values.len() as f64;
        points.push((time, share));
    }
    points.push((end, share));
    points
}

fn steps(quality: &Quality, index: usize, target: &Target) -> Markup {
    let longest = quality.attempts.iter().map(|a| a.seconds).fold(0.0, f64::max);
    let series = quality.methods.iter().enumerate().filter_map(|(i, method)| {
        let values = values(quality, &method.name, target, "seconds")?;
        Some(Series {
            label: String::new(),
            class: group_class(i),
            dash: i / 6,
            marker: i,
            faint: false,
            drawn: Drawn::Plain,
            points: share(values, longest),
        })
    });
    let reached =
        quality.methods.iter().map(|m| format!("{}: {} of {}", m.name, m.reached[index], m.seeds.len()));
    let lines = Lines {
        id: format!("share-{index}"),
        title: format!("Share of runs that reached {} by a time", format::percent(target.error)),
        description: reached.collect::<Vec<_>>().join("; "),
        x: Axis {
            scale: Scale::from_zero([longest]),
            title: "seconds on the training clock".into(),
            tick: format::trimmed,
        },
        y: Axis {
            scale: Scale::Linear { lo: 0.0, hi: 1.0 },
            title: "share of runs".into(),
            tick: |v| format!("{} %", format::trimmed(100.0 * v)),
        },
        series: series.collect(),
        reference: None,
        behind: Behind::default(),
    };
    html! {
        figure {
            (lines.responsive())
            (key(quality))
            @if !quality.conditions.is_empty() {
                figcaption { "Lines of different machines share this drawing, but must not be compared." }
            }
        }
    }
}

fn table(quality: &Quality, target: usize) -> Markup {
    let heads = ["Reached", "Time", "Ratio", "p (Holm)", "Epochs", "Mult-adds", "Energy"];
    let table = html! {
        table {
            thead { tr {
                th scope="col" { "Method" }
                @for head in heads { th scope="col" class="number" { (head) } }
            } }
            tbody { @for method in &quality.methods {
                @let cells = row(quality, method, target);
                tr {
                    th scope="row" { (method.name) }
                    @for cell in &cells[1..] { td class="number" { (cell) } }
                }
            } }
        }
    };
    scrolling("Costs to the target", &table)
}

/// One chart a quantity: every run, and those that none beats in both.
fn fronts(quality: &Quality) -> Markup {
    let charts: Vec<Markup> = QUANTITIES.iter().filter_map(|quantity| front(quality, quantity)).collect();
    html! {
        div class="columns" { @for chart in charts { (chart) } }
        (key(quality))
        p class="note" {
            "Each marker is a run at its end. The line leads along the runs that no other beats in both: further left "
            "or lower is better. Errors are those of the rows that choose."
            @for quantity in QUANTITIES.iter().filter(|q| quality.attempts.iter().all(|a| (q.of)(a).is_none())) {
                " " (quantity.title) " was not measured."
            }
        }
    }
}

fn front(quality: &Quality, quantity: &Quantity) -> Option<Markup> {
    let place = |a: &Attempt| Some(((quantity.of)(a)? / quantity.by, a.error?));
    let all: Vec<(f64, f64)> = quality.attempts.iter().filter_map(place).collect();
    if all.is_empty() {
        return None;
    }
    let machines = matches!(quantity.key, "seconds" | "joules") && !quality.conditions.is_empty();
    let marks = quality.methods.iter().enumerate().map(|(i, method)| Series {
        label: String::new(),
        class: group_class(i),
        dash: 0,
        marker: i,
        faint: false,
        drawn: Drawn::Marks,
        points: quality.attempts.iter().filter(|a| a.method == method.name).filter_map(place).collect(),
    });
    let line = Series {
        label: String::new(),
        class: "front".into(),
        dash: 0,
        marker: 0,
        faint: true,
        drawn: Drawn::Plain,
        points: if machines { Vec::new() } else { unbeaten(&all) },
    };
    let series = marks.chain([line]).filter(|s| !s.points.is_empty()).collect();
    let lines = Lines {
        id: format!("front-{}", quantity.key),
        title: format!("Error against {}", quantity.title.to_lowercase()),
        description: format!("{} runs, {} of them unbeaten", all.len(), unbeaten(&all).len()),
        x: Axis {
            scale: Scale::for_errors(&all.iter().map(|p| p.0).collect::<Vec<_>>()),
            title: quantity.axis.into(),
            tick: quantity.tick,
        },
        y: Axis {
            scale: Scale::for_errors(&all.iter().map(|p| p.1).collect::<Vec<_>>()),
            title: "error at the end".into(),
            tick: |v| format!("{} %", format::trimmed(100.0 * v)),
        },
        series,
        reference: None,
        behind: Behind::default(),
    };
    Some(html! {
        figure {
            h3 { (quantity.title) }
            (lines.svg(SMALL))
            @if machines { figcaption { "No front: not all runs share a machine and a source of energy." } }
        }
    })
}

/// Those points that no other is left of and below, by rising x.
fn unbeaten(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut sorted = points.to_vec();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let mut best = f64::INFINITY;
    sorted.retain(|p| {
        let better = p.1 < best;
        best = best.min(p.1);
        better
    });
    sorted
}

fn methods(quality: &Quality) -> Markup {
    let percent = |error: Option<f64>| error.map_or(ABSENT.into(), format::percent);
    let bytes = |b: Option<f64>| b.map_or(ABSENT.into(), format::bytes);
    let heads = [
        "Seeds",
        "Diverged",
        "Last error",
        "At equal time",
        "At equal mult-adds",
        "Peak memory",
        "Activity",
        "Doubted",
    ];
    let table = html! {
        table {
            thead { tr {
                th scope="col" { "Method" }
                @for head in heads { th scope="col" class="number" { (head) } }
            } }
            tbody { @for method in &quality.methods { tr {
                th scope="row" { (method.name) }
                td class="number" { (method.seeds.len()) }
                td class="number" { (method.diverged) }
                td class="number" { (percent(method.last_error)) }
                td class="number" { (percent(method.error_at_seconds)) }
                td class="number" { (percent(method.error_at_macs)) }
                td class="number" { (bytes(method.peak_alloc_bytes)) }
                td class="number" { (bytes(method.peak_activation_bytes)) }
                td class="number" { (method.doubted) }
            } } }
        }
    };
    html! {
        (scrolling("Methods", &table))
        p class="note" {
            "Medians over seeds. “At equal time” and “at equal mult-adds”: the error when the cheapest method was done. "
            "“Doubted”: runs whose own record says that the machine disturbed them. " (ABSENT) " is not measured."
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{run, target};
    use super::*;
    use crate::Run;

    fn found(change: impl Fn(&mut Run)) -> Quality {
        let good = (1..=6).map(|s| run(s, &[0.2, 0.05], 1.0 + 0.01 * s as f64, None)).collect();
        let mut bad: Vec<Run> = (1..=5).map(|s| run(s, &[0.4, 0.3], 2.0, None)).collect();
        bad.push(run(6, &[0.2, 0.08], 2.0, None));
        bad.iter_mut().for_each(change);
        Quality::of("q", &target(0.1), &[("bp".into(), good), ("ff <1>".into(), bad)])
    }

    #[test]
    fn the_page_shows_every_run_those_that_never_got_there_too() {
        let page = html(&found(|_| ()), Some("a foot"));
        let costs = page.split("id=\"target-0\"").nth(1).unwrap().split("Multiply-adds").next().unwrap();
        assert_eq!(costs.matches("<circle cx").count(), 7, "{costs}");
        assert_eq!(costs.matches("class=\"beyond\"").count(), 5);
        for part in ["<!DOCTYPE html>", "never", "ff &lt;1&gt;", "1/6", "Energy was not measured", "a foot"] {
            assert!(page.contains(part), "no `{part}`");
        }
        for bad in ["NaN", "inf", "<script", "href", "ff <1>", ">0 J"] {
            assert!(!page.replace("info", "").contains(bad), "`{bad}` in the page");
        }
    }

    #[test]
    fn other_machines_are_not_ranked() {
        let alike = found(|_| ());
        let apart = found(|run| run.start.machine.cpu = Some("another".into()));
        let versus =
            |quality: &Quality, key| quality.entry("ff <1>", "common", key).unwrap().versus.is_some();
        assert!(
            versus(&alike, "seconds") && versus(&alike, "multiply_adds") && alike.budget_seconds.is_some()
        );
        assert!(!versus(&apart, "seconds") && versus(&apart, "multiply_adds"));
        assert_eq!(apart.budget_seconds, None);
        let page = html(&apart, None);
        assert!(page.contains("Mind: ") && page.contains("another") && page.contains("No front"));
        assert!(!html(&alike, None).contains("Mind: "));
    }

    #[test]
    fn shares_are_steps_and_fronts_fall() {
        assert_eq!(
            share(&[Some(2.0), None, Some(1.0), None], 5.0),
            [(0.0, 0.0), (1.0, 0.0), (1.0, 0.25), (2.0, 0.25), (2.0, 0.5), (5.0, 0.5)]
        );
        let points = [(3.0, 0.1), (1.0, 0.5), (2.0, 0.6), (2.0, 0.3), (4.0, 0.1), (5.0, 0.05)];
        assert_eq!(unbeaten(&points), [(1.0, 0.5), (2.0, 0.3), (3.0, 0.1), (5.0, 0.05)]);
        assert!(unbeaten(&[]).is_empty());
    }

    #[test]
    fn ticks_are_short() {
        let cases = [(2000.0, "2 k"), (5e11, "500 G"), (1.5e12, "1.5 T"), (20.0, "20"), (100.0, "100")];
        for (value, text) in cases {
            assert_eq!(short(value), text);
        }
    }
}
