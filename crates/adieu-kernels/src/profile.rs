//! Where the time of products goes: packing, multiplying, finishing, waiting.
//!
//! Off, which it is until somebody begins a [`Profile`], it costs one relaxed load for each thread of a product. On,
//! every tile costs two looks at the clock, some 50 ns: so profile one turn, and time another.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

/// Profiles that have begun and not ended.
static LISTENERS: AtomicUsize = AtomicUsize::new(0);
/// Sums since the process began, ns.
static PACKING: AtomicU64 = AtomicU64::new(0);
static MULTIPLYING: AtomicU64 = AtomicU64::new(0);
static FINISHING: AtomicU64 = AtomicU64::new(0);
static PRODUCTS: AtomicU64 = AtomicU64::new(0);
static PASSES: AtomicU64 = AtomicU64::new(0);

/// Time of threads, in nanoseconds. Each product and each pass counts for every thread of its pool, so that on a pool
/// of two a second holds 2·10⁹ of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shares {
    /// Rearranging operands.
    pub packing_ns: u64,
    /// Multiplying and adding.
    pub multiplying_ns: u64,
    /// What rides along once a block is ready: bias and activation, the optimizer, or merely storing it.
    pub finishing_ns: u64,
    /// Threads of the pool that had nothing to do while a product ran: they came late, others still packed, others
    /// finished later, or the product was too small to share.
    pub waiting_ns: u64,
    /// Passes over rows and columns outside products: sums, scales, single parameters.
    pub passes_ns: u64,
}

impl Shares {
    /// What was added since `earlier`.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self {
            packing_ns: self.packing_ns.saturating_sub(earlier.packing_ns),
            multiplying_ns: self.multiplying_ns.saturating_sub(earlier.multiplying_ns),
            finishing_ns: self.finishing_ns.saturating_sub(earlier.finishing_ns),
            waiting_ns: self.waiting_ns.saturating_sub(earlier.waiting_ns),
            passes_ns: self.passes_ns.saturating_sub(earlier.passes_ns),
        }
    }

    fn now() -> Self {
        let [packing_ns, multiplying_ns, finishing_ns, products, passes_ns] =
            [&PACKING, &MULTIPLYING, &FINISHING, &PRODUCTS, &PASSES].map(|sum| sum.load(Ordering::Relaxed));
        let busy = packing_ns + multiplying_ns + finishing_ns;
        Self {
            packing_ns,
            multiplying_ns,
            finishing_ns,
            waiting_ns: products.saturating_sub(busy),
            passes_ns,
        }
    }
}

/// Products are profiled while one of these lives: all of the process, whichever thread calls them.
#[derive(Debug)]
pub struct Profile {
    before: Shares,
}

impl Profile {
    /// Begins. Products that run at this moment are left out.
    #[must_use]
    pub fn begin() -> Self {
        LISTENERS.fetch_add(1, Ordering::Relaxed);
        Self { before: Shares::now() }
    }

    /// What was spent since [`Profile::begin`], in products and passes that have ended.
    #[must_use]
    pub fn so_far(&self) -> Shares {
        Shares::now().since(self.before)
    }
}

impl Drop for Profile {
    fn drop(&mut self) {
        LISTENERS.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Whether anybody wants to know.
#[inline(always)]
pub(crate) fn is_on() -> bool {
    LISTENERS.load(Ordering::Relaxed) > 0
}

/// What a thread of a product does.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Doing {
    Packing,
    Multiplying,
    Finishing,
    /// Found by subtraction, for it also happens before a thread arrives and after it leaves.
    Waiting,
}

/// One thread's stop watch for one product; tells what it measured when it is dropped.
pub(crate) struct Watch {
    since: Option<Instant>,
    spent: [u64; 4],
}

impl Watch {
    #[inline(always)]
    pub(crate) fn start(on: bool) -> Self {
        Self { since: on.then(Instant::now), spent: [0; 4] }
    }

    /// The time since the start or the last lap went into `doing`.
    #[inline(always)]
    pub(crate) fn lap(&mut self, doing: Doing) {
        if let Some(since) = self.since {
            self.since = Some(self.add(since, doing));
        }
    }

    /// Out of line, so that the loops around products stay what they are without it.
    #[cold]
    #[inline(never)]
    fn add(&mut self, since: Instant, doing: Doing) -> Instant {
        let now = Instant::now();
        self.spent[doing as usize] += (now - since).as_nanos() as u64;
        now
    }
}

impl Drop for Watch {
    #[inline(always)]
    fn drop(&mut self) {
        if self.since.is_some() {
            let [packing, multiplying, finishing, _] = self.spent;
            for (sum, spent) in [(&PACKING, packing), (&MULTIPLYING, multiplying), (&FINISHING, finishing)] {
                sum.fetch_add(spent, Ordering::Relaxed);
            }
        }
    }
}

/// Calls `product`, which works with the threads of the current pool, and tells `true` if it shall use a [`Watch`].
pub(crate) fn product(product: impl FnOnce(bool)) {
    timed(&PRODUCTS, product);
}

/// Calls `pass`, which works with the threads of the current pool.
pub(crate) fn pass(pass: impl FnOnce()) {
    timed(&PASSES, |_| pass());
}

#[inline(always)]
fn timed(sum: &AtomicU64, work: impl FnOnce(bool)) {
    let start = is_on().then(Instant::now);
    work(start.is_some());
    if let Some(start) = start {
        let threads = rayon::current_num_threads() as u64;
        sum.fetch_add(threads * start.elapsed().as_nanos() as u64, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hint::black_box;

    /// Other tests of this process run products meanwhile: sums may hold more than what is done here, never less.
    #[test]
    fn what_is_lapped_is_in_the_sums_and_the_rest_is_waiting() {
        let spin = || (0..100_000_u64).fold(0, |a: u64, b| black_box(a.wrapping_add(b)));
        let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
        let profile = Profile::begin();
        pool.install(|| {
            product(|on| {
                assert!(on, "somebody wants to know");
                let mut watch = Watch::start(on);
                for doing in [Doing::Packing, Doing::Waiting, Doing::Multiplying, Doing::Finishing] {
                    spin();
                    watch.lap(doing);
                }
            });
            pass(|| _ = spin());
        });
        let Shares { packing_ns, multiplying_ns, finishing_ns, waiting_ns, passes_ns } = profile.so_far();
        let busy = packing_ns.min(multiplying_ns).min(finishing_ns);
        assert!(busy > 1000 && passes_ns > 1000, "{:?}", profile.so_far());
        // Of two threads one did nothing at all, and the other waited a while.
        assert!(waiting_ns > 1000, "{:?}", profile.so_far());
    }

    #[test]
    fn a_watch_that_is_off_stays_off() {
        let mut watch = Watch::start(false);
        watch.lap(Doing::Packing);
        assert!(watch.since.is_none() && watch.spent == [0; 4]);
    }

    #[test]
    fn differences_of_shares() {
        let of = |n| Shares {
            packing_ns: n,
            multiplying_ns: 2 * n,
            finishing_ns: 3 * n,
            waiting_ns: 4 * n,
            passes_ns: 5 * n,
        };
        assert_eq!(of(5).since(of(2)), of(3));
    }
}
