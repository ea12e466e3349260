//! Forward-Forward with top-down connections, on still images. Hinton 2022, arXiv:2212.13345, section 3.4.
//!
//! An image is treated as a video that does not move, with its label at the other end. Between the two clamped ends
//! each hidden layer hears from the layer below and the layer above as they were an iteration ago:
//!
//! ```text
//! s₀ = image, s_{L+1} = one-hot label, clamped        s_l(0): one bottom-up pass        N: row norm
//! h_l(t) = φ(N(s_{l−1}(t−1)) U_l + N(s_{l+1}(t−1)) D_l + b_l)
//! s_l(t) = 0.3 s_l(t−1) + 0.7 h_l(t)
//! g_l(t) = Σⱼ s_lj(t)²    p = σ((g − θ)/T)
//! δ_l(t) = ∂L/∂a = −0.7 (t − p) s / (T B n)           t = 1 for positive rows, 0 for negative; n iterations teach
//! ∂L/∂U_l = Σ_t N(s_{l−1}(t−1))ᵀ δ_l(t)    ∂L/∂D_l = Σ_t N(s_{l+1}(t−1))ᵀ δ_l(t)    ∂L/∂b_l = Σ_t Σ δ_l(t)
//! ```
//!
//! What a layer hears, and its own past, are constants to it: nothing flows back through layers or through time. A
//! positive row has its true label clamped, a negative row a wrong one, drawn from a linear softmax *head* on N(s).
//! To answer, each label is clamped in turn and goodness, summed over the layers and averaged over some iterations
//! (`goodness`), decides; or the head does (`head`).
//!
//! Letters: U_l and b_l are the network's own, D_l is the learner's (where U_{l+1} has local fields a unit hears those
//! that see it); λ of peer normalisation is `peer_weight`.
//!
//! The image's contribution N(s₀) U₁ is the same in every iteration and under every label: it is multiplied once, and
//! its gradient is N(s₀)ᵀ times the sum of all δ₁ of the image. The other gradients are one product each, over the
//! rows of all iterations.
//!
//! # Differences from the paper
//! - It does not say what is scored nor which iterations teach: the state, and all eight; `scored`, `teach_from` and
//!   `teach_to` choose otherwise.
//! - It draws wrong labels after one forward pass; here the layers settle under a neutral label first, unless
//!   `neutral_iterations = 0`.
//! - The gradient of g is 2s; as in [`ForwardForward`](super::ForwardForward) the 2 is dropped.
//! - Peer normalisation takes the mean activity over the iterations that teach.
//! - Answering stops after `read_to`: later iterations would change nothing.

mod settings;
mod settle;

pub use settings::{Recurrent, Scored};
use settle::{Ends, Iterated, States, folded, layer, stacked, summed};

use super::common::peers::Peers;
use super::common::softmax_head::SoftmaxHead;
use super::common::wrong_labels::WrongLabels;
use super::{
    Ask, Clock, Diverged, Learner, LearnerFn, NoClock, Outline, Phase, Readout, Refusal, Scalar, StepCx,
    Task, finite, say_goodness, widths,
};
use crate::Tensor;
use crate::learn::Direction;
use crate::parts::Batch;
use crate::parts::activity::Activity;
use crate::parts::block::{Block, Credit, Net, Ungated};
use crate::parts::chance::{Purpose, Rng};
use crate::parts::host::{matrix, update, view};
use crate::parts::label_code::Labels;
use crate::parts::layer::Layer;
use crate::parts::objective::Tags;
use crate::parts::optimizer::Descent;
use crate::parts::param::Param;

impl LearnerFn for Recurrent {
    fn refuse(&self, _: &[Outline], _: &Task) -> Vec<Refusal> {
        let mut all = Vec::new();
        let mut refuse =
            |key, what: String, remedy: &str| all.push(Refusal { key, what, remedy: remedy.into() });
        if self.teach_from > self.teach_to {
            let what = format!("iterations {} to {} are none", self.teach_from, self.teach_to);
            refuse("teach_from", what, "make it at most teach_to");
        }
        if self.read_from > self.read_to {
            let what = format!("iterations {} to {} are none", self.read_from, self.read_to);
            refuse("read_from", what, "make it at most read_to");
        }
        if !self.head && self.negatives.needs_logits() {
            let what = format!("`{}` negatives are drawn from the head", self.negatives.name());
            refuse("negatives.kind", what, "set head = true, or choose uniform negatives");
        }
        if !self.head && self.readout == Readout::Head {
            let what = "there is no head to read".into();
            refuse("readout", what, "set head = true, or readout = \"goodness\"");
        }
        all
    }

    fn asks(&self, _: usize) -> Vec<Ask> {
        vec![Ask::Layer]
    }

    fn build(&self, net: &mut Net, task: &Task) -> Box<dyn Learner> {
        let widths = widths(net, task.input);
        let down = |l: usize| {
            let (mut chance, path) = (Rng::stream(task.seed, Purpose::Head, l as u64), format!("down.{l}"));
            match net.get(l + 1) {
                Some(above) => layer(&**above).back(&path, &mut chance),
                None => layer(&*net[l]).beside(&path, task.classes, &mut chance),
            }
        };
        let down: Vec<_> = (0..net.len()).map(down).collect();
        let layers = net.iter_mut().zip(down).enumerate().map(|(l, (block, mut down))| {
            let descent = Descent::new(&self.optimizer, &format!("layer.{l}"), |visit| {
                block.params(visit);
                down.params(visit);
            });
            let peers = Peers::new(format!("layer.{l}.peers"), widths[l]);
            Kept { down, descent, peers, of_ones: self.goodness.of_ones(widths[l]) }
        });
        let layers = layers.collect();
        let read = widths.iter().map(|width| self.head.then_some(*width));
        Box::new(Running {
            head: SoftmaxHead::new(read, task.classes, &self.head_optimizer),
            wrong: WrongLabels::new(&self.negatives, task),
            layers,
            recipe: self.clone(),
            task: task.clone(),
            epoch: 1,
        })
    }
}

/// What the learner keeps for a layer.
struct Kept {
    /// D: what comes from above.
    down: Box<dyn Layer>,
    /// Of U, b and D.
    descent: Descent,
    peers: Peers,
    of_ones: f64,
}

struct Running {
    recipe: Recurrent,
    task: Task,
    layers: Vec<Kept>,
    head: SoftmaxHead,
    wrong: WrongLabels,
    epoch: u64,
}

impl Learner for Running {
    fn epoch(&mut self, epoch: u64) -> f64 {
        self.epoch = epoch;
        self.gain()
    }

    fn step(&mut self, net: &mut Net, batch: &Batch, cx: &mut StepCx<'_>) -> Result<Vec<Scalar>, Diverged> {
        let mut said = Vec::new();
        let x0 = self.recipe.norm.apply(&batch.x.clone().into());
        let image = self.image(net, &x0, &mut *cx.clock);
        let start = self.recipe.bottom_up(net, &image, &mut *cx.clock);
        let logits = self.head_step(net, &image, &start, batch, cx, &mut said)?;

        cx.clock.press(Phase::Negatives, 0);
        let wrong = self.wrong.draw(batch, logits.as_ref(), cx);
        let labels = [&batch.labels[..], &wrong].concat();
        let label = self.recipe.clamp(Labels::Each(&labels), labels.len(), self.task.classes);
        let ends = Ends { image, label };
        let lessons = self.lessons(net, &ends, start.twice(), labels, &mut *cx.clock, &mut said)?;
        drop(ends.image);
        for (l, block) in net.iter_mut().enumerate() {
            self.learn(l, &mut **block, (&x0, &ends.label), &lessons, &mut *cx.clock);
        }
        cx.clock.held(0);
        Ok(said)
    }

    fn readouts(&self) -> Vec<&'static str> {
        match (self.recipe.head, self.recipe.readout) {
            (false, _) => vec!["goodness"],
            (true, Readout::Goodness) => vec!["goodness", "head"],
            (true, Readout::Head) => vec!["head", "goodness"],
        }
    }

    fn predict(&self, net: &Net, x: &Tensor, readout: &str) -> Tensor {
        let x0 = self.recipe.norm.apply(&x.clone().into());
        let image = self.image(net, &x0, &mut NoClock);
        let start = self.recipe.bottom_up(net, &image, &mut NoClock);
        match readout {
            "goodness" => self.goodness_of_each_label(net, image, &start),
            "head" if self.recipe.head => {
                let read = self.neutral(net, &image, &start, &mut NoClock);
                let sum = |sum, (l, x): (usize, &Activity)| self.head.plus_layer(sum, l, x);
                let logits = read.iter().enumerate().fold(None, sum);
                logits.unwrap_or_else(|| self.head.no_logits(x.dims()[0]))
            }
            other => panic!("recurrent Forward-Forward has no read-out `{other}`"),
        }
    }

    fn above(&self, net: &Net, x: &Tensor) -> Tensor {
        let x0 = self.recipe.norm.apply(&x.clone().into());
        if net.is_empty() {
            return x0.into_tensor();
        }
        let image = self.image(net, &x0, &mut NoClock);
        let start = self.recipe.bottom_up(net, &image, &mut NoClock);
        // some of its layers alone have nobody above them to settle with
        let whole = net.len() == self.layers.len();
        let mut x = if whole { self.neutral(net, &image, &start, &mut NoClock) } else { start.x };
        x.pop().expect("there is a layer").into_tensor()
    }

    fn params(&mut self, visit: &mut dyn FnMut(&mut Param)) {
        for (l, layer) in self.layers.iter_mut().enumerate() {
            layer.down.params(visit);
            layer.descent.params(visit);
            layer.peers.params(visit);
            self.head.params(l, visit);
        }
        self.wrong.params(visit);
    }

    fn parts(&self) -> Vec<(String, u64, u64)> {
        let down = self.layers.iter().enumerate().map(|(l, layer)| {
            let cost = layer.down.cost(1);
            (
                format!("down to layer {}: {}", l + 1, layer.down.describe()),
                cost.output_bytes / 4,
                cost.parameters,
            )
        });
        down.chain(self.head.describe()).collect()
    }
}

/// What the iterations that teach leave behind.
struct Lessons {
    /// N(s_l(t−1)), a row of layers for each iteration.
    x: Vec<Vec<Activity>>,
    /// δ_l(t), a row of layers for each iteration: `[2B, n_l]`.
    da: Vec<Vec<Tensor>>,
    /// Σ of what is scored over the positive rows of all of them, for each layer.
    sums: Vec<Vec<f32>>,
}

impl Running {
    fn gain(&self) -> f64 {
        self.recipe.schedule.gain(self.epoch, self.task.epochs)
    }

    fn down(&self) -> Vec<&dyn Layer> {
        self.layers.iter().map(|layer| &*layer.down).collect()
    }

    /// N(s₀) U₁ + b₁
    fn image(&self, net: &Net, x0: &Activity, clock: &mut dyn Clock) -> Tensor {
        clock.press(Phase::Forward, 0);
        clock.work(net[0].cost(x0.dims()[0]).forward_macs);
        layer(&*net[0]).total_input(x0)
    }

    /// N(s_l) of every layer, settled under a neutral label.
    fn neutral(&self, net: &Net, image: &Tensor, start: &States, clock: &mut dyn Clock) -> Vec<Activity> {
        let mut states = start.clone();
        let label = self.recipe.clamp(Labels::Neutral, image.dims()[0], self.task.classes);
        let ends = Ends { image: image.clone(), label };
        for _ in 0..self.recipe.neutral_iterations {
            self.recipe.iterate(net, &self.down(), &ends, &mut states, clock);
        }
        states.x
    }

    /// Trains the head, and returns its logits from before that.
    fn head_step(
        &mut self,
        net: &Net,
        image: &Tensor,
        start: &States,
        batch: &Batch,
        cx: &mut StepCx<'_>,
        said: &mut Vec<Scalar>,
    ) -> Result<Option<Tensor>, Diverged> {
        if !self.recipe.head {
            return Ok(None);
        }
        let read = self.neutral(net, image, start, &mut *cx.clock).into_iter().enumerate().collect();
        let gain = self.gain();
        self.head.teach(read, &batch.labels, gain, cx, said).map(Some)
    }

    /// Lets positive and negative rows settle, and works out δ of every iteration that teaches.
    fn lessons(
        &self,
        net: &Net,
        ends: &Ends,
        mut states: States,
        labels: Vec<u8>,
        clock: &mut dyn Clock,
        said: &mut Vec<Scalar>,
    ) -> Result<Lessons, Diverged> {
        let (recipe, rows) = (&self.recipe, labels.len());
        let real = (0..rows).map(|row| row < rows / 2).collect();
        let mut tags = Tags { real, labels, direction: recipe.sign(), unit: 0.0, stretch: 1.0 };
        let sums = self.layers.iter().map(|layer| vec![0.0; layer.peers.count()]).collect();
        let mut lessons = Lessons { x: Vec::new(), da: Vec::new(), sums };
        let mut taught = vec![0; net.len()];
        for t in 1..=recipe.teach_to {
            let x = states.x.clone();
            let happened = recipe.iterate(net, &self.down(), ends, &mut states, clock);
            let mut da = Vec::with_capacity(net.len());
            for (l, iterated) in happened.into_iter().enumerate() {
                clock.press(Phase::Credit, l);
                let g = recipe.goodness.value(&iterated.scored); // g_l(t)
                finite(&view(&g), Some(l), "goodness")?;
                if t < recipe.teach_from {
                    continue;
                }
                tags.unit = self.layers[l].of_ones;
                let (loss, dg) = recipe.objective.loss(&g, &tags); // L, ∂L/∂g
                if t == recipe.teach_to {
                    let threshold = recipe.objective.threshold(tags.unit);
                    say_goodness(said, l, loss, &g, &tags, threshold);
                }
                taught[l] += view(&dg).iter().filter(|dg| **dg != 0.0).count();
                da.push(self.credit(&iterated, dg));
                let mut sums = vec![0.0; self.layers[l].peers.count()];
                adieu_kernels::column_sums(iterated.scored.lend().rows().first(rows / 2), &mut sums);
                lessons.sums[l].iter_mut().zip(&sums).for_each(|(all, sum)| *all += sum);
            }
            if t >= recipe.teach_from {
                lessons.x.push(x);
                lessons.da.push(da);
            }
        }
        let all = (recipe.iterations() * rows) as f64;
        let share = |(l, taught): (usize, usize)| Scalar {
            name: "rows_taught",
            layer: Some(l),
            value: taught as f64 / all,
        };
        said.extend(taught.into_iter().enumerate().map(share));
        clock.held(lessons.bytes());
        Ok(lessons)
    }

    /// δ_l(t) = ∂(½L)/∂a, L being the mean over the iterations that teach.
    fn credit(&self, iterated: &Iterated, dg: Tensor) -> Tensor {
        let recipe = &self.recipe;
        let factor = 0.5 * recipe.share() / recipe.iterations() as f32;
        let dg = update(dg, |dg| dg.iter_mut().for_each(|dg| *dg *= factor));
        let dh = recipe.goodness.pullback(&iterated.scored, &dg);
        iterated.credit(dh)
    }

    /// ∂L/∂U, ∂L/∂b and ∂L/∂D of a layer, applied. The ends are the same in every iteration: their δ are summed.
    fn learn(
        &mut self,
        l: usize,
        block: &mut dyn Block,
        (x0, label): (&Activity, &Activity),
        lessons: &Lessons,
        clock: &mut dyn Clock,
    ) {
        let (gain, top) = (self.gain(), self.layers.len() - 1);
        let (recipe, iterations) = (&self.recipe, self.recipe.iterations());
        let (layer, rows) = (&mut self.layers[l], x0.dims()[0]);
        clock.press(Phase::Credit, l);
        let push = (recipe.peer_weight as f32 != 0.0).then(|| {
            let sums = lessons.sums[l].clone();
            layer.peers.push(sums, iterations * rows, recipe.peer_weight, recipe.peer_momentum)
        });
        let pushed = |each: usize| {
            let da = push.as_ref()?.iter().map(|push| push * each as f32).collect();
            Some(Ungated { rows: iterations * rows / each, da })
        };
        let da: Vec<&Tensor> = lessons.da.iter().map(|da| &da[l]).collect();
        let x_of = |l: usize| -> Activity {
            stacked(&lessons.x.iter().map(|x| x[l].values()).collect::<Vec<_>>()).into()
        };
        let credit = |da: Tensor, each: usize| Credit {
            dy: da.into(),
            ungated: pushed(each),
            skip_idle_rows: recipe.skip_satisfied,
        };
        let all = (l > 0 || l < top).then(|| stacked(&da));
        let sum = (l == 0 || l == top).then(|| summed(&da));
        layer.descent.begin(gain);
        let block = block.as_layer_mut().expect("it was a layer when it was built");
        let mut descend = layer.descent.on(clock, l);
        match (l.checked_sub(1), &all, &sum) {
            (Some(below), Some(all), _) => {
                block.descend(&x_of(below), credit(all.clone(), 1), &mut descend);
            }
            (_, _, Some(sum)) => block.descend(x0, credit(folded(sum), iterations), &mut descend),
            _ => {}
        }
        match (l < top, all, sum) {
            (true, Some(all), _) => layer.down.descend(&x_of(l + 1), credit(all, 1), &mut descend),
            (_, _, Some(sum)) => layer.down.descend(label, credit(sum, iterations), &mut descend),
            _ => {}
        }
    }

    /// Goodness with each label clamped, summed over layers and averaged over iterations: `[B, K]`.
    fn goodness_of_each_label(&self, net: &Net, image: Tensor, start: &States) -> Tensor {
        let (recipe, rows, classes) = (&self.recipe, image.dims()[0], self.task.classes);
        let mut scores = vec![0.0; rows * classes];
        let mut ends = Ends { label: recipe.clamp(Labels::Neutral, rows, classes), image };
        let share = recipe.sign() / (recipe.read_to - recipe.read_from + 1) as f32;
        for class in 0..classes {
            ends.label = recipe.clamp(Labels::All(class as u8), rows, classes);
            let mut states = start.clone();
            for t in 1..=recipe.read_to {
                let happened = recipe.iterate(net, &self.down(), &ends, &mut states, &mut NoClock);
                if t < recipe.read_from {
                    continue;
                }
                for iterated in happened {
                    let g = recipe.goodness.value(&iterated.scored);
                    let slots = scores.iter_mut().skip(class).step_by(classes);
                    slots.zip(view(&g).iter()).for_each(|(score, g)| *score += share * g);
                }
            }
        }
        matrix(scores, rows, classes)
    }
}

impl Lessons {
    /// What is held for the gradients.
    fn bytes(&self) -> u64 {
        let x = self.x.iter().flatten().map(Activity::dims);
        let da = self.da.iter().flatten().map(|da| da.dims());
        x.chain(da).map(|[rows, cols]| (rows * cols * 4) as u64).sum()
    }
}

impl Recurrent {
    /// Iterations that teach.
    fn iterations(&self) -> usize {
        (self.teach_to + 1 - self.teach_from) as usize
    }

    fn sign(&self) -> f32 {
        match self.direction {
            Direction::Maximise => 1.0,
            Direction::Minimise => -1.0,
        }
    }
}
