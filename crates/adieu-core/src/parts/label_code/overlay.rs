//! Overlay (Hinton 2022, section 3.3): the first K inputs are overwritten by the label, one of K. On MNIST they are
//! border pixels, which are black anyway. The neutral label is `strength / K` in each (0.1 for ten classes).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Columns, LabelCodeFn, Labels};
use crate::Tensor;
use crate::parts::host::{matrix, view};
use crate::parts::shape::Shape;

/// The label overwrites the first K inputs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Overlay {
    /// Value written for the label's class.
    #[schemars(range(min = 1e-6, max = 1e6))]
    pub strength: f64,
}

impl Default for Overlay {
    fn default() -> Overlay {
        Overlay { strength: 1.0 }
    }
}

impl LabelCodeFn for Overlay {
    fn refuse(&self, input: Shape, classes: usize) -> Option<(String, &'static str)> {
        let inputs = input.features();
        (classes > inputs).then(|| {
            (format!("{inputs} inputs cannot hold {classes} classes"), "use data with more features")
        })
    }

    fn show(&self, x: &Tensor, labels: Labels<'_>, classes: usize, _: Shape) -> Tensor {
        self.write(x, &self.code(labels, labels.rows(x.dims()[0]), classes))
    }

    fn columns(&self) -> Option<&dyn Columns> {
        Some(self)
    }
}

impl Columns for Overlay {
    fn blank(&self, x: &Tensor, classes: usize) -> Tensor {
        let [rows, cols] = x.dims();
        assert!(cols >= classes, "overlay: {cols} inputs cannot hold {classes} classes");
        let mut values = view(x).to_vec();
        values.chunks_exact_mut(cols).for_each(|row| row[..classes].fill(0.0));
        matrix(values, rows, cols)
    }

    fn code(&self, labels: Labels<'_>, rows: usize, classes: usize) -> Tensor {
        let strength = self.strength as f32;
        let each = if let Labels::Neutral = labels { strength / classes as f32 } else { 0.0 };
        let mut code = vec![each; rows * classes];
        for (r, row) in code.chunks_exact_mut(classes).enumerate() {
            match labels {
                Labels::Each(labels) => row[usize::from(labels[r])] = strength,
                Labels::All(label) => row[usize::from(label)] = strength,
                Labels::Neutral => {}
            }
        }
        matrix(code, rows, classes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_label_replaces_what_was_there_and_nothing_else() {
        let x = matrix(vec![9.0, 9.0, 9.0, 5.0, 8.0, 8.0, 8.0, 6.0], 2, 4);
        let code = Overlay { strength: 3.0 };
        let write = |labels| view(&code.show(&x, labels, 3, Shape::Flat(4))).to_vec();
        assert_eq!(write(Labels::Each(&[2, 0])), [0.0, 0.0, 3.0, 5.0, 3.0, 0.0, 0.0, 6.0]);
        assert_eq!(write(Labels::All(1)), [0.0, 3.0, 0.0, 5.0, 0.0, 3.0, 0.0, 6.0]);
        assert_eq!(write(Labels::Neutral), [1.0, 1.0, 1.0, 5.0, 1.0, 1.0, 1.0, 6.0]);
        assert_eq!(view(&code.blank(&x, 3))[..], [0.0, 0.0, 0.0, 5.0, 0.0, 0.0, 0.0, 6.0]);
        let twice = code.show(&x, Labels::Each(&[0, 1, 2, 0]), 3, Shape::Flat(4));
        assert_eq!(view(&twice)[8..], [0.0, 0.0, 3.0, 5.0, 3.0, 0.0, 0.0, 6.0], "rows come again");
    }
}
