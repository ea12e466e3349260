//! What MLflow's tracking server is told of a run, by its REST API 2.0: which requests, in which order, with which bodies.
//! Sending them is for those who may talk to a network.
//!
//! ```text
//! GET  experiments/get-by-name?experiment_name=…    or, where there is none of that name,
//! POST experiments/create   {name}                                             → experiment_id
//! POST runs/create          {experiment_id, run_name, start_time, tags}        → run.info.run_id
//! POST runs/log-batch       {run_id, metrics, params, tags}                    as often as its limits ask for
//! POST runs/update          {run_id, status, end_time}
//! ```
//!
//! Parameters are the recipe's leaves (`learner.optimizer.kind`), metrics are named as in TensorBoard, with `_` for what
//! MLflow's names cannot hold. What was not measured is no metric but a tag with the reason.

use adieu_record::{Event, Outcome, RunStart, Stamped};
use serde_json::{Value as Json, json};

use super::{numbers, tag};
use crate::run::standing;

/// Most metrics of a batch, by MLflow's documentation.
pub const METRICS: usize = 1000;
/// Most parameters of a batch.
pub const PARAMS: usize = 100;
/// Most tags of a batch.
pub const TAGS: usize = 100;
/// Most metrics, parameters and tags together of a batch.
const ALL: usize = 1000;
/// Most characters of a parameter's value.
const VALUE: usize = 6000;
/// Most characters of a tag's value.
const TAG: usize = 5000;
/// Most characters of a name.
const KEY: usize = 250;

/// A run for MLflow. Bodies lack the ids, which the server gives.
#[derive(Clone, Debug, PartialEq)]
pub struct Upload {
    run_name: String,
    start_ms: u64,
    /// By metrics, parameters and tags.
    batches: Vec<[Vec<Json>; 3]>,
    end: Json,
}

/// The run as MLflow is told; `None` if the record does not begin with a start.
pub fn mlflow(events: &[Stamped]) -> Option<Upload> {
    let Some(Stamped { event: Event::RunStarted(start), .. }) = events.first() else { return None };
    let all = numbers(events);
    let metric = |number: &super::Number| {
        let key = name(&tag(number));
        Some(json!({ "key": key, "value": number.value?, "timestamp": number.unix_ms, "step": number.step }))
    };
    let metrics: Vec<Json> = all.iter().filter_map(metric).collect();
    let mut tags = tags(start);
    for number in all.iter().filter(|number| number.kind == "unavailable") {
        let key = name(&format!("unavailable/{}", tag(number)));
        let why =
            json!({ "key": key, "value": cut(number.source.as_deref().unwrap_or("no reason given"), TAG) });
        // The last reason stands, as the last tag would.
        match tags.iter_mut().find(|t| t["key"] == why["key"]) {
            Some(known) => *known = why,
            None => tags.push(why),
        }
    }
    let last_ms = start.unix_ms + standing(events).0.last().map_or(0, |last| last.at_ns / 1_000_000);
    let ended = events.iter().rev().find_map(|stamped| match &stamped.event {
        Event::RunEnded { outcome, .. } => Some(Some(outcome)),
        Event::Resumed { .. } => Some(None),
        _ => None,
    });
    if let Some(Some(Outcome::Diverged { what, .. } | Outcome::Failed { why: what })) = ended {
        tags.push(json!({ "key": "adieu.why", "value": cut(what, TAG) }));
    }
    Some(Upload {
        run_name: start.name.clone(),
        start_ms: start.unix_ms,
        batches: batches(metrics, params(start), tags),
        end: end(ended.flatten(), last_ms),
    })
}

impl Upload {
    /// Body of `runs/create`.
    pub fn create(&self, experiment_id: &str) -> Json {
        json!({ "experiment_id": experiment_id, "run_name": self.run_name, "start_time": self.start_ms })
    }

    /// Bodies of `runs/log-batch`, in order.
    pub fn batches(&self, run_id: &str) -> Vec<Json> {
        let body = |[metrics, params, tags]: &[Vec<Json>; 3]| json!({ "run_id": run_id, "metrics": metrics, "params": params, "tags": tags });
        self.batches.iter().map(body).collect()
    }

    /// Body of `runs/update`.
    pub fn update(&self, run_id: &str) -> Json {
        let mut body = self.end.clone();
        body["run_id"] = json!(run_id);
        body
    }
}

/// How it ended, as MLflow says it. A run that says nothing of its end may still go on.
fn end(outcome: Option<&Outcome>, last_ms: u64) -> Json {
    let status = match outcome {
        Some(Outcome::Finished) => "FINISHED",
        Some(Outcome::Interrupted) => "KILLED",
        Some(Outcome::Diverged { .. } | Outcome::Failed { .. }) => "FAILED",
        None => return json!({ "status": "RUNNING" }),
    };
    json!({ "status": status, "end_time": last_ms })
}

/// Filled up to the limits, parameters and tags first.
fn batches(metrics: Vec<Json>, params: Vec<Json>, tags: Vec<Json>) -> Vec<[Vec<Json>; 3]> {
    let (mut metrics, mut params, mut tags) = (metrics.into_iter(), params.into_iter(), tags.into_iter());
    let mut all = Vec::new();
    loop {
        let some_params: Vec<Json> = params.by_ref().take(PARAMS).collect();
        let some_tags: Vec<Json> = tags.by_ref().take(TAGS).collect();
        let room = METRICS.min(ALL - some_params.len() - some_tags.len());
        let some_metrics: Vec<Json> = metrics.by_ref().take(room).collect();
        if some_metrics.is_empty() && some_params.is_empty() && some_tags.is_empty() {
            return all;
        }
        all.push([some_metrics, some_params, some_tags]);
    }
}

fn tags(start: &RunStart) -> Vec<Json> {
    let (data, machine) = (&start.data, &start.machine);
    let mut tags = vec![
        ("mlflow.source.name", start.program.name.clone()),
        ("mlflow.source.type", "LOCAL".into()),
        ("adieu.version", start.program.version.clone()),
        ("adieu.profile", start.program.profile.clone()),
        ("adieu.learner", start.learner.clone()),
        ("adieu.data", format!("{} ({})", data.name, data.source)),
        ("adieu.parameters", start.network.parameters.to_string()),
    ];
    tags.extend(machine.cpu.clone().map(|cpu| ("adieu.cpu", cpu)));
    tags.extend(machine.threads.map(|n| ("adieu.threads", n.to_string())));
    tags.extend(machine.os.clone().map(|os| ("adieu.os", os)));
    let tag = |(key, value): (&str, String)| json!({ "key": key, "value": cut(&value, TAG) });
    tags.into_iter().map(tag).collect()
}

/// The recipe's leaves.
fn params(start: &RunStart) -> Vec<Json> {
    let mut leaves = Vec::new();
    flatten("", &start.recipe, &mut leaves);
    let mut keys = std::collections::BTreeSet::new();
    // Of names that MLflow cannot tell apart the first stands: a parameter cannot be changed there.
    leaves.retain(|(key, _)| keys.insert(key.clone()));
    leaves.into_iter().map(|(key, value)| json!({ "key": key, "value": cut(&value, VALUE) })).collect()
}

fn flatten(at: &str, value: &Json, leaves: &mut Vec<(String, String)>) {
    match value {
        Json::Object(map) => map.iter().for_each(|(key, inner)| {
            let at = if at.is_empty() { key.clone() } else { format!("{at}.{key}") };
            flatten(&at, inner, leaves);
        }),
        Json::String(text) => leaves.push((name(at), text.clone())),
        Json::Null => {}
        other => leaves.push((name(at), other.to_string())),
    }
}

/// What a name of MLflow's may hold: letters and digits of ASCII, `_`, `-`, `.`, space and `/`; no path that leads up.
fn name(text: &str) -> String {
    let kept = |c: char| if c.is_ascii_alphanumeric() || "_-. /".contains(c) { c } else { '_' };
    let text: String = text.chars().map(kept).take(KEY).collect();
    let parts = text.split('/').map(|part| match part {
        "" | "." | ".." => "_",
        part => part,
    });
    parts.collect::<Vec<_>>().join("/")
}

/// At most so many characters, the last of them `…` if there were more.
fn cut(text: &str, most: usize) -> String {
    crate::text::clipped(text, most)
}

#[cfg(test)]
mod tests {
    use adieu_record::{Reading, Scalar, Unit};

    use super::*;
    use crate::sample;

    fn record(events: Vec<Event>) -> Vec<Stamped> {
        let mut all = vec![Event::RunStarted(Box::new(sample::start("forward_forward", 1)))];
        all.extend(events);
        sample::stamped(all)
    }

    fn window(last: u64, scalars: usize) -> Event {
        let scalar = |i: usize| Scalar { name: format!("s{i}"), layer: Some(0), value: 0.5 };
        Event::Step { epoch: 1, first: 1, last, train_ns: 9, scalars: (0..scalars).map(scalar).collect() }
    }

    fn ended(outcome: Outcome) -> Event {
        Event::RunEnded { outcome, steps: 600, train_ns: 9 }
    }

    /// All keys of one list over the batches.
    fn keys(upload: &Upload, list: &str) -> Vec<String> {
        let batches = upload.batches("r");
        let keys = batches
            .iter()
            .flat_map(|b| b[list].as_array().unwrap())
            .map(|one| one["key"].as_str().unwrap().to_string());
        keys.collect()
    }

    #[test]
    fn every_number_of_a_run_is_a_metric_at_its_step() {
        let events = &sample::duel_records(&[42])[0].1;
        let upload = mlflow(events).unwrap();
        let told: Vec<_> = numbers(events).into_iter().filter(|n| n.value.is_some()).collect();
        let batches = upload.batches("r");
        let metrics: Vec<&Json> = batches.iter().flat_map(|b| b["metrics"].as_array().unwrap()).collect();
        assert_eq!(metrics.len(), told.len());
        for (metric, number) in metrics.iter().zip(&told) {
            assert_eq!(metric["value"].as_f64(), number.value);
            assert_eq!(metric["step"].as_u64(), Some(number.step));
            assert_eq!(metric["timestamp"].as_u64(), Some(number.unix_ms));
        }
        assert!(keys(&upload, "metrics").iter().any(|key| key == "test/error/goodness"));
        let params = keys(&upload, "params");
        assert!(params.iter().any(|key| key == "learner.optimizer.kind"), "{params:?}");
        let tags: Vec<&Json> = batches.iter().flat_map(|b| b["tags"].as_array().unwrap()).collect();
        let why =
            tags.iter().find(|tag| tag["key"] == "unavailable/energy/package").expect("the sample has one");
        assert!(why["value"].as_str().unwrap().contains("no powercap"));
    }

    #[test]
    fn no_batch_is_above_the_limits_and_nothing_is_lost() {
        for (metrics, params, tags) in [(0, 0, 0), (1, 0, 0), (2500, 250, 130), (1000, 100, 100), (0, 0, 101)]
        {
            let some = |n: usize| (0..n).map(|i| json!({ "key": i.to_string() })).collect::<Vec<_>>();
            let found = batches(some(metrics), some(params), some(tags));
            let count = |i: usize| found.iter().map(|b| b[i].len()).sum::<usize>();
            assert_eq!([count(0), count(1), count(2)], [metrics, params, tags]);
            for [m, p, t] in &found {
                assert!(m.len() <= METRICS && p.len() <= PARAMS && t.len() <= TAGS);
                assert!((1..=ALL).contains(&(m.len() + p.len() + t.len())));
            }
        }
        let upload = mlflow(&record((1..=30).map(|i| window(i, 100)).collect())).unwrap();
        assert_eq!(keys(&upload, "metrics").len(), 3000);
    }

    #[test]
    fn outcomes_have_a_status() {
        let resumed = Event::Resumed { checkpoint: "c".into(), step: 0, train_ns: 0 };
        let diverged = Outcome::Diverged { layer: None, step: 1, what: "loss is NaN".into() };
        let cases = [
            (vec![ended(Outcome::Finished)], "FINISHED"),
            (vec![ended(Outcome::Interrupted)], "KILLED"),
            (vec![ended(Outcome::Failed { why: "disk full".into() })], "FAILED"),
            (vec![ended(diverged)], "FAILED"),
            (vec![window(1, 1)], "RUNNING"),
            (vec![ended(Outcome::Interrupted), resumed], "RUNNING"),
        ];
        for (events, status) in cases {
            let upload = mlflow(&record(events)).unwrap();
            let body = upload.update("r1");
            assert_eq!((body["status"].as_str(), body["run_id"].as_str()), (Some(status), Some("r1")));
            assert_eq!(body.get("end_time").is_some(), status != "RUNNING", "{body}");
            assert_eq!(keys(&upload, "tags").iter().any(|key| key == "adieu.why"), status == "FAILED");
        }
        assert_eq!(mlflow(&sample::stamped(vec![window(1, 1)])), None);
    }

    #[test]
    fn names_and_values_are_such_as_mlflow_takes() {
        for (text, expected) in [
            ("test/error/goodness", "test/error/goodness"),
            ("läuft: 5 %", "l_uft_ 5 _"),
            ("../up//x/.", "_/up/_/x/_"),
            ("", "_"),
        ] {
            assert_eq!(name(text), expected);
        }
        assert_eq!(name(&"x".repeat(999)).len(), KEY);
        let mut start = sample::start("forward_forward", 1);
        start.recipe = json!({ "long": "ä".repeat(7000), "none": null, "list": [[1, 2], [3]], "a b": { "c": true }, "a:": 1, "a;": 2 });
        let params = params(&start);
        let of = |key: &str| {
            params.iter().find(|p| p["key"] == key).map(|p| p["value"].as_str().unwrap().to_string())
        };
        assert_eq!(of("long").unwrap().chars().count(), VALUE);
        assert_eq!(
            (of("none"), of("list"), of("a b.c")),
            (None, Some("[[1,2],[3]]".into()), Some("true".into()))
        );
        assert_eq!(params.iter().filter(|p| p["key"] == "a_").count(), 1);
        let absent = Reading::unavailable("energy", None, Unit::Joules, "no sensor", "a remedy");
        let metered =
            Event::Metered { epoch: 1, step: 9, train_ns: 9, phases: vec![], readings: vec![absent] };
        let upload = mlflow(&record(vec![metered.clone(), metered])).unwrap();
        assert_eq!(keys(&upload, "tags").iter().filter(|key| *key == "unavailable/energy").count(), 1);
        assert!(keys(&upload, "metrics").is_empty(), "what was not measured is no number");
    }
}
