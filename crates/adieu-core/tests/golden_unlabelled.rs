//! Golden numbers of the learners without labels that a softmax looks on to: ten steps of self-contrastive learning and of SoftHebb,
//! against an independent NumPy reference (`reference/unlabelled.md`).
#![allow(clippy::unwrap_used)] // a test that cannot go on shall panic

mod common;

use adieu_core::learn::{
    Competition, Contrast, Goal, Learner, LearnerRecipe, NoClock, Onlooker, Reads, SelfContrastive, SoftHebb,
    StepCx, Task, outlines,
};
use adieu_core::parts::activation::Activation;
use adieu_core::parts::batch_norm::BatchNorm;
use adieu_core::parts::block::{Block, Net};
use adieu_core::parts::chance::{Purpose, Rng};
use adieu_core::parts::convolution::{Convolution, Window};
use adieu_core::parts::dense::Dense;
use adieu_core::parts::host::view;
use adieu_core::parts::norm::Norm;
use adieu_core::parts::normalise::{Normalise, Over};
use adieu_core::parts::optimizer::{AdamW, Optimizer};
use adieu_core::parts::param::Param;
use adieu_core::parts::pool::{Of, Pool};
use adieu_core::parts::schedule::Constant;
use adieu_core::parts::shape::Shape;
use adieu_core::parts::stack::Stack;
use adieu_core::parts::triangle::Triangle;
use common::golden::{batch, flat, named};
use common::{Blocks, close};
use serde_json::Value;

/// Of the largest of its parameter.
const GRADIENT: f64 = 5e-6;
/// After ten steps, each in single precision.
const SAID: f64 = 3e-6;
const PARAMETER: f64 = 3e-6;
const SCORE: f64 = 5e-6;
const BETA1: f64 = 0.9;
const THREE: Window = Window { kernel: 3, stride: 1, padding: 1 };
const TWO: Window = Window { kernel: 2, stride: 2, padding: 0 };
const SIX: Shape = Shape::Image { c: 1, h: 6, w: 6 };

fn single(values: &[f64]) -> Vec<f32> {
    values.iter().map(|v| *v as f32).collect()
}

fn visit(net: &mut Net, learner: &mut dyn Learner, each: &mut dyn FnMut(&mut Param)) {
    net.iter_mut().for_each(|block| block.params(each));
    learner.params(each);
}

/// Ten steps beside those of `run`, its part of the JSON.
fn follows(name: &str, run: &Value, input: Shape, mut net: Blocks, recipe: &LearnerRecipe) {
    let task = Task { input, classes: 3, train_rows: 8, epochs: 1, seed: 0, goal: Goal::Classify };
    assert_eq!(recipe.refuse(&outlines(&net, input), &task), []);
    let mut learner = recipe.build(&mut net, &task);
    let mut initial = named(&run["initial"]);
    visit(&mut net, learner.as_mut(), &mut |param| match initial.remove(param.path()) {
        Some(values) if param.is_learned() => param.load_rows(&single(&values)),
        Some(values) => close(param.path(), &param.to_rows(), &values, 0.0),
        None => {}
    });
    assert!(initial.is_empty(), "{name}: not found: {:?}", initial.keys());
    for (i, (now, told)) in
        run["batches"].as_array().unwrap().iter().zip(run["losses"].as_array().unwrap()).enumerate()
    {
        let mut cx = StepCx { seed: 0, step: i as u64 + 1, clock: &mut NoClock };
        let said = learner.step(&mut net, &batch(now), &mut cx).expect("nothing diverges");
        let mut expected: Vec<(String, Option<usize>, f64)> =
            vec![("head_loss".into(), None, told["head"].as_f64().unwrap())];
        for (l, layer) in told["layers"].as_array().unwrap().iter().enumerate() {
            expected.extend(named(layer).into_iter().map(|(name, values)| (name, Some(l), values[0])));
        }
        assert_eq!(said.len(), expected.len(), "{name}: {said:?}");
        for (what, layer, value) in expected {
            let found = said.iter().find(|said| said.name == what && said.layer == layer).unwrap();
            let place = format!("{name}, step {}: {what} of {layer:?}", i + 1);
            close(&place, &[found.value as f32], &[value], SAID);
        }
        if i == 0 {
            moments_hold_the_gradients(name, &run["step_1"]["gradients"], &mut net, learner.as_mut());
        }
    }
    let mut last = named(&run["final"]);
    visit(&mut net, learner.as_mut(), &mut |param| {
        if let Some(values) = last.remove(param.path()) {
            close(&format!("{name}: {}", param.path()), &param.to_rows(), &values, PARAMETER);
        }
    });
    assert!(last.is_empty(), "{name}: not compared: {:?}", last.keys());
    let scores = learner.predict(&net, &batch(&run["test"]).x, "head");
    close(&format!("{name}: scores"), &view(&scores), &flat(&run["test_scores"]["head"]), SCORE);
}

/// After one step of AdamW the first moment of a parameter is (1 − β₁) g.
fn moments_hold_the_gradients(name: &str, golden: &Value, net: &mut Net, learner: &mut dyn Learner) {
    let (gradients, mut compared) = (named(golden), 0);
    visit(net, learner, &mut |param| {
        let path = param.path().strip_suffix(".0").unwrap_or_default();
        let owners = (0..2).flat_map(|l| ["layer", "head"].map(|owner| format!("{owner}.{l}.")));
        let of = owners.filter_map(|owner| path.strip_prefix(&owner)).find(|of| gradients.contains_key(*of));
        let Some(of) = of else { return };
        let golden = &gradients[of];
        let largest = golden.iter().fold(f64::MIN_POSITIVE, |most, g| most.max(g.abs()));
        let ours: Vec<f32> =
            param.to_rows().iter().map(|m| (f64::from(*m) / (1.0 - BETA1) / largest) as f32).collect();
        let golden: Vec<f64> = golden.iter().map(|g| g / largest).collect();
        close(&format!("{name}: gradient of {of}"), &ours, &golden, GRADIENT);
        compared += 1;
    });
    assert!(compared > 0, "{name}: no gradient compared");
}

fn chance() -> Rng {
    Rng::stream(0, Purpose::Init, 0)
}

fn pixels(side: usize, c: usize) -> Shape {
    Shape::Pixels { h: side, w: side, c }
}

fn convolution(path: &str, input: Shape, channels: usize) -> Box<dyn Block> {
    Box::new(Convolution::new(path, input, channels, THREE, Activation::Identity, &mut chance()).unwrap())
}

fn triangle(input: Shape, power: f64) -> Box<dyn Block> {
    Box::new(Triangle::new(input, power).unwrap())
}

fn largest(input: Shape) -> Box<dyn Block> {
    Box::new(Pool::new(input, TWO, Of::Largest).unwrap())
}

fn dense() -> Blocks {
    vec![
        Box::new(Dense::new("0", 16, 9, Activation::Relu, &mut chance())),
        Box::new(Dense::new("1", 9, 7, Activation::Relu, &mut chance())),
    ]
}

fn adam(rate: f64) -> Optimizer {
    AdamW { rate, beta1: BETA1, beta2: 0.999, epsilon: 1e-8, decay: 0.01 }.into()
}

fn head(reads: Reads) -> Onlooker {
    Onlooker { reads, optimizer: adam(0.02), ..Onlooker::default() }
}

#[test]
fn self_contrastive_follows_the_reference_for_ten_steps() {
    let golden: Value =
        serde_json::from_str(include_str!("../../../reference/self_contrastive.json")).unwrap();
    let drawn: Vec<f64> =
        (1..=10).map(|step| f64::from(1 + Rng::stream(0, Purpose::Negatives, step).below(4))).collect();
    assert_eq!(flat(&golden["settings"]["shifts"]), drawn, "the shifts of seed 0");
    let layer_norm = |shape| -> Box<dyn Block> { Box::new(Normalise::new(shape, Over::Layer).unwrap()) };
    let first =
        vec![layer_norm(SIX), convolution("0.1", SIX, 4), triangle(pixels(6, 4), 1.0), largest(pixels(6, 4))];
    let second =
        vec![layer_norm(pixels(3, 4)), convolution("1.1", pixels(3, 4), 6), triangle(pixels(3, 6), 1.0)];
    let convolutional: Blocks = vec![Box::new(Stack::new(first)), Box::new(Stack::new(second))];
    let cases =
        [("convolution", convolutional, Norm::None, SIX), ("dense", dense(), Norm::Rms, Shape::Flat(16))];
    for (name, net, norm, input) in cases {
        let run = &golden[name];
        let layer = |layer: &Value| {
            let of = |key: &str| layer[key].as_f64().unwrap();
            let (theta_positive, theta_negative) = (of("theta_positive"), of("theta_negative"));
            Contrast { theta_positive, theta_negative, lambda: of("lambda"), optimizer: adam(of("rate")) }
        };
        let layers = run["layers"].as_array().unwrap().iter().map(layer).collect();
        let (schedule, head) = (Constant {}.into(), head(Reads::All));
        let recipe = SelfContrastive { layers, norm, schedule, head, ..SelfContrastive::default() };
        follows(name, run, input, net, &recipe.into());
    }
}

#[test]
fn soft_hebb_follows_the_reference_for_ten_steps() {
    let golden: Value = serde_json::from_str(include_str!("../../../reference/soft_hebb.json")).unwrap();
    let batch_norm: Box<dyn Block> = Box::new(BatchNorm::new("1.0", pixels(3, 4)).unwrap());
    let first = vec![convolution("0.0", SIX, 4), triangle(pixels(6, 4), 0.7), largest(pixels(6, 4))];
    let second = vec![batch_norm, convolution("1.1", pixels(3, 4), 6), triangle(pixels(3, 6), 1.4)];
    let convolutional: Blocks = vec![Box::new(Stack::new(first)), Box::new(Stack::new(second))];
    let cases = [
        ("convolution", convolutional, Norm::None, SIX, Reads::Last),
        ("dense", dense(), Norm::Rms, Shape::Flat(16), Reads::All),
    ];
    for (name, net, norm, input, reads) in cases {
        let run = &golden[name];
        let layer = |layer: &Value| {
            let of = |key: &str| layer[key].as_f64().unwrap();
            Competition { rate: of("rate"), inverse_temperature: of("inverse_temperature") }
        };
        let layers = run["layers"].as_array().unwrap().iter().map(layer).collect();
        let radius = run["radius"].as_f64().unwrap();
        let (schedule, head) = (Constant {}.into(), head(reads));
        let recipe = SoftHebb { layers, radius, norm, schedule, head, windows: Vec::new() };
        follows(name, run, input, net, &recipe.into());
    }
}
