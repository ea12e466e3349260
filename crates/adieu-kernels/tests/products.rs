//! The three products against naive twins in f64, on every instruction set of this machine, and the promises
//! of the crate's front page: thread counts, batch sizes, NaN, subsets, fused rules.

mod common;

use adieu_kernels::{
    Activation, Epilogue, Errors, Isa, Outputs, PANEL, Precision, Rows, Rule, Target, Terms, Weights, isa,
    panel_len, scale_rows, with_isa,
};
use common::*;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

fn on_every_isa(mut check: impl FnMut() -> Result<(), TestCaseError>) -> Result<(), TestCaseError> {
    Isa::available().try_for_each(|isa| with_isa(isa, &mut check))
}

const F32: Precision = Precision::F32;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn forward_agrees_with_its_twin(rows in size(), n_in in size(), n_out in size(), with_bias: bool, seed: u64) {
        let (x, w, b) = (noise(rows * n_in, seed), noise(n_in * n_out, seed ^ 1), noise(n_out, seed ^ 2));
        let panels = panels_of(&w, n_in, n_out);
        let bias = with_bias.then_some(&b[..]);
        let with_one = |i: usize, k: usize| if k < n_in { x[i * n_in + k] } else { 1.0 };
        let then_bias = |k: usize, j: usize| if k < n_in { w[k * n_out + j] } else { b[j] };
        let truth = naive((rows, n_in + usize::from(with_bias), n_out), with_one, then_bias);
        on_every_isa(|| {
            let (mut h, mut pre) = (vec![f32::NAN; rows * n_out], vec![f32::NAN; rows * n_out]);
            forward(&x, rows, n_in, &panels, n_out, bias, Activation::Identity, None, &mut h, F32);
            assert_close(&h, &truth, n_in, "h")?;
            let sums = h.clone();
            for activation in ACTIVATIONS {
                forward(&x, rows, n_in, &panels, n_out, bias, activation, Some(&mut pre), &mut h, F32);
                prop_assert_eq!(bits(&pre), bits(&sums));
                let expected: Vec<_> = sums.iter().map(|&a| activation.value(a)).collect();
                prop_assert_eq!(bits(&h), bits(&expected), "{:?} on {}", activation, isa().name());
            }
            Ok(())
        })?;
    }

    #[test]
    fn input_gradient_agrees_with_its_twin(rows in size(), n_in in size(), n_out in size(), seed: u64) {
        let (da, w) = (noise(rows * n_out, seed), noise(n_in * n_out, seed ^ 1));
        let panels = panels_of(&w, n_in, n_out);
        let truth = naive((rows, n_out, n_in), |i, k| da[i * n_out + k], |k, j| w[j * n_out + k]);
        on_every_isa(|| {
            let mut dx = vec![f32::NAN; rows * n_in];
            input_gradient(&da, rows, n_out, &panels, n_in, &mut dx, F32);
            assert_close(&dx, &truth, n_out, "dx")
        })?;
    }

    #[test]
    fn weight_gradient_agrees_with_its_twin(
        rows in size(), n_in in size(), n_out in size(), share in 0.0..1.0, all: bool, seed: u64,
    ) {
        let (x, da) = (noise(rows * n_in, seed), noise(rows * n_out, seed ^ 1));
        let drawn = noise(rows, seed ^ 2);
        // A sample of the rows, in descending order, one of them twice.
        let mut list: Vec<_> = (0..rows as u32).rev().filter(|&r| f64::from(drawn[r as usize]).abs() < share).collect();
        list.extend(list.first().copied());
        let subset = (!all).then_some(&list[..]);
        let count = if all { rows } else { list.len() };
        let row = |k: usize| if all { k } else { list[k] as usize };
        let truth = naive((n_in, count, n_out), |i, k| x[row(k) * n_in + i], |k, j| da[row(k) * n_out + j]);
        on_every_isa(|| {
            let mut gradient = vec![f32::NAN; panel_len(n_in, n_out)];
            weight_gradient(&x, n_in, &da, n_out, rows, subset, Target::Store(&mut gradient), F32);
            let dw = rows_of(&gradient, n_in, n_out);
            assert_close(&dw, &truth, count, "dW")?;
            prop_assert_eq!(bits(&gradient), bits(&panels_of(&dw, n_in, n_out)), "padding is zero");
            Ok(())
        })?;
    }

    #[test]
    fn a_rule_in_the_epilogue_moves_the_weights_as_one_after_it(
        rows in size(), n_in in size(), n_out in size(), seed: u64,
    ) {
        let (x, da) = (noise(rows * n_in, seed), noise(rows * n_out, seed ^ 1));
        let start = panels_of(&noise(n_in * n_out, seed ^ 2), n_in, n_out);
        let first = panels_of(&noise(n_in * n_out, seed ^ 3), n_in, n_out);
        let second: Vec<_> = panels_of(&noise(n_in * n_out, seed ^ 4), n_in, n_out).iter().map(|v| v * v).collect();
        on_every_isa(|| {
            let mut gradient = vec![f32::NAN; start.len()];
            weight_gradient(&x, n_in, &da, n_out, rows, None, Target::Store(&mut gradient), F32);
            for rule in RULES {
                let first = if rule.moments() > 0 { first.clone() } else { vec![] };
                let second = if rule.moments() == 2 { second.clone() } else { vec![] };
                let (mut w, mut m, mut v) = (start.clone(), first.clone(), second.clone());
                rule.apply(&gradient, &mut w, &mut m, &mut v);
                let (mut fused_w, mut fused_m, mut fused_v) = (start.clone(), first.clone(), second);
                let target =
                    Target::Descend { rule, weights: &mut fused_w, first: &mut fused_m, second: &mut fused_v };
                weight_gradient(&x, n_in, &da, n_out, rows, None, target, F32);
                prop_assert_ne!(bits(&w), bits(&start));
                prop_assert_eq!(bits(&fused_w), bits(&w), "weights, {:?}", rule);
                prop_assert_eq!(bits(&fused_m), bits(&m), "first moments, {:?}", rule);
                prop_assert_eq!(bits(&fused_v), bits(&v), "second moments, {:?}", rule);
            }
            Ok(())
        })?;
    }

    #[test]
    fn leaving_rows_out_is_setting_their_error_to_zero(rows in size(), n_in in size(), n_out in size(), seed: u64) {
        let (x, mut da) = (noise(rows * n_in, seed), noise(rows * n_out, seed ^ 1));
        let subset: Vec<u32> = (0..rows as u32).filter(|r| (seed >> (r % 64)) & 1 == 1).collect();
        let gradient = |da: &[f32], subset: Option<&[u32]>| {
            let mut gradient = vec![f32::NAN; panel_len(n_in, n_out)];
            weight_gradient(&x, n_in, da, n_out, rows, subset, Target::Store(&mut gradient), F32);
            gradient
        };
        on_every_isa(|| {
            let chosen = gradient(&da, Some(&subset));
            for r in (0..rows as u32).filter(|r| !subset.contains(r)) {
                da[r as usize * n_out..][..n_out].fill(0.0);
            }
            prop_assert_eq!(bits(&chosen), bits(&gradient(&da, None)));
            Ok(())
        })?;
    }

    #[test]
    fn a_row_is_the_same_alone_and_in_company(rows in size(), n_in in size(), n_out in size(), seed: u64) {
        let (x, w, da) = (noise(rows * n_in, seed), noise(n_in * n_out, seed ^ 1), noise(rows * n_out, seed ^ 2));
        let panels = panels_of(&w, n_in, n_out);
        let products = |x: &[f32], da: &[f32], rows: usize| {
            let (mut h, mut dx) = (vec![f32::NAN; rows * n_out], vec![f32::NAN; rows * n_in]);
            forward(x, rows, n_in, &panels, n_out, None, Activation::Tanh, None, &mut h, F32);
            input_gradient(da, rows, n_out, &panels, n_in, &mut dx, F32);
            (bits(&h), bits(&dx))
        };
        on_every_isa(|| {
            let (h, dx) = products(&x, &da, rows);
            let r = seed as usize % rows;
            let (alone_h, alone_dx) = products(&x[r * n_in..][..n_in], &da[r * n_out..][..n_out], 1);
            prop_assert_eq!(&h[r * n_out..][..n_out], &alone_h[..]);
            prop_assert_eq!(&dx[r * n_in..][..n_in], &alone_dx[..]);
            Ok(())
        })?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn scales_and_gates_on_the_way_are_scales_and_gates_beforehand(
        rows in size(), n_in in size(), n_out in size(), which in 0..ACTIVATIONS.len(), seed: u64,
    ) {
        let activation = ACTIVATIONS[which];
        let (x, w) = (noise(rows * n_in, seed), noise(n_in * n_out, seed ^ 1));
        let (dh, kept) = (noise(rows * n_out, seed ^ 2), noise(rows * n_out, seed ^ 3));
        let (s, t) = (noise(rows, seed ^ 4), noise(rows, seed ^ 5));
        let panels = panels_of(&w, n_in, n_out);
        let (mut scaled, mut da) = (vec![f32::NAN; x.len()], vec![f32::NAN; dh.len()]);
        on_every_isa(|| {
            scale_rows(&x, n_in, &s, &mut scaled);
            scale_rows(&dh, n_out, &t, &mut da);
            activation.pull_back(&kept, &mut da);
            let weights = Weights::new(&panels, n_in, n_out);
            let rows_of_x = Rows::new(&x, rows, n_in).scaled(Some(&s));
            let errors = Errors::gated(Rows::new(&dh, rows, n_out).scaled(Some(&t)), activation, &kept);

            let (mut h, mut expected) = (vec![f32::NAN; rows * n_out], vec![f32::NAN; rows * n_out]);
            let out = Outputs { h: &mut h, pre: None, squares: None };
            adieu_kernels::forward(rows_of_x, weights, Epilogue { activation, ..Epilogue::default() }, F32, out);
            forward(&scaled, rows, n_in, &panels, n_out, None, activation, None, &mut expected, F32);
            prop_assert_eq!(bits(&h), bits(&expected), "h");

            let (mut dx, mut expected) = (vec![f32::NAN; rows * n_in], vec![f32::NAN; rows * n_in]);
            adieu_kernels::input_gradient(errors, weights, F32, &mut dx);
            input_gradient(&da, rows, n_out, &panels, n_in, &mut expected, F32);
            prop_assert_eq!(bits(&dx), bits(&expected), "dx");

            let (mut dw, mut expected) = (vec![f32::NAN; panels.len()], vec![f32::NAN; panels.len()]);
            let mut db = vec![f32::NAN; n_out];
            let target = Target::Store(&mut dw);
            adieu_kernels::weight_gradient(rows_of_x, errors, Terms::default(), F32, target, Some(&mut db));
            weight_gradient(&scaled, n_in, &da, n_out, rows, None, Target::Store(&mut expected), F32);
            prop_assert_eq!(bits(&dw), bits(&expected), "dW");
            let mut sums = vec![f32::NAN; n_out];
            adieu_kernels::column_sums(Rows::new(&da, rows, n_out), &mut sums);
            prop_assert_eq!(bits(&db), bits(&sums), "db");
            Ok(())
        })?;
    }

    #[test]
    fn squares_of_a_row_are_those_of_its_outputs(rows in size(), n_in in size(), n_out in size(), seed: u64) {
        let (x, w) = (noise(rows * n_in, seed), noise(n_in * n_out, seed ^ 1));
        let panels = panels_of(&w, n_in, n_out);
        let squares = |x: &[f32], rows: usize, activation| {
            let (mut h, mut squares) = (vec![f32::NAN; rows * n_out], vec![f32::NAN; rows]);
            let out = Outputs { h: &mut h, pre: None, squares: Some(&mut squares) };
            let epilogue = Epilogue { activation, ..Epilogue::default() };
            adieu_kernels::forward(Rows::new(x, rows, n_in), Weights::new(&panels, n_in, n_out), epilogue, F32, out);
            (h, squares)
        };
        on_every_isa(|| {
            for activation in ACTIVATIONS {
                let (h, got) = squares(&x, rows, activation);
                for (r, got) in got.iter().enumerate() {
                    let truth: f64 = h[r * n_out..][..n_out].iter().map(|h| f64::from(*h).powi(2)).sum();
                    prop_assert!((f64::from(*got) - truth).abs() <= 1e-6 * truth, "{activation:?}, row {r}: {got}, not {truth}");
                }
                let r = seed as usize % rows;
                let (_, alone) = squares(&x[r * n_in..][..n_in], 1, activation);
                prop_assert_eq!(alone[0].to_bits(), got[r].to_bits(), "alone and in company");
            }
            Ok(())
        })?;
    }

    #[test]
    fn what_inputs_share_can_be_multiplied_once(
        images in size(), copies in 1usize..4, code in 1usize..12, rest in size(), n_out in size(), seed: u64,
    ) {
        // x = s ⊙ [code | image]: the codes differ from row to row, the images come again and again.
        let (rows, n_in) = (images * copies, code + rest);
        let (image, codes, s) = (noise(images * rest, seed), noise(rows * code, seed ^ 1), noise(rows, seed ^ 2));
        let (w, b) = (noise(n_in * n_out, seed ^ 3), noise(n_out, seed ^ 4));
        let panels = panels_of(&w, n_in, n_out);
        let x = |i: usize, k: usize| {
            if k < code { codes[i * code + k] } else { image[i % images * rest + k - code] }
        };
        let with_one = |i: usize, k: usize| if k < n_in { s[i] * x(i, k) } else { 1.0 };
        let truth = naive((rows, n_in + 1, n_out), with_one, |k, j| if k < n_in { w[k * n_out + j] } else { b[j] });
        let blank: Vec<f32> = (0..images * n_in).map(|at| if at % n_in < code { 0.0 } else { x(at / n_in, at % n_in) }).collect();
        on_every_isa(|| {
            let mut base = vec![f32::NAN; images * n_out];
            forward(&blank, images, n_in, &panels, n_out, None, Activation::Identity, None, &mut base, F32);
            let codes = Rows::new(&codes, rows, code).scaled(Some(&s));
            let epilogue = Epilogue { bias: Some(&b), base: Some(&base), ..Epilogue::default() };
            let mut h = vec![f32::NAN; rows * n_out];
            let out = Outputs { h: &mut h, pre: None, squares: None };
            adieu_kernels::forward(codes, Weights::new(&panels, n_in, n_out), epilogue, F32, out);
            assert_close(&h, &truth, n_in + 3, "h")
        })?;
    }

    #[test]
    fn an_outer_product_is_one_more_row(rows in size(), n_in in size(), n_out in size(), seed: u64) {
        let (x, da) = (noise((rows + 1) * n_in, seed), noise((rows + 1) * n_out, seed ^ 1));
        on_every_isa(|| {
            let (mut dw, mut expected) = (vec![f32::NAN; panel_len(n_in, n_out)], vec![f32::NAN; panel_len(n_in, n_out)]);
            let (first, u) = x.split_at(rows * n_in);
            let (some, v) = da.split_at(rows * n_out);
            let (of_x, of_da) = (Rows::new(first, rows, n_in), Errors::new(Rows::new(some, rows, n_out)));
            let terms = Terms { rows: None, outer: Some((u, v)) };
            adieu_kernels::weight_gradient(of_x, of_da, terms, F32, Target::Store(&mut dw), None);
            weight_gradient(&x, n_in, &da, n_out, rows + 1, None, Target::Store(&mut expected), F32);
            prop_assert_eq!(bits(&dw), bits(&expected));
            Ok(())
        })?;
    }
}

/// All that the three products write, for one set of operands.
fn everything(rows: usize, n_in: usize, n_out: usize) -> Vec<u32> {
    let (x, w, da) = (noise(rows * n_in, 1), noise(n_in * n_out, 2), noise(rows * n_out, 3));
    let mut panels = panels_of(&w, n_in, n_out);
    let (mut pre, mut h) = (vec![f32::NAN; rows * n_out], vec![f32::NAN; rows * n_out]);
    let mut squares = vec![f32::NAN; rows];
    let epilogue = Epilogue { bias: Some(&w[..n_out]), activation: Activation::Gelu, base: None };
    let out = Outputs { h: &mut h, pre: Some(&mut pre), squares: Some(&mut squares) };
    adieu_kernels::forward(Rows::new(&x, rows, n_in), Weights::new(&panels, n_in, n_out), epilogue, F32, out);
    let mut dx = vec![f32::NAN; rows * n_in];
    input_gradient(&da, rows, n_out, &panels, n_in, &mut dx, F32);
    let (mut first, mut second) = (vec![0.0; panels.len()], vec![0.0; panels.len()]);
    let target =
        Target::Descend { rule: RULES[2], weights: &mut panels, first: &mut first, second: &mut second };
    weight_gradient(&x, n_in, &da, n_out, rows, None, target, F32);
    [pre, h, squares, dx, panels, first, second].iter().flat_map(|part| bits(part)).collect()
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    // More than 2²⁰ multiply-adds, so that the work is shared; several blocks of strips in the second.
    for (rows, n_in, n_out) in [(61, 131, 257), (301, 1009, 67)] {
        for isa in Isa::available() {
            let by_threads = [1, 2, 3].map(|threads| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| with_isa(isa, || everything(rows, n_in, n_out)))
            });
            assert!(by_threads[0] == by_threads[1], "1 and 2 threads, {}", isa.name());
            assert!(by_threads[0] == by_threads[2], "1 and 3 threads, {}", isa.name());
        }
    }
}

#[test]
fn instruction_sets_with_fused_multiply_add_agree_to_the_bit() {
    let fused: Vec<_> = Isa::available().filter(|isa| isa.has_fused_multiply_add()).collect();
    let results: Vec<_> = fused.iter().map(|&isa| with_isa(isa, || everything(53, 71, 45))).collect();
    assert!(results.windows(2).all(|pair| pair[0] == pair[1]), "{fused:?}");
}

#[test]
fn nested_products_do_not_disturb_each_other() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    let expected = everything(61, 131, 257);
    let results: Vec<_> = pool.install(|| {
        use rayon::prelude::*;
        (0..12).into_par_iter().map(|_| everything(61, 131, 257)).collect()
    });
    assert!(results.iter().all(|result| *result == expected));
}

#[test]
fn a_nan_or_infinity_reaches_all_that_depends_on_it_and_nothing_else() {
    let (rows, n_in, n_out) = (14, 35, 43);
    for (isa, odd) in Isa::available().flat_map(|isa| [(isa, f32::NAN), (isa, f32::INFINITY)]) {
        with_isa(isa, || {
            // All weights and errors are zero: 0·NaN and 0·∞ are NaN, and a kernel that skips zeros shows.
            let mut x = vec![1.0; rows * n_in];
            x[5 * n_in + 7] = odd;
            let panels = vec![0.0; panel_len(n_in, n_out)];
            for activation in ACTIVATIONS {
                let mut h = vec![0.0; rows * n_out];
                forward(&x, rows, n_in, &panels, n_out, None, activation, None, &mut h, F32);
                for (at, h) in h.iter().enumerate() {
                    assert_eq!(h.is_nan(), at / n_out == 5, "{activation:?}, {}, h[{at}]", isa.name());
                }
            }
            let mut dw = vec![1.0; panel_len(n_in, n_out)];
            weight_gradient(
                &x,
                n_in,
                &vec![0.0; rows * n_out],
                n_out,
                rows,
                None,
                Target::Store(&mut dw),
                F32,
            );
            for (at, g) in dw.iter().enumerate() {
                let (i, o) = (at / PANEL % n_in, at / PANEL / n_in * PANEL + at % PANEL);
                assert_eq!(g.is_nan(), i == 7 && o < n_out, "{}, dW[{i}, {o}]", isa.name());
            }
            let others: Vec<u32> = (0..rows as u32).filter(|&r| r != 5).collect();
            let da = vec![0.0; rows * n_out];
            weight_gradient(&x, n_in, &da, n_out, rows, Some(&others), Target::Store(&mut dw), F32);
            assert!(dw.iter().all(|&g| g == 0.0), "the row left out is left out, {}", isa.name());

            let mut da = vec![1.0; rows * n_out];
            da[3 * n_out + 40] = odd;
            let mut dx = vec![0.0; rows * n_in];
            input_gradient(&da, rows, n_out, &panels, n_in, &mut dx, F32);
            for (at, dx) in dx.iter().enumerate() {
                assert_eq!(dx.is_nan(), at / n_in == 3, "{}, dx[{at}]", isa.name());
            }
        });
    }
}

#[test]
fn a_fused_rule_leaves_padding_at_zero_even_beside_nan() {
    let (rows, n_in, n_out) = (5, 9, 10);
    for (isa, rule) in Isa::available().flat_map(|isa| RULES.map(|rule| (isa, rule))) {
        with_isa(isa, || {
            let mut w = panels_of(&noise(n_in * n_out, 1), n_in, n_out);
            let [mut first, mut second] =
                [1, 2].map(|moment| vec![0.0; if rule.moments() < moment { 0 } else { w.len() }]);
            let target = Target::Descend { rule, weights: &mut w, first: &mut first, second: &mut second };
            weight_gradient(
                &vec![f32::NAN; rows * n_in],
                n_in,
                &vec![1.0; rows * n_out],
                n_out,
                rows,
                None,
                target,
                F32,
            );
            for (at, w) in w.iter().enumerate() {
                assert!(if at % PANEL < n_out { w.is_nan() } else { *w == 0.0 }, "{rule:?}, {}", isa.name());
            }
        });
    }
}

#[test]
fn without_rows_the_gradient_is_zero_and_momentum_still_moves_the_weights() {
    let (n_in, n_out) = (5, 7);
    let mut dw = vec![1.0; panel_len(n_in, n_out)];
    weight_gradient(&noise(15, 1), n_in, &noise(21, 2), n_out, 3, Some(&[]), Target::Store(&mut dw), F32);
    assert!(dw.iter().all(|&g| g == 0.0));
    let rule = Rule::Sgd { rate: 0.5, momentum: 0.5, decay: 0.0 };
    let (mut w, mut first) = (panels_of(&[1.0; 35], n_in, n_out), panels_of(&[1.0; 35], n_in, n_out));
    let target = Target::Descend { rule, weights: &mut w, first: &mut first, second: &mut [] };
    weight_gradient(&[], n_in, &[], n_out, 0, None, target, F32);
    assert_eq!(rows_of(&w, n_in, n_out), [0.75; 35]);
}

#[test]
fn empty_sides_are_products_too() {
    let mut h = vec![f32::NAN; 6];
    forward(&[], 2, 0, &[], 3, Some(&[1.0, -2.0, 3.0]), Activation::Relu, None, &mut h, F32);
    assert_eq!(h, [1.0, 0.0, 3.0, 1.0, 0.0, 3.0], "no inputs: the bias alone");
    forward(&[], 0, 4, &panels_of(&noise(12, 1), 4, 3), 3, None, Activation::Relu, None, &mut [], F32);
    forward(&[1.0, 2.0], 2, 1, &[], 0, None, Activation::Relu, None, &mut [], F32);
    let mut dx = vec![f32::NAN; 2];
    input_gradient(&[], 2, 0, &[], 1, &mut dx, F32);
    assert_eq!(dx, [0.0, 0.0], "no outputs: nothing comes back");
}

#[test]
fn a_wrong_length_is_caught_at_the_door() {
    let mut out = [0.0; 6];
    let panels = panels_of(&[1.0; 12], 4, 3);
    let caught = [
        std::panic::catch_unwind(|| {
            forward(&[0.0; 7], 2, 4, &panels, 3, None, Activation::Relu, None, &mut [0.0; 6], F32);
        }),
        std::panic::catch_unwind(|| {
            forward(&[0.0; 8], 2, 4, &panels, 3, Some(&[0.0; 2]), Activation::Relu, None, &mut [0.0; 6], F32);
        }),
        std::panic::catch_unwind(|| input_gradient(&[0.0; 6], 2, 3, &[0.0; 12], 4, &mut [0.0; 8], F32)),
        std::panic::catch_unwind(|| {
            let mut gradient = [0.0; 128];
            weight_gradient(&[0.0; 8], 4, &[0.0; 6], 3, 2, Some(&[2]), Target::Store(&mut gradient), F32);
        }),
        std::panic::catch_unwind(|| RULES[2].apply(&[0.0; 2], &mut [0.0; 2], &mut [0.0; 2], &mut [])),
    ];
    assert!(caught.iter().all(Result::is_err), "{caught:?}");
    forward(&[1.0; 8], 2, 4, &panels, 3, None, Activation::Relu, None, &mut out, F32);
    assert_eq!(out, [4.0; 6], "and the right lengths pass");
}
