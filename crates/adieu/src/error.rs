//! What can go wrong, once.

use std::io;
use std::path::{Path, PathBuf};

use crate::recipe::Faults;

/// Everything that can go wrong between a recipe and a report. Each message names the file and what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The recipe cannot be run as it is written.
    #[error(transparent)]
    Recipe(#[from] Faults),
    /// The data cannot be read.
    #[error(transparent)]
    Data(#[from] adieu_data::DataError),
    /// The record cannot be read or written.
    #[error(transparent)]
    Record(#[from] adieu_record::jsonl::RecordError),
    /// A page or figure cannot be made of the record.
    #[error(transparent)]
    Report(#[from] adieu_report::Error),
    /// A file or folder cannot be read or written.
    #[error("{path}: cannot {what}: {source}; {remedy}", path = path.display(), remedy = remedy(source))]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried: `write the report`.
        what: &'static str,
        /// What the operating system said.
        source: io::Error,
    },
    /// A checkpoint does not fit, or is damaged.
    #[error("{path}: {what}; {remedy}", path = path.display())]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
        /// What to do.
        remedy: &'static str,
    },
    /// A folder is not what it should be.
    #[error("{path}: {what}; {remedy}", path = path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What is wrong.
        what: String,
        /// What to do.
        remedy: String,
    },
    /// A step outside a run diverged; in a run that is an outcome.
    #[error("step {step}: {what}; lower the learning rate")]
    Diverged {
        /// Number of the step.
        step: u64,
        /// What stopped being finite.
        what: String,
    },
}

impl Error {
    /// For `map_err`: `what` failed on `path`.
    pub fn io(path: &Path, what: &'static str) -> impl FnOnce(io::Error) -> Error {
        let path = path.to_path_buf();
        move |source| Error::Io { path, what, source }
    }
}

fn remedy(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::NotFound => "check the spelling, or create the folder first",
        io::ErrorKind::IsADirectory => "name a file, not a folder",
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
            "a file is in the way: choose another folder"
        }
        io::ErrorKind::InvalidData => "save it as UTF-8 text",
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "choose a folder you may write to"
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            "free some disk space, or choose another disk"
        }
        _ => "check that the disk is there and writable",
    }
}
