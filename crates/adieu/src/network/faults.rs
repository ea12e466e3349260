//! What cannot be about a network, whatever the data, and whether its weights fit into a machine.

use adieu_core::parts::precision::Precision;
use adieu_core::parts::shape::Shape;

use super::shapes::shapes;
use crate::plan::fault;
use crate::recipe::{Engine, Fault, LayerKind, LayerRecipe, ModelRecipe};

/// Widths beyond this are taken for slips of the pen: one matrix of it would not fit most memories.
const WIDEST: u64 = 1 << 17;

/// What is wrong with the model, whatever the data.
pub(crate) fn model_faults(model: &ModelRecipe) -> Vec<Fault> {
    let mut faults = engine_faults(model);
    if model.blocks.is_empty() {
        faults.push(fault(
            "model.blocks",
            "there is no block".into(),
            "write one list a block: [[1000], [1000], [1000]]",
        ));
    }
    for (b, layers) in model.blocks.iter().enumerate() {
        if layers.is_empty() {
            faults.push(fault(
                &format!("model.blocks[{b}]"),
                "the block has no layer".into(),
                "give it a width, as in [1000], or leave it out",
            ));
        }
        for (i, layer) in layers.iter().enumerate() {
            layer_faults(model, layer, &format!("model.blocks[{b}][{i}]"), &mut faults);
        }
    }
    faults
}

fn engine_faults(model: &ModelRecipe) -> Vec<Fault> {
    let mut faults = Vec::new();
    let precision = model.precision;
    if !precision.is_available() {
        faults.push(fault(
            "model.precision",
            format!("this processor does not multiply {}", precision.name()),
            "choose precision = \"f32\", or a processor with avx512_bf16",
        ));
    }
    if model.engine == Engine::Burn && precision != Precision::F32 {
        faults.push(fault(
            "model.precision",
            format!("Burn's operations do not multiply {} with sums in f32", precision.name()),
            "choose precision = \"f32\", or engine = \"kernels\"",
        ));
    }
    faults
}

fn layer_faults(model: &ModelRecipe, layer: &LayerRecipe, key: &str, faults: &mut Vec<Fault>) {
    let units = |units: u64, key: &str| {
        let what = || format!("{units} units are not a layer");
        let remedy = format!("choose 1 to {WIDEST} units");
        (!(1..=WIDEST).contains(&units)).then(|| fault(key, what(), &remedy))
    };
    let kind = match layer {
        LayerRecipe::Dense(width) => return faults.extend(units(*width, key)),
        LayerRecipe::Kind(kind) => kind,
    };
    if let LayerKind::Residual(residual) = kind {
        for (name, layers) in [("layers", &residual.layers), ("around", &residual.around)] {
            for (i, layer) in layers.iter().enumerate() {
                layer_faults(model, layer, &format!("{key}.{name}[{i}]"), faults);
            }
        }
        if residual.projected && !residual.around.is_empty() {
            let what = "the way around has layers, and is to be a linear map too".to_string();
            faults.push(fault(&format!("{key}.projected"), what, "leave one of them out"));
        }
    }
    let name = kind.name();
    if let Some(fields) = kind.fields() {
        faults.extend(units(fields.channels, &format!("{key}.channels")));
    }
    if let LayerKind::Local(fields) = kind
        && fields.groups > 1
    {
        let what = "a local layer has no groups".to_string();
        faults.push(fault(
            &format!("{key}.groups"),
            what,
            "leave them out, or choose kind = \"convolution\"",
        ));
    }
    let reach = match kind {
        LayerKind::Local(fields) | LayerKind::Convolution(fields) => {
            Some((fields.padding, fields.field, "field"))
        }
        LayerKind::MaxPool(pool) | LayerKind::AveragePool(pool) => {
            Some((pool.padding, pool.window, "window"))
        }
        _ => None,
    };
    if let Some((padding, side, word)) = reach.filter(|(padding, side, _)| padding >= side) {
        let what = format!("with {padding} pixels of padding a {word} of {side} can miss the image");
        faults.push(fault(&format!("{key}.padding"), what, &format!("choose less than {side}")));
    }
    if model.engine == Engine::Burn {
        let what = format!("Burn's operations have no {name} layer here");
        faults.push(fault("model.engine", what, "choose engine = \"kernels\", or dense layers"));
    }
    let single = match kind {
        LayerKind::Convolution(_)
        | LayerKind::Patches(_)
        | LayerKind::Attention(_)
        | LayerKind::Transformer(_) => true,
        LayerKind::Residual(residual) => residual.projected,
        _ => false,
    };
    if single && model.precision != Precision::F32 {
        let what = format!("`{name}` does not multiply {}", model.precision.name());
        faults.push(fault("model.precision", what, "choose precision = \"f32\", or other layers"));
    }
}

/// What in a block learns and cannot be taught by a goodness of its own; `key` is where the block is written.
pub(crate) fn not_alone(layers: &[LayerRecipe], key: &str) -> Option<Fault> {
    layers.iter().enumerate().find_map(|(i, layer)| {
        let LayerRecipe::Kind(kind) = layer else { return None };
        let key = format!("{key}[{i}]");
        match kind {
            LayerKind::GroupNorm(_)
            | LayerKind::LayerNorm(_)
            | LayerKind::RmsNorm(_)
            | LayerKind::BatchNorm(_)
                if kind.learns() =>
            {
                let what = "a norm's gain and shift have no goodness of their own".to_string();
                Some(fault(&format!("{key}.affine"), what, "set affine = false"))
            }
            LayerKind::Transformer(_) => {
                let what = "the norms in a transformer's block have no goodness of their own".to_string();
                let remedy =
                    "write it as residual layers: layer_norm and attention, layer_norm and per_token";
                Some(fault(&key, what, remedy))
            }
            LayerKind::Residual(residual) => {
                let around = residual.around.iter().position(LayerRecipe::learns);
                let around = around.map(|i| format!("{key}.around[{i}]"));
                match around.or(residual.projected.then(|| format!("{key}.projected"))) {
                    Some(key) => {
                        let what = "a way around that learns has no goodness of its own".to_string();
                        Some(fault(&key, what, "let it be a pool, or nothing"))
                    }
                    None => not_alone(&residual.layers, &format!("{key}.layers")),
                }
            }
            _ => None,
        }
    })
}

/// Weights that cannot fit into this machine's memory, with a moment for each.
pub(crate) fn size_fault(model: &ModelRecipe, input: Shape, memory_bytes: Option<u64>) -> Option<Fault> {
    const GIB: f64 = (1_u64 << 30) as f64;
    let outputs = shapes(model, input).ok()?.concat();
    let inputs = std::iter::once(input).chain(outputs.iter().copied());
    let layers = model.blocks.iter().flatten().zip(inputs.zip(&outputs));
    let weights: f64 = layers.map(|(layer, (input, output))| most_weights(layer, input, *output)).sum();
    let (needed, memory) = (2.0 * weights * size_of::<f32>() as f64, memory_bytes? as f64);
    let what = format!(
        "the weights and their moments take {:.0} GiB, this machine has {:.1}",
        needed / GIB,
        memory / GIB
    );
    (needed > memory)
        .then(|| fault("model.blocks", what, "choose narrower layers, or a machine with more memory"))
}

/// Weights of a layer, fields at the border counted whole.
fn most_weights(layer: &LayerRecipe, input: Shape, output: Shape) -> f64 {
    let (n_in, n_out) = (input.features() as f64, output.features() as f64);
    let LayerRecipe::Kind(kind) = layer else { return n_in * n_out };
    let d = if let Shape::Tokens { d, .. } = input { d as f64 } else { 0.0 };
    match kind {
        LayerKind::Residual(residual) => {
            let weights = |layers: &[LayerRecipe]| {
                layers.iter().fold((0.0, input), |(sum, before), layer| {
                    let shape = super::shapes::output(layer, before, "").unwrap_or(before);
                    (sum + most_weights(layer, before, shape), shape)
                })
            };
            let (inside, shape) = weights(&residual.layers);
            let inside: f64 = inside + weights(&residual.around).0;
            let past = match (residual.projected, input, shape) {
                (false, ..) => 0.0,
                (true, Shape::Image { c, .. } | Shape::Pixels { c, .. }, Shape::Pixels { c: wide, .. }) => {
                    c as f64 * wide as f64
                }
                (true, ..) => n_in * n_out,
            };
            return inside + past;
        }
        LayerKind::PerToken(dense) => return d * dense.units as f64,
        LayerKind::Attention(_) => return 4.0 * d * d,
        LayerKind::Transformer(transformer) => return 4.0 * d * d + 2.0 * d * transformer.hidden as f64,
        _ => {}
    }
    let (Shape::Image { c, .. } | Shape::Pixels { c, .. }) = input else { return 0.0 };
    match kind {
        LayerKind::Local(fields) => (fields.field * fields.field) as f64 * c as f64 * n_out,
        LayerKind::Patches(patches) => (patches.side * patches.side * patches.features) as f64 * c as f64,
        LayerKind::Convolution(fields) => {
            (fields.field * fields.field) as f64 * c as f64 * fields.channels as f64 / fields.groups as f64
        }
        _ => 0.0,
    }
}
