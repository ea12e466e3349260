//! Local fields beside a dense layer whose weights outside of the fields are zero, layouts, threads, what does not fit.
#![allow(clippy::unwrap_used)] // a test that cannot go on shall panic

mod common;

use adieu_core::learn::{Ask, NoClock, StepCx};
use adieu_core::parts::activation::Activation;
use adieu_core::parts::activity::Activity;
use adieu_core::parts::block::{Block, Collect, Credit, Ungated};
use adieu_core::parts::chance::{Purpose, Rng};
use adieu_core::parts::dense::Dense;
use adieu_core::parts::host::{matrix, view};
use adieu_core::parts::layer::Layer;
use adieu_core::parts::local::Local;
use adieu_core::parts::shape::Shape;
use adieu_core::parts::window::Window;
use common::{Blocks, blobs, close, everything, learners, noise, task};
use proptest::prelude::*;

/// A layer with biases that show.
fn block(input: Shape, channels: usize, window: Window, activation: Activation, seed: u64) -> Local {
    let mut chance = Rng::stream(seed, Purpose::Init, 0);
    let mut block = Local::new("0", input, channels, window, activation, &mut chance).unwrap();
    block.params(&mut |param| {
        if param.path() == "0.bias" {
            let values = view(&noise(1, param.count(), seed)).to_vec();
            param.load_rows(&values);
        }
    });
    block
}

/// Output, ∂L/∂x, ∂L/∂W and ∂L/∂b, row by row.
fn pull(block: &mut dyn Block, x: &Activity, credit: Credit) -> [Vec<f32>; 4] {
    let (y, saved) = block.forward(x.clone(), &mut Rng::stream(0, Purpose::Dropout, 0));
    assert_eq!(view(&y.tensor())[..], view(&block.apply(x).tensor())[..]);
    let mut collected = Collect::default();
    let dx = block.pullback(saved, credit, true, &mut collected).unwrap();
    let gradient = |name: &str| collected.0[name].to_rows();
    [view(&y.tensor()).to_vec(), view(&dx).to_vec(), gradient("0.weight"), gradient("0.bias")]
}

/// For each weight of a layer over images `[c, h, w]`, its place in the rows of a dense layer's W: worked out from the
/// formula, place by place, a field's inputs in the order (ky, kx, c).
fn places((c, h, w): (usize, usize, usize), channels: usize, window: Window, transposed: bool) -> Vec<usize> {
    let Window { kernel, stride, padding } = window;
    let side = |pixels: usize| (pixels + 2 * padding - kernel) / stride + 1;
    let n_out = side(h) * side(w) * channels;
    let mut all = Vec::new();
    for place in 0..side(h) * side(w) {
        let (i, j) = (place / side(w), place % side(w));
        let mut inputs = Vec::new();
        for (ky, kx) in (0..kernel * kernel).map(|k| (k / kernel, k % kernel)) {
            let (y, x) = ((i * stride + ky).wrapping_sub(padding), (j * stride + kx).wrapping_sub(padding));
            if y < h && x < w {
                inputs.extend((0..c).map(|c| (c * h + y) * w + x));
            }
        }
        let at = |k: usize, o: usize| inputs[k] * n_out + place * channels + o;
        if transposed {
            all.extend(
                (0..channels).flat_map(|o| (0..inputs.len()).map(move |k| (k, o))).map(|(k, o)| at(k, o)),
            );
        } else {
            all.extend(
                (0..inputs.len()).flat_map(|k| (0..channels).map(move |o| (k, o))).map(|(k, o)| at(k, o)),
            );
        }
    }
    all
}

/// The dense layer that `local` is.
fn masked(local: &mut Local, n_in: usize, places: &[usize], activation: Activation) -> Dense {
    let n_out = local.fields().len_out();
    let mut rows = vec![0.0; n_in * n_out];
    let mut bias = Vec::new();
    local.params(&mut |param| match param.path() {
        "0.weight" => places.iter().zip(param.to_rows()).for_each(|(at, w)| rows[*at] = w),
        _ => bias = param.to_rows(),
    });
    let mut dense = Dense::new("0", n_in, n_out, activation, &mut Rng::stream(1, Purpose::Init, 0));
    dense.params(&mut |param| param.load_rows(if param.path() == "0.weight" { &rows } else { &bias }));
    dense
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|v| f64::from(*v)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn it_is_a_dense_layer_with_zeros_outside_of_the_fields(
        rows in 1usize..40, (h, w, c) in (3usize..8, 3usize..8, 1usize..4),
        channels in prop_oneof![1usize..6, 30usize..35], (kernel, stride) in (1usize..4, 1usize..4),
        padding in 0usize..3, pushed in 0usize..3, idle: bool, activation in prop::sample::select(&Activation::ALL[..]),
        at in 0u64..1000,
    ) {
        let window = Window { kernel, stride, padding: padding.min(kernel - 1) };
        let input = Shape::Image { c, h, w };
        let mut local = block(input, channels, window, activation, at);
        let places = places((c, h, w), channels, window, local.fields().transposed());
        prop_assert_eq!(places.len(), local.fields().multiply_adds());
        let mut dense = masked(&mut local, input.features(), &places, activation);
        let n_out = local.fields().len_out();
        let scales = |from: f32| (0..rows).map(|r| from + r as f32 / 8.0).collect::<Vec<f32>>();
        let x = Activity::from(noise(rows, input.features(), at + 1)).scaled(scales(0.5));
        // Every third row has no error: left out, or not, they change nothing.
        let errors: Vec<f32> = scales(-0.25).iter().enumerate().map(|(r, s)| if r % 3 == 1 { 0.0 } else { *s }).collect();
        let credit = |skip_idle_rows| Credit {
            dy: Activity::from(noise(rows, n_out, at + 2)).scaled(errors.clone()),
            ungated: (pushed > 0).then(|| Ungated { rows: pushed.min(rows), da: view(&noise(1, n_out, at + 3)).to_vec() }),
            skip_idle_rows,
        };
        let ours = pull(&mut local, &x, credit(idle));
        let mut expected = pull(&mut dense, &x, credit(idle));
        expected[2] = places.iter().map(|at| expected[2][*at]).collect();
        for (what, (ours, expected)) in ["y", "dx", "dW", "db"].iter().zip(ours.iter().zip(&expected)) {
            close(what, ours, &wide(expected), 1e-4);
        }
        prop_assert_eq!(pull(&mut local, &x, credit(!idle)), ours);
        let cost = local.cost(rows);
        prop_assert_eq!(cost.forward_macs, (rows * places.len()) as u64);
        prop_assert_eq!(cost.parameters, (places.len() + n_out) as u64);
    }
}

const WINDOW: Window = Window { kernel: 3, stride: 2, padding: 1 };

#[test]
fn nothing_depends_on_the_number_of_threads_nor_on_zeros_left_out() {
    let input = Shape::Pixels { h: 20, w: 20, c: 3 };
    for channels in [3, 40] {
        let run = |threads: usize, skip: bool| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let mut block = block(input, channels, WINDOW, Activation::Relu, 1).skipping_zeros(skip);
            let sparse = view(&noise(70, input.features(), 2)).iter().map(|v| v.max(0.5) - 0.5).collect();
            let x = matrix(sparse, 70, input.features()).into();
            let dy = noise(70, block.fields().len_out(), 3);
            pool.install(|| pull(&mut block, &x, dy.into()))
        };
        let alone = run(1, false);
        for (threads, skip) in [(1, true), (2, false), (3, true), (200, false)] {
            assert!(run(threads, skip) == alone, "{channels} channels, {threads} threads, zeros {skip}");
        }
    }
}

/// Every learner goes on from what it kept, and learns, on a network that begins with fields.
#[test]
fn every_learner_takes_fields() {
    let input = Shape::Image { c: 1, h: 3, w: 3 };
    let task = adieu_core::learn::Task { input, ..task(60, 12, 1) };
    let some = learners()
        .into_iter()
        .filter(|(_, recipe)| recipe.refuse(&common::flat(&[28, 20, 20]), &task).is_empty())
        .filter(|(_, recipe)| !recipe.asks(0).contains(&Ask::Product)); // these want the same weights at every place
    for (name, recipe) in some {
        let build = || {
            let window = Window { kernel: 2, stride: 1, padding: 0 };
            let first = block(input, 7, window, Activation::Relu, 1);
            let mut chance = Rng::stream(1, Purpose::Init, 1);
            let seen = first.shape_out(input).unwrap();
            let second = Local::new("1", seen, 20, window, Activation::Relu, &mut chance).unwrap();
            let third = Dense::new("2", 20, 20, Activation::Relu, &mut chance);
            let mut net: Blocks = vec![Box::new(first), Box::new(second), Box::new(third)];
            let learner = recipe.build(&mut net, &task);
            (net, learner)
        };
        let (mut net, mut learner) = build();
        let before = everything(&mut net, learner.as_mut());
        for step in 1..=20 {
            let mut cx = StepCx { seed: 1, step, clock: &mut NoClock };
            learner.epoch(1);
            learner.step(&mut net, &blobs(60, step), &mut cx).unwrap();
        }
        let after = everything(&mut net, learner.as_mut());
        let moved = |name: &str| before.iter().zip(&after).any(|(b, a)| b.0 == name && b.1 != a.1);
        let rests = name == "split"
            || ["greedily", "fixed", "what stays"].iter().any(|resting| name.contains(resting));
        assert!(moved("0.weight") || rests, "{name}");
        assert_eq!(before.len(), after.len(), "{name}");
        assert_eq!(learner.step_bytes(&net, 60), None, "{name}: nobody states it");
    }
}

/// Back from the outputs to the inputs an input hears those it is seen by, and no others; what the two ways hand over
/// of a product h W′ is the product's: Σ W′ ⊙ ∂⟨da, h W′⟩/∂W′ = ⟨da, h W′⟩ = ⟨h, da W′ᵀ⟩.
#[test]
fn the_way_back_joins_those_that_the_way_up_joins() {
    let input = Shape::Pixels { h: 7, w: 6, c: 3 };
    for (kernel, stride, padding, channels) in [(3, 2, 1, 4), (2, 1, 0, 40), (5, 1, 2, 3), (1, 2, 0, 2)] {
        let up = block(input, channels, Window { kernel, stride, padding }, Activation::Relu, 1);
        let mut chance = Rng::stream(2, Purpose::Head, 0);
        let mut back = up.back("back", &mut chance);
        let (n_in, n_out) = (input.features(), up.fields().len_out());
        assert_eq!(back.shape_out(up.shape_out(input).unwrap()), Ok(input));
        let one_each = |n: usize| matrix((0..n * n).map(|i| f32::from(i % (n + 1) == 0)).collect(), n, n);
        let units = one_each(n_out).into();
        let joined = |t: &adieu_core::Tensor| view(t).iter().map(|v| *v != 0.0).collect::<Vec<_>>();
        let (seen, heard) = (joined(&up.below(&units)), joined(&back.total_input(&units)));
        assert!(seen == heard, "{kernel}x{kernel}, stride {stride}");
        assert!(heard.contains(&true) && heard.contains(&false));
        assert_eq!(back.cost(1).parameters, heard.iter().filter(|heard| **heard).count() as u64);

        let (h, da) = (noise(9, n_out, 3), noise(9, n_in, 4));
        let inner = |a: &adieu_core::Tensor, b: &adieu_core::Tensor| -> f64 {
            view(a).iter().zip(view(b).iter()).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
        };
        let expected = inner(&back.total_input(&h.clone().into()), &da);
        let down = inner(&back.below(&da.clone().into()), &h);
        let mut collected = Collect::default();
        back.descend(&h.into(), da.into(), &mut collected);
        let mut taught = 0.0;
        back.params(&mut |w| {
            let (w, dw) = (w.to_rows(), collected.0["back.weight"].to_rows());
            taught += w.iter().zip(&dw).map(|(w, dw)| f64::from(*w) * f64::from(*dw)).sum::<f64>();
        });
        for (what, found) in [("below", down), ("gradient", taught)] {
            assert!((found - expected).abs() < 1e-3 * expected.abs().max(1.0), "{what}: {found}, {expected}");
        }
    }
}

#[test]
fn shapes_that_do_not_fit_are_refused() {
    let new = |input, window| {
        let mut chance = Rng::stream(1, Purpose::Init, 0);
        Local::new("0", input, 4, window, Activation::Relu, &mut chance).map(|block| block.cost(1).parameters)
    };
    let small = Shape::Image { c: 1, h: 2, w: 9 };
    // One line of five places: at its ends two columns, else three; two pixels high.
    assert_eq!(new(small, WINDOW), Ok((2 * (2 + 3 + 3 + 3 + 2) * 4 + 5 * 4) as u64));
    let refused = new(small, Window { padding: 0, ..WINDOW }).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "`local 3x3` takes a larger image's features, but what comes before it gives 1x2x9"
    );
    let refused = new(Shape::Flat(18), WINDOW).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "`local 3x3` takes an image's features, but what comes before it gives 18"
    );
    let colour = block(Shape::Image { c: 3, h: 2, w: 9 }, 4, WINDOW, Activation::Relu, 1);
    assert!(colour.shape_out(Shape::Pixels { h: 2, w: 9, c: 3 }).is_err(), "another order");
    assert_eq!(colour.describe(), "local 3x3, stride 2, padding 1, 3x2x9 → 1x5 pixels of 4, relu");
}
