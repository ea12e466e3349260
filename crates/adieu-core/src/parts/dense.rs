//! Dense: `h = φ(x W + b)`.
//!
//! Shapes: x `[B, n_in]`, W `[n_in, n_out]`, b `[n_out]`, h `[B, n_out]`. With `da = dh ⊙ φ'(a)`:
//! `dW = xᵀ da`, `db = Σ_rows da`, `dx = da Wᵀ`. Stands on `adieu-kernels`, for every learner alike.

use adieu_kernels::{self as kernels, Epilogue, Errors, Outputs, Rows, Terms, Weights, Zeros};

use super::activation::Activation;
use super::activity::Activity;
use super::block::{Arrays, Block, Cost, Credit, Descend, Pull, Saved, Ungated};
use super::chance::Rng;
use super::host::{matrix, view};
use super::layer::{Layer, Linear};
use super::param::Param;
use super::precision::Precision;
use super::shape::{Shape, ShapeError};
use crate::Tensor;

/// See the module.
pub struct Dense {
    weight: Param,
    bias: Option<Param>,
    activation: Activation,
    precision: Precision,
    zeros: Zeros,
    /// Whether rows come with their sums of squares.
    squares: bool,
    n_in: usize,
    n_out: usize,
}

/// Wᵢⱼ ~ N(0, 1/n_in), row by row.
pub(crate) fn initial_weights(n_in: usize, n_out: usize, chance: &mut Rng) -> Vec<f32> {
    let scale = (1.0 / n_in as f64).sqrt() as f32;
    (0..n_in * n_out).map(|_| scale * chance.normal()).collect()
}

impl Dense {
    /// Wᵢⱼ ~ N(0, 1/n_in), b = 0. `path` names it among its neighbours: `0`.
    pub fn new(path: &str, n_in: usize, n_out: usize, activation: Activation, chance: &mut Rng) -> Dense {
        Dense::from_rows(path, n_in, n_out, &initial_weights(n_in, n_out, chance), true, activation)
    }

    /// W = 0, no activation: a linear read-out.
    pub fn linear_zero(path: &str, n_in: usize, n_out: usize, bias: bool) -> Dense {
        Dense::from_rows(path, n_in, n_out, &vec![0.0; n_in * n_out], bias, Activation::Identity)
            .without_squares()
    }

    /// Wᵢⱼ ~ N(0, 1/n_in), no bias and no activation: one of several ways to a layer.
    pub(crate) fn linear(path: &str, n_in: usize, n_out: usize, chance: &mut Rng) -> Dense {
        let rows = initial_weights(n_in, n_out, chance);
        Dense::from_rows(path, n_in, n_out, &rows, false, Activation::Identity).without_squares()
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
        let (precision, zeros) = (Precision::F32, Zeros::Multiply);
        Dense { weight, bias, activation, precision, zeros, squares: true, n_in, n_out }
    }

    /// The same layer, with products in `precision`.
    ///
    /// # Panics
    /// If this processor does not have it.
    pub fn in_precision(self, precision: Precision) -> Dense {
        assert!(precision.is_available(), "this processor has no {}", precision.name());
        Dense { precision, ..self }
    }

    /// The same layer, leaving inputs that are zero out of its products where enough of them are. The bits are the
    /// same as long as weights and errors are finite.
    pub fn skipping_zeros(self, skip: bool) -> Dense {
        Dense { zeros: if skip { Zeros::Choose } else { Zeros::Multiply }, ..self }
    }

    /// The same layer for where nobody asks for its rows' sums of squares: at the end of a network.
    pub fn without_squares(self) -> Dense {
        Dense { squares: false, ..self }
    }

    fn weights(&self) -> Weights<'_> {
        Weights::new(self.weight.values(), self.n_in, self.n_out)
    }

    /// What inputs `x [B, n_in]` contribute to the total input, to be shared by passes that differ from it in their
    /// first columns only: `x W`, `[B, n_out]`. See [`Shared`].
    pub fn base(&self, x: &Tensor) -> Tensor {
        let [rows, n_in] = x.dims();
        assert_eq!(n_in, self.n_in, "{}: input columns", self.describe());
        let mut base = vec![0.0; rows * self.n_out];
        let out = Outputs { h: &mut base, pre: None, squares: None };
        let x = view(x);
        let x = Rows::new(&x, rows, n_in).with_zeros(self.zeros);
        kernels::forward(x, self.weights(), Epilogue::default(), self.precision.kernel(), out);
        matrix(base, rows, self.n_out)
    }

    /// Working memory of [`Dense::base`] for x of `base_rows`, and of [`Dense::forward_shared`] for a code `[rows,
    /// columns]`.
    pub fn shared_scratch(&self, base_rows: usize, [rows, columns]: [usize; 2]) -> u64 {
        let base = self.forward_scratch(base_rows, self.n_in, false);
        base.max(self.forward_scratch(rows, columns, self.squares))
    }

    fn forward_scratch(&self, rows: usize, cols: usize, squares: bool) -> u64 {
        let (n_out, precision) = (self.n_out, self.precision.kernel());
        kernels::forward_scratch(rows, cols, n_out, precision, self.zeros, squares) as u64
    }

    /// [`Block::apply`] for the inputs that `shared` describes.
    pub fn apply_shared(&self, shared: &Shared<'_>) -> Activity {
        self.product(shared.code, Some(shared.base), None)
    }

    /// [`Block::forward`] of `x`, which is what `shared` describes.
    pub fn forward_shared(&self, x: Activity, shared: &Shared<'_>) -> (Activity, Saved) {
        self.keeping(x, |dense, _, pre| dense.product(shared.code, Some(shared.base), pre))
    }

    /// φ(x W + b), or φ(s ⊙ (x W + base) + b) with x having fewer columns and s its scales.
    fn product(&self, x: &Activity, base: Option<&Tensor>, mut pre: Option<&mut Vec<f32>>) -> Activity {
        let [rows, _] = x.dims();
        let mut h = vec![0.0; rows * self.n_out];
        let mut squares = self.squares.then(|| vec![0.0; rows]);
        if let Some(pre) = pre.as_deref_mut() {
            *pre = vec![0.0; h.len()];
        }
        let (bias, activation) = (self.bias.as_ref().map(Param::values), self.activation.kernel());
        let base = base.map(view);
        let epilogue = Epilogue { bias, activation, base: base.as_deref() };
        let out = Outputs { h: &mut h, pre: pre.map(Vec::as_mut_slice), squares: squares.as_deref_mut() };
        kernels::forward(
            x.lend().rows().with_zeros(self.zeros),
            self.weights(),
            epilogue,
            self.precision.kernel(),
            out,
        );
        let h = matrix(h, rows, self.n_out);
        match squares {
            Some(squares) => Activity::with_squares(h, squares),
            None => h.into(),
        }
    }

    /// Runs `product` on `x` and keeps what the pullback needs.
    fn keeping(
        &self,
        x: Activity,
        product: impl FnOnce(&Dense, &Activity, Option<&mut Vec<f32>>) -> Activity,
    ) -> (Activity, Saved) {
        let x = x.without_squares();
        if self.activation.kernel().needs_input() {
            let mut pre = Vec::new();
            let h = product(self, &x, Some(&mut pre));
            let pre = matrix(pre, x.dims()[0], self.n_out);
            (h, Saved::of(vec![x, pre.into()]))
        } else {
            let h = product(self, &x, None);
            let kept = self.keeps_output().then(|| h.clone().without_squares());
            (h, Saved::of([x].into_iter().chain(kept).collect()))
        }
    }

    /// The identity has a slope that need not be kept.
    fn keeps_output(&self) -> bool {
        !self.activation.kernel().needs_input() && self.activation != Activation::Identity
    }

    /// Adds what a push on the total input does to the inputs: the same to each of its rows.
    fn push_on(&self, ungated: &Ungated, dx: &mut [f32]) {
        let mut push = vec![0.0; self.n_in];
        let da = Errors::new(Rows::new(&ungated.da, 1, self.n_out));
        kernels::input_gradient(da, self.weights(), self.precision.kernel(), &mut push);
        for row in dx.chunks_exact_mut(self.n_in).take(ungated.rows) {
            row.iter_mut().zip(&push).for_each(|(dx, push)| *dx += push);
        }
    }

    /// ∂L/∂W and ∂L/∂b, handed over.
    fn hand_over(
        &mut self,
        x: &Activity,
        da: Errors<'_>,
        busy: Option<&[u32]>,
        ungated: Option<&Ungated>,
        descend: &mut dyn Descend,
    ) {
        let (n_in, n_out) = (self.n_in, self.n_out);
        let x = x.lend();
        // What is added to each row's total input is one more term: `Σ_b x_b ⊗ push = (Σ_b x_b) ⊗ push`.
        let pushed = ungated.map(|ungated| {
            let mut sum = vec![0.0; n_in];
            kernels::column_sums(x.rows().first(ungated.rows), &mut sum);
            (sum, ungated)
        });
        let outer = pushed.as_ref().map(|(sum, ungated)| (&sum[..], &ungated.da[..]));
        let count = busy.map_or(x.rows().rows(), <[u32]>::len) + usize::from(outer.is_some());
        descend.work((count * n_in * n_out) as u64);
        let mut db = self.bias.as_ref().map(|_| vec![0.0; n_out]);
        let (terms, precision) = (Terms { rows: busy, outer }, self.precision.kernel());
        let target = descend.target(&mut self.weight);
        kernels::weight_gradient(
            x.rows().with_zeros(self.zeros),
            da,
            terms,
            precision,
            target,
            db.as_deref_mut(),
        );
        if let (Some(bias), Some(db)) = (&mut self.bias, &mut db) {
            if let Some(ungated) = ungated {
                db.iter_mut().zip(&ungated.da).for_each(|(db, push)| *db += ungated.rows as f32 * push);
            }
            descend.take(bias, db);
        }
    }
}

/// Inputs that differ in their first columns only: row r is `s[r] · ([code[r] | 0] + x[r mod B])`, where `x [B, n_in]`,
/// whose first columns are zero, is known by [`Dense::base`].
pub struct Shared<'a> {
    /// x W: `[B, n_out]`.
    pub base: &'a Tensor,
    /// The first columns, and the scales s of whole rows: `[rows, columns]`, rows a multiple of B.
    pub code: &'a Activity,
}

/// The rows in which `dy` is not zero. There is room for all.
pub(crate) fn busy_rows(dy: &Activity) -> Vec<u32> {
    let ([rows, n], dy) = (dy.dims(), dy.lend());
    let busy = |row: &u32| {
        let row = *row as usize;
        match dy.scales() {
            Some(scales) => scales[row] != 0.0,
            None => dy.values()[row * n..][..n].iter().any(|d| *d != 0.0),
        }
    };
    let mut all = Vec::with_capacity(rows);
    all.extend((0..rows as u32).filter(busy));
    all
}

impl Block for Dense {
    fn apply(&self, x: &Activity) -> Activity {
        assert_eq!(x.dims()[1], self.n_in, "{}: input columns", self.describe());
        self.product(x, None, None)
    }

    fn forward(&mut self, x: Activity, _: &mut Rng) -> (Activity, Saved) {
        assert_eq!(x.dims()[1], self.n_in, "{}: input columns", self.describe());
        self.keeping(x, |dense, x, pre| dense.product(x, None, pre))
    }

    fn pullback(
        &mut self,
        saved: Saved,
        credit: Credit,
        want_dx: bool,
        descend: &mut dyn Descend,
    ) -> Option<Tensor> {
        descend.credit_begins();
        let (x, kept) = (&saved.matrices[0], saved.matrices.get(1));
        let (rows, n_in, n_out) = (x.dims()[0], self.n_in, self.n_out);
        let Credit { dy, ungated, skip_idle_rows } = credit;
        assert!(
            ungated.as_ref().is_none_or(|u| u.da.len() == n_out && u.rows <= rows),
            "{}: push",
            self.describe()
        );
        let (activation, kept) = (self.activation.kernel(), kept.map(|kept| view(kept.values())));
        let busy = skip_idle_rows.then(|| busy_rows(&dy));
        let dy = dy.lend();
        let da = match &kept {
            Some(kept) => Errors::gated(dy.rows(), activation, kept), // da = dh ⊙ φ'(a)
            None => Errors::new(dy.rows()),
        };
        let dx = want_dx.then(|| {
            descend.work((rows * n_in * n_out) as u64);
            let mut dx = vec![0.0; rows * n_in];
            kernels::input_gradient(da, self.weights(), self.precision.kernel(), &mut dx);
            if let Some(ungated) = &ungated {
                self.push_on(ungated, &mut dx);
            }
            matrix(dx, rows, n_in)
        });
        let some = busy.as_deref().filter(|busy| busy.len() < rows);
        self.hand_over(x, da, some, ungated.as_ref(), descend);
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
        let linear = self.activation == Activation::Identity;
        Cost {
            forward_macs: product,
            weight_macs: product,
            input_macs: product,
            parameters: (self.n_in * self.n_out + biases) as u64,
            output_bytes: (rows * self.n_out * 4) as u64,
            saved_bytes: Some(if linear { 0 } else { (rows * self.n_out * 4) as u64 }),
            keeps_input: true,
            keeps_output: self.keeps_output(),
        }
    }

    fn arrays(&self, rows: usize, pull: Pull) -> Option<Vec<Arrays>> {
        let (cost, n_in, n_out) = (self.cost(rows), self.n_in, self.n_out);
        let (precision, zeros) = (self.precision.kernel(), self.zeros);
        let dx = if pull.dx { rows * n_in } else { 0 };
        let sum = if pull.push { n_in } else { 0 };
        let db = self.bias.as_ref().map_or(0, Param::count);
        let terms = rows + usize::from(pull.push);
        let mut pullback_scratch = kernels::weight_gradient_scratch(terms, n_in, n_out, precision, zeros);
        if pull.dx {
            let scratch = kernels::input_gradient_scratch(rows, n_in, n_out, precision);
            pullback_scratch = pullback_scratch.max(scratch);
        }
        let keeps_output = self.keeps_output();
        Some(vec![Arrays {
            output: cost.output_bytes,
            kept: cost.saved_bytes.filter(|_| !keeps_output).unwrap_or(0),
            keeps_output,
            pullback: (dx + sum + db) as u64 * 4,
            forward_scratch: self.forward_scratch(rows, n_in, self.squares),
            pullback_scratch: pullback_scratch as u64,
        }])
    }

    fn describe(&self) -> String {
        let precision = if self.precision == Precision::F32 { "" } else { ", bf16" };
        format!("dense {} → {}, {}{precision}", self.n_in, self.n_out, self.activation.name())
    }

    fn as_dense(&self) -> Option<&Dense> {
        Some(self)
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

impl Linear for Dense {
    fn activation(&self) -> Activation {
        self.activation
    }

    fn units(&self) -> usize {
        self.n_out
    }

    fn total_input(&self, x: &Activity) -> Tensor {
        let [rows, n_in] = x.dims();
        assert_eq!(n_in, self.n_in, "{}: input columns", self.describe());
        let mut a = vec![0.0; rows * self.n_out];
        let out = Outputs { h: &mut a, pre: None, squares: None };
        let bias = self.bias.as_ref().map(Param::values);
        let epilogue = Epilogue { bias, ..Epilogue::default() };
        let x = x.lend();
        let x = x.rows().with_zeros(self.zeros);
        kernels::forward(x, self.weights(), epilogue, self.precision.kernel(), out);
        matrix(a, rows, self.n_out)
    }

    fn descend(&mut self, x: &Activity, da: Credit, descend: &mut dyn Descend) {
        descend.credit_begins();
        let Credit { dy: da, ungated, skip_idle_rows } = da;
        let rows = x.dims()[0];
        let busy = skip_idle_rows.then(|| busy_rows(&da)).filter(|busy| busy.len() < rows);
        let da = da.lend();
        self.hand_over(x, Errors::new(da.rows()), busy.as_deref(), ungated.as_ref(), descend);
    }
}

impl Layer for Dense {
    fn below(&self, h: &Activity) -> Tensor {
        let [rows, n_out] = h.dims();
        assert_eq!(n_out, self.n_out, "{}: output columns", self.describe());
        let mut x = vec![0.0; rows * self.n_in];
        let h = h.lend();
        kernels::input_gradient(Errors::new(h.rows()), self.weights(), self.precision.kernel(), &mut x);
        matrix(x, rows, self.n_in)
    }

    fn beside(&self, path: &str, n: usize, chance: &mut Rng) -> Box<dyn Layer> {
        Box::new(Dense::linear(path, n, self.n_out, chance).in_precision(self.precision))
    }

    fn back(&self, path: &str, chance: &mut Rng) -> Box<dyn Layer> {
        Box::new(Dense::linear(path, self.n_out, self.n_in, chance).in_precision(self.precision))
    }
}
