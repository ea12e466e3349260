//! Layers that learn classes, side by side: see [`super::pipeline`].

use adieu_kernels::threads;

use super::class_layers::{ClassLayers, Layer, Settings};
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
    first: usize,
    blocks: &'a mut [Box<dyn Block>],
    layers: &'a mut [Layer],
}

impl Run<Flow> for Neighbours<'_> {
    fn teach(&mut self, flow: &mut Flow, clock: &mut dyn Clock) -> Result<(), Diverged> {
        for (i, (block, layer)) in self.blocks.iter_mut().zip(&mut *self.layers).enumerate() {
            let (l, gain) = (self.first + i, self.gains[self.first + i]);
            let Some(x) = flow.x.take() else { break };
            clock.work(block.cost(flow.labels.len()).forward_macs);
            let (h, saved) = block.forward(x, &mut flow.chance);
            let held = [saved];
            let dh = layer.error(self.settings, gain, (l, &h), &held, &flow.labels, clock, &mut flow.said)?;
            let [saved] = held;
            layer.descent.begin(gain);
            block.pullback(saved, dh.into(), false, &mut layer.descent.on(&mut *clock, l));
            flow.x = Some(self.settings.norm.apply(&h));
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
        let gains: Vec<f64> = (0..net.len()).map(|l| self.gain(l)).collect();
        let (settings, mut layers, mut blocks) = (&self.settings, &mut self.layers[..], net);
        let mut runs = Vec::with_capacity(cuts.len());
        for range in cuts {
            let (own_blocks, other_blocks) = blocks.split_at_mut(range.len());
            let (own_layers, other_layers) = layers.split_at_mut(range.len());
            (blocks, layers) = (other_blocks, other_layers);
            let (gains, first) = (&gains[..], range.start);
            runs.push(Neighbours { settings, gains, first, blocks: own_blocks, layers: own_layers });
        }
        side_by_side(runs, &mut Outside(settings), feed, cx)
    }
}
