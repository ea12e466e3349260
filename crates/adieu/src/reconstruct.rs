//! Judging rows by what comes back of them, where there are no labels.

use adieu_data::Rows;
use adieu_record::Reconstruction;

/// The mean of the rows `ids`, `[width]`, summed in f64. Zeros without rows.
pub(crate) fn mean_row(rows: &Rows, ids: &[u32]) -> Vec<f32> {
    let mut sums = vec![0.0_f64; rows.width()];
    let mut values = Vec::new();
    for ids in ids.chunks(1000) {
        rows.gather(ids, &mut values);
        for row in values.chunks_exact(sums.len()) {
            sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += f64::from(*value));
        }
    }
    sums.into_iter().map(|sum| (sum / ids.len().max(1) as f64) as f32).collect()
}

/// Squared errors while rows are judged.
#[derive(Default)]
pub(crate) struct Squares {
    values: u64,
    rebuilt: f64,
    mean: f64,
}

impl Squares {
    /// Adds rows `x` with what came back of them, `[rows, width]` each; `mean_row` is what knows nothing of a row.
    pub(crate) fn add(&mut self, x: &[f32], rebuilt: &[f32], mean_row: &[f32]) {
        let far = |a: f32, b: f32| (f64::from(a) - f64::from(b)).powi(2);
        self.values += x.len() as u64;
        self.rebuilt += x.iter().zip(rebuilt).map(|(x, back)| far(*x, *back)).sum::<f64>();
        self.mean += x.iter().zip(mean_row.iter().cycle()).map(|(x, mean)| far(*x, *mean)).sum::<f64>();
    }

    /// `None` of no rows.
    pub(crate) fn means(&self) -> Option<Reconstruction> {
        let n = self.values as f64;
        let means = || Reconstruction { squared_error: self.rebuilt / n, of_mean_row: self.mean / n };
        (self.values > 0).then(means)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let rows = Rows::reals(vec![0.0, 2.0, 4.0, 6.0, 100.0, 100.0], vec![0; 3], 2);
        let mean = mean_row(&rows, &[0, 1]);
        assert_eq!(mean, [2.0, 4.0]);
        let mut squares = Squares::default();
        assert_eq!(squares.means(), None);
        squares.add(&[0.0, 2.0], &[0.0, 4.0], &mean);
        squares.add(&[4.0, 6.0], &[4.0, 6.0], &mean);
        let found = squares.means().expect("there are rows");
        assert_eq!((found.squared_error, found.of_mean_row, found.relative()), (1.0, 4.0, Some(0.25)));
        let mut constant = Squares::default();
        constant.add(&[2.0, 4.0], &[2.5, 4.0], &mean);
        assert_eq!(constant.means().and_then(|found| found.relative()), None, "rows that are the mean row");
    }
}
