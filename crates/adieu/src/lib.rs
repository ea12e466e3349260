//! Recipe, plan, trainer, run folder: the library people name.
