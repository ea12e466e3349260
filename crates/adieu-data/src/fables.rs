//! `fables`: Aesop as a sequence task, carried inside the program.
//!
//! 248 strings of 100 characters, of 30 symbols: a to z, space, comma, semicolon, full stop. A row is a window of 10
//! characters, one of 30 each (an image of 10 lines, one a character, of 30 pixels, one of them lit); its label is the
//! character that follows. A string has 90 windows: the first 208 strings make 18,720 rows to train, the last 40, from
//! further on in the book, 3,600 to test. Hinton 2022 (arXiv:2212.13345), section 3.4, has the same numbers of strings,
//! characters and symbols, and trains on all of them.
//!
//! Source, licence and making: `assets/README.md` and `reference/bundle_fables.py`.

use std::path::{Path, PathBuf};

use crate::about::{About, Read, Shape};
use crate::error::DataError;
use crate::how::How;
use crate::own::no_folder;
use crate::rows::{Dataset, FileSum, ImageShape, Origin, Rows};
use crate::source::Source;

static ASSET: &[u8] = include_bytes!("../assets/fables.txt");
const CRC32: u32 = 0xeabd_f803;

const ALPHABET: &[u8; 30] = b"abcdefghijklmnopqrstuvwxyz ,;.";
const LENGTH: usize = 100;
const WINDOW: usize = 10;
const TRAINED: usize = 208;

const LICENCE: &str = "public domain";

/// The bundled strings.
#[derive(Debug)]
pub(crate) struct Fables;

impl Source for Fables {
    fn kind(&self) -> &'static str {
        "fables"
    }

    fn about(&self) -> &'static str {
        "Aesop's Fables, 248 strings of 100 characters: windows of 10, 30 symbols, the next one is the class; bundled"
    }

    fn licence(&self) -> &'static str {
        LICENCE
    }

    fn bundled(&self) -> bool {
        true
    }

    fn load(&self, folder: Option<&Path>, _how: &How) -> Result<Dataset, DataError> {
        no_folder(folder, self.kind(), "bundled")?;
        decode(ASSET)
    }
}

fn decode(asset: &[u8]) -> Result<Dataset, DataError> {
    let mut crc = flate2::Crc::new();
    crc.update(asset);
    let strings: Option<Vec<Vec<u8>>> =
        asset.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(symbols).collect();
    let (Some(strings), CRC32) = (strings, crc.sum()) else {
        return Err(DataError::Corrupt {
            path: PathBuf::from("bundled fables"),
            what: format!("CRC-32 {:08x} instead of {CRC32:08x}", crc.sum()),
            remedy: "the program's file is damaged: install it again",
        });
    };
    let (train, test) = strings.split_at(TRAINED);
    let [train, test] = [train, test].map(windows);
    let name = |symbol: &u8| if *symbol == b' ' { "space".into() } else { char::from(*symbol).to_string() };
    let about = About {
        name: "fables".to_owned(),
        origin: Origin::Bundled,
        licence: LICENCE.to_owned(),
        citation: "J. Jacobs, The Fables of Aesop, Macmillan, London, 1894".to_owned(),
        classes: ALPHABET.iter().map(name).collect(),
    };
    let image = ImageShape { height: WINDOW, width: ALPHABET.len(), channels: 1 };
    let files = vec![FileSum { name: "fables.txt".to_owned(), bytes: asset.len() as u64, crc32: CRC32 }];
    Ok(about.dataset(Shape::Image(image), train, test, Read { files, ..Read::default() }))
}

/// A line as indices into the alphabet; `None` if it is not of this kind.
fn symbols(line: &[u8]) -> Option<Vec<u8>> {
    let symbol = |byte: &u8| ALPHABET.iter().position(|symbol| symbol == byte).map(|at| at as u8);
    let symbols: Vec<u8> = line.iter().map(symbol).collect::<Option<_>>()?;
    (symbols.len() == LENGTH).then_some(symbols)
}

/// Every window of every string that another character follows, and that character.
fn windows(strings: &[Vec<u8>]) -> Rows {
    let width = WINDOW * ALPHABET.len();
    let (mut pixels, mut labels) = (Vec::new(), Vec::new());
    for window in strings.iter().flat_map(|string| string.windows(WINDOW + 1)) {
        let (shown, next) = window.split_at(WINDOW);
        let start = pixels.len();
        pixels.resize(start + width, 0);
        for (line, symbol) in pixels[start..].chunks_exact_mut(ALPHABET.len()).zip(shown) {
            line[usize::from(*symbol)] = 255;
        }
        labels.extend(next);
    }
    Rows::new(pixels, labels, width)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(row: &[u8]) -> String {
        let symbol = |line: &[u8]| char::from(ALPHABET[line.iter().position(|pixel| *pixel == 255).unwrap()]);
        row.chunks_exact(ALPHABET.len()).map(symbol).collect()
    }

    #[test]
    fn rows_are_windows_and_labels_what_follows() {
        let fables = Fables.load(None, &How::default()).unwrap();
        assert_eq!((fables.train.len(), fables.test.len(), fables.train.width()), (18_720, 3_600, 300));
        let next = |i: usize| ALPHABET[usize::from(fables.train.label(i))];
        // "a cock was once strutting up"
        assert_eq!((text(fables.train.row(0)).as_str(), next(0)), ("a cock was", b' '));
        assert_eq!((text(fables.train.row(1)).as_str(), next(1)), (" cock was ", b'o'));
        // The second string begins anew: "shinning amid".
        assert_eq!((text(fables.train.row(90)).as_str(), next(90)), ("shinning a", b'm'));
        assert!(
            fables.train.pixels().chunks_exact(30).all(|line| line.iter().filter(|p| **p > 0).count() == 1)
        );
        assert_eq!(fables.info.classes[25..], ["z", "space", ",", ";", "."]);
    }

    #[test]
    fn a_damaged_asset_and_a_folder_are_refused() {
        let mut damaged = ASSET.to_vec();
        damaged[77] = b'e';
        assert!(matches!(decode(&damaged), Err(DataError::Corrupt { .. })));
        assert!(matches!(decode(&ASSET[..5000]), Err(DataError::Corrupt { .. })));
        assert!(matches!(Fables.load(Some(Path::new(".")), &How::default()), Err(DataError::Format { .. })));
    }
}
