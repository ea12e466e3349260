//! Negatives: which wrong label each made-up row is given.

mod hard;
mod permuted;
mod uniform;

pub use hard::Hard;
pub use hard::sample;
pub(super) use hard::sample_wrong;
pub use permuted::Permuted;
pub use uniform::Uniform;

use super::chance::Rng;
use crate::Tensor;

/// What is known when wrong labels are drawn.
pub struct Evidence<'a> {
    /// True classes.
    pub labels: &'a [u8],
    /// Number of classes.
    pub classes: usize,
    /// The head's logits for these rows `[B, K]`, if it was asked.
    pub logits: Option<&'a Tensor>,
}

/// What a choice of negatives does.
pub trait NegativesFn: std::fmt::Debug {
    /// A label for each row. Draws only from `chance`.
    fn draw(&self, evidence: &Evidence<'_>, chance: &mut Rng) -> Vec<u8>;
    /// Whether the head's logits are needed.
    fn needs_logits(&self) -> bool {
        false
    }
    /// Whether each training row keeps the first wrong label it was ever given.
    fn frozen(&self) -> bool {
        false
    }
}

crate::choices! {
    /// Where the made-up data comes from.
    pub enum Negatives: NegativesFn {
        Hard = "hard",
        Uniform = "uniform",
        Permuted = "permuted",
    }
}

impl Default for Negatives {
    fn default() -> Negatives {
        Hard {}.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parts::chance::Purpose;
    use crate::parts::host::matrix_from;

    #[test]
    fn every_choice_gives_each_row_one_valid_label_and_only_permuted_ever_the_true_one() {
        let labels: Vec<u8> = (0..200).map(|i| (i % 7) as u8).collect();
        let logits = matrix_from(200, 7, |r, c| if c == r % 7 { 50.0 } else { c as f32 * 10.0 - 200.0 });
        for negatives in Negatives::all() {
            let evidence = Evidence { labels: &labels, classes: 7, logits: Some(&logits) };
            for index in 0..50 {
                let drawn = negatives.draw(&evidence, &mut Rng::stream(1, Purpose::Negatives, index));
                assert!(drawn.len() == 200 && drawn.iter().all(|label| *label < 7), "{negatives:?}");
                let true_ones = drawn.iter().zip(&labels).filter(|(drawn, label)| drawn == label).count();
                assert_eq!(
                    true_ones > 0,
                    negatives.name() == "permuted",
                    "{negatives:?}: {true_ones} of 200"
                );
            }
        }
    }
}
