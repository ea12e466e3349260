//! Mixed: the global loss and the layers' own at once, back-propagated through everything (hybrid HY-5).
//!
//! ```text
//! total = (1 − λ) CE(z, y) + λ (1/L) Σ_l CE(score_l(h_l), y)         λ from `lambda` to `lambda_end`, linearly by epoch
//! dh_l  = what comes down from layer l + 1, and λ/L ∂CE/∂h_l of its own
//! ```
//!
//! λ = 0 is back-propagation; with any other λ it is deep supervision (Lee et al. 2015, arXiv:1409.5185), the control that
//! tells what local losses are worth when nothing is local about the learning. *Not* local: all activity is kept.
//!
//! # Differences from the paper
//! - Deep supervision's companion objectives are hinge losses there, cross-entropies here, and their weights fade.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Clock, Diverged, Learner, LearnerFn, Outline, Phase, Refusal, Scalar, StepCx, Task, finite, shapes,
    up_through,
};
use crate::Tensor;
use crate::parts::Batch;
use crate::parts::activation::Activation;
use crate::parts::activity::Activity;
use crate::parts::block::{Block, Net, Saved};
use crate::parts::chance::{Purpose, Rng};
use crate::parts::class_score::{ClassScore, Scorer};
use crate::parts::dense::Dense;
use crate::parts::host::{update, view};
use crate::parts::norm::Norm;
use crate::parts::objective::CrossEntropy;
use crate::parts::optimizer::{AdamW, Descent, Optimizer, Timed};
use crate::parts::param::Param;
use crate::parts::schedule::{Cosine, Schedule};

/// The global loss and the layers' own at once, through everything.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Mixed {
    /// λ in the first epoch: the share of the layers' own losses.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub lambda: f64,
    /// λ in the last epoch.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub lambda_end: f64,
    /// What a layer says of each class.
    pub score: ClassScore,
    /// What is done to an input row first.
    pub norm: Norm,
    /// How all parameters move.
    pub optimizer: Optimizer,
    /// Learning rates over the epochs.
    pub schedule: Schedule,
}

impl Default for Mixed {
    fn default() -> Mixed {
        Mixed {
            lambda: 0.5,
            lambda_end: 0.5,
            score: ClassScore::default(),
            norm: Norm::None,
            optimizer: AdamW::default().into(),
            schedule: Cosine::default().into(),
        }
    }
}

impl LearnerFn for Mixed {
    fn refuse(&self, blocks: &[Outline], task: &Task) -> Vec<Refusal> {
        let scored = blocks.iter().enumerate().filter_map(|(l, block)| {
            let (what, remedy) = self.score.refuse(block.output, task.classes)?;
            Some(Refusal { key: "score", what: format!("layer {}: {what}", l + 1), remedy })
        });
        scored.collect()
    }

    fn build(&self, net: &mut Net, task: &Task) -> Box<dyn Learner> {
        let shapes = shapes(net, task.input);
        let scorers = shapes.iter().enumerate().map(|(l, shape)| {
            let mut chance = Rng::stream(task.seed, Purpose::Head, l as u64 + 1);
            self.score.build(&format!("score.{l}"), *shape, task.classes, &mut chance)
        });
        let mut scorers: Vec<_> = scorers.collect();
        let last = shapes.last().map_or(task.input.features(), |shape| shape.features());
        let mut chance = Rng::stream(task.seed, Purpose::Head, 0);
        let output = Dense::new("output", last, task.classes, Activation::Identity, &mut chance);
        let mut output = output.without_squares();
        let descent = Descent::new(&self.optimizer, "descent", |visit| {
            net.iter_mut().for_each(|block| block.params(visit));
            scorers.iter_mut().for_each(|scorer| scorer.params(visit));
            output.params(visit);
        });
        Box::new(Running { recipe: self.clone(), task: task.clone(), scorers, output, descent, epoch: 1 })
    }
}

struct Running {
    recipe: Mixed,
    task: Task,
    scorers: Vec<Box<dyn Scorer>>,
    output: Dense,
    descent: Descent,
    epoch: u64,
}

/// What a layer has said, for the way down.
struct Told {
    h: Activity,
    saved: Saved,
    /// Of its own score, and ∂L_l/∂s.
    own: Option<(Saved, Tensor)>,
}

impl Told {
    /// What is held beside what block and score have kept: h, and ∂L_l/∂s.
    fn beside(&self) -> Saved {
        let ds = self.own.iter().map(|(_, ds)| ds.clone().into());
        Saved::of([self.h.clone()].into_iter().chain(ds).collect())
    }
}

impl Running {
    fn gain(&self) -> f64 {
        self.recipe.schedule.gain(self.epoch, self.task.epochs)
    }

    fn lambda(&self) -> f64 {
        let Mixed { lambda, lambda_end, .. } = self.recipe;
        let done = (self.epoch - 1) as f64 / (self.task.epochs.saturating_sub(1)).max(1) as f64;
        lambda + (lambda_end - lambda) * done.clamp(0.0, 1.0)
    }

    /// Up through all layers, each with its own loss if λ > 0.
    fn up(
        &mut self,
        net: &mut Net,
        batch: &Batch,
        share: f64,
        chance: &mut Rng,
        clock: &mut dyn Clock,
        said: &mut Vec<Scalar>,
    ) -> Result<Vec<Told>, Diverged> {
        let rows = batch.labels.len();
        let mut x = self.recipe.norm.apply(&batch.x.clone().into());
        let mut told = Vec::with_capacity(net.len());
        for (l, (block, scorer)) in net.iter_mut().zip(&mut self.scorers).enumerate() {
            clock.press(Phase::Forward, l);
            clock.work(block.cost(rows).forward_macs);
            let (h, saved) = block.forward(x, chance);
            let own = if share > 0.0 {
                clock.work(scorer.macs(rows));
                let (s, seen) = scorer.forward(&h);
                finite(&view(&s), Some(l), "class scores")?;
                let (loss, ds) = CrossEntropy::default().loss(&s, &batch.labels);
                said.push(Scalar { name: "local_loss", layer: Some(l), value: loss });
                Some((seen, scaled(ds, share)))
            } else {
                None
            };
            x = h.clone();
            told.push(Told { h, saved, own });
        }
        Ok(told)
    }

    /// Down through all layers with ∂L/∂h of the last.
    fn down(&mut self, net: &mut Net, told: Vec<Told>, mut dh: Option<Tensor>, clock: &mut dyn Clock) {
        for (l, Told { h, saved, own }) in told.into_iter().enumerate().rev() {
            clock.press(Phase::Credit, l);
            if let Some((seen, ds)) = own {
                clock.work(2 * self.scorers[l].macs(ds.dims()[0]));
                let mine = self.scorers[l].pull_back(&h, seen, &ds, &mut self.descent);
                dh = Some(match dh {
                    Some(dh) => update(dh, |dh| {
                        dh.iter_mut().zip(view(&mine).iter()).for_each(|(dh, mine)| *dh += mine);
                    }),
                    None => mine,
                });
            }
            drop(h);
            let Some(credit) = dh.take() else { break };
            let descend = &mut Timed::new(&mut self.descent, &mut *clock, l);
            dh = net[l].pullback(saved, credit.into(), l > 0, descend);
        }
        clock.held(0);
    }
}

fn scaled(t: Tensor, by: f64) -> Tensor {
    if by == 1.0 { t } else { update(t, |t| t.iter_mut().for_each(|t| *t *= by as f32)) }
}

impl Learner for Running {
    fn epoch(&mut self, epoch: u64) -> f64 {
        self.epoch = epoch;
        self.gain()
    }

    fn step(&mut self, net: &mut Net, batch: &Batch, cx: &mut StepCx<'_>) -> Result<Vec<Scalar>, Diverged> {
        let (rows, top, lambda) = (batch.labels.len(), net.len(), self.lambda());
        let mut chance = cx.chance(Purpose::Dropout);
        let mut said = Vec::new();
        let told = self.up(net, batch, lambda / top as f64, &mut chance, &mut *cx.clock, &mut said)?;
        cx.clock.press(Phase::Forward, top);
        let x = told.last().map_or_else(|| Activity::from(batch.x.clone()), |told| told.h.clone());
        cx.clock.work(self.output.cost(rows).forward_macs);
        let (z, saved) = self.output.forward(x, &mut chance);
        let own: Vec<Saved> = told.iter().map(Told::beside).collect();
        let scores = told.iter().filter_map(|told| told.own.as_ref().map(|(seen, _)| seen));
        let kept = told.iter().map(|told| &told.saved).chain(scores).chain(&own).chain([&saved]);
        cx.clock.held(Saved::bytes(kept));
        drop(own);
        let z = z.into_tensor();
        finite(&view(&z), None, "logits")?;
        cx.clock.press(Phase::Credit, top);
        let (loss, dz) = CrossEntropy::default().loss(&z, &batch.labels);
        said.push(Scalar { name: "loss", layer: None, value: loss });
        self.descent.begin(self.gain());
        let dz = scaled(dz, 1.0 - lambda);
        let dh = self.output.pullback(
            saved,
            dz.into(),
            top > 0,
            &mut Timed::new(&mut self.descent, &mut *cx.clock, top),
        );
        self.down(net, told, dh, &mut *cx.clock);
        Ok(said)
    }

    fn readouts(&self) -> Vec<&'static str> {
        vec!["logits"]
    }

    fn predict(&self, net: &Net, x: &Tensor, readout: &str) -> Tensor {
        assert_eq!(readout, "logits", "mixed losses have one read-out");
        self.output.apply(&up_through(self.recipe.norm, net, x)).tensor()
    }

    fn above(&self, net: &Net, x: &Tensor) -> Tensor {
        up_through(self.recipe.norm, net, x).into_tensor()
    }

    fn params(&mut self, visit: &mut dyn FnMut(&mut Param)) {
        self.output.params(visit);
        self.scorers.iter_mut().for_each(|scorer| scorer.params(visit));
        self.descent.params(visit);
    }

    fn parts(&self) -> Vec<(String, u64, u64)> {
        let classes = self.task.classes as u64;
        let scores = self.scorers.iter().enumerate().map(|(l, scorer)| {
            (format!("score of layer {}: {}", l + 1, scorer.describe()), classes, scorer.parameters())
        });
        let output = (format!("output: {}", self.output.describe()), classes, self.output.cost(1).parameters);
        scores.chain([output]).collect()
    }
}
