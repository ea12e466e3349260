//! Residual: a block and a way around it (He et al. 2015, arXiv:1512.03385), both joined into one.
//!
//! ```text
//! sum      y = f(x) + s(x)            dx = f'ᵀ dy + s'ᵀ dy
//! beside   y = [f(x) | s(x)]          dx = f'ᵀ dy_f + s'ᵀ dy_s,   dy = [dy_f | dy_s], place by place
//! ```
//!
//! s is the identity, or any block: a projection, as a 1 × 1 convolution or a dense layer without an activation; or a
//! pool, where f halves an image. A sum wants both of one shape, *beside* (Huang et al. 2017, arXiv:1608.06993) both of
//! the same places, with channels, or features, of their own.
//!
//! Shapes: x `[B, n_in]`, y `[B, n_out]`. The join has no activation; a push past the gate is a push on y.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::activity::Activity;
use super::block::{Attended, Block, Cost, Credit, Descend, Saved};
use super::chance::Rng;
use super::host::{matrix, update, view};
use super::leaves::learns;
use super::param::Param;
use super::shape::{Shape, ShapeError};
use super::window::image;
use crate::Tensor;

/// How both ways become one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Join {
    /// The sum of both.
    #[default]
    Sum,
    /// The channels of both, those of the block first.
    Beside,
}

impl Join {
    /// What is made of `inner` and what comes around it; `None`: they do not fit.
    pub fn shape(self, inner: Shape, around: Shape) -> Option<Shape> {
        match (self, inner, around) {
            (Join::Sum, ..) => same(inner, around).then_some(inner),
            (_, Shape::Flat(n), Shape::Flat(m)) => Some(Shape::Flat(n + m)),
            (_, Shape::Tokens { t, d }, Shape::Tokens { t: others, d: e }) => {
                (t == others).then_some(Shape::Tokens { t, d: d + e })
            }
            _ => match (image(inner)?, image(around)?) {
                ((h, w, c, false), (high, wide, d, false)) => {
                    ((h, w) == (high, wide)).then_some(Shape::Pixels { h, w, c: c + d })
                }
                _ => None,
            },
        }
    }
}

/// See the module.
pub struct Residual {
    inner: Box<dyn Block>,
    around: Option<Box<dyn Block>>,
    /// Channels of f and of s, where they stand beside one another; else both are added.
    beside: Option<[usize; 2]>,
}

/// `a + b`, in place of a where nobody else holds it.
fn sum(a: Tensor, b: &Tensor) -> Tensor {
    assert_eq!(a.dims(), b.dims(), "both ways of a residual block give the same shape");
    update(a, |a| a.iter_mut().zip(view(b).iter()).for_each(|(a, b)| *a += b))
}

/// `[a | b]`, place by place.
fn side_by_side(a: &Tensor, b: &Tensor, [n, m]: [usize; 2]) -> Tensor {
    let ([rows, left], [_, right]) = (a.dims(), b.dims());
    assert_eq!(left / n, right / m, "both ways of a residual block give the same places");
    let mut values = Vec::with_capacity(rows * (left + right));
    for (a, b) in view(a).chunks_exact(n).zip(view(b).chunks_exact(m)) {
        values.extend_from_slice(a);
        values.extend_from_slice(b);
    }
    matrix(values, rows, left + right)
}

/// The way back of [`side_by_side`].
fn apart(y: &Tensor, [n, m]: [usize; 2]) -> [Tensor; 2] {
    let [rows, cols] = y.dims();
    let places = cols / (n + m);
    let (mut a, mut b) = (Vec::with_capacity(rows * places * n), Vec::with_capacity(rows * places * m));
    for place in view(y).chunks_exact(n + m) {
        a.extend_from_slice(&place[..n]);
        b.extend_from_slice(&place[n..]);
    }
    [matrix(a, rows, places * n), matrix(b, rows, places * m)]
}

/// Whether numbers of both shapes mean the same, place by place.
fn same(a: Shape, b: Shape) -> bool {
    a == b || image(a).is_some_and(|a| Some(a) == image(b))
}

impl Residual {
    /// `inner`, and x itself around it: their sum.
    pub fn new(inner: Box<dyn Block>) -> Residual {
        Residual { inner, around: None, beside: None }
    }

    /// `inner`, and `around` around it: their sum.
    pub fn projected(inner: Box<dyn Block>, around: Box<dyn Block>) -> Residual {
        Residual { inner, around: Some(around), beside: None }
    }

    /// `inner`, and beside it x itself or what `around` makes of it, for x of shape `input`.
    ///
    /// # Errors
    /// If they have not the same places.
    pub fn beside(
        inner: Box<dyn Block>,
        around: Option<Box<dyn Block>>,
        input: Shape,
    ) -> Result<Residual, ShapeError> {
        let mut block = Residual { inner, around, beside: None };
        let (f, s) = block.shapes(input)?;
        let channels = Join::Beside.shape(f, s).and_then(|_| f.places().zip(s.places()));
        let Some(((_, n), (_, m))) = channels.filter(|((_, n), (_, m))| n * m > 0) else {
            let block = format!("both ways of {} beside one another", block.describe());
            return Err(ShapeError { block, wants: format!("the places of {f}"), offered: s });
        };
        block.beside = Some([n, m]);
        Ok(block)
    }

    /// What comes out of both ways.
    fn shapes(&self, input: Shape) -> Result<(Shape, Shape), ShapeError> {
        let inner = self.inner.shape_out(input)?;
        Ok((inner, self.around.as_ref().map_or(Ok(input), |around| around.shape_out(input))?))
    }

    /// Whether the way around has anything to learn.
    pub(super) fn learns_around(&self) -> bool {
        self.around.as_ref().is_some_and(|around| learns(&**around))
    }

    /// The block, and the one around it.
    pub(super) fn ways(&self) -> (&dyn Block, Option<&dyn Block>) {
        (&*self.inner, self.around.as_deref())
    }

    /// The same, to be taught.
    pub(super) fn ways_mut(&mut self) -> (&mut Box<dyn Block>, Option<&mut Box<dyn Block>>) {
        (&mut self.inner, self.around.as_mut())
    }

    /// y of f(x), and of what came around, if that is not x itself.
    pub(super) fn join(&self, x: &Activity, y: Tensor, aside: Option<Tensor>) -> Activity {
        match (aside, self.beside) {
            (Some(aside), None) => sum(aside, &y), // which, without an activation, nobody keeps
            (None, None) => sum(y, x.values()),
            (aside, Some(channels)) => side_by_side(&y, aside.as_ref().unwrap_or(x.values()), channels),
        }
        .into()
    }
}

impl Residual {
    /// Both ways, joined; f by `through`.
    fn both_ways(&self, x: &Activity, through: impl FnOnce(&Activity) -> Activity) -> Activity {
        let x = Activity::from(x.tensor());
        let y = through(&x).into_tensor();
        let aside = self.around.as_ref().map(|around| around.apply(&x).into_tensor());
        self.join(&x, y, aside)
    }
}

impl Block for Residual {
    fn apply(&self, x: &Activity) -> Activity {
        self.both_ways(x, |x| self.inner.apply(x))
    }

    fn watched(&self, x: &Activity, see: &mut dyn FnMut(Attended)) -> Activity {
        self.both_ways(x, |x| self.inner.watched(x, see))
    }

    fn forward(&mut self, x: Activity, chance: &mut Rng) -> (Activity, Saved) {
        let x = Activity::from(x.into_tensor());
        let (y, saved) = self.inner.forward(x.clone(), chance);
        let (y, mut inner) = (y.into_tensor(), vec![saved]);
        let aside = self.around.as_mut().map(|around| {
            let (aside, saved) = around.forward(x.clone(), chance);
            inner.push(saved);
            aside.into_tensor()
        });
        (self.join(&x, y, aside), Saved { inner, ..Saved::default() })
    }

    fn pullback(
        &mut self,
        saved: Saved,
        credit: Credit,
        want_dx: bool,
        descend: &mut dyn Descend,
    ) -> Option<Tensor> {
        descend.credit_begins();
        let skip_idle_rows = credit.skip_idle_rows;
        let dy = credit.without_gate();
        let [inner, around] = match self.beside {
            None => [dy.clone(), dy],
            Some(channels) => apart(&dy.into_tensor(), channels).map(Activity::from),
        };
        let of = |dy| Credit { dy, ungated: None, skip_idle_rows };
        let mut saved = saved.inner.into_iter();
        let mut next = || saved.next().expect("each way saved something");
        let dx = self.inner.pullback(next(), of(inner), want_dx, descend);
        let aside = match &mut self.around {
            Some(block) => block.pullback(next(), of(around), want_dx, descend),
            None => want_dx.then(|| around.into_tensor()),
        };
        dx.zip(aside).map(|(dx, aside)| sum(dx, &aside))
    }

    fn params(&mut self, visit: &mut dyn FnMut(&mut Param)) {
        self.inner.params(visit);
        self.around.iter_mut().for_each(|around| around.params(visit));
    }

    fn shape_out(&self, input: Shape) -> Result<Shape, ShapeError> {
        let (f, s) = self.shapes(input)?;
        let join = if self.beside.is_some() { Join::Beside } else { Join::Sum };
        let block = self.describe();
        match (&self.around, join.shape(f, s)) {
            (_, Some(shape)) => Ok(shape),
            (None, None) if join == Join::Sum => {
                let wants = format!("{f} (what it gives back; else it wants a projection)");
                Err(ShapeError { block, wants, offered: input })
            }
            (_, None) => {
                let block = format!("sum of both ways of {block}");
                Err(ShapeError { block, wants: f.to_string(), offered: s })
            }
        }
    }

    fn cost(&self, rows: usize) -> Cost {
        let inner = self.inner.cost(rows);
        let aside = self.around.as_ref().map(|around| around.cost(rows));
        let aside = aside.unwrap_or(Cost { saved_bytes: Some(0), ..Cost::default() });
        let wider = |[n, m]: [usize; 2]| inner.output_bytes / n as u64 * (n + m) as u64;
        Cost {
            forward_macs: inner.forward_macs + aside.forward_macs,
            weight_macs: inner.weight_macs + aside.weight_macs,
            input_macs: inner.input_macs + aside.input_macs,
            parameters: inner.parameters + aside.parameters,
            output_bytes: self.beside.map_or(inner.output_bytes, wider),
            saved_bytes: inner.saved_bytes.zip(aside.saved_bytes).map(|(inner, aside)| inner + aside),
            keeps_input: inner.keeps_input || aside.keeps_input,
            keeps_output: false,
        }
    }

    fn describe(&self) -> String {
        let (inner, beside) = (self.inner.describe(), if self.beside.is_some() { ", beside it" } else { "" });
        match (&self.around, self.beside) {
            (Some(around), None) => format!("residual ({inner}), around it ({})", around.describe()),
            (None, None) => format!("residual ({inner})"),
            (Some(around), _) => format!("residual ({inner}){beside} ({})", around.describe()),
            (None, _) => format!("residual ({inner}){beside} what comes in"),
        }
    }

    fn as_residual(&self) -> Option<&Residual> {
        Some(self)
    }

    fn as_residual_mut(&mut self) -> Option<&mut Residual> {
        Some(self)
    }
}
