//! Layers taken apart at their total input, `h = φ(a)`, `a = x W + b`.
//!
//! [`Linear`]: a learner that has its own idea of what a should be, and teaches W by ∂L/∂a. [`Layer`]: one that adds
//! a c of its own to a (what comes from above), draws from it, or goes back down.

use super::activation::Activation;
use super::activity::Activity;
use super::block::{Block, Credit, Descend};
use super::chance::Rng;
use crate::Tensor;

/// A block that is one product and an activation, at one place or at many.
pub trait Linear: Block {
    /// φ.
    fn activation(&self) -> Activation;
    /// Units at a place: a is `[B, places·units]`, the units of a place together.
    fn units(&self) -> usize;
    /// x W + b: `[B, n_in]` → `[B, n_out]`.
    fn total_input(&self, x: &Activity) -> Tensor;
    /// ∂L/∂W = xᵀ da and ∂L/∂b = Σ da, handed over; `da` says ∂L/∂a `[B, n_out]` in place of ∂L/∂y.
    fn descend(&mut self, x: &Activity, da: Credit, descend: &mut dyn Descend);
}

/// A product that can be gone back down, and have others beside it.
pub trait Layer: Linear {
    /// Back down: h Wᵀ, `[B, n_out]` → `[B, n_in]`.
    fn below(&self, h: &Activity) -> Tensor;
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
