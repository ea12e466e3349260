//! `gpu_use`: share of a recent moment in which a graphics processor worked on anything, from 0 to 1; `gpu_clock`, Hz now;
//! `gpu_memory`, bytes of its own memory that are taken. One part a card: `card0`, `ga10b`.
//!
//! By sysfs, as each kernel driver has it, and by the library of NVIDIA's, whose cards are `nvidia-0`, …:
//!
//! | | use | clock | memory |
//! |---|---|---|---|
//! | amdgpu | `gpu_busy_percent` | hwmon `freq1_input`, Hz | `mem_info_vram_used` |
//! | i915, xe | by file descriptor only: not read | `gt_cur_freq_mhz` | shared with the system, or not told |
//! | Jetson | `load` of the devfreq device, thousandths | `cur_freq`, Hz | shared with the system |
//! | NVIDIA cards, by NVIDIA's library | a sixth of a second to a second | of the multiprocessors | of all programs |

use std::path::{Path, PathBuf};

use adieu_record::{Reading, Unit};

use crate::found::{Found, Missing, entries, number, reading};
use crate::nvidia::{self, Ask, cards_below};
use crate::tree::word;
use crate::{About, Meter};

const CARDS: &str = "sys/class/drm";
const FREQUENCIES: &str = "sys/class/devfreq";
const SOURCE: &str = "graphics driver";
const SYSFS: &str = "graphics driver, sysfs";
const LIBRARY: &str = "graphics driver, NVML";
const SHARED: &str = "graphics driver, NVML; other programs compute on it";
/// What device trees call the graphics processor of a Jetson: TX2, Xavier, Orin, Thor.
const JETSON: [&str; 6] = ["gpu", "gp10b", "gv11b", "ga10b", "gb10b", "17000000.gpu"];
const UPDATE: &str = "update the kernel: its driver for this card does not offer it";

/// The meter of one of the three.
#[derive(Clone, Debug)]
pub struct Graphics {
    root: PathBuf,
    what: What,
    cards: Vec<Card>,
    /// Those of NVIDIA's library, or why there are none.
    nvidia: Found<Vec<nvidia::Card>>,
}

#[derive(Clone, Copy, Debug)]
enum What {
    Use,
    Clock,
    Memory,
}

#[derive(Clone, Debug)]
struct Card {
    name: String,
    folder: String,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Amd,
    Intel,
    Nvidia,
    Jetson,
    Other,
}

impl Graphics {
    /// Three meters, of use, clock and memory, of the cards below `root` that are there now.
    pub fn below(root: &Path) -> [Graphics; 3] {
        Graphics::with(root, cards_below(root))
    }

    fn with(root: &Path, nvidia: Found<Vec<nvidia::Card>>) -> [Graphics; 3] {
        let card = |name: String| {
            let number = name.strip_prefix("card")?;
            // `card0-HDMI-A-1` is a plug.
            let whole = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
            let folder = format!("{CARDS}/{name}");
            let kind = match word(root, &format!("{folder}/device/vendor")).as_deref() {
                Some("0x1002") => Kind::Amd,
                Some("0x8086") => Kind::Intel,
                Some("0x10de") => Kind::Nvidia,
                _ => Kind::Other,
            };
            whole.then_some(Card { name, folder, kind })
        };
        let board = |entry: String| {
            let folder = format!("{FREQUENCIES}/{entry}");
            let name = word(root, &format!("{folder}/device/of_node/name"))?;
            JETSON.contains(&name.as_str()).then_some(Card { name, folder, kind: Kind::Jetson })
        };
        let boards: Vec<Card> = entries(root, FREQUENCIES).into_iter().filter_map(board).collect();
        let mut cards: Vec<Card> = entries(root, CARDS).into_iter().filter_map(card).collect();
        // A Jetson's display is a card too, without a processor of its own.
        cards.retain(|card| card.kind != Kind::Other || boards.is_empty());
        // The library tells more of a card than the kernel's listing does.
        let told = nvidia.as_ref().is_ok_and(|cards| !cards.is_empty());
        cards.retain(|card| card.kind != Kind::Nvidia || !told);
        // On a Jetson it lists the board's processor, and refuses what it is asked.
        let answers = |card: &nvidia::Card| {
            [Ask::Busy, Ask::Megahertz, Ask::Bytes].into_iter().any(|what| card.ask(what).is_ok())
        };
        let nvidia = nvidia.map(|mut cards| {
            cards.retain(|card| boards.is_empty() || answers(card));
            cards
        });
        cards.extend(boards);
        [What::Use, What::Clock, What::Memory].map(|what| Graphics {
            root: root.into(),
            what,
            cards: cards.clone(),
            nvidia: nvidia.clone(),
        })
    }

    fn number(&self, file: &str) -> Found<u64> {
        number(&self.root, file, UPDATE, "run as root")
    }

    fn used(&self, card: &Card) -> Found<f64> {
        let (file, whole) = match card.kind {
            Kind::Amd => ("device/gpu_busy_percent", 100),
            Kind::Jetson => ("device/load", 1000),
            _ => return Err(self.untold(card, "how much it works")),
        };
        let file = format!("{}/{file}", card.folder);
        match self.number(&file)? {
            parts if parts <= whole => Ok(parts as f64 / whole as f64),
            parts => Err(Missing::new(
                format!("{} says {parts} of {whole}", self.root.join(&file).display()),
                "read it again; if it stays so, the driver does not offer it",
            )),
        }
    }

    fn hertz(&self, card: &Card) -> Found<f64> {
        match card.kind {
            Kind::Amd => {
                let sensors = format!("{}/device/hwmon", card.folder);
                let chip = entries(&self.root, &sensors).into_iter().next().ok_or_else(|| {
                    Missing::new(format!("{} is empty", self.root.join(&sensors).display()), UPDATE)
                })?;
                self.number(&format!("{sensors}/{chip}/freq1_input")).map(|hertz| hertz as f64)
            }
            Kind::Intel => self
                .number(&format!("{}/gt_cur_freq_mhz", card.folder))
                .map(|megahertz| megahertz as f64 * 1e6),
            Kind::Jetson => self.number(&format!("{}/cur_freq", card.folder)).map(|hertz| hertz as f64),
            Kind::Nvidia | Kind::Other => Err(self.untold(card, "its clock")),
        }
    }

    fn bytes(&self, card: &Card) -> Found<f64> {
        match card.kind {
            Kind::Amd => {
                self.number(&format!("{}/device/mem_info_vram_used", card.folder)).map(|bytes| bytes as f64)
            }
            Kind::Jetson => Err(Missing::new(
                "the processor and its graphics share one memory",
                "see `resident`: the memory of the program is in it",
            )),
            _ => Err(self.untold(card, "its memory")),
        }
    }

    /// What a card of the library answers.
    fn answered(&self, card: &nvidia::Card) -> Found<f64> {
        match self.what {
            What::Use => match card.ask(Ask::Busy)? {
                percent @ 0..=100 => Ok(percent as f64 / 100.0),
                percent => Err(Missing::new(
                    format!("{} says {percent} of 100", card.name()),
                    "read it again; if it stays so, the driver does not offer it",
                )),
            },
            What::Clock => card.ask(Ask::Megahertz).map(|megahertz| megahertz as f64 * 1e6),
            What::Memory => card.ask(Ask::Bytes).map(|bytes| bytes as f64),
        }
    }

    fn untold(&self, card: &Card, what: &str) -> Missing {
        match (card.kind, &self.nvidia) {
            (Kind::Nvidia, Err(missing)) => Missing::new(
                format!("{} is NVIDIA's, whose library alone tells {what}: {}", card.name, missing.why),
                &missing.remedy,
            ),
            (Kind::Nvidia, Ok(_)) => Missing::new(
                format!("{} is NVIDIA's, whose library lists no card", card.name),
                "load NVIDIA's own driver for it",
            ),
            (Kind::Intel, _) => Missing::new(
                format!("the driver of {} does not tell {what} for the whole card", card.name),
                "`intel_gpu_top` shows it",
            ),
            _ => Missing::new(format!("the driver of {} does not tell {what}", card.name), UPDATE),
        }
    }
}

impl Meter for Graphics {
    fn name(&self) -> &'static str {
        match self.what {
            What::Use => "gpu_use",
            What::Clock => "gpu_clock",
            What::Memory => "gpu_memory",
        }
    }

    fn about(&self) -> About {
        let (unit, resolution) = match self.what {
            What::Use => (Unit::Fraction, 0.01),
            What::Clock => (Unit::Hertz, 1e6),
            What::Memory => (Unit::Bytes, 4096.0),
        };
        About { source: SOURCE, unit, resolution, cost_ns: 20_000 }
    }

    fn read(&mut self, out: &mut Vec<Reading>) {
        let (name, unit) = (self.name(), self.about().unit);
        let nvidia = self.nvidia.as_deref().unwrap_or_default();
        if self.cards.is_empty() && nvidia.is_empty() {
            let [cards, boards] = [CARDS, FREQUENCIES].map(|folder| self.root.join(folder));
            let why =
                format!("{} lists no card, {} no graphics processor", cards.display(), boards.display());
            let none = Missing::new(why, "use a machine that has one, and load its driver");
            out.push(none.reading(name, None, unit));
        }
        for card in &self.cards {
            let found = match self.what {
                What::Use => self.used(card),
                What::Clock => self.hertz(card),
                What::Memory => self.bytes(card),
            };
            out.push(reading(name, Some(&card.name), unit, SYSFS, &found));
        }
        for card in nvidia {
            let source = if card.is_shared() { SHARED } else { LIBRARY };
            out.push(reading(name, Some(card.name()), unit, source, &self.answered(card)));
        }
    }
}

#[cfg(test)]
mod tests {
    use adieu_record::Value;

    use super::*;
    use crate::nvidia::fake::{Fake, Say};

    /// A number and its source, or why there is none.
    type Told = Result<(f64, String), String>;

    /// By meter and part.
    fn read(root: &Path, nvidia: Found<Vec<nvidia::Card>>) -> Vec<(String, Told)> {
        let mut readings = Vec::new();
        Graphics::with(root, nvidia).iter_mut().for_each(|meter| meter.read(&mut readings));
        let told = |reading: Reading| {
            let name = format!("{} {}", reading.name, reading.part.unwrap_or_default());
            let value = match reading.value {
                Value::Measured { value, source, .. } => Ok((value, source)),
                Value::Unavailable { why, .. } => Err(why),
                Value::Estimated { .. } => panic!("nothing here is estimated"),
            };
            (name, value)
        };
        readings.into_iter().map(told).collect()
    }

    fn put(root: &Path, file: &str, text: &str) {
        let path = root.join(file);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }

    #[test]
    fn nvidia_s_cards_by_their_library() {
        let root = tempfile::tempdir().expect("a folder");
        put(root.path(), "sys/class/drm/card0/device/vendor", "0x10de\n");
        let n = Say::Number;
        let fake = Fake::cards(&[
            &[
                (Ask::Busy, &[n(43)]),
                (Ask::Megahertz, &[n(1980)]),
                (Ask::Bytes, &[n(1 << 30)]),
                (Ask::Others, &[n(0)]),
            ],
            &[
                (Ask::Busy, &[n(101)]),
                (Ask::Megahertz, &[Say::Lost]),
                (Ask::Bytes, &[n(u64::MAX)]),
                (Ask::Others, &[n(1)]),
            ],
        ]);
        let of = |value| Ok((value, LIBRARY.to_owned()));
        let no = |why: &str| Err(format!("nvidia-1{why}"));
        let expected = [
            ("gpu_use nvidia-0", of(0.43)),
            ("gpu_use nvidia-1", no(" says 101 of 100")),
            ("gpu_clock nvidia-0", of(1.98e9)),
            ("gpu_clock nvidia-1", no(": device fell off the bus")),
            ("gpu_memory nvidia-0", of(1_073_741_824.0)),
            ("gpu_memory nvidia-1", no(": answers with the number that means nothing")),
        ];
        let expected: Vec<_> = expected.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        assert_eq!(read(root.path(), Ok(fake)), expected, "card0 is one of them");
        let shared = Fake::cards(&[&[(Ask::Busy, &[n(5)]), (Ask::Others, &[n(1)])]]);
        assert_eq!(read(root.path(), Ok(shared))[0].1, Ok((0.05, SHARED.to_owned())));
    }

    #[test]
    fn a_library_that_is_missing_is_missed_by_its_cards_only() {
        let missing = || Err(Missing::new("libnvidia-ml.so.1 was not found", "install NVIDIA's driver"));
        let root = tempfile::tempdir().expect("a folder");
        for (name, value) in read(root.path(), missing()) {
            assert!(value.is_err_and(|why| !why.contains("nvidia")), "{name}");
        }
        put(root.path(), "sys/class/drm/card0/device/vendor", "0x10de\n");
        for (name, value) in read(root.path(), missing()) {
            assert!(value.is_err_and(|why| why.ends_with(": libnvidia-ml.so.1 was not found")), "{name}");
        }
    }

    #[test]
    fn a_jetson_refuses_its_library_and_answers_by_its_own_files() {
        let root = tempfile::tempdir().expect("a folder");
        put(root.path(), "sys/class/devfreq/17000000.gpu/device/of_node/name", "gpu\0");
        put(root.path(), "sys/class/devfreq/17000000.gpu/device/load", "500\n");
        let all = read(root.path(), Ok(Fake::cards(&[&[]])));
        assert_eq!(all.len(), 3, "{all:?}");
        assert_eq!(all[0], ("gpu_use gpu".into(), Ok((0.5, SYSFS.into()))));
    }
}
