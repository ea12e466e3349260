//! What people can set of Forward-Forward.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::parts::goodness::Goodness;
use crate::parts::label_code::LabelCode;
use crate::parts::negatives::Negatives;
use crate::parts::norm::Norm;
use crate::parts::objective::Objective;
use crate::parts::optimizer::{EmaSgd, Optimizer};
use crate::parts::schedule::Schedule;

/// Forward-Forward, supervised: every layer learns by its own goodness. The defaults are Hinton's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ForwardForward {
    /// How a layer scores its activity.
    pub goodness: Goodness,
    /// How the score is judged.
    pub objective: Objective,
    /// Whether real data shall have high goodness or low.
    pub direction: Direction,
    /// Measure the unit of goodness instead of computing it: u, the mean |goodness| of the untrained layer on the
    /// positive rows of its first step. Thresholds are then multiples of u, and temperatures are multiplied by u/n (n
    /// units in the layer), so that goodnesses of different scale are judged alike.
    pub calibrate: bool,
    /// What the next layer sees of a row.
    pub norm: Norm,
    /// How labels are shown.
    pub label: LabelCode,
    /// Which wrong labels the negative rows get.
    pub negatives: Negatives,
    /// Peer normalisation λ: pushes units towards the layer's mean activity, so that none dies. 0 is off.
    #[schemars(range(min = 0.0, max = 1e3))]
    pub peer_weight: f64,
    /// Share of the old running mean that peer normalisation keeps.
    #[schemars(range(min = 0.0, max = 0.999999))]
    pub peer_momentum: f64,
    /// How the layers' weights move.
    pub optimizer: Optimizer,
    /// Whether to train a linear softmax head.
    pub head: bool,
    /// How the head's weights move.
    pub head_optimizer: Optimizer,
    /// Learning rates over the epochs, for layers and head.
    pub schedule: Schedule,
    /// Whether all layers learn at once or one after the other.
    pub layers: Together,
    /// Leave the first layer out of both read-outs.
    pub skip_first: bool,
    /// Leave rows that a layer already judges right beyond f32's doubt out of its weight gradient. They would add exact
    /// zeros: the result is the same to the bit, the time is not.
    pub skip_satisfied: bool,
    /// Multiply the image with the first layer's weights once for all passes over it, which differ in the label only.
    /// The result is the same up to rounding.
    pub share_image: bool,
    /// Let the layers work side by side on as many threads: layer l on one batch while the layer below is on the next.
    /// The result is the same to the bit. Negatives must not ask the head.
    pub overlap: bool,
    /// Run the neutral pass, which trains the head and tells hard negatives what the network would fall for, on every
    /// k-th step only; in between negatives are drawn from each row's last known logits. 1 is the published algorithm,
    /// anything else is not the same.
    #[schemars(range(min = 1, max = 1000))]
    pub readout_every: u64,
    /// The read-out that answers when nobody asks for another.
    pub readout: Readout,
    /// Offer the goodness of each layer alone as read-outs too: `goodness.1`, `goodness.2`, …. Every evaluation then
    /// takes a pass more for each layer and label; training is the same. At most 16 layers.
    pub layer_readouts: bool,
}

impl Default for ForwardForward {
    fn default() -> ForwardForward {
        ForwardForward {
            goodness: Goodness::default(),
            objective: Objective::default(),
            direction: Direction::Maximise,
            calibrate: false,
            norm: Norm::Rms,
            label: LabelCode::default(),
            negatives: Negatives::default(),
            peer_weight: 0.03,
            peer_momentum: 0.9,
            optimizer: EmaSgd::default().into(),
            head: true,
            head_optimizer: EmaSgd { rate: 0.1, momentum: 0.9, decay: 0.003 }.into(),
            schedule: Schedule::default(),
            layers: Together::Together,
            skip_first: true,
            skip_satisfied: true,
            share_image: true,
            overlap: false,
            readout_every: 1,
            readout: Readout::Goodness,
            layer_readouts: false,
        }
    }
}

/// What real data shall have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// High goodness.
    Maximise,
    /// Low goodness (the paper prefers it on CIFAR-10).
    Minimise,
}

/// When the layers learn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Together {
    /// All of them at every step.
    Together,
    /// One after the other, each for its share of the epochs and with its own schedule.
    Greedily,
}

/// How an answer is read out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Readout {
    /// Try every label; the best goodness wins. K passes.
    Goodness,
    /// The linear head under a neutral label. One pass.
    Head,
}

impl ForwardForward {
    pub(super) fn reads(&self, layer: usize) -> bool {
        layer > 0 || !self.skip_first
    }

    pub(super) fn direction(&self) -> f32 {
        match self.direction {
            Direction::Maximise => 1.0,
            Direction::Minimise => -1.0,
        }
    }
}
