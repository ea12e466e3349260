//! Under which conditions runs were made: seconds and joules of different machines, power modes or sources of energy are
//! shown side by side, but never set against each other.

use adieu_record::{RunStart, Value};

use crate::run::Run;

/// Notes of a machine that decide how fast it is or what it draws.
const MODES: [&str; 5] = ["board", "governor", "power_mode", "power_profile", "power_source"];

/// Keys of the metrics that a machine decides.
const TIMES: [&str; 5] =
    ["train_seconds", "wall_seconds", "cpu_seconds", "evaluation_seconds", "stall_seconds"];
const ENERGY: &str = "energy_joules";

/// What of a machine decides how fast it is; its other notes do not.
pub(crate) fn machine(start: &RunStart) -> impl PartialEq + use<> {
    let m = start.machine.clone();
    let modes = modes(start);
    (m.cpu, m.isa, m.cores, m.threads, m.memory_bytes, m.os, modes)
}

fn modes(start: &RunStart) -> Vec<(String, String)> {
    let notes = start.machine.other.iter().filter(|(key, _)| MODES.contains(&key.as_str()));
    notes.map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// Which sensors told the joules of the whole; `None` where nobody did.
pub(crate) fn energy_source(run: &Run) -> Option<String> {
    run.readings.iter().find(|r| r.name == "energy" && r.part.is_none()).and_then(|r| match &r.value {
        Value::Measured { source, .. } => Some(source.clone()),
        Value::Estimated { .. } | Value::Unavailable { .. } => None,
    })
}

/// Why the metric of that key must not be set against each other of these two; `None`: it may.
pub(crate) fn apart(key: &str, a: &Run, b: &Run) -> Option<&'static str> {
    let machine_decides = TIMES.contains(&key) || key == ENERGY;
    if machine_decides && machine(&a.start) != machine(&b.start) {
        return Some("machine");
    }
    (key == ENERGY && energy_source(a) != energy_source(b)).then_some("source of energy")
}

/// What of the conditions differs between these runs, for a reader; empty if nothing does.
pub(crate) fn differing(runs: &[Run]) -> Vec<String> {
    let mut all = Vec::new();
    let machines = different(runs.iter().map(|run| described(&run.start)));
    if machines.len() > 1 {
        all.push(format!(
            "the runs were made on {} machines, or in different modes of one: {}; times and joules are not compared \
             across them",
            machines.len(),
            machines.join(" / ")
        ));
    }
    let sources = different(runs.iter().filter_map(energy_source));
    if sources.len() > 1 {
        let sources = sources.join(" / ");
        all.push(format!(
            "energy comes from different sources: {sources}; joules are not compared across them"
        ));
    }
    all
}

/// Each of these once, in order of first appearance.
pub(crate) fn different(texts: impl Iterator<Item = String>) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for text in texts {
        if !all.contains(&text) {
            all.push(text);
        }
    }
    all
}

/// All that [`machine`] compares, in words.
fn described(start: &RunStart) -> String {
    let m = &start.machine;
    let mut words = vec![m.cpu.clone().unwrap_or_else(|| "a processor that does not tell its name".into())];
    words.extend(m.cores.map(|n| format!("{n} processors")));
    words.extend(m.threads.map(|n| format!("{n} threads")));
    words.extend(m.isa.clone());
    words.extend(m.memory_bytes.map(|n| crate::format::bytes(n as f64)));
    words.extend(m.os.clone());
    words.extend(modes(start).into_iter().map(|(key, value)| format!("{}: {value}", key.replace('_', " "))));
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn what_a_machine_decides_is_not_set_against_another_machine() {
        let runs = sample::duel(&[1]);
        let [a, b] = [&runs[0], &runs[1]];
        assert!(["train_seconds", "energy_joules", "macs"].iter().all(|key| apart(key, a, b).is_none()));
        assert!(differing(&runs).is_empty());
        type Change = (&'static str, fn(&mut Run));
        let change: [Change; 4] = [
            ("another processor", |run| run.start.machine.cpu = Some("another".into())),
            ("other threads", |run| run.start.machine.threads = Some(1)),
            ("a mode", |run| drop(run.start.machine.other.insert("power_mode".into(), "15W".into()))),
            ("a governor", |run| drop(run.start.machine.other.insert("governor".into(), "powersave".into()))),
        ];
        for (name, change) in change {
            let mut other = b.clone();
            change(&mut other);
            assert_eq!(apart("train_seconds", a, &other), Some("machine"), "{name}");
            assert_eq!(apart("energy_joules", a, &other), Some("machine"), "{name}");
            for key in ["macs", "peak_alloc_bytes", "test_error", "parameters"] {
                assert_eq!(apart(key, a, &other), None, "{name}: {key} does not depend on it");
            }
            assert_eq!(differing(&[a.clone(), other]).len(), 1, "{name}");
        }
        let mut noted = b.clone();
        noted.start.machine.other.insert("remark".into(), "a note".into());
        assert_eq!(apart("train_seconds", a, &noted), None);
    }

    #[test]
    fn joules_of_another_source_are_joules_of_another_kind() {
        let runs = sample::duel(&[1]);
        let mut other = runs[1].clone();
        for reading in other.readings.iter_mut().filter(|r| r.name == "energy" && r.part.is_none()) {
            if let Value::Measured { source, .. } = &mut reading.value {
                *source = "energy sensors: VDD_IN".into();
            }
        }
        assert_eq!(apart("energy_joules", &runs[0], &other), Some("source of energy"));
        assert_eq!(apart("train_seconds", &runs[0], &other), None);
        let told = differing(&[runs[0].clone(), other]);
        assert!(told.len() == 1 && told[0].contains("VDD_IN"), "{told:?}");
    }
}
