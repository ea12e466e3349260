//! `adieu data`: what there is to learn from.

use std::fmt::Write as _;
use std::path::Path;

use adieu::data::{Baselines, Dataset, Origin, Rows, Source, baselines, list};
use serde_json::json;

use super::fetch;
use super::train::dataset;
use crate::args::Data;
use crate::progress::Manner;
use crate::{images, terminal, words};

/// Columns for drawings.
const ROOM: usize = 100;
/// Rows drawn, at most: the first of each class.
const DRAWN: usize = 12;

pub(super) fn run(asked: &Data, manner: Manner) -> anyhow::Result<()> {
    match asked {
        Data::List { json: true } => {
            let each = list().iter().map(|source| {
                let (name, about, licence) = (source.kind(), source.about(), source.licence());
                let here = fetch::here(*source).map(|(_, value)| value);
                json!({ "name": name, "about": about, "licence": licence, "bundled": source.bundled(), "here": here })
            });
            terminal::result(&json!(each.collect::<Vec<_>>()).to_string())
        }
        Data::List { json: false } => {
            let each: Vec<String> = list().iter().map(|source| described(*source)).collect();
            terminal::result(&each.join("\n"))
        }
        Data::Fetch(asked) => fetch::run(asked, manner),
        Data::Show { name, data_dir, json } => {
            let name = name.as_deref().unwrap_or(if data_dir.is_some() { "idx" } else { "mnist" });
            show(name, data_dir.as_deref(), *json)
        }
    }
}

fn described(source: &dyn Source) -> String {
    let place = match fetch::here(source) {
        Some((phrase, _)) => phrase,
        None if source.bundled() => "bundled".to_owned(),
        None => "read from a folder: --data-dir".to_owned(),
    };
    format!("{}\n  {}\n  {place}; licence: {}\n", source.kind(), source.about(), source.licence())
}

fn show(name: &str, folder: Option<&Path>, json: bool) -> anyhow::Result<()> {
    let data = dataset(name, folder, Manner::Silent)?;
    let text =
        if json { as_json(&data).to_string() } else { as_text(&data, terminal::results_have_colour()) };
    terminal::result(&text)
}

/// Rows of each class.
fn counts(rows: &Rows, classes: usize) -> Vec<u64> {
    let mut counts = vec![0; classes];
    rows.all_labels().iter().for_each(|label| counts[usize::from(*label)] += 1);
    counts
}

fn source(data: &Dataset) -> String {
    match &data.info.origin {
        Origin::Bundled => "bundled".into(),
        Origin::Folder(folder) => folder.display().to_string(),
    }
}

fn as_json(data: &Dataset) -> serde_json::Value {
    let info = &data.info;
    let files = info.files.iter().map(
        |file| json!({ "name": file.name, "bytes": file.bytes, "crc32": format!("{:08x}", file.crc32) }),
    );
    json!({
        "name": info.name,
        "source": source(data),
        "licence": info.licence,
        "citation": info.citation,
        "image": [info.image.height, info.image.width, info.image.channels],
        "classes": info.classes,
        "train_rows": data.train.len(),
        "test_rows": data.test.len(),
        "train_counts": counts(&data.train, info.classes.len()),
        "test_counts": counts(&data.test, info.classes.len()),
        "mean": info.mean,
        "deviation": info.deviation,
        "files": files.collect::<Vec<_>>(),
        "baselines": baselines(data).map(|of| json!({ "unigram": of.unigram, "bigram": of.bigram })),
    })
}

fn as_text(data: &Dataset, colour: bool) -> String {
    let info = &data.info;
    let numbers = |values: &[f64]| values.iter().map(|v| format!("{v:.4}")).collect::<Vec<_>>().join(" ");
    let mut text = format!(
        "{}, {}\nlicence    {}\ncite       {}\nimages     {} pixels (height × width)\nrows       {} to train, {} to test\n\
         pixels     mean {}, deviation {} (0 is dark, 1 bright)\n",
        info.name,
        source(data),
        info.licence,
        info.citation,
        info.image,
        words::count(data.train.len() as u64),
        words::count(data.test.len() as u64),
        numbers(&info.mean),
        numbers(&info.deviation),
    );
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
    let [train, test] = [&data.train, &data.test].map(|rows| counts(rows, info.classes.len()));
    let first = info.classes.iter().map(|class| class.chars().count()).max().unwrap_or(0).max("class".len());
    let _ = writeln!(text, "\n{:>first$}  {:>9}  {:>9}", "class", "to train", "to test");
    for ((class, train), test) in info.classes.iter().zip(&train).zip(&test) {
        let _ = writeln!(text, "{class:>first$}  {:>9}  {:>9}", words::count(*train), words::count(*test));
    }
    text.push('\n');
    text + &drawings(data, colour)
}

/// The first training row of each class, of as many classes as there is room for.
fn drawings(data: &Dataset, colour: bool) -> String {
    let shape = data.info.image;
    let plane = shape.height * shape.width;
    let labels = data.train.all_labels();
    let firsts =
        (0..data.info.classes.len()).filter_map(|c| labels.iter().position(|l| usize::from(*l) == c));
    let rows: Vec<&[u8]> = firsts.take(DRAWN).map(|row| &data.train.row(row)[..plane]).collect();
    images::gallery(&rows, shape.width, ROOM, colour)
}
