//! `run_queue_wait`: seconds that threads of the process were ready to run and had no processor, since the program looked
//! first. It grows when other programs, or too many threads of our own, want the same processors.
//!
//! The second number of `/proc/self/task/*/schedstat`, in ns, of every thread. A thread that ended keeps what it had when
//! it was last seen.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use adieu_record::{Reading, Unit};

use crate::found::{Found, Missing, entries, reading};
use crate::{About, Meter, tree};

const FOLDER: &str = "proc/self/task";
const SOURCE: &str = "/proc/self/task/*/schedstat";

/// The `run_queue_wait` meter.
#[derive(Clone, Debug)]
pub struct RunQueue {
    root: PathBuf,
    /// ns by thread, of those that were ever seen.
    waited: BTreeMap<String, u64>,
}

impl RunQueue {
    /// Reads `proc/self/task` below `root`.
    pub fn below(root: &Path) -> RunQueue {
        RunQueue { root: root.into(), waited: BTreeMap::new() }
    }

    fn seconds(&mut self) -> Found<f64> {
        for thread in entries(&self.root, FOLDER) {
            let stat = tree::read(&self.root, &format!("{FOLDER}/{thread}/schedstat"));
            let waited = stat.ok().and_then(|stat| stat.split_whitespace().nth(1)?.parse().ok());
            // A thread may end between the listing and the reading.
            if let Some(waited) = waited {
                self.waited.insert(thread, waited);
            }
        }
        if self.waited.is_empty() {
            return Err(Missing::new(
                format!("no thread below {} tells how long it waited", self.root.join(FOLDER).display()),
                "run on a Linux kernel with CONFIG_SCHED_INFO, outside sandboxes that hide it",
            ));
        }
        Ok(self.waited.values().sum::<u64>() as f64 * 1e-9)
    }
}

impl Meter for RunQueue {
    fn name(&self) -> &'static str {
        "run_queue_wait"
    }

    fn about(&self) -> About {
        About { source: SOURCE, unit: Unit::Seconds, resolution: 1e-9, cost_ns: 40_000 }
    }

    fn read(&mut self, out: &mut Vec<Reading>) {
        let seconds = self.seconds();
        out.push(reading("run_queue_wait", None, Unit::Seconds, SOURCE, &seconds));
    }
}
