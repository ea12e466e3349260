//! The schedule of Hinton's code: constant for the first half, then linear to nearly zero.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ScheduleFn;

/// gain = 1 while epoch ≤ E/2, then (1 + 2(E − epoch))/E; epochs count from 1.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HalfThenLinear {}

impl ScheduleFn for HalfThenLinear {
    fn gain(&self, epoch: u64, epochs: u64) -> f64 {
        if 2 * epoch <= epochs {
            1.0
        } else {
            (1 + 2 * (epochs.saturating_sub(epoch))) as f64 / epochs as f64
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constant_to_the_half_then_down_to_one_in_e() {
        let gain = |epoch| HalfThenLinear {}.gain(epoch, 60);
        assert_eq!((gain(1), gain(30)), (1.0, 1.0));
        assert!((gain(31) - 59.0 / 60.0).abs() < 1e-12 && (gain(60) - 1.0 / 60.0).abs() < 1e-12);
        assert_eq!(HalfThenLinear {}.gain(1, 1), 1.0);
    }
}
