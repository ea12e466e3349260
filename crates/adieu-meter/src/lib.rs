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
//! | `energy` | J | none: the sum of rails that are apart, else `external`; else a rail | [`energy`] |
//! | `energy_estimated` | J | only where the [`Setup`] asks for it | [`energy`] |
//! | `machine_cpu` | s | none: busy; `steal` | [`processors`] |
//! | `run_queue_wait` | s | | [`run_queue`] |
//! | `group_throttled` | s | | [`control_group`] |
//! | `disk_read`, `disk_written` | B | | [`disk`] |
//! | `throttled` | 1 | none: times that clocks were held back; else a cause | [`throttled`] |
//! | `cpu_instructions`, `cpu_cycles`, `cpu_cache_references`, `cpu_cache_misses`, `cpu_branch_misses`, `cpu_stalled_cycles` | 1 | | [`perf`] |
//!
//! These every run records, from its beginning. [`sensors`] adds those that tell of a moment, for people:
//!
//! | reading | unit | part | meter |
//! |---|---|---|---|
//! | `clock` | Hz | `slowest`, `fastest`, `limit` | [`clocks`] |
//! | `temperature` | °C | each zone | [`temperature`] |
//! | `gpu_use`, `gpu_clock`, `gpu_memory` | 1, Hz, B | each card | [`graphics`] |
//! | `proportional` | B | | [`proportional`] |
//! | `group_memory`, `group_memory_peak` | B | | [`control_group`] |
//!
//! A new sensor is a file here and a line in [`all`] or [`sensors`]; one of energy a file in `energy`.

pub mod alloc;
pub mod allocated;
pub mod clocks;
pub mod control_group;
pub mod cpu_time;
pub mod disk;
mod dump;
pub mod energy;
mod found;
pub mod graphics;
pub mod machine;
mod nvidia;
pub mod page_cache;
pub mod perf;
mod pi;
pub mod processors;
pub mod proportional;
pub mod resident;
pub mod run_queue;
mod setup;
pub mod temperature;
pub mod throttled;
mod tree;
pub mod wall;

use adieu_record::{Reading, Unit};

pub use dump::dump;
pub use machine::machine;
pub use setup::{Setup, SetupError};

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
    /// Where the numbers come from; also the source of its [`Measured`](adieu_record::Value::Measured) readings, or its beginning.
    pub source: &'static str,
    /// Unit of its readings.
    pub unit: Unit,
    /// Smallest step of its readings, in `unit`. Mistrust differences below ten of them.
    pub resolution: f64,
    /// Rough time of one `read` in ns, as timed on a 2.6 GHz server core with optimisation.
    pub cost_ns: u64,
}

/// The meters of every run. The clocks start now.
pub fn all(setup: &Setup) -> Vec<Box<dyn Meter>> {
    let root = setup.root.as_path();
    let mut all: Vec<Box<dyn Meter>> = vec![
        Box::new(wall::Wall::start()),
        Box::new(cpu_time::CpuTime),
        Box::new(resident::Resident::below(root)),
        Box::new(allocated::Allocated),
        Box::new(energy::Energy::of(setup)),
        Box::new(processors::Processors::below(root)),
        Box::new(run_queue::RunQueue::below(root)),
        Box::new(control_group::ControlGroup::throttled(root)),
        Box::new(disk::Disk::below(root)),
        Box::new(throttled::Throttled::of(setup)),
    ];
    all.extend(perf::Perf::all(setup).into_iter().map(|meter| Box::new(meter) as Box<dyn Meter>));
    if let Some(assumed) = setup.estimate {
        all.push(Box::new(energy::Estimate::begin(root, assumed)));
    }
    all
}

/// All meters, and the sensors that tell of a moment. The clocks start now.
pub fn sensors(setup: &Setup) -> Vec<Box<dyn Meter>> {
    let root = setup.root.as_path();
    let mut sensors = all(setup);
    sensors.extend([
        Box::new(clocks::Clocks::below(root)) as Box<dyn Meter>,
        Box::new(temperature::Temperature::below(root)),
        Box::new(proportional::Proportional::below(root)),
        Box::new(control_group::ControlGroup::memory(root)),
    ]);
    sensors.extend(graphics::Graphics::below(root).map(|meter| Box::new(meter) as Box<dyn Meter>));
    sensors
}
