//! `adieu study hybrids`: learning that is partly local and partly not, on one trunk, beside both ends and the controls that
//! say what each part is worth.
//!
//! Every block begins with a norm, so that a network that one learner hands to another is what it was for the first: see
//! [`Stages`]. All methods have the same initial weights, rows, batches and epochs in all, pretraining included.

use std::path::PathBuf;

use adieu_core::learn::{BackProp, ForwardForward, LearnerRecipe, LocalHeads, Mixed, Split, Stage, Stages};
use adieu_core::parts::activation::Activation;
use adieu_core::parts::class_score::{Pooled, Projection};
use adieu_core::parts::norm::Norm;
use adieu_core::parts::optimizer::AdamW;
use adieu_core::parts::precision::Precision;
use adieu_core::parts::schedule::Cosine;
use adieu_report::sweep::{SweepSummary, Trend};

use super::Sweep;
use crate::recipe::{
    AffineRecipe, DataRecipe, Engine, FieldsRecipe, GroupNormRecipe, LayerKind, LayerRecipe, ModelRecipe,
    PoolRecipe, Recipe, TrainRecipe,
};

/// What every method is given.
#[derive(Clone, Debug)]
pub struct HybridStudy {
    /// Epochs of each run, all stages together; at least 2.
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
const LAYERS: usize = 4;
/// Layers a block of local heads: from local learning to back-propagation with a head at the end.
const BLOCK_SIZES: [usize; 3] = [1, 2, LAYERS];

fn local_heads(k: usize) -> String {
    format!("local heads, k = {k}")
}

/// Adds what the study has found of the number of layers a block, beside back-propagation.
pub fn block_sizes(summary: &mut SweepSummary) {
    summary.trends.push(Trend {
        title: "From local learning to back-propagation".into(),
        axis: "layers a block".into(),
        steps: BLOCK_SIZES.iter().map(|k| (*k as f64, local_heads(*k))).collect(),
        beside: Some("back_prop".into()),
    });
}

/// Rows of a step.
const BATCH: u64 = 100;

impl HybridStudy {
    /// The sweep, a method a step; the first is back-propagation.
    pub fn sweep(&self) -> Sweep {
        let name = format!("Hybrids on {}", self.data);
        Sweep::side_by_side(&name, self.seeds, self.methods())
    }

    fn methods(&self) -> Vec<(String, Recipe)> {
        let mut all = Vec::new();
        let mut add = |name: &str, layers: usize, learner: LearnerRecipe| {
            let mut recipe = self.base(layers, learner);
            recipe.name = name.into();
            all.push((name.to_string(), recipe));
        };
        let (bp, local) = (self.back_prop(1.0), self.local());
        let half = self.epochs / 2;
        let boxed = |learner: &LearnerRecipe| Box::new(learner.clone());
        let after = |first: LearnerRecipe, then: LearnerRecipe| -> LearnerRecipe {
            let stage = |epochs, learner| Stage { epochs, learner: Box::new(learner) };
            Stages { stages: vec![stage(half, first), stage(0, then)] }.into()
        };
        let above = |at: usize, lower: Option<Box<LearnerRecipe>>| -> LearnerRecipe {
            Split { at: at as u64, lower, upper: boxed(&bp.clone().into()) }.into()
        };
        let (global, own): (LearnerRecipe, LearnerRecipe) = (bp.clone().into(), local.clone().into());
        add("back_prop", 1, global.clone());
        add("back_prop, checkpointing", 1, BackProp { recompute_every: 2, ..bp.clone() }.into());
        add("back_prop, micro-batches", 1, BackProp { micro_batch: 25, ..bp.clone() }.into());
        add("deep supervision", 1, self.mixed(0.5, 0.5));
        add("mixed, local fades", 1, self.mixed(1.0, 0.0));
        for k in BLOCK_SIZES {
            add(&local_heads(k), k, own.clone());
        }
        add("local heads, windows of 2", 1, LocalHeads { window: 2, ..local }.into());
        add("local below, back_prop above", 1, above(LAYERS / 2, Some(boxed(&own))));
        add("local, frozen, then back_prop above", 1, after(own.clone(), above(LAYERS / 2, None)));
        add("random trunk, head only", 1, above(LAYERS, None));
        add("local, then head only", 1, after(own.clone(), above(LAYERS, None)));
        add("local, then back_prop", 1, after(own, self.back_prop(0.1).into()));
        if !self.convolutional {
            let ff: LearnerRecipe = ForwardForward::default().into();
            add("forward_forward", 1, ff.clone());
            add("forward_forward, then head only", 1, after(ff.clone(), above(LAYERS, None)));
            add("forward_forward, then back_prop", 1, after(ff.clone(), self.back_prop(0.1).into()));
            add("back_prop, then forward_forward", 1, after(global, ff));
        }
        all
    }

    fn back_prop(&self, rate: f64) -> BackProp {
        let optimizer = AdamW { rate: 0.001 * rate, ..AdamW::default() }.into();
        BackProp { optimizer, schedule: Cosine::default().into(), norm: Norm::None, ..BackProp::default() }
    }

    fn local(&self) -> LocalHeads {
        let score = if self.convolutional { Pooled::default().into() } else { Projection::default().into() };
        LocalHeads { score, ..LocalHeads::default() }
    }

    fn mixed(&self, lambda: f64, lambda_end: f64) -> LearnerRecipe {
        Mixed { lambda, lambda_end, score: self.local().score, ..Mixed::default() }.into()
    }

    /// The trunk with so many layers a block.
    fn base(&self, layers: usize, learner: LearnerRecipe) -> Recipe {
        let trunk: Vec<Vec<LayerRecipe>> = (0..LAYERS).map(|l| self.layer(l)).collect();
        let blocks = trunk.chunks(layers).map(<[_]>::concat).collect();
        let model = ModelRecipe {
            blocks,
            activation: Activation::Relu,
            engine: Engine::Kernels,
            skip_zeros: true,
            precision: Precision::F32,
        };
        Recipe {
            name: "hybrids".into(),
            seed: 1,
            data: DataRecipe { kind: self.data.clone(), dir: self.dir.clone(), ..DataRecipe::default() },
            train: TrainRecipe { epochs: self.epochs, batch: BATCH, ..TrainRecipe::default() },
            model,
            learner,
        }
    }

    /// A layer with the norm, and of convolutions the pooling, before it.
    fn layer(&self, l: usize) -> Vec<LayerRecipe> {
        if !self.convolutional {
            let norm = LayerKind::RmsNorm(AffineRecipe { affine: false });
            return vec![LayerRecipe::Kind(norm), LayerRecipe::Dense(self.width)];
        }
        let norm = match l {
            0 => LayerKind::LayerNorm(AffineRecipe { affine: false }),
            _ => LayerKind::GroupNorm(GroupNormRecipe { groups: 1, affine: false }),
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
mod tests {
    use super::*;

    #[test]
    fn every_method_can_be_and_has_the_same_weights_to_begin_with() {
        for convolutional in [false, true] {
            let study = HybridStudy {
                epochs: 2,
                seeds: 1,
                width: 12,
                convolutional,
                data: "optdigits".into(),
                dir: None,
            };
            let sweep = study.sweep();
            assert_eq!(sweep.steps.len(), if convolutional { 14 } else { 18 });
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
                let again =
                    Recipe::parse(&step.recipe.to_toml(), "a run's recipe").expect("it was written so");
                assert_eq!(again, step.recipe, "{}", step.name);
            }
        }
    }
}
