//! Who waits for data, by differences of three short trainings, after DS-Analyzer (Mohan et al. 2020, arXiv:2007.06775):
//!
//! ```text
//! synthetic  one batch that lies in memory, again and again     no data at all
//! warm       the files are read, decoded and batched            prepare = warm − synthetic
//! cold       the same, after the system forgot the files        fetch   = cold − warm
//! ```
//!
//! Each leg is timed from before its first byte is read to the end of its last step: here rows are read and decoded before
//! the first step, so that reading is in the time of the whole (`load_s`) and not in the loop's stall. The legs take turns.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use adieu_data::Origin;
use adieu_meter::{Meter, disk::Disk, page_cache};
use adieu_record::{Reading, Value};
use serde::Serialize;

use crate::loader::Busy;
use crate::profile::Subject;
use crate::sink::Flow;
use crate::{Error, Plan, Recipe};

/// What is done.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    /// Steps of each leg.
    pub steps: u64,
    /// Times each leg is run.
    pub turns: usize,
}

/// One of the three trainings, once.
#[derive(Clone, Debug, Serialize)]
pub struct Leg {
    /// `synthetic`, `warm` or `cold`.
    pub name: &'static str,
    /// s, from before the first byte to the end of the last step.
    pub whole_s: f64,
    /// s of that before the first step: reading, decoding.
    pub load_s: f64,
    /// s of that in which the steps waited for their batch.
    pub stall_s: f64,
    /// Bytes that came from the disk meanwhile.
    pub disk_read: Value,
}

/// What was found.
#[derive(Clone, Debug, Serialize)]
pub struct Found {
    /// Rows of a step.
    pub rows: u64,
    /// All legs, in the order in which they were run.
    pub legs: Vec<Leg>,
    /// s that reading from memory, decoding and batching add: the median of the turns, with the least and the most.
    pub prepare: Difference,
    /// s that waiting for the disk adds, or why it is not known.
    pub fetch: Fetch,
}

/// s that waiting for the disk adds.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Fetch {
    /// Over the turns.
    Measured(Difference),
    /// Not to be had here.
    Unavailable(Missing),
}

/// A difference of two legs, over the turns.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// s.
    pub median_s: f64,
    /// s.
    pub least_s: f64,
    /// s.
    pub most_s: f64,
}

/// Why something was not measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// Why.
    pub why: String,
    /// What would mend it.
    pub remedy: String,
}

impl Missing {
    fn new(why: impl Into<String>, remedy: &str) -> Missing {
        Missing { why: why.into(), remedy: remedy.into() }
    }
}

/// What would let fetching be told.
const FILES: &str = "probe a recipe that reads files";
/// Share of the files that must have come from the disk for a leg to have been cold.
const COLD: f64 = 0.5;

/// Runs the legs in turn; `told` hears what is done, and may stop it: then there is nothing.
///
/// # Errors
/// Of the recipe and its data; [`Error::Diverged`].
pub fn probe(
    recipe: &Recipe,
    file: &str,
    extent: &Extent,
    told: &mut dyn FnMut(&str) -> Flow,
) -> Result<Option<Found>, Error> {
    // Read once beforehand, so that the first warm leg is as warm as the others.
    let plan = Plan::of(recipe.clone(), file)?;
    let rows = plan.recipe.train.batch;
    let files = match &plan.data.info.origin {
        Origin::Folder(folder) => Ok(folder.clone()),
        Origin::Bundled => Err(Missing::new("the rows are part of the program", FILES)),
        Origin::Generated { .. } => Err(Missing::new("the program makes the rows", FILES)),
    };
    let data = Arc::clone(&plan.data);
    drop(plan);
    let mut legs = Vec::new();
    let mut fetch = files.map(|_| ());
    for turn in 0..extent.turns {
        let said = |name: &str| format!("{name}, turn {} of {}", turn + 1, extent.turns);
        for name in ["synthetic", "warm", "cold"] {
            if name == "cold" && fetch.is_err() {
                continue;
            }
            if matches!(told(&said(name)), Flow::Stop) {
                return Ok(None);
            }
            let mut bytes = 0;
            if name == "cold" {
                match forgotten(&data.info.origin) {
                    Ok(forgotten) => bytes = forgotten,
                    Err(missing) => {
                        fetch = Err(missing);
                        continue;
                    }
                }
            }
            let synthetic = (name == "synthetic").then(|| Arc::clone(&data));
            let leg = leg(name, recipe, file, extent.steps, synthetic)?;
            if name == "cold" {
                fetch = was_cold(&leg, bytes);
            }
            legs.push(leg);
        }
    }
    let prepare = difference(&legs, "warm", "synthetic");
    let fetch = match fetch {
        Ok(()) => Fetch::Measured(difference(&legs, "cold", "warm")),
        Err(missing) => Fetch::Unavailable(missing),
    };
    Ok(Some(Found { rows, legs, prepare, fetch }))
}

fn folder(origin: &Origin) -> Option<PathBuf> {
    match origin {
        Origin::Folder(folder) => Some(folder.clone()),
        Origin::Bundled | Origin::Generated { .. } => None,
    }
}

/// Makes the system forget the files; their bytes.
fn forgotten(origin: &Origin) -> Result<u64, Missing> {
    let Some(folder) = folder(origin) else { return Ok(0) };
    page_cache::evict(&folder).map_err(|error| {
        let why = format!("{}: the system could not be made to forget it: {error}", folder.display());
        Missing::new(why, "probe on Linux, files on a disk of the machine's own")
    })
}

/// Whether enough of so many bytes came from the disk.
fn was_cold(leg: &Leg, bytes: u64) -> Result<(), Missing> {
    let remedy =
        "lay the files on a disk: a file system in memory, or a disk behind another cache, is never cold";
    let bytes = bytes as f64;
    match &leg.disk_read {
        Value::Measured { value, .. } if *value >= COLD * bytes => Ok(()),
        Value::Measured { value, .. } => {
            let share = 100.0 * value / bytes.max(1.0);
            Err(Missing::new(format!("only {share:.0} % of the files came from a disk"), remedy))
        }
        Value::Unavailable { why, remedy } => Err(Missing::new(why.clone(), remedy)),
        Value::Estimated { .. } => Err(Missing::new("bytes of the disk are but estimated", remedy)),
    }
}

fn leg(
    name: &'static str,
    recipe: &Recipe,
    file: &str,
    steps: u64,
    synthetic: Option<Arc<adieu_data::Dataset>>,
) -> Result<Leg, Error> {
    let mut disk = Disk::below(std::path::Path::new("/"));
    let before = disk_read(&mut disk);
    let one_batch = synthetic.is_some();
    let start = Instant::now();
    let plan = match synthetic {
        Some(data) => Plan::on(recipe.clone(), data, file)?,
        None => Plan::of(recipe.clone(), file)?,
    };
    let mut subject = Subject::fresh(plan);
    let load_s = start.elapsed().as_secs_f64();
    let stall_s = subject.stalled(steps, one_batch, &Arc::<Busy>::default())?;
    let whole_s = start.elapsed().as_secs_f64();
    let disk_read = match (before, disk_read(&mut disk)) {
        (Value::Measured { value: before, .. }, Value::Measured { value, source, coverage }) => {
            Value::Measured { value: value - before, source, coverage }
        }
        (_, other) => other,
    };
    Ok(Leg { name, whole_s, load_s, stall_s, disk_read })
}

fn disk_read(disk: &mut Disk) -> Value {
    let mut readings = Vec::new();
    disk.read(&mut readings);
    let is_it = |reading: &Reading| reading.name == "disk_read";
    readings.into_iter().find(is_it).map_or_else(
        || Value::Unavailable { why: "the disk is not metered".into(), remedy: "see `adieu doctor`".into() },
        |reading| reading.value,
    )
}

/// Median, least and most of `a − b`, turn by turn.
fn difference(legs: &[Leg], a: &str, b: &str) -> Difference {
    let times = |name: &str| -> Vec<f64> {
        legs.iter().filter(|leg| leg.name == name).map(|leg| leg.whole_s).collect()
    };
    let mut all: Vec<f64> = times(a).iter().zip(times(b)).map(|(a, b)| a - b).collect();
    all.sort_by(f64::total_cmp);
    let (half, odd) = (all.len() / 2, !all.len().is_multiple_of(2));
    let median_s = if odd { all[half] } else { (all[half - 1] + all[half]) / 2.0 };
    Difference { median_s, least_s: all[0], most_s: all[all.len() - 1] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leg_is_cold_only_if_the_disk_was_read() {
        let leg = |disk_read| Leg { name: "cold", whole_s: 1.0, load_s: 1.0, stall_s: 0.0, disk_read };
        let read = |value| leg(Value::Measured { value, source: "a test".into(), coverage: 1.0 });
        assert!(was_cold(&read(900.0), 1000).is_ok());
        let missing = was_cold(&read(100.0), 1000).expect_err("nine tenths came from elsewhere");
        assert_eq!(missing.why, "only 10 % of the files came from a disk");
        let (why, remedy) = ("no such file".into(), "another system".into());
        assert_eq!(
            was_cold(&leg(Value::Unavailable { why, remedy }), 9).expect_err("unknown").why,
            "no such file"
        );
    }

    #[test]
    fn differences_are_taken_turn_by_turn() {
        let leg = |name, whole_s| Leg {
            name,
            whole_s,
            load_s: 0.0,
            stall_s: 0.0,
            disk_read: Value::Unavailable { why: String::new(), remedy: String::new() },
        };
        let legs =
            [("synthetic", 1.0), ("warm", 3.0), ("synthetic", 2.0), ("warm", 2.5)].map(|(n, s)| leg(n, s));
        let found = difference(&legs, "warm", "synthetic");
        assert_eq!(found, Difference { median_s: 1.25, least_s: 0.5, most_s: 2.0 });
        assert_eq!(difference(&legs[..2], "warm", "synthetic").median_s, 2.0);
    }
}
