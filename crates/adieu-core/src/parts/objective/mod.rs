//! Objectives judge scores: `L = objective(g)`.

mod cross_entropy;
mod logistic;

pub use cross_entropy::CrossEntropy;
pub(crate) use cross_entropy::log_softmax;
pub use logistic::Logistic;
pub(crate) use logistic::{sigmoid, softplus};

use crate::Tensor;

/// What is known of each row.
pub struct Tags {
    /// Whether the row is real data (positive) or made up (negative).
    pub real: Vec<bool>,
    /// Class of each row, as shown to the network.
    pub labels: Vec<u8>,
    /// +1 if good means high goodness, −1 if it means low.
    pub direction: f32,
    /// Goodness of a row whose units all have activity 1; thresholds are multiples of it.
    pub of_ones: f64,
}

/// What an objective does.
pub trait ObjectiveFn: std::fmt::Debug {
    /// Loss (accumulated in f64) and ∂L/∂g `[B, k]`, for scores `g [B, k]`.
    fn loss(&self, g: &Tensor, tags: &Tags) -> (f64, Tensor);
    /// The goodness that separates real from made-up rows, if there is one.
    fn threshold(&self, of_ones: f64) -> Option<f64>;
}

crate::choices! {
    /// How a layer's score is judged.
    pub enum Objective: ObjectiveFn {
        Logistic = "logistic",
    }
}

impl Default for Objective {
    fn default() -> Objective {
        Logistic::default().into()
    }
}
