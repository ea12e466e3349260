//! This repository: its root, its files, and what cargo knows of it.

use std::{collections::BTreeMap, ffi::OsString, fs, io, path::Path, process::Command};

use serde_json::Value;

/// Text files by path from the root, `/` between folders.
pub type Files = BTreeMap<String, String>;

/// The root of the repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// Every file that git tracks or would track, or, where there is no git, every file outside the ignored folders.
///
/// # Errors
/// A folder that cannot be read.
pub fn paths() -> io::Result<Vec<String>> {
    let listed = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output();
    let mut paths = match listed {
        Ok(output) if output.status.success() => {
            let list = String::from_utf8_lossy(&output.stdout).into_owned();
            // A file deleted but not yet committed is listed still.
            list.split('\0')
                .filter(|path| !path.is_empty() && root().join(path).is_file())
                .map(str::to_owned)
                .collect()
        }
        _ => walk(root(), "")?,
    };
    paths.sort();
    paths.dedup();
    Ok(paths)
}

fn walk(folder: &Path, prefix: &str) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        if entry.file_type()?.is_file() {
            found.push(path);
        } else if !["target", "runs", ".git", ".venv", "__pycache__"].contains(&name.as_str()) {
            found.extend(walk(&entry.path(), &format!("{path}/"))?);
        }
    }
    Ok(found)
}

/// The files of [`paths`] that are text: valid UTF-8 without a zero byte.
///
/// # Errors
/// A file that cannot be read.
pub fn text_files() -> io::Result<Files> {
    let mut files = Files::new();
    for path in paths()? {
        let bytes = fs::read(root().join(&path))?;
        if let Ok(text) = String::from_utf8(bytes)
            && !text.contains('\0')
        {
            files.insert(path, text);
        }
    }
    Ok(files)
}

/// `cargo metadata` of the workspace's own packages.
///
/// # Errors
/// Cargo does not start, fails, or prints something other than JSON.
pub fn metadata() -> Result<Value, String> {
    let output = cargo(&["metadata", "--no-deps", "--format-version", "1"])?;
    serde_json::from_str(&output).map_err(|e| format!("cargo metadata: {e}"))
}

/// Name, version and licence of everything that some build of the workspace compiles, on any target.
///
/// Not from `cargo metadata`: that lists optional dependencies of dependencies that no build takes.
///
/// # Errors
/// Cargo does not start or fails, or a line is not as asked for.
pub fn built_packages() -> Result<Vec<(String, String)>, String> {
    let format = "{p}|{l}";
    let edges = "normal,build,dev";
    let arguments =
        ["tree", "--workspace", "--target", "all", "--edges", edges, "--prefix", "none", "--no-dedupe"];
    let output = cargo(&[&arguments[..], &["--format", format]].concat())?;
    let mut packages = Vec::new();
    for line in output.lines().filter(|line| !line.is_empty()) {
        let (package, licence) =
            line.split_once('|').ok_or_else(|| format!("cargo tree printed {line:?}"))?;
        packages.push((package.to_owned(), licence.to_owned()));
    }
    packages.sort();
    packages.dedup();
    Ok(packages)
}

fn cargo(arguments: &[&str]) -> Result<String, String> {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let output = Command::new(program).args(arguments).current_dir(root()).output();
    let output = output.map_err(|e| format!("cargo does not start: {e}"))?;
    if !output.status.success() {
        return Err(format!("cargo {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_git_the_walk_finds_what_git_lists() {
        let walked = walk(root(), "").unwrap();
        for path in ["Cargo.toml", "xtask/src/tidy/repository.rs", ".ci/run", "LICENSE-MIT"] {
            assert!(walked.iter().any(|p| p == path), "{path} not walked");
            assert!(paths().unwrap().iter().any(|p| p == path), "{path} not listed");
        }
        assert!(!walked.iter().any(|p| p.starts_with("target/") || p.starts_with(".git/")));
    }
}
