//! Forward-Forward, supervised. Hinton 2022, "The Forward-Forward Algorithm: Some Preliminary Investigations",
//! arXiv:2212.13345, and the MATLAB code published with it.
//!
//! Every layer has its own loss and nothing flows back past it. A *positive* row is an image with its true label
//! written in, a *negative* row the same image with a wrong one. Each layer learns to have high goodness on the
//! first and low goodness on the second:
//!
//! ```text
//! x₀ = N(image with label)            N: row norm, only the direction goes on
//! hₗ = φ(xₗ Wₗ + bₗ)    gₗ = Σⱼ hₗⱼ²    p = σ((gₗ − θ)/T)    xₗ₊₁ = N(hₗ)
//! δ  = ∂L/∂a = −(t − p) h / (T B)     t = 1 for positive rows, 0 for negative; B = positive rows
//! mⱼ ← 0.9 mⱼ + 0.1 mean_pos(hⱼ)      δⱼ −= λ (mean_k m_k − mⱼ) / B on every positive row, ungated by φ
//! ```
//!
//! A linear softmax *head* reads `N(h)` of the layers after the first under a neutral label. It answers in one pass
//! (`head`), and the wrong labels are drawn from it: those the network would fall for. The other read-out
//! (`goodness`) tries every label and takes the one whose goodness, summed over the layers after the first, is best.
//! All layers learn in the same step, from activities computed with the weights before it.
//!
//! θ is `theta` in units u of goodness: that of activities of 1, or with `calibrate` the mean |g| that the untrained
//! layer has on its first positive rows; T is then stretched by u/n. That is ours, for fair comparisons of goodnesses.
//!
//! Letters: see the crate's documentation; λ is `peer_weight`, m the peers' running mean.
//!
//! # Differences from the paper
//! - The gradient of g is 2h; the published code drops the 2 and learning rates are tuned to that. So do we: each
//!   layer descends ½ L.
//! - ε of the row norm is 1e-20, not e⁻¹⁰⁰, which f32 cannot hold.
//! - Batches are drawn afresh each epoch; the published code keeps 500 fixed ones.
//! - If rounding leaves the sampler of wrong labels empty-handed, it takes the likeliest; the published code then
//!   shows no label at all.
//! - With one layer there is none after the first: `skip_first = false` must be said.

mod census;
mod image;
mod memory;
mod overlap;
mod readout;
mod settings;
mod unsupervised;

use census::Census;
use image::Image;
use readout::OF_ONE_LAYER;
pub use settings::{Direction, ForwardForward, Readout, Together};
pub use unsupervised::Unsupervised;

use super::common::peers::Peers;
use super::common::softmax_head::SoftmaxHead;
use super::common::wrong_labels::WrongLabels;
use super::{
    Clock, Diverged, Learner, LearnerFn, Outline, Phase, Refusal, Scalar, StepCx, Task, finite,
    one_after_another, say_goodness, widths,
};
use crate::Tensor;
use crate::parts::Batch;
use crate::parts::activity::Activity;
use crate::parts::block::{Block, Credit, Net, Saved, Ungated};
use crate::parts::chance::{Purpose, Rng};
use crate::parts::host::{update, view};
use crate::parts::label_code::Labels;
use crate::parts::objective::Tags;
use crate::parts::optimizer::Descent;
use crate::parts::param::Param;

impl LearnerFn for ForwardForward {
    fn refuse(&self, blocks: &[Outline], task: &Task) -> Vec<Refusal> {
        let mut all = Vec::new();
        let mut refuse =
            |key, what: String, remedy: &str| all.push(Refusal { key, what, remedy: remedy.into() });
        if self.skip_first && blocks.len() == 1 {
            let what = "with one block there is none after the first to read out".into();
            refuse("skip_first", what, "set skip_first = false, or add a block");
        }
        if !self.head && self.negatives.needs_logits() {
            let what = format!("`{}` negatives are drawn from the head", self.negatives.name());
            refuse("negatives.kind", what, "set head = true, or choose uniform negatives");
        }
        if !self.head && self.readout == Readout::Head {
            refuse(
                "readout",
                "there is no head to read".into(),
                "set head = true, or readout = \"goodness\"",
            );
        }
        if self.layer_readouts && blocks.len() > OF_ONE_LAYER.len() {
            let what = format!("{} layers cannot be read one by one", blocks.len());
            refuse(
                "layer_readouts",
                what,
                &format!("set layer_readouts = false, or use at most {} layers", OF_ONE_LAYER.len()),
            );
        }
        if self.layers == Together::Greedily && task.epochs < blocks.len() as u64 {
            let what = format!("{} epochs cannot be shared among {} layers", task.epochs, blocks.len());
            refuse("layers", what, "give at least one epoch a layer, or layers = \"together\"");
        }
        if self.overlap && (self.negatives.needs_logits() || self.layers == Together::Greedily) {
            let what = if self.negatives.needs_logits() {
                format!("`{}` negatives ask the head, which reads all layers", self.negatives.name())
            } else {
                "greedily, one layer learns at a time".into()
            };
            refuse(
                "overlap",
                what,
                "set overlap = false, or choose uniform negatives and layers = \"together\"",
            );
        }
        if let Some((what, remedy)) = self.label.refuse(task.input, task.classes) {
            refuse("label.kind", what, remedy);
        }
        all
    }

    fn overlaps(&self) -> bool {
        self.overlap
    }

    fn build(&self, net: &mut Net, task: &Task) -> Box<dyn Learner> {
        Box::new(self.running(net, task))
    }
}

impl ForwardForward {
    fn running(&self, net: &mut Net, task: &Task) -> Running {
        let widths = widths(net, task.input);
        let layers = net.iter_mut().zip(&widths).enumerate().map(|(l, (block, width))| Layer {
            descent: Descent::new(&self.optimizer, &format!("layer.{l}"), |visit| block.params(visit)),
            peers: Peers::new(format!("layer.{l}.peers"), *width),
            unit: {
                let unit = usize::from(self.calibrate);
                Param::new(format!("layer.{l}.unit"), &[unit], vec![0.0; unit], false)
            },
            of_ones: self.goodness.of_ones(*width),
        });
        let read = widths.iter().enumerate().map(|(l, width)| (self.head && self.reads(l)).then_some(*width));
        let known = if self.readout_every > 1 && self.negatives.needs_logits() {
            task.train_rows * task.classes
        } else {
            0
        };
        Running {
            layers: layers.collect(),
            head: SoftmaxHead::new(read, task.classes, &self.head_optimizer),
            known: Param::new("head.known", &[known], vec![0.0; known], false),
            wrong: WrongLabels::new(&self.negatives, task),
            recipe: self.clone(),
            task: task.clone(),
            epoch: 1,
        }
    }
}

/// What the learner keeps for a layer.
struct Layer {
    descent: Descent,
    peers: Peers,
    /// With `calibrate`: the mean goodness of positive rows that the layer began with, 0 until there is one; else
    /// empty.
    unit: Param,
    of_ones: f64,
}

struct Running {
    recipe: ForwardForward,
    task: Task,
    layers: Vec<Layer>,
    head: SoftmaxHead,
    /// With `readout_every` > 1: the last logits of each training row, zero until its first; else empty.
    known: Param,
    wrong: WrongLabels,
    epoch: u64,
}

impl Learner for Running {
    fn epoch(&mut self, epoch: u64) -> f64 {
        self.epoch = epoch;
        self.gain()
    }

    fn step(&mut self, net: &mut Net, batch: &Batch, cx: &mut StepCx<'_>) -> Result<Vec<Scalar>, Diverged> {
        let (top, recipe) = (self.top(), self.recipe.clone());
        let mut said = Vec::new();
        cx.clock.press(Phase::Forward, 0);
        let image = Image::new(&recipe, &*net[0], &batch.x, &self.task, &mut *cx.clock);
        let logits = self.head_step(net, &image, batch, cx, &mut said)?;

        cx.clock.press(Phase::Negatives, 0);
        let wrong = self.wrong.draw(batch, logits.as_ref(), cx);
        drop(logits);
        let mut lesson = Lesson::new(&recipe, self.gain(), &batch.labels, &wrong);
        let mut chance = cx.chance(Purpose::Dropout);
        let mut below = Some(Below::Image(image));
        for (l, block) in net.iter_mut().enumerate().take(top + 1) {
            let Some(shown) = below.take() else { break };
            cx.clock.press(Phase::Forward, l);
            let active = lesson.forward(&mut **block, shown, &mut chance, &mut *cx.clock);
            lesson.learns = recipe.layers == Together::Together || l == top;
            let layer = &mut self.layers[l];
            let x = layer.learn(l, &mut **block, active, &mut lesson, &mut *cx.clock, &mut said)?;
            below = Some(Below::Layer(x));
        }
        cx.clock.held(0);
        Ok(said)
    }

    fn overlaps(&self) -> bool {
        self.recipe.overlap
    }

    fn overlap(
        &mut self,
        net: &mut Net,
        feed: &mut dyn FnMut() -> Option<Batch>,
        cx: &mut StepCx<'_>,
    ) -> Result<Vec<Vec<Scalar>>, Diverged> {
        if self.recipe.overlap {
            self.side_by_side(net, feed, cx)
        } else {
            one_after_another(self, net, feed, cx)
        }
    }

    fn readouts(&self) -> Vec<&'static str> {
        let mut all = match (self.recipe.head, self.recipe.readout) {
            (false, _) => vec!["goodness"],
            (true, Readout::Goodness) => vec!["goodness", "head"],
            (true, Readout::Head) => vec!["head", "goodness"],
        };
        let alone = if self.recipe.layer_readouts { self.layers.len() } else { 0 };
        all.extend(OF_ONE_LAYER.into_iter().take(alone));
        all
    }

    fn predict(&self, net: &Net, x: &Tensor, readout: &str) -> Tensor {
        let layer = OF_ONE_LAYER.iter().position(|name| *name == readout);
        match (readout, layer.filter(|layer| self.recipe.layer_readouts && *layer < self.layers.len())) {
            (_, Some(layer)) => self.goodness_of_each_label(&net[..=layer], x, |l| l == layer),
            ("goodness", _) => self.goodness_of_each_label(net, x, |l| self.recipe.reads(l)),
            ("head", _) if self.recipe.head => self.logits(net, x),
            (other, _) => panic!("Forward-Forward has no read-out `{other}`"),
        }
    }

    fn above(&self, net: &Net, x: &Tensor) -> Tensor {
        if net.is_empty() {
            let (recipe, Task { classes, input, .. }) = (&self.recipe, &self.task);
            let shown = recipe.label.show(x, Labels::Neutral, *classes, *input);
            return recipe.norm.apply(&shown.into()).into_tensor();
        }
        self.neutrally(net, x).pop().expect("there is a layer").into_tensor()
    }

    fn step_bytes(&self, net: &Net, rows: usize) -> Option<u64> {
        self.bytes_of_step(net, rows)
    }

    fn params(&mut self, visit: &mut dyn FnMut(&mut Param)) {
        for (l, layer) in self.layers.iter_mut().enumerate() {
            layer.descent.params(visit);
            layer.peers.params(visit);
            Some(&mut layer.unit).filter(|unit| unit.count() > 0).into_iter().for_each(&mut *visit);
            self.head.params(l, visit);
        }
        if self.known.count() > 0 {
            visit(&mut self.known);
        }
        self.wrong.params(visit);
    }

    fn parts(&self) -> Vec<(String, u64, u64)> {
        self.head.describe()
    }
}

impl Running {
    /// The topmost layer that runs: all of them, or, greedily, the one being trained.
    fn top(&self) -> usize {
        self.stage().0
    }

    /// Greedily: (layer being trained, first epoch of its share − 1, epochs of its share). Together: all, all.
    fn stage(&self) -> (usize, u64, u64) {
        let (layers, epochs) = (self.head.layers() as u64, self.task.epochs);
        if self.recipe.layers == Together::Together {
            return (layers as usize - 1, 0, epochs);
        }
        let start = |l: u64| l * epochs / layers;
        let layer = (0..layers).rev().find(|l| start(*l) < self.epoch).unwrap_or(0);
        (layer as usize, start(layer), start(layer + 1) - start(layer))
    }

    fn gain(&self) -> f64 {
        let (_, before, epochs) = self.stage();
        self.recipe.schedule.gain(self.epoch - before, epochs)
    }
}

/// What a layer is shown: `I` is [`Image`], or a loan of it to a pass that is not the last.
#[allow(clippy::large_enum_variant, reason = "one at a time, on the stack")]
enum Below<I> {
    /// The first one: the images, with labels to be written in.
    Image(I),
    /// The others: what the layer below hands up.
    Layer(Activity),
}

/// What every layer is told of a step: positive rows, then as many negative ones.
struct Lesson<'a> {
    recipe: &'a ForwardForward,
    /// What the schedule puts on learning rates.
    gain: f64,
    tags: Tags,
    /// Whether the layer is to learn; greedily, one does.
    learns: bool,
    /// The only rows to teach: the positive ones, or the negative ones.
    only: Option<bool>,
}

impl Lesson<'_> {
    fn new<'a>(recipe: &'a ForwardForward, gain: f64, labels: &[u8], wrong: &[u8]) -> Lesson<'a> {
        let tags = Tags {
            real: (0..2 * labels.len()).map(|row| row < labels.len()).collect(),
            labels: [labels, wrong].concat(),
            direction: recipe.direction(),
            unit: 0.0,
            stretch: 1.0,
        };
        Lesson { recipe, gain, tags, learns: true, only: None }
    }

    /// h = φ(x W + b); the first layer's x is the image with its labels.
    fn forward(
        &self,
        block: &mut dyn Block,
        below: Below<Image<'_>>,
        chance: &mut Rng,
        clock: &mut dyn Clock,
    ) -> (Activity, Saved) {
        match below {
            Below::Image(image) => image.forward(block, Labels::Each(&self.tags.labels), chance, clock),
            Below::Layer(x) => {
                clock.work(block.cost(self.tags.real.len()).forward_macs);
                block.forward(x, chance)
            }
        }
    }
}

impl Layer {
    /// Learns from the layer's activity, and returns what the next layer sees of it.
    fn learn(
        &mut self,
        l: usize,
        block: &mut dyn Block,
        (h, saved): (Activity, Saved),
        lesson: &mut Lesson<'_>,
        clock: &mut dyn Clock,
        said: &mut Vec<Scalar>,
    ) -> Result<Activity, Diverged> {
        let Lesson { recipe, gain, ref mut tags, learns, only } = *lesson;
        clock.held(Saved::bytes([&saved]));
        let g = recipe.goodness.value(&h); // g(h)
        finite(&view(&g), Some(l), "goodness")?;

        clock.press(Phase::Credit, l);
        (tags.unit, tags.stretch) = self.scale(&g);
        let (loss, dg) = recipe.objective.loss(&g, tags); // L, ∂L/∂g
        let dg = match only {
            Some(kind) => update(dg, |dg| {
                dg.iter_mut()
                    .zip(&tags.real)
                    .filter(|(_, real)| **real != kind)
                    .for_each(|(dg, _)| *dg = 0.0);
            }),
            None => dg,
        };
        say_goodness(said, l, loss, &g, tags, recipe.objective.threshold(tags.unit));
        drop(g);
        say_census(said, l, &h, tags.real.len() / 2);
        let taught = view(&dg).iter().filter(|dg| **dg != 0.0).count() as f64 / tags.real.len() as f64;
        said.push(Scalar { name: "rows_taught", layer: Some(l), value: taught });
        if learns {
            let dg = update(dg, |dg| dg.iter_mut().for_each(|dg| *dg *= 0.5));
            let dh = recipe.goodness.pullback(&h, &dg); // ∂(½L)/∂h
            let ungated = self.peer_push(&h, tags.real.len() / 2, recipe).filter(|_| only != Some(false));
            self.descent.begin(gain);
            let credit = Credit { dy: dh, ungated, skip_idle_rows: recipe.skip_satisfied };
            block.pullback(saved, credit, false, &mut self.descent.on(&mut *clock, l)); // ∂L/∂W, ∂L/∂b, applied
        }
        clock.press(Phase::Forward, l);
        Ok(recipe.norm.apply(&h)) // nothing flows back past this line
    }

    /// The unit of goodness, and what temperatures are multiplied by. With `calibrate` the unit is u, the mean |g| of
    /// positive rows at the layer's first step (at which some are active), and the stretch u/n: the same goodness in
    /// another scale then learns the same.
    fn scale(&mut self, g: &Tensor) -> (f64, f64) {
        let n = self.peers.count() as f64;
        let Some(unit) = self.unit.values_mut().first_mut() else { return (self.of_ones, 1.0) };
        if *unit == 0.0 {
            let g = view(g);
            let positive = &g[..g.len() / 2];
            *unit = (positive.iter().map(|g| f64::from(g.abs())).sum::<f64>() / positive.len() as f64) as f32;
        }
        if *unit > 0.0 { (f64::from(*unit), f64::from(*unit) / n) } else { (self.of_ones, 1.0) }
    }

    /// Peer normalisation on the positive rows, which come first.
    fn peer_push(&mut self, h: &Activity, positives: usize, recipe: &ForwardForward) -> Option<Ungated> {
        if recipe.peer_weight as f32 == 0.0 {
            return None;
        }
        let mut sums = vec![0.0; self.peers.count()];
        adieu_kernels::column_sums(h.lend().rows().first(positives), &mut sums);
        let da = self.peers.push(sums, positives, recipe.peer_weight, recipe.peer_momentum);
        Some(Ungated { rows: positives, da })
    }
}

/// How busy the layer's units are on positive rows.
fn say_census(said: &mut Vec<Scalar>, l: usize, h: &Activity, positives: usize) {
    let n = h.dims()[1];
    let Census { sparsity, dead, always_on } = Census::of(&view(h.values())[..positives * n], n);
    for (name, value) in [("sparsity", sparsity), ("dead_units", dead), ("always_on", always_on)] {
        said.push(Scalar { name, layer: Some(l), value });
    }
}
