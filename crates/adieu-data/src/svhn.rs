//! `svhn`: 99,289 digits of house numbers, 32 × 32 in colour (Netzer et al. 2011), cropped, as MATLAB files.
//!
//! `X: [32, 32, 3, n]` are bytes, the first index fastest: line, column, channel, row. `y: [n, 1]` has 10 for the digit 0.

use std::path::Path;

use crate::about::{Read, Shape, classes_fault, file_name, sum};
use crate::error::DataError;
use crate::how::{How, Skipped};
use crate::mat::{Values, arrays};
use crate::published::{MOST_BYTES, about, first_of, missing, open, place, read_all};
use crate::remote::RemoteFile;
use crate::rows::{Dataset, FileSum, ImageShape, Rows};
use crate::source::Source;

static FILES: [RemoteFile; 2] = [
    RemoteFile {
        name: "train_32x32.mat",
        sha256: None,
        md5: Some("e26dedcc434d2e4c54c9b2d4a06d8373"),
        bytes: None,
        urls: &["http://ufldl.stanford.edu/housenumbers/train_32x32.mat"],
    },
    RemoteFile {
        name: "test_32x32.mat",
        sha256: None,
        md5: Some("eb5a983be6a315427106f1b164d9cef3"),
        bytes: None,
        urls: &["http://ufldl.stanford.edu/housenumbers/test_32x32.mat"],
    },
];

const IMAGE: ImageShape = ImageShape { height: 32, width: 32, channels: 3 };
const DIGITS: [&str; 10] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];

/// See the module.
#[derive(Debug)]
pub(crate) struct Svhn;

impl Source for Svhn {
    fn kind(&self) -> &'static str {
        "svhn"
    }

    fn about(&self) -> &'static str {
        "99,289 digits of house numbers, 32 × 32 in colour, 10 classes"
    }

    fn licence(&self) -> &'static str {
        "for non-commercial use only, as its makers ask"
    }

    fn bundled(&self) -> bool {
        false
    }

    fn files(&self) -> &'static [RemoteFile] {
        &FILES
    }

    fn load(&self, folder: Option<&Path>, how: &How) -> Result<Dataset, DataError> {
        let place = place(self, folder)?;
        let mut seen = Read::default();
        let mut part = |name: &str| -> Result<Rows, DataError> {
            let path = first_of(&place, &[name]);
            let path = path.ok_or_else(|| missing(self, &place, format!("found no {name}")))?;
            let (rows, file) = read(&path, how, &mut seen.skipped)?;
            seen.files.push(file);
            Ok(rows)
        };
        let (train, test) = (part(FILES[0].name)?, part(FILES[1].name)?);
        let mut has = [false; 10];
        train.all_labels().iter().for_each(|label| has[usize::from(*label)] = true);
        if let Some(fault) = classes_fault(&place, has.iter().filter(|has| **has).count()) {
            return Err(fault);
        }
        let citation = "Y. Netzer, T. Wang, A. Coates, A. Bissacco, B. Wu, A. Y. Ng, Reading digits in natural images with \
                        unsupervised feature learning, NIPS Workshop on Deep Learning, 2011";
        Ok(about(self, &place, citation, &DIGITS).dataset(Shape::Image(IMAGE), train, test, seen))
    }
}

fn read(path: &Path, how: &How, skipped: &mut Skipped) -> Result<(Rows, FileSum), DataError> {
    let file = read_all(&mut open(path)?, path, MOST_BYTES)?;
    let name = file_name(path);
    let mut arrays = arrays(path, &file)?;
    let wrong = |what: String| DataError::Format {
        path: path.to_path_buf(),
        what,
        remedy: "give the cropped digits (format 2) as they are published",
    };
    let mut take = |name: &str| {
        let at = arrays.iter().position(|array| array.name == name);
        at.map(|at| arrays.swap_remove(at)).ok_or_else(|| wrong(format!("no array `{name}` in it")))
    };
    let (x, y) = (take("X")?, take("y")?);
    let (sizes, [height, width, channels, n]) = (&x.sizes, [32, 32, 3, x.sizes.get(3).copied().unwrap_or(1)]);
    if sizes.get(..3) != Some(&[height, width, channels]) || sizes.len() > 4 || n == 0 {
        return Err(wrong(format!("X is of sizes {sizes:?}, not [32, 32, 3, n]")));
    }
    let Values::Bytes(x) = x.values else { return Err(wrong("X is not of bytes".to_owned())) };
    let digits: Vec<f64> = match y.values {
        Values::Bytes(values) => values.into_iter().map(f64::from).collect(),
        Values::Reals(values) => values,
    };
    if digits.len() != n {
        return Err(wrong(format!("{n} pictures, but {} labels", digits.len())));
    }
    let (mut pixels, mut labels) = (Vec::with_capacity(x.len()), Vec::with_capacity(n));
    for (row, (picture, digit)) in x.chunks_exact(IMAGE.pixels()).zip(digits).enumerate() {
        if digit.fract() != 0.0 || !(0.0..=10.0).contains(&digit) {
            how.bad(skipped, wrong(format!("label {digit} in row {row} (rows count from 0) is no digit")))?;
            continue;
        }
        labels.push(digit as u8 % 10);
        for plane in picture.chunks_exact(height * width) {
            pixels.extend((0..height * width).map(|i| plane[i % width * height + i / width]));
        }
    }
    if labels.is_empty() {
        return Err(wrong("no row of it is good".to_owned()));
    }
    Ok((Rows::new(pixels, labels, IMAGE.pixels()), sum(name, &file)))
}
