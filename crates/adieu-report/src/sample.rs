//! Runs for tests, derived from the made-up records in `tests/sample`.

#[path = "../tests/sample/mod.rs"]
mod records;

pub(crate) use records::*;

use crate::Run;

/// For each seed a Forward-Forward run, then a back-propagation run.
pub(crate) fn duel(seeds: &[u64]) -> Vec<Run> {
    let records = duel_records(seeds);
    records.iter().map(|(folder, events)| Run::from_events(folder, events).expect("a sound record")).collect()
}

/// A run that diverged before its first evaluation.
pub(crate) fn diverged() -> Run {
    Run::from_events("runs/diverged", &diverged_record()).expect("a sound record")
}
