//! What a sequence can be guessed by without a network: counts of training rows, judged on test rows.

use crate::rows::{Dataset, Rows};

/// Share of test rows guessed right, each from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Baselines {
    /// Always the likeliest symbol.
    pub unigram: f64,
    /// The symbol that most often follows the last one shown.
    pub bigram: f64,
}

/// The baselines of a dataset of sequences: lines of one symbol each, one-hot, whose classes are the symbols; `None` for
/// any other. Symbols that never end a training row go on with the likeliest one; of equals the first is taken.
pub fn baselines(data: &Dataset) -> Option<Baselines> {
    let classes = data.info.classes.len();
    if data.info.image.channels != 1 || data.info.image.width != classes || data.test.is_empty() {
        return None;
    }
    let (mut alone, mut after) = (vec![0_u32; classes], vec![vec![0_u32; classes]; classes]);
    for row in 0..data.train.len() {
        let next = usize::from(data.train.label(row));
        alone[next] += 1;
        after[last_symbol(&data.train, row, classes)?][next] += 1;
    }
    let most = |counts: &[u32]| (0..classes).rev().max_by_key(|class| counts[*class]).unwrap_or(0);
    let likeliest = most(&alone);
    let (mut unigram, mut bigram) = (0, 0);
    for row in 0..data.test.len() {
        let next = usize::from(data.test.label(row));
        let seen = &after[last_symbol(&data.test, row, classes)?];
        let guess = if seen.iter().any(|count| *count > 0) { most(seen) } else { likeliest };
        unigram += usize::from(likeliest == next);
        bigram += usize::from(guess == next);
    }
    let share = |right: usize| right as f64 / data.test.len() as f64;
    Some(Baselines { unigram: share(unigram), bigram: share(bigram) })
}

/// The symbol of a row's last line; `None` if that is not one-hot.
fn last_symbol(rows: &Rows, row: usize, classes: usize) -> Option<usize> {
    let line = &rows.picture(row)?[rows.width() - classes..];
    let lit = line.iter().position(|pixel| *pixel > 0)?;
    (line[lit] == 255 && line[lit + 1..].iter().all(|pixel| *pixel == 0)).then_some(lit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::ImageShape;

    /// Windows of one symbol of three, and what follows.
    fn pairs(pairs: &[(u8, u8)]) -> Rows {
        let pixels =
            pairs.iter().flat_map(|(shown, _)| (0..3).map(move |s| if s == *shown { 255 } else { 0 }));
        Rows::new(pixels.collect(), pairs.iter().map(|(_, next)| *next).collect(), 3)
    }

    #[test]
    fn guesses_are_counted_on_training_rows_and_judged_on_test_rows() {
        let mut data = crate::load("fables", None).unwrap();
        data.info.classes.truncate(3);
        data.info.image = ImageShape { height: 1, width: 3, channels: 1 };
        // Likeliest: 1. After 0 comes 1, after 1 comes 2, of 2 nothing is known.
        data.train = pairs(&[(0, 1), (0, 1), (0, 0), (1, 2), (1, 2), (1, 1)]);
        data.test = pairs(&[(0, 1), (1, 2), (1, 1), (2, 1), (2, 0)]);
        assert_eq!(baselines(&data), Some(Baselines { unigram: 0.6, bigram: 0.6 }));
        data.test = pairs(&[(1, 2), (1, 2), (2, 1), (0, 0)]);
        assert_eq!(baselines(&data), Some(Baselines { unigram: 0.25, bigram: 0.75 }));
        data.train = Rows::new(vec![255, 255, 0], vec![0], 3);
        assert_eq!(baselines(&data), None, "not one-hot");
    }

    #[test]
    fn fables_have_baselines_and_digits_have_none() {
        let fables = baselines(&crate::load("fables", None).unwrap()).unwrap();
        assert!(fables.unigram > 0.15 && fables.bigram > fables.unigram && fables.bigram < 0.4, "{fables:?}");
        assert_eq!(baselines(&crate::load("mnist", None).unwrap()), None);
    }
}
