//! What a step and an answer cost, as it is told.

#![allow(clippy::unwrap_used)] // a test that cannot go on shall panic

mod support;

use serde_json::Value;
use support::Desk;

fn desk() -> Desk {
    let desk = Desk::new();
    desk.recipe("ff.toml", "epochs = 2", "kind = \"forward_forward\"");
    desk
}

fn near(a: f64, b: f64, share: f64) -> bool {
    (a - b).abs() <= share * b.abs()
}

#[test]
fn a_recipe_s_step_and_answers_add_up() {
    let desk = desk();
    let said = desk.adieu("profile ff.toml --seconds 1 --batch 1,4 --steps 3000 --json").json();
    assert_eq!((&said["learner"], &said["step"]), (&"forward_forward".into(), &0.into()));
    let training = &said["training"];
    let phases = training["phases"].as_array().unwrap();
    let accounted: f64 = phases.iter().map(|phase| phase["time_ns"].as_f64().unwrap() * 1e-9).sum();
    let (seconds, unaccounted) =
        (training["seconds"].as_f64().unwrap(), training["unaccounted_s"].as_f64().unwrap());
    assert!(near(accounted + unaccounted, seconds, 1e-6), "{accounted} + {unaccounted}, not {seconds}");
    // two slices of time that other programs took between phases are nobody's fault here; any phase is longer
    assert!(unaccounted < 0.01 * seconds + 0.008, "{unaccounted} of {seconds}");
    assert!(seconds > 0.05, "{seconds}: too short to tell");
    assert!(training["macs"].as_u64().unwrap() > 0 && training["peak_bytes"].as_u64().unwrap() > 0);
    let named = |name: &str| phases.iter().any(|phase| phase["phase"] == name);
    assert!(["stall", "negatives", "forward", "credit", "update", "readout"].iter().all(|name| named(name)));
    let inference = said["inference"].as_array().unwrap();
    let each: Vec<(&str, u64)> = inference
        .iter()
        .map(|one| (one["readout"].as_str().unwrap(), one["rows"].as_u64().unwrap()))
        .collect();
    assert_eq!(each, [("goodness", 1), ("goodness", 4), ("head", 1), ("head", 4)]);
    for one in inference {
        let number = |key: &str| one[key].as_f64().unwrap();
        let (rows, calls) = (number("rows"), number("calls"));
        assert!(number("p50_s") > 0.0 && number("p50_s") <= number("p95_s"), "{one}");
        assert!(number("p95_s") <= number("p99_s"), "{one}");
        // The loop is at least a second long, and nothing but calls.
        assert!(rows * calls / number("rows_per_s") >= 0.99, "{one}");
        assert!(one["peak_bytes"].as_u64().unwrap() > 0, "{one}");
        assert!(["measured", "unavailable"].contains(&one["energy"]["gross"]["kind"].as_str().unwrap()));
    }
}

#[test]
fn a_run_is_profiled_where_it_stands_and_left_as_it_is() {
    let desk = desk();
    desk.adieu("train ff.toml --out r --quiet").well();
    let before = (desk.tree("r"), desk.read("r/events.jsonl"));
    let said = desk.adieu("profile r --seconds 1 --batch 2 --steps 3 --json").json();
    let record = desk.text("r/events.jsonl");
    let last: Value = serde_json::from_str(record.lines().last().unwrap()).unwrap();
    assert_eq!(said["step"], last["steps"]);
    assert_eq!((desk.tree("r"), desk.read("r/events.jsonl")), before);
    let out = desk.adieu("profile r --seconds 1 --batch 2 --steps 3").well();
    assert!(out.contains("a training step of ") && out.contains("an answer\n"), "{out}");
    assert!(out.contains("one row by `") || out.contains("  goodness     2"), "{out}");
    let message = desk.adieu("profile nonesuch.toml").badly(1);
    assert!(message.starts_with("nonesuch.toml: cannot read the recipe"), "{message}");
    let message = desk.adieu("profile tiny").badly(1);
    assert!(message.starts_with("tiny: "), "{message}");
}

#[test]
fn growth_is_told_of_every_axis_and_learner() {
    let desk = Desk::bare();
    let args = "bench scaling --depths 2,3,4 --widths 8 --batches 4,8,16 --turns 2 --steps 1";
    let said = desk.adieu(&format!("{args} --json")).json();
    assert_eq!(said["points"].as_array().unwrap().len(), (3 + 1 + 3) * 5);
    let growth = said["growth"].as_array().unwrap();
    // One width shows no growth; two axes of five ways to learn and four quantities do.
    assert_eq!(growth.len(), 2 * 5 * 4);
    let of = |axis: &str, learner: &str, quantity: &str| {
        let it =
            growth.iter().find(|g| g["axis"] == axis && g["learner"] == learner && g["quantity"] == quantity);
        it.unwrap()["exponent"]["slope"].as_f64().unwrap()
    };
    assert!(near(of("batch", "back_prop", "kept_bytes"), 1.0, 1e-9));
    assert!(of("depth", "forward_forward, no head", "step_bytes").abs() < 1e-9);
    let out = desk.adieu(&format!("{args} --out grown")).well();
    assert!(out.contains("Report: grown/scaling.html"), "{out}");
    let numbers: Value = serde_json::from_str(&desk.text("grown/scaling.json")).unwrap();
    assert_eq!(numbers["growth"].as_array().unwrap().len(), growth.len());
    let page = desk.text("grown/scaling.html");
    assert!(page.contains("back_prop, checkpointing: slope") && page.contains("--batches 4,8,16"));
    assert!(out.contains("\nhow it grows: ") && out.contains("depth 3   back_prop"), "{out}");
}
