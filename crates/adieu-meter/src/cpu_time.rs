//! CPU time: `cpu_time`, seconds that all threads of the process spent on processors, in the program and in the
//! kernel on its behalf, since the process began.
//!
//! `CLOCK_PROCESS_CPUTIME_ID` counts the same time as `getrusage`, which rounds it to microseconds. It is time on a
//! processor the machine believes in: time stolen by a hypervisor's host may be in it.

use adieu_record::{Reading, Unit};

use crate::{About, Meter};

const SOURCE: &str = "CLOCK_PROCESS_CPUTIME_ID";

/// The `cpu_time` meter.
#[derive(Clone, Copy, Debug)]
pub struct CpuTime;

impl Meter for CpuTime {
    fn name(&self) -> &'static str {
        "cpu_time"
    }

    fn about(&self) -> About {
        About { source: SOURCE, unit: Unit::Seconds, resolution: 1e-9, cost_ns: 570 }
    }

    fn read(&mut self, out: &mut Vec<Reading>) {
        out.push(match seconds() {
            // The program has run to get here.
            Some(seconds) if seconds > 0.0 => {
                Reading::measured("cpu_time", None, Unit::Seconds, seconds, SOURCE)
            }
            _ => Reading::unavailable(
                "cpu_time",
                None,
                Unit::Seconds,
                "this system has no CPU clock of the process",
                "run on Linux or another Unix",
            ),
        });
    }
}

#[cfg(unix)]
fn seconds() -> Option<f64> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Some(time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9)
}

#[cfg(not(unix))]
fn seconds() -> Option<f64> {
    None
}
