//! `adieu data fetch`: a dataset's files, from where they are published; and what of them is on this machine.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use adieu::data::cache::{self, Held};
use adieu::data::{DataError, RemoteFile, Source, list};
use adieu::fetch::{Fetched, How, Mirror, News, Order, Patience, Waiting, fetch};
use serde_json::{Value, json};

use crate::args::DataFetch;
use crate::fault::Usage;
use crate::progress::{Doing, Manner};
use crate::{stop, terminal, words};

/// The variable that stands for `--mirror`.
const MIRROR: &str = "ADIEU_MIRROR";

pub(super) fn run(asked: &DataFetch, manner: Manner) -> anyhow::Result<()> {
    let source = named(&asked.name)?;
    let name = source.kind();
    if source.files().is_empty() && !source.bundled() {
        let what =
            format!("`{name}` is read from a folder of your own (--data-dir); there is nothing to fetch");
        return Err(Usage(what).into());
    }
    if source.files().is_empty() {
        let said = json!({ "name": name, "folder": null, "files": [] }).to_string();
        let text = format!("{name} needs no files: the program has it");
        return terminal::result(if asked.json { &said } else { &text });
    }
    let mirror = mirror(asked.mirror.as_deref())?;
    let folder = cache::folder(name)?;
    let order =
        Order { name, files: source.files(), folder: &folder, mirror: mirror.as_ref(), anew: asked.force };
    let files = fetch(&order, &Patience::default(), &stop::fetch_flag(), &mut Told::new(manner))?;
    terminal::result(&if asked.json { as_json(&order, &files).to_string() } else { as_text(&order, &files) })
}

/// The dataset of that name.
fn named(name: &str) -> Result<&'static dyn Source, DataError> {
    let found = list().iter().find(|source| source.kind() == name);
    found.copied().ok_or_else(|| {
        let known: Vec<&str> =
            list().iter().filter(|source| !source.files().is_empty()).map(|source| source.kind()).collect();
        DataError::Unknown { name: name.to_owned(), known: known.join(", ") }
    })
}

/// The mirror asked for, or that of the environment.
///
/// # Errors
/// [`Usage`] if it is no address.
fn mirror(asked: Option<&str>) -> Result<Option<Mirror>, Usage> {
    let (text, whence) = match (asked, std::env::var_os(MIRROR)) {
        (Some(asked), _) => (asked.to_owned(), "--mirror"),
        (None, Some(set)) if !set.is_empty() => (set.to_string_lossy().into_owned(), MIRROR),
        _ => return Ok(None),
    };
    Mirror::new(&text).map(Some).map_err(|error| Usage(format!("{whence}: {error}")))
}

/// Tells how it goes.
struct Told {
    manner: Manner,
    doing: Doing,
    /// The file that comes.
    file: String,
}

impl Told {
    fn new(manner: Manner) -> Told {
        Told { manner, doing: Doing::begin(Manner::Silent, ""), file: String::new() }
    }

    fn aside(&self, text: &str) {
        if self.manner != Manner::Silent {
            self.doing.aside(text);
        }
    }
}

impl Waiting for Told {
    fn hear(&mut self, news: &News<'_>) {
        match news {
            News::Asking { file, address } => {
                self.file = (*file).to_owned();
                // The one before goes first, or there would be two lines.
                self.doing = Doing::begin(Manner::Silent, "");
                self.doing = Doing::begin(self.manner, &format!("fetching {file} from {}", host(address)));
            }
            News::Came { bytes, of: Some(of) } => self.doing.reached(*bytes, *of),
            News::Came { bytes, of: None } => {
                self.doing.at(&format!("fetching {}, {} so far", self.file, words::bytes(*bytes)));
            }
            News::Checking { file } => self.doing.at(&format!("checking {file}")),
            News::Pausing { address, why, pause } => {
                self.aside(&format!("{address}: {why}; trying again in {}", words::duration(*pause)));
            }
            News::Refused { address, why } => self.aside(&format!("{address}: {why}")),
            News::Done(_) => self.doing = Doing::begin(Manner::Silent, ""),
        }
    }
}

/// The host of an address, with its port.
fn host(address: &str) -> &str {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest)
}

fn as_json(order: &Order<'_>, files: &[Fetched]) -> Value {
    let each = files.iter().map(|file| {
        let (state, from, resumed) = match &file.how {
            How::Kept => ("kept", None, 0),
            How::Came { from, resumed } => ("fetched", from.as_deref(), *resumed),
        };
        json!({
            "path": file.path,
            "bytes": file.bytes,
            "sha256": file.sha256,
            "checked": file.checked,
            "state": state,
            "from": from,
            "resumed_bytes": resumed,
        })
    });
    json!({ "name": order.name, "folder": order.folder, "files": each.collect::<Vec<_>>() })
}

fn as_text(order: &Order<'_>, files: &[Fetched]) -> String {
    let mut text = format!("{} is in {}\n", order.name, order.folder.display());
    for file in files {
        let name = file.path.file_name().unwrap_or_default().to_string_lossy();
        let how = match &file.how {
            How::Kept => "was here already".to_owned(),
            How::Came { resumed: 0, .. } => "fetched".to_owned(),
            How::Came { resumed, .. } => format!("fetched, {} of it before", words::bytes(*resumed)),
        };
        let checked = match file.checked {
            Some(sum) => format!("{sum} as published"),
            None => format!("no checksum is published; its SHA-256 is {}", file.sha256),
        };
        let _ = writeln!(text, "  {name}  {} bytes, {how}; {checked}", words::count(file.bytes));
    }
    let _ = write!(text, "Look at it: adieu data show {0}. In a recipe: data.kind = \"{0}\"", order.name);
    text
}

/// What there is of a dataset on this machine, for `adieu data list`: a phrase, and the same for programs.
///
/// `None` if it consists of no files that could be here.
pub(super) fn here(source: &dyn Source) -> Option<(String, Value)> {
    let files = source.files();
    if files.is_empty() {
        return None;
    }
    match (cache::folder(source.kind()), cache::ready(source)) {
        (Ok(folder), Ok(ready)) => Some(on_shelf(source.kind(), files, &folder, ready.as_deref())),
        (Err(error), _) | (_, Err(error)) => {
            let value = json!({ "state": "unknown", "why": error.to_string() });
            Some((format!("cannot tell whether it is here: {error}"), value))
        }
    }
}

/// `ready`: what the dataset would be read from, packed or unpacked.
fn on_shelf(name: &str, files: &[RemoteFile], folder: &Path, ready: Option<&[PathBuf]>) -> (String, Value) {
    let held = cache::held(folder, files);
    let whole = |(file, held): &(&RemoteFile, &Held)| match held {
        Held::Whole(bytes) => file.bytes.is_none_or(|published| published == *bytes),
        Held::Part(_) | Held::Nothing => false,
    };
    let bytes = |held: &Held| match held {
        Held::Whole(bytes) | Held::Part(bytes) => Some(*bytes),
        Held::Nothing => None,
    };
    let good = files.iter().zip(&held).filter(whole).count();
    let total: u64 = held.iter().filter_map(bytes).sum();
    let place = folder.display();
    let (state, phrase) = if good == files.len() {
        ("whole", format!("here, {}: {place}", words::bytes(total)))
    } else if let Some(first) = ready.and_then(<[PathBuf]>::first) {
        ("ready", format!("here, not as published: {}", first.parent().unwrap_or(folder).display()))
    } else if held.iter().all(|held| *held == Held::Nothing) {
        let sizes: Option<u64> = files.iter().map(|file| file.bytes).sum();
        let size = sizes.map_or(String::new(), |bytes| format!(", {}", words::bytes(bytes)));
        ("none", format!("not here{size}: adieu data fetch {name}"))
    } else {
        let all = words::plural(files.len() as u64, "file");
        let (total, go_on) = (words::bytes(total), format!("adieu data fetch {name}"));
        ("part", format!("partly here, {good} of {all} whole, {total}: {place}; {go_on}"))
    };
    let each = files.iter().zip(&held).map(|(file, held)| {
        let state = match held {
            Held::Whole(_) if whole(&(file, held)) => "whole",
            Held::Whole(_) => "wrong size",
            Held::Part(_) => "part",
            Held::Nothing => "none",
        };
        json!({ "name": file.name, "state": state, "bytes": bytes(held), "published_bytes": file.bytes })
    });
    let each: Vec<Value> = each.collect();
    (phrase, json!({ "folder": folder, "state": state, "bytes": total, "files": each }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NO_FILE: RemoteFile = RemoteFile { name: "", sha256: None, md5: None, bytes: None, urls: &[] };

    #[test]
    fn the_end_tells_how_each_file_came_and_what_it_was_compared_with() {
        let folder = Path::new("/data/tiny");
        let order = Order { name: "tiny", files: &[], folder, mirror: None, anew: false };
        let file = |name: &str, checked, how| {
            let (path, sha256) = (folder.join(name), "5e1f".to_owned());
            Fetched { path, bytes: 26_421_880, sha256, checked, how }
        };
        let from = Some("https://h/a".to_owned());
        let files = [
            file("a.gz", Some("SHA-256"), How::Came { from: from.clone(), resumed: 0 }),
            file("b.gz", Some("MD5"), How::Came { from, resumed: 5_000_000 }),
            file("c.gz", None, How::Kept),
        ];
        let text = as_text(&order, &files);
        let expected = "tiny is in /data/tiny
  a.gz  26,421,880 bytes, fetched; SHA-256 as published
  b.gz  26,421,880 bytes, fetched, 5.0 MB of it before; MD5 as published
  c.gz  26,421,880 bytes, was here already; no checksum is published; its SHA-256 is 5e1f
Look at it: adieu data show tiny. In a recipe: data.kind = \"tiny\"";
        assert_eq!(text, expected);
        let said = as_json(&order, &files);
        let facts = |i: usize| {
            let file = &said["files"][i];
            json!([file["state"], file["from"], file["resumed_bytes"], file["checked"]])
        };
        assert_eq!(facts(1), json!(["fetched", "https://h/a", 5_000_000, "MD5"]));
        assert_eq!(facts(2), json!(["kept", null, 0, null]));
        assert_eq!(
            (&said["folder"], &said["files"][0]["path"]),
            (&json!("/data/tiny"), &json!("/data/tiny/a.gz"))
        );
    }

    #[test]
    fn a_file_of_another_size_is_not_whole() {
        let folder = std::env::temp_dir().join(format!("adieu-shelf-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let files = [
            RemoteFile { name: "a", bytes: Some(3), ..NO_FILE },
            RemoteFile { name: "b", bytes: Some(2_000_000), ..NO_FILE },
        ];
        let phrase = || on_shelf("tiny", &files, &folder, None).0;
        let place = folder.display();
        assert_eq!(phrase(), "not here, 2.0 MB: adieu data fetch tiny");
        std::fs::write(folder.join("a"), "four").unwrap();
        assert_eq!(on_shelf("tiny", &files, &folder, None).1["files"][0]["state"], "wrong size");
        let unpacked = [PathBuf::from("/shelf/tiny/unpacked")];
        let found = on_shelf("tiny", &files, &folder, Some(&unpacked)).0;
        assert_eq!(found, "here, not as published: /shelf/tiny");
        assert_eq!(
            phrase(),
            format!("partly here, 0 of 2 files whole, 4 bytes: {place}; adieu data fetch tiny")
        );
        std::fs::write(folder.join("a"), "two").unwrap();
        std::fs::write(folder.join("b"), vec![0; 2_000_000]).unwrap();
        assert_eq!(phrase(), format!("here, 2.0 MB: {place}"));
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
