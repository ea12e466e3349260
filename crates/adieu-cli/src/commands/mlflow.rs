//! Talks to MLflow's tracking server: sends what [`Upload`] says, request by request.

use std::time::Duration;

use adieu::report::export::mlflow::Upload;
use anyhow::{Context, anyhow, bail};
use serde_json::{Value, json};
use ureq::Agent;

use crate::fault::Usage;

/// Longest wait for a connection, and for an answer.
const CONNECT: Duration = Duration::from_secs(10);
const ANSWER: Duration = Duration::from_secs(60);
/// Most bytes of an answer: ours are short.
const LONGEST: u64 = 1 << 20;

/// A tracking server.
pub(super) struct Server {
    /// Without a slash at its end.
    address: String,
    agent: Agent,
}

/// What came back.
struct Answer {
    status: u16,
    text: String,
}

impl Server {
    /// The server at `address`; nothing is sent yet.
    pub(super) fn at(address: &str) -> anyhow::Result<Server> {
        let address = address.trim_end_matches('/');
        let host = address.strip_prefix("http://").filter(|host| !host.is_empty());
        if host.is_none() {
            let remedy = if address.starts_with("https://") {
                "only http is spoken here: forward the server's port, as in `ssh -L 5000:localhost:5000 HOST`, and \
                 send to http://127.0.0.1:5000"
            } else {
                "an address is needed that begins with http://, as in http://127.0.0.1:5000"
            };
            return Err(Usage(format!("--to {address}: {remedy}")).into());
        }
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT))
            .timeout_global(Some(ANSWER))
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .build();
        Ok(Server { address: address.into(), agent: config.into() })
    }

    /// Sends a run into the experiment of that name; returns the run's page.
    pub(super) fn send(&self, upload: &Upload, experiment: &str) -> anyhow::Result<String> {
        let experiment = self.experiment(experiment)?;
        let created = self.post("runs/create", &upload.create(&experiment))?;
        let run = self.field(&created, "runs/create", &["run", "info", "run_id"])?;
        let incomplete = || {
            format!(
                "run {run} of experiment {experiment} at {} is incomplete: delete it there, and export again",
                self.address
            )
        };
        for batch in upload.batches(&run) {
            self.post("runs/log-batch", &batch).with_context(incomplete)?;
        }
        self.post("runs/update", &upload.update(&run)).with_context(incomplete)?;
        Ok(format!("{}/#/experiments/{experiment}/runs/{run}", self.address))
    }

    /// Its id; it is made if there is none of that name.
    fn experiment(&self, name: &str) -> anyhow::Result<String> {
        let path = "experiments/get-by-name";
        let asked = self.agent.get(self.url(path)).query("experiment_name", name).call();
        let answer = self.answer(path, asked)?;
        if answer.status == 404 && Server::code(&answer).as_deref() == Some("RESOURCE_DOES_NOT_EXIST") {
            let created = self.post("experiments/create", &json!({ "name": name }))?;
            return self.field(&created, "experiments/create", &["experiment_id"]);
        }
        let known = self.understood(path, &answer)?;
        if known["experiment"]["lifecycle_stage"] == "deleted" {
            bail!(
                "{}: the experiment `{name}` is deleted there: restore it, or name another by --experiment",
                self.address
            );
        }
        self.field(&known, path, &["experiment", "experiment_id"])
    }

    fn url(&self, path: &str) -> String {
        format!("{}/api/2.0/mlflow/{path}", self.address)
    }

    fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let body = serde_json::to_vec(body).context("cannot write the request as JSON")?;
        let sent = self.agent.post(self.url(path)).header("content-type", "application/json").send(&body[..]);
        let answer = self.answer(path, sent)?;
        self.understood(path, &answer)
    }

    /// What came back, whatever it says.
    fn answer(
        &self,
        path: &str,
        came: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> anyhow::Result<Answer> {
        let lost = |e: &ureq::Error| {
            anyhow!(
                "{}: no answer to {path}: {e}; is MLflow's server running there? `mlflow server --host HOST --port PORT` \
                 starts one",
                self.address
            )
        };
        let mut came = came.map_err(|e| lost(&e))?;
        let text = came.body_mut().with_config().limit(LONGEST).lossy_utf8(true).read_to_string();
        Ok(Answer { status: came.status().as_u16(), text: text.map_err(|e| lost(&e))? })
    }

    /// The object in an answer that is good.
    fn understood(&self, path: &str, answer: &Answer) -> anyhow::Result<Value> {
        let Answer { status, text } = answer;
        let told: Option<Value> = serde_json::from_str(text).ok().filter(Value::is_object);
        match (status, told) {
            (200, Some(object)) => Ok(object),
            // An empty answer is an empty object to some versions.
            (200, None) if text.trim().is_empty() => Ok(json!({})),
            (_, Some(object)) if object["message"].is_string() => {
                let code = object["error_code"].as_str().unwrap_or("no code");
                let message = object["message"].as_str().unwrap_or_default();
                bail!(
                    "{}: {path} was refused with status {status} ({code}): {message}; the server's own log may say more",
                    self.address
                )
            }
            _ => {
                let begin: String = text.chars().take(80).collect();
                bail!(
                    "{}: {path} was answered with status {status}, but not as MLflow does ({begin:?}); check the address \
                     and the port",
                    self.address
                )
            }
        }
    }

    fn code(answer: &Answer) -> Option<String> {
        let told: Value = serde_json::from_str(&answer.text).ok()?;
        Some(told["error_code"].as_str()?.to_string())
    }

    /// A text within an answer.
    fn field(&self, told: &Value, path: &str, keys: &[&str]) -> anyhow::Result<String> {
        let found = keys.iter().fold(told, |at, key| &at[*key]).as_str();
        let what = || {
            format!(
                "{}: the answer to {path} lacks `{}`; is it MLflow, and version 2 or later?",
                self.address,
                keys.join(".")
            )
        };
        found.map(str::to_string).with_context(what)
    }
}
