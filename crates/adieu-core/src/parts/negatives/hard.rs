//! Hard negatives (Hinton 2022, section 3.3): the wrong label is *sampled* from the head's softmax with the true
//! class taken out, so that rows are contrasted with what the network would take them for.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Evidence, NegativesFn};
use crate::parts::chance::Rng;
use crate::parts::host::view;
use crate::parts::objective::log_softmax;

/// Sampled from the head's softmax, true class removed; fresh at every step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Hard {}

impl NegativesFn for Hard {
    fn draw(&self, evidence: &Evidence<'_>, chance: &mut Rng) -> Vec<u8> {
        let logits = view(evidence.logits.expect("hard negatives ask for logits"));
        let rows = logits.chunks_exact(evidence.classes).zip(evidence.labels);
        rows.map(|(row, truth)| sample_wrong(row, *truth, chance.unit_f64())).collect()
    }

    fn needs_logits(&self) -> bool {
        true
    }
}

/// A class drawn from the softmax of `logits`, the true one removed.
pub(in crate::parts) fn sample_wrong(logits: &[f32], truth: u8, draw: f64) -> u8 {
    let wrong: Vec<u8> = (0..logits.len() as u8).filter(|class| *class != truth).collect();
    sample_among(&wrong, logits, draw)
}

/// A class drawn from the softmax of `logits`: that at which the cumulative softmax passes `draw`, in [0, 1).
///
/// # Panics
/// If there are no logits.
pub fn sample(logits: &[f32], draw: f64) -> u8 {
    sample_among(&(0..logits.len() as u8).collect::<Vec<_>>(), logits, draw)
}

/// The class of `some` at which the cumulative softmax of their `logits` passes `draw` in [0, 1). Rounding can leave the
/// sum below the draw; the likeliest is taken then, so there always is one.
fn sample_among(some: &[u8], logits: &[f32], draw: f64) -> u8 {
    let log_p = log_softmax(&some.iter().map(|class| logits[usize::from(*class)]).collect::<Vec<_>>());
    let mut left = draw;
    for (class, log_p) in some.iter().zip(&log_p) {
        left -= log_p.exp();
        if left < 0.0 {
            return *class;
        }
    }
    let likeliest = (0..some.len()).max_by(|a, b| log_p[*a].total_cmp(&log_p[*b]));
    some[likeliest.expect("there are classes")]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parts::chance::Purpose;

    #[test]
    fn wrong_labels_come_as_often_as_the_softmax_says() {
        // Truth 1 is overwhelming, yet never drawn; the others are e⁰ : e¹ : e².
        let logits = [0.0, 90.0, 1.0, 2.0];
        let mut rng = Rng::stream(3, Purpose::Probe, 0);
        let mut counts = [0.0f64; 4];
        (0..100_000).for_each(|_| counts[usize::from(sample_wrong(&logits, 1, rng.unit_f64()))] += 1e-5);
        let sum = 1.0 + 1f64.exp() + 2f64.exp();
        let want = [1.0 / sum, 0.0, 1f64.exp() / sum, 2f64.exp() / sum];
        assert!(counts.iter().zip(want).all(|(c, w)| (c - w).abs() < 0.01), "{counts:?} vs {want:?}");
    }

    #[test]
    fn a_draw_at_the_very_end_still_gives_a_wrong_label() {
        assert_eq!(sample_wrong(&[0.1, 0.3, 0.2], 1, 1.0), 2);
        assert_eq!(sample_wrong(&[0.0, 0.0], 0, 1.0 - 1e-17), 1);
    }
}
