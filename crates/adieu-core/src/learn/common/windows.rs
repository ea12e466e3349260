//! Windows of epochs in which layers learn, each in its own, while the others rest.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::learn::Refusal;
use crate::parts::schedule::Schedule;

/// The epochs in which a layer learns, from 1, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// The first.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub first: u64,
    /// The last.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub last: u64,
}

/// The epochs in which each of `layers` layers learns: `windows`, or all.
pub(in crate::learn) fn spans(windows: &[Window], layers: usize, epochs: u64) -> Vec<Span> {
    let span = |l: usize| match windows.get(l) {
        Some(window) => Span { first: window.first, last: window.last },
        None => Span { first: 1, last: epochs },
    };
    (0..layers).map(span).collect()
}

/// Windows, by the key `windows`, that are not one a layer, or none of so many epochs.
pub(in crate::learn) fn refuse_windows(windows: &[Window], layers: usize, epochs: u64) -> Vec<Refusal> {
    let mut all = Vec::new();
    let mut fault = |what: String, remedy: String| all.push(Refusal { key: "windows", what, remedy });
    if !windows.is_empty() && windows.len() != layers {
        let what = format!("{} windows for {layers} layers", windows.len());
        fault(what, "give one a layer, or none".into());
    }
    for Window { first, last } in windows {
        if first > last || *last > epochs {
            let what = format!("epochs {first} to {last} are no window of {epochs} epochs");
            fault(what, format!("choose first ≤ last ≤ {epochs}"));
        }
    }
    all
}

/// Epochs from `first` to `last`, from 1, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::learn) struct Span {
    pub(in crate::learn) first: u64,
    pub(in crate::learn) last: u64,
}

impl Span {
    /// Whether `epoch` is one of them.
    pub(in crate::learn) fn holds(self, epoch: u64) -> bool {
        (self.first..=self.last).contains(&epoch)
    }

    /// The factor of a `schedule` that runs over them: before and after, those of the first and the last.
    pub(in crate::learn) fn gain(self, schedule: &Schedule, epoch: u64) -> f64 {
        let epochs = self.last + 1 - self.first;
        schedule.gain((epoch + 1).saturating_sub(self.first).clamp(1, epochs), epochs)
    }
}
