//! How near the three products come to the register peak: `cargo run --release -p adieu-kernels --example
//! gflops`.
//!
//! Prints, for each size and number of threads, GFLOP/s and the fraction of the multiply-add peak of the same
//! moment. Machines drift and are shared, so everything is run in turn, the peak is measured before and after
//! every product, and a turn counts only where both peaks are near the best one: then nobody else had the
//! processor. What is printed are medians over the turns that count, and how many there were for the product
//! that had fewest. An argument holds the kernels to an instruction set (`avx512`, `avx2`, `neon`, `scalar`).
#![allow(clippy::print_stdout)]

use adieu_kernels::{
    Activation, Epilogue, Errors, Isa, Outputs, Precision, Rows, Rule, Target, Terms, Weights, forward,
    input_gradient, isa, panel_len, register_fma, to_panels, weight_gradient, with_isa,
};
use std::time::Instant;

/// (rows, n_in, n_out)
const SIZES: [(usize, usize, usize); 8] = [
    (100, 784, 1000),
    (100, 1000, 1000),
    (200, 1000, 1000),
    (300, 1000, 1000),
    (200, 2000, 2000),
    (1000, 2000, 2000),
    (100, 1000, 10),
    (1, 1000, 1000),
];

/// Turns that should count, and the most that are taken.
const WANTED: usize = 15;
const MOST: usize = 120;
/// The share of the best peak that both peaks of a turn must reach for it to count.
const UNDISTURBED: f64 = 0.96;

/// The operands of one size.
struct Layer {
    rows: usize,
    n_in: usize,
    n_out: usize,
    x: Vec<f32>,
    h: Vec<f32>,
    da: Vec<f32>,
    dx: Vec<f32>,
    bias: Vec<f32>,
    weights: Vec<f32>,
    gradient: Vec<f32>,
    first: Vec<f32>,
    second: Vec<f32>,
}

impl Layer {
    fn new((rows, n_in, n_out): (usize, usize, usize)) -> Self {
        let noise = |len: usize| (0..len).map(|i| (i as f32 * 0.71).sin() * 0.1).collect::<Vec<f32>>();
        let mut weights = vec![0.0; panel_len(n_in, n_out)];
        to_panels(&noise(n_in * n_out), n_in, n_out, &mut weights);
        let [gradient, first, second] = [(); 3].map(|()| vec![0.0; weights.len()]);
        Self {
            rows,
            n_in,
            n_out,
            x: noise(rows * n_in),
            h: vec![0.0; rows * n_out],
            da: noise(rows * n_out),
            dx: vec![0.0; rows * n_in],
            bias: noise(n_out),
            weights,
            gradient,
            first,
            second,
        }
    }

    fn flops(&self) -> f64 {
        2.0 * (self.rows * self.n_in * self.n_out) as f64
    }

    fn run(&mut self, product: Product) {
        let Self { rows, n_in, n_out, .. } = *self;
        let (x, da) = (Rows::new(&self.x, rows, n_in), Errors::new(Rows::new(&self.da, rows, n_out)));
        match product {
            Product::Forward => {
                let epilogue = Epilogue { bias: Some(&self.bias), activation: Activation::Relu, base: None };
                let out = Outputs { h: &mut self.h, pre: None, squares: None };
                forward(x, Weights::new(&self.weights, n_in, n_out), epilogue, Precision::F32, out);
            }
            Product::InputGradient => {
                input_gradient(da, Weights::new(&self.weights, n_in, n_out), Precision::F32, &mut self.dx);
            }
            Product::Store => {
                let target = Target::Store(&mut self.gradient);
                weight_gradient(x, da, Terms::default(), Precision::F32, target, None);
            }
            Product::Sgd | Product::Adam => {
                // A rate of zero leaves the weights as they are, at the full price.
                let (rate, decay, epsilon) = (0.0, 0.0, 1e-8);
                let (rule, second) = if let Product::Sgd = product {
                    (Rule::EmaSgd { rate, keep: 0.9, decay }, &mut self.second[..0])
                } else {
                    let (beta1, beta2, c1, c2) = (0.9, 0.999, 0.5, 0.5);
                    (Rule::AdamW { rate, beta1, beta2, epsilon, decay, c1, c2 }, &mut self.second[..])
                };
                let target =
                    Target::Descend { rule, weights: &mut self.weights, first: &mut self.first, second };
                weight_gradient(x, da, Terms::default(), Precision::F32, target, None);
            }
        }
    }
}

#[derive(Clone, Copy)]
enum Product {
    Forward,
    InputGradient,
    Store,
    Sgd,
    Adam,
}

const PRODUCTS: [Product; 5] =
    [Product::Forward, Product::InputGradient, Product::Store, Product::Sgd, Product::Adam];

/// The multiply-add peak of all threads of the current pool together, GFLOP/s.
fn peak() -> f64 {
    let start = Instant::now();
    let forced = isa();
    let flops: u64 = rayon::broadcast(|_| with_isa(forced, || register_fma(20_000))).iter().sum();
    flops as f64 / start.elapsed().as_secs_f64() / 1e9
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// A product's speed and the peaks before and after it, GFLOP/s.
#[derive(Clone, Copy)]
struct Turn {
    speed: f64,
    peaks: [f64; 2],
}

impl Turn {
    fn peak(&self) -> f64 {
        self.peaks[0].midpoint(self.peaks[1])
    }
}

fn measure(size: (usize, usize, usize), threads: usize) {
    let mut layer = Layer::new(size);
    // Enough repetitions for about a millisecond, so that the clock's step does not count.
    let repeat = (1e8 / layer.flops()).ceil() as usize;
    let mut turns = PRODUCTS.map(|_| vec![]);
    let mut best = 0.0_f64;
    let undisturbed = |turn: &Turn, best: f64| turn.peaks.iter().all(|&peak| peak >= UNDISTURBED * best);
    for number in 0..MOST {
        for (product, turns) in PRODUCTS.into_iter().zip(&mut turns) {
            let before = peak();
            let start = Instant::now();
            (0..repeat).for_each(|_| layer.run(product));
            let speed = repeat as f64 * layer.flops() / start.elapsed().as_secs_f64() / 1e9;
            let after = peak();
            best = best.max(before).max(after);
            if number > 0 {
                turns.push(Turn { speed, peaks: [before, after] });
            }
        }
        let counting = |turns: &Vec<Turn>| turns.iter().filter(|turn| undisturbed(turn, best)).count();
        if turns.iter().all(|turns| counting(turns) >= WANTED) {
            break;
        }
    }
    let (rows, n_in, n_out) = size;
    let mut line = format!("{rows:>5} {n_in:>5} {n_out:>5} {threads:>3} {best:>6.0}");
    let mut fewest = MOST;
    for mut turns in turns {
        turns.retain(|turn| undisturbed(turn, best));
        fewest = fewest.min(turns.len());
        let speed = median(turns.iter().map(|turn| turn.speed).collect());
        let fraction = median(turns.iter().map(|turn| turn.speed / turn.peak()).collect());
        line += &if turns.is_empty() {
            format!("   {:>9}", "-") // never undisturbed
        } else {
            format!("   {speed:>4.0} {fraction:.2}")
        };
    }
    println!("{line}   {fewest:>3}");
}

fn main() {
    let name = std::env::args().nth(1);
    let chosen = name.map_or(isa(), |name| {
        let found = Isa::available().find(|isa| isa.name() == name);
        found.unwrap_or_else(|| panic!("no {name} here; there is {:?}", Isa::available().collect::<Vec<_>>()))
    });
    println!("{}: GFLOP/s and fraction of the peak", chosen.name());
    println!(" rows  n_in n_out  th   peak    forward   input gr.   dW store    dW +SGD   dW +Adam  turns");
    for threads in [1, 2] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool of threads");
        pool.install(|| {
            with_isa(chosen, || {
                for size in SIZES {
                    measure(size, threads);
                }
            });
        });
    }
}
