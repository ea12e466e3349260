//! What a run says of itself at its start.

use std::path::Path;

use adieu_record::event::FORMAT;
use adieu_record::{DataInfo, Machine, Network, Program, RunStart, Split};

use crate::plan::Plan;

/// Everything needed to know what is run, on what.
pub(crate) fn describe(plan: &Plan, network: Network, readouts: Vec<&'static str>, unix_ms: u64) -> RunStart {
    let info = &plan.data.info;
    let image = info.image;
    RunStart {
        format: FORMAT,
        name: plan.recipe.name.clone(),
        learner: plan.recipe.learner.name().into(),
        seed: plan.recipe.seed,
        unix_ms,
        recipe: serde_json::to_value(&plan.recipe).expect("a recipe is made of strings, numbers and lists"),
        program: program(),
        machine: machine(),
        network,
        data: DataInfo {
            name: info.name.clone(),
            source: info.origin.to_string(),
            licence: info.licence.clone(),
            image: Some([image.height as u64, image.width as u64, image.channels as u64]),
            classes: info.classes.clone(),
            train_rows: plan.rows(Split::Train).len() as u64,
            validation_rows: plan.rows(Split::Validation).len() as u64,
            test_rows: plan.rows(Split::Test).len() as u64,
        },
        epochs: plan.recipe.train.epochs,
        steps_per_epoch: plan.steps_per_epoch(),
        batch: plan.recipe.train.batch,
        readouts: readouts.into_iter().map(Into::into).collect(),
    }
}

fn program() -> Program {
    Program {
        name: "adieu".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        profile: if cfg!(debug_assertions) { "dev" } else { "release" }.into(),
        target: format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS),
    }
}

pub(crate) fn machine() -> Machine {
    Machine {
        isa: Some(adieu_kernels::isa().name().into()),
        threads: Some(rayon::current_num_threads() as u64),
        ..adieu_meter::machine(Path::new("/"))
    }
}
