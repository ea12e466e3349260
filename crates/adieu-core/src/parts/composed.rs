//! Dense, composed of Burn's operations: the same layer as [`Dense`], for devices that have no
//! kernels of ours.
//!
//! The formulas are those of `dense.rs`. Products, activation and slopes run on a Burn device; activity, which norm,
//! goodness and objective read, and parameters, which the optimizer moves, live on the host, so a device pays for the
//! way there and back. Row scales are multiplied in beforehand, and every row takes part in the weight gradient.

use burn::tensor::activation::{gelu, relu, sigmoid, silu, softplus, tanh};
use burn::tensor::{Device, TensorData};

use super::activation::Activation;
use super::activity::Activity;
use super::block::{Block, Cost, Credit, Descend, Saved, Ungated};
use super::chance::Rng;
use super::dense::{Dense, initial_weights};
use super::layer::{Layer, Linear};
use super::param::Param;
use super::shape::{Shape, ShapeError};
use crate::Tensor;

/// See the module.
pub struct Composed {
    weight: Param,
    bias: Param,
    activation: Activation,
    n_in: usize,
    n_out: usize,
    device: Device,
}

impl Composed {
    /// Wᵢⱼ ~ N(0, 1/n_in), b = 0: the very numbers of a [`Dense`] from the same `chance`.
    pub fn new(
        path: &str,
        n_in: usize,
        n_out: usize,
        activation: Activation,
        device: Device,
        chance: &mut Rng,
    ) -> Composed {
        let values = initial_weights(n_in, n_out, chance);
        let weight = Param::new(format!("{path}.weight"), &[n_in, n_out], values, true);
        let bias = Param::new(format!("{path}.bias"), &[n_out], vec![0.0; n_out], false);
        Composed { weight, bias, activation, n_in, n_out, device }
    }

    /// Host values as `[rows, cols]` on the device.
    fn there(&self, values: &[f32], rows: usize, cols: usize) -> Tensor {
        Tensor::from_data(TensorData::new(values.to_vec(), [rows, cols]), &self.device)
    }

    fn weights(&self) -> Tensor {
        self.there(self.weight.values(), self.n_in, self.n_out)
    }

    /// a = x W + b on the device.
    fn total_input(&self, x: &Activity) -> Tensor {
        let bias = self.there(self.bias.values(), 1, self.n_out);
        x.tensor().to_device(&self.device).matmul(self.weights()) + bias
    }

    /// ∂L/∂W and ∂L/∂b, handed over.
    fn hand_over_all(&mut self, x: &Activity, da: Tensor, descend: &mut dyn Descend) {
        descend.work((x.dims()[0] * self.n_in * self.n_out) as u64);
        let dw = x.tensor().to_device(&self.device).transpose().matmul(da.clone());
        Composed::hand_over(descend, &mut self.weight, dw);
        Composed::hand_over(descend, &mut self.bias, da.sum_dim(0));
    }

    /// `da` with the push on its first rows.
    fn pushed(&self, da: Tensor, ungated: Option<&Ungated>) -> Tensor {
        let Some(push) = ungated else { return da };
        let rows = [0..push.rows, 0..self.n_out];
        let pushed = da.clone().slice(rows.clone()) + self.there(&push.da, 1, self.n_out);
        da.slice_assign(rows, pushed)
    }

    fn hand_over(descend: &mut dyn Descend, param: &mut Param, gradient: Tensor) {
        let gradient = gradient.into_data().try_into_vec::<f32>().expect("gradients are f32");
        descend.take(param, &gradient);
    }
}

/// What the CPU calls home.
fn home(t: Tensor) -> Tensor {
    t.to_device(&Device::flex())
}

/// φ(a)
fn value(activation: Activation, a: Tensor) -> Tensor {
    match activation {
        Activation::Identity => a,
        Activation::Relu => relu(a),
        Activation::LeakyRelu => a.clone().mask_where(a.clone().lower_elem(0.0), a * 0.01),
        Activation::Tanh => tanh(a),
        Activation::Sigmoid => sigmoid(a),
        Activation::Gelu => gelu(a),
        Activation::Silu => silu(a),
        Activation::Softplus => softplus(a, 1.0),
        Activation::Elu => a.clone().mask_where(a.clone().lower_elem(0.0), a.exp() - 1.0),
        Activation::StudentT => (a.powi_scalar(2) * 0.2).log1p() * 3.0,
    }
}

/// φ′(a)
fn slope(activation: Activation, a: Tensor) -> Tensor {
    let one = a.ones_like();
    let off = || a.clone().lower_equal_elem(0.0);
    match activation {
        Activation::Identity => one,
        Activation::Relu => one.mask_fill(off(), 0.0),
        Activation::LeakyRelu => one.mask_fill(off(), 0.01),
        Activation::Tanh => one - tanh(a).powi_scalar(2),
        Activation::Sigmoid => {
            let h = sigmoid(a);
            h.clone() * (one - h)
        }
        Activation::Gelu => {
            let distribution = ((a.clone() * std::f32::consts::FRAC_1_SQRT_2).erf() + 1.0) * 0.5;
            let density = (a.clone().powi_scalar(2) * -0.5).exp()
                * (0.5 * std::f32::consts::FRAC_2_SQRT_PI)
                * std::f32::consts::FRAC_1_SQRT_2;
            distribution + a * density
        }
        Activation::Silu => {
            let s = sigmoid(a.clone());
            s.clone() * ((one - s) * a + 1.0)
        }
        Activation::Softplus => sigmoid(a),
        Activation::Elu => {
            let below = a.clone().exp();
            one.mask_where(off(), below)
        }
        Activation::StudentT => a.clone() * 6.0 / (a.powi_scalar(2) + 5.0),
    }
}

impl Block for Composed {
    fn apply(&self, x: &Activity) -> Activity {
        home(value(self.activation, self.total_input(x))).into()
    }

    fn forward(&mut self, x: Activity, _: &mut Rng) -> (Activity, Saved) {
        let a = self.total_input(&x);
        let h = Activity::from(home(value(self.activation, a.clone())));
        (h, Saved::of(vec![x, home(a).into()]))
    }

    fn pullback(
        &mut self,
        saved: Saved,
        credit: Credit,
        want_dx: bool,
        descend: &mut dyn Descend,
    ) -> Option<Tensor> {
        descend.credit_begins();
        let [x, a] = &saved.matrices[..] else { unreachable!("forward saved two matrices") };
        let rows = x.dims()[0];
        let product = (rows * self.n_in * self.n_out) as u64;
        let dh = credit.dy.tensor().to_device(&self.device);
        let da = dh * slope(self.activation, a.tensor().to_device(&self.device)); // da = dh ⊙ φ'(a)
        let da = self.pushed(da, credit.ungated.as_ref());
        let dx = want_dx.then(|| {
            descend.work(product);
            home(da.clone().matmul(self.weights().transpose()))
        });
        self.hand_over_all(x, da, descend);
        dx
    }

    fn params(&mut self, visit: &mut dyn FnMut(&mut Param)) {
        visit(&mut self.weight);
        visit(&mut self.bias);
    }

    fn shape_out(&self, input: Shape) -> Result<Shape, ShapeError> {
        if input.features() == self.n_in {
            Ok(Shape::Flat(self.n_out))
        } else {
            Err(ShapeError { block: self.describe(), wants: self.n_in.to_string(), offered: input })
        }
    }

    fn cost(&self, rows: usize) -> Cost {
        let product = (rows * self.n_in * self.n_out) as u64;
        Cost {
            forward_macs: product,
            weight_macs: product,
            input_macs: product,
            parameters: ((self.n_in + 1) * self.n_out) as u64,
            output_bytes: (rows * self.n_out * 4) as u64,
            saved_bytes: Some((rows * self.n_out * 4) as u64),
            keeps_input: true,
            keeps_output: false,
        }
    }

    fn describe(&self) -> String {
        format!("dense {} → {}, {}, by Burn", self.n_in, self.n_out, self.activation.name())
    }

    fn as_linear(&self) -> Option<&dyn Linear> {
        Some(self)
    }

    fn as_linear_mut(&mut self) -> Option<&mut dyn Linear> {
        Some(self)
    }

    fn as_layer(&self) -> Option<&dyn Layer> {
        Some(self)
    }

    fn as_layer_mut(&mut self) -> Option<&mut dyn Layer> {
        Some(self)
    }
}

impl Linear for Composed {
    fn activation(&self) -> Activation {
        self.activation
    }

    fn units(&self) -> usize {
        self.n_out
    }

    fn total_input(&self, x: &Activity) -> Tensor {
        home(Composed::total_input(self, x))
    }

    fn descend(&mut self, x: &Activity, da: Credit, descend: &mut dyn Descend) {
        descend.credit_begins();
        let there = da.dy.tensor().to_device(&self.device);
        let da = self.pushed(there, da.ungated.as_ref());
        self.hand_over_all(x, da, descend);
    }
}

impl Layer for Composed {
    fn below(&self, h: &Activity) -> Tensor {
        home(h.tensor().to_device(&self.device).matmul(self.weights().transpose()))
    }

    fn beside(&self, path: &str, n: usize, chance: &mut Rng) -> Box<dyn Layer> {
        Box::new(Dense::linear(path, n, self.n_out, chance))
    }

    fn back(&self, path: &str, chance: &mut Rng) -> Box<dyn Layer> {
        Box::new(Dense::linear(path, self.n_out, self.n_in, chance))
    }
}
