//! The part of a file that has come: `NAME.part` beside where the file shall be.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use adieu_data::{RemoteFile, cache};

use crate::error::FetchError;
use crate::sum::{Verdict, judge};

/// A part, open and locked; what is appended is in the file at once, so that nothing is lost by being killed.
#[derive(Debug)]
pub(crate) struct Part {
    path: PathBuf,
    file: File,
    bytes: u64,
    earlier: u64,
}

impl Part {
    /// Opens the part of `folder`'s file `name`; begins one, and the folder, if there is none.
    ///
    /// # Errors
    /// [`FetchError::Busy`] if another program has it open; [`FetchError::Io`].
    pub(crate) fn open(folder: &Path, name: &str) -> Result<Part, FetchError> {
        fs::create_dir_all(folder).map_err(FetchError::io(folder, "make the folder"))?;
        let path = cache::part(&folder.join(name));
        let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = opened.map_err(FetchError::io(&path, "open it"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(FetchError::Busy { path }),
            // Some network disks have no locks; checksums are what counts.
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {}
            Err(TryLockError::Error(error)) => return Err(FetchError::io(&path, "lock it")(error)),
        }
        // Between opening and locking, the other program may have finished and given the file its name.
        if !path.exists() {
            return Err(FetchError::Busy { path });
        }
        let bytes = file.seek(SeekFrom::End(0)).map_err(FetchError::io(&path, "tell its size"))?;
        Ok(Part { path, file, bytes, earlier: bytes })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How many of its bytes an earlier fetch had left.
    pub(crate) fn earlier(&self) -> u64 {
        self.earlier
    }

    /// Begins anew.
    pub(crate) fn empty(&mut self) -> Result<(), FetchError> {
        let emptied = self.file.set_len(0).and_then(|()| self.file.rewind());
        emptied.map_err(FetchError::io(&self.path, "empty it"))?;
        (self.bytes, self.earlier) = (0, 0);
        Ok(())
    }

    pub(crate) fn append(&mut self, piece: &[u8]) -> Result<(), FetchError> {
        self.file.write_all(piece).map_err(FetchError::io(&self.path, "write what has come"))?;
        self.bytes += piece.len() as u64;
        Ok(())
    }

    /// Compares all of it with what is published.
    pub(crate) fn judge(&mut self, file: &RemoteFile) -> Result<Verdict, FetchError> {
        let mut read = || {
            self.file.rewind()?;
            let verdict = judge(&self.file, file)?;
            self.file.seek(SeekFrom::End(0))?;
            Ok(verdict)
        };
        read().map_err(FetchError::io(&self.path, "read it"))
    }

    /// Flushes it and gives it its name; a file that had it is replaced.
    pub(crate) fn publish(self, path: &Path) -> Result<(), FetchError> {
        self.file.sync_all().map_err(FetchError::io(&self.path, "write what has come"))?;
        fs::rename(&self.path, path).map_err(FetchError::io(path, "give the file its name"))
    }

    /// Forgets it if nothing has come, so that a fetch in vain leaves nothing behind.
    pub(crate) fn leave(self) {
        if self.bytes == 0 {
            // An empty part is of no use and no harm.
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_gone_on_with_and_belongs_to_one_program() {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("a/b");
        let mut part = Part::open(&below, "f.gz").unwrap();
        part.append(b"one ").unwrap();
        assert!(
            matches!(Part::open(&below, "f.gz"), Err(FetchError::Busy { path }) if path.ends_with("f.gz.part"))
        );
        drop(part);
        let mut part = Part::open(&below, "f.gz").unwrap();
        assert_eq!(part.bytes(), 4);
        part.append(b"two").unwrap();
        let file = RemoteFile { name: "f.gz", sha256: None, md5: None, bytes: Some(7), urls: &[] };
        assert_eq!(part.judge(&file).unwrap().fault, None);
        part.append(b"!").unwrap(); // after judging, it goes on at the end
        part.publish(&below.join("f.gz")).unwrap();
        assert_eq!(fs::read(below.join("f.gz")).unwrap(), b"one two!");
        assert_eq!(fs::read_dir(&below).unwrap().count(), 1);
    }

    #[test]
    fn a_part_without_bytes_is_not_left_behind() {
        let folder = tempfile::tempdir().unwrap();
        let mut part = Part::open(folder.path(), "f").unwrap();
        part.append(b"wrong").unwrap();
        part.empty().unwrap();
        part.leave();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
