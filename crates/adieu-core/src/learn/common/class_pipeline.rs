//! Layers that learn classes, side by side: see [`super::pipeline`].

use adieu_kernels::threads;

use super::class_layers::{ClassLayers, Layer, Settings};
use super::class_teaching::{Lesson, teach};
use super::pipeline::{Ends, Run, cut, side_by_side};
use crate::learn::{Clock, Diverged, Scalar, StepCx};
use crate::parts::Batch;
use crate::parts::activity::Activity;
use crate::parts::block::{Block, Net};
use crate::parts::chance::{Purpose, Rng};

/// A batch on its way up.
struct Flow {
    labels: Vec<u8>,
    chance: Rng,
    /// What the next layer sees; none while a layer has it.
    x: Option<Activity>,
    said: Vec<Scalar>,
}

struct Neighbours<'a> {
    settings: &'a Settings,
    gains: &'a [f64],
    /// The number of its first layer.
    first: usize,
    /// Layers of each block.
    counts: &'a [usize],
    blocks: &'a mut [Box<dyn Block>],
    layers: &'a mut [Layer],
}

impl Run<Flow> for Neighbours<'_> {
    fn teach(&mut self, flow: &mut Flow, clock: &mut dyn Clock) -> Result<(), Diverged> {
        let mut done = 0;
        for (block, count) in self.blocks.iter_mut().zip(self.counts) {
            let Some(x) = flow.x.take() else { break };
            let Flow { labels, chance, said, .. } = &mut *flow;
            let mut lesson = Lesson { labels, gains: self.gains, chance, clock: &mut *clock, said };
            let own = (self.first + done, &mut self.layers[done..done + count]);
            flow.x = Some(teach(self.settings, own, &mut **block, x, &mut lesson)?);
            done += count;
        }
        Ok(())
    }
}

struct Outside<'a>(&'a Settings);

impl Ends<Flow> for Outside<'_> {
    fn begin(&mut self, batch: Batch, cx: &StepCx<'_>) -> Flow {
        let x = Some(self.0.norm.apply(&batch.x.into()));
        Flow { labels: batch.labels, chance: cx.chance(Purpose::Dropout), x, said: Vec::new() }
    }

    fn finish(&mut self, flow: Flow, _: &mut StepCx<'_>) -> Result<Vec<Scalar>, Diverged> {
        Ok(flow.said)
    }
}

impl ClassLayers {
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
        let gains = self.gains();
        let (settings, mut layers, mut blocks) = (&self.settings, &mut self.layers[..], net);
        let (mut runs, mut first) = (Vec::with_capacity(cuts.len()), 0);
        for range in cuts {
            let counts = &self.counts[range.clone()];
            let number = counts.iter().sum::<usize>();
            let (own_blocks, other_blocks) = blocks.split_at_mut(range.len());
            let (own_layers, other_layers) = layers.split_at_mut(number);
            (blocks, layers) = (other_blocks, other_layers);
            let gains = &gains[..];
            runs.push(Neighbours { settings, gains, first, counts, blocks: own_blocks, layers: own_layers });
            first += number;
        }
        side_by_side(runs, &mut Outside(settings), feed, cx)
    }
}
