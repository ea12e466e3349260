//! How busy the units of a layer are on the positive rows of a step. A unit is *off* on a row where its activity is
//! exactly zero, which a ReLU's often is and a smooth activation's never.

/// Shares, in [0, 1].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Census {
    /// Of activities: those that are zero.
    pub(super) sparsity: f64,
    /// Of units: those that are off on every row.
    pub(super) dead: f64,
    /// Of units: those that are on on every row.
    pub(super) always_on: f64,
}

impl Census {
    /// Of `h [rows, n]`, neither zero.
    pub(super) fn of(h: &[f32], n: usize) -> Census {
        let mut on = vec![0.0; n];
        adieu_kernels::nonzeros_by_column(h, &mut on);
        let rows = (h.len() / n) as f32;
        let units = |times: f32| on.iter().filter(|on| **on == times).count() as f64 / n as f64;
        let active: f64 = on.iter().map(|on| f64::from(*on)).sum();
        Census { sparsity: 1.0 - active / h.len() as f64, dead: units(0.0), always_on: units(rows) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_negative_zero_is_off_and_a_negative_activity_is_on() {
        let n = 70;
        // Unit 0 is off, unit 1 and the last are on, the others are on in the first of four rows only.
        let at = |row: usize, unit: usize| match unit {
            0 => -0.0,
            1 => -0.5,
            _ if unit == n - 1 => 2.0,
            _ => f32::from(u8::from(row == 0)),
        };
        let h: Vec<f32> = (0..4 * n).map(|i| at(i / n, i % n)).collect();
        let found = Census::of(&h, n);
        assert_eq!((found.dead, found.always_on), (1.0 / 70.0, 2.0 / 70.0));
        assert!((found.sparsity - (4.0 + 3.0 * 67.0) / 280.0).abs() < 1e-12, "{found:?}");
    }
}
