//! The three products of local fields, timed: `cargo run --release -p adieu-kernels --example local`.
//!
//! Prints, for each layer of Hinton's net on MNIST and for maps of 32 × 32 places with few channels, GFLOP/s and
//! milliseconds of a batch of 200 rows on one thread, the best of seven, and the multiply-add peak before.
#![allow(clippy::print_stdout)]

use adieu_kernels::{
    Activation, Epilogue, Errors, Fields, Outputs, Precision, Rows, Target, Terms, panel_len, peak_gflops,
};
use std::ops::Range;
use std::time::Instant;

const ROWS: usize = 200;

/// A layer: pixels of a side, channels in, field, stride, padding, channels out.
const LAYERS: [(&str, [usize; 6]); 5] = [
    ("28x28, 10x10 by 6, 128", [28, 1, 10, 6, 0, 128]),
    ("4x4x128, 2x2, 220", [4, 128, 2, 1, 0, 220]),
    ("3x3x220, 2x2, 512", [3, 220, 2, 1, 0, 512]),
    ("32x32x3, 11x11, 3", [32, 3, 11, 1, 5, 3]),
    ("32x32x3, 11x11, 16", [32, 3, 11, 1, 5, 16]),
];

fn fields([pixels, c, field, stride, padding, channels]: [usize; 6]) -> Fields {
    let places = (pixels + 2 * padding - field) / stride + 1;
    let span = |place: usize| {
        let inside = |at: usize| at.saturating_sub(padding).min(pixels);
        inside(place * stride)..inside(place * stride + field)
    };
    let stretches = |place: usize| -> Vec<Range<usize>> {
        let (y, x) = (span(place / places), span(place % places));
        y.map(|y| (y * pixels + x.start) * c..(y * pixels + x.end) * c).collect()
    };
    Fields::new(pixels * pixels * c, channels, (0..places * places).map(stretches))
}

fn wave(len: usize) -> Vec<f32> {
    (0..len).map(|i| (i as f32 * 0.71).sin()).collect()
}

fn best(mut work: impl FnMut()) -> f64 {
    let times = (0..7).map(|_| {
        let start = Instant::now();
        work();
        start.elapsed().as_secs_f64()
    });
    times.fold(f64::INFINITY, f64::min)
}

fn time(name: &str, layer: [usize; 6]) {
    let fields = fields(layer);
    let panels = fields.matrices().iter().map(|[rows, cols]| panel_len(*rows, *cols)).sum();
    let (x, da, w) = (wave(ROWS * fields.len_in()), wave(ROWS * fields.len_out()), wave(panels));
    let (mut h, mut dx, mut dw) = (vec![0.0; da.len()], vec![0.0; x.len()], vec![0.0; panels]);
    let (mut db, precision) = (vec![0.0; fields.len_out()], Precision::F32);
    let rows = Rows::new(&x, ROWS, fields.len_in());
    let errors = Errors::new(Rows::new(&da, ROWS, fields.len_out()));
    let epilogue = Epilogue { activation: Activation::Relu, ..Epilogue::default() };
    let times = [
        (
            "forward",
            best(|| {
                let out = Outputs { h: &mut h, pre: None, squares: None };
                fields.forward(rows, &w, epilogue, precision, out);
            }),
        ),
        (
            "dW",
            best(|| {
                let target = Target::Store(&mut dw);
                fields.weight_gradient(rows, errors, Terms::default(), precision, target, &mut db);
            }),
        ),
        ("dx", best(|| fields.input_gradient(errors, &w, precision, &mut dx))),
    ];
    let gflop = 2e-9 * (ROWS * fields.multiply_adds()) as f64;
    let told = times.map(|(what, s)| format!("{what} {:.0} GFLOP/s, {:.1} ms", gflop / s, s * 1e3));
    println!("{name}: {}", told.join("; "));
}

fn main() {
    rayon::ThreadPoolBuilder::new().num_threads(1).build_global().expect("the first pool");
    println!("peak {:.0} GFLOP/s", peak_gflops(Precision::F32, 200));
    LAYERS.into_iter().for_each(|(name, layer)| time(name, layer));
}
