//! What can be asked for, and the words that teach it.

mod bench;
mod fetch;
mod instruments;
mod machine;
mod questions;
mod sweeps;

use std::path::PathBuf;

use adieu::recipe::Setting;
use adieu::record::Split;
use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum, ValueHint};
use clap_complete::Shell;

use crate::threads;
pub(crate) use bench::{Bench, BenchEngine, BenchScaling, BenchSuite};
pub(crate) use fetch::DataFetch;
pub(crate) use instruments::Instruments;
pub(crate) use machine::{Doctor, Profile, StallProbe, Watch};
pub(crate) use questions::{Export, ExportFormat, Generate, Predict};
pub(crate) use sweeps::{Study, StudyGoodness, StudyNetwork, Sweep, SweepShow};

/// Largest seed: recipes keep seeds where JSON can hold them.
const MOST_SEED: u64 = (1 << 53) - 1;

const AFTER: &str = "\
Exit codes:
  0  done
  1  a run failed, diverged or was interrupted, or an input file is bad
  2  wrong usage, or a faulty recipe

A run is a folder: recipe.toml (every default spelled out), events.jsonl (all that happened) and
checkpoint-N.safetensors. New ones lie in runs/ below the current folder unless --out says otherwise.
Ctrl-C finishes the step, saves, and says how to go on; nothing is lost.

Start here:
  adieu duel --epochs 3       Forward-Forward against back-propagation on handwritten digits
  adieu list                  everything a recipe can choose from
";

/// Trains neural networks without back-propagation, trains the same networks with it, and measures what each costs.
#[derive(Debug, Parser)]
#[command(name = "adieu", version, max_term_width = 100, after_help = AFTER)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// Show no progress; results and errors still come
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,

    /// Threads that work; results are the same for any number [default: one a core]
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=threads::MOST))]
    pub(crate) threads: Option<u64>,

    #[command(flatten)]
    pub(crate) instruments: Instruments,
}

/// One command each.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Duel(Duel),
    Train(Train),
    Sweep(Sweep),
    /// Run a built-in sweep
    #[command(subcommand)]
    Study(Study),
    Resume(Resume),
    Eval(Eval),
    Predict(Predict),
    Generate(Generate),
    Report(Report),
    List(List),
    Lint(Lint),
    /// Show datasets
    #[command(subcommand)]
    Data(Data),
    /// Measure how fast this machine trains
    #[command(subcommand)]
    Bench(Bench),
    Export(Export),
    Watch(Watch),
    Doctor(Doctor),
    Profile(Profile),
    StallProbe(StallProbe),
    /// Print a completion script for a shell
    #[command(after_help = "\
Examples:
  adieu completions bash > ~/.local/share/bash-completion/completions/adieu
  adieu completions zsh > ~/.zfunc/_adieu
  adieu completions fish > ~/.config/fish/completions/adieu.fish")]
    Completions {
        /// Which shell
        shell: Shell,
    },
    /// Print the manual page, or write the pages of all commands into a folder
    #[command(after_help = "\
Examples:
  adieu man | man -l -
  adieu man --out ~/.local/share/man/man1")]
    Man {
        /// Write adieu.1, adieu-duel.1, … into this folder
        #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
        out: Option<PathBuf>,
    },
}

/// Forward-Forward against back-propagation: same network, rows, batches and initial weights.
///
/// Trains one network twice from the same initial weights, on the same rows and batches: by Forward-Forward and by
/// back-propagation. Ends with a table, a verdict in words, and a report with figures.
///
/// Each seed is a pair of runs; several seeds give paired intervals. With --out, a duel that lies there already goes
/// on: what is finished is kept, what was interrupted is resumed, and options not named are those of that duel.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  adieu duel                                    the bundled digits
  adieu duel --epochs 3 --hidden 400,400        a smaller network, fewer epochs
  adieu duel --seeds 5 --out runs/five --open   five pairs, then show the report
  adieu duel --out runs/five                    go on after an interruption
  adieu duel --data-dir ~/data/fashion-mnist    your own IDX files
  adieu duel --json | jq '.runs[].test_error'   for programs

The folder gets duel.json (the options), LEARNER/seed-N/ (the runs), report.html and report.json.")]
pub(crate) struct Duel {
    #[arg(help = format!("Times each learner goes through the training rows [default: {}]", default().epochs))]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub(crate) epochs: Option<u64>,

    #[arg(help = format!("Widths of the hidden layers [default: {}]", widths(&default().hidden)))]
    #[arg(long, value_name = "WIDTHS", value_delimiter = ',', num_args = 1)]
    pub(crate) hidden: Option<Vec<u64>>,

    /// Number of pairs, with seeds S, S+1, …; a duel that lies in --out may be given more [default: 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub(crate) seeds: Option<u64>,

    /// First seed [default: 1]
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u64).range(..=MOST_SEED - 10_000))]
    pub(crate) seed: Option<u64>,

    /// Folder of IDX files to learn from, instead of the bundled digits
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) data_dir: Option<PathBuf>,

    /// Folder of the duel [default: runs/duel-DATE-TIME, in UTC]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) out: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) show: Show,
}

/// Run a recipe.
///
/// A recipe is a TOML file that says what to learn from, the network, and how it learns. The run ends with a table and
/// a report.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  adieu train recipes/ff-mnist-1000x3.toml
  adieu train my.toml --out runs/first --seed 7
  adieu train my.toml --set train.epochs=3 --set learner.optimizer.rate=0.01
  adieu train recipes/deeper-forward/cifar-10.toml --set data.kind=images --set data.dir=pictures

A recipe can be as short as this; `adieu list` shows the choices, `adieu list schema` every key:
  [model]
  blocks = [[1000], [1000], [1000]]
  [learner]
  kind = \"forward_forward\"")]
pub(crate) struct Train {
    /// The recipe
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) recipe: PathBuf,

    /// Folder of the run; must not hold one already [default: runs/NAME-SEED-DATE-TIME, in UTC]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) out: Option<PathBuf>,

    /// Seed, instead of the recipe's
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u64).range(..=MOST_SEED))]
    pub(crate) seed: Option<u64>,

    /// Another value for a dotted key of the recipe; may be given several times
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) settings: Vec<Setting>,

    #[command(flatten)]
    pub(crate) show: Show,
}

/// Go on with an interrupted run or duel.
///
/// A run goes on from its latest whole checkpoint, and its result is that of the uninterrupted run, bit for bit.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  adieu resume runs/first
  adieu resume runs/five        a duel: finished runs are kept, the others go on or begin")]
pub(crate) struct Resume {
    /// Folder of a run or a duel
    #[arg(value_name = "RUN|DUEL", value_hint = ValueHint::DirPath)]
    pub(crate) folder: PathBuf,

    #[command(flatten)]
    pub(crate) show: Show,
}

/// Judge the rows of a split by a trained network.
///
/// Takes the latest checkpoint of a run and shows the error, with its binomial standard error, and which class was
/// taken for which.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  adieu eval runs/first
  adieu eval runs/first --readout head
  adieu eval runs/first --split train --json
  adieu eval runs/first --data-dir ~/data/shifted-digits")]
pub(crate) struct Eval {
    /// Folder of a run
    #[arg(value_hint = ValueHint::DirPath)]
    pub(crate) run: PathBuf,

    /// Which rows; only runs with data.split = "choose" hold rows out for validation
    #[arg(long, value_enum, default_value_t = SplitArg::Test)]
    pub(crate) split: SplitArg,

    /// Way to read out an answer [default: the learner's own]
    #[arg(long, value_name = "NAME")]
    pub(crate) readout: Option<String>,

    /// Folder of other IDX files to judge, of the same classes and size
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) data_dir: Option<PathBuf>,

    /// Print one JSON object instead
    #[arg(long)]
    pub(crate) json: bool,
}

/// Make a page of figures and tables of any runs.
///
/// Reads the records of all runs at or below the folders named and makes one report of them: FILE is one page that
/// needs nothing else, and its numbers lie beside it as .json. Reports are derived: delete and make them as you like.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  adieu report runs/five --open
  adieu report runs/ff-mnist-1 runs/bp-mnist-1 --out compared.html
  adieu report runs --json | jq '.groups[].metrics.test_error'")]
pub(crate) struct Report {
    /// Folders of runs or duels, or folders above them
    #[arg(required = true, value_name = "RUN|DIR", value_hint = ValueHint::DirPath)]
    pub(crate) folders: Vec<PathBuf>,

    /// Where the page goes [default: report.html in the folder named, or here if there are several]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) out: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) show: Show,
}

// No doc comment: it would become the words of every command that has this.
#[derive(Clone, Copy, Debug, ClapArgs)]
pub(crate) struct Show {
    /// Print one JSON object instead: {"runs": […], "groups": […], "comparisons": […], "report": PATH}
    #[arg(long)]
    pub(crate) json: bool,

    /// Open the report when it is made
    #[arg(long)]
    pub(crate) open: bool,
}

/// Show what recipes can choose from, what is measured and what reports show.
///
/// Shows every choice by the name that recipes use, with its settings and their defaults. Without a topic, all of them.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  adieu list
  adieu list optimizers
  adieu list schema > recipe.schema.json    for editors that complete and check TOML")]
pub(crate) struct List {
    /// What to show
    #[arg(value_enum)]
    pub(crate) topic: Option<Topic>,

    /// Print JSON instead
    #[arg(long)]
    pub(crate) json: bool,
}

/// What `list` can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Topic {
    Learners,
    Goodness,
    Objectives,
    Negatives,
    Fakes,
    Labels,
    Optimizers,
    Schedules,
    Activations,
    Norms,
    Datasets,
    Meters,
    Exhibits,
    /// The JSON Schema of recipes
    Schema,
}

/// Check records and recipes.
///
/// Checks a folder's records against the rules every record obeys, and its recipe; or a recipe or sweep file, data and all.
/// Every finding is printed with its line. Warnings mark what is sound but not finished.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  adieu lint my.toml
  adieu lint runs/first runs/five

Exit code 1 if a record has an error or data cannot be read, 2 if a recipe is faulty; warnings alone give 0.")]
pub(crate) struct Lint {
    /// Folders of runs, folders above them, or recipes and sweeps (.toml)
    #[arg(required = true, value_name = "RUN|RECIPE|SWEEP", value_hint = ValueHint::AnyPath)]
    pub(crate) paths: Vec<PathBuf>,

    /// Print a JSON list of findings instead
    #[arg(long)]
    pub(crate) json: bool,
}

/// Datasets.
#[derive(Debug, Subcommand)]
pub(crate) enum Data {
    /// Name the datasets, their licences, and what of them is on this machine
    List {
        /// Print JSON instead
        #[arg(long)]
        json: bool,
    },
    Fetch(DataFetch),
    /// Describe a dataset and draw some of its images
    ///
    /// Classes and their rows, the range of the values, rows that are there twice, how fast it was read, what was left
    /// out and why; and a picture of each class.
    #[command(after_help = "\
Examples:
  adieu data show
  adieu data show --data-dir ~/data/fashion-mnist
  adieu data show csv --data-dir iris.csv --label species
  adieu data show npz --data-dir rows.npz --no-labels
  adieu data show images --data-dir ~/photos --on-bad skip --png photos.png")]
    Show {
        /// Which [default: mnist; idx with --data-dir]
        name: Option<String>,

        /// Folder of its files, or the file of a table
        #[arg(long, value_name = "PATH", value_hint = ValueHint::AnyPath)]
        data_dir: Option<PathBuf>,

        /// Column of the labels of a table [default: label, class, target or y]
        #[arg(long, value_name = "COLUMN")]
        label: Option<String>,

        /// The rows have no labels, or none that are wanted
        #[arg(long)]
        no_labels: bool,

        /// What to do about rows that cannot be read
        #[arg(long, value_enum, default_value_t = OnBadArg::Fail)]
        on_bad: OnBadArg,

        /// Write some rows of each class as one picture, too
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        png: Option<PathBuf>,

        /// Print one JSON object instead
        #[arg(long)]
        json: bool,
    },
}

/// What to do about rows that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnBadArg {
    /// Stop, and name the file and the row
    Fail,
    /// Leave them out and count them
    Skip,
}

/// Rows to judge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SplitArg {
    Test,
    Validation,
    Train,
}

impl From<SplitArg> for Split {
    fn from(split: SplitArg) -> Split {
        match split {
            SplitArg::Test => Split::Test,
            SplitArg::Validation => Split::Validation,
            SplitArg::Train => Split::Train,
        }
    }
}

fn default() -> adieu::duel::Duel {
    adieu::duel::Duel::default()
}

fn widths(hidden: &[u64]) -> String {
    hidden.iter().map(u64::to_string).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_declaration_is_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn help_names_the_defaults_of_a_single_duel() {
        assert_eq!((default().seeds, default().seed), (1, 1), "as the help of --seeds and --seed says");
    }
}
