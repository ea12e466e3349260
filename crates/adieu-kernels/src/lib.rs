//! Fused matrix products and row passes on CPU: slices in, slices out.
//!
//! A dense layer computes `h = φ(x·W + b)`. Training it needs three products, and this crate has exactly
//! those:
//!
//! | product | formula | shapes |
//! |---|---|---|
//! | [`forward`] | `h = φ(x·W + b)` | `[rows, n_in] · [n_in, n_out] → [rows, n_out]` |
//! | [`input_gradient`] | `dx = da·Wᵀ` | `[rows, n_out] · [n_out, n_in] → [rows, n_in]` |
//! | [`weight_gradient`] | `dW = xᵀ·da` | `[n_in, rows] · [rows, n_out] → [n_in, n_out]` |
//!
//! A convolution ([`Conv`]) has the same three, over windows of images; so have local fields without shared weights
//! ([`Fields`]). Of attention ([`Attention`]) here is what lies between its products with weights.
//!
//! Letters: `x` inputs, `a = x·W + b` pre-activations, `h = φ(a)` outputs, `d…` the gradient of the loss with
//! respect to `…`. Matrices are row-major slices of `f32`, a row being a sample, except the weights.
//!
//! # Why it is fast
//! * **Weights live in panels** ([`to_panels`]): 32 neighbouring columns of W stand together, so that no
//!   product ever rearranges a weight. Moments of an optimizer have the same layout.
//! * **One portable micro-kernel** (`tile.rs`): a small block of the result is kept in registers while the
//!   whole depth of the product passes by. It is plain Rust, compiled once for each instruction set ([`Isa`])
//!   and chosen at run time.
//! * **Half the bits, twice the speed** where the processor has bf16 and the caller [asks](Precision) for it.
//! * **All that follows rides along** while a block is at hand: bias and activation in the forward product,
//!   the optimizer in the weight gradient ([`Target::Descend`]), which then needs no gradient buffer at all.
//!
//! # What can be relied on
//! * **Results do not depend on the number of threads**: every element is summed over the whole depth, in
//!   ascending order, by one thread. They do not depend on the number of rows either: row r of a product is
//!   the same to the bit whatever rows stand beside it.
//! * All instruction sets with a fused multiply-add (AVX-512, AVX2, NEON) give the same bits; [`Isa::Scalar`]
//!   rounds after each multiplication and differs in the last digits. In [bf16](Precision::Bf16) a sum takes two
//!   terms at a time, so that which rows make a pair in the weight gradient shows in the last digits.
//! * **NaN and infinity are carried**: no zero is skipped, ReLU of NaN is NaN.
//! * Work runs on the *current* rayon pool, so `ThreadPool::install` governs it; small products stay on the
//!   calling thread.
//!
//! # Panics
//! Every function asserts the lengths of its slices at the door: a wrong length is a bug in the caller.
//! Nothing else panics, and no error is returned.
#![allow(unsafe_code)]

mod activation;
mod attention;
mod channels;
mod convolution;
mod convolution_gradient;
mod convolution_sweep;
mod crew;
mod elementary;
mod forward;
mod gradient;
mod isa;
mod local;
mod local_gradient;
mod local_lanes;
mod norms;
mod operands;
mod pairs;
mod panel;
mod pass;
mod peak;
mod pools;
mod precision;
mod product;
mod profile;
mod rows;
mod rule;
mod scratch;
mod sparse;
mod standard;
mod tile;

pub use activation::Activation;
pub use attention::Attention;
pub use channels::{channel_lines, channel_sums};
pub use convolution::Conv;
pub use crew::{alone, threads};
pub use forward::{Epilogue, Outputs, forward, forward_scratch};
pub use gradient::{
    Target, Terms, input_gradient, input_gradient_scratch, weight_gradient, weight_gradient_scratch,
};
pub use isa::{Isa, isa, with_isa};
pub use local::Fields;
pub use norms::Groups;
pub use operands::{Errors, Rows, Weights};
pub use panel::{PANEL, from_panels, panel_len, to_panels};
pub use peak::{peak_gflops, register_bf16, register_fma, triad_gbytes};
pub use pools::Pool;
pub use precision::Precision;
pub use profile::{Profile, Shares};
pub use rows::{column_sums, nonzeros_by_column, row_sums_of_squares, scale_rows};
pub use rule::Rule;
pub use scratch::{release_scratch, scratch_bytes};
pub use sparse::Zeros;
pub use standard::Standard;
