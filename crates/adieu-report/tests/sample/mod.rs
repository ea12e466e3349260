//! Made-up but plausible records: two learners, twelve epochs, every kind of event. Deterministic.

use adieu_record::event::FORMAT;
use adieu_record::{
    DataInfo, Evaluation, Event, LayerInfo, Machine, Network, Outcome, PhaseTime, Picture, PictureKind,
    Point, Program, Reading, RunStart, Scalar, Series, Split, Stamped, Unit,
};
use base64::Engine as _;

const EPOCHS: u64 = 12;
const STEPS: u64 = 600;
const ROWS: u64 = 10_000;
const SIDE: u64 = 28;
const LAYERS: usize = 4;
/// By the closed formula, for Forward-Forward and for back-propagation.
const STEP_BYTES: [u64; 2] = [9_848_000, 43_712_000];

/// Forward-Forward and back-propagation for each seed: `(folder, events)`.
pub(crate) fn duel_records(seeds: &[u64]) -> Vec<(String, Vec<Stamped>)> {
    let run = |learner: &str, seed: u64| (format!("runs/{learner}-{seed}"), record(learner, seed));
    seeds.iter().flat_map(|&seed| [run("forward_forward", seed), run("back_prop", seed)]).collect()
}

/// A record that ends in its first epoch, without evaluations, readings or pictures.
pub(crate) fn diverged_record() -> Vec<Stamped> {
    let what = "the loss is not a number".to_string();
    stamped(vec![
        Event::RunStarted(Box::new(start("forward_forward", 7))),
        Event::EpochStarted { epoch: 1, gain: 1.0 },
        Event::RunEnded {
            outcome: Outcome::Diverged { layer: Some(1), step: 31, what },
            steps: 31,
            train_ns: 90_000_000,
        },
    ])
}

/// Numbers events and gives each a second of run time.
pub(crate) fn stamped(events: Vec<Event>) -> Vec<Stamped> {
    let stamp = |(seq, event)| Stamped { seq: seq as u64, at_ns: seq as u64 * 1_000_000_000, event };
    events.into_iter().enumerate().map(stamp).collect()
}

/// One evaluation on the test set after `step` steps.
pub(crate) fn evaluation(readout: &str, step: u64, error: f64) -> Evaluation {
    Evaluation {
        epoch: step.div_ceil(STEPS),
        step,
        split: Split::Test,
        readout: readout.into(),
        rows: ROWS,
        errors: Some((error * ROWS as f64).round() as u64),
        error: Some(error),
        train_ns: step * 8_000_000,
        evaluation_ns: 700_000_000,
        last: step == EPOCHS * STEPS,
        confusion: None,
        detection: None,
        reconstruction: None,
    }
}

/// What a run of `learner` begins with.
pub(crate) fn start(learner: &str, seed: u64) -> RunStart {
    let forward = learner == "forward_forward";
    let dense = |n: u64, m: u64| LayerInfo {
        name: format!("dense {n} → {m}, relu"),
        units: m,
        parameters: (n + 1) * m,
    };
    let mut layers = vec![dense(784, 1000), dense(1000, 1000), dense(1000, 1000), dense(1000, 1000)];
    let head_inputs = if forward { 3000 } else { 1000 };
    layers.push(LayerInfo {
        name: format!("head {head_inputs} → 10"),
        units: 10,
        parameters: (head_inputs + 1) * 10,
    });
    let readouts: &[&str] = if forward { &["goodness", "head"] } else { &["logits"] };
    let text = String::from;
    RunStart {
        format: FORMAT,
        name: format!("duel-{learner}"),
        learner: learner.into(),
        seed,
        unix_ms: 1_790_000_000_000,
        recipe: recipe(learner, seed),
        program: Program {
            name: text("adieu"),
            version: text("0.1.0"),
            profile: text("release"),
            target: text("x86_64-unknown-linux-gnu"),
        },
        machine: Machine {
            cpu: Some(text("AMD EPYC 9654 96-Core Processor")),
            isa: Some(text("avx512")),
            cores: Some(8),
            threads: Some(8),
            memory_bytes: Some(34_359_738_368),
            os: Some(text("Linux 6.12.0")),
            virtual_machine: Some(true),
            other: [(text("governor"), text("performance"))].into(),
        },
        network: Network {
            input: text("1x28x28"),
            parameters: layers.iter().map(|l| l.parameters).sum(),
            layers,
            step_bytes: Some(STEP_BYTES[usize::from(!forward)]),
        },
        data: DataInfo {
            name: text("mnist"),
            source: text("bundled"),
            licence: text("CC BY-SA 3.0, Yann LeCun and Corinna Cortes"),
            image: Some([SIDE, SIDE, 1]),
            classes: (0..10).map(|d| d.to_string()).collect(),
            train_rows: 60_000,
            validation_rows: 0,
            test_rows: ROWS,
        },
        epochs: EPOCHS,
        steps_per_epoch: STEPS,
        batch: 100,
        readouts: readouts.iter().map(|r| text(r)).collect(),
    }
}

fn recipe(learner: &str, seed: u64) -> serde_json::Value {
    let mut recipe = serde_json::json!({
        "name": format!("duel-{learner}"),
        "seed": seed,
        "data": { "kind": "mnist" },
        "train": { "epochs": EPOCHS, "batch": 100 },
        "model": { "blocks": [[1000], [1000], [1000], [1000]] },
        "learner": { "kind": learner, "optimizer": { "kind": "adam", "rate": 0.001, "beta1": 0.9, "beta2": 0.999 } },
    });
    if learner == "forward_forward" {
        recipe["learner"]["skip_satisfied"] = true.into();
    }
    recipe
}

/// A whole run.
pub(crate) fn record(learner: &str, seed: u64) -> Vec<Stamped> {
    let forward = learner == "forward_forward";
    let step_ns: u64 = if forward { 9_400_000 } else { 6_100_000 };
    let mut chance = Chance(seed * 2 + u64::from(forward) + 1);
    let mut events = vec![Event::RunStarted(Box::new(start(learner, seed)))];
    for epoch in 1..=EPOCHS {
        events.push(Event::EpochStarted { epoch, gain: 1.0 });
        for sixth in 1..=6 {
            let last = (epoch - 1) * STEPS + sixth * STEPS / 6;
            events.push(Event::Step {
                epoch,
                first: last + 1 - STEPS / 6,
                last,
                train_ns: last * step_ns,
                scalars: scalars(forward, last as f64 / STEPS as f64, &mut chance),
            });
        }
        let step = epoch * STEPS;
        evaluate(&mut events, forward, epoch, step * step_ns, &mut chance);
        events.push(metered(forward, epoch, step * step_ns));
    }
    events.push(Event::Warned {
        what: "steal time was 1.4 % of the run: another guest used this processor".into(),
        remedy: "repeat on a machine of your own before quoting times".into(),
    });
    events.push(Event::Pictured { kind: PictureKind::Features, pictures: features(forward, &mut chance) });
    events.push(Event::Pictured { kind: PictureKind::MadeUp, pictures: features(forward, &mut chance) });
    if forward {
        events
            .push(Event::Pictured { kind: PictureKind::Generated, pictures: features(forward, &mut chance) });
    }
    events.push(Event::Pictured { kind: PictureKind::Mistakes, pictures: mistakes(&mut chance) });
    events.push(Event::Pictured { kind: PictureKind::Maps, pictures: features(forward, &mut chance) });
    events.push(Event::Pictured { kind: PictureKind::Attention, pictures: features(forward, &mut chance) });
    let steps = EPOCHS * STEPS;
    events.push(Event::RunEnded { outcome: Outcome::Finished, steps, train_ns: steps * step_ns });
    let end = step_ns * steps / events.len() as u64 * 5 / 4 * (events.len() as u64 - 1);
    sampled(&timed(events, end), forward)
}

/// Events with their run time: training and evaluation so far, stretched so that the last one lies at `end`.
fn timed(events: Vec<Event>, end: u64) -> Vec<Stamped> {
    let (mut training, mut evaluating) = (0, 0);
    let mut all = stamped(events);
    for stamped in &mut all {
        match &stamped.event {
            Event::Step { train_ns, .. } => training = *train_ns,
            Event::Evaluated(e) => evaluating += e.evaluation_ns,
            _ => {}
        }
        // Writing takes a moment.
        stamped.at_ns = training + evaluating + stamped.seq * 1_000_000;
    }
    let last = all.last().map_or(1, |e| e.at_ns);
    all.iter_mut().for_each(|e| e.at_ns = (e.at_ns as f64 / last as f64 * end as f64) as u64);
    all
}

/// The record with what sensors said five times a second, told after each metering.
fn sampled(events: &[Stamped], forward: bool) -> Vec<Stamped> {
    let evaluation = |s: f64| {
        events.iter().any(|e| match &e.event {
            Event::Evaluated(evaluation) => {
                let to = e.at_ns as f64 * 1e-9;
                (to - evaluation.evaluation_ns as f64 * 1e-9..to).contains(&s)
            }
            _ => false,
        })
    };
    let mut from = 0_u64;
    let mut all: Vec<Stamped> = Vec::new();
    for stamped in events {
        all.push(stamped.clone());
        if let Event::Metered { .. } = stamped.event {
            let moments = from / 200_000_000 + 1..=stamped.at_ns / 200_000_000;
            let moments: Vec<(u64, bool)> =
                moments.map(|fifth| (fifth * 200_000_000, evaluation(fifth as f64 / 5.0))).collect();
            from = stamped.at_ns;
            let event = Event::Sampled { series: series(forward, &moments) };
            all.push(Stamped { event, ..stamped.clone() });
        }
    }
    (0..).zip(&mut all).for_each(|(seq, e)| e.seq = seq);
    all
}

/// What sensors said at those moments, some of which lie in evaluations.
fn series(forward: bool, moments: &[(u64, bool)]) -> Vec<Series> {
    let mib = 1_048_576.0;
    let of = |name: &str, part: Option<&str>, unit: Unit, source: &str, value: &dyn Fn(f64, bool) -> f64| {
        let point =
            |&(at_ns, evaluates): &(u64, bool)| Point { at_ns, value: value(at_ns as f64 * 1e-9, evaluates) };
        Series {
            name: name.into(),
            part: part.map(Into::into),
            unit,
            source: source.into(),
            points: moments.iter().map(point).collect(),
        }
    };
    let watts = |s: f64, evaluates: bool| if evaluates { 101.0 } else { 72.0 } + 2.5 * (s * 1.7).sin() + (s * 7.1).cos();
    let activations = if forward { 9.4 } else { 41.7 };
    let breath = |s: f64| 0.75 + 0.25 * (s * 2.3).sin();
    vec![
        of("power", None, Unit::Watts, "energy sensors: package-0, dram", &watts),
        of("power", Some("package-0"), Unit::Watts, "RAPL", &|s, e| 0.86 * watts(s, e)),
        of("power", Some("dram"), Unit::Watts, "RAPL", &|s, e| 0.14 * watts(s, e)),
        of("resident", None, Unit::Bytes, "/proc/self/statm", &|s, _| {
            (210.0 + activations * (1.0 - (-s).exp())) * mib
        }),
        of("allocated", None, Unit::Bytes, "counting allocator", &|s, _| {
            (101.8 + activations * breath(s)) * mib
        }),
        of("cpu_use", None, Unit::Count, "getrusage", &|s, e| {
            if e { 7.6 } else { 6.9 + 0.2 * (s * 3.0).sin() }
        }),
        of("clock", None, Unit::Hertz, "cpufreq", &|s, _| 3.1e9 - 2e8 * (1.0 - (-s / 20.0).exp())),
    ]
}

fn scalars(forward: bool, epoch: f64, chance: &mut Chance) -> Vec<Scalar> {
    let mut scalars = Vec::new();
    let mut say = |name: &str, layer: Option<u64>, value: f64| {
        scalars.push(Scalar { name: name.into(), layer, value });
    };
    if !forward {
        say("loss", None, 0.35 * (-0.6 * epoch).exp() + 0.004);
        return scalars;
    }
    for layer in 0..LAYERS as u64 {
        let pace = 1.0 - (-epoch * (0.9 - 0.13 * layer as f64)).exp();
        let wobble = 0.03 * (chance.next() - 0.5);
        say("goodness_positive", Some(layer), 1.0 + (0.75 - 0.08 * layer as f64) * pace + wobble);
        say("goodness_negative", Some(layer), 1.0 - (0.62 - 0.06 * layer as f64) * pace - wobble);
        say("pairwise_errors", Some(layer), 0.5 * (1.0 - pace) + 0.01 + 0.004 * layer as f64);
        say("loss", Some(layer), 0.7 - 0.55 * pace);
        let doubt = (-epoch * (1.1 + 0.25 * layer as f64)).exp();
        say("sparsity", Some(layer), 0.5 + (0.3 - 0.05 * layer as f64) * pace);
        say("dead_units", Some(layer), 0.001 * layer as f64 * pace);
        say("always_on", Some(layer), 0.04 * (1.0 - pace));
        say("rows_taught", Some(layer), 0.14 - 0.03 * layer as f64 + 0.4 * doubt + 0.2 * wobble);
    }
    say("head_loss", None, 0.5 * (-0.5 * epoch).exp() + 0.02);
    scalars
}

fn evaluate(events: &mut Vec<Event>, forward: bool, epoch: u64, train_ns: u64, chance: &mut Chance) {
    let readouts: &[(&str, f64, f64, f64)] = if forward {
        &[("goodness", 0.0142, 0.085, 0.42), ("head", 0.0156, 0.062, 0.38)]
    } else {
        &[("logits", 0.0138, 0.041, 0.55)]
    };
    for &(readout, floor, above, pace) in readouts {
        for split in [Split::Test, Split::Train] {
            let floor = if split == Split::Train { floor * 0.3 } else { floor };
            let noise = 1.0 + 0.12 * (chance.next() - 0.5);
            let error = (floor + above * (-pace * (epoch - 1) as f64).exp()) * noise;
            let mut e = evaluation(readout, epoch * STEPS, error);
            e.error = e.errors.map(|errors| errors as f64 / e.rows as f64);
            (e.split, e.train_ns) = (split, train_ns);
            e.evaluation_ns = if readout == "goodness" { 350_000_000 } else { 240_000_000 };
            e.confusion = e.errors.filter(|_| e.last && split == Split::Test).map(confusion);
            events.push(Event::Evaluated(e));
        }
    }
}

/// Spreads `errors` over the pairs of digits that look alike.
fn confusion(errors: u64) -> Vec<Vec<u64>> {
    const ALIKE: [(usize, usize); 14] = [
        (4, 9),
        (9, 4),
        (7, 2),
        (2, 7),
        (3, 5),
        (5, 3),
        (8, 3),
        (6, 0),
        (9, 7),
        (3, 8),
        (5, 6),
        (2, 3),
        (1, 7),
        (0, 6),
    ];
    let mut table = vec![vec![0_u64; 10]; 10];
    for (class, row) in table.iter_mut().enumerate() {
        row[class] = ROWS / 10;
    }
    for k in 0..errors as usize {
        // Triangular numbers favour the first pairs.
        let (truth, guess) = ALIKE[(k * (k + 1) / 2) % 17 % ALIKE.len()];
        table[truth][guess] += 1;
        table[truth][truth] -= 1;
    }
    table
}

fn metered(forward: bool, epoch: u64, train_ns: u64) -> Event {
    let mut phases = Vec::new();
    let mut spend = |phase: &str, layer: Option<u64>, share: f64, training: bool| {
        phases.push(PhaseTime {
            phase: phase.into(),
            layer,
            time_ns: (train_ns as f64 * share) as u64,
            training,
        });
    };
    spend("stall", None, 0.011, true);
    if forward {
        spend("negatives", None, 0.024, true);
    }
    for layer in 0..LAYERS as u64 {
        let size = if layer == 0 { 0.21 } else { 0.25 };
        spend("forward", Some(layer), size * 0.38, true);
        spend("credit", Some(layer), size * if forward { 0.19 } else { 0.37 }, true);
        spend("update", Some(layer), size * if forward { 0.36 } else { 0.26 }, true);
    }
    spend("readout", None, 0.012, true);
    spend("evaluation", None, if forward { 0.18 } else { 0.06 }, false);
    spend("checkpoint", None, 0.004, false);
    spend("log", None, 0.001, false);
    spend("unaccounted", None, 0.003, false);
    Event::Metered {
        epoch,
        step: epoch * STEPS,
        train_ns,
        phases,
        readings: readings(forward, epoch, train_ns),
    }
}

fn readings(forward: bool, epoch: u64, train_ns: u64) -> Vec<Reading> {
    let mib = 1_048_576.0;
    let seconds = train_ns as f64 * 1e-9;
    let bytes = |name: &str, part: Option<&str>, mib_count: f64, source: &str| {
        Reading::measured(name, part, Unit::Bytes, mib_count * mib, source)
    };
    let allocator = "counting allocator";
    let activations = if forward { 9.4 } else { 41.7 };
    vec![
        Reading::measured("wall", None, Unit::Seconds, seconds * 1.22, "monotonic clock"),
        Reading::measured("cpu_time", None, Unit::Seconds, seconds * 6.9, "getrusage"),
        bytes("resident", None, 210.0 + activations, "/proc/self/statm"),
        bytes("resident_peak", None, 231.0 + activations, "/proc/self/status VmHWM"),
        bytes("allocated_peak", None, 101.8 + activations, allocator),
        bytes("allocated_peak", Some("parameters"), 14.5, allocator),
        bytes("allocated_peak", Some("optimizer"), 29.0, allocator),
        bytes("allocated_peak", Some("activations"), activations, allocator),
        bytes("allocated_peak", Some("data"), 12.3, allocator),
        bytes("allocated_peak", Some("other"), 2.6, allocator),
        bytes("saved_peak", None, if forward { 0.9 } else { 3.1 }, "sum of saved values"),
        Reading::measured(
            "multiply_adds",
            None,
            Unit::MultiplyAdds,
            epoch as f64 * if forward { 1.34e12 } else { 0.68e12 },
            "counted from shapes",
        ),
        Reading::measured("energy", None, Unit::Joules, seconds * 95.0, "energy sensors: package-0, dram"),
        Reading::measured("energy", Some("package-0"), Unit::Joules, seconds * 81.7, "RAPL"),
        Reading::measured("energy", Some("dram"), Unit::Joules, seconds * 13.3, "RAPL"),
        Reading::measured(
            "energy_net",
            None,
            Unit::Joules,
            seconds * 61.0,
            "energy sensors: package-0, dram",
        ),
        Reading::measured("idle_power", None, Unit::Watts, 27.9, "energy sensors: package-0, dram"),
        Reading::measured("steal_time", None, Unit::Fraction, 0.014, "/proc/stat"),
        Reading::unavailable(
            "energy",
            Some("package"),
            Unit::Joules,
            "the kernel has no powercap: this is a virtual machine",
            "run on bare metal with the intel_rapl module",
        ),
    ]
}

fn picture(side: u64, caption: String, pixel: impl Fn(f64, f64) -> f64) -> Picture {
    let at = |i: u64| (i as f64 + 0.5) / side as f64;
    let pixels: Vec<u8> =
        (0..side * side).map(|i| pixel(at(i % side), at(i / side)).clamp(0.0, 255.0) as u8).collect();
    Picture {
        width: side,
        height: side,
        channels: 1,
        base64: base64::engine::general_purpose::STANDARD.encode(pixels),
        caption,
        truth: None,
        guess: None,
        margin: None,
    }
}

/// Localised waves for Forward-Forward, rounder and noisier spots for back-propagation.
fn features(forward: bool, chance: &mut Chance) -> Vec<Picture> {
    let one = |unit: u64| {
        let (cx, cy, angle) =
            (0.25 + 0.5 * chance.next(), 0.25 + 0.5 * chance.next(), std::f64::consts::TAU * chance.next());
        let frequency = if forward { 14.0 + 18.0 * chance.next() } else { 7.0 + 6.0 * chance.next() };
        let width = if forward { 0.16 } else { 0.23 };
        let grain = if forward { 9.0 } else { 26.0 };
        let salt = chance.next() * 1e3;
        picture(SIDE, format!("unit {}", unit * 13), |x, y| {
            let (dx, dy) = (x - cx, y - cy);
            let wave = (frequency * (dx * angle.cos() + dy * angle.sin())).cos();
            let noise = ((x * 91.7 + y * 57.3 + salt).sin() * 43_758.5).fract();
            128.0 + 110.0 * wave * (-(dx * dx + dy * dy) / (2.0 * width * width)).exp() + grain * noise
        })
    };
    (0..48).map(one).collect()
}

/// Strokes of the ten digits in the unit square.
const STROKES: [&[(f64, f64)]; 10] = [
    &[(0.5, 0.2), (0.34, 0.35), (0.33, 0.65), (0.5, 0.8), (0.66, 0.65), (0.67, 0.35), (0.5, 0.2)],
    &[(0.4, 0.32), (0.53, 0.2), (0.51, 0.8)],
    &[(0.35, 0.32), (0.5, 0.2), (0.65, 0.33), (0.38, 0.78), (0.68, 0.77)],
    &[(0.36, 0.24), (0.62, 0.24), (0.48, 0.46), (0.65, 0.62), (0.52, 0.8), (0.34, 0.74)],
    &[(0.4, 0.2), (0.34, 0.52), (0.66, 0.52), (0.62, 0.25), (0.6, 0.82)],
    &[(0.65, 0.21), (0.4, 0.22), (0.38, 0.46), (0.6, 0.48), (0.64, 0.68), (0.48, 0.8), (0.34, 0.73)],
    &[(0.6, 0.2), (0.4, 0.45), (0.36, 0.68), (0.5, 0.8), (0.64, 0.66), (0.52, 0.52), (0.37, 0.62)],
    &[(0.34, 0.23), (0.66, 0.23), (0.47, 0.8)],
    &[
        (0.5, 0.48),
        (0.37, 0.34),
        (0.5, 0.2),
        (0.63, 0.34),
        (0.37, 0.66),
        (0.5, 0.8),
        (0.64, 0.66),
        (0.5, 0.48),
    ],
    &[(0.63, 0.36), (0.5, 0.5), (0.37, 0.36), (0.5, 0.21), (0.63, 0.36), (0.58, 0.8)],
];

fn mistakes(chance: &mut Chance) -> Vec<Picture> {
    let one = |k: u64| {
        let (truth, guess) = [(4, 9), (7, 2), (3, 5), (9, 4), (8, 3), (6, 0)][k as usize % 6];
        let (slant, row) = (0.35 * (chance.next() - 0.5), (chance.next() * 10_000.0) as u64);
        let pen = 0.035 + 0.02 * chance.next();
        let mut digit = picture(SIDE, format!("test row {row}"), |x, y| {
            let x = x + slant * (y - 0.5);
            let away = STROKES[truth as usize].windows(2).map(|s| distance((x, y), s[0], s[1]));
            255.0 * (1.6 - away.fold(f64::INFINITY, f64::min) / pen)
        });
        (digit.truth, digit.guess) = (Some(truth), Some(guess));
        digit.margin = Some(4.2 - 0.17 * k as f64);
        digit
    };
    (0..18).map(one).collect()
}

fn distance(p: (f64, f64), a: (f64, f64), b: (f64, f64)) -> f64 {
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    let t = (((p.0 - a.0) * dx + (p.1 - a.1) * dy) / (dx * dx + dy * dy)).clamp(0.0, 1.0);
    (p.0 - a.0 - t * dx).hypot(p.1 - a.1 - t * dy)
}

/// A small generator (splitmix64), so that the samples need no dependency.
struct Chance(u64);

impl Chance {
    /// Uniform in [0, 1).
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}
