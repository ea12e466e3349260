//! Layers that learn without labels, each from its own total input, and a linear softmax that looks on: what
//! self-contrastive learning and SoftHebb share.
//!
//! ```text
//! x₀ = N(image)    xₗ' = before(xₗ)    aₗ = xₗ' Wₗ + bₗ    hₗ = after(φ(aₗ))    xₗ₊₁ = N(hₗ)
//! ```
//!
//! The [`Rule`] sees x' and a, and moves W and b by them. All layers learn in the same step, layer l + 1 from what layer l
//! said before it learnt; nothing flows back from one to the other. A layer outside of its epochs is frozen: it does as in
//! inference. A block without a product passes its rows on.

use super::apart::{Apart, apart, comes_apart};
use super::onlooker::{Looking, Onlooker};
use super::windows::{Span, Window, refuse_windows, spans};
use crate::Tensor;
use crate::learn::{Diverged, Learner, Outline, Phase, Refusal, Scalar, StepCx, Task, finite, shapes};
use crate::parts::Batch;
use crate::parts::activity::Activity;
use crate::parts::block::{Block, Net, Saved};
use crate::parts::chance::{Purpose, Rng};
use crate::parts::host::{update, view};
use crate::parts::layer::Linear;
use crate::parts::norm::Norm;
use crate::parts::param::Param;
use crate::parts::schedule::Schedule;

/// What a layer learns from.
pub(in crate::learn) struct Seen<'a> {
    /// Which layer.
    pub(in crate::learn) l: usize,
    /// x': `[B, n_in]`.
    pub(in crate::learn) x: &'a Activity,
    /// a: `[B, places·units]`.
    pub(in crate::learn) a: &'a Tensor,
    /// The factor on learning rates.
    pub(in crate::learn) gain: f64,
}

/// How a layer learns.
pub(in crate::learn) trait Rule: Send {
    /// Layer l is about to be used in training.
    fn prepare(&mut self, _l: usize, _linear: &mut dyn Linear) {}

    /// Moves the layer's weights by what it has seen.
    ///
    /// # Errors
    /// [`Diverged`] if something is not finite.
    fn learn(
        &mut self,
        seen: Seen<'_>,
        linear: &mut dyn Linear,
        cx: &mut StepCx<'_>,
        said: &mut Vec<Scalar>,
    ) -> Result<(), Diverged>;

    /// Rows that a step would make up beside those of `batch`.
    fn made_up(&self, _batch: &Batch, _chance: &mut Rng) -> Option<Tensor> {
        None
    }

    /// Shows all that it keeps for layer l.
    fn params(&mut self, l: usize, visit: &mut dyn FnMut(&mut Param));
}

/// What of such layers cannot be: `layers` settings of layers, `windows` of epochs and a head, by these keys.
pub(in crate::learn) fn refuse(
    layers: usize,
    windows: &[Window],
    head: &Onlooker,
    blocks: &[Outline],
    task: &Task,
) -> Vec<Refusal> {
    let uneven = (layers == 0 || layers > blocks.len()).then(|| Refusal {
        key: "layers",
        what: format!("{layers} settings for {} blocks", blocks.len()),
        remedy: "give one a block, or fewer: the last serves all further ones".into(),
    });
    let windows = refuse_windows(windows, blocks.len(), task.epochs);
    uneven.into_iter().chain(windows).chain(head.refuse(blocks)).collect()
}

/// The settings of layer l: its own, or the last there are.
///
/// # Panics
/// If there are none.
pub(in crate::learn) fn of_layer<T>(settings: &[T], l: usize) -> &T {
    &settings[l.min(settings.len() - 1)]
}

/// How such layers are put to work.
pub(in crate::learn) struct Settings {
    /// N
    pub(in crate::learn) norm: Norm,
    pub(in crate::learn) schedule: Schedule,
    /// In which epochs each layer learns, and what its schedule runs over; none: in all.
    pub(in crate::learn) windows: Vec<Window>,
    pub(in crate::learn) head: Onlooker,
}

/// Such layers at work.
pub(in crate::learn) struct Unlabelled<R> {
    settings: Settings,
    spans: Vec<Span>,
    rule: R,
    looking: Looking,
    epochs: u64,
    epoch: u64,
}

impl<R: Rule> Unlabelled<R> {
    /// # Panics
    /// If a block has more to learn than one product: recipes that would build one are refused.
    pub(in crate::learn) fn new(settings: Settings, rule: R, net: &mut Net, task: &Task) -> Unlabelled<R> {
        for block in net.iter_mut() {
            assert!(comes_apart(&mut **block), "{} has more to learn than one product", block.describe());
        }
        let looking = settings.head.build(&shapes(net, task.input), task.classes);
        let spans = spans(&settings.windows, net.len(), task.epochs);
        Unlabelled { settings, spans, rule, looking, epochs: task.epochs, epoch: 1 }
    }

    /// What layer l says of x in training, before it learns from it.
    fn learn(
        &mut self,
        (l, block): (usize, &mut dyn Block),
        mut x: Activity,
        chance: &mut Rng,
        cx: &mut StepCx<'_>,
        said: &mut Vec<Scalar>,
    ) -> Result<Activity, Diverged> {
        cx.clock.press(Phase::Forward, l);
        let gain = self.spans[l].gain(&self.settings.schedule, self.epoch);
        let Some(Apart { before, linear, after }) = apart(block) else {
            return Ok(block.forward(x, chance).0);
        };
        for piece in before {
            x = piece.forward(x, chance).0;
        }
        self.rule.prepare(l, linear);
        cx.clock.work(linear.cost(x.dims()[0]).forward_macs);
        let a = linear.total_input(&x);
        finite(&view(&a), Some(l), "total input")?;
        cx.clock.held(Saved::bytes([&Saved::of(vec![x.clone(), a.clone().into()])]));
        self.rule.learn(Seen { l, x: &x, a: &a, gain }, linear, cx, said)?;
        drop(x);
        cx.clock.held(0);
        cx.clock.press(Phase::Forward, l);
        let phi = linear.activation().kernel();
        let mut h = Activity::from(update(a, |a| phi.apply(a)));
        for piece in after {
            h = piece.forward(h, chance).0;
        }
        Ok(h)
    }
}

impl<R: Rule> Learner for Unlabelled<R> {
    fn epoch(&mut self, epoch: u64) -> f64 {
        self.epoch = epoch;
        let learning = self.spans.iter().rev().find(|span| span.holds(epoch)).or(self.spans.last());
        learning.map_or(1.0, |span| span.gain(&self.settings.schedule, epoch))
    }

    fn step(&mut self, net: &mut Net, batch: &Batch, cx: &mut StepCx<'_>) -> Result<Vec<Scalar>, Diverged> {
        let (mut said, mut read) = (Vec::new(), Vec::new());
        let (norm, rows) = (self.settings.norm, batch.labels.len());
        let mut chance = cx.chance(Purpose::Dropout);
        let mut x = norm.apply(&batch.x.clone().into());
        for (l, block) in net.iter_mut().enumerate() {
            let h = if self.spans[l].holds(self.epoch) {
                self.learn((l, &mut **block), x, &mut chance, cx, &mut said)?
            } else {
                cx.clock.press(Phase::Forward, l);
                cx.clock.work(block.cost(rows).forward_macs);
                block.apply(&x)
            };
            cx.clock.press(Phase::Readout, l);
            read.extend(self.looking.sees(l, &h, &mut chance).map(|seen| (l, seen)));
            x = norm.apply(&h); // nothing flows back past this line
        }
        drop(x);
        let gain = self.settings.schedule.gain(self.epoch, self.epochs);
        self.looking.head.teach(read, &batch.labels, gain, cx, &mut said)?;
        Ok(said)
    }

    fn readouts(&self) -> Vec<&'static str> {
        vec!["head"]
    }

    fn predict(&self, net: &Net, x: &Tensor, readout: &str) -> Tensor {
        assert_eq!(readout, "head", "learning without labels has one read-out");
        let (norm, mut logits) = (self.settings.norm, None);
        let mut x = norm.apply(&x.clone().into());
        for (l, block) in net.iter().enumerate() {
            let h = block.apply(&x);
            logits = self.looking.plus_layer(logits.take(), l, &h);
            x = norm.apply(&h);
        }
        logits.expect("some layer is read")
    }

    fn above(&self, net: &Net, x: &Tensor) -> Tensor {
        let norm = self.settings.norm;
        let input = norm.apply(&x.clone().into());
        net.iter().fold(input, |x, block| norm.apply(&block.apply(&x))).into_tensor()
    }

    fn made_up(&self, _: &Net, batch: &Batch, chance: &mut Rng) -> Option<Tensor> {
        self.rule.made_up(batch, chance)
    }

    fn params(&mut self, visit: &mut dyn FnMut(&mut Param)) {
        for l in 0..self.spans.len() {
            self.rule.params(l, visit);
            self.looking.head.params(l, visit);
        }
    }

    fn parts(&self) -> Vec<(String, u64, u64)> {
        self.looking.head.describe()
    }
}
