//! Built-in sweeps.

use std::path::PathBuf;

use adieu_core::learn::ForwardForward;
pub use adieu_core::parts::activation::Activation;
use adieu_core::parts::goodness::Goodness;
use adieu_core::parts::precision::Precision;
use adieu_report::sweep::{StepSummary, SweepSummary};
use serde_json::{Value as Json, json};

use super::{Axis, Sweep};
use crate::Error;
use crate::recipe::{DataRecipe, Engine, LayerRecipe, ModelRecipe, Recipe, SplitRecipe, TrainRecipe};

const DATA: &str = "data";
const SCORE: &str = "learner";
const ACTIVATION: &str = "model.activation";

/// Every score with some activations, on the bundled digits and on a folder beside.
///
/// Scores are all registered kinds of goodness, the two sums of squares that shall be low for real data, and the margin
/// of pairs. Thresholds are calibrated: in units of what each untrained layer gives real data, so that no score wins
/// by its scale.
#[derive(Clone, Debug)]
pub struct GoodnessStudy {
    /// Epochs of each run.
    pub epochs: u64,
    /// Number of seeds, from 1.
    pub seeds: u64,
    /// Widths of the hidden layers; two at least, as the first is not read out.
    pub hidden: Vec<u64>,
    /// The activations.
    pub activations: Vec<Activation>,
    /// Folder of IDX files to learn from too.
    pub dir: Option<PathBuf>,
}

impl GoodnessStudy {
    /// The sweep: every score, times the activations, times the data.
    ///
    /// # Errors
    /// [`Error::Recipe`] if the folder has a path that no recipe can hold.
    pub fn sweep(&self) -> Result<Sweep, Error> {
        let mut axes = Vec::new();
        if let Some(dir) = &self.dir {
            let name = dir.file_name().map_or_else(|| "folder".into(), |name| name.to_string_lossy());
            let name = if name == "mnist" { "the folder mnist".into() } else { name.to_string() };
            let bundled = ("mnist".into(), json!({ "kind": "mnist", "split": "choose" }));
            let folder = (name, json!({ "kind": "idx", "dir": dir, "split": "choose" }));
            axes.push(Axis { key: DATA.into(), values: vec![bundled, folder] });
        }
        axes.push(Axis { key: SCORE.into(), values: self.scores() });
        axes.push(Axis::of(ACTIVATION, self.activations.iter().map(|a| Json::from(a.name()))));
        Sweep::grid("Goodness and activation", &self.base(), self.seeds, &axes)
    }

    fn scores(&self) -> Vec<(String, Json)> {
        let learner = |goodness: &str| json!({ "kind": "forward_forward", "calibrate": true, "goodness": { "kind": goodness } });
        let with = |mut learner: Json, key: &str, value: Json| {
            learner[key] = value;
            learner
        };
        let kinds = Goodness::NAMES.iter().map(|kind| (kind.to_string(), learner(kind)));
        let low = ["sum_squares", "mean_squares"]
            .into_iter()
            .map(|kind| (format!("{kind} low"), with(learner(kind), "direction", json!("minimise"))));
        // As sharp as the logistic at temperature 1, which is n for goodness in units of that of activities of 1.
        let alpha = self.hidden.iter().max().copied().unwrap_or(1);
        let margin = json!({ "kind": "pair_margin", "alpha": alpha });
        let pairs = with(learner("sum_squares"), "objective", margin);
        kinds.chain(low).chain([("sum_squares pair margin".to_string(), pairs)]).collect()
    }

    fn base(&self) -> Recipe {
        Recipe {
            name: "goodness".into(),
            seed: 1,
            data: DataRecipe { split: SplitRecipe::Choose, ..DataRecipe::default() },
            train: TrainRecipe { epochs: self.epochs, probe_rows: 0, ..TrainRecipe::default() },
            model: ModelRecipe {
                blocks: self.hidden.iter().map(|width| vec![LayerRecipe::Dense(*width)]).collect(),
                activation: Activation::Relu,
                engine: Engine::default(),
                skip_zeros: true,
                precision: Precision::F32,
            },
            learner: ForwardForward::default().into(),
        }
    }
}

/// Adds to what the study has found every goodness against every other, for each data and activation.
pub fn compare_goodness(summary: &mut SweepSummary) {
    let mut settings: Vec<(Option<String>, String)> = Vec::new();
    for step in &summary.steps {
        let setting = (value(step, DATA), value(step, ACTIVATION).unwrap_or_default());
        if !settings.contains(&setting) {
            settings.push(setting);
        }
    }
    for (data, activation) in settings {
        let here = |step: &StepSummary| {
            value(step, DATA) == data && value(step, ACTIVATION).as_ref() == Some(&activation)
        };
        let steps = summary.steps.iter().enumerate().filter(|(_, step)| here(step));
        let groups: Vec<(String, Vec<usize>)> =
            steps.map(|(i, step)| (value(step, SCORE).unwrap_or_default(), vec![i])).collect();
        let on = data.map(|data| format!(" on {data}")).unwrap_or_default();
        let pairs = summary.compare(&format!("Goodness with {activation}{on}"), &groups);
        summary.pairs.push(pairs);
    }
}

fn value(step: &StepSummary, key: &str) -> Option<String> {
    step.changes.iter().find(|change| change.key == key).map(|change| change.value.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_goodness_meets_every_activation_and_every_other_goodness() {
        let study = GoodnessStudy {
            epochs: 1,
            seeds: 2,
            hidden: vec![10, 10],
            activations: Activation::ALL.to_vec(),
            dir: Some("clothes".into()),
        };
        let sweep = study.sweep().unwrap();
        let [goodness, activations] = [Goodness::NAMES.len() + 3, Activation::ALL.len()];
        assert_eq!(sweep.steps.len(), 2 * goodness * activations);
        assert_eq!(sweep.steps[0].name, "mnist, sum_squares, relu");
        let last = sweep.steps.last().unwrap();
        assert_eq!(
            (last.recipe.data.kind.as_str(), last.recipe.model.activation),
            ("idx", Activation::Identity)
        );
        let folder = tempfile::tempdir().unwrap();
        let mut summary = super::super::found(&sweep, folder.path()).unwrap();
        compare_goodness(&mut summary);
        assert_eq!(summary.pairs.len(), 2 * activations);
        assert!(summary.pairs.iter().all(|p| p.pairs.len() == goodness * (goodness - 1) / 2));
        assert_eq!(summary.pairs[0].title, "Goodness with relu on mnist");
    }
}
