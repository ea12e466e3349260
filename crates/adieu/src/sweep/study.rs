//! Built-in sweeps.

use std::path::PathBuf;

use adieu_core::learn::ForwardForward;
use adieu_core::parts::activation::Activation;
use adieu_core::parts::goodness::Goodness;
use adieu_core::parts::precision::Precision;
use adieu_report::sweep::{StepSummary, SweepSummary};
use serde_json::{Value as Json, json};

use super::{Axis, Sweep};
use crate::Error;
use crate::recipe::{DataRecipe, Engine, LayerRecipe, ModelRecipe, Recipe, SplitRecipe, TrainRecipe};

const DATA: &str = "data";
const GOODNESS: &str = "learner.goodness.kind";
const ACTIVATION: &str = "model.activation";

/// Every goodness with every activation, on the bundled digits and on a folder beside.
#[derive(Clone, Debug)]
pub struct GoodnessStudy {
    /// Epochs of each run.
    pub epochs: u64,
    /// Number of seeds, from 1.
    pub seeds: u64,
    /// Widths of the hidden layers; two at least, as the first is not read out.
    pub hidden: Vec<u64>,
    /// Folder of IDX files to learn from too.
    pub dir: Option<PathBuf>,
}

impl GoodnessStudy {
    /// The sweep: every registered goodness, whatever there are, times every activation, times the data.
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
        axes.push(Axis::of(GOODNESS, Goodness::NAMES.iter().map(|name| Json::from(*name))));
        axes.push(Axis::of(ACTIVATION, Activation::ALL.iter().map(|a| Json::from(a.name()))));
        Sweep::grid("Goodness and activation", &self.base(), self.seeds, &axes)
    }

    fn base(&self) -> Recipe {
        Recipe {
            name: "goodness".into(),
            seed: 1,
            data: DataRecipe { kind: "mnist".into(), dir: None, jitter: 0, split: SplitRecipe::Choose },
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
            steps.map(|(i, step)| (value(step, GOODNESS).unwrap_or_default(), vec![i])).collect();
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
        let study = GoodnessStudy { epochs: 1, seeds: 2, hidden: vec![10, 10], dir: Some("clothes".into()) };
        let sweep = study.sweep().unwrap();
        let [goodness, activations] = [Goodness::NAMES.len(), Activation::ALL.len()];
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
