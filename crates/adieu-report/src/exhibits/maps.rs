//! What the layers make of a picture: maps of their first channels, and who attends to whom.

use maud::html;
use serde_json::json;

use super::features::{first_runs, which_run};
use super::{Evidence, Exhibit, Shown};

pub(super) struct Maps;

impl Exhibit for Maps {
    fn key(&self) -> &'static str {
        "maps"
    }

    fn title(&self) -> &'static str {
        "What the layers make of a picture"
    }

    fn show(&self, evidence: &Evidence) -> Shown {
        let (maps, looks) = (first_runs(evidence, |r| &r.maps), first_runs(evidence, |r| &r.attention));
        if maps.is_empty() && looks.is_empty() {
            return Shown::Nothing("no run recorded maps of its layers");
        }
        let note = |looks: bool| {
            if looks {
                "Attention, head by head: a row for each token that looks, a column for each that is looked at, token after \
             token from the top left; white is the largest share of its map."
            } else {
                "The picture, then the first channels of each layer: black is 0 or less, white the most of its layer."
            }
        };
        let html = html! {
            @for (shown, looks) in [(&maps, false), (&looks, true)] {
                @if !shown.is_empty() {
                    div class="columns" {
                        @for (side, run, pictures) in shown {
                            figure {
                                h3 { (side.name()) }
                                div class="tiles" {
                                    @for (picture, uri) in pictures.iter() {
                                        img src=(uri) alt=(picture.caption) title=(picture.caption)
                                            width=(picture.width.max(28)) height=(picture.height.max(28));
                                    }
                                }
                                (which_run(side, run))
                            }
                        }
                    }
                    p class="note" { (note(looks)) }
                }
            }
        };
        let numbers = maps.iter().chain(&looks).map(|(side, run, pictures)| {
            let captions: Vec<&str> = pictures.iter().map(|(picture, _)| picture.caption.as_str()).collect();
            json!({ "group": side.group.group, "run": run.folder, "pictures": captions })
        });
        Shown::Figure { html, numbers: numbers.collect() }
    }
}
