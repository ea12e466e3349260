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
use crate::isa::isa;
use crate::operands::{Errors, Rows, Source, Weights, pack_columns};
use crate::pairs::{self, HALF};
use crate::panel::{PANEL, panel_len};
use crate::precision::{Format, Precision};
use crate::product::{self, Cut, Patch, Product, Tiling};
use crate::rows::assert_subset;
use crate::rule::{Descent, Rule};
use crate::scratch::{self, with_scratch};
use crate::sparse::{self, Block, Shape, Sparse, Zeros};
use crate::tile::{self, MAX_HEIGHT, Tile};

/// `dx [rows, n_in] = da [rows, n_out]·Wᵀ`. da and W are rounded to `precision`.
///
/// # Panics
/// If the length of a slice does not fit its shape, or `precision` is not available.
pub fn input_gradient(da: Errors<'_>, weights: Weights<'_>, precision: Precision, dx: &mut [f32]) {
    let ((rows, n_out), n_in) = (da.shape(), weights.n_in);
    assert_eq!(n_out, weights.n_out, "da has {n_out} columns, W {} outputs", weights.n_out);
    assert_eq!(dx.len(), rows * n_in, "dx is not [rows = {rows}, n_in = {n_in}]");
    let isa = isa();
    let format = precision.format();
    let tiling = Tiling::new(n_in, rows, format.steps(n_out), isa.geometry());
    with_scratch(input_room(rows, n_in, n_out, precision), |[left, right]| {
        let (left, right, dx) = (Shared::new(left), Shared::new(right), Shared::new(dx));
        product::run(&InputGradient { da, rows, weights, format, left, right, dx }, &tiling, isa);
    });
}

/// Floats of working memory: W in pairs, da in panels.
fn input_room(rows: usize, n_in: usize, n_out: usize, precision: Precision) -> [usize; 2] {
    let pairs = if precision == Precision::Bf16 { panel_len(n_in, n_out) / 2 } else { 0 };
    [pairs, panel_len(n_out, rows)]
}

/// Bytes of working memory that [`input_gradient`] takes for `da [rows, n_out]` and W `[n_in, n_out]`.
#[must_use]
pub fn input_gradient_scratch(rows: usize, n_in: usize, n_out: usize, precision: Precision) -> usize {
    scratch::bytes(input_room(rows, n_in, n_out, precision))
}

struct InputGradient<'a> {
    da: Errors<'a>,
    rows: usize,
    weights: Weights<'a>,
    format: Format,
    /// W in panels, outputs paired: `[⌈n_out/32⌉][n_in][16]`, or empty.
    left: Shared<'a>,
    /// daᵀ in panels: `[⌈rows/32⌉][n_out][32]`; in pairs `[⌈n_out/2⌉][32]` at the beginning of each.
    right: Shared<'a>,
    dx: Shared<'a>,
}

impl Product for InputGradient<'_> {
    fn items(&self) -> usize {
        let panels = if let Format::Pairs(_) = self.format { self.weights.n_out.div_ceil(PANEL) } else { 0 };
        self.rows.div_ceil(PANEL) + panels
    }

    #[inline(always)]
    fn pack(&self, item: usize) {
        let n_in = self.weights.n_in;
        if let Some(panel) = item.checked_sub(self.rows.div_ceil(PANEL)) {
            // SAFETY: panels are disjoint, and there are as many as items after those of da.
            let pairs = unsafe { self.left.part_mut(panel * n_in * HALF, n_in * HALF) };
            return pairs::join_neighbours(
                &self.weights.panels[panel * n_in * PANEL..][..n_in * PANEL],
                pairs,
            );
        }
        let first = item * PANEL;
        let len = self.weights.n_out * PANEL;
        // SAFETY: panels are disjoint, and there are as many as items.
        let packed = unsafe { self.right.part_mut(item * len, len) };
        // Lanes beyond the last row keep what they held: their columns of the result are never stored.
        pack_columns(self.da, first, PANEL.min(self.rows - first), packed, PANEL);
        self.format.settle::<PANEL>(packed);
    }

    #[inline(always)]
    fn multiply<const H: usize, const W: usize, const FMA: bool>(&self, patch: &Patch, tile: &mut Tile) {
        let (panel, lane) = patch.panel_and_lane();
        let Weights { panels, n_in, n_out } = self.weights;
        let len = self.format.steps(n_out) * PANEL;
        // SAFETY: packing is over, nobody writes to `right`; the panel is in bounds as above.
        let right = unsafe { self.right.part(panel * n_out * PANEL, len) };
        match self.format {
            Format::Single => tile::transposed::<H, W, FMA>(panels, n_in, patch.top, right, lane, tile),
            Format::Pairs(unit) => {
                // SAFETY: packing is over, nobody writes to `left`; this is all of it.
                let left = unsafe { self.left.part(0, panels.len() / 2) };
                unit.transposed::<H, W>(left, n_in, patch.top, right, tile);
            }
        }
    }

    #[inline(always)]
    fn finish<const NR: usize>(&self, patch: &Patch, tile: &mut Tile) {
        for row in 0..patch.columns {
            let start = (patch.left + row) * self.weights.n_in + patch.top;
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
        /// The first moments; empty for rules with none.
        first: &'a mut [f32],
        /// The second moments; empty for rules with fewer.
        second: &'a mut [f32],
    },
}

/// What a weight gradient sums over. The default is every row.
#[derive(Clone, Copy, Debug, Default)]
pub struct Terms<'a> {
    /// The rows that take part (`None`: all), in this order; one that is listed twice counts twice.
    pub rows: Option<&'a [u32]>,
    /// One more outer product, u ⊗ v, after the rows: u `[n_in]`, v `[n_out]`. What many rows have in common costs
    /// no more than one.
    pub outer: Option<(&'a [f32], &'a [f32])>,
}

/// `dW [n_in, n_out] = Σ_r x[r]ᵀ·da[r] + u ⊗ v` for `x [rows, n_in]`, `da [rows, n_out]` and the [`Terms`]. Without
/// any dW is zero, and a rule is still applied. `db [n_out]` receives `Σ_r da[r]` over the rows that take part, in
/// f64; u ⊗ v has no share in it. x, da, u and v are rounded to `precision` for dW; db and what the target holds are
/// not.
///
/// # Panics
/// If the length of a slice does not fit its shape, the terms name a row that is not there, or `precision` is not
/// available.
pub fn weight_gradient(
    x: Rows<'_>,
    da: Errors<'_>,
    terms: Terms<'_>,
    precision: Precision,
    target: Target<'_>,
    db: Option<&mut [f32]>,
) {
    let (n_in, (rows, n_out)) = (x.cols(), da.shape());
    assert_eq!(x.rows(), rows, "rows of x and of da");
    assert_subset(terms.rows, rows);
    assert!(
        terms.outer.is_none_or(|(u, v)| (u.len(), v.len()) == (n_in, n_out)),
        "u ⊗ v is not [n_in = {n_in}, n_out = {n_out}]"
    );
    assert!(db.as_ref().is_none_or(|db| db.len() == n_out), "db is not [n_out = {n_out}]");
    let goal = Goal::new(target, n_in, n_out);
    let listed = terms.rows.map_or(rows, <[u32]>::len);
    let depth = listed + usize::from(terms.outer.is_some());
    let isa = isa();
    let format = precision.format();
    let tiling = Tiling::new(n_in, n_out, format.steps(depth), isa.geometry());
    let shape = Shape::new(n_in, n_out, depth);
    let skip = x.skips_zeros(precision, shape);
    // Room for all rows even if few take part: how many do changes from step to step, working memory shall not.
    let most = rows.max(listed) + depth - listed;
    with_scratch(weight_room(most, n_in, n_out, precision, x.zeros()), |[left, right]| {
        let (left, lists) = if skip { (&mut [][..], left) } else { (left, &mut [][..]) };
        let (left, right, strips) = (Shared::new(left), Shared::new(right), tiling.strips());
        let db = db.map(Shared::new);
        let product = WeightGradient { x, da, terms, listed, depth, format, strips, left, right, goal, db };
        if skip {
            sparse::run(&product, shape, lists, isa);
        } else {
            product::run(&product, &tiling, isa);
        }
    });
}

/// Floats of working memory for `terms` terms: x in strips or lists, da in panels.
fn weight_room(terms: usize, n_in: usize, n_out: usize, precision: Precision, zeros: Zeros) -> [usize; 2] {
    [zeros.room(n_in, terms, precision), panel_len(terms, n_out)]
}

/// Bytes of working memory that [`weight_gradient`] takes for `x [rows, n_in]` with `zeros` and `da [rows, n_out]`,
/// of which any subset may take part; an outer product counts as one more row.
#[must_use]
pub fn weight_gradient_scratch(
    rows: usize,
    n_in: usize,
    n_out: usize,
    precision: Precision,
    zeros: Zeros,
) -> usize {
    scratch::bytes(weight_room(rows, n_in, n_out, precision, zeros))
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
    x: Rows<'a>,
    da: Errors<'a>,
    terms: Terms<'a>,
    /// Rows that take part.
    listed: usize,
    /// All terms: the rows, and the outer product if there is one.
    depth: usize,
    format: Format,
    strips: Cut,
    /// x in strips: `[depth][height]` each; in pairs `[⌈depth/2⌉][height]` at the beginning of that.
    left: Shared<'a>,
    /// da in panels: `[⌈n_out/32⌉][depth][32]`; in pairs likewise.
    right: Shared<'a>,
    goal: Goal<'a>,
    db: Option<Shared<'a>>,
}

impl WeightGradient<'_> {
    /// The row that takes part as number `k`.
    #[inline(always)]
    fn row(&self, k: usize) -> usize {
        self.terms.rows.map_or(k, |subset| subset[k] as usize)
    }

    /// Copies `L` columns of x from `first` on into a strip.
    #[inline(always)]
    fn pack_strip<const L: usize>(&self, first: usize, packed: &mut [f32]) {
        let packed = packed.as_chunks_mut::<L>().0;
        for (k, packed) in packed[..self.listed].iter_mut().enumerate() {
            self.x.read(self.row(k), first, packed);
        }
        if let (Some((u, _)), Some(packed)) = (self.terms.outer, packed.last_mut()) {
            packed.copy_from_slice(&u[first..][..L]);
        }
    }

    /// Copies a panel's columns of da, and sums them.
    #[inline(always)]
    fn pack_right(&self, panel: usize, packed: &mut [f32]) {
        let first = panel * PANEL;
        let columns = PANEL.min(self.da.cols() - first);
        let packed = packed.as_chunks_mut::<PANEL>().0;
        let mut sums = [0.0_f64; PANEL];
        for (k, packed) in packed[..self.listed].iter_mut().enumerate() {
            if columns == PANEL {
                self.da.read(self.row(k), first, packed);
            } else {
                // Lanes beyond keep what they held: their columns of the result are never used.
                self.da.read(self.row(k), first, &mut packed[..columns]);
            }
            if self.db.is_some() {
                sums.iter_mut().zip(packed).for_each(|(sum, da)| *sum += f64::from(*da));
            }
        }
        if let Some(db) = &self.db {
            // SAFETY: panels are disjoint, and this one ends at `n_out` at the latest.
            let db = unsafe { db.part_mut(first, columns) };
            db.iter_mut().zip(sums).for_each(|(db, sum)| *db = sum as f32);
        }
        if let (Some((_, v)), Some(packed)) = (self.terms.outer, packed.last_mut()) {
            packed[..columns].copy_from_slice(&v[first..][..columns]);
        }
    }
}

impl Product for WeightGradient<'_> {
    fn items(&self) -> usize {
        self.strips.count() + self.da.cols().div_ceil(PANEL)
    }

    #[inline(always)]
    fn pack(&self, item: usize) {
        let Some(panel) = item.checked_sub(self.strips.count()) else {
            let (first, height) = self.strips.piece(item);
            // SAFETY: strips are disjoint, and strip after strip fills `depth·n_in`.
            let packed = unsafe { self.left.part_mut(first * self.depth, height * self.depth) };
            match height {
                12 => self.pack_strip::<12>(first, packed),
                8 => self.pack_strip::<8>(first, packed),
                6 => self.pack_strip::<6>(first, packed),
                4 => self.pack_strip::<4>(first, packed),
                2 => self.pack_strip::<2>(first, packed),
                1 => self.pack_strip::<1>(first, packed),
                _ => unreachable!("no strip of height {height}"),
            }
            return self.format.settle_strip(height, packed);
        };
        let len = self.depth * PANEL;
        // SAFETY: panels are disjoint, and there are as many as items after the strips.
        let packed = unsafe { self.right.part_mut(panel * len, len) };
        self.pack_right(panel, packed);
        self.format.settle::<PANEL>(packed);
    }

    #[inline(always)]
    fn expect(&self, patch: &Patch) {
        self.goal.prefetch(self.x.cols(), patch);
    }

    #[inline(always)]
    fn multiply<const H: usize, const W: usize, const FMA: bool>(&self, patch: &Patch, tile: &mut Tile) {
        let (panel, lane) = patch.panel_and_lane();
        let steps = self.format.steps(self.depth);
        // SAFETY: packing is over, nobody writes to `left` or `right`; both are in bounds as above.
        let (left, right) = unsafe {
            (
                self.left.part(patch.top * self.depth, H * steps),
                self.right.part(panel * self.depth * PANEL, steps * PANEL),
            )
        };
        self.format.packed::<H, W, FMA>(left, right, lane, tile);
    }

    #[inline(always)]
    fn finish<const NR: usize>(&self, patch: &Patch, tile: &mut Tile) {
        // SAFETY: the tiles of a product are disjoint and in bounds.
        unsafe { self.goal.finish::<NR>((self.x.cols(), self.da.cols()), patch, tile) };
    }
}

impl Sparse for WeightGradient<'_> {
    #[inline(always)]
    fn fill(&self, top: usize, height: usize, first: usize, len: usize, block: &mut Block) {
        let columns = |k: usize, out: &mut [f32]| match self.terms.outer {
            Some((u, _)) if k == self.listed => out.copy_from_slice(&u[top..][..out.len()]),
            _ => self.x.read(self.row(k), top, out),
        };
        // Four rows at a time: blocks of 4 × 4 pass through registers.
        for k in (0..len).step_by(4) {
            let mut x = [[0.0; MAX_HEIGHT]; 4];
            for (i, x) in x.iter_mut().enumerate().take(len - k) {
                columns(first + k + i, &mut x[..height]);
            }
            for (i, block) in block[..height].iter_mut().enumerate() {
                block[k..k + 4].copy_from_slice(&[x[0][i], x[1][i], x[2][i], x[3][i]]);
            }
        }
    }

    fn panels_to_pack(&self) -> usize {
        self.da.cols().div_ceil(PANEL)
    }

    #[inline(always)]
    fn pack_panel(&self, panel: usize) {
        let len = self.depth * PANEL;
        // SAFETY: panels are disjoint, and there are as many as there is room for.
        self.pack_right(panel, unsafe { self.right.part_mut(panel * len, len) });
    }

    #[inline(always)]
    fn panel(&self, panel: usize) -> &[f32] {
        let len = self.depth * PANEL;
        // SAFETY: packing is over, nobody writes to `right`; the panel is in bounds.
        unsafe { self.right.part(panel * len, len) }
    }
}
