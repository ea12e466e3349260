//! `adieu bench`: how fast this machine trains.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use adieu::bench::engine::{Engine, Found};
use adieu::bench::{Epoch, Speed, StepSpeed};
use adieu::sink::Flow;
use adieu::{Error, bench};
use anyhow::bail;

use super::train::dataset;
use crate::args::BenchEngine;
use crate::fault::Usage;
use crate::progress::{Doing, Manner};
use crate::{stop, terminal};

pub(super) fn engine(asked: &BenchEngine, manner: Manner) -> anyhow::Result<()> {
    let engine = options(asked)?;
    let stopped = stop::plain_flag();
    let mut doing = Doing::begin(manner, "measuring");
    let mut told = |what: &str| {
        doing.at(what);
        if stopped.load(Ordering::Relaxed) { Flow::Stop } else { Flow::Continue }
    };
    let digits = || -> Result<_, Error> {
        dataset("mnist", None, Manner::Silent).map(Arc::new).map_err(|error| {
            match error.downcast::<Error>() {
                Ok(error) => error,
                Err(other) => unreachable!("the bundled digits are always there: {other}"),
            }
        })
    };
    let mut run = || engine.run(digits, &mut told);
    let found = match &asked.isa {
        None => run(),
        Some(name) => bench::with_isa(name, run).map_err(|error| anyhow::Error::from(Usage(error)))?,
    };
    drop(doing);
    let Some(found) = found? else { bail!("stopped; nothing was left to keep") };
    let mut text = described(&found);
    if asked.json {
        let _ = write!(text, "\n{}", found.json());
    }
    terminal::result(&text)
}

fn options(asked: &BenchEngine) -> anyhow::Result<Engine> {
    let default = Engine::default();
    let sizes = |sizes: &Option<Vec<u64>>| -> Option<Vec<usize>> {
        sizes.as_ref().map(|sizes| sizes.iter().map(|size| *size as usize).collect())
    };
    let rows = sizes(&asked.rows).unwrap_or(default.rows);
    if let Some(odd) = rows.iter().find(|rows| !rows.is_multiple_of(2)) {
        let what = format!("--rows {odd}: half of Forward-Forward's rows are negative; give an even number");
        return Err(Usage(what).into());
    }
    Ok(Engine {
        rows,
        hidden: sizes(&asked.hidden).unwrap_or(default.hidden),
        turns: asked.turns.map_or(default.turns, |turns| turns as usize),
        epochs: if asked.no_epoch { 0 } else { asked.epochs.unwrap_or(default.epochs) },
        steps: asked.steps.map(|steps| steps as usize),
    })
}

fn described(found: &Found) -> String {
    let threads =
        if found.threads == 1 { "1 thread".to_string() } else { format!("{} threads", found.threads) };
    let mut text = format!("{}, {threads}\n", found.isa);
    for (precision, peak) in &found.peaks {
        let _ = writeln!(text, "peak of multiply-adds on registers, {precision}: {peak:.0} GFLOP/s");
    }
    let _ = writeln!(text, "memory, triad: {:.1} GB/s", found.triad);
    let _ = writeln!(text, "\n{:<26}{:<6}{:<18}{}", "product", "", "rows, in, out", HEADS);
    for p in &found.products {
        let size = format!("{} {} {}", p.size[0], p.size[1], p.size[2]);
        let _ = writeln!(text, "{:<26}{:<6}{size:<18}{}", p.product, p.precision, speed(&p.speed, p.size[0]));
    }
    let _ = writeln!(
        text,
        "\n{:<26}{:<6}{:<18}{HEADS}   product epilogue optimizer packing waiting rest",
        "step", "", "rows"
    );
    for step in &found.steps {
        let name = if step.learner == "ff" { "Forward-Forward" } else { "back-propagation" };
        let _ = writeln!(
            text,
            "{name:<26}{:<6}{:<18}{}   {}",
            step.precision,
            step.rows,
            speed(&step.speed, step.rows),
            shares(step)
        );
    }
    if let Some(epoch) = &found.epoch {
        text.push_str(&of_epoch(epoch));
    }
    text
}

const HEADS: &str = "       ms    rows/s  GFLOP/s  of peak  turns";

fn speed(speed: &Speed, rows: usize) -> String {
    let Speed { ms, gflops, fraction_of_peak, turns } = speed;
    let per_second = rows as f64 / ms * 1e3;
    format!("{ms:>9.2}{per_second:>10.0}{gflops:>9.0}{fraction_of_peak:>9.2}{:>4}/{}", turns.0, turns.1)
}

fn shares(step: &StepSpeed) -> String {
    let s = &step.shares;
    let [product, epilogue, optimizer, packing, waiting, rest] =
        [s.product, s.epilogue, s.optimizer, s.packing, s.waiting, s.rest].map(|share| share * 100.0);
    format!("{product:>6.1}%{epilogue:>8.1}%{optimizer:>9.1}%{packing:>7.1}%{waiting:>7.1}%{rest:>5.1}%")
}

fn of_epoch(epoch: &Epoch) -> String {
    let mut text = format!("\nepoch {}, {} steps of 100 rows, in turn\n", epoch.number, epoch.steps);
    let bp = epoch.variants.iter().find(|variant| variant.key == "bp").map(|variant| variant.seconds);
    for variant in &epoch.variants {
        let against = bp.map_or(String::new(), |bp| format!("{:>7.2}×", variant.seconds / bp));
        if variant.seconds.is_nan() {
            let _ = writeln!(text, "{:<44}diverged", variant.name);
            continue;
        }
        let _ = write!(text, "{:<44}{:>8.2} s{against}", variant.name, variant.seconds);
        if !variant.rows_taught.is_empty() {
            let taught: Vec<String> =
                variant.rows_taught.iter().map(|share| format!("{:.1}", share * 100.0)).collect();
            let _ = write!(text, "   rows taught, % by layer: {}", taught.join(" "));
        }
        text.push('\n');
    }
    text
}
