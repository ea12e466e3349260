//! Everything bad that can be put in: one clear message, the right exit code, nothing half-written, no panic.

mod support;

use std::fs;

use support::{Desk, PIXELS, SIDE, TEST_IMAGES, TEST_LABELS, TRAIN_IMAGES, TRAIN_LABELS, idx, picture};

const DUEL: &str = "duel --data-dir tiny --hidden 12,12 --epochs 2 --out d";
const BP: &str = "kind = \"back_prop\"";

#[test]
fn bad_data_is_refused_before_anything_is_written() {
    let image_file = idx(&[120, SIDE, SIDE], &[0; 120 * PIXELS]);
    let mut magic = image_file.clone();
    magic[2] = 9;
    let cases: [(&str, Option<Vec<u8>>, &str); 7] = [
        (TRAIN_LABELS, None, "tiny: found no train-labels-idx1-ubyte"),
        (TRAIN_IMAGES, Some(image_file[..4000].to_vec()), "cut short: copy or download it again"),
        (TRAIN_IMAGES, Some([&image_file[..], b"more"].concat()), "too long"),
        (TRAIN_IMAGES, Some(magic), "not an IDX file of images"),
        (TEST_LABELS, Some(idx(&[59], &[0; 59])), "they do not belong together"),
        (TEST_LABELS, Some(idx(&[60], &[3; 60])), "label 3 in row 0"),
        (
            TEST_IMAGES,
            Some(idx(&[60, SIDE, SIDE + 1], &[0; 60 * (PIXELS + SIDE)])),
            "they do not belong together",
        ),
    ];
    for (file, bytes, expected) in cases {
        let desk = Desk::new();
        let path = format!("tiny/{file}");
        match bytes {
            Some(bytes) => desk.write(&path, &bytes),
            None => fs::remove_file(desk.at(&path)).unwrap(),
        }
        desk.recipe("r.toml", "epochs = 1", BP);
        for args in [DUEL, "train r.toml --out d", "data show --data-dir tiny"] {
            let message = desk.adieu(args).badly(1);
            assert!(message.contains(expected) && message.contains("tiny"), "{file}, {args}: {message}");
            assert!(!desk.has("d") && !desk.has("runs"), "{args} left something behind");
        }
        let said = desk.adieu("lint r.toml");
        assert!(said.out.contains(expected), "{said:?}");
        assert_eq!(said.badly(1), "1 error");
    }
}

#[test]
fn faulty_recipes_tell_all_their_faults_by_line() {
    let desk = Desk::new();
    desk.write(
        "r.toml",
        b"seeed = 1\n[train]\nepochs = \"many\"\nbatch = 0\n[model]\nblocks = [[10], [-1]]\n[learner]\nkind = \"back_prop\"\nrate = 1\n",
    );
    let message = desk.adieu("train r.toml --out d").badly(2);
    insta::assert_snapshot!(message, @r#"
    r.toml: 5 faults in the recipe
      r.toml:1: seeed: unknown key `seeed`
          did you mean `seed`? valid keys here: `data`, `learner`, `model`, `name`, `seed`, `train`
      r.toml:3: train.epochs: found a string, "many"
          wanted an integer from 1 to 1000000, for example `epochs = 60`
      r.toml:4: train.batch: 0 is too small, the least is 1
          wanted an integer from 1 to 1000000, for example `batch = 100`
      r.toml:6: model.blocks[1][0]: -1 is too small, the least is 0
          wanted an integer of at least 0, or a table with a `kind`, one of `label_channel`, `local`, `convolution`, `max_pool`, `average_pool`, `global_pool`, `group_norm`, `layer_norm`, `rms_norm`, `batch_norm`, `dropout`, `triangle`, `residual`, `patches`, `per_token`, `attention`, `transformer`, for example `1`
      r.toml:9: learner.rate: unknown key `rate`
          valid keys here: `dropout`, `kind`, `label_smoothing`, `micro_batch`, `norm`, `optimizer`, `recompute_every`, `schedule`
    "#);
    let said = desk.adieu("lint r.toml");
    insta::assert_snapshot!(said.out, @r#"
    r.toml:1: error (seeed): unknown key `seeed`; did you mean `seed`? valid keys here: `data`, `learner`, `model`, `name`, `seed`, `train`
    r.toml:3: error (train.epochs): found a string, "many"; wanted an integer from 1 to 1000000, for example `epochs = 60`
    r.toml:4: error (train.batch): 0 is too small, the least is 1; wanted an integer from 1 to 1000000, for example `batch = 100`
    r.toml:6: error (model.blocks[1][0]): -1 is too small, the least is 0; wanted an integer of at least 0, or a table with a `kind`, one of `label_channel`, `local`, `convolution`, `max_pool`, `average_pool`, `global_pool`, `group_norm`, `layer_norm`, `rms_norm`, `batch_norm`, `dropout`, `triangle`, `residual`, `patches`, `per_token`, `attention`, `transformer`, for example `1`
    r.toml:9: error (learner.rate): unknown key `rate`; valid keys here: `dropout`, `kind`, `label_smoothing`, `micro_batch`, `norm`, `optimizer`, `recompute_every`, `schedule`
    "#);
    assert_eq!(said.badly(2), "5 faults in recipes");
    assert!(!desk.has("d"));
}

#[test]
fn recipes_that_cannot_be_are_refused_by_line() {
    let desk = Desk::new();
    let cases = [
        ("blocks = []", BP, "r.toml:2: model.blocks: "),
        ("blocks = [[0]]", BP, "r.toml:2: model.blocks[0][0]: "),
        ("blocks = [[10], []]", BP, "r.toml:2: model.blocks[1]: "),
        ("blocks = [[99999999999]]", BP, "r.toml:2: model.blocks[0][0]: "),
        ("blocks = [[10]]", "kind = \"forward_forward\"", "r.toml:3: learner.skip_first: "),
        ("blocks = [[10]]", "kind = \"magic\"", "r.toml:4: learner.kind: "),
        ("blocks = [[10], [10, 10]]", "kind = \"self_contrastive\"", "r.toml:2: model.blocks[1]: "),
        (
            "blocks = [[{ kind = \"layer_norm\", affine = true }, 9]]",
            "kind = \"soft_hebb\"",
            "r.toml:2: model.blocks[0]: ",
        ),
        ("blocks = [[{ kind = \"triangle\", power = 0.0 }]]", BP, "r.toml:2: model.blocks[0][0].power: "),
        ("blocks = [[10], [10]]", "kind = \"trifecta\"\nplace = \"beside\"", "r.toml:2: model.blocks[0]: "),
        ("blocks = [[10], [{ kind = \"label_channel\" }, 10]]", BP, "r.toml:2: model.blocks[1][0]: "),
        ("blocks = [[10]]", "kind = \"soft_hebb\"\nlayers = []", "r.toml:5: learner.layers: "),
    ];
    for (model, learner, expected) in cases {
        desk.write("r.toml", format!("[model]\n{model}\n[learner]\n{learner}\n").as_bytes());
        let message = desk.adieu("train r.toml --out d").badly(2);
        assert!(message.contains(expected), "{model} {learner}: {message}");
        assert!(!desk.has("d"));
    }
}

#[test]
fn a_row_has_no_other_beside_it_in_a_batch_of_one() {
    let desk = Desk::new();
    let recipe = "[train]\nbatch = 1\n[model]\nblocks = [[10]]\n[learner]\nkind = \"self_contrastive\"\n";
    desk.write("r.toml", recipe.as_bytes());
    let message = desk.adieu("train r.toml --out d").badly(2);
    assert!(
        message.contains("r.toml:2: train.batch: `self_contrastive` needs at least 2 rows a step"),
        "{message}"
    );
}

#[test]
fn keys_that_a_dataset_does_not_heed_are_refused_and_named_with_those_that_do() {
    let desk = Desk::new();
    for (data, expected) in [
        (
            "kind = \"mnist\"\nrows = 100",
            "r.toml:3: data.rows: `mnist` does not heed it\n      leave it out; it is for moons, ",
        ),
        (
            "kind = \"moons\"\nlabel = \"y\"",
            "r.toml:3: data.label: `moons` does not heed it\n      leave it out; it is for csv, ",
        ),
    ] {
        let recipe = format!("[data]\n{data}\n[model]\nblocks = [[10]]\n[learner]\n{BP}\n");
        desk.write("r.toml", recipe.as_bytes());
        let message = desk.adieu("train r.toml --out d").badly(2);
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn learners_that_would_misread_what_they_get_are_refused() {
    let desk = Desk::new();
    let hebb = "kind = \"stages\"\nstages = [{ epochs = 1, learner = { kind = \"back_prop\" } }, \
                { epochs = 1, learner = { kind = \"soft_hebb\" } }]";
    for (data, learner, expected) in [
        (
            "kind = \"moons\"\nlabels = false",
            "kind = \"rbm\"",
            "`rbm` takes what a row holds for shares from 0 to 1",
        ),
        ("kind = \"optdigits\"", hebb, "stage 2: `soft_hebb` counts on initial weights"),
    ] {
        let recipe = format!(
            "[data]\n{data}\n[train]\nepochs = 2\n[model]\nblocks = [[10], [10]]\n[learner]\n{learner}\n"
        );
        desk.write("r.toml", recipe.as_bytes());
        let message = desk.adieu("train r.toml --out d").badly(2);
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn files_that_are_no_recipes_are_named() {
    let desk = Desk::new();
    desk.write("binary.toml", &[0xff, 0xfe, 0]);
    desk.write("prose.toml", b"Dear recipe,\n");
    let cases = [
        ("train nonesuch.toml", 1, "nonesuch.toml: cannot read the recipe: "),
        ("train tiny", 1, "name a file, not a folder"),
        ("train binary.toml", 1, "save it as UTF-8 text"),
        ("train prose.toml", 2, "this is not TOML"),
    ];
    for (args, code, expected) in cases {
        let message = desk.adieu(args).badly(code);
        assert!(message.contains(expected), "{args}: {message}");
        assert!(!desk.has("runs"));
    }
}

#[test]
fn options_that_cannot_be_are_usage() {
    let desk = Desk::new();
    let wrong = [
        ("duel --epochs 0", "'0' for '--epochs <N>'"),
        ("duel --epochs many", "'many' for '--epochs <N>'"),
        ("duel --hidden 10,,10", "for '--hidden <WIDTHS>'"),
        ("duel --hidden ten", "for '--hidden <WIDTHS>'"),
        ("duel --seed 9007199254740992", "for '--seed <S>'"),
        ("duel --pace 2", "unexpected argument '--pace'"),
        ("dual", "a similar subcommand exists: 'duel'"),
        ("eval", "required arguments were not provided"),
        ("eval r --split all", "[possible values: test, validation, train]"),
        ("list learner", "a similar value exists: 'learners'"),
    ];
    for (args, expected) in wrong {
        let said = desk.adieu(args);
        assert_eq!(said.code, Some(2), "{args}: {said:?}");
        assert!(said.err.contains(expected) && said.out.is_empty(), "{args}: {said:?}");
    }
    let wide = vec!["131072"; 40].join(",");
    let message = desk.adieu(&format!("duel --data-dir tiny --hidden {wide} --out d")).badly(2);
    assert!(message.contains("GiB, this machine has"), "it would be killed for memory: {message}");
    let message = desk.adieu("duel --data-dir tiny --hidden 10,0 --out d").badly(2);
    assert!(message.contains("model.blocks[1][0]: 0 units are not a layer"), "{message}");
    assert!(!desk.has("d"));
}

#[test]
fn folders_that_cannot_be_written_are_named() {
    let desk = Desk::new();
    desk.recipe("r.toml", "epochs = 1", BP);
    desk.write("file", b"I am not a folder");
    for args in [
        "train r.toml --out file",
        "train r.toml --out file/below",
        "duel --data-dir tiny --hidden 12,12 --epochs 1 --out file/below",
    ] {
        let message = desk.adieu(args).badly(1);
        assert!(message.starts_with("file") && message.contains("a file is in the way"), "{args}: {message}");
    }
    assert_eq!(desk.read("file"), b"I am not a folder");
    desk.adieu("train r.toml --out r").well();
    for args in ["report r --out file/page.html", "man --out file/pages"] {
        let message = desk.adieu(args).badly(1);
        assert!(message.contains("file/") && message.contains("choose a"), "{args}: {message}");
    }
    if cfg!(target_os = "linux") {
        let message = desk.adieu("train r.toml --out /proc/nowhere").badly(1);
        assert!(message.starts_with("/proc/nowhere: cannot make the run's folder"), "{message}");
    }
}

#[test]
fn folders_that_are_no_runs_are_named() {
    let desk = Desk::new();
    desk.write("one.png", &picture(SIDE, SIDE, &[0; PIXELS]));
    for args in ["resume tiny", "eval tiny", "predict tiny one.png", "eval nonesuch"] {
        let message = desk.adieu(args).badly(1);
        assert!(
            message
                .contains("this is no run's folder: it has no recipe.toml and events.jsonl; name the folder"),
            "{args}: {message}"
        );
    }
    desk.write("duel.json", b"{\"epochs\": 1}");
    let message = desk.adieu("resume .").badly(1);
    assert!(message.starts_with("./duel.json: these are no options of a duel: "), "{message}");
}

#[test]
fn runs_and_duels_do_not_share_a_folder() {
    let desk = Desk::new();
    desk.recipe("r.toml", "epochs = 1", BP);
    desk.adieu("train r.toml --out r").well();
    desk.adieu(DUEL).well();
    let message = desk.adieu("duel --data-dir tiny --hidden 12,12 --epochs 2 --out r").badly(2);
    assert_eq!(message, "r: a single run lies there; choose another --out for the duel");
    let message = desk.adieu("train r.toml --out d").badly(2);
    assert_eq!(message, "d: a duel lies there; choose another --out for the run");
}

#[test]
#[cfg(target_os = "linux")]
fn paths_that_are_not_unicode_are_no_panic() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt, process::Stdio};
    let desk = Desk::new();
    desk.recipe("r.toml", "epochs = 1", BP);
    desk.write("one.png", &picture(SIDE, SIDE, &[0; PIXELS]));
    let odd = OsStr::from_bytes(b"r\xff");
    for args in ["train r.toml --json --out", "report --json", "eval --json", "predict --json", "lint"] {
        let mut command = desk.command(args);
        command.arg(odd);
        if args.starts_with("predict") {
            command.arg("one.png");
        }
        let output = command.stderr(Stdio::piped()).output().unwrap();
        let err = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{args}: {err}");
    }
    fs::rename(desk.at("tiny"), desk.at("").join(OsStr::from_bytes(b"tiny\xff"))).unwrap();
    let output = desk.command("duel --data-dir").arg(OsStr::from_bytes(b"tiny\xff")).output().unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(2) && err.contains("the path is not Unicode"), "{err}");
}

#[test]
fn a_checkpoint_of_another_network_is_refused() {
    let desk = Desk::new();
    desk.recipe("r.toml", "epochs = 1", BP);
    desk.adieu("train r.toml --out r").well();
    let text = desk.text("r.toml").replace("[[12], [12]]", "[[9], [9]]");
    desk.write("other.toml", text.as_bytes());
    desk.adieu("train other.toml --out other").well();
    fs::copy(desk.checkpoint("other"), desk.checkpoint("r")).unwrap();
    let message = desk.adieu("eval r").badly(1);
    insta::assert_snapshot!(message, @r"r/checkpoint-12.safetensors: `net.0.weight` has shape [36, 9], the recipe's has [36, 12]: it belongs to another network; use the checkpoint together with the recipe.toml of its own run");
}

#[test]
fn damaged_records_are_named_by_line() {
    let desk = Desk::new();
    desk.recipe("r.toml", "epochs = 1", BP);
    desk.adieu("train r.toml --out r").well();
    let good = desk.text("r/events.jsonl");
    let lines: Vec<&str> = good.lines().collect();
    desk.write("r/events.jsonl", [lines[0], "{", lines[1]].join("\n").as_bytes());
    for args in ["report r", "eval r", "resume r"] {
        let message = desk.adieu(args).badly(1);
        assert!(
            message.starts_with("r/events.jsonl:2: ") && message.contains("; restore the record"),
            "{args}: {message}"
        );
    }
    let said = desk.adieu("lint r");
    assert!(said.out.starts_with("error: r/events.jsonl:2: "), "{said:?}");
    said.badly(1);
    // Whole lines, but one of them is missing.
    desk.write("r/events.jsonl", [&lines[..2], &lines[3..]].concat().join("\n").as_bytes());
    let said = desk.adieu("lint r");
    assert!(said.out.contains("r/events.jsonl:3: error (sequence): seq is 3, but 2 comes next"), "{said:?}");
    said.badly(1);
    let said: serde_json::Value = serde_json::from_str(&desk.adieu("lint r --json").out).unwrap();
    assert_eq!((said[0]["line"].as_u64(), said[0]["about"].as_str()), (Some(3), Some("sequence")));
    desk.write("r/events.jsonl", b"");
    let message = desk.adieu("report r").badly(1);
    assert!(message.starts_with("r: the record is empty; "), "{message}");
}

#[test]
fn images_that_do_not_fit_are_named() {
    let desk = Desk::new();
    desk.recipe("r.toml", "epochs = 1", BP);
    desk.adieu("train r.toml --out r").well();
    desk.write("wide.png", &picture(SIDE + 1, SIDE, &[0; PIXELS + SIDE]));
    desk.write("torn.png", &picture(SIDE, SIDE, &[7; PIXELS])[..60]);
    desk.write("prose.txt", b"a drawing of a seven");
    let cases = [
        (
            "wide.png",
            "wide.png: an image of 6 × 7 pixels (height × width), but the network expects 6 × 6; scale or crop",
        ),
        ("torn.png", "torn.png: damaged (PNG: "),
        ("prose.txt", "name a PNG or JPEG picture, or an IDX file of images with #ROW"),
        ("nonesuch.png", "nonesuch.png: no such file; "),
        ("tiny/t10k-images-idx3-ubyte#60", "it has no row 60: its 60 rows count from 0"),
    ];
    for (image, expected) in cases {
        let message = desk.adieu(&format!("predict r {image}")).badly(1);
        assert!(message.contains(expected), "{image}: {message}");
    }
}

/// A disk that is full: files may not grow beyond so many blocks of 512 bytes.
#[cfg(unix)]
fn on_a_small_disk(desk: &Desk, blocks: u32, line: &str) -> support::Said {
    // `ulimit -f` counts 512 bytes in sh and 1024 in bash; the signal is ignored so that writing fails instead.
    desk.sh(&format!("trap '' XFSZ; ulimit -f {blocks}; {line}"))
}

#[test]
#[cfg(unix)]
fn a_full_disk_is_told_and_leaves_only_what_is_whole() {
    let desk = Desk::new();
    let text = "name = \"wide\"\n[data]\nkind = \"idx\"\ndir = \"tiny\"\n[train]\nepochs = 2\nbatch = 10\n\
                [model]\nblocks = [[300]]\n[learner]\nkind = \"back_prop\"\n";
    desk.write("r.toml", text.as_bytes());
    // The record fits, the checkpoint of some 90 KiB does not.
    let said = on_a_small_disk(&desk, 40, "adieu train r.toml --out r");
    let message = said.badly(1);
    assert!(message.starts_with("r/checkpoint-10.safetensors: cannot write the checkpoint: "), "{message}");
    assert!(message.contains("; free some disk space"), "{message}");
    assert_eq!(desk.tree("r"), ["r/events.jsonl", "r/recipe.toml"]);
    assert!(
        desk.text("r/events.jsonl").lines().last().unwrap().contains("\"kind\":\"failed\""),
        "the record says why"
    );
    assert_eq!(desk.adieu("lint r").well(), "2 files: nothing found\n");
    desk.adieu("resume r").well();
}

#[test]
#[cfg(unix)]
fn a_full_disk_under_the_record_leaves_whole_lines() {
    let desk = Desk::new();
    desk.recipe("r.toml", "epochs = 50\nlog_every = 1\ncheckpoint_every = 100", BP);
    let said = on_a_small_disk(&desk, 20, "adieu train r.toml --out r");
    let message = said.badly(1);
    assert!(message.starts_with("r/events.jsonl: cannot write the record: "), "{message}");
    assert!(desk.text("r/events.jsonl").ends_with('\n'), "no torn line");
    let said = desk.adieu("lint r");
    assert!(
        said.out == "2 files: nothing found\n" || said.out.contains("warning (end): cut off"),
        "{said:?}"
    );
    desk.adieu("resume r").well();
}

#[test]
#[cfg(unix)]
fn a_full_disk_under_the_report_leaves_the_old_one() {
    let desk = Desk::new();
    desk.recipe("r.toml", "epochs = 1", BP);
    desk.adieu("train r.toml --out r").well();
    desk.write("r/report.html", b"old");
    let message = on_a_small_disk(&desk, 8, "adieu report r").badly(1);
    assert!(message.starts_with("r/report.html: cannot write the report: "), "{message}");
    assert_eq!(desk.read("r/report.html"), b"old");
    assert!(desk.tree("r").iter().all(|path| !path.ends_with(".tmp")), "{:?}", desk.tree("r"));
}
