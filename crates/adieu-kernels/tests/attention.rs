//! The core of attention and standardised rows against naive twins in f64, on every instruction set of this machine;
//! thread counts, numbers of rows, NaN.

mod common;

use adieu_kernels::{Attention, Isa, Standard, isa, with_isa};
use common::{bits, noise};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

fn on_every_isa(mut check: impl FnMut() -> Result<(), TestCaseError>) -> Result<(), TestCaseError> {
    Isa::available().try_for_each(|isa| with_isa(isa, &mut check))
}

/// |a − b| ≤ tolerance·(1 + |b|) everywhere.
fn close(what: &str, got: &[f32], truth: &[f64], tolerance: f64) -> Result<(), TestCaseError> {
    prop_assert_eq!(got.len(), truth.len());
    for (at, (got, truth)) in got.iter().zip(truth).enumerate() {
        let off = (f64::from(*got) - truth).abs();
        prop_assert!(
            off <= tolerance * (1.0 + truth.abs()),
            "{what}[{at}], {}: {got}, not {truth}",
            isa().name()
        );
    }
    Ok(())
}

/// P, C and dqkv by our kernels.
fn ours(shape: Attention, rows: usize, qkv: &[f32], dc: &[f32]) -> [Vec<f32>; 3] {
    let mut p = vec![f32::NAN; rows * shape.len_probabilities()];
    let mut c = vec![f32::NAN; rows * shape.tokens * shape.features];
    let mut dqkv = vec![f32::NAN; qkv.len()];
    shape.forward(qkv, &mut p, &mut c);
    shape.pullback(qkv, &p, dc, &mut dqkv);
    [p, c, dqkv]
}

/// The same, number by number.
fn naive(shape: Attention, rows: usize, qkv: &[f32], dc: &[f32]) -> [Vec<f64>; 3] {
    let Attention { tokens: t, features: d, heads } = shape;
    let (e, scale) = (d / heads, 1.0 / ((d / heads) as f64).sqrt());
    let (mut p_all, mut c_all) = (Vec::new(), vec![0.0; rows * t * d]);
    let mut dqkv = vec![0.0; qkv.len()];
    for (row, head) in (0..rows).flat_map(|row| (0..heads).map(move |head| (row, head))) {
        let at = |part: usize, i: usize, k: usize| ((row * t + i) * 3 + part) * d + head * e + k;
        let x = |part: usize, i: usize, k: usize| f64::from(qkv[at(part, i, k)]);
        let to = |i: usize, k: usize| (row * t + i) * d + head * e + k;
        let mut ds = vec![vec![0.0; t]; t];
        for i in 0..t {
            let scores: Vec<f64> =
                (0..t).map(|j| scale * (0..e).map(|k| x(0, i, k) * x(1, j, k)).sum::<f64>()).collect();
            let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = scores.iter().map(|s| (s - most).exp()).sum();
            let p: Vec<f64> = scores.iter().map(|s| (s - most).exp() / sum).collect();
            let dp: Vec<f64> =
                (0..t).map(|j| (0..e).map(|k| f64::from(dc[to(i, k)]) * x(2, j, k)).sum()).collect();
            let mean: f64 = p.iter().zip(&dp).map(|(p, dp)| p * dp).sum();
            for j in 0..t {
                ds[i][j] = p[j] * (dp[j] - mean) * scale;
                for k in 0..e {
                    c_all[to(i, k)] += p[j] * x(2, j, k);
                    dqkv[at(2, j, k)] += p[j] * f64::from(dc[to(i, k)]);
                }
            }
            p_all.extend(p);
        }
        for (i, j, k) in (0..t * t * e).map(|n| (n / e / t, n / e % t, n % e)) {
            dqkv[at(0, i, k)] += ds[i][j] * x(1, j, k);
            dqkv[at(1, j, k)] += ds[i][j] * x(0, i, k);
        }
    }
    [p_all, c_all, dqkv]
}

/// Tokens, and features of a head, about the edges of tiles and panels.
fn sides() -> impl Strategy<Value = usize> {
    prop_oneof![1usize..20, prop::sample::select(vec![23, 24, 25, 31, 32, 33, 48, 49, 65])]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn it_is_attention(rows in 1usize..4, tokens in sides(), width in sides(), heads in 1usize..4, seed: u64) {
        let shape = Attention { tokens, features: heads * width, heads };
        let qkv: Vec<f32> = noise(rows * tokens * 3 * shape.features, seed).iter().map(|v| 2.0 * v).collect();
        let dc = noise(rows * tokens * shape.features, seed ^ 1);
        let truth = naive(shape, rows, &qkv, &dc);
        on_every_isa(|| {
            let got = ours(shape, rows, &qkv, &dc);
            ["P", "C", "dqkv"].iter().zip(got.iter().zip(&truth)).try_for_each(|(what, (got, truth))| {
                close(what, got, truth, 2e-5)
            })
        })?;
    }

    #[test]
    fn rows_are_standardised(rows in 1usize..20, cols in 1usize..150, at in -50f32..50.0, seed: u64) {
        let x: Vec<f32> = noise(rows * cols, seed).iter().map(|v| at + v).collect();
        let (gain, bias, dy) = (noise(cols, seed ^ 1), noise(cols, seed ^ 2), noise(rows * cols, seed ^ 3));
        let epsilon = 1e-2;
        let wide = |values: &[f32]| values.iter().map(|v| f64::from(*v)).collect::<Vec<f64>>();
        let (gains, mut truth) = (wide(&gain), [vec![], vec![], vec![0.0; cols], vec![0.0; cols]]);
        for (x, dy) in wide(&x).chunks(cols).zip(wide(&dy).chunks(cols)) {
            let mean = |values: &[f64]| values.iter().sum::<f64>() / cols as f64;
            let mu = mean(x);
            let s = 1.0 / (mean(&x.iter().map(|x| (x - mu).powi(2)).collect::<Vec<_>>()) + epsilon).sqrt();
            let standard: Vec<f64> = x.iter().map(|x| (x - mu) * s).collect();
            let g: Vec<f64> = dy.iter().zip(&gains).map(|(dy, gain)| dy * gain).collect();
            let along = mean(&g.iter().zip(&standard).map(|(g, x)| g * x).collect::<Vec<_>>());
            for c in 0..cols {
                truth[0].push(gains[c] * standard[c] + f64::from(bias[c]));
                truth[1].push(s * (g[c] - mean(&g) - standard[c] * along));
                truth[2][c] += dy[c] * standard[c];
                truth[3][c] += dy[c];
            }
        }
        on_every_isa(|| {
            let got = standard(rows, &x, &gain, &bias, &dy, epsilon);
            ["y", "dx", "dγ", "dβ"].iter().zip(got.iter().zip(&truth)).try_for_each(|(what, (got, truth))| {
                // x itself is rounded at its size, and standardised to size 1 or less.
                close(what, got, truth, 2e-4)
            })
        })?;
    }
}

/// y, dx, dγ, dβ by our kernels.
fn standard(rows: usize, x: &[f32], gain: &[f32], bias: &[f32], dy: &[f32], epsilon: f64) -> [Vec<f32>; 4] {
    let standard = Standard { gain, bias, epsilon };
    let empty = |len: usize| vec![f32::NAN; len];
    let (mut statistics, mut y, mut dx) = (empty(rows * 2), empty(x.len()), empty(x.len()));
    let (mut dgain, mut dbias) = (empty(gain.len()), empty(gain.len()));
    standard.forward(x, &mut statistics, &mut y);
    standard.input_gradient(x, &statistics, dy, &mut dx);
    Standard::weight_gradients(x, &statistics, dy, &mut dgain, &mut dbias);
    [y, dx, dgain, dbias]
}

/// Large enough to be shared.
const LARGE: Attention = Attention { tokens: 49, features: 48, heads: 3 };
const ROWS: usize = 17;

#[test]
fn threads_and_instruction_sets_with_fused_arithmetic_change_no_bit() {
    let qkv = noise(ROWS * LARGE.tokens * 3 * LARGE.features, 1);
    let (tokens, n) = (ROWS * LARGE.tokens * 8, LARGE.features);
    let dc = noise(tokens / 8 * n, 2);
    let (x, gain, bias, dy) = (noise(tokens * n, 3), noise(n, 4), noise(n, 5), noise(tokens * n, 6));
    let run = |threads: usize, isa: Isa| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let all = || {
            let standard = standard(tokens, &x, &gain, &bias, &dy, 1e-5);
            ours(LARGE, ROWS, &qkv, &dc).into_iter().chain(standard).map(|v| bits(&v)).collect::<Vec<_>>()
        };
        pool.install(|| with_isa(isa, all))
    };
    for isa in Isa::available() {
        let alone = run(1, isa);
        for threads in [2, 3, 5] {
            assert!(run(threads, isa) == alone, "{threads} threads, {}", isa.name());
        }
        let best = Isa::available().next().unwrap();
        assert!(!isa.has_fused_multiply_add() || alone == run(1, best), "{}", isa.name());
    }
}

#[test]
fn a_row_does_not_know_its_neighbours_and_keeps_its_nan() {
    let shape = Attention { tokens: 5, features: 6, heads: 2 };
    let (of_qkv, of_c) = (5 * 18, 5 * 6);
    let (mut qkv, dc) = (noise(3 * of_qkv, 1), noise(3 * of_c, 2));
    let whole = ours(shape, 3, &qkv, &dc);
    let one = ours(shape, 1, &qkv[of_qkv..2 * of_qkv], &dc[of_c..2 * of_c]);
    for (whole, one) in whole.iter().zip(&one) {
        assert_eq!(bits(&whole[one.len()..2 * one.len()]), bits(one));
    }
    // A key of the second row's first head.
    qkv[of_qkv + 2 * 18 + 6] = f32::NAN;
    let [p, c, dqkv] = ours(shape, 3, &qkv, &dc);
    let nan = |values: &[f32], range: std::ops::Range<usize>| values[range].iter().all(|v| v.is_nan());
    assert!(nan(&p, 50..75), "all that this head says of this row");
    assert!(nan(&c, of_c..of_c + 3) && nan(&dqkv, of_qkv..of_qkv + 3));
    let finite = |values: &[f32]| values.iter().all(|v| v.is_finite());
    assert!(finite(&p[..50]) && finite(&p[75..]) && finite(&c[..of_c]) && finite(&dqkv[2 * of_qkv..]));
    assert!(finite(&c[of_c + 3..of_c + 6]), "the other head");

    let x = [1.0, f32::NAN, 3.0, 1.0, 2.0, 3.0];
    let [y, ..] = standard(2, &x, &[1.0; 3], &[0.0; 3], &[1.0; 6], 1e-5);
    assert!(nan(&y, 0..3) && finite(&y[3..]), "{y:?}");
}
