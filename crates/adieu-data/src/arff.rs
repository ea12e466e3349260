//! `arff`: tables in the format of Weka and OpenML, which states the type of each column.
//!
//! A file, or a folder of `train.arff` and `test.arff`. Columns are `numeric`, `real` or `integer`, or words in braces;
//! `string`, `date` and `relational` are refused. Lines in braces are sparse: cell numbers, from 0, and values; a number
//! left out is 0, a word the first of its column. What begins with `%` is a comment. How cells become numbers: see
//! `table.rs`.

use std::path::Path;

use crate::about::{file_name, sum};
use crate::error::DataError;
use crate::how::How;
use crate::own::{asked, parts};
use crate::published::{MOST_BYTES, open, read_all};
use crate::rows::{Dataset, FileSum};
use crate::source::Source;
use crate::table::{Kind, Table, label_of};

/// See the module.
#[derive(Debug)]
pub(crate) struct Arff;

impl Source for Arff {
    fn kind(&self) -> &'static str {
        "arff"
    }

    fn about(&self) -> &'static str {
        "a table in the format of Weka and OpenML: a file, or a folder of train.arff and test.arff"
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
        let (train, test) = parts(asked, &["arff"])?;
        let (text, first) = read_text(&train)?;
        let (header, rows) = header(&train, &text)?;
        let names: Vec<&str> = header.iter().map(|column| column.name.as_str()).collect();
        let label = label_of(&train, &names, how)?;
        let columns = header.iter().map(|column| (column.name.clone(), Some(column.kind()))).collect();
        let mut table = Table::new(&train, how, columns, label)?;
        let mut files = vec![first];
        lines(rows, &header, &mut table)?;
        if let Some(test) = test {
            let (text, second) = read_text(&test)?;
            files.push(second);
            let (other, rows) = self::header(&test, &text)?;
            if other != header {
                let has = |header: &[Attribute]| {
                    let names: Vec<&str> = header.iter().map(|column| column.name.as_str()).collect();
                    format!("the columns {}", names.join(", "))
                };
                let (first_has, second_has) = (has(&header), has(&other));
                return Err(DataError::Disagree { first: train, first_has, second: test, second_has });
            }
            table.test(&test);
            lines(rows, &other, &mut table)?;
        }
        table.finish(asked, files)
    }
}

/// A column as the file states it.
#[derive(Clone, Debug, PartialEq)]
struct Attribute {
    name: String,
    /// `None` of numbers.
    words: Option<Vec<String>>,
}

impl Attribute {
    fn kind(&self) -> Kind {
        if self.words.is_some() { Kind::Words } else { Kind::Number }
    }

    /// What a sparse line means by leaving the cell out.
    fn zero(&self) -> &str {
        self.words.as_ref().and_then(|words| words.first()).map_or("0", String::as_str)
    }
}

fn read_text(path: &Path) -> Result<(String, FileSum), DataError> {
    let bytes = read_all(&mut open(path)?, path, MOST_BYTES)?;
    let sum = sum(file_name(path), &bytes);
    let text = String::from_utf8(bytes).map_err(|error| {
        let line = error.as_bytes()[..error.utf8_error().valid_up_to()]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count();
        let what = format!("line {}: not UTF-8", line + 1);
        DataError::Format { path: path.to_path_buf(), what, remedy: "store it as UTF-8" }
    })?;
    Ok((text, sum))
}

/// Lines with their numbers from 1, without comments and blank ones.
fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim()));
    lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('%'))
}

/// The columns, and the lines of data.
fn header<'a>(
    path: &Path,
    text: &'a str,
) -> Result<(Vec<Attribute>, impl Iterator<Item = (usize, &'a str)> + use<'a>), DataError> {
    let wrong = |line: usize, what: String| DataError::Format {
        path: path.to_path_buf(),
        what: format!("line {line}: {what}"),
        remedy: "give an ARFF file whose columns are numeric or words in braces",
    };
    let mut lines = numbered(text);
    let mut columns = Vec::new();
    for (at, line) in lines.by_ref() {
        let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        match word.to_ascii_lowercase().as_str() {
            "@relation" => {}
            "@attribute" => columns.push(attribute(rest.trim()).map_err(|what| wrong(at, what))?),
            "@data" => return Ok((columns, lines)),
            _ => return Err(wrong(at, "neither @relation nor @attribute nor @data".to_owned())),
        }
    }
    Err(wrong(text.lines().count(), "no @data".to_owned()))
}

fn attribute(text: &str) -> Result<Attribute, String> {
    let (name, rest) = match text.chars().next() {
        Some(quote @ ('\'' | '"')) => text[1..].split_once(quote).ok_or("a quote is not closed")?,
        _ => text
            .split_once(|c: char| c.is_whitespace() || c == '{')
            .map_or((text, ""), |(name, _)| (name, &text[name.len()..])),
    };
    let (name, rest) = (name.to_owned(), rest.trim());
    if let Some(inside) = rest.strip_prefix('{') {
        let inside = inside.trim_end().strip_suffix('}').ok_or("a brace is not closed")?;
        return Ok(Attribute { name, words: Some(cells(inside)?) });
    }
    match rest.split_whitespace().next().unwrap_or_default().to_ascii_lowercase().as_str() {
        "numeric" | "real" | "integer" => Ok(Attribute { name, words: None }),
        "" => Err(format!("no type for `{name}`")),
        other => Err(format!("`{name}` is of type {other}, which is not read")),
    }
}

/// Cells between commas; in quotes of either kind, a backslash before a character that stands for itself.
fn cells(line: &str) -> Result<Vec<String>, String> {
    let (mut cells, mut cell, mut quote) = (Vec::new(), String::new(), None);
    let mut letters = line.chars();
    let mut quoted = false;
    while let Some(letter) = letters.next() {
        match (letter, quote) {
            ('\\', Some(_)) => cell.extend(letters.next()),
            (letter, Some(open)) if letter == open => quote = None,
            (letter, Some(_)) => cell.push(letter),
            ('\'' | '"', None) if cell.trim().is_empty() => {
                cell.clear();
                (quote, quoted) = (Some(letter), true);
            }
            (',', None) => {
                cells.push(if quoted { std::mem::take(&mut cell) } else { cell.trim().to_owned() });
                cell.clear();
                quoted = false;
            }
            (letter, None) if quoted && letter.is_whitespace() => {}
            (letter, None) => cell.push(letter),
        }
    }
    if quote.is_some() {
        return Err("a quote is not closed".to_owned());
    }
    cells.push(if quoted { cell } else { cell.trim().to_owned() });
    Ok(cells)
}

/// Every line of data into the table.
fn lines<'a>(
    rows: impl Iterator<Item = (usize, &'a str)>,
    columns: &[Attribute],
    table: &mut Table<'_>,
) -> Result<(), DataError> {
    for (at, line) in rows {
        match row(line, columns) {
            Ok(cells) => {
                let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
                table.row(&cells, &|| format!("line {at}"))?;
            }
            Err(what) => table.bad(format!("line {at}: {what}"))?,
        }
    }
    Ok(())
}

/// The cells of one line, which may be sparse; words must be among those the file states.
fn row(line: &str, columns: &[Attribute]) -> Result<Vec<String>, String> {
    let found = if let Some(inside) = line.strip_prefix('{') {
        let inside = inside.strip_suffix('}').ok_or("a brace is not closed")?;
        let mut row: Vec<String> = columns.iter().map(|column| column.zero().to_owned()).collect();
        for pair in cells(inside)?.iter().filter(|pair| !pair.is_empty()) {
            let (index, value) =
                pair.split_once(char::is_whitespace).ok_or("a sparse cell without a value")?;
            let cell = index.parse().ok().and_then(|index: usize| row.get_mut(index));
            *cell.ok_or_else(|| format!("there is no column {index}"))? =
                value.trim().trim_matches(['\'', '"']).to_owned();
        }
        row
    } else {
        cells(line)?
    };
    for (cell, column) in found.iter().zip(columns) {
        if let Some(words) = &column.words
            && !words.contains(cell)
            && cell != "?"
        {
            return Err(format!("`{cell}` is not among the words of column `{}`", column.name));
        }
    }
    Ok(found)
}
