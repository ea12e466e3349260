//! Local receptive fields without weight sharing: a small dense layer at each place of an image.
//!
//! `a[l, o] = b[l, o] + Σ_k x[f(l, k)]·W_l[k, o]` for the outputs o of place l, whose field holds the inputs
//! `f(l, 0), f(l, 1), …` in ascending order. The three products are those of [`crate::forward`],
//! [`crate::input_gradient`] and [`crate::weight_gradient`], once for each place: the fields of all rows are gathered,
//! stretch by stretch, and multiplied. What lies beyond the image is in no field, so fields at the border are smaller.
//!
//! **Weights** are one slice, place after place, each W_l in [panels](crate::to_panels) of its own. With fewer than 32
//! channels a panel would be mostly padding: then it is W_lᵀ that lies in panels. Forward and input gradient let their
//! vectors run along the rows of the batch (`local_lanes.rs`), in the weight gradient along the lines of the field
//! (`local_gradient.rs`).
//!
//! **Threads.** Where there are at least as many places as threads each place is worked out by one thread, else the
//! threads share the products of one place after another. The bits are the same.

use crate::crew::{Queue, Shared, alone, crew, threads};
use crate::forward::{self, Epilogue, Outputs};
use crate::gradient::{self, Target, Terms};
use crate::isa::isa;
use crate::local_gradient::{self, Band, unpack};
use crate::local_lanes::{self, Seen, from_lanes, lanes_len, to_lanes};
use crate::operands::{Errors, Rows, Source, Weights};
use crate::panel::{PANEL, panel_len};
use crate::precision::Precision;
use crate::rows::{assert_subset, column_sums, row_sums_of_squares};
use crate::scratch::with_scratch;
use std::ops::Range;

/// Channels from which on W_l is not transposed.
const WIDE: usize = 32;

/// Places side by side whose weight gradients are worked out together, at most.
const BAND: usize = 32;

/// Rows of a batch whose input gradients are worked out together.
const CHUNK: usize = 64;

/// Where an image of inputs is looked at, and how many outputs each place has.
#[derive(Clone, Debug)]
pub struct Fields {
    len_in: usize,
    channels: usize,
    fields: Vec<Field>,
    panels: usize,
}

/// A place and its field.
#[derive(Clone, Debug)]
struct Field {
    /// Stretches of inputs, ascending.
    stretches: Vec<Range<usize>>,
    /// Inputs in them.
    n_in: usize,
    /// Where its weights are.
    weights: Range<usize>,
}

impl Fields {
    /// Places with `channels` outputs each, over rows of `len_in` inputs; a field is told by its stretches of inputs.
    ///
    /// # Panics
    /// If a field reaches beyond the row, or there are no channels.
    #[must_use]
    pub fn new(len_in: usize, channels: usize, fields: impl IntoIterator<Item = Vec<Range<usize>>>) -> Self {
        assert!(channels > 0, "a place has at least one channel");
        let mut panels = 0;
        let place = |stretches: Vec<Range<usize>>| {
            assert!(
                stretches.iter().all(|stretch| stretch.end <= len_in),
                "a field ends beyond {len_in} inputs"
            );
            let n_in = stretches.iter().map(Range::len).sum();
            let [rows, cols] = stored(n_in, channels);
            let first = panels;
            panels += panel_len(rows, cols);
            Field { stretches, n_in, weights: first..panels }
        };
        let fields = fields.into_iter().map(place).collect();
        Self { len_in, channels, fields, panels }
    }

    /// Numbers in a row of x.
    #[must_use]
    pub fn len_in(&self) -> usize {
        self.len_in
    }

    /// Numbers in a row of h: places · channels.
    #[must_use]
    pub fn len_out(&self) -> usize {
        self.fields.len() * self.channels
    }

    /// Multiply-adds of one row, the same for all three products; also how many weights there are.
    #[must_use]
    pub fn multiply_adds(&self) -> usize {
        self.fields.iter().map(|field| field.n_in * self.channels).sum()
    }

    /// The inputs in the field of each place.
    pub fn inputs(&self) -> impl Iterator<Item = usize> {
        self.fields.iter().map(|field| field.n_in)
    }

    /// The matrices that are kept, place by place: W_l `[inputs, channels]`, or `[channels, inputs]` where there are
    /// few channels.
    #[must_use]
    pub fn matrices(&self) -> Vec<[usize; 2]> {
        self.inputs().map(|n_in| stored(n_in, self.channels)).collect()
    }

    /// Whether [`Self::matrices`] are transposed.
    #[must_use]
    pub fn transposed(&self) -> bool {
        self.channels < WIDE
    }

    /// `h [rows, len_out] = φ(x·W + b)`; bias `[len_out]`. x and W are rounded to `precision`.
    ///
    /// # Panics
    /// If the length of a slice does not fit its shape, the epilogue has a base, or `precision` is not available.
    pub fn forward(
        &self,
        x: Rows<'_>,
        weights: &[f32],
        epilogue: Epilogue<'_>,
        precision: Precision,
        out: Outputs<'_>,
    ) {
        let (rows, len_out) = (x.rows(), self.len_out());
        assert_eq!((x.cols(), weights.len()), (self.len_in, self.panels), "inputs, and panels of weights");
        assert!(epilogue.base.is_none(), "places share no base");
        forward::assert_shapes(&epilogue, &out, (rows, len_out), len_out);
        let Outputs { h, pre, squares } = out;
        let (to_h, to_pre) = (Shared::new(h), pre.map(Shared::new));
        let by_lanes = self.by_lanes(precision);
        with_scratch([if by_lanes { lanes_len(rows, self.len_in) } else { 0 }], |[lanes]| {
            if by_lanes {
                to_lanes(x, lanes);
            }
            let lanes = &*lanes;
            each(self.fields.len(), |l, buffers| {
                let field = &self.fields[l];
                let first = l * self.channels;
                let bias = epilogue.bias.map(|bias| &bias[first..][..self.channels]);
                let a = room(&mut buffers.outputs, rows * self.channels);
                let weights = &weights[field.weights.clone()];
                if by_lanes {
                    let seen = field.seen(weights, self.channels);
                    isa().run(local_lanes::Forward { seen, lanes, rows, cols: self.len_in, a });
                } else {
                    let inputs = field.gather(x, None, &mut buffers.inputs);
                    let inputs = Rows::new(inputs, rows, field.n_in).scaled(x.scales()).with_zeros(x.zeros());
                    self.product(inputs, weights, precision, a);
                }
                if let Some(bias) = bias {
                    let add = |row: &mut [f32]| row.iter_mut().zip(bias).for_each(|(a, b)| *a += b);
                    a.chunks_exact_mut(self.channels).for_each(add);
                }
                let put = |to: &Shared<'_>, values: &[f32]| {
                    for (r, values) in values.chunks_exact(self.channels).enumerate() {
                        // SAFETY: places are disjoint and worked out once each; row r is in bounds.
                        unsafe { to.part_mut(r * len_out + first, self.channels) }.copy_from_slice(values);
                    }
                };
                if let Some(pre) = &to_pre {
                    put(pre, a);
                }
                epilogue.activation.apply(a);
                put(&to_h, a);
            });
        });
        if let Some(squares) = squares {
            row_sums_of_squares(h, len_out, squares);
        }
    }

    /// `a = x·W_l` of one place.
    fn product(&self, x: Rows<'_>, panels: &[f32], precision: Precision, a: &mut [f32]) {
        let weights = self.weights(panels, x.cols());
        if self.transposed() {
            gradient::input_gradient(Errors::new(x), weights, precision, a);
        } else {
            let out = Outputs { h: a, pre: None, squares: None };
            forward::forward(x, weights, Epilogue::default(), precision, out);
        }
    }

    /// Whether vectors run along the rows of the batch, where a place has few channels. In pairs they do not.
    fn by_lanes(&self, precision: Precision) -> bool {
        self.transposed() && precision == Precision::F32
    }

    fn weights<'a>(&self, panels: &'a [f32], n_in: usize) -> Weights<'a> {
        let [rows, cols] = stored(n_in, self.channels);
        Weights::new(panels, rows, cols)
    }

    /// `dx [rows, len_in]` from `da [rows, len_out]`: what overlapping fields say of an input is added up place after
    /// place.
    ///
    /// # Panics
    /// If the length of a slice does not fit its shape, or `precision` is not available.
    pub fn input_gradient(&self, da: Errors<'_>, weights: &[f32], precision: Precision, dx: &mut [f32]) {
        let (rows, len_out) = da.shape();
        assert_eq!((len_out, weights.len()), (self.len_out(), self.panels), "errors, and panels of weights");
        assert_eq!(dx.len(), rows * self.len_in, "dx is not [rows = {rows}, len_in = {}]", self.len_in);
        let to_dx = Shared::new(dx);
        if self.by_lanes(precision) {
            return self.input_gradient_by_lanes(da, weights, &to_dx);
        }
        each(rows.div_ceil(CHUNK), |chunk, buffers| {
            let some = chunk * CHUNK..rows.min((chunk + 1) * CHUNK);
            // SAFETY: chunks of rows are disjoint and worked out once each.
            let dx = unsafe { to_dx.part_mut(some.start * self.len_in, some.len() * self.len_in) };
            dx.fill(0.0);
            for (l, field) in self.fields.iter().enumerate() {
                let errors = self.errors(da, l, some.clone(), &mut buffers.outputs);
                let found = room(&mut buffers.inputs, some.len() * field.n_in);
                let errors = Rows::new(errors, some.len(), self.channels);
                let weights = self.weights(&weights[field.weights.clone()], field.n_in);
                if self.transposed() {
                    let out = Outputs { h: found, pre: None, squares: None };
                    forward::forward(errors, weights, Epilogue::default(), precision, out);
                } else {
                    gradient::input_gradient(Errors::new(errors), weights, precision, found);
                }
                field.scatter(found, dx, self.len_in);
            }
        });
    }

    fn input_gradient_by_lanes(&self, da: Errors<'_>, weights: &[f32], to_dx: &Shared<'_>) {
        let (rows, _) = da.shape();
        each(rows.div_ceil(PANEL), |panel, buffers| {
            let rows = panel * PANEL..rows.min((panel + 1) * PANEL);
            let lanes = room(&mut buffers.inputs, self.len_in * PANEL);
            lanes.fill(0.0);
            for (l, field) in self.fields.iter().enumerate() {
                let seen = field.seen(&weights[field.weights.clone()], self.channels);
                let (column, rows) = (l * self.channels, rows.clone());
                isa().run(local_lanes::Backward { seen, da, rows, column, lanes });
            }
            // SAFETY: panels of rows are disjoint and worked out once each.
            let dx = unsafe { to_dx.part_mut(rows.start * self.len_in, rows.len() * self.len_in) };
            from_lanes(lanes, self.len_in, dx);
        });
    }

    /// dW from `x [rows, len_in]`, `da [rows, len_out]` and the [`Terms`], u being `[len_in]` and v `[len_out]`; `db
    /// [len_out]`. As [`crate::weight_gradient`].
    ///
    /// # Panics
    /// If the length of a slice does not fit its shape, the terms name a row that is not there, or `precision` is not
    /// available.
    pub fn weight_gradient(
        &self,
        x: Rows<'_>,
        da: Errors<'_>,
        terms: Terms<'_>,
        precision: Precision,
        target: Target<'_>,
        db: &mut [f32],
    ) {
        let (rows, len_out) = da.shape();
        assert_eq!((x.rows(), x.cols(), len_out), (rows, self.len_in, self.len_out()), "x and da");
        assert_eq!(db.len(), len_out, "db is not [len_out = {len_out}]");
        assert_subset(terms.rows, rows);
        assert!(
            terms.outer.is_none_or(|(u, v)| (u.len(), v.len()) == (self.len_in, len_out)),
            "u ⊗ v is not [len_in = {}, len_out = {len_out}]",
            self.len_in
        );
        let (goal, to_db) = (Goals::new(target, self.panels), Shared::new(db));
        let listed: Vec<u32> = terms.rows.map_or_else(|| (0..rows as u32).collect(), <[u32]>::to_vec);
        if self.by_lanes(precision) {
            return self.weight_gradient_by_lines(x, da, &listed, terms.outer, &goal, &to_db);
        }
        let scales: Option<Vec<f32>> =
            x.scales().map(|scales| listed.iter().map(|row| scales[*row as usize]).collect());
        each(self.fields.len(), |l, buffers| {
            let (field, first) = (&self.fields[l], l * self.channels);
            let inputs = field.gather(x, Some(&listed), &mut buffers.inputs);
            let inputs = Rows::new(inputs, listed.len(), field.n_in).scaled(scales.as_deref());
            let rows = listed.iter().map(|row| *row as usize);
            let errors = self.errors(da, l, rows, &mut buffers.outputs);
            let errors = Rows::new(errors, listed.len(), self.channels);
            // SAFETY: places are disjoint and worked out once each.
            column_sums(errors, unsafe { to_db.part_mut(first, self.channels) });
            // SAFETY: the weights of places are disjoint.
            let target = unsafe { goal.part(field.weights.clone()) };
            let mut u_here = Vec::new();
            let outer = terms.outer.map(|(u, v)| {
                let u = field.gather(Rows::new(u, 1, self.len_in), None, &mut u_here);
                (u, &v[first..][..self.channels])
            });
            if self.transposed() {
                let terms = Terms { rows: None, outer: outer.map(|(u, v)| (v, u)) };
                gradient::weight_gradient(errors, Errors::new(inputs), terms, precision, target, None);
            } else {
                let terms = Terms { rows: None, outer };
                let inputs = inputs.with_zeros(x.zeros());
                gradient::weight_gradient(inputs, Errors::new(errors), terms, precision, target, None);
            }
        });
    }

    fn weight_gradient_by_lines(
        &self,
        x: Rows<'_>,
        da: Errors<'_>,
        listed: &[u32],
        outer: Option<(&[f32], &[f32])>,
        goal: &Goals<'_>,
        to_db: &Shared<'_>,
    ) {
        let (places, channels) = (self.fields.len(), self.channels);
        let side_by_side = places.div_ceil(2 * threads()).clamp(1, BAND);
        each(places.div_ceil(side_by_side), |band, buffers| {
            let first = band * side_by_side;
            let fields = &self.fields[first..places.min(first + side_by_side)];
            let stretches = fields.iter().map(|field| &field.stretches[..]).collect();
            let band = Band { fields: stretches, channels, column: first * channels };
            // SAFETY: bands are disjoint and worked out once each.
            let db = unsafe { to_db.part_mut(band.column, fields.len() * channels) };
            band.sums(x, da, listed, db, &mut buffers.lines);
            for ((l, field), sums) in (first..).zip(fields).zip(band.each_place(&buffers.lines.sums)) {
                let gradient = room(&mut buffers.inputs, field.weights.len());
                gradient.fill(0.0);
                unpack(&field.stretches, channels, sums, |k, o, sum| {
                    gradient[(k / PANEL * channels + o) * PANEL + k % PANEL] = sum;
                });
                if let Some((u, v)) = outer {
                    let inputs = field.stretches.iter().cloned().flatten();
                    for (k, input) in inputs.enumerate() {
                        for (o, v) in v[l * channels..][..channels].iter().enumerate() {
                            gradient[(k / PANEL * channels + o) * PANEL + k % PANEL] += u[input] * v;
                        }
                    }
                }
                // SAFETY: the weights of places are disjoint.
                match unsafe { goal.part(field.weights.clone()) } {
                    Target::Store(to) => to.copy_from_slice(gradient),
                    Target::Descend { rule, weights, first, second } => {
                        rule.apply(gradient, weights, first, second);
                    }
                }
            }
        });
    }

    /// da of place `l` in some rows: `[rows, channels]`.
    fn errors<'a>(
        &self,
        da: Errors<'_>,
        l: usize,
        rows: impl ExactSizeIterator<Item = usize>,
        buffer: &'a mut Vec<f32>,
    ) -> &'a [f32] {
        let out = room(buffer, rows.len() * self.channels);
        for (row, out) in rows.zip(out.chunks_exact_mut(self.channels)) {
            da.read(row, l * self.channels, out);
        }
        out
    }
}

/// The matrix that is kept of W_l.
fn stored(n_in: usize, channels: usize) -> [usize; 2] {
    if channels < WIDE { [channels, n_in] } else { [n_in, channels] }
}

impl Field {
    fn seen<'a>(&'a self, weights: &'a [f32], channels: usize) -> Seen<'a> {
        Seen { stretches: &self.stretches, weights, channels }
    }

    /// Its inputs in some rows of x, without scales: `[rows, n_in]`.
    fn gather<'a>(&self, x: Rows<'_>, rows: Option<&[u32]>, buffer: &'a mut Vec<f32>) -> &'a [f32] {
        let (count, x) = (rows.map_or(x.rows(), <[u32]>::len), x.unscaled());
        let inputs = room(buffer, count * self.n_in);
        for (i, mut out) in inputs.chunks_exact_mut(self.n_in.max(1)).enumerate() {
            let row = rows.map_or(i, |rows| rows[i] as usize);
            for stretch in &self.stretches {
                let (here, rest) = out.split_at_mut(stretch.len());
                x.read(row, stretch.start, here);
                out = rest;
            }
        }
        inputs
    }

    /// Adds `found [rows, n_in]` to its inputs in `dx [rows, len_in]`.
    fn scatter(&self, found: &[f32], dx: &mut [f32], len_in: usize) {
        for (mut found, dx) in found.chunks_exact(self.n_in.max(1)).zip(dx.chunks_exact_mut(len_in)) {
            for stretch in &self.stretches {
                let (here, rest) = found.split_at(stretch.len());
                dx[stretch.clone()].iter_mut().zip(here).for_each(|(dx, found)| *dx += found);
                found = rest;
            }
        }
    }
}

/// What a thread gathers into, kept from place to place.
#[derive(Default)]
struct Buffers {
    inputs: Vec<f32>,
    outputs: Vec<f32>,
    lines: local_gradient::Buffers,
}

/// The first `len` numbers of `buffer`, content arbitrary.
fn room(buffer: &mut Vec<f32>, len: usize) -> &mut [f32] {
    if buffer.len() < len {
        buffer.resize(len, 0.0);
    }
    &mut buffer[..len]
}

/// Does `0..count`, each item once.
fn each(count: usize, work: impl Fn(usize, &mut Buffers) + Sync) {
    let threads = threads();
    if count < threads {
        let mut buffers = Buffers::default();
        return (0..count).for_each(|item| work(item, &mut buffers));
    }
    let queue = Queue::new(count, threads);
    crew(threads, || {
        let mut buffers = Buffers::default();
        alone(|| {
            while let Some(claim) = queue.claim() {
                claim.items.clone().for_each(|item| work(item, &mut buffers));
            }
        });
    });
}

/// A [`Target`] of all places, to be cut.
enum Goals<'a> {
    Store(Shared<'a>),
    Descend { rule: crate::Rule, weights: Shared<'a>, first: Shared<'a>, second: Shared<'a> },
}

impl<'a> Goals<'a> {
    fn new(target: Target<'a>, panels: usize) -> Self {
        match target {
            Target::Store(gradient) => {
                assert_eq!(gradient.len(), panels, "gradient in panels");
                Self::Store(Shared::new(gradient))
            }
            Target::Descend { rule, weights, first, second } => {
                assert_eq!(weights.len(), panels, "weights in panels");
                rule.assert_moments(panels, first, second);
                let [weights, first, second] = [weights, first, second].map(Shared::new);
                Self::Descend { rule, weights, first, second }
            }
        }
    }

    /// The part of one place.
    ///
    /// # Safety
    /// The range lies in the panels, and no other part that is live overlaps it.
    unsafe fn part(&self, range: Range<usize>) -> Target<'_> {
        let (start, len) = (range.start, range.len());
        // SAFETY: by the contract above; moments are as long as the panels, or there are none.
        unsafe {
            match self {
                Self::Store(gradient) => Target::Store(gradient.part_mut(start, len)),
                Self::Descend { rule, weights, first, second } => Target::Descend {
                    rule: *rule,
                    weights: weights.part_mut(start, len),
                    first: if first.is_empty() { &mut [] } else { first.part_mut(start, len) },
                    second: if second.is_empty() { &mut [] } else { second.part_mut(start, len) },
                },
            }
        }
    }
}
