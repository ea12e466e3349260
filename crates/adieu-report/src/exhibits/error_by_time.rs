//! Error against training seconds: what a second of learning buys.

use super::error_by_epoch::{Across, figure, numbers};
use super::{Evidence, Exhibit, Shown};
use crate::format;

pub(super) struct ErrorByTime;

impl Exhibit for ErrorByTime {
    fn key(&self) -> &'static str {
        "error_by_time"
    }

    fn title(&self) -> &'static str {
        "Error against training time"
    }

    fn show(&self, evidence: &Evidence) -> Shown {
        let across = Across {
            key: self.key(),
            of: |run| &run.curves,
            what: "error",
            x: |p| p.train_seconds,
            title: "seconds on the training clock",
            tick: format::trimmed,
        };
        match figure(evidence, &across) {
            Some(html) => Shown::Figure { html, numbers: numbers(evidence, across.of) },
            None => Shown::Nothing("no run was judged by labels"),
        }
    }
}
