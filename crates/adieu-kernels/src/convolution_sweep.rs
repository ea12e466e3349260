//! The forward product of a convolution, and the gradient of its input.
//!
//! Both compute the pixels of one image from those of another. A tile has the *same pixel of neighbouring images* as
//! its rows, so that its left operand, images in strips, is packed exactly as that of a dense layer: there is no
//! matrix of windows, not even in parts. All rows of a tile lack the same taps at the border, which are left out.
//!
//! The input gradient runs over the windows that contain a pixel, against Wᵀ. The transpose is made for each call:
//! W is small beside the images.

use crate::activation::Activation;
use crate::convolution::{Axis, Conv, Pairs};
use crate::crew::Shared;
use crate::forward::pack_columns;
use crate::isa::{Geometry, isa};
use crate::panel::{PANEL, panel_len};
use crate::pass::{Pass, run_items};
use crate::product::{self, Cut, Patch, Product, Tiles, width_for};
use crate::scratch::with_scratch;
use crate::tile::{self, Run, Tile};
use std::ops::Range;

#[allow(clippy::too_many_arguments, reason = "a product is its operands and their sizes")]
pub(crate) fn forward(
    conv: &Conv,
    x: &[f32],
    rows: usize,
    panels: &[f32],
    bias: Option<&[f32]>,
    activation: Activation,
    pre: Option<&mut [f32]>,
    h: &mut [f32],
) {
    let view = Windows { vertical: conv.vertical(), horizontal: conv.horizontal(), conv };
    let (positions, work) = (conv.height_out() * conv.width_out(), rows * conv.multiply_adds());
    let tiles = SweepTiles::new(rows, positions, conv.channels_out, work, isa().geometry());
    with_scratch(x.len(), 0, |left, _| {
        let product = Sweep {
            source: x,
            features: conv.len_in(),
            view,
            panels,
            n_in: conv.n_in(),
            tiles,
            left: Shared::new(left),
            bias,
            activation,
            pre: pre.map(Shared::new),
            out: Shared::new(h),
        };
        product::run(&product, &tiles, isa());
    });
}

pub(crate) fn input_gradient(conv: &Conv, da: &[f32], rows: usize, panels: &[f32], dx: &mut [f32]) {
    let view = Pixels { vertical: conv.vertical(), horizontal: conv.horizontal(), conv };
    let (positions, work) = (conv.height * conv.width, rows * conv.multiply_adds());
    let tiles = SweepTiles::new(rows, positions, conv.channels_in, work, isa().geometry());
    let n_in = conv.kernel * conv.kernel * padded(conv.channels_out);
    with_scratch(da.len(), panel_len(n_in, conv.channels_in), |left, turned| {
        let blocks = n_in / PANEL * conv.channels_in.div_ceil(PANEL);
        run_items(blocks, PANEL * PANEL, &Transpose { conv, panels, turned: Shared::new(turned) });
        let product = Sweep {
            source: da,
            features: conv.len_out(),
            view,
            panels: turned,
            n_in,
            tiles,
            left: Shared::new(left),
            bias: None,
            activation: Activation::Identity,
            pre: None,
            out: Shared::new(dx),
        };
        product::run(&product, &tiles, isa());
    });
}

/// Rows of Wᵀ a tap: its outputs, filled up to whole panels.
fn padded(channels_out: usize) -> usize {
    channels_out.next_multiple_of(PANEL)
}

/// What a pixel of the result is computed from.
trait View: Sync {
    /// The stretches of the source image, and of the rows of the weights, that make up the pixel at `position`.
    fn runs(&self, position: usize) -> impl Iterator<Item = Run>;
}

/// Outputs, each with the pixels of its window.
struct Windows<'a> {
    vertical: Axis,
    horizontal: Axis,
    conv: &'a Conv,
}

impl View for Windows<'_> {
    #[inline(always)]
    fn runs(&self, position: usize) -> impl Iterator<Item = Run> {
        let (oy, ox) = (position / self.horizontal.windows, position % self.horizontal.windows);
        let (taps, channels, kernel) = (self.horizontal.taps(ox), self.conv.channels_in, self.conv.kernel);
        let down = if taps.is_empty() { 0..0 } else { self.vertical.taps(oy) };
        // Neighbouring taps are on neighbouring pixels: a run for each row of the window.
        down.map(move |ky| Run {
            left: (self.vertical.pixel(oy, ky) * self.conv.width + self.horizontal.pixel(ox, taps.start))
                * channels,
            right: (ky * kernel + taps.start) * channels,
            len: taps.len() * channels,
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
    fn runs(&self, position: usize) -> impl Iterator<Item = Run> {
        let (iy, ix) = (position / self.conv.width, position % self.conv.width);
        let (down, along) = (self.vertical.windows_on(iy), self.horizontal.windows_on(ix));
        let (across, channels, kernel) = (self.horizontal.windows, self.conv.channels_out, self.conv.kernel);
        Pairs::new(down.range(), along.range()).map(move |(i, j)| {
            let ((oy, ky), (ox, kx)) = (down.hit(i), along.hit(j));
            Run {
                left: (oy * across + ox) * channels,
                right: (ky * kernel + kx) * padded(channels),
                len: channels,
            }
        })
    }
}

/// Strips of images; in a strip, slivers of channels; in a sliver, pixels. So the weights of a sliver and the rows of
/// pixels that overlapping windows share stay in the second-level cache.
#[derive(Clone, Copy)]
struct SweepTiles {
    strips: Cut,
    positions: usize,
    channels: usize,
    width: usize,
    work: usize,
}

impl SweepTiles {
    fn new(rows: usize, positions: usize, channels: usize, work: usize, geometry: Geometry) -> Self {
        Self { strips: Cut::new(rows, geometry.height), positions, channels, width: geometry.width, work }
    }
}

impl Tiles for SweepTiles {
    fn count(&self) -> usize {
        self.strips.count() * self.channels.div_ceil(self.width) * self.positions
    }

    fn multiply_adds(&self) -> usize {
        self.work
    }

    /// Columns of a patch count through the whole image: pixel by pixel, channel by channel.
    #[inline(always)]
    fn patch(&self, index: usize) -> Patch {
        let slivers = self.channels.div_ceil(self.width);
        let (sliver, position) = (index / self.positions, index % self.positions);
        let (top, height) = self.strips.piece(sliver / slivers);
        let channel = sliver % slivers * self.width;
        let columns = self.width.min(self.channels - channel);
        let left = position * self.channels + channel;
        Patch { top, height, left, width: self.width.min(width_for(columns)), columns }
    }
}

struct Sweep<'a, V> {
    /// Images `[rows, features]`.
    source: &'a [f32],
    features: usize,
    view: V,
    /// Weights `[⌈channels/32⌉][n_in][32]`.
    panels: &'a [f32],
    n_in: usize,
    tiles: SweepTiles,
    /// The source in strips: `[features][height]` each.
    left: Shared<'a>,
    bias: Option<&'a [f32]>,
    activation: Activation,
    pre: Option<Shared<'a>>,
    out: Shared<'a>,
}

impl<V: View> Product for Sweep<'_, V> {
    fn items(&self) -> usize {
        self.tiles.strips.count()
    }

    #[inline(always)]
    fn pack(&self, item: usize) {
        let (top, height) = self.tiles.strips.piece(item);
        // SAFETY: strips are disjoint, and strip after strip fills `rows·features`.
        let packed = unsafe { self.left.part_mut(top * self.features, height * self.features) };
        pack_columns(&self.source[top * self.features..], self.features, height, packed, height);
    }

    /// The same pixel of neighbouring images: a cache line or two each, far from each other.
    #[inline(always)]
    fn expect(&self, patch: &Patch) {
        for r in patch.top..patch.top + patch.height {
            let start = r * self.tiles.positions * self.tiles.channels + patch.left;
            self.out.prefetch(start, patch.columns);
        }
    }

    #[inline(always)]
    fn multiply<const H: usize, const W: usize, const FMA: bool>(&self, patch: &Patch, tile: &mut Tile) {
        let (position, channel) = (patch.left / self.tiles.channels, patch.left % self.tiles.channels);
        // SAFETY: packing is over, nobody writes to `left`; the strip is in bounds as above.
        let left = unsafe { self.left.part(patch.top * self.features, H * self.features) };
        let right = &self.panels[channel / PANEL * self.n_in * PANEL..][..self.n_in * PANEL];
        tile::packed_runs::<H, W, FMA>(left, right, channel % PANEL, self.view.runs(position), tile);
    }

    #[inline(always)]
    fn finish<const NR: usize>(&self, patch: &Patch, tile: &mut Tile) {
        let (columns, channel) = (patch.columns, patch.left % self.tiles.channels);
        let mut bias = [0.0; NR];
        if let Some(all) = self.bias {
            bias[..columns].copy_from_slice(&all[channel..][..columns]);
        }
        let pitch = self.tiles.positions * self.tiles.channels;
        for i in 0..patch.height {
            let row = tile.row::<NR>(i);
            let start = (patch.top + i) * pitch + patch.left;
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
            unsafe { self.out.part_mut(start, columns) }.copy_from_slice(&row[..columns]);
        }
    }
}

/// Writes Wᵀ, tap by tap: from panels `[⌈channels_out/32⌉][tap, c][32]` to `[⌈channels_in/32⌉][tap, o][32]`. Items are
/// blocks of 32 × 32. Lanes and rows beyond the last channel hold anything: no result of theirs is stored.
struct Transpose<'a> {
    conv: &'a Conv,
    panels: &'a [f32],
    turned: Shared<'a>,
}

impl Pass for Transpose<'_> {
    #[inline(always)]
    fn part(&self, range: Range<usize>) {
        let Conv { channels_in, channels_out, kernel, .. } = *self.conv;
        let (taps, across) = (kernel * kernel, padded(channels_out) / PANEL);
        for block in range {
            let (band, tap, panel) = (block / across / taps, block / across % taps, block % across);
            let lanes = PANEL.min(channels_in - band * PANEL);
            let from = ((panel * taps + tap) * channels_in + band * PANEL) * PANEL;
            // SAFETY: block after block fills the panels of Wᵀ.
            let turned = unsafe { self.turned.part_mut(block * PANEL * PANEL, PANEL * PANEL) };
            pack_columns(&self.panels[from..], PANEL, lanes, turned, PANEL);
        }
    }
}
