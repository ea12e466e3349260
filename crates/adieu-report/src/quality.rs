//! What methods cost *to a quality*: the time, multiply-adds and joules until an error is reached, in the manner of MLPerf.
//!
//! A cost is that of the first evaluation on the watched rows with an error of the target or below, by the read-out that
//! answers. A run that never gets there costs +∞: it is a result, and medians hold it as one. Methods are compared with
//! the first, seeds paired; see [`ranks`](crate::ranks) for the statistics. Seconds are those of the training clock:
//! evaluation is off it. Joules hold all that was done, evaluation too.

mod page;

use adieu_record::{Outcome, Split, Unit};
use serde::Serialize;

pub use page::html;

use crate::conditions::{apart, differing};
use crate::format::{self, ABSENT};
use crate::ranks::{holm, mann_whitney, median, olympic_mean, ratio, shift};
use crate::run::Run;
use crate::stats::Interval;
use crate::text::{aligned, wrapped};

/// The version of its JSON.
pub const FORMAT: u32 = 1;

/// An error to be reached.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Target {
    /// `common`, `strong`.
    pub name: String,
    /// Fraction of the watched rows misjudged, at most.
    pub error: f64,
}

/// A cost over the seeds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cost {
    /// By seed; `None` (`null`): never reached.
    pub values: Vec<Option<f64>>,
    /// `None`: half of the runs or more never got there.
    pub median: Option<f64>,
    /// Without the best and the worst; `None` below three seeds, or if two or more never got there.
    pub olympic_mean: Option<f64>,
}

/// A cost beside that of the first method.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Versus {
    /// Ratio of medians with its bootstrap interval; from five pairs on.
    pub ratio: Option<(f64, Interval)>,
    /// Median of all differences.
    pub shift: Option<f64>,
    /// Mann and Whitney's, two-sided.
    pub p: Option<f64>,
    /// The same after Holm's correction over all comparisons of the benchmark.
    pub p_holm: Option<f64>,
}

/// One quantity of one method at one target.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entry {
    /// Of which method.
    pub method: String,
    /// At which target.
    pub target: String,
    /// `seconds`, `epochs`, `multiply_adds` or `joules`.
    pub quantity: &'static str,
    /// Over the seeds. `None` (`null`) if it was not measured in every run.
    pub cost: Option<Cost>,
    /// Beside the first method; `None` for that itself.
    pub versus: Option<Versus>,
}

/// One method, whatever the target.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Method {
    /// Its name.
    pub name: String,
    /// Seeds, in the order of all values.
    pub seeds: Vec<u64>,
    /// Runs that diverged.
    pub diverged: usize,
    /// Runs whose timings the machine disturbed, by their own record.
    pub doubted: usize,
    /// For each target, how many reached it.
    pub reached: Vec<usize>,
    /// Median error on the watched rows at the end.
    pub last_error: Option<f64>,
    /// Median error after [`Quality::budget_seconds`] of training.
    pub error_at_seconds: Option<f64>,
    /// Median error after [`Quality::budget_macs`].
    pub error_at_macs: Option<f64>,
    /// Median peak of allocated bytes.
    pub peak_alloc_bytes: Option<f64>,
    /// Median peak of those for activity: what training holds beside data, parameters and moments.
    pub peak_activation_bytes: Option<f64>,
}

/// One run of a method, as it ended.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Attempt {
    /// Of which method.
    pub method: String,
    /// With which seed.
    pub seed: u64,
    /// Error on the watched rows at the end.
    pub error: Option<f64>,
    /// Training time, s.
    pub seconds: f64,
    /// Multiply-adds of the training.
    pub multiply_adds: Option<f64>,
    /// Joules of all that was done.
    pub joules: Option<f64>,
    /// Peak of allocated bytes.
    pub peak_alloc_bytes: Option<f64>,
}

/// A benchmark's result.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Quality {
    /// [`FORMAT`].
    pub format: u32,
    /// Name of the benchmark.
    pub name: String,
    /// What was to be reached.
    pub targets: Vec<Target>,
    /// Training time that every method had, s: that of the one that was done first.
    pub budget_seconds: Option<f64>,
    /// Multiply-adds that every method had.
    pub budget_macs: Option<f64>,
    /// The first is what the others are compared with.
    pub methods: Vec<Method>,
    /// Each quantity of each method at each target.
    pub entries: Vec<Entry>,
    /// Every run, method by method.
    pub attempts: Vec<Attempt>,
    /// Machines, power modes and sources of energy that are not the same for all runs: seconds and joules of methods
    /// that do not share them are not compared.
    pub conditions: Vec<String>,
}

const QUANTITIES: [&str; 4] = ["seconds", "epochs", "multiply_adds", "joules"];

impl Quality {
    /// Derives it from the runs of each method, those of one seed at the same place in each.
    pub fn of(name: &str, targets: &[Target], methods: &[(String, Vec<Run>)]) -> Quality {
        // Seconds of several machines are no budget.
        let fair = methods.iter().all(|(_, runs)| comparable("seconds", runs, &methods[0].1));
        let budget_seconds = least(methods, |run| Some(run.train_seconds)).filter(|_| fair);
        let budget_macs = least(methods, |run| run.metered.last()?.macs);
        let method = |(name, runs): &(String, Vec<Run>)| Method {
            name: name.clone(),
            seeds: runs.iter().map(|run| run.start.seed).collect(),
            diverged: runs.iter().filter(|run| matches!(run.outcome, Some(Outcome::Diverged { .. }))).count(),
            doubted: runs.iter().filter(|run| !run.warnings.is_empty()).count(),
            reached: targets
                .iter()
                .map(|t| runs.iter().filter(|run| reached(run, t.error).is_some()).count())
                .collect(),
            last_error: median_of(runs, |run| Some(points(run)?.last()?.error)),
            error_at_seconds: median_of(runs, |run| {
                points(run)?
                    .iter()
                    .rfind(|p| budget_seconds.is_some_and(|b| p.train_seconds <= b * (1.0 + 1e-9)))
                    .map(|p| p.error)
            }),
            error_at_macs: median_of(runs, |run| {
                let within = |step: u64| macs_at(run, step).zip(budget_macs).is_some_and(|(m, b)| m <= b);
                points(run)?.iter().rfind(|p| within(p.step)).map(|p| p.error)
            }),
            peak_alloc_bytes: median_of(runs, |run| run.measured("allocated_peak", None).ok()),
            peak_activation_bytes: median_of(runs, |run| {
                run.measured("allocated_peak", Some("activations")).ok()
            }),
        };
        let mut entries = Vec::new();
        for target in targets {
            for quantity in QUANTITIES {
                let costs: Vec<_> =
                    methods.iter().map(|(_, runs)| costs(runs, target.error, quantity)).collect();
                for (i, ((method, _), own)) in methods.iter().zip(&costs).enumerate() {
                    let fair = i > 0 && comparable(quantity, &methods[i].1, &methods[0].1);
                    let versus = own.as_ref().zip(costs[0].as_ref()).filter(|_| fair);
                    entries.push(Entry {
                        method: method.clone(),
                        target: target.name.clone(),
                        quantity,
                        cost: own.as_ref().map(|values| cost(values)),
                        versus: versus.map(|(own, first)| versus_of(own, first)),
                    });
                }
            }
        }
        correct(&mut entries);
        let attempts =
            methods.iter().flat_map(|(name, runs)| runs.iter().map(|run| attempt(name, run))).collect();
        let all: Vec<Run> = methods.iter().flat_map(|(_, runs)| runs.iter().cloned()).collect();
        let methods = methods.iter().map(method).collect();
        Quality {
            format: FORMAT,
            name: name.into(),
            targets: targets.to_vec(),
            budget_seconds,
            budget_macs,
            methods,
            entries,
            attempts,
            conditions: differing(&all),
        }
    }

    /// The entry of that method, target and quantity.
    pub fn entry(&self, method: &str, target: &str, quantity: &str) -> Option<&Entry> {
        self.entries.iter().find(|e| e.method == method && e.target == target && e.quantity == quantity)
    }
}

/// Whether that quantity of any two of these runs was measured under the same conditions.
fn comparable(quantity: &str, a: &[Run], b: &[Run]) -> bool {
    let key = match quantity {
        "seconds" => "train_seconds",
        "joules" => "energy_joules",
        _ => return true,
    };
    let first = a.iter().chain(b).next();
    first.is_none_or(|first| a.iter().chain(b).all(|run| apart(key, first, run).is_none()))
}

/// The least of the methods' median totals, of those whose every run knows it.
fn least(methods: &[(String, Vec<Run>)], of: impl Fn(&Run) -> Option<f64>) -> Option<f64> {
    let medians = methods.iter().filter_map(|(_, runs)| {
        let values: Option<Vec<f64>> = runs.iter().map(&of).collect();
        median(&values?)
    });
    medians.min_by(f64::total_cmp)
}

fn attempt(method: &str, run: &Run) -> Attempt {
    Attempt {
        method: method.into(),
        seed: run.start.seed,
        error: points(run).and_then(|points| Some(points.last()?.error)),
        seconds: run.train_seconds,
        multiply_adds: run.metered.last().and_then(|last| last.macs),
        joules: run.metered.last().and_then(|last| last.joules),
        peak_alloc_bytes: run.measured("allocated_peak", None).ok(),
    }
}

fn versus_of(own: &[f64], first: &[f64]) -> Versus {
    let pairs: Vec<(f64, f64)> = own.iter().copied().zip(first.iter().copied()).collect();
    Versus { ratio: ratio(&pairs), shift: shift(own, first), p: mann_whitney(own, first), p_holm: None }
}

/// Holm's correction over all comparisons of what was timed: multiply-adds and epochs are counted, not noisy.
fn correct(entries: &mut [Entry]) {
    let timed = |entry: &&mut Entry| matches!(entry.quantity, "seconds" | "joules");
    let mut compared: Vec<&mut Versus> = entries
        .iter_mut()
        .filter(timed)
        .filter_map(|entry| entry.versus.as_mut())
        .filter(|v| v.p.is_some())
        .collect();
    let p: Vec<f64> = compared.iter().filter_map(|versus| versus.p).collect();
    for (versus, corrected) in compared.iter_mut().zip(holm(&p)) {
        versus.p_holm = Some(corrected);
    }
}

fn cost(values: &[f64]) -> Cost {
    let finite = |value: f64| value.is_finite().then_some(value);
    Cost {
        values: values.iter().map(|value| finite(*value)).collect(),
        median: median(values).and_then(finite),
        olympic_mean: olympic_mean(values).and_then(finite),
    }
}

/// Of each run; +∞ where the target is never reached. `None` where it was reached but the quantity is not known.
fn costs(runs: &[Run], error: f64, quantity: &str) -> Option<Vec<f64>> {
    if quantity == "joules"
        && runs.iter().any(|run| run.metered.last().is_none_or(|last| last.joules.is_none()))
    {
        return None; // nobody knows what the runs cost that never got there either
    }
    let of = |run: &Run| {
        let Some(point) = reached(run, error) else { return Some(f64::INFINITY) };
        match quantity {
            "seconds" => Some(point.train_seconds),
            "epochs" => Some(point.epoch),
            "multiply_adds" => macs_at(run, point.step),
            _ => run.metered.iter().find(|metered| metered.step >= point.step)?.joules,
        }
    };
    let all: Option<Vec<f64>> = runs.iter().map(of).collect();
    all.filter(|all| !all.is_empty())
}

fn macs_at(run: &Run, step: u64) -> Option<f64> {
    run.metered.iter().find(|metered| metered.step >= step)?.macs
}

/// The curve on the rows that choose, or on the test rows where none do.
fn points(run: &Run) -> Option<&[crate::Point]> {
    let readout = run.readout()?;
    let curve = run.curve(Split::Validation, readout).or_else(|| run.curve(Split::Test, readout))?;
    Some(&curve.points)
}

fn reached(run: &Run, error: f64) -> Option<&crate::Point> {
    points(run)?.iter().find(|point| point.error <= error)
}

fn median_of(runs: &[Run], of: impl Fn(&Run) -> Option<f64>) -> Option<f64> {
    let values: Vec<f64> = runs.iter().filter_map(of).collect();
    median(&values)
}

/// For a terminal: a table for each target, one of the rest, and what can be told apart.
pub fn table(quality: &Quality) -> String {
    let mut text = String::new();
    for (i, target) in quality.targets.iter().enumerate() {
        let head = ["method", "reached", "seconds", "ratio", "p (Holm)", "epochs", "mult-adds", "energy"];
        let mut rows = vec![head.map(String::from).to_vec()];
        rows.extend(quality.methods.iter().map(|method| row(quality, method, i)));
        text += &format!(
            "to an error of {} ({})\n{}\n",
            format::percent(target.error),
            target.name,
            aligned(&rows, 1)
        );
    }
    let head = [
        "method",
        "seeds",
        "last error",
        "at equal time",
        "at equal mult-adds",
        "peak memory",
        "activity",
        "doubted",
    ];
    let mut rows = vec![head.map(String::from).to_vec()];
    rows.extend(quality.methods.iter().map(|method| {
        let percent = |error: Option<f64>| error.map_or(ABSENT.into(), format::percent);
        let bytes = |b: Option<f64>| b.map_or(ABSENT.into(), |bytes| format::value(Unit::Bytes, bytes));
        vec![
            method.name.clone(),
            method.seeds.len().to_string(),
            percent(method.last_error),
            percent(method.error_at_seconds),
            percent(method.error_at_macs),
            bytes(method.peak_alloc_bytes),
            bytes(method.peak_activation_bytes),
            format!("{} of {}", method.doubted, method.seeds.len()),
        ]
    }));
    text += &aligned(&rows, 1);
    text.push('\n');
    text + &wrapped(&said(quality).join(" "), "")
}

fn row(quality: &Quality, method: &Method, target: usize) -> Vec<String> {
    let of = |quantity| quality.entry(&method.name, &quality.targets[target].name, quantity);
    let middle = |quantity, unit| {
        let Some(cost) = of(quantity).and_then(|entry| entry.cost.as_ref()) else { return ABSENT.into() };
        cost.median.map_or_else(|| "never".into(), |value| format::value(unit, value))
    };
    let versus = of("seconds").and_then(|entry| entry.versus.as_ref());
    let ratio = versus.and_then(|versus| versus.ratio);
    vec![
        method.name.clone(),
        format!("{}/{}", method.reached[target], method.seeds.len()),
        middle("seconds", Unit::Seconds),
        ratio.map_or(ABSENT.into(), |(r, i)| format!("{r:.2} ({:.2}–{:.2})", i.lo, i.hi)),
        versus
            .and_then(|versus| versus.p_holm)
            .map_or(ABSENT.into(), |p| if p < 0.001 { "< 0.001".into() } else { format!("{p:.3}") }),
        middle("epochs", Unit::Count),
        middle("multiply_adds", Unit::MultiplyAdds),
        middle("joules", Unit::Joules),
    ]
}

/// What may be said of each method's time beside the first's: nothing where the interval holds 1 or p is not below 0.05.
fn said(quality: &Quality) -> Vec<String> {
    let first = quality.methods.first().map_or("", |method| &method.name);
    let mut all = Vec::new();
    for target in &quality.targets {
        let mut alike = Vec::new();
        let of_target = |entry: &&Entry| entry.quantity == "seconds" && entry.target == target.name;
        for entry in quality.entries.iter().filter(of_target) {
            let Some(versus) = &entry.versus else { continue };
            let clear = versus.p_holm.is_some_and(|p| p < 0.05);
            let never = entry.cost.as_ref().is_some_and(|cost| cost.median.is_none());
            match versus.ratio {
                Some((ratio, interval)) if clear && !interval.holds(1.0) => {
                    let word = if ratio < 1.0 { "less" } else { "more" };
                    let (method, name) = (&entry.method, &target.name);
                    all.push(format!("{method} needs {word} time than {first} to {name}: {ratio:.2} times."));
                }
                _ if clear && never => {
                    all.push(format!("{} does not get to {} as {first} does.", entry.method, target.name));
                }
                _ => alike.push(entry.method.as_str()),
            }
        }
        if !alike.is_empty() {
            let (alike, name) = (alike.join("; "), &target.name);
            all.push(format!("Not told apart from {first} by the time to {name}: {alike}."));
        }
    }
    all.extend(quality.conditions.iter().map(|what| crate::label::starting(&format!("{what}."))));
    let told = |entry: &&Entry| entry.versus.as_ref().is_some_and(|versus| versus.p_holm.is_some());
    let compared = quality.entries.iter().filter(told).count();
    let few = |method: &Method| {
        // The least p there can be, and what correction leaves of it.
        let n = method.seeds.len();
        let apart: Vec<f64> = (0..2 * n).map(|i| i as f64).collect();
        n < 5 || mann_whitney(&apart[..n], &apart[n..]).is_none_or(|p| p * compared as f64 >= 0.05)
    };
    if quality.methods.iter().any(few) {
        all.push(
            "So few seeds can hardly tell anything apart, corrected for so many comparisons: give more."
                .into(),
        );
    }
    if quality.methods.iter().any(|method| method.doubted > 0) {
        all.push("Doubted runs were disturbed by the machine; their records say how. They are kept.".into());
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{Curve, Metered, Point};
    use crate::sample;

    /// A run with these errors, an epoch every `seconds`, `macs` and, if measured, `joules` an epoch.
    pub(super) fn run(seed: u64, errors: &[f64], seconds: f64, joules: Option<f64>) -> Run {
        let mut run = sample::duel(&[seed])[0].clone();
        let readout = run.readout().expect("it has one").to_string();
        let at = |i: usize| (i + 1) as f64;
        let point = |(i, error): (usize, &f64)| Point {
            epoch: at(i),
            step: 10 * (i as u64 + 1),
            train_seconds: seconds * at(i),
            error: *error,
            rows: 100,
        };
        let points: Vec<Point> = errors.iter().enumerate().map(point).collect();
        run.train_seconds = seconds * errors.len() as f64;
        run.curves = vec![Curve { split: Split::Validation, readout, points }];
        run.metered = (0..errors.len())
            .map(|i| Metered {
                step: 10 * (i as u64 + 1),
                macs: Some(1e6 * at(i)),
                joules: joules.map(|j| j * at(i)),
            })
            .collect();
        run
    }

    pub(super) fn target(error: f64) -> Vec<Target> {
        vec![Target { name: "common".into(), error }]
    }

    #[test]
    fn costs_are_those_of_the_first_evaluation_at_the_target() {
        let errors = [0.5, 0.2, 0.1, 0.05];
        let seeds = |by: f64, joules| {
            (1..=5).map(|s| run(s, &errors, by * (1.0 + 0.01 * s as f64), joules)).collect()
        };
        let methods = [("bp".to_string(), seeds(1.0, Some(7.0))), ("ff".to_string(), seeds(2.0, Some(7.0)))];
        let found = Quality::of("q", &target(0.1), &methods);
        let of = |method, quantity| found.entry(method, "common", quantity).expect("there").clone();
        let median =
            |method, quantity| of(method, quantity).cost.and_then(|cost| cost.median).expect("measured");
        assert!(
            (median("bp", "seconds") - 3.09).abs() < 1e-12 && (median("ff", "seconds") - 6.18).abs() < 1e-12
        );
        assert_eq!(
            (median("ff", "epochs"), median("ff", "multiply_adds"), median("ff", "joules")),
            (3.0, 3e6, 21.0)
        );
        let versus = of("ff", "seconds").versus.expect("beside the first");
        let (ratio, interval) = versus.ratio.expect("five pairs");
        assert!((ratio - 2.0).abs() < 1e-9 && interval.lo > 1.5, "{ratio} {interval:?}");
        assert!((versus.p.unwrap() - 2.0 / 252.0).abs() < 1e-12);
        // Two comparisons were corrected for: seconds, and joules, which do not differ.
        assert!((versus.p_holm.unwrap() - 4.0 / 252.0).abs() < 1e-12);
        assert!(of("bp", "seconds").versus.is_none());
        // In the time bp takes for four epochs, the median of its seeds, three of five seeds of ff do two.
        assert_eq!(found.methods[1].error_at_seconds, Some(0.2));
        assert_eq!(found.methods[1].error_at_macs, Some(0.05));
        assert!(
            said(&found).contains(&"ff needs more time than bp to common: 2.00 times.".into()),
            "{:?}",
            said(&found)
        );
    }

    #[test]
    fn never_reached_is_a_result_and_not_measured_is_no_zero() {
        let good: Vec<Run> = (1..=5).map(|s| run(s, &[0.2, 0.05], 1.0 + 0.01 * s as f64, None)).collect();
        let mut bad: Vec<Run> = (1..=4).map(|s| run(s, &[0.4, 0.3], 1.0, None)).collect();
        bad.push(run(5, &[0.2, 0.08], 1.0, None));
        let found = Quality::of("q", &target(0.1), &[("bp".into(), good), ("ff".into(), bad)]);
        let cost = found.entry("ff", "common", "seconds").and_then(|e| e.cost.clone()).expect("told");
        assert_eq!((cost.values, cost.median), (vec![None, None, None, None, Some(2.0)], None));
        assert_eq!(found.methods[1].reached, [1]);
        assert!(found.entries.iter().filter(|e| e.quantity == "joules").all(|e| e.cost.is_none()));
        let text = table(&found);
        assert!(text.contains("never") && text.contains("1/5") && !text.contains(" 0 J"), "{text}");
        assert!(serde_json::to_string(&found).unwrap().contains("\"values\":[null,null,null,null,2.0]"));
    }

    #[test]
    fn few_seeds_tell_nothing_apart() {
        let some = |by: f64| (1..=2).map(|s| run(s, &[0.05], by, None)).collect::<Vec<_>>();
        let found = Quality::of("q", &target(0.1), &[("bp".into(), some(1.0)), ("ff".into(), some(9.0))]);
        let text = said(&found).join(" ");
        assert!(
            text.contains("Not told apart from bp by the time to common: ff.")
                && text.contains("So few seeds can hardly"),
            "{text}"
        );
    }
}
