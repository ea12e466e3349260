//! What several algorithms have in common.

pub(super) mod peers;
pub(super) mod softmax_head;
pub(super) mod wrong_labels;
