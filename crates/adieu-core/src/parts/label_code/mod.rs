//! Label codes: how a label is shown to the network, as part of its input.

mod overlay;

pub use overlay::Overlay;

use super::host::{matrix, view};
use crate::Tensor;

/// Which label to show.
#[derive(Clone, Copy, Debug)]
pub enum Labels<'a> {
    /// Each row its own.
    Each(&'a [u8]),
    /// Every row this one.
    All(u8),
    /// None in particular: every class the same share.
    Neutral,
}

/// What a label code does.
pub trait LabelCodeFn: std::fmt::Debug {
    /// `x [B, n_in]` with the place where labels of `classes` classes go left blank: zeros in its first columns.
    fn blank(&self, x: &Tensor, classes: usize) -> Tensor;
    /// What is written there: `[rows, columns]`.
    fn code(&self, labels: Labels<'_>, rows: usize, classes: usize) -> Tensor;
    /// `x [B, n_in]` with the code written into the first columns; if there are several times B codes, the rows of x
    /// come again from the first.
    fn write(&self, x: &Tensor, code: &Tensor) -> Tensor {
        let ([rows, width], cols) = (code.dims(), x.dims()[1]);
        assert!(width <= cols, "{cols} inputs cannot hold a label code of {width}");
        let (x, code) = (view(x), view(code));
        let mut values = Vec::with_capacity(rows * cols);
        for (x, code) in x.chunks_exact(cols).cycle().zip(code.chunks_exact(width)) {
            values.extend_from_slice(code);
            values.extend_from_slice(&x[width..]);
        }
        matrix(values, rows, cols)
    }
}

crate::choices! {
    /// How a label is shown to the network.
    pub enum LabelCode: LabelCodeFn {
        Overlay = "overlay",
    }
}

impl Default for LabelCode {
    fn default() -> LabelCode {
        Overlay::default().into()
    }
}
