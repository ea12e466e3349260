//! A block taken apart at its weights: what comes before them, the product, and what comes after.

use crate::parts::block::{Block, Net};
use crate::parts::layer::Linear;

/// See the module.
pub(in crate::learn) struct Apart<'a> {
    /// Norms, pooling, dropout.
    pub(in crate::learn) before: &'a mut Net,
    /// a = x W + b, and φ.
    pub(in crate::learn) linear: &'a mut dyn Linear,
    /// More of these.
    pub(in crate::learn) after: &'a mut Net,
}

/// `block` in three parts; `None` if it has no product.
pub(in crate::learn) fn apart(block: &mut dyn Block) -> Option<Apart<'_>> {
    if block.row().is_none() {
        let linear = block.as_linear_mut()?;
        return Some(Apart { before: &mut [], linear, after: &mut [] });
    }
    let row = block.row_mut()?;
    let at = row.iter().position(|piece| piece.as_linear().is_some())?;
    let (before, rest) = row.split_at_mut(at);
    let (linear, after) = rest.split_first_mut()?;
    Some(Apart { before, linear: linear.as_linear_mut()?, after })
}

/// Whether all that a block has to learn is in one product, or it has nothing to learn.
pub(in crate::learn) fn comes_apart(block: &mut dyn Block) -> bool {
    let learns = |piece: &mut dyn Block| {
        let mut any = false;
        piece.params(&mut |param| any |= param.is_learned());
        any
    };
    if block.row().is_none() {
        return block.as_linear().is_some() || !learns(block);
    }
    let row = block.row_mut().into_iter().flatten();
    let learning: Vec<bool> =
        row.filter_map(|piece| learns(&mut **piece).then(|| piece.as_linear().is_some())).collect();
    learning.is_empty() || learning == [true]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parts::activation::Activation;
    use crate::parts::affine::Affine;
    use crate::parts::chance::{Purpose, Rng};
    use crate::parts::dense::Dense;
    use crate::parts::dropout::Dropout;
    use crate::parts::shape::Shape;
    use crate::parts::stack::Stack;

    fn dense() -> Box<dyn Block> {
        Box::new(Dense::new("0", 3, 3, Activation::Relu, &mut Rng::stream(0, Purpose::Init, 0)))
    }

    fn dropout() -> Box<dyn Block> {
        Box::new(Dropout { p: 0.1, features: 3 })
    }

    #[test]
    fn one_product_in_a_row_is_found_and_two_are_told() {
        let stack = |blocks| -> Box<dyn Block> { Box::new(Stack::new(blocks)) };
        let mut whole = stack(vec![dropout(), dense(), dropout(), dropout()]);
        let parts = apart(&mut *whole).expect("it has a product");
        assert_eq!((parts.before.len(), parts.linear.units(), parts.after.len()), (1, 3, 2));
        assert!(apart(&mut *dense()).is_some_and(|parts| parts.before.is_empty() && parts.after.is_empty()));
        assert!(apart(&mut *dropout()).is_none() && apart(&mut *stack(vec![dropout()])).is_none());
        for fits in [dense(), dropout(), whole, stack(vec![dropout()])] {
            let mut fits = fits;
            assert!(comes_apart(&mut *fits), "{}", fits.describe());
        }
        let affine: Box<dyn Block> = Box::new(Affine::new("1", Shape::Flat(3)).unwrap());
        for mut other in [stack(vec![dense(), dense()]), stack(vec![affine, dense()])] {
            assert!(!comes_apart(&mut *other), "{}", other.describe());
        }
    }
}
