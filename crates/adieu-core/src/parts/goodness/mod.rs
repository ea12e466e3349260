//! Goodness: how a layer scores its own activity, `g(h)`: `[B, n]` → `[B, 1]`.

mod log_sum_exp;
mod mean;
mod mean_squares;
mod softplus;
mod student_t;
mod sum;
mod sum_squares;
mod top_k;

pub use log_sum_exp::LogSumExp;
pub use mean::Mean;
pub use mean_squares::MeanSquares;
pub use softplus::Softplus;
pub use student_t::StudentT;
pub use sum::Sum;
pub use sum_squares::SumSquares;
pub use top_k::TopK;

use super::activity::Activity;
use super::host::{matrix, view};
use crate::Tensor;

/// What a goodness does.
pub trait GoodnessFn: std::fmt::Debug {
    /// g(h): `h [B, n]`, which carries no scales, → `[B, k]`; k = 1, or one a class.
    fn value(&self, h: &Activity) -> Tensor;
    /// ∂L/∂h `[B, n]` from ∂L/∂g `[B, k]`.
    fn pullback(&self, h: &Activity, dg: &Tensor) -> Activity;
    /// Bytes of the arrays that the result of `pullback` has to itself, for `h [rows, n]`; `None`: not stated, and
    /// then nor is the memory of a step. Stating them promises that g is `[rows, 1]` and that nothing else is made.
    fn pullback_bytes(&self, _rows: usize, _n: usize) -> Option<u64> {
        None
    }
    /// Goodness of a row whose `n` units all have activity 1: the unit in which thresholds are given.
    fn of_ones(&self, n: usize) -> f64;
}

crate::choices! {
    /// How a layer scores its own activity.
    pub enum Goodness: GoodnessFn {
        SumSquares = "sum_squares",
        MeanSquares = "mean_squares",
        Sum = "sum",
        Mean = "mean",
        Softplus = "softplus",
        TopK = "top_k",
        LogSumExp = "log_sum_exp",
        StudentT = "student_t",
    }
}

/// g of each row of `h [B, n]`, which carries no scales: `[B, 1]`.
fn of_rows(h: &Activity, g: impl FnMut(&[f32]) -> f64) -> Tensor {
    let [rows, n] = h.dims();
    matrix(view(h.values()).chunks_exact(n).map(g).map(|g| g as f32).collect(), rows, 1)
}

impl Default for Goodness {
    fn default() -> Goodness {
        SumSquares {}.into()
    }
}
