//! `mnist`: 70,000 handwritten digits, carried inside the program.
//!
//! 60,000 rows for training and 10,000 for testing, 28 × 28 grey pixels, ten classes. The asset is the four original IDX
//! files, one after another, compressed with brotli to 9.1 MB; decoding all of it takes about a quarter of a second.
//! Source, licence and making: `assets/README.md` and `reference/bundle_mnist.py`.

use std::path::{Path, PathBuf};

use brotli_decompressor::Decompressor;

use crate::about::About;
use crate::error::DataError;
use crate::folder::Folder;
use crate::four::{PARTS, assemble};
use crate::how::How;
use crate::idx::{Idx, read, read_one};
use crate::rows::{Dataset, Origin};
use crate::source::Source;

static ASSET: &[u8] = include_bytes!("../assets/mnist.br");

/// Uncompressed bytes and CRC-32 of the four originals.
const ORIGINALS: [(u64, u32); 4] =
    [(47_040_016, 0xe9f4_d8b3), (60_008, 0xe0cb_4ad2), (7_840_016, 0x9137_3bdf), (10_008, 0x4ab9_eff9)];

const LICENCE: &str = "CC BY-SA 3.0, copyright Yann LeCun and Corinna Cortes";
const CITATION: &str = "Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, Gradient-based learning applied to document \
                        recognition, Proceedings of the IEEE 86(11), 2278–2324, 1998";

/// The bundled digits.
#[derive(Debug)]
pub(crate) struct Mnist;

impl Source for Mnist {
    fn kind(&self) -> &'static str {
        "mnist"
    }

    fn about(&self) -> &'static str {
        "70,000 handwritten digits, 28 × 28 grey, 10 classes; bundled, or from a folder of the four files"
    }

    fn licence(&self) -> &'static str {
        LICENCE
    }

    fn bundled(&self) -> bool {
        true
    }

    fn load(&self, folder: Option<&Path>, how: &How) -> Result<Dataset, DataError> {
        match folder {
            Some(_) => Folder.load(folder, how),
            None => decode(ASSET),
        }
    }
}

/// Decodes an asset and compares it with the originals.
fn decode(asset: &[u8]) -> Result<Dataset, DataError> {
    let paths = PARTS.map(|(name, _)| PathBuf::from("bundled MNIST").join(name));
    let damaged = |part: usize, what: String| DataError::Corrupt {
        path: paths[part].clone(),
        what,
        remedy: "the program's file is damaged: install it again",
    };
    let mut stream = Decompressor::new(asset, 1 << 16);
    let mut next = |part: usize| -> Result<Idx, DataError> {
        let (bytes, crc32) = ORIGINALS[part];
        // only the last part ends where the stream does
        let reader = if part == 3 { read } else { read_one };
        let idx = reader(&mut stream, &paths[part], PARTS[part].1, bytes)
            .map_err(|e| damaged(part, e.to_string()))?;
        if (idx.sum.bytes, idx.sum.crc32) != (bytes, crc32) {
            return Err(damaged(part, format!("CRC-32 {:08x} instead of {crc32:08x}", idx.sum.crc32)));
        }
        Ok(idx)
    };
    let parts = [next(0)?, next(1)?, next(2)?, next(3)?];
    let about = About {
        name: "mnist".to_owned(),
        origin: Origin::Bundled,
        licence: LICENCE.to_owned(),
        citation: CITATION.to_owned(),
        classes: Vec::new(),
    };
    assemble(paths, parts, about)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundle_is_the_original() {
        let mnist = Mnist.load(None, &How::default()).unwrap();
        assert_eq!((mnist.train.len(), mnist.test.len(), mnist.train.width()), (60_000, 10_000, 784));
        assert_eq!(mnist.train.labels(&[0, 1, 2, 3, 4, 5, 6, 7]), [5, 0, 4, 1, 9, 2, 1, 3]);
        assert_eq!(mnist.test.labels(&[0, 1, 2, 3, 4, 5, 6, 7]), [7, 2, 1, 0, 4, 1, 4, 9]);
        // computed anew from the rows, not taken from the reader
        let crc = |bytes: &[u8]| {
            let mut crc = flate2::Crc::new();
            crc.update(bytes);
            crc.sum()
        };
        let digests = [&mnist.train, &mnist.test].map(|r| (crc(r.pixels()), crc(r.all_labels())));
        assert_eq!(digests, [(0xf363_9b56, 0xba07_e8ef), (0xe4ca_5f57, 0xee86_04d9)], "{digests:08x?}");
        let mut counts = [0; 10];
        mnist.train.all_labels().iter().for_each(|&label| counts[usize::from(label)] += 1);
        assert_eq!(counts, [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]);
        assert!(
            (mnist.info.mean[0] - 0.1307).abs() < 5e-5 && (mnist.info.deviation[0] - 0.3081).abs() < 5e-5
        );
        assert_eq!(mnist.info.classes, ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
        assert_eq!((mnist.info.image.height, mnist.info.image.width, mnist.info.image.channels), (28, 28, 1));
        assert_eq!(mnist.info.origin, Origin::Bundled);
    }

    #[test]
    fn a_damaged_bundle_is_refused() {
        let mut wrong = Vec::new();
        for at in [0, 1_000, ASSET.len() / 2, ASSET.len() - 20_000] {
            let mut asset = ASSET.to_vec();
            asset[at] ^= 0x10;
            match decode(&asset).map(|_| "no error").map_err(|e| e.to_string()) {
                Err(e) if e.starts_with("bundled MNIST") && e.ends_with("install it again") => {}
                other => wrong.push(format!("bit flipped in byte {at}: {other:?}")),
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        assert!(decode(&ASSET[..ASSET.len() - 1]).is_err(), "cut short");
    }
}
