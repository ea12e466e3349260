//! Datasets' files from the network, when a user asks for them: resumed, checked, whole or not there.
//!
//! - [`fetch`] brings the files of an [`Order`] into a folder, and only what is not there yet.
//! - [`Waiting`] is whoever waits: it hears how things go; [`Patience`] says how long and how often to try.
//! - [`by_hand`] says what to put where on a machine without a network.
//!
//! A file grows as `NAME.part`, is compared with its published checksum, flushed, and only then renamed, so that a file
//! that bears its name is whole. A part is gone on with (HTTP Range) if there is a checksum that would notice were it of
//! another file; else it is begun anew. Servers are not trusted: lengths are believed only as far as bytes arrive.
//!
//! This is the only crate that speaks to other machines about data, and only a command of the user calls it.

mod address;
mod error;
mod fetch;
mod part;
mod patience;
mod sum;
mod transfer;

pub use address::Mirror;
pub use error::{FetchError, Refusal, by_hand};
pub use fetch::{Fetched, How, News, Order, Waiting, fetch};
pub use patience::Patience;
