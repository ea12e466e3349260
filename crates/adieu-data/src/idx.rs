//! The IDX format of MNIST: two zero bytes, an element type (8 = unsigned byte), the number of dimensions, each dimension
//! as a big-endian `u32`, then the elements, the last dimension running fastest.
//!
//! Reading trusts nothing: sizes are multiplied with care, room is taken only as bytes arrive, and nothing is
//! decompressed beyond what the header promises.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use crate::error::DataError;
use crate::rows::{FileSum, ImageShape};

/// Larger files are refused: 2 GiB of elements, 45 times MNIST, more than three times the largest EMNIST.
const MOST_ELEMENTS: u64 = 2 << 30;
/// Bytes after the end that are counted for the message; the rest is not looked at.
const EXCESS_COUNTED: u64 = 1 << 20;

/// What a file should hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `[n, height, width]`
    Images,
    /// `[n]`
    Labels,
}

impl Kind {
    fn magic(self) -> [u8; 4] {
        [0, 0, 8, self.dimensions() as u8]
    }

    fn dimensions(self) -> usize {
        match self {
            Kind::Images => 3,
            Kind::Labels => 1,
        }
    }

    fn wanted(self) -> &'static str {
        match self {
            Kind::Images => "an IDX file of images (00 00 08 03)",
            Kind::Labels => "an IDX file of labels (00 00 08 01)",
        }
    }
}

/// The contents of one IDX file of unsigned bytes.
#[derive(Debug)]
pub(crate) struct Idx {
    /// One to three sizes, none of them 0.
    pub(crate) sizes: Vec<usize>,
    /// As many as the product of the sizes.
    pub(crate) elements: Vec<u8>,
    /// Of the whole file, uncompressed.
    pub(crate) sum: FileSum,
}

impl Idx {
    /// Number of rows.
    pub(crate) fn rows(&self) -> usize {
        self.sizes[0]
    }

    /// Shape of one image. Panics for labels.
    pub(crate) fn image(&self) -> ImageShape {
        ImageShape { height: self.sizes[1], width: self.sizes[2], channels: 1 }
    }
}

/// Reads a file, plain or gzip; which of the two its first bytes tell, not its name: browsers and mirrors unpack files
/// without renaming them.
pub(crate) fn read_file(path: &Path, kind: Kind) -> Result<Idx, DataError> {
    let unreadable = |source| DataError::Unreadable { path: path.to_path_buf(), source };
    let mut file = File::open(path).map_err(unreadable)?;
    let held = file.metadata().map_err(unreadable)?.len();
    let mut first = Vec::new();
    file.by_ref().take(2).read_to_end(&mut first).map_err(unreadable)?;
    file.rewind().map_err(unreadable)?;
    if first == [0x1f, 0x8b] {
        read(&mut MultiGzDecoder::new(BufReader::new(file)), path, kind, held)
    } else {
        read(&mut BufReader::new(file), path, kind, held)
    }
}

/// Reads one IDX file and the end of `source`; room for `held` bytes at most is taken before they arrive.
pub(crate) fn read(source: &mut dyn Read, path: &Path, kind: Kind, held: u64) -> Result<Idx, DataError> {
    let idx = read_one(source, path, kind, held)?;
    let excess = io::copy(&mut source.take(EXCESS_COUNTED), &mut io::sink()).map_err(|e| failed(path, e))?;
    if excess > 0 {
        let found = idx.sum.bytes + excess;
        return Err(DataError::Length { path: path.to_path_buf(), expected: idx.sum.bytes, found });
    }
    Ok(idx)
}

/// Reads one IDX file from a `source` that may go on after it; `held` as in [`read`].
pub(crate) fn read_one(source: &mut dyn Read, path: &Path, kind: Kind, held: u64) -> Result<Idx, DataError> {
    let mut header = Vec::new();
    take(source, 4, &mut header).map_err(|e| failed(path, e))?;
    if header != kind.magic() {
        return Err(wrong_magic(path, kind, &header));
    }
    let header_bytes = 4 + 4 * kind.dimensions();
    take(source, header_bytes - 4, &mut header).map_err(|e| failed(path, e))?;
    let short = |expected, found: usize| {
        Err(DataError::Length { path: path.to_path_buf(), expected, found: found as u64 })
    };
    if header.len() < header_bytes {
        return short(header_bytes as u64, header.len());
    }
    let sizes: Vec<u32> =
        header[4..].chunks_exact(4).map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]])).collect();
    let count = elements(path, &sizes)?;
    let expected = header_bytes as u64 + count;

    let mut elements = Vec::with_capacity(count.min(held) as usize);
    take(source, count as usize, &mut elements).map_err(|e| failed(path, e))?;
    if (elements.len() as u64) < count {
        return short(expected, header_bytes + elements.len());
    }
    elements.shrink_to_fit();

    let mut crc = flate2::Crc::new();
    crc.update(&header);
    crc.update(&elements);
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    let sum = FileSum { name, bytes: expected, crc32: crc.sum() };
    Ok(Idx { sizes: sizes.into_iter().map(|size| size as usize).collect(), elements, sum })
}

/// Appends up to `n` bytes; room grows with what arrives.
fn take(source: &mut dyn Read, n: usize, into: &mut Vec<u8>) -> io::Result<usize> {
    source.take(n as u64).read_to_end(into)
}

/// The product of the sizes: neither 0 nor absurd.
fn elements(path: &Path, sizes: &[u32]) -> Result<u64, DataError> {
    let fault = |what| {
        let remedy = "it is damaged or no dataset: take another copy";
        Err(DataError::Format { path: path.to_path_buf(), what, remedy })
    };
    if sizes[0] == 0 {
        return fault("its header says that it has no rows".to_owned());
    }
    let shown = sizes.iter().map(u32::to_string).collect::<Vec<_>>().join(" × ");
    match sizes.iter().try_fold(1_u64, |product, &size| product.checked_mul(u64::from(size))) {
        Some(0) => fault(format!("its header says that its images are empty ({shown})")),
        Some(count) if count <= MOST_ELEMENTS => Ok(count),
        _ => fault(format!("its header speaks of {shown} bytes, more than the limit of {MOST_ELEMENTS}")),
    }
}

/// A failure of the reader: its data are damaged, or the operating system refused.
fn failed(path: &Path, error: io::Error) -> DataError {
    match error.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof => {
            let remedy = "copy or download it again";
            DataError::Corrupt { path: path.to_path_buf(), what: format!("compressed data: {error}"), remedy }
        }
        _ => DataError::Unreadable { path: path.to_path_buf(), source: error },
    }
}

/// Says what the file seems to be instead, and what to do.
fn wrong_magic(path: &Path, kind: Kind, found: &[u8]) -> DataError {
    let (seems, remedy) = match found {
        [] => ("empty", "copy or download it again"),
        [0, 0, 8, 1] => ("an IDX file of labels", "the files are swapped or misnamed: exchange them"),
        [0, 0, 8, 3] => ("an IDX file of images", "the files are swapped or misnamed: exchange them"),
        [0, 0, 8, _] => {
            ("an IDX file of another number of dimensions", "give images of one channel, [n, height, width]")
        }
        [0, 0, 9 | 0x0b..=0x0e, _] => {
            ("an IDX file of other than unsigned bytes", "convert its elements to unsigned bytes")
        }
        [_, 8, 0, 0] => {
            ("an IDX file in little-endian order", "IDX is big-endian: write the header in that order")
        }
        [0x1f, 0x8b, ..] => ("gzip inside gzip", "unpack it once (gzip -d)"),
        [b'<', ..] => ("a web page", "the download failed: fetch the file itself"),
        [b'P', b'K', 3, 4] => ("a zip archive", "unpack it and give the files inside"),
        [0xfd, b'7', b'z', b'X'] => ("compressed with xz", "unpack it (xz -d) or compress it with gzip"),
        [0x28, 0xb5, 0x2f, 0xfd] => ("compressed with zstd", "unpack it (zstd -d) or compress it with gzip"),
        [b'B', b'Z', b'h', _] => ("compressed with bzip2", "unpack it (bzip2 -d) or compress it with gzip"),
        [0x89, b'P', b'N', b'G'] => ("a PNG picture", "give an IDX file"),
        [0x93, b'N', b'U', b'M'] => ("a NumPy array", "write it as IDX"),
        _ => ("something else", "give the IDX file, plain or gzip"),
    };
    let hex = found.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ");
    let what = format!("not {}: it begins with '{hex}' and seems to be {seems}", kind.wanted());
    DataError::Format { path: path.to_path_buf(), what, remedy }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// An IDX file of unsigned bytes.
    pub(crate) fn idx(sizes: &[u32], elements: &[u8]) -> Vec<u8> {
        let mut file = vec![0, 0, 8, sizes.len() as u8];
        file.extend(sizes.iter().flat_map(|size| size.to_be_bytes()));
        file.extend(elements);
        file
    }

    fn parse(mut bytes: &[u8], kind: Kind) -> Result<Idx, String> {
        read(&mut bytes, Path::new("f"), kind, 0).map_err(|e| e.to_string())
    }

    #[test]
    fn reads_images_and_labels() {
        let images = parse(&idx(&[2, 1, 3], &[1, 2, 3, 4, 5, 6]), Kind::Images).unwrap();
        assert_eq!((images.rows(), images.image().to_string().as_str()), (2, "1 × 3"));
        assert_eq!(images.elements, [1, 2, 3, 4, 5, 6]);
        let labels = parse(&idx(&[9], b"123456789"), Kind::Labels).unwrap();
        assert_eq!((labels.rows(), labels.sum.bytes), (9, 17));
    }

    #[test]
    fn the_checksum_is_that_of_zip() {
        // CRC-32/ISO-HDLC of 00 00 08 01 00 00 00 01 07, by zlib.crc32 of Python
        assert_eq!(parse(&idx(&[1], &[7]), Kind::Labels).unwrap().sum.crc32, CRC_OF_ONE_LABEL);
    }
    const CRC_OF_ONE_LABEL: u32 = 0x99c5_2d8e;

    #[test]
    fn every_fault_says_what_was_found_and_what_to_do() {
        let good = idx(&[2, 2, 2], &[0; 8]);
        let long = [&good[..], &[0; 5]].concat();
        let cases: &[(&str, &[u8], &str)] = &[
            ("empty", &[], "it begins with '' and seems to be empty; copy"),
            ("two bytes", &[0, 0], "it begins with '00 00' and seems to be something else"),
            ("header cut", &good[..11], "promises 16 bytes in all, found 11; the file is cut short"),
            ("elements cut", &good[..23], "promises 24 bytes in all, found 23; the file is cut short"),
            ("trailing", &long, "promises 24 bytes in all, found at least 29; the file is too long"),
            ("labels", &idx(&[2], &[0; 2]), "an IDX file of labels; the files are swapped"),
            ("4-d", &idx(&[1, 1, 1, 1], &[0]), "another number of dimensions"),
            ("floats", &[0, 0, 13, 3, 0, 0, 0, 1], "other than unsigned bytes"),
            (
                "little",
                &[3, 8, 0, 0, 1, 0, 0, 0],
                "'03 08 00 00' and seems to be an IDX file in little-endian",
            ),
            ("gzip twice", &[0x1f, 0x8b, 8, 0, 0], "gzip inside gzip; unpack it once"),
            ("page", b"<!DOCTYPE html>", "a web page; the download failed"),
            ("zip", b"PK\x03\x04....", "a zip archive; unpack"),
            ("no rows", &idx(&[0, 28, 28], &[]), "no rows"),
            ("no pixels", &idx(&[5, 28, 0], &[]), "images are empty (5 × 28 × 0)"),
            ("absurd", &idx(&[u32::MAX, u32::MAX, u32::MAX], &[]), "more than the limit of 2147483648"),
            ("large", &idx(&[1 << 31, 1, 2], &[]), "more than the limit"),
            ("claims 2 GiB", &idx(&[1 << 31, 1, 1], &[1, 2]), "promises 2147483664 bytes in all, found 18"),
        ];
        let mut wrong = Vec::new();
        for (name, bytes, wanted) in cases {
            match parse(bytes, Kind::Images) {
                Err(message) if message.contains(wanted) && message.starts_with("f: ") => {}
                other => wrong.push(format!("{name}: {other:?}")),
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        let swapped = parse(&good, Kind::Labels).unwrap_err();
        assert!(
            swapped.contains("not an IDX file of labels (00 00 08 01)")
                && swapped.contains("images; the files")
        );
    }

    #[test]
    fn room_grows_with_the_bytes_that_arrive() {
        // a header that claims 2 GiB, then one byte at a time until the source fails
        struct Trickle(Vec<u8>, usize);
        impl Read for Trickle {
            fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
                assert!(into.len() < 1 << 20, "asked for {} bytes at once", into.len());
                self.1 += 1;
                let byte = self.0.get(self.1 - 1).ok_or(io::Error::other("pulled the plug"))?;
                into[0] = *byte;
                Ok(1)
            }
        }
        let mut source = Trickle(idx(&[1 << 31, 1, 1], &[5; 1000]), 0);
        let error = read(&mut source, Path::new("f"), Kind::Images, 0).unwrap_err().to_string();
        assert_eq!(error, "f: cannot be read (pulled the plug); check its permissions and the disk");
    }
}
