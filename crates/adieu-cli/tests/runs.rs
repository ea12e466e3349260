//! Single runs: trained, interrupted, killed, resumed, diverged.

mod support;

use support::{Desk, tensors};

const FF: &str = "kind = \"forward_forward\"";
const BP: &str = "kind = \"back_prop\"";
/// Long enough to be interrupted, with checkpoints only where they are wanted.
const LONG: &str = "epochs = 1000\nprobe_rows = 0\ncheckpoint_every = 100000";

#[test]
fn a_recipe_runs_and_its_folder_tells_everything() {
    let desk = Desk::new();
    desk.recipe("ff.toml", "epochs = 3", FF);
    let said = desk.adieu("train ff.toml --out r --seed 8 --json").json();
    assert_eq!(
        (said["runs"][0]["learner"].as_str(), said["runs"][0]["seed"].as_u64()),
        (Some("forward_forward"), Some(8))
    );
    assert_eq!(
        desk.tree("r"),
        ["r/checkpoint-36.safetensors", "r/events.jsonl", "r/recipe.toml", "r/report.html", "r/report.json"]
    );
    assert_eq!(desk.adieu("lint r").well(), "2 files: nothing found\n");
    desk.adieu("lint r/recipe.toml").well();
    let message = desk.adieu("train ff.toml --out r").badly(1);
    insta::assert_snapshot!(message, @r"r: there is a run in this folder already; go on with it by `adieu resume r`, or choose another folder");
    let message = desk.adieu("resume r").badly(1);
    insta::assert_snapshot!(message, @r"r: the run is finished; there is nothing to go on with; `adieu report` shows it, another recipe or seed makes another run");
}

#[test]
fn keys_are_set_on_the_command_line_and_what_is_wrong_with_them_is_told() {
    let desk = Desk::new();
    desk.recipe("r.toml", "epochs = 3", BP);
    let set = "--set train.epochs=1 --set learner.optimizer.kind=adam_w --set learner.optimizer.rate=2e-3";
    desk.adieu(&format!("train r.toml --out r {set}")).well();
    let recipe = desk.text("r/recipe.toml");
    for part in ["epochs = 1\n", "kind = \"adam_w\"", "rate = 0.002"] {
        assert!(recipe.contains(part), "no `{part}` in {recipe}");
    }
    let message = desk.adieu("train r.toml --out d --set train.epoch=2 --set train.batch=0").badly(2);
    insta::assert_snapshot!(message, @r"
    r.toml, with what --set says: 2 faults in the recipe
      r.toml, with what --set says: train.batch: 0 is too small, the least is 1
          wanted an integer from 1 to 1000000, for example `batch = 100`
      r.toml, with what --set says: train.epoch: unknown key `epoch`
          did you mean `epochs`? valid keys here: `batch`, `checkpoint_every`, `epochs`, `log_every`, `probe_rows`
    ");
    let message = desk.adieu("train r.toml --out d --set train=2 --set model.blocks=[[12],[-1]]").badly(2);
    insta::assert_snapshot!(message, @r"
    r.toml, with what --set says: 2 faults in the recipe
      r.toml, with what --set says: train: found an integer, 2
          wanted a table with keys among `batch`, `checkpoint_every`, `epochs`, `log_every`, `probe_rows`, for example `train = { batch = 100 }`
      r.toml, with what --set says: model.blocks[1][0]: -1 is too small, the least is 0
          wanted an integer of at least 0, or a table with a `kind`, one of `label_channel`, `local`, `convolution`, `max_pool`, `average_pool`, `global_pool`, `group_norm`, `layer_norm`, `rms_norm`, `batch_norm`, `dropout`, `triangle`, `residual`, `patches`, `per_token`, `attention`, `transformer`, for example `1`
    ");
    let message = desk.adieu("train r.toml --out d --set train.batch=100000").badly(2);
    insta::assert_snapshot!(message, @r"
    r.toml, with what --set says: 1 fault in the recipe
      r.toml, with what --set says: train.batch: 100000 rows asked, 120 there are
          make it smaller
    ");
    let said = desk.adieu("train r.toml --out d --set train.epochs");
    assert!(said.code == Some(2) && said.err.contains("write KEY=VALUE"), "{said:?}");
    let message = desk.adieu("profile r --set train.epochs=2").badly(2);
    assert!(message.contains("leave --set out"), "{message}");
    assert!(!desk.has("d"));
}

#[test]
fn progress_is_one_line_an_epoch_where_nobody_sees_it_redrawn_and_none_if_quiet() {
    let desk = Desk::new();
    desk.recipe("bp.toml", "epochs = 3", BP);
    let said = desk.adieu("train bp.toml --out r");
    let epochs: Vec<&str> = said.err.lines().filter(|line| line.contains(": epoch ")).collect();
    assert_eq!(epochs.len(), 3, "{}", said.err);
    assert!(
        epochs[0].starts_with("back_prop, seed 3: epoch 1 of 3, ") && epochs[0].contains(" left"),
        "{}",
        said.err
    );
    assert!(epochs[1].contains(" of 60 test rows wrong, loss 0."), "{}", said.err);
    assert!(
        said.err.contains("judging all 60 test rows") && said.err.contains("reading recipe and data"),
        "{}",
        said.err
    );
    assert_eq!(desk.adieu("train bp.toml --out quiet --quiet").err, "");
}

/// A run that is interrupted and resumed has the weights of one that never was.
fn interrupted_and_whole_agree(learner: &str) {
    let desk = Desk::new();
    desk.recipe("long.toml", LONG, learner);
    let started = desk.start_until("train long.toml --out r", "epoch 3 of 1000");
    started.signal("INT");
    let said = started.wait();
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.err.contains("the step is finished and saved first"), "{}", said.err);
    assert!(
        said.err.ends_with("adieu: r: interrupted, and saved; go on with `adieu resume r`\n"),
        "{}",
        said.err
    );
    let before = desk.checkpoint("r");
    assert!(!before.ends_with("checkpoint-12000.safetensors"), "it ended before it was interrupted");
    assert_eq!(desk.adieu("lint r").well(), "2 files: nothing found\n");
    desk.adieu("resume r").well();
    desk.adieu("train long.toml --out whole").well();
    let [a, b] = ["r", "whole"].map(|run| tensors(&desk.checkpoint(run)));
    assert!(a == b, "the resumed run went another way");
    assert_eq!(desk.adieu("lint r").well(), "2 files: nothing found\n");
}

#[test]
fn forward_forward_resumes_bit_for_bit_after_ctrl_c() {
    interrupted_and_whole_agree(FF);
}

#[test]
fn back_propagation_resumes_bit_for_bit_after_ctrl_c() {
    interrupted_and_whole_agree(BP);
}

#[test]
fn a_killed_run_lints_with_a_warning_and_resumes() {
    let desk = Desk::new();
    desk.recipe("long.toml", "epochs = 400\nprobe_rows = 0\ncheckpoint_every = 2", BP);
    let started = desk.start_until("train long.toml --out r", "epoch 5 of 400");
    started.signal("KILL");
    assert_eq!(started.wait().code, None, "killed by a signal");
    let out = desk.adieu("lint r").well();
    assert!(out.contains(": warning (end): cut off"), "{out}");
    desk.adieu("resume r").well();
    desk.adieu("train long.toml --out whole").well();
    let [a, b] = ["r", "whole"].map(|run| tensors(&desk.checkpoint(run)));
    assert!(a == b, "the resumed run went another way");
    assert_eq!(desk.adieu("lint r").well(), "2 files: nothing found\n");
}

#[test]
fn a_run_killed_before_its_first_checkpoint_begins_again() {
    let desk = Desk::new();
    desk.recipe("long.toml", LONG, BP);
    let started = desk.start_until("train long.toml --out r", "epoch 2 of 1000");
    started.signal("KILL");
    started.wait();
    desk.adieu("resume r").well();
    assert_eq!(desk.adieu("lint r").well(), "2 files: nothing found\n");
}

#[test]
fn a_run_killed_before_its_first_event_does_not_block_its_folder() {
    let desk = Desk::new();
    desk.recipe("bp.toml", "epochs = 1", BP);
    desk.adieu("train bp.toml --out r").well();
    std::fs::remove_file(desk.at("r/events.jsonl")).unwrap();
    std::fs::remove_file(desk.checkpoint("r")).unwrap();
    desk.adieu("train bp.toml --out r").well();
}

#[test]
fn a_run_resumes_from_another_folder_than_it_was_begun_in() {
    let desk = Desk::new();
    desk.recipe("long.toml", LONG, BP);
    let started = desk.start_until("train long.toml --out r", "epoch 2 of 1000");
    started.signal("INT");
    started.wait();
    assert_eq!(
        desk.sh("cd r && adieu resume . --quiet").code,
        Some(0),
        "its data was named relative to here"
    );
}

#[test]
fn a_diverging_run_is_recorded_reported_and_ends_with_1() {
    let desk = Desk::new();
    let learner = format!("{BP}\noptimizer = {{ kind = \"sgd\", rate = 1e6, decay = 1.0 }}");
    desk.recipe("bad.toml", "epochs = 50", &learner);
    let said = desk.adieu("train bad.toml --out r");
    assert!(said.out.contains("diverged at step"), "the table says so: {}", said.out);
    let message = said.badly(1);
    assert!(
        message.starts_with("r: diverged at step ")
            && message.ends_with("lower the learning rate and train again"),
        "{message}"
    );
    assert!(desk.text("r/events.jsonl").lines().last().unwrap().contains("\"kind\":\"diverged\""));
    assert!(desk.has("r/report.html"));
    assert_eq!(desk.adieu("lint r").well(), "2 files: nothing found\n");
    let message = desk.adieu("resume r").badly(1);
    assert!(message.contains("the run diverged, and would again"), "{message}");
}

#[test]
fn a_damaged_checkpoint_is_passed_over_or_named() {
    let desk = Desk::new();
    desk.recipe("long.toml", LONG, BP);
    let started = desk.start_until("train long.toml --out r", "epoch 2 of 1000");
    started.signal("INT");
    started.wait();
    let checkpoint = desk.checkpoint("r");
    std::fs::write(&checkpoint, b"torn").unwrap();
    let message = desk.adieu("resume r").badly(1);
    assert!(message.contains("the file is damaged or no checkpoint"), "{message}");
    assert!(message.starts_with("r/checkpoint-") && message.contains("; delete it"), "{message}");
}

#[test]
fn bad_rows_stop_a_run_or_are_counted_in_its_record() {
    let desk = Desk::bare();
    let mut table = String::from("a,b,label\n");
    for row in 0..60 {
        let sign = if row % 2 == 0 { 1 } else { -1 };
        table += &format!("{},{},{}\n", sign * (row + 1), row % 7, ["yes", "no"][row as usize % 2]);
    }
    table += "1,,yes\n";
    desk.write("t.csv", table.as_bytes());
    let recipe = |on_bad: &str| {
        format!(
            "[data]\nkind = \"csv\"\ndir = \"t.csv\"\non_bad = \"{on_bad}\"\n[train]\nepochs = 2\nbatch = 4\n\
             [model]\nblocks = [[4]]\n[learner]\nkind = \"back_prop\"\n"
        )
    };
    desk.write("fail.toml", recipe("fail").as_bytes());
    desk.write("skip.toml", recipe("skip").as_bytes());
    let said = desk.adieu("train fail.toml --out f").badly(1);
    assert!(said.contains("t.csv") && said.contains("62"), "file and line: {said}");
    let said = desk.adieu("train skip.toml --out r");
    assert_eq!(said.err.matches("bad rows were left out").count(), 1, "{said:?}");
    said.well();
    assert!(desk.text("r/events.jsonl").contains("1 bad rows were left out"), "in the record too");
    desk.adieu("lint r").well();
}
