//! The page of a sweep: a figure of the errors, step by step, and the table.

use maud::{Markup, html};

use super::text::{difference, notes, spread};
use super::{Layout, StepSummary, SweepSummary, beside, trends};
use crate::chart::dots::{self, Dots};
use crate::chart::scale::Scale;
use crate::exhibits::scrolling;
use crate::format::{self, ABSENT};
use crate::metric::metric;
use crate::page;

/// The sweep as one HTML file. `footer` is a line at the foot.
pub fn html(sweep: &SweepSummary, footer: Option<String>) -> String {
    let compared = !matches!(sweep.layout, Layout::Grid(_));
    let main = html! {
        section id="errors" {
            h2 { (sweep.judged_by()) ", step by step" }
            (figure(sweep))
        }
        @if let Layout::Grid(keys) = &sweep.layout {
            @if let [others @ .., rows, columns] = &keys[..] && others.len() < 2 {
                section id="map" {
                    h2 { (rows) " by " (columns) }
                    (maps(sweep, others.first().map(String::as_str), [rows, columns]))
                }
            }
        }
        (trends::sections(sweep))
        (trends::clouds(sweep))
        section id="steps" {
            h2 { "The steps" }
            (table(sweep, compared))
            p class="note" { (notes(sweep, compared)) }
        }
        (beside::section(sweep))
        @if !sweep.pairs.is_empty() {
            section id="pairs" { h2 { "Value against value" } (pairs(sweep)) }
        }
    };
    let runs: usize = sweep.steps.iter().map(|step| step.runs.len()).sum();
    let deck = format!("{} · {} steps · {runs} runs", sweep.data.join(", "), sweep.steps.len());
    page::shell(&sweep.name, &deck, &main, footer.as_deref())
}

fn figure(sweep: &SweepSummary) -> Markup {
    let ends = |step: &StepSummary| {
        let interval = step.test_error().and_then(|e| e.interval);
        // An interval may leave [0, 1], and then no logarithm holds it: the values themselves do.
        let ends = interval.into_iter().flat_map(|i| [i.lo, i.hi]).filter(|v| *v > 0.0 && *v <= 1.0);
        step.errors().map(|(_, error)| error).chain(ends).collect::<Vec<f64>>()
    };
    let values: Vec<f64> = sweep.steps.iter().flat_map(ends).collect();
    let scale = Scale::for_errors(&values);
    html! {
        figure {
            @for (i, step) in sweep.steps.iter().enumerate() {
                div class="step-line" {
                    span class="step-name" { (step.step) }
                    (dots::row(&dots_of(step, i), &scale))
                    span class="figure" { (mean(step)) }
                }
            }
            div class="step-line" { span {} (dots::axis(&scale, hundredths, &format!("{}, %", sweep.judged_by().to_lowercase()))) span {} }
            figcaption {
                "Each dot is a seed; of several the tick is the mean and the line its 95 % interval."
                @if matches!(scale, Scale::Log { .. }) { " Equal distances are equal ratios." }
            }
        }
    }
}

fn hundredths(error: f64) -> String {
    format::trimmed(100.0 * error)
}

fn dots_of(step: &StepSummary, index: usize) -> Dots {
    let seed = |(run, error): (&super::SweepRun, f64)| {
        (error, format!("seed {}: {}", run.seed, format::percent(error)))
    };
    Dots {
        id: format!("step-{index}"),
        title: format!("{}: {}", step.step, mean(step)),
        class: crate::chart::group_class(0),
        beyond: Vec::new(),
        points: step.errors().map(seed).collect(),
        mean: step.test_error().filter(|e| e.n > 1).map(|e| e.mean),
        interval: step.test_error().and_then(|e| e.interval).map(|i| (i.lo, i.hi)),
    }
}

/// `1.36 %`, or why there is none.
fn mean(step: &StepSummary) -> String {
    match step.test_error() {
        Some(e) => format::percent(e.mean),
        None if step.diverged > 0 => "diverged".into(),
        None => ABSENT.into(),
    }
}

fn table(sweep: &SweepSummary, compared: bool) -> Markup {
    let changed = sweep.steps.iter().any(|step| !step.changes.is_empty());
    let value = |step: &StepSummary, key: &str| {
        step.metrics.get(key).map_or_else(|| ABSENT.into(), |e| format::value(metric(key).unit, e.mean))
    };
    let table = html! {
        table {
            thead { tr {
                th scope="col" { "Step" }
                th scope="col" class="number" { "Finished" }
                th scope="col" class="number" { (sweep.judged_by()) }
                @if compared { th scope="col" class="number" { "Difference" } }
                th scope="col" class="number" { (metric("train_seconds").label) }
                th scope="col" class="number" { (metric("macs").label) }
                @if changed { th scope="col" { "Changes" } }
            } }
            tbody {
                @for step in &sweep.steps {
                    tr {
                        th scope="row" class="words" { (step.step) }
                        td class="number" {
                            (step.finished) " of " (step.runs.len())
                            @if step.diverged > 0 { br; span class="aside" { (step.diverged) " diverged" } }
                        }
                        td class="number" { (mean(step)) br; span class="aside" { (spread(step)) } }
                        @if compared { td class="number" { (difference(step)) } }
                        td class="number" { (value(step, "train_seconds")) }
                        td class="number" { (value(step, "macs")) }
                        @if changed { td { (changes(step)) } }
                    }
                }
            }
        }
    };
    scrolling("Steps", &table)
}

fn changes(step: &StepSummary) -> Markup {
    html! {
        @if step.changes.is_empty() { "nothing" }
        @for (i, change) in step.changes.iter().enumerate() {
            @if i > 0 { br; }
            (change.key) " = " (change.value)
        }
    }
}

/// The errors of a grid of two keys, darker where they are higher; of three, one map for each value of the first.
fn maps(sweep: &SweepSummary, by: Option<&str>, keys: [&str; 2]) -> Markup {
    let all: Vec<&StepSummary> = sweep.steps.iter().collect();
    let Some(by) = by else { return map("Map", &all, keys) };
    html! {
        @for value in values(&all, by) {
            h3 { (value) }
            (map(value, &all.iter().copied().filter(|s| value_of(s, by) == Some(value)).collect::<Vec<_>>(), keys))
        }
    }
}

fn map(name: &str, steps: &[&StepSummary], [rows, columns]: [&str; 2]) -> Markup {
    let errors: Vec<f64> = steps.iter().filter_map(|s| s.test_error()).map(|e| e.mean).collect();
    let scale = Scale::for_errors(&errors);
    let cell = |row: &str, column: &str| {
        let found =
            |s: &&&StepSummary| value_of(s, rows) == Some(row) && value_of(s, columns) == Some(column);
        let step = steps.iter().find(found);
        let shade =
            step.and_then(|s| s.test_error()).map(|e| format!("--shade:{:.0}%", 60.0 * scale.place(e.mean)));
        html! { td class="number shaded" style=[shade] { (step.map_or_else(|| ABSENT.into(), |s| mean(s))) } }
    };
    let heads = values(steps, columns);
    let table = html! {
        table class="map" {
            thead { tr { th {} @for head in &heads { th scope="col" class="number" { (head) } } } }
            tbody { @for row in values(steps, rows) {
                tr { th scope="row" { (row) } @for head in &heads { (cell(row, head)) } }
            } }
        }
    };
    scrolling(name, &table)
}

/// Values of `key`, in order, each once.
fn values<'a>(steps: &[&'a StepSummary], key: &str) -> Vec<&'a str> {
    let mut values: Vec<&str> = Vec::new();
    for value in steps.iter().filter_map(|step| value_of(step, key)) {
        if !values.contains(&value) {
            values.push(value);
        }
    }
    values
}

fn value_of<'a>(step: &'a StepSummary, key: &str) -> Option<&'a str> {
    step.changes.iter().find(|change| change.key == key).map(|change| change.value.as_str())
}

fn pairs(sweep: &SweepSummary) -> Markup {
    html! {
        @for pairs in &sweep.pairs {
            h3 { (pairs.title) }
            (scrolling(&pairs.title, &html! {
                table {
                    thead { tr {
                        th scope="col" { "a" } th scope="col" { "b" }
                        th scope="col" class="number" { "a − b, points" }
                        th scope="col" class="number" { "p" }
                        th scope="col" class="number" { "after Holm" }
                        th scope="col" { "" }
                    } }
                    tbody { @for pair in &pairs.pairs {
                        tr {
                            td { (pair.a) } td { (pair.b) }
                            td class="number" { (pair.difference.map_or_else(|| ABSENT.into(), |d| format::signed_points(d.mean))) }
                            @for p in [pair.p, pair.holm] {
                                td class="number" { (p.map_or_else(|| ABSENT.into(), |p| format::significant(p, 2))) }
                            }
                            td { (pair.verdict()) }
                        }
                    } }
                }
            }))
        }
        p class="note" { "Paired over seeds, Student’s t; Holm’s correction for the number of pairs of a table." }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::sweep;
    use super::*;

    #[test]
    fn the_page_shows_every_step_and_seed_and_needs_nothing_else() {
        let page = html(&sweep(Layout::Ladder), None);
        assert_eq!(page.matches("<circle").count(), 6, "a dot a finished run");
        for part in ["<!DOCTYPE html>", "seed 2: ", "1 diverged", ">mad<"] {
            assert!(page.contains(part), "no `{part}`");
        }
        assert!(!page.contains("NaN") && !page.contains("<script") && !page.contains("href"));
    }

    #[test]
    fn a_grid_of_two_keys_has_a_map() {
        let mut grid = sweep(Layout::Grid(vec!["x".into(), "y".into()]));
        for (i, step) in grid.steps.iter_mut().enumerate() {
            let change = |key: &str, value: usize| super::super::Change {
                key: key.into(),
                value: format!("{key}{value}"),
            };
            step.changes = vec![change("x", i / 2), change("y", i % 2)];
        }
        let page = html(&grid, None);
        let map = page.split("<section id=\"map\">").nth(1).unwrap().split("</section>").next().unwrap();
        assert_eq!(map.matches("<td").count(), 4);
        assert!(map.contains("x0") && map.contains("y1") && map.contains("--shade:"), "{map}");
        assert!(!page.contains("id=\"costs\""), "two steps are no cloud");
        assert!(!html(&sweep(Layout::Ladder), None).contains("id=\"map\""));
    }
}
