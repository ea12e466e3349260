//! Multi-head self-attention: each token asks all others (Vaswani et al. 2017, arXiv:1706.03762, section 3.2).
//!
//! ```text
//! [Q | K | V] = x W + b                      head by head, of e = d / heads features:
//! P = softmax(Q Kᵀ / √e)      C = P V        softmax over the keys
//! y = C W' + b'
//! ```
//!
//! Shapes: x, C and y `[B, t·d]`, W `[d, 3·d]`, W' `[d, d]`, P `[B, heads·t·t]`: head, then the token that asks, then
//! the token that is asked. Wᵢⱼ ~ N(0, 1/d), biases 0. Pullback: see `adieu_kernels::Attention`, which has the core
//! of it. No mask, no dropout.
//!
//! Kept beside x are `[Q | K | V]`, P and C. The core's pullback, without which W has no gradient, counts among the
//! multiply-adds of the weights, as errors inside a stack do.
//!
//! [`transformer`] is the pre-norm encoder block of Xiong et al. 2020 (arXiv:2002.04745, figure 1b):
//! `z = x + attention(norm(x))`, `y = z + W₂ φ(W₁ norm(z) + b₁) + b₂`.

use adieu_kernels::Attention as Core;

use super::activation::Activation;
use super::activity::Activity;
use super::block::{Attended, Block, Cost, Credit, Descend, Saved};
use super::chance::Rng;
use super::dense::Dense;
use super::host::{matrix, view};
use super::param::Param;
use super::residual::Residual;
use super::shape::{Shape, ShapeError};
use super::stack::Stack;
use super::token_norm::TokenNorm;
use super::tokens::{PerToken, apart, check_tokens, sides, together};
use crate::Tensor;

/// Rows whose P is worked out at once where it is not kept.
const PORTION: usize = 32;

/// See the module.
pub struct Attention {
    inward: Dense,
    outward: Dense,
    core: Core,
}

impl Attention {
    /// `heads` heads over tokens of shape `input`. `path` names it among its neighbours: `0`.
    ///
    /// # Errors
    /// If `input` is no tokens, or their features cannot be shared among `heads`.
    pub fn new(path: &str, input: Shape, heads: usize, chance: &mut Rng) -> Result<Attention, ShapeError> {
        let block = format!("attention of {heads} heads");
        let [tokens, features] = sides(input, &block)?;
        if heads == 0 || features % heads > 0 {
            let fitting: Vec<String> =
                (1..=features).filter(|heads| features % heads == 0).map(|heads| heads.to_string()).collect();
            let wants = format!("a multiple of {heads} ({features} go into {} heads)", fitting.join(", "));
            return Err(ShapeError { block, wants, offered: input });
        }
        let mut dense = |name: &str, n: usize| {
            Dense::new(&format!("{path}.{name}"), features, n, Activation::Identity, chance).without_squares()
        };
        let (inward, outward) = (dense("qkv", 3 * features), dense("out", features));
        Ok(Attention { inward, outward, core: Core { tokens, features, heads } })
    }

    /// Who looks at whom in rows `x [B, t·d]`: P `[B, heads·t·t]`, each head a row after the other, a row being the
    /// shares that one token gives to all.
    pub fn maps(&self, x: &Activity) -> Tensor {
        let qkv = self.inward.apply(&apart(x, self.sides())).into_tensor();
        self.attend(&qkv).0
    }

    fn sides(&self) -> [usize; 2] {
        [self.core.tokens, self.core.features]
    }

    /// C alone: rows in portions, for all their P at once may be more than the memory holds.
    fn context(&self, qkv: &Tensor) -> Tensor {
        let Core { tokens, features, .. } = self.core;
        let all = qkv.dims()[0];
        let mut context = vec![0.0; all * features];
        let mut probabilities = vec![0.0; PORTION.min(all / tokens) * self.core.len_probabilities()];
        let qkv = view(qkv);
        let portions = qkv.chunks(PORTION * tokens * 3 * features);
        for (qkv, context) in portions.zip(context.chunks_mut(PORTION * tokens * features)) {
            let len = context.len() / (tokens * features) * self.core.len_probabilities();
            self.core.forward(qkv, &mut probabilities[..len], context);
        }
        matrix(context, all, features)
    }

    /// P and C `[B·t, d]` of `qkv [B·t, 3·d]`.
    fn attend(&self, qkv: &Tensor) -> (Tensor, Tensor) {
        let (tokens, features) = (qkv.dims()[0], self.core.features);
        let (rows, squares) = (tokens / self.core.tokens, self.core.len_probabilities());
        let (mut probabilities, mut context) = (vec![0.0; rows * squares], vec![0.0; tokens * features]);
        self.core.forward(&view(qkv), &mut probabilities, &mut context);
        (matrix(probabilities, rows, squares), matrix(context, tokens, features))
    }
}

impl Block for Attention {
    fn apply(&self, x: &Activity) -> Activity {
        let qkv = self.inward.apply(&apart(x, self.sides())).into_tensor();
        let context = self.context(&qkv);
        together(self.outward.apply(&context.into()).into_tensor(), self.core.tokens).into()
    }

    fn watched(&self, x: &Activity, see: &mut dyn FnMut(Attended)) -> Activity {
        let qkv = self.inward.apply(&apart(x, self.sides())).into_tensor();
        let (shares, context) = self.attend(&qkv);
        see(Attended { heads: self.core.heads, tokens: self.core.tokens, shares });
        together(self.outward.apply(&context.into()).into_tensor(), self.core.tokens).into()
    }

    fn forward(&mut self, x: Activity, chance: &mut Rng) -> (Activity, Saved) {
        let x = apart(&x.without_squares(), self.sides());
        let (qkv, inward) = self.inward.forward(x, chance);
        let qkv = qkv.into_tensor();
        let (probabilities, context) = self.attend(&qkv);
        let (y, outward) = self.outward.forward(context.into(), chance);
        let matrices = vec![qkv.into(), probabilities.into()];
        let saved = Saved { matrices, inner: vec![inward, outward], other: None };
        (together(y.into_tensor(), self.core.tokens).into(), saved)
    }

    fn pullback(
        &mut self,
        saved: Saved,
        credit: Credit,
        want_dx: bool,
        descend: &mut dyn Descend,
    ) -> Option<Tensor> {
        descend.credit_begins();
        let skip_idle_rows = credit.skip_idle_rows;
        let down = |dy: Activity| Credit { dy, ungated: None, skip_idle_rows };
        let dy = apart(&credit.without_gate(), self.sides());
        let mut inner = saved.inner.into_iter();
        let mut next = || inner.next().expect("both products saved something");
        let (inward, outward) = (next(), next());
        let dcontext = self.outward.pullback(outward, down(dy), true, descend)?;
        let [qkv, probabilities] = [0, 1].map(|i| view(saved.matrices[i].values()));
        let tokens = dcontext.dims()[0];
        descend.credit_begins();
        descend.work((tokens / self.core.tokens * 2 * self.core.multiply_adds()) as u64);
        let mut dqkv = vec![0.0; qkv.len()];
        self.core.pullback(&qkv, &probabilities, &view(&dcontext), &mut dqkv);
        drop((dcontext, qkv, probabilities, saved.matrices));
        let dqkv = matrix(dqkv, tokens, 3 * self.core.features).into();
        let dx = self.inward.pullback(inward, down(dqkv), want_dx, descend);
        dx.map(|dx| together(dx, self.core.tokens))
    }

    fn params(&mut self, visit: &mut dyn FnMut(&mut Param)) {
        self.inward.params(visit);
        self.outward.params(visit);
    }

    fn shape_out(&self, input: Shape) -> Result<Shape, ShapeError> {
        check_tokens(input, self.sides(), self).map(|()| input)
    }

    fn cost(&self, rows: usize) -> Cost {
        let [tokens, features] = self.sides();
        let (inward, outward) = (self.inward.cost(rows * tokens), self.outward.cost(rows * tokens));
        let core = (rows * self.core.multiply_adds()) as u64;
        let kept = rows * (tokens * 4 * features + self.core.len_probabilities());
        Cost {
            forward_macs: inward.forward_macs + core + outward.forward_macs,
            weight_macs: inward.weight_macs + 2 * core + outward.weight_macs + outward.input_macs,
            input_macs: inward.input_macs,
            parameters: inward.parameters + outward.parameters,
            output_bytes: outward.output_bytes,
            saved_bytes: Some(kept as u64 * 4),
            keeps_input: true,
            keeps_output: false,
        }
    }

    fn describe(&self) -> String {
        let Core { tokens, features, heads } = self.core;
        format!("attention of {heads} heads, {tokens} tokens of {features}")
    }
}

/// A pre-norm transformer block over tokens of shape `input`: attention of `heads` heads, then two layers for each
/// token, the first with `hidden` units and `activation`, each of both halves behind a norm and with a way around it.
///
/// # Errors
/// If `input` is no tokens, or their features cannot be shared among `heads`.
///
/// # Panics
/// If `hidden` is zero.
pub fn transformer(
    path: &str,
    input: Shape,
    heads: usize,
    hidden: usize,
    activation: Activation,
    chance: &mut Rng,
) -> Result<Box<dyn Block>, ShapeError> {
    assert!(hidden > 0, "{path}: a hidden layer of no units");
    let [t, d] = sides(input, "transformer")?;
    let around = |blocks: Vec<Box<dyn Block>>| Box::new(Residual::new(Box::new(Stack::new(blocks))));
    let attention = Attention::new(&format!("{path}.attention"), input, heads, chance)?;
    let mut dense = |name: &str, n_in: usize, n_out: usize, activation: Activation| {
        let dense = Dense::new(&format!("{path}.{name}"), n_in, n_out, activation, chance).without_squares();
        PerToken::new(Box::new(dense), Shape::Tokens { t, d: n_in }).map(Box::new)
    };
    let (up, down) = (dense("up", d, hidden, activation)?, dense("down", hidden, d, Activation::Identity)?);
    let [first, second] = ["norm_1", "norm_2"].map(|name| TokenNorm::new(&format!("{path}.{name}"), input));
    let asking = around(vec![Box::new(first?), Box::new(attention)]);
    let thinking = around(vec![Box::new(second?), up, down]);
    Ok(Box::new(Stack::new(vec![asking, thinking])))
}
