//! `adieu profile`: what a training step and an answer cost.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

use adieu::meter;
use adieu::profile::{Extent, Inference, Profile as Measured, Subject, Training};
use adieu::record::{PhaseTime, Unit, Value};
use adieu::report::with_unit;
use adieu::sink::Flow;
use anyhow::bail;
use serde_json::json;

use super::train::checked;
use crate::args::Profile;
use crate::fault::Usage;
use crate::progress::{Doing, Manner};
use crate::{stop, terminal, words};

/// Columns of the longest bar.
const BAR: usize = 30;
/// What was not measured.
const ABSENT: &str = "–";

pub(super) fn run(asked: &Profile, manner: Manner) -> anyhow::Result<()> {
    let subject = {
        let _doing = Doing::begin(manner, "reading network and data");
        if asked.subject.is_dir() && !asked.settings.is_empty() {
            return Err(
                Usage("a run is what its recipe was: leave --set out, or name a recipe".into()).into()
            );
        }
        if asked.subject.is_dir() {
            Subject::of_run(&asked.subject)?
        } else {
            Subject::fresh(checked(&asked.subject, None, &asked.settings)?)
        }
    };
    let recipe = subject.plan().recipe.clone();
    let (learner, step) = (recipe.learner.name(), subject.step());
    let extent = Extent {
        steps: asked.steps,
        each: Duration::from_secs(asked.seconds),
        batches: asked.batch.iter().map(|rows| *rows as usize).collect(),
    };
    let stopped = stop::plain_flag();
    let mut doing = Doing::begin(manner, "measuring");
    let mut told = |what: &str| {
        doing.at(what);
        if stopped.load(Ordering::Relaxed) { Flow::Stop } else { Flow::Continue }
    };
    let found = subject.measure(&extent, &mut told)?;
    drop(doing);
    let Some(found) = found else { bail!("stopped; nothing was left to keep") };
    if asked.json {
        let said = json!({
            "subject": asked.subject.display().to_string(),
            "learner": learner,
            "step": step,
            "machine": meter::machine(Path::new("/")),
            "idle_watts": found.idle_watts,
            "training": found.training,
            "inference": found.inference,
        });
        return terminal::result(&said.to_string());
    }
    let whose = format!("{}, {learner}, after {}", recipe.name, words::plural(step, "step"));
    terminal::result(&as_text(&whose, &found))
}

fn as_text(whose: &str, found: &Measured) -> String {
    let mut text = format!("{whose}\n\n{}\n{}", trained(&found.training), answered(&found.inference));
    if let Value::Unavailable { why, remedy } = &found.idle_watts {
        let _ = write!(text, "\nenergy: {why}\n        → {remedy}\n");
    }
    text
}

fn seconds(s: f64) -> String {
    with_unit(Unit::Seconds, s)
}

fn trained(training: &Training) -> String {
    let each = training.seconds / training.steps as f64;
    let mut text = format!(
        "a training step of {}: {}, {} a second; {} multiply-adds; peak memory {}; energy {}\n",
        words::plural(training.rows, "row"),
        seconds(each),
        words::plural((training.rows as f64 / each) as u64, "row"),
        with_unit(Unit::MultiplyAdds, training.macs as f64 / training.steps as f64),
        bytes(training.peak_bytes),
        energy(&training.energy.gross, training.steps as f64),
    );
    let whole = training.seconds.max(f64::MIN_POSITIVE);
    let unaccounted = ("unaccounted".to_owned(), training.unaccounted_s);
    let lines: Vec<(String, f64)> = training.phases.iter().map(line).chain([unaccounted]).collect();
    let width = lines.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    for (name, s) in lines.iter().filter(|(_, s)| *s > 0.0) {
        let share = s / whole;
        let bar = "█".repeat((share * BAR as f64).round() as usize);
        let line = format!(
            "  {name:<width$}  {:>9}  {:>7}  {bar}",
            seconds(s / training.steps as f64),
            words::percent(share)
        );
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

/// `forward, layer 1` and its seconds.
fn line(phase: &PhaseTime) -> (String, f64) {
    let layer = phase.layer.map(|layer| format!(", layer {}", layer + 1)).unwrap_or_default();
    (format!("{}{layer}", phase.phase), phase.time_ns as f64 * 1e-9)
}

fn bytes(bytes: Option<u64>) -> String {
    bytes.map_or(ABSENT.into(), |bytes| with_unit(Unit::Bytes, bytes as f64))
}

fn energy(joules: &Value, pieces: f64) -> String {
    match joules {
        Value::Measured { value, .. } => with_unit(Unit::Joules, value / pieces),
        _ => ABSENT.into(),
    }
}

fn answered(all: &[Inference]) -> String {
    let heads = ["read-out", "rows", "p50", "p95", "p99", "rows a second", "memory", "J a row", "net"];
    let mut rows = vec![heads.map(String::from)];
    rows.extend(all.iter().map(|one| {
        let of = |s: Option<f64>| s.map_or(ABSENT.into(), seconds);
        let answers = (one.rows * one.calls) as f64;
        [
            one.readout.clone(),
            one.rows.to_string(),
            seconds(one.p50_s),
            of(one.p95_s),
            of(one.p99_s),
            words::count(one.rows_per_s as u64),
            bytes(one.peak_bytes),
            energy(&one.energy.gross, answers),
            energy(&one.energy.net, answers),
        ]
    }));
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..heads.len()).map(width).collect();
    let mut text = String::from("an answer\n");
    for row in &rows {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, width))| {
            if column == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        let _ = writeln!(text, "  {}", cells.collect::<Vec<_>>().join("  "));
    }
    if let Some((readout, ratio)) = dearest(all) {
        let first = &all[0].readout;
        let _ = writeln!(
            text,
            "  one row by `{readout}` takes {ratio:.1} times as long as by the cheapest read-out; `{first}` is the learner's own"
        );
    }
    text
}

/// The read-out that is slowest for the smallest batch, and by how much.
fn dearest(all: &[Inference]) -> Option<(&str, f64)> {
    let least = all.iter().map(|one| one.rows).min()?;
    let single = || all.iter().filter(|one| one.rows == least);
    let slow = single().max_by(|a, b| a.p50_s.total_cmp(&b.p50_s))?;
    let quick = single().min_by(|a, b| a.p50_s.total_cmp(&b.p50_s))?;
    (slow.readout != quick.readout).then(|| (slow.readout.as_str(), slow.p50_s / quick.p50_s))
}
