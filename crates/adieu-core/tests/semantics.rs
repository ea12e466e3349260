//! What pins Forward-Forward's semantics, beside the golden numbers: identities of the paper and of its code.
#![allow(clippy::unwrap_used)] // a test that cannot go on shall panic

mod common;

use adieu_core::Tensor;
use adieu_core::learn::{Direction, ForwardForward, Goal, Learner, LearnerFn, NoClock, StepCx, Task};
use adieu_core::parts::Batch;
use adieu_core::parts::activation::Activation;
use adieu_core::parts::activity::Activity;
use adieu_core::parts::block::Block;
use adieu_core::parts::chance::{Purpose, Rng};
use adieu_core::parts::dense::Dense;
use adieu_core::parts::goodness::{Goodness, GoodnessFn, MeanSquares, SumSquares};
use adieu_core::parts::host::{matrix, stack_rows, view};
use adieu_core::parts::label_code::{LabelCodeFn, Labels, Overlay};
use adieu_core::parts::norm::Norm;
use adieu_core::parts::schedule::Constant;
use adieu_core::parts::shape::Shape;
use common::{dense, noise};
use proptest::prelude::*;

fn rows_of(block: &mut dyn Block, name: &str) -> Vec<f32> {
    let mut rows = Vec::new();
    block.params(&mut |param| {
        if param.path().ends_with(name) {
            rows = param.to_rows();
        }
    });
    rows
}

fn put(block: &mut dyn Block, name: &str, rows: &[f32]) {
    block.params(&mut |param| {
        if param.path().ends_with(name) {
            param.load_rows(rows);
        }
    });
}

/// The images with one label written in.
fn shown(image: &Tensor, label: u8, classes: usize) -> Tensor {
    let overlay = Overlay::default();
    overlay.show(image, Labels::All(label), classes, Shape::Flat(image.dims()[1]))
}

fn goodness(h: &Activity) -> f64 {
    f64::from(view(&SumSquares {}.value(h))[0])
}

proptest! {
    /// Hinton 2022, "learning fast and slow": on an input of length 1, Δwⱼ = ε yⱼ x with ε = √(S*/S) − 1 moves the
    /// goodness from S to exactly S*, and leaves the direction of the activity as it was.
    #[test]
    fn the_exact_step_moves_goodness_where_it_shall_and_turns_nothing(
        n_in in 2usize..40, n_out in 2usize..40, at in 0u64..1000, wanted in 0.1f64..50.0,
    ) {
        let mut block = Dense::new("0", n_in, n_out, Activation::Relu, &mut Rng::stream(at, Purpose::Init, 0));
        let x = Norm::L2.apply(&noise(1, n_in, at).into());
        let before = block.apply(&x);
        let s = goodness(&before);
        prop_assume!(s > 1e-2);
        let epsilon = (wanted / s).sqrt() - 1.0;
        let mut weights = rows_of(&mut block, "weight");
        for (i, x) in view(&x.tensor()).iter().enumerate() {
            for (j, y) in view(before.values()).iter().enumerate() {
                weights[i * n_out + j] += (epsilon * f64::from(*y) * f64::from(*x)) as f32;
            }
        }
        put(&mut block, "weight", &weights);
        let after = block.apply(&x);
        prop_assert!((goodness(&after) / wanted - 1.0).abs() < 1e-3, "{} instead of {wanted}", goodness(&after));
        let (before, after) = (Norm::L2.apply(&before).tensor(), Norm::L2.apply(&after).tensor());
        let turned = view(&before).iter().zip(view(&after).iter()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        prop_assert!(turned < 1e-3, "turned by {turned}");
    }

    /// The passes of one image differ in the label's inputs and a scale only: a₁ = s (x_rest W_rest + label W_label) + b.
    #[test]
    fn the_first_layer_of_every_label_shares_the_image_s_product(
        classes in 2usize..6, rest in 1usize..30, n_out in 1usize..20, at in 0u64..1000,
    ) {
        let n_in = classes + rest;
        let mut block = Dense::new("0", n_in, n_out, Activation::Identity, &mut Rng::stream(at, Purpose::Init, 0));
        put(&mut block, "bias", &view(&noise(1, n_out, at + 1)));
        let (w, b) = (rows_of(&mut block, "weight"), rows_of(&mut block, "bias"));
        let image: Vec<f32> = view(&noise(1, n_in, at)).iter().map(|v| v.abs()).collect();
        let shared: Vec<f64> = (0..n_out)
            .map(|j| (classes..n_in).map(|i| f64::from(image[i]) * f64::from(w[i * n_out + j])).sum())
            .collect();
        let rest_squares: f64 = image[classes..].iter().map(|v| f64::from(*v).powi(2)).sum();
        // One-hot of strength 1: the same scale for every label.
        let s = 1.0 / ((rest_squares + 1.0) / n_in as f64).sqrt();
        for label in 0..classes {
            let shown = shown(&matrix(image.clone(), 1, n_in), label as u8, classes);
            let direct = block.apply(&Norm::Rms.apply(&shown.into())).tensor();
            let from_shared: Vec<f64> = (0..n_out)
                .map(|j| s * (shared[j] + f64::from(w[label * n_out + j])) + f64::from(b[j]))
                .collect();
            common::close("a₁", &view(&direct), &from_shared, 1e-5);
        }
    }
}

fn one_pair(direction: Direction, peer_weight: f64) -> (common::Blocks, Box<dyn Learner>, Batch) {
    let recipe =
        ForwardForward { direction, peer_weight, schedule: Constant {}.into(), ..ForwardForward::default() };
    let mut net = dense(&[12, 30, 20], Activation::Relu, 4);
    let task =
        Task { input: Shape::Flat(12), classes: 2, train_rows: 1, epochs: 1, seed: 1, goal: Goal::Classify };
    let mut learner = recipe.build(&mut net, &task);
    learner.epoch(1);
    let batch = Batch {
        x: matrix(view(&noise(1, 12, 8)).iter().map(|v| v.abs()).collect(), 1, 12),
        labels: vec![1],
        ids: vec![0],
    };
    (net, learner, batch)
}

/// Probability of being real, up to the logistic: goodness over threshold, of the one positive and the one negative row.
fn goodness_over_steps(direction: Direction) -> Vec<[f64; 4]> {
    let (mut net, mut learner, batch) = one_pair(direction, 0.0);
    let step = |step| {
        let scalars =
            learner.step(&mut net, &batch, &mut StepCx { seed: 1, step, clock: &mut NoClock }).unwrap();
        let of =
            |name, layer| scalars.iter().find(|s| s.name == name && s.layer == Some(layer)).unwrap().value;
        let p = "goodness_positive";
        let n = "goodness_negative";
        [of(p, 0), of(n, 0), of(p, 1), of(n, 1)]
    };
    (1..=400).map(step).collect()
}

#[test]
fn the_positive_rises_and_the_negative_falls_or_the_other_way_round() {
    for (direction, sign) in [(Direction::Maximise, 1.0), (Direction::Minimise, -1.0)] {
        let path = goodness_over_steps(direction);
        let (first, last) = (path[0], path[path.len() - 1]);
        for layer in 0..2 {
            let gap = |at: [f64; 4]| sign * (at[2 * layer] - at[2 * layer + 1]);
            assert!(gap(last) > gap(first), "{direction:?}, layer {layer}: {first:?} to {last:?}");
            // On the right sides of the boundary, which is 1.
            let (positive, negative) = (sign * (last[2 * layer] - 1.0), sign * (last[2 * layer + 1] - 1.0));
            assert!(positive > 0.0 && negative < 0.0, "{direction:?}, layer {layer}: {last:?}");
        }
    }
}

/// From goodness around the threshold, where the logistic is alive, fifty steps are enough.
#[test]
fn over_fifty_steps_the_positive_grows_likelier_and_the_negative_less() {
    for direction in [Direction::Maximise, Direction::Minimise] {
        let (mut net, mut learner, batch) = one_pair(direction, 0.0);
        // Without biases goodness grows with the square of the weights: put the pair's mean on the threshold.
        let shown = |label| shown(&batch.x, label, 2);
        let mut x = Norm::Rms.apply(&stack_rows(&shown(1), &shown(0)).into());
        for (block, width) in net.iter_mut().zip([30.0f32, 20.0]) {
            let mean = view(&SumSquares {}.value(&block.apply(&x))).iter().sum::<f32>() / 2.0;
            let louder: Vec<f32> =
                rows_of(block.as_mut(), ".weight").iter().map(|w| w * (width / mean).sqrt()).collect();
            put(block.as_mut(), ".weight", &louder);
            x = Norm::Rms.apply(&block.apply(&x));
        }
        let sign = if direction == Direction::Maximise { 1.0 } else { -1.0 };
        let mut path = Vec::new();
        for step in 1..=50 {
            let said =
                learner.step(&mut net, &batch, &mut StepCx { seed: 1, step, clock: &mut NoClock }).unwrap();
            let of =
                |name, layer| said.iter().find(|s| s.name == name && s.layer == Some(layer)).unwrap().value;
            path.push([0, 1].map(|layer| {
                // z = s (g − θ), θ = width: p = σ(z) rises and falls with it.
                let width = [30.0, 20.0][layer];
                ["goodness_positive", "goodness_negative"].map(|name| sign * width * (of(name, layer) - 1.0))
            }));
        }
        for layer in 0..2 {
            let ([positive, negative], [positive_before, negative_before]) =
                (path[49][layer], path[0][layer]);
            assert!(
                positive > positive_before,
                "{direction:?}, layer {layer}: {:?} to {:?}",
                path[0],
                path[49]
            );
            assert!(
                negative < negative_before,
                "{direction:?}, layer {layer}: {:?} to {:?}",
                path[0],
                path[49]
            );
        }
    }
}

/// The sum and the mean of squares are one goodness in two scales: calibrated, they teach the same.
#[test]
fn calibrated_goodnesses_of_another_scale_learn_the_same() {
    let run = |goodness: Goodness, calibrate: bool| {
        let recipe = ForwardForward { goodness, calibrate, ..ForwardForward::default() };
        let mut net = dense(&[12, 30, 20], Activation::Relu, 4);
        let task = Task {
            input: Shape::Flat(12),
            classes: 2,
            train_rows: 4,
            epochs: 1,
            seed: 1,
            goal: Goal::Classify,
        };
        let mut learner = recipe.build(&mut net, &task);
        let batch = Batch { x: noise(4, 12, 8), labels: vec![0, 1, 1, 0], ids: vec![0, 1, 2, 3] };
        let mut said = Vec::new();
        for step in 1..=20 {
            said.push(
                learner.step(&mut net, &batch, &mut StepCx { seed: 1, step, clock: &mut NoClock }).unwrap(),
            );
        }
        let weights = net.iter_mut().flat_map(|block| rows_of(block.as_mut(), "weight")).collect::<Vec<_>>();
        let first: Vec<f64> =
            said[0].iter().filter(|s| s.name == "goodness_positive").map(|s| s.value).collect();
        (weights.iter().map(|w| f64::from(*w)).collect::<Vec<_>>(), first)
    };
    let (sum, mean) = (Goodness::from(SumSquares {}), Goodness::from(MeanSquares {}));
    let ((of_sum, first), (of_mean, _)) = (run(sum.clone(), true), run(mean.clone(), true));
    let of_mean: Vec<f32> = of_mean.iter().map(|w| *w as f32).collect();
    common::close("weights", &of_mean, &of_sum, 1e-5);
    assert!(first.iter().all(|g| (g - 1.0).abs() < 1e-6), "layers begin at their threshold: {first:?}");
    let (plain, _) = run(sum, false);
    assert!(plain.iter().zip(&of_sum).any(|(plain, calibrated)| (plain - calibrated).abs() > 1e-3));
}

#[test]
fn a_layer_that_is_silent_at_first_is_calibrated_when_it_speaks() {
    let recipe = ForwardForward { calibrate: true, ..ForwardForward::default() };
    let mut net = dense(&[12, 30, 20], Activation::Relu, 4);
    let task =
        Task { input: Shape::Flat(12), classes: 2, train_rows: 1, epochs: 1, seed: 1, goal: Goal::Classify };
    let mut learner = recipe.build(&mut net, &task);
    let batch = Batch { x: noise(1, 12, 8), labels: vec![1], ids: vec![0] };
    put(net[0].as_mut(), ".bias", &[-100.0; 30]);
    let mut units = |net: &mut common::Blocks, step| {
        learner.step(net, &batch, &mut StepCx { seed: 1, step, clock: &mut NoClock }).unwrap();
        let mut units = Vec::new();
        learner.params(&mut |param| {
            if param.path().ends_with(".unit") {
                units.extend(param.to_rows());
            }
        });
        units
    };
    assert_eq!(units(&mut net, 1), [0.0, 0.0]);
    put(net[0].as_mut(), ".bias", &[1.0; 30]);
    let found = units(&mut net, 2);
    assert!(found.iter().all(|unit| *unit > 0.0), "{found:?}");
    put(net[0].as_mut(), ".bias", &[2.0; 30]);
    assert_eq!(units(&mut net, 3), found, "once and for all");
}

#[test]
fn peer_normalisation_moves_a_dead_unit_and_nothing_else_does() {
    let dead_unit_after = |peer_weight: f64| {
        let (mut net, mut learner, batch) = one_pair(Direction::Maximise, peer_weight);
        let mut bias = vec![0.0; 30];
        bias[7] = -100.0;
        put(net[0].as_mut(), ".bias", &bias);
        for step in 1..=20 {
            learner.step(&mut net, &batch, &mut StepCx { seed: 1, step, clock: &mut NoClock }).unwrap();
        }
        rows_of(net[0].as_mut(), ".bias")[7]
    };
    assert_eq!(dead_unit_after(0.0), -100.0);
    assert!(dead_unit_after(0.03) > -100.0, "a lazy unit is pushed up");
}

/// The read-outs of single layers are the terms of the sum over layers.
#[test]
fn the_goodness_of_all_layers_is_the_sum_of_each_alone() {
    let recipe = ForwardForward { layer_readouts: true, skip_first: false, ..ForwardForward::default() };
    let mut net = dense(&[12, 30, 20, 25], Activation::Relu, 4);
    let task =
        Task { input: Shape::Flat(12), classes: 3, train_rows: 4, epochs: 1, seed: 1, goal: Goal::Classify };
    let learner = recipe.build(&mut net, &task);
    assert_eq!(learner.readouts(), ["goodness", "head", "goodness.1", "goodness.2", "goodness.3"]);
    let x = noise(4, 12, 8);
    let of = |readout| view(&learner.predict(&net, &x, readout)).iter().map(|g| f64::from(*g)).collect();
    let alone: [Vec<f64>; 3] = ["goodness.1", "goodness.2", "goodness.3"].map(of);
    let sums: Vec<f64> = (0..12).map(|i| alone.iter().map(|layer| layer[i]).sum()).collect();
    let all: Vec<f64> = of("goodness");
    let all: Vec<f32> = all.into_iter().map(|g| g as f32).collect();
    common::close("sums", &all, &sums, 1e-6);
    assert!(alone[0] != alone[1] && alone[1] != alone[2]);
}

#[test]
fn more_layers_than_have_names_are_not_read_one_by_one() {
    let recipe = ForwardForward { layer_readouts: true, ..ForwardForward::default() };
    let task =
        Task { input: Shape::Flat(12), classes: 2, train_rows: 4, epochs: 1, seed: 1, goal: Goal::Classify };
    assert_eq!(recipe.refuse(&common::flat(&[5; 16]), &task), []);
    assert_eq!(recipe.refuse(&common::flat(&[5; 17]), &task)[0].key, "layer_readouts");
}

/// A unit that is off for every positive row is dead, one that never is is always on.
#[test]
fn dead_units_are_told() {
    let (mut net, mut learner, batch) = one_pair(Direction::Maximise, 0.0);
    let mut bias = vec![100.0; 30];
    bias[..6].fill(-100.0);
    put(net[0].as_mut(), ".bias", &bias);
    let said = learner.step(&mut net, &batch, &mut StepCx { seed: 1, step: 1, clock: &mut NoClock }).unwrap();
    let of = |name| said.iter().find(|s| s.name == name && s.layer == Some(0)).unwrap().value;
    assert_eq!([of("dead_units"), of("always_on")], [0.2, 0.8]);
    assert!((of("sparsity") - 0.2).abs() < 1e-12);
}
