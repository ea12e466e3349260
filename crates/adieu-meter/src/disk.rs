//! `disk_read` and `disk_written`: bytes that the process made a storage device read and write, since it began. What the
//! page cache answered is not in them.
//!
//! `read_bytes` and `write_bytes` of `/proc/self/io`. Network file systems count or do not, as they please.

use std::path::{Path, PathBuf};

use adieu_record::{Reading, Unit};

use crate::found::{Missing, reading, text};
use crate::{About, Meter, tree};

const FILE: &str = "proc/self/io";
const SOURCE: &str = "/proc/self/io";
/// Reading and line.
const LINES: [(&str, &str); 2] = [("disk_read", "read_bytes"), ("disk_written", "write_bytes")];

/// The `disk_read` meter.
#[derive(Clone, Debug)]
pub struct Disk {
    root: PathBuf,
}

impl Disk {
    /// Reads `proc/self/io` below `root`.
    pub fn below(root: &Path) -> Disk {
        Disk { root: root.into() }
    }
}

impl Meter for Disk {
    fn name(&self) -> &'static str {
        "disk_read"
    }

    fn about(&self) -> About {
        About { source: SOURCE, unit: Unit::Bytes, resolution: 512.0, cost_ns: 7_000 }
    }

    fn read(&mut self, out: &mut Vec<Reading>) {
        let remedy = "run on a Linux kernel with CONFIG_TASK_IO_ACCOUNTING, outside sandboxes that hide it";
        let text = text(&self.root, FILE, remedy, remedy);
        out.extend(LINES.map(|(name, line)| {
            let bytes = text.clone().and_then(|text| {
                let number = tree::field(&text, line).and_then(|value| value.parse::<u64>().ok());
                let why = || format!("{} has no readable {line} line", self.root.join(FILE).display());
                number.map(|bytes| bytes as f64).ok_or_else(|| Missing::new(why(), remedy))
            });
            reading(name, None, Unit::Bytes, SOURCE, &bytes)
        }));
    }
}
