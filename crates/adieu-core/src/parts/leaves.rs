//! Leaves: what a block is made of when rows and ways around are taken apart, in the order in which rows pass them.
//!
//! Whoever teaches layer by layer inside a block sees each leaf by itself, and its output before anything is added to it.
//! A block whose way around learns is a leaf: two ways that both learn have no order.

use super::activity::Activity;
use super::block::Block;
use super::residual::Residual;
use super::shape::{Shape, ShapeError};

/// Whether it has weights to learn.
pub fn learns(block: &dyn Block) -> bool {
    block.cost(1).parameters > 0
}

/// The leaves of `block`.
pub fn of(block: &dyn Block) -> Vec<&dyn Block> {
    if let Some(row) = block.row() {
        return row.iter().flat_map(|block| of(&**block)).collect();
    }
    match block.as_residual().filter(|residual| !residual.learns_around()) {
        Some(residual) => {
            let (inner, around) = residual.ways();
            let around = around.map(of).unwrap_or_default();
            of(inner).into_iter().chain(around).collect()
        }
        None => vec![block],
    }
}

/// Shows the leaves of `block`.
pub fn each(block: &mut dyn Block, visit: &mut dyn FnMut(&mut dyn Block)) {
    if let Some(row) = block.row_mut() {
        return row.iter_mut().for_each(|block| each(&mut **block, visit));
    }
    if block.as_residual().is_none_or(Residual::learns_around) {
        return visit(block);
    }
    if let Some(residual) = block.as_residual_mut() {
        let (inner, around) = residual.ways_mut();
        each(&mut **inner, visit);
        around.into_iter().for_each(|around| each(&mut **around, visit));
    }
}

/// What comes out of `block` for rows of shape `input`; `see` is told what comes out of each leaf.
///
/// # Errors
/// Of the first that does not fit.
pub fn shapes(
    block: &dyn Block,
    input: Shape,
    see: &mut dyn FnMut(&dyn Block, Shape),
) -> Result<Shape, ShapeError> {
    if let Some(row) = block.row() {
        return row.iter().try_fold(input, |shape, block| shapes(&**block, shape, see));
    }
    let residual = block.as_residual().filter(|residual| !residual.learns_around());
    let output = block.shape_out(input)?;
    match residual.map(Residual::ways) {
        Some((inner, around)) => {
            shapes(inner, input, see)?;
            around.map_or(Ok(input), |around| shapes(around, input, see))?;
        }
        None => see(block, output),
    }
    Ok(output)
}

/// `block.apply(x)`, with `visit` in place of each leaf's.
pub fn apply(
    block: &dyn Block,
    x: &Activity,
    visit: &mut dyn FnMut(&dyn Block, &Activity) -> Activity,
) -> Activity {
    if let Some(row) = block.row() {
        return row.iter().fold(x.clone(), |x, block| apply(&**block, &x, visit));
    }
    let Some(residual) = block.as_residual().filter(|residual| !residual.learns_around()) else {
        return visit(block, x);
    };
    let x = Activity::from(x.tensor());
    let (inner, around) = residual.ways();
    let y = apply(inner, &x, visit).into_tensor();
    let aside = around.map(|around| apply(around, &x, visit).into_tensor());
    residual.join(&x, y, aside)
}

/// `block.forward(x)`, with `visit` in place of each leaf's. `None` as soon as it says so.
pub fn forward(
    block: &mut dyn Block,
    x: Activity,
    visit: &mut dyn FnMut(&mut dyn Block, Activity) -> Option<Activity>,
) -> Option<Activity> {
    if let Some(row) = block.row_mut() {
        return row.iter_mut().try_fold(x, |x, block| forward(&mut **block, x, visit));
    }
    if block.as_residual().is_none_or(Residual::learns_around) {
        return visit(block, x);
    }
    let residual = block.as_residual_mut()?;
    let x = Activity::from(x.into_tensor());
    let (inner, around) = residual.ways_mut();
    let y = forward(&mut **inner, x.clone(), visit)?.into_tensor();
    let aside = match around {
        Some(around) => Some(forward(&mut **around, x.clone(), visit)?.into_tensor()),
        None => None,
    };
    Some(residual.join(&x, y, aside))
}
