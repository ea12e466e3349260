//! No schedule.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ScheduleFn;

/// gain = 1.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Constant {}

impl ScheduleFn for Constant {
    fn gain(&self, _: u64, _: u64) -> f64 {
        1.0
    }
}
