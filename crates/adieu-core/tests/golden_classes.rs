//! Golden numbers of the learners with class scores: ten steps of DeeperForward, local heads, CwComp and mixed losses against
//! an independent NumPy reference (`reference/class_layers.md`).
#![allow(clippy::unwrap_used)] // a test that cannot go on shall panic

mod common;

use std::collections::BTreeMap;

use adieu_core::learn::{
    ChannelCompetition, ClassReadout, DeeperForward, Goal, Learner, LearnerRecipe, LocalHeads, Mixed,
    NoClock, Scalar, StepCx, Task, Window as Epochs, outlines,
};
use adieu_core::parts::activation::Activation;
use adieu_core::parts::affine::Affine;
use adieu_core::parts::batch_norm::BatchNorm;
use adieu_core::parts::block::{Block, Net};
use adieu_core::parts::chance::{Purpose, Rng};
use adieu_core::parts::class_score::{ClassScore, Maps, Pooled, Projection};
use adieu_core::parts::convolution::{Convolution, Window};
use adieu_core::parts::dense::Dense;
use adieu_core::parts::host::view;
use adieu_core::parts::norm::Norm;
use adieu_core::parts::normalise::{Normalise, Over};
use adieu_core::parts::optimizer::{AdamW, Optimizer};
use adieu_core::parts::param::Param;
use adieu_core::parts::pool::{Of, Pool};
use adieu_core::parts::residual::Residual;
use adieu_core::parts::schedule::Constant;
use adieu_core::parts::shape::Shape;
use adieu_core::parts::stack::Stack;
use common::golden::{batch, flat, named};
use common::{Blocks, close};
use serde_json::Value;

const ACTIVITY: f64 = 5e-6;
const GRADIENT: f64 = 5e-6;
/// After ten steps, each in single precision.
const LOSS: f64 = 3e-6;
const PARAMETER: f64 = 3e-6;
const SCORE: f64 = 5e-6;
const BETA1: f64 = 0.9;
const THREE: Window = Window { kernel: 3, stride: 1, padding: 1 };
const TWO: Window = Window { kernel: 2, stride: 2, padding: 0 };
const SIX: Shape = Shape::Image { c: 1, h: 6, w: 6 };

/// One case: what it is in the JSON, and here.
struct Case<'a> {
    name: &'a str,
    golden: &'a Value,
    /// Its part of the JSON, where there are several.
    run: &'a Value,
    input: Shape,
    net: fn() -> Blocks,
    recipe: LearnerRecipe,
    norm: Norm,
}

impl Case<'_> {
    /// The epoch of each step.
    fn epochs(&self) -> Vec<u64> {
        match &self.golden["settings"]["epochs"] {
            Value::Null => vec![1; 10],
            epochs => flat(epochs).iter().map(|epoch| *epoch as u64).collect(),
        }
    }

    /// The network and its learner before step 1.
    fn start(&self) -> (Blocks, Box<dyn Learner>) {
        let mut net = (self.net)();
        let epochs = self.epochs().into_iter().max().unwrap();
        let task =
            Task { input: self.input, classes: 3, train_rows: 8, epochs, seed: 0, goal: Goal::Classify };
        assert_eq!(self.recipe.refuse(&outlines(&net, self.input), &task), []);
        let mut learner = self.recipe.build(&mut net, &task);
        let mut initial = named(&self.golden["initial"]);
        if self.run["initial"].is_object() {
            initial.extend(named(&self.run["initial"]));
        }
        visit(&mut net, learner.as_mut(), &mut |param| match initial.remove(param.path()) {
            Some(values) if param.is_learned() => {
                param.load_rows(&values.iter().map(|v| *v as f32).collect::<Vec<_>>());
            }
            Some(values) => close(param.path(), &param.to_rows(), &values, 0.0),
            None => {}
        });
        assert!(initial.is_empty(), "{}: not found: {:?}", self.name, initial.keys());
        (net, learner)
    }

    fn follows(&self) {
        self.activities_are_those_of_step_1();
        let (mut net, mut learner) = self.start();
        let batches = self.golden["batches"].as_array().unwrap();
        assert_eq!(batches.len(), 10);
        let mut epoch = 0;
        for ((i, now), its) in batches.iter().enumerate().zip(self.epochs()) {
            if its != epoch {
                epoch = its;
                learner.epoch(epoch);
            }
            let mut cx = StepCx { seed: 0, step: i as u64 + 1, clock: &mut NoClock };
            let scalars = learner.step(&mut net, &batch(now), &mut cx).expect("nothing diverges");
            compare_losses(&format!("{}, step {}", self.name, i + 1), &self.run["losses"][i], &scalars);
            if i == 0 {
                self.moments_hold_the_gradients(&mut net, learner.as_mut());
            }
        }
        let mut last = named(&self.run["final"]);
        visit(&mut net, learner.as_mut(), &mut |param| {
            if let Some(values) = last.remove(param.path()) {
                close(&format!("{}: {}", self.name, param.path()), &param.to_rows(), &values, PARAMETER);
            }
        });
        assert!(last.is_empty(), "{}: not compared: {:?}", self.name, last.keys());
        let x = batch(&self.golden["test"]).x;
        for (readout, values) in named(&self.run["test_scores"]) {
            let scores = learner.predict(&net, &x, &readout);
            close(&format!("{}: {readout}", self.name), &view(&scores), &values, SCORE);
        }
    }

    /// What the blocks say in training, and the scores before the first step where training is as inference.
    fn activities_are_those_of_step_1(&self) {
        let (mut net, mut learner) = self.start();
        let (step, now) = (&self.run["step_1"], batch(&self.golden["batches"][0]));
        let mut statistics = false; // inference goes by running means, training by those of the batch
        visit(&mut net, learner.as_mut(), &mut |param| statistics |= !param.is_learned());
        if let (Value::Array(scores), false) = (&step["scores"], statistics) {
            for (l, values) in scores.iter().enumerate().filter(|(_, values)| !values.is_null()) {
                let scores = learner.predict(&net, &now.x, &format!("layer.{}", l + 1));
                close(
                    &format!("{}: scores of layer {}", self.name, l + 1),
                    &view(&scores),
                    &flat(values),
                    ACTIVITY,
                );
            }
        }
        if !step["logits"].is_null() {
            let logits = learner.predict(&net, &now.x, "logits");
            close(self.name, &view(&logits), &flat(&step["logits"]), ACTIVITY);
        }
        let Value::Array(said) = &step["h"] else { return };
        let mixed = !step["logits"].is_null(); // has a norm at its input only
        let mut x = self.norm.apply(&now.x.into());
        for (l, (block, values)) in net.iter_mut().zip(said).enumerate() {
            let (h, _) = block.forward(x, &mut chance());
            close(
                &format!("{}: h of layer {}", self.name, l + 1),
                &view(&h.tensor()),
                &flat(values),
                ACTIVITY,
            );
            x = if mixed { h } else { self.norm.apply(&h) };
        }
    }

    /// After one step of AdamW the first moment of a parameter is (1 − β₁) g.
    fn moments_hold_the_gradients(&self, net: &mut Net, learner: &mut dyn Learner) {
        let mut gradients = named(&self.run["step_1"]["gradients"]);
        visit(net, learner, &mut |param| {
            let Some(name) = moment_of(param.path(), &gradients) else { return };
            let golden = gradients.remove(&name).unwrap();
            let largest = golden.iter().fold(f64::MIN_POSITIVE, |most, g| most.max(g.abs()));
            let scaled = |g: f64| g / largest;
            let ours: Vec<f32> =
                param.to_rows().iter().map(|m| scaled(f64::from(*m) / (1.0 - BETA1)) as f32).collect();
            let golden: Vec<f64> = golden.into_iter().map(scaled).collect();
            close(&format!("{}: gradient of {name}", self.name), &ours, &golden, GRADIENT);
        });
        assert!(gradients.is_empty(), "{}: not compared: {:?}", self.name, gradients.keys());
    }
}

/// The parameter whose first moment is called `path`.
fn moment_of(path: &str, all: &BTreeMap<String, Vec<f64>>) -> Option<String> {
    let path = path.strip_suffix(".0")?;
    let owners = (0..7).flat_map(|l| ["descent.score", "layer", "head"].map(|owner| format!("{owner}.{l}.")));
    let mut names = owners
        .chain(["descent.".to_string()])
        .filter_map(|owner| path.strip_prefix(&owner).map(str::to_string));
    names.find(|name| all.contains_key(name))
}

fn compare_losses(what: &str, golden: &Value, scalars: &[Scalar]) {
    let find =
        |name: &str, layer| scalars.iter().find(|s| s.name == name && s.layer == layer).map(|s| s.value);
    let mut compared = 0;
    let mut compare = |name: &str, layer: Option<usize>, golden: &Value| {
        let ours = find(name, layer);
        assert_eq!(ours.is_none(), golden.is_null(), "{what}: {name} of {layer:?}");
        if let Some(ours) = ours {
            close(&format!("{what}: {name} of {layer:?}"), &[ours as f32], &flat(golden), LOSS);
            compared += 1;
        }
    };
    for (key, name) in [("head", "head_loss"), ("loss", "loss")] {
        if let Some(golden) = golden.get(key) {
            compare(name, None, golden);
        }
    }
    for (key, name) in [("layers", "loss"), ("errors", "batch_error"), ("local", "local_loss")] {
        let layers = golden.get(key).and_then(Value::as_array);
        layers.into_iter().flatten().enumerate().for_each(|(l, golden)| compare(name, Some(l), golden));
    }
    assert_eq!(compared, scalars.len(), "{what}: {scalars:?}");
}

fn visit(net: &mut Net, learner: &mut dyn Learner, each: &mut dyn FnMut(&mut Param)) {
    net.iter_mut().for_each(|block| block.params(each));
    learner.params(each);
}

fn chance() -> Rng {
    Rng::stream(0, Purpose::Init, 0)
}

fn stack(blocks: Vec<Box<dyn Block>>) -> Box<dyn Block> {
    Box::new(Stack::new(blocks))
}

fn convolution(path: &str, input: Shape, channels: usize) -> Box<dyn Block> {
    Box::new(Convolution::new(path, input, channels, THREE, Activation::Relu, &mut chance()).unwrap())
}

fn dense(path: &str, n_in: usize, n_out: usize) -> Box<dyn Block> {
    Box::new(Dense::new(path, n_in, n_out, Activation::Relu, &mut chance()))
}

fn normalise(input: Shape, over: Over) -> Box<dyn Block> {
    Box::new(Normalise::new(input, over).unwrap())
}

fn pixels(side: usize, c: usize) -> Shape {
    Shape::Pixels { h: side, w: side, c }
}

fn adam(rate: f64) -> Optimizer {
    AdamW { rate, beta1: BETA1, beta2: 0.999, epsilon: 1e-8, decay: 0.01 }.into()
}

#[test]
fn deeper_forward_follows_the_reference_for_ten_steps() {
    let golden: Value = serde_json::from_str(include_str!("../../../reference/deeper_forward.json")).unwrap();
    let net = || {
        let pool = Pool::new(pixels(6, 6), TWO, Of::Mean).unwrap();
        let groups = |side, c| normalise(pixels(side, c), Over::Groups(3));
        vec![
            stack(vec![normalise(SIX, Over::Layer), convolution("0", SIX, 6)]),
            stack(vec![groups(6, 6), Box::new(pool), convolution("1", pixels(3, 6), 9)]),
            stack(vec![groups(3, 9), convolution("2", pixels(3, 9), 6)]),
        ]
    };
    let recipe = DeeperForward {
        optimizer: adam(0.02),
        schedule: Constant {}.into(),
        first: 1,
        layer_readouts: true,
        ..DeeperForward::default()
    };
    let recipe = recipe.into();
    Case { name: "deeper_forward", golden: &golden, run: &golden, input: SIX, net, recipe, norm: Norm::None }
        .follows();
}

#[test]
fn deeper_forward_follows_the_reference_around_layers() {
    let golden: Value =
        serde_json::from_str(include_str!("../../../reference/deeper_forward_residual.json")).unwrap();
    let net = || {
        let pool = || -> Box<dyn Block> { Box::new(Pool::new(pixels(6, 12), TWO, Of::Mean).unwrap()) };
        let groups = |side, c| normalise(pixels(side, c), Over::Groups(3));
        let both = |first: &str, second: &str| {
            let layer = |path| convolution(path, pixels(6, 6), 6);
            stack(vec![layer(first), groups(6, 6), layer(second), groups(6, 6)])
        };
        let halved = stack(vec![pool(), convolution("5", pixels(3, 12), 12), groups(3, 12)]);
        vec![
            stack(vec![normalise(SIX, Over::Layer), convolution("0", SIX, 6), groups(6, 6)]),
            Box::new(Residual::new(both("1", "2"))),
            Box::new(Residual::beside(both("3", "4"), None, pixels(6, 6)).unwrap()),
            Box::new(Residual::projected(halved, pool())),
            convolution("6", pixels(3, 12), 6),
        ]
    };
    let recipe = DeeperForward {
        optimizer: adam(0.02),
        schedule: Constant {}.into(),
        first: 1,
        layer_readouts: true,
        ..DeeperForward::default()
    };
    let recipe = recipe.into();
    Case { name: "around layers", golden: &golden, run: &golden, input: SIX, net, recipe, norm: Norm::None }
        .follows();
}

#[test]
fn cw_comp_follows_the_reference_through_three_epochs() {
    let golden: Value =
        serde_json::from_str(include_str!("../../../reference/channel_competition.json")).unwrap();
    let net = || {
        let batch_norm = |path: &str, shape| -> [Box<dyn Block>; 2] {
            [Box::new(BatchNorm::new(path, shape).unwrap()), Box::new(Affine::new(path, shape).unwrap())]
        };
        let groups =
            Convolution::grouped("1.0", pixels(6, 6), (9, 3), THREE, Activation::Relu, &mut chance())
                .unwrap();
        let mut first = vec![convolution("0.0", SIX, 6)];
        first.extend(batch_norm("0.1", pixels(6, 6)));
        let mut second: Blocks =
            vec![Box::new(groups), Box::new(Pool::new(pixels(6, 9), TWO, Of::Largest).unwrap())];
        second.extend(batch_norm("1.2", pixels(3, 9)));
        vec![stack(first), stack(second)]
    };
    let recipe = ChannelCompetition {
        optimizer: adam(0.02),
        schedule: Constant {}.into(),
        windows: vec![Epochs { first: 1, last: 1 }, Epochs { first: 1, last: 2 }],
        head_optimizer: adam(0.005),
        layer_readouts: true,
        ..ChannelCompetition::default()
    };
    let recipe = recipe.into();
    Case { name: "cw_comp", golden: &golden, run: &golden, input: SIX, net, recipe, norm: Norm::None }
        .follows();
}

#[test]
fn local_heads_follow_the_reference_for_ten_steps() {
    let golden: Value = serde_json::from_str(include_str!("../../../reference/local_heads.json")).unwrap();
    let input = Shape::Image { c: 1, h: 4, w: 4 };
    let net = || {
        vec![
            convolution("0", Shape::Image { c: 1, h: 4, w: 4 }, 4),
            stack(vec![normalise(pixels(4, 4), Over::Layer), dense("1", 64, 7)]),
            stack(vec![dense("2", 7, 6), normalise(Shape::Flat(6), Over::Layer)]),
        ]
    };
    let case = |name: &str, score: ClassScore, change: &dyn Fn(&mut LocalHeads)| {
        let mut recipe = LocalHeads {
            score,
            optimizer: adam(0.01),
            head_optimizer: adam(0.02),
            schedule: Constant {}.into(),
            readout: ClassReadout::Sum,
            layer_readouts: true,
            ..LocalHeads::default()
        };
        change(&mut recipe);
        let norm = recipe.norm;
        Case { name, golden: &golden, run: &golden[name], input, net, recipe: recipe.into(), norm }.follows();
    };
    case("projection", Projection {}.into(), &|_| {});
    case("maps", Maps {}.into(), &|recipe| (recipe.temperature, recipe.label_smoothing) = (2.0, 0.1));
    case("pooled", Pooled {}.into(), &|recipe| recipe.norm = Norm::Rms);
    case("windows", Projection {}.into(), &|recipe| recipe.window = 2);
}

#[test]
fn mixed_losses_follow_the_reference_for_ten_steps() {
    let golden: Value = serde_json::from_str(include_str!("../../../reference/mixed.json")).unwrap();
    let net = || {
        vec![
            dense("0", 16, 9),
            stack(vec![normalise(Shape::Flat(9), Over::Layer), dense("1", 9, 8)]),
            stack(vec![dense("2", 8, 7), normalise(Shape::Flat(7), Over::Layer)]),
        ]
    };
    let even = Mixed {
        lambda: 0.4,
        lambda_end: 0.4,
        score: Pooled {}.into(),
        norm: Norm::None,
        optimizer: adam(0.01),
        schedule: Constant {}.into(),
    };
    let fading =
        Mixed { lambda: 1.0, lambda_end: 0.5, score: Maps {}.into(), norm: Norm::Rms, ..even.clone() };
    for (name, recipe) in [("pooled", even), ("fading", fading)] {
        let norm = recipe.norm;
        let input = Shape::Flat(16);
        Case { name, golden: &golden, run: &golden[name], input, net, recipe: recipe.into(), norm }.follows();
    }
}
