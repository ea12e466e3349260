//! The micro-kernel: one block of a product, kept in registers while the whole depth passes by.
//!
//! `tile[i, j] = Σ_k left[k, i]·right[k, j]`, k ascending, for H rows and W columns. Each step broadcasts H
//! numbers from the left and multiplies them with W numbers that stand together on the right: H·W
//! multiply-adds for H + W loads. `[[f32; W]; H]` becomes registers when H and W are constants and the
//! surrounding function enables wide ones.

use crate::panel::PANEL;

/// The largest height of a tile, over all instruction sets.
pub(crate) const MAX_HEIGHT: usize = 12;

/// Floats in a cache line.
pub(crate) const LINE: usize = 16;

/// A finished block on its way from registers to its epilogue. Of each row the first W numbers count.
#[repr(align(64))]
pub(crate) struct Tile {
    rows: [[f32; PANEL]; MAX_HEIGHT],
}

impl Tile {
    pub(crate) const fn zero() -> Self {
        Self { rows: [[0.0; PANEL]; MAX_HEIGHT] }
    }

    /// The first N columns of row `i`.
    #[inline(always)]
    pub(crate) fn row<const N: usize>(&mut self, i: usize) -> &mut [f32; N] {
        const { assert!(N <= PANEL) };
        self.rows[i].first_chunk_mut().expect("N ≤ PANEL")
    }

    #[inline(always)]
    fn store<const H: usize, const W: usize>(&mut self, sums: &[[f32; W]; H]) {
        for (row, sums) in self.rows.iter_mut().zip(sums) {
            row[..W].copy_from_slice(sums);
        }
    }
}

/// a·b + c, rounded once where that is one instruction; elsewhere twice, as a fused one would be a slow call.
#[inline(always)]
pub(crate) fn multiply_add<const FMA: bool>(a: f32, b: f32, c: f32) -> f32 {
    if FMA { a.mul_add(b, c) } else { a * b + c }
}

/// sums[i, j] += left[i·stride]·right[j].
///
/// The rows are written out one by one and everything has a constant length: left to unroll by itself, the
/// compiler keeps `sums` in registers for some tiles and in memory for others, at a tenth of the speed.
#[inline(always)]
pub(crate) fn add_product<const H: usize, const W: usize, const FMA: bool>(
    left: &[f32],
    stride: usize,
    right: &[f32; W],
    sums: &mut [[f32; W]; H],
) {
    macro_rules! rows {
        ($($i:literal)*) => { $(
            if $i < H {
                let (left, sums) = (left[$i * stride], &mut sums[$i]);
                for j in 0..W {
                    sums[j] = multiply_add::<FMA>(left, right[j], sums[j]);
                }
            }
        )* };
    }
    const { assert!(H <= MAX_HEIGHT) };
    rows!(0 1 2 3 4 5 6 7 8 9 10 11);
}

/// Lanes `lane..lane + W` of a panel's row.
#[inline(always)]
fn lanes<const W: usize>(row: &[f32; PANEL], lane: usize) -> &[f32; W] {
    row[lane..].first_chunk().expect("a tile does not straddle two panels")
}

/// The product of a packed left strip `[depth][H]` and lanes `lane..lane + W` of a right panel `[depth][32]`.
#[inline(always)]
pub(crate) fn packed<const H: usize, const W: usize, const FMA: bool>(
    left: &[f32],
    right: &[f32],
    lane: usize,
    tile: &mut Tile,
) {
    debug_assert_eq!(left.len() / H, right.len() / PANEL, "left and right differ in depth");
    let mut sums = [[0.0_f32; W]; H];
    for (left, right) in left.as_chunks::<H>().0.iter().zip(right.as_chunks::<PANEL>().0) {
        add_product::<H, W, FMA>(left, 1, lanes(right, lane), &mut sums);
    }
    tile.store(&sums);
}

/// The product of H rows of the left operand, read where they stand, `pitch` apart from the beginning of `left` on, and
/// lanes `lane..lane + W` of a right panel `[depth][32]`.
#[inline(always)]
pub(crate) fn rows<const H: usize, const W: usize, const FMA: bool>(
    left: &[f32],
    pitch: usize,
    right: &[f32],
    lane: usize,
    tile: &mut Tile,
) {
    let right = right.as_chunks::<PANEL>().0;
    let rows: [&[f32]; H] = std::array::from_fn(|i| &left[i * pitch..][..right.len()]);
    let mut sums = [[0.0_f32; W]; H];
    for (k, right) in right.iter().enumerate() {
        let left: [f32; H] = std::array::from_fn(|i| rows[i][k]);
        add_product::<H, W, FMA>(&left, 1, lanes(right, lane), &mut sums);
    }
    tile.store(&sums);
}

/// A stretch of the depth of a product: `len` steps from `left` and `right` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) left: usize,
    pub(crate) right: usize,
    pub(crate) len: usize,
}

/// As [`packed`], over the steps of `runs` only, one run after the other: `left` and `right` of a run count steps.
#[inline(always)]
pub(crate) fn packed_runs<const H: usize, const W: usize, const FMA: bool>(
    left: &[f32],
    right: &[f32],
    lane: usize,
    runs: impl Iterator<Item = Run>,
    tile: &mut Tile,
) {
    let (left, right) = (left.as_chunks::<H>().0, right.as_chunks::<PANEL>().0);
    let mut sums = [[0.0_f32; W]; H];
    for run in runs {
        let (left, right) = (&left[run.left..][..run.len], &right[run.right..][..run.len]);
        for (left, right) in left.iter().zip(right) {
            add_product::<H, W, FMA>(left, 1, lanes(right, lane), &mut sums);
        }
    }
    tile.store(&sums);
}

/// The product of operands that stand where they are used: step k of a run takes H numbers from `left` at
/// `run.left + k·pitches.0` on and W numbers from `right` at `run.right + k·pitches.1` on.
#[inline(always)]
pub(crate) fn strided_runs<const H: usize, const W: usize, const FMA: bool>(
    left: &[f32],
    right: &[f32],
    pitches: (usize, usize),
    runs: impl Iterator<Item = Run>,
    tile: &mut Tile,
) {
    let mut sums = [[0.0_f32; W]; H];
    for run in runs {
        for k in 0..run.len {
            let left = &left[run.left + k * pitches.0..][..H];
            let right = right[run.right + k * pitches.1..].first_chunk().expect("W numbers a step");
            add_product::<H, W, FMA>(left, 1, right, &mut sums);
        }
    }
    tile.store(&sums);
}

/// The product of rows `first..first + H` of *transposed* weights, read where they live, and lanes
/// `lane..lane + W` of a right panel `[n_out][32]`: depth runs over outputs. `panels` are weights
/// `[⌈n_out/32⌉][n_in][32]`.
#[inline(always)]
pub(crate) fn transposed<const H: usize, const W: usize, const FMA: bool>(
    panels: &[f32],
    n_in: usize,
    first: usize,
    right: &[f32],
    lane: usize,
    tile: &mut Tile,
) {
    let mut sums = [[0.0_f32; W]; H];
    // One loop, not one in another: with two the compiler runs out of registers on AVX2.
    for (o, right) in right.as_chunks::<PANEL>().0.iter().enumerate() {
        // 32 outputs of H neighbouring inputs stand together.
        let left = &panels[(o / PANEL * n_in + first) * PANEL + o % PANEL..][..(H - 1) * PANEL + 1];
        // The next 32 are far away, where no hardware looks ahead: a cache line of them a step.
        prefetch(left.as_ptr().wrapping_add(n_in * PANEL + o % PANEL * (LINE - 1)));
        add_product::<H, W, FMA>(left, PANEL, lanes(right, lane), &mut sums);
    }
    tile.store(&sums);
}

/// Asks for the cache line of `address`, which may be anywhere.
#[inline(always)]
pub(crate) fn prefetch(address: *const f32) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch accesses nothing and cannot fault; SSE is part of x86-64.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(address.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

/// As [`prefetch`], but into the second-level cache only, where it displaces nothing that is in use.
#[inline(always)]
pub(crate) fn prefetch_second_level(address: *const f32) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: as above.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T1>(address.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}
