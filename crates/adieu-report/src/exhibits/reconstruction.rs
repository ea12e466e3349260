//! How near what comes back of rows is to them, where there are no labels: against epochs, in numbers, and in pictures.

use adieu_record::Split;
use maud::{Markup, html};
use serde_json::json;

use super::error_by_epoch::{Across, figure, numbers};
use super::features::{first_runs, which_run};
use super::{Evidence, Exhibit, Shown, Side, mean, scrolling};
use crate::format::{self, ABSENT};
use crate::label;

pub(super) struct Reconstructed;

impl Exhibit for Reconstructed {
    fn key(&self) -> &'static str {
        "reconstruction"
    }

    fn title(&self) -> &'static str {
        "What came back of the rows"
    }

    fn show(&self, evidence: &Evidence) -> Shown {
        let across = Across {
            key: self.key(),
            of: |run| &run.rebuilt,
            what: "reconstruction error",
            x: |p| p.epoch,
            title: "epochs",
            tick: format::count,
        };
        if evidence.runs.iter().all(|run| run.last.iter().all(|e| e.reconstruction.is_none())) {
            return Shown::Nothing("no run was asked to give rows back");
        }
        let html = html! {
            @if let Some(charts) = figure(evidence, &across) { (charts) }
            (table(evidence))
            (pictures(evidence))
            p class="note" {
                "Of the mean row: the mean squared error as a share of what answering every row with the mean training row "
                "gives; at 100 % nothing was learnt that is not the mean. Errors are in the square of the rows’ own unit: "
                "pixels from 0 to 1, columns of a table standardised."
            }
        };
        let last = evidence.runs.iter().map(|run| {
            let last = run.last.iter().filter_map(|e| {
                let rebuilt = e.reconstruction?;
                Some(json!({ "split": e.split, "rows": e.rows, "squared_error": rebuilt.squared_error,
                             "of_mean_row": rebuilt.of_mean_row, "relative": rebuilt.relative() }))
            });
            json!({ "run": run.folder, "last": last.collect::<Vec<_>>() })
        });
        let last: serde_json::Value = last.collect();
        Shown::Figure { html, numbers: json!({ "last": last, "runs": numbers(evidence, across.of) }) }
    }
}

/// The last error of each group on each split: means over seeds.
fn table(evidence: &Evidence) -> Markup {
    let sides = evidence.sides();
    let on = |side: &Side, split: Split| {
        let all = side.runs.iter().flat_map(|run| &run.last).filter(|e| e.split == split);
        let all: Vec<_> = all.filter_map(|e| e.reconstruction).collect();
        let error = mean(all.iter().map(|r| r.squared_error))?;
        let share = mean(all.iter().filter_map(|r| r.relative())).map(format::percent);
        Some((format::significant(error, 3), share.unwrap_or_else(|| ABSENT.into())))
    };
    let splits = [Split::Train, Split::Validation, Split::Test];
    let splits: Vec<Split> =
        splits.into_iter().filter(|split| sides.iter().any(|side| on(side, *split).is_some())).collect();
    let table = html! {
        table {
            thead { tr {
                th scope="col" { "Last squared error, and of the mean row’s" }
                @for &split in &splits { th scope="col" class="number" { (label::words(label::split(split))) } }
            } }
            tbody {
                @for side in &sides {
                    tr {
                        th scope="row" { (side.heading()) }
                        @for &split in &splits {
                            td class="number" {
                                @match on(side, split) {
                                    Some((error, share)) => { (error) br; span class="aside" { (share) } }
                                    None => (ABSENT),
                                }
                            }
                        }
                    }
                }
            }
        }
    };
    scrolling("Last reconstruction errors", &table)
}

/// Each row over what came back of it.
fn pictures(evidence: &Evidence) -> Markup {
    let shown = first_runs(evidence, |r| &r.reconstructions);
    html! {
        div class="columns" {
            @for (side, run, pictures) in &shown {
                figure {
                    h3 { (side.name()) }
                    @for line in pictures.chunks(2 * IN_A_LINE) {
                        div class="pairs" {
                            @for part in [0, 1] {
                                div class="tiles" {
                                    @for (picture, uri) in line.iter().skip(part).step_by(2) {
                                        img src=(uri) alt=(picture.caption) title=(picture.caption)
                                            width=(picture.width) height=(picture.height);
                                    }
                                }
                            }
                        }
                    }
                    figcaption { "The first rows of the test set, and under each line what came back of them." }
                    (which_run(side, run))
                }
            }
        }
    }
}

/// Rows side by side.
const IN_A_LINE: usize = 8;
