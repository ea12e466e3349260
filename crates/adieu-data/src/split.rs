//! Which rows train, choose and test.
//!
//! Whatever is chosen (a learning rate, an epoch to stop at) is chosen on the validation rows; the test rows are looked at
//! once, at the end. Of MNIST's 60,000 training digits the last 10,000 are for validation; of any other dataset the last
//! sixth.

use std::ops::Range;

use crate::rows::Dataset;

/// What the training is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    /// To choose: the last sixth of the training rows is held back for validation (MNIST: 50,000 / 10,000 / 10,000).
    Choose,
    /// For final figures: all training rows train (MNIST: 60,000 / 10,000).
    Final,
}

/// Row numbers of each part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    /// Rows of [`Dataset::train`] that train.
    pub train: Range<u32>,
    /// Rows of [`Dataset::train`] held back; none in a final run.
    pub validation: Option<Range<u32>>,
    /// Rows of [`Dataset::test`]: all of them.
    pub test: Range<u32>,
}

/// The parts of a dataset. A sixth is rounded down, but at least one row; of a single training row nothing is held back.
pub fn split(dataset: &Dataset, split: Split) -> Parts {
    parts(dataset.train.len() as u32, dataset.test.len() as u32, split)
}

fn parts(train: u32, test: u32, split: Split) -> Parts {
    let held = if split == Split::Choose && train > 1 { (train / 6).max(1) } else { 0 };
    let kept = train - held;
    Parts { train: 0..kept, validation: (held > 0).then_some(kept..train), test: 0..test }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_sixth_is_held_back_to_choose_and_nothing_in_the_end() {
        for (train, kept) in [(60_000, 50_000), (697_932, 581_610), (7, 6), (5, 4), (2, 1)] {
            let choose = parts(train, 10, Split::Choose);
            assert_eq!(
                choose,
                Parts { train: 0..kept, validation: Some(kept..train), test: 0..10 },
                "{train}"
            );
            assert_eq!(
                parts(train, 10, Split::Final),
                Parts { train: 0..train, validation: None, test: 0..10 }
            );
        }
        assert_eq!(parts(1, 1, Split::Choose), Parts { train: 0..1, validation: None, test: 0..1 });
    }
}
