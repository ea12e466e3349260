//! Activity: rows on their way through a network.
//!
//! A normalised row is the row times one number, and so is the error of a layer's goodness. These factors travel
//! beside the values and are multiplied in where a kernel reads them: a normalised layer has no array of its own, and
//! Forward-Forward's input to a layer *is* the layer below's output. The sum of squares of each row, which norm and
//! goodness both want, is taken while the row is made, or once when first asked for.

use std::sync::OnceLock;

use adieu_kernels::{Rows, row_sums_of_squares, scale_rows};

use super::host::{View, matrix, view};
use crate::Tensor;

/// Rows `[B, n]`, row r being `scales[r] · values[r]`.
#[derive(Clone, Debug)]
pub struct Activity {
    values: Tensor,
    /// `[B, 1]`
    scales: Option<Tensor>,
    /// Of the values, unscaled: `[B, 1]`.
    squares: OnceLock<Tensor>,
}

impl From<Tensor> for Activity {
    fn from(values: Tensor) -> Activity {
        Activity { values, scales: None, squares: OnceLock::new() }
    }
}

impl Activity {
    /// `values [B, n]`, whose rows' sums of squares are known.
    pub fn with_squares(values: Tensor, squares: Vec<f32>) -> Activity {
        let rows = squares.len();
        Activity { values, scales: None, squares: matrix(squares, rows, 1).into() }
    }

    /// `[B, n]`.
    pub fn dims(&self) -> [usize; 2] {
        self.values.dims()
    }

    /// The values without their scales.
    pub fn values(&self) -> &Tensor {
        &self.values
    }

    /// Σ v² of each row of the values, without their scales: `[B, 1]`.
    pub fn squares(&self) -> &Tensor {
        self.squares.get_or_init(|| {
            let [rows, cols] = self.dims();
            let mut squares = vec![0.0; rows];
            row_sums_of_squares(&view(&self.values), cols, &mut squares);
            matrix(squares, rows, 1)
        })
    }

    /// The same rows without their sums of squares, for keeping.
    #[must_use]
    pub fn without_squares(self) -> Activity {
        Activity { squares: OnceLock::new(), ..self }
    }

    /// The values, each row times its new factor. The sums of squares, which a factor is made of, stay behind.
    ///
    /// # Panics
    /// If there are scales already, or not one for each row.
    pub fn scaled(&self, scales: Vec<f32>) -> Activity {
        assert!(self.scales.is_none(), "rows are scaled once");
        let rows = self.dims()[0];
        Activity { scales: Some(matrix(scales, rows, 1)), ..Activity::from(self.values.clone()) }
    }

    /// `values` with the scales of `self`.
    pub fn lend_scales(&self, values: Tensor) -> Activity {
        debug_assert_eq!(values.dims()[0], self.dims()[0], "a scale for each row");
        Activity { scales: self.scales.clone(), ..Activity::from(values) }
    }

    /// The scales, if there are any.
    pub fn scales(&self) -> Option<View> {
        self.scales.as_ref().map(view)
    }

    /// As one array, scales multiplied in: `[B, n]`. Without scales nothing is copied.
    pub fn tensor(&self) -> Tensor {
        let Some(scales) = &self.scales else { return self.values.clone() };
        let [rows, cols] = self.dims();
        let mut out = vec![0.0; rows * cols];
        scale_rows(&view(&self.values), cols, &view(scales), &mut out);
        matrix(out, rows, cols)
    }

    /// [`Activity::tensor`], giving up all else.
    pub fn into_tensor(self) -> Tensor {
        if self.scales.is_some() { self.tensor() } else { self.values }
    }

    /// Lends the numbers to a kernel.
    pub fn lend(&self) -> Lent {
        Lent { values: view(&self.values), scales: self.scales.as_ref().map(view), dims: self.dims() }
    }

    /// The arrays that it holds: values, and scales if there are any.
    pub(crate) fn arrays(&self) -> impl Iterator<Item = &Tensor> {
        std::iter::once(&self.values).chain(&self.scales)
    }
}

/// An activity's numbers.
pub struct Lent {
    values: View,
    scales: Option<View>,
    dims: [usize; 2],
}

impl Lent {
    /// The rows, for a kernel.
    pub fn rows(&self) -> Rows<'_> {
        Rows::new(&self.values, self.dims[0], self.dims[1]).scaled(self.scales.as_deref())
    }

    /// The scales, if there are any.
    pub fn scales(&self) -> Option<&[f32]> {
        self.scales.as_deref()
    }

    /// The values without their scales.
    pub fn values(&self) -> &[f32] {
        &self.values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_are_multiplied_in_when_asked_and_squares_are_without_them() {
        let rows = Activity::from(matrix(vec![1.0, 2.0, 3.0, 4.0], 2, 2));
        assert_eq!(view(rows.squares())[..], [5.0, 25.0]);
        let scaled = rows.scaled(vec![2.0, -1.0]);
        assert_eq!(view(&scaled.tensor())[..], [2.0, 4.0, -3.0, -4.0]);
        assert_eq!(view(scaled.values())[..], [1.0, 2.0, 3.0, 4.0]);
    }
}
