//! The layout in which weights live.
//!
//! `W [n_in, n_out]` is cut into panels of 32 neighbouring columns, `[⌈n_out/32⌉][n_in][32]`; the last panel
//! is padded with zeros. Element `W[i, o]` stands at `((o / 32)·n_in + i)·32 + o % 32`. Each step of the
//! forward product then reads 32 weights that stand together, and each step of the input gradient reads 32
//! outputs of one input that stand together: neither product rearranges anything.

/// Columns in a weight panel. Weights `W [n_in, n_out]` live as panels `[⌈n_out/32⌉][n_in][32]`, zero padded.
pub const PANEL: usize = 32;

/// Length in floats of the panels of a `[n_in, n_out]` matrix.
#[must_use]
pub fn panel_len(n_in: usize, n_out: usize) -> usize {
    n_out.div_ceil(PANEL) * n_in * PANEL
}

/// Writes `w [n_in, n_out]`, row-major, into `panels`, padding included.
///
/// # Panics
/// If `w` is not `n_in·n_out` long or `panels` not [`panel_len`].
pub fn to_panels(w: &[f32], n_in: usize, n_out: usize, panels: &mut [f32]) {
    assert_eq!(w.len(), n_in * n_out, "w is not [n_in = {n_in}, n_out = {n_out}]");
    assert_eq!(panels.len(), panel_len(n_in, n_out), "panels of [n_in = {n_in}, n_out = {n_out}]");
    if n_in == 0 {
        return;
    }
    for (p, panel) in panels.chunks_exact_mut(n_in * PANEL).enumerate() {
        let columns = p * PANEL..n_out.min((p + 1) * PANEL);
        for (row, w) in panel.chunks_exact_mut(PANEL).zip(w.chunks_exact(n_out)) {
            let (filled, padding) = row.split_at_mut(columns.len());
            filled.copy_from_slice(&w[columns.clone()]);
            padding.fill(0.0);
        }
    }
}

/// Writes `panels` back into `w [n_in, n_out]`, row-major: the inverse of [`to_panels`].
///
/// # Panics
/// If `w` is not `n_in·n_out` long or `panels` not [`panel_len`].
pub fn from_panels(panels: &[f32], n_in: usize, n_out: usize, w: &mut [f32]) {
    assert_eq!(w.len(), n_in * n_out, "w is not [n_in = {n_in}, n_out = {n_out}]");
    assert_eq!(panels.len(), panel_len(n_in, n_out), "panels of [n_in = {n_in}, n_out = {n_out}]");
    if n_in == 0 {
        return;
    }
    for (p, panel) in panels.chunks_exact(n_in * PANEL).enumerate() {
        let columns = p * PANEL..n_out.min((p + 1) * PANEL);
        for (row, w) in panel.chunks_exact(PANEL).zip(w.chunks_exact_mut(n_out)) {
            w[columns.clone()].copy_from_slice(&row[..columns.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_element_has_its_place_and_padding_is_zero(n_in in 0usize..50, n_out in 0usize..100) {
            let w: Vec<f32> = (0..n_in * n_out).map(|i| 1.0 + i as f32).collect();
            let mut panels = vec![f32::NAN; panel_len(n_in, n_out)];
            to_panels(&w, n_in, n_out, &mut panels);
            let mut expected = vec![0.0; panels.len()];
            for i in 0..n_in {
                for o in 0..n_out {
                    expected[(o / PANEL * n_in + i) * PANEL + o % PANEL] = w[i * n_out + o];
                }
            }
            prop_assert_eq!(&panels, &expected);
            let mut back = vec![f32::NAN; w.len()];
            from_panels(&panels, n_in, n_out, &mut back);
            prop_assert_eq!(back, w);
        }
    }
}
