//! Instruction sets: which are here, which is used, and how generic code is compiled for each.
//!
//! A [`Kernel`] is written once, generic over the tile it should use; [`Isa::run`] calls it from inside a
//! function that carries the right `#[target_feature]`. Since the kernel is `#[inline(always)]`, the compiler
//! then sees plain loops over arrays *with* the wide registers enabled, and makes the vector code itself: no
//! intrinsics, one source.

use std::cell::Cell;
use std::sync::OnceLock;

/// A family of vector instructions that the kernels are compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Isa {
    /// What every processor of the architecture has; no fused multiply-add.
    Scalar,
    /// 128-bit registers of 64-bit ARM, with fused multiply-add.
    Neon,
    /// 256-bit registers of x86-64, with fused multiply-add.
    Avx2,
    /// 512-bit registers of x86-64 (F, VL, DQ and BW).
    Avx512,
}

/// The tile of the product that fits the registers of an instruction set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Geometry {
    /// Rows of a tile: MR.
    pub(crate) height: usize,
    /// Columns of a tile: NR. Divides the panel's 32.
    pub(crate) width: usize,
}

impl Isa {
    const ALL: [Self; 4] = [Self::Avx512, Self::Avx2, Self::Neon, Self::Scalar];

    /// `"avx512"`, `"avx2"`, `"neon"` or `"scalar"`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::Neon => "neon",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
        }
    }

    /// Whether this processor has it.
    #[must_use]
    pub fn is_available(self) -> bool {
        match self {
            Self::Scalar => true,
            Self::Neon => cfg!(target_arch = "aarch64"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => {
                Self::Avx2.is_available()
                    && is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512vl")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512bw")
            }
            #[cfg(not(target_arch = "x86_64"))]
            Self::Avx2 | Self::Avx512 => false,
        }
    }

    /// Those that this processor has, best first; always ends with [`Isa::Scalar`].
    pub fn available() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|isa| isa.is_available())
    }

    /// Whether multiplication and addition round once, together.
    #[must_use]
    pub fn has_fused_multiply_add(self) -> bool {
        self != Self::Scalar
    }

    pub(crate) fn geometry(self) -> Geometry {
        let (height, width) = match self {
            Self::Avx512 => (12, 32), // 24 of 32 registers accumulate, 2 hold the right operand
            Self::Avx2 => (6, 16),    // 12 of 16, 2
            Self::Neon => (6, 16),    // 24 of 32, 4
            Self::Scalar => (4, 8),   // 8 of 16, 2, with the 128-bit registers every x86-64 has
        };
        Geometry { height, width }
    }

    /// Runs `kernel` compiled for this instruction set, which must be available.
    pub(crate) fn run(self, kernel: impl Kernel) {
        debug_assert!(self.is_available(), "{} is not available here", self.name());
        match self {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: `isa()` and `with_isa`, the only sources of the values that reach this function, have
            // asked the processor; asserted above in debug builds.
            Self::Avx512 => unsafe { on_avx512(kernel) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Self::Avx2 => unsafe { on_avx2(kernel) },
            #[cfg(target_arch = "aarch64")]
            Self::Neon => kernel.run::<6, 16, true>(), // part of the architecture's baseline
            _ => kernel.run::<4, 8, false>(),
        }
    }
}

/// Work that is compiled once for each instruction set. Implementations are `#[inline(always)]`, down to the
/// loops.
pub(crate) trait Kernel {
    /// `MR` × `NR` is the tile of [`Isa::geometry`]; `FMA` says whether multiply-add is one instruction.
    fn run<const MR: usize, const NR: usize, const FMA: bool>(self);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma")]
fn on_avx512(kernel: impl Kernel) {
    kernel.run::<12, 32, true>();
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn on_avx2(kernel: impl Kernel) {
    kernel.run::<6, 16, true>();
}

thread_local! {
    static FORCED: Cell<Option<Isa>> = const { Cell::new(None) };
}

/// The instruction set that products called from this thread use: the best there is, or the one that
/// [`with_isa`] set.
#[must_use]
pub fn isa() -> Isa {
    static BEST: OnceLock<Isa> = OnceLock::new();
    let best = || *BEST.get_or_init(|| Isa::available().next().unwrap_or(Isa::Scalar));
    FORCED.get().unwrap_or_else(best)
}

/// Calls `f` with the kernels held to `isa`, for tests and measurements. It binds the calling thread only (a
/// product's helpers follow the thread that called it), so go inside `ThreadPool::install` first.
///
/// # Panics
/// If this processor lacks `isa`.
pub fn with_isa<R>(isa: Isa, f: impl FnOnce() -> R) -> R {
    /// Restores what was forced before, also when `f` panics.
    struct Restore(Option<Isa>);
    impl Drop for Restore {
        fn drop(&mut self) {
            FORCED.set(self.0);
        }
    }
    assert!(isa.is_available(), "this processor has no {}; see Isa::available", isa.name());
    let _restore = Restore(FORCED.replace(Some(isa)));
    f()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalar_is_always_there_and_comes_last() {
        assert_eq!(Isa::available().last(), Some(Isa::Scalar));
        assert_eq!(Some(isa()), Isa::available().next());
    }

    #[test]
    fn with_isa_holds_inside_only_also_after_a_panic() {
        let best = isa();
        assert_eq!(with_isa(Isa::Scalar, isa), Isa::Scalar);
        assert!(std::panic::catch_unwind(|| with_isa(Isa::Scalar, || panic!("out"))).is_err());
        assert_eq!(isa(), best);
    }

    #[test]
    fn geometry_is_what_the_kernels_are_compiled_for() {
        struct Check(Isa);
        impl Kernel for Check {
            fn run<const MR: usize, const NR: usize, const FMA: bool>(self) {
                let geometry = self.0.geometry();
                assert_eq!((geometry.height, geometry.width), (MR, NR), "{}", self.0.name());
                assert_eq!(self.0.has_fused_multiply_add(), FMA, "{}", self.0.name());
            }
        }
        for isa in Isa::available() {
            isa.run(Check(isa));
        }
    }
}
