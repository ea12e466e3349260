//! `adieu bench scaling`: how cost grows with depth, width and batch.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use adieu::bench::scaling::{Found, Growth, NUMBERS, PAGE, Point, Scaling, write};
use adieu::record::Unit;
use adieu::report::with_unit;
use adieu::sink::Flow;
use anyhow::bail;

use super::report::open;
use super::train::dataset;
use crate::args::BenchScaling;
use crate::progress::{Doing, Manner};
use crate::{stop, terminal};

pub(super) fn run(asked: &BenchScaling, manner: Manner) -> anyhow::Result<()> {
    let scaling = Scaling {
        depths: sorted(&asked.depths),
        widths: sorted(&asked.widths),
        batches: sorted(&asked.batches),
        turns: asked.turns as usize,
        steps: asked.steps,
    };
    let data = Arc::new(dataset("mnist", None, manner)?);
    let stopped = stop::plain_flag();
    let mut doing = Doing::begin(manner, "measuring");
    let found = scaling.run(&data, &mut |what: &str| {
        doing.at(what);
        if stopped.load(Ordering::Relaxed) { Flow::Stop } else { Flow::Continue }
    })?;
    drop(doing);
    let Some(found) = found else { bail!("stopped; nothing was left to keep") };
    let out = asked.out.clone().unwrap_or_else(|| super::new_folder("bench-scaling"));
    let footer = format!("Made by adieu {} with `{}`.", env!("CARGO_PKG_VERSION"), command(&scaling, &out));
    write(&found, &out, Some(&footer))?;
    let page = out.join(PAGE);
    if asked.json {
        terminal::result(&serde_json::to_string(&found)?)?;
    } else {
        let numbers = out.join(NUMBERS);
        let text = as_text(&found);
        terminal::result(&format!("{text}\nNumbers: {}\nReport: {}", numbers.display(), page.display()))?;
    }
    if asked.open {
        open(&page);
    }
    Ok(())
}

/// What makes the same once more.
fn command(scaling: &Scaling, out: &Path) -> String {
    let list = |values: &[u64]| values.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    format!(
        "adieu bench scaling --depths {} --widths {} --batches {} --turns {} --steps {} --out {}",
        list(&scaling.depths),
        list(&scaling.widths),
        list(&scaling.batches),
        scaling.turns,
        scaling.steps,
        out.display()
    )
}

fn sorted(values: &[u64]) -> Vec<u64> {
    let mut values = values.to_vec();
    values.sort_unstable();
    values.dedup();
    values
}

fn as_text(found: &Found) -> String {
    let mut rows = vec![["", "", "a step", "multiply-adds", "kept", "of a step"].map(String::from)];
    rows.extend(found.points.iter().map(line));
    let mut text = table(&rows);
    text.push_str(
        "\nhow it grows: 0 does not, 1 in proportion, 2 with the square; and what one more costs\n",
    );
    let mut rows = vec![["", "", "", "exponent", "95 % interval", "one more"].map(String::from)];
    rows.extend(found.growth.iter().map(growth));
    text.push_str(&table(&rows));
    text
}

fn line(point: &Point) -> [String; 6] {
    [
        format!("{} {}", point.axis, point.at),
        point.learner.clone(),
        with_unit(Unit::Seconds, point.seconds.mean),
        with_unit(Unit::MultiplyAdds, point.macs),
        with_unit(Unit::Bytes, point.kept_bytes as f64),
        point.step_bytes.map_or("–".into(), |bytes| with_unit(Unit::Bytes, bytes as f64)),
    ]
}

fn growth(growth: &Growth) -> [String; 6] {
    let (name, unit) = match growth.quantity {
        "seconds" => ("time", Unit::Seconds),
        "macs" => ("multiply-adds", Unit::MultiplyAdds),
        "step_bytes" => ("bytes of a step", Unit::Bytes),
        _ => ("bytes kept", Unit::Bytes),
    };
    let interval = growth.exponent.interval.map_or("–".into(), |i| format!("{:.2} … {:.2}", i.lo, i.hi));
    [
        growth.axis.into(),
        growth.learner.clone(),
        name.into(),
        format!("{:.2}", growth.exponent.slope),
        interval,
        with_unit(unit, growth.line.slope),
    ]
}

/// Columns as wide as their widest cell; the first two, of words, to the left.
fn table(rows: &[[String; 6]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..6).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, width))| {
            if column < 2 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        let _ = writeln!(text, "{}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
    text
}
