//! What a step of training and an answer cost: time by phase and layer, latency, throughput, memory, energy.
//!
//! Latencies are those of single calls after a warm-up, on rows that are already in memory; an answer's memory is what is
//! allocated while it is worked out, weights and rows apart. Energy is that of whole loops, never of one call, and is
//! what the machine took meanwhile ([`Joules::gross`]), and that less what it takes when idle.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use adieu_core::learn::{Learner, StepCx};
use adieu_core::parts::Batch;
use adieu_core::parts::block::Block;
use adieu_core::parts::host::view;
use adieu_meter::alloc::{self, Category};
use adieu_meter::energy::Energy;
use adieu_record::{PhaseTime, Split, Value};
use serde::Serialize;

use crate::baseline::{gross, idle_watts, net};
use crate::clock::{ChessClock, Slot, Totals};
use crate::instruments;
use crate::loader::{Busy, Loader};
use crate::sink::Flow;
use crate::trainer::latest;
use crate::{Error, Plan, Recipe, RunFolder};

/// What to measure.
#[derive(Clone, Debug)]
pub struct Extent {
    /// Steps of training, after as many as [`WARM_STEPS`] that do not count.
    pub steps: u64,
    /// Time of each loop of answers.
    pub each: Duration,
    /// Rows answered at once.
    pub batches: Vec<usize>,
}

/// Steps before those that count.
pub const WARM_STEPS: u64 = 5;
/// Calls before those that count.
const WARM_CALLS: usize = 3;

/// What was measured.
#[derive(Clone, Debug, Serialize)]
pub struct Profile {
    /// W of the idle machine before the loops, or why it is not known.
    pub idle_watts: Value,
    /// A step of training.
    pub training: Training,
    /// Answers, by read-out and batch.
    pub inference: Vec<Inference>,
}

/// Steps of training, one after the other.
#[derive(Clone, Debug, Serialize)]
pub struct Training {
    /// Steps that count.
    pub steps: u64,
    /// Rows of each.
    pub rows: u64,
    /// s of all of them.
    pub seconds: f64,
    /// Of that, by phase and layer; `stall` is waiting for rows.
    pub phases: Vec<PhaseTime>,
    /// s that belong to no phase.
    pub unaccounted_s: f64,
    /// Multiply-adds of all of them.
    pub macs: u64,
    /// Most bytes allocated at once, weights and data included; `None` without the counting allocator.
    pub peak_bytes: Option<u64>,
    /// Of all of them.
    pub energy: Joules,
}

/// Answers by one read-out to so many rows at once.
#[derive(Clone, Debug, Serialize)]
pub struct Inference {
    /// The read-out.
    pub readout: String,
    /// Rows of a call.
    pub rows: usize,
    /// Calls that count.
    pub calls: usize,
    /// s of a call: median, 95th and 99th percentile; the latter two only of 20 and 100 calls or more.
    pub p50_s: f64,
    /// See `p50_s`.
    pub p95_s: Option<f64>,
    /// See `p50_s`.
    pub p99_s: Option<f64>,
    /// Rows a second, over the whole loop.
    pub rows_per_s: f64,
    /// Most bytes allocated at once beyond what was there before; `None` without the counting allocator.
    pub peak_bytes: Option<u64>,
    /// Of all calls.
    pub energy: Joules,
}

/// Energy of a loop.
#[derive(Clone, Debug, Serialize)]
pub struct Joules {
    /// J that the machine took.
    pub gross: Value,
    /// J beyond those of the idle machine.
    pub net: Value,
}

/// A plan with its network, ready to be profiled.
pub struct Subject {
    plan: Arc<Plan>,
    net: Vec<Box<dyn Block>>,
    learner: Box<dyn Learner>,
    step: u64,
}

impl Subject {
    /// The network of a plan before its first step.
    pub fn fresh(plan: Plan) -> Subject {
        let mut net = plan.network();
        let learner = plan.recipe.learner.build(&mut net, &plan.task);
        Subject { plan: Arc::new(plan), net, learner, step: 0 }
    }

    /// The network of a run as its latest checkpoint has it. The run is left as it is.
    ///
    /// # Errors
    /// [`Error::Folder`] if there is no run or no checkpoint; those of its recipe, its data and its checkpoint.
    pub fn of_run(path: &Path) -> Result<Subject, Error> {
        let folder = RunFolder::open(path)?;
        let file = folder.recipe_path();
        let plan = Plan::of(Recipe::read(&file)?, &file.display().to_string())?;
        let mut subject = Subject::fresh(plan);
        let found = latest(&folder, &mut subject.net, subject.learner.as_mut())?;
        let (_, position) = found.ok_or_else(|| Error::Folder {
            path: path.into(),
            what: "no checkpoint was saved yet".into(),
            remedy: format!("train it first: `adieu resume {}`, or profile its recipe", path.display()),
        })?;
        subject.step = position.step;
        Ok(subject)
    }

    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Steps that were done.
    pub fn step(&self) -> u64 {
        self.step
    }

    /// Measures; `told` hears what, and may stop it: then there is nothing. Answers come first, from the network as it
    /// is; the steps change it.
    ///
    /// # Errors
    /// [`Error::Diverged`] if a step diverges.
    pub fn measure(
        mut self,
        extent: &Extent,
        told: &mut dyn FnMut(&str) -> Flow,
    ) -> Result<Option<Profile>, Error> {
        let idle_watts = idle_watts(instruments::chosen());
        let mut inference = Vec::new();
        for readout in self.learner.readouts() {
            for rows in &extent.batches {
                if matches!(told(&format!("{readout}, {rows} rows at once")), Flow::Stop) {
                    return Ok(None);
                }
                inference.push(self.answers(readout, *rows, extent.each, &idle_watts));
            }
        }
        if matches!(told("steps of training"), Flow::Stop) {
            return Ok(None);
        }
        let training = self.training(extent.steps, &idle_watts)?;
        Ok(Some(Profile { idle_watts, training, inference }))
    }

    fn answers(&self, readout: &str, rows: usize, each: Duration, idle: &Value) -> Inference {
        let test = self.plan.rows(Split::Test);
        let count = test.len().max(1);
        // Several different batches, so that no call finds its rows in the cache of the one before.
        let batches: Vec<_> = (0..8)
            .map(|b| {
                let ids: Vec<u32> = (0..rows).map(|i| test[(b * rows + i) % count]).collect();
                self.plan.batch_of(Split::Test, &ids)
            })
            .collect();
        let _category = alloc::enter(Category::Activations);
        let call = |i: usize| {
            let scores = self.learner.predict(&self.net, &batches[i % batches.len()].x, readout);
            std::hint::black_box(view(&scores).first().copied());
        };
        (0..WARM_CALLS).for_each(call);
        let before = alloc::total().live;
        alloc::reset_peaks();
        call(0);
        let peak_bytes = alloc::installed().then(|| alloc::total().peak.saturating_sub(before));
        let mut meter = Energy::of(instruments::chosen());
        let (mut times, start) = (Vec::new(), Instant::now());
        while start.elapsed() < each || times.len() < WARM_CALLS {
            let began = Instant::now();
            call(times.len());
            times.push(began.elapsed().as_secs_f64());
        }
        let seconds = start.elapsed().as_secs_f64();
        let energy = joules(&mut meter, seconds, idle);
        times.sort_by(f64::total_cmp);
        Inference {
            readout: readout.into(),
            rows,
            calls: times.len(),
            p50_s: quantile(&times, 0.5),
            p95_s: (times.len() >= 20).then(|| quantile(&times, 0.95)),
            p99_s: (times.len() >= 100).then(|| quantile(&times, 0.99)),
            rows_per_s: (rows * times.len()) as f64 / seconds,
            peak_bytes,
            energy,
        }
    }

    fn training(&mut self, steps: u64, idle: &Value) -> Result<Training, Error> {
        self.steps(WARM_STEPS, &mut ChessClock::start(Totals::default()))?;
        alloc::reset_peaks();
        let mut meter = Energy::of(instruments::chosen());
        let start = Instant::now();
        let mut clock = ChessClock::start(Totals::default());
        self.steps(steps, &mut clock)?;
        let totals = clock.totals();
        let seconds = start.elapsed().as_secs_f64();
        let accounted: u64 = totals.phases.iter().map(|phase| phase.time_ns).sum();
        Ok(Training {
            steps,
            rows: self.plan.recipe.train.batch,
            seconds,
            phases: totals.phases,
            unaccounted_s: (seconds - accounted as f64 * 1e-9).max(0.0),
            macs: totals.macs,
            peak_bytes: alloc::installed().then(|| alloc::total().peak),
            energy: joules(&mut meter, seconds, idle),
        })
    }

    /// Goes on learning for `steps` steps: seconds of all of them, multiply-adds, most bytes held for credit at once.
    pub(crate) fn timed(&mut self, steps: u64) -> Result<(f64, u64, u64), Error> {
        let (mut clock, start) = (ChessClock::start(Totals::default()), Instant::now());
        self.steps(steps, &mut clock)?;
        let (seconds, totals) = (start.elapsed().as_secs_f64(), clock.totals());
        Ok((seconds, totals.macs, totals.held_peak))
    }

    /// The bytes of a step by the learner's own formula, if it states one.
    pub(crate) fn step_bytes(&self) -> Option<u64> {
        self.learner.step_bytes(&self.net, self.plan.recipe.train.batch as usize)
    }

    /// Goes on learning for `steps` steps, from batches as a run's, or from one batch again and again: seconds of waiting.
    pub(crate) fn stalled(&mut self, steps: u64, one_batch: bool, busy: &Arc<Busy>) -> Result<f64, Error> {
        let mut clock = ChessClock::start(Totals::default());
        if one_batch {
            let rows = self.plan.rows(Split::Train).into_iter();
            let ids: Vec<u32> = rows.take(self.plan.recipe.train.batch as usize).collect();
            let batch = self.plan.batch_of(Split::Train, &ids);
            let mut again = || Batch { x: batch.x.clone(), labels: batch.labels.clone(), ids: ids.clone() };
            self.steps_from(&mut std::iter::repeat_with(&mut again), steps, &mut clock)?;
        } else {
            let mut loader = Loader::start(&self.plan, self.step, self.step + steps, busy);
            self.steps_from(&mut loader, steps, &mut clock)?;
        }
        let is_stall = |phase: &&PhaseTime| phase.phase == "stall";
        let stall_ns: u64 = clock.totals().phases.iter().filter(is_stall).map(|phase| phase.time_ns).sum();
        Ok(stall_ns as f64 * 1e-9)
    }

    /// Goes on learning, as a run would, whole epochs and beyond.
    fn steps(&mut self, steps: u64, clock: &mut ChessClock) -> Result<(), Error> {
        let mut loader = Loader::start(&self.plan, self.step, self.step + steps, &Arc::default());
        self.steps_from(&mut loader, steps, clock)
    }

    fn steps_from(
        &mut self,
        batches: &mut dyn Iterator<Item = Batch>,
        steps: u64,
        clock: &mut ChessClock,
    ) -> Result<(), Error> {
        let per_epoch = self.plan.steps_per_epoch();
        let first = self.step;
        for _ in 0..steps {
            clock.to(Slot::Stall);
            if self.step == first || self.step.is_multiple_of(per_epoch) {
                // A run that is at its end is profiled as it was in its last epoch.
                self.learner.epoch((self.step / per_epoch + 1).min(self.plan.recipe.train.epochs));
            }
            let taken = batches.next().expect("a batch for every step");
            self.step += 1;
            let _category = alloc::enter(Category::Activations);
            let mut cx = StepCx { seed: self.plan.recipe.seed, step: self.step, clock: &mut *clock };
            let said = self.learner.step(&mut self.net, &taken, &mut cx);
            clock.to(Slot::Log);
            said.map_err(|diverged| Error::Diverged { step: self.step, what: diverged.to_string() })?;
        }
        Ok(())
    }
}

/// The joules of a loop of so many seconds, with and without those of the idle machine.
fn joules(meter: &mut Energy, seconds: f64, idle: &Value) -> Joules {
    let gross = gross(meter);
    let net = net(&gross, idle, seconds);
    Joules { gross, net }
}

/// The value below which a share `q` of the sorted values lies: the smallest that has at least that share at or below it.
fn quantile(sorted: &[f64], q: f64) -> f64 {
    let at = (q * sorted.len() as f64).ceil() as usize;
    sorted[at.clamp(1, sorted.len()) - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_were_seen() {
        let hundred: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!([0.5, 0.95, 0.99, 1.0].map(|q| quantile(&hundred, q)), [50.0, 95.0, 99.0, 100.0]);
        assert_eq!([0.0, 0.5, 0.99].map(|q| quantile(&[7.0, 8.0, 9.0], q)), [7.0, 8.0, 9.0]);
    }

    #[test]
    fn idle_joules_are_taken_off_and_what_is_unknown_stays_unknown() {
        let measured = |value| Value::Measured { value, source: "a test".into(), coverage: 1.0 };
        let unknown = Value::Unavailable { why: "no sensor".into(), remedy: "another machine".into() };
        let root = tempfile::tempdir().expect("a folder");
        let mut blind = Energy::below(root.path());
        let found = joules(&mut blind, 2.0, &measured(5.0));
        assert!(matches!((found.gross, found.net), (Value::Unavailable { .. }, Value::Unavailable { .. })));
        let chip = root.path().join("sys/class/powercap/intel-rapl:0");
        std::fs::create_dir_all(&chip).expect("a folder");
        std::fs::write(chip.join("name"), "package-0").expect("a file");
        std::fs::write(chip.join("energy_uj"), "1000").expect("a file");
        let seen = |idle: &Value| {
            std::fs::write(chip.join("energy_uj"), "1000").expect("a file");
            let mut meter = Energy::below(root.path());
            std::thread::sleep(Duration::from_millis(20));
            std::fs::write(chip.join("energy_uj"), "3001000").expect("a file");
            joules(&mut meter, 0.5, idle)
        };
        let found = seen(&measured(2.0));
        let joules = |value: &Value| match value {
            Value::Measured { value, .. } => *value,
            other => panic!("{other:?}"),
        };
        assert!(
            (joules(&found.gross) - 3.0).abs() < 1e-9 && (joules(&found.net) - 2.0).abs() < 1e-9,
            "{found:?}"
        );
        assert!(matches!(seen(&unknown).net, Value::Unavailable { .. }));
    }
}
