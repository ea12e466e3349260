//! What datasets that are fetched have in common: where their files lie, and what to say when they do not.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use crate::about::About;
use crate::cache;
use crate::error::DataError;
use crate::remote::RemoteFile;
use crate::rows::Origin;
use crate::source::Source;

/// Contents of more bytes than this are refused: four times SVHN.
pub(crate) const MOST_BYTES: u64 = 4 << 30;

/// The remedy where files are missing that can be fetched; the command stands before it.
pub(crate) const OR_PUT: &str = "or put one copy of each there";

/// The folder to read: the one given, else the one that `adieu data fetch` writes.
pub(crate) fn place(source: &dyn Source, folder: Option<&Path>) -> Result<PathBuf, DataError> {
    let place = match folder {
        Some(folder) => folder.to_path_buf(),
        None => cache::folder(source.kind())?,
    };
    if place.is_dir() {
        return Ok(place);
    }
    let what = if place.exists() { "not a folder" } else { "no such folder" };
    Err(missing(source, &place, format!("{what}; it is to hold {}", names(source.files()))))
}

/// Says what is missing in `place`, and how to come by it.
pub(crate) fn missing(source: &dyn Source, place: &Path, what: String) -> DataError {
    let from =
        source.files().iter().flat_map(|file| file.urls.first()).copied().collect::<Vec<_>>().join(", ");
    DataError::Missing {
        path: place.to_path_buf(),
        what: format!("{what}; fetch with `adieu data fetch {}` (from {from})", source.kind()),
        remedy: OR_PUT,
    }
}

fn names(files: &[RemoteFile]) -> String {
    files.iter().map(|file| file.name).collect::<Vec<_>>().join(", ")
}

/// About a published dataset in `place`.
pub(crate) fn about(source: &dyn Source, place: &Path, citation: &str, classes: &[&str]) -> About {
    About {
        name: source.kind().to_owned(),
        origin: Origin::Folder(place.to_path_buf()),
        licence: source.licence().to_owned(),
        citation: citation.to_owned(),
        classes: classes.iter().map(|&name| name.to_owned()).collect(),
    }
}

/// The first of `names` that is a file in `place`.
pub(crate) fn first_of(place: &Path, names: &[&str]) -> Option<PathBuf> {
    names.iter().map(|name| place.join(name)).find(|path| path.is_file())
}

/// Opens a file to be read from its start.
pub(crate) fn open(path: &Path) -> Result<BufReader<File>, DataError> {
    let unreadable = |source| DataError::Unreadable { path: path.to_path_buf(), source };
    File::open(path).map(BufReader::new).map_err(unreadable)
}

/// All that `source` gives; more than `limit` bytes are a fault, and room grows with what arrives.
pub(crate) fn read_all(source: &mut dyn Read, path: &Path, limit: u64) -> Result<Vec<u8>, DataError> {
    let mut bytes = Vec::new();
    source.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(|error| failed(path, error))?;
    if bytes.len() as u64 > limit {
        let what = format!("its contents are longer than {limit} bytes, the most that is read");
        return Err(DataError::Format {
            path: path.to_path_buf(),
            what,
            remedy: "it is damaged or no dataset: take another copy",
        });
    }
    Ok(bytes)
}

/// A failure of a reader: its data are damaged, or the operating system refused.
pub(crate) fn failed(path: &Path, error: io::Error) -> DataError {
    match error.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof => {
            damaged(path, error.to_string())
        }
        _ => DataError::Unreadable { path: path.to_path_buf(), source: error },
    }
}

/// Contents that are not what the format says.
pub(crate) fn damaged(path: &Path, what: String) -> DataError {
    DataError::Corrupt { path: path.to_path_buf(), what, remedy: "copy or download it again" }
}
