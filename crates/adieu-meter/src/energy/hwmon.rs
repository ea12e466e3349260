//! Whatever else measures power or energy: graphics cards, supplies, boards, by the kernel's hwmon.
//!
//! `/sys/class/hwmon/hwmon*/{name, energyN_input µJ, powerN_average µW, powerN_input µW, *_label}`. Any driver may be
//! there, and what it measures may contain what another does; nothing of it is added up.

use std::path::{Path, PathBuf};

use super::{Counter, Counts, Power, Rail, Tally};
use crate::found::{Found, Missing, entries, number};
use crate::tree::word;

const FOLDER: &str = "sys/class/hwmon";
const ABSENT: &str =
    "run on the bare machine: hypervisors hide sensors, and a driver must know the chip (sensors-detect)";
const CLOSED: &str = "run as root";
const MOST_WATTS: f64 = 10_000.0;

/// The channels below `root`.
pub(super) fn find(root: &Path) -> Found<Vec<Box<dyn Rail>>> {
    let mut channels: Vec<Box<dyn Rail>> = Vec::new();
    for chip in entries(root, FOLDER).iter().filter(|entry| entry.starts_with("hwmon")) {
        let folder = format!("{FOLDER}/{chip}");
        let chip = word(root, &format!("{folder}/name")).unwrap_or_else(|| chip.clone());
        // INA3221 tells volts and amperes, and is read where its board is known.
        let files = entries(root, &folder);
        for file in &files {
            let Some((kind, n)) = channel(file) else { continue };
            // Of a channel that tells both, the average: it misses nothing between two looks.
            if kind == "power" && file.ends_with("_input") && files.contains(&format!("power{n}_average")) {
                continue;
            }
            let label =
                word(root, &format!("{folder}/{kind}{n}_label")).unwrap_or_else(|| format!("{kind}{n}"));
            let how = if kind == "energy" {
                How::Counter(Counter::new(None, MOST_WATTS))
            } else {
                How::Power(Power::default())
            };
            channels.push(Box::new(Channel {
                root: root.into(),
                name: format!("{chip}:{label}"),
                file: format!("{folder}/{file}"),
                source: format!("/{folder}/{file}"),
                how,
            }));
        }
    }
    if channels.is_empty() {
        let path = root.join(FOLDER);
        let is = if path.exists() { "has no channel of power or energy" } else { "does not exist" };
        return Err(Missing::new(format!("{} {is}", path.display()), ABSENT));
    }
    Ok(channels)
}

/// `power` and `1` of `power1_input` or `power1_average`; `energy` and `2` of `energy2_input`.
fn channel(file: &str) -> Option<(&str, &str)> {
    let (channel, what) = file.split_once('_')?;
    let kind = ["power", "energy"].into_iter().find(|kind| channel.starts_with(kind))?;
    let n = &channel[kind.len()..];
    let numbered = !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit());
    (numbered && (what == "input" || (kind == "power" && what == "average"))).then_some((kind, n))
}

enum How {
    Counter(Counter),
    Power(Power),
}

struct Channel {
    root: PathBuf,
    name: String,
    file: String,
    source: String,
    how: How,
}

impl Rail for Channel {
    fn name(&self) -> &str {
        &self.name
    }

    fn source(&self) -> &str {
        &self.source
    }

    fn counts(&self) -> Counts {
        Counts::Beside
    }

    fn look(&mut self, at_ns: u64) -> Result<(), Missing> {
        let read = number(&self.root, &self.file, ABSENT, CLOSED);
        let micro = read.as_ref().ok().copied();
        match &mut self.how {
            How::Counter(counter) => counter.saw(micro, at_ns),
            How::Power(power) => power.saw(micro.map(|uw| uw as f64 * 1e-6), at_ns),
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
