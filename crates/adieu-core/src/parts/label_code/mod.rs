//! Label codes: how a label is shown to the network, as part of its input.

mod embedding;
mod every_patch;
mod overlay;
mod waves;

pub use embedding::{Embedding, Place};
pub use every_patch::EveryPatch;
pub use overlay::Overlay;
pub use waves::Waves;

use super::host::{matrix, view};
use super::shape::Shape;
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
    /// Why rows of shape `input` cannot show labels of so many classes: what is wrong, and what would be right.
    fn refuse(&self, input: Shape, classes: usize) -> Option<(String, &'static str)>;
    /// Whether it takes the place of the first few columns and leaves the others alone; else it is all over the row.
    fn overwrites(&self) -> bool {
        true
    }
    /// `x [B, n_in]` with the place where labels of `classes` classes go left blank: zeros in its first columns. Asked of
    /// those that overwrite.
    fn blank(&self, x: &Tensor, _classes: usize) -> Tensor {
        x.clone()
    }
    /// What is written into rows of shape `input`: `[rows, columns]`.
    fn code(&self, labels: Labels<'_>, rows: usize, classes: usize, input: Shape) -> Tensor;
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
        Waves = "waves",
        EveryPatch = "every_patch",
    }
}

impl Default for LabelCode {
    fn default() -> LabelCode {
        Overlay::default().into()
    }
}

/// The code of labels that are patterns as large as a row, one a class; the neutral one is their mean.
fn patterned(labels: Labels<'_>, rows: usize, patterns: &[Vec<f32>]) -> Tensor {
    let cols = patterns[0].len();
    let neutral = || -> Vec<f32> {
        let mean = |i: usize| patterns.iter().map(|p| f64::from(p[i])).sum::<f64>() / patterns.len() as f64;
        (0..cols).map(|i| mean(i) as f32).collect()
    };
    let values = match labels {
        Labels::Each(labels) => {
            labels.iter().flat_map(|label| &patterns[usize::from(*label)]).copied().collect()
        }
        Labels::All(label) => {
            patterns[usize::from(label)].iter().copied().cycle().take(rows * cols).collect()
        }
        Labels::Neutral => neutral().into_iter().cycle().take(rows * cols).collect(),
    };
    matrix(values, rows, cols)
}

/// `x′ = (1 − s) x + code`: how patterns are written. If there are several times B codes, the rows of x come again.
fn blended(strength: f64, x: &Tensor, code: &Tensor) -> Tensor {
    let ([rows, cols], share) = (code.dims(), (1.0 - strength) as f32);
    assert_eq!(x.dims()[1], cols, "a pattern covers the whole row");
    let (x, code) = (view(x), view(code));
    matrix(x.iter().cycle().zip(code.iter()).map(|(x, code)| share * x + code).collect(), rows, cols)
}
