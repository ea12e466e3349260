//! Files as they are found after a restart: not in the system's page cache.
//!
//! By `posix_fadvise(POSIX_FADV_DONTNEED)`, which needs no rights beyond reading the file. The system may decline, and a
//! file system that lives in memory has nothing to forget: whether a later read came from the disk, `disk_read` tells.

use std::fs;
use std::io;
use std::path::Path;

/// Asks the system to forget the contents of the file at `path`, or of all files below the folder; returns their bytes.
///
/// # Errors
/// What cannot be listed, opened or written back first; [`io::ErrorKind::Unsupported`] where there is no such call.
pub fn evict(path: &Path) -> io::Result<u64> {
    if fs::metadata(path)?.is_dir() {
        let mut bytes = 0;
        for entry in fs::read_dir(path)? {
            bytes += evict(&entry?.path())?;
        }
        return Ok(bytes);
    }
    let file = fs::File::open(path)?;
    forget(&file)?;
    Ok(file.metadata()?.len())
}

#[cfg(target_os = "linux")]
fn forget(file: &fs::File) -> io::Result<()> {
    // What was not written yet cannot be forgotten.
    file.sync_data()?;
    Ok(rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed)?)
}

#[cfg(not(target_os = "linux"))]
fn forget(_: &fs::File) -> io::Result<()> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "this system cannot be asked to forget a file"))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_folder_s_files_are_forgotten_and_stay_as_they_are() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("train")).expect("a folder");
        for (name, bytes) in [("a", 10), ("train/b", 20_000)] {
            fs::write(folder.path().join(name), vec![7; bytes]).expect("a file");
        }
        assert_eq!(evict(folder.path()).expect("forgotten"), 20_010);
        assert_eq!(fs::read(folder.path().join("train/b")).expect("still there"), [7; 20_000]);
        assert!(evict(&folder.path().join("none")).is_err());
    }
}
