//! Operands in pairs of bf16, and the micro-kernel that multiplies them.
//!
//! Two neighbouring steps k of a sum share a lane of 32 bits: the even one is the lower half, the odd one the upper;
//! an odd depth is padded with zero. A strip `[depth][H]` thus becomes `[⌈depth/2⌉][H]` and a panel `[depth][32]`
//! becomes `[⌈depth/2⌉][32]`. Pairs travel through working memory as f32 whose bits they are; nothing computes
//! with these.
//!
//! `vdpbf16ps` adds both products of a pair to an f32 sum, lane by lane. Portable Rust has no way to say that, so
//! this micro-kernel, alone in the crate, is written with intrinsics.

use crate::panel::PANEL;
use crate::tile::Tile;

/// Pairs in a row of a weight panel whose neighbouring outputs are paired.
pub(crate) const HALF: usize = PANEL / 2;

/// The nearest bf16, ties to even, in the upper 16 bits. The lower bits are not cleared.
#[inline(always)]
fn nearest(v: f32) -> u32 {
    let bits = v.to_bits();
    // Adding just under half a unit, or half where the last bit kept is odd, carries into what is kept exactly
    // when rounding goes up; what is too large becomes infinity, and infinity has nothing to carry.
    let rounded = bits.wrapping_add(0x7fff + (bits >> 16 & 1));
    // A NaN may have all its marks in the half that goes: the quiet bit keeps it one.
    let quiet = bits | 0x0040_0000;
    if v.is_nan() { quiet } else { rounded }
}

/// Two numbers rounded, as the bits of an f32.
#[inline(always)]
fn pair(even: f32, odd: f32) -> f32 {
    f32::from_bits(nearest(even) >> 16 | nearest(odd) & 0xffff_0000)
}

/// Row `k` of `rows [_][L]`.
#[inline(always)]
fn row<const L: usize>(rows: &[f32], k: usize) -> &[f32; L] {
    rows[k * L..].first_chunk().expect("row k is there")
}

/// Pairs step `step` of `rows [depth][L]`.
#[inline(always)]
fn join_step<const L: usize>(rows: &[f32], step: usize) -> [f32; L] {
    let even: &[f32; L] = row(rows, 2 * step);
    let odd = if (2 * step + 1) * L < rows.len() { row(rows, 2 * step + 1) } else { &[0.0; L] };
    // A loop, as `array::from_fn` is not always inlined: compiled by itself it has no wide registers.
    let mut pairs = [0.0; L];
    for i in 0..L {
        pairs[i] = pair(even[i], odd[i]);
    }
    pairs
}

/// Pairs neighbouring rows of `rows [depth][L]`: `pairs [⌈depth/2⌉][L]`.
#[inline(always)]
pub(crate) fn join<const L: usize>(rows: &[f32], pairs: &mut [f32]) {
    debug_assert_eq!(pairs.len() / L, (rows.len() / L).div_ceil(2), "pairs of the rows");
    for (step, pairs) in pairs.as_chunks_mut::<L>().0.iter_mut().enumerate() {
        *pairs = join_step(rows, step);
    }
}

/// [`join`] with the pairs at the beginning of `rows`: what step s writes was read by step s / 2.
#[inline(always)]
pub(crate) fn join_in_place<const L: usize>(rows: &mut [f32]) {
    for step in 0..(rows.len() / L).div_ceil(2) {
        let pairs: [f32; L] = join_step(rows, step);
        rows[step * L..][..L].copy_from_slice(&pairs);
    }
}

/// Pairs neighbouring numbers: `pairs[i]` is `numbers[2i]` and `numbers[2i + 1]`. For a weight panel
/// `[n_in][32]`, neighbouring outputs: `[n_in][16]`.
#[inline(always)]
pub(crate) fn join_neighbours(numbers: &[f32], pairs: &mut [f32]) {
    debug_assert_eq!(numbers.len(), 2 * pairs.len(), "two numbers a pair");
    for (pair_, [even, odd]) in pairs.iter_mut().zip(numbers.as_chunks::<2>().0) {
        *pair_ = pair(*even, *odd);
    }
}

/// Proof that this processor has the bf16 instructions of AVX-512.
#[derive(Clone, Copy)]
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "found on x86-64 only"))]
pub(crate) struct Unit(());

impl Unit {
    /// Asks the processor.
    pub(crate) fn find() -> Option<Self> {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512bf16")
        {
            return Some(Self(()));
        }
        None
    }

    /// The product of a left strip of pairs `[steps][H]` and the first W lanes of a right panel of pairs
    /// `[steps][32]`.
    #[inline(always)]
    pub(crate) fn packed<const H: usize, const W: usize>(self, left: &[f32], right: &[f32], tile: &mut Tile) {
        debug_assert_eq!(left.len() / H, right.len() / PANEL, "left and right differ in depth");
        #[cfg(target_arch = "x86_64")]
        // SAFETY: a `Unit` exists only where the processor has the instructions.
        unsafe {
            if W > x86::LANES {
                x86::packed::<H, 2>(left, right, tile);
            } else {
                x86::packed::<H, 1>(left, right, tile);
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = (left, right, tile);
    }

    /// The product of rows `first..first + H` of *transposed* weights, outputs paired, and the first W lanes of a
    /// right panel of pairs `[⌈n_out/2⌉][32]`. `panels` are the weights `[⌈n_out/32⌉][n_in][16]`.
    #[inline(always)]
    pub(crate) fn transposed<const H: usize, const W: usize>(
        self,
        panels: &[f32],
        n_in: usize,
        first: usize,
        right: &[f32],
        tile: &mut Tile,
    ) {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: a `Unit` exists only where the processor has the instructions.
        unsafe {
            if W > x86::LANES {
                x86::transposed::<H, 2>(panels, n_in, first, right, tile);
            } else {
                x86::transposed::<H, 1>(panels, n_in, first, right, tile);
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = (panels, n_in, first, right, tile);
    }

    /// Multiply-adds on registers alone, `steps` times a tile of 12 × 32 pairs.
    pub(crate) fn registers(self, steps: usize) {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: a `Unit` exists only where the processor has the instructions.
        unsafe {
            x86::registers(steps);
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = steps;
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{HALF, PANEL, Tile};
    use crate::tile::{LINE, MAX_HEIGHT, prefetch};
    use std::arch::x86_64::{
        __m512, __m512bh, __m512i, _mm512_dpbf16_ps, _mm512_set1_epi32, _mm512_setzero_ps,
    };
    use std::hint::black_box;
    use std::mem::transmute;

    /// Lanes of a register.
    pub(super) const LANES: usize = 16;

    /// `sums[i] += left[i·stride]·right` for H rows of V registers. Written out row by row, as in `tile.rs`, and a
    /// macro, as a function would have to be inlined for `sums` to stay in registers.
    macro_rules! add_pairs {
        ($left:expr, $stride:expr, $right:expr, $sums:ident) => {
            add_pairs!($left, $stride, $right, $sums, 0 1 2 3 4 5 6 7 8 9 10 11)
        };
        ($left:expr, $stride:expr, $right:expr, $sums:ident, $($i:literal)*) => { $(
            if $i < H {
                let left = everywhere($left[$i * $stride]);
                for v in 0..V {
                    $sums[$i][v] = _mm512_dpbf16_ps($sums[$i][v], left, $right[v]);
                }
            }
        )* };
    }

    /// One pair in all lanes.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn everywhere(pair: f32) -> __m512bh {
        let all = _mm512_set1_epi32(pair.to_bits().cast_signed());
        // SAFETY: both are 64 bytes, and any bits are a value of either.
        unsafe { transmute::<__m512i, __m512bh>(all) }
    }

    /// The first V registers of a panel's row.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn registers_of<const V: usize>(row: &[f32; PANEL]) -> [__m512bh; V] {
        let lanes = row.as_chunks::<LANES>().0;
        // SAFETY: both are 64 bytes, and any bits are a value of either.
        std::array::from_fn(|v| unsafe { transmute::<[f32; LANES], __m512bh>(lanes[v]) })
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn store<const H: usize, const V: usize>(sums: &[[__m512; V]; H], tile: &mut Tile) {
        for (i, sums) in sums.iter().enumerate() {
            let lanes = tile.row::<PANEL>(i).as_chunks_mut::<LANES>().0;
            for (lanes, sums) in lanes.iter_mut().zip(sums) {
                // SAFETY: both are sixteen floats.
                *lanes = unsafe { transmute::<__m512, [f32; LANES]>(*sums) };
            }
        }
    }

    #[target_feature(enable = "avx512f,avx512bf16")]
    pub(super) fn packed<const H: usize, const V: usize>(left: &[f32], right: &[f32], tile: &mut Tile) {
        const { assert!(H <= MAX_HEIGHT && V <= PANEL / LANES) };
        let mut sums = [[_mm512_setzero_ps(); V]; H];
        for (left, right) in left.as_chunks::<H>().0.iter().zip(right.as_chunks::<PANEL>().0) {
            let right = registers_of::<V>(right);
            add_pairs!(left, 1, right, sums);
        }
        store(&sums, tile);
    }

    #[target_feature(enable = "avx512f,avx512bf16")]
    pub(super) fn transposed<const H: usize, const V: usize>(
        panels: &[f32],
        n_in: usize,
        first: usize,
        right: &[f32],
        tile: &mut Tile,
    ) {
        const { assert!(H <= MAX_HEIGHT && V <= PANEL / LANES) };
        let mut sums = [[_mm512_setzero_ps(); V]; H];
        for (o, right) in right.as_chunks::<PANEL>().0.iter().enumerate() {
            // The pairs of 32 outputs of H neighbouring inputs stand together, a cache line an input.
            let left = &panels[(o / HALF * n_in + first) * HALF + o % HALF..][..(H - 1) * HALF + 1];
            // The next 32 are far away: one of their lines a step.
            prefetch(left.as_ptr().wrapping_add(n_in * HALF + o % HALF * (LINE - 1)));
            let right = registers_of::<V>(right);
            add_pairs!(left, HALF, right, sums);
        }
        store(&sums, tile);
    }

    #[target_feature(enable = "avx512f,avx512bf16")]
    pub(super) fn registers(steps: usize) {
        const H: usize = MAX_HEIGHT;
        const V: usize = PANEL / LANES;
        let left = black_box([super::pair(1e-3, 1e-3); H]);
        let right = registers_of::<V>(&black_box([super::pair(1e-3, 1e-3); PANEL]));
        let mut sums = [[_mm512_setzero_ps(); V]; H];
        for _ in 0..steps {
            add_pairs!(left, 1, right, sums);
        }
        black_box(&sums);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The bf16 whose bits these are.
    fn bf16(bits: u32) -> f64 {
        f64::from(f32::from_bits(bits << 16))
    }

    proptest! {
        #[test]
        fn no_bf16_is_nearer_than_the_nearest(bits: u32) {
            let v = f32::from_bits(bits);
            prop_assume!(v.is_finite());
            let near = nearest(v) >> 16;
            let away = |other: u32| (bf16(other) - f64::from(v)).abs();
            // Beyond the largest stands infinity, where the next number would.
            prop_assume!(bf16(near).is_finite() && bf16(near + 1).is_finite());
            let neighbours = [near + 1, if near & 0x7fff == 0 { near } else { near - 1 }];
            for other in neighbours {
                prop_assert!(away(near) <= away(other), "{v:e}");
                prop_assert!(away(near) < away(other) || other == near || near & 1 == 0, "{v:e}: a tie, not to even");
            }
            prop_assert_eq!(near >> 15, bits >> 31, "the sign");
        }

        #[test]
        fn pairs_in_place_are_pairs_elsewhere(depth in 0usize..40, values in prop::collection::vec(any::<f32>(), 40 * 12)) {
            let mut rows = values[..depth * 12].to_vec();
            let mut pairs = vec![f32::NAN; depth.div_ceil(2) * 12];
            join::<12>(&rows, &mut pairs);
            for (at, pair) in pairs.iter().enumerate() {
                let (step, i) = (at / 12, at % 12);
                let number = |k: usize| if k < depth { nearest(values[k * 12 + i]) >> 16 } else { 0 };
                prop_assert_eq!(pair.to_bits(), number(2 * step) | number(2 * step + 1) << 16);
            }
            join_in_place::<12>(&mut rows);
            let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
            prop_assert_eq!(bits(&rows[..pairs.len()]), bits(&pairs));
        }
    }

    #[test]
    fn the_corners_of_rounding() {
        let cases: [(u32, u32); 10] = [
            (0x3f80_8000, 0x3f80), // a tie, down to even
            (0x3f81_8000, 0x3f82), // a tie, up to even
            (0x3f80_8001, 0x3f81),
            (0x3fff_ffff, 0x4000), // into the next power of two
            (0x7f7f_ffff, 0x7f80), // the largest is nearer to infinity
            (0xff7f_ffff, 0xff80),
            (0x7f80_0000, 0x7f80),
            (0xff80_0000, 0xff80),
            (0x8000_0000, 0x8000),
            (0x0000_8001, 0x0001), // below the normal numbers too
        ];
        for (bits, expected) in cases {
            assert_eq!(nearest(f32::from_bits(bits)) >> 16, expected, "{bits:x}");
        }
        for nan in [0x7f80_0001_u32, 0xff80_0001, 0x7fff_ffff, 0xffff_ffff, 0x7fc0_0000] {
            let near = nearest(f32::from_bits(nan)) >> 16;
            assert!(
                f32::from_bits(near << 16).is_nan() && near & 0x40 != 0,
                "{nan:x} is a quiet NaN: {near:x}"
            );
        }
    }
}
