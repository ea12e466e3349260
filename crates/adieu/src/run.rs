//! A run is a folder: `recipe.toml`, `events.jsonl`, `checkpoint-N.safetensors`. Everything else is derived from it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::files::write_whole;
use crate::{Error, Recipe};

/// Name of the record in a run's folder.
pub const EVENTS: &str = "events.jsonl";
/// Name of the resolved recipe in a run's folder.
pub const RECIPE: &str = "recipe.toml";

/// The folder of a run.
#[derive(Clone, Debug)]
pub struct RunFolder(PathBuf);

impl RunFolder {
    /// A new run's folder, with its recipe in it. Folders above it are made as needed.
    ///
    /// # Errors
    /// [`Error::Folder`] if a run lies there already; [`Error::Io`] if it cannot be written.
    pub fn create(path: &Path, recipe: &Recipe) -> Result<RunFolder, Error> {
        let folder = RunFolder(path.to_path_buf());
        let text = recipe_text(recipe);
        // This very recipe without a record: a run that was killed before its first event.
        let stillborn = fs::read(folder.recipe_path()).is_ok_and(|found| found == text.as_bytes());
        if folder.events().exists() || (folder.recipe_path().exists() && !stillborn) {
            return Err(Error::Folder {
                path: path.to_path_buf(),
                what: "there is a run in this folder already".into(),
                remedy: format!(
                    "go on with it by `adieu resume {}`, or choose another folder",
                    path.display()
                ),
            });
        }
        fs::create_dir_all(path).map_err(Error::io(path, "make the run's folder"))?;
        folder.write_recipe(recipe)?;
        Ok(folder)
    }

    /// Writes the resolved recipe, in place of whatever text it had.
    ///
    /// # Errors
    /// [`Error::Io`]; the old file is left then.
    pub(crate) fn write_recipe(&self, recipe: &Recipe) -> Result<(), Error> {
        write_whole(&self.recipe_path(), recipe_text(recipe).as_bytes(), "write the recipe")
    }

    /// The folder of a run that was begun before.
    ///
    /// # Errors
    /// [`Error::Folder`] if there is no run in it.
    pub fn open(path: &Path) -> Result<RunFolder, Error> {
        let folder = RunFolder(path.to_path_buf());
        if folder.events().is_file() && folder.recipe_path().is_file() {
            return Ok(folder);
        }
        Err(Error::Folder {
            path: path.to_path_buf(),
            what: format!("this is no run's folder: it has no {RECIPE} and {EVENTS}"),
            remedy: "name the folder that `adieu train` or `adieu duel` printed".into(),
        })
    }

    /// Every run's folder at `path` or below it, in order of their names.
    ///
    /// # Errors
    /// [`Error::Folder`] if there is none; [`Error::Io`] if a folder cannot be read.
    pub fn find(path: &Path) -> Result<Vec<RunFolder>, Error> {
        let mut found = Vec::new();
        collect(path, 0, &mut found)?;
        if found.is_empty() {
            return Err(Error::Folder {
                path: path.to_path_buf(),
                what: "there is no run here or below".into(),
                remedy: "name the folder that `adieu train` or `adieu duel` printed".into(),
            });
        }
        Ok(found)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The record.
    pub fn events(&self) -> PathBuf {
        self.0.join(EVENTS)
    }

    /// The resolved recipe.
    pub fn recipe_path(&self) -> PathBuf {
        self.0.join(RECIPE)
    }

    /// Where the checkpoint after `step` steps goes.
    pub fn checkpoint(&self, step: u64) -> PathBuf {
        self.0.join(checkpoint_name(step))
    }

    /// The checkpoints, by step, latest first.
    ///
    /// # Errors
    /// [`Error::Io`] if the folder cannot be read.
    pub fn checkpoints(&self) -> Result<Vec<(u64, PathBuf)>, Error> {
        let entries = fs::read_dir(&self.0).map_err(Error::io(&self.0, "read the run's folder"))?;
        let step = |path: &Path| {
            let name = path.file_name()?.to_str()?;
            name.strip_prefix("checkpoint-")?.strip_suffix(".safetensors")?.parse::<u64>().ok()
        };
        let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
        let mut all: Vec<(u64, PathBuf)> = paths.filter_map(|path| Some((step(&path)?, path))).collect();
        all.sort_by_key(|(step, _)| std::cmp::Reverse(*step));
        Ok(all)
    }
}

/// File name of the checkpoint after `step` steps.
pub(crate) fn checkpoint_name(step: u64) -> String {
    format!("checkpoint-{step}.safetensors")
}

fn recipe_text(recipe: &Recipe) -> String {
    format!("# The resolved recipe of this run, every default spelled out.\n{}", recipe.to_toml())
}

fn collect(path: &Path, depth: usize, found: &mut Vec<RunFolder>) -> Result<(), Error> {
    if let Ok(folder) = RunFolder::open(path) {
        found.push(folder);
        return Ok(());
    }
    // A duel's runs lie two folders down; deeper than four is somebody's whole disk.
    if depth == 4 || !path.is_dir() {
        return Ok(());
    }
    let entries = fs::read_dir(path).map_err(Error::io(path, "read the folder"))?;
    let mut below: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    below.sort();
    below.iter().filter(|path| path.is_dir()).try_for_each(|path| collect(path, depth + 1, found))
}
