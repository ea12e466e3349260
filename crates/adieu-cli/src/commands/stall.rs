//! `adieu stall-probe`: how much of a training is waiting for data.

use std::fmt::Write as _;
use std::sync::atomic::Ordering;

use adieu::record::{Unit, Value};
use adieu::report::with_unit;
use adieu::sink::Flow;
use adieu::stall::{Difference, Extent, Fetch, Found, Leg, probe};
use adieu::{Error, Recipe};
use anyhow::bail;

use crate::args::StallProbe;
use crate::progress::{Doing, Manner};
use crate::{stop, terminal, words};

pub(super) fn run(asked: &StallProbe, manner: Manner) -> anyhow::Result<()> {
    let mut name = asked.recipe.display().to_string();
    let mut recipe = Recipe::read(&asked.recipe)?;
    if !asked.settings.is_empty() {
        name += ", with what --set says";
        recipe = recipe.with(&asked.settings, &name).map_err(Error::from)?;
    }
    let extent = Extent { steps: asked.steps, turns: asked.turns as usize };
    let stopped = stop::plain_flag();
    let mut doing = Doing::begin(manner, "reading the data");
    let found = probe(&recipe, &name, &extent, &mut |what: &str| {
        doing.at(what);
        if stopped.load(Ordering::Relaxed) { Flow::Stop } else { Flow::Continue }
    })?;
    drop(doing);
    let Some(found) = found else { bail!("stopped; nothing was left to keep") };
    if asked.json {
        return terminal::result(&serde_json::to_string(&found)?);
    }
    terminal::result(&as_text(&recipe.name, asked.steps, &found))
}

fn seconds(s: f64) -> String {
    with_unit(Unit::Seconds, s)
}

fn as_text(name: &str, steps: u64, found: &Found) -> String {
    let (steps, rows) = (words::plural(steps, "step"), words::plural(found.rows, "row"));
    let mut text = format!("{name}: {steps} of {rows}\n\n");
    let heads = ["", "whole", "before the first step", "stall", "from the disk"].map(String::from);
    let lines: Vec<[String; 5]> = std::iter::once(heads).chain(found.legs.iter().map(line)).collect();
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..5).map(width).collect();
    for line in &lines {
        let cells = line.iter().zip(&widths).enumerate().map(|(column, (cell, width))| {
            if column == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        let _ = writeln!(text, "  {}", cells.collect::<Vec<_>>().join("  "));
    }
    let _ = write!(text, "\n  preparing (warm - synthetic)  {}", told(&found.prepare));
    match &found.fetch {
        Fetch::Measured(difference) => {
            let _ = write!(text, "\n  fetching  (cold - warm)       {}", told(difference));
        }
        Fetch::Unavailable(missing) => {
            let _ = write!(text, "\n  fetching: {}\n            → {}", missing.why, missing.remedy);
        }
    }
    text
}

fn line(leg: &Leg) -> [String; 5] {
    let disk = match &leg.disk_read {
        Value::Measured { value, .. } => with_unit(Unit::Bytes, *value),
        _ => "–".into(),
    };
    [leg.name.into(), seconds(leg.whole_s), seconds(leg.load_s), seconds(leg.stall_s), disk]
}

/// The median, and between which it lay.
fn told(difference: &Difference) -> String {
    let Difference { median_s, least_s, most_s } = *difference;
    format!("{} ({} to {})", seconds(median_s), seconds(least_s), seconds(most_s))
}
