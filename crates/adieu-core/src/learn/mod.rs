//! Learning rules, one file an algorithm.
//!
//! A [`Learner`] is handed a network and a batch and learns, all by itself: `step` says what happened, never
//! gradients, because whoever calls it cannot know how learning works. Forward-Forward, back-propagation, settling
//! loops and Hebbian rules all fit. The network is lent, whole or in part; what a learner keeps beside it
//! (moments, heads, running means) is its own, and its memory.

mod back_prop;
mod channel_competition;
mod common {
    //! What several algorithms share.
    pub(super) mod apart;
    pub(super) mod class_layers;
    mod class_pipeline;
    mod class_teaching;
    pub(super) mod decoder;
    mod linear_head;
    pub(super) mod onlooker;
    pub(super) mod peers;
    pub(super) mod pipeline;
    pub(super) mod softmax_head;
    pub(super) mod task;
    pub(super) mod unlabelled;
    pub(super) mod windows;
    pub(super) mod wrong_labels;
}
mod deeper_forward;
mod forward_forward;
mod local_heads;
mod mixed;
mod rbm;
mod recurrent;
mod self_contrastive;
mod soft_hebb;
mod split;
mod stages;
mod trifecta;
mod turns;

use std::fmt;

pub use back_prop::BackProp;
pub use channel_competition::ChannelCompetition;
pub use common::class_layers::ClassReadout;
pub use common::onlooker::{Onlooker, Reads};
pub use common::task::{ANOMALY, Goal, Outline, RECONSTRUCTION, Task, outlines, shapes, widths};
pub use common::windows::Window;
pub use deeper_forward::DeeperForward;
pub use forward_forward::{Direction, ForwardForward, Readout, Together, Unsupervised};
pub use local_heads::{LocalHeads, Schooling};
pub use mixed::Mixed;
pub use rbm::{Rbm, RbmReadout};
pub use recurrent::{Recurrent, Scored};
pub use self_contrastive::{Contrast, SelfContrastive};
pub use soft_hebb::{Competition, SoftHebb};
pub use split::Split;
pub use stages::{Stage, Stages};
pub use trifecta::Trifecta;
pub use turns::Turns;

use common::task::outputs;

use crate::Tensor;
use crate::parts::Batch;
use crate::parts::activity::Activity;
use crate::parts::block::{Block, Net};
use crate::parts::chance::{Purpose, Rng};
use crate::parts::host::view;
use crate::parts::norm::Norm;
use crate::parts::objective::Tags;
use crate::parts::param::Param;

/// Parts of a step. Pressed on the [`Clock`], with the layer they are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Making up negative data.
    Negatives,
    /// Activity upwards.
    Forward,
    /// Working out errors: derivatives of losses and activations, input gradients.
    Credit,
    /// Weight gradients and the step they are fused with.
    Update,
    /// Letting a recurrent or top-down state settle.
    Settle,
    /// Training a read-out, its own forward pass included.
    Readout,
    /// Layers at work side by side: no one of them owns the time.
    Overlapped,
}

impl Phase {
    /// What records call it.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Negatives => "negatives",
            Phase::Forward => "forward",
            Phase::Credit => "credit",
            Phase::Update => "update",
            Phase::Settle => "settle",
            Phase::Readout => "readout",
            Phase::Overlapped => "overlapped",
        }
    }
}

/// A chess clock: whoever was pressed last owns the time. Core itself reads no clock.
pub trait Clock {
    /// `phase` of `layer` begins.
    fn press(&mut self, phase: Phase, layer: usize);
    /// `bytes` are now held for credit (see [`crate::parts::block::Saved`]).
    fn held(&mut self, _bytes: u64) {}
    /// `macs` multiply-adds are being done.
    fn work(&mut self, _macs: u64) {}
}

/// Nobody looks.
pub struct NoClock;

impl Clock for NoClock {
    fn press(&mut self, _: Phase, _: usize) {}
}

/// What a step is told besides the batch.
pub struct StepCx<'a> {
    /// The run's one seed.
    pub seed: u64,
    /// Number of the step, from 1.
    pub step: u64,
    /// Who tells the time.
    pub clock: &'a mut dyn Clock,
}

impl StepCx<'_> {
    /// This step's stream for `purpose`.
    pub fn chance(&self, purpose: Purpose) -> Rng {
        Rng::stream(self.seed, purpose, self.step)
    }
}

/// A number a learner says of a step.
#[derive(Clone, Debug, PartialEq)]
pub struct Scalar {
    /// What.
    pub name: &'static str,
    /// Of which layer; `None`: of the whole, or of a head.
    pub layer: Option<usize>,
    /// The number.
    pub value: f64,
}

/// Something stopped being finite. A result, not a crash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diverged {
    /// Where; `None`: in a head.
    pub layer: Option<usize>,
    /// What was not finite: `goodness`, `logits`, ….
    pub what: &'static str,
}

impl fmt::Display for Diverged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.layer {
            Some(layer) => write!(f, "{} of layer {} is not finite", self.what, layer + 1),
            None => write!(f, "{} is not finite", self.what),
        }
    }
}

/// A setting that cannot be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Key inside the learner's table: `readout`.
    pub key: &'static str,
    /// What is wrong.
    pub what: String,
    /// What would be right.
    pub remedy: String,
}

/// A learning rule at work.
pub trait Learner: Send {
    /// Epoch `epoch` (from 1) begins. Returns the factor the schedule puts on learning rates.
    fn epoch(&mut self, epoch: u64) -> f64;

    /// Learns from one batch.
    ///
    /// # Errors
    /// [`Diverged`] as soon as anything is not finite; the network must not be used any further.
    fn step(&mut self, net: &mut Net, batch: &Batch, cx: &mut StepCx<'_>) -> Result<Vec<Scalar>, Diverged>;

    /// Whether steps may overlap: [`Learner::overlap`] then learns the same, to the bit, in less time.
    fn overlaps(&self) -> bool {
        false
    }

    /// Learns from the batches that `feed` gives until it gives none, as [`Learner::step`] would from one after the
    /// other. `cx.step` is the number of the first step, and in the end of the next one. Returns what each step said.
    ///
    /// # Errors
    /// As [`Learner::step`].
    fn overlap(
        &mut self,
        net: &mut Net,
        feed: &mut dyn FnMut() -> Option<Batch>,
        cx: &mut StepCx<'_>,
    ) -> Result<Vec<Vec<Scalar>>, Diverged> {
        one_after_another(self, net, feed, cx)
    }

    /// Names of the ways to read out an answer; the first is the learner's own choice.
    fn readouts(&self) -> Vec<&'static str>;

    /// Class scores `[B, K]` of rows `x [B, n_in]` by the read-out named; the highest wins. By [`RECONSTRUCTION`], which
    /// is the one of [`Goal::Reconstruct`], rows `[B, n_in]`. Pure.
    ///
    /// # Panics
    /// If `readout` is not among [`Learner::readouts`].
    fn predict(&self, net: &Net, x: &Tensor, readout: &str) -> Tensor;

    /// What whoever learns above `net` sees of rows `x [B, n_in]`: as this learner lets its own layers see one another. `net`
    /// may be the first few of its blocks, or none: then what its first block sees, under no label in particular.
    fn above(&self, net: &Net, x: &Tensor) -> Tensor;

    /// Made-up rows `[B, n_in]` as a step would draw beside those of `batch`, for people to look at; `None` if the learner
    /// makes up none.
    fn made_up(&self, _net: &Net, _batch: &Batch, _chance: &mut Rng) -> Option<Tensor> {
        None
    }

    /// The way back of [`Learner::above`]: rows `[B, n_in]` that `h [B, n]`, as it comes out of the whole of `net`, stands
    /// for; `None` if the learner knows no way down. Pure.
    fn below(&self, _net: &Net, _h: &Tensor) -> Option<Tensor> {
        None
    }

    /// `rows` rows `[rows, n_in]` that the network makes of nothing but `chance`, like those it learnt from; `None` if it
    /// makes none.
    fn generated(&self, _net: &Net, _rows: usize, _chance: &mut Rng) -> Option<Tensor> {
        None
    }

    /// The most bytes that arrays of numbers take at once in a step of `rows` rows on one thread: activity, what is
    /// kept, errors, and the kernels' working memory; data, parameters and moments are not counted. With a read-out
    /// that rests on some steps, it is that of a step on which it does not. `None` where nobody states it.
    fn step_bytes(&self, _net: &Net, _rows: usize) -> Option<u64> {
        None
    }

    /// What it counts as the layers of `net`, which may be its first few blocks, in the order of their numbers on the clock
    /// and in what a step says: blocks, unless it takes these apart.
    fn layers<'a>(&self, net: &'a Net) -> Vec<&'a dyn Block> {
        net.iter().map(|block| &**block).collect()
    }

    /// Shows everything that a checkpoint must hold beside the network.
    fn params(&mut self, visit: &mut dyn FnMut(&mut Param));

    /// The learner's own trained parts, for people: name, outputs, parameters.
    fn parts(&self) -> Vec<(String, u64, u64)>;
}

/// What comes out of `net` for rows normalised by `norm` before it, and by nothing in between.
fn up_through(norm: Norm, net: &Net, x: &Tensor) -> Activity {
    net.iter().fold(norm.apply(&x.clone().into()), |x, block| block.apply(&x))
}

fn one_after_another(
    learner: &mut (impl Learner + ?Sized),
    net: &mut Net,
    feed: &mut dyn FnMut() -> Option<Batch>,
    cx: &mut StepCx<'_>,
) -> Result<Vec<Vec<Scalar>>, Diverged> {
    let mut said = Vec::new();
    while let Some(batch) = feed() {
        said.push(learner.step(net, &batch, cx)?);
        cx.step += 1;
    }
    Ok(said)
}

/// What a learner may ask of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// To be one layer, to whose total input it adds: see [`Layer`](crate::parts::layer::Layer).
    Layer,
    /// To have all that it has to learn in one dense layer or one convolution, whose total input it looks at: see
    /// [`Linear`](crate::parts::layer::Linear).
    Product,
    /// To begin with a channel where labels are shown: see [`LabelChannel`](crate::parts::label_channel::LabelChannel).
    LabelChannel,
    /// To be taught layer by layer inside, each by a goodness of its own: what learns in it is no gain or shift of a norm,
    /// and no way around other layers.
    LayerByLayer,
}

/// A learning rule as people write it.
pub trait LearnerFn: fmt::Debug {
    /// What cannot be, given what comes out of each block and a task whose goal it reaches: ask
    /// [`LearnerRecipe::refusals`].
    fn refuse(&self, blocks: &[Outline], task: &Task) -> Vec<Refusal>;
    /// What it asks of block `block`, counting from 0; nothing of most, which are taken as they are.
    fn asks(&self, _block: usize) -> Vec<Ask> {
        Vec::new()
    }
    /// Whether its layers are to work side by side.
    fn overlaps(&self) -> bool {
        false
    }
    /// Whether it can do without a block: it then has a head and nothing else.
    fn takes_no_block(&self) -> bool {
        false
    }
    /// Whether it can do what `goal` asks. Its one read-out is [`ANOMALY`] for [`Goal::Detect`], and
    /// [`RECONSTRUCTION`] for [`Goal::Reconstruct`].
    fn reaches(&self, goal: Goal) -> bool {
        goal == Goal::Classify
    }
    /// Whether it counts on the network's initial weights, and so can be no later stage than the first.
    fn begins(&self) -> bool {
        false
    }
    /// Whether it takes what a row holds for shares from 0 to 1.
    fn wants_shares(&self) -> bool {
        false
    }
    /// The fewest rows a step can do with.
    fn least_rows(&self) -> u64 {
        1
    }
    /// Whether [`Learner::below`] knows a way down.
    fn goes_down(&self) -> bool {
        false
    }
    /// Puts it to work on `net`.
    fn build(&self, net: &mut Net, task: &Task) -> Box<dyn Learner>;
}

crate::choices! {
    /// How the network learns.
    pub enum LearnerRecipe: LearnerFn {
        ForwardForward = "forward_forward",
        Unsupervised = "unsupervised",
        BackProp = "back_prop",
        Recurrent = "recurrent",
        Rbm = "rbm",
        DeeperForward = "deeper_forward",
        LocalHeads = "local_heads",
        ChannelCompetition = "cw_comp",
        Trifecta = "trifecta",
        Stages = "stages",
        Split = "split",
        Mixed = "mixed",
        Turns = "turns",
        SelfContrastive = "self_contrastive",
        SoftHebb = "soft_hebb",
    }
}

impl LearnerRecipe {
    /// Why this cannot learn `task`, given what comes out of each block: the goal first, then its settings. Empty:
    /// [`LearnerFn::build`] will not panic.
    pub fn refusals(&self, blocks: &[Outline], task: &Task) -> Vec<Refusal> {
        if self.reaches(task.goal) {
            return self.refuse(blocks, task);
        }
        let what = format!("`{}` cannot {}", self.name(), task.goal.asks());
        vec![Refusal { key: "kind", what, remedy: task.goal.remedy().into() }]
    }
}

fn finite(values: &[f32], layer: Option<usize>, what: &'static str) -> Result<(), Diverged> {
    if values.iter().all(|v| v.is_finite()) { Ok(()) } else { Err(Diverged { layer, what }) }
}

/// What a layer's step looked like, by the goodness of positive rows, then of as many negative ones. It is told in
/// units of the threshold: 1 is the decision boundary. Where there is none, it is told in units of goodness.
fn say_goodness(
    said: &mut Vec<Scalar>,
    l: usize,
    loss: f64,
    g: &Tensor,
    tags: &Tags,
    threshold: Option<f64>,
) {
    let g = view(g);
    let (positive, negative) = g.split_at(g.len() / 2);
    let unit =
        threshold.map_or(tags.unit, |theta| if theta > 0.0 { theta } else { 1.0 }) * positive.len() as f64;
    let mean = |g: &[f32]| g.iter().map(|g| f64::from(*g)).sum::<f64>() / unit;
    // a tie is no answer: a dead layer is wrong on every pair
    let beaten = positive.iter().zip(negative).filter(|(p, n)| tags.direction * (*n - *p) >= 0.0).count();
    let mut push = |name, value| said.push(Scalar { name, layer: Some(l), value });
    push("loss", loss);
    push("goodness_positive", mean(positive));
    push("goodness_negative", mean(negative));
    push("pairwise_errors", beaten as f64 / positive.len() as f64);
}
