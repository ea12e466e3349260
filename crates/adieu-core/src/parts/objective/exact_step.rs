//! The exact step (Hinton 2022, arXiv:2212.13345, "Learning fast and slow"): a row's goodness is moved to where it shall
//! be, at once, and the direction of its activity stays as it is, so that the layers above see nothing change and all
//! layers can learn from one row at the same time.
//!
//! ```text
//! S = Σⱼ hⱼ²        Δwⱼ = ε hⱼ x        ε = √(S*/S) − 1        S → S*, if ‖x‖ = 1 and hⱼ is linear where it is not 0
//! S* = θ (1 + m) for rows that shall have high goodness and have less, θ (1 − m) for those that shall have low goodness
//!      and have more; other rows have what they shall have, and teach nothing
//! ```
//!
//! Written as a loss, the step is steepest descent: `L = (1/B) Σ (√S − √S*)²`, the squared distance of the activity's
//! length from what it shall be, has ∂L/∂S = −ε/B. B: number of real rows.
//!
//! The step is exact with a batch of 1, the sum of squares, `relu`, and stochastic gradient descent without momentum at
//! the rate 1/(‖x‖² + 1), the 1 for the bias: 0.5 with `norm = "l2"`. A positive and a negative row that are alike pull
//! against each other; then each is only moved towards its goal. In larger batches it is the mean of the rows' steps.
//!
//! # Differences from the paper
//! - S* is left open there; m is ours. A silent row (S = 0) has no direction to grow in and teaches nothing.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ObjectiveFn, Tags};
use crate::Tensor;
use crate::parts::host::{matrix, view};

/// Is the activity as long as it shall be? L = mean (√g − √g*)², of rows on the wrong side of g* = θ (1 ± m).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ExactStep {
    /// Threshold θ, in units of the goodness of a row whose every unit has activity 1 (see `calibrate` for another).
    #[schemars(range(min = 0.0, max = 1e6))]
    pub theta: f64,
    /// Margin m: how far beyond the threshold goodness shall be, as a share of it.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub margin: f64,
}

impl Default for ExactStep {
    fn default() -> ExactStep {
        ExactStep { theta: 1.0, margin: 0.2 }
    }
}

impl ObjectiveFn for ExactStep {
    fn loss(&self, g: &Tensor, tags: &Tags) -> (f64, Tensor) {
        let rows = g.dims()[0];
        let real_rows = tags.real.iter().filter(|real| **real).count().max(1) as f64;
        let theta = self.theta * tags.unit;
        let mut loss = 0.0;
        let judge = |(g, real): (&f32, &bool)| {
            let (g, shall_be_high) = (f64::from(*g), *real == (tags.direction > 0.0));
            let goal = theta * if shall_be_high { 1.0 + self.margin } else { 1.0 - self.margin };
            if (shall_be_high && g >= goal) || (!shall_be_high && g <= goal) {
                return 0.0;
            }
            loss += (if g < 0.0 { 0.0 } else { g.sqrt() } - goal.sqrt()).powi(2);
            match g {
                // Not `g > 0`: what is no number shall be seen.
                silent if silent <= 0.0 => 0.0,
                g => (-((goal / g).sqrt() - 1.0) / real_rows) as f32,
            }
        };
        let dg = view(g).iter().zip(&tags.real).map(judge).collect();
        (loss / real_rows, matrix(dg, rows, 1))
    }

    fn threshold(&self, unit: f64) -> Option<f64> {
        Some(self.theta * unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_beyond_their_goal_and_silent_ones_teach_nothing() {
        let g = matrix(vec![130.0, 25.0, 0.0, 70.0, 320.0, 90.0], 6, 1);
        let real = vec![true, true, true, false, false, false];
        let tags =
            |direction| Tags { real: real.clone(), labels: vec![0; 6], direction, unit: 100.0, stretch: 1.0 };
        let (_, dg) = ExactStep { theta: 1.0, margin: 0.21 }.loss(&g, &tags(1.0));
        let near = |row: usize, want: f64| {
            assert!((f64::from(view(&dg)[row]) - want).abs() < 1e-6, "{row}: {}", view(&dg)[row])
        };
        near(0, 0.0);
        near(1, -(11.0 / 5.0 - 1.0) / 3.0);
        near(2, 0.0);
        near(3, 0.0);
        near(4, -((79.0f64 / 320.0).sqrt() - 1.0) / 3.0);
        near(5, -((79.0f64 / 90.0).sqrt() - 1.0) / 3.0);
        let (_, dg) = ExactStep { theta: 1.0, margin: 0.21 }.loss(&g, &tags(-1.0));
        let signs: Vec<bool> = view(&dg).iter().map(|dg| *dg > 0.0).collect();
        assert_eq!(signs, [true, false, false, false, false, false], "real rows shall be low");
        assert!(view(&dg)[3] < 0.0 && view(&dg)[4] == 0.0, "and made-up ones high");
    }

    #[test]
    fn nan_is_not_swallowed() {
        let tags = Tags { real: vec![true], labels: vec![0], direction: 1.0, unit: 1.0, stretch: 1.0 };
        let (loss, dg) = ExactStep::default().loss(&matrix(vec![f32::NAN], 1, 1), &tags);
        assert!(loss.is_nan() && view(&dg)[0].is_nan());
    }
}
