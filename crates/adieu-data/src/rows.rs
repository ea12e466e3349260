//! Rows of pixels, or of the columns of a table, with their labels, and what is known about them.
//!
//! Pixels stay bytes until they are needed: 60,000 digits take 47 MB as bytes and 188 MB as `f32`. Columns of a table are
//! kept as the `f32` they were read as, and standardised when they are needed, here and nowhere else.

use std::path::PathBuf;
use std::sync::Arc;

use crate::how::Skipped;

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

/// Images as bytes, each with its label, or rows of a table as reals: `values: [n, width]`, `labels: [n]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Rows {
    values: Values,
    labels: Vec<u8>,
    width: usize,
}

#[derive(Debug, Clone, PartialEq)]
enum Values {
    Bytes(Vec<u8>),
    /// As read, and the mean and the factor of each column that [`Rows::gather`] applies.
    Reals(Vec<f32>, Arc<[(f32, f32)]>),
}

impl Rows {
    /// Rows of `width` pixels, one label a row.
    ///
    /// # Panics
    /// If `width` is 0 or `pixels` does not hold `labels.len()` rows.
    pub fn new(pixels: Vec<u8>, labels: Vec<u8>, width: usize) -> Rows {
        Rows::of(pixels.len(), Values::Bytes(pixels), labels, width)
    }

    /// Rows of `width` columns of a table, finite numbers, one label a row; not standardised yet.
    ///
    /// # Panics
    /// If `width` is 0 or `values` does not hold `labels.len()` rows.
    pub fn reals(values: Vec<f32>, labels: Vec<u8>, width: usize) -> Rows {
        let plain = vec![(0.0, 1.0); width].into();
        Rows::of(values.len(), Values::Reals(values, plain), labels, width)
    }

    fn of(held: usize, values: Values, labels: Vec<u8>, width: usize) -> Rows {
        assert!(width > 0, "a row has at least one pixel");
        assert_eq!(Some(held), labels.len().checked_mul(width), "one label a row of {width} pixels");
        Rows { values, labels, width }
    }

    /// The same rows, whose columns [`Rows::gather`] brings to mean 0 and deviation 1, given those of each; a column
    /// that is constant becomes 0. Pixels stay as they are.
    #[must_use]
    pub fn standardised(mut self, statistics: &[(f64, f64)]) -> Rows {
        if let Values::Reals(_, scale) = &mut self.values {
            assert_eq!(statistics.len(), self.width, "a mean and a deviation a column");
            let factor = |deviation: f64| if deviation > 0.0 { 1.0 / deviation } else { 0.0 };
            *scale = statistics.iter().map(|(mean, d)| (*mean as f32, factor(*d) as f32)).collect();
        }
        self
    }

    /// The same rows under other labels.
    #[must_use]
    pub(crate) fn relabelled(mut self, label: impl Fn(u8) -> u8) -> Rows {
        self.labels.iter_mut().for_each(|old| *old = label(*old));
        self
    }

    /// The rows `ids` alone, in that order. Panics unless every id is below `len()`.
    pub(crate) fn picked(&self, ids: &[u32]) -> Rows {
        fn rows<T: Copy>(values: &[T], width: usize, ids: &[u32]) -> Vec<T> {
            let row = |id: &u32| &values[*id as usize * width..(*id as usize + 1) * width];
            ids.iter().flat_map(row).copied().collect()
        }
        let values = match &self.values {
            Values::Bytes(pixels) => Values::Bytes(rows(pixels, self.width, ids)),
            Values::Reals(values, scale) => Values::Reals(rows(values, self.width, ids), Arc::clone(scale)),
        };
        Rows { values, labels: self.labels(ids), width: self.width }
    }

    /// Whether rows are the columns of a table, not pixels.
    pub fn is_real(&self) -> bool {
        matches!(self.values, Values::Reals(..))
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

    /// The pixels of row `i`: `[width]`, from 0 to 255. Panics unless `i < len()`, and of a table: see
    /// [`Rows::picture`].
    pub fn row(&self, i: usize) -> &[u8] {
        &self.pixels()[i * self.width..(i + 1) * self.width]
    }

    /// The label of row `i`. Panics unless `i < len()`.
    pub fn label(&self, i: usize) -> u8 {
        self.labels[i]
    }

    /// The pixels of row `i`: `[width]`, from 0 to 255; `None` of a table, and unless `i < len()`.
    pub fn picture(&self, i: usize) -> Option<&[u8]> {
        self.bytes()?.chunks_exact(self.width).nth(i)
    }

    /// All pixels, row after row: `[n · width]`. Panics of a table: see [`Rows::bytes`].
    pub fn pixels(&self) -> &[u8] {
        match self.bytes() {
            Some(pixels) => pixels,
            None => panic!("the rows of a table have no pixels"),
        }
    }

    /// All pixels, row after row: `[n · width]`; `None` of a table.
    pub fn bytes(&self) -> Option<&[u8]> {
        match &self.values {
            Values::Bytes(pixels) => Some(pixels),
            Values::Reals(..) => None,
        }
    }

    /// All columns of a table as they were read, row after row: `[n · width]`; `None` of pixels.
    pub fn columns(&self) -> Option<&[f32]> {
        match &self.values {
            Values::Bytes(_) => None,
            Values::Reals(values, _) => Some(values),
        }
    }

    /// Bytes that the rows and their labels take in memory.
    pub fn held_bytes(&self) -> usize {
        let values = match &self.values {
            Values::Bytes(pixels) => pixels.len(),
            Values::Reals(values, _) => size_of_val(values.as_slice()),
        };
        values + self.labels.len()
    }

    /// All labels: `[n]`.
    pub fn all_labels(&self) -> &[u8] {
        &self.labels
    }

    /// Fills `out` with the rows `ids`: `[ids.len(), width]`, each pixel divided by 255, in [0, 1], or each column of a
    /// table standardised.
    ///
    /// What `out` held before is forgotten, its room is used again. Panics unless every id is below `len()`.
    pub fn gather(&self, ids: &[u32], out: &mut Vec<f32>) {
        out.clear();
        out.reserve(ids.len() * self.width);
        for &id in ids {
            let row = id as usize * self.width..(id as usize + 1) * self.width;
            match &self.values {
                Values::Bytes(pixels) => {
                    out.extend(pixels[row].iter().map(|&pixel| f32::from(pixel) / 255.0));
                }
                Values::Reals(values, scale) => {
                    let pairs = values[row].iter().zip(scale.iter());
                    out.extend(pairs.map(|(value, (mean, factor))| (value - mean) * factor));
                }
            }
        }
    }

    /// The labels of the rows `ids`: `[ids.len()]`. Panics unless every id is below `len()`.
    pub fn labels(&self, ids: &[u32]) -> Vec<u8> {
        ids.iter().map(|&id| self.labels[id as usize]).collect()
    }

    /// Mean and standard deviation over all rows: of the pixels in [0, 1], one pair a channel; of a table, one a column.
    ///
    /// Sums of pixels are of integers, so the result does not depend on their order. Panics unless the channels divide
    /// the row.
    pub fn mean_and_deviation(&self, channels: usize) -> Vec<(f64, f64)> {
        assert!(
            channels > 0 && self.width.is_multiple_of(channels),
            "{channels} channels in {} pixels",
            self.width
        );
        let pixels = match &self.values {
            Values::Bytes(pixels) => pixels,
            Values::Reals(values, _) => return column_statistics(values, self.width),
        };
        let plane = self.width / channels;
        let mut sums = vec![(0_u64, 0_u64); channels];
        for row in pixels.chunks_exact(self.width) {
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

/// Mean and standard deviation of each of `width` columns, in two passes.
fn column_statistics(values: &[f32], width: usize) -> Vec<(f64, f64)> {
    let n = (values.len() / width).max(1) as f64;
    let column = |c: usize| values.iter().skip(c).step_by(width).map(|v| f64::from(*v));
    (0..width)
        .map(|c| {
            let mean = column(c).sum::<f64>() / n;
            (mean, (column(c).map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt())
        })
        .collect()
}

/// A dataset, as its makers divided it.
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
    /// The classes' names: label y is `classes[y]`. Between 2 and 256; none of data without labels, whose labels are all 0.
    pub classes: Vec<String>,
    /// The shape of an image; its pixels are the width of a row. Of a table, one line.
    pub image: ImageShape,
    /// Names of the columns of a table; none of images.
    pub columns: Vec<String>,
    /// Mean of the training pixels in [0, 1], one a channel; of a table, one a column, as read.
    pub mean: Vec<f64>,
    /// Standard deviation of the same.
    pub deviation: Vec<f64>,
    /// The files read, with their checksums.
    pub files: Vec<FileSum>,
    /// Rows that were left out.
    pub skipped: Skipped,
    /// What was decided in reading that the files do not say, and what is odd about them; a sentence each.
    pub notes: Vec<String>,
}

/// Where rows came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The program itself.
    Bundled,
    /// Files in this folder, or this file.
    Folder(PathBuf),
    /// Made by the program, by this seed.
    Generated {
        /// The seed.
        seed: u64,
    },
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Origin::Bundled => write!(f, "bundled"),
            Origin::Folder(folder) => write!(f, "{}", folder.display()),
            Origin::Generated { seed } => write!(f, "generated, seed {seed}"),
        }
    }
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
        assert_eq!((rows().picture(2), rows().picture(3)), (Some(&[1, 254][..]), None));
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
    fn a_table_is_standardised_by_the_rows_that_train() {
        let table = Rows::reals(vec![1.0, 5.0, 3.0, 5.0, 8.0, 5.0], vec![0, 1, 1], 2);
        let statistics = table.mean_and_deviation(1);
        let deviation = (26.0_f64 / 3.0).sqrt();
        assert!((statistics[0].0 - 4.0).abs() < 1e-12 && (statistics[0].1 - deviation).abs() < 1e-12);
        assert_eq!(statistics[1], (5.0, 0.0));
        let (mut out, test) = (Vec::new(), Rows::reals(vec![4.0, 9.0], vec![1], 2).standardised(&statistics));
        table.gather(&[1], &mut out);
        assert_eq!(out, [3.0, 5.0], "as read until it is standardised");
        table.standardised(&statistics).gather(&[2, 0], &mut out);
        let unit = |value: f64| ((value - 4.0) / deviation) as f32;
        assert!((out[0] - unit(8.0)).abs() < 1e-6 && (out[2] - unit(1.0)).abs() < 1e-6, "{out:?}");
        assert_eq!((out[1], out[3]), (0.0, 0.0), "a constant column");
        test.gather(&[0], &mut out);
        assert_eq!(out, [0.0, 0.0], "by the training rows, not its own");
        assert!(test.is_real() && test.columns() == Some(&[4.0, 9.0]) && test.held_bytes() == 9);
        assert!(test.bytes().is_none() && test.picture(0).is_none());
    }

    #[test]
    #[should_panic(expected = "one label a row")]
    fn rows_refuse_pixels_without_a_label() {
        let _ = Rows::new(vec![0; 5], vec![1, 2], 2);
    }
}
