//! A parameter: a named array of numbers that learning moves.

use adieu_kernels::{from_panels, panel_len, to_panels};

/// How the values lie in memory. On disk and for people they are always row by row.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Layout {
    /// Row by row, `shape` as given.
    Rows,
    /// Matrices `[n_in, n_out]` one after the other, each in the kernels' weight panels.
    Panels(Vec<[usize; 2]>),
}

/// A named array that learning moves: weights, biases; also what a learner keeps beside the network (moments,
/// running means), so that one visitor serves checkpoints, counts and tests.
#[derive(Clone, Debug)]
pub struct Param {
    path: String,
    shape: Vec<usize>,
    layout: Layout,
    decays: bool,
    learned: bool,
    values: Vec<f32>,
}

impl Param {
    /// Values row by row. `path` is unique in the network or the learner: `0.bias`.
    /// `decays`: whether weight decay applies.
    ///
    /// # Panics
    /// If the number of values is not the product of `shape`.
    pub fn new(path: impl Into<String>, shape: &[usize], values: Vec<f32>, decays: bool) -> Param {
        let path = path.into();
        assert_eq!(values.len(), shape.iter().product::<usize>(), "{path}: values for shape {shape:?}");
        Param { path, shape: shape.to_vec(), layout: Layout::Rows, decays, learned: true, values }
    }

    /// What is kept beside the parameters and moved by its owner alone, as a running mean is: no gradient, no moments.
    ///
    /// # Panics
    /// As [`Param::new`].
    pub fn statistic(path: impl Into<String>, shape: &[usize], values: Vec<f32>) -> Param {
        Param { learned: false, ..Param::new(path, shape, values, false) }
    }

    /// A weight matrix `[n_in, n_out]`, given row by row, kept in weight panels.
    pub fn weights(path: impl Into<String>, n_in: usize, n_out: usize, rows: &[f32]) -> Param {
        Param { shape: vec![n_in, n_out], ..Param::matrices(path, vec![[n_in, n_out]], rows) }
    }

    /// Weight matrices `[n_in, n_out]`, given one after the other, row by row, each kept in weight panels.
    ///
    /// # Panics
    /// If there are not as many values as the matrices hold.
    pub fn matrices(path: impl Into<String>, sides: Vec<[usize; 2]>, rows: &[f32]) -> Param {
        let lens = sides.iter().map(|[n_in, n_out]| (n_in * n_out, panel_len(*n_in, *n_out)));
        let (count, len) = lens.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        let (layout, values) = (Layout::Panels(sides), vec![0.0; len]);
        let mut param =
            Param { path: path.into(), shape: vec![count], layout, decays: true, learned: true, values };
        param.load_rows(rows);
        param
    }

    /// An array of zeros laid out as this one: a moment.
    pub fn zeros_like(&self, path: String) -> Param {
        Param { path, values: vec![0.0; self.values.len()], ..self.like() }
    }

    fn like(&self) -> Param {
        Param {
            path: String::new(),
            shape: self.shape.clone(),
            layout: self.layout.clone(),
            decays: false,
            learned: true,
            values: Vec::new(),
        }
    }

    /// Unique name.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Calls `f` with the name changed to `path`, which is as before afterwards: for owners of owners of like-named things.
    pub fn under<R>(&mut self, path: String, f: impl FnOnce(&mut Param) -> R) -> R {
        let own = std::mem::replace(&mut self.path, path);
        let result = f(self);
        self.path = own;
        result
    }

    /// Logical shape: `[n_in, n_out]` for weights.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Whether weight decay applies.
    pub fn decays(&self) -> bool {
        self.decays
    }

    /// Whether learning moves it, by its gradient.
    pub fn is_learned(&self) -> bool {
        self.learned
    }

    /// Number of logical values (padding not counted).
    pub fn count(&self) -> usize {
        self.shape.iter().product()
    }

    /// The values as they lie in memory.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The values as they lie in memory, to move.
    pub fn values_mut(&mut self) -> &mut [f32] {
        &mut self.values
    }

    /// The values, moved out, row by row.
    pub(crate) fn into_values(self) -> Vec<f32> {
        debug_assert_eq!(self.layout, Layout::Rows, "{}", self.path);
        self.values
    }

    /// The values row by row, whatever the layout.
    pub fn to_rows(&self) -> Vec<f32> {
        match &self.layout {
            Layout::Rows => self.values.clone(),
            Layout::Panels(sides) => {
                let mut rows = vec![0.0; self.count()];
                let (mut to, mut from) = (&mut rows[..], &self.values[..]);
                for [n_in, n_out] in sides.iter().copied() {
                    let (here, rest) = to.split_at_mut(n_in * n_out);
                    let (panels, others) = from.split_at(panel_len(n_in, n_out));
                    from_panels(panels, n_in, n_out, here);
                    (to, from) = (rest, others);
                }
                rows
            }
        }
    }

    /// Replaces the values by `rows`, given row by row.
    ///
    /// # Panics
    /// If there are not `count()` values: check against `shape()` first.
    pub fn load_rows(&mut self, rows: &[f32]) {
        assert_eq!(rows.len(), self.count(), "{}: values to load", self.path);
        match &self.layout {
            Layout::Rows => self.values.copy_from_slice(rows),
            Layout::Panels(sides) => {
                let (mut from, mut to) = (rows, &mut self.values[..]);
                for [n_in, n_out] in sides.iter().copied() {
                    let (here, rest) = from.split_at(n_in * n_out);
                    let (panels, others) = to.split_at_mut(panel_len(n_in, n_out));
                    to_panels(here, n_in, n_out, panels);
                    (from, to) = (rest, others);
                }
            }
        }
    }

    /// Whether every value is finite.
    pub fn is_finite(&self) -> bool {
        // A product with zero is zero unless a value is NaN or infinite; summing keeps the loop branch-free.
        self.values.iter().map(|v| v * 0.0).sum::<f32>() == 0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panels_are_a_private_matter() {
        let rows: Vec<f32> = (0..5 * 37).map(|i| i as f32).collect();
        let mut param = Param::weights("w", 5, 37, &rows);
        assert_eq!(param.to_rows(), rows);
        param.load_rows(&rows.iter().map(|v| v + 1.0).collect::<Vec<_>>());
        assert_eq!(param.to_rows()[7], 8.0);
        assert!(param.is_finite());
        param.values_mut()[40] = f32::INFINITY;
        assert!(!param.is_finite());
    }

    #[test]
    fn several_matrices_come_back_as_they_went() {
        let rows: Vec<f32> = (0..5 * 37 + 3 * 2).map(|i| i as f32).collect();
        let mut param = Param::matrices("w", vec![[5, 37], [3, 2]], &rows);
        assert_eq!((param.to_rows(), param.count()), (rows.clone(), rows.len()));
        assert_eq!(param.values().len(), panel_len(5, 37) + panel_len(3, 2));
        let back: Vec<f32> = rows.iter().rev().copied().collect();
        param.load_rows(&back);
        assert_eq!(param.to_rows(), back);
    }
}
