//! Recipe → plan → trainer → run folder: the library people name.
//!
//! - A [`Recipe`] is what people write, TOML. [`Recipe::check`] is the only way to a [`Plan`], and only a plan trains.
//! - [`train`](trainer::train) runs a plan in a folder and tells its [`Sink`]s; [`resume`](trainer::resume) goes on
//!   with a folder, bit for bit.
//! - A run is a folder: `recipe.toml`, `events.jsonl`, `checkpoint-N.safetensors`. Everything else is derived.
//!
//! Nothing here prints, and nothing here knows a command line.

mod augment;
mod baseline;
pub mod bench;
pub mod checkpoint;
mod clock;
mod counters;
pub mod doctor;
pub mod duel;
pub mod duel_folder;
mod error;
mod evaluate;
mod files;
pub mod forecast;
pub mod instruments;
mod loader;
mod meters;
mod network;
mod pictures;
pub mod plan;
pub mod profile;
pub mod publish;
pub mod recipe;
mod reconstruct;
pub mod run;
mod series;
pub mod sink;
pub mod stall;
mod start;
pub mod sweep;
pub mod trained;
pub mod trainer;
mod window;
mod writing;

pub use adieu_data as data;
pub use adieu_fetch as fetch;
pub use adieu_meter as meter;
pub use adieu_record as record;
pub use adieu_report as report;
pub use error::Error;
pub use plan::Plan;
pub use recipe::{Fault, Faults, Recipe};
pub use run::RunFolder;
pub use sink::{Flow, Sink};
pub use sweep::Sweep;
pub use trained::Trained;
pub use writing::{Script, Writing};
