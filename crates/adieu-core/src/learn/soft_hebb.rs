//! SoftHebb: Journé, Garcia Rodriguez, Guo & Moraitis 2023, "Hebbian Deep Learning Without Feedback", ICLR 2023,
//! arXiv:2209.11883.
//!
//! The units of a place compete for it, softly; the winner moves towards what it saw, the others away from it. No label,
//! no error, no gradient of any loss.
//!
//! ```text
//! u_o = x·w_o + b_o at each place        q = softmax over units of t u        q̃ = q of the largest u, −q of the others
//! Δw_o = Σ over rows and places of q̃_o (x − u_o w_o)
//! w_o ← w_o + η |‖w_o‖ − 1|^½ Δw_o / max |Δw|
//! ```
//!
//! with x what the unit sees at the place (all of it in a dense block), t the inverse temperature, and the largest taken
//! over the whole Δw of a layer. The second term is Oja's: it brings lengths to 1, and a unit that has arrived stands still. So
//! that there is a way to go, weights begin [`SoftHebb::radius`] times as long as the network's, which are of length 1 on
//! average: the learner lengthens them in its first step. Biases stay as they are, which is zero.
//!
//! What the next layer sees is up to the network: the paper has `batch_norm` before each layer, and `triangle` to some
//! power and pooling after it. A linear softmax on what the last layer says looks on.
//!
//! # Differences from the paper
//! - Borders are padded with zeros, not by reflection.
//! - Weights have the directions of the network's initial ones, which all learners share, and their length until the first
//!   step of their layer: a layer whose window has not come yet shows what weights of length 1 say.
//! - Of two largest u, the first wins; there whichever the library names.
//! - Learning rates follow a schedule over the epochs, of which there may be several; there it is one.
//! - The softmax learns in the same steps, so that its error can be watched; there it is trained afterwards, behind dropout
//!   of a half (`head.dropout`).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use adieu_kernels::channel_sums;

use super::common::onlooker::{Onlooker, Reads};
use super::common::unlabelled::{Rule, Seen, Settings, Unlabelled, of_layer, refuse};
use super::common::windows::Window;
use super::{Ask, Diverged, Learner, LearnerFn, Outline, Phase, Refusal, Scalar, StepCx, Task, finite};
use crate::Tensor;
use crate::parts::block::{Collect, Net};
use crate::parts::host::{matrix, view};
use crate::parts::layer::Linear;
use crate::parts::norm::Norm;
use crate::parts::optimizer::Timed;
use crate::parts::param::Param;
use crate::parts::schedule::{HalfThenLinear, Schedule};

/// SoftHebb: units compete for what they see, and learn it as they win. It looks at no label; a linear softmax reads what
/// was learnt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SoftHebb {
    /// How each block learns; the last one given serves all further ones.
    #[schemars(length(min = 1))]
    pub layers: Vec<Competition>,
    /// How many times as long as the network's weights begin.
    #[schemars(range(min = 1e-3, max = 1e3))]
    pub radius: f64,
    /// What happens to a row before the first block, and between blocks.
    pub norm: Norm,
    /// In which epochs each block learns; left out, in all.
    pub windows: Vec<Window>,
    /// Learning rates over the epochs.
    pub schedule: Schedule,
    /// The linear softmax.
    pub head: Onlooker,
}

/// How a block's units compete.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Competition {
    /// η
    #[schemars(range(min = 0.0, max = 1e6))]
    pub rate: f64,
    /// t: the larger, the fewer share a place.
    #[schemars(range(min = 0.0, max = 1e6))]
    pub inverse_temperature: f64,
}

impl Default for Competition {
    fn default() -> Competition {
        Competition { rate: 0.08, inverse_temperature: 1.0 }
    }
}

impl Default for SoftHebb {
    fn default() -> SoftHebb {
        SoftHebb {
            layers: vec![Competition::default()],
            radius: 25.0,
            norm: Norm::None,
            windows: Vec::new(),
            schedule: HalfThenLinear {}.into(),
            head: Onlooker { reads: Reads::Last, ..Onlooker::default() },
        }
    }
}

impl LearnerFn for SoftHebb {
    fn refuse(&self, blocks: &[Outline], task: &Task) -> Vec<Refusal> {
        refuse(self.layers.len(), &self.windows, &self.head, blocks, task)
    }

    fn asks(&self, _: usize) -> Vec<Ask> {
        vec![Ask::Product]
    }

    fn begins(&self) -> bool {
        true
    }

    fn build(&self, net: &mut Net, task: &Task) -> Box<dyn Learner> {
        let begun = |l: usize| Param::statistic(format!("layer.{l}.begun"), &[1], vec![0.0]);
        let rule = Competing { recipe: self.clone(), begun: (0..net.len()).map(begun).collect() };
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
struct Competing {
    recipe: SoftHebb,
    /// Of each layer, whether its weights have been lengthened: 1, else 0.
    begun: Vec<Param>,
}

impl Rule for Competing {
    fn prepare(&mut self, l: usize, linear: &mut dyn Linear) {
        if self.begun[l].values()[0] == 0.0 {
            self.begun[l].values_mut()[0] = 1.0;
            let radius = self.recipe.radius as f32;
            of_weights(linear, |w| w.values_mut().iter_mut().for_each(|w| *w *= radius));
        }
    }

    fn learn(
        &mut self,
        Seen { l, x, a: u, gain }: Seen<'_>,
        linear: &mut dyn Linear,
        cx: &mut StepCx<'_>,
        said: &mut Vec<Scalar>,
    ) -> Result<(), Diverged> {
        let Competition { rate, inverse_temperature } = *of_layer(&self.recipe.layers, l);
        cx.clock.press(Phase::Credit, l);
        let (q, share) = compete(u, linear.units(), inverse_temperature as f32); // q̃
        let zeros = vec![0.0; linear.units()];
        let [_, forgotten] = channel_sums(&view(&q), &zeros, &view(u), &zeros); // Σ q̃ u
        let mut seen = Collect::default(); // Σ q̃ x
        linear.descend(x, q.into(), &mut Timed::new(&mut seen, &mut *cx.clock, l));
        let mut moved = [0.0; 2];
        of_weights(linear, |w| {
            let seen = seen.0.remove(w.path()).expect("a product hands its gradient over").to_rows();
            let mut rows = w.to_rows();
            moved = hebbian_step(&mut rows, seen, &forgotten, rate * gain);
            w.load_rows(&rows);
        });
        finite(&moved.map(|number| number as f32), Some(l), "weights")?;
        let [length, _] = moved;
        let mut push = |name, value| said.push(Scalar { name, layer: Some(l), value });
        push("winner_share", share);
        push("weight_length", length);
        Ok(())
    }

    fn params(&mut self, l: usize, visit: &mut dyn FnMut(&mut Param)) {
        visit(&mut self.begun[l]);
    }
}

/// Shows W `[n_in, units]`.
fn of_weights(linear: &mut dyn Linear, mut show: impl FnMut(&mut Param)) {
    linear.params(&mut |param| {
        if param.shape().len() == 2 {
            show(param);
        }
    });
}

/// q̃ of u, both `[B, places·units]`, and the mean of q of the winners.
fn compete(u: &Tensor, units: usize, t: f32) -> (Tensor, f64) {
    let [rows, cols] = u.dims();
    let (mut q, mut share) = (view(u).to_vec(), 0.0);
    for place in q.chunks_exact_mut(units) {
        let mut winner = 0;
        for (o, u) in place.iter().enumerate() {
            if *u > place[winner] {
                winner = o;
            }
        }
        let most = place[winner];
        place.iter_mut().for_each(|u| *u = (t * (*u - most)).exp());
        let sum = place.iter().map(|e| f64::from(*e)).sum::<f64>() as f32;
        place.iter_mut().for_each(|e| *e = -*e / sum);
        place[winner] = -place[winner];
        share += f64::from(place[winner]);
    }
    (matrix(q, rows, cols), share / (rows * cols / units) as f64)
}

/// W `[n_in, units]`, row by row, moves by η |‖w_o‖ − 1|^½ Δw_o / max |Δw|, where Δw is made in `seen`, Σ q̃ x, by
/// taking off what is `forgotten`, (Σ q̃ u) w. Returns the mean length from before, and the largest Δw.
fn hebbian_step(w: &mut [f32], mut seen: Vec<f32>, forgotten: &[f64], rate: f64) -> [f64; 2] {
    let units = forgotten.len();
    let (mut squares, mut most) = (vec![0.0_f64; units], 0.0_f32);
    for (w, dw) in w.chunks_exact(units).zip(seen.chunks_exact_mut(units)) {
        for (((w, dw), forgotten), squares) in w.iter().zip(dw).zip(forgotten).zip(&mut squares) {
            *dw -= *forgotten as f32 * w;
            most = if dw.is_nan() { f32::NAN } else { most.max(dw.abs()) };
            *squares += f64::from(*w).powi(2);
        }
    }
    let lengths = squares.iter().map(|squares| squares.sqrt());
    // a layer that nothing moves stays where it is
    let scale = if most > 0.0 { rate / f64::from(most) } else { 0.0 };
    let rates: Vec<f32> =
        lengths.clone().map(|length| (scale * (length - 1.0).abs().sqrt()) as f32).collect();
    for (w, dw) in w.chunks_exact_mut(units).zip(seen.chunks_exact(units)) {
        w.iter_mut().zip(dw).zip(&rates).for_each(|((w, dw), rate)| *w += rate * dw);
    }
    [lengths.sum::<f64>() / units as f64, f64::from(most)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::Goal;
    use crate::learn::NoClock;
    use crate::parts::Batch;
    use crate::parts::activation::Activation;
    use crate::parts::batch_norm::BatchNorm;
    use crate::parts::block::Block;
    use crate::parts::chance::{Purpose, Rng};
    use crate::parts::convolution::Convolution;
    use crate::parts::dense::Dense;
    use crate::parts::host::matrix_from;
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
    fn the_largest_wins_and_all_others_lose() {
        let u = matrix(vec![0.0, 2.0, 2.0, -1.0, 1e4, -1e4, 0.0, 0.0, 0.0], 1, 9);
        let (q, share) = compete(&u, 3, 0.5);
        let e = std::f32::consts::E.recip();
        let of = [-e / (2.0 + e), 1.0 / (2.0 + e), -1.0 / (2.0 + e)];
        let q = view(&q);
        assert!(q[..3].iter().zip(of).all(|(q, of)| (q - of).abs() < 1e-6), "{:?}", &q[..3]);
        assert_eq!(q[3..6], [0.0, 1.0, 0.0], "no exponential overflows");
        assert!((q[6] - 1.0 / 3.0).abs() < 1e-6 && q[7] == -q[6] && q[8] == -q[6], "of equals the first");
        let shares = (f64::from(1.0 / (2.0 + e)) + 1.0 + 1.0 / 3.0) / 3.0;
        assert!((share - shares).abs() < 1e-6);
    }

    /// The update written out, place by place.
    #[test]
    fn a_convolution_moves_by_the_sum_over_places() {
        let input = window_of_three().0;
        let mut net = convolutional();
        let task = Task { input, classes: 3, train_rows: 5, epochs: 4, seed: 1, goal: Goal::Classify };
        let recipe = SoftHebb { radius: 3.0, ..SoftHebb::default() };
        let mut learner = recipe.build(&mut net, &task);
        let x = noise(5, 16, 1);
        let before: Vec<f32> = weights(&mut *net[0]).iter().map(|w| 3.0 * w).collect();
        let wanted = written_out(&view(&x), &before, 4, 1.0, 0.08);
        step(&mut net, learner.as_mut(), &x, 1);
        let found = weights(&mut *net[0]);
        let worst = found.iter().zip(&wanted).map(|(a, b)| (f64::from(*a) - b).abs()).fold(0.0, f64::max);
        assert!(worst < 1e-5, "off by {worst}");
    }

    fn window_of_three() -> (Shape, window::Window) {
        (Shape::Image { c: 1, h: 4, w: 4 }, window::Window { kernel: 3, stride: 1, padding: 1 })
    }

    fn convolutional() -> Vec<Box<dyn Block>> {
        let (input, three) = window_of_three();
        let mut chance = Rng::stream(1, Purpose::Init, 0);
        let convolution =
            Convolution::new("0.0", input, 4, three, Activation::Identity, &mut chance).unwrap();
        let pixels = convolution.output();
        let triangle = Triangle::new(pixels, 0.7).unwrap();
        let two = window::Window { kernel: 2, stride: 2, padding: 0 };
        let pool = Pool::new(pixels, two, Of::Largest).unwrap();
        let norm = BatchNorm::new("1.0", pool.output()).unwrap();
        let dense = Dense::new("1.1", 16, 6, Activation::Relu, &mut chance);
        vec![
            Box::new(Stack::new(vec![Box::new(convolution), Box::new(triangle), Box::new(pool)])),
            Box::new(Stack::new(vec![Box::new(norm), Box::new(dense)])),
        ]
    }

    fn weights(block: &mut dyn Block) -> Vec<f32> {
        let mut found = Vec::new();
        block.params(&mut |param| {
            if param.path().ends_with("weight") {
                found = param.to_rows();
            }
        });
        found
    }

    fn step(net: &mut Net, learner: &mut dyn Learner, x: &Tensor, step: u64) -> Vec<Scalar> {
        let rows = x.dims()[0];
        let labels = (0..rows).map(|row| (row % 3) as u8).collect();
        let batch = Batch { x: x.clone(), labels, ids: vec![0; rows] };
        learner.step(net, &batch, &mut StepCx { seed: 1, step, clock: &mut NoClock }).unwrap()
    }

    /// W after a step of a 3 x 3 window over 4 x 4 pixels with padding 1, in double precision.
    fn written_out(x: &[f32], w: &[f32], units: usize, t: f64, rate: f64) -> Vec<f64> {
        let w: Vec<f64> = w.iter().map(|w| f64::from(*w)).collect();
        let mut dw = vec![0.0; w.len()];
        for image in x.chunks_exact(16) {
            for (y, x) in (0..4).flat_map(|y| (0..4).map(move |x| (y, x))) {
                let pixel = |i: usize| {
                    let (y, x) = ((y + i / 3).checked_sub(1), (x + i % 3).checked_sub(1));
                    let inside = y.zip(x).filter(|(y, x)| *y < 4 && *x < 4);
                    inside.map_or(0.0, |(y, x)| f64::from(image[y * 4 + x]))
                };
                let u: Vec<f64> =
                    (0..units).map(|o| (0..9).map(|i| pixel(i) * w[i * units + o]).sum()).collect();
                let most = u.iter().copied().fold(f64::MIN, f64::max);
                let sum: f64 = u.iter().map(|u| (t * (u - most)).exp()).sum();
                for o in 0..units {
                    let q = (t * (u[o] - most)).exp() / sum;
                    let q = if u[o] == most { q } else { -q };
                    for i in 0..9 {
                        dw[i * units + o] += q * (pixel(i) - u[o] * w[i * units + o]);
                    }
                }
            }
        }
        let most = dw.iter().fold(0.0, |most: f64, dw| most.max(dw.abs()));
        let length = |o: usize| (0..9).map(|i| w[i * units + o].powi(2)).sum::<f64>().sqrt();
        let moved =
            |(at, w): (usize, &f64)| w + rate * (length(at % units) - 1.0).abs().sqrt() * dw[at] / most;
        w.iter().enumerate().map(moved).collect()
    }

    #[test]
    fn lengths_go_to_one_and_biases_stay() {
        let mut net = convolutional();
        let task = Task {
            input: window_of_three().0,
            classes: 3,
            train_rows: 30,
            epochs: 4,
            seed: 1,
            goal: Goal::Classify,
        };
        let mut learner = SoftHebb { radius: 5.0, ..SoftHebb::default() }.build(&mut net, &task);
        let length = |said: &[Scalar], layer| {
            let found = said.iter().find(|said| said.name == "weight_length" && said.layer == Some(layer));
            found.unwrap().value
        };
        let first = step(&mut net, learner.as_mut(), &noise(30, 16, 1), 1);
        assert!((length(&first, 0) / 5.0 - 1.0).abs() < 0.3, "{first:?}");
        let mut last = Vec::new();
        for at in 2..=600 {
            last = step(&mut net, learner.as_mut(), &noise(30, 16, at), at);
        }
        for layer in 0..2 {
            let (then, now) = (length(&first, layer), length(&last, layer));
            assert!((now - 1.0).abs() < 0.5 * (then - 1.0).abs(), "layer {layer}: {then} to {now}");
        }
        net[0].params(&mut |param| {
            assert!(!param.path().ends_with("bias") || param.values().iter().all(|b| *b == 0.0))
        });
    }

    #[test]
    fn a_layer_that_sees_nothing_stays() {
        let mut w = vec![1.0, 2.0, 3.0, 4.0];
        let [length, most] = hebbian_step(&mut w, vec![0.0; 4], &[0.0, 0.0], 0.1);
        assert_eq!(w, [1.0, 2.0, 3.0, 4.0]);
        assert!((length - (10.0_f64.sqrt() + 20.0_f64.sqrt()) / 2.0).abs() < 1e-9);
        assert_eq!(most, 0.0);
    }

    #[test]
    fn what_cannot_be_is_refused_by_its_key() {
        let task = Task {
            input: window_of_three().0,
            classes: 3,
            train_rows: 5,
            epochs: 4,
            seed: 1,
            goal: Goal::Classify,
        };
        let blocks = crate::learn::outlines(&convolutional(), task.input);
        let keys = |change: &dyn Fn(&mut SoftHebb)| {
            let mut recipe = SoftHebb::default();
            change(&mut recipe);
            recipe.refuse(&blocks, &task).into_iter().map(|refusal| refusal.key).collect::<Vec<_>>()
        };
        assert_eq!(keys(&|_| {}), [""; 0]);
        assert_eq!(keys(&|recipe| recipe.layers.clear()), ["layers"]);
        assert_eq!(keys(&|recipe| recipe.windows = vec![Window { first: 2, last: 1 }; 2]), ["windows"; 2]);
        assert_eq!(keys(&|recipe| (recipe.head.reads, recipe.head.pool) = (Reads::All, 3)), ["head.pool"]);
    }
}
