//! `adieu doctor`: what this machine can be measured by.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

use adieu::doctor::{Overhead, Source, examine, overhead};
use adieu::meter::{self, Setup};
use adieu::record::{Machine, Unit, Value};
use adieu::report::with_unit;
use adieu::sink::Flow;
use anyhow::{Context, bail};
use serde_json::json;

use crate::args::{Doctor, Instruments};
use crate::progress::{Doing, Manner};
use crate::{stop, terminal, words};

/// How long sensors are watched that tell of a time.
const WINDOW: Duration = Duration::from_millis(500);
/// Pairs of the work, with and without sensors, and how long each takes.
const PAIRS: usize = 60;
const EACH: Duration = Duration::from_millis(300);
/// What measuring may cost.
const BOUND: f64 = 1.01;

pub(super) fn run(asked: &Doctor, instruments: &Instruments, manner: Manner) -> anyhow::Result<()> {
    if !asked.root.is_dir() {
        bail!("{}: no such folder; give the one that stands for /", asked.root.display());
    }
    if let Some(file) = &asked.dump {
        dump(&asked.root, file)?;
    }
    let setup = instruments.below(&asked.root);
    let sources = {
        let _doing = Doing::begin(manner, "reading the sensors");
        examine(&setup, WINDOW)
    };
    let cost = if asked.overhead { Some(cost(&setup, manner)?) } else { None };
    if asked.json {
        let said = json!({
            "machine": meter::machine(&asked.root),
            "sources": sources.iter().map(as_json).collect::<Vec<_>>(),
            "overhead": cost.as_ref().map(|cost| json!({
                "ratio": cost.ratio,
                "pairs": cost.pairs,
                "reading_s": cost.reading_s,
            })),
        });
        return terminal::result(&said.to_string());
    }
    let mut text = format!("{}\n\n{}", described(&meter::machine(&asked.root)), as_text(&sources));
    if let Some(cost) = &cost {
        let _ = write!(text, "\n{}\n", verdict(cost));
    }
    if let Some(file) = &asked.dump {
        let _ = write!(text, "\nthe sensors' files are in {}; read it before you send it\n", file.display());
    }
    terminal::result(&text)
}

fn dump(root: &Path, file: &Path) -> anyhow::Result<()> {
    let mut to = OpenOptions::new().write(true).create_new(true).open(file);
    let written = to.as_mut().map_err(|error| std::io::Error::new(error.kind(), error.to_string()));
    written
        .and_then(|to| to.write_all(meter::dump(root).as_bytes()))
        .with_context(|| format!("{}: cannot write the dump; name a new file", file.display()))
}

fn cost(setup: &Setup, manner: Manner) -> anyhow::Result<Overhead> {
    let stopped = stop::plain_flag();
    let mut doing = Doing::begin(manner, "working with and without the sensors");
    let mut told = |done: usize| {
        doing.reached(done as u64, PAIRS as u64);
        if stopped.load(Ordering::Relaxed) { Flow::Stop } else { Flow::Continue }
    };
    match overhead(setup, PAIRS, EACH, &mut told) {
        Some(cost) => Ok(cost),
        None => bail!("stopped; nothing was left to keep"),
    }
}

fn as_json(source: &Source) -> serde_json::Value {
    json!({
        "meter": source.meter,
        "name": source.reading.name,
        "part": source.reading.part,
        "unit": source.reading.unit,
        "value": source.reading.value,
        "resolution": source.resolution,
        "cost_ns": source.cost_ns,
    })
}

/// The machine in a line.
fn described(machine: &Machine) -> String {
    let cores = machine.cores.map(|n| words::plural(n, "core"));
    let memory = machine.memory_bytes.map(|bytes| with_unit(Unit::Bytes, bytes as f64));
    let kind = match machine.virtual_machine {
        Some(true) => Some("a virtual machine: its host hides most sensors".to_owned()),
        _ => None,
    };
    let board = machine.other.get("board").cloned();
    let all = [board, machine.cpu.clone(), cores, memory, machine.os.clone(), kind];
    all.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn name(source: &Source) -> String {
    match &source.reading.part {
        Some(part) => format!("{}, {part}", source.reading.name),
        None => source.reading.name.clone(),
    }
}

fn as_text(sources: &[Source]) -> String {
    let width = sources.iter().map(|source| name(source).chars().count()).max().unwrap_or(0);
    let mut text = String::from("what can be read\n");
    for source in sources {
        let Value::Measured { value, source: from, coverage } = &source.reading.value else { continue };
        let seen = if *coverage < 1.0 {
            format!(", {} of the time", words::percent(*coverage))
        } else {
            String::new()
        };
        let _ = writeln!(
            text,
            "  {:<width$}  {:>10}   step {}, read in {}{seen}: {from}",
            name(source),
            with_unit(source.reading.unit, *value),
            with_unit(source.reading.unit, source.resolution),
            with_unit(Unit::Seconds, source.cost_ns as f64 * 1e-9),
        );
    }
    let missing: Vec<_> = sources
        .iter()
        .filter_map(|source| match &source.reading.value {
            Value::Unavailable { why, remedy } => Some((name(source), why, remedy)),
            _ => None,
        })
        .collect();
    if !missing.is_empty() {
        text.push_str("\nwhat cannot, and what would mend it\n");
    }
    let mut last = None;
    for (name, why, remedy) in missing {
        // Parts are missing for the same reason as the whole.
        let same = last.replace((why, remedy)) == Some((why, remedy));
        let _ = if same {
            writeln!(text, "  {name}")
        } else {
            writeln!(text, "  {name:<width$}  {why}\n  {:width$}  → {remedy}", "")
        };
    }
    text
}

fn verdict(cost: &Overhead) -> String {
    let percent = |ratio: f64| format!("{:+.2} %", 100.0 * (ratio - 1.0));
    let mean = percent(cost.ratio.mean);
    let Some(interval) = cost.ratio.interval else { return format!("sensors cost {mean} of time") };
    let bound = if interval.hi < BOUND {
        "below 1 %"
    } else if interval.lo > BOUND {
        "above 1 %: something here is slow to read"
    } else {
        "whether that is below 1 % this machine is too unsteady to tell now"
    };
    format!(
        "all sensors, read three times a second, cost {mean} of time ({} to {}, 95 %, {} pairs); {bound}\n\
         one reading of all takes {}",
        percent(interval.lo),
        percent(interval.hi),
        cost.ratio.n,
        with_unit(Unit::Seconds, cost.reading_s),
    )
}
