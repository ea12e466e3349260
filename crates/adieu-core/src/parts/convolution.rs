//! Convolution: `h = φ(x ∗ W + b)`, one small layer at every place of an image.
//!
//! `a[oy, ox, o] = b[o] + Σ_{ky, kx, c} x[oy·s + ky − p, ox·s + kx − p, c]·W[(ky, kx, c), o]` with a window of k × k
//! pixels, stride s and padding p; beyond the image there is nothing. With `da = dh ⊙ φ'(a)`: dW, db and dx are the
//! sums of `x·da`, `da` and `da·W` over the same terms.
//!
//! Shapes: x `[B, height·width·channels]`, W `[k·k·channels, channels_out]`, b `[channels_out]`,
//! h `[B, height_out·width_out·channels_out]`.
//!
//! **Groups** (Krizhevsky, Sutskever & Hinton 2012; Xie et al. 2017, arXiv:1611.05431): channels in and out are cut into G
//! neighbouring groups, and each group of outputs sees its own group of inputs only. W is then
//! `[G·k·k·channels/G, channels_out/G]`, group after group.
//!
//! **Layout.** Images come out as [`Shape::Pixels`], the channels of a pixel together, which is how the kernels read
//! them. Data have their channels apart, [`Shape::Image`]: these are rearranged on entry, again in the pullback (so
//! that the copy need not be kept), and ∂L/∂x is put back. With one channel both orders are the same and nothing is
//! copied.
//!
//! Every row takes part in the weight gradient, with or without errors: images are added up in chunks, which leaving
//! some out would cut differently.

use adieu_kernels::{Conv, Epilogue, Errors, Outputs, Rows, Weights};

use super::activation::Activation;
use super::activity::Activity;
use super::block::{Block, Cost, Credit, Descend, Saved, Ungated};
use super::chance::Rng;
use super::dense::initial_weights;
use super::host::{matrix, view};
use super::layer::Linear;
use super::param::Param;
use super::shape::{Shape, ShapeError};
pub use super::window::Window;
use super::window::{image, made_for, pixels, planes};
use crate::Tensor;

/// See the module.
pub struct Convolution {
    weight: Param,
    bias: Param,
    activation: Activation,
    conv: Conv,
    input: Shape,
}

impl Convolution {
    /// `channels` windows over images of shape `input`; Wᵢⱼ ~ N(0, 1/(k·k·channels of the input)), b = 0. `path` names
    /// it among its neighbours: `0`.
    ///
    /// # Errors
    /// If `input` is no image, or one in which the window has no place.
    ///
    /// # Panics
    /// If kernel, stride or `channels` is zero.
    pub fn new(
        path: &str,
        input: Shape,
        channels: usize,
        window: Window,
        activation: Activation,
        chance: &mut Rng,
    ) -> Result<Convolution, ShapeError> {
        Convolution::grouped(path, input, (channels, 1), window, activation, chance)
    }

    /// As [`Convolution::new`], with channels out and in cut into `groups`.
    ///
    /// # Errors
    /// As there, and if the groups do not divide the channels.
    ///
    /// # Panics
    /// As there.
    pub fn grouped(
        path: &str,
        input: Shape,
        (channels, groups): (usize, usize),
        window: Window,
        activation: Activation,
        chance: &mut Rng,
    ) -> Result<Convolution, ShapeError> {
        let Window { kernel, stride, padding } = window;
        assert!(kernel > 0 && stride > 0 && channels > 0, "{path}: {window:?}, {channels} channels");
        window.output(input, channels, "convolution")?;
        let (height, width, channels_in, _) = image(input).expect("an image has an output");
        if groups == 0 || !channels_in.is_multiple_of(groups) || !channels.is_multiple_of(groups) {
            let block = format!("convolution in {groups} groups to {channels} channels");
            let wants = format!("a multiple of {groups} channels'");
            return Err(ShapeError { block, wants, offered: input });
        }
        let conv =
            Conv { height, width, channels_in, channels_out: channels, kernel, stride, padding, groups };
        let group = |_| initial_weights(conv.n_in() / groups, conv.n_out(), chance);
        let rows: Vec<f32> = (0..groups).flat_map(group).collect();
        let weight = Param::weights(format!("{path}.weight"), conv.n_in(), conv.n_out(), &rows);
        let bias = Param::new(format!("{path}.bias"), &[channels], vec![0.0; channels], false);
        Ok(Convolution { weight, bias, activation, conv, input })
    }

    /// The shape that comes out.
    pub fn output(&self) -> Shape {
        Shape::Pixels { h: self.conv.height_out(), w: self.conv.width_out(), c: self.conv.channels_out }
    }

    fn weights(&self) -> Weights<'_> {
        Weights::new(self.weight.values(), self.conv.n_in(), self.conv.n_out())
    }

    /// x with the channels of a pixel together.
    fn pixels(&self, x: &Activity) -> Activity {
        assert_eq!(x.dims()[1], self.conv.len_in(), "{}: input columns", self.describe());
        pixels(self.input, x)
    }

    /// The product, and total inputs if they are to be kept.
    fn product(&self, x: &Activity, pre: Option<&mut [f32]>) -> Activity {
        let (rows, len_out) = (x.dims()[0], self.conv.len_out());
        let mut h = vec![0.0; rows * len_out];
        let (bias, activation) = (Some(self.bias.values()), self.activation.kernel());
        let out = Outputs { h: &mut h, pre, squares: None };
        let x = self.pixels(x).lend();
        self.conv.forward(x.rows(), self.weights(), Epilogue { bias, activation, base: None }, out);
        matrix(h, rows, len_out).into()
    }

    fn keeps_output(&self) -> bool {
        !self.activation.kernel().needs_input() && self.activation != Activation::Identity
    }

    /// da with the push added to its rows.
    fn pushed(&self, dy: &Activity, kept: Option<&Activity>, ungated: &Ungated) -> Vec<f32> {
        let (rows, len_out) = (dy.dims()[0], self.conv.len_out());
        assert!(ungated.da.len() == len_out && ungated.rows <= rows, "{}: push", self.describe());
        let mut da = view(&dy.tensor()).to_vec();
        if let Some(kept) = kept {
            self.activation.kernel().pull_back(&view(kept.values()), &mut da);
        }
        for row in da.chunks_exact_mut(len_out).take(ungated.rows) {
            row.iter_mut().zip(&ungated.da).for_each(|(da, push)| *da += push);
        }
        da
    }

    /// ∂L/∂W and ∂L/∂b, handed over.
    fn hand_over(&mut self, x: &Activity, da: Errors<'_>, descend: &mut dyn Descend) {
        let mut db = vec![0.0; self.conv.channels_out];
        let x = self.pixels(x).lend();
        self.conv.weight_gradient(x.rows(), da, descend.target(&mut self.weight), Some(&mut db));
        descend.take(&mut self.bias, &db);
    }

    /// ∂L/∂x in the order in which x came.
    fn input_gradient(&self, da: Errors<'_>, rows: usize) -> Tensor {
        let mut dx = vec![0.0; rows * self.conv.len_in()];
        self.conv.input_gradient(da, self.weights(), &mut dx);
        matrix(planes(self.input, dx), rows, self.conv.len_in())
    }
}

impl Block for Convolution {
    fn apply(&self, x: &Activity) -> Activity {
        self.product(x, None)
    }

    fn forward(&mut self, x: Activity, _: &mut Rng) -> (Activity, Saved) {
        let (rows, len_out, x) = (x.dims()[0], self.conv.len_out(), x.without_squares());
        if self.activation.kernel().needs_input() {
            let mut pre = vec![0.0; rows * len_out];
            let h = self.product(&x, Some(&mut pre));
            return (h, Saved::of(vec![x, matrix(pre, rows, len_out).into()]));
        }
        let h = self.product(&x, None);
        let kept = self.keeps_output().then(|| h.clone());
        (h, Saved::of([x].into_iter().chain(kept).collect()))
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
        let (rows, dy) = (x.dims()[0], credit.dy);
        let work = (rows * self.conv.multiply_adds()) as u64;
        let pushed = credit.ungated.map(|ungated| self.pushed(&dy, kept, &ungated));
        let (dy, kept) = (dy.lend(), kept.map(|kept| view(kept.values())));
        let da = match (&pushed, &kept) {
            (Some(da), _) => Errors::new(Rows::new(da, rows, self.conv.len_out())),
            (None, Some(kept)) => Errors::gated(dy.rows(), self.activation.kernel(), kept), // da = dh ⊙ φ'(a)
            (None, None) => Errors::new(dy.rows()),
        };
        let dx = want_dx.then(|| {
            descend.work(work);
            self.input_gradient(da, rows)
        });
        descend.work(work);
        self.hand_over(x, da, descend);
        dx
    }

    fn params(&mut self, visit: &mut dyn FnMut(&mut Param)) {
        visit(&mut self.weight);
        visit(&mut self.bias);
    }

    fn shape_out(&self, input: Shape) -> Result<Shape, ShapeError> {
        made_for(self, self.input, input, self.output())
    }

    fn cost(&self, rows: usize) -> Cost {
        let product = (rows * self.conv.multiply_adds()) as u64;
        let output_bytes = (rows * self.conv.len_out() * 4) as u64;
        Cost {
            forward_macs: product,
            weight_macs: product,
            input_macs: product,
            parameters: (self.weight.count() + self.bias.count()) as u64,
            output_bytes,
            saved_bytes: Some(if self.activation == Activation::Identity { 0 } else { output_bytes }),
            keeps_input: true,
            keeps_output: self.keeps_output(),
        }
    }

    fn describe(&self) -> String {
        let Conv { kernel, stride, padding, groups, .. } = self.conv;
        let (input, output, activation) = (self.input, self.output(), self.activation.name());
        let groups = if groups > 1 { format!(", {groups} groups") } else { String::new() };
        format!(
            "convolution {kernel}x{kernel}, stride {stride}, padding {padding}{groups}, {input} → {output}, {activation}"
        )
    }
    fn as_linear(&self) -> Option<&dyn Linear> {
        (self.conv.groups == 1).then_some(self) // groups are several products
    }

    fn as_linear_mut(&mut self) -> Option<&mut dyn Linear> {
        (self.conv.groups == 1).then_some(self)
    }
}

impl Linear for Convolution {
    fn activation(&self) -> Activation {
        self.activation
    }

    fn units(&self) -> usize {
        self.conv.channels_out
    }

    fn total_input(&self, x: &Activity) -> Tensor {
        let (rows, len_out) = (x.dims()[0], self.conv.len_out());
        let mut a = vec![0.0; rows * len_out];
        let epilogue = Epilogue { bias: Some(self.bias.values()), ..Epilogue::default() };
        let out = Outputs { h: &mut a, pre: None, squares: None };
        self.conv.forward(self.pixels(x).lend().rows(), self.weights(), epilogue, out);
        matrix(a, rows, len_out)
    }

    fn descend(&mut self, x: &Activity, da: Credit, descend: &mut dyn Descend) {
        descend.credit_begins();
        let (rows, da) = (x.dims()[0], da.without_gate());
        descend.work((rows * self.conv.multiply_adds()) as u64);
        self.hand_over(x, Errors::new(da.lend().rows()), descend);
    }
}
