//! `adieu duel`: Forward-Forward against back-propagation, seed by seed.

use std::path::Path;
use std::sync::Arc;

use adieu::data::Dataset;
use adieu::duel::Duel;
use adieu::duel_folder::{DuelFolder, Standing};
use adieu::record::Outcome;
use adieu::{Plan, RunFolder};

use super::report::{PAGE, publish};
use super::train::{again, diverged, interrupted, once};
use crate::args::{self, Show};
use crate::fault::Usage;
use crate::progress::{Doing, Manner};
use crate::{stop, words};

pub(super) fn run(asked: &args::Duel, manner: Manner) -> anyhow::Result<()> {
    let out = asked.out.clone().unwrap_or_else(|| super::new_folder("duel"));
    let known = if DuelFolder::is_at(&out) { Some(DuelFolder::open(&out)?) } else { None };
    let duel = options(asked, known.as_ref().map(DuelFolder::duel), &out)?;
    if known.is_none() && RunFolder::open(&out).is_ok() {
        let what = format!("{}: a single run lies there; choose another --out for the duel", out.display());
        return Err(Usage(what).into());
    }
    let data = read(&duel, manner)?;
    let folder = match known {
        Some(known) if *known.duel() == duel => known,
        _ => DuelFolder::create(&out, duel)?,
    };
    fight(&folder, &data, &out, asked.show, manner)
}

/// Goes on with the duel in `out`.
pub(super) fn go_on(folder: &DuelFolder, out: &Path, show: Show, manner: Manner) -> anyhow::Result<()> {
    let data = read(folder.duel(), manner)?;
    fight(folder, &data, out, show, manner)
}

fn read(duel: &Duel, manner: Manner) -> anyhow::Result<Arc<Dataset>> {
    let _doing = Doing::begin(manner, "reading the data");
    Ok(duel.check()?)
}

/// What was asked, on top of the duel that lies there already or of the defaults.
///
/// # Errors
/// [`Usage`] if the duel that lies there has other options; more seeds are no other options.
fn options(asked: &args::Duel, known: Option<&Duel>, out: &Path) -> anyhow::Result<Duel> {
    let base = known.cloned().unwrap_or_default();
    let data_dir = asked.data_dir.as_deref().map(super::whole).transpose()?;
    let duel = Duel {
        epochs: asked.epochs.unwrap_or(base.epochs),
        hidden: asked.hidden.clone().unwrap_or(base.hidden),
        seed: asked.seed.unwrap_or(base.seed),
        seeds: asked.seeds.unwrap_or(base.seeds),
        data_dir: data_dir.or(base.data_dir),
    };
    let Some(known) = known else { return Ok(duel) };
    let other: Vec<&str> = [
        ("--epochs", duel.epochs != known.epochs),
        ("--hidden", duel.hidden != known.hidden),
        ("--seed", duel.seed != known.seed),
        ("--seeds (fewer)", duel.seeds < known.seeds),
        ("--data-dir", duel.data_dir != known.data_dir),
    ]
    .into_iter()
    .filter_map(|(name, other)| other.then_some(name))
    .collect();
    if other.is_empty() {
        return Ok(duel);
    }
    let what = format!(
        "{}: a duel with another {} lies there; choose another --out, or go on with that one by `adieu resume {}`",
        out.display(),
        words::list(&other),
        out.display()
    );
    Err(Usage(what).into())
}

/// Runs every bout that is not over, then reports.
fn fight(
    folder: &DuelFolder,
    data: &Arc<Dataset>,
    out: &Path,
    show: Show,
    manner: Manner,
) -> anyhow::Result<()> {
    let stop = stop::flag();
    let bouts = folder.bouts()?;
    let count = bouts.len();
    let mut fault = None;
    for (i, (bout, standing)) in bouts.into_iter().enumerate() {
        let place = format!(" (run {} of {count})", i + 1);
        let outcome = match standing {
            Standing::Over(outcome) => outcome,
            Standing::Begun => again(&bout.folder, Some(data.clone()), manner, &place, &stop)?.outcome,
            Standing::Fresh => {
                let plan = Plan::on(bout.recipe, data.clone(), "the duel's options")?;
                once(plan, &bout.folder, manner, &place, &stop)?.outcome
            }
        };
        if outcome == Outcome::Interrupted {
            return Err(interrupted(&bout.folder, out));
        }
        fault = fault.or(diverged(&bout.folder, &outcome));
    }
    publish(&[out.to_path_buf()], &out.join(PAGE), show)?;
    fault.map_or(Ok(()), Err)
}
