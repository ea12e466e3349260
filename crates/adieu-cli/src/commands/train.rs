//! `adieu train`: a recipe, run.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use adieu::duel_folder::DuelFolder;
use adieu::recipe::{Setting, locate};
use adieu::record::{Event, Outcome, RunStart};
use adieu::sink::StopOn;
use adieu::trainer::{self, Ended};
use adieu::{Error, Plan, Recipe, RunFolder};
use anyhow::{Context, anyhow};

use super::report::{PAGE, publish};
use crate::args::{Show, Train};
use crate::fault::Usage;
use crate::progress::{Doing, Manner, Watch};
use crate::{stop, terminal};

pub(super) fn run(asked: &Train, manner: Manner) -> anyhow::Result<()> {
    let plan = {
        let _doing = Doing::begin(manner, "reading recipe and data");
        checked(&asked.recipe, asked.seed, &asked.settings)?
    };
    say_what_was_met(&plan);
    let (name, seed) = (&plan.recipe.name, plan.recipe.seed);
    let out = asked.out.clone().unwrap_or_else(|| super::new_folder(&format!("{name}-{seed}")));
    if DuelFolder::is_at(&out) {
        let what = format!("{}: a duel lies there; choose another --out for the run", out.display());
        return Err(Usage(what).into());
    }
    let ended = once(plan, &out, manner, "", &stop::flag())?;
    conclude(&out, &ended, asked.show)
}

/// What was decided in reading: never passed over in silence. Rows that were left out are in the record.
fn say_what_was_met(plan: &Plan) {
    let info = &plan.data.info;
    info.notes.iter().for_each(|note| terminal::message(&format!("{}: {note}", info.name)));
}

/// The plan of the recipe in `file`; faults name their lines.
pub(super) fn checked(file: &Path, seed: Option<u64>, settings: &[Setting]) -> anyhow::Result<Plan> {
    let mut name = file.display().to_string();
    let text = std::fs::read_to_string(file).map_err(Error::io(file, "read the recipe"))?;
    let mut recipe = Recipe::parse(&text, &name)?;
    if !settings.is_empty() {
        name += ", with what --set says";
        recipe = recipe.with(settings, &name)?;
    }
    recipe.seed = seed.unwrap_or(recipe.seed);
    if let Some(dir) = &mut recipe.data.dir {
        *dir = super::whole(dir)?;
    }
    recipe.check(&name).map_err(|error| match error {
        // a fault of what was set has no line
        Error::Recipe(faults) if settings.is_empty() => Error::Recipe(locate(faults, &text)).into(),
        other => other.into(),
    })
}

/// Runs `plan` in the new folder `out`. `place` says which run of how many it is.
pub(super) fn once(
    plan: Plan,
    out: &Path,
    manner: Manner,
    place: &str,
    stop: &Arc<AtomicBool>,
) -> anyhow::Result<Ended> {
    let name = format!("{}, seed {}{place}", plan.recipe.learner.name(), plan.recipe.seed);
    let mut watch = Watch::new(manner, name, None);
    let ended = trainer::train(plan, out, &mut [&mut watch, &mut StopOn(stop.clone())]);
    drop(watch);
    ended.map_err(|error| failed(error, out))
}

/// Goes on with the run in `folder`; on `data`, if it was read already.
pub(super) fn again(
    folder: &Path,
    data: Option<Arc<adieu::data::Dataset>>,
    manner: Manner,
    place: &str,
    stop: &Arc<AtomicBool>,
) -> anyhow::Result<Ended> {
    let start = start_of(folder)?;
    let name = match &start {
        Some(start) => format!("{}, seed {}{place}", start.learner, start.seed),
        None => format!("{}{place}", folder.display()),
    };
    let mut watch = Watch::new(manner, name, start.as_ref());
    let ended = trainer::resume(folder, data, &mut [&mut watch, &mut StopOn(stop.clone())]);
    drop(watch);
    ended.map_err(|error| failed(error, folder))
}

fn start_of(folder: &Path) -> anyhow::Result<Option<RunStart>> {
    let record = adieu::record::jsonl::read(&RunFolder::open(folder)?.events()).map_err(Error::from)?;
    Ok(record.events.into_iter().next().and_then(|first| match first.event {
        Event::RunStarted(start) => Some(*start),
        _ => None,
    }))
}

/// A failure in the middle of a run says how to go on.
fn failed(error: Error, folder: &Path) -> anyhow::Error {
    let resumable = RunFolder::open(folder).is_ok_and(|run| run.checkpoints().is_ok_and(|c| !c.is_empty()));
    let refused =
        matches!(error, Error::Folder { .. } | Error::Recipe(_) | Error::Data(_) | Error::Checkpoint { .. });
    if refused || !resumable {
        return error.into();
    }
    anyhow!("{error}; then go on with `adieu resume {}`", folder.display())
}

/// The end of a single run: its report, unless it was interrupted.
///
/// # Errors
/// For every outcome but `Finished`, what it was and what to do.
pub(super) fn conclude(folder: &Path, ended: &Ended, show: Show) -> anyhow::Result<()> {
    if ended.outcome == Outcome::Interrupted {
        return Err(interrupted(folder, folder));
    }
    publish(&[folder.to_path_buf()], &folder.join(PAGE), show)?;
    match diverged(folder, &ended.outcome) {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

/// What to say of a run that was interrupted; `go_on` is the folder that `resume` wants.
pub(super) fn interrupted(run: &Path, go_on: &Path) -> anyhow::Error {
    anyhow!("{}: interrupted, and saved; go on with `adieu resume {}`", run.display(), go_on.display())
}

/// What to say of a run that diverged.
pub(super) fn diverged(run: &Path, outcome: &Outcome) -> Option<anyhow::Error> {
    let Outcome::Diverged { layer, step, what } = outcome else { return None };
    let layer = layer.map(|layer| format!(" in layer {}", layer + 1)).unwrap_or_default();
    Some(anyhow!(
        "{}: diverged at step {step}{layer}: {what} is not finite; the record says so; lower the learning rate and train again",
        run.display()
    ))
}

/// Reads a dataset and says so.
pub(super) fn dataset(
    kind: &str,
    dir: Option<&Path>,
    manner: Manner,
) -> anyhow::Result<adieu::data::Dataset> {
    let _doing = Doing::begin(manner, "reading the data");
    adieu::data::load(kind, dir).map_err(Error::from).context("the data cannot be used")
}
