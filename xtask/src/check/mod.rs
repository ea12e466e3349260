//! The one check: format, tidy, clippy, tests, doc tests, docs, a real training and the lint of its record.
//!
//! Stages run cheapest first and stop at the first failure, because what follows a failure costs minutes and
//! says little. The last line is `N passed, N failed`: the tests of all stages, and one for each other stage.

mod counts;
mod training;

use std::{
    ffi::OsString,
    io::{self, BufRead, BufReader, Read, Write},
    process::{Command, Stdio},
    thread,
    time::Instant,
};

pub use self::counts::Counts;
use crate::tidy::repository;

/// One thing that must hold.
struct Stage {
    name: &'static str,
    work: Work,
}

enum Work {
    /// A cargo command with environment variables; it counts once.
    Cargo(Vec<&'static str>, Vec<(&'static str, &'static str)>),
    /// A cargo command that runs tests; every test counts.
    Tests(Vec<&'static str>),
    /// The training and the lint of its record; each counts once.
    Training,
}

/// All stages, cheapest first. `fast` leaves the training out; `nextest` says whether cargo-nextest is there.
///
/// The tests of xtask itself are the tidy stage, so the later stages leave that package out.
fn stages(fast: bool, nextest: bool) -> Vec<Stage> {
    let tests = if nextest {
        vec!["nextest", "run", "--workspace", "--exclude", "xtask", "--no-fail-fast"]
    } else {
        vec!["test", "--workspace", "--exclude", "xtask", "--all-targets", "--no-fail-fast"]
    };
    let plain = |name, arguments| Stage { name, work: Work::Cargo(arguments, Vec::new()) };
    let mut stages = vec![
        plain("format", vec!["fmt", "--all", "--check"]),
        Stage { name: "tidy", work: Work::Tests(vec!["test", "-p", "xtask", "--no-fail-fast"]) },
        plain("clippy", vec!["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]),
        Stage { name: "tests", work: Work::Tests(tests) },
        Stage {
            name: "doc tests",
            work: Work::Tests(vec!["test", "--doc", "--workspace", "--exclude", "xtask", "--no-fail-fast"]),
        },
        Stage {
            name: "docs",
            work: Work::Cargo(vec!["doc", "--workspace", "--no-deps"], vec![("RUSTDOCFLAGS", "-D warnings")]),
        },
    ];
    if !fast {
        stages.push(Stage { name: "training", work: Work::Training });
    }
    stages
}

/// Runs the check, telling how it goes on standard output; `fast` leaves the training out.
pub fn run(fast: bool) -> Counts {
    let mut total = Counts::default();
    for stage in stages(fast, has_nextest()) {
        say(&format!("\n=== {}: {}", stage.name, stage.command_line()));
        let began = Instant::now();
        let outcome = stage.run();
        let seconds = began.elapsed().as_secs_f64();
        match outcome {
            Ok(counts) => {
                total += counts;
                say(&format!("=== {} passed in {seconds:.1} s", stage.name));
            }
            Err(failure) => {
                total += failure.counts;
                say(&format!("\n=== FAILED: {} after {seconds:.1} s: {}", stage.name, failure.why));
                say(&format!("    To see it again: {}", stage.command_line()));
                break;
            }
        }
    }
    say(&format!("\n{total}"));
    total
}

/// Why a stage failed; `counts.failed` is at least 1.
#[derive(Debug)]
struct Failure {
    counts: Counts,
    why: String,
}

impl Failure {
    fn one(why: impl Into<String>) -> Failure {
        Failure { counts: Counts { passed: 0, failed: 1 }, why: why.into() }
    }
}

impl Stage {
    fn command_line(&self) -> String {
        match &self.work {
            Work::Cargo(arguments, variables) => {
                let mut line: String =
                    variables.iter().map(|(name, value)| format!("{name}={value:?} ")).collect();
                line.push_str("cargo ");
                line + &arguments.join(" ")
            }
            Work::Tests(arguments) => format!("cargo {}", arguments.join(" ")),
            Work::Training => training::COMMAND_LINE.into(),
        }
    }

    fn run(&self) -> Result<Counts, Failure> {
        match &self.work {
            Work::Cargo(arguments, variables) => {
                let mut command = cargo(arguments);
                command.envs(variables.iter().copied());
                let status =
                    command.status().map_err(|e| Failure::one(format!("cargo does not start: {e}")))?;
                let one = Counts { passed: 1, failed: 0 };
                if status.success() { Ok(one) } else { Err(Failure::one(status.to_string())) }
            }
            Work::Tests(arguments) => {
                let (succeeded, output) =
                    echoed(cargo(arguments)).map_err(|e| Failure::one(e.to_string()))?;
                judge_tests(succeeded, counts::read(&output))
            }
            Work::Training => training::real_training().map_err(Failure::one),
        }
    }
}

/// Whether a test run may pass: its own verdict, and a summary that agrees with it.
fn judge_tests(succeeded: bool, counts: Option<Counts>) -> Result<Counts, Failure> {
    match (succeeded, counts) {
        (true, Some(counts)) if counts.failed == 0 => Ok(counts),
        (true, None) => Err(Failure::one(
            "the tests ran, but no summary line was understood; see xtask/src/check/counts.rs",
        )),
        (_, None) => Err(Failure::one("no test could run: it did not compile or did not start")),
        (_, Some(mut counts)) => {
            counts.failed = counts.failed.max(1);
            Err(Failure { counts, why: counts.to_string() })
        }
    }
}

/// Cargo at the root of the repository: the one that started this program, where there is one.
fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    command.args(arguments).current_dir(repository::root());
    command
}

fn has_nextest() -> bool {
    cargo(&["nextest", "--version"]).output().is_ok_and(|output| output.status.success())
}

/// Runs a command to its end, showing its output as it comes; returns whether it succeeded, and the output.
fn echoed(mut command: Command) -> io::Result<(bool, String)> {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let errors = child.stderr.take();
    // Cargo writes to both pipes; a second reader keeps either from filling up and blocking it.
    let second = thread::spawn(move || errors.map_or(Ok(String::new()), |pipe| echo(pipe, io::stderr())));
    let mut output = child.stdout.take().map_or(Ok(String::new()), |pipe| echo(pipe, io::stdout()))?;
    output.push_str(
        &second.join().unwrap_or_else(|_| Err(io::Error::other("the reader of standard error panicked")))?,
    );
    Ok((child.wait()?.success(), output))
}

fn echo(pipe: impl Read, mut to: impl Write) -> io::Result<String> {
    let mut all = String::new();
    let mut pipe = BufReader::new(pipe);
    let mut line = Vec::new();
    while pipe.read_until(b'\n', &mut line)? > 0 {
        to.write_all(&line)?;
        all.push_str(&String::from_utf8_lossy(&line));
        line.clear();
    }
    Ok(all)
}

fn say(line: &str) {
    // Nobody is left to tell where standard output is closed; the exit status still speaks.
    let _ = writeln!(io::stdout(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(fast: bool) -> Vec<&'static str> {
        stages(fast, true).iter().map(|stage| stage.name).collect()
    }

    #[test]
    fn cheapest_first_and_fast_leaves_only_the_training_out() {
        assert_eq!(names(false), ["format", "tidy", "clippy", "tests", "doc tests", "docs", "training"]);
        assert_eq!(names(true), ["format", "tidy", "clippy", "tests", "doc tests", "docs"]);
    }

    #[test]
    fn without_nextest_plain_cargo_test_runs_the_same() {
        let with: Vec<String> = stages(true, true).iter().map(Stage::command_line).collect();
        let without: Vec<String> = stages(true, false).iter().map(Stage::command_line).collect();
        assert_eq!(with[3], "cargo nextest run --workspace --exclude xtask --no-fail-fast");
        assert_eq!(without[3], "cargo test --workspace --exclude xtask --all-targets --no-fail-fast");
        assert_eq!(without[5], "RUSTDOCFLAGS=\"-D warnings\" cargo doc --workspace --no-deps");
    }

    #[test]
    fn a_test_run_passes_only_if_its_summary_agrees() {
        let counts = |passed, failed| Some(Counts { passed, failed });
        assert_eq!(judge_tests(true, counts(3, 0)).unwrap(), Counts { passed: 3, failed: 0 });
        for (succeeded, read, failed) in [
            (true, None, 1),
            (false, None, 1),
            (false, counts(3, 0), 1),
            (false, counts(3, 2), 2),
            (true, counts(3, 2), 2),
        ] {
            let failure = judge_tests(succeeded, read).unwrap_err();
            assert_eq!(failure.counts.failed, failed, "{succeeded} {read:?}");
        }
    }

    #[test]
    fn what_is_shown_is_also_kept() {
        let mut shown = Vec::new();
        let kept = echo(&b"one\ntwo \xff\nno end"[..], &mut shown).unwrap();
        assert_eq!(kept, "one\ntwo \u{fffd}\nno end");
        assert_eq!(shown, b"one\ntwo \xff\nno end");
    }
}
