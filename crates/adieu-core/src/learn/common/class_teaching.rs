//! A batch on its way up through layers that learn classes at once, each before the next sees it: with one layer after the
//! other, and on every thread of those that work side by side.

use super::class_layers::{ClassLayers, Layer, Settings};
use crate::learn::{Clock, Diverged, Phase, Scalar, StepCx};
use crate::parts::Batch;
use crate::parts::activity::Activity;
use crate::parts::block::{Block, Net};
use crate::parts::chance::{Purpose, Rng};
use crate::parts::leaves;

/// A batch, and where it is told what happens.
pub(super) struct Lesson<'a> {
    pub(super) labels: &'a [u8],
    /// Of every layer of the network.
    pub(super) gains: &'a [f64],
    pub(super) chance: &'a mut Rng,
    pub(super) clock: &'a mut dyn Clock,
    pub(super) said: &'a mut Vec<Scalar>,
}

impl Lesson<'_> {
    /// N(h) of a block that is layer number l, which learns.
    fn teach(
        &mut self,
        settings: &Settings,
        (l, layer): (usize, &mut Layer),
        block: &mut dyn Block,
        x: Activity,
    ) -> Result<Activity, Diverged> {
        self.rise(l, block);
        let (h, saved) = block.forward(x, self.chance);
        let (held, gain) = ([saved], self.gains[l]);
        let dh = layer.error(settings, gain, (l, &h), &held, self.labels, self.clock, self.said)?;
        let [saved] = held;
        layer.descent.begin(gain);
        block.pullback(saved, dh.into(), false, &mut layer.descent.on(&mut *self.clock, l));
        self.clock.held(0);
        Ok(settings.norm.apply(&h)) // nothing flows back past this line
    }

    fn rise(&mut self, l: usize, block: &dyn Block) {
        self.clock.press(Phase::Forward, l);
        self.clock.work(block.cost(self.labels.len()).forward_macs);
    }
}

/// What the next block sees of x; the layers of this one learn, which are `layers`, the first of them number `first`.
pub(super) fn teach(
    settings: &Settings,
    (first, layers): (usize, &mut [Layer]),
    block: &mut dyn Block,
    x: Activity,
    lesson: &mut Lesson<'_>,
) -> Result<Activity, Diverged> {
    let (mut next, mut diverged) = (0, None);
    let mut one = |block: &mut dyn Block, x: Activity| {
        if settings.by_leaf && !leaves::learns(block) {
            lesson.rise((first + next).min(lesson.gains.len() - 1), block);
            return Some(block.forward(x, lesson.chance).0);
        }
        next += 1;
        let at = (first + next - 1, &mut layers[next - 1]);
        lesson.teach(settings, at, block, x).map_err(|fault| diverged = Some(fault)).ok()
    };
    let y = if settings.by_leaf { leaves::forward(block, x, &mut one) } else { one(block, x) };
    y.ok_or_else(|| diverged.expect("only what diverges stops"))
}

impl ClassLayers {
    /// A step of layers that are leaves.
    pub(super) fn leaf_by_leaf(
        &mut self,
        net: &mut Net,
        batch: &Batch,
        cx: &mut StepCx<'_>,
    ) -> Result<Vec<Scalar>, Diverged> {
        let gains = self.gains();
        let (settings, mut said, mut chance) = (&self.settings, Vec::new(), cx.chance(Purpose::Dropout));
        let (mut layers, mut first) = (&mut self.layers[..], 0);
        let mut x = settings.norm.apply(&batch.x.clone().into());
        for (block, count) in net.iter_mut().zip(&self.counts) {
            let (own, others) = layers.split_at_mut(*count);
            let (labels, clock) = (&batch.labels[..], &mut *cx.clock);
            let mut lesson = Lesson { labels, gains: &gains, chance: &mut chance, clock, said: &mut said };
            x = teach(settings, (first, own), &mut **block, x, &mut lesson)?;
            (layers, first) = (others, first + count);
        }
        Ok(said)
    }

    /// The factors on the layers' learning rates.
    pub(super) fn gains(&self) -> Vec<f64> {
        (0..self.layers.len()).map(|l| self.gain(l)).collect()
    }
}
