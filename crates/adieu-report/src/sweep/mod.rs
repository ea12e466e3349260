//! A sweep's result: steps of one recipe, each with its errors and costs over the seeds, and how they compare.
//!
//! ```text
//! ladder     each step against the step before it
//! ablation   each step against the first
//! grid       no step against another: see [`Pairs`] for values of one key
//! ```
//!
//! Differences are paired by seed, and judged by the 95 % interval; with one seed by 1.96 binomial standard errors.
//! A run that diverged is a result: it is counted, and has no part in the means.

mod beside;
mod page;
mod pairs;
mod text;
mod trends;

use std::collections::BTreeMap;

use adieu_record::Outcome;
use serde::{Deserialize, Serialize};

pub use beside::Beside;
pub use page::html;
pub use pairs::{Pair, Pairs};
pub use text::table;
pub use trends::Trend;

use crate::metric::METRICS;
use crate::stats::Estimate;
use crate::summary::{RunSummary, Standing, standing};

/// The version of the sweep's JSON.
pub const FORMAT: u32 = 1;

/// How the steps of a sweep belong together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// Each step keeps the changes of those before it.
    Ladder,
    /// Each step changes the base by itself.
    Ablation,
    /// One step for every choice of one value of each of these keys, the last changing fastest.
    Grid(Vec<String>),
}

/// One key of a recipe, changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Dotted.
    pub key: String,
    /// In a few words.
    pub value: String,
}

/// A step before anything was run.
#[derive(Clone, Debug)]
pub struct Named {
    /// Unique in the sweep.
    pub name: String,
    /// What it changes.
    pub changes: Vec<Change>,
}

/// One run of a step. `None` (`null`) is *not measured*.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SweepRun {
    /// Its folder.
    pub run: String,
    /// Its seed.
    pub seed: u64,
    /// Whether it did all its epochs.
    pub finished: bool,
    /// How it ended; `None` if the record just stops.
    pub outcome: Option<Outcome>,
    /// Fraction of test rows misjudged by the read-out that answers.
    pub test_error: Option<f64>,
    /// Binomial standard error of `test_error`.
    pub test_standard_error: Option<f64>,
    /// Without labels: squared error of reconstructed test rows, as a share of the mean row's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reconstruction_error: Option<f64>,
    /// Training clock, s.
    pub train_seconds: Option<f64>,
    /// Multiply-add pairs of the training.
    pub macs: Option<f64>,
}

/// One step of a sweep over its seeds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepSummary {
    /// Name.
    pub step: String,
    /// What it changes.
    pub changes: Vec<Change>,
    /// The read-out that answers; `None` if nothing was run.
    pub readout: Option<String>,
    /// By seed.
    pub runs: Vec<SweepRun>,
    /// Runs that did all their epochs; these are in `metrics`.
    pub finished: usize,
    /// Runs that diverged.
    pub diverged: usize,
    /// Mean, range, spread and interval over seeds, by the key of a [`Metric`](crate::Metric).
    pub metrics: BTreeMap<String, Estimate>,
    /// The step it is compared with.
    pub against: Option<String>,
    /// Test error minus that of `against`, paired by seed; without labels that of reconstructions.
    pub difference: Option<Estimate>,
    /// Which error is lower.
    pub standing: Standing,
}

/// What a sweep has found. This is what `sweep.json` holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SweepSummary {
    /// [`FORMAT`].
    pub format: u32,
    /// Name of the sweep.
    pub name: String,
    /// How the steps belong together.
    pub layout: Layout,
    /// Dataset of each run, without repetition.
    pub data: Vec<String>,
    /// In order.
    pub steps: Vec<StepSummary>,
    /// The step that all are told as shares of, where somebody asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beside: Option<Beside>,
    /// Values of one key against each other, where somebody asked for them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pairs: Vec<Pairs>,
    /// Steps along a number, where somebody asked for them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trends: Vec<Trend>,
}

impl SweepSummary {
    /// Arranges `runs`, each with the number of its step, by step.
    pub fn of(
        name: &str,
        layout: Layout,
        steps: &[Named],
        runs: impl Iterator<Item = (usize, RunSummary)>,
    ) -> SweepSummary {
        let mut members: Vec<Vec<RunSummary>> = vec![Vec::new(); steps.len()];
        let mut data: Vec<String> = Vec::new();
        for (step, run) in runs {
            if !data.contains(&run.data) {
                data.push(run.data.clone());
            }
            members[step].push(run);
        }
        let mut summaries: Vec<StepSummary> = Vec::new();
        for (step, runs) in steps.iter().zip(&members) {
            let against = match layout {
                Layout::Ladder => summaries.last(),
                Layout::Ablation => summaries.first(),
                Layout::Grid(_) => None,
            };
            summaries.push(step_summary(step, runs, against));
        }
        SweepSummary {
            format: FORMAT,
            name: name.into(),
            layout,
            data,
            steps: summaries,
            beside: None,
            pairs: Vec::new(),
            trends: Vec::new(),
        }
    }

    /// What steps are judged by, for people.
    fn judged_by(&self) -> &'static str {
        let has = |key: &str| self.steps.iter().any(|step| step.metrics.contains_key(key));
        let rebuilt = has("reconstruction_error") && !has("test_error");
        if rebuilt { "Reconstruction error" } else { "Test error" }
    }

    /// The step of that name.
    pub fn step(&self, name: &str) -> Option<&StepSummary> {
        self.steps.iter().find(|step| step.step == name)
    }
}

impl StepSummary {
    /// Mean, range and interval of the test error over the runs that finished; without labels, of the reconstruction
    /// error.
    pub fn test_error(&self) -> Option<&Estimate> {
        self.metrics.get("test_error").or_else(|| self.metrics.get("reconstruction_error"))
    }

    fn errors(&self) -> impl Iterator<Item = (&SweepRun, f64)> {
        let error = |run: &SweepRun| run.test_error.or(run.reconstruction_error);
        self.runs.iter().filter(|run| run.finished).filter_map(move |run| Some((run, error(run)?)))
    }

    /// Errors of this step and the other by runs of the same seed.
    fn paired(&self, other: &StepSummary) -> Vec<(f64, f64)> {
        let partner = |seed: u64| other.errors().find(|(run, _)| run.seed == seed).map(|(_, error)| error);
        self.errors().filter_map(|(run, error)| Some((error, partner(run.seed)?))).collect()
    }
}

fn step_summary(step: &Named, members: &[RunSummary], against: Option<&StepSummary>) -> StepSummary {
    let done: Vec<&RunSummary> = members.iter().filter(|run| run.finished()).collect();
    let estimates = METRICS.iter().filter_map(|metric| {
        let values: Vec<f64> = done.iter().filter_map(|run| (metric.of)(run)).collect();
        Some((metric.key.to_string(), Estimate::of(&values)?))
    });
    let diverged = |run: &&RunSummary| matches!(run.outcome, Some(Outcome::Diverged { .. }));
    let mut summary = StepSummary {
        step: step.name.clone(),
        changes: step.changes.clone(),
        readout: members.iter().find_map(|run| run.readout.clone()),
        runs: members.iter().map(sweep_run).collect(),
        finished: done.len(),
        diverged: members.iter().filter(diverged).count(),
        metrics: estimates.collect(),
        against: None,
        difference: None,
        standing: Standing::Unknown,
    };
    if let Some(against) = against {
        summary.against = Some(against.step.clone());
        summary.difference = Estimate::of_differences(&summary.paired(against));
        summary.standing = standing(summary.difference, standard_error(&summary, against));
    }
    summary
}

/// Of the difference of one pair of runs, as if the rows of each were drawn independently.
fn standard_error(a: &StepSummary, b: &StepSummary) -> Option<f64> {
    let (one, other) = (a.errors().next()?.0, b.errors().next()?.0);
    Some(one.test_standard_error?.hypot(other.test_standard_error?))
}

fn sweep_run(run: &RunSummary) -> SweepRun {
    SweepRun {
        run: run.run.clone(),
        seed: run.seed,
        finished: run.finished(),
        outcome: run.outcome.clone(),
        test_error: run.test_error,
        test_standard_error: run.test_standard_error,
        reconstruction_error: run.reconstruction_error,
        train_seconds: run.train_seconds,
        macs: run.macs,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Summary, sample};

    pub(super) fn named(name: &str) -> Named {
        Named { name: name.into(), changes: Vec::new() }
    }

    /// Two steps with three seeds each and one that diverged, from the made-up records.
    pub(super) fn sweep(layout: Layout) -> SweepSummary {
        let mut runs = sample::duel(&[1, 2, 3]);
        runs.push(sample::diverged());
        let summary = Summary::of(&runs);
        let of_step = |i: usize| if i == 6 { 2 } else { i % 2 };
        let runs = summary.runs.into_iter().enumerate().map(|(i, run)| (of_step(i), run));
        SweepSummary::of("sample", layout, &[named("ff"), named("bp"), named("mad")], runs)
    }

    #[test]
    fn a_step_is_compared_with_the_one_before_or_the_first_or_none() {
        let against = |layout: Layout| -> Vec<Option<String>> {
            sweep(layout).steps.into_iter().map(|step| step.against).collect()
        };
        let some = |name: &str| Some(name.to_string());
        assert_eq!(against(Layout::Ladder), [None, some("ff"), some("bp")]);
        assert_eq!(against(Layout::Ablation), [None, some("ff"), some("ff")]);
        assert_eq!(against(Layout::Grid(vec!["learner.kind".into()])), [None, None, None]);
    }

    #[test]
    fn differences_are_paired_by_seed_and_what_diverged_has_none() {
        let sweep = sweep(Layout::Ladder);
        let [ff, bp, mad] = &sweep.steps[..] else { panic!("three steps") };
        let errors = |step: &StepSummary| step.errors().map(|(_, error)| error).collect::<Vec<_>>();
        let by_hand: f64 = errors(bp).iter().zip(errors(ff)).map(|(b, f)| b - f).sum::<f64>() / 3.0;
        let difference = bp.difference.expect("three pairs");
        assert!((difference.mean - by_hand).abs() < 1e-12 && difference.n == 3, "{difference:?}");
        assert!(difference.interval.is_some());
        assert_eq!((mad.finished, mad.diverged, mad.difference, mad.test_error()), (0, 1, None, None));
        assert_eq!(mad.standing, Standing::Unknown);
    }

    #[test]
    fn it_survives_json() {
        let sweep = sweep(Layout::Grid(vec!["a".into(), "b".into()]));
        let text = serde_json::to_string(&sweep).unwrap();
        let back: SweepSummary = serde_json::from_str(&text).unwrap();
        assert_eq!((back.steps.len(), &back.layout), (3, &sweep.layout));
    }
}
