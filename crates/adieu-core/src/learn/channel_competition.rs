//! CwComp: Papachristodoulou, Kyrkou, Timotheou & Theocharides 2024, "Convolutional Channel-wise Competitive Learning for
//! the Forward-Forward Algorithm", AAAI 2024, arXiv:2312.12668.
//!
//! Each layer's channels are cut into K groups, one a class, which compete: the goodness of a class is the *mean square* of
//! its group.
//!
//! ```text
//! h = BN(pool(φ(x ∗ W + b)))      G_c = mean of h² over group c and all pixels      L = mean CE(softmax(G), y)
//! answers: argmax_c G_c of the last layer (`last`), or a linear softmax on what it says (`head`)
//! ```
//!
//! Layers learn in windows of epochs that all begin at the start and end one after the other ("interleaved layer
//! training"): a layer that is done is frozen and costs one way up. Pooling, batch norm and grouped convolutions (every
//! group of channels sees its own only, "CFSE") are layers of the network.
//!
//! # Differences from the paper
//! - The published code keeps the weights of the epoch with the best *test* error; nothing is chosen here.
//! - Frozen layers normalise by their running means; in the published code they go on with those of the batch.
//! - The head's loss is softmax cross-entropy; the published code applies softmax twice.
//! - Of the losses in the code (CWC, PvN, CWG) the first, which the paper prefers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::class_layers::{ClassLayers, ClassReadout, Settings, refuse};
use super::common::windows::{Window, refuse_windows, spans};
use super::{Learner, LearnerFn, Outline, Refusal, Task, outputs};
use crate::parts::block::Net;
use crate::parts::class_score::GroupSquares;
use crate::parts::norm::Norm;
use crate::parts::optimizer::{AdamW, Optimizer, Sgd};
use crate::parts::schedule::{Constant, Schedule};

/// Every layer's channels compete for the classes: the mean square of a group is the goodness of its class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ChannelCompetition {
    /// How the layers' parameters move.
    pub optimizer: Optimizer,
    /// Learning rates over the epochs.
    pub schedule: Schedule,
    /// In which epochs each layer learns; left out, in all.
    pub windows: Vec<Window>,
    /// Train a linear softmax on what the last layer says, and answer by it.
    pub head: bool,
    /// How the head's parameters move.
    pub head_optimizer: Optimizer,
    /// Also read out every layer by itself.
    pub layer_readouts: bool,
}

impl Default for ChannelCompetition {
    fn default() -> ChannelCompetition {
        ChannelCompetition {
            optimizer: AdamW { rate: 0.01, decay: 0.0, ..AdamW::default() }.into(),
            schedule: Constant {}.into(),
            windows: Vec::new(),
            head: true,
            head_optimizer: Sgd { rate: 0.01, ..Sgd::default() }.into(),
            layer_readouts: false,
        }
    }
}

impl LearnerFn for ChannelCompetition {
    fn refuse(&self, blocks: &[Outline], task: &Task) -> Vec<Refusal> {
        let mut all =
            refuse(("kind", &GroupSquares {}.into()), (0, self.layer_readouts), &outputs(blocks), task);
        all.extend(refuse_windows(&self.windows, blocks.len(), task.epochs));
        all
    }

    fn build(&self, net: &mut Net, task: &Task) -> Box<dyn Learner> {
        let settings = Settings {
            score: GroupSquares {}.into(),
            temperature: 1.0,
            label_smoothing: 0.0,
            norm: Norm::None,
            optimizer: self.optimizer.clone(),
            score_optimizer: self.optimizer.clone(),
            schedule: self.schedule.clone(),
            readout: ClassReadout::Last,
            first: 0,
            last: net.len() - 1,
            layer_readouts: self.layer_readouts,
            spans: spans(&self.windows, net.len(), task.epochs),
            window: 1,
            by_leaf: false,
            overlap: false,
            head: self.head.then(|| self.head_optimizer.clone()),
        };
        Box::new(ClassLayers::new(settings, net, task))
    }
}
