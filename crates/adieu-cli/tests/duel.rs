//! The duel, from the first command to the report.

#![allow(clippy::unwrap_used)] // clippy knows tests by their attribute, and this has helpers too

mod support;

use serde_json::Value;
use support::Desk;

const DUEL: &str = "duel --data-dir tiny --hidden 12,12 --epochs 2";

fn learners(said: &Value) -> Vec<(String, u64)> {
    let run = |run: &Value| (run["learner"].as_str().unwrap().to_string(), run["seed"].as_u64().unwrap());
    said["runs"].as_array().unwrap().iter().map(run).collect()
}

#[test]
fn a_duel_ends_with_two_runs_a_verdict_and_a_report() {
    let desk = Desk::new();
    let out = desk.adieu(&format!("{DUEL} --out d")).well();
    for part in ["Forward-Forward", "Back-propagation", "On this evidence", "Report: d/report.html"] {
        assert!(out.contains(part), "no `{part}` in {out}");
    }
    let page = desk.text("d/report.html");
    assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>"));
    for outside in ["<script", "<link", "<iframe", "@import", "url(", "src=\"http", "href=\"http"] {
        assert!(!page.contains(outside), "the page needs something else: {outside}");
    }
    let numbers: Value = serde_json::from_slice(&desk.read("d/report.json")).unwrap();
    assert_eq!(numbers["summary"]["runs"].as_array().unwrap().len(), 2);
    assert_eq!(desk.adieu("lint d").well(), "4 files: nothing found\n");
    let leftovers: Vec<String> = desk.tree("d").into_iter().filter(|path| path.ends_with(".tmp")).collect();
    assert_eq!(leftovers, [""; 0]);
}

#[test]
fn json_is_one_object_with_both_learners_and_their_costs() {
    let desk = Desk::new();
    let said = desk.adieu("duel --data-dir tiny --hidden 12,12 --epochs 60 --out d --json").json();
    assert_eq!(learners(&said), [("forward_forward".into(), 1), ("back_prop".into(), 1)]);
    assert_eq!(said["report"], "d/report.html");
    for run in said["runs"].as_array().unwrap() {
        let number = |key: &str| run[key].as_f64().unwrap_or_else(|| panic!("no {key} in {run}"));
        assert!((0.0..=1.0).contains(&number("test_error")), "{run}");
        let errors =
            run["errors_by_readout"].as_array().unwrap().iter().map(|e| e["error"].as_f64().unwrap());
        assert!(errors.fold(1.0, f64::min) < 0.1, "one read-out at least has learnt: {run}");
        for key in
            ["train_seconds", "peak_alloc_bytes", "saved_peak_bytes", "macs", "wall_seconds", "cpu_seconds"]
        {
            assert!(number(key) > 0.0, "{key}: {run}");
        }
        assert_eq!(number("test_rows"), 60.0);
    }
}

#[test]
fn several_seeds_give_a_paired_interval() {
    let desk = Desk::new();
    let said = desk.adieu(&format!("{DUEL} --out d --seeds 3 --seed 5 --json")).json();
    let expected =
        ["forward_forward", "back_prop"].map(|l| [5, 6, 7].map(|seed| (l.to_string(), seed))).concat();
    assert_eq!(learners(&said), expected);
    let difference = &said["comparisons"][0]["test_error_difference"];
    assert_eq!(difference["n"], 3);
    assert!(difference["interval"]["lo"].as_f64() <= difference["interval"]["hi"].as_f64(), "{difference}");
    assert!(difference["interval"]["lo"].is_number(), "{difference}");
}

#[test]
fn a_duel_is_repeated_exactly() {
    let desk = Desk::new();
    desk.adieu(&format!("{DUEL} --out a")).well();
    desk.adieu(&format!("{DUEL} --out b")).well();
    for run in ["forward_forward/seed-1", "back_prop/seed-1"] {
        let [a, b] = ["a", "b"].map(|duel| support::tensors(&desk.checkpoint(&format!("{duel}/{run}"))));
        assert!(a == b, "{run}");
    }
}

#[test]
fn a_duel_that_lies_there_goes_on_and_may_get_more_seeds() {
    let desk = Desk::new();
    desk.adieu(&format!("{DUEL} --out d")).well();
    let before = desk.read("d/forward_forward/seed-1/events.jsonl");
    desk.adieu("duel --out d").well();
    assert_eq!(desk.read("d/forward_forward/seed-1/events.jsonl"), before, "what is finished is kept");
    let said = desk.adieu("duel --out d --seeds 2 --json").json();
    assert_eq!(learners(&said).len(), 4);
    assert_eq!(desk.read("d/forward_forward/seed-1/events.jsonl"), before);
    std::fs::remove_dir_all(desk.at("d/back_prop/seed-2")).unwrap();
    assert_eq!(learners(&desk.adieu("resume d --json").json()).len(), 4, "what is not there is done");
}

#[test]
fn a_duel_with_other_options_is_not_mixed_into_the_one_that_lies_there() {
    let desk = Desk::new();
    desk.adieu(&format!("{DUEL} --out d")).well();
    let message = desk.adieu("duel --out d --epochs 3 --hidden 9").badly(2);
    insta::assert_snapshot!(message, @r"d: a duel with another --epochs and --hidden lies there; choose another --out, or go on with that one by `adieu resume d`");
    let message = desk.adieu("duel --out d --seeds 1 --seed 9").badly(2);
    assert!(message.contains("another --seed lies there"), "{message}");
}

#[test]
fn an_interrupted_duel_goes_on_where_it_stood() {
    let desk = Desk::new();
    let long = "duel --data-dir tiny --hidden 12,12 --epochs 120";
    let started = desk.start_until(&format!("{long} --out d"), "epoch 3 of 120");
    started.signal("INT");
    let said = started.wait();
    assert_eq!(said.out, "", "no result yet");
    let message = said.err.lines().last().unwrap().to_string();
    insta::assert_snapshot!(message, @r"adieu: d/forward_forward/seed-1: interrupted, and saved; go on with `adieu resume d`");
    assert_eq!(said.code, Some(1), "{message}");
    assert_eq!(learners(&desk.adieu("resume d --json").json()).len(), 2);
    desk.adieu("lint d").well();
    desk.adieu(&format!("{long} --out whole")).well();
    for run in ["forward_forward/seed-1", "back_prop/seed-1"] {
        let [a, b] = ["d", "whole"].map(|duel| support::tensors(&desk.checkpoint(&format!("{duel}/{run}"))));
        assert!(a == b, "{run} is not that of the uninterrupted duel");
    }
}

#[test]
fn without_out_a_duel_lies_below_runs() {
    let desk = Desk::new();
    desk.adieu(DUEL).well();
    let made = desk.tree("runs").into_iter().find(|path| path.ends_with("duel.json")).unwrap();
    let folder = made.strip_prefix("runs/duel-").unwrap().strip_suffix("/duel.json").unwrap();
    let (date, time) = folder.split_once('-').unwrap();
    assert!(date.len() == 8 && time.len() == 6, "{made}");
}
