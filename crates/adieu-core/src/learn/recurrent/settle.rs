//! The layers between the clamped ends, from one iteration to the next.

use super::{Recurrent, Scored};
use crate::Tensor;
use crate::learn::{Clock, Phase};
use crate::parts::activation::Activation;
use crate::parts::activity::Activity;
use crate::parts::block::{Block, Net};
use crate::parts::host::{matrix, stack_rows, update, view, zip};
use crate::parts::label_code::{Columns, Labels, Overlay};
use crate::parts::layer::Layer;

/// What is held fast.
pub(super) struct Ends {
    /// N(s₀) U₁ + b₁, the image's contribution, the same in every iteration: `[B, n₁]`.
    pub(super) image: Tensor,
    /// N(s_{L+1}), the label: `[rows, K]`, rows a multiple of B.
    pub(super) label: Activity,
}

/// States of the hidden layers.
#[derive(Clone)]
pub(super) struct States {
    /// s_l: `[rows, n_l]`.
    s: Vec<Tensor>,
    /// N(s_l), what the neighbours see.
    pub(super) x: Vec<Activity>,
}

/// What an iteration did to one layer.
pub(super) struct Iterated {
    /// What is scored: s_l(t) or h_l(t).
    pub(super) scored: Activity,
    /// What the slopes φ′ are taken from: a_l(t), or h_l(t) where that says as much.
    kept: Tensor,
    activation: Activation,
}

impl Iterated {
    /// ∂L/∂a = ∂L/∂h ⊙ φ′(a)
    pub(super) fn credit(&self, dh: Activity) -> Tensor {
        let kept = view(&self.kept);
        update(dh.into_tensor(), |da| self.activation.kernel().pull_back(&kept, da))
    }
}

impl States {
    /// The same rows, and all of them once more.
    pub(super) fn twice(self) -> States {
        let twice = |t: &Tensor| stack_rows(t, t);
        let x = self.x.iter().map(|x| twice(x.values()).into()).collect();
        States { s: self.s.iter().map(twice).collect(), x }
    }
}

/// A block as a layer.
///
/// # Panics
/// If it is none: recipes that would build one are refused.
pub(super) fn layer(block: &dyn Block) -> &dyn Layer {
    block.as_layer().unwrap_or_else(|| panic!("{} is not one layer", block.describe()))
}

impl Recurrent {
    /// N(one-hot label): `[rows, classes]`.
    pub(super) fn clamp(&self, labels: Labels<'_>, rows: usize, classes: usize) -> Activity {
        self.seen(&Overlay::default().code(labels, rows, classes))
    }

    /// N(s), multiplied out.
    fn seen(&self, s: &Tensor) -> Activity {
        self.norm.apply(&s.clone().into()).into_tensor().into()
    }

    /// The bottom-up pass: s_l(0) = φ(N(s_{l−1}(0)) U_l + b_l). `image` is the first layer's total input.
    pub(super) fn bottom_up(&self, net: &Net, image: &Tensor, clock: &mut dyn Clock) -> States {
        let rows = image.dims()[0];
        let (mut s, mut x) = (Vec::<Tensor>::new(), Vec::<Activity>::new());
        for (l, block) in net.iter().enumerate() {
            clock.press(Phase::Forward, l);
            s.push(match x.last() {
                None => update(image.clone(), |a| layer(&**block).activation().kernel().apply(a)),
                Some(below) => {
                    clock.work(block.cost(rows).forward_macs);
                    block.apply(below).into_tensor()
                }
            });
            x.push(self.seen(&s[l]));
        }
        States { s, x }
    }

    /// One iteration: every layer from its neighbours as they were.
    ///
    /// ```text
    /// h_l(t) = φ(N(s_{l−1}(t−1)) U_l + N(s_{l+1}(t−1)) D_l + b_l)
    /// s_l(t) = damping s_l(t−1) + (1 − damping) h_l(t)
    /// ```
    pub(super) fn iterate(
        &self,
        net: &Net,
        down: &[&dyn Layer],
        ends: &Ends,
        states: &mut States,
        clock: &mut dyn Clock,
    ) -> Vec<Iterated> {
        let rows = ends.label.dims()[0];
        let mut happened = Vec::with_capacity(net.len());
        let mut next = Vec::with_capacity(net.len());
        for (l, block) in net.iter().enumerate() {
            clock.press(Phase::Settle, l);
            let below = l.checked_sub(1).map(|below| {
                clock.work(block.cost(rows).forward_macs);
                layer(&**block).total_input(&states.x[below])
            });
            clock.work(down[l].cost(rows).forward_macs);
            let above = states.x.get(l + 1).unwrap_or(&ends.label);
            let a = plus(down[l].total_input(above), below.as_ref().unwrap_or(&ends.image));
            let activation = layer(&**block).activation();
            let before = activation.kernel().needs_input().then(|| a.clone());
            let h = update(a, |a| activation.kernel().apply(a));
            let keep = self.damping as f32;
            let s = zip(&states.s[l], &h, |s, h| keep * s + (1.0 - keep) * h);
            let scored = match self.scored {
                Scored::State => s.clone().into(),
                Scored::Activity => h.clone().into(),
            };
            happened.push(Iterated { scored, kept: before.unwrap_or(h), activation });
            next.push(s);
        }
        states.x = next.iter().map(|s| self.seen(s)).collect();
        states.s = next;
        happened
    }

    /// ∂s/∂h or 1: what the scored activity moves by as h does.
    pub(super) fn share(&self) -> f32 {
        match self.scored {
            Scored::State => 1.0 - self.damping as f32,
            Scored::Activity => 1.0,
        }
    }
}

/// `a` and the rows of `base`, which are read again from the first where `a` has more.
fn plus(a: Tensor, base: &Tensor) -> Tensor {
    let base = view(base);
    update(a, |a| {
        let add = |a: &mut [f32]| a.iter_mut().zip(base.iter()).for_each(|(a, base)| *a += base);
        a.chunks_mut(base.len().max(1)).for_each(add);
    })
}

/// Rows of some iterations as one matrix: the first half of each, then the second halves, so that positive rows come
/// first.
pub(super) fn stacked(iterations: &[&Tensor]) -> Tensor {
    let Some([rows, cols]) = iterations.first().map(|t| t.dims()) else { return matrix(Vec::new(), 0, 0) };
    let mut values = Vec::with_capacity(iterations.len() * rows * cols);
    let half = rows / 2 * cols;
    iterations.iter().for_each(|t| values.extend_from_slice(&view(t)[..half]));
    iterations.iter().for_each(|t| values.extend_from_slice(&view(t)[half..]));
    matrix(values, iterations.len() * rows, cols)
}

/// Their sum, row by row: `[rows, n]`.
pub(super) fn summed(iterations: &[&Tensor]) -> Tensor {
    let [rows, cols] = iterations[0].dims();
    let mut sum = view(iterations[0]).to_vec();
    for t in &iterations[1..] {
        sum.iter_mut().zip(view(t).iter()).for_each(|(sum, v)| *sum += v);
    }
    matrix(sum, rows, cols)
}

/// The second half of the rows added to the first: `[rows/2, n]`.
pub(super) fn folded(t: &Tensor) -> Tensor {
    let [rows, cols] = t.dims();
    let values = view(t);
    let (first, second) = values.split_at(rows / 2 * cols);
    matrix(first.iter().zip(second).map(|(a, b)| a + b).collect(), rows / 2, cols)
}
