//! Convolutions of images: the three products of a dense layer, over windows.
//!
//! `a[oy, ox, o] = Σ_{ky, kx, c} x[oy·s + ky − p, ox·s + kx − p, c]·W[(ky, kx, c), o]`, with stride s and padding p.
//!
//! **Layout.** A row of a batch is one image with its channels together, `[height, width, channels]`. W is a matrix
//! `[kernel·kernel·channels_in, channels_out]`, its rows in the order (ky, kx, c), in [panels](crate::to_panels) as
//! any other weights. So the neighbouring columns of a window stand together, both in the image and in W, and all
//! channels of an output do: every access of the three products is a stretch of memory. (With channels apart,
//! `[channels, height, width]`, a window would be `channels·kernel` stretches of `kernel` numbers, and each output
//! of a tile would go to a cache line of its own.)
//!
//! **Groups.** Channels in and out may be cut into G neighbouring groups, each of which sees its own only. W then has the
//! rows (g, ky, kx, c) and the columns of one group; a group's channels are read and written where they stand.
//!
//! **Padding is absent**, not zero: windows that reach beyond the image have fewer terms. On small images that
//! saves much, 16 % of the arithmetic for 3 × 3 windows on 8 × 8 pixels.

use crate::convolution_gradient;
use crate::convolution_sweep;
use crate::forward::{self, Epilogue, Outputs};
use crate::gradient::Target;
use crate::operands::{Errors, Rows, Weights};
use crate::panel;
use crate::rows::row_sums_of_squares;
use std::ops::Range;

/// The shape of a convolution with square windows.
///
/// Letters of the lengths below: `rows` images in a batch; x `[rows, len_in]`, a and h `[rows, len_out]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv {
    /// Rows of pixels of x.
    pub height: usize,
    /// Columns of pixels of x.
    pub width: usize,
    /// Numbers a pixel of x.
    pub channels_in: usize,
    /// Numbers a pixel of h.
    pub channels_out: usize,
    /// Height and width of the window, at least 1.
    pub kernel: usize,
    /// Pixels from one window to the next, at least 1.
    pub stride: usize,
    /// How far windows may reach beyond the image, pixels.
    pub padding: usize,
    /// Groups into which channels in and out are cut, at least 1; they divide both.
    pub groups: usize,
}

impl Conv {
    /// Rows of pixels of h; zero if the window is taller than the padded image.
    #[must_use]
    pub fn height_out(&self) -> usize {
        self.vertical().windows
    }

    /// Columns of pixels of h; zero if the window is wider than the padded image.
    #[must_use]
    pub fn width_out(&self) -> usize {
        self.horizontal().windows
    }

    /// Numbers in an image of x: `height·width·channels_in`.
    #[must_use]
    pub fn len_in(&self) -> usize {
        self.height * self.width * self.channels_in
    }

    /// Numbers in an image of h: `height_out·width_out·channels_out`.
    #[must_use]
    pub fn len_out(&self) -> usize {
        self.height_out() * self.width_out() * self.channels_out
    }

    /// Rows of W, the inputs of a window, group after group: `kernel·kernel·channels_in`.
    #[must_use]
    pub fn n_in(&self) -> usize {
        self.kernel * self.kernel * self.channels_in
    }

    /// Columns of W: `channels_out` of one group.
    #[must_use]
    pub fn n_out(&self) -> usize {
        self.channels_out / self.groups.max(1)
    }

    /// Channels of x that one group sees.
    pub(crate) fn group_in(&self) -> usize {
        self.channels_in / self.groups
    }

    /// Length in floats of the panels of W.
    #[must_use]
    pub fn panel_len(&self) -> usize {
        panel::panel_len(self.n_in(), self.n_out())
    }

    /// Multiply-adds of one image, the same for all three products: windows that reach beyond the image count only
    /// what they have of it.
    #[must_use]
    pub fn multiply_adds(&self) -> usize {
        let terms = |axis: Axis| (0..axis.windows).map(|o| axis.taps(o).len()).sum::<usize>();
        terms(self.vertical()) * terms(self.horizontal()) * self.channels_in * self.n_out()
    }

    /// `h [rows, len_out] = φ(a)`, `a = x [rows, len_in] ∗ W + b`. As [`crate::forward`], over windows: the bias of
    /// the epilogue is `[channels_out]`, all other lengths of epilogue and outputs are those of h. Zeros of x are
    /// multiplied. Sums of squares are of whole images, by a pass of its own.
    ///
    /// # Panics
    /// If the length of a slice does not fit its shape, kernel or stride is zero, or the groups do not divide the channels.
    pub fn forward(&self, x: Rows<'_>, weights: Weights<'_>, epilogue: Epilogue<'_>, out: Outputs<'_>) {
        self.assert_fits(x.cols(), self.len_out());
        self.assert_weights(weights);
        forward::assert_shapes(&epilogue, &out, (x.rows(), self.len_out()), self.channels_out);
        let Outputs { h, pre, squares } = out;
        convolution_sweep::forward(self, x, weights, epilogue, pre, h);
        if let Some(squares) = squares {
            row_sums_of_squares(h, self.len_out(), squares);
        }
    }

    /// `dx [rows, len_in]`, the gradient with respect to x, from `da [rows, len_out]`.
    ///
    /// # Panics
    /// If the length of a slice does not fit its shape, kernel or stride is zero, or the groups do not divide the channels.
    pub fn input_gradient(&self, da: Errors<'_>, weights: Weights<'_>, dx: &mut [f32]) {
        let (rows, len_out) = da.shape();
        self.assert_fits(self.len_in(), len_out);
        self.assert_weights(weights);
        assert_eq!(dx.len(), rows * self.len_in(), "dx of {rows} images of {self:?}");
        convolution_sweep::input_gradient(self, da, weights, dx);
    }

    /// dW, the gradient with respect to W, from `x [rows, len_in]` and `da [rows, len_out]`; summed over images and,
    /// within each, over windows. Without any image dW is zero, and a rule is still applied. `db [channels_out]`
    /// receives da summed over images and windows, in f64.
    ///
    /// Operands are read where they stand; x with scales, and da with scales or a gate, are copied first.
    ///
    /// # Panics
    /// If the length of a slice does not fit its shape, kernel or stride is zero, or the groups do not divide the channels.
    pub fn weight_gradient(&self, x: Rows<'_>, da: Errors<'_>, target: Target<'_>, db: Option<&mut [f32]>) {
        let (rows, len_out) = da.shape();
        self.assert_fits(x.cols(), len_out);
        assert_eq!(x.rows(), rows, "images of x and of da");
        assert!(db.as_ref().is_none_or(|db| db.len() == self.channels_out), "db of {self:?}");
        convolution_gradient::weight_gradient(self, x, da, target, db);
    }

    fn assert_fits(&self, len_in: usize, len_out: usize) {
        assert!(self.kernel > 0 && self.stride > 0, "kernel and stride are at least 1: {self:?}");
        let divide = |channels: usize| self.groups > 0 && channels.is_multiple_of(self.groups);
        assert!(divide(self.channels_in) && divide(self.channels_out), "groups divide channels: {self:?}");
        assert_eq!(len_in, self.len_in(), "inputs of an image of {self:?}");
        assert_eq!(len_out, self.len_out(), "outputs of an image of {self:?}");
    }

    fn assert_weights(&self, weights: Weights<'_>) {
        assert_eq!((weights.n_in, weights.n_out), (self.n_in(), self.n_out()), "weights of {self:?}");
    }

    pub(crate) fn vertical(&self) -> Axis {
        Axis::new(self.height, self.kernel, self.stride, self.padding)
    }

    pub(crate) fn horizontal(&self) -> Axis {
        Axis::new(self.width, self.kernel, self.stride, self.padding)
    }
}

/// One direction of a convolution. Window o has its tap k on pixel `o·stride + k − padding`, if there is one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Axis {
    pub(crate) pixels: usize,
    pub(crate) windows: usize,
    kernel: usize,
    stride: usize,
    padding: usize,
}

impl Axis {
    pub(crate) fn new(pixels: usize, kernel: usize, stride: usize, padding: usize) -> Self {
        let windows = (pixels + 2 * padding).checked_sub(kernel).map_or(0, |rest| rest / stride.max(1) + 1);
        Self { pixels, windows, kernel, stride, padding }
    }

    /// The pixel under tap `k` of window `o`, which must be one.
    #[inline(always)]
    pub(crate) fn pixel(&self, o: usize, k: usize) -> usize {
        debug_assert!(self.taps(o).contains(&k), "tap {k} of window {o} of {self:?}");
        o * self.stride + k - self.padding
    }

    /// The taps of window `o` that are on a pixel.
    #[inline(always)]
    pub(crate) fn taps(&self, o: usize) -> Range<usize> {
        let first = self.padding.saturating_sub(o * self.stride).min(self.kernel);
        let end = (self.pixels + self.padding).saturating_sub(o * self.stride).min(self.kernel);
        first..end.max(first)
    }

    /// The windows whose tap `k` is on a pixel.
    #[inline(always)]
    pub(crate) fn windows_with(&self, k: usize) -> Range<usize> {
        let first = self.padding.saturating_sub(k).div_ceil(self.stride).min(self.windows);
        let end = (self.pixels + self.padding).saturating_sub(k).div_ceil(self.stride).min(self.windows);
        first..end.max(first)
    }

    /// The windows with a tap on `pixel`.
    #[inline(always)]
    pub(crate) fn windows_on(&self, pixel: usize) -> Hits {
        let at = pixel + self.padding;
        // Windows are `stride` apart, so the taps that hit this pixel are as well.
        let (last, tap, stride) = (at / self.stride, at % self.stride, self.stride);
        let end = self.kernel.saturating_sub(tap).div_ceil(stride).min(last + 1);
        Hits { last, tap, stride, start: (last + 1).saturating_sub(self.windows).min(end), end }
    }
}

/// The windows with a tap on one pixel, numbered by ascending tap.
#[derive(Clone, Copy)]
pub(crate) struct Hits {
    /// The window that number 0 would be, and its tap.
    last: usize,
    tap: usize,
    stride: usize,
    start: usize,
    end: usize,
}

impl Hits {
    #[inline(always)]
    pub(crate) fn range(&self) -> Range<usize> {
        self.start..self.end
    }

    /// Window and tap of number `i`.
    #[inline(always)]
    pub(crate) fn hit(&self, i: usize) -> (usize, usize) {
        (self.last - i, self.tap + i * self.stride)
    }
}

/// All pairs of two ranges, the second running faster. Unlike a flattened iterator it is certain to be compiled into
/// the micro-kernel: a call in there would move every sum out of its register and back.
pub(crate) struct Pairs {
    outer: Range<usize>,
    inner: Range<usize>,
    next: usize,
}

impl Pairs {
    #[inline(always)]
    pub(crate) fn new(outer: Range<usize>, inner: Range<usize>) -> Self {
        let outer = if inner.is_empty() { 0..0 } else { outer };
        Self { next: inner.start, outer, inner }
    }
}

impl Iterator for Pairs {
    type Item = (usize, usize);

    #[inline(always)]
    fn next(&mut self) -> Option<(usize, usize)> {
        if self.outer.start >= self.outer.end {
            return None;
        }
        let pair = (self.outer.start, self.next);
        self.next += 1;
        if self.next == self.inner.end {
            self.next = self.inner.start;
            self.outer.start += 1;
        }
        Some(pair)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_three_views_of_an_axis_agree(
            pixels in 0usize..12, kernel in 1usize..6, stride in 1usize..5, padding in 0usize..7,
        ) {
            let axis = Axis::new(pixels, kernel, stride, padding);
            let mut truth = vec![];
            for o in 0..axis.windows {
                prop_assert!(o * stride + kernel <= pixels + 2 * padding);
                for k in 0..kernel {
                    let at = (o * stride + k).checked_sub(padding).filter(|&at| at < pixels);
                    truth.extend(at.map(|pixel| (pixel, o, k)));
                    prop_assert_eq!(axis.taps(o).contains(&k), at.is_some());
                    prop_assert_eq!(axis.windows_with(k).contains(&o), at.is_some());
                    if let Some(pixel) = at {
                        prop_assert_eq!(axis.pixel(o, k), pixel);
                    }
                }
            }
            let mut seen: Vec<_> = (0..pixels)
                .flat_map(|pixel| {
                    let hits = axis.windows_on(pixel);
                    hits.range().map(move |i| (pixel, hits.hit(i).0, hits.hit(i).1))
                })
                .collect();
            truth.sort_unstable();
            seen.sort_unstable();
            prop_assert_eq!(seen, truth);
        }
    }
    #[test]
    fn pairs_are_all_there_in_order() {
        for (outer, inner) in [(0..0, 0..3), (2..5, 1..1), (2..5, 1..3), (7..8, 0..4)] {
            let truth: Vec<_> = outer.clone().flat_map(|i| inner.clone().map(move |j| (i, j))).collect();
            assert_eq!(Pairs::new(outer, inner).collect::<Vec<_>>(), truth);
        }
    }
}
