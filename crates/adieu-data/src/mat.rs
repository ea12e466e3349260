//! MATLAB files of version 5: named numeric arrays, compressed with zlib or plain, little-endian, columns first.
//!
//! After a header of 128 bytes come elements: a type and a length of four bytes each, then the data, padded to eight
//! bytes; an element of at most four bytes may keep its length in the upper half of the type. An array (type 14) holds
//! elements itself: flags, sizes, name, values. What an element claims is believed only as far as bytes are there.

use std::path::Path;

use flate2::read::ZlibDecoder;

use crate::error::DataError;
use crate::published::{MOST_BYTES, damaged, read_all};

/// A numeric array.
#[derive(Debug)]
pub(crate) struct Array {
    pub(crate) name: String,
    /// The first runs fastest.
    pub(crate) sizes: Vec<usize>,
    pub(crate) values: Values,
}

/// Values as they are stored, which may be narrower than the array's own type.
#[derive(Debug)]
pub(crate) enum Values {
    Bytes(Vec<u8>),
    Reals(Vec<f64>),
}

const HEADER: usize = 128;
const COMPRESSED: u32 = 15;
const MATRIX: u32 = 14;

/// The numeric arrays of the file at `path`, of contents `file`; whatever else it holds is passed over.
pub(crate) fn arrays(path: &Path, file: &[u8]) -> Result<Vec<Array>, DataError> {
    let wrong = |what: &str| DataError::Format {
        path: path.to_path_buf(),
        what: what.to_owned(),
        remedy: "give a MATLAB file of version 5 (save -v7)",
    };
    match file.get(124..HEADER) {
        Some([0, 1, b'I', b'M']) => {}
        Some(_) if file.starts_with(b"\x89HDF") || file.get(512..516) == Some(b"\x89HDF") => {
            return Err(wrong("a MATLAB file of version 7.3, which is HDF5"));
        }
        _ => return Err(wrong("no MATLAB file of version 5 in little-endian order")),
    }
    let mut found = Vec::new();
    let mut rest = &file[HEADER..];
    while !rest.is_empty() {
        let broken = || damaged(path, format!("a broken element at byte {}", file.len() - rest.len()));
        let (kind, data, after) = element(rest).ok_or_else(broken)?;
        match kind {
            COMPRESSED => {
                let unpacked = read_all(&mut ZlibDecoder::new(data), path, MOST_BYTES)?;
                if let Some((MATRIX, data, _)) = element(&unpacked) {
                    found.extend(array(data).map_err(|what| damaged(path, what))?);
                }
                // compressed elements are not padded
                rest = &rest[8 + data.len()..];
                continue;
            }
            MATRIX => found.extend(array(data).map_err(|what| damaged(path, what))?),
            _ => {}
        }
        rest = after;
    }
    Ok(found)
}

/// Type and data of the first element, and what follows it.
fn element(bytes: &[u8]) -> Option<(u32, &[u8], &[u8])> {
    let word = |at: usize| bytes.get(at..at + 4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]));
    let first = word(0)?;
    if first >> 16 != 0 {
        let length = (first >> 16) as usize;
        let data = (length <= 4).then(|| bytes.get(4..4 + length))??;
        return Some((first & 0xffff, data, bytes.get(8..)?));
    }
    let length = word(4)? as usize;
    let data = bytes.get(8..8usize.checked_add(length)?)?;
    Some((first, data, bytes.get(8 + length.next_multiple_of(8)..).unwrap_or(&[])))
}

/// The array that `data` describes; `None` if it is not numeric.
fn array(data: &[u8]) -> Result<Option<Array>, String> {
    let broken = || "a broken array".to_owned();
    let (_, flags, rest) = element(data).ok_or_else(broken)?;
    let class = *flags.first().ok_or_else(broken)?;
    if !(6..=13).contains(&class) {
        return Ok(None);
    }
    let (_, sizes, rest) = element(rest).ok_or_else(broken)?;
    let sizes: Vec<usize> =
        sizes.chunks_exact(4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]) as usize).collect();
    let count = sizes.iter().try_fold(1_usize, |n, size| n.checked_mul(*size)).ok_or_else(broken)?;
    let (_, name, rest) = element(rest).ok_or_else(broken)?;
    let name = String::from_utf8_lossy(name).into_owned();
    let (kind, values, _) = element(rest).ok_or_else(broken)?;
    let reals = |width: usize, value: &dyn Fn(&[u8]) -> f64| {
        Values::Reals(values.chunks_exact(width).map(value).collect())
    };
    let values = match kind {
        2 => Values::Bytes(values.to_vec()),
        1 => reals(1, &|b| f64::from(b[0] as i8)),
        3 => reals(2, &|b| f64::from(i16::from_le_bytes([b[0], b[1]]))),
        4 => reals(2, &|b| f64::from(u16::from_le_bytes([b[0], b[1]]))),
        5 => reals(4, &|b| f64::from(i32::from_le_bytes([b[0], b[1], b[2], b[3]]))),
        6 => reals(4, &|b| f64::from(u32::from_le_bytes([b[0], b[1], b[2], b[3]]))),
        7 => reals(4, &|b| f64::from(f32::from_le_bytes([b[0], b[1], b[2], b[3]]))),
        9 => reals(8, &|b| f64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]])),
        other => return Err(format!("array `{name}` has values of type {other}, which is not read")),
    };
    let held = match &values {
        Values::Bytes(values) => values.len(),
        Values::Reals(values) => values.len(),
    };
    if held != count {
        return Err(format!("array `{name}` is to have {count} values and has {held}"));
    }
    Ok(Some(Array { name, sizes, values }))
}
