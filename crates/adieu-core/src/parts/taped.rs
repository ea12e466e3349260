//! Taped: any Burn module as a block, with autodiff confined to the block.
//!
//! `forward` runs the module on tensors that record a tape; the tape lives in [`Saved`] and ends in `pullback`,
//! which seeds it with ∂L/∂y by differentiating `Σ y ⊙ dy`. Nothing flows past the block's own edges.

use std::fmt;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param as BurnParam};
use burn::tensor::{Device, Gradients, TensorData};

use super::activity::Activity;
use super::block::{Block, Cost, Credit, Descend, Saved};
use super::chance::Rng;
use super::param::Param;
use super::shape::{Shape, ShapeError};
use crate::Tensor;

/// A module's forward function on rows, with the meaning of its columns.
pub trait Rows: Module + Send + Sync + 'static {
    /// `x [B, n_in]` → `[B, n_out]`.
    fn rows(&self, x: Tensor) -> Tensor;
    /// Shape that comes out, or what would fit, in words.
    fn shape_out(&self, input: Shape) -> Result<Shape, String>;
    /// Multiply-adds of `rows` for one row.
    fn macs(&self) -> u64;
}

/// See the module.
pub struct Taped<M> {
    module: M,
    path: String,
    features_out: usize,
}

struct Tape<M> {
    module: M,
    x: Tensor,
    y: Tensor,
}

impl<M: Rows> Taped<M> {
    /// `module` under the name `path`, taking inputs of shape `input`.
    ///
    /// # Errors
    /// If the module does not take that shape.
    pub fn new(path: &str, module: M, input: Shape) -> Result<Taped<M>, ShapeError> {
        let module = module.train();
        let refuse = |wants| ShapeError { block: path.to_string(), wants, offered: input };
        let features_out = module.shape_out(input).map_err(refuse)?.features();
        Ok(Taped { module, path: path.to_string(), features_out })
    }
}

impl<M> Taped<M> {
    /// The module inside.
    pub fn module(&self) -> &M {
        &self.module
    }
}

impl<M: Rows> Block for Taped<M> {
    fn apply(&self, x: &Activity) -> Activity {
        self.module.rows(x.tensor()).into()
    }

    fn forward(&mut self, x: Activity, _: &mut Rng) -> (Activity, Saved) {
        let module = self.module.clone().fork(&Device::flex().autodiff());
        let x = x.tensor().autodiff().require_grad();
        let y = module.rows(x.clone());
        let out = y.clone().inner().into();
        (out, Saved { other: Some(Box::new(Tape { module, x, y })), ..Saved::default() })
    }

    fn pullback(
        &mut self,
        saved: Saved,
        credit: Credit,
        want_dx: bool,
        descend: &mut dyn Descend,
    ) -> Option<Tensor> {
        descend.credit_begins();
        assert!(credit.ungated.is_none(), "{}: a taped block has no total input to push on", self.path);
        let tape =
            saved.other.and_then(|other| other.downcast::<Tape<M>>().ok()).expect("forward saved a tape");
        let rows = tape.x.dims()[0] as u64;
        descend.work(self.module.macs() * rows * (1 + u64::from(want_dx)));
        let mut grads = (tape.y * credit.dy.tensor().autodiff()).sum().backward();
        let dx = want_dx.then(|| tape.x.grad_remove(&mut grads).expect("the input was tracked"));
        let mut collected = Vec::new();
        tape.module.visit(&mut TakeGradients { grads: &mut grads, into: &mut collected });
        drop(tape.module); // so that the parameters have one owner and are moved in place
        let mut gradients = collected.into_iter();
        self.edit(&mut |param| match gradients.next().flatten() {
            Some(gradient) => descend.take(param, &gradient),
            None => { /* a parameter the output does not depend on */ }
        });
        dx
    }

    fn params(&mut self, visit: &mut dyn FnMut(&mut Param)) {
        self.edit(visit);
    }

    fn shape_out(&self, input: Shape) -> Result<Shape, ShapeError> {
        let refuse = |wants| ShapeError { block: self.path.clone(), wants, offered: input };
        self.module.shape_out(input).map_err(refuse)
    }

    fn cost(&self, rows: usize) -> Cost {
        let macs = self.module.macs() * rows as u64;
        Cost {
            forward_macs: macs,
            weight_macs: macs,
            input_macs: macs,
            parameters: self.module.num_params() as u64,
            output_bytes: (rows * self.features_out * 4) as u64,
            saved_bytes: None,
            keeps_input: true,
            keeps_output: true,
        }
    }

    fn describe(&self) -> String {
        format!("taped {}", self.path)
    }
}

impl<M: Rows> Taped<M> {
    fn edit(&mut self, visit: &mut dyn FnMut(&mut Param)) {
        let mut edit = EditParams { names: vec![self.path.clone()], visit };
        // Burn's mapper takes the module by value; the clone counts references and copies no array.
        self.module = self.module.clone().map(&mut edit);
    }
}

impl<M> fmt::Debug for Tape<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tape")
    }
}

struct TakeGradients<'a> {
    grads: &'a mut Gradients,
    into: &'a mut Vec<Option<Vec<f32>>>,
}

impl ModuleVisitor for TakeGradients<'_> {
    fn visit_float<const D: usize>(&mut self, param: &BurnParam<burn::tensor::Tensor<D>>) {
        let gradient = param.val().grad_remove(self.grads);
        self.into.push(gradient.map(|g| g.into_data().try_into_vec::<f32>().expect("gradients are f32")));
    }
}

struct EditParams<'a> {
    names: Vec<String>,
    visit: &'a mut dyn FnMut(&mut Param),
}

impl ModuleMapper for EditParams<'_> {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.names.push(name.to_string());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.names.pop();
    }

    fn map_float<const D: usize>(
        &mut self,
        param: BurnParam<burn::tensor::Tensor<D>>,
    ) -> BurnParam<burn::tensor::Tensor<D>> {
        let path = self.names.join(".");
        param.map(|tensor| {
            let shape = tensor.dims();
            let values: Vec<f32> = tensor.into_data().try_into_vec::<f32>().expect("parameters are f32");
            // Biases and gains are vectors; weight decay is for matrices.
            let mut param = Param::new(path.clone(), &shape, values, D > 1);
            (self.visit)(&mut param);
            let data = TensorData::new(param.into_values(), shape);
            burn::tensor::Tensor::from_data(data, &Device::flex())
        })
    }
}
