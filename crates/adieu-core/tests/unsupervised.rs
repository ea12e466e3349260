//! What the settings of learning without labels mean.
#![allow(clippy::unwrap_used)] // a test that cannot go on shall panic

mod common;

use adieu_core::learn::{Learner, LearnerFn, NoClock, StepCx, Unsupervised};
use adieu_core::parts::activation::Activation;
use adieu_core::parts::block::Net;
use adieu_core::parts::chance::{Purpose, Rng};
use adieu_core::parts::fakes::{Fakes, Hybrid, Predicted, Rollout};
use adieu_core::parts::goodness::{GoodnessFn, SumSquares};
use adieu_core::parts::host::view;
use adieu_core::parts::norm::Norm;
use adieu_core::parts::objective::ExactStep;
use adieu_core::parts::optimizer::{EmaSgd, Sgd};
use adieu_core::parts::param::Param;
use adieu_core::parts::schedule::Constant;
use adieu_core::{Tensor, learn::Task};
use common::{Blocks, CLASSES, FEATURES, blobs, dense, task};

/// No momentum and no decay: a step is what its rows teach, and nothing else.
fn plain() -> Unsupervised {
    let optimizer = EmaSgd { momentum: 0.0, decay: 0.0, rate: 1e-4 }.into();
    Unsupervised { peer_weight: 0.0, optimizer, ..Unsupervised::default() }
}

fn begin(recipe: &Unsupervised) -> (Blocks, Box<dyn Learner>) {
    let mut net = dense(&[FEATURES, 20, 15], Activation::Relu, 5);
    let task: Task = task(60, 2, 1);
    let mut learner = recipe.build(&mut net, &task);
    learner.epoch(1);
    (net, learner)
}

fn step(net: &mut Net, learner: &mut dyn Learner, step: u64) {
    learner.step(net, &blobs(60, 3), &mut StepCx { seed: 1, step, clock: &mut NoClock }).unwrap();
}

fn values(show: impl FnOnce(&mut dyn FnMut(&mut Param))) -> Vec<Vec<f32>> {
    let mut all = Vec::new();
    show(&mut |param: &mut Param| all.push(param.to_rows()));
    all
}

fn layers(net: &mut Net) -> Vec<Vec<f32>> {
    values(|visit| net.iter_mut().for_each(|block| block.params(visit)))
}

/// Mean goodness of the first layer.
fn goodness(net: &Net, x: &Tensor) -> f64 {
    let g = SumSquares {}.value(&net[0].apply(&Norm::Rms.apply(&x.clone().into())));
    let g = view(&g);
    g.iter().map(|g| f64::from(*g)).sum::<f64>() / g.len() as f64
}

#[test]
fn fixed_layers_stay_and_the_head_learns() {
    let (mut net, mut learner) = begin(&Unsupervised { fixed_hidden: true, ..Unsupervised::default() });
    let (before, head) = (layers(&mut net), values(|visit| learner.params(visit)));
    (1..=3).for_each(|at| step(&mut net, learner.as_mut(), at));
    assert_eq!(layers(&mut net), before);
    assert_ne!(values(|visit| learner.params(visit)), head);
    let (mut net, mut learner) = begin(&Unsupervised::default());
    step(&mut net, learner.as_mut(), 1);
    assert_ne!(layers(&mut net), before, "they learn unless told");
}

#[test]
fn apart_one_kind_of_rows_teaches_at_a_time() {
    let after = |apart, fakes: Fakes, steps| {
        let (mut net, mut learner) = begin(&Unsupervised { apart, fakes, ..plain() });
        (1..=steps).for_each(|at| step(&mut net, learner.as_mut(), at));
        layers(&mut net)
    };
    let (hybrid, written) = (|| Hybrid::default().into(), || Rollout::default().into());
    assert_ne!(
        after(0, hybrid(), 1),
        after(0, written(), 1),
        "together, made-up rows teach from the first step on"
    );
    assert_eq!(after(2, hybrid(), 2), after(2, written(), 2), "awake, they do not");
    assert_ne!(after(2, hybrid(), 3), after(2, written(), 3), "asleep, they do");
}

#[test]
fn real_rows_rise_awake_and_made_up_ones_fall_asleep() {
    let (mut net, mut learner) = begin(&Unsupervised { apart: 1, fakes: Predicted {}.into(), ..plain() });
    let batch = blobs(60, 3);
    let real = [goodness(&net, &batch.x), {
        step(&mut net, learner.as_mut(), 1);
        goodness(&net, &batch.x)
    }];
    assert!(real[1] > real[0], "{real:?}");
    let fakes = learner.made_up(&net, &batch, &mut Rng::stream(1, Purpose::Negatives, 2)).unwrap();
    let made_up = [goodness(&net, &fakes), {
        step(&mut net, learner.as_mut(), 2);
        goodness(&net, &fakes)
    }];
    assert!(made_up[1] < made_up[0], "{made_up:?}");
}

#[test]
fn predicted_rows_end_in_a_symbol_that_is_not_the_true_one() {
    let (mut net, mut learner) = begin(&Unsupervised { fakes: Predicted {}.into(), ..plain() });
    (1..=20).for_each(|at| step(&mut net, learner.as_mut(), at));
    let batch = blobs(60, 3);
    let fakes = learner.made_up(&net, &batch, &mut Rng::stream(1, Purpose::Negatives, 2)).unwrap();
    let (x, fakes) = (view(&batch.x), view(&fakes));
    for (r, truth) in batch.labels.iter().enumerate() {
        let (row, fake) = (&x[r * FEATURES..][..FEATURES], &fakes[r * FEATURES..][..FEATURES]);
        let (before, last) = fake.split_at(FEATURES - CLASSES);
        assert_eq!(before, &row[CLASSES..], "the window moves on by one symbol");
        assert_eq!((last.iter().sum::<f32>(), last[usize::from(*truth)]), (1.0, 0.0), "{last:?}");
    }
}

/// "Learning fast and slow": from one row, all layers at once move to the goodness they shall have, and no activity
/// turns.
#[test]
fn the_exact_step_moves_every_layer_to_its_goal_at_once() {
    // Awake a real row, far too quiet, shall have 1.2 θ; asleep a made-up one, far too loud, 0.8 θ.
    for (step, theta, share) in [(1, 0.5, 1.2), (2, 1e-3, 0.8)] {
        let recipe = Unsupervised {
            apart: 1,
            fakes: Predicted {}.into(),
            objective: ExactStep { theta, margin: 0.2 }.into(),
            norm: Norm::L2,
            peer_weight: 0.0,
            optimizer: Sgd { rate: 0.5, momentum: 0.0, decay: 0.0 }.into(),
            schedule: Constant {}.into(),
            ..Unsupervised::default()
        };
        let (mut net, mut learner) = begin(&recipe);
        let batch = blobs(1, 7);
        let chance = || Rng::stream(1, Purpose::Negatives, step);
        let x = match step {
            1 => batch.x.clone(),
            _ => learner.made_up(&net, &batch, &mut chance()).unwrap(),
        };
        let before = activity(&net, &x);
        learner.step(&mut net, &batch, &mut StepCx { seed: 1, step, clock: &mut NoClock }).unwrap();
        let after = activity(&net, &x);
        for ((l, was), is) in before.iter().enumerate().zip(&after) {
            let goal = theta * share * was.direction.len() as f64;
            assert!((was.goodness / goal - 1.0).abs() > 0.5, "layer {l} begins at {}", was.goodness);
            assert!((is.goodness / goal - 1.0).abs() < 1e-4, "layer {l}: {} instead of {goal}", is.goodness);
            let pairs = was.direction.iter().zip(&is.direction);
            let turned = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(turned < 1e-4, "layer {l} turned by {turned}");
        }
    }
}

/// Of one row in one layer.
struct Seen {
    goodness: f64,
    direction: Vec<f32>,
}

fn activity(net: &Net, x: &Tensor) -> Vec<Seen> {
    let mut below = Norm::L2.apply(&x.clone().into());
    let mut all = Vec::new();
    for block in net {
        let h = block.apply(&below);
        below = Norm::L2.apply(&h);
        let goodness = f64::from(view(&SumSquares {}.value(&h))[0]);
        all.push(Seen { goodness, direction: view(&below.tensor()).to_vec() });
    }
    all
}
