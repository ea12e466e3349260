//! What a machine does not know of itself.

use std::path::Path;

use adieu::meter::Setup;
use adieu::meter::energy::{Assumed, External};
use clap::{Args as ClapArgs, ValueHint};

/// What measures, and what is assumed where nothing does.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Instruments")]
pub(crate) struct Instruments {
    /// Power meter at the socket: http://PLUG, or the file a logger appends `unix_s,watts` to
    #[arg(long, global = true, value_name = "URL|FILE", value_hint = ValueHint::AnyPath)]
    meter: Option<External>,

    /// Estimate the processors' energy by their model; never mixed with what is measured
    #[arg(long, global = true)]
    estimate: bool,

    /// The same by your own figures: their power idle and at work, in watts
    #[arg(long, global = true, value_name = "IDLE:MAX")]
    assume_cpu_watts: Option<Assumed>,
}

impl Instruments {
    /// The meters of the machine whose files are below `root`.
    pub(crate) fn below(&self, root: &Path) -> Setup {
        let table = self.estimate.then_some(Assumed::Table);
        Setup {
            external: self.meter.clone(),
            estimate: self.assume_cpu_watts.or(table),
            ..Setup::below(root)
        }
    }
}
