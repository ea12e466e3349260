//! What the three products have in common: cutting the result into tiles, packing, and sharing both among
//! threads.
//!
//! The result, M tall and N wide, is cut into strips (MR rows, the left operand's) and slivers (NR columns,
//! the right's). Tiles are visited sliver by sliver within a block of strips that stays in the second-level
//! cache, so that a sliver is fetched once for all the strips of the block.

use crate::crew::{Queue, crew, threads_for};
use crate::isa::{Geometry, Isa, Kernel};
use crate::panel::PANEL;
use crate::profile::{self, Doing, Watch};
use crate::tile::Tile;

/// Bytes of left strips that are kept in the second-level cache while slivers of the right operand pass.
const BLOCK_BYTES: usize = 384 << 10;

/// A length cut into pieces of `step`; what is left over is cut into powers of two, so that no piece needs
/// padding.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cut {
    len: usize,
    step: usize,
}

impl Cut {
    pub(crate) fn new(len: usize, step: usize) -> Self {
        Self { len, step }
    }

    pub(crate) fn count(self) -> usize {
        self.len / self.step + (self.len % self.step).count_ones() as usize
    }

    /// First element and length of piece `index`.
    #[inline(always)]
    pub(crate) fn piece(self, index: usize) -> (usize, usize) {
        debug_assert!(index < self.count(), "piece {index} of {}", self.count());
        let whole = self.len / self.step;
        if index < whole {
            return (index * self.step, self.step);
        }
        let (mut start, mut left) = (whole * self.step, self.len % self.step);
        for _ in whole..index {
            let piece = 1 << left.ilog2();
            (start, left) = (start + piece, left - piece);
        }
        (start, 1 << left.ilog2())
    }
}

/// The place of a tile in the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Patch {
    /// First row.
    pub(crate) top: usize,
    /// Rows: MR, or a power of two below it.
    pub(crate) height: usize,
    /// First column, a multiple of NR.
    pub(crate) left: usize,
    /// Columns that are computed: NR, a half or a quarter of it, at least 8.
    pub(crate) width: usize,
    /// Columns that exist, ≤ `width`.
    pub(crate) columns: usize,
}

impl Patch {
    /// The panel that holds the columns, and the first of its lanes.
    #[inline(always)]
    pub(crate) fn panel_and_lane(&self) -> (usize, usize) {
        (self.left / PANEL, self.left % PANEL)
    }
}

/// How a result `[rows, cols]` of a product of `depth` is cut into tiles.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tiling {
    strips: Cut,
    cols: usize,
    width: usize,
    depth: usize,
    /// Strips in a block.
    block: usize,
}

impl Tiling {
    pub(crate) fn new(rows: usize, cols: usize, depth: usize, geometry: Geometry) -> Self {
        let strips = Cut::new(rows, geometry.height);
        let most = BLOCK_BYTES / (geometry.height * depth * size_of::<f32>()).max(1);
        let blocks = strips.count().div_ceil(most.max(1)).max(1);
        Self { strips, cols, width: geometry.width, depth, block: strips.count().div_ceil(blocks).max(1) }
    }

    pub(crate) fn strips(&self) -> Cut {
        self.strips
    }

    fn slivers(&self) -> usize {
        self.cols.div_ceil(self.width)
    }
}

/// A result cut into tiles, numbered in the order in which they are visited.
pub(crate) trait Tiles: Sync {
    /// How many there are.
    fn count(&self) -> usize;
    /// The place of tile `index`. Implementations are `#[inline(always)]`.
    fn patch(&self, index: usize) -> Patch;
    /// The multiply-adds of the whole product, more or less.
    fn multiply_adds(&self) -> usize;
}

impl Tiles for Tiling {
    fn count(&self) -> usize {
        self.strips.count() * self.slivers()
    }

    fn multiply_adds(&self) -> usize {
        self.strips.len * self.cols * self.depth
    }

    /// Blocks of strips; in a block, slivers; in a sliver, strips.
    #[inline(always)]
    fn patch(&self, index: usize) -> Patch {
        let slivers = self.slivers();
        let first = index / (self.block * slivers) * self.block;
        let in_block = index - first * slivers;
        let strips = self.block.min(self.strips.count() - first);
        let (top, height) = self.strips.piece(first + in_block % strips);
        let left = in_block / strips * self.width;
        let columns = self.width.min(self.cols - left);
        Patch { top, height, left, width: self.width.min(width_for(columns)), columns }
    }
}

/// The narrowest width of a tile that has room for `columns`.
#[inline(always)]
pub(crate) fn width_for(columns: usize) -> usize {
    if columns > 16 {
        32
    } else if columns > 8 {
        16
    } else {
        8
    }
}

/// One of the products. Implementations are `#[inline(always)]`.
pub(crate) trait Product: Sync {
    /// Number of items to pack before the first tile.
    fn items(&self) -> usize;
    /// Packs item `item`.
    fn pack(&self, item: usize);
    /// Asks for the memory that [`Self::finish`] will need, while there is still time.
    #[inline(always)]
    fn expect(&self, _patch: &Patch) {}
    /// Computes a tile of H × W, the height and width of `patch`.
    fn multiply<const H: usize, const W: usize, const FMA: bool>(&self, patch: &Patch, tile: &mut Tile);
    /// Hands a tile on. NR is a multiple of 8 that divides the panel, and at least the patch's width.
    fn finish<const NR: usize>(&self, patch: &Patch, tile: &mut Tile);
}

/// Packs and multiplies, with as many threads as the work deserves.
pub(crate) fn run(product: &impl Product, tiling: &impl Tiles, isa: Isa) {
    let threads = threads_for(tiling.multiply_adds());
    let packing = Queue::new(product.items(), threads);
    let tiles = Queue::new(tiling.count(), threads);
    profile::product(|watched| {
        crew(threads, || isa.run(Share { product, tiling, packing: &packing, tiles: &tiles, watched }));
    });
}

/// One thread's share of a product.
struct Share<'a, P, T> {
    product: &'a P,
    tiling: &'a T,
    packing: &'a Queue,
    tiles: &'a Queue,
    /// Whether to look at the clock.
    watched: bool,
}

impl<P: Product, T: Tiles> Kernel for Share<'_, P, T> {
    #[inline(always)]
    fn run<const MR: usize, const NR: usize, const FMA: bool>(self) {
        let mut watch = Watch::start(self.watched);
        while let Some(claim) = self.packing.claim() {
            for item in claim.items.clone() {
                self.product.pack(item);
            }
        }
        watch.lap(Doing::Packing);
        self.packing.wait();
        watch.lap(Doing::Waiting);
        let mut tile = Tile::zero();
        while let Some(claim) = self.tiles.claim() {
            for index in claim.items.clone() {
                let patch = self.tiling.patch(index);
                self.product.expect(&patch);
                multiply::<P, MR, NR, FMA>(self.product, &patch, &mut tile);
                watch.lap(Doing::Multiplying);
                self.product.finish::<NR>(&patch, &mut tile);
                watch.lap(Doing::Finishing);
            }
        }
    }
}

/// Calls the micro-kernel compiled for the patch's height and width. The guards leave out what `MR` × `NR`
/// excludes.
#[inline(always)]
pub(crate) fn multiply<P: Product, const MR: usize, const NR: usize, const FMA: bool>(
    product: &P,
    patch: &Patch,
    tile: &mut Tile,
) {
    macro_rules! by_height {
        ($width:literal) => {
            match patch.height {
                12 if MR == 12 => product.multiply::<12, $width, FMA>(patch, tile),
                8 if MR == 12 => product.multiply::<8, $width, FMA>(patch, tile),
                6 if MR == 6 => product.multiply::<6, $width, FMA>(patch, tile),
                4 => product.multiply::<4, $width, FMA>(patch, tile),
                2 => product.multiply::<2, $width, FMA>(patch, tile),
                1 => product.multiply::<1, $width, FMA>(patch, tile),
                height => unreachable!("no tile of height {height}"),
            }
        };
    }
    match patch.width {
        32 if NR == 32 => by_height!(32),
        16 if NR >= 16 => by_height!(16),
        8 => by_height!(8),
        width => unreachable!("no tile of width {width}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tile::MAX_HEIGHT;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn tiles_cover_the_result_exactly_once(rows in 0usize..60, cols in 0usize..90, depth in 0usize..4000) {
            for isa in [Isa::Avx512, Isa::Avx2, Isa::Scalar] {
                let geometry = isa.geometry();
                let tiling = Tiling::new(rows, cols, depth, geometry);
                let mut covered = vec![0; rows * cols];
                for patch in (0..tiling.count()).map(|index| tiling.patch(index)) {
                    prop_assert!(patch.height <= geometry.height.min(MAX_HEIGHT));
                    prop_assert!(patch.columns <= patch.width && patch.width <= geometry.width);
                    prop_assert!(patch.left % PANEL + patch.width <= PANEL);
                    for i in patch.top..patch.top + patch.height {
                        for j in patch.left..patch.left + patch.columns {
                            covered[i * cols + j] += 1;
                        }
                    }
                }
                prop_assert!(covered.iter().all(|&times| times == 1));
            }
        }
    }

    #[test]
    fn a_remainder_is_cut_into_powers_of_two() {
        let cut = Cut::new(12 + 11, 12);
        assert_eq!(
            (0..cut.count()).map(|i| cut.piece(i)).collect::<Vec<_>>(),
            [(0, 12), (12, 8), (20, 2), (22, 1)]
        );
    }
}
