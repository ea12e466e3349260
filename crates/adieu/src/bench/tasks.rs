//! The built-in tasks of benchmarks to a quality.

use crate::recipe::{AffineRecipe, FieldsRecipe, GroupNormRecipe, LayerKind, LayerRecipe};

/// A built-in task.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Task {
    /// What people write.
    pub name: &'static str,
    /// What it is, in a few words.
    pub about: &'static str,
    /// Kind of the dataset.
    pub data: &'static str,
    pub(super) trunk: Trunk,
    pub(super) epochs: u64,
    /// How fast its rows come, MB/s; none: they lie in memory.
    pub(super) throttle_mb_s: Option<f64>,
    /// Which every method should reach, and which tuned back-propagation reaches; `docs/performance.md` says from
    /// how many runs they are set.
    pub(super) targets: [f64; 2],
    /// Runs a method that the targets are set from; with fewer than [`ENOUGH_RUNS`] they are provisional.
    pub runs: u32,
}

/// Runs a method that targets should rest on.
pub const ENOUGH_RUNS: u32 = 20;

/// All built-in tasks. Targets that enough runs stand behind are frozen: a change of them is another task.
pub const TASKS: [Task; 9] = [
    Task {
        name: "optdigits",
        about: "64-128-128, 60 epochs of 1,497 digits of 8 x 8: seconds",
        data: "optdigits",
        trunk: Trunk::Dense(&[128; 2]),
        epochs: 60,
        throttle_mb_s: None,
        targets: [0.10, 0.05],
        runs: 20,
    },
    Task {
        name: "patterns",
        about: "256-64-64, 100 epochs of moving spots that are made up: seconds, for a first look",
        data: "patterns",
        trunk: Trunk::Dense(&[64; 2]),
        epochs: 100,
        throttle_mb_s: None,
        targets: [0.30, 0.10],
        runs: 20,
    },
    Task {
        name: "quick",
        about: "784-100-100, 3 epochs of MNIST",
        data: "mnist",
        trunk: Trunk::Dense(&[100; 2]),
        epochs: 3,
        throttle_mb_s: None,
        targets: [0.12, 0.06],
        runs: 20,
    },
    Task {
        name: "digits",
        about: "784-500-500-500, 10 epochs of MNIST",
        data: "mnist",
        trunk: Trunk::Dense(&[500; 3]),
        epochs: 10,
        throttle_mb_s: None,
        targets: [0.04, 0.02],
        runs: 20,
    },
    Task {
        name: "published",
        about: "784-2000-2000-2000-2000, 10 epochs of MNIST: the net of Hinton 2022; hours",
        data: "mnist",
        trunk: Trunk::Dense(&[2000; 4]),
        epochs: 10,
        throttle_mb_s: None,
        targets: [0.04, 0.02],
        runs: 0,
    },
    Task {
        name: "stream",
        about: "quick, with rows that come at 20 MB a second: who waits for data",
        data: "mnist",
        trunk: Trunk::Dense(&[100; 2]),
        epochs: 3,
        throttle_mb_s: Some(20.0),
        targets: [0.12, 0.06],
        runs: 20,
    },
    Task {
        name: "fables",
        about: "300-500-500, 10 epochs of next letters of the fables",
        data: "fables",
        trunk: Trunk::Dense(&[500; 2]),
        epochs: 10,
        throttle_mb_s: None,
        targets: [0.70, 0.60],
        runs: 20,
    },
    Task {
        name: "cifar",
        about: "3072-1000-1000-1000, 10 epochs of CIFAR-10; name its files by --data-dir, or fetch them",
        data: "cifar10",
        trunk: Trunk::Dense(&[1000; 3]),
        epochs: 10,
        throttle_mb_s: None,
        targets: [0.60, 0.50],
        runs: 0,
    },
    Task {
        name: "cifar-conv",
        about: "a small convolutional net, 20-40-80, 10 epochs of CIFAR-10; name its files by --data-dir, or fetch them",
        data: "cifar10",
        trunk: Trunk::Convolutions(&[20, 40, 80]),
        epochs: 10,
        throttle_mb_s: None,
        targets: [0.50, 0.40],
        runs: 2,
    },
];

/// What is trained.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Trunk {
    /// Dense layers of these widths.
    Dense(&'static [u64]),
    /// 3x3 convolutions of so many channels, the first two with stride 2; before each a norm.
    Convolutions(&'static [u64]),
}

/// Groups of the norms between convolutions: one a class, as DeeperForward wants them.
const GROUPS: u64 = 10;

impl Trunk {
    /// Its blocks, one a layer.
    pub(super) fn blocks(self) -> Vec<Vec<LayerRecipe>> {
        match self {
            Trunk::Dense(widths) => widths.iter().map(|width| vec![LayerRecipe::Dense(*width)]).collect(),
            Trunk::Convolutions(channels) => channels.iter().enumerate().map(convolution).collect(),
        }
    }
}

fn convolution((l, channels): (usize, &u64)) -> Vec<LayerRecipe> {
    let norm = match l {
        0 => LayerKind::LayerNorm(AffineRecipe { affine: false }),
        _ => LayerKind::GroupNorm(GroupNormRecipe { groups: GROUPS, affine: false }),
    };
    let stride = if l < 2 { 2 } else { 1 };
    let fields =
        FieldsRecipe { field: 3, stride, padding: 1, channels: *channels, groups: 1, activation: None };
    [norm, LayerKind::Convolution(fields)].map(LayerRecipe::Kind).into()
}
