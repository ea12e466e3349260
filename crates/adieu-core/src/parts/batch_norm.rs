//! Batch normalisation (Ioffe & Szegedy 2015, arXiv:1502.03167): `y = (x − μ_c) / √(σ²_c + ε)`, μ and σ² of channel c
//! over all rows and pixels of the batch; in inference those of a running mean.
//!
//! ```text
//! training:   μ, σ² of the batch, σ² with 1/N      m ← (1 − α) m + α μ,  v ← (1 − α) v + α σ² N/(N − 1)
//! inference:  m, v                                  α = 0.1, ε = 10⁻⁵; m = 0 and v = 1 at first
//! dx = r (dy − mean(dy) − y mean(dy ⊙ y))           r = 1/√(σ² + ε), means over the batch
//! ```
//!
//! Shapes: `[B, pixels·c]`, the channels of a pixel together; m, v `[c]`. Gain and shift: [`Affine`](super::affine).
//! Rows of a batch are no longer independent: whoever puts positive and negative rows into one batch lets them share
//! μ and σ². A way up that is done again (gradient checkpointing) moves the running means again.

use adieu_kernels::{channel_lines, channel_sums};

use super::activity::Activity;
use super::affine::channels;
use super::block::{Block, Cost, Credit, Descend, Saved};
use super::chance::Rng;
use super::host::{matrix, update, view};
use super::param::Param;
use super::shape::{Shape, ShapeError};
use super::window::{image, made_for, pixels, planes};
use crate::Tensor;

const EPSILON: f64 = 1e-5;
/// α
const NEW: f64 = 0.1;

/// See the module.
pub struct BatchNorm {
    input: Shape,
    channels: usize,
    mean: Param,
    variance: Param,
}

impl BatchNorm {
    /// For rows of shape `input`. `path` names it among its neighbours: `0.1`.
    ///
    /// # Errors
    /// If `input` is empty.
    pub fn new(path: &str, input: Shape) -> Result<BatchNorm, ShapeError> {
        let refuse = || ShapeError { block: "batch norm".into(), wants: "some".into(), offered: input };
        let c = image(input).map_or_else(|| channels(input), |(_, _, c, _)| Some(c));
        let c = c.filter(|c| *c > 0 && input.features() > 0).ok_or_else(refuse)?;
        let mean = Param::statistic(format!("{path}.mean"), &[c], vec![0.0; c]);
        let variance = Param::statistic(format!("{path}.variance"), &[c], vec![1.0; c]);
        Ok(BatchNorm { input, channels: c, mean, variance })
    }

    /// The shape that comes out.
    pub fn output(&self) -> Shape {
        image(self.input).map_or(self.input, |(h, w, c, _)| Shape::Pixels { h, w, c })
    }

    fn count(&self, rows: usize) -> f64 {
        (rows * self.input.features() / self.channels) as f64
    }
}

impl Block for BatchNorm {
    fn apply(&self, x: &Activity) -> Activity {
        let pairs = self.mean.values().iter().zip(self.variance.values());
        let line = |(m, v): (&f32, &f32)| {
            let r = 1.0 / (f64::from(*v) + EPSILON).sqrt();
            [r as f32, 0.0, (-f64::from(*m) * r) as f32]
        };
        let lines: Vec<[f32; 3]> = pairs.map(line).collect();
        update(pixels(self.input, x).tensor(), |x| channel_lines(x, None, &lines)).into()
    }

    fn forward(&mut self, x: Activity, _: &mut Rng) -> (Activity, Saved) {
        let rows = x.dims()[0];
        let x = pixels(self.input, &x).into_tensor();
        let n = self.count(rows);
        // shifted by the first pixel, so that the variance is no difference of large numbers
        let shift = view(&x)[..self.channels].to_vec();
        let [first, second] = channel_sums(&view(&x), &shift, &view(&x), &shift);
        let mut r = Vec::with_capacity(self.channels);
        let mut lines = Vec::with_capacity(self.channels);
        for c in 0..self.channels {
            let off = first[c] / n;
            let variance = (second[c] / n - off * off).max(0.0);
            // `max` would make 0 of NaN
            let variance = if second[c].is_finite() { variance } else { f64::NAN };
            let mean = f64::from(shift[c]) + off;
            let scale = 1.0 / (variance + EPSILON).sqrt();
            let kept = |old: f32, new: f64| ((1.0 - NEW) * f64::from(old) + NEW * new) as f32;
            let (m, v) = (&mut self.mean.values_mut()[c], &mut self.variance.values_mut()[c]);
            (*m, *v) = (kept(*m, mean), kept(*v, variance * n / (n - 1.0).max(1.0)));
            r.push(scale as f32);
            lines.push([scale as f32, 0.0, (-mean * scale) as f32]);
        }
        let y = Activity::from(update(x, |x| channel_lines(x, None, &lines)));
        (y.clone(), Saved::of(vec![y, matrix(r, 1, self.channels).into()]))
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
        let [y, r] = &saved.matrices[..] else { unreachable!("forward saved two matrices") };
        let dy = credit.without_gate().into_tensor();
        let [rows, cols] = dy.dims();
        let (n, zeros) = (self.count(rows), vec![0.0; self.channels]);
        let [first, second] = channel_sums(&view(&dy), &zeros, &view(y.values()), &zeros);
        let means = first.iter().zip(&second);
        let line = |(r, (first, second)): (&f32, (&f64, &f64))| {
            [*r, -(f64::from(*r) * second / n) as f32, -(f64::from(*r) * first / n) as f32]
        };
        let lines: Vec<[f32; 3]> = view(r.values()).iter().zip(means).map(line).collect();
        let dx = update(dy, |dy| channel_lines(dy, Some(&view(y.values())), &lines));
        if !matches!(image(self.input), Some((.., true))) {
            return Some(dx);
        }
        Some(matrix(planes(self.input, view(&dx).to_vec()), rows, cols))
    }

    fn params(&mut self, visit: &mut dyn FnMut(&mut Param)) {
        visit(&mut self.mean);
        visit(&mut self.variance);
    }

    fn shape_out(&self, input: Shape) -> Result<Shape, ShapeError> {
        made_for(self, self.input, input, self.output())
    }

    fn cost(&self, rows: usize) -> Cost {
        let out = (rows * self.input.features() * 4) as u64;
        let saved_bytes = Some(out + self.channels as u64 * 4);
        Cost { output_bytes: out, saved_bytes, keeps_output: true, ..Cost::default() }
    }

    fn describe(&self) -> String {
        format!("batch norm of {}", self.input)
    }
}
