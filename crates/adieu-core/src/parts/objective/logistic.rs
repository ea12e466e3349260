//! Logistic: is the row real? Hinton 2022 (arXiv:2212.13345), equation 1.
//!
//! ```text
//! z = s (g − θ) / T            s = +1 if good means high goodness, −1 if low
//! p = σ(z)                     probability that the row is real
//! L = (1/B) [ Σ_real softplus(−z) + Σ_fake softplus(z) ]        B = number of real rows
//! ∂L/∂g = −s (t − p) / (T B)                                    t = 1 for real rows, 0 for fake
//! ```
//!
//! `(t − p)` is exactly 0 in f32 for a row well past the threshold: with the sum of squares the logistic is that
//! sharp, and such rows teach nothing.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ObjectiveFn, Tags};
use crate::Tensor;
use crate::parts::host::{matrix, view};

/// Is the row real? L = mean log(1 + exp(∓(g − θ)/T)).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Logistic {
    /// Threshold θ, in units of the goodness of a row whose every unit has activity 1 (see `calibrate` for another). 1.0 with the sum of squares
    /// is the paper's "number of units in the layer"; 2.0 with the mean of squares is the popular ports'.
    #[schemars(range(min = 0.0, max = 1e6))]
    pub theta: f64,
    /// Temperature T, in units of goodness.
    #[schemars(range(min = 1e-6, max = 1e9))]
    pub temperature: f64,
}

impl Default for Logistic {
    fn default() -> Logistic {
        Logistic { theta: 1.0, temperature: 1.0 }
    }
}

impl ObjectiveFn for Logistic {
    fn loss(&self, g: &Tensor, tags: &Tags) -> (f64, Tensor) {
        let rows = g.dims()[0];
        let theta = (self.theta * tags.unit) as f32;
        let temperature = (self.temperature * tags.stretch) as f32;
        let real_rows = tags.real.iter().filter(|real| **real).count().max(1);
        let scale = tags.direction / (temperature * real_rows as f32);
        let mut loss = 0.0;
        let judge = |(g, real): (&f32, &bool)| {
            let z = tags.direction * (g - theta) / temperature;
            loss += softplus(f64::from(if *real { -z } else { z }));
            let t = f32::from(u8::from(*real));
            -(t - sigmoid(z)) * scale
        };
        let dg = view(g).iter().zip(&tags.real).map(judge).collect();
        (loss / real_rows as f64, matrix(dg, rows, 1))
    }

    fn threshold(&self, unit: f64) -> Option<f64> {
        Some(self.theta * unit)
    }
}

/// σ(z) = 1 / (1 + e⁻ᶻ), without overflow.
pub(crate) fn sigmoid(z: f32) -> f32 {
    if z >= 0.0 { 1.0 / (1.0 + (-z).exp()) } else { z.exp() / (1.0 + z.exp()) }
}

/// log(1 + eᶻ), without overflow.
pub(crate) fn softplus(z: f64) -> f64 {
    z.max(0.0) + (-z.abs()).exp().ln_1p()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn far_from_the_threshold_nothing_overflows_and_satisfied_rows_teach_nothing() {
        let g = matrix(vec![5000.0, -5000.0, 5000.0, -5000.0], 4, 1);
        let real = vec![true, true, false, false];
        let tags = Tags { real, labels: vec![0; 4], direction: 1.0, unit: 100.0, stretch: 1.0 };
        let (loss, dg) = Logistic::default().loss(&g, &tags);
        assert_eq!(loss, (5100.0 + 4900.0) / 2.0);
        assert_eq!(view(&dg)[..], [0.0, -0.5, 0.5, 0.0]);
    }

    #[test]
    fn nan_is_not_swallowed() {
        let tags = Tags { real: vec![true], labels: vec![0], direction: 1.0, unit: 1.0, stretch: 1.0 };
        let (loss, dg) = Logistic::default().loss(&matrix(vec![f32::NAN], 1, 1), &tags);
        assert!(loss.is_nan() && view(&dg)[0].is_nan());
    }
}
