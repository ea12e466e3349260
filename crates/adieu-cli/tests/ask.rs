//! Asking what was trained, and what there is.

mod support;

use serde_json::Value;
use support::{Desk, SIDE, image, picture};

fn trained() -> Desk {
    let desk = Desk::new();
    desk.recipe("ff.toml", "epochs = 8", "kind = \"forward_forward\"\nreadout = \"head\"");
    desk.adieu("train ff.toml --out r --quiet").well();
    desk
}

#[test]
fn eval_agrees_with_the_record_for_every_readout() {
    let desk = trained();
    let record = desk.text("r/events.jsonl");
    let last = record.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let last: Vec<Value> = last.filter(|e| e["event"] == "evaluated" && e["last"] == true).collect();
    assert_eq!(last.len(), 2, "goodness and head");
    for told in last {
        let readout = told["readout"].as_str().unwrap();
        let said = desk.adieu(&format!("eval r --readout {readout} --json")).json();
        for key in ["errors", "rows", "error", "confusion", "split", "step"] {
            assert_eq!(said[key], told[key], "{readout}: {key}");
        }
    }
}

#[test]
fn eval_shows_the_error_and_what_was_taken_for_what() {
    let desk = trained();
    let out = desk.adieu("eval r --split train").well();
    let mut lines = out.lines();
    let first = lines.next().unwrap();
    assert!(
        first.contains(" of 120 training rows wrong: ") && first.ends_with(" by `head`, after 96 steps"),
        "{out}"
    );
    let rows: Vec<Vec<u64>> = lines
        .skip(3)
        .map(|line| line.split_whitespace().skip(1).map(|cell| cell.parse().unwrap_or(0)).collect())
        .collect();
    assert_eq!(rows.iter().map(|row| row.iter().sum::<u64>()).collect::<Vec<_>>(), [40, 40, 40], "{out}");
    let message = desk.adieu("eval r --split validation").badly(1);
    assert!(message.starts_with("r: this run holds no rows out for validation; "), "{message}");
    let message = desk.adieu("eval r --readout logits").badly(2);
    assert_eq!(message, "forward_forward has no read-out `logits`; choose one of: head, goodness");
}

#[test]
fn eval_judges_other_data_of_the_same_kind() {
    let desk = trained();
    std::fs::create_dir(desk.at("other")).unwrap();
    for file in std::fs::read_dir(desk.at("tiny")).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), desk.at("other").join(file.file_name())).unwrap();
    }
    std::fs::remove_dir_all(desk.at("tiny")).unwrap();
    let message = desk.adieu("eval r").badly(1);
    assert!(message.contains("tiny: no such folder; "), "{message}");
    assert_eq!(desk.adieu("eval r --data-dir other --json").json()["rows"], 60);
}

#[test]
fn a_picture_and_the_same_row_of_an_idx_file_get_the_same_answer() {
    let desk = trained();
    // Row 17 of the test images, as the desk made it.
    desk.write("seventeen.png", &picture(SIDE, SIDE, &image(17 % 3, 20_017)));
    let of_picture = desk.adieu("predict r seventeen.png --json").json();
    let of_row = desk.adieu("predict r tiny/t10k-images-idx3-ubyte#17 --json").json();
    assert_eq!((&of_picture["guess"], &of_picture["scores"]), (&of_row["guess"], &of_row["scores"]));
    assert_eq!(of_picture["class"], "2", "17 mod 3, and the network has learnt: {of_picture}");
    assert_eq!(of_picture["scores"].as_array().unwrap().len(), 3);
    let other = desk.adieu("predict r seventeen.png --readout goodness --json").json();
    assert_ne!(other["scores"], of_picture["scores"]);
}

#[test]
fn a_prediction_shows_the_image_the_guess_and_every_score() {
    let desk = trained();
    let pixels: Vec<u8> =
        (0..36).map(|pixel| if [2, 4].contains(&(pixel / SIDE)) { 255 } else { 0 }).collect();
    desk.write("middle.png", &picture(SIDE, SIDE, &pixels));
    let out = desk.adieu("predict r middle.png").well();
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(
        lines[..3].iter().map(|line| line.trim_end()).collect::<Vec<_>>(),
        ["", "▀▀▀▀▀▀", "▀▀▀▀▀▀"],
        "{out}"
    );
    assert_eq!(lines[4], "1 by `head`", "{out}");
    assert_eq!(lines.len(), 9, "{out}");
    assert!(lines[7].starts_with("→ 1 ") && lines[7].ends_with(&"█".repeat(40)), "{out}");
}

#[test]
fn predicting_needs_no_training_data() {
    let desk = trained();
    desk.write("one.png", &picture(SIDE, SIDE, &image(0, 5)));
    std::fs::remove_dir_all(desk.at("tiny")).unwrap();
    desk.adieu("predict r one.png").well();
}

fn trained_on_text() -> Desk {
    let desk = Desk::bare();
    let recipe =
        "data.kind = \"fables\"\nmodel.blocks = [[30]]\ntrain.epochs = 1\n[learner]\nkind = \"back_prop\"\n";
    desk.write("text.toml", recipe.as_bytes());
    desk.adieu("train text.toml --out t --quiet").well();
    desk
}

#[test]
fn a_network_writes_and_the_seed_says_what() {
    let desk = trained_on_text();
    let said = desk.adieu("generate t --length 60 --json").json();
    let (start, text) = (said["start"].as_str().unwrap(), said["text"].as_str().unwrap());
    assert_eq!((start.len(), text.len()), (10, 60), "{said}");
    assert!(text.chars().all(|c| c.is_ascii_lowercase() || " ,;.".contains(c)), "{text}");
    assert_eq!(desk.adieu("generate t --length 60").well().trim_end_matches('\n'), format!("{start}{text}"));
    assert_ne!(desk.adieu("generate t --length 60 --seed 2 --json").json()["text"], said["text"]);
    // The likeliest is the likeliest, whatever the draws; and only the last ten symbols of a start are read.
    let likeliest = |start: &str, seed| {
        let args = format!("generate t --temperature 0 --length 30 --seed {seed} --json --start");
        let said = desk.sh(&format!("adieu {args} '{start}'")).json();
        said["text"].as_str().unwrap().to_string()
    };
    assert_eq!(likeliest("once upon a time", 1), likeliest("pon a time", 2));
}

#[test]
fn what_cannot_be_written_on_from_is_refused() {
    let desk = trained_on_text();
    let message = desk.sh("adieu generate t --start 'A Fox and a Crow'").badly(2);
    assert!(message.starts_with("--start: the network does not know 'A'; it reads `abc"), "{message}");
    let message = desk.sh("adieu generate t --start 'a fox'").badly(2);
    assert_eq!(message, "--start: the network reads 10 symbols, not 5; give 5 more");
    let message = desk.adieu("generate t --temperature -1").badly(2);
    assert_eq!(message, "--temperature: -1 is not a number from 0");
    let digits = trained();
    let message = digits.adieu("generate r").badly(1);
    assert!(message.contains("tells no next symbol; choose a run on text"), "{message}");
}

#[test]
fn reports_gather_runs_from_anywhere() {
    let desk = trained();
    desk.recipe("bp.toml", "epochs = 2", "kind = \"back_prop\"");
    desk.adieu("train bp.toml --out below/s --quiet").well();
    let said = desk.adieu("report r below --out new/folder/both.html --json").json();
    assert_eq!(
        (said["runs"].as_array().unwrap().len(), &said["report"]),
        (2, &"new/folder/both.html".into())
    );
    assert!(desk.has("new/folder/both.html") && desk.has("new/folder/both.json"));
    assert!(desk.text("new/folder/both.html").contains("adieu report r below"), "it says how it was made");
    assert_eq!(
        desk.adieu("report r r --json").json()["runs"].as_array().unwrap().len(),
        1,
        "met twice, counted once"
    );
    let message = desk.adieu("report r --out x.json").badly(2);
    assert!(message.contains("name the page"), "{message}");
    let message = desk.adieu("report tiny").badly(1);
    assert!(message.starts_with("tiny: there is no run here or below; "), "{message}");
}

#[test]
fn a_report_is_opened_or_it_is_said_that_nothing_can() {
    let desk = trained();
    let said = desk.sh("PATH=/nonexistent adieu report r --open");
    assert_eq!(said.code, Some(0), "{said:?}");
    if cfg!(target_os = "linux") {
        assert!(
            said.err.contains("nothing here opens pages (tried xdg-open, gio, wslview); open r/report.html"),
            "{said:?}"
        );
    }
}

#[test]
fn everything_listed_is_a_valid_choice() {
    let desk = Desk::new();
    let listed = desk.adieu("list --json").json();
    let names = |topic: &str| -> Vec<String> {
        let items = listed[topic].as_array().unwrap_or_else(|| panic!("no {topic}"));
        assert!(!items.is_empty(), "{topic}");
        items.iter().map(|item| item["name"].as_str().unwrap().to_string()).collect()
    };
    assert!(names("meters").contains(&"allocated".into()) && names("datasets").contains(&"mnist".into()));
    assert!(names("exhibits").contains(&"verdict".into()));
    let inside = [
        ("goodness", "goodness"),
        ("negatives", "negatives"),
        ("optimizers", "optimizer"),
        ("schedules", "schedule"),
        ("labels", "label"),
        ("objectives", "objective"),
    ];
    for (topic, key) in inside {
        for name in names(topic) {
            // the only one whose default is for images of another size than these
            let more = if name == "every_patch" { ", side = 3" } else { "" };
            let learner = format!("kind = \"forward_forward\"\n{key} = {{ kind = \"{name}\"{more} }}");
            desk.recipe("r.toml", "", &learner);
            desk.adieu("lint r.toml").well();
        }
    }
    for name in names("fakes") {
        let text = format!(
            "data.kind = \"fables\"\nmodel.blocks = [[9], [9]]\n[learner]\nkind = \"unsupervised\"\n\
             fakes = {{ kind = \"{name}\" }}\n"
        );
        desk.write("r.toml", text.as_bytes());
        desk.adieu("lint r.toml").well();
    }
    for learner in names("learners") {
        desk.recipe("r.toml", "", &format!("kind = \"{learner}\""));
        if learner == "rbm" {
            let text = std::fs::read_to_string(desk.at("r.toml")).unwrap();
            assert!(text.contains("blocks = [[12], [12]]"), "{text}");
            std::fs::write(desk.at("r.toml"), text.replace("[[12], [12]]", "[[12]]")).unwrap();
        }
        desk.adieu("lint r.toml").well();
    }
    for norm in names("norms") {
        desk.recipe("r.toml", "", &format!("kind = \"back_prop\"\nnorm = \"{norm}\""));
        desk.adieu("lint r.toml").well();
    }
    assert_eq!(names("activations").len(), 10);
}

#[test]
fn one_topic_is_listed_with_the_meaning_of_every_setting() {
    let desk = Desk::bare();
    insta::assert_snapshot!(desk.adieu("list goodness").well(), @r#"
    goodness: learner.goodness = { kind = "…" }
      sum_squares   g = Σ h².
      mean_squares  g = mean h².
      sum           g = Σ h.
      mean          g = mean h.
      softplus      g = Σ log(1 + eʰ), a Boltzmann machine's minus free energy if the activation is the
                    identity.
      top_k         g = mean of the k largest h².
                    k = 16
                        How many units count. With fewer in a layer all of them do.
      log_sum_exp   g = T log Σ exp(h/T).
                    softness = 0.25
                        T, in units of activity.
      student_t     g = Σ (ν + 1)/2 ln(1 + h²/ν).
                    nu = 5.0
                        ν, the degrees of freedom: the larger, the longer it grows as a square.
    "#);
    let out = desk.adieu("list optimizers").well();
    assert!(out.contains("momentum = 0.9\n") && out.contains("Learning rate η."), "{out}");
    assert!(!desk.adieu("list").well().contains("See "), "every choice says what it is");
    assert!(desk.adieu("list").well().lines().all(|line| line.chars().count() <= 100));
    let schema: Value = serde_json::from_str(&desk.adieu("list schema").well()).unwrap();
    assert!(schema["properties"]["learner"].is_object());
}

#[test]
fn a_folder_of_data_is_described_and_drawn() {
    let desk = Desk::new();
    let out = desk.adieu("data show --data-dir tiny").well();
    for part in ["tiny, tiny\n", "6 × 6 pixels", "120 to train, 60 to test", "CRC-32", "▄▄▄▄▄▄"]
    {
        assert!(out.contains(part), "no `{part}` in {out}");
    }
    let said = desk.adieu("data show --data-dir tiny --json").json();
    assert_eq!(said["train_counts"], serde_json::json!([40, 40, 40]));
    assert_eq!(said["test_counts"], serde_json::json!([20, 20, 20]));
    assert!(desk.adieu("data list").well().contains("needs no files; licence: CC BY-SA 3.0"));
    assert!(said["baselines"].is_null());
    assert!(desk.adieu("data show fables").well().contains("% by the likeliest after the last one"));
    let message = desk.adieu("data show nonesuch").badly(1);
    assert!(
        message.contains("there is no dataset 'nonesuch': choose one of mnist, optdigits, fables, "),
        "{message}"
    );
}

#[test]
fn completions_and_manual_pages_cover_every_command() {
    let desk = Desk::bare();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(desk.adieu(&format!("completions {shell}")).well().contains("predict"), "{shell}");
    }
    assert!(desk.adieu("man").well().contains(".TH adieu"));
    assert_eq!(desk.adieu("man --out pages").well(), "");
    for page in ["adieu.1", "adieu-duel.1", "adieu-data-show.1"] {
        assert!(desk.has(&format!("pages/{page}")), "{page}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let desk = Desk::bare();
    let said = desk.sh("adieu list schema 2>err | head -n 1 && cat err >&2");
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""), "{said:?}");
    assert_eq!(said.out, "{\n");
    let said = desk.sh("{ adieu list schema; echo $? >&2; } 2>&1 >/dev/full");
    assert!(
        said.out.contains("adieu: cannot write the result to standard output: No space left"),
        "{said:?}"
    );
    assert!(said.out.ends_with("1\n"), "a full disk is a failure: {said:?}");
}

#[test]
fn the_engine_s_bench_tells_programs_what_it_found() {
    let desk = Desk::bare();
    let text = desk.adieu("bench engine --rows 16 --hidden 20,30 --turns 2 --steps 3 --json").well();
    let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert!(last["fma_peak_gflops"].as_f64().unwrap() > 0.0, "{text}");
    for learner in ["ff_step", "bp_step"] {
        let step = &last[learner][0];
        assert_eq!((step["rows"].as_u64(), step["precision"].as_str()), (Some(16), Some("f32")), "{text}");
        assert!(
            step["ms"].as_f64().unwrap() > 0.0 && step["fraction_of_peak"].as_f64().unwrap() > 0.0,
            "{text}"
        );
    }
    for key in ["ff_seconds", "ff_plain_seconds", "ff_cached_seconds", "bp_seconds", "bp_plain_seconds"] {
        assert!(last["epoch"][key].as_f64().unwrap() > 0.0, "{key}: {text}");
    }
    assert_eq!(last["epoch"]["steps"], 3);
    let short = desk.adieu("bench engine --rows 16 --hidden 20,30 --turns 1 --no-epoch --json").well();
    let last: Value = serde_json::from_str(short.lines().last().unwrap()).unwrap();
    assert!(last["epoch"].is_null(), "what was not measured is not told: {short}");
    assert!(desk.adieu("bench engine --rows 15 --no-epoch").badly(2).contains("even number"));
    assert!(desk.adieu("bench engine --isa sse9 --no-epoch").badly(2).contains("scalar"));
}

#[test]
fn an_interrupted_bench_ends_without_figures() {
    let desk = Desk::bare();
    let started = desk.start_until("bench engine --rows 16 --hidden 20,20 --epochs 1000", "measuring");
    started.signal("INT");
    let said = started.wait();
    assert_eq!((said.code, said.out.as_str()), (Some(1), ""), "{said:?}");
    assert!(said.err.contains("adieu: stopping: what is being timed is finished first"), "{said:?}");
    assert!(said.err.ends_with("adieu: stopped; nothing was left to keep\n"), "{said:?}");
}
