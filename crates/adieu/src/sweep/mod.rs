//! Sweeps: one recipe changed step by step, or over a grid, and every step run with the same seeds.
//!
//! ```text
//! ladder     step i = base with the changes of steps 1 … i      what each change is worth on top of those before
//! ablation   step i = base with the changes of step i           what each change is worth by itself
//! grid       one step for every choice of one value a key       how settings work together
//! ```
//!
//! Every step is a whole recipe, checked before the first one runs. A sweep on disk is a folder with
//! `STEP/seed-N/` for each run: [`Sweep::bouts`] says what is to be done there, [`found`](fn@found) what came of it.

mod file;
mod found;
pub mod hybrids;
mod network;
pub mod rules;
pub mod study;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use adieu_data::Dataset;
use adieu_report::sweep::{Change, Layout};
use serde_json::Value as Json;

use crate::duel::Bout;
use crate::duel_folder::{Standing, standing};
use crate::recipe::{DataRecipe, Fault, Faults, Recipe, Setting, touches};
use crate::{Error, Plan};
pub use found::{PAGE, TABLE, found, write};
pub use network::NetworkStudy;
pub(crate) use network::convolutional_pairs;

/// See the module.
#[derive(Clone, Debug)]
pub struct Sweep {
    /// For people.
    pub name: String,
    /// Number of seeds: each step is run with the base's seed, the one after it, ….
    pub seeds: u64,
    /// How the steps belong together.
    pub layout: Layout,
    /// In order.
    pub steps: Vec<Step>,
    /// What faults call the sweep.
    file: String,
}

/// One recipe of a sweep.
#[derive(Clone, Debug)]
pub struct Step {
    /// For people; unique.
    pub name: String,
    /// What it changes: of a ladder, beside the step before.
    pub changes: Vec<Change>,
    /// What is run, with the first seed.
    pub recipe: Recipe,
    places: Vec<Place>,
    line: Option<usize>,
}

/// Where a key was set.
#[derive(Clone, Debug)]
struct Place {
    key: String,
    line: Option<usize>,
}

/// One key of a grid and its values.
#[derive(Clone, Debug)]
pub struct Axis {
    /// Dotted: `learner.goodness.kind`.
    pub key: String,
    /// What it takes, one after the other, each after its name for people.
    pub values: Vec<(String, Json)>,
}

impl Axis {
    /// The values named by themselves.
    pub fn of(key: &str, values: impl IntoIterator<Item = Json>) -> Axis {
        let values = values.into_iter().map(|value| (file::words(&value), value)).collect();
        Axis { key: key.into(), values }
    }
}

impl Sweep {
    /// Reads the sweep file at `path`.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Recipe`] with every fault of form, of the sweep and of every step.
    pub fn read(path: &Path) -> Result<Sweep, Error> {
        let text = std::fs::read_to_string(path).map_err(Error::io(path, "read the sweep"))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        file::parse(&text, &path.display().to_string(), folder)
    }

    /// Whether the file at `path` is written as a sweep rather than as a recipe: sweeps have a `base`.
    pub fn is_at(path: &Path) -> bool {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        text.parse::<toml::Table>().is_ok_and(|file| file.contains_key("base"))
    }

    /// The JSON Schema of a sweep file.
    pub fn schema() -> Json {
        file::schema()
    }

    /// Every choice of one value of each axis, the last axis changing fastest, on top of `base`.
    ///
    /// # Errors
    /// [`Error::Recipe`] with every fault of form of every step.
    pub fn grid(name: &str, base: &Recipe, seeds: u64, axes: &[Axis]) -> Result<Sweep, Error> {
        file::grid(name, base, seeds, axes, name, &|_| None)
    }

    /// Whole recipes under their names, next to each other.
    pub fn side_by_side(name: &str, seeds: u64, recipes: Vec<(String, Recipe)>) -> Sweep {
        let step =
            |(name, recipe)| Step { name, changes: Vec::new(), recipe, places: Vec::new(), line: None };
        let steps = recipes.into_iter().map(step).collect();
        Sweep { name: name.into(), seeds, layout: Layout::Grid(Vec::new()), steps, file: name.into() }
    }

    /// The same with other values for keys of every step's recipe.
    ///
    /// # Errors
    /// [`Error::Recipe`] with all faults of form of the first step that has some, and of keys that steps set themselves.
    pub fn with(mut self, settings: &[Setting]) -> Result<Sweep, Error> {
        if settings.is_empty() {
            return Ok(self);
        }
        self.file += ", with what --set says";
        let own = |setting: &Setting| {
            let sets = |step: &&Step| step.changes.iter().any(|change| touches(&change.key, &setting.key));
            self.steps.iter().find(sets).map(|step| Fault {
                key: setting.key.clone(),
                line: None,
                what: format!("step `{}` sets it itself", step.name),
                remedy: "change it in the sweep".into(),
            })
        };
        let faults: Vec<Fault> = settings.iter().filter_map(own).collect();
        if !faults.is_empty() {
            return Err(Faults { file: self.file, faults }.into());
        }
        for step in &mut self.steps {
            step.recipe = step.recipe.with(settings, &self.file)?;
        }
        Ok(self)
    }

    /// Checks the recipe of every step with its data, each dataset read once.
    ///
    /// # Errors
    /// [`Error::Recipe`] with all faults of all steps; [`Error::Data`].
    pub fn check(&self) -> Result<Shelf, Error> {
        let mut shelf = Shelf::default();
        let mut faults = Vec::new();
        for step in &self.steps {
            match shelf.plan(step.recipe.clone(), &self.file) {
                Ok(_) => {}
                Err(Error::Recipe(found)) => {
                    faults.extend(found.faults.into_iter().map(|fault| (step, fault)));
                }
                Err(other) => return Err(other),
            }
        }
        let faults = told_once(faults);
        if faults.is_empty() { Ok(shelf) } else { Err(Faults { file: self.file.clone(), faults }.into()) }
    }

    /// As [`Sweep::check`], but a step that cannot be is left out, and returned by name with its faults.
    ///
    /// # Errors
    /// [`Error::Recipe`] if no step can be; [`Error::Data`].
    pub fn keep_possible(&mut self, shelf: &mut Shelf) -> Result<Vec<(String, Faults)>, Error> {
        let (mut kept, mut left_out) = (Vec::new(), Vec::new());
        for step in self.steps.drain(..) {
            match shelf.plan(step.recipe.clone(), &self.file) {
                Ok(_) => kept.push(step),
                Err(Error::Recipe(faults)) => left_out.push((step.name, faults)),
                Err(other) => return Err(other),
            }
        }
        match (kept.is_empty(), left_out.pop()) {
            (true, Some((_, faults))) => return Err(faults.into()),
            (_, last) => left_out.extend(last),
        }
        self.steps = kept;
        Ok(left_out)
    }

    /// Every run, with the number of its step, in the order they are done: all steps with the first seed, then all
    /// with the next in the opposite order, and so on, so that a machine that grows slower favours none and an unfinished
    /// sweep shows every step.
    ///
    /// # Errors
    /// [`Error::Folder`] if a run's folder in `out` holds another recipe; [`Error::Record`].
    pub fn bouts(&self, out: &Path) -> Result<Vec<(usize, Bout, Standing)>, Error> {
        let runs = (0..self.seeds).flat_map(|i| {
            let last = self.steps.len() - 1;
            (0..=last).map(move |step| (i, if i % 2 == 0 { step } else { last - step }))
        });
        let bouts = runs.map(|(i, step)| {
            let recipe = Recipe { seed: self.seed() + i, ..self.steps[step].recipe.clone() };
            let bout = Bout { folder: out.join(self.folder(step, recipe.seed)), recipe };
            let standing = standing(&bout, "sweep")?;
            Ok((step, bout, standing))
        });
        bouts.collect()
    }

    /// Folder of every run in `out`, step by step, with the number of its step.
    pub fn runs(&self, out: &Path) -> Vec<(usize, PathBuf)> {
        let runs = (0..self.steps.len()).flat_map(|step| (0..self.seeds).map(move |i| (step, i)));
        runs.map(|(step, i)| (step, out.join(self.folder(step, self.seed() + i)))).collect()
    }

    fn folder(&self, step: usize, seed: u64) -> PathBuf {
        Path::new(&file::folder_name(&self.steps[step].name)).join(format!("seed-{seed}"))
    }

    fn seed(&self) -> u64 {
        self.steps.first().map_or(1, |step| step.recipe.seed)
    }
}

impl Step {
    /// The fault, named after this step and with the line that set what is at fault.
    fn placed(&self, mut fault: Fault) -> Fault {
        let place = self.places.iter().rev().find(|place| touches(&place.key, &fault.key));
        fault.line = place.map_or(self.line, |place| place.line);
        fault.key = format!("step `{}`: {}", self.name, fault.key);
        fault
    }
}

/// The faults by line; what a step merely hands on to the steps after it is told of the first.
fn told_once(faults: Vec<(&Step, Fault)>) -> Vec<Fault> {
    let mut known: Vec<(String, String)> = Vec::new();
    let mut told = Vec::new();
    for (step, fault) in faults {
        let same = (fault.key.clone(), fault.what.clone());
        if !known.contains(&same) {
            known.push(same);
            told.push(step.placed(fault));
        }
    }
    told
}

/// Datasets that were read, each once.
#[derive(Default)]
pub struct Shelf(Vec<(DataRecipe, Arc<Dataset>)>);

impl Shelf {
    /// The plan of `recipe`; `file` is what faults call it.
    ///
    /// # Errors
    /// As [`Plan::of`].
    pub fn plan(&mut self, recipe: Recipe, file: &str) -> Result<Plan, Error> {
        match self.data(&recipe) {
            Some(data) => Plan::on(recipe, data, file),
            None => {
                let read = recipe.data.rows_read();
                let plan = Plan::of(recipe, file)?;
                self.0.push((read, plan.read.clone()));
                Ok(plan)
            }
        }
    }

    /// The data of `recipe`, if it was read.
    pub fn data(&self, recipe: &Recipe) -> Option<Arc<Dataset>> {
        let read = recipe.data.rows_read();
        self.0.iter().find(|(other, _)| *other == read).map(|(_, data)| data.clone())
    }
}
