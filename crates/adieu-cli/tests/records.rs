//! Records as others read them: the dashboard's picture, tables, TensorBoard, the log of MLCommons.

#![allow(clippy::unwrap_used)] // a test that cannot go on shall panic

mod support;

use std::fs;
use std::process::Command;

use serde_json::Value;
use support::Desk;

fn desk() -> Desk {
    let desk = Desk::new();
    desk.recipe("ff.toml", "epochs = 3\nprobe_rows = 30", "kind = \"forward_forward\"");
    desk.adieu("train ff.toml --out run").well();
    desk
}

#[test]
fn a_picture_of_a_run_shows_what_the_record_holds() {
    let desk = desk();
    let picture = desk.adieu("watch run --once --size 110x36").well();
    for word in [
        "finished.",
        "epoch 3.0 of 3",
        "test, goodness",
        "forward",
        "[evaluation]",
        "allocated, peak",
        "processor time",
    ] {
        assert!(picture.contains(word), "{word} in\n{picture}");
    }
    assert!(!picture.contains("0 J") && !picture.contains("0 W"), "{picture}");
    assert!(picture.lines().all(|line| line.chars().count() <= 110));
    // Narrow ones too, and a run that has only begun.
    desk.adieu("watch run --once --size 40x15").well();
    let events = fs::read_to_string(desk.at("run/events.jsonl")).unwrap();
    fs::write(desk.at("run/events.jsonl"), format!("{}\n", events.lines().next().unwrap())).unwrap();
    let picture = desk.adieu("watch run --once").well();
    assert!(picture.contains("running.") && picture.contains("no rows were judged yet"), "{picture}");
    assert!(desk.adieu("watch run").badly(2).contains("--once"), "there is no terminal here");
    assert!(desk.adieu("watch nonesuch --once").badly(1).contains("nonesuch"));
    assert_eq!(desk.adieu("watch run --once --size 9x9").code, Some(2));
}

#[test]
fn tables_hold_every_number_and_no_false_zero() {
    let desk = desk();
    let csv = desk.adieu("export run --as csv").well();
    let lines: Vec<Vec<&str>> = csv.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(lines[0].len(), 10);
    let column = |name: &str| lines[0].iter().position(|head| *head == name).unwrap();
    let numbers: Vec<Value> = serde_json::from_str(&desk.adieu("export run --as json").well()).unwrap();
    assert_eq!(numbers.len(), lines.len() - 1);
    let errors = numbers.iter().filter(|n| n["name"] == "error").count();
    assert!(errors >= 6, "two read-outs after each of three epochs: {errors}");
    for number in &numbers {
        let absent = number["kind"] == "unavailable";
        assert_eq!(absent, number["value"].is_null(), "{number}");
        assert!(!absent || number["source"].as_str().is_some_and(|why| !why.is_empty()), "{number}");
    }
    assert!(lines[1..].iter().any(|line| line[column("name")] == "loss" && line[column("layer")] == "0"));
}

/// The frames' lengths lead from one to the next and end with the file; the check sums are tested beside their code.
#[test]
fn a_tensorboard_file_is_whole() {
    let desk = desk();
    desk.adieu("export run --as tensorboard").well();
    let bytes = fs::read(desk.at("run/events.out.tfevents.0.adieu")).unwrap();
    let (mut at, mut frames) = (0, 0);
    while at < bytes.len() {
        let length = u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap()) as usize;
        at += 8 + 4 + length + 4;
        frames += 1;
    }
    assert!(at == bytes.len() && frames > 50, "{frames} frames");
    assert!(bytes.windows(13).any(|some| some == b"brain.Event:2"));
    let named = desk.adieu("export run --as tensorboard --out curves.bin").badly(2);
    assert!(named.contains("tfevents"), "{named}");
}

/// What TensorBoard's own reader finds in a file: a line a value, of tag, step and value.
const READER: &str = "
import sys
from tensorboard.backend.event_processing import event_file_loader
for event in event_file_loader.EventFileLoader(sys.argv[1]).Load():
    for value in event.summary.value:
        number = value.tensor.float_val[0] if value.HasField('tensor') else value.simple_value
        print(value.tag, event.step, repr(number), sep='\\t')
";

/// By TensorBoard's own reader where it is installed: `ADIEU_TEST_TENSORBOARD=python3`, the Python that has `tensorboard`.
#[test]
fn tensorboard_itself_reads_every_number() {
    let Some(python) = std::env::var_os("ADIEU_TEST_TENSORBOARD") else {
        eprintln!(
            "not read by TensorBoard itself: ADIEU_TEST_TENSORBOARD names no Python that has tensorboard"
        );
        return;
    };
    let desk = desk();
    desk.adieu("export run --as tensorboard").well();
    let file = desk.at("run/events.out.tfevents.0.adieu");
    let said = Command::new(&python).args(["-c", READER]).arg(&file).output().unwrap();
    let out = String::from_utf8(said.stdout).unwrap();
    assert!(said.status.success(), "{out}{}", String::from_utf8_lossy(&said.stderr));
    let read = |line: &str| -> (String, u64, f32) {
        let cells: Vec<&str> = line.split('\t').collect();
        (cells[0].to_string(), cells[1].parse().unwrap(), cells[2].parse::<f64>().unwrap() as f32)
    };
    let found: Vec<(String, u64, f32)> = out.lines().map(read).collect();
    let numbers: Vec<Value> = serde_json::from_str(&desk.adieu("export run --as json").well()).unwrap();
    let text = |n: &Value, key: &str| n[key].as_str().map(str::to_string);
    let written: Vec<(String, u64, f32)> = numbers
        .iter()
        .filter(|n| !n["value"].is_null())
        .map(|n| {
            let layer = n["layer"].as_u64().map(|layer| format!("layer-{}", layer + 1));
            let estimated = (n["kind"] == "estimated").then(|| "estimated".to_string());
            let tag = [text(n, "split"), text(n, "name"), text(n, "part"), layer, estimated];
            let tag: Vec<String> = tag.into_iter().flatten().collect();
            (tag.join("/"), n["step"].as_u64().unwrap(), n["value"].as_f64().unwrap() as f32)
        })
        .collect();
    assert!(found.len() > 50, "{found:?}");
    assert_eq!(found, written);
}

/// By MLCommons' own checker where it is installed: `ADIEU_TEST_MLLOG=python3`, the Python that has `mlperf_logging`.
#[test]
fn a_log_passes_the_checker_of_mlcommons() {
    let desk = desk();
    desk.adieu("export run --as mllog --out run.log").well();
    let log = fs::read_to_string(desk.at("run.log")).unwrap();
    let keys: Vec<String> = log
        .lines()
        .map(|line| serde_json::from_str::<Value>(line.strip_prefix(":::MLLOG ").unwrap()).unwrap())
        .map(|line| line["key"].as_str().unwrap().to_string())
        .collect();
    let first = |key: &str| keys.iter().position(|k| k == key).unwrap_or_else(|| panic!("{key} in {keys:?}"));
    let order = [
        "init_start",
        "init_stop",
        "run_start",
        "epoch_start",
        "epoch_stop",
        "eval_start",
        "eval_accuracy",
        "eval_stop",
        "run_stop",
    ];
    assert!(order.windows(2).all(|pair| first(pair[0]) < first(pair[1])), "{keys:?}");
    let count = |key: &str| keys.iter().filter(|k| *k == key).count();
    assert_eq!([count("epoch_start"), count("epoch_stop"), count("run_stop")], [3, 3, 1]);
    let Some(python) = std::env::var_os("ADIEU_TEST_MLLOG") else {
        eprintln!(
            "not checked by MLCommons' checker: ADIEU_TEST_MLLOG names no Python that has mlperf_logging"
        );
        return;
    };
    let rules = concat!(env!("CARGO_MANIFEST_DIR"), "/../../reference/mllog/adieu.yaml");
    let check = |log: &str| {
        let checker =
            ["-m", "mlperf_logging.compliance_checker", "--ruleset", "6.0.0", "--config", rules, log];
        let said = Command::new(&python).args(checker).current_dir(desk.at("")).output().unwrap();
        format!("{}{}", String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr))
    };
    let said = check("run.log");
    assert!(said.contains("SUCCESS"), "{said}");
    let without: Vec<&str> = log.lines().filter(|line| !line.contains("\"eval_accuracy\"")).collect();
    fs::write(desk.at("bad.log"), without.join("\n") + "\n").unwrap();
    let said = check("bad.log");
    assert!(!said.contains("SUCCESS"), "{said}");
}
