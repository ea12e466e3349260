//! The files that a dataset is made of where the program does not carry it: names, checksums and addresses, as data.
//!
//! Nothing here fetches. A checksum is stated where the makers, or a loader that is much used, published one; else the
//! field is `None`, never a guess.

/// One file of a dataset, as it is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RemoteFile {
    /// Its name in the dataset's folder.
    pub name: &'static str,
    /// SHA-256 of the file as published, 64 hexadecimal digits in lower case; `None` where none is known.
    pub sha256: Option<&'static str>,
    /// MD5 of the file as published, 32 hexadecimal digits in lower case; `None` where none is known.
    pub md5: Option<&'static str>,
    /// Its length in bytes; `None` where it is not known.
    pub bytes: Option<u64>,
    /// Addresses that serve it, to be tried in this order.
    pub urls: &'static [&'static str],
}
