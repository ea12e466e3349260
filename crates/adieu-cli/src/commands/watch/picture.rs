//! What `adieu watch` draws: curves of the error, phases as bars, memory, processors, energy, and how long it will take.

use std::time::Duration;

use adieu::record::{Outcome, Split, Unit, Value};
use adieu::report::{Run, with_unit};
use ratatui::Frame;
use ratatui::layout::{Alignment, Constraint, Layout, Rect};
use ratatui::style::{Color, Style, Stylize};
use ratatui::symbols::Marker;
use ratatui::text::Line;
use ratatui::widgets::{Axis, Block, Chart, Clear, Dataset, GraphType, Paragraph, Wrap};

use crate::words;

/// What is to be drawn.
pub(super) struct View {
    pub(super) run: Run,
    /// Since the record was last written to.
    pub(super) quiet: Option<Duration>,
    /// Which run of how many.
    pub(super) place: (usize, usize),
    pub(super) help: bool,
    pub(super) held: bool,
}

const COLOURS: [Color; 4] = [Color::Cyan, Color::Yellow, Color::Magenta, Color::Green];
const HELP: &str = "\
q, Esc     leave; the run goes on
← →        the run before, the next
space      hold the picture, go on
r          read the record now
? h        this help

Errors are fractions of the rows judged, on the watched rows;
without labels, what came back of them against the mean row.
Phases are shares of all time so far; those in [ ] are off
the training clock. What was not measured says why.";

pub(super) fn draw(frame: &mut Frame<'_>, view: &View) {
    let [head, middle, foot] =
        Layout::vertical([Constraint::Length(3), Constraint::Min(8), Constraint::Length(1)])
            .areas(frame.area());
    frame.render_widget(Paragraph::new(heading(view)), head);
    let wide = frame.area().width >= 80;
    let [curve, rest] = if wide {
        Layout::horizontal([Constraint::Percentage(50), Constraint::Percentage(50)]).areas(middle)
    } else {
        Layout::vertical([Constraint::Percentage(40), Constraint::Percentage(60)]).areas(middle)
    };
    let phases = phases(&view.run, rest.width.saturating_sub(2) as usize);
    let [upper, lower] =
        Layout::vertical([Constraint::Length(phases.len() as u16 + 2), Constraint::Min(4)]).areas(rest);
    curves(frame, &view.run, curve);
    frame
        .render_widget(Paragraph::new(phases).block(Block::bordered().title(" where the time goes ")), upper);
    let readings = Paragraph::new(readings(&view.run)).wrap(Wrap { trim: false });
    frame.render_widget(readings.block(Block::bordered().title(" memory, processors, energy ")), lower);
    let held = if view.held { "held · " } else { "" };
    let keys = format!("{held}q leave · ? help · space hold · ← → run {} of {}", view.place.0, view.place.1);
    frame.render_widget(Paragraph::new(keys).dim().alignment(Alignment::Right), foot);
    if view.help {
        let area = frame.area();
        let (width, height) = (64.min(area.width), 13.min(area.height));
        let place = Rect::new((area.width - width) / 2, (area.height - height) / 2, width, height);
        frame.render_widget(Clear, place);
        frame.render_widget(Paragraph::new(HELP).block(Block::bordered().title(" keys ")), place);
    }
}

fn heading(view: &View) -> Vec<Line<'static>> {
    let run = &view.run;
    let start = &run.start;
    let rows = start.data.train_rows;
    let title =
        format!("{}: {}, seed {} on {}, {rows} rows", start.name, start.learner, start.seed, start.data.name);
    vec![
        Line::from(title).bold(),
        Line::from(format!("{} {}", standing(view), progress(run))),
        Line::default(),
    ]
}

/// How it stands, in words.
fn standing(view: &View) -> String {
    match &view.run.outcome {
        Some(Outcome::Finished) => "finished.".into(),
        Some(Outcome::Interrupted) => format!("interrupted; `adieu resume {}` goes on.", view.run.folder),
        Some(Outcome::Diverged { step, what, .. }) => format!("diverged at step {step}: {what}."),
        Some(Outcome::Failed { why }) => format!("failed: {why}."),
        None => match view.quiet {
            // Between two lines of the record lies an epoch at most.
            Some(quiet) if quiet.as_secs() > 600 => {
                format!("nothing was written for {}; is it still there?", words::duration(quiet))
            }
            _ => "running.".into(),
        },
    }
}

fn progress(run: &Run) -> String {
    let (done, all) = (run.epochs, run.start.epochs as f64);
    let mut text =
        format!("epoch {done:.1} of {all}, {} of training", with_unit(Unit::Seconds, run.train_seconds));
    if run.outcome.is_none() && done > 0.0 && done < all {
        let left = run.wall_seconds / done * (all - done);
        text += &format!(", about {} left", words::duration(Duration::from_secs_f64(left)));
    }
    text
}

fn curves(frame: &mut Frame<'_>, run: &Run, area: Rect) {
    // a run has the one with labels, the other without
    let (curves, title) = if run.curves.is_empty() && !run.rebuilt.is_empty() {
        (&run.rebuilt, " squared error, % of the mean row's ")
    } else {
        (&run.curves, " error, % ")
    };
    let drawn: Vec<_> = curves.iter().filter(|curve| curve.split != Split::Train).collect();
    let points: Vec<Vec<(f64, f64)>> =
        drawn.iter().map(|curve| curve.points.iter().map(|p| (p.epoch, 100.0 * p.error)).collect()).collect();
    let block = Block::bordered().title(title);
    if points.iter().all(Vec::is_empty) {
        let text = Paragraph::new("no rows were judged yet").block(block);
        return frame.render_widget(text, area);
    }
    let most = points.iter().flatten().map(|p| p.1).fold(0.0, f64::max).max(1e-3);
    let last = run.start.epochs.max(1) as f64;
    let legend: Vec<String> = drawn
        .iter()
        .zip(&points)
        .map(|(curve, points)| {
            let split = if curve.split == Split::Test { "test" } else { "validation" };
            let now = points.last().map_or(String::new(), |p| format!(" {:.2}", p.1));
            format!("{split}, {}{now}", curve.readout)
        })
        .collect();
    let sets = points.iter().zip(&legend).enumerate().map(|(i, (points, name))| {
        let kind = if points.len() > 1 { GraphType::Line } else { GraphType::Scatter };
        let style = Style::new().fg(COLOURS[i % COLOURS.len()]);
        Dataset::default()
            .name(name.as_str())
            .marker(Marker::Braille)
            .graph_type(kind)
            .style(style)
            .data(points)
    });
    let chart = Chart::new(sets.collect())
        .block(block)
        .hidden_legend_constraints((Constraint::Percentage(90), Constraint::Percentage(50)))
        .x_axis(Axis::default().bounds([0.0, last]).labels(["0".to_string(), format!("epoch {last}")]))
        .y_axis(Axis::default().bounds([0.0, most]).labels(["0".to_string(), format!("{most:.1}")]));
    frame.render_widget(chart, area);
}

/// A bar for each phase, the longest first; layers together.
fn phases(run: &Run, width: usize) -> Vec<Line<'static>> {
    let mut sums: Vec<(String, bool, u64)> = Vec::new();
    for phase in &run.phases {
        match sums.iter_mut().find(|(name, ..)| *name == phase.phase) {
            Some((.., ns)) => *ns += phase.time_ns,
            None => sums.push((phase.phase.clone(), phase.training, phase.time_ns)),
        }
    }
    let whole: u64 = sums.iter().map(|(.., ns)| ns).sum();
    if whole == 0 {
        return vec![Line::from("nothing was metered yet: that is done after each epoch")];
    }
    sums.sort_by_key(|(.., ns)| std::cmp::Reverse(*ns));
    let room = width.saturating_sub(32).max(4);
    let line = |(name, training, ns): (String, bool, u64)| {
        let share = ns as f64 / whole as f64;
        let name = if training { name } else { format!("[{name}]") };
        let bar = "█".repeat((share * room as f64).round() as usize);
        let time = with_unit(Unit::Seconds, ns as f64 * 1e-9);
        let colour = if training { Color::Cyan } else { Color::DarkGray };
        Line::from(format!("{name:<13} {:>5.1} % {time:>9} {bar}", 100.0 * share)).fg(colour)
    };
    sums.into_iter().map(line).collect()
}

/// What the meters say, or why they do not.
fn readings(run: &Run) -> Vec<Line<'static>> {
    if run.readings.is_empty() {
        return vec![Line::from("nothing was metered yet")];
    }
    let mut lines = Vec::new();
    let mut tell = |what: &str, name: &str, part: Option<&str>, also: &dyn Fn(f64) -> String| {
        let found = run.readings.iter().find(|r| r.name == name && r.part.as_deref() == part);
        let text = match found.map(|reading| (&reading.value, reading.unit)) {
            Some((Value::Measured { value, .. }, unit)) => {
                format!("{}{}", with_unit(unit, *value), also(*value))
            }
            Some((Value::Estimated { lo, hi, .. }, unit)) => {
                format!("~ {} to {}, estimated", with_unit(unit, *lo), with_unit(unit, *hi))
            }
            Some((Value::Unavailable { why, .. }, _)) => format!("not measured: {why}"),
            None => "not in the record".into(),
        };
        lines.push(Line::from(format!("{what:<16} {text}")));
    };
    let plain = |_: f64| String::new();
    let wall = run.measured("wall", None).ok().filter(|wall| *wall > 0.0);
    let share =
        |seconds: f64| wall.map_or(String::new(), |wall| format!(", {:.2} processors", seconds / wall));
    let power = |joules: f64| {
        wall.map_or(String::new(), |wall| format!(", {}", with_unit(Unit::Watts, joules / wall)))
    };
    tell("allocated, peak", "allocated_peak", None, &plain);
    tell("for activity", "allocated_peak", Some("activations"), &plain);
    tell("resident", "resident", None, &plain);
    tell("processor time", "cpu_time", None, &share);
    tell("multiply-adds", "multiply_adds", None, &plain);
    tell("energy", "energy", None, &power);
    lines.extend(
        run.warnings.iter().map(|warning| Line::from(format!("! {}", warning.what)).fg(Color::Yellow)),
    );
    lines
}
