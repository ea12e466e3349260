//! How busy the units of a layer are on the positive rows of a step. A unit is *off* on a row where its activity is
//! exactly zero, which a ReLU's often is and a smooth activation's never.
//!
//! One pass over the activity that the layer has at hand, and no memory.

/// Units looked at side by side.
const BAND: usize = 256;

/// Shares, in [0, 1].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Census {
    /// Of activities: those that are zero.
    pub(super) sparsity: f64,
    /// Of units: those that are off on every row.
    pub(super) dead: f64,
    /// Of units: those that are on on every row.
    pub(super) always_on: f64,
}

impl Census {
    /// Of `h [rows, n]`, neither zero.
    pub(super) fn of(h: &[f32], n: usize) -> Census {
        let rows = h.len() / n;
        let (mut on, mut dead, mut always_on) = (0_u64, 0_u32, 0_u32);
        for first in (0..n).step_by(BAND) {
            let width = BAND.min(n - first);
            let mut counts = [0_u32; BAND];
            for row in h.chunks_exact(n) {
                for (count, h) in counts[..width].iter_mut().zip(&row[first..first + width]) {
                    *count += u32::from(*h != 0.0);
                }
            }
            for count in &counts[..width] {
                on += u64::from(*count);
                dead += u32::from(*count == 0);
                always_on += u32::from(*count as usize == rows);
            }
        }
        let share = |units: u32| f64::from(units) / n as f64;
        Census { sparsity: 1.0 - on as f64 / h.len() as f64, dead: share(dead), always_on: share(always_on) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_counted_beyond_a_band_and_a_minus_is_no_activity() {
        let n = BAND + 6;
        // Unit 0 is off, unit 1 and the last are on, the others are on in the first of four rows only.
        let at = |row: usize, unit: usize| match unit {
            0 => -0.0,
            1 => -0.5,
            _ if unit == n - 1 => 2.0,
            _ => f32::from(u8::from(row == 0)),
        };
        let h: Vec<f32> = (0..4 * n).map(|i| at(i / n, i % n)).collect();
        let n = n as f64;
        let found = Census::of(&h, n as usize);
        assert_eq!((found.dead, found.always_on), (1.0 / n, 2.0 / n));
        assert!((found.sparsity - (4.0 + 3.0 * (n - 3.0)) / (4.0 * n)).abs() < 1e-12, "{found:?}");
    }
}
