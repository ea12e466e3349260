//! Pooling: the largest or the mean of each window over an image, channel by channel.
//!
//! `y[oy, ox, c] = max or mean of x[y, x, c]` over the pixels (y, x) of the window at (oy, ox) that are inside the image.
//! The error of a largest goes to it (of equals to the first), that of a mean to all alike. A window as large as the
//! image is global pooling; over tokens likewise.
//!
//! Shapes: x `[B, h·w·c]` → y `[B, h_out·w_out·c]`, which is [`Shape::Pixels`]; global pooling gives [`Shape::Flat`].

use adieu_kernels::Pool as Kernel;

use super::activity::Activity;
use super::block::{Block, Cost, Credit, Descend, Saved};
use super::chance::Rng;
use super::host::{matrix, view};
use super::param::Param;
use super::shape::{Shape, ShapeError};
use super::window::{Window, image, made_for, pixels, planes};
use crate::Tensor;

/// What is made of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// The largest.
    Largest,
    /// The mean.
    Mean,
}

/// See the module.
pub struct Pool {
    input: Shape,
    output: Shape,
    kernel: Kernel,
    of: Of,
}

impl Pool {
    /// Windows over images of shape `input`.
    ///
    /// # Errors
    /// If `input` is no image, or one in which the window has no place.
    ///
    /// # Panics
    /// If kernel or stride is zero, or the padding not less than the kernel.
    pub fn new(input: Shape, window: Window, of: Of) -> Result<Pool, ShapeError> {
        let Window { kernel, stride, padding } = window;
        assert!(stride > 0 && padding < kernel, "{window:?}");
        let channels = image(input).map_or(1, |(_, _, c, _)| c);
        let output = window.output(input, channels, "pooling")?;
        let (height, width, channels, _) = image(input).expect("an image has an output");
        let kernel = Kernel { height, width, channels, kernel: [kernel; 2], stride, padding };
        Ok(Pool { input, output, kernel, of })
    }

    /// One window over the whole image, or over all tokens.
    ///
    /// # Errors
    /// If `input` is neither.
    pub fn global(input: Shape, of: Of) -> Result<Pool, ShapeError> {
        let sides = match input {
            Shape::Tokens { t, d } => Some((t, 1, d)),
            _ => image(input).map(|(h, w, c, _)| (h, w, c)),
        };
        let wants = || "an image's or tokens'".to_string();
        let refuse = || ShapeError { block: "global pooling".into(), wants: wants(), offered: input };
        let (height, width, channels) = sides.filter(|(h, w, c)| h * w * c > 0).ok_or_else(refuse)?;
        let kernel = Kernel { height, width, channels, kernel: [height, width], stride: 1, padding: 0 };
        Ok(Pool { input, output: Shape::Flat(channels), kernel, of })
    }

    /// The shape that comes out.
    pub fn output(&self) -> Shape {
        self.output
    }

    fn bytes(&self, rows: usize) -> u64 {
        (rows * self.kernel.len_out() * 4) as u64
    }
}

impl Block for Pool {
    fn apply(&self, x: &Activity) -> Activity {
        let [rows, cols] = x.dims();
        assert_eq!(cols, self.kernel.len_in(), "{}: input columns", self.describe());
        let (x, mut y) = (pixels(self.input, x).tensor(), vec![0.0; rows * self.kernel.len_out()]);
        match self.of {
            Of::Largest => self.kernel.largest(&view(&x), &mut y),
            Of::Mean => self.kernel.average(&view(&x), &mut y),
        }
        matrix(y, rows, self.kernel.len_out()).into()
    }

    fn forward(&mut self, x: Activity, _: &mut Rng) -> (Activity, Saved) {
        let y = self.apply(&x);
        // a mean needs nothing of it but the number of its rows, which its error has too
        let saved = if self.of == Of::Largest { vec![x.without_squares()] } else { Vec::new() };
        (y, Saved::of(saved))
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
        let dy = credit.without_gate().into_tensor();
        let (rows, cols) = (dy.dims()[0], self.kernel.len_in());
        let mut dx = vec![0.0; rows * cols];
        match self.of {
            Of::Largest => {
                let x = pixels(self.input, &saved.matrices[0]).tensor();
                self.kernel.largest_back(&view(&x), &view(&dy), &mut dx);
            }
            Of::Mean => self.kernel.average_back(&view(&dy), &mut dx),
        }
        Some(matrix(planes(self.input, dx), rows, cols))
    }

    fn params(&mut self, _: &mut dyn FnMut(&mut Param)) {}

    fn shape_out(&self, input: Shape) -> Result<Shape, ShapeError> {
        made_for(self, self.input, input, self.output)
    }

    fn cost(&self, rows: usize) -> Cost {
        let keeps_input = self.of == Of::Largest;
        Cost { output_bytes: self.bytes(rows), saved_bytes: Some(0), keeps_input, ..Cost::default() }
    }

    fn describe(&self) -> String {
        let of = if self.of == Of::Largest { "largest" } else { "mean" };
        let Kernel { kernel: [height, width], stride, .. } = self.kernel;
        format!("{of} of {height}x{width}, stride {stride}, {} → {}", self.input, self.output)
    }
}
