//! What is asked of a trained network.

use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueHint};

/// Ask a trained network about one image.
///
/// Takes the latest checkpoint of a run and shows its guess and the score of each class. The image must have the size of the training images; it is not scaled. The bundled digits are light on dark.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  adieu predict runs/first seven.png
  adieu predict runs/first t10k-images-idx3-ubyte#17     row 17 of an IDX file, from 0
  adieu predict runs/first seven.png --readout head --json")]
pub(crate) struct Predict {
    /// Folder of a run
    #[arg(value_hint = ValueHint::DirPath)]
    pub(crate) run: PathBuf,

    /// A PNG picture, or FILE#ROW of an IDX file of images
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) image: PathBuf,

    /// Way to read out an answer [default: the learner's own]
    #[arg(long, value_name = "NAME")]
    pub(crate) readout: Option<String>,

    /// Print one JSON object instead
    #[arg(long)]
    pub(crate) json: bool,
}

/// Let a trained network write text.
///
/// Takes the latest checkpoint of a run on text, such as the dataset `fables`, and writes on from a few symbols: each is drawn from the softmax of the scores the network gives, and appended to what it reads next.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  adieu generate runs/fables
  adieu generate runs/fables --start 'a fox once saw' --temperature 0.5
  adieu generate runs/fables --length 1000 --seed 2 --json")]
pub(crate) struct Generate {
    /// Folder of a run
    #[arg(value_hint = ValueHint::DirPath)]
    pub(crate) run: PathBuf,

    /// What to go on from; at least as long as what the network reads [default: the first test row]
    #[arg(long, value_name = "TEXT")]
    pub(crate) start: Option<String>,

    /// Symbols to write
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub(crate) length: u64,

    /// What scores are divided by: above 1 it dares more, below 1 less; 0 takes the likeliest
    #[arg(long, value_name = "T", default_value_t = 1.0, allow_negative_numbers = true)]
    pub(crate) temperature: f64,

    /// Draws: the same seed writes the same
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,

    /// Way to read out an answer [default: the learner's own]
    #[arg(long, value_name = "NAME")]
    pub(crate) readout: Option<String>,

    /// Print one JSON object instead
    #[arg(long)]
    pub(crate) json: bool,
}

/// Write a run's record in the format of another tool, or send it to one.
///
/// What a resume has superseded stays behind. What was not measured is left out or named with its reason, never zero.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  adieu export runs/first --as csv > first.csv
  adieu export runs/first --as tensorboard && tensorboard --logdir runs
  adieu export runs/first --as mllog --out first.log    to be checked by MLCommons' checker; see reference/mllog
  adieu export runs/first --as mlflow --to http://127.0.0.1:5000 --experiment digits")]
pub(crate) struct Export {
    /// Folder of the run
    #[arg(value_name = "RUN", value_hint = ValueHint::DirPath)]
    pub(crate) run: PathBuf,

    /// What to write
    #[arg(long = "as", value_name = "FORMAT")]
    pub(crate) format: ExportFormat,

    /// File to write [default: standard output; of tensorboard events.out.tfevents.0.adieu in the run]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) out: Option<PathBuf>,

    /// Address of MLflow's tracking server
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url)]
    pub(crate) to: Option<String>,

    /// Experiment of MLflow's, made if there is none of that name [default: adieu]
    #[arg(long, value_name = "NAME")]
    pub(crate) experiment: Option<String>,
}

/// Formats of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ExportFormat {
    /// One line a number
    Csv,
    /// A list of objects, one a number
    Json,
    /// A run of MLflow's tracking server, sent there
    Mlflow,
    /// The log of MLCommons
    Mllog,
    /// An event file of TensorBoard
    Tensorboard,
}
