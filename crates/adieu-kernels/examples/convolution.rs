//! The three products of a convolution, timed: `cargo run --release -p adieu-kernels --example convolution`.
//!
//! Prints, for each shape and number of threads, the median milliseconds of a batch of 128 images, the speed if every
//! window were whole (GFLOP/s, as others count), and the fraction of the multiply-add peak of the same moment that
//! the arithmetic really done makes up (windows at the border have fewer terms). Arguments: numbers of threads.
#![allow(clippy::print_stdout)]

use adieu_kernels::{
    Activation, Conv, Epilogue, Errors, Isa, Outputs, Rows, Rule, Target, Weights, isa, register_fma,
    to_panels, with_isa,
};
use std::time::Instant;

const ROWS: usize = 128;
const TURNS: usize = 15;

/// (height and width, channels_in, channels_out, groups) of 3 × 3 windows; the last two are CwComp's.
const SHAPES: [(usize, usize, usize, usize); 5] =
    [(32, 3, 64, 1), (16, 64, 128, 1), (8, 256, 256, 1), (28, 20, 80, 10), (14, 240, 480, 10)];

/// The multiply-add peak of all threads of the current pool together, GFLOP/s.
fn peak(isa: Isa) -> f64 {
    let start = Instant::now();
    let flops: u64 = rayon::broadcast(|_| with_isa(isa, || register_fma(20_000))).iter().sum();
    flops as f64 / start.elapsed().as_secs_f64() / 1e9
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn measure((side, channels_in, channels_out, groups): (usize, usize, usize, usize), threads: usize) {
    let conv = Conv {
        height: side,
        width: side,
        channels_in,
        channels_out,
        kernel: 3,
        stride: 1,
        padding: 1,
        groups,
    };
    let noise = |len: usize| (0..len).map(|i| (i as f32 * 0.71).sin() * 0.1).collect::<Vec<f32>>();
    let (x, da, bias) = (noise(ROWS * conv.len_in()), noise(ROWS * conv.len_out()), noise(channels_out));
    let mut weights = vec![0.0; conv.panel_len()];
    to_panels(&noise(conv.n_in() * conv.n_out()), conv.n_in(), conv.n_out(), &mut weights);
    let (mut h, mut dx) = (vec![0.0; ROWS * conv.len_out()], vec![0.0; ROWS * conv.len_in()]);
    let [mut gradient, mut first, mut second] = [(); 3].map(|()| vec![0.0; weights.len()]);
    let (x, da) = (Rows::new(&x, ROWS, conv.len_in()), Errors::new(Rows::new(&da, ROWS, conv.len_out())));
    let epilogue = Epilogue { bias: Some(&bias), activation: Activation::Relu, base: None };
    let mut turns = [(); 4].map(|()| (vec![], vec![]));
    let isa = isa();
    for turn in 0..=TURNS {
        for (product, turns) in turns.iter_mut().enumerate() {
            let before = peak(isa);
            let panels = weights.clone();
            let w = Weights::new(&panels, conv.n_in(), conv.n_out());
            let start = Instant::now();
            match product {
                0 => conv.forward(x, w, epilogue, Outputs { h: &mut h, pre: None, squares: None }),
                1 => conv.weight_gradient(x, da, Target::Store(&mut gradient), None),
                2 => {
                    // A rate of zero leaves the weights as they are, at the full price.
                    let (rate, beta1, beta2, epsilon, decay, c1, c2) = (0.0, 0.9, 0.999, 1e-8, 0.0, 0.5, 0.5);
                    let rule = Rule::AdamW { rate, beta1, beta2, epsilon, decay, c1, c2 };
                    let (weights, first, second) = (&mut weights[..], &mut first[..], &mut second[..]);
                    conv.weight_gradient(x, da, Target::Descend { rule, weights, first, second }, None);
                }
                _ => conv.input_gradient(da, w, &mut dx),
            }
            let seconds = start.elapsed().as_secs_f64();
            let flops = 2.0 * (ROWS * conv.multiply_adds()) as f64;
            // The first turn only warms up.
            if turn > 0 {
                turns.0.push(seconds);
                turns.1.push(flops / seconds / 1e9 / before.midpoint(peak(isa)));
            }
        }
    }
    let whole = 2.0 * (ROWS * side * side * conv.n_in() * conv.n_out()) as f64;
    let mut line =
        format!("{side:>3} {channels_in:>4} {channels_out:>4} {groups:>3} {threads:>3} {:>5.0}", peak(isa));
    for (seconds, fractions) in turns {
        let seconds = median(seconds);
        let (ms, speed) = (seconds * 1e3, whole / seconds / 1e9);
        line += &format!("   {ms:>6.2} {speed:>4.0} {:.2}", median(fractions));
    }
    println!("{line}");
}

fn main() {
    let threads: Vec<usize> =
        std::env::args().skip(1).map(|arg| arg.parse().expect("a number of threads")).collect();
    println!("{}: ms, GFLOP/s as if padding were multiplied, fraction of the peak", isa().name());
    println!(
        " px   in  out   g  th  peak           forward          dW store           dW Adam        input gr."
    );
    for threads in if threads.is_empty() { vec![1, 2] } else { threads } {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool of threads");
        pool.install(|| SHAPES.into_iter().for_each(|shape| measure(shape, threads)));
    }
}
