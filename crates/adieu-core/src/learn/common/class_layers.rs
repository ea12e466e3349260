//! Layers that each learn the classes by themselves: a block, the scores of what it says, softmax cross-entropy, and
//! nothing that flows back past it. What DeeperForward, local heads and CwComp share.
//!
//! ```text
//! x₀ = N(image)    hₗ = f_l(xₗ)    sₗ = score(hₗ)    Lₗ = −(1/B) Σ log softmax(sₗ/T)_y    xₗ₊₁ = N(hₗ)
//! ```
//!
//! All layers learn in the same step, layer l + 1 from what layer l said before it learnt. With windows of w > 1 layers,
//! those whose number, from 0, is −t mod w at step t have a loss, which trains the w layers that end with them; layers above the
//! last of these rest in that step. Read-outs: the scores of some
//! layers, summed, or those of the last.
//!
//! A layer is a block; or, with `by_leaf`, whatever inside the blocks has weights to learn ([`leaves`]), and the rest, as
//! norms, pools and ways around, is passed through.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::softmax_head::SoftmaxHead;
use super::windows::Span;
use crate::Tensor;
use crate::learn::{
    Clock, Diverged, Learner, Outline, Phase, Refusal, Scalar, StepCx, Task, finite, one_after_another,
    outlines,
};
use crate::parts::Batch;
use crate::parts::activity::Activity;
use crate::parts::block::{Block, Net, Saved};
use crate::parts::chance::{Purpose, Rng};
use crate::parts::class_score::{ClassScore, Scorer};
use crate::parts::host::{update, view};
use crate::parts::leaves;
use crate::parts::norm::Norm;
use crate::parts::objective::CrossEntropy;
use crate::parts::optimizer::{Descent, Optimizer};
use crate::parts::param::Param;
use crate::parts::schedule::Schedule;
use crate::parts::shape::Shape;

/// How an answer is read out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClassReadout {
    /// The scores of the layers that are summed.
    #[default]
    Sum,
    /// The scores of the last layer.
    Last,
}

/// What the read-outs of one layer alone are called, from the first layer on.
pub(in crate::learn) const OF_ONE_LAYER: [&str; 32] = [
    "layer.1", "layer.2", "layer.3", "layer.4", "layer.5", "layer.6", "layer.7", "layer.8", "layer.9",
    "layer.10", "layer.11", "layer.12", "layer.13", "layer.14", "layer.15", "layer.16", "layer.17",
    "layer.18", "layer.19", "layer.20", "layer.21", "layer.22", "layer.23", "layer.24", "layer.25",
    "layer.26", "layer.27", "layer.28", "layer.29", "layer.30", "layer.31", "layer.32",
];

/// How such layers learn.
pub(in crate::learn) struct Settings {
    pub(in crate::learn) score: ClassScore,
    /// T
    pub(in crate::learn) temperature: f64,
    pub(in crate::learn) label_smoothing: f64,
    /// N
    pub(in crate::learn) norm: Norm,
    pub(in crate::learn) optimizer: Optimizer,
    pub(in crate::learn) score_optimizer: Optimizer,
    pub(in crate::learn) schedule: Schedule,
    pub(in crate::learn) readout: ClassReadout,
    /// Layers that are summed: from this one, counting from 0,
    pub(in crate::learn) first: usize,
    /// up to this one, it included.
    pub(in crate::learn) last: usize,
    pub(in crate::learn) layer_readouts: bool,
    /// The epochs, from 1, in which each layer learns, and what its schedule runs over.
    pub(in crate::learn) spans: Vec<Span>,
    /// Layers that share a loss, that of the last of them; which are together changes from step to step.
    pub(in crate::learn) window: usize,
    /// Layers are the leaves that learn, not whole blocks.
    pub(in crate::learn) by_leaf: bool,
    /// Layers side by side: see [`super::pipeline`].
    pub(in crate::learn) overlap: bool,
    /// What a linear softmax on the last layer's output learns by; `None`: there is none.
    pub(in crate::learn) head: Option<Optimizer>,
}

/// What cannot be scored, by the `key` that says how, and layers that cannot be summed.
pub(in crate::learn) fn refuse(
    (key, score): (&'static str, &ClassScore),
    (first, layer_readouts): (u64, bool),
    layers: &[Shape],
    task: &Task,
) -> Vec<Refusal> {
    let scores = layers.iter().enumerate().filter_map(|(l, shape)| {
        let (what, remedy) = score.refuse(*shape, task.classes)?;
        Some(Refusal { key, what: format!("layer {}: {what}", l + 1), remedy })
    });
    scores.chain(refuse_readouts(first, layer_readouts, layers.len())).collect()
}

/// Of `blocks` layers: those that cannot be summed from the one numbered `first`, or are too many to be read one by one.
pub(in crate::learn) fn refuse_readouts(
    first: u64,
    layer_readouts: bool,
    blocks: usize,
) -> impl Iterator<Item = Refusal> {
    let late = (first as usize >= blocks).then(|| Refusal {
        key: "first",
        what: format!("layer {} of {blocks} is asked to be the first that is summed", first + 1),
        remedy: format!("choose 0 to {}", blocks.saturating_sub(1)),
    });
    let many = (layer_readouts && blocks > OF_ONE_LAYER.len()).then(|| Refusal {
        key: "layer_readouts",
        what: format!("{blocks} layers cannot be read one by one"),
        remedy: format!("set layer_readouts = false, or use at most {} layers", OF_ONE_LAYER.len()),
    });
    late.into_iter().chain(many)
}

/// What is kept for a layer.
pub(super) struct Layer {
    score: Box<dyn Scorer>,
    pub(super) descent: Descent,
    score_descent: Descent,
}

impl Layer {
    /// ∂L/∂h of layer l, which says h; its score takes a step. `held` is what is kept for the way back.
    #[allow(clippy::too_many_arguments, reason = "a step's whole surroundings, for one layer")]
    pub(super) fn error(
        &mut self,
        settings: &Settings,
        gain: f64,
        (l, h): (usize, &Activity),
        held: &[Saved],
        labels: &[u8],
        clock: &mut dyn Clock,
        said: &mut Vec<Scalar>,
    ) -> Result<Tensor, Diverged> {
        let rows = labels.len();
        clock.work(self.score.macs(rows));
        let (s, seen) = self.score.forward(h); // s(h)
        // h is held too, where the block has not kept it anyway
        clock.held(Saved::bytes(held.iter().chain([&seen, &Saved::of(vec![h.clone()])])));
        finite(&view(&s), Some(l), "class scores")?;
        clock.press(Phase::Credit, l);
        let (loss, ds, wrong) = judge(s, labels, settings); // L, ∂L/∂s
        said.push(Scalar { name: "loss", layer: Some(l), value: loss });
        said.push(Scalar { name: "batch_error", layer: Some(l), value: wrong });
        self.score_descent.begin(gain);
        clock.work(2 * self.score.macs(rows));
        Ok(self.score.pull_back(h, seen, &ds, &mut self.score_descent)) // ∂L/∂h
    }
}

/// Such layers at work.
pub(in crate::learn) struct ClassLayers {
    pub(super) settings: Settings,
    pub(super) layers: Vec<Layer>,
    /// How many of them each block has.
    pub(super) counts: Vec<usize>,
    head: Option<SoftmaxHead>,
    classes: usize,
    epochs: u64,
    epoch: u64,
}

impl ClassLayers {
    pub(in crate::learn) fn new(settings: Settings, net: &mut Net, task: &Task) -> ClassLayers {
        let blocks = outlines(net, task.input);
        let own = |block: Outline| if settings.by_leaf { block.layers } else { vec![block.output] };
        let shapes: Vec<Vec<Shape>> = blocks.into_iter().map(own).collect();
        let (counts, shapes) = (shapes.iter().map(Vec::len).collect(), shapes.concat());
        let mut layers: Vec<Layer> = Vec::with_capacity(shapes.len());
        let mut add = |block: &mut dyn Block| {
            let (l, shape) = (layers.len(), shapes[layers.len()]);
            let mut chance = Rng::stream(task.seed, Purpose::Head, l as u64 + 1);
            let mut score = settings.score.build(&format!("score.{l}"), shape, task.classes, &mut chance);
            let score_path = format!("descent.score.{l}");
            let score_descent =
                Descent::new(&settings.score_optimizer, &score_path, |visit| score.params(visit));
            let descent =
                Descent::new(&settings.optimizer, &format!("layer.{l}"), |visit| block.params(visit));
            layers.push(Layer { score, descent, score_descent });
        };
        for block in net.iter_mut() {
            if settings.by_leaf {
                leaves::each(&mut **block, &mut |leaf| {
                    if leaves::learns(leaf) {
                        add(leaf);
                    }
                });
            } else {
                add(&mut **block);
            }
        }
        let last = shapes.len().saturating_sub(1);
        let read = |l: usize, shape: &Shape| (l == last).then_some(shape.features());
        let head = settings.head.as_ref().map(|optimizer| {
            let widths = shapes.iter().enumerate().map(|(l, shape)| read(l, shape));
            SoftmaxHead::new(widths, task.classes, optimizer)
        });
        ClassLayers { settings, layers, counts, head, classes: task.classes, epochs: task.epochs, epoch: 1 }
    }

    /// The topmost layer that runs: the last that learns now; all of them where a head reads the last.
    fn top(&self) -> usize {
        let learning = (0..self.layers.len()).rev().find(|l| self.settings.spans[*l].holds(self.epoch));
        if self.head.is_some() { self.layers.len() - 1 } else { learning.unwrap_or(self.layers.len() - 1) }
    }

    /// Whether a window ends with layer l at step number `step`.
    fn ends_at(&self, l: usize, step: u64) -> bool {
        (l as u64 + step).is_multiple_of(self.settings.window as u64)
    }

    /// The factor on layer l's learning rates.
    pub(super) fn gain(&self, l: usize) -> f64 {
        self.settings.spans[l].gain(&self.settings.schedule, self.epoch)
    }

    /// Up through layer l, with what its window has kept so far.
    fn up(
        &self,
        (l, block): (usize, &mut dyn Block),
        x: Activity,
        window: &mut Vec<Saved>,
        chance: &mut Rng,
        clock: &mut dyn Clock,
    ) -> Activity {
        clock.press(Phase::Forward, l);
        clock.work(block.cost(x.dims()[0]).forward_macs);
        let (h, saved) = block.forward(x, chance); // h = f(x)
        window.push(saved);
        h
    }

    /// The layers of a window, of which l is the last, learn from what it says, h.
    fn learn(
        &mut self,
        net: &mut Net,
        (l, h): (usize, &Activity),
        window: Vec<Saved>,
        labels: &[u8],
        clock: &mut dyn Clock,
        said: &mut Vec<Scalar>,
    ) -> Result<(), Diverged> {
        let gain = self.gain(l);
        let mut dh =
            Some(self.layers[l].error(&self.settings, gain, (l, h), &window, labels, clock, said)?);
        let first = l + 1 - window.len();
        for (l, saved) in (first..l + 1).zip(window).rev() {
            let Some(credit) = dh.take() else { break };
            let gain = self.gain(l);
            let descent = &mut self.layers[l].descent;
            descent.begin(gain);
            // nothing flows back past the window's first layer
            dh = net[l].pullback(saved, credit.into(), l > first, &mut descent.on(&mut *clock, l));
        }
        clock.held(0);
        Ok(())
    }

    /// What comes out of `net`; `f` is shown h of every layer in it.
    fn through(&self, net: &Net, x: &Tensor, mut f: impl FnMut(usize, &Activity)) -> Activity {
        let Settings { norm, by_leaf, .. } = self.settings;
        let mut l = 0;
        let mut one = |block: &dyn Block, x: &Activity| {
            let h = block.apply(x);
            if by_leaf && !leaves::learns(block) {
                return h;
            }
            f(l, &h);
            l += 1;
            norm.apply(&h)
        };
        net.iter().fold(norm.apply(&x.clone().into()), |x, block| {
            if by_leaf { leaves::apply(&**block, &x, &mut one) } else { one(&**block, &x) }
        })
    }

    /// The first few blocks, with all layers up to number l.
    fn up_to<'a>(&self, net: &'a Net, l: usize) -> &'a Net {
        let mut before = 0;
        let above = self.counts.iter().position(|count| {
            before += count;
            before > l
        });
        &net[..above.map_or(net.len(), |block| block + 1)]
    }

    /// The scores of layers, summed.
    fn sum(&self, net: &Net, x: &Tensor, reads: impl Fn(usize) -> bool) -> Tensor {
        let mut sum: Option<Tensor> = None;
        let last = (0..self.layers.len()).rev().find(|l| reads(*l)).unwrap_or(0);
        self.through(self.up_to(net, last), x, |l, h| {
            if reads(l) {
                let scores = self.layers[l].score.scores(h);
                sum = Some(match sum.take() {
                    None => scores,
                    Some(sum) => update(sum, |sum| {
                        sum.iter_mut().zip(view(&scores).iter()).for_each(|(sum, s)| *sum += s);
                    }),
                });
            }
        });
        sum.expect("some layer is read")
    }
}

/// Loss, ∂L/∂s and the share of rows that the scores misjudge.
fn judge(s: Tensor, labels: &[u8], settings: &Settings) -> (f64, Tensor, f64) {
    let classes = s.dims()[1];
    let values = view(&s);
    let rows = values.chunks_exact(classes).zip(labels);
    let wrong = rows.filter(|(row, label)| row.iter().any(|s| *s > row[usize::from(**label)])).count();
    drop(values);
    let factor = (1.0 / settings.temperature) as f32;
    let scale = |t: Tensor| {
        if factor == 1.0 { t } else { update(t, |t| t.iter_mut().for_each(|t| *t *= factor)) }
    };
    let cross_entropy = CrossEntropy { label_smoothing: settings.label_smoothing };
    let (loss, ds) = cross_entropy.loss(&scale(s), labels);
    (loss, scale(ds), wrong as f64 / labels.len() as f64)
}

impl Learner for ClassLayers {
    fn epoch(&mut self, epoch: u64) -> f64 {
        self.epoch = epoch;
        self.gain(self.top())
    }

    fn step(&mut self, net: &mut Net, batch: &Batch, cx: &mut StepCx<'_>) -> Result<Vec<Scalar>, Diverged> {
        if self.settings.by_leaf {
            return self.leaf_by_leaf(net, batch, cx);
        }
        let mut said = Vec::new();
        let (norm, top) = (self.settings.norm, self.top());
        let mut chance = cx.chance(Purpose::Dropout);
        let mut x = norm.apply(&batch.x.clone().into());
        let mut window = Vec::new();
        // layers above the last that has a loss in this step rest
        let last = (0..=top).rev().find(|l| self.ends_at(*l, cx.step)).unwrap_or(top);
        for l in 0..=last {
            if !self.settings.spans[l].holds(self.epoch) {
                cx.clock.press(Phase::Forward, l);
                cx.clock.work(net[l].cost(batch.labels.len()).forward_macs);
                x = norm.apply(&net[l].apply(&x));
                continue;
            }
            let h = self.up((l, &mut *net[l]), x, &mut window, &mut chance, &mut *cx.clock);
            if self.ends_at(l, cx.step) {
                let window = std::mem::take(&mut window);
                self.learn(net, (l, &h), window, &batch.labels, &mut *cx.clock, &mut said)?;
                x = norm.apply(&h); // nothing flows back past this line
            } else {
                x = h;
            }
        }
        let gain = self.settings.schedule.gain(self.epoch, self.epochs);
        if let Some(head) = &mut self.head {
            head.teach(vec![(top, x)], &batch.labels, gain, cx, &mut said)?;
        }
        Ok(said)
    }

    fn overlaps(&self) -> bool {
        self.settings.overlap
    }

    fn overlap(
        &mut self,
        net: &mut Net,
        feed: &mut dyn FnMut() -> Option<Batch>,
        cx: &mut StepCx<'_>,
    ) -> Result<Vec<Vec<Scalar>>, Diverged> {
        if self.settings.overlap {
            self.side_by_side(net, feed, cx)
        } else {
            one_after_another(self, net, feed, cx)
        }
    }

    fn readouts(&self) -> Vec<&'static str> {
        let mut all = match self.settings.readout {
            ClassReadout::Sum => vec!["sum", "last"],
            ClassReadout::Last => vec!["last", "sum"],
        };
        all.extend(self.head.is_some().then_some("head"));
        let alone = if self.settings.layer_readouts { self.layers.len() } else { 0 };
        all.extend(OF_ONE_LAYER.into_iter().take(alone));
        all
    }

    fn predict(&self, net: &Net, x: &Tensor, readout: &str) -> Tensor {
        let layer = OF_ONE_LAYER.iter().position(|name| *name == readout);
        let Settings { first, last, .. } = self.settings;
        match (readout, layer, &self.head) {
            (_, Some(layer), _) => self.sum(net, x, |l| l == layer),
            ("sum", ..) => self.sum(net, x, |l| (first..=last).contains(&l)),
            ("last", ..) => self.sum(net, x, |l| l + 1 == self.layers.len()),
            ("head", _, Some(head)) => {
                let mut logits = None;
                self.through(net, x, |l, h| {
                    logits = head.plus_layer(logits.take(), l, &self.settings.norm.apply(h));
                });
                logits.expect("the head reads the last layer")
            }
            (other, ..) => panic!("layers that learn classes have no read-out `{other}`"),
        }
    }

    fn params(&mut self, visit: &mut dyn FnMut(&mut Param)) {
        for (l, layer) in self.layers.iter_mut().enumerate() {
            layer.score.params(visit);
            layer.score_descent.params(visit);
            layer.descent.params(visit);
            self.head.iter_mut().for_each(|head| head.params(l, visit));
        }
    }

    fn above(&self, net: &Net, x: &Tensor) -> Tensor {
        self.through(net, x, |_, _| {}).into_tensor()
    }

    fn layers<'a>(&self, net: &'a Net) -> Vec<&'a dyn Block> {
        let of = |(block, count): (&'a dyn Block, &usize)| match (self.settings.by_leaf, count) {
            (false, _) | (_, 1) => vec![block],
            _ => leaves::of(block).into_iter().filter(|leaf| leaves::learns(*leaf)).collect(),
        };
        net.iter().map(|block| &**block).zip(&self.counts).flat_map(of).collect()
    }

    fn parts(&self) -> Vec<(String, u64, u64)> {
        let scores = self.layers.iter().enumerate().map(|(l, layer)| {
            let name = format!("score of layer {}: {}", l + 1, layer.score.describe());
            (name, self.classes as u64, layer.score.parameters())
        });
        let head = self.head.iter().flat_map(SoftmaxHead::describe);
        scores.chain(head).collect()
    }
}
