//! `adieu study`: built-in sweeps.

use adieu::sweep::hybrids::{HybridStudy, block_sizes};
use adieu::sweep::study::{GoodnessStudy, compare_goodness};

use super::sweep::{Job, go};
use crate::args::{StudyGoodness, StudyHybrids};
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
    let (shelf, left_out) = {
        let _doing = Doing::begin(manner, "reading the data");
        sweep.keep_possible()?
    };
    for (name, faults) in left_out {
        let why: Vec<String> = faults.faults.iter().map(|fault| fault.what.clone()).collect();
        terminal::message(&format!("{name}: left out: {}", why.join("; ")));
    }
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

pub(super) fn hybrids(asked: &StudyHybrids, manner: Manner) -> anyhow::Result<()> {
    let (data, epochs, seeds) = if asked.quick { ("optdigits", 20, 2) } else { ("mnist", 10, 3) };
    let width = match (asked.convolutional, asked.quick) {
        (false, false) => 500,
        (false, true) => 64,
        (true, false) => 32,
        (true, true) => 8,
    };
    let study = HybridStudy {
        epochs: asked.epochs.unwrap_or(epochs),
        seeds: asked.seeds.unwrap_or(seeds),
        width: asked.width.unwrap_or(width),
        convolutional: asked.convolutional,
        data: asked.data.clone().unwrap_or_else(|| data.into()),
        dir: asked.data_dir.as_deref().map(super::whole).transpose()?,
    };
    let sweep = study.sweep();
    let shelf = {
        let _doing = Doing::begin(manner, "reading the data");
        sweep.check()?
    };
    let out = asked.out.clone().unwrap_or_else(|| super::new_folder("study-hybrids"));
    let mut command = format!(
        "adieu study hybrids --data {} --epochs {} --seeds {} --width {} --out {}",
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
    go(&sweep, shelf, &Job { out: &out, command, show: asked.show, manner }, block_sizes)
}
