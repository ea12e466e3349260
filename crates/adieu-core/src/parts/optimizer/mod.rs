//! Optimizers: how a parameter moves, given its gradient. The arithmetic is [`adieu_kernels::Rule`], one home for
//! the fused and the plain step; here are the settings people write and the moments a learner owns.

mod adam_w;
mod ema_sgd;
mod sgd;

use std::collections::BTreeMap;

pub use adam_w::AdamW;
use adieu_kernels::{Rule, Target};
pub use ema_sgd::EmaSgd;
pub use sgd::Sgd;

use super::block::Descend;
use super::param::Param;
use crate::learn::{Clock, Phase};

/// What an optimizer does.
pub trait OptimizerFn: std::fmt::Debug {
    /// The rule of step number `step` (from 1), learning rates multiplied by `gain`; `decays` tells whether weight
    /// decay applies to the parameter.
    fn rule(&self, step: u64, gain: f64, decays: bool) -> Rule;
}

crate::choices! {
    /// How parameters move.
    pub enum Optimizer: OptimizerFn {
        EmaSgd = "ema_sgd",
        Sgd = "sgd",
        AdamW = "adam_w",
    }
}

/// An optimizer at work on some parameters: its moments and its count of steps. Owned by the learner, so that its
/// memory is the learner's memory.
pub struct Descent {
    choice: Optimizer,
    moments: BTreeMap<String, [Option<Param>; 2]>,
    /// Steps done, kept as a one-element array so that checkpoints hold it like everything else. Exact to 2²⁴.
    steps: Param,
    gain: f64,
}

impl Descent {
    /// Moments of zero for every parameter that `params` shows. `path` names it in checkpoints: `descent.0`.
    pub fn new(choice: &Optimizer, path: &str, params: impl FnOnce(&mut dyn FnMut(&mut Param))) -> Descent {
        let count = choice.rule(1, 1.0, true).moments();
        let mut moments = BTreeMap::new();
        params(&mut |param| {
            if !param.is_learned() {
                return;
            }
            let moment =
                |i: usize| (i < count).then(|| param.zeros_like(format!("{path}.{}.{i}", param.path())));
            moments.insert(param.path().to_string(), [moment(0), moment(1)]);
        });
        let steps = Param::new(format!("{path}.steps"), &[1], vec![0.0], false);
        Descent { choice: choice.clone(), moments, steps, gain: 1.0 }
    }

    /// Begins a step with learning rates multiplied by `gain`.
    pub fn begin(&mut self, gain: f64) {
        self.steps.values_mut()[0] += 1.0;
        self.gain = gain;
    }

    /// Shows all it keeps.
    pub fn params(&mut self, visit: &mut dyn FnMut(&mut Param)) {
        self.moments.values_mut().flatten().flatten().for_each(&mut *visit);
        visit(&mut self.steps);
    }

    /// This descent, pressing `clock` as a block goes from credit to update.
    pub fn on<'a>(&'a mut self, clock: &'a mut dyn Clock, layer: usize) -> Timed<'a> {
        Timed::new(self, clock, layer)
    }
}

impl Descend for Descent {
    fn target<'a>(&'a mut self, param: &'a mut Param) -> Target<'a> {
        let step = self.steps.values()[0] as u64;
        debug_assert!(step > 0, "Descent::begin comes before the first gradient");
        let rule = self.choice.rule(step, self.gain, param.decays());
        let slots = self.moments.get_mut(param.path()).expect("the optimizer was made for this parameter");
        let [first, second] =
            slots.each_mut().map(|slot| slot.as_mut().map_or(&mut [][..], Param::values_mut));
        Target::Descend { rule, weights: param.values_mut(), first, second }
    }
}

/// Somewhere gradients go, that tells the time.
pub struct Timed<'a> {
    descend: &'a mut dyn Descend,
    clock: &'a mut dyn Clock,
    layer: usize,
}

impl<'a> Timed<'a> {
    /// `descend`, pressing `clock` as the block `layer` goes from credit to update.
    pub fn new(descend: &'a mut dyn Descend, clock: &'a mut dyn Clock, layer: usize) -> Timed<'a> {
        Timed { descend, clock, layer }
    }
}

impl Descend for Timed<'_> {
    fn credit_begins(&mut self) {
        self.clock.press(Phase::Credit, self.layer);
    }

    fn work(&mut self, macs: u64) {
        self.clock.work(macs);
    }

    fn target<'a>(&'a mut self, param: &'a mut Param) -> Target<'a> {
        self.clock.press(Phase::Update, self.layer);
        self.descend.target(param)
    }
}
