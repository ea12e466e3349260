//! Every value of one key against every other, by pairs of runs that differ in nothing else.
//!
//! ```text
//! dᵢ        error of a − error of b, over the seeds, and over the values of all other keys
//! p         two-sided, Student's t with n − 1 degrees of freedom on d̄ / (s / √n)
//! Holm      p₍ᵢ₎ ← max over j ≤ i of min(1, (m + 1 − j) p₍ⱼ₎), p rising, over the m pairs (Holm 1979)
//! ```

use serde::{Deserialize, Serialize};

use super::{StepSummary, SweepSummary};
use crate::stats::{Estimate, LEVEL};

/// Comparisons of the values of one key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pairs {
    /// What is compared, and where: `learner.goodness.kind with relu`.
    pub title: String,
    /// Every pair, in order.
    pub pairs: Vec<Pair>,
}

/// One value against another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pair {
    /// One value.
    pub a: String,
    /// The other.
    pub b: String,
    /// Test error of `a` minus that of `b`.
    pub difference: Option<Estimate>,
    /// Two-sided p-value; `None` below two pairs.
    pub p: Option<f64>,
    /// The same, corrected for the number of pairs.
    pub holm: Option<f64>,
}

impl Pair {
    /// In words: which errs less, or that the evidence does not tell them apart.
    pub fn verdict(&self) -> &'static str {
        match (self.difference, self.holm) {
            (Some(d), Some(p)) if p < 1.0 - LEVEL => {
                if d.mean < 0.0 {
                    "a errs less"
                } else {
                    "b errs less"
                }
            }
            (_, Some(_)) => "not distinguishable",
            _ => "too few seeds",
        }
    }
}

impl SweepSummary {
    /// Compares the groups of steps, `(value, steps that have it)`: the k-th step of one with the k-th of another.
    pub fn compare(&self, title: &str, groups: &[(String, Vec<usize>)]) -> Pairs {
        let mut pairs = Vec::new();
        for (i, (a, of_a)) in groups.iter().enumerate() {
            for (b, of_b) in &groups[i + 1..] {
                let step = |i: &usize| -> &StepSummary { &self.steps[*i] };
                let errors: Vec<(f64, f64)> =
                    of_a.iter().zip(of_b).flat_map(|(x, y)| step(x).paired(step(y))).collect();
                let difference = Estimate::of_differences(&errors);
                let p = difference.and_then(|d| d.p_value());
                pairs.push(Pair { a: a.clone(), b: b.clone(), difference, p, holm: None });
            }
        }
        let corrected = holm(&pairs.iter().filter_map(|pair| pair.p).collect::<Vec<_>>());
        for (pair, holm) in pairs.iter_mut().filter(|pair| pair.p.is_some()).zip(corrected) {
            pair.holm = Some(holm);
        }
        Pairs { title: title.into(), pairs }
    }
}

/// p-values corrected for their number, in the order given.
fn holm(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let (mut corrected, mut highest) = (vec![0.0; values.len()], 0.0_f64);
    for (rank, &i) in order.iter().enumerate() {
        highest = highest.max(((values.len() - rank) as f64 * values[i]).min(1.0));
        corrected[i] = highest;
    }
    corrected
}

#[cfg(test)]
mod tests {
    use super::super::Layout;
    use super::super::tests::sweep;
    use super::*;

    #[test]
    fn holm_is_as_published() {
        // By hand: 0.01 · 4, 0.02 · 3 = 0.06, 0.03 · 2 = 0.06, 0.8 · 1; what falls is held up.
        let corrected = holm(&[0.03, 0.8, 0.01, 0.02]);
        let expected = [0.06, 0.8, 0.04, 0.06];
        assert!(corrected.iter().zip(expected).all(|(c, e)| (c - e).abs() < 1e-12), "{corrected:?}");
        assert_eq!(holm(&[0.9, 0.7]), [1.0, 1.0]);
    }

    #[test]
    fn values_meet_each_other_once_and_a_value_without_a_finished_run_meets_nobody() {
        let grid = sweep(Layout::Grid(vec!["learner.kind".into()]));
        let groups: Vec<(String, Vec<usize>)> =
            ["ff", "bp", "mad"].iter().enumerate().map(|(i, name)| (name.to_string(), vec![i])).collect();
        let found = grid.compare("kinds", &groups).pairs;
        assert_eq!(found.len(), 3);
        assert_eq!(found[0].difference.map(|d| d.n), Some(3));
        // Two of the three pairs have no run: one p, which its correction leaves alone.
        assert!(found[0].p.is_some() && found[0].p == found[0].holm);
        assert_eq!((found[1].p, found[1].verdict()), (None, "too few seeds"));
    }
}
