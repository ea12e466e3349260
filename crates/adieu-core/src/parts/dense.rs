//! Dense: `h = φ(x W + b)`.
//!
//! Shapes: x `[B, n_in]`, W `[n_in, n_out]`, b `[n_out]`, h `[B, n_out]`. With `da = dh ⊙ φ'(a)`:
//! `dW = xᵀ da`, `db = Σ_rows da`, `dx = da Wᵀ`. Stands on `adieu-kernels`, for every learner alike.

use adieu_kernels as kernels;

use super::activation::Activation;
use super::block::{Block, Cost, Credit, Descend, Saved, Ungated};
use super::chance::Rng;
use super::host::{matrix, view};
use super::param::Param;
use super::shape::{Shape, ShapeError};
use crate::Tensor;

/// See the module.
pub struct Dense {
    weight: Param,
    bias: Option<Param>,
    activation: Activation,
    n_in: usize,
    n_out: usize,
}

impl Dense {
    /// Wᵢⱼ ~ N(0, 1/n_in), b = 0. `path` names it among its neighbours: `0`.
    pub fn new(path: &str, n_in: usize, n_out: usize, activation: Activation, chance: &mut Rng) -> Dense {
        let scale = (1.0 / n_in as f64).sqrt() as f32;
        let rows: Vec<f32> = (0..n_in * n_out).map(|_| scale * chance.normal()).collect();
        Dense::from_rows(path, n_in, n_out, &rows, true, activation)
    }

    /// W = 0, no activation: a linear read-out.
    pub fn linear_zero(path: &str, n_in: usize, n_out: usize, bias: bool) -> Dense {
        Dense::from_rows(path, n_in, n_out, &vec![0.0; n_in * n_out], bias, Activation::Identity)
    }

    fn from_rows(
        path: &str,
        n_in: usize,
        n_out: usize,
        rows: &[f32],
        bias: bool,
        activation: Activation,
    ) -> Dense {
        let weight = Param::weights(format!("{path}.weight"), n_in, n_out, rows);
        let bias = bias.then(|| Param::new(format!("{path}.bias"), &[n_out], vec![0.0; n_out], false));
        Dense { weight, bias, activation, n_in, n_out }
    }

    fn product(&self, x: &Tensor, mut pre: Option<&mut Vec<f32>>) -> Tensor {
        let [rows, n_in] = x.dims();
        assert_eq!(n_in, self.n_in, "{}: input columns", self.describe());
        let mut h = vec![0.0; rows * self.n_out];
        if let Some(pre) = pre.as_deref_mut() {
            pre.resize(h.len(), 0.0);
        }
        kernels::forward(
            &view(x),
            rows,
            n_in,
            self.weight.values(),
            self.n_out,
            self.bias.as_ref().map(Param::values),
            self.activation.kernel(),
            pre.map(Vec::as_mut_slice),
            &mut h,
        );
        matrix(h, rows, self.n_out)
    }

    /// The rows that carry errors, as (x, ∂L/∂a, how many), if leaving the others out pays. What an ungated push adds
    /// to each of its rows is one more row: `Σ_b x_b ⊗ push = (Σ_b x_b) ⊗ push`.
    fn busy_rows(
        &self,
        x: &[f32],
        da: &[f32],
        ungated: Option<&Ungated>,
    ) -> Option<(Vec<f32>, Vec<f32>, usize)> {
        let (n_in, n_out) = (self.n_in, self.n_out);
        let rows = da.len() / n_out;
        let busy = |row: &usize| da[row * n_out..][..n_out].iter().any(|d| *d != 0.0);
        let busy: Vec<usize> = (0..rows).filter(busy).collect();
        let count = busy.len() + usize::from(ungated.is_some());
        // Gathering costs a copy: with most rows busy it is not worth it.
        if 4 * count > 3 * rows {
            return None;
        }
        let (mut some_x, mut some_da) = (Vec::with_capacity(count * n_in), Vec::with_capacity(count * n_out));
        for row in busy {
            some_x.extend_from_slice(&x[row * n_in..][..n_in]);
            some_da.extend_from_slice(&da[row * n_out..][..n_out]);
        }
        if let Some(ungated) = ungated {
            let mut sum = vec![0.0; n_in];
            kernels::column_sums(&x[..ungated.rows * n_in], n_in, None, &mut sum);
            some_x.extend_from_slice(&sum);
            some_da.extend_from_slice(&ungated.da);
        }
        Some((some_x, some_da, count))
    }

    /// Adds the push to each of its rows.
    fn push(&self, da: &mut [f32], ungated: &Ungated) {
        for row in da.chunks_exact_mut(self.n_out).take(ungated.rows) {
            row.iter_mut().zip(&ungated.da).for_each(|(d, push)| *d += push);
        }
    }

    /// ∂L/∂W, handed over.
    fn hand_over(&mut self, x: &[f32], da: &[f32], rows: usize, descend: &mut dyn Descend) {
        let (n_in, n_out) = (self.n_in, self.n_out);
        descend.work((rows * n_in * n_out) as u64);
        kernels::weight_gradient(x, n_in, da, n_out, rows, None, descend.target(&mut self.weight));
    }
}

impl Block for Dense {
    fn apply(&self, x: &Tensor) -> Tensor {
        self.product(x, None)
    }

    fn forward(&mut self, x: Tensor, _: &mut Rng) -> (Tensor, Saved) {
        if self.activation.kernel().needs_input() {
            let mut pre = Vec::new();
            let h = self.product(&x, Some(&mut pre));
            let pre = matrix(pre, x.dims()[0], self.n_out);
            (h, Saved::of(vec![x, pre]))
        } else {
            let h = self.product(&x, None);
            (h.clone(), Saved::of(vec![x, h]))
        }
    }

    fn pullback(
        &mut self,
        saved: Saved,
        credit: Credit,
        want_dx: bool,
        descend: &mut dyn Descend,
    ) -> Option<Tensor> {
        descend.credit_begins();
        let [x, kept] = &saved.tensors[..] else { unreachable!("forward saved two matrices") };
        let (rows, n_in, n_out) = (x.dims()[0], self.n_in, self.n_out);
        let Credit { dy, ungated, skip_idle_rows } = credit;
        assert!(
            ungated.as_ref().is_none_or(|u| u.da.len() == n_out && u.rows <= rows),
            "{}: push",
            self.describe()
        );
        let x = view(x);
        let mut da = view(&dy).to_vec();
        self.activation.kernel().pull_back(&view(kept), &mut da); // da = dh ⊙ φ'(a)
        let busy = if skip_idle_rows && !want_dx { self.busy_rows(&x, &da, ungated.as_ref()) } else { None };
        if let (None, Some(ungated)) = (&busy, &ungated) {
            self.push(&mut da, ungated);
        }
        let dx = want_dx.then(|| {
            descend.work((rows * n_in * n_out) as u64);
            let mut dx = vec![0.0; rows * n_in];
            kernels::input_gradient(&da, rows, n_out, self.weight.values(), n_in, &mut dx);
            matrix(dx, rows, n_in)
        });
        match &busy {
            Some((x, da, count)) => self.hand_over(x, da, *count, descend),
            None => self.hand_over(&x, &da, rows, descend),
        }
        if let Some(bias) = &mut self.bias {
            let mut db = vec![0.0; n_out];
            kernels::column_sums(&da, n_out, None, &mut db);
            if let (Some(_), Some(ungated)) = (&busy, &ungated) {
                db.iter_mut().zip(&ungated.da).for_each(|(db, push)| *db += ungated.rows as f32 * push);
            }
            descend.take(bias, &db);
        }
        dx
    }

    fn params(&mut self, visit: &mut dyn FnMut(&mut Param)) {
        visit(&mut self.weight);
        self.bias.iter_mut().for_each(visit);
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
        let biases = self.bias.as_ref().map_or(0, Param::count);
        Cost {
            forward_macs: product,
            weight_macs: product,
            input_macs: product,
            parameters: (self.n_in * self.n_out + biases) as u64,
            output_bytes: (rows * self.n_out * 4) as u64,
            saved_bytes: Some((rows * self.n_out * 4) as u64),
            keeps_input: true,
            keeps_output: !self.activation.kernel().needs_input(),
        }
    }

    fn describe(&self) -> String {
        format!("dense {} → {}, {}", self.n_in, self.n_out, self.activation.name())
    }
}
