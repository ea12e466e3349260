//! Standardised rows: `y = γ ⊙ x̂ + β` with `x̂ = (x − μ)·s`, where μ is the mean of the row and
//! `s = 1/√(variance + ε)`.
//!
//! With `g = dy ⊙ γ` and means over the row: `dx = s·(g − mean(g) − x̂·mean(g ⊙ x̂))`; over the rows,
//! `dγ = Σ dy ⊙ x̂` and `dβ = Σ dy`. Means and sums accumulate in f64, in an order fixed by the shape alone; the
//! variance is taken about the mean, in a second look at the row.

use crate::crew::{Shared, threads};
use crate::panel::PANEL;
use crate::pass::{Pass, run_items};
use std::ops::Range;

/// Running sums side by side.
const LANES: usize = 16;

/// Columns that are summed at once, at most.
const BAND: usize = 128;

/// What rows of `gain.len()` numbers become.
#[derive(Clone, Copy, Debug)]
pub struct Standard<'a> {
    /// γ
    pub gain: &'a [f32],
    /// β
    pub bias: &'a [f32],
    /// ε
    pub epsilon: f64,
}

impl Standard<'_> {
    /// `y [rows, cols]` from `x [rows, cols]`; `statistics [rows, 2]` become (μ, s) of each row.
    ///
    /// # Panics
    /// If the lengths of the slices do not fit.
    pub fn forward(&self, x: &[f32], statistics: &mut [f32], y: &mut [f32]) {
        let (cols, rows) = (self.gain.len(), statistics.len() / 2);
        assert_eq!(self.bias.len(), cols, "β for {cols} columns");
        assert_fits(x, statistics, cols, y.len());
        let (statistics, y) = (Shared::new(statistics), Shared::new(y));
        run_items(rows, cols, &Forward { standard: *self, x, statistics, y });
    }

    /// `dx [rows, cols]` from x, its statistics and `dy [rows, cols]`.
    ///
    /// # Panics
    /// If the lengths of the slices do not fit.
    pub fn input_gradient(&self, x: &[f32], statistics: &[f32], dy: &[f32], dx: &mut [f32]) {
        let (cols, rows) = (self.gain.len(), statistics.len() / 2);
        assert_fits(x, statistics, cols, dy.len());
        assert_eq!(dx.len(), x.len(), "dx and x differ in length");
        let pass = InputGradient { gain: self.gain, x, statistics, dy, dx: Shared::new(dx) };
        run_items(rows, cols, &pass);
    }

    /// `dγ [cols]` and `dβ [cols]`, summed row after row.
    ///
    /// # Panics
    /// If the lengths of the slices do not fit.
    pub fn weight_gradients(x: &[f32], statistics: &[f32], dy: &[f32], dgain: &mut [f32], dbias: &mut [f32]) {
        let (cols, rows) = (dgain.len(), statistics.len() / 2);
        assert_eq!(dbias.len(), cols, "dβ for {cols} columns");
        assert_fits(x, statistics, cols, dy.len());
        // With few columns narrower bands, one for each thread.
        let band = cols.div_ceil(threads()).next_multiple_of(PANEL).min(BAND);
        let (dgain, dbias) = (Shared::new(dgain), Shared::new(dbias));
        let pass = WeightGradients { x, statistics, dy, cols, band, dgain, dbias };
        run_items(cols.div_ceil(band.max(1)), rows * band, &pass);
    }
}

fn assert_fits(x: &[f32], statistics: &[f32], cols: usize, len: usize) {
    assert!(cols > 0 && x.len().is_multiple_of(cols), "x is not [rows, cols = {cols}]");
    assert_eq!(statistics.len(), x.len() / cols * 2, "statistics are not [rows, 2]");
    assert_eq!(len, x.len(), "x and y differ in length");
}

struct Forward<'a> {
    standard: Standard<'a>,
    x: &'a [f32],
    statistics: Shared<'a>,
    y: Shared<'a>,
}

impl Pass for Forward<'_> {
    #[inline(always)]
    fn part(&self, range: Range<usize>) {
        let Standard { gain, bias, epsilon } = self.standard;
        let cols = gain.len();
        for r in range {
            let x = &self.x[r * cols..][..cols];
            let mean = sum(cols, |i| f64::from(x[i])) / cols as f64;
            let variance = sum(cols, |i| (f64::from(x[i]) - mean) * (f64::from(x[i]) - mean)) / cols as f64;
            // SAFETY: row r is in bounds, and the ranges of a pass are disjoint.
            let statistics = unsafe { self.statistics.part_mut(2 * r, 2) };
            statistics.copy_from_slice(&[mean as f32, (1.0 / (variance + epsilon).sqrt()) as f32]);
            let (mean, s) = (statistics[0], statistics[1]);
            // SAFETY: as above.
            let y = unsafe { self.y.part_mut(r * cols, cols) };
            for (((y, x), gain), bias) in y.iter_mut().zip(x).zip(gain).zip(bias) {
                *y = gain * ((x - mean) * s) + bias;
            }
        }
    }
}

struct InputGradient<'a> {
    gain: &'a [f32],
    x: &'a [f32],
    statistics: &'a [f32],
    dy: &'a [f32],
    dx: Shared<'a>,
}

impl Pass for InputGradient<'_> {
    #[inline(always)]
    fn part(&self, range: Range<usize>) {
        let cols = self.gain.len();
        let gain = &self.gain[..cols];
        for r in range {
            let (x, dy) = (&self.x[r * cols..][..cols], &self.dy[r * cols..][..cols]);
            let (mean, s) = (self.statistics[2 * r], self.statistics[2 * r + 1]);
            let (g, standard) = (|i: usize| dy[i] * gain[i], |i: usize| (x[i] - mean) * s);
            let of_g = (sum(cols, |i| f64::from(g(i))) / cols as f64) as f32;
            let along = (sum(cols, |i| f64::from(g(i)) * f64::from(standard(i))) / cols as f64) as f32;
            // SAFETY: row r is in bounds, and the ranges of a pass are disjoint.
            let dx = unsafe { self.dx.part_mut(r * cols, cols) };
            for (i, dx) in dx.iter_mut().enumerate() {
                *dx = s * (g(i) - of_g - standard(i) * along);
            }
        }
    }
}

struct WeightGradients<'a> {
    x: &'a [f32],
    statistics: &'a [f32],
    dy: &'a [f32],
    cols: usize,
    /// Columns at once, at most [`BAND`].
    band: usize,
    dgain: Shared<'a>,
    dbias: Shared<'a>,
}

impl Pass for WeightGradients<'_> {
    #[inline(always)]
    fn part(&self, range: Range<usize>) {
        for band in range {
            let first = band * self.band;
            let width = self.band.min(self.cols - first);
            let (mut along, mut sums) = ([0.0_f64; BAND], [0.0_f64; BAND]);
            for (r, statistics) in self.statistics.as_chunks::<2>().0.iter().enumerate() {
                let [mean, s] = *statistics;
                let at = r * self.cols + first;
                let (x, dy) = (&self.x[at..][..width], &self.dy[at..][..width]);
                for (((along, sum), x), dy) in along.iter_mut().zip(&mut sums).zip(x).zip(dy) {
                    *along += f64::from(*dy) * f64::from((x - mean) * s);
                    *sum += f64::from(*dy);
                }
            }
            for (out, sums) in [(&self.dgain, &along), (&self.dbias, &sums)] {
                // SAFETY: the bands are disjoint, and this one ends at `cols` at the latest.
                let out = unsafe { out.part_mut(first, width) };
                out.iter_mut().zip(sums).for_each(|(out, sum)| *out = *sum as f32);
            }
        }
    }
}

/// `Σ_i term(i)` for i below `count`, in [`LANES`] running sums.
#[inline(always)]
pub(crate) fn sum(count: usize, term: impl Fn(usize) -> f64) -> f64 {
    let (mut sums, whole) = ([0.0_f64; LANES], count / LANES * LANES);
    for first in (0..whole).step_by(LANES) {
        for (lane, sum) in sums.iter_mut().enumerate() {
            *sum += term(first + lane);
        }
    }
    let mut sum = 0.0;
    for partial in sums {
        sum += partial;
    }
    for i in whole..count {
        sum += term(i);
    }
    sum
}
