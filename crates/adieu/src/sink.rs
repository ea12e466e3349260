//! Sinks: one push, many listeners. The trainer is the only source of events; the record's writer, a progress line,
//! early stopping, Ctrl-C and step limits are listeners of equal rank.

use adieu_record::Stamped;

use crate::Error;

/// What a listener wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Go on.
    Continue,
    /// Finish the step, save, and end the run as interrupted.
    Stop,
}

/// Where a run stands, told after every step.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Steps done.
    pub step: u64,
    /// Steps planned.
    pub steps: u64,
    /// Epoch, from 1.
    pub epoch: u64,
    /// Training clock.
    pub train_ns: u64,
}

/// A listener.
pub trait Sink {
    /// Something happened. Off the training clock.
    ///
    /// # Errors
    /// If the listener cannot go on; the run then ends as failed, saved if possible.
    fn event(&mut self, event: &Stamped) -> Result<Flow, Error>;

    /// A step was done. Called often: be quick.
    fn step(&mut self, _: Progress) -> Flow {
        Flow::Continue
    }
}

impl Sink for Vec<Stamped> {
    fn event(&mut self, event: &Stamped) -> Result<Flow, Error> {
        self.push(event.clone());
        Ok(Flow::Continue)
    }
}

/// Stops the run after so many steps of the whole run.
pub struct StopAfter(pub u64);

impl Sink for StopAfter {
    fn event(&mut self, _: &Stamped) -> Result<Flow, Error> {
        Ok(Flow::Continue)
    }

    fn step(&mut self, progress: Progress) -> Flow {
        if progress.step >= self.0 { Flow::Stop } else { Flow::Continue }
    }
}

/// Stops the run when asked from elsewhere, a signal handler say.
pub struct StopOn(pub std::sync::Arc<std::sync::atomic::AtomicBool>);

impl Sink for StopOn {
    fn event(&mut self, _: &Stamped) -> Result<Flow, Error> {
        Ok(Flow::Continue)
    }

    fn step(&mut self, _: Progress) -> Flow {
        if self.0.load(std::sync::atomic::Ordering::Relaxed) { Flow::Stop } else { Flow::Continue }
    }
}
