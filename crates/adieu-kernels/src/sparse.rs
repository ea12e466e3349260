//! Products that leave out the zeros of their left operand.
//!
//! Behind a ReLU most of x is zero, and a zero adds nothing. Here the left operand is packed into lists of
//! what is not zero: for each row its entries `(k, value)`, k ascending. An entry is multiplied with a row of
//! the right panels, and the product is added to the sums of its row of the result. Every element is still
//! summed by one accumulator over ascending k, with the multiply-add of [`crate::tile`], so the bits are those
//! of the full product.
//!
//! No operand is reused in registers, so the right one must come from the first-level cache, at one load for
//! each multiply-add. Depth is cut into blocks; the block of a group of slivers is copied to where it is at
//! hand ([`Near`]), and many rows pass by before the next. Their sums wait meanwhile, in the tiles that
//! [`Product::finish`] takes. The lists are in the order of these visits: strips of rows; in a strip, blocks;
//! in a block, rows.

use crate::crew::{Queue, Shared, crew, threads_for};
use crate::isa::{Isa, Kernel};
use crate::panel::PANEL;
use crate::precision::Precision;
use crate::product::{Cut, Patch, Product};
use crate::profile::{self, Doing, Watch};
use crate::tile::{LINE, MAX_HEIGHT, Tile, multiply_add, prefetch_second_level};
use std::ops::Range;

/// Depth of a block, a power of two. A block of [`LANES`] takes 32 KB: the first-level cache, or nearly.
const DEEP: usize = 128;

/// Columns that are computed at a time: enough sums to hide the latency of a multiply-add.
const LANES: usize = 64;

/// Strips whose sums wait at a time.
const WAITING: usize = 12;

/// Slivers in the widest group.
const MOST_SLIVERS: usize = 4;

/// Entries are looked for in so many neighbours at once.
const CHUNK: usize = 32;

/// The largest share of numbers that are not zero at which lists are the faster way. Both ways are equal at about
/// 0.65 in large products, at 0.5 in the smallest that are let through.
const MOST_NONZERO: f64 = 0.55;

/// The smallest result for which lists are worth writing and blocks worth copying.
const FEWEST_ROWS: usize = 24;
const FEWEST_COLUMNS: usize = 128;

/// What a product makes of the zeros in x (negative ones too): the way to compute it, not the result.
///
/// As long as all numbers are finite, the three give the same bits, but for this: where a sum has underflowed
/// to −0, a zero that is multiplied may turn it into +0. NaN and infinity in x are never left out. What
/// differs is a zero in x that meets NaN or infinity on the other side: multiplied it gives NaN, left out
/// nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zeros {
    /// They are multiplied like any other number.
    Multiply,
    /// They are left out, at a higher price for each of the others.
    Skip,
    /// They are left out where that is the faster way: there are many, and the product is not small. A look
    /// at some rows tells, which costs little.
    Choose,
}

impl Zeros {
    /// Floats of working memory for a left operand `[rows, depth]`: enough for whichever way is taken.
    pub(crate) fn room(self, rows: usize, depth: usize, precision: Precision) -> usize {
        if self == Zeros::Multiply || precision != Precision::F32 {
            rows * depth
        } else {
            Shape { rows, cols: 0, depth }.lists_len()
        }
    }

    /// Whether to skip them in a product of `shape`; `density` is the share of what is not zero, or nearly.
    pub(crate) fn skips(self, shape: Shape, density: impl FnOnce() -> f64) -> bool {
        match self {
            Self::Multiply => false,
            Self::Skip => true,
            Self::Choose => {
                shape.rows >= FEWEST_ROWS && shape.cols >= FEWEST_COLUMNS && density() <= MOST_NONZERO
            }
        }
    }
}

/// Numbers that are looked at to tell how many are zero.
const LOOKED_AT: usize = 1 << 14;

/// The share of `values`, rows of `cols`, that is not zero, by a look at some rows.
pub(crate) fn density(values: &[f32], cols: usize) -> f64 {
    let step = (values.len() / LOOKED_AT).max(1) * cols.max(1);
    let (mut all, mut others) = (0, 0);
    for row in values.chunks(step).map(|rows| &rows[..cols.min(rows.len())]) {
        all += row.len();
        others += row.iter().filter(|v| **v != 0.0).count();
    }
    others as f64 / all.max(1) as f64
}

/// A block of the left operand, `[row][k]`.
pub(crate) type Block = [[f32; DEEP]; MAX_HEIGHT];

/// A product whose left operand can be taken as lists. The functions of [`Product`] that pack and multiply
/// are not called.
pub(crate) trait Sparse: Product {
    /// Copies columns `first..first + len` of rows `top..top + height` of the left operand into `block`.
    fn fill(&self, top: usize, height: usize, first: usize, len: usize, block: &mut Block);
    /// Panels of the right operand that are to be packed first.
    fn panels_to_pack(&self) -> usize;
    /// Packs one of them.
    fn pack_panel(&self, panel: usize);
    /// A panel of the right operand: `[depth][32]`.
    fn panel(&self, panel: usize) -> &[f32];
}

/// The shape of a product, and how it is cut.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    rows: usize,
    cols: usize,
    depth: usize,
}

impl Shape {
    pub(crate) fn new(rows: usize, cols: usize, depth: usize) -> Self {
        Self { rows, cols, depth }
    }

    /// Floats of working memory that the lists take.
    pub(crate) fn lists_len(self) -> usize {
        self.rows * self.row_len()
    }

    /// Blocks; at least one, as sums over nothing are finished too.
    fn blocks(self) -> usize {
        self.depth.div_ceil(DEEP).max(1)
    }

    /// First k and length of block `block`.
    #[inline(always)]
    fn block(self, block: usize) -> (usize, usize) {
        (block * DEEP, DEEP.min(self.depth - block * DEEP))
    }

    /// Working memory of a row: the end of its entries in each block, and two floats for each entry.
    fn row_len(self) -> usize {
        self.blocks() + 2 * self.depth
    }

    fn strips(self) -> usize {
        self.rows.div_ceil(MAX_HEIGHT)
    }

    /// Rows of strip `strip`.
    fn height(self, strip: usize) -> usize {
        MAX_HEIGHT.min(self.rows - strip * MAX_HEIGHT)
    }

    fn chunks(self) -> usize {
        self.strips().div_ceil(WAITING)
    }
}

/// Packs and multiplies, with as many threads as the work deserves. `lists` is working memory of
/// [`Shape::lists_len`] floats.
pub(crate) fn run(product: &impl Sparse, shape: Shape, lists: &mut [f32], isa: Isa) {
    let threads = threads_for(shape.rows * shape.cols * shape.depth);
    let width = isa.geometry().width;
    let slivers = Cut::new(shape.cols.div_ceil(width), if width == PANEL { 2 } else { MOST_SLIVERS });
    let packing = Queue::new(product.panels_to_pack() + shape.strips(), threads);
    let tiles = Queue::new(slivers.count() * shape.chunks(), threads);
    let (lists, packing, tiles) = (&Shared::new(lists), &packing, &tiles);
    profile::product(|watched| {
        crew(threads, || isa.run(Share { product, shape, slivers, lists, packing, tiles, watched }));
    });
}

/// One thread's share of a product.
struct Share<'a, P> {
    product: &'a P,
    shape: Shape,
    slivers: Cut,
    lists: &'a Shared<'a>,
    packing: &'a Queue,
    tiles: &'a Queue,
    /// Whether to look at the clock.
    watched: bool,
}

impl<P: Sparse> Kernel for Share<'_, P> {
    #[inline(always)]
    fn run<const MR: usize, const NR: usize, const FMA: bool>(self) {
        let mut watch = Watch::start(self.watched);
        let panels = self.product.panels_to_pack();
        while let Some(claim) = self.packing.claim() {
            for item in claim.items.clone() {
                match item.checked_sub(panels) {
                    Some(strip) => self.list(strip),
                    None => self.product.pack_panel(item),
                }
            }
        }
        watch.lap(Doing::Packing);
        self.packing.wait();
        watch.lap(Doing::Waiting);
        let mut near = Near([[0.0; LANES]; DEEP]);
        let mut tiles = [const { [const { Tile::zero() }; MOST_SLIVERS] }; WAITING];
        while let Some(claim) = self.tiles.claim() {
            for index in claim.items.clone() {
                let (group, chunk) = (index / self.shape.chunks(), index % self.shape.chunks());
                let (sliver, count) = self.slivers.piece(group);
                let strips = chunk * WAITING..((chunk + 1) * WAITING).min(self.shape.strips());
                match count {
                    4 if NR < PANEL => {
                        self.group::<NR, 4, FMA>(strips, sliver, &mut near, &mut tiles, &mut watch)
                    }
                    2 => self.group::<NR, 2, FMA>(strips, sliver, &mut near, &mut tiles, &mut watch),
                    1 => self.group::<NR, 1, FMA>(strips, sliver, &mut near, &mut tiles, &mut watch),
                    count => unreachable!("no group of {count} slivers"),
                }
            }
        }
    }
}

impl<P: Sparse> Share<'_, P> {
    /// Packs the lists of a strip.
    #[inline(always)]
    fn list(&self, strip: usize) {
        let (top, height) = (strip * MAX_HEIGHT, self.shape.height(strip));
        let len = self.shape.row_len();
        // SAFETY: strips are disjoint, and strip after strip fills `rows·row_len`.
        let memory = unsafe { self.lists.part_mut(top * len, height * len) };
        let (ends, entries) = memory.split_at_mut(height * self.shape.blocks());
        let entries = entries.as_chunks_mut::<2>().0;
        let mut block = [[0.0; DEEP]; MAX_HEIGHT];
        let mut count = 0;
        for (b, ends) in ends.chunks_exact_mut(height).enumerate() {
            let (first, len) = self.shape.block(b);
            self.product.fill(top, height, first, len, &mut block);
            for (row, end) in block.iter_mut().zip(ends) {
                row[len..].fill(0.0);
                for (c, chunk) in row.as_chunks::<CHUNK>().0.iter().enumerate() {
                    let mut mask = nonzeros(chunk);
                    while mask != 0 {
                        let k = mask.trailing_zeros() as usize;
                        entries[count] = [f32::from_bits((c * CHUNK + k) as u32), chunk[k]];
                        count += 1;
                        mask &= mask - 1;
                    }
                }
                *end = f32::from_bits(count as u32);
            }
        }
    }

    /// The product of strips `strips` and the S slivers from `sliver` on.
    #[inline(always)]
    fn group<const NR: usize, const S: usize, const FMA: bool>(
        &self,
        strips: Range<usize>,
        sliver: usize,
        near: &mut Near,
        tiles: &mut [[Tile; MOST_SLIVERS]; WAITING],
        watch: &mut Watch,
    ) {
        let blocks = self.shape.blocks();
        for block in 0..blocks {
            self.fetch::<NR, S>(block, sliver, near);
            for (strip, tiles) in strips.clone().zip(&mut *tiles) {
                self.look_ahead::<NR, S>(block, sliver, strip - strips.start, strips.len());
                let tiles = tiles.first_chunk_mut::<S>().expect("S ≤ MOST_SLIVERS");
                if block + 1 < blocks {
                    self.add::<NR, S, FMA>(strip, block, near, tiles);
                    continue;
                }
                for s in 0..S {
                    self.product.expect(&self.patch::<NR>(strip, sliver + s));
                }
                self.add::<NR, S, FMA>(strip, block, near, tiles);
                watch.lap(Doing::Multiplying);
                for (s, tile) in tiles.iter_mut().enumerate() {
                    self.product.finish::<NR>(&self.patch::<NR>(strip, sliver + s), tile);
                }
                watch.lap(Doing::Finishing);
            }
        }
    }

    #[inline(always)]
    fn patch<const NR: usize>(&self, strip: usize, sliver: usize) -> Patch {
        let (top, left) = (strip * MAX_HEIGHT, sliver * NR);
        let columns = NR.min(self.shape.cols - left);
        Patch { top, height: self.shape.height(strip), left, width: NR, columns }
    }

    /// Copies a block of S slivers of the right operand.
    #[inline(always)]
    fn fetch<const NR: usize, const S: usize>(&self, block: usize, sliver: usize, near: &mut Near) {
        let (first, len) = self.shape.block(block);
        for s in 0..S {
            let column = (sliver + s) * NR;
            let panel = &self.product.panel(column / PANEL)[first * PANEL..][..len * PANEL];
            for (near, row) in near.0.iter_mut().zip(panel.as_chunks::<PANEL>().0) {
                near[s * NR..][..NR].copy_from_slice(&row[column % PANEL..][..NR]);
            }
        }
    }

    /// Asks for a part of the block that is fetched after `block`, number `part` of `parts`: a copy of what is
    /// still far away would take longer than the arithmetic.
    #[inline(always)]
    fn look_ahead<const NR: usize, const S: usize>(
        &self,
        block: usize,
        sliver: usize,
        part: usize,
        parts: usize,
    ) {
        let is_last = block + 1 == self.shape.blocks();
        let (block, sliver) = if is_last { (0, sliver + S) } else { (block + 1, sliver) };
        let (first, len) = self.shape.block(block);
        let rows = part * len / parts..(part + 1) * len / parts;
        let (start, end) = (sliver * NR, ((sliver + S) * NR).min(self.shape.cols));
        for panel in start / PANEL..end.div_ceil(PANEL) {
            let rows = &self.product.panel(panel)[(first + rows.start) * PANEL..][..rows.len() * PANEL];
            for line in rows.chunks(LINE) {
                prefetch_second_level(line.as_ptr());
            }
        }
    }

    /// Adds a block of the product to the sums of a strip.
    #[inline(always)]
    fn add<const NR: usize, const S: usize, const FMA: bool>(
        &self,
        strip: usize,
        block: usize,
        near: &Near,
        tiles: &mut [Tile; S],
    ) {
        let (len, height) = (self.shape.row_len(), self.shape.height(strip));
        // SAFETY: packing is over, nobody writes; in bounds as in `list`.
        let memory = unsafe { self.lists.part(strip * MAX_HEIGHT * len, height * len) };
        let (ends, entries) = memory.split_at(height * self.shape.blocks());
        let entries = entries.as_chunks::<2>().0;
        let mut start = if block == 0 { 0 } else { ends[block * height - 1].to_bits() as usize };
        for (i, end) in ends[block * height..][..height].iter().enumerate() {
            let end = end.to_bits() as usize;
            let mut sums = [[0.0; NR]; S];
            if block > 0 {
                for s in 0..S {
                    sums[s] = *tiles[s].row::<NR>(i);
                }
            }
            add_row::<NR, S, FMA>(&entries[start..end], near, &mut sums);
            for s in 0..S {
                *tiles[s].row::<NR>(i) = sums[s];
            }
            start = end;
        }
    }
}

/// A block of the right operand, `[k][column]`, where it is at hand and aligned: weights need not be, and a
/// load that crosses a cache line takes twice the time.
#[repr(align(64))]
struct Near([[f32; LANES]; DEEP]);

/// sums[s, j] += Σ value·right[k, s·NR + j] over the entries (k, value).
#[inline(always)]
fn add_row<const NR: usize, const S: usize, const FMA: bool>(
    entries: &[[f32; 2]],
    right: &Near,
    sums: &mut [[f32; NR]; S],
) {
    debug_assert!(S * NR <= LANES, "no room for {S} slivers of {NR}");
    for entry in entries {
        // k is less than DEEP; the remainder tells the compiler so.
        let right = &right.0[entry[0].to_bits() as usize % DEEP];
        for s in 0..S {
            for j in 0..NR {
                sums[s][j] = multiply_add::<FMA>(entry[1], right[s * NR + j], sums[s][j]);
            }
        }
    }
}

/// Bit k says whether number k is not zero.
#[inline(always)]
fn nonzeros(chunk: &[f32; CHUNK]) -> u32 {
    const { assert!(CHUNK == u32::BITS as usize && DEEP.is_multiple_of(CHUNK)) };
    let mut mask = 0;
    for (k, &value) in chunk.iter().enumerate() {
        mask |= u32::from(value != 0.0) << k;
    }
    mask
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_are_left_out_where_there_are_many_and_the_product_is_not_small() {
        let large = Shape::new(100, 200, 50);
        let never_counted = || unreachable!("nobody asked");
        assert!(!Zeros::Multiply.skips(large, never_counted));
        assert!(Zeros::Skip.skips(large, never_counted));
        assert!(!Zeros::Choose.skips(Shape::new(10, 200, 50), never_counted));
        assert!(!Zeros::Choose.skips(Shape::new(100, 10, 50), never_counted));
        assert!(Zeros::Choose.skips(large, || 0.2));
        assert!(!Zeros::Choose.skips(large, || 0.6));
    }

    #[test]
    fn what_is_not_zero_is_told_and_marked() {
        let mut values = [0.0; 5000];
        (values[1], values[2], values[4999]) = (-0.0, f32::NAN, f32::MIN_POSITIVE / 2.0);
        assert_eq!(density(&values, 50), 2.0 / 5000.0);
        // Of many rows some are looked at: here every other number of each is zero.
        let many: Vec<f32> = (0..1_000_000).map(|i| (i % 2) as f32).collect();
        assert_eq!(density(&many, 100), 0.5);
        assert_eq!(density(&[], 0), 0.0);
        assert_eq!(nonzeros(values.first_chunk().unwrap()), 0b100);
        assert_eq!(nonzeros(values.last_chunk().unwrap()), 1 << 31);
    }
}
