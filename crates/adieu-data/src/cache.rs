//! Where fetched files lie: a folder a dataset, below one folder of this user.
//!
//! That folder is what `ADIEU_DATA` says, else the place for programs' data on this system: `$XDG_DATA_HOME/adieu/data` or
//! `~/.local/share/adieu/data`, on macOS `~/Library/Application Support/adieu/data`, on Windows `%LOCALAPPDATA%\adieu\data`.
//! Nothing here makes a folder or writes a file.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::DataError;
use crate::remote::RemoteFile;
use crate::source::{Source, list};

/// The variable that moves the folder.
pub const VARIABLE: &str = "ADIEU_DATA";

/// The folder with a folder a dataset.
///
/// # Errors
/// [`DataError::Missing`] if neither `ADIEU_DATA` nor this user's home folder is known.
pub fn root() -> Result<PathBuf, DataError> {
    place(System::this(), &|name| std::env::var_os(name)).ok_or_else(|| DataError::Missing {
        path: PathBuf::from(VARIABLE),
        what: "no folder for datasets is known, since this user has no home folder".to_owned(),
        remedy: "set ADIEU_DATA to a folder, or name the folder of the files (--data-dir)",
    })
}

/// The folder of the dataset called `name`, whether it is there or not.
///
/// # Errors
/// As [`root`].
pub fn folder(name: &str) -> Result<PathBuf, DataError> {
    Ok(root()?.join(name))
}

/// Where a file lies that is only partly here: `NAME.part`.
pub fn part(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".part");
    PathBuf::from(name)
}

/// What there is of a published file on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// The file, of so many bytes. They are counted, not read: [`RemoteFile`] says what they should be.
    Whole(u64),
    /// The first bytes of it, so many.
    Part(u64),
    /// Nothing.
    Nothing,
}

/// What there is of each file in a dataset's folder.
pub fn held(folder: &Path, files: &[RemoteFile]) -> Vec<Held> {
    let bytes = |path: &Path| fs::metadata(path).ok().filter(fs::Metadata::is_file).map(|about| about.len());
    let held = |file: &RemoteFile| {
        let path = folder.join(file.name);
        let part = || bytes(&part(&path)).map(Held::Part);
        bytes(&path).map(Held::Whole).or_else(part).unwrap_or(Held::Nothing)
    };
    files.iter().map(held).collect()
}

/// The files that a dataset is read from where no folder is named, packed or unpacked, if they are all there: in its own
/// folder, or in that of another dataset that is published as the same files. They are not opened.
///
/// # Errors
/// As [`root`].
pub fn ready(source: &dyn Source) -> Result<Option<Vec<PathBuf>>, DataError> {
    Ok(ready_below(&root()?, source))
}

fn ready_below(root: &Path, source: &dyn Source) -> Option<Vec<PathBuf>> {
    let files = source.files();
    let shared = |other: &&&dyn Source| !files.is_empty() && other.files() == files;
    let published = |other: &&dyn Source| {
        let folder = root.join(other.kind());
        files.iter().map(|file| Some(folder.join(file.name)).filter(|path| path.is_file())).collect()
    };
    source
        .found(&root.join(source.kind()))
        .filter(|paths| !paths.is_empty())
        .or_else(|| list().iter().filter(shared).find_map(published))
}

/// Systems whose rules for programs' data differ.
#[derive(Clone, Copy, Debug)]
enum System {
    Unix,
    MacOs,
    Windows,
}

impl System {
    fn this() -> System {
        if cfg!(windows) {
            System::Windows
        } else if cfg!(target_os = "macos") {
            System::MacOs
        } else {
            System::Unix
        }
    }
}

/// The folder by the rules of a system; `variable` reads the environment. An empty variable counts as none, and the
/// freedesktop rules ignore an `XDG_DATA_HOME` that is not a whole path.
fn place(system: System, variable: &dyn Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(folder) = set(VARIABLE) {
        return Some(std::path::absolute(&folder).unwrap_or(folder));
    }
    let home = match system {
        System::Windows => set("LOCALAPPDATA").or_else(|| Some(set("USERPROFILE")?.join("AppData/Local"))),
        System::MacOs => Some(set("HOME")?.join("Library/Application Support")),
        System::Unix => {
            let whole = set("XDG_DATA_HOME").filter(|folder| folder.has_root());
            whole.or_else(|| Some(set("HOME")?.join(".local/share")))
        }
    };
    Some(home?.join("adieu").join("data"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_of_each_system() {
        use System::{MacOs, Unix, Windows};
        type Set<'a> = &'a [(&'a str, &'a str)];
        let cases: [(System, Set<'_>, Option<&str>); 11] = [
            (Unix, &[("HOME", "/h/ada")], Some("/h/ada/.local/share/adieu/data")),
            (Unix, &[("HOME", "/h/ada"), ("XDG_DATA_HOME", "/big")], Some("/big/adieu/data")),
            (Unix, &[("HOME", "/h"), ("XDG_DATA_HOME", "here")], Some("/h/.local/share/adieu/data")),
            (Unix, &[("HOME", "/h"), ("XDG_DATA_HOME", "")], Some("/h/.local/share/adieu/data")),
            (Unix, &[("HOME", "/h"), ("XDG_DATA_HOME", "/big"), (VARIABLE, "/mine")], Some("/mine")),
            (Unix, &[("HOME", "/h"), (VARIABLE, "")], Some("/h/.local/share/adieu/data")),
            (Unix, &[("HOME", "")], None),
            (MacOs, &[("HOME", "/u/ada")], Some("/u/ada/Library/Application Support/adieu/data")),
            (Windows, &[("LOCALAPPDATA", "/u/Local")], Some("/u/Local/adieu/data")),
            (Windows, &[("USERPROFILE", "/u")], Some("/u/AppData/Local/adieu/data")),
            (Windows, &[("HOME", "/h")], None),
        ];
        for (system, set, expected) in cases {
            let variable =
                |name: &str| set.iter().find(|(of, _)| *of == name).map(|(_, value)| OsString::from(value));
            assert_eq!(place(system, &variable), expected.map(PathBuf::from), "{system:?} {set:?}");
        }
    }

    #[test]
    fn what_is_held_of_each_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name| RemoteFile { name, sha256: None, md5: None, bytes: None, urls: &[] };
        let files = ["whole.gz", "both.gz", "part.gz", "none.gz", "folder.gz"].map(file);
        for (name, bytes) in [("whole.gz", 3), ("both.gz", 4), ("both.gz.part", 1), ("part.gz.part", 0)] {
            fs::write(folder.path().join(name), vec![0; bytes]).unwrap();
        }
        fs::create_dir(folder.path().join("folder.gz")).unwrap();
        let expected = [Held::Whole(3), Held::Whole(4), Held::Part(0), Held::Nothing, Held::Nothing];
        assert_eq!(held(folder.path(), &files), expected);
        assert_eq!(held(&folder.path().join("nowhere"), &files), [Held::Nothing; 5]);
    }

    #[test]
    fn what_a_dataset_can_be_read_from_is_found_unpacked_too() {
        let cases: [(&str, &[&str], usize); 12] = [
            (
                "kmnist",
                &["train-images-idx3-ubyte", "train-labels.idx1-ubyte.gz", "t10k-images-idx3-ubyte.gz"],
                0,
            ),
            ("kmnist", &["t10k-labels-idx1-ubyte"], 4),
            ("cifar10", &["cifar-10-batches-bin/test_batch.bin"], 0),
            ("cifar10", &["cifar-10-binary.tar.gz"], 1),
            ("cifar100", &["cifar-100-binary/train.bin", "cifar-100-binary/test.bin"], 2),
            ("usps", &["usps", "usps.t.bz2"], 2),
            ("svhn", &["train_32x32.mat"], 0),
            ("svhn", &["test_32x32.mat"], 2),
            ("emnist-balanced", &["emnist-balanced-train-images-idx3-ubyte"], 0),
            ("emnist-letters", &["gzip.zip"], 1),
            ("emnist-balanced", &[], 1),
            ("mnist", &["anything"], 0),
        ];
        let root = tempfile::tempdir().unwrap();
        for (kind, files, wanted) in cases {
            for file in files {
                let path = root.path().join(kind).join(file);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, []).unwrap();
            }
            let source = list().iter().find(|source| source.kind() == kind).unwrap();
            let found = ready_below(root.path(), *source).map_or(0, |paths| paths.len());
            assert_eq!(found, wanted, "{kind} {files:?}");
        }
    }

    #[test]
    fn a_relative_folder_is_made_whole() {
        let variable = |name: &str| (name == VARIABLE).then(|| OsString::from("data"));
        let folder = place(System::Unix, &variable).unwrap();
        assert_eq!(folder, std::env::current_dir().unwrap().join("data"));
    }
}
