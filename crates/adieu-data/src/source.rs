//! The registry of datasets. A new one is one file with a [`Source`] in it, and one line here.

use std::path::{Path, PathBuf};

use crate::error::DataError;
use crate::how::How;
use crate::remote::RemoteFile;
use crate::rows::Dataset;
use crate::unlabelled::unlabelled;

/// Where a dataset comes from.
pub trait Source: std::fmt::Debug + Send + Sync {
    /// The name recipes and commands use.
    fn kind(&self) -> &'static str;

    /// One line on what it is.
    fn about(&self) -> &'static str;

    /// Its licence, in a few words.
    fn licence(&self) -> &'static str;

    /// Whether it needs no files: the program carries it, or makes it.
    fn bundled(&self) -> bool;

    /// Which of `rows` and `label` it heeds of [`How`].
    fn heeds(&self) -> &'static [&'static str] {
        &[]
    }

    /// The files it is published as; none if it is bundled, made or the reader's own.
    fn files(&self) -> &'static [RemoteFile] {
        &[]
    }

    /// The files that [`Source::load`] reads in `folder`: as they are published, or unpacked where that does as well.
    /// `None` if one of them is not there; they are not opened.
    fn found(&self, folder: &Path) -> Option<Vec<PathBuf>> {
        let files =
            self.files().iter().map(|file| Some(folder.join(file.name)).filter(|path| path.is_file()));
        files.collect()
    }

    /// Reads all of it, from a folder if one is given. With [`How::labels`] off nothing needs to be there that only labels
    /// need; labels that are read all the same are taken away by [`load_as`].
    ///
    /// # Errors
    /// Any [`DataError`] but [`DataError::Unknown`].
    fn load(&self, folder: Option<&Path>, how: &How) -> Result<Dataset, DataError>;
}

static SOURCES: &[&dyn Source] = &[
    &crate::mnist::Mnist,
    &crate::optdigits::Optdigits,
    &crate::fables::Fables,
    &crate::fashion::FASHION,
    &crate::kmnist::KMNIST,
    &crate::emnist::Emnist::Letters,
    &crate::emnist::Emnist::Balanced,
    &crate::usps::Usps,
    &crate::cifar::Cifar::Ten,
    &crate::cifar::Cifar::Hundred,
    &crate::svhn::Svhn,
    &crate::folder::Folder,
    &crate::images::Images,
    &crate::csv::Csv,
    &crate::npz::Npz,
    &crate::parquet::Parquet,
    &crate::arff::Arff,
    &crate::generated::Generated::Moons,
    &crate::generated::Generated::Xor,
    &crate::generated::Generated::Spirals,
    &crate::generated::Generated::Patterns,
];

/// Every dataset there is.
pub fn list() -> &'static [&'static dyn Source] {
    SOURCES
}

/// Reads the dataset called `name`, from `folder` if one is given, else from where it is fetched to or made.
///
/// A folder goes before the bundled digits: `load("mnist", Some(folder))` reads the folder, and the dataset is named after
/// it.
///
/// # Errors
/// [`DataError::Unknown`] if no dataset has that name; else what is wrong with its files.
pub fn load(name: &str, folder: Option<&Path>) -> Result<Dataset, DataError> {
    load_as(name, folder, &How::default())
}

/// As [`load`], in a way of the caller's own.
///
/// # Errors
/// As [`load`].
pub fn load_as(name: &str, folder: Option<&Path>, how: &How) -> Result<Dataset, DataError> {
    match SOURCES.iter().find(|source| source.kind() == name) {
        Some(source) if how.labels => source.load(folder, how),
        Some(source) => source.load(folder, how).map(unlabelled),
        None => {
            let known = SOURCES.iter().map(|source| source.kind()).collect::<Vec<_>>().join(", ");
            Err(DataError::Unknown { name: name.to_owned(), known })
        }
    }
}
