//! Memory the process holds in RAM: `resident` (now) and `resident_peak` (most so far), in bytes.
//!
//! From `VmRSS` and `VmHWM` of `/proc/self/status`. Whole pages, including the program itself, its libraries and
//! what `malloc` keeps for later; memory that was allocated but never touched is not in it. The kernel keeps part
//! of the count per processor, so that either number may lag by some hundred kB.

use std::path::{Path, PathBuf};

use adieu_record::{Reading, Unit};

use crate::{About, Meter, tree};

const FILE: &str = "proc/self/status";
const SOURCE: &str = "/proc/self/status";
/// Reading and line.
const LINES: [(&str, &str); 2] = [("resident", "VmRSS"), ("resident_peak", "VmHWM")];

/// The `resident` meter.
#[derive(Clone, Debug)]
pub struct Resident {
    root: PathBuf,
}

impl Resident {
    /// Reads `proc/self/status` below `root`.
    pub fn below(root: &Path) -> Resident {
        Resident { root: root.into() }
    }
}

/// Makes the kernel forget the peak of this process, so that `resident_peak` tells of what comes now. For programs
/// that measure one thing after the other.
///
/// # Errors
/// If the kernel does not offer it (`/proc/self/clear_refs`): the peak then includes whatever came before.
pub fn reset_peak(root: &Path) -> std::io::Result<()> {
    crate::alloc::give_back(); // what an earlier run freed is not what the next one holds
    // 5: reset the peak resident set size, and nothing else (proc(5)). The file is the kernel's: never created.
    let mut file = std::fs::OpenOptions::new().write(true).open(root.join("proc/self/clear_refs"))?;
    std::io::Write::write_all(&mut file, b"5")
}

impl Meter for Resident {
    fn name(&self) -> &'static str {
        "resident"
    }

    fn about(&self) -> About {
        About { source: SOURCE, unit: Unit::Bytes, resolution: page_bytes(), cost_ns: 38_000 }
    }

    fn read(&mut self, out: &mut Vec<Reading>) {
        let status = tree::read(&self.root, FILE);
        out.extend(LINES.map(|(name, line)| match &status {
            Err(e) => {
                let (why, remedy) = tree::excuse(&self.root, FILE, e);
                Reading::unavailable(name, None, Unit::Bytes, &why, remedy)
            }
            Ok(text) => match tree::field(text, line).and_then(tree::kilobytes) {
                Some(bytes) => Reading::measured(name, None, Unit::Bytes, bytes as f64, SOURCE),
                None => {
                    let path = self.root.join(FILE);
                    let why = format!("{} has no readable {line} line", path.display());
                    let remedy = "run on a kernel that shows it; some sandboxes and containers hide it";
                    Reading::unavailable(name, None, Unit::Bytes, &why, remedy)
                }
            },
        }));
    }
}

#[cfg(unix)]
fn page_bytes() -> f64 {
    rustix::param::page_size() as f64
}

#[cfg(not(unix))]
fn page_bytes() -> f64 {
    4096.0
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_forgotten_peak_is_forgotten() {
        let peak = || {
            let mut readings = Vec::new();
            Resident::below(Path::new("/")).read(&mut readings);
            readings.into_iter().find(|r| r.name == "resident_peak").map(|r| r.value)
        };
        drop(std::hint::black_box(vec![1u8; 64 << 20]));
        let Some(adieu_record::Value::Measured { value: before, .. }) = peak() else {
            panic!("Linux tells it")
        };
        if reset_peak(Path::new("/")).is_ok() {
            let Some(adieu_record::Value::Measured { value: after, .. }) = peak() else {
                panic!("it was there")
            };
            assert!(after < before - (32 << 20) as f64, "{before} → {after}");
        }
        assert!(reset_peak(Path::new("/no/such/tree")).is_err());
    }
}
