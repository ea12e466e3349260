//! Rules that one event can break by itself: its numbers agree with each other and with what the run declared.

use std::collections::BTreeSet;
use std::path::{Component, Path};

use super::Rule;
use crate::event::{Evaluation, Event, FORMAT, Outcome, PhaseTime, Picture, RunStart, Scalar, Split};
use crate::reading::{Reading, Series, Unit, Value};

/// Phases off the training clock by definition; all others named in [`PhaseTime`] are on it.
const OFF_CLOCK: [&str; 4] = ["evaluation", "checkpoint", "log", "unaccounted"];
const ON_CLOCK: [&str; 7] = ["stall", "negatives", "forward", "credit", "update", "readout", "settle"];
/// Quantities that are sampled, each in a unit of its own.
const SAMPLED: [(&str, Unit); 5] = [
    ("power", Unit::Watts),
    ("resident", Unit::Bytes),
    ("allocated", Unit::Bytes),
    ("cpu_use", Unit::Count),
    ("clock", Unit::Hertz),
];

/// Says what is wrong.
type Say<'a> = dyn FnMut(Rule, String) + 'a;

/// Checks `event` against itself and against `start`, if there was one.
pub(super) fn check(event: &Event, start: Option<&RunStart>, say: &mut Say<'_>) {
    match event {
        Event::RunStarted(start) => run_started(start, say),
        Event::EpochStarted { gain, .. } if !(gain.is_finite() && *gain >= 0.0) => {
            say(Rule::Scalars, format!("the gain is {gain}"));
        }
        Event::Step { scalars, .. } => self::scalars(scalars, start, say),
        Event::Evaluated(e) => evaluation(e, start, say),
        Event::Metered { train_ns, phases, readings, .. } => {
            self::phases(*train_ns, phases, start, say);
            self::readings(readings, say);
        }
        Event::Sampled { series } => self::series(series, say),
        Event::CheckpointSaved { file, .. } if !is_plain_name(file) => {
            say(Rule::Checkpoint, format!("`{file}` is not the name of a file in the run's folder"));
        }
        Event::Pictured { pictures, .. } => pictures.iter().for_each(|p| picture(p, say)),
        Event::RunEnded { outcome: Outcome::Diverged { layer, .. }, .. } => {
            self::layer(*layer, start, "the outcome", say);
        }
        Event::EpochStarted { .. }
        | Event::CheckpointSaved { .. }
        | Event::Resumed { .. }
        | Event::Warned { .. }
        | Event::RunEnded { .. } => {}
    }
}

fn is_plain_name(file: &str) -> bool {
    let mut parts = Path::new(file).components();
    matches!((parts.next(), parts.next()), (Some(Component::Normal(name)), None) if name == file)
}

fn run_started(start: &RunStart, say: &mut Say<'_>) {
    if !(1..=FORMAT).contains(&start.format) {
        say(Rule::Start, format!("format {} is none of 1 to {FORMAT}", start.format));
    }
    if start.steps_per_epoch == 0 && start.epochs > 0 {
        say(Rule::Start, format!("{} epochs without steps are planned", start.epochs));
    }
}

fn layer(layer: Option<u64>, start: Option<&RunStart>, who: &str, say: &mut Say<'_>) {
    if let (Some(l), Some(start)) = (layer, start)
        && l >= start.network.layers.len() as u64
    {
        say(Rule::Layers, format!("{who} names layer {l}; the network has {}", start.network.layers.len()));
    }
}

fn scalars(scalars: &[Scalar], start: Option<&RunStart>, say: &mut Say<'_>) {
    let mut seen = BTreeSet::new();
    for Scalar { name, layer, value } in scalars {
        if !value.is_finite() {
            say(Rule::Scalars, format!("`{name}` is {value}"));
        }
        if !seen.insert((name, layer)) {
            say(Rule::Scalars, format!("`{name}` is said twice"));
        }
        self::layer(*layer, start, &format!("scalar `{name}`"), say);
    }
}

fn evaluation(e: &Evaluation, start: Option<&RunStart>, say: &mut Say<'_>) {
    let Evaluation { rows, .. } = *e;
    let mut wrong = |what| say(Rule::Evaluation, what);
    if rows == 0 {
        wrong("no rows were evaluated".into());
    }
    judged(e, &mut wrong);
    if let Some(confusion) = &e.confusion {
        self::confusion(confusion, e, start, &mut wrong);
    }
    let Some(start) = start else { return };
    let split = match e.split {
        Split::Train => start.data.train_rows,
        Split::Validation => start.data.validation_rows,
        Split::Test => start.data.test_rows,
    };
    if rows > split || (e.last && rows < split) {
        let last = if e.last { "the last evaluation is on" } else { "evaluated" };
        wrong(format!("{last} {rows} rows of a split of {split}"));
    }
    if !start.readouts.contains(&e.readout) {
        let declared = start.readouts.join("`, `");
        say(Rule::Readout, format!("read-out `{}` is not among `{declared}`", e.readout));
    }
}

/// By labels, or by what came back of the rows.
fn judged(e: &Evaluation, wrong: &mut impl FnMut(String)) {
    let rows = e.rows;
    match (e.errors, e.error) {
        (None, None) if e.reconstruction.is_none() => {
            wrong("it has neither errors nor a reconstruction".into());
        }
        (None, None) => {}
        (Some(errors), _) if rows > 0 && errors > rows => wrong(format!("{errors} errors in {rows} rows")),
        (Some(errors), Some(error)) => {
            let share = errors as f64 / rows as f64;
            if rows > 0 && (!error.is_finite() || (error - share).abs() > 1e-9) {
                wrong(format!("the error is {error}, but {errors} / {rows} is {share}"));
            }
        }
        _ => wrong("of errors and their share there is only one".into()),
    }
    for squares in e.reconstruction.iter().flat_map(|r| [r.squared_error, r.of_mean_row]) {
        if !(squares >= 0.0 && squares.is_finite()) {
            wrong(format!("a mean squared error is {squares}"));
        }
    }
}

fn confusion(table: &[Vec<u64>], e: &Evaluation, start: Option<&RunStart>, wrong: &mut impl FnMut(String)) {
    let classes = table.len();
    let declared = start.map_or(0, |s| s.data.classes.len());
    if table.iter().any(|row| row.len() != classes) || (declared > 0 && declared != classes) {
        let size = if declared > 0 { format!("{declared} × {declared}") } else { "square".into() };
        return wrong(format!("the confusion table is not {size}"));
    }
    // Sums that cannot overflow, whatever the file says.
    let sum = |keep: &dyn Fn(usize, usize) -> bool| -> u128 {
        let cells =
            table.iter().enumerate().flat_map(|(t, row)| row.iter().enumerate().map(move |(g, n)| (t, g, n)));
        cells.filter(|&(t, g, _)| keep(t, g)).map(|(_, _, &n)| u128::from(n)).sum()
    };
    let (rows, errors) = (sum(&|_, _| true), sum(&|truth, guess| truth != guess));
    let said = e.errors.unwrap_or_default();
    if (rows, errors) != (e.rows.into(), said.into()) {
        wrong(format!(
            "the confusion table holds {rows} rows, {errors} off its diagonal; the evaluation says {} and {said}",
            e.rows
        ));
    }
}

fn phases(train_ns: u64, phases: &[PhaseTime], start: Option<&RunStart>, say: &mut Say<'_>) {
    for PhaseTime { phase, layer, training, .. } in phases {
        let name = phase.as_str();
        if (*training && OFF_CLOCK.contains(&name)) || (!*training && ON_CLOCK.contains(&name)) {
            let side = if *training { "on" } else { "off" };
            say(Rule::Phases, format!("phase `{name}` is counted {side} the training clock"));
        }
        self::layer(*layer, start, &format!("phase `{name}`"), say);
    }
    let sum: u128 = phases.iter().filter(|p| p.training).map(|p| u128::from(p.time_ns)).sum();
    let clock = u128::from(train_ns);
    if sum.abs_diff(clock) > clock / 100 + 50_000_000 {
        say(
            Rule::Phases,
            format!("the phases of training add up to {sum} ns, the training clock shows {clock} ns"),
        );
    }
}

fn readings(readings: &[Reading], say: &mut Say<'_>) {
    let mut seen = BTreeSet::new();
    for reading in readings {
        let part = reading.part.as_deref().map_or(String::new(), |p| format!(" of {p}"));
        let mut wrong = |what: String| say(Rule::Readings, format!("`{}`{part} {what}", reading.name));
        if !seen.insert((&reading.name, &reading.part)) {
            wrong("is said twice".into());
        }
        match &reading.value {
            Value::Measured { value, source, coverage } => {
                if !in_range(reading.unit, *value) {
                    wrong(format!("is {value}, which {:?} cannot be", reading.unit));
                }
                if !(*coverage > 0.0 && *coverage <= 1.0) {
                    wrong(format!("covers {coverage} of its window"));
                }
                if source.trim().is_empty() {
                    wrong("does not name its source".into());
                }
            }
            Value::Estimated { lo, mid, hi, model } => {
                if ![lo, mid, hi].iter().all(|x| in_range(reading.unit, **x)) || lo > mid || mid > hi {
                    wrong(format!("is estimated as {lo} ≤ {mid} ≤ {hi}, in {:?}", reading.unit));
                }
                if model.trim().is_empty() {
                    wrong("does not name its model".into());
                }
            }
            Value::Unavailable { why, remedy } => {
                if why.trim().is_empty() || remedy.trim().is_empty() {
                    wrong("is unavailable without reason or remedy".into());
                }
            }
        }
    }
}

/// Each series by itself; whether its moments follow those of the event before, the linter knows.
fn series(series: &[Series], say: &mut Say<'_>) {
    let mut seen = BTreeSet::new();
    for Series { name, part, unit, source, points } in series {
        let of = part.as_deref().map_or(String::new(), |p| format!(" of {p}"));
        let mut wrong = |what: String| say(Rule::Series, format!("`{name}`{of} {what}"));
        if !seen.insert((name, part)) {
            wrong("is said twice".into());
        }
        if let Some((_, known)) = SAMPLED.iter().find(|(n, known)| n == name && known != unit) {
            wrong(format!("is in {unit:?}, not {known:?}"));
        }
        if source.trim().is_empty() {
            wrong("does not name its source".into());
        }
        if let Some(point) = points.iter().find(|p| !in_range(*unit, p.value)) {
            wrong(format!("is {} at {} ns, which {unit:?} cannot be", point.value, point.at_ns));
        }
    }
}

fn in_range(unit: Unit, x: f64) -> bool {
    x.is_finite()
        && match unit {
            Unit::Celsius => x >= -273.15,
            Unit::Fraction => (0.0..=1.0).contains(&x),
            Unit::Seconds
            | Unit::Bytes
            | Unit::MultiplyAdds
            | Unit::Count
            | Unit::Hertz
            | Unit::Joules
            | Unit::Watts => x >= 0.0,
        }
}

fn picture(p: &Picture, say: &mut Say<'_>) {
    let Picture { width, height, channels, base64, caption, .. } = p;
    if ![1, 3].contains(channels) {
        say(Rule::Pictures, format!("`{caption}` has {channels} channels"));
    }
    let bytes = u128::from(*width) * u128::from(*height);
    // Four characters hold three bytes.
    let held = bytes.checked_mul((*channels).into()).map(|n| n.div_ceil(3).saturating_mul(4));
    if held != Some(base64.len() as u128) {
        let held = base64.len() / 4 * 3;
        say(
            Rule::Pictures,
            format!("`{caption}` is {width} × {height} × {channels}, but holds about {held} bytes"),
        );
    }
}
