//! Checksums of files.

use std::fmt::Write as _;
use std::io::{self, Read};

use adieu_data::RemoteFile;
use md5::Md5;
use sha2::{Digest, Sha256};

/// What a file turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) bytes: u64,
    /// In lower-case hexadecimal digits.
    pub(crate) sha256: String,
    /// The checksum it was compared with, `SHA-256` before `MD5`; none if none is published.
    pub(crate) by: Option<&'static str>,
    /// In what it differs from the published file.
    pub(crate) fault: Option<String>,
}

/// Whether a checksum is published that would notice a wrong file.
pub(crate) fn is_published(file: &RemoteFile) -> bool {
    file.sha256.is_some() || file.md5.is_some()
}

/// Reads to the end and compares size and checksums with what is published of `file`.
///
/// # Errors
/// What the reader says.
pub(crate) fn judge(mut from: impl Read, file: &RemoteFile) -> io::Result<Verdict> {
    let (mut sha256, mut md5, mut bytes) = (Sha256::new(), Md5::new(), 0);
    let mut piece = vec![0; 1 << 16];
    loop {
        let piece = match from.read(&mut piece) {
            Ok(0) => break,
            Ok(n) => &piece[..n],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        bytes += piece.len() as u64;
        sha256.update(piece);
        if file.md5.is_some() {
            md5.update(piece);
        }
    }
    let (sha256, md5) = (hexadecimal(&sha256.finalize()), hexadecimal(&md5.finalize()));
    let differs = |name: &str, published: Option<&str>, found: &str| {
        let published = published.filter(|published| !published.eq_ignore_ascii_case(found))?;
        Some(format!("its {name} is {found} instead of {published}"))
    };
    let size = file.bytes.filter(|published| *published != bytes);
    let fault = size.map(|published| format!("it has {bytes} bytes instead of {published}"));
    let fault = fault.or_else(|| differs("SHA-256", file.sha256, &sha256));
    let fault = fault.or_else(|| differs("MD5", file.md5, &md5));
    let by = file.sha256.map(|_| "SHA-256").or(file.md5.map(|_| "MD5"));
    Ok(Verdict { bytes, sha256, by, fault })
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIPS 180-2, appendix B.1, and RFC 1321, appendix A.5.
    const ABC: [&str; 2] = [
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "900150983cd24fb0d6963f7d28e17f72",
    ];
    const OTHER: &str = "00";

    #[test]
    fn a_file_is_judged_by_all_that_is_published() {
        let file = |sha256, md5, bytes| RemoteFile { name: "f", sha256, md5, bytes, urls: &[] };
        let [sha256, md5] = ABC;
        let upper: &'static str = sha256.to_uppercase().leak();
        let cases = [
            (file(None, None, None), None, None),
            (file(Some(sha256), Some(md5), Some(3)), Some("SHA-256"), None),
            (file(Some(upper), None, None), Some("SHA-256"), None),
            (file(None, Some(md5), None), Some("MD5"), None),
            (file(None, None, Some(4)), None, Some("it has 3 bytes instead of 4")),
            (file(Some(OTHER), Some(md5), Some(3)), Some("SHA-256"), Some("its SHA-256 is ba7816bf")),
            (file(Some(sha256), Some(OTHER), None), Some("SHA-256"), Some("its MD5 is 90015098")),
        ];
        for (file, by, fault) in cases {
            let found = judge(&b"abc"[..], &file).unwrap();
            assert_eq!((found.bytes, found.sha256.as_str(), found.by), (3, sha256, by), "{file:?}");
            let starts = match (&found.fault, fault) {
                (Some(found), Some(fault)) => found.starts_with(fault),
                (found, fault) => found.is_none() && fault.is_none(),
            };
            assert!(starts, "{file:?}: {found:?}");
        }
    }
}
