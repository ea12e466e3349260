//! The three products in bf16 against naive twins that round their operands and sum in f64, and the promises of
//! the crate's front page that hold in bf16 too. A processor without bf16 has nothing to test here, and says so.

mod common;

use adieu_kernels::{Activation, Isa, PANEL, Precision, Rule, Target, panel_len, register_bf16, with_isa};
use common::*;
use proptest::prelude::*;

const BF16: Precision = Precision::Bf16;

/// Whether there is something to test.
#[allow(clippy::print_stderr, reason = "a test that does not run says so")]
fn here() -> bool {
    let here = BF16.is_available();
    if !here {
        eprintln!("skipped: this processor has no bf16");
    }
    here
}

/// The nearest bf16, ties to even, of a number above 2⁻¹²⁶: eight significant bits, by arithmetic.
fn rounded(v: &f32) -> f32 {
    let unit = (f64::from(*v).abs().log2().floor() - 7.0).exp2();
    if *v == 0.0 { 0.0 } else { ((f64::from(*v) / unit).round_ties_even() * unit) as f32 }
}

fn all_rounded(values: &[f32]) -> Vec<f32> {
    values.iter().map(rounded).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn forward_agrees_with_its_twin(rows in size(), n_in in size(), n_out in size(), seed: u64) {
        if !here() {
            return Ok(());
        }
        let (x, w, b) = (noise(rows * n_in, seed), noise(n_in * n_out, seed ^ 1), noise(n_out, seed ^ 2));
        let (near_x, near_w) = (all_rounded(&x), all_rounded(&w));
        // The bias is not rounded.
        let left = |i: usize, k: usize| if k < n_in { near_x[i * n_in + k] } else { 1.0 };
        let right = |k: usize, j: usize| if k < n_in { near_w[k * n_out + j] } else { b[j] };
        let truth = naive((rows, n_in + 1, n_out), left, right);
        let (panels, mut h) = (panels_of(&w, n_in, n_out), vec![f32::NAN; rows * n_out]);
        forward(&x, rows, n_in, &panels, n_out, Some(&b), Activation::Identity, None, &mut h, BF16);
        assert_close(&h, &truth, n_in + 1, "h")?;
        for activation in ACTIVATIONS {
            let (mut pre, mut out) = (vec![f32::NAN; h.len()], vec![f32::NAN; h.len()]);
            forward(&x, rows, n_in, &panels, n_out, Some(&b), activation, Some(&mut pre), &mut out, BF16);
            prop_assert_eq!(bits(&pre), bits(&h));
            let mut expected = h.clone();
            activation.apply(&mut expected);
            prop_assert_eq!(bits(&out), bits(&expected), "{:?}", activation);
        }
    }

    #[test]
    fn input_gradient_agrees_with_its_twin(rows in size(), n_in in size(), n_out in size(), seed: u64) {
        if !here() {
            return Ok(());
        }
        let (w, da) = (noise(n_in * n_out, seed), noise(rows * n_out, seed ^ 1));
        let (near_w, near_da) = (all_rounded(&w), all_rounded(&da));
        let truth = naive((rows, n_out, n_in), |i, k| near_da[i * n_out + k], |k, j| near_w[j * n_out + k]);
        let mut dx = vec![f32::NAN; rows * n_in];
        input_gradient(&da, rows, n_out, &panels_of(&w, n_in, n_out), n_in, &mut dx, BF16);
        assert_close(&dx, &truth, n_out, "dx")?;
    }

    #[test]
    fn weight_gradient_agrees_with_its_twin(
        rows in size(), n_in in size(), n_out in size(), share in 0.0..1.0, all: bool, seed: u64,
    ) {
        if !here() {
            return Ok(());
        }
        let (x, da) = (noise(rows * n_in, seed), noise(rows * n_out, seed ^ 1));
        let (near_x, near_da) = (all_rounded(&x), all_rounded(&da));
        let drawn = noise(rows, seed ^ 2);
        // A sample of the rows, in descending order, one of them twice.
        let mut list: Vec<_> = (0..rows as u32).rev().filter(|&r| f64::from(drawn[r as usize]).abs() < share).collect();
        list.extend(list.first().copied());
        let subset = (!all).then_some(&list[..]);
        let count = if all { rows } else { list.len() };
        let row = |k: usize| if all { k } else { list[k] as usize };
        let truth =
            naive((n_in, count, n_out), |i, k| near_x[row(k) * n_in + i], |k, j| near_da[row(k) * n_out + j]);
        let mut gradient = vec![f32::NAN; panel_len(n_in, n_out)];
        weight_gradient(&x, n_in, &da, n_out, rows, subset, Target::Store(&mut gradient), BF16);
        let dw = rows_of(&gradient, n_in, n_out);
        assert_close(&dw, &truth, count, "dW")?;
        prop_assert_eq!(bits(&gradient), bits(&panels_of(&dw, n_in, n_out)), "padding is zero");
    }

    #[test]
    fn a_rule_in_the_epilogue_moves_f32_weights_as_one_after_it(
        rows in size(), n_in in size(), n_out in size(), seed: u64,
    ) {
        if !here() {
            return Ok(());
        }
        let (x, da) = (noise(rows * n_in, seed), noise(rows * n_out, seed ^ 1));
        let [start, first] = [2, 3].map(|s| panels_of(&noise(n_in * n_out, seed ^ s), n_in, n_out));
        let squares: Vec<_> = first.iter().map(|m| m * m).collect();
        let mut gradient = vec![f32::NAN; start.len()];
        weight_gradient(&x, n_in, &da, n_out, rows, None, Target::Store(&mut gradient), BF16);
        for rule in RULES {
            let first = if rule.moments() > 0 { first.clone() } else { vec![] };
            let second = if rule.moments() == 2 { squares.clone() } else { vec![] };
            let mut after = [start.clone(), first.clone(), second.clone()];
            let mut fused = [start.clone(), first.clone(), second];
            let [weights, first, second] = &mut after;
            rule.apply(&gradient, weights, first, second);
            let [weights, first, second] = &mut fused;
            let target = Target::Descend { rule, weights, first, second };
            weight_gradient(&x, n_in, &da, n_out, rows, None, target, BF16);
            prop_assert_ne!(bits(&fused[0]), bits(&start));
            prop_assert_eq!(after.map(|part| bits(&part)), fused.map(|part| bits(&part)), "{:?}", rule);
        }
    }

    #[test]
    fn a_row_is_the_same_alone_and_in_company(rows in size(), n_in in size(), n_out in size(), seed: u64) {
        if !here() {
            return Ok(());
        }
        let (x, w, da) = (noise(rows * n_in, seed), noise(n_in * n_out, seed ^ 1), noise(rows * n_out, seed ^ 2));
        let panels = panels_of(&w, n_in, n_out);
        let products = |x: &[f32], da: &[f32], rows: usize| {
            let (mut h, mut dx) = (vec![f32::NAN; rows * n_out], vec![f32::NAN; rows * n_in]);
            forward(x, rows, n_in, &panels, n_out, None, Activation::Tanh, None, &mut h, BF16);
            input_gradient(da, rows, n_out, &panels, n_in, &mut dx, BF16);
            (bits(&h), bits(&dx))
        };
        let (h, dx) = products(&x, &da, rows);
        let r = seed as usize % rows;
        let (alone_h, alone_dx) = products(&x[r * n_in..][..n_in], &da[r * n_out..][..n_out], 1);
        prop_assert_eq!(&h[r * n_out..][..n_out], &alone_h[..]);
        prop_assert_eq!(&dx[r * n_in..][..n_in], &alone_dx[..]);
    }
}

/// All that the three products write, for one set of operands.
fn everything(rows: usize, n_in: usize, n_out: usize) -> Vec<u32> {
    let (x, w, da) = (noise(rows * n_in, 1), noise(n_in * n_out, 2), noise(rows * n_out, 3));
    let mut panels = panels_of(&w, n_in, n_out);
    let (mut pre, mut h) = (vec![f32::NAN; rows * n_out], vec![f32::NAN; rows * n_out]);
    let (bias, gelu) = (Some(&w[..n_out]), Activation::Gelu);
    forward(&x, rows, n_in, &panels, n_out, bias, gelu, Some(&mut pre), &mut h, BF16);
    let mut dx = vec![f32::NAN; rows * n_in];
    input_gradient(&da, rows, n_out, &panels, n_in, &mut dx, BF16);
    let [mut first, mut second] = [(); 2].map(|()| vec![0.0; panels.len()]);
    let target =
        Target::Descend { rule: RULES[2], weights: &mut panels, first: &mut first, second: &mut second };
    weight_gradient(&x, n_in, &da, n_out, rows, None, target, BF16);
    [pre, h, dx, panels, first, second].iter().flat_map(|part| bits(part)).collect()
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    if !here() {
        return;
    }
    // More than 2²¹ multiply-adds, so that the work is shared; several blocks of strips in the second.
    for (rows, n_in, n_out) in [(67, 137, 257), (301, 1009, 67)] {
        let by_threads = [1, 2, 3].map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| everything(rows, n_in, n_out))
        });
        assert!(by_threads[0] == by_threads[1], "1 and 2 threads");
        assert!(by_threads[0] == by_threads[2], "1 and 3 threads");
    }
}

#[test]
fn a_nan_or_infinity_reaches_all_that_depends_on_it_and_nothing_else() {
    if !here() {
        return;
    }
    // Odd depths throughout: what pads them is zero on both sides, and 0·0 disturbs nothing. A NaN whose marks are
    // all in the half that rounding drops is the one that could get lost.
    let (rows, n_in, n_out) = (15, 35, 43);
    for odd in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::from_bits(0x7f80_0001)] {
        let panels = vec![0.0; panel_len(n_in, n_out)];
        for k in [6, 7, n_in - 1] {
            let mut x = vec![1.0; rows * n_in];
            x[5 * n_in + k] = odd;
            let mut h = vec![0.0; rows * n_out];
            forward(&x, rows, n_in, &panels, n_out, None, Activation::Relu, None, &mut h, BF16);
            for (at, h) in h.iter().enumerate() {
                assert_eq!(h.is_nan(), at / n_out == 5, "{odd} at {k}, h[{at}]");
            }
            let (da, mut dw) = (vec![0.0; rows * n_out], vec![1.0; panels.len()]);
            weight_gradient(&x, n_in, &da, n_out, rows, None, Target::Store(&mut dw), BF16);
            for (at, g) in dw.iter().enumerate() {
                let (i, o) = (at / PANEL % n_in, at / PANEL / n_in * PANEL + at % PANEL);
                assert_eq!(g.is_nan(), i == k && o < n_out, "{odd} at {k}, dW[{i}, {o}]");
            }
            let others: Vec<u32> = (0..rows as u32).filter(|&r| r != 5).collect();
            weight_gradient(&x, n_in, &da, n_out, rows, Some(&others), Target::Store(&mut dw), BF16);
            assert!(dw.iter().all(|&g| g == 0.0), "the row left out is left out");
        }
        for k in [40, n_out - 1] {
            let mut da = vec![1.0; rows * n_out];
            da[3 * n_out + k] = odd;
            let mut dx = vec![0.0; rows * n_in];
            input_gradient(&da, rows, n_out, &panels, n_in, &mut dx, BF16);
            for (at, dx) in dx.iter().enumerate() {
                assert_eq!(dx.is_nan(), at / n_in == 3, "{odd} at {k}, dx[{at}]");
            }
        }
    }
}

#[test]
fn what_is_too_large_is_infinite_and_what_is_too_small_is_zero() {
    if !here() {
        return;
    }
    let (panels, mut h) = (panels_of(&[1.0], 1, 1), [0.0; 2]);
    forward(&[f32::MAX, -f32::MAX], 2, 1, &panels, 1, None, Activation::Identity, None, &mut h, BF16);
    assert_eq!(h, [f32::INFINITY, f32::NEG_INFINITY]);
    let least = f32::MIN_POSITIVE;
    forward(&[least, 0.5 * least], 2, 1, &panels, 1, None, Activation::Identity, None, &mut h, BF16);
    assert_eq!(h, [least, 0.0]);
}

#[test]
fn empty_sides_are_products_too() {
    if !here() {
        return;
    }
    let (mut h, panels, relu) = (vec![f32::NAN; 6], panels_of(&noise(12, 1), 4, 3), Activation::Relu);
    forward(&[], 2, 0, &[], 3, Some(&[1.0, -2.0, 3.0]), relu, None, &mut h, BF16);
    assert_eq!(h, [1.0, 0.0, 3.0, 1.0, 0.0, 3.0], "no inputs: the bias alone");
    forward(&[], 0, 4, &panels, 3, None, relu, None, &mut [], BF16);
    forward(&[1.0, 2.0], 2, 1, &[], 0, None, relu, None, &mut [], BF16);
    let mut dx = vec![f32::NAN; 2];
    input_gradient(&[], 2, 0, &[], 1, &mut dx, BF16);
    assert_eq!(dx, [0.0, 0.0], "no outputs: nothing comes back");
    let (mut w, mut first) = (panels_of(&[1.0; 35], 5, 7), panels_of(&[1.0; 35], 5, 7));
    let rule = Rule::Sgd { rate: 0.5, momentum: 0.5, decay: 0.0 };
    let target = Target::Descend { rule, weights: &mut w, first: &mut first, second: &mut [] };
    weight_gradient(&[], 5, &[], 7, 0, None, target, BF16);
    assert_eq!(rows_of(&w, 5, 7), [0.75; 35], "no rows: momentum moves the weights");
}

#[test]
fn bf16_is_refused_where_it_is_not_available() {
    with_isa(Isa::Scalar, || {
        assert!(!BF16.is_available());
        assert_eq!(Precision::available().collect::<Vec<_>>(), [Precision::F32]);
        let panels = [0.0; PANEL];
        let refused = [
            std::panic::catch_unwind(|| {
                forward(&[1.0], 1, 1, &panels, 1, None, Activation::Relu, None, &mut [0.0], BF16);
            }),
            std::panic::catch_unwind(|| input_gradient(&[1.0], 1, 1, &panels, 1, &mut [0.0], BF16)),
            std::panic::catch_unwind(|| {
                let target = &mut [0.0; PANEL];
                weight_gradient(&[1.0], 1, &[1.0], 1, 1, None, Target::Store(target), BF16);
            }),
            std::panic::catch_unwind(|| assert_ne!(register_bf16(1), 0)),
        ];
        assert!(refused.iter().all(Result::is_err), "{refused:?}");
    });
}
