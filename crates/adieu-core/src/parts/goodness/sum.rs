//! Sum of activities, unsquared: `g = Σⱼ hⱼ`, `∂g/∂hⱼ = 1`.
//!
//! Every active unit is pushed alike, however strong it is. It wants activities that are not negative (ReLU, sigmoid,
//! softplus): signed ones cancel, and then a layer is no better for being active.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{GoodnessFn, of_rows};
use crate::Tensor;
use crate::parts::activity::Activity;
use crate::parts::host::{matrix, view};

/// g = Σ h.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Sum {}

impl GoodnessFn for Sum {
    fn value(&self, h: &Activity) -> Tensor {
        of_rows(h, |row| row.iter().map(|h| f64::from(*h)).sum())
    }

    fn pullback(&self, h: &Activity, dg: &Tensor) -> Activity {
        let [rows, n] = h.dims();
        Activity::from(matrix(vec![1.0; rows * n], rows, n)).scaled(view(dg).to_vec())
    }

    fn pullback_bytes(&self, rows: usize, n: usize) -> Option<u64> {
        Some((rows * (n + 1)) as u64 * 4)
    }

    fn of_ones(&self, n: usize) -> f64 {
        n as f64
    }
}
