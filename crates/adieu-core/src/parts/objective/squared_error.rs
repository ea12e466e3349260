//! Mean squared error of reconstructed rows.
//!
//! ```text
//! L = (1/(B n)) Σ_b Σ_i (x̂_bi − x_bi)²        ∂L/∂x̂ = 2 (x̂ − x) / (B n)
//! ```

use crate::Tensor;
use crate::parts::host::{matrix, view};

/// See the module.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SquaredError;

impl SquaredError {
    /// Loss, in the square of the rows' own unit, and ∂L/∂x̂ `[B, n]`, for reconstructions `z [B, n]` of rows `x [B, n]`.
    /// Without rows the loss is 0.
    ///
    /// # Panics
    /// If the two are not of one shape.
    pub fn loss(&self, z: &Tensor, x: &Tensor) -> (f64, Tensor) {
        let [rows, n] = z.dims();
        assert_eq!(x.dims(), [rows, n], "squared error: a reconstruction a row");
        let count = (rows * n).max(1) as f64;
        let (z, x) = (view(z), view(x));
        let mut loss = 0.0;
        let slope = |(z, x): (&f32, &f32)| {
            let far = f64::from(*z) - f64::from(*x);
            loss += far * far;
            (2.0 * far / count) as f32
        };
        let dz = z.iter().zip(x.iter()).map(slope).collect();
        (loss / count, matrix(dz, rows, n))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let (loss, dz) =
            SquaredError.loss(&matrix(vec![1.0, 0.0, -1.0, 2.0], 2, 2), &matrix(vec![0.0; 4], 2, 2));
        assert_eq!(loss, 1.5);
        assert_eq!(view(&dz)[..], [0.5, 0.0, -0.5, 1.0]);
    }
}
