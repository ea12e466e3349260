//! Tables: from cells to rows. Types, classes and what is missing are found by fixed rules, which the dataset's notes
//! spell out, and nothing is filled in.
//!
//! - The **labels** are the column asked for, else the one called `label`, `class`, `target` or `y`. Classes are the
//!   different labels of the rows that train: by value if all are numbers, else in alphabetical order. Where there are to
//!   be no labels, that column is left out if it is there, and a note says so.
//! - A column is **numbers** if its first cell is one, unless the file itself states types; else it is **words**, and
//!   becomes one column of 0 and 1 for each word that the rows to train have, 64 at most.
//! - A cell that is empty, `?`, `NA`, `N/A`, `NaN`, `null` or `None` is **missing**. A row with a missing cell, no finite
//!   number among numbers, too few or too many cells, or a word or label that training has not, is a bad row.
//! - Where no rows to **test** are given, a sixth of each class is drawn by the seed. Rows to train are put in an order,
//!   by the same seed, whose every stretch has each class in its share: tables are often sorted, and the last sixth is
//!   held back to choose by.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::about::{About, Read, Shape, classes_fault, name_of};
use crate::chance::Chance;
use crate::error::DataError;
use crate::how::How;
use crate::rows::{Dataset, FileSum, Rows};
use crate::share::{drawn, sixth, spread};

/// Columns that are labels if no other is asked for.
const LABELS: [&str; 4] = ["label", "class", "target", "y"];
/// Words that a column may have.
const MOST_WORDS: usize = 64;
/// Different labels that are remembered while reading; 256 can be told apart.
const MOST_LABELS: usize = 1 << 20;
pub(crate) const SKIP: &str = "correct the row, or leave bad rows out (on_bad = \"skip\")";

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Number,
    Words,
}

/// Words and their numbers, in the order they were met.
#[derive(Debug, Default)]
pub(crate) struct Words {
    numbers: HashMap<String, u32>,
    pub(crate) names: Vec<String>,
}

impl Words {
    /// The number of a word; `None` of a new one unless there may be `more`.
    pub(crate) fn number(&mut self, word: &str, more: bool) -> Option<u32> {
        if let Some(number) = self.numbers.get(word) {
            return Some(*number);
        }
        if !more {
            return None;
        }
        let number = self.names.len() as u32;
        self.numbers.insert(word.to_owned(), number);
        self.names.push(word.to_owned());
        Some(number)
    }
}

#[derive(Debug)]
struct Column {
    name: String,
    /// Not known before the first row unless the file states it.
    kind: Option<Kind>,
    words: Words,
}

/// A table while it is read: first the rows that train, then, after [`Table::test`], those that test.
#[derive(Debug)]
pub(crate) struct Table<'a> {
    path: PathBuf,
    how: &'a How,
    columns: Vec<Column>,
    /// Which cell of a row is the label, or would be.
    label: Option<usize>,
    labels: Words,
    parts: [Part; 2],
    now: usize,
    pub(crate) seen: Read,
}

/// Numbers, and words by their numbers; labels likewise.
#[derive(Debug, Default)]
struct Part {
    values: Vec<f32>,
    labels: Vec<u32>,
}

impl<'a> Table<'a> {
    /// A table with these columns, labels among them as [`label_of`] says; kinds where the file states them.
    pub(crate) fn new(
        path: &Path,
        how: &'a How,
        columns: Vec<(String, Option<Kind>)>,
        label: Option<usize>,
    ) -> Result<Table<'a>, DataError> {
        let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
        let fault = |what: String, remedy| Err(DataError::Format { path: path.to_path_buf(), what, remedy });
        if let Some(twice) = names.iter().enumerate().find(|(at, name)| names[..*at].contains(name)) {
            return fault(
                format!("two columns are called `{}`", twice.1),
                "give each column a name of its own",
            );
        }
        if names.len() <= usize::from(label.is_some()) {
            return fault("no column but the labels".to_owned(), "give a table with something to learn from");
        }
        let mut seen = Read::default();
        seen.notes.push(label_note(label.map(|at| names[at]), how));
        let column = |(name, kind)| Column { name, kind, words: Words::default() };
        let mut columns: Vec<Column> = columns.into_iter().map(column).collect();
        label.map(|at| columns.remove(at));
        let (labels, parts) = (Words::default(), Default::default());
        Ok(Table { path: path.to_path_buf(), how, columns, label, labels, parts, now: 0, seen })
    }

    /// Goes on with the rows that test, from the file at `path`.
    pub(crate) fn test(&mut self, path: &Path) {
        self.now = 1;
        self.at(path);
    }

    /// Goes on with rows from the file at `path`.
    pub(crate) fn at(&mut self, path: &Path) {
        path.clone_into(&mut self.path);
    }

    /// A row of cells as text; `place` says where it is in the file, as in `line 7`.
    pub(crate) fn row(&mut self, cells: &[&str], place: &dyn Fn() -> String) -> Result<(), DataError> {
        let start = self.parts[self.now].values.len();
        match self.cells(cells) {
            Ok(label) => {
                self.parts[self.now].labels.push(label);
                Ok(())
            }
            Err(what) => {
                self.parts[self.now].values.truncate(start);
                self.bad(format!("{}: {what}", place()))
            }
        }
    }

    /// A row that is bad before its cells are looked at.
    pub(crate) fn bad(&mut self, what: String) -> Result<(), DataError> {
        let fault = DataError::Format { path: self.path.clone(), what, remedy: SKIP };
        self.how.bad(&mut self.seen.skipped, fault)
    }

    fn cells(&mut self, cells: &[&str]) -> Result<u32, String> {
        let wanted = self.columns.len() + usize::from(self.label.is_some());
        if cells.len() != wanted {
            return Err(format!("{} cells, but {wanted} columns", cells.len()));
        }
        let training = self.now == 0;
        let label = self.label.filter(|_| self.how.labels).map(|at| cells[at].trim());
        if label.is_some_and(missing) {
            return Err("the label is missing".to_owned());
        }
        let mut features =
            cells.iter().enumerate().filter(|(at, _)| Some(*at) != self.label).map(|(_, cell)| cell.trim());
        // looked at as a whole first, so that a bad row leaves no word behind
        let mut row = Vec::with_capacity(self.columns.len());
        for (column, cell) in self.columns.iter().zip(&mut features) {
            let number = cell.parse::<f32>().ok().filter(|value| value.is_finite());
            if missing(cell) {
                return Err(format!("the cell of column `{}` is missing", column.name));
            }
            let kind = column.kind.unwrap_or(if number.is_some() { Kind::Number } else { Kind::Words });
            match (kind, number) {
                (Kind::Number, None) => {
                    return Err(format!(
                        "`{}` in column `{}` is no finite number",
                        clipped(cell),
                        column.name
                    ));
                }
                (Kind::Words, _) if !training && !column.words.numbers.contains_key(cell) => {
                    return Err(format!(
                        "no row to train has `{}` in column `{}`",
                        clipped(cell),
                        column.name
                    ));
                }
                _ => row.push((kind, number, cell)),
            }
        }
        let more = training && self.labels.names.len() < MOST_LABELS;
        let label = match label {
            None => 0,
            Some(label) => self
                .labels
                .number(&canonical(label), more)
                .ok_or_else(|| "its label is none of those of the rows to train".to_owned())?,
        };
        for (column, (kind, number, cell)) in self.columns.iter_mut().zip(row) {
            column.kind = Some(kind);
            let value = match kind {
                Kind::Number => number.unwrap_or_default(),
                // beyond the most that is allowed words are counted no further: the column is refused at the end
                Kind::Words => {
                    let more = column.words.names.len() <= MOST_WORDS;
                    column.words.number(cell, more).unwrap_or(MOST_WORDS as u32) as f32
                }
            };
            self.parts[self.now].values.push(value);
        }
        Ok(label)
    }

    /// The dataset, named after the file or folder that was asked for.
    pub(crate) fn finish(mut self, asked: &Path, files: Vec<FileSum>) -> Result<Dataset, DataError> {
        let fault = |path: &Path, what: String, remedy| {
            Err(DataError::Format { path: path.to_path_buf(), what, remedy })
        };
        let [train, test] = std::mem::take(&mut self.parts);
        if train.labels.is_empty() || (self.now == 1 && test.labels.is_empty()) {
            return fault(&self.path, "it has no good row".to_owned(), "give a table with rows");
        }
        if let Some(fault) = classes_fault(&self.path, self.labels.names.len()).filter(|_| self.how.labels) {
            return Err(fault);
        }
        if let Some(column) = self.columns.iter().find(|column| column.words.names.len() > MOST_WORDS) {
            let what = format!("column `{}` has more than {MOST_WORDS} different words", column.name);
            return fault(&self.path, what, "leave the column out, or make numbers of it");
        }
        let (classes, order) = ranked(&self.labels.names);
        // without labels every code is 0, and stays so
        let class = |code: u32| order.get(code as usize).copied().unwrap_or(0);
        let label = |codes: Vec<u32>| codes.into_iter().map(class).collect::<Vec<u8>>();
        let (train_labels, test_labels) = (label(train.labels), label(test.labels));
        let (names, expand) = self.expansion();
        let mut chance = Chance::new(self.how.seed, "split");
        let spread = spread(&train_labels, Some(&mut chance));
        let pick = |values: &[f32], labels: &[u8], rows: &[u32]| expand.rows(values, labels, rows);
        let (train, test) = if self.now == 1 {
            let all: Vec<u32> = (0..test_labels.len() as u32).collect();
            (pick(&train.values, &train_labels, &spread), pick(&test.values, &test_labels, &all))
        } else {
            self.seen.notes.push(drawn(self.how));
            let (trains, tests) = sixth(&spread, &train_labels);
            (pick(&train.values, &train_labels, &trains), pick(&train.values, &train_labels, &tests))
        };
        self.seen.files = files;
        self.seen.notes.extend(imbalance(&train, &classes));
        let about = About { name: name_of(asked, asked.is_file()), ..About::own(asked, classes) };
        Ok(about.dataset(Shape::Table(names), train, test, self.seen))
    }

    /// Names of the columns with words expanded, and how to expand a row; says so in the notes.
    fn expansion(&mut self) -> (Vec<String>, Expansion) {
        let mut names = Vec::new();
        let widths = self.columns.iter().map(|column| match column.kind {
            Some(Kind::Words) => {
                let words = &column.words.names;
                let note = format!(
                    "column `{}` is words, a column of 0 and 1 each: {}",
                    column.name,
                    words.join(", ")
                );
                self.seen.notes.push(note);
                names.extend(words.iter().map(|word| format!("{}={word}", column.name)));
                Some(words.len())
            }
            _ => {
                names.push(column.name.clone());
                None
            }
        });
        let widths: Vec<Option<usize>> = widths.collect();
        (names, Expansion(widths))
    }
}

/// For each column the number of its words; `None` of numbers.
struct Expansion(Vec<Option<usize>>);

impl Expansion {
    fn rows(&self, values: &[f32], labels: &[u8], rows: &[u32]) -> Rows {
        let width: usize = self.0.iter().map(|words| words.unwrap_or(1)).sum();
        let mut out = Vec::with_capacity(rows.len() * width);
        for row in rows {
            let cells = &values[*row as usize * self.0.len()..][..self.0.len()];
            for (cell, words) in cells.iter().zip(&self.0) {
                match words {
                    None => out.push(*cell),
                    Some(words) => {
                        out.extend((0..*words).map(|word| f32::from(u8::from(word == *cell as usize))))
                    }
                }
            }
        }
        Rows::reals(out, rows.iter().map(|row| labels[*row as usize]).collect(), width)
    }
}

/// Which of the columns of the file at `path` holds the labels; `None` only where there are to be none.
///
/// # Errors
/// If there is no such column but there is to be one, or it was asked for by name.
pub(crate) fn label_of(path: &Path, names: &[&str], how: &How) -> Result<Option<usize>, DataError> {
    let at = match &how.label {
        Some(asked) => names.iter().position(|name| name == asked),
        None => {
            LABELS.iter().find_map(|known| names.iter().position(|name| name.eq_ignore_ascii_case(known)))
        }
    };
    if at.is_some() || (!how.labels && how.label.is_none()) {
        return Ok(at);
    }
    Err({
        let asked =
            how.label.as_deref().map_or("label, class, target or y".to_owned(), |name| format!("`{name}`"));
        DataError::Format {
            path: path.to_path_buf(),
            what: format!("no column is called {asked}; there are {}", shown(names)),
            remedy: LABELS_REMEDY,
        }
    })
}

/// What to do where no column is known to hold labels.
const LABELS_REMEDY: &str = "say which column holds the labels (label = \"…\" in the recipe's data, --label), or that there \
                             are none (labels = false, --no-labels)";

/// A note on the column of the labels.
pub(crate) fn label_note(name: Option<&str>, how: &How) -> String {
    match name {
        Some(name) if how.labels => format!("labels: column `{name}`"),
        Some(name) => format!("labels: none are wanted, so column `{name}` is left out"),
        None => "labels: none; every column is learnt from".to_owned(),
    }
}

/// Whether a cell says that there is no value.
pub(crate) fn missing(cell: &str) -> bool {
    let marks = ["", "?", "na", "n/a", "nan", "null", "none"];
    marks.iter().any(|mark| cell.eq_ignore_ascii_case(mark))
}

/// A label as its class is called: whole numbers without a point.
pub(crate) fn canonical(label: &str) -> String {
    match label.parse::<f64>() {
        Ok(number) if number.fract() == 0.0 && number.abs() < 1e15 => format!("{}", number as i64),
        _ => label.to_owned(),
    }
}

/// At most 40 characters of a cell.
fn clipped(cell: &str) -> String {
    let mut text: String = cell.chars().take(40).collect();
    if text.len() < cell.len() {
        text.push('…');
    }
    text
}

/// At most twelve names.
pub(crate) fn shown(names: &[&str]) -> String {
    let some =
        names.iter().take(12).map(|name| format!("`{}`", clipped(name))).collect::<Vec<_>>().join(", ");
    if names.len() > 12 { format!("{some} and {} more", names.len() - 12) } else { some }
}

/// Classes in their order, and the class of each label in the order labels were met.
pub(crate) fn ranked(names: &[String]) -> (Vec<String>, Vec<u8>) {
    let mut order: Vec<usize> = (0..names.len()).collect();
    let numbers: Option<Vec<f64>> = names.iter().map(|name| name.parse().ok()).collect();
    match numbers {
        Some(numbers) => order.sort_by(|a, b| numbers[*a].total_cmp(&numbers[*b])),
        None => order.sort_by(|a, b| names[*a].cmp(&names[*b])),
    }
    let mut class = vec![0_u8; names.len()];
    order.iter().enumerate().for_each(|(rank, name)| class[*name] = rank as u8);
    (order.into_iter().map(|name| names[name].clone()).collect(), class)
}

/// A note if the rarest class has less than a tenth of the rows of the commonest.
fn imbalance(train: &Rows, classes: &[String]) -> Option<String> {
    let mut counts = vec![0_usize; classes.len().max(1)];
    train.all_labels().iter().for_each(|label| counts[usize::from(*label)] += 1);
    let most = (0..counts.len()).max_by_key(|class| counts[*class])?;
    let least = (0..counts.len()).min_by_key(|class| counts[*class])?;
    (counts[least] * 10 < counts[most]).then(|| {
        format!(
            "classes are uneven: {} rows of `{}` train, {} of `{}`; guessing the commonest is right on {:.1} %",
            counts[least],
            classes[least],
            counts[most],
            classes[most],
            100.0 * counts[most] as f64 / train.len() as f64
        )
    })
}
