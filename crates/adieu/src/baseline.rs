//! What the machine is like before a run, and whether it is still so after it: the power it takes when idle, and the time
//! of a fixed piece of work.

use std::time::{Duration, Instant};

use adieu_kernels::{Activation, Epilogue, Outputs, Precision, Rows, Weights, forward, panel_len};
use adieu_meter::energy::Energy;
use adieu_meter::{Meter, Setup};
use adieu_record::{Reading, Unit, Value};

/// How long the machine is watched idle, where it tells energy.
const IDLE: Duration = Duration::from_secs(2);
/// Products that are timed. The quickest quarter counts: what disturbs one of them is no property of the machine.
const PRODUCTS: usize = 32;
/// What is timed, for the record.
const SOURCE: &str = "lower quartile of the time of a fixed product";

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct Baseline {
    /// W of the idle machine, or why it is not known.
    pub(crate) idle_watts: Value,
    /// Seconds of the fixed product.
    pub(crate) product_s: f64,
}

impl Baseline {
    /// Measures now: at once where no energy is told, else for two seconds.
    pub(crate) fn measure(setup: &Setup) -> Baseline {
        Baseline { idle_watts: idle_watts(setup), product_s: product_s() }
    }

    /// `idle_power`, and `energy_net`: what `energy`, of a meter that began with the run, was above it.
    pub(crate) fn readings(&self, energy: &Value, wall_s: f64) -> [Reading; 2] {
        let reading = |name: &str, unit, value| Reading { name: name.into(), part: None, unit, value };
        let net = net(energy, &self.idle_watts, wall_s);
        [
            reading("idle_power", Unit::Watts, self.idle_watts.clone()),
            reading("energy_net", Unit::Joules, net),
        ]
    }

    /// `calibration`, the fixed product before the run and now.
    pub(crate) fn calibration(&self) -> [Reading; 2] {
        [("before", self.product_s), ("after", product_s())]
            .map(|(part, s)| Reading::measured("calibration", Some(part), Unit::Seconds, s, SOURCE))
    }
}

/// The joules of a time of so many seconds beyond those of the idle machine.
pub(crate) fn net(gross: &Value, idle_watts: &Value, seconds: f64) -> Value {
    match (gross, idle_watts) {
        (Value::Measured { value, source, coverage }, Value::Measured { value: watts, .. }) => {
            Value::Measured {
                value: value - watts * seconds * coverage,
                source: format!("{source}, less idle"),
                coverage: *coverage,
            }
        }
        (Value::Measured { .. }, unknown) => unknown.clone(),
        (unknown, _) => unknown.clone(),
    }
}

/// W of the machine while it does nothing of ours.
pub(crate) fn idle_watts(setup: &Setup) -> Value {
    let mut meter = Energy::of(setup);
    if !meter.watches() {
        return gross(&mut meter);
    }
    // Whether what is there can be read is known after two looks.
    std::thread::sleep(Duration::from_millis(150).max(setup.patience()));
    if let missing @ Value::Unavailable { .. } = gross(&mut meter) {
        return missing;
    }
    let mut meter = Energy::of(setup);
    let start = Instant::now();
    std::thread::sleep(IDLE.max(2 * setup.patience()));
    match gross(&mut meter) {
        Value::Measured { value, source, coverage } => {
            Value::Measured { value: value / (start.elapsed().as_secs_f64() * coverage), source, coverage }
        }
        other => other,
    }
}

/// What the sum of the rails says.
pub(crate) fn gross(meter: &mut Energy) -> Value {
    let mut readings = Vec::new();
    meter.read(&mut readings);
    readings.swap_remove(0).value
}

fn product_s() -> f64 {
    let mut work = Work::new();
    work.time(2);
    let mut times = [0.0; PRODUCTS].map(|_: f64| work.time(1));
    times.sort_by(f64::total_cmp);
    times[PRODUCTS / 4]
}

/// Rows, inputs and outputs of the product.
const SIZE: [usize; 3] = [256, 512, 512];

/// A product that is always the same.
pub(crate) struct Work {
    x: Vec<f32>,
    weights: Vec<f32>,
    bias: Vec<f32>,
    h: Vec<f32>,
}

impl Work {
    pub(crate) fn new() -> Work {
        let [rows, n_in, n_out] = SIZE;
        Work {
            x: vec![0.01; rows * n_in],
            weights: vec![0.01; panel_len(n_in, n_out)],
            bias: vec![0.0; n_out],
            h: vec![0.0; rows * n_out],
        }
    }

    /// Does it once.
    pub(crate) fn product(&mut self) {
        let [rows, n_in, n_out] = SIZE;
        let epilogue = Epilogue { bias: Some(&self.bias), activation: Activation::Relu, base: None };
        let out = Outputs { h: &mut self.h, pre: None, squares: None };
        let weights = Weights::new(&self.weights, n_in, n_out);
        forward(Rows::new(&self.x, rows, n_in), weights, epilogue, Precision::F32, out);
        std::hint::black_box(&mut self.h);
    }

    /// Seconds that so many products take.
    pub(crate) fn time(&mut self, products: u32) -> f64 {
        let start = Instant::now();
        (0..products).for_each(|_| self.product());
        start.elapsed().as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_joules_are_taken_off_and_what_is_unknown_stays_unknown() {
        let measured = |value| Value::Measured { value, source: "a test".into(), coverage: 0.5 };
        let unknown = Value::Unavailable { why: "no sensor".into(), remedy: "another machine".into() };
        match net(&measured(9.0), &measured(2.0), 4.0) {
            Value::Measured { value, source, coverage } => {
                assert_eq!((value, source.as_str(), coverage), (5.0, "a test, less idle", 0.5));
            }
            other => panic!("{other:?}"),
        }
        for (gross, idle) in [(&measured(1.0), &unknown), (&unknown, &measured(1.0)), (&unknown, &unknown)] {
            assert_eq!(net(gross, idle, 4.0), unknown);
        }
    }

    #[test]
    fn an_idle_machine_is_watched_only_where_it_tells_energy() {
        let root = tempfile::tempdir().expect("a folder");
        let start = Instant::now();
        assert!(matches!(idle_watts(&Setup::below(root.path())), Value::Unavailable { .. }));
        assert!(start.elapsed() < IDLE);
        let chip = root.path().join("sys/class/powercap/intel-rapl:0");
        std::fs::create_dir_all(&chip).expect("a folder");
        std::fs::write(chip.join("name"), "package-0").expect("a file");
        std::fs::write(chip.join("energy_uj"), "torn").expect("a file");
        assert!(
            matches!(idle_watts(&Setup::below(root.path())), Value::Unavailable { .. }),
            "it cannot be read"
        );
    }

    #[test]
    fn the_fixed_product_takes_some_time() {
        let baseline = Baseline::measure(&Setup::default());
        assert!(baseline.product_s > 0.0);
        let names = baseline.calibration().map(|reading| reading.part);
        assert_eq!(names, [Some("before".into()), Some("after".into())]);
    }
}
