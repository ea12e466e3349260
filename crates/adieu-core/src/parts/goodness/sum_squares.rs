//! Sum of squares, Hinton 2022 (arXiv:2212.13345), section 2: `g = Σⱼ hⱼ²`, `∂g/∂hⱼ = 2 hⱼ`.

use adieu_kernels::{row_sums_of_squares, scale_rows};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::GoodnessFn;
use crate::Tensor;
use crate::parts::host::{matrix, view};

/// g = Σ h².
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SumSquares {}

impl GoodnessFn for SumSquares {
    fn value(&self, h: &Tensor) -> Tensor {
        let [rows, cols] = h.dims();
        let mut g = vec![0.0; rows];
        row_sums_of_squares(&view(h), cols, &mut g);
        matrix(g, rows, 1)
    }

    fn pullback(&self, h: &Tensor, dg: &Tensor) -> Tensor {
        let [rows, cols] = h.dims();
        let scales: Vec<f32> = view(dg).iter().map(|dg| 2.0 * dg).collect();
        let mut dh = vec![0.0; rows * cols];
        scale_rows(&view(h), cols, &scales, &mut dh);
        matrix(dh, rows, cols)
    }

    fn of_ones(&self, n: usize) -> f64 {
        n as f64
    }
}
