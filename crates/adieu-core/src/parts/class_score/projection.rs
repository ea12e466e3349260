//! Linear scores: `s = h M + b` of all that a layer says (Mono-Forward: Gong, Li & Abdulla 2025, arXiv:2501.09238), or of
//! its mean over pixels or tokens (`pooled`, the usual local head: Nøkland & Eidnes 2019, arXiv:1901.06656).
//!
//! `dM = hᵀ ds`, `dh = ds Mᵀ`. M ~ N(0, 1/n), or 0 at first.

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

/// A linear map of all that the layer says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Projection {}

/// A linear map of each channel's mean over pixels or tokens.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Pooled {}

impl ClassScoreFn for Projection {
    fn refuse(&self, _: Shape, _: usize) -> Option<(String, String)> {
        None
    }

    fn build(&self, path: &str, shape: Shape, classes: usize, chance: &mut Rng) -> Box<dyn Scorer> {
        let dense = Dense::new(path, shape.features(), classes, Activation::Identity, chance);
        Box::new(Linear { dense: dense.without_squares(), pool: None })
    }
}

impl ClassScoreFn for Pooled {
    fn refuse(&self, shape: Shape, _: usize) -> Option<(String, String)> {
        apart(shape)
    }

    fn build(&self, path: &str, shape: Shape, classes: usize, chance: &mut Rng) -> Box<dyn Scorer> {
        let (pixels, channels) = shape.places().expect("the shape was checked");
        let dense = Dense::new(path, channels, classes, Activation::Identity, chance);
        // a group of one channel each: its mean over the pixels
        let pool = (pixels > 1).then_some(Groups { pixels, channels, groups: channels, centred: false });
        Box::new(Linear { dense: dense.without_squares(), pool })
    }
}

struct Linear {
    dense: Dense,
    pool: Option<Groups>,
}

impl Linear {
    /// What the map sees of h.
    fn seen(&self, h: &Activity) -> Activity {
        let Some(pool) = &self.pool else { return h.clone() };
        let rows = h.dims()[0];
        let mut means = vec![0.0; rows * pool.groups];
        pool.means(&view(&h.tensor()), &mut means);
        matrix(means, rows, pool.groups).into()
    }
}

impl Scorer for Linear {
    fn scores(&self, h: &Activity) -> Tensor {
        self.dense.apply(&self.seen(h)).into_tensor()
    }

    fn forward(&mut self, h: &Activity) -> (Tensor, Saved) {
        let (s, saved) = self.dense.forward(self.seen(h), &mut still());
        (s.into_tensor(), saved)
    }

    fn pull_back(&mut self, h: &Activity, saved: Saved, ds: &Tensor, descend: &mut dyn Descend) -> Tensor {
        let dh = self.dense.pullback(saved, ds.clone().into(), true, descend).expect("it was wanted");
        let Some(pool) = &self.pool else { return dh };
        let [rows, cols] = h.dims();
        let mut spread = vec![0.0; rows * cols];
        pool.spread(&view(&dh), None, &mut spread);
        matrix(spread, rows, cols)
    }

    fn params(&mut self, visit: &mut dyn FnMut(&mut Param)) {
        self.dense.params(visit);
    }

    fn parameters(&self) -> u64 {
        self.dense.cost(1).parameters
    }

    fn macs(&self, rows: usize) -> u64 {
        self.dense.cost(rows).forward_macs
    }

    fn describe(&self) -> String {
        let pooled = if self.pool.is_some() { "means over places, " } else { "" };
        format!("{pooled}{}", self.dense.describe())
    }
}
