//! Row normalisation: only the direction of a row goes on.
//!
//! - RMS: `N(h) = h / (√(mean h²) + ε)`, so that the sum of squares is the width (Hinton's code).
//! - L2: `N(h) = h / (√(Σ h²) + ε)`, unit length (most ports).
//!
//! ε = 1e-20: the published e⁻¹⁰⁰ is subnormal in f32, and 0/0 where subnormals are flushed. A row of zeros
//! stays zeros. No mean is subtracted and nothing is learned.

use adieu_kernels::{row_sums_of_squares, scale_rows};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::host::{matrix, view};
use crate::Tensor;

const EPSILON: f64 = 1e-20;

/// What happens to a row before the next layer sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Norm {
    /// Root mean square 1.
    #[default]
    Rms,
    /// Length 1.
    L2,
    /// Left as it is.
    None,
}

impl Norm {
    /// All of them.
    pub const ALL: [Norm; 3] = [Norm::Rms, Norm::L2, Norm::None];

    /// What people write.
    pub fn name(self) -> &'static str {
        match self {
            Norm::Rms => "rms",
            Norm::L2 => "l2",
            Norm::None => "none",
        }
    }

    /// `h [B, n]` → `[B, n]`.
    pub fn apply(self, h: &Tensor) -> Tensor {
        let [rows, cols] = h.dims();
        let divisor = match self {
            Norm::Rms => cols as f64,
            Norm::L2 => 1.0,
            Norm::None => return h.clone(),
        };
        let h = view(h);
        let mut scales = vec![0.0; rows];
        row_sums_of_squares(&h, cols, &mut scales);
        for scale in &mut scales {
            *scale = (1.0 / ((f64::from(*scale) / divisor).sqrt() + EPSILON)) as f32;
        }
        // 1/ε is beyond f32: a row of zeros must be scaled by something finite.
        scales.iter_mut().filter(|scale| scale.is_infinite()).for_each(|scale| *scale = f32::MAX);
        let mut out = vec![0.0; rows * cols];
        scale_rows(&h, cols, &scales, &mut out);
        matrix(out, rows, cols)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parts::host::matrix_from;

    #[test]
    fn rows_get_the_size_they_should_and_zeros_stay_zeros() {
        let h = matrix_from(3, 5, |r, c| [0.0, 1e-4, 30.0][r] * (c as f32 + 1.0));
        for (norm, size) in [(Norm::Rms, 5.0), (Norm::L2, 1.0)] {
            let out = norm.apply(&h);
            let mut squares = vec![0.0; 3];
            row_sums_of_squares(&view(&out), 5, &mut squares);
            assert_eq!(squares[0], 0.0, "{norm:?}");
            assert!(squares[1..].iter().all(|s| (s / size - 1.0).abs() < 1e-5), "{norm:?}: {squares:?}");
        }
        assert_eq!(view(&Norm::None.apply(&h))[..], view(&h)[..]);
    }

    #[test]
    fn what_is_not_finite_stays_not_finite() {
        let out = Norm::Rms.apply(&matrix(vec![f32::NAN, 1.0, f32::INFINITY, 1.0], 2, 2));
        assert!(view(&out)[0].is_nan() && view(&out)[2].is_nan());
    }
}
