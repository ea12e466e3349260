//! What the tests of this crate share: small networks, small data, comparisons.
#![allow(dead_code)] // each test program uses its own part

pub(crate) mod golden;

use adieu_core::Tensor;
use adieu_core::learn::{Goal, LearnerRecipe, Outline, Task};
use adieu_core::parts::Batch;
use adieu_core::parts::activation::Activation;
use adieu_core::parts::block::{Block, Net};
use adieu_core::parts::chance::{Purpose, Rng};
use adieu_core::parts::dense::Dense;
use adieu_core::parts::host::{matrix, matrix_from, view};
use adieu_core::parts::param::Param;
use adieu_core::parts::shape::Shape;

pub(crate) type Blocks = Vec<Box<dyn Block>>;

pub(crate) fn dense(sizes: &[usize], activation: Activation, seed: u64) -> Blocks {
    let layer = |(l, s): (usize, &[usize])| {
        let mut chance = Rng::stream(seed, Purpose::Init, l as u64);
        Box::new(Dense::new(&l.to_string(), s[0], s[1], activation, &mut chance)) as Box<dyn Block>
    };
    sizes.windows(2).enumerate().map(layer).collect()
}

/// Three noisy classes in eight features; the first three are left for the label.
pub(crate) const CLASSES: usize = 3;
pub(crate) const FEATURES: usize = 9;
pub(crate) fn blobs(rows: usize, seed: u64) -> Batch {
    let mut rng = Rng::stream(seed, Purpose::Probe, 99);
    let labels: Vec<u8> = (0..rows).map(|i| (i % CLASSES) as u8).collect();
    let x = matrix_from(rows, FEATURES, |r, c| match c.checked_sub(CLASSES) {
        None => 0.0,
        Some(c) => 0.3 * rng.normal() + if c / 2 == usize::from(labels[r]) { 1.5 } else { 0.0 },
    });
    Batch { x, labels, ids: (0..rows as u32).collect() }
}

pub(crate) fn task(rows: usize, epochs: u64, seed: u64) -> Task {
    Task {
        input: Shape::Image { c: 1, h: 3, w: 3 },
        classes: CLASSES,
        train_rows: rows,
        epochs,
        seed,
        goal: Goal::Classify,
    }
}

/// Widths as shapes.
pub(crate) fn flat(widths: &[usize]) -> Vec<Outline> {
    widths.iter().map(|n| Shape::Flat(*n).into()).collect()
}

/// Every learner at its defaults, and the settings of each that change what it does.
pub(crate) fn learners() -> Vec<(String, LearnerRecipe)> {
    use adieu_core::learn::*;
    use adieu_core::parts::goodness::{Goodness, MeanSquares};
    use adieu_core::parts::negatives::Negatives;
    use adieu_core::parts::norm::Norm;
    use adieu_core::parts::objective::{ExactStep, Logistic, PairMargin};
    use adieu_core::parts::optimizer::{AdamW, Optimizer};
    let mut all: Vec<(String, LearnerRecipe)> =
        LearnerRecipe::all().into_iter().map(|l| (l.name().to_string(), l)).collect();
    let ff = ForwardForward::default();
    let mut add = |name: &str, recipe: LearnerRecipe| all.push((name.to_string(), recipe));
    for negatives in Negatives::all() {
        add(
            &format!("ff, {} negatives", negatives.name()),
            ForwardForward { negatives, ..ff.clone() }.into(),
        );
    }
    for optimizer in Optimizer::all() {
        let head_optimizer = optimizer.clone();
        add(
            &format!("ff, {}", optimizer.name()),
            ForwardForward { optimizer, head_optimizer, ..ff.clone() }.into(),
        );
    }
    let frozen = adieu_core::parts::negatives::Uniform { frozen: true };
    add("ff, frozen", ForwardForward { negatives: frozen.into(), ..ff.clone() }.into());
    add("ff, minimise", ForwardForward { direction: Direction::Minimise, ..ff.clone() }.into());
    add("ff, greedily", ForwardForward { layers: Together::Greedily, ..ff.clone() }.into());
    add("ff, layer by layer", ForwardForward { layer_readouts: true, ..ff.clone() }.into());
    add("ff, every row", ForwardForward { skip_satisfied: false, ..ff.clone() }.into());
    let waves = adieu_core::parts::label_code::Waves { strength: 0.5 };
    add("ff, waves for labels", ForwardForward { label: waves.into(), ..ff.clone() }.into());
    let squares = adieu_core::parts::label_code::EveryPatch { side: 3, strength: 0.5 };
    add("ff, labels in every patch", ForwardForward { label: squares.into(), ..ff.clone() }.into());
    let distortion = adieu_core::parts::label_code::Distortion::default();
    add("ff, labels distort the image", ForwardForward { label: distortion.into(), ..ff.clone() }.into());
    add("ff, every image", ForwardForward { share_image: false, ..ff.clone() }.into());
    add("ff, head on every third step", ForwardForward { readout_every: 3, ..ff.clone() }.into());
    add("ff, no peers", ForwardForward { peer_weight: 0.0, ..ff.clone() }.into());
    let unsupervised = Unsupervised::default();
    for fakes in adieu_core::parts::fakes::Fakes::all() {
        add(
            &format!("unsupervised, {}", fakes.name()),
            Unsupervised { fakes, ..unsupervised.clone() }.into(),
        );
    }
    add("unsupervised, fixed", Unsupervised { fixed_hidden: true, ..unsupervised.clone() }.into());
    add("unsupervised, apart", Unsupervised { apart: 2, ..unsupervised }.into());
    let uniform = Negatives::from(adieu_core::parts::negatives::Uniform::default());
    let side_by_side = ForwardForward { overlap: true, negatives: uniform.clone(), ..ff.clone() };
    add("ff, side by side", side_by_side.clone().into());
    let rarely = ForwardForward { readout_every: 3, skip_first: false, ..side_by_side };
    add("ff, side by side, head on every third step", rarely.into());
    add("ff, no head", ForwardForward { head: false, negatives: uniform, ..ff.clone() }.into());
    let adam = Optimizer::from(AdamW { rate: 0.01, ..AdamW::default() });
    for goodness in Goodness::all() {
        let name = format!("ff, {} calibrated", goodness.name());
        let optimizer = adam.clone();
        add(&name, ForwardForward { goodness, calibrate: true, optimizer, ..ff.clone() }.into());
    }
    let pairs =
        ForwardForward { objective: PairMargin::default().into(), optimizer: adam.clone(), ..ff.clone() };
    add("ff, pair margin", pairs.into());
    let exact = ExactStep { theta: 1.0, margin: 0.2 }.into();
    add("ff, exact step", ForwardForward { objective: exact, ..ff.clone() }.into());
    let mean = ForwardForward {
        goodness: MeanSquares {}.into(),
        norm: Norm::L2,
        objective: Logistic { theta: 2.0, temperature: 1.0 }.into(),
        optimizer: adam.clone(),
        readout: Readout::Head,
        skip_first: false,
        ..ff
    };
    add("ff, mean of squares of rows of length 1", mean.into());
    for optimizer in Optimizer::all() {
        add(&format!("bp, {}", optimizer.name()), BackProp { optimizer, ..BackProp::default() }.into());
    }
    let recurrent = Recurrent::default();
    let scored = Recurrent { scored: Scored::Activity, neutral_iterations: 0, ..recurrent.clone() };
    add("recurrent, activity scored", scored.into());
    let frozen: Negatives = adieu_core::parts::negatives::Uniform { frozen: true }.into();
    let bare = Recurrent { head: false, negatives: frozen, peer_weight: 0.0, ..recurrent.clone() };
    add("recurrent, no head, frozen negatives, no peers", bare.into());
    let late = Recurrent { teach_from: 3, teach_to: 5, skip_satisfied: false, ..recurrent.clone() };
    add("recurrent, three iterations teach every row", late.into());
    let minimise = Recurrent { direction: Direction::Minimise, readout: Readout::Head, ..recurrent };
    add("recurrent, minimise", minimise.into());
    let rbm = Rbm::default();
    let persistent = Rbm { iterations: 3, persistent: 20, draw_visible: true, ..rbm.clone() };
    add("rbm, persistent chains", persistent.into());
    add("rbm, no labels", Rbm { labels: false, readout: RbmReadout::Head, ..rbm.clone() }.into());
    add("rbm, no head", Rbm { head: false, ..rbm }.into());
    let local = LocalHeads::default();
    for score in adieu_core::parts::class_score::ClassScore::all() {
        add(&format!("local heads, {}", score.name()), LocalHeads { score, ..local.clone() }.into());
    }
    let greedily = LocalHeads {
        layers: Schooling::Greedily,
        norm: Norm::Rms,
        readout: ClassReadout::Last,
        temperature: 0.5,
        label_smoothing: 0.1,
        layer_readouts: true,
        optimizer: adam.clone(),
        head_optimizer: adam.clone(),
        ..local
    };
    add("local heads, greedily", greedily.into());
    add("local heads, side by side", LocalHeads { overlap: true, ..LocalHeads::default() }.into());
    let deeper = DeeperForward { overlap: true, ..DeeperForward::default() };
    add("deeper_forward, side by side", deeper.into());
    add("local heads, windows of two", LocalHeads { window: 2, ..LocalHeads::default() }.into());
    let only_head = Split { at: 2, lower: None, upper: Box::new(BackProp::default().into()) };
    let stage = |epochs, learner| Stage { epochs, learner: Box::new(learner) };
    let three = vec![
        stage(4, LocalHeads::default().into()),
        stage(3, only_head.clone().into()),
        stage(5, BackProp { optimizer: AdamW::default().into(), ..BackProp::default() }.into()),
    ];
    add("stages, three", Stages { stages: three }.into());
    add("split, a head on what stays", only_head.into());
    let lower = Some(Box::new(LocalHeads::default().into()));
    add("split, on local heads", Split { lower, ..Split::default() }.into());
    let on_ff = Split {
        lower: Some(Box::new(ForwardForward { skip_first: false, ..ForwardForward::default() }.into())),
        ..Split::default()
    };
    add("split, on Forward-Forward", on_ff.into());
    add("mixed, fading", Mixed { lambda: 1.0, lambda_end: 0.0, ..Mixed::default() }.into());
    add("mixed, nothing local", Mixed { lambda: 0.0, lambda_end: 0.0, ..Mixed::default() }.into());
    let windows = vec![Window { first: 1, last: 6 }, Window { first: 1, last: 12 }];
    add("cw_comp, windows", ChannelCompetition { windows, ..ChannelCompetition::default() }.into());
    add("cw_comp, no head", ChannelCompetition { head: false, ..ChannelCompetition::default() }.into());
    let trifecta = Trifecta::default();
    let of_all = Trifecta { readout: ClassReadout::Sum, layer_readouts: true, window: 1, ..trifecta.clone() };
    add("trifecta, each block by itself", of_all.into());
    let logistic = Logistic { theta: 2.0, temperature: 1.0 }.into();
    let negatives = adieu_core::parts::negatives::Uniform { frozen: true }.into();
    let original = Trifecta { objective: logistic, negatives, strength: 1.0, ..trifecta };
    add("trifecta, the original loss, frozen negatives", original.into());
    let pairs = SelfContrastive::default();
    let mut deep = Contrast { theta_positive: 0.0, lambda: 0.01, ..Contrast::default() };
    deep.optimizer = adam.clone();
    let in_turn = SelfContrastive {
        layers: vec![Contrast { theta_positive: 2.0, theta_negative: 3.0, ..Contrast::default() }, deep],
        norm: Norm::Rms,
        windows: vec![Window { first: 1, last: 5 }, Window { first: 6, last: 12 }],
        ..pairs.clone()
    };
    add("self_contrastive, one layer after the other", in_turn.into());
    let last = Onlooker { reads: Reads::Last, dropout: 0.1, ..Onlooker::default() };
    add("self_contrastive, last layer read", SelfContrastive { head: last, ..pairs }.into());
    let lower = Some(Box::new(SelfContrastive::default().into()));
    add("split, on self_contrastive", Split { lower, ..Split::default() }.into());
    let hebb = SoftHebb::default();
    let layers = vec![
        Competition { rate: 0.02, inverse_temperature: 0.3 },
        Competition { rate: 0.05, inverse_temperature: 2.0 },
    ];
    let head = Onlooker { dropout: 0.1, ..Onlooker::default() };
    let mild = SoftHebb { layers, radius: 3.0, norm: Norm::L2, head, ..hebb.clone() };
    add("soft_hebb, mild, all layers read", mild.into());
    let windows = vec![Window { first: 1, last: 5 }, Window { first: 6, last: 12 }];
    add("soft_hebb, one layer after the other", SoftHebb { windows, ..hebb }.into());
    let dropout = BackProp { dropout: 0.2, label_smoothing: 0.1, ..BackProp::default() };
    add("bp, dropout and recomputing", BackProp { recompute_every: 1, ..dropout.clone() }.into());
    add("bp, dropout and smoothing", dropout.into());
    add("bp, micro-batches", BackProp { micro_batch: 7, ..BackProp::default() }.into());
    all
}

/// Everything a checkpoint holds, by name, row by row.
pub(crate) fn everything(
    net: &mut Net,
    learner: &mut dyn adieu_core::learn::Learner,
) -> Vec<(String, Vec<f32>)> {
    let mut all = Vec::new();
    let mut keep = |param: &mut Param| all.push((param.path().to_string(), param.to_rows()));
    net.iter_mut().for_each(|block| block.params(&mut keep));
    learner.params(&mut keep);
    all
}

/// |a − b| ≤ tolerance (1 + |b|), element by element; says the worst.
pub(crate) fn close(what: &str, a: &[f32], b: &[f64], tolerance: f64) {
    assert_eq!(a.len(), b.len(), "{what}: how many");
    let worst = a.iter().zip(b).map(|(a, b)| (f64::from(*a) - b).abs() / (1.0 + b.abs())).fold(0.0, f64::max);
    assert!(worst <= tolerance, "{what}: off by {worst:.2e}\n{a:?}\n{b:?}");
}

pub(crate) fn noise(rows: usize, cols: usize, index: u64) -> Tensor {
    let mut rng = Rng::stream(5, Purpose::Probe, index);
    matrix((0..rows * cols).map(|_| rng.normal()).collect(), rows, cols)
}

pub(crate) fn dot(a: &Tensor, b: &Tensor) -> f64 {
    view(a).iter().zip(view(b).iter()).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}
