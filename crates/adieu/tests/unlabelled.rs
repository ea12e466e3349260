//! Runs without labels: resumed, and on data that have labels which nobody wants.
#![allow(clippy::unwrap_used)] // a test that cannot go on shall panic

mod common;

use std::sync::Arc;

use adieu::record::{Evaluation, Event};
use adieu::sink::StopAfter;
use adieu::{Error, Recipe, trainer};
use common::{arrays, record, train, write_data};

const LEARNERS: [(&str, &str); 3] = [
    ("[[12]]", "kind = \"rbm\"\npersistent = 10"),
    ("[[12], [10, 12]]", "kind = \"back_prop\"\ndropout = 0.1"),
    ("[[12], [10, 12]]", "kind = \"unsupervised\""),
];

fn recipe(data: &std::path::Path, (blocks, learner): (&str, &str)) -> Recipe {
    let mut recipe = common::recipe(data, learner);
    recipe.data.labels = false;
    let text = format!("[model]\nblocks = {blocks}\n[learner]\nkind = \"back_prop\"\n");
    recipe.model = Recipe::parse(&text, "blocks").unwrap().model;
    recipe
}

fn evaluations(folder: &std::path::Path) -> Vec<Evaluation> {
    let pick = |event: Event| if let Event::Evaluated(e) = event { Some(e) } else { None };
    record(folder).into_iter().filter_map(|stamped| pick(stamped.event)).collect()
}

#[test]
fn a_resumed_run_is_the_uninterrupted_one_bit_for_bit() {
    let home = tempfile::tempdir().unwrap();
    write_data(&home.path().join("data"));
    for (i, learner) in LEARNERS.into_iter().enumerate() {
        let recipe = recipe(&home.path().join("data"), learner);
        let [whole, cut] = ["whole", "cut"].map(|name| home.path().join(format!("{name}-{i}")));
        train(recipe.clone(), &whole, &mut []).unwrap();
        train(recipe, &cut, &mut [&mut StopAfter(7)]).unwrap();
        trainer::resume(&cut, None, &mut []).unwrap();
        assert!(arrays(&whole) == arrays(&cut), "{learner:?}: the parameters differ");
        let last = |folder| evaluations(folder).last().unwrap().reconstruction;
        assert!(last(&whole).is_some() && last(&whole) == last(&cut), "{learner:?}");
    }
}

#[test]
fn labels_that_are_there_say_nothing() {
    let home = tempfile::tempdir().unwrap();
    write_data(&home.path().join("data"));
    let recipe = recipe(&home.path().join("data"), LEARNERS[2]);
    let labelled = adieu::data::load("idx", recipe.data.dir.as_deref()).unwrap();
    // data that were read with their labels lose them on the way to the learner
    let plan = adieu::Plan::on(recipe.clone(), Arc::new(labelled), "tiny.toml").unwrap();
    assert!(plan.data.info.classes.is_empty() && plan.task.classes == 0);
    let rows: Vec<u32> = (0..10).collect();
    assert_eq!(plan.batch(&rows, 1).labels, [0; 10]);
    let [given, read] = ["given", "read"].map(|name| home.path().join(name));
    trainer::train(plan, &given, &mut []).unwrap();
    train(recipe.clone(), &read, &mut []).unwrap();
    assert!(arrays(&given) == arrays(&read));
    for e in evaluations(&given) {
        assert!(e.errors.is_none() && e.error.is_none() && e.confusion.is_none() && e.detection.is_none());
        assert!(e.reconstruction.is_some_and(|r| r.of_mean_row > 0.0), "{e:?}");
    }
    // and data without any are no task of classes
    let bare = adieu::data::unlabelled(adieu::data::load("idx", recipe.data.dir.as_deref()).unwrap());
    let mut classes = recipe;
    classes.data.labels = true;
    let Err(Error::Recipe(faults)) = adieu::Plan::on(classes, Arc::new(bare), "tiny.toml") else {
        panic!("classes of nothing")
    };
    assert_eq!(faults.faults[0].key, "data.labels");
}
