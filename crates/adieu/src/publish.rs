//! From run folders to a report: the page, and its JSON twin beside it.

use std::path::{Path, PathBuf};

use adieu_report::{Run, Summary, page};

use crate::files::write_whole;
use crate::{Error, RunFolder};

/// Runs that were read, and what they say together.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// The runs: learner by learner, in the order in which these began, then by seed.
    pub runs: Vec<Run>,
    /// What they say together.
    pub summary: Summary,
    /// What was skipped in reading them, by file and line.
    pub warnings: Vec<String>,
}

impl Evidence {
    /// Reads every run at or below `paths`; a run met twice counts once.
    ///
    /// # Errors
    /// [`Error::Folder`] where there is none; [`Error::Record`] and [`Error::Report`] for records that cannot be read.
    pub fn of(paths: &[PathBuf]) -> Result<Evidence, Error> {
        let mut folders: Vec<RunFolder> = Vec::new();
        for path in paths {
            for folder in RunFolder::find(path)? {
                if folders.iter().all(|known| known.path() != folder.path()) {
                    folders.push(folder);
                }
            }
        }
        let (mut runs, mut warnings) = (Vec::new(), Vec::new());
        for folder in folders {
            let record = adieu_record::jsonl::read(&folder.events())?;
            let place = folder.events().display().to_string();
            warnings.extend(record.warnings.iter().map(|w| format!("{place}:{}: {}", w.line, w.what)));
            runs.push(Run::from_events(&folder.path().display().to_string(), &record.events)?);
        }
        order(&mut runs);
        let summary = Summary::of(&runs);
        Ok(Evidence { runs, summary, warnings })
    }

    /// Writes the page to `path` and its JSON twin beside it, as `.json`; returns the twin's path. Folders above are
    /// made as needed. `footer` is a line at the foot of the page.
    ///
    /// # Errors
    /// [`Error::Io`]; no half-written file is left.
    pub fn write(&self, path: &Path, footer: Option<String>) -> Result<PathBuf, Error> {
        if let Some(above) = path.parent() {
            std::fs::create_dir_all(above).map_err(Error::io(path, "make the folder of the report"))?;
        }
        let options = page::Options { footer, ..page::Options::default() };
        let html = page::html(&self.runs, &self.summary, &options);
        let json = serde_json::to_vec_pretty(&page::json(&self.runs, &self.summary));
        let json = json.expect("a report is made of strings, finite numbers and lists");
        let twin = path.with_extension("json");
        write_whole(path, html.as_bytes(), "write the report")?;
        write_whole(&twin, &json, "write the report's numbers")?;
        Ok(twin)
    }
}

fn order(runs: &mut [Run]) {
    let begun = |learner: &str| -> u64 {
        let of_learner = runs.iter().filter(|run| run.start.learner == learner);
        of_learner.map(|run| run.start.unix_ms).min().unwrap_or(0)
    };
    let mut learners: Vec<(u64, String)> =
        runs.iter().map(|run| (begun(&run.start.learner), run.start.learner.clone())).collect();
    learners.sort();
    learners.dedup();
    let place = |run: &Run| learners.iter().position(|(_, learner)| *learner == run.start.learner);
    runs.sort_by_cached_key(|run| (place(run), run.start.seed, run.start.unix_ms, run.folder.clone()));
}
