//! NVIDIA's cards, each a rail: by the counter of their driver where the model has one (Volta and later), else by the area
//! under its power, which most models tell as an average over a second.
//!
//! A card is apart from the processor's packages and memories, and counts beside them. Nothing tells how much of it one
//! program used: that other programs compute on it is said in the source. A card that does not answer at the beginning has
//! the reason as a part of its own, and counts for nothing.

use std::path::Path;
use std::time::Duration;

use super::{Counter, Counts, Power, Rail, Tally};
use crate::found::{Found, Missing};
use crate::nvidia::{Ask, Card, cards_below, listed};

/// No card takes more; the counter may gather up to three looks.
const MOST_WATTS: f64 = 5000.0;
/// Drivers that are asked more often than this answer with errors and zeros.
const SHORTEST: Duration = Duration::from_millis(50);
/// Looks from one to the next question whether the card is shared.
const SHARED_EVERY: u64 = 10;

/// The cards of the machine below `root`. `board`: whether it has sensors of its own, as a Jetson has, whose graphics
/// processor is a card in name only.
pub(super) fn find(root: &Path, board: bool) -> Vec<Box<dyn Rail>> {
    match cards_below(root) {
        Ok(cards) => rails(cards, board),
        // Without a card nobody misses its library.
        Err(missing) => {
            let blind = |name| Box::new(Blind { name, missing: missing.clone() }) as Box<dyn Rail>;
            listed(root).into_iter().map(blind).collect()
        }
    }
}

fn rails(cards: Vec<Card>, board: bool) -> Vec<Box<dyn Rail>> {
    let rail = |card: Card| -> Option<Box<dyn Rail>> {
        let ways = [
            (Ask::Millijoules, "NVML energy counter"),
            (Ask::MilliwattsNow, "area under NVML power, instantaneous"),
            (Ask::Milliwatts, "area under NVML power, an average over a second on most models"),
        ];
        let mut missing = None;
        for (ask, by) in ways {
            match card.ask(ask) {
                Ok(_) => return Some(Box::new(Watched::new(card, ask, by))),
                Err(why) => missing = Some(why),
            }
        }
        let name = card.name().to_owned();
        missing.filter(|_| !board).map(|missing| Box::new(Blind { name, missing }) as Box<dyn Rail>)
    };
    cards.into_iter().filter_map(rail).collect()
}

enum How {
    Counter(Counter),
    Power(Power),
}

struct Watched {
    card: Card,
    ask: Ask,
    how: How,
    source: String,
    looks: u64,
    shared: bool,
}

impl Watched {
    fn new(card: Card, ask: Ask, by: &str) -> Watched {
        let how = match ask {
            Ask::Millijoules => How::Counter(Counter::new(None, MOST_WATTS)),
            _ => How::Power(Power::default()),
        };
        Watched { card, ask, how, source: by.into(), looks: 0, shared: false }
    }
}

impl Rail for Watched {
    fn name(&self) -> &str {
        self.card.name()
    }

    fn source(&self) -> &str {
        &self.source
    }

    fn counts(&self) -> Counts {
        Counts::Apart
    }

    fn shortest(&self) -> Duration {
        SHORTEST
    }

    fn look(&mut self, at_ns: u64) -> Result<(), Missing> {
        if !self.shared && self.looks.is_multiple_of(SHARED_EVERY) && self.card.is_shared() {
            self.shared = true;
            self.source.push_str(", shared: other programs compute on it");
        }
        self.looks += 1;
        let read = self.card.ask(self.ask);
        let told = read.as_ref().ok().copied();
        match &mut self.how {
            How::Counter(counter) => counter.saw(told.and_then(|mj| mj.checked_mul(1000)), at_ns),
            How::Power(power) => power.saw(told.map(|mw| mw as f64 * 1e-3), at_ns),
        }
        read.map(|_| ())
    }

    fn tally(&self) -> Tally {
        match &self.how {
            How::Counter(counter) => counter.tally(),
            How::Power(power) => power.tally(),
        }
    }
}

/// A card whose energy is not to be had.
struct Blind {
    name: String,
    missing: Missing,
}

impl Rail for Blind {
    fn name(&self) -> &str {
        &self.name
    }

    fn source(&self) -> &str {
        "NVML"
    }

    fn counts(&self) -> Counts {
        Counts::Beside
    }

    fn look(&mut self, _at_ns: u64) -> Found<()> {
        Err(self.missing.clone())
    }

    fn tally(&self) -> Tally {
        Tally::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nvidia::fake::{Fake, Say};

    /// What a card answers.
    type Script<'a> = &'a [(Ask, &'a [Say])];

    const TENTH: u64 = 100_000_000;

    /// The only rail, looked at so often, a tenth of a second apart; whether it could be seen the last time.
    fn looked(script: Script<'_>, looks: u64) -> (Box<dyn Rail>, Found<()>) {
        let mut rail = rails(Fake::cards(&[script]), false).remove(0);
        let last = (0..looks).map(|look| rail.look(look * TENTH)).last().expect("there is a look");
        (rail, last)
    }

    /// A counter that moves by so many mJ a look. The first number answers the question whether there is one.
    fn counter(steps: u64, each: u64) -> Vec<Say> {
        (0..=steps).map(|step| Say::Number(7_000_000 + step.saturating_sub(1) * each)).collect()
    }

    #[test]
    fn by_its_counter_or_by_its_power_to_a_percent() {
        let volta = counter(11, 25_000);
        let cases: [(&str, Script<'_>, f64, &str); 4] = [
            (
                "a counter",
                &[(Ask::Millijoules, &volta), (Ask::Milliwatts, &[Say::Number(9)])],
                250.0,
                "counter",
            ),
            ("power now", &[(Ask::MilliwattsNow, &[Say::Number(250_000)])], 250.0, "instantaneous"),
            ("Pascal: power only", &[(Ask::Milliwatts, &[Say::Number(100_000)])], 100.0, "average"),
            (
                "a counter that means nothing",
                &[(Ask::Millijoules, &[Say::Number(u64::MAX)]), (Ask::Milliwatts, &[Say::Number(60_000)])],
                60.0,
                "average",
            ),
        ];
        for (what, script, watts, by) in cases {
            let (rail, last) = looked(script, 11);
            let tally = rail.tally();
            assert_eq!((last, tally.elapsed_ns, tally.coverage()), (Ok(()), 10 * TENTH, 1.0), "{what}");
            assert!((tally.joules / watts - 1.0).abs() < 0.01, "{what}: {tally:?}");
            assert!(
                rail.source().contains(by) && rail.counts() == Counts::Apart,
                "{what}: {}",
                rail.source()
            );
        }
    }

    #[test]
    fn a_card_that_is_lost_lowers_the_coverage() {
        let mut says = counter(6, 10_000);
        says.push(Say::Lost);
        let (rail, last) = looked(&[(Ask::Millijoules, &says)], 11);
        assert_eq!(last.unwrap_err().why, "nvidia-0: device fell off the bus");
        let tally = rail.tally();
        assert!((tally.joules - 50.0).abs() < 1e-9 && (tally.coverage() - 0.5).abs() < 1e-9, "{tally:?}");
    }

    #[test]
    fn a_card_that_is_reset_or_answers_with_nothing_is_not_counted_on() {
        let says = [7_000_000, 7_000_000, 7_010_000, 12_000, 22_000, u64::MAX, 42_000].map(Say::Number);
        let (rail, last) = looked(&[(Ask::Millijoules, &says)], 6);
        assert_eq!(last, Ok(()));
        let tally = rail.tally();
        assert!((tally.joules - 40.0).abs() < 1e-9, "{tally:?}");
        assert_eq!((tally.covered_ns, tally.elapsed_ns), (4 * TENTH, 5 * TENTH), "the reset is not seen");
    }

    #[test]
    fn one_that_answers_nothing_says_so_unless_the_board_has_sensors_of_its_own() {
        let (rail, last) = looked(&[], 2);
        assert_eq!(last.unwrap_err().why, "nvidia-0: does not support the question");
        assert_eq!((rail.counts(), rail.tally().coverage()), (Counts::Beside, 0.0));
        assert!(rails(Fake::cards(&[&[]]), true).is_empty(), "a Jetson");
    }

    #[test]
    fn a_shared_card_says_so_from_then_on() {
        let others: Vec<Say> = [0, 2, 0].map(Say::Number).into();
        let script: [(Ask, &[Say]); 2] = [(Ask::Milliwatts, &[Say::Number(1000)]), (Ask::Others, &others)];
        assert!(!looked(&script, 10).0.source().contains("shared"));
        for looks in [11, 40] {
            let source = looked(&script, looks).0.source().to_owned();
            assert!(source.ends_with(", shared: other programs compute on it"), "{looks}: {source}");
        }
    }
}
