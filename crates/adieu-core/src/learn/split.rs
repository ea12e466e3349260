//! Split: one learner for the lower blocks, another for the upper ones, which sees what the lower ones say as data; nothing
//! flows back past the border (hybrid HY-2).
//!
//! ```text
//! blocks 1 … s: lower        u = what the lower blocks say, stop-gradient        blocks s+1 … L: upper, on u
//! ```
//!
//! Without a lower learner the lower blocks stay as they are: a frozen trunk, be it random or pretrained by an earlier
//! [stage](super::Stages), under a learner of the rest; with s = L the upper learner has a head and nothing else.
//!
//! Rows are given back where the lower learner knows a way down: the upper one gives u back, the lower one what u stands
//! for. Two Boltzmann machines so are the stack of Hinton, Osindero & Teh 2006, both learning at once.
//!
//! # Differences from the paper
//! - There is none; the scheme is old. The lower blocks' way up is done twice in a step, once by their own learner and once
//!   for the upper one, and counted so; the second stands on the clock of layer 1.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Ask, BackProp, Clock, Diverged, Goal, Learner, LearnerFn, LearnerRecipe, Outline, Phase, RECONSTRUCTION,
    Refusal, Scalar, StepCx, Task, shapes, up_through,
};
use crate::Tensor;
use crate::parts::Batch;
use crate::parts::activity::Activity;
use crate::parts::block::{Block, Net};
use crate::parts::chance::Rng;
use crate::parts::norm::Norm;
use crate::parts::param::Param;

/// One learner for the lower blocks, another for those above.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Split {
    /// How many blocks are the lower ones.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub at: u64,
    /// Who trains them; left out, nobody: they stay as they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lower: Option<Box<LearnerRecipe>>,
    /// Who trains the others, and answers.
    pub upper: Box<LearnerRecipe>,
}

impl Default for Split {
    fn default() -> Split {
        // what recipes leave out must be what leaving it out means
        Split { at: 1, lower: None, upper: Box::new(BackProp::default().into()) }
    }
}

impl Split {
    fn at(&self, blocks: usize) -> usize {
        (self.at as usize).min(blocks)
    }
}

impl LearnerFn for Split {
    fn refuse(&self, blocks: &[Outline], task: &Task) -> Vec<Refusal> {
        let at = self.at as usize;
        if at > blocks.len() {
            let what = format!("{at} lower blocks, but {} blocks in all", blocks.len());
            return vec![Refusal { key: "at", what, remedy: format!("choose 1 to {}", blocks.len()) }];
        }
        if at == blocks.len() && !self.upper.takes_no_block() {
            let what = format!("no block is left for `{}`", self.upper.name());
            let remedy = format!("choose at most {}, or back_prop, which then trains a head alone", at - 1);
            return vec![Refusal { key: "upper", what, remedy }];
        }
        let side_by_side = |part: &LearnerRecipe| part.overlaps();
        if side_by_side(&self.upper) || self.lower.as_deref().is_some_and(side_by_side) {
            let what = "parts of a split take turns: their layers cannot work side by side".into();
            return vec![Refusal { key: "upper", what, remedy: "set overlap = false in both".into() }];
        }
        let upper = Task { input: blocks[at - 1].output, ..task.clone() };
        let lower = self.lower.as_ref().map(|lower| ("lower", lower.refusals(&blocks[..at], task)));
        let parts = lower.into_iter().chain([("upper", self.upper.refusals(&blocks[at..], &upper))]);
        let named = |(key, refusals): (&'static str, Vec<Refusal>)| {
            refusals.into_iter().map(move |refusal| {
                let what = format!("{}: {}", refusal.key, refusal.what);
                Refusal { key, what, remedy: refusal.remedy }
            })
        };
        parts.flat_map(named).collect()
    }

    fn reaches(&self, goal: Goal) -> bool {
        let lower = |can: &dyn Fn(&LearnerRecipe) -> bool| self.lower.as_deref().is_none_or(can);
        // the upper one gives back what the lower blocks say: from there on somebody must know the way down
        let down = goal != Goal::Reconstruct || self.lower.as_ref().is_some_and(|lower| lower.goes_down());
        down && self.upper.reaches(goal) && lower(&|lower| lower.reaches(goal))
    }

    fn goes_down(&self) -> bool {
        self.upper.goes_down() && self.lower.as_ref().is_some_and(|lower| lower.goes_down())
    }

    fn begins(&self) -> bool {
        self.upper.begins() || self.lower.as_ref().is_some_and(|lower| lower.begins())
    }

    fn wants_shares(&self) -> bool {
        self.lower.as_ref().is_some_and(|lower| lower.wants_shares())
    }

    fn least_rows(&self) -> u64 {
        self.upper.least_rows().max(self.lower.as_ref().map_or(1, |lower| lower.least_rows()))
    }

    fn asks(&self, block: usize) -> Vec<Ask> {
        match block.checked_sub(self.at as usize) {
            Some(block) => self.upper.asks(block),
            None => self.lower.as_ref().map(|lower| lower.asks(block)).unwrap_or_default(),
        }
    }

    fn build(&self, net: &mut Net, task: &Task) -> Box<dyn Learner> {
        let at = self.at(net.len());
        let input = shapes(net, task.input)[at - 1];
        let (below, rest) = net.split_at_mut(at);
        let lower = self.lower.as_ref().map(|lower| lower.build(below, task));
        let upper = self.upper.build(rest, &Task { input, ..task.clone() });
        Box::new(Divided { at, lower, upper })
    }
}

struct Divided {
    at: usize,
    lower: Option<Box<dyn Learner>>,
    upper: Box<dyn Learner>,
}

impl Divided {
    /// u of a step, on the clock: layer by layer where nobody learns below, else as the lower learner's own, on layer 1.
    fn looks(&self, net: &Net, batch: &Batch, clock: &mut dyn Clock) -> Tensor {
        let rows = batch.labels.len();
        let work = |block: &dyn Block| block.cost(rows).forward_macs;
        if self.lower.is_some() {
            clock.press(Phase::Forward, 0);
            clock.work(net[..self.at].iter().map(|block| work(&**block)).sum());
            return self.seen(net, &batch.x);
        }
        let mut x = Activity::from(batch.x.clone());
        for (l, block) in net[..self.at].iter().enumerate() {
            clock.press(Phase::Forward, l);
            clock.work(work(&**block));
            x = block.apply(&x);
        }
        x.into_tensor()
    }

    /// Rows that u stands for.
    fn down(&self, net: &Net, u: &Tensor) -> Option<Tensor> {
        self.lower.as_ref()?.below(&net[..self.at], u)
    }

    /// The layers that the lower blocks count as.
    fn below_counts(&self, below: &Net) -> usize {
        self.lower.as_ref().map_or(below.len(), |lower| lower.layers(below).len())
    }

    /// u: what the lower blocks say.
    fn seen(&self, net: &Net, x: &Tensor) -> Tensor {
        let below = &net[..self.at];
        match &self.lower {
            Some(lower) => lower.above(below, x),
            None => up_through(Norm::None, below, x).into_tensor(),
        }
    }
}

/// A clock on which the upper blocks have their own numbers.
struct Shifted<'a> {
    clock: &'a mut dyn Clock,
    by: usize,
}

impl Clock for Shifted<'_> {
    fn press(&mut self, phase: Phase, layer: usize) {
        self.clock.press(phase, layer + self.by);
    }

    fn held(&mut self, bytes: u64) {
        self.clock.held(bytes);
    }

    fn work(&mut self, macs: u64) {
        self.clock.work(macs);
    }
}

impl Learner for Divided {
    fn epoch(&mut self, epoch: u64) -> f64 {
        self.lower.iter_mut().for_each(|lower| {
            lower.epoch(epoch);
        });
        self.upper.epoch(epoch)
    }

    fn step(&mut self, net: &mut Net, batch: &Batch, cx: &mut StepCx<'_>) -> Result<Vec<Scalar>, Diverged> {
        let x = self.looks(net, batch, &mut *cx.clock); // before the lower blocks learn
        let (below, rest) = net.split_at_mut(self.at);
        let mut said = match &mut self.lower {
            Some(lower) => lower.step(below, batch, cx)?,
            None => Vec::new(),
        };
        let by = self.below_counts(below);
        let above = Batch { x, labels: batch.labels.clone(), ids: batch.ids.clone() };
        let mut clock = Shifted { clock: &mut *cx.clock, by };
        let mut cx = StepCx { seed: cx.seed, step: cx.step, clock: &mut clock };
        let shifted = |layer: Option<usize>| layer.map(|layer| layer + by);
        let upper = self.upper.step(rest, &above, &mut cx);
        let upper = upper.map_err(|diverged| Diverged { layer: shifted(diverged.layer), ..diverged })?;
        // a number of no layer may be said by both: the upper one's stands
        said.retain(|scalar| {
            scalar.layer.is_some()
                || upper.iter().all(|other| other.name != scalar.name || other.layer.is_some())
        });
        said.extend(upper.into_iter().map(|scalar| Scalar { layer: shifted(scalar.layer), ..scalar }));
        Ok(said)
    }

    fn readouts(&self) -> Vec<&'static str> {
        self.upper.readouts()
    }

    fn predict(&self, net: &Net, x: &Tensor, readout: &str) -> Tensor {
        let said = self.upper.predict(&net[self.at..], &self.seen(net, x), readout);
        if readout == RECONSTRUCTION {
            return self.down(net, &said).expect("whoever knows no way down was refused");
        }
        said
    }

    fn below(&self, net: &Net, h: &Tensor) -> Option<Tensor> {
        self.down(net, &self.upper.below(&net[self.at..], h)?)
    }

    fn generated(&self, net: &Net, rows: usize, chance: &mut Rng) -> Option<Tensor> {
        self.down(net, &self.upper.generated(&net[self.at..], rows, chance)?)
    }

    fn made_up(&self, net: &Net, batch: &Batch, chance: &mut Rng) -> Option<Tensor> {
        self.lower.as_ref()?.made_up(&net[..self.at], batch, chance)
    }

    fn above(&self, net: &Net, x: &Tensor) -> Tensor {
        if net.len() < self.at {
            return match &self.lower {
                Some(lower) => lower.above(net, x),
                None => up_through(Norm::None, net, x).into_tensor(),
            };
        }
        self.upper.above(&net[self.at..], &self.seen(net, x))
    }

    fn layers<'a>(&self, net: &'a Net) -> Vec<&'a dyn Block> {
        let (below, rest) = net.split_at(self.at.min(net.len()));
        let below = match &self.lower {
            Some(lower) => lower.layers(below),
            None => below.iter().map(|block| &**block).collect(),
        };
        below.into_iter().chain(self.upper.layers(rest)).collect()
    }

    fn params(&mut self, visit: &mut dyn FnMut(&mut Param)) {
        let parts = self.lower.iter_mut().map(|lower| ("lower", lower)).chain([("upper", &mut self.upper)]);
        for (name, part) in parts {
            part.params(&mut |param| {
                let path = format!("{name}.{}", param.path());
                param.under(path, &mut *visit);
            });
        }
    }

    fn parts(&self) -> Vec<(String, u64, u64)> {
        let lower = self.lower.iter().flat_map(|lower| lower.parts());
        let lower = lower.map(|(name, units, parameters)| (format!("below, {name}"), units, parameters));
        lower.chain(self.upper.parts()).collect()
    }
}
