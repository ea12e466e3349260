//! What a trainer says: one [`Event`] a happening, pushed to every sink and kept in `events.jsonl`.
//!
//! Times are nanoseconds of the monotonic clock, sizes are bytes, errors are fractions in [0, 1].
//! *Training clock* (`train_ns`) runs only while the learner learns and waits for data; evaluation,
//! checkpoints and drawing are off it and are counted apart.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::reading::{Reading, Series};

/// The version of this vocabulary, in every [`RunStart`].
pub const FORMAT: u32 = 1;

/// An event with its place in the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stamped {
    /// 0, 1, 2, … without gaps, across resumes too.
    pub seq: u64,
    /// Nanoseconds of run time; never decreases.
    pub at_ns: u64,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// First event of every run, once.
    RunStarted(Box<RunStart>),
    /// An epoch begins. Epochs count from 1.
    EpochStarted {
        /// 1, 2, …
        epoch: u64,
        /// Factor on every learning rate in this epoch, from the schedule.
        gain: f64,
    },
    /// Means over a window of steps. Steps count from 1 over the whole run.
    Step {
        /// Epoch of the window.
        epoch: u64,
        /// First step of the window.
        first: u64,
        /// Last step of the window.
        last: u64,
        /// Training clock at the end of the window.
        train_ns: u64,
        /// What the learner said, averaged over the window.
        scalars: Vec<Scalar>,
    },
    /// The network was evaluated by one read-out on one split.
    Evaluated(Evaluation),
    /// Totals since the start of the run (not since the last `Metered`).
    Metered {
        /// Epoch that just ended.
        epoch: u64,
        /// Steps done.
        step: u64,
        /// Training clock.
        train_ns: u64,
        /// Chess clock: time by phase and layer; sums to the run time up to here, `unaccounted` included.
        phases: Vec<PhaseTime>,
        /// Memory, CPU time, multiply-adds, …
        readings: Vec<Reading>,
    },
    /// What sensors said since the last of these, moment by moment. A moment counts where it lies in run time, not
    /// where this event stands.
    Sampled {
        /// One a quantity and part.
        series: Vec<Series>,
    },
    /// A checkpoint lies in the run's folder, complete.
    CheckpointSaved {
        /// File name inside the run's folder.
        file: String,
        /// Steps done when it was taken.
        step: u64,
        /// Size on disk.
        bytes: u64,
    },
    /// The run goes on from a checkpoint. Events between `step` and this one are superseded.
    Resumed {
        /// File name inside the run's folder.
        checkpoint: String,
        /// Steps done in that checkpoint.
        step: u64,
        /// Training clock in that checkpoint.
        train_ns: u64,
    },
    /// Something a reader must know.
    Warned {
        /// What.
        what: String,
        /// What to do about it.
        remedy: String,
    },
    /// Images for people: learnt features, mistakes.
    Pictured {
        /// What the images are.
        kind: PictureKind,
        /// The images.
        pictures: Vec<Picture>,
    },
    /// The run is over. A run that was resumed has one of these for each stop; the last one counts.
    RunEnded {
        /// How.
        outcome: Outcome,
        /// Steps done.
        steps: u64,
        /// Training clock.
        train_ns: u64,
    },
}

/// Everything needed to know what was run, on what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunStart {
    /// [`FORMAT`].
    pub format: u32,
    /// Name of the recipe.
    pub name: String,
    /// `forward_forward`, `back_prop`, …
    pub learner: String,
    /// The one seed.
    pub seed: u64,
    /// Wall-clock time of the start, milliseconds since 1970 (UTC).
    pub unix_ms: u64,
    /// The resolved recipe, every default spelled out.
    pub recipe: serde_json::Value,
    /// The program.
    pub program: Program,
    /// The machine.
    pub machine: Machine,
    /// The network.
    pub network: Network,
    /// The data.
    pub data: DataInfo,
    /// Epochs planned.
    pub epochs: u64,
    /// Steps in an epoch.
    pub steps_per_epoch: u64,
    /// Rows in a batch.
    pub batch: u64,
    /// Read-outs the learner offers; the first is its own choice for predictions.
    pub readouts: Vec<String>,
}

/// The program that ran.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Program {
    /// `adieu`.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Build profile: `release`, `dev`.
    pub profile: String,
    /// Target triple.
    pub target: String,
}

/// The machine, as far as it tells. Absent is not zero: what could not be read is `None`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// CPU model name.
    pub cpu: Option<String>,
    /// Instruction set the kernels chose: `avx512`, `avx2`, `neon`, `scalar`.
    pub isa: Option<String>,
    /// Processors this process may use.
    pub cores: Option<u64>,
    /// Threads the kernels use.
    pub threads: Option<u64>,
    /// Physical memory.
    pub memory_bytes: Option<u64>,
    /// Operating system and kernel.
    pub os: Option<String>,
    /// Whether a hypervisor is seen.
    pub virtual_machine: Option<bool>,
    /// Anything else worth knowing, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub other: BTreeMap<String, String>,
}

/// The network.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Network {
    /// Shape of one input, for people: `1x28x28`.
    pub input: String,
    /// The blocks, in order; the learner's own parts (heads) after them.
    pub layers: Vec<LayerInfo>,
    /// All parameters, heads included.
    pub parameters: u64,
    /// The most bytes of activity, kept values, errors and working memory that a training step holds at once, by the
    /// closed formula; none where a block cannot tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step_bytes: Option<u64>,
}

/// One block or head.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LayerInfo {
    /// `dense 784 → 1000, relu`.
    pub name: String,
    /// Outputs.
    pub units: u64,
    /// Parameters.
    pub parameters: u64,
}

/// The data.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DataInfo {
    /// `mnist`.
    pub name: String,
    /// Where it was read from: `bundled`, or a folder.
    pub source: String,
    /// Licence and origin, in words.
    pub licence: String,
    /// Height, width and channels of an image, if rows are images.
    pub image: Option<[u64; 3]>,
    /// Names of the classes; none where there are no labels.
    pub classes: Vec<String>,
    /// Rows trained on.
    pub train_rows: u64,
    /// Rows held out for choosing; 0 when everything but the test set is trained on.
    pub validation_rows: u64,
    /// Rows of the test set.
    pub test_rows: u64,
}

/// A number a learner says of a step: `loss`, `goodness_positive`, `goodness_negative`, `pairwise_errors`, …
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scalar {
    /// Name.
    pub name: String,
    /// Layer, counted from 0; `None` for the whole network or a head.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<u64>,
    /// Value.
    pub value: f64,
}

/// Which rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// The rows trained on.
    Train,
    /// The rows held out for choosing.
    Validation,
    /// The test set; nothing is ever chosen by it.
    Test,
}

/// One evaluation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Epoch that just ended.
    pub epoch: u64,
    /// Steps done.
    pub step: u64,
    /// Which rows.
    pub split: Split,
    /// By which read-out: `goodness`, `head`, `logits`.
    pub readout: String,
    /// Rows evaluated; fewer than the split holds for a progress probe.
    pub rows: u64,
    /// Rows misjudged; none where there are no labels to judge by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errors: Option<u64>,
    /// `errors / rows`; none likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<f64>,
    /// Training clock.
    pub train_ns: u64,
    /// Time this evaluation took; not on the training clock.
    pub evaluation_ns: u64,
    /// True for the evaluation after the last step, on the whole split.
    pub last: bool,
    /// `confusion[truth][guess]`, row counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confusion: Option<Vec<Vec<u64>>>,
    /// Where anomalies are to be found, how well they are, whatever the threshold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detection: Option<Detection>,
    /// Where rows are to be given back, how far what comes back is from them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reconstruction: Option<Reconstruction>,
}

/// How far reconstructed rows are from the rows themselves, in the square of their unit: pixels are from 0 to 1, columns of
/// a table standardised.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reconstruction {
    /// Mean squared error of a pixel, or a column.
    pub squared_error: f64,
    /// The same if every row is answered by the mean row of those that train.
    pub of_mean_row: f64,
}

impl Reconstruction {
    /// The one as a share of the other: 0 is perfect, 1 no better than the mean row. `None` if rows are the mean row.
    pub fn relative(&self) -> Option<f64> {
        (self.of_mean_row > 0.0).then(|| self.squared_error / self.of_mean_row)
    }
}

/// How well scores tell anomalies from normal rows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Detection {
    /// How many of the rows are anomalies.
    pub anomalies: u64,
    /// The chance that an anomaly scores above a normal row: the area under the ROC curve, from 0 to 1.
    pub auroc: f64,
    /// Precision averaged over the anomalies, from 0 to 1; guessing gives their share.
    pub average_precision: f64,
}

/// Time of one phase, and layer where the phase has one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PhaseTime {
    /// On the training clock: `stall` (waiting for data), `negatives`, `forward`, `credit`, `update`, `readout`,
    /// `settle`. Off it: `evaluation`, `checkpoint`, `log`, `unaccounted`.
    pub phase: String,
    /// Layer, counted from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<u64>,
    /// Time.
    pub time_ns: u64,
    /// Whether it is on the training clock.
    pub training: bool,
}

/// What a set of pictures shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PictureKind {
    /// Incoming weights of first-layer units; 128 is zero, the scale is symmetric.
    Features,
    /// Rows the network is most wrong about, worst first.
    Mistakes,
    /// Made-up rows of a learner that contrasts real ones with them.
    MadeUp,
    /// The first rows of the test set, each with what the network gives back of it after it.
    Reconstructions,
    /// Rows that the network makes of chance alone.
    Generated,
    /// A picture of the test set, and what each layer's first channels make of it; black is 0 or less, white the most of
    /// its layer.
    Maps,
    /// Who attends to whom in that picture: a row for each token that looks, a column for each that is looked at; white is
    /// the largest share of its map.
    Attention,
}

/// A small grey or colour image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Picture {
    /// Pixels.
    pub width: u64,
    /// Pixels.
    pub height: u64,
    /// 1 or 3.
    pub channels: u64,
    /// `height × width × channels` bytes, row by row, base64.
    pub base64: String,
    /// For people: `unit 17`, `test row 4823`.
    pub caption: String,
    /// Class it truly is, for mistakes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub truth: Option<u64>,
    /// Class it was taken for, for mistakes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guess: Option<u64>,
    /// By how much the wrong class won, in the read-out's own units, for mistakes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub margin: Option<f64>,
}

/// How a run ended. All of these are results.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Outcome {
    /// All epochs done.
    Finished,
    /// Stopped on request; can be resumed.
    Interrupted,
    /// NaN or infinity.
    Diverged {
        /// Where, counted from 0; `None` for a head or the whole.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        layer: Option<u64>,
        /// Step, counted from 1.
        step: u64,
        /// What was not finite.
        what: String,
    },
    /// The run could not go on: full disk, unreadable data, ….
    Failed {
        /// Why.
        why: String,
    },
}
