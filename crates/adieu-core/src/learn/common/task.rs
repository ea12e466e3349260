//! What there is to learn, and what the network is like that learns it.

use crate::parts::block::{Block, Net};
use crate::parts::leaves;
use crate::parts::shape::Shape;

/// The read-out of whoever tells normal rows from others: scores `[0, s]`, s above 0 where a row is taken for an anomaly,
/// and the higher the less it is like those that were learnt from.
pub const ANOMALY: &str = "anomaly";

/// The read-out of whoever gives rows back: `[B, n_in]`, as near to the rows themselves as it has learnt to come.
pub const RECONSTRUCTION: &str = "reconstruction";

/// What there is to learn.
#[derive(Clone, Debug)]
pub struct Task {
    /// Shape of a row.
    pub input: Shape,
    /// Number of classes; 0 where there are no labels.
    pub classes: usize,
    /// Rows of the training set.
    pub train_rows: usize,
    /// Epochs planned.
    pub epochs: u64,
    /// The one seed.
    pub seed: u64,
    /// What is asked of the network.
    pub goal: Goal,
}

/// What is asked of a network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Goal {
    /// Tell classes apart: [`Learner::predict`](crate::learn::Learner::predict) gives class scores.
    #[default]
    Classify,
    /// Tell normal rows (class 0) from others (class 1), having learnt from normal ones only: scores by [`ANOMALY`].
    Detect,
    /// Give rows back. There are no classes, [`Task::classes`] is 0, every label is 0 and says nothing: rows by
    /// [`RECONSTRUCTION`].
    Reconstruct,
}

impl Goal {
    /// For people: what whoever cannot reach it cannot do.
    pub(in crate::learn) fn asks(self) -> &'static str {
        match self {
            Goal::Classify => "learn classes",
            Goal::Detect => "tell anomalies from normal rows",
            Goal::Reconstruct => "give rows back",
        }
    }

    pub(in crate::learn) fn remedy(self) -> &'static str {
        match self {
            Goal::Classify => "choose another learner",
            Goal::Detect => "choose unsupervised, or leave data.normal out",
            Goal::Reconstruct => "choose unsupervised, back_prop or rbm, or leave data.labels out",
        }
    }
}

/// Outputs of each block.
///
/// # Panics
/// If the blocks do not fit: check with [`crate::parts::block::shape_through`] first.
pub fn widths(net: &Net, input: Shape) -> Vec<usize> {
    shapes(net, input).into_iter().map(Shape::features).collect()
}

/// A block by its shapes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outline {
    /// What comes out of it.
    pub output: Shape,
    /// What comes out of each of its leaves that learn: see [`leaves`].
    pub layers: Vec<Shape>,
}

impl From<Shape> for Outline {
    /// Of a block that is one layer.
    fn from(output: Shape) -> Outline {
        Outline { output, layers: vec![output] }
    }
}

/// What comes out of each block, and of the layers in it.
///
/// # Panics
/// As [`widths`].
pub fn outlines(net: &Net, input: Shape) -> Vec<Outline> {
    let mut shape = input;
    let through = |block: &dyn Block| {
        let mut layers = Vec::new();
        let mut see = |leaf: &dyn Block, shape| layers.extend(leaves::learns(leaf).then_some(shape));
        shape = leaves::shapes(block, shape, &mut see).expect("the blocks were checked");
        Outline { output: shape, layers }
    };
    net.iter().map(|block| &**block).map(through).collect()
}

pub(in crate::learn) fn outputs(blocks: &[Outline]) -> Vec<Shape> {
    blocks.iter().map(|block| block.output).collect()
}

/// What comes out of each block.
///
/// # Panics
/// As [`widths`].
pub fn shapes(net: &Net, input: Shape) -> Vec<Shape> {
    let mut shape = input;
    let through = |block: &dyn Block| {
        shape = block.shape_out(shape).expect("the blocks were checked");
        shape
    };
    net.iter().map(|block| &**block).map(through).collect()
}
