//! Class scores: what a layer says of each class by its own activity, `h [B, n] → s [B, K]`, judged by softmax
//! cross-entropy. Classes are each other's negatives: no label is an input, and one pass answers.
//!
//! ```text
//! p = softmax(s/T)    L = −(1/B) Σ log p_y    ds = (p − e_y)/(B T)    dh = sᵀ-pullback of ds
//! ```

mod groups;
mod maps;
mod projection;

pub use groups::{GroupMeans, GroupSquares};
pub use maps::Maps;
pub use projection::{Pooled, Projection};

use super::activity::Activity;
use super::block::{Descend, Saved};
use super::chance::{Purpose, Rng};
use super::param::Param;
use super::shape::Shape;
use crate::Tensor;

/// What a choice of class scores does.
pub trait ClassScoreFn: std::fmt::Debug {
    /// Why outputs of shape `shape` cannot be scored for so many classes: what is wrong, and what would be right.
    fn refuse(&self, shape: Shape, classes: usize) -> Option<(String, String)>;
    /// Scores of outputs of shape `shape`. `path` names its parameters: `score.0`.
    ///
    /// # Panics
    /// If the shape is refused.
    fn build(&self, path: &str, shape: Shape, classes: usize, chance: &mut Rng) -> Box<dyn Scorer>;
}

/// Class scores of one layer.
pub trait Scorer: Send + Sync {
    /// `h [B, n] → s [B, K]`.
    fn scores(&self, h: &Activity) -> Tensor;
    /// The same, and what the way back needs beside h.
    fn forward(&mut self, h: &Activity) -> (Tensor, Saved);
    /// `ds [B, K] → dh [B, n]`; gradients of its own parameters go to `descend`.
    fn pull_back(&mut self, h: &Activity, saved: Saved, ds: &Tensor, descend: &mut dyn Descend) -> Tensor;
    /// Shows its parameters.
    fn params(&mut self, visit: &mut dyn FnMut(&mut Param));
    /// How many numbers these are.
    fn parameters(&self) -> u64;
    /// Multiply-adds of [`Scorer::scores`] for `rows` rows; its pullback does twice as many.
    fn macs(&self, rows: usize) -> u64;
    /// For people.
    fn describe(&self) -> String;
}

crate::choices! {
    /// What a layer says of each class.
    pub enum ClassScore: ClassScoreFn {
        GroupMeans = "group_means",
        GroupSquares = "group_squares",
        Projection = "projection",
        Maps = "maps",
        Pooled = "pooled",
    }
}

impl Default for ClassScore {
    fn default() -> ClassScore {
        Pooled::default().into()
    }
}

/// A stream for layers that draw nothing.
fn still() -> Rng {
    Rng::stream(0, Purpose::Head, 0)
}

fn apart(shape: Shape) -> Option<(String, String)> {
    shape.places().is_none().then(|| {
        let what = format!("an image of {shape} that no layer has made");
        (what, "begin with a layer that learns, such as a convolution".to_string())
    })
}
