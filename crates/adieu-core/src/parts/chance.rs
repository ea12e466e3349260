//! Chance: every draw comes from a named stream.
//!
//! `Rng::stream(seed, purpose, index)` is an independent ChaCha8 generator for each purpose and index, so no
//! generator is ever stored: resuming at step n needs only n, and two learners of one seed share initial weights
//! and batches, which makes their comparison *paired*. ChaCha8's output is fixed by its definition; the
//! distributions are ours, so values stay the same whatever library versions change.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng};

/// What a stream is for. The numbers are part of the definition of a run: never renumber.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Initial weights; index: layer.
    Init = 1,
    /// Order of the rows; index: epoch.
    Shuffle = 2,
    /// Negative data; index: step.
    Negatives = 3,
    /// Dropout masks and other noise inside blocks; index: step.
    Dropout = 4,
    /// Initial states of settling; index: step.
    Settle = 5,
    /// Augmentation; index: step.
    Augment = 6,
    /// Measuring and testing, never training.
    Probe = 7,
    /// Initial weights of a learner's own parts (heads, feedback); index: part.
    Head = 8,
}

/// A stream of chance.
#[derive(Clone)]
pub struct Rng(ChaCha8Rng);

impl Rng {
    /// The stream of (`seed`, `purpose`, `index`): always the same draws.
    pub fn stream(seed: u64, purpose: Purpose, index: u64) -> Rng {
        let mut key = [0u8; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..16].copy_from_slice(&(purpose as u64).to_le_bytes());
        key[16..24].copy_from_slice(&index.to_le_bytes());
        Rng(ChaCha8Rng::from_seed(key))
    }

    /// Uniform in [0, 1), 24 bits.
    pub fn unit(&mut self) -> f32 {
        (self.0.next_u32() >> 8) as f32 * (1.0 / (1u32 << 24) as f32)
    }

    /// Uniform in [0, 1), 53 bits.
    pub fn unit_f64(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// Uniform in 0..n, without bias. Panics if `n` is 0.
    pub fn below(&mut self, n: u32) -> u32 {
        assert!(n > 0, "Rng::below(0): nothing to draw from");
        // Lemire's rejection: the low half of the product says whether the draw falls in the uneven rest.
        loop {
            let product = u64::from(self.0.next_u32()) * u64::from(n);
            if product as u32 >= n.wrapping_neg() % n {
                return (product >> 32) as u32;
            }
        }
    }

    /// Standard normal, by Box and Muller.
    pub fn normal(&mut self) -> f32 {
        let radius = (-2.0 * (1.0 - self.unit_f64()).ln()).sqrt();
        (radius * (std::f64::consts::TAU * self.unit_f64()).cos()) as f32
    }

    /// Fisher-Yates.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i as u32 + 1) as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_a_function_of_its_name() {
        let draw = |seed, purpose, index| Rng::stream(seed, purpose, index).unit_f64();
        assert_eq!(draw(1, Purpose::Init, 0), draw(1, Purpose::Init, 0));
        let others = [draw(2, Purpose::Init, 0), draw(1, Purpose::Shuffle, 0), draw(1, Purpose::Init, 1)];
        assert!(others.iter().all(|other| *other != draw(1, Purpose::Init, 0)), "{others:?}");
    }

    #[test]
    fn values_are_stable() {
        // These numbers are what makes an old run repeatable. If they change, every published seed is void.
        let mut rng = Rng::stream(42, Purpose::Init, 3);
        let drawn = (rng.below(1000), rng.below(1000), rng.unit(), rng.normal());
        assert_eq!(drawn, STABLE, "the definition of chance has changed");
    }
    const STABLE: (u32, u32, f32, f32) = (251, 505, 0.022118986, 0.87542695);

    #[test]
    fn normals_have_the_right_moments_and_draws_the_right_range() {
        let mut rng = Rng::stream(7, Purpose::Probe, 0);
        let draws: Vec<f64> = (0..100_000).map(|_| f64::from(rng.normal())).collect();
        let mean = draws.iter().sum::<f64>() / 1e5;
        let variance = draws.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / 1e5;
        assert!(mean.abs() < 0.015 && (variance - 1.0).abs() < 0.02, "mean {mean}, variance {variance}");
        let mut counts = [0u32; 7];
        (0..70_000).for_each(|_| counts[rng.below(7) as usize] += 1);
        assert!(counts.iter().all(|c| (9_500..10_500).contains(c)), "{counts:?}");
        assert!((0..100_000).all(|_| (0.0..1.0).contains(&rng.unit())));
    }

    #[test]
    fn a_shuffle_keeps_every_item() {
        let mut items: Vec<u32> = (0..1000).collect();
        Rng::stream(1, Purpose::Shuffle, 1).shuffle(&mut items);
        assert_ne!(items, (0..1000).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..1000).collect::<Vec<_>>());
    }
}
