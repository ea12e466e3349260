//! The three products of a convolution against naive twins in f64 and against finite differences, on every instruction
//! set of this machine; thread counts, batch sizes, NaN, fused rules.

mod common;

use adieu_kernels::{
    Activation, Conv, Epilogue, Errors, Isa, Outputs, PANEL, Precision, Rows, Target, Weights, column_sums,
    from_panels, isa, panel_len, row_sums_of_squares, scale_rows, to_panels, with_isa,
};
use common::{ACTIVATIONS, RULES, bits, noise};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

fn weights<'a>(conv: &Conv, panels: &'a [f32]) -> Weights<'a> {
    Weights::new(panels, conv.n_in(), conv.n_out())
}

/// The plain forward product, with no scales and no base.
#[allow(clippy::too_many_arguments)]
fn forward(
    conv: &Conv,
    x: &[f32],
    rows: usize,
    panels: &[f32],
    bias: Option<&[f32]>,
    activation: Activation,
    pre: Option<&mut [f32]>,
    h: &mut [f32],
) {
    let epilogue = Epilogue { bias, activation, base: None };
    let out = Outputs { h, pre, squares: None };
    conv.forward(Rows::new(x, rows, conv.len_in()), weights(conv, panels), epilogue, out);
}

/// The plain input gradient, of errors without scales and gates.
fn input_gradient(conv: &Conv, da: &[f32], rows: usize, panels: &[f32], dx: &mut [f32]) {
    conv.input_gradient(Errors::new(Rows::new(da, rows, conv.len_out())), weights(conv, panels), dx);
}

/// The plain weight gradient.
fn weight_gradient(conv: &Conv, x: &[f32], da: &[f32], rows: usize, target: Target<'_>) {
    let (x, da) = (Rows::new(x, rows, conv.len_in()), Rows::new(da, rows, conv.len_out()));
    conv.weight_gradient(x, Errors::new(da), target, None);
}

fn panels_of(conv: &Conv, w: &[f32]) -> Vec<f32> {
    let mut panels = vec![f32::NAN; conv.panel_len()];
    to_panels(w, conv.n_in(), conv.n_out(), &mut panels);
    panels
}

/// Calls `f` with (index in x, row of W, index in h) of every multiply-add, except that h's index is that of the first output
/// of a pixel's group.
fn for_each_term(conv: &Conv, rows: usize, mut f: impl FnMut(usize, usize, usize)) {
    let (height_out, width_out) = (conv.height_out(), conv.width_out());
    for (r, oy) in (0..rows).flat_map(|r| (0..height_out).map(move |oy| (r, oy))) {
        for (ox, ky) in (0..width_out).flat_map(|ox| (0..conv.kernel).map(move |ky| (ox, ky))) {
            for kx in 0..conv.kernel {
                let (iy, ix) = (oy * conv.stride + ky, ox * conv.stride + kx);
                let inside = |at: usize, len: usize| at.checked_sub(conv.padding).filter(|&at| at < len);
                let (Some(iy), Some(ix)) = (inside(iy, conv.height), inside(ix, conv.width)) else {
                    continue;
                };
                let own = conv.channels_in / conv.groups;
                for (g, c) in (0..conv.groups).flat_map(|g| (0..own).map(move |c| (g, c))) {
                    let x = ((r * conv.height + iy) * conv.width + ix) * conv.channels_in + g * own + c;
                    let w = ((g * conv.kernel + ky) * conv.kernel + kx) * own + c;
                    f(x, w, ((r * height_out + oy) * width_out + ox) * conv.channels_out + g * conv.n_out());
                }
            }
        }
    }
}

/// Sums in f64, their scales `Σ|…|`, and how many terms the longest has.
struct Truth {
    sums: Vec<f64>,
    scales: Vec<f64>,
    terms: Vec<usize>,
}

impl Truth {
    fn zero(len: usize) -> Self {
        Self { sums: vec![0.0; len], scales: vec![0.0; len], terms: vec![0; len] }
    }

    fn add(&mut self, at: usize, a: f32, b: f32) {
        let term = f64::from(a) * f64::from(b);
        self.sums[at] += term;
        self.scales[at] += term.abs();
        self.terms[at] += 1;
    }

    /// Each element within the a-priori bound of a sum of n products: n·2⁻²³·Σ|…|.
    fn assert_close(&self, got: &[f32], what: &str) -> Result<(), TestCaseError> {
        prop_assert_eq!(got.len(), self.sums.len());
        for (at, &got) in got.iter().enumerate() {
            let bound = (self.terms[at] + 2) as f64 * f64::from(f32::EPSILON) * self.scales[at];
            let truth = self.sums[at];
            let close = (f64::from(got) - truth).abs() <= bound;
            prop_assert!(close, "{what}, {}: element {at} is {got}, not {truth}", isa().name());
        }
        Ok(())
    }
}

fn on_every_isa(mut check: impl FnMut() -> Result<(), TestCaseError>) -> Result<(), TestCaseError> {
    Isa::available().try_for_each(|isa| with_isa(isa, &mut check))
}

/// Channels about the edges of tiles and panels, primes, and few.
fn channels() -> impl Strategy<Value = usize> {
    prop_oneof![
        prop::sample::select(vec![
            1, 3, 7, 8, 9, 11, 12, 13, 15, 16, 17, 23, 24, 25, 31, 32, 33, 40, 41, 48, 49, 65
        ]),
        1usize..20,
    ]
}

prop_compose! {
    fn shape()(
        height in 1usize..9, width in 1usize..9, channels_in in channels(), channels_out in channels(),
        kernel in 1usize..6, stride in 1usize..4, padding in 0usize..4,
        groups in prop_oneof![3 => Just(1usize), 2 => 2usize..5],
    ) -> Conv {
        let (channels_in, channels_out) = (channels_in * groups, channels_out * groups);
        Conv { height, width, channels_in, channels_out, kernel, stride, padding, groups }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn forward_agrees_with_its_twin(conv in shape(), rows in 1usize..15, with_bias: bool, seed: u64) {
        let (x, w) = (noise(rows * conv.len_in(), seed), noise(conv.n_in() * conv.n_out(), seed ^ 1));
        let (b, panels) = (noise(conv.channels_out, seed ^ 2), panels_of(&conv, &w));
        let bias = with_bias.then_some(&b[..]);
        let n_out = conv.n_out();
        let mut truth = Truth::zero(rows * conv.len_out());
        for_each_term(&conv, rows, |i, k, p| (0..n_out).for_each(|o| truth.add(p + o, x[i], w[k * n_out + o])));
        if with_bias {
            (0..truth.sums.len()).for_each(|at| truth.add(at, b[at % conv.channels_out], 1.0));
        }
        on_every_isa(|| {
            let (mut h, mut pre) = (vec![f32::NAN; rows * conv.len_out()], vec![f32::NAN; rows * conv.len_out()]);
            forward(&conv, &x, rows, &panels, bias, Activation::Identity, None, &mut h);
            truth.assert_close(&h, "h")?;
            let sums = h.clone();
            for activation in [Activation::Relu, Activation::Gelu] {
                forward(&conv, &x, rows, &panels, bias, activation, Some(&mut pre), &mut h);
                prop_assert_eq!(bits(&pre), bits(&sums));
                let expected: Vec<_> = sums.iter().map(|&a| activation.value(a)).collect();
                prop_assert_eq!(bits(&h), bits(&expected), "{:?} on {}", activation, isa().name());
            }
            Ok(())
        })?;
    }

    #[test]
    fn input_gradient_agrees_with_its_twin(conv in shape(), rows in 1usize..15, seed: u64) {
        let (da, w) = (noise(rows * conv.len_out(), seed), noise(conv.n_in() * conv.n_out(), seed ^ 1));
        let (n_out, panels) = (conv.n_out(), panels_of(&conv, &w));
        let mut truth = Truth::zero(rows * conv.len_in());
        for_each_term(&conv, rows, |i, k, p| (0..n_out).for_each(|o| truth.add(i, da[p + o], w[k * n_out + o])));
        on_every_isa(|| {
            let mut dx = vec![f32::NAN; rows * conv.len_in()];
            input_gradient(&conv, &da, rows, &panels, &mut dx);
            truth.assert_close(&dx, "dx")
        })?;
    }

    #[test]
    fn weight_gradient_agrees_with_its_twin(conv in shape(), rows in 1usize..15, seed: u64) {
        let (x, da) = (noise(rows * conv.len_in(), seed), noise(rows * conv.len_out(), seed ^ 1));
        let n_out = conv.n_out();
        let mut truth = Truth::zero(conv.n_in() * n_out);
        for_each_term(&conv, rows, |i, k, p| (0..n_out).for_each(|o| truth.add(k * n_out + o, x[i], da[p + o])));
        on_every_isa(|| {
            let mut gradient = vec![f32::NAN; conv.panel_len()];
            weight_gradient(&conv, &x, &da, rows, Target::Store(&mut gradient));
            let mut dw = vec![f32::NAN; conv.n_in() * n_out];
            from_panels(&gradient, conv.n_in(), n_out, &mut dw);
            truth.assert_close(&dw, "dW")?;
            prop_assert_eq!(bits(&gradient), bits(&panels_of(&conv, &dw)), "padding is zero");
            Ok(())
        })?;
    }

    #[test]
    fn gradients_are_slopes_of_the_forward_product(conv in shape(), rows in 1usize..4, seed: u64) {
        // ⟨da, a(x, W)⟩ is linear in x and in W: a difference quotient is exact up to rounding.
        let (x, w) = (noise(rows * conv.len_in(), seed), noise(conv.n_in() * conv.n_out(), seed ^ 1));
        let (da, panels) = (noise(rows * conv.len_out(), seed ^ 2), panels_of(&conv, &w));
        let (dx, dw) = (noise(x.len(), seed ^ 3), noise(w.len(), seed ^ 4));
        let loss = |x: &[f32], panels: &[f32]| {
            let mut a = vec![f32::NAN; da.len()];
            forward(&conv, x, rows, panels, None, Activation::Identity, None, &mut a);
            a.iter().zip(&da).map(|(&a, &d)| f64::from(a) * f64::from(d)).sum::<f64>()
        };
        let moved = |from: &[f32], by: &[f32], e: f32| from.iter().zip(by).map(|(f, b)| f + e * b).collect::<Vec<_>>();
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum::<f64>();
        let close = |slope: f64, quotient: f64| (slope - quotient).abs() <= 1e-3 * (1.0 + slope.abs());
        let (mut gx, mut gw) = (vec![f32::NAN; x.len()], vec![f32::NAN; panels.len()]);
        input_gradient(&conv, &da, rows, &panels, &mut gx);
        weight_gradient(&conv, &x, &da, rows, Target::Store(&mut gw));
        let quotient = loss(&moved(&x, &dx, 0.5), &panels) - loss(&moved(&x, &dx, -0.5), &panels);
        prop_assert!(close(dot(&gx, &dx), quotient), "dx: {} and {quotient}", dot(&gx, &dx));
        let up = loss(&x, &panels_of(&conv, &moved(&w, &dw, 0.5)));
        let quotient = up - loss(&x, &panels_of(&conv, &moved(&w, &dw, -0.5)));
        let slope = dot(&gw, &panels_of(&conv, &dw));
        prop_assert!(close(slope, quotient), "dW: {slope} and {quotient}");
    }

    #[test]
    fn a_rule_in_the_epilogue_moves_the_weights_as_one_after_it(conv in shape(), rows in 1usize..9, seed: u64) {
        let (x, da) = (noise(rows * conv.len_in(), seed), noise(rows * conv.len_out(), seed ^ 1));
        let start = panels_of(&conv, &noise(conv.n_in() * conv.n_out(), seed ^ 2));
        on_every_isa(|| {
            let mut gradient = vec![f32::NAN; start.len()];
            weight_gradient(&conv, &x, &da, rows, Target::Store(&mut gradient));
            let (mut w, mut m, mut v) = (start.clone(), vec![0.0; start.len()], vec![0.0; start.len()]);
            RULES[2].apply(&gradient, &mut w, &mut m, &mut v);
            let mut fused = (start.clone(), vec![0.0; start.len()], vec![0.0; start.len()]);
            let (weights, first, second) = (&mut fused.0[..], &mut fused.1[..], &mut fused.2[..]);
            weight_gradient(&conv, &x, &da, rows, Target::Descend { rule: RULES[2], weights, first, second });
            prop_assert_eq!(bits(&fused.0), bits(&w));
            prop_assert_eq!(bits(&fused.1), bits(&m));
            prop_assert_eq!(bits(&fused.2), bits(&v));
            Ok(())
        })?;
    }

    #[test]
    fn factors_and_gates_are_those_of_a_pass_beforehand(
        conv in shape(), rows in 1usize..9, which in 0usize..8, based: bool, seed: u64,
    ) {
        let (len_in, len_out, n_out) = (conv.len_in(), conv.len_out(), conv.channels_out);
        let (x, dh, kept) = (noise(rows * len_in, seed), noise(rows * len_out, seed ^ 1), noise(rows * len_out, seed ^ 2));
        let (scales_x, scales_dh) = (noise(rows, seed ^ 3), noise(rows, seed ^ 4));
        let (panels, bias) = (panels_of(&conv, &noise(conv.n_in() * conv.n_out(), seed ^ 5)), noise(n_out, seed ^ 6));
        let activation = ACTIVATIONS[which];
        let (mut scaled_x, mut da) = (x.clone(), dh.clone());
        scale_rows(&x, len_in, &scales_x, &mut scaled_x);
        scale_rows(&dh, len_out, &scales_dh, &mut da);
        activation.pull_back(&kept, &mut da);
        let base = noise(len_out, seed ^ 7);
        on_every_isa(|| {
            // Forward: scaled rows, or a base that is scaled with them; sums of squares.
            let (mut h, mut squares) = (vec![f32::NAN; dh.len()], vec![f32::NAN; rows]);
            let epilogue = Epilogue { bias: Some(&bias), activation, base: based.then_some(&base[..]) };
            let out = Outputs { h: &mut h, pre: None, squares: Some(&mut squares) };
            conv.forward(Rows::new(&x, rows, len_in).scaled(Some(&scales_x)), weights(&conv, &panels), epilogue, out);
            let mut expected = vec![f32::NAN; dh.len()];
            if based {
                forward(&conv, &x, rows, &panels, None, Activation::Identity, None, &mut expected);
                for (at, a) in expected.iter_mut().enumerate() {
                    *a = activation.value((*a + base[at % len_out]) * scales_x[at / len_out] + bias[at % n_out]);
                }
            } else {
                forward(&conv, &scaled_x, rows, &panels, Some(&bias), activation, None, &mut expected);
            }
            prop_assert_eq!(bits(&h), bits(&expected));
            let mut truth = vec![f32::NAN; rows];
            row_sums_of_squares(&h, len_out, &mut truth);
            prop_assert_eq!(bits(&squares), bits(&truth));
            // Back: scaled rows of x, errors scaled and behind a gate, or neither.
            let gated = Errors::gated(Rows::new(&dh, rows, len_out).scaled(Some(&scales_dh)), activation, &kept);
            let (mut dx, mut expected) = (vec![f32::NAN; x.len()], vec![f32::NAN; x.len()]);
            conv.input_gradient(gated, weights(&conv, &panels), &mut dx);
            input_gradient(&conv, &da, rows, &panels, &mut expected);
            prop_assert_eq!(bits(&dx), bits(&expected));
            let (mut dw, mut expected) = (vec![f32::NAN; panels.len()], vec![f32::NAN; panels.len()]);
            let (mut db, mut db_plain) = (vec![f32::NAN; n_out], vec![f32::NAN; n_out]);
            let x = Rows::new(&x, rows, len_in).scaled(Some(&scales_x));
            conv.weight_gradient(x, gated, Target::Store(&mut dw), Some(&mut db));
            let (x, plain) = (Rows::new(&scaled_x, rows, len_in), Errors::new(Rows::new(&da, rows, len_out)));
            conv.weight_gradient(x, plain, Target::Store(&mut expected), Some(&mut db_plain));
            prop_assert_eq!(bits(&dw), bits(&expected));
            let mut truth = vec![f32::NAN; n_out];
            column_sums(Rows::new(&da, da.len() / n_out, n_out), &mut truth);
            prop_assert_eq!(bits(&db), bits(&truth));
            prop_assert_eq!(bits(&db_plain), bits(&truth));
            Ok(())
        })?;
    }

    #[test]
    fn an_image_is_the_same_alone_and_in_company(conv in shape(), rows in 1usize..30, seed: u64) {
        let (x, da) = (noise(rows * conv.len_in(), seed), noise(rows * conv.len_out(), seed ^ 1));
        let panels = panels_of(&conv, &noise(conv.n_in() * conv.n_out(), seed ^ 2));
        let products = |x: &[f32], da: &[f32], rows: usize| {
            let (mut h, mut dx) = (vec![f32::NAN; da.len()], vec![f32::NAN; x.len()]);
            forward(&conv, x, rows, &panels, None, Activation::Tanh, None, &mut h);
            input_gradient(&conv, da, rows, &panels, &mut dx);
            (bits(&h), bits(&dx))
        };
        on_every_isa(|| {
            let (h, dx) = products(&x, &da, rows);
            let (r, len_in, len_out) = (seed as usize % rows, conv.len_in(), conv.len_out());
            let (alone_h, alone_dx) = products(&x[r * len_in..][..len_in], &da[r * len_out..][..len_out], 1);
            prop_assert_eq!(&h[r * len_out..][..len_out], &alone_h[..]);
            prop_assert_eq!(&dx[r * len_in..][..len_in], &alone_dx[..]);
            Ok(())
        })?;
    }
}

#[test]
fn a_window_as_large_as_the_image_is_a_dense_layer() {
    let (rows, side, channels, n_out) = (13, 3, 5, 37);
    let (height, width) = (side, side);
    let conv = Conv {
        height,
        width,
        channels_in: channels,
        channels_out: n_out,
        kernel: 3,
        stride: 1,
        padding: 0,
        groups: 1,
    };
    let n_in = conv.len_in();
    assert_eq!((n_in, conv.len_out(), conv.multiply_adds()), (conv.n_in(), n_out, 45 * n_out));
    let (x, da, b) = (noise(rows * n_in, 1), noise(rows * n_out, 2), noise(n_out, 3));
    let panels = panels_of(&conv, &noise(n_in * n_out, 4));
    let single = Precision::F32;
    let (mut h, mut dense) = (vec![f32::NAN; da.len()], vec![f32::NAN; da.len()]);
    forward(&conv, &x, rows, &panels, Some(&b), Activation::Silu, None, &mut h);
    common::forward(&x, rows, n_in, &panels, n_out, Some(&b), Activation::Silu, None, &mut dense, single);
    assert_eq!(bits(&h), bits(&dense));
    let (mut dx, mut dense) = (vec![f32::NAN; x.len()], vec![f32::NAN; x.len()]);
    input_gradient(&conv, &da, rows, &panels, &mut dx);
    common::input_gradient(&da, rows, n_out, &panels, n_in, &mut dense, single);
    assert_eq!(bits(&dx), bits(&dense));
    let (mut dw, mut dense) = (vec![f32::NAN; panels.len()], vec![f32::NAN; panels.len()]);
    weight_gradient(&conv, &x, &da, rows, Target::Store(&mut dw));
    common::weight_gradient(&x, n_in, &da, n_out, rows, None, Target::Store(&mut dense), single);
    assert_eq!(bits(&dw), bits(&dense));
}

/// All that the three products write, for one set of operands.
fn everything(conv: &Conv, rows: usize) -> Vec<u32> {
    let (x, da) = (noise(rows * conv.len_in(), 1), noise(rows * conv.len_out(), 2));
    let mut panels = panels_of(conv, &noise(conv.n_in() * conv.n_out(), 3));
    let (mut pre, mut h, mut dx) = (da.clone(), da.clone(), x.clone());
    let bias = noise(conv.channels_out, 4);
    forward(conv, &x, rows, &panels, Some(&bias), Activation::Gelu, Some(&mut pre), &mut h);
    input_gradient(conv, &da, rows, &panels, &mut dx);
    let (mut first, mut second) = (vec![0.0; panels.len()], vec![0.0; panels.len()]);
    let (rule, weights) = (RULES[2], &mut panels[..]);
    weight_gradient(
        conv,
        &x,
        &da,
        rows,
        Target::Descend { rule, weights, first: &mut first, second: &mut second },
    );
    [pre, h, dx, panels, first, second].iter().flat_map(|part| bits(part)).collect()
}

/// More than 2²⁰ multiply-adds, so that the work is shared; several chunks of images; framed, widened and neither.
const LARGE: [(Conv, usize); 5] = [
    (
        Conv {
            height: 33,
            width: 31,
            channels_in: 3,
            channels_out: 41,
            kernel: 3,
            stride: 1,
            padding: 1,
            groups: 1,
        },
        19,
    ),
    (
        Conv {
            height: 16,
            width: 16,
            channels_in: 33,
            channels_out: 64,
            kernel: 3,
            stride: 2,
            padding: 1,
            groups: 1,
        },
        30,
    ),
    (
        Conv {
            height: 17,
            width: 15,
            channels_in: 20,
            channels_out: 96,
            kernel: 5,
            stride: 1,
            padding: 2,
            groups: 1,
        },
        14,
    ),
    (
        Conv {
            height: 17,
            width: 15,
            channels_in: 60,
            channels_out: 96,
            kernel: 3,
            stride: 1,
            padding: 1,
            groups: 2,
        },
        14,
    ),
    (
        Conv {
            height: 16,
            width: 15,
            channels_in: 12,
            channels_out: 54,
            kernel: 3,
            stride: 1,
            padding: 1,
            groups: 6,
        },
        40,
    ),
];

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    for ((conv, rows), isa) in
        LARGE.into_iter().flat_map(|large| Isa::available().map(move |isa| (large, isa)))
    {
        let by_threads = [1, 2, 3].map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| with_isa(isa, || everything(&conv, rows)))
        });
        assert!(by_threads[0] == by_threads[1], "1 and 2 threads, {}, {conv:?}", isa.name());
        assert!(by_threads[0] == by_threads[2], "1 and 3 threads, {}, {conv:?}", isa.name());
    }
}

#[test]
fn instruction_sets_with_fused_multiply_add_agree_to_the_bit() {
    let fused: Vec<_> = Isa::available().filter(|isa| isa.has_fused_multiply_add()).collect();
    for (conv, rows) in LARGE {
        let results: Vec<_> = fused.iter().map(|&isa| with_isa(isa, || everything(&conv, rows))).collect();
        assert!(results.windows(2).all(|pair| pair[0] == pair[1]), "{fused:?}, {conv:?}");
    }
}

#[test]
fn chunks_of_images_add_up() {
    for (conv, rows) in LARGE {
        let (x, da, n_out) = (noise(rows * conv.len_in(), 1), noise(rows * conv.len_out(), 2), conv.n_out());
        let mut truth = Truth::zero(conv.n_in() * n_out);
        for_each_term(&conv, rows, |i, k, p| {
            (0..n_out).for_each(|o| truth.add(k * n_out + o, x[i], da[p + o]));
        });
        let mut gradient = vec![f32::NAN; conv.panel_len()];
        weight_gradient(&conv, &x, &da, rows, Target::Store(&mut gradient));
        let mut dw = vec![f32::NAN; conv.n_in() * n_out];
        from_panels(&gradient, conv.n_in(), n_out, &mut dw);
        truth.assert_close(&dw, "dW").unwrap();
    }
}

#[test]
fn a_nan_or_infinity_reaches_all_that_depends_on_it_and_nothing_else() {
    let (rows, n_out) = (3, 43);
    for (channels_in, isa) in [3, 19].into_iter().flat_map(|c| Isa::available().map(move |isa| (c, isa))) {
        let conv = Conv {
            height: 5,
            width: 6,
            channels_in,
            channels_out: n_out,
            kernel: 3,
            stride: 2,
            padding: 1,
            groups: 1,
        };
        // All weights and errors are zero: 0·NaN and 0·∞ are NaN, and a kernel that skips zeros shows.
        let (mut x, mut da) = (vec![1.0; rows * conv.len_in()], vec![0.0; rows * conv.len_out()]);
        let (odd_x, odd_da) = (conv.len_in() + 14 * channels_in + 2, conv.len_out() + 5 * n_out + 40);
        let (mut h, mut dw, mut dx) = (da.clone(), vec![1.0; conv.panel_len()], x.clone());
        let panels = vec![0.0; conv.panel_len()];
        let (mut in_h, mut in_dw, mut in_dx) =
            (vec![false; h.len()], vec![false; dw.len()], vec![false; x.len()]);
        for_each_term(&conv, rows, |i, k, p| {
            for o in 0..n_out {
                in_h[p + o] |= i == odd_x;
                in_dw[((o / PANEL) * conv.n_in() + k) * PANEL + o % PANEL] |= i == odd_x;
                in_dx[i] |= p + o == odd_da;
            }
        });
        for odd in [f32::NAN, f32::INFINITY] {
            x[odd_x] = odd;
            let nans = |values: &[f32]| values.iter().map(|v| v.is_nan()).collect::<Vec<_>>();
            with_isa(isa, || {
                forward(&conv, &x, rows, &panels, None, Activation::Relu, None, &mut h);
                assert_eq!(nans(&h), in_h, "h, {}", isa.name());
                weight_gradient(&conv, &x, &da, rows, Target::Store(&mut dw));
                assert_eq!(nans(&dw), in_dw, "dW, {}", isa.name());
                da[odd_da] = odd;
                input_gradient(&conv, &da, rows, &panels, &mut dx);
                assert_eq!(nans(&dx), in_dx, "dx, {}", isa.name());
                da[odd_da] = 0.0;
            });
        }
    }
}

#[test]
fn empty_sides_are_products_too() {
    let conv = Conv {
        height: 2,
        width: 2,
        channels_in: 1,
        channels_out: 2,
        kernel: 3,
        stride: 1,
        padding: 0,
        groups: 1,
    };
    assert_eq!((conv.height_out(), conv.len_out(), conv.multiply_adds()), (0, 0, 0), "no window fits");
    let mut dx = [f32::NAN; 4];
    forward(&conv, &[1.0; 4], 1, &[0.0; 288], None, Activation::Relu, None, &mut []);
    input_gradient(&conv, &[], 1, &[0.0; 288], &mut dx);
    assert_eq!(dx, [0.0; 4]);
    let mut dw = [f32::NAN; 288];
    weight_gradient(&conv, &[1.0; 4], &[], 1, Target::Store(&mut dw));
    assert_eq!(dw, [0.0; 288]);

    let conv = Conv { padding: 1, ..conv };
    dw.fill(f32::NAN);
    weight_gradient(&conv, &[], &[], 0, Target::Store(&mut dw));
    assert_eq!(dw, [0.0; 288], "no images");
    forward(&conv, &[], 0, &dw, None, Activation::Relu, None, &mut []);
    input_gradient(&conv, &[], 0, &dw, &mut []);

    let conv = Conv { channels_in: 0, ..conv };
    let mut h = [f32::NAN; 8];
    forward(&conv, &[], 1, &[], Some(&[1.0, -1.0]), Activation::Relu, None, &mut h);
    assert_eq!(h, [1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0], "no inputs: the bias alone");
    input_gradient(&conv, &h, 1, &[], &mut []);
    weight_gradient(&conv, &[], &h, 1, Target::Store(&mut []));

    let conv = Conv { channels_in: 1, channels_out: 0, ..conv };
    forward(&conv, &[1.0; 4], 1, &[], None, Activation::Relu, None, &mut []);
    dx.fill(f32::NAN);
    input_gradient(&conv, &[], 1, &[], &mut dx);
    assert_eq!(dx, [0.0; 4]);
    weight_gradient(&conv, &[1.0; 4], &[], 1, Target::Store(&mut []));
}

#[test]
fn a_wrong_length_is_caught_at_the_door() {
    let conv = Conv {
        height: 4,
        width: 5,
        channels_in: 2,
        channels_out: 3,
        kernel: 3,
        stride: 1,
        padding: 1,
        groups: 1,
    };
    assert_eq!(conv.panel_len(), panel_len(18, 3));
    let (x, h, panels) = ([0.0; 40], [0.0; 60], [0.0; 18 * PANEL]);
    let caught = [
        std::panic::catch_unwind(|| {
            forward(&conv, &x[1..], 1, &panels, None, Activation::Relu, None, &mut { h });
        }),
        std::panic::catch_unwind(|| {
            forward(&conv, &x, 1, &panels[1..], None, Activation::Relu, None, &mut { h });
        }),
        std::panic::catch_unwind(|| {
            forward(&conv, &x, 1, &panels, Some(&[0.0; 2]), Activation::Relu, None, &mut { h });
        }),
        std::panic::catch_unwind(|| {
            forward(&conv, &x, 1, &panels, None, Activation::Relu, Some(&mut [0.0; 59]), &mut { h });
        }),
        std::panic::catch_unwind(|| input_gradient(&conv, &h, 2, &panels, &mut { x })),
        std::panic::catch_unwind(|| weight_gradient(&conv, &x, &h, 1, Target::Store(&mut [0.0; 18]))),
        std::panic::catch_unwind(|| {
            let uneven = Conv { groups: 2, ..conv };
            forward(&uneven, &x, 1, &panels, None, Activation::Relu, None, &mut { h });
        }),
        std::panic::catch_unwind(|| {
            let never = Conv { stride: 0, ..conv };
            weight_gradient(&never, &x, &h, 1, Target::Store(&mut { panels }));
        }),
    ];
    assert!(caught.iter().all(Result::is_err), "{caught:?}");
    forward(&conv, &x, 1, &panels, None, Activation::Relu, None, &mut { h });
}
