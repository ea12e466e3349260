//! A real training of about 30 seconds with the built binary, and the lint of the record it leaves.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;

use super::{Counts, cargo, say};
use crate::tidy::repository;

const RECIPE: &str = "recipes/ci-ff-mnist.toml";

/// The accuracy on the test images, in [0, 1], that every run of the recipe must reach.
const STATED_ACCURACY: f64 = 0.90;

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
    }
    say(&format!("the record of {} run(s) is clean", runs.len()));
    Ok(Counts { passed: 2, failed: 0 })
}

/// The path of the binary of the dev profile, built with the features that the tests were built with.
fn built_binary() -> Result<PathBuf, String> {
    succeed(&mut cargo(&["build", "--quiet", "--workspace", "--bin", "adieu"]))?;
    let metadata = repository::metadata()?;
    let target = metadata["target_directory"].as_str().ok_or("cargo metadata names no target directory")?;
    Ok(Path::new(target).join("debug").join(format!("adieu{}", std::env::consts::EXE_SUFFIX)))
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
