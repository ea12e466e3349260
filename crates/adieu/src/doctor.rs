//! What this machine lets itself be measured by, and what measuring costs.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use adieu_meter::{Meter, Setup, sensors};
use adieu_record::Reading;
use adieu_report::stats::Estimate;

use crate::baseline::Work;
use crate::sink::Flow;

/// One reading of one sensor.
#[derive(Clone, Debug)]
pub struct Source {
    /// Name of the meter.
    pub meter: &'static str,
    /// What it read, or why it read nothing.
    pub reading: Reading,
    /// Smallest step of the reading, in its unit.
    pub resolution: f64,
    /// Time of one reading of the whole meter, the median of several, ns.
    pub cost_ns: u64,
}

/// Times each meter is read.
const READ: usize = 5;

/// Reads every sensor, over at least `window` for those that tell of a time, and longer where one is slow.
pub fn examine(setup: &Setup, window: Duration) -> Vec<Source> {
    let mut meters = sensors(setup);
    let mut readings = Vec::new();
    meters.iter_mut().for_each(|meter| meter.read(&mut readings));
    std::thread::sleep(window.max(setup.patience()));
    meters.iter_mut().flat_map(|meter| sources(meter.as_mut())).collect()
}

fn sources(meter: &mut dyn Meter) -> Vec<Source> {
    let mut readings = Vec::new();
    let mut costs: Vec<u64> = (0..READ)
        .map(|_| {
            readings.clear();
            let start = Instant::now();
            meter.read(&mut readings);
            start.elapsed().as_nanos() as u64
        })
        .collect();
    costs.sort_unstable();
    let (name, resolution) = (meter.name(), meter.about().resolution);
    let source = |reading| Source { meter: name, reading, resolution, cost_ns: costs[READ / 2] };
    readings.into_iter().map(source).collect()
}

/// What the sensors cost a fixed piece of work.
#[derive(Clone, Debug)]
pub struct Overhead {
    /// Seconds of the work with the sensors, each read as it begins and once a second, and without.
    pub pairs: Vec<(f64, f64)>,
    /// Time with over time without.
    pub ratio: Estimate,
    /// Processor time of one reading of all sensors, in the mean, s.
    pub reading_s: f64,
}

/// Time between two readings of all sensors. A run reads them once an epoch; rails of energy look to themselves.
const EVERY: Duration = Duration::from_secs(1);

/// Does the same work `2 × pairs` times, on, off, off, on, …, each for about `each`. `told` hears how many pairs are done,
/// and may stop it; then there is nothing.
///
/// # Panics
/// If there are no pairs.
pub fn overhead(
    setup: &Setup,
    pairs: usize,
    each: Duration,
    told: &mut dyn FnMut(usize) -> Flow,
) -> Option<Overhead> {
    let mut work = Work::new();
    let calibrated = Instant::now();
    let mut products = 0_u32;
    while calibrated.elapsed() < each {
        work.product();
        products += 1;
    }
    let (mut timed, mut reading_s) = (Vec::new(), Vec::new());
    for pair in 0..pairs {
        let mut of_pair = (0.0, 0.0);
        for on in [pair % 2 == 0, pair % 2 != 0] {
            if on {
                let (seconds, cost) = watched(setup, || work.time(products));
                of_pair.0 = seconds;
                reading_s.extend(cost);
            } else {
                of_pair.1 = work.time(products);
            }
        }
        timed.push(of_pair);
        if matches!(told(pair + 1), Flow::Stop) {
            return None;
        }
    }
    let ratio = Estimate::of_ratios(&timed).expect("times are positive, and there is one");
    let reading_s = reading_s.iter().sum::<f64>() / reading_s.len().max(1) as f64;
    Some(Overhead { pairs: timed, ratio, reading_s })
}

/// What `work` says while every sensor is read at once and then every second, and the time of each reading.
fn watched(setup: &Setup, work: impl FnOnce() -> f64) -> (f64, Vec<f64>) {
    let mut meters = sensors(setup);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let (mut readings, mut costs) = (Vec::new(), Vec::new());
            // once at least, however late this thread comes
            while costs.is_empty() || !done.load(Ordering::Relaxed) {
                let start = Instant::now();
                readings.clear();
                meters.iter_mut().for_each(|meter| meter.read(&mut readings));
                costs.push(start.elapsed().as_secs_f64());
                std::thread::park_timeout(EVERY.saturating_sub(start.elapsed()));
            }
            costs
        });
        let seconds = work();
        done.store(true, Ordering::Relaxed);
        reader.thread().unpark();
        // It only reads; a panic there is a fault of ours that shall be seen.
        let costs = reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        (seconds, costs)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sensor_is_examined_and_what_is_missing_has_a_remedy() {
        let empty = tempfile::tempdir().expect("a folder");
        for setup in [Setup::default(), Setup::below(empty.path())] {
            let sources = examine(&setup, Duration::ZERO);
            let meters: std::collections::BTreeSet<_> = sources.iter().map(|source| source.meter).collect();
            assert_eq!(meters.len(), sensors(&setup).len());
            assert!(sources.iter().all(|source| source.cost_ns > 0));
        }
    }

    #[test]
    fn pairs_are_as_many_as_asked_and_a_stop_is_heard() {
        let each = Duration::from_millis(2);
        let mut told = Vec::new();
        let mut go_on = |done| {
            told.push(done);
            Flow::Continue
        };
        let found = overhead(&Setup::default(), 3, each, &mut go_on).expect("nobody stops it");
        assert_eq!((found.pairs.len(), found.ratio.n, told), (3, 3, vec![1, 2, 3]));
        assert!(found.reading_s > 0.0 && found.ratio.interval.is_some(), "{found:?}");
        assert!(overhead(&Setup::default(), 3, each, &mut |_| Flow::Stop).is_none());
    }
}
