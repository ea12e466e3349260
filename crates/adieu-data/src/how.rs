//! How to read a dataset: what to do about bad rows, and what the files alone do not say.

use crate::error::DataError;

/// What to do about a row that cannot be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnBad {
    /// Stop, and say which row of which file it is.
    #[default]
    Fail,
    /// Leave the row out and count it; see [`Skipped`].
    Skip,
}

/// How to read a dataset. What a dataset has no use for is passed over.
#[derive(Clone, Debug, PartialEq)]
pub struct How {
    /// What to do about rows that cannot be read: a damaged picture, a line of the wrong length, a value that is
    /// missing or no finite number, a label that training has not. A damaged file that is one stream is always a fault.
    pub on_bad: OnBad,
    /// Whether rows have labels. If not, a table needs no column of them and pictures no folders of classes; those that
    /// are there are left out.
    pub labels: bool,
    /// Of a table, the column of the labels; `None` takes the one called `label`, `class`, `target` or `y`.
    pub label: Option<String>,
    /// What generated rows, and the rows that test where the files do not say, are drawn by.
    pub seed: u64,
    /// Of a generated dataset, the rows to train, at least 12; half as many test. `None` is the dataset's own number.
    pub rows: Option<usize>,
}

impl Default for How {
    fn default() -> How {
        How { on_bad: OnBad::Fail, labels: true, label: None, seed: 1, rows: None }
    }
}

impl How {
    /// Stops at a bad row, or counts it in `skipped`.
    ///
    /// # Errors
    /// `bad` itself unless bad rows are to be left out.
    pub(crate) fn bad(&self, skipped: &mut Skipped, bad: DataError) -> Result<(), DataError> {
        match self.on_bad {
            OnBad::Fail => Err(bad),
            OnBad::Skip => {
                skipped.add(bad.to_string());
                Ok(())
            }
        }
    }
}

/// Rows that were left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Skipped {
    /// How many there are.
    pub count: u64,
    /// What was wrong with the first ten, file and row named.
    pub first: Vec<String>,
}

impl Skipped {
    const KEPT: usize = 10;

    fn add(&mut self, message: String) {
        self.count += 1;
        if self.first.len() < Skipped::KEPT {
            self.first.push(message);
        }
    }
}
