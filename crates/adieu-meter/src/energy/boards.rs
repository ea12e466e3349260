//! Boards whose sensors move: what their rails make of it, by looks at stated times, to a percent of the truth.

use std::fs;
use std::path::Path;

use super::{Counts, Rail, battery, hwmon, ina3221, rapl};

const TENTH: u64 = 100_000_000;
const LOOKS: u64 = 200;

type Find = fn(&Path) -> Vec<Box<dyn Rail>>;
/// Files and what they say at a look, and the watts of the rail then.
type Moves = fn(u64) -> (Vec<(&'static str, String)>, f64);

/// Watts that rise and fall, between 5 and 25.
fn watts(look: u64) -> f64 {
    15.0 + 10.0 * (look as f64 * 0.05).sin()
}

/// Joules until a look: the area under the watts.
fn joules(look: u64) -> f64 {
    let area = |look: u64| 15.0 * look as f64 - 10.0 / 0.05 * (look as f64 * 0.05).cos();
    0.1 * (area(look) - area(0))
}

#[test]
fn the_energy_of_moving_sensors_is_the_truth_to_a_percent() {
    let cases: [(&str, Find, &str, Counts, Moves); 5] = [
        (
            "a laptop of Intel's, its counter comes round",
            |root| rapl::find(root).unwrap_or_default(),
            "package-0",
            Counts::Apart,
            |look| {
                let range = 262_143_328_850_u64;
                let stands = (range - 50_000_000 + (joules(look) * 1e6) as u64) % range;
                let zone = vec![
                    ("sys/class/powercap/intel-rapl:0/name", "package-0\n".into()),
                    ("sys/class/powercap/intel-rapl:0/max_energy_range_uj", format!("{range}\n")),
                    ("sys/class/powercap/intel-rapl:0/energy_uj", format!("{stands}\n")),
                ];
                (zone, watts(look))
            },
        ),
        (
            "the same on its battery",
            |root| battery::find(root).unwrap_or_default(),
            "BAT0",
            Counts::Beside,
            |look| {
                let battery = vec![
                    ("sys/class/power_supply/BAT0/type", "Battery\n".into()),
                    ("sys/class/power_supply/BAT0/status", "Discharging\n".into()),
                    ("sys/class/power_supply/BAT0/power_now", format!("{:.0}\n", 1e6 * watts(look))),
                ];
                (battery, watts(look))
            },
        ),
        (
            "a Jetson Orin",
            |root| ina3221::find(root).unwrap_or_default(),
            "VDD_IN",
            Counts::Apart,
            |look| {
                let chip = vec![
                    ("sys/bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon3/in1_label", "VDD_IN\n".into()),
                    ("sys/bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon3/in1_input", "5000\n".into()),
                    (
                        "sys/bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon3/curr1_input",
                        format!("{:.0}\n", 200.0 * watts(look)),
                    ),
                ];
                (chip, watts(look))
            },
        ),
        (
            "a card of AMD's",
            |root| hwmon::find(root).unwrap_or_default(),
            "amdgpu:PPT",
            Counts::Beside,
            |look| {
                let card = vec![
                    ("sys/class/hwmon/hwmon0/name", "amdgpu\n".into()),
                    ("sys/class/hwmon/hwmon0/power1_label", "PPT\n".into()),
                    ("sys/class/hwmon/hwmon0/power1_average", format!("{:.0}\n", 1e6 * watts(look))),
                ];
                (card, watts(look))
            },
        ),
        (
            "a card of Intel's",
            |root| hwmon::find(root).unwrap_or_default(),
            "xe:energy1",
            Counts::Beside,
            |look| {
                let card = vec![
                    ("sys/class/hwmon/hwmon0/name", "xe\n".into()),
                    ("sys/class/hwmon/hwmon0/energy1_input", format!("{:.0}\n", 1e6 * (7.0 + joules(look)))),
                ];
                (card, watts(look))
            },
        ),
    ];
    for (what, find, name, counts, moves) in cases {
        let root = tempfile::tempdir().expect("a folder");
        let put = |look: u64| {
            for (file, text) in moves(look).0 {
                let path = root.path().join(file);
                fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
                fs::write(path, text).expect("a file");
            }
        };
        put(0);
        let mut rails = find(root.path());
        for look in 0..=LOOKS {
            put(look);
            rails.iter_mut().for_each(|rail| assert_eq!(rail.look(look * TENTH), Ok(()), "{what}"));
        }
        let [rail] = rails.as_slice() else { panic!("{what}: not one rail") };
        assert_eq!((rail.name(), rail.counts()), (name, counts), "{what}");
        let (tally, truth) = (rail.tally(), joules(LOOKS));
        assert!((tally.joules / truth - 1.0).abs() < 0.01, "{what}: {} J of {truth}", tally.joules);
        assert_eq!((tally.elapsed_ns, tally.coverage()), (LOOKS * TENTH, 1.0), "{what}");
        // Power as it was, to be sure that the truth is one.
        assert!(
            (0.1 * (0..LOOKS).map(|look| moves(look).1).sum::<f64>() / truth - 1.0).abs() < 0.01,
            "{what}"
        );
    }
}
