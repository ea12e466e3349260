//! `optdigits`: 1,797 handwritten digits of 8 × 8 pixels (Alpaydin and Kaynak 1998), carried inside the program.
//!
//! These are the rows that the makers keep to test, as scikit-learn ships them. Pixels count the dark points of a square
//! of 4 × 4, from 0 to 16, and become bytes by v · 255 / 16, rounded. The file goes writer by writer,
//! though it names none, and is divided in its own order: the first 1,497 rows train, the last 300 test. Who wrote the
//! rows to test wrote none of those to train, but for one whom the boundary may cut.
//!
//! Source, licence and making: `assets/README.md` and `reference/bundle_optdigits.py`.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use crate::about::{About, Read, Shape, sum};
use crate::error::DataError;
use crate::how::How;
use crate::own::no_folder;
use crate::rows::{Dataset, ImageShape, Origin, Rows};
use crate::source::Source;

static ASSET: &[u8] = include_bytes!("../assets/optdigits.gz");
const CRC32: u32 = 0xb89d_aea8;

const IMAGE: ImageShape = ImageShape { height: 8, width: 8, channels: 1 };
const ROWS: usize = 1_797;
const TRAINED: usize = 1_497;
/// The highest value of a pixel.
const MOST: u16 = 16;

const LICENCE: &str = "CC BY 4.0, E. Alpaydin and C. Kaynak";

/// The bundled small digits.
#[derive(Debug)]
pub(crate) struct Optdigits;

impl Source for Optdigits {
    fn kind(&self) -> &'static str {
        "optdigits"
    }

    fn about(&self) -> &'static str {
        "1,797 handwritten digits, 8 × 8 grey, 10 classes; bundled"
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

/// Unpacks an asset, all pixels and then all labels, and compares it with the original.
fn decode(asset: &[u8]) -> Result<Dataset, DataError> {
    let damaged = |what: String| DataError::Corrupt {
        path: PathBuf::from("bundled optdigits"),
        what,
        remedy: "the program's file is damaged: install it again",
    };
    let pixels = ROWS * IMAGE.pixels();
    let mut bytes = Vec::new();
    // one byte more than there should be, so that too many are seen
    let mut stream = MultiGzDecoder::new(asset).take((pixels + ROWS + 1) as u64);
    stream.read_to_end(&mut bytes).map_err(|error| damaged(error.to_string()))?;
    let file = sum("optdigits".to_owned(), &bytes);
    if bytes.len() != pixels + ROWS {
        return Err(damaged(format!("{} bytes instead of {}", bytes.len(), pixels + ROWS)));
    }
    if file.crc32 != CRC32 {
        return Err(damaged(format!("CRC-32 {:08x} instead of {CRC32:08x}", file.crc32)));
    }
    let (pixels, labels) = bytes.split_at(pixels);
    let pixels: Vec<u8> = pixels.iter().map(|v| ((u16::from(*v) * 255 + MOST / 2) / MOST) as u8).collect();
    let (train, test) = pixels.split_at(TRAINED * IMAGE.pixels());
    let rows = |pixels: &[u8], labels: &[u8]| Rows::new(pixels.to_vec(), labels.to_vec(), IMAGE.pixels());
    let (train, test) = (rows(train, &labels[..TRAINED]), rows(test, &labels[TRAINED..]));
    let about = About {
        name: "optdigits".to_owned(),
        origin: Origin::Bundled,
        licence: LICENCE.to_owned(),
        citation: "E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning Repository, \
                   1998, doi:10.24432/C50P49"
            .to_owned(),
        classes: (0..10).map(|digit| digit.to_string()).collect(),
    };
    let notes = vec![
        "the last 300 rows of the file test; it goes writer by writer, so they are by others".to_owned(),
    ];
    Ok(about.dataset(Shape::Image(IMAGE), train, test, Read { files: vec![file], notes, ..Read::default() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundle_is_the_original() {
        let digits = Optdigits.load(None, &How::default()).unwrap();
        assert_eq!((digits.train.len(), digits.test.len(), digits.train.width()), (1_497, 300, 64));
        let first: Vec<u8> = (0..10).chain(0..10).collect();
        assert_eq!(digits.train.all_labels()[..20], first);
        assert_eq!(digits.test.all_labels()[..10], [6, 3, 2, 1, 7, 4, 6, 3, 1, 3]);
        // the first two lines of the first digit, by hand: 0 0 5 13 9 1 0 0, 0 0 13 15 10 15 5 0
        assert_eq!(
            digits.train.row(0)[..16],
            [0, 0, 80, 207, 143, 16, 0, 0, 0, 0, 207, 239, 159, 239, 80, 0]
        );
        // computed anew from the rows; the values by NumPy from scikit-learn's file
        let crc = |bytes: &[u8]| sum(String::new(), bytes).crc32;
        let digests = [&digits.train, &digits.test].map(|r| (crc(r.pixels()), crc(r.all_labels())));
        assert_eq!(digests, [(0xa6b4_dc25, 0x7db5_124c), (0x504c_58a4, 0x338e_a44f)], "{digests:08x?}");
        assert_eq!(
            crate::class_counts(&digits.train, 10),
            [151, 151, 149, 152, 148, 152, 150, 149, 146, 149]
        );
        assert!(
            (digits.info.mean[0] - 0.305_223).abs() < 1e-6
                && (digits.info.deviation[0] - 0.374_907).abs() < 1e-6
        );
        assert_eq!(digits.info.classes, ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
        assert_eq!((digits.info.image, digits.info.origin), (IMAGE, Origin::Bundled));
    }

    #[test]
    fn a_damaged_bundle_and_a_folder_are_refused() {
        let mut wrong = Vec::new();
        for at in [0, 1_000, ASSET.len() / 2, ASSET.len() - 5] {
            let mut asset = ASSET.to_vec();
            asset[at] ^= 0x10;
            match decode(&asset).map(|_| "no error").map_err(|e| e.to_string()) {
                Err(e)
                    if e.starts_with("bundled optdigits: damaged (") && e.ends_with("install it again") => {}
                other => wrong.push(format!("bit flipped in byte {at}: {other:?}")),
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        assert!(decode(&ASSET[..ASSET.len() - 1]).is_err(), "cut short");
        let other = decode(&gzip(&[0; 5])).unwrap_err().to_string();
        assert!(other.contains("5 bytes instead of 116805"), "{other}");
        let said = Optdigits.load(Some(Path::new(".")), &How::default()).unwrap_err().to_string();
        assert!(said.contains("`optdigits` is bundled and reads no folder"), "{said}");
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut packed = Vec::new();
        flate2::read::GzEncoder::new(bytes, flate2::Compression::fast()).read_to_end(&mut packed).unwrap();
        packed
    }
}
