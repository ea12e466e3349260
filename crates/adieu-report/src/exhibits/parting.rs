//! Where learners part: the error of each class, by learner, where they differ most first.
//!
//! ```text
//! error of class k    test rows of class k that the learner's own read-out misjudges, of all rows of class k; mean over seeds
//! difference          of the second learner from the first, paired by seed; of one seed, beside its binomial standard error
//! ```

use adieu_record::Split;
use maud::{Markup, html};
use serde_json::json;

use super::{Evidence, Exhibit, Shown, Side, mean, scrolling};
use crate::chart::dots::{self, Dots};
use crate::chart::scale::Scale;
use crate::format::{self, ABSENT};
use crate::run::Run;
use crate::stats::Estimate;
use crate::summary::{Standing, standing};

/// Most classes that are shown; the others differ less.
const MOST: usize = 26;

pub(super) struct Parting;

impl Exhibit for Parting {
    fn key(&self) -> &'static str {
        "parting"
    }

    fn title(&self) -> &'static str {
        "Where they part"
    }

    fn show(&self, evidence: &Evidence) -> Shown {
        let sides: Vec<Told> = evidence.sides().into_iter().filter_map(Told::of).collect();
        let [first, others @ ..] = &sides[..] else {
            return Shown::Nothing("no run recorded what it took for what");
        };
        let size = first.runs[0].1.len();
        if others.is_empty() || others.iter().any(|told| told.runs[0].1.len() != size) {
            return Shown::Nothing("there are no two learners that tell the same classes apart");
        }
        let names = &first.side.runs[0].start.data.classes;
        let mut classes: Vec<Class> = (0..size).map(|k| Class::of(k, names, &sides)).collect();
        classes.sort_by(|a, b| b.spread().total_cmp(&a.spread()).then(a.index.cmp(&b.index)));
        let numbers = classes.iter().map(|class| {
            let errors = sides.iter().zip(&class.errors);
            json!({
                "class": class.name,
                "errors": errors.map(|(told, e)| json!({ "group": told.side.group.group, "error": e })).collect::<Vec<_>>(),
                "difference": class.difference,
            })
        });
        Shown::Figure { html: drawn(&sides, &classes), numbers: numbers.collect() }
    }
}

/// A side and, of each of its runs that tell, the seed and `(wrong, rows)` of each class.
struct Told<'a> {
    side: Side<'a>,
    runs: Vec<(u64, Vec<(u64, u64)>)>,
}

impl<'a> Told<'a> {
    fn of(side: Side<'a>) -> Option<Told<'a>> {
        let mut runs: Vec<_> =
            side.runs.iter().filter_map(|run| Some((run.start.seed, counts(run)?))).collect();
        let size = runs.first()?.1.len();
        runs.retain(|(_, counts)| counts.len() == size);
        Some(Told { side, runs })
    }

    /// Of class k, by seed.
    fn errors(&self, k: usize) -> impl Iterator<Item = (u64, f64)> {
        self.runs.iter().filter_map(move |(seed, counts)| Some((*seed, share(counts[k])?)))
    }
}

fn share((wrong, rows): (u64, u64)) -> Option<f64> {
    (rows > 0).then(|| wrong as f64 / rows as f64)
}

/// `(wrong, rows)` of each class at the last evaluation of the test rows.
fn counts(run: &Run) -> Option<Vec<(u64, u64)>> {
    let table = run.last_evaluation(Split::Test, run.readout()?)?.confusion.as_ref()?;
    if table.is_empty() || table.iter().any(|row| row.len() != table.len()) {
        return None;
    }
    let of_class = |(k, row): (usize, &Vec<u64>)| {
        let rows = row.iter().fold(0_u64, |sum, n| sum.saturating_add(*n));
        (rows - row[k], rows)
    };
    Some(table.iter().enumerate().map(of_class).collect())
}

/// One class.
struct Class {
    index: usize,
    name: String,
    /// Of each side, the mean over its runs.
    errors: Vec<Option<f64>>,
    /// Of the second side from the first.
    difference: Option<Estimate>,
    standing: Standing,
}

impl Class {
    fn of(k: usize, names: &[String], sides: &[Told]) -> Class {
        let [a, b] = [&sides[0], &sides[1]];
        let partner = |seed: u64| a.errors(k).find(|(other, _)| *other == seed).map(|(_, error)| error);
        let pairs: Vec<(f64, f64)> =
            b.errors(k).filter_map(|(seed, error)| Some((error, partner(seed)?))).collect();
        let difference = Estimate::of_differences(&pairs);
        let variance = |told: &Told| {
            let (wrong, rows) = told.runs[0].1[k];
            share((wrong, rows)).map(|p| p * (1.0 - p) / rows as f64)
        };
        let deviation = variance(a).zip(variance(b)).map(|(a, b)| (a + b).sqrt());
        Class {
            index: k,
            name: names.get(k).cloned().unwrap_or_else(|| k.to_string()),
            errors: sides.iter().map(|told| mean(told.errors(k).map(|(_, error)| error))).collect(),
            standing: standing(difference, deviation),
            difference,
        }
    }

    /// From the least error to the largest.
    fn spread(&self) -> f64 {
        let known = || self.errors.iter().flatten().copied();
        known().fold(0.0, f64::max) - known().fold(f64::INFINITY, f64::min).min(1.0)
    }

    /// `+0.41`, with `~` where it is within chance.
    fn told(&self) -> String {
        let Some(difference) = self.difference else { return ABSENT.into() };
        let doubt = if self.standing == Standing::Indistinguishable { "~ " } else { "" };
        format!("{doubt}{}", format::signed_points(difference.mean))
    }
}

fn drawn(sides: &[Told], classes: &[Class]) -> Markup {
    let shown = &classes[..classes.len().min(MOST)];
    let all = shown.iter().flat_map(|class| class.errors.iter().flatten().copied());
    let scale = Scale::from_zero(all);
    let two = sides.len() == 2;
    let table = html! {
        table {
            thead { tr {
                th scope="col" { "Class" }
                @for told in sides { th scope="col" class="number" { (told.side.column()) } }
                @if two { th scope="col" class="number" { "Difference" } }
            } }
            tbody { @for class in shown {
                tr {
                    th scope="row" class="words" { (class.name) }
                    @for error in &class.errors {
                        td class="number" { (error.map_or_else(|| ABSENT.into(), format::percent)) }
                    }
                    @if two { td class="number" { (class.told()) } }
                }
            } }
        }
    };
    html! {
        figure {
            @for class in shown {
                div class="step-line" {
                    span class="step-name" { (class.name) }
                    div { @for (told, error) in sides.iter().zip(&class.errors) { (row(told, class, *error, &scale)) } }
                    span class="figure" { @if two { (class.told()) } }
                }
            }
            div class="step-line" { span {} (dots::axis(&scale, |e| format::trimmed(100.0 * e), "error, %")) span {} }
        }
        (scrolling("Errors by class", &table))
        p class="note" {
            "Test rows of a class that are misjudged, of all of that class; the classes that set the learners apart most come first. "
            @if two { "The difference, in points, is by pairs of the same seed; ~ is within chance, each class by itself." }
            @if classes.len() > MOST { " " (classes.len() - MOST) " more classes differ less." }
        }
    }
}

fn row(told: &Told, class: &Class, error: Option<f64>, scale: &Scale) -> Markup {
    let label = &told.side.group.label;
    let point =
        |(seed, error): (u64, f64)| (error, format!("{label}, seed {seed}: {}", format::percent(error)));
    let dots = Dots {
        id: format!("parting-{}-{}", class.index, told.side.index),
        title: format!("{}, {label}: {}", class.name, error.map_or_else(|| ABSENT.into(), format::percent)),
        class: told.side.class.clone(),
        points: told.errors(class.index).map(point).collect(),
        beyond: Vec::new(),
        mean: error.filter(|_| told.runs.len() > 1),
        interval: None,
    };
    dots::row(&dots, scale)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Summary, sample};

    #[test]
    fn errors_are_those_of_the_matrix_and_add_up_to_the_test_error() {
        let runs = sample::duel(&[1, 2]);
        let counted = counts(&runs[0]).expect("it has a matrix");
        let (wrong, rows) = counted.iter().fold((0, 0), |sum, n| (sum.0 + n.0, sum.1 + n.1));
        let last = runs[0].last_evaluation(Split::Test, runs[0].readout().unwrap()).unwrap();
        assert_eq!((Some(wrong), rows), (last.errors, last.rows));
        let summary = Summary::of(&runs);
        let sides = || Evidence { runs: &runs, summary: &summary }.sides().into_iter().filter_map(Told::of);
        let sides: Vec<Told> = sides().collect();
        let class = Class::of(0, &[], &sides);
        let by_hand = |told: &Told| told.errors(0).map(|(_, e)| e).sum::<f64>() / 2.0;
        assert_eq!(class.errors, [Some(by_hand(&sides[0])), Some(by_hand(&sides[1]))]);
        let difference = class.difference.expect("two pairs");
        assert!((difference.mean - (by_hand(&sides[1]) - by_hand(&sides[0]))).abs() < 1e-12);
        assert_eq!(class.name, "0");
    }

    #[test]
    fn one_learner_parts_from_nobody() {
        let runs = vec![sample::duel(&[1]).remove(0)];
        let summary = Summary::of(&runs);
        let shown = Parting.show(&Evidence { runs: &runs, summary: &summary });
        assert!(matches!(shown, Shown::Nothing(_)));
    }
}
