//! Whether a run's timings can be trusted: what the machine did to it meanwhile, by its own account.

use adieu_record::Value;

use crate::run::{Run, Warning};

/// Share of the processors' time that may be lost before timings are doubted.
const MOST: f64 = 0.01;
/// Seconds below which the ticks of the machine's processors are too coarse.
const TICKS: f64 = 1.0;
/// Share of the run that a sensor of energy must have seen for its joules to be those of the run.
pub(crate) const SEEN: f64 = 0.95;

/// What a reader of the run's timings must know.
pub(crate) fn of(run: &Run) -> Vec<Warning> {
    let Ok(wall) = run.measured("wall", None) else { return Vec::new() };
    let cores = run.start.machine.cores.unwrap_or(1).max(1) as f64;
    let lost = |name: &str, part: Option<&str>, of_s: f64| {
        run.measured(name, part).ok().map(|s| s / of_s).filter(|share| share.is_finite() && *share > MOST)
    };
    let percent = |share: f64| format!("{:.1} %", 100.0 * share);
    let mut all = Vec::new();
    let mut warn = |what: String, remedy: &str| all.push(Warning { what, remedy: remedy.into() });
    if let Some(share) = lost("machine_cpu", Some("steal"), wall * cores) {
        let share = percent(share);
        warn(
            format!(
                "the host kept the processors from this machine for {share} of the time: timings are too long"
            ),
            "measure on a host that does nothing else",
        );
    }
    if let Some(share) = lost("group_throttled", None, wall) {
        let share = percent(share);
        warn(
            format!("the control group was throttled for {share} of the time: timings are no timings"),
            "lift the processor quota of the container",
        );
    }
    if run.measured("throttled", None).is_ok_and(|times| times > 0.0) {
        let causes: Vec<&str> = causes(run).collect();
        let of = if causes.is_empty() { String::new() } else { format!(" ({})", causes.join(", ")) };
        warn(
            format!(
                "throttled: the machine held its clocks back{of}: timings are not those of its full speed"
            ),
            "cool it, give it a supply that is strong enough, or let it run at a clock that it can keep",
        );
    }
    // What programs beside this one took, of all there was.
    let others = run.measured("machine_cpu", None).ok().zip(run.measured("cpu_time", None).ok());
    // The kernel counts ticks of 10 ms: of a short run they say nothing.
    let share = others.filter(|_| wall > TICKS).map(|(machine, own)| (machine - own) / (wall * cores));
    if let Some(share) = share.filter(|share| *share > 5.0 * MOST) {
        let share = percent(share);
        warn(
            format!("other programs took {share} of the processors: timings are upper bounds"),
            "measure on a machine that does nothing else",
        );
    }
    all
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
        assert_eq!(warned(&[steal(50.0), own]), [""; 0], "without the time nothing can be said");
    }
}
