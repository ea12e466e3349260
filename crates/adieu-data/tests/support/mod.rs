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

/// A zip archive of these members, each stored (0) or deflated (8).
pub(crate) fn zip(members: &[(&str, &[u8], u16)]) -> Vec<u8> {
    let (mut archive, mut directory) = (Vec::new(), Vec::new());
    for (name, contents, method) in members {
        let packed = if *method == 8 {
            let mut writer = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
            writer.write_all(contents).unwrap();
            writer.finish().unwrap()
        } else {
            contents.to_vec()
        };
        let mut crc = flate2::Crc::new();
        crc.update(contents);
        let at = archive.len() as u32;
        let mut fields = Vec::new(); // from the version needed to the lengths of name and extra field
        fields.extend([20, 0, 0, 0]);
        fields.extend(method.to_le_bytes());
        fields.extend([0; 4]);
        fields.extend(crc.sum().to_le_bytes());
        fields.extend((packed.len() as u32).to_le_bytes());
        fields.extend((contents.len() as u32).to_le_bytes());
        fields.extend((name.len() as u16).to_le_bytes());
        fields.extend([0, 0]);
        archive.extend(b"PK\x03\x04");
        archive.extend(&fields);
        archive.extend(name.as_bytes());
        archive.extend(&packed);
        directory.extend(b"PK\x01\x02\x14\x00");
        directory.extend(&fields);
        directory.extend([0; 10]);
        directory.extend(at.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let (at, size, count) = (archive.len() as u32, directory.len() as u32, members.len() as u16);
    archive.extend(directory);
    archive.extend(b"PK\x05\x06\0\0\0\0");
    archive.extend([count.to_le_bytes(), count.to_le_bytes()].concat());
    archive.extend([size.to_le_bytes(), at.to_le_bytes()].concat());
    archive.extend([0, 0]);
    archive
}

/// A tar archive of these files.
pub(crate) fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = Vec::new();
    for (name, contents) in files {
        let mut header = [0_u8; 512];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[124..136].copy_from_slice(format!("{:011o}\0", contents.len()).as_bytes());
        header[156] = b'0';
        header[257..262].copy_from_slice(b"ustar");
        header[148..156].fill(b' ');
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        archive.extend(header);
        archive.extend(*contents);
        archive.resize(archive.len().next_multiple_of(512), 0);
    }
    archive.extend([0; 1024]);
    archive
}

/// An element of a MATLAB file: a type, a length, the data, padded to eight bytes.
fn element(kind: u32, data: &[u8]) -> Vec<u8> {
    let mut bytes = [kind.to_le_bytes(), (data.len() as u32).to_le_bytes()].concat();
    bytes.extend(data);
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    bytes
}

/// A MATLAB file of these arrays of bytes: name, sizes, values, whether it is compressed.
pub(crate) fn mat(arrays: &[(&str, &[u32], &[u8], bool)]) -> Vec<u8> {
    let mut file = vec![b' '; 124];
    file.extend([0, 1, b'I', b'M']);
    for (name, sizes, values, compressed) in arrays {
        let sizes: Vec<u8> = sizes.iter().flat_map(|size| size.to_le_bytes()).collect();
        // the name in the short form, as MATLAB writes it
        let mut short = (1 | (name.len() as u32) << 16).to_le_bytes().to_vec();
        short.extend(name.as_bytes());
        short.resize(8, 0);
        let parts =
            [element(6, &[9, 0, 0, 0, 0, 0, 0, 0]), element(5, &sizes), short, element(2, values)].concat();
        let whole = element(14, &parts);
        if *compressed {
            let mut writer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
            writer.write_all(&whole).unwrap();
            let packed = writer.finish().unwrap();
            file.extend([15_u32.to_le_bytes(), (packed.len() as u32).to_le_bytes()].concat());
            file.extend(packed);
        } else {
            file.extend(whole);
        }
    }
    file
}

/// A folder that is empty at first.
pub(crate) struct Place {
    _temporary: TempDir,
    pub(crate) path: PathBuf,
}

impl Place {
    pub(crate) fn new() -> Place {
        let temporary = TempDir::new().unwrap();
        Place { path: temporary.path().to_path_buf(), _temporary: temporary }
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }
}
