//! Fakes: made-up rows for learning without labels, where [negatives](super::negatives) are real rows with a wrong label.

mod hybrid;

pub use hybrid::Hybrid;

use super::chance::Rng;
use super::shape::Shape;
use crate::Tensor;

/// What a choice of fakes does.
pub trait FakesFn: std::fmt::Debug {
    /// Why rows of shape `input` will not do: what is wrong, and what would be right.
    fn refuse(&self, input: Shape) -> Option<(String, &'static str)>;
    /// As many made-up rows as there are real ones in `x [B, n_in]`, of shape `input`. Draws only from `chance`.
    ///
    /// # Panics
    /// If `input` is refused.
    fn draw(&self, x: &Tensor, input: Shape, chance: &mut Rng) -> Tensor;
}

crate::choices! {
    /// Where made-up rows come from.
    pub enum Fakes: FakesFn {
        Hybrid = "hybrid",
    }
}

impl Default for Fakes {
    fn default() -> Fakes {
        Hybrid::default().into()
    }
}
