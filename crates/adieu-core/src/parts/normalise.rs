//! Normalisation inside the network: `y = (x − μ) / √(σ² + ε)`, nothing learned.
//!
//! - layer norm (Ba, Kiros & Hinton 2016, arXiv:1607.06450): μ and σ² over a whole row;
//! - group norm (Wu & He 2018, arXiv:1803.08494): over all pixels of a run of neighbouring channels, row by row;
//! - RMS norm (Zhang & Sennrich 2019, arXiv:1910.07467): over a whole row, without taking off the mean.
//!
//! Shapes: `[B, n]` → `[B, n]`; images come out as [`Shape::Pixels`]. σ² is with 1/N, ε = 10⁻⁵. A gain and a shift a
//! channel are a block of their own: [`Affine`](super::affine::Affine). Between Forward-Forward's layers stands
//! [`Norm`](super::norm::Norm), which is the learner's.

use adieu_kernels::Groups;

use super::activity::Activity;
use super::block::{Arrays, Block, Cost, Credit, Descend, Pull, Saved};
use super::chance::Rng;
use super::host::{matrix, update, view};
use super::param::Param;
use super::shape::{Shape, ShapeError};
use super::window::{image, made_for, pixels, planes};
use crate::Tensor;

const EPSILON: f64 = 1e-5;

/// Over what a row is normalised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// All of it, mean and deviation.
    Layer,
    /// All of it, mean square only.
    Rms,
    /// So many groups of channels, each by itself.
    Groups(usize),
}

/// See the module.
pub struct Normalise {
    input: Shape,
    over: Over,
    groups: Groups,
}

impl Normalise {
    /// For rows of shape `input`.
    ///
    /// # Errors
    /// If the groups do not divide the channels.
    pub fn new(input: Shape, over: Over) -> Result<Normalise, ShapeError> {
        let (pixels, channels) = match (over, input) {
            (Over::Layer | Over::Rms, _) => (1, input.features()),
            (_, Shape::Image { c, h, w } | Shape::Pixels { h, w, c }) => (h * w, c),
            (_, Shape::Tokens { t, d }) => (t, d),
            (_, Shape::Flat(n)) => (1, n),
        };
        let count = if let Over::Groups(count) = over { count } else { 1 };
        if count == 0 || !channels.is_multiple_of(count) || input.features() == 0 {
            let block = format!("group norm of {count} groups");
            return Err(ShapeError {
                block,
                wants: format!("a multiple of {count} channels'"),
                offered: input,
            });
        }
        let groups = Groups { pixels, channels, groups: count, centred: over != Over::Rms };
        Ok(Normalise { input, over, groups })
    }

    /// The shape that comes out.
    pub fn output(&self) -> Shape {
        image(self.input).map_or(self.input, |(h, w, c, _)| Shape::Pixels { h, w, c })
    }

    fn run(&self, x: &Activity) -> (Tensor, Vec<f32>) {
        let [rows, cols] = x.dims();
        assert_eq!(cols, self.input.features(), "{}: input columns", self.describe());
        let (mut y, mut r) = (vec![0.0; rows * cols], vec![0.0; rows * self.groups.groups]);
        self.groups.forward(&view(&pixels(self.input, x).tensor()), EPSILON, &mut y, &mut r);
        (matrix(y, rows, cols), r)
    }
}

impl Block for Normalise {
    fn apply(&self, x: &Activity) -> Activity {
        self.run(x).0.into()
    }

    fn forward(&mut self, x: Activity, _: &mut Rng) -> (Activity, Saved) {
        let (y, r) = self.run(&x);
        let rows = x.dims()[0];
        let y = Activity::from(y);
        (y.clone(), Saved::of(vec![y, matrix(r, rows, self.groups.groups).into()]))
    }

    fn pullback(
        &mut self,
        saved: Saved,
        credit: Credit,
        want_dx: bool,
        descend: &mut dyn Descend,
    ) -> Option<Tensor> {
        if !want_dx {
            return None;
        }
        descend.credit_begins();
        let [y, r] = &saved.matrices[..] else { unreachable!("forward saved two matrices") };
        let dy = credit.without_gate().into_tensor();
        let dx = update(dy, |dy| self.groups.pull_back(&view(y.values()), &view(r.values()), dy));
        if !matches!(image(self.input), Some((.., true))) {
            return Some(dx);
        }
        let [rows, cols] = dx.dims();
        Some(matrix(planes(self.input, view(&dx).to_vec()), rows, cols))
    }

    fn params(&mut self, _: &mut dyn FnMut(&mut Param)) {}

    fn shape_out(&self, input: Shape) -> Result<Shape, ShapeError> {
        made_for(self, self.input, input, self.output())
    }

    fn cost(&self, rows: usize) -> Cost {
        let (out, r) = ((rows * self.input.features() * 4) as u64, (rows * self.groups.groups * 4) as u64);
        Cost { output_bytes: out, saved_bytes: Some(out + r), keeps_output: true, ..Cost::default() }
    }

    fn arrays(&self, rows: usize, pull: Pull) -> Option<Vec<Arrays>> {
        let (out, r) = ((rows * self.input.features() * 4) as u64, (rows * self.groups.groups * 4) as u64);
        // the error is turned over in place, and copied where the input has its channels apart
        let turned = matches!(image(self.input), Some((.., true)));
        let pullback = if pull.dx && turned { 2 * out } else { 0 };
        let (forward_scratch, pullback_scratch) = (if turned { out } else { 0 }, 0);
        Some(vec![Arrays {
            output: out,
            kept: r,
            keeps_output: true,
            pullback,
            forward_scratch,
            pullback_scratch,
        }])
    }

    fn describe(&self) -> String {
        match self.over {
            Over::Layer => format!("layer norm of {}", self.input),
            Over::Rms => format!("RMS norm of {}", self.input),
            Over::Groups(count) => format!("group norm of {}, {count} groups", self.input),
        }
    }
}
