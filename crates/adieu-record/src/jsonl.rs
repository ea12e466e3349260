//! JSON Lines: writing and reading records.
//!
//! One event a line, `\n` after each. A line is handed to the operating system in one piece as soon as it is
//! written, so a killed program loses at most the end of its last line; [`Event::CheckpointSaved`] and
//! [`Event::RunEnded`], which others rely on, also wait for the disk.
//!
//! Reading is strict but for that one case: a *torn* last line (no `\n`, not JSON) is skipped with a warning;
//! damage anywhere else is an error that names the line. Unknown fields are tolerated, unknown names are not:
//! skipping an event that nobody here understands could turn a failed run into a good one.
//!
//! JSON knows no NaN and no infinity (`serde_json` would write `null`), so [`Writer::write`] refuses an event
//! that holds one, by name. A run whose numbers stop being finite ends with
//! [`Outcome::Diverged`](crate::Outcome::Diverged), which says in words what was not finite.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::event::{Event, FORMAT, Scalar, Stamped};
use crate::reading::{Reading, Series, Value};

/// Why a record could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The operating system refused.
    #[error("{path}: cannot {what} the record: {source}; {remedy}", path = path.display())]
    Io {
        /// The record.
        path: PathBuf,
        /// `create`, `open`, `read`, `write`, ….
        what: &'static str,
        /// What the operating system said.
        source: io::Error,
        /// What to do about it.
        remedy: &'static str,
    },
    /// A line other than a torn last one is not an event.
    #[error("{path}:{line}: {what}; restore the record from a copy, or delete this line and all after it and resume \
             the run from a checkpoint saved before it", path = path.display())]
    BadLine {
        /// The record.
        path: PathBuf,
        /// Line, counted from 1.
        line: u64,
        /// What is wrong with it.
        what: String,
    },
    /// A line uses words this version does not know.
    #[error("{path}:{line}: {what}; was it written by a newer adieu? Read it with that version", path = path.display())]
    Newer {
        /// The record.
        path: PathBuf,
        /// Line, counted from 1.
        line: u64,
        /// Which word.
        what: String,
    },
    /// An event holds a number that JSON cannot hold.
    #[error("{path}: event {seq} not written: {what}, and JSON has no NaN or infinity; leave the number out and say \
             so in a `warned` event, or end the run as `diverged`", path = path.display())]
    NotFinite {
        /// The record.
        path: PathBuf,
        /// `seq` of the event.
        seq: u64,
        /// Which number.
        what: String,
    },
    /// An event would break the order of the record.
    #[error("{path}: event {seq} not written: {what}; take seq from `Writer::next_seq`, and let run time go on from \
             `Writer::last_at_ns`", path = path.display())]
    OutOfOrder {
        /// The record.
        path: PathBuf,
        /// `seq` of the event.
        seq: u64,
        /// What is out of order.
        what: String,
    },
}

/// What to do about an I/O error, by its kind.
fn remedy(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::NotFound => "check the path; a run's folder holds its record as events.jsonl",
        ErrorKind::AlreadyExists => {
            "a record is never overwritten: resume that run, or choose another folder"
        }
        ErrorKind::PermissionDenied => "check who owns the file and its folder, or choose another folder",
        ErrorKind::ReadOnlyFilesystem => "the disk is mounted read-only: choose another folder",
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "the disk is full: free some space, then resume the run from its last checkpoint"
        }
        ErrorKind::IsADirectory => "this is a folder: name the events.jsonl inside it",
        _ => "check the disk, then resume the run from its last checkpoint",
    }
}

/// Turns an [`io::Error`] into a [`RecordError`] that says which file and what to do.
fn io_error<'a>(path: &'a Path, what: &'static str) -> impl FnOnce(io::Error) -> RecordError + 'a {
    move |source| {
        let remedy = remedy(source.kind());
        RecordError::Io { path: path.into(), what, source, remedy }
    }
}

/// Writes a record, event by event.
#[derive(Debug)]
pub struct Writer {
    file: File,
    path: PathBuf,
    /// Bytes of complete lines. The file is cut back to this when a write fails half-way.
    len: u64,
    /// The file may hold more than `len` bytes: a write failed and so did cutting it back.
    torn: bool,
    next_seq: u64,
    last_at_ns: u64,
}

impl Writer {
    /// Begins a new record at `path`, whose folder must exist.
    ///
    /// # Errors
    /// [`RecordError::Io`], also when there is a record already: none is ever overwritten.
    pub fn create(path: &Path) -> Result<Writer, RecordError> {
        let file =
            OpenOptions::new().append(true).create_new(true).open(path).map_err(io_error(path, "create"))?;
        Ok(Writer { file, path: path.into(), len: 0, torn: false, next_seq: 0, last_at_ns: 0 })
    }

    /// Goes on with the record at `path`: drops a torn last line, leaves every complete line as it is, and
    /// continues [`next_seq`](Writer::next_seq) and [`last_at_ns`](Writer::last_at_ns).
    ///
    /// # Errors
    /// Those of [`read`]; [`RecordError::Io`] if the file cannot be written.
    pub fn append(path: &Path) -> Result<Writer, RecordError> {
        let bytes = std::fs::read(path).map_err(io_error(path, "read"))?;
        let Parsed { record, complete } = parse(path, &bytes)?;
        let file = OpenOptions::new().append(true).open(path).map_err(io_error(path, "open"))?;
        if complete < bytes.len() {
            file.set_len(complete as u64).map_err(io_error(path, "drop the torn last line of"))?;
        }
        let (next_seq, last_at_ns) =
            record.events.last().map_or((0, 0), |e| (e.seq.saturating_add(1), e.at_ns));
        let mut writer =
            Writer { file, path: path.into(), len: complete as u64, torn: false, next_seq, last_at_ns };
        // A whole event that lost only its line end is no torn line: give the line end back.
        if bytes[..complete].last().is_some_and(|&b| b != b'\n') {
            writer.put(b"\n")?;
        }
        Ok(writer)
    }

    /// The `seq` the next event must bear.
    pub fn next_seq(&self) -> u64 {
        self.next_seq
    }

    /// `at_ns` of the last event written: no later event may be earlier.
    pub fn last_at_ns(&self) -> u64 {
        self.last_at_ns
    }

    /// The record's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes one event. When this returns, the event survives the end of the process, however it comes; after
    /// an error the record holds exactly the events before it, and writing may be tried again.
    ///
    /// # Errors
    /// [`RecordError::NotFinite`] and [`RecordError::OutOfOrder`] before anything is written;
    /// [`RecordError::Io`], for example on a full disk.
    pub fn write(&mut self, stamped: &Stamped) -> Result<(), RecordError> {
        let seq = stamped.seq;
        if let Some(what) = not_finite(&stamped.event) {
            return Err(RecordError::NotFinite { path: self.path.clone(), seq, what });
        }
        if let Some(what) = self.out_of_order(stamped) {
            return Err(RecordError::OutOfOrder { path: self.path.clone(), seq, what });
        }
        let mut line = serde_json::to_vec(stamped).map_err(|e| io_error(&self.path, "write")(e.into()))?;
        line.push(b'\n');
        self.put(&line)?;
        (self.next_seq, self.last_at_ns) = (seq + 1, stamped.at_ns);
        if matches!(stamped.event, Event::CheckpointSaved { .. } | Event::RunEnded { .. }) {
            self.file.sync_data().map_err(io_error(&self.path, "flush to disk"))?;
        }
        Ok(())
    }

    fn out_of_order(&self, Stamped { seq, at_ns, .. }: &Stamped) -> Option<String> {
        if *seq != self.next_seq || *seq == u64::MAX {
            return Some(format!("seq {} comes next", self.next_seq));
        }
        (*at_ns < self.last_at_ns)
            .then(|| format!("its at_ns is {at_ns}, but {} ns of run time have passed", self.last_at_ns))
    }

    /// All of `bytes` or nothing.
    fn put(&mut self, bytes: &[u8]) -> Result<(), RecordError> {
        if self.torn {
            self.file.set_len(self.len).map_err(io_error(&self.path, "mend"))?;
            self.torn = false;
        }
        // `File` has no buffer of its own: what `write_all` wrote, the operating system holds.
        if let Err(e) = self.file.write_all(bytes) {
            self.torn = self.file.set_len(self.len).is_err();
            return Err(io_error(&self.path, "write")(e));
        }
        self.len += bytes.len() as u64;
        Ok(())
    }
}

/// The first number in `event` that JSON cannot hold, by name.
///
/// Every variant is spelled out, so that a new one cannot be forgotten here.
fn not_finite(event: &Event) -> Option<String> {
    let check = |what: String, x: f64| (!x.is_finite()).then(|| format!("{what} is {x}"));
    match event {
        Event::EpochStarted { gain, .. } => check("gain".into(), *gain),
        Event::Step { scalars, .. } => scalars.iter().find_map(|Scalar { name, layer, value }| {
            let layer = layer.map_or(String::new(), |l| format!(" of layer {l}"));
            check(format!("scalar `{name}`{layer}"), *value)
        }),
        Event::Evaluated(e) => {
            let rebuilt = e
                .reconstruction
                .map(|r| [("squared error", r.squared_error), ("error of the mean row", r.of_mean_row)]);
            let error = e.error.map(|error| ("error", error));
            let all = error.into_iter().chain(rebuilt.into_iter().flatten());
            all.into_iter().find_map(|(what, x)| check(what.into(), x))
        }
        Event::Metered { readings, .. } => readings.iter().find_map(|Reading { name, value, .. }| {
            let numbers: &[f64] = match value {
                Value::Measured { value, coverage, .. } => &[*value, *coverage],
                Value::Estimated { lo, mid, hi, .. } => &[*lo, *mid, *hi],
                Value::Unavailable { .. } => &[],
            };
            numbers.iter().find_map(|&x| check(format!("reading `{name}`"), x))
        }),
        Event::Sampled { series } => series.iter().find_map(|Series { name, points, .. }| {
            points.iter().find_map(|p| check(format!("a point of series `{name}`"), p.value))
        }),
        Event::Pictured { pictures, .. } => {
            pictures.iter().find_map(|p| check(format!("margin of picture `{}`", p.caption), p.margin?))
        }
        // No floats, or none that could be other than finite: a JSON value holds only what JSON can.
        Event::RunStarted(_)
        | Event::CheckpointSaved { .. }
        | Event::Resumed { .. }
        | Event::Warned { .. }
        | Event::RunEnded { .. } => None,
    }
}

/// What [`read`] found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record {
    /// The events: the one at index `i` was line `i + 1`.
    pub events: Vec<Stamped>,
    /// What was skipped.
    pub warnings: Vec<Warning>,
}

/// Something skipped in reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Line, counted from 1.
    pub line: u64,
    /// What was skipped, and why.
    pub what: String,
}

/// Reads the record at `path`. What the events say is not judged here; [`lint`](crate::lint::lint) does that.
///
/// # Errors
/// [`RecordError::Io`]; [`RecordError::BadLine`] for a damaged line; [`RecordError::Newer`] for a word of the
/// vocabulary that this version does not know.
pub fn read(path: &Path) -> Result<Record, RecordError> {
    let bytes = std::fs::read(path).map_err(io_error(path, "read"))?;
    parse(path, &bytes).map(|p| p.record)
}

struct Parsed {
    record: Record,
    /// Bytes before the torn last line, or all.
    complete: usize,
}

fn parse(path: &Path, bytes: &[u8]) -> Result<Parsed, RecordError> {
    let mut record = Record::default();
    let mut complete = 0;
    for (line, text) in (1..).zip(bytes.split_inclusive(|&b| b == b'\n')) {
        let fault = match serde_json::from_slice::<Stamped>(text) {
            Ok(stamped) => match newer_format(&stamped) {
                Some(what) => return Err(RecordError::Newer { path: path.into(), line, what }),
                None => {
                    record.events.push(stamped);
                    complete += text.len();
                    continue;
                }
            },
            Err(e) => e,
        };
        // No proper prefix of a JSON object is JSON: a last line that is whole has lost nothing but its line end,
        // and if it is no event then, that is a fault like any other.
        if !text.ends_with(b"\n") && serde_json::from_slice::<serde::de::IgnoredAny>(text).is_err() {
            let what = format!("the last line is torn ({} bytes): skipped", text.len());
            record.warnings.push(Warning { line, what });
            break;
        }
        let what = describe(&fault);
        let path = path.into();
        // serde's words for a name that is not in an enum: an event, a unit, an outcome, ….
        let unknown_name = what.starts_with("unknown variant");
        return Err(if unknown_name {
            RecordError::Newer { path, line, what }
        } else {
            RecordError::BadLine { path, line, what }
        });
    }
    Ok(Parsed { record, complete })
}

fn newer_format(stamped: &Stamped) -> Option<String> {
    match &stamped.event {
        Event::RunStarted(start) if start.format > FORMAT => {
            Some(format!("the record has format {}, this version knows {FORMAT}", start.format))
        }
        _ => None,
    }
}

/// A parser's message without its own idea of the line, which is always 1 here.
fn describe(fault: &serde_json::Error) -> String {
    let text = fault.to_string();
    match text.rfind(" at line ") {
        Some(end) if fault.column() > 0 => format!("{} (column {})", &text[..end], fault.column()),
        Some(end) => text[..end].into(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_io_error_says_what_to_do() {
        let cases = [
            (ErrorKind::NotFound, "check the path"),
            (ErrorKind::AlreadyExists, "never overwritten"),
            (ErrorKind::PermissionDenied, "who owns"),
            (ErrorKind::ReadOnlyFilesystem, "read-only"),
            (ErrorKind::StorageFull, "free some space"),
            (ErrorKind::QuotaExceeded, "free some space"),
            (ErrorKind::IsADirectory, "inside it"),
            (ErrorKind::Other, "check the disk"),
        ];
        for (kind, remedy) in cases {
            let text = io_error(Path::new("run/events.jsonl"), "write")(kind.into()).to_string();
            assert!(text.starts_with("run/events.jsonl: cannot write the record: "), "{text}");
            assert!(text.contains(remedy), "{kind:?}: {text}");
        }
    }

    fn warned(seq: u64) -> Stamped {
        Stamped { seq, at_ns: seq, event: Event::Warned { what: "w".into(), remedy: "r".into() } }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_an_error_with_a_remedy() {
        let path = PathBuf::from("/dev/full");
        let file = OpenOptions::new().append(true).open(&path).unwrap();
        let mut writer = Writer { file, path, len: 0, torn: false, next_seq: 0, last_at_ns: 0 };
        let text = writer.write(&warned(0)).unwrap_err().to_string();
        assert!(text.starts_with("/dev/full: cannot write") && text.contains("the disk is full"), "{text}");
        assert_eq!((writer.next_seq(), writer.torn), (0, true), "the event does not count as written");
    }

    #[test]
    fn what_a_failed_write_left_behind_is_cut_off_before_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        let mut writer = Writer::create(&path).unwrap();
        writer.write(&warned(0)).unwrap();
        // As if a write had got half-way and cutting back had failed too.
        (&writer.file).write_all(b"{\"seq\":1,\"at_").unwrap();
        writer.torn = true;
        writer.write(&warned(1)).unwrap();
        assert_eq!(read(&path).unwrap(), Record { events: vec![warned(0), warned(1)], warnings: vec![] });
    }
}
