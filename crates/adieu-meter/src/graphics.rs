//! `gpu_use`: share of a recent moment in which a graphics processor worked on anything, from 0 to 1; `gpu_clock`, Hz now;
//! `gpu_memory`, bytes of its own memory that are taken. One part a card: `card0`, `ga10b`.
//!
//! By sysfs, as each kernel driver has it:
//!
//! | | use | clock | memory |
//! |---|---|---|---|
//! | amdgpu | `gpu_busy_percent` | hwmon `freq1_input`, Hz | `mem_info_vram_used` |
//! | i915, xe | by file descriptor only: not read | `gt_cur_freq_mhz` | shared with the system, or not told |
//! | Jetson | `load` of the devfreq device, thousandths | `cur_freq`, Hz | shared with the system |
//! | NVIDIA cards | by NVIDIA's library only: not read | | |

use std::path::{Path, PathBuf};

use adieu_record::{Reading, Unit};

use crate::found::{Found, Missing, entries, number, reading};
use crate::tree::word;
use crate::{About, Meter};

const CARDS: &str = "sys/class/drm";
const FREQUENCIES: &str = "sys/class/devfreq";
const SOURCE: &str = "sysfs of the graphics driver";
/// What device trees call the graphics processor of a Jetson: TX2, Xavier, Orin, Thor.
const JETSON: [&str; 6] = ["gpu", "gp10b", "gv11b", "ga10b", "gb10b", "17000000.gpu"];
const UPDATE: &str = "update the kernel: its driver for this card does not offer it";

/// The meter of one of the three.
#[derive(Clone, Debug)]
pub struct Graphics {
    root: PathBuf,
    what: What,
    cards: Vec<Card>,
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
        cards.extend(boards);
        [What::Use, What::Clock, What::Memory].map(|what| Graphics {
            root: root.into(),
            what,
            cards: cards.clone(),
        })
    }

    fn number(&self, file: &str) -> Found<u64> {
        number(&self.root, file, UPDATE, "run as root")
    }

    fn used(&self, card: &Card) -> Found<f64> {
        let (file, whole) = match card.kind {
            Kind::Amd => ("device/gpu_busy_percent", 100),
            Kind::Jetson => ("device/load", 1000),
            _ => return Err(card.untold("how much it works")),
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
            Kind::Nvidia | Kind::Other => Err(card.untold("its clock")),
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
            _ => Err(card.untold("its memory")),
        }
    }
}

impl Card {
    fn untold(&self, what: &str) -> Missing {
        match self.kind {
            Kind::Nvidia => Missing::new(
                format!("{} is NVIDIA's, whose library alone tells {what}; it is not read yet", self.name),
                "`nvidia-smi` shows it",
            ),
            Kind::Intel => Missing::new(
                format!("the driver of {} does not tell {what} for the whole card", self.name),
                "`intel_gpu_top` shows it",
            ),
            _ => Missing::new(format!("the driver of {} does not tell {what}", self.name), UPDATE),
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
        if self.cards.is_empty() {
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
            out.push(reading(name, Some(&card.name), unit, SOURCE, &found));
        }
    }
}
