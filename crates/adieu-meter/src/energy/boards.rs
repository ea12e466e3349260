//! Boards whose sensors move: what their rails make of it, by looks at stated times, to a percent of the truth.

use std::fs;
use std::path::Path;

use super::{Counts, Rail, battery, hwmon, ina3221, rapl};
use crate::found::Found;

const TENTH: u64 = 100_000_000;
const LOOKS: u64 = 100;

/// Files, and what they say at some look.
type Files = Vec<(&'static str, String)>;

/// What looks for rails.
type Find = fn(&Path) -> Found<Vec<Box<dyn Rail>>>;

/// A board with one rail.
struct Board {
    what: &'static str,
    find: Find,
    rail: &'static str,
    counts: Counts,
    /// What its files say at a look.
    says: fn(u64) -> Files,
}

/// Watts that rise and fall, between 5 and 25.
fn watts(look: u64) -> f64 {
    15.0 + 10.0 * (look as f64 * 0.05).sin()
}

/// Joules until a look: the area under the watts.
fn joules(look: u64) -> f64 {
    let area = |look: u64| 15.0 * look as f64 - 10.0 / 0.05 * (look as f64 * 0.05).cos();
    0.1 * (area(look) - area(0))
}

/// A counter that comes round on the way.
fn package(look: u64) -> Files {
    let range = 262_143_328_850_u64;
    let stands = (range - 50_000_000 + (joules(look) * 1e6) as u64) % range;
    vec![
        ("sys/class/powercap/intel-rapl:0/name", "package-0\n".into()),
        ("sys/class/powercap/intel-rapl:0/max_energy_range_uj", format!("{range}\n")),
        ("sys/class/powercap/intel-rapl:0/energy_uj", format!("{stands}\n")),
    ]
}

fn on_battery(look: u64) -> Files {
    vec![
        ("sys/class/power_supply/BAT0/type", "Battery\n".into()),
        ("sys/class/power_supply/BAT0/status", "Discharging\n".into()),
        ("sys/class/power_supply/BAT0/power_now", format!("{:.0}\n", 1e6 * watts(look))),
    ]
}

fn orin(look: u64) -> Files {
    vec![
        ("sys/bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon3/in1_label", "VDD_IN\n".into()),
        ("sys/bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon3/in1_input", "5000\n".into()),
        (
            "sys/bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon3/curr1_input",
            format!("{:.0}\n", 200.0 * watts(look)),
        ),
    ]
}

fn card_of_amd(look: u64) -> Files {
    vec![
        ("sys/class/hwmon/hwmon0/name", "amdgpu\n".into()),
        ("sys/class/hwmon/hwmon0/power1_label", "PPT\n".into()),
        ("sys/class/hwmon/hwmon0/power1_average", format!("{:.0}\n", 1e6 * watts(look))),
    ]
}

fn card_of_intel(look: u64) -> Files {
    vec![
        ("sys/class/hwmon/hwmon0/name", "xe\n".into()),
        ("sys/class/hwmon/hwmon0/energy1_input", format!("{:.0}\n", 1e6 * (7.0 + joules(look)))),
    ]
}

#[test]
fn the_energy_of_moving_sensors_is_the_truth_to_a_percent() {
    let board = |what, find, rail, counts, says| Board { what, find, rail, counts, says };
    let boards = [
        board("a laptop of Intel's", rapl::find as _, "package-0", Counts::Apart, package as _),
        board("a laptop off the mains", battery::find, "BAT0", Counts::Beside, on_battery),
        board("a Jetson Orin", ina3221::find, "VDD_IN", Counts::Apart, orin),
        board("a card of AMD's", hwmon::find, "amdgpu:PPT", Counts::Beside, card_of_amd),
        board("a card of Intel's", hwmon::find, "xe:energy1", Counts::Beside, card_of_intel),
    ];
    let truth = joules(LOOKS);
    let sum = 0.1 * (0..LOOKS).map(watts).sum::<f64>();
    assert!((sum / truth - 1.0).abs() < 0.01, "the area under the watts is the joules: {sum}, {truth}");
    for Board { what, find, rail: name, counts, says } in boards {
        let root = tempfile::tempdir().expect("a folder");
        let put = |look: u64| {
            // What stands still is written once.
            let before = if look > 1 { says(look - 1) } else { Files::new() };
            for (file, text) in says(look).into_iter().filter(|now| !before.contains(now)) {
                let path = root.path().join(file);
                fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
                fs::write(path, text).expect("a file");
            }
        };
        put(0);
        let mut rails = find(root.path()).unwrap_or_else(|missing| panic!("{what}: {missing:?}"));
        for look in 0..=LOOKS {
            put(look);
            rails.iter_mut().for_each(|rail| assert_eq!(rail.look(look * TENTH), Ok(()), "{what}"));
        }
        let [rail] = rails.as_slice() else { panic!("{what}: not one rail") };
        assert_eq!((rail.name(), rail.counts()), (name, counts), "{what}");
        let tally = rail.tally();
        assert!((tally.joules / truth - 1.0).abs() < 0.01, "{what}: {} J of {truth}", tally.joules);
        assert_eq!((tally.elapsed_ns, tally.coverage()), (LOOKS * TENTH, 1.0), "{what}");
    }
}
