//! Judging rows by a read-out: errors, confusion, worst mistakes; or, without labels, how near what comes back of them is.
//! Off the training clock.

use std::time::Instant;

use adieu_core::learn::{Diverged, Goal, Learner};
use adieu_core::parts::block::Net;
use adieu_core::parts::chance::{Purpose, Rng};
use adieu_core::parts::host::view;
use adieu_record::{Detection, Evaluation, Reconstruction, Split};
use adieu_report::detection::{auroc, average_precision};

use crate::plan::Plan;
use crate::reconstruct::Squares;

/// Rows judged at once: enough to keep the products busy, few enough to stay in cache and to answer Ctrl-C.
pub(crate) const PORTION: usize = 500;

/// What judging some rows gave.
pub(crate) struct Judgement {
    pub(crate) rows: u64,
    /// What labels say; `None` where there are none.
    labelled: Option<Labelled>,
    /// Where anomalies are to be found; `None` too if all rows or none are some.
    detection: Option<Detection>,
    /// Where rows are to be given back.
    reconstruction: Option<Reconstruction>,
    pub(crate) time_ns: u64,
}

/// What judging rows by their labels gave.
struct Labelled {
    errors: u64,
    /// `[truth][guess]`.
    confusion: Vec<Vec<u64>>,
    /// Misjudged rows, worst first.
    mistakes: Vec<Mistake>,
}

/// Where a run stands.
pub(crate) struct At {
    pub(crate) epoch: u64,
    pub(crate) step: u64,
    pub(crate) train_ns: u64,
    /// Whether this is the last word on the split.
    pub(crate) last: bool,
}

impl Judgement {
    /// Misjudged rows, worst first; none without labels.
    pub(crate) fn mistakes(&self) -> &[Mistake] {
        self.labelled.as_ref().map_or(&[], |labelled| &labelled.mistakes)
    }

    /// As the record tells it; the confusion is in the last word alone.
    pub(crate) fn evaluation(&self, split: Split, readout: &str, at: At) -> Evaluation {
        let labelled = self.labelled.as_ref();
        Evaluation {
            epoch: at.epoch,
            step: at.step,
            split,
            readout: readout.into(),
            rows: self.rows,
            errors: labelled.map(|labelled| labelled.errors),
            error: labelled.map(|labelled| labelled.errors as f64 / self.rows as f64),
            train_ns: at.train_ns,
            evaluation_ns: self.time_ns,
            last: at.last,
            confusion: labelled.filter(|_| at.last).map(|labelled| labelled.confusion.clone()),
            detection: self.detection,
            reconstruction: self.reconstruction,
        }
    }
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
    let goal = plan.task.goal;
    let classes = plan.task.classes;
    let mut labelled =
        Labelled { errors: 0, confusion: vec![vec![0; classes]; classes], mistakes: Vec::new() };
    let (mut unlike, mut anomalous) = (Vec::new(), Vec::new());
    let mut squares = Squares::default();
    for ids in ids.chunks(PORTION) {
        let batch = plan.batch_of(split, ids);
        let said = view(&learner.predict(net, &batch.x, readout)).to_vec();
        if said.iter().any(|score| !score.is_finite()) {
            return Err(Cut::Diverged(Diverged { layer: None, what: "a score in evaluation" }));
        }
        match goal {
            Goal::Reconstruct => squares.add(&view(&batch.x), &said, plan.mean_row()),
            Goal::Classify => labelled.add(&said, &batch.labels, ids),
            Goal::Detect => {
                unlike.extend(said.chunks_exact(classes).map(|row| f64::from(row[1]) - f64::from(row[0])));
                anomalous.extend(batch.labels.iter().map(|label| *label == 1));
                labelled.add(&said, &batch.labels, ids);
            }
        }
        if !go_on() {
            return Err(Cut::Stopped);
        }
    }
    labelled.mistakes.sort_by(|a, b| b.margin.total_cmp(&a.margin));
    Ok(Judgement {
        rows: ids.len() as u64,
        labelled: (goal != Goal::Reconstruct).then_some(labelled),
        detection: detection(&unlike, &anomalous),
        reconstruction: squares.means(),
        time_ns: begun.elapsed().as_nanos() as u64,
    })
}

impl Labelled {
    /// Judges the rows `ids` of these labels by their scores.
    fn add(&mut self, scores: &[f32], labels: &[u8], ids: &[u32]) {
        let classes = self.confusion.len();
        for ((row, truth), id) in scores.chunks_exact(classes).zip(labels).zip(ids) {
            let guess = best(row);
            self.confusion[usize::from(*truth)][guess] += 1;
            if guess != usize::from(*truth) {
                self.errors += 1;
                let margin = f64::from(row[guess]) - f64::from(row[usize::from(*truth)]);
                self.mistakes.push(Mistake { row: *id, truth: *truth, guess: guess as u8, margin });
            }
        }
    }
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
