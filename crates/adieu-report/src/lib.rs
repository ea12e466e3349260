//! Run records into statistics, figures and pages.
//!
//! The way of the data: `&[Stamped]` → [`Run`] (what stands in one record) → [`Summary`] (what several runs
//! say together) → [`text`] for a terminal, [`page::html`] for people, [`page::json`] for programs.
//! This crate reads records and nothing else: no learner, no clock, no file.
//!
//! Two rules hold everywhere:
//! - **absent is not zero**: a quantity that was not measured is `None` and has an entry in a list of
//!   [`Missing`] things that says why and what would mend it;
//! - **nothing that is not finite passes [`Run::from_events`]**, so no page can say `NaN`.
//!
//! A new figure or table is one file in `exhibits/` and one name in its registry; it then appears in the page,
//! in the JSON twin and in the snapshot tests.

mod chart;
mod conditions;
pub mod detection;
mod exhibits;
pub mod export;
mod format;
mod label;
mod metric;
pub mod page;
mod picture;
pub mod quality;
pub mod ranks;
mod run;
pub mod scaling;
pub mod stats;
mod summary;
pub mod sweep;
pub mod text;
mod timeline;
mod validity;

#[cfg(test)]
mod sample;

pub use format::value as with_unit;
pub use metric::{METRICS, Metric};
pub use run::{Curve, Error, Metered, Missing, Point, Run, Separation, Trace, Warning};
pub use summary::{Comparison, Group, ReadoutError, RunSummary, Standing, Summary};
