//! Nanoseconds a number of the passes that norms, pools and class scores are made of, on one thread of the pool.
//!
//! `cargo run --release -p adieu-kernels --example passes`

#![allow(clippy::print_stdout)] // printing is what it is for

use std::time::Instant;

use adieu_kernels::{Groups, Pool, channel_lines, channel_sums, row_sums_of_squares};

fn time(name: &str, numbers: usize, mut pass: impl FnMut()) {
    pass();
    let best = (0..7)
        .map(|_| {
            let begun = Instant::now();
            pass();
            begun.elapsed().as_secs_f64()
        })
        .fold(f64::INFINITY, f64::min);
    println!("{name:<40} {:6.3} ns a number, {:6.2} ms", best * 1e9 / numbers as f64, best * 1e3);
}

fn main() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread");
    pool.install(|| {
        for (side, channels) in [(28, 40), (14, 80), (7, 160)] {
            let (rows, pixels) = (128, side * side);
            let n = rows * pixels * channels;
            println!("{rows} images of {side}x{side}x{channels}");
            let x: Vec<f32> = (0..n).map(|i| ((i * 7919) % 1000) as f32 / 500.0 - 1.0).collect();
            let (mut y, mut r) = (vec![0.0; n], vec![0.0; rows * 10]);
            let groups = Groups { pixels, channels, groups: 10, centred: true };
            time("group norm", n, || groups.forward(&x, 1e-5, &mut y, &mut r));
            let mut dy = x.clone();
            time("group norm, back", n, || groups.pull_back(&y, &r, &mut dy));
            time("means of groups", n, || groups.means(&x, &mut r));
            time("means of groups, back", n, || groups.spread(&r, None, &mut dy));
            let whole = Groups { pixels: 1, channels: pixels * channels, groups: 1, centred: true };
            time("layer norm", n, || whole.forward(&x, 1e-5, &mut y, &mut r[..rows]));
            let zeros = vec![0.0; channels];
            time("sums by channel", n, || drop(channel_sums(&x, &zeros, &y, &zeros)));
            let lines = vec![[1.0, 0.5, 0.25]; channels];
            time("lines by channel", n, || channel_lines(&mut dy, Some(&y), &lines));
            let kernel = Pool { height: side, width: side, channels, kernel: [2; 2], stride: 2, padding: 0 };
            let mut small = vec![0.0; rows * kernel.len_out()];
            time("average of 2x2", n, || kernel.average(&x, &mut small));
            time("average of 2x2, back", n, || kernel.average_back(&small, &mut dy));
            time("largest of 2x2", n, || kernel.largest(&x, &mut small));
            time("largest of 2x2, back", n, || kernel.largest_back(&x, &small, &mut dy));
            time("sums of squares of rows", n, || row_sums_of_squares(&x, pixels * channels, &mut r[..rows]));
        }
    });
}
