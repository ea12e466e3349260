//! Whether a run's timings can be trusted: what the machine did to it meanwhile, by its own account.

use adieu_record::Value;

use crate::run::{Run, Warning};

/// Share of the processors' time that may be lost before timings are doubted.
const MOST: f64 = 0.01;
/// Seconds below which the ticks of the machine's processors are too coarse.
const TICKS: f64 = 1.0;
/// Share of the run that a sensor of energy must have seen for its joules to be those of the run.
pub(crate) const SEEN: f64 = 0.95;

/// Relative change of a fixed piece of work's time that is no noise.
const DRIFT: f64 = 0.05;
/// Relative change of the processors' clock that is no noise.
const CLOCK: f64 = 0.03;
/// Moments below which nothing is said of clocks.
const MOMENTS: usize = 12;

/// What a reader of the run's timings must know.
pub(crate) fn of(run: &Run) -> Vec<Warning> {
    let Ok(wall_s) = run.measured("wall", None) else { return Vec::new() };
    let cores = run.start.machine.cores.unwrap_or(1).max(1) as f64;
    let found = [
        stolen(run, wall_s * cores),
        refused(run, wall_s),
        throttled(run),
        shared(run, wall_s, cores),
        drifted(run),
        clocks_changed(run),
    ];
    found.into_iter().flatten().collect()
}

fn warning(what: String, remedy: &str) -> Option<Warning> {
    Some(Warning { what, remedy: remedy.into() })
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// The share of `of_s` that a counter of seconds lost, if it is worth a word.
fn lost(run: &Run, name: &str, part: Option<&str>, of_s: f64) -> Option<f64> {
    run.measured(name, part).ok().map(|s| s / of_s).filter(|share| share.is_finite() && *share > MOST)
}

fn stolen(run: &Run, processors_s: f64) -> Option<Warning> {
    let share = percent(lost(run, "machine_cpu", Some("steal"), processors_s)?);
    warning(
        format!(
            "the host kept the processors from this machine for {share} of the time: timings are too long"
        ),
        "measure on a host that does nothing else",
    )
}

fn refused(run: &Run, wall_s: f64) -> Option<Warning> {
    let share = percent(lost(run, "group_throttled", None, wall_s)?);
    warning(
        format!("the control group was throttled for {share} of the time: timings are no timings"),
        "lift the processor quota of the container",
    )
}

fn throttled(run: &Run) -> Option<Warning> {
    run.measured("throttled", None).ok().filter(|times| *times > 0.0)?;
    let causes: Vec<&str> = causes(run).collect();
    let of = if causes.is_empty() { String::new() } else { format!(" ({})", causes.join(", ")) };
    warning(
        format!("throttled: the machine held its clocks back{of}: timings are not those of its full speed"),
        "cool it, give it a supply that is strong enough, or let it run at a clock that it can keep",
    )
}

/// What programs beside this one took, of all there was.
fn shared(run: &Run, wall_s: f64, cores: f64) -> Option<Warning> {
    let (machine, own) = run.measured("machine_cpu", None).ok().zip(run.measured("cpu_time", None).ok())?;
    let share = (machine - own) / (wall_s * cores);
    // The kernel counts ticks of 10 ms: of a short run they say nothing.
    if wall_s <= TICKS || share <= 5.0 * MOST {
        return None;
    }
    let share = percent(share);
    warning(
        format!("other programs took {share} of the processors: timings are upper bounds"),
        "measure on a machine that does nothing else",
    )
}

/// The same work before the run and after it.
fn drifted(run: &Run) -> Option<Warning> {
    let [before, after] = ["before", "after"].map(|part| run.measured("calibration", Some(part)).ok());
    let change = after? / before? - 1.0;
    if !change.is_finite() || change.abs() <= DRIFT {
        return None;
    }
    let (share, than) = (percent(change.abs()), if change > 0.0 { "longer" } else { "shorter" });
    warning(
        format!(
            "a fixed product took {share} {than} after the run than before it: the machine's speed changed"
        ),
        "let the machine come to rest, fix its clock, measure again",
    )
}

/// The clock in the first third of the run's moments and in the last.
fn clocks_changed(run: &Run) -> Option<Warning> {
    let points = &run.timeline.track("clock")?.points;
    let third = points.len() / 3;
    if points.len() < MOMENTS {
        return None;
    }
    let mean = |points: &[(f64, f64)]| points.iter().map(|p| p.1).sum::<f64>() / points.len() as f64;
    let change = mean(&points[points.len() - third..]) / mean(&points[..third]) - 1.0;
    if !change.is_finite() || change.abs() <= CLOCK {
        return None;
    }
    let (share, how) = (percent(change.abs()), if change > 0.0 { "rose" } else { "fell" });
    warning(
        format!("the processors' clock {how} by {share} from the run's first third to its last"),
        "fix the clock (governor `performance`, no boost), or warm the machine up first",
    )
}

/// Parts of `throttled` that grew during the run.
fn causes(run: &Run) -> impl Iterator<Item = &str> {
    run.readings.iter().filter(|reading| reading.name == "throttled").filter_map(|reading| {
        match reading.value {
            Value::Measured { value, .. } if value > 0.0 => reading.part.as_deref(),
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use adieu_record::{Event, Reading, Stamped, Unit};

    use super::*;
    use crate::timeline::Track;

    /// A run on two cores that was metered once.
    fn run(readings: Vec<Reading>) -> Run {
        let mut start = crate::sample::duel(&[1])[0].start.clone();
        start.machine.cores = Some(2);
        let metered = Event::Metered { epoch: 1, step: 9, train_ns: 9, phases: vec![], readings };
        let stamped = |(seq, event)| Stamped { seq, at_ns: 0, event };
        let events: Vec<Stamped> =
            (0..).zip([Event::RunStarted(Box::new(start)), metered]).map(stamped).collect();
        Run::from_events("r", &events).expect("a run")
    }

    #[test]
    fn joules_of_half_a_run_are_not_those_of_the_run() {
        let joules = |coverage| {
            let value = adieu_record::Value::Measured { value: 700.0, source: "a test".into(), coverage };
            run(vec![Reading { name: "energy".into(), part: None, unit: Unit::Joules, value }]).joules()
        };
        assert_eq!(joules(0.97).ok(), Some(700.0));
        assert_eq!(joules(0.5).unwrap_err().why, "the sensors saw 50 % of the run only");
    }

    #[test]
    fn a_clock_that_falls_is_told_and_one_that_wavers_is_not() {
        let clock = |hertz: &dyn Fn(u64) -> f64, n: u64| {
            let mut run = run(vec![Reading::measured("wall", None, Unit::Seconds, 9.0, "a test")]);
            let points = (0..n).map(|i| (i as f64, hertz(i))).collect();
            let (name, source) = ("clock".into(), "a test".into());
            run.timeline.tracks.push(Track { name, part: None, unit: Unit::Hertz, source, points });
            of(&run).into_iter().map(|warning| warning.what).collect::<Vec<_>>()
        };
        assert_eq!(clock(&|i| 3e9 + 1e8 * (i % 2) as f64, 30), [""; 0]);
        assert_eq!(clock(&|i| 3e9 - 1e8 * i as f64, 5), [""; 0], "too few");
        let fell = clock(&|i| if i < 15 { 3e9 } else { 2.7e9 }, 30);
        assert!(fell[0].contains("clock fell by 10.0 %"), "{fell:?}");
    }

    fn warned(readings: &[(&str, Option<&str>, f64)]) -> Vec<String> {
        let reading = |(name, part, s): &(&str, Option<&str>, f64)| {
            Reading::measured(name, *part, Unit::Seconds, *s, "a test")
        };
        let run = run(readings.iter().map(reading).collect());
        run.warnings.into_iter().map(|warning| warning.what).collect()
    }

    #[test]
    fn a_disturbed_run_says_so_and_a_quiet_one_does_not() {
        let wall = ("wall", None, 100.0);
        let own = ("cpu_time", None, 150.0);
        let steal = |s| ("machine_cpu", Some("steal"), s);
        assert_eq!(warned(&[wall, own, ("machine_cpu", None, 158.0), steal(1.9)]), [""; 0]);
        assert!(
            warned(&[wall, steal(5.0)])[0]
                .starts_with("the host kept the processors from this machine for 2.5 %")
        );
        assert!(
            warned(&[wall, ("group_throttled", None, 3.0)])[0].contains("throttled for 3.0 % of the time")
        );
        assert!(warned(&[wall, own, ("machine_cpu", None, 190.0)])[0].contains("other programs took 20.0 %"));
        let throttled = |part, times| ("throttled", part, times);
        let cold =
            [throttled(None, 0.0), throttled(Some("cores"), 0.0), throttled(Some("under_voltage"), 1.0)];
        assert_eq!(warned(&[&[wall], &cold[..]].concat()), [""; 0], "what does not hold it back");
        let hot = [throttled(None, 7.0), throttled(Some("cores"), 0.0), throttled(Some("packages"), 7.0)];
        assert!(
            warned(&[&[wall], &hot[..]].concat())[0]
                .starts_with("throttled: the machine held its clocks back (packages): ")
        );
        let product = |part, s| ("calibration", Some(part), s);
        assert_eq!(warned(&[wall, product("before", 1e-3), product("after", 1.04e-3)]), [""; 0]);
        let slower = warned(&[wall, product("before", 1e-3), product("after", 1.1e-3)]);
        assert!(slower[0].starts_with("a fixed product took 10.0 % longer after the run"), "{slower:?}");
        assert_eq!(warned(&[wall, product("after", 1.1e-3)]), [""; 0]);
        assert_eq!(warned(&[steal(50.0), own]), [""; 0], "without the time nothing can be said");
    }
}
