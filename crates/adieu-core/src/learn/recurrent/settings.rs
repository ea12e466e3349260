//! What people can set of recurrent Forward-Forward.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::learn::{Direction, Readout};
use crate::parts::goodness::Goodness;
use crate::parts::negatives::Negatives;
use crate::parts::norm::Norm;
use crate::parts::objective::Objective;
use crate::parts::optimizer::{EmaSgd, Optimizer};
use crate::parts::schedule::Schedule;

/// Forward-Forward with top-down connections: image and label are clamped at the two ends, and the layers between
/// settle. The defaults are Hinton's where he tells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Recurrent {
    /// How a layer scores itself.
    pub goodness: Goodness,
    /// What of a layer is scored.
    pub scored: Scored,
    /// How the score is judged.
    pub objective: Objective,
    /// Whether real data shall have high goodness or low.
    pub direction: Direction,
    /// What the neighbours see of a layer's state.
    pub norm: Norm,
    /// Which wrong labels the negative rows get.
    pub negatives: Negatives,
    /// Share of a layer's old state that an iteration keeps.
    #[schemars(range(min = 0.0, max = 0.99))]
    pub damping: f64,
    /// The first iteration that teaches, from 1.
    #[schemars(range(min = 1, max = 1000))]
    pub teach_from: u64,
    /// The last iteration that teaches; a step ends with it.
    #[schemars(range(min = 1, max = 1000))]
    pub teach_to: u64,
    /// The first iteration whose goodness counts in an answer, from 1.
    #[schemars(range(min = 1, max = 1000))]
    pub read_from: u64,
    /// The last iteration whose goodness counts in an answer.
    #[schemars(range(min = 1, max = 1000))]
    pub read_to: u64,
    /// Peer normalisation λ: pushes units towards the layer's mean activity, so that none dies. 0 is off.
    #[schemars(range(min = 0.0, max = 1e3))]
    pub peer_weight: f64,
    /// Share of the old running mean that peer normalisation keeps.
    #[schemars(range(min = 0.0, max = 0.999999))]
    pub peer_momentum: f64,
    /// How the layers' weights move, bottom-up and top-down.
    pub optimizer: Optimizer,
    /// Whether to train a linear softmax head.
    pub head: bool,
    /// How the head's weights move.
    pub head_optimizer: Optimizer,
    /// Iterations under a neutral label before the head reads the layers. 0: it reads the bottom-up pass.
    #[schemars(range(min = 0, max = 1000))]
    pub neutral_iterations: u64,
    /// Learning rates over the epochs, for layers and head.
    pub schedule: Schedule,
    /// Leave rows that a layer already judges right beyond f32's doubt out of its weight gradients. They would add
    /// exact zeros: the result is the same to the bit, the time is not.
    pub skip_satisfied: bool,
    /// The read-out that answers when nobody asks for another.
    pub readout: Readout,
}

impl Default for Recurrent {
    fn default() -> Recurrent {
        Recurrent {
            goodness: Goodness::default(),
            scored: Scored::State,
            objective: Objective::default(),
            direction: Direction::Maximise,
            norm: Norm::Rms,
            negatives: Negatives::default(),
            damping: 0.3,
            teach_from: 1,
            teach_to: 8,
            read_from: 3,
            read_to: 5,
            peer_weight: 0.03,
            peer_momentum: 0.9,
            optimizer: EmaSgd::default().into(),
            head: true,
            head_optimizer: EmaSgd { rate: 0.1, momentum: 0.9, decay: 0.003 }.into(),
            neutral_iterations: 8,
            schedule: Schedule::default(),
            skip_satisfied: true,
            readout: Readout::Goodness,
        }
    }
}

/// What of a layer is scored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scored {
    /// Its damped state s.
    State,
    /// What the iteration adds to it, h.
    Activity,
}
