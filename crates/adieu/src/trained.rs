//! A trained network, taken from a run's latest checkpoint, ready to be asked.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use adieu_core::learn::{Learner, Task};
use adieu_core::parts::block::Block;
use adieu_core::parts::host::{matrix, view};
use adieu_core::parts::shape::Shape;
use adieu_data::{Dataset, ImageShape};
use adieu_record::{Evaluation, Event, RunStart, Split};

use crate::checkpoint::Position;
use crate::evaluate::{At, Cut, PORTION, judge};
use crate::plan::{Plan, blank};
use crate::trainer::latest;
use crate::{Error, Recipe, RunFolder};

/// See the module.
pub struct Trained {
    folder: RunFolder,
    start: RunStart,
    recipe: Recipe,
    net: Vec<Box<dyn Block>>,
    learner: Box<dyn Learner>,
    checkpoint: PathBuf,
    position: Position,
    image: ImageShape,
}

impl Trained {
    /// The network of the run in `path` as its latest whole checkpoint has it. Reads no data.
    ///
    /// # Errors
    /// [`Error::Folder`] if there is no run or it saved nothing yet; [`Error::Recipe`], [`Error::Record`] and
    /// [`Error::Checkpoint`] if its files are damaged or do not belong together.
    pub fn open(path: &Path) -> Result<Trained, Error> {
        let folder = RunFolder::open(path)?;
        let start = start_of(&folder)?;
        let file = folder.recipe_path();
        let recipe = Recipe::read(&file)?;
        let image = image_of(&folder, &start)?;
        let task = Task {
            input: Shape::Image { c: image.channels, h: image.height, w: image.width },
            classes: start.data.classes.len(),
            train_rows: start.data.train_rows as usize,
            epochs: recipe.train.epochs,
            seed: recipe.seed,
            goal: recipe.data.goal(),
        };
        let (mut net, mut learner) = blank(&recipe, &task, &file.display().to_string())?;
        let Some((checkpoint, position)) = latest(&folder, &mut net, learner.as_mut())? else {
            let remedy = format!("train it first: `adieu resume {}`", path.display());
            return Err(Error::Folder {
                path: path.into(),
                what: "no checkpoint was saved yet".into(),
                remedy,
            });
        };
        Ok(Trained { folder, start, recipe, net, learner, checkpoint, position, image })
    }

    pub(crate) fn folder(&self) -> &RunFolder {
        &self.folder
    }

    pub(crate) fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// What the run said of itself.
    pub fn start(&self) -> &RunStart {
        &self.start
    }

    /// The checkpoint in use.
    pub fn checkpoint(&self) -> &Path {
        &self.checkpoint
    }

    /// Steps done in that checkpoint.
    pub fn step(&self) -> u64 {
        self.position.step
    }

    /// What an image must be.
    pub fn image(&self) -> ImageShape {
        self.image
    }

    /// Names of the classes.
    pub fn classes(&self) -> &[String] {
        &self.start.data.classes
    }

    /// Names of the ways to read out an answer; the first is the learner's own choice.
    pub fn readouts(&self) -> Vec<&'static str> {
        self.learner.readouts()
    }

    /// A score for each class of an image of bytes, `[image().pixels()]`; the highest wins.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] if a score is not finite.
    ///
    /// # Panics
    /// If there are not `image().pixels()` bytes, or `readout` is not among [`Trained::readouts`].
    pub fn scores(&self, pixels: &[u8], readout: &str) -> Result<Vec<f32>, Error> {
        assert_eq!(pixels.len(), self.image.pixels(), "the image's shape was checked by whoever read it");
        let values: Vec<f32> = pixels.iter().map(|&pixel| f32::from(pixel) / 255.0).collect();
        let x = matrix(values, 1, pixels.len());
        let scores = view(&self.learner.predict(&self.net, &x, readout)).to_vec();
        if scores.iter().all(|score| score.is_finite()) { Ok(scores) } else { Err(self.not_finite()) }
    }

    /// Judges all rows of `split`; the run's own data is read unless other data is given. `told` hears how many rows
    /// are done, of how many.
    ///
    /// # Errors
    /// [`Error::Data`]; [`Error::Folder`] if the data has other classes or images, or the split no rows;
    /// [`Error::Checkpoint`] if a score is not finite.
    ///
    /// # Panics
    /// If `readout` is not among [`Trained::readouts`].
    pub fn judge(
        &self,
        data: Option<Arc<Dataset>>,
        split: Split,
        readout: &str,
        told: &mut dyn FnMut(u64, u64),
    ) -> Result<Evaluation, Error> {
        let file = self.folder.recipe_path().display().to_string();
        let plan = match data {
            Some(data) => Plan::on(self.recipe.clone(), data, &file)?,
            None => Plan::of(self.recipe.clone(), &file)?,
        };
        let ids = self.rows_of(&plan, split)?;
        let all = ids.len() as u64;
        let mut done = 0;
        let mut go_on = || {
            done = all.min(done + PORTION as u64);
            told(done, all);
            true
        };
        let judged = judge(&plan, &self.net, self.learner.as_ref(), (split, &ids), readout, &mut go_on);
        let judged = judged.map_err(|cut| match cut {
            Cut::Diverged(_) => self.not_finite(),
            Cut::Stopped => unreachable!("nobody asks to stop"),
        })?;
        Ok(judged.evaluation(
            split,
            readout,
            At {
                epoch: self.position.step.div_ceil(self.start.steps_per_epoch.max(1)),
                step: self.position.step,
                train_ns: self.position.train_ns,
                last: true,
            },
        ))
    }

    /// The rows of `split`, if the network was made for such data.
    fn rows_of(&self, plan: &Plan, split: Split) -> Result<Vec<u32>, Error> {
        let refuse = |what: String, remedy: &str| {
            Err(Error::Folder { path: self.folder.path().into(), what, remedy: remedy.into() })
        };
        let info = &plan.data.info;
        if info.image != self.image || info.classes.len() != self.classes().len() {
            let (found, made) = ((info.classes.len(), info.image), (self.classes().len(), self.image));
            return refuse(
                format!(
                    "the network knows {} classes of {} images, the data `{}` has {} of {}",
                    made.0, made.1, info.name, found.0, found.1
                ),
                "name the folder of the data it was trained on, or of data of the same kind",
            );
        }
        let rows = plan.rows(split);
        if rows.is_empty() {
            let what = "this run holds no rows out for validation".to_string();
            return refuse(what, "judge the test rows, or train with data.split = \"choose\"");
        }
        Ok(rows)
    }

    fn not_finite(&self) -> Error {
        Error::Checkpoint {
            path: self.checkpoint.clone(),
            what: "a score of this network is not finite".into(),
            remedy: "train again with a lower learning rate",
        }
    }
}

fn start_of(folder: &RunFolder) -> Result<RunStart, Error> {
    let record = adieu_record::jsonl::read(&folder.events())?;
    match record.events.into_iter().next().map(|first| first.event) {
        Some(Event::RunStarted(start)) => Ok(*start),
        _ => {
            let path = folder.path().display().to_string();
            Err(adieu_report::Error::NoStart { run: path }.into())
        }
    }
}

fn image_of(folder: &RunFolder, start: &RunStart) -> Result<ImageShape, Error> {
    match start.data.image.map(|sides| sides.map(usize::try_from)) {
        Some([Ok(height), Ok(width), Ok(channels)]) if height > 0 && width > 0 && channels > 0 => {
            Ok(ImageShape { height, width, channels })
        }
        _ => Err(Error::Folder {
            path: folder.path().into(),
            what: "its record tells of no images".into(),
            remedy: "restore the record from a copy, or train again".into(),
        }),
    }
}
