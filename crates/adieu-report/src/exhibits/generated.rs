//! Rows that a network makes of chance alone.

use maud::html;
use serde_json::json;

use super::features::{first_runs, gallery};
use super::{Evidence, Exhibit, Shown};

pub(super) struct Generated;

impl Exhibit for Generated {
    fn key(&self) -> &'static str {
        "generated"
    }

    fn title(&self) -> &'static str {
        "What it makes of chance"
    }

    fn show(&self, evidence: &Evidence) -> Shown {
        let shown = first_runs(evidence, |r| &r.generated);
        if shown.is_empty() {
            return Shown::Nothing("no run recorded pictures of rows that it generated");
        }
        let html = html! {
            (gallery(&shown))
            p class="note" {
                "Rows that the trained network draws by itself: the first ones, not the best. A label code that it learnt "
                "with is drawn too."
            }
        };
        let numbers = shown.iter().map(|(side, run, pictures)| {
            json!({ "group": side.group.group, "run": run.folder, "rows": pictures.len() })
        });
        Shown::Figure { html, numbers: numbers.collect() }
    }
}
