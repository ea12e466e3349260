//! Mean of activities, unsquared: `g = (1/n) Σⱼ hⱼ`, `∂g/∂hⱼ = 1/n` (DeeperForward, Sun et al., ICLR 2025).
//!
//! It is to [`Sum`](super::Sum) what the mean of squares is to their sum: the same with temperature n. It wants
//! activities that are not negative.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{GoodnessFn, of_rows};
use crate::Tensor;
use crate::parts::activity::Activity;
use crate::parts::host::{matrix, view};

/// g = mean h.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Mean {}

impl GoodnessFn for Mean {
    fn value(&self, h: &Activity) -> Tensor {
        let n = h.dims()[1] as f64;
        of_rows(h, |row| row.iter().map(|h| f64::from(*h)).sum::<f64>() / n)
    }

    fn pullback(&self, h: &Activity, dg: &Tensor) -> Activity {
        let [rows, n] = h.dims();
        Activity::from(matrix(vec![1.0 / n as f32; rows * n], rows, n)).scaled(view(dg).to_vec())
    }

    fn pullback_bytes(&self, rows: usize, n: usize) -> Option<u64> {
        Some((rows * (n + 1)) as u64 * 4)
    }

    fn of_ones(&self, _: usize) -> f64 {
        1.0
    }
}
