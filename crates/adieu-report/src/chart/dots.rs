//! A row of dots on a shared scale, with their mean and its interval, in percent of the width it is given.

use maud::{Markup, html};

use super::scale::Scale;

/// Ticks that a row has room for on a phone.
const TICKS: usize = 4;

/// What a row shows.
pub(crate) struct Dots {
    /// Unique on the page.
    pub(crate) id: String,
    /// What it says, for those who cannot see it.
    pub(crate) title: String,
    /// CSS class with its colour.
    pub(crate) class: String,
    /// Each with what is shown under the pointer.
    pub(crate) points: Vec<(f64, String)>,
    /// What is shown under the pointer of those that lie beyond every scale: rings at the right edge.
    pub(crate) beyond: Vec<String>,
    /// The mean, or what else stands in the middle.
    pub(crate) mean: Option<f64>,
    /// Its ends may be infinite.
    pub(crate) interval: Option<(f64, f64)>,
}

/// One row, with the grid behind it.
pub(crate) fn row(dots: &Dots, scale: &Scale) -> Markup {
    html! {
        svg class={ "dots " (dots.class) } width="100%" height="26" role="img" aria-labelledby={ (dots.id) "-t" } {
            title id={ (dots.id) "-t" } { (dots.title) }
            @for tick in scale.ticks(TICKS) {
                line class="grid" x1=(place(scale, tick)) x2=(place(scale, tick)) y1="0" y2="26" {}
            }
            @if let Some((lo, hi)) = dots.interval {
                line class="interval" x1=(place(scale, lo)) x2=(place(scale, hi)) y1="13" y2="13" {}
            }
            @if let Some(mean) = dots.mean {
                line class="mean" x1=(place(scale, mean)) x2=(place(scale, mean)) y1="5" y2="21" {}
            }
            @for (value, title) in &dots.points {
                circle cx=(place(scale, *value)) cy="13" r="3.6" { title { (title) } }
            }
            @for (i, title) in dots.beyond.iter().enumerate() {
                circle class="beyond" cx="100%" cy="13" r="3.6" transform={ "translate(-" (4 + 9 * i) " 0)" } {
                    title { (title) }
                }
            }
        }
    }
}

/// The axis under rows of the same scale.
pub(crate) fn axis(scale: &Scale, tick: fn(f64) -> String, title: &str) -> Markup {
    html! {
        svg class="bar-axis" width="100%" height="36" aria-hidden="true" {
            line class="axis" x1="0" x2="100%" y1="1" y2="1" {}
            @for at in scale.ticks(TICKS) {
                line class="axis" x1=(place(scale, at)) x2=(place(scale, at)) y1="1" y2="5" {}
                text class="tick" x=(place(scale, at)) y="17" text-anchor="middle" { (tick(at)) }
            }
            text class="title" x="100%" y="33" text-anchor="end" { (title) }
        }
    }
}

fn place(scale: &Scale, value: f64) -> String {
    format!("{:.2}%", 100.0 * scale.place(value))
}
