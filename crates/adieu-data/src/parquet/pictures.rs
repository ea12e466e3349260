//! Pictures in Parquet files: decoded as they are read, side by side on all threads; only their pixels stay.

use std::path::{Path, PathBuf};

use ::parquet::data_type::ByteArray;
use rayon::prelude::*;

use super::cells::{self, Cells, Column};
use super::files::Files;
use super::input::{Batch, Input};
use super::{bounded, names};
use crate::about::{About, Read, Shape, classes_fault, name_of};
use crate::error::DataError;
use crate::how::{How, OnBad};
use crate::image::{read_into, shape_of};
use crate::published::MOST_BYTES;
use crate::rows::{Dataset, ImageShape};
use crate::share::divided;
use crate::table::{SKIP, Words, canonical, label_of, missing, ranked};

/// Different labels that are remembered while reading; 256 can be told apart.
const MOST_LABELS: usize = 1 << 20;

/// Pixels, and labels by the order they were met in.
#[derive(Default)]
struct Part {
    pixels: Vec<u8>,
    labels: Vec<u32>,
}

/// Pictures while they are read.
struct Reading<'a> {
    how: &'a How,
    /// That of the first good picture.
    shape: Option<ImageShape>,
    words: Words,
    parts: [Part; 2],
    seen: Read,
}

/// The dataset of the pictures in `column`.
pub(super) fn read(
    asked: &Path,
    how: &How,
    files: &Files,
    first: Input,
    column: Column,
) -> Result<Dataset, DataError> {
    let seen = Read { notes: files.notes.clone(), ..Read::default() };
    let mut reading = Reading { how, shape: None, words: Words::default(), parts: Default::default(), seen };
    let (mut first, mut total) = (Some(first), 0);
    for (part, path) in files.all() {
        let input = match first.take() {
            Some(first) => first,
            None => Input::open(path)?,
        };
        bounded(&input, 1, &mut total)?;
        let columns = wanted(&input, &column.name, how)?;
        if reading.seen.files.is_empty() {
            let labels = match columns.get(1) {
                Some(labels) => format!("labels: column `{}`", labels.name),
                None => "labels: none".to_owned(),
            };
            let notes = &mut reading.seen.notes;
            notes.push(format!("pictures: column `{}`, {labels}", column.name));
            notes.extend(others(&input, &columns));
        }
        input.each(&columns, &mut |first, batches| {
            let Some(pictures) = batches.first() else { return Ok(()) };
            let labels = batches.get(1).map(Batch::texts);
            reading.batch(path, part, first, pictures.bytes(), labels)
        })?;
        reading.seen.files.push(input.sum);
    }
    reading.finish(asked, files)
}

/// The columns of pictures and, if there are to be some, of labels of one of the files.
fn wanted(input: &Input, name: &str, how: &How) -> Result<Vec<Column>, DataError> {
    let fault = |what: String, remedy| DataError::Format { path: input.path.clone(), what, remedy };
    let pictures = cells::pictures(input.schema()).filter(|column| column.name == name);
    let pictures = pictures.ok_or_else(|| {
        fault(format!("no column `{name}` of pictures"), "take all files from one copy of the dataset")
    })?;
    let fields = input.schema().root_schema().get_fields();
    let names: Vec<&str> = fields.iter().map(|field| field.name()).collect();
    let Some(at) = label_of(&input.path, &names, how)?.filter(|_| how.labels) else {
        return Ok(vec![pictures]);
    };
    let label = cells::plain(input.schema(), at);
    let mut label = label.map_err(|what| fault(what, "say which column holds the labels (--label)"))?;
    if let Cells::Truth { label } = &mut label.cells {
        *label = true;
    }
    Ok(vec![pictures, label])
}

/// A note on the columns that are not used.
fn others(input: &Input, used: &[Column]) -> Option<String> {
    let used = names(used);
    let fields = input.schema().root_schema().get_fields();
    let left: Vec<&str> =
        fields.iter().map(|field| field.name()).filter(|name| !used.contains(name)).collect();
    (!left.is_empty()).then(|| format!("columns that are left out: {}", left.join(", ")))
}

impl Reading<'_> {
    /// Rows from number `first` of the file at `path` on.
    fn batch(
        &mut self,
        path: &Path,
        part: usize,
        first: usize,
        pictures: &[Option<ByteArray>],
        labels: Option<&[Result<String, &'static str>]>,
    ) -> Result<(), DataError> {
        let place = |row: usize| {
            PathBuf::from(format!("{}: row {} (rows count from 0)", path.display(), first + row))
        };
        let bytes = |row: usize| pictures[row].as_ref().map_or(&[][..], ByteArray::data);
        if self.shape.is_none() {
            for row in 0..pictures.len() {
                match shape_of(&place(row), bytes(row)) {
                    Ok(shape) => self.shape = Some(shape),
                    // said again when the row is read
                    Err(_) if self.how.on_bad == OnBad::Skip => continue,
                    Err(fault) => return Err(fault),
                }
                break;
            }
        }
        let width = self.shape.map_or(0, |shape| shape.pixels());
        let start = self.parts[part].pixels.len();
        let wanted = self.parts.iter().map(|part| part.pixels.len() as u64).sum::<u64>()
            + (pictures.len() * width) as u64;
        if wanted > MOST_BYTES {
            let what = format!("its pictures are more than {MOST_BYTES} bytes of pixels");
            let remedy = "make the pictures smaller, or give a part of them";
            return Err(DataError::Format { path: path.to_path_buf(), what, remedy });
        }
        self.parts[part].pixels.resize(start + pictures.len() * width, 0);
        let faults: Vec<Option<DataError>> = match self.shape {
            None => (0..pictures.len()).map(|row| shape_of(&place(row), bytes(row)).err()).collect(),
            Some(shape) => self.parts[part].pixels[start..]
                .par_chunks_exact_mut(width)
                .enumerate()
                .map(|(row, pixels)| picture(&place(row), bytes(row), shape, pixels).err())
                .collect(),
        };
        let mut kept = start;
        for (row, fault) in faults.into_iter().enumerate() {
            let label = match fault {
                None => match labels {
                    None => Ok(0),
                    Some(labels) => self.label(part, &labels[row]).map_err(|what| DataError::Format {
                        path: place(row),
                        what,
                        remedy: SKIP,
                    }),
                },
                Some(fault) => Err(fault),
            };
            match label {
                Ok(label) => {
                    let part = &mut self.parts[part];
                    let from = start + row * width;
                    part.pixels.copy_within(from..from + width, kept);
                    part.labels.push(label);
                    kept += width;
                }
                Err(fault) => self.how.bad(&mut self.seen.skipped, fault)?,
            }
        }
        self.parts[part].pixels.truncate(kept);
        Ok(())
    }

    fn label(&mut self, part: usize, text: &Result<String, &'static str>) -> Result<u32, String> {
        let text = text.as_ref().map_err(|what| format!("the label is {what}"))?.trim();
        if missing(text) {
            return Err("the label is missing".to_owned());
        }
        let more = part == 0 && self.words.names.len() < MOST_LABELS;
        let label = self.words.number(&canonical(text), more);
        label.ok_or_else(|| "its label is none of those of the rows to train".to_owned())
    }

    fn finish(self, asked: &Path, files: &Files) -> Result<Dataset, DataError> {
        let Reading { how, shape, words, parts: [train, test], mut seen, .. } = self;
        let none = |path: &Path| DataError::Format {
            path: path.to_path_buf(),
            what: "none of its pictures is good".to_owned(),
            remedy: "give PNG or JPEG pictures with labels",
        };
        let (Some(shape), false) = (shape, train.labels.is_empty()) else {
            return Err(none(&files.train[0]));
        };
        if let Some(paths) = files.test.as_ref().filter(|_| test.labels.is_empty()) {
            return Err(none(&paths[0]));
        }
        if let Some(fault) = classes_fault(&files.train[0], words.names.len()).filter(|_| how.labels) {
            return Err(fault);
        }
        let (classes, order) = ranked(&words.names);
        // without labels every one is 0, and stays so
        let class = |label: &u32| order.get(*label as usize).copied().unwrap_or(0);
        let rows = |part: Part| (part.pixels, part.labels.iter().map(class).collect::<Vec<u8>>());
        let test = files.test.is_some().then(|| rows(test));
        let (train, test) = divided(shape.pixels(), how, rows(train), test, &mut seen.notes);
        let about = About { name: name_of(asked, asked.is_file()), ..About::own(asked, classes) };
        Ok(about.dataset(Shape::Image(shape), train, test, seen))
    }
}

/// Decodes one picture, of the shape that all are of.
fn picture(place: &Path, bytes: &[u8], shape: ImageShape, row: &mut [u8]) -> Result<(), DataError> {
    let has = shape_of(place, bytes)?;
    if has != shape {
        let what = format!("a picture of {has} pixels among pictures of {shape} (height × width × channels)");
        let remedy = "bring all pictures to one size, all grey or all in colour";
        return Err(DataError::Format { path: place.to_path_buf(), what, remedy });
    }
    read_into(place, bytes, shape, row)
}
