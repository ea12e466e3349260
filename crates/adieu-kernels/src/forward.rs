//! The forward product: `h = φ(x·W + b)`.
//!
//! Weights are already in panels, so only x is packed; bias and activation are applied to each tile as it is
//! finished.

use crate::activation::Activation;
use crate::crew::Shared;
use crate::isa::isa;
use crate::panel::{PANEL, panel_len};
use crate::product::{self, Cut, Patch, Product, Tiling};
use crate::scratch::with_scratch;
use crate::tile::{self, Tile};

/// `h [rows, n_out] = φ(x [rows, n_in]·W + b)`, with W in [panels](crate::to_panels) and `bias [n_out]` or
/// none. `pre` also receives `a = x·W + b`, `[rows, n_out]`: the pullback of some activations [needs
/// it](Activation::needs_input).
///
/// # Panics
/// If the length of a slice does not fit its shape.
#[allow(clippy::too_many_arguments, reason = "a product is its operands and their sizes")]
pub fn forward(
    x: &[f32],
    rows: usize,
    n_in: usize,
    panels: &[f32],
    n_out: usize,
    bias: Option<&[f32]>,
    activation: Activation,
    pre: Option<&mut [f32]>,
    h: &mut [f32],
) {
    assert_eq!(x.len(), rows * n_in, "x is not [rows = {rows}, n_in = {n_in}]");
    assert_eq!(panels.len(), panel_len(n_in, n_out), "panels of [n_in = {n_in}, n_out = {n_out}]");
    assert!(bias.is_none_or(|bias| bias.len() == n_out), "bias is not [n_out = {n_out}]");
    assert!(
        pre.as_ref().is_none_or(|pre| pre.len() == rows * n_out),
        "pre is not [rows = {rows}, n_out = {n_out}]"
    );
    assert_eq!(h.len(), rows * n_out, "h is not [rows = {rows}, n_out = {n_out}]");
    let isa = isa();
    let tiling = Tiling::new(rows, n_out, n_in, isa.geometry());
    with_scratch(rows * n_in, 0, |left, _| {
        let (left, pre, h) = (Shared::new(left), pre.map(Shared::new), Shared::new(h));
        let strips = tiling.strips();
        let product = Forward { x, n_in, panels, n_out, bias, activation, strips, left, pre, h };
        product::run(&product, &tiling, isa);
    });
}

struct Forward<'a> {
    x: &'a [f32],
    n_in: usize,
    panels: &'a [f32],
    n_out: usize,
    bias: Option<&'a [f32]>,
    activation: Activation,
    strips: Cut,
    /// x in strips: `[n_in][height]` each.
    left: Shared<'a>,
    pre: Option<Shared<'a>>,
    h: Shared<'a>,
}

impl Product for Forward<'_> {
    fn items(&self) -> usize {
        self.strips.count()
    }

    #[inline(always)]
    fn pack(&self, item: usize) {
        let (top, height) = self.strips.piece(item);
        // SAFETY: strips are disjoint, and strip after strip fills `rows·n_in`.
        let packed = unsafe { self.left.part_mut(top * self.n_in, height * self.n_in) };
        pack_columns(&self.x[top * self.n_in..], self.n_in, height, packed, height);
    }

    #[inline(always)]
    fn multiply<const H: usize, const W: usize, const FMA: bool>(&self, patch: &Patch, tile: &mut Tile) {
        let (panel, lane) = patch.panel_and_lane();
        // SAFETY: packing is over, nobody writes to `left`; the strip is in bounds as above.
        let left = unsafe { self.left.part(patch.top * self.n_in, H * self.n_in) };
        let right = &self.panels[panel * self.n_in * PANEL..][..self.n_in * PANEL];
        tile::packed::<H, W, FMA>(left, right, lane, tile);
    }

    #[inline(always)]
    fn finish<const NR: usize>(&self, patch: &Patch, tile: &mut Tile) {
        let columns = patch.columns;
        let mut bias = [0.0; NR];
        if let Some(all) = self.bias {
            bias[..columns].copy_from_slice(&all[patch.left..][..columns]);
        }
        for i in 0..patch.height {
            let row = tile.row::<NR>(i);
            let start = (patch.top + i) * self.n_out + patch.left;
            if self.bias.is_some() {
                for (a, b) in row.iter_mut().zip(bias) {
                    *a += b;
                }
            }
            if let Some(pre) = &self.pre {
                // SAFETY: tiles are disjoint and in bounds.
                unsafe { pre.part_mut(start, columns) }.copy_from_slice(&row[..columns]);
            }
            // Over all NR lanes, existing or not: a loop of constant length is vector code throughout.
            self.activation.apply_here(row);
            // SAFETY: tiles are disjoint and in bounds.
            unsafe { self.h.part_mut(start, columns) }.copy_from_slice(&row[..columns]);
        }
    }
}

/// Transposes `lanes` rows of `source`, `depth` long each, into `packed [depth][stride]`: `packed[k, i] =
/// source[i, k]`. Lanes beyond are left alone.
#[inline(always)]
pub(crate) fn pack_columns(source: &[f32], depth: usize, lanes: usize, packed: &mut [f32], stride: usize) {
    debug_assert!(lanes <= stride && packed.len() == depth * stride);
    let mut lane = 0;
    // Four at a time: blocks of 4 × 4 pass through registers.
    while lane + 4 <= lanes {
        pack_lanes::<4>(&source[lane * depth..], depth, lane, packed, stride);
        lane += 4;
    }
    while lane < lanes {
        pack_lanes::<1>(&source[lane * depth..], depth, lane, packed, stride);
        lane += 1;
    }
}

#[inline(always)]
fn pack_lanes<const L: usize>(source: &[f32], depth: usize, lane: usize, packed: &mut [f32], stride: usize) {
    if depth == 0 {
        return;
    }
    let mut rows = [&source[..0]; L];
    for (i, row) in rows.iter_mut().enumerate() {
        *row = &source[i * depth..][..depth];
    }
    let whole = depth / L * L;
    for first in (0..whole).step_by(L) {
        let mut block = [[0.0; L]; L];
        for (block, row) in block.iter_mut().zip(rows) {
            block.copy_from_slice(&row[first..first + L]);
        }
        let packed = &mut packed[first * stride + lane..][..(L - 1) * stride + L];
        for k in 0..L {
            let column: [f32; L] = std::array::from_fn(|i| block[i][k]);
            packed[k * stride..k * stride + L].copy_from_slice(&column);
        }
    }
    for k in whole..depth {
        for i in 0..L {
            packed[k * stride + lane + i] = rows[i][k];
        }
    }
}
