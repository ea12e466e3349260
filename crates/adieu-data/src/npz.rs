//! `npz`: arrays that NumPy stored together: `X` and `y`, or `x_train`, `y_train`, `x_test` and `y_test`.
//!
//! Rows are the first index. Bytes of sizes `[n, height, width]` or `[n, height, width, channels]` (1 or 3 channels) are
//! pictures; any other numbers are columns of a table, called by their numbers from 0. Labels are numbers or text, one a
//! row; where there are to be none, `y` is not looked at. How rows are divided and checked: see `table.rs`.

use std::path::Path;

use crate::about::{About, Read, Shape, classes_fault, file_name, name_of, sum};
use crate::error::DataError;
use crate::how::How;
use crate::npy::{self, Array, Values};
use crate::own::asked;
use crate::published::{MOST_BYTES, open, read_all};
use crate::rows::{Dataset, ImageShape};
use crate::share::divided;
use crate::source::Source;
use crate::table::{Kind, Table, Words, ranked};
use crate::zip::Zip;

/// See the module.
#[derive(Debug)]
pub(crate) struct Npz;

impl Source for Npz {
    fn kind(&self) -> &'static str {
        "npz"
    }

    fn about(&self) -> &'static str {
        "arrays that NumPy stored: a file with X and y, or x_train, y_train, x_test and y_test"
    }

    fn licence(&self) -> &'static str {
        "that of the files"
    }

    fn bundled(&self) -> bool {
        false
    }

    fn load(&self, folder: Option<&Path>, how: &How) -> Result<Dataset, DataError> {
        let path = asked(folder, self.kind())?;
        if !path.is_file() {
            let what = "not a file".to_owned();
            return Err(DataError::Missing {
                path: path.to_path_buf(),
                what,
                remedy: "name the .npz file itself",
            });
        }
        let mut zip = Zip::open(path)?;
        let train = match pair(&mut zip, path, ["x_train", "y_train"], how)? {
            Some(train) => Some(train),
            None => pair(&mut zip, path, ["x", "y"], how)?,
        };
        let Some(train) = train else {
            let names: Vec<&str> = zip.names().collect();
            let what = format!("it holds neither X and y nor x_train and y_train, but {}", names.join(", "));
            let remedy = "store the arrays under these names with numpy.savez";
            return Err(DataError::Format { path: path.to_path_buf(), what, remedy });
        };
        let test = pair(&mut zip, path, ["x_test", "y_test"], how)?;
        let files = vec![sum(file_name(path), &read_all(&mut open(path)?, path, MOST_BYTES)?)];
        if let Some(test) = &test
            && test.x.sizes[1..] != train.x.sizes[1..]
        {
            let has = |array: &Array| format!("rows of sizes {:?}", &array.sizes[1..]);
            let (first, second) = (path.join("x_train"), path.join("x_test"));
            let (first_has, second_has) = (has(&train.x), has(&test.x));
            return Err(DataError::Disagree { first, first_has, second, second_has });
        }
        if let Some(image) = pictures(&train.x) {
            return images(path, how, image, train, test, Read { files, ..Read::default() });
        }
        let width = train.x.width();
        let columns = (0..width).map(|c| (c.to_string(), Some(Kind::Number)));
        let label = how.labels.then(|| ("label".to_owned(), Some(Kind::Words)));
        let columns = columns.chain(label).collect();
        let mut table = Table::new(path, how, columns, how.labels.then_some(width))?;
        if how.labels {
            table.seen.notes[0] = "labels: the array y".to_owned();
        }
        rows(&train, &mut table)?;
        if let Some(test) = &test {
            table.test(path);
            rows(test, &mut table)?;
        }
        table.finish(path, files)
    }
}

/// Rows and their labels, as text; none where there are to be none.
struct Pair {
    x: Array,
    y: Option<Vec<String>>,
}

/// The arrays of these names, whose case does not count; `None` if there is no first. Without labels the second is not
/// looked for.
fn pair(zip: &mut Zip, path: &Path, names: [&str; 2], how: &How) -> Result<Option<Pair>, DataError> {
    let mut array = |name: &str| -> Result<Option<Array>, DataError> {
        let file = format!("{name}.npy");
        let Some((member, bytes)) = zip.member(&|member| member.eq_ignore_ascii_case(&file))? else {
            return Ok(None);
        };
        npy::read(&path.join(member), &bytes).map(Some)
    };
    let Some(x) = array(names[0])? else { return Ok(None) };
    if !how.labels {
        return Ok(Some(Pair { x, y: None }));
    }
    let fault = |what: String, remedy| Err(DataError::Format { path: path.to_path_buf(), what, remedy });
    let Some(y) = array(names[1])? else {
        return fault(
            format!("it holds {} but no {}", names[0], names[1]),
            "store the labels beside the rows, or say that there are none (labels = false, --no-labels)",
        );
    };
    if y.sizes[0] != x.sizes[0] || y.width() != 1 {
        let what = format!("{} of sizes {:?} for {} of sizes {:?}", names[1], y.sizes, names[0], x.sizes);
        return fault(what, "store one label a row");
    }
    let y = match y.values {
        Values::Bytes(values) => values.into_iter().map(|v| v.to_string()).collect(),
        Values::Reals(values) => values.into_iter().map(|v| v.to_string()).collect(),
        Values::Texts(values) => values,
    };
    Ok(Some(Pair { x, y: Some(y) }))
}

/// The shape of an array's pictures, if its rows are some.
fn pictures(x: &Array) -> Option<ImageShape> {
    match (&x.values, &x.sizes[..]) {
        (Values::Bytes(_), &[_, height, width]) => Some(ImageShape { height, width, channels: 1 }),
        (Values::Bytes(_), &[_, height, width, channels @ (1 | 3)]) => {
            Some(ImageShape { height, width, channels })
        }
        _ => None,
    }
}

/// Each row into the table, its values as the text that gives them back.
fn rows(pair: &Pair, table: &mut Table<'_>) -> Result<(), DataError> {
    let width = pair.x.width();
    for row in 0..pair.x.sizes[0] {
        let range = row * width..(row + 1) * width;
        let mut cells: Vec<String> = match &pair.x.values {
            Values::Bytes(values) => values[range].iter().map(u8::to_string).collect(),
            Values::Reals(values) => values[range].iter().map(f64::to_string).collect(),
            Values::Texts(values) => values[range].to_vec(),
        };
        cells.extend(pair.y.iter().map(|labels| labels[row].clone()));
        let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
        table.row(&cells, &|| format!("row {row} (rows count from 0)"))?;
    }
    Ok(())
}

/// A label of the rows that test which training has not.
fn unknown(path: &Path, label: &str, row: usize) -> DataError {
    let what = format!("label {label} in row {row} (rows count from 0) of y_test, which training has not");
    let remedy = "correct the labels, or leave bad rows out (on_bad = \"skip\")";
    DataError::Format { path: path.to_path_buf(), what, remedy }
}

/// The dataset of pictures; their labels are checked here, their bytes cannot be wrong.
fn images(
    path: &Path,
    how: &How,
    image: ImageShape,
    train: Pair,
    test: Option<Pair>,
    mut seen: Read,
) -> Result<Dataset, DataError> {
    let mut words = Words::default();
    for label in train.y.iter().flatten() {
        words.number(label, true);
    }
    if let Some(fault) = classes_fault(path, words.names.len()).filter(|_| how.labels) {
        return Err(fault);
    }
    let (classes, order) = ranked(&words.names);
    let mut part = |pair: &Pair| -> Result<(Vec<u8>, Vec<u8>), DataError> {
        let Values::Bytes(bytes) = &pair.x.values else {
            let what = "x_train is of bytes, x_test is not".to_owned();
            return Err(DataError::Format { path: path.to_path_buf(), what, remedy: "store both alike" });
        };
        let (mut pixels, mut labels) = (Vec::with_capacity(bytes.len()), Vec::with_capacity(pair.x.sizes[0]));
        for (row, bytes) in bytes.chunks_exact(image.pixels()).enumerate() {
            let class = match pair.y.as_ref().map(|labels| &labels[row]) {
                None => 0,
                Some(label) => match words.number(label, false) {
                    Some(number) => order[number as usize],
                    None => {
                        let fault = unknown(path, label, row);
                        how.bad(&mut seen.skipped, fault)?;
                        continue;
                    }
                },
            };
            labels.push(class);
            // from channels together to channel by channel
            let plane = image.height * image.width;
            pixels.extend((0..image.pixels()).map(|i| bytes[i % plane * image.channels + i / plane]));
        }
        Ok((pixels, labels))
    };
    let (trained, tested) = (part(&train)?, test.as_ref().map(&mut part).transpose()?);
    let (train, test) = divided(image.pixels(), how, trained, tested, &mut seen.notes);
    let about = About { name: name_of(path, true), ..About::own(path, classes) };
    Ok(about.dataset(Shape::Image(image), train, test, seen))
}
