//! Local receptive fields without weight sharing: `h = φ(a)`, a small dense layer of its own at every place of an
//! image.
//!
//! ```text
//! a[i, j, o] = b[i, j, o] + Σ_{ky, kx, c} x[i·s + ky − p, j·s + kx − p, c]·W_ij[(ky, kx, c), o]
//! ```
//!
//! with fields of k × k pixels, stride s and padding p; beyond the image there is nothing, and no weight for it. With
//! `da = dh ⊙ φ'(a)`: dW_ij and db are the sums of `x·da` and `da` over the rows of a batch, dx the sum of `da·W` over
//! the places. Wᵢⱼ ~ N(0, 1/inputs of the field), b = 0. Hinton 2022 (arXiv:2212.13345) uses it on MNIST (10 × 10
//! fields, stride 6, 128 channels, then fields of 2 × 2) and on CIFAR-10 (11 × 11 fields, padding 5, 3 channels).
//!
//! Shapes: x `[B, height·width·channels]`, b `[height_out·width_out·channels_out]` as a row of h, W one matrix a place;
//! h `[B, height_out·width_out·channels_out]`. Images come out as [`Shape::Pixels`]; data with their channels apart,
//! [`Shape::Image`], are rearranged on entry, as for a convolution.
//!
//! [Back](Layer::back) from h to x the fields are those seen from below: an input hears the units in whose field it
//! is.
//!
//! # Differences from the paper
//! - The paper does not say what happens at the border: here a field that reaches beyond the image is smaller.

use std::ops::Range;

use adieu_kernels::{Epilogue, Errors, Fields, Outputs, Rows, Terms, Zeros, column_sums};

use super::activation::Activation;
use super::activity::Activity;
use super::block::{Block, Cost, Credit, Descend, Saved, Ungated};
use super::chance::Rng;
use super::dense::{Dense, busy_rows, initial_weights};
use super::host::{matrix, view};
use super::layer::{Layer, Linear};
use super::param::Param;
use super::precision::Precision;
use super::shape::{Shape, ShapeError};
use super::window::{Window, image, made_for, pixels, planes};
use crate::Tensor;

/// See the module.
pub struct Local {
    weight: Param,
    bias: Option<Param>,
    activation: Activation,
    precision: Precision,
    zeros: Zeros,
    fields: Fields,
    window: Window,
    /// Whether `output` is what the window moves over, and `input` what it finds there.
    back: bool,
    input: Shape,
    output: Shape,
}

impl Local {
    /// `channels` units at each place of `window` over images of shape `input`. `path` names it among its neighbours:
    /// `0`.
    ///
    /// # Errors
    /// If `input` is no image, or one in which the window has no place.
    ///
    /// # Panics
    /// If kernel, stride or `channels` is zero, or a field can lie beyond the image altogether.
    pub fn new(
        path: &str,
        input: Shape,
        channels: usize,
        window: Window,
        activation: Activation,
        chance: &mut Rng,
    ) -> Result<Local, ShapeError> {
        let Window { kernel, stride, padding } = window;
        assert!(kernel > padding && stride > 0 && channels > 0, "{path}: {window:?}, {channels} channels");
        let output = window.output(input, channels, "local")?;
        let (height, width, c, _) = image(input).expect("an image has an output");
        let [down, across] = [window.spans(height).collect::<Vec<_>>(), window.spans(width).collect()];
        let fields = Fields::new(input.features(), channels, rectangles(&down, &across, width * c, c));
        let weight = weights(path, &fields, channels, chance);
        let bias = vec![0.0; fields.len_out()];
        let bias = Some(Param::new(format!("{path}.bias"), &[bias.len()], bias, false));
        let (precision, zeros, back) = (Precision::F32, Zeros::Multiply, false);
        Ok(Local { weight, bias, activation, precision, zeros, fields, window, back, input, output })
    }

    /// The same layer, with products in `precision`.
    ///
    /// # Panics
    /// If this processor does not have it.
    pub fn in_precision(self, precision: Precision) -> Local {
        assert!(precision.is_available(), "this processor has no {}", precision.name());
        Local { precision, ..self }
    }

    /// The same layer, leaving inputs that are zero out of its products where enough of them are. The bits are the
    /// same as long as weights and errors are finite.
    pub fn skipping_zeros(self, skip: bool) -> Local {
        Local { zeros: if skip { Zeros::Choose } else { Zeros::Multiply }, ..self }
    }

    /// Where it looks, and which weights are whose.
    pub fn fields(&self) -> &Fields {
        &self.fields
    }

    /// x with the channels of a pixel together.
    fn pixels(&self, x: &Activity) -> Activity {
        assert_eq!(x.dims()[1], self.fields.len_in(), "{}: input columns", self.describe());
        pixels(self.input, x)
    }

    /// φ(a), and a if it is to be kept.
    fn product(&self, x: &Activity, pre: Option<&mut [f32]>) -> Activity {
        let (rows, len_out) = (x.dims()[0], self.fields.len_out());
        let mut h = vec![0.0; rows * len_out];
        let out = Outputs { h: &mut h, pre, squares: None };
        self.multiply(x, self.activation, out);
        matrix(h, rows, len_out).into()
    }

    /// φ(x W + b)
    fn multiply(&self, x: &Activity, activation: Activation, out: Outputs<'_>) {
        let (bias, activation) = (self.bias.as_ref().map(Param::values), activation.kernel());
        let x = self.pixels(x).lend();
        let (x, precision) = (x.rows().with_zeros(self.zeros), self.precision.kernel());
        self.fields.forward(
            x,
            self.weight.values(),
            Epilogue { bias, activation, base: None },
            precision,
            out,
        );
    }

    /// The identity has a slope that need not be kept.
    fn keeps_output(&self) -> bool {
        !self.activation.kernel().needs_input() && self.activation != Activation::Identity
    }

    /// ∂L/∂x in the order in which x came, the push's share being the same to each of its rows.
    fn input_gradient(&self, da: Errors<'_>, rows: usize, ungated: Option<&Ungated>) -> Tensor {
        let (len_in, precision) = (self.fields.len_in(), self.precision.kernel());
        let mut dx = vec![0.0; rows * len_in];
        self.fields.input_gradient(da, self.weight.values(), precision, &mut dx);
        if let Some(ungated) = ungated {
            let mut push = vec![0.0; len_in];
            let da = Errors::new(Rows::new(&ungated.da, 1, self.fields.len_out()));
            self.fields.input_gradient(da, self.weight.values(), precision, &mut push);
            for row in dx.chunks_exact_mut(len_in).take(ungated.rows) {
                row.iter_mut().zip(&push).for_each(|(dx, push)| *dx += push);
            }
        }
        matrix(planes(self.input, dx), rows, len_in)
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
        let x = self.pixels(x).lend();
        // What is added to each row's total input is one more term: `Σ_b x_b ⊗ push = (Σ_b x_b) ⊗ push`.
        let pushed = ungated.map(|ungated| {
            let mut sum = vec![0.0; self.fields.len_in()];
            column_sums(x.rows().first(ungated.rows), &mut sum);
            (sum, ungated)
        });
        let outer = pushed.as_ref().map(|(sum, ungated)| (&sum[..], &ungated.da[..]));
        let count = busy.map_or(x.rows().rows(), <[u32]>::len) + usize::from(outer.is_some());
        descend.work((count * self.fields.multiply_adds()) as u64);
        let mut db = vec![0.0; self.fields.len_out()];
        let (terms, precision) = (Terms { rows: busy, outer }, self.precision.kernel());
        let target = descend.target(&mut self.weight);
        self.fields.weight_gradient(x.rows().with_zeros(self.zeros), da, terms, precision, target, &mut db);
        let Some(bias) = &mut self.bias else { return };
        if let Some(ungated) = ungated {
            db.iter_mut().zip(&ungated.da).for_each(|(db, push)| *db += ungated.rows as f32 * push);
        }
        descend.take(bias, &db);
    }
}

/// Stretches of the fields of places in rows and columns, over images of lines of `line` numbers, `c` a pixel: a place
/// sees the pixels of its row's and its column's range.
fn rectangles(
    down: &[Range<usize>],
    across: &[Range<usize>],
    line: usize,
    c: usize,
) -> impl Iterator<Item = Vec<Range<usize>>> {
    down.iter().flat_map(move |y| {
        across.iter().map(move |x| y.clone().map(|y| y * line + x.start * c..y * line + x.end * c).collect())
    })
}

/// Wᵢⱼ ~ N(0, 1/inputs of the field).
fn weights(path: &str, fields: &Fields, channels: usize, chance: &mut Rng) -> Param {
    let rows: Vec<f32> = fields.inputs().flat_map(|n_in| initial_weights(n_in, channels, chance)).collect();
    Param::matrices(format!("{path}.weight"), fields.matrices(), &rows)
}

impl Block for Local {
    fn apply(&self, x: &Activity) -> Activity {
        self.product(x, None)
    }

    fn forward(&mut self, x: Activity, _: &mut Rng) -> (Activity, Saved) {
        let (rows, len_out, x) = (x.dims()[0], self.fields.len_out(), x.without_squares());
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
        let (x, kept) = (&saved.matrices[0], saved.matrices.get(1).map(|kept| view(kept.values())));
        let (rows, len_out) = (x.dims()[0], self.fields.len_out());
        let Credit { dy, ungated, skip_idle_rows } = credit;
        let fits = |ungated: &Ungated| ungated.da.len() == len_out && ungated.rows <= rows;
        assert!(ungated.as_ref().is_none_or(fits), "{}: push", self.describe());
        let busy = skip_idle_rows.then(|| busy_rows(&dy));
        let dy = dy.lend();
        let da = match &kept {
            Some(kept) => Errors::gated(dy.rows(), self.activation.kernel(), kept), // da = dh ⊙ φ'(a)
            None => Errors::new(dy.rows()),
        };
        let dx = want_dx.then(|| {
            descend.work((rows * self.fields.multiply_adds()) as u64);
            self.input_gradient(da, rows, ungated.as_ref())
        });
        self.hand_over(x, da, busy.as_deref(), ungated.as_ref(), descend);
        dx
    }

    fn params(&mut self, visit: &mut dyn FnMut(&mut Param)) {
        visit(&mut self.weight);
        self.bias.iter_mut().for_each(visit);
    }

    fn shape_out(&self, input: Shape) -> Result<Shape, ShapeError> {
        made_for(self, self.input, input, self.output)
    }

    fn cost(&self, rows: usize) -> Cost {
        let product = (rows * self.fields.multiply_adds()) as u64;
        let output_bytes = (rows * self.fields.len_out() * 4) as u64;
        Cost {
            forward_macs: product,
            weight_macs: product,
            input_macs: product,
            parameters: (self.weight.count() + self.bias.as_ref().map_or(0, Param::count)) as u64,
            output_bytes,
            saved_bytes: Some(if self.activation == Activation::Identity { 0 } else { output_bytes }),
            keeps_input: true,
            keeps_output: self.keeps_output(),
        }
    }

    fn describe(&self) -> String {
        let Window { kernel, stride, padding } = self.window;
        let precision = if self.precision == Precision::F32 { "" } else { ", bf16" };
        let way = if self.back { "local back by" } else { "local" };
        format!(
            "{way} {kernel}x{kernel}, stride {stride}, padding {padding}, {} → {}, {}{precision}",
            self.input,
            self.output,
            self.activation.name()
        )
    }

    fn as_layer(&self) -> Option<&dyn Layer> {
        Some(self)
    }

    fn as_layer_mut(&mut self) -> Option<&mut dyn Layer> {
        Some(self)
    }
}

impl Linear for Local {
    fn activation(&self) -> Activation {
        self.activation
    }

    fn units(&self) -> usize {
        image(self.output).map_or(1, |(_, _, c, _)| c)
    }

    fn total_input(&self, x: &Activity) -> Tensor {
        let (rows, len_out) = (x.dims()[0], self.fields.len_out());
        let mut a = vec![0.0; rows * len_out];
        self.multiply(x, Activation::Identity, Outputs { h: &mut a, pre: None, squares: None });
        matrix(a, rows, len_out)
    }

    fn descend(&mut self, x: &Activity, da: Credit, descend: &mut dyn Descend) {
        descend.credit_begins();
        let Credit { dy: da, ungated, skip_idle_rows } = da;
        let busy = skip_idle_rows.then(|| busy_rows(&da));
        let da = da.lend();
        self.hand_over(x, Errors::new(da.rows()), busy.as_deref(), ungated.as_ref(), descend);
    }
}

impl Layer for Local {
    fn below(&self, h: &Activity) -> Tensor {
        assert_eq!(h.dims()[1], self.fields.len_out(), "{}: output columns", self.describe());
        let rows = h.dims()[0];
        self.input_gradient(Errors::new(h.lend().rows()), rows, None)
    }

    fn beside(&self, path: &str, n: usize, chance: &mut Rng) -> Box<dyn Layer> {
        Box::new(Dense::linear(path, n, self.fields.len_out(), chance).in_precision(self.precision))
    }

    fn back(&self, path: &str, chance: &mut Rng) -> Box<dyn Layer> {
        let (Some((height, width, channels, false)), Some((_, across, c, _))) =
            (image(self.input), image(self.output))
        else {
            panic!("{}: its inputs have their channels apart", self.describe())
        };
        let [ys, xs] = [height, width].map(|pixels| seen_from_below(self.window, pixels));
        let fields = Fields::new(self.fields.len_out(), channels, rectangles(&ys, &xs, across * c, c));
        let weight = weights(path, &fields, channels, chance);
        let (bias, activation) = (None, Activation::Identity);
        let Local { precision, zeros, window, input, output, .. } = *self;
        let (input, output) = (output, input);
        Box::new(Local {
            weight,
            bias,
            activation,
            precision,
            zeros,
            fields,
            window,
            back: true,
            input,
            output,
        })
    }
}

/// For each of `pixels` along a side the places whose window covers it.
fn seen_from_below(window: Window, pixels: usize) -> Vec<Range<usize>> {
    let spans: Vec<_> = window.spans(pixels).collect();
    let first = |pixel: usize| spans.iter().take_while(|span| span.end <= pixel).count();
    let end = |pixel: usize| spans.iter().take_while(|span| span.start <= pixel).count();
    (0..pixels).map(|pixel| first(pixel)..end(pixel).max(first(pixel))).collect()
}
