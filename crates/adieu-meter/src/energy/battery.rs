//! A laptop's battery, while it feeds the machine: the whole machine, coarsely.
//!
//! `/sys/class/power_supply/BAT*/{status, power_now µW}`, or `voltage_now` µV times `current_now` µA. On mains the battery
//! says nothing of what the machine takes. Many batteries renew their numbers every few seconds only.

use std::path::{Path, PathBuf};

use super::{Counts, Power, Rail, Tally};
use crate::found::{Found, Missing, entries, number};
use crate::tree::word;

const FOLDER: &str = "sys/class/power_supply";
const ABSENT: &str = "run on a laptop, off the mains";

/// The batteries below `root`.
pub(super) fn find(root: &Path) -> Found<Vec<Box<dyn Rail>>> {
    let all = entries(root, FOLDER);
    let kind =
        |entry: &String| word(root, &format!("{FOLDER}/{entry}/type")).is_some_and(|kind| kind == "Battery");
    // Of mice and keyboards too; those say that they are of a device.
    let of_device =
        |entry: &String| word(root, &format!("{FOLDER}/{entry}/scope")).is_some_and(|s| s == "Device");
    let batteries: Vec<Box<dyn Rail>> = all
        .into_iter()
        .filter(|entry| kind(entry) && !of_device(entry))
        .map(|entry| {
            let folder = format!("{FOLDER}/{entry}");
            let source = format!("/{folder}");
            Box::new(Battery { root: root.into(), name: entry, folder, source, power: Power::default() }) as _
        })
        .collect();
    let path = root.join(FOLDER);
    if batteries.is_empty() {
        return Err(Missing::new(format!("{} lists no battery", path.display()), ABSENT));
    }
    Ok(batteries)
}

struct Battery {
    root: PathBuf,
    name: String,
    folder: String,
    source: String,
    power: Power,
}

impl Battery {
    fn watts(&self) -> Found<f64> {
        let file = |name: &str| format!("{}/{name}", self.folder);
        let status = word(&self.root, &file("status")).unwrap_or_else(|| "silent".into());
        if status != "Discharging" {
            let why = format!("{} is {}, not discharging", self.name, status.to_lowercase());
            return Err(Missing::new(why, "take the machine off the mains"));
        }
        let read = |name: &str| number(&self.root, &file(name), ABSENT, "run as root");
        match read("power_now") {
            Ok(microwatts) => Ok(microwatts as f64 * 1e-6),
            Err(_) => Ok(read("voltage_now")? as f64 * read("current_now")? as f64 * 1e-12),
        }
    }
}

impl Rail for Battery {
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
        let watts = self.watts();
        self.power.saw(watts.as_ref().ok().copied(), at_ns);
        watts.map(|_| ())
    }

    fn tally(&self) -> Tally {
        self.power.tally()
    }
}
