//! Statistics for costs to a quality, where a run that never gets there is a result: it costs +∞. They go by order, so
//! that infinity needs no special case; what needs a mean leaves it out by rule, not by chance.
//!
//! ```text
//! olympic mean   the mean without the smallest and the largest; +∞ if two or more are       n ≥ 3 (MLPerf)
//! median         +∞ if half or more are
//! U              #{aᵢ < bⱼ} + ½ #{aᵢ = bⱼ}; p: the share of all ways to deal out the n + m values to the two that lie
//!                as far from nm/2 or farther (Mann & Whitney 1947), ties and all
//! shift          the median of all aᵢ − bⱼ (Hodges & Lehmann 1963)
//! ratio          median(a) / median(b), with the bias-corrected and accelerated interval of the bootstrap
//!                (Efron 1987), seeds drawn in pairs
//! between        the interval of the median from the j-th smallest to the j-th largest value, the largest j for which
//!                2 Σᵢ₌₀ʲ⁻¹ (n over i) ∕ 2ⁿ ≤ 0.05; whatever the distribution                    n ≥ 6
//! Holm           p₍ᵢ₎ ← maxⱼ≤ᵢ min(1, (k − j + 1) p₍ⱼ₎)
//! ```

use crate::stats::Interval;

/// Middle value; the mean of the two in the middle of an even number. `None` of none or of a NaN.
pub fn median(values: &[f64]) -> Option<f64> {
    let sorted = sorted(values)?;
    let middle = sorted.len() / 2;
    match sorted.len() {
        n if n % 2 == 1 => Some(sorted[middle]),
        _ => Some(sorted[middle - 1].midpoint(sorted[middle])),
    }
}

/// Interval that holds the median with at least 95 %, whatever the distribution; its ends may be infinite. `None` below
/// six values, of which not even the smallest and the largest are far enough apart.
pub fn median_interval(values: &[f64]) -> Option<(f64, f64)> {
    let sorted = sorted(values)?;
    let n = sorted.len();
    // Share of the outcomes of n throws of a coin with at most i heads, i = 0, 1, 2, ….
    let (mut term, mut sum, mut left_out) = (0.5_f64.powi(n as i32), 0.0, 0);
    for i in 0..n {
        sum += term;
        if 2.0 * sum > 0.05 {
            break;
        }
        left_out = i + 1;
        term *= (n - i) as f64 / (i + 1) as f64;
    }
    (left_out > 0).then(|| (sorted[left_out - 1], sorted[n - left_out]))
}

/// See the module. `None` below three values.
pub fn olympic_mean(values: &[f64]) -> Option<f64> {
    let sorted = sorted(values)?;
    let kept = sorted.get(1..sorted.len() - 1).filter(|kept| !kept.is_empty())?;
    Some(kept.iter().sum::<f64>() / kept.len() as f64)
}

/// The median of all differences `a − b`; `None` if there is none, or it is not finite.
pub fn shift(a: &[f64], b: &[f64]) -> Option<f64> {
    let all: Vec<f64> = a.iter().flat_map(|a| b.iter().map(move |b| a - b)).collect();
    median(&all).filter(|shift| shift.is_finite())
}

/// Two-sided p-value of Mann and Whitney's test, see the module. Exact up to [`MOST_DEALS`] deals, beyond them by the
/// normal distribution with its correction for ties. `None` if either is empty or holds a NaN.
pub fn mann_whitney(a: &[f64], b: &[f64]) -> Option<f64> {
    let (n, m) = (a.len(), b.len());
    let all: Vec<f64> = a.iter().chain(b).copied().collect();
    if n == 0 || m == 0 || all.iter().any(|v| v.is_nan()) {
        return None;
    }
    let ranks = ranks(&all);
    Some(if deals(n + m, n) <= MOST_DEALS { exact(&ranks, n) } else { approximate(&ranks, n) })
}

/// Twice the rank of each value, ties sharing the middle of theirs: a whole number.
fn ranks(all: &[f64]) -> Vec<usize> {
    let rank = |v: &f64| {
        let below = all.iter().filter(|other| *other < v).count();
        let same = all.iter().filter(|other| *other == v).count();
        2 * below + same + 1
    };
    all.iter().map(rank).collect()
}

/// How far twice the sum of the first `n` ranks lies from its mean, and twice that mean.
fn far(ranks: &[usize], n: usize) -> (usize, usize) {
    let middle = n * (ranks.len() + 1);
    (ranks[..n].iter().sum::<usize>().abs_diff(middle), middle)
}

fn exact(ranks: &[usize], n: usize) -> f64 {
    let (far, middle) = far(ranks, n);
    let most: usize = ranks.iter().sum();
    // ways[k][s]: how many ways there are to deal k of the values with sum s.
    let mut ways = vec![vec![0.0_f64; most + 1]; n + 1];
    ways[0][0] = 1.0;
    for rank in ranks {
        for k in (1..=n).rev() {
            for s in (*rank..=most).rev() {
                ways[k][s] += ways[k - 1][s - rank];
            }
        }
    }
    let (sums, whole) = (ways[n].iter().enumerate(), ways[n].iter().sum::<f64>());
    let beyond: f64 = sums.filter(|(s, _)| s.abs_diff(middle) >= far).map(|(_, ways)| ways).sum();
    (beyond / whole).min(1.0)
}

fn approximate(ranks: &[usize], n: usize) -> f64 {
    let (size, m) = (ranks.len() as f64, ranks.len() - n);
    let ties = ranks.iter().map(|rank| ranks.iter().filter(|other| *other == rank).count() as f64);
    let tied: f64 = ties.map(|t| t * t - 1.0).sum();
    let variance = (n * m) as f64 / 12.0 * (size + 1.0 - tied / (size * (size - 1.0)));
    let z = (far(ranks, n).0 as f64 / 2.0 - 0.5).max(0.0) / variance.sqrt();
    if variance > 0.0 { (2.0 * normal_cdf(-z)).min(1.0) } else { 1.0 }
}

/// Deals beyond which a p-value is approximated.
pub const MOST_DEALS: f64 = 1e12;

fn deals(of: usize, take: usize) -> f64 {
    (0..take).map(|i| (of - i) as f64 / (take - i) as f64).product()
}

/// p-values after Holm's correction for their number, in their order.
pub fn holm(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|a, b| p[*a].total_cmp(&p[*b]));
    let mut corrected = vec![0.0; p.len()];
    let mut least: f64 = 0.0;
    for (i, at) in order.into_iter().enumerate() {
        least = least.max(((p.len() - i) as f64 * p[at]).min(1.0));
        corrected[at] = least;
    }
    corrected
}

/// Resamples of a bootstrap.
pub const RESAMPLES: usize = 10_000;

/// `median(a) / median(b)` of pairs `(a, b)` with its 95 % interval, see the module: the same whenever it is asked.
/// `None` below five pairs, if a value is not positive, or where the ratio or an end of the interval is not finite, which
/// is so where too many never got there.
pub fn ratio(pairs: &[(f64, f64)]) -> Option<(f64, Interval)> {
    if pairs.len() < 5 || pairs.iter().any(|(a, b)| !(*a > 0.0 && *b > 0.0)) {
        return None;
    }
    let of = |pairs: &[(f64, f64)]| {
        let part = |of: fn(&(f64, f64)) -> f64| median(&pairs.iter().map(of).collect::<Vec<_>>());
        Some(part(|p| p.0)? / part(|p| p.1)?).filter(|ratio| !ratio.is_nan())
    };
    let seen = of(pairs).filter(|ratio| ratio.is_finite())?;
    let mut chance = Chance(0x_ad1e_u64);
    let draw = |_| {
        let drawn: Vec<_> = (0..pairs.len()).map(|_| pairs[chance.below(pairs.len())]).collect();
        of(&drawn)
    };
    let resampled: Vec<f64> = (0..RESAMPLES).map(draw).collect::<Option<_>>()?;
    let resampled = sorted(&resampled)?;
    // How far the resamples lie to one side, and how fast their spread changes: by leaving out one pair at a time.
    let below = resampled
        .iter()
        .map(|v| {
            if *v < seen {
                1.0
            } else if *v == seen {
                0.5
            } else {
                0.0
            }
        })
        .sum::<f64>();
    let bias = normal_quantile(below / RESAMPLES as f64);
    let without = |i: usize| of(&[&pairs[..i], &pairs[i + 1..]].concat());
    let left: Vec<f64> = (0..pairs.len()).map(without).collect::<Option<_>>()?;
    let mean = left.iter().sum::<f64>() / left.len() as f64;
    let moment = |power| left.iter().map(|v| (mean - v).powi(power)).sum::<f64>();
    let squares = moment(2);
    let acceleration = if squares > 0.0 { moment(3) / (6.0 * squares.powf(1.5)) } else { 0.0 };
    let end = |p: f64| {
        let z = bias + normal_quantile(p);
        let at = normal_cdf(bias + z / (1.0 - acceleration * z));
        resampled[((at * RESAMPLES as f64) as usize).min(RESAMPLES - 1)]
    };
    let interval = Interval { lo: end(0.025), hi: end(0.975) };
    (interval.lo.is_finite() && interval.hi.is_finite()).then_some((seen, interval))
}

fn sorted(values: &[f64]) -> Option<Vec<f64>> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    (!sorted.is_empty() && sorted.iter().all(|v| !v.is_nan())).then_some(sorted)
}

/// SplitMix64 (Steele, Lea & Flood 2014): the resamples need no better chance, and this one never changes.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((u128::from(z ^ (z >> 31)) * bound as u128) >> 64) as usize
    }
}

/// P(Z ≤ z) of the standard normal distribution, to 1e-7 (Abramowitz & Stegun 7.1.26).
fn normal_cdf(z: f64) -> f64 {
    let x = z.abs() / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let series = [0.254_829_592, -0.284_496_736, 1.421_413_741, -1.453_152_027, 1.061_405_429];
    let poly = series.iter().rev().fold(0.0, |sum, c| (sum + c) * t);
    let tail = 0.5 * poly * (-x * x).exp();
    if z < 0.0 { tail } else { 1.0 - tail }
}

/// The z with P(Z ≤ z) = p, by halving, kept within ±8.
fn normal_quantile(p: f64) -> f64 {
    let (mut lo, mut hi) = (-8.0, 8.0);
    for _ in 0..60 {
        let middle = (lo + hi) / 2.0;
        if normal_cdf(middle) < p { lo = middle } else { hi = middle }
    }
    (lo + hi) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64, by: f64) {
        assert!((a - b).abs() <= by, "{a}, not {b}");
    }

    /// The worked example of MLPerf's rules on reference convergence points: epochs of ten runs.
    #[test]
    fn the_interval_of_the_median_is_that_of_the_tables() {
        // David and Nagaraja, Order Statistics: from the j-th smallest to the j-th largest.
        for (n, j) in [(5, 0), (6, 1), (8, 1), (9, 2), (10, 2), (12, 3), (15, 4), (20, 6)] {
            let values: Vec<f64> = (1..=n).rev().map(f64::from).collect();
            let expected = (j > 0).then(|| (f64::from(j), f64::from(n + 1 - j)));
            assert_eq!(median_interval(&values), expected, "{n}");
        }
        let mut never = vec![1.0; 5];
        never.push(f64::INFINITY);
        assert_eq!(median_interval(&never), Some((1.0, f64::INFINITY)));
        assert_eq!(median_interval(&[f64::NAN; 9]), None);
    }

    #[test]
    fn the_olympic_mean_of_mlperf() {
        let epochs = [16.0, 14.0, 16.0, 17.0, 16.0, 16.0, 15.0, 16.0, 15.0, 16.0];
        assert_eq!(olympic_mean(&epochs), Some(15.75));
        assert_eq!((olympic_mean(&[1.0, 2.0]), olympic_mean(&[1.0, 5.0, f64::INFINITY])), (None, Some(5.0)));
        assert_eq!(olympic_mean(&[1.0, f64::INFINITY, f64::INFINITY]), Some(f64::INFINITY));
        assert_eq!(median(&[3.0, f64::INFINITY, 1.0]), Some(3.0));
        assert_eq!((median(&[]), median(&[f64::NAN])), (None, None));
    }

    /// Against the tables: the smallest two-sided p of n = m = 3, 4, 5 is 2 / C(2n, n); and SciPy's
    /// `mannwhitneyu(..., method="exact")`.
    #[test]
    fn mann_whitney_against_its_tables() {
        for (n, p) in [(3, 0.1), (4, 2.0 / 70.0), (5, 2.0 / 252.0), (10, 2.0 / 184_756.0)] {
            let low: Vec<f64> = (0..n).map(f64::from).collect();
            let high: Vec<f64> = (0..n).map(|i| f64::from(i) + 100.0).collect();
            close(mann_whitney(&low, &high).unwrap(), p, 1e-15);
            close(mann_whitney(&high, &low).unwrap(), p, 1e-15);
        }
        // Male and female ages of diagnosis: U = 17 of 20, p = 0.11111 (SciPy's documentation).
        let (males, females) = ([19.0, 22.0, 16.0, 29.0, 24.0], [20.0, 11.0, 17.0, 12.0]);
        close(mann_whitney(&males, &females).unwrap(), 0.111_111_111, 1e-9);
        assert_eq!(mann_whitney(&[1.0, 1.0], &[1.0, 1.0]), Some(1.0));
        // Never getting there is the farthest of all, and a tie with itself.
        let never = f64::INFINITY;
        close(mann_whitney(&[1.0, 2.0, 3.0], &[never, never, never]).unwrap(), 0.1, 1e-15);
        assert_eq!((mann_whitney(&[], &[1.0]), mann_whitney(&[f64::NAN], &[1.0])), (None, None));
    }

    #[test]
    fn beyond_what_can_be_counted_the_normal_distribution_is_near() {
        for (by, ties) in [(1, 1), (4, 1), (9, 1), (4, 3), (9, 5)] {
            let values: Vec<f64> = (0..30).map(|i| f64::from((i * 7 % 30 + by * (i / 15)) / ties)).collect();
            let ranks = ranks(&values);
            close(approximate(&ranks, 15), exact(&ranks, 15), 0.01);
        }
        assert!(deals(60, 30) > MOST_DEALS);
        assert_eq!(mann_whitney(&[1.0; 40], &[1.0; 40]), Some(1.0));
    }

    #[test]
    fn holm_as_in_the_textbook() {
        let corrected = holm(&[0.01, 0.04, 0.03, 0.005]);
        for (got, expected) in corrected.iter().zip([0.03, 0.06, 0.06, 0.02]) {
            close(*got, expected, 1e-12);
        }
        assert_eq!(holm(&[0.9, 0.8]), [1.0, 1.0]);
        assert!(holm(&[]).is_empty());
    }

    #[test]
    fn shifts_are_medians_of_differences() {
        assert_eq!(shift(&[5.0, 7.0, 9.0], &[1.0, 2.0, 3.0]), Some(5.0));
        assert_eq!(shift(&[f64::INFINITY], &[1.0]), None);
    }

    #[test]
    fn ratios_hold_what_made_them_and_are_the_same_again() {
        let pairs: Vec<(f64, f64)> = [1.9, 2.1, 2.0, 2.2, 1.8, 2.05]
            .iter()
            .enumerate()
            .map(|(i, r)| (r * (10.0 + i as f64), 10.0 + i as f64))
            .collect();
        let (ratio_of, interval) = ratio(&pairs).expect("six pairs");
        assert!(
            interval.holds(ratio_of) && interval.lo > 1.5 && interval.hi < 2.6,
            "{ratio_of} {interval:?}"
        );
        assert_eq!(ratio(&pairs), Some((ratio_of, interval)));
        let same: Vec<_> = (1..=5).map(|i| (f64::from(i), f64::from(i))).collect();
        let (one, interval) = ratio(&same).expect("five pairs");
        assert!(one == 1.0 && interval.lo == 1.0 && interval.hi == 1.0, "paired: no resample differs");
        assert_eq!(ratio(&pairs[..4]), None);
        let mut some_never = pairs.clone();
        some_never.iter_mut().take(4).for_each(|pair| pair.0 = f64::INFINITY);
        assert_eq!(ratio(&some_never), None);
    }

    #[test]
    fn the_normal_distribution() {
        close(normal_cdf(1.959_963_985), 0.975, 2e-7);
        close(normal_quantile(0.975), 1.959_964, 2e-6);
        close(normal_cdf(-3.0), 0.001_349_898, 2e-7);
    }
}
