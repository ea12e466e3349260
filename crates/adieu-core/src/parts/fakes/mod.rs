//! Fakes: made-up rows for learning without labels, where [negatives](super::negatives) are real rows with a wrong label.

mod columns;
mod hybrid;
mod predicted;
mod rollout;

pub use columns::Columns;
pub use hybrid::Hybrid;
pub use predicted::Predicted;
pub use rollout::Rollout;

use super::chance::Rng;
use super::host::{matrix, view};
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
    /// The head's logits `[B, K]` for any rows `[B, n_in]`: what the network makes of them now.
    pub ask: &'a mut dyn FnMut(&Tensor) -> Tensor,
}

/// What a choice of fakes does.
pub trait FakesFn: std::fmt::Debug {
    /// Why rows of shape `input` will not do for a task of so many classes: what is wrong, and what would be right.
    fn refuse(&self, input: Shape, classes: usize) -> Option<(String, &'static str)>;
    /// As many made-up rows as there are real ones. Draws only from `chance`.
    ///
    /// # Panics
    /// If the shape is refused.
    fn draw(&self, known: Known<'_>, chance: &mut Rng) -> Tensor;
}

crate::choices! {
    /// Where made-up rows come from.
    pub enum Fakes: FakesFn {
        Hybrid = "hybrid",
        Predicted = "predicted",
        Rollout = "rollout",
        Columns = "columns",
    }
}

impl Default for Fakes {
    fn default() -> Fakes {
        Hybrid::default().into()
    }
}

/// Why rows are no sequences: lines of one symbol each, one-hot, whose classes are the symbols.
fn refuse_all_but_sequences(input: Shape, classes: usize) -> Option<(String, &'static str)> {
    let sequence = matches!(input, Shape::Image { c: 1, w, .. } if w == classes);
    let what = || format!("rows of {input} are no sequences of {classes} symbols");
    (!sequence).then(|| (what(), "use data of sequences, such as `fables`, or hybrid fakes"))
}

/// Windows `x` one symbol further on, each with the symbol that `next` finds from its number and its logits at the end.
fn move_on(x: &Tensor, logits: &Tensor, mut next: impl FnMut(usize, &[f32]) -> u8) -> Tensor {
    let ([rows, cols], classes) = (x.dims(), logits.dims()[1]);
    let (x, logits) = (view(x), view(logits));
    let mut moved = vec![0.0; rows * cols];
    let windows = x.chunks_exact(cols).zip(logits.chunks_exact(classes)).enumerate();
    for (moved, (r, (x, logits))) in moved.chunks_exact_mut(cols).zip(windows) {
        let (before, last) = moved.split_at_mut(cols - classes);
        before.copy_from_slice(&x[classes..]);
        last[usize::from(next(r, logits))] = 1.0;
    }
    matrix(moved, rows, cols)
}
