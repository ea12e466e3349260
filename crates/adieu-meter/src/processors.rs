//! What the machine's processors did, whoever asked them: `machine_cpu`, seconds that they were busy, by all programs,
//! and its part `steal`, seconds that a hypervisor's host kept them from us though there was work. Since the machine
//! started.
//!
//! From the first line of `/proc/stat`, in ticks of 1/100 s on most machines: user + nice + system + irq + softirq, and
//! steal. Time of guests is in user time already. Steal in a measured window makes its timing suspect.

use std::path::{Path, PathBuf};

use adieu_record::{Reading, Unit};

use crate::found::{Found, Missing, reading, text};
use crate::{About, Meter};

const FILE: &str = "proc/stat";
const SOURCE: &str = "/proc/stat";

/// The `machine_cpu` meter.
#[derive(Clone, Debug)]
pub struct Processors {
    root: PathBuf,
}

impl Processors {
    /// Reads `proc/stat` below `root`.
    pub fn below(root: &Path) -> Processors {
        Processors { root: root.into() }
    }
}

/// Ticks of all processors since the machine started.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticks {
    pub(crate) busy: u64,
    pub(crate) steal: u64,
    /// Busy, idle and stolen.
    pub(crate) all: u64,
}

/// The ticks below `root`.
pub(crate) fn ticks(root: &Path) -> Found<Ticks> {
    let (absent, closed) = ("run on Linux with /proc mounted", "run outside this sandbox");
    let text = text(root, FILE, absent, closed)?;
    let line = text.lines().find_map(|line| line.strip_prefix("cpu "));
    let ticks: Option<Vec<u64>> =
        line.map(|line| line.split_whitespace().map_while(|n| n.parse().ok()).collect());
    match ticks.as_deref() {
        Some([user, nice, system, idle, iowait, irq, softirq, steal, ..]) => {
            let busy = user + nice + system + irq + softirq;
            Ok(Ticks { busy, steal: *steal, all: busy + idle + iowait + steal })
        }
        _ => Err(Missing::new(
            format!("{} has no whole `cpu` line", root.join(FILE).display()),
            "run on Linux 2.6.11 or later",
        )),
    }
}

impl Meter for Processors {
    fn name(&self) -> &'static str {
        "machine_cpu"
    }

    fn about(&self) -> About {
        About { source: SOURCE, unit: Unit::Seconds, resolution: 1.0 / ticks_per_second(), cost_ns: 13_000 }
    }

    fn read(&mut self, out: &mut Vec<Reading>) {
        let ticks = ticks(&self.root);
        for part in [None, Some("steal")] {
            let kind = |ticks: Ticks| if part.is_none() { ticks.busy } else { ticks.steal };
            let seconds = ticks.clone().map(|ticks| kind(ticks) as f64 / ticks_per_second());
            out.push(reading("machine_cpu", part, Unit::Seconds, SOURCE, &seconds));
        }
    }
}

#[cfg(unix)]
fn ticks_per_second() -> f64 {
    rustix::param::clock_ticks_per_second() as f64
}

#[cfg(not(unix))]
fn ticks_per_second() -> f64 {
    100.0
}
