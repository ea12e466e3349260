//! The trainer: the only source of events. It knows a learner by `step`, `predict` and its parameters, and nothing of
//! how learning works.

use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use adieu_core::learn::{Diverged, Goal, Learner, Scalar, StepCx};
use adieu_core::parts::block::Block;
use adieu_data::Dataset;
use adieu_meter::alloc::{self, Category};
use adieu_record::jsonl::Writer;
use adieu_record::{Event, Outcome, PictureKind, Reading, Split, Stamped};

use crate::baseline::Baseline;
use crate::checkpoint::{self, Position};
use crate::clock::{ChessClock, Slot, Totals};
use crate::counters::Counters;
use crate::evaluate::{At, Cut, Judgement, judge, sample};
use crate::instruments;
use crate::loader::Loader;
use crate::meters::Meters;
use crate::pictures;
use crate::plan::{Built, Plan};
use crate::recipe::locate;
use crate::run::{RunFolder, checkpoint_name};
use crate::sink::{Flow, Progress, Sink};
use crate::start::describe;
use crate::window::Window;
use crate::{Error, Recipe};

/// How a run ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// All outcomes are results; only `Failed` comes as an error instead.
    pub outcome: Outcome,
    /// Steps done.
    pub steps: u64,
}

/// Runs `plan` in the new folder `path`.
///
/// # Errors
/// Whatever keeps the run from going on: a folder or disk that refuses, a listener that gives up. What was reached is
/// saved if it can be, and the record says why it failed. Divergence and interruption are no errors.
pub fn train(plan: Plan, path: &Path, sinks: &mut [&mut dyn Sink]) -> Result<Ended, Error> {
    let folder = RunFolder::create(path, &plan.recipe)?;
    let writer = Writer::create(&folder.events())?;
    let baseline = Baseline::measure(instruments::chosen());
    alloc::reset_peaks();
    let built = build(&plan);
    let session = Session::begin(plan, folder, writer, sinks, Totals::default(), built, baseline);
    let start = {
        let learner = session.learner.as_ref();
        describe(&session.plan, session.plan.describe(&session.net, learner), learner.readouts(), unix_ms())
    };
    session.guarded(|session| {
        session.emit(Event::RunStarted(Box::new(start)))?;
        if let Some(warned) = session.plan.left_out() {
            session.emit(warned)?;
        }
        session.run()
    })
}

/// Goes on with the run in `path` from its latest whole checkpoint; the result is the uninterrupted run's, bit for bit.
/// `data` is read anew unless it is given.
///
/// # Errors
/// As [`train`]; [`Error::Folder`] if the run is over or was never begun.
pub fn resume(path: &Path, data: Option<Arc<Dataset>>, sinks: &mut [&mut dyn Sink]) -> Result<Ended, Error> {
    let folder = RunFolder::open(path)?;
    let (recipe, file) = (folder.recipe_path(), folder.recipe_path().display().to_string());
    let text = std::fs::read_to_string(&recipe).map_err(Error::io(&recipe, "read the recipe"))?;
    let recipe = Recipe::parse(&text, &file)?;
    let plan = match data {
        Some(data) => Plan::on(recipe, data, &file),
        None => Plan::of(recipe, &file),
    };
    let plan = plan.map_err(|error| match error {
        Error::Recipe(faults) => locate(faults, &text).into(),
        other => other,
    })?;
    refuse_if_over(&folder)?;
    let (mut net, mut learner) = build(&plan);
    let Some((path, position)) = latest(&folder, &mut net, learner.as_mut())? else {
        // Nothing was saved before the end came: the run begins again, and its record with it. Killed at any point
        // here, the folder still holds the recipe.
        folder.write_recipe(&plan.recipe)?;
        let old = folder.events().with_extension("jsonl.old");
        std::fs::rename(folder.events(), &old).map_err(Error::io(&old, "set the old record aside"))?;
        return train(plan, folder.path(), sinks);
    };
    let baseline = Baseline::measure(instruments::chosen());
    alloc::reset_peaks();
    let checkpoint = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let resumed = Event::Resumed { checkpoint, step: position.step, train_ns: position.train_ns };
    let writer = Writer::append(&folder.events())?;
    let built = (net, learner);
    let mut session = Session::begin(plan, folder, writer, sinks, position.totals, built, baseline);
    session.step = position.step;
    session.guarded(|session| {
        session.emit(resumed)?;
        session.run()
    })
}

fn refuse_if_over(folder: &RunFolder) -> Result<(), Error> {
    let record = adieu_record::jsonl::read(&folder.events())?;
    let ended = record.events.iter().rev().find_map(|stamped| match &stamped.event {
        Event::RunEnded { outcome, .. } => Some(outcome),
        _ => None,
    });
    let after_end = record.events.last().is_some_and(|last| !matches!(last.event, Event::RunEnded { .. }));
    let what = match ended {
        Some(Outcome::Finished) if !after_end => "the run is finished",
        Some(Outcome::Diverged { .. }) if !after_end => "the run diverged, and would again",
        _ => return Ok(()),
    };
    let remedy =
        "there is nothing to go on with; `adieu report` shows it, another recipe or seed makes another run";
    Err(Error::Folder { path: folder.path().into(), what: what.into(), remedy: remedy.into() })
}

/// Network and learner as they are before the first step.
pub(crate) fn build(plan: &Plan) -> Built {
    let mut net = {
        let _category = alloc::enter(Category::Parameters);
        plan.network()
    };
    let _category = alloc::enter(Category::Optimizer);
    let learner = plan.recipe.learner.build(&mut net, &plan.task);
    (net, learner)
}

/// Loads the latest checkpoint that is whole; a damaged one is passed over for the one before.
pub(crate) fn latest(
    folder: &RunFolder,
    net: &mut [Box<dyn Block>],
    learner: &mut dyn Learner,
) -> Result<Option<(std::path::PathBuf, Position)>, Error> {
    let mut first_fault = None;
    for (_, path) in folder.checkpoints()? {
        match checkpoint::load(&path, net, learner) {
            Ok(position) => return Ok(Some((path, position))),
            Err(fault) => first_fault = first_fault.or(Some(fault)),
        }
    }
    first_fault.map_or(Ok(None), Err)
}

fn unix_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

/// Why a session leaves its loop early.
enum Leave {
    Asked,
    Diverged { layer: Option<usize>, what: String },
    Failed(Error),
}

impl From<Diverged> for Leave {
    fn from(Diverged { layer, what }: Diverged) -> Leave {
        Leave::Diverged { layer, what: what.into() }
    }
}

impl From<Error> for Leave {
    fn from(error: Error) -> Leave {
        Leave::Failed(error)
    }
}

/// One sitting of a run: from its start or a checkpoint to its end or an interruption.
struct Session<'a, 'b> {
    plan: Arc<Plan>,
    folder: RunFolder,
    writer: Writer,
    sinks: &'a mut [&'b mut dyn Sink],
    clock: ChessClock,
    meters: Meters,
    net: Vec<Box<dyn Block>>,
    learner: Box<dyn Learner>,
    step: u64,
    window: Window,
    asked_to_stop: bool,
    /// `at_ns` of the record before this sitting.
    at_ns_before: u64,
}

impl<'a, 'b> Session<'a, 'b> {
    fn begin(
        plan: Plan,
        folder: RunFolder,
        writer: Writer,
        sinks: &'a mut [&'b mut dyn Sink],
        totals: Totals,
        (net, learner): Built,
        baseline: Baseline,
    ) -> Self {
        let at_ns_before = writer.last_at_ns();
        let clock = ChessClock::start(totals.clone());
        let meters = Meters::start(&totals, baseline, clock.began(), at_ns_before);
        let (step, window, asked_to_stop) = (0, Window::default(), false);
        Session {
            plan: Arc::new(plan),
            folder,
            writer,
            sinks,
            clock,
            meters,
            net,
            learner,
            step,
            window,
            asked_to_stop,
            at_ns_before,
        }
    }

    /// Runs `work` and turns however it ends into the record's last event.
    fn guarded(mut self, work: impl FnOnce(&mut Self) -> Result<(), Leave>) -> Result<Ended, Error> {
        let outcome = match work(&mut self) {
            Ok(()) => Outcome::Finished,
            Err(Leave::Asked) => match self.leave_in_order() {
                Ok(()) => Outcome::Interrupted,
                Err(error) => return self.failed(error),
            },
            Err(Leave::Diverged { layer, what }) => {
                Outcome::Diverged { layer: layer.map(|layer| layer as u64), step: self.step, what }
            }
            Err(Leave::Failed(error)) => return self.failed(error),
        };
        self.end(outcome.clone())?;
        Ok(Ended { outcome, steps: self.step })
    }

    fn leave_in_order(&mut self) -> Result<(), Error> {
        self.flush_window()?;
        self.save()?;
        self.meter(progress(&self.plan, self.step, &self.clock).epoch)
    }

    fn failed(mut self, error: Error) -> Result<Ended, Error> {
        // The record may be what failed; the first error is the one to tell.
        let _ = self.end(Outcome::Failed { why: error.to_string() });
        Err(error)
    }

    fn end(&mut self, outcome: Outcome) -> Result<(), Error> {
        let event = Event::RunEnded { outcome, steps: self.step, train_ns: self.clock.train_ns() };
        self.emit(event)
    }

    fn run(&mut self) -> Result<(), Leave> {
        let per_epoch = self.plan.steps_per_epoch();
        let mut loader = Loader::start(&self.plan, self.step, self.plan.steps(), &self.meters.loader);
        while self.step < self.plan.steps() {
            let epoch = self.step / per_epoch + 1;
            self.epoch(epoch, per_epoch, &mut loader)?;
        }
        drop(loader);
        self.judge_finally()
    }

    fn epoch(&mut self, epoch: u64, per_epoch: u64, loader: &mut Loader) -> Result<(), Leave> {
        let gain = self.learner.epoch(epoch);
        if self.step.is_multiple_of(per_epoch) {
            self.emit(Event::EpochStarted { epoch, gain })?;
        }
        let end = epoch * per_epoch;
        while self.step < end {
            let log_every = self.plan.recipe.train.log_every;
            if self.learner.overlaps() {
                let most = (log_every - self.step % log_every).min(end - self.step);
                self.steps_side_by_side(loader, most)?;
            } else {
                self.one_step(loader)?;
            }
            if self.step.is_multiple_of(log_every) {
                self.flush_window()?;
            }
            self.stop_if_asked()?;
        }
        self.flush_window()?;
        if let Some(name) = checkpoint::not_finite(&mut self.net, self.learner.as_mut()) {
            // `net.2.weight`, `net.2.0.weight`, `learner.output.bias`: the number after `net` is the layer.
            let layer = name.strip_prefix("net.").and_then(|rest| rest.split('.').next()?.parse().ok());
            return Err(Leave::Diverged { layer, what: format!("the parameter {name}") });
        }
        let last = epoch == self.plan.recipe.train.epochs;
        if last || epoch.is_multiple_of(self.plan.recipe.train.checkpoint_every) {
            self.save()?;
        }
        if !last {
            self.probe(epoch)?;
        }
        Ok(self.meter(epoch)?)
    }

    fn one_step(&mut self, loader: &mut Loader) -> Result<(), Leave> {
        self.clock.to(Slot::Stall);
        let batch = loader.next().expect("a batch for every step of the run");
        self.step += 1;
        let _category = alloc::enter(Category::Activations);
        let mut cx = StepCx { seed: self.plan.recipe.seed, step: self.step, clock: &mut self.clock };
        let said = self.learner.step(&mut self.net, &batch, &mut cx);
        self.clock.to(Slot::Log);
        self.note(self.step, said?)
    }

    /// `most` steps, overlapping. Asked to stop, it starts no more of them.
    fn steps_side_by_side(&mut self, loader: &mut Loader, most: u64) -> Result<(), Leave> {
        let mut todo = loader.take(most as usize);
        let _category = alloc::enter(Category::Activations);
        let mut now = progress(&self.plan, self.step, &self.clock);
        let Session { plan, net, learner, clock, sinks, asked_to_stop, .. } = self;
        let mut feed = || {
            sinks.iter_mut().for_each(|sink| *asked_to_stop |= sink.step(now) == Flow::Stop);
            now.step += 1;
            // A batch that was taken is learnt from: it must not be lost.
            if *asked_to_stop { None } else { todo.next() }
        };
        let before = self.step;
        let mut cx = StepCx { seed: plan.recipe.seed, step: before + 1, clock };
        let said = learner.overlap(net, &mut feed, &mut cx);
        self.clock.to(Slot::Log);
        for (i, said) in said?.into_iter().enumerate() {
            self.note(before + 1 + i as u64, said)?;
        }
        Ok(())
    }

    /// Adds what step number `step` said to the window.
    fn note(&mut self, step: u64, said: Vec<Scalar>) -> Result<(), Leave> {
        self.step = step;
        Ok(self.window.add(step, said)?)
    }

    fn flush_window(&mut self) -> Result<(), Error> {
        let Some((first, scalars)) = std::mem::take(&mut self.window).means() else { return Ok(()) };
        let epoch = (self.step - 1) / self.plan.steps_per_epoch() + 1;
        self.emit(Event::Step { epoch, first, last: self.step, train_ns: self.clock.train_ns(), scalars })?;
        self.sampled(false)
    }

    fn stop_if_asked(&mut self) -> Result<(), Leave> {
        if self.asked() { Err(Leave::Asked) } else { Ok(()) }
    }

    fn asked(&mut self) -> bool {
        let progress = progress(&self.plan, self.step, &self.clock);
        for sink in self.sinks.iter_mut() {
            self.asked_to_stop |= sink.step(progress) == Flow::Stop;
        }
        self.asked_to_stop
    }

    /// Judges a fixed sample of the watched rows by every read-out.
    fn probe(&mut self, epoch: u64) -> Result<(), Leave> {
        let rows = self.plan.recipe.train.probe_rows;
        let (split, all) = self.plan.watched();
        let ids = sample(self.plan.recipe.seed, all, rows);
        if rows > 0 {
            for readout in self.learner.readouts() {
                let judged = self.judge((split, &ids), readout)?;
                self.evaluated(epoch, split, readout, &judged, false)?;
            }
        }
        Ok(())
    }

    /// Judges every held-out row by every read-out, and keeps pictures of what was learnt and what was not.
    fn judge_finally(&mut self) -> Result<(), Leave> {
        let epochs = self.plan.recipe.train.epochs;
        for split in [Split::Validation, Split::Test] {
            let ids = self.plan.rows(split);
            if ids.is_empty() {
                continue;
            }
            for (i, readout) in self.learner.readouts().into_iter().enumerate() {
                let judged = self.judge((split, &ids), readout)?;
                self.evaluated(epochs, split, readout, &judged, true)?;
                if split == Split::Test && i == 0 && self.plan.task.goal != Goal::Reconstruct {
                    let pictures = pictures::mistakes(&self.plan, judged.mistakes());
                    self.emit(Event::Pictured { kind: PictureKind::Mistakes, pictures })?;
                }
            }
        }
        for (kind, pictures) in pictures::learnt(&self.plan, &mut self.net, self.learner.as_ref()) {
            self.emit(Event::Pictured { kind, pictures })?;
        }
        self.sampled(true)?;
        let totals = self.clock.totals();
        let readings = self.meters.read_finally(&totals);
        Ok(self.metered(epochs, totals, readings)?)
    }

    fn judge(&mut self, rows: (Split, &[u32]), readout: &str) -> Result<Judgement, Leave> {
        self.clock.to(Slot::Evaluation);
        let _category = alloc::enter(Category::Other);
        let Session { plan, net, learner, sinks, step, asked_to_stop, clock, .. } = self;
        let progress = progress(plan, *step, clock);
        let mut go_on = || {
            sinks.iter_mut().for_each(|sink| *asked_to_stop |= sink.step(progress) == Flow::Stop);
            !*asked_to_stop
        };
        judge(plan, net, learner.as_ref(), rows, readout, &mut go_on).map_err(|cut| match cut {
            Cut::Diverged(diverged) => diverged.into(),
            Cut::Stopped => Leave::Asked,
        })
    }

    fn evaluated(
        &mut self,
        epoch: u64,
        split: Split,
        readout: &str,
        judged: &Judgement,
        last: bool,
    ) -> Result<(), Error> {
        let at = At { epoch, step: self.step, train_ns: self.clock.train_ns(), last };
        self.emit(Event::Evaluated(judged.evaluation(split, readout, at)))
    }

    /// What the sensors said since it was last told, if it is much or now is a time to tell all.
    fn sampled(&mut self, all: bool) -> Result<(), Error> {
        self.clock.to(Slot::Log);
        let series = if all || self.meters.much_seen() { self.meters.series(all) } else { Vec::new() };
        if series.is_empty() { Ok(()) } else { self.emit(Event::Sampled { series }) }
    }

    fn meter(&mut self, epoch: u64) -> Result<(), Error> {
        self.sampled(true)?;
        let totals = self.clock.totals();
        let readings = self.meters.read(&totals);
        self.metered(epoch, totals, readings)
    }

    fn metered(&mut self, epoch: u64, totals: Totals, readings: Vec<Reading>) -> Result<(), Error> {
        let (step, train_ns, phases) = (self.step, self.clock.train_ns(), totals.phases);
        self.emit(Event::Metered { epoch, step, train_ns, phases, readings })
    }

    /// Saves a checkpoint, then drops the older ones.
    fn save(&mut self) -> Result<(), Error> {
        self.clock.to(Slot::Checkpoint);
        let _category = alloc::enter(Category::Other);
        let mut totals = self.clock.totals();
        totals.counters = Counters::of(&self.meters.read(&totals));
        let position = Position { step: self.step, train_ns: self.clock.train_ns(), totals };
        let path = self.folder.checkpoint(self.step);
        let bytes = checkpoint::save(&path, &mut self.net, self.learner.as_mut(), &position)?;
        self.emit(Event::CheckpointSaved { file: checkpoint_name(self.step), step: self.step, bytes })?;
        for (step, old) in self.folder.checkpoints()? {
            if step != self.step {
                std::fs::remove_file(&old).map_err(Error::io(&old, "remove the older checkpoint"))?;
            }
        }
        Ok(())
    }

    fn emit(&mut self, event: Event) -> Result<(), Error> {
        self.clock.to(Slot::Log);
        let _category = alloc::enter(Category::Other);
        let seq = self.writer.next_seq();
        let at_ns = self.at_ns_before + self.clock.elapsed_ns();
        let stamped = Stamped { seq, at_ns, event };
        self.writer.write(&stamped)?;
        for sink in self.sinks.iter_mut() {
            self.asked_to_stop |= sink.event(&stamped)? == Flow::Stop;
        }
        Ok(())
    }
}

fn progress(plan: &Plan, step: u64, clock: &ChessClock) -> Progress {
    let per_epoch = plan.steps_per_epoch();
    let epoch = (step.saturating_sub(1) / per_epoch + 1).min(plan.recipe.train.epochs);
    Progress { step, steps: plan.steps(), epoch, train_ns: clock.train_ns() }
}
