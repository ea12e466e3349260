//! A linear decoder on what some layers show of themselves: x̂ = Σ_l h_l H_l + b, trained to give the row back. Nothing
//! flows back from it.
//!
//! ```text
//! ∂L/∂x̂ = (x̂ − x) / (B m)        m = 1 + mean of Σ_l |h_l|² over the rows, the 1 being b's
//! ```
//!
//! Squares of errors, unlike cross-entropy, let steps grow with what is read; divided by m, a rate of plain gradient descent
//! below 2 is one below what diverges, however wide the layers and whatever their norm (normalised least mean squares:
//! Nagumo & Noda 1967).

use super::linear_head::LinearHead;
use crate::Tensor;
use crate::learn::{Diverged, Scalar, StepCx};
use crate::parts::activity::Activity;
use crate::parts::host::{update, view};
use crate::parts::objective::SquaredError;
use crate::parts::optimizer::Optimizer;
use crate::parts::param::Param;

/// See the module.
pub(in crate::learn) struct Decoder(LinearHead);

impl Decoder {
    /// `widths` of the layers, `None` for those that are not read; `features` of a row.
    pub(in crate::learn) fn new(
        widths: impl Iterator<Item = Option<usize>>,
        features: usize,
        optimizer: &Optimizer,
    ) -> Decoder {
        Decoder(LinearHead::new(widths, features, true, optimizer))
    }

    /// One step towards giving rows `x [B, n]` back, given what it reads of them.
    pub(in crate::learn) fn teach(
        &mut self,
        read: Vec<(usize, Activity)>,
        x: &Tensor,
        gain: f64,
        cx: &mut StepCx<'_>,
        said: &mut Vec<Scalar>,
    ) -> Result<(), Diverged> {
        let [rows, n] = x.dims();
        let squares: f64 = read.iter().map(|(_, h)| squares(h)).sum();
        let m = 1.0 + squares / rows as f64;
        let scale = (n as f64 / (2.0 * m)) as f32;
        let judge = &mut |z: &Tensor| {
            let (loss, dz) = SquaredError.loss(z, x);
            said.push(Scalar { name: "reconstruction_error", layer: None, value: loss });
            update(dz, |dz| dz.iter_mut().for_each(|d| *d *= scale))
        };
        self.0.teach(read, rows, (gain, "the reconstruction"), cx, judge)?;
        Ok(())
    }

    /// x̂ `[B, n]`, given what every layer shows.
    pub(in crate::learn) fn rows(&self, shown: &[Activity]) -> Tensor {
        let sum = shown.iter().enumerate().fold(None, |sum, (l, h)| self.0.plus_layer(sum, l, h));
        sum.unwrap_or_else(|| self.0.nothing(shown.first().map_or(0, |h| h.dims()[0])))
    }

    /// Shows all that it keeps.
    pub(in crate::learn) fn params(&mut self, visit: &mut dyn FnMut(&mut Param)) {
        (0..self.0.layers()).for_each(|l| self.0.params(l, visit));
    }

    /// For people: name, outputs, parameters of each part.
    pub(in crate::learn) fn describe(&self) -> Vec<(String, u64, u64)> {
        self.0.describe("decoder")
    }
}

/// Σ h² over all rows, in f64.
fn squares(h: &Activity) -> f64 {
    let h = h.clone().into_tensor();
    view(&h).iter().map(|h| f64::from(*h).powi(2)).sum()
}
