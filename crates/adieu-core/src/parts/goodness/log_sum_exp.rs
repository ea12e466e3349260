//! Soft maximum of activities, the energy of a softmax classifier (Liu et al. 2020, arXiv:2010.03759):
//!
//! ```text
//! g = T log Σⱼ exp(hⱼ/T)        ∂g/∂hⱼ = softmax(h/T)ⱼ
//! max h ≤ g ≤ max h + T log n
//! ```
//!
//! T, in units of activity, says how many of the strongest units share the credit: at T → 0 the one. It shall be well
//! below the activities: else T log n, which no activity can lower, is most of g, and a layer that shall have low
//! goodness on real rows cannot. At first activities are about 1; hence T = ¼. The derivatives
//! of a row sum to 1, whatever the width, so that a layer learns slowly at the rates of a sum; Adam does not mind.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{GoodnessFn, of_rows};
use crate::Tensor;
use crate::parts::activity::Activity;
use crate::parts::host::{matrix, view};

/// g = T log Σ exp(h/T).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LogSumExp {
    /// T, in units of activity.
    #[schemars(range(min = 1e-3, max = 1e6))]
    pub softness: f64,
}

impl Default for LogSumExp {
    fn default() -> LogSumExp {
        LogSumExp { softness: 0.25 }
    }
}

fn largest(row: &[f32]) -> f32 {
    row.iter().copied().fold(f32::NEG_INFINITY, f32::max)
}

impl GoodnessFn for LogSumExp {
    fn value(&self, h: &Activity) -> Tensor {
        let per_t = 1.0 / self.softness as f32;
        of_rows(h, |row| {
            let top = largest(row);
            let sum: f64 = row.iter().map(|h| f64::from(((h - top) * per_t).exp())).sum();
            f64::from(top) + self.softness * sum.ln()
        })
    }

    fn pullback(&self, h: &Activity, dg: &Tensor) -> Activity {
        let [rows, n] = h.dims();
        let per_t = 1.0 / self.softness as f32;
        let (mut dh, mut scales) = (Vec::with_capacity(rows * n), view(dg).to_vec());
        for (row, scale) in view(h.values()).chunks_exact(n).zip(&mut scales) {
            let (top, start) = (largest(row), dh.len());
            dh.extend(row.iter().map(|h| ((h - top) * per_t).exp()));
            *scale /= dh[start..].iter().map(|e: &f32| f64::from(*e)).sum::<f64>() as f32;
        }
        Activity::from(matrix(dh, rows, n)).scaled(scales)
    }

    fn pullback_bytes(&self, rows: usize, n: usize) -> Option<u64> {
        Some((rows * (n + 1)) as u64 * 4)
    }

    fn of_ones(&self, n: usize) -> f64 {
        1.0 + self.softness * (n as f64).ln()
    }
}
