//! INA3221: the power monitor of NVIDIA's Jetson boards, three rails a chip.
//!
//! JetPack 5 and later: `/sys/bus/i2c/drivers/ina3221/BUS-ADDRESS/hwmon/hwmonK/{inN_label, inN_input mV, currN_input mA}`.
//! JetPack 4: `/sys/bus/i2c/drivers/ina3221x/DEVICE/iio:deviceK/{rail_name_N, in_voltageN_input mV, in_currentN_input mA}`.
//! Power is their product. Rails that are not connected (`NC`) and the sum of shunts (in7) are left out.
//!
//! Names are the board's own: `VDD_CPU_GPU_CV` feeds processor *and* graphics. `VDD_IN` and `POM_5V_IN` are the board's
//! input and contain all others; where there is one it alone counts, else all others do.

use std::path::{Path, PathBuf};

use super::{Counts, Power, Rail, Tally};
use crate::found::{Found, Missing, entries, number};
use crate::tree::word;

const FOLDERS: [&str; 2] = ["sys/bus/i2c/drivers/ina3221", "sys/bus/i2c/drivers/ina3221x"];
const INPUTS: [&str; 2] = ["VDD_IN", "POM_5V_IN"];
const ABSENT: &str = "run on a board that has one, such as a Jetson";
const CLOSED: &str = "run as root, or mount /sys into the container";

/// The rails below `root`.
pub(super) fn find(root: &Path) -> Found<Vec<Box<dyn Rail>>> {
    let mut rails = Vec::new();
    for driver in FOLDERS {
        for device in entries(root, driver) {
            let device = format!("{driver}/{device}");
            for chip in entries(root, &format!("{device}/hwmon")) {
                let at = |what: &str, n: u32| format!("{device}/hwmon/{chip}/{what}{n}");
                rails.extend((1..=3).filter_map(|n| {
                    rail(
                        root,
                        &format!("{}_label", at("in", n)),
                        [at("in", n), at("curr", n)].map(|f| f + "_input"),
                    )
                }));
            }
            for chip in entries(root, &device).iter().filter(|entry| entry.starts_with("iio:device")) {
                let at = |what: &str, n: u32| format!("{device}/{chip}/{what}{n}");
                rails.extend((0..=2).filter_map(|n| {
                    let files = [at("in_voltage", n), at("in_current", n)].map(|f| f + "_input");
                    rail(root, &at("rail_name_", n), files)
                }));
            }
        }
    }
    if rails.is_empty() {
        let path = root.join(FOLDERS[0]);
        return Err(Missing::new(format!("{} and {0}x have no rail", path.display()), ABSENT));
    }
    let input = rails.iter().any(|rail: &Pair| INPUTS.contains(&rail.name.as_str()));
    for rail in &mut rails {
        if !input || INPUTS.contains(&rail.name.as_str()) {
            rail.counts = Counts::Apart;
        }
    }
    Ok(rails.into_iter().map(|rail| Box::new(rail) as Box<dyn Rail>).collect())
}

fn rail(root: &Path, label: &str, files: [String; 2]) -> Option<Pair> {
    let name = word(root, label).filter(|name| name != "NC" && !name.starts_with("NC "))?;
    let source = format!("/{} × /{}", files[0], files[1]);
    Some(Pair { root: root.into(), name, files, source, counts: Counts::Beside, power: Power::default() })
}

/// A voltage and a current.
struct Pair {
    root: PathBuf,
    name: String,
    files: [String; 2],
    source: String,
    counts: Counts,
    power: Power,
}

impl Rail for Pair {
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
        let [millivolts, milliamperes] =
            self.files.each_ref().map(|file| number(&self.root, file, ABSENT, CLOSED));
        let watts = millivolts.and_then(|mv| milliamperes.map(|ma| mv as f64 * ma as f64 * 1e-6));
        self.power.saw(watts.as_ref().ok().copied(), at_ns);
        watts.map(|_| ())
    }

    fn tally(&self) -> Tally {
        self.power.tally()
    }
}
