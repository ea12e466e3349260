//! AdamW (Loshchilov & Hutter 2017, arXiv:1711.05101); with `decay = 0` it is Adam (Kingma & Ba 2014,
//! arXiv:1412.6980).
//!
//! ```text
//! m ← β₁ m + (1 − β₁) g        v ← β₂ v + (1 − β₂) g²
//! w ← w − η ( m/(1 − β₁ᵗ) / (√(v/(1 − β₂ᵗ)) + ε) + c w )
//! ```

use adieu_kernels::Rule;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::OptimizerFn;

/// AdamW (Loshchilov & Hutter 2017, arXiv:1711.05101); with decay = 0 it is Adam.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AdamW {
    /// Learning rate η.
    #[schemars(range(min = 0.0, max = 1e6))]
    pub rate: f64,
    /// Decay β₁ of the mean.
    #[schemars(range(min = 0.0, max = 0.999999))]
    pub beta1: f64,
    /// Decay β₂ of the mean square.
    #[schemars(range(min = 0.0, max = 0.9999999))]
    pub beta2: f64,
    /// ε, keeps the quotient finite.
    #[schemars(range(min = 1e-20, max = 1.0))]
    pub epsilon: f64,
    /// Weight decay c, decoupled, on weights only, never on biases.
    #[schemars(range(min = 0.0, max = 1e3))]
    pub decay: f64,
}

impl Default for AdamW {
    fn default() -> AdamW {
        AdamW { rate: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, decay: 0.0 }
    }
}

impl OptimizerFn for AdamW {
    fn rule(&self, step: u64, gain: f64, decays: bool) -> Rule {
        // of the very β that the step uses: of 0.999 itself the first steps would be 6·10⁻⁶ of themselves too long
        let correction = |beta: f64| (1.0 - f64::from(beta as f32).powf(step as f64)) as f32;
        Rule::AdamW {
            rate: (self.rate * gain) as f32,
            beta1: self.beta1 as f32,
            beta2: self.beta2 as f32,
            epsilon: self.epsilon as f32,
            decay: if decays { self.decay as f32 } else { 0.0 },
            c1: correction(self.beta1),
            c2: correction(self.beta2),
        }
    }
}
