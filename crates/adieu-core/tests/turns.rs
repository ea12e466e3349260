//! Learners that take turns: each step is exactly that of the learner whose turn it is.
#![allow(clippy::unwrap_used)] // a test that cannot go on shall panic

mod common;

use std::collections::BTreeSet;

use adieu_core::learn::{
    BackProp, DeeperForward, Learner, LearnerFn, LearnerRecipe, LocalHeads, NoClock, Outline, Rbm, SoftHebb,
    StepCx, Task, Trifecta, Turns,
};
use adieu_core::parts::activation::Activation;
use adieu_core::parts::block::Net;
use adieu_core::parts::class_score::Projection;
use adieu_core::parts::host::view;
use adieu_core::parts::norm::Norm;
use adieu_core::parts::shape::Shape;
use common::{FEATURES, blobs, dense, everything, flat, task};

const SIZES: [usize; 3] = [FEATURES, 8, 6];

fn global() -> LearnerRecipe {
    BackProp { norm: Norm::None, ..BackProp::default() }.into()
}

fn local() -> LearnerRecipe {
    LocalHeads { score: Projection::default().into(), ..LocalHeads::default() }.into()
}

fn step(learner: &mut dyn Learner, net: &mut Net, step: u64) {
    let mut cx = StepCx { seed: 1, step, clock: &mut NoClock };
    learner.step(net, &blobs(12, step), &mut cx).expect("nothing diverges");
}

#[test]
fn every_third_step_is_the_one_s_and_the_others_are_the_other_s() {
    let recipe = Turns { every: 3, seldom: Box::new(global()), often: Box::new(local()) };
    let (mut net, mut apart) = (dense(&SIZES, Activation::Relu, 1), dense(&SIZES, Activation::Relu, 1));
    let task = task(12, 4, 1);
    let mut turns = recipe.build(&mut net, &task);
    let [mut seldom, mut often] = [global(), local()].map(|recipe| recipe.build(&mut apart, &task));
    for epoch in 1..=4 {
        assert_eq!(turns.epoch(epoch), seldom.epoch(epoch));
        often.epoch(epoch);
        for t in (epoch * 2 - 1)..=(epoch * 2) {
            step(turns.as_mut(), &mut net, t);
            // each counts its own steps
            let mut cx =
                StepCx { seed: 1, step: if t % 3 == 0 { t / 3 } else { t - t / 3 }, clock: &mut NoClock };
            let learner = if t % 3 == 0 { &mut seldom } else { &mut often };
            learner.step(&mut apart, &blobs(12, t), &mut cx).expect("nothing diverges");
        }
    }
    let weights = |net: &mut Net| {
        let mut all = Vec::new();
        net.iter_mut().for_each(|block| block.params(&mut |param| all.push(param.to_rows())));
        all
    };
    assert_eq!(weights(&mut net), weights(&mut apart));
    let x = blobs(12, 99).x;
    let scores = |readout| view(&turns.predict(&net, &x, readout)).to_vec();
    let own = |learner: &dyn Learner| view(&learner.predict(&apart, &x, learner.readouts()[0])).to_vec();
    assert_eq!(turns.readouts(), ["seldom", "often"]);
    assert_eq!((scores("seldom"), scores("often")), (own(seldom.as_ref()), own(often.as_ref())));
    assert_ne!(scores("seldom"), scores("often"));
    let names = everything(&mut net, turns.as_mut()).into_iter().map(|(name, _)| name);
    let (seldom, often): (Vec<_>, Vec<_>) = names
        .filter(|name| !name.starts_with(char::is_numeric))
        .partition(|name| name.starts_with("seldom."));
    assert!(!seldom.is_empty() && often.iter().all(|name| name.starts_with("often.")), "{often:?}");
}

/// Windows of two have a loss of the last block in every second step of their own, whatever the turns.
#[test]
fn what_a_rule_does_in_turn_it_does_in_turn_here_too() {
    for every in [2, 3, 4] {
        let seldom: LearnerRecipe = Trifecta::default().into();
        let recipe = Turns { every, seldom: Box::new(seldom), often: Box::new(local()) };
        let mut net = dense(&SIZES, Activation::Relu, 1);
        let mut turns = recipe.build(&mut net, &task(12, 1, 1));
        let mut taught = BTreeSet::new();
        for step in 1..=4 * every {
            let mut cx = StepCx { seed: 1, step, clock: &mut NoClock };
            let said = turns.step(&mut net, &blobs(12, step), &mut cx).expect("nothing diverges");
            if step % every == 0 {
                taught.extend(said.iter().filter(|s| s.name == "goodness_positive").filter_map(|s| s.layer));
            }
        }
        assert_eq!(taught, BTreeSet::from([0, 1]), "every {every}");
    }
}

#[test]
fn whoever_cannot_take_turns_is_refused_by_key() {
    let (shapes, task) = (flat(&SIZES[1..]), task(12, 2, 1));
    let refused = |seldom: LearnerRecipe, often: LearnerRecipe| {
        let turns = Turns { every: 2, seldom: Box::new(seldom), often: Box::new(often) };
        turns.refuse(&shapes, &task).into_iter().map(|refusal| refusal.key).collect::<Vec<_>>()
    };
    assert_eq!(refused(global(), local()), [""; 0]);
    assert_eq!(
        refused(global(), SoftHebb::default().into()),
        ["often"],
        "it counts on its own first weights"
    );
    let ahead = LocalHeads { score: Projection::default().into(), overlap: true, ..LocalHeads::default() };
    assert_eq!(refused(ahead.into(), local()), ["seldom"]);
    let stacked = [Outline { layers: vec![Shape::Flat(8), Shape::Flat(6)], ..Outline::from(Shape::Flat(6)) }];
    let turns = Turns {
        often: Box::new(DeeperForward { first: 0, ..DeeperForward::default() }.into()),
        ..Turns::default()
    };
    let keys = turns.refuse(&stacked, &Task { classes: 2, ..task.clone() });
    assert!(keys.iter().any(|r| r.key == "often" && r.what.contains("block 1")), "{keys:?}");
    // its groups do not divide 8 and 6 units
    let misfit: LearnerRecipe = DeeperForward::default().into();
    assert!(!refused(misfit.clone(), local()).is_empty());
    assert!(refused(global(), misfit).iter().all(|key| *key == "often"));
    let asks = Turns { seldom: Box::new(Rbm::default().into()), ..Turns::default() };
    assert_eq!(asks.asks(0).len(), 1);
}
