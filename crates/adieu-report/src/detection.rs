//! How well scores tell anomalies from the rest, whatever the threshold: the area under the ROC curve, and average
//! precision.
//!
//! A high score says "anomaly". Rows of one score cannot be told apart, so they count together: in the area a pair of them
//! is half right (Mann and Whitney 1947), in the precision they are found at once.

/// The chance that an anomaly drawn at random scores above another row, from 0 to 1; 0.5 is guessing.
///
/// `scores` and `anomalous`: `[n]`. `None` if all rows or none are anomalous, or a score is NaN.
///
/// # Panics
/// If there are not as many scores as rows.
pub fn auroc(scores: &[f64], anomalous: &[bool]) -> Option<f64> {
    let ranked = Ranked::of(scores, anomalous)?;
    let (mut below, mut right) = (0.0, 0.0);
    // from the lowest score
    for (anomalies, others) in ranked.groups.iter().rev() {
        right += anomalies * (below + others / 2.0);
        below += others;
    }
    Some(right / (ranked.anomalies * ranked.others))
}

/// Precision averaged over the anomalies as the threshold comes down, from above 0 to 1: Σ (Rᵢ − Rᵢ₋₁) Pᵢ over the
/// distinct scores, R the recall and P the precision of all rows that score at least so. Guessing gives the share of
/// anomalies.
///
/// `scores` and `anomalous`: `[n]`. `None` if all rows or none are anomalous, or a score is NaN.
///
/// # Panics
/// If there are not as many scores as rows.
pub fn average_precision(scores: &[f64], anomalous: &[bool]) -> Option<f64> {
    let ranked = Ranked::of(scores, anomalous)?;
    let (mut found, mut taken, mut sum) = (0.0, 0.0, 0.0);
    for (anomalies, others) in &ranked.groups {
        found += anomalies;
        taken += anomalies + others;
        sum += anomalies * found / taken;
    }
    Some(sum / ranked.anomalies)
}

/// Anomalies and other rows of each distinct score, the highest first.
struct Ranked {
    groups: Vec<(f64, f64)>,
    anomalies: f64,
    others: f64,
}

impl Ranked {
    fn of(scores: &[f64], anomalous: &[bool]) -> Option<Ranked> {
        assert_eq!(scores.len(), anomalous.len(), "a score a row");
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
        let (mut groups, mut last) = (Vec::<(f64, f64)>::new(), None);
        for row in order {
            // -0 and 0 are one score
            if last != Some(scores[row]) {
                groups.push((0.0, 0.0));
                last = Some(scores[row]);
            }
            let group = groups.last_mut()?;
            if anomalous[row] { group.0 += 1.0 } else { group.1 += 1.0 }
        }
        let anomalies: f64 = groups.iter().map(|group| group.0).sum();
        let others: f64 = groups.iter().map(|group| group.1).sum();
        let known = anomalies > 0.0 && others > 0.0 && !scores.iter().any(|score| score.is_nan());
        known.then_some(Ranked { groups, anomalies, others })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answers() {
        // scores, anomalies, area, average precision; worked out by hand
        let cases: [(&[f64], &[u8], f64, f64); 8] = [
            (&[0.9, 0.8, 0.2, 0.1], &[1, 1, 0, 0], 1.0, 1.0),
            (&[0.1, 0.2, 0.8, 0.9], &[1, 1, 0, 0], 0.0, (1.0 / 3.0 + 0.5) / 2.0),
            // one of four pairs is wrong; found as first and third
            (&[0.1, 0.4, 0.35, 0.8], &[0, 0, 1, 1], 0.75, (1.0 + 2.0 / 3.0) / 2.0),
            // all alike: half of every pair, and all are found at once
            (&[3.0, 3.0, 3.0, 3.0], &[1, 0, 0, 0], 0.5, 0.25),
            (&[2.0, 1.0, 1.0, 0.0], &[1, 1, 0, 0], 0.875, (1.0 + 2.0 / 3.0) / 2.0),
            (&[0.0, -0.0], &[1, 0], 0.5, 0.5),
            (&[f64::INFINITY, 0.0, f64::NEG_INFINITY], &[1, 0, 1], 0.5, (1.0 + 2.0 / 3.0) / 2.0),
            (&[5.0, 4.0, 3.0, 2.0, 1.0], &[0, 1, 0, 1, 0], 0.5, 0.5),
        ];
        for (scores, anomalous, area, precision) in cases {
            let anomalous: Vec<bool> = anomalous.iter().map(|a| *a == 1).collect();
            for rotation in 0..scores.len() {
                let (mut scores, mut anomalous) = (scores.to_vec(), anomalous.clone());
                scores.rotate_left(rotation);
                anomalous.rotate_left(rotation);
                let found = (auroc(&scores, &anomalous), average_precision(&scores, &anomalous));
                let near =
                    |found: Option<f64>, wanted: f64| found.is_some_and(|f| (f - wanted).abs() < 1e-12);
                assert!(near(found.0, area) && near(found.1, precision), "{scores:?}: {found:?}");
            }
        }
    }

    #[test]
    fn what_cannot_be_known_is_none() {
        for (scores, anomalous) in [
            (&[][..], &[][..]),
            (&[1.0, 2.0], &[true, true]),
            (&[1.0, 2.0], &[false, false]),
            (&[1.0, f64::NAN], &[true, false]),
        ] {
            assert_eq!(auroc(scores, anomalous), None, "{scores:?}");
            assert_eq!(average_precision(scores, anomalous), None, "{scores:?}");
        }
    }
}
