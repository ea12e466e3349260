//! Softmax cross-entropy, with optional label smoothing (Szegedy et al. 2015, arXiv:1512.00567).
//!
//! ```text
//! p = softmax(z)        q_k = (1 − s) [k = y] + s/K
//! L = −(1/B) Σ_b Σ_k q_k log p_k        ∂L/∂z_k = (p_k − q_k) / B
//! ```

use crate::Tensor;
use crate::parts::host::{matrix, view};

/// See the module.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CrossEntropy {
    /// s in [0, 1).
    pub label_smoothing: f64,
}

impl CrossEntropy {
    /// Loss and ∂L/∂z `[B, K]` for logits `z [B, K]` and the rows' classes.
    ///
    /// # Panics
    /// If there is not one label in 0..K for each row.
    pub fn loss(&self, z: &Tensor, labels: &[u8]) -> (f64, Tensor) {
        let [rows, classes] = z.dims();
        assert_eq!(labels.len(), rows, "cross-entropy: one label a row");
        let smooth = self.label_smoothing / classes as f64;
        let mut dz = Vec::with_capacity(rows * classes);
        let mut loss = 0.0;
        for (row, label) in view(z).chunks_exact(classes).zip(labels) {
            let log_p = log_softmax(row);
            for (k, log_p) in log_p.iter().enumerate() {
                let hit = if k == usize::from(*label) { 1.0 - self.label_smoothing } else { 0.0 };
                let q = hit + smooth;
                // q = 0 must not meet log p = −∞.
                loss -= if q > 0.0 { q * log_p } else { log_p * 0.0 };
                dz.push(((log_p.exp() - q) / rows as f64) as f32);
            }
        }
        (loss / rows as f64, matrix(dz, rows, classes))
    }
}

/// log softmax of one row, in f64.
pub(crate) fn log_softmax(row: &[f32]) -> Vec<f64> {
    let top = row.iter().fold(f64::NEG_INFINITY, |top, v| top.max(f64::from(*v)));
    let sum: f64 = row.iter().map(|v| (f64::from(*v) - top).exp()).sum();
    row.iter().map(|v| f64::from(*v) - top - sum.ln()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_logits_do_not_overflow() {
        let (loss, dz) = CrossEntropy::default().loss(&matrix(vec![1e4, -1e4, 0.0], 1, 3), &[1]);
        assert_eq!(loss, 2e4);
        assert_eq!(view(&dz)[..], [1.0, -1.0, 0.0]);
    }
}
