//! Every rule is broken by a record that breaks it and nothing else; good records break none.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use adieu_record::jsonl::Warning;
use adieu_record::lint::{Finding, Rule, Severity, lint};
use adieu_record::*;
use proptest::collection::vec;
use proptest::prelude::*;
use support::{any_event, stamp};

/// 2 epochs of 100 steps in windows of 50, a millisecond of training a step.
const STEP_NS: u64 = 1_000_000;

fn start() -> Event {
    let layer = |name: &str| LayerInfo { name: name.into(), units: 10, parameters: 7850 };
    Event::RunStarted(Box::new(RunStart {
        format: event::FORMAT,
        name: "toy".into(),
        learner: "forward_forward".into(),
        seed: 42,
        unix_ms: 1_700_000_000_000,
        recipe: serde_json::json!({ "seed": 42 }),
        program: Program::default(),
        machine: Machine::default(),
        network: Network {
            input: "1x28x28".into(),
            layers: vec![layer("dense 784 → 10"), layer("head")],
            parameters: 15_700,
            step_bytes: None,
        },
        data: DataInfo {
            name: "mnist".into(),
            classes: vec!["even".into(), "odd".into()],
            train_rows: 1000,
            validation_rows: 50,
            test_rows: 200,
            ..DataInfo::default()
        },
        epochs: 2,
        steps_per_epoch: 100,
        batch: 10,
        readouts: vec!["goodness".into(), "head".into()],
    }))
}

fn epoch(epoch: u64) -> Event {
    Event::EpochStarted { epoch, gain: 1.0 }
}

fn window(epoch: u64, first: u64, last: u64) -> Event {
    let scalar = |name: &str, layer| Scalar { name: name.into(), layer, value: 0.5 };
    let scalars = vec![scalar("loss", Some(0)), scalar("loss", Some(1)), scalar("loss", None)];
    Event::Step { epoch, first, last, train_ns: last * STEP_NS, scalars }
}

fn evaluated(epoch: u64, step: u64, split: Split, readout: &str, last: bool) -> Event {
    Event::Evaluated(Evaluation {
        epoch,
        step,
        split,
        readout: readout.into(),
        rows: 200,
        errors: Some(50),
        error: Some(0.25),
        train_ns: step * STEP_NS,
        evaluation_ns: 1000,
        last,
        confusion: Some(vec![vec![100, 30], vec![20, 50]]),
        detection: None,
        reconstruction: None,
    })
}

fn metered(epoch: u64, step: u64) -> Event {
    let phase =
        |phase: &str, layer, time_ns, training| PhaseTime { phase: phase.into(), layer, time_ns, training };
    let half = step * STEP_NS / 2;
    let phases = vec![
        phase("forward", Some(0), half, true),
        phase("update", Some(1), half, true),
        phase("evaluation", None, 77, false),
    ];
    let estimate = Value::Estimated { lo: 1.0, mid: 2.0, hi: 3.0, model: "share of TDP".into() };
    let readings = vec![
        Reading::measured("allocated", None, Unit::Bytes, 4096.0, "counting allocator"),
        Reading::measured("allocated", Some("data"), Unit::Bytes, 0.0, "counting allocator"),
        Reading::measured("temperature", None, Unit::Celsius, -10.0, "a sensor"),
        Reading::unavailable("power", None, Unit::Watts, "no sensor", "run on the host"),
        Reading { name: "energy".into(), part: None, unit: Unit::Joules, value: estimate },
    ];
    Event::Metered { epoch, step, train_ns: step * STEP_NS, phases, readings }
}

/// What sensors said in the millisecond before `ms`, twice in each.
fn sampled(ms: u64) -> Event {
    let half = 500_000;
    let point = |n: u64, value| Point { at_ns: (2 * ms + n - 1) * half, value };
    let series = |name: &str, part: Option<&str>, unit, value| Series {
        name: name.into(),
        part: part.map(Into::into),
        unit,
        source: "a sensor".into(),
        points: vec![point(0, value), point(1, value)],
    };
    Event::Sampled {
        series: vec![
            series("power", None, Unit::Watts, 12.5),
            series("power", Some("package-0"), Unit::Watts, 0.0),
            series("resident", None, Unit::Bytes, 4096.0),
            series("cpu_use", None, Unit::Count, 1.5),
            series("temperature", None, Unit::Celsius, -10.0),
        ],
    }
}

fn saved(step: u64) -> Event {
    Event::CheckpointSaved { file: format!("checkpoint-{step}.safetensors"), step, bytes: 1 }
}

fn resumed(step: u64) -> Event {
    Event::Resumed { checkpoint: format!("checkpoint-{step}.safetensors"), step, train_ns: step * STEP_NS }
}

fn ended(outcome: Outcome, steps: u64) -> Event {
    Event::RunEnded { outcome, steps, train_ns: steps * STEP_NS }
}

fn pictured() -> Event {
    let picture = Picture {
        width: 2,
        height: 2,
        channels: 1,
        base64: "AAAAAA==".into(),
        caption: "unit 3".into(),
        truth: None,
        guess: None,
        margin: None,
    };
    Event::Pictured { kind: PictureKind::Features, pictures: vec![picture] }
}

fn first_epoch() -> Vec<Event> {
    vec![
        start(),
        evaluated(0, 0, Split::Test, "goodness", false),
        epoch(1),
        window(1, 1, 50),
        window(1, 51, 100),
        metered(1, 100),
        evaluated(1, 100, Split::Test, "goodness", false),
        pictured(),
        sampled(2),
        sampled(3),
        saved(100),
    ]
}

fn second_epoch() -> Vec<Event> {
    vec![
        epoch(2),
        window(2, 101, 150),
        window(2, 151, 200),
        metered(2, 200),
        evaluated(2, 200, Split::Test, "head", false),
        evaluated(2, 200, Split::Test, "goodness", true),
        saved(200),
        ended(Outcome::Finished, 200),
    ]
}

fn good() -> Vec<Stamped> {
    stamp([first_epoch(), second_epoch()].concat())
}

/// Position of the first event of `good` that `is` holds for.
fn at(events: &[Stamped], is: impl Fn(&Event) -> bool) -> usize {
    events.iter().position(|e| is(&e.event)).unwrap()
}

fn said(findings: &[Finding]) -> String {
    findings.iter().map(|f| format!("{f}\n")).collect()
}

#[test]
fn good_records_break_no_rule() {
    let interrupted = || vec![ended(Outcome::Interrupted, 100)];
    let failed = || vec![ended(Outcome::Failed { why: "disk full".into() }, 100)];
    // Half of epoch 2 is done, a checkpoint is taken inside it, more is done, and the program dies.
    let half = || vec![epoch(2), window(2, 101, 150), saved(150), window(2, 151, 170)];
    let rest_of_2 = || second_epoch().split_off(2);
    let cases: Vec<(&str, Vec<Vec<Event>>)> = vec![
        ("without a stop", vec![first_epoch(), second_epoch()]),
        ("interrupted", vec![first_epoch(), interrupted()]),
        ("diverged", vec![first_epoch(), vec![ended(diverged(Some(1), 101), 100)]]),
        ("interrupted and resumed", vec![first_epoch(), interrupted(), vec![resumed(100)], second_epoch()]),
        ("failed and resumed", vec![first_epoch(), failed(), vec![resumed(100)], second_epoch()]),
        ("cut off and resumed", vec![first_epoch(), vec![resumed(100)], second_epoch()]),
        ("resumed from an older checkpoint", vec![first_epoch(), half(), vec![resumed(100)], second_epoch()]),
        ("resumed inside an epoch", vec![first_epoch(), half(), vec![resumed(150)], rest_of_2()]),
        (
            "inside an epoch, announced again",
            vec![first_epoch(), half(), vec![resumed(150), epoch(2)], rest_of_2()],
        ),
        ("resumed twice", vec![first_epoch(), half(), vec![resumed(150), resumed(100)], second_epoch()]),
    ];
    for (name, parts) in cases {
        let findings = lint(&stamp(parts.concat()), &[]);
        assert!(findings.is_empty(), "{name}:\n{}", said(&findings));
    }
}

fn diverged(layer: Option<u64>, step: u64) -> Outcome {
    Outcome::Diverged { layer, step, what: "loss is NaN".into() }
}

type Break = (Rule, &'static str, Box<dyn Fn(&mut Vec<Stamped>)>);

/// Changes the parts of the first event that `pick` picks.
fn change<T: 'static>(
    rule: Rule,
    name: &'static str,
    pick: impl Fn(&mut Event) -> Option<&mut T> + 'static,
    change: impl Fn(&mut T) + 'static,
) -> Break {
    let apply = move |events: &mut Vec<Stamped>| {
        let part = events.iter_mut().find_map(|e| pick(&mut e.event)).unwrap();
        change(part);
    };
    by(rule, name, apply)
}

/// Changes a good record.
fn by(rule: Rule, name: &'static str, change: impl Fn(&mut Vec<Stamped>) + 'static) -> Break {
    (rule, name, Box::new(change))
}

/// Another list of events, stamped anew.
fn other(rule: Rule, name: &'static str, parts: impl Fn() -> Vec<Vec<Event>> + 'static) -> Break {
    by(rule, name, move |events| *events = stamp(parts().concat()))
}

fn run_start(e: &mut Event) -> Option<&mut RunStart> {
    if let Event::RunStarted(start) = e { Some(start) } else { None }
}

fn evaluation(e: &mut Event) -> Option<&mut Evaluation> {
    if let Event::Evaluated(e) = e { Some(e) } else { None }
}

fn readings(e: &mut Event) -> Option<&mut Vec<Reading>> {
    if let Event::Metered { readings, .. } = e { Some(readings) } else { None }
}

fn series(e: &mut Event) -> Option<&mut Vec<Series>> {
    if let Event::Sampled { series } = e { Some(series) } else { None }
}

fn phases(e: &mut Event) -> Option<&mut Vec<PhaseTime>> {
    if let Event::Metered { phases, .. } = e { Some(phases) } else { None }
}

fn scalars(e: &mut Event) -> Option<&mut Vec<Scalar>> {
    if let Event::Step { scalars, .. } = e { Some(scalars) } else { None }
}

fn gain(e: &mut Event) -> Option<&mut f64> {
    if let Event::EpochStarted { gain, .. } = e { Some(gain) } else { None }
}

fn picture(e: &mut Event) -> Option<&mut Picture> {
    if let Event::Pictured { pictures, .. } = e { pictures.first_mut() } else { None }
}

fn checkpoint(e: &mut Event) -> Option<&mut String> {
    if let Event::CheckpointSaved { file, .. } = e { Some(file) } else { None }
}

fn sequence_breaks() -> Vec<Break> {
    vec![
        by(Rule::Sequence, "an event lost", |events| drop(events.remove(7))),
        by(Rule::Sequence, "an event doubled", |events| events.insert(7, events[7].clone())),
        by(Rule::Sequence, "starts with 1", |events| events.iter_mut().for_each(|e| e.seq += 1)),
        by(Rule::Time, "time goes back", |events| events[6].at_ns = 1 + events[7].at_ns),
        other(Rule::Start, "no start", || vec![first_epoch().split_off(2), second_epoch()]),
        other(Rule::Start, "two starts", || vec![first_epoch(), vec![start()], second_epoch()]),
        other(Rule::Start, "empty", Vec::new),
        change(Rule::Start, "format 0", run_start, |s| s.format = 0),
        by(Rule::Start, "no steps", |events| {
            *events = stamp([start(), ended(Outcome::Interrupted, 0)]);
            run_start(&mut events[0].event).unwrap().steps_per_epoch = 0;
        }),
        other(Rule::End, "cut off", || vec![first_epoch()]),
        other(Rule::End, "cut off after resuming", || {
            vec![first_epoch(), vec![ended(Outcome::Interrupted, 100), resumed(100)]]
        }),
        other(Rule::AfterEnd, "goes on after the end", || {
            vec![first_epoch(), vec![ended(Outcome::Interrupted, 100)], second_epoch()]
        }),
        other(Rule::AfterEnd, "resumed though finished", || {
            vec![first_epoch(), second_epoch(), vec![resumed(200), ended(Outcome::Interrupted, 200)]]
        }),
        other(Rule::AfterEnd, "resumed though diverged", || {
            vec![first_epoch(), vec![ended(diverged(None, 101), 100), resumed(100)], second_epoch()]
        }),
    ]
}

fn progress_breaks() -> Vec<Break> {
    let half = || vec![epoch(2), window(2, 101, 150), saved(150)];
    let early = |train_ns| {
        let checkpoint = "checkpoint-150.safetensors".into();
        vec![Event::Resumed { checkpoint, step: 150, train_ns }]
    };
    let rest = || second_epoch().split_off(2);
    vec![
        other(Rule::Resume, "no such checkpoint", || {
            vec![first_epoch(), vec![resumed(50), window(1, 51, 100)], second_epoch()]
        }),
        other(Rule::Resume, "another file", move || {
            let checkpoint = "checkpoint-99.safetensors".into();
            let resumed = Event::Resumed { checkpoint, step: 100, train_ns: 100 * STEP_NS };
            vec![first_epoch(), vec![resumed], second_epoch()]
        }),
        other(Rule::Resume, "a superseded checkpoint", move || {
            vec![first_epoch(), half(), vec![resumed(100), resumed(150)], rest()]
        }),
        change(Rule::Checkpoint, "outside the folder", checkpoint, |file| *file = "../checkpoint".into()),
        change(Rule::Checkpoint, "without a name", checkpoint, String::clear),
        other(Rule::Epochs, "an epoch twice", || vec![first_epoch(), vec![epoch(1)], second_epoch()]),
        other(Rule::Epochs, "beyond the plan", || {
            let mut events = second_epoch();
            events.insert(7, epoch(3));
            vec![first_epoch(), events]
        }),
        other(Rule::Epochs, "resumed into the wrong epoch", move || {
            vec![first_epoch(), half(), vec![resumed(150), epoch(1), epoch(2)], rest()]
        }),
        other(Rule::Epochs, "a finished epoch announced again", || {
            vec![first_epoch(), vec![resumed(100), epoch(1)], second_epoch()]
        }),
        other(Rule::Epochs, "evaluated for an epoch long past", || {
            let late = evaluated(0, 100, Split::Test, "head", false);
            vec![first_epoch(), vec![epoch(2), late], second_epoch().split_off(1)]
        }),
        other(Rule::Epochs, "more steps than the epoch has", || {
            let rest = second_epoch().split_off(2);
            vec![first_epoch(), vec![window(1, 101, 150), epoch(2)], rest]
        }),
        other(Rule::Steps, "more steps than planned", || {
            let mut events = second_epoch();
            events.pop();
            vec![first_epoch(), events, vec![ended(Outcome::Interrupted, 201)]]
        }),
        other(Rule::Steps, "an empty window", || {
            let mut events = second_epoch();
            events.insert(2, window(2, 151, 150));
            vec![first_epoch(), events]
        }),
        other(Rule::Steps, "a window lost", || {
            let mut events = second_epoch();
            events.remove(1);
            vec![first_epoch(), events]
        }),
        other(Rule::Steps, "windows overlap", || {
            vec![
                first_epoch(),
                vec![epoch(2), window(2, 101, 150), window(2, 150, 200)],
                second_epoch().split_off(3),
            ]
        }),
        other(Rule::Steps, "evaluated in the past", || {
            let mut events = second_epoch();
            let mut late = evaluated(2, 150, Split::Test, "head", false);
            evaluation(&mut late).unwrap().train_ns = 200 * STEP_NS;
            events.insert(7, late);
            vec![first_epoch(), events]
        }),
        other(Rule::Steps, "diverged in a step not begun", || {
            vec![first_epoch(), vec![ended(diverged(None, 102), 100)]]
        }),
        by(Rule::Clock, "back", |events| {
            let after = at(events, |e| matches!(e, Event::Evaluated(e) if e.step == 200));
            evaluation(&mut events[after].event).unwrap().train_ns -= 1;
        }),
        by(Rule::Clock, "ahead of run time", |events| {
            let last_window = at(events, |e| matches!(e, Event::Step { last: 200, .. }));
            let late = |i| u64::from(i <= last_window);
            (0..).zip(events).for_each(|(i, e)| e.at_ns = 200 * STEP_NS - late(i));
        }),
        other(Rule::Clock, "resumed before its time", move || {
            vec![first_epoch(), half(), early(100 * STEP_NS - 1), rest()]
        }),
    ]
}

fn value_breaks() -> Vec<Break> {
    use Rule::{Evaluation as E, Layers, Phases, Pictures, Readings, Readout, Scalars, Series as Sampled};
    let reading =
        |name, value: fn() -> Value| change(Readings, name, readings, move |r| r[0].value = value());
    vec![
        change(E, "no rows", evaluation, |e| {
            (e.rows, e.errors, e.error, e.confusion) = (0, Some(0), Some(0.0), None)
        }),
        change(E, "more errors than rows", evaluation, |e| {
            (e.errors, e.error, e.confusion) = (Some(201), Some(1.005), None)
        }),
        change(E, "another error", evaluation, |e| e.error = Some(0.75)),
        change(E, "error is NaN", evaluation, |e| e.error = Some(f64::NAN)),
        change(E, "more rows than there are", evaluation, |e| e.split = Split::Validation),
        change(E, "last, on a part", evaluation, |e| (e.split, e.last) = (Split::Train, true)),
        change(E, "confusion loses a row", evaluation, |e| e.confusion.as_mut().unwrap()[0][0] = 99),
        change(E, "only one of errors and error", evaluation, |e| (e.error, e.confusion) = (None, None)),
        change(E, "nothing was judged", evaluation, |e| {
            (e.errors, e.error, e.confusion) = (None, None, None)
        }),
        change(E, "a confusion without errors", evaluation, |e| {
            (e.errors, e.error) = (None, None);
            e.reconstruction = Some(Reconstruction { squared_error: 0.1, of_mean_row: 0.2 })
        }),
        change(E, "a squared error below zero", evaluation, |e| {
            (e.errors, e.error, e.confusion) = (None, None, None);
            e.reconstruction = Some(Reconstruction { squared_error: -0.1, of_mean_row: 0.2 })
        }),
        change(E, "confusion has fewer errors", evaluation, |e| {
            e.confusion = Some(vec![vec![101, 29], vec![20, 50]])
        }),
        change(E, "confusion is not square", evaluation, |e| e.confusion.as_mut().unwrap()[1].truncate(1)),
        change(E, "confusion of one class", evaluation, |e| {
            (e.errors, e.error, e.confusion) = (Some(0), Some(0.0), Some(vec![vec![200]]));
        }),
        change(Readout, "not declared", evaluation, |e| e.readout = "oracle".into()),
        change(Layers, "of a scalar", scalars, |s| s[0].layer = Some(2)),
        change(Layers, "of a phase", phases, |p| p[0].layer = Some(2)),
        other(Layers, "of a divergence", || vec![first_epoch(), vec![ended(diverged(Some(2), 101), 100)]]),
        change(Scalars, "NaN", scalars, |s| s[0].value = f64::NAN),
        change(Scalars, "said twice", scalars, |s| s[1].layer = Some(0)),
        change(Scalars, "negative gain", gain, |g| *g = -0.5),
        change(Scalars, "infinite gain", gain, |g| *g = f64::INFINITY),
        change(Readings, "said twice", readings, |r| r[1].part = None),
        reading("negative bytes", || Value::Measured { value: -1.0, source: "s".into(), coverage: 1.0 }),
        reading("infinite bytes", || Value::Measured {
            value: f64::INFINITY,
            source: "s".into(),
            coverage: 1.0,
        }),
        reading("nothing covered", || Value::Measured { value: 1.0, source: "s".into(), coverage: 0.0 }),
        reading("more than all covered", || Value::Measured {
            value: 1.0,
            source: "s".into(),
            coverage: 1.1,
        }),
        reading("no source", || Value::Measured { value: 1.0, source: " ".into(), coverage: 1.0 }),
        reading("estimate out of order", || Value::Estimated {
            lo: 2.0,
            mid: 1.0,
            hi: 3.0,
            model: "m".into(),
        }),
        reading("negative estimate", || Value::Estimated { lo: -2.0, mid: 1.0, hi: 3.0, model: "m".into() }),
        reading("no model", || Value::Estimated { lo: 1.0, mid: 1.0, hi: 3.0, model: String::new() }),
        reading("no reason", || Value::Unavailable { why: String::new(), remedy: "r".into() }),
        reading("no remedy", || Value::Unavailable { why: "w".into(), remedy: String::new() }),
        change(Readings, "colder than cold", readings, |r| {
            r[2] = Reading::measured("temperature", None, Unit::Celsius, -274.0, "a sensor");
        }),
        change(Readings, "more than a whole", readings, |r| {
            r[2] = Reading::measured("load", None, Unit::Fraction, 1.5, "a sensor");
        }),
        change(Sampled, "said twice", series, |s| s.push(Series { points: vec![], ..s[0].clone() })),
        change(Sampled, "another unit", series, |s| s[0].unit = Unit::Joules),
        change(Sampled, "no source", series, |s| s[0].source = " ".into()),
        change(Sampled, "negative", series, |s| s[0].points[1].value = -0.5),
        change(Sampled, "not finite", series, |s| s[1].points[0].value = f64::INFINITY),
        change(Sampled, "colder than cold", series, |s| s[4].points[0].value = -300.0),
        change(Sampled, "moments that go back", series, |s| s[0].points.reverse()),
        change(Sampled, "a moment twice", series, |s| s[0].points[0] = s[0].points[1]),
        by(Sampled, "a moment still to come", |events| {
            let second = events.iter_mut().rev().find_map(|e| series(&mut e.event)).unwrap();
            second[0].points[1].at_ns = 9_000_000_001;
        }),
        by(Sampled, "moments before those of the event before", |events| {
            let second = events.iter_mut().rev().find_map(|e| series(&mut e.event)).unwrap();
            second[0].points[0].at_ns = 2_000_000;
        }),
        change(Phases, "too much", phases, |p| p[0].time_ns += 51_000_000 + STEP_NS),
        change(Phases, "too little", phases, Vec::clear),
        change(Phases, "evaluation on the training clock", phases, |p| p[2].training = true),
        change(Phases, "stall off the training clock", phases, |p| {
            p[2].phase = "stall".into();
        }),
        change(Pictures, "two channels", picture, |p| (p.channels, p.base64) = (2, "A".repeat(12))),
        change(Pictures, "pixels missing", picture, |p| p.base64.clear()),
        change(Pictures, "sizes that overflow", picture, |p| {
            (p.width, p.height, p.channels) = (u64::MAX, u64::MAX, 3)
        }),
    ]
}

fn finish_breaks() -> Vec<Break> {
    vec![
        by(Rule::Finished, "without a last evaluation", |events| {
            let last = at(events, |e| matches!(e, Event::Evaluated(e) if e.last));
            evaluation(&mut events[last].event).unwrap().last = false;
        }),
        other(Rule::Finished, "too early", || {
            let last = evaluated(1, 100, Split::Test, "goodness", true);
            vec![first_epoch(), vec![last, ended(Outcome::Finished, 100)]]
        }),
        other(Rule::Finished, "without its last window", || {
            let mut events = second_epoch();
            events.remove(2);
            vec![first_epoch(), events]
        }),
        other(Rule::Finished, "by a last evaluation that was superseded", || {
            let mut again = second_epoch();
            again.remove(5);
            let mut before = second_epoch();
            before.truncate(6);
            vec![first_epoch(), before, vec![resumed(100)], again]
        }),
    ]
}

#[test]
fn each_rule_is_broken_alone() {
    let breaks: Vec<Break> = [sequence_breaks(), progress_breaks(), value_breaks(), finish_breaks()]
        .into_iter()
        .flatten()
        .collect();
    let mut faults = String::new();
    for (rule, name, apply) in &breaks {
        let mut events = good();
        apply(&mut events);
        let findings = lint(&events, &[]);
        let severity = if *rule == Rule::End { Severity::Warning } else { Severity::Error };
        if !matches!(&findings[..], [f] if f.rule == *rule && f.severity == severity) {
            faults += &format!("{} ({name}) gave\n{}", rule.name(), said(&findings));
        }
    }
    for rule in Rule::ALL {
        if rule != Rule::Torn && !breaks.iter().any(|(r, ..)| *r == rule) {
            faults += &format!("nothing breaks {}\n", rule.name());
        }
    }
    assert!(faults.is_empty(), "{faults}");
}

#[test]
fn phases_may_be_off_by_one_percent_and_fifty_milliseconds() {
    for (off, findings) in [(51_000_000, 0), (51_000_001, 1)] {
        let mut events = good();
        let first = events.iter_mut().find_map(|e| phases(&mut e.event)).unwrap();
        first[0].time_ns += off;
        assert_eq!(lint(&events, &[]).len(), findings, "{off} ns in 100 ms");
    }
}

#[test]
fn findings_read_well() {
    let mut events = good();
    events.pop();
    let torn = Warning { line: 19, what: "the last line is torn (12 bytes): skipped".into() };
    evaluation(&mut events[1].event).unwrap().readout = "oracle".into();
    assert_eq!(
        said(&lint(&events, &[torn])),
        "error at line 2 (readout): read-out `oracle` is not among `goodness`, `head`; draw no conclusion from this \
         run: it was edited, or the trainer is at fault, which please report\n\
         warning at line 18 (end): cut off: the record does not end with `run_ended`; resume the run, or discard it\n\
         warning at line 19 (torn): the last line is torn (12 bytes): skipped; nothing to do: resuming drops the torn \
         line\n"
    );
}

proptest! {
    #[test]
    fn no_record_is_too_odd(events in vec(any_event(), 0..20), stamps in vec(any::<[u64; 2]>(), 20), good_start: bool) {
        let first = good_start.then(start);
        let stamped = |(event, [seq, at_ns]): (Event, [u64; 2])| Stamped { seq, at_ns, event };
        let events: Vec<Stamped> = first.into_iter().chain(events).zip(stamps).map(stamped).collect();
        for finding in lint(&events, &[]) {
            prop_assert!(finding.line >= 1 && finding.line as usize <= events.len().max(1));
            prop_assert!(!finding.what.is_empty());
        }
    }

    #[test]
    fn no_line_can_be_lost_unseen(lost in 0..good().len()) {
        let mut events = good();
        events.remove(lost);
        prop_assert!(!lint(&events, &[]).is_empty(), "line {} was lost unseen", lost + 1);
    }
}
