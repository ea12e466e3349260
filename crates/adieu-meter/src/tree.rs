//! Reading small files of the kernel below a root folder.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

/// Text of `root/file`. Bytes that are not UTF-8 are replaced: garbage is for the parser to judge.
pub(crate) fn read(root: &Path, file: &str) -> io::Result<String> {
    fs::read(root.join(file)).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// Text of `root/file` without the white space and zero bytes around it, if any is left.
pub(crate) fn word(root: &Path, file: &str) -> Option<String> {
    let text = read(root, file).ok()?;
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    (!text.is_empty()).then(|| text.into())
}

/// The value of the first `key: value` line with this key. Keys may be followed by white space.
pub(crate) fn field<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    fields(text, key).next()
}

/// The values of all `key: value` lines with this key.
pub(crate) fn fields<'a>(text: &'a str, key: &str) -> impl Iterator<Item = &'a str> {
    let pairs = text.lines().filter_map(|line| line.split_once(':'));
    pairs.filter(move |(name, _)| name.trim_end() == key).map(|(_, value)| value.trim())
}

/// Bytes of a value such as `1692 kB`; nothing for zero, which no running process or machine has.
pub(crate) fn kilobytes(value: &str) -> Option<u64> {
    let (number, unit) = value.split_once(char::is_whitespace)?;
    let bytes = number.parse::<u64>().ok()?.checked_mul(1024)?;
    (unit.trim() == "kB" && bytes > 0).then_some(bytes)
}

/// Why a file could not be read, and what would mend it.
pub(crate) fn excuse(root: &Path, file: &str, error: &io::Error) -> (String, &'static str) {
    let path = root.join(file);
    let path = path.display();
    match error.kind() {
        ErrorKind::NotFound => (format!("{path} does not exist"), "run on Linux with /proc mounted"),
        ErrorKind::PermissionDenied => (
            format!("{path} may not be read"),
            "run where the process may read its own /proc, outside this sandbox",
        ),
        _ => (format!("{path}: {error}"), "run on Linux with /proc mounted"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kilobytes_are_strict() {
        let cases = [
            ("1692 kB", Some(1692 * 1024)),
            ("1\tkB", Some(1024)),
            ("0 kB", None),
            ("1692", None),
            ("1692 MB", None),
            ("-1 kB", None),
            ("18014398509481984 kB", None),
            ("", None),
            ("kB", None),
        ];
        for (text, bytes) in cases {
            assert_eq!(kilobytes(text), bytes, "{text:?}");
        }
    }

    #[test]
    fn fields_are_found_by_their_whole_name() {
        let text = "VmRSSx: 1\nVmRSS\t: 2\nno colon\nVmRSS: 3: 4\n";
        assert_eq!(fields(text, "VmRSS").collect::<Vec<_>>(), ["2", "3: 4"]);
        assert_eq!(field(text, "RSS"), None);
    }
}
