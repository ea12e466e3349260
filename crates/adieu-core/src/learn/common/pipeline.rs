//! Layers that learn classes, side by side: layer l learns from batch t while layer l − 1 learns from batch t + 1.
//!
//! A layer needs nothing from those above it, so each can go on to the next batch as soon as it has handed its activity up.
//! The network is cut into runs of about the same work, one a thread, and batches flow through. A batch meets every
//! layer's weights as they are when the layers take turns, so the result is the same to the bit.

use std::ops::Range;
use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, Sender, channel};

use adieu_kernels::{alone, threads};

use super::class_layers::{ClassLayers, Layer, Settings};
use crate::learn::{Clock, Diverged, Phase, Scalar, StepCx};
use crate::parts::Batch;
use crate::parts::activity::Activity;
use crate::parts::block::{Block, Net};
use crate::parts::chance::{Purpose, Rng};

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

/// A batch on its way up.
struct Flow {
    labels: Vec<u8>,
    chance: Rng,
    x: Activity,
    said: Vec<Scalar>,
    macs: u64,
}

type Passed = Result<Flow, Diverged>;

/// Neighbouring layers that take turns on one thread.
struct Stage<'a> {
    settings: &'a Settings,
    gains: &'a [f64],
    first: usize,
    blocks: &'a mut [Box<dyn Block>],
    layers: &'a mut [Layer],
}

/// Counts what a stage does. Time has no single owner here.
#[derive(Default)]
struct Tally {
    macs: u64,
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

impl Stage<'_> {
    /// Works on what comes until nothing more does; returns the most bytes it held for credit.
    fn run(mut self, from: Receiver<Passed>, to: Sender<Passed>) -> u64 {
        let mut held = 0;
        for flow in from {
            let mut tally = Tally::default();
            let flow = flow.and_then(|flow| self.teach(flow, &mut tally));
            held = held.max(tally.held);
            let diverged = flow.is_err();
            // If nobody listens any more, a layer above has diverged.
            if to.send(flow).is_err() || diverged {
                break;
            }
        }
        held
    }

    fn teach(&mut self, mut flow: Flow, tally: &mut Tally) -> Passed {
        for (i, (block, layer)) in self.blocks.iter_mut().zip(&mut *self.layers).enumerate() {
            let l = self.first + i;
            tally.work(block.cost(flow.labels.len()).forward_macs);
            let (h, saved) = block.forward(flow.x, &mut flow.chance);
            let (gain, held) = (self.gains[l], [saved]);
            let dh = layer.error(self.settings, gain, (l, &h), &held, &flow.labels, tally, &mut flow.said)?;
            layer.descent.begin(gain);
            let [saved] = held;
            block.pullback(saved, dh.into(), false, &mut layer.descent.on(tally, l));
            flow.x = self.settings.norm.apply(&h);
        }
        flow.macs += tally.macs;
        Ok(flow)
    }
}

impl ClassLayers {
    /// See the module. `cx.step` is the number of the first step.
    ///
    /// # Errors
    /// The first [`Diverged`]; the network must not be used any further.
    pub(super) fn side_by_side(
        &mut self,
        net: &mut Net,
        feed: &mut dyn FnMut() -> Option<Batch>,
        cx: &mut StepCx<'_>,
    ) -> Result<Vec<Vec<Scalar>>, Diverged> {
        cx.clock.press(Phase::Overlapped, 0);
        let cuts = cut(net, threads());
        let gains: Vec<f64> = (0..net.len()).map(|l| self.gain(l)).collect();
        let (settings, mut layers) = (&self.settings, &mut self.layers[..]);
        let result = std::thread::scope(|scope| {
            let (to_first, mut from) = channel::<Passed>();
            let mut blocks = net;
            let mut workers = Vec::new();
            for range in &cuts {
                let (own_blocks, other_blocks) = blocks.split_at_mut(range.len());
                let (own_layers, other_layers) = std::mem::take(&mut layers).split_at_mut(range.len());
                (blocks, layers) = (other_blocks, other_layers);
                let gains = &gains;
                let stage =
                    Stage { settings, gains, first: range.start, blocks: own_blocks, layers: own_layers };
                let (to, next) = channel();
                let from = std::mem::replace(&mut from, next);
                workers.push(scope.spawn(move || alone(|| stage.run(from, to))));
            }
            let result = lead(settings, feed, cx, (to_first, from), 2 * cuts.len());
            let held =
                workers.into_iter().map(|worker| worker.join().unwrap_or_else(|bug| resume_unwind(bug)));
            cx.clock.held(held.sum());
            result
        });
        cx.clock.held(0);
        result
    }
}

/// Sends batches up, at most `most` at a time, and hears what came of them.
fn lead(
    settings: &Settings,
    feed: &mut dyn FnMut() -> Option<Batch>,
    cx: &mut StepCx<'_>,
    (to, from): (Sender<Passed>, Receiver<Passed>),
    most: usize,
) -> Result<Vec<Vec<Scalar>>, Diverged> {
    let (mut to, mut under_way, mut said) = (Some(to), 0, Vec::new());
    loop {
        while under_way < most
            && let Some(first) = &to
        {
            let Some(batch) = feed() else {
                to = None; // the stages end when they have worked through what is under way
                break;
            };
            let x = settings.norm.apply(&batch.x.into());
            let chance = cx.chance(Purpose::Dropout);
            let flow = Flow { labels: batch.labels, chance, x, said: Vec::new(), macs: 0 };
            cx.step += 1;
            under_way += 1;
            if first.send(Ok(flow)).is_err() {
                to = None;
            }
        }
        let Ok(flow) = from.recv() else { break };
        let flow = flow?;
        under_way -= 1;
        cx.clock.work(flow.macs);
        said.push(flow.said);
    }
    Ok(said)
}
