//! `adieu export`: records in the formats of others.

use std::path::Path;

use adieu::RunFolder;
use adieu::record::{Event, Stamped, jsonl};
use adieu::report::export::{csv, json, mllog, tensorboard};
use anyhow::Context;

use super::mlflow::Server;
use crate::args::{Export, ExportFormat};
use crate::fault::Usage;
use crate::terminal;

pub(super) fn run(asked: &Export) -> anyhow::Result<()> {
    let folder = RunFolder::open(&asked.run)?;
    let record = jsonl::read(&folder.events()).map_err(adieu::Error::from)?;
    if !matches!(record.events.first().map(|first| &first.event), Some(Event::RunStarted(_))) {
        let what = format!(
            "{}: does not begin with the start of a run; see `adieu lint`",
            folder.events().display()
        );
        return Err(anyhow::anyhow!(what));
    }
    let sent = asked.format == ExportFormat::Mlflow;
    if !sent && (asked.to.is_some() || asked.experiment.is_some()) {
        return Err(Usage("--to and --experiment go with --as mlflow".into()).into());
    }
    let bytes = match asked.format {
        ExportFormat::Mlflow => return mlflow(asked, &record.events),
        ExportFormat::Csv => csv(&record.events).into_bytes(),
        ExportFormat::Json => json(&record.events).into_bytes(),
        ExportFormat::Mllog => mllog(&record.events).into_bytes(),
        ExportFormat::Tensorboard => tensorboard(&record.events),
    };
    let out = match (&asked.out, asked.format) {
        (Some(out), ExportFormat::Tensorboard) if !named_for_tensorboard(out) => {
            let what = format!("{}: TensorBoard reads files with `tfevents` in their name", out.display());
            return Err(Usage(what).into());
        }
        (Some(out), _) => out.clone(),
        (None, ExportFormat::Tensorboard) => asked.run.join("events.out.tfevents.0.adieu"),
        (None, _) => return terminal::result(&String::from_utf8_lossy(&bytes)),
    };
    std::fs::write(&out, bytes).with_context(|| format!("{}: cannot be written", out.display()))?;
    terminal::message(&format!("written: {}", out.display()));
    Ok(())
}

fn mlflow(asked: &Export, events: &[Stamped]) -> anyhow::Result<()> {
    let Some(to) = &asked.to else {
        let what = "say where MLflow's tracking server is, as in --to http://127.0.0.1:5000";
        return Err(Usage(what.into()).into());
    };
    if asked.out.is_some() {
        return Err(Usage("--as mlflow sends, and writes no file: leave --out away".into()).into());
    }
    let upload = adieu::report::export::mlflow(events).context("the record begins with its start")?;
    let server = Server::at(to)?;
    let place = server.send(&upload, asked.experiment.as_deref().unwrap_or("adieu"))?;
    terminal::result(&place)
}

fn named_for_tensorboard(out: &Path) -> bool {
    out.file_name().is_some_and(|name| name.to_string_lossy().contains("tfevents"))
}
