//! Judging rows by a read-out: errors, confusion, worst mistakes. Off the training clock.

use std::time::Instant;

use adieu_core::learn::{Diverged, Learner};
use adieu_core::parts::block::Net;
use adieu_core::parts::chance::{Purpose, Rng};
use adieu_core::parts::host::view;
use adieu_record::{Detection, Split};
use adieu_report::detection::{auroc, average_precision};

use crate::plan::Plan;

/// Rows judged at once: enough to keep the products busy, few enough to stay in cache and to answer Ctrl-C.
pub(crate) const PORTION: usize = 500;

/// What judging some rows gave.
pub(crate) struct Judgement {
    pub(crate) rows: u64,
    pub(crate) errors: u64,
    /// `[truth][guess]`.
    pub(crate) confusion: Vec<Vec<u64>>,
    /// Where anomalies are to be found; `None` too if all rows or none are some.
    pub(crate) detection: Option<Detection>,
    /// Misjudged rows, worst first.
    pub(crate) mistakes: Vec<Mistake>,
    pub(crate) time_ns: u64,
}

/// A misjudged row.
pub(crate) struct Mistake {
    pub(crate) row: u32,
    pub(crate) truth: u8,
    pub(crate) guess: u8,
    /// By how much the guess's score beat the truth's.
    pub(crate) margin: f64,
}

/// Why judging ended early.
pub(crate) enum Cut {
    /// A score was not finite.
    Diverged(Diverged),
    /// Somebody asked to stop.
    Stopped,
}

/// Judges rows `ids` of `split` by `readout`. `go_on` is asked after each portion.
pub(crate) fn judge(
    plan: &Plan,
    net: &Net,
    learner: &dyn Learner,
    (split, ids): (Split, &[u32]),
    readout: &str,
    go_on: &mut dyn FnMut() -> bool,
) -> Result<Judgement, Cut> {
    let begun = Instant::now();
    let classes = plan.task.classes;
    let mut judgement = Judgement {
        rows: ids.len() as u64,
        errors: 0,
        confusion: vec![vec![0; classes]; classes],
        detection: None,
        mistakes: Vec::new(),
        time_ns: 0,
    };
    let (mut unlike, mut anomalous) = (Vec::new(), Vec::new());
    for ids in ids.chunks(PORTION) {
        let batch = plan.batch_of(split, ids);
        let scores = view(&learner.predict(net, &batch.x, readout)).to_vec();
        if scores.iter().any(|score| !score.is_finite()) {
            return Err(Cut::Diverged(Diverged { layer: None, what: "a score in evaluation" }));
        }
        if plan.task.detect {
            unlike.extend(scores.chunks_exact(classes).map(|row| f64::from(row[1]) - f64::from(row[0])));
            anomalous.extend(batch.labels.iter().map(|label| *label == 1));
        }
        for ((row, truth), id) in scores.chunks_exact(classes).zip(&batch.labels).zip(ids) {
            let guess = best(row);
            judgement.confusion[usize::from(*truth)][guess] += 1;
            if guess != usize::from(*truth) {
                judgement.errors += 1;
                let margin = f64::from(row[guess]) - f64::from(row[usize::from(*truth)]);
                judgement.mistakes.push(Mistake { row: *id, truth: *truth, guess: guess as u8, margin });
            }
        }
        if !go_on() {
            return Err(Cut::Stopped);
        }
    }
    judgement.detection = detection(&unlike, &anomalous);
    judgement.mistakes.sort_by(|a, b| b.margin.total_cmp(&a.margin));
    judgement.time_ns = begun.elapsed().as_nanos() as u64;
    Ok(judgement)
}

/// How well `unlike` tells the anomalous rows.
fn detection(unlike: &[f64], anomalous: &[bool]) -> Option<Detection> {
    let auroc = auroc(unlike, anomalous)?;
    let average_precision = average_precision(unlike, anomalous)?;
    let anomalies = anomalous.iter().filter(|anomalous| **anomalous).count() as u64;
    Some(Detection { anomalies, auroc, average_precision })
}

/// Index of the highest score; the first of equals.
pub(crate) fn best(row: &[f32]) -> usize {
    (0..row.len()).fold(0, |best, i| if row[i] > row[best] { i } else { best })
}

/// A fixed sample of at most `rows` row numbers: the same at every epoch and for every learner of this seed.
pub(crate) fn sample(seed: u64, all: std::ops::Range<u32>, rows: u64) -> Vec<u32> {
    let mut ids: Vec<u32> = all.collect();
    if (rows as usize) < ids.len() {
        Rng::stream(seed, Purpose::Probe, 0).shuffle(&mut ids);
        ids.truncate(rows as usize);
        ids.sort_unstable();
    }
    ids
}
