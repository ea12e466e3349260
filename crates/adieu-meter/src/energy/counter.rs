//! Energy by differences of a counter.

use super::Tally;

/// A counter of microjoules that comes round at `range`.
///
/// ```text
/// now ≥ last    d = now − last
/// now < last    d = now + range − last       come round; without a range: nothing is known
/// d / dt > P    nothing is known: the counter was reset, or the reading torn
/// ```
#[derive(Clone, Debug)]
pub struct Counter {
    range: Option<u64>,
    most_watts: f64,
    first_ns: Option<u64>,
    last: Option<(u64, u64)>,
    tally: Tally,
}

impl Counter {
    /// A counter that runs from 0 to `range` µJ, of something that never takes more than `most_watts`.
    pub fn new(range: Option<u64>, most_watts: f64) -> Counter {
        Counter { range, most_watts, first_ns: None, last: None, tally: Tally::default() }
    }

    /// It stood at `microjoules`, `at_ns` after the beginning; `None`: it could not be read.
    pub fn saw(&mut self, microjoules: Option<u64>, at_ns: u64) {
        let first = *self.first_ns.get_or_insert(at_ns);
        self.tally.elapsed_ns = at_ns.saturating_sub(first);
        let Some(now) = microjoules else { return };
        if let Some((last, last_ns)) = self.last
            && let Some(dt_ns) = at_ns.checked_sub(last_ns).filter(|dt| *dt > 0)
        {
            let gone = match now.checked_sub(last) {
                Some(gone) => Some(gone),
                None => self.range.and_then(|range| range.checked_sub(last)?.checked_add(now)),
            };
            let joules = gone.map(|gone| gone as f64 * 1e-6);
            if let Some(joules) = joules.filter(|joules| joules / (dt_ns as f64 * 1e-9) <= self.most_watts) {
                self.tally.joules += joules;
                self.tally.covered_ns += dt_ns;
            }
        }
        self.last = Some((now, at_ns));
    }

    /// What it has given so far.
    pub fn tally(&self) -> Tally {
        self.tally
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const S: u64 = 1_000_000_000;

    fn after(range: Option<u64>, seen: &[Option<u64>]) -> Tally {
        let mut counter = Counter::new(range, 1500.0);
        seen.iter().zip(0..).for_each(|(seen, second)| counter.saw(*seen, 7 * S + second * S));
        counter.tally()
    }

    #[test]
    fn it_counts_comes_round_and_forgets_what_cannot_be() {
        let j = |joules: u64| Some(joules * 1_000_000);
        let cases = [
            ("goes on", j(1000), vec![j(10), j(30), j(70)], 60.0, 2, 2),
            ("comes round", j(1000), vec![j(990), j(40)], 50.0, 1, 1),
            ("is reset", j(262_000), vec![j(200_000), j(0), j(20)], 20.0, 1, 2),
            ("comes round, who knows where", None, vec![j(990), j(40), j(60)], 20.0, 1, 2),
            ("a torn reading, and back", j(262_000), vec![j(90_000), j(0), j(90_020), j(90_040)], 20.0, 1, 3),
            ("was unreadable for a while", j(1000), vec![j(10), None, None, j(40)], 30.0, 3, 3),
            ("is stuck", j(1000), vec![j(10), j(10), j(10)], 0.0, 2, 2),
            ("beyond its own range", j(1000), vec![j(2000), j(10), j(20)], 10.0, 1, 2),
        ];
        for (what, range, seen, joules, covered, elapsed) in cases {
            let tally = after(range, &seen);
            assert!((tally.joules - joules).abs() < 1e-9, "{what}: {tally:?}");
            assert_eq!((tally.covered_ns, tally.elapsed_ns), (covered * S, elapsed * S), "{what}");
        }
        assert_eq!(after(None, &[None, None]).coverage(), 0.0);
    }

    proptest! {
        #[test]
        fn whatever_it_says_the_power_is_possible(
            seen in proptest::collection::vec(proptest::option::of(any::<u64>()), 0..20),
            range in proptest::option::of(any::<u64>()),
        ) {
            let tally = after(range, &seen);
            prop_assert!(tally.joules >= 0.0 && (0.0..=1.0).contains(&tally.coverage()));
            prop_assert!(tally.joules <= 1500.0 * tally.covered_ns as f64 * 1e-9 + 1e-6);
        }

        #[test]
        fn a_true_counter_is_followed_to_the_joule(watts in proptest::collection::vec(0u64..1400, 1..50), start: u32) {
            let range = 2_000_000_000;
            let mut counter = Counter::new(Some(range), 1500.0);
            let mut at = u64::from(start) % range;
            counter.saw(Some(at), 0);
            for (second, watts) in (1..).zip(&watts) {
                at = (at + watts * 1_000_000) % range;
                counter.saw(Some(at), second * S);
            }
            let joules: u64 = watts.iter().sum();
            prop_assert!((counter.tally().joules - joules as f64).abs() < 1e-6);
            prop_assert!((counter.tally().coverage() - 1.0).abs() < 1e-12);
        }
    }
}
