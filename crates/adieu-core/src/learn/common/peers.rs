//! Peer normalisation (Hinton 2022 and the code published with it): units that are lazier than their peers are pushed
//! up, busier ones down, whether they are on or off, so that none dies.
//!
//! ```text
//! mⱼ ← μ mⱼ + (1 − μ) mean_pos(hⱼ)        ∂L/∂aⱼ += λ (mⱼ − mean_k m_k) / B on every positive row
//! ```

use crate::parts::param::Param;

/// m, of one layer.
pub(in crate::learn) struct Peers {
    mean: Param,
}

impl Peers {
    /// mⱼ = ½, in `n` units. `path` names it in checkpoints.
    pub(in crate::learn) fn new(path: String, n: usize) -> Peers {
        Peers { mean: Param::new(path, &[n], vec![0.5; n], false) }
    }

    /// Units.
    pub(in crate::learn) fn count(&self) -> usize {
        self.mean.count()
    }

    /// Moves m towards the mean activity of `rows` positive rows, whose `sums` are given, and returns what is added to
    /// ∂L/∂a of each of them. `weight`: λ; `keep`: μ.
    pub(in crate::learn) fn push(&mut self, sums: Vec<f32>, rows: usize, weight: f64, keep: f64) -> Vec<f32> {
        let (lambda, keep) = (weight as f32, keep as f32);
        let m = self.mean.values_mut();
        for (m, sum) in m.iter_mut().zip(&sums) {
            *m = keep * *m + (1.0 - keep) * sum / rows as f32;
        }
        let mean = (m.iter().map(|m| f64::from(*m)).sum::<f64>() / m.len() as f64) as f32;
        let mut da = sums;
        da.iter_mut().zip(m).for_each(|(da, m)| *da = lambda * (*m - mean) / rows as f32);
        da
    }

    /// Shows m.
    pub(in crate::learn) fn params(&mut self, visit: &mut dyn FnMut(&mut Param)) {
        visit(&mut self.mean);
    }
}
