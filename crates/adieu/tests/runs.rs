//! Whole runs on a tiny dataset: resuming, diverging, failing, and what the record says of each.
#![allow(clippy::unwrap_used)] // a test that cannot go on shall panic

mod common;

use std::fs;

use adieu::recipe::Engine;
use adieu::record::lint::lint;
use adieu::record::{Event, Outcome, Split, Stamped, Value};
use adieu::sink::StopAfter;
use adieu::{Error, Recipe, trainer};
use common::{LEARNERS, arrays, recipe, record, train, write_data};

fn evaluations(events: &[Stamped]) -> Vec<(u64, Split, String, u64)> {
    let pick = |stamped: &Stamped| match &stamped.event {
        Event::Evaluated(e) => Some((e.step, e.split, e.readout.clone(), e.errors?)),
        _ => None,
    };
    events.iter().filter_map(pick).collect()
}

fn assert_clean(folder: &std::path::Path) {
    let record = adieu::record::jsonl::read(&folder.join("events.jsonl")).unwrap();
    let findings = lint(&record.events, &record.warnings);
    assert!(findings.is_empty(), "{findings:#?}");
}

#[test]
fn a_resumed_run_is_the_uninterrupted_one_bit_for_bit() {
    let home = tempfile::tempdir().unwrap();
    write_data(&home.path().join("data"));
    for (i, learner) in LEARNERS.into_iter().enumerate() {
        let mut recipe = recipe(&home.path().join("data"), learner);
        recipe.data.jitter = i as u8 % 3;
        let whole = home.path().join(format!("whole-{i}"));
        let ended = train(recipe.clone(), &whole, &mut []).unwrap();
        assert_eq!((ended.outcome, ended.steps), (Outcome::Finished, 40), "{learner}");
        assert_clean(&whole);

        // Stopped in the middle of an epoch, at the end of one, and after the last step.
        let cut = home.path().join(format!("cut-{i}"));
        let ended = train(recipe, &cut, &mut [&mut StopAfter(7)]).unwrap();
        assert_eq!((ended.outcome, ended.steps), (Outcome::Interrupted, 7), "{learner}");
        for stop in [20, 40] {
            let ended = trainer::resume(&cut, None, &mut [&mut StopAfter(stop)]).unwrap();
            assert_eq!((ended.outcome, ended.steps), (Outcome::Interrupted, stop), "{learner}");
        }
        let ended = trainer::resume(&cut, None, &mut []).unwrap();
        assert_eq!((ended.outcome, ended.steps), (Outcome::Finished, 40), "{learner}");
        assert_clean(&cut);
        assert!(arrays(&whole) == arrays(&cut), "{learner}: the parameters differ");
        assert_eq!(evaluations(&record(&whole)).last(), evaluations(&record(&cut)).last(), "{learner}");

        let refused = trainer::resume(&cut, None, &mut []).unwrap_err().to_string();
        assert!(refused.contains("finished"), "{refused}");
    }
}

#[test]
fn layers_side_by_side_write_the_run_that_layers_in_turn_write() {
    let home = tempfile::tempdir().unwrap();
    write_data(&home.path().join("data"));
    let runs = [false, true].map(|overlap| {
        let learner =
            format!("kind = \"forward_forward\"\nnegatives = {{ kind = \"uniform\" }}\noverlap = {overlap}");
        let folder = home.path().join(format!("overlap-{overlap}"));
        let mut recipe = recipe(&home.path().join("data"), &learner);
        recipe.data.jitter = 1;
        train(recipe, &folder, &mut []).unwrap();
        assert_clean(&folder);
        let scalars = |stamped: &Stamped| match &stamped.event {
            Event::Step { first, last, scalars, .. } => {
                let mut scalars = scalars.clone();
                scalars.sort_by_key(|s| (s.name.clone(), s.layer));
                Some((*first, *last, scalars))
            }
            _ => None,
        };
        let steps: Vec<_> = record(&folder).iter().filter_map(scalars).collect();
        (arrays(&folder), evaluations(&record(&folder)), steps)
    });
    assert!(runs[0] == runs[1]);
}

#[test]
fn the_engine_does_not_show_in_what_is_learned() {
    let home = tempfile::tempdir().unwrap();
    write_data(&home.path().join("data"));
    let errors = ["kernels", "burn"].map(|engine| {
        let mut recipe = recipe(&home.path().join("data"), LEARNERS[0]);
        recipe.model.engine = if engine == "burn" { Engine::Burn } else { Engine::Kernels };
        let folder = home.path().join(engine);
        train(recipe, &folder, &mut []).unwrap();
        assert_clean(&folder);
        evaluations(&record(&folder)).last().unwrap().3
    });
    assert!(errors[0].abs_diff(errors[1]) <= 1, "{errors:?}");
}

#[test]
fn a_run_cut_off_without_warning_goes_on_from_its_last_checkpoint() {
    let home = tempfile::tempdir().unwrap();
    write_data(&home.path().join("data"));
    let recipe = recipe(&home.path().join("data"), LEARNERS[0]);
    let (whole, cut) = (home.path().join("whole"), home.path().join("cut"));
    train(recipe.clone(), &whole, &mut []).unwrap();
    train(recipe, &cut, &mut [&mut StopAfter(20)]).unwrap();
    // As after kill -9: no end in the record, a torn line, a damaged newer checkpoint.
    let path = cut.join("events.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.lines().filter(|line| !line.contains("run_ended")).collect();
    fs::write(&path, format!("{}\n{{\"seq\":99,\"at", lines.join("\n"))).unwrap();
    fs::write(cut.join("checkpoint-25.safetensors"), b"half of it").unwrap();
    let ended = trainer::resume(&cut, None, &mut []).unwrap();
    assert_eq!(ended.outcome, Outcome::Finished);
    assert!(arrays(&whole) == arrays(&cut));
}

#[test]
fn a_run_that_never_saved_begins_again() {
    let home = tempfile::tempdir().unwrap();
    write_data(&home.path().join("data"));
    let recipe = recipe(&home.path().join("data"), LEARNERS[2]);
    let (whole, cut) = (home.path().join("whole"), home.path().join("cut"));
    train(recipe.clone(), &whole, &mut []).unwrap();
    train(recipe, &cut, &mut [&mut StopAfter(5)]).unwrap();
    fs::remove_file(cut.join("checkpoint-5.safetensors")).unwrap();
    assert_eq!(trainer::resume(&cut, None, &mut []).unwrap().outcome, Outcome::Finished);
    assert_clean(&cut);
    assert!(arrays(&whole) == arrays(&cut));
}

#[test]
fn divergence_is_a_recorded_result_that_names_layer_and_step() {
    let home = tempfile::tempdir().unwrap();
    write_data(&home.path().join("data"));
    let wild = [
        "kind = \"forward_forward\"\noptimizer = { kind = \"ema_sgd\", rate = 1e6 }",
        "kind = \"back_prop\"\noptimizer = { kind = \"sgd\", rate = 1e6 }",
    ];
    for (i, learner) in wild.into_iter().enumerate() {
        let folder = home.path().join(i.to_string());
        let ended = train(recipe(&home.path().join("data"), learner), &folder, &mut []).unwrap();
        let Outcome::Diverged { step, what, .. } = &ended.outcome else { panic!("{learner}: {ended:?}") };
        assert!(*step >= 1 && *step == ended.steps && !what.is_empty(), "{ended:?}");
        assert_clean(&folder);
        assert!(matches!(record(&folder).last().unwrap().event, Event::RunEnded { .. }));
        assert!(trainer::resume(&folder, None, &mut []).unwrap_err().to_string().contains("diverged"));
    }
}

#[test]
fn both_learners_start_from_the_same_weights_and_see_the_same_rows() {
    let home = tempfile::tempdir().unwrap();
    write_data(&home.path().join("data"));
    let plans =
        [LEARNERS[0], LEARNERS[2]].map(|l| recipe(&home.path().join("data"), l).check("tiny").unwrap());
    let weights = plans.each_ref().map(|plan| {
        let mut all = Vec::new();
        plan.network().iter_mut().for_each(|block| block.params(&mut |param| all.push(param.to_rows())));
        all
    });
    assert!(weights[0] == weights[1] && weights[0].len() == 6);
    assert_eq!(plans[0].order(3), plans[1].order(3));
    assert_ne!(plans[0].order(3), plans[0].order(2));
}

#[test]
fn a_checkpoint_of_another_network_is_refused_by_name_and_changes_nothing() {
    let home = tempfile::tempdir().unwrap();
    write_data(&home.path().join("data"));
    let folder = home.path().join("run");
    train(recipe(&home.path().join("data"), LEARNERS[0]), &folder, &mut [&mut StopAfter(5)]).unwrap();
    let path = folder.join("recipe.toml");
    let other = fs::read_to_string(&path).unwrap().replace("[12]", "[13]");
    fs::write(&path, other).unwrap();
    let events = fs::read(folder.join("events.jsonl")).unwrap();
    let refused = trainer::resume(&folder, None, &mut []).unwrap_err();
    assert!(matches!(refused, Error::Checkpoint { .. }), "{refused}");
    assert!(
        refused.to_string().contains("checkpoint-5") && refused.to_string().contains("weight"),
        "{refused}"
    );
    assert_eq!(fs::read(folder.join("events.jsonl")).unwrap(), events);
}

#[test]
fn a_folder_that_holds_a_run_is_never_overwritten() {
    let home = tempfile::tempdir().unwrap();
    write_data(&home.path().join("data"));
    let recipe = recipe(&home.path().join("data"), LEARNERS[2]);
    let folder = home.path().join("run");
    train(recipe.clone(), &folder, &mut []).unwrap();
    let before = fs::read(folder.join("events.jsonl")).unwrap();
    let refused = train(recipe, &folder, &mut []).unwrap_err().to_string();
    assert!(refused.contains("adieu resume"), "{refused}");
    assert_eq!(fs::read(folder.join("events.jsonl")).unwrap(), before);
}

#[test]
fn the_stored_recipe_is_whole_and_makes_the_same_run() {
    let home = tempfile::tempdir().unwrap();
    write_data(&home.path().join("data"));
    let recipe = recipe(&home.path().join("data"), LEARNERS[0]);
    let folder = home.path().join("run");
    train(recipe.clone(), &folder, &mut []).unwrap();
    let stored = Recipe::read(&folder.join("recipe.toml")).unwrap();
    assert_eq!(stored, recipe);
    let text = fs::read_to_string(folder.join("recipe.toml")).unwrap();
    for key in ["peer_weight", "checkpoint_every", "temperature", "activation", "split", "skip_first"] {
        assert!(text.contains(key), "the default of `{key}` is not spelled out:\n{text}");
    }
}

#[test]
fn jitter_moves_each_image_by_itself_afresh_at_every_step_and_not_at_all_when_off() {
    let home = tempfile::tempdir().unwrap();
    write_data(home.path());
    let of = |jitter| {
        let mut recipe = recipe(home.path(), "kind = \"back_prop\"");
        recipe.data.jitter = jitter;
        recipe.check("tiny.toml").unwrap()
    };
    let (still, moved) = (of(0), of(1));
    let ids: Vec<u32> = (0..60).collect();
    let x = |plan: &adieu::Plan, step| adieu_core::parts::host::view(&plan.batch(&ids, step).x).to_vec();
    let (plain, first) = (x(&still, 1), x(&moved, 1));
    assert_eq!(plain, x(&still, 2));
    assert_eq!(first, x(&moved, 1), "a step's shifts are always the same");
    assert_ne!(first, x(&moved, 2));
    // Every image is one of its nine shifts, and every shift occurs.
    let shape = still.data.info.image;
    let mut seen = [0; 9];
    for (before, after) in plain.chunks(36).zip(first.chunks(36)) {
        let shifted = |i: i32| {
            let mut row = before.to_vec();
            adieu::data::shift(&mut row, shape, i / 3 - 1, i % 3 - 1);
            row
        };
        let which = (0..9).find(|i| shifted(*i) == after).expect("one of nine shifts");
        seen[which as usize] += 1;
    }
    assert!(seen.iter().all(|count| *count > 0), "{seen:?}");
}

#[test]
fn what_slow_storage_steals_is_stall_and_what_is_hidden_behind_the_work_is_not() {
    let home = tempfile::tempdir().unwrap();
    write_data(&home.path().join("data"));
    // 360 bytes a batch at 72 kB a second: 5 ms each, 0.2 s in 40 steps.
    let costs = |prefetch, throttle_mb_s| {
        let mut recipe = recipe(&home.path().join("data"), LEARNERS[0]);
        (recipe.data.prefetch, recipe.data.throttle_mb_s) = (prefetch, throttle_mb_s);
        let folder = home.path().join(format!("run-{prefetch}-{}", throttle_mb_s.is_some()));
        train(recipe, &folder, &mut []).unwrap();
        assert_clean(&folder);
        let events = record(&folder);
        let last = events.iter().rev().find_map(|stamped| match &stamped.event {
            Event::Metered { phases, readings, .. } => Some((phases.clone(), readings.clone())),
            _ => None,
        });
        let (phases, readings) = last.unwrap();
        let stall = phases.iter().find(|phase| phase.phase == "stall").unwrap().time_ns as f64 * 1e-9;
        let loader = |part: &str| {
            let reading = readings.iter().find(|r| r.name == "loader" && r.part.as_deref() == Some(part));
            match reading.unwrap().value {
                Value::Measured { value, .. } => value,
                ref other => panic!("{other:?}"),
            }
        };
        (stall, loader("fetch"), loader("prepare"), arrays(&folder))
    };
    let (_, fetch, _, unhurried) = costs(0, None);
    assert!(fetch < 0.005, "rows in memory are there at once: {fetch}");
    let (stall, fetch, prepare, slow) = costs(0, Some(0.072));
    assert!(fetch >= 0.2, "{fetch}");
    assert!(stall >= fetch + prepare, "nothing is hidden: {stall} of {fetch} and {prepare}");
    let (stall, fetch, prepare, ahead) = costs(2, Some(0.072));
    assert!(fetch >= 0.2 && stall < fetch + prepare, "the work hides some: {stall} of {fetch} and {prepare}");
    assert!(unhurried == slow && slow == ahead, "what is learned does not depend on the storage");
}
