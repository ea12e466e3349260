//! What a sensor found, or why it found nothing.

use std::io::ErrorKind;
use std::path::Path;

use adieu_record::{Reading, Unit};

use crate::tree;

/// Why there is no number, and what would mend it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Missing {
    pub(crate) why: String,
    pub(crate) remedy: String,
}

pub(crate) type Found<T> = Result<T, Missing>;

impl Missing {
    pub(crate) fn new(why: impl Into<String>, remedy: impl Into<String>) -> Missing {
        Missing { why: why.into(), remedy: remedy.into() }
    }

    /// A reading that says so.
    pub(crate) fn reading(&self, name: &str, part: Option<&str>, unit: Unit) -> Reading {
        Reading::unavailable(name, part, unit, &self.why, &self.remedy)
    }
}

/// The reading of what was found.
pub(crate) fn reading(
    name: &str,
    part: Option<&str>,
    unit: Unit,
    source: &str,
    found: &Found<f64>,
) -> Reading {
    match found {
        Ok(value) => Reading::measured(name, part, unit, *value, source),
        Err(missing) => missing.reading(name, part, unit),
    }
}

/// Text of `root/file`; `absent` says what would make it exist, `closed` what would let it be read.
pub(crate) fn text(root: &Path, file: &str, absent: &str, closed: &str) -> Found<String> {
    tree::read(root, file).map_err(|error| {
        let path = root.join(file);
        let path = path.display();
        match error.kind() {
            ErrorKind::NotFound => Missing::new(format!("{path} does not exist"), absent),
            ErrorKind::PermissionDenied => Missing::new(format!("{path} may not be read"), closed),
            _ => Missing::new(format!("{path}: {error}"), absent),
        }
    })
}

/// A file that is one whole number, such as most of sysfs.
pub(crate) fn number(root: &Path, file: &str, absent: &str, closed: &str) -> Found<u64> {
    let text = text(root, file, absent, closed)?;
    text.trim().parse().map_err(|_| garbage(root, file, &text))
}

/// `file` is there, but what stands in it is no number: a torn read, or a driver that answers in words.
pub(crate) fn garbage(root: &Path, file: &str, text: &str) -> Missing {
    let shown: String = text.trim().chars().take(40).collect();
    Missing::new(
        format!("{} holds {shown:?}, which is no number", root.join(file).display()),
        "read it again; if it stays so, the driver does not offer it",
    )
}

/// Names of the entries of the folder `root/folder`, sorted by the numbers in them; none if it cannot be listed.
pub(crate) fn entries(root: &Path, folder: &str) -> Vec<String> {
    let listed = std::fs::read_dir(root.join(folder)).into_iter().flatten().flatten();
    let mut names: Vec<String> = listed.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    let key = |name: &String| -> (String, u64) {
        let digits = name.trim_end_matches(|c: char| c.is_ascii_digit()).len();
        (name[..digits].into(), name[digits..].parse().unwrap_or(0))
    };
    names.sort_by_key(key);
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_in_the_order_of_their_numbers() {
        let root = tempfile::tempdir().expect("a folder");
        for name in ["zone10", "zone2", "cooling0", "zone1"] {
            std::fs::create_dir(root.path().join(name)).expect("a folder");
        }
        assert_eq!(entries(root.path(), "."), ["cooling0", "zone1", "zone2", "zone10"]);
        assert_eq!(entries(root.path(), "nonesuch"), [""; 0]);
    }
}
