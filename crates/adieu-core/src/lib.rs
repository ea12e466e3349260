//! The mathematics of adieu.
//!
//! [`parts`] are the pieces: blocks, goodness, objectives, negatives, label codes, optimizers. [`learn`] makes
//! learning rules of them, one file an algorithm. Nothing here reads a clock, a file, the environment or ambient
//! randomness, and nothing prints: time is told through [`learn::Clock`], chance comes from [`parts::chance::Rng`].
//!
//! Letters, the same everywhere: `x` input `[B, n_in]` · `a` total input (pre-activation) · `h` activity `[B, n]` ·
//! `g` goodness `[B, k]` · `θ` threshold · `y` label · `w` weights `[n_in, n_out]` · `b` bias · `B` rows of a batch ·
//! `n` units of a layer · `K` classes · `dv` is ∂L/∂v.

pub mod learn;
pub mod parts;

/// Burn's tensor: rows are samples, columns are features.
pub type Tensor = burn::tensor::Tensor<2>;
