//! Surprise under Student's t-distribution, without its constant:
//!
//! ```text
//! g = Σⱼ (ν + 1)/2 · ln(1 + hⱼ²/ν)        ∂g/∂hⱼ = (ν + 1) hⱼ / (ν + hⱼ²)
//! ```
//!
//! Near zero it grows as a square does, far out as a logarithm: no single unit can carry a layer, and the derivative
//! is at most (ν + 1)/(2 √ν). Hinton 2022 (arXiv:2212.13345) names the distribution as a possible activation.

use adieu_kernels::Activation;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{GoodnessFn, of_rows};
use crate::Tensor;
use crate::parts::activity::Activity;
use crate::parts::host::{matrix, view};

/// g = Σ (ν + 1)/2 ln(1 + h²/ν).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct StudentT {
    /// ν, the degrees of freedom: the larger, the longer it grows as a square.
    #[schemars(range(min = 0.01, max = 1e6))]
    pub nu: f64,
}

impl Default for StudentT {
    fn default() -> StudentT {
        StudentT { nu: 5.0 }
    }
}

impl GoodnessFn for StudentT {
    fn value(&self, h: &Activity) -> Tensor {
        let [rows, n] = h.dims();
        let mut surprises = view(h.values()).to_vec();
        Activation::StudentT { nu: self.nu as f32 }.apply(&mut surprises);
        let surprises = Activity::from(matrix(surprises, rows, n));
        of_rows(&surprises, |row| row.iter().map(|s| f64::from(*s)).sum())
    }

    fn pullback(&self, h: &Activity, dg: &Tensor) -> Activity {
        let [rows, n] = h.dims();
        let nu = self.nu as f32;
        let slopes = view(h.values()).iter().map(|h| (nu + 1.0) * h / (nu + h * h)).collect();
        Activity::from(matrix(slopes, rows, n)).scaled(view(dg).to_vec())
    }

    fn pullback_bytes(&self, rows: usize, n: usize) -> Option<u64> {
        Some((rows * (n + 1)) as u64 * 4)
    }

    fn of_ones(&self, n: usize) -> f64 {
        n as f64 * 0.5 * (self.nu + 1.0) * (1.0 / self.nu).ln_1p()
    }
}
