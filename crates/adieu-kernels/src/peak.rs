//! The yardstick: how fast this processor multiplies and adds when nothing has to be loaded.

use crate::isa::{Isa, Kernel, isa, with_isa};
use crate::precision::{Precision, unit};
use std::hint::black_box;
use std::sync::Barrier;
use std::time::Instant;

/// Runs multiply-adds on registers alone, on the calling thread: `steps` times the tile of the current
/// instruction set. Returns the number of floating point operations done, so that a caller with a clock knows
/// the peak against which a product of the same moment is to be judged (shared machines drift).
#[must_use]
pub fn register_fma(steps: usize) -> u64 {
    let isa = isa();
    isa.run(Registers { steps });
    let tile = isa.geometry();
    2 * (steps * tile.height * tile.width) as u64
}

/// [`register_fma`] for products in [`crate::Precision::Bf16`].
///
/// # Panics
/// If it is not available.
#[must_use]
pub fn register_bf16(steps: usize) -> u64 {
    unit().expect("no bf16 here; see Precision::is_available").registers(steps);
    let tile = Isa::Avx512.geometry();
    4 * (steps * tile.height * tile.width) as u64
}

/// What all threads of the current pool do together at this moment with operands in registers, in GFLOP/s, in products
/// of `precision`; takes about `millis` milliseconds. The yardstick for a product timed just before or after.
///
/// # Panics
/// If `precision` is not available.
#[must_use]
pub fn peak_gflops(precision: Precision, millis: u64) -> f64 {
    let forced = isa();
    let start = Instant::now();
    let operations: u64 = rayon::broadcast(|_| {
        with_isa(forced, || {
            let mut operations = 0;
            while start.elapsed().as_millis() < u128::from(millis) {
                operations += match precision {
                    Precision::F32 => register_fma(4_000),
                    Precision::Bf16 => register_bf16(4_000),
                };
            }
            operations
        })
    })
    .iter()
    .sum();
    operations as f64 / start.elapsed().as_secs_f64() / 1e9
}

/// Floats of one array of a triad, of all threads together, as far as each gets no more than [`MOST`]: three arrays are
/// 1.5 GiB then, more than any cache holds, and no more than a small machine has.
const FAR: usize = 128 << 20;
/// Floats of one array on each thread, at most.
const MOST: usize = 16 << 20;
/// Passes that are timed.
const PASSES: usize = 3;

/// Memory bandwidth of all threads of the current pool together, in GB/s: `a = b + s·c` over arrays that no cache holds,
/// counting two reads and one write. The best of some passes, each from the first thread's start to the last one's end.
#[must_use]
pub fn triad_gbytes() -> f64 {
    let threads = rayon::current_num_threads();
    let len = (FAR / threads).min(MOST);
    let together = Barrier::new(threads);
    let times: Vec<[(Instant, Instant); PASSES]> = rayon::broadcast(|_| {
        let (mut a, b, c) = (vec![0.0_f32; len], vec![1.0_f32; len], vec![2.0_f32; len]);
        triad(&mut a, &b, &c); // the first touch maps the pages
        [(); PASSES].map(|()| {
            together.wait();
            let start = Instant::now();
            triad(&mut a, &b, &c);
            (start, Instant::now())
        })
    });
    let gbytes = (3 * threads * len * size_of::<f32>()) as f64 / 1e9;
    let speed = |pass: usize| {
        let start = times.iter().map(|times| times[pass].0).min();
        let end = times.iter().map(|times| times[pass].1).max();
        let seconds = end.zip(start).map_or(0.0, |(end, start)| (end - start).as_secs_f64());
        gbytes / seconds
    };
    (0..PASSES).map(speed).fold(0.0, f64::max)
}

fn triad(a: &mut [f32], b: &[f32], c: &[f32]) {
    let scale = black_box(3.0);
    for ((a, b), c) in a.iter_mut().zip(b).zip(c) {
        *a = b + scale * c;
    }
    black_box(a);
}

struct Registers {
    steps: usize,
}

impl Kernel for Registers {
    #[inline(always)]
    fn run<const MR: usize, const NR: usize, const FMA: bool>(self) {
        let a = black_box(1e-3_f32);
        let b: [f32; NR] = black_box([1e-3; NR]);
        let mut sums = [[0.0_f32; NR]; MR];
        for _ in 0..self.steps {
            for row in &mut sums {
                for (sum, b) in row.iter_mut().zip(b) {
                    *sum = crate::tile::multiply_add::<FMA>(a, b, *sum);
                }
            }
        }
        black_box(&sums);
    }
}
