//! The thread that looks at rails, so that no counter comes round unseen.

use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::{Counts, Rail, Tally};
use crate::alloc::{Category, pin_thread};
use crate::found::Missing;

/// Time between two looks.
const EVERY: Duration = Duration::from_millis(100);

/// A rail as it was seen last.
pub(super) struct Seen {
    pub(super) name: String,
    pub(super) source: String,
    pub(super) counts: Counts,
    pub(super) tally: Result<Tally, Missing>,
}

struct Watched {
    rail: Box<dyn Rail>,
    last: Result<(), Missing>,
    /// When it was looked at last, ns after the beginning.
    looked_ns: Option<u64>,
    /// Time since then, if the last look was too soon for it, ns.
    unseen_ns: u64,
}

struct Shared {
    began: Instant,
    rails: Vec<Watched>,
    cpu_seconds: Option<f64>,
}

impl Shared {
    fn look(&mut self) {
        for watched in &mut self.rails {
            let at_ns = self.began.elapsed().as_nanos() as u64;
            let since_ns = watched.looked_ns.map(|looked_ns| at_ns.saturating_sub(looked_ns));
            match since_ns.filter(|since_ns| Duration::from_nanos(*since_ns) < watched.rail.shortest()) {
                Some(since_ns) => watched.unseen_ns = since_ns,
                None => {
                    watched.last = watched.rail.look(at_ns);
                    (watched.looked_ns, watched.unseen_ns) = (Some(at_ns), 0);
                }
            }
        }
    }
}

pub(super) struct Sampler {
    shared: Arc<Mutex<Shared>>,
    /// Dropped to stop the thread.
    stop: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Sampler {
    /// Looks once, then ten times a second; without rails, never.
    pub(super) fn start(rails: Vec<Box<dyn Rail>>) -> Sampler {
        let watched = |rail| Watched { rail, last: Ok(()), looked_ns: None, unseen_ns: 0 };
        let rails: Vec<Watched> = rails.into_iter().map(watched).collect();
        let idle = rails.is_empty();
        let mut shared = Shared { began: Instant::now(), rails, cpu_seconds: None };
        shared.look();
        let shared = Arc::new(Mutex::new(shared));
        if idle {
            return Sampler { shared, stop: None, thread: None };
        }
        let (stop, stopped) = sync_channel(0);
        let theirs = Arc::clone(&shared);
        let watch = move || {
            pin_thread(Category::Other);
            while stopped.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                let mut shared = theirs.lock().unwrap_or_else(PoisonError::into_inner);
                shared.look();
                shared.cpu_seconds = cpu_seconds();
            }
        };
        // Without a thread the rails are still read whenever somebody asks; slow counters bear that.
        let thread = std::thread::Builder::new().name("energy".into()).spawn(watch).ok();
        Sampler { shared, stop: Some(stop), thread }
    }

    /// Looks now, and tells all rails.
    pub(super) fn look(&self) -> Vec<Seen> {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        shared.look();
        let seen = shared.rails.iter().map(|Watched { rail, last, unseen_ns, .. }| {
            let mut tally = rail.tally();
            tally.elapsed_ns += unseen_ns;
            // What could not be read now but was before lowers the coverage; what never could be is not there.
            let tally = match last {
                Err(missing) if tally.covered_ns == 0 => Err(missing.clone()),
                _ if tally.covered_ns == 0 => Err(Missing::new(
                    format!("{} was not seen twice yet", rail.source()),
                    "measure for longer than a tenth of a second",
                )),
                _ => Ok(tally),
            };
            Seen { name: rail.name().into(), source: rail.source().into(), counts: rail.counts(), tally }
        });
        seen.collect()
    }

    /// Whether there is anything to look at.
    pub(super) fn watches(&self) -> bool {
        self.stop.is_some()
    }

    pub(super) fn cpu_seconds(&self) -> Option<f64> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner).cpu_seconds
    }
}

impl Drop for Sampler {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It only sleeps and reads; if it died, its rails say so by their coverage.
            let _ = thread.join();
        }
    }
}

#[cfg(unix)]
fn cpu_seconds() -> Option<f64> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Some(time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9)
}

#[cfg(not(unix))]
fn cpu_seconds() -> Option<f64> {
    None
}
