//! The command line of adieu.
fn main() {}
