//! Restricted Boltzmann machine, trained by contrastive divergence. Hinton 2002, "Training products of experts by
//! minimizing contrastive divergence", Neural Computation 14:1771; persistent chains: Tieleman 2008, ICML; labels
//! among the visible units: Hinton, Osindero & Teh 2006, Neural Computation 18:1527. An ancestor of Forward-Forward:
//! it too compares data with what the network makes up, by a score of one layer, and nothing flows back.
//!
//! ```text
//! E(v, h) = −a·v − b·h − v W h                     p(h|v) = σ(v W + b)    p(v|h) = σ(W h + a)
//! F(v) = −log Σ_h e^{−E(v, h)} = −a·v − Σⱼ softplus((v W + b)ⱼ)
//! v₀ = image with its label;  h ~ p(h|v₀);  k times: v = p(v|h), h ~ p(h|v);  v_k: the last v
//! ∂/∂W = (v_kᵀ p(h|v_k) − v₀ᵀ p(h|v₀)) / B    ∂/∂b = mean (p(h|v_k) − p(h|v₀))    ∂/∂a = mean (v_k − v₀)
//! ```
//!
//! W and b are those of the network's one block; a is the learner's. The block's activation plays no part: hidden
//! units are logistic. With `persistent` the chains go on from one step to the next instead of starting at the data.
//!
//! Without labels, rows are what is asked for: `reconstruction` goes up and down once, v′ = σ(W p(h|v) + a), and nothing
//! is drawn. `labels`, `label`, `head` and `readout` then play no part. In any case rows are *generated* by chains that
//! begin with all hidden units off, v ~ σ(a), and go down and up a thousand times, every unit drawn: what the model itself
//! holds likely, which after short chains of training need not look like the data. A stack of machines is a
//! [`split`](super::Split), whose upper one learns what the lower one's hidden units say.
//!
//! Read-outs: `free_energy` writes each label into the first K inputs and takes the one of lowest F(v); `head` is a
//! linear softmax head on p(h|v) under a neutral label.
//!
//! # Differences from the paper
//! - Visible values are probabilities, in the data and in what is made up, and only hidden units are drawn (Hinton
//!   2010, "A practical guide to training restricted Boltzmann machines", section 3), unless `draw_visible` is set.
//! - The label's units are logistic and independent like all others, not one softmax.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::softmax_head::SoftmaxHead;
use super::{
    Ask, Diverged, Goal, Learner, LearnerFn, Outline, Phase, RECONSTRUCTION, Refusal, Scalar, StepCx, Task,
    finite, widths,
};
use crate::Tensor;
use crate::parts::Batch;
use crate::parts::block::{Block, Credit, Descend, Net};
use crate::parts::chance::{Purpose, Rng};
use crate::parts::host::{matrix, stack_rows, update, view};
use crate::parts::label_code::{LabelCode, Labels};
use crate::parts::layer::Layer;
use crate::parts::objective::{sigmoid, softplus};
use crate::parts::optimizer::{Descent, EmaSgd, Optimizer};
use crate::parts::param::Param;
use crate::parts::schedule::Schedule;

/// Times that a chain goes down and up from hidden units that are off to a row that is shown.
const FROM_NOTHING: usize = 1000;

/// Restricted Boltzmann machine, trained by contrastive divergence. It takes one block, whose activation plays no part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Rbm {
    /// Times k that the chain goes down and up.
    #[schemars(range(min = 1, max = 10000))]
    pub iterations: u64,
    /// Chains that go on from step to step. 0: they start at the data, one a row.
    #[schemars(range(min = 0, max = 100000))]
    pub persistent: u64,
    /// Whether chains draw visible units, as the model's distribution asks; or take their probabilities, which is less
    /// noisy.
    pub draw_visible: bool,
    /// Whether the label is among the visible units.
    pub labels: bool,
    /// How labels are shown.
    pub label: LabelCode,
    /// How W, b and a move.
    pub optimizer: Optimizer,
    /// Whether to train a linear softmax head.
    pub head: bool,
    /// How the head's weights move.
    pub head_optimizer: Optimizer,
    /// Learning rates over the epochs, for the machine and the head.
    pub schedule: Schedule,
    /// The read-out that answers when nobody asks for another.
    pub readout: RbmReadout,
}

impl Default for Rbm {
    fn default() -> Rbm {
        Rbm {
            iterations: 1,
            persistent: 0,
            draw_visible: false,
            labels: true,
            label: LabelCode::default(),
            optimizer: EmaSgd { rate: 0.1, momentum: 0.9, decay: 0.0002 }.into(),
            head: true,
            head_optimizer: EmaSgd { rate: 0.1, momentum: 0.9, decay: 0.0 }.into(),
            schedule: Schedule::default(),
            readout: RbmReadout::FreeEnergy,
        }
    }
}

/// How an answer is read out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RbmReadout {
    /// Try every label; the lowest free energy wins. K passes.
    FreeEnergy,
    /// The linear head under a neutral label. One pass.
    Head,
}

impl LearnerFn for Rbm {
    fn refuse(&self, blocks: &[Outline], task: &Task) -> Vec<Refusal> {
        let mut all = Vec::new();
        let mut refuse =
            |key, what: String, remedy: &str| all.push(Refusal { key, what, remedy: remedy.into() });
        if blocks.len() > 1 {
            let what = format!("a restricted Boltzmann machine is one block, not {}", blocks.len());
            refuse("kind", what, "write one block: [[500]]");
        }
        if task.goal == Goal::Reconstruct {
            return all;
        }
        if !self.labels && !self.head {
            let what = "without labels among the visible units nothing but a head can answer".into();
            refuse("head", what, "set labels = true, or head = true");
        } else if !self.head && self.readout == RbmReadout::Head {
            refuse("readout", "there is no head to read".into(), "set head = true");
        } else if !self.labels && self.readout == RbmReadout::FreeEnergy {
            let what = "free energy compares labels, which are not among the visible units".into();
            refuse("readout", what, "set labels = true, or readout = \"head\"");
        }
        if let Some((what, remedy)) = self.label.refuse(task.input, task.classes).filter(|_| self.labels) {
            refuse("label.kind", what, &format!("{remedy}, or labels = false"));
        }
        all
    }

    fn asks(&self, _: usize) -> Vec<Ask> {
        vec![Ask::Layer]
    }

    fn reaches(&self, goal: Goal) -> bool {
        matches!(goal, Goal::Classify | Goal::Reconstruct)
    }

    fn goes_down(&self) -> bool {
        true
    }

    fn wants_shares(&self) -> bool {
        true
    }

    fn build(&self, net: &mut Net, task: &Task) -> Box<dyn Learner> {
        let labelled = task.goal != Goal::Reconstruct;
        let recipe = Rbm { labels: self.labels && labelled, head: self.head && labelled, ..self.clone() };
        let (visible, hidden) = (task.input.features(), widths(&net[..1], task.input)[0]);
        let mut bias = Param::new("visible.bias", &[visible], vec![0.0; visible], false);
        let descent = Descent::new(&self.optimizer, "descent", |visit| {
            net[0].params(visit);
            visit(&mut bias);
        });
        let chains = self.persistent as usize;
        Box::new(Running {
            bias,
            chains: Param::new("chains", &[chains, visible], vec![0.5; chains * visible], false),
            descent,
            head: SoftmaxHead::new(
                [recipe.head.then_some(hidden)].into_iter(),
                task.classes,
                &self.head_optimizer,
            ),
            recipe,
            task: task.clone(),
            epoch: 1,
        })
    }
}

struct Running {
    recipe: Rbm,
    task: Task,
    /// a
    bias: Param,
    /// v of the persistent chains, if there are any.
    chains: Param,
    /// Of W, b and a.
    descent: Descent,
    head: SoftmaxHead,
    epoch: u64,
}

impl Learner for Running {
    fn epoch(&mut self, epoch: u64) -> f64 {
        self.epoch = epoch;
        self.gain()
    }

    fn step(&mut self, net: &mut Net, batch: &Batch, cx: &mut StepCx<'_>) -> Result<Vec<Scalar>, Diverged> {
        let (mut said, gain, rows) = (Vec::new(), self.gain(), batch.labels.len());
        let macs = net[0].cost(1).forward_macs;
        if self.recipe.head {
            cx.clock.press(Phase::Readout, 0);
            cx.clock.work(macs * rows as u64);
            let features = self.features(&*net[0], &batch.x).into();
            self.head.teach(vec![(0, features)], &batch.labels, gain, cx, &mut said)?;
        }
        cx.clock.press(Phase::Forward, 0);
        cx.clock.work(macs * rows as u64);
        let data = self.shown(&batch.x, Labels::Each(&batch.labels)); // v₀
        let a = layer(&*net[0]).total_input(&data.clone().into());
        let energy = free_energy(&data, &a, self.bias.values());
        finite(&energy, Some(0), "free energy")?;
        let p = probabilities(a); // p(h|v₀)

        cx.clock.press(Phase::Negatives, 0);
        let mut chance = cx.chance(Purpose::Dropout);
        let persistent = self.recipe.persistent as usize;
        let start = if persistent > 0 {
            let v = matrix(self.chains.values().to_vec(), persistent, self.bias.count());
            probabilities(layer(&*net[0]).total_input(&v.into()))
        } else {
            p.clone()
        };
        let chains = start.dims()[0];
        cx.clock.work(2 * macs * self.recipe.iterations * chains as u64);
        let (made_up, a) = self.chain(layer(&*net[0]), start, &mut chance); // v_k
        let energies = [energy, free_energy(&made_up, &a, self.bias.values())];
        finite(&energies[1], Some(0), "free energy")?;
        self.say(&energies, &data, &made_up, &mut said);
        if persistent > 0 {
            self.chains.values_mut().copy_from_slice(&view(&made_up));
        }
        self.descent.begin(gain);
        self.learn(&mut *net[0], (data, p), (made_up, probabilities(a)), cx);
        Ok(said)
    }

    fn readouts(&self) -> Vec<&'static str> {
        match (self.recipe.labels, self.recipe.head, self.recipe.readout) {
            (false, false, _) => vec![RECONSTRUCTION],
            (true, false, _) => vec!["free_energy"],
            (false, _, _) => vec!["head"],
            (true, true, RbmReadout::FreeEnergy) => vec!["free_energy", "head"],
            (true, true, RbmReadout::Head) => vec!["head", "free_energy"],
        }
    }

    fn predict(&self, net: &Net, x: &Tensor, readout: &str) -> Tensor {
        match readout {
            "free_energy" if self.recipe.labels => self.low_energy_of_each_label(&*net[0], x),
            "head" if self.recipe.head => {
                let logits = self.head.plus_layer(None, 0, &self.features(&*net[0], x).into());
                logits.unwrap_or_else(|| self.head.no_logits(x.dims()[0]))
            }
            RECONSTRUCTION if self.task.goal == Goal::Reconstruct => {
                self.down(layer(&*net[0]), probabilities(layer(&*net[0]).total_input(&x.clone().into())))
            }
            other => panic!("this Boltzmann machine has no read-out `{other}`"),
        }
    }

    fn above(&self, net: &Net, x: &Tensor) -> Tensor {
        match net.first() {
            Some(block) => self.features(&**block, x),
            None => self.shown(x, Labels::Neutral),
        }
    }

    fn below(&self, net: &Net, h: &Tensor) -> Option<Tensor> {
        Some(self.down(layer(&*net[0]), h.clone()))
    }

    fn generated(&self, net: &Net, rows: usize, chance: &mut Rng) -> Option<Tensor> {
        let hidden = widths(&net[..1], self.task.input)[0];
        let layer = layer(&*net[0]);
        let mut h = matrix(vec![0.0; rows * hidden], rows, hidden);
        for _ in 0..FROM_NOTHING {
            // probabilities in place of v would have fixed points of their own, grey rows
            let v = drawn(self.down(layer, h), chance);
            h = drawn(probabilities(layer.total_input(&v.into())), chance);
        }
        Some(self.down(layer, h))
    }

    fn params(&mut self, visit: &mut dyn FnMut(&mut Param)) {
        visit(&mut self.bias);
        if self.chains.count() > 0 {
            visit(&mut self.chains);
        }
        self.descent.params(visit);
        self.head.params(0, visit);
    }

    fn parts(&self) -> Vec<(String, u64, u64)> {
        let visible = self.bias.count() as u64;
        let bias = ("bias of the visible units".to_string(), visible, visible);
        std::iter::once(bias).chain(self.head.describe()).collect()
    }
}

impl Running {
    fn gain(&self) -> f64 {
        self.recipe.schedule.gain(self.epoch, self.task.epochs)
    }

    /// Visible rows: the image, with its label if labels are visible.
    fn shown(&self, x: &Tensor, labels: Labels<'_>) -> Tensor {
        if !self.recipe.labels {
            return x.clone();
        }
        self.recipe.label.show(x, labels, self.task.classes, self.task.input)
    }

    /// p(h|v) under a neutral label: `[B, n]`.
    fn features(&self, block: &dyn Block, x: &Tensor) -> Tensor {
        probabilities(layer(block).total_input(&self.shown(x, Labels::Neutral).into()))
    }

    /// k times down and up, from hidden probabilities `p`: the last v, and its hidden units' total input.
    fn chain(&self, layer: &dyn Layer, p: Tensor, chance: &mut Rng) -> (Tensor, Tensor) {
        let mut last = self.down_and_up(layer, p, chance);
        for _ in 1..self.recipe.iterations {
            last = self.down_and_up(layer, probabilities(last.1), chance);
        }
        last
    }

    /// p(v|h), or v′ of probabilities: `[B, n]` → `[B, n_in]`.
    fn down(&self, layer: &dyn Layer, h: Tensor) -> Tensor {
        update(layer.below(&h.into()), |v| {
            for row in v.chunks_exact_mut(self.bias.count()) {
                row.iter_mut().zip(self.bias.values()).for_each(|(v, bias)| *v = sigmoid(*v + bias));
            }
        })
    }

    fn down_and_up(&self, layer: &dyn Layer, p: Tensor, chance: &mut Rng) -> (Tensor, Tensor) {
        let v = self.down(layer, drawn(p, chance)); // h ~ p(h|v)
        let v = if self.recipe.draw_visible { drawn(v, chance) } else { v };
        let a = layer.total_input(&v.clone().into());
        (v, a)
    }

    /// ∂/∂W, ∂/∂b and ∂/∂a, applied: data pull down, what is made up pushes up.
    fn learn(
        &mut self,
        block: &mut dyn Block,
        (data, p): (Tensor, Tensor),
        (made_up, q): (Tensor, Tensor),
        cx: &mut StepCx<'_>,
    ) {
        let (rows, chains) = (data.dims()[0] as f32, made_up.dims()[0] as f32);
        let mut da = vec![0.0; self.bias.count()];
        for (v, sign) in [(&data, -1.0 / rows), (&made_up, 1.0 / chains)] {
            let v = view(v);
            v.chunks_exact(da.len()).for_each(|v| da.iter_mut().zip(v).for_each(|(da, v)| *da += sign * v));
        }
        let x = stack_rows(&data, &made_up);
        let scaled = |p: Tensor, by: f32| update(p, |p| p.iter_mut().for_each(|p| *p *= by));
        let dh = stack_rows(&scaled(p, -1.0 / rows), &scaled(q, 1.0 / chains));
        let block = block.as_layer_mut().expect("it was a layer when it was built");
        block.descend(&x.into(), Credit::from(dh), &mut self.descent.on(&mut *cx.clock, 0));
        self.descent.take(&mut self.bias, &da);
    }

    /// −F(v) with each label written in: `[B, K]`.
    fn low_energy_of_each_label(&self, block: &dyn Block, x: &Tensor) -> Tensor {
        let (rows, classes) = (x.dims()[0], self.task.classes);
        let mut scores = vec![0.0; rows * classes];
        for class in 0..classes {
            let v = self.shown(x, Labels::All(class as u8));
            let a = layer(block).total_input(&v.clone().into());
            let slots = scores.iter_mut().skip(class).step_by(classes);
            slots.zip(free_energy(&v, &a, self.bias.values())).for_each(|(score, energy)| *score = -energy);
        }
        matrix(scores, rows, classes)
    }

    fn say(&self, energies: &[Vec<f32>; 2], data: &Tensor, made_up: &Tensor, said: &mut Vec<Scalar>) {
        let mean = |energy: &[f32]| energy.iter().map(|e| f64::from(*e)).sum::<f64>() / energy.len() as f64;
        let mut push = |name, value| said.push(Scalar { name, layer: Some(0), value });
        push("free_energy_positive", mean(&energies[0]));
        push("free_energy_negative", mean(&energies[1]));
        if self.recipe.persistent == 0 {
            let (v, w) = (view(data), view(made_up));
            let squares: f64 = v.iter().zip(w.iter()).map(|(v, w)| f64::from(v - w).powi(2)).sum();
            push("reconstruction_error", squares / v.len() as f64);
        }
    }
}

/// A block as a layer.
///
/// # Panics
/// If it is none: recipes that would build one are refused.
fn layer(block: &dyn Block) -> &dyn Layer {
    block.as_layer().unwrap_or_else(|| panic!("{} is not one layer", block.describe()))
}

/// One with probability p, else zero.
fn drawn(p: Tensor, chance: &mut Rng) -> Tensor {
    update(p, |p| p.iter_mut().for_each(|p| *p = f32::from(u8::from(chance.unit() < *p))))
}

/// σ(a)
fn probabilities(a: Tensor) -> Tensor {
    update(a, |a| a.iter_mut().for_each(|a| *a = sigmoid(*a)))
}

/// F(v) of each row: `v [B, n_in]`, its hidden units' total input `a [B, n]`, the visible units' bias.
fn free_energy(v: &Tensor, a: &Tensor, bias: &[f32]) -> Vec<f32> {
    let (v, n, a) = (view(v), a.dims()[1], view(a));
    let energy = |(v, a): (&[f32], &[f32])| {
        let linear: f64 = v.iter().zip(bias).map(|(v, bias)| f64::from(*v) * f64::from(*bias)).sum();
        (-linear - a.iter().map(|a| softplus(f64::from(*a))).sum::<f64>()) as f32
    };
    v.chunks_exact(bias.len()).zip(a.chunks_exact(n)).map(energy).collect()
}
