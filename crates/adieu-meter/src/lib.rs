//! Meters: one file a sensor; the counting allocator; the machine's description.
//!
//! A [`Meter`] turns a sensor into [`Reading`]s and knows nothing of what is being measured. What cannot be read
//! is [`Unavailable`](adieu_record::Value::Unavailable), with the reason and what would mend it, **never zero**.
//! Sensors that are files are looked for below a root folder, `/` in earnest, so that a made-up tree can stand in
//! for any machine.
//!
//! | reading | unit | part | meter |
//! |---|---|---|---|
//! | `wall` | s | | [`wall`] |
//! | `cpu_time` | s | | [`cpu_time`] |
//! | `resident`, `resident_peak` | B | | [`resident`] |
//! | `allocated`, `allocated_peak` | B | none: all; else a [category](alloc::Category) | [`allocated`] |
//!
//! A new sensor is a file here and a line in [`all`].

pub mod alloc;
pub mod allocated;
pub mod cpu_time;
pub mod machine;
pub mod resident;
mod tree;
pub mod wall;

use std::path::Path;

use adieu_record::{Reading, Unit};

pub use machine::machine;

/// A sensor.
pub trait Meter: Send {
    /// Name of the sensor, which is that of its first reading.
    fn name(&self) -> &'static str;

    /// What it reads, how finely, and at what cost.
    fn about(&self) -> About;

    /// Appends the readings of this moment to `out`: always the same names and parts, in the same order.
    fn read(&mut self, out: &mut Vec<Reading>);
}

/// What a meter knows of itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct About {
    /// Where the numbers come from; also the source of its [`Measured`](adieu_record::Value::Measured) readings.
    pub source: &'static str,
    /// Unit of its readings.
    pub unit: Unit,
    /// Smallest step of its readings, in `unit`. Mistrust differences below ten of them.
    pub resolution: f64,
    /// Rough time of one `read` in ns, as timed on a 2.6 GHz server core with optimisation.
    pub cost_ns: u64,
}

/// All meters, reading below `root` (`/`). The clocks start now.
pub fn all(root: &Path) -> Vec<Box<dyn Meter>> {
    vec![
        Box::new(wall::Wall::start()),
        Box::new(cpu_time::CpuTime),
        Box::new(resident::Resident::below(root)),
        Box::new(allocated::Allocated),
    ]
}
