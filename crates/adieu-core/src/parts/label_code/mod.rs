//! Label codes: how a label is shown to the network, as part of its input.

mod overlay;

pub use overlay::Overlay;

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
    /// `x [B, n_in]` with labels of `classes` classes written in.
    fn write(&self, x: &Tensor, labels: Labels<'_>, classes: usize) -> Tensor;
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
