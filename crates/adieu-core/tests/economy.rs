//! Back-propagation in less memory: it learns the same, and keeps less.
#![allow(clippy::unwrap_used)] // a test that cannot go on shall panic

mod common;

use adieu_core::learn::{BackProp, Clock, LearnerRecipe, Phase, StepCx};
use adieu_core::parts::activation::Activation;
use adieu_core::parts::optimizer::{AdamW, Optimizer};
use common::{FEATURES, blobs, dense, task};

/// What a step kept at most, and its multiply-adds.
#[derive(Default)]
struct Counted {
    kept: u64,
    macs: u64,
}

impl Clock for Counted {
    fn press(&mut self, _: Phase, _: usize) {}

    fn held(&mut self, bytes: u64) {
        self.kept = self.kept.max(bytes);
    }

    fn work(&mut self, macs: u64) {
        self.macs += macs;
    }
}

/// All parameters after three steps on `depth` hidden layers of `width`.
fn learnt(recipe: BackProp, depth: usize, width: usize, rows: usize) -> (Vec<f32>, Counted) {
    let sizes: Vec<usize> = std::iter::once(FEATURES).chain(std::iter::repeat_n(width, depth)).collect();
    let mut net = dense(&sizes, Activation::Relu, 1);
    let mut learner = LearnerRecipe::from(recipe).build(&mut net, &task(rows, 10, 1));
    learner.epoch(1);
    let mut counted = Counted::default();
    for step in 1..=3 {
        let mut cx = StepCx { seed: 1, step, clock: &mut counted };
        learner.step(&mut net, &blobs(rows, step), &mut cx).unwrap();
    }
    let mut all = Vec::new();
    let mut take = |param: &mut adieu_core::parts::param::Param| all.extend_from_slice(param.values());
    net.iter_mut().for_each(|block| block.params(&mut take));
    learner.params(&mut take);
    (all, counted)
}

#[test]
fn recomputing_is_the_same_to_the_bit_and_keeps_less() {
    for dropout in [0.0, 0.4] {
        for optimizer in Optimizer::all() {
            let whole = BackProp { dropout, optimizer, ..BackProp::default() };
            let (weights, kept) = learnt(whole.clone(), 7, 12, 30);
            for recompute_every in 1..=8 {
                let (same, less) = learnt(BackProp { recompute_every, ..whole.clone() }, 7, 12, 30);
                assert_eq!(same, weights, "every {recompute_every}, dropout {dropout}");
                if recompute_every < 7 {
                    assert!(less.macs > kept.macs, "every {recompute_every}");
                    // One apart, every input is kept: without dropout's masks, that is all there is to keep.
                    let none_saved = recompute_every == 1 && dropout == 0.0;
                    assert!(
                        less.kept < kept.kept || none_saved && less.kept == kept.kept,
                        "every {recompute_every}"
                    );
                } else {
                    assert_eq!((less.kept, less.macs), (kept.kept, kept.macs), "every {recompute_every}");
                }
            }
        }
    }
}

/// Chen et al.: with about √L layers between marks, what is kept grows with √L.
#[test]
fn what_is_kept_grows_with_the_root_of_the_depth() {
    let (width, rows) = (10, 20);
    let layer = (width * rows * 4) as u64;
    let kept = |depth: usize, recompute_every: u32| {
        learnt(BackProp { recompute_every, ..BackProp::default() }, depth, width, rows).1.kept
    };
    for root in [3, 5, 7] {
        let depth = root * root;
        let (all, some) = (kept(depth, 0), kept(depth, root as u32));
        assert!(all >= depth as u64 * layer, "{all} of {depth} layers");
        assert!(some <= (2 * root as u64 + 1) * layer, "{some} of {depth} layers, {root} apart");
    }
}

#[test]
fn parts_of_a_batch_learn_what_the_whole_does_and_keep_their_share() {
    let optimizer: Optimizer = AdamW { rate: 1e-3, epsilon: 1e-3, ..AdamW::default() }.into();
    for optimizer in [BackProp::default().optimizer, optimizer] {
        let whole = BackProp { optimizer, ..BackProp::default() };
        let (weights, kept) = learnt(whole.clone(), 3, 12, 30);
        for micro_batch in [1, 7, 15, 29] {
            let (close, less) = learnt(BackProp { micro_batch, ..whole.clone() }, 3, 12, 30);
            let differ = weights.iter().zip(&close).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(differ < 2e-5, "parts of {micro_batch}: {differ}");
            assert_eq!(less.macs, kept.macs);
            assert_eq!(less.kept * 30, kept.kept * u64::from(micro_batch), "parts of {micro_batch}");
        }
        for micro_batch in [30, 31, 1000] {
            assert_eq!(learnt(BackProp { micro_batch, ..whole.clone() }, 3, 12, 30).0, weights);
        }
    }
}
