//! Pooling: one number for each place of a window over an image, channel by channel.
//!
//! Images are `[height, width, channels]`, the channels of a pixel together. A window takes part with the pixels that it
//! has inside the image: an average is over these, and beyond the image nothing is largest.

use crate::crew::Shared;
use crate::pass::{Pass, run_items};
use std::ops::Range;

/// Windows over images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    /// Height of an image, pixels.
    pub height: usize,
    /// Width of an image, pixels.
    pub width: usize,
    /// Channels of a pixel.
    pub channels: usize,
    /// Height and width of a window, pixels.
    pub kernel: [usize; 2],
    /// Pixels from one place to the next.
    pub stride: usize,
    /// How far windows may reach beyond the image, pixels; less than a window.
    pub padding: usize,
}

impl Pool {
    fn places(&self, side: usize, kernel: usize) -> usize {
        (side + 2 * self.padding - kernel) / self.stride + 1
    }

    /// Places of the window from top to bottom.
    #[must_use]
    pub fn height_out(&self) -> usize {
        self.places(self.height, self.kernel[0])
    }

    /// Places of the window from left to right.
    #[must_use]
    pub fn width_out(&self) -> usize {
        self.places(self.width, self.kernel[1])
    }

    /// Numbers in an image.
    #[must_use]
    pub fn len_in(&self) -> usize {
        self.height * self.width * self.channels
    }

    /// Numbers in what comes out.
    #[must_use]
    pub fn len_out(&self) -> usize {
        self.height_out() * self.width_out() * self.channels
    }

    /// The pixels of a side that the window at `place` has inside the image.
    #[inline(always)]
    fn span(&self, place: usize, side: usize, kernel: usize) -> Range<usize> {
        let inside = |at: usize| at.saturating_sub(self.padding).min(side);
        let first = place * self.stride;
        inside(first)..inside(first + kernel)
    }

    fn check(&self, input: usize, output: usize) -> usize {
        let Pool { height, width, channels, kernel, stride, padding } = *self;
        assert!(kernel.iter().all(|side| *side > padding) && stride > 0 && channels > 0, "{self:?}");
        let fits = |side: usize, kernel: usize| side > 0 && side + 2 * padding >= kernel;
        assert!(fits(height, kernel[0]) && fits(width, kernel[1]), "{self:?} has no place");
        let rows = output / self.len_out();
        assert!(
            rows * self.len_out() == output && rows * self.len_in() == input,
            "{input} and {output}: {self:?}"
        );
        rows
    }

    /// `y`, the mean of each window.
    ///
    /// # Panics
    /// If the window has no place, or the slices are not of as many images.
    pub fn average(&self, x: &[f32], y: &mut [f32]) {
        let rows = self.check(x.len(), y.len());
        run_items(rows, self.len_in(), &Average { of: *self, x, y: Shared::new(y) });
    }

    /// `dx`, given the errors of [`Pool::average`].
    ///
    /// # Panics
    /// As [`Pool::average`].
    pub fn average_back(&self, dy: &[f32], dx: &mut [f32]) {
        let rows = self.check(dx.len(), dy.len());
        run_items(rows, self.len_in(), &AverageBack { of: *self, dy, dx: Shared::new(dx) });
    }

    /// `y`, the largest number of each window; NaN if it has one.
    ///
    /// # Panics
    /// As [`Pool::average`].
    pub fn largest(&self, x: &[f32], y: &mut [f32]) {
        let rows = self.check(x.len(), y.len());
        run_items(rows, self.len_in(), &Largest { of: *self, x, y: Shared::new(y) });
    }

    /// `dx`, given the errors of [`Pool::largest`]: of equals the first gets them, line by line.
    ///
    /// # Panics
    /// As [`Pool::average`].
    pub fn largest_back(&self, x: &[f32], dy: &[f32], dx: &mut [f32]) {
        let rows = self.check(dx.len(), dy.len());
        assert_eq!(x.len(), dx.len(), "x and dx differ in length");
        run_items(rows, self.len_in(), &LargestBack { of: *self, x, dy, dx: Shared::new(dx) });
    }

    /// Calls `f` with the start of each place in the output and the lines and columns of its window.
    #[inline(always)]
    fn windows(&self, mut f: impl FnMut(usize, Range<usize>, Range<usize>)) {
        let (height, width) = (self.height_out(), self.width_out());
        for oy in 0..height {
            for ox in 0..width {
                f(
                    (oy * width + ox) * self.channels,
                    self.span(oy, self.height, self.kernel[0]),
                    self.span(ox, self.width, self.kernel[1]),
                );
            }
        }
    }

    /// Where pixel (y, x) starts.
    #[inline(always)]
    fn at(&self, y: usize, x: usize) -> usize {
        (y * self.width + x) * self.channels
    }
}

struct Average<'a> {
    of: Pool,
    x: &'a [f32],
    y: Shared<'a>,
}

impl Pass for Average<'_> {
    #[inline(always)]
    fn part(&self, range: Range<usize>) {
        let (of, c) = (&self.of, self.of.channels);
        for row in range {
            let image = &self.x[row * of.len_in()..][..of.len_in()];
            // SAFETY: image `row` is in bounds, and the ranges of a pass are disjoint.
            let out = unsafe { self.y.part_mut(row * of.len_out(), of.len_out()) };
            of.windows(|start, lines, columns| {
                let out = &mut out[start..start + c];
                out.fill(0.0);
                let share = 1.0 / (lines.len() * columns.len()) as f32;
                for y in lines {
                    for x in columns.clone() {
                        let pixel = &image[of.at(y, x)..][..c];
                        out.iter_mut().zip(pixel).for_each(|(out, x)| *out += x);
                    }
                }
                out.iter_mut().for_each(|out| *out *= share);
            });
        }
    }
}

struct AverageBack<'a> {
    of: Pool,
    dy: &'a [f32],
    dx: Shared<'a>,
}

impl Pass for AverageBack<'_> {
    #[inline(always)]
    fn part(&self, range: Range<usize>) {
        let (of, c) = (&self.of, self.of.channels);
        for row in range {
            let dy = &self.dy[row * of.len_out()..][..of.len_out()];
            // SAFETY: image `row` is in bounds, and the ranges of a pass are disjoint.
            let image = unsafe { self.dx.part_mut(row * of.len_in(), of.len_in()) };
            image.fill(0.0);
            of.windows(|start, lines, columns| {
                let share = 1.0 / (lines.len() * columns.len()) as f32;
                for y in lines {
                    for x in columns.clone() {
                        let pixel = &mut image[of.at(y, x)..][..c];
                        pixel.iter_mut().zip(&dy[start..start + c]).for_each(|(dx, dy)| *dx += share * dy);
                    }
                }
            });
        }
    }
}

/// The larger; NaN if either is.
#[inline(always)]
fn larger(a: f32, b: f32) -> f32 {
    if a.is_nan() || a >= b { a } else { b }
}

struct Largest<'a> {
    of: Pool,
    x: &'a [f32],
    y: Shared<'a>,
}

impl Pass for Largest<'_> {
    #[inline(always)]
    fn part(&self, range: Range<usize>) {
        let (of, c) = (&self.of, self.of.channels);
        for row in range {
            let image = &self.x[row * of.len_in()..][..of.len_in()];
            // SAFETY: image `row` is in bounds, and the ranges of a pass are disjoint.
            let out = unsafe { self.y.part_mut(row * of.len_out(), of.len_out()) };
            of.windows(|start, lines, columns| {
                let out = &mut out[start..start + c];
                out.fill(f32::NEG_INFINITY);
                for y in lines {
                    for x in columns.clone() {
                        let pixel = &image[of.at(y, x)..][..c];
                        out.iter_mut().zip(pixel).for_each(|(out, x)| *out = larger(*out, *x));
                    }
                }
            });
        }
    }
}

struct LargestBack<'a> {
    of: Pool,
    x: &'a [f32],
    dy: &'a [f32],
    dx: Shared<'a>,
}

impl Pass for LargestBack<'_> {
    #[inline(always)]
    fn part(&self, range: Range<usize>) {
        let (of, c) = (&self.of, self.of.channels);
        let (mut best, mut from) = (vec![0.0_f32; c], vec![0_usize; c]);
        for row in range {
            let image = &self.x[row * of.len_in()..][..of.len_in()];
            let dy = &self.dy[row * of.len_out()..][..of.len_out()];
            // SAFETY: image `row` is in bounds, and the ranges of a pass are disjoint.
            let dx = unsafe { self.dx.part_mut(row * of.len_in(), of.len_in()) };
            dx.fill(0.0);
            of.windows(|start, lines, columns| {
                best.fill(f32::NEG_INFINITY);
                from.fill(of.at(lines.start, columns.start));
                for y in lines {
                    for x in columns.clone() {
                        let at = of.at(y, x);
                        for ((best, from), value) in best.iter_mut().zip(&mut from).zip(&image[at..at + c]) {
                            // of equals the first; a NaN is as large as can be
                            if *value > *best || (value.is_nan() && !best.is_nan()) {
                                (*best, *from) = (*value, at);
                            }
                        }
                    }
                }
                for (i, (from, dy)) in from.iter().zip(&dy[start..start + c]).enumerate() {
                    dx[from + i] += dy;
                }
            });
        }
    }
}
