//! A linear softmax that looks on: it reads what layers say, each row pooled and brought to mean 0 and deviation 1, and
//! learns the classes from it. Nothing flows back from it.
//!
//! ```text
//! r_l = dropout(standardise(mean of windows of h_l))        z = Σ_l r_l H_l        L = −(1/B) Σ log softmax(z)_y
//! ```

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::softmax_head::SoftmaxHead;
use crate::Tensor;
use crate::learn::{Outline, Refusal, outputs};
use crate::parts::activity::Activity;
use crate::parts::block::Block;
use crate::parts::chance::Rng;
use crate::parts::dropout::Dropout;
use crate::parts::normalise::{Normalise, Over};
use crate::parts::optimizer::{AdamW, Optimizer};
use crate::parts::pool::{Of, Pool};
use crate::parts::shape::Shape;
use crate::parts::window::Window;

/// Which layers are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reads {
    /// Each.
    #[default]
    All,
    /// The last.
    Last,
}

/// A linear softmax on what layers say, which hands nothing down.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Onlooker {
    /// Which layers it reads.
    pub reads: Reads,
    /// Images are read by the means of windows of so many pixels a side, which do not overlap. 1: pixel by pixel.
    #[schemars(range(min = 1, max = 65_536))]
    pub pool: u64,
    /// Share of what it reads that is set to zero, in training only.
    #[schemars(range(min = 0.0, max = 0.95))]
    pub dropout: f64,
    /// How its parameters move.
    pub optimizer: Optimizer,
}

impl Default for Onlooker {
    fn default() -> Onlooker {
        Onlooker { reads: Reads::All, pool: 1, dropout: 0.0, optimizer: AdamW::default().into() }
    }
}

impl Onlooker {
    fn looks_at(&self, l: usize, layers: usize) -> bool {
        self.reads == Reads::All || l + 1 == layers
    }

    /// The key `head.pool`, where a window has no place in what a layer says.
    pub(in crate::learn) fn refuse(&self, blocks: &[Outline]) -> Option<Refusal> {
        let shapes = outputs(blocks);
        let read = |(l, _): &(usize, &Shape)| self.looks_at(*l, shapes.len());
        let small = |(l, shape): (usize, &Shape)| match *shape {
            Shape::Image { h, w, .. } | Shape::Pixels { h, w, .. } if self.pool > h.min(w) as u64 => {
                Some((l, *shape))
            }
            _ => None,
        };
        let image = |shape: &Shape| matches!(shape, Shape::Image { .. } | Shape::Pixels { .. });
        if self.pool > 1 && !shapes.iter().enumerate().filter(read).any(|(_, shape)| image(shape)) {
            let what = "no layer that is read says an image".into();
            return Some(Refusal { key: "head.pool", what, remedy: "set pool = 1".into() });
        }
        let (l, shape) = shapes.iter().enumerate().filter(read).find_map(small)?;
        let what =
            format!("windows of {0}x{0} have no place in what layer {1} says: {shape}", self.pool, l + 1);
        Some(Refusal { key: "head.pool", what, remedy: "make it smaller".into() })
    }

    /// Puts it in front of layers that say rows of these `shapes`.
    pub(in crate::learn) fn build(&self, shapes: &[Shape], classes: usize) -> Looking {
        let eye = |(l, shape): (usize, &Shape)| {
            self.looks_at(l, shapes.len()).then(|| Eye::new(*shape, self.pool as usize, self.dropout))
        };
        let eyes: Vec<Option<Eye>> = shapes.iter().enumerate().map(eye).collect();
        let widths = eyes.iter().map(|eye| Some(eye.as_ref()?.width));
        let head = SoftmaxHead::new(widths, classes, &self.optimizer);
        Looking { eyes, head }
    }
}

/// What is made of a layer's rows before they are read.
struct Eye {
    pool: Option<Pool>,
    norm: Normalise,
    dropout: Option<Dropout>,
    width: usize,
}

impl Eye {
    fn new(shape: Shape, pool: usize, dropout: f64) -> Eye {
        let image = matches!(shape, Shape::Image { .. } | Shape::Pixels { .. });
        let window = Window { kernel: pool, stride: pool, padding: 0 };
        let pool = (image && pool > 1)
            .then(|| Pool::new(shape, window, Of::Mean).expect("windows without a place were refused"));
        let shape = pool.as_ref().map_or(shape, Pool::output);
        let (width, norm) =
            (shape.features(), Normalise::new(shape, Over::Layer).expect("a layer says something"));
        let dropout = (dropout > 0.0).then_some(Dropout { p: dropout as f32, features: width });
        Eye { pool, norm, dropout, width }
    }

    fn sees(&self, h: &Activity) -> Activity {
        match &self.pool {
            Some(pool) => self.norm.apply(&pool.apply(h)),
            None => self.norm.apply(h),
        }
    }
}

/// The onlooker at work.
pub(in crate::learn) struct Looking {
    eyes: Vec<Option<Eye>>,
    pub(in crate::learn) head: SoftmaxHead,
}

impl Looking {
    /// What it sees of `h`, which layer l says in training; `None` if it does not look there.
    pub(in crate::learn) fn sees(&mut self, l: usize, h: &Activity, chance: &mut Rng) -> Option<Activity> {
        let eye = self.eyes[l].as_mut()?;
        let seen = eye.sees(h);
        Some(match &mut eye.dropout {
            Some(dropout) => dropout.forward(seen, chance).0,
            None => seen,
        })
    }

    /// `sum` and what it makes of `h`, which layer l says outside of training.
    pub(in crate::learn) fn plus_layer(&self, sum: Option<Tensor>, l: usize, h: &Activity) -> Option<Tensor> {
        match &self.eyes[l] {
            Some(eye) => self.head.plus_layer(sum, l, &eye.sees(h)),
            None => sum,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parts::chance::Purpose;
    use crate::parts::host::{matrix, view};

    #[test]
    fn rows_are_pooled_and_standardised_and_dropped_in_training_only() {
        let pixels = Shape::Pixels { h: 2, w: 4, c: 1 };
        let recipe = Onlooker { reads: Reads::Last, pool: 2, dropout: 0.5, ..Onlooker::default() };
        let mut looking = recipe.build(&[Shape::Flat(3), pixels], 3);
        let mut chance = Rng::stream(1, Purpose::Dropout, 1);
        let h = Activity::from(matrix(vec![1.0, 3.0, 9.0, 7.0, 1.0, 3.0, 9.0, 7.0], 1, 8));
        assert!(looking.sees(0, &h, &mut chance).is_none(), "the last alone is read");
        // means 2 and 8 become −1 and 1; what is kept is doubled
        let mut met = Vec::new();
        for _ in 0..40 {
            let seen = looking.sees(1, &h, &mut chance).unwrap();
            let seen = view(seen.values())[0].round();
            assert!(seen == 0.0 || seen == -2.0, "{seen}");
            met.push(seen == 0.0);
        }
        assert!(met.contains(&true) && met.contains(&false));
        let still = looking.eyes[1].as_ref().unwrap().sees(&h);
        assert!(view(still.values()).iter().zip([-1.0, 1.0]).all(|(r, wanted)| (r - wanted).abs() < 1e-5));
        assert_eq!(looking.head.describe()[0].2, 2 * 3, "two means, three classes");
    }
}
