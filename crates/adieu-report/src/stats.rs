//! The few statistics a comparison of seeded runs needs.
//!
//! The unit is a whole run, never a step. For values v₁ … vₙ, one a seed:
//!
//! ```text
//! mean       m = Σ vᵢ / n
//! sample sd  s = √( Σ (vᵢ − m)² / (n − 1) )                     n ≥ 2
//! interval   m ± t(1 − α/2; n − 1) · s / √n                     n ≥ 2, Student's t, 1 − α = 0.95
//! paired     the same of dᵢ = aᵢ − bᵢ, where aᵢ and bᵢ share a seed
//! ratio      exp of the same of dᵢ = ln aᵢ − ln bᵢ              a geometric mean, so a/b and b/a agree
//! line       y = c + b x by least squares, b ± t(1 − α/2; n − 2) · √( Σ rᵢ² / (n − 2) / Σ (xᵢ − x̄)² )      n ≥ 3
//! fraction   p = k / n,  standard error √( p (1 − p) / n )      k rows of n
//! ```
//!
//! One value has no interval: [`Estimate::interval`] is then `None`, never a NaN.

use serde::{Deserialize, Serialize};

/// Confidence of every interval in a report.
pub const LEVEL: f64 = 0.95;

/// A confidence interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Lower end.
    pub lo: f64,
    /// Upper end.
    pub hi: f64,
}

impl Interval {
    /// Whether the interval holds `value`.
    pub fn holds(&self, value: f64) -> bool {
        self.lo <= value && value <= self.hi
    }
}

/// What several values of one quantity say.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// How many values; at least 1.
    pub n: usize,
    /// Mean (geometric for ratios).
    pub mean: f64,
    /// Smallest value.
    pub min: f64,
    /// Largest value.
    pub max: f64,
    /// Sample standard deviation; for ratios that of their logarithms. `None` below two values.
    pub sd: Option<f64>,
    /// 95 % Student-t interval of the mean. `None` below two values.
    pub interval: Option<Interval>,
}

impl Estimate {
    /// Mean, range, spread and interval of `values`; `None` if there are none or one is not finite.
    pub fn of(values: &[f64]) -> Option<Estimate> {
        if values.is_empty() || values.iter().any(|v| !v.is_finite()) {
            return None;
        }
        let n = values.len();
        let mean = values.iter().sum::<f64>() / n as f64;
        let sd = (n >= 2).then(|| {
            let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
            (squares / (n - 1) as f64).sqrt()
        });
        let interval = sd.map(|sd| {
            let half = student_quantile(0.5 + LEVEL / 2.0, (n - 1) as f64) * sd / (n as f64).sqrt();
            Interval { lo: mean - half, hi: mean + half }
        });
        let min = values.iter().copied().fold(f64::INFINITY, f64::min);
        let max = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Some(Estimate { n, mean, min, max, sd, interval })
    }

    /// Two-sided p-value of the mean being 0, by Student's t; `None` below two values. Without any spread it is 0, or 1
    /// for a mean of 0.
    pub fn p_value(&self) -> Option<f64> {
        let sd = self.sd?;
        if sd == 0.0 {
            return Some(if self.mean == 0.0 { 1.0 } else { 0.0 });
        }
        let t = self.mean.abs() / (sd / (self.n as f64).sqrt());
        Some((2.0 * (1.0 - student_cdf(t, (self.n - 1) as f64))).clamp(0.0, 1.0))
    }

    /// Estimate of `aᵢ − bᵢ` over pairs `(aᵢ, bᵢ)`.
    pub fn of_differences(pairs: &[(f64, f64)]) -> Option<Estimate> {
        let differences: Vec<f64> = pairs.iter().map(|(a, b)| a - b).collect();
        Estimate::of(&differences)
    }

    /// Estimate of `aᵢ / bᵢ` over pairs of positive values; `None` if any value is not positive.
    pub fn of_ratios(pairs: &[(f64, f64)]) -> Option<Estimate> {
        if pairs.iter().any(|&(a, b)| a <= 0.0 || b <= 0.0) {
            return None;
        }
        let logarithms: Vec<f64> = pairs.iter().map(|(a, b)| (a / b).ln()).collect();
        let e = Estimate::of(&logarithms)?;
        let interval = e.interval.map(|i| Interval { lo: i.lo.exp(), hi: i.hi.exp() });
        Some(Estimate { mean: e.mean.exp(), min: e.min.exp(), max: e.max.exp(), interval, ..e })
    }
}

/// A straight line through points, by least squares.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// y at x = 0.
    pub intercept: f64,
    /// What y grows by when x grows by 1.
    pub slope: f64,
    /// 95 % Student-t interval of the slope. `None` below three points.
    pub interval: Option<Interval>,
}

impl Line {
    /// The line through points `(x, y)`; `None` if they are less than two different x, or one is not finite.
    pub fn through(points: &[(f64, f64)]) -> Option<Line> {
        if points.iter().any(|(x, y)| !x.is_finite() || !y.is_finite()) {
            return None;
        }
        let n = points.len() as f64;
        let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / n;
        let (x_mean, y_mean) = (mean(|p| p.0), mean(|p| p.1));
        let spread: f64 = points.iter().map(|(x, _)| (x - x_mean).powi(2)).sum();
        if points.is_empty() || spread == 0.0 {
            return None;
        }
        let slope = points.iter().map(|(x, y)| (x - x_mean) * (y - y_mean)).sum::<f64>() / spread;
        let intercept = y_mean - slope * x_mean;
        let interval = (points.len() >= 3).then(|| {
            let freedom = n - 2.0;
            let rest: f64 = points.iter().map(|(x, y)| (y - intercept - slope * x).powi(2)).sum();
            let half = student_quantile(0.5 + LEVEL / 2.0, freedom) * (rest / freedom / spread).sqrt();
            Interval { lo: slope - half, hi: slope + half }
        });
        Some(Line { intercept, slope, interval })
    }
}

/// Standard error of the fraction `errors / rows`; `None` without rows or with more errors than rows.
///
/// At 0 and at 1 the formula would claim certainty, so the fraction (errors + ½) / (rows + 1) takes its place.
pub fn binomial_standard_error(errors: u64, rows: u64) -> Option<f64> {
    if rows == 0 || errors > rows {
        return None;
    }
    let p = if errors == 0 || errors == rows {
        (errors as f64 + 0.5) / (rows as f64 + 1.0)
    } else {
        errors as f64 / rows as f64
    };
    Some((p * (1.0 - p) / rows as f64).sqrt())
}

/// The t with P(T ≤ t) = `p` for Student's distribution with `freedom` degrees of freedom, `p` in [½, 1).
fn student_quantile(p: f64, freedom: f64) -> f64 {
    debug_assert!((0.5..1.0).contains(&p) && freedom > 0.0);
    let (mut lo, mut hi) = (0.0, 1.0);
    while student_cdf(hi, freedom) < p {
        hi *= 2.0;
    }
    // Bisection: the distribution is monotone and 200 halvings exhaust an f64.
    for _ in 0..200 {
        let middle = 0.5 * (lo + hi);
        if student_cdf(middle, freedom) < p { lo = middle } else { hi = middle }
    }
    0.5 * (lo + hi)
}

/// P(T ≤ t) for t ≥ 0: 1 − I_x(ν/2, ½) / 2 with x = ν / (ν + t²).
fn student_cdf(t: f64, freedom: f64) -> f64 {
    1.0 - 0.5 * incomplete_beta(freedom / (freedom + t * t), 0.5 * freedom, 0.5)
}

/// Regularised incomplete beta function I_x(a, b) by its continued fraction (DLMF 8.17.22).
fn incomplete_beta(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return x.clamp(0.0, 1.0);
    }
    // The fraction converges fast only left of the mean; I_x(a, b) = 1 − I_{1−x}(b, a) mirrors the rest.
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - incomplete_beta(1.0 - x, b, a);
    }
    let front = (a * x.ln() + b * (1.0 - x).ln() + ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b)).exp() / a;
    let away_from_zero = |v: f64| if v.abs() < 1e-300 { 1e-300 } else { v };
    // Lentz's algorithm: c and d are the successive numerators' and denominators' ratios.
    let (mut c, mut d) = (1.0, 1.0 / away_from_zero(1.0 - (a + b) * x / (a + 1.0)));
    let mut fraction = d;
    for m in 1..300 {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let before = fraction;
        for term in [even, odd] {
            d = 1.0 / away_from_zero(1.0 + term * d);
            c = away_from_zero(1.0 + term / c);
            fraction *= c * d;
        }
        if (fraction - before).abs() <= 1e-16 * fraction.abs() {
            break;
        }
    }
    front * fraction
}

/// ln Γ(z) for z > 0 by Lanczos' approximation (g = 7, nine terms; relative error below 1e-14).
fn ln_gamma(z: f64) -> f64 {
    const FIRST: f64 = 0.999_999_999_999_809_9;
    const REST: [f64; 8] = [
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    if z < 0.5 {
        // Reflection: Γ(z) Γ(1 − z) = π / sin πz.
        return (std::f64::consts::PI / (std::f64::consts::PI * z).sin()).ln() - ln_gamma(1.0 - z);
    }
    let z = z - 1.0;
    let sum = REST.iter().enumerate().fold(FIRST, |sum, (i, c)| sum + c / (z + i as f64 + 1.0));
    let t = z + 7.5;
    0.5 * (2.0 * std::f64::consts::PI).ln() + (z + 0.5) * t.ln() - t + sum.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_those_of_the_textbook() {
        // Anscombe's first set: y = 3.00 + 0.500 x, standard error of the slope 0.1179, t(0.975; 9) = 2.2622.
        let x = [10.0, 8.0, 13.0, 9.0, 11.0, 14.0, 6.0, 4.0, 12.0, 7.0, 5.0];
        let y = [8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68];
        let points: Vec<(f64, f64)> = x.into_iter().zip(y).collect();
        let line = Line::through(&points).unwrap();
        assert!((line.intercept - 3.00).abs() < 1e-3 && (line.slope - 0.50009).abs() < 1e-5, "{line:?}");
        let interval = line.interval.unwrap();
        assert!((interval.hi - line.slope - 2.2622 * 0.11791).abs() < 1e-4, "{interval:?}");
        let exact = Line::through(&[(1.0, 5.0), (2.0, 7.0)]).unwrap();
        assert_eq!((exact.slope, exact.intercept, exact.interval), (2.0, 3.0, None));
        assert_eq!(Line::through(&[(1.0, 5.0), (1.0, 7.0)]), None);
        assert_eq!(Line::through(&[]), None);
    }

    use proptest::prelude::*;

    const A: [f64; 5] = [1.41, 1.36, 1.52, 1.44, 1.39];
    const B: [f64; 5] = [1.48, 1.51, 1.55, 1.43, 1.52];

    fn close(found: f64, expected: f64) {
        assert!((found - expected).abs() <= 1e-9 * expected.abs().max(1.0), "{found} is not {expected}");
    }

    fn pairs() -> Vec<(f64, f64)> {
        A.into_iter().zip(B).collect()
    }

    #[test]
    fn quantiles_are_those_of_scipy() {
        // scipy.stats.t.ppf
        for (p, freedom, t) in [
            (0.975, 1.0, 12.706_204_736_174_694),
            (0.975, 2.0, 4.302_652_729_749_462),
            (0.975, 4.0, 2.776_445_105_197_793),
            (0.975, 9.0, 2.262_157_162_798_204_6),
            (0.995, 7.0, 3.499_483_297_350_492_5),
            (0.975, 120.0, 1.979_930_405_082_440_2),
            (0.9, 3.0, 1.637_744_353_696_210_2),
        ] {
            close(student_quantile(p, freedom), t);
        }
    }

    #[test]
    fn one_sample_is_as_scipy_says() {
        // numpy std(ddof=1); scipy.stats.t.interval(0.95, 4, mean, sem)
        let e = Estimate::of(&A).unwrap();
        close(e.mean, 1.424);
        close(e.sd.unwrap(), 0.061_073_725_938_409_88);
        close(e.interval.unwrap().lo, 1.348_166_953_266_113);
        close(e.interval.unwrap().hi, 1.499_833_046_733_887);
        assert_eq!((e.min, e.max), (1.36, 1.52));
    }

    #[test]
    fn paired_differences_are_as_scipy_says() {
        let e = Estimate::of_differences(&pairs()).unwrap();
        close(e.mean, -0.074);
        close(e.interval.unwrap().lo, -0.157_108_050_694_685_42);
        close(e.interval.unwrap().hi, 0.009_108_050_694_685_371);
    }

    #[test]
    fn p_values_agree_with_the_interval() {
        // d̄ = −0.074, s = 0.0669328, n = 5: t = −2.4722, P(|T₄| > 2.4722) by the closed form
        // 1 − (3/2) sin φ (1 − sin² φ / 3), sin φ = t / √(4 + t²).
        let e = Estimate::of_differences(&pairs()).unwrap();
        let t = e.mean.abs() / (e.sd.unwrap() / 5.0_f64.sqrt());
        let sin = t / (4.0 + t * t).sqrt();
        close(e.p_value().unwrap(), 1.0 - 1.5 * sin * (1.0 - sin * sin / 3.0));
        let edge: Vec<f64> = A.iter().map(|a| a - Estimate::of(&A).unwrap().interval.unwrap().lo).collect();
        close(Estimate::of(&edge).unwrap().p_value().unwrap(), 0.05);
        assert_eq!(Estimate::of(&[1.0]).unwrap().p_value(), None);
        assert_eq!(Estimate::of(&[0.0, 0.0]).unwrap().p_value(), Some(1.0));
        assert_eq!(Estimate::of(&[2.0, 2.0]).unwrap().p_value(), Some(0.0));
    }

    #[test]
    fn paired_ratios_are_as_scipy_says() {
        let e = Estimate::of_ratios(&pairs()).unwrap();
        close(e.mean, 0.950_267_295_966_792_3);
        close(e.interval.unwrap().lo, 0.896_781_877_694_636_7);
        close(e.interval.unwrap().hi, 1.006_942_664_926_958_4);
    }

    #[test]
    fn one_value_has_no_spread_and_no_interval() {
        let e = Estimate::of(&[0.25]).unwrap();
        assert_eq!((e.n, e.mean, e.min, e.max, e.sd, e.interval), (1, 0.25, 0.25, 0.25, None, None));
    }

    #[test]
    fn nothing_or_nonsense_has_no_estimate() {
        assert_eq!(Estimate::of(&[]), None);
        assert_eq!(Estimate::of(&[1.0, f64::NAN]), None);
        assert_eq!(Estimate::of_ratios(&[(1.0, 0.0)]), None);
        assert_eq!(Estimate::of_ratios(&[(-1.0, 2.0)]), None);
        assert_eq!(binomial_standard_error(0, 0), None);
        assert_eq!(binomial_standard_error(3, 2), None);
    }

    #[test]
    fn fractions_have_the_binomial_error() {
        // √(0.014 · 0.986 / 10000) by hand.
        close(binomial_standard_error(140, 10_000).unwrap(), 0.0011749042514179614);
        let never_wrong = binomial_standard_error(0, 10_000).unwrap();
        assert!(never_wrong > 0.0 && never_wrong < 1e-4);
        close(binomial_standard_error(10_000, 10_000).unwrap() * 1e5, never_wrong * 1e5);
    }

    proptest! {
        #[test]
        fn intervals_hold_their_mean_and_are_finite(values in prop::collection::vec(-1e6_f64..1e6, 2..20)) {
            let e = Estimate::of(&values).unwrap();
            let i = e.interval.unwrap();
            prop_assert!(i.lo.is_finite() && i.hi.is_finite() && i.holds(e.mean));
            prop_assert!(e.min <= e.mean + 1e-6 && e.mean <= e.max + 1e-6);
        }

        #[test]
        fn ratios_invert(pairs in prop::collection::vec((0.01_f64..100.0, 0.01_f64..100.0), 1..9)) {
            let swapped: Vec<(f64, f64)> = pairs.iter().map(|&(a, b)| (b, a)).collect();
            let (forth, back) = (Estimate::of_ratios(&pairs).unwrap(), Estimate::of_ratios(&swapped).unwrap());
            prop_assert!((forth.mean * back.mean - 1.0).abs() < 1e-9);
        }
    }
}
