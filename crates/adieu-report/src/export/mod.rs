//! Records in the formats of others. What is superseded by a resume stays behind, what was not measured is left out or
//! named, never zero.

pub mod mlflow;
mod mllog;
mod table;
mod tensorboard;

pub use mlflow::mlflow;
pub use mllog::mllog;
pub use table::{csv, json};
pub use tensorboard::tensorboard;

use adieu_record::{Event, Split, Stamped, Unit, Value};
use serde::Serialize;

use crate::run::standing;

/// One number of a run at one moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Number {
    /// Milliseconds since 1970 (UTC), by the run's own clock from its start on: pauses between sittings are not in it.
    pub unix_ms: u64,
    /// Steps done.
    pub step: u64,
    /// `loss`, `error`, `allocated_peak`, `phase`, ….
    pub name: String,
    /// Part of a reading, read-out of an error, name of a phase.
    pub part: Option<String>,
    /// `train`, `validation` or `test`, of an error.
    pub split: Option<&'static str>,
    /// Counted from 0.
    pub layer: Option<u64>,
    /// What it is counted in; none of numbers that a learner says.
    pub unit: Option<Unit>,
    /// `measured`, `estimated` (the middle), `unavailable`.
    pub kind: &'static str,
    /// `None`: it is unavailable.
    pub value: Option<f64>,
    /// Where it comes from, or why it is not there.
    pub source: Option<String>,
}

/// All numbers that stand, in order.
pub fn numbers(events: &[Stamped]) -> Vec<Number> {
    let Some(Stamped { event: Event::RunStarted(start), .. }) = events.first() else { return Vec::new() };
    let (standing, _) = standing(events);
    let mut all = Vec::new();
    for stamped in standing {
        let unix_ms = start.unix_ms + stamped.at_ns / 1_000_000;
        let plain = |step: u64, name: &str, value: f64| Number {
            unix_ms,
            step,
            name: name.into(),
            part: None,
            split: None,
            layer: None,
            unit: None,
            kind: "measured",
            value: value.is_finite().then_some(value),
            source: None,
        };
        match &stamped.event {
            Event::Step { last, scalars, .. } => all
                .extend(scalars.iter().map(|s| Number { layer: s.layer, ..plain(*last, &s.name, s.value) })),
            Event::Evaluated(e) => {
                let rebuilt = e.reconstruction;
                let said = [
                    ("error", Some(Unit::Fraction), e.error),
                    ("squared_error", None, rebuilt.map(|r| r.squared_error)),
                    ("reconstruction_error", None, rebuilt.and_then(|r| r.relative())),
                ];
                all.extend(said.into_iter().filter_map(|(name, unit, value)| {
                    let (part, split) = (Some(e.readout.clone()), Some(split_name(e.split)));
                    Some(Number { part, split, unit, ..plain(e.step, name, value?) })
                }));
            }
            Event::Metered { step, phases, readings, .. } => {
                all.extend(phases.iter().map(|phase| Number {
                    part: Some(phase.phase.clone()),
                    layer: phase.layer,
                    unit: Some(Unit::Seconds),
                    ..plain(*step, "phase", phase.time_ns as f64 * 1e-9)
                }));
                all.extend(readings.iter().map(|reading| {
                    let (kind, value, source) = match &reading.value {
                        Value::Measured { value, source, .. } => ("measured", *value, source.to_string()),
                        Value::Estimated { mid, model, .. } => ("estimated", *mid, model.to_string()),
                        Value::Unavailable { why, .. } => ("unavailable", f64::NAN, why.clone()),
                    };
                    let number = plain(*step, &reading.name, value);
                    let (part, unit) = (reading.part.clone(), Some(reading.unit));
                    Number { part, unit, kind, source: Some(source), ..number }
                }));
            }
            _ => {}
        }
    }
    all
}

/// `validation/error/goodness`, `loss/layer-1`, `allocated_peak/data`.
fn tag(number: &Number) -> String {
    let mut tag = number.split.map_or(String::new(), |split| format!("{split}/")) + &number.name;
    if let Some(part) = &number.part {
        tag += &format!("/{part}");
    }
    if let Some(layer) = number.layer {
        tag += &format!("/layer-{}", layer + 1);
    }
    if number.kind == "estimated" {
        tag += "/estimated";
    }
    tag
}

fn split_name(split: Split) -> &'static str {
    match split {
        Split::Train => "train",
        Split::Validation => "validation",
        Split::Test => "test",
    }
}
