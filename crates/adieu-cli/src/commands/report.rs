//! `adieu report`, and the end of every command that trains.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use adieu::publish::Evidence;
use adieu::report::text;
use anyhow::Context;
use serde_json::json;

use crate::args::{Report, Show};
use crate::fault::Usage;
use crate::terminal;

/// Name of the page in the folder it is about.
pub(super) const PAGE: &str = "report.html";

pub(super) fn run(asked: &Report) -> anyhow::Result<()> {
    let page = match (&asked.out, &asked.folders[..]) {
        (Some(out), _) if out.is_dir() => out.join(PAGE),
        (Some(out), _) => out.clone(),
        (None, [only]) => only.join(PAGE),
        (None, _) => PAGE.into(),
    };
    if page.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json")) {
        let what = format!(
            "{}: the numbers go there, beside the page; name the page, as in --out compared.html",
            page.display()
        );
        return Err(Usage(what).into());
    }
    publish(&asked.folders, &page, asked.show)
}

/// Makes the report of all runs at or below `folders` and shows what it says.
pub(super) fn publish(folders: &[PathBuf], page: &Path, show: Show) -> anyhow::Result<()> {
    let evidence = Evidence::of(folders)?;
    for warning in &evidence.warnings {
        terminal::message(&format!("adieu: {warning}"));
    }
    evidence.write(page, Some(footer(folders)))?;
    if show.json {
        let mut summary =
            serde_json::to_value(&evidence.summary).context("cannot write the summary as JSON")?;
        summary["report"] = json!(page.display().to_string());
        terminal::result(&summary.to_string())?;
    } else {
        let verdict = text::wrapped(&text::verdict(&evidence.summary), "");
        terminal::result(&format!(
            "{}\n{verdict}\nReport: {}",
            text::table(&evidence.summary),
            page.display()
        ))?;
    }
    if show.open {
        open(page);
    }
    Ok(())
}

fn footer(folders: &[PathBuf]) -> String {
    let folders: Vec<String> = folders.iter().map(|folder| folder.display().to_string()).collect();
    format!("Made by adieu {} with `adieu report {}`.", env!("CARGO_PKG_VERSION"), folders.join(" "))
}

/// Shows the page in whatever the desktop opens pages with. That there is nothing of the kind is no failure.
pub(super) fn open(page: &Path) {
    let openers: &[&[&str]] = if cfg!(target_os = "macos") {
        &[&["open"]]
    } else if cfg!(windows) {
        &[&["cmd", "/C", "start", ""]]
    } else {
        &[&["xdg-open"], &["gio", "open"], &["wslview"]]
    };
    let opened = openers.iter().any(|opener| {
        let mut command = Command::new(opener[0]);
        command.args(&opener[1..]).arg(page).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    });
    if !opened {
        let names: Vec<&str> = openers.iter().map(|opener| opener[0]).collect();
        terminal::message(&format!(
            "adieu: nothing here opens pages (tried {}); open {} in a browser",
            names.join(", "),
            page.display()
        ));
    }
}
