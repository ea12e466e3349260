//! Sums over a batch, channel by channel: what batch normalisation is made of.

use crate::crew::Shared;
use crate::pass::{Pass, run_items};
use std::ops::Range;

/// Pixels that are summed up in f64 before they are put by; fixed, so that sums do not depend on the threads.
const CHUNK: usize = 512;

/// `Σ (a − s)` and `Σ (a − s)(b − t)` over all pixels of each channel, for `a` and `b` `[pixels, channels]`, shifts
/// `s` and `t` `[channels]`: taken off first, they keep a variance from being lost in the square of its mean.
///
/// # Panics
/// If a slice is of another length.
pub fn channel_sums(a: &[f32], s: &[f32], b: &[f32], t: &[f32]) -> [Vec<f64>; 2] {
    let channels = s.len();
    assert!(channels > 0 && a.len().is_multiple_of(channels), "a is not [pixels, channels = {channels}]");
    assert!(b.len() == a.len() && t.len() == channels, "b is not as a");
    let chunks = (a.len() / channels).div_ceil(CHUNK);
    // each sum as two numbers: what f32 holds of it, and the rest
    let mut parts = vec![0.0; chunks * channels * 4];
    run_items(chunks, CHUNK * channels, &Sums { a, s, b, t, parts: Shared::new(&mut parts) });
    let mut sums = [vec![0.0; channels], vec![0.0; channels]];
    for chunk in parts.chunks_exact(channels * 4) {
        for (c, part) in chunk.chunks_exact(4).enumerate() {
            sums[0][c] += f64::from(part[0]) + f64::from(part[1]);
            sums[1][c] += f64::from(part[2]) + f64::from(part[3]);
        }
    }
    sums
}

struct Sums<'a> {
    a: &'a [f32],
    s: &'a [f32],
    b: &'a [f32],
    t: &'a [f32],
    /// `[chunks, channels, 4]`
    parts: Shared<'a>,
}

impl Pass for Sums<'_> {
    #[inline(always)]
    fn part(&self, range: Range<usize>) {
        let channels = self.s.len();
        let (mut first, mut second) = (vec![0.0_f64; channels], vec![0.0_f64; channels]);
        for chunk in range {
            let pixels = chunk * CHUNK * channels..((chunk + 1) * CHUNK * channels).min(self.a.len());
            first.fill(0.0);
            second.fill(0.0);
            let pairs =
                self.a[pixels.clone()].chunks_exact(channels).zip(self.b[pixels].chunks_exact(channels));
            for (a, b) in pairs {
                for c in 0..channels {
                    let a = f64::from(a[c] - self.s[c]);
                    first[c] += a;
                    second[c] += a * f64::from(b[c] - self.t[c]);
                }
            }
            // SAFETY: chunk `chunk` is in bounds, and the ranges of a pass are disjoint.
            let parts = unsafe { self.parts.part_mut(chunk * channels * 4, channels * 4) };
            for (part, sums) in parts.chunks_exact_mut(4).zip(first.iter().zip(&second)) {
                for (pair, sum) in part.chunks_exact_mut(2).zip([sums.0, sums.1]) {
                    pair[0] = *sum as f32;
                    // of what is not finite there is no rest
                    pair[1] = if pair[0].is_finite() { (sum - f64::from(pair[0])) as f32 } else { 0.0 };
                }
            }
        }
    }
}

/// `a ← p₀ a + p₁ b + p₂` for every number of channel c, with the line `p[c]`; without `b` the term is left out.
///
/// # Panics
/// If a slice is of another length.
pub fn channel_lines(a: &mut [f32], b: Option<&[f32]>, p: &[[f32; 3]]) {
    let channels = p.len();
    assert!(channels > 0 && a.len().is_multiple_of(channels), "a is not [pixels, channels = {channels}]");
    assert!(b.is_none_or(|b| b.len() == a.len()), "b is not as a");
    let pixels = a.len() / channels;
    run_items(pixels, channels, &Lines { a: Shared::new(a), b, p });
}

struct Lines<'a> {
    a: Shared<'a>,
    b: Option<&'a [f32]>,
    p: &'a [[f32; 3]],
}

impl Pass for Lines<'_> {
    #[inline(always)]
    fn part(&self, range: Range<usize>) {
        let channels = self.p.len();
        for pixel in range {
            // SAFETY: pixel `pixel` is in bounds, and the ranges of a pass are disjoint.
            let a = unsafe { self.a.part_mut(pixel * channels, channels) };
            match self.b {
                None => a.iter_mut().zip(self.p).for_each(|(a, p)| *a = p[0] * *a + p[2]),
                Some(b) => {
                    let b = &b[pixel * channels..][..channels];
                    for ((a, b), p) in a.iter_mut().zip(b).zip(self.p) {
                        *a = p[0] * *a + p[1] * b + p[2];
                    }
                }
            }
        }
    }
}
