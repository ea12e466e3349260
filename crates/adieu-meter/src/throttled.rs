//! `throttled`: times, since the machine started, that its clocks are known to have been held back, by cause; without a
//! part those of all causes that do hold them back. A timing in which it grows is no timing of the machine as it could be.
//!
//! | part | counted | by |
//! |---|---|---|
//! | `cores`, `packages` | every time it began, by the kernel | x86: `/sys/devices/system/cpu/cpuN/thermal_throttle/{core,package}_throttle_count` |
//! | `frequency_capped`, `throttled`, `soft_temperature_limit` | once for the mark that it was so since the start, and once for each reading at which it is so now: at least | Raspberry Pi: `vcgencmd get_throttled` |
//! | `under_voltage` | likewise; leads to the others, and is not in the sum | |
//! | `nvidia-N thermal`, `nvidia-N power_brake` | readings at which it is so: at least | NVIDIA's library |
//! | `nvidia-N power_limit` | likewise; usual at full load, and not in the sum | |
//!
//! The firmware of a Raspberry Pi is asked at most twice a second, for each question starts a process.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use adieu_record::{Reading, Unit};

use crate::found::{Found, Missing, entries, number, reading};
use crate::nvidia::{Ask, Card, cards_below};
use crate::pi::{self, Firmware};
use crate::tree::word;
use crate::{About, Meter, Setup};

const FOLDER: &str = "sys/devices/system/cpu";
const SOURCE: &str = "kernel, firmware or driver";
const ABSENT: &str = "run on the bare machine: hypervisors hide it; not every processor's driver counts, but see `clock` and `temperature`";
/// Bits of the firmware's answer; those of the time since the start are sixteen higher.
const FLAGS: [&str; 4] = ["under_voltage", "frequency_capped", "throttled", "soft_temperature_limit"];
const EVERY: Duration = Duration::from_millis(500);
/// Whether it is so, by the bits of NVIDIA's library (`nvmlClocksThrottleReason…`).
type Reason = fn(u64) -> bool;
/// Older models say slowdown of the hardware (0x8) and not why; then it is taken for heat.
const REASONS: [(&str, Reason); 3] = [
    ("thermal", |bits| bits & 0x60 != 0 || bits & 0x88 == 0x8),
    ("power_brake", |bits| bits & 0x80 != 0),
    ("power_limit", |bits| bits & 0x4 != 0),
];
/// Parts that are told and are not in the sum.
const APART: [&str; 2] = ["under_voltage", "power_limit"];

/// The `throttled` meter.
pub struct Throttled {
    root: PathBuf,
    processors: Vec<String>,
    firmware: Option<Board>,
    /// Each card, and the readings at which it was held back, by reason.
    cards: Vec<(Card, [u64; REASONS.len()])>,
}

/// A Raspberry Pi.
struct Board {
    firmware: Found<Firmware>,
    asked: Option<Instant>,
    last: Found<u64>,
    /// Readings at which each flag was up.
    now: [u64; FLAGS.len()],
}

/// One cause, and how often.
type Part = (String, Found<f64>);

impl Throttled {
    /// Of the processors, the board and the cards that are there now.
    pub fn of(setup: &Setup) -> Throttled {
        // Without a card nobody misses its library.
        Throttled::with(&setup.root, cards_below(&setup.root).unwrap_or_default())
    }

    fn with(root: &Path, cards: Vec<Card>) -> Throttled {
        let counts = |entry: &String| root.join(FOLDER).join(entry).join("thermal_throttle").is_dir();
        let board = pi::model(root).map(|_| {
            let waiting = Missing::new("the firmware was not asked yet", "read it again");
            Board { firmware: Firmware::below(root), asked: None, last: Err(waiting), now: [0; 4] }
        });
        // What a card does not tell at first it does not tell at all: the boards of a Jetson refuse every question.
        let tells = |card: &Card| card.ask(Ask::HeldBack).is_ok();
        Throttled {
            root: root.into(),
            processors: entries(root, FOLDER).into_iter().filter(counts).collect(),
            firmware: board,
            cards: cards.into_iter().filter(tells).map(|card| (card, [0; REASONS.len()])).collect(),
        }
    }

    /// Of cores every processor's count, of packages the highest of its processors: they all tell the same.
    fn kernel(&self) -> Vec<Part> {
        if self.processors.is_empty() {
            return Vec::new();
        }
        let count = |processor: &String, what: &str| {
            let file = format!("{FOLDER}/{processor}/thermal_throttle/{what}_throttle_count");
            number(&self.root, &file, ABSENT, ABSENT)
        };
        let cores: Found<u64> = self.processors.iter().map(|processor| count(processor, "core")).sum();
        let mut packages: BTreeMap<String, Found<u64>> = BTreeMap::new();
        for processor in &self.processors {
            let id = word(&self.root, &format!("{FOLDER}/{processor}/topology/physical_package_id"));
            let seen = packages.entry(id.unwrap_or_default()).or_insert(Ok(0));
            let now = count(processor, "package");
            *seen = seen.clone().and_then(|seen| Ok(seen.max(now?)));
        }
        let packages: Found<u64> = packages.into_values().sum();
        [("cores", cores), ("packages", packages)].map(|(name, n)| (name.into(), n.map(|n| n as f64))).into()
    }
}

impl Board {
    fn read(&mut self) -> Vec<Part> {
        if self.asked.is_none_or(|asked| asked.elapsed() >= EVERY) {
            self.asked = Some(Instant::now());
            self.last = self.firmware.clone().and_then(|firmware| flags(&firmware.ask("get_throttled")?));
            if let Ok(flags) = self.last {
                (0..).zip(&mut self.now).for_each(|(bit, now)| *now += flags >> bit & 1);
            }
        }
        let count = |bit: usize, flags: u64| ((flags >> (16 + bit) & 1) + self.now[bit]) as f64;
        let part = |(bit, name): (usize, &&str)| {
            ((*name).to_owned(), self.last.clone().map(|flags| count(bit, flags)))
        };
        FLAGS.iter().enumerate().map(part).collect()
    }
}

/// `throttled=0x50005`.
fn flags(said: &str) -> Found<u64> {
    let flags =
        said.trim().strip_prefix("throttled=0x").and_then(|flags| u64::from_str_radix(flags, 16).ok());
    flags.ok_or_else(|| {
        let shown: String = said.trim().chars().take(40).collect();
        let why = format!("vcgencmd get_throttled says {shown:?}, which are no flags");
        Missing::new(why, "update the firmware: rpi-eeprom-update")
    })
}

fn reasons((card, counts): &mut (Card, [u64; REASONS.len()])) -> Vec<Part> {
    let now = card.ask(Ask::HeldBack);
    let part = |((reason, is_so), count): ((&str, Reason), &mut u64)| {
        let told = now.clone().map(|now| {
            *count += u64::from(is_so(now));
            *count as f64
        });
        (format!("{} {reason}", card.name()), told)
    };
    REASONS.into_iter().zip(counts).map(part).collect()
}

impl Meter for Throttled {
    fn name(&self) -> &'static str {
        "throttled"
    }

    fn about(&self) -> About {
        // Of a Raspberry Pi some milliseconds, at most twice a second.
        About { source: SOURCE, unit: Unit::Count, resolution: 1.0, cost_ns: 20_000 }
    }

    fn read(&mut self, out: &mut Vec<Reading>) {
        let mut parts = self.kernel();
        parts.extend(self.firmware.iter_mut().flat_map(Board::read));
        parts.extend(self.cards.iter_mut().flat_map(reasons));
        let holds = |name: &str| !APART.iter().any(|apart| name.ends_with(apart));
        let held: Found<f64> = parts.iter().filter(|(name, _)| holds(name)).map(|(_, n)| n.clone()).sum();
        let none = || {
            let path = self.root.join(FOLDER);
            Missing::new(format!("no processor of {} counts its throttling", path.display()), ABSENT)
        };
        let sum = if parts.is_empty() { Err(none()) } else { held };
        out.push(reading("throttled", None, Unit::Count, SOURCE, &sum));
        for (name, count) in &parts {
            out.push(reading("throttled", Some(name), Unit::Count, SOURCE, count));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use adieu_record::Value;

    use super::*;
    use crate::nvidia::fake::{Fake, Say};

    fn put(root: &Path, file: &str, text: &str) {
        let path = root.join(file);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    /// What it reads: numbers, or why there is none.
    fn read(meter: &mut Throttled) -> Vec<(String, Result<f64, String>)> {
        let mut readings = Vec::new();
        meter.read(&mut readings);
        let told = |reading: Reading| {
            let value = match reading.value {
                Value::Measured { value, .. } => Ok(value),
                Value::Unavailable { why, .. } => Err(why),
                Value::Estimated { .. } => panic!("nothing here is estimated"),
            };
            (reading.part.unwrap_or_default(), value)
        };
        readings.into_iter().map(told).collect()
    }

    fn told(all: &[(&str, f64)]) -> Vec<(String, Result<f64, String>)> {
        all.iter().map(|(name, n)| ((*name).to_owned(), Ok(*n))).collect()
    }

    #[test]
    fn cores_are_added_up_and_packages_count_once() {
        let root = tempfile::tempdir().expect("a folder");
        for (cpu, package, core_count, package_count) in [(0, 0, 3, 10), (1, 0, 4, 10), (2, 1, 0, 2)] {
            let at = |file: &str| format!("{FOLDER}/cpu{cpu}/{file}");
            put(root.path(), &at("topology/physical_package_id"), &format!("{package}\n"));
            put(root.path(), &at("thermal_throttle/core_throttle_count"), &format!("{core_count}\n"));
            put(root.path(), &at("thermal_throttle/package_throttle_count"), &format!("{package_count}\n"));
        }
        let mut meter = Throttled::with(root.path(), vec![]);
        assert_eq!(read(&mut meter), told(&[("", 19.0), ("cores", 7.0), ("packages", 12.0)]));
        put(root.path(), &format!("{FOLDER}/cpu1/thermal_throttle/core_throttle_count"), "torn");
        let again = read(&mut meter);
        assert!(
            again[0].1.as_ref().is_err_and(|why| why.contains("\"torn\", which is no number")),
            "{again:?}"
        );
        assert_eq!(again[2].1, Ok(12.0), "half a sum is none, a whole part is one");
    }

    #[cfg(unix)]
    #[test]
    fn flags_of_the_firmware_count_what_was_and_what_is() {
        let root = tempfile::tempdir().expect("a folder");
        put(root.path(), "proc/device-tree/model", "Raspberry Pi 4 Model B Rev 1.4\0");
        let mut meter = Throttled::with(root.path(), vec![]);
        assert!(read(&mut meter)[0].1.as_ref().is_err_and(|why| why.contains("vcgencmd does not exist")));
        let cases = [
            ("throttled=0x0", [0.0; 5]),
            ("throttled=0x50000", [1.0, 1.0, 0.0, 1.0, 0.0]),
            ("throttled=0x50005", [2.0, 2.0, 0.0, 2.0, 0.0]),
            ("throttled=0xe0008", [5.0, 1.0, 1.0, 2.0, 2.0]),
        ];
        let mut meter = None;
        for (said, expected) in cases {
            crate::pi::script(root.path(), &format!("echo {said}"));
            let meter = meter.get_or_insert_with(|| Throttled::with(root.path(), vec![]));
            if let Some(board) = &mut meter.firmware {
                board.asked = None;
            }
            let names = ["", FLAGS[0], FLAGS[1], FLAGS[2], FLAGS[3]];
            let expected: Vec<_> = names.into_iter().zip(expected).collect();
            assert_eq!(read(meter), told(&expected), "{said}");
            assert_eq!(read(meter), told(&expected), "it is not asked again at once");
        }
        assert!(flags("error=1").is_err() && flags("throttled=0x").is_err());
    }

    #[test]
    fn reasons_of_cards_and_cards_that_tell_none() {
        let says = |bits| Say::Number(bits);
        let fake = Fake::cards(&[
            &[(Ask::HeldBack, &[says(0), says(0x1), says(0x4 | 0x40), says(0x80 | 0x8)])],
            &[(Ask::HeldBack, &[Say::Unsupported])],
        ]);
        let root = tempfile::tempdir().expect("a folder");
        // The first answer is to the question whether it answers.
        let mut meter = Throttled::with(root.path(), fake);
        let cases = [[0.0, 0.0, 0.0, 0.0], [1.0, 1.0, 0.0, 1.0], [2.0, 1.0, 1.0, 1.0]];
        for expected in cases {
            let names = ["", "nvidia-0 thermal", "nvidia-0 power_brake", "nvidia-0 power_limit"];
            let expected: Vec<_> = names.into_iter().zip(expected).collect();
            assert_eq!(read(&mut meter), told(&expected));
        }
    }

    #[test]
    fn nothing_that_counts_is_not_zero() {
        let root = tempfile::tempdir().expect("a folder");
        let all = read(&mut Throttled::with(root.path(), vec![]));
        assert!(
            all.len() == 1 && all[0].1.as_ref().is_err_and(|why| why.contains("counts its throttling")),
            "{all:?}"
        );
    }
}
