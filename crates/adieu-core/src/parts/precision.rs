//! The precision of products: what their operands are rounded to. Sums, weights, moments, activity and errors are f32
//! in any case.

use adieu_kernels::Precision as Kernel;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the products of a dense layer round their operands to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// Nothing: single precision throughout.
    #[default]
    F32,
    /// The nearest bfloat16, eight significant bits, where the processor multiplies such pairs (avx512_bf16).
    Bf16,
}

impl Precision {
    /// All of them.
    pub const ALL: [Precision; 2] = [Precision::F32, Precision::Bf16];

    /// What people write.
    pub fn name(self) -> &'static str {
        self.kernel().name()
    }

    /// Whether this processor has it.
    pub fn is_available(self) -> bool {
        self.kernel().is_available()
    }

    /// The kernels' twin.
    pub fn kernel(self) -> Kernel {
        match self {
            Precision::F32 => Kernel::F32,
            Precision::Bf16 => Kernel::Bf16,
        }
    }
}
