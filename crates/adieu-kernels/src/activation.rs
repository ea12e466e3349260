//! What follows the weighted sum: `h = φ(a)`, element by element, and its slope φ′.
//!
//! Each activation is a small [`Curve`], formula and slope side by side; [`Activation`] is the choice between
//! them.

use crate::crew::Shared;
use crate::elementary::{erfc_of_positive, exp, exp_m1_of_negative, ln_1p_of_fraction, ln_1p_of_positive};
use crate::pass::{self, Pass};
use std::f32::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};
use std::ops::Range;

/// The non-linearity φ of a layer, applied to each pre-activation `a`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Activation {
    /// φ(a) = a
    #[default]
    Identity,
    /// φ(a) = max(a, 0); the slope at 0 is 0.
    Relu,
    /// φ(a) = a for a > 0, else slope·a.
    LeakyRelu {
        /// The slope on the negative side.
        slope: f32,
    },
    /// φ(a) = tanh a
    Tanh,
    /// φ(a) = σ(a) = 1 / (1 + e⁻ᵃ)
    Sigmoid,
    /// φ(a) = a·Φ(a), with Φ the normal distribution function: the exact form by erf (Hendrycks and Gimpel,
    /// arXiv 1606.08415), not the approximation by tanh.
    Gelu,
    /// φ(a) = a·σ(a), also called swish.
    Silu,
    /// φ(a) = ln(1 + eᵃ)
    Softplus,
    /// φ(a) = a for a > 0, else alpha·(eᵃ − 1).
    Elu {
        /// Minus the limit for a → −∞.
        alpha: f32,
    },
    /// φ(a) = (ν + 1)/2 · ln(1 + a²/ν): how surprising a is under Student's t-distribution, less what a = 0 is.
    StudentT {
        /// ν > 0, the degrees of freedom.
        nu: f32,
    },
}

/// A function of one number with its derivative. NaN in, NaN out, in all three.
trait Curve: Copy {
    /// φ(a)
    fn value(self, a: f32) -> f32;
    /// φ′(a)
    fn slope(self, a: f32) -> f32;
    /// φ′(a) given only h = φ(a); called only where h says enough.
    fn slope_from_output(self, h: f32) -> f32;
}

/// Binds `$curve` to the curve that `$activation` names and evaluates `$body`, compiled for each curve apart:
/// a loop in it is vectorised with the formula inside.
macro_rules! with_curve {
    ($activation:expr, $curve:ident => $body:expr) => {
        match $activation {
            Activation::Identity => {
                let $curve = Identity;
                $body
            }
            Activation::Relu => {
                let $curve = Rectifier { slope: 0.0 };
                $body
            }
            Activation::LeakyRelu { slope } => {
                let $curve = Rectifier { slope };
                $body
            }
            Activation::Tanh => {
                let $curve = Tanh;
                $body
            }
            Activation::Sigmoid => {
                let $curve = Sigmoid;
                $body
            }
            Activation::Gelu => {
                let $curve = Gelu;
                $body
            }
            Activation::Silu => {
                let $curve = Silu;
                $body
            }
            Activation::Softplus => {
                let $curve = Softplus;
                $body
            }
            Activation::Elu { alpha } => {
                let $curve = Elu { alpha };
                $body
            }
            Activation::StudentT { nu } => {
                let $curve = StudentT { nu };
                $body
            }
        }
    };
}

impl Activation {
    /// φ(a). Finite for finite `a`, save that values beyond f32 overflow to infinity.
    #[must_use]
    pub fn value(self, a: f32) -> f32 {
        with_curve!(self, curve => curve.value(a))
    }

    /// dφ/da at the pre-activation `a`.
    #[must_use]
    pub fn slope(self, a: f32) -> f32 {
        with_curve!(self, curve => curve.slope(a))
    }

    /// dφ/da from the output `h = φ(a)`. `None` where `a` itself is [needed](Self::needs_input).
    #[must_use]
    pub fn slope_from_output(self, h: f32) -> Option<f32> {
        (!self.needs_input()).then(|| with_curve!(self, curve => curve.slope_from_output(h)))
    }

    /// Whether the slope cannot be told from the output, so that training must keep the pre-activations: GELU,
    /// SiLU and Student's t, which fall before they rise, and a negative `slope` or `alpha`.
    #[must_use]
    pub fn needs_input(self) -> bool {
        match self {
            Self::Gelu | Self::Silu | Self::StudentT { .. } => true,
            Self::LeakyRelu { slope: parameter } | Self::Elu { alpha: parameter } => parameter < 0.0,
            Self::Identity | Self::Relu | Self::Tanh | Self::Sigmoid | Self::Softplus => false,
        }
    }

    /// `a → φ(a)`, in place.
    pub fn apply(self, values: &mut [f32]) {
        let len = values.len();
        pass::run(len, &Apply { activation: self, values: Shared::new(values) });
    }

    /// The pullback `dh → da = dh ⊙ φ′`, in place. `kept` are the pre-activations where
    /// [`Self::needs_input`], the outputs otherwise.
    ///
    /// # Panics
    /// If the lengths differ.
    pub fn pull_back(self, kept: &[f32], gradient: &mut [f32]) {
        assert_eq!(kept.len(), gradient.len(), "kept values and gradient differ in length");
        let len = kept.len();
        pass::run(len, &PullBack { activation: self, kept, gradient: Shared::new(gradient) });
    }

    /// [`Self::pull_back`] on the calling thread, compiled into its caller.
    #[inline(always)]
    pub(crate) fn pull_back_here(self, kept: &[f32], gradient: &mut [f32]) {
        let pairs = gradient.iter_mut().zip(kept);
        if self.needs_input() {
            with_curve!(self, curve => for (d, &a) in pairs { *d *= curve.slope(a); });
        } else {
            with_curve!(self, curve => for (d, &h) in pairs { *d *= curve.slope_from_output(h); });
        }
    }

    /// [`Self::apply`] on the calling thread, compiled into its caller.
    #[inline(always)]
    pub(crate) fn apply_here(self, values: &mut [f32]) {
        with_curve!(self, curve => for v in values { *v = curve.value(*v); });
    }
}

struct Apply<'a> {
    activation: Activation,
    values: Shared<'a>,
}

impl Pass for Apply<'_> {
    #[inline(always)]
    fn part(&self, range: Range<usize>) {
        // SAFETY: the ranges of a pass are in bounds and disjoint.
        self.activation.apply_here(unsafe { self.values.part_mut(range.start, range.len()) });
    }
}

struct PullBack<'a> {
    activation: Activation,
    kept: &'a [f32],
    gradient: Shared<'a>,
}

impl Pass for PullBack<'_> {
    #[inline(always)]
    fn part(&self, range: Range<usize>) {
        // SAFETY: the ranges of a pass are in bounds and disjoint.
        let gradient = unsafe { self.gradient.part_mut(range.start, range.len()) };
        self.activation.pull_back_here(&self.kept[range], gradient);
    }
}

/// `positive` where v > 0, `negative` where v ≤ 0, v itself where it is NaN.
#[inline(always)]
fn by_sign(v: f32, positive: f32, negative: f32) -> f32 {
    let otherwise = if v <= 0.0 { negative } else { v };
    if v > 0.0 { positive } else { otherwise }
}

/// 1 / (1 + e⁻ᵃ), written so that neither side overflows.
#[inline(always)]
fn sigmoid(a: f32) -> f32 {
    let e = exp(-a.abs());
    let above = 1.0 / (1.0 + e);
    if a < 0.0 { e * above } else { above }
}

#[derive(Clone, Copy)]
struct Identity;

impl Curve for Identity {
    #[inline(always)]
    fn value(self, a: f32) -> f32 {
        a
    }
    #[inline(always)]
    fn slope(self, a: f32) -> f32 {
        by_sign(a, 1.0, 1.0)
    }
    #[inline(always)]
    fn slope_from_output(self, h: f32) -> f32 {
        by_sign(h, 1.0, 1.0)
    }
}

/// ReLU (slope 0) and leaky ReLU.
#[derive(Clone, Copy)]
struct Rectifier {
    slope: f32,
}

impl Curve for Rectifier {
    #[inline(always)]
    fn value(self, a: f32) -> f32 {
        // Not max(a, 0), which would turn NaN into 0; nor slope·a for slope 0, which would turn −∞ into NaN.
        by_sign(a, a, if self.slope == 0.0 { 0.0 } else { self.slope * a })
    }
    #[inline(always)]
    fn slope(self, a: f32) -> f32 {
        by_sign(a, 1.0, self.slope)
    }
    #[inline(always)]
    fn slope_from_output(self, h: f32) -> f32 {
        by_sign(h, 1.0, self.slope)
    }
}

#[derive(Clone, Copy)]
struct Tanh;

impl Curve for Tanh {
    #[inline(always)]
    fn value(self, a: f32) -> f32 {
        // tanh|a| = −m / (2 + m) with m = e^(−2|a|) − 1: no cancellation near zero.
        let m = exp_m1_of_negative(-2.0 * a.abs());
        (-m / (2.0 + m)).copysign(a)
    }
    #[inline(always)]
    fn slope(self, a: f32) -> f32 {
        self.slope_from_output(self.value(a))
    }
    #[inline(always)]
    fn slope_from_output(self, h: f32) -> f32 {
        (1.0 - h) * (1.0 + h)
    }
}

#[derive(Clone, Copy)]
struct Sigmoid;

impl Curve for Sigmoid {
    #[inline(always)]
    fn value(self, a: f32) -> f32 {
        sigmoid(a)
    }
    #[inline(always)]
    fn slope(self, a: f32) -> f32 {
        sigmoid(a) * sigmoid(-a)
    }
    #[inline(always)]
    fn slope_from_output(self, h: f32) -> f32 {
        h * (1.0 - h)
    }
}

#[derive(Clone, Copy)]
struct Gelu;

impl Gelu {
    /// Φ(a)
    #[inline(always)]
    fn distribution(a: f32) -> f32 {
        let tail = 0.5 * erfc_of_positive(a.abs() * FRAC_1_SQRT_2);
        if a < 0.0 { tail } else { 1.0 - tail }
    }
}

impl Curve for Gelu {
    #[inline(always)]
    fn value(self, a: f32) -> f32 {
        a * Self::distribution(a)
    }
    #[inline(always)]
    fn slope(self, a: f32) -> f32 {
        let density = 0.5 * FRAC_1_SQRT_2 * FRAC_2_SQRT_PI * exp(-0.5 * a * a);
        Self::distribution(a) + a * density
    }
    #[inline(always)]
    fn slope_from_output(self, _: f32) -> f32 {
        f32::NAN
    }
}

#[derive(Clone, Copy)]
struct Silu;

impl Curve for Silu {
    #[inline(always)]
    fn value(self, a: f32) -> f32 {
        a * sigmoid(a)
    }
    #[inline(always)]
    fn slope(self, a: f32) -> f32 {
        let s = sigmoid(a);
        s * (1.0 + a * sigmoid(-a)) // σ(−a) is 1 − σ(a) without its cancellation
    }
    #[inline(always)]
    fn slope_from_output(self, _: f32) -> f32 {
        f32::NAN
    }
}

#[derive(Clone, Copy)]
struct Softplus;

impl Curve for Softplus {
    #[inline(always)]
    fn value(self, a: f32) -> f32 {
        by_sign(a, a, 0.0) + ln_1p_of_fraction(exp(-a.abs()))
    }
    #[inline(always)]
    fn slope(self, a: f32) -> f32 {
        sigmoid(a)
    }
    #[inline(always)]
    fn slope_from_output(self, h: f32) -> f32 {
        -exp_m1_of_negative(-h)
    }
}

#[derive(Clone, Copy)]
struct Elu {
    alpha: f32,
}

impl Curve for Elu {
    #[inline(always)]
    fn value(self, a: f32) -> f32 {
        by_sign(a, a, self.alpha * exp_m1_of_negative(a))
    }
    #[inline(always)]
    fn slope(self, a: f32) -> f32 {
        by_sign(a, 1.0, self.alpha * exp(a))
    }
    #[inline(always)]
    fn slope_from_output(self, h: f32) -> f32 {
        by_sign(h, 1.0, h + self.alpha)
    }
}

#[derive(Clone, Copy)]
struct StudentT {
    nu: f32,
}

impl Curve for StudentT {
    #[inline(always)]
    fn value(self, a: f32) -> f32 {
        0.5 * (self.nu + 1.0) * ln_1p_of_positive(a * a / self.nu)
    }
    #[inline(always)]
    fn slope(self, a: f32) -> f32 {
        (self.nu + 1.0) * a / (self.nu + a * a)
    }
    #[inline(always)]
    fn slope_from_output(self, _: f32) -> f32 {
        f32::NAN
    }
}
