//! Writes sample pages, made of made-up records, into a folder: a duel, five seeds, one run, a diverged run.
//!
//! `cargo run -p adieu-report --example sample_page -- FOLDER`

#[path = "../tests/sample/mod.rs"]
mod sample;

use std::error::Error;
use std::path::PathBuf;

use adieu_record::Stamped;
use adieu_report::{Run, Summary, page};

fn main() -> Result<(), Box<dyn Error>> {
    let folder: PathBuf = std::env::args_os().nth(1).ok_or("say the folder to write to")?.into();
    std::fs::create_dir_all(&folder)?;
    let duel = sample::duel_records(&[42]);
    let mut half = sample::duel_records(&[7]);
    half[0] = ("runs/diverged".into(), sample::diverged_record());
    write(&folder, "duel", &duel)?;
    write(&folder, "seeds", &sample::duel_records(&[1, 2, 3, 4, 5]))?;
    write(&folder, "single", &duel[..1])?;
    write(&folder, "diverged", &half)
}

fn write(
    folder: &std::path::Path,
    name: &str,
    records: &[(String, Vec<Stamped>)],
) -> Result<(), Box<dyn Error>> {
    let runs: Result<Vec<Run>, _> =
        records.iter().map(|(folder, events)| Run::from_events(folder, events)).collect();
    let runs = runs?;
    let summary = Summary::of(&runs);
    let options = page::Options {
        title: None,
        footer: Some("A made-up record, to show what a report looks like.".into()),
    };
    std::fs::write(folder.join(format!("{name}.html")), page::html(&runs, &summary, &options))?;
    let twin = serde_json::to_string_pretty(&page::json(&runs, &summary))?;
    Ok(std::fs::write(folder.join(format!("{name}.json")), twin)?)
}
