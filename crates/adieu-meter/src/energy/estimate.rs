//! `energy_estimated`: joules that the processors are *taken* to have drawn since the meter began, where nothing measures
//! them. Off unless asked for; an estimate, never a measurement, and never added to one.
//!
//! ```text
//! E  = Σ dt · (P_idle + (P_max − P_idle) · u)        u: share of the processors' time that was busy, by all programs
//! lo = P_idle · t        hi = P_max · t
//! ```
//!
//! The sum needs no samples: it is linear in u, and `/proc/stat` counts busy time.
//!
//! P_idle and P_max are the user's, or from a short table of the power that makers print for a model (thermal design power,
//! processor base power): P_max is that, P_idle a tenth of it, as CodeCarbon takes it. Processors draw more than that while
//! they boost, so that `hi` bounds the model and not the truth. A virtual machine is taken to draw the share of the model's
//! threads that it has; several sockets draw each their own. A model that is not in the table has no estimate.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Instant;

use adieu_record::{Reading, Unit, Value};

use crate::found::{Found, Missing};
use crate::machine::machine;
use crate::processors::ticks;
use crate::setup::SetupError;
use crate::tree::{fields, read};
use crate::{About, Meter};

/// P_idle as a share of the printed power, where only that is known.
const IDLE: f64 = 0.1;
const REMEDY: &str = "give what it draws idle and at work: --assume-cpu-watts IDLE:MAX";

/// What the processors are taken to draw.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Assumed {
    /// What the table has for the model.
    Table,
    /// All processors together.
    Watts {
        /// Doing nothing, W.
        idle: f64,
        /// All busy, W.
        max: f64,
    },
}

impl FromStr for Assumed {
    type Err = SetupError;

    /// # Errors
    /// If it is neither `table` nor two powers, `0 ≤ IDLE ≤ MAX` and `MAX > 0`.
    fn from_str(text: &str) -> Result<Assumed, SetupError> {
        if text == "table" {
            return Ok(Assumed::Table);
        }
        let no = |why| SetupError::Assumed { text: text.into(), why };
        let watts = |text: &str| text.trim().parse::<f64>().ok().filter(|watts| watts.is_finite());
        let pair = text.split_once(':').and_then(|(idle, max)| watts(idle).zip(watts(max)));
        let (idle, max) = pair.ok_or_else(|| no("is no pair of powers"))?;
        if idle < 0.0 || max <= 0.0 {
            return Err(no("has a power that is not positive"));
        }
        if idle > max {
            return Err(no("has more power idle than at work"));
        }
        Ok(Assumed::Watts { idle, max })
    }
}

/// Printed power in W and threads, by a part of the model's name: makers' product pages.
const MODELS: [(&str, f64, u32); 48] = [
    ("i5-6500", 65.0, 4),
    ("i7-6700", 65.0, 8),
    ("i7-6700K", 91.0, 8),
    ("i5-7200U", 15.0, 4),
    ("i7-7700", 65.0, 8),
    ("i7-7700K", 91.0, 8),
    ("i5-8250U", 15.0, 8),
    ("i7-8550U", 15.0, 8),
    ("i5-8400", 65.0, 6),
    ("i7-8700", 65.0, 12),
    ("i7-8700K", 95.0, 12),
    ("i7-8750H", 45.0, 12),
    ("i5-9400", 65.0, 6),
    ("i7-9700K", 95.0, 8),
    ("i9-9900K", 95.0, 16),
    ("i7-9750H", 45.0, 12),
    ("i5-10400", 65.0, 12),
    ("i7-10700", 65.0, 16),
    ("i9-10900K", 125.0, 20),
    ("i7-12700", 65.0, 20),
    ("i7-12700K", 125.0, 20),
    ("i9-12900K", 125.0, 24),
    ("i5-13600K", 125.0, 20),
    ("i7-13700K", 125.0, 24),
    ("i9-13900K", 125.0, 32),
    ("E5-2680 v4", 120.0, 28),
    ("E5-2690 v4", 135.0, 28),
    ("Gold 6130", 125.0, 32),
    ("Gold 6148", 150.0, 40),
    ("Gold 6248", 150.0, 40),
    ("Platinum 8160", 150.0, 48),
    ("Platinum 8280", 205.0, 56),
    ("Platinum 8380", 270.0, 80),
    ("Ryzen 5 3600", 65.0, 12),
    ("Ryzen 7 3700X", 65.0, 16),
    ("Ryzen 9 3900X", 105.0, 24),
    ("Ryzen 9 3950X", 105.0, 32),
    ("Ryzen 5 5600X", 65.0, 12),
    ("Ryzen 7 5800X", 105.0, 16),
    ("Ryzen 9 5900X", 105.0, 24),
    ("Ryzen 9 5950X", 105.0, 32),
    ("Ryzen 9 7950X", 170.0, 32),
    ("EPYC 7502", 180.0, 64),
    ("EPYC 7601", 180.0, 64),
    ("EPYC 7702", 200.0, 128),
    ("EPYC 7742", 225.0, 128),
    ("EPYC 7763", 280.0, 128),
    ("EPYC 9654", 360.0, 192),
];

/// The model's line of the table: its name stands between spaces in what the machine calls it.
fn printed(cpu: &str) -> Option<(&'static str, f64, u32)> {
    let cpu = format!(" {cpu} ");
    MODELS.into_iter().find(|(name, ..)| cpu.contains(&format!(" {name} ")))
}

/// Powers of the model and what it is called.
struct Model {
    idle: f64,
    max: f64,
    name: String,
}

fn model(root: &Path, assumed: Assumed) -> Found<Model> {
    let Assumed::Watts { idle, max } = assumed else { return of_table(root) };
    Ok(Model { idle, max, name: format!("{idle} W idle to {max} W busy, as given") })
}

fn of_table(root: &Path) -> Found<Model> {
    let machine = machine(root);
    let cpu = machine.cpu.unwrap_or_else(|| "a processor without a name".into());
    let (name, watts, threads) = printed(&cpu)
        .ok_or_else(|| Missing::new(format!("the table of powers does not have {cpu:?}"), REMEDY))?;
    let (factor, note) = if machine.virtual_machine == Some(true) {
        let stat = read(root, "proc/stat").unwrap_or_default();
        let has = stat.lines().filter(|line| line.starts_with("cpu") && !line.starts_with("cpu ")).count();
        (has as f64 / f64::from(threads), format!(", {has} of {threads} threads"))
    } else {
        let cpuinfo = read(root, "proc/cpuinfo").unwrap_or_default();
        let sockets: std::collections::BTreeSet<_> = fields(&cpuinfo, "physical id").collect();
        let sockets = sockets.len().max(1);
        (sockets as f64, if sockets > 1 { format!(", {sockets} sockets") } else { String::new() })
    };
    let max = factor * watts;
    let name = format!("{max} W of {name} as printed by its maker{note}, a tenth of it idle");
    Ok(Model { idle: IDLE * max, max, name })
}

/// Seconds gone, and ticks busy and of all kinds, at some moment.
type Seen = [u64; 2];

/// The `energy_estimated` meter.
pub struct Estimate {
    root: PathBuf,
    model: Found<Model>,
    began: Instant,
    first: Found<Seen>,
}

impl Estimate {
    /// Estimates from now on, by the processors below `root`.
    pub fn begin(root: &Path, assumed: Assumed) -> Estimate {
        let first = ticks(root).map(|ticks| [ticks.busy, ticks.all]);
        Estimate { root: root.into(), model: model(root, assumed), began: Instant::now(), first }
    }

    /// What was drawn within `seconds`.
    fn joules(&self, seconds: f64) -> Found<Value> {
        let model = self.model.as_ref().map_err(Clone::clone)?;
        let [busy, all] = self.first.clone()?;
        let now = ticks(&self.root)?;
        // Ticks are of 10 ms: no time at all may have gone by, or a counter of idle time run back.
        let gone = now.all.saturating_sub(all);
        let share = if gone == 0 { 0.0 } else { now.busy.saturating_sub(busy) as f64 / gone as f64 };
        let watts = model.idle + (model.max - model.idle) * share.min(1.0);
        let name = format!("processors only: P_idle + (P_max − P_idle) · use, {}", model.name);
        Ok(Value::Estimated {
            lo: model.idle * seconds,
            mid: watts * seconds,
            hi: model.max * seconds,
            model: name,
        })
    }
}

impl Meter for Estimate {
    fn name(&self) -> &'static str {
        "energy_estimated"
    }

    fn about(&self) -> About {
        let source = "a model of the processors and /proc/stat";
        About { source, unit: Unit::Joules, resolution: 1.0, cost_ns: 15_000 }
    }

    fn read(&mut self, out: &mut Vec<Reading>) {
        out.push(match self.joules(self.began.elapsed().as_secs_f64()) {
            Ok(value) => Reading { name: self.name().into(), part: None, unit: Unit::Joules, value },
            Err(missing) => missing.reading(self.name(), None, Unit::Joules),
        });
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn tree(cpuinfo: &str, stat: &str) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a folder");
        fs::create_dir(root.path().join("proc")).expect("a folder");
        fs::write(root.path().join("proc/cpuinfo"), cpuinfo).expect("a file");
        fs::write(root.path().join("proc/stat"), stat).expect("a file");
        root
    }

    #[test]
    fn powers_are_read_strictly() {
        let cases = [
            ("table", Ok(Assumed::Table)),
            ("10:65", Ok(Assumed::Watts { idle: 10.0, max: 65.0 })),
            ("0 : 2.5", Ok(Assumed::Watts { idle: 0.0, max: 2.5 })),
            ("65", Err("is no pair of powers")),
            ("a:b", Err("is no pair of powers")),
            ("NaN:65", Err("is no pair of powers")),
            ("1:inf", Err("is no pair of powers")),
            ("-1:65", Err("has a power that is not positive")),
            ("0:0", Err("has a power that is not positive")),
            ("65:10", Err("has more power idle than at work")),
        ];
        for (text, expected) in cases {
            let expected = expected.map_err(|why| SetupError::Assumed { text: text.into(), why });
            assert_eq!(text.parse::<Assumed>(), expected, "{text}");
        }
    }

    #[test]
    fn powers_by_model_sockets_and_share_of_a_machine() {
        let two = "model name\t: AMD EPYC 7742 64-Core Processor\nphysical id\t: 0\n\nphysical id\t: 1\n";
        let guest = "model name\t: Intel(R) Xeon(R) Gold 6148 CPU @ 2.40GHz\nflags\t: fpu hypervisor\n";
        let cases = [
            ("model name\t: Intel(R) Core(TM) i7-8700 CPU @ 3.20GHz\n", Some(65.0)),
            ("model name\t: Intel(R) Core(TM) i7-8700K CPU @ 3.70GHz\n", Some(95.0)),
            ("model name\t: 13th Gen Intel(R) Core(TM) i7-13700K\n", Some(125.0)),
            (two, Some(450.0)),
            (guest, Some(150.0 * 2.0 / 40.0)),
            ("model name\t: Intel(R) Core(TM) i7-8709G CPU\n", None),
            ("model name\t: AMD EPYC\nflags\t: hypervisor\n", None),
            ("", None),
        ];
        for (cpuinfo, max) in cases {
            let root = tree(cpuinfo, "cpu  0 0 0 0 0 0 0 0\ncpu0 0\ncpu1 0\n");
            let found = model(root.path(), Assumed::Table);
            assert_eq!(found.as_ref().map(|model| model.max).ok(), max, "{cpuinfo:?}");
            if let Err(missing) = found {
                assert!(missing.remedy.contains("--assume-cpu-watts"), "{missing:?}");
            }
        }
        let mut names: Vec<&str> = MODELS.iter().map(|(name, ..)| *name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), MODELS.len(), "no model twice");
    }

    #[test]
    fn energy_follows_use_between_its_bounds() {
        let root = tree("", "cpu  100 0 0 900 0 0 0 0\n");
        let meter = Estimate::begin(root.path(), Assumed::Watts { idle: 10.0, max: 50.0 });
        for (stat, expected) in [
            ("cpu  100 0 0 900 0 0 0 0\n", 100.0),
            ("cpu  100 0 0 1000 0 0 0 0\n", 100.0),
            ("cpu  125 0 0 975 0 0 0 0\n", 200.0),
            ("cpu  200 0 0 900 0 0 0 0\n", 500.0),
        ] {
            fs::write(root.path().join("proc/stat"), stat).expect("a file");
            let Value::Estimated { lo, mid, hi, model } = meter.joules(10.0).expect("an estimate") else {
                panic!("it measures nothing")
            };
            assert_eq!([lo, mid, hi], [100.0, expected, 500.0], "{stat}");
            assert!(model.ends_with("10 W idle to 50 W busy, as given"), "{model}");
        }
        fs::remove_file(root.path().join("proc/stat")).expect("it is there");
        assert!(meter.joules(10.0).is_err(), "without its use there is no estimate");
    }
}
