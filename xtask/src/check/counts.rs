//! How many tests passed and failed, read from what the test runners print.

use std::{fmt, ops::AddAssign};

/// Tests, or stages that are one test each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Those that passed.
    pub passed: u64,
    /// Those that failed, timed out or could not start.
    pub failed: u64,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Counts) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

/// What `cargo nextest` or `cargo test` says in `output`: nextest's last summary, or else the sum over the
/// result lines of all test binaries. `None` where there is neither, so that output no longer understood is not
/// taken for zero tests.
pub(crate) fn read(output: &str) -> Option<Counts> {
    let lines: Vec<String> = output.lines().map(without_colours).collect();
    // Nextest repeats what a failed test printed, a harness's result line included: its summary has it already.
    if let Some(counts) = lines.iter().rev().find_map(|line| nextest_summary(line)) {
        return Some(tally(counts));
    }
    let mut total = None;
    for counts in lines.iter().filter_map(|line| result_line(line)) {
        *total.get_or_insert_with(Counts::default) += tally(counts);
    }
    total
}

/// The counts in `     Summary [  0.1s] 3 tests run: 2 passed (1 slow), 1 failed, 0 skipped`.
fn nextest_summary(line: &str) -> Option<&str> {
    let (before, counts) = line.trim_start().strip_prefix("Summary [")?.split_once(" run: ")?;
    (before.ends_with("test") || before.ends_with("tests")).then_some(counts)
}

/// The counts in `test result: ok. 3 passed; 0 failed; …`.
fn result_line(line: &str) -> Option<&str> {
    line.strip_prefix("test result: ")?.split_once(". ").map(|(_, counts)| counts)
}

fn tally(counts: &str) -> Counts {
    let mut total = Counts::default();
    for item in counts.split([',', ';']) {
        let Some((number, what)) = item.trim().split_once(' ') else { continue };
        let Ok(number) = number.parse::<u64>() else { continue };
        match what.split(" (").next().unwrap_or(what) {
            "passed" => total.passed += number,
            "failed" | "timed out" | "exec failed" => total.failed += number,
            _ => {} // skipped, ignored, measured, filtered out
        }
    }
    total
}

/// The line without its terminal escape sequences (ESC [ … letter).
fn without_colours(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        rest = after.find(|c: char| c.is_ascii_alphabetic()).map_or("", |end| &after[end + 1..]);
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summaries_of_both_runners() {
        let cases = [
            ("", None),
            ("   Compiling adieu v0.1.0\nerror: could not compile", None),
            (
                "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 9 filtered out; finished in 0.01s",
                Some((3, 0)),
            ),
            ("running 0 tests\n\ntest result: ok. 0 passed; 0 failed; 0 ignored", Some((0, 0))),
            (
                "test result: ok. 3 passed; 0 failed; 0 ignored\ntest result: FAILED. 4 passed; 2 failed; 0 ignored",
                Some((7, 2)),
            ),
            ("     Summary [   0.012s] 12 tests run: 12 passed, 3 skipped", Some((12, 0))),
            ("     Summary [   0.012s] 1 test run: 1 passed, 0 skipped", Some((1, 0))),
            (
                "     Summary [  61.0s] 9 tests run: 5 passed (2 slow), 2 failed, 1 timed out, 1 exec failed, 0 skipped",
                Some((5, 4)),
            ),
            ("     Summary [   0.1s] 2/9 tests run: 1 passed, 1 failed, 0 skipped", Some((1, 1))),
            (
                "\u{1b}[32;1m     Summary\u{1b}[0m [   0.012s] \u{1b}[1m2\u{1b}[0m tests run: \u{1b}[1m2\u{1b}[0m passed, 0 skipped",
                Some((2, 0)),
            ),
            ("the text `3 passed, 4 failed` in a log", None),
        ];
        for (output, expected) in cases {
            let expected = expected.map(|(passed, failed)| Counts { passed, failed });
            assert_eq!(read(output), expected, "{output}");
        }
    }

    #[test]
    fn a_failed_test_that_nextest_shows_again_counts_once() {
        let output = "        FAIL [   0.5s] adieu-core a\n  stdout ───\n    test result: FAILED. 0 passed; 1 failed; 0 ignored\n\
                      test result: FAILED. 0 passed; 1 failed; 0 ignored\n\
                      ────────────\n     Summary [  27.8s] 126 tests run: 125 passed, 1 failed, 0 skipped\n\
                      error: test run failed\n";
        assert_eq!(read(output), Some(Counts { passed: 125, failed: 1 }));
    }

    #[test]
    fn the_closing_line() {
        assert_eq!(Counts { passed: 12, failed: 0 }.to_string(), "12 passed, 0 failed");
    }
}
