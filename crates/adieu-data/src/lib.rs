//! Datasets: one file each; parsing, checks, the bundled digits.
//!
//! ```
//! # fn main() -> Result<(), adieu_data::DataError> {
//! let mnist = adieu_data::load("mnist", None)?; // bundled: no download, no folder
//! let parts = adieu_data::split(&mnist, adieu_data::Split::Choose);
//! assert_eq!((parts.train.len(), mnist.train.label(0)), (50_000, 5));
//!
//! let mut x = Vec::new(); // [2, 784], in [0, 1]
//! mnist.train.gather(&[0, 59_999], &mut x);
//! assert_eq!(x.len(), 2 * 784);
//! # Ok(())
//! # }
//! ```
//!
//! - [`load`] reads a dataset by name, [`list`] names them; [`Source`] is what a new one implements. [`How`] says what
//!   becomes of bad rows, and whether there are labels.
//! - [`Rows`] are pixels as bytes, or columns of a table, with their labels; [`Rows::gather`] makes numbers of them.
//! - [`shift`], [`flip`], [`look`] and [`cover`] change an image a little.
//! - [`duplicates`], [`range`] and [`contact_sheet`] show what is there.
//! - [`split`] says which rows train, choose and test.
//! - [`unlabelled`] takes the labels away; [`one_class`] makes a task of telling what is normal from what is not.
//! - [`baselines`] says how far counting gets on sequences.
//! - [`read_image`] reads one image to predict.
//! - [`cache`] says where fetched files lie.
//!
//! Files are not trusted: every fault is a [`DataError`] that names the file and the remedy, sizes in headers are believed
//! only as far as bytes arrive, and damaged compression never panics. Nothing here fetches anything.

mod about;
mod arff;
mod augment;
mod baseline;
pub mod cache;
mod chance;
mod cifar;
mod csv;
mod emnist;
mod error;
mod fables;
mod fashion;
mod folder;
mod four;
mod generated;
mod how;
mod idx;
mod image;
mod images;
mod kmnist;
mod mat;
mod mnist;
mod npy;
mod npz;
mod one_class;
mod optdigits;
mod overview;
mod own;
mod parquet;
mod published;
mod remote;
mod rows;
mod share;
mod sheet;
mod shift;
mod source;
mod split;
mod svhn;
mod table;
mod tar;
mod unlabelled;
mod usps;
mod zip;

pub use augment::{Square, View, cover, flip, look};
pub use baseline::{Baselines, baselines};
pub use error::DataError;
pub use how::{How, OnBad, Skipped};
pub use image::read_image;
pub use one_class::one_class;
pub use overview::{Duplicates, Range, class_counts, duplicates, range};
pub use remote::RemoteFile;
pub use rows::{Dataset, FileSum, ImageShape, Info, Origin, Rows};
pub use sheet::contact_sheet;
pub use shift::shift;
pub use source::{Source, list, load, load_as};
pub use split::{Parts, Split, split};
pub use unlabelled::unlabelled;
