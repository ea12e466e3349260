//! Block: the only differentiable thing, `y = f(x; params)`.
//!
//! *Values, not graphs*: what `pullback` needs is a plain value, [`Saved`]; whoever holds it pays for it and
//! dropping it frees it. Forward-Forward drops each layer's before the next layer starts, back-propagation keeps
//! all of them: the difference this project exists to measure is visible as ownership, and countable to the byte.

use std::any::Any;
use std::collections::BTreeMap;

use adieu_kernels::Target;

use super::activity::Activity;
use super::chance::Rng;
use super::dense::Dense;
use super::host;
use super::layer::{Layer, Linear};
use super::param::Param;
use super::residual::Residual;
use super::shape::{Shape, ShapeError};
use crate::Tensor;

/// A network is a row of blocks; a learner is lent all of it or a slice.
pub type Net = [Box<dyn Block>];

/// A differentiable piece of a network. Shapes are fixed when it is built.
pub trait Block: Send + Sync {
    /// `x [B, n_in]` → `y [B, n_out]`. Inference: keeps nothing, draws nothing.
    fn apply(&self, x: &Activity) -> Activity;
    /// The same, showing on the way who attends to whom.
    fn watched(&self, x: &Activity, _see: &mut dyn FnMut(Attended)) -> Activity {
        self.apply(x)
    }
    /// Training: the same, and what `pullback` needs. Draws only from `chance`.
    fn forward(&mut self, x: Activity, chance: &mut Rng) -> (Activity, Saved);
    /// Turns ∂L/∂y into parameter gradients, handed to `descend` as they are born, and, if `want_dx`, into ∂L/∂x.
    /// Weights are read before they are moved.
    fn pullback(
        &mut self,
        saved: Saved,
        credit: Credit,
        want_dx: bool,
        descend: &mut dyn Descend,
    ) -> Option<Tensor>;
    /// Shows every parameter, always in the same order.
    fn params(&mut self, visit: &mut dyn FnMut(&mut Param));
    /// Shape of `y` for an input of shape `input`, or why it does not fit.
    fn shape_out(&self, input: Shape) -> Result<Shape, ShapeError>;
    /// What it costs for a batch of `rows`.
    fn cost(&self, rows: usize) -> Cost;
    /// The arrays of a training step, piece by piece from the input on (a row of blocks has several pieces), or
    /// `None` if a library will not tell. `pull` says what is asked of `pullback`.
    fn arrays(&self, _rows: usize, _pull: Pull) -> Option<Vec<Arrays>> {
        None
    }
    /// For people: `dense 784 → 1000, relu`.
    fn describe(&self) -> String;
    /// This block, if it is a dense layer: passes that differ in a few inputs only can share its product.
    fn as_dense(&self) -> Option<&Dense> {
        None
    }
    /// The blocks that it is a row of, if it is one.
    fn row(&self) -> Option<&Net> {
        None
    }
    /// The same, to be taught.
    fn row_mut(&mut self) -> Option<&mut Net> {
        None
    }
    /// This block, if it is one with a way around it.
    fn as_residual(&self) -> Option<&Residual> {
        None
    }
    /// The same, to be taught.
    fn as_residual_mut(&mut self) -> Option<&mut Residual> {
        None
    }
    /// This block, if it is one product with the same weights at every place.
    fn as_linear(&self) -> Option<&dyn Linear> {
        None
    }
    /// The same, to be taught.
    fn as_linear_mut(&mut self) -> Option<&mut dyn Linear> {
        None
    }
    /// This block, if it is one layer whose total input others may add to.
    fn as_layer(&self) -> Option<&dyn Layer> {
        None
    }
    /// The same, to be taught.
    fn as_layer_mut(&mut self) -> Option<&mut dyn Layer> {
        None
    }
}

/// Who attends to whom in some rows.
#[derive(Clone, Debug)]
pub struct Attended {
    /// Looks at a time.
    pub heads: usize,
    /// Tokens of a row.
    pub tokens: usize,
    /// The shares that each token gives to all: `[B, heads·tokens·tokens]`.
    pub shares: Tensor,
}

/// What a block costs. Multiply-adds and bytes are exact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Multiply-adds of `apply` or `forward`.
    pub forward_macs: u64,
    /// Multiply-adds of the parameter gradients (in a stack, of the errors between its blocks too).
    pub weight_macs: u64,
    /// Multiply-adds of ∂L/∂x, if it is wanted.
    pub input_macs: u64,
    /// Parameters.
    pub parameters: u64,
    /// Bytes of the output.
    pub output_bytes: u64,
    /// Bytes that [`Saved`] holds beside the input; `None` where a library will not tell.
    pub saved_bytes: Option<u64>,
    /// Whether [`Saved`] holds the input.
    pub keeps_input: bool,
    /// Whether `saved_bytes` includes the output itself (shared with whoever uses it next).
    pub keeps_output: bool,
}

/// What `pullback` is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pull {
    /// Whether ∂L/∂x is wanted.
    pub dx: bool,
    /// Whether some rows are pushed: see [`Ungated`].
    pub push: bool,
}

/// The arrays of numbers that a piece of a network makes in a training step, in bytes for a batch. Its output also
/// has a sum of squares for each row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrays {
    /// y, and ∂L/∂y.
    pub output: u64,
    /// What [`Saved`] holds beside x and y. It always holds x.
    pub kept: u64,
    /// Whether [`Saved`] holds y.
    pub keeps_output: bool,
    /// What `pullback` makes: ∂L/∂x, gradients that are not fused with their step, sums.
    pub pullback: u64,
    /// Working memory of the kernels in `apply` and `forward`.
    pub forward_scratch: u64,
    /// And in `pullback`.
    pub pullback_scratch: u64,
}

impl Arrays {
    /// The most bytes that `apply` of a row of pieces makes at once, `squares` being those of a sum of squares a row.
    pub fn of_apply(pieces: &[Arrays], squares: u64) -> u64 {
        let both = |two: &[Arrays]| two.iter().map(|piece| piece.output + squares).sum();
        pieces.windows(2.min(pieces.len())).map(both).max().unwrap_or(0)
    }

    /// The most working memory of their kernels.
    pub fn scratch(pieces: &[Arrays]) -> u64 {
        pieces.iter().map(|piece| piece.forward_scratch.max(piece.pullback_scratch)).max().unwrap_or(0)
    }
}

/// What a block kept from `forward` so that `pullback` can run. Dropping it frees the memory.
#[derive(Default)]
pub struct Saved {
    /// Matrices, in the block's own order.
    pub matrices: Vec<Activity>,
    /// Of the blocks inside it.
    pub inner: Vec<Saved>,
    /// Anything else, such as a tape.
    pub other: Option<Box<dyn Any + Send>>,
}

impl Saved {
    /// Matrices and nothing else.
    pub fn of(matrices: Vec<Activity>) -> Saved {
        Saved { matrices, ..Saved::default() }
    }

    /// Bytes held by all of `kept` together. Memory that two of them share counts once; tapes are not seen.
    pub fn bytes<'a>(kept: impl IntoIterator<Item = &'a Saved>) -> u64 {
        let mut seen = BTreeMap::new();
        kept.into_iter().for_each(|saved| saved.note(&mut seen));
        seen.values().sum()
    }

    fn note(&self, seen: &mut BTreeMap<usize, u64>) {
        for array in self.matrices.iter().flat_map(Activity::arrays) {
            seen.insert(host::address(array), array.dims().iter().product::<usize>() as u64 * 4);
        }
        self.inner.iter().for_each(|inner| inner.note(seen));
    }
}

/// What `pullback` is told about the output.
pub struct Credit {
    /// ∂L/∂y `[B, n_out]`.
    pub dy: Activity,
    /// A push on the total input of some rows, past the activation's gate: see [`Ungated`].
    pub ungated: Option<Ungated>,
    /// Leave rows without any error out of the weight gradient, where they would add zeros.
    pub skip_idle_rows: bool,
}

impl From<Tensor> for Credit {
    fn from(dy: Tensor) -> Credit {
        Activity::from(dy).into()
    }
}

impl From<Activity> for Credit {
    fn from(dy: Activity) -> Credit {
        Credit { dy, ungated: None, skip_idle_rows: false }
    }
}

impl Credit {
    /// What a block whose output is no activation makes of `credit`: ∂L/∂y with the push added.
    pub(super) fn without_gate(self) -> Activity {
        let Credit { dy, ungated, .. } = self;
        let Some(push) = ungated else { return dy };
        let n = dy.dims()[1];
        assert!(push.da.len() == n && push.rows <= dy.dims()[0], "a push on {n} outputs");
        let pushed = host::update(dy.into_tensor(), |dy| {
            for row in dy.chunks_exact_mut(n).take(push.rows) {
                row.iter_mut().zip(&push.da).for_each(|(dy, push)| *dy += push);
            }
        });
        pushed.into()
    }
}

/// ∂L/∂a that is added to the rows `0..rows` *after* the activation's derivative was applied, so that it reaches
/// units that are off. Peer normalisation is one.
pub struct Ungated {
    /// How many rows, from the first.
    pub rows: usize,
    /// ∂L/∂a `[n_out]`, the same for each of them.
    pub da: Vec<f32>,
}

/// Where gradients go: into a step at once, or into a buffer that is kept.
pub trait Descend {
    /// The block begins to work out errors (derivatives of activations, input gradients).
    fn credit_begins(&mut self) {}

    /// `macs` multiply-adds are being done for gradients.
    fn work(&mut self, _macs: u64) {}

    /// What a kernel shall do with the gradient of `param`, now about to be computed: step at once (no gradient
    /// buffer) or store. Called once a parameter and pullback.
    fn target<'a>(&'a mut self, param: &'a mut Param) -> Target<'a>;

    /// Takes a finished gradient, laid out as the parameter's values are.
    fn take(&mut self, param: &mut Param, gradient: &[f32]) {
        match self.target(param) {
            Target::Store(buffer) => buffer.copy_from_slice(gradient),
            Target::Descend { rule, weights, first, second } => rule.apply(gradient, weights, first, second),
        }
    }
}

/// Keeps gradients by name instead of stepping: for tests and for whoever needs to look.
#[derive(Default)]
pub struct Collect(pub BTreeMap<String, Param>);

impl Descend for Collect {
    fn target<'a>(&'a mut self, param: &'a mut Param) -> Target<'a> {
        let path = param.path().to_string();
        let slot = self.0.entry(path.clone()).or_insert_with(|| param.zeros_like(path));
        Target::Store(slot.values_mut())
    }
}

/// Names a row of blocks that do not fit, or tells the shape that comes out.
pub fn shape_through(net: &Net, input: Shape) -> Result<Shape, ShapeError> {
    net.iter().try_fold(input, |shape, block| block.shape_out(shape))
}
