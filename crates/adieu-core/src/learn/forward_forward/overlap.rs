//! Forward-Forward's layers side by side: see [`crate::learn::common::pipeline`]. It needs negatives that do not ask the
//! head, which reads all layers: those would have to wait for it.

use adieu_kernels::{alone, threads};

use super::image::Image;
use super::readout::neutral;
use super::{Below, ForwardForward, Layer, Lesson, Running};
use crate::learn::common::pipeline::{Ends, Run, Tally, cut, side_by_side};
use crate::learn::{Clock, Diverged, Scalar, StepCx, Task};
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
}

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

impl Run<Flow> for Stage<'_> {
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
    /// As [`side_by_side`].
    ///
    /// # Errors
    /// Likewise.
    pub(super) fn side_by_side(
        &mut self,
        net: &mut Net,
        feed: &mut dyn FnMut() -> Option<Batch>,
        cx: &mut StepCx<'_>,
    ) -> Result<Vec<Vec<Scalar>>, Diverged> {
        let cuts = cut(net, threads());
        let (recipe, task, gain) = (self.recipe.clone(), self.task.clone(), self.gain());
        let heads: Vec<bool> = (0..self.head.layers()).map(|l| self.head.reads(l)).collect();
        let mut layers = std::mem::take(&mut self.layers);
        let (mut blocks, mut rest) = (net, &mut layers[..]);
        let mut runs = Vec::with_capacity(cuts.len());
        for range in cuts {
            let (own_blocks, other_blocks) = blocks.split_at_mut(range.len());
            let (own_layers, other_layers) = rest.split_at_mut(range.len());
            (blocks, rest) = (other_blocks, other_layers);
            let (first, heads, recipe, task) = (range.start, &heads[range], &recipe, &task);
            runs.push(Stage { recipe, task, gain, first, blocks: own_blocks, layers: own_layers, heads });
        }
        let result = side_by_side(runs, self, feed, cx);
        self.layers = layers;
        result
    }
}

impl Ends<Flow> for Running {
    fn begin(&mut self, batch: Batch, cx: &StepCx<'_>) -> Flow {
        let wrong = self.wrong.draw(&batch, None, cx);
        let (x, neutral, read, said) = (None, None, Vec::new(), Vec::new());
        let (chance, reads_out) = (cx.chance(Purpose::Dropout), self.reads_out(cx.step));
        Flow { step: cx.step, batch, wrong, chance, x, reads_out, neutral, read, said }
    }

    fn finish(&mut self, flow: Flow, cx: &mut StepCx<'_>) -> Result<Vec<Scalar>, Diverged> {
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
