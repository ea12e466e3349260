//! `energy`: joules since the meter began, by rail.
//!
//! A *rail* is one thing whose energy some sensor tells: a processor package, a memory, an input of a board. Rails overlap
//! as a rule (an input contains the processor it feeds), so that nothing is added up but what is known to be apart; the
//! reading without a part is such a sum, and its source says of what. A rail that has a counter is read by
//! [differences](Counter), one that tells power by the area under it ([`Power`]). Either way a bad reading drops the
//! time it falls in, which lowers the *coverage*; it is never taken for zero.
//!
//! A counter may come round within minutes, so a thread reads every rail ten times a second for as long as the meter
//! lives. Its own processor time is the part `sampler` of nobody: see [`Energy::sampler_seconds`].

mod aside;
mod battery;
#[cfg(test)]
mod boards;
mod counter;
mod estimate;
mod external;
mod hwmon;
mod ina3221;
mod nvidia;
mod plug;
mod pmic;
mod power;
mod rapl;
mod sampler;
mod table;

use std::path::Path;
use std::time::Duration;

use adieu_record::{Reading, Unit, Value};

pub use counter::Counter;
pub use estimate::{Assumed, Estimate};
pub use external::{External, PlugKind};
pub use power::Power;

use crate::found::Missing;
use crate::{About, Meter, Setup};
use sampler::{Sampler, Seen};

const SOURCE: &str = "energy sensors";

/// What a rail has given so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Tally {
    /// Joules seen.
    pub joules: f64,
    /// Time in which they were seen, ns.
    pub covered_ns: u64,
    /// Time since the rail was first looked at, ns.
    pub elapsed_ns: u64,
}

impl Tally {
    /// Share of the time that was seen, from 0 to 1.
    pub fn coverage(&self) -> f64 {
        if self.elapsed_ns == 0 { 0.0 } else { self.covered_ns as f64 / self.elapsed_ns as f64 }
    }
}

/// Whether a rail is a part of the sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counts {
    /// It is: apart from all others that are.
    Apart,
    /// It is not: others may contain it.
    Beside,
    /// It contains all others, and is the sum where none of them counts.
    Whole,
}

/// One thing whose energy a sensor tells.
pub(crate) trait Rail: Send {
    /// Whose energy: `package-0`, `VDD_IN`, ….
    fn name(&self) -> &str;
    /// Which sensor, for the record.
    fn source(&self) -> &str;
    /// Whether it is a part of the sum.
    fn counts(&self) -> Counts;
    /// Looks closer together than this are left out; by default none is: the thread looks ten times a second, and again
    /// whenever the meter is read.
    fn shortest(&self) -> Duration {
        Duration::ZERO
    }
    /// Looks now, `at_ns` after the meter began.
    ///
    /// # Errors
    /// Why there is nothing to see. The rail goes on: what could not be read now may be readable later.
    fn look(&mut self, at_ns: u64) -> Result<(), Missing>;
    /// What it has given so far.
    fn tally(&self) -> Tally;
}

/// The `energy` meter.
pub struct Energy {
    /// Why there is no sum, if there is none.
    missing: Vec<Missing>,
    sampler: Sampler,
}

impl Energy {
    /// Looks for sensors below `root` and begins to watch those that can be read.
    pub fn below(root: &Path) -> Energy {
        Energy::of(&Setup::below(root))
    }

    /// The same, with what the setup adds.
    pub fn of(setup: &Setup) -> Energy {
        let root = setup.root.as_path();
        let mut rails: Vec<Box<dyn Rail>> = Vec::new();
        let mut missing = Vec::new();
        // Of the reasons why there is no sum the first is told: most machines have a processor's sensor or none.
        let board = ina3221::find(root);
        let cards = nvidia::find(root, board.is_ok());
        let found = [pmic::find(root), rapl::find(root), board, hwmon::find(root), battery::find(root)];
        for found in found {
            match found {
                Ok(found) => rails.extend(found),
                Err(why) => missing.push(why),
            }
        }
        rails.extend(cards);
        rails.extend(setup.external.as_ref().map(external::rail));
        Energy { missing, sampler: Sampler::start(rails) }
    }

    /// Whether there is any rail, readable or not.
    pub fn watches(&self) -> bool {
        self.sampler.watches()
    }

    /// Processor time of the thread that watches, if this system tells it.
    pub fn sampler_seconds(&self) -> Option<f64> {
        self.sampler.cpu_seconds()
    }
}

impl Meter for Energy {
    fn name(&self) -> &'static str {
        "energy"
    }

    fn about(&self) -> About {
        About { source: SOURCE, unit: Unit::Joules, resolution: 1e-4, cost_ns: 100_000 }
    }

    fn read(&mut self, out: &mut Vec<Reading>) {
        let seen = self.sampler.look();
        let joules = |part: Option<&str>, tally: Tally, source: String| {
            let value = Value::Measured { value: tally.joules, source, coverage: tally.coverage() };
            Reading { name: "energy".into(), part: part.map(Into::into), unit: Unit::Joules, value }
        };
        let (counted, mirrored) = apart(&seen);
        let blind = counted.iter().find_map(|rail| rail.tally.as_ref().err());
        out.push(match (counted.is_empty(), blind) {
            (true, _) => nothing(&self.missing).reading("energy", None, Unit::Joules),
            (_, Some(missing)) => missing.reading("energy", None, Unit::Joules),
            _ => {
                let names: Vec<&str> = counted.iter().map(|rail| rail.name.as_str()).collect();
                let tallies = counted.iter().flat_map(|rail| rail.tally.as_ref().ok());
                let sum =
                    tallies.fold(Tally { covered_ns: u64::MAX, ..Tally::default() }, |sum, rail| Tally {
                        joules: sum.joules + rail.joules,
                        covered_ns: sum.covered_ns.min(rail.covered_ns),
                        elapsed_ns: sum.elapsed_ns.max(rail.elapsed_ns),
                    });
                let note = if counted.iter().any(|rail| rail.counts == Counts::Whole) {
                    " (the whole machine, at the socket)"
                } else if mirrored {
                    " (mirrored dies once)"
                } else {
                    ""
                };
                joules(None, sum, format!("{SOURCE}: {}{note}", names.join(" + ")))
            }
        });
        out.extend(seen.iter().map(|rail| match &rail.tally {
            Ok(tally) => joules(Some(&rail.name), *tally, format!("{SOURCE}: {}", rail.source)),
            Err(missing) => missing.reading("energy", Some(&rail.name), Unit::Joules),
        }));
    }
}

/// Dies that differ by less are one counter, shown twice.
const ALIKE: f64 = 1e-3;
/// Joules below which nothing can be said of that.
const ENOUGH: f64 = 1.0;

/// The rails that make the sum, and whether any was left out because it mirrors another die of its package.
fn apart(seen: &[Seen]) -> (Vec<&Seen>, bool) {
    let mut counted: Vec<&Seen> = Vec::new();
    let mut mirrored = false;
    for rail in seen.iter().filter(|rail| rail.counts == Counts::Apart) {
        let package = |rail: &Seen| rail.name.split_once("-die-").map(|(package, _)| package.to_owned());
        let joules = |rail: &Seen| rail.tally.as_ref().map(|tally| tally.joules).unwrap_or_default();
        let twin = counted.iter().any(|known| {
            package(rail).is_some()
                && package(rail) == package(known)
                && joules(rail) > ENOUGH
                && (joules(rail) / joules(known) - 1.0).abs() < ALIKE
        });
        mirrored |= twin;
        if !twin {
            counted.push(rail);
        }
    }
    if counted.is_empty() {
        counted.extend(seen.iter().find(|rail| rail.counts == Counts::Whole));
    }
    (counted, mirrored)
}

/// Why nothing tells the energy of the whole.
fn nothing(missing: &[Missing]) -> Missing {
    missing.first().cloned().unwrap_or_else(|| {
        Missing::new("no sensor tells the energy of the whole", "use a meter at the socket")
    })
}
