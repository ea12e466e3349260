//! Uniform negatives: any wrong label, each as likely.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Evidence, NegativesFn};
use crate::parts::chance::Rng;

/// Uniform over the wrong labels.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Uniform {
    /// Keep for each training row the first wrong label it was given, as some ports do.
    pub frozen: bool,
}

impl NegativesFn for Uniform {
    fn draw(&self, evidence: &Evidence<'_>, chance: &mut Rng) -> Vec<u8> {
        let classes = evidence.classes as u32;
        let wrong = |label: &u8| ((u32::from(*label) + 1 + chance.below(classes - 1)) % classes) as u8;
        evidence.labels.iter().map(wrong).collect()
    }

    fn frozen(&self) -> bool {
        self.frozen
    }
}
