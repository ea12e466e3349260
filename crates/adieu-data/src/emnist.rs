//! `emnist-letters`, `emnist-balanced`: handwritten letters and digits in MNIST's layout (Cohen, Afshar, Tapson, van
//! Schaik, arXiv:1702.05373).
//!
//! The files of both are published in one archive, `gzip.zip`, which is read as it is; unpacked files do as well. If the
//! archive was fetched for the other of the two, it is read there. Two oddities are put right: images lie transposed, columns before lines, and the labels of the letters count from 1.

use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use crate::cache;
use crate::error::DataError;
use crate::four::{PARTS, assemble};
use crate::how::How;
use crate::idx::{Idx, read, read_file};
use crate::published::{about, first_of, missing, place};
use crate::remote::RemoteFile;
use crate::rows::{Dataset, ImageShape};
use crate::source::Source;
use crate::zip::Zip;

const ARCHIVE: &str = "gzip.zip";

static FILES: [RemoteFile; 1] = [RemoteFile {
    name: ARCHIVE,
    sha256: None,
    md5: Some("58c8d27c78d21e728a6bc7b3cc06412e"),
    bytes: None,
    urls: &[
        "https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip",
        "https://www.itl.nist.gov/iaui/vip/cs_links/EMNIST/gzip.zip",
    ],
}];

const CITATION: &str = "G. Cohen, S. Afshar, J. Tapson, A. van Schaik, EMNIST: an extension of MNIST to handwritten \
                        letters, arXiv:1702.05373, 2017";

const LETTERS: [&str; 26] = [
    "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r", "s", "t", "u",
    "v", "w", "x", "y", "z",
];

/// Digits, capitals, and the small letters that do not look like their capitals.
const BALANCED: [&str; 47] = [
    "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "A", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K",
    "L", "M", "N", "O", "P", "Q", "R", "S", "T", "U", "V", "W", "X", "Y", "Z", "a", "b", "d", "e", "f", "g",
    "h", "n", "q", "r", "t",
];

/// One of the two.
#[derive(Debug)]
pub(crate) enum Emnist {
    /// 26 letters, either case.
    Letters,
    /// 47 classes of as many rows each.
    Balanced,
}

impl Emnist {
    /// The four files, unpacked.
    fn unpacked(&self) -> [String; 4] {
        ["train-images-idx3", "train-labels-idx1", "test-images-idx3", "test-labels-idx1"]
            .map(|part| format!("{}-{part}-ubyte", self.kind()))
    }

    /// Where each of them is, plain or packed.
    fn plain(&self, folder: &Path) -> [Option<PathBuf>; 4] {
        self.unpacked().map(|file| first_of(folder, &[&file, &format!("{file}.gz")]))
    }

    /// This one's own folder, or, where that has nothing to read, the `other`'s if the archive is there.
    fn choose(&self, own: PathBuf, other: PathBuf) -> PathBuf {
        let [first, ..] = self.unpacked();
        let has_own = first_of(&own, &[ARCHIVE, &first, &format!("{first}.gz")]).is_some();
        if !has_own && other.join(ARCHIVE).is_file() { other } else { own }
    }
}

impl Source for Emnist {
    fn kind(&self) -> &'static str {
        match self {
            Emnist::Letters => "emnist-letters",
            Emnist::Balanced => "emnist-balanced",
        }
    }

    fn about(&self) -> &'static str {
        match self {
            Emnist::Letters => {
                "145,600 handwritten letters, 28 × 28 grey, 26 classes, capitals and small ones together"
            }
            Emnist::Balanced => {
                "131,600 handwritten letters and digits, 28 × 28 grey, 47 classes of one size"
            }
        }
    }

    fn licence(&self) -> &'static str {
        "none stated; made from NIST Special Database 19, a work of the United States government"
    }

    fn bundled(&self) -> bool {
        false
    }

    fn files(&self) -> &'static [RemoteFile] {
        &FILES
    }

    fn found(&self, folder: &Path) -> Option<Vec<PathBuf>> {
        let archive = first_of(folder, &[ARCHIVE]).map(|archive| vec![archive]);
        archive.or_else(|| self.plain(folder).into_iter().collect())
    }

    fn load(&self, folder: Option<&Path>, _how: &How) -> Result<Dataset, DataError> {
        let (names, first, other) = match self {
            Emnist::Letters => (&LETTERS[..], 1, Emnist::Balanced),
            Emnist::Balanced => (&BALANCED[..], 0, Emnist::Letters),
        };
        let place = match folder {
            Some(_) => place(self, folder)?,
            None => {
                place(self, Some(&self.choose(cache::folder(self.kind())?, cache::folder(other.kind())?)))?
            }
        };
        let files = self.unpacked();
        let archive = place.join(ARCHIVE);
        let (paths, mut parts) = if archive.is_file() {
            let mut zip = Zip::open(&archive)?;
            let [a, b, c, d] = [0, 1, 2, 3].map(|part| packed(&mut zip, &archive, &files[part], part));
            (files.map(|file| archive.join(file)), [a?, b?, c?, d?])
        } else {
            let found = self.plain(&place);
            let [Some(a), Some(b), Some(c), Some(d)] = found else {
                let lacking: Vec<&str> = files
                    .iter()
                    .zip(&found)
                    .filter(|(_, path)| path.is_none())
                    .map(|(file, _)| file.as_str())
                    .collect();
                let what = format!("found neither {ARCHIVE} nor {}", lacking.join(", "));
                return Err(missing(self, &place, what));
            };
            let paths = [a, b, c, d];
            let [a, b, c, d] = [0, 1, 2, 3].map(|part| read_file(&paths[part], PARTS[part].1));
            (paths, [a?, b?, c?, d?])
        };
        for images in [0, 2] {
            let image = parts[images].image();
            transpose(&mut parts[images].elements, image);
            let sizes = &mut parts[images].sizes;
            sizes.swap(1, 2);
            let labels = &mut parts[images + 1].elements;
            if let Some(row) = labels.iter().position(|label| *label < first) {
                let what = format!(
                    "label {} in row {row} (rows count from 0), below the first, {first}",
                    labels[row]
                );
                let path = paths[images + 1].clone();
                return Err(DataError::Format { path, what, remedy: "take the files as they are published" });
            }
            labels.iter_mut().for_each(|label| *label -= first);
        }
        assemble(paths, parts, about(self, &place, CITATION, names))
    }
}

/// The IDX file that an archive holds, packed once more, under a name that ends so.
fn packed(zip: &mut Zip, archive: &Path, name: &str, part: usize) -> Result<Idx, DataError> {
    let file = format!("{name}.gz");
    let Some((inside, bytes)) = zip.member(&|member| member.ends_with(&file))? else {
        let what = format!("no `{file}` in it");
        let remedy = "take the archive as it is published";
        return Err(DataError::Missing { path: archive.to_path_buf(), what, remedy });
    };
    let held = bytes.len() as u64 * 8;
    read(&mut MultiGzDecoder::new(&bytes[..]), &archive.join(inside), PARTS[part].1, held)
}

/// Turns every image over its diagonal: `[n, width, height]` → `[n, height, width]`.
fn transpose(pixels: &mut [u8], image: ImageShape) {
    let ImageShape { height, width, .. } = image;
    for image in pixels.chunks_exact_mut(height * width) {
        let turned: Vec<u8> = (0..height * width).map(|i| image[i % height * width + i / height]).collect();
        image.copy_from_slice(&turned);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_archive_of_the_other_does_as_well() {
        let root = tempfile::tempdir().unwrap();
        let [own, other] = ["emnist-balanced", "emnist-letters"].map(|kind| root.path().join(kind));
        let chosen = || Emnist::Balanced.choose(own.clone(), other.clone());
        assert_eq!(chosen(), own, "neither is there");
        fs::create_dir(&other).unwrap();
        fs::write(other.join("emnist-letters-train-images-idx3-ubyte"), []).unwrap();
        assert_eq!(chosen(), own, "unpacked files of the other are of no use");
        fs::write(other.join(ARCHIVE), []).unwrap();
        assert_eq!(chosen(), other);
        fs::create_dir(&own).unwrap();
        assert_eq!(chosen(), other, "its own folder is empty");
        for name in ["emnist-balanced-train-images-idx3-ubyte.gz", ARCHIVE] {
            fs::write(own.join(name), []).unwrap();
            assert_eq!(chosen(), own, "{name}");
            fs::remove_file(own.join(name)).unwrap();
        }
    }

    #[test]
    fn images_are_turned_over_their_diagonal() {
        let mut pixels = vec![1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 16];
        transpose(&mut pixels, ImageShape { height: 2, width: 3, channels: 1 });
        assert_eq!(pixels, [1, 4, 2, 5, 3, 6, 11, 14, 12, 15, 13, 16]);
    }
}
