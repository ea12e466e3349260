//! `usps`: 9,298 handwritten digits from envelopes, 16 × 16 grey (Hull 1994), as LIBSVM's page publishes them.
//!
//! The files are text, one row a line, `label index:value …`, labels from 1 to 10 for the digits 0 to 9, values from −1
//! (black) to 1; what a line leaves out is 0. They are compressed with bzip2; unpacked files do as well.

use std::io::{Cursor, ErrorKind, Read};
use std::path::{Path, PathBuf};

use bzip2_rs::DecoderReader;

use crate::about::{Read as Seen, Shape, classes_fault, file_name, sum};
use crate::error::DataError;
use crate::how::{How, Skipped};
use crate::published::{about, damaged, failed, first_of, missing, open, place, read_all};
use crate::remote::RemoteFile;
use crate::rows::{Dataset, FileSum, ImageShape, Rows};
use crate::source::Source;

static FILES: [RemoteFile; 2] = [
    RemoteFile {
        name: "usps.bz2",
        sha256: None,
        md5: Some("ec16c51db3855ca6c91edd34d0e9b197"),
        bytes: None,
        urls: &["https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/multiclass/usps.bz2"],
    },
    RemoteFile {
        name: "usps.t.bz2",
        sha256: None,
        md5: Some("8ea070ee2aca1ac39742fdd1ef5ed118"),
        bytes: None,
        urls: &["https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/multiclass/usps.t.bz2"],
    },
];

/// Of what trains and what tests, packed and unpacked.
const NAMES: [[&str; 2]; 2] = [["usps.bz2", "usps"], ["usps.t.bz2", "usps.t"]];
const IMAGE: ImageShape = ImageShape { height: 16, width: 16, channels: 1 };
const DIGITS: [&str; 10] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
/// More text than this is refused; the larger file has 12 MB.
const MOST_TEXT: u64 = 1 << 30;

/// See the module.
#[derive(Debug)]
pub(crate) struct Usps;

impl Source for Usps {
    fn kind(&self) -> &'static str {
        "usps"
    }

    fn about(&self) -> &'static str {
        "9,298 handwritten digits from envelopes, 16 × 16 grey, 10 classes"
    }

    fn licence(&self) -> &'static str {
        "none stated by its makers"
    }

    fn bundled(&self) -> bool {
        false
    }

    fn files(&self) -> &'static [RemoteFile] {
        &FILES
    }

    fn found(&self, folder: &Path) -> Option<Vec<PathBuf>> {
        NAMES.iter().map(|names| first_of(folder, names)).collect()
    }

    fn load(&self, folder: Option<&Path>, how: &How) -> Result<Dataset, DataError> {
        let place = place(self, folder)?;
        let mut seen = Seen::default();
        let mut part = |names: [&str; 2]| -> Result<Rows, DataError> {
            let Some(path) = first_of(&place, &names) else {
                return Err(missing(self, &place, format!("found neither {} nor {}", names[0], names[1])));
            };
            let (rows, file) = read(&path, how, &mut seen.skipped)?;
            seen.files.push(file);
            Ok(rows)
        };
        let (train, test) = (part(NAMES[0])?, part(NAMES[1])?);
        let mut has = [false; 10];
        train.all_labels().iter().for_each(|label| has[usize::from(*label)] = true);
        if let Some(fault) = classes_fault(&place, has.iter().filter(|has| **has).count()) {
            return Err(fault);
        }
        let citation = "J. J. Hull, A database for handwritten text recognition research, IEEE Transactions on Pattern \
                        Analysis and Machine Intelligence 16(5), 550–554, 1994";
        Ok(about(self, &place, citation, &DIGITS).dataset(Shape::Image(IMAGE), train, test, seen))
    }
}

/// Rows of a file, plain or compressed: which of the two its first bytes tell.
fn read(path: &Path, how: &How, skipped: &mut Skipped) -> Result<(Rows, FileSum), DataError> {
    let mut start = Vec::new();
    let mut file = open(path)?;
    file.by_ref().take(3).read_to_end(&mut start).map_err(|error| failed(path, error))?;
    let packed = start == *b"BZh";
    let mut whole = Cursor::new(start).chain(file);
    let text = if packed {
        read_all(&mut DecoderReader::new(whole), path, MOST_TEXT).map_err(|error| match error {
            // the decoder calls damage so, the operating system nothing
            DataError::Unreadable { path, source } if source.kind() == ErrorKind::Other => {
                damaged(&path, format!("bzip2: {source}"))
            }
            other => other,
        })?
    } else {
        read_all(&mut whole, path, MOST_TEXT)?
    };
    let name = file_name(path);
    let file = sum(name, &text);
    let (mut pixels, mut labels) = (Vec::new(), Vec::new());
    for (line, text) in text.split(|byte| *byte == b'\n').enumerate().filter(|(_, text)| !text.is_empty()) {
        match row(text) {
            Ok((label, row)) => {
                labels.push(label);
                pixels.extend(row);
            }
            Err(what) => {
                let what = format!("line {}: {what}", line + 1);
                let remedy = "copy or download it again, or leave bad rows out (on_bad = \"skip\")";
                how.bad(skipped, DataError::Format { path: path.to_path_buf(), what, remedy })?;
            }
        }
    }
    if labels.is_empty() {
        let what = "it has no row".to_owned();
        return Err(DataError::Format {
            path: path.to_path_buf(),
            what,
            remedy: "copy or download it again",
        });
    }
    Ok((Rows::new(pixels, labels, IMAGE.pixels()), file))
}

/// One line: the digit, and the pixels as bytes.
fn row(line: &[u8]) -> Result<(u8, [u8; 256]), String> {
    let text = std::str::from_utf8(line).map_err(|_| "no text".to_owned())?;
    let mut words = text.split_ascii_whitespace();
    let label = words.next().ok_or("it is blank")?;
    let digit = label.parse::<f64>().ok().filter(|l| l.fract() == 0.0 && (1.0..=10.0).contains(l));
    let digit = digit.ok_or_else(|| format!("label `{label}` is not from 1 to 10"))?;
    let byte = |value: f64| ((value + 1.0) / 2.0 * 255.0).round() as u8;
    let mut pixels = [byte(0.0); 256];
    for word in words {
        let pair =
            word.split_once(':').and_then(|(i, v)| Some((i.parse::<usize>().ok()?, v.parse::<f64>().ok()?)));
        match pair {
            Some((index @ 1..=256, value)) if (-1.0..=1.0).contains(&value) => {
                pixels[index - 1] = byte(value)
            }
            _ => return Err(format!("`{word}` is no index from 1 to 256 and value from -1 to 1")),
        }
    }
    Ok((digit as u8 - 1, pixels))
}
