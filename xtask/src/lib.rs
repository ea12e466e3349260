//! The project's own chores: the one check that continuous integration runs, and the tidy rules.
//!
//! [`check`] runs everything that must hold, cheapest first. [`tidy`] holds the rules about the source itself
//! that neither the compiler nor clippy knows, as functions from text to findings; `tests/tidy.rs` applies them
//! to this repository, so they are ordinary tests.

pub mod check;
pub mod tidy;
