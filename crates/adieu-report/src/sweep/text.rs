//! A sweep for a terminal: one line a step.

use crate::format::{self, ABSENT};
use crate::metric::metric;
use crate::stats::Estimate;
use crate::summary::Standing;
use crate::text::{aligned, clipped, points_range, wrapped};

use super::{Layout, Pairs, StepSummary, SweepSummary, beside};

/// One line a step: seeds, test error with its interval, what it differs by, time, multiply-adds.
/// Lines are at most [`crate::text::WIDTH`] columns where names are short; `–` is *not measured*.
pub fn table(sweep: &SweepSummary) -> String {
    let compared = !matches!(sweep.layout, Layout::Grid(_));
    let judged_by = sweep.judged_by().to_lowercase();
    let mut head = vec!["step", "seeds", &judged_by, "95 % interval"];
    head.extend(compared.then_some("difference"));
    head.extend(["train", "mult-adds"]);
    let mut rows = vec![head.into_iter().map(str::to_string).collect::<Vec<_>>()];
    rows.extend(sweep.steps.iter().map(|step| row(step, compared)));
    let mut text = aligned(&rows, sweep.steps.len());
    text.push('\n');
    text.push_str(&wrapped(&notes(sweep, compared), ""));
    text.push_str(&beside::table(sweep));
    for pairs in &sweep.pairs {
        text.push('\n');
        text.push_str(&pairs_table(pairs));
    }
    text
}

fn row(step: &StepSummary, compared: bool) -> Vec<String> {
    let value = |key: &str| {
        let mean = step.metrics.get(key).map(|e| format::value(metric(key).unit, e.mean));
        mean.unwrap_or_else(|| ABSENT.into())
    };
    let mut row = vec![clipped(&step.step, 34), seeds(step), mean(step), spread(step)];
    if compared {
        row.push(difference(step));
    }
    row.extend([value("train_seconds"), value("macs")]);
    row
}

fn mean(step: &StepSummary) -> String {
    step.test_error().map_or_else(|| ABSENT.into(), |e| format::percent(e.mean))
}

/// `3`, or `2 of 3` where one did not finish.
fn seeds(step: &StepSummary) -> String {
    let all = step.runs.len();
    match (step.finished, step.diverged) {
        (finished, _) if finished == all => all.to_string(),
        (0, diverged) if diverged == all => "diverged".into(),
        (finished, _) => format!("{finished} of {all}"),
    }
}

/// The interval over seeds, or the binomial standard error of one run.
pub(super) fn spread(step: &StepSummary) -> String {
    let Some(e) = step.test_error() else { return String::new() };
    match (e.interval, step.errors().next()) {
        (Some(i), _) => {
            // Student's interval of two seeds knows nothing of shares, which lie between 0 and 1
            let most = if step.metrics.contains_key("test_error") { 1.0 } else { f64::INFINITY };
            format!("{} … {}", format::points(i.lo.max(0.0)), format::percent(i.hi.min(most)))
        }
        (None, Some((run, _))) => {
            run.test_standard_error.map_or_else(String::new, |s| format!("± {}", format::percent(s)))
        }
        (None, None) => String::new(),
    }
}

/// `−0.41`, with `~` where the evidence does not tell it from none.
pub(super) fn difference(step: &StepSummary) -> String {
    let Some(d) = step.difference else { return String::new() };
    let doubt = if step.standing == Standing::Indistinguishable { "~ " } else { "" };
    format!("{doubt}{}", format::signed_points(d.mean))
}

pub(super) fn notes(sweep: &SweepSummary, compared: bool) -> String {
    let readouts: Vec<&str> = sweep.steps.iter().filter_map(|step| step.readout.as_deref()).collect();
    let same = readouts.windows(2).all(|pair| pair[0] == pair[1]);
    let mut notes = match readouts.first() {
        Some(_) if sweep.judged_by() != "Test error" => {
            "The squared error of test rows that were given back, of the mean row's.".to_string()
        }
        Some(readout) if same => format!("Test error by the read-out `{readout}`."),
        Some(_) => "Test error by the read-out that each learner answers with.".into(),
        None => "Nothing was run yet.".into(),
    };
    if sweep.steps.iter().all(|step| step.runs.len() < 2) && sweep.judged_by() == "Test error" {
        notes += " One seed: ± is the binomial standard error of the test rows.";
    }
    if compared {
        let against = if sweep.layout == Layout::Ladder { "the step before" } else { "the first step" };
        notes += &format!(
            " The difference, in points, is to {against}, by pairs of the same seed; ~ is within chance."
        );
    }
    let diverged: usize = sweep.steps.iter().map(|step| step.diverged).sum();
    if diverged > 0 {
        let plural = if diverged == 1 { "" } else { "s" };
        notes += &format!(" What diverged, {diverged} run{plural}, is in no mean.");
    }
    notes + "\n"
}

fn pairs_table(pairs: &Pairs) -> String {
    let mut rows =
        vec![["a", "b", "pairs", "a − b, points", "p", "after Holm", ""].map(str::to_string).to_vec()];
    rows.extend(pairs.pairs.iter().map(|pair| {
        let number = |p: Option<f64>| p.map_or_else(|| ABSENT.into(), |p| format::significant(p, 2));
        let difference = |d: &Estimate| format!("{}{}", format::signed_points(d.mean), points_range(d));
        vec![
            clipped(&pair.a, 24),
            clipped(&pair.b, 24),
            pair.difference.map_or(0, |d| d.n).to_string(),
            pair.difference.as_ref().map_or_else(|| ABSENT.into(), difference),
            number(pair.p),
            number(pair.holm),
            pair.verdict().into(),
        ]
    }));
    let title = format!("{}, value against value\n", pairs.title);
    title + &aligned(&rows, pairs.pairs.len())
}

#[cfg(test)]
mod tests {
    use super::super::tests::sweep;
    use super::*;

    #[test]
    fn a_ladder_and_a_grid() {
        insta::assert_snapshot!(table(&sweep(Layout::Ladder)));
        let grid = table(&sweep(Layout::Grid(vec!["learner.kind".into()])));
        assert!(!grid.contains("difference"), "{grid}");
    }
}
