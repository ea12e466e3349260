//! Shuffled columns: each number of a row is, with probability p, that of another row of the batch in the same column.
//!
//! What every column is like by itself is that of real rows; how columns belong together is not. With p = 1 fakes come from
//! the product of the marginals, and whoever tells them from real rows has learnt how columns depend on one another
//! (Hastie, Tibshirani & Friedman 2009, The Elements of Statistical Learning, 14.2.4). For tables, whose columns have no
//! near and far that a mask could respect.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{FakesFn, Known};
use crate::Tensor;
use crate::parts::chance::Rng;
use crate::parts::host::{matrix, view};
use crate::parts::shape::Shape;

/// Rows of which some columns are other rows'.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Columns {
    /// p: the share of the columns that come from other rows.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub share: f64,
}

impl Default for Columns {
    fn default() -> Columns {
        Columns { share: 1.0 }
    }
}

impl FakesFn for Columns {
    fn refuse(&self, input: Shape, _: usize) -> Option<(String, &'static str)> {
        (input.features() < 2)
            .then(|| ("a single column belongs to no other".to_string(), "use data with more columns"))
    }

    fn draw(&self, known: Known<'_>, chance: &mut Rng) -> Tensor {
        let ([rows, cols], x) = (known.x.dims(), view(known.x));
        let mut fakes = x.to_vec();
        for (i, fake) in fakes.iter_mut().enumerate() {
            if f64::from(chance.unit()) < self.share {
                *fake = x[chance.below(rows as u32) as usize * cols + i % cols];
            }
        }
        matrix(fakes, rows, cols)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parts::chance::Purpose;
    use crate::parts::host::matrix_from;

    #[test]
    fn columns_keep_their_numbers_and_lose_their_company() {
        // both columns of a row say the row's number
        let x = matrix_from(200, 2, |r, c| (r + 1000 * c) as f32);
        let drawn = |share| {
            let mut ask = |_: &Tensor| unreachable!("columns ask nothing");
            let known = Known { x: &x, input: Shape::Flat(2), labels: &[], ask: &mut ask };
            let fakes = Columns { share }.draw(known, &mut Rng::stream(1, Purpose::Negatives, 1));
            let fakes = view(&fakes).to_vec();
            assert!(fakes.chunks_exact(2).all(|row| row[0] < 200.0 && (1000.0..1200.0).contains(&row[1])));
            fakes.chunks_exact(2).filter(|row| row[0] + 1000.0 == row[1]).count()
        };
        assert_eq!(drawn(0.0), 200);
        assert!(drawn(1.0) < 8, "a row in two hundred stays by chance");
        assert!((30..75).contains(&drawn(0.5)), "a quarter of the rows is left alone: {}", drawn(0.5));
    }
}
