//! The commands, one file each, and what several of them need.

mod bench;
mod data;
mod doctor;
mod duel;
mod eval;
mod export;
mod fetch;
mod generate;
mod lint;
mod list;
mod mlflow;
mod predict;
mod profile;
mod report;
mod resume;
mod scaling;
mod shell;
mod stall;
mod study;
mod suite;
mod sweep;
mod train;
mod watch;

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use adieu::{Trained, instruments};
use anyhow::Context;

use crate::args::{Args, Bench, Command, Study};
use crate::fault::Usage;
use crate::progress::Manner;
use crate::{threads, words};

/// Does what was asked.
///
/// # Errors
/// Whatever [`crate::fault::code`] turns into an exit code other than 0; the message is for people.
pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    let manner = Manner::of(args.quiet);
    threads::begin(args.threads)?;
    instruments::choose(args.instruments.below(Path::new("/")));
    match args.command {
        Command::Duel(asked) => duel::run(&asked, manner),
        Command::Train(asked) => train::run(&asked, manner),
        Command::Sweep(asked) => sweep::run(&asked, manner),
        Command::Study(Study::Goodness(asked)) => study::goodness(&asked, manner),
        Command::Study(Study::Hybrids(asked)) => study::hybrids(&asked.net, manner),
        Command::Study(Study::Rules(asked)) => study::rules(&asked.net, manner),
        Command::Resume(asked) => resume::run(&asked, manner),
        Command::Eval(asked) => eval::run(&asked, manner),
        Command::Predict(asked) => predict::run(&asked),
        Command::Generate(asked) => generate::run(&asked),
        Command::Report(asked) => report::run(&asked),
        Command::List(asked) => list::run(&asked),
        Command::Lint(asked) => lint::run(&asked),
        Command::Data(asked) => data::run(&asked, manner),
        Command::Bench(Bench::Engine(asked)) => bench::engine(&asked, manner),
        Command::Bench(Bench::Scaling(asked)) => scaling::run(&asked, manner),
        Command::Bench(Bench::Suite(asked)) => suite::run(&asked, manner),
        Command::Export(asked) => export::run(&asked),
        Command::Watch(asked) => watch::run(&asked),
        Command::Doctor(asked) => doctor::run(&asked, &args.instruments, manner),
        Command::Profile(asked) => profile::run(&asked, manner),
        Command::StallProbe(asked) => stall::run(&asked, manner),
        Command::Completions { shell } => shell::completions(shell),
        Command::Man { out } => shell::man(out.as_deref()),
    }
}

/// A new folder below `runs/`, named after what is run and when.
fn new_folder(name: &str) -> PathBuf {
    let stamp = words::stamp(SystemTime::now());
    let name: String =
        name.chars().map(|c| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '-' }).collect();
    let first = Path::new("runs").join(format!("{name}-{stamp}"));
    let further = (2..).map(|i| Path::new("runs").join(format!("{name}-{stamp}-{i}")));
    std::iter::once(first).chain(further).find(|path| !path.exists()).unwrap_or_default()
}

/// A word of a command as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_.=/~:,".contains(c);
    if word.chars().all(plain) { word.into() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

/// The folder of data as a run must remember it: whole, so that the run can be resumed from anywhere.
fn whole(folder: &Path) -> anyhow::Result<PathBuf> {
    let whole = std::path::absolute(folder);
    let whole = whole.with_context(|| format!("{}: cannot tell the whole path", folder.display()))?;
    if whole.to_str().is_none() {
        let what =
            format!("{}: the path is not Unicode, and a recipe must be; rename the folder", whole.display());
        return Err(Usage(what).into());
    }
    Ok(whole)
}

/// The read-out asked for, or the learner's own.
fn readout(trained: &Trained, asked: Option<&str>) -> anyhow::Result<&'static str> {
    let offered = trained.readouts();
    let found = offered.iter().find(|name| asked.is_none_or(|asked| asked == **name));
    found.copied().ok_or_else(|| {
        let (learner, asked) = (&trained.start().learner, asked.unwrap_or_default());
        Usage(format!("{learner} has no read-out `{asked}`; choose one of: {}", offered.join(", "))).into()
    })
}
