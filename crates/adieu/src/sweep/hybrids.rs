//! `adieu study hybrids`: learning that is partly local and partly not, on one trunk, beside both ends and the controls that
//! say what each part is worth. All methods have the same initial weights, rows, batches and epochs in all, pretraining
//! included.

use adieu_core::learn::{
    BackProp, ForwardForward, LearnerRecipe, LocalHeads, Mixed, Split, Stage, Stages, Turns,
};
use adieu_core::parts::class_score::{Pooled, Projection};
use adieu_report::sweep::{SweepSummary, Trend};

use super::Sweep;
use super::network::{LAYERS, NetworkStudy, back_prop};
use crate::recipe::Recipe;

/// Layers a block of local heads: from local learning to back-propagation with a head at the end.
const BLOCK_SIZES: [usize; 3] = [1, 2, LAYERS];
/// Groups of channels that the norms take apart: none.
const GROUPS: u64 = 1;
/// What all are compared with.
const BESIDE: &str = "back_prop";

fn local_heads(k: usize) -> String {
    format!("local heads, k = {k}")
}

/// Adds what the study has found: costs beside back-propagation, and of the number of layers a block.
pub fn conclude(summary: &mut SweepSummary) {
    summary.compare_with(BESIDE, Vec::new());
    summary.trends.push(Trend {
        title: "From local learning to back-propagation".into(),
        axis: "layers a block".into(),
        steps: BLOCK_SIZES.iter().map(|k| (*k as f64, local_heads(*k))).collect(),
        beside: Some(BESIDE.into()),
    });
}

/// The sweep, a method a step; the first is back-propagation.
pub fn sweep(study: &NetworkStudy) -> Sweep {
    let name = format!("Hybrids on {}", study.data);
    Sweep::side_by_side(&name, study.seeds, methods(study))
}

fn methods(study: &NetworkStudy) -> Vec<(String, Recipe)> {
    let mut all = Vec::new();
    let mut add = |name: &str, layers: usize, learner: LearnerRecipe| {
        all.push((name.to_string(), study.recipe(name, layers, GROUPS, learner)));
    };
    let (bp, local) = (back_prop(0.001), local(study));
    let half = study.epochs / 2;
    let boxed = |learner: &LearnerRecipe| Box::new(learner.clone());
    let after = |first: LearnerRecipe, then: LearnerRecipe| -> LearnerRecipe {
        let stage = |epochs, learner| Stage { epochs, learner: Box::new(learner) };
        Stages { stages: vec![stage(half, first), stage(0, then)] }.into()
    };
    let above = |at: usize, lower: Option<Box<LearnerRecipe>>| -> LearnerRecipe {
        Split { at: at as u64, lower, upper: boxed(&bp.clone().into()) }.into()
    };
    let fine: LearnerRecipe = back_prop(0.0001).into();
    let (global, own): (LearnerRecipe, LearnerRecipe) = (bp.clone().into(), local.clone().into());
    add(BESIDE, 1, global.clone());
    add("back_prop, checkpointing", 1, BackProp { recompute_every: 2, ..bp.clone() }.into());
    add("back_prop, micro-batches", 1, BackProp { micro_batch: 25, ..bp.clone() }.into());
    add("deep supervision", 1, mixed(&local, 0.5, 0.5));
    add("mixed, local fades", 1, mixed(&local, 1.0, 0.0));
    let turns = Turns { every: 4, seldom: boxed(&global), often: boxed(&own) };
    add("local, every 4th step global", 1, turns.into());
    for k in BLOCK_SIZES {
        add(&local_heads(k), k, own.clone());
    }
    add("local heads, windows of 2", 1, LocalHeads { window: 2, ..local }.into());
    add("local below, back_prop above", 1, above(LAYERS / 2, Some(boxed(&own))));
    add("local, frozen, then back_prop above", 1, after(own.clone(), above(LAYERS / 2, None)));
    add("random trunk, head only", 1, above(LAYERS, None));
    add("local, then head only", 1, after(own.clone(), above(LAYERS, None)));
    add("local, then back_prop", 1, after(own, fine.clone()));
    if !study.convolutional {
        let ff: LearnerRecipe = ForwardForward::default().into();
        add("forward_forward", 1, ff.clone());
        add("forward_forward, then head only", 1, after(ff.clone(), above(LAYERS, None)));
        add("forward_forward, then back_prop", 1, after(ff.clone(), fine));
        add("back_prop, then forward_forward", 1, after(global, ff));
    }
    all
}

fn local(study: &NetworkStudy) -> LocalHeads {
    let score = if study.convolutional { Pooled::default().into() } else { Projection::default().into() };
    LocalHeads { score, ..LocalHeads::default() }
}

fn mixed(local: &LocalHeads, lambda: f64, lambda_end: f64) -> LearnerRecipe {
    Mixed { lambda, lambda_end, score: local.score.clone(), ..Mixed::default() }.into()
}

#[cfg(test)]
mod tests {
    use super::super::network::tests::{fair, small};
    use super::*;

    #[test]
    fn every_method_can_be_and_has_the_same_weights_to_begin_with() {
        for (convolutional, methods) in [(false, 19), (true, 15)] {
            let sweep = sweep(&small(convolutional, 12));
            assert_eq!(sweep.steps.len(), methods);
            fair(&sweep);
        }
    }
}
