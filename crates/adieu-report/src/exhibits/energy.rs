//! Energy: by rail, gross and net of the idle machine, and by what went on meanwhile. Estimates stand in a row of their
//! own and are compared with nothing.

use adieu_record::{Reading, Value as Told};
use maud::{Markup, html};
use serde_json::{Value, json};

use super::{Evidence, Exhibit, Shown, Side, mean, scrolling};
use crate::chart::bars::{self, Segment};
use crate::chart::scale::Scale;
use crate::format::{self, ABSENT};
use crate::run::Run;
use crate::timeline::{Coarse, Taken};

/// Colours of [`Coarse::ALL`] in the stack.
const COLOURS: [&str; 3] = ["p10", "p2", "p3"];

/// Share of the run below which a phase that nobody saw is left out.
const MOMENT: f64 = 0.01;

pub(super) struct Energy;

impl Exhibit for Energy {
    fn key(&self) -> &'static str {
        "energy"
    }

    fn title(&self) -> &'static str {
        "Where the energy went"
    }

    fn show(&self, evidence: &Evidence) -> Shown {
        let sides = evidence.sides();
        let rows = rows(&sides);
        let phases: Vec<(&Side, [Taken; 3])> =
            sides.iter().filter_map(|side| Some((side, taken(side)?))).collect();
        if rows.iter().all(|row| !row.has_value(&sides)) && phases.is_empty() {
            return Shown::Nothing("no run measured or estimated its energy");
        }
        let html = html! {
            (by_rail(&rows, &sides))
            @if !phases.is_empty() { (by_phase(&phases)) }
        };
        let numbers = sides.iter().map(|side| numbers(side, &rows)).collect();
        Shown::Figure { html, numbers }
    }
}

/// One row of the table: a reading and its part.
#[derive(Clone, Debug, PartialEq)]
struct Row {
    label: String,
    name: &'static str,
    part: Option<String>,
    /// Estimates, not measurements.
    estimated: bool,
}

impl Row {
    fn reading<'a>(&self, run: &'a Run) -> Option<&'a Reading> {
        let found = run.readings.iter().filter(|r| r.name == self.name && r.part == self.part);
        found.into_iter().find(|r| match r.value {
            Told::Measured { .. } => !self.estimated,
            Told::Estimated { .. } => self.estimated,
            Told::Unavailable { .. } => false,
        })
    }

    fn has_value(&self, sides: &[Side]) -> bool {
        sides.iter().flat_map(|side| &side.runs).any(|run| self.reading(run).is_some())
    }
}

/// The rows that any run has a value for; the sum stands in any case, for it says why it is missing.
fn rows(sides: &[Side]) -> Vec<Row> {
    let row = |label: &str, name, part: Option<&str>, estimated| Row {
        label: label.into(),
        name,
        part: part.map(Into::into),
        estimated,
    };
    let mut parts: Vec<&str> = Vec::new();
    for reading in sides.iter().flat_map(|s| &s.runs).flat_map(|r| &r.readings) {
        if let ("energy", Some(part)) = (reading.name.as_str(), reading.part.as_deref())
            && !parts.contains(&part)
        {
            parts.push(part);
        }
    }
    let sum = row("All that is apart", "energy", None, false);
    let mut all = vec![row("Without what the idle machine draws", "energy_net", None, false)];
    all.push(row("Power of the idle machine", "idle_power", None, false));
    all.extend(parts.iter().map(|part| row(&format!("Rail {part}"), "energy", Some(part), false)));
    all.push(row("Estimated", "energy", None, true));
    all.push(row("Estimated", "energy_estimated", None, true));
    all.retain(|row| row.has_value(sides));
    all.insert(0, sum);
    all
}

fn by_rail(rows: &[Row], sides: &[Side]) -> Markup {
    let table = html! {
        table {
            thead { tr {
                th scope="col" { "Energy of the whole run" }
                @for side in sides { th scope="col" class="number" { (side.column()) } }
            } }
            tbody { @for row in rows {
                tr {
                    th scope="row" { (row.label) }
                    @for side in sides { td class="number" { (cell(row, side)) } }
                }
            } }
        }
    };
    let sources = sources(sides);
    html! {
        (scrolling("Energy", &table))
        p class="note" {
            "Rails overlap as a rule; only what is known to be apart is added up. Evaluation is in it, and what other "
            "programs drew."
            @if sources.is_empty() { " " (why(sides)) } @else { " By " (crate::label::list(&sources)) "." }
            @if sources.len() > 1 {
                strong { " The sources differ: these joules are not of one kind and must not be compared." }
            }
            @if rows.iter().any(|row| row.estimated) {
                " ~ is an estimate by a model, with its lowest and highest: it is compared with nothing."
            }
        }
    }
}

/// Which sources told the sum.
fn sources(sides: &[Side]) -> Vec<String> {
    let runs = sides.iter().flat_map(|side| side.runs.iter().copied());
    crate::conditions::different(runs.filter_map(crate::conditions::energy_source))
}

/// Why there is no sum.
fn why(sides: &[Side]) -> String {
    let missing = sides.iter().flat_map(|side| &side.runs).find_map(|run| run.joules().err());
    missing.map_or_else(String::new, |m| {
        let remedy = if m.remedy.is_empty() { String::new() } else { format!("; {}", m.remedy) };
        format!("Not measured: {}{remedy}.", m.why)
    })
}

fn cell(row: &Row, side: &Side) -> Markup {
    let readings: Vec<&Reading> = side.runs.iter().filter_map(|run| row.reading(run)).collect();
    let Some(first) = readings.first() else { return html! { (ABSENT) } };
    let text = |v: f64| format::value(first.unit, v);
    if row.estimated {
        let of = |pick: fn(&Told) -> Option<f64>| mean(readings.iter().filter_map(|r| pick(&r.value)));
        let middle = of(|v| if let Told::Estimated { mid, .. } = v { Some(*mid) } else { None });
        let low = of(|v| if let Told::Estimated { lo, .. } = v { Some(*lo) } else { None });
        let high = of(|v| if let Told::Estimated { hi, .. } = v { Some(*hi) } else { None });
        let model = readings.iter().find_map(|r| match &r.value {
            Told::Estimated { model, .. } => Some(model.as_str()),
            _ => None,
        });
        return html! {
            @if let (Some(middle), Some(low), Some(high)) = (middle, low, high) {
                "~ " (text(middle)) br;
                span class="aside" { (text(low)) " to " (text(high)) }
            }
            @if let Some(model) = model { br; span class="aside words" { (model) } }
        };
    }
    let value = mean(readings.iter().filter_map(|r| match r.value {
        Told::Measured { value, .. } => Some(value),
        _ => None,
    }));
    let seen = readings.iter().filter_map(|r| match r.value {
        Told::Measured { coverage, .. } => Some(coverage),
        _ => None,
    });
    let least = seen.fold(1.0, f64::min);
    html! {
        (value.map_or_else(|| ABSENT.into(), text))
        @if least < 0.995 { br; span class="aside" { "seen " (format::significant(100.0 * least, 2)) " % of the time" } }
    }
}

/// Means over a side's runs that sampled their power.
fn taken(side: &Side) -> Option<[Taken; 3]> {
    let all: Vec<[Taken; 3]> = side.runs.iter().filter_map(|run| run.timeline.taken()).collect();
    let of = |i: usize, pick: fn(&Taken) -> f64| mean(all.iter().map(|taken| pick(&taken[i]))).unwrap_or(0.0);
    let one =
        |i| Taken { seconds: of(i, |t| t.seconds), seen: of(i, |t| t.seen), joules: of(i, |t| t.joules) };
    (!all.is_empty()).then(|| [one(0), one(1), one(2)])
}

fn by_phase(phases: &[(&Side, [Taken; 3])]) -> Markup {
    let total = |taken: &[Taken; 3]| taken.iter().map(|t| t.joules).sum::<f64>();
    let scale = Scale::from_zero(phases.iter().map(|(_, taken)| total(taken)));
    let table = html! {
        table {
            thead { tr {
                th scope="col" { "" } th scope="col" { "" }
                @for head in ["Time", "Energy", "Mean power", "Seen"] { th scope="col" class="number" { (head) } }
            } }
            tbody { @for (side, taken) in phases {
                @for (phase, t) in Coarse::ALL.iter().zip(taken).filter(|(_, t)| t.seen > 0.0 || t.seconds > MOMENT * whole(taken)) {
                    tr {
                        th scope="row" { (side.name()) }
                        td { (phase.name()) }
                        td class="number" { (format::seconds(t.seconds)) }
                        @if t.seen > 0.0 {
                            td class="number" { (format::value(adieu_record::Unit::Joules, t.joules)) }
                            td class="number" { (format::value(adieu_record::Unit::Watts, t.joules / t.seen)) }
                        } @else { td class="number" { (ABSENT) } td class="number" { (ABSENT) } }
                        td class="number" { (format::significant(100.0 * t.seen / t.seconds, 3)) " %" }
                    }
                }
            } }
        }
    };
    html! {
        h3 { "By what went on" }
        @for (side, taken) in phases {
            div class="bar-row" {
                div class="figure-row" { (side.heading()) span class="figure" { (joules(total(taken))) } }
                (bars::stacked(&format!("energy-{}", side.index), &format!("Energy of {}", side.group.label), &scale,
                    &segments(taken)))
            }
        }
        (bars::axis(&scale, format::prefixed, "joules"))
        (scrolling("Energy by what went on", &table))
        p class="note" {
            "The area under the power as sampled, from moment to moment; only time that was seen counts, so that it may "
            "be less than the counters’ sum above. Phases shorter than the distance of two samples are blurred."
        }
    }
}

/// Time of all phases, s.
fn whole(taken: &[Taken; 3]) -> f64 {
    taken.iter().map(|t| t.seconds).sum()
}

fn joules(value: f64) -> String {
    format::value(adieu_record::Unit::Joules, value)
}

fn segments(taken: &[Taken; 3]) -> Vec<Segment> {
    let one = |((phase, t), colour): ((&Coarse, &Taken), &&str)| Segment {
        class: (*colour).to_string(),
        value: t.joules,
        name: phase.name().into(),
        title: format!("{}: {}", phase.name(), joules(t.joules)),
    };
    Coarse::ALL.iter().zip(taken).zip(&COLOURS).filter(|((_, t), _)| t.joules > 0.0).map(one).collect()
}

fn numbers(side: &Side, rows: &[Row]) -> Value {
    let row = |row: &Row| {
        let told: Vec<Value> =
            side.runs.iter().map(|run| json!(row.reading(run).map(|reading| &reading.value))).collect();
        json!({ "reading": row.name, "part": row.part, "estimated": row.estimated, "by_run": told })
    };
    let phases = taken(side).map(|taken| {
        let one = |(phase, t): (&Coarse, &Taken)| {
            json!({ "phase": phase.name(), "seconds": t.seconds, "seen_seconds": t.seen, "joules": t.joules })
        };
        Coarse::ALL.iter().zip(&taken).map(one).collect::<Vec<_>>()
    });
    json!({ "group": side.group.group, "rows": rows.iter().map(row).collect::<Vec<_>>(), "phases": phases })
}

#[cfg(test)]
mod tests {
    use adieu_record::Unit;

    use super::*;
    use crate::sample;
    use crate::summary::Summary;

    fn shown(runs: &[Run]) -> Option<String> {
        let summary = Summary::of(runs);
        match Energy.show(&Evidence { runs, summary: &summary }) {
            Shown::Figure { html, .. } => Some(html.into_string()),
            Shown::Nothing(_) => None,
        }
    }

    /// A run that knows nothing of energy but this.
    fn only(readings: Vec<Reading>) -> Run {
        let mut run = sample::duel(&[1]).remove(0);
        run.timeline.tracks.clear();
        run.readings = readings;
        run
    }

    #[test]
    fn an_estimate_has_a_row_of_its_own_and_no_sum() {
        let value = Told::Estimated { lo: 100.0, mid: 250.0, hi: 900.0, model: "share of 65 W".into() };
        let estimate = Reading { name: "energy_estimated".into(), part: None, unit: Unit::Joules, value };
        let why = Reading::unavailable("energy", None, Unit::Joules, "no sensor", "run on the host");
        let html = shown(&[only(vec![estimate, why])]).expect("there is an estimate");
        for part in
            ["~ 250 J", "100 J to 900 J", "share of 65 W", "Not measured: no sensor; run on the host."]
        {
            assert!(html.contains(part), "no `{part}` in {html}");
        }
        assert!(!html.contains(">0 J"), "{html}");
    }

    #[test]
    fn without_any_there_is_nothing() {
        assert_eq!(shown(&[only(vec![])]), None);
        let why = Reading::unavailable("energy", None, Unit::Joules, "no sensor", "run on the host");
        assert_eq!(shown(&[only(vec![why])]), None);
    }

    #[test]
    fn sources_that_differ_are_told() {
        let of = |source: &str| only(vec![Reading::measured("energy", None, Unit::Joules, 9.0, source)]);
        assert!(shown(&[of("RAPL"), of("INA3221")]).expect("measured").contains("The sources differ"));
        assert!(!shown(&[of("RAPL"), of("RAPL")]).expect("measured").contains("The sources differ"));
    }
}
