//! The three products, for those who change them: `cargo bench -p adieu-kernels [-- FILTER]`.
//!
//! Two states of the code are compared by running this on both, in turn, on a machine that does nothing else. How near
//! the machine's peak a product comes is what `adieu bench engine` tells. `RAYON_NUM_THREADS=1` keeps to one thread.

use adieu_kernels::{
    Activation, Epilogue, Errors, Outputs, Precision, Rows, Rule, Target, Terms, Weights, Zeros, forward,
    input_gradient, panel_len, weight_gradient,
};
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};

/// Rows, inputs, outputs: the duel's layers, the paper's, one that is compute alone, a head.
const SIZES: [[usize; 3]; 6] = [
    [100, 784, 1000],
    [200, 1000, 1000],
    [200, 2000, 2000],
    [1000, 2000, 2000],
    [128, 784, 2000],
    [100, 1000, 10],
];

fn main() {
    // The calling thread is one of the pool's, as in the program.
    let pool = rayon::ThreadPoolBuilder::new().use_current_thread().build_global();
    pool.expect("the pool of threads starts");
    divan::main();
}

fn noise(len: usize) -> Vec<f32> {
    (0..len).map(|i| (i as f32 * 0.71).sin() * 0.1).collect()
}

/// Multiply-adds, so that speeds are comparable between sizes.
fn work([rows, n_in, n_out]: [usize; 3]) -> ItemsCount {
    ItemsCount::new(rows * n_in * n_out)
}

/// Benches `run` if this processor has `precision`.
fn in_precision(
    bencher: Bencher<'_, '_>,
    size: [usize; 3],
    precision: Precision,
    mut run: impl FnMut(Precision),
) {
    if precision.is_available() {
        bencher.counter(work(size)).bench_local(|| run(black_box(precision)));
    }
}

fn forward_in(bencher: Bencher<'_, '_>, size: [usize; 3], precision: Precision) {
    let [rows, n_in, n_out] = size;
    let (x, panels, bias) = (noise(rows * n_in), noise(panel_len(n_in, n_out)), noise(n_out));
    let mut h = vec![0.0; rows * n_out];
    in_precision(bencher, size, precision, |precision| {
        let epilogue = Epilogue { bias: Some(&bias), activation: Activation::Relu, base: None };
        let out = Outputs { h: &mut h, pre: None, squares: None };
        forward(Rows::new(&x, rows, n_in), Weights::new(&panels, n_in, n_out), epilogue, precision, out);
    });
}

/// Of inputs of which one in five is not zero, as behind a ReLU of a trained layer.
#[divan::bench(args = SIZES.map(Size))]
fn forward_without_zeros(bencher: Bencher<'_, '_>, size: Size) {
    let [rows, n_in, n_out] = size.0;
    let (mut x, panels) = (noise(rows * n_in), noise(panel_len(n_in, n_out)));
    x.iter_mut().enumerate().filter(|(i, _)| i % 5 > 0).for_each(|(_, x)| *x = 0.0);
    let mut h = vec![0.0; rows * n_out];
    in_precision(bencher, size.0, Precision::F32, |precision| {
        let x = Rows::new(&x, rows, n_in).with_zeros(Zeros::Skip);
        let out = Outputs { h: &mut h, pre: None, squares: None };
        forward(x, Weights::new(&panels, n_in, n_out), Epilogue::default(), precision, out);
    });
}

fn input_gradient_in(bencher: Bencher<'_, '_>, size: [usize; 3], precision: Precision) {
    let [rows, n_in, n_out] = size;
    let (da, panels, mut dx) = (noise(rows * n_out), noise(panel_len(n_in, n_out)), vec![0.0; rows * n_in]);
    in_precision(bencher, size, precision, |precision| {
        let da = Errors::new(Rows::new(&da, rows, n_out));
        input_gradient(da, Weights::new(&panels, n_in, n_out), precision, &mut dx);
    });
}

/// With `rule`, or storing the gradient. Rates are zero: the weights stay what they are, at the full price.
fn weight_gradient_in(bencher: Bencher<'_, '_>, size: [usize; 3], precision: Precision, rule: Option<Rule>) {
    let [rows, n_in, n_out] = size;
    let (x, da) = (noise(rows * n_in), noise(rows * n_out));
    let [mut weights, mut first, mut second] = [(); 3].map(|()| vec![0.0; panel_len(n_in, n_out)]);
    in_precision(bencher, size, precision, |precision| {
        let (x, da) = (Rows::new(&x, rows, n_in), Errors::new(Rows::new(&da, rows, n_out)));
        let target = match rule {
            None => Target::Store(&mut weights),
            Some(rule) => {
                let second = if rule.moments() == 2 { &mut second[..] } else { &mut [] };
                Target::Descend { rule, weights: &mut weights, first: &mut first, second }
            }
        };
        weight_gradient(x, da, Terms::default(), precision, target, None);
    });
}

const SGD: Rule = Rule::EmaSgd { rate: 0.0, keep: 0.9, decay: 0.0 };
const ADAM: Rule =
    Rule::AdamW { rate: 0.0, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, decay: 0.0, c1: 0.5, c2: 0.5 };

macro_rules! benches {
    ($($name:ident, $work:ident $(, $rule:expr)?;)*) => { $(
        mod $name {
            use super::*;

            #[divan::bench(args = SIZES.map(Size))]
            fn f32(bencher: Bencher<'_, '_>, size: Size) {
                $work(bencher, size.0, Precision::F32 $(, $rule)?);
            }

            #[divan::bench(args = SIZES.map(Size))]
            fn bf16(bencher: Bencher<'_, '_>, size: Size) {
                $work(bencher, size.0, Precision::Bf16 $(, $rule)?);
            }
        }
    )* };
}

benches! {
    forward_product, forward_in;
    input_gradient_product, input_gradient_in;
    weight_gradient_stored, weight_gradient_in, None;
    weight_gradient_and_sgd, weight_gradient_in, Some(SGD);
    weight_gradient_and_adam, weight_gradient_in, Some(ADAM);
}

/// A size as divan names it: `200·2000·2000`.
#[derive(Clone, Copy)]
struct Size([usize; 3]);

impl std::fmt::Display for Size {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [rows, n_in, n_out] = self.0;
        write!(f, "{rows}·{n_in}·{n_out}")
    }
}
