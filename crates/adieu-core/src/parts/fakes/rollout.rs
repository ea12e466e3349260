//! Self-generated sequences (Hinton 2022, section 3.4): what the network says when it goes on from its own words.
//!
//! From each real window the network writes `length` symbols, each drawn from its head's softmax and appended to what
//! the next is drawn from. The last window is the fake. From the n-th symbol on, n those of a window, nothing in it is
//! real:
//!
//! ```text
//! row  s₁ … sₙ      ŝₙ₊ᵢ ~ softmax(z(sᵢ … sₙ ŝₙ₊₁ … ŝₙ₊ᵢ₋₁))      fake  the last n of s₁ … sₙ ŝₙ₊₁ … ŝₙ₊length
//! ```
//!
//! # Differences from the paper
//! - There whole strings are written from their first 10 characters on, 90 of them, and every window is a fake. Here each
//!   row writes its own ten; one has to ask the network ten times a step, not ninety.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{FakesFn, Known, move_on, refuse_all_but_sequences};
use crate::Tensor;
use crate::parts::chance::Rng;
use crate::parts::negatives::sample;
use crate::parts::shape::Shape;

/// What the network itself writes, from the real window on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Rollout {
    /// Symbols written; the network is asked once for each.
    #[schemars(range(min = 1, max = 1000))]
    pub length: u32,
}

impl Default for Rollout {
    fn default() -> Rollout {
        Rollout { length: 10 }
    }
}

impl FakesFn for Rollout {
    fn refuse(&self, input: Shape, classes: usize) -> Option<(String, &'static str)> {
        refuse_all_but_sequences(input, classes)
    }

    fn draw(&self, known: Known<'_>, chance: &mut Rng) -> Tensor {
        (0..self.length).fold(known.x.clone(), |x, _| {
            let logits = (known.ask)(&x);
            move_on(&x, &logits, |_, z| sample(z, chance.unit_f64()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parts::chance::Purpose;
    use crate::parts::host::{matrix, view};

    #[test]
    fn it_goes_on_from_its_own_words() {
        // A head that is all but sure of the symbol after the last one: abc, bca, cab, ….
        let input = Shape::Image { c: 1, h: 3, w: 3 };
        let (a, b, c) = ([1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]);
        let x = matrix([a, a, b, c, b, a].concat(), 2, 9);
        for (length, want) in [(1, [a, b, c, b, a, b]), (2, [b, c, a, a, b, c]), (5, [b, c, a, a, b, c])] {
            let mut asked = 0;
            let mut ask = |x: &Tensor| {
                asked += 1;
                let after = |last: &[f32]| [last[2], last[0], last[1]].map(|one| 90.0 * one);
                matrix(view(x).chunks_exact(9).flat_map(|row| after(&row[6..])).collect(), 2, 3)
            };
            let known = Known { x: &x, input, labels: &[0, 0], ask: &mut ask };
            let fakes = Rollout { length }.draw(known, &mut Rng::stream(1, Purpose::Negatives, 1));
            assert_eq!((view(&fakes).to_vec(), asked), (want.concat(), length), "{length}");
        }
    }
}
