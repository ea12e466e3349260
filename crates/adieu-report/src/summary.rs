//! What several runs say together: one line a run, groups of one learner, and paired comparisons.

use std::collections::BTreeMap;

use adieu_record::{Detection, Evaluation, Outcome, Reconstruction, Split};
use serde::{Deserialize, Serialize};

use crate::conditions::{apart, differing, machine};
use crate::label;
use crate::metric::METRICS;
use crate::run::{Missing, Run};
use crate::stats::{Estimate, binomial_standard_error};

/// The last evaluation of a run by one read-out on one split.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReadoutError {
    /// Read-out.
    pub readout: String,
    /// Which rows.
    pub split: Split,
    /// Fraction misjudged.
    pub error: f64,
    /// Its binomial standard error; `None` without rows.
    pub standard_error: Option<f64>,
    /// Rows evaluated.
    pub rows: u64,
    /// Steps done.
    pub step: u64,
    /// Whether it is the evaluation after the last step, on the whole split.
    pub last: bool,
}

/// One run in numbers. `None` (`null`) is *not measured*: [`RunSummary::missing`] says why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunSummary {
    /// Folder of the run.
    pub run: String,
    /// Name of the recipe.
    pub name: String,
    /// `forward_forward`, `back_prop`, ….
    pub learner: String,
    /// Group of the run in [`Summary::groups`].
    pub group: String,
    /// The one seed.
    pub seed: u64,
    /// Dataset.
    pub data: String,
    /// The learner's own read-out: the first it offers.
    pub readout: Option<String>,
    /// Fraction of test rows misjudged by the learner's own read-out at its last evaluation.
    pub test_error: Option<f64>,
    /// Binomial standard error of `test_error`.
    pub test_standard_error: Option<f64>,
    /// Rows behind `test_error`.
    pub test_rows: Option<u64>,
    /// Where anomalies are to be found, how well they are among the test rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detection: Option<Detection>,
    /// Where rows are to be given back, how far what came back of the test rows was from them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reconstruction: Option<Reconstruction>,
    /// That as a share of the mean row's: 1 is no better.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reconstruction_error: Option<f64>,
    /// Every read-out and split.
    pub errors_by_readout: Vec<ReadoutError>,
    /// Training clock, s.
    pub train_seconds: Option<f64>,
    /// Whole run, s.
    pub wall_seconds: Option<f64>,
    /// All evaluations, s.
    pub evaluation_seconds: Option<f64>,
    /// Waiting for data, s.
    pub stall_seconds: Option<f64>,
    /// All threads, s.
    pub cpu_seconds: Option<f64>,
    /// Energy of the machine's rails that are apart, J.
    pub energy_joules: Option<f64>,
    /// Peak of allocated bytes.
    pub peak_alloc_bytes: Option<f64>,
    /// Peak of allocated bytes of each part; the parts need not peak at the same moment.
    pub peak_alloc_by_part: BTreeMap<String, f64>,
    /// Peak resident bytes.
    pub resident_peak_bytes: Option<f64>,
    /// Peak bytes kept for credit.
    pub saved_peak_bytes: Option<f64>,
    /// Multiply-add pairs of the training.
    pub macs: Option<f64>,
    /// Parameters of the network.
    pub parameters: u64,
    /// Epochs done, with fractions.
    pub epochs: f64,
    /// Epochs planned.
    pub epochs_planned: u64,
    /// Steps done.
    pub steps: u64,
    /// How it ended; `None` if the record just stops.
    pub outcome: Option<Outcome>,
    /// What was not measured, and why.
    pub missing: Vec<Missing>,
}

impl RunSummary {
    /// Whether all epochs were done.
    pub fn finished(&self) -> bool {
        self.outcome == Some(Outcome::Finished)
    }

    fn of(run: &Run, group: String) -> RunSummary {
        let mut missing = Vec::new();
        let mut reading = |name: &str| run.measured(name, None).map_err(|m| missing.push(m)).ok();
        let cpu_seconds = reading("cpu_time");
        let peak_alloc_bytes = reading("allocated_peak");
        let resident_peak_bytes = reading("resident_peak");
        let saved_peak_bytes = reading("saved_peak");
        let macs = reading("multiply_adds");
        let energy_joules = run.joules().map_err(|m| missing.push(m)).ok();
        let mut note = |what: &str, absent: bool, why: &str| {
            if absent {
                missing.push(Missing { what: what.into(), why: why.into(), remedy: String::new() });
            }
        };
        let readout = run.readout().map(str::to_string);
        let test = readout.as_ref().and_then(|r| run.last_evaluation(Split::Test, r));
        note("test_error", test.is_none(), "never evaluated on the test set by its own read-out");
        let labels = test.is_none_or(|e| e.error.is_some());
        note("test_error", !labels, "there are no labels to judge by");
        let reconstruction = test.and_then(|e| e.reconstruction);
        let stall_seconds = run.phase_seconds("stall");
        note("stall_seconds", stall_seconds.is_none(), "no phase times in the record");
        note("evaluation_seconds", run.evaluation_seconds.is_none(), "no evaluation in the record");
        RunSummary {
            run: run.folder.clone(),
            name: run.start.name.clone(),
            learner: run.start.learner.clone(),
            group,
            seed: run.start.seed,
            data: run.start.data.name.clone(),
            test_error: test.and_then(|e| e.error),
            test_standard_error: test.and_then(standard_error),
            test_rows: test.map(|e| e.rows),
            detection: test.and_then(|e| e.detection),
            reconstruction,
            reconstruction_error: reconstruction.and_then(|r| r.relative()).filter(|r| r.is_finite()),
            errors_by_readout: readout_errors(run),
            readout,
            train_seconds: Some(run.train_seconds),
            wall_seconds: Some(run.wall_seconds),
            evaluation_seconds: run.evaluation_seconds,
            stall_seconds,
            cpu_seconds,
            energy_joules,
            peak_alloc_bytes,
            peak_alloc_by_part: parts(run, "allocated_peak"),
            resident_peak_bytes,
            saved_peak_bytes,
            macs,
            parameters: run.start.network.parameters,
            epochs: run.epochs,
            epochs_planned: run.start.epochs,
            steps: run.steps,
            outcome: run.outcome.clone(),
            missing,
        }
    }
}

fn readout_errors(run: &Run) -> Vec<ReadoutError> {
    let errors = run.last.iter().filter_map(|e| {
        Some(ReadoutError {
            readout: e.readout.clone(),
            split: e.split,
            error: e.error?,
            standard_error: standard_error(e),
            rows: e.rows,
            step: e.step,
            last: e.last,
        })
    });
    errors.collect()
}

/// Binomial, of the share of rows misjudged; `None` without labels or rows.
pub(crate) fn standard_error(e: &Evaluation) -> Option<f64> {
    binomial_standard_error(e.errors?, e.rows)
}

/// Measured values of a reading by part.
fn parts(run: &Run, name: &str) -> BTreeMap<String, f64> {
    let parts = run.readings.iter().filter(|r| r.name == name).filter_map(|r| r.part.clone());
    parts.filter_map(|part| run.measured(name, Some(&part)).ok().map(|v| (part, v))).collect()
}

/// Runs of one learner (and recipe, where one learner has several), whatever their seeds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// Name, unique in a summary: `forward_forward`, or `forward_forward (deep)`.
    pub group: String,
    /// Learner.
    pub learner: String,
    /// For people: `Forward-Forward`.
    pub label: String,
    /// For narrow places: `FF`.
    pub short: String,
    /// Runs in it.
    pub runs: usize,
    /// Those that did all their epochs. Only these are in `metrics`, if there are any.
    pub finished: usize,
    /// Mean, range, spread and interval, by the key of a [`Metric`](crate::Metric).
    pub metrics: BTreeMap<String, Estimate>,
}

/// Which of two test errors is lower.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// The learner errs less than what it is compared with, distinguishably.
    Lower,
    /// It errs more, distinguishably.
    Higher,
    /// The evidence does not tell them apart.
    Indistinguishable,
    /// There is no pair of errors.
    Unknown,
}

/// One learner against another, by pairs of finished runs of the same seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Group compared.
    pub group: String,
    /// Group it is compared with: back-propagation if there is one, else the first.
    pub against: String,
    /// Seeds of the pairs.
    pub seeds: Vec<u64>,
    /// Test error of `group` minus that of `against`, paired.
    pub test_error_difference: Option<Estimate>,
    /// Of one pair: √(s₁² + s₂²) of the two binomial standard errors, as if drawn independently. Both are
    /// judged on the same rows, so the truth is rather smaller.
    pub difference_standard_error: Option<f64>,
    /// Which error is lower: by the paired 95 % interval, or for one pair by 1.96 standard errors. Without labels, by the
    /// interval of the ratio of reconstruction errors; one pair then tells nothing.
    pub standing: Standing,
    /// Ratios `group / against`, geometric means of pairs, by the key of a [`Metric`](crate::Metric).
    pub ratios: BTreeMap<String, Estimate>,
    /// What makes the comparison less than fair.
    pub caveats: Vec<String>,
    /// Keys of what was measured on both sides, but under conditions that differ, so that there is no ratio.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub withheld: Vec<String>,
}

/// What several runs say together. This is what `--json` prints.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// One entry a run, in the order given.
    pub runs: Vec<RunSummary>,
    /// By learner, in order of first appearance.
    pub groups: Vec<Group>,
    /// Every other group against the baseline.
    pub comparisons: Vec<Comparison>,
    /// Machines, power modes and sources of energy that are not the same for all runs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<String>,
}

impl Summary {
    /// Summarises runs. None gives an empty summary.
    pub fn of(runs: &[Run]) -> Summary {
        let names = group_names(runs);
        let summaries: Vec<RunSummary> =
            runs.iter().zip(&names).map(|(run, name)| RunSummary::of(run, name.clone())).collect();
        let mut groups: Vec<Group> = Vec::new();
        for (run, name) in runs.iter().zip(&names) {
            if groups.iter().all(|g| g.group != *name) {
                groups.push(group(name, &run.start.learner, &run.start.name, &summaries));
            }
        }
        let baseline = groups.iter().find(|g| g.learner == label::BASELINE).or(groups.first());
        let comparisons = baseline.map(|base| {
            let others = groups.iter().filter(|g| g.group != base.group);
            others.map(|other| compare(other, base, runs, &summaries)).collect()
        });
        let comparisons = comparisons.unwrap_or_default();
        Summary { runs: summaries, groups, comparisons, conditions: differing(runs) }
    }

    /// The group of that name.
    pub fn group(&self, name: &str) -> Option<&Group> {
        self.groups.iter().find(|g| g.group == name)
    }

    /// Runs of a group, in order.
    pub fn members(&self, name: &str) -> impl Iterator<Item = &RunSummary> {
        self.runs.iter().filter(move |r| r.group == name)
    }
}

/// The learner's name, followed by the recipe's where one learner ran several recipes.
fn group_names(runs: &[Run]) -> Vec<String> {
    let name = |run: &Run| {
        let several =
            runs.iter().any(|r| r.start.learner == run.start.learner && r.start.name != run.start.name);
        if several {
            format!("{} ({})", run.start.learner, run.start.name)
        } else {
            run.start.learner.clone()
        }
    };
    runs.iter().map(name).collect()
}

fn group(name: &str, learner: &str, recipe: &str, all: &[RunSummary]) -> Group {
    let members: Vec<&RunSummary> = all.iter().filter(|r| r.group == name).collect();
    let finished: Vec<&RunSummary> = members.iter().copied().filter(|r| r.finished()).collect();
    let counted = if finished.is_empty() { &members } else { &finished };
    let estimates = METRICS.iter().filter_map(|metric| {
        let values: Vec<f64> = counted.iter().filter_map(|r| (metric.of)(r)).collect();
        Some((metric.key.to_string(), Estimate::of(&values)?))
    });
    let suffix = if name == learner { String::new() } else { format!(" ({recipe})") };
    Group {
        group: name.into(),
        learner: learner.into(),
        label: label::learner(learner) + &suffix,
        short: label::learner_short(learner) + &suffix,
        runs: members.len(),
        finished: finished.len(),
        metrics: estimates.collect(),
    }
}

fn compare(group: &Group, against: &Group, runs: &[Run], all: &[RunSummary]) -> Comparison {
    let pairs = pairs(&group.group, &against.group, all);
    let both = |of: fn(&RunSummary) -> Option<f64>| -> Vec<(f64, f64)> {
        pairs.iter().filter_map(|&(a, b)| Some((of(&all[a])?, of(&all[b])?))).collect()
    };
    let errors = both(|r| r.test_error);
    let difference = Estimate::of_differences(&errors);
    let rebuilt = Estimate::of_ratios(&both(|r| r.reconstruction_error));
    let standard_errors = both(|r| r.test_standard_error);
    let standard_error = match standard_errors[..] {
        [(a, b)] => Some(a.hypot(b)),
        _ => None,
    };
    let mut ratios = BTreeMap::new();
    let mut withheld = Vec::new();
    for metric in METRICS.iter().skip(1) {
        let measured = |&(a, b): &(usize, usize)| Some(((metric.of)(&all[a])?, (metric.of)(&all[b])?));
        let fair = |&&(a, b): &&(usize, usize)| apart(metric.key, &runs[a], &runs[b]).is_none();
        let values: Vec<(f64, f64)> = pairs.iter().filter(fair).filter_map(measured).collect();
        match Estimate::of_ratios(&values) {
            Some(ratio) => drop(ratios.insert(metric.key.to_string(), ratio)),
            None if pairs.iter().any(|pair| !fair(&pair) && measured(pair).is_some()) => {
                withheld.push(metric.key.to_string());
            }
            None => {}
        }
    }
    Comparison {
        group: group.group.clone(),
        against: against.group.clone(),
        seeds: pairs.iter().map(|&(a, _)| all[a].seed).collect(),
        test_error_difference: difference,
        difference_standard_error: standard_error,
        standing: match (difference, rebuilt.and_then(|r| Some((r, r.interval?)))) {
            (None, Some((ratio, interval))) => side(ratio.mean - 1.0, !interval.holds(1.0)),
            _ => standing(difference, standard_error),
        },
        ratios,
        caveats: caveats(group, against, &pairs, runs, all),
        withheld,
    }
}

/// Indices of finished runs of the same seed; the k-th run of a seed meets the k-th.
fn pairs(group: &str, against: &str, all: &[RunSummary]) -> Vec<(usize, usize)> {
    let of = |name: &str| -> Vec<usize> {
        (0..all.len()).filter(|&i| all[i].group == name && all[i].finished()).collect()
    };
    let mut partners = of(against);
    let mut pairs = Vec::new();
    for a in of(group) {
        if let Some(at) = partners.iter().position(|&b| all[b].seed == all[a].seed) {
            pairs.push((a, partners.remove(at)));
        }
    }
    pairs
}

/// Which error is lower, by the interval of the difference, or for one pair by 1.96 of its standard errors.
pub(crate) fn standing(difference: Option<Estimate>, standard_error: Option<f64>) -> Standing {
    let Some(d) = difference else { return Standing::Unknown };
    let half = match (d.interval, standard_error) {
        (Some(interval), _) => return side(d.mean, !interval.holds(0.0)),
        (None, Some(s)) => 1.96 * s,
        (None, None) => return Standing::Unknown,
    };
    side(d.mean, d.mean.abs() > half)
}

fn side(difference: f64, distinguishable: bool) -> Standing {
    match distinguishable {
        true if difference < 0.0 => Standing::Lower,
        true => Standing::Higher,
        false => Standing::Indistinguishable,
    }
}

/// Where the two sides differ in more than the learner.
fn caveats(
    g: &Group,
    against: &Group,
    pairs: &[(usize, usize)],
    runs: &[Run],
    all: &[RunSummary],
) -> Vec<String> {
    let mut caveats = Vec::new();
    for group in [g, against] {
        let name = label::within(&group.label);
        for run in all.iter().filter(|r| r.group == group.group && !r.finished()) {
            let ended = match &run.outcome {
                Some(Outcome::Interrupted) => "was interrupted",
                Some(Outcome::Diverged { .. }) => "diverged",
                Some(Outcome::Failed { .. }) => "failed",
                Some(Outcome::Finished) | None => "has a record that stops",
            };
            let (done, planned) = (run.epochs, run.epochs_planned);
            caveats.push(format!(
                "{name} with seed {} {ended} after {done:.1} of {planned} epochs and is left out",
                run.seed
            ));
        }
        let alone = group.finished - pairs.len();
        if alone > 0 && !pairs.is_empty() {
            caveats.push(format!("{alone} finished run(s) of {name} have no partner of the same seed"));
        }
    }
    if let Some(&(a, b)) = pairs.first() {
        let (a, b) = (&runs[a].start, &runs[b].start);
        let differs = [
            ("the dataset", a.data != b.data),
            ("the epochs", a.epochs != b.epochs),
            ("the batch", a.batch != b.batch),
            ("the machine", machine(a) != machine(b)),
            ("the build of the program", a.program != b.program),
        ];
        let different: Vec<String> = differs.iter().filter(|d| d.1).map(|d| d.0.to_string()).collect();
        if !different.is_empty() {
            caveats.push(format!("the two sides differ in {} too", label::list(&different)));
        }
    }
    for &(a, b) in pairs {
        if all[a].test_rows != all[b].test_rows {
            caveats
                .push(format!("with seed {} the two were tested on different numbers of rows", all[a].seed));
        }
    }
    caveats
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use proptest::prelude::*;

    #[test]
    fn a_duel_is_one_pair() {
        let summary = Summary::of(&sample::duel(&[42]));
        assert_eq!(summary.groups.iter().map(|g| g.short.as_str()).collect::<Vec<_>>(), ["FF", "BP"]);
        let c = &summary.comparisons[0];
        assert_eq!((c.group.as_str(), c.against.as_str()), ("forward_forward", "back_prop"));
        assert_eq!(c.seeds, [42]);
        assert_eq!(c.test_error_difference.unwrap().interval, None);
        let (ff, bp) = (&summary.runs[0], &summary.runs[1]);
        let expected = ff.peak_alloc_bytes.unwrap() / bp.peak_alloc_bytes.unwrap();
        assert!((c.ratios["peak_alloc_bytes"].mean - expected).abs() < 1e-12);
        assert!(c.caveats.is_empty(), "{:?}", c.caveats);
    }

    #[test]
    fn standings_follow_the_evidence() {
        let d = |values: &[f64]| Estimate::of(values);
        assert_eq!(standing(d(&[0.010]), Some(0.002)), Standing::Higher);
        assert_eq!(standing(d(&[-0.010]), Some(0.002)), Standing::Lower);
        assert_eq!(standing(d(&[0.003]), Some(0.002)), Standing::Indistinguishable);
        assert_eq!(standing(d(&[0.010, 0.012, 0.011]), None), Standing::Higher);
        assert_eq!(standing(d(&[0.010, -0.012, 0.011]), None), Standing::Indistinguishable);
        assert_eq!(standing(None, Some(0.1)), Standing::Unknown);
    }

    #[test]
    fn only_finished_runs_of_one_seed_are_paired() {
        let mut runs = sample::duel(&[1, 2, 3]);
        runs[0].outcome = Some(Outcome::Interrupted);
        runs[3].start.seed = 9;
        let c = &Summary::of(&runs).comparisons[0];
        assert_eq!(c.seeds, [3]);
        assert_eq!(
            c.caveats,
            [
                "Forward-Forward with seed 1 was interrupted after 12.0 of 12 epochs and is left out",
                "1 finished run(s) of Forward-Forward have no partner of the same seed",
                "2 finished run(s) of back-propagation have no partner of the same seed",
            ]
        );
    }

    #[test]
    fn different_conditions_are_confessed() {
        let mut runs = sample::duel(&[1]);
        runs[0].start.epochs = 60;
        runs[0].start.machine.threads = Some(64);
        let caveats = &Summary::of(&runs).comparisons[0].caveats;
        assert_eq!(caveats[..], ["the two sides differ in the epochs and the machine too"]);
    }

    #[test]
    fn nothing_is_set_against_another_machine_that_a_machine_decides() {
        let mut runs = sample::duel(&[1]);
        runs[1].start.machine.cpu = Some("another processor".into());
        let summary = Summary::of(&runs);
        let c = &summary.comparisons[0];
        let (times, counts) =
            (["train_seconds", "wall_seconds", "energy_joules"], ["macs", "peak_alloc_bytes"]);
        for key in times {
            assert!(!c.ratios.contains_key(key) && c.withheld.iter().any(|k| k == key), "{key}");
        }
        assert!(counts.iter().all(|key| c.ratios.contains_key(*key)), "{:?}", c.ratios);
        assert!(summary.conditions[0].contains("another processor"), "{:?}", summary.conditions);
        // Where one pair of two is fair, it counts alone.
        let mut runs = sample::duel(&[1, 2]);
        runs[3].start.machine.cpu = Some("another processor".into());
        let c = &Summary::of(&runs).comparisons[0];
        assert_eq!((c.ratios["train_seconds"].n, c.ratios["macs"].n), (1, 2));
        assert!(c.withheld.is_empty(), "{:?}", c.withheld);
    }

    #[test]
    fn a_learner_with_two_recipes_is_two_groups() {
        let mut runs = sample::duel(&[1]);
        runs[1].start.learner = "forward_forward".into();
        runs[1].start.name = "deep".into();
        let groups: Vec<String> = Summary::of(&runs).groups.into_iter().map(|g| g.label).collect();
        assert_eq!(groups, ["Forward-Forward (duel-forward_forward)", "Forward-Forward (deep)"]);
    }

    #[test]
    fn what_was_not_measured_is_null_with_a_reason() {
        let runs = [sample::diverged()];
        let run = &Summary::of(&runs).runs[0];
        let json = serde_json::to_value(run).unwrap();
        for key in
            ["test_error", "cpu_seconds", "macs", "stall_seconds", "peak_alloc_bytes", "saved_peak_bytes"]
        {
            assert!(json[key].is_null(), "{key}: {}", json[key]);
        }
        assert!(run.missing.iter().all(|m| !m.why.is_empty()));
        assert!(run.missing.len() >= 6, "{:?}", run.missing);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn summaries_survive_json(seeds in prop::collection::vec(0_u64..9, 0..4)) {
            let summary = Summary::of(&sample::duel(&seeds));
            let json = serde_json::to_string(&summary).unwrap();
            let back: Summary = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(back.runs.len(), summary.runs.len());
            prop_assert_eq!(serde_json::to_string(&back).unwrap(), json);
        }
    }
}
