//! Benches: how fast things are, beside what the machine can do at that moment.
//!
//! Machines drift and are shared. So configurations take turns, the peak is measured before and after every turn, a
//! turn counts only where nobody else seems to have had the processor, and what is told are medians.

pub mod engine;
mod epoch;
mod products;
mod steps;

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

/// One timing with the peaks around it.
#[derive(Clone, Copy, Debug)]
struct Turn {
    seconds: f64,
    peaks: [f64; 2],
}

impl Turn {
    /// Times `work`, which is done `repeat` times.
    fn take(precision: Precision, repeat: usize, mut work: impl FnMut()) -> Turn {
        let before = peak_gflops(precision, LOOK_MS);
        let start = Instant::now();
        (0..repeat).for_each(|_| work());
        let seconds = start.elapsed().as_secs_f64() / repeat as f64;
        Turn { seconds, peaks: [before, peak_gflops(precision, LOOK_MS)] }
    }

    fn peak(&self) -> f64 {
        self.peaks[0].midpoint(self.peaks[1])
    }
}

/// What some turns of the same work say.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Speed {
    /// Median, milliseconds.
    pub ms: f64,
    /// Billions of floating point operations a second; two a multiply-add.
    pub gflops: f64,
    /// Median of speed over the peak of the same moment.
    pub fraction_of_peak: f64,
    /// Turns that count, and turns taken.
    pub turns: (usize, usize),
}

impl Speed {
    fn of(turns: &[Turn], flops: f64) -> Speed {
        let best = turns.iter().flat_map(|turn| turn.peaks).fold(0.0, f64::max);
        let quiet = |turn: &&Turn| turn.peaks.iter().all(|peak| *peak >= UNDISTURBED * best);
        let mut counting: Vec<&Turn> = turns.iter().filter(quiet).collect();
        if counting.is_empty() {
            counting = turns.iter().collect(); // a busy machine: the fraction of the momentary peak is what is left
        }
        let seconds = median(counting.iter().map(|turn| turn.seconds).collect());
        let fraction = median(counting.iter().map(|turn| flops / turn.seconds / 1e9 / turn.peak()).collect());
        let (ms, gflops) = (seconds * 1e3, flops / seconds / 1e9);
        Speed { ms, gflops, fraction_of_peak: fraction, turns: (counting.len(), turns.len()) }
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
        let speed = Speed::of(&turns, 4e9);
        assert_eq!((speed.ms, speed.gflops, speed.turns), (2000.0, 2.0, (3, 4)));
        let all_disturbed = [turn(2.0, 50.0, 100.0), turn(4.0, 100.0, 50.0)];
        assert_eq!(Speed::of(&all_disturbed, 3e9).turns, (2, 2));
        assert!((Speed::of(&all_disturbed, 3e9).ms - 3000.0).abs() < 1e-9);
    }
}
