//! Schedules: the factor on every learning rate, by epoch.

mod constant;
mod cosine;
mod half_then_linear;

pub use constant::Constant;
pub use cosine::Cosine;
pub use half_then_linear::HalfThenLinear;

/// What a schedule does.
pub trait ScheduleFn: std::fmt::Debug {
    /// Factor in [0, 1] for `epoch` (from 1) of `epochs`.
    fn gain(&self, epoch: u64, epochs: u64) -> f64;
}

crate::choices! {
    /// How learning rates change over the epochs.
    pub enum Schedule: ScheduleFn {
        HalfThenLinear = "half_then_linear",
        Constant = "constant",
        Cosine = "cosine",
    }
}

impl Default for Schedule {
    fn default() -> Schedule {
        HalfThenLinear {}.into()
    }
}
