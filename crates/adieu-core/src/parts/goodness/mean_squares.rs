//! Mean of squares, as most ports have it: `g = (1/n) Σⱼ hⱼ²`. It equals [`SumSquares`] with temperature n: a
//! logistic thousands of times softer, which is what most ports get wrong.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{GoodnessFn, SumSquares};
use crate::Tensor;
use crate::parts::activity::Activity;

/// g = mean h².
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MeanSquares {}

impl GoodnessFn for MeanSquares {
    fn value(&self, h: &Activity) -> Tensor {
        SumSquares {}.value(h) / h.dims()[1] as f32
    }

    fn pullback(&self, h: &Activity, dg: &Tensor) -> Activity {
        SumSquares {}.pullback(h, &(dg.clone() / h.dims()[1] as f32))
    }

    fn of_ones(&self, _: usize) -> f64 {
        1.0
    }
}
