//! What the processors did for this program, by their own counters: `cpu_instructions`, `cpu_cycles`,
//! `cpu_cache_references`, `cpu_cache_misses` (of the last cache, as a rule), `cpu_branch_misses`, `cpu_stalled_cycles`
//! (cycles in which the front end brought nothing), since the meter began, outside the kernel.
//!
//! By `perf_event_open` of Linux. Every thread that is there when the meter begins is counted from then on, and every
//! thread that these begin later; so a meter that begins before the others misses nothing but what was before it. A
//! program that has [many threads](MOST_THREADS) already is not counted by halves: it is told to begin earlier.
//!
//! A processor counts a few events at a time. Where more are asked for they take turns, the count is scaled to the whole
//! time, and the share of the time in which it was counted is the *coverage*. A reading is a system call for each event and
//! thread that was there at the beginning, of a microsecond or two.
//!
//! Virtual machines rarely have these counters, and systems restrict them: `kernel.perf_event_paranoid` of 2 allows a
//! program its own, 3 and more nothing.

use adieu_record::{Reading, Unit, Value};

use crate::found::{Found, Missing};
use crate::{About, Meter, Setup};

/// Threads at the beginning, beyond which too many files would be open.
pub const MOST_THREADS: usize = 64;
const SOURCE: &str = "perf_event_open, of this program outside the kernel";

/// The meter of one event.
pub struct Perf {
    name: &'static str,
    counters: Found<system::Counters>,
}

/// Count, and the times for which it was wanted and had, ns, of one counter.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Counted {
    count: u64,
    enabled_ns: u64,
    running_ns: u64,
}

impl Perf {
    /// The meters of all events, of this program and from now on; below another root than `/` they are unavailable.
    pub fn all(setup: &Setup) -> Vec<Perf> {
        let here = setup.is_here();
        let elsewhere = || {
            let why = format!("perf counts on the machine it runs on, which {} is not", setup.root.display());
            Missing::new(why, "run it there")
        };
        let counters = |event| if here { system::Counters::begin(event) } else { Err(elsewhere()) };
        system::EVENTS.into_iter().map(|(name, event)| Perf { name, counters: counters(event) }).collect()
    }

    fn value(&mut self) -> Found<Value> {
        let counted = self.counters.as_mut().map_err(|missing| missing.clone())?.read()?;
        let (value, coverage) = scaled(&counted)?;
        Ok(Value::Measured { value, source: SOURCE.into(), coverage })
    }
}

/// The count of the whole time, and the share of it in which it was counted. A thread that never ran is no gap.
fn scaled(counted: &[Counted]) -> Found<(f64, f64)> {
    let (mut sum, mut running, mut enabled) = (0.0, 0.0, 0.0);
    for Counted { count, enabled_ns, running_ns } in counted.iter().copied() {
        running += running_ns as f64;
        enabled += enabled_ns as f64;
        if running_ns > 0 {
            sum += count as f64 * enabled_ns as f64 / running_ns as f64;
        }
    }
    if running == 0.0 {
        let why = "the processor had no counter free for it so far";
        return Err(Missing::new(
            why,
            "measure for longer, and end other programs that count (perf, a watchdog)",
        ));
    }
    Ok((sum, (running / enabled).min(1.0)))
}

impl Meter for Perf {
    fn name(&self) -> &'static str {
        self.name
    }

    fn about(&self) -> About {
        About { source: SOURCE, unit: Unit::Count, resolution: 1.0, cost_ns: 3_000 }
    }

    fn read(&mut self, out: &mut Vec<Reading>) {
        out.push(match self.value() {
            Ok(value) => Reading { name: self.name.into(), part: None, unit: Unit::Count, value },
            Err(missing) => missing.reading(self.name, None, Unit::Count),
        });
    }
}

#[cfg(target_os = "linux")]
mod system {
    use std::io;
    use std::path::Path;

    use perf_event::events::{Event, Hardware};
    use perf_event::{Builder, Counter};

    use super::{Counted, MOST_THREADS};
    use crate::found::{Found, Missing, entries};

    pub(super) const EVENTS: [(&str, Hardware); 6] = [
        ("cpu_instructions", Hardware::INSTRUCTIONS),
        ("cpu_cycles", Hardware::CPU_CYCLES),
        ("cpu_cache_references", Hardware::CACHE_REFERENCES),
        ("cpu_cache_misses", Hardware::CACHE_MISSES),
        ("cpu_branch_misses", Hardware::BRANCH_MISSES),
        ("cpu_stalled_cycles", Hardware::STALLED_CYCLES_FRONTEND),
    ];

    /// One counter for each thread that was there at the beginning, and for those it begins.
    pub(super) struct Counters {
        threads: Vec<Counter>,
    }

    impl Counters {
        pub(super) fn begin(event: impl Event + Clone) -> Found<Counters> {
            let threads = entries(Path::new("/"), "proc/self/task");
            let threads: Vec<i32> = threads.iter().filter_map(|thread| thread.parse().ok()).collect();
            if threads.is_empty() || threads.len() > MOST_THREADS {
                let why = format!("{} threads are there already", threads.len());
                return Err(Missing::new(why, "begin the meter before the threads"));
            }
            let counter = |thread: i32| {
                let mut builder = Builder::new(event.clone());
                builder.observe_pid(thread).any_cpu().inherit(true).enabled(true).build()
            };
            let mut counters = Vec::new();
            for thread in threads {
                match counter(thread) {
                    Ok(counter) => counters.push(counter),
                    // It ended between the listing and now.
                    Err(error) if error.raw_os_error() == Some(NO_SUCH_PROCESS) => {}
                    Err(error) => return Err(refused(&error)),
                }
            }
            Ok(Counters { threads: counters })
        }

        pub(super) fn read(&mut self) -> Found<Vec<Counted>> {
            let read = |counter: &mut Counter| -> io::Result<Counted> {
                let now = counter.read_count_and_time()?;
                Ok(Counted { count: now.count, enabled_ns: now.time_enabled, running_ns: now.time_running })
            };
            let all: io::Result<Vec<Counted>> = self.threads.iter_mut().map(read).collect();
            all.map_err(|error| refused(&error))
        }
    }

    const NO_ENTRY: i32 = 2;
    const NO_SUCH_PROCESS: i32 = 3;
    const NOT_ALLOWED: i32 = 1;
    const ACCESS: i32 = 13;
    const TOO_MANY_FILES: i32 = 24;
    const NOT_IMPLEMENTED: i32 = 38;
    const NOT_SUPPORTED: i32 = 95;

    /// What the kernel's refusal means.
    pub(super) fn refused(error: &io::Error) -> Missing {
        match error.raw_os_error() {
            Some(NO_ENTRY | NOT_SUPPORTED) => Missing::new(
                "the processor shows no counter of it",
                "run on the bare machine: hypervisors hide the counters; some processors lack this one",
            ),
            Some(NOT_ALLOWED | ACCESS) => Missing::new(
                "the system does not let this program count itself",
                "sysctl kernel.perf_event_paranoid=2, or run as root; a container must allow perf_event_open too",
            ),
            Some(TOO_MANY_FILES) => Missing::new("too many files are open", "allow more: ulimit -n 4096"),
            Some(NOT_IMPLEMENTED) => Missing::new(
                "this kernel, or the sandbox around it, has no perf_event_open",
                "run on Linux with CONFIG_PERF_EVENTS, outside the sandbox",
            ),
            _ => Missing::new(format!("perf_event_open: {error}"), "run on another kernel"),
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use super::Counted;
    use crate::found::{Found, Missing};

    pub(super) const EVENTS: [(&str, ()); 6] = [
        ("cpu_instructions", ()),
        ("cpu_cycles", ()),
        ("cpu_cache_references", ()),
        ("cpu_cache_misses", ()),
        ("cpu_branch_misses", ()),
        ("cpu_stalled_cycles", ()),
    ];

    pub(super) enum Counters {}

    impl Counters {
        pub(super) fn begin((): ()) -> Found<Counters> {
            Err(Missing::new("this system has no perf_event_open", "run on Linux"))
        }

        pub(super) fn read(&mut self) -> Found<Vec<Counted>> {
            match *self {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(all: &[[u64; 3]]) -> Found<(f64, f64)> {
        let counted = |[count, enabled_ns, running_ns]: &[u64; 3]| Counted {
            count: *count,
            enabled_ns: *enabled_ns,
            running_ns: *running_ns,
        };
        scaled(&all.iter().map(counted).collect::<Vec<_>>())
    }

    #[test]
    fn turns_are_scaled_and_told_as_coverage() {
        type Case<'a> = (&'a str, &'a [[u64; 3]], Option<(f64, f64)>);
        let cases: [Case<'_>; 5] = [
            ("alone", &[[700, 100, 100]], Some((700.0, 1.0))),
            ("half of the time", &[[700, 100, 50]], Some((1400.0, 0.5))),
            ("two threads", &[[700, 100, 100], [100, 100, 50]], Some((900.0, 0.75))),
            ("a thread that never ran", &[[700, 100, 100], [0, 0, 0]], Some((700.0, 1.0))),
            ("never", &[[0, 100, 0]], None),
        ];
        for (what, all, expected) in cases {
            assert_eq!(counted(all).ok(), expected, "{what}");
        }
    }

    #[test]
    fn what_is_not_counted_has_a_reason() {
        let root = tempfile::tempdir().expect("a folder");
        for setup in [Setup::default(), Setup::below(root.path())] {
            let mut meters = Perf::all(&setup);
            assert_eq!(meters.len(), 6);
            for meter in &mut meters {
                match meter.value() {
                    Ok(Value::Measured { value, coverage, .. }) => {
                        assert!(
                            setup == Setup::default() && value >= 0.0 && coverage > 0.0,
                            "{}",
                            meter.name
                        );
                    }
                    Ok(other) => panic!("{}: {other:?}", meter.name),
                    Err(missing) => assert!(!missing.why.is_empty() && !missing.remedy.is_empty()),
                }
            }
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn threads_before_and_after_the_beginning_are_counted() {
        use std::sync::Barrier;
        use std::time::Instant;

        use perf_event::events::Software;

        // The clock of the task is counted by the kernel itself, on any machine that lets a program count itself.
        let barrier = Barrier::new(2);
        let busy = |ms: u128| {
            let start = Instant::now();
            let used = || rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
            let before = used();
            let ns = |time: rustix::time::Timespec| {
                i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_nsec)
            };
            while (ns(used()) - ns(before)) < ms as i128 * 1_000_000 {
                std::hint::black_box(start.elapsed());
            }
        };
        std::thread::scope(|scope| {
            scope.spawn(|| {
                barrier.wait();
                barrier.wait();
                busy(20);
                barrier.wait();
            });
            barrier.wait();
            let counters = system::Counters::begin(Software::TASK_CLOCK);
            barrier.wait();
            scope.spawn(|| busy(20)).join().expect("it is only busy");
            barrier.wait();
            match counters.and_then(|mut counters| scaled(&counters.read()?)) {
                Ok((ns, coverage)) => {
                    assert!(ns >= 38e6 && coverage > 0.9, "{ns} ns of two times 20 ms, {coverage}");
                }
                Err(missing) => assert!(missing.remedy.contains("perf_event"), "{missing:?}"),
            }
        });
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn refusals_mean_something() {
        for (code, why) in [
            (1, "does not let"),
            (2, "shows no counter"),
            (13, "does not let"),
            (24, "too many files"),
            (38, "no perf_event_open"),
            (95, "shows no counter"),
            (22, "perf_event_open: "),
        ] {
            let missing = system::refused(&std::io::Error::from_raw_os_error(code));
            assert!(missing.why.contains(why) && !missing.remedy.is_empty(), "{code}: {missing:?}");
        }
    }
}
