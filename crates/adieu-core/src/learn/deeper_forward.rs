//! DeeperForward: Sun, Zhang, He, Wen, Shen & Xie 2025, "DeeperForward: Enhanced Forward-Forward Training for Deeper and
//! Better Performance", ICLR 2025 (openreview kOYnXVQCtA).
//!
//! Each layer's channels are cut into K groups, one a class, and the goodness of a class is the *mean activity* of its
//! group. One pass with real data, no label as input, no negative data: classes are each other's negatives.
//!
//! ```text
//! z  = x ∗ W + b          h = φ(z), dropout           x = what came below, through which nothing flows back
//! g_c = mean of h over the channels of group c and all pixels        L = mean CE(softmax(g), y)
//! dL/dh = (p_c − [c = y]) / (B N) on group c, N = (channels/K)·pixels
//! ŷ = group norm of h, K groups                                      what the next layer sees: its group means are 0
//! answer: argmax_c Σ_l g_c^l, l from `first` on
//! ```
//!
//! Linear goodness gives every active unit the same gradient, where a square starves the quiet ones; the group norm
//! leaves the next layer nothing of the goodness to copy. The group norm stands in the network, `{ kind = "group_norm",
//! groups = 10 }` before each layer but the first, so that back-propagation can train the very same trunk; so do
//! dropout and the norm of the image.
//!
//! **Layers** are whatever has weights, one by one, however the network is cut into blocks; norms, pools and dropout are
//! passed through. Ways around layers are [`Residual`](crate::parts::residual::Residual) blocks without weights of their
//! own around them: what goes on is
//!
//! ```text
//! x' = ŷ + s(x)    or    x' = [ŷ | s(x)]      ŷ the last norm of the layers inside, s the identity or a pool
//! ```
//!
//! and no layer inside hears of it: its goodness is that of its own h, before norm and join. A norm's learned gain and
//! shift, and a projection around layers, have no goodness of their own; recipes with them are refused.
//!
//! # Differences from the paper
//! - Layers have biases; the published code has none.
//! - Goodness is taken before dropout, which then thins what the next layer sees; the published code drops first.
//! - Which layers are summed is a setting (`first`, `last`), to be chosen on held-out rows by whoever runs it
//!   (`layer_readouts` shows each); the paper chooses the best range after every epoch by itself.
//! - Layers work one after the other, or with `overlap` side by side on threads, not each on a device of its own.
//! - Known from its abstract, reviews and a copy of its code: see the numbers there, not in the paper's text.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::class_layers::{ClassLayers, ClassReadout, Settings, refuse};
use super::common::windows::Span;
use super::{Ask, Learner, LearnerFn, Outline, Refusal, Task, outlines};
use crate::parts::block::Net;
use crate::parts::class_score::GroupMeans;
use crate::parts::norm::Norm;
use crate::parts::optimizer::{AdamW, Optimizer};
use crate::parts::schedule::{Cosine, Schedule};
use crate::parts::shape::Shape;

/// Every layer sorts its channels by class: the mean activity of a group is the goodness of its class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DeeperForward {
    /// How the layers' parameters move.
    pub optimizer: Optimizer,
    /// Learning rates over the epochs.
    pub schedule: Schedule,
    /// The first layer whose goodness is summed for the answer, counting from 0.
    pub first: u64,
    /// Layers at the end that are left out of the sum.
    pub leave_out: u64,
    /// Also read out every layer by itself.
    pub layer_readouts: bool,
    /// Layers side by side, each on a batch of its own and on as many threads. The result is the same.
    pub overlap: bool,
}

impl Default for DeeperForward {
    fn default() -> DeeperForward {
        DeeperForward {
            optimizer: AdamW { rate: 0.03, decay: 5e-4, ..AdamW::default() }.into(),
            schedule: Cosine { floor: 0.1 }.into(),
            first: 1,
            leave_out: 0,
            layer_readouts: false,
            overlap: false,
        }
    }
}

impl LearnerFn for DeeperForward {
    fn refuse(&self, blocks: &[Outline], task: &Task) -> Vec<Refusal> {
        let layers: Vec<Shape> = blocks.iter().flat_map(|block| block.layers.clone()).collect();
        if layers.is_empty() {
            let what = "there is no layer with weights".to_string();
            return vec![Refusal { key: "kind", what, remedy: "add a convolution or a dense layer".into() }];
        }
        let readouts = (self.first, self.layer_readouts);
        let mut all = refuse(("kind", &GroupMeans {}.into()), readouts, &layers, task);
        if self.first < layers.len() as u64 && self.first + self.leave_out >= layers.len() as u64 {
            let what = format!("of {} layers none is left to sum", layers.len());
            all.push(Refusal { key: "leave_out", what, remedy: "leave fewer out".into() });
        }
        all
    }

    fn asks(&self, _: usize) -> Vec<Ask> {
        vec![Ask::LayerByLayer]
    }

    fn overlaps(&self) -> bool {
        self.overlap
    }

    fn build(&self, net: &mut Net, task: &Task) -> Box<dyn Learner> {
        let whole = Span { first: 1, last: task.epochs };
        let layers = outlines(net, task.input).iter().map(|block| block.layers.len()).sum::<usize>();
        let settings = Settings {
            score: GroupMeans {}.into(),
            temperature: 1.0,
            label_smoothing: 0.0,
            norm: Norm::None,
            optimizer: self.optimizer.clone(),
            score_optimizer: self.optimizer.clone(),
            schedule: self.schedule.clone(),
            readout: ClassReadout::Sum,
            first: self.first as usize,
            last: layers - 1 - self.leave_out as usize,
            layer_readouts: self.layer_readouts,
            spans: vec![whole; layers],
            window: 1,
            by_leaf: true,
            overlap: self.overlap,
            head: None,
        };
        Box::new(ClassLayers::new(settings, net, task))
    }
}
