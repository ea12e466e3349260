//! Products that leave zeros out against those that multiply them: the same bits.

mod common;

use adieu_kernels::{
    Activation, Epilogue, Errors, Isa, Outputs, PANEL, Precision, Rows, Target, Terms, Weights, Zeros,
    panel_len, with_isa,
};
use common::{RULES, bits, noise, panels_of};
use proptest::prelude::*;

/// Noise of which only `density` is not zero. Every fifth row is zero throughout, and some zeros are negative.
fn sparse(rows: usize, cols: usize, density: f32, seed: u64) -> Vec<f32> {
    let mut x = noise(rows * cols, seed);
    for (at, (x, share)) in x.iter_mut().zip(noise(rows * cols, seed ^ 0x55)).enumerate() {
        if share.abs() >= density || at / cols % 5 == 4 {
            *x *= 0.0;
        }
    }
    x
}

/// Sizes about the edges of strips, slivers, groups and blocks, primes, and anything else.
fn size() -> impl Strategy<Value = usize> {
    prop_oneof![
        prop::sample::select(vec![1, 2, 3, 7, 8, 9, 11, 12, 13, 15, 16, 17, 31, 32, 33, 63, 64, 65, 67, 79]),
        prop::sample::select(vec![95, 96, 97, 127, 128, 129, 131, 143, 144, 145, 257]),
        1usize..100,
    ]
}

/// The forward product of rows with zeros, in f32.
fn forward(x: Rows<'_>, panels: &[f32], n_out: usize, bias: Option<&[f32]>, out: Outputs<'_>) {
    let (weights, activation) = (Weights::new(panels, x.cols(), n_out), Activation::Silu);
    adieu_kernels::forward(x, weights, Epilogue { bias, activation, base: None }, Precision::F32, out);
}

/// The weight gradient of rows with zeros, in f32.
fn weight_gradient(x: Rows<'_>, da: &[f32], terms: Terms<'_>, target: Target<'_>) {
    let da = Errors::new(Rows::new(da, x.rows(), da.len().checked_div(x.rows()).unwrap_or(7)));
    adieu_kernels::weight_gradient(x, da, terms, Precision::F32, target, None);
}

/// a, h and the sums of squares of a forward product.
fn outputs(x: Rows<'_>, w: &[f32], n_out: usize, bias: Option<&[f32]>) -> [Vec<u32>; 3] {
    let [mut pre, mut h] = [(); 2].map(|()| vec![f32::NAN; x.rows() * n_out]);
    let mut squares = vec![f32::NAN; x.rows()];
    let out = Outputs { h: &mut h, pre: Some(&mut pre), squares: Some(&mut squares) };
    forward(x, &panels_of(w, x.cols(), n_out), n_out, bias, out);
    [bits(&pre), bits(&h), bits(&squares)]
}

/// dW, and the weights and moments after a step.
fn moved(x: Rows<'_>, (da, n_out): (&[f32], usize), terms: Terms<'_>) -> [Vec<u32>; 4] {
    let mut weights = panels_of(&noise(x.cols() * n_out, 9), x.cols(), n_out);
    let mut gradient = vec![f32::NAN; weights.len()];
    let [mut first, mut second] = [(); 2].map(|()| vec![0.0; weights.len()]);
    weight_gradient(x, da, terms, Target::Store(&mut gradient));
    let target =
        Target::Descend { rule: RULES[2], weights: &mut weights, first: &mut first, second: &mut second };
    weight_gradient(x, da, terms, target);
    [gradient, weights, first, second].map(|part| bits(&part))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn forward_gives_the_bits_of_the_full_product(
        rows in size(), n_in in size(), n_out in size(), density in 0.0..1.1_f32, more: bool, seed: u64,
    ) {
        let (x, w, b) = (sparse(rows, n_in, density, seed), noise(n_in * n_out, seed ^ 1), noise(n_out, seed ^ 2));
        let scales = noise(rows, seed ^ 3);
        let x = Rows::new(&x, rows, n_in).scaled(more.then_some(&scales[..]));
        let bias = more.then_some(&b[..]);
        for isa in Isa::available() {
            with_isa(isa, || {
                let full = outputs(x, &w, n_out, bias);
                for zeros in [Zeros::Skip, Zeros::Choose] {
                    let got = outputs(x.with_zeros(zeros), &w, n_out, bias);
                    prop_assert!(got == full, "{:?}, {}", zeros, isa.name());
                }
                Ok(())
            })?;
        }
    }

    #[test]
    fn weight_gradient_gives_the_bits_of_the_full_product(
        rows in size(), n_in in size(), n_out in size(), density in 0.0..1.1_f32, more: bool, seed: u64,
    ) {
        let (x, da) = (sparse(rows, n_in, density, seed), noise(rows * n_out, seed ^ 1));
        let (scales, u, v) = (noise(rows, seed ^ 3), noise(n_in, seed ^ 4), noise(n_out, seed ^ 5));
        // Half of the rows, in descending order, the last of them twice; and an outer product.
        let mut list: Vec<_> = (0..rows as u32).rev().filter(|r| (seed >> (r % 64)) & 1 == 1).collect();
        list.extend(list.last().copied());
        let terms =
            if more { Terms { rows: Some(&list), outer: Some((&u, &v)) } } else { Terms::default() };
        let x = Rows::new(&x, rows, n_in).scaled(more.then_some(&scales[..]));
        for isa in Isa::available() {
            with_isa(isa, || {
                let full = moved(x, (&da, n_out), terms);
                for zeros in [Zeros::Skip, Zeros::Choose] {
                    let got = moved(x.with_zeros(zeros), (&da, n_out), terms);
                    prop_assert!(got == full, "{:?}, {}", zeros, isa.name());
                }
                Ok(())
            })?;
        }
    }
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    // More than one chunk of strips and one block of depth, and enough work to be shared.
    let (rows, n_in, n_out) = (301, 307, 131);
    let (x, da, w) = (sparse(rows, n_in, 0.2, 1), noise(rows * n_out, 2), noise(n_in * n_out, 3));
    let x = Rows::new(&x, rows, n_in).with_zeros(Zeros::Skip);
    let by_threads = [1, 2, 3].map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| (outputs(x, &w, n_out, None), moved(x, (&da, n_out), Terms::default())))
    });
    assert!(by_threads[0] == by_threads[1], "1 and 2 threads");
    assert!(by_threads[0] == by_threads[2], "1 and 3 threads");
}

fn skipping(x: &[f32], rows: usize, cols: usize) -> Rows<'_> {
    Rows::new(x, rows, cols).with_zeros(Zeros::Skip)
}

#[test]
fn what_is_not_zero_is_kept_and_a_zero_meets_nothing() {
    let (rows, n_in, n_out) = (14, 35, 43);
    for (isa, odd) in Isa::available().flat_map(|isa| [(isa, f32::NAN), (isa, f32::INFINITY)]) {
        with_isa(isa, || {
            // All weights and errors are zero: 0·NaN and 0·∞ are NaN, wherever they are multiplied.
            let mut x = vec![0.0; rows * n_in];
            x[5 * n_in + 7] = odd;
            let mut h = vec![0.0; rows * n_out];
            let mut panels = vec![0.0; panel_len(n_in, n_out)];
            forward(
                skipping(&x, rows, n_in),
                &panels,
                n_out,
                None,
                Outputs { h: &mut h, pre: None, squares: None },
            );
            for (at, h) in h.iter().enumerate() {
                assert_eq!(h.is_nan(), at / n_out == 5, "{}, h[{at}]", isa.name());
            }
            let mut dw = vec![1.0; panels.len()];
            weight_gradient(
                skipping(&x, rows, n_in),
                &vec![0.0; rows * n_out],
                Terms::default(),
                Target::Store(&mut dw),
            );
            for (at, g) in dw.iter().enumerate() {
                let (i, o) = (at / PANEL % n_in, at / PANEL / n_in * PANEL + at % PANEL);
                assert_eq!(g.is_nan(), i == 7 && o < n_out, "{}, dW[{i}, {o}]", isa.name());
            }
            // Where x is zero, weights and errors may be anything.
            panels.fill(odd);
            x.fill(0.0);
            forward(
                skipping(&x, rows, n_in),
                &panels,
                n_out,
                None,
                Outputs { h: &mut h, pre: None, squares: None },
            );
            weight_gradient(
                skipping(&x, rows, n_in),
                &vec![odd; rows * n_out],
                Terms::default(),
                Target::Store(&mut dw),
            );
            assert!(h.iter().chain(&dw).all(|&value| value == 0.0), "{}", isa.name());
        });
    }
}

#[test]
fn empty_sides_are_products_too() {
    let mut h = vec![f32::NAN; 6];
    let out = Outputs { h: &mut h, pre: None, squares: None };
    forward(skipping(&[], 2, 0), &[], 3, Some(&[0.0, -200.0, 0.0]), out);
    assert_eq!(h, [0.0; 6], "no inputs: the bias alone");
    let none = || Outputs { h: &mut [], pre: None, squares: None };
    forward(skipping(&[], 0, 4), &panels_of(&noise(12, 1), 4, 3), 3, None, none());
    forward(skipping(&[1.0, 2.0], 2, 1), &[], 0, None, none());
    let mut dw = vec![1.0; panel_len(5, 7)];
    weight_gradient(skipping(&[], 0, 5), &[], Terms::default(), Target::Store(&mut dw));
    assert!(dw.iter().all(|&g| g == 0.0), "without rows the gradient is zero");
}
