//! Sum of squares, Hinton 2022 (arXiv:2212.13345), section 2: `g = Σⱼ hⱼ²`, `∂g/∂hⱼ = 2 hⱼ`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::GoodnessFn;
use crate::Tensor;
use crate::parts::activity::Activity;
use crate::parts::host::view;

/// g = Σ h².
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SumSquares {}

impl GoodnessFn for SumSquares {
    fn value(&self, h: &Activity) -> Tensor {
        h.squares().clone()
    }

    fn pullback(&self, h: &Activity, dg: &Tensor) -> Activity {
        h.scaled(view(dg).iter().map(|dg| 2.0 * dg).collect())
    }

    fn pullback_bytes(&self, rows: usize, _: usize) -> Option<u64> {
        Some(rows as u64 * 4)
    }

    fn of_ones(&self, n: usize) -> f64 {
        n as f64
    }
}
