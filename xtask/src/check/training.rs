//! A real training of about 30 seconds with the built binary, and the lint of the record it leaves.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;

use super::{Counts, say};
use crate::tidy::repository;

const RECIPE: &str = "recipes/ci-ff-mnist.toml";

/// The accuracy on the test images, in [0, 1], that every run of the recipe must reach.
const STATED_ACCURACY: f64 = 0.94;

/// The error on the held-out images that the better read-out must stay below after the recipe's five epochs. A port of
/// the algorithm that misses it is wrong somewhere.
const HELD_OUT_ERROR: f64 = 0.045;

pub(super) const COMMAND_LINE: &str = "adieu train recipes/ci-ff-mnist.toml --out DIR --json; adieu lint RUN";

/// Trains the recipe, checks its accuracy and lints its record: two counts, the training and the lint.
///
/// # Errors
/// What failed: building, training, an accuracy below the stated one, or the lint.
pub(super) fn real_training() -> Result<Counts, String> {
    let binary = built_binary()?;
    let folder = Folder::create().map_err(|e| format!("no temporary folder: {e}"))?;

    let trained = succeed(Command::new(&binary).args(["train", RECIPE, "--json", "--out"]).arg(&folder.0))?;
    let text = String::from_utf8_lossy(&trained.stdout).into_owned();
    let last = text.lines().last().ok_or("`adieu train --json` printed nothing")?;
    for line in reached(last, STATED_ACCURACY)? {
        say(&line);
    }

    let runs = run_folders(&folder.0).map_err(|e| format!("{}: {e}", folder.0.display()))?;
    if runs.is_empty() {
        return Err(format!("`adieu train` left no events.jsonl under {}", folder.0.display()));
    }
    for run in &runs {
        succeed(Command::new(&binary).arg("lint").arg(run))?;
        let record =
            fs::read_to_string(run.join("events.jsonl")).map_err(|e| format!("{}: {e}", run.display()))?;
        say(&as_published(&record)?);
    }
    say(&format!("the record of {} run(s) is clean", runs.len()));
    Ok(Counts { passed: 2, failed: 0 })
}

/// The path of the binary of the dev profile. The tests drive it, so the stage before has just built it; building it
/// by name would select other features of the dependencies and compile most of them again.
fn built_binary() -> Result<PathBuf, String> {
    let metadata = repository::metadata()?;
    let target = metadata["target_directory"].as_str().ok_or("cargo metadata names no target directory")?;
    let binary = Path::new(target).join("debug").join(format!("adieu{}", std::env::consts::EXE_SUFFIX));
    if binary.is_file() {
        return Ok(binary);
    }
    Err(format!("{}: the tests did not build it; run `cargo test --workspace` first", binary.display()))
}

/// The output of a command at the root of the repository.
///
/// # Errors
/// A command that does not start or does not succeed, with what it printed.
fn succeed(command: &mut Command) -> Result<Output, String> {
    let line = format!("{command:?}");
    let output = command
        .current_dir(repository::root())
        .output()
        .map_err(|e| format!("{line} does not start: {e}"))?;
    if output.status.success() {
        return Ok(output);
    }
    let printed = [output.stdout, output.stderr].concat();
    Err(format!("{line}: {}\n{}", output.status, String::from_utf8_lossy(&printed)))
}

/// One line a run of the outcome that `adieu train --json` printed.
///
/// # Errors
/// Not the promised JSON, no run at all, or a run whose accuracy is below the stated one.
fn reached(outcome: &str, stated: f64) -> Result<Vec<String>, String> {
    let value: Value =
        serde_json::from_str(outcome).map_err(|e| format!("the last line is not JSON ({e}): {outcome}"))?;
    let runs = value["runs"].as_array().filter(|runs| !runs.is_empty());
    let runs = runs.ok_or_else(|| format!("`runs` is missing or empty in {outcome}"))?;
    let mut lines = Vec::new();
    for run in runs {
        let learner = run["learner"].as_str().ok_or_else(|| format!("`learner` is missing in {run}"))?;
        let error = run["test_error"].as_f64().filter(|error| (0.0..=1.0).contains(error));
        let error = error.ok_or_else(|| format!("`test_error` is missing or not in [0, 1] in {run}"))?;
        let line = format!("{learner}: accuracy {:.4}, stated {stated:.4}", 1.0 - error);
        if 1.0 - error < stated {
            return Err(format!("{line}: below it"));
        }
        lines.push(line);
    }
    Ok(lines)
}

/// Whether a record of Forward-Forward's first epochs looks as the published algorithm's does: the held-out error of the
/// better read-out, and pairwise errors that fall in every layer. One line that says so.
///
/// # Errors
/// What does not.
fn as_published(record: &str) -> Result<String, String> {
    let events: Vec<Value> = record.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let held_out = events
        .iter()
        .filter(|e| e["event"] == "evaluated" && e["split"] == "validation" && e["last"] == true);
    let better = held_out.filter_map(|e| e["error"].as_f64()).fold(f64::INFINITY, f64::min);
    if better.is_nan() || better >= HELD_OUT_ERROR {
        return Err(format!("held-out error {better} of the better read-out is not below {HELD_OUT_ERROR}"));
    }
    let windows = || events.iter().filter(|e| e["event"] == "step");
    let last_epoch = windows().filter_map(|e| e["epoch"].as_u64()).max().unwrap_or(0);
    let mut told = Vec::new();
    for layer in 0.. {
        let errors =
            |epoch: u64| mean(windows().filter(|e| e["epoch"] == epoch).filter_map(|e| pairwise(e, layer)));
        let (Some(first), Some(last)) = (errors(1), errors(last_epoch)) else { break };
        if last >= first {
            return Err(format!(
                "pairwise errors of layer {} did not fall: {first:.4}, then {last:.4}",
                layer + 1
            ));
        }
        told.push(format!("{first:.3} to {last:.3}"));
    }
    if told.is_empty() {
        return Err("the record tells no pairwise errors".into());
    }
    Ok(format!("held-out error {better:.4}; pairwise errors by layer: {}", told.join(", ")))
}

fn pairwise(step: &Value, layer: u64) -> Option<f64> {
    let scalars = step["scalars"].as_array()?;
    scalars.iter().find(|s| s["name"] == "pairwise_errors" && s["layer"] == layer)?["value"].as_f64()
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let values: Vec<f64> = values.collect();
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// The folders at or under `folder` that hold an `events.jsonl`.
fn run_folders(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    if folder.join("events.jsonl").is_file() {
        found.push(folder.to_path_buf());
    }
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            found.extend(run_folders(&entry.path())?);
        }
    }
    Ok(found)
}

/// A temporary folder of this process, removed with its contents when dropped.
struct Folder(PathBuf);

impl Folder {
    fn create() -> io::Result<Folder> {
        let path = std::env::temp_dir().join(format!("adieu-check-{}", std::process::id()));
        fs::create_dir_all(&path)?;
        Ok(Folder(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A folder left behind in the temporary directory harms nobody.
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stated_accuracy_is_demanded_of_every_run() {
        let good = r#"{"runs":[{"learner":"forward_forward","test_error":0.05},{"learner":"back_prop","test_error":0.1}]}"#;
        assert_eq!(
            reached(good, 0.9).unwrap(),
            ["forward_forward: accuracy 0.9500, stated 0.9000", "back_prop: accuracy 0.9000, stated 0.9000"]
        );
        assert_eq!(reached(good, 0.92).unwrap_err(), "back_prop: accuracy 0.9000, stated 0.9200: below it");
        for bad in [
            "Done.",
            "{}",
            r#"{"runs":[]}"#,
            r#"{"runs":[{"learner":"forward_forward"}]}"#,
            r#"{"runs":[{"test_error":0.01}]}"#,
            r#"{"runs":[{"learner":"forward_forward","test_error":5.0}]}"#,
            r#"{"runs":[{"learner":"forward_forward","test_error":null}]}"#,
        ] {
            assert!(reached(bad, 0.0).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_record_unlike_the_published_one_is_told_apart() {
        let record = |error: f64, last_pairwise: f64| {
            let step = |epoch: u64, value: f64| {
                format!(
                    r#"{{"event":"step","epoch":{epoch},"scalars":[{{"name":"pairwise_errors","layer":0,"value":{value}}}]}}"#
                )
            };
            let judged = |readout: &str, error: f64| {
                format!(
                    r#"{{"event":"evaluated","split":"validation","last":true,"readout":"{readout}","error":{error}}}"#
                )
            };
            [step(1, 0.1), step(5, last_pairwise), judged("goodness", 0.9), judged("head", error)].join("\n")
        };
        assert!(as_published(&record(0.03, 0.05)).unwrap().contains("0.100 to 0.050"));
        assert!(as_published(&record(0.045, 0.05)).unwrap_err().contains("held-out"));
        assert!(as_published(&record(0.03, 0.1)).unwrap_err().contains("layer 1 did not fall"));
        assert!(as_published("").is_err());
    }

    #[test]
    fn runs_are_found_wherever_they_lie_and_the_folder_goes() {
        let folder = Folder::create().unwrap();
        let path = folder.0.clone();
        for run in ["b/run-1", "b/run-2/deep", "empty"] {
            fs::create_dir_all(path.join(run)).unwrap();
        }
        for run in ["b/run-1", "b/run-2/deep"] {
            fs::write(path.join(run).join("events.jsonl"), "").unwrap();
        }
        let mut found = run_folders(&path).unwrap();
        found.sort();
        assert_eq!(found, [path.join("b/run-1"), path.join("b/run-2/deep")]);
        drop(folder);
        assert!(!path.exists());
    }
}
