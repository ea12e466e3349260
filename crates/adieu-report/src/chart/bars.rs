//! Horizontal bars, in percent of the width they are given, so that one drawing fits every screen.

use maud::{Markup, html};

use super::scale::Scale;

/// One piece of a bar.
pub(crate) struct Segment {
    /// CSS class with its colour.
    pub(crate) class: String,
    /// In the unit of the scale.
    pub(crate) value: f64,
    /// Written inside if there is room.
    pub(crate) name: String,
    /// Shown under the pointer.
    pub(crate) title: String,
}

/// Narrowest bar of a page on a phone, and elsewhere, in pixels.
const NARROWEST: [f64; 2] = [270.0, 320.0];

/// CSS class of a name inside a segment of that share of the bar, if it fits: always, or not on a phone.
fn room(name: &str, share: f64) -> Option<&'static str> {
    let needed = super::text_width(name, 11.0) + 8.0;
    match NARROWEST {
        [phone, _] if needed < share * phone => Some("inside"),
        [_, wide] if needed < share * wide => Some("inside roomy"),
        _ => None,
    }
}

/// Segments laid end to end from 0.
pub(crate) fn stacked(id: &str, title: &str, scale: &Scale, segments: &[Segment]) -> Markup {
    let description: Vec<&str> = segments.iter().map(|s| s.title.as_str()).collect();
    let mut at = 0.0;
    let places: Vec<(f64, f64)> = segments
        .iter()
        .map(|s| {
            let from = scale.place(at);
            at += s.value;
            (100.0 * from, 100.0 * (scale.place(at) - from))
        })
        .collect();
    html! {
        svg class="bar" width="100%" height="24" role="img" aria-labelledby={ (id) "-t " (id) "-d" } {
            title id={ (id) "-t" } { (title) }
            desc id={ (id) "-d" } { (description.join("; ")) }
            @for (segment, (x, width)) in segments.iter().zip(places) {
                rect class=(segment.class) x=(percent(x)) width=(percent(width)) y="0" height="24" {
                    title { (segment.title) }
                }
                @if let Some(class) = room(&segment.name, width / 100.0) {
                    text class=(class) x=(percent(x)) dx="6" y="16" { (segment.name) }
                }
            }
        }
    }
}

/// One plain bar from 0.
pub(crate) fn single(id: &str, title: &str, scale: &Scale, class: &str, value: f64) -> Markup {
    html! {
        svg class="bar thin" width="100%" height="12" role="img" aria-labelledby={ (id) "-t" } {
            title id={ (id) "-t" } { (title) }
            rect class={ "fill " (class) } x="0" width=(percent(100.0 * scale.place(value))) y="0" height="12" {}
        }
    }
}

/// The axis under bars of the same scale.
pub(crate) fn axis(scale: &Scale, tick: fn(f64) -> String, title: &str) -> Markup {
    html! {
        svg class="bar-axis" width="100%" height="36" aria-hidden="true" {
            line class="axis" x1="0" x2="100%" y1="1" y2="1" {}
            @for value in scale.ticks(3) {
                @let x = 100.0 * scale.place(value);
                line class="axis" x1=(percent(x)) x2=(percent(x)) y1="1" y2="5" {}
                text class="tick" x=(percent(x)) y="17" text-anchor=(anchor(x)) { (tick(value)) }
            }
            text class="title" x="100%" y="33" text-anchor="end" { (title) }
        }
    }
}

fn anchor(x: f64) -> &'static str {
    match x {
        _ if x < 4.0 => "start",
        _ if x > 94.0 => "end",
        _ => "middle",
    }
}

fn percent(x: f64) -> String {
    format!("{x:.2}%")
}
