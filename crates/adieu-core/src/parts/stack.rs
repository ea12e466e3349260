//! Stack: blocks in a row are a block. Back-propagation inside, whatever the learner does outside: a hybrid of
//! Forward-Forward and back-propagation is a network of stacks and needs no code of its own.

use super::activity::Activity;
use super::block::{Arrays, Attended, Block, Cost, Credit, Descend, Net, Pull, Saved, shape_through};
use super::chance::Rng;
use super::param::Param;
use super::shape::{Shape, ShapeError};
use crate::Tensor;

/// See the module. Never empty.
pub struct Stack {
    blocks: Vec<Box<dyn Block>>,
    /// The first block with something to learn: below it an error has no use but for whoever wants ∂L/∂x.
    first: usize,
}

impl Stack {
    /// The blocks in order, first to last.
    ///
    /// # Panics
    /// If there is none.
    pub fn new(mut blocks: Vec<Box<dyn Block>>) -> Stack {
        assert!(!blocks.is_empty(), "a stack has at least one block");
        let mut learns = |block: &mut Box<dyn Block>| {
            let mut any = false;
            block.params(&mut |param| any |= param.is_learned());
            any
        };
        let first = blocks.iter_mut().position(&mut learns).unwrap_or(blocks.len());
        Stack { blocks, first }
    }
}

impl Block for Stack {
    fn apply(&self, x: &Activity) -> Activity {
        self.blocks.iter().fold(x.clone(), |x, block| block.apply(&x))
    }

    fn watched(&self, x: &Activity, see: &mut dyn FnMut(Attended)) -> Activity {
        self.blocks.iter().fold(x.clone(), |x, block| block.watched(&x, see))
    }

    fn forward(&mut self, x: Activity, chance: &mut Rng) -> (Activity, Saved) {
        let mut all = Saved::default();
        let y = self.blocks.iter_mut().fold(x, |x, block| {
            let (y, saved) = block.forward(x, chance);
            all.inner.push(saved);
            y
        });
        (y, all)
    }

    fn pullback(
        &mut self,
        saved: Saved,
        credit: Credit,
        want_dx: bool,
        descend: &mut dyn Descend,
    ) -> Option<Tensor> {
        // Ungated credit speaks of the output's total input: it goes to the last block only.
        let mut credit = Some(credit);
        let backwards = self.blocks.iter_mut().zip(saved.inner).enumerate().rev();
        for (i, (block, saved)) in backwards {
            let dx = block.pullback(saved, credit.take()?, want_dx || i > self.first, descend);
            credit = dx.map(Credit::from);
        }
        credit.map(|credit| credit.dy.tensor())
    }

    fn params(&mut self, visit: &mut dyn FnMut(&mut Param)) {
        self.blocks.iter_mut().for_each(|block| block.params(visit));
    }

    fn shape_out(&self, input: Shape) -> Result<Shape, ShapeError> {
        shape_through(&self.blocks, input)
    }

    fn cost(&self, rows: usize) -> Cost {
        let mut whole = Cost { saved_bytes: Some(0), ..Cost::default() };
        let mut below: Option<Cost> = None;
        for (i, cost) in self.blocks.iter().map(|block| block.cost(rows)).enumerate() {
            whole.forward_macs += cost.forward_macs;
            whole.weight_macs += cost.weight_macs;
            whole.parameters += cost.parameters;
            // What lies between two blocks is held if either keeps it, and once if both do.
            let between = match below {
                Some(below) if cost.keeps_input && !below.keeps_output => below.output_bytes,
                Some(_) => 0,
                None => {
                    whole.keeps_input = cost.keeps_input;
                    0
                }
            };
            // Every block above one that learns must work out its input's gradient.
            if i > self.first {
                whole.weight_macs += cost.input_macs;
            } else {
                whole.input_macs += cost.input_macs;
            }
            whole.saved_bytes = whole.saved_bytes.zip(cost.saved_bytes).map(|(sum, own)| sum + own + between);
            (whole.keeps_output, whole.output_bytes) = (cost.keeps_output, cost.output_bytes);
            below = Some(cost);
        }
        whole
    }

    fn arrays(&self, rows: usize, pull: Pull) -> Option<Vec<Arrays>> {
        let last = self.blocks.len() - 1;
        let inside = |i| Pull { dx: pull.dx || i > self.first, push: pull.push && i == last };
        let all: Option<Vec<_>> =
            self.blocks.iter().enumerate().map(|(i, block)| block.arrays(rows, inside(i))).collect();
        all.map(|all| all.concat())
    }

    fn describe(&self) -> String {
        self.blocks.iter().map(|block| block.describe()).collect::<Vec<_>>().join(" | ")
    }
    fn row(&self) -> Option<&Net> {
        Some(&self.blocks)
    }

    fn row_mut(&mut self) -> Option<&mut Net> {
        Some(&mut self.blocks)
    }
}
