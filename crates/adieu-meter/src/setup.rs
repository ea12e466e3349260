//! What the meters are told: where the files of the machine are, and what no machine knows of itself.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::energy::{Assumed, External};
use crate::pi;

/// What the meters are told. By default they read this machine, and nothing is added to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Setup {
    /// Where the files of the machine are: `/` in earnest, a made-up tree in a test. The libraries and system calls that
    /// some sensors need are those of this machine, so they are left alone unless it is `/`.
    pub root: PathBuf,
    /// A meter at the socket, of the whole machine.
    pub external: Option<External>,
    /// What the processors are taken to draw, where nothing measures it; without it nothing is estimated.
    pub estimate: Option<Assumed>,
}

impl Default for Setup {
    fn default() -> Setup {
        Setup::below("/")
    }
}

impl Setup {
    /// The machine whose files are below `root`, and nothing else.
    pub fn below(root: impl Into<PathBuf>) -> Setup {
        Setup { root: root.into(), external: None, estimate: None }
    }

    /// Whether the files are those of the machine that the program runs on.
    pub(crate) fn is_here(&self) -> bool {
        self.root == Path::new("/")
    }

    /// How long sensors must be watched until the slowest of them has told of a time.
    pub fn patience(&self) -> Duration {
        match &self.external {
            // Asked once a second, and heard twice.
            Some(_) => Duration::from_millis(2500),
            None if pi::tells_power(&self.root) => Duration::from_millis(1500),
            None => Duration::ZERO,
        }
    }
}

/// A setup that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// No meter at a socket is written so.
    #[error(
        "{text:?} {why}; give the file that a logger appends `unix_s,watts` to, or the address of a plug: http://HOST \
         (or shelly1+http://, shelly+http://, tasmota+http://, watts+http:// if its kind is known)"
    )]
    External {
        /// What was given.
        text: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// No assumption about the processors' power is written so.
    #[error("{text:?} {why}; give IDLE:MAX in watts, such as 10:65, or `table`")]
    Assumed {
        /// What was given.
        text: String,
        /// What is wrong with it.
        why: &'static str,
    },
}
