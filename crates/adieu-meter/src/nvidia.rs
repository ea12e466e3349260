//! NVIDIA's cards, by the library of their driver (NVML), which is looked for when it is first needed.
//!
//! Every question is a call into the driver. What a card answers differs by model, so that availability is a first answer
//! and never the library being there: on the boards of a Jetson it begins well and refuses everything. Numbers that stand
//! for "not known" are taken for that.
//!
//! The library tells of the machine it runs on only: below any other root than `/` it is left alone.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use crate::found::{Found, Missing, entries};
use crate::tree::word;

const CARDS: &str = "sys/class/drm";
/// NVIDIA among the makers of PCI devices.
const VENDOR: &str = "0x10de";

/// What a card can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    /// mJ since the driver was loaded: Volta and later.
    Millijoules,
    /// mW now: drivers since 2023.
    MilliwattsNow,
    /// mW, now or over the last second, as the model has it.
    Milliwatts,
    /// Percent of the last sixth of a second to a second in which anything ran.
    Busy,
    /// Clock of its multiprocessors, MHz.
    Megahertz,
    /// Bytes of its memory that are taken.
    Bytes,
    /// Bits of why its clock is held back.
    HeldBack,
    /// Processes that compute on it, other than this one. In a container of its own this one may not be known as itself.
    Others,
}

/// Why a card gives no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It does not know.
    Unsupported,
    /// It knows, and may not say, or is not there any more: in the words of the library.
    Failed(String),
}

/// The driver, or what stands for it in a test.
pub(crate) trait Driver: Send + Sync {
    /// What the card of this number answers.
    fn ask(&self, card: u32, what: Ask) -> Result<u64, Refusal>;
}

/// A card.
#[derive(Clone)]
pub(crate) struct Card {
    driver: Arc<dyn Driver>,
    number: u32,
    name: String,
}

impl fmt::Debug for Card {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Card {
    fn new(driver: Arc<dyn Driver>, number: u32) -> Card {
        Card { driver, number, name: format!("nvidia-{number}") }
    }

    /// `nvidia-0`, by its number in the library.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// What it answers.
    pub(crate) fn ask(&self, what: Ask) -> Found<u64> {
        let no = |why: String, remedy: &str| Err(Missing::new(format!("{}: {why}", self.name), remedy));
        let unknown = "this model does not tell; see the board's own sensors, or a meter at the socket";
        match self.driver.ask(self.number, what) {
            // What stands for "not known", in numbers of either length.
            Ok(u64::MAX) => no("answers with the number that means nothing".into(), unknown),
            Ok(n) if n == u64::from(u32::MAX) && what != Ask::Millijoules && what != Ask::Bytes => {
                no("answers with the number that means nothing".into(), unknown)
            }
            Ok(n) => Ok(n),
            Err(Refusal::Unsupported) => no("does not support the question".into(), unknown),
            Err(Refusal::Failed(why)) => {
                no(why, "see what `nvidia-smi` says; the driver may need to be loaded again")
            }
        }
    }

    /// Whether other programs compute on it; not, as far as is known, if it does not say.
    pub(crate) fn is_shared(&self) -> bool {
        self.ask(Ask::Others).is_ok_and(|others| others > 0)
    }
}

/// The cards of the machine below `root`.
pub(crate) fn cards_below(root: &Path) -> Found<Vec<Card>> {
    if root == Path::new("/") {
        return cards();
    }
    let why = format!("NVIDIA's library tells of the machine it runs on, which {} is not", root.display());
    Err(Missing::new(why, "run it there"))
}

/// The cards of this machine. The library is begun once, and stays.
pub(crate) fn cards() -> Found<Vec<Card>> {
    static FOUND: OnceLock<Found<Vec<Card>>> = OnceLock::new();
    FOUND.get_or_init(library::cards).clone()
}

/// NVIDIA's cards that the kernel lists below `root`, whether or not the library is there: `card0`, ….
pub(crate) fn listed(root: &Path) -> Vec<String> {
    let is_one = |name: &String| {
        let whole = name.strip_prefix("card").is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit()));
        whole && word(root, &format!("{CARDS}/{name}/device/vendor")).as_deref() == Some(VENDOR)
    };
    entries(root, CARDS).into_iter().filter(is_one).collect()
}

#[cfg(any(target_os = "linux", windows))]
mod library {
    use std::sync::Arc;

    use nvml_wrapper::Nvml;
    use nvml_wrapper::enum_wrappers::device::Clock;
    use nvml_wrapper::enums::device::SampleValue;
    use nvml_wrapper::error::NvmlError;
    use nvml_wrapper::structs::device::FieldId;
    use nvml_wrapper::sys_exports::field_id::NVML_FI_DEV_POWER_INSTANT;

    use super::{Ask, Card, Driver, Refusal};
    use crate::found::{Found, Missing};

    const NAME: &str = if cfg!(windows) { "nvml.dll" } else { "libnvidia-ml.so.1" };

    pub(super) fn cards() -> Found<Vec<Card>> {
        let remedy =
            "install NVIDIA's driver; in a container, hand the library in (--gpus, nvidia-container-toolkit)";
        let nvml = Nvml::init().map_err(|error| match error {
            NvmlError::LibloadingError(_) | NvmlError::LibraryNotFound => {
                Missing::new(format!("{NAME} was not found"), remedy)
            }
            error => Missing::new(format!("{NAME}: {error}"), "see what `nvidia-smi` says"),
        })?;
        let count = nvml.device_count();
        let count =
            count.map_err(|error| Missing::new(format!("{NAME}: {error}"), "see what `nvidia-smi` says"))?;
        let driver: Arc<dyn Driver> = Arc::new(Library { nvml });
        Ok((0..count).map(|number| Card::new(Arc::clone(&driver), number)).collect())
    }

    struct Library {
        nvml: Nvml,
    }

    impl Driver for Library {
        fn ask(&self, card: u32, what: Ask) -> Result<u64, Refusal> {
            self.answer(card, what).map_err(|error| match error {
                NvmlError::NotSupported
                | NvmlError::InvalidArg
                | NvmlError::NotFound
                | NvmlError::FunctionNotFound
                | NvmlError::FailedToLoadSymbol(_)
                | NvmlError::UnexpectedVariant(_)
                | NvmlError::NoData => Refusal::Unsupported,
                error => Refusal::Failed(error.to_string()),
            })
        }
    }

    impl Library {
        fn answer(&self, card: u32, what: Ask) -> Result<u64, NvmlError> {
            let card = self.nvml.device_by_index(card)?;
            match what {
                Ask::Millijoules => card.total_energy_consumption(),
                Ask::MilliwattsNow => {
                    let field = [FieldId(NVML_FI_DEV_POWER_INSTANT)];
                    let sample = card.field_values_for(&field)?.pop().ok_or(NvmlError::NoData)??;
                    match sample.value? {
                        SampleValue::U32(n) => Ok(n.into()),
                        SampleValue::U64(n) => Ok(n),
                        _ => Err(NvmlError::NoData),
                    }
                }
                Ask::Milliwatts => card.power_usage().map(u64::from),
                Ask::Busy => card.utilization_rates().map(|rates| rates.gpu.into()),
                Ask::Megahertz => card.clock_info(Clock::SM).map(u64::from),
                Ask::Bytes => card.memory_info().map(|memory| memory.used),
                Ask::HeldBack => card.current_throttle_reasons().map(|reasons| reasons.bits()),
                Ask::Others => {
                    let own = std::process::id();
                    let others = card.running_compute_processes()?;
                    Ok(others.iter().filter(|process| process.pid != own).count() as u64)
                }
            }
        }
    }
}

#[cfg(not(any(target_os = "linux", windows)))]
mod library {
    use super::Card;
    use crate::found::{Found, Missing};

    pub(super) fn cards() -> Found<Vec<Card>> {
        Err(Missing::new("NVIDIA has no library for this system", "run on Linux or Windows"))
    }
}

/// A driver that says what a script has for it.
#[cfg(test)]
pub(crate) mod fake {
    use std::collections::VecDeque;
    use std::sync::{Arc, Mutex};

    use super::{Ask, Card, Driver, Refusal};

    /// An answer.
    #[derive(Clone, Copy, Debug)]
    pub(crate) enum Say {
        Number(u64),
        Unsupported,
        Lost,
    }

    /// Answers of one card, by question, in turn; the last stays. What is not in it is not supported.
    type Script = Vec<(Ask, VecDeque<Say>)>;

    pub(crate) struct Fake {
        cards: Mutex<Vec<Script>>,
    }

    impl Fake {
        pub(crate) fn cards(scripts: &[&[(Ask, &[Say])]]) -> Vec<Card> {
            let script = |script: &&[(Ask, &[Say])]| {
                script.iter().map(|(ask, says)| (*ask, says.iter().copied().collect())).collect()
            };
            let cards = Mutex::new(scripts.iter().map(script).collect());
            let driver: Arc<dyn Driver> = Arc::new(Fake { cards });
            (0..scripts.len() as u32).map(|number| Card::new(Arc::clone(&driver), number)).collect()
        }
    }

    impl Driver for Fake {
        fn ask(&self, card: u32, what: Ask) -> Result<u64, Refusal> {
            let mut cards = self.cards.lock().expect("no test panics in here");
            let says = cards[card as usize].iter_mut().find(|(ask, _)| *ask == what).map(|(_, says)| says);
            let say =
                says.and_then(|says| if says.len() > 1 { says.pop_front() } else { says.front().copied() });
            match say {
                Some(Say::Number(n)) => Ok(n),
                Some(Say::Lost) => Err(Refusal::Failed("device fell off the bus".into())),
                Some(Say::Unsupported) | None => Err(Refusal::Unsupported),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::fake::{Fake, Say};
    use super::*;

    #[test]
    fn answers_refusals_and_numbers_that_mean_nothing() {
        let nothing = "answers with the number that means nothing";
        let cases = [
            (Ask::Milliwatts, Say::Number(30_000), Ok(30_000)),
            (Ask::Milliwatts, Say::Number(u32::MAX.into()), Err(nothing)),
            (Ask::Bytes, Say::Number(u32::MAX.into()), Ok(u32::MAX.into())),
            (Ask::Bytes, Say::Number(u64::MAX), Err(nothing)),
            (Ask::Millijoules, Say::Number(u32::MAX.into()), Ok(u32::MAX.into())),
            (Ask::Millijoules, Say::Number(u64::MAX), Err(nothing)),
            (Ask::Busy, Say::Unsupported, Err("does not support the question")),
            (Ask::Busy, Say::Lost, Err("device fell off the bus")),
        ];
        for (ask, say, expected) in cases {
            let card = Fake::cards(&[&[(ask, &[say])]]).remove(0);
            let found = card.ask(ask).map_err(|missing| missing.why);
            assert_eq!(found, expected.map_err(|why| format!("nvidia-0: {why}")), "{ask:?} {say:?}");
        }
    }

    #[test]
    fn another_machine_s_cards_are_not_asked() {
        let root = tempfile::tempdir().expect("a folder");
        assert!(cards_below(root.path()).is_err_and(|missing| missing.why.ends_with("is not")));
        // Of this one there are cards, or a reason with a remedy.
        if let Err(missing) = cards_below(Path::new("/")) {
            assert!(!missing.why.is_empty() && !missing.remedy.is_empty(), "{missing:?}");
        }
    }
}
