//! The yardstick: how fast this processor multiplies and adds when nothing has to be loaded.

use crate::isa::{Isa, Kernel, isa};
use crate::precision::unit;
use std::hint::black_box;

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
