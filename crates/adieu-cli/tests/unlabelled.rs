//! Data without labels, from the recipe to the report.

mod support;

use serde_json::Value;
use support::{Desk, SIDE, image, picture};

/// Learners that give rows back.
const LEARNERS: [(&str, &str); 3] = [
    ("rbm", "kind = \"rbm\""),
    ("back_prop", "kind = \"back_prop\"\nnorm = \"none\"\noptimizer = { kind = \"adam_w\" }"),
    ("unsupervised", "kind = \"unsupervised\"\nskip_first = false\nhead_optimizer = { kind = \"adam_w\" }"),
];

fn recipe(data: &str, learner: &str) -> String {
    format!(
        "name = \"bare\"\n[data]\n{data}\nlabels = false\n[train]\nepochs = 30\nbatch = 10\n[model]\nblocks = [[24]]\n\
         [learner]\n{learner}\n"
    )
}

fn trained(learner: &str) -> Desk {
    let desk = Desk::new();
    desk.write("bare.toml", recipe("kind = \"idx\"\ndir = \"tiny\"", learner).as_bytes());
    desk.adieu("train bare.toml --out r --quiet").well();
    desk
}

#[test]
fn a_run_without_labels_is_judged_by_what_comes_back_and_by_nothing_else() {
    for (name, learner) in LEARNERS {
        let desk = trained(learner);
        let record = desk.text("r/events.jsonl");
        let events: Vec<Value> = record.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(events[0]["data"]["classes"], serde_json::json!([]), "{name}");
        assert_eq!(events[0]["readouts"], serde_json::json!(["reconstruction"]), "{name}");
        let judged: Vec<&Value> = events.iter().filter(|e| e["event"] == "evaluated").collect();
        assert!(judged.iter().all(|e| e.get("error").is_none() && e.get("errors").is_none()), "{name}");
        assert!(
            judged.iter().all(|e| e.get("confusion").is_none() && e["reconstruction"].is_object()),
            "{name}"
        );
        let kinds: Vec<&str> =
            events.iter().filter(|e| e["event"] == "pictured").filter_map(|e| e["kind"].as_str()).collect();
        assert!(kinds.contains(&"reconstructions") && !kinds.contains(&"mistakes"), "{name}: {kinds:?}");
        assert_eq!(kinds.contains(&"generated"), name == "rbm", "{kinds:?}");
        desk.adieu("lint r").well();

        let told = judged.iter().rfind(|e| e["split"] == "test").unwrap();
        let said = desk.adieu("eval r --json").json();
        assert_eq!(
            said["reconstruction"]["squared_error"], told["reconstruction"]["squared_error"],
            "{name}"
        );
        assert!(said["error"].is_null() && said["standard_error"].is_null() && said["confusion"].is_null());
        let relative = said["reconstruction"]["relative"].as_f64().unwrap();
        assert!(relative < 0.7, "{name}: {relative} of the mean row's error");
        let text = desk.adieu("eval r").well();
        assert!(text.contains("60 test rows given back: squared error "), "{text}");
        assert!(text.contains(" of the mean row's by `reconstruction`, after "), "{text}");
        assert!(!text.contains("wrong"), "{text}");

        let page = desk.adieu("report r --json").json();
        let run = &page["runs"][0];
        assert!(
            run["test_error"].is_null() && run["reconstruction_error"].as_f64() == Some(relative),
            "{run}"
        );
        desk.adieu("report r --out page.html").well();
        let html = desk.text("page.html");
        assert!(
            html.contains("test row 0, given back") && html.contains("What came back of the rows"),
            "{name}"
        );
        assert_eq!(html.contains("generated row 1"), name == "rbm", "{name}");
        let watched = desk.adieu("watch r --once").well();
        assert!(watched.contains("squared error, % of the mean row's"), "{watched}");
        let exported = desk.adieu("export r --as csv").well();
        assert!(exported.contains("reconstruction_error") && exported.contains("squared_error"), "{name}");
        assert!(!exported.lines().any(|line| line.contains(",error,")), "{exported}");
    }
}

#[test]
fn a_picture_is_shown_beside_what_came_back_of_it() {
    let desk = trained(LEARNERS[1].1);
    desk.write("one.png", &picture(SIDE, SIDE, &image(1, 5)));
    let said = desk.adieu("predict r one.png --json").json();
    assert_eq!(said["reconstruction"].as_array().unwrap().len(), SIDE * SIDE);
    assert!(said.get("class").is_none(), "{said}");
    let text = desk.adieu("predict r one.png").well();
    assert!(text.contains("a pixel by `reconstruction`"), "{text}");
}

#[test]
fn a_table_without_labels_says_so_or_is_refused() {
    let desk = Desk::bare();
    let lines: String = (0..120).map(|i| format!("{},{},{}\n", i % 7, 2 * (i % 7), (i * 5) % 3)).collect();
    desk.write("t.csv", format!("a,b,c\n{lines}").as_bytes());
    let bare = recipe("kind = \"csv\"\ndir = \"t.csv\"", LEARNERS[1].1);
    desk.write("bare.toml", bare.as_bytes());
    desk.write("labelled.toml", bare.replace("labels = false\n", "").as_bytes());
    let message = desk.adieu("train labelled.toml --out q --quiet").badly(1);
    assert!(message.contains("t.csv: no column is called label, class, target or y"), "{message}");
    assert!(message.contains("labels = false"), "{message}");
    desk.adieu("train bare.toml --out r --quiet").well();
    let relative = desk.adieu("eval r --json").json()["reconstruction"]["relative"].as_f64().unwrap();
    assert!(relative < 0.5, "three columns through 24 units: {relative}");
    let shown = desk.adieu("data show csv --data-dir t.csv --no-labels").well();
    assert!(
        shown.contains("labels: none; every column is learnt from") && !shown.contains("class"),
        "{shown}"
    );
    let both = bare.replace("back_prop", "forward_forward").replace("norm = \"none\"\n", "");
    desk.write("both.toml", both.as_bytes());
    let message = desk.adieu("train both.toml --out q --quiet").badly(2);
    assert!(message.contains("learner.kind: `forward_forward` cannot give rows back"), "{message}");
}

#[test]
fn a_benchmark_to_an_error_needs_labels() {
    let desk = trained(LEARNERS[0].1);
    desk.write(
        "sweep.toml",
        b"name = \"s\"\nseeds = 1\nbase = \"bare.toml\"\n[grid]\n\"train.epochs\" = [1, 2]\n",
    );
    let message = desk.adieu("bench suite sweep.toml --targets 5 --out q --quiet").badly(2);
    assert!(
        message.contains("has no labels (data.labels = false), so there is no error to reach"),
        "{message}"
    );
    let said = desk.adieu("sweep sweep.toml --out s --quiet").well();
    assert!(said.contains("reconstruction error") && !said.to_lowercase().contains("test error"), "{said}");
}

#[test]
fn runs_without_labels_are_compared_by_what_came_back() {
    let desk = trained(LEARNERS[0].1);
    desk.write("bp.toml", recipe("kind = \"idx\"\ndir = \"tiny\"", LEARNERS[1].1).as_bytes());
    desk.adieu("train bp.toml --out b --quiet").well();
    let text = desk.adieu("report r b").well();
    assert!(text.contains("rebuilt") && text.contains("of the mean row's squared error"), "{text}");
    assert!(!text.contains("test error") && !text.contains("misjudge"), "{text}");
}
