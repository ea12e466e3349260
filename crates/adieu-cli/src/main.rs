//! The command line of adieu: arguments in, results on standard output, progress and messages on standard error.
//! Everything that counts is done by the library `adieu`.

mod args;
mod commands;
mod fault;
mod images;
mod progress;
mod stop;
mod terminal;
mod threads;
mod words;

use std::process::ExitCode;

use adieu::meter::alloc::{CountingAllocator, keep_freed};
use clap::Parser;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

fn main() -> ExitCode {
    keep_freed();
    let args = match args::Args::try_parse() {
        Ok(args) => args,
        Err(error) => return terminal::usage(&error),
    };
    match commands::run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if terminal::nobody_reads(&error) => ExitCode::SUCCESS,
        Err(error) => {
            terminal::complain(&error);
            fault::code(&error)
        }
    }
}
