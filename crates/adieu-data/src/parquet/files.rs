//! Which Parquet files train and which test.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::DataError;

/// Files in their order, at least one to train.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Files {
    pub(super) train: Vec<PathBuf>,
    pub(super) test: Option<Vec<PathBuf>>,
    /// What was decided.
    pub(super) notes: Vec<String>,
}

impl Files {
    /// All of them, each with its part: 0 trains, 1 tests.
    pub(super) fn all(&self) -> impl Iterator<Item = (usize, &Path)> {
        let train = self.train.iter().map(|path| (0, path.as_path()));
        train.chain(self.test.iter().flatten().map(|path| (1, path.as_path())))
    }
}

/// What there is to read: the file itself, or what lies in a folder, or in `data` within it.
pub(super) fn find(asked: &Path) -> Result<Files, DataError> {
    if asked.is_file() {
        return Ok(Files { train: vec![asked.to_path_buf()], test: None, notes: Vec::new() });
    }
    for folder in [asked.to_path_buf(), asked.join("data")] {
        let names = if folder.is_dir() { names(&folder)? } else { Vec::new() };
        let [train, test, validation] = ["train", "test", "validation"].map(|part| part_of(&names, part));
        if train.is_empty() {
            continue;
        }
        for names in [&train, &test, &validation] {
            complete(&folder, names)?;
        }
        let mut notes = Vec::new();
        let test = match (test.is_empty(), validation.is_empty()) {
            (false, true) => Some(test),
            (false, false) => {
                notes.push(format!("left out, since other rows test: {}", validation.join(", ")));
                Some(test)
            }
            (true, false) => {
                notes.push("the rows called validation test, since none are called test".to_owned());
                Some(validation)
            }
            (true, true) => None,
        };
        let paths = |names: Vec<String>| names.into_iter().map(|name| folder.join(name)).collect();
        return Ok(Files { train: paths(train), test: test.map(paths), notes });
    }
    Err(DataError::Missing {
        path: asked.to_path_buf(),
        what: "found no train.parquet, no train-….parquet, nor either in data".to_owned(),
        remedy: "put it there, with a test file beside it if there is one, or name the one file to read",
    })
}

/// Names of the Parquet files in a folder, sorted.
fn names(folder: &Path) -> Result<Vec<String>, DataError> {
    let unreadable = |source| DataError::Unreadable { path: folder.to_path_buf(), source };
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let name = entry.map_err(unreadable)?.file_name();
        // a name that is not Unicode is none of those looked for
        names.extend(name.into_string().ok().filter(|name| name.ends_with(".parquet")));
    }
    names.sort();
    Ok(names)
}

/// `PART.parquet`, or else those that begin with `PART-`.
fn part_of(names: &[String], part: &str) -> Vec<String> {
    let (whole, start) = (format!("{part}.parquet"), format!("{part}-"));
    match names.contains(&whole) {
        true => vec![whole],
        false => names.iter().filter(|name| name.starts_with(&start)).cloned().collect(),
    }
}

/// Refuses files of which some are not there, as their own names tell: `train-00001-of-00003` is the second of three.
fn complete(folder: &Path, names: &[String]) -> Result<(), DataError> {
    let place = |name: &String| {
        let (before, after) = name.split_once("-of-")?;
        let digits = |text: &str| text.parse::<usize>().ok();
        let count = after.split(['-', '.']).next()?;
        Some((digits(before.rsplit('-').next()?)?, digits(count)?))
    };
    let places: Vec<(usize, usize)> = names.iter().filter_map(place).collect();
    let missing = |what: String| {
        let remedy = "fetch all files of one copy of the dataset";
        Err(DataError::Missing { path: folder.to_path_buf(), what, remedy })
    };
    let Some(&(_, count)) = places.first() else { return Ok(()) };
    if places.len() != names.len() || places.iter().any(|(_, other)| *other != count) {
        return missing(format!("files that are not of one set: {}", names.join(", ")));
    }
    // beyond the files there are, the first gap is at their number at the latest
    match (0..count.min(names.len() + 1)).find(|at| !places.iter().any(|(place, _)| place == at)) {
        None if places.len() == count => Ok(()),
        Some(at) => missing(format!("found no file {at:05} of {count:05} beside {}", names[0])),
        None => missing(format!("files that are there twice: {}", names.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What trains, what tests, and the number of notes.
    type Found = (Vec<String>, Option<Vec<String>>, usize);

    fn found(files: &[&str]) -> Result<Found, String> {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, []).unwrap();
        }
        let names = |paths: &Vec<PathBuf>| {
            let name = |path: &PathBuf| path.strip_prefix(folder.path()).unwrap().display().to_string();
            paths.iter().map(name).collect::<Vec<_>>()
        };
        find(folder.path())
            .map(|files| (names(&files.train), files.test.as_ref().map(names), files.notes.len()))
            .map_err(|error| error.to_string().replace(&folder.path().display().to_string(), "D"))
    }

    #[test]
    fn the_layouts_that_are_known() {
        let own = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let some = |names: &[&str]| Some(own(names));
        let (a, b, t) = (
            "train-00000-of-00002.parquet",
            "train-00001-of-00002-1a2b.parquet",
            "test-00000-of-00001.parquet",
        );
        assert_eq!(found(&["train.parquet"]), Ok((own(&["train.parquet"]), None, 0)));
        assert_eq!(found(&[b, a, t, "x.txt"]), Ok((own(&[a, b]), some(&[t]), 0)));
        assert_eq!(
            found(&["data/train.parquet", "data/validation.parquet", "README.md"]),
            Ok((own(&["data/train.parquet"]), some(&["data/validation.parquet"]), 1))
        );
        let all = ["train.parquet", "validation.parquet", "test.parquet"];
        assert_eq!(found(&all), Ok((own(&["train.parquet"]), some(&["test.parquet"]), 1)));
    }

    #[test]
    fn what_is_missing_is_named() {
        let cases: [(&[&str], &str); 5] = [
            (&[], "D: found no train.parquet, no train-….parquet, nor either in data; put it there"),
            (&["test.parquet"], "D: found no train.parquet"),
            (&["train-00000-of-00002.parquet"], "D: found no file 00001 of 00002 beside train-00000"),
            (&["train-00000-of-99999999999.parquet"], "D: found no file 00001 of 99999999999 beside"),
            (
                &["train-00000-of-00001.parquet", "train-00000-of-00001-ab.parquet"],
                "D: files that are there twice: train-00000-of-00001-ab.parquet, train-",
            ),
        ];
        for (files, wanted) in cases {
            let said = found(files).unwrap_err();
            assert!(said.starts_with(wanted), "{wanted}: {said}");
        }
    }
}
