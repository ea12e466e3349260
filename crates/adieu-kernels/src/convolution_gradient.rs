//! The weight gradient of a convolution: `dW[(ky, kx, c), o] = Σ x[window's pixel (ky, kx), c]·da[window, o]` over all
//! windows of all images.
//!
//! The depth of this product is huge (images times windows) and its result small. So the depth is cut into chunks of
//! images that stay in the second-level cache while all tiles pass over them; between chunks a tile waits in a buffer
//! of the size of dW. Both operands are read where they stand, as pixels have their channels together; those with
//! factors or a gate are copied first, for here each number is read by many tiles.
//!
//! A tile belongs to one thread, which adds its chunks in order; chunks are cut by the shape alone.

use crate::convolution::{Axis, Conv};
use crate::crew::{Queue, Shared, crew, threads_for};
use crate::gradient::{Goal, Target};
use crate::isa::{Geometry, Kernel, isa};
use crate::operands::{Errors, Rows, Source};
use crate::panel::{PANEL, panel_len};
use crate::pass::{Pass, run_items};
use crate::product::{self, Cut, Patch, Product, width_for};
use crate::profile::{self, Doing, Watch};
use crate::rows::first_column_sums;
use crate::scratch::with_scratch;
use crate::tile::{self, Run, Tile};
use std::ops::Range;

/// Bytes that are kept in the second-level cache while the tiles of a sliver pass over a chunk: its images, and its
/// da in one panel.
const CHUNK_BYTES: usize = 512 << 10;

/// With fewer channels than this the taps of a row of the window make up a group together.
const FEW_CHANNELS: usize = 16;

pub(crate) fn weight_gradient(
    conv: &Conv,
    x: Rows<'_>,
    da: Errors<'_>,
    target: Target<'_>,
    db: Option<&mut [f32]>,
) {
    let (rows, n_in, n_out) = (x.rows(), conv.n_in(), conv.n_out());
    let goal = Goal::new(target, n_in, n_out);
    let isa = isa();
    let groups = Groups::new(conv, x.plain().is_some());
    let windows = conv.height_out() * conv.width_out();
    let pitch = conv.groups * pitch_of(n_out);
    let plain_x = x.plain().filter(|_| !groups.framed);
    let plain_da = da.plain().filter(|_| pitch == conv.channels_out);
    let framed = if plain_x.is_some() { 0 } else { rows * groups.image_len() };
    let widened = if plain_da.is_some() { 0 } else { rows * windows * pitch };
    let image_bytes = (conv.len_in() + windows * PANEL) * size_of::<f32>();
    let chunk = (CHUNK_BYTES / image_bytes.max(1)).max(1);
    let waiting = if chunk < rows { panel_len(n_in, n_out) } else { 0 };
    with_scratch([framed, widened, waiting], |[frames, wide, waiting]| {
        let x = plain_x.unwrap_or_else(|| {
            let frame = Frame { conv, x, margin: groups.margin, frames: Shared::new(frames) };
            run_items(rows * conv.groups * conv.height, conv.width * conv.group_in(), &frame);
            frames
        });
        let da = plain_da.unwrap_or_else(|| {
            let widen = Widen { da, windows, groups: conv.groups, n_out, wide: Shared::new(wide) };
            run_items(rows * windows, pitch, &widen);
            wide
        });
        if let Some(db) = db {
            sums_of_windows(Rows::new(da, rows * windows, pitch), (conv.groups, n_out), db);
        }
        let tiles = GradientTiles::new(&groups, n_out, isa.geometry());
        let threads = threads_for(rows * conv.multiply_adds());
        let (shape, waiting) = ((n_in, n_out), Shared::new(waiting));
        let product = WeightGradient {
            x,
            da,
            groups,
            shape,
            pitch,
            rows,
            chunk,
            tiles,
            shares: threads,
            waiting,
            goal,
        };
        let queue = Queue::new(threads, threads);
        profile::product(|watched| {
            crew(threads, || isa.run(Share { product: &product, queue: &queue, watched }));
        });
    });
}

/// db, group by group: of each group's columns of da the first are outputs.
fn sums_of_windows(da: Rows<'_>, (groups, n_out): (usize, usize), db: &mut [f32]) {
    let pitch = da.cols() / groups;
    if groups == 1 || pitch == n_out {
        return first_column_sums(da, db);
    }
    let mut sums = vec![0.0; da.cols()];
    first_column_sums(da, &mut sums);
    for (db, sums) in db.chunks_exact_mut(n_out.max(1)).zip(sums.chunks_exact(pitch)) {
        db.copy_from_slice(&sums[..n_out]);
    }
}

/// Floats from one window of a group's da to the next group: where the last tile would reach beyond it, da is copied to
/// whole panels first.
fn pitch_of(n_out: usize) -> usize {
    let columns = n_out % PANEL;
    if columns == 0 || columns == width_for(columns) { n_out } else { n_out.next_multiple_of(PANEL) }
}

/// Rows of W that meet the same windows.
///
/// With padding these are the channels of one tap. Where few channels would make poor tiles, images are given a frame
/// of zeros left and right: then all taps of a row of the window are on pixels, and form one group.
///
/// Of a convolution in groups each has sets of its own. Its channels are read where they stand, or, framed, from images
/// of its own.
#[derive(Clone, Copy)]
struct Groups {
    vertical: Axis,
    /// Of the framed image, if there is a frame; then without padding.
    horizontal: Axis,
    /// Sets in a row of the window: its taps, or 1.
    across: usize,
    /// Sets of one group of the convolution.
    count: usize,
    /// Groups of the convolution.
    groups: usize,
    /// Rows of W in a set.
    len: usize,
    /// Of one group of the convolution.
    channels: usize,
    stride: usize,
    /// Whether images are copied, each group's channels together.
    framed: bool,
    /// Floats of the frame on each side of a row of pixels.
    margin: usize,
}

impl Groups {
    /// `plain`: whether x can be read where it stands.
    fn new(conv: &Conv, plain: bool) -> Self {
        let Conv { width, kernel, stride, padding, groups, .. } = *conv;
        let (vertical, channels) = (conv.vertical(), conv.group_in());
        let merged = channels < FEW_CHANNELS || (padding == 0 && groups == 1);
        if merged {
            let horizontal = Axis::new(width + 2 * padding, kernel, stride, 0);
            let (count, len, margin) = (kernel, kernel * channels, padding * channels);
            let framed = !plain || margin > 0 || groups > 1;
            return Self {
                vertical,
                horizontal,
                across: 1,
                count,
                groups,
                len,
                channels,
                stride,
                framed,
                margin,
            };
        }
        let (horizontal, count) = (conv.horizontal(), kernel * kernel);
        let (framed, margin) = (!plain, 0);
        Self {
            vertical,
            horizontal,
            across: kernel,
            count,
            groups,
            len: channels,
            channels,
            stride,
            framed,
            margin,
        }
    }

    fn image_len(&self) -> usize {
        self.groups * self.vertical.pixels * self.horizontal.pixels * self.channels
    }

    /// Floats from one pixel of x to the next.
    #[inline(always)]
    fn pixel(&self) -> usize {
        if self.framed { self.channels } else { self.groups * self.channels }
    }

    /// The windows of `images` that meet `set`, a run for each row of them. `first` is the first row of W in the
    /// set, `column` the first output; da has `pitch` floats a window.
    #[inline(always)]
    fn runs(
        self,
        images: Range<usize>,
        (set, first): (usize, usize),
        (column, pitch): (usize, usize),
    ) -> impl Iterator<Item = Run> {
        let (group, set) = (set / self.count, set % self.count);
        let (ky, kx) = (set / self.across, set % self.across);
        let (down, along) = (self.vertical.windows_with(ky), self.horizontal.windows_with(kx));
        let down = if along.is_empty() { 0..0 } else { down };
        // of framed images each group has its own, of others its own channels
        let (images_apart, plane, pitch_x, first) = match self.framed {
            true => (self.groups, group, self.channels, first),
            false => (1, 0, self.groups * self.channels, group * self.channels + first),
        };
        let (lines, first_line) = (images_apart * self.vertical.pixels, plane * self.vertical.pixels);
        let column = group * (pitch / self.groups) + column;
        images.flat_map(move |image| {
            let along = along.clone();
            down.clone().map(move |oy| {
                let line = image * lines + first_line + self.vertical.pixel(oy, ky);
                let pixel = line * self.horizontal.pixels + self.horizontal.pixel(along.start, kx);
                let window = (image * self.vertical.windows + oy) * self.horizontal.windows + along.start;
                Run { left: pixel * pitch_x + first, right: window * pitch + column, len: along.len() }
            })
        })
    }
}

/// The tiles of dW: slivers of outputs; in a sliver, sets; in a set, strips.
#[derive(Clone, Copy)]
struct GradientTiles {
    strips: Cut,
    sets: usize,
    set_len: usize,
    n_out: usize,
    width: usize,
}

impl GradientTiles {
    fn new(groups: &Groups, n_out: usize, geometry: Geometry) -> Self {
        let strips = Cut::new(groups.len, geometry.height);
        Self { strips, sets: groups.groups * groups.count, set_len: groups.len, n_out, width: geometry.width }
    }

    fn count(&self) -> usize {
        self.strips.count() * self.sets * self.n_out.div_ceil(self.width)
    }

    #[inline(always)]
    fn patch(&self, index: usize) -> Patch {
        let (set, sliver) =
            (index / self.strips.count() % self.sets, index / self.strips.count() / self.sets);
        let (first, height) = self.strips.piece(index % self.strips.count());
        let left = sliver * self.width;
        let columns = self.width.min(self.n_out - left);
        let width = self.width.min(width_for(columns));
        Patch { top: set * self.set_len + first, height, left, width, columns }
    }
}

struct WeightGradient<'a> {
    /// Images, with their frames if they have some.
    x: &'a [f32],
    /// `[rows·windows, pitch]`
    da: &'a [f32],
    groups: Groups,
    /// Of dW: (n_in, n_out).
    shape: (usize, usize),
    pitch: usize,
    rows: usize,
    /// Images in a chunk.
    chunk: usize,
    tiles: GradientTiles,
    /// Each passes over all the images, so there are no more than threads.
    shares: usize,
    /// Sums of the chunks so far, in panels; empty if there is only one chunk.
    waiting: Shared<'a>,
    goal: Goal<'a>,
}

impl WeightGradient<'_> {
    /// The tiles of share `index`, neighbours, so that they have much of da in common.
    fn share(&self, index: usize) -> Range<usize> {
        let start = |index| index * self.tiles.count() / self.shares;
        start(index)..start(index + 1)
    }
}

/// One thread's share of the product.
struct Share<'a> {
    product: &'a WeightGradient<'a>,
    queue: &'a Queue,
    /// Whether to look at the clock.
    watched: bool,
}

impl Kernel for Share<'_> {
    #[inline(always)]
    fn run<const MR: usize, const NR: usize, const FMA: bool>(self) {
        let mut watch = Watch::start(self.watched);
        let (product, mut tile) = (self.product, Tile::zero());
        while let Some(claim) = self.queue.claim() {
            for share in claim.items.clone() {
                let tiles = product.share(share);
                // One chunk at least: without images dW is zero.
                for start in (0..product.rows.max(1)).step_by(product.chunk) {
                    let images = start..product.rows.min(start + product.chunk);
                    let chunk = Chunk { product, images };
                    for patch in tiles.clone().map(|index| product.tiles.patch(index)) {
                        chunk.expect(&patch);
                        product::multiply::<_, MR, NR, FMA>(&chunk, &patch, &mut tile);
                        watch.lap(Doing::Multiplying);
                        chunk.finish::<NR>(&patch, &mut tile);
                        watch.lap(Doing::Finishing);
                    }
                }
            }
        }
    }
}

/// The part of the depth that some of the images are.
struct Chunk<'a> {
    product: &'a WeightGradient<'a>,
    images: Range<usize>,
}

impl Chunk<'_> {
    fn is_last(&self) -> bool {
        self.images.end == self.product.rows
    }
}

impl Product for Chunk<'_> {
    fn items(&self) -> usize {
        0
    }

    fn pack(&self, _item: usize) {}

    #[inline(always)]
    fn expect(&self, patch: &Patch) {
        let n_in = self.product.shape.0;
        self.product.waiting.prefetch((patch.left / PANEL * n_in + patch.top) * PANEL, patch.height * PANEL);
        if self.is_last() {
            self.product.goal.prefetch(n_in, patch);
        }
    }

    #[inline(always)]
    fn multiply<const H: usize, const W: usize, const FMA: bool>(&self, patch: &Patch, tile: &mut Tile) {
        let WeightGradient { x, da, groups, pitch, .. } = *self.product;
        let place = (patch.top / groups.len, patch.top % groups.len);
        let runs = groups.runs(self.images.clone(), place, (patch.left, pitch));
        tile::strided_runs::<H, W, FMA>(x, da, (groups.stride * groups.pixel(), pitch), runs, tile);
    }

    #[inline(always)]
    fn finish<const NR: usize>(&self, patch: &Patch, tile: &mut Tile) {
        let (n_in, (panel, lane)) = (self.product.shape.0, patch.panel_and_lane());
        for i in 0..patch.height {
            let start = (panel * n_in + patch.top + i) * PANEL + lane;
            let sums = tile.row::<NR>(i);
            if self.images.start > 0 {
                // SAFETY: NR lanes from a multiple of NR on lie in one row of 32, which is in bounds; a tile belongs
                // to one thread.
                let so_far = unsafe { self.product.waiting.array_mut::<NR>(start) };
                for (sum, so_far) in sums.iter_mut().zip(so_far) {
                    *sum += *so_far;
                }
            }
            if !self.is_last() {
                // SAFETY: as above.
                *unsafe { self.product.waiting.array_mut::<NR>(start) } = *sums;
            }
        }
        if self.is_last() {
            // SAFETY: the tiles of the product are disjoint and in bounds.
            unsafe { self.product.goal.finish::<NR>(self.product.shape, patch, tile) };
        }
    }
}

/// Copies images into frames of zeros, `margin` floats left and right, each group's channels into images of their own.
/// Items are rows of pixels.
struct Frame<'a> {
    conv: &'a Conv,
    x: Rows<'a>,
    margin: usize,
    frames: Shared<'a>,
}

impl Pass for Frame<'_> {
    #[inline(always)]
    fn part(&self, range: Range<usize>) {
        let Conv { height, width, channels_in, groups, .. } = *self.conv;
        let (own, margin) = (self.conv.group_in(), self.margin);
        let len = width * own;
        for r in range {
            let (image, group, line) = (r / height / groups, r / height % groups, r % height);
            // SAFETY: row r is in bounds, and the ranges of a pass are disjoint.
            let framed = unsafe { self.frames.part_mut(r * (len + 2 * margin), len + 2 * margin) };
            framed[..margin].fill(0.0);
            let inside = &mut framed[margin..][..len];
            if groups == 1 {
                self.x.read(image, line * len, inside);
            } else if own > 0 {
                for (pixel, numbers) in inside.chunks_exact_mut(own).enumerate() {
                    self.x.read(image, (line * width + pixel) * channels_in + group * own, numbers);
                }
            }
            framed[margin + len..].fill(0.0);
        }
    }
}

/// Copies windows of da, `n_out` numbers of each group, to as many rows of whole panels. Numbers beyond are zero: no
/// result of theirs is stored.
struct Widen<'a> {
    da: Errors<'a>,
    /// Of an image.
    windows: usize,
    groups: usize,
    n_out: usize,
    wide: Shared<'a>,
}

impl Pass for Widen<'_> {
    #[inline(always)]
    fn part(&self, range: Range<usize>) {
        let (groups, n_out, pitch) = (self.groups, self.n_out, pitch_of(self.n_out));
        for r in range {
            // SAFETY: row r is in bounds, and the ranges of a pass are disjoint.
            let wide = unsafe { self.wide.part_mut(r * groups * pitch, groups * pitch) };
            for group in 0..groups {
                let (filled, rest) = wide[group * pitch..][..pitch].split_at_mut(n_out);
                let start = (r % self.windows * groups + group) * n_out;
                self.da.read(r / self.windows, start, filled);
                rest.fill(0.0);
            }
        }
    }
}
