//! Class maps (SFF: Krutsylo 2025, arXiv:2501.03176): a map a class, made by a 1 × 1 convolution, whose mean square is the
//! class's score.
//!
//! ```text
//! a = h A + β, at each of P pixels or tokens      s_c = (1/P) Σ a_c²
//! da_c = 2 a_c ds_c / P                            dA = Σ hᵀ da, dh = da Aᵀ
//! ```

use adieu_kernels::Groups;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ClassScoreFn, Scorer, apart, still};
use crate::Tensor;
use crate::parts::activation::Activation;
use crate::parts::activity::Activity;
use crate::parts::block::{Block, Descend, Saved};
use crate::parts::chance::Rng;
use crate::parts::dense::Dense;
use crate::parts::host::{matrix, view};
use crate::parts::param::Param;
use crate::parts::shape::Shape;

/// The mean square of a class's map.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Maps {}

impl ClassScoreFn for Maps {
    fn refuse(&self, shape: Shape, _: usize) -> Option<(String, String)> {
        apart(shape)
    }

    fn build(&self, path: &str, shape: Shape, classes: usize, chance: &mut Rng) -> Box<dyn Scorer> {
        let (pixels, channels) = shape.places().expect("the shape was checked");
        let dense = Dense::new(path, channels, classes, Activation::Identity, chance).without_squares();
        let groups = Groups { pixels, channels: classes, groups: classes, centred: false };
        Box::new(Mapped { dense, groups, channels })
    }
}

struct Mapped {
    dense: Dense,
    groups: Groups,
    channels: usize,
}

impl Mapped {
    /// h with a row a place: `[B·P, channels]`. Nothing is copied.
    fn places(&self, h: &Activity) -> Activity {
        let rows = h.dims()[0] * self.groups.pixels;
        h.tensor().reshape([rows, self.channels]).into()
    }

    fn mean_squares(&self, maps: &Tensor, rows: usize) -> Tensor {
        let mut scores = vec![0.0; rows * self.groups.groups];
        self.groups.mean_squares(&view(maps), &mut scores);
        matrix(scores, rows, self.groups.groups)
    }
}

impl Scorer for Mapped {
    fn scores(&self, h: &Activity) -> Tensor {
        self.mean_squares(&self.dense.apply(&self.places(h)).into_tensor(), h.dims()[0])
    }

    fn forward(&mut self, h: &Activity) -> (Tensor, Saved) {
        let (maps, inner) = self.dense.forward(self.places(h), &mut still());
        let scores = self.mean_squares(maps.values(), h.dims()[0]);
        (scores, Saved { matrices: vec![maps], inner: vec![inner], other: None })
    }

    fn pull_back(
        &mut self,
        h: &Activity,
        mut saved: Saved,
        ds: &Tensor,
        descend: &mut dyn Descend,
    ) -> Tensor {
        let (rows, classes) = (h.dims()[0] * self.groups.pixels, self.groups.groups);
        let mut da = vec![0.0; rows * classes];
        self.groups.spread(&view(ds), Some(&view(saved.matrices[0].values())), &mut da);
        let inner = saved.inner.pop().expect("forward saved what the map kept");
        let da = matrix(da, rows, classes);
        let dh = self.dense.pullback(inner, da.into(), true, descend).expect("it was wanted");
        dh.reshape(h.dims())
    }

    fn params(&mut self, visit: &mut dyn FnMut(&mut Param)) {
        self.dense.params(visit);
    }

    fn parameters(&self) -> u64 {
        self.dense.cost(1).parameters
    }

    fn macs(&self, rows: usize) -> u64 {
        self.dense.cost(rows * self.groups.pixels).forward_macs
    }

    fn describe(&self) -> String {
        format!("mean squares of maps, {}", self.dense.describe())
    }
}
