//! What a dataset looks like as a whole: rows of each class, the range of values, rows that are there twice.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use crate::rows::{Dataset, Rows};

/// Rows of each of `classes` classes; of none, none.
///
/// # Panics
/// If a label is beyond the classes, unless there are none.
pub fn class_counts(rows: &Rows, classes: usize) -> Vec<u64> {
    let mut counts = vec![0; classes];
    if classes > 0 {
        rows.all_labels().iter().for_each(|label| counts[usize::from(*label)] += 1);
    }
    counts
}

/// Rows that are equal to an earlier one, value for value; labels are not looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Duplicates {
    /// Rows to train that an earlier row to train equals.
    pub train: u64,
    /// Rows to test that an earlier row to test equals.
    pub test: u64,
    /// Rows to test that a row to train equals.
    pub across: u64,
    /// Of all of these, those whose label is not that of the row they equal.
    pub contradicting: u64,
}

/// Finds duplicates by a hash of 64 bits; rows of one hash are compared, so that the counts are exact.
pub fn duplicates(data: &Dataset) -> Duplicates {
    let mut found = Duplicates::default();
    let mut trained = Seen::default();
    let mut tested = Seen::default();
    let mut contradicting = 0;
    let mut differs = |label: u8, rows: &Rows, row: u32| {
        contradicting += u64::from(label != rows.label(row as usize));
    };
    for row in 0..data.train.len() {
        if let Some(first) = trained.meet(&data.train, row) {
            found.train += 1;
            differs(data.train.label(row), &data.train, first);
        }
    }
    for row in 0..data.test.len() {
        let across = trained.find(&data.train, &data.test, row);
        if let Some(first) = across {
            found.across += 1;
            differs(data.test.label(row), &data.train, first);
        }
        if let Some(first) = tested.meet(&data.test, row) {
            found.test += 1;
            if across.is_none() {
                differs(data.test.label(row), &data.test, first);
            }
        }
    }
    Duplicates { contradicting, ..found }
}

/// Rows by their hash: the first of each kind.
#[derive(Default)]
struct Seen(HashMap<u64, Vec<u32>>);

impl Seen {
    /// An earlier row of `rows` that equals `row`, which is remembered if there is none.
    fn meet(&mut self, rows: &Rows, row: usize) -> Option<u32> {
        let place = self.0.entry(hash(rows, row)).or_default();
        let earlier = place.iter().copied().find(|first| same(rows, *first as usize, rows, row));
        if earlier.is_none() {
            place.push(row as u32);
        }
        earlier
    }

    /// The remembered row of `rows` that equals row `row` of `others`.
    fn find(&self, rows: &Rows, others: &Rows, row: usize) -> Option<u32> {
        let place = self.0.get(&hash(others, row))?;
        place.iter().copied().find(|first| same(rows, *first as usize, others, row))
    }
}

fn hash(rows: &Rows, row: usize) -> u64 {
    let mut hasher = DefaultHasher::new();
    match columns(rows, row) {
        Some(values) => values.iter().for_each(|value| value.to_bits().hash(&mut hasher)),
        None => hasher.write(rows.picture(row).unwrap_or_default()),
    }
    hasher.finish()
}

fn same(rows: &Rows, a: usize, others: &Rows, b: usize) -> bool {
    match (columns(rows, a), columns(others, b)) {
        (Some(a), Some(b)) => a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits()),
        (None, None) => rows.picture(a) == others.picture(b),
        _ => false,
    }
}

fn columns(rows: &Rows, row: usize) -> Option<&[f32]> {
    rows.columns().map(|values| &values[row * rows.width()..(row + 1) * rows.width()])
}

/// Lowest and highest value, and the share of values that are 0, from 0 to 1: of pixels as bytes, of a table as read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// The lowest.
    pub low: f32,
    /// The highest.
    pub high: f32,
    /// Share that is 0.
    pub zero: f64,
}

/// The range of all values; `None` if there is no row.
pub fn range(rows: &Rows) -> Option<Range> {
    let of = |values: &mut dyn Iterator<Item = f32>| {
        let (mut low, mut high, mut zeros, mut n) = (f32::INFINITY, f32::NEG_INFINITY, 0_u64, 0_u64);
        for value in values {
            (low, high) = (low.min(value), high.max(value));
            (zeros, n) = (zeros + u64::from(value == 0.0), n + 1);
        }
        (n > 0).then(|| Range { low, high, zero: zeros as f64 / n as f64 })
    };
    match rows.columns() {
        Some(values) => of(&mut values.iter().copied()),
        None => of(&mut rows.bytes().unwrap_or_default().iter().map(|pixel| f32::from(*pixel))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duplicates_are_counted_within_and_across() {
        let mut data = crate::load("patterns", None).unwrap();
        data.train = Rows::new(vec![1, 2, 3, 4, 1, 2, 1, 2], vec![0, 1, 0, 1], 2);
        data.test = Rows::new(vec![1, 2, 9, 9, 9, 9, 1, 2], vec![0, 1, 0, 1], 2);
        let wanted = Duplicates { train: 2, test: 2, across: 2, contradicting: 3 };
        assert_eq!(duplicates(&data), wanted);
        data.train = Rows::reals(vec![0.5, 1.0, 0.5, 1.0], vec![0, 1], 2);
        data.test = Rows::reals(vec![0.5, 1.5], vec![0], 2);
        assert_eq!(duplicates(&data), Duplicates { train: 1, contradicting: 1, ..Duplicates::default() });
        assert_eq!(range(&data.train), Some(Range { low: 0.5, high: 1.0, zero: 0.0 }));
        let pixels = Rows::new(vec![0, 7, 0, 9], vec![0], 4);
        assert_eq!(range(&pixels), Some(Range { low: 0.0, high: 9.0, zero: 0.5 }));
        assert_eq!(range(&Rows::new(vec![], vec![], 4)), None);
        assert_eq!(class_counts(&data.train, 3), [1, 1, 0]);
    }
}
