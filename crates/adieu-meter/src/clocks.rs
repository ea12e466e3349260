//! `clock`: Hz of the processors now, the mean over all of them; its parts `slowest` and `fastest`, and `limit`, the
//! highest that the system allows at present.
//!
//! From cpufreq (`scaling_cur_freq`, `scaling_max_freq`, in kHz), one folder a processor. `cpu MHz` of `/proc/cpuinfo` is
//! no substitute: without cpufreq it is a constant, the nominal rate.

use std::path::{Path, PathBuf};

use adieu_record::{Reading, Unit};

use crate::found::{Found, Missing, entries, number, reading};
use crate::{About, Meter};

const FOLDER: &str = "sys/devices/system/cpu";
const SOURCE: &str = "cpufreq scaling_cur_freq";

/// The `clock` meter.
#[derive(Clone, Debug)]
pub struct Clocks {
    root: PathBuf,
    processors: Vec<String>,
}

impl Clocks {
    /// Reads the processors below `root`, those that are there now.
    pub fn below(root: &Path) -> Clocks {
        let is_one = |name: &String| {
            name.strip_prefix("cpu").is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
        };
        Clocks { root: root.into(), processors: entries(root, FOLDER).into_iter().filter(is_one).collect() }
    }

    /// Hz of each processor that tells; a processor that is off does not.
    fn hertz(&self, file: &str) -> Found<Vec<f64>> {
        let remedy = "run on the bare machine: hypervisors hide the clocks, and some kernels lack cpufreq";
        let of = |processor: &String| {
            number(&self.root, &format!("{FOLDER}/{processor}/cpufreq/{file}"), remedy, remedy)
        };
        let all: Vec<Found<u64>> = self.processors.iter().map(of).collect();
        let told: Vec<f64> = all.iter().flatten().map(|khz| *khz as f64 * 1e3).collect();
        if !told.is_empty() {
            return Ok(told);
        }
        let none =
            || Missing::new(format!("{} lists no processors", self.root.join(FOLDER).display()), remedy);
        Err(all.into_iter().find_map(Result::err).unwrap_or_else(none))
    }
}

impl Meter for Clocks {
    fn name(&self) -> &'static str {
        "clock"
    }

    fn about(&self) -> About {
        About { source: SOURCE, unit: Unit::Hertz, resolution: 1e3, cost_ns: 20_000 }
    }

    fn read(&mut self, out: &mut Vec<Reading>) {
        let (now, allowed) = (self.hertz("scaling_cur_freq"), self.hertz("scaling_max_freq"));
        let of = |all: &Found<Vec<f64>>, pick: fn(&[f64]) -> f64| all.clone().map(|all| pick(&all));
        let mean = of(&now, |all| all.iter().sum::<f64>() / all.len() as f64);
        let least: fn(&[f64]) -> f64 = |all| all.iter().copied().fold(f64::INFINITY, f64::min);
        let most: fn(&[f64]) -> f64 = |all| all.iter().copied().fold(0.0, f64::max);
        let parts = [
            (None, mean),
            (Some("slowest"), of(&now, least)),
            (Some("fastest"), of(&now, most)),
            (Some("limit"), of(&allowed, most)),
        ];
        out.extend(parts.map(|(part, hertz)| reading("clock", part, Unit::Hertz, SOURCE, &hertz)));
    }
}
