//! `parquet`: a table, or a set of pictures, in Apache Parquet's files, as pandas, Polars, DuckDB and the Hugging Face
//! datasets write them.
//!
//! ```text
//! FILE                                       a sixth of each class tests, drawn by a seed
//! FOLDER/train.parquet, test.parquet
//! FOLDER/train-00000-of-00002.parquet, …     the layout of Hugging Face; also in FOLDER/data
//! ```
//!
//! Rows called `validation` test where there are none called `test`; else they are left out. Compression by snappy, zstd,
//! gzip and lz4 is read.
//!
//! - **A table**: truths (0 and 1), whole numbers, floats and decimals of any width are numbers, text is words; how they
//!   become columns, see `table.rs`. What has no value is missing. Columns of times, lists and structures are refused;
//!   an index that pandas stored (`__index_level_0__`) is left out.
//! - **Pictures**: if a column is a structure of `bytes` and `path`, or bytes called `image` or `img`, its PNG or JPEG
//!   pictures, all of one size, are the rows, and other columns but the labels are left out.
//!
//! Classes that are numbers take the names that the Hugging Face metadata have for them.

mod cells;
mod claims;
mod files;
mod input;
mod pictures;
mod thrift;

use std::path::Path;

use self::cells::{Cells, Column};
use self::files::{Files, find};
use self::input::{Batch, Input};
use crate::error::DataError;
use crate::how::How;
use crate::own::asked;
use crate::published::MOST_BYTES;
use crate::rows::Dataset;
use crate::source::Source;
use crate::table::{Kind, Table, label_note, label_of};

/// See the module.
#[derive(Debug)]
pub(crate) struct Parquet;

impl Source for Parquet {
    fn kind(&self) -> &'static str {
        "parquet"
    }

    fn about(&self) -> &'static str {
        "a table or pictures in Parquet files, also in the layout of Hugging Face: a file or a folder"
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
        let files = find(asked)?;
        let first = Input::open(&files.train[0])?;
        let names = class_names(&first, how);
        let mut data = match cells::pictures(first.schema()) {
            Some(column) => pictures::read(asked, how, &files, first, column)?,
            None => table(asked, how, &files, first)?,
        };
        name_classes(&mut data, &names);
        Ok(data)
    }
}

/// The columns of a table that are read, those that are left out, and that of labels where there are to be none.
type Columns = (Vec<Column>, Vec<String>, Option<String>);

fn columns(input: &Input, how: &How) -> Result<Columns, DataError> {
    let fields = input.schema().root_schema().get_fields();
    let named: Vec<&str> = fields.iter().map(|field| field.name()).collect();
    let unread = if how.labels { None } else { label_of(&input.path, &named, how)? };
    let index = |name: &str| name.starts_with("__index_level_") && name.ends_with("__");
    let (mut read, mut left) = (Vec::new(), Vec::new());
    for (at, field) in fields.iter().enumerate() {
        if index(field.name()) {
            left.push(field.name().to_owned());
            continue;
        }
        if unread == Some(at) {
            continue;
        }
        read.push(cells::plain(input.schema(), at).map_err(|what| DataError::Format {
            path: input.path.clone(),
            what,
            remedy: "leave the column out, or make numbers or words of it",
        })?);
    }
    Ok((read, left, unread.map(|at| named[at].to_owned())))
}

fn table(asked: &Path, how: &How, files: &Files, first: Input) -> Result<Dataset, DataError> {
    let (columns, left, unread) = columns(&first, how)?;
    let kinds = |columns: &[Column]| -> Vec<(String, Option<Kind>)> {
        columns.iter().map(|column| (column.name.clone(), Some(column.cells.kind()))).collect()
    };
    let header = kinds(&columns);
    let label = if how.labels { label_of(&first.path, &names(&columns), how)? } else { None };
    let mut table = Table::new(&first.path, how, header.clone(), label)?;
    if unread.is_some() {
        table.seen.notes[0] = label_note(unread.as_deref(), how);
    }
    table.seen.notes.extend(left.iter().map(|name| format!("column `{name}`, an index, is left out")));
    table.seen.notes.extend(files.notes.iter().cloned());
    let (mut sums, mut total, first_path) = (Vec::new(), 0, first.path.clone());
    let mut first = Some(first);
    for (part, path) in files.all() {
        let input = match first.take() {
            Some(first) => first,
            None => Input::open(path)?,
        };
        let (mut columns, ..) = self::columns(&input, how)?;
        let other = kinds(&columns);
        if other != header {
            let has = |header: &[(String, Option<Kind>)]| {
                let shown = |(name, kind): &(String, Option<Kind>)| {
                    if *kind == Some(Kind::Words) { format!("{name} (words)") } else { name.clone() }
                };
                format!("the columns {}", header.iter().map(shown).collect::<Vec<_>>().join(", "))
            };
            let (first_has, second_has) = (has(&header), has(&other));
            return Err(DataError::Disagree { first: first_path, first_has, second: input.path, second_has });
        }
        bounded(&input, columns.len() * size_of::<f32>(), &mut total)?;
        if part == 1 {
            table.test(path)
        } else {
            table.at(path)
        }
        let label = if how.labels { label_of(path, &names(&columns), how)? } else { None };
        if let Some(Cells::Truth { label }) = label.map(|label| &mut columns[label].cells) {
            *label = true;
        }
        input.each(&columns, &mut |first, batches| rows(&mut table, &columns, first, &batches))?;
        sums.push(input.sum);
    }
    table.finish(asked, sums)
}

fn names(columns: &[Column]) -> Vec<&str> {
    columns.iter().map(|column| column.name.as_str()).collect()
}

/// Puts some rows into the table, of which the first has the number `first`.
fn rows(table: &mut Table<'_>, columns: &[Column], first: usize, batches: &[Batch]) -> Result<(), DataError> {
    let texts: Vec<&[Result<String, &str>]> = batches.iter().map(Batch::texts).collect();
    for row in 0..texts.first().map_or(0, |texts| texts.len()) {
        let place = || format!("row {} (rows count from 0)", first + row);
        let cells: Result<Vec<&str>, String> = texts
            .iter()
            .zip(columns)
            .map(|(texts, column)| match &texts[row] {
                Ok(text) => Ok(text.as_str()),
                Err(what) => Err(format!("{}: the cell of column `{}` is {what}", place(), column.name)),
            })
            .collect();
        match cells {
            Ok(cells) => table.row(&cells, &place)?,
            Err(what) => table.bad(what)?,
        }
    }
    Ok(())
}

/// Refuses more rows, of `each` bytes, than are read: few bytes of a file can stand for very many.
fn bounded(input: &Input, each: usize, total: &mut u64) -> Result<(), DataError> {
    *total = total.saturating_add(input.rows().saturating_mul(each as u64));
    if *total <= MOST_BYTES {
        return Ok(());
    }
    let what = format!("its footer speaks of {} rows, in all more than {MOST_BYTES} bytes", input.rows());
    let remedy = "it is damaged, or too large: give a part of it";
    Err(DataError::Format { path: input.path.clone(), what, remedy })
}

/// The names that the Hugging Face metadata give to the classes; none if they give none.
fn class_names(input: &Input, how: &How) -> Vec<String> {
    let names = || -> Option<Vec<String>> {
        let told: serde_json::Value = serde_json::from_str(input.said("huggingface")?).ok()?;
        let columns: Vec<&str> =
            input.schema().root_schema().get_fields().iter().map(|field| field.name()).collect();
        let label = columns[label_of(&input.path, &columns, how).ok()??];
        let names = told.get("info")?.get("features")?.get(label)?.get("names")?.as_array()?;
        names.iter().map(|name| Some(name.as_str()?.to_owned())).collect()
    };
    names().unwrap_or_default()
}

/// Calls the classes by these names, if every one of them is the number of a name.
fn name_classes(data: &mut Dataset, names: &[String]) {
    if data.info.classes.is_empty() {
        return;
    }
    let name = |class: &String| names.get(class.parse::<usize>().ok()?).cloned();
    if let Some(classes) = data.info.classes.iter().map(name).collect::<Option<Vec<String>>>() {
        data.info.classes = classes;
        data.info.notes.push("classes are named by the file's Hugging Face metadata".to_owned());
    }
}
