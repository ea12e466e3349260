//! The floors of the house: nothing imports upward, core reads no clock and no file, the library does not print.

use serde_json::Value;

use super::{Finding, repository::Files, source};

/// A crate of this workspace and those it may import, in tests and build scripts too.
pub const FLOORS: &[(&str, &[&str])] = &[
    ("adieu-kernels", &[]),
    ("adieu-record", &[]),
    ("adieu-core", &["adieu-kernels"]),
    ("adieu-data", &["adieu-core"]),
    // What is fetched, and where it lies, is stated by data.
    ("adieu-fetch", &["adieu-data"]),
    ("adieu-meter", &["adieu-record"]),
    ("adieu-report", &["adieu-record"]),
    (
        "adieu",
        &[
            "adieu-kernels",
            "adieu-core",
            "adieu-data",
            "adieu-fetch",
            "adieu-meter",
            "adieu-record",
            "adieu-report",
        ],
    ),
    // The binary installs the counting allocator (meter) and lints records (record).
    ("adieu-cli", &["adieu", "adieu-meter", "adieu-record"]),
    ("xtask", &[]),
];

/// Third-party crates that a crate must not depend on, and why.
const BANNED: &[(&str, &[&str], &str)] = &[
    (
        "adieu",
        &["clap", "anyhow"],
        "the library returns typed errors and has no command line; that is adieu-cli's",
    ),
    (
        "adieu-data",
        &["adieu-fetch", "ureq"],
        "reading a dataset never fetches; that is adieu-fetch's, when asked",
    ),
];

/// Paths that the code of a crate must not name, and why.
const BANNED_PATHS: &[(&str, &[&str], &str)] = &[(
    "adieu-core",
    &["std::time", "std::fs", "std::env"],
    "core reads no clock, file or environment: its results depend on its arguments alone",
)];

/// Crates that never print.
const SILENT: &[&str] = &["adieu-core", "adieu-fetch", "adieu"];
const PRINTING: &[&str] = &["print", "println", "eprint", "eprintln", "dbg"];

/// Breaches in what the packages of `cargo metadata --no-deps` say they depend on.
pub fn in_manifests(metadata: &Value) -> Vec<Finding> {
    let mut findings = Vec::new();
    let packages = metadata["packages"].as_array().map_or(&[][..], Vec::as_slice);
    if packages.is_empty() {
        findings.push(Finding::new("Cargo.toml", "cargo metadata lists no package"));
    }
    for package in packages {
        let name = package["name"].as_str().unwrap_or_default();
        let Some(allowed) = allowed(name) else {
            findings.push(Finding::new(name, "has no floor: add it to FLOORS in xtask/src/tidy/floors.rs"));
            continue;
        };
        let dependencies = package["dependencies"].as_array().map_or(&[][..], Vec::as_slice);
        for dependency in dependencies.iter().filter_map(|dependency| dependency["name"].as_str()) {
            if is_ours(dependency) && !allowed.contains(&dependency) {
                findings
                    .push(Finding::new(name, format!("depends on {dependency}: {}", may_import(allowed))));
            }
            for (_, banned, why) in BANNED.iter().filter(|(of, ..)| *of == name) {
                if banned.contains(&dependency) {
                    findings.push(Finding::new(name, format!("depends on {dependency}: {why}")));
                }
            }
        }
    }
    findings
}

/// Breaches in the code of the crates, whose folders are `crates/NAME` and `xtask`.
pub fn in_sources(files: &Files) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in files.iter().filter(|(path, _)| path.ends_with(".rs")) {
        let Some((name, inside)) = crate_of(path) else { continue };
        let code = source::code(text);
        findings.extend(imports(path, name, &code));
        if inside.starts_with("src/") {
            let code = source::without_tests(&code);
            findings.extend(banned_paths(path, name, &code));
            findings.extend(printing(path, name, &code));
        }
    }
    findings
}

fn imports(path: &str, name: &str, code: &str) -> Vec<Finding> {
    let Some(allowed) = allowed(name) else { return Vec::new() };
    let mut findings = Vec::new();
    for (other, _) in FLOORS.iter().filter(|(other, _)| *other != name && !allowed.contains(other)) {
        let word = other.replace('-', "_");
        for at in
            source::words(code, &word).filter(|at| code[at + word.len()..].trim_start().starts_with("::"))
        {
            let place = format!("{path}:{}", source::line_of(code, at));
            findings.push(Finding::new(place, format!("names {other}: {}", may_import(allowed))));
        }
    }
    findings
}

fn banned_paths(path: &str, name: &str, code: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (_, banned, why) in BANNED_PATHS.iter().filter(|(of, ..)| *of == name) {
        for ban in *banned {
            let written = source::words(code, ban).map(|at| source::line_of(code, at));
            let imported = source::imports(code).into_iter().filter(|(_, import)| {
                import.strip_prefix(ban).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
            });
            let mut lines: Vec<usize> = written.chain(imported.map(|(line, _)| line)).collect();
            lines.sort_unstable();
            lines.dedup();
            findings.extend(
                lines.iter().map(|line| Finding::new(format!("{path}:{line}"), format!("{ban}: {why}"))),
            );
        }
    }
    findings
}

fn printing(path: &str, name: &str, code: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for word in PRINTING.iter().filter(|_| SILENT.contains(&name)) {
        for at in source::words(code, word).filter(|at| code[at + word.len()..].starts_with('!')) {
            let place = format!("{path}:{}", source::line_of(code, at));
            findings.push(Finding::new(
                place,
                format!("{word}!: {name} never prints; return it or push an event"),
            ));
        }
    }
    findings
}

fn allowed(name: &str) -> Option<&'static [&'static str]> {
    FLOORS.iter().find(|(of, _)| *of == name).map(|(_, allowed)| *allowed)
}

fn is_ours(name: &str) -> bool {
    allowed(name).is_some() || name.starts_with("adieu")
}

fn may_import(allowed: &[&str]) -> String {
    match allowed {
        [] => "it may import none of our crates".into(),
        some => format!("of our crates it may import {}", some.join(", ")),
    }
}

/// The crate that a path belongs to, and the path inside it.
fn crate_of(path: &str) -> Option<(&str, &str)> {
    match path.strip_prefix("crates/") {
        Some(rest) => rest.split_once('/'),
        None => path.strip_prefix("xtask/").map(|inside| ("xtask", inside)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn files(path: &str, text: &str) -> Files {
        Files::from([(path.to_owned(), text.to_owned())])
    }

    fn places(findings: &[Finding]) -> Vec<&str> {
        findings.iter().map(|finding| finding.place.as_str()).collect()
    }

    #[test]
    fn the_table_itself_has_no_upward_arrow() {
        for (floor, (name, allowed)) in FLOORS.iter().enumerate() {
            for other in *allowed {
                let below = FLOORS[..floor].iter().any(|(of, _)| of == other);
                assert!(below, "{name} may import {other}, which does not stand below it");
            }
        }
    }

    #[test]
    fn manifests() {
        let package = |name: &str, dependencies: &[&str]| {
            let dependencies: Vec<Value> = dependencies.iter().map(|name| json!({ "name": name })).collect();
            json!({ "packages": [{ "name": name, "dependencies": dependencies }] })
        };
        let cases: [(&str, &[&str], usize); 11] = [
            ("adieu-core", &["adieu-kernels", "rayon"], 0),
            ("adieu-core", &["adieu-record"], 1),
            ("adieu-kernels", &["adieu-core", "adieu"], 2),
            ("adieu-report", &["adieu-core"], 1),
            ("adieu-core", &["adieu-unheard-of"], 1),
            ("adieu", &["adieu-core", "clap", "anyhow"], 2),
            ("adieu-cli", &["adieu", "clap", "anyhow"], 0),
            ("adieu-fetch", &["adieu-data", "ureq"], 0),
            ("adieu-data", &["adieu-fetch", "ureq"], 3),
            ("xtask", &["adieu-record"], 1),
            ("newcomer", &[], 1),
        ];
        for (name, dependencies, expected) in cases {
            let findings = in_manifests(&package(name, dependencies));
            assert_eq!(findings.len(), expected, "{name} {dependencies:?}: {findings:?}");
        }
        assert_eq!(in_manifests(&json!({})).len(), 1, "nothing listed is not nothing wrong");
    }

    #[test]
    fn imports_of_the_floors_above() {
        let bad = files(
            "crates/adieu-core/src/a.rs",
            "use adieu_kernels::x;\nuse adieu_record::y;\nfn f() { adieu :: g() }\n",
        );
        assert_eq!(
            places(&in_sources(&bad)),
            ["crates/adieu-core/src/a.rs:2", "crates/adieu-core/src/a.rs:3"]
        );
        let good = files(
            "crates/adieu-cli/src/main.rs",
            "use adieu::Plan; // adieu_core::x\nconst S: &str = \"adieu_core::\";",
        );
        assert_eq!(in_sources(&good), []);
        let tests = files("crates/adieu-report/tests/t.rs", "use adieu_core::x;");
        assert_eq!(in_sources(&tests).len(), 1, "tests import no higher either");
    }

    #[test]
    fn core_reads_nothing_and_prints_nothing() {
        let text = "use std::{fs, sync::Arc};\nfn f() { std::time::Instant::now(); }\nuse std::env;\nprintln!();\n\
                    // std::fs\nstd::environment(); x.print();\n#[cfg(test)]\nmod tests { use std::fs; }\n";
        let found = in_sources(&files("crates/adieu-core/src/a.rs", text));
        let lines: Vec<&str> = places(&found).iter().map(|place| place.rsplit(':').next().unwrap()).collect();
        assert_eq!(lines, ["2", "1", "3", "4"]);
        assert_eq!(in_sources(&files("crates/adieu-core/tests/a.rs", text)), []);
        assert_eq!(in_sources(&files("crates/adieu-meter/src/a.rs", text)), []);
        assert_eq!(places(&in_sources(&files("crates/adieu/src/a.rs", text))), ["crates/adieu/src/a.rs:4"]);
    }
}
