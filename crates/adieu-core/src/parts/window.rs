//! A window that moves over an image, and the order in which an image's numbers come.

use std::ops::Range;

use super::activity::Activity;
use super::block::Block;
use super::host::{matrix, view};
use super::shape::{Shape, ShapeError};

/// A square window, and how it moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Height and width in pixels, at least 1.
    pub kernel: usize,
    /// Pixels from one place to the next, at least 1.
    pub stride: usize,
    /// How far it may reach beyond the image, pixels.
    pub padding: usize,
}

impl Window {
    /// Shape of what comes out of windows over images of shape `input`, with `channels` outputs each.
    ///
    /// # Errors
    /// If `input` is no image, or one in which the window has no place. `block` is who asks.
    pub fn output(self, input: Shape, channels: usize, block: &str) -> Result<Shape, ShapeError> {
        let refuse = |wants: &str| {
            let block = format!("{block} {0}x{0}", self.kernel);
            ShapeError { block, wants: wants.to_string(), offered: input }
        };
        let (h, w, c, _) = image(input).ok_or_else(|| refuse("an image's"))?;
        match (self.places(h), self.places(w)) {
            (Some(h), Some(w)) if c > 0 => Ok(Shape::Pixels { h, w, c: channels }),
            _ => Err(refuse("a larger image's")),
        }
    }

    /// Places along a side of `pixels`.
    fn places(self, pixels: usize) -> Option<usize> {
        let room = (pixels + 2 * self.padding).checked_sub(self.kernel)?;
        (pixels > 0 && self.kernel > 0).then_some(())?;
        Some(room.checked_div(self.stride)? + 1)
    }

    /// The pixels under it at each place along a side.
    pub(crate) fn spans(self, pixels: usize) -> impl Iterator<Item = Range<usize>> + Clone {
        let inside = move |at: usize| at.saturating_sub(self.padding).min(pixels);
        (0..self.places(pixels).unwrap_or(0)).map(move |place| {
            let first = place * self.stride;
            inside(first)..inside(first + self.kernel)
        })
    }
}

/// Height, width, channels of an image, and whether its numbers are not in the order of [`Shape::Pixels`].
pub(crate) fn image(shape: Shape) -> Option<(usize, usize, usize, bool)> {
    match shape {
        Shape::Image { c, h, w } => Some((h, w, c, c > 1)),
        Shape::Pixels { h, w, c } => Some((h, w, c, false)),
        Shape::Flat(_) | Shape::Tokens { .. } => None,
    }
}

/// `output` of a block made for rows of shape `own`, if those of shape `input` are such: images of one channel have one
/// order.
pub(crate) fn made_for(
    block: &dyn Block,
    own: Shape,
    input: Shape,
    output: Shape,
) -> Result<Shape, ShapeError> {
    let alike = if image(own).is_some() { image(input) == image(own) } else { input == own };
    let refuse = || ShapeError { block: block.describe(), wants: own.to_string(), offered: input };
    alike.then_some(output).ok_or_else(refuse)
}

/// Rows of shape `input` with the channels of a pixel together. Nothing is copied where they are.
pub(crate) fn pixels(input: Shape, x: &Activity) -> Activity {
    let Some((h, w, c, true)) = image(input) else { return x.clone() };
    let together = transpose_rows(&view(x.values()), [c, h * w]);
    x.lend_scales(matrix(together, x.dims()[0], x.dims()[1]))
}

/// The way back of [`pixels`].
pub(crate) fn planes(input: Shape, rows: Vec<f32>) -> Vec<f32> {
    match image(input) {
        Some((h, w, c, true)) => transpose_rows(&rows, [h * w, c]),
        _ => rows,
    }
}

/// Each row, a matrix of these `sides`, transposed.
fn transpose_rows(rows: &[f32], sides: [usize; 2]) -> Vec<f32> {
    let [height, width] = sides;
    let columns = |row: &[f32], out: &mut Vec<f32>| {
        for column in 0..width {
            out.extend(row[column..].iter().step_by(width));
        }
    };
    let mut out = Vec::with_capacity(rows.len());
    rows.chunks_exact(height * width).for_each(|row| columns(row, &mut out));
    out
}
