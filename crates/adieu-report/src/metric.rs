//! The quantities runs are compared by. One line a quantity: table, summary, headline and JSON follow.

use adieu_record::Unit;

use crate::summary::RunSummary;

/// One quantity of a run.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Name of its field in [`RunSummary`], and its key in groups and comparisons.
    pub key: &'static str,
    /// For people.
    pub label: &'static str,
    /// What it is, in a sentence.
    pub meaning: &'static str,
    /// Its unit.
    pub unit: Unit,
    /// Reads it from a run; `None` where it was not measured.
    pub of: fn(&RunSummary) -> Option<f64>,
}

/// Every quantity, in the order of the costs table. The first is compared by difference, the rest by ratio; of the first two
/// a run has one, as it has labels or none.
pub const METRICS: &[Metric] = &[
    Metric {
        key: "test_error",
        label: "Test error",
        meaning: "Rows of the test set misjudged by the learner’s own read-out, after its last evaluation.",
        unit: Unit::Fraction,
        of: |r| r.test_error,
    },
    Metric {
        key: "reconstruction_error",
        label: "Reconstruction error",
        meaning: "Without labels: mean squared error of what comes back of the test rows, as a share of what answering each with the mean training row gives.",
        unit: Unit::Fraction,
        of: |r| r.reconstruction_error,
    },
    Metric {
        key: "train_seconds",
        label: "Training time",
        meaning: "Training clock: learning and waiting for data; evaluation and checkpoints are off it.",
        unit: Unit::Seconds,
        of: |r| r.train_seconds,
    },
    Metric {
        key: "wall_seconds",
        label: "Wall-clock time",
        meaning: "The whole run, everything included, pauses between resumes excluded.",
        unit: Unit::Seconds,
        of: |r| r.wall_seconds,
    },
    Metric {
        key: "cpu_seconds",
        label: "Processor time",
        meaning: "Time of all threads on processors, over the whole run.",
        unit: Unit::Seconds,
        of: |r| r.cpu_seconds,
    },
    Metric {
        key: "energy_joules",
        label: "Energy",
        meaning: "Of the processor packages and memories, or of the board’s input, over the whole run and with what other programs took; nothing is taken off for an idle machine.",
        unit: Unit::Joules,
        of: |r| r.energy_joules,
    },
    Metric {
        key: "evaluation_seconds",
        label: "Evaluation time",
        meaning: "All evaluations together, off the training clock.",
        unit: Unit::Seconds,
        of: |r| r.evaluation_seconds,
    },
    Metric {
        key: "stall_seconds",
        label: "Waiting for data",
        meaning: "Part of the training clock in which the learner waited for a batch.",
        unit: Unit::Seconds,
        of: |r| r.stall_seconds,
    },
    Metric {
        key: "peak_alloc_bytes",
        label: "Peak memory",
        meaning: "Most bytes the program had allocated at one moment.",
        unit: Unit::Bytes,
        of: |r| r.peak_alloc_bytes,
    },
    Metric {
        key: "saved_peak_bytes",
        label: "Kept for credit",
        meaning: "Most bytes of values kept from the forward pass until credit was assigned.",
        unit: Unit::Bytes,
        of: |r| r.saved_peak_bytes,
    },
    Metric {
        key: "resident_peak_bytes",
        label: "Peak resident",
        meaning: "Most memory of the process in RAM, by the operating system’s account.",
        unit: Unit::Bytes,
        of: |r| r.resident_peak_bytes,
    },
    Metric {
        key: "macs",
        label: "Multiply-adds",
        meaning: "Multiply-add pairs of the whole training, counted, not timed.",
        unit: Unit::MultiplyAdds,
        of: |r| r.macs,
    },
    Metric {
        key: "parameters",
        label: "Parameters",
        meaning: "All trained numbers of the network, heads included.",
        unit: Unit::Count,
        of: |r| Some(r.parameters as f64),
    },
];

/// What runs are judged by: they have the one with labels, the other without.
const QUALITIES: [&str; 2] = ["test_error", "reconstruction_error"];

/// Whether a table of these runs is to have a place for the metric of that key: a quality that none of them can have has
/// none, unless there is no quality at all.
pub(crate) fn belongs(key: &str, runs: &[RunSummary]) -> bool {
    let has = |key: &str| runs.iter().any(|run| (metric(key).of)(run).is_some());
    match key {
        "test_error" => has(key) || !has("reconstruction_error"),
        "reconstruction_error" => has(key),
        _ => true,
    }
}

/// The key of what these runs are judged by; the first of both.
pub(crate) fn quality(runs: &[RunSummary]) -> &'static str {
    QUALITIES.into_iter().find(|key| belongs(key, runs)).unwrap_or(QUALITIES[0])
}

/// The metric of that key. The key must be one of [`METRICS`].
pub(crate) fn metric(key: &str) -> &'static Metric {
    METRICS.iter().find(|m| m.key == key).unwrap_or(&METRICS[0])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn every_metric_is_the_field_it_is_named_after() {
        let runs = sample::duel(&[1]);
        let summary = crate::Summary::of(&runs);
        for run in &summary.runs {
            let json = serde_json::to_value(run).unwrap();
            for metric in METRICS.iter().filter(|metric| belongs(metric.key, &summary.runs)) {
                assert_eq!(json[metric.key].as_f64(), (metric.of)(run), "{}", metric.key);
                assert!(json[metric.key].is_number(), "{}: the sample has every metric", metric.key);
            }
        }
    }
}
