//! Distortion (Scodellaro, Kulkarni, Alves & Schröter 2023, arXiv:2312.14924): each class distorts the whole image by a
//! morphological operation of its own, so that the label is seen wherever there is anything to be seen.
//!
//! ```text
//! x′ = (1 − s) x + s M_k(x)        M_k(x)_p = max or min of x_q over the pixels q of a line through p
//! ```
//!
//! The maximum over a line (dilation) draws strokes out along it, the minimum (erosion) wears down those across it. Lines
//! lie four ways, by rows, by columns and along both diagonals; class k has one of these, the maximum where k is even and
//! the minimum where it is odd, and a line of 3 pixels, 5 from class 8 on, 7 from 16 on, and so forth. Pixels outside of the
//! image take no part. The neutral label is the mean over all classes.
//!
//! # Differences from the paper
//! - Known from its abstract and a note about it: distortions are morphological and specific to a class there, too; which
//!   they are, and how strong, is ours.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{LabelCodeFn, Labels};
use crate::Tensor;
use crate::parts::host::{matrix, view};
use crate::parts::shape::Shape;
use crate::parts::window::image;

/// The label distorts the image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Distortion {
    /// s: the distorted image's share of what is seen.
    #[schemars(range(min = 0.01, max = 1.0))]
    pub strength: f64,
}

impl Default for Distortion {
    fn default() -> Distortion {
        Distortion { strength: 1.0 }
    }
}

/// Steps from one pixel of a line to the next, down and to the right.
const WAYS: [(isize, isize); 4] = [(0, 1), (1, 0), (1, 1), (1, -1)];

/// What a class does to an image.
struct Operation {
    way: (isize, isize),
    /// Pixels of the line beyond p, on either side.
    reach: isize,
    largest: bool,
}

impl Operation {
    fn of(class: usize) -> Operation {
        let (way, reach) = (WAYS[class / 2 % WAYS.len()], 1 + class / (2 * WAYS.len()));
        Operation { way, reach: reach as isize, largest: class.is_multiple_of(2) }
    }

    /// One number of M(x) of a plane of h lines of w pixels, of which `at` tells those that there are.
    fn of_line(&self, (r, c): (usize, usize), [h, w]: [usize; 2], at: impl Fn(usize, usize) -> f32) -> f32 {
        let step = |i: isize| {
            let line = r.checked_add_signed(i * self.way.0).filter(|line| *line < h)?;
            let column = c.checked_add_signed(i * self.way.1).filter(|column| *column < w)?;
            Some(at(line, column))
        };
        // NaN goes through: a comparison with it is false
        let pick = |a: f32, b: f32| {
            let keep = if self.largest { a >= b } else { a <= b };
            if keep || a.is_nan() { a } else { b }
        };
        (-self.reach..=self.reach).filter_map(step).reduce(pick).expect("p is on its own line")
    }
}

impl Distortion {
    /// The row `x` of an image of shape `input`, with `label`, blended into `out`, with so much weight.
    fn add(&self, x: &[f32], input: Shape, label: usize, weight: f32, out: &mut [f32]) {
        let (h, w, channels, apart) = image(input).expect("the shape was checked");
        let place = |r: usize, c: usize, channel: usize| match apart {
            true => (channel * h + r) * w + c,
            false => (r * w + c) * channels + channel,
        };
        let (operation, s) = (Operation::of(label), self.strength as f32);
        for channel in 0..channels {
            for (r, c) in (0..h).flat_map(|r| (0..w).map(move |c| (r, c))) {
                let i = place(r, c, channel);
                let moved = operation.of_line((r, c), [h, w], |r, c| x[place(r, c, channel)]);
                out[i] += weight * ((1.0 - s) * x[i] + s * moved);
            }
        }
    }
}

impl LabelCodeFn for Distortion {
    fn refuse(&self, input: Shape, classes: usize) -> Option<(String, &'static str)> {
        // the longest line is to fit into the image, or it distorts no more than a shorter one
        let longest = 1 + 2 * Operation::of(classes.saturating_sub(1)).reach as usize;
        let fits = image(input).is_some_and(|(h, w, ..)| longest <= h.min(w));
        let what = || format!("{input} has no room for {classes} different distortions");
        (!fits).then(|| (what(), "use data that are larger images, or kind = \"overlay\""))
    }

    fn show(&self, x: &Tensor, labels: Labels<'_>, classes: usize, input: Shape) -> Tensor {
        let [own, cols] = x.dims();
        let rows = labels.rows(own);
        let mut shown = vec![0.0; rows * cols];
        let x = view(x);
        for (r, (x, out)) in x.chunks_exact(cols).cycle().zip(shown.chunks_exact_mut(cols)).enumerate() {
            match labels {
                Labels::Each(labels) => self.add(x, input, usize::from(labels[r]), 1.0, out),
                Labels::All(label) => self.add(x, input, usize::from(label), 1.0, out),
                Labels::Neutral => {
                    (0..classes).for_each(|class| self.add(x, input, class, 1.0 / classes as f32, out));
                }
            }
        }
        matrix(shown, rows, cols)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOT: Shape = Shape::Image { c: 1, h: 5, w: 5 };

    /// Where the image of one bright pixel in the middle is bright under a label.
    fn bright(code: &Distortion, label: u8) -> Vec<usize> {
        let mut dot = vec![0.0; 25];
        dot[12] = 1.0;
        let shown = code.show(&matrix(dot, 1, 25), Labels::All(label), 10, DOT);
        view(&shown).iter().enumerate().filter(|(_, v)| **v > 0.0).map(|(i, _)| i).collect()
    }

    #[test]
    fn strokes_are_drawn_out_along_the_line_or_worn_down_across_it() {
        let code = Distortion::default();
        assert_eq!(bright(&code, 0), [11, 12, 13]);
        assert_eq!(bright(&code, 2), [7, 12, 17]);
        assert_eq!(bright(&code, 4), [6, 12, 18]);
        assert_eq!(bright(&code, 6), [8, 12, 16]);
        assert_eq!(bright(&code, 8), [10, 11, 12, 13, 14]);
        assert!((1..10).step_by(2).all(|odd| bright(&code, odd).is_empty()), "a dot is worn away");
        let stroke = matrix((0..25).map(|i| if i / 5 == 2 { 1.0 } else { 0.0 }).collect(), 1, 25);
        let worn = |label| view(&code.show(&stroke, Labels::All(label), 10, DOT)).to_vec();
        assert_eq!(worn(1), view(&stroke).to_vec(), "along it, and beyond the image there is nothing");
        assert!(worn(3).iter().all(|v| *v == 0.0), "across it");
    }

    #[test]
    fn the_image_is_still_there_and_neutral_is_the_mean() {
        let code = Distortion { strength: 0.25 };
        let input = Shape::Image { c: 2, h: 5, w: 5 };
        let x = matrix((0..100).map(|i| (i * 37 % 100) as f32).collect(), 2, 50);
        let each = |label: u8| view(&code.show(&x, Labels::All(label), 3, input)).to_vec();
        let [first, second, third] = [each(0), each(1), each(2)];
        let neutral = code.show(&x, Labels::Neutral, 3, input);
        for (i, neutral) in view(&neutral).iter().enumerate() {
            assert!((neutral - (first[i] + second[i] + third[i]) / 3.0).abs() < 1e-4);
        }
        let whole = Distortion::default().show(&x, Labels::All(0), 3, input);
        let wanted =
            view(&x).iter().zip(view(&whole).iter()).map(|(x, m)| 0.75 * x + 0.25 * m).collect::<Vec<_>>();
        assert!(first.iter().zip(wanted).all(|(v, wanted)| (v - wanted).abs() < 1e-4));
        let twice = code.show(&x, Labels::Each(&[0, 1, 2, 0]), 3, input);
        let twice = view(&twice);
        assert_eq!((&twice[..50], &twice[50..100]), (&first[..50], &second[50..]));
        assert_eq!((&twice[100..150], &twice[150..]), (&third[..50], &first[50..]), "rows come again");
    }

    #[test]
    fn the_order_of_channels_changes_nothing_and_nan_is_carried() {
        let code = Distortion::default();
        let values: Vec<f32> = (0..50).map(|i| (i * 37 % 50) as f32).collect();
        let together = (0..25).flat_map(|p| [values[p], values[25 + p]]).collect();
        let (apart, pixels) = (Shape::Image { c: 2, h: 5, w: 5 }, Shape::Pixels { h: 5, w: 5, c: 2 });
        let a = code.show(&matrix(values, 1, 50), Labels::All(5), 10, apart);
        let b = code.show(&matrix(together, 1, 50), Labels::All(5), 10, pixels);
        let (a, b) = (view(&a), view(&b));
        assert!((0..25).all(|p| a[p] == b[2 * p] && a[25 + p] == b[2 * p + 1]));
        for label in [0, 1] {
            let mut dot = vec![0.0; 25];
            dot[12] = f32::NAN;
            let shown = code.show(&matrix(dot, 1, 25), Labels::All(label), 10, DOT);
            assert_eq!(view(&shown).iter().filter(|v| v.is_nan()).count(), 3);
        }
    }

    #[test]
    fn every_two_classes_differ_or_are_refused() {
        let input = Shape::Image { c: 1, h: 12, w: 12 };
        let noise = matrix((0..144).map(|i| (i * 89 % 144) as f32).collect(), 1, 144);
        let shown =
            |label: u8| view(&Distortion::default().show(&noise, Labels::All(label), 40, input)).to_vec();
        let all: Vec<Vec<f32>> = (0..40).map(shown).collect();
        assert!((0..40).all(|k| all[..k].iter().all(|other| *other != all[k])));
        let refused = |input, classes| Distortion::default().refuse(input, classes).is_some();
        assert!(!refused(input, 40) && refused(input, 41) && refused(Shape::Flat(144), 2));
        assert!(!refused(Shape::Image { c: 1, h: 28, w: 28 }, 47));
    }
}
