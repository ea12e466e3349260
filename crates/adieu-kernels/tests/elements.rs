//! Activations, rules and row passes: slopes against differences, formulas against f64, extremes, NaN,
//! threads.

use adieu_kernels::{
    Activation, Isa, Rows, Rule, column_sums, nonzeros_by_column, row_sums_of_squares, scale_rows, with_isa,
};
use proptest::prelude::*;

const ACTIVATIONS: [Activation; 11] = [
    Activation::Identity,
    Activation::Relu,
    Activation::LeakyRelu { slope: 0.1 },
    Activation::LeakyRelu { slope: -0.2 },
    Activation::Tanh,
    Activation::Sigmoid,
    Activation::Gelu,
    Activation::Silu,
    Activation::Softplus,
    Activation::Elu { alpha: 1.3 },
    Activation::StudentT { nu: 5.0 },
];

/// erf by its power series, all of whose terms have one sign; ±1 to the last bit beyond 6.
fn erf(z: f64) -> f64 {
    if z.abs() > 6.0 {
        return z.signum();
    }
    let (mut term, mut sum) = (2.0 * z / std::f64::consts::PI.sqrt() * (-z * z).exp(), 0.0);
    for n in 0..400 {
        sum += term;
        term *= 2.0 * z * z / f64::from(2 * n + 3);
    }
    sum
}

/// φ(a) as its documentation defines it, in f64.
fn definition(activation: Activation, a: f64) -> f64 {
    match activation {
        Activation::Identity => a,
        Activation::Relu => a.max(0.0),
        Activation::LeakyRelu { slope } => {
            if a > 0.0 {
                a
            } else {
                f64::from(slope) * a
            }
        }
        Activation::Tanh => a.tanh(),
        Activation::Sigmoid => 1.0 / (1.0 + (-a).exp()),
        Activation::Gelu => 0.5 * a * (1.0 + erf(a / 2.0_f64.sqrt())),
        Activation::Silu => a / (1.0 + (-a).exp()),
        Activation::Softplus => a.exp().ln_1p(),
        Activation::Elu { alpha } => {
            if a > 0.0 {
                a
            } else {
                f64::from(alpha) * a.exp_m1()
            }
        }
        Activation::StudentT { nu } => 0.5 * f64::from(nu + 1.0) * (a * a / f64::from(nu)).ln_1p(),
    }
}

/// Points on both sides of the corner at zero, which they avoid.
fn points() -> impl Iterator<Item = f32> {
    (-400..400).map(|i| (i as f32 + 0.5) / 40.0)
}

#[test]
fn activations_are_what_their_documentation_says() {
    let mut wrong = vec![];
    for activation in ACTIVATIONS {
        for a in points() {
            let (got, truth) = (f64::from(activation.value(a)), definition(activation, f64::from(a)));
            if (got - truth).abs() > 1e-6 * truth.abs() + 1e-7 {
                wrong.push((activation, a, got, truth));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn slopes_are_the_differences_of_the_definition() {
    const STEP: f64 = 1e-5;
    let mut wrong = vec![];
    for activation in ACTIVATIONS {
        for a in points() {
            let (above, below) = (f64::from(a) + STEP, f64::from(a) - STEP);
            let truth = (definition(activation, above) - definition(activation, below)) / (2.0 * STEP);
            let from_input = activation.slope(a);
            let from_output = activation.slope_from_output(activation.value(a));
            assert_eq!(from_output.is_none(), activation.needs_input(), "{activation:?}");
            for got in [Some(from_input), from_output].into_iter().flatten() {
                if (f64::from(got) - truth).abs() > 1e-5 {
                    wrong.push((activation, a, got, truth));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn extremes_are_finite_and_have_their_limits() {
    for activation in ACTIVATIONS {
        for a in [-100.0, -50.0, -1e-30, -0.0, 0.0, 1e-30, 50.0, 100.0] {
            let (h, slope) = (activation.value(a), activation.slope(a));
            assert!(h.is_finite() && slope.is_finite(), "{activation:?} at {a}: {h}, {slope}");
            let truth = definition(activation, f64::from(a));
            assert!((f64::from(h) - truth).abs() <= 1e-6 * truth.abs() + 1e-30, "{activation:?} at {a}: {h}");
            assert!(activation.slope_from_output(h).is_none_or(f32::is_finite), "{activation:?} at {a}");
        }
    }
    assert_eq!(Activation::Relu.value(f32::NEG_INFINITY), 0.0);
    assert_eq!(Activation::Tanh.value(f32::NEG_INFINITY), -1.0);
}

#[test]
fn nan_stays_nan() {
    for activation in ACTIVATIONS {
        assert!(activation.value(f32::NAN).is_nan(), "{activation:?}");
        assert!(activation.slope(f32::NAN).is_nan(), "{activation:?}");
        assert!(activation.slope_from_output(f32::NAN).is_none_or(f32::is_nan), "{activation:?}");
    }
}

#[test]
fn passes_over_slices_do_what_single_values_do_to_the_bit() {
    let inputs: Vec<f32> = points().chain([f32::NAN, f32::INFINITY, -90.0, 90.0]).collect();
    for (isa, activation) in Isa::available().flat_map(|isa| ACTIVATIONS.map(|activation| (isa, activation)))
    {
        let mut h = inputs.clone();
        with_isa(isa, || activation.apply(&mut h));
        let kept = if activation.needs_input() { &inputs } else { &h };
        let mut da = vec![1.0; inputs.len()];
        with_isa(isa, || activation.pull_back(kept, &mut da));
        for (i, &a) in inputs.iter().enumerate() {
            let expected_h = activation.value(a);
            let expected_da = activation.slope_from_output(expected_h).unwrap_or(activation.slope(a));
            let same = |got: f32, expected: f32| {
                got.to_bits() == expected.to_bits() || got.is_nan() && expected.is_nan()
            };
            assert!(same(h[i], expected_h), "{activation:?} at {a} on {}", isa.name());
            assert!(same(da[i], expected_da), "slope of {activation:?} at {a} on {}", isa.name());
        }
    }
}

/// One step of a rule in f64, as its documentation writes it.
fn moved(rule: Rule, g: f64, w: f64, first: f64, second: f64) -> (f64, f64, f64) {
    let wide = f64::from;
    match rule {
        Rule::EmaSgd { rate, keep, decay } => {
            let v = wide(keep) * first + (1.0 - wide(keep)) * g;
            (w - wide(rate) * (v + wide(decay) * w), v, 0.0)
        }
        Rule::Sgd { rate, momentum, decay } => {
            let v = wide(momentum) * first + g;
            (w - wide(rate) * (v + wide(decay) * w), v, 0.0)
        }
        Rule::AdamW { rate, beta1, beta2, epsilon, decay, c1, c2 } => {
            let m = wide(beta1) * first + (1.0 - wide(beta1)) * g;
            let v = wide(beta2) * second + (1.0 - wide(beta2)) * g * g;
            let direction = (m / wide(c1)) / ((v / wide(c2)).sqrt() + wide(epsilon));
            (w - wide(rate) * (direction + wide(decay) * w), m, v)
        }
        Rule::Sum => (w + g, 0.0, 0.0),
    }
}

proptest! {
    #[test]
    fn rules_move_parameters_as_their_documentation_says(
        values in prop::collection::vec((-2f32..2.0, -2f32..2.0, -2f32..2.0, 0.01f32..2.0), 1..100),
        (rate, decay, keep, beta2, step) in (1e-4f32..0.5, 0f32..0.1, 0f32..0.95, 0.9f32..0.999, 1i32..50),
    ) {
        let (c1, c2) = (1.0 - keep.powi(step), 1.0 - beta2.powi(step));
        let rules = [
            Rule::EmaSgd { rate, keep, decay },
            Rule::Sgd { rate, momentum: keep, decay },
            Rule::AdamW { rate, beta1: keep, beta2, epsilon: 1e-6, decay, c1, c2 },
            Rule::Sum,
        ];
        for (isa, rule) in Isa::available().flat_map(|isa| rules.map(|rule| (isa, rule))) {
            let g: Vec<_> = values.iter().map(|v| v.0).collect();
            let mut w: Vec<_> = values.iter().map(|v| v.1).collect();
            let some = |moment| values.iter().filter(move |_| rule.moments() >= moment);
            let mut first: Vec<_> = some(1).map(|v| v.2).collect();
            let mut second: Vec<_> = some(2).map(|v| v.3).collect();
            with_isa(isa, || rule.apply(&g, &mut w, &mut first, &mut second));
            for (i, &(g, w0, m0, v0)) in values.iter().enumerate() {
                let truth = moved(rule, g.into(), w0.into(), m0.into(), v0.into());
                let close = |got: f32, truth: f64| (f64::from(got) - truth).abs() <= 3e-6 * (1.0 + truth.abs());
                prop_assert!(close(w[i], truth.0), "w = {}, not {}: {:?} on {}", w[i], truth.0, rule, isa.name());
                prop_assert!(first.get(i).is_none_or(|&m| close(m, truth.1)), "first: {:?}", rule);
                prop_assert!(second.get(i).is_none_or(|&v| close(v, truth.2)), "second: {:?}", rule);
            }
        }
    }

    #[test]
    fn row_passes_agree_with_their_twins(rows in 0usize..40, cols in 0usize..300, seed in 0u32..1000) {
        let value = |i: usize| ((i as u32).wrapping_mul(2_654_435_761).wrapping_add(seed) >> 8) as f32 / 1e7 - 0.8;
        let h: Vec<f32> = (0..rows * cols).map(value).collect();
        let scales: Vec<f32> = (0..rows).map(|r| value(r + 7)).collect();
        for isa in Isa::available() {
            with_isa(isa, || {
                let mut squares = vec![f32::NAN; rows];
                row_sums_of_squares(&h, cols, &mut squares);
                let mut scaled = vec![f32::NAN; h.len()];
                scale_rows(&h, cols, &scales, &mut scaled);
                for r in 0..rows {
                    let row = &h[r * cols..][..cols];
                    let truth: f64 = row.iter().map(|&v| f64::from(v).powi(2)).sum();
                    prop_assert!((f64::from(squares[r]) - truth).abs() <= 1e-7 * truth, "row {}", r);
                    for (c, &v) in row.iter().enumerate() {
                        prop_assert_eq!(scaled[r * cols + c].to_bits(), (v * scales[r]).to_bits());
                    }
                }
                if cols > 0 {
                    let mut counts = vec![f32::NAN; cols];
                    let sparse: Vec<f32> = h.iter().map(|v| if *v < 0.1 { -0.0 } else { *v }).collect();
                    nonzeros_by_column(&sparse, &mut counts);
                    for (c, count) in counts.iter().enumerate() {
                        let truth = (0..rows).filter(|r| sparse[r * cols + c] != 0.0).count();
                        prop_assert_eq!(*count, truth as f32, "column {}", c);
                    }
                }
                for scales in [None, Some(&scales[..])] {
                    let mut sums = vec![f32::NAN; cols];
                    column_sums(Rows::new(&h, rows, cols).scaled(scales), &mut sums);
                    for (c, &sum) in sums.iter().enumerate() {
                        let term = |r: usize| f64::from(scales.map_or(1.0, |scales| scales[r]) * h[r * cols + c]);
                        prop_assert_eq!(sum, (0..rows).map(term).sum::<f64>() as f32, "column {}", c);
                    }
                }
                Ok(())
            })?;
        }
    }
}

#[test]
fn passes_do_not_depend_on_the_number_of_threads_and_carry_nan() {
    let (rows, cols) = (311, 1009); // enough floats to be shared
    let mut h: Vec<f32> = (0..rows * cols).map(|i| (i as f32 * 0.37).sin()).collect();
    h[200 * cols + 1000] = f32::NAN;
    let by_threads = [1, 2, 3].map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let (mut squares, mut sums) = (vec![0.0; rows], vec![0.0; cols]);
            let (mut scaled, mut values) = (vec![0.0; h.len()], h.clone());
            row_sums_of_squares(&h, cols, &mut squares);
            column_sums(Rows::new(&h, rows, cols), &mut sums);
            scale_rows(&h, cols, &vec![0.0; rows], &mut scaled);
            Activation::Gelu.apply(&mut values);
            assert!(squares.iter().enumerate().all(|(r, v)| v.is_nan() == (r == 200)));
            assert!(sums.iter().enumerate().all(|(c, v)| v.is_nan() == (c == 1000)));
            assert!(scaled[200 * cols + 1000].is_nan(), "0·NaN is NaN");
            [squares, sums, scaled, values].concat().iter().map(|v| v.to_bits()).collect::<Vec<_>>()
        })
    });
    assert!(by_threads[0] == by_threads[1] && by_threads[0] == by_threads[2]);
}
