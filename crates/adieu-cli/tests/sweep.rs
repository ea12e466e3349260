//! Sweeps, from the file to the table.

#![allow(clippy::unwrap_used)] // clippy knows tests by their attribute, and this has helpers too

mod support;

use serde_json::Value;
use support::Desk;

const BASE: &str = "[base]\n[base.data]\nkind = \"idx\"\ndir = \"tiny\"\nsplit = \"final\"\n\
                    [base.train]\nepochs = 2\nbatch = 10\n[base.model]\nblocks = [[12], [12]]\n\
                    [base.learner]\nkind = \"forward_forward\"\n";

const LADDER: &str = r#"[[step]]
name = "plain"
set = { "learner.norm" = "l2", "learner.optimizer.kind" = "adam_w", "learner.optimizer.rate" = 0.03 }
[[step]]
name = "RMS norm"
set = { "learner.norm" = "rms" }
[[step]]
name = "back-propagation"
set = { "learner.kind" = "back_prop" }
"#;

fn desk(head: &str, steps: &str) -> Desk {
    let desk = Desk::new();
    desk.write("s.toml", format!("{head}\n{BASE}{steps}").as_bytes());
    desk
}

fn ladder() -> Desk {
    desk("name = \"ladder\"\ncumulative = true\nseeds = 2", LADDER)
}

fn steps(said: &Value) -> Vec<&str> {
    said["steps"].as_array().unwrap().iter().map(|step| step["step"].as_str().unwrap()).collect()
}

#[test]
fn a_ladder_runs_every_step_with_every_seed_and_tells_what_each_is_worth() {
    let desk = ladder();
    assert_eq!(desk.adieu("lint s.toml").well(), "1 file: nothing found\n");
    let out = desk.adieu("sweep s.toml --out d").well();
    for part in ["plain", "RMS norm", "95 % interval", "difference", "Report: d/sweep.html"] {
        assert!(out.contains(part), "no `{part}` in {out}");
    }
    let said: Value = serde_json::from_slice(&desk.read("d/sweep.json")).unwrap();
    assert_eq!(steps(&said), ["plain", "RMS norm", "back-propagation"]);
    for step in said["steps"].as_array().unwrap() {
        let runs = step["runs"].as_array().unwrap();
        assert_eq!(runs.iter().map(|run| run["seed"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 2]);
        let errors: Vec<f64> = runs.iter().map(|run| run["test_error"].as_f64().unwrap()).collect();
        let mean = step["metrics"]["test_error"]["mean"].as_f64().unwrap();
        assert!((mean - (errors[0] + errors[1]) / 2.0).abs() < 1e-12, "{step}");
        assert!(step["metrics"]["macs"]["mean"].as_f64().unwrap() > 0.0);
        assert!(out.contains(&format!("{:.2} %", 100.0 * mean)), "{mean} is not in {out}");
    }
    assert_eq!(said["steps"][1]["against"], "plain");
    assert_eq!(said["steps"][1]["difference"]["n"], 2);
    assert_eq!(said["steps"][2]["readout"], "logits");
    let page = desk.text("d/sweep.html");
    assert!(page.starts_with("<!DOCTYPE html>") && page.matches("<circle").count() == 6);
    let kept = desk.text("d/rms-norm/seed-2/recipe.toml");
    for part in ["norm = \"rms\"", "kind = \"adam_w\"", "rate = 0.03", "seed = 2", "name = \"RMS norm\""] {
        assert!(kept.contains(part), "a step keeps those before it: no `{part}` in {kept}");
    }
}

#[test]
fn steps_that_are_not_cumulative_stand_alone_and_the_base_may_be_a_file() {
    let desk = Desk::new();
    desk.recipe("base.toml", "epochs = 1", "kind = \"back_prop\"");
    let text = "name = \"alone\"\nbase = \"base.toml\"\n[[step]]\nname = \"wide\"\nset = { \"model.blocks\" = [[20]] }\n\
                [[step]]\nname = \"long\"\nset = { \"train.epochs\" = 2 }\n";
    desk.write("s.toml", text.as_bytes());
    let said = desk.adieu("sweep s.toml --out d --json").json();
    assert_eq!(steps(&said), ["wide", "long"]);
    assert_eq!(said["report"], "d/sweep.html");
    assert_eq!(said["steps"][0]["changes"][0]["value"], "[[20]]");
    let long = desk.text("d/long/seed-3/recipe.toml");
    assert!(long.contains("epochs = 2") && !long.contains("20"), "{long}");
}

#[test]
fn a_grid_is_the_product_of_its_lists() {
    let desk = desk(
        "name = \"grid\"",
        "[grid]\n\"learner.goodness.kind\" = [\"sum_squares\", \"mean_squares\"]\n\"model.activation\" = [\"relu\", \"tanh\"]\n",
    );
    let said = desk.adieu("sweep s.toml --out d --json").json();
    let expected = ["sum_squares, relu", "sum_squares, tanh", "mean_squares, relu", "mean_squares, tanh"];
    assert_eq!(steps(&said), expected);
    assert!(desk.text("d/sweep.html").contains("id=\"map\""));
    assert!(desk.text("d/mean_squares-tanh/seed-1/recipe.toml").contains("activation = \"tanh\""));
}

#[test]
fn steps_that_look_for_anomalies_share_the_rows_that_were_read() {
    let desk = Desk::new();
    let text = "name = \"odd\"\nseeds = 2\n[base]\n[base.data]\nkind = \"optdigits\"\nnormal = [\"0\", \"1\"]\n\
                [base.train]\nepochs = 1\n[base.model]\nblocks = [[12], [12]]\n[base.learner]\nkind = \"unsupervised\"\n\
                fakes = { kind = \"columns\" }\n[[step]]\nname = \"one\"\n\
                [[step]]\nname = \"other\"\nset = { \"learner.norm\" = \"none\" }\n";
    desk.write("s.toml", text.as_bytes());
    let said = desk.adieu("sweep s.toml --out d --json").json();
    let steps = said["steps"].as_array().unwrap();
    assert!(steps.len() == 2 && steps.iter().all(|step| step["finished"] == 2), "{said:#}");
}

#[test]
fn every_fault_of_every_step_is_told_by_line_before_anything_runs() {
    let desk = desk(
        "name = \"faulty\"\ncumulative = true",
        "[[step]]\nname = \"one\"\nset = { \"learner.norm\" = \"rsm\", \"learner.nrom\" = \"rms\" }\n\
         [[step]]\nname = \"two\"\nset = { \"train.batch\" = 0 }\n\
         [[step]]\nname = \"Two!\"\nset = { train.epochs = 3 }\n[[step]]\nname = \"seeded\"\nset = { seed = 4 }\n",
    );
    let linted = desk.adieu("lint s.toml --json");
    assert!(linted.out.contains("step `seeded`") && linted.code == Some(2), "{linted:?}");
    let message = desk.adieu("sweep s.toml --out d").badly(2);
    // Learners grow keys; which there are is no business of this test.
    let (before, rest) = message.split_once("valid keys here: ").unwrap();
    let message = format!("{before}valid keys here: VALID\n{}", rest.split_once('\n').unwrap().1);
    insta::assert_snapshot!(message, @r#"
    s.toml: 6 faults in the recipe
      s.toml:17: step `one`: learner.norm: unknown name `rsm`
          did you mean `rms`? valid names here: `rms`, `l2`, `none`
      s.toml:17: step `one`: learner.nrom: unknown key `nrom`
          did you mean `norm`? valid keys here: VALID
      s.toml:20: step `two`: train.batch: 0 is too small, the least is 1
          wanted an integer from 1 to 1000000, for example `batch = 100`
      s.toml:22: step[2].name: `Two!` and `two` would share the folder two
          give every step a name of its own
      s.toml:23: step `Two!`: train: this would replace the whole table, its other keys too
          write the dotted key in quotes: "learner.norm" = "rms"
      s.toml:26: step `seeded`: seed: a step has the sweep's
          leave it out; `seeds` says how many there are
    "#);
    assert!(!desk.has("d"));
}

#[test]
fn what_form_alone_cannot_tell_is_told_of_all_steps_too() {
    let desk = desk(
        "name = \"faulty\"",
        "[[step]]\nname = \"one\"\nset = { \"learner.head\" = false }\n\
         [[step]]\nname = \"two\"\nset = { \"train.batch\" = 500 }\n",
    );
    let message = desk.adieu("sweep s.toml --out d").badly(2);
    insta::assert_snapshot!(message, @r"
    s.toml: 2 faults in the recipe
      s.toml:14: step `one`: learner.negatives.kind: `hard` negatives are drawn from the head
          set head = true, or choose uniform negatives
      s.toml:19: step `two`: train.batch: 500 rows asked, 120 there are
          make it smaller
    ");
    assert!(!desk.has("d"));
}

#[test]
fn files_that_are_no_sweeps_are_refused_by_line() {
    let cases = [
        ("name = \"x\"\nsteps = 3", "[[step]]\nname = \"a\"\n", "s.toml:2: steps: unknown key `steps`"),
        ("name = \"x\"", "", "step: there is no step"),
        ("name = \"x\"", "[[step]]\nname = \"a\"\n[grid]\n\"train.epochs\" = [1]\n", "not both"),
        ("name = \"x\"", "[grid]\n\"train.epochs\" = []\n", "grid: a grid has 1 to 10000 steps"),
        ("name = \"x\"\nseeds = 0", "[[step]]\nname = \"a\"\n", "s.toml:2: seeds: 0 is too small"),
        ("name = \"x\"", "[[step]]\nname = \"a\"\nset = { \"learner.kind.x\" = 1 }\n", "write keys as in"),
        ("name = \"x\"", "[[step]]\nname = \"!\"\n", "no letter or digit"),
    ];
    for (head, rest, expected) in cases {
        let desk = desk(head, rest);
        let message = desk.adieu("sweep s.toml --out d").badly(2);
        assert!(message.contains(expected), "{head} {rest}: {message}");
        assert!(!desk.has("d"));
    }
    let message = Desk::bare().adieu("sweep nonesuch.toml").badly(1);
    assert!(message.contains("nonesuch.toml: cannot read the sweep"), "{message}");
}

#[test]
fn a_sweep_goes_on_where_it_stood_and_may_get_more_seeds() {
    let desk = ladder();
    desk.adieu("sweep s.toml --out d --seeds 1").well();
    let before = desk.read("d/plain/seed-1/events.jsonl");
    let said = desk.adieu("sweep s.toml --out d --json").json();
    assert_eq!(said["steps"][0]["runs"].as_array().unwrap().len(), 2);
    assert_eq!(desk.read("d/plain/seed-1/events.jsonl"), before, "what is finished is kept");
    desk.write("s.toml", desk.text("s.toml").replace("epochs = 2", "epochs = 3").as_bytes());
    let message = desk.adieu("sweep s.toml --out d").badly(1);
    assert!(message.contains("another recipe than the sweep"), "{message}");
}

#[test]
fn an_interrupted_sweep_says_how_to_go_on_and_does() {
    let desk = ladder();
    let long = desk.text("s.toml").replace("epochs = 2", "epochs = 120");
    desk.write("s.toml", long.as_bytes());
    let started = desk.start_until("sweep s.toml --out d --seeds 1", "epoch 3 of 120");
    started.signal("INT");
    let said = started.wait();
    assert_eq!((said.code, said.out.as_str()), (Some(1), ""));
    let message = said.err.lines().last().unwrap().to_string();
    insta::assert_snapshot!(message, @"adieu: d/plain/seed-1: interrupted, and saved; go on with `adieu sweep s.toml --out d --seeds 1`");
    assert!(!desk.has("d/sweep.json"));
    let again = desk.adieu("sweep s.toml --out d --seeds 1");
    assert!(again.err.contains("RMS norm (run 2 of 3, then about"), "{again:?}");
    again.well();
    desk.adieu("sweep s.toml --out whole --seeds 1").well();
    let [a, b] = ["d", "whole"].map(|out| support::tensors(&desk.checkpoint(&format!("{out}/plain/seed-1"))));
    assert!(a == b, "it is not the run of the uninterrupted sweep");
}

#[test]
fn a_run_that_diverges_is_a_result() {
    let desk = desk(
        "name = \"wild\"",
        "[[step]]\nname = \"calm\"\n[[step]]\nname = \"wild\"\n\
         set = { \"learner.kind\" = \"back_prop\", \"learner.optimizer.kind\" = \"sgd\", \"learner.optimizer.rate\" = 1e6 }\n",
    );
    let said = desk.adieu("sweep s.toml --out d --json").json();
    let wild = &said["steps"][1];
    assert_eq!((&wild["diverged"], &wild["finished"]), (&1.into(), &0.into()));
    assert!(wild["metrics"]["test_error"].is_null() && said["steps"][0]["metrics"]["test_error"].is_object());
    let out = desk.adieu("sweep s.toml --out d").well();
    assert!(out.contains("diverged"), "{out}");
}

#[test]
fn a_sweep_takes_other_values_for_all_its_steps() {
    let desk = ladder();
    let set = "--set train.epochs=3 --set model.blocks=[[7],[7]]";
    let started = desk.start_until(&format!("sweep s.toml --out d {set}"), "(run 1 of ");
    started.signal("INT");
    let said = started.wait();
    assert!(
        said.err.contains("go on with `adieu sweep s.toml --out d --set train.epochs=3 --set 'model"),
        "{}",
        said.err
    );
    desk.adieu(&format!("sweep s.toml --out d {set}")).well();
    let table: Value = serde_json::from_slice(&desk.read("d/sweep.json")).unwrap();
    let run = table["steps"][0]["runs"][0]["run"].as_str().unwrap();
    let recipe = desk.text(&format!("{run}/recipe.toml"));
    assert!(recipe.contains("epochs = 3") && recipe.contains("blocks = [[7], [7]]"), "{recipe}");
    let message = desk.adieu("sweep s.toml --out e --set learner.norm=none").badly(2);
    assert!(message.contains("learner.norm: step `plain` sets it itself"), "{message}");
    let message = desk.adieu("sweep s.toml --out e --set data.magic=1").badly(2);
    assert!(
        message.contains("s.toml, with what --set says: ") && message.contains("data.magic"),
        "{message}"
    );
    assert!(!desk.has("e"));
}

#[test]
fn another_kind_of_folder_is_not_mixed_with_a_sweep() {
    let desk = ladder();
    desk.recipe("r.toml", "epochs = 1", "kind = \"back_prop\"");
    desk.adieu("train r.toml --out d").well();
    let message = desk.adieu("sweep s.toml --out d").badly(2);
    assert!(message.contains("a single run lies there"), "{message}");
}

#[test]
fn a_study_is_a_sweep_and_says_how_to_go_on() {
    let desk = Desk::new();
    let started = desk.start_until("study goodness --quick --dir tiny --out g", "(run 1 of ");
    started.signal("INT");
    let said = started.wait();
    assert_eq!((said.code, said.out.as_str()), (Some(1), ""));
    let message = said.err.lines().last().unwrap().to_string();
    let folder = desk.at("tiny").canonicalize().unwrap();
    let message = message.replace(&folder.display().to_string(), "TINY");
    insta::assert_snapshot!(message, @"adieu: g/mnist-sum_squares-relu/seed-1: interrupted, and saved; go on with `adieu study goodness --epochs 1 --seeds 2 --out g --dir TINY --activations relu,tanh,softplus,student_t --quick`");
    let message = desk.adieu("study goodness --dir nowhere --out n").badly(1);
    assert!(message.contains("nowhere") && !desk.has("n"), "{message}");
}

#[test]
fn rules_are_told_as_shares_of_back_propagation_and_beside_what_their_papers_claim() {
    let desk = Desk::new();
    // no multiple of ten units: rules that need one are left out, and said
    let message = desk.adieu("study rules --data optdigits --convolutional --width 12 --out c").badly(2);
    assert!(message.contains("--width 12: ") && message.contains("choose 10 or 20"), "{message}");
    let asked = "study rules --data optdigits --epochs 2 --seeds 1 --width 12 --out r";
    let said = desk.adieu(asked);
    assert!(said.err.contains("deeper_forward: left out: "), "{}", said.err);
    let out = said.well();
    let told = out.split("beside back_prop").nth(1).expect("a second table");
    let own = told.lines().find(|line| line.starts_with("back_prop ")).expect("its line");
    assert!(own.split_whitespace().skip(1).all(|share| share == "1.00"), "{own}");
    assert!(told.contains("soft_hebb") && !told.contains("deeper_forward"), "{told}");
    let found: Value = serde_json::from_slice(&desk.read("r/sweep.json")).unwrap();
    assert_eq!(found["beside"]["step"], "back_prop");
    let page = desk.text("r/sweep.html");
    assert!(
        page.contains("What their papers claim") && page.contains("Mono-Forward: 0.31 of the memory"),
        "no claim"
    );
    assert!(!page.contains("NaN") && page.contains("study rules --data optdigits"));
}

#[test]
fn a_sweep_is_a_benchmark_with_numbers_and_a_page() {
    let desk = ladder();
    let out = desk.adieu("bench suite s.toml --targets 99.9,0 --out d").well();
    assert!(out.contains("Report: d/suite.html") && out.contains("never"), "{out}");
    let found: Value = serde_json::from_slice(&desk.read("d/quality.json")).unwrap();
    assert_eq!(found["attempts"].as_array().unwrap().len(), 6);
    assert_eq!(found["conditions"], serde_json::json!([]));
    let page = desk.text("d/suite.html");
    for part in ["Cost to quality: ladder", "RMS norm", "To an error of 0.00 %", "adieu bench suite s.toml"] {
        assert!(page.contains(part), "no `{part}`");
    }
    assert!(!page.contains("NaN") && !page.contains("<script"));
}
