//! Layers side by side: layer l learns from batch t while layer l − 1 learns from batch t + 1.
//!
//! A layer that learns by itself needs nothing from those above it, so each can go on to the next batch as soon as it has
//! handed its activity up. The network is cut into runs of about the same work, one a thread, and batches flow through. A
//! batch meets every layer's weights as they are when the layers take turns, so the result is the same to the bit.
//!
//! Back-propagation cannot do this: its first layer waits for the error from the last.

use std::ops::Range;
use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, Sender, channel};

use adieu_kernels::alone;

use crate::learn::{Clock, Diverged, Phase, Scalar, StepCx};
use crate::parts::Batch;
use crate::parts::block::Net;

/// Neighbouring layers that take turns on one thread; `F` is a batch on its way up.
pub(in crate::learn) trait Run<F>: Send {
    /// Lets them learn from what comes, which is what their last one hands up afterwards.
    fn teach(&mut self, flow: &mut F, clock: &mut dyn Clock) -> Result<(), Diverged>;
}

/// Where batches go in and come out.
pub(in crate::learn) trait Ends<F> {
    /// A batch as the first layers take it.
    fn begin(&mut self, batch: Batch, cx: &StepCx<'_>) -> F;
    /// What the step says, once all layers have learnt from it.
    fn finish(&mut self, flow: F, cx: &mut StepCx<'_>) -> Result<Vec<Scalar>, Diverged>;
}

/// A batch and the multiply-adds done for it.
type Passed<F> = Result<(F, u64), Diverged>;

/// Counts what a run of layers does. Time has no single owner here.
#[derive(Default)]
pub(in crate::learn) struct Tally {
    pub(in crate::learn) macs: u64,
    held: u64,
}

impl Clock for Tally {
    fn press(&mut self, _: Phase, _: usize) {}
    fn held(&mut self, bytes: u64) {
        self.held = self.held.max(bytes);
    }
    fn work(&mut self, macs: u64) {
        self.macs += macs;
    }
}

/// Cuts blocks into at most `stages` runs of about the same number of multiply-adds.
pub(in crate::learn) fn cut(net: &Net, stages: usize) -> Vec<Range<usize>> {
    let work: Vec<u64> = net.iter().map(|block| block.cost(1).forward_macs.max(1)).collect();
    let whole: u64 = work.iter().sum();
    let mut before = 0;
    let mut cuts: Vec<Range<usize>> = Vec::new();
    let mut last = None;
    for (l, work) in work.iter().enumerate() {
        // The stage in which the middle of the block's work falls.
        let stage = (2 * before + work) * stages as u64 / (2 * whole);
        before += work;
        match cuts.last_mut() {
            Some(range) if last == Some(stage) => range.end = l + 1,
            _ => cuts.push(l..l + 1),
        }
        last = Some(stage);
    }
    cuts
}

/// See the module. `cx.step` is the number of the first step, and in the end of the next one.
///
/// # Errors
/// The first [`Diverged`]; the network must not be used any further.
pub(in crate::learn) fn side_by_side<F: Send>(
    runs: Vec<impl Run<F>>,
    ends: &mut impl Ends<F>,
    feed: &mut dyn FnMut() -> Option<Batch>,
    cx: &mut StepCx<'_>,
) -> Result<Vec<Vec<Scalar>>, Diverged> {
    cx.clock.press(Phase::Overlapped, 0);
    let most = 2 * runs.len();
    let result = std::thread::scope(|scope| {
        let (to_first, mut from) = channel::<Passed<F>>();
        let mut workers = Vec::new();
        for run in runs {
            let (to, next) = channel();
            let from = std::mem::replace(&mut from, next);
            workers.push(scope.spawn(move || alone(|| work(run, from, to))));
        }
        let result = lead(ends, feed, cx, (to_first, from), most);
        let held = workers.into_iter().map(|worker| worker.join().unwrap_or_else(|bug| resume_unwind(bug)));
        cx.clock.held(held.sum());
        result
    });
    cx.clock.held(0);
    result
}

/// Works on what comes until nothing more does; returns the most bytes it held for credit.
fn work<F>(mut run: impl Run<F>, from: Receiver<Passed<F>>, to: Sender<Passed<F>>) -> u64 {
    let mut held = 0;
    for passed in from {
        let mut tally = Tally::default();
        let passed = passed.and_then(|(mut flow, macs)| {
            run.teach(&mut flow, &mut tally)?;
            Ok((flow, macs + tally.macs))
        });
        held = held.max(tally.held);
        let diverged = passed.is_err();
        // If nobody listens any more, a layer above has diverged.
        if to.send(passed).is_err() || diverged {
            break;
        }
    }
    held
}

/// Sends batches up, at most `most` at a time, and hears what comes out.
fn lead<F>(
    ends: &mut impl Ends<F>,
    feed: &mut dyn FnMut() -> Option<Batch>,
    cx: &mut StepCx<'_>,
    (to, from): (Sender<Passed<F>>, Receiver<Passed<F>>),
    most: usize,
) -> Result<Vec<Vec<Scalar>>, Diverged> {
    let (mut to, mut under_way, mut said) = (Some(to), 0, Vec::new());
    loop {
        while under_way < most
            && let Some(first) = &to
        {
            let Some(batch) = feed() else {
                to = None; // the runs end when they have worked through what is under way
                break;
            };
            let flow = ends.begin(batch, cx);
            cx.step += 1;
            under_way += 1;
            if first.send(Ok((flow, 0))).is_err() {
                to = None;
            }
        }
        let Ok(passed) = from.recv() else { break };
        let (flow, macs) = passed?;
        under_way -= 1;
        cx.clock.work(macs);
        said.push(ends.finish(flow, cx)?);
    }
    Ok(said)
}
