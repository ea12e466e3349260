//! A linear head on what some layers show of themselves: z = Σ_l x_l H_l. Nothing flows back from it. What it is judged
//! by is its owner's.

use crate::Tensor;
use crate::learn::{Diverged, Phase, StepCx, finite};
use crate::parts::activity::Activity;
use crate::parts::block::{Arrays, Block, Pull, Saved};
use crate::parts::chance::Purpose;
use crate::parts::dense::Dense;
use crate::parts::host::{matrix, update, view};
use crate::parts::optimizer::{Descent, Optimizer};
use crate::parts::param::Param;

/// See the module.
pub(super) struct LinearHead {
    /// What reads each layer; what all parts say is summed.
    parts: Vec<Option<Part>>,
    outputs: usize,
}

struct Part {
    dense: Dense,
    descent: Descent,
}

impl LinearHead {
    /// `widths` of the layers, `None` for those that are not read; with a `bias` if it is to have one. It begins at 0.
    pub(super) fn new(
        widths: impl Iterator<Item = Option<usize>>,
        outputs: usize,
        bias: bool,
        optimizer: &Optimizer,
    ) -> LinearHead {
        let mut bias = bias;
        let part = |(l, width): (usize, Option<usize>)| {
            let path = format!("head.{l}");
            let mut dense = Dense::linear_zero(&path, width?, outputs, std::mem::take(&mut bias));
            let descent = Descent::new(optimizer, &path, |visit| dense.params(visit));
            Some(Part { dense, descent })
        };
        LinearHead { parts: widths.enumerate().map(part).collect(), outputs }
    }

    pub(super) fn reads(&self, l: usize) -> bool {
        self.parts[l].is_some()
    }

    pub(super) fn layers(&self) -> usize {
        self.parts.len()
    }

    /// Working memory of its products.
    pub(super) fn scratch(&self, rows: usize) -> u64 {
        let pull = Pull { dx: false, push: false };
        let parts = self.parts.iter().flatten();
        parts
            .map(|part| part.dense.arrays(rows, pull).map_or(0, |pieces| Arrays::scratch(&pieces)))
            .max()
            .unwrap_or(0)
    }

    /// One step of `rows` rows, given what it reads. `judge` is told z, called `what`, and gives ∂L/∂z; z, which is from
    /// before the step, comes back.
    pub(super) fn teach(
        &mut self,
        read: Vec<(usize, Activity)>,
        rows: usize,
        (gain, what): (f64, &'static str),
        cx: &mut StepCx<'_>,
        judge: &mut dyn FnMut(&Tensor) -> Tensor,
    ) -> Result<Tensor, Diverged> {
        let (mut z, mut kept, mut chance) = (None, Vec::new(), cx.chance(Purpose::Dropout));
        for (l, h) in read {
            cx.clock.press(Phase::Readout, l);
            let Some(part) = &mut self.parts[l] else { continue };
            cx.clock.work(part.dense.cost(rows).forward_macs);
            let (one, saved) = part.dense.forward(h, &mut chance);
            z = Some(plus(z, one.into_tensor()));
            kept.push((l, saved));
        }
        cx.clock.held(Saved::bytes(kept.iter().map(|(_, saved)| saved)));
        let z = z.unwrap_or_else(|| self.nothing(rows));
        finite(&view(&z), None, what)?;
        let dz = judge(&z);
        for (l, saved) in kept {
            cx.clock.press(Phase::Readout, l);
            let Some(part) = &mut self.parts[l] else { continue };
            part.descent.begin(gain);
            cx.clock.work(part.dense.cost(rows).weight_macs);
            part.dense.pullback(saved, dz.clone().into(), false, &mut part.descent);
        }
        Ok(z)
    }

    /// `sum` and what layer `l` adds to it, if it is read.
    pub(super) fn plus_layer(&self, sum: Option<Tensor>, l: usize, x: &Activity) -> Option<Tensor> {
        match &self.parts[l] {
            Some(part) => Some(plus(sum, part.dense.apply(x).into_tensor())),
            None => sum,
        }
    }

    /// What is said where no layer is read.
    pub(super) fn nothing(&self, rows: usize) -> Tensor {
        matrix(vec![0.0; rows * self.outputs], rows, self.outputs)
    }

    /// Shows all that it keeps for layer `l`.
    pub(super) fn params(&mut self, l: usize, visit: &mut dyn FnMut(&mut Param)) {
        if let Some(part) = &mut self.parts[l] {
            part.dense.params(visit);
            part.descent.params(visit);
        }
    }

    /// For people: name after `what`, outputs, parameters of each part.
    pub(super) fn describe(&self, what: &str) -> Vec<(String, u64, u64)> {
        let parts = self.parts.iter().enumerate().filter_map(|(l, part)| Some((l, part.as_ref()?)));
        let say = |(l, part): (usize, &Part)| {
            let name = format!("{what} on layer {}: {}", l + 1, part.dense.describe());
            (name, self.outputs as u64, part.dense.cost(1).parameters)
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
