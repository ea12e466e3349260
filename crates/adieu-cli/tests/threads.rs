//! `--threads`: as many as asked, no more, and the results are those of one.

mod support;

use serde_json::Value;
use support::{Desk, tensors};

/// Wide enough that every product is shared: more than 2²⁰ multiply-adds, even in the first layer.
fn wide(desk: &Desk, epochs: u64, learner: &str) {
    let text = format!(
        "name = \"wide\"\n[data]\nkind = \"idx\"\ndir = \"tiny\"\nsplit = \"final\"\n\
         [train]\nbatch = 60\nepochs = {epochs}\nprobe_rows = 0\n[model]\nblocks = [[500], [500]]\n[learner]\n{learner}\n"
    );
    desk.write("wide.toml", text.as_bytes());
}

const LEARNERS: [&str; 2] = ["kind = \"forward_forward\"", "kind = \"back_prop\""];

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    for learner in LEARNERS {
        let desk = Desk::new();
        wide(&desk, 3, learner);
        let errors = |run: &Value| run["runs"][0]["test_error"].clone();
        let run = |threads: u64| {
            let run = desk.adieu(&format!("train wide.toml --threads {threads} --out r{threads} --json"));
            (errors(&run.json()), tensors(&desk.checkpoint(&format!("r{threads}"))))
        };
        let (error, bytes) = run(1);
        assert!(error.is_number(), "{error}");
        for threads in [2, 3] {
            let (other_error, other_bytes) = run(threads);
            assert_eq!(other_error, error, "{learner}, {threads} threads");
            assert!(
                other_bytes == bytes,
                "{learner}: the checkpoint of {threads} threads is not that of one"
            );
            assert!(
                desk.text(&format!("r{threads}/events.jsonl")).contains(&format!("\"threads\":{threads}")),
                "the record tells how many"
            );
        }
    }
}

/// The threads of the process that learn, after two epochs: a pool beside the one that was asked for would be among them.
#[cfg(target_os = "linux")]
#[test]
fn no_more_threads_than_were_asked_for() {
    for (learner, threads) in LEARNERS.iter().flat_map(|learner| [(learner, 1), (learner, 3)]) {
        let desk = Desk::new();
        wide(&desk, 100_000, learner);
        let args = format!("train wide.toml --threads {threads} --out r");
        let started = desk.start_until(&args, "epoch 3 of 100000");
        let tasks = std::fs::read_dir(format!("/proc/{}/task", started.id())).unwrap();
        let names: Vec<String> =
            tasks.map(|task| std::fs::read_to_string(task.unwrap().path().join("comm")).unwrap()).collect();
        started.signal("KILL");
        started.wait();
        // Others sleep: until somebody presses Ctrl-C, until the next look at the sensors, until a batch is taken.
        let asleep = ["ctrl-c", "series", "energy", "loader"];
        let working = names.iter().filter(|name| !asleep.contains(&name.trim())).count();
        assert_eq!(working, threads, "{learner}: {names:?}");
    }
}

#[test]
fn a_number_of_threads_that_cannot_be_is_refused() {
    for wrong in ["0", "1025", "-1", "all"] {
        let said = Desk::bare().adieu(&format!("list --threads={wrong}"));
        assert_eq!(said.code, Some(2), "{wrong}: {said:?}");
        assert!(said.err.contains("--threads <N>"), "{wrong}: {said:?}");
    }
    insta::assert_snapshot!(Desk::bare().adieu("list --threads 0").err, @r"
    error: invalid value '0' for '--threads <N>': 0 is not in 1..=1024

    For more information, try '--help'.
    ");
}
