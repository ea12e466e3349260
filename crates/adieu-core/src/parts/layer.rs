//! Layer: a block taken apart at its total input, `h = φ(a)`, `a = x W + b + c`, so that a learner can add a c of its
//! own (what comes from above), draw from it, or go back down.

use super::activation::Activation;
use super::activity::Activity;
use super::block::{Block, Credit, Descend};
use super::chance::Rng;
use crate::Tensor;

/// See the module.
pub trait Layer: Block {
    /// φ.
    fn activation(&self) -> Activation;
    /// x W + b: `[B, n_in]` → `[B, n_out]`.
    fn total_input(&self, x: &Activity) -> Tensor;
    /// Back down: h Wᵀ, `[B, n_out]` → `[B, n_in]`.
    fn below(&self, h: &Activity) -> Tensor;
    /// ∂L/∂W = xᵀ da and ∂L/∂b = Σ da, handed over; `da` says ∂L/∂a `[B, n_out]` in place of ∂L/∂y.
    fn descend(&mut self, x: &Activity, da: Credit, descend: &mut dyn Descend);
    /// A second way to the same units, for other inputs that each unit sees all of: x W′ `[B, n]` → `[B, n_out]`,
    /// without a bias. W′ᵢⱼ ~ N(0, 1/n), precision as here.
    fn beside(&self, path: &str, n: usize, chance: &mut Rng) -> Box<dyn Layer>;
    /// A way from this layer's units to its inputs, each of which hears the units that see it: h W′ `[B, n_out]` →
    /// `[B, n_in]`, without a bias. W′ᵢⱼ ~ N(0, 1/units that see it), precision as here.
    ///
    /// # Panics
    /// If the inputs are an image with its channels apart: no layer gives one.
    fn back(&self, path: &str, chance: &mut Rng) -> Box<dyn Layer>;
}
