//! Affine: a gain and a shift a channel, `y = γ_c x + β_c`, as normalisations have after them. γ = 1 and β = 0 at first.
//!
//! Shapes: x `[B, pixels·c]`, the channels of a pixel together; γ, β `[c]`. Neither decays.
//! `dγ_c = Σ dy ⊙ x`, `dβ_c = Σ dy`, `dx = γ_c dy`, sums over rows and pixels.

use adieu_kernels::{channel_lines, channel_sums};

use super::activity::Activity;
use super::block::{Block, Cost, Credit, Descend, Saved};
use super::chance::Rng;
use super::host::{update, view};
use super::param::Param;
use super::shape::{Shape, ShapeError};
use super::window::made_for;
use crate::Tensor;

/// See the module.
pub struct Affine {
    input: Shape,
    gain: Param,
    shift: Param,
}

/// Numbers that lie side by side and each have a statistic of their own: channels of a pixel, features of a token or of
/// a row; `None` of an image with its channels apart.
pub(super) fn channels(input: Shape) -> Option<usize> {
    match input {
        Shape::Flat(n) => Some(n),
        Shape::Pixels { c, .. } => Some(c),
        Shape::Image { c: 1, .. } => Some(1),
        Shape::Image { .. } => None,
        Shape::Tokens { d, .. } => Some(d),
    }
}

impl Affine {
    /// For rows of shape `input`. `path` names it among its neighbours: `0.1`.
    ///
    /// # Errors
    /// If `input` is an image with its channels apart.
    pub fn new(path: &str, input: Shape) -> Result<Affine, ShapeError> {
        let wants = || "a layer's or a norm's".to_string();
        let channels = channels(input).ok_or_else(|| ShapeError {
            block: "affine".into(),
            wants: wants(),
            offered: input,
        })?;
        let gain = Param::new(format!("{path}.gain"), &[channels], vec![1.0; channels], false);
        let shift = Param::new(format!("{path}.shift"), &[channels], vec![0.0; channels], false);
        Ok(Affine { input, gain, shift })
    }

    fn lines(&self, rows: Tensor, shifted: bool) -> Tensor {
        let shift = |b: f32| if shifted { b } else { 0.0 };
        let pairs = self.gain.values().iter().zip(self.shift.values());
        let lines: Vec<[f32; 3]> = pairs.map(|(gain, b)| [*gain, 0.0, shift(*b)]).collect();
        update(rows, |rows| channel_lines(rows, None, &lines))
    }
}

impl Block for Affine {
    fn apply(&self, x: &Activity) -> Activity {
        self.lines(x.tensor(), true).into()
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
        descend.credit_begins();
        let dy = credit.without_gate().into_tensor();
        let zeros = vec![0.0; self.gain.count()];
        let [shift, gain] = channel_sums(&view(&dy), &zeros, &view(saved.matrices[0].values()), &zeros);
        let single = |sums: Vec<f64>| sums.into_iter().map(|sum| sum as f32).collect::<Vec<f32>>();
        let dx = want_dx.then(|| self.lines(dy, false)); // weights are read before they are moved
        descend.take(&mut self.gain, &single(gain));
        descend.take(&mut self.shift, &single(shift));
        dx
    }

    fn params(&mut self, visit: &mut dyn FnMut(&mut Param)) {
        visit(&mut self.gain);
        visit(&mut self.shift);
    }

    fn shape_out(&self, input: Shape) -> Result<Shape, ShapeError> {
        made_for(self, self.input, input, input)
    }

    fn cost(&self, rows: usize) -> Cost {
        let bytes = (rows * self.input.features() * 4) as u64;
        let parameters = 2 * self.gain.count() as u64;
        Cost { parameters, output_bytes: bytes, saved_bytes: Some(0), keeps_input: true, ..Cost::default() }
    }

    fn describe(&self) -> String {
        format!("gain and shift of {}", self.input)
    }
}
