//! Rows of pixels with their labels, and what is known about them.
//!
//! Pixels stay bytes until they are needed: 60,000 digits take 47 MB as bytes and 188 MB as `f32`.

use std::path::PathBuf;

/// Height, width and channels of one image.
///
/// The columns of a row run channel by channel, line by line: the pixel (channel c, line y, column x) is column
/// (c · height + y) · width + x.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageShape {
    /// Lines, at least 1.
    pub height: usize,
    /// Pixels in a line, at least 1.
    pub width: usize,
    /// 1 for grey, 3 for red, green and blue.
    pub channels: usize,
}

impl ImageShape {
    /// Columns of a row: height · width · channels.
    pub fn pixels(&self) -> usize {
        self.height * self.width * self.channels
    }
}

impl std::fmt::Display for ImageShape {
    /// `28 × 28`, and `× 3` if there are channels.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} × {}", self.height, self.width)?;
        if self.channels != 1 { write!(f, " × {}", self.channels) } else { Ok(()) }
    }
}

/// Labelled images as bytes: `pixels: [n, width]`, `labels: [n]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rows {
    pixels: Vec<u8>,
    labels: Vec<u8>,
    width: usize,
}

impl Rows {
    /// Rows of `width` pixels, one label a row.
    ///
    /// # Panics
    /// If `width` is 0 or `pixels` does not hold `labels.len()` rows.
    pub fn new(pixels: Vec<u8>, labels: Vec<u8>, width: usize) -> Rows {
        assert!(width > 0, "a row has at least one pixel");
        assert_eq!(Some(pixels.len()), labels.len().checked_mul(width), "one label a row of {width} pixels");
        Rows { pixels, labels, width }
    }

    /// Number of rows n.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Pixels in a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The pixels of row `i`: `[width]`, from 0 to 255. Panics unless `i < len()`.
    pub fn row(&self, i: usize) -> &[u8] {
        &self.pixels[i * self.width..(i + 1) * self.width]
    }

    /// The label of row `i`. Panics unless `i < len()`.
    pub fn label(&self, i: usize) -> u8 {
        self.labels[i]
    }

    /// All pixels, row after row: `[n · width]`.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// All labels: `[n]`.
    pub fn all_labels(&self) -> &[u8] {
        &self.labels
    }

    /// Fills `out` with the rows `ids`, each pixel divided by 255: `[ids.len(), width]`, in [0, 1].
    ///
    /// What `out` held before is forgotten, its room is used again. Panics unless every id is below `len()`.
    pub fn gather(&self, ids: &[u32], out: &mut Vec<f32>) {
        out.clear();
        out.reserve(ids.len() * self.width);
        for &id in ids {
            out.extend(self.row(id as usize).iter().map(|&pixel| f32::from(pixel) / 255.0));
        }
    }

    /// The labels of the rows `ids`: `[ids.len()]`. Panics unless every id is below `len()`.
    pub fn labels(&self, ids: &[u32]) -> Vec<u8> {
        ids.iter().map(|&id| self.labels[id as usize]).collect()
    }

    /// Mean and standard deviation of the pixels in [0, 1], over all rows, one pair a channel.
    ///
    /// Sums are of integers, so the result does not depend on their order. Panics unless the channels divide the row.
    pub fn mean_and_deviation(&self, channels: usize) -> Vec<(f64, f64)> {
        assert!(
            channels > 0 && self.width.is_multiple_of(channels),
            "{channels} channels in {} pixels",
            self.width
        );
        let plane = self.width / channels;
        let mut sums = vec![(0_u64, 0_u64); channels];
        for row in self.pixels.chunks_exact(self.width) {
            for (sum, part) in sums.iter_mut().zip(row.chunks_exact(plane)) {
                // 2¹⁶ squares of bytes fit in 32 bits, which are summed several at a time
                for run in part.chunks(1 << 16) {
                    sum.0 += u64::from(run.iter().map(|&p| u32::from(p)).sum::<u32>());
                    sum.1 += u64::from(run.iter().map(|&p| u32::from(p) * u32::from(p)).sum::<u32>());
                }
            }
        }
        let n = (self.len() * plane).max(1) as f64;
        sums.into_iter()
            .map(|(sum, squares)| {
                let mean = sum as f64 / n;
                (mean / 255.0, (squares as f64 / n - mean * mean).max(0.0).sqrt() / 255.0)
            })
            .collect()
    }
}

/// A labelled dataset, as its makers divided it.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// Name, licence, classes, statistics.
    pub info: Info,
    /// The whole training file, the rows for validation included: see [`split`](crate::split).
    pub train: Rows,
    /// The test file.
    pub test: Rows,
}

/// What is known about a dataset beside its rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Info {
    /// Its name; of a folder, the folder's name.
    pub name: String,
    /// Where the rows came from.
    pub origin: Origin,
    /// Its licence.
    pub licence: String,
    /// Whom to cite.
    pub citation: String,
    /// The classes' names: label y is `classes[y]`. Between 2 and 256.
    pub classes: Vec<String>,
    /// The shape of an image; its pixels are the width of a row.
    pub image: ImageShape,
    /// Mean of the training pixels in [0, 1], one a channel.
    pub mean: Vec<f64>,
    /// Standard deviation of the training pixels in [0, 1], one a channel.
    pub deviation: Vec<f64>,
    /// The files read, with their checksums.
    pub files: Vec<FileSum>,
}

/// Where rows came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The program itself.
    Bundled,
    /// Files in this folder.
    Folder(PathBuf),
}

/// The checksum of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSum {
    /// The file's name.
    pub name: String,
    /// Uncompressed bytes.
    pub bytes: u64,
    /// CRC-32 (ISO-HDLC, as in gzip and zip) of the uncompressed bytes.
    pub crc32: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Rows {
        Rows::new(vec![0, 255, 51, 102, 1, 254], vec![7, 3, 9], 2)
    }

    #[test]
    fn gather_scales_to_one_and_forgets_what_was_there() {
        let mut out = vec![9.0; 100];
        rows().gather(&[2, 0, 2], &mut out);
        assert_eq!(out, [1.0 / 255.0, 254.0 / 255.0, 0.0, 1.0, 1.0 / 255.0, 254.0 / 255.0]);
        rows().gather(&[], &mut out);
        assert!(out.is_empty());
        assert_eq!(rows().labels(&[2, 0, 2]), [9, 7, 9]);
        assert_eq!((rows().len(), rows().row(1), rows().label(1)), (3, &[51, 102][..], 3));
    }

    #[test]
    fn mean_and_deviation_of_each_channel() {
        let two = rows().mean_and_deviation(2);
        for (found, values) in two.iter().zip([[0.0, 51.0, 1.0], [255.0, 102.0, 254.0]]) {
            let mean = values.iter().sum::<f64>() / 3.0 / 255.0;
            let variance = values.iter().map(|v| (v / 255.0 - mean).powi(2)).sum::<f64>() / 3.0;
            assert!((found.0 - mean).abs() < 1e-12 && (found.1 - variance.sqrt()).abs() < 1e-12, "{found:?}");
        }
        // a constant image, larger than a partial sum
        let white = Rows::new(vec![255; 200_000], vec![0], 200_000).mean_and_deviation(1);
        assert_eq!(white, [(1.0, 0.0)]);
    }

    #[test]
    #[should_panic(expected = "one label a row")]
    fn rows_refuse_pixels_without_a_label() {
        let _ = Rows::new(vec![0; 5], vec![1, 2], 2);
    }
}
