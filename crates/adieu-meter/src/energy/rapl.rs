//! RAPL by the powercap tree: packages, and memories beside them.
//!
//! `/sys/class/powercap/intel-rapl:N/{name,energy_uj,max_energy_range_uj,constraint_0_max_power_uw}`, children
//! `intel-rapl:N:M`; AMD's processors use the same names. The same package may be listed a second time below
//! `intel-rapl-mmio`, and some packages once a die with the same numbers. Packages and memories (`dram`) are apart and
//! count; cores, graphics (`uncore`) and the platform (`psys`) overlap with them and are told beside.
//!
//! The number covers what the processor's maker put in it: no disks, fans, losses of the supply, or cards.

use std::path::{Path, PathBuf};

use super::{Counter, Counts, Rail, Tally};
use crate::found::{Found, Missing, entries, number};
use crate::tree::word;

const FOLDER: &str = "sys/class/powercap";
/// What no package takes, where the kernel tells no limit.
const MOST_WATTS: f64 = 1500.0;
const ABSENT: &str =
    "run on the bare machine, on a kernel with CONFIG_POWERCAP and its driver (modprobe intel_rapl_msr)";
const CLOSED: &str =
    "run as root, or let it be read until the next boot: chmod -R a+r /sys/class/powercap/intel-rapl*";

/// The zones below `root`.
pub(super) fn find(root: &Path) -> Found<Vec<Box<dyn Rail>>> {
    let mut zones: Vec<Zone> = Vec::new();
    for entry in entries(root, FOLDER) {
        let Some(place) = entry.strip_prefix("intel-rapl") else { continue };
        let Some(zone) = Zone::of(root, &entry, place.trim_start_matches("-mmio").trim_start_matches(':'))
        else {
            continue;
        };
        // The twin in the other tree: the one that can be read is kept.
        match zones.iter_mut().find(|known| known.name == zone.name) {
            Some(known) if known.read().is_err() && zone.read().is_ok() => *known = zone,
            Some(_) => {}
            None => zones.push(zone),
        }
    }
    if zones.is_empty() {
        let path = root.join(FOLDER);
        let is = if path.exists() { "has no zone of a processor" } else { "does not exist" };
        return Err(Missing::new(format!("{} {is}", path.display()), ABSENT));
    }
    Ok(zones.into_iter().map(|zone| Box::new(zone) as Box<dyn Rail>).collect())
}

struct Zone {
    root: PathBuf,
    name: String,
    file: String,
    source: String,
    counts: Counts,
    counter: Counter,
}

impl Zone {
    /// The zone `entry`, at `place` in its tree: `0` a package, `0:2` a part of it.
    fn of(root: &Path, entry: &str, place: &str) -> Option<Zone> {
        let folder = format!("{FOLDER}/{entry}");
        let own = word(root, &format!("{folder}/name"))?;
        let package = place.split(':').next().filter(|n| !n.is_empty())?;
        let name = if place.contains(':') { format!("{own}-{package}") } else { own.clone() };
        let range =
            number(root, &format!("{folder}/max_energy_range_uj"), "", "").ok().filter(|range| *range > 0);
        let limit = number(root, &format!("{folder}/constraint_0_max_power_uw"), "", "").ok();
        let most = limit.filter(|limit| *limit > 0).map_or(MOST_WATTS, |limit| 4e-6 * limit as f64);
        Some(Zone {
            root: root.into(),
            counts: if own.starts_with("package") || own == "dram" { Counts::Apart } else { Counts::Beside },
            name,
            file: format!("{folder}/energy_uj"),
            source: format!("/{folder}/energy_uj"),
            counter: Counter::new(range, most),
        })
    }

    fn read(&self) -> Found<u64> {
        number(&self.root, &self.file, ABSENT, CLOSED)
    }
}

impl Rail for Zone {
    fn name(&self) -> &str {
        &self.name
    }

    fn source(&self) -> &str {
        &self.source
    }

    fn counts(&self) -> Counts {
        self.counts
    }

    fn look(&mut self, at_ns: u64) -> Result<(), Missing> {
        let read = self.read();
        self.counter.saw(read.as_ref().ok().copied(), at_ns);
        read.map(|_| ())
    }

    fn tally(&self) -> Tally {
        self.counter.tally()
    }
}
