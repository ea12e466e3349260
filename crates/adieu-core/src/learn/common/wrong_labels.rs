//! The wrong labels of a step, fresh or kept for each training row.

use crate::Tensor;
use crate::learn::{StepCx, Task};
use crate::parts::Batch;
use crate::parts::chance::Purpose;
use crate::parts::negatives::{Evidence, Negatives};
use crate::parts::param::Param;

/// A choice of negatives at work.
pub(in crate::learn) struct WrongLabels {
    choice: Negatives,
    classes: usize,
    /// For frozen negatives: the wrong label of each training row, −1 until its first is drawn; else empty.
    frozen: Param,
}

impl WrongLabels {
    pub(in crate::learn) fn new(choice: &Negatives, task: &Task) -> WrongLabels {
        let table = if choice.frozen() { task.train_rows } else { 0 };
        let frozen = Param::new("negatives.frozen", &[table], vec![-1.0; table], false);
        WrongLabels { choice: choice.clone(), classes: task.classes, frozen }
    }

    /// One for each row of `batch`.
    pub(in crate::learn) fn draw(
        &mut self,
        batch: &Batch,
        logits: Option<&Tensor>,
        cx: &StepCx<'_>,
    ) -> Vec<u8> {
        let evidence = Evidence { labels: &batch.labels, classes: self.classes, logits };
        let mut wrong = self.choice.draw(&evidence, &mut cx.chance(Purpose::Negatives));
        if self.choice.frozen() {
            let table = self.frozen.values_mut();
            for (wrong, id) in wrong.iter_mut().zip(&batch.ids) {
                let slot = &mut table[*id as usize];
                if *slot < 0.0 {
                    *slot = f32::from(*wrong);
                }
                *wrong = *slot as u8;
            }
        }
        wrong
    }

    /// Shows what must outlive an interruption.
    pub(in crate::learn) fn params(&mut self, visit: &mut dyn FnMut(&mut Param)) {
        if self.frozen.count() > 0 {
            visit(&mut self.frozen);
        }
    }
}
