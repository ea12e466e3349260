//! Records survive the disk: round trips, torn files, damage, refusal, sudden death.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

use adieu_record::jsonl::{Record, RecordError, Warning, Writer, read};
use adieu_record::*;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use support::{any_event, events, stamp, write};

fn whole(events: Vec<Stamped>) -> Record {
    Record { events, warnings: vec![] }
}

fn warned(what: &str) -> Event {
    Event::Warned { what: what.into(), remedy: "none".into() }
}

/// One event of each kind, always the same.
fn one_of_each() -> Vec<Stamped> {
    let mut runner = TestRunner::deterministic();
    stamp(events().into_iter().map(|(_, strategy)| strategy.new_tree(&mut runner).unwrap().current()))
}

#[test]
fn every_variant_comes_back_bit_for_bit() {
    for (name, strategy) in events() {
        let mut runner = TestRunner::new(ProptestConfig { source_file: Some(file!()), ..Default::default() });
        let check = |event: Event| {
            let stamped = Stamped { seq: 7, at_ns: u64::MAX, event };
            let line = serde_json::to_string(&stamped).unwrap();
            let value: serde_json::Value = serde_json::from_str(&line).unwrap();
            prop_assert_eq!(&value["event"], name);
            // `Debug` tells −0.0 from 0.0, which `==` does not.
            let back: Stamped = serde_json::from_str(&line).unwrap();
            prop_assert_eq!(format!("{back:?}"), format!("{stamped:?}"));
            Ok(())
        };
        runner.run(&strategy, check).unwrap_or_else(|e| panic!("{name}: {e}"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn records_come_back(events in vec(any_event(), 0..12)) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        let events = stamp(events);
        write(&path, &events);
        prop_assert_eq!(read(&path).unwrap(), whole(events));
    }

    #[test]
    fn garbage_never_panics(bytes in vec(any::<u8>(), 0..200), at in any::<prop::sample::Index>()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        let mut text = Vec::new();
        for event in one_of_each() {
            serde_json::to_writer(&mut text, &event).unwrap();
            text.push(b'\n');
        }
        let at = at.index(text.len());
        text.splice(at..at, bytes);
        fs::write(&path, &text).unwrap();
        // Whatever is read, appending agrees with it.
        match (read(&path), Writer::append(&path)) {
            (Ok(record), Ok(writer)) => {
                prop_assert_eq!(writer.next_seq(), record.events.last().map_or(0, |e| e.seq.saturating_add(1)));
            }
            (Err(a), Err(b)) => prop_assert_eq!(a.to_string(), b.to_string()),
            (a, b) => prop_assert!(false, "read: {a:?}, append: {b:?}"),
        }
    }

    #[test]
    fn unknown_fields_are_tolerated(event in any_event(), key in "x_[a-z]{1,8}", extra in any::<u64>()) {
        let stamped = Stamped { seq: 0, at_ns: 0, event };
        let mut value = serde_json::to_value(&stamped).unwrap();
        add_everywhere(&mut value, &key, extra, true);
        let back: Stamped = serde_json::from_value(value).unwrap();
        prop_assert_eq!(back, stamped);
    }
}

#[test]
fn a_network_without_bytes_a_step_is_read_and_written_as_one() {
    let old = r#"{"input":"1x28x28","layers":[],"parameters":7850}"#;
    let network: Network = serde_json::from_str(old).unwrap();
    assert_eq!(network.step_bytes, None);
    assert_eq!(serde_json::to_string(&network).unwrap(), old);
}

/// Puts an unknown field into every object but the free-form ones.
fn add_everywhere(value: &mut serde_json::Value, key: &str, extra: u64, top: bool) {
    match value {
        serde_json::Value::Object(map) => {
            for (name, inner) in map.iter_mut() {
                if !["recipe", "other"].contains(&name.as_str()) {
                    add_everywhere(inner, key, extra, false);
                }
            }
            map.insert(key.into(), extra.into());
        }
        serde_json::Value::Array(items) => {
            items.iter_mut().for_each(|item| add_everywhere(item, key, extra, false));
        }
        _ => assert!(!top, "an event is an object"),
    }
}

#[test]
fn cut_at_every_byte_a_record_loses_only_its_torn_line_and_can_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.jsonl");
    let events = one_of_each();
    write(&path, &events);
    let bytes = fs::read(&path).unwrap();
    for cut in 0..=bytes.len() {
        fs::write(&path, &bytes[..cut]).unwrap();
        // An event is there as soon as its closing brace is, line end or not.
        let ends = bytes.iter().enumerate().filter(|&(_, &b)| b == b'\n').map(|(at, _)| at);
        let kept = ends.filter(|&end| end <= cut).count();
        let clean = cut == 0 || bytes[cut - 1] == b'\n' || bytes.get(cut) == Some(&b'\n');
        let record = read(&path).unwrap();
        assert_eq!(record.events, events[..kept], "cut at byte {cut}");
        let torn: Vec<u64> = record.warnings.iter().map(|w| w.line).collect();
        assert_eq!(torn, if clean { vec![] } else { vec![kept as u64 + 1] }, "cut at byte {cut}");

        let mut writer = Writer::append(&path).unwrap();
        let at_ns = events[..kept].last().map_or(0, |e| e.at_ns);
        assert_eq!((writer.next_seq(), writer.last_at_ns()), (kept as u64, at_ns), "cut at byte {cut}");
        let more = Stamped { seq: kept as u64, at_ns: at_ns + 1, event: warned("resumed") };
        writer.write(&more).unwrap();
        let whole_lines = bytes[..cut].iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
        assert!(fs::read(&path).unwrap().starts_with(&bytes[..whole_lines]), "complete lines are left alone");
        let expected = [&events[..kept], &[more]].concat();
        assert_eq!(read(&path).unwrap(), whole(expected), "cut at byte {cut}");
    }
}

#[test]
fn damage_before_the_last_line_is_an_error_that_names_the_line() {
    let good = serde_json::to_string(&stamp([warned("x")])[0]).unwrap();
    let cases = [
        ("not JSON", "{\"seq\":1,\"at_"),
        ("empty", ""),
        ("not an object", "17"),
        ("zeros", "\u{0}\u{0}"),
        ("no event", r#"{"seq":1,"at_ns":1}"#),
        ("a field missing", r#"{"seq":1,"at_ns":1,"event":"warned","what":"x"}"#),
        ("null for a number", r#"{"seq":1,"at_ns":1,"event":"epoch_started","epoch":1,"gain":null}"#),
        ("a negative count", r#"{"seq":1,"at_ns":1,"event":"epoch_started","epoch":-1,"gain":1}"#),
        ("beyond f64", r#"{"seq":1,"at_ns":1,"event":"epoch_started","epoch":1,"gain":1e999}"#),
        ("two events", &format!("{good}{good}")),
    ];
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.jsonl");
    for (name, bad) in cases {
        // As the second of three lines, and as the last line: it has a line end, so it is not torn.
        for text in [format!("{good}\n{bad}\n{good}\n"), format!("{good}\n{bad}\n")] {
            fs::write(&path, &text).unwrap();
            let error = read(&path).unwrap_err();
            assert!(matches!(error, RecordError::BadLine { line: 2, .. }), "{name}: {error:?}");
            let said = error.to_string();
            assert!(said.starts_with(&format!("{}:2: ", path.display())), "{name}: {said}");
            assert!(!said.contains("at line 1"), "{name}: {said}");
            assert!(matches!(Writer::append(&path), Err(RecordError::BadLine { line: 2, .. })), "{name}");
            assert_eq!(fs::read_to_string(&path).unwrap(), text, "{name}: a damaged record is left alone");
        }
    }
}

#[test]
fn words_of_a_newer_version_are_named() {
    let metered = r#""event":"metered","epoch":1,"step":1,"train_ns":1,"phases":[]"#;
    let mut start = serde_json::to_value(&one_of_each()[0]).unwrap();
    start["format"] = (event::FORMAT + 1).into();
    let cases = [
        (r#"{"seq":0,"at_ns":0,"event":"pruned","layer":1}"#.to_owned(), "`pruned`"),
        (
            r#"{"seq":0,"at_ns":0,"event":"run_ended","outcome":{"kind":"bored"},"steps":1,"train_ns":1}"#
                .to_owned(),
            "`bored`",
        ),
        (
            format!(
                r#"{{"seq":0,"at_ns":0,{metered},"readings":[{{"name":"n","unit":"volts","value":{{"kind":"measured","value":1.0,"source":"s","coverage":1.0}}}}]}}"#
            ),
            "`volts`",
        ),
        (start.to_string(), "format 2"),
    ];
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.jsonl");
    for (line, word) in cases {
        // Without a line end too: a whole line is not torn.
        for end in ["\n", ""] {
            fs::write(&path, format!("{line}{end}")).unwrap();
            let error = read(&path).unwrap_err();
            assert!(matches!(error, RecordError::Newer { line: 1, .. }), "{error:?}");
            let said = error.to_string();
            assert!(said.contains(word) && said.contains("newer adieu"), "{said}");
        }
    }
}

#[test]
fn numbers_json_cannot_hold_are_refused_by_name() {
    let scalar = |value| Event::Step {
        epoch: 1,
        first: 1,
        last: 1,
        train_ns: 0,
        scalars: vec![
            Scalar { name: "loss".into(), layer: Some(0), value: 0.5 },
            Scalar { name: "loss".into(), layer: Some(2), value },
        ],
    };
    let evaluated = |error| {
        Event::Evaluated(Evaluation {
            epoch: 1,
            step: 1,
            split: Split::Test,
            readout: "goodness".into(),
            rows: 0,
            errors: Some(0),
            error: Some(error),
            train_ns: 0,
            evaluation_ns: 0,
            last: false,
            confusion: None,
            detection: None,
            reconstruction: None,
        })
    };
    let metered = |value| {
        let reading = Reading { name: "energy".into(), part: None, unit: Unit::Joules, value };
        Event::Metered { epoch: 1, step: 1, train_ns: 0, phases: vec![], readings: vec![reading] }
    };
    let measured = |value, coverage| metered(Value::Measured { value, source: "s".into(), coverage });
    let estimated = |lo, mid, hi| metered(Value::Estimated { lo, mid, hi, model: "m".into() });
    let pictured = |margin| {
        let caption = "test row 3".into();
        let (truth, guess) = (Some(1), Some(2));
        let picture = Picture {
            width: 0,
            height: 0,
            channels: 1,
            base64: String::new(),
            caption,
            truth,
            guess,
            margin,
        };
        Event::Pictured { kind: PictureKind::Mistakes, pictures: vec![picture] }
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.jsonl");
    let mut writer = Writer::create(&path).unwrap();
    for (bad, word) in [(f64::NAN, "NaN"), (f64::INFINITY, "inf"), (f64::NEG_INFINITY, "-inf")] {
        let cases = [
            (Event::EpochStarted { epoch: 1, gain: bad }, "gain"),
            (scalar(bad), "scalar `loss` of layer 2"),
            (evaluated(bad), "error"),
            (measured(bad, 1.0), "reading `energy`"),
            (measured(1.0, bad), "reading `energy`"),
            (estimated(bad, 1.0, 1.0), "reading `energy`"),
            (estimated(1.0, bad, 1.0), "reading `energy`"),
            (estimated(1.0, 1.0, bad), "reading `energy`"),
            (pictured(Some(bad)), "margin of picture `test row 3`"),
        ];
        for (event, name) in cases {
            let error = writer.write(&Stamped { seq: 0, at_ns: 0, event }).unwrap_err();
            assert!(matches!(error, RecordError::NotFinite { seq: 0, .. }), "{error:?}");
            assert!(error.to_string().contains(&format!("{name} is {word},")), "{error}");
        }
    }
    for event in
        [scalar(1.0), evaluated(0.5), measured(1.0, 1.0), estimated(1.0, 2.0, 3.0), pictured(Some(0.1))]
    {
        let seq = writer.next_seq();
        writer.write(&Stamped { seq, at_ns: 0, event }).unwrap();
    }
    assert_eq!(read(&path).unwrap().events.len(), 5, "only the finite ones were written");
}

#[test]
fn order_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.jsonl");
    let mut writer = Writer::create(&path).unwrap();
    let at = |seq, at_ns| Stamped { seq, at_ns, event: warned("x") };
    writer.write(&at(0, 10)).unwrap();
    for (event, what) in
        [(at(0, 10), "seq 1 comes next"), (at(2, 10), "seq 1 comes next"), (at(1, 9), "10 ns")]
    {
        let error = writer.write(&event).unwrap_err();
        assert!(
            matches!(error, RecordError::OutOfOrder { .. }) && error.to_string().contains(what),
            "{error}"
        );
    }
    writer.write(&at(1, 10)).unwrap();
    assert_eq!(read(&path).unwrap(), whole(vec![at(0, 10), at(1, 10)]));

    // After the last number there is none, and none twice.
    fs::write(&path, serde_json::to_vec(&at(u64::MAX, 10)).unwrap()).unwrap();
    let error = Writer::append(&path).unwrap().write(&at(u64::MAX, 10)).unwrap_err();
    assert!(matches!(error, RecordError::OutOfOrder { .. }), "{error}");
}

#[test]
fn a_record_is_never_overwritten_and_never_made_up() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.jsonl");
    for missing in [read(&path).unwrap_err(), Writer::append(&path).unwrap_err()] {
        assert!(missing.to_string().contains("check the path"), "{missing}");
    }
    assert!(!path.exists());
    write(&path, &stamp([warned("x")]));
    let error = Writer::create(&path).unwrap_err();
    assert!(error.to_string().contains("resume that run"), "{error}");
    assert_eq!(read(&path).unwrap().events.len(), 1);
    let error = Writer::create(&folder.path().join("no/such/events.jsonl")).unwrap_err();
    assert!(error.to_string().contains("cannot create"), "{error}");
}

#[test]
fn bytes_lost_to_a_power_cut_are_a_torn_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.jsonl");
    let events = stamp([warned("x"), warned("y")]);
    write(&path, &events);
    fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(&[0; 4096]).unwrap();
    let torn = Warning { line: 3, what: "the last line is torn (4096 bytes): skipped".into() };
    assert_eq!(read(&path).unwrap(), Record { events, warnings: vec![torn] });
    assert_eq!(Writer::append(&path).unwrap().next_seq(), 2);
    assert_eq!(read(&path).unwrap().warnings, []);
}

/// The program is killed without warning in the middle of writing. The child is this very test, run again.
#[test]
fn a_killed_program_loses_at_most_a_torn_line() {
    const PATH: &str = "ADIEU_TEST_LONG_RECORD";
    if let Some(path) = std::env::var_os(PATH) {
        let mut writer = Writer::create(path.as_ref()).unwrap();
        // Far longer than it will live, but not for ever, should nobody be left to kill it.
        for seq in 0..1_000_000 {
            writer.write(&Stamped { seq, at_ns: seq, event: warned("still here") }).unwrap();
        }
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.jsonl");
    let name = "a_killed_program_loses_at_most_a_torn_line";
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([name, "--exact"])
        .env(PATH, &path)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    // Let it write a while; if it dies by itself, the test fails below.
    while fs::metadata(&path).map_or(0, |m| m.len()) < 20_000 && child.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let record = read(&path).unwrap();
    assert!(record.events.len() > 100, "only {} events", record.events.len());
    assert!(record.warnings.len() <= 1);
    assert!((0..).zip(&record.events).all(|(seq, event)| event.seq == seq && event.at_ns == seq));
}
