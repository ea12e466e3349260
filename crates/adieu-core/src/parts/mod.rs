//! The pieces that learning rules are made of.
//!
//! A *choice* is an enum of small structs, each in its own file, that dereferences to its trait: enums for what
//! people write (recipes, schemas, listings), trait objects for what runs. See [`choice`].

pub mod activation;
pub mod activity;
pub mod affine;
pub mod attention;
pub mod batch_norm;
pub mod block;
pub mod chance;
pub mod choice;
pub mod class_score;
pub mod composed;
pub mod convolution;
pub mod dense;
pub mod dropout;
pub mod fakes;
pub mod goodness;
pub mod host;
pub mod label_channel;
pub mod label_code;
pub mod layer;
pub mod leaves;
pub mod local;
pub mod negatives;
pub mod norm;
pub mod normalise;
pub mod objective;
pub mod optimizer;
pub mod param;
pub mod pool;
pub mod precision;
pub mod residual;
pub mod schedule;
pub mod shape;
pub mod stack;
pub mod taped;
pub mod token_norm;
pub mod tokens;
pub mod triangle;
pub mod window;

use crate::Tensor;

/// Rows of data with their labels.
pub struct Batch {
    /// `[B, n_in]`.
    pub x: Tensor,
    /// Class of each row.
    pub labels: Vec<u8>,
    /// Which row of the training set each one is.
    pub ids: Vec<u32>,
}
