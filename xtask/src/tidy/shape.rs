//! The shape of source files: module docs, sizes, unsafe code, ignored tests, differences from the paper.

use super::{Exception, Finding, repository::Files, source};

/// The most lines of a file outside `#[cfg(test)]`.
pub const FILE_LINES: usize = 500;
/// The most lines of a function, from `fn` to its closing brace, outside tests.
pub const FUNCTION_LINES: usize = 70;

/// Files and functions (`path fn name`) that may be longer.
pub const LONGER: &[Exception] = &[];

/// Files of learning algorithms that implement no paper.
pub const NO_PAPER: &[Exception] = &[];

/// Files outside the two homes of unsafe code that cannot do without it.
pub const UNSAFE: &[Exception] = &[
    Exception {
        place: "crates/adieu-meter/tests/alloc.rs",
        reason: "tests the counting allocator as its callers use it, and an allocator's interface is unsafe",
    },
    Exception {
        place: "crates/adieu-core/tests/memory.rs",
        reason: "counts what a step allocates by an allocator of its own, as core may not know the meter",
    },
];

fn rust(files: &Files) -> impl Iterator<Item = (&String, &String)> {
    files.iter().filter(|(path, _)| path.ends_with(".rs"))
}

/// Whether a file holds tests only: an integration test, a bench, or an out-of-line `mod tests`.
fn is_test(path: &str) -> bool {
    let folders = ["/tests/", "/benches/"];
    folders.iter().any(|folder| path.contains(folder)) || path.ends_with("/tests.rs")
}

/// Every file starts with a module doc that says something.
pub fn module_docs(files: &Files) -> Vec<Finding> {
    let silent = rust(files).filter(|(_, text)| {
        let first = text.lines().next().and_then(|line| line.strip_prefix("//!"));
        first.is_none_or(|doc| doc.trim().is_empty())
    });
    silent
        .map(|(path, _)| Finding::new(format!("{path}:1"), "the file does not start with a `//!` module doc"))
        .collect()
}

/// No file and no function is too long; tests are free.
pub fn sizes(files: &Files) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in rust(files).filter(|(path, _)| !is_test(path)) {
        let code = source::code(text);
        let lines = source::non_test_lines(&code);
        if lines > FILE_LINES {
            let what = format!("{lines} lines outside tests, more than {FILE_LINES}: split it");
            findings.push(Finding::new(path, what));
        }
        for function in source::functions(&source::without_tests(&code)) {
            if function.lines > FUNCTION_LINES {
                let what = format!("{} lines, more than {FUNCTION_LINES}: split it", function.lines);
                findings.push(Finding::new(format!("{path}:{} fn {}", function.line, function.name), what));
            }
        }
    }
    findings
}

/// `unsafe` stands only in the kernels and the counting allocator.
pub fn unsafe_code(files: &Files) -> Vec<Finding> {
    let may = |path: &str| {
        path.starts_with("crates/adieu-kernels/") || path.starts_with("crates/adieu-meter/src/alloc")
    };
    let mut findings = Vec::new();
    for (path, text) in rust(files).filter(|(path, _)| !may(path)) {
        let code = source::code(text);
        for at in source::words(&code, "unsafe") {
            let place = format!("{path}:{}", source::line_of(&code, at));
            findings.push(Finding::new(place, "unsafe belongs in adieu-kernels or adieu-meter's allocator"));
        }
    }
    findings
}

/// No test is ignored: one that does not run proves nothing.
pub fn ignored_tests(files: &Files) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in rust(files) {
        let code = source::code(text);
        for (at, _) in code.match_indices("#[ignore") {
            let place = format!("{path}:{}", source::line_of(&code, at));
            findings.push(Finding::new(place, "a test that is ignored proves nothing: repair or remove it"));
        }
    }
    findings
}

const DIFFERENCES: &str = "Differences from the paper";

/// Every learning algorithm's module doc has a section *Differences from the paper* that is not empty.
pub fn differences_from_the_paper(files: &Files) -> Vec<Finding> {
    let silent = rust(files).filter(|(path, text)| is_algorithm(path) && !tells_differences(text));
    let what = format!("no `//! # {DIFFERENCES}` section, or an empty one: list them, or say there are none");
    silent.map(|(path, _)| Finding::new(path, what.clone())).collect()
}

/// `learn/NAME.rs` and `learn/NAME/mod.rs`.
fn is_algorithm(path: &str) -> bool {
    let Some(inside) = path.strip_prefix("crates/adieu-core/src/learn/") else { return false };
    match inside.split_once('/') {
        None => inside != "mod.rs" && inside != "tests.rs",
        Some((_, file)) => file == "mod.rs",
    }
}

fn tells_differences(text: &str) -> bool {
    let doc = text.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim);
    let mut after = doc
        .skip_while(|line| line.trim_start_matches('#').trim() != DIFFERENCES || !line.starts_with('#'))
        .skip(1);
    after.find(|line| !line.is_empty()).is_some_and(|line| !line.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(path: &str, text: &str) -> Files {
        Files::from([(path.to_owned(), text.to_owned())])
    }

    fn places(findings: &[Finding]) -> Vec<&str> {
        findings.iter().map(|finding| finding.place.as_str()).collect()
    }

    #[test]
    fn a_module_doc_is_first_and_says_something() {
        for (text, good) in [
            ("//! What.\n", true),
            ("//!\n//! What.\n", false),
            ("", false),
            ("\n//! What.\n", false),
            ("// What.\n", false),
            ("/// What.\nmod a;\n", false),
            ("use a;\n//! What.\n", false),
        ] {
            assert_eq!(module_docs(&files("a.rs", text)).is_empty(), good, "{text:?}");
        }
        assert_eq!(module_docs(&files("a.md", "no Rust")), []);
    }

    #[test]
    fn sizes_up_to_the_bound() {
        let file = |lines: usize| files("crates/a/src/a.rs", &"//\n".repeat(lines));
        assert_eq!(sizes(&file(FILE_LINES)), []);
        assert_eq!(places(&sizes(&file(FILE_LINES + 1))), ["crates/a/src/a.rs"]);

        let function = |lines: usize| format!("\nfn f() {{\n{}}}\n", "    x();\n".repeat(lines - 2));
        assert_eq!(sizes(&files("crates/a/src/a.rs", &function(FUNCTION_LINES))), []);
        let long = function(FUNCTION_LINES + 1);
        assert_eq!(places(&sizes(&files("crates/a/src/a.rs", &long))), ["crates/a/src/a.rs:2 fn f"]);
        assert_eq!(sizes(&files("crates/a/tests/a.rs", &long)), []);
        assert_eq!(sizes(&files("crates/a/src/a.rs", &format!("#[cfg(test)]\nmod tests {{{long}}}"))), []);
    }

    #[test]
    fn unsafe_has_two_homes() {
        let text = "// unsafe\nfn f() { unsafe { g() } }\n#![deny(unsafe_code)]";
        assert_eq!(
            places(&unsafe_code(&files("crates/adieu-core/src/a.rs", text))),
            ["crates/adieu-core/src/a.rs:2"]
        );
        assert_eq!(
            places(&unsafe_code(&files("crates/adieu-meter/src/a.rs", text))),
            ["crates/adieu-meter/src/a.rs:2"]
        );
        assert_eq!(unsafe_code(&files("crates/adieu-kernels/src/a.rs", text)), []);
        assert_eq!(unsafe_code(&files("crates/adieu-meter/src/alloc/count.rs", text)), []);
    }

    #[test]
    fn ignored_tests_are_found() {
        let text = "#[test]\n#[ignore = \"slow\"]\nfn f() {}\n// #[ignore]\n";
        assert_eq!(places(&ignored_tests(&files("a.rs", text))), ["a.rs:2"]);
    }

    #[test]
    fn algorithms_tell_how_they_differ() {
        let learn = "crates/adieu-core/src/learn";
        let good = "//! A rule.\n//!\n//! # Differences from the paper\n//!\n//! None.\nfn f() {}\n";
        assert_eq!(differences_from_the_paper(&files(&format!("{learn}/a.rs"), good)), []);
        for bad in [
            "//! A rule.\n",
            "//! Differences from the paper\n//! None.\n",
            "//! # Differences from the paper\n//!\n//! # Memory\n//! None.\n",
            "//! # Differences from the paper\n",
            "//! A rule.\nfn f() {}\n//! # Differences from the paper\n//! None.\n",
        ] {
            assert_eq!(differences_from_the_paper(&files(&format!("{learn}/a.rs"), bad)).len(), 1, "{bad}");
            assert_eq!(
                differences_from_the_paper(&files(&format!("{learn}/a/mod.rs"), bad)).len(),
                1,
                "{bad}"
            );
            for elsewhere in ["mod.rs", "tests.rs", "a/part.rs"] {
                assert_eq!(
                    differences_from_the_paper(&files(&format!("{learn}/{elsewhere}"), bad)),
                    [],
                    "{elsewhere}"
                );
            }
        }
    }
}
