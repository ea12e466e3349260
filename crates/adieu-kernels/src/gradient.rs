//! The two products of the pullback: `dx = da·Wᵀ` and `dW = xᵀ·da`.
//!
//! **Input gradient.** Transposing W would move every weight. Instead its transpose is computed, `dxᵀ =
//! W·daᵀ`: W's panels are read as they stand, only `da` is packed, and each tile is transposed when it is
//! stored.
//!
//! **Weight gradient.** Both sides are packed, which is a plain copy. A tile lands on weights that stand
//! together, so an optimizer can be applied to it at once: there is no gradient buffer, and the traffic of
//! weights and moments hides behind the arithmetic.

use crate::crew::Shared;
use crate::forward::pack_columns;
use crate::isa::isa;
use crate::panel::{PANEL, panel_len};
use crate::product::{self, Cut, Patch, Product, Tiling};
use crate::rows::assert_subset;
use crate::rule::{Descent, Rule};
use crate::scratch::with_scratch;
use crate::tile::{self, Tile};

/// `dx [rows, n_in] = da [rows, n_out]·Wᵀ`, with W `[n_in, n_out]` in [panels](crate::to_panels).
///
/// # Panics
/// If the length of a slice does not fit its shape.
pub fn input_gradient(da: &[f32], rows: usize, n_out: usize, panels: &[f32], n_in: usize, dx: &mut [f32]) {
    assert_eq!(da.len(), rows * n_out, "da is not [rows = {rows}, n_out = {n_out}]");
    assert_eq!(panels.len(), panel_len(n_in, n_out), "panels of [n_in = {n_in}, n_out = {n_out}]");
    assert_eq!(dx.len(), rows * n_in, "dx is not [rows = {rows}, n_in = {n_in}]");
    let isa = isa();
    let tiling = Tiling::new(n_in, rows, n_out, isa.geometry());
    with_scratch(0, panel_len(n_out, rows), |_, right| {
        let (right, dx) = (Shared::new(right), Shared::new(dx));
        product::run(&InputGradient { da, rows, n_out, panels, n_in, right, dx }, &tiling, isa);
    });
}

struct InputGradient<'a> {
    da: &'a [f32],
    rows: usize,
    n_out: usize,
    panels: &'a [f32],
    n_in: usize,
    /// daᵀ in panels: `[⌈rows/32⌉][n_out][32]`.
    right: Shared<'a>,
    dx: Shared<'a>,
}

impl Product for InputGradient<'_> {
    fn items(&self) -> usize {
        self.rows.div_ceil(PANEL)
    }

    #[inline(always)]
    fn pack(&self, item: usize) {
        let first = item * PANEL;
        let len = self.n_out * PANEL;
        // SAFETY: panels are disjoint, and there are as many as items.
        let packed = unsafe { self.right.part_mut(item * len, len) };
        // Lanes beyond the last row keep what they held: their columns of the result are never stored.
        pack_columns(&self.da[first * self.n_out..], self.n_out, PANEL.min(self.rows - first), packed, PANEL);
    }

    #[inline(always)]
    fn multiply<const H: usize, const W: usize, const FMA: bool>(&self, patch: &Patch, tile: &mut Tile) {
        let (panel, lane) = patch.panel_and_lane();
        let len = self.n_out * PANEL;
        // SAFETY: packing is over, nobody writes to `right`; the panel is in bounds as above.
        let right = unsafe { self.right.part(panel * len, len) };
        tile::transposed::<H, W, FMA>(self.panels, self.n_in, patch.top, right, lane, tile);
    }

    #[inline(always)]
    fn finish<const NR: usize>(&self, patch: &Patch, tile: &mut Tile) {
        for row in 0..patch.columns {
            let start = (patch.left + row) * self.n_in + patch.top;
            // SAFETY: tiles are disjoint and in bounds.
            let dx = unsafe { self.dx.part_mut(start, patch.height) };
            for (i, dx) in dx.iter_mut().enumerate() {
                *dx = tile.row::<NR>(i)[row];
            }
        }
    }
}

/// Where a weight gradient goes. All slices are in [panel](crate::panel_len) layout.
#[derive(Debug)]
pub enum Target<'a> {
    /// Store dW, padding included.
    Store(&'a mut [f32]),
    /// Apply `rule` at once, with no gradient buffer. The bits are those of [`Target::Store`] followed by
    /// [`Rule::apply`].
    Descend {
        /// How the weights move.
        rule: Rule,
        /// W. Whoever needs its value before the step (the input gradient) must have read it.
        weights: &'a mut [f32],
        /// The first moments.
        first: &'a mut [f32],
        /// The second moments; empty for rules with one.
        second: &'a mut [f32],
    },
}

/// `dW [n_in, n_out] = Σ_r x[r]ᵀ·da[r]` over the rows r listed in `subset` (`None`: all `rows`; a row listed
/// twice counts twice), in the order of the list. `x [rows, n_in]`, `da [rows, n_out]`. Without any row dW is
/// zero, and a rule is still applied.
///
/// # Panics
/// If the length of a slice does not fit its shape, or `subset` names a row that is not there.
pub fn weight_gradient(
    x: &[f32],
    n_in: usize,
    da: &[f32],
    n_out: usize,
    rows: usize,
    subset: Option<&[u32]>,
    target: Target<'_>,
) {
    assert_eq!(x.len(), rows * n_in, "x is not [rows = {rows}, n_in = {n_in}]");
    assert_eq!(da.len(), rows * n_out, "da is not [rows = {rows}, n_out = {n_out}]");
    assert_subset(subset, rows);
    let goal = Goal::new(target, n_in, n_out);
    let depth = subset.map_or(rows, <[u32]>::len);
    let isa = isa();
    let tiling = Tiling::new(n_in, n_out, depth, isa.geometry());
    with_scratch(depth * n_in, panel_len(depth, n_out), |left, right| {
        let (left, right, strips) = (Shared::new(left), Shared::new(right), tiling.strips());
        let product = WeightGradient { x, n_in, da, n_out, depth, subset, strips, left, right, goal };
        product::run(&product, &tiling, isa);
    });
}

/// A [`Target`] lent to a crew.
pub(crate) enum Goal<'a> {
    Store(Shared<'a>),
    Descend(Descent<'a>),
}

impl<'a> Goal<'a> {
    /// Asserts that the target has the lengths of W `[n_in, n_out]`.
    pub(crate) fn new(target: Target<'a>, n_in: usize, n_out: usize) -> Self {
        let len = panel_len(n_in, n_out);
        match target {
            Target::Store(gradient) => {
                assert_eq!(gradient.len(), len, "gradient in panels of [n_in = {n_in}, n_out = {n_out}]");
                Goal::Store(Shared::new(gradient))
            }
            Target::Descend { rule, weights, first, second } => {
                assert_eq!(weights.len(), len, "weights in panels of [n_in = {n_in}, n_out = {n_out}]");
                rule.assert_moments(len, first, second);
                let (weights, first, second) =
                    (Shared::new(weights), Shared::new(first), Shared::new(second));
                Goal::Descend(Descent { rule, weights, first, second })
            }
        }
    }

    /// Asks for the cache lines of a tile.
    #[inline(always)]
    pub(crate) fn prefetch(&self, n_in: usize, patch: &Patch) {
        let start = (patch.left / PANEL * n_in + patch.top) * PANEL;
        let len = patch.height * PANEL;
        match self {
            Goal::Store(stored) => stored.prefetch(start, len),
            Goal::Descend(descent) => descent.prefetch(start, len),
        }
    }

    /// Hands on the tile at `patch` of dW `[n_in, n_out]`.
    ///
    /// # Safety
    /// The patch lies in the `[n_in, n_out]` of [`Goal::new`], and no other thread finishes one that overlaps it.
    #[inline(always)]
    pub(crate) unsafe fn finish<const NR: usize>(
        &self,
        (n_in, n_out): (usize, usize),
        patch: &Patch,
        tile: &mut Tile,
    ) {
        let (panel, lane) = patch.panel_and_lane();
        // Padding has no gradient: whatever was computed there (zero times NaN, say) must not reach the
        // weights.
        let padding = patch.columns..NR;
        for i in 0..patch.height {
            let gradient = tile.row::<NR>(i);
            if !padding.is_empty() {
                gradient[padding.clone()].fill(0.0);
            }
            let start = (panel * n_in + patch.top + i) * PANEL + lane;
            // SAFETY: NR lanes from a multiple of NR on lie in one row of 32, which is in bounds; tiles are
            // disjoint by the contract above.
            unsafe {
                match self {
                    Goal::Store(stored) => {
                        *stored.array_mut::<NR>(start) = *gradient;
                        if patch.left + NR >= n_out {
                            // The last tile of a row also clears the lanes that no tile covers.
                            stored.part_mut(start + NR, PANEL - lane - NR).fill(0.0);
                        }
                    }
                    Goal::Descend(descent) => descent.step(start, gradient),
                }
            }
        }
    }
}

struct WeightGradient<'a> {
    x: &'a [f32],
    n_in: usize,
    da: &'a [f32],
    n_out: usize,
    /// Rows that take part.
    depth: usize,
    subset: Option<&'a [u32]>,
    strips: Cut,
    /// x in strips: `[depth][height]` each.
    left: Shared<'a>,
    /// da in panels: `[⌈n_out/32⌉][depth][32]`.
    right: Shared<'a>,
    goal: Goal<'a>,
}

impl WeightGradient<'_> {
    /// The row that takes part as number `k`.
    #[inline(always)]
    fn row(&self, k: usize) -> usize {
        self.subset.map_or(k, |subset| subset[k] as usize)
    }

    /// Copies `L` columns of x from `first` on into a strip.
    #[inline(always)]
    fn pack_strip<const L: usize>(&self, first: usize, packed: &mut [f32]) {
        for (k, packed) in packed.as_chunks_mut::<L>().0.iter_mut().enumerate() {
            packed.copy_from_slice(&self.x[self.row(k) * self.n_in + first..][..L]);
        }
    }

    #[inline(always)]
    fn pack_panel(&self, panel: usize, packed: &mut [f32]) {
        let first = panel * PANEL;
        let columns = PANEL.min(self.n_out - first);
        for (k, packed) in packed.as_chunks_mut::<PANEL>().0.iter_mut().enumerate() {
            let da = &self.da[self.row(k) * self.n_out + first..][..columns];
            match da.first_chunk::<PANEL>() {
                Some(da) => packed.copy_from_slice(da),
                // Lanes beyond keep what they held: their columns of the result are never used.
                None => packed[..columns].copy_from_slice(da),
            }
        }
    }
}

impl Product for WeightGradient<'_> {
    fn items(&self) -> usize {
        self.strips.count() + self.n_out.div_ceil(PANEL)
    }

    #[inline(always)]
    fn pack(&self, item: usize) {
        let Some(panel) = item.checked_sub(self.strips.count()) else {
            let (first, height) = self.strips.piece(item);
            // SAFETY: strips are disjoint, and strip after strip fills `depth·n_in`.
            let packed = unsafe { self.left.part_mut(first * self.depth, height * self.depth) };
            return match height {
                12 => self.pack_strip::<12>(first, packed),
                8 => self.pack_strip::<8>(first, packed),
                6 => self.pack_strip::<6>(first, packed),
                4 => self.pack_strip::<4>(first, packed),
                2 => self.pack_strip::<2>(first, packed),
                1 => self.pack_strip::<1>(first, packed),
                _ => unreachable!("no strip of height {height}"),
            };
        };
        let len = self.depth * PANEL;
        // SAFETY: panels are disjoint, and there are as many as items after the strips.
        self.pack_panel(panel, unsafe { self.right.part_mut(panel * len, len) });
    }

    #[inline(always)]
    fn expect(&self, patch: &Patch) {
        self.goal.prefetch(self.n_in, patch);
    }

    #[inline(always)]
    fn multiply<const H: usize, const W: usize, const FMA: bool>(&self, patch: &Patch, tile: &mut Tile) {
        let (panel, lane) = patch.panel_and_lane();
        let len = self.depth * PANEL;
        // SAFETY: packing is over, nobody writes to `left` or `right`; both are in bounds as above.
        let (left, right) = unsafe {
            (self.left.part(patch.top * self.depth, H * self.depth), self.right.part(panel * len, len))
        };
        tile::packed::<H, W, FMA>(left, right, lane, tile);
    }

    #[inline(always)]
    fn finish<const NR: usize>(&self, patch: &Patch, tile: &mut Tile) {
        // SAFETY: the tiles of a product are disjoint and in bounds.
        unsafe { self.goal.finish::<NR>((self.n_in, self.n_out), patch, tile) };
    }
}
