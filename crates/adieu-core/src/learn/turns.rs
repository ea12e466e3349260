//! Turns: two learners on the same network, one in every m-th step, the other in all steps between (hybrid HY-5 by steps: a
//! global step now and then, local ones in between).
//!
//! ```text
//! step t = 1, 2, …      m divides t: `seldom`      else: `often`
//! ```
//!
//! Each counts its own steps, from 1, so that what a rule does in every second step it does in every second of its own.
//! The cost lies between those of both. Moments and heads are each learner's own, the network is one. The answer is that of
//! `seldom`, by its first read-out; `often` can be read out too.
//!
//! What a learner lets its layers see of one another must be part of the network, as for [`Stages`](super::Stages).
//!
//! # Differences from the paper
//! - There is none.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Ask, BackProp, Diverged, Learner, LearnerFn, LearnerRecipe, LocalHeads, Outline, Refusal, Scalar, StepCx,
    Task,
};
use crate::Tensor;
use crate::parts::Batch;
use crate::parts::block::{Block, Net};
use crate::parts::chance::Rng;
use crate::parts::class_score::Projection;
use crate::parts::norm::Norm;
use crate::parts::param::Param;

/// Two learners on the same network, in turns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Turns {
    /// m: which steps are `seldom`'s.
    #[schemars(range(min = 2, max = 1_000_000))]
    pub every: u64,
    /// Who learns in every m-th step, and answers.
    pub seldom: Box<LearnerRecipe>,
    /// Who learns in all others.
    pub often: Box<LearnerRecipe>,
}

impl Default for Turns {
    fn default() -> Turns {
        let local = LocalHeads { score: Projection::default().into(), ..LocalHeads::default() };
        Turns {
            every: 4,
            seldom: Box::new(BackProp { norm: Norm::None, ..BackProp::default() }.into()),
            often: Box::new(local.into()),
        }
    }
}

impl Turns {
    fn both(&self) -> [(&'static str, &LearnerRecipe); 2] {
        [("seldom", &self.seldom), ("often", &self.often)]
    }
}

impl LearnerFn for Turns {
    fn refuse(&self, blocks: &[Outline], task: &Task) -> Vec<Refusal> {
        let mut all = Vec::new();
        for (key, learner) in self.both() {
            let mut refuse = |what: String, remedy: String| all.push(Refusal { key, what, remedy });
            for refusal in learner.refusals(blocks, task) {
                refuse(format!("{}: {}", refusal.key, refusal.what), refusal.remedy);
            }
            if learner.begins() {
                let what = format!("`{}` counts on weights that nobody else moves", learner.name());
                refuse(what, "choose another learner".into());
            }
            let by_leaf = |learner: &LearnerRecipe, b| learner.asks(b).contains(&Ask::LayerByLayer);
            let several = |(_, block): &(usize, &Outline)| block.layers.len() > 1;
            if key == "often"
                && let Some((b, _)) = blocks
                    .iter()
                    .enumerate()
                    .filter(several)
                    .find(|(b, _)| by_leaf(&self.seldom, *b) != by_leaf(&self.often, *b))
            {
                let what = format!("it counts the layers of block {} otherwise than `seldom`", b + 1);
                refuse(what, "give each layer a block of its own".into());
            }
            if learner.overlaps() {
                let what = "layers side by side work ahead, where learners take turns".into();
                refuse(what, "set its overlap = false".into());
            }
        }
        all
    }

    fn wants_shares(&self) -> bool {
        self.both().iter().any(|(_, learner)| learner.wants_shares())
    }

    fn least_rows(&self) -> u64 {
        self.both().iter().map(|(_, learner)| learner.least_rows()).max().unwrap_or(1)
    }

    fn asks(&self, block: usize) -> Vec<Ask> {
        self.both().iter().flat_map(|(_, learner)| learner.asks(block)).collect()
    }

    fn build(&self, net: &mut Net, task: &Task) -> Box<dyn Learner> {
        let [seldom, often] = self.both().map(|(_, learner)| learner.build(net, task));
        Box::new(InTurns { every: self.every, seldom, often })
    }
}

struct InTurns {
    every: u64,
    seldom: Box<dyn Learner>,
    often: Box<dyn Learner>,
}

impl InTurns {
    /// The learner that is read out, and by which of its own read-outs.
    fn asked(&self, readout: &str) -> (&dyn Learner, &'static str) {
        let learner = match readout {
            "seldom" => &self.seldom,
            "often" => &self.often,
            other => panic!("learners that take turns have no read-out `{other}`"),
        };
        (learner.as_ref(), learner.readouts()[0])
    }
}

impl Learner for InTurns {
    fn epoch(&mut self, epoch: u64) -> f64 {
        self.often.epoch(epoch);
        self.seldom.epoch(epoch)
    }

    fn step(&mut self, net: &mut Net, batch: &Batch, cx: &mut StepCx<'_>) -> Result<Vec<Scalar>, Diverged> {
        // each counts its own steps: what a rule does in turn, it does in turn here too
        let (learner, step) = match (cx.step.is_multiple_of(self.every), cx.step / self.every) {
            (true, turn) => (&mut self.seldom, turn),
            (false, turn) => (&mut self.often, cx.step - turn),
        };
        learner.step(net, batch, &mut StepCx { seed: cx.seed, step, clock: &mut *cx.clock })
    }

    fn readouts(&self) -> Vec<&'static str> {
        vec!["seldom", "often"]
    }

    fn predict(&self, net: &Net, x: &Tensor, readout: &str) -> Tensor {
        let (learner, own) = self.asked(readout);
        learner.predict(net, x, own)
    }

    fn above(&self, net: &Net, x: &Tensor) -> Tensor {
        self.seldom.above(net, x)
    }

    fn made_up(&self, net: &Net, batch: &Batch, chance: &mut Rng) -> Option<Tensor> {
        self.seldom.made_up(net, batch, chance).or_else(|| self.often.made_up(net, batch, chance))
    }

    fn generated(&self, net: &Net, rows: usize, chance: &mut Rng) -> Option<Tensor> {
        self.seldom.generated(net, rows, chance).or_else(|| self.often.generated(net, rows, chance))
    }

    fn layers<'a>(&self, net: &'a Net) -> Vec<&'a dyn Block> {
        let (seldom, often) = (self.seldom.layers(net), self.often.layers(net));
        if often.len() > seldom.len() { often } else { seldom }
    }

    fn params(&mut self, visit: &mut dyn FnMut(&mut Param)) {
        for (name, learner) in [("seldom", &mut self.seldom), ("often", &mut self.often)] {
            learner.params(&mut |param| {
                let path = format!("{name}.{}", param.path());
                param.under(path, &mut *visit);
            });
        }
    }

    fn parts(&self) -> Vec<(String, u64, u64)> {
        let named = |(turn, learner): (&str, &dyn Learner)| {
            let of = |(part, units, parameters)| (format!("{turn}: {part}"), units, parameters);
            learner.parts().into_iter().map(of).collect::<Vec<_>>()
        };
        [("seldom", &*self.seldom), ("often", &*self.often)].into_iter().flat_map(named).collect()
    }
}
