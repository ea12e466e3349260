//! Label codes: how a label is shown to the network, as part of its input.

mod distortion;
mod embedding;
mod every_patch;
mod overlay;
mod waves;

pub use distortion::Distortion;
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

impl Labels<'_> {
    /// How many rows are shown of `own`: as many as there are labels, if each has its own.
    pub fn rows(&self, own: usize) -> usize {
        if let Labels::Each(labels) = self { labels.len() } else { own }
    }
}

/// What a label code does.
pub trait LabelCodeFn: std::fmt::Debug {
    /// Why rows of shape `input` cannot show labels of so many classes: what is wrong, and what would be right.
    fn refuse(&self, input: Shape, classes: usize) -> Option<(String, &'static str)>;
    /// Rows `x [B, n_in]` of shape `input` that show `labels`: `[B, n_in]`, or as many rows as there are labels; the rows of
    /// x then come again from the first.
    fn show(&self, x: &Tensor, labels: Labels<'_>, classes: usize, input: Shape) -> Tensor;
    /// This code, if it takes the place of the first few columns and leaves the others alone; else it is all over the row.
    fn columns(&self) -> Option<&dyn Columns> {
        None
    }
}

/// A label code that takes the place of the first few columns.
pub trait Columns {
    /// `x [B, n_in]` with that place left blank: zeros.
    fn blank(&self, x: &Tensor, classes: usize) -> Tensor;
    /// What is written there: `[rows, columns]`.
    fn code(&self, labels: Labels<'_>, rows: usize, classes: usize) -> Tensor;
    /// `x [B, n_in]` with the code written into it; if there are several times B codes, the rows of x come again from the
    /// first.
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
        Distortion = "distortion",
    }
}

impl Default for LabelCode {
    fn default() -> LabelCode {
        Overlay::default().into()
    }
}

/// `x′ = (1 − s) x + s e`: rows under patterns as large as they are, s e of each class; the neutral one is their mean.
fn patterned(strength: f64, x: &Tensor, labels: Labels<'_>, patterns: &[Vec<f32>]) -> Tensor {
    let (cols, rows) = (patterns[0].len(), labels.rows(x.dims()[0]));
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
    blended(strength, x, &matrix(values, rows, cols))
}

/// `x′ = (1 − s) x + code`: how patterns are written. If there are several times B codes, the rows of x come again.
fn blended(strength: f64, x: &Tensor, code: &Tensor) -> Tensor {
    let ([rows, cols], share) = (code.dims(), (1.0 - strength) as f32);
    assert_eq!(x.dims()[1], cols, "a pattern covers the whole row");
    let (x, code) = (view(x), view(code));
    matrix(x.iter().cycle().zip(code.iter()).map(|(x, code)| share * x + code).collect(), rows, cols)
}
