//! Free energy of binary units, `g = Σⱼ log(1 + e^hⱼ)`, `∂g/∂hⱼ = σ(hⱼ)`: what hidden units contribute to a restricted
//! Boltzmann machine's minus free energy, where h is a unit's total input (Freund & Haussler 1991).
//!
//! For that reading the layer's activation is the identity; another one gives the formula its h.

use adieu_kernels::Activation;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{GoodnessFn, of_rows};
use crate::Tensor;
use crate::parts::activity::Activity;
use crate::parts::host::{matrix, view};

/// g = Σ log(1 + eʰ), a Boltzmann machine's minus free energy if the activation is the identity.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Softplus {}

impl Softplus {
    fn each(h: &Activity, activation: Activation) -> Activity {
        let [rows, n] = h.dims();
        let mut values = view(h.values()).to_vec();
        activation.apply(&mut values);
        matrix(values, rows, n).into()
    }
}

impl GoodnessFn for Softplus {
    fn value(&self, h: &Activity) -> Tensor {
        let softplus = Softplus::each(h, Activation::Softplus);
        of_rows(&softplus, |row| row.iter().map(|s| f64::from(*s)).sum())
    }

    fn pullback(&self, h: &Activity, dg: &Tensor) -> Activity {
        Softplus::each(h, Activation::Sigmoid).scaled(view(dg).to_vec())
    }

    fn pullback_bytes(&self, rows: usize, n: usize) -> Option<u64> {
        Some((rows * (n + 1)) as u64 * 4)
    }

    fn of_ones(&self, n: usize) -> f64 {
        n as f64 * 1f64.exp().ln_1p()
    }
}
