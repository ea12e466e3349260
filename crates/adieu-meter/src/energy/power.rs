//! Energy by the area under samples of power.

use std::time::Duration;

use super::Tally;

/// Longest time between two samples that is bridged by a straight line, ns.
const LONGEST_NS: u64 = 1_000_000_000;
/// The same, of sensors that tell about once a second: two answers may be missed.
pub(super) const LONGEST_SLOW: Duration = Duration::from_secs(3);

/// Samples of power: `E = Σ (p₀ + p₁)/2 · dt`, over pairs of samples at most a second apart, or as told.
#[derive(Clone, Debug)]
pub struct Power {
    longest_ns: u64,
    first_ns: Option<u64>,
    last: Option<(f64, u64)>,
    tally: Tally,
}

impl Default for Power {
    fn default() -> Power {
        Power::bridging(LONGEST_NS)
    }
}

impl Power {
    /// Two samples at most `longest_ns` apart are bridged.
    pub fn bridging(longest_ns: u64) -> Power {
        Power { longest_ns, first_ns: None, last: None, tally: Tally::default() }
    }

    /// It took `watts`, `at_ns` after the beginning; `None`: it could not be read.
    pub fn saw(&mut self, watts: Option<f64>, at_ns: u64) {
        let first = *self.first_ns.get_or_insert(at_ns);
        self.tally.elapsed_ns = at_ns.saturating_sub(first);
        let now = watts.filter(|watts| watts.is_finite() && *watts >= 0.0).map(|watts| (watts, at_ns));
        if let (Some((before, then)), Some((now, _))) = (self.last, now) {
            let dt_ns = at_ns.saturating_sub(then);
            if (1..=self.longest_ns).contains(&dt_ns) {
                self.tally.joules += 0.5 * (before + now) * dt_ns as f64 * 1e-9;
                self.tally.covered_ns += dt_ns;
            }
        }
        self.last = now;
    }

    /// What it has given so far.
    pub fn tally(&self) -> Tally {
        self.tally
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_gaps_and_slopes_are_straight() {
        let mut power = Power::default();
        let tenth = 100_000_000;
        for (at, watts) in
            [(0, Some(4.0)), (1, Some(6.0)), (2, None), (3, Some(8.0)), (4, Some(8.0)), (30, Some(9.0))]
        {
            power.saw(watts, 5 + at * tenth);
        }
        let tally = power.tally();
        assert!((tally.joules - (0.5 + 0.8)).abs() < 1e-12, "{tally:?}");
        assert_eq!((tally.covered_ns, tally.elapsed_ns), (2 * tenth, 30 * tenth));
        power.saw(Some(f64::NAN), 31 * tenth);
        power.saw(Some(-1.0), 32 * tenth);
        assert_eq!(power.tally().joules, tally.joules, "what is no power is not taken for one");
    }
}
