//! What is asked of the machine.

use std::path::PathBuf;

use adieu::recipe::Setting;
use clap::{Args as ClapArgs, ValueHint};

/// Tell what this machine can be measured by.
///
/// Reads every sensor there is for time, processors, memory, clocks, heat and energy, and tells of each what it says, how finely, and what a reading costs. What cannot be read is named with the reason and what would mend it; nothing is ever taken for zero. Sensors of energy are found below /sys; most need the bare machine, and some need root.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  adieu doctor
  adieu doctor --json | jq '.sources[] | select(.value.kind == \"unavailable\") | .value.remedy'
  adieu doctor --overhead                what reading the sensors slows down
  adieu doctor --dump sensors.txt        all sensor files, for a bug report: read it before you send it")]
pub(crate) struct Doctor {
    /// Print one JSON object instead: {"machine": {…}, "sources": […], "overhead": …}
    #[arg(long)]
    pub(crate) json: bool,

    /// Time a fixed piece of work with and without the sensors, in turn; about 40 seconds
    #[arg(long)]
    pub(crate) overhead: bool,

    /// Write what the sensors' files say into FILE, which must not be there yet
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) dump: Option<PathBuf>,

    /// Read the files of another machine, laid out below this folder as they are below /
    #[arg(long, value_name = "DIR", default_value = "/", value_hint = ValueHint::DirPath)]
    pub(crate) root: PathBuf,
}

/// Measure what a training step and an answer cost.
///
/// Of a training step: time by phase and layer, memory, multiply-adds, energy. Of an answer: latency (median, 95th and 99th percentile), throughput, memory and energy, by every read-out and several batches. Forward-Forward's goodness runs the network once for each label; its head once. A run is taken as its latest checkpoint has it and left as it is; a recipe as it is before the first step, data and all.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  adieu profile runs/first
  adieu profile recipes/ff-mnist-1000x3.toml --batch 1,500 --seconds 10
  adieu profile runs/first --threads 1 --json | jq '.inference[] | {readout, rows, p99_s}'

Compare what was measured on the same machine, with the same number of threads, with nothing beside it.")]
pub(crate) struct Profile {
    /// Folder of a run, or a recipe (.toml)
    #[arg(value_name = "RUN|RECIPE", value_hint = ValueHint::AnyPath)]
    pub(crate) subject: PathBuf,

    /// Another value for a dotted key of the recipe; may be given several times
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) settings: Vec<Setting>,

    /// Steps of training to time, after five that do not count
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub(crate) steps: u64,

    /// Length of each loop of answers; energy wants 10 or more
    #[arg(long, value_name = "S", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) seconds: u64,

    /// Rows answered at once, separated by commas
    #[arg(long, value_name = "ROWS", value_delimiter = ',', default_value = "1,8,64,256",
        value_parser = clap::value_parser!(u64).range(1..=65_536))]
    pub(crate) batch: Vec<u64>,

    /// Print one JSON object instead: {"subject": …, "training": {…}, "inference": […], …}
    #[arg(long)]
    pub(crate) json: bool,
}

/// Find out how much of a training is waiting for data.
///
/// Trains a few steps of a recipe in three ways, in turn: from one batch that lies in memory (synthetic), from files that the system has in memory (warm), and from files that it was made to forget (cold). What warm adds is preparing: decoding, batching, augmenting; what cold adds is fetching from the disk. Each is timed from the first byte read to the last step done; stall is what the steps themselves waited.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  adieu stall-probe recipes/ff-mnist-1000x3.toml
  adieu stall-probe mine.toml --steps 500 --turns 5 --json | jq .fetch
  adieu stall-probe mine.toml --set data.throttle_mb_s=5        slow storage

Fetching is told only where the files came from a disk: not of bundled data, nor of a file system in memory.")]
pub(crate) struct StallProbe {
    /// The recipe
    #[arg(value_name = "RECIPE", value_hint = ValueHint::FilePath)]
    pub(crate) recipe: PathBuf,

    /// Another value for a dotted key of the recipe; may be given several times
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) settings: Vec<Setting>,

    /// Steps of each training
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub(crate) steps: u64,

    /// Times each is done
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub(crate) turns: u64,

    /// Print one JSON object instead: {"rows": …, "legs": […], "prepare": {…}, "fetch": {…}}
    #[arg(long)]
    pub(crate) json: bool,
}

/// Watch a run from another terminal.
///
/// Follows the record of a run: error by epoch, where the time goes, memory, processors, energy, how long it will take. Of a folder with several runs, such as a duel or a sweep, it shows the one that was written to last; arrows go to the others. It only reads, works over ssh, and does not slow the run.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Keys: q leave, ← → other runs, space hold, r read now, ? help

Examples:
  adieu watch runs/first
  adieu watch runs                     whatever is being written to
  adieu watch runs/first --once        one picture as text, for a log or a script")]
pub(crate) struct Watch {
    /// Folder of a run, or one with runs below it
    #[arg(value_name = "RUN", value_hint = ValueHint::DirPath)]
    pub(crate) run: PathBuf,

    /// Seconds between two looks at the record
    #[arg(long, value_name = "S", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) every: u64,

    /// Print one picture of every run and leave
    #[arg(long)]
    pub(crate) once: bool,

    /// Columns and rows of that picture [default: 100x40]
    #[arg(long, value_name = "WxH", requires = "once", value_parser = size)]
    pub(crate) size: Option<(u16, u16)>,
}

fn size(text: &str) -> Result<(u16, u16), String> {
    let read = |(width, height): (&str, &str)| Some((width.parse().ok()?, height.parse().ok()?));
    let size: Option<(u16, u16)> = text.split_once('x').and_then(read);
    let sound = |(width, height): &(u16, u16)| (40..=500).contains(width) && (15..=500).contains(height);
    size.filter(sound).ok_or_else(|| "write columns x rows, from 40x15 to 500x500: 100x40".into())
}
