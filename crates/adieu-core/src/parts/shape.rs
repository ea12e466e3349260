//! What the columns of a matrix mean. Shapes are known when a network is built and checked then, once.

use std::fmt;

/// Meaning of the columns of a `[B, n]` matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `n` features.
    Flat(usize),
    /// An image with its channels apart: `[c, h, w]`. Data come like this.
    Image {
        /// Channels.
        c: usize,
        /// Height in pixels.
        h: usize,
        /// Width in pixels.
        w: usize,
    },
    /// An image with the channels of a pixel together: `[h, w, c]`. Convolutions work on this.
    Pixels {
        /// Height in pixels.
        h: usize,
        /// Width in pixels.
        w: usize,
        /// Channels.
        c: usize,
    },
    /// `t` tokens of `d` features.
    Tokens {
        /// Tokens.
        t: usize,
        /// Features of a token.
        d: usize,
    },
}

impl Shape {
    /// Number of columns.
    pub fn features(self) -> usize {
        match self {
            Shape::Flat(n) => n,
            Shape::Image { c, h, w } | Shape::Pixels { h, w, c } => c * h * w,
            Shape::Tokens { t, d } => t * d,
        }
    }

    /// Pixels or tokens of a row, and the numbers of each. Of an image with its channels apart there is none.
    pub(crate) fn places(self) -> Option<(usize, usize)> {
        match self {
            Shape::Flat(n) => Some((1, n)),
            Shape::Pixels { h, w, c } => Some((h * w, c)),
            Shape::Image { c: 1, h, w } => Some((h * w, 1)),
            Shape::Image { .. } => None,
            Shape::Tokens { t, d } => Some((t, d)),
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Shape::Flat(n) => write!(f, "{n}"),
            Shape::Image { c, h, w } => write!(f, "{c}x{h}x{w}"),
            Shape::Pixels { h, w, c } => write!(f, "{h}x{w} pixels of {c}"),
            Shape::Tokens { t, d } => write!(f, "{t} tokens of {d}"),
        }
    }
}

/// Two neighbours that do not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShapeError {
    /// The block that refuses: `dense 784 → 1000, relu`.
    pub block: String,
    /// What it takes.
    pub wants: String,
    /// What it was offered.
    pub offered: Shape,
}

impl fmt::Display for ShapeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` takes {} features, but what comes before it gives {}",
            self.block, self.wants, self.offered
        )
    }
}

impl std::error::Error for ShapeError {}
