//! A duel on disk: `duel.json` with its options, and a run's folder for each bout. A duel that was interrupted goes on
//! where it stood.

use std::path::{Path, PathBuf};

use adieu_record::{Event, Outcome};

use crate::duel::{Bout, Duel};
use crate::files::write_whole;
use crate::{Error, Recipe, RunFolder};

/// Name of the options in a duel's folder.
pub const DUEL: &str = "duel.json";

/// How far a run has come.
#[derive(Clone, Debug, PartialEq)]
pub enum Standing {
    /// Not begun.
    Fresh,
    /// Begun, and can go on.
    Begun,
    /// Over: finished, or diverged for good.
    Over(Outcome),
}

/// See the module.
#[derive(Clone, Debug)]
pub struct DuelFolder {
    path: PathBuf,
    duel: Duel,
}

impl DuelFolder {
    /// Whether a duel lies in `path`.
    pub fn is_at(path: &Path) -> bool {
        path.join(DUEL).is_file()
    }

    /// The duel that lies in `path`.
    ///
    /// # Errors
    /// [`Error::Folder`] if there is none or its options are damaged; [`Error::Io`].
    pub fn open(path: &Path) -> Result<DuelFolder, Error> {
        let file = path.join(DUEL);
        let bytes = std::fs::read(&file).map_err(Error::io(&file, "read the duel's options"))?;
        let damaged = |what: String| Error::Folder {
            path: file.clone(),
            what: format!("these are no options of a duel: {what}"),
            remedy: "restore the file from a copy, or begin another duel in another folder".into(),
        };
        let duel: Duel = serde_json::from_slice(&bytes).map_err(|e| damaged(e.to_string()))?;
        if duel.seeds == 0 || duel.seed.checked_add(duel.seeds).is_none() {
            return Err(damaged(format!("{} seeds from {}", duel.seeds, duel.seed)));
        }
        Ok(DuelFolder { path: path.into(), duel })
    }

    /// Makes `path` the folder of `duel`, or gives the duel there these options. Check the duel first.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be written.
    pub fn create(path: &Path, duel: Duel) -> Result<DuelFolder, Error> {
        std::fs::create_dir_all(path).map_err(Error::io(path, "make the duel's folder"))?;
        let mut text = serde_json::to_vec_pretty(&duel).expect("options are numbers and a path");
        text.push(b'\n');
        write_whole(&path.join(DUEL), &text, "write the duel's options")?;
        Ok(DuelFolder { path: path.into(), duel })
    }

    /// Its options.
    pub fn duel(&self) -> &Duel {
        &self.duel
    }

    /// The bouts in the order they are run, their folders made whole, and how far each has come.
    ///
    /// # Errors
    /// [`Error::Folder`] if a bout's folder holds a run of another recipe; [`Error::Record`], [`Error::Recipe`].
    pub fn bouts(&self) -> Result<Vec<(Bout, Standing)>, Error> {
        let bouts = self.duel.bouts().into_iter().map(|bout| {
            let bout = Bout { folder: self.path.join(bout.folder), recipe: bout.recipe };
            let standing = standing(&bout, "duel")?;
            Ok((bout, standing))
        });
        bouts.collect()
    }
}

/// How far the run of `bout` has come; `whole` is what it belongs to, for people.
///
/// # Errors
/// [`Error::Folder`] if its folder holds a run of another recipe; [`Error::Record`], [`Error::Recipe`].
pub(crate) fn standing(bout: &Bout, whole: &str) -> Result<Standing, Error> {
    let Ok(folder) = RunFolder::open(&bout.folder) else { return Ok(Standing::Fresh) };
    if Recipe::read(&folder.recipe_path())? != bout.recipe {
        return Err(Error::Folder {
            path: bout.folder.clone(),
            what: format!("the run in this folder has another recipe than the {whole}"),
            remedy: format!("move it elsewhere, or begin the {whole} in another folder"),
        });
    }
    let record = adieu_record::jsonl::read(&folder.events())?;
    Ok(match record.events.last().map(|last| &last.event) {
        Some(Event::RunEnded {
            outcome: outcome @ (Outcome::Finished | Outcome::Diverged { .. }), ..
        }) => Standing::Over(outcome.clone()),
        _ => Standing::Begun,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_survive_and_damaged_ones_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let duel = Duel { epochs: 3, data_dir: Some("digits".into()), ..Duel::default() };
        assert!(!DuelFolder::is_at(folder.path()));
        DuelFolder::create(folder.path(), duel.clone()).unwrap();
        let read = DuelFolder::open(folder.path()).unwrap();
        assert_eq!(read.duel(), &duel);
        let standings: Vec<Standing> = read.bouts().unwrap().into_iter().map(|(_, s)| s).collect();
        assert_eq!(standings, [Standing::Fresh, Standing::Fresh]);
        for damaged in ["{", "{}", r#"{"epochs":1,"hidden":[1],"seed":1,"seeds":0}"#] {
            std::fs::write(folder.path().join(DUEL), damaged).unwrap();
            let error = DuelFolder::open(folder.path()).unwrap_err().to_string();
            assert!(error.contains("duel.json: these are no options"), "{damaged}: {error}");
        }
    }

    #[test]
    fn a_run_of_another_recipe_is_not_taken_for_a_bout() {
        let folder = tempfile::tempdir().unwrap();
        let duel = DuelFolder::create(folder.path(), Duel::default()).unwrap();
        let bout = duel.bouts().unwrap().remove(0).0;
        let mut other = bout.recipe.clone();
        other.train.epochs += 1;
        let run = RunFolder::create(&bout.folder, &other).unwrap();
        std::fs::write(run.events(), "").unwrap();
        let error = duel.bouts().map(|_| ()).unwrap_err().to_string();
        assert!(error.contains("another recipe than the duel"), "{error}");
        std::fs::write(run.recipe_path(), bout.recipe.to_toml()).unwrap();
        assert_eq!(duel.bouts().unwrap()[0].1, Standing::Begun);
    }
}
