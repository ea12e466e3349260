//! Every patch: the label, one of K, stands in each of the squares that an image is cut into, so that every token of a
//! transformer sees it, and every window as large as a square and a half does.
//!
//! ```text
//! x′ = (1 − s) x + s e_k        e_k: 1 at pixel k of each square, row by row, in every channel, else 0
//! ```
//!
//! The neutral label is the mean of all classes' e, 1/K in the first K pixels of each square.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{LabelCodeFn, Labels, patterned};
use crate::Tensor;
use crate::parts::shape::Shape;
use crate::parts::window::image;

/// The label stands in every square of the image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EveryPatch {
    /// Height and width of a square, pixels: those of the network's patches.
    #[schemars(range(min = 1, max = 65_536))]
    pub side: u64,
    /// s: the label's share of what is seen.
    #[schemars(range(min = 0.01, max = 0.99))]
    pub strength: f64,
}

impl Default for EveryPatch {
    fn default() -> EveryPatch {
        EveryPatch { side: 7, strength: 0.35 }
    }
}

impl EveryPatch {
    /// s e of a class over an image.
    fn pattern(&self, class: usize, input: Shape) -> Vec<f32> {
        let (h, w, channels, _) = image(input).expect("the shape was checked");
        let (side, s) = (self.side as usize, self.strength as f32);
        let at = |i: usize| if i / w % side * side + i % w % side == class { s } else { 0.0 };
        match input {
            Shape::Image { .. } => (0..channels).flat_map(|_| (0..h * w).map(at)).collect(),
            _ => (0..h * w).flat_map(|i| std::iter::repeat_n(at(i), channels)).collect(),
        }
    }
}

impl LabelCodeFn for EveryPatch {
    fn refuse(&self, input: Shape, classes: usize) -> Option<(String, &'static str)> {
        let side = self.side as usize;
        let Some((h, w, ..)) = image(input) else {
            return Some((format!("{input} is cut into no squares"), "use images, or kind = \"overlay\""));
        };
        if !h.is_multiple_of(side) || !w.is_multiple_of(side) {
            return Some((
                format!("squares of {side} pixels do not fill {input}"),
                "choose the side of the network's patches",
            ));
        }
        (side * side < classes).then(|| {
            (format!("a square of {side}x{side} cannot hold {classes} classes"), "choose a larger side")
        })
    }

    fn show(&self, x: &Tensor, labels: Labels<'_>, classes: usize, input: Shape) -> Tensor {
        let patterns: Vec<Vec<f32>> = (0..classes).map(|class| self.pattern(class, input)).collect();
        patterned(self.strength, x, labels, &patterns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parts::host::{matrix, view};

    const INPUT: Shape = Shape::Image { c: 2, h: 4, w: 6 };

    #[test]
    fn every_square_holds_the_label_and_nothing_else() {
        let code = EveryPatch { side: 2, strength: 0.5 };
        for class in 0..4 {
            let pattern = code.pattern(class, INPUT);
            assert_eq!(pattern[..24], pattern[24..], "every channel");
            for (top, left) in [(0, 0), (0, 2), (0, 4), (2, 0), (2, 2), (2, 4)] {
                let square: Vec<f32> = (0..4).map(|i| pattern[(top + i / 2) * 6 + left + i % 2]).collect();
                let wanted: Vec<f32> = (0..4).map(|i| if i == class { 0.5 } else { 0.0 }).collect();
                assert_eq!(square, wanted, "class {class} at {top}, {left}");
            }
        }
        let together = code.pattern(1, Shape::Pixels { h: 4, w: 6, c: 2 });
        assert!(together.chunks(2).zip(code.pattern(1, INPUT)).all(|(pixel, one)| pixel == [one, one]));
    }

    #[test]
    fn what_is_written_is_a_share_of_what_is_seen() {
        let code = EveryPatch { side: 2, strength: 0.25 };
        let input = Shape::Image { c: 1, h: 2, w: 2 };
        let x = matrix(vec![1.0, 0.0, 1.0, 0.0], 1, 4);
        let write = |labels| view(&code.show(&x, labels, 4, input)).to_vec();
        assert_eq!(write(Labels::All(1)), [0.75, 0.25, 0.75, 0.0]);
        assert_eq!(write(Labels::Neutral), [0.8125, 0.0625, 0.8125, 0.0625]);
    }

    #[test]
    fn squares_that_do_not_fit_are_refused() {
        let refused = |side, classes| EveryPatch { side, strength: 0.5 }.refuse(INPUT, classes).is_some();
        assert!(!refused(2, 4) && refused(2, 5) && refused(3, 2) && refused(4, 2));
        assert!(EveryPatch::default().refuse(Shape::Flat(49), 2).is_some());
    }
}
