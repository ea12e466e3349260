//! Runs for tests, derived from the made-up records in `tests/sample`.

#[path = "../tests/sample/mod.rs"]
mod records;

pub(crate) use records::*;

use adieu_record::{Event, PictureKind, Reconstruction};

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

/// The same two learners without labels: rows are given back.
pub(crate) fn unlabelled(seeds: &[u64]) -> Vec<Run> {
    let records = duel_records(seeds).into_iter().map(|(folder, mut events)| {
        events.iter_mut().for_each(|stamped| without_labels(&mut stamped.event));
        Run::from_events(&folder, &events).expect("a sound record")
    });
    records.collect()
}

fn without_labels(event: &mut Event) {
    match event {
        Event::RunStarted(start) => {
            start.data.classes.clear();
            start.readouts = vec!["reconstruction".into()];
        }
        Event::Evaluated(e) => {
            let squared_error = e.error.map_or(0.0, |error| 0.002 + error);
            e.readout = "reconstruction".into();
            (e.errors, e.error, e.confusion) = (None, None, None);
            e.reconstruction = Some(Reconstruction { squared_error, of_mean_row: 0.067 });
        }
        Event::Pictured { kind, .. } if *kind == PictureKind::Mistakes => {
            *kind = PictureKind::Reconstructions
        }
        _ => {}
    }
}
