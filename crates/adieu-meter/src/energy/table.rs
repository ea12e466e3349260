//! Power at the socket by a file that another program appends to: lines `unix_s,watts`, by the clock of this machine.
//!
//! Lines that begin with `#`, empty ones and a header are passed over; a line that is neither is *bad*: the time between
//! its neighbours was not seen. A last line without its end waits until it has one. A file that shrinks was begun anew.
//!
//! `E = Σ (p₀ + p₁)/2 · dt` over neighbours at most [three seconds](LONGEST_SLOW) apart, from the moment the meter began:
//! the first pair is cut there. No time is counted twice, whatever the order of the lines.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::external::NAME;
use super::power::LONGEST_SLOW;
use super::{Counts, Rail, Tally};
use crate::found::Missing;

/// Bytes before the end of the file that are read at first, for the line before the beginning.
const TAIL: u64 = 4096;
/// Bytes that are read at one look.
const MOST: u64 = 1 << 20;
/// No line is longer.
const LONGEST_LINE: usize = 4096;
/// Age of the last line, in seconds, from which the logger is taken to have stopped.
const STALE_S: f64 = 10.0;
const REMEDY: &str = "start the logger: it must append lines `unix_s,watts`, at least one a second";

/// The rail of such a file.
pub(super) struct Table {
    path: PathBuf,
    source: String,
    /// Unix time at which the meter began, and until which the energy is counted, s.
    began_s: f64,
    until_s: f64,
    /// How far the file is read; `None`: not yet at all.
    read: Option<u64>,
    /// A line without its end.
    torn: Vec<u8>,
    /// The last good line: Unix time and watts.
    last: Option<(f64, f64)>,
    joules: f64,
    covered_s: f64,
    elapsed_s: f64,
}

impl Table {
    /// Follows `path` from now on.
    pub(super) fn follow(path: &Path) -> Table {
        Table::from(path, unix_s())
    }

    fn from(path: &Path, began_s: f64) -> Table {
        Table {
            path: path.into(),
            source: format!("the whole machine by {}", path.display()),
            began_s,
            until_s: began_s,
            read: None,
            torn: Vec::new(),
            last: None,
            joules: 0.0,
            covered_s: 0.0,
            elapsed_s: 0.0,
        }
    }

    /// Reads what was appended.
    fn grown(&mut self) -> io::Result<()> {
        let mut file = File::open(&self.path)?;
        let length = file.metadata()?.len();
        let mut cut = false;
        let from = match self.read {
            Some(read) if read <= length => read,
            Some(_) => {
                self.torn.clear();
                self.last = None;
                0
            }
            None => {
                cut = length > TAIL;
                length.saturating_sub(TAIL)
            }
        };
        file.seek(SeekFrom::Start(from))?;
        let mut bytes = Vec::new();
        let read = file.take(MOST).read_to_end(&mut bytes)?;
        self.read = Some(from + read as u64);
        self.torn.extend(bytes);
        while let Some(end) = self.torn.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.torn.drain(..=end).collect();
            // What begins in the middle of a line is none.
            if !std::mem::take(&mut cut) {
                self.line(&String::from_utf8_lossy(&line));
            }
        }
        if self.torn.len() > LONGEST_LINE {
            self.torn.clear();
            self.last = None;
        }
        Ok(())
    }

    fn line(&mut self, line: &str) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return;
        }
        let number = |text: &str| text.trim().parse::<f64>().ok().filter(|n| n.is_finite() && *n >= 0.0);
        let now = line.split_once(',').and_then(|(at_s, watts)| number(at_s).zip(number(watts)));
        if let (Some((then_s, before)), Some((at_s, watts))) = (self.last, now)
            && at_s > then_s
            && at_s - then_s <= LONGEST_SLOW.as_secs_f64()
        {
            let from_s = then_s.max(self.until_s);
            let dt_s = at_s - from_s;
            if dt_s > 0.0 {
                let first = before + (watts - before) * (from_s - then_s) / (at_s - then_s);
                self.joules += 0.5 * (first + watts) * dt_s;
                self.covered_s += dt_s;
                self.until_s = at_s;
            }
        }
        self.last = now;
    }

    /// Looks at Unix time `now_s`.
    fn look_at(&mut self, now_s: f64) -> Result<(), Missing> {
        self.elapsed_s = now_s.max(self.until_s) - self.began_s;
        let path = self.path.display().to_string();
        self.grown().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Missing::new(format!("{path} does not exist"), REMEDY),
            _ => Missing::new(format!("{path}: {error}"), "let the program read it"),
        })?;
        self.elapsed_s = now_s.max(self.until_s) - self.began_s;
        match self.last {
            None => Err(Missing::new(format!("{path} does not end in lines `unix_s,watts`"), REMEDY)),
            Some((at_s, _)) if now_s - at_s > STALE_S => {
                Err(Missing::new(format!("the last line of {path} is {:.0} s old", now_s - at_s), REMEDY))
            }
            Some(_) => Ok(()),
        }
    }
}

impl Rail for Table {
    fn name(&self) -> &str {
        NAME
    }

    fn source(&self) -> &str {
        &self.source
    }

    fn counts(&self) -> Counts {
        Counts::Whole
    }

    fn look(&mut self, _at_ns: u64) -> Result<(), Missing> {
        self.look_at(unix_s())
    }

    fn tally(&self) -> Tally {
        let ns = |seconds: f64| (seconds.max(0.0) * 1e9) as u64;
        Tally { joules: self.joules, covered_ns: ns(self.covered_s), elapsed_ns: ns(self.elapsed_s) }
    }
}

fn unix_s() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::fs;

    use super::*;

    /// What the lines, written in pieces, say between the seconds 1000 and `now`.
    fn after(pieces: &[&str], now_s: f64) -> (Table, Result<(), Missing>) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("power.csv");
        let mut table = Table::from(&path, 1000.0);
        let mut text = String::new();
        let mut last = table.look_at(1000.0);
        for piece in pieces {
            text.push_str(piece);
            fs::write(&path, &text).expect("a file");
            last = table.look_at(now_s);
        }
        (table, last)
    }

    #[test]
    fn lines_are_energy_and_what_is_no_line_is_a_gap() {
        let cases: [(&str, &[&str], f64, f64); 10] = [
            ("steady", &["1000,50\n1001,50\n", "1002,50\n"], 100.0, 2.0),
            ("a slope", &["1000,0\n1002,100\n"], 100.0, 2.0),
            ("cut at the beginning", &["999,40\n1001,60\n"], 55.0, 1.0),
            ("before the beginning only", &["997,40\n999,60\n"], 0.0, 0.0),
            (
                "header and comments",
                &["# a plug\nunix_s,watts\n\n1000, 50\n1001 ,50\n# on\n1002,50\n"],
                100.0,
                2.0,
            ),
            ("a torn line waits", &["1000,50\n1001,5", "0\n1002,50\n10"], 100.0, 2.0),
            ("a bad line", &["1000,50\n1001,fifty\n1002,50\n1003,50\n"], 50.0, 1.0),
            ("no power is negative, or none", &["1000,50\n1001,-1\n1002,NaN\n1003,50\n1004,50\n"], 50.0, 1.0),
            ("too far apart", &["1000,50\n1004,50\n1005,50\n"], 50.0, 1.0),
            ("back and again", &["1000,50\n1002,50\n1001,50\n1002,50\n1003,50\n"], 150.0, 3.0),
        ];
        for (what, pieces, joules, covered_s) in cases {
            let (table, _) = after(pieces, 1005.0);
            let tally = table.tally();
            assert!((tally.joules - joules).abs() < 1e-9, "{what}: {tally:?}");
            assert_eq!(tally.covered_ns, (covered_s * 1e9) as u64, "{what}");
            assert_eq!(tally.elapsed_ns, 5_000_000_000, "{what}");
        }
    }

    #[test]
    fn why_there_is_nothing() {
        let cases: [(&str, &[&str], f64, &str); 4] = [
            ("no file", &[], 1001.0, "does not exist"),
            ("an empty one", &[""], 1001.0, "does not end in lines `unix_s,watts`"),
            ("a header", &["unix_s,watts\n"], 1001.0, "does not end in lines `unix_s,watts`"),
            ("a logger that stopped", &["1000,50\n1001,50\n"], 1031.0, "is 30 s old"),
        ];
        for (what, pieces, now_s, why) in cases {
            let missing = after(pieces, now_s).1.unwrap_err();
            assert!(missing.why.contains("power.csv") && missing.why.ends_with(why), "{what}: {missing:?}");
        }
        assert_eq!(after(&["1000,50\n"], 1001.0).1, Ok(()));
    }

    #[test]
    fn a_long_file_is_read_from_its_end_and_one_begun_anew_from_its_start() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("power.csv");
        let mut text = String::from("unix_s,watts\n");
        (0..1000).for_each(|second| writeln!(text, "{},7", second + 1).expect("text"));
        fs::write(&path, &text).expect("a file");
        let mut table = Table::from(&path, 1000.0);
        assert_eq!(table.look_at(1000.0), Ok(()));
        text.push_str("1001,7\n");
        fs::write(&path, &text).expect("a file");
        assert_eq!(table.look_at(1001.0), Ok(()));
        assert_eq!(table.tally().joules, 7.0);
        fs::write(&path, "unix_s,watts\n1002,9\n1003,9\n").expect("a file");
        assert_eq!(table.look_at(1003.0), Ok(()));
        assert_eq!((table.tally().joules, table.tally().coverage()), (16.0, 2.0 / 3.0));
        fs::remove_file(&path).expect("it is there");
        assert!(table.look_at(1004.0).is_err());
        assert_eq!(table.tally().coverage(), 0.5, "what is gone is not seen");
    }

    #[test]
    fn noise_is_no_line_and_does_not_pile_up() {
        let noise = "x".repeat(3 * LONGEST_LINE);
        let (table, last) = after(&["1000,50\n", &noise], 1001.0);
        assert!(table.torn.is_empty() && last.is_err());
    }
}
