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
//! Without labels it is an autoencoder: the blocks encode, and the output layer, as wide as a row, decodes linearly,
//! x̂ = x_L W_out + b_out, by the mean squared error L = (1/(B n₀)) Σ (x̂ − x)² against the row as it came. Then K = n₀
//! below. What N takes away cannot come back, the length of a row for one: `norm = "none"` keeps it.
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
//! Two ways to need less of it, for memory is what back-propagation is blamed for:
//!
//! - `recompute_every = k` (gradient checkpointing: Chen, Xu, Zhang & Guestrin 2016, arXiv:1604.06174) keeps the input of
//!   every k-th layer only and does the way up between them again on the way down: about L/k + k layers' activity for
//!   one more way up through all but the last k layers. Weights come out the same, bit for bit; running means of batch
//!   norms do not, for the second way up moves them again.
//! - `micro_batch = m` takes B rows in parts of m: m/B of the activity, but every gradient has a buffer, for the
//!   optimizer must wait for their sum. Sums are formed in another order, so weights differ in their last digits; with
//!   dropout the masks are others, and batch norms are of the part.
//!
//! # Differences from the paper
//! - Softmax cross-entropy, not squared error; momentum or AdamW, not plain gradient descent; ReLU by default.
//! - The input row is normalised as Forward-Forward normalises its own, so that both see the same numbers (the label
//!   pixels apart). There is no normalisation between layers.

use std::collections::BTreeMap;

use adieu_kernels::{Rule, Target};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Clock, Diverged, Goal, Learner, LearnerFn, Outline, Phase, RECONSTRUCTION, Refusal, Scalar, StepCx, Task,
    finite, up_through, widths,
};
use crate::Tensor;
use crate::parts::Batch;
use crate::parts::activation::Activation;
use crate::parts::activity::Activity;
use crate::parts::block::{Arrays, Block, Descend, Net, Pull, Saved};
use crate::parts::chance::{Purpose, Rng};
use crate::parts::dense::Dense;
use crate::parts::dropout::Dropout;
use crate::parts::host::{matrix, update, view};
use crate::parts::norm::Norm;
use crate::parts::objective::{CrossEntropy, SquaredError};
use crate::parts::optimizer::{Descent, Optimizer, Sgd, Timed};
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
    /// Keep the input of every so many layers only, and work out the activity between them again on the way down
    /// (gradient checkpointing); 0 keeps all.
    pub recompute_every: u32,
    /// Take a batch in parts of so many rows, add up their gradients, then move the weights once; 0 takes it whole.
    pub micro_batch: u32,
}

impl Default for BackProp {
    fn default() -> BackProp {
        BackProp {
            optimizer: Sgd::default().into(),
            schedule: Schedule::default(),
            norm: Norm::Rms,
            dropout: 0.0,
            label_smoothing: 0.0,
            recompute_every: 0,
            micro_batch: 0,
        }
    }
}

impl LearnerFn for BackProp {
    fn refuse(&self, _: &[Outline], task: &Task) -> Vec<Refusal> {
        if task.goal != Goal::Reconstruct || self.label_smoothing == 0.0 {
            return Vec::new();
        }
        let what = "there are no labels to spread over classes".into();
        vec![Refusal { key: "label_smoothing", what, remedy: "leave it out".into() }]
    }

    fn reaches(&self, goal: Goal) -> bool {
        matches!(goal, Goal::Classify | Goal::Reconstruct)
    }

    fn takes_no_block(&self) -> bool {
        true
    }

    fn build(&self, net: &mut Net, task: &Task) -> Box<dyn Learner> {
        let widths = widths(net, task.input);
        let last = widths.last().copied().unwrap_or(task.input.features());
        let mut chance = Rng::stream(task.seed, Purpose::Head, 0);
        let rebuilds = task.goal == Goal::Reconstruct;
        let outputs = if rebuilds { task.input.features() } else { task.classes };
        let mut output =
            Dense::new("output", last, outputs, Activation::Identity, &mut chance).without_squares();
        let descent = Descent::new(&self.optimizer, "descent", |visit| {
            net.iter_mut().for_each(|block| block.params(visit));
            output.params(visit);
        });
        let drops = widths.iter().map(|width| Dropout { p: self.dropout as f32, features: *width }).collect();
        let mut gradient_bytes = 0;
        let mut count = |param: &mut Param| {
            gradient_bytes += if param.is_learned() { param.values().len() as u64 * 4 } else { 0 };
        };
        net.iter_mut().for_each(|block| block.params(&mut count));
        output.params(&mut count);
        let passes = Passes { recipe: self.clone(), rebuilds, drops, output };
        Box::new(Running { passes, task: task.clone(), descent, epoch: 1, gradient_bytes })
    }
}

struct Running {
    passes: Passes,
    task: Task,
    descent: Descent,
    epoch: u64,
    /// Of all gradients, the output's included.
    gradient_bytes: u64,
}

impl Learner for Running {
    fn epoch(&mut self, epoch: u64) -> f64 {
        self.epoch = epoch;
        self.passes.recipe.schedule.gain(epoch, self.task.epochs)
    }

    fn step(&mut self, net: &mut Net, batch: &Batch, cx: &mut StepCx<'_>) -> Result<Vec<Scalar>, Diverged> {
        let rows = batch.labels.len();
        let mut chance = cx.chance(Purpose::Dropout);
        self.descent.begin(self.passes.recipe.schedule.gain(self.epoch, self.task.epochs));
        let (loss, wrong) = match self.passes.micro(rows) {
            None => {
                let all = (&batch.x, &batch.labels[..], 1.0);
                self.passes.run(net, all, &mut chance, &mut *cx.clock, &mut self.descent)?
            }
            Some(micro) => {
                let mut sums = Sums::default();
                let mut room = |param: &mut Param| sums.room(param);
                net.iter_mut().for_each(|block| block.params(&mut room));
                self.passes.output.params(&mut room);
                let (mut loss, mut wrong) = (0.0, 0);
                for (i, labels) in batch.labels.chunks(micro).enumerate() {
                    let share = labels.len() as f64 / rows as f64;
                    let some = (&part(&batch.x, i * micro, labels.len()), labels, share);
                    let (l, w) = self.passes.run(net, some, &mut chance, &mut *cx.clock, &mut sums)?;
                    (loss, wrong) = (loss + share * l, wrong + w);
                }
                cx.clock.press(Phase::Update, 0);
                let mut take = |param: &mut Param| sums.hand_on(param, &mut self.descent);
                net.iter_mut().for_each(|block| block.params(&mut take));
                self.passes.output.params(&mut take);
                (loss, wrong)
            }
        };
        let mut said = vec![Scalar { name: "loss", layer: None, value: loss }];
        if !self.passes.rebuilds {
            said.push(Scalar { name: "batch_error", layer: None, value: wrong as f64 / rows as f64 });
        }
        Ok(said)
    }

    fn readouts(&self) -> Vec<&'static str> {
        vec![if self.passes.rebuilds { RECONSTRUCTION } else { "logits" }]
    }

    fn predict(&self, net: &Net, x: &Tensor, readout: &str) -> Tensor {
        assert_eq!(readout, self.readouts()[0], "back-propagation has one read-out");
        self.passes.output.apply(&up_through(self.passes.recipe.norm, net, x)).tensor()
    }

    fn above(&self, net: &Net, x: &Tensor) -> Tensor {
        up_through(self.passes.recipe.norm, net, x).into_tensor()
    }

    fn step_bytes(&self, net: &Net, rows: usize) -> Option<u64> {
        let Some(micro) = self.passes.micro(rows) else { return self.passes.bytes(net, rows) };
        let part = (micro * self.task.input.features()) as u64 * 4;
        Some(self.passes.bytes(net, micro)? + part + self.gradient_bytes)
    }

    fn params(&mut self, visit: &mut dyn FnMut(&mut Param)) {
        self.passes.output.params(visit);
        self.descent.params(visit);
    }

    fn parts(&self) -> Vec<(String, u64, u64)> {
        let output = &self.passes.output;
        let units = if self.passes.rebuilds { self.task.input.features() } else { self.task.classes };
        vec![(format!("output: {}", output.describe()), units as u64, output.cost(1).parameters)]
    }
}

/// Gradients of some parts of a batch, added up.
#[derive(Default)]
struct Sums(BTreeMap<String, Param>);

impl Descend for Sums {
    fn target<'a>(&'a mut self, param: &'a mut Param) -> Target<'a> {
        let sum = self.0.get_mut(param.path()).expect("there is room for every gradient");
        Target::Descend { rule: Rule::Sum, weights: sum.values_mut(), first: &mut [], second: &mut [] }
    }
}

impl Sums {
    fn room(&mut self, param: &mut Param) {
        if !param.is_learned() {
            return;
        }
        let path = param.path().to_string();
        self.0.insert(path.clone(), param.zeros_like(path));
    }

    /// Lets `param` descend by what was added up for it.
    fn hand_on(&mut self, param: &mut Param, descent: &mut Descent) {
        if let Some(sum) = self.0.remove(param.path()) {
            descent.take(param, sum.values());
        }
    }
}

/// `count` rows of `x [B, n]` from row `from` on.
fn part(x: &Tensor, from: usize, count: usize) -> Tensor {
    let n = x.dims()[1];
    matrix(view(x)[from * n..][..count * n].to_vec(), count, n)
}

/// What a block kept, and the dropout after it.
type Kept = (Saved, Option<Saved>);

/// A way up and a way down.
struct Passes {
    recipe: BackProp,
    /// Whether rows are to be given back, and not their classes.
    rebuilds: bool,
    /// One after each block.
    drops: Vec<Dropout>,
    output: Dense,
}

impl Passes {
    /// Rows of a part of a batch of `rows`, if it is cut.
    fn micro(&self, rows: usize) -> Option<usize> {
        let micro = self.recipe.micro_batch as usize;
        (micro > 0 && micro < rows).then_some(micro)
    }

    /// How many blocks lie between two that keep their input, and the first of those that keep everything.
    fn segments(&self, top: usize) -> (usize, usize) {
        match self.recipe.recompute_every as usize {
            0 => (top.max(1), 0),
            every => (every, top.saturating_sub(1) / every * every),
        }
    }

    /// One way up and down with rows `x` that are `share` of the batch: their mean loss, and how many were misjudged.
    fn run(
        &mut self,
        net: &mut Net,
        (x, labels, share): (&Tensor, &[u8], f64),
        chance: &mut Rng,
        clock: &mut dyn Clock,
        descend: &mut dyn Descend,
    ) -> Result<(f64, usize), Diverged> {
        let (rows, top) = (labels.len(), net.len());
        let (every, mut first) = self.segments(top);
        clock.press(Phase::Forward, 0);
        let row = x;
        let mut x = self.recipe.norm.apply(&x.clone().into());
        // Of the segments below `first` only the input is kept, and where chance stood.
        let mut marks: Vec<(Saved, Rng)> = Vec::with_capacity(first / every);
        for l in (0..first).step_by(every) {
            marks.push((Saved::of(vec![x.clone().without_squares()]), chance.clone()));
            x = self.up(&mut net[l..l + every], l, x, chance, clock, &mut |_| ());
        }
        let mut kept: Vec<Kept> = Vec::with_capacity(top - first);
        let x = self.up(&mut net[first..], first, x, chance, clock, &mut |one| kept.push(one));
        clock.press(Phase::Forward, top);
        clock.work(self.output.cost(rows).forward_macs);
        let (z, saved) = self.output.forward(x, chance);
        clock.held(bytes(&marks, &kept, Some(&saved)));
        let z = z.into_tensor();
        finite(&view(&z), None, if self.rebuilds { "the reconstruction" } else { "logits" })?;

        clock.press(Phase::Credit, top);
        let (loss, dz, wrong) = self.judge(z, row, labels);
        let dz =
            if share == 1.0 { dz } else { update(dz, |dz| dz.iter_mut().for_each(|d| *d *= share as f32)) };
        let mut dx = self.output.pullback(saved, dz.into(), top > 0, &mut Timed::new(descend, clock, top));
        loop {
            dx = self.down(&mut net[first..], first, kept, dx, clock, descend);
            let Some((mark, mut chance)) = marks.pop() else { break };
            first -= every;
            kept = Vec::with_capacity(every);
            let x = mark.matrices.into_iter().next().expect("a mark is an input");
            self.up(&mut net[first..first + every], first, x, &mut chance, clock, &mut |one| kept.push(one));
            clock.held(bytes(&marks, &kept, None));
        }
        clock.held(0);
        Ok((loss, wrong))
    }

    /// L, ∂L/∂z, and how many rows `x` of these labels were misjudged.
    fn judge(&self, z: Tensor, x: &Tensor, labels: &[u8]) -> (f64, Tensor, usize) {
        if self.rebuilds {
            let (loss, dz) = SquaredError.loss(&z, x);
            return (loss, dz, 0);
        }
        let loss = CrossEntropy { label_smoothing: self.recipe.label_smoothing };
        let (loss, dz) = loss.loss(&z, labels);
        (loss, dz, misjudged(&z, labels))
    }

    /// Up through `blocks`, the first of which is block `from`. What each keeps goes to `keep`.
    fn up(
        &mut self,
        blocks: &mut Net,
        from: usize,
        mut x: Activity,
        chance: &mut Rng,
        clock: &mut dyn Clock,
        keep: &mut dyn FnMut(Kept),
    ) -> Activity {
        for (block, l) in blocks.iter_mut().zip(from..) {
            clock.press(Phase::Forward, l);
            clock.work(block.cost(x.dims()[0]).forward_macs);
            let (h, saved) = block.forward(x, chance); // h = φ(x W + b)
            if self.recipe.dropout == 0.0 {
                keep((saved, None));
                x = h;
            } else {
                let (h, dropped) = self.drops[l].forward(h, chance);
                keep((saved, Some(dropped)));
                x = h;
            }
        }
        x
    }

    /// Down through `blocks`, the first of which is block `from`.
    fn down(
        &mut self,
        blocks: &mut Net,
        from: usize,
        kept: Vec<Kept>,
        mut dx: Option<Tensor>,
        clock: &mut dyn Clock,
        descend: &mut dyn Descend,
    ) -> Option<Tensor> {
        for (i, (block, (saved, dropped))) in blocks.iter_mut().zip(kept).enumerate().rev() {
            let l = from + i;
            clock.press(Phase::Credit, l);
            let dh = match dropped {
                Some(dropped) => self.drops[l].pullback(dropped, dx?.into(), true, descend),
                None => dx,
            };
            dx = block.pullback(saved, dh?.into(), l > 0, &mut Timed::new(descend, clock, l));
        }
        dx
    }

    /// See the module: [`Learner::step_bytes`].
    fn bytes(&self, net: &Net, rows: usize) -> Option<u64> {
        let output: &dyn Block = &self.output;
        let blocks = net.iter().map(|block| &**block).chain([output]).enumerate();
        let blocks: Option<Vec<_>> =
            blocks.map(|(l, block)| block.arrays(rows, Pull { dx: l > 0, push: false })).collect();
        let blocks = blocks?;
        let scratch = blocks.iter().map(|pieces| Arrays::scratch(pieces)).max().unwrap_or(0);
        let out = |l: usize| blocks[l].last().map_or(0, |piece| piece.output);
        let (every, first) = self.segments(net.len());
        // The input of the first segment is data; its scales are not.
        let mut base = if self.recipe.norm == Norm::None { 0 } else { rows as u64 * 4 };
        let mut most = 0;
        for l in (0..first).step_by(every) {
            let (kept, peak) = self.segment(&blocks[l..l + every], base, true);
            // Made again, its error waiting already. The last output has its sums of squares, unless dropout made
            // an array of its own from it.
            let shared = blocks[l + every - 1].last().is_some_and(|piece| piece.keeps_output);
            let squares = if self.recipe.dropout != 0.0 && shared { 0 } else { rows as u64 * 4 };
            most = most.max(peak).max(kept + out(l + every - 1) + squares);
            base += out(l + every - 1);
        }
        let (kept, peak) = self.segment(&blocks[first..], base, false);
        // The last output is the logits, whose error is as large.
        Some(most.max(peak).max(kept + out(net.len())) + scratch)
    }

    /// What is there after the way up through a segment on top of `base`, and the most on the way down. Unless it is
    /// `hidden`, its last block is the output, which has no dropout.
    fn segment(&self, blocks: &[Vec<Arrays>], base: u64, hidden: bool) -> (u64, u64) {
        let (mut kept, mut most) = (base, 0);
        for (l, pieces) in blocks.iter().enumerate() {
            for (i, piece) in pieces.iter().enumerate() {
                let h = if piece.keeps_output { piece.output } else { 0 };
                kept += piece.kept;
                // Its error comes down while it, and all below it, still hold what they kept.
                most = most.max(kept + h + piece.output + piece.pullback);
                // Dropout keeps its mask; what it lets through is an array of its own beside h.
                let drops = self.recipe.dropout != 0.0 && (hidden || l + 1 < blocks.len());
                let dropped = if drops && i + 1 == pieces.len() { piece.output + h } else { 0 };
                kept += piece.output + dropped;
            }
        }
        (kept, most)
    }
}

fn bytes(marks: &[(Saved, Rng)], kept: &[Kept], output: Option<&Saved>) -> u64 {
    let kept = kept.iter().flat_map(|(saved, dropped)| std::iter::once(saved).chain(dropped));
    Saved::bytes(marks.iter().map(|(mark, _)| mark).chain(kept).chain(output))
}

/// Rows whose highest score is not their label's.
fn misjudged(scores: &Tensor, labels: &[u8]) -> usize {
    let classes = scores.dims()[1];
    let scores = view(scores);
    let rows = scores.chunks_exact(classes).zip(labels);
    rows.filter(|(row, label)| row.iter().any(|score| *score > row[usize::from(**label)])).count()
}
