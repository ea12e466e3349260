//! SGD with heavy-ball momentum (Polyak 1964): `v ← μ v + g`, `w ← w − η (v + c w)`. Decay is outside the momentum.

use adieu_kernels::Rule;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::OptimizerFn;

/// Heavy-ball momentum: v ← μ v + g, w ← w − η (v + c w).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Sgd {
    /// Learning rate η.
    #[schemars(range(min = 0.0, max = 1e6))]
    pub rate: f64,
    /// Momentum μ.
    #[schemars(range(min = 0.0, max = 0.999999))]
    pub momentum: f64,
    /// Weight decay c, on weights only, never on biases.
    #[schemars(range(min = 0.0, max = 1e3))]
    pub decay: f64,
}

impl Default for Sgd {
    fn default() -> Sgd {
        Sgd { rate: 0.1, momentum: 0.9, decay: 0.0 }
    }
}

impl OptimizerFn for Sgd {
    fn rule(&self, _: u64, gain: f64, decays: bool) -> Rule {
        Rule::Sgd {
            rate: (self.rate * gain) as f32,
            momentum: self.momentum as f32,
            decay: if decays { self.decay as f32 } else { 0.0 },
        }
    }
}
