//! `adieu generate`: what a trained network writes.

use adieu::{Script, Trained, Writing};
use serde_json::json;

use crate::args::Generate;
use crate::fault::Usage;
use crate::terminal;

pub(super) fn run(asked: &Generate) -> anyhow::Result<()> {
    if !(asked.temperature.is_finite() && asked.temperature >= 0.0) {
        return Err(Usage(format!("--temperature: {} is not a number from 0", asked.temperature)).into());
    }
    let trained = Trained::open(&asked.run)?;
    let readout = super::readout(&trained, asked.readout.as_deref())?;
    let script = trained.script()?;
    let start = match &asked.start {
        Some(start) => start.clone(),
        None => trained.sample_text()?,
    };
    let symbols = read(&script, &start)?;
    let writing =
        Writing { length: asked.length as usize, temperature: asked.temperature, seed: asked.seed, readout };
    if asked.json {
        let text = trained.write(&symbols, writing, &mut |_| true)?;
        let said = json!({
            "run": asked.run.display().to_string(),
            "checkpoint": trained.checkpoint().display().to_string(),
            "readout": readout,
            "temperature": asked.temperature,
            "seed": asked.seed,
            "start": start,
            "text": text,
        });
        return terminal::result(&said.to_string());
    }
    terminal::piece(&start)?;
    let mut said = Ok(());
    trained.write(&symbols, writing, &mut |symbol| {
        said = terminal::piece(symbol.encode_utf8(&mut [0; 4]));
        said.is_ok()
    })?;
    said?;
    terminal::piece("\n")
}

/// The symbols of the text to start from, if the network can read it.
fn read(script: &Script, start: &str) -> anyhow::Result<Vec<u8>> {
    let symbols = script.read(start).map_err(|unknown| {
        Usage(format!("--start: the network does not know {unknown:?}; it reads `{}`", script.alphabet()))
    })?;
    if symbols.len() < script.window() {
        let (found, asked) = (symbols.len(), script.window());
        let what =
            format!("--start: the network reads {asked} symbols, not {found}; give {} more", asked - found);
        return Err(Usage(what).into());
    }
    Ok(symbols)
}
