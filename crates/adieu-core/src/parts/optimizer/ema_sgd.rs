//! SGD with momentum as a running mean, as in Hinton's code: `v ← μ v + (1 − μ) g`, `w ← w − η (v + c w)`.
//! It equals heavy-ball momentum at a learning rate 1/(1 − μ) times smaller. Decay is outside the momentum.

use adieu_kernels::Rule;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::OptimizerFn;

/// Momentum as a running mean: v ← μ v + (1 − μ) g, w ← w − η (v + c w). The defaults are those of the layers in
/// Hinton's code.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EmaSgd {
    /// Learning rate η.
    #[schemars(range(min = 0.0, max = 1e6))]
    pub rate: f64,
    /// Share μ of the old mean that is kept.
    #[schemars(range(min = 0.0, max = 0.999999))]
    pub momentum: f64,
    /// Weight decay c, on weights only, never on biases.
    #[schemars(range(min = 0.0, max = 1e3))]
    pub decay: f64,
}

impl Default for EmaSgd {
    fn default() -> EmaSgd {
        EmaSgd { rate: 0.01, momentum: 0.9, decay: 0.001 }
    }
}

impl OptimizerFn for EmaSgd {
    fn rule(&self, _: u64, gain: f64, decays: bool) -> Rule {
        Rule::EmaSgd {
            rate: (self.rate * gain) as f32,
            keep: self.momentum as f32,
            decay: if decays { self.decay as f32 } else { 0.0 },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Sgd;
    use super::*;

    #[test]
    fn it_equals_heavy_ball_at_a_tenth_of_the_rate() {
        let walk = |optimizer: &dyn OptimizerFn| {
            let (mut w, mut v) = (vec![1.0f32, -2.0, 0.5], vec![0.0; 3]);
            for step in 1..=50 {
                let g: Vec<f32> = w.iter().map(|w| 2.0 * w + (step as f32).sin()).collect();
                optimizer.rule(step, 1.0, false).apply(&g, &mut w, &mut v, &mut []);
            }
            w
        };
        let ema = walk(&EmaSgd { rate: 0.1, ..EmaSgd::default() });
        let ball = walk(&Sgd { rate: 0.01, momentum: 0.9, decay: 0.0 });
        assert!(ema.iter().zip(&ball).all(|(a, b)| (a - b).abs() < 1e-5), "{ema:?} vs {ball:?}");
        assert_ne!(ema, vec![1.0, -2.0, 0.5]);
    }
}
