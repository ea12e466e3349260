//! `adieu bench suite`: what methods cost to a quality.

use std::path::Path;

use adieu::Sweep;
use adieu::bench::suite::{ENOUGH_RUNS, NUMBERS, PAGE, Suite, TASKS, targets, write};
use adieu::report::quality::table;

use super::report::open;
use super::sweep::{Job, all};
use crate::args::{BenchSuite, SweepShow};
use crate::fault::Usage;
use crate::progress::{Doing, Manner};
use crate::terminal;

pub(super) fn run(asked: &BenchSuite, manner: Manner) -> anyhow::Result<()> {
    let suite = suite(asked)?;
    let name = format!("bench-{}", suite.sweep.name);
    let out = asked.out.clone().unwrap_or_else(|| super::new_folder(&name));
    let mut command = format!("adieu bench suite {} --out {}", asked.task, out.display());
    if let Some(kind) = &asked.data {
        command += &format!(" --data {kind}");
    }
    if let Some(folder) = &asked.data_dir {
        command += &format!(" --data-dir {}", folder.display());
    }
    if let Some(seeds) = asked.seeds {
        command += &format!(" --seeds {seeds}");
    }
    if let Some(errors) = &asked.targets {
        let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
        command += &format!(" --targets {}", errors.join(","));
    }
    let shelf = {
        let _doing = Doing::begin(manner, "reading recipes and data");
        suite.sweep.check()?
    };
    let footer = format!("Made by adieu {} with `{command}`.", env!("CARGO_PKG_VERSION"));
    let show = SweepShow { json: asked.json, open: asked.open };
    all(&suite.sweep, shelf, &Job { out: &out, command, show, manner })?;
    let quality = suite.found(&out)?;
    write(&quality, &out, Some(&footer))?;
    let page = out.join(PAGE);
    if asked.json {
        terminal::result(&serde_json::to_string(&quality)?)?;
    } else {
        let numbers = out.join(NUMBERS);
        terminal::result(&format!(
            "{}\nNumbers: {}\nReport: {}",
            table(&quality),
            numbers.display(),
            page.display()
        ))?;
    }
    if asked.open {
        open(&page);
    }
    Ok(())
}

fn suite(asked: &BenchSuite) -> anyhow::Result<Suite> {
    let mut suite = match TASKS.iter().find(|task| task.name == asked.task) {
        Some(task) => {
            if task.runs < ENOUGH_RUNS && asked.targets.is_none() {
                terminal::message(&format!(
                    "the targets of `{}` are provisional: {} of {ENOUGH_RUNS} reference runs a method stand behind them; \
                     --targets sets others",
                    task.name, task.runs
                ));
            }
            let folder = asked.data_dir.as_deref().map(super::whole).transpose()?;
            let other = asked.data.is_some() || folder.is_some();
            let kind = asked.data.as_deref().unwrap_or(task.data);
            Suite::of(task, asked.seeds.unwrap_or(6), other.then_some((kind, folder.as_deref())))
        }
        None if asked.data.is_some() || asked.data_dir.is_some() => {
            return Err(Usage(
                "a sweep file says itself what is read: leave --data and --data-dir out".into(),
            )
            .into());
        }
        None => {
            let file = Path::new(&asked.task);
            let names: Vec<&str> = TASKS.iter().map(|task| task.name).collect();
            if !file.is_file() {
                let what = format!("{}: neither a task ({}) nor a sweep file", asked.task, names.join(", "));
                return Err(Usage(what).into());
            }
            if asked.targets.is_none() {
                let what = "a sweep file has no targets: say them, in percent, by --targets 5,3";
                return Err(Usage(what.into()).into());
            }
            let mut sweep = Sweep::read(file)?;
            if let Some(bare) = sweep.steps.iter().find(|step| !step.recipe.data.labels) {
                let what = format!(
                    "{}: the step `{}` has no labels (data.labels = false), so there is no error to reach; \
                     `adieu sweep` compares such runs",
                    asked.task, bare.name
                );
                return Err(Usage(what).into());
            }
            sweep.seeds = asked.seeds.unwrap_or(sweep.seeds);
            Suite { sweep, targets: Vec::new() }
        }
    };
    if let Some(errors) = &asked.targets {
        if let Some(bad) = errors.iter().find(|error| !(0.0..100.0).contains(*error)) {
            return Err(Usage(format!("--targets {bad}: an error lies from 0 to below 100 %")).into());
        }
        suite.targets = targets(&errors.iter().map(|error| error / 100.0).collect::<Vec<_>>());
    }
    Ok(suite)
}
