//! The generator that made-up rows and splits are drawn by: SplitMix64 (Steele, Lea, Flood 2014), whose values are
//! fixed for good. It draws data, never anything of a run.

/// A stream of numbers, all of it known from the seed and the purpose.
#[derive(Clone, Debug)]
pub(crate) struct Chance(u64);

impl Chance {
    /// The stream of `seed` for one purpose, told from others by its name.
    pub(crate) fn new(seed: u64, purpose: &str) -> Chance {
        let mix = |state: u64, byte: u8| (state ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        let mut chance = Chance(purpose.bytes().fold(0xcbf2_9ce4_8422_2325, mix) ^ seed);
        chance.next();
        chance
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in [0, 1).
    pub(crate) fn uniform(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Uniform from 0 to n − 1, by multiplication: of n below 2³² no number is likelier by more than 2⁻³².
    pub(crate) fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.next()) * n as u128) >> 64) as usize
    }

    /// Normal, mean 0, deviation 1 (Box and Muller).
    pub(crate) fn normal(&mut self) -> f64 {
        let (radius, angle) = (1.0 - self.uniform(), self.uniform());
        (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
    }

    /// A random order of 0 … n − 1.
    pub(crate) fn order(&mut self, n: usize) -> Vec<u32> {
        let mut order: Vec<u32> = (0..n as u32).collect();
        for i in (1..n).rev() {
            order.swap(i, self.below(i + 1));
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_fixed_apart_and_fair() {
        let first = |seed, purpose| Chance::new(seed, purpose).next();
        assert_eq!(first(1, "moons"), first(1, "moons"));
        assert_ne!(first(1, "moons"), first(2, "moons"));
        assert_ne!(first(1, "moons"), first(1, "xor"));
        let mut chance = Chance::new(7, "test");
        let (mut counts, mut sum, mut squares) = ([0_u32; 5], 0.0, 0.0);
        for _ in 0..10_000 {
            counts[chance.below(5)] += 1;
            let normal = chance.normal();
            (sum, squares) = (sum + normal, squares + normal * normal);
        }
        assert!(counts.iter().all(|count| (1_800..2_200).contains(count)), "{counts:?}");
        assert!((sum / 1e4).abs() < 0.05 && (squares / 1e4 - 1.0).abs() < 0.05, "{sum} {squares}");
        let mut order = chance.order(100);
        assert_ne!(order, (0..100).collect::<Vec<u32>>());
        order.sort_unstable();
        assert_eq!(order, (0..100).collect::<Vec<u32>>());
    }
}
