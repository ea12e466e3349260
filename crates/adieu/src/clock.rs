//! The chess clock of a run: whoever was pressed last owns the time, so the parts sum to the whole by construction.
//!
//! The *training clock* is the sum of what is on it: waiting for data (`stall`) and the learner's own phases.
//! Evaluation, checkpoints, the record and setting up are off it and shown apart.

use std::collections::BTreeMap;
use std::time::Instant;

use crate::counters::Counted;
use adieu_core::learn::{Clock, Phase};
use adieu_record::PhaseTime;
use serde::{Deserialize, Serialize};

/// What time can belong to, beside the learner's phases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    /// Waiting for a batch. On the training clock.
    Stall,
    /// Judging rows.
    Evaluation,
    /// Saving.
    Checkpoint,
    /// Writing the record and telling listeners.
    Log,
    /// Building the network, reading a checkpoint.
    Setup,
}

impl Slot {
    fn name(self) -> &'static str {
        match self {
            Slot::Stall => "stall",
            Slot::Evaluation => "evaluation",
            Slot::Checkpoint => "checkpoint",
            Slot::Log => "log",
            Slot::Setup => "setup",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    training: bool,
    phase: &'static str,
    layer: Option<u64>,
}

/// Totals that a checkpoint carries on.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Totals {
    /// Time by phase and layer.
    pub(crate) phases: Vec<PhaseTime>,
    /// Multiply-adds of training.
    pub(crate) macs: u64,
    /// Most bytes held for credit at once.
    pub(crate) held_peak: u64,
    /// Counters of meters, those that can be read. Older checkpoints have none.
    #[serde(default)]
    pub(crate) counters: Vec<Counted>,
}

/// See the module.
pub(crate) struct ChessClock {
    times: BTreeMap<Key, u64>,
    before: Totals,
    current: Key,
    since: Instant,
    started: Instant,
    macs: u64,
    held_peak: u64,
}

impl ChessClock {
    /// Starts now, in [`Slot::Setup`], on top of what an interrupted run had.
    pub(crate) fn start(before: Totals) -> ChessClock {
        let now = Instant::now();
        let current = Key { training: false, phase: Slot::Setup.name(), layer: None };
        ChessClock {
            times: BTreeMap::new(),
            macs: before.macs,
            held_peak: before.held_peak,
            before,
            current,
            since: now,
            started: now,
        }
    }

    /// From now on time belongs to `slot`.
    pub(crate) fn to(&mut self, slot: Slot) {
        self.switch(Key { training: slot == Slot::Stall, phase: slot.name(), layer: None });
    }

    /// When this process began or took up the run.
    pub(crate) fn began(&self) -> Instant {
        self.started
    }

    /// Nanoseconds since this process began or took up the run.
    pub(crate) fn elapsed_ns(&self) -> u64 {
        self.started.elapsed().as_nanos() as u64
    }

    /// Nanoseconds on the training clock, earlier sessions of the run included.
    pub(crate) fn train_ns(&self) -> u64 {
        let running = if self.current.training { self.since.elapsed().as_nanos() as u64 } else { 0 };
        let here: u64 = self.times.iter().filter(|(key, _)| key.training).map(|(_, ns)| ns).sum();
        let before: u64 = self.before.phases.iter().filter(|p| p.training).map(|p| p.time_ns).sum();
        before + here + running
    }

    /// Everything counted so far; the phase that is running is brought up to date.
    pub(crate) fn totals(&mut self) -> Totals {
        self.switch(self.current);
        let mut phases = self.before.phases.clone();
        for (key, ns) in &self.times {
            let same = |p: &&mut PhaseTime| p.phase == key.phase && p.layer == key.layer;
            match phases.iter_mut().find(same) {
                Some(phase) => phase.time_ns += ns,
                None => phases.push(PhaseTime {
                    phase: key.phase.into(),
                    layer: key.layer,
                    time_ns: *ns,
                    training: key.training,
                }),
            }
        }
        Totals { phases, macs: self.macs, held_peak: self.held_peak, counters: Vec::new() }
    }

    fn switch(&mut self, next: Key) {
        let now = Instant::now();
        *self.times.entry(self.current).or_default() += (now - self.since).as_nanos() as u64;
        (self.current, self.since) = (next, now);
    }
}

impl Clock for ChessClock {
    fn press(&mut self, phase: Phase, layer: usize) {
        self.switch(Key { training: true, phase: phase.name(), layer: Some(layer as u64) });
    }

    fn held(&mut self, bytes: u64) {
        self.held_peak = self.held_peak.max(bytes);
    }

    fn work(&mut self, macs: u64) {
        self.macs += macs;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_are_the_whole_and_only_training_is_on_the_training_clock() {
        let mut clock = ChessClock::start(Totals::default());
        let spin = || (0..20_000u64).fold(0, |a: u64, b| std::hint::black_box(a.wrapping_add(b)));
        for slot in [Slot::Stall, Slot::Evaluation, Slot::Checkpoint, Slot::Log] {
            clock.to(slot);
            spin();
        }
        clock.press(Phase::Forward, 1);
        spin();
        clock.press(Phase::Update, 1);
        clock.work(5);
        clock.held(7);
        clock.held(3);
        spin();
        clock.to(Slot::Log);
        let (totals, elapsed) = (clock.totals(), clock.elapsed_ns());
        let sum: u64 = totals.phases.iter().map(|p| p.time_ns).sum();
        assert!(sum <= elapsed && elapsed - sum < 5_000_000, "{sum} of {elapsed}");
        let training: u64 = totals.phases.iter().filter(|p| p.training).map(|p| p.time_ns).sum();
        assert!(training == clock.train_ns() && training > 0 && training < sum);
        assert_eq!((totals.macs, totals.held_peak), (5, 7));
        // A run taken up again goes on where it stood.
        let mut again = ChessClock::start(totals.clone());
        again.press(Phase::Forward, 1);
        spin();
        again.to(Slot::Log);
        assert!(again.train_ns() > training);
        assert_eq!(again.totals().phases.len(), totals.phases.len());
    }
}
