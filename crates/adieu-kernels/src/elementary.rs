//! Elementary functions that compile to vector code.
//!
//! The library's `exp` and its kin are calls, one value at a time: on a layer of a thousand units they would
//! cost as much as the product before them. These are branch-free polynomials in plain arithmetic, without
//! fused multiply-add, so that every instruction set computes the same bits. Errors are of the order of the
//! rounding of f32. NaN gives NaN in all of them.

/// 1.5·2²³: adding it to a small number leaves the nearest integer in the low bits of the sum.
const ROUND: f32 = 12_582_912.0;
/// ln 2 in two parts; the first has so few bits that integer multiples up to 2¹² are exact.
const LN_2_HIGH: f32 = 0.693_359_4;
const LN_2_LOW: f32 = -2.121_944_4e-4;

/// eˣ. Zero below about −104, infinity above about 88.7.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    let (n, r) = reduce(x.clamp(-110.0, 90.0));
    // 2ⁿ may leave the range of f32 though the result does not: multiply by it in two halves.
    let half = n >> 1;
    (exp_m1_reduced(r) + 1.0) * power_of_two(half) * power_of_two(n.wrapping_sub(half))
}

/// eˣ − 1 for x ≤ 0, with full relative accuracy near zero.
#[inline(always)]
pub(crate) fn exp_m1_of_negative(x: f32) -> f32 {
    let (n, r) = reduce(x.clamp(-30.0, 0.0)); // at −30 the result is −1 to the last bit
    let scale = power_of_two(n);
    exp_m1_reduced(r) * scale + (scale - 1.0)
}

/// ln(1 + u) for 0 ≤ u ≤ 1, as 2·artanh(s) with s = u / (2 + u) ≤ 1/3.
#[inline(always)]
pub(crate) fn ln_1p_of_fraction(u: f32) -> f32 {
    let s = u / (2.0 + u);
    let z = s * s;
    let series = 1.0 / 15.0;
    let series = series * z + 1.0 / 13.0;
    let series = series * z + 1.0 / 11.0;
    let series = series * z + 1.0 / 9.0;
    let series = series * z + 1.0 / 7.0;
    let series = series * z + 1.0 / 5.0;
    let series = series * z + 1.0 / 3.0;
    2.0 * (s + s * z * series)
}

/// ln(1 + x) for x ≥ 0, with full relative accuracy near zero; infinity for infinity.
#[inline(always)]
pub(crate) fn ln_1p_of_positive(x: f32) -> f32 {
    // 1 + x = 2ᵏ (1 + u) with 0 ≤ u < 1; below 2, k = 0 and u = x without the rounding of the sum.
    let sum = if x <= f32::MAX { 1.0 + x } else { 1.0 };
    let k = (sum.to_bits() >> 23).cast_signed() - 127;
    let u = if x < 1.0 { x } else { sum * power_of_two(-k) - 1.0 };
    let ln = k as f32 * std::f32::consts::LN_2 + ln_1p_of_fraction(u);
    if x <= f32::MAX { ln } else { x }
}

/// 1 − erf(z) for z ≥ 0: the Chebyshev fit of Numerical Recipes, section 6.2. Its error stays relative in the
/// tail, where it is the rounding of z² (8e-6 at z = 9).
#[inline(always)]
#[allow(clippy::excessive_precision, reason = "the coefficients as printed")]
pub(crate) fn erfc_of_positive(z: f32) -> f32 {
    let t = 1.0 / (1.0 + 0.5 * z);
    let fit = 0.170_872_77;
    let fit = fit * t - 0.822_152_23;
    let fit = fit * t + 1.488_515_87;
    let fit = fit * t - 1.135_203_98;
    let fit = fit * t + 0.278_868_07;
    let fit = fit * t - 0.186_288_06;
    let fit = fit * t + 0.096_784_18;
    let fit = fit * t + 0.374_091_96;
    let fit = fit * t + 1.000_023_68;
    let fit = fit * t - 1.265_512_23;
    t * exp(fit - z * z)
}

/// x = n·ln 2 + r with |r| ≤ ln 2 / 2, for |x| < 2¹⁰.
#[inline(always)]
fn reduce(x: f32) -> (i32, f32) {
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let integer = shifted.to_bits().wrapping_sub(ROUND.to_bits()).cast_signed();
    (integer, (x - n * LN_2_HIGH) - n * LN_2_LOW)
}

/// eʳ − 1 for |r| ≤ ln 2 / 2; coefficients of Cephes `expf`.
#[inline(always)]
fn exp_m1_reduced(r: f32) -> f32 {
    let p = 1.987_569_2e-4;
    let p = p * r + 1.398_199_9e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 1.666_666_5e-1;
    let p = p * r + 5.0e-1;
    p * r * r + r
}

/// 2ⁿ for −126 ≤ n ≤ 127. Any other n (it comes with a NaN elsewhere) gives some number.
#[inline(always)]
fn power_of_two(n: i32) -> f32 {
    f32::from_bits(n.wrapping_add(127).cast_unsigned() << 23)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The largest error of `f` against `truth` over `points`, in units of the larger of |truth| and 1e-37.
    fn worst(points: impl Iterator<Item = f32>, f: impl Fn(f32) -> f32, truth: impl Fn(f64) -> f64) -> f64 {
        points
            .map(|x| {
                let truth = truth(f64::from(x));
                (f64::from(f(x)) - truth).abs() / truth.abs().max(1e-37)
            })
            .fold(0.0, f64::max)
    }

    fn grid(from: f32, to: f32) -> impl Iterator<Item = f32> {
        (0..=20_000).map(move |i| from + (to - from) * i as f32 / 20_000.0)
    }

    /// erfc by its power series below 2 and Legendre's continued fraction above.
    fn erfc(z: f64) -> f64 {
        let gauss = (-z * z).exp() / std::f64::consts::PI.sqrt();
        if z < 2.0 {
            let (mut term, mut sum) = (2.0 * z, 0.0);
            for n in 0..200 {
                sum += term;
                term *= 2.0 * z * z / f64::from(2 * n + 3);
            }
            return 1.0 - gauss * sum;
        }
        let fraction = (1..200).rev().fold(z, |tail, n| z + f64::from(n) / 2.0 / tail);
        gauss / fraction
    }

    #[test]
    fn errors_are_of_the_order_of_rounding() {
        let errors = [
            ("exp", worst(grid(-86.0, 88.0), exp, f64::exp), 2e-7),
            ("exp_m1", worst(grid(-40.0, 0.0), exp_m1_of_negative, f64::exp_m1), 4e-7),
            ("exp_m1 near 0", worst(grid(-1e-3, 0.0), exp_m1_of_negative, f64::exp_m1), 2e-7),
            ("ln_1p", worst(grid(0.0, 1.0), ln_1p_of_fraction, f64::ln_1p), 3e-7),
            ("ln_1p beyond 1", worst(grid(0.0, 9.0), ln_1p_of_positive, f64::ln_1p), 3e-7),
            ("ln_1p far out", worst(grid(0.0, 1e30), ln_1p_of_positive, f64::ln_1p), 3e-7),
            ("ln_1p near 0", worst(grid(0.0, 1e-9), ln_1p_of_positive, f64::ln_1p), 3e-7),
            ("erfc", worst(grid(0.0, 3.0), erfc_of_positive, erfc), 2e-6),
            ("erfc, tail", worst(grid(3.0, 9.0), erfc_of_positive, erfc), 8e-6),
        ];
        let too_large: Vec<_> =
            errors.iter().filter(|(_, error, most)| error.is_nan() || error > most).collect();
        assert!(too_large.is_empty(), "{too_large:?}");
    }

    #[test]
    fn ends_of_the_range() {
        assert_eq!((exp(-200.0), exp(f32::NEG_INFINITY)), (0.0, 0.0));
        assert_eq!((exp(200.0), exp(f32::INFINITY)), (f32::INFINITY, f32::INFINITY));
        assert!(exp(-100.0) > 0.0, "subnormals are kept");
        assert_eq!((exp(0.0), exp_m1_of_negative(0.0)), (1.0, 0.0));
        assert_eq!(exp_m1_of_negative(f32::NEG_INFINITY), -1.0);
        assert_eq!(erfc_of_positive(f32::INFINITY).to_bits() & 0x7fff_ffff, 0);
    }

    #[test]
    fn nan_stays_nan() {
        for f in [exp, exp_m1_of_negative, ln_1p_of_fraction, erfc_of_positive] {
            assert!(f(f32::NAN).is_nan());
        }
    }
}
