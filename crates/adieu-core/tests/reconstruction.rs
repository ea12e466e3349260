//! Without labels: what every learner that gives rows back must be, and which learners say that they cannot.
#![allow(clippy::unwrap_used)] // a test that cannot go on shall panic

mod common;

use adieu_core::Tensor;
use adieu_core::learn::{
    BackProp, Clock, Goal, Learner, LearnerFn, LearnerRecipe, NoClock, RECONSTRUCTION, Rbm, Split, Stage,
    Stages, StepCx, Task, Unsupervised,
};
use adieu_core::parts::Batch;
use adieu_core::parts::activation::Activation;
use adieu_core::parts::block::Net;
use adieu_core::parts::chance::{Purpose, Rng};
use adieu_core::parts::host::{matrix, matrix_from, view};
use adieu_core::parts::norm::Norm;
use adieu_core::parts::objective::SquaredError;
use adieu_core::parts::optimizer::{AdamW, Sgd};
use adieu_core::parts::param::Param;
use adieu_core::parts::schedule::Constant;
use common::{Blocks, FEATURES, dense, everything, flat, learners, task};

const EPOCHS: u64 = 12;
const STEPS_PER_EPOCH: u64 = 25;
const HIDDEN: [usize; 3] = [FEATURES, 24, 21];

fn bare(epochs: u64, seed: u64) -> Task {
    Task { classes: 0, goal: Goal::Reconstruct, ..task(60, epochs, seed) }
}

/// Images of three kinds, pixels from 0 to 1.
fn rows(count: usize, index: u64) -> Batch {
    let mut rng = Rng::stream(9, Purpose::Probe, index);
    let x = matrix_from(count, FEATURES, |r, c| {
        let bright = if c / 3 == r % 3 { 0.8 } else { 0.1 };
        (bright + 0.05 * rng.normal()).clamp(0.0, 1.0)
    });
    Batch { x, labels: vec![0; count], ids: (0..count as u32).collect() }
}

/// Those that reach the goal, with the settings that matter to it.
fn rebuilders() -> Vec<(String, LearnerRecipe)> {
    let able = |(_, recipe): &(String, LearnerRecipe)| {
        recipe.reaches(Goal::Reconstruct)
            && recipe.refusals(&flat(&HIDDEN[1..2]), &bare(EPOCHS, 1)).iter().all(|r| r.key == "skip_first")
    };
    let mut all: Vec<_> = learners().into_iter().filter(able).collect();
    let mut add = |name: &str, recipe: LearnerRecipe| all.push((name.to_string(), recipe));
    let stage = |epochs, learner| Stage { epochs, learner: Box::new(learner) };
    let stages = vec![stage(5, BackProp::default().into()), stage(0, Unsupervised::default().into())];
    add("stages, two", Stages { stages }.into());
    let machine = || -> Box<LearnerRecipe> { Box::new(Rbm::default().into()) };
    add("split, two machines", Split { at: 1, lower: Some(machine()), upper: machine() }.into());
    let above = BackProp { norm: Norm::None, optimizer: AdamW::default().into(), ..BackProp::default() };
    add(
        "split, bp on a machine",
        Split { at: 1, lower: Some(machine()), upper: Box::new(above.into()) }.into(),
    );
    add(
        "bp, no norm",
        BackProp { norm: Norm::None, optimizer: AdamW::default().into(), ..BackProp::default() }.into(),
    );
    let decoder = AdamW { rate: 0.01, ..AdamW::default() }.into();
    add("unsupervised, adam_w", Unsupervised { head_optimizer: decoder, ..Unsupervised::default() }.into());
    assert!(all.len() >= 12, "only {} learners give rows back", all.len());
    all
}

fn start(recipe: &LearnerRecipe, seed: u64) -> (Blocks, Box<dyn Learner>) {
    let task = bare(EPOCHS, seed);
    let sizes =
        if recipe.refusals(&flat(&HIDDEN[1..]), &task).is_empty() { &HIDDEN[..] } else { &HIDDEN[..2] };
    assert_eq!(recipe.refusals(&flat(&sizes[1..]), &task), []);
    let mut net = dense(sizes, Activation::Relu, seed);
    let learner = recipe.build(&mut net, &task);
    (net, learner)
}

fn train(net: &mut Net, learner: &mut dyn Learner, data: &Batch, steps: std::ops::Range<u64>) {
    for step in steps {
        learner.epoch(step / STEPS_PER_EPOCH + 1);
        let mut cx = StepCx { seed: 1, step: step + 1, clock: &mut NoClock };
        learner.step(net, data, &mut cx).expect("nothing diverges");
    }
}

fn error(net: &Net, learner: &dyn Learner, x: &Tensor) -> f64 {
    SquaredError.loss(&learner.predict(net, x, RECONSTRUCTION), x).0
}

/// As it is if every row is answered by the mean of `learnt`.
fn of_mean_row(learnt: &Tensor, x: &Tensor) -> f64 {
    let all = view(learnt);
    let mean = |c: usize| all.iter().skip(c).step_by(FEATURES).sum::<f32>() / learnt.dims()[0] as f32;
    SquaredError.loss(&matrix_from(x.dims()[0], FEATURES, |_, c| mean(c)), x).0
}

#[test]
fn rows_come_back_nearer_than_the_mean_row() {
    for (name, recipe) in rebuilders() {
        let (data, unseen) = (rows(60, 1), rows(60, 2));
        let (mut net, mut learner) = start(&recipe, 1);
        train(&mut net, learner.as_mut(), &data, 0..EPOCHS * STEPS_PER_EPOCH);
        assert_eq!(learner.readouts(), [RECONSTRUCTION], "{name}");
        let share = error(&net, learner.as_ref(), &unseen.x) / of_mean_row(&data.x, &unseen.x);
        assert!(share < 0.7, "{name}: {share} of the mean row's error");
    }
}

/// Nor do they say a word of classes.
#[test]
fn labels_do_not_reach_whoever_learns_without() {
    for (name, recipe) in rebuilders() {
        let run = |labels: Vec<u8>| {
            let (mut net, mut learner) = start(&recipe, 1);
            let data = Batch { labels, ..rows(60, 1) };
            train(&mut net, learner.as_mut(), &data, 0..10);
            let mut cx = StepCx { seed: 1, step: 11, clock: &mut NoClock };
            let said = learner.step(&mut net, &data, &mut cx).unwrap();
            assert!(
                said.iter().all(|scalar| scalar.name != "batch_error" && scalar.name != "head_loss"),
                "{name}"
            );
            everything(&mut net, learner.as_mut())
        };
        assert!(run(vec![0; 60]) == run((0..60).map(|row| row % 3).collect()), "{name}");
    }
}

#[test]
fn they_are_deterministic_and_do_not_care_for_threads() {
    for (name, recipe) in rebuilders() {
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let (mut net, mut learner) = start(&recipe, 1);
                train(&mut net, learner.as_mut(), &rows(60, 1), 0..30);
                let mut all = everything(&mut net, learner.as_mut());
                let mut chance = Rng::stream(1, Purpose::Probe, 2);
                let made = learner.generated(&net, 3, &mut chance).map(|rows| view(&rows).to_vec());
                all.push(("generated".into(), made.unwrap_or_default()));
                all
            })
        };
        let once = run(1);
        assert!(once == run(1) && once == run(2) && once == run(3), "{name}");
    }
}

#[test]
fn they_resume_bit_for_bit() {
    for (name, recipe) in rebuilders() {
        let data = rows(60, 1);
        let (mut net, mut learner) = start(&recipe, 1);
        train(&mut net, learner.as_mut(), &data, 0..60);
        let whole = everything(&mut net, learner.as_mut());
        let (mut net, mut learner) = start(&recipe, 1);
        train(&mut net, learner.as_mut(), &data, 0..37);
        let mut saved = everything(&mut net, learner.as_mut()).into_iter();
        let (mut net, mut learner) = start(&recipe, 2);
        let mut load = |param: &mut Param| {
            let (path, values) = saved.next().expect("as many");
            assert_eq!(path, param.path(), "{name}");
            param.load_rows(&values);
        };
        net.iter_mut().for_each(|block| block.params(&mut load));
        learner.params(&mut load);
        train(&mut net, learner.as_mut(), &data, 37..60);
        let resumed = everything(&mut net, learner.as_mut());
        assert!(whole == resumed, "{name}");
        let mut paths: Vec<&String> = resumed.iter().map(|(path, _)| path).collect();
        paths.sort();
        paths.dedup();
        assert_eq!(paths.len(), resumed.len(), "{name}: names");
    }
}

#[test]
fn they_answer_purely_and_row_by_row() {
    for (name, recipe) in rebuilders() {
        let (data, (mut net, mut learner)) = (rows(60, 1), start(&recipe, 1));
        train(&mut net, learner.as_mut(), &data, 0..20);
        let before = everything(&mut net, learner.as_mut());
        let all = learner.predict(&net, &data.x, RECONSTRUCTION);
        assert_eq!(all.dims(), [60, FEATURES], "{name}");
        let one = learner.predict(&net, &data.x.clone().slice([7..8, 0..FEATURES]), RECONSTRUCTION);
        assert_eq!(view(&all)[7 * FEATURES..8 * FEATURES], view(&one)[..], "{name}");
        assert_eq!(view(&all)[..], view(&learner.predict(&net, &data.x, RECONSTRUCTION))[..], "{name}");
        assert!(before == everything(&mut net, learner.as_mut()), "{name}");
    }
}

#[test]
fn they_say_where_they_diverged() {
    for (name, recipe) in rebuilders() {
        for poison in [f32::NAN, f32::INFINITY] {
            let (mut data, (mut net, mut learner)) = (rows(60, 1), start(&recipe, 1));
            let mut values = view(&data.x).to_vec();
            values[5] = poison;
            data.x = matrix(values, 60, FEATURES);
            let mut cx = StepCx { seed: 1, step: 1, clock: &mut NoClock };
            assert!(learner.step(&mut net, &data, &mut cx).is_err(), "{name} swallowed {poison} in its data");
        }
    }
}

#[test]
fn whoever_needs_labels_refuses_and_says_what_to_do() {
    let (shapes, task) = (flat(&HIDDEN[1..]), bare(EPOCHS, 1));
    let needs =
        ["forward_forward", "recurrent", "deeper_forward", "local_heads", "cw_comp", "split", "mixed"];
    for recipe in LearnerRecipe::all().iter().filter(|recipe| needs.contains(&recipe.name())) {
        let refused = recipe.refusals(&shapes, &task);
        let [refusal] = &refused[..] else { panic!("{}: {refused:?}", recipe.name()) };
        assert_eq!(refusal.key, "kind");
        assert_eq!(refusal.what, format!("`{}` cannot give rows back", recipe.name()));
        assert!(refusal.remedy.contains("data.labels"), "{refusal:?}");
    }
    let needy = Stage { epochs: 0, learner: Box::new(Split::default().into()) };
    let able = Stage { epochs: 1, learner: Box::new(BackProp::default().into()) };
    let mixed = LearnerRecipe::from(Stages { stages: vec![able, needy] });
    assert_eq!(mixed.refusals(&shapes, &task)[0].key, "kind");
    let smoothing = LearnerRecipe::from(BackProp { label_smoothing: 0.1, ..BackProp::default() });
    assert_eq!(smoothing.refusals(&shapes, &task)[0].key, "label_smoothing");
    let rbm = LearnerRecipe::from(Rbm { labels: false, head: false, ..Rbm::default() });
    assert_eq!(rbm.refusals(&shapes[..1], &task), [], "labels and heads play no part");
}

/// What a step of plain gradient descent moves, over the rate: minus the gradient.
fn moved(net: &mut Blocks, learner: &mut dyn Learner, data: &Batch, rate: f32) -> Vec<(String, Vec<f32>)> {
    let before = everything(net, learner);
    learner.epoch(1);
    learner.step(net, data, &mut StepCx { seed: 1, step: 1, clock: &mut NoClock }).unwrap();
    let after = everything(net, learner);
    let pairs = before.into_iter().zip(after);
    pairs
        .map(|((path, before), (_, after))| {
            (path, before.iter().zip(&after).map(|(b, a)| (a - b) / rate).collect())
        })
        .collect()
}

/// Adds `by` times the vectors to the parameters of these names.
fn shift(net: &mut Blocks, learner: &mut dyn Learner, along: &[(String, Vec<f32>)], by: f32) {
    let mut add = |param: &mut Param| {
        if let Some((_, v)) = along.iter().find(|(path, _)| path == param.path()) {
            let values: Vec<f32> = param.to_rows().iter().zip(v).map(|(p, v)| p + by * v).collect();
            param.load_rows(&values);
        }
    };
    net.iter_mut().for_each(|block| block.params(&mut add));
    learner.params(&mut add);
}

/// ⟨∇L, v⟩ against (L(p + εv) − L(p − εv)) / 2ε, over all weights that begin with one of `names`; `scale` is what the step
/// multiplies the gradient of the mean squared error by.
fn check_gradient(
    recipe: &LearnerRecipe,
    names: &[&str],
    scale: impl Fn(&Net, &dyn Learner, &Tensor) -> f64,
) {
    const RATE: f32 = 1e-2;
    let data = rows(40, 3);
    let begin = || {
        let mut net = dense(&[FEATURES, 12, 10], Activation::Tanh, 4);
        let mut learner = recipe.build(&mut net, &bare(1, 4));
        // a decoder that begins at zero has a slope that is easy to get right
        let mut rng = Rng::stream(4, Purpose::Probe, 7);
        let mut stir = |param: &mut Param| {
            if param.path().starts_with("head.") && param.path().ends_with("weight") {
                let values: Vec<f32> = (0..param.count()).map(|_| 0.1 * rng.normal()).collect();
                param.load_rows(&values);
            }
        };
        learner.params(&mut stir);
        (net, learner)
    };
    let (mut net, mut learner) = begin();
    let scale = scale(&net, learner.as_ref(), &data.x);
    let slope = moved(&mut net, learner.as_mut(), &data, RATE);
    let learnt: Vec<&(String, Vec<f32>)> = slope
        .iter()
        .filter(|(path, _)| names.iter().any(|name| path.starts_with(name)))
        .filter(|(path, _)| path.ends_with("weight") || path.ends_with("bias"))
        .collect();
    assert!(learnt.iter().map(|(_, v)| v.len()).sum::<usize>() > 90, "{names:?}");
    for seed in 0..4 {
        let mut rng = Rng::stream(seed, Purpose::Probe, 8);
        let v: Vec<(String, Vec<f32>)> =
            learnt.iter().map(|(path, g)| (path.clone(), g.iter().map(|_| rng.normal()).collect())).collect();
        let told: f64 = learnt
            .iter()
            .zip(&v)
            .flat_map(|((_, g), (_, v))| g.iter().zip(v).map(|(g, v)| -f64::from(*g) * f64::from(*v)))
            .sum();
        let at = |by: f32| {
            let (mut net, mut learner) = begin();
            shift(&mut net, learner.as_mut(), &v, by);
            error(&net, learner.as_ref(), &data.x)
        };
        let seen = scale * (at(1e-3) - at(-1e-3)) / 2e-3;
        let size = learnt.iter().flat_map(|(_, g)| g).map(|g| f64::from(*g).powi(2)).sum::<f64>().sqrt();
        assert!(
            (told - seen).abs() < 2e-2 * (seen.abs() + 0.1 * size),
            "{names:?}: {told} told, {seen} seen"
        );
    }
}

#[test]
fn an_autoencoder_follows_the_gradient_of_its_squared_error() {
    let optimizer = Sgd { rate: 1e-2, momentum: 0.0, decay: 0.0 };
    for (norm, recompute_every, micro_batch) in
        [(Norm::None, 0, 0), (Norm::Rms, 0, 0), (Norm::None, 1, 0), (Norm::Rms, 0, 11)]
    {
        let recipe = BackProp {
            norm,
            recompute_every,
            micro_batch,
            optimizer: optimizer.clone().into(),
            schedule: Constant {}.into(),
            ..BackProp::default()
        };
        check_gradient(&recipe.into(), &["0.", "1.", "output."], |_, _, _| 1.0);
    }
}

#[test]
fn a_decoder_follows_its_gradient_over_what_it_reads() {
    let recipe = Unsupervised {
        fixed_hidden: true,
        skip_first: false,
        head_optimizer: Sgd { rate: 1e-2, momentum: 0.0, decay: 0.0 }.into(),
        schedule: Constant {}.into(),
        ..Unsupervised::default()
    };
    // ∂L/∂x̂ = (x̂ − x) / (B m) in place of 2 (x̂ − x) / (B n)
    let scale = |net: &Net, learner: &dyn Learner, x: &Tensor| {
        let squares = |blocks: usize| -> f64 {
            let h = learner.above(&net[..blocks], x);
            view(&h).iter().map(|h| f64::from(*h).powi(2)).sum()
        };
        let m = 1.0 + (1..=net.len()).map(squares).sum::<f64>() / x.dims()[0] as f64;
        FEATURES as f64 / (2.0 * m)
    };
    check_gradient(&recipe.into(), &["head."], scale);
}

#[test]
fn credit_for_rows_is_kept_and_counted() {
    #[derive(Default)]
    struct Most(u64, u64);
    impl Clock for Most {
        fn press(&mut self, _: adieu_core::learn::Phase, _: usize) {}
        fn held(&mut self, bytes: u64) {
            self.0 = self.0.max(bytes);
        }
        fn work(&mut self, macs: u64) {
            self.1 += macs;
        }
    }
    let mut net = dense(&HIDDEN, Activation::Relu, 1);
    let mut learner = BackProp::default().build(&mut net, &bare(EPOCHS, 1));
    let mut most = Most::default();
    learner.step(&mut net, &rows(60, 1), &mut StepCx { seed: 1, step: 1, clock: &mut most }).unwrap();
    let layers = [(9, 24), (24, 21), (21, 9)];
    let forward: u64 = layers.iter().map(|(n, m)| 60 * n * m).sum();
    // up, weight gradients, and errors down but for the data's
    assert_eq!(most.1, 2 * forward + forward - 60 * 9 * 24);
    assert!(most.0 > 60 * (9 + 24 + 21) * 4, "{} bytes held", most.0);
    let parts = learner.parts();
    assert_eq!((parts[0].1, parts[0].2), (9, 21 * 9 + 9));
}
