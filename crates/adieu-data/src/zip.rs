//! Zip archives: the members that are asked for by name, stored or deflated. Sizes that the directory states are limits:
//! nothing is unpacked beyond them, and what would need more than deflate can give is refused before it is tried.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use flate2::read::DeflateDecoder;

use crate::error::DataError;
use crate::published::{MOST_BYTES, damaged, failed, open, read_all};

/// Deflate makes at most so many bytes of one.
const MOST_RATIO: u64 = 1032;
/// The record that ends an archive, without its comment, and the longest comment.
const END: usize = 22;
const COMMENT: usize = 65_535;
/// Directories of more bytes than this are refused.
const MOST_DIRECTORY: u64 = 16 << 20;

/// An archive that was opened.
#[derive(Debug)]
pub(crate) struct Zip {
    path: PathBuf,
    file: BufReader<File>,
    members: Vec<Member>,
}

#[derive(Clone, Debug)]
struct Member {
    name: String,
    method: u16,
    crc32: u32,
    packed: u64,
    size: u64,
    at: u64,
}

impl Zip {
    /// Reads the directory of the archive at `path`.
    pub(crate) fn open(path: &Path) -> Result<Zip, DataError> {
        let mut file = open(path)?;
        let failed = |error| failed(path, error);
        let length = file.seek(SeekFrom::End(0)).map_err(failed)?;
        let tail = length.min((END + COMMENT) as u64);
        file.seek(SeekFrom::Start(length - tail)).map_err(failed)?;
        let bytes = read_all(&mut file, path, tail)?;
        let none = || damaged(path, "no directory of a zip archive at its end".to_owned());
        let end =
            (0..bytes.len().saturating_sub(END - 1)).rev().find(|at| bytes[*at..].starts_with(b"PK\x05\x06"));
        let end = end.ok_or_else(none)?;
        let (mut size, mut at) = (
            u64::from(u32_at(&bytes, end + 12).ok_or_else(none)?),
            u64::from(u32_at(&bytes, end + 16).ok_or_else(none)?),
        );
        if at == u64::from(u32::MAX) || size == u64::from(u32::MAX) {
            // the larger record, which its locator before this one points to
            let locator =
                end.checked_sub(20).filter(|at| bytes[*at..].starts_with(b"PK\x06\x07")).ok_or_else(none)?;
            file.seek(SeekFrom::Start(u64_at(&bytes, locator + 8).ok_or_else(none)?)).map_err(failed)?;
            let mut record = Vec::new();
            file.by_ref().take(56).read_to_end(&mut record).map_err(failed)?;
            if !record.starts_with(b"PK\x06\x06") {
                return Err(none());
            }
            (size, at) = (u64_at(&record, 40).ok_or_else(none)?, u64_at(&record, 48).ok_or_else(none)?);
        }
        if size > MOST_DIRECTORY {
            return Err(damaged(path, format!("a directory of {size} bytes")));
        }
        file.seek(SeekFrom::Start(at)).map_err(failed)?;
        let mut directory = Vec::new();
        file.by_ref().take(size).read_to_end(&mut directory).map_err(failed)?;
        let members = members(&directory).ok_or_else(|| damaged(path, "a broken directory".to_owned()))?;
        Ok(Zip { path: path.to_path_buf(), file, members })
    }

    /// Names of the members, in the order of the directory.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(|member| member.name.as_str())
    }

    /// The contents of the first member that `wanted` accepts by its name, and that name; `None` if there is none.
    pub(crate) fn member(
        &mut self,
        wanted: &dyn Fn(&str) -> bool,
    ) -> Result<Option<(String, Vec<u8>)>, DataError> {
        let Some(member) = self.members.iter().find(|member| wanted(&member.name)).cloned() else {
            return Ok(None);
        };
        let inside = self.path.join(&member.name);
        if member.size > MOST_BYTES || member.size / MOST_RATIO > member.packed {
            let what = format!("it claims to unpack {} bytes to {}", member.packed, member.size);
            return Err(damaged(&inside, what));
        }
        let failed = |error| failed(&inside, error);
        self.file.seek(SeekFrom::Start(member.at)).map_err(failed)?;
        let mut local = [0; 30];
        self.file.read_exact(&mut local).map_err(failed)?;
        if !local.starts_with(b"PK\x03\x04") {
            return Err(damaged(&inside, "no member where the directory says".to_owned()));
        }
        let skip = i64::from(u16::from_le_bytes([local[26], local[27]]))
            + i64::from(u16::from_le_bytes([local[28], local[29]]));
        self.file.seek_relative(skip).map_err(failed)?;
        let mut packed = self.file.by_ref().take(member.packed);
        let contents = match member.method {
            0 => read_all(&mut packed, &inside, member.size)?,
            8 => read_all(&mut DeflateDecoder::new(packed), &inside, member.size)?,
            other => {
                let what = format!("packed by method {other}; stored (0) and deflated (8) are read");
                return Err(DataError::Format { path: inside, what, remedy: "pack it again with deflate" });
            }
        };
        if contents.len() as u64 != member.size {
            let found = contents.len() as u64;
            return Err(DataError::Length { path: inside, expected: member.size, found });
        }
        let mut crc = flate2::Crc::new();
        crc.update(&contents);
        if crc.sum() != member.crc32 {
            return Err(damaged(
                &inside,
                format!("CRC-32 {:08x} instead of {:08x}", crc.sum(), member.crc32),
            ));
        }
        Ok(Some((member.name, contents)))
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2).map(|b| u16::from_le_bytes([b[0], b[1]]))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from(u32_at(bytes, at)?) | u64::from(u32_at(bytes, at + 4)?) << 32)
}

/// Every entry of a directory; `None` if it is broken.
fn members(mut directory: &[u8]) -> Option<Vec<Member>> {
    let mut members = Vec::new();
    while directory.starts_with(b"PK\x01\x02") {
        let length = |at| u16_at(directory, at).map(usize::from);
        let (name, extra, comment) = (length(28)?, length(30)?, length(32)?);
        let text = directory.get(46..46 + name)?;
        let mut member = Member {
            name: String::from_utf8_lossy(text).into_owned(),
            method: u16_at(directory, 10)?,
            crc32: u32_at(directory, 16)?,
            packed: u32_at(directory, 20)?.into(),
            size: u32_at(directory, 24)?.into(),
            at: u32_at(directory, 42)?.into(),
        };
        larger(directory.get(46 + name..46 + name + extra)?, &mut member)?;
        members.push(member);
        directory = directory.get(46 + name + extra + comment..)?;
    }
    Some(members)
}

/// Takes the sizes that did not fit in 32 bits from the extra fields, in the order the format lays down.
fn larger(mut extra: &[u8], member: &mut Member) -> Option<()> {
    while let (Some(kind), Some(length)) = (u16_at(extra, 0), u16_at(extra, 2)) {
        let field = extra.get(4..4 + usize::from(length))?;
        if kind == 1 {
            let mut at = 0;
            for value in [&mut member.size, &mut member.packed, &mut member.at] {
                if *value == u64::from(u32::MAX) {
                    *value = u64_at(field, at)?;
                    at += 8;
                }
            }
        }
        extra = &extra[4 + usize::from(length)..];
    }
    Some(())
}
