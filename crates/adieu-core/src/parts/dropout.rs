//! Dropout: `y = x ⊙ m / (1 − p)`, m ~ Bernoulli(1 − p) (Srivastava et al. 2014, JMLR 15:1929).
//! Inference passes x through. Draws only from the stream it is handed.

use super::activity::Activity;
use super::block::{Block, Cost, Credit, Descend, Saved};
use super::chance::Rng;
use super::host::{matrix, update, view};
use super::param::Param;
use super::shape::{Shape, ShapeError};
use crate::Tensor;

/// See the module.
pub struct Dropout {
    /// Share of the features that is dropped, in [0, 1).
    pub p: f32,
    /// Features of a row.
    pub features: usize,
}

/// `x ⊙ mask`, in place where nobody else holds x.
fn through(x: Tensor, mask: &Tensor) -> Tensor {
    update(x, |x| x.iter_mut().zip(view(mask).iter()).for_each(|(x, m)| *x *= m))
}

impl Block for Dropout {
    fn apply(&self, x: &Activity) -> Activity {
        // without its scales, as in training: whoever comes next may scale rows anew
        x.tensor().into()
    }

    fn forward(&mut self, x: Activity, chance: &mut Rng) -> (Activity, Saved) {
        let [rows, cols] = x.dims();
        let keep = 1.0 / (1.0 - self.p);
        let mask = (0..rows * cols).map(|_| if chance.unit() < self.p { 0.0 } else { keep }).collect();
        let mask = matrix(mask, rows, cols);
        (through(x.into_tensor(), &mask).into(), Saved::of(vec![mask.into()]))
    }

    fn pullback(
        &mut self,
        saved: Saved,
        credit: Credit,
        want_dx: bool,
        _: &mut dyn Descend,
    ) -> Option<Tensor> {
        want_dx.then(|| through(credit.without_gate().into_tensor(), saved.matrices[0].values()))
    }

    fn params(&mut self, _: &mut dyn FnMut(&mut Param)) {}

    fn shape_out(&self, input: Shape) -> Result<Shape, ShapeError> {
        if input.features() == self.features {
            Ok(input)
        } else {
            Err(ShapeError { block: self.describe(), wants: self.features.to_string(), offered: input })
        }
    }

    fn cost(&self, rows: usize) -> Cost {
        let bytes = (rows * self.features * 4) as u64;
        Cost { output_bytes: bytes, saved_bytes: Some(bytes), ..Cost::default() }
    }

    fn describe(&self) -> String {
        format!("dropout {}", self.p)
    }
}
