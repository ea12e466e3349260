//! Top-k energy: the mean of the k largest squares, `g = (1/k) Σ_{j ∈ top k} hⱼ²`, `∂g/∂hⱼ = 2hⱼ/k` for those units
//! and 0 for the others.
//!
//! A layer is good that is active in few places, whichever they are; units beyond the k strongest learn nothing of a
//! row. Among equals the first ones count. A layer of fewer than k units has all of them count.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{GoodnessFn, of_rows};
use crate::Tensor;
use crate::parts::activity::Activity;
use crate::parts::host::{matrix, view};

/// g = mean of the k largest h².
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TopK {
    /// How many units count. With fewer in a layer all of them do.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub k: usize,
}

impl Default for TopK {
    fn default() -> TopK {
        TopK { k: 16 }
    }
}

impl TopK {
    fn of(&self, n: usize) -> usize {
        self.k.clamp(1, n)
    }

    /// Brings the k largest of `magnitudes` to the front; NaN is the largest, so that it is seen.
    fn select(magnitudes: &mut [f32], k: usize) {
        magnitudes.select_nth_unstable_by(k - 1, |a, b| b.total_cmp(a));
    }
}

impl GoodnessFn for TopK {
    fn value(&self, h: &Activity) -> Tensor {
        let k = self.of(h.dims()[1]);
        let mut magnitudes = vec![0.0_f32; h.dims()[1]];
        of_rows(h, |row| {
            magnitudes.iter_mut().zip(row).for_each(|(m, h)| *m = h.abs());
            TopK::select(&mut magnitudes, k);
            // In falling order, so that the sum does not depend on the order of the units.
            magnitudes[..k].sort_unstable_by(|a, b| b.total_cmp(a));
            magnitudes[..k].iter().map(|m| f64::from(*m).powi(2)).sum::<f64>() / k as f64
        })
    }

    fn pullback(&self, h: &Activity, dg: &Tensor) -> Activity {
        let [rows, n] = h.dims();
        let k = self.of(n);
        let mut dh = vec![0.0_f32; rows * n];
        for (row, dh) in view(h.values()).chunks_exact(n).zip(dh.chunks_exact_mut(n)) {
            dh.iter_mut().zip(row).for_each(|(m, h)| *m = h.abs());
            TopK::select(dh, k);
            let least = dh[k - 1];
            let above = dh[..k].iter().filter(|m| m.total_cmp(&least).is_gt()).count();
            let mut equals = k - above;
            for (dh, h) in dh.iter_mut().zip(row) {
                let counts = match h.abs().total_cmp(&least) {
                    std::cmp::Ordering::Greater => true,
                    std::cmp::Ordering::Equal if equals > 0 => {
                        equals -= 1;
                        true
                    }
                    _ => false,
                };
                *dh = if counts { 2.0 / k as f32 * h } else { 0.0 };
            }
        }
        Activity::from(matrix(dh, rows, n)).scaled(view(dg).to_vec())
    }

    fn pullback_bytes(&self, rows: usize, n: usize) -> Option<u64> {
        Some((rows * (n + 1)) as u64 * 4)
    }

    fn of_ones(&self, _: usize) -> f64 {
        1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strongest_count_and_of_equals_the_first() {
        let h = Activity::from(matrix(vec![1.0, -3.0, 0.5, 1.0, 1.0], 1, 5));
        let top = TopK { k: 3 };
        assert_eq!(view(&top.value(&h))[0], 11.0 / 3.0);
        let dh = top.pullback(&h, &matrix(vec![3.0], 1, 1)).tensor();
        assert_eq!(view(&dh)[..], [2.0, -6.0, 0.0, 2.0, 0.0]);
    }

    #[test]
    fn nan_is_seen_whatever_its_sign() {
        for nan in [f32::NAN, -f32::NAN] {
            let h = Activity::from(matrix(vec![1.0, nan, 0.5, 1.0], 1, 4));
            assert!(view(&TopK { k: 1 }.value(&h))[0].is_nan());
        }
    }
}
