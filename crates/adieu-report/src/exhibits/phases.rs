//! Where the time went: by phase, by layer, and what was off the training clock.

use std::collections::BTreeMap;

use maud::{Markup, html};
use serde_json::json;

use super::{Evidence, Exhibit, Shown, Side, scrolling};
use crate::chart::bars::{self, Segment};
use crate::chart::scale::Scale;
use crate::format;
use crate::label;
use crate::run::seconds;

/// Phases in the order they are stacked, with their colours; others follow.
const KNOWN: [&str; 11] = [
    "stall",
    "negatives",
    "forward",
    "credit",
    "update",
    "settle",
    "readout",
    "evaluation",
    "checkpoint",
    "log",
    "unaccounted",
];

pub(super) struct Phases;

impl Exhibit for Phases {
    fn key(&self) -> &'static str {
        "phases"
    }

    fn title(&self) -> &'static str {
        "Where the time went"
    }

    fn show(&self, evidence: &Evidence) -> Shown {
        let spent: Vec<Spent> = evidence.sides().into_iter().filter_map(Spent::of).collect();
        if spent.is_empty() {
            return Shown::Nothing("no run metered its phases");
        }
        let numbers = spent.iter().map(|s| json!({ "group": s.side.group.group, "seconds": s.rows() }));
        let numbers = numbers.collect();
        Shown::Figure { html: figure(&spent), numbers }
    }
}

/// Mean seconds of one group's runs, by place in the stack, phase and layer.
struct Spent<'a> {
    side: Side<'a>,
    times: BTreeMap<Key, f64>,
}

/// Order of stacking, then the phase's name, its layer, and whether it is on the training clock.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    order: usize,
    phase: String,
    layer: Option<u64>,
    training: bool,
}

impl<'a> Spent<'a> {
    fn of(side: Side<'a>) -> Option<Spent<'a>> {
        let metered: Vec<_> = side.runs.iter().filter(|r| !r.phases.is_empty()).collect();
        let share = 1.0 / metered.len().max(1) as f64;
        let mut times = BTreeMap::new();
        for time in metered.iter().flat_map(|r| &r.phases) {
            let order = KNOWN.iter().position(|k| *k == time.phase).unwrap_or(KNOWN.len());
            let key = Key { order, phase: time.phase.clone(), layer: time.layer, training: time.training };
            *times.entry(key).or_insert(0.0) += share * seconds(time.time_ns);
        }
        (!times.is_empty()).then_some(Spent { side, times })
    }

    /// Seconds by phase of the entries that are wanted.
    fn phases(&self, wanted: impl Fn(&Key) -> bool) -> Vec<(usize, String, f64)> {
        let mut phases: Vec<(usize, String, f64)> = Vec::new();
        for (key, time) in self.times.iter().filter(|(k, _)| wanted(k)) {
            match phases.iter_mut().find(|p| p.1 == key.phase) {
                Some(found) => found.2 += time,
                None => phases.push((key.order, key.phase.clone(), *time)),
            }
        }
        phases
    }

    fn layers(&self) -> Vec<u64> {
        let mut layers: Vec<u64> = self.times.keys().filter(|k| k.training).filter_map(|k| k.layer).collect();
        layers.sort_unstable();
        layers.dedup();
        layers
    }

    fn layer_name(&self, layer: u64) -> String {
        let info = self.side.runs.first().and_then(|r| r.start.network.layers.get(layer as usize));
        let place = layer + 1; // people count from one
        info.map_or_else(|| format!("layer {place}"), |i| format!("layer {place}: {}", i.name))
    }

    fn rows(&self) -> Vec<serde_json::Value> {
        let row = |(k, s): (&Key, &f64)| json!({ "phase": k.phase, "layer": k.layer, "training": k.training, "seconds": s });
        self.times.iter().map(row).collect()
    }
}

fn total(phases: &[(usize, String, f64)]) -> f64 {
    phases.iter().map(|p| p.2).sum()
}

fn figure(spent: &[Spent]) -> Markup {
    let on = |s: &Spent| s.phases(|k| k.training);
    let off = |s: &Spent| s.phases(|k| !k.training);
    let whole = Scale::from_zero(spent.iter().flat_map(|s| [total(&on(s)), total(&off(s))]));
    let layer = |s: &Spent, l: u64| s.phases(|k| k.training && k.layer == Some(l));
    let by_layer =
        Scale::from_zero(spent.iter().flat_map(|s| s.layers().into_iter().map(|l| total(&layer(s, l)))));
    html! {
        h3 { "On the training clock" }
        @for s in spent { (row(s, "on", &s.side.heading(), &whole, &on(s))) }
        @if spent.iter().any(|s| total(&off(s)) > 0.0) {
            h3 { "Off the training clock" }
            @for s in spent { (row(s, "off", &s.side.heading(), &whole, &off(s))) }
        }
        (bars::axis(&whole, format::trimmed, "seconds"))
        (legend(spent))
        @if spent.iter().any(|s| !s.layers().is_empty()) {
            h3 { "By layer" }
            div class="columns" {
                @for s in spent {
                    @let layers = s.layers();
                    div {
                        h4 { (s.side.heading()) }
                        @for &l in &layers {
                            @let name = html! { span class="aside" { (s.layer_name(l)) } };
                            (row(s, &format!("layer{l}"), &name, &by_layer, &layer(s, l)))
                        }
                        @if layers.is_empty() { p class="note" { "Its phases have no layers." } }
                        @else { (bars::axis(&by_layer, format::trimmed, "seconds")) }
                    }
                }
            }
        }
        details { summary { "All the numbers" } (table(spent)) }
    }
}

/// A name above, a bar of phases beneath, its sum at the end of the name's line.
fn row(s: &Spent, id: &str, name: &Markup, scale: &Scale, phases: &[(usize, String, f64)]) -> Markup {
    let sum = total(phases);
    let segments: Vec<Segment> = phases
        .iter()
        .map(|(order, phase, time)| Segment {
            class: class(*order),
            value: *time,
            name: label::words(phase).to_lowercase(),
            title: format!("{}: {}", label::words(phase).to_lowercase(), format::seconds(*time)),
        })
        .collect();
    let id = format!("phases-{id}-{}", s.side.index);
    let title = format!("{}: {}", s.side.group.label, format::seconds(sum));
    html! {
        div class="bar-row" {
            div class="figure-row" { span { (name) } span class="figure" { (format::seconds(sum)) } }
            (bars::stacked(&id, &title, scale, &segments))
        }
    }
}

fn class(order: usize) -> String {
    format!("p{order}")
}

fn legend(spent: &[Spent]) -> Markup {
    let mut phases: Vec<(usize, String)> =
        spent.iter().flat_map(|s| s.times.keys().map(|k| (k.order, k.phase.clone()))).collect();
    phases.sort();
    phases.dedup();
    html! {
        ul class="legend" {
            @for (order, phase) in phases { li { span class={ "swatch " (class(order)) } {} (label::words(&phase).to_lowercase()) } }
        }
    }
}

fn table(spent: &[Spent]) -> Markup {
    let mut keys: Vec<&Key> = spent.iter().flat_map(|s| s.times.keys()).collect();
    keys.sort_by_key(|k| (!k.training, k.order, &k.phase, k.layer));
    keys.dedup();
    let table = html! {
        table {
            thead { tr {
                th scope="col" { "Phase" } th scope="col" class="number" { "Layer" } th scope="col" { "Clock" }
                @for s in spent { th scope="col" class="number" { (s.side.column()) } }
            } }
            tbody {
                @for key in keys {
                    tr {
                        th scope="row" { (label::words(&key.phase)) }
                        td class="number" { (key.layer.map_or(String::new(), |l| l.to_string())) }
                        td { (if key.training { "training" } else { "off" }) }
                        @for s in spent {
                            @let time = s.times.get(key).map(|t| format::seconds(*t));
                            td class="number" { (time.unwrap_or(format::ABSENT.into())) }
                        }
                    }
                }
            }
        }
    };
    scrolling("Time by phase and layer", &table)
}
