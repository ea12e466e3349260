//! Wall-clock time: `wall`, seconds of the monotonic clock since the meter was made.
//!
//! The monotonic clock is never set back or forward. It stands still while the machine is suspended.

use std::time::Instant;

use adieu_record::{Reading, Unit};

use crate::{About, Meter};

const SOURCE: &str = "monotonic clock";

/// The `wall` meter.
#[derive(Clone, Debug)]
pub struct Wall {
    start: Instant,
}

impl Wall {
    /// A clock that starts now.
    pub fn start() -> Wall {
        Wall { start: Instant::now() }
    }
}

impl Meter for Wall {
    fn name(&self) -> &'static str {
        "wall"
    }

    fn about(&self) -> About {
        About { source: SOURCE, unit: Unit::Seconds, resolution: 1e-9, cost_ns: 80 }
    }

    fn read(&mut self, out: &mut Vec<Reading>) {
        let seconds = self.start.elapsed().as_secs_f64();
        out.push(Reading::measured("wall", None, Unit::Seconds, seconds, SOURCE));
    }
}
