//! The three products of a dense layer, alone.

use adieu_kernels::{
    Activation, Epilogue, Errors, Outputs, Precision, Rows, Rule, Target, Terms, Weights, forward,
    input_gradient, panel_len, weight_gradient,
};

use super::{Speed, Stopped, Taken, Told, Yardstick};
use crate::sink::Flow;

/// How fast one product is.
#[derive(Clone, Debug)]
pub struct ProductSpeed {
    /// Rows, inputs, outputs.
    pub size: [usize; 3],
    /// `f32` or `bf16`.
    pub precision: &'static str,
    /// `forward`, `input gradient`, `weight gradient`, `… + ema_sgd`, `… + adam`.
    pub product: &'static str,
    /// How fast.
    pub speed: Speed,
}

const PRODUCTS: [&str; 5] = ["forward", "input gradient", "weight gradient", "… + ema_sgd", "… + adam"];

struct Layer {
    size: [usize; 3],
    x: Vec<f32>,
    h: Vec<f32>,
    da: Vec<f32>,
    bias: Vec<f32>,
    weights: Vec<f32>,
    first: Vec<f32>,
    second: Vec<f32>,
}

impl Layer {
    fn new(size: [usize; 3]) -> Layer {
        let [rows, n_in, n_out] = size;
        let noise = |len: usize| (0..len).map(|i| (i as f32 * 0.71).sin() * 0.1).collect::<Vec<f32>>();
        let panels = panel_len(n_in, n_out);
        Layer {
            size,
            x: noise(rows * n_in),
            h: vec![0.0; rows * n_out],
            da: noise(rows * n_out),
            bias: noise(n_out),
            weights: noise(panels),
            first: vec![0.0; panels],
            second: vec![0.0; panels],
        }
    }

    fn run(&mut self, product: usize, precision: Precision) {
        let [rows, n_in, n_out] = self.size;
        let da = Errors::new(Rows::new(&self.da, rows, n_out));
        match product {
            0 => {
                let epilogue = Epilogue { bias: Some(&self.bias), activation: Activation::Relu, base: None };
                let out = Outputs { h: &mut self.h, pre: None, squares: None };
                let weights = Weights::new(&self.weights, n_in, n_out);
                forward(Rows::new(&self.x, rows, n_in), weights, epilogue, precision, out);
            }
            1 => {
                let weights = Weights::new(&self.weights, n_in, n_out);
                input_gradient(da, weights, precision, &mut self.x);
            }
            _ => {
                let x = Rows::new(&self.x, rows, n_in);
                let (weights, first) = (&mut self.weights[..], &mut self.first[..]);
                // A rate of zero leaves the weights as they are, at the full price.
                let target = match product {
                    2 => Target::Store(first),
                    3 => {
                        let rule = Rule::EmaSgd { rate: 0.0, keep: 0.9, decay: 0.0 };
                        Target::Descend { rule, weights, first, second: &mut [] }
                    }
                    _ => {
                        let (rate, beta1, beta2, epsilon) = (0.0, 0.9, 0.999, 1e-8);
                        let rule = Rule::AdamW { rate, beta1, beta2, epsilon, decay: 0.0, c1: 0.5, c2: 0.5 };
                        Target::Descend { rule, weights, first, second: &mut self.second }
                    }
                };
                weight_gradient(x, da, Terms::default(), precision, target, None);
            }
        }
    }
}

/// Times every product at `rows` × 2000 → 2000, `turns` turns each; they are still to be judged.
pub(super) fn measure(
    rows: &[usize],
    width: usize,
    precisions: &[Precision],
    turns: usize,
    yardstick: &mut Yardstick,
    told: Told<'_>,
) -> Result<Vec<(ProductSpeed, Taken)>, Stopped> {
    let mut all = Vec::new();
    for &rows in rows {
        let size = [rows, width, width];
        let flops = 2.0 * size.iter().product::<usize>() as f64;
        let mut layer = Layer::new(size);
        for &precision in precisions {
            if told(&format!("products at {rows} rows, {}", precision.name())) == Flow::Stop {
                return Err(Stopped);
            }
            let mut taken = PRODUCTS.map(|_| Taken::new(precision, flops));
            for _ in 0..turns {
                for (product, taken) in taken.iter_mut().enumerate() {
                    taken.take(yardstick, || layer.run(product, precision));
                }
                layer.x.iter_mut().for_each(|x| *x = x.clamp(-1.0, 1.0)); // dx was written into it
            }
            for (product, taken) in PRODUCTS.into_iter().zip(taken) {
                let (precision, speed) = (precision.name(), Speed::default());
                all.push((ProductSpeed { size, precision, product, speed }, taken));
            }
        }
    }
    Ok(all)
}
