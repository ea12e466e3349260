//! Golden numbers: ten steps of each algorithm against an independent NumPy reference (`reference/`).
#![allow(clippy::unwrap_used)] // a test that cannot go on shall panic

mod common;

use adieu_core::learn::{
    BackProp, ForwardForward, Goal, Learner, LearnerFn, NoClock, Recurrent, Scalar, StepCx, Task,
};
use adieu_core::parts::Batch;
use adieu_core::parts::activation::Activation;
use adieu_core::parts::block::Net;
use adieu_core::parts::host::view;
use adieu_core::parts::optimizer::{AdamW, Sgd};
use adieu_core::parts::param::Param;
use adieu_core::parts::schedule::Constant;
use adieu_core::parts::shape::Shape;
use common::golden::{batch, flat};
use common::{Blocks, close, dense};
use serde_json::Value;

const ACTIVITY: f64 = 1e-5;
const PARAMETER: f64 = 1e-6;

/// Which golden value belongs to the parameter: `0.weight` → w[0]; `down.0.weight` → d[0]; `output.*`: the last;
/// `head.1.weight` → heads[1], or head[0] where the first layer has none.
fn golden_of<'a>(state: &'a Value, path: &str) -> Option<&'a Value> {
    let at = |table: &str, index: usize| state.get(table).and_then(|table| table.get(index));
    let last = state["w"].as_array().map_or(0, Vec::len) - 1;
    match path.split('.').collect::<Vec<_>>()[..] {
        ["output", "weight"] => at("w", last),
        ["output", "bias"] => at("b", last),
        ["head", layer, "weight"] => {
            let layer = layer.parse::<usize>().ok()?;
            at("heads", layer).or_else(|| at("head", layer.checked_sub(1)?))
        }
        ["down", layer, "weight"] => at("d", layer.parse().ok()?),
        ["layer", layer, "peers"] => at("peer_mean", layer.parse().ok()?),
        [layer, "weight"] => at("w", layer.parse().ok()?),
        [layer, "bias"] => at("b", layer.parse().ok()?),
        _ => None,
    }
}

fn visit(net: &mut Net, learner: &mut dyn Learner, each: &mut dyn FnMut(&mut Param)) {
    net.iter_mut().for_each(|block| block.params(each));
    learner.params(each);
}

fn compare(what: &str, state: &Value, net: &mut Net, learner: &mut dyn Learner, at_least: usize) {
    let mut compared = 0;
    visit(net, learner, &mut |param| {
        if let Some(golden) = golden_of(state, param.path()) {
            close(&format!("{what}: {}", param.path()), &param.to_rows(), &flat(golden), PARAMETER);
            compared += 1;
        }
    });
    assert!(compared >= at_least, "{what}: only {compared} parameters compared");
}

fn start(
    golden: &Value,
    recipe: &dyn LearnerFn,
    sizes: &[usize],
    classes: usize,
) -> (Blocks, Box<dyn Learner>) {
    let mut net = dense(sizes, Activation::Relu, 0);
    let task = Task {
        input: Shape::Flat(sizes[0]),
        classes,
        train_rows: 5,
        epochs: 1,
        seed: 0,
        goal: Goal::Classify,
    };
    assert_eq!(recipe.refuse(&common::flat(&sizes[1..]), &task), []);
    let mut learner = recipe.build(&mut net, &task);
    learner.epoch(1);
    visit(&mut net, learner.as_mut(), &mut |param| {
        if let (Some(values), false) = (golden_of(golden, param.path()), param.path().ends_with("peers")) {
            param.load_rows(&flat(values).iter().map(|v| *v as f32).collect::<Vec<_>>());
        }
    });
    (net, learner)
}

fn step(net: &mut Net, learner: &mut dyn Learner, batch: &Batch, step: u64) -> Vec<Scalar> {
    learner.step(net, batch, &mut StepCx { seed: 0, step, clock: &mut NoClock }).expect("nothing diverges")
}

fn said(scalars: &[Scalar], name: &str, layer: Option<usize>) -> f32 {
    let found = scalars.iter().find(|s| s.name == name && s.layer == layer);
    found.unwrap_or_else(|| panic!("no {name} of {layer:?}")).value as f32
}

#[test]
fn forward_forward_follows_the_reference_for_ten_steps() {
    let golden: Value =
        serde_json::from_str(include_str!("../../../reference/forward_forward.json")).unwrap();
    for savings in [false, true] {
        let recipe = ForwardForward {
            schedule: Constant {}.into(),
            skip_satisfied: savings,
            share_image: savings,
            ..ForwardForward::default()
        };
        forward_forward_follows(&golden, &recipe);
    }
}

fn forward_forward_follows(golden: &Value, recipe: &ForwardForward) {
    let (mut net, mut learner) = start(&golden["initial"], recipe, &[12, 8, 7, 6], 2);
    for (i, now) in golden["batches"].as_array().unwrap().iter().enumerate() {
        let scalars = step(&mut net, learner.as_mut(), &batch(now), i as u64 + 1);
        let losses = &golden["losses"][i];
        close("head loss", &[said(&scalars, "head_loss", None)], &flat(&losses["head"]), ACTIVITY);
        let pairs = [
            ("loss", "layers"),
            ("goodness_positive", "goodness_over_theta_positive"),
            ("goodness_negative", "goodness_over_theta_negative"),
            ("pairwise_errors", "pairwise_errors"),
        ];
        for (ours, theirs) in pairs {
            let values: Vec<f32> = (0..3).map(|l| said(&scalars, ours, Some(l))).collect();
            close(&format!("step {}: {ours}", i + 1), &values, &flat(&losses[theirs]), ACTIVITY);
        }
        if i == 0 {
            compare("after step 1", &golden["step_1"]["after"], &mut net, learner.as_mut(), 11);
        }
    }
    compare("after step 10", &golden["final"], &mut net, learner.as_mut(), 11);
    let test = batch(&golden["test"]);
    for (readout, field) in [("head", "head_logits"), ("goodness", "goodness_of_label")] {
        let scores = learner.predict(&net, &test.x, readout);
        close(readout, &view(&scores), &flat(&golden["test"][field]), ACTIVITY);
    }
}

#[test]
fn back_propagation_follows_the_reference_for_ten_steps() {
    let golden: Value = serde_json::from_str(include_str!("../../../reference/back_prop.json")).unwrap();
    let sgd = Sgd { rate: 0.05, momentum: 0.9, decay: 0.001 };
    let adam = AdamW { rate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, decay: 0.01 };
    for (case, optimizer, label_smoothing) in [("sgd", sgd.into(), 0.0), ("adam_w", adam.into(), 0.1)] {
        let recipe =
            BackProp { optimizer, label_smoothing, schedule: Constant {}.into(), ..BackProp::default() };
        let (mut net, mut learner) = start(&golden["initial"], &recipe, &[12, 8, 7], 4);
        for (i, now) in golden["batches"].as_array().unwrap().iter().enumerate() {
            let scalars = step(&mut net, learner.as_mut(), &batch(now), i as u64 + 1);
            let what = format!("{case}, step {}", i + 1);
            close(&what, &[said(&scalars, "loss", None)], &flat(&golden[case]["losses"][i]), ACTIVITY);
            close(&what, &[said(&scalars, "batch_error", None)], &flat(&golden[case]["errors"][i]), ACTIVITY);
            if i == 0 {
                compare(case, &golden[case]["step_1"]["after"], &mut net, learner.as_mut(), 6);
            }
        }
        compare(case, &golden[case]["final"], &mut net, learner.as_mut(), 6);
        let logits = learner.predict(&net, &batch(&golden["test"]).x, "logits");
        close(case, &view(&logits), &flat(&golden[case]["test_logits"]), ACTIVITY);
    }
}

#[test]
fn recurrent_forward_forward_follows_the_reference() {
    let golden: Value = serde_json::from_str(include_str!("../../../reference/recurrent.json")).unwrap();
    for skip_satisfied in [false, true] {
        let recipe = Recurrent { schedule: Constant {}.into(), skip_satisfied, ..Recurrent::default() };
        recurrent_follows(&golden, &recipe);
    }
}

fn recurrent_follows(golden: &Value, recipe: &Recurrent) {
    let (sizes, classes) = ([12, 8, 7], 2);
    let batches = golden["batches"].as_array().unwrap();
    // The activity of each iteration, by way of its goodness.
    for t in 1..=8 {
        let at = Recurrent { read_from: t, read_to: t, ..recipe.clone() };
        let (net, learner) = start(&golden["initial"], &at, &sizes, classes);
        let scores = learner.predict(&net, &batch(&batches[0]).x, "goodness");
        let wanted = &golden["step_1"]["before"]["goodness_of_label_at"][t as usize - 1];
        close(&format!("goodness at iteration {t}"), &view(&scores), &flat(wanted), ACTIVITY);
    }
    let (mut net, mut learner) = start(&golden["initial"], recipe, &sizes, classes);
    for (i, now) in batches.iter().enumerate() {
        let scalars = step(&mut net, learner.as_mut(), &batch(now), i as u64 + 1);
        let losses = &golden["losses"][i];
        close("head loss", &[said(&scalars, "head_loss", None)], &flat(&losses["head"]), ACTIVITY);
        let pairs = [
            ("loss", "last_iteration"),
            ("goodness_positive", "goodness_over_theta_positive"),
            ("goodness_negative", "goodness_over_theta_negative"),
        ];
        for (ours, theirs) in pairs {
            let values: Vec<f32> = (0..2).map(|l| said(&scalars, ours, Some(l))).collect();
            close(&format!("step {}: {ours}", i + 1), &values, &flat(&losses[theirs]), ACTIVITY);
        }
        if i == 0 {
            compare("after step 1", &golden["step_1"]["after"], &mut net, learner.as_mut(), 10);
        }
    }
    compare("in the end", &golden["final"], &mut net, learner.as_mut(), 10);
    let test = batch(&golden["test"]);
    for (readout, field) in [("head", "head_logits"), ("goodness", "goodness_of_label")] {
        let scores = learner.predict(&net, &test.x, readout);
        close(readout, &view(&scores), &flat(&golden["test"][field]), ACTIVITY);
    }
}
