//! The rules about the source that neither the compiler nor clippy knows.
//!
//! A rule is a function from text to [`Finding`]s, so that each is tested on small bad samples at the foot of
//! its own file; `xtask/tests/tidy.rs` applies them all to this repository. Where a rule must give way, its
//! table of [`Exception`]s says why, and an exception that excuses nothing is itself a finding.
//!
//! | module | rules |
//! |---|---|
//! | [`floors`] | which crate may import which; what core and the library must not touch |
//! | [`licences`] | every licence in the build is on the list |
//! | [`dependencies`] | every third-party crate has its line in `docs/adr/dependencies.md` |
//! | [`shape`] | module docs, sizes of files and functions, unsafe code, differences from the paper |
//! | [`text`] | no machine paths, no broken links |

pub mod dependencies;
pub mod floors;
pub mod licences;
pub mod repository;
pub mod shape;
pub mod source;
pub mod text;

use std::fmt;

/// One breach of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Where: `path`, `path:line` or a crate's name.
    pub place: String,
    /// What is wrong there, and what to do about it.
    pub what: String,
}

impl Finding {
    /// What is wrong at `place`.
    pub fn new(place: impl Into<String>, what: impl Into<String>) -> Finding {
        Finding { place: place.into(), what: what.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

/// A place where a rule gives way.
#[derive(Debug, Clone, Copy)]
pub struct Exception {
    /// The [`Finding::place`] without its line, or with ` fn name` after it where the rule is about functions.
    pub place: &'static str,
    /// Why the rule gives way here.
    pub reason: &'static str,
}

/// The findings that no exception excuses, and one finding for each exception that excuses nothing.
///
/// An exception excuses the findings whose place, without a trailing line number, is its own.
pub fn excuse(findings: Vec<Finding>, exceptions: &[Exception]) -> Vec<Finding> {
    let excuses = |exception: &Exception, finding: &Finding| without_line(&finding.place) == exception.place;
    let idle = exceptions.iter().filter(|e| !findings.iter().any(|f| excuses(e, f)));
    let idle: Vec<_> = idle
        .map(|e| Finding::new(e.place, format!("exception no longer needed ({}): remove it", e.reason)))
        .collect();
    let mut left: Vec<_> =
        findings.into_iter().filter(|f| !exceptions.iter().any(|e| excuses(e, f))).collect();
    left.extend(idle);
    left
}

/// `path:12` → `path`; `path:12 fn name` → `path fn name`.
fn without_line(place: &str) -> String {
    let (path, name) = place.split_once(" fn ").map_or((place, None), |(path, name)| (path, Some(name)));
    let path = match path.rsplit_once(':') {
        Some((before, line)) if line.bytes().all(|b| b.is_ascii_digit()) => before,
        _ => path,
    };
    name.map_or_else(|| path.to_owned(), |name| format!("{path} fn {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exception_excuses_its_place_and_nothing_else() {
        let findings =
            vec![Finding::new("a.rs:3", "x"), Finding::new("b.rs:4 fn long", "y"), Finding::new("c.rs", "z")];
        let exceptions = [
            Exception { place: "a.rs", reason: "known" },
            Exception { place: "b.rs fn long", reason: "known" },
            Exception { place: "gone.rs", reason: "was known" },
        ];
        assert_eq!(
            excuse(findings, &exceptions),
            [
                Finding::new("c.rs", "z"),
                Finding::new("gone.rs", "exception no longer needed (was known): remove it"),
            ]
        );
    }
}
