//! Half a cosine, from 1 down to a floor (Loshchilov & Hutter 2017, arXiv:1608.03983, without restarts).

use std::f64::consts::PI;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ScheduleFn;

/// gain = f + (1 − f)(1 + cos(π (epoch − 1)/E))/2; epochs count from 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Cosine {
    /// f: what it ends near.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub floor: f64,
}

impl Default for Cosine {
    fn default() -> Cosine {
        Cosine { floor: 0.0 }
    }
}

impl ScheduleFn for Cosine {
    fn gain(&self, epoch: u64, epochs: u64) -> f64 {
        let done = epoch.saturating_sub(1) as f64 / epochs.max(1) as f64;
        self.floor + (1.0 - self.floor) * (1.0 + (PI * done).cos()) / 2.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn from_one_through_the_middle_to_the_floor() {
        let gain = |epoch| Cosine { floor: 0.1 }.gain(epoch, 10);
        assert_eq!(gain(1), 1.0);
        assert!((gain(6) - 0.55).abs() < 1e-12 && (gain(11) - 0.1).abs() < 1e-12);
    }
}
