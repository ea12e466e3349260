//! What sensors said moment by moment, and what was going on meanwhile.
//!
//! Nothing here is superseded: what a resumed run did twice, the machine did twice, and run time goes on. Evaluations are
//! told when they are over, so that each fills the time before its event.
//!
//! Joules of a stretch are the area under the power between each two moments, as far as these are near each other: a gap
//! is not filled, it lowers the coverage.

use adieu_record::{Event, Series, Stamped, Unit};

use crate::run::seconds;

/// Times the usual distance of two moments from which on they are no neighbours.
const GAP: f64 = 3.5;

/// Run time from, to, in s.
pub(crate) type Span = (f64, f64);

/// What is drawn of a run over its time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Timeline {
    /// One a quantity and part, in order of first appearance.
    pub(crate) tracks: Vec<Track>,
    /// Evaluations, those that touch joined.
    pub(crate) evaluations: Vec<Span>,
    /// When checkpoints were complete, s.
    pub(crate) checkpoints: Vec<f64>,
    /// When epochs began, s.
    pub(crate) epochs: Vec<f64>,
    /// When the last event was told, s.
    pub(crate) end: f64,
}

/// One quantity over run time.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Track {
    /// `power`, `resident`, ….
    pub(crate) name: String,
    /// A rail; none: the whole.
    pub(crate) part: Option<String>,
    pub(crate) unit: Unit,
    pub(crate) source: String,
    /// `(s, value)`, finite, by rising time.
    pub(crate) points: Vec<(f64, f64)>,
}

/// What a run does with its time, as coarsely as its events tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coarse {
    /// Before the first epoch, evaluations apart.
    Start,
    /// Training, saving, and whatever else is neither of the others.
    Training,
    /// Evaluation.
    Evaluation,
}

impl Coarse {
    pub(crate) const ALL: [Coarse; 3] = [Coarse::Start, Coarse::Training, Coarse::Evaluation];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Coarse::Start => "before the first epoch",
            Coarse::Training => "training and saving",
            Coarse::Evaluation => "evaluation",
        }
    }
}

/// What a coarse phase took.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Taken {
    /// Its time, s.
    pub(crate) seconds: f64,
    /// Time of it that the sensors saw, s.
    pub(crate) seen: f64,
    /// Joules in the time that was seen.
    pub(crate) joules: f64,
}

impl Timeline {
    /// Of all events of a record, superseded ones too.
    pub(crate) fn of(events: &[Stamped]) -> Timeline {
        let mut line = Timeline::default();
        for Stamped { at_ns, event, .. } in events {
            let at = seconds(*at_ns);
            line.end = line.end.max(at);
            match event {
                Event::Evaluated(e) => line.evaluated((at - seconds(e.evaluation_ns)).max(0.0), at),
                Event::CheckpointSaved { .. } => line.checkpoints.push(at),
                Event::EpochStarted { .. } => line.epochs.push(at),
                Event::Sampled { series } => series.iter().for_each(|series| line.sampled(series)),
                _ => {}
            }
        }
        for track in &mut line.tracks {
            track.points.sort_by(|a, b| a.0.total_cmp(&b.0));
        }
        line
    }

    fn evaluated(&mut self, from: f64, to: f64) {
        match self.evaluations.last_mut() {
            Some(last) if from <= last.1 => *last = (last.0.min(from), last.1.max(to)),
            _ => self.evaluations.push((from, to)),
        }
    }

    fn sampled(&mut self, series: &Series) {
        let Series { name, part, unit, source, points } = series;
        let finite = points.iter().filter(|p| p.value.is_finite()).map(|p| (seconds(p.at_ns), p.value));
        let known = self.tracks.iter_mut().find(|t| t.name == *name && t.part == *part && t.unit == *unit);
        match known {
            Some(track) => track.points.extend(finite),
            None => self.tracks.push(Track {
                name: name.clone(),
                part: part.clone(),
                unit: *unit,
                source: source.clone(),
                points: finite.collect(),
            }),
        }
    }

    /// The whole of that quantity, if it was ever read.
    pub(crate) fn track(&self, name: &str) -> Option<&Track> {
        self.tracks.iter().find(|t| t.name == name && t.part.is_none() && !t.points.is_empty())
    }

    /// What each of [`Coarse::ALL`] took, by the whole of the power; `None` where power was not sampled.
    pub(crate) fn taken(&self) -> Option<[Taken; 3]> {
        let pieces = self.track("power")?.pieces();
        let begun = self.epochs.first().copied().unwrap_or(self.end);
        let evaluation = over(&pieces, &self.evaluations, self.end);
        let evaluated_before: Vec<Span> =
            self.evaluations.iter().map(|&(from, to)| (from.min(begun), to.min(begun))).collect();
        let before =
            less(over(&pieces, &[(0.0, begun)], self.end), over(&pieces, &evaluated_before, self.end));
        let all = over(&pieces, &[(0.0, self.end)], self.end);
        Some([before, less(less(all, evaluation), before), evaluation])
    }
}

impl Track {
    /// Stretches without a gap.
    pub(crate) fn stretches(&self) -> Vec<&[(f64, f64)]> {
        let usual = self.usual();
        self.points.chunk_by(|a, b| b.0 - a.0 <= GAP * usual).collect()
    }

    /// Median distance of two moments, s.
    fn usual(&self) -> f64 {
        let apart: Vec<f64> = self.points.windows(2).map(|w| w[1].0 - w[0].0).collect();
        crate::ranks::median(&apart).unwrap_or(0.0)
    }

    /// Neighbouring moments.
    fn pieces(&self) -> Vec<[(f64, f64); 2]> {
        let pairs = self.stretches().into_iter().flat_map(|s| s.windows(2).map(|w| [w[0], w[1]]));
        pairs.filter(|[a, b]| b.0 > a.0).collect()
    }

    /// At most about `most` points a stretch: of each bin of time the mean, or the largest.
    pub(crate) fn thinned(&self, most: usize, largest: bool) -> Vec<Vec<(f64, f64)>> {
        let bin = |points: &[(f64, f64)]| {
            let n = points.len() as f64;
            let at = points.iter().map(|p| p.0).sum::<f64>() / n;
            let mean = points.iter().map(|p| p.1).sum::<f64>() / n;
            let value = if largest { points.iter().map(|p| p.1).fold(mean, f64::max) } else { mean };
            (at, value)
        };
        let every = self.points.len().div_ceil(most.max(1)).max(1);
        self.stretches().into_iter().map(|s| s.chunks(every).map(bin).collect()).collect()
    }
}

/// Time, time seen and joules within `spans`, which must not overlap, up to `end`.
fn over(pieces: &[[(f64, f64); 2]], spans: &[Span], end: f64) -> Taken {
    let mut taken = Taken::default();
    for &(from, to) in spans {
        let to = to.min(end);
        taken.seconds += (to - from).max(0.0);
        for [a, b] in pieces {
            let (left, right) = (a.0.max(from), b.0.min(to));
            if right > left {
                let power = |at: f64| a.1 + (b.1 - a.1) * (at - a.0) / (b.0 - a.0);
                taken.seen += right - left;
                taken.joules += (right - left) * (power(left) + power(right)) / 2.0;
            }
        }
    }
    taken
}

/// What is left of `a` without `b`, which lies within it.
fn less(a: Taken, b: Taken) -> Taken {
    let left = |a: f64, b: f64| (a - b).max(0.0);
    Taken {
        seconds: left(a.seconds, b.seconds),
        seen: left(a.seen, b.seen),
        joules: left(a.joules, b.joules),
    }
}

#[cfg(test)]
mod tests {
    use adieu_record::Point;

    use super::*;
    use crate::sample;

    const SECOND: u64 = 1_000_000_000;

    /// Power at those seconds.
    fn power(points: &[(f64, f64)]) -> Event {
        let points = points.iter().map(|&(s, value)| Point { at_ns: (s * 1e9) as u64, value }).collect();
        let series =
            Series { name: "power".into(), part: None, unit: Unit::Watts, source: "a test".into(), points };
        Event::Sampled { series: vec![series] }
    }

    /// Ten seconds: the first epoch begins at 1 s, an evaluation takes 6 s to 8 s.
    fn record(sampled: Event) -> Vec<Stamped> {
        let mut evaluation = sample::evaluation("goodness", 600, 0.1);
        evaluation.evaluation_ns = 2 * SECOND;
        let events = [
            (0, Event::RunStarted(Box::new(sample::start("forward_forward", 1)))),
            (1, Event::EpochStarted { epoch: 1, gain: 1.0 }),
            (8, Event::Evaluated(evaluation)),
            (9, Event::CheckpointSaved { file: "c".into(), step: 600, bytes: 1 }),
            (10, sampled),
        ];
        let stamp = |(seq, (at, event)): (u64, (u64, Event))| Stamped { seq, at_ns: at * SECOND, event };
        (0..).zip(events).map(stamp).collect()
    }

    #[test]
    fn power_is_shared_out_by_what_went_on() {
        // 10 W, but 30 W from 6 s to 8 s.
        let points: Vec<(f64, f64)> = (0..=100)
            .map(|i| (0.1 * f64::from(i), if (60..=80).contains(&i) { 30.0 } else { 10.0 }))
            .collect();
        let line = Timeline::of(&record(power(&points)));
        assert_eq!(
            (line.evaluations.as_slice(), line.checkpoints.as_slice()),
            (&[(6.0, 8.0)][..], &[9.0][..])
        );
        let [start, training, evaluation] = line.taken().expect("power was sampled");
        for (found, seconds, joules) in [(start, 1.0, 10.0), (training, 7.0, 72.0), (evaluation, 2.0, 60.0)] {
            assert!((found.seconds - seconds).abs() < 1e-6, "{found:?}");
            assert!((found.seen - seconds).abs() < 1e-6, "{found:?}");
            // The two slopes of 0.1 s lie beside the evaluation.
            assert!((found.joules - joules).abs() < 1e-6, "{found:?}, not {joules} J");
        }
    }

    #[test]
    fn a_gap_is_not_filled() {
        let points: Vec<(f64, f64)> =
            (0..=100).filter(|i| !(20..50).contains(i)).map(|i| (0.1 * f64::from(i), 10.0)).collect();
        let line = Timeline::of(&record(power(&points)));
        assert_eq!(line.track("power").map(|t| t.stretches().len()), Some(2));
        let [_, training, _] = line.taken().expect("power was sampled");
        // From 1.9 s to 5.0 s nobody looked.
        assert!((training.seen - (7.0 - 3.1)).abs() < 1e-6 && (training.joules - 39.0).abs() < 1e-6);
    }

    #[test]
    fn without_power_nothing_is_told() {
        assert_eq!(Timeline::of(&record(Event::Sampled { series: vec![] })).taken(), None);
        assert_eq!(Timeline::of(&record(power(&[]))).taken(), None);
        assert_eq!(Timeline::of(&[]).taken(), None);
    }

    #[test]
    fn evaluations_that_touch_are_one_and_thinning_keeps_peaks() {
        let mut line = Timeline::default();
        for (from, to) in [(1.0, 2.0), (2.0, 3.0), (5.0, 6.0), (4.5, 7.0)] {
            line.evaluated(from, to);
        }
        assert_eq!(line.evaluations, [(1.0, 3.0), (4.5, 7.0)]);
        let points: Vec<(f64, f64)> = (0..1000).map(|i| (f64::from(i), f64::from(i % 10))).collect();
        let track = Track { name: "x".into(), part: None, unit: Unit::Bytes, source: String::new(), points };
        let [mean, peak] = [false, true].map(|largest| track.thinned(100, largest).concat());
        assert_eq!((mean.len(), mean[0].1), (100, 4.5));
        assert_eq!((peak.len(), peak[0].1), (100, 9.0));
    }
}
