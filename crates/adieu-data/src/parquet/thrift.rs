//! Thrift's compact protocol, as far as to hear which whole numbers stand where.
//!
//! A structure is fields of a number and a type, until a type of 0; whole numbers are zigzag varints. What is said is
//! believed only as far as bytes arrive, and nothing is kept.

use std::io::{self, Read};

/// Structures within structures; Parquet has six.
const DEEPEST: usize = 32;

/// What is heard on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// A structure begins.
    Begin,
    /// A whole number or, as 1 and 0, a truth.
    Whole(i64),
}

/// Reads one structure. `hear` is given the numbers of the fields that lead to what is heard; elements of a list stand
/// where the list does.
pub(super) fn walk(source: &mut dyn Read, hear: &mut dyn FnMut(&[i16], Heard)) -> io::Result<()> {
    Walk { source, hear, path: Vec::new() }.structure()
}

struct Walk<'a> {
    source: &'a mut dyn Read,
    hear: &'a mut dyn FnMut(&[i16], Heard),
    path: Vec<i16>,
}

impl Walk<'_> {
    fn structure(&mut self) -> io::Result<()> {
        (self.hear)(&self.path, Heard::Begin);
        if self.path.len() >= DEEPEST {
            return Err(broken("structures too deep in one another"));
        }
        let mut field = 0_i16;
        loop {
            let byte = self.byte()?;
            let kind = byte & 15;
            if kind == 0 {
                return Ok(());
            }
            field = match byte >> 4 {
                0 => self.whole()? as i16,
                more => field.wrapping_add(i16::from(more)),
            };
            self.path.push(field);
            match kind {
                // a truth is its type
                1 | 2 => (self.hear)(&self.path, Heard::Whole(i64::from(kind == 1))),
                _ => self.value(kind)?,
            }
            self.path.pop();
        }
    }

    fn value(&mut self, kind: u8) -> io::Result<()> {
        match kind {
            1..=3 => self.pass(1),
            4..=6 => {
                let whole = self.whole()?;
                (self.hear)(&self.path, Heard::Whole(whole));
                Ok(())
            }
            7 => self.pass(8),
            8 => {
                let length = self.varint()?;
                self.pass(length)
            }
            9 | 10 => {
                let byte = self.byte()?;
                let count = if byte >> 4 == 15 { self.varint()? } else { u64::from(byte >> 4) };
                (0..count).try_for_each(|_| self.value(byte & 15))
            }
            12 => self.structure(),
            // Parquet has no maps
            _ => Err(broken("a field of a type that Parquet has not")),
        }
    }

    fn byte(&mut self) -> io::Result<u8> {
        let mut byte = [0];
        self.source.read_exact(&mut byte)?;
        Ok(byte[0])
    }

    fn varint(&mut self) -> io::Result<u64> {
        let mut whole = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            whole |= u64::from(byte & 127) << shift;
            if byte < 128 {
                return Ok(whole);
            }
        }
        Err(broken("a number of more than 64 bits"))
    }

    fn whole(&mut self) -> io::Result<i64> {
        let whole = self.varint()?;
        Ok((whole >> 1) as i64 ^ -((whole & 1) as i64))
    }

    fn pass(&mut self, length: u64) -> io::Result<()> {
        let passed = io::copy(&mut self.source.take(length), &mut io::sink())?;
        if passed == length { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }
}

fn broken(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(bytes: &[u8]) -> io::Result<Vec<(Vec<i16>, Heard)>> {
        let mut all = Vec::new();
        walk(&mut &bytes[..], &mut |path, heard| all.push((path.to_vec(), heard)))?;
        Ok(all)
    }

    #[test]
    fn numbers_are_heard_where_they_stand() {
        // 1: i32 -3; 2: list of two structures, one empty, one of 5: i32 64; 18, by its whole number: truth; 19: text
        let bytes = [0x15, 5, 0x19, 0x2c, 0, 0x55, 0x80, 1, 0, 0x01, 36, 0x18, 2, b'h', b'i', 0];
        use Heard::{Begin, Whole};
        let wanted = vec![
            (vec![], Begin),
            (vec![1], Whole(-3)),
            (vec![2], Begin),
            (vec![2], Begin),
            (vec![2, 5], Whole(64)),
            (vec![18], Whole(1)),
        ];
        assert_eq!(heard(&bytes).unwrap(), wanted);
        for end in 0..bytes.len() {
            assert!(heard(&bytes[..end]).is_err(), "cut at {end}");
        }
    }

    #[test]
    fn what_cannot_be_is_refused() {
        assert!(heard(&[0x1c; 100]).is_err(), "structures without end");
        assert!(heard(&[0x1b, 0]).is_err(), "a map");
        assert!(heard(&[0x15, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1]).is_err(), "eleven bytes");
        assert!(heard(&[0x19, 0xf8, 255, 255, 255, 255, 7]).is_err(), "a list that says it is long");
    }
}
