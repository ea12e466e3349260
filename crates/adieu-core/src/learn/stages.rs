//! Stages: one learner after another on the same network, each for so many epochs (hybrid HY-1: pretrain, then fine-tune).
//!
//! ```text
//! stages = [{ epochs = 10, learner = local }, { epochs = 0, learner = back_prop }]      0: what is left
//! ```
//!
//! What a stage has learnt is the network that the next one finds; heads and moments are each stage's own. A stage's
//! schedule runs over its own epochs. The answer is that of the stage at work, by its own first read-out.
//!
//! What a learner lets its layers see of one another must be part of the network if the next stage is to go on from it:
//! Forward-Forward's norm between layers is a `norm` of the learner, which back-propagation does not have. Put it into the
//! network (`{ kind = "rms_norm" }` before each layer but the first) and set the learner's `norm = "none"`; the first study
//! of these hybrids lost it at the border, and both ways ended at chance.
//!
//! # Differences from the paper
//! - There is none; the scheme is old. All stages keep their moments from the start, so that a checkpoint has one form:
//!   the memory of moments is that of all stages together.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Ask, BackProp, Diverged, Goal, Learner, LearnerFn, LearnerRecipe, LocalHeads, Outline, RECONSTRUCTION,
    Refusal, Scalar, StepCx, Task, widths,
};
use crate::Tensor;
use crate::parts::Batch;
use crate::parts::block::{Block, Net};
use crate::parts::chance::Rng;
use crate::parts::param::Param;

/// One learner after another on the same network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Stages {
    /// The stages, first to last.
    #[schemars(length(min = 1))]
    pub stages: Vec<Stage>,
}

/// A learner and its time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// Epochs it has; 0: those that the others leave.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub epochs: u64,
    /// Who learns.
    pub learner: Box<LearnerRecipe>,
}

impl Default for Stages {
    fn default() -> Stages {
        let stage = |epochs, learner| Stage { epochs, learner: Box::new(learner) };
        Stages { stages: vec![stage(1, LocalHeads::default().into()), stage(0, BackProp::default().into())] }
    }
}

impl Stages {
    /// Epochs of each stage, or what is wrong with them.
    fn epochs(&self, planned: u64) -> Result<Vec<u64>, (String, String)> {
        let said: u64 = self.stages.iter().map(|stage| stage.epochs).sum();
        let open = self.stages.iter().filter(|stage| stage.epochs == 0).count();
        match (open, said) {
            (0, said) if said == planned => {}
            (1, said) if said < planned => {}
            (0, _) => {
                let what = format!("the stages have {said} epochs, the run {planned}");
                return Err((what, "let them agree, or give one stage what is left: epochs = 0".into()));
            }
            (1, _) => {
                let what = format!("of {planned} epochs the stages leave none");
                return Err((what, format!("give them less than {planned}, or the run more")));
            }
            _ => {
                let what = format!("{open} stages are to have what the others leave");
                return Err((what, "say epochs of all but one".into()));
            }
        }
        Ok(self
            .stages
            .iter()
            .map(|stage| if stage.epochs == 0 { planned - said } else { stage.epochs })
            .collect())
    }
}

impl LearnerFn for Stages {
    fn refuse(&self, blocks: &[Outline], task: &Task) -> Vec<Refusal> {
        let epochs = match self.epochs(task.epochs) {
            Ok(epochs) => epochs,
            Err((what, remedy)) => return vec![Refusal { key: "stages", what, remedy }],
        };
        let mut all = Vec::new();
        for (i, stage) in self.stages.iter().enumerate().skip(1).filter(|(_, stage)| stage.learner.begins()) {
            let what = format!("stage {}: `{}` counts on initial weights", i + 1, stage.learner.name());
            all.push(Refusal { key: "stages", what, remedy: "let it be the first stage".into() });
        }
        for (i, (stage, epochs)) in self.stages.iter().zip(epochs).enumerate() {
            for refusal in stage.learner.refusals(blocks, &Task { epochs, ..task.clone() }) {
                let what = format!("stage {}, {}: {}", i + 1, refusal.key, refusal.what);
                all.push(Refusal { key: "stages", what, remedy: refusal.remedy });
            }
        }
        all
    }

    fn reaches(&self, goal: Goal) -> bool {
        goal != Goal::Detect && self.stages.iter().all(|stage| stage.learner.reaches(goal))
    }

    fn overlaps(&self) -> bool {
        self.stages.iter().any(|stage| stage.learner.overlaps())
    }

    fn begins(&self) -> bool {
        self.stages.iter().any(|stage| stage.learner.begins())
    }

    fn wants_shares(&self) -> bool {
        self.stages.iter().any(|stage| stage.learner.wants_shares())
    }

    fn least_rows(&self) -> u64 {
        self.stages.iter().map(|stage| stage.learner.least_rows()).max().unwrap_or(1)
    }

    fn asks(&self, block: usize) -> Vec<Ask> {
        self.stages.iter().flat_map(|stage| stage.learner.asks(block)).collect()
    }

    fn build(&self, net: &mut Net, task: &Task) -> Box<dyn Learner> {
        let epochs = self.epochs(task.epochs).unwrap_or_else(|(what, _)| panic!("{what}"));
        debug_assert!(!widths(net, task.input).is_empty(), "a network has blocks");
        let mut ends = Vec::new();
        let stages = self.stages.iter().zip(epochs).map(|(stage, epochs)| {
            ends.push(ends.last().copied().unwrap_or(0) + epochs);
            stage.learner.build(net, &Task { epochs, ..task.clone() })
        });
        let stages = stages.collect();
        let now = Param::new("stages.now", &[1], vec![0.0], false);
        Box::new(Staged { stages, ends, now, goal: task.goal })
    }
}

struct Staged {
    goal: Goal,
    stages: Vec<Box<dyn Learner>>,
    /// The last epoch of each.
    ends: Vec<u64>,
    /// The stage at work, kept for whoever reads a checkpoint.
    now: Param,
}

impl Staged {
    fn at_work(&self) -> usize {
        (self.now.values()[0] as usize).min(self.stages.len() - 1)
    }
}

impl Learner for Staged {
    fn epoch(&mut self, epoch: u64) -> f64 {
        let stage = self.ends.iter().position(|end| epoch <= *end).unwrap_or(self.stages.len() - 1);
        self.now.values_mut()[0] = stage as f32;
        let before = if stage == 0 { 0 } else { self.ends[stage - 1] };
        self.stages[stage].epoch(epoch - before)
    }

    fn step(&mut self, net: &mut Net, batch: &Batch, cx: &mut StepCx<'_>) -> Result<Vec<Scalar>, Diverged> {
        let stage = self.at_work();
        self.stages[stage].step(net, batch, cx)
    }

    fn overlaps(&self) -> bool {
        self.stages[self.at_work()].overlaps()
    }

    fn overlap(
        &mut self,
        net: &mut Net,
        feed: &mut dyn FnMut() -> Option<Batch>,
        cx: &mut StepCx<'_>,
    ) -> Result<Vec<Vec<Scalar>>, Diverged> {
        let stage = self.at_work();
        self.stages[stage].overlap(net, feed, cx)
    }

    fn readouts(&self) -> Vec<&'static str> {
        vec![if self.goal == Goal::Reconstruct { RECONSTRUCTION } else { "answer" }]
    }

    fn predict(&self, net: &Net, x: &Tensor, readout: &str) -> Tensor {
        assert_eq!(readout, self.readouts()[0], "stages have one read-out");
        let stage = &self.stages[self.at_work()];
        stage.predict(net, x, stage.readouts()[0])
    }

    fn above(&self, net: &Net, x: &Tensor) -> Tensor {
        self.stages[self.at_work()].above(net, x)
    }

    fn made_up(&self, net: &Net, batch: &Batch, chance: &mut Rng) -> Option<Tensor> {
        self.stages[self.at_work()].made_up(net, batch, chance)
    }

    fn generated(&self, net: &Net, rows: usize, chance: &mut Rng) -> Option<Tensor> {
        self.stages[self.at_work()].generated(net, rows, chance)
    }

    fn layers<'a>(&self, net: &'a Net) -> Vec<&'a dyn Block> {
        let all = self.stages.iter().map(|stage| stage.layers(net));
        all.max_by_key(Vec::len).unwrap_or_default()
    }

    fn params(&mut self, visit: &mut dyn FnMut(&mut Param)) {
        visit(&mut self.now);
        for (i, stage) in self.stages.iter_mut().enumerate() {
            stage.params(&mut |param| {
                let path = format!("stage.{i}.{}", param.path());
                param.under(path, &mut *visit);
            });
        }
    }

    fn parts(&self) -> Vec<(String, u64, u64)> {
        let stages = self.stages.iter().enumerate();
        stages
            .flat_map(|(i, stage)| {
                let of =
                    move |(name, units, parameters)| (format!("stage {}, {name}", i + 1), units, parameters);
                stage.parts().into_iter().map(of)
            })
            .collect()
    }
}
