//! Layers side by side: layer l learns from batch t while layer l − 1 learns from batch t + 1.
//!
//! A layer needs nothing from those above it, so each can go on to the next batch as soon as it has handed its
//! activity up. The network is cut into stages of about the same size, one a thread, with the batches flowing through.
//! A batch meets every layer's weights exactly as they are when the layers take turns, so the result is the same to
//! the bit. It needs negatives that do not ask the head, which reads all layers: those would have to wait for it.
//!
//! Back-propagation cannot do this: its first layer waits for the error from the last.

use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, Sender, channel};

use adieu_kernels::{alone, threads};

use super::image::Image;
use super::readout::neutral;
use super::{Below, ForwardForward, Layer, Lesson, Running};
use crate::learn::common::pipeline::cut;
use crate::learn::{Clock, Diverged, Phase, Scalar, StepCx, Task};
use crate::parts::Batch;
use crate::parts::activity::Activity;
use crate::parts::block::{Block, Net};
use crate::parts::chance::{Purpose, Rng};

/// A batch on its way up.
struct Flow {
    step: u64,
    batch: Batch,
    wrong: Vec<u8>,
    chance: Rng,
    /// Positive and negative rows as the next layer sees them; none before the first.
    x: Option<Activity>,
    /// Whether the neutral pass runs, and its rows.
    reads_out: bool,
    neutral: Option<Activity>,
    /// What the head is going to read.
    read: Vec<(usize, Activity)>,
    said: Vec<Scalar>,
    macs: u64,
}

/// What stages hand on.
type Passed = Result<Flow, Diverged>;

/// Neighbouring layers that take turns on one thread.
struct Stage<'a> {
    recipe: &'a ForwardForward,
    task: &'a Task,
    gain: f64,
    first: usize,
    blocks: &'a mut [Box<dyn Block>],
    layers: &'a mut [Layer],
    heads: &'a [bool],
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
            let flow = flow.and_then(|mut flow| {
                self.teach(&mut flow, &mut tally)?;
                flow.macs += tally.macs;
                Ok(flow)
            });
            held = held.max(tally.held);
            let diverged = flow.is_err();
            // If nobody listens any more, a layer above has diverged.
            if to.send(flow).is_err() || diverged {
                break;
            }
        }
        held
    }

    fn teach(&mut self, flow: &mut Flow, clock: &mut dyn Clock) -> Result<(), Diverged> {
        let Stage { recipe, task, gain, first, .. } = *self;
        let mut image =
            (first == 0).then(|| Image::new(recipe, &*self.blocks[0], &flow.batch.x, task, clock));
        let mut lesson = Lesson::new(recipe, gain, &flow.batch.labels, &flow.wrong);
        for (i, (block, layer)) in self.blocks.iter_mut().zip(&mut *self.layers).enumerate() {
            if flow.reads_out {
                let h = neutral(recipe, &**block, &below(flow.neutral.take(), image.as_ref()), clock);
                if self.heads[i] {
                    flow.read.push((first + i, h.clone()));
                }
                flow.neutral = Some(h);
            }
            let x = below(flow.x.take(), image.take());
            let active = lesson.forward(&mut **block, x, &mut flow.chance, clock);
            flow.x =
                Some(layer.learn(first + i, &mut **block, active, &mut lesson, clock, &mut flow.said)?);
        }
        Ok(())
    }
}

fn below<I>(x: Option<Activity>, image: Option<I>) -> Below<I> {
    let first = || Below::Image(image.expect("a batch begins with its images, in the first stage"));
    x.map_or_else(first, Below::Layer)
}

impl Running {
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
        let (recipe, task, gain) = (self.recipe.clone(), self.task.clone(), self.gain());
        let heads: Vec<bool> = (0..self.head.layers()).map(|l| self.head.reads(l)).collect();
        let mut layers = std::mem::take(&mut self.layers);
        let result = std::thread::scope(|scope| {
            let (to_first, mut from) = channel::<Passed>();
            let (mut blocks, mut rest) = (net, &mut layers[..]);
            let mut workers = Vec::new();
            for range in &cuts {
                let (own_blocks, other_blocks) = blocks.split_at_mut(range.len());
                let (own_layers, other_layers) = rest.split_at_mut(range.len());
                (blocks, rest) = (other_blocks, other_layers);
                let (first, heads, recipe, task) = (range.start, &heads[range.clone()], &recipe, &task);
                let stage =
                    Stage { recipe, task, gain, first, blocks: own_blocks, layers: own_layers, heads };
                let (to, next) = channel();
                let from = std::mem::replace(&mut from, next);
                workers.push(scope.spawn(move || alone(|| stage.run(from, to))));
            }
            let result = self.lead(feed, cx, (to_first, from), 2 * cuts.len());
            let held =
                workers.into_iter().map(|worker| worker.join().unwrap_or_else(|bug| resume_unwind(bug)));
            cx.clock.held(held.sum());
            result
        });
        self.layers = layers;
        cx.clock.held(0);
        result
    }

    /// Sends batches up, at most `most` at a time, and teaches the head with what comes out.
    fn lead(
        &mut self,
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
                let flow = self.begin(batch, cx);
                cx.step += 1;
                under_way += 1;
                if first.send(Ok(flow)).is_err() {
                    to = None;
                }
            }
            let Ok(flow) = from.recv() else { break };
            let flow = flow?;
            under_way -= 1;
            said.push(self.finish(flow, cx)?);
        }
        Ok(said)
    }

    fn begin(&mut self, batch: Batch, cx: &StepCx<'_>) -> Flow {
        let wrong = self.wrong.draw(&batch, None, cx);
        let (x, neutral, read, said) = (None, None, Vec::new(), Vec::new());
        let (chance, reads_out) = (cx.chance(Purpose::Dropout), self.reads_out(cx.step));
        Flow { step: cx.step, batch, wrong, chance, x, reads_out, neutral, read, said, macs: 0 }
    }

    fn finish(&mut self, flow: Flow, cx: &mut StepCx<'_>) -> Result<Vec<Scalar>, Diverged> {
        cx.clock.work(flow.macs);
        let mut said = flow.said;
        if flow.reads_out {
            let (mut tally, seed, step) = (Tally::default(), cx.seed, flow.step);
            let mut own = StepCx { seed, step, clock: &mut tally };
            let (gain, head) = (self.gain(), &mut self.head);
            alone(|| head.teach(flow.read, &flow.batch.labels, gain, &mut own, &mut said))?;
            cx.clock.work(tally.macs);
        }
        Ok(said)
    }
}
