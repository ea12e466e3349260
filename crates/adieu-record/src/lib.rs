//! The vocabulary on disk: events, readings and units; JSON Lines in and out; the record linter.
