//! From values to places: linear and logarithmic scales, with ticks at 1, 2 and 5 times powers of ten.

/// Maps values in `[lo, hi]` to `[0, 1]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Scale {
    /// Equal steps, equal distances.
    Linear {
        /// Value at 0.
        lo: f64,
        /// Value at 1; above `lo`.
        hi: f64,
    },
    /// Equal ratios, equal distances.
    Log {
        /// Value at 0; positive.
        lo: f64,
        /// Value at 1; above `lo`.
        hi: f64,
    },
}

impl Scale {
    /// From 0 to the largest value, exactly; to 1 if there is none above 0.
    pub(crate) fn from_zero(values: impl IntoIterator<Item = f64>) -> Scale {
        let hi = values.into_iter().filter(|v| v.is_finite()).fold(0.0, f64::max);
        Scale::Linear { lo: 0.0, hi: if hi > 0.0 { hi } else { 1.0 } }
    }

    /// From 0 to the first tick not below the largest value.
    pub(crate) fn from_zero_nice(values: impl IntoIterator<Item = f64>, about: usize) -> Scale {
        let (lo, hi) = Scale::from_zero(values).ends();
        let step = nice_step(hi - lo, about);
        Scale::Linear { lo, hi: (hi / step - 1e-9).ceil() * step }
    }

    /// For positive values that span a factor of four or more a logarithmic scale, else [`Scale::from_zero_nice`].
    pub(crate) fn for_errors(values: &[f64]) -> Scale {
        let lo = values.iter().copied().fold(f64::INFINITY, f64::min);
        let hi = values.iter().copied().fold(0.0, f64::max);
        if values.is_empty() || lo <= 0.0 || hi < 4.0 * lo {
            return Scale::from_zero_nice(values.iter().copied(), 5);
        }
        Scale::Log { lo: nice_below(lo), hi: nice_above(hi) }
    }

    /// Logarithmic around positive values, whatever they span; from 1 to 10 if there are none.
    pub(crate) fn log(values: impl IntoIterator<Item = f64>) -> Scale {
        let (mut lo, mut hi) = (f64::INFINITY, 0.0_f64);
        for value in values.into_iter().filter(|v| v.is_finite() && *v > 0.0) {
            (lo, hi) = (lo.min(value), hi.max(value));
        }
        if hi == 0.0 {
            return Scale::Log { lo: 1.0, hi: 10.0 };
        }
        let (lo, hi) = (nice_below(lo), nice_above(hi));
        // One value, and that a round one, lies in the middle.
        if lo < hi { Scale::Log { lo, hi } } else { Scale::Log { lo: lo / 2.0, hi: hi * 2.0 } }
    }

    fn ends(&self) -> (f64, f64) {
        match *self {
            Scale::Linear { lo, hi } | Scale::Log { lo, hi } => (lo, hi),
        }
    }

    /// Place of `value`: 0 at the low end, 1 at the high end, held within both.
    pub(crate) fn place(&self, value: f64) -> f64 {
        let place = match *self {
            Scale::Linear { lo, hi } => (value - lo) / (hi - lo),
            Scale::Log { lo, hi } => (value.max(f64::MIN_POSITIVE) / lo).ln() / (hi / lo).ln(),
        };
        place.clamp(0.0, 1.0)
    }

    /// Values worth a tick, rising, all within the scale; about so many.
    pub(crate) fn ticks(&self, about: usize) -> Vec<f64> {
        match *self {
            Scale::Linear { lo, hi } => {
                let step = nice_step(hi - lo, about);
                let (first, last) = ((lo / step - 1e-9).ceil() as i64, (hi / step + 1e-9).floor() as i64);
                (first..=last).map(|i| i as f64 * step).collect()
            }
            Scale::Log { lo, hi } => {
                let all = log_ticks(lo, hi, &[1.0, 2.0, 5.0]);
                if all.len() <= about * 2 { all } else { log_ticks(lo, hi, &[1.0]) }
            }
        }
    }
}

/// 1, 2 or 5 times a power of ten, so that `span` holds about `about` such steps. `span` is positive.
fn nice_step(span: f64, about: usize) -> f64 {
    let raw = span / about.max(1) as f64;
    let power = 10_f64.powf(raw.log10().floor());
    // The nearest by ratio: the borders are the geometric means √2, √10 and √50.
    let factor = match raw / power {
        r if r < 1.414 => 1.0,
        r if r < 3.162 => 2.0,
        r if r < 7.071 => 5.0,
        _ => 10.0,
    };
    factor * power
}

fn log_ticks(lo: f64, hi: f64, factors: &[f64]) -> Vec<f64> {
    let decades = lo.log10().floor() as i32..=hi.log10().ceil() as i32;
    let values = decades.flat_map(|d| factors.iter().map(move |f| f * 10_f64.powi(d)));
    values.filter(|v| (lo * 0.999..=hi * 1.001).contains(v)).collect()
}

/// Where a logarithmic scale may end, times a power of ten.
const ENDS: [f64; 6] = [1.0, 1.5, 2.0, 3.0, 5.0, 7.0];

fn nice_below(value: f64) -> f64 {
    let power = 10_f64.powf(value.log10().floor());
    ENDS.into_iter().rev().map(|f| f * power).find(|v| *v <= value * 1.001).unwrap_or(power)
}

fn nice_above(value: f64) -> f64 {
    let power = 10_f64.powf(value.log10().floor());
    ENDS.into_iter().map(|f| f * power).find(|v| *v >= value * 0.999).unwrap_or(10.0 * power)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ticks_are_round() {
        let near = |found: Vec<f64>, expected: &[f64]| {
            let same = found.len() == expected.len()
                && found.iter().zip(expected).all(|(f, e)| (f - e).abs() <= 1e-9 * e.abs());
            assert!(same, "{found:?} is not {expected:?}");
        };
        near(Scale::Linear { lo: 0.0, hi: 12.0 }.ticks(6), &[0.0, 2.0, 4.0, 6.0, 8.0, 10.0, 12.0]);
        near(Scale::Linear { lo: 0.0, hi: 0.7 }.ticks(4), &[0.0, 0.2, 0.4, 0.6]);
        near(Scale::Log { lo: 0.01, hi: 0.1 }.ticks(5), &[0.01, 0.02, 0.05, 0.1]);
        assert_eq!(Scale::for_errors(&[0.013, 0.09]), Scale::Log { lo: 0.01, hi: 0.1 });
        assert_eq!(Scale::for_errors(&[0.0, 0.09]), Scale::Linear { lo: 0.0, hi: 0.1 });
        assert_eq!(Scale::from_zero([]), Scale::Linear { lo: 0.0, hi: 1.0 });
    }

    proptest! {
        #[test]
        fn linear_ticks_lie_within_rise_and_are_neither_few_nor_many(
            hi in 1e-9_f64..1e12, about in 2_usize..10,
        ) {
            let scale = Scale::from_zero([hi]);
            let ticks = scale.ticks(about);
            prop_assert!(ticks.len() >= 2 && ticks.len() <= 2 * about + 2, "{ticks:?}");
            prop_assert!(ticks.windows(2).all(|w| w[0] < w[1]));
            prop_assert!(ticks.iter().all(|t| (0.0..=hi * 1.000_001).contains(t)), "{ticks:?}");
            let step = ticks[1] - ticks[0];
            let leading = step / 10_f64.powf(step.log10().floor());
            prop_assert!([1.0, 2.0, 5.0, 10.0].iter().any(|f| (leading - f).abs() < 1e-6), "{step}");
        }

        #[test]
        fn logarithmic_scales_hold_their_values(values in prop::collection::vec(1e-9_f64..1e12, 1..9)) {
            let scale = Scale::log(values.iter().copied());
            let (lo, hi) = scale.ends();
            prop_assert!(lo < hi, "{scale:?}");
            prop_assert!(values.iter().all(|v| lo <= v * 1.002 && *v <= hi * 1.002), "{scale:?}");
            prop_assert!(values.iter().all(|v| scale.place(*v).is_finite()));
        }

        #[test]
        fn error_scales_hold_their_values(values in prop::collection::vec(0.0_f64..1.0, 1..20)) {
            let scale = Scale::for_errors(&values);
            let (lo, hi) = scale.ends();
            for v in &values {
                prop_assert!(lo <= v * 1.001 && *v <= hi * 1.001, "{v} outside {scale:?}");
                prop_assert!((0.0..=1.0).contains(&scale.place(*v)));
            }
            prop_assert!(!scale.ticks(5).is_empty());
        }
    }
}
