//! The forward product of a convolution, and the gradient of its input.
//!
//! Both compute the pixels of one image from those of another. A tile has the *same pixel of neighbouring images* as
//! its rows, so that its left operand, images in strips, is packed exactly as that of a dense layer: there is no
//! matrix of windows, not even in parts. All rows of a tile lack the same taps at the border, which are left out.
//!
//! The input gradient runs over the windows that contain a pixel, against Wᵀ. The transpose is made for each call:
//! W is small beside the images.

use crate::convolution::{Axis, Conv, Pairs};
use crate::crew::Shared;
use crate::forward::{Ends, Epilogue};
use crate::isa::{Geometry, isa};
use crate::operands::{Errors, Rows, Source, Weights, pack_columns};
use crate::panel::{PANEL, panel_len};
use crate::pass::{Pass, run_items};
use crate::product::{self, Cut, Patch, Product, Tiles, width_for};
use crate::scratch::with_scratch;
use crate::tile::{self, Run, Tile};
use std::ops::Range;

pub(crate) fn forward(
    conv: &Conv,
    x: Rows<'_>,
    weights: Weights<'_>,
    epilogue: Epilogue<'_>,
    pre: Option<&mut [f32]>,
    h: &mut [f32],
) {
    let rows = x.rows();
    let view = Windows { vertical: conv.vertical(), horizontal: conv.horizontal(), conv };
    let (positions, work) = (conv.height_out() * conv.width_out(), rows * conv.multiply_adds());
    let tiles = SweepTiles::new(rows, positions, (conv.groups, conv.n_out()), work, isa().geometry());
    with_scratch([rows * conv.len_in()], |[left]| {
        // A base is scaled together with the product; otherwise the scales are packed with x.
        let source = if epilogue.base.is_some() { x.unscaled() } else { x };
        let (left, ends) = (Shared::new(left), ends(conv.len_out(), epilogue, x.scales(), pre, h));
        let product = Sweep { source, view, weights, tiles, left, ends };
        product::run(&product, &tiles, isa());
    });
}

fn ends<'a>(
    n_out: usize,
    epilogue: Epilogue<'a>,
    scales: Option<&'a [f32]>,
    pre: Option<&'a mut [f32]>,
    h: &'a mut [f32],
) -> Ends<'a> {
    let (sums, pre, h) = (Shared::new(&mut []), pre.map(Shared::new), Shared::new(h));
    Ends { epilogue, scales, n_out, group: 1, sums, pre, h }
}

pub(crate) fn input_gradient(conv: &Conv, da: Errors<'_>, weights: Weights<'_>, dx: &mut [f32]) {
    let rows = da.shape().0;
    let view = Pixels { vertical: conv.vertical(), horizontal: conv.horizontal(), conv };
    let (positions, work) = (conv.height * conv.width, rows * conv.multiply_adds());
    let tiles = SweepTiles::new(rows, positions, (conv.groups, conv.group_in()), work, isa().geometry());
    let n_in = conv.groups * conv.kernel * conv.kernel * padded(conv.n_out());
    let room = [rows * conv.len_out(), panel_len(n_in, conv.group_in())];
    with_scratch(room, |[left, turned]| {
        let blocks = n_in / PANEL * conv.group_in().div_ceil(PANEL);
        let transpose = Transpose { conv, panels: weights.panels, turned: Shared::new(turned) };
        run_items(blocks, PANEL * PANEL, &transpose);
        let weights = Weights::new(turned, n_in, conv.group_in());
        let (left, ends) = (Shared::new(left), ends(conv.len_in(), Epilogue::default(), None, None, dx));
        let product = Sweep { source: da, view, weights, tiles, left, ends };
        product::run(&product, &tiles, isa());
    });
}

/// Rows of Wᵀ a tap: its outputs, filled up to whole panels.
fn padded(channels_out: usize) -> usize {
    channels_out.next_multiple_of(PANEL)
}

/// What a pixel of the result is computed from.
trait View: Sync {
    /// The stretches of the source image, and of the rows of a group's weights, that make up its channels of the pixel at
    /// `position`.
    fn runs(&self, position: usize, group: usize) -> impl Iterator<Item = Run>;
}

/// Outputs, each with the pixels of its window.
struct Windows<'a> {
    vertical: Axis,
    horizontal: Axis,
    conv: &'a Conv,
}

impl View for Windows<'_> {
    #[inline(always)]
    fn runs(&self, position: usize, group: usize) -> impl Iterator<Item = Run> {
        let (oy, ox) = (position / self.horizontal.windows, position % self.horizontal.windows);
        let (taps, kernel) = (self.horizontal.taps(ox), self.conv.kernel);
        let (channels, own) = (self.conv.channels_in, self.conv.group_in());
        // Neighbouring taps are on neighbouring pixels: a run for each row of the window, if all channels are seen.
        let (pieces, len) = if self.conv.groups == 1 { (1, taps.len() * own) } else { (taps.len(), own) };
        let across = if taps.is_empty() { 0..0 } else { 0..pieces };
        Pairs::new(self.vertical.taps(oy), across).map(move |(ky, tap)| {
            let pixel = self.horizontal.pixel(ox, taps.start) + tap;
            Run {
                left: (self.vertical.pixel(oy, ky) * self.conv.width + pixel) * channels + group * own,
                right: (ky * kernel + taps.start + tap) * own,
                len,
            }
        })
    }
}

/// Inputs, each with the outputs of the windows on it.
struct Pixels<'a> {
    vertical: Axis,
    horizontal: Axis,
    conv: &'a Conv,
}

impl View for Pixels<'_> {
    #[inline(always)]
    fn runs(&self, position: usize, group: usize) -> impl Iterator<Item = Run> {
        let (iy, ix) = (position / self.conv.width, position % self.conv.width);
        let (down, along) = (self.vertical.windows_on(iy), self.horizontal.windows_on(ix));
        let (across, kernel) = (self.horizontal.windows, self.conv.kernel);
        let (channels, own) = (self.conv.channels_out, self.conv.n_out());
        Pairs::new(down.range(), along.range()).map(move |(i, j)| {
            let ((oy, ky), (ox, kx)) = (down.hit(i), along.hit(j));
            Run {
                left: (oy * across + ox) * channels + group * own,
                right: (ky * kernel + kx) * padded(own),
                len: own,
            }
        })
    }
}

/// Strips of images; in a strip, groups; in a group, slivers of channels; in a sliver, pixels. So the weights of a sliver
/// and the rows of pixels that overlapping windows share stay in the second-level cache.
#[derive(Clone, Copy)]
struct SweepTiles {
    strips: Cut,
    positions: usize,
    groups: usize,
    /// Channels of a group.
    channels: usize,
    width: usize,
    work: usize,
}

impl SweepTiles {
    fn new(
        rows: usize,
        positions: usize,
        (groups, channels): (usize, usize),
        work: usize,
        geometry: Geometry,
    ) -> Self {
        let strips = Cut::new(rows, geometry.height);
        Self { strips, positions, groups, channels, width: geometry.width, work }
    }

    /// Numbers a pixel.
    #[inline(always)]
    fn pixel(&self) -> usize {
        self.groups * self.channels
    }
}

impl Tiles for SweepTiles {
    fn count(&self) -> usize {
        self.strips.count() * self.groups * self.channels.div_ceil(self.width) * self.positions
    }

    fn multiply_adds(&self) -> usize {
        self.work
    }

    /// Columns of a patch count through the whole image: pixel by pixel, channel by channel.
    #[inline(always)]
    fn patch(&self, index: usize) -> Patch {
        let slivers = self.channels.div_ceil(self.width);
        let (sliver, position) = (index / self.positions, index % self.positions);
        let (group, sliver) = (sliver / slivers, sliver % slivers);
        let (top, height) = self.strips.piece(group / self.groups);
        let channel = sliver * self.width;
        let columns = self.width.min(self.channels - channel);
        let left = position * self.pixel() + group % self.groups * self.channels + channel;
        Patch { top, height, left, width: self.width.min(width_for(columns)), columns }
    }
}

struct Sweep<'a, S, V> {
    /// Images `[rows, features]`.
    source: S,
    view: V,
    weights: Weights<'a>,
    tiles: SweepTiles,
    /// The source in strips: `[features][height]` each.
    left: Shared<'a>,
    ends: Ends<'a>,
}

impl<S: Source + Sync, V: View> Product for Sweep<'_, S, V> {
    fn items(&self) -> usize {
        self.tiles.strips.count()
    }

    #[inline(always)]
    fn pack(&self, item: usize) {
        let ((top, height), features) = (self.tiles.strips.piece(item), self.source.cols());
        // SAFETY: strips are disjoint, and strip after strip fills `rows·features`.
        let packed = unsafe { self.left.part_mut(top * features, height * features) };
        pack_columns(self.source, top, height, packed, height);
    }

    /// The same pixel of neighbouring images: a cache line or two each, far from each other.
    #[inline(always)]
    fn expect(&self, patch: &Patch) {
        for r in patch.top..patch.top + patch.height {
            let start = r * self.tiles.positions * self.tiles.pixel() + patch.left;
            self.ends.h.prefetch(start, patch.columns);
        }
    }

    #[inline(always)]
    fn multiply<const H: usize, const W: usize, const FMA: bool>(&self, patch: &Patch, tile: &mut Tile) {
        let (position, channel) = (patch.left / self.tiles.pixel(), patch.left % self.tiles.pixel());
        let (group, channel) = (channel / self.tiles.channels, channel % self.tiles.channels);
        // SAFETY: packing is over, nobody writes to `left`; the strip is in bounds as above.
        let left = unsafe { self.left.part(patch.top * self.source.cols(), H * self.source.cols()) };
        let Weights { panels, n_in, .. } = self.weights;
        let depth = n_in / self.tiles.groups;
        let right = &panels[(channel / PANEL * n_in + group * depth) * PANEL..][..depth * PANEL];
        tile::packed_runs::<H, W, FMA>(left, right, channel % PANEL, self.view.runs(position, group), tile);
    }

    #[inline(always)]
    fn finish<const NR: usize>(&self, patch: &Patch, tile: &mut Tile) {
        let bias = self.ends.bias(patch.left % self.tiles.pixel(), patch.columns);
        for i in 0..patch.height {
            let row = tile.row::<NR>(i);
            self.ends.finish(patch.top + i, patch.left, patch.columns, bias.as_ref(), row);
        }
    }
}

/// Writes Wᵀ, group by group and tap by tap: from panels `[⌈n_out/32⌉][g, tap, c][32]` to `[⌈group_in/32⌉][g, tap, o][32]`.
/// Items are blocks of 32 × 32. Lanes and rows beyond the last channel hold anything: no result of theirs is stored.
struct Transpose<'a> {
    conv: &'a Conv,
    panels: &'a [f32],
    turned: Shared<'a>,
}

impl Pass for Transpose<'_> {
    #[inline(always)]
    fn part(&self, range: Range<usize>) {
        let (own, taps) = (self.conv.group_in(), self.conv.groups * self.conv.kernel * self.conv.kernel);
        let across = padded(self.conv.n_out()) / PANEL;
        for block in range {
            let (band, tap, panel) = (block / across / taps, block / across % taps, block % across);
            let lanes = PANEL.min(own - band * PANEL);
            let from = ((panel * taps + tap) * own + band * PANEL) * PANEL;
            // SAFETY: block after block fills the panels of Wᵀ.
            let turned = unsafe { self.turned.part_mut(block * PANEL * PANEL, PANEL * PANEL) };
            let rows = Rows::new(&self.panels[from..][..lanes * PANEL], lanes, PANEL);
            pack_columns(rows, 0, lanes, turned, PANEL);
        }
    }
}
