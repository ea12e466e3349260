//! What a Parquet file claims of itself, compared with what its bytes can hold, before the reading crate takes room for it.
//!
//! The crate checks much, yet takes memory by what the file says: for the children of a column, an unpacked page, a
//! dictionary. A system that has not that much ends the process, which cannot be caught. So the footer and the header of
//! each page are heard first, by `thrift.rs`:
//!
//! - columns lie at most 32 deep in one another and have no more children than there are columns;
//! - a page unpacks to no more than its compression can give, which is tried where that is not limited by its header;
//! - a dictionary has no more values than bytes;
//! - the encodings whose lengths stand inside the pages (`DELTA_LENGTH_BYTE_ARRAY`, `DELTA_BYTE_ARRAY`) are not read.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::sync::Arc;

use ::parquet::basic::Compression;
use ::parquet::column::page::{Page, PageMetadata, PageReader};
use ::parquet::errors::{ParquetError, Result};
use ::parquet::file::metadata::ColumnChunkMetaData;
use ::parquet::file::serialized_reader::SerializedPageReader;
use flate2::read::MultiGzDecoder;

use super::thrift::{Heard, walk};

const DEEPEST: usize = 32;
/// What a page may unpack to beyond a multiple of its bytes: a block of zstd.
const SLACK: u64 = 1 << 17;

/// Refuses a footer whose columns cannot be.
pub(super) fn footer(bytes: &[u8]) -> std::result::Result<(), String> {
    // for each column, in the order of a walk, how many it has within
    let mut children: Vec<i64> = Vec::new();
    walk(&mut &bytes[..], &mut |path, heard| match (path, heard) {
        ([2], Heard::Begin) => children.push(0),
        ([2, 5], Heard::Whole(count)) => {
            if let Some(last) = children.last_mut() {
                *last = count;
            }
        }
        _ => {}
    })
    .map_err(|error| format!("its footer: {error}"))?;
    let mut open = Vec::new();
    for &count in &children {
        while open.last() == Some(&0) {
            open.pop();
        }
        if let Some(left) = open.last_mut() {
            *left -= 1;
        }
        if count < 0 || count as u64 >= children.len() as u64 {
            return Err(format!(
                "its footer speaks of {count} columns within one, of {} in all",
                children.len()
            ));
        }
        if count > 0 {
            open.push(count);
        }
        if open.len() > DEEPEST {
            return Err(format!("its columns lie more than {DEEPEST} deep in one another"));
        }
    }
    Ok(())
}

/// The pages of a column, each looked at before it is unpacked.
pub(super) struct Pages {
    inner: SerializedPageReader<File>,
    file: Arc<File>,
    compression: Compression,
    /// Where the next header is.
    at: u64,
    /// Where the column ends.
    end: u64,
}

/// What the header of a page says.
#[derive(Debug, Default)]
struct Header {
    kind: i64,
    unpacked: u64,
    packed: u64,
    /// Of these, bytes in front that are never compressed.
    plain: u64,
    values: u64,
    encoding: i64,
    compressed: bool,
    /// Its own bytes.
    length: u64,
}

const INDEX: i64 = 1;
const DICTIONARY: i64 = 2;

impl Pages {
    /// The pages of `column`, in a group of so many rows, of a file of `length` bytes.
    pub(super) fn new(
        file: &Arc<File>,
        length: u64,
        column: &ColumnChunkMetaData,
        rows: usize,
    ) -> Result<Pages> {
        let first = column.dictionary_page_offset().unwrap_or(0);
        if first.min(column.data_page_offset()).min(column.compressed_size()) < 0 {
            return Err(wrong("a column of a negative place or size".to_owned()));
        }
        let (at, bytes) = column.byte_range();
        let end = at.checked_add(bytes).filter(|end| *end <= length);
        let end = end.ok_or_else(|| wrong(format!("a column from byte {at} on has {bytes} bytes")))?;
        let inner = SerializedPageReader::new(Arc::clone(file), column, rows, None)?;
        Ok(Pages { inner, file: Arc::clone(file), compression: column.compression(), at, end })
    }

    /// Looks at the pages up to the next that holds values.
    fn check(&mut self) -> Result<()> {
        while self.at < self.end {
            let header = self.header()?;
            let body = self.at + header.length;
            let next = body.checked_add(header.packed).filter(|next| *next <= self.end);
            let next = next.ok_or_else(|| wrong(format!("the page at byte {} is cut short", self.at)))?;
            possible(self.compression, &header)?;
            if let (Compression::GZIP(_), true) = (self.compression, header.compressed) {
                self.try_gzip(&header, body)?;
            }
            self.at = next;
            if header.kind != INDEX {
                return Ok(());
            }
        }
        Ok(())
    }

    fn from(&self, at: u64, bytes: u64) -> Result<io::Take<BufReader<File>>> {
        let mut file = self.file.try_clone()?;
        file.seek(SeekFrom::Start(at))?;
        Ok(BufReader::new(file).take(bytes))
    }

    fn header(&self) -> Result<Header> {
        let room = self.end - self.at;
        let mut source = self.from(self.at, room)?;
        let mut header = Header { compressed: true, ..Header::default() };
        let mut negative = false;
        walk(&mut source, &mut |path, heard| {
            let Heard::Whole(whole) = heard else { return };
            let mut size = |field: &mut u64, more: u64| match u64::try_from(whole) {
                Ok(whole) => *field = more.saturating_add(whole),
                Err(_) => negative = true,
            };
            match path {
                [1] => header.kind = whole,
                [2] => size(&mut header.unpacked, 0),
                [3] => size(&mut header.packed, 0),
                [5 | 7 | 8, 1] => size(&mut header.values, 0),
                [5, 2] | [8, 4] => header.encoding = whole,
                [8, 5 | 6] => {
                    let more = header.plain;
                    size(&mut header.plain, more);
                }
                [8, 7] => header.compressed = whole != 0,
                _ => {}
            }
        })?;
        header.length = room - source.limit();
        if negative { Err(wrong("a page of a negative size".to_owned())) } else { Ok(header) }
    }

    /// Unpacks a page of gzip, which alone is unpacked to its end whatever its header says, and keeps nothing.
    fn try_gzip(&self, header: &Header, body: u64) -> Result<()> {
        let wanted = header.unpacked.saturating_sub(header.plain);
        let packed = self.from(body + header.plain, header.packed.saturating_sub(header.plain))?;
        if io::copy(&mut MultiGzDecoder::new(packed).take(wanted + 1), &mut io::sink())? > wanted {
            return Err(wrong(format!(
                "a page unpacks to more than the {} bytes it claims",
                header.unpacked
            )));
        }
        Ok(())
    }
}

/// Refuses a page that claims more than its bytes can hold.
fn possible(compression: Compression, header: &Header) -> Result<()> {
    let &Header { unpacked, packed, values, .. } = header;
    // the most that one byte can stand for
    let times = match compression {
        Compression::UNCOMPRESSED => 1,
        Compression::SNAPPY => 22,
        Compression::LZ4 | Compression::LZ4_RAW => 255,
        Compression::GZIP(_) => 1032,
        _ => 1 << 15,
    };
    if unpacked > packed.saturating_mul(times).saturating_add(SLACK) {
        return Err(wrong(format!("a page of {packed} bytes claims to unpack to {unpacked}")));
    }
    if header.kind == DICTIONARY && values > unpacked {
        return Err(wrong(format!("a dictionary of {unpacked} bytes claims {values} values")));
    }
    if let 6 | 7 = header.encoding {
        let name = if header.encoding == 6 { "DELTA_LENGTH_BYTE_ARRAY" } else { "DELTA_BYTE_ARRAY" };
        return Err(ParquetError::NYI(format!("a page in the encoding {name}")));
    }
    Ok(())
}

fn wrong(what: String) -> ParquetError {
    ParquetError::General(what)
}

impl Iterator for Pages {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Result<Page>> {
        self.get_next_page().transpose()
    }
}

impl PageReader for Pages {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        self.check()?;
        self.inner.get_next_page()
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        self.inner.peek_next_page()
    }

    /// Rows are read from the first to the last.
    fn skip_next_page(&mut self) -> Result<()> {
        Err(wrong("pages are not skipped".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A footer that holds only columns, of so many children each.
    fn columns(children: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0x29, 0xfc];
        bytes.push(children.len() as u8);
        children.iter().for_each(|count| bytes.extend([0x55, count * 2, 0]));
        bytes.push(0);
        bytes
    }

    #[test]
    fn columns_that_cannot_be_are_refused() {
        assert_eq!(footer(&columns(&[2, 0, 1, 0])), Ok(()));
        let deep = [vec![1; 40], vec![0]].concat();
        assert!(footer(&columns(&deep)).unwrap_err().contains("more than 32 deep"));
        // flat, though each but the last opens something: the opened are closed again
        let wide: Vec<u8> = [vec![40], [1, 0].repeat(40)].concat();
        assert_eq!(footer(&columns(&wide)), Ok(()));
        let many = footer(&columns(&[4, 0, 0])).unwrap_err();
        assert!(many.contains("speaks of 4 columns within one, of 3 in all"), "{many}");
        let mut negative = columns(&[1, 0]);
        negative[4] = 3;
        assert!(footer(&negative).unwrap_err().contains("-2 columns"));
        assert!(footer(&columns(&[1, 0])[..5]).unwrap_err().contains("its footer: "));
    }

    #[test]
    fn pages_that_cannot_be_are_refused() {
        let zstd = Compression::ZSTD(Default::default());
        let gzip = Compression::GZIP(Default::default());
        let said = |compression, header: Header| possible(compression, &header).map_err(|e| e.to_string());
        let sizes = |packed, unpacked| Header { packed, unpacked, ..Header::default() };
        for (compression, most) in [
            (Compression::UNCOMPRESSED, 1_000),
            (Compression::SNAPPY, 22_000),
            (Compression::LZ4_RAW, 255_000),
            (gzip, 1_032_000),
            (zstd, 32_768_000),
        ] {
            assert_eq!(said(compression, sizes(1_000, most + SLACK)), Ok(()));
            let fault = said(compression, sizes(1_000, most + SLACK + 1)).unwrap_err();
            assert!(fault.contains("a page of 1000 bytes claims to unpack to"), "{fault}");
        }
        let dictionary = |values| Header { kind: DICTIONARY, values, ..sizes(16, 16) };
        assert_eq!(said(zstd, dictionary(16)), Ok(()));
        let fault = said(zstd, dictionary(2_000_000_000)).unwrap_err();
        assert!(fault.contains("a dictionary of 16 bytes claims 2000000000 values"), "{fault}");
    }
}
