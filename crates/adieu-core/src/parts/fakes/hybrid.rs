//! Hybrid images (Hinton 2022, section 3.2): two digits cut together along a mask of large patches.
//!
//! ```text
//! m  ← random bits; blurred k times with [1/4, 1/2, 1/4] along columns and along rows; m > 1/2
//! x⁻ = m ⊙ x₁ + (1 − m) ⊙ x₂
//! ```
//!
//! Short-range correlations are those of real images, long-range ones are not: telling the two apart takes shape.
//!
//! # Differences from the paper
//! - It says "repeatedly"; k is a setting, 6 unless told. At the border the outermost pixel is repeated.
//! - The two images are different rows of the batch, of whatever class: which digit a row shows is not known here. A
//!   batch of a single row has no other, and its fake is the row itself.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{FakesFn, Known};
use crate::Tensor;
use crate::parts::chance::Rng;
use crate::parts::host::{matrix, view};
use crate::parts::shape::Shape;

/// Two rows of the batch, cut together along a blurred random mask.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Hybrid {
    /// Times the mask is blurred; more make larger patches.
    #[schemars(range(min = 0, max = 1000))]
    pub blurs: u32,
}

impl Default for Hybrid {
    fn default() -> Hybrid {
        Hybrid { blurs: 6 }
    }
}

impl FakesFn for Hybrid {
    fn refuse(&self, input: Shape, _: usize) -> Option<(String, &'static str)> {
        match input {
            Shape::Image { .. } => None,
            other => Some((format!("{other} features have no near and far"), "use data that are images")),
        }
    }

    fn draw(&self, known: Known<'_>, chance: &mut Rng) -> Tensor {
        let Shape::Image { h, w, .. } = known.input else {
            panic!("hybrids are made of images, not of {}", known.input)
        };
        let ([rows, cols], x) = (known.x.dims(), view(known.x));
        let mut mask = Mask::new(h, w);
        let mut fakes = x.to_vec();
        for (r, fake) in fakes.chunks_exact_mut(cols).enumerate() {
            let other = if rows > 1 { (r + 1 + chance.below(rows as u32 - 1) as usize) % rows } else { r };
            let other = &x[other * cols..][..cols];
            let mask = mask.draw(self.blurs, chance);
            for (fake, other) in fake.chunks_exact_mut(h * w).zip(other.chunks_exact(h * w)) {
                for ((fake, other), m) in fake.iter_mut().zip(other).zip(mask) {
                    if *m <= 0.5 {
                        *fake = *other;
                    }
                }
            }
        }
        matrix(fakes, rows, cols)
    }
}

/// A mask of `h` x `w` pixels, and room to blur it.
struct Mask {
    w: usize,
    pixels: Vec<f32>,
    line: Vec<f32>,
    above: Vec<f32>,
}

impl Mask {
    fn new(h: usize, w: usize) -> Mask {
        Mask { w, pixels: vec![0.0; h * w], line: vec![0.0; w], above: vec![0.0; w] }
    }

    /// Random bits, blurred; not yet cut at 1/2.
    fn draw(&mut self, blurs: u32, chance: &mut Rng) -> &[f32] {
        self.pixels.iter_mut().for_each(|pixel| *pixel = chance.below(2) as f32);
        for _ in 0..blurs {
            self.blur_columns();
            self.blur_rows();
        }
        &self.pixels
    }

    fn blur_columns(&mut self) {
        let (w, h) = (self.w, self.pixels.len() / self.w);
        self.above.copy_from_slice(&self.pixels[..w]);
        for y in 0..h {
            let below = (y + 1).min(h - 1) * w;
            self.line.copy_from_slice(&self.pixels[y * w..][..w]);
            for x in 0..w {
                let below = self.pixels[below + x];
                self.pixels[y * w + x] = 0.25 * (self.above[x] + below) + 0.5 * self.line[x];
            }
            std::mem::swap(&mut self.above, &mut self.line);
        }
    }

    fn blur_rows(&mut self) {
        for pixels in self.pixels.chunks_exact_mut(self.w) {
            self.line.copy_from_slice(pixels);
            for (x, pixel) in pixels.iter_mut().enumerate() {
                let (left, right) = (self.line[x.saturating_sub(1)], self.line[(x + 1).min(self.w - 1)]);
                *pixel = 0.25 * (left + right) + 0.5 * self.line[x];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parts::chance::Purpose;
    use crate::parts::host::matrix_from;

    const IMAGE: Shape = Shape::Image { c: 1, h: 28, w: 28 };

    /// The definition, pixel by pixel.
    fn blurred(before: &[f32], h: usize, w: usize) -> Vec<f32> {
        let at = |m: &[f32], y: isize, x: isize| {
            m[y.clamp(0, h as isize - 1) as usize * w + x.clamp(0, w as isize - 1) as usize]
        };
        let pass = |m: &[f32], dy: isize, dx: isize| -> Vec<f32> {
            let pixel = |i: usize| {
                let (y, x) = ((i / w) as isize, (i % w) as isize);
                0.25 * at(m, y - dy, x - dx) + 0.5 * at(m, y, x) + 0.25 * at(m, y + dy, x + dx)
            };
            (0..h * w).map(pixel).collect()
        };
        pass(&pass(before, 1, 0), 0, 1)
    }

    #[test]
    fn the_mask_is_blurred_as_the_definition_says() {
        let stream = || Rng::stream(1, Purpose::Probe, 0);
        for (h, w) in [(5, 7), (1, 4), (6, 1)] {
            let mut naive = Mask::new(h, w).draw(0, &mut stream()).to_vec();
            for blurs in 1..4 {
                naive = blurred(&naive, h, w);
                let mut mask = Mask::new(h, w);
                let found = mask.draw(blurs, &mut stream());
                let far = found.iter().zip(&naive).any(|(a, b)| (a - b).abs() > 1e-6);
                assert!(!far, "{h}x{w}, {blurs} blurs: {found:?}, not {naive:?}");
            }
        }
    }

    #[test]
    fn patches_are_large_and_both_images_have_their_share() {
        let x = matrix_from(50, 784, |r, _| r as f32);
        let agreement = |blurs| {
            let mut ask = |_: &Tensor| unreachable!("hybrids ask nothing");
            let known = Known { x: &x, input: IMAGE, labels: &[], ask: &mut ask };
            let fakes = Hybrid { blurs }.draw(known, &mut Rng::stream(2, Purpose::Negatives, 1));
            let (mut own, mut alike) = (0, 0);
            for (r, fake) in view(&fakes).chunks_exact(784).enumerate() {
                let other = fake.iter().find(|v| **v != r as f32).expect("something of the other image");
                assert!(fake.iter().all(|v| *v == r as f32 || v == other), "two images make a hybrid");
                own += fake.iter().filter(|v| **v == r as f32).count();
                alike += (0..784).filter(|i| i % 28 > 0 && fake[*i] == fake[i - 1]).count();
            }
            (own as f64 / (50.0 * 784.0), alike as f64 / (50.0 * 27.0 * 28.0))
        };
        let (rough, smooth) = (agreement(0), agreement(6));
        assert!((rough.0 - 0.5).abs() < 0.02 && (rough.1 - 0.5).abs() < 0.02, "{rough:?}");
        assert!((smooth.0 - 0.5).abs() < 0.06 && smooth.1 > 0.85, "{smooth:?}");
    }
}
