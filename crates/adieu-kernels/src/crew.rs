//! Work shared between the threads of the current rayon pool.
//!
//! A product has two phases: pack, then multiply. Both are lists of items that nobody owns; whoever is free
//! claims a run of them. Runs shrink towards the end, so that threads finish together, and are contiguous, so
//! that a thread finds its last operand still in its cache. There is one fork and one join for both phases.

use crate::tile::{LINE, prefetch};
use std::cell::Cell;
use std::marker::PhantomData;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Below this many multiply-adds (some ten microseconds) waking another thread costs more than it brings.
const WORTH_SHARING: usize = 1 << 20;

/// The number of threads that should share `multiply_adds` of work.
pub(crate) fn threads_for(multiply_adds: usize) -> usize {
    if multiply_adds < WORTH_SHARING { 1 } else { threads() }
}

thread_local! {
    static ALONE: Cell<bool> = const { Cell::new(false) };
}

/// The number of threads that a large product called from this thread is shared among: those of the current rayon
/// pool, or one inside [`alone`].
#[must_use]
pub fn threads() -> usize {
    if ALONE.get() { 1 } else { rayon::current_num_threads() }
}

/// Calls `f` with every product kept on the calling thread: for callers that work on several things at once and have
/// a thread for each.
pub fn alone<R>(f: impl FnOnce() -> R) -> R {
    /// Restores what was before, also when `f` panics.
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            ALONE.set(self.0);
        }
    }
    let _restore = Restore(ALONE.replace(true));
    f()
}

/// Calls `work` once on each of `threads` threads of the current pool, and returns when all have returned.
/// `work` must be content to run alone: helpers may arrive late, or one after the other.
pub(crate) fn crew(threads: usize, work: impl Fn() + Sync) {
    if threads <= 1 {
        work();
        return;
    }
    rayon::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(|_| work());
        }
        work();
    });
}

/// Items `0..total`, to be claimed in runs.
pub(crate) struct Queue {
    total: usize,
    threads: usize,
    next: AtomicUsize,
    done: AtomicUsize,
}

impl Queue {
    pub(crate) fn new(total: usize, threads: usize) -> Self {
        Self { total, threads, next: AtomicUsize::new(0), done: AtomicUsize::new(0) }
    }

    /// The next run of items, or `None` when all are taken. Dropping the claim says that its items are done.
    pub(crate) fn claim(&self) -> Option<Claim<'_>> {
        let mut start = self.next.load(Ordering::Relaxed);
        loop {
            let left = self.total.checked_sub(start).filter(|&left| left > 0)?;
            // Alone, take all. Together, half of a fair share: the last runs are single items.
            let run = if self.threads <= 1 { left } else { (left / (2 * self.threads)).max(1) };
            match self.next.compare_exchange_weak(start, start + run, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Some(Claim { queue: self, items: start..start + run }),
                Err(now) => start = now,
            }
        }
    }

    /// Waits until every item is done; what their workers wrote is then visible here. Cannot wait for ever: a
    /// claimed item belongs to a thread that is running it, and items wait for nothing.
    pub(crate) fn wait(&self) {
        let mut polls = 0_u32;
        while self.done.load(Ordering::Acquire) < self.total {
            polls += 1;
            if polls.is_multiple_of(1024) {
                std::thread::yield_now();
            }
            std::hint::spin_loop();
        }
    }
}

/// A run of items that one thread works on.
pub(crate) struct Claim<'a> {
    queue: &'a Queue,
    /// The items.
    pub(crate) items: Range<usize>,
}

impl Drop for Claim<'_> {
    /// Also while unwinding: the others must not wait for a worker that has panicked.
    fn drop(&mut self) {
        self.queue.done.fetch_add(self.items.len(), Ordering::Release);
    }
}

/// A mutable slice lent to a crew whose members write disjoint parts of it.
pub(crate) struct Shared<'a> {
    start: *mut f32,
    len: usize,
    lent: PhantomData<&'a mut [f32]>,
}

// SAFETY: a `Shared` is an exclusive borrow cut into parts; its accessors are unsafe and demand that parts
// which are live at the same time do not overlap, so sending or sharing it adds no access that `&mut [f32]`
// would not allow.
unsafe impl Send for Shared<'_> {}
// SAFETY: as above.
unsafe impl Sync for Shared<'_> {}

impl<'a> Shared<'a> {
    pub(crate) fn new(slice: &'a mut [f32]) -> Self {
        Self { start: slice.as_mut_ptr(), len: slice.len(), lent: PhantomData }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Asks for the cache lines of `start..start + len`, as far as they are in the slice.
    #[inline(always)]
    pub(crate) fn prefetch(&self, start: usize, len: usize) {
        for line in (start..(start + len).min(self.len)).step_by(LINE) {
            prefetch(self.start.wrapping_add(line));
        }
    }

    /// Elements `start..start + len`, to write.
    ///
    /// # Safety
    /// The range lies in the slice, and no other part that is live overlaps it.
    #[inline(always)]
    #[allow(clippy::mut_from_ref, reason = "disjointness is the caller's obligation")]
    pub(crate) unsafe fn part_mut(&self, start: usize, len: usize) -> &mut [f32] {
        debug_assert!(start + len <= self.len, "{start} + {len} of {}", self.len);
        // SAFETY: in bounds and exclusive by the contract above; the borrow lives as long as `self` at most.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(start), len) }
    }

    /// Elements `start..start + N`, to write.
    ///
    /// # Safety
    /// As for [`Self::part_mut`].
    #[inline(always)]
    #[allow(clippy::mut_from_ref, reason = "disjointness is the caller's obligation")]
    pub(crate) unsafe fn array_mut<const N: usize>(&self, start: usize) -> &mut [f32; N] {
        debug_assert!(start + N <= self.len, "{start} + {N} of {}", self.len);
        // SAFETY: in bounds and exclusive by the contract above; an array has the alignment of its elements.
        unsafe { &mut *self.start.add(start).cast() }
    }

    /// Elements `start..start + len`, to read.
    ///
    /// # Safety
    /// The range lies in the slice, and no mutable part that is live overlaps it.
    #[inline(always)]
    pub(crate) unsafe fn part(&self, start: usize, len: usize) -> &[f32] {
        debug_assert!(start + len <= self.len, "{start} + {len} of {}", self.len);
        // SAFETY: in bounds and not being written by the contract above.
        unsafe { std::slice::from_raw_parts(self.start.add(start), len) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[test]
    fn every_item_is_claimed_once_and_runs_shrink_to_single_items() {
        for (total, threads) in [(0, 1), (1, 3), (7, 2), (1000, 1), (1000, 3)] {
            let queue = Queue::new(total, threads);
            let runs: Vec<_> =
                std::iter::from_fn(|| queue.claim().map(|claim| claim.items.clone())).collect();
            assert_eq!(runs.iter().cloned().flatten().collect::<Vec<_>>(), (0..total).collect::<Vec<_>>());
            assert!(threads == 1 || runs.last().is_none_or(|run| run.len() == 1));
            queue.wait();
        }
    }

    #[test]
    fn all_that_was_done_before_the_wait_is_seen_after_it() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        for _ in 0..200 {
            let mut values = vec![0.0; 64];
            let shared = Shared::new(&mut values);
            let queue = Queue::new(64, 3);
            let sums = Mutex::new(Vec::new());
            pool.install(|| {
                crew(3, || {
                    while let Some(claim) = queue.claim() {
                        for item in claim.items.clone() {
                            // SAFETY: each item is claimed once and is in bounds.
                            let part = unsafe { shared.part_mut(item, 1) };
                            part[0] = 1.0;
                        }
                    }
                    queue.wait();
                    // SAFETY: all items are done, nobody writes any more.
                    let sum: f32 = unsafe { shared.part(0, 64) }.iter().sum();
                    sums.lock().unwrap().push(sum);
                });
            });
            assert_eq!(sums.into_inner().unwrap(), [64.0; 3]);
        }
    }

    #[test]
    #[should_panic(expected = "a bug")]
    fn a_panic_while_packing_reaches_the_caller_and_leaves_nobody_waiting() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
        let queue = Queue::new(8, 2);
        pool.install(|| {
            crew(2, || {
                while let Some(claim) = queue.claim() {
                    assert!(!claim.items.contains(&3), "a bug");
                }
                queue.wait();
            });
        });
    }
}
