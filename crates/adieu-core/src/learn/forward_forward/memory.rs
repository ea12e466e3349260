//! What a step takes at most, to the byte: all arrays of numbers beside data, parameters and moments.
//!
//! With B rows of the batch, R = 2B rows of a lesson (positive, then negative), nₗ outputs of layer l, K classes, in
//! numbers of four bytes, for layers that are one dense block each:
//!
//! ```text
//! lesson l    R (n_in + 1) + R (nₗ + 1)          input with its norm's scales, output with its sums of squares
//!             + 2R                               ∂L/∂g, and what ∂L/∂h has beside h
//!             + nₗ                               gradient of the bias
//!             + n_in + nₗ                        with peers: the sum of their inputs, the push
//!             + R                                with skip_satisfied: the rows that teach something
//! first       R (n₁_in + 1) + R (n₁ + 1)         sharing the image: while it is multiplied
//!             + B (n₁ + 1) + R K                 the images' share and its sums of squares, the code
//! neutral     Σ B (nₗ + 1) + 2 B K               the layers that the head reads, logits, their error,
//!             + B (n₁ + 1)                       sharing the image: its share; or what the way there takes
//! step        max(lessons, neutral) + max(working memory of the kernels)
//! ```
//!
//! Activations that [need their input](adieu_kernels::Activation::needs_input) keep it: R nₗ more. A layer that is a
//! stack adds what lies between its blocks, and their errors. The lessons are those of the widest layer, however
//! many there are; what the head reads, all at once, grows with the depth.

use super::{ForwardForward, Running, Together};
use crate::parts::block::{Arrays, Net, Pull};

/// Bytes of a number.
const NUMBER: u64 = 4;

/// One layer, as the passes of a step meet it.
struct Sizes {
    /// Its pieces in the neutral pass, for B rows.
    neutral: Vec<Arrays>,
    /// And in the lesson, for R.
    lesson: Vec<Arrays>,
}

impl Sizes {
    /// y of the neutral pass.
    fn neutral_output(&self) -> u64 {
        self.neutral.last().map_or(0, |piece| piece.output)
    }

    /// y of the lesson.
    fn output(&self) -> u64 {
        self.lesson.last().map_or(0, |piece| piece.output)
    }
}

/// What the whole step has in common.
struct Step<'a> {
    recipe: &'a ForwardForward,
    /// A number for each row of the batch.
    row: u64,
    /// A number for each scale of a norm on the batch.
    scales: u64,
    /// A label code for each row of the batch.
    code: u64,
    /// The batch's rows.
    image: u64,
    /// The images' share of the first layer, if they share it.
    base: Option<u64>,
}

impl Running {
    pub(super) fn bytes_of_step(&self, net: &Net, rows: usize) -> Option<u64> {
        let recipe = &self.recipe;
        if recipe.overlap || recipe.layers == Together::Greedily {
            return None;
        }
        let push = recipe.peer_weight as f32 != 0.0;
        let layers = net.iter().map(|block| {
            let neutral = block.arrays(rows, Pull { dx: false, push: false })?;
            Some(Sizes { neutral, lesson: block.arrays(2 * rows, Pull { dx: false, push })? })
        });
        let mut layers: Vec<Sizes> = layers.collect::<Option<_>>()?;
        let (first, classes) = (&**net.first()?, self.task.classes);
        let row = rows as u64 * NUMBER;
        recipe.label.columns()?; // of labels all over the image nobody states it
        let shared = first.as_dense().filter(|_| recipe.share_image);
        let step = Step {
            recipe,
            row,
            scales: recipe.norm.scales(&[], 1).map_or(0, |_| row),
            code: row * classes as u64,
            image: row * self.task.input.features() as u64,
            base: shared.map(|_| layers[0].neutral_output() + row),
        };
        let heads: Vec<bool> = (0..self.head.layers()).map(|l| self.head.reads(l)).collect();
        let mut most = if recipe.head { step.neutral(&layers, &heads) } else { 0 };
        if let Some(dense) = shared {
            layers[0].lesson[0].forward_scratch = dense.shared_scratch(rows, [2 * rows, classes]);
        }
        let head_scratch = self.head.scratch(rows);
        let lessons_scratch = layers.iter().map(|layer| Arrays::scratch(&layer.lesson));
        let scratch = lessons_scratch.max()?.max(head_scratch);
        for (l, layer) in layers.iter().enumerate() {
            let below = l.checked_sub(1).map(|below| layers[below].output());
            let units = layer.output() / (2 * row);
            let error = recipe.goodness.pullback_bytes(2 * rows, units as usize)?;
            let pushed = if push { units * NUMBER } else { 0 };
            most = most.max(step.lesson(below, &layer.lesson, error + pushed));
        }
        Some(most + scratch)
    }
}

impl Step<'_> {
    /// The lesson of a layer: `below` are the bytes of what the layer below hands up (`None`: of the first layer),
    /// `credit` those that ∂L/∂h and the push have to themselves.
    fn lesson(&self, below: Option<u64>, pieces: &[Arrays], credit: u64) -> u64 {
        let (row, scales) = (2 * self.row, 2 * self.scales);
        let input = below.unwrap_or(2 * self.image) + scales;
        let top = pieces.len() - 1;
        let busy = if self.recipe.skip_satisfied { row } else { 0 };
        // Downwards, each piece's error is there with what the pieces below it kept; h and ∂L/∂g are all along.
        let h = pieces[top].output + row;
        let mut kept = input;
        let mut most = 0;
        for (i, piece) in pieces.iter().enumerate() {
            kept += piece.kept;
            let inside = if piece.keeps_output { 2 * piece.output } else { piece.output };
            let error = if i == top { credit + busy } else { inside };
            most = most.max(kept + h + row + error + piece.pullback);
            kept += if i == top { 0 } else { piece.output };
        }
        match (below, self.base) {
            (Some(_), _) => most,
            // While the image is multiplied, its share and the code are there as well.
            (None, Some(base)) => most.max(kept + h + base + 2 * self.code),
            (None, None) => most.max(2 * self.image + 2 * self.code),
        }
    }

    /// The neutral pass and the head's step. The way to the first layer that is read takes less than a lesson.
    fn neutral(&self, layers: &[Sizes], heads: &[bool]) -> u64 {
        let (mut most, mut read) = (0, 0);
        for (layer, head) in layers.iter().zip(heads) {
            most = most.max(read + Arrays::of_apply(&layer.neutral, self.row));
            read += if *head { layer.neutral_output() + self.scales } else { 0 };
        }
        self.base.unwrap_or(0) + most.max(read + 2 * self.code)
    }
}
