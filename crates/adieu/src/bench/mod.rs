//! Benches: how fast things are, beside what the machine can do at that moment.
//!
//! Machines drift and are shared. So configurations take turns, the peak is measured before and after every turn, a
//! turn counts only where nobody else seems to have had the processor, and what is told are medians.

pub mod engine;
mod epoch;
mod products;
pub mod scaling;
mod steps;
pub mod suite;
mod tasks;

use std::time::Instant;

use adieu_kernels::{Isa, Precision, peak_gflops};

pub use epoch::{Epoch, Variant};
pub use products::ProductSpeed;
pub use steps::StepSpeed;

/// Where a bench is; the answer says whether to go on.
pub type Told<'a> = &'a mut dyn FnMut(&str) -> crate::sink::Flow;

/// Runs `work` with the kernels held to the instruction set `name`.
///
/// # Errors
/// In words, if there is no such set here.
pub fn with_isa<R>(name: &str, work: impl FnOnce() -> R) -> Result<R, String> {
    let here: Vec<Isa> = Isa::available().collect();
    match here.iter().find(|isa| isa.name() == name) {
        Some(isa) => Ok(adieu_kernels::with_isa(*isa, work)),
        None => {
            let names: Vec<&str> = here.iter().map(|isa| isa.name()).collect();
            Err(format!("this processor has no `{name}`; choose one of: {}", names.join(", ")))
        }
    }
}

/// Somebody asked the bench to stop.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopped;

/// The share of the best peak that both peaks of a turn must reach for it to count.
const UNDISTURBED: f64 = 0.95;
/// Milliseconds of a look at the peak.
const LOOK_MS: u64 = 2;
/// Milliseconds of a turn, at least: neither the clock nor the looks at the peak count then.
const TURN_MS: u128 = 20;

/// The best peak that was seen of each precision, GFLOP/s. One for a whole bench: judged by its own turns alone, a
/// machine that was busy all the while would pass for a slow one.
#[derive(Debug, Default)]
struct Yardstick(Vec<(Precision, f64)>);

impl Yardstick {
    /// The peak of this moment.
    fn look(&mut self, precision: Precision, millis: u64) -> f64 {
        let peak = peak_gflops(precision, millis);
        match self.0.iter_mut().find(|(of, _)| *of == precision) {
            Some((_, best)) => *best = best.max(peak),
            None => self.0.push((precision, peak)),
        }
        peak
    }

    fn best(&self, precision: Precision) -> f64 {
        self.0.iter().find(|(of, _)| *of == precision).map_or(0.0, |(_, best)| *best)
    }
}

/// One timing with the peaks around it.
#[derive(Clone, Copy, Debug)]
struct Turn {
    seconds: f64,
    peaks: [f64; 2],
}

impl Turn {
    /// Times `work`, which is done again and again for [`TURN_MS`].
    fn take(yardstick: &mut Yardstick, precision: Precision, mut work: impl FnMut()) -> Turn {
        let before = yardstick.look(precision, LOOK_MS);
        let (start, mut times) = (Instant::now(), 0);
        while times == 0 || start.elapsed().as_millis() < TURN_MS {
            work();
            times += 1;
        }
        let seconds = start.elapsed().as_secs_f64() / f64::from(times);
        Turn { seconds, peaks: [before, yardstick.look(precision, LOOK_MS)] }
    }

    fn peak(&self) -> f64 {
        self.peaks[0].midpoint(self.peaks[1])
    }
}

/// Turns of one work, to be judged when the whole bench is over: only then the best peak is known.
struct Taken {
    precision: Precision,
    /// Floating point operations of the work.
    flops: f64,
    turns: Vec<Turn>,
}

impl Taken {
    fn new(precision: Precision, flops: f64) -> Taken {
        Taken { precision, flops, turns: Vec::new() }
    }

    fn take(&mut self, yardstick: &mut Yardstick, work: impl FnMut()) {
        self.turns.push(Turn::take(yardstick, self.precision, work));
    }

    fn judged(&self, yardstick: &Yardstick) -> Speed {
        Speed::of(&self.turns, yardstick.best(self.precision), self.flops)
    }
}

/// What some turns of the same work say.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Speed {
    /// Median, milliseconds.
    pub ms: f64,
    /// Billions of floating point operations a second; two a multiply-add.
    pub gflops: f64,
    /// Median of speed over the peak of the same moment.
    pub fraction_of_peak: f64,
    /// Turns that count, and turns taken. If none counts, the medians are over all: only the fraction means something.
    pub turns: (usize, usize),
}

impl Speed {
    /// What `turns` of `flops` operations say, beside the `best` peak of the yardstick.
    fn of(turns: &[Turn], best: f64, flops: f64) -> Speed {
        let quiet = |turn: &&Turn| turn.peaks.iter().all(|peak| *peak >= UNDISTURBED * best);
        let mut counting: Vec<&Turn> = turns.iter().filter(quiet).collect();
        let undisturbed = counting.len();
        if counting.is_empty() {
            counting = turns.iter().collect(); // a busy machine: the fraction of the momentary peak is what is left
        }
        let seconds = median(counting.iter().map(|turn| turn.seconds).collect());
        let fraction = median(counting.iter().map(|turn| flops / turn.seconds / 1e9 / turn.peak()).collect());
        let (ms, gflops) = (seconds * 1e3, flops / seconds / 1e9);
        Speed { ms, gflops, fraction_of_peak: fraction, turns: (undisturbed, turns.len()) }
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => values[middle],
        _ => values[middle - 1].midpoint(values[middle]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(vec![]).is_nan());
    }

    #[test]
    fn disturbed_turns_do_not_count_unless_there_are_no_others() {
        let turn = |seconds, before, after| Turn { seconds, peaks: [before, after] };
        let turns =
            [turn(1.0, 100.0, 100.0), turn(9.0, 50.0, 100.0), turn(3.0, 99.0, 97.0), turn(2.0, 98.0, 98.0)];
        let speed = Speed::of(&turns, 100.0, 4e9);
        assert_eq!((speed.ms, speed.gflops, speed.turns), (2000.0, 2.0, (3, 4)));
        let all_disturbed = [turn(2.0, 50.0, 100.0), turn(4.0, 100.0, 50.0)];
        let speed = Speed::of(&all_disturbed, 100.0, 3e9);
        assert_eq!(speed.turns, (0, 2));
        assert!((speed.ms - 3000.0).abs() < 1e-9);
        assert_eq!(
            Speed::of(&turns, 200.0, 4e9).turns.0,
            0,
            "slow all the while, by the peak of another time"
        );
    }
}
