//! Recipes: what people write, in TOML. Plain structs; unknown keys are refused; the doc comments become the
//! schema's descriptions (`adieu list schema`).
//!
//! [`Recipe::check`] is the only way to a [`Plan`]. It reports *all* faults at once, each with its key
//! path, its line, and what would be right.

mod document;
mod layers;
mod set;

use std::fmt;
use std::path::{Path, PathBuf};

use adieu_core::learn::{Goal, LearnerRecipe};
use adieu_core::parts::activation::Activation;
use adieu_core::parts::precision::Precision;
use adieu_data::{DataError, Dataset, How, OnBad};
pub use document::Fault;
pub(crate) use document::line_of;
pub use layers::{
    AffineRecipe, AttentionRecipe, DropoutRecipe, FieldsRecipe, GroupNormRecipe, LayerKind, LayerRecipe,
    NothingRecipe, PatchesRecipe, PerTokenRecipe, PoolRecipe, ResidualRecipe, TransformerRecipe,
};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
pub use set::Setting;
pub(crate) use set::{ordered, set, touches};

pub use crate::augment::AugmentRecipe;
use crate::{Error, Plan};

/// Everything that determines a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Name of the run, for people.
    #[serde(default = "unnamed")]
    pub name: String,
    /// The one seed: initial weights, order of the rows, negatives, everything.
    #[serde(default = "first_seed")]
    #[schemars(range(min = 0, max = 9_007_199_254_740_991_i64))]
    pub seed: u64,
    /// What to learn from.
    #[serde(default)]
    pub data: DataRecipe,
    /// How long and in what portions.
    #[serde(default)]
    pub train: TrainRecipe,
    /// The network all learners share.
    pub model: ModelRecipe,
    /// How it learns.
    pub learner: LearnerRecipe,
}

fn unnamed() -> String {
    "unnamed".into()
}

fn first_seed() -> u64 {
    1
}

/// What to learn from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DataRecipe {
    /// Name of a dataset; `adieu data list` shows them. `idx` reads a folder of IDX files.
    pub kind: String,
    /// Folder of the files, or the one file of a table, where it is not the program or `adieu data fetch` that has them.
    /// Relative to where adieu is started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dir: Option<PathBuf>,
    /// Which rows train and which judge.
    pub split: SplitRecipe,
    /// Shift each image by up to so many pixels each way whenever it is shown in training, afresh each time: 2 gives
    /// the 25 shifts of Hinton 2022. What comes in at an edge is black.
    #[schemars(range(min = 0, max = 64))]
    pub jitter: u8,
    /// Batches that a thread of its own makes ready ahead of the step; 0 makes each when it is wanted. It pays where rows
    /// come slowly or a processor is free. What is learned does not depend on it.
    #[schemars(range(min = 0, max = 1_000))]
    pub prefetch: u64,
    /// Let the rows come no faster than so many megabytes a second, as stored, like those of slow storage: to see who
    /// waits for data. Left out, they come as fast as they can.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.001, max = 1_000_000))]
    pub throttle_mb_s: Option<f64>,
    /// What to do about rows that cannot be read.
    pub on_bad: OnBadRecipe,
    /// Whether the rows have labels. Without them nothing is classified: rows are to be given back, and are judged by how
    /// near what comes back is to them. Labels that are there all the same are left out, those of a table by column.
    pub labels: bool,
    /// Column of the labels of a table; left out, the one called `label`, `class`, `target` or `y`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Classes that are normal, by name. With it, anomalies are to be found: only normal rows train, and rows are judged by
    /// how well the others are told from them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub normal: Option<Vec<String>>,
    /// What generated rows, and the rows that test where the files do not say which, are drawn by. Not the run's seed:
    /// runs of several seeds judge the same rows.
    #[schemars(range(min = 0, max = 9_007_199_254_740_991_i64))]
    pub seed: u64,
    /// Rows to train of a generated dataset, half as many test; left out, 1200.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 12, max = 10_000_000))]
    pub rows: Option<u64>,
    /// Further changes to images whenever they are shown in training.
    pub augment: AugmentRecipe,
}

impl DataRecipe {
    /// What of it decides which rows are read; what becomes of them afterwards is as by default.
    pub(crate) fn rows_read(&self) -> DataRecipe {
        let DataRecipe { split, jitter, prefetch, throttle_mb_s, augment, .. } = DataRecipe::default();
        DataRecipe { split, jitter, prefetch, throttle_mb_s, augment, ..self.clone() }
    }
}

impl Default for DataRecipe {
    fn default() -> DataRecipe {
        DataRecipe {
            kind: "mnist".into(),
            dir: None,
            split: SplitRecipe::Choose,
            jitter: 0,
            prefetch: 0,
            throttle_mb_s: None,
            on_bad: OnBadRecipe::Fail,
            labels: true,
            label: None,
            normal: None,
            seed: 1,
            rows: None,
            augment: AugmentRecipe::default(),
        }
    }
}

impl DataRecipe {
    /// Reads the data.
    ///
    /// # Errors
    /// Whatever is wrong with its files.
    pub fn read(&self) -> Result<Dataset, DataError> {
        let on_bad = match self.on_bad {
            OnBadRecipe::Fail => OnBad::Fail,
            OnBadRecipe::Skip => OnBad::Skip,
        };
        // no machine has rows beyond its own numbers
        let rows = self.rows.map(|rows| usize::try_from(rows).unwrap_or(usize::MAX));
        let how = How { on_bad, labels: self.labels, label: self.label.clone(), seed: self.seed, rows };
        adieu_data::load_as(&self.kind, self.dir.as_deref(), &how)
    }

    /// What such data ask of a network.
    pub(crate) fn goal(&self) -> Goal {
        match (self.labels, &self.normal) {
            (false, _) => Goal::Reconstruct,
            (true, Some(_)) => Goal::Detect,
            (true, None) => Goal::Classify,
        }
    }
}

/// What to do about rows that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnBadRecipe {
    /// Stop, and name the file and the row.
    Fail,
    /// Leave them out, count them and say so.
    Skip,
}

/// Which rows train and which judge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SplitRecipe {
    /// Hold the last sixth of the training rows out (50,000 / 10,000 of MNIST) and watch them; the test set is judged
    /// once, at the end. For choosing settings.
    Choose,
    /// Train on all training rows (60,000 of MNIST); the test set is judged as the run goes on, and nothing is ever
    /// chosen by it. For final figures.
    Final,
}

/// How long and in what portions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TrainRecipe {
    /// Times the training rows are gone through.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub epochs: u64,
    /// Rows in a step.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub batch: u64,
    /// Steps that one `step` event of the record sums up.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub log_every: u64,
    /// Rows judged by each read-out after every epoch, off the training clock; 0 judges none before the end.
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub probe_rows: u64,
    /// Epochs between checkpoints; there is always one at the end.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub checkpoint_every: u64,
}

impl Default for TrainRecipe {
    fn default() -> TrainRecipe {
        TrainRecipe { epochs: 60, batch: 100, log_every: 50, probe_rows: 1000, checkpoint_every: 1 }
    }
}

/// The network all learners share. Heads and output layers are the learner's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelRecipe {
    /// One list a block, each item a layer: a number is the width of a dense one, `[[1000], [1000]]`. Learning that is
    /// local to a block back-propagates inside it, so `[[1000, 1000], [1000]]` is a hybrid.
    pub blocks: Vec<Vec<LayerRecipe>>,
    /// What each layer applies to its total input.
    #[serde(default)]
    pub activation: Activation,
    /// What works its layers out.
    #[serde(default)]
    pub engine: Engine,
    /// Leave inputs of a layer that are zero, behind a ReLU most of them, out of its products where that is faster.
    /// The result is the same to the bit.
    #[serde(default = "yes")]
    pub skip_zeros: bool,
    /// What the products of its layers round their operands to; heads and output layers stay in f32.
    #[serde(default)]
    pub precision: Precision,
}

fn yes() -> bool {
    true
}

/// What works the layers of the network out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Engine {
    /// The CPU kernels made for it.
    #[default]
    Kernels,
    /// Burn's own operations, as any other device would: the same network, to measure the kernels against.
    Burn,
}

/// All that is wrong with a recipe.
#[derive(Clone, Debug)]
pub struct Faults {
    /// The file, or what stood in for one.
    pub file: String,
    /// Each fault.
    pub faults: Vec<Fault>,
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.faults.len();
        write!(f, "{}: {count} fault{} in the recipe", self.file, if count == 1 { "" } else { "s" })?;
        for fault in &self.faults {
            let line = fault.line.map(|line| format!(":{line}")).unwrap_or_default();
            write!(f, "\n  {}{line}: {}: {}\n      {}", self.file, fault.key, fault.what, fault.remedy)?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}

impl Recipe {
    /// The JSON Schema of a recipe.
    pub fn schema() -> serde_json::Value {
        schemars::schema_for!(Recipe).to_value()
    }

    /// Reads the recipe file at `path`.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Recipe`] with every fault of form.
    pub fn read(path: &Path) -> Result<Recipe, Error> {
        let text = std::fs::read_to_string(path).map_err(Error::io(path, "read the recipe"))?;
        Ok(Recipe::parse(&text, &path.display().to_string())?)
    }

    /// Reads a recipe from `text`; `file` is what faults call it.
    ///
    /// # Errors
    /// Every fault of form: syntax, unknown keys, wrong types, values out of range.
    pub fn parse(text: &str, file: &str) -> Result<Recipe, Faults> {
        parse_as(text, file)
    }

    /// The recipe with every default spelled out.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("a recipe is made of strings, numbers and lists")
    }

    /// The recipe with other values under dotted keys, every default spelled out. Giving a table another `kind` drops its
    /// settings.
    ///
    /// # Errors
    /// Every fault of form, without lines: no file has them.
    pub fn with(&self, settings: &[Setting], file: &str) -> Result<Recipe, Faults> {
        let mut recipe = serde_json::to_value(self).expect("a recipe is made of strings, numbers and lists");
        let mut faults = Vec::new();
        for (key, value, ()) in ordered(settings.iter().map(|setting| (&setting.key, &setting.value, ()))) {
            if let Err((what, remedy)) = set(&mut recipe, key, value) {
                faults.push(Fault { key: key.clone(), line: None, what, remedy: remedy.into() });
            }
        }
        if !faults.is_empty() {
            return Err(Faults { file: file.into(), faults });
        }
        Recipe::parse(&toml::to_string(&recipe).unwrap_or_default(), file).map_err(|mut found| {
            found.faults.iter_mut().for_each(|fault| fault.line = None);
            found
        })
    }

    /// Checks everything that form alone cannot: shapes, the learner's demands, the data. Reads the data.
    ///
    /// # Errors
    /// Every fault of meaning at once; data that cannot be read.
    pub fn check(self, file: &str) -> Result<Plan, Error> {
        Plan::of(self, file)
    }
}

/// Reads `text` as a `T`, strictly and by its schema; `file` is what faults call it.
///
/// # Errors
/// Every fault of form: syntax, unknown keys, wrong types, values out of range.
pub(crate) fn parse_as<T: DeserializeOwned + JsonSchema>(text: &str, file: &str) -> Result<T, Faults> {
    let faults = |faults| Faults { file: file.into(), faults };
    let document = document::check(text, &schemars::schema_for!(T).to_value()).map_err(faults)?;
    // The schema and the structs are one source; what the schema cannot say is left to serde.
    let unsaid = |e: serde_json::Error| Fault {
        key: "(whole file)".into(),
        line: None,
        what: e.to_string(),
        remedy: "see `adieu list schema`".into(),
    };
    serde_json::from_value(document).map_err(|e| faults(vec![unsaid(e)]))
}

/// Adds lines to faults of meaning, given the text they were written in.
pub fn locate(mut faults: Faults, text: &str) -> Faults {
    for fault in &mut faults.faults {
        fault.line = fault.line.or_else(|| line_of(text, &fault.key));
    }
    faults
}
