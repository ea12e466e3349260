//! What a learner without labels contrasts real images with.

use maud::html;
use serde_json::json;

use super::features::{first_runs, gallery};
use super::{Evidence, Exhibit, Shown};

pub(super) struct MadeUp;

impl Exhibit for MadeUp {
    fn key(&self) -> &'static str {
        "made_up"
    }

    fn title(&self) -> &'static str {
        "What was made up to learn from"
    }

    fn show(&self, evidence: &Evidence) -> Shown {
        let shown = first_runs(evidence, |r| &r.made_up);
        if shown.is_empty() {
            return Shown::Nothing("no run recorded pictures of made-up rows");
        }
        let html = html! {
            (gallery(&shown))
            p class="note" {
                "Negative rows as the learner draws them: every layer learns to have low goodness on these, and high goodness on "
                "real ones."
            }
        };
        let numbers = shown.iter().map(|(side, run, pictures)| {
            json!({ "group": side.group.group, "run": run.folder, "rows": pictures.len() })
        });
        Shown::Figure { html, numbers: numbers.collect() }
    }
}
