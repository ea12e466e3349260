//! Layers of the network, as people write them.

use adieu_core::parts::activation::Activation;
use adieu_core::parts::residual::Join;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A layer of the network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum LayerRecipe {
    /// Dense: so many units, each sees all that comes before it.
    Dense(u64),
    /// Any other.
    Kind(LayerKind),
}

/// A layer that is more than a width: `{ kind = "convolution", field = 3, padding = 1, channels = 40 }`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum LayerKind {
    /// One channel more for the image, where a learner may show labels; of zeros for all others. The first layer.
    LabelChannel(NothingRecipe),
    /// Units that each see a square of an image, every place with weights of its own. Their outputs are an image again; a
    /// dense layer after them sees all of it.
    Local(FieldsRecipe),
    /// Units that each see a square of an image, all places with the same weights.
    Convolution(FieldsRecipe),
    /// The largest number of each window, channel by channel.
    MaxPool(PoolRecipe),
    /// The mean of each window, channel by channel.
    AveragePool(PoolRecipe),
    /// The mean of each channel over the whole image, or of each feature over all tokens.
    GlobalPool(NothingRecipe),
    /// Groups of neighbouring channels, each brought to mean 0 and deviation 1 over all pixels, row by row.
    GroupNorm(GroupNormRecipe),
    /// Rows brought to mean 0 and deviation 1.
    LayerNorm(AffineRecipe),
    /// Rows brought to root mean square 1.
    RmsNorm(AffineRecipe),
    /// Channels brought to mean 0 and deviation 1 over all pixels of all rows of a batch.
    BatchNorm(AffineRecipe),
    /// A share of what comes in is set to zero, in training only.
    Dropout(DropoutRecipe),
    /// What of a place's channels is above their mean, as an activation.
    Triangle(TriangleRecipe),
    /// Layers with a way around them, which their output is added to or put beside.
    Residual(ResidualRecipe),
    /// The squares of an image as tokens, each with a learned place.
    Patches(PatchesRecipe),
    /// A dense layer for each token.
    PerToken(PerTokenRecipe),
    /// Every token looks at all tokens of its row.
    Attention(AttentionRecipe),
    /// Attention and two dense layers a token, each behind a norm and added to its input.
    Transformer(TransformerRecipe),
}

/// Units that each see a square of an image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FieldsRecipe {
    /// Height and width of what a unit sees, pixels.
    #[schemars(range(min = 1, max = 65_536))]
    pub field: u64,
    /// Pixels from one place to the next.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 65_536))]
    pub stride: u64,
    /// How far fields may reach beyond the image, pixels; less than a field. There is nothing out there.
    #[serde(default)]
    #[schemars(range(min = 0, max = 65_535))]
    pub padding: u64,
    /// Units at each place.
    pub channels: u64,
    /// Cut channels in and out into so many groups, of which each sees its own; of a convolution only.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 65_536))]
    pub groups: u64,
    /// What it applies to its total input; left out, what the model says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activation: Option<Activation>,
}

fn one() -> u64 {
    1
}

/// A window over an image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PoolRecipe {
    /// Height and width of the window, pixels.
    #[schemars(range(min = 1, max = 65_536))]
    pub window: u64,
    /// Pixels from one place to the next; left out, those of the window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65_536))]
    pub stride: Option<u64>,
    /// How far windows may reach beyond the image, pixels; less than a window. What is out there takes no part.
    #[serde(default)]
    #[schemars(range(min = 0, max = 65_535))]
    pub padding: u64,
}

/// Nothing to set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NothingRecipe {}

/// Groups of channels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupNormRecipe {
    /// How many groups; they divide the channels.
    #[schemars(range(min = 1, max = 65_536))]
    pub groups: u64,
    /// Learn a gain and a shift a channel afterwards.
    #[serde(default)]
    pub affine: bool,
}

/// What may follow a norm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AffineRecipe {
    /// Learn a gain and a shift a channel afterwards.
    #[serde(default)]
    pub affine: bool,
}

/// What is dropped.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DropoutRecipe {
    /// Its share.
    #[schemars(range(min = 0.0, max = 0.95))]
    pub share: f64,
}

/// What is above the mean.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TriangleRecipe {
    /// The power that it is raised to.
    #[serde(default = "first_power")]
    #[schemars(range(min = 0.01, max = 16.0))]
    pub power: f64,
}

fn first_power() -> f64 {
    1.0
}

/// Layers with a way past them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResidualRecipe {
    /// The layers.
    #[schemars(length(min = 1))]
    pub layers: Vec<LayerRecipe>,
    /// Bring the input to the shape of the output by a learned linear map.
    #[serde(default)]
    pub projected: bool,
    /// What the input goes through on its way around, such as a pool where the layers halve an image; left out, nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub around: Vec<LayerRecipe>,
    /// How both become one: added, which wants one shape, or their channels beside one another.
    #[serde(default)]
    pub join: Join,
}

/// Squares of an image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PatchesRecipe {
    /// Height and width of a square, pixels; it divides those of the image.
    #[schemars(range(min = 1, max = 65_536))]
    pub side: u64,
    /// Features of a token.
    #[schemars(range(min = 1, max = 131_072))]
    pub features: u64,
}

/// A dense layer for each token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PerTokenRecipe {
    /// Its units.
    #[schemars(range(min = 1, max = 131_072))]
    pub units: u64,
    /// What it applies to its total input; left out, what the model says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activation: Option<Activation>,
}

/// Attention.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AttentionRecipe {
    /// How many looks at a time; they divide the features of a token.
    #[schemars(range(min = 1, max = 65_536))]
    pub heads: u64,
}

/// A transformer's block.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TransformerRecipe {
    /// How many looks at a time; they divide the features of a token.
    #[schemars(range(min = 1, max = 65_536))]
    pub heads: u64,
    /// Units of the wider of the two dense layers.
    #[schemars(range(min = 1, max = 131_072))]
    pub hidden: u64,
    /// What that layer applies to its total input.
    #[serde(default = "gelu")]
    pub activation: Activation,
}

fn gelu() -> Activation {
    Activation::Gelu
}

impl LayerRecipe {
    /// Whether it has anything to learn.
    pub fn learns(&self) -> bool {
        match self {
            LayerRecipe::Dense(_) => true,
            LayerRecipe::Kind(kind) => kind.learns(),
        }
    }
}

impl LayerKind {
    /// What recipes call it.
    pub fn name(&self) -> &'static str {
        match self {
            LayerKind::LabelChannel(_) => "label_channel",
            LayerKind::Local(_) => "local",
            LayerKind::Convolution(_) => "convolution",
            LayerKind::MaxPool(_) => "max_pool",
            LayerKind::AveragePool(_) => "average_pool",
            LayerKind::GlobalPool(_) => "global_pool",
            LayerKind::GroupNorm(_) => "group_norm",
            LayerKind::LayerNorm(_) => "layer_norm",
            LayerKind::RmsNorm(_) => "rms_norm",
            LayerKind::BatchNorm(_) => "batch_norm",
            LayerKind::Dropout(_) => "dropout",
            LayerKind::Triangle(_) => "triangle",
            LayerKind::Residual(_) => "residual",
            LayerKind::Patches(_) => "patches",
            LayerKind::PerToken(_) => "per_token",
            LayerKind::Attention(_) => "attention",
            LayerKind::Transformer(_) => "transformer",
        }
    }

    /// Whether it has anything to learn.
    pub fn learns(&self) -> bool {
        match self {
            LayerKind::LabelChannel(_)
            | LayerKind::MaxPool(_)
            | LayerKind::AveragePool(_)
            | LayerKind::GlobalPool(_)
            | LayerKind::Dropout(_)
            | LayerKind::Triangle(_) => false,
            LayerKind::GroupNorm(norm) => norm.affine,
            LayerKind::LayerNorm(norm) | LayerKind::RmsNorm(norm) | LayerKind::BatchNorm(norm) => norm.affine,
            LayerKind::Residual(residual) => {
                residual.projected || residual.layers.iter().chain(&residual.around).any(LayerRecipe::learns)
            }
            LayerKind::Local(_)
            | LayerKind::Convolution(_)
            | LayerKind::Patches(_)
            | LayerKind::PerToken(_)
            | LayerKind::Attention(_)
            | LayerKind::Transformer(_) => true,
        }
    }

    /// Fields, where it has some.
    pub fn fields(&self) -> Option<&FieldsRecipe> {
        match self {
            LayerKind::Local(fields) | LayerKind::Convolution(fields) => Some(fields),
            _ => None,
        }
    }
}
