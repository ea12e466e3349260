//! The power controller of a Raspberry Pi 5: `vcgencmd pmic_read_adc`, lines ` NAME_A current(n)=…A` and
//! ` NAME_V volt(n)=…V`; power is the sum of their products, by name. What has a voltage only (`EXT5V_V`, `BATT_V`) is left
//! out.
//!
//! It feeds a dozen rails and none of what hangs on the 5 V: USB, HATs, disks, the fan. No correction for those, or for the
//! controller's own losses, is made here.
//!
//! Every look starts a process (some milliseconds of one core), so there are two a second, in a [thread of their
//! own](super::aside): about a hundredth of one core. Older boards measure no current, and say so.

use std::path::Path;
use std::time::Duration;

use super::aside::{Aside, Slow};
use super::{Counts, Rail};
use crate::found::{Found, Missing};
use crate::pi::{Firmware, measures, model};

const NAME: &str = "PMIC";
const EVERY: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_millis(1500);

/// The rail of the board below `root`: none if it is no Raspberry Pi.
pub(super) fn find(root: &Path) -> Found<Vec<Box<dyn Rail>>> {
    let Some(model) = model(root) else { return Ok(Vec::new()) };
    if !measures(&model) {
        let why = format!("{model}: this board has no current sensor");
        return Err(Missing::new(why, "use an inline USB or wall meter"));
    }
    let pmic = Pmic { firmware: Firmware::below(root)? };
    Ok(vec![Box::new(Aside::start(NAME, Counts::Apart, [EVERY, LONGEST], pmic))])
}

struct Pmic {
    firmware: Firmware,
}

impl Slow for Pmic {
    fn ask(&mut self) -> Found<f64> {
        let said = self.firmware.ask("pmic_read_adc")?;
        watts(&said).ok_or_else(|| {
            let shown: String = said.trim().chars().take(40).collect();
            Missing::new(
                format!("vcgencmd pmic_read_adc says {shown:?}, which is no list of rails"),
                "update the firmware: rpi-eeprom-update",
            )
        })
    }

    fn source(&self) -> String {
        "vcgencmd pmic_read_adc: PMIC rails, without 5 V peripherals".into()
    }
}

/// Σ V·I; nothing unless every current has its voltage and both are possible.
fn watts(said: &str) -> Option<f64> {
    let number = |value: &str, unit: char| -> Option<f64> {
        let number: f64 = value.trim().strip_suffix(unit)?.parse().ok()?;
        (number.is_finite() && number >= 0.0).then_some(number)
    };
    let of = |suffix: &'static str| {
        let all = said.lines().filter_map(|line| line.trim().split_once('='));
        all.filter_map(move |(what, value)| {
            Some((what.split_whitespace().next()?.strip_suffix(suffix)?, value))
        })
    };
    let power = |(name, amperes): (&str, &str)| {
        let (_, volts) = of("_V").find(|(other, _)| *other == name)?;
        Some(number(amperes, 'A')? * number(volts, 'V')?)
    };
    let all: Option<Vec<f64>> = of("_A").map(power).collect();
    all.filter(|all| !all.is_empty()).map(|all| all.iter().sum())
}

#[cfg(test)]
pub(crate) const SAMPLE: &str = "\
 3V7_WL_SW_A current(0)=0.10000000A
   3V3_SYS_A current(1)=0.20000000A
    VDD_CORE_A current(7)=2.00000000A
 3V7_WL_SW_V volt(8)=3.70000000V
   3V3_SYS_V volt(9)=3.30000000V
    VDD_CORE_V volt(15)=0.75000000V
       EXT5V_V volt(24)=5.10000000V
        BATT_V volt(25)=0.00488400V";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn currents_meet_their_voltages() {
        let whole = watts(SAMPLE).expect("a power");
        assert!((whole - (0.37 + 0.66 + 1.5)).abs() < 1e-9, "{whole}");
        for (what, said) in [
            ("nothing", String::new()),
            ("an error", "error=1 error_msg=\"Command not registered\"".into()),
            ("voltages only", SAMPLE.replace("_A current", "_B current")),
            ("a current without its voltage", SAMPLE.replace("VDD_CORE_V", "VDD_CORE_W")),
            ("a torn number", SAMPLE.replace("2.00000000A", "2.0")),
            ("no number", SAMPLE.replace("2.00000000A", "NaNA")),
            ("a negative one", SAMPLE.replace("2.00000000A", "-2.0A")),
        ] {
            assert_eq!(watts(&said), None, "{what}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn its_energy_is_that_of_its_rails_to_a_percent() {
        let root = tempfile::tempdir().expect("a folder");
        crate::pi::script(root.path(), &format!("cat <<END\n{SAMPLE}\nEND"));
        let pmic = Pmic { firmware: Firmware::below(root.path()).expect("it is there") };
        let times = [Duration::from_millis(20), LONGEST];
        let mut rail = Aside::start(NAME, Counts::Apart, times, pmic);
        while rail.tally().covered_ns < 100_000_000 {
            let _ = rail.look(0);
            std::thread::yield_now();
        }
        let tally = rail.tally();
        let watts = tally.joules / (tally.covered_ns as f64 * 1e-9);
        assert!((watts / 2.53 - 1.0).abs() < 0.01, "{watts} W");
    }

    #[cfg(unix)]
    #[test]
    fn one_that_hangs_does_not_hold_up_the_others() {
        let root = tempfile::tempdir().expect("a folder");
        std::fs::create_dir_all(root.path().join("proc/device-tree")).expect("a folder");
        let model = root.path().join("proc/device-tree/model");
        std::fs::write(&model, "Raspberry Pi 5 Model B Rev 1.0\0").expect("a file");
        crate::pi::script(root.path(), "exec sleep 60");
        let start = std::time::Instant::now();
        let mut rails = find(root.path()).expect("a rail");
        let waiting = rails[0].look(0).unwrap_err();
        assert!(waiting.why.ends_with("has not answered yet"), "{waiting:?}");
        drop(rails);
        assert!(start.elapsed() < Duration::from_secs(1));
        std::fs::write(model, "Raspberry Pi 4 Model B Rev 1.4\0").expect("a file");
        let Err(missing) = find(root.path()) else { panic!("no current sensor, no rail") };
        assert_eq!(missing.why, "Raspberry Pi 4 Model B Rev 1.4: this board has no current sensor");
    }
}
