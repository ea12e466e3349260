//! The forward product: `h = φ(x·W + b)`.
//!
//! Weights are already in panels, so in f32 only x is packed, in bf16 both; bias, activation and each row's sum of
//! squares are seen to while a tile is at hand.

use crate::activation::Activation;
use crate::crew::Shared;
use crate::isa::isa;
use crate::operands::{Rows, Source, Weights, pack_columns};
use crate::pairs;
use crate::panel::{PANEL, panel_len};
use crate::pass::{Pass, run_items};
use crate::precision::{Format, Precision};
use crate::product::{self, Cut, Patch, Product, Tiling};
use crate::scratch::{self, with_scratch};
use crate::sparse::{self, Block, Shape, Sparse, Zeros};
use crate::tile::Tile;
use std::ops::Range;

/// What follows the weighted sum: `a = s ⊙ (x·W + base) + b`, `h = φ(a)`, with s the scales of x.
#[derive(Clone, Copy, Debug, Default)]
pub struct Epilogue<'a> {
    /// b `[n_out]`.
    pub bias: Option<&'a [f32]>,
    /// φ.
    pub activation: Activation,
    /// What other inputs contribute, known beforehand: `[some rows, n_out]`, read again from its first row when x
    /// has more rows. It is scaled with x.
    pub base: Option<&'a [f32]>,
}

/// Where the forward product puts what it finds.
#[derive(Debug)]
pub struct Outputs<'a> {
    /// h `[rows, n_out]`.
    pub h: &'a mut [f32],
    /// a `[rows, n_out]`: the pullback of some activations [needs it](Activation::needs_input).
    pub pre: Option<&'a mut [f32]>,
    /// `Σ_o h[r, o]²`, `[rows]`: sixteen neighbours at a time in f32, these in f64.
    pub squares: Option<&'a mut [f32]>,
}

/// `h [rows, n_out] = φ(x·W + b)` for the rows of `x [rows, cols]`, `cols ≤ n_in`: the inputs from `cols` on are zero.
/// x and W are rounded to `precision`.
///
/// # Panics
/// If the length of a slice does not fit its shape, x has more columns than W has inputs, or `precision` is not
/// available.
pub fn forward(
    x: Rows<'_>,
    weights: Weights<'_>,
    epilogue: Epilogue<'_>,
    precision: Precision,
    out: Outputs<'_>,
) {
    let (rows, n_out) = (x.rows(), weights.n_out);
    assert!(x.cols() <= weights.n_in, "x has {} columns, W {} inputs", x.cols(), weights.n_in);
    assert_shapes(&epilogue, &out, (rows, n_out), n_out);
    let Outputs { h, pre, squares } = out;
    let isa = isa();
    let format = precision.format();
    let steps = format.steps(x.cols());
    let tiling = Tiling::new(rows, n_out, steps, isa.geometry());
    let (shape, group) = (Shape::new(rows, n_out, x.cols()), group());
    let skip = x.skips_zeros(precision, shape);
    let room = room(rows, x.cols(), n_out, precision, x.zeros(), squares.is_some());
    with_scratch(room, |[left, right, partial]| {
        let (left, lists) = if skip { (&mut [][..], left) } else { (left, &mut [][..]) };
        // A base is scaled together with the product; otherwise the scales are packed with x.
        let packed = if epilogue.base.is_some() { x.unscaled() } else { x };
        let (left, right, sums) = (Shared::new(left), Shared::new(right), Shared::new(&mut *partial));
        let ends = Ends {
            epilogue,
            scales: x.scales(),
            n_out,
            group,
            sums,
            pre: pre.map(Shared::new),
            h: Shared::new(h),
        };
        let strips = tiling.strips();
        let product = Forward { x: packed, weights, format, steps, strips, left, right, ends };
        if skip {
            sparse::run(&product, shape, lists, isa);
        } else {
            product::run(&product, &tiling, isa);
        }
        if let Some(squares) = squares {
            let groups = n_out.div_ceil(group);
            run_items(rows, groups, &Total { partial, groups, out: Shared::new(squares) });
        }
    });
}

/// Asserts that what follows a product `[rows, n_out]` fits it, the bias being `[biases]`.
pub(crate) fn assert_shapes(
    epilogue: &Epilogue<'_>,
    out: &Outputs<'_>,
    (rows, n_out): (usize, usize),
    biases: usize,
) {
    assert!(epilogue.bias.is_none_or(|bias| bias.len() == biases), "bias is not [n_out = {biases}]");
    let whole = |base: &[f32]| rows * n_out == 0 || !base.is_empty() && base.len().is_multiple_of(n_out);
    assert!(epilogue.base.is_none_or(whole), "base is not rows of [n_out = {n_out}]");
    let all = |values: &[f32]| values.len() == rows * n_out;
    assert!(out.pre.as_deref().is_none_or(all), "pre is not [rows = {rows}, n_out = {n_out}]");
    assert!(all(out.h), "h is not [rows = {rows}, n_out = {n_out}]");
    let squares = out.squares.as_deref();
    assert!(squares.is_none_or(|squares| squares.len() == rows), "squares are not [rows = {rows}]");
}

/// Floats of working memory: x in strips or lists, W in pairs, sums of squares.
fn room(
    rows: usize,
    cols: usize,
    n_out: usize,
    precision: Precision,
    zeros: Zeros,
    squares: bool,
) -> [usize; 3] {
    let pairs = if precision == Precision::Bf16 { panel_len(cols.div_ceil(2), n_out) } else { 0 };
    let partial = if squares { rows * n_out.div_ceil(group()) } else { 0 };
    [zeros.room(rows, cols, precision), pairs, partial]
}

/// Bytes of working memory that [`forward`] takes for `x [rows, cols]` with `zeros`, and W with `n_out` outputs;
/// `squares`: whether sums of squares are wanted.
#[must_use]
pub fn forward_scratch(
    rows: usize,
    cols: usize,
    n_out: usize,
    precision: Precision,
    zeros: Zeros,
    squares: bool,
) -> usize {
    scratch::bytes(room(rows, cols, n_out, precision, zeros, squares))
}

struct Forward<'a> {
    x: Rows<'a>,
    weights: Weights<'a>,
    format: Format,
    /// Those of the micro-kernel: the columns of x, or half of them in pairs.
    steps: usize,
    strips: Cut,
    /// x in strips: `[cols][height]` each; in pairs `[steps][height]` at the beginning of that.
    left: Shared<'a>,
    /// W in panels of pairs `[⌈n_out/32⌉][steps][32]`, or empty.
    right: Shared<'a>,
    ends: Ends<'a>,
}

impl Forward<'_> {
    /// What meets x of a panel of W, `[cols][32]`.
    #[inline(always)]
    fn panel(&self, panel: usize) -> &[f32] {
        &self.weights.panels[panel * self.weights.n_in * PANEL..][..self.x.cols() * PANEL]
    }
}

impl Product for Forward<'_> {
    fn items(&self) -> usize {
        let panels = if let Format::Pairs(_) = self.format { self.weights.n_out.div_ceil(PANEL) } else { 0 };
        self.strips.count() + panels
    }

    #[inline(always)]
    fn pack(&self, item: usize) {
        let Some(panel) = item.checked_sub(self.strips.count()) else {
            let ((top, height), cols) = (self.strips.piece(item), self.x.cols());
            // SAFETY: strips are disjoint, and strip after strip fills `rows·cols`.
            let packed = unsafe { self.left.part_mut(top * cols, height * cols) };
            pack_columns(self.x, top, height, packed, height);
            return self.format.settle_strip(height, packed);
        };
        let len = self.steps * PANEL;
        // SAFETY: panels are disjoint, and there are as many as items after the strips.
        let pairs = unsafe { self.right.part_mut(panel * len, len) };
        pairs::join::<PANEL>(self.panel(panel), pairs);
    }

    #[inline(always)]
    fn multiply<const H: usize, const W: usize, const FMA: bool>(&self, patch: &Patch, tile: &mut Tile) {
        let (panel, lane) = patch.panel_and_lane();
        // SAFETY: packing is over, nobody writes to `left`; the strip is in bounds as above.
        let left = unsafe { self.left.part(patch.top * self.x.cols(), H * self.steps) };
        let len = self.steps * PANEL;
        let right = match self.format {
            Format::Single => self.panel(panel),
            // SAFETY: packing is over, nobody writes to `right`; the panel is in bounds as above.
            Format::Pairs(_) => unsafe { self.right.part(panel * len, len) },
        };
        self.format.packed::<H, W, FMA>(left, right, lane, tile);
    }

    #[inline(always)]
    fn finish<const NR: usize>(&self, patch: &Patch, tile: &mut Tile) {
        let bias = self.ends.bias(patch.left, patch.columns);
        for i in 0..patch.height {
            let row = tile.row::<NR>(i);
            self.ends.finish(patch.top + i, patch.left, patch.columns, bias.as_ref(), row);
        }
    }
}

impl Sparse for Forward<'_> {
    #[inline(always)]
    fn fill(&self, top: usize, height: usize, first: usize, len: usize, block: &mut Block) {
        for (i, row) in block[..height].iter_mut().enumerate() {
            self.x.read(top + i, first, &mut row[..len]);
        }
    }

    fn panels_to_pack(&self) -> usize {
        0
    }

    fn pack_panel(&self, _panel: usize) {}

    #[inline(always)]
    fn panel(&self, panel: usize) -> &[f32] {
        Forward::panel(self, panel)
    }
}

/// Neighbouring outputs whose squares are summed in f32, in one order on every instruction set with wide registers.
const GROUP: usize = 16;

fn group() -> usize {
    GROUP.min(isa().geometry().width)
}

/// The epilogue at work.
pub(crate) struct Ends<'a> {
    pub(crate) epilogue: Epilogue<'a>,
    /// Of rows, where there is a base.
    pub(crate) scales: Option<&'a [f32]>,
    pub(crate) n_out: usize,
    pub(crate) group: usize,
    /// Sums of squares `[rows, ⌈n_out / group⌉]`, if they are wanted; else empty.
    pub(crate) sums: Shared<'a>,
    pub(crate) pre: Option<Shared<'a>>,
    pub(crate) h: Shared<'a>,
}

impl Ends<'_> {
    /// The biases of a tile, from number `first` on.
    #[inline(always)]
    pub(crate) fn bias<const N: usize>(&self, first: usize, columns: usize) -> Option<[f32; N]> {
        let all = self.epilogue.bias?;
        let mut bias = [0.0; N];
        bias[..columns].copy_from_slice(&all[first..][..columns]);
        Some(bias)
    }

    /// Finishes outputs `left..left + columns` of row `r`; lanes of `row` beyond `columns` hold anything. Each output
    /// is finished once.
    #[inline(always)]
    pub(crate) fn finish<const N: usize>(
        &self,
        r: usize,
        left: usize,
        columns: usize,
        bias: Option<&[f32; N]>,
        row: &mut [f32; N],
    ) {
        let start = r * self.n_out + left;
        if let Some(base) = self.epilogue.base {
            add(row, &base[start % base.len()..][..columns]);
            if let Some(scales) = self.scales {
                row.iter_mut().for_each(|a| *a *= scales[r]);
            }
        }
        if let Some(bias) = bias {
            add(row, bias);
        }
        if let Some(pre) = &self.pre {
            // SAFETY: outputs are finished once each, and are in bounds.
            unsafe { pre.part_mut(start, columns) }.copy_from_slice(&row[..columns]);
        }
        // Over all N lanes, existing or not: a loop of constant length is vector code throughout.
        self.epilogue.activation.apply_here(row);
        // SAFETY: as above.
        unsafe { self.h.part_mut(start, columns) }.copy_from_slice(&row[..columns]);
        if !self.sums.is_empty() {
            row[columns..].fill(0.0);
            self.sum_squares(r, left, columns, row);
        }
    }

    #[inline(always)]
    fn sum_squares<const N: usize>(&self, r: usize, left: usize, columns: usize, row: &[f32; N]) {
        let start = r * self.n_out.div_ceil(self.group) + left / self.group;
        // SAFETY: the groups of the outputs that are finished here, and nobody else finishes them.
        let sums = unsafe { self.sums.part_mut(start, columns.div_ceil(self.group)) };
        let (groups, rest) = row.as_chunks::<GROUP>();
        for (sum, group) in sums.iter_mut().zip(groups) {
            *sum = sum_of_squares(group);
        }
        if let [sum] = sums
            && groups.is_empty()
        {
            let mut group = [0.0; GROUP];
            group[..rest.len()].copy_from_slice(rest);
            *sum = sum_of_squares(&group);
        }
    }
}

/// `row[i] += values[i]`, as far as there are values.
#[inline(always)]
fn add<const N: usize>(row: &mut [f32; N], values: &[f32]) {
    match values.first_chunk::<N>() {
        Some(values) => row.iter_mut().zip(values).for_each(|(a, v)| *a += v),
        None => row.iter_mut().zip(values).for_each(|(a, v)| *a += v),
    }
}

#[inline(always)]
fn sum_of_squares(values: &[f32; GROUP]) -> f32 {
    let mut squares = values.map(|v| v * v);
    for half in [8, 4, 2, 1] {
        for lane in 0..half {
            squares[lane] += squares[lane + half];
        }
    }
    squares[0]
}

/// Adds the groups of each row up.
struct Total<'a> {
    partial: &'a [f32],
    groups: usize,
    out: Shared<'a>,
}

impl Pass for Total<'_> {
    #[inline(always)]
    fn part(&self, range: Range<usize>) {
        // SAFETY: the ranges of a pass are in bounds and disjoint.
        let out = unsafe { self.out.part_mut(range.start, range.len()) };
        for (r, out) in range.zip(out) {
            let groups = &self.partial[r * self.groups..][..self.groups];
            *out = groups.iter().map(|sum| f64::from(*sum)).sum::<f64>() as f32;
        }
    }
}
