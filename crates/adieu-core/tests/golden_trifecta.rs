//! Golden numbers of Trifecta: ten steps against an independent NumPy reference (`reference/class_layers.md`).
#![allow(clippy::unwrap_used)] // a test that cannot go on shall panic

mod common;

use std::collections::BTreeMap;

use adieu_core::learn::{
    ClassReadout, Goal, Learner, LearnerFn, NoClock, Scalar, StepCx, Task, Trifecta, outlines,
};
use adieu_core::parts::activation::Activation;
use adieu_core::parts::affine::Affine;
use adieu_core::parts::batch_norm::BatchNorm;
use adieu_core::parts::block::{Block, Net};
use adieu_core::parts::chance::{Purpose, Rng};
use adieu_core::parts::convolution::{Convolution, Window};
use adieu_core::parts::host::{matrix, view};
use adieu_core::parts::objective::{Logistic, PairMargin};
use adieu_core::parts::optimizer::AdamW;
use adieu_core::parts::param::Param;
use adieu_core::parts::pool::{Of, Pool};
use adieu_core::parts::shape::Shape;
use adieu_core::parts::stack::Stack;
use common::golden::{batch, flat, named};
use common::{Blocks, close};
use serde_json::Value;

const ACTIVITY: f64 = 5e-6;
/// Of the largest of its parameter; some are those of the second step.
const GRADIENT: f64 = 1e-5;
/// After ten steps, each in single precision.
const LOSS: f64 = 3e-6;
const PARAMETER: f64 = 3e-6;
const SCORE: f64 = 5e-6;
const BETA1: f64 = 0.9;
const INPUT: Shape = Shape::Image { c: 1, h: 6, w: 6 };

fn pixels(side: usize, c: usize) -> Shape {
    Shape::Pixels { h: side, w: side, c }
}

/// Batch norm, gain and shift, convolution, and a pool where one is asked for.
fn block(b: usize, input: Shape, channels: usize, pool: Option<Shape>) -> Box<dyn Block> {
    let three = Window { kernel: 3, stride: 1, padding: 1 };
    let two = Window { kernel: 2, stride: 2, padding: 0 };
    let (norm, mut chance) = (format!("{b}.0"), Rng::stream(0, Purpose::Init, 0));
    let convolution =
        Convolution::new(&format!("{b}.1"), input, channels, three, Activation::Relu, &mut chance).unwrap();
    let mut layers: Blocks = vec![
        Box::new(BatchNorm::new(&norm, input).unwrap()),
        Box::new(Affine::new(&norm, input).unwrap()),
        Box::new(convolution),
    ];
    layers.extend(pool.map(|input| Box::new(Pool::new(input, two, Of::Largest).unwrap()) as Box<dyn Block>));
    Box::new(Stack::new(layers))
}

fn visit(net: &mut Net, learner: &mut dyn Learner, each: &mut dyn FnMut(&mut Param)) {
    net.iter_mut().for_each(|block| block.params(each));
    learner.params(each);
}

/// Network and learner before step 1.
fn start(golden: &Value, recipe: &Trifecta) -> (Blocks, Box<dyn Learner>) {
    let mut net = vec![
        block(0, INPUT, 4, None),
        block(1, pixels(6, 4), 5, Some(pixels(6, 5))),
        block(2, pixels(3, 5), 6, None),
    ];
    let task = Task { input: INPUT, classes: 2, train_rows: 8, epochs: 1, seed: 0, goal: Goal::Classify };
    assert_eq!(recipe.refuse(&outlines(&net, INPUT), &task), []);
    let mut learner = recipe.build(&mut net, &task);
    let mut initial = named(&golden["initial"]);
    visit(&mut net, learner.as_mut(), &mut |param| match initial.remove(param.path()) {
        Some(values) if param.is_learned() => {
            param.load_rows(&values.iter().map(|v| *v as f32).collect::<Vec<_>>());
        }
        Some(values) => close(param.path(), &param.to_rows(), &values, 0.0),
        None => {}
    });
    assert!(initial.is_empty(), "not found: {:?}", initial.keys());
    (net, learner)
}

/// After a loss's first step of AdamW the first moments are (1 − β₁) g.
fn moments_hold_the_gradients(what: &str, loss: &str, golden: &Value, learner: &mut dyn Learner) {
    let mut gradients = named(golden);
    learner.params(&mut |param| {
        let own =
            param.path().strip_prefix(&format!("loss.{loss}.")).and_then(|path| path.strip_suffix(".0"));
        let Some(golden) = own.and_then(|name| gradients.remove(name)) else { return };
        let largest = golden.iter().fold(f64::MIN_POSITIVE, |most, g| most.max(g.abs()));
        let ours: Vec<f32> =
            param.to_rows().iter().map(|m| (f64::from(*m) / (1.0 - BETA1) / largest) as f32).collect();
        let golden: Vec<f64> = golden.into_iter().map(|g| g / largest).collect();
        close(&format!("{what}: gradient {}", param.path()), &ours, &golden, GRADIENT);
    });
    assert!(gradients.is_empty(), "{what}: loss {loss} does not train {:?}", gradients.keys());
}

fn compare_losses(what: &str, golden: &Value, scalars: &[Scalar]) {
    let mut compared = 0;
    let names = [
        ("layers", "loss"),
        ("positive", "goodness_positive"),
        ("negative", "goodness_negative"),
        ("errors", "pairwise_errors"),
    ];
    for (key, name) in names {
        for (i, golden) in golden[key].as_array().unwrap().iter().enumerate() {
            let ours = scalars.iter().find(|s| s.name == name && s.layer == Some(i)).map(|s| s.value);
            assert_eq!(ours.is_none(), golden.is_null(), "{what}: {name} of {i}");
            if let Some(ours) = ours {
                close(&format!("{what}: {name} of {i}"), &[ours as f32], &flat(golden), LOSS);
                compared += 1;
            }
        }
    }
    assert_eq!(compared, scalars.len(), "{what}: {scalars:?}");
}

fn follows(case: &str, recipe: &Trifecta) {
    let golden: Value = serde_json::from_str(include_str!("../../../reference/trifecta.json")).unwrap();
    let run = &golden[case];
    let (mut net, mut learner) = start(&golden, recipe);
    let mut said = BTreeMap::new();
    for (step, now) in (1..).zip(golden["batches"].as_array().unwrap()) {
        let mut cx = StepCx { seed: 0, step, clock: &mut NoClock };
        let scalars = learner.step(&mut net, &batch(now), &mut cx).expect("nothing diverges");
        let what = format!("{case}, step {step}");
        compare_losses(&what, &run["losses"][step as usize - 1], &scalars);
        for i in scalars.iter().filter_map(|scalar| scalar.layer).map(|i| i.to_string()) {
            if said.insert(i.clone(), step).is_none() {
                moments_hold_the_gradients(&what, &i, &run["gradients"][&i], learner.as_mut());
            }
        }
    }
    assert_eq!(said.len(), 3, "{case}: every block has a loss");
    let mut last = named(&run["final"]);
    visit(&mut net, learner.as_mut(), &mut |param| {
        if let Some(values) = last.remove(param.path()) {
            close(&format!("{case}: {}", param.path()), &param.to_rows(), &values, PARAMETER);
        }
    });
    assert!(last.is_empty(), "{case}: not compared: {:?}", last.keys());
    let x = batch(&golden["test"]).x;
    for (readout, values) in named(&run["test_scores"]) {
        let scores = learner.predict(&net, &x, &readout);
        close(&format!("{case}: {readout}"), &view(&scores), &values, SCORE);
    }
}

fn recipe() -> Trifecta {
    let optimizer = AdamW { rate: 0.02, beta1: BETA1, beta2: 0.999, epsilon: 1e-8, decay: 0.01 };
    Trifecta { optimizer: optimizer.into(), layer_readouts: true, ..Trifecta::default() }
}

#[test]
fn pairs_in_windows_of_two_follow_the_reference_for_ten_steps() {
    follows("pairs", &Trifecta { objective: PairMargin { alpha: 4.0 }.into(), ..recipe() });
}

#[test]
fn thresholds_and_blocks_by_themselves_follow_the_reference_for_ten_steps() {
    let objective = Logistic { theta: 2.0, temperature: 1.0 }.into();
    follows("thresholds", &Trifecta { objective, window: 1, readout: ClassReadout::Sum, ..recipe() });
}

/// In training, batch norm goes by the batch of positive and negative rows together.
#[test]
fn activities_are_those_of_step_1() {
    let golden: Value = serde_json::from_str(include_str!("../../../reference/trifecta.json")).unwrap();
    let (mut net, mut learner) = start(&golden, &recipe());
    let now = batch(&golden["batches"][0]);
    let mut patterns = Vec::new();
    learner.params(&mut |param| {
        if param.path() == "embedding" {
            patterns = param.to_rows();
        }
    });
    let images = view(&now.x);
    let row = |r: usize| {
        let label = usize::from(if r < 8 { now.labels[r] } else { 1 - now.labels[r - 8] });
        (0..36).map(move |c| (r, label, c))
    };
    let shown = (0..16).flat_map(row).map(|(r, label, c)| images[r % 8 * 36 + c] + patterns[label * 36 + c]);
    let mut x = matrix(shown.collect(), 16, 36).into();
    for (i, values) in golden["thresholds"]["h"].as_array().unwrap().iter().enumerate() {
        let (h, _) = net[i].forward(x, &mut Rng::stream(0, Purpose::Dropout, 1));
        close(&format!("h of block {i}"), &view(&h.tensor()), &flat(values), ACTIVITY);
        x = h;
    }
}
