//! The micro-kernel: one block of a product, kept in registers while the whole depth passes by.
//!
//! `tile[i, j] = Σ_k left[k, i]·right[k, j]`, k ascending, for H rows and W columns. Each step broadcasts H numbers
//! from the left and multiplies them with W numbers that stand together on the right: H·W multiply-adds for H + W
//! loads. `[[f32; W]; H]` becomes registers when H and W are constants and the surrounding function enables wide ones.

use crate::panel::PANEL;

/// The largest height of a tile, over all instruction sets.
pub(crate) const MAX_HEIGHT: usize = 12;

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
        let right = &right[lane..lane + W];
        for i in 0..H {
            for j in 0..W {
                sums[i][j] = multiply_add::<FMA>(left[i], right[j], sums[i][j]);
            }
        }
    }
    tile.store(&sums);
}

/// The product of rows `first..first + H` of *transposed* weights, read where they live, and lanes `lane..lane + W` of a
/// right panel `[n_out][32]`: depth runs over outputs. `panels` are weights `[⌈n_out/32⌉][n_in][32]`.
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
    for (p, right) in right.chunks(PANEL * PANEL).enumerate() {
        // 32 outputs of H neighbouring inputs stand together: H·32 weights.
        let left = &panels[(p * n_in + first) * PANEL..][..H * PANEL];
        for (k, right) in (0..PANEL).zip(right.as_chunks::<PANEL>().0) {
            let right = &right[lane..lane + W];
            for i in 0..H {
                for j in 0..W {
                    sums[i][j] = multiply_add::<FMA>(left[i * PANEL + k], right[j], sums[i][j]);
                }
            }
        }
    }
    tile.store(&sums);
}
