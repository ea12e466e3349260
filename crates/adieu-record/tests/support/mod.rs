//! Proptest strategies for every event, and what the tests share.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "test helpers; each binary uses its own part"
)]

use std::fmt::Debug;
use std::path::Path;

use adieu_record::*;
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;

/// All finite numbers, the smallest and both zeros among them.
fn finite() -> impl Strategy<Value = f64> + Clone {
    use proptest::num::f64::{NEGATIVE, NORMAL, POSITIVE, SUBNORMAL, ZERO};
    NORMAL | SUBNORMAL | ZERO | NEGATIVE | POSITIVE
}

fn text() -> impl Strategy<Value = String> + Clone {
    prop_oneof!["[a-z_]{0,12}", any::<String>()].boxed()
}

fn few<T: Debug>(strategy: impl Strategy<Value = T>) -> impl Strategy<Value = Vec<T>> {
    vec(strategy, 0..4)
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<u64>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        finite().prop_map(Into::into),
        text().prop_map(Into::into),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Into::into),
            btree_map(text(), inner, 0..4).prop_map(|m| serde_json::Value::Object(m.into_iter().collect())),
        ]
    })
}

fn machine() -> impl Strategy<Value = Machine> {
    let texts = (option::of(text()), option::of(text()), option::of(text()));
    let counts = (option::of(any::<u64>()), option::of(any::<u64>()), option::of(any::<u64>()));
    (texts, counts, option::of(any::<bool>()), btree_map(text(), text(), 0..3)).prop_map(
        |(t, n, v, other)| Machine {
            cpu: t.0,
            isa: t.1,
            os: t.2,
            cores: n.0,
            threads: n.1,
            memory_bytes: n.2,
            virtual_machine: v,
            other,
        },
    )
}

fn network() -> impl Strategy<Value = Network> {
    let layer = (text(), any::<u64>(), any::<u64>()).prop_map(|(name, units, parameters)| LayerInfo {
        name,
        units,
        parameters,
    });
    (text(), few(layer), any::<u64>(), option::of(any::<u64>()))
        .prop_map(|(input, layers, parameters, step_bytes)| Network { input, layers, parameters, step_bytes })
}

fn data() -> impl Strategy<Value = DataInfo> {
    let rows = (any::<u64>(), any::<u64>(), any::<u64>());
    (text(), text(), text(), option::of(any::<[u64; 3]>()), few(text()), rows).prop_map(
        |(name, source, licence, image, classes, rows)| DataInfo {
            name,
            source,
            licence,
            image,
            classes,
            train_rows: rows.0,
            validation_rows: rows.1,
            test_rows: rows.2,
        },
    )
}

fn run_started() -> impl Strategy<Value = Event> {
    let program = (text(), text(), text(), text()).prop_map(|t| Program {
        name: t.0,
        version: t.1,
        profile: t.2,
        target: t.3,
    });
    let numbers = any::<[u64; 5]>();
    (0..=event::FORMAT, text(), text(), json(), program, machine(), network(), data(), numbers, few(text()))
        .prop_map(|(format, name, learner, recipe, program, machine, network, data, n, readouts)| {
            Event::RunStarted(Box::new(RunStart {
                format,
                name,
                learner,
                seed: n[0],
                unix_ms: n[1],
                recipe,
                program,
                machine,
                network,
                data,
                epochs: n[2],
                steps_per_epoch: n[3],
                batch: n[4],
                readouts,
            }))
        })
}

fn scalar() -> impl Strategy<Value = Scalar> {
    (text(), option::of(any::<u64>()), finite()).prop_map(|(name, layer, value)| Scalar {
        name,
        layer,
        value,
    })
}

fn evaluated() -> impl Strategy<Value = Event> {
    let split = prop_oneof![Just(Split::Train), Just(Split::Validation), Just(Split::Test)];
    let confusion = option::of(few(few(any::<u64>())));
    let rebuilt = option::of((finite(), finite()));
    (any::<[u64; 6]>(), split, text(), option::of(finite()), any::<bool>(), confusion, rebuilt).prop_map(
        |(n, split, readout, error, last, confusion, rebuilt)| {
            Event::Evaluated(Evaluation {
                epoch: n[0],
                step: n[1],
                split,
                readout,
                rows: n[2],
                errors: error.map(|_| n[3]),
                error,
                train_ns: n[4],
                evaluation_ns: n[5],
                last,
                confusion,
                detection: None,
                reconstruction: rebuilt
                    .map(|(squared_error, of_mean_row)| Reconstruction { squared_error, of_mean_row }),
            })
        },
    )
}

fn unit() -> impl Strategy<Value = Unit> {
    use Unit::*;
    prop_oneof![
        Just(Seconds),
        Just(Bytes),
        Just(MultiplyAdds),
        Just(Count),
        Just(Fraction),
        Just(Hertz),
        Just(Joules),
        Just(Watts),
        Just(Celsius),
    ]
}

fn reading() -> impl Strategy<Value = Reading> {
    let value = prop_oneof![
        (finite(), text(), finite()).prop_map(|(value, source, coverage)| Value::Measured {
            value,
            source,
            coverage
        }),
        (finite(), finite(), finite(), text()).prop_map(|(lo, mid, hi, model)| Value::Estimated {
            lo,
            mid,
            hi,
            model
        }),
        (text(), text()).prop_map(|(why, remedy)| Value::Unavailable { why, remedy }),
    ];
    (text(), option::of(text()), unit(), value).prop_map(|(name, part, unit, value)| Reading {
        name,
        part,
        unit,
        value,
    })
}

fn metered() -> impl Strategy<Value = Event> {
    let phase = (text(), option::of(any::<u64>()), any::<u64>(), any::<bool>())
        .prop_map(|(phase, layer, time_ns, training)| PhaseTime { phase, layer, time_ns, training });
    (any::<[u64; 3]>(), few(phase), few(reading())).prop_map(|(n, phases, readings)| Event::Metered {
        epoch: n[0],
        step: n[1],
        train_ns: n[2],
        phases,
        readings,
    })
}

fn pictured() -> impl Strategy<Value = Event> {
    let kind = prop_oneof![
        Just(PictureKind::Features),
        Just(PictureKind::Mistakes),
        Just(PictureKind::MadeUp),
        Just(PictureKind::Maps),
        Just(PictureKind::Attention),
        Just(PictureKind::Reconstructions),
        Just(PictureKind::Generated)
    ];
    let picture = (any::<[u64; 3]>(), text(), text(), any::<[Option<u64>; 2]>(), option::of(finite()))
        .prop_map(|(n, base64, caption, classes, margin)| Picture {
            width: n[0],
            height: n[1],
            channels: n[2],
            base64,
            caption,
            truth: classes[0],
            guess: classes[1],
            margin,
        });
    (kind, few(picture)).prop_map(|(kind, pictures)| Event::Pictured { kind, pictures })
}

fn sampled() -> impl Strategy<Value = Event> {
    let point = (any::<u64>(), finite()).prop_map(|(at_ns, value)| Point { at_ns, value });
    let series = (text(), option::of(text()), unit(), text(), few(point))
        .prop_map(|(name, part, unit, source, points)| Series { name, part, unit, source, points });
    few(series).prop_map(|series| Event::Sampled { series })
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        Just(Outcome::Finished),
        Just(Outcome::Interrupted),
        (option::of(any::<u64>()), any::<u64>(), text()).prop_map(|(layer, step, what)| Outcome::Diverged {
            layer,
            step,
            what
        }),
        text().prop_map(|why| Outcome::Failed { why }),
    ]
}

/// One strategy a variant of [`Event`], by the name it has on disk.
pub fn events() -> Vec<(&'static str, BoxedStrategy<Event>)> {
    let step = (any::<[u64; 4]>(), few(scalar())).prop_map(|(n, scalars)| Event::Step {
        epoch: n[0],
        first: n[1],
        last: n[2],
        train_ns: n[3],
        scalars,
    });
    let epoch_started =
        (any::<u64>(), finite()).prop_map(|(epoch, gain)| Event::EpochStarted { epoch, gain });
    let saved = (text(), any::<u64>(), any::<u64>()).prop_map(|(file, step, bytes)| Event::CheckpointSaved {
        file,
        step,
        bytes,
    });
    let resumed = (text(), any::<u64>(), any::<u64>())
        .prop_map(|(checkpoint, step, train_ns)| Event::Resumed { checkpoint, step, train_ns });
    let warned = (text(), text()).prop_map(|(what, remedy)| Event::Warned { what, remedy });
    let ended = (outcome(), any::<u64>(), any::<u64>())
        .prop_map(|(outcome, steps, train_ns)| Event::RunEnded { outcome, steps, train_ns });
    vec![
        ("run_started", run_started().boxed()),
        ("epoch_started", epoch_started.boxed()),
        ("step", step.boxed()),
        ("evaluated", evaluated().boxed()),
        ("metered", metered().boxed()),
        ("sampled", sampled().boxed()),
        ("checkpoint_saved", saved.boxed()),
        ("resumed", resumed.boxed()),
        ("warned", warned.boxed()),
        ("pictured", pictured().boxed()),
        ("run_ended", ended.boxed()),
    ]
}

/// Any event, each variant as likely as the others.
pub fn any_event() -> impl Strategy<Value = Event> {
    proptest::strategy::Union::new(events().into_iter().map(|(_, strategy)| strategy))
}

/// Gives events `seq` 0, 1, 2, … and a second of run time each.
pub fn stamp(events: impl IntoIterator<Item = Event>) -> Vec<Stamped> {
    (0..).zip(events).map(|(seq, event)| Stamped { seq, at_ns: seq * 1_000_000_000, event }).collect()
}

/// Writes `events` as a new record.
pub fn write(path: &Path, events: &[Stamped]) {
    let mut writer = jsonl::Writer::create(path).unwrap();
    for event in events {
        writer.write(event).unwrap();
    }
}
