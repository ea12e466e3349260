//! Small datasets and pictures, made here.
#![allow(dead_code)] // each test binary uses its own part
#![allow(clippy::unwrap_used)] // clippy knows tests by their attribute, and these are their helpers

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

pub(crate) const NAMES: [&str; 4] = [
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
];

/// An IDX file of unsigned bytes.
pub(crate) fn idx(sizes: &[u32], elements: &[u8]) -> Vec<u8> {
    let mut file = vec![0, 0, 8, sizes.len() as u8];
    file.extend(sizes.iter().flat_map(|size| size.to_be_bytes()));
    file.extend(elements);
    file
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

pub(crate) fn png(
    width: u32,
    height: u32,
    colour: png::ColorType,
    depth: png::BitDepth,
    data: &[u8],
) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(colour);
    encoder.set_depth(depth);
    if colour == png::ColorType::Indexed {
        encoder.set_palette(vec![0, 0, 0, 255, 0, 0, 90, 90, 90]);
    }
    encoder.write_header().unwrap().write_image_data(data).unwrap();
    file
}

/// A folder of four good files: 12 training rows and 4 test rows of 2 × 3 pixels, labels 0, 1, 2. Pixels count up.
pub(crate) struct Folder {
    temporary: TempDir,
    pub(crate) path: PathBuf,
}

impl Folder {
    pub(crate) fn new() -> Folder {
        Folder::named("tiny")
    }

    pub(crate) fn named(name: &str) -> Folder {
        let temporary = TempDir::new().unwrap();
        let path = temporary.path().join(name);
        fs::create_dir(&path).unwrap();
        let folder = Folder { temporary, path };
        let pixels: Vec<u8> = (0..72).collect();
        let labels: Vec<u8> = (0..12).map(|row| row % 3).collect();
        folder.write(NAMES[0], &idx(&[12, 2, 3], &pixels));
        folder.write(NAMES[1], &idx(&[12], &labels));
        folder.write(NAMES[2], &idx(&[4, 2, 3], &pixels[..24]));
        folder.write(NAMES[3], &idx(&[4], &labels[..4]));
        folder
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path.join(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path.join(name)).unwrap()
    }

    pub(crate) fn remove(&self, name: &str) {
        fs::remove_file(self.path.join(name)).unwrap();
    }

    pub(crate) fn load(&self) -> Result<adieu_data::Dataset, adieu_data::DataError> {
        adieu_data::load("idx", Some(&self.path))
    }

    /// The message of a refused folder, its own path shown as `D`.
    pub(crate) fn refusal(&self) -> String {
        shorten(self.load().map(|d| d.train.len()), &self.path)
    }
}

/// The message of an error, the folder's path shown as `D`.
pub(crate) fn shorten<T: std::fmt::Debug>(result: Result<T, adieu_data::DataError>, folder: &Path) -> String {
    result.unwrap_err().to_string().replace(&folder.display().to_string(), "D")
}
