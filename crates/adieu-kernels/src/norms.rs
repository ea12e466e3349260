//! Normalisation of groups of channels in each row: `y = (x − μ) / √(σ² + ε)`.
//!
//! A row is an image with the channels of a pixel together, `[pixels, channels]`; a group is a run of neighbouring
//! channels over all pixels. μ and σ² are of one row and one group, the variance with 1/N. Without centring μ is 0 and
//! σ² the mean of the squares.
//!
//! ```text
//! dx = r (dy − mean(dy) − y mean(dy ⊙ y))      r = 1 / √(σ² + ε), means over row and group; without centring no mean(dy)
//! ```
//!
//! Sums accumulate in f64, in an order fixed by the shape alone.

use crate::crew::Shared;
use crate::pass::{Pass, run_items};
use std::ops::Range;

/// Running sums side by side where a group is a whole row.
const LANES: usize = 16;

/// Groups of channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Groups {
    /// Pixels of a row.
    pub pixels: usize,
    /// Channels of a pixel.
    pub channels: usize,
    /// Groups, which divide the channels.
    pub groups: usize,
    /// Whether the mean is taken off.
    pub centred: bool,
}

impl Groups {
    fn row(&self) -> usize {
        self.pixels * self.channels
    }

    fn check(&self, rows: usize, arrays: &[usize]) {
        let Groups { channels, groups, .. } = *self;
        assert!(groups > 0 && channels.is_multiple_of(groups), "{groups} groups of {channels} channels");
        assert!(
            arrays.iter().all(|len| *len == rows * self.row()),
            "arrays are not [rows = {rows}, {}]",
            self.row()
        );
    }

    /// `y [rows, pixels·channels]` of `x`, and `r [rows, groups]`, rows being `r.len() / groups`.
    ///
    /// # Panics
    /// If the groups do not divide the channels, or a slice is of another length.
    pub fn forward(&self, x: &[f32], epsilon: f64, y: &mut [f32], r: &mut [f32]) {
        let rows = r.len() / self.groups.max(1);
        self.check(rows, &[x.len(), y.len()]);
        let pass = Forward { of: *self, x, epsilon, y: Shared::new(y), r: Shared::new(r) };
        run_items(rows, self.row(), &pass);
    }

    /// Turns `dy` into `dx` in place, given what [`Groups::forward`] gave.
    ///
    /// # Panics
    /// As [`Groups::forward`].
    pub fn pull_back(&self, y: &[f32], r: &[f32], dy: &mut [f32]) {
        let rows = r.len() / self.groups.max(1);
        self.check(rows, &[y.len(), dy.len()]);
        run_items(rows, self.row(), &PullBack { of: *self, y, r, dy: Shared::new(dy) });
    }

    /// `out[g] = mean of h` over each group of each row: `[rows, groups]`.
    ///
    /// # Panics
    /// As [`Groups::forward`].
    pub fn means(&self, h: &[f32], out: &mut [f32]) {
        self.check(out.len() / self.groups.max(1), &[h.len()]);
        run_items(
            out.len() / self.groups,
            self.row(),
            &Means { of: *self, h, squares: false, out: Shared::new(out) },
        );
    }

    /// `out[g] = mean of h²` over each group of each row: `[rows, groups]`.
    ///
    /// # Panics
    /// As [`Groups::forward`].
    pub fn mean_squares(&self, h: &[f32], out: &mut [f32]) {
        self.check(out.len() / self.groups.max(1), &[h.len()]);
        run_items(
            out.len() / self.groups,
            self.row(),
            &Means { of: *self, h, squares: true, out: Shared::new(out) },
        );
    }

    /// The way back of [`Groups::means`]: `dh = dg/N`, or with `h` of [`Groups::mean_squares`]: `dh = 2 h dg/N`, where N
    /// is how many numbers of a row are of one group.
    ///
    /// # Panics
    /// As [`Groups::forward`].
    pub fn spread(&self, dg: &[f32], h: Option<&[f32]>, dh: &mut [f32]) {
        let rows = dg.len() / self.groups.max(1);
        self.check(rows, &[dh.len(), h.map_or(dh.len(), <[f32]>::len)]);
        run_items(rows, self.row(), &Spread { of: *self, dg, h, dh: Shared::new(dh) });
    }

    /// Numbers in a group of a row.
    fn size(&self) -> f64 {
        (self.row() / self.groups) as f64
    }

    /// Σ u and Σ v of each group over a row, `(u, v)` being what `f` makes of number `i` of the row.
    #[inline(always)]
    fn sums(&self, room: &mut Room, f: impl Fn(usize) -> (f64, f64)) {
        let Groups { channels, groups, .. } = *self;
        let wide = if groups == 1 { LANES } else { channels };
        room.first[..wide].fill(0.0);
        room.second[..wide].fill(0.0);
        let whole = self.row() / wide * wide;
        for start in (0..whole).step_by(wide) {
            for c in 0..wide {
                let (u, v) = f(start + c);
                room.first[c] += u;
                room.second[c] += v;
            }
        }
        for i in whole..self.row() {
            let (u, v) = f(i);
            room.first[i - whole] += u;
            room.second[i - whole] += v;
        }
        let each = wide / groups;
        for g in 0..groups {
            // in place: group g ends behind what it reads
            let of = |sums: &[f64]| sums[g * each..(g + 1) * each].iter().sum::<f64>();
            (room.first[g], room.second[g]) = (of(&room.first), of(&room.second));
        }
    }

    /// Calls `f` with the start of each run of a row that is one group's, its length and the group.
    #[inline(always)]
    fn runs(&self, mut f: impl FnMut(usize, usize, usize)) {
        let Groups { pixels, channels, groups, .. } = *self;
        if groups == 1 {
            f(0, pixels * channels, 0);
            return;
        }
        let each = channels / groups;
        for pixel in 0..pixels {
            for g in 0..groups {
                f(pixel * channels + g * each, each, g);
            }
        }
    }
}

/// Running sums of a row.
struct Room {
    first: Vec<f64>,
    second: Vec<f64>,
}

impl Room {
    fn of(groups: &Groups) -> Room {
        let wide = groups.channels.max(LANES);
        Room { first: vec![0.0; wide], second: vec![0.0; wide] }
    }
}

struct Forward<'a> {
    of: Groups,
    x: &'a [f32],
    epsilon: f64,
    y: Shared<'a>,
    r: Shared<'a>,
}

impl Pass for Forward<'_> {
    #[inline(always)]
    fn part(&self, range: Range<usize>) {
        let (len, groups, size) = (self.of.row(), self.of.groups, self.of.size());
        let mut room = Room::of(&self.of);
        let mut mean = vec![0.0_f32; groups];
        for row in range {
            let x = &self.x[row * len..][..len];
            // SAFETY: row `row` of either is in bounds, and the ranges of a pass are disjoint.
            let (y, r) = unsafe { (self.y.part_mut(row * len, len), self.r.part_mut(row * groups, groups)) };
            self.of.sums(&mut room, |i| (f64::from(x[i]), f64::from(x[i]) * f64::from(x[i])));
            for g in 0..groups {
                let (first, second) = (room.first[g] / size, room.second[g] / size);
                let mu = if self.of.centred { first } else { 0.0 };
                let variance = second - mu * mu;
                // rounding may leave a little less than nothing; NaN stays NaN
                let variance = if variance < 0.0 { 0.0 } else { variance };
                (mean[g], r[g]) = (mu as f32, (1.0 / (variance + self.epsilon).sqrt()) as f32);
            }
            self.of.runs(|start, n, g| {
                let (mean, r) = (mean[g], r[g]);
                for (y, x) in y[start..start + n].iter_mut().zip(&x[start..start + n]) {
                    *y = (x - mean) * r;
                }
            });
        }
    }
}

struct PullBack<'a> {
    of: Groups,
    y: &'a [f32],
    r: &'a [f32],
    dy: Shared<'a>,
}

impl Pass for PullBack<'_> {
    #[inline(always)]
    fn part(&self, range: Range<usize>) {
        let (len, groups, size) = (self.of.row(), self.of.groups, self.of.size());
        let mut room = Room::of(&self.of);
        let (mut first, mut second) = (vec![0.0_f32; groups], vec![0.0_f32; groups]);
        for row in range {
            let (y, r) = (&self.y[row * len..][..len], &self.r[row * groups..][..groups]);
            // SAFETY: row `row` is in bounds, and the ranges of a pass are disjoint.
            let dy = unsafe { self.dy.part_mut(row * len, len) };
            self.of.sums(&mut room, |i| (f64::from(dy[i]), f64::from(dy[i]) * f64::from(y[i])));
            for g in 0..groups {
                let mean = if self.of.centred { room.first[g] / size } else { 0.0 };
                (first[g], second[g]) = (mean as f32, (room.second[g] / size) as f32);
            }
            self.of.runs(|start, n, g| {
                let (r, first, second) = (r[g], first[g], second[g]);
                for (dy, y) in dy[start..start + n].iter_mut().zip(&y[start..start + n]) {
                    *dy = r * (*dy - first - y * second);
                }
            });
        }
    }
}

struct Means<'a> {
    of: Groups,
    h: &'a [f32],
    squares: bool,
    out: Shared<'a>,
}

impl Pass for Means<'_> {
    #[inline(always)]
    fn part(&self, range: Range<usize>) {
        let (len, groups, size) = (self.of.row(), self.of.groups, self.of.size());
        let mut room = Room::of(&self.of);
        for row in range {
            let h = &self.h[row * len..][..len];
            // SAFETY: row `row` is in bounds, and the ranges of a pass are disjoint.
            let out = unsafe { self.out.part_mut(row * groups, groups) };
            self.of.sums(&mut room, |i| (f64::from(h[i]), f64::from(h[i]) * f64::from(h[i])));
            let sums = if self.squares { &room.second } else { &room.first };
            out.iter_mut().zip(sums).for_each(|(out, sum)| *out = (sum / size) as f32);
        }
    }
}

struct Spread<'a> {
    of: Groups,
    dg: &'a [f32],
    h: Option<&'a [f32]>,
    dh: Shared<'a>,
}

impl Pass for Spread<'_> {
    #[inline(always)]
    fn part(&self, range: Range<usize>) {
        let (len, groups, size) = (self.of.row(), self.of.groups, self.of.size());
        for row in range {
            let dg = &self.dg[row * groups..][..groups];
            // SAFETY: row `row` is in bounds, and the ranges of a pass are disjoint.
            let dh = unsafe { self.dh.part_mut(row * len, len) };
            match self.h {
                None => self.of.runs(|start, n, g| {
                    dh[start..start + n].fill((f64::from(dg[g]) / size) as f32);
                }),
                Some(h) => {
                    let h = &h[row * len..][..len];
                    self.of.runs(|start, n, g| {
                        let twice = (2.0 * f64::from(dg[g]) / size) as f32;
                        let pairs = dh[start..start + n].iter_mut().zip(&h[start..start + n]);
                        pairs.for_each(|(dh, h)| *dh = twice * h);
                    });
                }
            }
        }
    }
}
