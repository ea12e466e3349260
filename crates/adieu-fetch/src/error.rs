//! What can go wrong on the way from a server to a file: each message names the file, the address and the remedy.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use adieu_data::RemoteFile;

/// Why a file was not fetched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// A file or folder of this machine cannot be read or written.
    #[error("{path}: cannot {what}: {source}; {remedy}", path = path.display(), remedy = remedy(source))]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was tried: `write what has come`.
        what: &'static str,
        /// What the operating system said.
        source: io::Error,
    },
    /// A file of that name is there, and it is not the published one.
    #[error("{path}: is there already, but {what}; it was left as it is: fetch it again with --force, or move it away", path = path.display())]
    Different {
        /// The file.
        path: PathBuf,
        /// In what it differs.
        what: String,
    },
    /// Another program is fetching the same file.
    #[error("{path}: another program is writing it; wait until that is done", path = path.display())]
    Busy {
        /// The part.
        path: PathBuf,
    },
    /// No address gave the file.
    #[error("{file} could not be fetched:{}\n{by_hand}", listed(refusals))]
    Nowhere {
        /// Name of the file.
        file: String,
        /// What each address said, in the order asked.
        refusals: Vec<Refusal>,
        /// What to put where, as [`by_hand`] says it.
        by_hand: String,
    },
    /// Called off by the user.
    #[error("stopped; {bytes} bytes of it are kept in {path}: the same command goes on from there", path = part.display())]
    Stopped {
        /// The part of the file that was being fetched.
        part: PathBuf,
        /// Bytes in it.
        bytes: u64,
    },
    /// The file of trusted certificates is none.
    #[error("{path}: {what}; it is named by SSL_CERT_FILE: name a PEM file of certificates there, or unset it", path = path.display())]
    Certificates {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// What was given as a mirror is none.
    #[error(
        "`{text}` {what}; a mirror is the address of a folder that holds DATASET/FILE: https://host/folder"
    )]
    Mirror {
        /// What was given.
        text: String,
        /// What is wrong with it.
        what: &'static str,
    },
}

impl FetchError {
    /// For `map_err`: `what` failed on `path`.
    pub(crate) fn io(path: &Path, what: &'static str) -> impl FnOnce(io::Error) -> FetchError {
        let path = path.to_path_buf();
        move |source| FetchError::Io { path, what, source }
    }
}

/// An address, and why it did not give the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The address asked.
    pub address: String,
    /// Its status, or what else went wrong.
    pub why: String,
}

fn listed(refusals: &[Refusal]) -> String {
    if refusals.is_empty() {
        return "\n  no address of it is known".to_owned();
    }
    refusals.iter().map(|Refusal { address, why }| format!("\n  {address}: {why}")).collect()
}

/// What to put where by hand, for whoever has a network elsewhere: the folder, and each file with its size, checksums and
/// addresses.
pub fn by_hand(files: &[RemoteFile], folder: &Path) -> String {
    let mut text = format!("To do it by hand, put into {}:", folder.display());
    for file in files {
        let _ = write!(text, "\n  {}", file.name);
        let facts = [
            file.bytes.map(|bytes| format!("{bytes} bytes")),
            file.sha256.map(|sum| format!("SHA-256 {sum}")),
            file.md5.map(|sum| format!("MD5 {sum}")),
        ];
        let facts: Vec<String> = facts.into_iter().flatten().collect();
        let facts =
            if facts.is_empty() { "size and checksum are not published".into() } else { facts.join(", ") };
        let _ = write!(text, "\n    {facts}");
        for url in file.urls {
            let _ = write!(text, "\n    {url}");
        }
    }
    text
}

fn remedy(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists | io::ErrorKind::IsADirectory => {
            "something else of that name is in the way: move it, or set ADIEU_DATA to another folder"
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            "free some disk space, or set ADIEU_DATA to a folder on another disk; what has come is kept"
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "set ADIEU_DATA to a folder you may write to"
        }
        _ => "check that the disk is there and writable",
    }
}
