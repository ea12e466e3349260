//! `csv`: tables as text, a line a row, the first line names the columns.
//!
//! A file, whose rows are divided into those that train and those that test, or a folder of `train.csv` and `test.csv`
//! (or `.tsv`). Cells are divided by what the first line has most of: tab, comma or semicolon; a cell may stand in
//! double quotes. UTF-8. How cells become numbers: see `table.rs`.

use std::path::Path;

use crate::about::{file_name, sum};
use crate::error::DataError;
use crate::how::How;
use crate::own::{asked, parts};
use crate::published::{MOST_BYTES, damaged, open, read_all};
use crate::rows::Dataset;
use crate::source::Source;
use crate::table::{Table, label_of};

/// See the module.
#[derive(Debug)]
pub(crate) struct Csv;

impl Source for Csv {
    fn kind(&self) -> &'static str {
        "csv"
    }

    fn about(&self) -> &'static str {
        "a table as text, divided by commas, tabs or semicolons: a file, or a folder of train.csv and test.csv"
    }

    fn licence(&self) -> &'static str {
        "that of the files"
    }

    fn bundled(&self) -> bool {
        false
    }

    fn heeds(&self) -> &'static [&'static str] {
        &["label"]
    }

    fn load(&self, folder: Option<&Path>, how: &How) -> Result<Dataset, DataError> {
        let asked = asked(folder, self.kind())?;
        let (train, test) = parts(asked, &["csv", "tsv"])?;
        let text = read_text(&train)?;
        let mut files = vec![sum(file_name(&train), &text)];
        let (header, rows) = Lines::of(&train, &text)?;
        let names: Vec<&str> = header.iter().map(String::as_str).collect();
        let label = label_of(&train, &names, how)?;
        let columns = header.iter().map(|name| (name.clone(), None)).collect();
        let mut table = Table::new(&train, how, columns, label)?;
        let divided = rows.divider_name();
        table.seen.notes.push(format!("cells are divided by {divided}"));
        rows.into(&mut table)?;
        if let Some(test) = test {
            let text = read_text(&test)?;
            files.push(sum(file_name(&test), &text));
            let (other, rows) = Lines::of(&test, &text)?;
            if other != header {
                let has = |header: &[String]| format!("the columns {}", header.join(", "));
                let (first_has, second_has) = (has(&header), has(&other));
                return Err(DataError::Disagree { first: train, first_has, second: test, second_has });
            }
            table.test(&test);
            rows.into(&mut table)?;
        }
        table.finish(asked, files)
    }
}

/// The lines of a file after the first.
struct Lines<'a> {
    path: &'a Path,
    divider: u8,
    reader: ::csv::Reader<&'a [u8]>,
}

impl<'a> Lines<'a> {
    /// Names of the columns, and the lines after them.
    fn of(path: &'a Path, text: &'a [u8]) -> Result<(Vec<String>, Lines<'a>), DataError> {
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        let first = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let count = |divider: u8| first.iter().filter(|byte| **byte == divider).count();
        // of equals the last is taken, the comma
        let divider = [b';', b'\t', b','].into_iter().max_by_key(|divider| count(*divider)).unwrap_or(b',');
        let mut reader = ::csv::ReaderBuilder::new().delimiter(divider).flexible(true).from_reader(text);
        let wrong = |what: String| DataError::Format {
            path: path.to_path_buf(),
            what,
            remedy: "give a table in UTF-8 whose first line names its columns",
        };
        let header = reader.headers().map_err(|error| wrong(format!("its first line: {error}")))?;
        let header: Vec<String> = header.iter().map(|name| name.trim().to_owned()).collect();
        if header.iter().all(|name| name.is_empty()) {
            return Err(wrong("its first line names no column".to_owned()));
        }
        if header.iter().all(|name| name.parse::<f64>().is_ok()) {
            return Err(wrong("its first line is numbers, not names of columns".to_owned()));
        }
        Ok((header, Lines { path, divider, reader }))
    }

    fn divider_name(&self) -> &'static str {
        match self.divider {
            b';' => "semicolons",
            b'\t' => "tabs",
            _ => "commas",
        }
    }

    fn into(mut self, table: &mut Table<'_>) -> Result<(), DataError> {
        let mut record = ::csv::StringRecord::new();
        loop {
            match self.reader.read_record(&mut record) {
                Ok(false) => return Ok(()),
                Ok(true) => {
                    let line = record.position().map_or(0, ::csv::Position::line);
                    let cells: Vec<&str> = record.iter().collect();
                    table.row(&cells, &|| format!("line {line}"))?;
                }
                Err(error) => match error.kind() {
                    ::csv::ErrorKind::Utf8 { pos, .. } => {
                        let line = pos.as_ref().map_or(0, ::csv::Position::line);
                        table.bad(format!("line {line}: not UTF-8"))?;
                    }
                    _ => return Err(damaged(self.path, error.to_string())),
                },
            }
        }
    }
}

fn read_text(path: &Path) -> Result<Vec<u8>, DataError> {
    read_all(&mut open(path)?, path, MOST_BYTES)
}
