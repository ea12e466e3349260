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
    /// h = a Φ(a), the exact form (Hendrycks & Gimpel 2016, arXiv:1606.08415).
    Gelu,
    /// h = a σ(a), also called swish.
    Silu,
    /// h = log(1 + eᵃ).
    Softplus,
    /// h = a for a > 0, else eᵃ − 1 (Clevert et al. 2015, arXiv:1511.07289).
    Elu,
    /// h = a.
    Identity,
}

impl Activation {
    /// All of them.
    pub const ALL: [Activation; 8] = [
        Activation::Relu,
        Activation::LeakyRelu,
        Activation::Tanh,
        Activation::Gelu,
        Activation::Silu,
        Activation::Softplus,
        Activation::Elu,
        Activation::Identity,
    ];

    /// What people write.
    pub fn name(self) -> &'static str {
        match self {
            Activation::Relu => "relu",
            Activation::LeakyRelu => "leaky_relu",
            Activation::Tanh => "tanh",
            Activation::Gelu => "gelu",
            Activation::Silu => "silu",
            Activation::Softplus => "softplus",
            Activation::Elu => "elu",
            Activation::Identity => "identity",
        }
    }

    /// The kernels' twin.
    pub fn kernel(self) -> Kernel {
        match self {
            Activation::Relu => Kernel::Relu,
            Activation::LeakyRelu => Kernel::LeakyRelu { slope: 0.01 },
            Activation::Tanh => Kernel::Tanh,
            Activation::Gelu => Kernel::Gelu,
            Activation::Silu => Kernel::Silu,
            Activation::Softplus => Kernel::Softplus,
            Activation::Elu => Kernel::Elu { alpha: 1.0 },
            Activation::Identity => Kernel::Identity,
        }
    }
}
