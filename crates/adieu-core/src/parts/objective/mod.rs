//! Objectives judge scores: `L = objective(g)`.

mod cross_entropy;
mod exact_step;
mod logistic;
mod pair_margin;
mod squared_error;

pub use cross_entropy::CrossEntropy;
pub(crate) use cross_entropy::log_softmax;
pub use exact_step::ExactStep;
pub use logistic::Logistic;
pub(crate) use logistic::{sigmoid, softplus};
pub use pair_margin::PairMargin;
pub use squared_error::SquaredError;

use crate::Tensor;

/// What is known of each row.
pub struct Tags {
    /// Whether the row is real data (positive) or made up (negative).
    pub real: Vec<bool>,
    /// Class of each row, as shown to the network.
    pub labels: Vec<u8>,
    /// +1 if good means high goodness, −1 if it means low.
    pub direction: f32,
    /// The unit of goodness, which thresholds are multiples of: that of a row whose units all have activity 1, or
    /// what the layer began with.
    pub unit: f64,
    /// What temperatures are multiplied by: 1, or as many units as a unit of activity is worth.
    pub stretch: f64,
}

/// What an objective does.
pub trait ObjectiveFn: std::fmt::Debug {
    /// Loss (accumulated in f64) and ∂L/∂g `[B, k]`, for scores `g [B, k]`.
    fn loss(&self, g: &Tensor, tags: &Tags) -> (f64, Tensor);
    /// The goodness that separates real from made-up rows, if there is one, where `unit` is that of [`Tags`].
    fn threshold(&self, unit: f64) -> Option<f64>;
}

crate::choices! {
    /// How a layer's score is judged.
    pub enum Objective: ObjectiveFn {
        Logistic = "logistic",
        PairMargin = "pair_margin",
        ExactStep = "exact_step",
    }
}

impl Default for Objective {
    fn default() -> Objective {
        Logistic::default().into()
    }
}
