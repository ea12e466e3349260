//! What a run looks like while it runs: in a terminal one line that is redrawn at most ten times a second, elsewhere
//! one plain line an epoch. Drawn from inside the training's own thread, when it tells its sinks: off the training
//! clock, and without a thread that could disturb what is measured.

use std::time::{Duration, Instant};

use adieu::forecast::Forecast;
use adieu::record::{Event, RunStart, Split, Stamped};
use adieu::sink::{Flow, Progress, Sink};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::terminal::{message, messages_are_seen};
use crate::words;

/// Redraws a second, at most.
const REDRAWS: u8 = 10;

/// Where progress goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// One line, redrawn.
    Redrawn,
    /// A plain line now and then.
    Plain,
    /// Nowhere.
    Silent,
}

impl Manner {
    /// As a user wants it who may have said `--quiet`.
    pub(crate) fn of(quiet: bool) -> Manner {
        match (quiet, messages_are_seen()) {
            (true, _) => Manner::Silent,
            (false, true) => Manner::Redrawn,
            (false, false) => Manner::Plain,
        }
    }
}

/// Says what is being done, until it is dropped.
pub(crate) struct Doing(Option<ProgressBar>);

impl Doing {
    /// `what` begins.
    pub(crate) fn begin(manner: Manner, what: &str) -> Doing {
        match manner {
            Manner::Silent => Doing(None),
            Manner::Plain => {
                message(what);
                Doing(None)
            }
            Manner::Redrawn => {
                let bar = bar(0, "{msg}");
                bar.set_message(format!("{what} …"));
                bar.tick();
                Doing(Some(bar))
            }
        }
    }

    /// Now it is `what`.
    pub(crate) fn at(&mut self, what: &str) {
        if let Some(bar) = &self.0 {
            bar.set_message(format!("{what} …"));
            bar.tick();
        }
    }

    /// Says something beside it.
    pub(crate) fn aside(&self, text: &str) {
        match &self.0 {
            Some(bar) => bar.suspend(|| message(text)),
            None => message(text),
        }
    }

    /// `done` of `all` is done.
    pub(crate) fn reached(&mut self, done: u64, all: u64) {
        if let Some(bar) = &self.0 {
            if bar.length() != Some(all) {
                bar.set_length(all);
                bar.set_style(style("{msg} {bar:30} {percent:>3} %, {eta} left"));
            }
            bar.set_position(done);
        }
    }
}

impl Drop for Doing {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

fn bar(length: u64, template: &str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr_with_hz(REDRAWS));
    bar.set_style(style(template));
    bar
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the templates are written here").progress_chars("━━╌")
}

/// The progress of one run.
pub(crate) struct Watch {
    manner: Manner,
    /// `forward_forward, seed 1 (run 1 of 2)`.
    name: String,
    bar: Option<ProgressBar>,
    begun: Instant,
    drawn: Option<Duration>,
    told: Told,
    forecast: Forecast,
    progress: Option<Progress>,
}

/// What events have said.
#[derive(Default)]
struct Told {
    epochs: u64,
    steps_per_epoch: u64,
    /// The learner's own read-out.
    readout: String,
    test_rows: u64,
    losses: Vec<f64>,
    /// The latest error by the learner's own read-out.
    error: Option<String>,
    /// Last epoch that got its plain line.
    line: u64,
    /// Whether all steps are done, and whether the last evaluation was announced.
    trained: bool,
    judging: bool,
}

impl Watch {
    /// Watches a run called `name`; `start` is what a run that is resumed said at its start.
    pub(crate) fn new(manner: Manner, name: String, start: Option<&RunStart>) -> Watch {
        let bar = (manner == Manner::Redrawn).then(|| {
            let bar = bar(1, "{prefix} {bar:10} {percent:>3} % {wide_msg}");
            bar.set_prefix(name.replace("(run ", "("));
            bar.tick();
            bar
        });
        let mut watch = Watch {
            manner,
            name,
            bar,
            begun: Instant::now(),
            drawn: None,
            told: Told::default(),
            forecast: Forecast::default(),
            progress: None,
        };
        if let Some(start) = start {
            watch.started(start);
        }
        watch
    }

    fn started(&mut self, start: &RunStart) {
        self.forecast = Forecast::of(start);
        self.told.epochs = start.epochs;
        self.told.steps_per_epoch = start.steps_per_epoch;
        self.told.readout = start.readouts.first().cloned().unwrap_or_default();
        self.told.test_rows = start.data.test_rows;
    }

    fn say(&self, text: &str) {
        match (&self.bar, self.manner) {
            (Some(bar), _) => bar.suspend(|| message(text)),
            (None, Manner::Silent) => {}
            (None, _) => message(text),
        }
    }

    fn heard(&mut self, event: &Event) {
        self.forecast.event(event);
        match event {
            Event::RunStarted(start) => self.started(start),
            Event::EpochStarted { .. } if self.manner == Manner::Plain => self.told.error = None,
            Event::Step { scalars, .. } => {
                let losses = scalars.iter().filter(|scalar| scalar.name == "loss");
                self.told.losses = losses.map(|scalar| scalar.value).collect();
            }
            Event::Evaluated(e) if e.readout == self.told.readout => {
                let rows = words::plural(e.rows, &format!("{} row", split(e.split)));
                self.told.error = Some(match &e.detection {
                    Some(found) => format!("{} on {rows}", words::detection(found)),
                    None => match (&e.reconstruction, e.error) {
                        (Some(found), _) => format!("{} on {rows}", words::reconstruction(found)),
                        (None, Some(error)) => format!("{} of {rows} wrong", words::percent(error)),
                        (None, None) => format!("{rows} judged"),
                    },
                });
                if e.last && e.split == Split::Test {
                    self.finished();
                }
            }
            Event::Metered { epoch, step, .. } => self.epoch_done(*epoch, *step),
            Event::Warned { what, remedy } => self.say(&format!("{}: {what}; {remedy}", self.name)),
            _ => {}
        }
    }

    /// The plain line of an epoch.
    fn epoch_done(&mut self, epoch: u64, step: u64) {
        let whole = self.told.steps_per_epoch > 0 && step.is_multiple_of(self.told.steps_per_epoch);
        if self.manner != Manner::Plain || !whole || epoch <= self.told.line {
            return;
        }
        self.told.line = epoch;
        self.say(&format!("{}: {}", self.name, self.state(epoch)));
    }

    /// `epoch 3 of 12, about 40 s left, 2.31 % of 1,000 test rows wrong, loss 0.1234, 12 s so far`: what matters most
    /// first, since narrow terminals cut the end off.
    fn state(&self, epoch: u64) -> String {
        let now = self.begun.elapsed();
        let mut parts = vec![format!("epoch {epoch} of {}", self.told.epochs)];
        let left = self.progress.and_then(|progress| self.forecast.left(progress, now));
        parts.extend(left.map(|left| format!("about {} left", words::duration(left))));
        parts.extend(self.told.error.clone());
        if !self.told.losses.is_empty() {
            let losses: Vec<String> = self.told.losses.iter().map(|loss| format!("{loss:.4}")).collect();
            parts.push(format!("loss {}", losses.join(" ")));
        }
        parts.push(format!("{} so far", words::duration(now)));
        parts.join(", ")
    }

    fn finished(&self) {
        let error = self.told.error.as_deref().unwrap_or_default();
        let time = words::duration(self.begun.elapsed());
        self.say(&format!("{}: {error} by `{}`, after {time}", self.name, self.told.readout));
    }

    fn moved(&mut self, progress: Progress) {
        let now = self.begun.elapsed();
        self.forecast.step(progress, now);
        self.progress = Some(progress);
        // The first report of the last step is the step itself, all others are portions of the last evaluation.
        if self.told.trained && !self.told.judging {
            self.told.judging = true;
            if self.manner == Manner::Plain {
                let rows = words::plural(self.told.test_rows, "test row");
                self.say(&format!("{}: judging all {rows}", self.name));
            }
        }
        self.told.trained = progress.step == progress.steps;
        let due = self.drawn.is_none_or(|drawn| now - drawn >= Duration::from_secs(1) / REDRAWS.into());
        if let Some(bar) = self.bar.as_ref().filter(|_| due) {
            self.drawn = Some(now);
            bar.set_length(progress.steps);
            bar.set_position(progress.step);
            let state = self.state(progress.epoch);
            bar.set_message(if self.told.judging { format!("judging, {state}") } else { state });
        }
    }
}

impl Sink for Watch {
    fn event(&mut self, stamped: &Stamped) -> Result<Flow, adieu::Error> {
        self.heard(&stamped.event);
        Ok(Flow::Continue)
    }

    fn step(&mut self, progress: Progress) -> Flow {
        if self.manner != Manner::Silent {
            self.moved(progress);
        }
        Flow::Continue
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// `test`.
pub(crate) fn split(split: Split) -> &'static str {
    match split {
        Split::Train => "training",
        Split::Validation => "validation",
        Split::Test => "test",
    }
}
