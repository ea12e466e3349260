//! Predicted sequences, "teacher forcing" (Hinton 2022, section 3.4): what would follow, were the network's own guess
//! right.
//!
//! A row is a window of symbols, one-hot, and its label the symbol that follows. Its fake is the window one symbol
//! further on, with a *wrong* next symbol at its end, drawn from the head's softmax with the true one taken out:
//!
//! ```text
//! row  s₁ s₂ … sₙ → sₙ₊₁      fake  s₂ … sₙ ŝ      ŝ ~ softmax(z), ŝ ≠ sₙ₊₁
//! ```

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{FakesFn, Known, move_on, refuse_all_but_sequences};
use crate::Tensor;
use crate::parts::chance::Rng;
use crate::parts::negatives::sample_wrong;
use crate::parts::shape::Shape;

/// The window one symbol on, with a wrong next symbol that the head would say.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Predicted {}

impl FakesFn for Predicted {
    fn refuse(&self, input: Shape, classes: usize) -> Option<(String, &'static str)> {
        refuse_all_but_sequences(input, classes)
    }

    fn draw(&self, known: Known<'_>, chance: &mut Rng) -> Tensor {
        let logits = (known.ask)(known.x);
        move_on(known.x, &logits, |r, z| sample_wrong(z, known.labels[r], chance.unit_f64()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parts::chance::Purpose;
    use crate::parts::host::{matrix, view};

    #[test]
    fn the_window_moves_on_and_ends_in_a_wrong_symbol_that_the_head_would_say() {
        let input = Shape::Image { c: 1, h: 3, w: 3 };
        // "abc" and "bba"; both go on with c, and the head is all but sure of c, then of a.
        let (a, b, c) = ([1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]);
        let x = matrix([a, b, c, b, b, a].concat(), 2, 9);
        let logits = matrix([[50.0, 0.0, 90.0]; 2].concat(), 2, 3);
        let known = Known { x: &x, input, labels: &[2, 2], ask: &mut |_| logits.clone() };
        let fakes = Predicted {}.draw(known, &mut Rng::stream(1, Purpose::Negatives, 1));
        assert_eq!(view(&fakes)[..], [b, c, a, b, a, a].concat());
    }

    #[test]
    fn lines_must_be_symbols() {
        let refused = |c, w| Predicted {}.refuse(Shape::Image { c, h: 10, w }, 30).is_some();
        assert!(!refused(1, 30) && refused(1, 28) && refused(3, 30));
        assert!(Predicted {}.refuse(Shape::Flat(300), 30).is_some());
    }
}
