//! Mean of squares, as most ports have it: `g = (1/n) Σⱼ hⱼ²`. It equals [`SumSquares`](super::SumSquares) with temperature n: a
//! logistic thousands of times softer, which is what most ports get wrong.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::GoodnessFn;
use crate::Tensor;
use crate::parts::activity::Activity;
use crate::parts::host::{matrix, view};

/// g = mean h².
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MeanSquares {}

impl GoodnessFn for MeanSquares {
    fn value(&self, h: &Activity) -> Tensor {
        let [rows, n] = h.dims();
        matrix(view(h.squares()).iter().map(|squares| squares / n as f32).collect(), rows, 1)
    }

    fn pullback(&self, h: &Activity, dg: &Tensor) -> Activity {
        let n = h.dims()[1] as f32;
        h.scaled(view(dg).iter().map(|dg| 2.0 * (dg / n)).collect())
    }

    fn pullback_bytes(&self, rows: usize, _: usize) -> Option<u64> {
        Some(rows as u64 * 4)
    }

    fn of_ones(&self, _: usize) -> f64 {
        1.0
    }
}
