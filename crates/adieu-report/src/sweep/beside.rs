//! Steps beside one of them: what each gets right and costs as a share of that one's, and what is claimed of it elsewhere.

use maud::{Markup, html};
use serde::{Deserialize, Serialize};

use super::{StepSummary, SweepSummary, standard_error};
use crate::exhibits::scrolling;
use crate::format::{self, ABSENT};
use crate::stats::Estimate;
use crate::summary::{Standing, standing};
use crate::text::{aligned, clipped, wrapped};

/// The step that others are compared with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Beside {
    /// Its name.
    pub step: String,
    /// Of other steps: the name, and what its own paper says of it beside back-propagation or of its errors.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub claims: Vec<(String, String)>,
}

/// A cost that is compared, by the key of a [`Metric`](crate::Metric).
struct Cost {
    key: &'static str,
    title: &'static str,
    short: &'static str,
}

const COSTS: [Cost; 5] = [
    Cost { key: "macs", title: "Multiply-adds", short: "mult-adds" },
    Cost { key: "train_seconds", title: "Time", short: "train" },
    Cost { key: "cpu_seconds", title: "CPU time", short: "cpu" },
    Cost { key: "peak_alloc_bytes", title: "Memory", short: "memory" },
    Cost { key: "saved_peak_bytes", title: "Kept", short: "credit" },
];

impl SweepSummary {
    /// Also tells every step as a share of `step`, with what is claimed of some, by name.
    pub fn compare_with(&mut self, step: &str, claims: Vec<(String, String)>) {
        self.beside = Some(Beside { step: step.into(), claims });
    }

    /// The step that others are told as shares of, if it has finished anything.
    fn one(&self) -> Option<(&Beside, &StepSummary)> {
        let beside = self.beside.as_ref()?;
        let one = self.step(&beside.step)?;
        one.test_error().map(|_| (beside, one))
    }
}

impl Beside {
    fn claim(&self, step: &StepSummary) -> Option<&str> {
        self.claims
            .iter()
            .find(|(name, claim)| *name == step.step && !claim.is_empty())
            .map(|(_, claim)| claim.as_str())
    }
}

fn mean(step: &StepSummary, key: &str) -> Option<f64> {
    step.metrics.get(key).map(|estimate| estimate.mean).filter(|mean| mean.is_finite())
}

/// Right answers as a share of those of `one`.
fn share_right(step: &StepSummary, one: &StepSummary) -> Option<f64> {
    let right = |step: &StepSummary| mean(step, "test_error").map(|error| 1.0 - error);
    Some(right(step)? / right(one).filter(|right| *right > 0.0)?)
}

/// Its error less that of `one`, paired by seed, in points; `~` where the evidence does not tell it from none.
fn difference(step: &StepSummary, one: &StepSummary) -> String {
    if step.step == one.step {
        return String::new();
    }
    let Some(difference) = Estimate::of_differences(&step.paired(one)) else { return ABSENT.into() };
    let known = standing(Some(difference), standard_error(step, one));
    let doubt = if known == Standing::Indistinguishable { "~ " } else { "" };
    format!("{doubt}{}", format::signed_points(difference.mean))
}

fn share(step: &StepSummary, one: &StepSummary, key: &str) -> Option<f64> {
    Some(mean(step, key)? / mean(one, key).filter(|cost| *cost > 0.0)?)
}

fn told(share: Option<f64>) -> String {
    share.map_or_else(|| ABSENT.into(), |share| format!("{share:.2}"))
}

/// Costs that some step was measured at, as `one` was.
fn measured(sweep: &SweepSummary, one: &StepSummary) -> Vec<&'static Cost> {
    let known =
        |cost: &&Cost| sweep.steps.iter().filter(|step| share(step, one, cost.key).is_some()).count() > 1;
    COSTS.iter().filter(known).collect()
}

fn note(beside: &Beside) -> String {
    format!(
        "Means over seeds as shares of those of {0}: below 1 it is less. Right answers are of test rows; time is the training \
         clock's, memory the peak of the program, kept what is kept for credit. The difference of errors, in points, is by \
         pairs of the same seed, ~ is within chance.",
        beside.step
    )
}

/// The section of the page.
pub(super) fn section(sweep: &SweepSummary) -> Markup {
    let Some((beside, one)) = sweep.one() else { return Markup::default() };
    let costs = measured(sweep, one);
    let table = html! {
        table {
            thead { tr {
                th scope="col" { "Step" }
                th scope="col" class="number" { "Right answers" }
                th scope="col" class="number" { "Error, points" }
                @for cost in &costs { th scope="col" class="number" { (cost.title) } }
            } }
            tbody { @for step in &sweep.steps {
                tr {
                    th scope="row" class="words" { (step.step) }
                    td class="number" { (told(share_right(step, one))) }
                    td class="number" { (difference(step, one)) }
                    @for cost in &costs { td class="number" { (told(share(step, one, cost.key))) } }
                }
            } }
        }
    };
    html! {
        section id="beside" {
            h2 { "Beside " (beside.step) }
            (scrolling("Shares", &table))
            p class="note" { (note(beside)) }
            @if !beside.claims.is_empty() {
                h3 { "What their papers claim, on networks of their own" }
                (scrolling("Claims", &claims(sweep, beside)))
            }
        }
    }
}

fn claims(sweep: &SweepSummary, beside: &Beside) -> Markup {
    html! {
        table { tbody { @for step in &sweep.steps { @if let Some(claim) = beside.claim(step) {
            tr { th scope="row" class="words" { (step.step) } td class="words" { (claim) } }
        } } } }
    }
}

/// The same for a terminal, without the claims; empty if there is nothing to compare with.
pub(super) fn table(sweep: &SweepSummary) -> String {
    let Some((beside, one)) = sweep.one() else { return String::new() };
    let costs = measured(sweep, one);
    let head = [format!("beside {}", clipped(&beside.step, 20)), "right".into(), "error".into()];
    let mut rows: Vec<Vec<String>> =
        vec![head.into_iter().chain(costs.iter().map(|cost| cost.short.to_string())).collect()];
    rows.extend(sweep.steps.iter().map(|step| {
        let shares = costs.iter().map(|cost| told(share(step, one, cost.key)));
        [clipped(&step.step, 34), told(share_right(step, one)), difference(step, one)]
            .into_iter()
            .chain(shares)
            .collect()
    }));
    format!("\n{}\n{}", aligned(&rows, sweep.steps.len()), wrapped(&note(beside), ""))
}

#[cfg(test)]
mod tests {
    use super::super::Layout;
    use super::super::tests::sweep;
    use super::*;

    #[test]
    fn shares_are_of_the_one_and_what_was_not_measured_has_none() {
        let mut sweep = sweep(Layout::Ablation);
        assert_eq!((table(&sweep), section(&sweep).0), (String::new(), String::new()));
        sweep.compare_with("bp", vec![("ff".into(), "no slower".into())]);
        let (beside, one) = sweep.one().expect("it has finished");
        let [ff, bp, mad] = &sweep.steps[..] else { panic!("three steps") };
        assert_eq!((share(bp, one, "macs"), share_right(bp, one)), (Some(1.0), Some(1.0)));
        let by_hand = ff.metrics["macs"].mean / bp.metrics["macs"].mean;
        assert_eq!(share(ff, one, "macs"), Some(by_hand));
        assert_eq!((share(mad, one, "macs"), share_right(mad, one)), (None, None), "it diverged");
        assert_eq!((beside.claim(ff), beside.claim(bp)), (Some("no slower"), None));
        let page = section(&sweep).0;
        assert!(page.contains("no slower") && page.contains(&format!("{by_hand:.2}")), "{page}");
        insta::assert_snapshot!(table(&sweep));
    }

    #[test]
    fn a_step_that_is_not_there_is_compared_with_nothing() {
        let mut sweep = sweep(Layout::Ablation);
        sweep.compare_with("mad", Vec::new());
        assert_eq!(table(&sweep), "", "it has finished nothing");
        sweep.compare_with("nobody", Vec::new());
        assert_eq!(table(&sweep), "");
    }
}
