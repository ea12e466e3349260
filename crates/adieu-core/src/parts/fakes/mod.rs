//! Fakes: made-up rows for learning without labels, where [negatives](super::negatives) are real rows with a wrong label.

mod hybrid;
mod predicted;

pub use hybrid::Hybrid;
pub use predicted::Predicted;

use super::chance::Rng;
use super::shape::Shape;
use crate::Tensor;

/// What is known when rows are made up.
pub struct Known<'a> {
    /// The real rows `[B, n_in]`.
    pub x: &'a Tensor,
    /// What their columns mean.
    pub input: Shape,
    /// Their classes.
    pub labels: &'a [u8],
    /// The head's logits for them `[B, K]`, if [`FakesFn::needs_logits`].
    pub logits: Option<&'a Tensor>,
}

/// What a choice of fakes does.
pub trait FakesFn: std::fmt::Debug {
    /// Why rows of shape `input` will not do for a task of so many classes: what is wrong, and what would be right.
    fn refuse(&self, input: Shape, classes: usize) -> Option<(String, &'static str)>;
    /// As many made-up rows as there are real ones. Draws only from `chance`.
    ///
    /// # Panics
    /// If the shape is refused.
    fn draw(&self, known: &Known<'_>, chance: &mut Rng) -> Tensor;
    /// Whether it asks what the head makes of the real rows.
    fn needs_logits(&self) -> bool {
        false
    }
}

crate::choices! {
    /// Where made-up rows come from.
    pub enum Fakes: FakesFn {
        Hybrid = "hybrid",
        Predicted = "predicted",
    }
}

impl Default for Fakes {
    fn default() -> Fakes {
        Hybrid::default().into()
    }
}
