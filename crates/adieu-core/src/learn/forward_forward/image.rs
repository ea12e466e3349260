//! The images of a batch on their way into the first layer.
//!
//! Every pass over a batch shows the same images under other labels, and a label code touches the first few inputs
//! only. With W = [W_code; W_rest] and s the scale of the row norm,
//!
//! ```text
//! s ⊙ ([code | rest] W) = s ⊙ (code W_code + rest W_rest)
//! ```
//!
//! and `rest W_rest`, nearly all of the product, is the same for the true, the wrong and the neutral label and for
//! every label that is tried at test time. It is worked out once, unless the label is all over the image. Exact up to the order of a sum.

use super::ForwardForward;
use crate::Tensor;
use crate::learn::{Clock, Task};
use crate::parts::activity::Activity;
use crate::parts::block::{Block, Saved};
use crate::parts::chance::Rng;
use crate::parts::dense::Shared;
use crate::parts::host::view;
use crate::parts::label_code::{Columns, Labels};
use crate::parts::shape::Shape;

/// See the module.
pub(super) struct Image<'a> {
    recipe: &'a ForwardForward,
    x: &'a Tensor,
    classes: usize,
    input: Shape,
    known: Option<Known<'a>>,
}

struct Known<'a> {
    columns: &'a dyn Columns,
    /// rest W_rest
    base: Tensor,
    /// Sums of squares of the rows of rest: `[B, 1]`.
    squares: Tensor,
}

impl<'a> Image<'a> {
    /// Images `x [B, n_in]` for the network's first block as it is now.
    pub(super) fn new(
        recipe: &'a ForwardForward,
        first: &dyn Block,
        x: &'a Tensor,
        task: &Task,
        clock: &mut dyn Clock,
    ) -> Image<'a> {
        let (classes, input) = (task.classes, task.input);
        let dense = first.as_dense().filter(|_| recipe.share_image);
        let known = dense.zip(recipe.label.columns()).map(|(dense, columns)| {
            clock.work(first.cost(x.dims()[0]).forward_macs);
            let rest = columns.blank(x, classes);
            let base = dense.base(&rest);
            Known { columns, base, squares: Activity::from(rest).squares().clone() }
        });
        Image { recipe, x, classes, input, known }
    }

    /// The first block's activity under `labels`, of which there are as many as rows or several times as many: the
    /// images then come again from the first one. Keeps nothing.
    pub(super) fn apply(&self, first: &dyn Block, labels: Labels<'_>, clock: &mut dyn Clock) -> Activity {
        match (&self.known, first.as_dense()) {
            (Some(known), Some(dense)) => {
                let code = self.code(known, labels);
                clock.work(macs(known, &code));
                let code = self.normed(known, code);
                dense.apply_shared(&Shared { base: &known.base, code: &code })
            }
            _ => {
                clock.work(first.cost(labels.rows(self.x.dims()[0])).forward_macs);
                first.apply(&self.shown(labels))
            }
        }
    }

    /// The same, with what the pullback needs. The last pass: the images' share is given up.
    pub(super) fn forward(
        self,
        first: &mut dyn Block,
        labels: Labels<'_>,
        chance: &mut Rng,
        clock: &mut dyn Clock,
    ) -> (Activity, Saved) {
        match (&self.known, first.as_dense()) {
            (Some(known), Some(dense)) => {
                let code = self.code(known, labels);
                clock.work(macs(known, &code));
                let x = known.columns.write(self.x, &code);
                let code = self.normed(known, code);
                let x = code.lend_scales(x);
                dense.forward_shared(x, &Shared { base: &known.base, code: &code })
            }
            _ => {
                clock.work(first.cost(labels.rows(self.x.dims()[0])).forward_macs);
                let x = self.shown(labels);
                first.forward(x, chance)
            }
        }
    }

    fn code(&self, known: &Known<'_>, labels: Labels<'_>) -> Tensor {
        known.columns.code(labels, labels.rows(self.x.dims()[0]), self.classes)
    }

    /// N(image with label).
    fn shown(&self, labels: Labels<'_>) -> Activity {
        let x = self.recipe.label.show(self.x, labels, self.classes, self.input);
        self.recipe.norm.apply(&x.into())
    }

    /// The code with the scales of the whole rows.
    fn normed(&self, known: &Known<'_>, code: Tensor) -> Activity {
        let code = Activity::from(code);
        let mut squares = view(code.squares()).to_vec();
        let rest = view(&known.squares);
        squares.iter_mut().zip(rest.iter().cycle()).for_each(|(squares, rest)| *squares += rest);
        match self.recipe.norm.scales(&squares, self.x.dims()[1]) {
            Some(scales) => code.scaled(scales),
            None => code.without_squares(),
        }
    }
}

/// Multiply-adds of a pass that knows the images' share.
fn macs(known: &Known<'_>, code: &Tensor) -> u64 {
    let [rows, columns] = code.dims();
    (rows * columns * known.base.dims()[1]) as u64
}
