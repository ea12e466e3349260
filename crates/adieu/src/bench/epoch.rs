//! An epoch of real digits, by Forward-Forward with its savings off and on and by back-propagation.
//!
//! All of them train side by side, some steps each in turn, so that whatever the machine does hits all alike. Only the
//! learner's steps are timed: gathering a batch costs every one the same.

use std::sync::Arc;
use std::time::Instant;

use adieu_core::learn::{BackProp, ForwardForward, Learner, LearnerRecipe, NoClock, StepCx};
use adieu_core::parts::activation::Activation;
use adieu_core::parts::block::Block;
use adieu_core::parts::optimizer::Sgd;
use adieu_core::parts::precision::Precision;
use adieu_data::Dataset;

use super::{Stopped, Told};
use crate::recipe::{DataRecipe, Engine, LayerRecipe, ModelRecipe, Recipe, SplitRecipe, TrainRecipe};
use crate::sink::Flow;
use crate::{Error, Plan};

/// Steps that one of them does before it is the next one's turn.
const SLICE: usize = 25;

/// What the epoch was like.
#[derive(Clone, Debug)]
pub struct Epoch {
    /// Which epoch of training was timed, from 1.
    pub number: u64,
    /// Steps of an epoch.
    pub steps: u64,
    /// Each variant's time.
    pub variants: Vec<Variant>,
}

/// One learner's epoch.
#[derive(Clone, Debug)]
pub struct Variant {
    /// `ff_plain`, `ff`, `ff_cached`, `bp_plain` or `bp`.
    pub key: &'static str,
    /// In words.
    pub name: &'static str,
    /// Seconds in the learner's steps; not a number if it diverged.
    pub seconds: f64,
    /// Mean share of rows that each layer learned from; empty for back-propagation.
    pub rows_taught: Vec<f64>,
}

struct Runner {
    key: &'static str,
    name: &'static str,
    plan: Plan,
    net: Vec<Box<dyn Block>>,
    learner: Box<dyn Learner>,
    step: u64,
    seconds: f64,
    taught: Vec<f64>,
}

impl Runner {
    fn new(
        (key, name): (&'static str, &'static str),
        learner: LearnerRecipe,
        widths: &[u64],
        epochs: u64,
        data: &Arc<Dataset>,
    ) -> Result<Runner, Error> {
        let recipe = Recipe {
            name: format!("bench-{key}"),
            seed: 1,
            data: DataRecipe {
                kind: "mnist".into(),
                dir: None,
                split: SplitRecipe::Final,
                ..DataRecipe::default()
            },
            // The first epochs of the published schedule.
            train: TrainRecipe {
                epochs: epochs.max(TrainRecipe::default().epochs),
                ..TrainRecipe::default()
            },
            model: ModelRecipe {
                blocks: widths.iter().map(|width| vec![LayerRecipe::Dense(*width)]).collect(),
                activation: Activation::Relu,
                engine: Engine::Kernels,
                skip_zeros: !key.ends_with("_plain"),
                precision: Precision::F32,
            },
            learner,
        };
        let plan = Plan::on(recipe, data.clone(), "the bench")?;
        let mut net = plan.network();
        let learner = plan.recipe.learner.build(&mut net, &plan.task);
        Ok(Runner { key, name, plan, net, learner, step: 0, seconds: 0.0, taught: vec![0.0; widths.len()] })
    }

    /// Does the steps of `rows`, `batch` rows each.
    fn run(&mut self, rows: &[u32], batch: usize) {
        for ids in rows.chunks_exact(batch) {
            let batch = self.plan.batch(ids, self.step + 1);
            self.step += 1;
            let mut cx = StepCx { seed: self.plan.recipe.seed, step: self.step, clock: &mut NoClock };
            let start = Instant::now();
            let said = self.learner.step(&mut self.net, &batch, &mut cx);
            // The time of numbers that are not finite says nothing.
            self.seconds += if said.is_ok() { start.elapsed().as_secs_f64() } else { f64::NAN };
            for scalar in said.into_iter().flatten().filter(|scalar| scalar.name == "rows_taught") {
                self.taught[scalar.layer.unwrap_or(0)] += scalar.value;
            }
        }
    }
}

fn learners() -> [((&'static str, &'static str), LearnerRecipe); 5] {
    let exact = ForwardForward::default();
    let plain = ForwardForward { skip_satisfied: false, share_image: false, ..exact.clone() };
    let cached = ForwardForward { readout_every: 10, ..exact.clone() };
    let optimizer = Sgd { rate: 0.1, momentum: 0.9, decay: 1e-4 }.into();
    let bp = BackProp { optimizer, ..BackProp::default() };
    [
        (("ff_plain", "Forward-Forward, savings off"), plain.into()),
        (("ff", "Forward-Forward, exact savings on"), exact.into()),
        (("ff_cached", "… and the neutral pass on every 10th step"), cached.into()),
        (("bp_plain", "back-propagation, zeros multiplied"), bp.clone().into()),
        (("bp", "back-propagation, zeros left out"), bp.into()),
    ]
}

/// Trains `epochs` epochs of at most `limit` steps each, and times the last.
pub(super) fn measure(
    widths: &[u64],
    epochs: u64,
    limit: Option<usize>,
    data: &Arc<Dataset>,
    told: Told<'_>,
) -> Result<Result<Epoch, Stopped>, Error> {
    let mut runners = Vec::new();
    for (names, learner) in learners() {
        runners.push(Runner::new(names, learner, widths, epochs, data)?);
    }
    let batch = runners[0].plan.recipe.train.batch as usize;
    let mut steps = 0;
    for epoch in 1..=epochs {
        for runner in &mut runners {
            runner.learner.epoch(epoch);
            runner.seconds = 0.0;
            runner.taught.fill(0.0);
        }
        let order = runners[0].plan.order(epoch);
        let rows = limit.map_or(order.len(), |limit| order.len().min(limit * batch));
        steps = rows / batch;
        for (i, slice) in order[..rows].chunks(SLICE * batch).enumerate() {
            let at = format!("epoch {epoch} of {epochs}, step {} of {steps}", i * SLICE);
            if told(&at) == Flow::Stop {
                return Ok(Err(Stopped));
            }
            // Another one begins each time.
            for turn in 0..runners.len() {
                let count = runners.len();
                runners[(i + turn) % count].run(slice, batch);
            }
        }
    }
    let variant = |runner: &Runner| Variant {
        key: runner.key,
        name: runner.name,
        seconds: runner.seconds,
        rows_taught: if runner.key.starts_with("bp") {
            Vec::new()
        } else {
            runner.taught.iter().map(|taught| taught / steps as f64).collect()
        },
    };
    let variants = runners.iter().map(variant).collect();
    Ok(Ok(Epoch { number: epochs, steps: steps as u64, variants }))
}
