//! Tokens: a block for each of them, the patches of an image as tokens. Their mean is a pooling.
//!
//! - [`PerToken`]: `y[b, i, ·] = f(x[b, i, ·])`, the same f for every token i. A batch of B rows with t tokens is one
//!   of B·t rows to f, in the same memory.
//! - [`Patches`]: `y[b, i, ·] = patch i of image b · W + β + p[i, ·]`, patches of s × s pixels side by side, with a
//!   learned vector p for each place (Dosovitskiy et al. 2020, arXiv:2010.11929, equation 1, without a class token).
//!   Wᵢⱼ ~ N(0, 1/numbers of a patch), β = 0, p ~ N(0, 0.02²).
//!
//! Shapes: tokens are `[B, t·d]`, the features of a token together.

use super::activation::Activation;
use super::activity::Activity;
use super::block::{Block, Cost, Credit, Descend, Saved, Ungated};
use super::chance::Rng;
use super::convolution::{Convolution, Window};
use super::host::{update, view};
use super::param::Param;
use super::shape::{Shape, ShapeError};
use super::window::image;
use crate::Tensor;

/// Tokens and their features.
pub(super) fn sides(input: Shape, block: &str) -> Result<[usize; 2], ShapeError> {
    match input {
        Shape::Tokens { t, d } if t > 0 && d > 0 => Ok([t, d]),
        _ => Err(ShapeError {
            block: block.to_string(),
            wants: "tokens' (as patches of an image give)".to_string(),
            offered: input,
        }),
    }
}

/// Whether tokens are `[t, d]`, or why not.
pub(super) fn check_tokens(input: Shape, [t, d]: [usize; 2], block: &dyn Block) -> Result<(), ShapeError> {
    let wanted = Shape::Tokens { t, d };
    let refuse = || ShapeError { block: block.describe(), wants: wanted.to_string(), offered: input };
    if input == wanted { Ok(()) } else { Err(refuse()) }
}

/// Rows `[B, t·d]` as `[B·t, d]`: the same memory. Each token has the scale of its row.
pub(super) fn apart(x: &Activity, [t, d]: [usize; 2]) -> Activity {
    let rows = x.dims()[0];
    assert_eq!(x.dims()[1], t * d, "{t} tokens of {d}");
    let tokens = Activity::from(x.values().clone().reshape([rows * t, d]));
    match x.scales() {
        Some(scales) => tokens.scaled(scales.iter().flat_map(|s| std::iter::repeat_n(*s, t)).collect()),
        None => tokens,
    }
}

/// Rows `[B·t, d]` as `[B, t·d]`: the way back of [`apart`].
pub(super) fn together(y: Tensor, t: usize) -> Tensor {
    let [tokens, d] = y.dims();
    y.reshape([tokens / t, t * d])
}

/// A block for each token. See the module.
pub struct PerToken {
    inner: Box<dyn Block>,
    t: usize,
    d: usize,
    d_out: usize,
}

impl PerToken {
    /// `inner`, which takes `Flat(d)`, for each token of `input`.
    ///
    /// # Errors
    /// If `input` is no tokens, or `inner` does not take one.
    pub fn new(inner: Box<dyn Block>, input: Shape) -> Result<PerToken, ShapeError> {
        let [t, d] = sides(input, &format!("{} for each token", inner.describe()))?;
        let d_out = inner.shape_out(Shape::Flat(d))?.features();
        Ok(PerToken { inner, t, d, d_out })
    }

    /// A push on a token's total input differs from token to token, which the block inside cannot be told: the way
    /// down is taken step by step.
    fn pushed(
        &mut self,
        x: &Activity,
        credit: Credit,
        push: &Ungated,
        want_dx: bool,
        descend: &mut dyn Descend,
    ) -> Option<Tensor> {
        let (t, columns, rows, who) = (self.t, self.t * self.d_out, x.dims()[0], self.describe());
        assert!(push.da.len() == columns && push.rows * t <= rows, "{who}: push");
        let macs = self.inner.cost(rows);
        let layer = self.inner.as_layer_mut();
        let layer = layer.unwrap_or_else(|| panic!("{who}: only one layer has a total input to push on"));
        let activation = layer.activation();
        let mut kept = layer.total_input(x);
        if !activation.kernel().needs_input() {
            kept = update(kept, |a| activation.kernel().apply(a));
        }
        let da = update(credit.dy.into_tensor(), |da| {
            activation.kernel().pull_back(&view(&kept), da); // da = dh ⊙ φ'(a)
            for row in da.chunks_exact_mut(columns).take(push.rows) {
                row.iter_mut().zip(&push.da).for_each(|(da, push)| *da += push);
            }
        });
        let da = Activity::from(da);
        descend.work(macs.forward_macs + if want_dx { macs.input_macs } else { 0 });
        let dx = want_dx.then(|| layer.below(&da));
        layer.descend(x, Credit { dy: da, ungated: None, skip_idle_rows: credit.skip_idle_rows }, descend);
        dx
    }
}

impl Block for PerToken {
    fn apply(&self, x: &Activity) -> Activity {
        let y = self.inner.apply(&apart(x, [self.t, self.d]));
        together(y.into_tensor(), self.t).into()
    }

    fn forward(&mut self, x: Activity, chance: &mut Rng) -> (Activity, Saved) {
        let x = apart(&x.without_squares(), [self.t, self.d]);
        // A layer keeps its input; so a second reference to it is for nothing.
        let again = self.inner.as_layer().is_some().then(|| x.clone());
        let (y, saved) = self.inner.forward(x, chance);
        let saved = Saved { matrices: again.into_iter().collect(), inner: vec![saved], other: None };
        (together(y.into_tensor(), self.t).into(), saved)
    }

    fn pullback(
        &mut self,
        saved: Saved,
        credit: Credit,
        want_dx: bool,
        descend: &mut dyn Descend,
    ) -> Option<Tensor> {
        let Credit { dy, ungated, skip_idle_rows } = credit;
        let credit = Credit { dy: apart(&dy, [self.t, self.d_out]), ungated: None, skip_idle_rows };
        drop(dy);
        let Saved { matrices, inner, .. } = saved;
        let dx = match (ungated, matrices.into_iter().next()) {
            (Some(push), Some(x)) => {
                descend.credit_begins();
                self.pushed(&x, credit, &push, want_dx, descend)
            }
            (Some(_), None) => panic!("{}: only one layer has a total input to push on", self.describe()),
            (None, _) => {
                let saved = inner.into_iter().next().expect("the block inside saved something");
                self.inner.pullback(saved, credit, want_dx, descend)
            }
        };
        dx.map(|dx| together(dx, self.t))
    }

    fn params(&mut self, visit: &mut dyn FnMut(&mut Param)) {
        self.inner.params(visit);
    }

    fn shape_out(&self, input: Shape) -> Result<Shape, ShapeError> {
        check_tokens(input, [self.t, self.d], self)?;
        Ok(Shape::Tokens { t: self.t, d: self.d_out })
    }

    fn cost(&self, rows: usize) -> Cost {
        self.inner.cost(rows * self.t)
    }

    fn describe(&self) -> String {
        format!("{} for each of {} tokens", self.inner.describe(), self.t)
    }
}

/// An image's patches as tokens. See the module.
pub struct Patches {
    convolution: Convolution,
    positions: Param,
    side: usize,
    t: usize,
    d: usize,
}

impl Patches {
    /// Patches of `side` × `side` pixels of images of shape `input`, `d` features each. `path` names it among its
    /// neighbours: `0`.
    ///
    /// # Errors
    /// If `input` is no image, or one whose sides `side` does not divide.
    ///
    /// # Panics
    /// If `side` or `d` is zero.
    pub fn new(
        path: &str,
        input: Shape,
        side: usize,
        d: usize,
        chance: &mut Rng,
    ) -> Result<Patches, ShapeError> {
        assert!(side > 0 && d > 0, "{path}: patches of {side} pixels, {d} features");
        let refuse = |wants| ShapeError { block: format!("patches {side}x{side}"), wants, offered: input };
        let (h, w, ..) = image(input).ok_or_else(|| refuse("an image's".to_string()))?;
        if h % side > 0 || w % side > 0 {
            let fit = |s: &usize| h.is_multiple_of(*s) && w.is_multiple_of(*s);
            let fitting: Vec<String> = (1..=h.min(w)).filter(fit).map(|s| s.to_string()).collect();
            let fitting = fitting.join(", ");
            return Err(refuse(format!("whole patches' ({h}x{w} pixels have them of side {fitting})")));
        }
        let window = Window { kernel: side, stride: side, padding: 0 };
        let convolution = Convolution::new(path, input, d, window, Activation::Identity, chance)?;
        let t = (h / side) * (w / side);
        let values = (0..t * d).map(|_| 0.02 * chance.normal()).collect();
        let positions = Param::new(format!("{path}.positions"), &[t, d], values, false);
        Ok(Patches { convolution, positions, side, t, d })
    }

    /// The shape that comes out.
    pub fn output(&self) -> Shape {
        Shape::Tokens { t: self.t, d: self.d }
    }

    fn placed(&self, y: Activity) -> Activity {
        let positions = self.positions.values();
        let place = |row: &mut [f32]| row.iter_mut().zip(positions).for_each(|(y, p)| *y += p);
        update(y.into_tensor(), |y| y.chunks_exact_mut(positions.len()).for_each(place)).into()
    }
}

impl Block for Patches {
    fn apply(&self, x: &Activity) -> Activity {
        self.placed(self.convolution.apply(x))
    }

    fn forward(&mut self, x: Activity, chance: &mut Rng) -> (Activity, Saved) {
        let (y, saved) = self.convolution.forward(x, chance);
        (self.placed(y), saved)
    }

    fn pullback(
        &mut self,
        saved: Saved,
        credit: Credit,
        want_dx: bool,
        descend: &mut dyn Descend,
    ) -> Option<Tensor> {
        let dy = credit.without_gate();
        let mut dp = vec![0.0; self.t * self.d];
        adieu_kernels::column_sums(dy.lend().rows(), &mut dp);
        let dx = self.convolution.pullback(saved, dy.into(), want_dx, descend);
        descend.take(&mut self.positions, &dp);
        dx
    }

    fn params(&mut self, visit: &mut dyn FnMut(&mut Param)) {
        self.convolution.params(visit);
        visit(&mut self.positions);
    }

    fn shape_out(&self, input: Shape) -> Result<Shape, ShapeError> {
        self.convolution.shape_out(input).map(|_| self.output())
    }

    fn cost(&self, rows: usize) -> Cost {
        let cost = self.convolution.cost(rows);
        Cost { parameters: cost.parameters + self.positions.count() as u64, ..cost }
    }

    fn describe(&self) -> String {
        format!("patches {0}x{0} → {1}", self.side, self.output())
    }
}
