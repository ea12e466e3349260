//! `adieu eval`: how often a trained network is wrong, and how.

use std::fmt::Write as _;

use adieu::Trained;
use adieu::record::Evaluation;
use adieu::report::stats::binomial_standard_error;
use serde_json::json;

use super::train::dataset;
use crate::args::Eval;
use crate::progress::{Doing, Manner, split};
use crate::{terminal, words};

/// More classes than this make a table nobody reads in a terminal.
const TABLE_CLASSES: usize = 16;
/// Confusions listed instead.
const LISTED: usize = 20;

pub(super) fn run(asked: &Eval, manner: Manner) -> anyhow::Result<()> {
    let trained = Trained::open(&asked.run)?;
    let readout = super::readout(&trained, asked.readout.as_deref())?;
    let data = match &asked.data_dir {
        Some(dir) => Some(dataset("idx", Some(dir), manner)?.into()),
        None => None,
    };
    let evaluation = {
        let mut doing = Doing::begin(manner, "judging the rows");
        trained.judge(data, asked.split.into(), readout, &mut |done, all| doing.reached(done, all))?
    };
    if asked.json {
        let said = json!({
            "run": asked.run.display().to_string(),
            "checkpoint": trained.checkpoint().display().to_string(),
            "step": evaluation.step,
            "split": evaluation.split,
            "readout": evaluation.readout,
            "rows": evaluation.rows,
            "errors": evaluation.errors,
            "error": evaluation.error,
            "standard_error": standard_error(&evaluation),
            "classes": trained.classes(),
            "confusion": evaluation.confusion,
            "detection": evaluation.detection,
            "reconstruction": evaluation.reconstruction.map(|found| json!({
                "squared_error": found.squared_error,
                "of_mean_row": found.of_mean_row,
                "relative": found.relative(),
            })),
        });
        return terminal::result(&said.to_string());
    }
    terminal::result(&described(&evaluation, &trained))
}

/// Binomial; none without labels.
fn standard_error(evaluation: &Evaluation) -> Option<f64> {
    binomial_standard_error(evaluation.errors?, evaluation.rows)
}

fn described(evaluation: &Evaluation, trained: &Trained) -> String {
    let Evaluation { rows, readout, step, .. } = evaluation;
    let rows = words::plural(*rows, &format!("{} row", split(evaluation.split)));
    let after = format!("by `{readout}`, after {}", words::plural(*step, "step"));
    if let Some(found) = &evaluation.reconstruction {
        return format!("{rows} given back: {} {after}\n", words::reconstruction(found));
    }
    let (Some(errors), Some(error)) = (evaluation.errors, evaluation.error) else {
        return format!("{rows} could not be judged {after}\n");
    };
    let chance = standard_error(evaluation).map(|s| format!(" ± {}", words::percent(s)));
    let mut text = format!(
        "{} of {rows} wrong: {}{} {after}\n\n",
        words::count(errors),
        words::percent(error),
        chance.unwrap_or_default(),
    );
    if let Some(found) = &evaluation.detection {
        let _ =
            writeln!(text, "{}; {} are anomalies\n", words::detection(found), words::count(found.anomalies));
    }
    let confusion = evaluation.confusion.as_deref().unwrap_or_default();
    text.push_str(&if confusion.len() > TABLE_CLASSES {
        listed(confusion, trained.classes())
    } else {
        table(confusion, trained.classes())
    });
    text
}

/// Rows are the truth, columns the guess; `·` is none.
fn table(confusion: &[Vec<u64>], classes: &[String]) -> String {
    let names: Vec<String> = classes.iter().map(|class| class.chars().take(11).collect()).collect();
    let first = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).max("true".len());
    let cell = |n: &u64| if *n == 0 { "·".into() } else { n.to_string() };
    let widths: Vec<usize> = (0..names.len())
        .map(|c| {
            let cells = confusion.iter().map(|row| cell(&row[c]).chars().count());
            cells.max().unwrap_or(0).max(heading(&names[c]).chars().count())
        })
        .collect();
    let mut text = format!("{:>first$}  taken for\n{:>first$}", "", "true");
    for (name, width) in names.iter().zip(&widths) {
        let _ = write!(text, "  {:>width$}", heading(name));
    }
    text.push('\n');
    for (name, row) in names.iter().zip(confusion) {
        let _ = write!(text, "{name:>first$}");
        for (n, width) in row.iter().zip(&widths) {
            let _ = write!(text, "  {:>width$}", cell(n));
        }
        text.push('\n');
    }
    text
}

/// A class over a narrow column.
fn heading(name: &str) -> String {
    name.chars().take(5).collect()
}

/// The commonest confusions.
fn listed(confusion: &[Vec<u64>], classes: &[String]) -> String {
    let name = |class: usize| classes.get(class).map_or("?", String::as_str);
    let mut pairs: Vec<(u64, usize, usize)> = Vec::new();
    for (truth, row) in confusion.iter().enumerate() {
        let wrong = row.iter().enumerate().filter(|(guess, n)| *guess != truth && **n > 0);
        pairs.extend(wrong.map(|(guess, n)| (*n, truth, guess)));
    }
    pairs.sort_by_key(|(n, truth, guess)| (std::cmp::Reverse(*n), *truth, *guess));
    let lines = pairs.iter().take(LISTED);
    lines.map(|(n, truth, guess)| format!("{n:>6} × {} taken for {}\n", name(*truth), name(*guess))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn confusions_as_a_table_and_as_a_list() {
        let confusion = [vec![980, 0, 1], vec![0, 7, 12], vec![3, 0, 100]];
        let classes = ["T-shirt/top", "Coat", "Ankle boot"].map(String::from);
        insta::assert_snapshot!(table(&confusion, &classes), @r"
                     taken for
               true  T-shi  Coat  Ankle
        T-shirt/top    980     ·      1
               Coat      ·     7     12
         Ankle boot      3     ·    100
        ");
        insta::assert_snapshot!(listed(&confusion, &classes), @r"
        12 × Coat taken for Ankle boot
         3 × Ankle boot taken for T-shirt/top
         1 × T-shirt/top taken for Ankle boot
        ");
    }
}
