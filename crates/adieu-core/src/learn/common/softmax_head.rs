//! A linear softmax head on what some layers show of themselves: z = Σ_l x_l H_l, trained by cross-entropy. Nothing
//! flows back from it.

use super::linear_head::LinearHead;
use crate::Tensor;
use crate::learn::{Diverged, Scalar, StepCx};
use crate::parts::activity::Activity;
use crate::parts::objective::CrossEntropy;
use crate::parts::optimizer::Optimizer;
use crate::parts::param::Param;

/// See the module.
pub(in crate::learn) struct SoftmaxHead(LinearHead);

impl SoftmaxHead {
    /// `widths` of the layers, `None` for those that are not read.
    pub(in crate::learn) fn new(
        widths: impl Iterator<Item = Option<usize>>,
        classes: usize,
        optimizer: &Optimizer,
    ) -> SoftmaxHead {
        SoftmaxHead(LinearHead::new(widths, classes, false, optimizer))
    }

    /// Whether it reads layer `l`.
    pub(in crate::learn) fn reads(&self, l: usize) -> bool {
        self.0.reads(l)
    }

    /// Layers there are, read or not.
    pub(in crate::learn) fn layers(&self) -> usize {
        self.0.layers()
    }

    /// Working memory of its products.
    pub(in crate::learn) fn scratch(&self, rows: usize) -> u64 {
        self.0.scratch(rows)
    }

    /// One step, given what it reads; the logits are from before that.
    pub(in crate::learn) fn teach(
        &mut self,
        read: Vec<(usize, Activity)>,
        labels: &[u8],
        gain: f64,
        cx: &mut StepCx<'_>,
        said: &mut Vec<Scalar>,
    ) -> Result<Tensor, Diverged> {
        let judge = &mut |logits: &Tensor| {
            let (loss, dlogits) = CrossEntropy::default().loss(logits, labels);
            said.push(Scalar { name: "head_loss", layer: None, value: loss });
            dlogits
        };
        self.0.teach(read, labels.len(), (gain, "logits of the head"), cx, judge)
    }

    /// `sum` and what layer `l` adds to it, if it is read.
    pub(in crate::learn) fn plus_layer(&self, sum: Option<Tensor>, l: usize, x: &Activity) -> Option<Tensor> {
        self.0.plus_layer(sum, l, x)
    }

    /// Where no layer is read yet: every class alike.
    pub(in crate::learn) fn no_logits(&self, rows: usize) -> Tensor {
        self.0.nothing(rows)
    }

    /// Shows all that it keeps for layer `l`.
    pub(in crate::learn) fn params(&mut self, l: usize, visit: &mut dyn FnMut(&mut Param)) {
        self.0.params(l, visit);
    }

    /// For people: name, outputs, parameters of each part.
    pub(in crate::learn) fn describe(&self) -> Vec<(String, u64, u64)> {
        self.0.describe("head")
    }
}
