//! Trifecta: which loss trains whom, by which gradient and at what cost, and what is refused.
#![allow(clippy::unwrap_used)] // a test that cannot go on shall panic

mod common;

use std::collections::{BTreeMap, BTreeSet};

use adieu_core::learn::{
    Ask, Clock, Learner, LearnerFn, NoClock, Outline, Phase, Scalar, StepCx, Task, Trifecta,
};
use adieu_core::parts::activation::Activation;
use adieu_core::parts::affine::Affine;
use adieu_core::parts::batch_norm::BatchNorm;
use adieu_core::parts::block::{Block, Net};
use adieu_core::parts::chance::{Purpose, Rng};
use adieu_core::parts::convolution::{Convolution, Window};
use adieu_core::parts::dense::Dense;
use adieu_core::parts::host::view;
use adieu_core::parts::label_channel::LabelChannel;
use adieu_core::parts::label_code::Place;
use adieu_core::parts::negatives::Hard;
use adieu_core::parts::optimizer::AdamW;
use adieu_core::parts::shape::Shape;
use adieu_core::parts::stack::Stack;
use common::{Blocks, CLASSES, FEATURES, blobs, dense, everything, flat, noise, task};

const SIZES: [usize; 4] = [FEATURES, 8, 7, 6];
const ROWS: usize = 12;
const IMAGE: Shape = Shape::Image { c: 1, h: 3, w: 3 };

fn step(net: &mut Net, learner: &mut dyn Learner, step: u64, clock: &mut dyn Clock) -> Vec<Scalar> {
    learner.step(net, &blobs(ROWS, 1), &mut StepCx { seed: 1, step, clock }).expect("nothing diverges")
}

/// Twice batch norm and a convolution, then a dense block, all smooth; with the label's channel where it goes beside the image.
fn smooth(place: Place) -> Blocks {
    let window = Window { kernel: 3, stride: 1, padding: 1 };
    let block = |b: usize, input: Shape, channels: usize| {
        let mut chance = Rng::stream(3, Purpose::Init, b as u64);
        let (norm, path) = (format!("{b}.0"), format!("{b}.1"));
        let standard = BatchNorm::new(&norm, input).unwrap();
        let shape = standard.output();
        let map = Convolution::new(&path, shape, channels, window, Activation::Gelu, &mut chance).unwrap();
        let norms: [Box<dyn Block>; 2] = [Box::new(standard), Box::new(Affine::new(&norm, shape).unwrap())];
        let first = matches!(input, Shape::Image { c: 2, .. });
        let room = first.then(|| LabelChannel::new(IMAGE).unwrap());
        let room = room.into_iter().map(|room| Box::new(room) as Box<dyn Block>);
        let layers = room.chain(norms).chain([Box::new(map) as Box<dyn Block>]);
        Box::new(Stack::new(layers.collect()))
    };
    let top = Dense::new("2", 18, 5, Activation::Gelu, &mut Rng::stream(3, Purpose::Init, 2));
    let c = if place == Place::Beside { 2 } else { 1 };
    let below = [(0, Shape::Image { c, h: 3, w: 3 }, 3), (1, Shape::Pixels { h: 3, w: 3, c: 3 }, 2)];
    let below = below.map(|(b, input, channels)| block(b, input, channels) as Box<dyn Block>);
    below.into_iter().chain([Box::new(top) as Box<dyn Block>]).collect()
}

/// The loss of block `i` at step `at` with every parameter in `moved` by so much, and the learner afterwards.
fn loss(
    place: Place,
    (i, at): (usize, u64),
    moved: &BTreeMap<String, Vec<f32>>,
) -> (f64, Blocks, Box<dyn Learner>) {
    let mut net = smooth(place);
    let mut learner = Trifecta { place, ..Trifecta::default() }.build(&mut net, &task(ROWS, 1, 1));
    let mut put = |param: &mut adieu_core::parts::param::Param| {
        if let Some(moved) = moved.get(param.path()) {
            param.load_rows(&param.to_rows().iter().zip(moved).map(|(p, v)| p + v).collect::<Vec<_>>());
        }
    };
    net.iter_mut().for_each(|block| block.params(&mut put));
    learner.params(&mut put);
    let said = step(&mut net, learner.as_mut(), at, &mut NoClock);
    let found = said.iter().find(|scalar| scalar.name == "loss" && scalar.layer == Some(i)).unwrap().value;
    (found, net, learner)
}

/// What batch norm sees together, pairs, windows and label patterns: the whole way back, against differences.
#[test]
fn every_loss_hands_down_its_gradient() {
    const EPSILON: f32 = 1e-3;
    let weight_and_bias = |path: &str| ["weight", "bias"].map(|name| format!("{path}.{name}"));
    let gain_and_shift = |path: &str| ["gain", "shift"].map(|name| format!("{path}.{name}"));
    let block = |b: usize| [gain_and_shift(&format!("{b}.0")), weight_and_bias(&format!("{b}.1"))].concat();
    let trained = [
        (1, 1, [block(0), block(1)].concat()),
        (0, 2, [block(0), vec!["embedding".to_string()]].concat()),
        (2, 2, [block(1), weight_and_bias("2").to_vec()].concat()),
    ];
    for (place, (i, at, names)) in
        [Place::Onto, Place::Beside].into_iter().flat_map(|p| trained.clone().map(|t| (p, t)))
    {
        let (_, _, mut learner) = loss(place, (i, at), &BTreeMap::new());
        let mut gradients = BTreeMap::new();
        learner.params(&mut |param| {
            let own =
                param.path().strip_prefix(&format!("loss.{i}.")).and_then(|path| path.strip_suffix(".0"));
            // after a first step the mean of AdamW is (1 − β₁) g
            let gradient = || param.to_rows().iter().map(|m| m / 0.1).collect::<Vec<f32>>();
            gradients.extend(own.map(|name| (name.to_string(), gradient())));
        });
        assert_eq!(gradients.keys().collect::<BTreeSet<_>>(), names.iter().collect(), "loss {i}");
        for (k, (name, gradient)) in gradients.iter().enumerate() {
            let direction = view(&noise(1, gradient.len(), k as u64)).to_vec();
            let exact: f64 = gradient.iter().zip(&direction).map(|(g, v)| f64::from(g * v)).sum();
            let by = |t: f32| {
                let moved = direction.iter().map(|v| t * v).collect();
                loss(place, (i, at), &BTreeMap::from([(name.clone(), moved)])).0
            };
            let numeric = (by(EPSILON) - by(-EPSILON)) / (2.0 * f64::from(EPSILON));
            let allowed = 1e-2 * exact.abs().max(numeric.abs()) + 1e-3;
            assert!(
                (exact - numeric).abs() < allowed,
                "{place:?}, loss {i}, {name}: {exact}, numeric {numeric}"
            );
        }
    }
}

/// Blocks whose values a step moved.
fn moved(at: u64) -> (Vec<usize>, bool, Vec<usize>) {
    let mut net = dense(&SIZES, Activation::Relu, 1);
    let mut learner = Trifecta::default().build(&mut net, &task(ROWS, 1, 1));
    let before = everything(&mut net, learner.as_mut());
    let said = step(&mut net, learner.as_mut(), at, &mut NoClock);
    let after: BTreeMap<_, _> = everything(&mut net, learner.as_mut()).into_iter().collect();
    let changed = |name: &str| before.iter().any(|(path, values)| path == name && after[path] != *values);
    let blocks = (0..3).filter(|i| changed(&format!("{i}.weight"))).collect();
    let losses = said.iter().filter(|scalar| scalar.name == "loss").filter_map(|scalar| scalar.layer);
    (blocks, changed("embedding"), losses.collect())
}

#[test]
fn a_loss_trains_its_block_and_the_one_below_and_the_rest_rests() {
    assert_eq!(moved(1), (vec![0, 1], false, vec![1]));
    assert_eq!(moved(2), (vec![0, 1, 2], true, vec![0, 2]));
    assert_eq!(moved(3), moved(1));
}

/// Counts multiply-adds, and remembers phases and the most bytes held.
#[derive(Default)]
struct Witness {
    macs: usize,
    held: u64,
    phases: BTreeSet<Phase>,
}

impl Clock for Witness {
    fn press(&mut self, phase: Phase, _: usize) {
        self.phases.insert(phase);
    }
    fn held(&mut self, bytes: u64) {
        self.held = self.held.max(bytes);
    }
    fn work(&mut self, macs: u64) {
        self.macs += macs as usize;
    }
}

#[test]
fn a_step_costs_two_ways_up_and_no_more_of_the_way_back_than_its_losses_need() {
    let cost = |at| {
        let mut net = dense(&SIZES, Activation::Relu, 1);
        let mut learner = Trifecta::default().build(&mut net, &task(ROWS, 1, 1));
        let mut witness = Witness::default();
        step(&mut net, learner.as_mut(), at, &mut witness);
        witness
    };
    let [first, second, third] = [9 * 8, 8 * 7, 7 * 6];
    let (odd, even) = (cost(1), cost(2));
    // up through two blocks, two weight gradients, one error in between
    assert_eq!(odd.macs, 2 * ROWS * (2 * (first + second) + second));
    // up through three, three weight gradients, the errors below block 2 and at the label patterns
    assert_eq!(even.macs, 2 * ROWS * (2 * (first + second + third) + third + first));
    // what goes in and out of every block of the larger window, once
    assert_eq!(
        (odd.held, even.held),
        ((2 * ROWS * (9 + 8 + 7) * 4) as u64, (2 * ROWS * (8 + 7 + 6) * 4) as u64)
    );
    use Phase::{Credit, Forward, Negatives, Update};
    assert_eq!(odd.phases.into_iter().collect::<Vec<_>>(), [Negatives, Forward, Credit, Update]);
}

#[test]
fn what_cannot_be_is_refused_by_key() {
    let shapes = flat(&SIZES[1..]);
    let refused = |recipe: Trifecta, shapes: &[Outline], task: Task| {
        let all = recipe.refuse(shapes, &task);
        assert!(all.iter().all(|refusal| !refusal.what.is_empty() && !refusal.remedy.is_empty()), "{all:?}");
        all.into_iter().map(|refusal| refusal.key).collect::<Vec<_>>()
    };
    let (sound, task) = (Trifecta::default(), task(ROWS, 1, 1));
    assert_eq!(refused(sound.clone(), &shapes, task.clone()), [""; 0]);
    assert_eq!(refused(sound.clone(), &shapes[..1], task.clone()), ["window"]);
    assert_eq!(refused(Trifecta { window: 1, ..sound.clone() }, &shapes[..1], task.clone()), [""; 0]);
    assert_eq!(refused(Trifecta { first: 3, ..sound.clone() }, &shapes, task.clone()), ["first"]);
    let hard = Trifecta { negatives: Hard {}.into(), ..sound.clone() };
    assert_eq!(refused(hard, &shapes, task.clone()), ["negatives.kind"]);
    let beside = Trifecta { place: Place::Beside, ..sound.clone() };
    assert_eq!(refused(beside.clone(), &shapes, task.clone()), [""; 0]);
    assert_eq!((beside.asks(0), beside.asks(1)), (vec![Ask::LabelChannel], vec![]));
    let row = Task { input: Shape::Flat(9), ..task.clone() };
    assert_eq!(refused(beside, &shapes, row), ["place"]);
    assert_eq!(refused(sound.clone(), &shapes, Task { classes: 1, ..task.clone() }), ["negatives"]);
    let many = flat(&[3; 33]);
    assert_eq!(refused(Trifecta { layer_readouts: true, ..sound }, &many, task), ["layer_readouts"]);
}

/// The label of the highest goodness answers, and the sum over blocks is that of the blocks' own.
#[test]
fn readouts_are_the_goodness_of_each_label() {
    let mut net = dense(&SIZES, Activation::Relu, 1);
    let sum = adieu_core::learn::ClassReadout::Sum;
    let recipe = Trifecta {
        readout: sum,
        first: 1,
        layer_readouts: true,
        optimizer: AdamW { rate: 0.01, ..AdamW::default() }.into(),
        ..Trifecta::default()
    };
    let mut learner = recipe.build(&mut net, &task(ROWS, 1, 1));
    (1..30).for_each(|at| drop(step(&mut net, learner.as_mut(), at, &mut NoClock)));
    assert_eq!(learner.readouts(), ["sum", "layer.1", "layer.2", "layer.3"]);
    let x = blobs(ROWS, 2).x;
    let scores = |readout| view(&learner.predict(&net, &x, readout)).to_vec();
    let (second, third) = (scores("layer.2"), scores("layer.3"));
    assert_eq!(second.len(), ROWS * CLASSES);
    let wanted: Vec<f32> = second.iter().zip(&third).map(|(a, b)| a + b).collect();
    assert_eq!(scores("sum"), wanted);
}
