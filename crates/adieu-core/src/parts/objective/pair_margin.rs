//! Pair margin: is the positive row better than the negative one of its pair? SymBa, Lee & Song 2023
//! (arXiv:2303.08418).
//!
//! ```text
//! Δᵢ = s (g⁺ᵢ − g⁻ᵢ) / u        s = +1 if good means high goodness, −1 if low; u the goodness of activities of 1
//! L  = (1/B) Σᵢ softplus(−α Δᵢ)        B = number of pairs
//! ∂L/∂g⁺ᵢ = −s α σ(−α Δᵢ) / (u B) = −∂L/∂g⁻ᵢ
//! ```
//!
//! There is no threshold. Row i of the positive ones is paired with row i of the negative ones; the paper's score is
//! the mean of squares, whose u is 1, and dividing by u makes α the same for every goodness. Errors are smaller by u
//! than those of the logistic: the default rates are too slow, Adam's of 0.01 or so are not.
//!
//! # Differences from the paper
//! - Labels are shown as Forward-Forward shows them, not as patterns beside the image.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::logistic::{sigmoid, softplus};
use super::{ObjectiveFn, Tags};
use crate::Tensor;
use crate::parts::host::{matrix, view};

/// Is the positive better than its negative? L = mean log(1 + exp(−α (g⁺ − g⁻))).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PairMargin {
    /// Sharpness α, for a goodness in units of that of a row whose every unit has activity 1.
    #[schemars(range(min = 1e-6, max = 1e9))]
    pub alpha: f64,
}

impl Default for PairMargin {
    fn default() -> PairMargin {
        PairMargin { alpha: 4.0 }
    }
}

impl ObjectiveFn for PairMargin {
    fn loss(&self, g: &Tensor, tags: &Tags) -> (f64, Tensor) {
        let (rows, pairs) = (g.dims()[0], g.dims()[0] / 2);
        let sharpness = f64::from(tags.direction) * self.alpha / tags.unit;
        let g = view(g);
        let (positive, negative) = g.split_at(pairs);
        let (mut loss, mut dg) = (0.0, vec![0.0; rows]);
        for (i, (positive, negative)) in positive.iter().zip(negative).enumerate() {
            let z = sharpness * (f64::from(*positive) - f64::from(*negative)); // α Δ
            loss += softplus(-z);
            dg[i] = (-sharpness * f64::from(sigmoid(-z as f32)) / pairs as f64) as f32;
            dg[pairs + i] = -dg[i];
        }
        (loss / pairs as f64, matrix(dg, rows, 1))
    }

    fn threshold(&self, _: f64) -> Option<f64> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_difference_within_a_pair_counts() {
        let loss = |g: [f32; 4]| {
            let tags = Tags {
                real: vec![true, true, false, false],
                labels: vec![0; 4],
                direction: 1.0,
                unit: 2.0,
                stretch: 1.0,
            };
            PairMargin { alpha: 4.0 }.loss(&matrix(g.to_vec(), 4, 1), &tags)
        };
        let (value, dg) = loss([1.0, 5.0, 1.0, 4.0]);
        assert!((value - (2f64.ln() + softplus(-2.0)) / 2.0).abs() < 1e-12);
        let expected = [-0.5, -0.119_202_92, 0.5, 0.119_202_92];
        assert!(view(&dg).iter().zip(expected).all(|(dg, e)| (dg - e).abs() < 1e-6), "{:?}", &view(&dg)[..]);
        assert_eq!(loss([101.0, 5.0, 101.0, 4.0]).0, value);
    }

    #[test]
    fn nan_is_not_swallowed() {
        let tags =
            Tags { real: vec![true, false], labels: vec![0; 2], direction: 1.0, unit: 1.0, stretch: 1.0 };
        let (loss, dg) = PairMargin::default().loss(&matrix(vec![f32::NAN, 0.0], 2, 1), &tags);
        assert!(loss.is_nan() && view(&dg).iter().all(|dg| dg.is_nan()));
    }
}
