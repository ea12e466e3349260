//! Passes over the rows or columns of a matrix of activations: sums of squares, scales, column sums, counts.
//!
//! Sums accumulate in f64, in an order fixed by the shape alone.

use crate::crew::{Shared, threads};
use crate::operands::{Rows, Source};
use crate::panel::PANEL;
use crate::pass::{Pass, run_items};
use std::ops::Range;

/// Running sums side by side: enough to fill the widest registers and to hide the latency of an addition.
const LANES: usize = 16;

/// Columns that a column sum treats at once, at most.
const BAND: usize = 128;

/// `out[r] = Σ_c h[r, c]²` for `h [rows, cols]`, accumulated in f64.
///
/// # Panics
/// If `h` is not `out.len()·cols` long.
pub fn row_sums_of_squares(h: &[f32], cols: usize, out: &mut [f32]) {
    let rows = out.len();
    assert_eq!(h.len(), rows * cols, "h is not [rows = {rows}, cols = {cols}]");
    run_items(rows, cols, &SumsOfSquares { h, cols, out: Shared::new(out) });
}

struct SumsOfSquares<'a> {
    h: &'a [f32],
    cols: usize,
    out: Shared<'a>,
}

impl Pass for SumsOfSquares<'_> {
    #[inline(always)]
    fn part(&self, range: Range<usize>) {
        // SAFETY: the ranges of a pass are in bounds and disjoint.
        let out = unsafe { self.out.part_mut(range.start, range.len()) };
        for (r, out) in range.zip(out) {
            let row = &self.h[r * self.cols..][..self.cols];
            let mut sums = [0.0_f64; LANES];
            let (chunks, rest) = row.as_chunks::<LANES>();
            for chunk in chunks {
                for lane in 0..LANES {
                    sums[lane] += f64::from(chunk[lane]) * f64::from(chunk[lane]);
                }
            }
            for (sum, &h) in sums.iter_mut().zip(rest) {
                *sum += f64::from(h) * f64::from(h);
            }
            *out = sums.iter().sum::<f64>() as f32;
        }
    }
}

/// `out[r, c] = scales[r]·h[r, c]` for `h [rows, cols]`.
///
/// # Panics
/// If `h` or `out` is not `scales.len()·cols` long.
pub fn scale_rows(h: &[f32], cols: usize, scales: &[f32], out: &mut [f32]) {
    let rows = scales.len();
    assert_eq!(h.len(), rows * cols, "h is not [rows = {rows}, cols = {cols}]");
    assert_eq!(out.len(), h.len(), "out and h differ in length");
    run_items(rows, cols, &ScaleRows { h, cols, scales, out: Shared::new(out) });
}

struct ScaleRows<'a> {
    h: &'a [f32],
    cols: usize,
    scales: &'a [f32],
    out: Shared<'a>,
}

impl Pass for ScaleRows<'_> {
    #[inline(always)]
    fn part(&self, range: Range<usize>) {
        for r in range {
            let (row, scale) = (&self.h[r * self.cols..][..self.cols], self.scales[r]);
            // SAFETY: row r is in bounds, and the ranges of a pass are disjoint.
            let out = unsafe { self.out.part_mut(r * self.cols, self.cols) };
            for (out, &h) in out.iter_mut().zip(row) {
                *out = scale * h;
            }
        }
    }
}

/// `out[c] = Σ_r x[r, c]` for `x [rows, cols]`, scales applied, accumulated in f64, row after row.
///
/// # Panics
/// If `out` is not `[cols]`.
pub fn column_sums(x: Rows<'_>, out: &mut [f32]) {
    let cols = x.cols();
    assert_eq!(out.len(), cols, "out is not [cols = {cols}]");
    first_column_sums(x, out);
}

/// [`column_sums`] of as many columns as `out` has room for.
pub(crate) fn first_column_sums(x: Rows<'_>, out: &mut [f32]) {
    let cols = out.len();
    // With few columns narrower bands, one for each thread.
    let band = cols.div_ceil(threads()).next_multiple_of(PANEL).min(BAND);
    if cols > 0 {
        run_items(cols.div_ceil(band), x.rows() * band, &ColumnSums { x, cols, band, out: Shared::new(out) });
    }
}

/// `out[c]` = how many of `h[·, c]` are not zero, for `h [rows, cols]` of fewer than 2²⁴ rows. NaN is not zero.
///
/// # Panics
/// If `h` is not a whole number of rows of `out.len()` columns.
pub fn nonzeros_by_column(h: &[f32], out: &mut [f32]) {
    let cols = out.len();
    assert!(cols > 0 && h.len().is_multiple_of(cols), "h is not [rows, cols = {cols}]");
    run_items(cols.div_ceil(BAND), h.len() / cols * BAND, &Nonzeros { h, cols, out: Shared::new(out) });
}

struct Nonzeros<'a> {
    h: &'a [f32],
    cols: usize,
    out: Shared<'a>,
}

impl Pass for Nonzeros<'_> {
    #[inline(always)]
    fn part(&self, range: Range<usize>) {
        for band in range {
            let first = band * BAND;
            let width = BAND.min(self.cols - first);
            let mut counts = [0_u32; BAND];
            for row in self.h.chunks_exact(self.cols) {
                for (count, h) in counts[..width].iter_mut().zip(&row[first..][..width]) {
                    *count += u32::from(*h != 0.0);
                }
            }
            // SAFETY: the bands are disjoint, and this one ends at `cols` at the latest.
            let out = unsafe { self.out.part_mut(first, width) };
            for (out, count) in out.iter_mut().zip(counts) {
                *out = count as f32;
            }
        }
    }
}

/// Asserts that every listed row exists.
pub(crate) fn assert_subset(subset: Option<&[u32]>, rows: usize) {
    if let Some(last) = subset.and_then(|subset| subset.iter().max()) {
        assert!((*last as usize) < rows, "subset names row {last} of {rows}");
    }
}

struct ColumnSums<'a> {
    x: Rows<'a>,
    /// Columns to sum.
    cols: usize,
    /// Columns at once, at most [`BAND`].
    band: usize,
    out: Shared<'a>,
}

impl Pass for ColumnSums<'_> {
    #[inline(always)]
    fn part(&self, range: Range<usize>) {
        for band in range {
            let first = band * self.band;
            let width = self.band.min(self.cols - first);
            let (mut sums, mut values) = ([0.0_f64; BAND], [0.0; BAND]);
            for row in 0..self.x.rows() {
                self.x.read(row, first, &mut values[..width]);
                for (sum, value) in sums[..width].iter_mut().zip(&values[..width]) {
                    *sum += f64::from(*value);
                }
            }
            // SAFETY: the bands are disjoint, and this one ends at `cols` at the latest.
            let out = unsafe { self.out.part_mut(first, width) };
            for (out, sum) in out.iter_mut().zip(sums) {
                *out = sum as f32;
            }
        }
    }
}
