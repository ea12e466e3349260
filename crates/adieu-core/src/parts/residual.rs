//! Residual: `y = f(x) + s(x)`, a block and a way around it (He et al. 2015, arXiv:1512.03385).
//!
//! s is the identity where f gives back the shape it takes, else a projection: any block, as a 1 × 1 convolution or a
//! dense layer without an activation. With dy for both: `dx = f'ᵀ dy + s'ᵀ dy`.
//!
//! Shapes: x `[B, n_in]`, y `[B, n_out]`. The sum has no activation; a push past the gate is a push on y.

use super::activity::Activity;
use super::block::{Attended, Block, Cost, Credit, Descend, Saved};
use super::chance::Rng;
use super::host::{update, view};
use super::param::Param;
use super::shape::{Shape, ShapeError};
use super::window::image;
use crate::Tensor;

/// See the module.
pub struct Residual {
    inner: Box<dyn Block>,
    projection: Option<Box<dyn Block>>,
}

/// `a + b`, in place of a where nobody else holds it.
fn sum(a: Tensor, b: &Tensor) -> Tensor {
    assert_eq!(a.dims(), b.dims(), "both ways of a residual block give the same shape");
    update(a, |a| a.iter_mut().zip(view(b).iter()).for_each(|(a, b)| *a += b))
}

/// Whether numbers of both shapes mean the same, place by place.
fn same(a: Shape, b: Shape) -> bool {
    a == b || image(a).is_some_and(|a| Some(a) == image(b))
}

impl Residual {
    /// `inner`, and x itself around it.
    pub fn new(inner: Box<dyn Block>) -> Residual {
        Residual { inner, projection: None }
    }

    /// `inner`, and `projection` around it.
    pub fn projected(inner: Box<dyn Block>, projection: Box<dyn Block>) -> Residual {
        Residual { inner, projection: Some(projection) }
    }
}

impl Residual {
    /// f(x) + s(x), f by `through`.
    fn both_ways(&self, x: &Activity, through: impl FnOnce(&Activity) -> Activity) -> Activity {
        let x = Activity::from(x.tensor());
        let y = through(&x).into_tensor();
        match &self.projection {
            Some(projection) => sum(projection.apply(&x).into_tensor(), &y).into(),
            None => sum(y, x.values()).into(),
        }
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
        let y = match &mut self.projection {
            Some(projection) => {
                let (aside, saved) = projection.forward(x, chance);
                inner.push(saved);
                sum(aside.into_tensor(), &y) // which, without an activation, nobody keeps
            }
            None => sum(y, x.values()),
        };
        (y.into(), Saved { inner, ..Saved::default() })
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
        let both = || Credit { dy: dy.clone(), ungated: None, skip_idle_rows };
        let mut saved = saved.inner.into_iter();
        let mut next = || saved.next().expect("each way saved something");
        let dx = self.inner.pullback(next(), both(), want_dx, descend);
        let aside = match &mut self.projection {
            Some(projection) => projection.pullback(next(), both(), want_dx, descend),
            None => want_dx.then(|| dy.tensor()),
        };
        dx.zip(aside).map(|(dx, aside)| sum(dx, &aside))
    }

    fn params(&mut self, visit: &mut dyn FnMut(&mut Param)) {
        self.inner.params(visit);
        self.projection.iter_mut().for_each(|projection| projection.params(visit));
    }

    fn shape_out(&self, input: Shape) -> Result<Shape, ShapeError> {
        let (block, out) = (self.describe(), self.inner.shape_out(input)?);
        match &self.projection {
            None if same(input, out) => Ok(input),
            None => {
                let wants = format!("{out} (what it gives back; else it wants a projection)");
                Err(ShapeError { block, wants, offered: input })
            }
            Some(projection) => match projection.shape_out(input)? {
                aside if same(aside, out) => Ok(out),
                aside => {
                    let block = format!("sum of both ways of {block}");
                    Err(ShapeError { block, wants: out.to_string(), offered: aside })
                }
            },
        }
    }

    fn cost(&self, rows: usize) -> Cost {
        let inner = self.inner.cost(rows);
        let aside = self.projection.as_ref().map(|projection| projection.cost(rows));
        let aside = aside.unwrap_or(Cost { saved_bytes: Some(0), ..Cost::default() });
        Cost {
            forward_macs: inner.forward_macs + aside.forward_macs,
            weight_macs: inner.weight_macs + aside.weight_macs,
            input_macs: inner.input_macs + aside.input_macs,
            parameters: inner.parameters + aside.parameters,
            output_bytes: inner.output_bytes,
            saved_bytes: inner.saved_bytes.zip(aside.saved_bytes).map(|(inner, aside)| inner + aside),
            keeps_input: inner.keeps_input || aside.keeps_input,
            keeps_output: false,
        }
    }

    fn describe(&self) -> String {
        let inner = self.inner.describe();
        match &self.projection {
            Some(projection) => format!("residual ({inner}), around it ({})", projection.describe()),
            None => format!("residual ({inner})"),
        }
    }
}
