//! `cifar10`, `cifar100`: 60,000 colour photographs of 32 × 32 pixels (Krizhevsky 2009), in their binary versions.
//!
//! A file is records of one label (CIFAR-100: the coarse one, then the fine one, which counts) and 3,072 bytes, red, green
//! and blue planes one after another. The archive is read as it is published; unpacked files do as well, in the folder
//! itself or in the one that the archive makes.

use std::io;
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use crate::about::{Read as Seen, Shape, classes_fault, file_name, sum};
use crate::error::DataError;
use crate::how::{How, Skipped};
use crate::published::{about, failed, first_of, missing, open, place, read_all};
use crate::remote::RemoteFile;
use crate::rows::{Dataset, ImageShape, Rows};
use crate::source::Source;
use crate::tar;

const IMAGE: ImageShape = ImageShape { height: 32, width: 32, channels: 3 };
/// A file of more bytes is refused: CIFAR-100's largest has 154 MB.
const MOST_FILE: u64 = 1 << 30;

static TEN: [RemoteFile; 1] = [RemoteFile {
    name: "cifar-10-binary.tar.gz",
    sha256: None,
    md5: Some("c32a1d4ab5d03f1284b67883e8d87530"),
    bytes: Some(170_052_171),
    urls: &["https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"],
}];

static HUNDRED: [RemoteFile; 1] = [RemoteFile {
    name: "cifar-100-binary.tar.gz",
    sha256: None,
    md5: Some("03b5dce01913d631647c71ecec9e9cb8"),
    bytes: None,
    urls: &["https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz"],
}];

const CITATION: &str = "A. Krizhevsky, Learning multiple layers of features from tiny images, technical report, University of Toronto, 2009";

const TEN_CLASSES: &str = "airplane automobile bird cat deer dog frog horse ship truck";
const HUNDRED_CLASSES: &str = "\
    apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can \
    castle caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin \
    elephant flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard \
    lobster man maple_tree motorcycle mountain mouse mushroom oak_tree orange orchid otter palm_tree pear \
    pickup_truck pine_tree plain plate poppy porcupine possum rabbit raccoon ray road rocket rose sea seal shark \
    shrew skunk skyscraper snail snake spider squirrel streetcar sunflower sweet_pepper table tank telephone \
    television tiger tractor train trout tulip turtle wardrobe whale willow_tree wolf woman worm";

/// One of the two.
#[derive(Debug)]
pub(crate) enum Cifar {
    Ten,
    Hundred,
}

/// What the two differ in.
struct Layout {
    /// The folder that the archive makes.
    folder: &'static str,
    train: &'static [&'static str],
    test: &'static [&'static str],
    /// Labels before a picture; the last one counts.
    labels: usize,
    classes: Vec<&'static str>,
}

impl Layout {
    /// All files, in their order.
    fn wanted(&self) -> Vec<&'static str> {
        self.train.iter().chain(self.test).copied().collect()
    }
}

impl Cifar {
    fn layout(&self) -> Layout {
        match self {
            Cifar::Ten => Layout {
                folder: "cifar-10-batches-bin",
                train: &[
                    "data_batch_1.bin",
                    "data_batch_2.bin",
                    "data_batch_3.bin",
                    "data_batch_4.bin",
                    "data_batch_5.bin",
                ],
                test: &["test_batch.bin"],
                labels: 1,
                classes: TEN_CLASSES.split_whitespace().collect(),
            },
            Cifar::Hundred => Layout {
                folder: "cifar-100-binary",
                train: &["train.bin"],
                test: &["test.bin"],
                labels: 2,
                classes: HUNDRED_CLASSES.split_whitespace().collect(),
            },
        }
    }
}

impl Source for Cifar {
    fn kind(&self) -> &'static str {
        match self {
            Cifar::Ten => "cifar10",
            Cifar::Hundred => "cifar100",
        }
    }

    fn about(&self) -> &'static str {
        match self {
            Cifar::Ten => "60,000 photographs, 32 × 32 in colour, 10 classes",
            Cifar::Hundred => "60,000 photographs, 32 × 32 in colour, 100 classes (the fine labels)",
        }
    }

    fn licence(&self) -> &'static str {
        "none stated by its makers, who ask to be cited"
    }

    fn bundled(&self) -> bool {
        false
    }

    fn files(&self) -> &'static [RemoteFile] {
        match self {
            Cifar::Ten => &TEN,
            Cifar::Hundred => &HUNDRED,
        }
    }

    fn found(&self, folder: &Path) -> Option<Vec<PathBuf>> {
        let layout = self.layout();
        let archive = || first_of(folder, &[self.files()[0].name]).map(|archive| vec![archive]);
        unpacked(folder, layout.folder, &layout.wanted()).or_else(archive)
    }

    fn load(&self, folder: Option<&Path>, how: &How) -> Result<Dataset, DataError> {
        let (place, layout) = (place(self, folder)?, self.layout());
        let files = find(self, &place, layout.folder, &layout.wanted())?;
        let mut seen = Seen::default();
        let mut part = |names: &[&str]| -> Result<Rows, DataError> {
            let (mut pixels, mut labels) = (Vec::new(), Vec::new());
            for (path, bytes) in
                files.iter().filter(|(path, _)| names.iter().any(|name| path.ends_with(name)))
            {
                seen.files.push(sum(file_name(path), bytes));
                records(path, bytes, &layout, how, &mut seen.skipped, &mut pixels, &mut labels)?;
            }
            Ok(Rows::new(pixels, labels, IMAGE.pixels()))
        };
        let (train, test) = (part(layout.train)?, part(layout.test)?);
        let mut has = [false; 256];
        train.all_labels().iter().for_each(|label| has[usize::from(*label)] = true);
        if let Some(fault) = classes_fault(&place, has.iter().filter(|has| **has).count()) {
            return Err(fault);
        }
        Ok(about(self, &place, CITATION, &layout.classes).dataset(Shape::Image(IMAGE), train, test, seen))
    }
}

/// The wanted files in their order if all lie in the folder itself or in the archive's folder in it.
fn unpacked(place: &Path, inner: &str, wanted: &[&str]) -> Option<Vec<PathBuf>> {
    let all = |folder: PathBuf| {
        let paths = wanted.iter().map(|name| Some(folder.join(name)).filter(|path| path.is_file()));
        paths.collect::<Option<Vec<PathBuf>>>()
    };
    all(place.to_path_buf()).or_else(|| all(place.join(inner)))
}

/// The wanted files in their order with their contents: from the folder, the archive's folder in it, or the archive.
fn find(
    source: &Cifar,
    place: &Path,
    inner: &str,
    wanted: &[&str],
) -> Result<Vec<(PathBuf, Vec<u8>)>, DataError> {
    if let Some(paths) = unpacked(place, inner, wanted) {
        let read = |path: PathBuf| Ok((path.clone(), read_all(&mut open(&path)?, &path, MOST_FILE)?));
        return paths.into_iter().map(read).collect();
    }
    let name = source.files()[0].name;
    let archive = place.join(name);
    if !archive.is_file() {
        return Err(missing(source, place, format!("found neither {name} nor all of {}", wanted.join(", "))));
    }
    let mut found: Vec<Option<Vec<u8>>> = vec![None; wanted.len()];
    tar::walk(&mut MultiGzDecoder::new(open(&archive)?), &mut |name, size, contents| {
        let last = name.rsplit('/').next().unwrap_or(name);
        if let Some(at) = wanted.iter().position(|wanted| *wanted == last) {
            if size > MOST_FILE {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!("{name} claims {size} bytes"),
                ));
            }
            let mut bytes = Vec::new();
            contents.read_to_end(&mut bytes)?;
            found[at] = Some(bytes);
        }
        Ok(())
    })
    .map_err(|error| failed(&archive, error))?;
    let pairs = wanted.iter().zip(found).map(|(name, bytes)| match bytes {
        Some(bytes) => Ok((archive.join(name), bytes)),
        None => Err(DataError::Missing {
            path: archive.clone(),
            what: format!("no `{name}` in it"),
            remedy: "take the archive as it is published: the binary version",
        }),
    });
    pairs.collect()
}

/// Appends the records of a file.
fn records(
    path: &Path,
    bytes: &[u8],
    layout: &Layout,
    how: &How,
    skipped: &mut Skipped,
    pixels: &mut Vec<u8>,
    labels: &mut Vec<u8>,
) -> Result<(), DataError> {
    let record = layout.labels + IMAGE.pixels();
    if bytes.is_empty() || !bytes.len().is_multiple_of(record) {
        let expected = (bytes.len().div_ceil(record).max(1) * record) as u64;
        return Err(DataError::Length { path: path.to_path_buf(), expected, found: bytes.len() as u64 });
    }
    pixels.reserve(bytes.len());
    for (row, bytes) in bytes.chunks_exact(record).enumerate() {
        let (label, picture) = (bytes[layout.labels - 1], &bytes[layout.labels..]);
        if usize::from(label) < layout.classes.len() {
            labels.push(label);
            pixels.extend(picture);
            continue;
        }
        let (path, classes) = (path.to_path_buf(), layout.classes.len());
        how.bad(skipped, DataError::Label { path, row, label, classes })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_as_many_names_as_classes() {
        for (cifar, classes) in [(Cifar::Ten, 10), (Cifar::Hundred, 100)] {
            let names = cifar.layout().classes;
            assert!(names.is_sorted() && names.len() == classes, "{names:?}");
        }
    }
}
