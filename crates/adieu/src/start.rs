//! What a run says of itself at its start, and the meters it carries.

use std::path::Path;

use adieu_data::Origin;
use adieu_meter::Meter;
use adieu_record::event::FORMAT;
use adieu_record::{DataInfo, Machine, Network, Program, Reading, RunStart, Split, Unit, Value};

use crate::clock::Totals;
use crate::counters::Counters;
use crate::plan::Plan;

/// Everything needed to know what is run, on what.
pub(crate) fn describe(plan: &Plan, network: Network, readouts: Vec<&'static str>, unix_ms: u64) -> RunStart {
    let info = &plan.data.info;
    let image = info.image;
    RunStart {
        format: FORMAT,
        name: plan.recipe.name.clone(),
        learner: plan.recipe.learner.name().into(),
        seed: plan.recipe.seed,
        unix_ms,
        recipe: serde_json::to_value(&plan.recipe).expect("a recipe is made of strings, numbers and lists"),
        program: program(),
        machine: machine(),
        network,
        data: DataInfo {
            name: info.name.clone(),
            source: match &info.origin {
                Origin::Bundled => "bundled".into(),
                Origin::Folder(folder) => folder.display().to_string(),
            },
            licence: info.licence.clone(),
            image: Some([image.height as u64, image.width as u64, image.channels as u64]),
            classes: info.classes.clone(),
            train_rows: plan.rows(Split::Train).len() as u64,
            validation_rows: plan.rows(Split::Validation).len() as u64,
            test_rows: plan.rows(Split::Test).len() as u64,
        },
        epochs: plan.recipe.train.epochs,
        steps_per_epoch: plan.steps_per_epoch(),
        batch: plan.recipe.train.batch,
        readouts: readouts.into_iter().map(Into::into).collect(),
    }
}

fn program() -> Program {
    Program {
        name: "adieu".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        profile: if cfg!(debug_assertions) { "dev" } else { "release" }.into(),
        target: format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS),
    }
}

pub(crate) fn machine() -> Machine {
    Machine {
        isa: Some(adieu_kernels::isa().name().into()),
        threads: Some(rayon::current_num_threads() as u64),
        ..adieu_meter::machine(Path::new("/"))
    }
}

/// The meters of one sitting of a run, told as the run's own: see [`Counters`].
pub(crate) struct Meters {
    meters: Vec<Box<dyn Meter>>,
    counters: Counters,
    wall_before_s: f64,
    peak_is_ours: bool,
}

impl Meters {
    /// Starts now, on top of what an interrupted run had counted.
    pub(crate) fn start(before: &Totals) -> Meters {
        let wall_before_ns: u64 = before.phases.iter().map(|phase| phase.time_ns).sum();
        let wall_before_s = wall_before_ns as f64 / 1e9;
        let peak_is_ours = adieu_meter::resident::reset_peak(Path::new("/")).is_ok();
        let mut meters = adieu_meter::all(Path::new("/"));
        // A fresh run begins at zero; one taken up again only knows what its checkpoint knew.
        let counted = (!before.phases.is_empty()).then(|| before.counters.clone());
        let counters = Counters::start(counted, wall_before_s, &raw(&mut meters));
        Meters { meters, counters, wall_before_s, peak_is_ours }
    }

    /// All readings, as the run's own.
    pub(crate) fn read(&mut self, totals: &Totals) -> Vec<Reading> {
        let mut readings = raw(&mut self.meters);
        let wall = readings.iter().find_map(|reading| match reading.value {
            Value::Measured { value, .. } if reading.name == "wall" => Some(value),
            _ => None,
        });
        for reading in &mut readings {
            self.counters.own(reading, wall.unwrap_or_default());
            match (reading.name.as_str(), &mut reading.value) {
                ("wall", Value::Measured { value, .. }) => *value += self.wall_before_s,
                ("resident_peak", Value::Measured { .. }) if !self.peak_is_ours => {
                    let why = "the kernel cannot forget the peak of what this process did before the run";
                    let remedy = "use allocated_peak, or a Linux kernel with /proc/self/clear_refs";
                    *reading = Reading::unavailable("resident_peak", None, Unit::Bytes, why, remedy);
                }
                _ => {}
            }
        }
        let chess = "chess clock";
        let (macs, held) = (totals.macs as f64, totals.held_peak as f64);
        readings.push(Reading::measured(
            "multiply_adds",
            None,
            Unit::MultiplyAdds,
            macs,
            "counted by the learner",
        ));
        readings.push(Reading::measured("saved_peak", None, Unit::Bytes, held, chess));
        readings
    }
}

fn raw(meters: &mut [Box<dyn Meter>]) -> Vec<Reading> {
    let mut readings = Vec::new();
    meters.iter_mut().for_each(|meter| meter.read(&mut readings));
    readings
}
