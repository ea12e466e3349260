//! `adieu lint`: what is wrong with records and recipes, all of it.

use std::path::Path;

use adieu::record::jsonl;
use adieu::record::lint::{Severity, lint};
use adieu::{Error, Faults, Recipe, RunFolder, Sweep};
use anyhow::anyhow;
use serde_json::{Value, json};

use super::train::checked;
use crate::args::Lint;
use crate::fault::Usage;
use crate::{terminal, words};

/// Something found.
struct Finding {
    file: String,
    line: Option<u64>,
    /// Rule of a record, or key of a recipe.
    about: String,
    kind: Kind,
    what: String,
    remedy: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// In a recipe: exit code 2.
    Fault,
    /// In a record, or data that cannot be read: exit code 1.
    Error,
    /// Sound but not finished.
    Warning,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Fault | Kind::Error => "error",
            Kind::Warning => "warning",
        }
    }
}

pub(super) fn run(asked: &Lint) -> anyhow::Result<()> {
    let (mut findings, mut looked_at) = (Vec::new(), 0);
    for path in &asked.paths {
        looked_at += look(path, &mut findings)?;
    }
    if asked.json {
        terminal::result(&Value::from_iter(findings.iter().map(as_json)).to_string())?;
    } else {
        terminal::result(&findings.iter().map(as_text).collect::<String>())?;
    }
    let count = |kind: Kind| findings.iter().filter(|finding| finding.kind == kind).count() as u64;
    let (faults, errors, warnings) = (count(Kind::Fault), count(Kind::Error), count(Kind::Warning));
    if faults > 0 {
        let errors = if errors > 0 {
            format!(", and {}", words::plural(errors, "other error"))
        } else {
            String::new()
        };
        return Err(Usage(format!("{} in recipes{errors}", words::plural(faults, "fault"))).into());
    }
    if errors > 0 {
        return Err(anyhow!("{}", words::plural(errors, "error")));
    }
    if !asked.json {
        let files = words::plural(looked_at, "file");
        let warned = if warnings > 0 { words::plural(warnings, "warning") } else { "nothing found".into() };
        terminal::result(&format!("{files}: {warned}"))?;
    }
    Ok(())
}

/// Looks at a recipe or sweep file, or at every run at or below a folder; returns the number of files.
fn look(path: &Path, findings: &mut Vec<Finding>) -> anyhow::Result<u64> {
    if path.is_dir() {
        let runs = RunFolder::find(path)?;
        for run in &runs {
            record(&run.events(), findings);
            if let Err(error) = Recipe::read(&run.recipe_path()) {
                refused(&run.recipe_path(), error, findings);
            }
        }
        return Ok(2 * runs.len() as u64);
    }
    if Sweep::is_at(path) {
        if let Err(error) = Sweep::read(path).and_then(|sweep| sweep.check()) {
            refused(path, error, findings);
        }
        return Ok(1);
    }
    if let Err(error) = checked(path, None, &[]) {
        match error.downcast::<Error>() {
            Ok(error) => refused(path, error, findings),
            Err(error) => match error.downcast::<Faults>() {
                Ok(faults) => refused(path, faults.into(), findings),
                Err(error) => return Err(error),
            },
        }
    }
    Ok(1)
}

fn record(events: &Path, findings: &mut Vec<Finding>) {
    let record = match jsonl::read(events) {
        Ok(record) => record,
        Err(error) => return refused(events, error.into(), findings),
    };
    findings.extend(lint(&record.events, &record.warnings).into_iter().map(|finding| Finding {
        file: events.display().to_string(),
        line: Some(finding.line),
        about: finding.rule.name().into(),
        kind: if finding.severity == Severity::Error { Kind::Error } else { Kind::Warning },
        what: finding.what,
        remedy: finding.remedy.into(),
    }));
}

/// Faults of a recipe one by one; any other error as it is.
fn refused(path: &Path, error: Error, findings: &mut Vec<Finding>) {
    let file = path.display().to_string();
    match error {
        Error::Recipe(faults) => findings.extend(faults.faults.into_iter().map(|fault| Finding {
            file: file.clone(),
            line: fault.line.map(|line| line as u64),
            about: fault.key,
            kind: Kind::Fault,
            what: fault.what,
            remedy: fault.remedy,
        })),
        other => {
            // These messages name their file and remedy themselves.
            let (what, about) = (other.to_string(), String::new());
            findings.push(Finding {
                file,
                line: None,
                about,
                kind: Kind::Error,
                what,
                remedy: String::new(),
            });
        }
    }
}

/// `FILE:12: error (steps): what; remedy`.
fn as_text(finding: &Finding) -> String {
    let Finding { file, line, about, kind, what, remedy } = finding;
    if remedy.is_empty() {
        return format!("{}: {what}\n", kind.name());
    }
    let line = line.map(|line| format!(":{line}")).unwrap_or_default();
    let about = if about.is_empty() { String::new() } else { format!(" ({about})") };
    format!("{file}{line}: {}{about}: {what}; {remedy}\n", kind.name())
}

fn as_json(finding: &Finding) -> Value {
    let Finding { file, line, about, kind, what, remedy } = finding;
    json!({ "file": file, "line": line, "about": about, "severity": kind.name(), "what": what, "remedy": remedy })
}
