//! `adieu data`: what there is to learn from.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;

use adieu::Error;
use adieu::data::{
    Baselines, Dataset, Duplicates, Source, baselines, class_counts, contact_sheet, duplicates, list, range,
};
use adieu::recipe::{DataRecipe, OnBadRecipe};
use anyhow::Context as _;
use serde_json::json;

use super::fetch;
use crate::args::{Data, OnBadArg};
use crate::progress::Manner;
use crate::{images, terminal, words};

/// Columns for drawings.
const ROOM: usize = 100;
/// Rows drawn, at most: the first of each class.
const DRAWN: usize = 12;
/// Rows of each class on the contact sheet.
const ACROSS: usize = 12;
/// Columns of a table that are named.
const NAMED: usize = 12;

pub(super) fn run(asked: &Data, manner: Manner) -> anyhow::Result<()> {
    match asked {
        Data::List { json: true } => {
            let each = list().iter().map(|source| {
                let (name, about, licence) = (source.kind(), source.about(), source.licence());
                let here = fetch::here(*source).map(|(_, value)| value);
                json!({ "name": name, "about": about, "licence": licence, "bundled": source.bundled(),
                    "files": source.files().iter().map(|file| file.name).collect::<Vec<_>>(), "here": here })
            });
            terminal::result(&json!(each.collect::<Vec<_>>()).to_string())
        }
        Data::List { json: false } => {
            let each: Vec<String> = list().iter().map(|source| described(*source)).collect();
            terminal::result(&each.join("\n"))
        }
        Data::Fetch(asked) => fetch::run(asked, manner),
        Data::Show { name, data_dir, label, no_labels, on_bad, png, json } => {
            let kind = name.as_deref().unwrap_or(if data_dir.is_some() { "idx" } else { "mnist" });
            let recipe = DataRecipe {
                kind: kind.into(),
                dir: data_dir.clone(),
                labels: !no_labels,
                label: label.clone(),
                on_bad: match on_bad {
                    OnBadArg::Fail => OnBadRecipe::Fail,
                    OnBadArg::Skip => OnBadRecipe::Skip,
                },
                ..DataRecipe::default()
            };
            show(&recipe, png.as_deref(), *json)
        }
    }
}

fn described(source: &dyn Source) -> String {
    let place = match fetch::here(source) {
        Some((phrase, _)) => phrase,
        None if source.bundled() => "needs no files".to_owned(),
        None => "read from a folder or file: --data-dir".to_owned(),
    };
    format!("{}\n  {}\n  {place}; licence: {}\n", source.kind(), source.about(), source.licence())
}

/// A dataset as it was read, and how long that took.
struct Read {
    data: Dataset,
    seconds: f64,
    duplicates: Duplicates,
}

impl Read {
    fn rows(&self) -> usize {
        self.data.train.len() + self.data.test.len()
    }

    fn bytes(&self) -> usize {
        self.data.train.held_bytes() + self.data.test.held_bytes()
    }
}

fn show(recipe: &DataRecipe, png: Option<&Path>, json: bool) -> anyhow::Result<()> {
    let start = Instant::now();
    let data = recipe.read().map_err(Error::from).context("the data cannot be used")?;
    let seconds = start.elapsed().as_secs_f64();
    let read = Read { duplicates: duplicates(&data), data, seconds };
    if let Some(path) = png {
        let sheet = contact_sheet(&read.data, ACROSS)
            .context("there is no picture to draw: the rows are those of a table, or far too large")?;
        std::fs::write(path, sheet).with_context(|| format!("{}: cannot be written", path.display()))?;
    }
    let text =
        if json { as_json(&read).to_string() } else { as_text(&read, terminal::results_have_colour()) };
    terminal::result(&text)
}

fn as_json(read: &Read) -> serde_json::Value {
    let (data, info, twice) = (&read.data, &read.data.info, read.duplicates);
    let files = info.files.iter().map(
        |file| json!({ "name": file.name, "bytes": file.bytes, "crc32": format!("{:08x}", file.crc32) }),
    );
    json!({
        "name": info.name,
        "source": info.origin.to_string(),
        "licence": info.licence,
        "citation": info.citation,
        "image": [info.image.height, info.image.width, info.image.channels],
        "classes": info.classes,
        "train_rows": data.train.len(),
        "test_rows": data.test.len(),
        "train_counts": class_counts(&data.train, info.classes.len()),
        "test_counts": class_counts(&data.test, info.classes.len()),
        "mean": info.mean,
        "deviation": info.deviation,
        "files": files.collect::<Vec<_>>(),
        "columns": info.columns,
        "range": range(&data.train).map(|of| json!({ "low": of.low, "high": of.high, "zero": of.zero })),
        "duplicates": {
            "train": twice.train, "test": twice.test, "across": twice.across, "contradicting": twice.contradicting,
        },
        "skipped": { "count": info.skipped.count, "first": info.skipped.first },
        "notes": info.notes,
        "read_s": read.seconds,
        "held_bytes": read.bytes(),
        "baselines": baselines(data).map(|of| json!({ "unigram": of.unigram, "bigram": of.bigram })),
    })
}

fn as_text(read: &Read, colour: bool) -> String {
    let (data, info) = (&read.data, &read.data.info);
    let mut text = format!(
        "{}, {}\nlicence    {}\ncite       {}\n{}rows       {} to train, {} to test\n",
        info.name,
        info.origin,
        info.licence,
        info.citation,
        shape(data),
        words::count(data.train.len() as u64),
        words::count(data.test.len() as u64),
    );
    text.push_str(&values(data));
    text.push_str(&found(read));
    for (i, file) in info.files.iter().enumerate() {
        let head = if i == 0 { "files" } else { "" };
        let bytes = words::count(file.bytes);
        let _ = writeln!(text, "{head:<9}  {}  {bytes} bytes, CRC-32 {:08x}", file.name, file.crc32);
    }
    if let Some(Baselines { unigram, bigram }) = baselines(data) {
        let _ = writeln!(
            text,
            "guessing   {:.1} % of test rows by the likeliest symbol, {:.1} % by the likeliest after the last one",
            100.0 * unigram,
            100.0 * bigram
        );
    }
    text.push_str(&classes(data));
    text.push('\n');
    text + &drawings(data, colour)
}

/// Rows of each class; nothing where there are no labels.
fn classes(data: &Dataset) -> String {
    let info = &data.info;
    if info.classes.is_empty() {
        return String::new();
    }
    let mut text = String::new();
    let [train, test] = [&data.train, &data.test].map(|rows| class_counts(rows, info.classes.len()));
    let first = info.classes.iter().map(|class| class.chars().count()).max().unwrap_or(0).max("class".len());
    let _ = writeln!(text, "\n{:>first$}  {:>9}  {:>9}", "class", "to train", "to test");
    for ((class, train), test) in info.classes.iter().zip(&train).zip(&test) {
        let _ = writeln!(text, "{class:>first$}  {:>9}  {:>9}", words::count(*train), words::count(*test));
    }
    text
}

/// What the columns of a row are.
fn shape(data: &Dataset) -> String {
    let info = &data.info;
    if !data.train.is_real() {
        return format!("images     {} pixels (height × width)\n", info.image);
    }
    let names = info.columns.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = if info.columns.len() > NAMED { ", …" } else { "" };
    format!("columns    {}: {names}{more}\n", info.columns.len())
}

/// The range of the values; means and deviations of pixels, which of a table are one a column.
fn values(data: &Dataset) -> String {
    let info = &data.info;
    let numbers = |values: &[f64]| values.iter().map(|v| format!("{v:.4}")).collect::<Vec<_>>().join(" ");
    let mut text = String::new();
    let range = range(&data.train);
    if !data.train.is_real() {
        let (mean, deviation) = (numbers(&info.mean), numbers(&info.deviation));
        let _ = writeln!(text, "pixels     mean {mean}, deviation {deviation} (0 is dark, 1 bright)");
        if let Some(of) = range {
            let _ = writeln!(text, "bytes      {} to {}, {:.1} % are 0", of.low, of.high, 100.0 * of.zero);
        }
        return text;
    }
    if let Some(of) = range {
        let _ = writeln!(text, "values     {} to {}, {:.1} % are 0", of.low, of.high, 100.0 * of.zero);
    }
    let some = info.columns.iter().zip(&info.mean).zip(&info.deviation).take(NAMED);
    for ((name, mean), deviation) in some {
        let _ = writeln!(text, "           {name}: mean {mean:.4}, deviation {deviation:.4}");
    }
    text
}

/// What was met in reading.
fn found(read: &Read) -> String {
    let (twice, skipped, count) = (read.duplicates, &read.data.info.skipped, words::count);
    let (rows, bytes) = (read.rows(), read.bytes());
    let mut text = format!(
        "read       in {:.2} s, {} rows a second; {} bytes in memory\n",
        read.seconds,
        count((rows as f64 / read.seconds.max(1e-9)).round() as u64),
        count(bytes as u64),
    );
    let _ = write!(
        text,
        "twice      {} rows to train, {} to test, {} to test that also train",
        count(twice.train),
        count(twice.test),
        count(twice.across),
    );
    if !read.data.info.classes.is_empty() {
        let _ = write!(text, "; {} of these under another label", count(twice.contradicting));
    }
    text.push('\n');
    if skipped.count > 0 {
        let _ = writeln!(text, "left out   {} bad rows, the first of which:", count(skipped.count));
        skipped.first.iter().for_each(|what| {
            let _ = writeln!(text, "           {what}");
        });
    }
    read.data.info.notes.iter().for_each(|note| {
        let _ = writeln!(text, "note       {note}");
    });
    text
}

/// The first training row of each class, of as many classes as there is room for; without labels the first rows.
fn drawings(data: &Dataset, colour: bool) -> String {
    let shape = data.info.image;
    let plane = shape.height * shape.width;
    let labels = data.train.all_labels();
    let classes = data.info.classes.len();
    let first =
        |c: usize| if classes == 0 { Some(c) } else { labels.iter().position(|l| usize::from(*l) == c) };
    let firsts = (0..if classes == 0 { DRAWN } else { classes }).filter_map(first);
    let rows: Vec<&[u8]> =
        firsts.take(DRAWN).filter_map(|row| data.train.picture(row)).map(|row| &row[..plane]).collect();
    if rows.is_empty() {
        return String::new(); // a table has no pictures
    }
    images::gallery(&rows, shape.width, ROOM, colour)
}
