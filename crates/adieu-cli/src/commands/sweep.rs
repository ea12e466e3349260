//! `adieu sweep`: one recipe changed step by step or over a grid, seed by seed.

use std::path::Path;
use std::time::{Duration, Instant};

use adieu::duel::Bout;
use adieu::duel_folder::{DuelFolder, Standing};
use adieu::record::{Outcome, jsonl};
use adieu::report::sweep::{SweepSummary, table};
use adieu::sweep::{PAGE, Shelf, found, write};
use adieu::{Error, RunFolder, Sweep};
use anyhow::{Context, anyhow};
use serde_json::json;

use super::report::open;
use super::train::{again, once};
use crate::args::{self, SweepShow};
use crate::fault::Usage;
use crate::progress::{Doing, Manner};
use crate::{stop, terminal, words};

pub(super) fn run(asked: &args::Sweep, manner: Manner) -> anyhow::Result<()> {
    let mut sweep = Sweep::read(&asked.file)?.with(&asked.settings)?;
    sweep.seeds = asked.seeds.unwrap_or(sweep.seeds);
    for step in &mut sweep.steps {
        if let Some(dir) = &mut step.recipe.data.dir {
            *dir = super::whole(dir)?;
        }
    }
    let out = asked.out.clone().unwrap_or_else(|| super::new_folder(&sweep.name));
    let mut command = format!("adieu sweep {} --out {}", asked.file.display(), out.display());
    for setting in &asked.settings {
        command += &format!(" --set {}", super::quoted(&setting.to_string()));
    }
    if let Some(seeds) = asked.seeds {
        command += &format!(" --seeds {seeds}");
    }
    let shelf = {
        let _doing = Doing::begin(manner, "reading recipes and data");
        sweep.check()?
    };
    go(&sweep, shelf, &Job { out: &out, command, show: asked.show, manner }, |_| {})
}

/// How a sweep is run and told.
pub(super) struct Job<'a> {
    pub(super) out: &'a Path,
    /// What goes on with it.
    pub(super) command: String,
    pub(super) show: SweepShow,
    pub(super) manner: Manner,
}

/// Runs what is not over, then shows what all of it has found; `also` may add to that. Check the sweep first.
pub(super) fn go(
    sweep: &Sweep,
    shelf: Shelf,
    job: &Job<'_>,
    also: impl Fn(&mut SweepSummary),
) -> anyhow::Result<()> {
    all(sweep, shelf, job)?;
    let mut summary = found(sweep, job.out)?;
    also(&mut summary);
    conclude(&summary, job)
}

/// Runs what is not over.
pub(super) fn all(sweep: &Sweep, mut shelf: Shelf, job: &Job<'_>) -> anyhow::Result<()> {
    let other = [("duel", DuelFolder::is_at(job.out)), ("single run", RunFolder::open(job.out).is_ok())];
    if let Some((other, _)) = other.iter().find(|(_, lies_there)| *lies_there) {
        let what = format!("{}: a {other} lies there; choose another --out for the sweep", job.out.display());
        return Err(Usage(what).into());
    }
    let bouts = sweep.bouts(job.out)?;
    let mut times = Times::of(&bouts)?;
    let stop = stop::flag();
    for (i, (step, bout, standing)) in bouts.iter().enumerate() {
        if matches!(standing, Standing::Over(_)) {
            continue;
        }
        let after = times.after(&bouts[i + 1..]);
        let after = after.map(|time| format!(", then about {}", words::duration(time))).unwrap_or_default();
        let place = format!(", {} (run {} of {}{after})", sweep.steps[*step].name, i + 1, bouts.len());
        let begun = Instant::now();
        let outcome = one(bout, standing, &mut shelf, job.manner, &place, &stop)?;
        if outcome == Outcome::Interrupted {
            let run = bout.folder.display();
            return Err(anyhow!("{run}: interrupted, and saved; go on with `{}`", job.command));
        }
        times.took(*step, begun.elapsed());
    }
    Ok(())
}

fn one(
    bout: &Bout,
    standing: &Standing,
    shelf: &mut Shelf,
    manner: Manner,
    place: &str,
    stop: &std::sync::Arc<std::sync::atomic::AtomicBool>,
) -> anyhow::Result<Outcome> {
    let ended = match standing {
        Standing::Over(outcome) => return Ok(outcome.clone()),
        Standing::Begun => again(&bout.folder, shelf.data(&bout.recipe), manner, place, stop)?,
        Standing::Fresh => {
            let plan = shelf.plan(bout.recipe.clone(), "the sweep's step")?;
            once(plan, &bout.folder, manner, place, stop)?
        }
    };
    Ok(ended.outcome)
}

fn conclude(summary: &SweepSummary, job: &Job<'_>) -> anyhow::Result<()> {
    let footer = format!("Made by adieu {} with `{}`.", env!("CARGO_PKG_VERSION"), job.command);
    write(summary, job.out, Some(footer))?;
    let page = job.out.join(PAGE);
    if job.show.json {
        let mut told = serde_json::to_value(summary).context("cannot write the summary as JSON")?;
        told["report"] = json!(page.display().to_string());
        terminal::result(&told.to_string())?;
    } else {
        terminal::result(&format!("{}\nReport: {}", table(summary), page.display()))?;
    }
    if job.show.open {
        open(&page);
    }
    Ok(())
}

/// How long runs took, by step: what is known of a step tells what its other seeds will take.
struct Times(Vec<(usize, Duration)>);

impl Times {
    /// What the runs that are over took.
    fn of(bouts: &[(usize, Bout, Standing)]) -> anyhow::Result<Times> {
        let mut times = Times(Vec::new());
        for (step, bout, standing) in bouts {
            if matches!(standing, Standing::Over(_)) {
                let events = RunFolder::open(&bout.folder)?.events();
                let record = jsonl::read(&events).map_err(Error::from)?;
                let last = record.events.last().map_or(0, |last| last.at_ns);
                times.took(*step, Duration::from_nanos(last));
            }
        }
        Ok(times)
    }

    fn took(&mut self, step: usize, time: Duration) {
        self.0.push((step, time));
    }

    /// About how long the runs in `left` will take; `None` if none was run yet, or none is left.
    fn after(&self, left: &[(usize, Bout, Standing)]) -> Option<Duration> {
        let mean = |times: Vec<Duration>| {
            let count = u32::try_from(times.len()).ok().filter(|count| *count > 0)?;
            Some(times.iter().sum::<Duration>() / count)
        };
        let all = mean(self.0.iter().map(|(_, time)| *time).collect())?;
        let of =
            |step: usize| mean(self.0.iter().filter(|(s, _)| *s == step).map(|(_, time)| *time).collect());
        let left: Vec<usize> = left
            .iter()
            .filter(|(_, _, standing)| !matches!(standing, Standing::Over(_)))
            .map(|(step, ..)| *step)
            .collect();
        (!left.is_empty()).then(|| left.into_iter().map(|step| of(step).unwrap_or(all)).sum())
    }
}
