//! NumPy's arrays (`.npy`, format 1 to 3): a header that is a line of Python, then the values.
//!
//! Numbers of every size but halves and long doubles, in either order of bytes, and text of fixed width; C or Fortran
//! order. Objects are refused: reading them would run code.

use std::path::Path;

use crate::error::DataError;

/// An array in C order: the last index runs fastest.
#[derive(Debug)]
pub(crate) struct Array {
    pub(crate) sizes: Vec<usize>,
    pub(crate) values: Values,
}

/// Values of an array.
#[derive(Debug)]
pub(crate) enum Values {
    Bytes(Vec<u8>),
    Reals(Vec<f64>),
    Texts(Vec<String>),
}

impl Array {
    /// Values in one row.
    pub(crate) fn width(&self) -> usize {
        self.sizes[1..].iter().product()
    }
}

/// The array in `file`; `path` is what faults call it.
pub(crate) fn read(path: &Path, file: &[u8]) -> Result<Array, DataError> {
    let wrong = |what: String| DataError::Format {
        path: path.to_path_buf(),
        what,
        remedy: "store numbers or text of fixed width with numpy.savez",
    };
    parse(file).map_err(wrong)
}

fn parse(file: &[u8]) -> Result<Array, String> {
    let none = || "no NumPy array".to_owned();
    let (start, length): (usize, usize) = match file.get(..12) {
        Some([0x93, b'N', b'U', b'M', b'P', b'Y', 1, _, a, b, ..]) => {
            (10, usize::from(u16::from_le_bytes([*a, *b])))
        }
        Some([0x93, b'N', b'U', b'M', b'P', b'Y', 2 | 3, _, a, b, c, d]) => {
            (12, u32::from_le_bytes([*a, *b, *c, *d]) as usize)
        }
        _ => return Err(none()),
    };
    let header = file.get(start..start.checked_add(length).ok_or_else(none)?).ok_or_else(none)?;
    let header = std::str::from_utf8(header).map_err(|_| none())?;
    let after = |key: &str| {
        let at = header.find(&format!("'{key}'"))?;
        header[at + key.len() + 2..].trim_start().strip_prefix(':').map(str::trim_start)
    };
    let descr =
        after("descr").and_then(|text| text.strip_prefix('\'')?.split_once('\'')).map(|(descr, _)| descr);
    let descr = descr.ok_or("its elements are of several fields, which are not read")?;
    let fortran = after("fortran_order").ok_or_else(none)?.starts_with("True");
    let sizes = after("shape").and_then(|text| text.strip_prefix('(')?.split_once(')')).ok_or_else(none)?.0;
    let sizes: Option<Vec<usize>> = sizes
        .split(',')
        .map(str::trim)
        .filter(|size| !size.is_empty())
        .map(|size| size.parse().ok())
        .collect();
    let sizes = sizes.ok_or_else(none)?;
    let count = sizes.iter().try_fold(1_usize, |n, size| n.checked_mul(*size)).ok_or_else(none)?;
    if sizes.is_empty() || count == 0 {
        return Err(format!("an array of sizes {sizes:?}, which holds no rows"));
    }
    let values = values(descr, &file[start + length..], count)?;
    let values = if fortran && sizes.len() > 1 { c_order(values, &sizes) } else { values };
    Ok(Array { sizes, values })
}

/// `count` values of the type `descr` states, as in `<f8`.
fn values(descr: &str, bytes: &[u8], count: usize) -> Result<Values, String> {
    let unread = || format!("elements of type `{descr}`, which are not read");
    if descr.ends_with('O') {
        return Err("Python objects, which are not read: they could run code".to_owned());
    }
    let (order, rest) = descr.split_at_checked(1).ok_or_else(unread)?;
    let (kind, width) = rest.split_at_checked(1).ok_or_else(unread)?;
    let width: usize = width.parse().map_err(|_| unread())?;
    let big = match order {
        "<" | "|" | "=" => false,
        ">" => true,
        _ => return Err(unread()),
    };
    let each = if kind == "U" { width.checked_mul(4) } else { Some(width) }
        .filter(|each| *each > 0)
        .ok_or_else(unread)?;
    let wanted = each.checked_mul(count).ok_or_else(unread)?;
    if bytes.len() != wanted {
        return Err(format!("its header promises {wanted} bytes of values, found {}", bytes.len()));
    }
    let text = |bytes: &[u8]| -> Result<String, String> {
        let letters = bytes.chunks_exact(4).map(|b| whole(b, big) as u32).take_while(|letter| *letter != 0);
        letters
            .map(|letter| char::from_u32(letter).ok_or_else(|| "text that is not Unicode".to_owned()))
            .collect()
    };
    let each = bytes.chunks_exact(each);
    let reals =
        |value: &dyn Fn(u64) -> f64| Values::Reals(each.clone().map(|b| value(whole(b, big))).collect());
    Ok(match (kind, width) {
        ("u" | "b", 1) => Values::Bytes(bytes.to_vec()),
        ("u", 2 | 4 | 8) => reals(&|v| v as f64),
        ("i", 1) => reals(&|v| f64::from(v as u8 as i8)),
        ("i", 2) => reals(&|v| f64::from(v as u16 as i16)),
        ("i", 4) => reals(&|v| f64::from(v as u32 as i32)),
        ("i", 8) => reals(&|v| v as i64 as f64),
        ("f", 4) => reals(&|v| f64::from(f32::from_bits(v as u32))),
        ("f", 8) => reals(&f64::from_bits),
        ("U", _) => Values::Texts(each.map(text).collect::<Result<_, _>>()?),
        ("S", _) => Values::Texts(
            each.map(|bytes| String::from_utf8_lossy(bytes).trim_end_matches('\0').to_owned()).collect(),
        ),
        _ => return Err(unread()),
    })
}

/// At most eight bytes as a whole number.
fn whole(bytes: &[u8], big: bool) -> u64 {
    let add = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
    if big { bytes.iter().fold(0, add) } else { bytes.iter().rev().fold(0, add) }
}

/// Fortran order, the first index fastest, to C order.
fn c_order(values: Values, sizes: &[usize]) -> Values {
    fn turned<T: Clone>(values: &[T], sizes: &[usize]) -> Vec<T> {
        let mut index = vec![0; sizes.len()];
        let mut out = Vec::with_capacity(values.len());
        for _ in 0..values.len() {
            let at = index.iter().zip(sizes).rev().fold(0, |at, (i, size)| at * size + i);
            out.push(values[at].clone());
            for (i, size) in index.iter_mut().zip(sizes).rev() {
                *i += 1;
                if *i < *size {
                    break;
                }
                *i = 0;
            }
        }
        out
    }
    match values {
        Values::Bytes(values) => Values::Bytes(turned(&values, sizes)),
        Values::Reals(values) => Values::Reals(turned(&values, sizes)),
        Values::Texts(values) => Values::Texts(turned(&values, sizes)),
    }
}
