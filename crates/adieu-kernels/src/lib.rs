//! Fused matrix products and row passes on CPU: slices in, slices out.
