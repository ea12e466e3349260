//! The meters of one sitting of a run, told as the run's own.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use adieu_meter::clocks::Clocks;
use adieu_record::{Reading, Series, Unit, Value};

use crate::baseline::Baseline;
use crate::clock::Totals;
use crate::counters::Counters;
use crate::instruments;
use crate::loader::Busy;
use crate::series::{Shared, Watch, lock};

/// See the module, and [`Counters`].
pub(crate) struct Meters {
    meters: Shared,
    counters: Counters,
    wall_before_s: f64,
    peak_is_ours: bool,
    baseline: Baseline,
    watch: Watch,
    /// What the run's loader did, for it to fill in.
    pub(crate) loader: Arc<Busy>,
}

impl Meters {
    /// Starts now, on top of what an interrupted run had counted; the sitting began at `began`, at `run_ns` of its run.
    pub(crate) fn start(before: &Totals, baseline: Baseline, began: Instant, run_ns: u64) -> Meters {
        let setup = instruments::chosen();
        let root = setup.root.as_path();
        let wall_before_ns: u64 = before.phases.iter().map(|phase| phase.time_ns).sum();
        let wall_before_s = wall_before_ns as f64 / 1e9;
        let peak_is_ours = adieu_meter::resident::reset_peak(root).is_ok();
        let mut meters = adieu_meter::all(setup);
        let (loader, mut readings) = (Arc::<Busy>::default(), Vec::new());
        meters.iter_mut().for_each(|meter| meter.read(&mut readings));
        // A fresh run begins at zero; one taken up again only knows what its checkpoint knew.
        let counted = (!before.phases.is_empty()).then(|| before.counters.clone());
        let counters = Counters::start(counted, wall_before_s, &readings);
        meters.push(Box::new(Clocks::below(root)));
        let meters = Arc::new(Mutex::new(meters));
        let watch = Watch::start(&meters, began, run_ns);
        Meters { meters, counters, wall_before_s, peak_is_ours, baseline, watch, loader }
    }

    /// Whether much was seen that was not told yet.
    pub(crate) fn much_seen(&self) -> bool {
        self.watch.much_seen()
    }

    /// What was seen over time since it was last told; with `now`, this moment too.
    pub(crate) fn series(&self, now: bool) -> Vec<Series> {
        self.watch.told(now)
    }

    /// All readings, as the run's own.
    pub(crate) fn read(&mut self, totals: &Totals) -> Vec<Reading> {
        let mut readings = Vec::new();
        // Clocks tell of a moment, which says nothing of a run; they are in the series.
        lock(&self.meters).iter_mut().filter(|meter| meter.name() != "clock").for_each(|meter| {
            meter.read(&mut readings);
        });
        let value =
            |name: &str| readings.iter().find(|reading| reading.name == name).map(|r| r.value.clone());
        let wall_s = match value("wall") {
            Some(Value::Measured { value, .. }) => value,
            _ => 0.0,
        };
        if let Some(energy) = value("energy") {
            readings.extend(self.baseline.readings(&energy, wall_s));
        }
        for (part, seconds) in ["fetch", "prepare"].into_iter().zip(self.loader.seconds()) {
            readings.push(Reading::measured("loader", Some(part), Unit::Seconds, seconds, "the loader"));
        }
        for reading in &mut readings {
            self.counters.own(reading, wall_s);
            match (reading.name.as_str(), &mut reading.value) {
                ("wall", Value::Measured { value, .. }) => *value += self.wall_before_s,
                ("resident_peak", Value::Measured { .. }) if !self.peak_is_ours => {
                    let why = "the kernel cannot forget the peak of what this process did before the run";
                    let remedy = "use allocated_peak, or a Linux kernel with /proc/self/clear_refs";
                    *reading = Reading::unavailable("resident_peak", None, Unit::Bytes, why, remedy);
                }
                _ => {}
            }
        }
        let (macs, held) = (totals.macs as f64, totals.held_peak as f64);
        let by = "counted by the learner";
        readings.push(Reading::measured("multiply_adds", None, Unit::MultiplyAdds, macs, by));
        readings.push(Reading::measured("saved_peak", None, Unit::Bytes, held, "chess clock"));
        readings
    }

    /// As [`Meters::read`], at the end of the run: and whether the machine is still as fast as it was. That comes last, so
    /// that no peak is its.
    pub(crate) fn read_finally(&mut self, totals: &Totals) -> Vec<Reading> {
        let mut readings = self.read(totals);
        readings.extend(self.baseline.calibration());
        readings
    }
}
