//! Addresses of files.

use adieu_data::RemoteFile;

use crate::error::FetchError;

/// A place that holds a folder a dataset, as the folder of fetched files does: `MIRROR/DATASET/FILE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mirror(String);

impl Mirror {
    /// Reads an address, `https://host/folder`; the scheme may be http too.
    ///
    /// # Errors
    /// [`FetchError::Mirror`] if it is none, or holds what cannot stand before further folders.
    pub fn new(text: &str) -> Result<Mirror, FetchError> {
        let wrong = |what| FetchError::Mirror { text: text.to_owned(), what };
        let (scheme, rest) = text.split_once("://").ok_or_else(|| wrong("has no scheme"))?;
        if !["http", "https"].contains(&scheme) {
            return Err(wrong("is neither http nor https"));
        }
        if rest.contains(['?', '#']) {
            return Err(wrong("has a query or a fragment, and folders cannot follow those"));
        }
        if rest.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(wrong("has a blank in it: write %20"));
        }
        let host = rest.split('/').next().unwrap_or_default();
        if host.is_empty() {
            return Err(wrong("names no host"));
        }
        if host.contains('@') {
            return Err(wrong("names a user or a password, and messages show addresses"));
        }
        Ok(Mirror(text.trim_end_matches('/').to_owned()))
    }

    fn address(&self, dataset: &str, file: &str) -> String {
        format!("{}/{dataset}/{file}", self.0)
    }
}

/// Where to ask for a file, in this order.
pub(crate) fn addresses(mirror: Option<&Mirror>, dataset: &str, file: &RemoteFile) -> Vec<String> {
    match mirror {
        Some(mirror) => vec![mirror.address(dataset, file.name)],
        None => file.urls.iter().map(|&url| url.to_owned()).collect(),
    }
}

/// Whether the address is on this machine, where no proxy can be of help.
pub(crate) fn is_here(address: &str) -> bool {
    let authority =
        address.split_once("://").and_then(|(_, rest)| rest.split('/').next()).unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(six) => six.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    host == "localhost" || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mirror_is_an_address_that_folders_can_follow() {
        let cases = [
            ("http://h", Ok("http://h/d/f")),
            ("https://h:81/a/b/", Ok("https://h:81/a/b/d/f")),
            ("h/a", Err("has no scheme")),
            ("ftp://h", Err("is neither http nor https")),
            ("file:///data", Err("is neither http nor https")),
            ("http:///a", Err("names no host")),
            ("http://", Err("names no host")),
            ("http://me:secret@h", Err("names a user or a password, and messages show addresses")),
            ("http://h/a?b=c", Err("has a query or a fragment, and folders cannot follow those")),
            ("http://h/a b", Err("has a blank in it: write %20")),
            ("http://h/a\r\nHost: x", Err("has a blank in it: write %20")),
        ];
        for (text, expected) in cases {
            let found = Mirror::new(text).map(|mirror| mirror.address("d", "f"));
            match (&found, expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{text:?}"),
                (Err(FetchError::Mirror { what, .. }), Err(expected)) => {
                    assert_eq!(*what, expected, "{text:?}")
                }
                _ => panic!("{text:?}: {found:?}, expected {expected:?}"),
            }
        }
    }

    #[test]
    fn this_machine() {
        let cases = [
            ("http://localhost/a", true),
            ("http://127.0.0.1:8080/a", true),
            ("http://127.9.9.9", true),
            ("http://[::1]:80/a", true),
            ("http://localhost.example.org/a", false),
            ("https://ossci-datasets.s3.amazonaws.com/mnist", false),
            ("http://10.0.0.1/127.0.0.1", false),
            ("nonsense", false),
        ];
        for (address, expected) in cases {
            assert_eq!(is_here(address), expected, "{address}");
        }
    }
}
