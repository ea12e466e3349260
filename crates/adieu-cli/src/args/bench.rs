//! Benches.

use clap::{Args as ClapArgs, Subcommand};

/// Benches.
#[derive(Debug, Subcommand)]
pub(crate) enum Bench {
    Engine(BenchEngine),
    Scaling(BenchScaling),
    Suite(BenchSuite),
}

/// Time products, steps and epochs beside the peak of the machine.
///
/// Times the three products of a dense layer, one Forward-Forward and one back-propagation step of 784-2000x4, and an
/// epoch of the bundled digits by both, with Forward-Forward's savings off and on. Beside every timing stands the
/// multiply-add peak that the processor reached with operands in registers just before and after: machines drift and
/// are shared, the fraction is what can be compared. Turns in which the peak sagged do not count.
///
/// Takes some minutes. Close what else is running.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  adieu bench engine                          everything
  adieu bench engine --no-epoch --rows 1000   products and steps at one size
  adieu bench engine --epochs 5               time the fifth epoch: fewer rows still teach
  adieu bench engine --threads 1              what one core does
  adieu bench engine --json | tail -1 | jq    for programs")]
pub(crate) struct BenchEngine {
    /// Rows of products and steps; half of Forward-Forward's are negative [default: 128,1000,4096]
    #[arg(long, value_name = "ROWS", value_delimiter = ',', num_args = 1)]
    #[arg(value_parser = clap::value_parser!(u64).range(2..=1_000_000))]
    pub(crate) rows: Option<Vec<u64>>,

    /// Widths of the hidden layers [default: 2000,2000,2000,2000]
    #[arg(long, value_name = "WIDTHS", value_delimiter = ',', num_args = 1)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub(crate) hidden: Option<Vec<u64>>,

    /// Turns of each timing [default: 9]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub(crate) turns: Option<u64>,

    /// Epochs to train; the last is timed [default: 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub(crate) epochs: Option<u64>,

    /// Steps of an epoch, at most; what is told is then the time of those steps [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub(crate) steps: Option<u64>,

    /// Leave the epoch out
    #[arg(long, conflicts_with_all = ["epochs", "steps"])]
    pub(crate) no_epoch: bool,

    /// Hold the kernels to an instruction set: avx512, avx2, neon or scalar
    #[arg(long, value_name = "NAME")]
    pub(crate) isa: Option<String>,

    /// Print one JSON object as the last line
    #[arg(long)]
    pub(crate) json: bool,
}

/// Measure how cost grows with depth, width and batch.
///
/// Trains nets of the bundled digits by Forward-Forward and by back-propagation, with one of depth, width and batch changed at a time around a net in the middle, all in turn. Tells of each the time of a step, its multiply-adds, the bytes kept from the forward pass for credit (counted) and the bytes of the whole step (by the learner's formula); then fits how each grows: an exponent of 0 does not, of 1 does in proportion. Draws it all, log-log, on one page.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  adieu bench scaling
  adieu bench scaling --depths 2,4,8,16,32 --turns 15
  adieu bench scaling --json | jq '.growth[] | select(.axis == \"depth\")'")]
pub(crate) struct BenchScaling {
    /// Numbers of hidden layers
    #[arg(long, value_name = "LAYERS", value_delimiter = ',', num_args = 1, default_value = "2,4,8,16",
        value_parser = clap::value_parser!(u64).range(2..=1000))]
    pub(crate) depths: Vec<u64>,

    /// Units of each hidden layer
    #[arg(long, value_name = "UNITS", value_delimiter = ',', num_args = 1, default_value = "250,500,1000",
        value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub(crate) widths: Vec<u64>,

    /// Rows of a step
    #[arg(long, value_name = "ROWS", value_delimiter = ',', num_args = 1, default_value = "50,100,200,400",
        value_parser = clap::value_parser!(u64).range(1..=60_000))]
    pub(crate) batches: Vec<u64>,

    /// Turns of each net; the first does not count
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u64).range(2..=1000))]
    pub(crate) turns: u64,

    /// Steps of a turn
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub(crate) steps: u64,

    /// Folder of the page and its numbers [default: runs/bench-scaling-DATE-TIME, in UTC]
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    pub(crate) out: Option<std::path::PathBuf>,

    /// Print one JSON object instead, that of scaling.json: {"points": […], "growth": […]}
    #[arg(long)]
    pub(crate) json: bool,

    /// Open the page when it is made
    #[arg(long)]
    pub(crate) open: bool,
}

/// Measure what methods cost to a quality.
///
/// Trains every method of a task with every seed, in turn, and tells what each costs until its error on the held-out rows is at a target or below: training time, epochs, multiply-adds, joules where a sensor tells them. A run that never gets there is a result. Methods are compared with the first: the ratio of median times with its bootstrap interval, and Mann and Whitney's test with Holm's correction; six seeds can tell nine methods apart, five cannot; take ten for a publication.
///
/// Tasks: `optdigits`, 64-128-128 on 8 x 8 digits, and `patterns`, made-up pictures, seconds; `quick`, 784-100-100, 3 epochs of MNIST; `digits`, 784-500-500-500, 10 epochs; `published`, 784-2000x4; `stream`, quick from slow storage; `fables`, next letters; `cifar`, 3072-1000x3 on CIFAR-10, and `cifar-conv`, a small convolutional net. Their methods: back-propagation, with AdamW, with checkpointing, in micro-batches; Forward-Forward, without its head, layer after layer, by differences of pairs; local heads. Of the convolutional net: Forward-Forward with labels that every window sees, DeeperForward, local heads. Or name a sweep file: its steps are the methods.
///
/// Called again with the same options and --out it goes on.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  adieu bench suite quick
  adieu bench suite digits --seeds 10 --out runs/digits
  adieu bench suite cifar --data images --data-dir path/to/cifar10
  adieu bench suite my-goodness.toml --targets 5,3      percent of held-out rows misjudged
  adieu report runs/digits                              all curves, layers and costs of its runs")]
pub(crate) struct BenchSuite {
    /// A task of those above, or a sweep file
    #[arg(value_name = "TASK|FILE", value_hint = clap::ValueHint::FilePath)]
    pub(crate) task: String,

    /// Dataset to read instead of the task's
    #[arg(long, value_name = "KIND")]
    pub(crate) data: Option<String>,

    /// Folder of the dataset's files
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    pub(crate) data_dir: Option<std::path::PathBuf>,

    /// Number of seeds [default: 6, or what the file says]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub(crate) seeds: Option<u64>,

    /// Errors to be reached, in percent [default: those of the task]
    #[arg(long, value_name = "PERCENT", value_delimiter = ',', num_args = 1)]
    pub(crate) targets: Option<Vec<f64>>,

    /// Folder of the benchmark [default: runs/bench-TASK-DATE-TIME, in UTC]
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    pub(crate) out: Option<std::path::PathBuf>,

    /// Print one JSON object instead, that of quality.json: {"targets": […], "methods": […], "entries": […], …}
    #[arg(long)]
    pub(crate) json: bool,

    /// Open the page when it is made
    #[arg(long)]
    pub(crate) open: bool,
}
