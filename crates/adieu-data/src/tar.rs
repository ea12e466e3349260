//! Tar archives: the regular files in them, one after another. Of the format (POSIX ustar) only names, sizes and kinds
//! are read; nothing is written anywhere.

use std::io::{self, Read};

const BLOCK: usize = 512;

/// Calls `each` with the name and the length of every regular file, and a reader of its contents; what `each` leaves
/// unread is passed over. Two blocks of zeros, or the end, end the archive.
pub(crate) fn walk(
    source: &mut dyn Read,
    each: &mut dyn FnMut(&str, u64, &mut dyn Read) -> io::Result<()>,
) -> io::Result<()> {
    loop {
        let mut header = Vec::with_capacity(BLOCK);
        (&mut *source).take(BLOCK as u64).read_to_end(&mut header)?;
        if header.is_empty() || header.iter().all(|byte| *byte == 0) {
            return Ok(());
        }
        let (name, size, regular) = parse(&header).ok_or_else(|| invalid("no header of a tar archive"))?;
        let mut contents = (&mut *source).take(size);
        if regular {
            each(&name, size, &mut contents)?;
        }
        io::copy(&mut contents, &mut io::sink())?;
        if contents.limit() > 0 {
            return Err(invalid("the archive is cut short"));
        }
        let padding = (BLOCK as u64 - size % BLOCK as u64) % BLOCK as u64;
        io::copy(&mut (&mut *source).take(padding), &mut io::sink())?;
    }
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Name, size and whether it is a regular file; `None` if the sum of the header is wrong.
fn parse(header: &[u8]) -> Option<(String, u64, bool)> {
    let header: &[u8; BLOCK] = header.try_into().ok()?;
    let sum: u64 = header.iter().map(|byte| u64::from(*byte)).sum::<u64>() + 8 * u64::from(b' ')
        - header[148..156].iter().map(|byte| u64::from(*byte)).sum::<u64>();
    if octal(&header[148..156])? != sum {
        return None;
    }
    let text = |bytes: &[u8]| {
        let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
        String::from_utf8_lossy(&bytes[..end]).into_owned()
    };
    let (name, prefix) = (text(&header[..100]), text(&header[345..500]));
    let ustar = header[257..262] == *b"ustar";
    let name = if ustar && !prefix.is_empty() { format!("{prefix}/{name}") } else { name };
    Some((name, octal(&header[124..136])?, matches!(header[156], 0 | b'0')))
}

/// A number in octal digits between spaces and zeros.
fn octal(field: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(field).ok()?.trim_matches(['\0', ' ']);
    u64::from_str_radix(text, 8).ok()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// An archive of these files.
    pub(crate) fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut archive = Vec::new();
        for (name, contents) in files {
            let mut header = [0_u8; BLOCK];
            header[..name.len()].copy_from_slice(name.as_bytes());
            header[124..136].copy_from_slice(format!("{:011o}\0", contents.len()).as_bytes());
            header[156] = b'0';
            header[257..262].copy_from_slice(b"ustar");
            header[148..156].fill(b' ');
            let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
            header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
            archive.extend(header);
            archive.extend(*contents);
            archive.resize(archive.len().next_multiple_of(BLOCK), 0);
        }
        archive.extend([0; 2 * BLOCK]);
        archive
    }

    #[test]
    fn files_come_one_after_another_and_damage_is_seen() {
        let good = tar(&[("a/one", b"first"), ("two", &[7; 600]), ("three", b"")]);
        let read = |bytes: &[u8]| {
            let mut found = Vec::new();
            walk(&mut &bytes[..], &mut |name, size, contents| {
                let mut held = Vec::new();
                contents.take(2).read_to_end(&mut held)?; // the rest is passed over
                found.push((name.to_owned(), size, held));
                Ok(())
            })
            .map(|()| found)
            .map_err(|error| error.to_string())
        };
        let found = read(&good).unwrap();
        let wanted = [("a/one", 5, &b"fi"[..]), ("two", 600, &[7, 7]), ("three", 0, b"")];
        assert_eq!(found, wanted.map(|(n, s, h)| (n.to_owned(), s, h.to_vec())));
        assert_eq!(read(&good[..600]).map(|found| found.len()), Ok(1), "padding may be cut");
        assert_eq!(read(&good[..1600]), Err("the archive is cut short".into()));
        let mut flipped = good.clone();
        flipped[130] ^= 1;
        assert_eq!(read(&flipped), Err("no header of a tar archive".into()));
    }
}
