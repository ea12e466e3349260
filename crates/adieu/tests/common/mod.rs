//! What the tests of this crate share: a tiny dataset on disk, recipes for it, runs of it.
#![allow(dead_code)] // each test program uses its own part

use std::fs;
use std::path::Path;

use adieu::record::Stamped;
use adieu::trainer::Ended;
use adieu::{Error, Recipe, Sink, trainer};

/// Three classes of 6 x 6 images: a bright band at the top, in the middle or at the bottom, in noise.
pub(crate) fn write_data(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    for (part, rows, salt) in [("train", 120u32, 1u32), ("t10k", 60, 2)] {
        let mut images = [2051u32, rows, 6, 6].map(u32::to_be_bytes).concat();
        let mut labels = [2049u32, rows].map(u32::to_be_bytes).concat();
        let mut state = salt;
        let mut noise = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 26) as u8
        };
        for row in 0..rows {
            let class = row % 3;
            labels.push(class as u8);
            images.extend((0..36).map(|pixel| noise() + if pixel / 12 == class { 150 } else { 0 }));
        }
        fs::write(folder.join(format!("{part}-images-idx3-ubyte")), images).unwrap();
        fs::write(folder.join(format!("{part}-labels-idx1-ubyte")), labels).unwrap();
    }
}

/// A recipe on that dataset, learning by `learner` (a TOML table's inside).
pub(crate) fn recipe(data: &Path, learner: &str) -> Recipe {
    let kind = adieu::data::list().iter().find(|source| !source.bundled()).expect("a folder source").kind();
    let text = format!(
        "name = \"tiny\"\nseed = 3\n[data]\nkind = \"{kind}\"\ndir = {:?}\n[train]\nepochs = 4\nbatch = 10\nlog_every = 3\n\
         probe_rows = 15\n[model]\nblocks = [[12], [10, 12]]\n[learner]\n{learner}\n",
        data.display().to_string()
    );
    Recipe::parse(&text, "tiny.toml").unwrap_or_else(|faults| panic!("{faults}"))
}

pub(crate) const LEARNERS: [&str; 7] = [
    "kind = \"forward_forward\"",
    "kind = \"forward_forward\"\nlayers = \"greedily\"\nnegatives = { kind = \"uniform\", frozen = true }\n\
     optimizer = { kind = \"adam_w\" }",
    "kind = \"forward_forward\"\nreadout_every = 3",
    "kind = \"forward_forward\"\nnegatives = { kind = \"uniform\" }\noverlap = true",
    "kind = \"unsupervised\"",
    "kind = \"back_prop\"",
    "kind = \"back_prop\"\noptimizer = { kind = \"adam_w\" }\ndropout = 0.3\nlabel_smoothing = 0.1",
];

pub(crate) fn train(recipe: Recipe, folder: &Path, sinks: &mut [&mut dyn Sink]) -> Result<Ended, Error> {
    trainer::train(recipe.check("tiny.toml")?, folder, sinks)
}

pub(crate) fn record(folder: &Path) -> Vec<Stamped> {
    adieu::record::jsonl::read(&folder.join("events.jsonl")).unwrap().events
}

/// Names and bytes of every array in the run's only checkpoint.
pub(crate) fn arrays(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut checkpoints = adieu::RunFolder::open(folder).unwrap().checkpoints().unwrap();
    assert_eq!(checkpoints.len(), 1, "older checkpoints are dropped");
    let bytes = fs::read(checkpoints.remove(0).1).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let mut arrays: Vec<_> =
        tensors.iter().map(|(name, view)| (name.to_string(), view.data().to_vec())).collect();
    arrays.sort();
    arrays
}
