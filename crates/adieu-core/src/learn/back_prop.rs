//! Back-propagation (Rumelhart, Hinton & Williams 1986, Nature 323:533), on the same network, batches, kernels and
//! initial weights as every other learner.
//!
//! ```text
//! x₀ = N(image)    hₗ = φ(xₗ Wₗ + bₗ)    xₗ₊₁ = D(hₗ)    z = x_L W_out + b_out
//! L = −(1/B) Σ log softmax(z)_y          ∂L/∂hₗ comes from the layer above: all that `forward` saved is kept
//! ```
//!
//! D is dropout (off by default). The output layer is the learner's own: the trunk it shares has none.
//!
//! # Memory
//! With B rows, nₗ outputs of layer l and K classes, in numbers of four bytes, while the error goes from layer l to the
//! one below (n₀: no error goes to the data, one number a row scales it):
//!
//! ```text
//! B (1 + n₁ + … + nₗ) + B (nₗ + nₗ₋₁) + nₗ       activity up to here, two errors, gradient of the bias
//! B (1 + n₁ + … + n_L) + 2 B K                   or when the loss is taken: all activity, logits, their error
//! ```
//!
//! The larger, and the working memory of the kernels, are what a step takes. Activations that need their input keep it
//! for each layer, dropout its mask and what it lets through: all of it grows with the depth.
//!
//! # Differences from the paper
//! - Softmax cross-entropy, not squared error; momentum or AdamW, not plain gradient descent; ReLU by default.
//! - The input row is normalised as Forward-Forward normalises its own, so that both see the same numbers (the label
//!   pixels apart). There is no normalisation between layers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Diverged, Learner, LearnerFn, Phase, Refusal, Scalar, StepCx, Task, finite, widths};
use crate::Tensor;
use crate::parts::Batch;
use crate::parts::activation::Activation;
use crate::parts::activity::Activity;
use crate::parts::block::{Arrays, Block, Net, Pull, Saved};
use crate::parts::chance::{Purpose, Rng};
use crate::parts::dense::Dense;
use crate::parts::dropout::Dropout;
use crate::parts::host::view;
use crate::parts::norm::Norm;
use crate::parts::objective::CrossEntropy;
use crate::parts::optimizer::{Descent, Optimizer, Sgd};
use crate::parts::param::Param;
use crate::parts::schedule::Schedule;

/// Back-propagation of softmax cross-entropy through all layers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BackProp {
    /// How weights move.
    pub optimizer: Optimizer,
    /// Learning rates over the epochs.
    pub schedule: Schedule,
    /// What is done to an input row first.
    pub norm: Norm,
    /// Share of each hidden layer's activity that is dropped in training.
    #[schemars(range(min = 0.0, max = 0.95))]
    pub dropout: f64,
    /// Share of the target that is spread over all classes.
    #[schemars(range(min = 0.0, max = 0.95))]
    pub label_smoothing: f64,
}

impl Default for BackProp {
    fn default() -> BackProp {
        BackProp {
            optimizer: Sgd::default().into(),
            schedule: Schedule::default(),
            norm: Norm::Rms,
            dropout: 0.0,
            label_smoothing: 0.0,
        }
    }
}

impl LearnerFn for BackProp {
    fn refuse(&self, _: &[usize], _: &Task) -> Vec<Refusal> {
        Vec::new()
    }

    fn build(&self, net: &mut Net, task: &Task) -> Box<dyn Learner> {
        let widths = widths(net, task.input);
        let last = widths.last().copied().unwrap_or(task.input.features());
        let mut chance = Rng::stream(task.seed, Purpose::Head, 0);
        let mut output =
            Dense::new("output", last, task.classes, Activation::Identity, &mut chance).without_squares();
        let descent = Descent::new(&self.optimizer, "descent", |visit| {
            net.iter_mut().for_each(|block| block.params(visit));
            output.params(visit);
        });
        let drops = widths.iter().map(|width| Dropout { p: self.dropout as f32, features: *width }).collect();
        Box::new(Running { recipe: self.clone(), task: task.clone(), drops, output, descent, epoch: 1 })
    }
}

struct Running {
    recipe: BackProp,
    task: Task,
    /// One after each block.
    drops: Vec<Dropout>,
    output: Dense,
    descent: Descent,
    epoch: u64,
}

impl Learner for Running {
    fn epoch(&mut self, epoch: u64) -> f64 {
        self.epoch = epoch;
        self.recipe.schedule.gain(epoch, self.task.epochs)
    }

    fn step(&mut self, net: &mut Net, batch: &Batch, cx: &mut StepCx<'_>) -> Result<Vec<Scalar>, Diverged> {
        let (rows, top) = (batch.labels.len(), net.len());
        let mut chance = cx.chance(Purpose::Dropout);
        cx.clock.press(Phase::Forward, 0);
        let mut x = self.recipe.norm.apply(&batch.x.clone().into());
        let mut kept: Vec<(Saved, Option<Saved>)> = Vec::with_capacity(top);
        for (l, block) in net.iter_mut().enumerate() {
            cx.clock.press(Phase::Forward, l);
            cx.clock.work(block.cost(rows).forward_macs);
            let (h, saved) = block.forward(x, &mut chance); // h = φ(x W + b)
            let (h, dropped) = self.drop(l, h, &mut chance);
            kept.push((saved, dropped));
            x = h;
        }
        cx.clock.press(Phase::Forward, top);
        cx.clock.work(self.output.cost(rows).forward_macs);
        let (z, saved) = self.output.forward(x, &mut chance);
        let all = kept.iter().flat_map(|(saved, dropped)| std::iter::once(saved).chain(dropped));
        cx.clock.held(Saved::bytes(all.chain([&saved])));
        let z = z.into_tensor();
        finite(&view(&z), None, "logits")?;

        cx.clock.press(Phase::Credit, top);
        let loss = CrossEntropy { label_smoothing: self.recipe.label_smoothing };
        let (loss, dz) = loss.loss(&z, &batch.labels); // L, ∂L/∂z
        let wrong = misjudged(&z, &batch.labels);
        drop(z);
        self.descent.begin(self.recipe.schedule.gain(self.epoch, self.task.epochs));
        let mut dx =
            self.output.pullback(saved, dz.into(), top > 0, &mut self.descent.on(&mut *cx.clock, top));
        for (l, (block, (saved, dropped))) in net.iter_mut().zip(kept).enumerate().rev() {
            let Some(dy) = dx else { break };
            cx.clock.press(Phase::Credit, l);
            let dh = match dropped {
                Some(dropped) => self.drops[l].pullback(dropped, dy.into(), true, &mut self.descent),
                None => Some(dy),
            };
            let Some(dh) = dh else { break };
            dx = block.pullback(saved, dh.into(), l > 0, &mut self.descent.on(&mut *cx.clock, l));
        }
        cx.clock.held(0);
        Ok(vec![
            Scalar { name: "loss", layer: None, value: loss },
            Scalar { name: "batch_error", layer: None, value: wrong as f64 / rows as f64 },
        ])
    }

    fn readouts(&self) -> Vec<&'static str> {
        vec!["logits"]
    }

    fn predict(&self, net: &Net, x: &Tensor, readout: &str) -> Tensor {
        assert_eq!(readout, "logits", "back-propagation has one read-out");
        let x = net.iter().fold(self.recipe.norm.apply(&x.clone().into()), |x, block| block.apply(&x));
        self.output.apply(&x).tensor()
    }

    fn step_bytes(&self, net: &Net, rows: usize) -> Option<u64> {
        self.bytes_of_step(net, rows)
    }

    fn params(&mut self, visit: &mut dyn FnMut(&mut Param)) {
        self.output.params(visit);
        self.descent.params(visit);
    }

    fn parts(&self) -> Vec<(String, u64, u64)> {
        let parameters = self.output.cost(1).parameters;
        vec![(format!("output: {}", self.output.describe()), self.task.classes as u64, parameters)]
    }
}

impl Running {
    fn drop(&mut self, l: usize, h: Activity, chance: &mut Rng) -> (Activity, Option<Saved>) {
        if self.recipe.dropout == 0.0 {
            return (h, None);
        }
        let (h, saved) = self.drops[l].forward(h, chance);
        (h, Some(saved))
    }
}

impl Running {
    /// See the module: [`Learner::step_bytes`].
    fn bytes_of_step(&self, net: &Net, rows: usize) -> Option<u64> {
        let drops = self.recipe.dropout != 0.0;
        let scales = if self.recipe.norm == Norm::None { 0 } else { rows as u64 * 4 };
        let (mut kept, mut most, mut scratch, mut last) = (scales, 0, 0, 0);
        let output: &dyn Block = &self.output;
        for (l, block) in net.iter().map(|block| &**block).chain([output]).enumerate() {
            let pieces = block.arrays(rows, Pull { dx: l > 0, push: false })?;
            scratch = scratch.max(Arrays::scratch(&pieces));
            for (i, piece) in pieces.iter().enumerate() {
                let h = if piece.keeps_output { piece.output } else { 0 };
                kept += piece.kept;
                // Its error comes down while it, and all below it, still hold what they kept.
                most = most.max(kept + h + piece.output + piece.pullback);
                // Dropout keeps its mask; what it lets through is an array of its own beside h.
                let dropped =
                    if drops && l < net.len() && i + 1 == pieces.len() { piece.output + h } else { 0 };
                kept += piece.output + dropped;
                last = piece.output;
            }
        }
        // The last output is the logits, whose error is as large.
        Some(most.max(kept + last) + scratch)
    }
}

/// Rows whose highest score is not their label's.
fn misjudged(scores: &Tensor, labels: &[u8]) -> usize {
    let classes = scores.dims()[1];
    let scores = view(scores);
    let rows = scores.chunks_exact(classes).zip(labels);
    rows.filter(|(row, label)| row.iter().any(|score| *score > row[usize::from(**label)])).count()
}
