//! `images`: any set of pictures, a folder a class.
//!
//! ```text
//! FOLDER/train/CLASS/*.jpg    FOLDER/test/CLASS/*.jpg
//! FOLDER/CLASS/*.jpg          a sixth of each class tests, drawn by a seed
//! ```
//!
//! Without labels pictures need no folders of classes: `FOLDER/train/*.jpg` and `FOLDER/test/*.jpg`, or `FOLDER/*.jpg`.
//! Folders that are there all the same are looked into, their names are not read; rows come in an order drawn by the seed.
//!
//! PNG and JPEG, by their first bytes, all of one size. The dataset takes the folder's name, its classes those of the
//! folders, in alphabetical order. Rows are spread so that every stretch of them holds each class in its share: the sixth
//! that is held back to choose by is no class alone. Names that begin with a dot are passed over; any other file that is
//! no picture is a bad row. Pictures are decoded once, side by side on all threads, into the memory they stay in.

use std::fs;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::about::{About, Read, Shape, classes_fault, sum};
use crate::chance::Chance;
use crate::error::DataError;
use crate::how::{How, Skipped};
use crate::image::{read_into, shape_of};
use crate::rows::{Dataset, FileSum, ImageShape, Rows};
use crate::share::{drawn, sixth, spread};
use crate::source::Source;

const REMEDY: &str = "lay the pictures out as FOLDER/train/CLASS/… and FOLDER/test/CLASS/…, or as FOLDER/CLASS/…, or say that \
     there are no labels (labels = false, --no-labels)";
const BARE: &str = "lay the pictures out as FOLDER/train/… and FOLDER/test/…, or as FOLDER/…";

/// A folder of class folders.
#[derive(Debug)]
pub(crate) struct Images;

impl Source for Images {
    fn kind(&self) -> &'static str {
        "images"
    }

    fn about(&self) -> &'static str {
        "any PNG or JPEG pictures of one size, from a folder: train/CLASS/… and test/CLASS/…"
    }

    fn licence(&self) -> &'static str {
        "that of the files"
    }

    fn bundled(&self) -> bool {
        false
    }

    fn load(&self, folder: Option<&Path>, how: &How) -> Result<Dataset, DataError> {
        let Some(folder) = folder else {
            let (path, what) = (PathBuf::from("images"), "no folder given".to_owned());
            return Err(DataError::Missing {
                path,
                what,
                remedy: "name the folder of the pictures (--data-dir)",
            });
        };
        let mut seen = Read::default();
        let (classes, train, test) = if folder.join("train").is_dir() {
            if how.labels { divided(folder)? } else { divided_bare(folder, how)? }
        } else {
            if !folder.is_dir() || folder.join("test").is_dir() {
                let what = "no such folder".to_owned();
                return Err(DataError::Missing { path: folder.join("train"), what, remedy: REMEDY });
            }
            seen.notes.push(drawn(how));
            whole(folder, how)?
        };
        let mut shape = None;
        let mut part = |files: &[(PathBuf, u8)], name| read(files, &mut shape, name, how, &mut seen);
        let (train, test) = (part(&train, "train")?, part(&test, "test")?);
        let (Some(shape), Some(train), Some(test)) = (shape, train, test) else {
            let what = "none of its pictures is good".to_owned();
            return Err(DataError::Missing { path: folder.to_path_buf(), what, remedy: REMEDY });
        };
        Ok(About::own(folder, classes).dataset(Shape::Image(shape), train, test, seen))
    }
}

/// Classes, and the pictures that train and test.
type Found = (Vec<String>, Vec<(PathBuf, u8)>, Vec<(PathBuf, u8)>);

/// A folder that is divided into what trains and what tests.
fn divided(folder: &Path) -> Result<Found, DataError> {
    let [train, test] = ["train", "test"].map(|part| folder.join(part));
    let classes = names(&train, true)?;
    check(&train, &classes)?;
    if let Some(other) = names(&test, true)?.into_iter().find(|name| !classes.contains(name)) {
        let what = format!("a class `{other}` that train has not");
        return Err(DataError::Format { path: test, what, remedy: REMEDY });
    }
    let order = |found: Vec<(PathBuf, u8)>| {
        let labels: Vec<u8> = found.iter().map(|(_, label)| *label).collect();
        spread(&labels, None).into_iter().map(|row| found[row as usize].clone()).collect()
    };
    let (trained, tested) = (pictures(&train, &classes, true)?, pictures(&test, &classes, false)?);
    Ok((classes, order(trained), order(tested)))
}

/// A folder that is not.
fn whole(folder: &Path, how: &How) -> Result<Found, DataError> {
    let (classes, found) = if how.labels {
        let classes = names(folder, true)?;
        check(folder, &classes)?;
        let found = pictures(folder, &classes, true)?;
        (classes, found)
    } else {
        (Vec::new(), bare(folder)?)
    };
    let labels: Vec<u8> = found.iter().map(|(_, label)| *label).collect();
    let parts = sixth(&spread(&labels, Some(&mut Chance::new(how.seed, "split"))), &labels);
    let pick = |rows: Vec<u32>| rows.into_iter().map(|row| found[row as usize].clone()).collect();
    Ok((classes, pick(parts.0), pick(parts.1)))
}

/// A folder that is divided, without labels.
fn divided_bare(folder: &Path, how: &How) -> Result<Found, DataError> {
    let (train, test) = (bare(&folder.join("train"))?, bare(&folder.join("test"))?);
    let order = spread(&vec![0; train.len()], Some(&mut Chance::new(how.seed, "split")));
    Ok((Vec::new(), order.into_iter().map(|row| train[row as usize].clone()).collect(), test))
}

/// Every picture of a part and of the folders in it, of one class.
fn bare(part: &Path) -> Result<Vec<(PathBuf, u8)>, DataError> {
    let mut found: Vec<PathBuf> = names(part, false)?.into_iter().map(|file| part.join(file)).collect();
    for folder in names(part, true)? {
        let folder = part.join(folder);
        found.extend(names(&folder, false)?.into_iter().map(|file| folder.join(file)));
    }
    if found.is_empty() {
        let what = "no picture in it, nor in its folders".to_owned();
        return Err(DataError::Missing { path: part.to_path_buf(), what, remedy: BARE });
    }
    Ok(found.into_iter().map(|file| (file, 0)).collect())
}

fn check(folder: &Path, classes: &[String]) -> Result<(), DataError> {
    if classes.len() < 2 {
        let what = format!("{} folders of pictures, but 2 to 256 classes can be told apart", classes.len());
        return Err(DataError::Format { path: folder.to_path_buf(), what, remedy: REMEDY });
    }
    classes_fault(folder, classes.len()).map_or(Ok(()), Err)
}

/// Names in a folder, sorted: its folders, or its files.
fn names(folder: &Path, folders: bool) -> Result<Vec<String>, DataError> {
    let unreadable = |source: std::io::Error| match source.kind() {
        std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => DataError::Missing {
            path: folder.to_path_buf(),
            what: "no such folder".to_owned(),
            remedy: REMEDY,
        },
        _ => DataError::Unreadable { path: folder.to_path_buf(), source },
    };
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name().into_string().map_err(|name| DataError::Format {
            path: folder.join(name),
            what: "its name is not UTF-8".to_owned(),
            remedy: "rename it",
        })?;
        if !name.starts_with('.') && entry.path().is_dir() == folders {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// Every picture of a part with its class, class by class; `all` classes must have one.
fn pictures(part: &Path, classes: &[String], all: bool) -> Result<Vec<(PathBuf, u8)>, DataError> {
    let missing =
        |path: PathBuf, what: &str| Err(DataError::Missing { path, what: what.to_owned(), remedy: REMEDY });
    let mut found = Vec::new();
    for (label, class) in classes.iter().enumerate() {
        let folder = part.join(class);
        let files = if folder.is_dir() { names(&folder, false)? } else { Vec::new() };
        if files.is_empty() && all {
            return missing(folder, "no picture in it");
        }
        found.extend(files.into_iter().map(|file| (folder.join(file), label as u8)));
    }
    if found.is_empty() {
        return missing(part.to_path_buf(), "no picture in any of its classes");
    }
    Ok(found)
}

/// Decodes the picture at `path` into `row`, of the shape that all are of.
fn picture(path: &Path, shape: ImageShape, row: &mut [u8]) -> Result<(), DataError> {
    let (bytes, has) = header(path)?;
    if has != shape {
        let what = format!("a picture of {has} pixels among pictures of {shape} (height × width × channels)");
        let remedy = "bring all pictures to one size, all grey or all in colour";
        return Err(DataError::Format { path: path.to_path_buf(), what, remedy });
    }
    read_into(path, &bytes, shape, row)
}

/// The bytes of the file at `path` and the shape of the picture in it.
fn header(path: &Path) -> Result<(Vec<u8>, ImageShape), DataError> {
    let bytes =
        fs::read(path).map_err(|source| DataError::Unreadable { path: path.to_path_buf(), source })?;
    let shape = shape_of(path, &bytes)?;
    Ok((bytes, shape))
}

/// Reads a part; the first good picture of all says of what shape they are. `None` if none is good.
fn read(
    files: &[(PathBuf, u8)],
    shape: &mut Option<ImageShape>,
    part: &str,
    how: &How,
    seen: &mut Read,
) -> Result<Option<Rows>, DataError> {
    if shape.is_none() {
        for (path, _) in files {
            match header(path) {
                Ok((_, first)) => *shape = Some(first),
                // said again when its row is read
                Err(_) if how.on_bad == crate::OnBad::Skip => continue,
                Err(fault) => return Err(fault),
            }
            break;
        }
    }
    let Some(shape) = *shape else { return Ok(None) };
    let mut pixels = vec![0; files.len() * shape.pixels()];
    let faults: Vec<Option<DataError>> = pixels
        .par_chunks_exact_mut(shape.pixels())
        .zip(files)
        .map(|(row, (path, _))| picture(path, shape, row).err())
        .collect();
    let (labels, kept) = keep(files, faults, &mut pixels, shape.pixels(), how, &mut seen.skipped)?;
    seen.files.push(FileSum {
        name: format!("{part}: the pixels of {kept} pictures"),
        ..sum(String::new(), &pixels)
    });
    Ok((kept > 0).then(|| Rows::new(pixels, labels, shape.pixels())))
}

/// Closes the gaps of bad rows, the first of which is the fault if they are not to be left out, however many threads
/// looked. Labels and number of what is kept.
fn keep(
    files: &[(PathBuf, u8)],
    faults: Vec<Option<DataError>>,
    pixels: &mut Vec<u8>,
    width: usize,
    how: &How,
    skipped: &mut Skipped,
) -> Result<(Vec<u8>, usize), DataError> {
    let mut labels = Vec::with_capacity(files.len());
    for (row, (fault, (_, label))) in faults.into_iter().zip(files).enumerate() {
        match fault {
            Some(fault) => how.bad(skipped, fault)?,
            None => {
                let to = labels.len() * width;
                pixels.copy_within(row * width..(row + 1) * width, to);
                labels.push(*label);
            }
        }
    }
    pixels.truncate(labels.len() * width);
    let kept = labels.len();
    Ok((labels, kept))
}
