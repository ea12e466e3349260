//! The restricted Boltzmann machine against sums over all of its states.
#![allow(clippy::unwrap_used)] // a test that cannot go on shall panic

mod common;

use adieu_core::learn::{Goal, Learner, LearnerFn, NoClock, RECONSTRUCTION, Rbm, StepCx, Task};
use adieu_core::parts::Batch;
use adieu_core::parts::activation::Activation;
use adieu_core::parts::chance::{Purpose, Rng};
use adieu_core::parts::host::{matrix, view};
use adieu_core::parts::optimizer::Sgd;
use adieu_core::parts::schedule::Constant;
use adieu_core::parts::shape::Shape;
use common::{Blocks, close, dense, everything};

const VISIBLE: usize = 5;
const HIDDEN: usize = 3;
const CLASSES: usize = 2;

/// W, b, a.
struct Machine {
    w: Vec<f64>,
    b: Vec<f64>,
    a: Vec<f64>,
}

fn bits(state: usize, count: usize) -> Vec<f64> {
    (0..count).map(|i| (state >> i & 1) as f64).collect()
}

impl Machine {
    fn of(net: &mut Blocks, learner: &mut dyn Learner) -> Machine {
        let all = everything(net, learner);
        let named = |name: &str| {
            let (_, values) = all.iter().find(|(path, _)| path == name).unwrap();
            values.iter().map(|v| f64::from(*v)).collect()
        };
        Machine { w: named("0.weight"), b: named("0.bias"), a: named("visible.bias") }
    }

    /// Σ_h e^{−E(v, h)}
    fn weight(&self, v: &[f64]) -> f64 {
        let minus_energy = |h: &[f64]| {
            let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
            let pairs = (0..VISIBLE * HIDDEN).map(|ij| v[ij / HIDDEN] * self.w[ij] * h[ij % HIDDEN]);
            dot(&self.a, v) + dot(&self.b, h) + pairs.sum::<f64>()
        };
        (0..1 << HIDDEN).map(|h| minus_energy(&bits(h, HIDDEN)).exp()).sum()
    }

    /// Mean of vᵀ p(h|v), p(h|v) and v over rows with these weights.
    fn statistics(&self, rows: impl Iterator<Item = (Vec<f64>, f64)>) -> [Vec<f64>; 3] {
        let mut all = [vec![0.0; VISIBLE * HIDDEN], vec![0.0; HIDDEN], vec![0.0; VISIBLE]];
        for (v, weight) in rows {
            for j in 0..HIDDEN {
                let a = self.b[j] + (0..VISIBLE).map(|i| v[i] * self.w[i * HIDDEN + j]).sum::<f64>();
                let p = weight / (1.0 + (-a).exp());
                all[1][j] += p;
                (0..VISIBLE).for_each(|i| all[0][i * HIDDEN + j] += v[i] * p);
            }
            (0..VISIBLE).for_each(|i| all[2][i] += weight * v[i]);
        }
        all
    }
}

fn start(recipe: &Rbm) -> (Blocks, Box<dyn Learner>) {
    start_for(recipe, Goal::Classify)
}

fn start_for(recipe: &Rbm, goal: Goal) -> (Blocks, Box<dyn Learner>) {
    let mut net = dense(&[VISIBLE, HIDDEN], Activation::Relu, 3);
    let task = Task {
        input: Shape::Flat(VISIBLE),
        classes: if goal == Goal::Reconstruct { 0 } else { CLASSES },
        train_rows: 10,
        epochs: 1,
        seed: 3,
        goal,
    };
    assert_eq!(recipe.refuse(&common::flat(&[HIDDEN]), &task), []);
    let mut learner = recipe.build(&mut net, &task);
    let mut rng = Rng::stream(3, Purpose::Probe, 1);
    let mut stir = |param: &mut adieu_core::parts::param::Param| {
        if ["0.weight", "0.bias", "visible.bias"].contains(&param.path()) {
            let values: Vec<f32> = (0..param.count()).map(|_| rng.normal()).collect();
            param.load_rows(&values);
        }
    };
    net.iter_mut().for_each(|block| block.params(&mut stir));
    learner.params(&mut stir);
    (net, learner)
}

#[test]
fn free_energies_are_those_of_all_hidden_states() {
    let (mut net, mut learner) = start(&Rbm { head: false, ..Rbm::default() });
    let machine = Machine::of(&mut net, learner.as_mut());
    for rest in 0..1 << (VISIBLE - CLASSES) {
        let rest = bits(rest, VISIBLE - CLASSES);
        let image = [&[0.0; CLASSES][..], &rest].concat().iter().map(|v| *v as f32).collect();
        let scores = learner.predict(&net, &matrix(image, 1, VISIBLE), "free_energy");
        let wanted = [[1.0, 0.0], [0.0, 1.0]].map(|label| machine.weight(&[&label, &rest[..]].concat()).ln());
        close("−F", &view(&scores), &wanted, 1e-5);
    }
}

/// With long chains that draw all units, a step follows the gradient of the likelihood.
#[test]
fn long_chains_follow_the_likelihood() {
    const ROWS: usize = 6000;
    for persistent in [0, ROWS as u64] {
        let recipe = Rbm {
            iterations: 60,
            persistent,
            draw_visible: true,
            head: false,
            optimizer: Sgd { rate: 1.0, momentum: 0.0, decay: 0.0 }.into(),
            schedule: Constant {}.into(),
            ..Rbm::default()
        };
        let (mut net, mut learner) = start(&recipe);
        let before = Machine::of(&mut net, learner.as_mut());
        let labels: Vec<u8> = (0..ROWS).map(|row| (row % CLASSES) as u8).collect();
        // With the labels written in, the data are two states of the machine's 32.
        let states = [[1.0, 0.0, 1.0, 1.0, 0.0], [0.0, 1.0, 0.0, 0.0, 1.0]];
        let x = (0..ROWS).flat_map(|row| states[row % CLASSES].map(|v| v as f32)).collect();
        let batch = Batch { x: matrix(x, ROWS, VISIBLE), labels, ids: (0..ROWS as u32).collect() };
        learner.epoch(1);
        let mut cx = StepCx { seed: 3, step: 1, clock: &mut NoClock };
        learner.step(&mut net, &batch, &mut cx).unwrap();
        let after = Machine::of(&mut net, learner.as_mut());

        let data = before.statistics(states.iter().map(|v| (v.to_vec(), 0.5)));
        let whole: f64 = (0..1 << VISIBLE).map(|v| before.weight(&bits(v, VISIBLE))).sum();
        let every = (0..1 << VISIBLE).map(|v| bits(v, VISIBLE));
        let model = before.statistics(every.map(|v| (v.clone(), before.weight(&v) / whole)));
        let moved = [(&before.w, &after.w), (&before.b, &after.b), (&before.a, &after.a)];
        for (k, (before, after)) in moved.into_iter().enumerate() {
            let moved: Vec<f64> = after.iter().zip(before).map(|(after, before)| after - before).collect();
            let exact: Vec<f64> = data[k].iter().zip(&model[k]).map(|(data, model)| data - model).collect();
            let off =
                moved.iter().zip(&exact).map(|(moved, exact)| (moved - exact).abs()).fold(0.0, f64::max);
            let most = exact.iter().map(|exact| exact.abs()).fold(0.0, f64::max);
            assert!(off < 0.03 && most > 0.1, "{k}, {persistent} chains: {moved:?} instead of {exact:?}");
        }
    }
}

#[test]
fn a_row_goes_up_and_down_once() {
    let (mut net, mut learner) = start_for(&Rbm::default(), Goal::Reconstruct);
    let Machine { w, b, a } = Machine::of(&mut net, learner.as_mut());
    let v = [0.2, 1.0, 0.0, 0.7, 0.4];
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let up = |j: usize| sigmoid(b[j] + (0..VISIBLE).map(|i| v[i] * w[i * HIDDEN + j]).sum::<f64>());
    let down = |i: usize| sigmoid(a[i] + (0..HIDDEN).map(|j| up(j) * w[i * HIDDEN + j]).sum::<f64>());
    let wanted: Vec<f64> = (0..VISIBLE).map(down).collect();
    let x = matrix(v.iter().map(|v| *v as f32).collect(), 1, VISIBLE);
    close("v′", &view(&learner.predict(&net, &x, RECONSTRUCTION)), &wanted, 1e-5);
}

/// Rows that are generated have the means of the model's own distribution, whatever the chains began with.
#[test]
fn generated_rows_are_the_models_own() {
    const ROWS: usize = 3000;
    let recipe = Rbm { draw_visible: true, ..Rbm::default() };
    let (mut net, mut learner) = start_for(&recipe, Goal::Reconstruct);
    let machine = Machine::of(&mut net, learner.as_mut());
    let made = learner.generated(&net, ROWS, &mut Rng::stream(3, Purpose::Probe, 9)).unwrap();
    assert_eq!(made.dims(), [ROWS, VISIBLE]);
    let whole: f64 = (0..1 << VISIBLE).map(|v| machine.weight(&bits(v, VISIBLE))).sum();
    for i in 0..VISIBLE {
        let states = (0..1 << VISIBLE).map(|v| bits(v, VISIBLE)).filter(|v| v[i] == 1.0);
        let exact = states.map(|v| machine.weight(&v)).sum::<f64>() / whole;
        let found =
            view(&made).iter().skip(i).step_by(VISIBLE).map(|v| f64::from(*v)).sum::<f64>() / ROWS as f64;
        assert!((found - exact).abs() < 0.03, "unit {i}: {found}, and the model has {exact}");
    }
}
