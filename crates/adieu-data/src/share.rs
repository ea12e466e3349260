//! Rows in an order where every stretch holds each class in its share, and a sixth of them to test where the files do
//! not say which.

use crate::chance::Chance;
use crate::how::How;
use crate::rows::Rows;

/// An order of the rows with these labels, each class spread evenly over it: by `chance` within a class if there is
/// one, else as they came.
pub(crate) fn spread(labels: &[u8], chance: Option<&mut Chance>) -> Vec<u32> {
    let order =
        chance.map_or_else(|| (0..labels.len() as u32).collect(), |chance| chance.order(labels.len()));
    let (mut counts, mut met) = ([0_u32; 256], [0_u32; 256]);
    labels.iter().for_each(|label| counts[usize::from(*label)] += 1);
    let mut placed: Vec<(f64, u8, u32)> = Vec::with_capacity(labels.len());
    for row in order {
        let label = labels[row as usize];
        let class = usize::from(label);
        placed.push(((f64::from(met[class]) + 0.5) / f64::from(counts[class]), label, row));
        met[class] += 1;
    }
    placed.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    placed.into_iter().map(|(_, _, row)| row).collect()
}

/// Divides an order of the rows with these labels into what trains and what tests: of each class every sixth, of one of
/// two to five rows the last, and of a single row none.
pub(crate) fn sixth(order: &[u32], labels: &[u8]) -> (Vec<u32>, Vec<u32>) {
    let (mut counts, mut met) = ([0_usize; 256], [0_usize; 256]);
    order.iter().for_each(|row| counts[usize::from(labels[*row as usize])] += 1);
    let tests = |row: &u32| {
        let class = usize::from(labels[*row as usize]);
        met[class] += 1;
        met[class].is_multiple_of(6) || ((2..6).contains(&counts[class]) && met[class] == counts[class])
    };
    let (test, train) = order.iter().copied().partition(tests);
    (train, test)
}

/// A note on what tests where the files do not say.
pub(crate) fn drawn(how: &How) -> String {
    let of = if how.labels { "each class" } else { "the rows" };
    format!("a sixth of {of} tests, drawn by seed {}", how.seed)
}

/// Pictures that train and that test, `width` pixels each, of pixels and labels as they were read: those to train are
/// spread, and where none are to `test`, a sixth of each class is drawn by the seed, which `notes` say.
/// Without labels, which are then all 0, the rows are one class.
pub(crate) fn divided(
    width: usize,
    how: &How,
    train: (Vec<u8>, Vec<u8>),
    test: Option<(Vec<u8>, Vec<u8>)>,
    notes: &mut Vec<String>,
) -> (Rows, Rows) {
    let (pixels, labels) = train;
    let pick = |rows: &[u32]| {
        let row = |row: &u32| &pixels[*row as usize * width..(*row as usize + 1) * width];
        let values = rows.iter().flat_map(row).copied().collect();
        Rows::new(values, rows.iter().map(|row| labels[*row as usize]).collect(), width)
    };
    let order = spread(&labels, Some(&mut Chance::new(how.seed, "split")));
    match test {
        Some((pixels, labels)) => (pick(&order), Rows::new(pixels, labels, width)),
        None => {
            notes.push(drawn(how));
            let (trains, tests) = sixth(&order, &labels);
            (pick(&trains), pick(&tests))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stretch_has_each_class_in_its_share_and_so_has_each_part() {
        // sorted by class, as tables often are
        let labels: Vec<u8> = [(0, 120), (1, 60), (2, 60)].iter().flat_map(|(l, n)| vec![*l; *n]).collect();
        let order = spread(&labels, Some(&mut Chance::new(1, "test")));
        let count = |rows: &[u32], class| rows.iter().filter(|row| labels[**row as usize] == class).count();
        for stretch in order.chunks(40) {
            assert!((19..=21).contains(&count(stretch, 0)) && (9..=11).contains(&count(stretch, 1)));
        }
        let (train, test) = sixth(&order, &labels);
        assert_eq!((train.len(), test.len()), (200, 40));
        assert_eq!([0, 1, 2].map(|class| count(&test, class)), [20, 10, 10]);
        let mut all = [train, test].concat();
        all.sort_unstable();
        assert_eq!(all, (0..240).collect::<Vec<u32>>());
        assert_eq!(spread(&[1, 0, 1, 0], None), [1, 0, 3, 2], "as they came");
        assert_eq!(sixth(&[3, 2, 1, 0], &[5, 7, 7, 7]), (vec![3, 2, 0], vec![1]));
    }
}
