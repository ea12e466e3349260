//! A learnt pattern for each class, added onto the whole row or put beside it, as one channel more of an image: every
//! receptive field sees the label, and what it looks like is learnt.
//!
//! ```text
//! x′ = x + E_y or [x | E_y]        E_kⱼ ~ N(0, s²) at first
//! ∂L/∂E_k = Σ ∂L/∂x′ over the rows that show class k, of [x | E_y] the part of E_y
//! ```
//!
//! Shapes: x `[B, n_in]`; E `[K, n_in]`, or `[K, n]` beside it, of any n. The neutral label is the mean of all patterns. Other label codes have nothing to
//! learn and are a choice of a recipe; this one belongs to the learner that trains it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Labels;
use crate::Tensor;
use crate::parts::block::Descend;
use crate::parts::chance::Rng;
use crate::parts::host::{matrix, view};
use crate::parts::param::Param;

/// Where a pattern goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// Onto the image: it is added.
    #[default]
    Onto,
    /// Beside the image, as one channel more; the network begins with `label_channel`.
    Beside,
}

/// See the module.
pub struct Embedding {
    /// E `[K, n]`
    table: Param,
    place: Place,
}

impl Embedding {
    /// Patterns of `n` numbers of `classes` classes, drawn with standard deviation `strength`. `path` names them in
    /// checkpoints.
    pub fn new(
        path: &str,
        [classes, n]: [usize; 2],
        strength: f64,
        place: Place,
        chance: &mut Rng,
    ) -> Embedding {
        let values = (0..classes * n).map(|_| strength as f32 * chance.normal()).collect();
        Embedding { table: Param::new(path, &[classes, n], values, false), place }
    }

    /// x′ of rows `x [B, n_in]`: `[B, n_in]` or `[B, n_in + n]`, or as many rows as `labels` has; the rows of x then come again from the
    /// first.
    ///
    /// # Panics
    /// If patterns that go onto rows are of another width.
    pub fn write(&self, x: &Tensor, labels: Labels<'_>) -> Tensor {
        let [rows, n_in] = x.dims();
        let (n, place) = (self.table.shape()[1], self.place);
        assert!(place == Place::Beside || n_in == n, "a pattern of {n} numbers covers no row of {n_in}");
        let (x, rows) = (view(x), if let Labels::Each(labels) = labels { labels.len() } else { rows });
        let pattern = |class: u8| &self.table.values()[usize::from(class) * n..][..n];
        let mean = if let Labels::Neutral = labels { self.mean() } else { Vec::new() };
        let width = if place == Place::Beside { n_in + n } else { n_in };
        let mut values = Vec::with_capacity(rows * width);
        for (row, x) in x.chunks_exact(n_in).cycle().take(rows).enumerate() {
            let pattern = match labels {
                Labels::Each(labels) => pattern(labels[row]),
                Labels::All(class) => pattern(class),
                Labels::Neutral => &mean,
            };
            match place {
                Place::Onto => values.extend(x.iter().zip(pattern).map(|(x, e)| x + e)),
                Place::Beside => [x, pattern].into_iter().for_each(|part| values.extend_from_slice(part)),
            }
        }
        matrix(values, rows, width)
    }

    /// The mean of all patterns `[n]`.
    fn mean(&self) -> Vec<f32> {
        let [classes, n_in] = [self.table.shape()[0], self.table.shape()[1]];
        let column = |j: usize| self.table.values()[j..].iter().step_by(n_in).map(|e| f64::from(*e));
        (0..n_in).map(|j| (column(j).sum::<f64>() / classes as f64) as f32).collect()
    }

    /// Turns ∂L/∂x′ `[rows, width of x′]`, of rows that showed `labels`, into ∂L/∂E, handed to `descend`.
    pub fn pullback(&mut self, dx: &Tensor, labels: &[u8], descend: &mut dyn Descend) {
        let (width, n) = (dx.dims()[1], self.table.shape()[1]);
        let mut gradient = vec![0.0; self.table.count()];
        for (dx, label) in view(dx).chunks_exact(width).zip(labels) {
            let slots = &mut gradient[usize::from(*label) * n..][..n];
            slots.iter_mut().zip(&dx[width - n..]).for_each(|(sum, dx)| *sum += dx);
        }
        descend.take(&mut self.table, &gradient);
    }

    /// Shows E.
    pub fn params(&mut self, visit: &mut dyn FnMut(&mut Param)) {
        visit(&mut self.table);
    }

    /// For people: numbers in E.
    pub fn parameters(&self) -> u64 {
        self.table.count() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parts::block::Collect;
    use crate::parts::chance::Purpose;

    fn embedding(place: Place) -> Embedding {
        let mut embedding = Embedding::new("e", [2, 3], 1.0, place, &mut Rng::stream(1, Purpose::Head, 0));
        embedding.params(&mut |table| table.load_rows(&[1.0, 2.0, 3.0, -1.0, 0.0, 7.0]));
        embedding
    }

    #[test]
    fn each_label_adds_its_own_pattern_and_the_neutral_one_their_mean() {
        let (embedding, x) = (embedding(Place::Onto), matrix(vec![10.0, 20.0, 30.0, 40.0, 50.0, 60.0], 2, 3));
        let write = |labels| view(&embedding.write(&x, labels)).to_vec();
        assert_eq!(write(Labels::Each(&[1, 0])), [9.0, 20.0, 37.0, 41.0, 52.0, 63.0]);
        assert_eq!(write(Labels::All(0)), [11.0, 22.0, 33.0, 41.0, 52.0, 63.0]);
        assert_eq!(write(Labels::Neutral), [10.0, 21.0, 35.0, 40.0, 51.0, 65.0]);
        let twice = write(Labels::Each(&[0, 0, 1, 1]));
        assert_eq!(twice[6..], [9.0, 20.0, 37.0, 39.0, 50.0, 67.0], "rows come again");
    }

    #[test]
    fn a_pattern_learns_from_the_rows_that_show_it() {
        let (mut embedding, mut collected) = (embedding(Place::Onto), Collect::default());
        let dx = matrix((0..9).map(|i| i as f32).collect(), 3, 3);
        embedding.pullback(&dx, &[1, 0, 1], &mut collected);
        assert_eq!(collected.0["e"].values(), [3.0, 4.0, 5.0, 6.0, 8.0, 10.0]);
    }

    #[test]
    fn a_pattern_beside_a_row_leaves_it_alone_and_learns_from_its_own_part() {
        let (mut embedding, mut collected) = (embedding(Place::Beside), Collect::default());
        let x = matrix(vec![10.0, 20.0], 1, 2);
        let shown = embedding.write(&x, Labels::Each(&[1, 0]));
        assert_eq!(view(&shown)[..], [10.0, 20.0, -1.0, 0.0, 7.0, 10.0, 20.0, 1.0, 2.0, 3.0]);
        let dx = matrix((0..10).map(|i| i as f32).collect(), 2, 5);
        embedding.pullback(&dx, &[1, 0], &mut collected);
        assert_eq!(collected.0["e"].values(), [7.0, 8.0, 9.0, 2.0, 3.0, 4.0]);
    }

    #[test]
    fn patterns_are_as_strong_as_asked() {
        let mut drawn =
            Embedding::new("e", [10, 784], 0.3, Place::Onto, &mut Rng::stream(1, Purpose::Head, 0));
        let mut squares = 0.0;
        drawn.params(&mut |table| squares = table.values().iter().map(|e| f64::from(e * e)).sum());
        assert!(((squares / 7840.0).sqrt() - 0.3).abs() < 0.01, "{squares}");
    }
}
