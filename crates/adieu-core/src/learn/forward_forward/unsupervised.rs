//! Forward-Forward without labels. Hinton 2022 (arXiv:2212.13345), section 3.2.
//!
//! A positive row is a real image, a *negative* one an image that is made up ([`Fakes`]): two digits cut together.
//! Each layer learns to have high goodness on the first and low goodness on the second, by the formulas of
//! [`ForwardForward`], whose layers these are. What they have learnt is judged by a linear softmax that reads the
//! normalised activity of the layers after the first on real images; it alone sees labels, and it hands nothing down.
//!
//! # Differences from the paper
//! - There the softmax is trained afterwards, on activities of the finished network; here it learns in the same step
//!   from the same pass, with a step of its own, so that its error can be watched. It ends on the finished network all
//!   the same, as learning rates fall to nothing.
//! - Detecting anomalies is ours: a row that is unlike the real ones has little goodness. `s = −Σ (g_l − θ_l)/u_l` over
//!   the layers that are read, u the goodness of a row of ones; there is no head then, and no label is looked at.
//! - Giving rows back is ours too: where there are no labels at all, a linear decoder reads the same layers in place of
//!   the softmax, in the same step. Nor does it hand anything down: what it reads was learnt to tell real rows from
//!   made-up ones, not to be read back.
//! - What [`ForwardForward`] lists, where it applies.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Direction, ForwardForward, Learner, LearnerFn, Lesson, Outline, Readout, Refusal, Running};
use crate::Tensor;
use crate::learn::common::decoder::Decoder;
use crate::learn::{
    ANOMALY, Clock, Diverged, Goal, NoClock, Phase, RECONSTRUCTION, Scalar, StepCx, Task, widths,
};
use crate::parts::Batch;
use crate::parts::activity::Activity;
use crate::parts::block::Net;
use crate::parts::chance::{Purpose, Rng};
use crate::parts::fakes::{Fakes, Known};
use crate::parts::goodness::Goodness;
use crate::parts::host::{matrix, stack_rows, view};
use crate::parts::negatives::Uniform;
use crate::parts::norm::Norm;
use crate::parts::objective::Objective;
use crate::parts::optimizer::Optimizer;
use crate::parts::param::Param;
use crate::parts::schedule::Schedule;

/// Forward-Forward without labels: real images against made-up ones, and a linear softmax that reads what was learnt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Unsupervised {
    /// Where made-up rows come from.
    pub fakes: Fakes,
    /// Leave the layers as they began, so that the head alone learns: the control that says what the layers' learning
    /// is worth.
    pub fixed_hidden: bool,
    /// Steps of one kind in a row: in so many steps real rows alone teach the layers, in the next so many made-up ones
    /// alone ("sleep"), and so on. 0: both teach in every step.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub apart: u64,
    /// How a layer scores its own activity.
    pub goodness: Goodness,
    /// How the score is judged.
    pub objective: Objective,
    /// What real data shall have.
    pub direction: Direction,
    /// What happens to a row before the first layer, and between layers.
    pub norm: Norm,
    /// λ of peer normalisation: how hard units are pushed towards the mean activity of their layer. 0: not at all.
    #[schemars(range(min = 0.0, max = 1e6))]
    pub peer_weight: f64,
    /// What is kept of the running mean activity at each step.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub peer_momentum: f64,
    /// How the layers' parameters move.
    pub optimizer: Optimizer,
    /// How the head's parameters move.
    pub head_optimizer: Optimizer,
    /// What becomes of the learning rates over the epochs.
    pub schedule: Schedule,
    /// Keep the first layer out of the head.
    pub skip_first: bool,
    /// Leave rows whose error is exactly zero out of the weight gradients. The result is the same.
    pub skip_satisfied: bool,
}

impl Default for Unsupervised {
    fn default() -> Unsupervised {
        let supervised = ForwardForward::default();
        Unsupervised {
            fakes: Fakes::default(),
            fixed_hidden: false,
            apart: 0,
            goodness: supervised.goodness,
            objective: supervised.objective,
            direction: supervised.direction,
            norm: supervised.norm,
            peer_weight: supervised.peer_weight,
            peer_momentum: supervised.peer_momentum,
            optimizer: supervised.optimizer,
            head_optimizer: supervised.head_optimizer,
            schedule: supervised.schedule,
            skip_first: supervised.skip_first,
            skip_satisfied: supervised.skip_satisfied,
        }
    }
}

impl Unsupervised {
    /// The rule that its layers and its head follow; there is a head where there are classes to learn.
    fn layers(&self, goal: Goal) -> ForwardForward {
        let head = goal == Goal::Classify;
        ForwardForward {
            goodness: self.goodness.clone(),
            objective: self.objective.clone(),
            direction: self.direction,
            norm: self.norm,
            negatives: Uniform::default().into(),
            peer_weight: self.peer_weight,
            peer_momentum: self.peer_momentum,
            optimizer: self.optimizer.clone(),
            head,
            head_optimizer: self.head_optimizer.clone(),
            schedule: self.schedule.clone(),
            skip_first: self.skip_first,
            skip_satisfied: self.skip_satisfied,
            readout: if head { Readout::Head } else { Readout::Goodness },
            ..ForwardForward::default()
        }
    }
}

impl LearnerFn for Unsupervised {
    fn refuse(&self, blocks: &[Outline], task: &Task) -> Vec<Refusal> {
        let of_layers = self.layers(task.goal).refuse(blocks, task).into_iter();
        let mut all: Vec<Refusal> = of_layers.filter(|refusal| refusal.key != "label.kind").collect();
        if task.goal == Goal::Detect && self.objective.threshold(1.0).is_none() {
            let what =
                format!("`{}` has no threshold to tell normal rows from others by", self.objective.name());
            all.push(Refusal { key: "objective.kind", what, remedy: "choose logistic".into() });
        }
        if let Some((what, remedy)) = self.fakes.refuse(task.input, task.classes) {
            all.push(Refusal { key: "fakes.kind", what, remedy: remedy.into() });
        }
        all
    }

    fn reaches(&self, _: Goal) -> bool {
        true
    }

    fn build(&self, net: &mut Net, task: &Task) -> Box<dyn Learner> {
        let Unsupervised { fakes, fixed_hidden, apart, .. } = self.clone();
        let recipe = self.layers(task.goal);
        let decoder = (task.goal == Goal::Reconstruct).then(|| {
            let widths = widths(net, task.input).into_iter().enumerate();
            let read = widths.map(|(l, width)| recipe.reads(l).then_some(width));
            Decoder::new(read, task.input.features(), &self.head_optimizer)
        });
        Box::new(Contrasting { fakes, fixed_hidden, apart, layers: recipe.running(net, task), decoder })
    }
}

/// The learner at work.
struct Contrasting {
    fakes: Fakes,
    fixed_hidden: bool,
    apart: u64,
    layers: Running,
    /// What gives rows back, where that is the goal.
    decoder: Option<Decoder>,
}

impl Learner for Contrasting {
    fn epoch(&mut self, epoch: u64) -> f64 {
        self.layers.epoch(epoch)
    }

    fn step(&mut self, net: &mut Net, batch: &Batch, cx: &mut StepCx<'_>) -> Result<Vec<Scalar>, Diverged> {
        let (recipe, rows) = (self.layers.recipe.clone(), batch.labels.len());
        let mut said = Vec::new();
        if self.fixed_hidden {
            if self.detects() {
                return Ok(said);
            }
            cx.clock.press(Phase::Forward, 0);
            let read = self.activity(net, &batch.x, &mut *cx.clock).into_iter().enumerate();
            let read = read.filter(|(l, _)| recipe.reads(*l)).collect();
            self.teach(read, batch, cx, &mut said)?;
            return Ok(said);
        }
        let mut chance = cx.chance(Purpose::Negatives);
        let fakes = self.fakes_of(net, batch, &mut *cx.clock, &mut chance);
        let mut x = recipe.norm.apply(&stack_rows(&batch.x, &fakes).into());
        drop(fakes);

        let mut lesson = Lesson::new(&recipe, self.layers.gain(), &batch.labels, &batch.labels);
        lesson.only = self.only_teachers(cx.step);
        let (mut chance, mut read) = (cx.chance(Purpose::Dropout), Vec::new());
        for (l, block) in net.iter_mut().enumerate() {
            cx.clock.press(Phase::Forward, l);
            cx.clock.work(block.cost(2 * rows).forward_macs);
            let active = block.forward(x, &mut chance);
            x = self.layers.layers[l].learn(
                l,
                &mut **block,
                active,
                &mut lesson,
                &mut *cx.clock,
                &mut said,
            )?;
            if recipe.reads(l) && !self.detects() {
                read.push((l, first_rows(&x, rows)));
            }
        }
        drop(x);
        if !self.detects() {
            self.teach(read, batch, cx, &mut said)?;
        }
        Ok(said)
    }

    fn readouts(&self) -> Vec<&'static str> {
        vec![match self.layers.task.goal {
            Goal::Classify => "head",
            Goal::Detect => ANOMALY,
            Goal::Reconstruct => RECONSTRUCTION,
        }]
    }

    fn predict(&self, net: &Net, x: &Tensor, readout: &str) -> Tensor {
        assert_eq!(readout, self.readouts()[0], "learning without labels has one read-out");
        if self.detects() {
            return self.anomaly(net, x);
        }
        let shown = self.activity(net, x, &mut NoClock);
        match &self.decoder {
            Some(decoder) => decoder.rows(&shown),
            None => self.layers.logits_of(&shown),
        }
    }

    fn above(&self, net: &Net, x: &Tensor) -> Tensor {
        let input = || self.layers.recipe.norm.apply(&x.clone().into());
        self.activity(net, x, &mut NoClock).pop().unwrap_or_else(input).into_tensor()
    }

    fn made_up(&self, net: &Net, batch: &Batch, chance: &mut Rng) -> Option<Tensor> {
        Some(self.fakes_of(net, batch, &mut NoClock, chance))
    }

    fn params(&mut self, visit: &mut dyn FnMut(&mut Param)) {
        self.layers.params(visit);
        if let Some(decoder) = &mut self.decoder {
            decoder.params(visit);
        }
    }

    fn parts(&self) -> Vec<(String, u64, u64)> {
        self.decoder.as_ref().map_or_else(|| self.layers.parts(), Decoder::describe)
    }
}

impl Contrasting {
    /// With `apart`: whether real rows are the only ones to teach at `step`, or made-up ones.
    fn only_teachers(&self, step: u64) -> Option<bool> {
        (self.apart > 0).then(|| ((step - 1) / self.apart).is_multiple_of(2))
    }

    fn detects(&self) -> bool {
        self.layers.task.goal == Goal::Detect
    }

    /// A step of whoever reads the layers, the head or the decoder.
    fn teach(
        &mut self,
        read: Vec<(usize, Activity)>,
        batch: &Batch,
        cx: &mut StepCx<'_>,
        said: &mut Vec<Scalar>,
    ) -> Result<(), Diverged> {
        let gain = self.layers.gain();
        match &mut self.decoder {
            Some(decoder) => decoder.teach(read, &batch.x, gain, cx, said),
            None => self.layers.head.teach(read, &batch.labels, gain, cx, said).map(drop),
        }
    }

    /// [`ANOMALY`]: `[B, 2]`.
    fn anomaly(&self, net: &Net, x: &Tensor) -> Tensor {
        let (recipe, rows) = (&self.layers.recipe, x.dims()[0]);
        let mut x = recipe.norm.apply(&x.clone().into());
        let mut sums = vec![0.0_f64; rows];
        for (l, block) in net.iter().enumerate() {
            let h = block.apply(&x);
            if recipe.reads(l) {
                let unit = recipe.goodness.of_ones(h.dims()[1]);
                let theta = recipe.objective.threshold(unit).expect("whoever has none was refused");
                let far = |g: &f32| f64::from(recipe.direction()) * (f64::from(*g) - theta) / unit;
                sums.iter_mut()
                    .zip(view(&recipe.goodness.value(&h)).iter())
                    .for_each(|(sum, g)| *sum -= far(g));
            }
            x = recipe.norm.apply(&h);
        }
        matrix(sums.into_iter().flat_map(|s| [0.0, s as f32]).collect(), rows, 2)
    }

    /// N(h_l) of every layer, nothing learnt.
    fn activity(&self, net: &Net, x: &Tensor, clock: &mut dyn Clock) -> Vec<Activity> {
        let recipe = &self.layers.recipe;
        let (mut x, mut read) = (recipe.norm.apply(&x.clone().into()), Vec::new());
        for block in net {
            clock.work(block.cost(x.dims()[0]).forward_macs);
            x = recipe.norm.apply(&block.apply(&x));
            read.push(x.clone());
        }
        read
    }

    /// As many made-up rows as the batch has.
    fn fakes_of(&self, net: &Net, batch: &Batch, clock: &mut dyn Clock, chance: &mut Rng) -> Tensor {
        clock.press(Phase::Negatives, 0);
        let ask = &mut |x: &Tensor| self.layers.logits_of(&self.activity(net, x, &mut *clock));
        let input = self.layers.task.input;
        self.fakes.draw(Known { x: &batch.x, input, labels: &batch.labels, ask }, chance)
    }
}

/// The first `rows` rows of x, with their scales.
fn first_rows(x: &Activity, rows: usize) -> Activity {
    let cols = x.dims()[1];
    let first = Activity::from(matrix(view(x.values())[..rows * cols].to_vec(), rows, cols));
    match x.scales() {
        Some(scales) => first.scaled(scales[..rows].to_vec()),
        None => first,
    }
}
