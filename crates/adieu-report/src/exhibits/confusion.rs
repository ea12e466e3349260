//! Confusion matrices of the learners' own read-outs, at their last evaluation.

use adieu_record::Split;
use maud::{Markup, html};
use serde_json::json;

use super::{Evidence, Exhibit, Shown, Side};
use crate::format;

/// More classes than this are listed, not drawn.
const MOST_CLASSES: usize = 26;

pub(super) struct Confusion;

impl Exhibit for Confusion {
    fn key(&self) -> &'static str {
        "confusion"
    }

    fn title(&self) -> &'static str {
        "What was taken for what"
    }

    fn show(&self, evidence: &Evidence) -> Shown {
        let matrices: Vec<Matrix> = evidence.sides().into_iter().filter_map(Matrix::of).collect();
        if matrices.is_empty() {
            return Shown::Nothing("no run recorded a confusion matrix");
        }
        let html = html! {
            div class="columns" {
                @for matrix in &matrices {
                    figure {
                        h3 { (matrix.side.name()) }
                        @if matrix.classes.len() <= MOST_CLASSES { (drawn(matrix)) }
                        figcaption { (matrix.words()) }
                    }
                }
            }
            p class="note" {
                "Rows are the truth, columns the guess; the shade of a mistake grows with the square root of its count. "
                @if matrices.iter().any(|m| m.summed > 1) { "Counts are summed over seeds." }
            }
        };
        let numbers = matrices.iter().map(|m| {
            json!({ "group": m.side.group.group, "classes": m.classes, "runs": m.summed, "counts": m.counts })
        });
        Shown::Figure { html, numbers: numbers.collect() }
    }
}

/// `counts[truth][guess]`, summed over the runs of a group.
struct Matrix<'a> {
    side: Side<'a>,
    classes: Vec<String>,
    counts: Vec<Vec<u64>>,
    summed: usize,
}

impl<'a> Matrix<'a> {
    /// `None` if no run of the group has a square matrix.
    fn of(side: Side<'a>) -> Option<Matrix<'a>> {
        let tables = side.runs.iter().filter_map(|r| {
            let test = r.readout().and_then(|name| r.last_evaluation(Split::Test, name));
            test.and_then(|e| e.confusion.as_ref())
        });
        let tables: Vec<_> =
            tables.filter(|t| !t.is_empty() && t.iter().all(|row| row.len() == t.len())).collect();
        let size = tables.first()?.len();
        let mut counts = vec![vec![0_u64; size]; size];
        let mut summed = 0;
        for table in tables.iter().filter(|t| t.len() == size) {
            summed += 1;
            for (sums, row) in counts.iter_mut().zip(table.iter()) {
                sums.iter_mut().zip(row).for_each(|(sum, n)| *sum = sum.saturating_add(*n));
            }
        }
        let names = &side.runs.first()?.start.data.classes;
        let classes = (0..size).map(|i| names.get(i).cloned().unwrap_or_else(|| i.to_string())).collect();
        Some(Matrix { side, classes, counts, summed })
    }

    /// Mistakes `(truth, guess, count)`, most frequent first.
    fn mistakes(&self) -> Vec<(usize, usize, u64)> {
        let mut all: Vec<(usize, usize, u64)> = Vec::new();
        for (truth, row) in self.counts.iter().enumerate() {
            let wrong = row.iter().enumerate().filter(|(guess, n)| *guess != truth && **n > 0);
            all.extend(wrong.map(|(guess, n)| (truth, guess, *n)));
        }
        all.sort_by_key(|m| std::cmp::Reverse(m.2));
        all
    }

    fn words(&self) -> String {
        let mistakes = self.mistakes();
        let total: u64 = mistakes.iter().map(|m| m.2).sum();
        let most: Vec<String> = mistakes
            .iter()
            .take(3)
            .map(|&(t, g, n)| {
                format!("{} for {} ({})", self.classes[t], self.classes[g], format::count(n as f64))
            })
            .collect();
        if most.is_empty() {
            return "No mistakes.".into();
        }
        format!("{} mistakes, most often {}.", format::count(total as f64), most.join(", "))
    }
}

fn drawn(matrix: &Matrix) -> Markup {
    let n = matrix.classes.len();
    let short = |name: &str| name.chars().take(if n > 12 { 3 } else { 4 }).collect::<String>();
    let longest = matrix.classes.iter().map(|c| c.chars().take(10).count()).max().unwrap_or(1);
    let left = 14.0 + 6.5 * longest as f64;
    let cell = (360.0 - left) / n as f64;
    let top = 20.0;
    let most = matrix.mistakes().first().map_or(1, |m| m.2) as f64;
    let id = format!("confusion-{}", matrix.side.index);
    let height = top + cell * n as f64 + 2.0;
    html! {
        svg class={ "confusion " (matrix.side.class) } viewBox={ "0 0 362 " (format!("{height:.0}")) } role="img"
            aria-labelledby={ (id) "-t " (id) "-d" } {
            title id={ (id) "-t" } { "Confusion matrix of " (matrix.side.group.label) }
            desc id={ (id) "-d" } { (matrix.words()) }
            @for (i, class) in matrix.classes.iter().enumerate() {
                @let middle = (i as f64 + 0.5) * cell;
                text class="tick" x=(at(left + middle)) y="13" text-anchor="middle" { (short(class)) }
                text class="tick" x=(at(left - 6.0)) y=(at(top + middle + 4.0)) text-anchor="end" {
                    (class.chars().take(10).collect::<String>())
                }
            }
            @for (truth, row) in matrix.counts.iter().enumerate() {
                @for (guess, &count) in row.iter().enumerate() {
                    @let (x, y) = (left + guess as f64 * cell, top + truth as f64 * cell);
                    @let shade = (count as f64 / most).sqrt().min(1.0);
                    @let kind = if truth == guess { "right" } else { "wrong" };
                    @let opacity = if truth == guess { String::new() } else { format!("fill-opacity:{shade:.2}") };
                    rect class=(kind) x=(at(x)) y=(at(y)) width=(at(cell - 1.0)) height=(at(cell - 1.0)) style=(opacity) {
                        title { (matrix.classes[truth]) " taken for " (matrix.classes[guess]) ": " (count) }
                    }
                    @if count > 0 && cell >= 20.0 {
                        @let strong = if truth != guess && shade > 0.6 { " strong" } else { "" };
                        text class={ "count " (kind) (strong) } x=(at(x + (cell - 1.0) / 2.0))
                            y=(at(y + cell / 2.0 + 3.5)) text-anchor="middle" { (count) }
                    }
                }
            }
        }
    }
}

fn at(v: f64) -> String {
    format!("{v:.1}")
}
