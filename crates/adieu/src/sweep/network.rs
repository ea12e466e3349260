//! The network that studies teach in many ways: four layers, dense or convolutional, each after a norm.
//!
//! A norm before each layer and not after it: what one learner hands to another is then what it was for the first (see
//! [`Stages`](adieu_core::learn::Stages)).

use std::path::PathBuf;

use adieu_core::learn::{BackProp, Direction, ForwardForward, LearnerRecipe, Readout};
use adieu_core::parts::activation::Activation;
use adieu_core::parts::goodness::MeanSquares;
use adieu_core::parts::negatives::Uniform;
use adieu_core::parts::norm::Norm;
use adieu_core::parts::objective::Logistic;
use adieu_core::parts::optimizer::{AdamW, Optimizer};
use adieu_core::parts::precision::Precision;
use adieu_core::parts::schedule::Cosine;

use super::Shelf;
use crate::Error;
use crate::recipe::{
    AffineRecipe, DataRecipe, Engine, FieldsRecipe, GroupNormRecipe, LayerKind, LayerRecipe, ModelRecipe,
    PoolRecipe, Recipe, TrainRecipe,
};

/// What every method of a study is given.
#[derive(Clone, Debug)]
pub struct NetworkStudy {
    /// Epochs of each run, all its stages together; at least 2.
    pub epochs: u64,
    /// Number of seeds, from 1.
    pub seeds: u64,
    /// Width of a dense layer, or channels of the first convolution.
    pub width: u64,
    /// Four convolutions instead of four dense layers.
    pub convolutional: bool,
    /// Kind of the dataset.
    pub data: String,
    /// Where its files are.
    pub dir: Option<PathBuf>,
}

/// Layers of the trunk.
pub(super) const LAYERS: usize = 4;

/// Rows of a step.
const BATCH: u64 = 100;

pub(super) fn adam_w(rate: f64) -> Optimizer {
    AdamW { rate, ..AdamW::default() }.into()
}

/// Back-propagation by AdamW, its rate falling to nothing.
pub(super) fn back_prop(rate: f64) -> BackProp {
    let (optimizer, schedule) = (adam_w(rate), Cosine::default().into());
    BackProp { optimizer, schedule, norm: Norm::None, ..BackProp::default() }
}

/// Forward-Forward on convolutions: goodness is a mean, thresholds are in units of what each layer gave at first, norms are
/// the network's.
pub(crate) fn convolutional_pairs(rate: f64) -> ForwardForward {
    ForwardForward {
        goodness: MeanSquares::default().into(),
        objective: Logistic { theta: 1.0, ..Logistic::default() }.into(),
        calibrate: true,
        norm: Norm::None,
        negatives: Uniform::default().into(),
        peer_weight: 0.0,
        optimizer: adam_w(rate),
        head: false,
        readout: Readout::Goodness,
        direction: Direction::Maximise,
        ..ForwardForward::default()
    }
}

impl NetworkStudy {
    /// How many classes the data have, which are read onto the shelf.
    ///
    /// # Errors
    /// [`Error::Recipe`] if the network cannot learn them; [`Error::Data`].
    pub fn classes(&self, shelf: &mut Shelf) -> Result<u64, Error> {
        let plan = shelf.plan(self.recipe("data", 1, 1, back_prop(0.001).into()), "the study's network")?;
        Ok(plan.task.classes as u64)
    }

    /// The trunk with so many layers a block; norms between convolutions take so many groups of channels apart.
    pub(super) fn recipe(&self, name: &str, layers: usize, groups: u64, learner: LearnerRecipe) -> Recipe {
        let trunk: Vec<Vec<LayerRecipe>> = (0..LAYERS).map(|l| self.layer(l, groups)).collect();
        let model = ModelRecipe {
            blocks: trunk.chunks(layers).map(<[_]>::concat).collect(),
            activation: Activation::Relu,
            engine: Engine::Kernels,
            skip_zeros: true,
            precision: Precision::F32,
        };
        Recipe {
            name: name.into(),
            seed: 1,
            data: DataRecipe { kind: self.data.clone(), dir: self.dir.clone(), ..DataRecipe::default() },
            train: TrainRecipe { epochs: self.epochs, batch: BATCH, ..TrainRecipe::default() },
            model,
            learner,
        }
    }

    /// A layer with the norm, and of convolutions the pooling, before it.
    fn layer(&self, l: usize, groups: u64) -> Vec<LayerRecipe> {
        if !self.convolutional {
            let norm = LayerKind::RmsNorm(AffineRecipe { affine: false });
            return vec![LayerRecipe::Kind(norm), LayerRecipe::Dense(self.width)];
        }
        let norm = match l {
            0 => LayerKind::LayerNorm(AffineRecipe { affine: false }),
            _ => LayerKind::GroupNorm(GroupNormRecipe { groups, affine: false }),
        };
        let pool = LayerKind::AveragePool(PoolRecipe { window: 2, stride: None, padding: 0 });
        let channels = self.width << l.min(2);
        let fields = FieldsRecipe { field: 3, stride: 1, padding: 1, channels, groups: 1, activation: None };
        let pooled = (1..3).contains(&l).then_some(pool);
        [Some(norm), pooled, Some(LayerKind::Convolution(fields))]
            .into_iter()
            .flatten()
            .map(LayerRecipe::Kind)
            .collect()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::Sweep;

    /// A study of small digits.
    pub(in crate::sweep) fn small(convolutional: bool, width: u64) -> NetworkStudy {
        NetworkStudy { epochs: 2, seeds: 1, width, convolutional, data: "optdigits".into(), dir: None }
    }

    /// Every step can be run, begins with the same weights, and can be read again.
    pub(in crate::sweep) fn fair(sweep: &Sweep) {
        sweep.check().expect("every method can be");
        let weights = |recipe: &Recipe| {
            let plan = crate::Plan::of(recipe.clone(), "r").unwrap();
            let mut all = Vec::new();
            plan.network().iter_mut().for_each(|block| block.params(&mut |p| all.push(p.to_rows())));
            all
        };
        let first = weights(&sweep.steps[0].recipe);
        for step in &sweep.steps {
            assert!(weights(&step.recipe) == first, "{}", step.name);
            let again = Recipe::parse(&step.recipe.to_toml(), "a run's recipe").expect("it was written so");
            assert_eq!(again, step.recipe, "{}", step.name);
        }
    }
}
