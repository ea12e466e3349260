//! Waves (Scodellaro, Kulkarni, Alves & Schröter 2023, arXiv:2312.14924): each class is a wave of low frequency over the whole
//! image, so that every receptive field sees the label, however small it is.
//!
//! ```text
//! x′ = (1 − s) x + s (1 + cos(2π (u_k r/h + v_k c/w) + φ_k))/2        at row r and column c, in every channel
//! ```
//!
//! Class k has a frequency (u, v) and a phase φ of its own: frequencies in the order of u² + v², each with the phases 0
//! and π/2. The neutral label is the mean of all classes' waves.
//!
//! # Differences from the paper
//! - Known from its abstract and a note about it: waves are specific to a class and of low frequency there, too; which they
//!   are, and how strong, is ours. Its other code is [`Distortion`](super::Distortion).

use std::f64::consts::{PI, TAU};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{LabelCodeFn, Labels, patterned};
use crate::Tensor;
use crate::parts::shape::Shape;
use crate::parts::window::image;

/// The label is a wave over the whole image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Waves {
    /// s: the wave's share of what is seen.
    #[schemars(range(min = 0.01, max = 0.99))]
    pub strength: f64,
}

impl Default for Waves {
    fn default() -> Waves {
        Waves { strength: 0.35 }
    }
}

/// Frequency (u, v) and phase of class `class`; v may be negative, (u, v) and (−u, −v) are one.
fn wave(class: usize) -> (i32, i32, f64) {
    let mut all: Vec<(i32, i32)> = Vec::new();
    let mut reach = 2;
    while all.len() <= class / 2 {
        all = (0..=reach).flat_map(|u| (-reach..=reach).map(move |v| (u, v))).collect();
        all.retain(|(u, v)| (*u > 0 || *v > 0) && u * u + v * v <= reach * reach);
        all.sort_by_key(|(u, v)| (u * u + v * v, *u, -v));
        reach += 1;
    }
    let (u, v) = all[class / 2];
    (u, v, if class.is_multiple_of(2) { 0.0 } else { PI / 2.0 })
}

impl Waves {
    /// Whether every two classes differ somewhere: waves that are too short for an image look like others.
    fn all_differ(&self, input: Shape, classes: usize) -> bool {
        let patterns: Vec<Vec<f32>> = (0..classes).map(|class| self.pattern(class, input)).collect();
        let differ =
            |a: &[f32], b: &[f32]| a.iter().zip(b).any(|(a, b)| (a - b).abs() > 0.05 * self.strength as f32);
        (0..classes).all(|k| patterns[..k].iter().all(|other| differ(&patterns[k], other)))
    }

    /// s (1 + wave)/2 of a class over an image.
    fn pattern(&self, class: usize, input: Shape) -> Vec<f32> {
        let (h, w, channels, _) = image(input).expect("the shape was checked");
        let (u, v, phase) = wave(class);
        let at = |r: usize, c: usize| {
            let along = f64::from(u) * r as f64 / h as f64 + f64::from(v) * c as f64 / w as f64;
            (self.strength * (1.0 + (TAU * along + phase).cos()) / 2.0) as f32
        };
        let plane = |r: usize| (0..w).map(move |c| (r, c));
        let pixels = (0..h).flat_map(plane).map(|(r, c)| at(r, c));
        match input {
            Shape::Image { .. } => {
                let one: Vec<f32> = pixels.collect();
                one.iter().copied().cycle().take(one.len() * channels).collect()
            }
            _ => pixels.flat_map(|pixel| std::iter::repeat_n(pixel, channels)).collect(),
        }
    }
}

impl LabelCodeFn for Waves {
    fn refuse(&self, input: Shape, classes: usize) -> Option<(String, &'static str)> {
        let fits = image(input).is_some() && self.all_differ(input, classes);
        let what = || format!("{input} has no room for {classes} different waves");
        (!fits).then(|| (what(), "use data that are larger images, or kind = \"overlay\""))
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

    const INPUT: Shape = Shape::Image { c: 2, h: 6, w: 8 };

    #[test]
    fn every_class_has_a_wave_of_its_own_that_every_window_sees() {
        let code = Waves { strength: 0.5 };
        let patterns: Vec<Vec<f32>> = (0..30).map(|class| code.pattern(class, INPUT)).collect();
        for (k, one) in patterns.iter().enumerate() {
            assert!(one.iter().all(|v| (0.0..=0.5).contains(v)) && one[..48] == one[48..], "class {k}");
            for other in &patterns[..k] {
                let apart = one.iter().zip(other).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                assert!(apart > 0.05, "class {k} is like another");
            }
        }
        // of ten classes any two differ within every window of 3 x 3
        for (a, b) in (0..10).flat_map(|a| (0..a).map(move |b| (a, b))) {
            for (r, c) in (0..4).flat_map(|r| (0..6).map(move |c| (r, c))) {
                let window = (0..9).map(|i| (r + i / 3) * 8 + c + i % 3);
                let apart = window.map(|i| (patterns[a][i] - patterns[b][i]).abs()).fold(0.0, f32::max);
                assert!(apart > 0.01, "classes {a} and {b} look alike at {r}, {c}");
            }
        }
    }

    #[test]
    fn the_image_is_still_there_and_neutral_is_the_mean() {
        let code = Waves { strength: 0.25 };
        let x = matrix((0..192).map(|i| i as f32).collect(), 2, 96);
        let written = code.show(&x, Labels::Each(&[0, 1, 1, 0]), 2, INPUT);
        let written = view(&written);
        for (row, class) in [0, 1, 1, 0].into_iter().enumerate() {
            let wave = code.pattern(class, INPUT);
            for i in 0..96 {
                let wanted = 0.75 * ((row % 2) * 96 + i) as f32 + wave[i];
                assert!((written[row * 96 + i] - wanted).abs() < 1e-4);
            }
        }
        let neutral = code.show(&matrix(vec![0.0; 96], 1, 96), Labels::Neutral, 2, INPUT);
        let (first, second) = (code.pattern(0, INPUT), code.pattern(1, INPUT));
        let means = first.iter().zip(&second).map(|(a, b)| (a + b) / 2.0);
        assert!(view(&neutral).iter().zip(means).all(|(n, mean)| (n - mean).abs() < 1e-6));
        assert!(code.refuse(Shape::Flat(20), 2).is_some() && code.refuse(INPUT, 2).is_none());
        // the second and the fourth wave are both flat there
        let tiny = Shape::Pixels { h: 2, w: 2, c: 1 };
        assert!(code.refuse(tiny, 4).is_some() && code.refuse(tiny, 3).is_none());
        assert!(code.refuse(Shape::Image { c: 1, h: 28, w: 28 }, 47).is_none());
    }
}
