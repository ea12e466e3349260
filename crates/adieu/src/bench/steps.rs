//! One training step, whole: what a learner's `step` takes on a batch, beside the peak of the same moment.

use adieu_core::learn::{BackProp, Clock, ForwardForward, Learner, LearnerRecipe, Phase, StepCx, Task};
use adieu_core::parts::Batch;
use adieu_core::parts::activation::Activation;
use adieu_core::parts::block::Block;
use adieu_core::parts::chance::{Purpose, Rng};
use adieu_core::parts::dense::Dense;
use adieu_core::parts::goodness::MeanSquares;
use adieu_core::parts::host::matrix;
use adieu_core::parts::negatives::Uniform;
use adieu_core::parts::norm::Norm;
use adieu_core::parts::optimizer::AdamW;
use adieu_core::parts::precision::Precision;
use adieu_core::parts::schedule::Constant;
use adieu_core::parts::shape::Shape;
use adieu_kernels::{Profile, Shares};

use super::{Speed, Stopped, Taken, Told, Yardstick};
use crate::sink::Flow;

/// Classes of the made-up data.
const CLASSES: usize = 10;

/// How fast one step is.
#[derive(Clone, Debug)]
pub struct StepSpeed {
    /// `ff` or `bp`.
    pub learner: &'static str,
    /// Rows that go through the network: for Forward-Forward half of them positive, half negative.
    pub rows: usize,
    /// `f32` or `bf16`.
    pub precision: &'static str,
    /// How fast.
    pub speed: Speed,
    /// Where the threads' time went in one profiled step, as shares of the whole.
    pub shares: StepShares,
}

/// Shares of a step's time, all threads together; they add up to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StepShares {
    /// Multiplying and adding.
    pub product: f64,
    /// Bias, activation, sums of squares, or storing.
    pub epilogue: f64,
    /// The optimizer inside the weight gradients.
    pub optimizer: f64,
    /// Rearranging operands.
    pub packing: f64,
    /// Threads with nothing to do while a product ran.
    pub waiting: f64,
    /// Everything outside products: goodness, objective, sums, buffers.
    pub rest: f64,
}

/// A learner on a network of the bench's size.
struct Bench {
    net: Vec<Box<dyn Block>>,
    learner: Box<dyn Learner>,
    batch: Batch,
    tally: Tally,
    step: u64,
}

/// Counts multiply-adds, and profiles weight updates apart from all else.
#[derive(Default)]
struct Tally {
    macs: u64,
    profile: Option<Profile>,
    updating: bool,
    seen: Shares,
    updates: Shares,
}

impl Clock for Tally {
    fn press(&mut self, phase: Phase, _: usize) {
        if let Some(profile) = &self.profile {
            let now = profile.so_far();
            if self.updating {
                let spent = now.since(self.seen);
                self.updates.finishing_ns += spent.finishing_ns;
            }
            (self.seen, self.updating) = (now, phase == Phase::Update);
        }
    }

    fn work(&mut self, macs: u64) {
        self.macs += macs;
    }
}

impl Bench {
    /// Layers of `widths`, `images` made-up images a batch.
    fn new(recipe: &LearnerRecipe, widths: &[usize], images: usize, precision: Precision) -> Bench {
        let layer = |(l, sizes): (usize, &[usize])| {
            let mut chance = Rng::stream(1, Purpose::Init, l as u64);
            let dense = Dense::new(&l.to_string(), sizes[0], sizes[1], Activation::Relu, &mut chance);
            Box::new(dense.in_precision(precision)) as Box<dyn Block>
        };
        let mut net: Vec<_> = widths.windows(2).enumerate().map(layer).collect();
        let task = Task {
            input: Shape::Flat(widths[0]),
            classes: CLASSES,
            train_rows: images,
            epochs: 1,
            seed: 1,
            goal: adieu_core::learn::Goal::Classify,
        };
        let mut learner = recipe.build(&mut net, &task);
        learner.epoch(1);
        let mut chance = Rng::stream(1, Purpose::Probe, 0);
        let x = (0..images * widths[0]).map(|_| chance.unit()).collect();
        let batch = Batch {
            x: matrix(x, images, widths[0]),
            labels: (0..images).map(|i| (i % CLASSES) as u8).collect(),
            ids: (0..images as u32).collect(),
        };
        Bench { net, learner, batch, tally: Tally::default(), step: 0 }
    }

    fn step(&mut self) {
        self.step += 1;
        let mut cx = StepCx { seed: 1, step: self.step, clock: &mut self.tally };
        let said = self.learner.step(&mut self.net, &self.batch, &mut cx);
        debug_assert!(said.is_ok(), "the bench's learning rate is small enough: {said:?}");
    }

    /// Floating point operations of a step.
    fn flops(&mut self) -> f64 {
        self.tally.macs = 0;
        self.step();
        2.0 * self.tally.macs as f64
    }

    /// Where the time of one step goes.
    fn shares(&mut self) -> StepShares {
        let profile = Profile::begin();
        self.tally = Tally { profile: Some(Profile::begin()), ..Tally::default() };
        let start = std::time::Instant::now();
        self.step();
        let whole = start.elapsed().as_secs_f64() * 1e9 * adieu_kernels::threads() as f64;
        let spent = profile.so_far();
        self.tally.press(Phase::Forward, 0);
        let share = |ns: u64| ns as f64 / whole;
        let optimizer = self.tally.updates.finishing_ns;
        let products = spent.packing_ns + spent.multiplying_ns + spent.finishing_ns + spent.waiting_ns;
        self.tally = Tally::default();
        StepShares {
            product: share(spent.multiplying_ns),
            epilogue: share(spent.finishing_ns.saturating_sub(optimizer)),
            optimizer: share(optimizer),
            packing: share(spent.packing_ns),
            waiting: share(spent.waiting_ns),
            rest: (1.0 - share(products)).max(0.0),
        }
    }
}

/// Forward-Forward as it is usually timed: mean of squares, Adam, negatives given, no head, no saving.
fn forward_forward() -> LearnerRecipe {
    ForwardForward {
        goodness: MeanSquares {}.into(),
        norm: Norm::L2,
        negatives: Uniform::default().into(),
        peer_weight: 0.0,
        optimizer: AdamW { rate: 1e-5, ..AdamW::default() }.into(),
        head: false,
        schedule: Constant {}.into(),
        skip_satisfied: false,
        share_image: false,
        ..ForwardForward::default()
    }
    .into()
}

fn back_prop() -> LearnerRecipe {
    let optimizer = AdamW { rate: 1e-5, ..AdamW::default() }.into();
    BackProp { optimizer, schedule: Constant {}.into(), ..BackProp::default() }.into()
}

/// Times a step of both learners at each number of rows, `turns` turns each; they are still to be judged.
pub(super) fn measure(
    rows: &[usize],
    widths: &[usize],
    precisions: &[Precision],
    turns: usize,
    yardstick: &mut Yardstick,
    told: Told<'_>,
) -> Result<Vec<(StepSpeed, Taken)>, Stopped> {
    let mut all = Vec::new();
    for &rows in rows {
        let mut benches = Vec::new();
        for &precision in precisions {
            benches.push(("ff", precision, Bench::new(&forward_forward(), widths, rows / 2, precision)));
            benches.push(("bp", precision, Bench::new(&back_prop(), widths, rows, precision)));
        }
        let taken =
            benches.iter_mut().map(|(_, precision, bench)| Taken::new(precision.kernel(), bench.flops()));
        let mut taken: Vec<Taken> = taken.collect();
        for turn in 0..turns {
            if told(&format!("steps at {rows} rows, turn {} of {turns}", turn + 1)) == Flow::Stop {
                return Err(Stopped);
            }
            for ((.., bench), taken) in benches.iter_mut().zip(&mut taken) {
                taken.take(yardstick, || bench.step());
            }
        }
        for ((learner, precision, bench), taken) in benches.iter_mut().zip(taken) {
            let (precision, speed, shares) = (precision.name(), Speed::default(), bench.shares());
            all.push((StepSpeed { learner, rows, precision, speed, shares }, taken));
        }
    }
    Ok(all)
}
