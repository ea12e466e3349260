//! A linear softmax head on what some layers show of themselves: z = Σ_l x_l H_l, trained by cross-entropy. Nothing
//! flows back from it.

use crate::Tensor;
use crate::learn::{Diverged, Phase, Scalar, StepCx, finite};
use crate::parts::activity::Activity;
use crate::parts::block::{Arrays, Block, Pull, Saved};
use crate::parts::chance::Purpose;
use crate::parts::dense::Dense;
use crate::parts::host::{matrix, update, view};
use crate::parts::objective::CrossEntropy;
use crate::parts::optimizer::{Descent, Optimizer};
use crate::parts::param::Param;

/// See the module.
pub(in crate::learn) struct SoftmaxHead {
    /// What reads each layer; the logits of all parts are summed.
    parts: Vec<Option<Part>>,
    classes: usize,
}

struct Part {
    dense: Dense,
    descent: Descent,
}

impl SoftmaxHead {
    /// `widths` of the layers, `None` for those that are not read.
    pub(in crate::learn) fn new(
        widths: impl Iterator<Item = Option<usize>>,
        classes: usize,
        optimizer: &Optimizer,
    ) -> SoftmaxHead {
        let part = |(l, width): (usize, Option<usize>)| {
            let path = format!("head.{l}");
            let mut dense = Dense::linear_zero(&path, width?, classes, false);
            let descent = Descent::new(optimizer, &path, |visit| dense.params(visit));
            Some(Part { dense, descent })
        };
        SoftmaxHead { parts: widths.enumerate().map(part).collect(), classes }
    }

    /// Whether it reads layer `l`.
    pub(in crate::learn) fn reads(&self, l: usize) -> bool {
        self.parts[l].is_some()
    }

    /// Layers there are, read or not.
    pub(in crate::learn) fn layers(&self) -> usize {
        self.parts.len()
    }

    /// Working memory of its products.
    pub(in crate::learn) fn scratch(&self, rows: usize) -> u64 {
        let pull = Pull { dx: false, push: false };
        let parts = self.parts.iter().flatten();
        parts
            .map(|part| part.dense.arrays(rows, pull).map_or(0, |pieces| Arrays::scratch(&pieces)))
            .max()
            .unwrap_or(0)
    }

    /// One step, given what it reads; the logits are from before that.
    pub(in crate::learn) fn teach(
        &mut self,
        read: Vec<(usize, Activity)>,
        labels: &[u8],
        gain: f64,
        cx: &mut StepCx<'_>,
        said: &mut Vec<Scalar>,
    ) -> Result<Tensor, Diverged> {
        let rows = labels.len();
        let (mut logits, mut kept, mut chance) = (None, Vec::new(), cx.chance(Purpose::Dropout));
        for (l, h) in read {
            cx.clock.press(Phase::Readout, l);
            let Some(part) = &mut self.parts[l] else { continue };
            cx.clock.work(part.dense.cost(rows).forward_macs);
            let (z, saved) = part.dense.forward(h, &mut chance);
            logits = Some(plus(logits, z.into_tensor()));
            kept.push((l, saved));
        }
        cx.clock.held(Saved::bytes(kept.iter().map(|(_, saved)| saved)));
        let logits = logits.unwrap_or_else(|| self.no_logits(rows));
        finite(&view(&logits), None, "logits of the head")?;
        let (loss, dlogits) = CrossEntropy::default().loss(&logits, labels);
        said.push(Scalar { name: "head_loss", layer: None, value: loss });
        for (l, saved) in kept {
            cx.clock.press(Phase::Readout, l);
            let Some(part) = &mut self.parts[l] else { continue };
            part.descent.begin(gain);
            cx.clock.work(part.dense.cost(rows).weight_macs);
            part.dense.pullback(saved, dlogits.clone().into(), false, &mut part.descent);
        }
        Ok(logits)
    }

    /// `sum` and what layer `l` adds to it, if it is read.
    pub(in crate::learn) fn plus_layer(&self, sum: Option<Tensor>, l: usize, x: &Activity) -> Option<Tensor> {
        match &self.parts[l] {
            Some(part) => Some(plus(sum, part.dense.apply(x).into_tensor())),
            None => sum,
        }
    }

    /// Where no layer is read yet: every class alike.
    pub(in crate::learn) fn no_logits(&self, rows: usize) -> Tensor {
        matrix(vec![0.0; rows * self.classes], rows, self.classes)
    }

    /// Shows all that it keeps for layer `l`.
    pub(in crate::learn) fn params(&mut self, l: usize, visit: &mut dyn FnMut(&mut Param)) {
        if let Some(part) = &mut self.parts[l] {
            part.dense.params(visit);
            part.descent.params(visit);
        }
    }

    /// For people: name, outputs, parameters of each part.
    pub(in crate::learn) fn describe(&self) -> Vec<(String, u64, u64)> {
        let parts = self.parts.iter().enumerate().filter_map(|(l, part)| Some((l, part.as_ref()?)));
        let say = |(l, part): (usize, &Part)| {
            let name = format!("head on layer {}: {}", l + 1, part.dense.describe());
            (name, self.classes as u64, part.dense.cost(1).parameters)
        };
        parts.map(say).collect()
    }
}

fn plus(sum: Option<Tensor>, part: Tensor) -> Tensor {
    match sum {
        Some(sum) => update(sum, |sum| sum.iter_mut().zip(view(&part).iter()).for_each(|(s, p)| *s += p)),
        None => part,
    }
}
