//! What a sweep on disk has found: its runs' records, one line a step.

use std::path::Path;

use adieu_report::sweep::{self, Named, SweepSummary};
use adieu_report::{Run, Summary};

use super::Sweep;
use crate::files::write_whole;
use crate::{Error, RunFolder};

/// Name of the numbers in a sweep's folder.
pub const TABLE: &str = "sweep.json";
/// Name of the page in a sweep's folder.
pub const PAGE: &str = "sweep.html";

/// Reads the runs of `sweep` that lie in `out`, finished or not.
///
/// # Errors
/// [`Error::Record`] and [`Error::Report`] for records that cannot be read; [`Error::Folder`].
pub fn found(sweep: &Sweep, out: &Path) -> Result<SweepSummary, Error> {
    let (mut of_step, mut runs) = (Vec::new(), Vec::new());
    for (step, path) in sweep.runs(out) {
        if let Ok(folder) = RunFolder::open(&path) {
            let record = adieu_record::jsonl::read(&folder.events())?;
            runs.push(Run::from_events(&path.display().to_string(), &record.events)?);
            of_step.push(step);
        }
    }
    let summary = Summary::of(&runs);
    let steps: Vec<Named> = sweep
        .steps
        .iter()
        .map(|step| Named { name: step.name.clone(), changes: step.changes.clone() })
        .collect();
    Ok(SweepSummary::of(&sweep.name, sweep.layout.clone(), &steps, of_step.into_iter().zip(summary.runs)))
}

/// Writes the numbers and the page into `out`; `footer` is a line at the foot of the page.
///
/// # Errors
/// [`Error::Io`]; no half-written file is left.
pub fn write(summary: &SweepSummary, out: &Path, footer: Option<String>) -> Result<(), Error> {
    let mut json =
        serde_json::to_vec_pretty(summary).expect("it is made of strings, finite numbers and lists");
    json.push(b'\n');
    write_whole(&out.join(TABLE), &json, "write the sweep's numbers")?;
    write_whole(&out.join(PAGE), sweep::html(summary, footer).as_bytes(), "write the sweep's page")
}
