//! Label channel: one channel more for an image, a place for a pattern that shows a label.
//!
//! ```text
//! y = [x | 0]        or y = x, where x has the channel already
//! ```
//!
//! A learner that shows labels there gives it rows with the channel (Trifecta, `place = "beside"`); from all others it gets
//! images, and adds a channel of zeros, so that the network and its initial weights are the same for both.
//!
//! Shapes: x `[B, c·h·w]` or `[B, (c + 1)·h·w]`, channels apart; y `[B, (c + 1)·h·w]`. dx is as wide as x was.

use super::activity::Activity;
use super::block::{Block, Cost, Credit, Descend, Saved};
use super::chance::Rng;
use super::host::{matrix, view};
use super::param::Param;
use super::shape::{Shape, ShapeError};
use super::window::made_for;
use crate::Tensor;

/// See the module.
pub struct LabelChannel {
    input: Shape,
    output: Shape,
}

/// What came in, and so what an error is to go back to.
struct Width(usize);

impl LabelChannel {
    /// For images of shape `input`.
    ///
    /// # Errors
    /// If `input` is no image as data give it.
    pub fn new(input: Shape) -> Result<LabelChannel, ShapeError> {
        match input {
            Shape::Image { c, h, w } if c * h * w > 0 => {
                Ok(LabelChannel { input, output: Shape::Image { c: c + 1, h, w } })
            }
            _ => {
                let wants = "an image, before any other layer".into();
                Err(ShapeError { block: "label channel".into(), wants, offered: input })
            }
        }
    }

    /// The first columns of each row, or the row and zeros after it.
    fn as_wide_as(x: Tensor, width: usize) -> Tensor {
        let [rows, own] = x.dims();
        if own == width {
            return x;
        }
        let mut y = Vec::with_capacity(rows * width);
        for row in view(&x).chunks_exact(own) {
            y.extend_from_slice(&row[..own.min(width)]);
            y.resize(y.len() + width.saturating_sub(own), 0.0);
        }
        matrix(y, rows, width)
    }
}

impl Block for LabelChannel {
    fn apply(&self, x: &Activity) -> Activity {
        let [_, width] = x.dims();
        let widths = [self.input.features(), self.output.features()];
        assert!(widths.contains(&width), "rows of {width} columns, where {widths:?} can be");
        LabelChannel::as_wide_as(x.tensor(), widths[1]).into()
    }

    fn forward(&mut self, x: Activity, _: &mut Rng) -> (Activity, Saved) {
        let width = x.dims()[1];
        (self.apply(&x), Saved { other: Some(Box::new(Width(width))), ..Saved::default() })
    }

    fn pullback(
        &mut self,
        saved: Saved,
        credit: Credit,
        want_dx: bool,
        _: &mut dyn Descend,
    ) -> Option<Tensor> {
        let width = saved.other.and_then(|width| width.downcast::<Width>().ok()).expect("`forward` kept it");
        want_dx.then(|| LabelChannel::as_wide_as(credit.without_gate().into_tensor(), width.0))
    }

    fn params(&mut self, _: &mut dyn FnMut(&mut Param)) {}

    fn shape_out(&self, input: Shape) -> Result<Shape, ShapeError> {
        made_for(self, self.input, input, self.output)
    }

    fn cost(&self, rows: usize) -> Cost {
        let output_bytes = (rows * self.output.features() * 4) as u64;
        Cost { output_bytes, saved_bytes: Some(0), ..Cost::default() }
    }

    fn describe(&self) -> String {
        format!("label channel beside {}", self.input)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parts::block::Collect;
    use crate::parts::chance::Purpose;

    #[test]
    fn images_get_a_channel_of_zeros_and_rows_that_have_one_keep_it() {
        let mut layer = LabelChannel::new(Shape::Image { c: 2, h: 1, w: 2 }).unwrap();
        assert_eq!(layer.shape_out(layer.input), Ok(Shape::Image { c: 3, h: 1, w: 2 }));
        let mut through = |x: Vec<f32>, width: usize| {
            let rows = x.len() / width;
            let (y, saved) =
                layer.forward(matrix(x, rows, width).into(), &mut Rng::stream(0, Purpose::Dropout, 0));
            let dy = matrix((0..6 * rows).map(|i| i as f32).collect(), rows, 6);
            let dx =
                layer.pullback(saved, dy.into(), true, &mut Collect::default()).expect("it was asked for");
            (view(&y.tensor()).to_vec(), view(&dx).to_vec())
        };
        let (y, dx) = through(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0], 4);
        assert_eq!(y, [1.0, 2.0, 3.0, 4.0, 0.0, 0.0, 5.0, 6.0, 7.0, 8.0, 0.0, 0.0]);
        assert_eq!(dx, [0.0, 1.0, 2.0, 3.0, 6.0, 7.0, 8.0, 9.0]);
        let whole: Vec<f32> = (1..=6).map(|i| i as f32).collect();
        assert_eq!(through(whole.clone(), 6), (whole, (0..6).map(|i| i as f32).collect()));
        assert!(LabelChannel::new(Shape::Pixels { h: 2, w: 2, c: 1 }).is_err());
    }
}
