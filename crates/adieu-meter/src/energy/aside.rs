//! Rails whose sensor is slow to answer: a thread of their own asks it, so that no other rail waits.

use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{Counts, Power, Rail, Tally};
use crate::alloc::{Category, pin_thread};
use crate::found::{Found, Missing};

/// A sensor of power that takes its time.
pub(super) trait Slow: Send + 'static {
    /// Watts now. It must come back within a second or two, with a reason if with nothing else.
    fn ask(&mut self) -> Found<f64>;
    /// Which sensor, for the record, by what is known of it so far.
    fn source(&self) -> String;
}

struct Shared {
    power: Power,
    last: Found<()>,
    source: String,
}

/// A rail that is asked aside.
pub(super) struct Aside {
    name: &'static str,
    counts: Counts,
    began: Instant,
    shared: Arc<Mutex<Shared>>,
    source: String,
    tally: Tally,
    /// Dropping it ends the thread, after the answer it may be waiting for.
    _stop: SyncSender<()>,
}

impl Aside {
    /// Asks `slow` now and every `every`; two answers at most `longest` apart are bridged.
    pub(super) fn start(
        name: &'static str,
        counts: Counts,
        [every, longest]: [Duration; 2],
        mut slow: impl Slow,
    ) -> Aside {
        let began = Instant::now();
        let source = slow.source();
        let waiting = Missing::new(format!("{source} has not answered yet"), "measure for longer");
        let power = Power::bridging(longest.as_nanos() as u64);
        let shared = Arc::new(Mutex::new(Shared { power, last: Err(waiting), source: source.clone() }));
        let (stop, stopped) = sync_channel(0);
        let theirs = Arc::clone(&shared);
        let watch = move || {
            pin_thread(Category::Other);
            let mut due = began;
            loop {
                let watts = slow.ask();
                let at_ns = began.elapsed().as_nanos() as u64;
                {
                    let mut shared = theirs.lock().unwrap_or_else(PoisonError::into_inner);
                    shared.power.saw(watts.as_ref().ok().copied(), at_ns);
                    shared.source = slow.source();
                    shared.last = watts.map(|_| ());
                }
                // What a slow answer missed is not made up for.
                due = (due + every).max(Instant::now());
                let rest = due.saturating_duration_since(Instant::now());
                if stopped.recv_timeout(rest) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
            }
        };
        if let Err(error) = std::thread::Builder::new().name(name.into()).spawn(watch) {
            let none = Missing::new(format!("no thread can be had to ask {source}: {error}"), "end some");
            shared.lock().unwrap_or_else(PoisonError::into_inner).last = Err(none);
        }
        Aside { name, counts, began, shared, source, tally: Tally::default(), _stop: stop }
    }
}

impl Rail for Aside {
    fn name(&self) -> &str {
        self.name
    }

    fn source(&self) -> &str {
        &self.source
    }

    fn counts(&self) -> Counts {
        self.counts
    }

    fn look(&mut self, _at_ns: u64) -> Result<(), Missing> {
        let shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        self.tally = shared.power.tally();
        // The time since the last answer was not seen yet.
        self.tally.elapsed_ns = self.tally.elapsed_ns.max(self.began.elapsed().as_nanos() as u64);
        if self.source != shared.source {
            self.source.clone_from(&shared.source);
        }
        shared.last.clone()
    }

    fn tally(&self) -> Tally {
        self.tally
    }
}
