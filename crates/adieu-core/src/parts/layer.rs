//! Layer: a block taken apart at its total input, `h = φ(a)`, `a = x W + b + c`, so that a learner can add a c of its
//! own (what comes from above), draw from it, or go back down.

use super::activity::Activity;
use super::block::{Credit, Descend};
use super::chance::Rng;
use super::dense::Dense;
use crate::Tensor;

/// See the module.
pub trait Layer {
    /// x W + b: `[B, n_in]` → `[B, n_out]`.
    fn total_input(&self, x: &Activity) -> Tensor;
    /// Back down: h Wᵀ, `[B, n_out]` → `[B, n_in]`.
    fn below(&self, h: &Activity) -> Tensor;
    /// ∂L/∂W = xᵀ da and ∂L/∂b = Σ da, handed over; `da` says ∂L/∂a `[B, n_out]` in place of ∂L/∂y.
    fn descend(&mut self, x: &Activity, da: Credit, descend: &mut dyn Descend);
    /// A second way to the same units: φ(x W′ + c) for other inputs, `[n_in, n_out]`, without a bias. φ and precision
    /// are this layer's, W′ᵢⱼ ~ N(0, 1/n_in). c comes by [`Shared`](super::dense::Shared).
    fn beside(&self, path: &str, n_in: usize, chance: &mut Rng) -> Dense;
}
