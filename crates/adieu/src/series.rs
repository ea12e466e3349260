//! What sensors say while a run is at work, moment by moment: power, memory, processors, clocks.
//!
//! A thread reads them four times a second at first, and half as often each time [`MOMENTS`] moments were taken, so that a
//! run of days makes a record of thousands of points and not of millions. Power is the energy between two moments over the
//! time of it that was seen; a moment in which something could not be read has no point of it.

use std::collections::BTreeMap;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use adieu_meter::Meter;
use adieu_record::{Point, Reading, Series, Unit, Value};

/// Meters that the thread and the trainer both read.
pub(crate) type Shared = Arc<Mutex<Vec<Box<dyn Meter>>>>;

/// Time between the first moments.
const FIRST: Duration = Duration::from_millis(250);
/// Moments after which they come half as often.
const MOMENTS: u32 = 400;
/// Moments that are told together at least, unless somebody asks.
const MUCH: u32 = 20;
/// Meters that are read.
const METERS: [&str; 5] = ["resident", "allocated", "cpu_time", "energy", "clock"];
/// Share of the time between two moments that must have been seen for its power to be told.
const SEEN: f64 = 0.5;

/// The meters, to read them. One that panicked while it was read is a fault of ours that was seen elsewhere.
pub(crate) fn lock(meters: &Shared) -> MutexGuard<'_, Vec<Box<dyn Meter>>> {
    meters.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A counter at the moment before.
#[derive(Clone, Copy)]
struct Before {
    at_ns: u64,
    value: f64,
    /// Of the time since the counter began, what was seen, ns.
    seen_ns: f64,
}

type Key = (&'static str, Option<String>);

/// What was seen and not yet told.
struct Seen {
    began: Instant,
    /// Run time when this sitting began.
    run_ns: u64,
    series: BTreeMap<Key, Series>,
    counters: BTreeMap<Key, Before>,
    moments: u32,
    /// Of those, how many were told.
    told: u32,
}

impl Seen {
    fn take(&mut self, meters: &Shared) {
        let mut readings = Vec::new();
        for meter in lock(meters).iter_mut().filter(|meter| METERS.contains(&meter.name())) {
            meter.read(&mut readings);
        }
        let at_ns = self.began.elapsed().as_nanos() as u64;
        readings.iter().for_each(|reading| self.add(reading, at_ns));
        self.moments += 1;
    }

    /// Adds the point of a reading, `at_ns` after this sitting began, if it makes one.
    fn add(&mut self, reading: &Reading, at_ns: u64) {
        let Value::Measured { value, source, coverage } = &reading.value else { return };
        let (name, unit) = match (reading.name.as_str(), reading.part.as_deref()) {
            ("energy", _) => ("power", Unit::Watts),
            ("cpu_time", None) => ("cpu_use", Unit::Count),
            ("resident", None) => ("resident", Unit::Bytes),
            ("allocated", None) => ("allocated", Unit::Bytes),
            ("clock", None) => ("clock", Unit::Hertz),
            _ => return,
        };
        let key: Key = (name, reading.part.clone());
        let value = match name {
            "power" | "cpu_use" => {
                let now = Before { at_ns, value: *value, seen_ns: coverage * at_ns as f64 };
                match self.counters.insert(key.clone(), now).and_then(|before| rate(before, now)) {
                    Some(rate) => rate,
                    None => return,
                }
            }
            _ => *value,
        };
        let new = || Series {
            name: name.into(),
            part: reading.part.clone(),
            unit,
            source: source.clone(),
            points: Vec::new(),
        };
        let point = Point { at_ns: self.run_ns + at_ns, value };
        self.series.entry(key).or_insert_with(new).points.push(point);
    }
}

/// What a counter grew by a second of the time that was seen. A slow sensor tells of a moment after it, so that more than
/// the time between two moments may have been seen in it.
fn rate(before: Before, now: Before) -> Option<f64> {
    let (all, seen) = (now.at_ns.checked_sub(before.at_ns)? as f64, now.seen_ns - before.seen_ns);
    let rate = (now.value - before.value) / (seen * 1e-9);
    (all > 0.0 && seen >= SEEN * all && rate.is_finite() && rate >= 0.0).then_some(rate)
}

/// See the module.
pub(crate) struct Watch {
    meters: Shared,
    seen: Arc<Mutex<Seen>>,
    /// Dropped to stop the thread.
    stop: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    /// Watches `meters` from now on, for a sitting that began at `began` and at `run_ns` of its run.
    pub(crate) fn start(meters: &Shared, began: Instant, run_ns: u64) -> Watch {
        let mut seen =
            Seen { began, run_ns, series: BTreeMap::new(), counters: BTreeMap::new(), moments: 0, told: 0 };
        seen.take(meters);
        let (seen, meters) = (Arc::new(Mutex::new(seen)), Arc::clone(meters));
        let (stop, stopped) = sync_channel(0);
        let (theirs, read) = (Arc::clone(&seen), Arc::clone(&meters));
        let work = move || {
            adieu_meter::alloc::pin_thread(adieu_meter::alloc::Category::Other);
            let mut every = FIRST;
            while stopped.recv_timeout(every) == Err(RecvTimeoutError::Timeout) {
                let mut seen = theirs.lock().unwrap_or_else(PoisonError::into_inner);
                seen.take(&read);
                if seen.moments.is_multiple_of(MOMENTS) {
                    every *= 2;
                }
            }
        };
        // Without a thread there are the moments that somebody asks for.
        let thread = std::thread::Builder::new().name("series".into()).spawn(work).ok();
        Watch { meters, seen, stop: Some(stop), thread }
    }

    /// Whether many moments were not told yet.
    pub(crate) fn much_seen(&self) -> bool {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.moments - seen.told >= MUCH
    }

    /// What was seen since it was last told; with `now`, this moment too.
    pub(crate) fn told(&self, now: bool) -> Vec<Series> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if now {
            seen.take(&self.meters);
        }
        seen.told = seen.moments;
        std::mem::take(&mut seen.series).into_values().collect()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It only sleeps and reads; what it did not see is not told.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(name: &str, part: Option<&str>, value: f64, coverage: f64) -> Reading {
        let value = Value::Measured { value, source: "a test".into(), coverage };
        Reading { name: name.into(), part: part.map(Into::into), unit: Unit::Joules, value }
    }

    fn seen() -> Seen {
        let (series, counters) = (BTreeMap::new(), BTreeMap::new());
        Seen { began: Instant::now(), run_ns: 1_000, series, counters, moments: 0, told: 0 }
    }

    fn points(seen: &Seen, name: &'static str, part: Option<&str>) -> Vec<(u64, f64)> {
        let series = seen.series.get(&(name, part.map(Into::into)));
        series.map(|s| s.points.iter().map(|p| (p.at_ns, p.value)).collect()).unwrap_or_default()
    }

    #[test]
    fn power_is_energy_over_the_time_that_was_seen() {
        const S: u64 = 1_000_000_000;
        let mut all = seen();
        let cases = [
            (1, 10.0, 1.0),
            (2, 30.0, 1.0),
            (3, 35.0, 5.0 / 6.0),
            (4, 36.0, 0.65),
            (5, 66.0, 0.82),
            (6, 20.0, 0.7),
        ];
        for (second, joules, coverage) in cases {
            all.add(&reading("energy", Some("package-0"), joules, coverage), second * S);
        }
        // 20 J in 1 s; 5 J in the half second that was seen; a tenth seen; 30 J in 1.5 s told late; less than before.
        let found = points(&all, "power", Some("package-0"));
        assert_eq!(found.len(), 3, "{found:?}");
        for ((at, watts), (second, expected)) in found.into_iter().zip([(2, 20.0), (3, 10.0), (5, 20.0)]) {
            assert_eq!(at, second * S + 1_000);
            assert!((watts - expected).abs() < 1e-6, "{watts} {expected}");
        }
        assert!(points(&all, "power", None).is_empty());
    }

    #[test]
    fn what_cannot_be_read_has_no_point() {
        let mut all = seen();
        all.add(&reading("resident", None, 5e6, 1.0), 7);
        all.add(&Reading::unavailable("resident", None, Unit::Bytes, "gone", "none"), 8);
        all.add(&reading("resident", None, 6e6, 1.0), 9);
        all.add(&reading("resident_peak", None, 6e6, 1.0), 9);
        assert_eq!(points(&all, "resident", None), [(1_007, 5e6), (1_009, 6e6)]);
        assert_eq!(all.series.len(), 1);
    }

    #[test]
    fn moments_come_by_themselves_and_are_told_once() {
        let meters: Shared = Arc::new(Mutex::new(adieu_meter::all(&adieu_meter::Setup::default())));
        let watch = Watch::start(&meters, Instant::now(), 0);
        let first = watch.told(true);
        let times = |series: &[Series]| -> Vec<usize> { series.iter().map(|s| s.points.len()).collect() };
        assert!(times(&first).iter().all(|n| (1..=3).contains(n)), "{first:?}");
        let again = watch.told(false);
        assert!(times(&again).iter().all(|n| *n <= 1), "{again:?}");
    }
}
