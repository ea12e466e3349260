//! JSON Lines: writing and reading records.
