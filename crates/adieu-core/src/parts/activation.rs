//! Activations `h = φ(a)`, element by element.

use adieu_kernels::Activation as Kernel;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a dense block applies to its total input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// h = max(0, a).
    #[default]
    Relu,
    /// h = a for a > 0, else 0.01 a.
    LeakyRelu,
    /// h = tanh a.
    Tanh,
    /// h = σ(a) = 1 / (1 + e⁻ᵃ).
    Sigmoid,
    /// h = a Φ(a), the exact form (Hendrycks & Gimpel 2016, arXiv:1606.08415).
    Gelu,
    /// h = a σ(a), also called swish.
    Silu,
    /// h = log(1 + eᵃ).
    Softplus,
    /// h = a for a > 0, else eᵃ − 1 (Clevert et al. 2015, arXiv:1511.07289).
    Elu,
    /// h = 3 ln(1 + a²/5): the surprise (ν + 1)/2 ln(1 + a²/ν) of Student's t-distribution at ν = 5, less what a = 0
    /// has (Hinton 2022, arXiv:2212.13345, names it under future work). Even: the sign of a is lost.
    StudentT,
    /// h = a.
    Identity,
}

impl Activation {
    /// All of them.
    pub const ALL: [Activation; 10] = [
        Activation::Relu,
        Activation::LeakyRelu,
        Activation::Tanh,
        Activation::Sigmoid,
        Activation::Gelu,
        Activation::Silu,
        Activation::Softplus,
        Activation::Elu,
        Activation::StudentT,
        Activation::Identity,
    ];

    /// What people write.
    pub fn name(self) -> &'static str {
        match self {
            Activation::Relu => "relu",
            Activation::LeakyRelu => "leaky_relu",
            Activation::Tanh => "tanh",
            Activation::Sigmoid => "sigmoid",
            Activation::Gelu => "gelu",
            Activation::Silu => "silu",
            Activation::Softplus => "softplus",
            Activation::Elu => "elu",
            Activation::StudentT => "student_t",
            Activation::Identity => "identity",
        }
    }

    /// The kernels' twin.
    pub fn kernel(self) -> Kernel {
        match self {
            Activation::Relu => Kernel::Relu,
            Activation::LeakyRelu => Kernel::LeakyRelu { slope: 0.01 },
            Activation::Tanh => Kernel::Tanh,
            Activation::Sigmoid => Kernel::Sigmoid,
            Activation::Gelu => Kernel::Gelu,
            Activation::Silu => Kernel::Silu,
            Activation::Softplus => Kernel::Softplus,
            Activation::Elu => Kernel::Elu { alpha: 1.0 },
            Activation::StudentT => Kernel::StudentT { nu: 5.0 },
            Activation::Identity => Kernel::Identity,
        }
    }
}
