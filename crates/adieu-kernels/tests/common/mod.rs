//! Operands, naive twins and bounds for the tests of the products.

#![allow(dead_code)] // each test program uses its own part

use adieu_kernels::{
    Activation, Epilogue, Errors, Outputs, Precision, Rows, Rule, Target, Terms, Weights, from_panels, isa,
    panel_len, to_panels,
};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

/// Numbers in (−1, 1) from a small congruential generator: enough to tell indices apart.
pub(crate) fn noise(len: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(1);
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
    };
    (0..len).map(|_| next()).collect()
}

pub(crate) fn panels_of(w: &[f32], n_in: usize, n_out: usize) -> Vec<f32> {
    let mut panels = vec![f32::NAN; panel_len(n_in, n_out)];
    to_panels(w, n_in, n_out, &mut panels);
    panels
}

pub(crate) fn rows_of(panels: &[f32], n_in: usize, n_out: usize) -> Vec<f32> {
    let mut w = vec![f32::NAN; n_in * n_out];
    from_panels(panels, n_in, n_out, &mut w);
    w
}

/// The plain forward product, with no scales and no base.
#[allow(clippy::too_many_arguments)]
pub(crate) fn forward(
    x: &[f32],
    rows: usize,
    n_in: usize,
    panels: &[f32],
    n_out: usize,
    bias: Option<&[f32]>,
    activation: Activation,
    pre: Option<&mut [f32]>,
    h: &mut [f32],
    precision: Precision,
) {
    let (x, weights) = (Rows::new(x, rows, n_in), Weights::new(panels, n_in, n_out));
    let epilogue = Epilogue { bias, activation, base: None };
    adieu_kernels::forward(x, weights, epilogue, precision, Outputs { h, pre, squares: None });
}

/// The plain input gradient, of errors without scales and gates.
#[allow(clippy::too_many_arguments)]
pub(crate) fn input_gradient(
    da: &[f32],
    rows: usize,
    n_out: usize,
    panels: &[f32],
    n_in: usize,
    dx: &mut [f32],
    precision: Precision,
) {
    let da = Errors::new(Rows::new(da, rows, n_out));
    adieu_kernels::input_gradient(da, Weights::new(panels, n_in, n_out), precision, dx);
}

/// The plain weight gradient, over some rows.
#[allow(clippy::too_many_arguments)]
pub(crate) fn weight_gradient(
    x: &[f32],
    n_in: usize,
    da: &[f32],
    n_out: usize,
    rows: usize,
    subset: Option<&[u32]>,
    target: Target<'_>,
    precision: Precision,
) {
    let (x, da) = (Rows::new(x, rows, n_in), Errors::new(Rows::new(da, rows, n_out)));
    adieu_kernels::weight_gradient(x, da, Terms { rows: subset, outer: None }, precision, target, None);
}

pub(crate) fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|v| v.to_bits()).collect()
}

/// `Σ_k left(i, k)·right(k, j)` in f64, and `Σ |…|`, the scale of its rounding errors.
pub(crate) fn naive(
    (rows, depth, cols): (usize, usize, usize),
    left: impl Fn(usize, usize) -> f32,
    right: impl Fn(usize, usize) -> f32,
) -> Vec<(f64, f64)> {
    let element = |i: usize, j: usize| {
        let terms = (0..depth).map(|k| f64::from(left(i, k)) * f64::from(right(k, j)));
        terms.fold((0.0, 0.0), |(sum, scale), term| (sum + term, scale + term.abs()))
    };
    (0..rows * cols).map(|at| element(at / cols, at % cols)).collect()
}

/// Each element within the a-priori bound of a sum of `depth` products: depth·2⁻²³·Σ|…|.
pub(crate) fn assert_close(
    got: &[f32],
    truth: &[(f64, f64)],
    depth: usize,
    what: &str,
) -> Result<(), TestCaseError> {
    prop_assert_eq!(got.len(), truth.len());
    for (at, (&got, &(truth, scale))) in got.iter().zip(truth).enumerate() {
        let bound = (depth + 2) as f64 * f64::from(f32::EPSILON) * scale;
        let error = (f64::from(got) - truth).abs();
        prop_assert!(error <= bound, "{what}, {}: element {at} is {got}, not {truth}", isa().name());
    }
    Ok(())
}

/// Sizes about the edges of tiles and panels, primes, and anything else up to 80.
pub(crate) fn size() -> impl Strategy<Value = usize> {
    prop_oneof![
        prop::sample::select(vec![1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 15, 16, 17, 23, 24, 25, 31, 32, 33]),
        prop::sample::select(vec![37, 41, 47, 48, 49, 53, 61, 63, 64, 65, 67, 71, 73, 79]),
        1usize..80,
    ]
}

pub(crate) const ACTIVATIONS: [Activation; 10] = [
    Activation::Identity,
    Activation::Relu,
    Activation::LeakyRelu { slope: 0.1 },
    Activation::Tanh,
    Activation::Sigmoid,
    Activation::Gelu,
    Activation::Silu,
    Activation::Softplus,
    Activation::Elu { alpha: 1.3 },
    Activation::StudentT { nu: 5.0 },
];

pub(crate) const RULES: [Rule; 4] = [
    Rule::EmaSgd { rate: 0.1, keep: 0.9, decay: 3e-4 },
    Rule::Sgd { rate: 0.05, momentum: 0.8, decay: 1e-3 },
    Rule::AdamW {
        rate: 0.01,
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
        decay: 0.01,
        c1: 0.271,
        c2: 0.002_997,
    },
    Rule::Sum,
];
