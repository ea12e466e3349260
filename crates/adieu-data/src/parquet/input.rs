//! One Parquet file: its columns, and its rows, some at a time.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ::parquet::basic::Compression;
use ::parquet::column::reader::{ColumnReader, ColumnReaderImpl, get_column_reader};
use ::parquet::data_type::{ByteArray, DataType};
use ::parquet::errors::{ParquetError, Result as Parsed};
use ::parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use ::parquet::schema::types::SchemaDescriptor;

use super::cells::{Cells, Column};
use super::claims::{self, Pages};
use crate::about::file_name;
use crate::error::DataError;
use crate::published::{damaged, failed, open};
use crate::rows::FileSum;

/// Rows that are read at a time.
const ROWS: usize = 256;
const MAGIC: &[u8; 4] = b"PAR1";

/// A file whose footer was read.
#[derive(Debug)]
pub(super) struct Input {
    pub(super) path: PathBuf,
    pub(super) sum: FileSum,
    file: Arc<File>,
    metadata: ParquetMetaData,
}

/// The same rows of one column.
#[derive(Debug)]
pub(super) enum Batch {
    /// As text, empty where there is no value, or why it is none.
    Texts(Vec<Result<String, &'static str>>),
    /// Of pictures.
    Bytes(Vec<Option<ByteArray>>),
}

impl Batch {
    /// Of a column that is text.
    pub(super) fn texts(&self) -> &[Result<String, &'static str>] {
        if let Batch::Texts(texts) = self { texts } else { &[] }
    }

    /// Of a column of pictures.
    pub(super) fn bytes(&self) -> &[Option<ByteArray>] {
        if let Batch::Bytes(bytes) = self { bytes } else { &[] }
    }
}

impl Input {
    pub(super) fn open(path: &Path) -> Result<Input, DataError> {
        let unreadable = |source| DataError::Unreadable { path: path.to_path_buf(), source };
        let mut summed = flate2::CrcReader::new(open(path)?);
        let length = std::io::copy(&mut summed, &mut std::io::sink()).map_err(unreadable)?;
        let sum = FileSum { name: file_name(path), bytes: length, crc32: summed.crc().sum() };
        let mut file = summed.into_inner().into_inner();

        let mut head = [0; 4];
        file.rewind().and_then(|()| file.read_exact(&mut head)).map_err(|_| no_parquet(path))?;
        if head != *MAGIC {
            return Err(no_parquet(path));
        }
        let mut tail = [0; 8];
        file.seek(SeekFrom::End(-8))
            .and_then(|_| file.read_exact(&mut tail))
            .map_err(|_| no_parquet(path))?;
        let footer = u64::from(u32::from_le_bytes([tail[0], tail[1], tail[2], tail[3]]));
        if tail[4..] != *MAGIC || footer + 12 > length {
            return Err(damaged(path, "it does not end as a Parquet file does: it is cut short".to_owned()));
        }
        let mut bytes = vec![0; footer as usize];
        let read = file.seek(SeekFrom::End(-8 - footer as i64)).and_then(|_| file.read_exact(&mut bytes));
        read.map_err(|error| failed(path, error))?;
        claims::footer(&bytes).map_err(|what| damaged(path, what))?;
        let metadata = guarded(path, || ParquetMetaDataReader::decode_metadata(&bytes))?;
        Ok(Input { path: path.to_path_buf(), sum, file: Arc::new(file), metadata })
    }

    pub(super) fn schema(&self) -> &SchemaDescriptor {
        self.metadata.file_metadata().schema_descr()
    }

    /// What the file says under `key` beside its columns.
    pub(super) fn said(&self, key: &str) -> Option<&str> {
        let pairs = self.metadata.file_metadata().key_value_metadata()?;
        pairs.iter().find(|pair| pair.key == key)?.value.as_deref()
    }

    /// Rows, by the footer.
    pub(super) fn rows(&self) -> u64 {
        self.metadata.row_groups().iter().map(|group| group.num_rows().max(0) as u64).sum()
    }

    /// Gives `take` the rows of `columns`, some at a time, with the number of the first, from 0.
    pub(super) fn each(
        &self,
        columns: &[Column],
        take: &mut dyn FnMut(usize, Vec<Batch>) -> Result<(), DataError>,
    ) -> Result<(), DataError> {
        let mut first = 0;
        for group in self.metadata.row_groups() {
            let mut left = usize::try_from(group.num_rows())
                .map_err(|_| damaged(&self.path, format!("a group of {} rows", group.num_rows())))?;
            let mut readers = Vec::with_capacity(columns.len());
            for column in columns {
                let chunk = group.columns().get(column.leaf);
                let chunk = chunk.ok_or_else(|| damaged(&self.path, "a group lacks a column".to_owned()))?;
                let unread = match chunk.compression() {
                    Compression::BROTLI(_) => Some("brotli"),
                    Compression::LZO => Some("lzo"),
                    _ => None,
                };
                if let Some(name) = unread {
                    return Err(DataError::Format {
                        path: self.path.clone(),
                        what: format!("column `{}` is compressed by {name}, which is not read", column.name),
                        remedy: "write it with snappy, zstd, gzip or lz4",
                    });
                }
                readers.push(guarded(&self.path, || {
                    let pages = Pages::new(&self.file, self.sum.bytes, chunk, left)?;
                    Ok(get_column_reader(self.schema().column(column.leaf), Box::new(pages)))
                })?);
            }
            while left > 0 {
                let rows = left.min(ROWS);
                let mut batches = Vec::with_capacity(columns.len());
                for (reader, column) in readers.iter_mut().zip(columns) {
                    batches.push(guarded(&self.path, || batch(reader, column, rows))?);
                }
                take(first, batches)?;
                (left, first) = (left - rows, first + rows);
            }
        }
        Ok(())
    }
}

/// The next `rows` values of a column.
fn batch(reader: &mut ColumnReader, column: &Column, rows: usize) -> Parsed<Batch> {
    fn texts<T: DataType>(
        reader: &mut ColumnReaderImpl<T>,
        column: &Column,
        rows: usize,
        text: impl Fn(&T::T) -> Result<String, &'static str>,
    ) -> Parsed<Batch> {
        let values = values(reader, column.deepest, rows)?;
        Ok(Batch::Texts(values.iter().map(|value| value.as_ref().map_or(Ok(String::new()), &text)).collect()))
    }
    let cells = &column.cells;
    match reader {
        ColumnReader::BoolColumnReader(reader) => texts(reader, column, rows, |v| Ok(cells.truth(*v))),
        ColumnReader::Int32ColumnReader(reader) => texts(reader, column, rows, |v| {
            // without a sign it has no more bits either
            let whole = if *cells == Cells::Unsigned { i64::from(*v as u32) } else { i64::from(*v) };
            Ok(cells.whole(whole))
        }),
        ColumnReader::Int64ColumnReader(reader) => texts(reader, column, rows, |v| Ok(cells.whole(*v))),
        ColumnReader::FloatColumnReader(reader) => texts(reader, column, rows, |v| Ok(v.to_string())),
        ColumnReader::DoubleColumnReader(reader) => texts(reader, column, rows, |v| Ok(v.to_string())),
        ColumnReader::ByteArrayColumnReader(reader) if *cells == Cells::Picture => {
            let values = values(reader, column.deepest, rows)?;
            // of a dictionary that is too short some have no bytes, which the crate panics at: here, where that is caught
            values.iter().flatten().for_each(|value| _ = value.data());
            Ok(Batch::Bytes(values))
        }
        ColumnReader::ByteArrayColumnReader(reader) => texts(reader, column, rows, |v| cells.text(v.data())),
        ColumnReader::FixedLenByteArrayColumnReader(reader) => {
            texts(reader, column, rows, |v| cells.text(v.data()))
        }
        ColumnReader::Int96ColumnReader(_) => Err(ParquetError::NYI("numbers of 96 bits".to_owned())),
    }
}

/// The next `rows` values, `None` where one is missing: where its level is less than `deepest`.
fn values<T: DataType>(
    reader: &mut ColumnReaderImpl<T>,
    deepest: i16,
    rows: usize,
) -> Parsed<Vec<Option<T::T>>> {
    let (mut levels, mut values) = (Vec::new(), Vec::new());
    let (read, ..) = reader.read_records(rows, Some(&mut levels), None, &mut values)?;
    if read != rows {
        return Err(ParquetError::EOF(format!("a column ends {} rows early", rows - read)));
    }
    if deepest == 0 {
        return Ok(values.into_iter().map(Some).collect());
    }
    let mut values = values.into_iter();
    Ok(levels.into_iter().map(|level| if level == deepest { values.next() } else { None }).collect())
}

/// Calls the reading crate, which on some damaged files panics where it should return an error: its own assertions
/// about levels, lengths and dictionaries. Nothing that `call` could leave half done is used afterwards.
fn guarded<T>(path: &Path, call: impl FnOnce() -> Parsed<T>) -> Result<T, DataError> {
    let what = match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(value)) => return Ok(value),
        Ok(Err(ParquetError::NYI(what))) => {
            let what = format!("it has {what}, which is not read");
            let remedy = "write it anew, with plain or dictionary encoding";
            return Err(DataError::Format { path: path.to_path_buf(), what, remedy });
        }
        Ok(Err(ParquetError::General(what) | ParquetError::EOF(what))) => what,
        Ok(Err(other)) => other.to_string(),
        Err(_) => "its parts contradict one another".to_owned(),
    };
    Err(damaged(path, what))
}

fn no_parquet(path: &Path) -> DataError {
    DataError::Format {
        path: path.to_path_buf(),
        what: "no Parquet file: it does not begin and end with `PAR1`".to_owned(),
        remedy: "give the Parquet file itself, not encrypted",
    }
}
