//! What can go wrong on the way from a file to a dataset: each message names the file, what was found and the remedy.

use std::io;
use std::path::PathBuf;

/// Why a dataset or an image could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// No dataset has this name.
    #[error("there is no dataset '{name}': choose one of {known}")]
    Unknown {
        /// The name asked for.
        name: String,
        /// The names there are, with commas between them.
        known: String,
    },
    /// A folder or a file is not there.
    #[error("{path}: {what}; {remedy}", path = path.display())]
    Missing {
        /// The folder or file looked in.
        path: PathBuf,
        /// What was looked for and not found.
        what: String,
        /// What to do about it.
        remedy: &'static str,
    },
    /// The operating system would not read the file.
    #[error("{path}: cannot be read ({source}); check its permissions and the disk", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Compressed contents are damaged.
    #[error("{path}: damaged ({what}); {remedy}", path = path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What the decoder said.
        what: String,
        /// What to do about it.
        remedy: &'static str,
    },
    /// The file ends too early or too late.
    #[error(
        "{path}: its header promises {expected} bytes in all, found {}{found}; the file is {}: copy or download it again",
        if found > expected { "at least " } else { "" }, if found > expected { "too long" } else { "cut short" },
        path = path.display()
    )]
    Length {
        /// The file; lengths are those of its uncompressed contents.
        path: PathBuf,
        /// Bytes that the header implies, itself included.
        expected: u64,
        /// Bytes found; if there are too many, at least so many.
        found: u64,
    },
    /// The contents are of another kind or size than wanted.
    #[error("{path}: {what}; {remedy}", path = path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What was found, and what was wanted.
        what: String,
        /// What to do about it.
        remedy: &'static str,
    },
    /// Two files of one dataset do not belong together.
    #[error(
        "{first} has {first_has}, but {second} has {second_has}; \
         they do not belong together: take all four files from one copy of the dataset",
        first = first.display(), second = second.display()
    )]
    Disagree {
        /// One file.
        first: PathBuf,
        /// What it has.
        first_has: String,
        /// The other file.
        second: PathBuf,
        /// What that has.
        second_has: String,
    },
    /// A label that no training row has.
    #[error(
        "{path}: label {label} in row {row} (rows count from 0), but the training labels go from 0 to {}; \
         take all four files from one copy of the dataset", classes - 1, path = path.display()
    )]
    Label {
        /// The file of labels.
        path: PathBuf,
        /// The first row with such a label, from 0.
        row: usize,
        /// The label there.
        label: u8,
        /// Number of classes: labels from 0 to one less are in range.
        classes: usize,
    },
}
