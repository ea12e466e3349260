//! The worst mistakes, as images.

use adieu_record::{DataInfo, Picture};
use maud::{Markup, html};
use serde_json::{Value, json};

use super::features::{first_runs, which_run};
use super::{Evidence, Exhibit, Shown};
use crate::format;

/// Most images of one run.
const MOST: usize = 24;

pub(super) struct Mistakes;

impl Exhibit for Mistakes {
    fn key(&self) -> &'static str {
        "mistakes"
    }

    fn title(&self) -> &'static str {
        "The worst mistakes"
    }

    fn show(&self, evidence: &Evidence) -> Shown {
        let shown = first_runs(evidence, |r| &r.mistakes);
        if shown.is_empty() {
            return Shown::Nothing("no run recorded pictures of its mistakes");
        }
        let html = html! {
            div class="columns" {
                @for (side, run, pictures) in &shown {
                    figure {
                        h3 { (side.name()) }
                        div class="mistakes" {
                            @for (picture, uri) in pictures.iter().take(MOST) { (mistake(picture, uri, &run.start.data)) }
                        }
                        (which_run(side, run))
                    }
                }
            }
            p class="note" {
                "Under each image: what it is → what it was taken for, and by how much the wrong class won, in the "
                "read-out’s own units. Margins of different read-outs do not compare."
            }
        };
        let numbers = shown.iter().map(|(side, run, pictures)| {
            let rows: Vec<Value> = pictures
                .iter()
                .map(|(p, _)| json!({ "row": p.caption, "truth": p.truth, "guess": p.guess, "margin": p.margin }))
                .collect();
            json!({ "group": side.group.group, "run": run.folder, "mistakes": rows })
        });
        Shown::Figure { html, numbers: numbers.collect() }
    }
}

fn mistake(picture: &Picture, uri: &str, data: &DataInfo) -> Markup {
    let [truth, guess] = [picture.truth, picture.guess].map(|class| name(class, data));
    html! {
        div class="mistake" title=(picture.caption) {
            img src=(uri) alt={ (picture.caption) ": " (truth) " taken for " (guess) } width=(picture.width)
                height=(picture.height);
            span { (truth) " → " b { (guess) } }
            @if let Some(margin) = picture.margin { span class="aside" { (format::significant(margin, 3)) } }
        }
    }
}

/// Name of a class; `?` if the record does not say.
fn name(class: Option<u64>, data: &DataInfo) -> String {
    let Some(class) = class else { return "?".into() };
    data.classes.get(class as usize).cloned().unwrap_or_else(|| class.to_string())
}
