//! `adieu study`: built-in sweeps.

use adieu::Sweep;
use adieu::report::sweep::SweepSummary;
use adieu::sweep::study::{GoodnessStudy, compare_goodness};
use adieu::sweep::{NetworkStudy, Shelf, hybrids, rules};

use super::sweep::{Job, go};
use crate::args::{StudyGoodness, StudyNetwork};
use crate::fault::Usage;
use crate::progress::{Doing, Manner};
use crate::terminal;

pub(super) fn goodness(asked: &StudyGoodness, manner: Manner) -> anyhow::Result<()> {
    let (epochs, seeds, width) = if asked.quick { (1, 2, 100) } else { (5, 3, 500) };
    let study = GoodnessStudy {
        epochs: asked.epochs.unwrap_or(epochs),
        seeds: asked.seeds.unwrap_or(seeds),
        hidden: vec![width; 2],
        activations: asked.activations.clone(),
        dir: asked.dir.as_deref().map(super::whole).transpose()?,
    };
    let mut sweep = study.sweep()?;
    let mut shelf = Shelf::default();
    possible(&mut sweep, &mut shelf, manner)?;
    let out = asked.out.clone().unwrap_or_else(|| super::new_folder("study-goodness"));
    let mut command = format!(
        "adieu study goodness --epochs {} --seeds {} --out {}",
        study.epochs,
        study.seeds,
        out.display()
    );
    if let Some(dir) = &study.dir {
        command += &format!(" --dir {}", dir.display());
    }
    let names: Vec<&str> = study.activations.iter().map(|activation| activation.name()).collect();
    command += &format!(" --activations {}", names.join(","));
    if asked.quick {
        command += " --quick";
    }
    go(&sweep, shelf, &Job { out: &out, command, show: asked.show, manner }, compare_goodness)
}

pub(super) fn hybrids(asked: &StudyNetwork, manner: Manner) -> anyhow::Result<()> {
    let study = network(asked)?;
    let sweep = hybrids::sweep(&study);
    of_network("hybrids", asked, &study, (sweep, Shelf::default()), manner, hybrids::conclude)
}

pub(super) fn rules(asked: &StudyNetwork, manner: Manner) -> anyhow::Result<()> {
    let (mut study, mut shelf) = (network(asked)?, Shelf::default());
    let classes = {
        let _doing = Doing::begin(manner, "reading the data");
        study.classes(&mut shelf)?
    };
    if study.convolutional && !study.width.is_multiple_of(classes) {
        let below = study.width / classes * classes;
        let (width, above) = (study.width, below + classes);
        if asked.width.is_some() {
            let near = if below > 0 { format!("{below} or {above}") } else { above.to_string() };
            let what = "rules that give each class channels of its own want as many of each";
            return Err(Usage(format!(
                "--width {width}: {what}; choose {near}, or another multiple of {classes}"
            ))
            .into());
        }
        study.width = above;
    }
    let conclude = |summary: &mut SweepSummary| rules::conclude(&study, summary);
    of_network("rules", asked, &study, (rules::sweep(&study, classes), shelf), manner, conclude)
}

fn network(asked: &StudyNetwork) -> anyhow::Result<NetworkStudy> {
    let (data, epochs, seeds) = if asked.quick { ("optdigits", 20, 2) } else { ("mnist", 10, 3) };
    let width = match (asked.convolutional, asked.quick) {
        (false, false) => 500,
        (false, true) => 60,
        (true, false) => 40,
        (true, true) => 10,
    };
    Ok(NetworkStudy {
        epochs: asked.epochs.unwrap_or(epochs),
        seeds: asked.seeds.unwrap_or(seeds),
        width: asked.width.unwrap_or(width),
        convolutional: asked.convolutional,
        data: asked.data.clone().unwrap_or_else(|| data.into()),
        dir: asked.data_dir.as_deref().map(super::whole).transpose()?,
    })
}

/// Runs the study called `name`; what its learners refuse of this network and data is left out, and said.
fn of_network(
    name: &str,
    asked: &StudyNetwork,
    study: &NetworkStudy,
    (mut sweep, mut shelf): (Sweep, Shelf),
    manner: Manner,
    conclude: impl Fn(&mut SweepSummary),
) -> anyhow::Result<()> {
    possible(&mut sweep, &mut shelf, manner)?;
    let out = asked.out.clone().unwrap_or_else(|| super::new_folder(&format!("study-{name}")));
    let mut command = format!(
        "adieu study {name} --data {} --epochs {} --seeds {} --width {} --out {}",
        study.data,
        study.epochs,
        study.seeds,
        study.width,
        out.display()
    );
    if let Some(dir) = &study.dir {
        command += &format!(" --data-dir {}", dir.display());
    }
    if study.convolutional {
        command += " --convolutional";
    }
    go(&sweep, shelf, &Job { out: &out, command, show: asked.show, manner }, conclude)
}

/// Reads the data and leaves out, with a word, what cannot be.
fn possible(sweep: &mut Sweep, shelf: &mut Shelf, manner: Manner) -> anyhow::Result<()> {
    let left_out = {
        let _doing = Doing::begin(manner, "reading the data");
        sweep.keep_possible(shelf)?
    };
    for (name, faults) in left_out {
        let why: Vec<String> = faults.faults.iter().map(|fault| fault.what.clone()).collect();
        terminal::message(&format!("{name}: left out: {}", why.join("; ")));
    }
    Ok(())
}
