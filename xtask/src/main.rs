//! `cargo xtask`: the command line of the project's chores.

use std::{io::Write, process::ExitCode};

use xtask::check;

const HELP: &str = "\
The project's chores.

Usage: cargo xtask check [--fast]

  check          everything that must hold, cheapest first; stops at the first failure and
                 prints `N passed, N failed` last
  check --fast   the same without the 30-second training

Exit status: 0 all passed, 1 something failed, 2 wrong usage.
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["check"] => report(check::run(false)),
        ["check", "--fast"] => report(check::run(true)),
        ["help" | "-h" | "--help"] | ["check", "-h" | "--help"] => {
            // Nobody is left to tell where standard output is closed; the same below.
            let _ = std::io::stdout().write_all(HELP.as_bytes());
            ExitCode::SUCCESS
        }
        _ => {
            let _ = std::io::stderr().write_all(HELP.as_bytes());
            ExitCode::from(2)
        }
    }
}

fn report(total: check::Counts) -> ExitCode {
    if total.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
