//! How a parameter moves, given the gradient of the loss.
//!
//! A rule works element by element, so it can be applied to any slice ([`Rule::apply`]) or, within the weight
//! gradient, to each block of the product while it is at hand ([`crate::Target::Descend`]): the same
//! arithmetic, the same bits.

use crate::crew::Shared;
use crate::panel::PANEL;
use crate::pass::{self, Pass};
use std::ops::Range;

/// A descent rule with one moment (v) or two (m and v), or the sum of gradients, with none. `g` is the gradient of the loss, `w` the parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// v ← keep·v + (1 − keep)·g;  w ← w − rate·(v + decay·w). Momentum as an exponential mean, with
    /// decoupled weight decay: the rule of Hinton's Forward-Forward code.
    EmaSgd {
        /// Learning rate.
        rate: f32,
        /// Share of the old v that stays, 0 ≤ keep < 1.
        keep: f32,
        /// Weight decay.
        decay: f32,
    },
    /// v ← momentum·v + g;  w ← w − rate·(v + decay·w).
    Sgd {
        /// Learning rate.
        rate: f32,
        /// Share of the old v that stays, 0 ≤ momentum < 1.
        momentum: f32,
        /// Weight decay, decoupled: it does not enter v.
        decay: f32,
    },
    /// m ← β₁·m + (1 − β₁)·g;  v ← β₂·v + (1 − β₂)·g²;  w ← w − rate·((m/c₁) / (√(v/c₂) + epsilon) +
    /// decay·w). Adam with decoupled weight decay (Loshchilov and Hutter, arXiv 1711.05101); with decay 0,
    /// Adam.
    AdamW {
        /// Learning rate.
        rate: f32,
        /// β₁, 0 ≤ β₁ < 1.
        beta1: f32,
        /// β₂, 0 ≤ β₂ < 1.
        beta2: f32,
        /// Keeps the quotient finite; positive.
        epsilon: f32,
        /// Weight decay.
        decay: f32,
        /// c₁ = 1 − β₁ᵗ at step t = 1, 2, …
        c1: f32,
        /// c₂ = 1 − β₂ᵗ at step t = 1, 2, …
        c2: f32,
    },
    /// w ← w + g. Here w is no parameter but a sum of gradients, of several batches say.
    Sum,
}

impl Rule {
    /// How many moments it keeps for each parameter: 0, 1 (`first` = v) or 2 (`first` = m, `second` = v).
    #[must_use]
    pub fn moments(&self) -> usize {
        match self {
            Self::EmaSgd { .. } | Self::Sgd { .. } => 1,
            Self::AdamW { .. } => 2,
            Self::Sum => 0,
        }
    }

    /// Moves `weights` by one step, and the moments with them. All slices have one length, save that
    /// `first` and `second` are empty where the rule has no such moment.
    ///
    /// # Panics
    /// If the lengths differ.
    pub fn apply(&self, gradient: &[f32], weights: &mut [f32], first: &mut [f32], second: &mut [f32]) {
        let len = weights.len();
        assert_eq!(gradient.len(), len, "gradient and weights differ in length");
        self.assert_moments(len, first, second);
        let (weights, first, second) = (Shared::new(weights), Shared::new(first), Shared::new(second));
        pass::run(len, &Apply { gradient, descent: Descent { rule: *self, weights, first, second } });
    }

    pub(crate) fn assert_moments(&self, len: usize, first: &[f32], second: &[f32]) {
        let expected = |moment| if self.moments() >= moment { len } else { 0 };
        assert_eq!(first.len(), expected(1), "length of the first moments under {self:?}");
        assert_eq!(second.len(), expected(2), "length of the second moments under {self:?}");
    }

    /// One step of N parameters, held in arrays of their own: nothing can overlap, so the loops become vector
    /// code.
    #[inline(always)]
    fn step<const N: usize>(
        &self,
        g: &[f32; N],
        w: &mut [f32; N],
        first: &mut [f32; N],
        second: &mut [f32; N],
    ) {
        match *self {
            Self::EmaSgd { rate, keep, decay } => {
                let v = first;
                for i in 0..N {
                    v[i] = keep * v[i] + (1.0 - keep) * g[i];
                    w[i] -= rate * (v[i] + decay * w[i]);
                }
            }
            Self::Sgd { rate, momentum, decay } => {
                let v = first;
                for i in 0..N {
                    v[i] = momentum * v[i] + g[i];
                    w[i] -= rate * (v[i] + decay * w[i]);
                }
            }
            Self::AdamW { rate, beta1, beta2, epsilon, decay, c1, c2 } => {
                let (per_c1, per_c2) = (1.0 / c1, 1.0 / c2);
                let (m, v) = (first, second);
                for i in 0..N {
                    m[i] = beta1 * m[i] + (1.0 - beta1) * g[i];
                    v[i] = beta2 * v[i] + (1.0 - beta2) * (g[i] * g[i]);
                    let direction = (m[i] * per_c1) / ((v[i] * per_c2).sqrt() + epsilon);
                    w[i] -= rate * (direction + decay * w[i]);
                }
            }
            Self::Sum => {
                for i in 0..N {
                    w[i] += g[i];
                }
            }
        }
    }
}

/// Parameters and moments on their way down, shared by a crew.
pub(crate) struct Descent<'a> {
    pub(crate) rule: Rule,
    pub(crate) weights: Shared<'a>,
    pub(crate) first: Shared<'a>,
    pub(crate) second: Shared<'a>,
}

impl Descent<'_> {
    /// Moves the N parameters from `start` on by `gradient`.
    ///
    /// # Safety
    /// The range lies in the parameters, and no other live part overlaps it.
    #[inline(always)]
    pub(crate) unsafe fn step<const N: usize>(&self, start: usize, gradient: &[f32; N]) {
        // SAFETY: by the contract above; the moments are as long as the parameters, where the rule has them.
        unsafe {
            let weights = self.weights.array_mut::<N>(start);
            let (mut w, mut m, mut v) = (*weights, [0.0; N], [0.0; N]);
            match self.rule {
                Rule::Sum => self.rule.step(gradient, &mut w, &mut m, &mut v),
                Rule::EmaSgd { .. } | Rule::Sgd { .. } => {
                    let first = self.first.array_mut::<N>(start);
                    m = *first;
                    self.rule.step(gradient, &mut w, &mut m, &mut v);
                    *first = m;
                }
                Rule::AdamW { .. } => {
                    let (first, second) =
                        (self.first.array_mut::<N>(start), self.second.array_mut::<N>(start));
                    (m, v) = (*first, *second);
                    self.rule.step(gradient, &mut w, &mut m, &mut v);
                    (*first, *second) = (m, v);
                }
            }
            *weights = w;
        }
    }

    /// Asks for the cache lines of `len` parameters from `start` on, and of their moments.
    #[inline(always)]
    pub(crate) fn prefetch(&self, start: usize, len: usize) {
        for part in [&self.weights, &self.first, &self.second] {
            part.prefetch(start, len);
        }
    }
}

struct Apply<'a> {
    gradient: &'a [f32],
    descent: Descent<'a>,
}

impl Pass for Apply<'_> {
    #[inline(always)]
    fn part(&self, range: Range<usize>) {
        let (chunks, rest) = self.gradient[range.clone()].as_chunks::<PANEL>();
        for (c, chunk) in chunks.iter().enumerate() {
            // SAFETY: the ranges of a pass are in bounds and disjoint.
            unsafe { self.descent.step(range.start + c * PANEL, chunk) };
        }
        for (i, g) in rest.iter().enumerate() {
            // SAFETY: as above.
            unsafe { self.descent.step(range.end - rest.len() + i, &[*g]) };
        }
    }
}
