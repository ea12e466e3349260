//! Counters of the process and of the machine, told as the run's own: what was counted before this sitting of the run is
//! taken off, what its earlier sittings counted is added.

use adieu_record::{Reading, Value};
use serde::{Deserialize, Serialize};

/// Readings that only ever grow.
const GROWING: [&str; 17] = [
    "cpu_branch_misses",
    "cpu_cache_misses",
    "cpu_cache_references",
    "cpu_cycles",
    "cpu_instructions",
    "cpu_stalled_cycles",
    "cpu_time",
    "disk_read",
    "disk_written",
    "energy",
    "energy_estimated",
    "energy_net",
    "group_throttled",
    "loader",
    "machine_cpu",
    "run_queue_wait",
    "throttled",
];
/// Of those, the ones that begin at zero with their meter.
const FROM_ZERO: [&str; 4] = ["energy", "energy_estimated", "energy_net", "loader"];

/// Of those, the one that is a difference of two others.
const MAY_FALL: &str = "energy_net";

/// One counter of the run so far, as a checkpoint carries it on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Counted {
    name: String,
    part: Option<String>,
    value: f64,
    coverage: f64,
    /// Lower and upper end, of an estimate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ends: Option<[f64; 2]>,
}

/// See the module.
pub(crate) struct Counters {
    /// What earlier sittings counted; `None`: this is the first.
    before: Option<Vec<Counted>>,
    wall_before_s: f64,
    /// What the counters said when this sitting began.
    start: Vec<Counted>,
}

impl Counters {
    /// Begins a sitting, with what all meters read now, after `wall_before_s` of earlier ones.
    pub(crate) fn start(before: Option<Vec<Counted>>, wall_before_s: f64, readings: &[Reading]) -> Counters {
        Counters { before, wall_before_s, start: readings.iter().filter_map(counted).collect() }
    }

    /// Tells a reading of this sitting, `wall_s` long so far, as that of the run. Others than counters stay as they are.
    pub(crate) fn own(&self, reading: &mut Reading, wall_s: f64) {
        let Some(now) = counted(reading) else { return };
        let alike = |other: &&Counted| other.name == now.name && other.part == now.part;
        let zero = Counted { value: 0.0, ends: now.ends.map(|_| [0.0; 2]), ..now.clone() };
        let start = match self.start.iter().find(alike) {
            None if FROM_ZERO.contains(&now.name.as_str()) => Some(&zero),
            other => other,
        };
        let before = match &self.before {
            None => Some(&zero),
            Some(all) => all.iter().find(alike),
        };
        let (Some(start), Some(before)) = (start, before) else {
            let (why, remedy) = ("the run was resumed from where it could not be read", "run it whole");
            *reading = Reading::unavailable(&now.name, now.part.as_deref(), reading.unit, why, remedy);
            return;
        };
        // What is beyond the idle machine may be less than nothing; of the others that is a fault of the counter.
        let least = if now.name == MAY_FALL { f64::NEG_INFINITY } else { 0.0 };
        let own = |before: f64, now: f64, start: f64| before + (now - start).max(least);
        match &mut reading.value {
            Value::Measured { value, coverage, .. } => {
                *value = own(before.value, now.value, start.value);
                let seen = before.coverage * self.wall_before_s + now.coverage * wall_s;
                let all = self.wall_before_s + wall_s;
                // Of no time at all nothing was missed.
                *coverage = if all > 0.0 { (seen / all).min(1.0) } else { now.coverage };
            }
            Value::Estimated { lo, mid, hi, .. } => {
                let ends = |counted: &Counted| counted.ends.unwrap_or([counted.value; 2]);
                let [before_ends, now_ends, start_ends] = [before, &now, start].map(ends);
                *mid = own(before.value, now.value, start.value);
                *lo = own(before_ends[0], now_ends[0], start_ends[0]);
                *hi = own(before_ends[1], now_ends[1], start_ends[1]);
            }
            Value::Unavailable { .. } => {}
        }
    }

    /// The counters among the run's own readings.
    pub(crate) fn of(readings: &[Reading]) -> Vec<Counted> {
        readings.iter().filter_map(counted).collect()
    }
}

fn counted(reading: &Reading) -> Option<Counted> {
    let (value, coverage, ends) = match &reading.value {
        Value::Measured { value, coverage, .. } => (*value, *coverage, None),
        Value::Estimated { lo, mid, hi, .. } => (*mid, 1.0, Some([*lo, *hi])),
        Value::Unavailable { .. } => return None,
    };
    let (name, part) = (reading.name.clone(), reading.part.clone());
    GROWING.contains(&name.as_str()).then_some(Counted { name, part, value, coverage, ends })
}

#[cfg(test)]
mod tests {
    use super::*;
    use adieu_record::Unit;

    fn reading(name: &str, value: f64, coverage: f64) -> Reading {
        let value = Value::Measured { value, source: "a test".into(), coverage };
        Reading { name: name.into(), part: None, unit: Unit::Joules, value }
    }

    fn own(counters: &Counters, mut reading: Reading, wall_s: f64) -> Option<(f64, f64)> {
        counters.own(&mut reading, wall_s);
        match reading.value {
            Value::Measured { value, coverage, .. } => Some((value, coverage)),
            _ => None,
        }
    }

    #[test]
    fn a_first_sitting_takes_off_what_was_before_it() {
        let first = Counters::start(None, 0.0, &[reading("cpu_time", 5.0, 1.0), reading("wall", 9.0, 1.0)]);
        assert_eq!(own(&first, reading("cpu_time", 7.5, 1.0), 2.0), Some((2.5, 1.0)));
        assert_eq!(own(&first, reading("wall", 7.5, 1.0), 2.0), Some((7.5, 1.0)), "no counter");
        assert_eq!(
            own(&first, reading("energy", 30.0, 0.9), 2.0),
            Some((30.0, 0.9)),
            "begins with its meter"
        );
        assert_eq!(own(&first, reading("disk_read", 30.0, 1.0), 2.0), None, "not known at the start");
        assert_eq!(own(&first, reading("energy_net", -3.0, 1.0), 2.0), Some((-3.0, 1.0)), "below idle");
        assert_eq!(own(&first, reading("cpu_time", 4.0, 1.0), 2.0), Some((0.0, 1.0)), "it cannot fall");
    }

    #[test]
    fn an_estimate_goes_on_with_both_its_ends() {
        let estimate = |lo: f64, mid: f64, hi: f64| {
            let value = Value::Estimated { lo, mid, hi, model: "a test".into() };
            Reading { name: "energy_estimated".into(), part: None, unit: Unit::Joules, value }
        };
        let ends = |counters: &Counters, mut reading: Reading| {
            counters.own(&mut reading, 10.0);
            match reading.value {
                Value::Estimated { lo, mid, hi, .. } => Some([lo, mid, hi]),
                _ => None,
            }
        };
        let first = Counters::start(None, 0.0, &[estimate(1.0, 2.0, 3.0)]);
        assert_eq!(ends(&first, estimate(11.0, 22.0, 33.0)), Some([10.0, 20.0, 30.0]));
        let before = Counters::of(&[estimate(10.0, 20.0, 30.0)]);
        let later = Counters::start(Some(before), 30.0, &[estimate(0.0, 0.0, 0.0)]);
        assert_eq!(ends(&later, estimate(5.0, 6.0, 7.0)), Some([15.0, 26.0, 37.0]));
        let other = Counters::start(Some(vec![]), 30.0, &[]);
        assert_eq!(ends(&other, estimate(5.0, 6.0, 7.0)), None, "the first sitting estimated nothing");
    }

    #[test]
    fn a_later_sitting_goes_on_and_coverage_is_shared_by_time() {
        let before = Counters::of(&[reading("cpu_time", 40.0, 1.0), reading("energy", 600.0, 0.5)]);
        let later = Counters::start(Some(before), 30.0, &[reading("cpu_time", 1.0, 1.0)]);
        assert_eq!(own(&later, reading("cpu_time", 3.0, 1.0), 10.0), Some((42.0, 1.0)));
        assert_eq!(own(&later, reading("energy", 100.0, 0.9), 10.0), Some((700.0, 0.6)));
        assert_eq!(
            own(&later, reading("disk_read", 1.0, 1.0), 10.0),
            None,
            "the first sitting could not tell"
        );
    }
}
