//! Trifecta: three techniques with which deeper networks learn by Forward-Forward (Dooms, Tsang & Oramas 2023, "The
//! Trifecta: Three simple techniques for training deeper Forward-Forward networks", arXiv:2311.18130, and the code
//! published with it).
//!
//! ```text
//! x₀⁺ = x with E_y    x₀⁻ = x with E_ȳ        ȳ any wrong label; positive and negative rows are one batch of 2B
//! hᵢ  = fᵢ(xᵢ)        gᵢ = mean hᵢ²    Lᵢ = (1/B) Σ softplus(−α (gᵢ⁺ − gᵢ⁻))        xᵢ₊₁ = hᵢ
//! block i has a loss at step t where i + t is even; Lᵢ trains fᵢ₋₁ and fᵢ, and nothing flows back any further
//! ```
//!
//! The three are
//!
//! - a loss that compares the two rows of a pair and knows no threshold (SymBa): `objective`;
//! - batch normalisation between layers, of positive and negative rows together, instead of the length of a row: the
//!   network's, `[{ kind = "batch_norm", affine = true }, { kind = "convolution", … }]`;
//! - overlapping local updates: two neighbouring blocks share a loss, and which are neighbours changes from step to step,
//!   so that each block learns for itself and for the one above: `window`.
//!
//! The label is a pattern as large as the image, E_y, and is learnt. It stands where a block below the first one would: L₀
//! trains E and f₀. Each loss has an optimizer of its own for all that it trains, so that a block has moments with its own
//! loss and with the one above. Blocks above the last loss of a step rest in it.
//!
//! An answer takes a pass for each label: the best goodness wins, of the last block (`last`) or summed over the blocks from
//! `first` on (`sum`), which puts the labels in the same order as their mean.
//!
//! Letters: i is a block, from 0; t the step, from 1; E the label patterns `[K, n_in]`; α is that of `pair_margin`.
//!
//! # Differences from the paper
//! - E_y is put beside the image as one channel more with `place = "beside"` only, and the network then begins with
//!   `label_channel`. Else it is added, a pattern for each of the image's channels: network and initial weights are those of
//!   the other learners, whatever the blocks, and batch normalisation before the first convolution sees the sum.
//! - At first E_y has the deviation `strength`, by default about that of an image's pixels; there both have 1.
//! - t runs on through the epochs; there it begins again with each.
//! - Convolutions have biases, which batch normalisation would not need.
//! - Blocks that rest do not move the running means of their batch normalisation; in the published code they do.
//! - With `logistic`, the original loss of an ablation (θ = 2), sums are divided by B, not by 2B.
//! - With windows of other lengths than 1 (each block by itself, an ablation of the paper) and 2 there is no paper.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::class_layers::{ClassReadout, OF_ONE_LAYER, refuse_readouts};
use super::common::wrong_labels::WrongLabels;
use super::{
    Ask, Clock, Diverged, Learner, LearnerFn, Outline, Phase, Refusal, Scalar, StepCx, Task, finite,
    say_goodness, widths,
};
use crate::Tensor;
use crate::parts::Batch;
use crate::parts::activity::Activity;
use crate::parts::block::{Credit, Net, Saved};
use crate::parts::chance::{Purpose, Rng};
use crate::parts::goodness::{Goodness, MeanSquares};
use crate::parts::host::{matrix, view};
use crate::parts::label_code::{Embedding, Labels, Place};
use crate::parts::negatives::{Negatives, Uniform};
use crate::parts::objective::{Objective, PairMargin, Tags};
use crate::parts::optimizer::{AdamW, Descent, Optimizer};
use crate::parts::param::Param;
use crate::parts::schedule::{Constant, Schedule};
use crate::parts::shape::Shape;

/// Pairs of rows, learnt label patterns, and losses that neighbouring blocks share. The defaults are the paper's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Trifecta {
    /// How a block scores its activity.
    pub goodness: Goodness,
    /// How the score is judged.
    pub objective: Objective,
    /// Which wrong labels the negative rows get.
    pub negatives: Negatives,
    /// Where the label patterns go.
    pub place: Place,
    /// Standard deviation of the label patterns before they learn; rows are as the data come.
    #[schemars(range(min = 1e-6, max = 1e6))]
    pub strength: f64,
    /// Neighbouring blocks that share a loss, with back-propagation through them; which are together changes from step to
    /// step. 1: each has its own.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub window: u64,
    /// How blocks and label patterns move.
    pub optimizer: Optimizer,
    /// Learning rates over the epochs.
    pub schedule: Schedule,
    /// How an answer is read out.
    pub readout: ClassReadout,
    /// The first block whose goodness is summed, counting from 0.
    pub first: u64,
    /// Also read out every block by itself. Every evaluation then takes passes more for each label; training is the same. At
    /// most 32 blocks.
    pub layer_readouts: bool,
}

impl Default for Trifecta {
    fn default() -> Trifecta {
        Trifecta {
            goodness: MeanSquares {}.into(),
            objective: PairMargin::default().into(),
            negatives: Uniform::default().into(),
            place: Place::Onto,
            strength: 0.3,
            window: 2,
            optimizer: AdamW::default().into(),
            schedule: Constant {}.into(),
            readout: ClassReadout::Last,
            first: 0,
            layer_readouts: false,
        }
    }
}

impl LearnerFn for Trifecta {
    fn refuse(&self, blocks: &[Outline], task: &Task) -> Vec<Refusal> {
        let mut all: Vec<Refusal> = refuse_readouts(self.first, self.layer_readouts, blocks.len()).collect();
        let mut refuse =
            |key, what: String, remedy: &str| all.push(Refusal { key, what, remedy: remedy.into() });
        if self.window as usize > blocks.len() {
            let what = format!("a window of {} does not fit {} blocks", self.window, blocks.len());
            refuse("window", what, "make it smaller, or add blocks");
        }
        if self.negatives.needs_logits() {
            let what =
                format!("`{}` negatives are drawn from a head, and there is none", self.negatives.name());
            refuse("negatives.kind", what, "choose uniform negatives");
        }
        if self.place == Place::Beside && !matches!(task.input, Shape::Image { .. }) {
            let what = format!("{} has no place for a channel more", task.input);
            refuse("place", what, "set place = \"onto\"");
        }
        if task.classes < 2 {
            refuse("negatives", "one class has no wrong label".into(), "use data of two classes or more");
        }
        all
    }

    fn asks(&self, block: usize) -> Vec<Ask> {
        if self.place == Place::Beside && block == 0 { vec![Ask::LabelChannel] } else { Vec::new() }
    }

    fn build(&self, net: &mut Net, task: &Task) -> Box<dyn Learner> {
        let widths = widths(net, task.input);
        let mut chance = Rng::stream(task.seed, Purpose::Head, 0);
        let pattern = match (self.place, task.input) {
            (Place::Beside, Shape::Image { h, w, .. }) => h * w,
            _ => task.input.features(),
        };
        let size = [task.classes, pattern];
        let mut embedding = Embedding::new("embedding", size, self.strength, self.place, &mut chance);
        let descents = (0..net.len()).map(|i| {
            Descent::new(&self.optimizer, &format!("loss.{i}"), |visit| {
                if i == 0 {
                    embedding.params(visit);
                }
                net[(i + 1).saturating_sub(self.window as usize)..=i]
                    .iter_mut()
                    .for_each(|block| block.params(visit));
            })
        });
        Box::new(Running {
            descents: descents.collect(),
            embedding,
            of_ones: widths.iter().map(|width| self.goodness.of_ones(*width)).collect(),
            wrong: WrongLabels::new(&self.negatives, task),
            recipe: self.clone(),
            classes: task.classes,
            epochs: task.epochs,
            epoch: 1,
        })
    }
}

struct Running {
    recipe: Trifecta,
    /// E
    embedding: Embedding,
    /// One a loss, for all that the loss trains.
    descents: Vec<Descent>,
    /// Of each block: the goodness of a row whose units all have activity 1.
    of_ones: Vec<f64>,
    wrong: WrongLabels,
    classes: usize,
    epochs: u64,
    epoch: u64,
}

impl Running {
    fn gain(&self) -> f64 {
        self.recipe.schedule.gain(self.epoch, self.epochs)
    }

    /// Whether block i has a loss at step t.
    fn has_loss(&self, i: usize, t: u64) -> bool {
        (i as u64 + t).is_multiple_of(self.recipe.window)
    }

    /// The blocks that have kept `window`, of which i is the last, learn from what it says, h: Lᵢ.
    fn learn(
        &mut self,
        net: &mut Net,
        (i, h): (usize, &Activity),
        window: Vec<Saved>,
        tags: &Tags,
        clock: &mut dyn Clock,
        said: &mut Vec<Scalar>,
    ) -> Result<(), Diverged> {
        // h is held too, where the block has not kept it anyway
        clock.held(Saved::bytes(window.iter().chain([&Saved::of(vec![h.clone()])])));
        let Trifecta { goodness, objective, .. } = &self.recipe;
        let g = goodness.value(h); // g(h)
        finite(&view(&g), Some(i), "goodness")?;
        clock.press(Phase::Credit, i);
        let (loss, dg) = objective.loss(&g, tags); // L, ∂L/∂g
        say_goodness(said, i, loss, &g, tags, objective.threshold(tags.unit));
        let mut credit: Option<Credit> = Some(goodness.pullback(h, &dg).into()); // ∂L/∂h
        let (first, gain) = (i + 1 - window.len(), self.gain());
        let descent = &mut self.descents[i];
        descent.begin(gain);
        for (j, saved) in (first..i + 1).zip(window).rev() {
            let Some(dh) = credit.take() else { break };
            // nothing flows back past the window's first block, but for L₀, which trains the label patterns
            let dx = net[j].pullback(saved, dh, j > first || i == 0, &mut descent.on(&mut *clock, j));
            credit = dx.map(Credit::from);
        }
        if let Some(dx) = credit {
            self.embedding.pullback(&dx.dy.into_tensor(), &tags.labels, &mut descent.on(&mut *clock, 0));
        }
        clock.held(0);
        Ok(())
    }

    /// The goodness of each label, summed over the blocks that `reads` names `[B, K]`.
    fn goodness_of_each_label(&self, net: &Net, x: &Tensor, reads: impl Fn(usize) -> bool) -> Tensor {
        let (rows, classes) = (x.dims()[0], self.classes);
        let last = (0..net.len()).rev().find(|i| reads(*i)).unwrap_or(0);
        let mut scores = vec![0.0; rows * classes];
        for class in 0..classes {
            let mut h = Activity::from(self.embedding.write(x, Labels::All(class as u8)));
            for (i, block) in net[..=last].iter().enumerate() {
                h = block.apply(&h);
                if reads(i) {
                    let g = self.recipe.goodness.value(&h);
                    let slots = scores.iter_mut().skip(class).step_by(classes);
                    slots.zip(view(&g).iter()).for_each(|(score, g)| *score += g);
                }
            }
        }
        matrix(scores, rows, classes)
    }
}

impl Learner for Running {
    fn epoch(&mut self, epoch: u64) -> f64 {
        self.epoch = epoch;
        self.gain()
    }

    fn step(&mut self, net: &mut Net, batch: &Batch, cx: &mut StepCx<'_>) -> Result<Vec<Scalar>, Diverged> {
        let rows = 2 * batch.labels.len();
        cx.clock.press(Phase::Negatives, 0);
        let wrong = self.wrong.draw(batch, None, cx);
        let mut tags = Tags {
            real: (0..rows).map(|row| row < rows / 2).collect(),
            labels: [&batch.labels[..], &wrong].concat(),
            direction: 1.0,
            unit: 0.0,
            stretch: 1.0,
        };
        let mut x = Activity::from(self.embedding.write(&batch.x, Labels::Each(&tags.labels))); // x with E_y
        let (mut said, mut window, mut chance) = (Vec::new(), Vec::new(), cx.chance(Purpose::Dropout));
        // blocks above the last that has a loss in this step rest
        let last = (0..net.len()).rev().find(|i| self.has_loss(*i, cx.step));
        for i in 0..last.map_or(0, |last| last + 1) {
            cx.clock.press(Phase::Forward, i);
            cx.clock.work(net[i].cost(rows).forward_macs);
            let (h, saved) = net[i].forward(x, &mut chance); // h = f(x)
            window.push(saved);
            if self.has_loss(i, cx.step) {
                tags.unit = self.of_ones[i];
                let window = std::mem::take(&mut window);
                self.learn(net, (i, &h), window, &tags, &mut *cx.clock, &mut said)?;
            }
            x = h;
        }
        Ok(said)
    }

    fn readouts(&self) -> Vec<&'static str> {
        // the other one would take K passes more in every evaluation
        let mut all = match self.recipe.readout {
            ClassReadout::Sum => vec!["sum"],
            ClassReadout::Last => vec!["last"],
        };
        let alone = if self.recipe.layer_readouts { self.descents.len() } else { 0 };
        all.extend(OF_ONE_LAYER.into_iter().take(alone));
        all
    }

    fn predict(&self, net: &Net, x: &Tensor, readout: &str) -> Tensor {
        match (readout, OF_ONE_LAYER.iter().position(|name| *name == readout)) {
            (_, Some(layer)) => self.goodness_of_each_label(net, x, |i| i == layer),
            ("sum", _) => self.goodness_of_each_label(net, x, |i| i as u64 >= self.recipe.first),
            ("last", _) => self.goodness_of_each_label(net, x, |i| i + 1 == net.len()),
            (other, _) => panic!("Trifecta has no read-out `{other}`"),
        }
    }

    fn above(&self, net: &Net, x: &Tensor) -> Tensor {
        let shown = Activity::from(self.embedding.write(x, Labels::Neutral));
        net.iter().fold(shown, |x, block| block.apply(&x)).into_tensor()
    }

    fn params(&mut self, visit: &mut dyn FnMut(&mut Param)) {
        self.embedding.params(visit);
        self.descents.iter_mut().for_each(|descent| descent.params(visit));
        self.wrong.params(visit);
    }

    fn parts(&self) -> Vec<(String, u64, u64)> {
        vec![("label patterns".into(), self.classes as u64, self.embedding.parameters())]
    }
}
