//! The summary for a terminal: a table, and a verdict in words.

use std::fmt::Write as _;

use adieu_record::{Detection, Outcome, Reconstruction};

use crate::format::{self, ABSENT};
use crate::label;
use crate::metric::{belongs, metric, quality};
use crate::stats::Estimate;
use crate::summary::{Comparison, Group, RunSummary, Standing, Summary};

/// Widest line of [`table`].
pub const WIDTH: usize = 100;

/// Columns after learner and seed, by metric; chosen to fit [`WIDTH`].
const COLUMNS: &[Column] = &[
    ("test_error", "test error"),
    ("reconstruction_error", "rebuilt"),
    ("train_seconds", "train"),
    ("wall_seconds", "wall"),
    ("peak_alloc_bytes", "peak mem"),
    ("saved_peak_bytes", "for credit"),
    ("macs", "mult-adds"),
];

/// One line a run, means of groups of several runs, comparisons, and what was not measured.
/// Lines are at most [`WIDTH`] columns; `–` is *not measured*.
pub fn table(summary: &Summary) -> String {
    let columns: Vec<Column> =
        COLUMNS.iter().copied().filter(|(key, _)| belongs(key, &summary.runs)).collect();
    let mut rows = vec![header(&columns)];
    rows.extend(summary.runs.iter().map(|run| run_row(run, summary, &columns)));
    let several: Vec<&Group> = summary.groups.iter().filter(|g| g.runs > 1).collect();
    rows.extend(several.iter().map(|g| mean_row(g, &columns)));
    let mut text = aligned(&rows, summary.runs.len());
    for comparison in &summary.comparisons {
        if let Some(line) = comparison_line(comparison, summary) {
            text.push('\n');
            text.push_str(&wrapped(&line, "  "));
        }
    }
    notes(&mut text, summary);
    text
}

/// Key of a metric, and the head of its column.
type Column = (&'static str, &'static str);

fn header(columns: &[Column]) -> Vec<String> {
    let fixed = ["learner", "seed"].into_iter().chain(columns.iter().map(|c| c.1));
    fixed.map(str::to_string).collect()
}

fn run_row(run: &RunSummary, summary: &Summary, columns: &[Column]) -> Vec<String> {
    let name = summary.group(&run.group).map_or(run.learner.clone(), |g| g.label.clone());
    let mark = if run.finished() { "" } else { " *" };
    let mut row = vec![clipped(&name, 22) + mark, clipped(&run.seed.to_string(), 8)];
    row.extend(columns.iter().map(|&(key, _)| {
        let metric = metric(key);
        let value = (metric.of)(run);
        match (key, value, run.test_standard_error) {
            ("test_error", Some(e), Some(s)) => format!("{} ± {}", format::points(e), format::percent(s)),
            (_, Some(v), _) => format::value(metric.unit, v),
            (_, None, _) => ABSENT.into(),
        }
    }));
    row
}

fn mean_row(group: &Group, columns: &[Column]) -> Vec<String> {
    let counted = if group.finished > 0 { group.finished } else { group.runs };
    let mut row = vec![clipped(&group.label, 22), format!("mean {counted}")];
    row.extend(columns.iter().map(|&(key, _)| {
        let mean = group.metrics.get(key).map(|e| format::value(metric(key).unit, e.mean));
        mean.unwrap_or_else(|| ABSENT.into())
    }));
    row
}

/// First column to the left, others to the right; a rule under the header and before the means.
pub(crate) fn aligned(rows: &[Vec<String>], runs: usize) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |c: usize| rows.iter().map(|r| r[c].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let rule = "─".repeat(widths.iter().sum::<usize>() + 2 * columns.saturating_sub(1));
    let mut text = String::new();
    for (i, row) in rows.iter().enumerate() {
        if i == 1 || (i == runs + 1 && runs > 0) {
            text.push_str(&rule);
            text.push('\n');
        }
        let cells = row
            .iter()
            .zip(&widths)
            .enumerate()
            .map(|(c, (cell, &w))| if c == 0 { format!("{cell:<w$}") } else { format!("{cell:>w$}") });
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// `FF against BP, 3 pairs: …`.
fn comparison_line(c: &Comparison, summary: &Summary) -> Option<String> {
    let (group, against) = (summary.group(&c.group)?, summary.group(&c.against)?);
    let pairs = match c.seeds.len() {
        0 => return None,
        1 => "one pair".to_string(),
        n => format!("{n} pairs"),
    };
    let mut parts = Vec::new();
    if let Some(d) = c.test_error_difference {
        parts.push(format!("test error {} points{}", format::signed_points(d.mean), points_range(&d)));
    }
    for key in ["reconstruction_error", "train_seconds", "peak_alloc_bytes", "saved_peak_bytes", "macs"] {
        if let Some(r) = c.ratios.get(key) {
            let name = metric(key).label.to_lowercase();
            parts.push(format!("{name} {}{}", format::ratio(r.mean), ratio_range(r)));
        }
    }
    Some(format!("{} against {}, {pairs}: {}.\n", group.short, against.short, parts.join("; ")))
}

/// ` [−0.10, +0.02]`, or nothing without an interval.
pub(crate) fn points_range(e: &Estimate) -> String {
    let range = |i: crate::stats::Interval| {
        format!(" [{}, {}]", format::signed_points(i.lo), format::signed_points(i.hi))
    };
    e.interval.map(range).unwrap_or_default()
}

/// ` [1.48×, 1.61×]`, or nothing without an interval.
pub(crate) fn ratio_range(e: &Estimate) -> String {
    // Counts repeat exactly: an interval that rounds to its mean says nothing.
    let interval = e.interval.map(|i| [format::ratio(i.lo), format::ratio(i.hi)]);
    let interval = interval.filter(|ends| ends.iter().any(|end| *end != format::ratio(e.mean)));
    interval.map(|[lo, hi]| format!(" [{lo}, {hi}]")).unwrap_or_default()
}

/// Runs that did not finish, caveats, and quantities that were not measured.
fn notes(text: &mut String, summary: &Summary) {
    let mut lines = Vec::new();
    for run in summary.runs.iter().filter(|r| !r.finished()) {
        lines.push(format!("* {}: {}", run.run, ending(run)));
    }
    lines.extend(
        summary
            .comparisons
            .iter()
            .flat_map(|c| c.caveats.iter().map(|w| format!("! {}", label::starting(w)))),
    );
    let detections = summary.runs.iter().filter_map(|run| Some((run, run.detection?)));
    lines.extend(detections.map(|(run, found)| format!("* {}: {}", run.run, detected(&found))));
    let rebuilt = summary.runs.iter().filter_map(|run| Some((run, run.reconstruction?)));
    lines.extend(rebuilt.map(|(run, rebuilt)| format!("* {}: {}", run.run, given_back(&rebuilt))));
    lines.extend(summary.conditions.iter().map(|what| format!("! {}", label::starting(what))));
    let shown = |what: &str| summary.runs.iter().any(|r| r.missing.iter().any(|m| m.what == what));
    let reasons = [
        (quality(&summary.runs), "test_error"),
        ("allocated_peak", "peak mem"),
        ("saved_peak", "for credit"),
        ("multiply_adds", "mult-adds"),
    ];
    for (what, column) in reasons.iter().filter(|(what, _)| shown(what)) {
        let missing = summary.runs.iter().flat_map(|r| &r.missing).find(|m| m.what == *what);
        if let Some(m) = missing {
            let remedy = if m.remedy.is_empty() { String::new() } else { format!("; {}", m.remedy) };
            lines.push(format!("{ABSENT} {}: {}{remedy}", column.replace('_', " "), m.why));
        }
    }
    if !lines.is_empty() {
        text.push('\n');
    }
    lines.iter().for_each(|line| text.push_str(&wrapped(&format!("{line}\n"), "  ")));
}

/// How well anomalies were told, in words.
pub(crate) fn detected(found: &Detection) -> String {
    let Detection { anomalies, auroc, average_precision } = *found;
    format!(
        "anomalies: AUROC {auroc:.3}, average precision {average_precision:.3}; {} of the test rows are some",
        format::count(anomalies as f64)
    )
}

/// How near what came back of rows was to them, in words.
pub(crate) fn given_back(rebuilt: &Reconstruction) -> String {
    let Reconstruction { squared_error, of_mean_row } = *rebuilt;
    let share = rebuilt.relative().map(|share| format!(", {} of it", format::percent(share)));
    format!(
        "reconstruction: mean squared error {}; the mean training row has {}{}",
        format::significant(squared_error, 3),
        format::significant(of_mean_row, 3),
        share.unwrap_or_default()
    )
}

/// How a run ended, in words.
pub(crate) fn ending(run: &RunSummary) -> String {
    let reached = format!("after {:.1} of {} epochs", run.epochs, run.epochs_planned);
    match &run.outcome {
        Some(Outcome::Finished) => format!("finished {} epochs", run.epochs_planned),
        Some(Outcome::Interrupted) => format!("interrupted {reached}; it can be resumed"),
        Some(Outcome::Diverged { layer, step, what }) => {
            let place = layer.map_or_else(String::new, |l| format!(" in layer {}", l + 1));
            format!("diverged at step {step}{place}: {what}")
        }
        Some(Outcome::Failed { why }) => format!("failed {reached}: {why}"),
        None => format!("unfinished: its record stops {reached}"),
    }
}

/// At most `most` characters, the last one `…` if there were more.
pub(crate) fn clipped(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.into();
    }
    text.chars().take(most - 1).chain(['…']).collect()
}

/// Breaks lines at spaces so that none is wider than [`WIDTH`]; further lines are indented.
pub fn wrapped(text: &str, indent: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let mut column = 0;
        for word in line.split(' ') {
            let width = word.chars().count();
            if column > 0 && column + 1 + width > WIDTH {
                let _ = write!(out, "\n{indent}");
                column = indent.chars().count();
            } else if column > 0 {
                out.push(' ');
                column += 1;
            }
            out.push_str(word);
            column += width;
        }
        out.push('\n');
    }
    out
}

/// How the sentence begins that answers the question.
pub(crate) const ANSWER: &str = "On this evidence";

/// Is it time to bid adieu to back-propagation? Two to five sentences a comparison, on this evidence only.
pub fn verdict(summary: &Summary) -> String {
    match (&summary.comparisons[..], &summary.runs[..]) {
        (_, []) => "There is no run to judge.".into(),
        ([], _) => alone(summary),
        (comparisons, _) => {
            let paragraphs: Vec<String> = comparisons.iter().filter_map(|c| judged(c, summary)).collect();
            paragraphs.join("\n\n")
        }
    }
}

/// One learner: nothing to compare with.
fn alone(summary: &Summary) -> String {
    let Some(group) = summary.groups.first() else { return String::new() };
    let quality = quality(&summary.runs);
    let says = |e: &Estimate| {
        let share = format::percent(e.mean);
        match quality {
            "test_error" => format!("{} misjudges {share} of the test rows", group.label),
            _ => format!("{} gives test rows back with {share} of the mean row's squared error", group.label),
        }
    };
    let error = match group.metrics.get(quality) {
        Some(e) if e.n == 1 => says(e),
        Some(e) => format!(
            "{} in the mean of {} seeds ({} to {})",
            says(e),
            e.n,
            format::percent(e.min),
            format::percent(e.max)
        ),
        None => format!("{} was never evaluated on the test set", group.label),
    };
    let ended = summary.runs.iter().find(|r| !r.finished());
    let ended =
        ended.map(|r| format!(" Not every run finished: {} {}.", r.run, ending(r))).unwrap_or_default();
    let detections: Vec<String> = summary
        .runs
        .iter()
        .filter_map(|run| Some(format!(" {}.", label::starting(&detected(&run.detection?)))))
        .collect();
    let detected = if detections.len() == 1 { detections.concat() } else { String::new() };
    format!("{error}.{detected}{ended} There is no other learner in this report, so nothing is compared.")
}

fn judged(c: &Comparison, summary: &Summary) -> Option<String> {
    let (group, against) = (summary.group(&c.group)?, summary.group(&c.against)?);
    if c.seeds.is_empty() {
        return Some(unpaired(group, against, summary));
    }
    let mut sentences = vec![error_sentence(c, group, against, summary)];
    sentences.extend(cost_sentence(c, group, against));
    if !c.caveats.is_empty() {
        sentences.push(format!("Mind that {}.", c.caveats.join("; ")));
    }
    sentences.push(answer(c, group, against));
    Some(sentences.join(" "))
}

/// No pair of finished runs: say how each side ended.
fn unpaired(group: &Group, against: &Group, summary: &Summary) -> String {
    let sides = [group, against];
    let [a, b] = sides.map(|g| label::within(&g.label));
    let mut sentences =
        vec![label::starting(&format!("{a} and {b} cannot be compared: no seed finished with both."))];
    for side in sides {
        if let Some(run) = summary.members(&side.group).find(|r| !r.finished()) {
            let seen =
                run.test_error.map(|e| format!(", with {} of test rows wrong by then", format::percent(e)));
            sentences.push(format!("{} {}{}.", side.label, ending(run), seen.unwrap_or_default()));
        }
    }
    sentences.push("On this evidence the question stays open.".into());
    sentences.join(" ")
}

fn error_sentence(c: &Comparison, group: &Group, against: &Group, summary: &Summary) -> String {
    let [name, other] = [group, against].map(|g| label::within(&g.label));
    if let Some(sentence) = rebuilt_sentence(c, group, against, summary) {
        return sentence;
    }
    let errors = [group, against].map(|g| g.metrics.get("test_error"));
    let (Some(d), [Some(a), Some(b)]) = (c.test_error_difference, errors) else {
        return label::starting(&format!("{name} and {other} were not both evaluated on the test set."));
    };
    let data = summary.members(&group.group).next().map_or("", |r| r.data.as_str());
    let (seeds, uncertainty) = match (d.interval, c.difference_standard_error) {
        (Some(_), _) => (
            format!(", in the mean of {} seeds", d.n),
            format!("paired 95 % interval{} points", points_range(&d)),
        ),
        (None, Some(s)) => (
            String::new(),
            format!("one seed; binomial standard error of the difference {} points", format::points(s)),
        ),
        (None, None) => (String::new(), "of unknown uncertainty".into()),
    };
    let known = match c.standing {
        Standing::Lower => "lower, and more than chance explains",
        Standing::Higher => "higher, and more than chance explains",
        Standing::Indistinguishable | Standing::Unknown => "which cannot be told from chance",
    };
    format!(
        "On {data}, {name} misjudges {} of the test rows and {other} {}{seeds}. \
         The difference is {} points, {known} ({uncertainty}).",
        format::percent(a.mean),
        format::percent(b.mean),
        format::signed_points(d.mean),
    )
}

/// Without labels: how near each side's reconstructions are.
fn rebuilt_sentence(c: &Comparison, group: &Group, against: &Group, summary: &Summary) -> Option<String> {
    let ratio = c.ratios.get("reconstruction_error")?;
    let [a, b] =
        [group, against].map(|g| g.metrics.get("reconstruction_error").map(|e| format::percent(e.mean)));
    let [name, other] = [group, against].map(|g| label::within(&g.label));
    let data = summary.members(&group.group).next().map_or("", |r| r.data.as_str());
    let known = match c.standing {
        Standing::Lower | Standing::Higher => "more than chance explains",
        Standing::Indistinguishable => "which cannot be told from chance",
        Standing::Unknown => "of which one seed does not tell whether it is chance",
    };
    Some(format!(
        "On {data}, {name} gives test rows back with {} of the mean row's squared error, and {other} with {}. \
         The ratio is {}{}, {known}.",
        a?,
        b?,
        format::ratio(ratio.mean),
        ratio_range(ratio)
    ))
}

/// The costs that answer the question.
const COSTS: [(&str, &str); 3] =
    [("train_seconds", "training time"), ("peak_alloc_bytes", "peak memory"), ("macs", "multiply-adds")];

fn cost_sentence(c: &Comparison, group: &Group, against: &Group) -> Option<String> {
    let part = |&(key, name): &(&str, &str)| {
        let ratio = c.ratios.get(key)?;
        Some(format!("{} the {name}{}", format::ratio(ratio.mean), ratio_range(ratio)))
    };
    let parts: Vec<String> = COSTS.iter().filter_map(part).collect();
    let absent = |withheld: bool| -> Vec<String> {
        let absent = COSTS.iter().filter(|(key, _)| !c.ratios.contains_key(*key));
        let of = absent.filter(|(key, _)| c.withheld.iter().any(|k| k == key) == withheld);
        of.map(|(_, name)| name.to_string()).collect()
    };
    let gaps = [("not measured", absent(false)), ("not compared across machines", absent(true))];
    let gaps: Vec<String> = gaps
        .iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(why, names)| format!("{why}: {}", label::list(names)))
        .collect();
    let gap = if gaps.is_empty() { String::new() } else { format!(" ({})", gaps.join("; ")) };
    let [name, other] = [group, against].map(|g| label::within(&g.label));
    let sentence = format!("Against {other}, {name} took {}{gap}.", label::list(&parts));
    (!parts.is_empty()).then_some(sentence)
}

/// Whether the ratio is below 1; a ratio within 5 % of 1, or whose interval holds 1, is called equal.
fn cheaper(ratio: &Estimate) -> Option<bool> {
    let level = ratio.interval.is_some_and(|i| i.holds(1.0)) || (0.95..=1.05).contains(&ratio.mean);
    (!level).then_some(ratio.mean < 1.0)
}

fn answer(c: &Comparison, group: &Group, against: &Group) -> String {
    let side = |want: bool| -> Vec<String> {
        let of = COSTS.iter().filter(|(key, _)| c.ratios.get(*key).and_then(cheaper) == Some(want));
        of.map(|(_, name)| name.to_string()).collect()
    };
    let (less, more) = (side(true), side(false));
    let [name, other] = [group, against].map(|g| label::within(&g.label));
    let adieu = format!("adieu to {other}");
    match (c.standing, less.is_empty(), more.is_empty()) {
        (Standing::Unknown, ..) => "On this evidence the question stays open.".into(),
        (Standing::Higher, true, _) => format!("On this evidence it is not time to bid {adieu}."),
        (Standing::Higher, false, _) => format!(
            "On this evidence it is not time to bid {adieu}, unless {} matters more than accuracy.",
            label::list(&less)
        ),
        (Standing::Lower, _, true) => format!("On this evidence, and for this task, one may bid {adieu}."),
        (Standing::Lower, ..) => {
            format!(
                "On this evidence one may bid {adieu} where accuracy is worth more {}.",
                label::list(&more)
            )
        }
        (Standing::Indistinguishable, false, true) => {
            format!("On this evidence, and for this task, one may bid {adieu}: as accurate, and cheaper.")
        }
        (Standing::Indistinguishable, false, false) => format!(
            "On this evidence it depends on what is scarce: {name} saves {} and spends more {}.",
            label::list(&less),
            label::list(&more)
        ),
        (Standing::Indistinguishable, true, false) => {
            format!("On this evidence it is not time to bid {adieu}: no gain in accuracy, and dearer.")
        }
        (Standing::Indistinguishable, true, true) => {
            "On this evidence the two are alike, in accuracy and in cost.".into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Run;
    use crate::sample;
    use proptest::prelude::*;

    fn summary(runs: &[Run]) -> Summary {
        Summary::of(runs)
    }

    #[test]
    fn a_duel_in_a_terminal() {
        insta::assert_snapshot!(table(&summary(&sample::duel(&[42]))), @r"
        learner           seed     test error   train    wall  peak mem  for credit  mult-adds
        ──────────────────────────────────────────────────────────────────────────────────────
        Forward-Forward     42  1.56 ± 0.12 %  67.7 s  84.0 s   111 MiB     922 KiB     16.1 T
        Back-propagation    42  1.45 ± 0.12 %  43.9 s  54.5 s   144 MiB    3.10 MiB     8.16 T

        FF against BP, one pair: test error +0.11 points; training time 1.54×; peak memory 0.77×; kept for
          credit 0.29×; multiply-adds 1.97×.
        ");
    }

    #[test]
    fn three_seeds_in_a_terminal() {
        insta::assert_snapshot!(table(&summary(&sample::duel(&[1, 2, 3]))), @r"
        learner             seed     test error   train    wall  peak mem  for credit  mult-adds
        ────────────────────────────────────────────────────────────────────────────────────────
        Forward-Forward        1  1.53 ± 0.12 %  67.7 s  84.0 s   111 MiB     922 KiB     16.1 T
        Back-propagation       1  1.42 ± 0.12 %  43.9 s  54.5 s   144 MiB    3.10 MiB     8.16 T
        Forward-Forward        2  1.59 ± 0.13 %  67.7 s  84.0 s   111 MiB     922 KiB     16.1 T
        Back-propagation       2  1.34 ± 0.11 %  43.9 s  54.5 s   144 MiB    3.10 MiB     8.16 T
        Forward-Forward        3  1.45 ± 0.12 %  67.7 s  84.0 s   111 MiB     922 KiB     16.1 T
        Back-propagation       3  1.36 ± 0.12 %  43.9 s  54.5 s   144 MiB    3.10 MiB     8.16 T
        ────────────────────────────────────────────────────────────────────────────────────────
        Forward-Forward   mean 3         1.52 %  67.7 s  84.0 s   111 MiB     922 KiB     16.1 T
        Back-propagation  mean 3         1.37 %  43.9 s  54.5 s   144 MiB    3.10 MiB     8.16 T

        FF against BP, 3 pairs: test error +0.15 points [−0.07, +0.37]; training time 1.54×; peak memory
          0.77×; kept for credit 0.29×; multiply-adds 1.97×.
        ");
    }

    #[test]
    fn a_diverged_run_in_a_terminal() {
        let mut runs = sample::duel(&[7]);
        runs[0] = sample::diverged();
        insta::assert_snapshot!(table(&summary(&runs)), @r"
        learner            seed     test error    train    wall  peak mem  for credit  mult-adds
        ────────────────────────────────────────────────────────────────────────────────────────
        Forward-Forward *     7              –  90.0 ms  2.00 s         –           –          –
        Back-propagation      7  1.33 ± 0.11 %   43.9 s  54.5 s   144 MiB    3.10 MiB     8.16 T

        * runs/diverged: diverged at step 31 in layer 2: the loss is not a number
        ! Forward-Forward with seed 7 diverged after 0.1 of 12 epochs and is left out
        – test error: never evaluated on the test set by its own read-out
        – peak mem: nothing was metered
        – for credit: nothing was metered
        – mult-adds: nothing was metered
        ");
    }

    #[test]
    fn verdicts() {
        let one = sample::duel(&[42]);
        let many = sample::duel(&[1, 2, 3]);
        let mut broken = sample::duel(&[7]);
        broken[0] = sample::diverged();
        let cases = [&one[..], &many, &one[..1], &broken, &[]];
        let verdicts = cases.map(|runs| wrapped(&verdict(&summary(runs)), "")).join("\n");
        insta::assert_snapshot!(verdicts, @r"
        On mnist, Forward-Forward misjudges 1.56 % of the test rows and back-propagation 1.45 %. The
        difference is +0.11 points, which cannot be told from chance (one seed; binomial standard error of
        the difference 0.17 points). Against back-propagation, Forward-Forward took 1.54× the training time,
        0.77× the peak memory and 1.97× the multiply-adds. On this evidence it depends on what is scarce:
        Forward-Forward saves peak memory and spends more training time and multiply-adds.

        On mnist, Forward-Forward misjudges 1.52 % of the test rows and back-propagation 1.37 %, in the mean
        of 3 seeds. The difference is +0.15 points, which cannot be told from chance (paired 95 % interval
        [−0.07, +0.37] points). Against back-propagation, Forward-Forward took 1.54× the training time,
        0.77× the peak memory and 1.97× the multiply-adds. On this evidence it depends on what is scarce:
        Forward-Forward saves peak memory and spends more training time and multiply-adds.

        Forward-Forward misjudges 1.56 % of the test rows. There is no other learner in this report, so
        nothing is compared.

        Forward-Forward and back-propagation cannot be compared: no seed finished with both. Forward-Forward
        diverged at step 31 in layer 2: the loss is not a number. On this evidence the question stays open.

        There is no run to judge.
        ");
    }

    #[test]
    fn the_answer_weighs_error_first_and_costs_next() {
        let comparison = |standing, time: f64, memory: f64| {
            let mut c = summary(&sample::duel(&[1])).comparisons.remove(0);
            let ratio = |r: f64| Estimate::of(&[r]).unwrap();
            c.standing = standing;
            c.ratios = [("train_seconds", time), ("peak_alloc_bytes", memory)]
                .map(|(key, r)| (key.to_string(), ratio(r)))
                .into();
            c
        };
        let s = summary(&sample::duel(&[1]));
        let cases = [
            (Standing::Higher, 2.0, 1.0, "it is not time to bid adieu to back-propagation."),
            (Standing::Higher, 2.0, 0.4, "unless peak memory matters more than accuracy"),
            (Standing::Lower, 0.5, 0.4, "one may bid adieu"),
            (Standing::Lower, 2.0, 0.4, "worth more training time"),
            (Standing::Indistinguishable, 0.5, 1.0, "as accurate, and cheaper"),
            (Standing::Indistinguishable, 1.5, 0.5, "saves peak memory and spends more training time"),
            (Standing::Indistinguishable, 1.5, 1.0, "no gain in accuracy, and dearer"),
            (Standing::Indistinguishable, 1.01, 0.99, "the two are alike"),
            (Standing::Unknown, 1.0, 1.0, "stays open"),
        ];
        for (standing, time, memory, expected) in cases {
            let found = answer(&comparison(standing, time, memory), &s.groups[0], &s.groups[1]);
            assert!(found.contains(expected), "{standing:?} {time} {memory}: {found}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn no_line_is_too_wide(name in "[a-zA-Z _]{0,60}", seeds in prop::collection::vec(any::<u64>(), 1..3)) {
            let mut runs = sample::duel(&[1, 2]);
            for (run, seed) in runs.iter_mut().zip(seeds) {
                run.start.seed = seed;
                run.start.learner.clone_from(&name);
            }
            for line in table(&summary(&runs)).lines() {
                prop_assert!(line.chars().count() <= WIDTH, "{line}");
            }
        }
    }
}
