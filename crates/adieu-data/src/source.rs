//! The registry of datasets. A new one is one file with a [`Source`] in it, and one line here.

use std::path::Path;

use crate::error::DataError;
use crate::remote::RemoteFile;
use crate::rows::Dataset;

/// Where a dataset comes from.
pub trait Source: std::fmt::Debug + Send + Sync {
    /// The name recipes and commands use.
    fn kind(&self) -> &'static str;

    /// One line on what it is.
    fn about(&self) -> &'static str;

    /// Its licence, in a few words.
    fn licence(&self) -> &'static str;

    /// Whether it needs no folder.
    fn bundled(&self) -> bool;

    /// The files it is published as; none if it is bundled, made or the reader's own.
    fn files(&self) -> &'static [RemoteFile] {
        &[]
    }

    /// Reads all of it, from a folder if one is given.
    ///
    /// # Errors
    /// Any [`DataError`] but [`DataError::Unknown`].
    fn load(&self, folder: Option<&Path>) -> Result<Dataset, DataError>;
}

static SOURCES: [&dyn Source; 4] =
    [&crate::mnist::Mnist, &crate::fables::Fables, &crate::folder::Folder, &crate::images::Images];

/// Every dataset there is.
pub fn list() -> &'static [&'static dyn Source] {
    &SOURCES
}

/// Reads the dataset called `name`, from the four files in `folder` if one is given.
///
/// A folder goes before the bundled digits: `load("mnist", Some(folder))` reads the folder, and the dataset is named after
/// it.
///
/// # Errors
/// [`DataError::Unknown`] if no dataset has that name; else what is wrong with its files.
pub fn load(name: &str, folder: Option<&Path>) -> Result<Dataset, DataError> {
    match SOURCES.iter().find(|source| source.kind() == name) {
        Some(source) => source.load(folder),
        None => {
            let known = SOURCES.map(|source| source.kind()).join(", ");
            Err(DataError::Unknown { name: name.to_owned(), known })
        }
    }
}
