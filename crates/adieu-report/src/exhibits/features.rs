//! What the first layer looks for: incoming weights as images.

use adieu_record::Picture;
use maud::{Markup, html};
use serde_json::{Value, json};

use super::{Evidence, Exhibit, Shown, Side};
use crate::picture::data_uri;
use crate::run::Run;

/// Most images of one run.
const MOST: usize = 100;

pub(super) struct Features;

impl Exhibit for Features {
    fn key(&self) -> &'static str {
        "features"
    }

    fn title(&self) -> &'static str {
        "What the first layer looks for"
    }

    fn show(&self, evidence: &Evidence) -> Shown {
        let shown = first_runs(evidence, |r| &r.features);
        if shown.is_empty() {
            return Shown::Nothing("no run recorded pictures of its features");
        }
        let html = html! {
            (gallery(&shown))
            p class="note" {
                "Incoming weights of first-layer units. Mid-grey is zero, lighter excites, darker inhibits."
            }
        };
        let numbers = shown.iter().map(|(side, run, pictures)| {
            json!({ "group": side.group.group, "run": run.folder, "units": captions(pictures) })
        });
        Shown::Figure { html, numbers: numbers.collect() }
    }
}

/// Pictures with their data URIs; those whose bytes do not fit their size are left out.
pub(super) type Drawn<'a> = Vec<(&'a Picture, String)>;

/// For each group the first run that has pictures that can be drawn.
pub(super) fn first_runs<'a>(
    evidence: &Evidence<'a>,
    of: fn(&'a Run) -> &'a Vec<Picture>,
) -> Vec<(Side<'a>, &'a Run, Drawn<'a>)> {
    let drawn = |run: &'a Run| -> Option<(&'a Run, Drawn<'a>)> {
        let pictures: Drawn = of(run).iter().filter_map(|p| data_uri(p).map(|uri| (p, uri))).collect();
        (!pictures.is_empty()).then_some((run, pictures))
    };
    let sides = evidence.sides().into_iter();
    sides
        .filter_map(|side| {
            let (run, pictures) = side.runs.iter().find_map(|r| drawn(r))?;
            Some((side, run, pictures))
        })
        .collect()
}

/// The pictures of each side, the first ones.
pub(super) fn gallery(shown: &[(Side<'_>, &Run, Drawn<'_>)]) -> Markup {
    html! {
        div class="columns" {
            @for (side, run, pictures) in shown {
                figure {
                    h3 { (side.name()) }
                    div class="tiles" {
                        @for (picture, uri) in pictures.iter().take(MOST) {
                            img src=(uri) alt=(picture.caption) title=(picture.caption) width=(picture.width)
                                height=(picture.height);
                        }
                    }
                    (which_run(side, run))
                }
            }
        }
    }
}

/// Says which seed is shown where there are several.
pub(super) fn which_run(side: &Side, run: &Run) -> Markup {
    html! { @if side.runs.len() > 1 { figcaption { "Of seed " (run.start.seed) "." } } }
}

fn captions(pictures: &Drawn) -> Vec<Value> {
    pictures.iter().map(|(p, _)| json!(p.caption)).collect()
}
