//! The log format of MLCommons, to be checked by its own checker with the rules in `reference/mllog/adieu.yaml`. It is the
//! format and nothing more: no result of adieu is an MLPerf result.
//!
//! `:::MLLOG {"namespace", "time_ms", "event_type", "key", "value", "metadata"}`, one a line.

use adieu_record::{Evaluation, Event, Outcome, Reading, RunStart, Split, Stamped, Value};
use serde_json::{Value as Json, json};

use crate::run::standing;

/// The log, a line an event. A run that was killed has no `run_stop`, and the checker says so.
pub fn mllog(events: &[Stamped]) -> String {
    let Some(Stamped { event: Event::RunStarted(start), .. }) = events.first() else { return String::new() };
    let mut log = Log { text: String::new(), start, line: 1, open: None, begun: false };
    for stamped in standing(events).0 {
        log.line = stamped.seq + 1;
        log.take(stamped);
    }
    log.text
}

struct Log<'a> {
    text: String,
    start: &'a RunStart,
    /// Line of the record that is told.
    line: u64,
    /// Epoch that has begun.
    open: Option<u64>,
    begun: bool,
}

impl Log<'_> {
    fn write(&mut self, at_ns: u64, kind: &str, key: &str, value: &Json, mut metadata: Json) {
        metadata["file"] = json!("events.jsonl");
        metadata["lineno"] = json!(self.line);
        let time_ms = self.start.unix_ms + at_ns / 1_000_000;
        let line = json!({ "namespace": "", "time_ms": time_ms, "event_type": kind, "key": key, "value": value, "metadata": metadata });
        self.text += &format!(":::MLLOG {line}\n");
    }

    fn point(&mut self, at_ns: u64, key: &str, value: &Json, metadata: Json) {
        self.write(at_ns, "POINT_IN_TIME", key, value, metadata);
    }

    fn begin(&mut self, at_ns: u64, key: &str, metadata: Json) {
        self.write(at_ns, "INTERVAL_START", key, &Json::Null, metadata);
    }

    fn end(&mut self, at_ns: u64, key: &str, metadata: Json) {
        self.write(at_ns, "INTERVAL_END", key, &Json::Null, metadata);
    }

    fn take(&mut self, Stamped { at_ns, event, .. }: &Stamped) {
        let at = *at_ns;
        match event {
            Event::RunStarted(_) => self.head(),
            Event::EpochStarted { epoch, .. } => {
                self.close(at);
                self.run_begins(at);
                self.begin(at, "epoch_start", json!({ "epoch_num": epoch }));
                self.open = Some(*epoch);
            }
            Event::Evaluated(evaluation) => {
                self.run_begins(at);
                self.close(at.saturating_sub(evaluation.evaluation_ns));
                self.evaluated(at, evaluation);
            }
            Event::Metered { epoch, phases, readings, .. } => {
                self.close(at);
                let of = |metadata: &str| json!({ "epoch_num": epoch, "of": metadata });
                let stall: u64 = phases.iter().filter(|p| p.phase == "stall").map(|p| p.time_ns).sum();
                self.point(at, "adieu_stall_ms", &json!(stall as f64 / 1e6), of("the run so far"));
                for (name, key) in
                    [("allocated_peak", "adieu_peak_alloc_bytes"), ("energy", "adieu_energy_j")]
                {
                    let whole = |r: &&Reading| r.name == name && r.part.is_none();
                    match readings.iter().find(whole).map(|r| &r.value) {
                        Some(Value::Measured { value, source, coverage }) => {
                            let metadata =
                                json!({ "epoch_num": epoch, "source": source, "coverage": coverage });
                            self.point(at, key, &json!(value), metadata);
                        }
                        Some(Value::Estimated { lo, mid, hi, model }) => {
                            let metadata = json!({ "epoch_num": epoch, "model": model, "lo": lo, "hi": hi });
                            self.point(at, &format!("{key}_estimated"), &json!(mid), metadata);
                        }
                        Some(Value::Unavailable { why, .. }) => {
                            self.point(
                                at,
                                &format!("{key}_unavailable"),
                                &json!(why),
                                json!({ "epoch_num": epoch }),
                            );
                        }
                        None => {}
                    }
                }
            }
            Event::RunEnded { outcome, steps, .. } => {
                self.close(at);
                self.run_begins(at);
                let status = if *outcome == Outcome::Finished { "success" } else { "aborted" };
                let samples = steps * self.start.batch;
                self.end(at, "run_stop", json!({ "status": status, "samples_count": samples }));
            }
            _ => {}
        }
    }

    fn head(&mut self) {
        let (start, data) = (self.start, &self.start.data);
        let rows = if data.validation_rows > 0 { data.validation_rows } else { data.test_rows };
        let platform = start.machine.cpu.clone().unwrap_or_else(|| "a machine that does not tell".into());
        self.begin(0, "init_start", json!({}));
        for (key, value) in [
            ("submission_org", json!("adieu")),
            ("submission_platform", json!(platform)),
            ("submission_benchmark", json!(start.name)),
            ("adieu_method", json!(start.learner)),
            ("seed", json!(start.seed)),
            ("global_batch_size", json!(start.batch)),
            ("train_samples", json!(data.train_rows)),
            ("eval_samples", json!(rows)),
        ] {
            self.point(0, key, &value, json!({}));
        }
    }

    fn run_begins(&mut self, at: u64) {
        if !self.begun {
            self.end(at, "init_stop", json!({}));
            self.begin(at, "run_start", json!({}));
            self.begun = true;
        }
    }

    fn close(&mut self, at: u64) {
        if let Some(epoch) = self.open.take() {
            self.end(at, "epoch_stop", json!({ "epoch_num": epoch }));
        }
    }

    fn evaluated(&mut self, at: u64, e: &Evaluation) {
        let split = match e.split {
            Split::Train => "train",
            Split::Validation => "validation",
            Split::Test => "test",
        };
        let metadata = json!({ "epoch_num": e.epoch, "split": split, "readout": e.readout, "rows": e.rows });
        self.begin(at.saturating_sub(e.evaluation_ns), "eval_start", metadata.clone());
        if let Some(error) = e.error {
            self.point(at, "eval_accuracy", &json!(1.0 - error), metadata.clone());
        }
        if let Some(rebuilt) = e.reconstruction {
            self.point(at, "adieu_squared_error", &json!(rebuilt.squared_error), metadata.clone());
        }
        self.end(at, "eval_stop", metadata);
    }
}
