//! Files that are whole or not there: written under a temporary name, flushed, renamed.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use crate::Error;

/// Writes `bytes` to `path` so that nobody ever sees half of it; on failure nothing is left behind.
///
/// # Errors
/// [`Error::Io`], naming `path`.
pub(crate) fn write_whole(path: &Path, bytes: &[u8], what: &'static str) -> Result<(), Error> {
    write_through(path, what, |file| file.write_all(bytes)).map(|_| ())
}

/// As [`write_whole`], for what need not be in memory all at once; returns the size of the file.
///
/// # Errors
/// [`Error::Io`], naming `path`.
pub(crate) fn write_through(
    path: &Path,
    what: &'static str,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<u64, Error> {
    let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
    let all = || {
        let mut file = BufWriter::new(File::create(&temporary)?);
        write(&mut file)?;
        let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        let bytes = file.metadata()?.len();
        fs::rename(&temporary, path)?;
        Ok(bytes)
    };
    all().map_err(|source| {
        // The temporary file may never have come to be; there is nothing to say about that.
        let _ = fs::remove_file(&temporary);
        Error::Io { path: path.to_path_buf(), what, source }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_file_leaves_nothing_and_an_old_one_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        write_whole(&path, b"old", "write").unwrap();
        // A folder of the target's name cannot be renamed over.
        let taken = folder.path().join("taken");
        fs::create_dir_all(taken.join("inside")).unwrap();
        let error = write_whole(&taken, b"new", "write the page").unwrap_err().to_string();
        assert!(error.contains("taken") && error.contains("write the page"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
