//! The core of multi-head attention: scores, softmax, context, and their way back.
//!
//! For each row of a batch and each head by itself, with t tokens and e = d / heads features:
//!
//! ```text
//! S = Q·Kᵀ/√e      P[i, ·] = softmax(S[i, ·])      C = P·V
//! dV = Pᵀ·dC      dP = dC·Vᵀ      dS[i, j] = P[i, j]·(dP[i, j] − Σ_k P[i, k]·dP[i, k])/√e
//! dQ = dS·K       dK = dSᵀ·Q
//! ```
//!
//! **Layout.** Q, K and V stand side by side, `qkv [rows·t, 3·d]`, as one product gives them, and in each of them
//! head by head; so C, `[rows·t, d]`, is as the next product wants it. P is `[rows, heads, t, t]`.
//!
//! **Small products.** The matrices of a head fit into the first or second cache. So the left operand is read where
//! it stands, by rows or by columns, and only the right one is copied, into [panels](crate::panel): of t·e numbers
//! each, beside t²·e multiply-adds. Nothing of the size of P is ever transposed.

use crate::crew::Shared;
use crate::elementary::exp;
use crate::isa::{Geometry, Isa, Kernel, isa};
use crate::operands::{Source, pack_columns};
use crate::panel::{PANEL, panel_len};
use crate::pass::{Pass, run_items};
use crate::product::{self, Patch, Product, Tiles, Tiling};
use crate::standard::sum;
use crate::tile::{self, Run, Tile};
use std::ops::Range;

/// Running maxima side by side.
const LANES: usize = 16;

/// Multiply-adds of a product that take as long as a pass has for a float: what is worth sharing in
/// [`crate::crew`], and in [`crate::pass`].
const A_FLOAT: usize = 8;

/// The shape of an attention. `rows` are told by the lengths of slices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attention {
    /// t, at least 1.
    pub tokens: usize,
    /// d, a multiple of `heads`.
    pub features: usize,
    /// At least 1.
    pub heads: usize,
}

impl Attention {
    /// Multiply-adds of [`Self::forward`] for one row: 2·t²·d. [`Self::pullback`] has twice as many.
    #[must_use]
    pub fn multiply_adds(&self) -> usize {
        2 * self.tokens * self.tokens * self.features
    }

    /// Numbers of P for one row: heads·t².
    #[must_use]
    pub fn len_probabilities(&self) -> usize {
        self.heads * self.tokens * self.tokens
    }

    /// P and C from `qkv [rows·t, 3·d]`. A row of P with a NaN among its scores, or without a finite largest one, is
    /// NaN.
    ///
    /// # Panics
    /// If the length of a slice does not fit, or d is no multiple of `heads`.
    pub fn forward(&self, qkv: &[f32], probabilities: &mut [f32], context: &mut [f32]) {
        let rows = self.rows(qkv);
        self.assert_fits(rows, probabilities, context);
        let pass = Forward {
            shape: *self,
            isa: isa(),
            qkv,
            probabilities: Shared::new(probabilities),
            context: Shared::new(context),
        };
        run_items(rows * self.heads, self.multiply_adds() / self.heads / A_FLOAT, &pass);
    }

    /// `dqkv [rows·t, 3·d]` from what [`Self::forward`] read and wrote and from `dcontext [rows·t, d]`.
    ///
    /// # Panics
    /// As [`Self::forward`].
    pub fn pullback(&self, qkv: &[f32], probabilities: &[f32], dcontext: &[f32], dqkv: &mut [f32]) {
        let rows = self.rows(qkv);
        self.assert_fits(rows, probabilities, dcontext);
        assert_eq!(dqkv.len(), qkv.len(), "dqkv of {rows} rows of {self:?}");
        let pass =
            Pullback { shape: *self, isa: isa(), qkv, probabilities, dcontext, dqkv: Shared::new(dqkv) };
        run_items(rows * self.heads, 2 * self.multiply_adds() / self.heads / A_FLOAT, &pass);
    }

    fn rows(&self, qkv: &[f32]) -> usize {
        let Self { tokens, features, heads } = *self;
        assert!(tokens > 0 && features > 0 && heads > 0 && features.is_multiple_of(heads), "{self:?}");
        let row = tokens * 3 * features;
        assert!(qkv.len().is_multiple_of(row), "qkv is no whole number of rows of {self:?}");
        qkv.len() / row
    }

    fn assert_fits(&self, rows: usize, probabilities: &[f32], context: &[f32]) {
        assert_eq!(probabilities.len(), rows * self.len_probabilities(), "P of {rows} rows of {self:?}");
        assert_eq!(context.len(), rows * self.tokens * self.features, "C of {rows} rows of {self:?}");
    }

    /// e
    fn width(&self) -> usize {
        self.features / self.heads
    }

    /// 1/√e
    fn scale(&self) -> f32 {
        (1.0 / (self.width() as f64).sqrt()) as f32
    }

    /// Where P of item `item`, a head of a row, begins.
    fn square(&self, item: usize) -> usize {
        item * self.tokens * self.tokens
    }

    /// Where Q, K or V (`part` 0, 1, 2) of item `item` begins in qkv.
    fn packed(&self, item: usize, part: usize) -> usize {
        let (row, head) = (item / self.heads, item % self.heads);
        (row * self.tokens * 3 + part) * self.features + head * self.width()
    }

    /// Where C of item `item` begins.
    fn plain(&self, item: usize) -> usize {
        let (row, head) = (item / self.heads, item % self.heads);
        row * self.tokens * self.features + head * self.width()
    }

    /// Q, K or V of item `item`.
    fn head<'a>(&self, qkv: &'a [f32], item: usize, part: usize) -> Head<'a> {
        let (pitch, width) = (3 * self.features, self.width());
        Head { values: &qkv[self.packed(item, part)..], pitch, width }
    }

    /// Numbers of panels that hold t tokens of e features, either way round.
    fn panels(&self) -> usize {
        panel_len(self.tokens, self.width()).max(panel_len(self.width(), self.tokens))
    }
}

/// Tokens `[t, e]` of one head, a `pitch` apart.
#[derive(Clone, Copy)]
struct Head<'a> {
    values: &'a [f32],
    pitch: usize,
    width: usize,
}

impl Source for Head<'_> {
    #[inline(always)]
    fn cols(&self) -> usize {
        self.width
    }

    #[inline(always)]
    fn read(&self, row: usize, first: usize, out: &mut [f32]) {
        copy_few(out, &self.values[row * self.pitch + first..][..out.len()]);
    }
}

impl<'a> Head<'a> {
    fn left(self) -> Left<'a> {
        Left::Rows(self.values, self.pitch)
    }

    /// As a right operand `[t, e]`: panels `[⌈e/32⌉][t][32]`. Lanes beyond e keep what they held.
    #[inline(always)]
    fn to_panels(self, tokens: usize, panels: &mut [f32]) -> &[f32] {
        let panels = &mut panels[..panel_len(tokens, self.width)];
        for (p, panel) in panels.chunks_exact_mut(tokens * PANEL).enumerate() {
            let lanes = PANEL.min(self.width - p * PANEL);
            for (token, row) in panel.chunks_exact_mut(PANEL).enumerate() {
                self.read(token, p * PANEL, &mut row[..lanes]);
            }
        }
        panels
    }

    /// Transposed, as a right operand `[e, t]`: panels `[⌈t/32⌉][e][32]`. Lanes beyond t keep what they held.
    #[inline(always)]
    fn to_turned_panels(self, tokens: usize, panels: &mut [f32]) -> &[f32] {
        let panels = &mut panels[..panel_len(self.width, tokens)];
        for (p, panel) in panels.chunks_exact_mut(self.width * PANEL).enumerate() {
            pack_columns(self, p * PANEL, PANEL.min(tokens - p * PANEL), panel, PANEL);
        }
        panels
    }
}

struct Forward<'a> {
    shape: Attention,
    isa: Isa,
    qkv: &'a [f32],
    probabilities: Shared<'a>,
    context: Shared<'a>,
}

impl Pass for Forward<'_> {
    #[inline(always)]
    fn part(&self, range: Range<usize>) {
        let Self { shape, isa, qkv, .. } = *self;
        let (t, e) = (shape.tokens, shape.width());
        let mut panels = vec![0.0; shape.panels()];
        for item in range {
            let [q, k, v] = [0, 1, 2].map(|part| shape.head(qkv, item, part));
            let to = Place { out: &self.probabilities, start: shape.square(item), pitch: t };
            let right = k.to_turned_panels(t, &mut panels);
            isa.run(Small::new(q.left(), right, [t, e, t], to));
            // SAFETY: items are disjoint and in bounds, and the product before has ended.
            let p = unsafe { self.probabilities.part_mut(shape.square(item), t * t) };
            for row in p.chunks_exact_mut(t) {
                softmax(row, shape.scale());
            }
            let to = Place { out: &self.context, start: shape.plain(item), pitch: shape.features };
            isa.run(Small::new(Left::Rows(p, t), v.to_panels(t, &mut panels), [t, t, e], to));
        }
    }
}

struct Pullback<'a> {
    shape: Attention,
    isa: Isa,
    qkv: &'a [f32],
    probabilities: &'a [f32],
    dcontext: &'a [f32],
    dqkv: Shared<'a>,
}

impl Pass for Pullback<'_> {
    #[inline(always)]
    fn part(&self, range: Range<usize>) {
        let Self { shape, isa, qkv, .. } = *self;
        let (t, e) = (shape.tokens, shape.width());
        let (mut panels, mut ds) = (vec![0.0; shape.panels()], vec![0.0; t * t]);
        for item in range {
            let [q, k, v] = [0, 1, 2].map(|part| shape.head(qkv, item, part));
            let dc = Head { values: &self.dcontext[shape.plain(item)..], pitch: shape.features, width: e };
            let p = &self.probabilities[shape.square(item)..][..t * t];
            let to =
                |part| Place { out: &self.dqkv, start: shape.packed(item, part), pitch: 3 * shape.features };
            isa.run(Small::new(Left::Columns(p, t), dc.to_panels(t, &mut panels), [t, t, e], to(2)));
            let right = v.to_turned_panels(t, &mut panels);
            let here = Place { out: &Shared::new(&mut ds), start: 0, pitch: t };
            isa.run(Small::new(dc.left(), right, [t, e, t], here));
            for (ds, p) in ds.chunks_exact_mut(t).zip(p.chunks_exact(t)) {
                through_softmax(p, ds, shape.scale());
            }
            isa.run(Small::new(Left::Rows(&ds, t), k.to_panels(t, &mut panels), [t, t, e], to(0)));
            isa.run(Small::new(Left::Columns(&ds, t), q.to_panels(t, &mut panels), [t, t, e], to(1)));
        }
    }
}

/// `scores → softmax(scale·scores)` with `scale` > 0, in place. The largest is taken off first, so that nothing
/// overflows.
#[inline(always)]
fn softmax(scores: &mut [f32], scale: f32) {
    let mut most = [f32::NEG_INFINITY; LANES];
    let (chunks, rest) = scores.as_chunks::<LANES>();
    let larger = |a: f32, b: f32| if a > b { a } else { b }; // b where a is NaN, which then shows in the sum
    for chunk in chunks {
        for lane in 0..LANES {
            most[lane] = larger(chunk[lane], most[lane]);
        }
    }
    let mut largest = f32::NEG_INFINITY;
    for s in most {
        largest = larger(s, largest);
    }
    for s in rest {
        largest = larger(*s, largest);
    }
    for s in scores.iter_mut() {
        *s = exp((*s - largest) * scale);
    }
    let share = (1.0 / sum(scores.len(), |i| f64::from(scores[i]))) as f32;
    for p in scores {
        *p *= share;
    }
}

/// `dP → dS`, in place: `dS[j] = P[j]·(dP[j] − Σ_k P[k]·dP[k])·scale`.
#[inline(always)]
fn through_softmax(p: &[f32], ds: &mut [f32], scale: f32) {
    let mean = {
        let ds = &ds[..p.len()];
        sum(p.len(), |i| f64::from(p[i]) * f64::from(ds[i])) as f32
    };
    for (ds, p) in ds.iter_mut().zip(p) {
        *ds = p * (*ds - mean) * scale;
    }
}

/// Copies up to 32 numbers, for which a call of the library would take longer than the copy.
#[inline(always)]
fn copy_few(to: &mut [f32], from: &[f32]) {
    debug_assert!(to.len() == from.len() && to.len() <= PANEL);
    let mut at = 0;
    macro_rules! by_bits {
        ($($bit:literal)*) => { $(
            if to.len() & $bit != 0 {
                to[at..][..$bit].copy_from_slice(&from[at..][..$bit]);
                at += $bit;
            }
        )* };
    }
    by_bits!(32 16 8 4 2 1);
    debug_assert_eq!(at, to.len());
}

/// A left operand `[rows, depth]`, read where it stands.
#[derive(Clone, Copy)]
enum Left<'a> {
    /// Rows, so far apart.
    Rows(&'a [f32], usize),
    /// Columns, so far apart.
    Columns(&'a [f32], usize),
}

/// Where a result goes: row i to `out[start + i·pitch..]`.
#[derive(Clone, Copy)]
struct Place<'a> {
    out: &'a Shared<'a>,
    start: usize,
    pitch: usize,
}

/// A product of one thread, from and to the cache.
struct Small<'a> {
    left: Left<'a>,
    /// Panels `[⌈cols/32⌉][depth][32]`.
    right: &'a [f32],
    rows: usize,
    depth: usize,
    cols: usize,
    to: Place<'a>,
}

impl<'a> Small<'a> {
    /// `[rows, depth]·[depth, cols]`.
    fn new(left: Left<'a>, right: &'a [f32], [rows, depth, cols]: [usize; 3], to: Place<'a>) -> Self {
        debug_assert_eq!(right.len(), panel_len(depth, cols), "panels of [{depth}, {cols}]");
        Self { left, right, rows, depth, cols, to }
    }
}

impl Kernel for Small<'_> {
    #[inline(always)]
    fn run<const MR: usize, const NR: usize, const FMA: bool>(self) {
        // Rows of the left operand have a pointer each: of twelve some would be in memory.
        let geometry = Geometry { height: if MR == 12 { 8 } else { MR }, width: NR };
        let tiling = Tiling::new(self.rows, self.cols, self.depth, geometry);
        let mut tile = Tile::zero();
        for index in 0..tiling.count() {
            let patch = tiling.patch(index);
            product::multiply::<Self, MR, NR, FMA>(&self, &patch, &mut tile);
            self.finish::<NR>(&patch, &mut tile);
        }
    }
}

impl Product for Small<'_> {
    fn items(&self) -> usize {
        0
    }

    #[inline(always)]
    fn pack(&self, _: usize) {}

    #[inline(always)]
    fn multiply<const H: usize, const W: usize, const FMA: bool>(&self, patch: &Patch, tile: &mut Tile) {
        let (panel, lane) = patch.panel_and_lane();
        let right = &self.right[panel * self.depth * PANEL..][..self.depth * PANEL];
        match self.left {
            Left::Rows(left, pitch) => {
                tile::rows::<H, W, FMA>(&left[patch.top * pitch..], pitch, right, lane, tile);
            }
            Left::Columns(left, pitch) => {
                let run = Run { left: patch.top, right: lane, len: self.depth };
                tile::strided_runs::<H, W, FMA>(left, right, (pitch, PANEL), std::iter::once(run), tile);
            }
        }
    }

    #[inline(always)]
    fn finish<const NR: usize>(&self, patch: &Patch, tile: &mut Tile) {
        for i in 0..patch.height {
            let start = self.to.start + (patch.top + i) * self.to.pitch + patch.left;
            // SAFETY: results of different items, and rows and columns of one, are disjoint and in bounds.
            let out = unsafe { self.to.out.part_mut(start, patch.columns) };
            copy_few(out, &tile.row::<NR>(i)[..patch.columns]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_softmax_adds_up_to_one_whatever_the_size_of_its_scores() {
        for n in [1, 2, 15, 16, 17, 40] {
            for size in [0.0, 1.0, 1e4, 1e30] {
                let mut p: Vec<f32> = (0..n).map(|i| size * (i as f32 * 1.7).sin()).collect();
                softmax(&mut p, 0.5);
                let sum: f64 = p.iter().map(|p| f64::from(*p)).sum();
                assert!((sum - 1.0).abs() < 1e-6 && p.iter().all(|p| *p >= 0.0), "{n}, {size}: {p:?}");
            }
        }
    }

    #[test]
    fn what_has_no_softmax_is_nan() {
        for (at, poison) in [(0, f32::NAN), (33, f32::NAN), (5, f32::INFINITY), (39, f32::INFINITY)] {
            let mut p = vec![1.0; 40];
            p[at] = poison;
            softmax(&mut p, 1.0);
            assert!(p.iter().all(|p| p.is_nan()), "{poison} at {at}: {p:?}");
        }
        let mut p = vec![f32::NEG_INFINITY; 3];
        softmax(&mut p, 1.0);
        assert!(p.iter().all(|p| p.is_nan()));
    }
}
