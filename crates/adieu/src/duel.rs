//! The duel: Forward-Forward and back-propagation on the same network, rows, batches and initial weights, seed by seed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use adieu_core::learn::{BackProp, ForwardForward, LearnerRecipe};
use adieu_core::parts::activation::Activation;
use adieu_core::parts::optimizer::{EmaSgd, Sgd};
use adieu_core::parts::precision::Precision;
use adieu_data::Dataset;
use serde::{Deserialize, Serialize};

use crate::recipe::{DataRecipe, Engine, LayerRecipe, ModelRecipe, Recipe, SplitRecipe, TrainRecipe};
use crate::{Error, Plan};

/// Rows judged after each epoch: enough for a curve, few enough that ten passes for each do not dominate the wait.
const PROBE_ROWS: u64 = 500;

/// What people may change of a duel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Duel {
    /// Times the training rows are gone through, by each learner.
    pub epochs: u64,
    /// Widths of the hidden layers.
    pub hidden: Vec<u64>,
    /// First seed.
    pub seed: u64,
    /// Number of seeds: `seed`, `seed + 1`, ….
    pub seeds: u64,
    /// Folder of IDX files; the bundled digits if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_dir: Option<PathBuf>,
}

impl Default for Duel {
    fn default() -> Duel {
        Duel { epochs: 10, hidden: vec![1000; 3], seed: 1, seeds: 1, data_dir: None }
    }
}

/// One run of a duel, still to be done.
pub struct Bout {
    /// Folder inside the duel's: `forward_forward/seed-1`.
    pub folder: PathBuf,
    /// What to run.
    pub recipe: Recipe,
}

impl Duel {
    /// The recipes, in the order they are run: the first to go alternates from seed to seed, so that a machine that
    /// grows slower does not favour either.
    pub fn bouts(&self) -> Vec<Bout> {
        let learners = [self.forward_forward(), self.back_prop()];
        let bout = |seed: u64, learner: &LearnerRecipe| Bout {
            folder: Path::new(learner.name()).join(format!("seed-{seed}")),
            recipe: self.recipe(seed, learner.clone()),
        };
        let pair = |i: u64| {
            let mut pair = learners.each_ref().map(|learner| bout(self.seed + i, learner));
            if i % 2 == 1 {
                pair.reverse();
            }
            pair
        };
        (0..self.seeds).flat_map(pair).collect()
    }

    /// Checks every recipe, reading the data once.
    ///
    /// # Errors
    /// [`Error::Recipe`] with all faults of the first recipe that has any; [`Error::Data`].
    pub fn check(&self) -> Result<Arc<Dataset>, Error> {
        let bouts = self.bouts();
        let mut data: Option<Arc<Dataset>> = None;
        for bout in bouts {
            let plan = match &data {
                None => Plan::of(bout.recipe, "the duel's options")?,
                Some(data) => Plan::on(bout.recipe, data.clone(), "the duel's options")?,
            };
            data = Some(plan.data);
        }
        Ok(data.unwrap_or_else(|| unreachable!("a duel has at least one seed")))
    }

    fn recipe(&self, seed: u64, learner: LearnerRecipe) -> Recipe {
        let kind = if self.data_dir.is_some() { "idx" } else { "mnist" };
        Recipe {
            name: format!("duel-{}", learner.name().replace('_', "-")),
            seed,
            data: DataRecipe {
                kind: kind.into(),
                dir: self.data_dir.clone(),
                split: SplitRecipe::Final,
                ..DataRecipe::default()
            },
            train: TrainRecipe { epochs: self.epochs, probe_rows: PROBE_ROWS, ..TrainRecipe::default() },
            model: ModelRecipe {
                blocks: self.hidden.iter().map(|width| vec![LayerRecipe::Dense(*width)]).collect(),
                activation: Activation::Relu,
                engine: Engine::default(),
                skip_zeros: true,
                precision: Precision::F32,
            },
            learner,
        }
    }

    /// Hinton's recipe as it was published, at twice the learning rate, as the paper has it for shorter schedules. Of
    /// three rates this one was best on the held-out rows; see the lab log.
    fn forward_forward(&self) -> LearnerRecipe {
        let skip_first = self.hidden.len() > 1;
        let optimizer = EmaSgd { rate: 0.02, ..EmaSgd::default() }.into();
        ForwardForward { skip_first, optimizer, ..ForwardForward::default() }.into()
    }

    /// Tuned as much as the other: of three rates this one was best on the held-out rows; see the lab log.
    fn back_prop(&self) -> LearnerRecipe {
        BackProp { optimizer: Sgd { rate: 0.1, momentum: 0.9, decay: 1e-4 }.into(), ..BackProp::default() }
            .into()
    }
}
