//! The mathematics of adieu: blocks, goodness, objectives, negatives, optimizers, and the learning rules made of them.
