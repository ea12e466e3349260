//! Layer normalisation of each token: `y = γ ⊙ (x − μ)/√(σ² + ε) + β` (Ba et al. 2016, arXiv:1607.06450).
//!
//! μ and σ² are the mean and the variance of a token's d features, accumulated in f64; ε = 10⁻⁵. γ = 1 and β = 0 in
//! the beginning, learned, not decayed.
//!
//! Shapes: x and y `[B, t·d]`, γ and β `[d]`. Kept beside x are μ and 1/√(σ² + ε), `[B, 2·t]`. The pullback is in
//! `adieu_kernels::Standard`. None of it counts as multiply-adds: there is no product.

use adieu_kernels::Standard;

use super::activity::Activity;
use super::block::{Block, Cost, Credit, Descend, Saved};
use super::chance::Rng;
use super::host::{matrix, view};
use super::param::Param;
use super::shape::{Shape, ShapeError};
use super::tokens::{check_tokens, sides};
use crate::Tensor;

const EPSILON: f64 = 1e-5;

/// See the module.
pub struct TokenNorm {
    gain: Param,
    bias: Param,
    t: usize,
    d: usize,
}

impl TokenNorm {
    /// For tokens of shape `input`. `path` names it among its neighbours: `0`.
    ///
    /// # Errors
    /// If `input` is no tokens.
    pub fn new(path: &str, input: Shape) -> Result<TokenNorm, ShapeError> {
        let [t, d] = sides(input, "layer norm of each token")?;
        let param =
            |name: &str, value: f32| Param::new(format!("{path}.{name}"), &[d], vec![value; d], false);
        Ok(TokenNorm { gain: param("gain", 1.0), bias: param("bias", 0.0), t, d })
    }

    fn standard(&self) -> Standard<'_> {
        Standard { gain: self.gain.values(), bias: self.bias.values(), epsilon: EPSILON }
    }

    /// y, and the statistics `[B, 2·t]`.
    fn normalised(&self, x: &Tensor) -> (Activity, Tensor) {
        let [rows, row] = x.dims();
        assert_eq!(row, self.t * self.d, "{}: input columns", self.describe());
        let (mut statistics, mut y) = (vec![0.0; rows * self.t * 2], vec![0.0; rows * row]);
        self.standard().forward(&view(x), &mut statistics, &mut y);
        (matrix(y, rows, row).into(), matrix(statistics, rows, 2 * self.t))
    }
}

impl Block for TokenNorm {
    fn apply(&self, x: &Activity) -> Activity {
        self.normalised(&x.tensor()).0
    }

    fn forward(&mut self, x: Activity, _: &mut Rng) -> (Activity, Saved) {
        let x = x.into_tensor();
        let (y, statistics) = self.normalised(&x);
        (y, Saved::of(vec![x.into(), statistics.into()]))
    }

    fn pullback(
        &mut self,
        saved: Saved,
        credit: Credit,
        want_dx: bool,
        descend: &mut dyn Descend,
    ) -> Option<Tensor> {
        descend.credit_begins();
        let dy = credit.without_gate().into_tensor();
        let [rows, row] = dy.dims();
        let [x, statistics] = [0, 1].map(|i| view(saved.matrices[i].values()));
        let dx = want_dx.then(|| {
            let mut dx = vec![0.0; rows * row];
            self.standard().input_gradient(&x, &statistics, &view(&dy), &mut dx);
            matrix(dx, rows, row)
        });
        let (mut dgain, mut dbias) = (vec![0.0; self.d], vec![0.0; self.d]);
        Standard::weight_gradients(&x, &statistics, &view(&dy), &mut dgain, &mut dbias);
        descend.take(&mut self.gain, &dgain);
        descend.take(&mut self.bias, &dbias);
        dx
    }

    fn params(&mut self, visit: &mut dyn FnMut(&mut Param)) {
        visit(&mut self.gain);
        visit(&mut self.bias);
    }

    fn shape_out(&self, input: Shape) -> Result<Shape, ShapeError> {
        check_tokens(input, [self.t, self.d], self).map(|()| input)
    }

    fn cost(&self, rows: usize) -> Cost {
        Cost {
            parameters: (2 * self.d) as u64,
            output_bytes: (rows * self.t * self.d * 4) as u64,
            saved_bytes: Some((rows * self.t * 2 * 4) as u64),
            keeps_input: true,
            ..Cost::default()
        }
    }

    fn describe(&self) -> String {
        format!("layer norm of {} tokens of {}", self.t, self.d)
    }
}
