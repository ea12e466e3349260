//! One place of a local layer with few channels: the vectors run along the rows of the batch.
//!
//! x is transposed once, `[⌈rows/32⌉][len_in][32]`, and serves all fields as it stands: nothing is gathered. Each
//! input of a field is then one vector that is multiplied with the weights of up to four channels.

use crate::crew::Shared;
use crate::isa::Kernel;
use crate::operands::{Errors, Rows, Source, pack_columns};
use crate::panel::PANEL;
use crate::pass::{Pass, run_items};
use crate::tile::add_product;
use std::ops::Range;

/// Channels at once, at most.
const CHANNELS: usize = 4;

/// Floats of x `[rows, cols]` with its rows as lanes.
pub(crate) fn lanes_len(rows: usize, cols: usize) -> usize {
    rows.div_ceil(PANEL) * cols * PANEL
}

/// Transposes x into `lanes [⌈rows/32⌉][cols][32]`, scales applied. Lanes beyond the last row keep what they held.
pub(crate) fn to_lanes(x: Rows<'_>, lanes: &mut [f32]) {
    let len = x.cols() * PANEL;
    run_items(x.rows().div_ceil(PANEL), len, &ToLanes { x, lanes: Shared::new(lanes) });
}

struct ToLanes<'a> {
    x: Rows<'a>,
    lanes: Shared<'a>,
}

impl Pass for ToLanes<'_> {
    #[inline(always)]
    fn part(&self, range: Range<usize>) {
        let len = self.x.cols() * PANEL;
        for panel in range {
            let first = panel * PANEL;
            // SAFETY: the ranges of a pass are disjoint and in bounds.
            let packed = unsafe { self.lanes.part_mut(panel * len, len) };
            pack_columns(self.x, first, PANEL.min(self.x.rows() - first), packed, PANEL);
        }
    }
}

/// A field and its weights.
#[derive(Clone, Copy)]
pub(crate) struct Seen<'a> {
    pub(crate) stretches: &'a [Range<usize>],
    /// W_lᵀ `[channels, inputs]` in panels.
    pub(crate) weights: &'a [f32],
    pub(crate) channels: usize,
}

impl Seen<'_> {
    /// Calls `each` with the inputs of the field, one by one, and the weights that meet it from channel `first` on,
    /// 32 apart.
    #[inline(always)]
    fn inputs(&self, first: usize, mut each: impl FnMut(usize, &[f32])) {
        let mut k = 0;
        for stretch in self.stretches {
            for input in stretch.clone() {
                each(input, &self.weights[(k / PANEL * self.channels + first) * PANEL + k % PANEL..]);
                k += 1;
            }
        }
    }
}

/// `a [rows, channels] = x·W_l` for x in lanes of `[rows, cols]`.
pub(crate) struct Forward<'a> {
    pub(crate) seen: Seen<'a>,
    pub(crate) lanes: &'a [f32],
    pub(crate) rows: usize,
    pub(crate) cols: usize,
    pub(crate) a: &'a mut [f32],
}

impl Kernel for Forward<'_> {
    #[inline(always)]
    fn run<const MR: usize, const NR: usize, const FMA: bool>(mut self) {
        let channels = self.seen.channels;
        for first in (0..channels).step_by(CHANNELS) {
            for top in (0..self.rows).step_by(NR) {
                match channels - first {
                    1 => self.some::<1, NR, FMA>(first, top),
                    2 => self.some::<2, NR, FMA>(first, top),
                    3 => self.some::<3, NR, FMA>(first, top),
                    _ => self.some::<CHANNELS, NR, FMA>(first, top),
                }
            }
        }
    }
}

impl Forward<'_> {
    /// C channels of NR rows.
    #[inline(always)]
    fn some<const C: usize, const NR: usize, const FMA: bool>(&mut self, first: usize, top: usize) {
        let (panel, lane) = (top / PANEL, top % PANEL);
        let x = &self.lanes[panel * self.cols * PANEL..][..self.cols * PANEL];
        let mut sums = [[0.0; NR]; C];
        self.seen.inputs(first, |input, weights| {
            let x = x[input * PANEL + lane..].first_chunk().expect("a panel holds whole vectors");
            add_product::<C, NR, FMA>(weights, PANEL, x, &mut sums);
        });
        let rows = self.a.chunks_exact_mut(self.seen.channels).skip(top).take(NR);
        for (r, row) in rows.enumerate() {
            for (a, sums) in row[first..].iter_mut().zip(&sums) {
                *a = sums[r];
            }
        }
    }
}

/// Adds `da_l·W_lᵀ` of up to 32 rows to `lanes [len_in][32]`.
pub(crate) struct Backward<'a> {
    pub(crate) seen: Seen<'a>,
    pub(crate) da: Errors<'a>,
    pub(crate) rows: Range<usize>,
    /// The place's first column of da.
    pub(crate) column: usize,
    pub(crate) lanes: &'a mut [f32],
}

impl Kernel for Backward<'_> {
    #[inline(always)]
    fn run<const MR: usize, const NR: usize, const FMA: bool>(mut self) {
        let channels = self.seen.channels;
        for first in (0..channels).step_by(CHANNELS) {
            match channels - first {
                1 => self.some::<1, NR, FMA>(first),
                2 => self.some::<2, NR, FMA>(first),
                3 => self.some::<3, NR, FMA>(first),
                _ => self.some::<CHANNELS, NR, FMA>(first),
            }
        }
    }
}

impl Backward<'_> {
    /// What C channels say.
    #[inline(always)]
    fn some<const C: usize, const NR: usize, const FMA: bool>(&mut self, first: usize) {
        let mut errors = [[0.0; PANEL]; C];
        for (r, row) in self.rows.clone().enumerate() {
            let mut here = [0.0; C];
            self.da.read(row, self.column + first, &mut here);
            errors.iter_mut().zip(here).for_each(|(errors, here)| errors[r] = here);
        }
        for lane in (0..self.rows.len()).step_by(NR) {
            let errors: [[f32; NR]; C] =
                std::array::from_fn(|i| *errors[i][lane..].first_chunk().expect("NR divides the panel"));
            self.seen.inputs(first, |input, weights| {
                let dx = self.lanes[input * PANEL + lane..].first_chunk_mut::<NR>();
                let dx = dx.expect("a panel holds whole vectors");
                let mut sum = [*dx];
                for (i, errors) in errors.iter().enumerate() {
                    add_product::<1, NR, FMA>(&weights[i * PANEL..], PANEL, errors, &mut sum);
                }
                *dx = sum[0];
            });
        }
    }
}

/// Inputs that are transposed at once.
const BLOCK: usize = 16;

/// `lanes [cols][32]` as rows `[up to 32, cols]`.
pub(crate) fn from_lanes(lanes: &[f32], cols: usize, rows: &mut [f32]) {
    for first in (0..cols).step_by(BLOCK) {
        for (r, row) in rows.chunks_exact_mut(cols).enumerate() {
            let end = cols.min(first + BLOCK);
            for (i, v) in row[first..end].iter_mut().enumerate() {
                *v = lanes[(first + i) * PANEL + r];
            }
        }
    }
}
