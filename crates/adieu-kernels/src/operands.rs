//! What the products are given: rows of activity, weights, errors. Borrowed slices with their shapes, checked when
//! they are put together.
//!
//! Factors that belong to whole rows (a row's normalisation, the weight of its error) and the slope of the
//! activation are not multiplied in beforehand: they are, number by number, while an operand is packed. The bits
//! are those of a pass of its own, the pass and its buffer are saved.

use crate::activation::Activation;
use crate::panel::panel_len;
use crate::precision::Precision;
use crate::sparse::{self, Shape, Zeros};

/// Rows of activity `[rows, cols]`, row-major; row r stands for `scales[r]` times its values, if there are scales.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    values: &'a [f32],
    rows: usize,
    cols: usize,
    scales: Option<&'a [f32]>,
    zeros: Zeros,
}

impl<'a> Rows<'a> {
    /// `values [rows, cols]`.
    ///
    /// # Panics
    /// If there are not `rows·cols` values.
    #[must_use]
    pub fn new(values: &'a [f32], rows: usize, cols: usize) -> Self {
        assert_eq!(values.len(), rows * cols, "values are not [rows = {rows}, cols = {cols}]");
        Self { values, rows, cols, scales: None, zeros: Zeros::Multiply }
    }

    /// The same rows, row r times `scales[r]`; `None` leaves them as they are.
    ///
    /// # Panics
    /// If there is not a scale for each row.
    #[must_use]
    pub fn scaled(self, scales: Option<&'a [f32]>) -> Self {
        assert!(
            scales.is_none_or(|scales| scales.len() == self.rows),
            "not a scale for each of {} rows",
            self.rows
        );
        Self { scales, ..self }
    }

    /// The same rows; as the left operand of a product in f32, their zeros are treated as `zeros` says.
    #[must_use]
    pub fn with_zeros(self, zeros: Zeros) -> Self {
        Self { zeros, ..self }
    }

    pub(crate) fn zeros(&self) -> Zeros {
        self.zeros
    }

    /// Whether a product of `shape` should leave their zeros out.
    pub(crate) fn skips_zeros(&self, precision: Precision, shape: Shape) -> bool {
        precision == Precision::F32 && self.zeros.skips(shape, || sparse::density(self.values, self.cols))
    }

    /// The first `count` rows.
    ///
    /// # Panics
    /// If there are fewer.
    #[must_use]
    pub fn first(self, count: usize) -> Self {
        let scales = self.scales.map(|scales| &scales[..count]);
        Self { values: &self.values[..count * self.cols], rows: count, scales, ..self }
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Numbers in a row.
    #[must_use]
    pub fn cols(&self) -> usize {
        self.cols
    }

    pub(crate) fn scales(&self) -> Option<&'a [f32]> {
        self.scales
    }

    /// The values, without scales.
    pub(crate) fn values(&self) -> &'a [f32] {
        self.values
    }

    /// The values, where these are all there is.
    pub(crate) fn plain(&self) -> Option<&'a [f32]> {
        self.scales.is_none().then_some(self.values)
    }

    pub(crate) fn unscaled(self) -> Self {
        Self { scales: None, ..self }
    }
}

/// Weights `[n_in, n_out]` in [panels](crate::to_panels).
#[derive(Clone, Copy, Debug)]
pub struct Weights<'a> {
    pub(crate) panels: &'a [f32],
    pub(crate) n_in: usize,
    pub(crate) n_out: usize,
}

impl<'a> Weights<'a> {
    /// `panels` of `[n_in, n_out]`.
    ///
    /// # Panics
    /// If there are not [`panel_len`] numbers.
    #[must_use]
    pub fn new(panels: &'a [f32], n_in: usize, n_out: usize) -> Self {
        assert_eq!(panels.len(), panel_len(n_in, n_out), "panels of [n_in = {n_in}, n_out = {n_out}]");
        Self { panels, n_in, n_out }
    }
}

/// Errors `da = dh ⊙ φ′`, `[rows, n_out]`: the derivative of the loss by the outputs h, scaled row by row, and the
/// gate it still has to pass.
#[derive(Clone, Copy, Debug)]
pub struct Errors<'a> {
    pub(crate) dh: Rows<'a>,
    gate: Option<(Activation, &'a [f32])>,
}

impl<'a> Errors<'a> {
    /// `dh`, which is `da` already.
    #[must_use]
    pub fn new(dh: Rows<'a>) -> Self {
        Self { dh, gate: None }
    }

    /// `dh` behind the slope of `activation`. `kept [rows, n_out]` are the pre-activations where
    /// [`Activation::needs_input`], the outputs otherwise.
    ///
    /// # Panics
    /// If `kept` is not as large as `dh`.
    #[must_use]
    pub fn gated(dh: Rows<'a>, activation: Activation, kept: &'a [f32]) -> Self {
        assert_eq!(kept.len(), dh.values.len(), "kept values and errors differ in length");
        Self { dh, gate: Some((activation, kept)) }
    }

    pub(crate) fn shape(&self) -> (usize, usize) {
        (self.dh.rows, self.dh.cols)
    }

    /// The values, where these are all there is.
    pub(crate) fn plain(&self) -> Option<&'a [f32]> {
        self.dh.plain().filter(|_| self.gate.is_none())
    }
}

/// Rows that can be read piece by piece, factors and gates applied. Implementations are `#[inline(always)]`.
pub(crate) trait Source: Copy {
    fn cols(&self) -> usize;

    /// Columns `first..first + out.len()` of `row`.
    fn read(&self, row: usize, first: usize, out: &mut [f32]);
}

impl Source for Rows<'_> {
    #[inline(always)]
    fn cols(&self) -> usize {
        self.cols
    }

    #[inline(always)]
    fn read(&self, row: usize, first: usize, out: &mut [f32]) {
        let values = &self.values[row * self.cols + first..][..out.len()];
        match self.scales {
            None => out.copy_from_slice(values),
            Some(scales) => {
                let scale = scales[row];
                for (out, v) in out.iter_mut().zip(values) {
                    *out = scale * v;
                }
            }
        }
    }
}

impl Source for Errors<'_> {
    #[inline(always)]
    fn cols(&self) -> usize {
        self.dh.cols
    }

    #[inline(always)]
    fn read(&self, row: usize, first: usize, out: &mut [f32]) {
        self.dh.read(row, first, out);
        if let Some((activation, kept)) = self.gate {
            activation.pull_back_here(&kept[row * self.dh.cols + first..][..out.len()], out);
        }
    }
}

/// Columns that are read at once on their way to being transposed.
const WIDE: usize = 32;

/// Transposes rows `first..first + lanes` of `source` into `packed [cols][stride]`: `packed[k, i] = source[first + i,
/// k]`. Lanes beyond are left alone.
#[inline(always)]
pub(crate) fn pack_columns(
    source: impl Source,
    first: usize,
    lanes: usize,
    packed: &mut [f32],
    stride: usize,
) {
    debug_assert!(lanes <= stride && packed.len() == source.cols() * stride);
    let mut lane = 0;
    // Four at a time: blocks of 4 × 4 pass through registers.
    while lane + 4 <= lanes {
        pack_lanes::<4>(source, first + lane, lane, packed, stride);
        lane += 4;
    }
    while lane < lanes {
        pack_lanes::<1>(source, first + lane, lane, packed, stride);
        lane += 1;
    }
}

#[inline(always)]
fn pack_lanes<const L: usize>(
    source: impl Source,
    row: usize,
    lane: usize,
    packed: &mut [f32],
    stride: usize,
) {
    let depth = source.cols();
    let mut rows = [[0.0; WIDE]; L];
    let whole = depth / WIDE * WIDE;
    for first in (0..whole).step_by(WIDE) {
        for (i, values) in rows.iter_mut().enumerate() {
            source.read(row + i, first, values);
        }
        for k in (0..WIDE).step_by(L) {
            let packed = &mut packed[(first + k) * stride + lane..][..(L - 1) * stride + L];
            for j in 0..L {
                let column: [f32; L] = std::array::from_fn(|i| rows[i][k + j]);
                packed[j * stride..j * stride + L].copy_from_slice(&column);
            }
        }
    }
    let rest = depth - whole;
    for (i, values) in rows.iter_mut().enumerate() {
        source.read(row + i, whole, &mut values[..rest]);
    }
    for k in 0..rest {
        for (i, values) in rows.iter().enumerate() {
            packed[(whole + k) * stride + lane + i] = values[k];
        }
    }
}
