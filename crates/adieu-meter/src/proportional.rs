//! `proportional`: bytes of RAM of the process, where a page that n processes share counts as 1/n of one. The fair number
//! where several runs share their data and the program.
//!
//! `Pss` of `/proc/self/smaps_rollup`.

use std::path::{Path, PathBuf};

use adieu_record::{Reading, Unit};

use crate::found::{Missing, reading, text};
use crate::{About, Meter, tree};

const FILE: &str = "proc/self/smaps_rollup";
const SOURCE: &str = "/proc/self/smaps_rollup Pss";

/// The `proportional` meter.
#[derive(Clone, Debug)]
pub struct Proportional {
    root: PathBuf,
}

impl Proportional {
    /// Reads `proc/self/smaps_rollup` below `root`.
    pub fn below(root: &Path) -> Proportional {
        Proportional { root: root.into() }
    }
}

impl Meter for Proportional {
    fn name(&self) -> &'static str {
        "proportional"
    }

    fn about(&self) -> About {
        About { source: SOURCE, unit: Unit::Bytes, resolution: 1024.0, cost_ns: 60_000 }
    }

    fn read(&mut self, out: &mut Vec<Reading>) {
        let remedy = "run on Linux 4.14 or later, outside sandboxes that hide it";
        let bytes = text(&self.root, FILE, remedy, remedy).and_then(|text| {
            let why = || format!("{} has no readable Pss line", self.root.join(FILE).display());
            let bytes = tree::field(&text, "Pss").and_then(tree::kilobytes);
            bytes.map(|bytes| bytes as f64).ok_or_else(|| Missing::new(why(), remedy))
        });
        out.push(reading("proportional", None, Unit::Bytes, SOURCE, &bytes));
    }
}
