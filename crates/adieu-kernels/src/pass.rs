//! Passes over memory: work on independent items, vectorised, shared between threads where there is much of
//! it.

use crate::crew::{Queue, crew, threads};
use crate::isa::{Kernel, isa};
use crate::profile;
use std::ops::Range;

/// Below this many floats a pass stays on the calling thread: it is done before a helper wakes.
const WORTH_SHARING: usize = 1 << 17;

/// Work on items that do not depend on each other. Implementations are `#[inline(always)]`.
pub(crate) trait Pass: Sync {
    /// Does the items in `range`; ranges of one pass are disjoint and within the pass's count.
    fn part(&self, range: Range<usize>);
}

/// Runs a pass over `count` single floats.
pub(crate) fn run(count: usize, pass: &impl Pass) {
    run_items(count, 1, pass);
}

/// Runs a pass over `count` items of `floats` floats each.
pub(crate) fn run_items(count: usize, floats: usize, pass: &impl Pass) {
    let threads = if count * floats < WORTH_SHARING { 1 } else { threads() };
    // Whole pages apart, so that two threads seldom meet in one.
    let grain = if threads == 1 { count.max(1) } else { (4096 / floats.max(1)).max(1) };
    let queue = Queue::new(count.div_ceil(grain), threads);
    let isa = isa();
    profile::pass(|| crew(threads, || isa.run(Share { pass, count, grain, queue: &queue })));
}

/// One thread's share of a pass.
struct Share<'a, P> {
    pass: &'a P,
    count: usize,
    grain: usize,
    queue: &'a Queue,
}

impl<P: Pass> Kernel for Share<'_, P> {
    #[inline(always)]
    fn run<const MR: usize, const NR: usize, const FMA: bool>(self) {
        while let Some(claim) = self.queue.claim() {
            let range = claim.items.start * self.grain..(claim.items.end * self.grain).min(self.count);
            self.pass.part(range);
        }
    }
}
