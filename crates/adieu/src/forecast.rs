//! How long a run still takes, judged by what it has done so far. Knows no clock: time is told to it.

use std::collections::BTreeMap;
use std::time::Duration;

use adieu_record::{Event, RunStart};

use crate::sink::Progress;

/// A forecast for one sitting of a run.
///
/// Training goes on at the mean pace of this sitting, probes and checkpoints included. The last evaluation takes, for
/// each row and read-out, what the latest probe took; a run that never probes is forecast without it.
#[derive(Clone, Debug, Default)]
pub struct Forecast {
    /// Rows of the last evaluation, for each read-out.
    rows: u64,
    row_ns: BTreeMap<String, f64>,
    /// First step told, and when.
    first: Option<(u64, Duration)>,
    /// When the last step was done.
    trained: Option<Duration>,
}

impl Forecast {
    /// A forecast for the run that began so.
    pub fn of(start: &RunStart) -> Forecast {
        Forecast { rows: start.data.validation_rows + start.data.test_rows, ..Forecast::default() }
    }

    /// Learns from an event.
    pub fn event(&mut self, event: &Event) {
        if let Event::Evaluated(e) = event {
            let row_ns = e.evaluation_ns as f64 / e.rows.max(1) as f64;
            self.row_ns.insert(e.readout.clone(), row_ns);
        }
    }

    /// Learns that a run stands there, `now` after any fixed moment.
    pub fn step(&mut self, progress: Progress, now: Duration) {
        self.first.get_or_insert((progress.step, now));
        if progress.step == progress.steps {
            self.trained.get_or_insert(now);
        }
    }

    /// Time left; `None` before the pace is known.
    pub fn left(&self, progress: Progress, now: Duration) -> Option<Duration> {
        let judging: f64 = self.row_ns.values().map(|ns| ns * self.rows as f64 / 1e9).sum();
        if let Some(trained) = self.trained {
            let gone = now.saturating_sub(trained).as_secs_f64();
            return (judging > 0.0).then(|| Duration::from_secs_f64((judging - gone).max(0.0)));
        }
        let (step, then) = self.first.filter(|(step, _)| progress.step > *step)?;
        let pace = now.saturating_sub(then).as_secs_f64() / (progress.step - step) as f64;
        Duration::try_from_secs_f64(pace * (progress.steps - progress.step) as f64 + judging).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use adieu_record::{Evaluation, Split};

    fn at(step: u64) -> Progress {
        Progress { step, steps: 100, epoch: 1, train_ns: 0 }
    }

    fn probe(readout: &str, rows: u64, evaluation_ns: u64) -> Event {
        Event::Evaluated(Evaluation {
            epoch: 1,
            step: 10,
            split: Split::Test,
            readout: readout.into(),
            rows,
            errors: Some(0),
            error: Some(0.0),
            train_ns: 0,
            evaluation_ns,
            last: false,
            confusion: None,
            detection: None,
            reconstruction: None,
        })
    }

    #[test]
    fn training_at_the_pace_so_far_then_the_last_evaluation_by_every_readout() {
        let second = Duration::from_secs;
        let mut forecast = Forecast { rows: 2000, ..Forecast::default() };
        assert_eq!(forecast.left(at(40), second(5)), None, "no pace before the first step");
        // A resumed sitting: step 40 is where it begins, not what it did.
        forecast.step(at(40), second(5));
        assert_eq!(forecast.left(at(40), second(5)), None, "no pace after one step");
        forecast.step(at(50), second(7));
        assert_eq!(forecast.left(at(50), second(7)), Some(second(10)), "50 steps of 0.2 s");
        forecast.event(&probe("goodness", 1000, 3_000_000_000));
        forecast.event(&probe("head", 500, 250_000_000));
        assert_eq!(forecast.left(at(50), second(7)), Some(second(17)), "and 2000 rows of 3 ms and 0.5 ms");
        forecast.step(at(100), second(20));
        assert_eq!(forecast.left(at(100), second(24)), Some(second(3)));
        assert_eq!(forecast.left(at(100), second(60)), Some(second(0)), "late, never less than nothing");
    }

    #[test]
    fn a_run_that_never_probes_has_no_forecast_of_its_last_evaluation() {
        let mut forecast = Forecast { rows: 2000, ..Forecast::default() };
        forecast.step(at(100), Duration::ZERO);
        assert_eq!(forecast.left(at(100), Duration::ZERO), None);
    }
}
