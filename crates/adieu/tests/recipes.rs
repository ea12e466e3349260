//! Recipes: those we ship, those nobody should write, and any text at all.
#![allow(clippy::unwrap_used)] // a test that cannot go on shall panic

use std::path::{Path, PathBuf};

use adieu::{Error, Recipe, Sweep};
use proptest::prelude::*;

fn faults(text: &str) -> String {
    let checked =
        Recipe::parse(text, "r.toml").map_err(Error::from).and_then(|recipe| recipe.check("r.toml"));
    match checked {
        Ok(_) => "none".into(),
        Err(error) => error.to_string(),
    }
}

const MODEL: &str = "[model]\nblocks = [[10], [10]]\n";

/// Every `.toml` file in `folder` and below.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let below = entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] });
    below.filter(|path| path.extension().is_some_and(|extension| extension == "toml")).collect()
}

#[test]
fn every_recipe_and_every_sweep_we_ship_checks() {
    let (mut recipes, mut sweeps) = (0, 0);
    for path in files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../recipes")) {
        let text = std::fs::read_to_string(&path).unwrap();
        let checked = if text.lines().any(|line| line.starts_with("base = ") || line == "[base]") {
            sweeps += 1;
            Sweep::read(&path).and_then(|sweep| sweep.check()).map(|_| ())
        } else {
            recipes += 1;
            let recipe = Recipe::read(&path).unwrap();
            let bundled =
                |source: &&dyn adieu_data::Source| source.kind() == recipe.data.kind && source.bundled();
            let ours =
                recipe.data.dir.is_none() && adieu_data::list().iter().any(|source| bundled(&&**source));
            match recipe.check(&path.display().to_string()) {
                Err(Error::Data(_)) if !ours => Ok(()), // it stops at data that is not bundled, and at nothing before
                other => other.map(|_| ()),
            }
        };
        assert!(checked.is_ok(), "{}", checked.err().unwrap());
    }
    assert!(recipes >= 15 && sweeps >= 2, "only {recipes} recipes and {sweeps} sweeps found");
}

/// Whoever is compared with back-propagation is so on one network, from the same weights, rows and batches: all of these
/// follow from seed, data, model and batch size.
#[test]
fn twins_share_network_rows_and_batches() {
    let mut pairs = 0;
    for path in files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../recipes/deeper-forward")) {
        let name = path.file_name().unwrap().to_str().unwrap();
        let Some(other) = name.strip_suffix("-bp.toml") else { continue };
        let twin = Recipe::read(&path).unwrap();
        let local = Recipe::read(&path.with_file_name(format!("{other}.toml"))).unwrap();
        assert_eq!(twin.model, local.model, "{name}");
        assert_eq!((twin.seed, &twin.data, &twin.train), (local.seed, &local.data, &local.train), "{name}");
        pairs += 1;
    }
    assert!(pairs >= 4, "only {pairs} pairs");
}

#[test]
fn ways_around_layers_are_refused_by_key_where_they_cannot_be() {
    let convolution = |channels: u64| {
        format!("{{ kind = \"convolution\", field = 3, padding = 1, channels = {channels} }}")
    };
    let around = |what: &str, layers: &str| {
        format!("{}, {{ kind = \"residual\", {what}layers = [{layers}] }}", convolution(10))
    };
    let pool = "around = [{ kind = \"average_pool\", window = 2 }], ";
    let cases = [
        (around("", &convolution(20)), "model.blocks[0][1]:", "cannot be added to it"),
        (around("join = \"beside\", ", &convolution(20)), "none", ""),
        (around(pool, &convolution(10)), "model.blocks[0][1]:", "which is around"),
        (
            around(&format!("join = \"beside\", {pool}"), &convolution(10)),
            "model.blocks[0][1]:",
            "stand beside",
        ),
        (
            around(&format!("projected = true, {pool}"), &convolution(10)),
            "model.blocks[0][1].projected:",
            "leave one",
        ),
        (around("projected = true, ", &convolution(20)), "model.blocks[0][1].projected:", "let it be a pool"),
        (
            around("", &format!("{}, {}", convolution(12), convolution(10))),
            "learner.kind:",
            "layer 2: 12 channels",
        ),
        (
            around(
                "",
                &format!("{}, {{ kind = \"group_norm\", groups = 10, affine = true }}", convolution(10)),
            ),
            "model.blocks[0][1].layers[1].affine:",
            "set affine = false",
        ),
        (
            around("around = [{ kind = \"convolution\", field = 1, channels = 10 }], ", &convolution(10)),
            "model.blocks[0][1].around[0]:",
            "let it be a pool",
        ),
        (around("join = \"beneath\", ", &convolution(10)), "model.blocks[0][1].join", "beside"),
    ];
    for (block, key, part) in cases {
        let text = format!(
            "[train]\nepochs = 1\n[model]\nblocks = [[{block}]]\n[learner]\nkind = \"deeper_forward\"\nfirst = 0\n"
        );
        let said = faults(&text);
        assert!(said.contains(key) && said.contains(part), "no `{key}` and `{part}` for\n{block}\n{said}");
    }
}

#[test]
fn faults_of_form_come_all_at_once_with_lines() {
    let text =
        format!("seed = -1\nlearning = 3\n{MODEL}[learner]\nkind = \"forward_forward\"\nnorm = \"rsm\"\n");
    let said = faults(&text);
    for part in ["3 faults", "r.toml:1: seed", "r.toml:2", "learning", "r.toml:7: learner.norm", "rms"] {
        assert!(said.contains(part), "no `{part}` in:\n{said}");
    }
}

#[test]
fn faults_of_meaning_name_key_and_remedy() {
    let cases = [
        ("[model]\nblocks = []\n[learner]\nkind = \"back_prop\"\n", "model.blocks"),
        ("[model]\nblocks = [[]]\n[learner]\nkind = \"back_prop\"\n", "model.blocks[0]"),
        ("[model]\nblocks = [[0], [99999999]]\n[learner]\nkind = \"back_prop\"\n", "model.blocks[1][0]"),
        ("[model]\nblocks = [[10]]\n[learner]\nkind = \"forward_forward\"\n", "learner.skip_first"),
        (
            "[model]\nblocks = [[10], [9]]\n[learner]\nkind = \"forward_forward\"\nhead = false\n",
            "learner.negatives.kind",
        ),
        (
            "[train]\nepochs = 1\n[model]\nblocks = [[10], [9]]\n[learner]\nkind = \"forward_forward\"\nlayers = \"greedily\"\n",
            "learner.layers",
        ),
        ("[model]\nblocks = [[10], [9, 8]]\n[learner]\nkind = \"recurrent\"\n", "model.blocks[1]"),
        (
            "[model]\nblocks = [[10]]\n[learner]\nkind = \"recurrent\"\nteach_from = 9\nread_to = 2\nhead = false\nreadout = \"head\"\n",
            "learner.teach_from",
        ),
        (
            "[train]\nbatch = 60001\n[model]\nblocks = [[10]]\n[learner]\nkind = \"back_prop\"\n",
            "train.batch",
        ),
        (
            "[data]\nkind = \"minst\"\n[model]\nblocks = [[10]]\n[learner]\nkind = \"back_prop\"\n",
            "data.kind",
        ),
        (
            "[data]\nlabels = false\n[model]\nblocks = [[10], [9]]\n[learner]\nkind = \"forward_forward\"\n",
            "learner.kind",
        ),
        (
            "[data]\nlabels = false\nnormal = [\"0\"]\n[model]\nblocks = [[10]]\n[learner]\nkind = \"rbm\"\n",
            "data.normal",
        ),
        (
            "[data]\nlabels = false\n[model]\nblocks = [[10]]\n[learner]\nkind = \"back_prop\"\nlabel_smoothing = 0.1\n",
            "learner.label_smoothing",
        ),
        (
            "[data]\nlabels = false\n[model]\nblocks = [[10], [9]]\n[learner]\nkind = \"split\"\n",
            "learner.kind",
        ),
    ];
    for (text, key) in cases {
        let said = faults(text);
        assert!(said.contains(&format!("{key}:")), "no fault at `{key}` for\n{text}\n{said}");
    }
    assert!(!Path::new("nowhere").exists());
    let folder = adieu::data::list()
        .iter()
        .find(|source| !source.bundled() && source.files().is_empty())
        .unwrap()
        .kind();
    let text =
        |dir: &str| format!("[data]\nkind = \"{folder}\"\n{dir}{MODEL}[learner]\nkind = \"back_prop\"\n");
    assert!(faults(&text("")).contains("data.dir:"));
    assert!(faults(&text("dir = \"nowhere\"\n")).contains("nowhere"));
}

#[test]
fn a_recipe_with_layers_of_every_kind_is_written_as_it_was_read() {
    let layers = "[{ kind = \"local\", field = 10, stride = 6, channels = 16 }, 5], \
                  [{ kind = \"convolution\", field = 3, padding = 1, channels = 4 }], \
                  [{ kind = \"residual\", join = \"beside\", around = [{ kind = \"global_pool\" }], layers = [5] }]";
    let text = format!("[model]\nblocks = [{layers}]\n[learner]\nkind = \"back_prop\"\n");
    let recipe = Recipe::parse(&text, "r.toml").unwrap();
    let written = recipe.to_toml();
    assert_eq!(Recipe::parse(&written, "written").unwrap(), recipe, "{written}");
}

/// Of an image of one channel both orders of channels are one, and its shape has two names.
#[test]
fn a_way_past_a_way_past_one_channel_can_be_projected() {
    let inner = "{ kind = \"residual\", layers = [{ kind = \"convolution\", field = 3, padding = 1, channels = 1 }] }";
    let text = format!(
        "[data]\nkind = \"optdigits\"\n[model]\nblocks = [[{{ kind = \"residual\", projected = true, layers = [{inner}] }}], [10]]\n\
         [learner]\nkind = \"back_prop\"\n"
    );
    let plan = Recipe::parse(&text, "r.toml").unwrap().check("r.toml").unwrap();
    assert_eq!(plan.network().len(), 2);
}

proptest! {
    #[test]
    fn no_text_at_all_makes_a_recipe_panic(text in "\\PC{0,200}") {
        let _ = Recipe::parse(&text, "any");
    }

    #[test]
    fn no_values_make_a_check_panic(
        seed in any::<i64>(), epochs in any::<i64>(), batch in any::<i64>(), rate in any::<f64>(),
        theta in -1e9f64..1e9, blocks in prop::collection::vec(prop::collection::vec(any::<u32>(), 0..3), 0..3),
        greedily in any::<bool>(), head in any::<bool>(), skip in any::<bool>(), kind in "hard|uniform|permuted|soft",
    ) {
        // No dataset of that name: everything but the data is checked, and nothing is trained.
        let text = format!(
            "seed = {seed}\n[data]\nkind = \"none\"\n[train]\nepochs = {epochs}\nbatch = {batch}\n[model]\nblocks = {blocks:?}\n\
             [learner]\nkind = \"forward_forward\"\nhead = {head}\nskip_first = {skip}\nlayers = \"{}\"\n\
             optimizer = {{ kind = \"ema_sgd\", rate = {rate:e} }}\nobjective = {{ kind = \"logistic\", theta = {theta:e} }}\n\
             negatives = {{ kind = \"{kind}\" }}\n",
            if greedily { "greedily" } else { "together" }
        );
        prop_assert_ne!(faults(&text), "none");
    }
}
