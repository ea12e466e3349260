//! A contact sheet: some rows of each class as one PNG picture, a line a class.

use png::{BitDepth, ColorType, Encoder};

use crate::rows::Dataset;

/// Dark grey between the pictures, one pixel wide.
const GAP: u8 = 64;
/// No sheet has more pixels than this.
const MOST_PIXELS: usize = 64 << 20;

/// Lines of a sheet without classes.
const LINES: usize = 10;

/// The first `across` training rows of each class, a line a class, or the first ten lines of rows where there are no
/// labels, as the bytes of a PNG file; small pictures are
/// enlarged by whole numbers to at least 28 pixels. `None` of a table, and of a sheet that would be absurdly large.
pub fn contact_sheet(data: &Dataset, across: usize) -> Option<Vec<u8>> {
    let image = data.info.image;
    if across == 0 {
        return None;
    }
    let all = data.train.bytes()?;
    let times = 28_usize.div_ceil(image.height.max(image.width)).max(1);
    let (cell_h, cell_w) = (image.height * times + 1, image.width * times + 1);
    let bare = data.info.classes.is_empty();
    let lines = if bare { LINES.min(data.train.len().div_ceil(across)) } else { data.info.classes.len() };
    let (height, width) = (lines.checked_mul(cell_h)? + 1, across.checked_mul(cell_w)? + 1);
    let colour = image.channels == 3;
    let each = if colour { 3 } else { 1 };
    let bytes = height.checked_mul(width)?.checked_mul(each).filter(|bytes| *bytes <= MOST_PIXELS)?;
    let mut sheet = vec![GAP; bytes];
    let mut drawn = vec![0_usize; lines];
    for (row, pixels) in all.chunks_exact(data.train.width()).enumerate() {
        let class = if bare { row / across } else { usize::from(data.train.label(row)) };
        if class >= lines || drawn[class] == across {
            continue;
        }
        let (top, left) = (class * cell_h + 1, drawn[class] * cell_w + 1);
        drawn[class] += 1;
        for at in 0..(cell_h - 1) * (cell_w - 1) {
            let (y, x) = (at / (cell_w - 1), at % (cell_w - 1));
            let from = y / times * image.width + x / times;
            let to = ((top + y) * width + left + x) * each;
            for channel in 0..each {
                sheet[to + channel] = pixels[channel * image.height * image.width + from];
            }
        }
    }
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, u32::try_from(width).ok()?, u32::try_from(height).ok()?);
    encoder.set_color(if colour { ColorType::Rgb } else { ColorType::Grayscale });
    encoder.set_depth(BitDepth::Eight);
    let mut writer = encoder.write_header().ok()?;
    writer.write_image_data(&sheet).ok()?;
    writer.finish().ok()?;
    Some(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rows;

    #[test]
    fn a_line_a_class_and_a_gap_between() {
        let mut data = crate::load("patterns", None).unwrap();
        data.info.image = crate::ImageShape { height: 1, width: 28, channels: 1 };
        data.info.classes.truncate(2);
        let pixels = (0..3).flat_map(|row| (0..28).map(move |x| row * 50 + x)).collect();
        data.train = Rows::new(pixels, vec![1, 0, 1], 28);
        let sheet = contact_sheet(&data, 2).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(sheet)).read_info().unwrap();
        let mut drawn = vec![0; reader.output_buffer_size().unwrap()];
        let frame = reader.next_frame(&mut drawn).unwrap();
        assert_eq!((frame.width, frame.height), (59, 5));
        let line = |y: usize| &drawn[y * 59..(y + 1) * 59];
        assert_eq!((line(1)[0], line(1)[1], line(1)[28], line(1)[29], line(1)[30]), (GAP, 50, 77, GAP, GAP));
        assert_eq!((line(3)[1], line(3)[30], line(3)[57]), (0, 100, 127));
        assert!(line(0).iter().chain(line(2)).chain(line(4)).all(|pixel| *pixel == GAP));
        assert_eq!(contact_sheet(&crate::load("moons", None).unwrap(), 8), None);
    }
}
