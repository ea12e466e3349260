//! The weight gradient of some places of a local layer with few channels: the vectors run along the lines of the
//! fields, which stand together in x. Nothing is gathered; each vector of inputs is multiplied with the errors of up
//! to four channels.

use crate::isa::{Kernel, isa};
use crate::operands::{Errors, Rows, Source};
use crate::tile::add_product;
use std::ops::Range;

/// Inputs of a vector.
const LANES: usize = 16;

/// Vectors of one line at once, at most.
const GROUP: usize = 3;

/// Channels at once, at most.
const CHANNELS: usize = 4;

/// Rows that go through all places before the next ones come: what their fields hold should stay in the cache.
const CHUNK: usize = 64;

/// The places of a band, side by side: where they look, and which errors are theirs.
pub(crate) struct Band<'a> {
    /// Of each place, the stretches of its field.
    pub(crate) fields: Vec<&'a [Range<usize>]>,
    pub(crate) channels: usize,
    /// The first place's first column of da.
    pub(crate) column: usize,
}

impl Band<'_> {
    /// `Σ_r x[r, k]·da[r, o]` over the `listed` rows, for each place in turn `[⌈stretch/16⌉ of all its
    /// stretches][channels][16]`; what is beyond the end of a stretch is arbitrary.
    /// `db` becomes `Σ_r da[r, o]`.
    pub(crate) fn sums(
        &self,
        x: Rows<'_>,
        da: Errors<'_>,
        listed: &[u32],
        db: &mut [f32],
        buffers: &mut Buffers,
    ) {
        let (cols, width) = (x.cols(), self.fields.len() * self.channels);
        let places: Vec<usize> =
            self.fields.iter().map(|field| blocks(field) * self.channels * LANES).collect();
        buffers.sums.clear();
        buffers.sums.resize(places.iter().sum(), 0.0);
        db.fill(0.0);
        // The last rows again, with room behind them.
        let (values, last) = (x.values(), x.rows().saturating_sub((GROUP * LANES).div_ceil(cols.max(1))));
        let mut tail = values[last * cols..].to_vec();
        tail.resize(tail.len() + GROUP * LANES, 0.0);
        for rows in listed.chunks(CHUNK) {
            buffers.errors.resize(rows.len() * width, 0.0);
            for (row, errors) in rows.iter().zip(buffers.errors.chunks_exact_mut(width)) {
                da.read(*row as usize, self.column, errors);
                db.iter_mut().zip(&*errors).for_each(|(db, error)| *db += error);
                if let Some(scales) = x.scales() {
                    errors.iter_mut().for_each(|error| *error *= scales[*row as usize]);
                }
            }
            let mut rest = &mut buffers.sums[..];
            for (place, (stretches, len)) in self.fields.iter().zip(&places).enumerate() {
                let (sums, others) = rest.split_at_mut(*len);
                rest = others;
                let errors = &buffers.errors[place * self.channels..];
                let seen = Lines { values, tail: &tail, cols, last, rows, errors, width };
                isa().run(Place { seen, stretches, channels: self.channels, sums });
            }
        }
    }

    /// Of the band's sums those of each place, in order.
    pub(crate) fn each_place<'s>(&self, sums: &'s [f32]) -> impl Iterator<Item = &'s [f32]> {
        let mut rest = sums;
        let lens: Vec<usize> =
            self.fields.iter().map(|field| blocks(field) * self.channels * LANES).collect();
        lens.into_iter().map(move |len| {
            let (place, others) = rest.split_at(len);
            rest = others;
            place
        })
    }
}

/// What a thread works in, kept from band to band.
#[derive(Default)]
pub(crate) struct Buffers {
    /// See [`Band::sums`].
    pub(crate) sums: Vec<f32>,
    /// `[rows of a chunk, channels of the band]`
    errors: Vec<f32>,
}

/// Vectors that its stretches take.
fn blocks(stretches: &[Range<usize>]) -> usize {
    stretches.iter().map(|stretch| stretch.len().div_ceil(LANES)).sum()
}

/// Shows the sums of a place: input of the field, channel, sum.
pub(crate) fn unpack(
    stretches: &[Range<usize>],
    channels: usize,
    sums: &[f32],
    mut each: impl FnMut(usize, usize, f32),
) {
    let (mut input, mut block) = (0, 0);
    for stretch in stretches {
        for k in 0..stretch.len() {
            let sums = &sums[(block + k / LANES) * channels * LANES..];
            (0..channels).for_each(|o| each(input + k, o, sums[o * LANES + k % LANES]));
        }
        input += stretch.len();
        block += stretch.len().div_ceil(LANES);
    }
}

/// Rows of x, and the errors that meet them.
#[derive(Clone, Copy)]
struct Lines<'a> {
    /// x `[…, cols]`
    values: &'a [f32],
    cols: usize,
    /// Its rows from `last` on, with room behind them.
    tail: &'a [f32],
    last: usize,
    rows: &'a [u32],
    /// `[rows, width]`, from the place's first channel on.
    errors: &'a [f32],
    width: usize,
}

impl Lines<'_> {
    /// Calls `each` with G vectors of every row from column `at` on, and the row's errors from channel `first` on.
    #[inline(always)]
    fn each<const G: usize>(&self, at: usize, first: usize, mut each: impl FnMut(&[f32], &[f32])) {
        for (i, row) in self.rows.iter().enumerate() {
            let row = *row as usize;
            let line = match row.checked_sub(self.last) {
                Some(row) => &self.tail[row * self.cols..],
                None => &self.values[row * self.cols..],
            };
            each(&line[at..at + G * LANES], &self.errors[i * self.width + first..]);
        }
    }
}

struct Place<'a> {
    seen: Lines<'a>,
    stretches: &'a [Range<usize>],
    channels: usize,
    sums: &'a mut [f32],
}

impl Kernel for Place<'_> {
    #[inline(always)]
    fn run<const MR: usize, const NR: usize, const FMA: bool>(mut self) {
        let mut block = 0;
        for stretch in self.stretches {
            let mut at = stretch.start;
            while at < stretch.end {
                // As many as the registers hold beside each other.
                let group = if NR > LANES { (stretch.end - at).div_ceil(LANES).min(GROUP) } else { 1 };
                match group {
                    1 => self.channels::<1, FMA>(at, block),
                    2 => self.channels::<2, FMA>(at, block),
                    _ => self.channels::<GROUP, FMA>(at, block),
                }
                (at, block) = (at + group * LANES, block + group);
            }
        }
    }
}

impl Place<'_> {
    /// G vectors of inputs, all channels.
    #[inline(always)]
    fn channels<const G: usize, const FMA: bool>(&mut self, at: usize, block: usize) {
        for first in (0..self.channels).step_by(CHANNELS) {
            match self.channels - first {
                1 => self.some::<G, 1, FMA>(at, first, block),
                2 => self.some::<G, 2, FMA>(at, first, block),
                3 => self.some::<G, 3, FMA>(at, first, block),
                _ => self.some::<G, CHANNELS, FMA>(at, first, block),
            }
        }
    }

    /// G vectors of inputs, C channels.
    #[inline(always)]
    fn some<const G: usize, const C: usize, const FMA: bool>(
        &mut self,
        at: usize,
        first: usize,
        block: usize,
    ) {
        let mut sums = [[[0.0_f32; LANES]; C]; G];
        self.seen.each::<G>(at, first, |x, errors| {
            macro_rules! vectors {
                ($($g:literal)*) => { $(
                    if $g < G {
                        let x = x[$g * LANES..].first_chunk().expect("G vectors");
                        add_product::<C, LANES, FMA>(errors, 1, x, &mut sums[$g]);
                    }
                )* };
            }
            vectors!(0 1 2);
        });
        for (g, sums) in sums.iter().enumerate() {
            let all = &mut self.sums[((block + g) * self.channels + first) * LANES..];
            for (all, sum) in all.iter_mut().zip(sums.as_flattened()) {
                *all += sum;
            }
        }
    }
}
