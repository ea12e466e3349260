//! Files of the reader's own: a file, or a folder of two; or none where nothing is read.

use std::path::{Path, PathBuf};

use crate::error::DataError;

/// What was asked for; a fault if nothing was, or if it is not there.
pub(crate) fn asked<'a>(path: Option<&'a Path>, kind: &str) -> Result<&'a Path, DataError> {
    let missing = |path: PathBuf, what: &str| {
        let remedy = "name the file or the folder to read (--data-dir, or dir in a recipe's data)";
        Err(DataError::Missing { path, what: what.to_owned(), remedy })
    };
    match path {
        None => missing(PathBuf::from(kind), "no file or folder given"),
        Some(path) if !path.exists() => missing(path.to_path_buf(), "no such file or folder"),
        Some(path) => Ok(path),
    }
}

/// The file itself; or of a folder `train.END`, and `test.END` if it is there, for the first of `ends` that fits.
pub(crate) fn parts(asked: &Path, ends: &[&str]) -> Result<(PathBuf, Option<PathBuf>), DataError> {
    if asked.is_file() {
        return Ok((asked.to_path_buf(), None));
    }
    let find =
        |part: &str| ends.iter().map(|end| asked.join(format!("{part}.{end}"))).find(|path| path.is_file());
    match find("train") {
        Some(train) => Ok((train, find("test"))),
        None => Err(DataError::Missing {
            path: asked.to_path_buf(),
            what: format!("found no train.{}", ends.join(", no train.")),
            remedy: "put it there, with a test file beside it if there is one, or name the one file to read",
        }),
    }
}

/// Refuses a folder for a dataset that is `made`, `bundled` or `generated`, and reads none.
pub(crate) fn no_folder(folder: Option<&Path>, kind: &str, made: &str) -> Result<(), DataError> {
    let Some(folder) = folder else { return Ok(()) };
    Err(DataError::Format {
        path: folder.to_path_buf(),
        what: format!("`{kind}` is {made} and reads no folder"),
        remedy: "leave the folder out, or choose another dataset",
    })
}
