//! Norms, pools and sums by channel beside their definitions, whatever the threads.
#![allow(clippy::unwrap_used)] // a test that cannot go on shall panic

mod common;

use adieu_kernels::{Groups, Pool, channel_lines, channel_sums};
use proptest::prelude::*;

fn noise(n: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..n).map(|_| next()).collect()
}

fn close(what: &str, found: &[f32], wanted: &[f64]) {
    close_within(what, 2e-5, found, wanted);
}

fn close_within(what: &str, doubt: f64, found: &[f32], wanted: &[f64]) {
    assert_eq!(found.len(), wanted.len(), "{what}");
    for (i, (found, wanted)) in found.iter().zip(wanted).enumerate() {
        let off = (f64::from(*found) - wanted).abs();
        assert!(off <= doubt * (1.0 + wanted.abs()), "{what}[{i}]: {found}, not {wanted}");
    }
}

/// The same on one thread and on three.
fn threads<R: PartialEq + Send>(f: impl Fn() -> R + Sync + Send) -> R {
    let on =
        |threads: usize| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(&f);
    let alone = on(1);
    assert!(alone == on(3), "the number of threads shows");
    alone
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn groups(rows in 1usize..6, pixels in 1usize..70, (groups, each) in (1usize..5, 1usize..9), seed in 1u64..1000) {
        let channels = groups * each;
        let len = pixels * channels;
        let x: Vec<f32> = noise(rows * len, seed).iter().map(|x| 3.0 * x + 5.0).collect();
        let dy = noise(rows * len, seed + 1);
        let of = |i: usize| (i / len) * groups + i % channels / each;
        let size = (pixels * each) as f64;
        let sums = |f: &dyn Fn(usize) -> f64| {
            let mut sums = vec![0.0; rows * groups];
            (0..rows * len).for_each(|i| sums[of(i)] += f(i));
            sums
        };
        for centred in [true, false] {
            let kernel = Groups { pixels, channels, groups, centred };
            let (y, r, dx) = threads(|| {
                let (mut y, mut r, mut dx) = (vec![0.0; x.len()], vec![0.0; rows * groups], dy.clone());
                kernel.forward(&x, 1e-5, &mut y, &mut r);
                kernel.pull_back(&y, &r, &mut dx);
                (y, r, dx)
            });
            let mean: Vec<f64> =
                sums(&|i| f64::from(x[i])).iter().map(|s| if centred { s / size } else { 0.0 }).collect();
            let square = sums(&|i| (f64::from(x[i]) - mean[of(i)]).powi(2));
            let scale: Vec<f64> = square.iter().map(|s| 1.0 / (s / size + 1e-5).sqrt()).collect();
            let exact: Vec<f64> = (0..x.len()).map(|i| (f64::from(x[i]) - mean[of(i)]) * scale[of(i)]).collect();
            // a group of equal numbers is all ε: what rounding leaves of them is blown up by 300
            let blown = scale.iter().any(|s| *s > 30.0);
            if !blown {
                close("y", &y, &exact);
                close("r", &r, &scale);
                let first = sums(&|i| if centred { f64::from(dy[i]) } else { 0.0 });
                let second = sums(&|i| f64::from(dy[i]) * exact[i]);
                let dx_exact: Vec<f64> = (0..x.len())
                    .map(|i| scale[of(i)] * (f64::from(dy[i]) - first[of(i)] / size - exact[i] * second[of(i)] / size))
                    .collect();
                // r multiplies what rounding leaves of x − μ once in y, and again here
                let worst = scale.iter().fold(1.0_f64, |worst, s| worst.max(*s));
                close_within("dx", 1e-5 * (1.0 + worst * worst), &dx, &dx_exact);
            }
        }
        let kernel = Groups { pixels, channels, groups, centred: false };
        let (mut means, mut squares) = (vec![0.0; rows * groups], vec![0.0; rows * groups]);
        kernel.means(&x, &mut means);
        kernel.mean_squares(&x, &mut squares);
        close("means", &means, &sums(&|i| f64::from(x[i]) / size));
        close("mean squares", &squares, &sums(&|i| f64::from(x[i]).powi(2) / size));
        let (mut flat, mut steep) = (vec![0.0; x.len()], vec![0.0; x.len()]);
        kernel.spread(&means, None, &mut flat);
        kernel.spread(&means, Some(&x), &mut steep);
        let dg = |i: usize| f64::from(means[of(i)]) / size;
        close("spread", &flat, &(0..x.len()).map(dg).collect::<Vec<_>>());
        close("spread of squares", &steep, &(0..x.len()).map(|i| 2.0 * f64::from(x[i]) * dg(i)).collect::<Vec<_>>());
    }

    #[test]
    fn pools(
        rows in 1usize..4, (height, width) in (1usize..9, 1usize..9), channels in 1usize..6,
        kernel in (1usize..5, 1usize..5), stride in 1usize..4, padding in 0usize..3, seed in 1u64..1000,
    ) {
        let padding = padding.min(kernel.0.min(kernel.1) - 1);
        prop_assume!(height + 2 * padding >= kernel.0 && width + 2 * padding >= kernel.1);
        let pool = Pool { height, width, channels, kernel: [kernel.0, kernel.1], stride, padding };
        let x = noise(rows * pool.len_in(), seed);
        let dy = noise(rows * pool.len_out(), seed + 1);
        let zeros = |n: usize| vec![0.0_f32; rows * n];
        let (mean, largest, dmean, dlargest) = threads(|| {
            let (mut mean, mut largest) = (zeros(pool.len_out()), zeros(pool.len_out()));
            let (mut dmean, mut dlargest) = (zeros(pool.len_in()), zeros(pool.len_in()));
            pool.average(&x, &mut mean);
            pool.largest(&x, &mut largest);
            pool.average_back(&dy, &mut dmean);
            pool.largest_back(&x, &dy, &mut dlargest);
            (mean, largest, dmean, dlargest)
        });
        let mut exact = [vec![0.0; mean.len()], vec![f64::NEG_INFINITY; mean.len()]];
        let mut back = [vec![0.0; x.len()], vec![0.0; x.len()]];
        for row in 0..rows {
            for place in 0..pool.height_out() * pool.width_out() {
                let (oy, ox) = (place / pool.width_out(), place % pool.width_out());
                for c in 0..channels {
                    let inside = |first: usize, n: usize, side: usize| {
                        (first..first + n).filter_map(move |at| at.checked_sub(padding)).filter(move |at| *at < side)
                    };
                    let seen: Vec<usize> = inside(oy * stride, kernel.0, height)
                        .flat_map(|y| inside(ox * stride, kernel.1, width).map(move |x| (y, x)))
                        .map(|(y, x)| ((row * height + y) * width + x) * channels + c)
                        .collect();
                    let out = (row * pool.height_out() * pool.width_out() + place) * channels + c;
                    let most = *seen.iter().rev().max_by(|a, b| x[**a].total_cmp(&x[**b])).unwrap();
                    exact[0][out] = seen.iter().map(|i| f64::from(x[*i])).sum::<f64>() / seen.len() as f64;
                    exact[1][out] = f64::from(x[most]);
                    seen.iter().for_each(|i| back[0][*i] += f64::from(dy[out]) / seen.len() as f64);
                    back[1][most] += f64::from(dy[out]);
                }
            }
        }
        close("mean", &mean, &exact[0]);
        close("largest", &largest, &exact[1]);
        close("back from the mean", &dmean, &back[0]);
        close("back from the largest", &dlargest, &back[1]);
    }

    #[test]
    fn sums_by_channel(pixels in 1usize..1500, channels in 1usize..6, seed in 1u64..1000) {
        let (a, b) = (noise(pixels * channels, seed), noise(pixels * channels, seed + 1));
        let (s, t) = (noise(channels, seed + 2), noise(channels, seed + 3));
        let [first, second] = threads(|| channel_sums(&a, &s, &b, &t));
        let off = |i: usize| f64::from(a[i] - s[i % channels]);
        for c in 0..channels {
            let own = || (0..a.len()).filter(|i| i % channels == c);
            let wanted = (own().map(off).sum::<f64>(), own().map(|i| off(i) * f64::from(b[i] - t[c])).sum::<f64>());
            prop_assert!((first[c] - wanted.0).abs() < 1e-9 * (1.0 + wanted.0.abs()) + 1e-9, "{} {}", first[c], wanted.0);
            prop_assert!((second[c] - wanted.1).abs() < 1e-9 * (1.0 + wanted.1.abs()) + 1e-9);
        }
        let p: Vec<[f32; 3]> = (0..channels).map(|c| [s[c], t[c], 0.5]).collect();
        let lines = threads(|| {
            let mut lines = a.clone();
            channel_lines(&mut lines, Some(&b), &p);
            lines
        });
        let exact = |i: usize| {
            let [p, q, r] = p[i % channels].map(f64::from);
            p * f64::from(a[i]) + q * f64::from(b[i]) + r
        };
        close("lines", &lines, &(0..a.len()).map(exact).collect::<Vec<_>>());
    }
}

#[test]
fn what_is_not_finite_stays_so() {
    let mut x = noise(8, 1);
    x[3] = f32::NAN;
    let groups = Groups { pixels: 2, channels: 4, groups: 2, centred: true };
    let (mut y, mut r) = (vec![0.0; 8], vec![0.0; 2]);
    groups.forward(&x, 1e-5, &mut y, &mut r);
    assert!(y.iter().enumerate().all(|(i, y)| y.is_nan() == (i % 4 >= 2)), "{y:?}");
    let pool = Pool { height: 2, width: 1, channels: 4, kernel: [2, 1], stride: 1, padding: 0 };
    let mut most = vec![0.0; 4];
    pool.largest(&x, &mut most);
    assert!(most[3].is_nan() && most[..3].iter().all(|m| m.is_finite()), "{most:?}");
    let mut back = vec![0.0; 8];
    pool.largest_back(&x, &[1.0; 4], &mut back);
    assert_eq!((back[3], back[7]), (1.0, 0.0), "the error goes where the NaN is");
    let [first, second] = channel_sums(&x, &[0.0; 4], &x, &[0.0; 4]);
    assert!(first[3].is_nan() && second[3].is_nan() && first[2].is_finite());
}
