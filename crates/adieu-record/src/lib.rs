//! The vocabulary on disk.
//!
//! A run is a folder; what happened in it is `events.jsonl`: one [`Stamped`] event a line, each a flat JSON
//! object with `seq` (0, 1, 2, … without gaps), `at_ns` (nanoseconds of run time, never decreasing; it goes on
//! where it stood when a run is resumed, so pauses are not counted) and `event` (the name of the variant).
//!
//! Reports, dashboards and linters need this crate and nothing else: no learner is known here.
//!
//! - [`event`]: what a trainer says.
//! - [`reading`]: what a meter says. *Measured*, *estimated* and *unavailable* are three different things.
//! - [`jsonl`]: writing and reading; a torn last line is expected and skipped with a warning.
//! - [`lint`]: the rules a record must obey.

pub mod event;
pub mod jsonl;
pub mod lint;
pub mod reading;

pub use event::{
    DataInfo, Detection, Evaluation, Event, LayerInfo, Machine, Network, Outcome, PhaseTime, Picture,
    PictureKind, Program, Reconstruction, RunStart, Scalar, Split, Stamped,
};
pub use reading::{Point, Reading, Series, Unit, Value};
