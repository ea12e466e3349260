//! One record, derived: what stands in it after resumes, arranged by question.

use crate::timeline::Timeline;
use crate::validity::SEEN;
use adieu_record::{
    Evaluation, Event, Outcome, PhaseTime, Picture, PictureKind, Reading, RunStart, Scalar, Split, Stamped,
    Value, event::FORMAT,
};
use serde::{Deserialize, Serialize};

/// Why a record cannot be reported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The record holds no event.
    #[error("{run}: the record is empty; run the training again, or leave this folder out of the report")]
    Empty {
        /// Folder of the run.
        run: String,
    },
    /// The first event is another one.
    #[error(
        "{run}: the record does not begin with run_started; `adieu lint {run}` says what is wrong with it"
    )]
    NoStart {
        /// Folder of the run.
        run: String,
    },
    /// The record was written by a newer program.
    #[error(
        "{run}: the record has format {found}, this program reads up to {FORMAT}; report it with the adieu that made it"
    )]
    Newer {
        /// Folder of the run.
        run: String,
        /// Its format.
        found: u32,
    },
}

/// One evaluation on a curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Epochs done, with fractions.
    pub epoch: f64,
    /// Steps done.
    pub step: u64,
    /// Training clock, s.
    pub train_seconds: f64,
    /// Fraction of rows misjudged, in [0, 1]; of reconstructions the share of the mean row's error, which may be more.
    pub error: f64,
    /// Rows evaluated.
    pub rows: u64,
}

/// Error of one read-out on one split, over the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// Which rows.
    pub split: Split,
    /// By which read-out.
    pub readout: String,
    /// By steps, rising.
    pub points: Vec<Point>,
}

/// One scalar of the learner, over the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trace {
    /// Name: `loss`, `goodness_positive`, ….
    pub name: String,
    /// Layer, counted from 0, if it is of one.
    pub layer: Option<u64>,
    /// `(epochs done, mean over the window)`.
    pub points: Vec<(f64, f64)>,
}

/// Goodness of positive and negative rows of one layer, in units of the threshold, over the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Separation {
    /// Layer, counted from 0.
    pub layer: u64,
    /// `(epochs done, mean goodness / threshold)` of positive rows.
    pub positive: Vec<(f64, f64)>,
    /// The same of negative rows.
    pub negative: Vec<(f64, f64)>,
    /// `(epochs done, fraction of rows whose negative beats the positive)`.
    pub pairwise_errors: Vec<(f64, f64)>,
}

/// Something that was not measured, and why.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Missing {
    /// What.
    pub what: String,
    /// Why.
    pub why: String,
    /// What would mend it; empty if nothing is known.
    pub remedy: String,
}

/// Something a reader must know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// What.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

/// Totals of a run at some step.
#[derive(Clone, Debug)]
pub struct Metered {
    /// Steps done.
    pub step: u64,
    /// Multiply-adds of the training; `None` is *not measured*.
    pub macs: Option<f64>,
    /// Joules of all that was done, evaluation too; `None` is *not measured*.
    pub joules: Option<f64>,
}

/// One run, as its record tells it. Every number in it is finite.
#[derive(Clone, Debug)]
pub struct Run {
    /// Totals as they were metered, in order of steps.
    pub metered: Vec<Metered>,
    /// What sensors said moment by moment.
    pub(crate) timeline: Timeline,
    /// Folder it was read from.
    pub folder: String,
    /// What was run, on what.
    pub start: RunStart,
    /// How it ended; `None` if the record just stops.
    pub outcome: Option<Outcome>,
    /// Steps done.
    pub steps: u64,
    /// Epochs done, with fractions.
    pub epochs: f64,
    /// Training clock at the end, s.
    pub train_seconds: f64,
    /// Run time at the end, everything included, s.
    pub wall_seconds: f64,
    /// Time of all evaluations, s; `None` without evaluations.
    pub evaluation_seconds: Option<f64>,
    /// Error curves, by split and read-out.
    pub curves: Vec<Curve>,
    /// The same of reconstructions, relative to the mean row.
    pub rebuilt: Vec<Curve>,
    /// The last evaluation of each split and read-out.
    pub last: Vec<Evaluation>,
    /// Time by phase and layer, up to the last metering.
    pub phases: Vec<PhaseTime>,
    /// Readings of the last metering.
    pub readings: Vec<Reading>,
    /// What the learner said while it learnt.
    pub traces: Vec<Trace>,
    /// Images of first-layer features.
    pub features: Vec<Picture>,
    /// Made-up images that were learnt from as such.
    pub made_up: Vec<Picture>,
    /// The first images of the test set, each before what came back of it.
    pub reconstructions: Vec<Picture>,
    /// Images that were made of chance alone.
    pub generated: Vec<Picture>,
    /// A picture of the test set and what each layer's first channels make of it.
    pub maps: Vec<Picture>,
    /// The picture and who attends to whom in it.
    pub attention: Vec<Picture>,
    /// Images of the worst mistakes.
    pub mistakes: Vec<Picture>,
    /// What a reader must know.
    pub warnings: Vec<Warning>,
    /// How often the run was resumed.
    pub resumes: u64,
    /// Events that a resume made void.
    pub superseded: usize,
}

impl Run {
    /// Derives the view of one record. `folder` names the run in messages and lists.
    ///
    /// A `Resumed { step }` voids all earlier events that lie after `step`, and every earlier end. An event
    /// without a step of its own lies where the event before it lies. Warnings stand in any case.
    ///
    /// # Errors
    /// If the record is empty, does not begin with `run_started`, or is of a newer format.
    pub fn from_events(folder: &str, events: &[Stamped]) -> Result<Run, Error> {
        let run = || folder.to_string();
        let first = events.first().ok_or_else(|| Error::Empty { run: run() })?;
        let Event::RunStarted(start) = &first.event else {
            return Err(Error::NoStart { run: run() });
        };
        if start.format > FORMAT {
            return Err(Error::Newer { run: run(), found: start.format });
        }
        let (standing, superseded) = standing(events);
        let mut run = Run::new(folder, start, events, superseded);
        for stamped in standing {
            run.take(&stamped.event);
        }
        run.epochs = run.epochs_at(run.steps);
        let doubts = crate::validity::of(&run);
        run.warnings.extend(doubts);
        Ok(run)
    }

    fn new(folder: &str, start: &RunStart, events: &[Stamped], superseded: usize) -> Run {
        Run {
            metered: Vec::new(),
            timeline: Timeline::of(events),
            folder: folder.into(),
            start: start.clone(),
            outcome: None,
            steps: 0,
            epochs: 0.0,
            train_seconds: 0.0,
            wall_seconds: seconds(events.iter().map(|e| e.at_ns).max().unwrap_or(0)),
            evaluation_seconds: None,
            curves: Vec::new(),
            rebuilt: Vec::new(),
            last: Vec::new(),
            phases: Vec::new(),
            readings: Vec::new(),
            traces: Vec::new(),
            features: Vec::new(),
            made_up: Vec::new(),
            reconstructions: Vec::new(),
            generated: Vec::new(),
            maps: Vec::new(),
            attention: Vec::new(),
            mistakes: Vec::new(),
            warnings: Vec::new(),
            resumes: events.iter().filter(|e| matches!(e.event, Event::Resumed { .. })).count() as u64,
            superseded,
        }
    }

    /// The one gate into the view: what passes here is finite.
    fn take(&mut self, event: &Event) {
        match event {
            Event::Step { last, train_ns, scalars, .. } => {
                self.reached(*last, *train_ns);
                let epoch = self.epochs_at(*last);
                scalars.iter().filter(|s| s.value.is_finite()).for_each(|s| self.trace(epoch, s));
            }
            Event::Evaluated(evaluation) => {
                self.reached(evaluation.step, evaluation.train_ns);
                *self.evaluation_seconds.get_or_insert(0.0) += seconds(evaluation.evaluation_ns);
                self.evaluated(evaluation);
            }
            Event::Metered { step, train_ns, phases, readings, .. } => {
                self.reached(*step, *train_ns);
                self.phases.clone_from(phases);
                self.readings = readings.iter().map(finite).collect();
                let macs = self.measured("multiply_adds", None).ok();
                let joules = self.joules().ok();
                self.metered.retain(|metered| metered.step != *step);
                self.metered.push(Metered { step: *step, macs, joules });
            }
            Event::Warned { what, remedy } => {
                self.warnings.push(Warning { what: what.clone(), remedy: remedy.clone() });
            }
            Event::Pictured { kind: PictureKind::Features, pictures } => self.features.clone_from(pictures),
            Event::Pictured { kind: PictureKind::MadeUp, pictures } => self.made_up.clone_from(pictures),
            Event::Pictured { kind: PictureKind::Reconstructions, pictures } => {
                self.reconstructions.clone_from(pictures);
            }
            Event::Pictured { kind: PictureKind::Generated, pictures } => self.generated.clone_from(pictures),
            Event::Pictured { kind: PictureKind::Maps, pictures } => self.maps.clone_from(pictures),
            Event::Pictured { kind: PictureKind::Attention, pictures } => self.attention.clone_from(pictures),
            Event::Pictured { kind: PictureKind::Mistakes, pictures } => {
                self.mistakes.clone_from(pictures);
                for picture in &mut self.mistakes {
                    picture.margin = picture.margin.filter(|m| m.is_finite());
                }
            }
            Event::RunEnded { outcome, steps, train_ns } => {
                self.reached(*steps, *train_ns);
                self.outcome = Some(outcome.clone());
            }
            Event::RunStarted(_)
            | Event::EpochStarted { .. }
            | Event::Sampled { .. }
            | Event::CheckpointSaved { .. }
            | Event::Resumed { .. } => {}
        }
    }

    fn reached(&mut self, step: u64, train_ns: u64) {
        self.steps = self.steps.max(step);
        self.train_seconds = self.train_seconds.max(seconds(train_ns));
    }

    fn epochs_at(&self, step: u64) -> f64 {
        step as f64 / self.start.steps_per_epoch.max(1) as f64
    }

    fn trace(&mut self, epoch: f64, scalar: &Scalar) {
        let found = self.traces.iter_mut().find(|t| t.name == scalar.name && t.layer == scalar.layer);
        match found {
            Some(trace) => trace.points.push((epoch, scalar.value)),
            None => self.traces.push(Trace {
                name: scalar.name.clone(),
                layer: scalar.layer,
                points: vec![(epoch, scalar.value)],
            }),
        }
    }

    fn evaluated(&mut self, evaluation: &Evaluation) {
        let (split, readout) = (evaluation.split, &evaluation.readout);
        let error = evaluation.error.filter(|error| (0.0..=1.0).contains(error));
        let rebuilt = evaluation.reconstruction.filter(|r| r.squared_error.is_finite());
        if error.is_none() && rebuilt.is_none() {
            return;
        }
        match self.last.iter_mut().find(|e| e.split == split && e.readout == *readout) {
            Some(last) => last.clone_from(evaluation),
            None => self.last.push(evaluation.clone()),
        }
        let epoch = self.epochs_at(evaluation.step);
        let point = |error: f64| Point {
            epoch,
            step: evaluation.step,
            train_seconds: seconds(evaluation.train_ns),
            error,
            rows: evaluation.rows,
        };
        let relative = rebuilt.and_then(|r| r.relative()).filter(|relative| relative.is_finite());
        for (curves, error) in [(&mut self.curves, error), (&mut self.rebuilt, relative)] {
            let Some(point) = error.map(point) else { continue };
            match curves.iter_mut().find(|c| c.split == split && c.readout == *readout) {
                Some(curve) => {
                    // The evaluation of the whole split takes the place of a probe at the same step.
                    curve.points.retain(|p| p.step != point.step);
                    curve.points.push(point);
                }
                None => curves.push(Curve { split, readout: readout.clone(), points: vec![point] }),
            }
        }
    }

    /// The learner's own read-out: the first it offers, or else the first it was evaluated by.
    pub fn readout(&self) -> Option<&str> {
        let offered = self.start.readouts.first().map(String::as_str);
        offered.or_else(|| self.last.first().map(|e| e.readout.as_str()))
    }

    /// The last evaluation by `readout` on `split`.
    pub fn last_evaluation(&self, split: Split, readout: &str) -> Option<&Evaluation> {
        self.last.iter().find(|e| e.split == split && e.readout == readout)
    }

    /// The curve of `readout` on `split`.
    pub fn curve(&self, split: Split, readout: &str) -> Option<&Curve> {
        self.curves.iter().find(|c| c.split == split && c.readout == readout)
    }

    /// Goodness of positive and negative rows, for each layer that told both.
    pub fn separation(&self) -> Vec<Separation> {
        let points = |name: &str, layer: u64| {
            let found = self.traces.iter().find(|t| t.name == name && t.layer == Some(layer));
            found.map(|t| t.points.clone()).unwrap_or_default()
        };
        let mut layers: Vec<u64> =
            self.traces.iter().filter(|t| t.name == "goodness_positive").filter_map(|t| t.layer).collect();
        layers.sort_unstable();
        let layers = layers.into_iter().map(|layer| Separation {
            layer,
            positive: points("goodness_positive", layer),
            negative: points("goodness_negative", layer),
            pairwise_errors: points("pairwise_errors", layer),
        });
        layers.filter(|s| !s.negative.is_empty()).collect()
    }

    /// The measured value of a reading, or why there is none.
    ///
    /// An estimate is not a measurement, so it counts as missing here; tables that show it say so.
    pub fn measured(&self, name: &str, part: Option<&str>) -> Result<f64, Missing> {
        let missing = |why: &str, remedy: &str| {
            Err(Missing { what: named(name, part), why: why.into(), remedy: remedy.into() })
        };
        let Some(reading) = self.readings.iter().find(|r| r.name == name && r.part.as_deref() == part) else {
            let why = if self.readings.is_empty() { "nothing was metered" } else { "not in the record" };
            return missing(why, "");
        };
        match &reading.value {
            Value::Measured { value, .. } => Ok(*value),
            Value::Estimated { model, .. } => missing(&format!("only estimated, by {model}"), ""),
            Value::Unavailable { why, remedy } => missing(why, remedy),
        }
    }

    /// Joules of the whole, if the sensors saw enough of the run.
    pub(crate) fn joules(&self) -> Result<f64, Missing> {
        let joules = self.measured("energy", None)?;
        let energy = self.readings.iter().find(|r| r.name == "energy" && r.part.is_none());
        match energy.map(|r| &r.value) {
            Some(Value::Measured { coverage, .. }) if *coverage < SEEN => Err(Missing {
                what: "energy".into(),
                why: format!("the sensors saw {:.0} % of the run only", 100.0 * coverage),
                remedy: "run where they can be read all the time".into(),
            }),
            _ => Ok(joules),
        }
    }

    /// Time of a phase over all layers, s; `None` if the record does not hold it.
    pub fn phase_seconds(&self, phase: &str) -> Option<f64> {
        let mut times = self.phases.iter().filter(|p| p.phase == phase).peekable();
        times.peek()?;
        Some(times.map(|p| seconds(p.time_ns)).sum())
    }

    /// Every reading that has no value, once each.
    pub fn unavailable(&self) -> Vec<Missing> {
        let missing = self.readings.iter().filter_map(|r| match &r.value {
            Value::Unavailable { why, remedy } => Some(Missing {
                what: named(&r.name, r.part.as_deref()),
                why: why.clone(),
                remedy: remedy.clone(),
            }),
            Value::Measured { .. } | Value::Estimated { .. } => None,
        });
        missing.collect()
    }
}

/// `allocated_peak [activations]`.
fn named(name: &str, part: Option<&str>) -> String {
    part.map_or_else(|| name.to_string(), |part| format!("{name} [{part}]"))
}

/// Nanoseconds as seconds.
pub(crate) fn seconds(ns: u64) -> f64 {
    ns as f64 * 1e-9
}

/// The reading, or that it is unavailable if one of its numbers is not finite.
fn finite(reading: &Reading) -> Reading {
    let sound = match &reading.value {
        Value::Measured { value, coverage, .. } => value.is_finite() && coverage.is_finite(),
        Value::Estimated { lo, mid, hi, .. } => [lo, mid, hi].iter().all(|v| v.is_finite()),
        Value::Unavailable { .. } => true,
    };
    if sound {
        return reading.clone();
    }
    let (why, remedy) = ("the record holds no finite number", "run `adieu lint` on the record");
    Reading::unavailable(&reading.name, reading.part.as_deref(), reading.unit, why, remedy)
}

/// The events that stand, in order, and how many do not.
pub(crate) fn standing(events: &[Stamped]) -> (Vec<&Stamped>, usize) {
    let mut kept: Vec<(u64, &Stamped)> = Vec::with_capacity(events.len());
    let mut position = 0;
    for stamped in events {
        if let Event::Resumed { step, .. } = &stamped.event {
            kept.retain(|(at, e)| match &e.event {
                Event::Warned { .. } => true,
                Event::RunEnded { .. } => false,
                _ => *at <= *step,
            });
        }
        position = step_of(&stamped.event).unwrap_or(position);
        kept.push((position, stamped));
    }
    let superseded = events.len() - kept.len();
    (kept.into_iter().map(|(_, stamped)| stamped).collect(), superseded)
}

/// Steps done when the event happened, if it says so.
fn step_of(event: &Event) -> Option<u64> {
    match event {
        Event::Step { last, .. } => Some(*last),
        Event::Evaluated(evaluation) => Some(evaluation.step),
        Event::Metered { step, .. } | Event::CheckpointSaved { step, .. } | Event::Resumed { step, .. } => {
            Some(*step)
        }
        Event::RunEnded { steps, .. } => Some(*steps),
        Event::RunStarted(_) => Some(0),
        Event::EpochStarted { .. }
        | Event::Sampled { .. }
        | Event::Warned { .. }
        | Event::Pictured { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    fn evaluated(step: u64, error: f64) -> Event {
        Event::Evaluated(sample::evaluation("goodness", step, error))
    }

    fn record(events: Vec<Event>) -> Vec<Stamped> {
        let mut all = vec![Event::RunStarted(Box::new(sample::start("forward_forward", 1)))];
        all.extend(events);
        sample::stamped(all)
    }

    #[test]
    fn a_record_must_begin_with_its_start() {
        assert!(matches!(Run::from_events("r", &[]), Err(Error::Empty { .. })));
        let headless = sample::stamped(vec![evaluated(1, 0.5)]);
        assert!(matches!(Run::from_events("r", &headless), Err(Error::NoStart { .. })));
        let mut newer = record(vec![]);
        if let Event::RunStarted(start) = &mut newer[0].event {
            start.format = FORMAT + 1;
        }
        let message = Run::from_events("r", &newer).unwrap_err().to_string();
        assert!(message.contains("format 2"), "{message}");
    }

    #[test]
    fn a_resume_voids_what_lies_after_its_checkpoint() {
        let ended = |outcome, steps| Event::RunEnded { outcome, steps, train_ns: steps * 1_000_000_000 };
        let warned = Event::Warned { what: "w".into(), remedy: "r".into() };
        let resumed =
            Event::Resumed { checkpoint: "checkpoint-600.safetensors".into(), step: 600, train_ns: 0 };
        let events = record(vec![
            evaluated(600, 0.30),
            evaluated(1200, 0.99),
            warned,
            ended(Outcome::Interrupted, 1500),
            resumed,
            evaluated(1200, 0.20),
            ended(Outcome::Finished, 1200),
        ]);
        let run = Run::from_events("r", &events).unwrap();
        let errors: Vec<f64> = run.curves[0].points.iter().map(|p| p.error).collect();
        assert_eq!(errors, [0.30, 0.20]);
        assert_eq!(run.outcome, Some(Outcome::Finished));
        assert_eq!((run.steps, run.resumes, run.superseded, run.warnings.len()), (1200, 1, 2, 1));
        assert_eq!(run.epochs, 2.0);
        assert_eq!(run.train_seconds, 1200.0);
    }

    #[test]
    fn a_whole_evaluation_replaces_the_probe_at_its_step() {
        let run = Run::from_events("r", &record(vec![evaluated(600, 0.4), evaluated(600, 0.3)])).unwrap();
        assert_eq!(run.curves[0].points.len(), 1);
        assert_eq!(run.curves[0].points[0].error, 0.3);
    }

    #[test]
    fn what_is_not_finite_stays_outside() {
        let readings =
            vec![Reading::measured("wall", None, adieu_record::Unit::Seconds, f64::INFINITY, "clock")];
        let scalar = Scalar { name: "loss".into(), layer: None, value: f64::NAN };
        let run = Run::from_events(
            "r",
            &record(vec![
                evaluated(600, f64::NAN),
                Event::Step { epoch: 1, first: 1, last: 9, train_ns: 9, scalars: vec![scalar] },
                Event::Metered { epoch: 1, step: 9, train_ns: 9, phases: vec![], readings },
            ]),
        )
        .unwrap();
        assert!(run.curves.is_empty() && run.last.is_empty() && run.traces.is_empty());
        assert!(run.measured("wall", None).unwrap_err().why.contains("no finite number"));
    }

    #[test]
    fn absent_unavailable_and_estimated_are_told_apart() {
        let unit = adieu_record::Unit::Joules;
        let estimate = Value::Estimated { lo: 1.0, mid: 2.0, hi: 3.0, model: "constant power".into() };
        let readings = vec![
            Reading::unavailable("energy", Some("package"), unit, "no powercap", "load intel_rapl"),
            Reading { name: "energy".into(), part: None, unit, value: estimate },
        ];
        let metered = Event::Metered { epoch: 1, step: 9, train_ns: 9, phases: vec![], readings };
        let run = Run::from_events("r", &record(vec![metered])).unwrap();
        let unavailable = run.measured("energy", Some("package")).unwrap_err();
        assert_eq!(
            (unavailable.why.as_str(), unavailable.remedy.as_str()),
            ("no powercap", "load intel_rapl")
        );
        assert_eq!(unavailable.what, "energy [package]");
        assert_eq!(run.measured("energy", None).unwrap_err().why, "only estimated, by constant power");
        assert_eq!(run.measured("wall", None).unwrap_err().why, "not in the record");
        assert_eq!(run.unavailable(), [unavailable]);
    }
}
