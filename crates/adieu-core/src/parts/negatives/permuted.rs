//! Permuted negatives, as the most copied port has them: the batch's labels, shuffled. About 1/K of the "negative"
//! rows carry their true label and contradict the positives. Here to be measured, not to be recommended.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Evidence, NegativesFn};
use crate::parts::chance::Rng;

/// The batch's labels in another order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Permuted {
    /// Keep for each training row the first label it was given, as some ports do.
    pub frozen: bool,
}

impl NegativesFn for Permuted {
    fn draw(&self, evidence: &Evidence<'_>, chance: &mut Rng) -> Vec<u8> {
        let mut labels = evidence.labels.to_vec();
        chance.shuffle(&mut labels);
        labels
    }

    fn frozen(&self) -> bool {
        self.frozen
    }
}
