//! What the files do not say about themselves, and the way from rows to a whole dataset.

use std::path::Path;

use crate::error::DataError;
use crate::how::Skipped;
use crate::rows::{Dataset, FileSum, ImageShape, Info, Origin, Rows};

/// Said where a licence or a source is asked for and nobody stated one.
pub(crate) const UNSAID: &str = "not stated: see where the files came from";

/// What the files do not say about themselves.
#[derive(Clone, Debug)]
pub(crate) struct About {
    pub(crate) name: String,
    pub(crate) origin: Origin,
    pub(crate) licence: String,
    pub(crate) citation: String,
    /// Names, used if there are as many classes; else the labels' numbers.
    pub(crate) classes: Vec<String>,
}

impl About {
    /// Of the reader's own files at `path`: named after it, and nothing else is known.
    pub(crate) fn own(path: &Path, classes: Vec<String>) -> About {
        About {
            name: name_of(path, false),
            origin: Origin::Folder(path.to_path_buf()),
            licence: UNSAID.to_owned(),
            citation: UNSAID.to_owned(),
            classes,
        }
    }

    /// The dataset of these rows, with the statistics of those to train; a table is standardised by them.
    pub(crate) fn dataset(self, shape: Shape, train: Rows, test: Rows, read: Read) -> Dataset {
        let About { name, origin, licence, citation, classes } = self;
        let (image, columns) = match shape {
            Shape::Image(image) => (image, Vec::new()),
            Shape::Table(columns) => (ImageShape { height: 1, width: columns.len(), channels: 1 }, columns),
        };
        let statistics = train.mean_and_deviation(image.channels);
        let (train, test) = if train.is_real() {
            (train.standardised(&statistics), test.standardised(&statistics))
        } else {
            (train, test)
        };
        let (mean, deviation) = statistics.into_iter().unzip();
        let Read { files, skipped, notes } = read;
        let info = Info {
            name,
            origin,
            licence,
            citation,
            classes,
            image,
            columns,
            mean,
            deviation,
            files,
            skipped,
            notes,
        };
        Dataset { info, train, test }
    }
}

/// What the columns of rows are.
#[derive(Clone, Debug)]
pub(crate) enum Shape {
    /// Pixels.
    Image(ImageShape),
    /// Features with these names.
    Table(Vec<String>),
}

/// What reading the files showed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Read {
    pub(crate) files: Vec<FileSum>,
    pub(crate) skipped: Skipped,
    pub(crate) notes: Vec<String>,
}

/// The last part of a path, in full if it is `.` or `data/..`; without its ending if it is a `file`.
pub(crate) fn name_of(path: &Path, file: bool) -> String {
    let whole = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    let part = if file { whole.file_stem() } else { whole.file_name() };
    part.map_or_else(|| "data".to_owned(), |name| name.to_string_lossy().into_owned())
}

/// The name of the file at `path`, for people.
pub(crate) fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// The checksum of what was read under `name`.
pub(crate) fn sum(name: String, bytes: &[u8]) -> FileSum {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    FileSum { name, bytes: bytes.len() as u64, crc32: crc.sum() }
}

/// Refuses labels that no network can learn: of a single class, or of more than there is room for.
pub(crate) fn classes_fault(path: &Path, classes: usize) -> Option<DataError> {
    let (what, remedy) = match classes {
        2..=256 => return None,
        0 | 1 => ("all training rows are of one class".to_owned(), "there must be two to be told apart"),
        _ => (
            format!("{classes} classes, but at most 256 can be told apart"),
            "choose another column of labels, or put rare classes together",
        ),
    };
    Some(DataError::Format { path: path.to_path_buf(), what, remedy })
}
