//! One image: from a PNG or JPEG picture, or a row of an IDX file.
//!
//! To predict, a picture must have the size the network was trained on: it is not scaled, since how to scale, crop and centre is a
//! choice that changes the answer. MNIST's digits are light on dark.

use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use png::{ColorType, Decoder, DecodingError, Limits, Transformations};
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

use crate::error::DataError;
use crate::idx::{Kind, read_file};
use crate::published::{failed, open, read_all};
use crate::rows::ImageShape;

const PNG_MAGIC: [u8; 8] = *b"\x89PNG\r\n\x1a\n";
/// A picture's file of more bytes is refused.
const MOST_FILE: u64 = 1 << 30;
/// A picture of more pixels is not read into a dataset: 8,192 × 8,192.
const MOST_PIXELS: usize = 1 << 26;
const JPEG_MAGIC: [u8; 3] = [0xff, 0xd8, 0xff];
/// For the decoder's own buffers; the size of the picture is known before they are filled.
const PNG_ROOM: usize = 16 << 20;

/// Reads one image: its pixels as a row of the dataset would hold them, `[expected.pixels()]`.
///
/// `path` is a PNG or JPEG picture, or an IDX file of images, plain or gzip; `path#17` is row 17 of an IDX file, counting from 0,
/// and without `#` it is row 0. Colour becomes grey by 0.299 R + 0.587 G + 0.114 B if the network expects one channel, and
/// grey becomes three equal channels if it expects three; transparency lies over black. Sixteen bits become eight.
///
/// # Errors
/// If the file is missing, unreadable or damaged, is neither of the two, has another size than `expected`, or has no such
/// row.
pub fn read_image(path: &Path, expected: ImageShape) -> Result<Vec<u8>, DataError> {
    let (path, row) = row_of(path);
    if !path.is_file() {
        let what = if path.exists() { "not a file" } else { "no such file" }.to_owned();
        return Err(DataError::Missing {
            path,
            what,
            remedy: "name a PNG or JPEG picture, or an IDX file of images with #ROW",
        });
    }
    let mut first = Vec::new();
    open(&path)?.take(8).read_to_end(&mut first).map_err(|error| failed(&path, error))?;
    let Some(format) = format_of(&first) else { return read_row(&path, row.unwrap_or(0), expected) };
    if row.is_some() {
        let what = format!("a {} picture holds one image, not rows", format.name());
        return Err(DataError::Format { path, what, remedy: "leave out the # and the number" });
    }
    let bytes = read_all(&mut open(&path)?, &path, MOST_FILE)?;
    let mut pixels = vec![0; expected.pixels()];
    read_into(&path, &bytes, expected, &mut pixels)?;
    Ok(pixels)
}

/// What pictures come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Png,
    Jpeg,
}

impl Format {
    fn name(self) -> &'static str {
        match self {
            Format::Png => "PNG",
            Format::Jpeg => "JPEG",
        }
    }
}

/// The format of a picture by its first bytes.
fn format_of(bytes: &[u8]) -> Option<Format> {
    match bytes {
        bytes if bytes.starts_with(&PNG_MAGIC) => Some(Format::Png),
        bytes if bytes.starts_with(&JPEG_MAGIC) => Some(Format::Jpeg),
        _ => None,
    }
}

/// Decodes `bytes`, a picture, into `row`: `[expected.pixels()]`. `path` is what faults call it.
///
/// # Panics
/// If `row` is of another length.
pub(crate) fn read_into(
    path: &Path,
    bytes: &[u8],
    expected: ImageShape,
    row: &mut [u8],
) -> Result<(), DataError> {
    assert_eq!(row.len(), expected.pixels(), "room for a picture");
    match format_of(bytes) {
        Some(Format::Png) => read_png(path, bytes, expected, row),
        Some(Format::Jpeg) => read_jpeg(path, bytes, expected, row),
        None => Err(damaged(path, "neither PNG nor JPEG".to_owned())),
    }
}

/// Height, width and channels of the picture in `bytes`, from its header: neither empty nor absurdly large.
pub(crate) fn shape_of(path: &Path, bytes: &[u8]) -> Result<ImageShape, DataError> {
    let fault = |what, remedy| Err(DataError::Format { path: path.to_path_buf(), what, remedy });
    let no_picture =
        || fault("neither a PNG nor a JPEG picture".to_owned(), "take it out of the dataset, or convert it");
    let Some(format) = format_of(bytes) else { return no_picture() };
    let shape = picture_shape(path, bytes, format)?;
    match shape.height.checked_mul(shape.width) {
        Some(0) => no_picture(),
        Some(1..=MOST_PIXELS) => Ok(shape),
        _ => fault(
            format!("a picture of {shape} pixels, more than the limit of {MOST_PIXELS}"),
            "scale it to a smaller size",
        ),
    }
}

/// Height, width and channels (1 or 3; transparency is none) of a picture, from its header.
fn picture_shape(path: &Path, bytes: &[u8], format: Format) -> Result<ImageShape, DataError> {
    match format {
        Format::Png => {
            let mut decoder = png_decoder(bytes, 0);
            let header = decoder.read_header_info().map_err(|error| png_failed(path, error))?;
            let grey = matches!(header.color_type, ColorType::Grayscale | ColorType::GrayscaleAlpha);
            let (height, width) = (header.height as usize, header.width as usize);
            Ok(ImageShape { height, width, channels: if grey { 1 } else { 3 } })
        }
        Format::Jpeg => Ok(jpeg_header(path, bytes)?.1),
    }
}

/// Divides `file#17`; a file whose name really ends so is taken as it is.
fn row_of(path: &Path) -> (PathBuf, Option<usize>) {
    let whole = (path.to_path_buf(), None);
    if path.exists() {
        return whole;
    }
    let Some((file, row)) = path.to_str().and_then(|text| text.rsplit_once('#')) else { return whole };
    row.parse().map_or(whole, |row| (PathBuf::from(file), Some(row)))
}

fn wrong_size(path: &Path, has: ImageShape, expected: ImageShape) -> DataError {
    let what = format!("an image of {has} pixels (height × width), but the network expects {expected}");
    DataError::Format { path: path.to_path_buf(), what, remedy: "scale or crop it to that size first" }
}

fn read_row(path: &Path, row: usize, expected: ImageShape) -> Result<Vec<u8>, DataError> {
    let idx = read_file(path, Kind::Images).map_err(|error| match error {
        DataError::Format { path, what, .. } if what.starts_with("not an IDX") => DataError::Format {
            path,
            what,
            remedy: "name a PNG or JPEG picture, or an IDX file of images with #ROW",
        },
        other => other,
    })?;
    if idx.image() != expected {
        return Err(wrong_size(path, idx.image(), expected));
    }
    if row >= idx.rows() {
        let what = format!("it has no row {row}: its {} rows count from 0", idx.rows());
        return Err(DataError::Format {
            path: path.to_path_buf(),
            what,
            remedy: "choose a smaller number after the #",
        });
    }
    Ok(idx.elements[row * expected.pixels()..(row + 1) * expected.pixels()].to_vec())
}

fn png_failed(path: &Path, error: DecodingError) -> DataError {
    damaged(path, format!("PNG: {error}"))
}

fn damaged(path: &Path, what: String) -> DataError {
    DataError::Corrupt { path: path.to_path_buf(), what, remedy: "save or copy the picture again" }
}

/// A decoder with room for a picture of `pixels` pixels.
fn png_decoder(bytes: &[u8], pixels: usize) -> Decoder<Cursor<&[u8]>> {
    let room = PNG_ROOM.saturating_add(pixels.saturating_mul(8));
    let mut decoder = Decoder::new_with_limits(Cursor::new(bytes), Limits { bytes: room });
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    decoder.set_transformations(Transformations::EXPAND | Transformations::STRIP_16);
    decoder
}

fn read_png(path: &Path, bytes: &[u8], expected: ImageShape, row: &mut [u8]) -> Result<(), DataError> {
    let failed = |error: DecodingError| png_failed(path, error);
    let mut decoder = png_decoder(bytes, expected.pixels());
    let header = decoder.read_header_info().map_err(failed)?;
    let has = ImageShape {
        height: header.height as usize,
        width: header.width as usize,
        channels: expected.channels,
    };
    if has != expected {
        return Err(wrong_size(path, has, expected));
    }
    let mut reader = decoder.read_info().map_err(failed)?;
    // eight bits and at most four samples a pixel, after the transformations
    let mut samples = vec![0; has.height * has.width * 4];
    let frame = reader.next_frame(&mut samples).map_err(failed)?;
    reader.finish().map_err(failed)?;
    let each = frame.color_type.samples();
    let pixels =
        samples[..has.height * has.width * each].chunks_exact(each).map(|p| rgba(frame.color_type, p));
    planes(pixels, row, expected.channels);
    Ok(())
}

type Jpeg<'a> = JpegDecoder<ZCursor<&'a [u8]>>;

/// A decoder that has read the header, and what that says.
fn jpeg_header<'a>(path: &Path, bytes: &'a [u8]) -> Result<(Jpeg<'a>, ImageShape), DataError> {
    let mut decoder = JpegDecoder::new(ZCursor::new(bytes));
    decoder.decode_headers().map_err(|error| damaged(path, format!("JPEG: {error}")))?;
    let Some(info) = decoder.info() else { return Err(damaged(path, "JPEG: no header".into())) };
    let channels = if info.components == 1 { 1 } else { 3 };
    let shape = ImageShape { height: info.height.into(), width: info.width.into(), channels };
    Ok((decoder, shape))
}

fn read_jpeg(path: &Path, bytes: &[u8], expected: ImageShape, row: &mut [u8]) -> Result<(), DataError> {
    let (mut decoder, shape) = jpeg_header(path, bytes)?;
    let has = ImageShape { channels: expected.channels, ..shape };
    if has != expected {
        return Err(wrong_size(path, has, expected));
    }
    let grey = shape.channels == 1;
    let space = if grey { ColorSpace::Luma } else { ColorSpace::RGB };
    decoder.set_options(DecoderOptions::default().jpeg_set_out_colorspace(space));
    let samples = decoder.decode().map_err(|error| damaged(path, format!("JPEG: {error}")))?;
    if samples.len() != shape.pixels() {
        return Err(damaged(path, format!("JPEG: {} samples of {}", samples.len(), shape.pixels())));
    }
    let pixel = |p: &[u8]| if grey { [p[0], p[0], p[0], 255] } else { [p[0], p[1], p[2], 255] };
    planes(samples.chunks_exact(shape.channels).map(pixel), row, expected.channels);
    Ok(())
}

/// One pixel of eight bits a sample as red, green, blue, alpha.
fn rgba(colour: ColorType, sample: &[u8]) -> [u8; 4] {
    match (colour, sample) {
        (ColorType::Grayscale, &[grey]) => [grey, grey, grey, 255],
        (ColorType::GrayscaleAlpha, &[grey, alpha]) => [grey, grey, grey, alpha],
        (ColorType::Rgb, &[r, g, b]) => [r, g, b, 255],
        (ColorType::Rgba, &[r, g, b, a]) => [r, g, b, a],
        _ => unreachable!("palettes are expanded, and the samples of a pixel are counted by its colour type"),
    }
}

/// Lays pixels over black and writes them into `row` channel by channel: one channel of luma (ITU-R BT.601), or three of
/// colour.
fn planes(pixels: impl Iterator<Item = [u8; 4]>, row: &mut [u8], channels: usize) {
    let over_black = |[r, g, b, a]: [u8; 4]| {
        if a == 255 {
            [r, g, b]
        } else {
            [r, g, b].map(|c| ((u32::from(c) * u32::from(a) + 127) / 255) as u8)
        }
    };
    let luma = |[r, g, b]: [u8; 3]| {
        ((299 * u32::from(r) + 587 * u32::from(g) + 114 * u32::from(b) + 500) / 1000) as u8
    };
    let plane = row.len() / channels;
    for (at, pixel) in pixels.take(plane).map(over_black).enumerate() {
        if channels == 1 {
            row[at] = luma(pixel);
        } else {
            (0..channels).for_each(|channel| row[channel * plane + at] = pixel[channel % 3]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transparency_lies_over_black_and_colour_becomes_luma() {
        let written = |pixels: &[[u8; 4]], channels| {
            let mut row = vec![0; pixels.len() * channels];
            planes(pixels.iter().copied(), &mut row, channels);
            row
        };
        let grey = |pixel| written(&[pixel], 1)[0];
        let cases = [
            ([255, 255, 255, 255], 255),
            ([255, 255, 255, 0], 0),
            ([200, 200, 200, 128], 100), // 200 · 128 / 255 = 100.4
            ([255, 0, 0, 255], 76),      // 0.299 · 255 = 76.2
            ([0, 255, 0, 255], 150),     // 0.587 · 255 = 149.7
            ([0, 0, 255, 255], 29),      // 0.114 · 255 = 29.1
        ];
        for (pixel, luma) in cases {
            assert_eq!(grey(pixel), luma, "{pixel:?}");
        }
        assert_eq!(written(&[[1, 2, 3, 255], [4, 5, 6, 255]], 3), [1, 4, 2, 5, 3, 6]);
    }
}
