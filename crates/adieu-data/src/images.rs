//! `images`: any set of pictures, a folder a class.
//!
//! ```text
//! FOLDER/train/CLASS/*.jpg    FOLDER/test/CLASS/*.jpg
//! ```
//!
//! PNG and JPEG, by their first bytes, all of one size. The dataset takes the folder's name, its classes those of the
//! folders in `train`, in alphabetical order. Rows are spread so that every stretch of them holds each class in its
//! share: the sixth that is held back to choose by is no class alone. Names that begin with a dot are passed over; any
//! other file that is no picture is a fault.

use std::fs;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::error::DataError;
use crate::image::{format_of, picture_shape, read_picture};
use crate::rows::{Dataset, FileSum, ImageShape, Info, Origin, Rows};
use crate::source::Source;

const REMEDY: &str = "lay the pictures out as FOLDER/train/CLASS/… and FOLDER/test/CLASS/…";

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

    fn load(&self, folder: Option<&Path>) -> Result<Dataset, DataError> {
        let Some(folder) = folder else {
            let (path, what) = (PathBuf::from("images"), "no folder given".to_owned());
            return Err(DataError::Missing {
                path,
                what,
                remedy: "name the folder of the pictures (--data-dir)",
            });
        };
        let classes = names(&folder.join("train"), true)?;
        if !(2..=256).contains(&classes.len()) {
            let what =
                format!("{} folders of pictures, but 2 to 256 classes can be told apart", classes.len());
            return Err(DataError::Format { path: folder.join("train"), what, remedy: REMEDY });
        }
        if let Some(other) =
            names(&folder.join("test"), true)?.into_iter().find(|name| !classes.contains(name))
        {
            let what = format!("a class `{other}` that train has not");
            return Err(DataError::Format { path: folder.join("test"), what, remedy: REMEDY });
        }
        let (train, test) =
            (pictures(&folder.join("train"), &classes)?, pictures(&folder.join("test"), &classes)?);
        let shape = shape_of(&train[0].0)?;
        let ((train, train_sum), (test, test_sum)) =
            (read(&train, shape, "train")?, read(&test, shape, "test")?);
        let (mean, deviation) = train.mean_and_deviation(shape.channels).into_iter().unzip();
        let whole = folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf());
        let name =
            whole.file_name().map_or_else(|| "images".to_owned(), |name| name.to_string_lossy().into_owned());
        let unsaid = || "not stated: see where the files came from".to_owned();
        let info = Info {
            name,
            origin: Origin::Folder(folder.to_path_buf()),
            licence: unsaid(),
            citation: unsaid(),
            classes,
            image: shape,
            mean,
            deviation,
            files: vec![train_sum, test_sum],
        };
        Ok(Dataset { info, train, test })
    }
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

/// Every picture of a part with its class, each class spread evenly.
fn pictures(part: &Path, classes: &[String]) -> Result<Vec<(PathBuf, u8)>, DataError> {
    let mut found = Vec::new();
    for (label, class) in classes.iter().enumerate() {
        let folder = part.join(class);
        let files = if folder.is_dir() { names(&folder, false)? } else { Vec::new() };
        let count = files.len() as f64;
        let place = |(i, file): (usize, String)| ((i as f64 + 0.5) / count, label as u8, folder.join(file));
        found.extend(files.into_iter().enumerate().map(place));
    }
    if found.is_empty() {
        let what = "no picture in any of its classes".to_owned();
        return Err(DataError::Missing { path: part.to_path_buf(), what, remedy: REMEDY });
    }
    found.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    Ok(found.into_iter().map(|(_, label, path)| (path, label)).collect())
}

/// Shape of the picture at `path`, and so of all.
fn shape_of(path: &Path) -> Result<ImageShape, DataError> {
    let format = format_of(path)?.ok_or_else(|| no_picture(path))?;
    let shape = picture_shape(path, format)?;
    if shape.pixels() == 0 {
        return Err(no_picture(path));
    }
    Ok(shape)
}

fn no_picture(path: &Path) -> DataError {
    let what = "neither a PNG nor a JPEG picture".to_owned();
    DataError::Format { path: path.to_path_buf(), what, remedy: "take it out of the folder, or convert it" }
}

fn read(files: &[(PathBuf, u8)], shape: ImageShape, part: &str) -> Result<(Rows, FileSum), DataError> {
    let one = |(path, _): &(PathBuf, u8)| {
        let format = format_of(path)?.ok_or_else(|| no_picture(path))?;
        let has = picture_shape(path, format)?;
        if has != shape {
            let what =
                format!("a picture of {has} pixels among pictures of {shape} (height × width × channels)");
            let remedy = "bring all pictures to one size, all grey or all in colour";
            return Err(DataError::Format { path: path.clone(), what, remedy });
        }
        read_picture(path, format, shape)
    };
    // The first fault in the order of the rows, however many threads look.
    let rows: Vec<Result<Vec<u8>, DataError>> = files.par_iter().map(one).collect();
    let mut pixels = Vec::with_capacity(files.len() * shape.pixels());
    for row in rows {
        pixels.extend(row?);
    }
    let mut crc = flate2::Crc::new();
    crc.update(&pixels);
    let name = format!("{part}: the pixels of {} pictures", files.len());
    let sum = FileSum { name, bytes: pixels.len() as u64, crc32: crc.sum() };
    let labels = files.iter().map(|(_, label)| *label).collect();
    Ok((Rows::new(pixels, labels, shape.pixels()), sum))
}
