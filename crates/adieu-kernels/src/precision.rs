//! The numbers that a product multiplies: f32, or bf16 with sums in f32.
//!
//! A bf16 is the upper half of an f32: its eight bits of exponent, seven of fraction. The product of two is exact
//! in f32, so all that is lost is lost when operands are rounded, a relative 2⁻⁹ each at most. One instruction
//! multiplies and adds two neighbouring steps of a sum, twice the work of an f32 one. Weights, moments,
//! activations and errors stay f32 outside a product.

use crate::isa::{Isa, isa};
use crate::pairs::{self, Unit};
use crate::tile::{self, Tile};

/// What a product rounds its operands to. Its sums, and all that it writes, are f32 in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Precision {
    /// As they are.
    #[default]
    F32,
    /// To the nearest bf16, ties to even. Infinities and NaN are kept; numbers below 2⁻¹²⁶, and sums below it,
    /// count as zero.
    Bf16,
}

impl Precision {
    const ALL: [Self; 2] = [Self::F32, Self::Bf16];

    /// `"f32"` or `"bf16"`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
        }
    }

    /// Whether products called from this thread can have it: bf16 wants [`Isa::Avx512`] to be in
    /// [use](crate::isa()), and a processor with avx512bf16.
    #[must_use]
    pub fn is_available(self) -> bool {
        self == Self::F32 || unit().is_some()
    }

    /// Those that products called from this thread can have; always begins with [`Precision::F32`].
    pub fn available() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|precision| precision.is_available())
    }

    /// How operands are packed and multiplied.
    ///
    /// # Panics
    /// If it is not available.
    pub(crate) fn format(self) -> Format {
        match self {
            Self::F32 => Format::Single,
            Self::Bf16 => Format::Pairs(unit().expect("no bf16 here; see Precision::is_available")),
        }
    }
}

/// The bf16 instructions, where products called from this thread may use them.
pub(crate) fn unit() -> Option<Unit> {
    Unit::find().filter(|_| isa() == Isa::Avx512)
}

/// How operands stand in working memory, and what multiplies them.
#[derive(Clone, Copy)]
pub(crate) enum Format {
    /// One f32 a lane and step.
    Single,
    /// Two bf16 a lane and step: see `pairs.rs`.
    Pairs(Unit),
}

impl Format {
    /// The steps of the micro-kernel over a depth.
    pub(crate) fn steps(self, depth: usize) -> usize {
        match self {
            Self::Single => depth,
            Self::Pairs(_) => depth.div_ceil(2),
        }
    }

    /// Turns an operand that was just packed, `packed [depth][L]`, into this format, `[steps][L]` from its
    /// beginning on.
    #[inline(always)]
    pub(crate) fn settle<const L: usize>(self, packed: &mut [f32]) {
        if let Self::Pairs(_) = self {
            pairs::join_in_place::<L>(packed);
        }
    }

    /// [`Self::settle`] for a strip of `height`.
    #[inline(always)]
    pub(crate) fn settle_strip(self, height: usize, packed: &mut [f32]) {
        match height {
            12 => self.settle::<12>(packed),
            8 => self.settle::<8>(packed),
            4 => self.settle::<4>(packed),
            2 => self.settle::<2>(packed),
            1 => self.settle::<1>(packed),
            _ => debug_assert!(matches!(self, Self::Single), "no strip of pairs is {height} high"),
        }
    }

    /// The product of a packed left strip `[steps][H]` and lanes `lane..lane + W` of a right panel
    /// `[steps][32]`.
    #[inline(always)]
    pub(crate) fn packed<const H: usize, const W: usize, const FMA: bool>(
        self,
        left: &[f32],
        right: &[f32],
        lane: usize,
        tile: &mut Tile,
    ) {
        match self {
            Self::Single => tile::packed::<H, W, FMA>(left, right, lane, tile),
            Self::Pairs(unit) => {
                debug_assert_eq!(lane, 0, "AVX-512's tiles are as wide as a panel");
                unit.packed::<H, W>(left, right, tile);
            }
        }
    }
}
