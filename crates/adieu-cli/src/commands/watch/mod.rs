//! `adieu watch`: a dashboard that follows a run's folder from another process. It reads the record and nothing else, so
//! it cannot slow the run but by the processor time of reading a small file now and then.

mod picture;

use std::io::IsTerminal;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use adieu::record::jsonl;
use adieu::report::Run;
use adieu::{Error, RunFolder};
use anyhow::Context;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use ratatui::{DefaultTerminal, Terminal};

use crate::args::Watch;
use crate::fault::Usage;
use crate::terminal;
use picture::{View, draw};

/// How often keys are looked at.
const KEYS: Duration = Duration::from_millis(200);

pub(super) fn run(asked: &Watch) -> anyhow::Result<()> {
    let runs = RunFolder::find(&asked.run)?;
    if asked.once {
        let (width, height) = asked.size.unwrap_or((100, 40));
        let mut told = String::new();
        for folder in &runs {
            told += &once(&view(folder)?, width, height)?;
        }
        return terminal::result(&told);
    }
    if !std::io::stdout().is_terminal() {
        let what = "watch draws in a terminal, and there is none here; --once prints one picture";
        return Err(Usage(what.into()).into());
    }
    let mut screen = ratatui::try_init().context("cannot draw in this terminal")?;
    let followed = follow(&mut screen, &asked.run, Duration::from_secs(asked.every));
    ratatui::try_restore().context("cannot give the terminal back; `reset` does")?;
    followed
}

/// One picture as text.
fn once(view: &View, width: u16, height: u16) -> anyhow::Result<String> {
    let mut screen = Terminal::new(TestBackend::new(width, height))?;
    screen.draw(|frame| draw(frame, view))?;
    let buffer = screen.backend().buffer();
    let mut text = String::new();
    for row in 0..height {
        let line: String = (0..width).map(|column| buffer[(column, row)].symbol()).collect();
        text += line.trim_end();
        text.push('\n');
    }
    Ok(format!("{}\n", text.trim_end()))
}

/// Draws until somebody has seen enough. Of several runs below `path` one is shown, the latest first.
fn follow(screen: &mut DefaultTerminal, path: &Path, every: Duration) -> anyhow::Result<()> {
    let mut chosen = 0_usize;
    let (mut help, mut hold) = (false, false);
    let mut shown: Option<View> = None;
    let mut due = Instant::now();
    loop {
        if Instant::now() >= due && (!hold || shown.is_none()) {
            let runs = latest_first(RunFolder::find(path)?);
            chosen = chosen.min(runs.len() - 1);
            // A record that cannot be read at this moment is shown as it was.
            match view(&runs[chosen]) {
                Ok(new) => shown = Some(View { place: (chosen + 1, runs.len()), ..new }),
                Err(error) if shown.is_none() => return Err(error),
                Err(_) => {}
            }
            due = Instant::now() + every;
        }
        if let Some(view) = &mut shown {
            (view.help, view.held) = (help, hold);
            screen.draw(|frame| draw(frame, view)).context("cannot draw")?;
        }
        if !event::poll(KEYS).context("cannot read keys")? {
            continue;
        }
        let Event::Key(key) = event::read().context("cannot read keys")? else { continue };
        if key.kind != KeyEventKind::Press {
            continue;
        }
        let control_c = key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            _ if control_c => return Ok(()),
            KeyCode::Char('q') => return Ok(()),
            KeyCode::Esc if !help => return Ok(()),
            KeyCode::Char('?' | 'h') => help = !help,
            KeyCode::Esc => help = false,
            KeyCode::Char(' ') => hold = !hold,
            KeyCode::Right | KeyCode::Char('n') => (chosen, due) = (chosen + 1, Instant::now()),
            KeyCode::Left | KeyCode::Char('p') => (chosen, due) = (chosen.saturating_sub(1), Instant::now()),
            KeyCode::Char('r') => due = Instant::now(),
            _ => {}
        }
    }
}

/// The one that was written to last is the one that goes on.
fn latest_first(mut runs: Vec<RunFolder>) -> Vec<RunFolder> {
    runs.sort_by_key(|run| std::cmp::Reverse(written(run)));
    runs
}

fn written(run: &RunFolder) -> Option<SystemTime> {
    std::fs::metadata(run.events()).and_then(|about| about.modified()).ok()
}

fn view(folder: &RunFolder) -> anyhow::Result<View> {
    let record = jsonl::read(&folder.events()).map_err(Error::from)?;
    let run = Run::from_events(&folder.path().display().to_string(), &record.events).map_err(Error::from)?;
    let quiet = written(folder).and_then(|at| SystemTime::now().duration_since(at).ok());
    Ok(View { run, quiet, place: (1, 1), help: false, held: false })
}
