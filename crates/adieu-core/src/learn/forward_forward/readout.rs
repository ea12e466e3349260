//! The two read-outs: the linear softmax head under a neutral label, and the goodness of each label, summed over layers
//! or of one layer alone.

use super::image::Image;
use super::{Below, ForwardForward, Running};
use crate::Tensor;
use crate::learn::{Clock, Diverged, NoClock, Phase, Scalar, StepCx};
use crate::parts::Batch;
use crate::parts::activity::Activity;
use crate::parts::block::{Block, Net};
use crate::parts::host::{matrix, view};
use crate::parts::label_code::Labels;

/// What the read-outs by the goodness of one layer alone are called, from the first layer on.
pub(super) const OF_ONE_LAYER: [&str; 16] = [
    "goodness.1",
    "goodness.2",
    "goodness.3",
    "goodness.4",
    "goodness.5",
    "goodness.6",
    "goodness.7",
    "goodness.8",
    "goodness.9",
    "goodness.10",
    "goodness.11",
    "goodness.12",
    "goodness.13",
    "goodness.14",
    "goodness.15",
    "goodness.16",
];

impl Running {
    /// The neutral pass: trains the head, and returns its logits from before that. On steps that leave it out
    /// (`readout_every`), the last logits known of each row, if negatives ask for them.
    pub(super) fn head_step(
        &mut self,
        net: &Net,
        image: &Image<'_>,
        batch: &Batch,
        cx: &mut StepCx<'_>,
        said: &mut Vec<Scalar>,
    ) -> Result<Option<Tensor>, Diverged> {
        if !self.reads_out(cx.step) {
            return Ok(self.known_logits(&batch.ids));
        }
        cx.clock.press(Phase::Readout, 0);
        let (mut x, mut read) = (None, Vec::new());
        for (l, block) in net.iter().enumerate().take(self.top() + 1) {
            cx.clock.press(Phase::Readout, l);
            let below = x.map_or(Below::Image(image), Below::Layer);
            let h = neutral(&self.recipe, &**block, &below, &mut *cx.clock);
            if self.head.reads(l) {
                read.push((l, h.clone()));
            }
            x = Some(h);
        }
        drop(x);
        let logits = self.head.teach(read, &batch.labels, self.gain(), cx, said)?;
        self.remember(&batch.ids, &logits);
        Ok(Some(logits))
    }

    /// Whether the neutral pass runs on step number `step`.
    pub(super) fn reads_out(&self, step: u64) -> bool {
        self.recipe.head && (step - 1).is_multiple_of(self.recipe.readout_every)
    }

    fn remember(&mut self, ids: &[u32], logits: &Tensor) {
        let (classes, table) = (self.task.classes, self.known.values_mut());
        if !table.is_empty() {
            for (id, logits) in ids.iter().zip(view(logits).chunks_exact(classes)) {
                table[*id as usize * classes..][..classes].copy_from_slice(logits);
            }
        }
    }

    fn known_logits(&self, ids: &[u32]) -> Option<Tensor> {
        let (classes, table) = (self.task.classes, self.known.values());
        let row = |id: &u32| &table[*id as usize * classes..][..classes];
        (!table.is_empty()).then(|| {
            let mut logits = Vec::with_capacity(ids.len() * classes);
            ids.iter().for_each(|id| logits.extend_from_slice(row(id)));
            matrix(logits, ids.len(), classes)
        })
    }

    /// Read-out A: the head under a neutral label `[B, K]`.
    pub(super) fn logits(&self, net: &Net, x: &Tensor) -> Tensor {
        self.logits_of(&self.neutrally(net, x))
    }

    /// N(h) of every layer under a neutral label.
    pub(super) fn neutrally(&self, net: &Net, x: &Tensor) -> Vec<Activity> {
        let image = Image::new(&self.recipe, &*net[0], x, &self.task, &mut NoClock);
        let mut read = vec![self.recipe.norm.apply(&image.apply(&*net[0], Labels::Neutral, &mut NoClock))];
        for (block, l) in net[1..].iter().zip(0..) {
            let h = block.apply(&read[l]);
            read.push(self.recipe.norm.apply(&h));
        }
        read
    }

    /// What the head makes of N(h) of every layer `[B, K]`.
    pub(super) fn logits_of(&self, normed: &[Activity]) -> Tensor {
        let logits = normed.iter().enumerate().fold(None, |sum, (l, x)| self.head.plus_layer(sum, l, x));
        logits.unwrap_or_else(|| self.head.no_logits(normed[0].dims()[0]))
    }

    /// Read-out B: goodness under each label, summed over the layers that are read `[B, K]`.
    pub(super) fn goodness_of_each_label(
        &self,
        net: &Net,
        x: &Tensor,
        reads: impl Fn(usize) -> bool,
    ) -> Tensor {
        let (rows, classes) = (x.dims()[0], self.task.classes);
        let image = Image::new(&self.recipe, &*net[0], x, &self.task, &mut NoClock);
        let mut scores = vec![0.0; rows * classes];
        for class in 0..classes {
            let mut h = image.apply(&*net[0], Labels::All(class as u8), &mut NoClock);
            for (l, block) in net.iter().enumerate() {
                if l > 0 {
                    h = block.apply(&self.recipe.norm.apply(&h));
                }
                if reads(l) {
                    let g = self.recipe.goodness.value(&h);
                    let slots = scores.iter_mut().skip(class).step_by(classes);
                    slots.zip(view(&g).iter()).for_each(|(score, g)| *score += self.recipe.direction() * g);
                }
            }
        }
        matrix(scores, rows, classes)
    }
}

/// A layer's part of the neutral pass: what the next layer and the head see of it.
pub(super) fn neutral(
    recipe: &ForwardForward,
    block: &dyn Block,
    below: &Below<&Image<'_>>,
    clock: &mut dyn Clock,
) -> Activity {
    let h = match below {
        Below::Image(image) => image.apply(block, Labels::Neutral, clock),
        Below::Layer(x) => {
            clock.work(block.cost(x.dims()[0]).forward_macs);
            block.apply(x)
        }
    };
    recipe.norm.apply(&h)
}
