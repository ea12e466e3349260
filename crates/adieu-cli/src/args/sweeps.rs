//! Sweeps and studies.

use std::path::PathBuf;

use adieu::recipe::Setting;
use adieu::sweep::study::Activation;
use clap::{Args as ClapArgs, Subcommand, ValueHint};

/// Run a recipe with one setting changed after the other, or over a grid.
///
/// A sweep is a TOML file with a recipe and its changes. Every step is checked before the first one runs, and run with
/// each seed; data is read once. Ends with a table, sweep.json and sweep.html: errors by step, with intervals over
/// seeds, and differences paired by seed. A run that diverges is a result.
///
/// Called again with the same --out it goes on: what is finished is kept, what was interrupted is resumed, and more
/// seeds are added.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  adieu sweep recipes/hinton-2022/ladder.toml --out runs/ladder
  adieu sweep recipes/hinton-2022/ladder.toml --out runs/ladder --seeds 5   more seeds
  adieu sweep mine.toml --set data.kind=idx --set data.dir=$HOME/fashion-mnist  other data
  adieu report runs/ladder/rms-norm                                         one step, in full

A sweep file:
  name = \"norms\"
  seeds = 3             # seeds 1, 2, 3
  cumulative = false    # true: a step keeps the changes of those before it
  base = \"ff.toml\"      # or the recipe itself, as [base], [base.model], …
  [[step]]
  name = \"rms\"
  [[step]]
  name = \"unit length, lower threshold\"
  set = { \"learner.norm\" = \"l2\", \"learner.objective.theta\" = 0.5 }
Instead of steps, every choice of one value a key:
  [grid]
  \"learner.norm\" = [\"rms\", \"l2\"]
  \"learner.objective.theta\" = [0.5, 1.0, 2.0]")]
pub(crate) struct Sweep {
    /// The sweep
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,

    /// Another value for a dotted key of every step's recipe; may be given several times
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) settings: Vec<Setting>,

    /// Folder of the sweep: STEP/seed-N/ for each run [default: runs/NAME-DATE-TIME, in UTC]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) out: Option<PathBuf>,

    /// Number of seeds, instead of the file's
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub(crate) seeds: Option<u64>,

    #[command(flatten)]
    pub(crate) show: SweepShow,
}

/// Studies.
#[derive(Debug, Subcommand)]
pub(crate) enum Study {
    Goodness(StudyGoodness),
    Hybrids(StudyHybrids),
    Rules(StudyRules),
}

/// Learning that is partly local and partly not, on one trunk, beside both ends and their controls.
///
/// Trains four layers by back-propagation (plain, with checkpointing, in micro-batches, with deep supervision), by local
/// heads (one layer a head, two, all; overlapping windows), by one below and the other above, and by one after the other:
/// local learning or Forward-Forward first, then back-propagation or a head alone, and the other way round. A random trunk
/// with a trained head says what a trunk is worth. All have the same initial weights, rows, batches and epochs in all,
/// pretraining included. Ends with the table of a sweep.
///
/// Called again with the same options and --out it goes on.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  adieu study hybrids --quick                                         8 x 8 digits, seconds a run
  adieu study hybrids --out runs/hybrids                              MNIST, dense layers
  adieu study hybrids --convolutional --data cifar10 --epochs 20      convolutions on CIFAR-10
  adieu study hybrids --data images --data-dir ~/pictures             your own pictures")]
pub(crate) struct StudyHybrids {
    #[command(flatten)]
    pub(crate) net: StudyNetwork,
}

/// Rules that learn without back-propagation beside back-propagation, on the very same network.
///
/// Trains four layers by back-propagation, DeeperForward, CwComp, local heads, Forward-Forward, self-contrastive
/// Forward-Forward and SoftHebb, with --convolutional Trifecta and other labels and heads too, and a head alone on a random
/// trunk, which says what the trunk is worth. All have the same initial weights, rows, batches and epochs. Ends with the table of a sweep, and a second one with right answers,
/// multiply-adds, time and memory as shares of back-propagation's; on the page beside what each rule's own paper claims.
///
/// Called again with the same options and --out it goes on.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  adieu study rules --quick                                         8 x 8 digits, seconds a run
  adieu study rules --convolutional --out runs/rules                MNIST, convolutions
  adieu study rules --convolutional --data cifar10 --epochs 20      CIFAR-10
  adieu study rules --data images --data-dir ~/pictures             your own pictures")]
pub(crate) struct StudyRules {
    #[command(flatten)]
    pub(crate) net: StudyNetwork,
}

/// What the network of a study is, and what it learns.
#[derive(Debug, ClapArgs)]
pub(crate) struct StudyNetwork {
    /// Dataset; `adieu data list` shows them [default: mnist; optdigits with --quick]
    #[arg(long, value_name = "NAME")]
    pub(crate) data: Option<String>,

    /// Folder of its files, or its one file
    #[arg(long, value_name = "DIR", value_hint = ValueHint::AnyPath)]
    pub(crate) data_dir: Option<PathBuf>,

    /// Four convolutions instead of four dense layers
    #[arg(long)]
    pub(crate) convolutional: bool,

    /// Units of a dense layer [default: 500; 60 with --quick]; channels of the first convolution [default: 40; 10]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=16_384))]
    pub(crate) width: Option<u64>,

    /// Folder of the study [default: runs/study-NAME-DATE-TIME, in UTC]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) out: Option<PathBuf>,

    /// Epochs of each run, all its stages together [default: 10; 20 with --quick]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(2..=1_000_000))]
    pub(crate) epochs: Option<u64>,

    /// Number of seeds [default: 3; 2 with --quick]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub(crate) seeds: Option<u64>,

    /// A small network on small digits, for a first look
    #[arg(long)]
    pub(crate) quick: bool,

    #[command(flatten)]
    pub(crate) show: SweepShow,
}

/// Every goodness with several activations, and which of them can be told apart.
///
/// Trains 784-500-500 by the published recipe with every registered goodness, with sums of squares that shall be low,
/// and with the margin of pairs, on the bundled digits and on a folder of IDX files such as Fashion-MNIST. Thresholds
/// are in units of what each untrained layer gives real data, so that no goodness wins by its scale. Ends with the
/// table of a sweep, and for each activation with every goodness against every other: differences paired by seed,
/// Student's t, Holm's correction for the number of pairs. What the learner refuses together is left out, and said.
///
/// Called again with the same options and --out it goes on.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  adieu study goodness --quick                                        a small network, one epoch
  adieu study goodness --dir ~/data/fashion-mnist --out runs/goodness
  adieu study goodness --seeds 10 --out runs/goodness                 more seeds tell more apart")]
pub(crate) struct StudyGoodness {
    /// Folder of IDX files to learn from too
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) dir: Option<PathBuf>,

    /// Folder of the study [default: runs/study-goodness-DATE-TIME, in UTC]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) out: Option<PathBuf>,

    /// Epochs of each run [default: 5; 1 with --quick]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub(crate) epochs: Option<u64>,

    /// Number of seeds [default: 3; 2 with --quick]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub(crate) seeds: Option<u64>,

    /// Activations, separated by commas
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = activation,
        default_value = "relu,tanh,softplus,student_t")]
    pub(crate) activations: Vec<Activation>,

    /// A network of 784-100-100, for a first look
    #[arg(long)]
    pub(crate) quick: bool,

    #[command(flatten)]
    pub(crate) show: SweepShow,
}

// No doc comment: it would become the words of every command that has this.
#[derive(Clone, Copy, Debug, ClapArgs)]
pub(crate) struct SweepShow {
    /// Print one JSON object instead, that of sweep.json: {"steps": [{"step": …, "runs": […], …}], …}
    #[arg(long)]
    pub(crate) json: bool,

    /// Open the page when it is made
    #[arg(long)]
    pub(crate) open: bool,
}

fn activation(name: &str) -> Result<Activation, String> {
    let names: Vec<&str> = Activation::ALL.iter().map(|activation| activation.name()).collect();
    let found = Activation::ALL.into_iter().find(|activation| activation.name() == name);
    found.ok_or_else(|| format!("choose from {}", names.join(", ")))
}
