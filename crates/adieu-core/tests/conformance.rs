//! Conformance: what every registered learner must be, whatever it is. Registering is submitting to this.
#![allow(clippy::unwrap_used)] // a test that cannot go on shall panic

mod common;

use adieu_core::learn::{
    Ask, BackProp, Clock, DeeperForward, Direction, ForwardForward, Learner, LearnerFn, LearnerRecipe,
    NoClock, Phase, SelfContrastive, Split, Stage, Stages, StepCx, outlines,
};
use adieu_core::parts::Batch;
use adieu_core::parts::activation::Activation;
use adieu_core::parts::affine::Affine;
use adieu_core::parts::batch_norm::BatchNorm;
use adieu_core::parts::block::{Block, Net, Saved};
use adieu_core::parts::chance::{Purpose, Rng};
use adieu_core::parts::composed::Composed;
use adieu_core::parts::convolution::{Convolution, Window};
use adieu_core::parts::dense::Dense;
use adieu_core::parts::dropout::Dropout;
use adieu_core::parts::goodness::Goodness;
use adieu_core::parts::host::{matrix, view, zip};
use adieu_core::parts::label_channel::LabelChannel;
use adieu_core::parts::local::Local;
use adieu_core::parts::normalise::{Normalise, Over};
use adieu_core::parts::optimizer::AdamW;
use adieu_core::parts::pool::{Of, Pool};
use adieu_core::parts::precision::Precision;
use adieu_core::parts::shape::Shape;
use adieu_core::parts::stack::Stack;
use adieu_core::parts::triangle::Triangle;
use common::{Blocks, CLASSES, FEATURES, blobs, dense, everything, flat, learners, noise, task};

const EPOCHS: u64 = 12;
const STEPS_PER_EPOCH: u64 = 25;
const HIDDEN: [usize; 3] = [FEATURES, 24, 21];

/// Every layer, or the first one for learners that take no more.
fn start(recipe: &LearnerRecipe, seed: u64) -> (Blocks, Box<dyn Learner>) {
    let task = task(60, EPOCHS, seed);
    let sizes = if recipe.refuse(&flat(&HIDDEN[1..]), &task).is_empty() { &HIDDEN[..] } else { &HIDDEN[..2] };
    assert_eq!(recipe.refuse(&flat(&sizes[1..]), &task), []);
    let mut net = dense(sizes, Activation::Relu, seed);
    let learner = recipe.build(&mut net, &task);
    (net, learner)
}

fn train(
    net: &mut Net,
    learner: &mut dyn Learner,
    data: &Batch,
    steps: std::ops::Range<u64>,
    clock: &mut dyn Clock,
) {
    for step in steps {
        learner.epoch(step / STEPS_PER_EPOCH + 1);
        let mut cx = StepCx { seed: 1, step: step + 1, clock: &mut *clock };
        learner.step(net, data, &mut cx).expect("nothing diverges");
    }
}

fn error(net: &Net, learner: &dyn Learner, data: &Batch, readout: &str) -> f64 {
    let scores = learner.predict(net, &data.x, readout);
    assert_eq!(scores.dims(), [data.labels.len(), CLASSES]);
    let scores = view(&scores);
    let rows = scores.chunks_exact(CLASSES).zip(&data.labels);
    let wrong = rows.filter(|(row, label)| row.iter().any(|s| *s > row[usize::from(**label)])).count();
    wrong as f64 / data.labels.len() as f64
}

#[test]
fn every_learner_learns_by_every_readout() {
    for (name, recipe) in learners() {
        let (data, unseen) = (blobs(60, 1), blobs(60, 2));
        let (mut net, mut learner) = start(&recipe, 1);
        train(&mut net, learner.as_mut(), &data, 0..EPOCHS * STEPS_PER_EPOCH, &mut NoClock);
        for readout in learner.readouts() {
            let error = error(&net, learner.as_ref(), &unseen, readout);
            assert!(error <= 0.1, "{name} by {readout}: error {error}");
        }
    }
}

#[test]
fn every_goodness_learns_with_low_goodness_for_real_rows_too() {
    for goodness in Goodness::all() {
        let optimizer = AdamW { rate: 0.01, ..AdamW::default() }.into();
        let direction = Direction::Minimise;
        let recipe =
            ForwardForward { goodness, direction, calibrate: true, optimizer, ..ForwardForward::default() };
        let (mut net, mut learner) = start(&recipe.clone().into(), 1);
        train(&mut net, learner.as_mut(), &blobs(60, 1), 0..EPOCHS * STEPS_PER_EPOCH, &mut NoClock);
        let error = error(&net, learner.as_ref(), &blobs(60, 2), "goodness");
        assert!(error <= 0.1, "{:?}: error {error}", recipe.goodness);
    }
}

/// Leaving zero inputs out changes no bit of what any learner learns.
#[test]
fn zeros_that_are_left_out_are_not_missed() {
    for (name, recipe) in learners() {
        let run = |skip: bool| {
            let mut net: Blocks = dense(&HIDDEN, Activation::Relu, 1);
            for (l, block) in net.iter_mut().enumerate() {
                let mut chance = Rng::stream(1, Purpose::Init, l as u64);
                let layer =
                    Dense::new(&l.to_string(), HIDDEN[l], HIDDEN[l + 1], Activation::Relu, &mut chance);
                *block = Box::new(layer.skipping_zeros(skip));
            }
            let mut learner = recipe.build(&mut net, &task(60, EPOCHS, 1));
            // Two thirds of the features are zero: the first layer's products leave them out.
            let mut data = blobs(60, 1);
            data.x = zip(&data.x, &noise(60, FEATURES, 4), |x, r| if r > 0.5 { x } else { 0.0 });
            train(&mut net, learner.as_mut(), &data, 0..50, &mut NoClock);
            everything(&mut net, learner.as_mut())
        };
        assert!(run(true) == run(false), "{name}");
    }
}

/// A network composed of Burn's operations learns what the kernels learn.
#[test]
fn dense_by_kernels_and_dense_by_burn_are_one() {
    for (name, recipe) in learners() {
        for activation in Activation::ALL {
            let mut ends = [false, true].map(|composed| {
                let mut net: Blocks = dense(&HIDDEN, activation, 1);
                if composed {
                    net = (0..2)
                        .map(|l| {
                            let mut chance = Rng::stream(1, Purpose::Init, l as u64);
                            let (path, device) = (l.to_string(), burn::tensor::Device::flex());
                            let sizes = (HIDDEN[l], HIDDEN[l + 1]);
                            let layer =
                                Composed::new(&path, sizes.0, sizes.1, activation, device, &mut chance);
                            Box::new(layer) as Box<dyn Block>
                        })
                        .collect();
                }
                let mut learner = recipe.build(&mut net, &task(60, EPOCHS, 1));
                train(&mut net, learner.as_mut(), &blobs(60, 1), 0..5, &mut NoClock);
                everything(&mut net, learner.as_mut())
            });
            let (composed, kernels) = (ends[1].split_off(0), ends[0].split_off(0));
            for ((path, composed), (_, kernels)) in composed.iter().zip(&kernels) {
                let kernels: Vec<f64> = kernels.iter().map(|v| f64::from(*v)).collect();
                common::close(&format!("{name}, {activation:?}, {path}"), composed, &kernels, 2e-4);
            }
        }
    }
}

/// Where the processor has bf16; elsewhere there is nothing to test, and it says so.
#[test]
#[allow(clippy::print_stderr)]
fn every_learner_learns_in_bf16_and_does_not_care_for_threads() {
    if !Precision::Bf16.is_available() {
        return eprintln!("skipped: this processor has no bf16");
    }
    for (name, recipe) in learners() {
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let mut net: Blocks = dense(&HIDDEN, Activation::Relu, 1);
                for (l, (block, sizes)) in net.iter_mut().zip(HIDDEN.windows(2)).enumerate() {
                    let mut chance = Rng::stream(1, Purpose::Init, l as u64);
                    let layer = Dense::new(&l.to_string(), sizes[0], sizes[1], Activation::Relu, &mut chance);
                    *block = Box::new(layer.in_precision(Precision::Bf16));
                }
                let mut learner = recipe.build(&mut net, &task(60, EPOCHS, 1));
                train(&mut net, learner.as_mut(), &blobs(60, 1), 0..EPOCHS * STEPS_PER_EPOCH, &mut NoClock);
                for readout in learner.readouts() {
                    let error = error(&net, learner.as_ref(), &blobs(60, 2), readout);
                    assert!(error <= 0.1, "{name} by {readout}: error {error}");
                }
                everything(&mut net, learner.as_mut())
            })
        };
        assert!(run(1) == run(2), "{name}");
    }
}

#[test]
fn every_learner_is_deterministic_and_does_not_care_for_threads() {
    for (name, recipe) in learners() {
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let (mut net, mut learner) = start(&recipe, 1);
                train(&mut net, learner.as_mut(), &blobs(60, 1), 0..30, &mut NoClock);
                everything(&mut net, learner.as_mut())
            })
        };
        let once = run(1);
        assert!(once == run(1) && once == run(2) && once == run(3), "{name}");
    }
}

#[test]
fn every_learner_resumes_bit_for_bit() {
    for (name, recipe) in learners() {
        let data = blobs(60, 1);
        let (mut net, mut learner) = start(&recipe, 1);
        train(&mut net, learner.as_mut(), &data, 0..60, &mut NoClock);
        let whole = everything(&mut net, learner.as_mut());

        let (mut net, mut learner) = start(&recipe, 1);
        train(&mut net, learner.as_mut(), &data, 0..37, &mut NoClock);
        let checkpoint = everything(&mut net, learner.as_mut());
        // Another seed: everything that matters must come from the checkpoint.
        let (mut net, mut learner) = start(&recipe, 2);
        let mut saved = checkpoint.into_iter();
        let mut load = |param: &mut adieu_core::parts::param::Param| {
            let (path, values) = saved.next().expect("as many");
            assert_eq!(path, param.path(), "{name}");
            param.load_rows(&values);
        };
        net.iter_mut().for_each(|block| block.params(&mut load));
        learner.params(&mut load);
        train(&mut net, learner.as_mut(), &data, 37..60, &mut NoClock);
        assert!(whole == everything(&mut net, learner.as_mut()), "{name}");
    }
}

#[test]
fn every_learner_predicts_purely_and_row_by_row() {
    for (name, recipe) in learners() {
        let (data, (mut net, mut learner)) = (blobs(60, 1), start(&recipe, 1));
        train(&mut net, learner.as_mut(), &data, 0..20, &mut NoClock);
        let before = everything(&mut net, learner.as_mut());
        for readout in learner.readouts() {
            let all = learner.predict(&net, &data.x, readout);
            let one = learner.predict(&net, &data.x.clone().slice([7..8, 0..FEATURES]), readout);
            assert_eq!(view(&all)[7 * CLASSES..8 * CLASSES], view(&one)[..], "{name} by {readout}");
            assert_eq!(
                view(&all)[..],
                view(&learner.predict(&net, &data.x, readout))[..],
                "{name} by {readout}"
            );
        }
        assert!(before == everything(&mut net, learner.as_mut()), "{name}");
    }
}

#[test]
fn every_parameter_has_a_name_of_its_own() {
    for (name, recipe) in learners() {
        let (mut net, mut learner) = start(&recipe, 1);
        let mut paths: Vec<String> =
            everything(&mut net, learner.as_mut()).into_iter().map(|(path, _)| path).collect();
        let count = paths.len();
        paths.sort();
        paths.dedup();
        assert_eq!(paths.len(), count, "{name}: {paths:?}");
    }
}

#[test]
fn every_learner_says_where_it_diverged() {
    for (name, recipe) in learners() {
        for poison in [f32::NAN, f32::INFINITY] {
            let (mut data, (mut net, mut learner)) = (blobs(60, 1), start(&recipe, 1));
            let mut values = view(&data.x).to_vec();
            values[5] = poison;
            data.x = matrix(values, 60, FEATURES);
            let mut cx = StepCx { seed: 1, step: 1, clock: &mut NoClock };
            assert!(learner.step(&mut net, &data, &mut cx).is_err(), "{name} swallowed {poison} in its data");

            let (data, (mut net, mut learner)) = (blobs(60, 1), start(&recipe, 1));
            net[0].params(&mut |param| param.values_mut().fill(poison));
            let mut cx = StepCx { seed: 1, step: 1, clock: &mut NoClock };
            let found = learner.step(&mut net, &data, &mut cx).expect_err(&name);
            // a window is judged at its end
            let last = usize::from(name.contains("windows of two") || name.starts_with("trifecta"));
            assert!(found.layer.is_none_or(|layer| layer <= last), "{name}: {found}");
        }
    }
}

/// A block that begins with what learns nothing gives its error no further: local learning pays for two products, not
/// for three.
#[test]
fn below_what_learns_no_error_is_worked_out() {
    let input = Shape::Pixels { h: 4, w: 4, c: 3 };
    let window = Window { kernel: 3, stride: 1, padding: 1 };
    let mut chance = Rng::stream(1, Purpose::Init, 0);
    let convolution = Convolution::new("0.1", input, 6, window, Activation::Relu, &mut chance).unwrap();
    let product = convolution.cost(60).forward_macs;
    let norm: Box<dyn Block> = Box::new(Normalise::new(input, Over::Groups(3)).unwrap());
    let mut net: Blocks = vec![Box::new(Stack::new(vec![norm, Box::new(convolution)]))];
    let cost = net[0].cost(60);
    assert_eq!((cost.forward_macs, cost.weight_macs, cost.input_macs), (product, product, product));
    let task = adieu_core::learn::Task { input, ..task(60, EPOCHS, 1) };
    let recipe = LearnerRecipe::from(DeeperForward { first: 0, ..DeeperForward::default() });
    assert_eq!(recipe.refuse(&adieu_core::learn::outlines(&net, input), &task), []);
    let mut learner = recipe.build(&mut net, &task);
    let (mut witness, mut data) = (Witness::default(), blobs(60, 1));
    data.x = noise(60, 48, 1);
    train(&mut net, learner.as_mut(), &data, 0..1, &mut witness);
    // forward and weight gradient, and three times what the scores read
    assert_eq!(witness.macs, 2 * product + 3 * 60 * 16 * 6);
}

#[test]
fn a_split_leaves_blocks_to_whoever_needs_some() {
    let (blocks, task) = (flat(&HIDDEN[1..]), task(60, EPOCHS, 1));
    for upper in LearnerRecipe::all() {
        let (name, alone) = (upper.name(), upper.takes_no_block());
        let split = |at| Split { at, lower: None, upper: Box::new(upper.clone()) };
        let refused = split(2).refuse(&blocks, &task);
        assert_eq!(refused.is_empty(), alone, "{name}: {refused:?}");
        assert!(split(3).refuse(&blocks, &task)[0].key == "at", "{name}");
    }
}

#[test]
fn learners_of_learners_ask_for_what_theirs_ask() {
    let inner = || Box::new(LearnerRecipe::from(SelfContrastive::default()));
    let stage = |learner| Stage { epochs: 6, learner };
    let asking: [LearnerRecipe; 3] = [
        Split { at: 1, lower: Some(inner()), ..Split::default() }.into(),
        Split { at: 1, lower: None, upper: inner() }.into(),
        Stages { stages: vec![stage(Box::new(BackProp::default().into())), stage(inner())] }.into(),
    ];
    for recipe in asking {
        let asks = [recipe.asks(0), recipe.asks(1)];
        assert!(asks.concat().iter().all(|ask| *ask == Ask::Product) && asks != [[], []], "{recipe:?}");
        if let LearnerRecipe::Split(split) = &recipe {
            // nothing of the other part's blocks
            assert_eq!(
                [asks[0].is_empty(), asks[1].is_empty()],
                [split.lower.is_none(), split.lower.is_some()]
            );
        }
    }
    assert!(LearnerRecipe::from(Split::default()).asks(0).is_empty());
}

/// What a learner hands to whoever learns above it, from none of its blocks to all, is a function of the row, and of its
/// direction alone where the learner normalises rows first.
#[test]
fn every_learner_hands_up_what_its_own_layers_see() {
    let by_direction = ["back_prop", "unsupervised", "recurrent"];
    for (name, recipe) in learners() {
        let (data, (mut net, mut learner)) = (blobs(60, 1), start(&recipe, 1));
        train(&mut net, learner.as_mut(), &data, 0..20, &mut NoClock);
        for some in 0..=net.len() {
            let above = |x: &adieu_core::Tensor| view(&learner.above(&net[..some], x)).to_vec();
            let all = above(&data.x);
            let width = all.len() / 60;
            let one = above(&data.x.clone().slice([7..8, 0..FEATURES]));
            assert!(all[7 * width..8 * width] == one[..], "{name}: row by row, {some} blocks");
            let is_input = some > 0 || name.starts_with("rbm") || width == FEATURES;
            assert!(is_input, "{name}: {width} numbers before the first block");
            if by_direction.contains(&name.as_str()) {
                let wanted: Vec<f64> = all.iter().map(|v| f64::from(*v)).collect();
                common::close(
                    &format!("{name}, {some} blocks"),
                    &above(&(data.x.clone() * 4.0)),
                    &wanted,
                    1e-5,
                );
            }
        }
    }
}

/// A block of nothing but dropout stands anywhere but before learners that take layers apart.
#[test]
fn every_learner_takes_a_block_of_dropout() {
    let mut taken = 0;
    for (name, recipe) in learners() {
        let task = task(60, EPOCHS, 1);
        let mut net = dense(&HIDDEN, Activation::Relu, 1);
        net.insert(0, Box::new(Dropout { p: 0.1, features: FEATURES }));
        net.insert(2, Box::new(Dropout { p: 0.1, features: 24 }));
        let blocks = outlines(&net, task.input); // dropout leaves an image an image
        if (0..4).any(|block| recipe.asks(block).contains(&Ask::Layer))
            || !recipe.refuse(&blocks, &task).is_empty()
        {
            continue;
        }
        taken += 1;
        let mut learner = recipe.build(&mut net, &task);
        let data = blobs(60, 1);
        train(&mut net, learner.as_mut(), &data, 0..5, &mut NoClock);
        for readout in learner.readouts() {
            let scores = learner.predict(&net, &data.x, readout);
            assert!(view(&scores).iter().all(|score| score.is_finite()), "{name} by {readout}");
        }
    }
    assert!(taken > 40, "only {taken} took it");
}

/// Remembers the most bytes held at once, and whether phases were told.
#[derive(Default)]
struct Witness {
    held: u64,
    macs: u64,
    phases: std::collections::BTreeSet<Phase>,
}

impl Clock for Witness {
    fn press(&mut self, phase: Phase, _: usize) {
        self.phases.insert(phase);
    }
    fn held(&mut self, bytes: u64) {
        self.held = self.held.max(bytes);
    }
    fn work(&mut self, macs: u64) {
        self.macs += macs;
    }
}

#[test]
fn forward_forward_holds_one_layer_and_back_propagation_all() {
    let witness = |recipe: &LearnerRecipe| {
        let (mut net, mut learner) = start(recipe, 1);
        let mut witness = Witness::default();
        train(&mut net, learner.as_mut(), &blobs(60, 1), 0..1, &mut witness);
        witness
    };
    let plain = ForwardForward { skip_satisfied: false, share_image: false, ..ForwardForward::default() };
    let sharing = ForwardForward { share_image: true, ..plain.clone() };
    let (ff, sharing) = (witness(&plain.into()), witness(&sharing.into()));
    let bp = witness(&BackProp::default().into());
    // FF: positive and negative rows stacked; the widest layer's input, its scales and its output.
    assert_eq!(ff.held, 120 * (24 + 1 + 21) * 4);
    // BP: the input with its scales, and every activity once.
    assert_eq!(bp.held, 60 * (9 + 1 + 24 + 21) * 4);
    let (first, second, output) = (9 * 24, 24 * 21, 21 * 3);
    // FF: a neutral pass with its head, forward and weight gradient of twice the rows, and the peers' push, which
    // is one row more.
    assert_eq!(ff.macs, 60 * ((first + second) + 2 * output + 4 * (first + second)) + first + second);
    // The image once instead of three times, and the three codes of three numbers.
    assert_eq!(sharing.macs, ff.macs - 60 * (2 * first - 3 * 3 * 24));
    // BP: forward, weight gradients, and input gradients of all but the first.
    assert_eq!(bp.macs, 60 * (2 * (first + second + output) + second + output));
    use Phase::*;
    assert_eq!(ff.phases.into_iter().collect::<Vec<_>>(), [Negatives, Forward, Credit, Update, Readout]);
    assert_eq!(bp.phases.into_iter().collect::<Vec<_>>(), [Forward, Credit, Update]);
}

/// Fifty steps of FF with and without its exact savings, from one start.
#[test]
fn savings_change_nothing_that_is_learned() {
    let run = |skip_satisfied, share_image| {
        let recipe = ForwardForward { skip_satisfied, share_image, ..ForwardForward::default() };
        let (mut net, mut learner) = start(&recipe.into(), 1);
        train(&mut net, learner.as_mut(), &blobs(60, 1), 0..50, &mut NoClock);
        everything(&mut net, learner.as_mut())
    };
    let plain = run(false, false);
    assert!(run(true, false) == plain, "rows that teach nothing are left out to the bit");
    for ((name, shared), (_, plain)) in run(true, true).iter().zip(&plain) {
        let plain: Vec<f64> = plain.iter().map(|v| f64::from(*v)).collect();
        common::close(name, shared, &plain, 1e-4);
    }
}

/// Every learner that says its steps may overlap learns the same from them, one after another or side by side.
#[test]
fn overlapping_steps_learn_the_same_to_the_bit() {
    let mut checked = 0;
    for (name, recipe) in learners() {
        let once = |threads: usize, together: bool| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let (mut net, mut learner) = start(&recipe, 1);
                let batches: Vec<u64> = (0..40).collect();
                if !together {
                    let mut said = Vec::new();
                    for at in &batches {
                        let mut cx = StepCx { seed: 1, step: at + 1, clock: &mut NoClock };
                        said.push(learner.step(&mut net, &blobs(60, *at), &mut cx).unwrap());
                    }
                    return (everything(&mut net, learner.as_mut()), said, learner.overlaps());
                }
                let mut next = batches.into_iter();
                let mut cx = StepCx { seed: 1, step: 1, clock: &mut NoClock };
                let said =
                    learner.overlap(&mut net, &mut || next.next().map(|at| blobs(60, at)), &mut cx).unwrap();
                assert_eq!(cx.step, 41, "{name}");
                (everything(&mut net, learner.as_mut()), said, learner.overlaps())
            })
        };
        let (alone, mut said, overlaps) = once(1, false);
        checked += usize::from(overlaps);
        said.iter_mut().for_each(|said| said.sort_by_key(|scalar| (scalar.name, scalar.layer)));
        for threads in [1, 2, 3] {
            let (side_by_side, mut also_said, _) = once(threads, true);
            assert!(alone == side_by_side, "{name} on {threads} threads");
            also_said.iter_mut().for_each(|said| said.sort_by_key(|scalar| (scalar.name, scalar.layer)));
            assert_eq!(also_said, said, "{name} on {threads} threads");
        }
    }
    assert!(checked >= 2, "only {checked} learners overlap");
}

#[test]
fn divergence_among_overlapping_steps_comes_out_and_leaves_nobody_waiting() {
    let (_, recipe) = learners().into_iter().find(|(name, _)| name.contains("side by side")).unwrap();
    for poisoned in [0, 3, 19] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
        pool.install(|| {
            let (mut net, mut learner) = start(&recipe, 1);
            let mut next = 0..20;
            let mut feed = || {
                let at = next.next()?;
                let mut batch = blobs(60, at);
                if at == poisoned {
                    batch.x = batch.x * f32::NAN;
                }
                Some(batch)
            };
            let mut cx = StepCx { seed: 1, step: 1, clock: &mut NoClock };
            assert!(learner.overlap(&mut net, &mut feed, &mut cx).is_err());
        });
    }
}

#[test]
fn every_block_holds_what_it_declares() {
    let mut rng = Rng::stream(1, Purpose::Init, 0);
    let mut blocks: Blocks = Vec::new();
    for activation in Activation::ALL {
        blocks.push(Box::new(Dense::new("0", 9, 7, activation, &mut rng)));
        for above in Activation::ALL {
            blocks.push(Box::new(Stack::new(vec![
                Box::new(Dense::new("0.0", 9, 7, activation, &mut rng)),
                Box::new(Dropout { p: 0.5, features: 7 }),
                Box::new(Dense::new("0.1", 7, 5, above, &mut rng)),
                Box::new(Dense::new("0.2", 5, 6, activation, &mut rng)),
            ])));
        }
    }
    for input in [Shape::Image { c: 1, h: 3, w: 3 }, Shape::Image { c: 9, h: 1, w: 1 }] {
        blocks.push(Box::new(LabelChannel::new(input).unwrap()));
        for activation in Activation::ALL {
            let window = Window { kernel: 2, stride: 2, padding: 1 };
            let block = Convolution::new("0", input, 5, window, activation, &mut rng).unwrap();
            assert_eq!(
                block.shape_out(input).unwrap().features() * 11 * 4,
                block.cost(11).output_bytes as usize
            );
            blocks.push(Box::new(block));
            if let Shape::Image { c: 9, .. } = input {
                let grouped = Convolution::grouped("0", input, (6, 3), window, activation, &mut rng).unwrap();
                blocks.push(Box::new(grouped));
            }
            let window = Window { kernel: 2, stride: 1, padding: 1 };
            blocks.push(Box::new(Local::new("0", input, 5, window, activation, &mut rng).unwrap()));
        }
    }
    for input in [Shape::Pixels { h: 3, w: 1, c: 3 }, Shape::Tokens { t: 3, d: 3 }, Shape::Flat(9)] {
        for over in [Over::Layer, Over::Rms, Over::Groups(3)] {
            blocks.push(Box::new(Normalise::new(input, over).unwrap()));
        }
        blocks.push(Box::new(BatchNorm::new("0", input).unwrap()));
        blocks.push(Box::new(Affine::new("0", input).unwrap()));
        blocks.push(Box::new(Triangle::new(input, 1.4).unwrap()));
        for of in [Of::Largest, Of::Mean] {
            blocks.extend(Pool::global(input, of).ok().map(|pool| Box::new(pool) as Box<dyn Block>));
        }
        let norm: Box<dyn Block> = Box::new(Normalise::new(input, Over::Layer).unwrap());
        let dense = Dense::new("1", 9, 4, Activation::Relu, &mut rng);
        blocks.push(Box::new(Stack::new(vec![norm, Box::new(dense)])));
    }
    for mut block in blocks {
        let (x, mut chance) = (noise(11, 9, 3), Rng::stream(1, Purpose::Dropout, 0));
        let (y, saved) = block.forward(x.clone().into(), &mut chance);
        let cost = block.cost(11);
        let input = if cost.keeps_input { 11 * 9 * 4 } else { 0 };
        assert_eq!(Saved::bytes([&saved]), cost.saved_bytes.unwrap() + input, "{}", block.describe());
        assert_eq!((y.dims()[0] * y.dims()[1] * 4) as u64, cost.output_bytes, "{}", block.describe());
        let mut parameters = 0;
        block.params(&mut |param| parameters += if param.is_learned() { param.count() as u64 } else { 0 });
        assert_eq!(parameters, cost.parameters, "{}", block.describe());
    }
}
