//! Self-contrastive Forward-Forward (SCFF): Chen, Liu, Laydevant & Grollier 2025, "Self-Contrastive Forward-Forward
//! algorithm", Nature Communications 16, arXiv:2409.11593.
//!
//! Without labels, and without made-up data: a positive row is an image *beside itself*, a negative one an image beside
//! another of the batch. Both halves are seen through the same weights.
//!
//! ```text
//! u  = x ∗ W + b                        total input of each image: [B, P places, C channels]
//! z⁺ = 2 u_i        z⁻ = u_i + u_j      j = i + r mod B, one random shift r a batch
//! y  = mean of relu(z)² over the channels of a place
//! L  = mean softplus(θ⁺ − y⁺) + mean softplus(y⁻ − θ⁻) + λ mean_i ‖y⁺_i‖        means over rows and places
//! ```
//!
//! with ‖y⁺_i‖ over the places of row i. The way back, σ being the logistic function:
//!
//! ```text
//! g⁺ = −σ(θ⁺ − y⁺)/(B P) + λ y⁺/(B ‖y⁺_i‖)        g⁻ = σ(y⁻ − θ⁻)/(B P)
//! ∂L/∂u_i = (8 g⁺_i relu(u_i) + 2 g⁻_i relu(u_i + u_{i+r}) + 2 g⁻_{i−r} relu(u_{i−r} + u_i)) / C
//! ```
//!
//! One product an image serves both pairs. A dense block has one place. What the next layer sees is up to the network:
//! the paper has `layer_norm` before each layer, and `triangle` and pooling after it. A linear softmax on what all
//! layers say looks on.
//!
//! # Differences from the paper
//! - Pairs are formed anew at each layer, from what each image alone becomes; the paper lets the second layer inherit
//!   the first one's pairs, and forms them anew at the third.
//! - The paper standardises a pair once more as a whole, which would take a product for each half.
//! - Borders are padded with zeros, not by reflection, and layers have biases.
//! - Learning rates follow a schedule over the epochs; there they fall by a factor every so many steps.
//! - The softmax learns in the same steps, so that its error can be watched; there it is trained afterwards.
//! - All layers learn together unless `windows` say otherwise; there each has its own epochs, one after the other.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::onlooker::Onlooker;
use super::common::unlabelled::{Rule, Seen, Settings, Unlabelled, of_layer, refuse};
use super::common::windows::Window;
use super::{Ask, Diverged, Learner, LearnerFn, Outline, Phase, Refusal, Scalar, StepCx, Task, finite};
use crate::Tensor;
use crate::parts::Batch;
use crate::parts::block::Net;
use crate::parts::chance::{Purpose, Rng};
use crate::parts::host::{matrix, matrix_from, view};
use crate::parts::layer::Linear;
use crate::parts::norm::Norm;
use crate::parts::objective::{sigmoid, softplus};
use crate::parts::optimizer::{AdamW, Descent, Optimizer};
use crate::parts::param::Param;
use crate::parts::schedule::{Cosine, Schedule};

/// Self-contrastive Forward-Forward: an image beside itself against an image beside another. It looks at no label; a
/// linear softmax reads what was learnt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SelfContrastive {
    /// How each block learns; the last one given serves all further ones.
    #[schemars(length(min = 1))]
    pub layers: Vec<Contrast>,
    /// What happens to a row before the first block, and between blocks.
    pub norm: Norm,
    /// In which epochs each block learns; left out, in all.
    pub windows: Vec<Window>,
    /// Learning rates over the epochs.
    pub schedule: Schedule,
    /// The linear softmax.
    pub head: Onlooker,
}

/// How a block contrasts pairs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Contrast {
    /// θ⁺: what the goodness of an image beside itself shall exceed.
    #[schemars(range(min = -1e6, max = 1e6))]
    pub theta_positive: f64,
    /// θ⁻: what that of an image beside another shall stay below.
    #[schemars(range(min = -1e6, max = 1e6))]
    pub theta_negative: f64,
    /// λ: how hard the goodness of an image beside itself is kept small.
    #[schemars(range(min = 0.0, max = 1e6))]
    pub lambda: f64,
    /// How the block's parameters move.
    pub optimizer: Optimizer,
}

impl Default for Contrast {
    fn default() -> Contrast {
        let optimizer = AdamW { rate: 0.002, decay: 1e-4, ..AdamW::default() }.into();
        Contrast { theta_positive: 1.0, theta_negative: 1.0, lambda: 0.0007, optimizer }
    }
}

impl Contrast {
    /// What goodness is told in units of, so that 1 is the boundary: midway between both thresholds, or 1 where that is not
    /// above zero.
    fn unit(&self) -> f64 {
        let midway = (self.theta_positive + self.theta_negative) / 2.0;
        if midway > 0.0 { midway } else { 1.0 }
    }
}

impl Default for SelfContrastive {
    fn default() -> SelfContrastive {
        SelfContrastive {
            layers: vec![Contrast::default()],
            norm: Norm::None,
            windows: Vec::new(),
            schedule: Cosine::default().into(),
            head: Onlooker::default(),
        }
    }
}

impl LearnerFn for SelfContrastive {
    fn refuse(&self, blocks: &[Outline], task: &Task) -> Vec<Refusal> {
        refuse(self.layers.len(), &self.windows, &self.head, blocks, task)
    }

    fn asks(&self, _: usize) -> Vec<Ask> {
        vec![Ask::Product]
    }

    fn least_rows(&self) -> u64 {
        2 // beside another
    }

    fn build(&self, net: &mut Net, task: &Task) -> Box<dyn Learner> {
        let layers = net.iter_mut().enumerate().map(|(l, block)| {
            let contrast = of_layer(&self.layers, l).clone();
            let descent =
                Descent::new(&contrast.optimizer, &format!("layer.{l}"), |visit| block.params(visit));
            (contrast, descent)
        });
        let rule = Pairs { layers: layers.collect() };
        let settings = Settings {
            norm: self.norm,
            schedule: self.schedule.clone(),
            windows: self.windows.clone(),
            head: self.head.clone(),
        };
        Box::new(Unlabelled::new(settings, rule, net, task))
    }
}

/// The rule at work.
struct Pairs {
    layers: Vec<(Contrast, Descent)>,
}

impl Rule for Pairs {
    fn learn(
        &mut self,
        Seen { l, x, a, gain }: Seen<'_>,
        linear: &mut dyn Linear,
        cx: &mut StepCx<'_>,
        said: &mut Vec<Scalar>,
    ) -> Result<(), Diverged> {
        let (contrast, descent) = &mut self.layers[l];
        cx.clock.press(Phase::Credit, l);
        // the same r at every layer
        let shift = shift(a.dims()[0], &mut cx.chance(Purpose::Negatives));
        let pairs = Goodness::of(a, linear.units(), shift);
        let (loss, g) = pairs.loss(contrast);
        finite(&[loss as f32], Some(l), "loss")?;
        let mut push = |name, value| said.push(Scalar { name, layer: Some(l), value });
        push("loss", loss);
        push("goodness_positive", mean(&pairs.positive) / contrast.unit());
        push("goodness_negative", mean(&pairs.negative) / contrast.unit());
        push("pairwise_errors", pairs.errors());
        let du = pairs.pull_back(a, &g); // ∂L/∂u
        drop((pairs, g));
        descent.begin(gain);
        linear.descend(x, du.into(), &mut descent.on(&mut *cx.clock, l));
        Ok(())
    }

    /// z⁻ = u_i + u_j is 2 u of the mean of both images, as z⁺ is 2 u of the image.
    fn made_up(&self, batch: &Batch, chance: &mut Rng) -> Option<Tensor> {
        let ([rows, cols], x) = (batch.x.dims(), view(&batch.x));
        let shift = shift(rows, chance);
        let other = |row| (row + shift) % rows;
        Some(matrix_from(rows, cols, |r, c| 0.5 * (x[r * cols + c] + x[other(r) * cols + c])))
    }

    fn params(&mut self, l: usize, visit: &mut dyn FnMut(&mut Param)) {
        self.layers[l].1.params(visit);
    }
}

/// r: from 1 to B − 1; of a single row 0, which is then its own other.
fn shift(rows: usize, chance: &mut Rng) -> usize {
    if rows > 1 { 1 + chance.below(rows as u32 - 1) as usize } else { 0 }
}

fn mean(y: &[f32]) -> f64 {
    y.iter().map(|y| f64::from(*y)).sum::<f64>() / y.len() as f64
}

/// y⁺ and y⁻ of each row and place, or ∂L/∂y: `[B·P]`.
struct Goodness {
    positive: Vec<f32>,
    negative: Vec<f32>,
    rows: usize,
    /// C
    units: usize,
    /// r
    shift: usize,
}

impl Goodness {
    /// Of u `[B, P·units]`.
    fn of(u: &Tensor, units: usize, shift: usize) -> Goodness {
        let ([rows, cols], u) = (u.dims(), view(u));
        let row = |b: usize| u[b * cols..][..cols].chunks_exact(units);
        let count = rows * (cols / units);
        let (mut positive, mut negative) = (Vec::with_capacity(count), Vec::with_capacity(count));
        for b in 0..rows {
            for (own, other) in row(b).zip(row((b + shift) % rows)) {
                positive.push(mean_square(own, own));
                negative.push(mean_square(own, other));
            }
        }
        Goodness { positive, negative, rows, units, shift }
    }

    /// P
    fn places(&self) -> usize {
        self.positive.len() / self.rows
    }

    /// L, and ∂L/∂y.
    fn loss(&self, contrast: &Contrast) -> (f64, Goodness) {
        let Contrast { theta_positive, theta_negative, lambda, .. } = *contrast;
        let (rows, all) = (self.rows as f64, self.positive.len() as f64);
        let (mut loss, mut positive) = (0.0, Vec::with_capacity(self.positive.len()));
        for row in self.positive.chunks_exact(self.places()) {
            let length = row.iter().map(|y| f64::from(*y).powi(2)).sum::<f64>().sqrt(); // ‖y⁺_i‖
            loss += lambda * length / rows;
            // a row without any goodness has no direction to be shortened in
            let shorten = if length > 0.0 { lambda / (rows * length) } else { 0.0 };
            for y in row {
                let short = theta_positive - f64::from(*y);
                loss += softplus(short) / all;
                positive.push((shorten * f64::from(*y)) as f32 - sigmoid(short as f32) / all as f32);
            }
        }
        let above = |y: &f32| f64::from(*y) - theta_negative;
        loss += self.negative.iter().map(|y| softplus(above(y))).sum::<f64>() / all;
        let negative = self.negative.iter().map(|y| sigmoid(above(y) as f32) / all as f32).collect();
        (loss, Goodness { positive, negative, ..*self })
    }

    /// Share of rows whose goodness beside another is not below that beside itself.
    fn errors(&self) -> f64 {
        let places = self.places();
        let rows = self.positive.chunks_exact(places).zip(self.negative.chunks_exact(places));
        rows.filter(|(positive, negative)| mean(negative) >= mean(positive)).count() as f64 / self.rows as f64
    }

    /// ∂L/∂u from `g` = ∂L/∂y.
    fn pull_back(&self, u: &Tensor, g: &Goodness) -> Tensor {
        let ([rows, cols], u) = (u.dims(), view(u));
        let (units, places, inverse) = (self.units, self.places(), 1.0 / self.units as f32);
        let mut du = vec![0.0; rows * cols];
        for (b, du) in du.chunks_exact_mut(cols).enumerate() {
            let [next, last] = [(b + self.shift) % rows, (b + rows - self.shift) % rows];
            for (p, du) in du.chunks_exact_mut(units).enumerate() {
                let place = |b: usize| &u[b * cols + p * units..][..units];
                let own = 8.0 * inverse * g.positive[b * places + p];
                let of_next = 2.0 * inverse * g.negative[b * places + p];
                let of_last = 2.0 * inverse * g.negative[last * places + p];
                let others = place(next).iter().zip(place(last));
                for ((du, u), (next, last)) in du.iter_mut().zip(place(b)).zip(others) {
                    *du = own * u.max(0.0) + of_next * (u + next).max(0.0) + of_last * (last + u).max(0.0);
                }
            }
        }
        matrix(du, rows, cols)
    }
}

/// Mean of relu(a + b)²: eight sums side by side, together in f64.
fn mean_square(a: &[f32], b: &[f32]) -> f32 {
    let square = |(a, b): (&f32, &f32)| (a + b).max(0.0).powi(2);
    let (ahead, bhead) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f32 = ahead.remainder().iter().zip(bhead.remainder()).map(square).sum();
    let mut sums = [0.0_f32; 8];
    for (a, b) in ahead.zip(bhead) {
        sums.iter_mut().zip(a.iter().zip(b)).for_each(|(sum, pair)| *sum += square(pair));
    }
    let sum: f64 = sums.iter().chain([&rest]).map(|sum| f64::from(*sum)).sum();
    (sum / a.len() as f64) as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::Goal;
    use crate::learn::NoClock;
    use crate::parts::activation::Activation;
    use crate::parts::block::Block;
    use crate::parts::convolution::Convolution;
    use crate::parts::host::zip;
    use crate::parts::normalise::{Normalise, Over};
    use crate::parts::pool::{Of, Pool};
    use crate::parts::shape::Shape;
    use crate::parts::stack::Stack;
    use crate::parts::triangle::Triangle;
    use crate::parts::window;

    fn noise(rows: usize, cols: usize, index: u64) -> Tensor {
        let mut chance = Rng::stream(3, Purpose::Probe, index);
        matrix_from(rows, cols, |_, _| chance.normal())
    }

    #[test]
    fn goodness_is_that_of_the_pairs_written_out() {
        let u = matrix(vec![1.0, -2.0, 3.0, 0.5, -1.0, 4.0, 2.0, -0.5, 0.0, 1.0, -3.0, -3.0], 3, 4);
        let pairs = Goodness::of(&u, 2, 1); // two places of two channels
        // z⁺ of row 0: (2, −4), (6, 1); z⁻ of rows 0 and 1: (0, 2), (5, 0)
        assert_eq!(pairs.positive[..2], [2.0, 18.5]);
        assert_eq!(pairs.negative[..2], [2.0, 12.5]);
        // of rows 2 and 0, as the shift goes round: (1, −1), (0, −2.5)
        assert_eq!(pairs.negative[4..], [0.5, 0.0]);
        assert_eq!(pairs.places(), 2);
        let long: Vec<f32> = (0..21).map(|i| i as f32 - 10.0).collect();
        let plain = long.iter().map(|a| (2.0 * a).max(0.0).powi(2)).sum::<f32>() / 21.0;
        assert!((mean_square(&long, &long) - plain).abs() < 1e-4);
    }

    #[test]
    fn the_error_is_the_slope_of_the_loss() {
        let forms = [(5, 1, 7, 2), (4, 6, 3, 1), (3, 4, 9, 2), (1, 2, 5, 0), (2, 3, 8, 1)];
        for (at, (rows, places, units, shift)) in forms.into_iter().enumerate() {
            for (theta_positive, theta_negative, lambda) in
                [(2.0, 3.0, 0.0), (0.0, 1.0, 0.3), (9.0, -2.0, 1.0)]
            {
                let contrast = Contrast { theta_positive, theta_negative, lambda, ..Contrast::default() };
                let (u, v) =
                    (noise(rows, places * units, at as u64), noise(rows, places * units, 50 + at as u64));
                let loss =
                    |t: f32| Goodness::of(&zip(&u, &v, |u, v| u + t * v), units, shift).loss(&contrast).0;
                let pairs = Goodness::of(&u, units, shift);
                let du = pairs.pull_back(&u, &pairs.loss(&contrast).1);
                let exact: f64 = view(&du).iter().zip(view(&v).iter()).map(|(d, v)| f64::from(d * v)).sum();
                let numeric = (loss(1e-3) - loss(-1e-3)) / 2e-3;
                let allowed = 1e-2 * exact.abs().max(numeric.abs()).max(0.1);
                assert!((exact - numeric).abs() < allowed, "{rows}x{places}x{units}: {exact}, {numeric}");
            }
        }
    }

    #[test]
    fn goodness_is_told_in_units_of_what_lies_midway() {
        let unit = |theta_positive, theta_negative| {
            Contrast { theta_positive, theta_negative, ..Contrast::default() }.unit()
        };
        assert_eq!([unit(4.0, 6.0), unit(0.0, 1.0), unit(-1.0, 1.0), unit(-3.0, 0.0)], [5.0, 0.5, 1.0, 1.0]);
    }

    #[test]
    fn a_row_without_goodness_has_a_slope_all_the_same() {
        let u = matrix(vec![-1.0; 12], 2, 6);
        let pairs = Goodness::of(&u, 3, 1);
        let (loss, g) = pairs.loss(&Contrast { lambda: 1.0, ..Contrast::default() });
        assert!(loss.is_finite() && g.positive.iter().all(|g| g.is_finite()));
        assert!(view(&pairs.pull_back(&u, &g)).iter().all(|du| *du == 0.0), "no unit is on");
    }

    /// With biases of zero, what is made up has the goodness of the negative pair when it is seen as a positive one.
    #[test]
    fn made_up_rows_are_what_negative_pairs_look_like() {
        let (x, chance) = (noise(4, 6, 1), || Rng::stream(1, Purpose::Negatives, 1));
        let batch = Batch { x: x.clone(), labels: vec![0; 4], ids: vec![0; 4] };
        let made_up = Pairs { layers: Vec::new() }.made_up(&batch, &mut chance()).unwrap();
        let real = Goodness::of(&x, 3, shift(4, &mut chance()));
        assert_eq!(Goodness::of(&made_up, 3, 1).positive, real.negative);
    }

    fn convolutional() -> (Vec<Box<dyn Block>>, Task) {
        let input = Shape::Image { c: 1, h: 6, w: 6 };
        let three = window::Window { kernel: 3, stride: 1, padding: 1 };
        let two = window::Window { kernel: 2, stride: 2, padding: 0 };
        let mut shape = input;
        let block = |(l, channels): (usize, usize)| -> Box<dyn Block> {
            let mut chance = Rng::stream(1, Purpose::Init, l as u64);
            let norm = Normalise::new(shape, Over::Layer).unwrap();
            shape = norm.output();
            let convolution = Convolution::new(
                &format!("{l}.1"),
                shape,
                channels,
                three,
                Activation::Identity,
                &mut chance,
            );
            let convolution = convolution.unwrap();
            let triangle = Triangle::new(convolution.output(), 1.0).unwrap();
            let pool = Pool::new(convolution.output(), two, Of::Largest).unwrap();
            shape = pool.output();
            Box::new(Stack::new(vec![
                Box::new(norm),
                Box::new(convolution),
                Box::new(triangle),
                Box::new(pool),
            ]))
        };
        let net = [8, 12].into_iter().enumerate().map(block).collect();
        (net, Task { input, classes: 3, train_rows: 30, epochs: 4, seed: 1, goal: Goal::Classify })
    }

    #[test]
    fn convolutions_learn_to_tell_an_image_beside_itself() {
        let (mut net, task) = convolutional();
        let recipe = SelfContrastive {
            layers: vec![Contrast { theta_positive: 3.0, theta_negative: 1.0, ..Contrast::default() }],
            ..SelfContrastive::default()
        };
        let mut learner = recipe.build(&mut net, &task);
        let batch = Batch { x: noise(30, 36, 1), labels: (0..30).map(|i| i % 3).collect(), ids: vec![0; 30] };
        let mut said = Vec::new();
        for step in 1..=60 {
            let mut cx = StepCx { seed: 1, step, clock: &mut NoClock };
            said.push(learner.step(&mut net, &batch, &mut cx).unwrap());
        }
        let told = |at: usize, name, layer| {
            let found = said[at].iter().find(|said| said.name == name && said.layer == Some(layer));
            found.unwrap().value
        };
        for layer in 0..2 {
            assert!(told(59, "loss", layer) < told(0, "loss", layer) - 0.02, "layer {layer}");
        }
        assert_eq!(learner.predict(&net, &batch.x, "head").dims(), [30, 3]);
        assert_eq!(learner.above(&net, &batch.x).dims(), [30, 12]);
    }

    #[test]
    fn a_layer_outside_of_its_epochs_stays_and_costs_one_way_up() {
        #[derive(Default)]
        struct Macs(u64);
        impl crate::learn::Clock for Macs {
            fn press(&mut self, _: Phase, _: usize) {}
            fn work(&mut self, macs: u64) {
                self.0 += macs;
            }
        }
        let (mut net, task) = convolutional();
        let windows = vec![Window { first: 1, last: 2 }, Window { first: 3, last: 4 }];
        let mut learner = SelfContrastive { windows, ..SelfContrastive::default() }.build(&mut net, &task);
        let batch = Batch { x: noise(30, 36, 1), labels: (0..30).map(|i| i % 3).collect(), ids: vec![0; 30] };
        let weights = |net: &mut Net| {
            let all = net.iter_mut().map(|block| {
                let mut found = Vec::new();
                block.params(&mut |param| found.extend(param.to_rows()));
                found
            });
            all.collect::<Vec<_>>()
        };
        let products = [0, 1].map(|l| net[l].cost(30).forward_macs);
        let head = 3 * 30 * (9 * 8 + 12); // 3 x 3 pixels of 8 channels, and 12 channels; 3 classes
        for (epoch, learning) in [(1, 0), (2, 0), (3, 1), (4, 1)] {
            assert_eq!(
                learner.epoch(epoch),
                if epoch % 2 == 1 { 1.0 } else { 0.5 },
                "the schedule of its own epochs"
            );
            let (before, mut macs) = (weights(&mut net), Macs::default());
            learner.step(&mut net, &batch, &mut StepCx { seed: 1, step: epoch, clock: &mut macs }).unwrap();
            let after = weights(&mut net);
            let moved = [0, 1].map(|l| before[l] != after[l]);
            assert_eq!(moved, [learning == 0, learning == 1], "epoch {epoch}");
            assert_eq!(macs.0, products[0] + products[1] + products[learning] + 2 * head);
        }
    }

    #[test]
    fn what_cannot_be_is_refused_by_its_key() {
        let (mut net, task) = convolutional();
        let blocks = crate::learn::outlines(&net, task.input);
        let keys = |change: &dyn Fn(&mut SelfContrastive)| {
            let mut recipe = SelfContrastive::default();
            change(&mut recipe);
            recipe.refuse(&blocks, &task).into_iter().map(|refusal| refusal.key).collect::<Vec<_>>()
        };
        assert_eq!(keys(&|_| {}), [""; 0]);
        assert_eq!(keys(&|recipe| recipe.layers.clear()), ["layers"]);
        assert_eq!(keys(&|recipe| recipe.layers = vec![Contrast::default(); 3]), ["layers"]);
        assert_eq!(keys(&|recipe| recipe.windows = vec![Window { first: 1, last: 4 }]), ["windows"]);
        assert_eq!(keys(&|recipe| recipe.windows = vec![Window { first: 1, last: 5 }; 2]), ["windows"; 2]);
        assert_eq!(keys(&|recipe| recipe.head.pool = 2), ["head.pool"]);
        SelfContrastive::default().build(&mut net, &task);
    }
}
