//! `temperature`: °C of the hottest thermal zone, and of each zone by its number and type as parts (`0 cpu-thermal`).
//!
//! `/sys/class/thermal/thermal_zone*/{type,temp}`, in thousandths of a degree.

use std::path::{Path, PathBuf};

use adieu_record::{Reading, Unit};

use crate::found::{Found, Missing, entries, garbage, reading, text};
use crate::tree::word;
use crate::{About, Meter};

const FOLDER: &str = "sys/class/thermal";
const SOURCE: &str = "/sys/class/thermal";

/// The `temperature` meter.
#[derive(Clone, Debug)]
pub struct Temperature {
    root: PathBuf,
    /// Folder and name of each zone.
    zones: Vec<(String, String)>,
}

impl Temperature {
    /// Reads the zones below `root` that are there now.
    pub fn below(root: &Path) -> Temperature {
        let zone = |entry: String| {
            let number = entry.strip_prefix("thermal_zone")?.to_owned();
            let kind = word(root, &format!("{FOLDER}/{entry}/type")).unwrap_or_else(|| "zone".into());
            Some((format!("{FOLDER}/{entry}/temp"), format!("{number} {kind}")))
        };
        Temperature { root: root.into(), zones: entries(root, FOLDER).into_iter().filter_map(zone).collect() }
    }

    fn celsius(&self, file: &str) -> Found<f64> {
        let remedy = "a zone may be asleep with its device; else update the kernel";
        let text = text(&self.root, file, remedy, remedy)?;
        let millis: i64 = text.trim().parse().map_err(|_| garbage(&self.root, file, &text))?;
        // Drivers without a sensor answer with numbers no board survives.
        if (-100_000..=250_000).contains(&millis) {
            Ok(millis as f64 / 1e3)
        } else {
            Err(garbage(&self.root, file, &text))
        }
    }
}

impl Meter for Temperature {
    fn name(&self) -> &'static str {
        "temperature"
    }

    fn about(&self) -> About {
        About { source: SOURCE, unit: Unit::Celsius, resolution: 0.001, cost_ns: 20_000 }
    }

    fn read(&mut self, out: &mut Vec<Reading>) {
        let all: Vec<Found<f64>> = self.zones.iter().map(|(file, _)| self.celsius(file)).collect();
        let hottest = all.iter().flatten().copied().reduce(f64::max);
        let hottest = hottest.ok_or_else(|| match all.iter().find_map(|zone| zone.clone().err()) {
            Some(missing) => missing,
            None => Missing::new(
                format!("{} has no zone: no sensor is registered", self.root.join(FOLDER).display()),
                "run on the bare machine: hypervisors hide sensors",
            ),
        });
        out.push(reading("temperature", None, Unit::Celsius, SOURCE, &hottest));
        for ((_, name), celsius) in self.zones.iter().zip(&all) {
            out.push(reading("temperature", Some(name), Unit::Celsius, SOURCE, celsius));
        }
    }
}
