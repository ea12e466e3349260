//! Row normalisation: only the direction of a row goes on.
//!
//! - RMS: `N(h) = h / (√(mean h²) + ε)`, so that the sum of squares is the width (Hinton's code).
//! - L2: `N(h) = h / (√(Σ h²) + ε)`, unit length (most ports).
//!
//! ε = 1e-20: the published e⁻¹⁰⁰ is subnormal in f32, and 0/0 where subnormals are flushed. A row of zeros
//! stays zeros. No mean is subtracted and nothing is learned.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::activity::Activity;
use super::host::view;

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

    /// `h [B, n]` → `[B, n]`: the same values, scaled. h carries no scales yet.
    pub fn apply(self, h: &Activity) -> Activity {
        match self.scales(&view(h.squares()), h.dims()[1]) {
            Some(scales) => h.scaled(scales),
            None => h.clone().without_squares(),
        }
    }

    /// What rows of `cols` numbers with these sums of squares are multiplied by; `None`: left as they are.
    pub fn scales(self, squares: &[f32], cols: usize) -> Option<Vec<f32>> {
        let divisor = match self {
            Norm::Rms => cols as f64,
            Norm::L2 => 1.0,
            Norm::None => return None,
        };
        let scale = |squares: &f32| {
            let scale = (1.0 / ((f64::from(*squares) / divisor).sqrt() + EPSILON)) as f32;
            // 1/ε is beyond f32: a row of zeros must be scaled by something finite.
            if scale.is_infinite() { f32::MAX } else { scale }
        };
        Some(squares.iter().map(scale).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parts::host::{matrix, matrix_from};
    use adieu_kernels::row_sums_of_squares;

    #[test]
    fn rows_get_the_size_they_should_and_zeros_stay_zeros() {
        let h = Activity::from(matrix_from(3, 5, |r, c| [0.0, 1e-4, 30.0][r] * (c as f32 + 1.0)));
        for (norm, size) in [(Norm::Rms, 5.0), (Norm::L2, 1.0)] {
            let out = norm.apply(&h).tensor();
            let mut squares = vec![0.0; 3];
            row_sums_of_squares(&view(&out), 5, &mut squares);
            assert_eq!(squares[0], 0.0, "{norm:?}");
            assert!(squares[1..].iter().all(|s| (s / size - 1.0).abs() < 1e-5), "{norm:?}: {squares:?}");
        }
        assert_eq!(view(&Norm::None.apply(&h).tensor())[..], view(h.values())[..]);
    }

    #[test]
    fn what_is_not_finite_stays_not_finite() {
        let out = Norm::Rms.apply(&matrix(vec![f32::NAN, 1.0, f32::INFINITY, 1.0], 2, 2).into()).tensor();
        assert!(view(&out)[0].is_nan() && view(&out)[2].is_nan());
    }
}
