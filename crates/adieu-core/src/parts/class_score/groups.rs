//! Groups of channels: channels are cut into K equal, neighbouring groups, one a class, and a class's score is a mean
//! over its group and all pixels: of the activity (DeeperForward: Sun et al. 2025, ICLR) or of its square (CwComp:
//! Papachristodoulou et al. 2024, arXiv:2312.12668).
//!
//! ```text
//! s_c = (1/N) Σ h        dh = ds_c / N             N = (channels/K)·pixels, over the group of class c
//! s_c = (1/N) Σ h²       dh = 2 h ds_c / N
//! ```

use adieu_kernels::Groups;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ClassScoreFn, Scorer, apart};
use crate::Tensor;
use crate::parts::activity::Activity;
use crate::parts::block::{Descend, Saved};
use crate::parts::chance::Rng;
use crate::parts::host::{matrix, view};
use crate::parts::param::Param;
use crate::parts::shape::Shape;

/// The mean activity of a class's group of channels. For activations that are not negative.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GroupMeans {}

/// The mean square of a class's group of channels.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GroupSquares {}

fn refuse(shape: Shape, classes: usize) -> Option<(String, String)> {
    let channels = match shape.places() {
        None => return apart(shape),
        Some((_, channels)) => channels,
    };
    let what = || format!("{channels} channels cannot be cut into {classes} groups, one a class");
    let multiple = channels.next_multiple_of(classes.max(1)).max(classes);
    (channels == 0 || !channels.is_multiple_of(classes))
        .then(|| (what(), format!("make it a multiple of {classes}, such as {multiple}")))
}

fn build(shape: Shape, classes: usize, squares: bool) -> Box<dyn Scorer> {
    let (pixels, channels) = shape.places().expect("the shape was checked");
    Box::new(Grouped { groups: Groups { pixels, channels, groups: classes, centred: false }, squares })
}

impl ClassScoreFn for GroupMeans {
    fn refuse(&self, shape: Shape, classes: usize) -> Option<(String, String)> {
        refuse(shape, classes)
    }

    fn build(&self, _: &str, shape: Shape, classes: usize, _: &mut Rng) -> Box<dyn Scorer> {
        build(shape, classes, false)
    }
}

impl ClassScoreFn for GroupSquares {
    fn refuse(&self, shape: Shape, classes: usize) -> Option<(String, String)> {
        refuse(shape, classes)
    }

    fn build(&self, _: &str, shape: Shape, classes: usize, _: &mut Rng) -> Box<dyn Scorer> {
        build(shape, classes, true)
    }
}

struct Grouped {
    groups: Groups,
    squares: bool,
}

impl Scorer for Grouped {
    fn scores(&self, h: &Activity) -> Tensor {
        let (rows, classes) = (h.dims()[0], self.groups.groups);
        let mut scores = vec![0.0; rows * classes];
        let h = view(&h.tensor());
        if self.squares {
            self.groups.mean_squares(&h, &mut scores);
        } else {
            self.groups.means(&h, &mut scores);
        }
        matrix(scores, rows, classes)
    }

    fn forward(&mut self, h: &Activity) -> (Tensor, Saved) {
        (self.scores(h), Saved::default())
    }

    fn pull_back(&mut self, h: &Activity, _: Saved, ds: &Tensor, _: &mut dyn Descend) -> Tensor {
        let [rows, cols] = h.dims();
        let mut dh = vec![0.0; rows * cols];
        let h = self.squares.then(|| view(&h.tensor()));
        self.groups.spread(&view(ds), h.as_deref(), &mut dh);
        matrix(dh, rows, cols)
    }

    fn params(&mut self, _: &mut dyn FnMut(&mut Param)) {}

    fn parameters(&self) -> u64 {
        0
    }

    fn macs(&self, rows: usize) -> u64 {
        (rows * self.groups.pixels * self.groups.channels) as u64
    }

    fn describe(&self) -> String {
        let what = if self.squares { "mean square" } else { "mean" };
        format!("{what} of each of {} groups of channels", self.groups.groups)
    }
}
