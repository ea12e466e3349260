//! Licences: everything compiled into a build is under one of a few permissive licences.

use super::{Exception, Finding};

const ALLOWED: &[&str] = &[
    "MIT",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Zlib",
    "Unicode-3.0",
    "CC0-1.0",
    "0BSD",
    "BSL-1.0",
    "Unlicense",
];

/// Packages, by name, whose licence is not on the list and which cannot be avoided.
pub const EXCEPTIONS: &[Exception] = &[
    Exception {
        place: "colored",
        reason: "MPL-2.0, required by burn-tensor; used unmodified, so its terms ask only that its source be available, and it is",
    },
    Exception {
        place: "webpki-roots",
        reason: "CDLA-Permissive-2.0, a permissive licence for data: Mozilla's list of root certificates, without which https knows nobody; it asks only that its text go along",
    },
];

/// Breaches among packages, each `name vVERSION …` with its SPDX expression (empty where it states none).
pub fn check(packages: &[(String, String)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (package, licence) in packages {
        let name = package.split(' ').next().unwrap_or(package);
        match evaluate(licence) {
            Ok(true) => {}
            Ok(false) => {
                findings.push(Finding::new(name, format!("licence {licence} is not allowed ({package})")))
            }
            Err(fault) => {
                findings.push(Finding::new(name, format!("licence {licence:?}: {fault} ({package})")))
            }
        }
    }
    findings
}

/// Whether the list allows an SPDX expression; `/`, an older way to write OR, is understood too.
fn evaluate(expression: &str) -> Result<bool, String> {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let tokens: Vec<&str> = spaced.split_whitespace().collect();
    let mut parser = Parser { tokens: &tokens };
    let allowed = parser.any()?;
    match parser.tokens {
        [] => Ok(allowed),
        [next, ..] => Err(format!("`{next}` is out of place")),
    }
}

/// any: all (OR all)*;  all: one (AND one)*;  one: `(` any `)` | name (WITH name)?
struct Parser<'a> {
    tokens: &'a [&'a str],
}

impl<'a> Parser<'a> {
    fn any(&mut self) -> Result<bool, String> {
        let mut allowed = self.all()?;
        while self.take("OR") {
            allowed |= self.all()?;
        }
        Ok(allowed)
    }

    fn all(&mut self) -> Result<bool, String> {
        let mut allowed = self.one()?;
        while self.take("AND") {
            allowed &= self.one()?;
        }
        Ok(allowed)
    }

    fn one(&mut self) -> Result<bool, String> {
        if self.take("(") {
            let allowed = self.any()?;
            return if self.take(")") { Ok(allowed) } else { Err("`)` is missing".into()) };
        }
        let name = self.name()?;
        if self.take("WITH") {
            self.name()?; // an exception only adds permissions
        }
        Ok(ALLOWED.contains(&name))
    }

    fn name(&mut self) -> Result<&'a str, String> {
        match self.tokens {
            [name, rest @ ..] if !["OR", "AND", "WITH", "(", ")"].contains(name) => {
                self.tokens = rest;
                Ok(name)
            }
            _ => Err("a licence's name is missing".into()),
        }
    }

    fn take(&mut self, token: &str) -> bool {
        let taken = self.tokens.first() == Some(&token);
        if taken {
            self.tokens = &self.tokens[1..];
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions() {
        let cases = [
            ("MIT", Ok(true)),
            ("GPL-3.0-only", Ok(false)),
            ("MIT OR GPL-3.0-only", Ok(true)),
            ("MIT AND GPL-3.0-only", Ok(false)),
            ("MIT/Apache-2.0", Ok(true)),
            ("GPL-2.0 / MIT", Ok(true)),
            ("(MIT OR Apache-2.0) AND Unicode-3.0", Ok(true)),
            ("(MIT OR Apache-2.0) AND NCSA", Ok(false)),
            ("GPL-2.0 OR MIT AND ISC", Ok(true)),
            ("GPL-2.0 AND ISC OR LGPL-2.1-or-later", Ok(false)),
            ("Apache-2.0 WITH LLVM-exception", Ok(true)),
            ("GPL-3.0-only WITH GCC-exception-3.1 OR MIT", Ok(true)),
            ("MPL-2.0", Ok(false)),
            ("", Err(())),
            ("MIT OR", Err(())),
            ("(MIT", Err(())),
            ("MIT)", Err(())),
            ("MIT ISC", Err(())),
        ];
        for (expression, expected) in cases {
            assert_eq!(evaluate(expression).map_err(|_| ()), expected, "{expression}");
        }
    }

    #[test]
    fn a_package_without_a_licence_is_found() {
        let package = |name: &str, licence: &str| (name.to_owned(), licence.to_owned());
        let findings = check(&[
            package("good v1.0.0", "MIT"),
            package("bad v0.1.0", ""),
            package("worse v2.0.0 (proc-macro)", "AGPL-3.0"),
        ]);
        let places: Vec<&str> = findings.iter().map(|finding| finding.place.as_str()).collect();
        assert_eq!(places, ["bad", "worse"]);
    }
}
