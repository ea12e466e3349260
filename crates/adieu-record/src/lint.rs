//! The rules a record must obey.
//!
//! [`lint`] judges what a record says, not how it was read: [`jsonl::read`](crate::jsonl::read) has seen to it that
//! every line is an event. Each [`Finding`] names one of the [`Rule`]s. A record without errors can be trusted to be
//! what a trainer wrote; *warnings* mark what is whole but not finished.
//!
//! A run that was resumed goes back to a checkpoint: what lies between the checkpoint's step and the
//! [`Event::Resumed`] is superseded. The rules hold for every stretch, and what must be so in the end
//! (all steps done, a last evaluation) must be so in what was not superseded.

mod rule;
mod values;

use std::collections::BTreeMap;
use std::fmt;

use crate::event::{Event, Outcome, RunStart, Stamped};
use crate::jsonl::Warning;
use crate::reading::Series;

pub use rule::Rule;

/// How bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The record contradicts itself or the vocabulary: nothing should be concluded from it.
    Error,
    /// The record is sound but incomplete.
    Warning,
}

/// A rule broken at a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad.
    pub severity: Severity,
    /// Line, counted from 1; the event's index is one less. An empty record is judged at line 1.
    pub line: u64,
    /// Which rule.
    pub rule: Rule,
    /// How it is broken.
    pub what: String,
    /// What to do about it.
    pub remedy: &'static str,
}

impl fmt::Display for Finding {
    /// `error at line 12 (steps): …; …`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Finding { severity, line, rule, what, remedy } = self;
        let severity = match severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{severity} at line {line} ({}): {what}; {remedy}", rule.name())
    }
}

/// Everything that breaks a rule in a record, in the order of its lines.
pub fn lint(events: &[Stamped], warnings: &[Warning]) -> Vec<Finding> {
    let mut linter = Linter::default();
    for (line, stamped) in (1..).zip(events) {
        linter.line = line;
        linter.judge(stamped);
    }
    linter.line = linter.line.max(1);
    if events.is_empty() {
        linter.error(Rule::Start, "the record is empty".into());
    } else if linter.ended.is_none() {
        linter.find(Severity::Warning, Rule::End, "cut off: the record does not end with `run_ended`".into());
    }
    for Warning { line, what } in warnings {
        linter.line = *line;
        linter.find(Severity::Warning, Rule::Torn, what.clone());
    }
    linter.findings
}

/// What is known of the run up to the current line. Superseded events are forgotten when the run is resumed.
#[derive(Default)]
struct Linter<'a> {
    findings: Vec<Finding>,
    line: u64,
    next_seq: u64,
    at_ns: u64,
    start: Option<&'a RunStart>,
    /// The end, unless the run was resumed since.
    ended: Option<&'a Outcome>,
    /// An event after that end was found already.
    told_after_end: bool,
    /// The epoch that is running or ended last; 0 before the first.
    epoch: u64,
    /// The run was resumed inside `epoch`, which may be announced once more.
    reopened: bool,
    /// Last step of the last window.
    window_end: u64,
    /// Steps done, as far as any event has told.
    done: u64,
    train_ns: u64,
    /// (step, training clock) of every event that told both.
    clocks: Vec<(u64, u64)>,
    /// (file, step) of the checkpoints.
    checkpoints: Vec<(&'a str, u64)>,
    /// Steps at which a last evaluation was made.
    last_evaluations: Vec<u64>,
    /// The last moment of each quantity and part that was sampled.
    sampled: BTreeMap<(&'a str, Option<&'a str>), u64>,
}

impl<'a> Linter<'a> {
    fn find(&mut self, severity: Severity, rule: Rule, what: String) {
        self.findings.push(Finding { severity, line: self.line, rule, what, remedy: rule.remedy() });
    }

    fn error(&mut self, rule: Rule, what: String) {
        self.find(Severity::Error, rule, what);
    }

    fn require(&mut self, holds: bool, rule: Rule, what: impl FnOnce() -> String) {
        if !holds {
            self.error(rule, what());
        }
    }

    fn judge(&mut self, stamped: &'a Stamped) {
        self.stamp(stamped);
        self.place(&stamped.event);
        values::check(&stamped.event, self.start, &mut |rule, what| {
            let remedy = rule.remedy();
            self.findings.push(Finding { severity: Severity::Error, line: self.line, rule, what, remedy });
        });
        match &stamped.event {
            Event::RunStarted(start) => self.start = self.start.or(Some(start)),
            Event::EpochStarted { epoch, .. } => self.epoch_started(*epoch),
            Event::Step { epoch, first, last, train_ns, .. } => {
                self.window(*epoch, *first, *last);
                self.clock(*last, *train_ns);
            }
            Event::Evaluated(e) => {
                self.epoch_told(e.epoch);
                self.advance(e.step);
                self.clock(e.step, e.train_ns);
                if e.last {
                    self.last_evaluations.push(e.step);
                }
            }
            Event::Metered { epoch, step, train_ns, .. } => {
                self.epoch_told(*epoch);
                self.advance(*step);
                self.clock(*step, *train_ns);
            }
            Event::Sampled { series } => series.iter().for_each(|s| self.sampled(s)),
            Event::CheckpointSaved { file, step, .. } => {
                self.advance(*step);
                self.checkpoints.push((file, *step));
            }
            Event::Resumed { checkpoint, step, train_ns } => self.resumed(checkpoint, *step, *train_ns),
            Event::RunEnded { outcome, steps, train_ns } => {
                self.advance(*steps);
                self.clock(*steps, *train_ns);
                self.ended(outcome, *steps);
            }
            Event::Warned { .. } | Event::Pictured { .. } => {}
        }
    }

    fn stamp(&mut self, Stamped { seq, at_ns, .. }: &Stamped) {
        let (next, before) = (self.next_seq, self.at_ns);
        self.require(*seq == next, Rule::Sequence, || format!("seq is {seq}, but {next} comes next"));
        self.require(*at_ns >= before, Rule::Time, || format!("at_ns goes back from {before} to {at_ns}"));
        (self.next_seq, self.at_ns) = (seq.saturating_add(1), *at_ns);
    }

    /// One start, first; after an end nothing but a resumption.
    fn place(&mut self, event: &Event) {
        match event {
            Event::RunStarted(_) => {
                self.require(self.line == 1, Rule::Start, || {
                    "`run_started` again: a record holds one run".into()
                });
            }
            _ => self.require(self.line > 1, Rule::Start, || "the first event is not `run_started`".into()),
        }
        match (self.ended, event) {
            (Some(Outcome::Finished | Outcome::Diverged { .. }), Event::Resumed { .. }) => {
                self.error(Rule::AfterEnd, "a run that had finished or diverged was resumed".into());
            }
            (Some(_), Event::Resumed { .. }) | (None, _) => {}
            (Some(_), _) if self.told_after_end => {}
            (Some(_), _) => {
                self.told_after_end = true;
                self.error(Rule::AfterEnd, "the run goes on after `run_ended` without `resumed`".into());
            }
        }
    }

    fn steps_per_epoch(&self) -> Option<u64> {
        self.start.map(|s| s.steps_per_epoch).filter(|&n| n > 0)
    }

    /// Steps of the whole run.
    fn planned(&self) -> Option<u64> {
        Some(self.start?.epochs.saturating_mul(self.steps_per_epoch()?))
    }

    fn epoch_started(&mut self, epoch: u64) {
        let now = self.epoch;
        let again = self.reopened && epoch == now;
        self.require(again || Some(epoch) == now.checked_add(1), Rule::Epochs, || {
            format!("epoch {epoch} starts after epoch {now}")
        });
        if let Some(epochs) = self.start.map(|s| s.epochs) {
            self.require(epoch <= epochs, Rule::Epochs, || format!("epoch {epoch} of {epochs} starts"));
        }
        (self.epoch, self.reopened) = (epoch, false);
    }

    /// Evaluations and readings belong to the running epoch or, told late, to the one before.
    fn epoch_told(&mut self, epoch: u64) {
        let now = self.epoch;
        self.require(epoch <= now && epoch >= now.saturating_sub(1), Rule::Epochs, || {
            format!("it is about epoch {epoch}, in epoch {now}")
        });
    }

    fn window(&mut self, epoch: u64, first: u64, last: u64) {
        let (now, before) = (self.epoch, self.window_end);
        self.require(epoch == now, Rule::Epochs, || {
            format!("steps {first} to {last} are said to be of epoch {epoch}, in epoch {now}")
        });
        if let Some(n) = self.steps_per_epoch() {
            let span = (now.saturating_sub(1).saturating_mul(n), now.saturating_mul(n));
            self.require(first > span.0 && last <= span.1, Rule::Epochs, || {
                format!(
                    "steps {first} to {last} in epoch {now}, which has steps {} to {}",
                    span.0.saturating_add(1),
                    span.1
                )
            });
        }
        self.require(Some(first) == before.checked_add(1), Rule::Steps, || {
            format!("a window starts with step {first}, the one before ended with step {before}")
        });
        self.require(first <= last, Rule::Steps, || {
            format!("a window ends with step {last}, before its first, {first}")
        });
        self.window_end = last;
        self.advance(last);
    }

    /// `step` steps are done now.
    fn advance(&mut self, step: u64) {
        let done = self.done;
        self.require(step >= done, Rule::Steps, || {
            format!("{step} steps done, after {done} were done before")
        });
        if let Some(planned) = self.planned() {
            self.require(step <= planned, Rule::Steps, || format!("{step} steps done of {planned} planned"));
        }
        self.done = step;
    }

    fn clock(&mut self, step: u64, train_ns: u64) {
        let (before, at_ns) = (self.train_ns, self.at_ns);
        self.require(train_ns >= before, Rule::Clock, || {
            format!("the training clock goes back from {before} to {train_ns} ns")
        });
        self.require(train_ns <= at_ns, Rule::Clock, || {
            format!("{train_ns} ns of training in {at_ns} ns of run time")
        });
        self.train_ns = train_ns;
        self.clocks.push((step, train_ns));
    }

    /// Moments follow each other, over events and resumptions too, for run time goes on; none is still to come.
    fn sampled(&mut self, series: &'a Series) {
        let Series { name, part, points, .. } = series;
        let quantity = (name.as_str(), part.as_deref());
        let of = part.as_ref().map_or(String::new(), |p| format!(" of {p}"));
        let mut before = self.sampled.get(&quantity).copied();
        for at in points.iter().map(|p| p.at_ns) {
            if let Some(before) = before.filter(|&before| at <= before) {
                self.error(Rule::Series, format!("`{name}`{of} goes back from {before} to {at} ns"));
                break;
            }
            before = Some(at);
        }
        let (last, now) = (points.iter().map(|p| p.at_ns).max(), self.at_ns);
        if let Some(last) = last.filter(|&last| last > now) {
            self.error(Rule::Series, format!("`{name}`{of} was read at {last} ns, in {now} ns of run time"));
        }
        if let Some(last) = last.max(before) {
            self.sampled.insert(quantity, last.min(now));
        }
    }

    /// Goes back to a checkpoint and forgets what is superseded.
    fn resumed(&mut self, checkpoint: &str, step: u64, train_ns: u64) {
        let known = self.checkpoints.contains(&(checkpoint, step));
        self.require(known, Rule::Resume, || {
            format!("resumed from `{checkpoint}` at step {step}, but no such checkpoint was saved and still counts")
        });
        // Nobody keeps a clock beside a checkpoint, but the steps before it were not later than the checkpoint.
        self.clocks.retain(|&(s, _)| s < step);
        let before = self.clocks.last().map_or(0, |&(_, clock)| clock);
        self.require(train_ns >= before, Rule::Clock, || {
            format!("resumed with {train_ns} ns on the training clock, which stood at {before} ns before step {step}")
        });
        self.checkpoints.retain(|&(_, s)| s <= step);
        self.last_evaluations.retain(|&s| s <= step);
        (self.done, self.window_end, self.train_ns) = (step, step, train_ns);
        if let Some(n) = self.steps_per_epoch() {
            self.epoch = step.div_ceil(n);
            self.reopened = !step.is_multiple_of(n);
        }
        (self.ended, self.told_after_end) = (None, false);
    }

    fn ended(&mut self, outcome: &'a Outcome, steps: u64) {
        self.ended = Some(outcome);
        match outcome {
            Outcome::Finished => self.finished(steps),
            Outcome::Diverged { step, .. } => {
                self.require((1..=steps.saturating_add(1)).contains(step), Rule::Steps, || {
                    format!("diverged in step {step}, with {steps} steps done")
                });
            }
            Outcome::Interrupted | Outcome::Failed { .. } => {}
        }
    }

    fn finished(&mut self, steps: u64) {
        if let Some(planned) = self.planned() {
            self.require(steps >= planned, Rule::Finished, || {
                format!("finished after {steps} of {planned} planned steps")
            });
        }
        let told = self.window_end;
        self.require(told >= steps, Rule::Finished, || {
            format!("finished after {steps} steps, but windows tell of {told} only")
        });
        let evaluated = self.last_evaluations.contains(&steps);
        self.require(evaluated, Rule::Finished, || {
            "finished without a last evaluation after the last step".into()
        });
    }
}
