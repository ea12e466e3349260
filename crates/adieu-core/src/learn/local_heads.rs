//! Local heads: each block is trained by the classes that a small head reads from it, and nothing flows back past the
//! block. Back-propagation works inside a block, so that the number of layers in one is the way from local learning
//! (one each) to back-propagation with all heads (all in one).
//!
//! ```text
//! h_m = f_m(x_m)        s_m = head_m(h_m)        L_m = mean CE(softmax(s_m / T), y)        x_{m+1} = N(h_m)
//! ```
//!
//! By their heads these are known as
//!
//! - `projection`: Mono-Forward (Gong, Li & Abdulla 2025, arXiv:2501.09238), s = h M;
//! - `maps`: SFF (Krutsylo 2025, arXiv:2501.03176), mean squares of a class's map;
//! - `pooled`: local classifiers (Nøkland & Eidnes 2019, arXiv:1901.06656; Belilovsky et al. 2020, arXiv:1901.08164).
//!
//! With `window = w` the losses of neighbouring blocks overlap: at step t those whose number, from 0, is −t mod w have one, and it
//! trains the w blocks that end there (the overlapping local updates of Dooms, Tsang & Oramas 2023, arXiv:2311.18130).
//!
//! No label is an input: one pass answers, by the last head or by all heads together.
//!
//! # Differences from the paper
//! - SFF normalises a block's output for the next one; here that is a layer of the network (`layer_norm`), shared by every
//!   learner, or `norm`.
//! - Mono-Forward trains layer after layer (`layers = "greedily"`), each to its own end of patience; here each has an
//!   equal share of the epochs. Its M starts as zeros or by Kaiming's rule, here from N(0, 1/n).
//! - Nøkland's similarity-matching loss is left out, and Belilovsky's heads are deeper.
//! - All heads together answer by the sum of their scores, SFF's by the mean of their probabilities.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::class_layers::{ClassLayers, ClassReadout, Settings, refuse};
use super::common::windows::Span;
use super::{Learner, LearnerFn, Outline, Refusal, Task, outputs};
use crate::parts::block::Net;
use crate::parts::class_score::ClassScore;
use crate::parts::norm::Norm;
use crate::parts::optimizer::{AdamW, Optimizer};
use crate::parts::schedule::{Cosine, Schedule};

/// When blocks learn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Schooling {
    /// All in every step.
    #[default]
    Together,
    /// One after the other, each in its share of the epochs and with its own schedule.
    Greedily,
}

impl Schooling {
    /// The epochs of each of `blocks` blocks.
    fn spans(self, blocks: usize, epochs: u64) -> Vec<Span> {
        let share = |l: usize| match self {
            Schooling::Together => Span { first: 1, last: epochs },
            Schooling::Greedily => {
                let (l, blocks) = (l as u64, blocks as u64);
                Span { first: l * epochs / blocks + 1, last: (l + 1) * epochs / blocks }
            }
        };
        (0..blocks).map(share).collect()
    }
}

/// Every block has a head of its own and is trained by it alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LocalHeads {
    /// What a head makes of a block's output.
    pub score: ClassScore,
    /// T
    #[schemars(range(min = 1e-6, max = 1e6))]
    pub temperature: f64,
    /// Share of the target that is spread over all classes.
    #[schemars(range(min = 0.0, max = 0.95))]
    pub label_smoothing: f64,
    /// What happens to a row before the first block, and between blocks.
    pub norm: Norm,
    /// When blocks learn.
    pub layers: Schooling,
    /// Neighbouring blocks that share a loss, with back-propagation through them; which are together changes from step to
    /// step. 1: each has its own.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub window: u64,
    /// How the blocks' parameters move.
    pub optimizer: Optimizer,
    /// How the heads' parameters move.
    pub head_optimizer: Optimizer,
    /// Learning rates over the epochs.
    pub schedule: Schedule,
    /// How an answer is read out.
    pub readout: ClassReadout,
    /// The first block whose scores are summed, counting from 0.
    pub first: u64,
    /// Also read out every block by itself.
    pub layer_readouts: bool,
    /// Blocks side by side, each on a batch of its own and on as many threads. The result is the same.
    pub overlap: bool,
}

impl Default for LocalHeads {
    fn default() -> LocalHeads {
        let adam: Optimizer = AdamW::default().into();
        LocalHeads {
            score: ClassScore::default(),
            temperature: 1.0,
            label_smoothing: 0.0,
            norm: Norm::None,
            layers: Schooling::Together,
            window: 1,
            optimizer: adam.clone(),
            head_optimizer: adam,
            schedule: Cosine::default().into(),
            readout: ClassReadout::Sum,
            first: 0,
            layer_readouts: false,
            overlap: false,
        }
    }
}

impl LearnerFn for LocalHeads {
    fn refuse(&self, blocks: &[Outline], task: &Task) -> Vec<Refusal> {
        let mut all =
            refuse(("score", &self.score), (self.first, self.layer_readouts), &outputs(blocks), task);
        if self.layers == Schooling::Greedily && task.epochs < blocks.len() as u64 {
            let what = format!("{} epochs cannot be shared among {} blocks", task.epochs, blocks.len());
            let remedy = "give at least one epoch a block, or layers = \"together\"".into();
            all.push(Refusal { key: "layers", what, remedy });
        }
        let mut fault =
            |what: String, remedy: &str| all.push(Refusal { key: "window", what, remedy: remedy.into() });
        if self.window as usize > blocks.len() {
            let what = format!("a window of {} does not fit {} blocks", self.window, blocks.len());
            fault(what, "make it smaller, or add blocks");
        } else if self.window > 1 && (self.norm != Norm::None || self.layers == Schooling::Greedily) {
            let what =
                "windows go through neighbouring blocks, which neither greedy learning nor `norm` allows"
                    .into();
            fault(what, "set layers = \"together\" and norm = \"none\", and put norms into the network");
        }
        if self.overlap && (self.window > 1 || self.layers == Schooling::Greedily) {
            let what = "blocks side by side learn together, each by itself".into();
            let remedy = "set overlap = false, or window = 1 and layers = \"together\"".into();
            all.push(Refusal { key: "overlap", what, remedy });
        }
        all
    }

    fn overlaps(&self) -> bool {
        self.overlap
    }

    fn build(&self, net: &mut Net, task: &Task) -> Box<dyn Learner> {
        let settings = Settings {
            score: self.score.clone(),
            temperature: self.temperature,
            label_smoothing: self.label_smoothing,
            norm: self.norm,
            optimizer: self.optimizer.clone(),
            score_optimizer: self.head_optimizer.clone(),
            schedule: self.schedule.clone(),
            readout: self.readout,
            first: self.first as usize,
            last: net.len() - 1,
            layer_readouts: self.layer_readouts,
            spans: self.layers.spans(net.len(), task.epochs),
            window: self.window as usize,
            by_leaf: false,
            overlap: self.overlap,
            head: None,
        };
        Box::new(ClassLayers::new(settings, net, task))
    }
}
