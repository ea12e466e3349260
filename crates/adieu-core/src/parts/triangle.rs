//! Triangle: what of a place's units is above their mean, `y = max(0, x_c − x̄)ᵖ` (Coates, Ng & Lee 2011, AISTATS, with
//! p = 1; Journé et al. 2023, arXiv:2209.11883, with other powers). It is sparse without a threshold of its own.
//!
//! Shapes: `[B, places·c]`, the channels of a place together; x̄ their mean. With `r = max(0, x − x̄)`:
//! `d = dy ⊙ p rᵖ⁻¹` where r > 0, else 0; `dx = d − d̄`.

use super::activity::Activity;
use super::affine::channels;
use super::block::{Block, Cost, Credit, Descend, Saved};
use super::chance::Rng;
use super::host::{update, view};
use super::param::Param;
use super::shape::{Shape, ShapeError};
use super::window::made_for;
use crate::Tensor;

/// See the module.
pub struct Triangle {
    input: Shape,
    channels: usize,
    power: f32,
}

impl Triangle {
    /// For rows of shape `input`, with p = `power`.
    ///
    /// # Errors
    /// If `input` is empty, or an image with its channels apart.
    ///
    /// # Panics
    /// If `power` is not above zero.
    pub fn new(input: Shape, power: f64) -> Result<Triangle, ShapeError> {
        assert!(power > 0.0, "a triangle's power is above 0, not {power}");
        let refuse =
            || ShapeError { block: "triangle".into(), wants: "a layer's or a norm's".into(), offered: input };
        let channels = channels(input).filter(|_| input.features() > 0).ok_or_else(refuse)?;
        Ok(Triangle { input, channels, power: power as f32 })
    }

    fn mean(&self, place: &[f32]) -> f32 {
        (place.iter().map(|x| f64::from(*x)).sum::<f64>() / self.channels as f64) as f32
    }
}

/// max(0, r), and NaN of NaN.
fn positive(r: f32) -> f32 {
    if r <= 0.0 { 0.0 } else { r }
}

impl Block for Triangle {
    fn apply(&self, x: &Activity) -> Activity {
        let y = update(x.tensor(), |x| {
            for place in x.chunks_exact_mut(self.channels) {
                let mean = self.mean(place);
                place.iter_mut().for_each(|x| *x = positive(*x - mean));
            }
            if self.power != 1.0 {
                // most are zero, and a power is dear
                x.iter_mut().filter(|x| **x != 0.0).for_each(|x| *x = x.powf(self.power));
            }
        });
        y.into()
    }

    fn forward(&mut self, x: Activity, _: &mut Rng) -> (Activity, Saved) {
        let x = Activity::from(x.into_tensor());
        (self.apply(&x), Saved::of(vec![x]))
    }

    fn pullback(
        &mut self,
        saved: Saved,
        credit: Credit,
        want_dx: bool,
        descend: &mut dyn Descend,
    ) -> Option<Tensor> {
        if !want_dx {
            return None;
        }
        descend.credit_begins();
        let (x, p) = (view(saved.matrices[0].values()), self.power);
        let dx = update(credit.without_gate().into_tensor(), |dy| {
            for (place, d) in x.chunks_exact(self.channels).zip(dy.chunks_exact_mut(self.channels)) {
                let mean = self.mean(place);
                for (x, d) in place.iter().zip(&mut *d) {
                    let r = positive(x - mean);
                    *d *= if r == 0.0 { 0.0 } else { p * r.powf(p - 1.0) };
                }
                let mean = self.mean(d);
                d.iter_mut().for_each(|d| *d -= mean);
            }
        });
        Some(dx)
    }

    fn params(&mut self, _: &mut dyn FnMut(&mut Param)) {}

    fn shape_out(&self, input: Shape) -> Result<Shape, ShapeError> {
        made_for(self, self.input, input, input)
    }

    fn cost(&self, rows: usize) -> Cost {
        let output_bytes = (rows * self.input.features() * 4) as u64;
        Cost { output_bytes, saved_bytes: Some(0), keeps_input: true, ..Cost::default() }
    }

    fn describe(&self) -> String {
        let power = if self.power == 1.0 { String::new() } else { format!(", power {}", self.power) };
        format!("triangle of {}{power}", self.input)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parts::host::matrix;

    #[test]
    fn only_what_is_above_the_mean_of_its_place_remains() {
        let x = Activity::from(matrix(vec![1.0, 2.0, 6.0, -4.0, -4.0, -1.0], 1, 6));
        let at = |power| Triangle::new(Shape::Pixels { h: 2, w: 1, c: 3 }, power).unwrap();
        assert_eq!(view(at(1.0).apply(&x).values())[..], [0.0, 0.0, 3.0, 0.0, 0.0, 2.0]);
        assert_eq!(view(at(2.0).apply(&x).values())[..], [0.0, 0.0, 9.0, 0.0, 0.0, 4.0]);
        assert!(Triangle::new(Shape::Image { c: 3, h: 2, w: 2 }, 1.0).is_err());
        let nan = Activity::from(matrix(vec![1.0, f32::NAN, 6.0], 1, 3));
        let out = Triangle::new(Shape::Flat(3), 1.0).unwrap().apply(&nan);
        assert!(view(out.values()).iter().all(|y| y.is_nan()), "a place with NaN has no mean");
    }
}
