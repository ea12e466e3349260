//! Energy by differences of a counter.

use super::Tally;

/// A counter of microjoules that comes round at `range`.
///
/// ```text
/// now ≥ last    d = now − last
/// now < last    d = now + range − last       come round; without a range: nothing is known
/// d / dt > P    nothing is known: the counter was reset, or the reading torn
/// ```
///
/// A reading that fell is doubted until the next one: if that goes on from where the counter stood before the fall, the
/// reading between was torn, and what was made of it is taken back.
#[derive(Clone, Debug)]
pub struct Counter {
    range: Option<u64>,
    most_watts: f64,
    first_ns: Option<u64>,
    last: Option<(u64, u64)>,
    doubt: Option<Doubt>,
    tally: Tally,
}

/// A fall that may be a torn reading.
#[derive(Clone, Copy, Debug)]
struct Doubt {
    /// The reading before it.
    before: (u64, u64),
    /// What it was taken for: joules, and the time they were seen in.
    made: (f64, u64),
}

impl Counter {
    /// A counter that runs from 0 to `range` µJ, of something that never takes more than `most_watts`.
    pub fn new(range: Option<u64>, most_watts: f64) -> Counter {
        Counter { range, most_watts, first_ns: None, last: None, doubt: None, tally: Tally::default() }
    }

    /// It stood at `microjoules`, `at_ns` after the beginning; `None`: it could not be read.
    pub fn saw(&mut self, microjoules: Option<u64>, at_ns: u64) {
        let first = *self.first_ns.get_or_insert(at_ns);
        self.tally.elapsed_ns = at_ns.saturating_sub(first);
        let Some(now) = microjoules else { return };
        let now = (now, at_ns);
        let torn =
            self.doubt.take().filter(|doubt| now.0 >= doubt.before.0 && !self.turns(doubt.before, now));
        if let Some(doubt) = torn
            && let Some((joules, dt_ns)) = self.step(doubt.before, now)
        {
            let (made, made_ns) = doubt.made;
            self.tally.joules += joules - made;
            self.tally.covered_ns = (self.tally.covered_ns + dt_ns).saturating_sub(made_ns);
        } else if let Some(last) = self.last {
            let made = self.step(last, now).unwrap_or_default();
            self.tally.joules += made.0;
            self.tally.covered_ns += made.1;
            self.doubt = (now.0 < last.0).then_some(Doubt { before: last, made });
        }
        self.last = Some(now);
    }

    /// Whether it may have come round between two readings and be beyond where it stood.
    fn turns(&self, (last, last_ns): (u64, u64), (now, at_ns): (u64, u64)) -> bool {
        let turn = self.range.map(|range| (range as f64 + (now as f64 - last as f64)) * 1e-6);
        turn.is_some_and(|joules| joules <= self.most_watts * at_ns.saturating_sub(last_ns) as f64 * 1e-9)
    }

    /// Joules from one reading to another, and the time between them; nothing if that cannot be.
    fn step(&self, (last, last_ns): (u64, u64), (now, at_ns): (u64, u64)) -> Option<(f64, u64)> {
        let dt_ns = at_ns.checked_sub(last_ns).filter(|dt| *dt > 0)?;
        let gone = match now.checked_sub(last) {
            Some(gone) => gone,
            None => self.range?.checked_sub(last)?.checked_add(now)?,
        };
        let joules = gone as f64 * 1e-6;
        (joules / (dt_ns as f64 * 1e-9) <= self.most_watts).then_some((joules, dt_ns))
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
            ("a torn reading, and back", j(262_000), vec![j(90_000), j(0), j(90_020), j(90_040)], 40.0, 3, 3),
            (
                "a torn reading that looks possible",
                j(262_000),
                vec![j(900), j(90), j(910), j(920)],
                20.0,
                3,
                3,
            ),
            (
                "torn where it might have come round",
                j(262_000),
                vec![j(261_990), j(9), j(261_995), j(261_998)],
                8.0,
                3,
                3,
            ),
            ("reset, and soon beyond", j(262_000), vec![j(100), j(0), j(150)], 50.0, 2, 2),
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

    /// What happens to a counter between two readings.
    #[derive(Clone, Copy, Debug)]
    enum Fate {
        /// It goes on by so many µJ, round its range if it must.
        On(u64),
        /// The same, and it begins anew from 0.
        Reset(u64),
        /// The same, and it cannot be read.
        Unread(u64),
        /// The same, and the last digits of it are not read.
        Torn(u64, u32),
    }

    fn fate() -> impl Strategy<Value = Fate> {
        let most = 1_400_000_000_u64;
        prop_oneof![
            4 => (0..most).prop_map(Fate::On),
            1 => (0..most).prop_map(Fate::Reset),
            1 => (0..most).prop_map(Fate::Unread),
            1 => (0..most, 1..9_u32).prop_map(|(gone, digits)| Fate::Torn(gone, digits)),
        ]
    }

    proptest! {
        // Two things no reader can tell apart are not asked for: a reset within a second's reach of the range, which is a
        // counter that came round; and a torn reading beside another fall.
        #[test]
        fn whatever_happens_to_it_there_is_never_more_than_the_truth(
            fates in proptest::collection::vec(fate(), 1..60),
            start in 0..262_000_000_000_u64,
        ) {
            let range = 262_143_328_850_u64;
            let mut counter = Counter::new(Some(range), 1500.0);
            counter.saw(Some(start), 0);
            let (mut stands, mut truth, mut whole, mut since_fall) = (start, 0_u64, true, 0);
            let mut second = 0;
            for fate in fates.into_iter().chain([Fate::On(0), Fate::On(0)]) {
                second += 1;
                let (Fate::On(gone) | Fate::Reset(gone) | Fate::Unread(gone) | Fate::Torn(gone, _)) = fate;
                truth += gone;
                let rounds = stands + gone >= range;
                stands = (stands + gone) % range;
                let reach = range - stands <= 4_000_000_000 || stands <= 4_000_000_000;
                let calm = since_fall > 1 && !rounds && !reach;
                let read = u64::from(!matches!(fate, Fate::Unread(_)));
                since_fall = if rounds { 0 } else { since_fall + read };
                let seen = match fate {
                    Fate::Reset(_) if calm => {
                        (stands, whole, since_fall) = (0, false, 0);
                        Some(stands)
                    }
                    Fate::Torn(_, digits) if calm => {
                        since_fall = 0;
                        Some(stands / 10_u64.pow(digits))
                    }
                    Fate::Unread(_) => None,
                    _ => Some(stands),
                };
                counter.saw(seen, second * S);
            }
            let tally = counter.tally();
            prop_assert!(tally.joules >= 0.0 && tally.covered_ns <= tally.elapsed_ns, "{tally:?}");
            prop_assert!(tally.joules <= truth as f64 * 1e-6 + 1e-6, "{tally:?} of {truth} µJ");
            if whole {
                prop_assert!((tally.joules - truth as f64 * 1e-6).abs() < 1e-3, "{tally:?} of {truth} µJ");
                prop_assert_eq!(tally.covered_ns, tally.elapsed_ns);
            }
        }

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
