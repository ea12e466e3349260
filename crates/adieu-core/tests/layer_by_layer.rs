//! DeeperForward inside blocks: every layer learns by its own goodness and nothing flows back past it, whatever stands
//! around it.
#![allow(clippy::unwrap_used)] // a test that cannot go on shall panic

mod common;

use adieu_core::learn::{
    DeeperForward, Goal, Learner, LearnerFn, NoClock, Scalar, Split, StepCx, Task, outlines,
};
use adieu_core::parts::Batch;
use adieu_core::parts::activation::Activation;
use adieu_core::parts::activity::Activity;
use adieu_core::parts::block::{Block, Collect, Net};
use adieu_core::parts::chance::{Purpose, Rng};
use adieu_core::parts::class_score::{ClassScoreFn, GroupMeans};
use adieu_core::parts::convolution::{Convolution, Window};
use adieu_core::parts::dropout::Dropout;
use adieu_core::parts::host::{matrix, view};
use adieu_core::parts::leaves;
use adieu_core::parts::normalise::{Normalise, Over};
use adieu_core::parts::objective::CrossEntropy;
use adieu_core::parts::optimizer::{AdamW, Optimizer};
use adieu_core::parts::param::Param;
use adieu_core::parts::pool::{Of, Pool};
use adieu_core::parts::residual::Residual;
use adieu_core::parts::schedule::Constant;
use adieu_core::parts::shape::Shape;
use adieu_core::parts::stack::Stack;
use common::{Blocks, everything, noise};

const ROWS: usize = 12;
const IMAGE: Shape = Shape::Image { c: 2, h: 6, w: 6 };
const BETA1: f64 = 0.9;

fn pixels(side: usize, c: usize) -> Shape {
    Shape::Pixels { h: side, w: side, c }
}

/// Smooth, for the differences.
fn conv(path: &str, input: Shape, c: usize, stride: usize) -> Box<dyn Block> {
    let (window, mut chance) =
        (Window { kernel: 3, stride, padding: 1 }, Rng::stream(path.len() as u64, Purpose::Init, 7));
    Box::new(Convolution::new(path, input, c, window, Activation::Gelu, &mut chance).unwrap())
}

fn norm(side: usize, c: usize) -> Box<dyn Block> {
    Box::new(Normalise::new(pixels(side, c), Over::Groups(3)).unwrap())
}

fn stack(blocks: Blocks) -> Box<dyn Block> {
    Box::new(Stack::new(blocks))
}

/// Six layers in four blocks: the second and third of one block, with their output added to its input; the fourth and
/// fifth of another, which halve the image, beside a pool.
fn net() -> Blocks {
    let two = Window { kernel: 2, stride: 2, padding: 0 };
    let pool = Box::new(Pool::new(pixels(6, 6), two, Of::Mean).unwrap());
    let first =
        stack(vec![conv("1.0", pixels(6, 6), 6, 1), norm(6, 6), conv("1.2", pixels(6, 6), 6, 1), norm(6, 6)]);
    let dropout = Box::new(Dropout { p: 0.2, features: 54 });
    let second = stack(vec![
        conv("2.0", pixels(6, 6), 9, 2),
        norm(3, 9),
        conv("2.2", pixels(3, 9), 6, 1),
        norm(3, 6),
        dropout,
    ]);
    vec![
        stack(vec![conv("0", IMAGE, 6, 1), norm(6, 6)]),
        Box::new(Residual::new(first)),
        Box::new(Residual::beside(second, Some(pool), pixels(6, 6)).unwrap()),
        conv("3", pixels(3, 12), 3, 1),
    ]
}

fn task() -> Task {
    Task { input: IMAGE, classes: 3, train_rows: ROWS, epochs: 4, seed: 1, goal: Goal::Classify }
}

fn recipe(rate: f64) -> DeeperForward {
    let optimizer: Optimizer = AdamW { rate, beta1: BETA1, decay: 0.0, ..AdamW::default() }.into();
    DeeperForward {
        optimizer,
        schedule: Constant {}.into(),
        layer_readouts: true,
        ..DeeperForward::default()
    }
}

fn start(recipe: &DeeperForward) -> (Blocks, Box<dyn Learner>) {
    let mut net = net();
    assert_eq!(recipe.refuse(&outlines(&net, IMAGE), &task()), []);
    let learner = recipe.build(&mut net, &task());
    (net, learner)
}

fn batch(index: u64) -> Batch {
    let labels: Vec<u8> = (0..ROWS).map(|row| (row % 3) as u8).collect();
    Batch { x: noise(ROWS, IMAGE.features(), index), ids: (0..ROWS as u32).collect(), labels }
}

fn step(net: &mut Net, learner: &mut dyn Learner, number: u64) -> Vec<Scalar> {
    let mut cx = StepCx { seed: 1, step: number, clock: &mut NoClock };
    learner.step(net, &batch(number), &mut cx).unwrap()
}

fn loss(said: &[Scalar], layer: usize) -> f64 {
    said.iter().find(|s| s.name == "loss" && s.layer == Some(layer)).unwrap().value
}

/// The moments that a learner keeps, by name.
fn moments(learner: &mut dyn Learner) -> Vec<(String, Vec<f32>)> {
    let mut all = Vec::new();
    learner.params(&mut |param| all.push((param.path().to_string(), param.to_rows())));
    all
}

fn change(net: &mut Net, name: &str, by: &dyn Fn(usize) -> f32) {
    let mut change = |param: &mut Param| {
        if param.path() == name {
            let values: Vec<f32> = param.to_rows().iter().enumerate().map(|(i, w)| w + by(i)).collect();
            param.load_rows(&values);
        }
    };
    net.iter_mut().for_each(|block| block.params(&mut change));
}

#[test]
fn layers_are_the_leaves_that_learn() {
    let (net, learner) = start(&recipe(0.02));
    let shapes: Vec<Vec<Shape>> = outlines(&net, IMAGE).into_iter().map(|block| block.layers).collect();
    let (large, small) = (pixels(6, 6), |c| pixels(3, c));
    assert_eq!(shapes, [vec![large], vec![large, large], vec![small(9), small(6)], vec![small(3)]]);
    assert_eq!(learner.layers(&net).len(), 6);
    let names = ["sum", "last", "layer.1", "layer.2", "layer.3", "layer.4", "layer.5", "layer.6"];
    assert_eq!(learner.readouts(), names);
    // those above a split go on counting where those below have ended
    let upper = Box::new(recipe(0.02).into());
    let split = Split { at: 3, lower: Some(Box::new(recipe(0.02).into())), upper };
    let (mut net, task) = (self::net(), task());
    let mut learner = Split { upper: Box::new(DeeperForward { first: 0, ..recipe(0.02) }.into()), ..split }
        .build(&mut net, &task);
    let said = step(&mut net, learner.as_mut(), 1);
    let layers: Vec<_> = said.iter().filter(|s| s.name == "loss").map(|s| s.layer.unwrap()).collect();
    assert_eq!(layers, [0, 1, 2, 3, 4, 5]);
    assert_eq!(learner.layers(&net).len(), 6);
}

/// ∂L/∂W of every layer is that of its own loss, and of no other.
#[test]
fn a_layer_learns_by_its_own_loss_and_no_other() {
    let layers = ["0", "1.0", "1.2", "2.0", "2.2", "3"];
    for (l, name) in layers.iter().enumerate() {
        let (mut net, mut learner) = start(&recipe(0.0));
        step(&mut net, learner.as_mut(), 1);
        let (moment, weight) = (format!("layer.{l}.{name}.weight.0"), format!("{name}.weight"));
        let first = moments(learner.as_mut()).into_iter().find(|(path, _)| *path == moment);
        let (_, first) = first.unwrap_or_else(|| panic!("no {moment}"));
        let direction = view(&noise(1, first.len(), 9)).to_vec();
        let closed: f64 = first.iter().zip(&direction).map(|(m, d)| f64::from(*m) * f64::from(*d)).sum();
        let closed = closed / (1.0 - BETA1);
        let losses = [1e-3_f32, -1e-3].map(|by| {
            let (mut net, mut learner) = start(&recipe(0.0));
            change(&mut net, &weight, &|i| by * direction[i]);
            let said = step(&mut net, learner.as_mut(), 1);
            (loss(&said, l), said)
        });
        let measured = (losses[0].0 - losses[1].0) / 2e-3;
        assert!((closed - measured).abs() < 2e-3 * (0.1 + measured.abs()), "{name}: {closed}, {measured}");
        // what is below says the same, whatever stands above
        (0..l).for_each(|below| assert_eq!(loss(&losses[0].1, below), loss(&losses[1].1, below), "{name}"));
    }
}

#[test]
fn what_a_layer_does_not_see_does_not_teach_it() {
    let ends = [0.0, 0.5].map(|by| {
        let (mut net, mut learner) = start(&recipe(0.02));
        ["1.2.weight", "2.2.bias", "3.weight"].iter().for_each(|name| change(&mut net, name, &|_| by));
        step(&mut net, learner.as_mut(), 1);
        everything(&mut net, learner.as_mut())
    });
    let below =
        |name: &str| name == "0.weight" || name.starts_with("layer.0.") || name.starts_with("layer.1.");
    for ((name, one), (_, other)) in ends[0].iter().zip(&ends[1]).filter(|((name, _), _)| below(name)) {
        assert!(one == other, "{name}");
    }
    assert_ne!(ends[0], ends[1]);
}

/// What goes on has nothing of the goodness, and what one class gains the others lose.
#[test]
fn the_norm_leaves_nothing_of_the_goodness() {
    let (net, mut score) =
        (net(), GroupMeans {}.build("s", pixels(6, 6), 3, &mut Rng::stream(0, Purpose::Head, 0)));
    let y = net[0].apply(&batch(1).x.into());
    let means = score.scores(&y);
    assert!(view(&means).iter().all(|mean| mean.abs() < 1e-5), "{:?}", &view(&means)[..]);
    let squares: f32 = view(&y.tensor()).iter().map(|y| y * y).sum();
    assert!((squares / (ROWS * 216) as f32 - 1.0).abs() < 1e-2, "deviation 1: {squares}");
    let g = noise(ROWS, 3, 2);
    let (_, dg) = CrossEntropy::default().loss(&g, &batch(1).labels);
    assert!(view(&dg).chunks(3).all(|row| row.iter().sum::<f32>().abs() < 1e-6));
    let (_, seen) = score.forward(&y);
    let dh = score.pull_back(&y, seen, &dg, &mut Collect::default());
    let per_row = view(&dh).chunks(216).map(|row| row.iter().sum::<f32>()).collect::<Vec<_>>();
    assert!(per_row.iter().all(|sum| sum.abs() < 1e-5), "{per_row:?}");
}

/// Taken apart or whole, a block says the same.
#[test]
fn leaves_together_are_the_block() {
    let mut x = Activity::from(batch(3).x);
    for block in &mut net() {
        let whole = block.apply(&x);
        let apart = leaves::apply(&**block, &x, &mut |leaf, x| leaf.apply(x));
        assert!(view(&whole.tensor())[..] == view(&apart.tensor())[..], "{}", block.describe());
        let chance = || Rng::stream(1, Purpose::Dropout, 1);
        let (trained, _) = block.forward(x.clone(), &mut chance());
        let mut own = chance();
        let apart =
            leaves::forward(&mut **block, x, &mut |leaf, x| Some(leaf.forward(x, &mut own).0)).unwrap();
        assert!(view(&trained.tensor())[..] == view(&apart.tensor())[..], "{}", block.describe());
        let mut count = 0;
        leaves::each(&mut **block, &mut |_| count += 1);
        assert_eq!(count, leaves::of(&**block).len());
        x = whole;
    }
    // of two ways that both learn, neither comes first
    let both = Residual::projected(conv("a", pixels(6, 6), 6, 1), conv("b", pixels(6, 6), 6, 1));
    assert_eq!(leaves::of(&both).len(), 1);
}

#[test]
fn steps_side_by_side_and_resumed_are_the_same_to_the_bit() {
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let (mut net, mut learner) = start(&DeeperForward { overlap: threads > 1, ..recipe(0.02) });
            let mut numbers = 1..9;
            let mut cx = StepCx { seed: 1, step: 1, clock: &mut NoClock };
            learner.overlap(&mut net, &mut || numbers.next().map(batch), &mut cx).unwrap();
            everything(&mut net, learner.as_mut())
        })
    };
    let whole = run(1);
    assert!(whole == run(2) && whole == run(3));
    let (mut net, mut learner) = start(&recipe(0.02));
    (1..5).for_each(|number| drop(step(&mut net, learner.as_mut(), number)));
    let kept = everything(&mut net, learner.as_mut());
    let (mut net, mut learner) = start(&recipe(0.02));
    let mut kept = kept.into_iter();
    let mut load = |param: &mut Param| param.load_rows(&kept.next().unwrap().1);
    net.iter_mut().for_each(|block| block.params(&mut load));
    learner.params(&mut load);
    (5..9).for_each(|number| drop(step(&mut net, learner.as_mut(), number)));
    assert!(whole == everything(&mut net, learner.as_mut()));
}

#[test]
fn it_learns_and_says_where_it_diverged() {
    let (mut net, mut learner) = start(&recipe(0.02));
    let labels = batch(1).labels;
    let x = matrix(
        (0..ROWS * 72).map(|i| if (i / 24) % 3 == usize::from(labels[i / 72]) { 1.0 } else { 0.0 }).collect(),
        ROWS,
        72,
    );
    let data = |x| Batch { x, ids: (0..ROWS as u32).collect(), labels: labels.clone() };
    for number in 1..60 {
        let mut cx = StepCx { seed: 1, step: number, clock: &mut NoClock };
        learner.step(&mut net, &data(x.clone()), &mut cx).unwrap();
    }
    for readout in learner.readouts() {
        let scores = learner.predict(&net, &x, readout);
        let right = |(row, label): (&[f32], &u8)| row.iter().all(|s| *s <= row[usize::from(*label)]);
        assert!(view(&scores).chunks(3).zip(&labels).all(right), "by {readout}");
    }
    change(&mut net, "2.0.weight", &|_| f32::NAN);
    let mut cx = StepCx { seed: 1, step: 60, clock: &mut NoClock };
    assert_eq!(learner.step(&mut net, &data(x), &mut cx).unwrap_err().layer, Some(3));
}
