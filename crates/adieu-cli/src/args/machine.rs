//! What is asked of the machine.

use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueHint};

/// Tell what this machine can be measured by.
///
/// Reads every sensor there is for time, processors, memory, clocks, heat and energy, and tells of each what it says, how finely, and what a reading costs. What cannot be read is named with the reason and what would mend it; nothing is ever taken for zero. Sensors of energy are found below /sys; most need the bare machine, and some need root.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  adieu doctor
  adieu doctor --json | jq '.sources[] | select(.value.kind == \"unavailable\") | .value.remedy'
  adieu doctor --overhead                what reading all sensors ten times a second slows down
  adieu doctor --dump sensors.txt        all sensor files, for a bug report: read it before you send it")]
pub(crate) struct Doctor {
    /// Print one JSON object instead: {"machine": {…}, "sources": […], "overhead": …}
    #[arg(long)]
    pub(crate) json: bool,

    /// Time a fixed piece of work with and without the sensors, in turn; about 20 seconds
    #[arg(long)]
    pub(crate) overhead: bool,

    /// Write what the sensors' files say into FILE, which must not be there yet
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) dump: Option<PathBuf>,

    /// Read the files of another machine, laid out below this folder as they are below /
    #[arg(long, value_name = "DIR", default_value = "/", value_hint = ValueHint::DirPath)]
    pub(crate) root: PathBuf,
}
