//! How it was measured: runs, machine, program, data, definitions, sources, and what could not be measured.

use adieu_record::{Machine, Reading, RunStart, Unit, Value};
use maud::{Markup, html};
use serde_json::json;

use super::{Evidence, Exhibit, Shown, Side, mean, scrolling};
use crate::format::{self, ABSENT};
use crate::label;
use crate::metric::{METRICS, belongs};
use crate::run::{Missing, Run, Warning};
use crate::summary::RunSummary;
use crate::text;

pub(super) struct Method;

impl Exhibit for Method {
    fn key(&self) -> &'static str {
        "method"
    }

    fn title(&self) -> &'static str {
        "How it was measured"
    }

    fn show(&self, evidence: &Evidence) -> Shown {
        if evidence.runs.is_empty() {
            return Shown::Nothing("there is no run");
        }
        let missing = missing(evidence);
        let warnings = warnings(evidence);
        let html = html! {
            (setting(evidence))
            @if !warnings.is_empty() {
                h3 { "Warnings" }
                @for w in &warnings {
                    p class="warning" { (label::starting(&w.what)) ". " span class="aside" { (label::starting(&w.remedy)) "." } }
                }
            }
            @if !missing.is_empty() {
                h3 { "Not measured" }
                dl class="reasons" {
                    @for m in &missing {
                        dt { (label::words(&m.what)) }
                        dd {
                            (label::starting(&m.why)) ". "
                            @if !m.remedy.is_empty() { span class="aside" { (label::starting(&m.remedy)) "." } }
                        }
                    }
                }
            }
            h3 { "Runs" } (runs(evidence))
            details { summary { "What each quantity means" } (definitions(&evidence.summary.runs)) }
            details { summary { "Every reading, and its source" } (readings(evidence)) }
        };
        let numbers = json!({
            "runs": evidence.runs.iter().map(provenance).collect::<Vec<_>>(),
            "missing": missing,
            "warnings": warnings,
        });
        Shown::Figure { html, numbers }
    }
}

fn provenance(run: &Run) -> serde_json::Value {
    let RunStart { machine, program, network, data, unix_ms, .. } = &run.start;
    json!({
        "run": run.folder, "machine": machine, "program": program, "network": network, "data": data,
        "unix_ms": unix_ms, "resumes": run.resumes, "superseded_events": run.superseded, "readings": run.readings,
    })
}

/// Everything that is unavailable in any run, once.
fn missing(evidence: &Evidence) -> Vec<Missing> {
    let summaries = evidence.summary.runs.iter().flat_map(|r| r.missing.iter().cloned());
    let mut all: Vec<Missing> = evidence.runs.iter().flat_map(Run::unavailable).chain(summaries).collect();
    all.sort();
    all.dedup();
    all
}

fn warnings(evidence: &Evidence) -> Vec<Warning> {
    let mut all: Vec<Warning> = Vec::new();
    for warning in evidence.runs.iter().flat_map(|r| &r.warnings) {
        if !all.contains(warning) {
            all.push(warning.clone());
        }
    }
    all
}

/// Machine, program, data, network: once where all runs share them, else one for each that differs.
fn setting(evidence: &Evidence) -> Markup {
    html! {
        dl class="setting" {
            (entry("Machine", distinct(evidence, |s| machine(&s.machine))))
            (entry("Program", distinct(evidence, |s| {
                let p = &s.program;
                format!("{} {}, {} build for {}", p.name, p.version, p.profile, p.target)
            })))
            (entry("Data", distinct(evidence, |s| {
                let d = &s.data;
                let held = if d.validation_rows == 0 { String::new() } else {
                    format!("{} held out for choosing, ", rows(d.validation_rows))
                };
                let licence = if d.licence.is_empty() { String::new() } else { format!("; {}", d.licence) };
                format!("{} ({}): {} to train on, {held}{} to test{licence}", d.name, d.source, rows(d.train_rows),
                    rows(d.test_rows))
            })))
            (entry("Network", distinct(evidence, |s| {
                let layers: Vec<&str> = s.network.layers.iter().map(|l| l.name.as_str()).collect();
                format!("{}: {} ({} parameters)", s.network.input, layers.join("; "),
                    format::count(s.network.parameters as f64))
            })))
            (entry("Training", distinct(evidence, |s| {
                format!("{} epochs of {} steps, {} a batch", s.epochs, format::count(s.steps_per_epoch as f64),
                    rows(s.batch))
            })))
        }
    }
}

fn rows(n: u64) -> String {
    format!("{} rows", format::count(n as f64))
}

fn entry(name: &str, texts: Vec<(String, Vec<String>)>) -> Markup {
    let several = texts.len() > 1;
    html! {
        dt { (name) }
        @for (text, who) in texts {
            dd { @if several { span class="aside" { (who.join(", ")) ": " } } (text) }
        }
    }
}

/// The distinct texts, each with the short names of the groups it is of.
fn distinct(evidence: &Evidence, of: impl Fn(&RunStart) -> String) -> Vec<(String, Vec<String>)> {
    let mut texts: Vec<(String, Vec<String>)> = Vec::new();
    for side in evidence.sides() {
        for run in &side.runs {
            let (text, who) = (of(&run.start), side.group.short.clone());
            match texts.iter_mut().find(|t| t.0 == text) {
                Some(found) if found.1.contains(&who) => {}
                Some(found) => found.1.push(who),
                None => texts.push((text, vec![who])),
            }
        }
    }
    texts
}

fn machine(m: &Machine) -> String {
    let mut parts: Vec<String> = Vec::new();
    parts.extend(m.cpu.clone());
    parts.extend(m.isa.as_ref().map(|isa| format!("{isa} kernels")));
    parts.extend(m.cores.map(|n| format!("{n} processors")));
    parts.extend(m.threads.map(|n| format!("{n} threads")));
    parts.extend(m.memory_bytes.map(|b| format!("{} of memory", format::bytes(b as f64))));
    parts.extend(m.os.clone());
    parts.extend(
        m.virtual_machine.map(|v| if v { "a virtual machine" } else { "no hypervisor seen" }.to_string()),
    );
    parts.extend(
        m.other.iter().map(|(name, value)| format!("{}: {value}", label::words(name).to_lowercase())),
    );
    if parts.is_empty() { "unknown: it told nothing of itself".into() } else { parts.join(", ") }
}

fn runs(evidence: &Evidence) -> Markup {
    let table = html! {
        table {
            thead { tr {
                th scope="col" { "Run" } th scope="col" { "Learner" } th scope="col" class="number" { "Seed" }
                th scope="col" { "Ended" } th scope="col" class="number" { "Resumed" }
            } }
            tbody {
                @for (run, summary) in evidence.runs.iter().zip(&evidence.summary.runs) {
                    tr {
                        th scope="row" { (run.folder) }
                        td { (label::learner(&run.start.learner)) }
                        td class="number" { (run.start.seed) }
                        td class="words" { (text::ending(summary)) }
                        td class="number" { (run.resumes) }
                    }
                }
            }
        }
    };
    scrolling("Runs", &table)
}

fn definitions(runs: &[RunSummary]) -> Markup {
    html! {
        dl class="reasons" {
            @for metric in METRICS.iter().filter(|m| belongs(m.key, runs)) { dt { (metric.label) } dd { (metric.meaning) } }
            dt { "Intervals" }
            dd {
                "Student’s t at 95 % over seeds, of the paired differences (of the logarithms, for ratios). One seed "
                "has none; its error is then judged by the binomial standard error, its costs not at all."
            }
        }
    }
}

/// One reading of the record, whatever its name: rows are made of what is there.
type Name = (String, Option<String>, Unit);

fn readings(evidence: &Evidence) -> Markup {
    let sides = evidence.sides();
    let mut names: Vec<Name> = Vec::new();
    for r in evidence.runs.iter().flat_map(|r| &r.readings) {
        let name = (r.name.clone(), r.part.clone(), r.unit);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    if names.is_empty() {
        return html! { p class="note" { "No run was metered." } };
    }
    let table = html! {
        table {
            thead { tr {
                th scope="col" { "Reading" }
                @for side in &sides { th scope="col" class="number" { (side.column()) } }
                th scope="col" { "Source" }
            } }
            tbody {
                @for name in &names {
                    tr {
                        th scope="row" {
                            (label::words(&name.0))
                            @if let Some(part) = &name.1 { span class="aside" { " " (label::words(part).to_lowercase()) } }
                        }
                        @for side in &sides { td class="number" { (reading(side, name)) } }
                        td class="words" { (sources(&sides, name)) }
                    }
                }
            }
        }
    };
    scrolling("Every reading, and its source", &table)
}

fn found<'a>(side: &'a Side, name: &'a Name) -> impl Iterator<Item = &'a Reading> {
    let all = side.runs.iter().flat_map(|r| &r.readings);
    all.filter(move |r| r.name == name.0 && r.part == name.1 && r.unit == name.2)
}

/// Mean of the measurements; failing these the estimate, marked as one; failing that a dash.
fn reading(side: &Side, name: &Name) -> String {
    let measured = found(side, name).filter_map(|r| match r.value {
        Value::Measured { value, .. } => Some(value),
        Value::Estimated { .. } | Value::Unavailable { .. } => None,
    });
    if let Some(mean) = mean(measured) {
        return format::value(name.2, mean);
    }
    let estimated = found(side, name).find_map(|r| match r.value {
        Value::Estimated { lo, hi, .. } => Some((lo, hi)),
        Value::Measured { .. } | Value::Unavailable { .. } => None,
    });
    let range =
        |(lo, hi)| format!("{} to {}, estimated", format::value(name.2, lo), format::value(name.2, hi));
    estimated.map_or_else(|| ABSENT.into(), range)
}

fn sources(sides: &[Side], name: &Name) -> String {
    let mut sources: Vec<String> = Vec::new();
    for r in sides.iter().flat_map(|s| found(s, name)) {
        let source = match &r.value {
            Value::Measured { source, coverage, .. } if *coverage < 1.0 => {
                format!("{source}, {} seen", format::percent(*coverage))
            }
            Value::Measured { source, .. } => source.clone(),
            Value::Estimated { model, .. } => format!("model: {model}"),
            Value::Unavailable { why, .. } => format!("unavailable: {why}"),
        };
        if !sources.contains(&source) {
            sources.push(source);
        }
    }
    sources.join("; ")
}
