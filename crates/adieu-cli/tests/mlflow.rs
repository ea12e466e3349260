//! Runs sent to MLflow: to a server made up here, to none, to such as answer badly, and to the real one where there is one.

#![allow(clippy::unwrap_used)] // a test that cannot go on shall panic

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::Desk;

fn desk() -> Desk {
    let desk = Desk::new();
    desk.recipe("ff.toml", "epochs = 2\nprobe_rows = 30", "kind = \"forward_forward\"");
    desk.adieu("train ff.toml --out run").well();
    desk
}

/// A request as the server saw it.
#[derive(Debug)]
struct Seen {
    line: String,
    body: Value,
}

/// Answers as many connections as there are answers: `None` hangs up after reading. Gives its address, and what it saw.
fn server(answers: Vec<Option<(u16, String)>>) -> (String, JoinHandle<Vec<Seen>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let serve = move || {
        let mut seen = Vec::new();
        for answer in answers {
            let (stream, _) = listener.accept().unwrap();
            seen.push(read(&stream));
            if let Some((status, text)) = answer {
                let head = format!(
                    "HTTP/1.1 {status} said\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                    text.len()
                );
                (&stream).write_all((head + &text).as_bytes()).unwrap();
            }
        }
        seen
    };
    (address, thread::spawn(serve))
}

fn read(stream: &TcpStream) -> Seen {
    let mut reader = BufReader::new(stream);
    let (mut first, mut length) = (String::new(), 0);
    reader.read_line(&mut first).unwrap();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let line = first.trim_end().to_string();
    Seen { line, body: serde_json::from_slice(&body).unwrap_or(Value::Null) }
}

fn good(body: &Value) -> Option<(u16, String)> {
    Some((200, body.to_string()))
}

fn known() -> Option<(u16, String)> {
    good(&json!({ "experiment": { "experiment_id": "7", "lifecycle_stage": "active" } }))
}

fn created() -> Option<(u16, String)> {
    good(&json!({ "run": { "info": { "run_id": "abc" } } }))
}

fn unknown() -> Option<(u16, String)> {
    let body = json!({ "error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no such experiment" });
    Some((404, body.to_string()))
}

#[test]
fn a_run_is_sent_whole_into_an_experiment_that_is_made_for_it() {
    let desk = desk();
    let made = good(&json!({ "experiment_id": "7" }));
    let (address, server) = server(vec![unknown(), made, created(), good(&json!({})), good(&json!({}))]);
    let place = desk.adieu(&format!("export run --as mlflow --to {address}/ --experiment a&b")).well();
    assert_eq!(place.trim(), format!("{address}/#/experiments/7/runs/abc"));
    let seen = server.join().unwrap();
    let lines: Vec<&str> = seen.iter().map(|s| s.line.as_str()).collect();
    assert_eq!(
        lines,
        [
            "GET /api/2.0/mlflow/experiments/get-by-name?experiment_name=a%26b HTTP/1.1",
            "POST /api/2.0/mlflow/experiments/create HTTP/1.1",
            "POST /api/2.0/mlflow/runs/create HTTP/1.1",
            "POST /api/2.0/mlflow/runs/log-batch HTTP/1.1",
            "POST /api/2.0/mlflow/runs/update HTTP/1.1",
        ]
    );
    assert_eq!(seen[1].body, json!({ "name": "a&b" }));
    assert_eq!(seen[2].body["experiment_id"], "7");
    let batch = &seen[3].body;
    assert_eq!(batch["run_id"], "abc");
    let metrics = batch["metrics"].as_array().unwrap();
    assert!(metrics.iter().any(|m| m["key"] == "test/error/goodness" && m["step"] == 24), "{metrics:?}");
    assert!(batch["params"].as_array().unwrap().iter().any(|p| p["key"] == "seed" && p["value"] == "3"));
    assert_eq!((&seen[4].body["status"], &seen[4].body["run_id"]), (&json!("FINISHED"), &json!("abc")));
}

#[test]
fn what_a_server_does_wrong_is_said_with_its_address() {
    let desk = desk();
    let refused =
        json!({ "error_code": "INVALID_PARAMETER_VALUE", "message": "too many of them" }).to_string();
    let deleted = json!({ "experiment": { "experiment_id": "7", "lifecycle_stage": "deleted" } });
    type Answer = Option<(u16, String)>;
    let cases: Vec<(&str, Vec<Answer>, &[&str])> = vec![
        ("hangs up at once", vec![None], &["no answer to experiments/get-by-name", "mlflow server"]),
        (
            "a web page",
            vec![Some((200, "<html>hello".into()))],
            &["not as MLflow does", "<html>hello", "port"],
        ),
        ("another 404", vec![Some((404, "nothing here".into()))], &["status 404", "not as MLflow does"]),
        ("JSON of another kind", vec![Some((200, "[1]".into()))], &["not as MLflow does"]),
        ("a deleted experiment", vec![good(&deleted)], &["`adieu` is deleted"]),
        ("no id", vec![known(), good(&json!({}))], &["lacks `run.info.run_id`"]),
        (
            "refuses",
            vec![known(), created(), Some((400, refused))],
            &[
                "status 400",
                "INVALID_PARAMETER_VALUE",
                "too many of them",
                "run abc",
                "incomplete",
                "export again",
            ],
        ),
        (
            "stops half-way",
            vec![known(), created(), None],
            &["no answer to runs/log-batch", "run abc of experiment 7", "incomplete"],
        ),
        (
            "fails at the end",
            vec![known(), created(), good(&json!({})), Some((500, String::new()))],
            &["status 500", "incomplete"],
        ),
    ];
    for (name, answers, parts) in cases {
        let (address, server) = server(answers);
        let said = desk.adieu(&format!("export run --as mlflow --to {address}")).badly(1);
        server.join().unwrap();
        for part in parts.iter().chain(&[address.as_str()]) {
            assert!(said.contains(part), "{name}: no `{part}` in {said}");
        }
    }
}

#[test]
fn a_server_that_is_not_there_and_addresses_that_cannot_be() {
    let desk = desk();
    let gone = format!("http://{}", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap());
    let said = desk.adieu(&format!("export run --as mlflow --to {gone}")).badly(1);
    assert!(said.contains(&gone) && said.contains("`mlflow server"), "{said}");
    for (args, part) in [
        ("--as mlflow", "--to http://127.0.0.1:5000"),
        ("--as mlflow --to https://x", "ssh -L"),
        ("--as mlflow --to 127.0.0.1:5000", "begins with http://"),
        ("--as mlflow --to http://", "begins with http://"),
        ("--as mlflow --to http://127.0.0.1:1 --out f", "--out"),
        ("--as csv --to http://127.0.0.1:1", "--as mlflow"),
    ] {
        let said = desk.adieu(&format!("export run {args}")).badly(2);
        assert!(said.contains(part), "{args}: {said}");
    }
}

/// A real server, ended with the test.
struct Real(Child);

impl Drop for Real {
    fn drop(&mut self) {
        // It leads a group of its own, so that its workers end with it.
        drop(Command::new("kill").args(["-KILL", "--", &format!("-{}", self.0.id())]).status());
        drop(self.0.wait());
    }
}

/// `GET` of the real server, by hand: this is no test of our client.
fn get(port: u16, path: &str) -> Option<Value> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(30))).ok()?;
    write!(stream, "GET {path} HTTP/1.0\r\nhost: 127.0.0.1:{port}\r\n\r\n").ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    let body = text.split_once("\r\n\r\n")?.1;
    serde_json::from_str(body).ok().or_else(|| Some(json!(body)))
}

fn real(python: &Path, desk: &Desk) -> (Real, u16) {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let store = format!("sqlite:///{}", desk.at("mlflow.db").display());
    let log = std::fs::File::create(desk.at("mlflow.log")).unwrap();
    let mut command = Command::new(python);
    command.args([
        "-m",
        "mlflow",
        "server",
        "--host",
        "127.0.0.1",
        "--port",
        &port.to_string(),
        "--workers",
        "1",
    ]);
    command.args(["--backend-store-uri", &store]).current_dir(desk.at("")).stdin(Stdio::null());
    command.stdout(log.try_clone().unwrap()).stderr(log).process_group(0);
    command.env("MLFLOW_DISABLE_TELEMETRY", "true").env("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false");
    let mut server = Real(command.spawn().unwrap());
    let since = Instant::now();
    while get(port, "/health") != Some(json!("OK")) {
        let ended = server.0.try_wait().unwrap();
        let waited = since.elapsed();
        assert!(
            ended.is_none() && waited < Duration::from_secs(180),
            "{ended:?}: {}",
            desk.text("mlflow.log")
        );
        thread::sleep(Duration::from_millis(200));
    }
    (server, port)
}

/// By MLflow itself where it is installed: `ADIEU_TEST_MLFLOW=python3`, the Python that has `mlflow`.
#[test]
fn mlflow_itself_gives_back_what_it_was_sent() {
    let Some(python) = std::env::var_os("ADIEU_TEST_MLFLOW") else {
        eprintln!("not sent to MLflow itself: ADIEU_TEST_MLFLOW names no Python that has mlflow");
        return;
    };
    let desk = desk();
    let (server, port) = real(Path::new(&python), &desk);
    let send = format!("export run --as mlflow --to http://127.0.0.1:{port} --experiment tiny");
    let [place, again] = [desk.adieu(&send).well(), desk.adieu(&send).well()];
    let id = |place: &str| place.trim().rsplit('/').next().unwrap().to_string();
    assert_ne!(id(&place), id(&again), "one experiment, two runs");
    let run = get(port, &format!("/api/2.0/mlflow/runs/get?run_id={}", id(&place))).unwrap()["run"].clone();
    assert_eq!(run["info"]["status"], "FINISHED");
    assert_eq!(run["info"]["run_name"], "tiny");
    let numbers: Vec<Value> = serde_json::from_str(&desk.adieu("export run --as json").well()).unwrap();
    let of = |list: &str, key: &str| {
        let all = run["data"][list].as_array().unwrap();
        all.iter().find(|one| one["key"] == key).map(|one| one["value"].clone())
    };
    assert_eq!(of("params", "learner.kind"), Some(json!("forward_forward")));
    assert_eq!(of("tags", "adieu.learner"), Some(json!("forward_forward")));
    // The whole course of two metrics, point by point.
    for (key, name, part) in [("test/error/goodness", "error", "goodness"), ("wall", "wall", "")] {
        let path = format!("/api/2.0/mlflow/metrics/get-history?run_id={}&metric_key={key}", id(&place));
        let told = get(port, &path).unwrap();
        let course = |all: &[Value], step: &str| -> Vec<(u64, f64)> {
            let mut all: Vec<(u64, f64)> =
                all.iter().map(|m| (m[step].as_u64().unwrap(), m["value"].as_f64().unwrap())).collect();
            all.sort_by(|a, b| a.partial_cmp(b).unwrap());
            all.dedup();
            all
        };
        let sent: Vec<Value> = numbers
            .iter()
            .filter(|n| n["name"] == name && n["part"].as_str().unwrap_or("") == part)
            .filter(|n| n["split"].as_str().is_none_or(|split| split == "test"))
            .cloned()
            .collect();
        let found = course(told["metrics"].as_array().unwrap_or(&Vec::new()), "step");
        assert!(!found.is_empty(), "{key}: {told}");
        assert_eq!(found, course(&sent, "step"), "{key}");
    }
    drop(server);
}
