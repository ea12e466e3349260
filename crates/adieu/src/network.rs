//! The network of a recipe: its shapes, what cannot be about them, and the blocks themselves.

use adieu_core::parts::activation::Activation;
use adieu_core::parts::affine::Affine;
use adieu_core::parts::attention::{Attention, transformer};
use adieu_core::parts::batch_norm::BatchNorm;
use adieu_core::parts::block::{Block, shape_through};
use adieu_core::parts::chance::{Purpose, Rng};
use adieu_core::parts::composed::Composed;
use adieu_core::parts::convolution::Convolution;
use adieu_core::parts::dense::Dense;
use adieu_core::parts::dropout::Dropout;
use adieu_core::parts::grouped::Grouped;
use adieu_core::parts::host;
use adieu_core::parts::local::Local;
use adieu_core::parts::normalise::{Normalise, Over};
use adieu_core::parts::pool::{Of, Pool};
use adieu_core::parts::precision::Precision;
use adieu_core::parts::residual::Residual;
use adieu_core::parts::shape::{Shape, ShapeError};
use adieu_core::parts::stack::Stack;
use adieu_core::parts::tokens::{Patches, PerToken};
use adieu_core::parts::window::Window;

use crate::plan::fault;
use crate::recipe::{
    Engine, Fault, FieldsRecipe, LayerKind, LayerRecipe, ModelRecipe, PatchesRecipe, PoolRecipe, Recipe,
    ResidualRecipe,
};

/// Widths beyond this are taken for slips of the pen: one matrix of it would not fit most memories.
const WIDEST: u64 = 1 << 17;

impl FieldsRecipe {
    fn window(&self) -> Window {
        let side = |pixels: u64| pixels as usize;
        Window { kernel: side(self.field), stride: side(self.stride), padding: side(self.padding) }
    }
}

impl PoolRecipe {
    fn window(&self) -> Window {
        let stride = self.stride.unwrap_or(self.window) as usize;
        Window { kernel: self.window as usize, stride, padding: self.padding as usize }
    }
}

/// What comes out of each layer, block by block, or the first that does not fit. The model must be without faults of
/// its own.
pub(crate) fn shapes(model: &ModelRecipe, input: Shape) -> Result<Vec<Vec<Shape>>, Fault> {
    let mut shape = input;
    let mut through = |b: usize, i: usize, layer: &LayerRecipe| {
        shape = output(layer, shape, &format!("model.blocks[{b}][{i}]"))?;
        Ok(shape)
    };
    let blocks = model.blocks.iter().enumerate();
    blocks
        .map(|(b, block)| block.iter().enumerate().map(|(i, layer)| through(b, i, layer)).collect())
        .collect()
}

/// What comes out of a layer; `key` is where it is written.
fn output(layer: &LayerRecipe, input: Shape, key: &str) -> Result<Shape, Fault> {
    let kind = match layer {
        LayerRecipe::Dense(width) => return Ok(Shape::Flat(*width as usize)),
        LayerRecipe::Kind(kind) => kind,
    };
    if let Some(fields) = kind.fields() {
        let output = fields.window().output(input, fields.channels as usize, kind.name());
        let output =
            output.map_err(|_| misfit(kind.name(), fields.field, fields.padding, "field", input, key))?;
        let (Shape::Image { c, .. } | Shape::Pixels { c, .. }) = input else { return Ok(output) };
        if (c as u64).is_multiple_of(fields.groups) && fields.channels.is_multiple_of(fields.groups) {
            return Ok(output);
        }
        let what = format!("{} groups do not divide {c} channels and {}", fields.groups, fields.channels);
        return Err(fault(&format!("{key}.groups"), what, "choose what divides both"));
    }
    if let LayerKind::MaxPool(pool) | LayerKind::AveragePool(pool) = kind {
        let output = Pool::new(input, pool.window(), Of::Mean).map(|pool| pool.output());
        return output.map_err(|_| misfit(kind.name(), pool.window, pool.padding, "window", input, key));
    }
    match kind {
        LayerKind::Residual(residual) => return around(residual, input, key),
        LayerKind::Patches(patches) => return squares(patches, input, key),
        LayerKind::PerToken(_) | LayerKind::Attention(_) | LayerKind::Transformer(_) => {
            return tokens(kind, input, key);
        }
        _ => {}
    }
    free(kind, input, key).map(|block| block.shape_out(input)).and_then(|shape| shape).map_err(|error| {
        let what = format!("`{}` does not take {input}: {} is wanted", kind.name(), error.wants);
        fault(key, what, "put it behind another layer, or choose what divides the channels")
    })
}

/// What comes out of layers with a way past them.
fn around(residual: &ResidualRecipe, input: Shape, key: &str) -> Result<Shape, Fault> {
    let mut layers = residual.layers.iter().enumerate();
    let shape =
        layers.try_fold(input, |shape, (i, layer)| output(layer, shape, &format!("{key}.layers[{i}]")))?;
    if residual.projected {
        let what = || format!("no linear map of single pixels brings {input} to {shape}");
        let remedy =
            "give the layers' output the height and width of their input, or a whole fraction of them";
        shortcut(input, shape).map(|_| shape).ok_or_else(|| fault(key, what(), remedy))
    } else if input.features() == shape.features() && alike(input, shape) {
        Ok(shape)
    } else {
        let what = format!("the layers make {shape} of {input}, which cannot be added to it");
        Err(fault(key, what, "give both one shape, or set projected = true"))
    }
}

/// Whether places mean the same in both: data's single channel has one order.
fn alike(a: Shape, b: Shape) -> bool {
    let sides = |shape| match shape {
        Shape::Pixels { h, w, c } => Some((h, w, c)),
        Shape::Image { c: 1, h, w } => Some((h, w, 1)),
        _ => None,
    };
    a == b || (sides(a).is_some() && sides(a) == sides(b))
}

/// The window of one pixel that brings an image to the places of another; of what is no image, none is needed.
fn shortcut(input: Shape, output: Shape) -> Option<Option<Window>> {
    let (Shape::Image { h, w, .. } | Shape::Pixels { h, w, .. }, Shape::Pixels { h: high, w: wide, .. }) =
        (input, output)
    else {
        return matches!(output, Shape::Flat(_)).then_some(None);
    };
    let window = Window { kernel: 1, stride: h.div_ceil(high.max(1)).max(1), padding: 0 };
    let fits = (h - 1) / window.stride + 1 == high && (w - 1) / window.stride + 1 == wide;
    fits.then_some(Some(window))
}

fn squares(patches: &PatchesRecipe, input: Shape, key: &str) -> Result<Shape, Fault> {
    let (side, d) = (patches.side as usize, patches.features as usize);
    let (Shape::Image { h, w, .. } | Shape::Pixels { h, w, .. }) = input else {
        let what = format!("patches are cut from an image, what comes before them is {input}");
        return Err(fault(key, what, "put them first, or behind a convolution"));
    };
    if side > 0 && h.is_multiple_of(side) && w.is_multiple_of(side) && h * w > 0 {
        return Ok(Shape::Tokens { t: (h / side) * (w / side), d });
    }
    let fits: Vec<String> = (1..=h.min(w))
        .filter(|s| h.is_multiple_of(*s) && w.is_multiple_of(*s))
        .map(|s| s.to_string())
        .collect();
    let what = format!("squares of {side} pixels do not fill {input}");
    Err(fault(&format!("{key}.side"), what, &format!("choose one of {}", fits.join(", "))))
}

fn tokens(kind: &LayerKind, input: Shape, key: &str) -> Result<Shape, Fault> {
    let Shape::Tokens { t, d } = input else {
        let what = format!("`{}` takes tokens, what comes before it is {input}", kind.name());
        return Err(fault(key, what, "make tokens first: { kind = \"patches\", side = 7, features = 64 }"));
    };
    let heads = match kind {
        LayerKind::PerToken(dense) => return Ok(Shape::Tokens { t, d: dense.units as usize }),
        LayerKind::Attention(attention) => attention.heads as usize,
        LayerKind::Transformer(transformer) => transformer.heads as usize,
        _ => unreachable!("{} takes no tokens", kind.name()),
    };
    if heads > 0 && d.is_multiple_of(heads) {
        return Ok(input);
    }
    let what = format!("{heads} heads do not divide the {d} features of a token");
    let fits: Vec<String> = (1..=d.min(16)).filter(|h| d.is_multiple_of(*h)).map(|h| h.to_string()).collect();
    Err(fault(&format!("{key}.heads"), what, &format!("choose one of {}", fits.join(", "))))
}

fn misfit(name: &str, side: u64, padding: u64, word: &str, shape: Shape, layer: &str) -> Fault {
    let (Shape::Image { h, w, .. } | Shape::Pixels { h, w, .. }) = shape else {
        let what = format!("a {name} layer sees an image, what comes before it is {shape}");
        return fault(layer, what, "put it before the dense layers");
    };
    let most = h.min(w) as u64 + 2 * padding;
    let what = format!("a {word} of {side}x{side} has no place in {shape}");
    fault(&format!("{layer}.{word}"), what, &format!("choose at most {most}, or more padding"))
}

/// Blocks with their initial weights. Their shapes must be without faults.
pub(crate) fn network(recipe: &Recipe, input: Shape) -> Vec<Box<dyn Block>> {
    let (mut shape, mut number) = (input, 0);
    let mut layer = |path: String, layer: &LayerRecipe| {
        let mut chance = Rng::stream(recipe.seed, Purpose::Init, number);
        number += 1;
        let block = block(&recipe.model, &path, layer, shape, &mut chance);
        shape = block.shape_out(shape).expect("a block fits what it was made for");
        block
    };
    let blocks = recipe.model.blocks.iter().enumerate().map(|(b, layers)| match &layers[..] {
        [only] => layer(b.to_string(), only),
        many => {
            let inside = many.iter().enumerate().map(|(i, one)| layer(format!("{b}.{i}"), one));
            Box::new(Stack::new(inside.collect())) as Box<dyn Block>
        }
    });
    let net: Vec<_> = blocks.collect();
    debug_assert!(shape_through(&net, input).is_ok(), "blocks are built to fit");
    net
}

fn block(
    model: &ModelRecipe,
    path: &str,
    layer: &LayerRecipe,
    input: Shape,
    chance: &mut Rng,
) -> Box<dyn Block> {
    let fits = "shapes were checked";
    match (layer, model.engine) {
        (LayerRecipe::Dense(n_out), Engine::Kernels) => {
            let dense = Dense::new(path, input.features(), *n_out as usize, model.activation, chance);
            Box::new(dense.in_precision(model.precision).skipping_zeros(model.skip_zeros))
        }
        (LayerRecipe::Dense(n_out), Engine::Burn) => {
            let (n_in, n_out) = (input.features(), *n_out as usize);
            Box::new(Composed::new(path, n_in, n_out, model.activation, host::cpu(), chance))
        }
        (LayerRecipe::Kind(LayerKind::Local(fields)), _) => {
            let (window, channels) = (fields.window(), fields.channels as usize);
            let activation = fields.activation.unwrap_or(model.activation);
            let local = Local::new(path, input, channels, window, activation, chance).expect(fits);
            Box::new(local.in_precision(model.precision).skipping_zeros(model.skip_zeros))
        }
        (LayerRecipe::Kind(LayerKind::Convolution(fields)), _) => {
            let (window, channels) = (fields.window(), fields.channels as usize);
            let activation = fields.activation.unwrap_or(model.activation);
            if fields.groups > 1 {
                let groups = fields.groups as usize;
                return Box::new(
                    Grouped::new(path, input, channels, groups, window, activation, chance).expect(fits),
                );
            }
            Box::new(Convolution::new(path, input, channels, window, activation, chance).expect(fits))
        }
        (LayerRecipe::Kind(LayerKind::Residual(residual)), _) => {
            with_a_way_past(model, path, residual, input, chance)
        }
        (LayerRecipe::Kind(LayerKind::Patches(patches)), _) => {
            let (side, features) = (patches.side as usize, patches.features as usize);
            Box::new(Patches::new(path, input, side, features, chance).expect(fits))
        }
        (LayerRecipe::Kind(LayerKind::PerToken(dense)), _) => {
            let Shape::Tokens { d, .. } = input else { unreachable!("{fits}") };
            let activation = dense.activation.unwrap_or(model.activation);
            let dense = Dense::new(path, d, dense.units as usize, activation, chance);
            let dense = dense.in_precision(model.precision).skipping_zeros(model.skip_zeros);
            Box::new(PerToken::new(Box::new(dense), input).expect(fits))
        }
        (LayerRecipe::Kind(LayerKind::Attention(attention)), _) => {
            Box::new(Attention::new(path, input, attention.heads as usize, chance).expect(fits))
        }
        (LayerRecipe::Kind(LayerKind::Transformer(asked)), _) => {
            let (heads, hidden) = (asked.heads as usize, asked.hidden as usize);
            transformer(path, input, heads, hidden, asked.activation, chance).expect(fits)
        }
        (LayerRecipe::Kind(kind), _) => free(kind, input, path).expect(fits),
    }
}

fn with_a_way_past(
    model: &ModelRecipe,
    path: &str,
    residual: &ResidualRecipe,
    input: Shape,
    chance: &mut Rng,
) -> Box<dyn Block> {
    let mut shape = input;
    let layers = residual.layers.iter().enumerate().map(|(i, layer)| {
        let block = block(model, &format!("{path}.{i}"), layer, shape, chance);
        shape = block.shape_out(shape).expect("shapes were checked");
        block
    });
    let inner = Box::new(Stack::new(layers.collect()));
    if !residual.projected {
        return Box::new(Residual::new(inner));
    }
    let path = format!("{path}.shortcut");
    let projection: Box<dyn Block> = match (shortcut(input, shape).expect("shapes were checked"), shape) {
        (Some(window), Shape::Pixels { c, .. }) => {
            let map = Convolution::new(&path, input, c, window, Activation::Identity, chance);
            Box::new(map.expect("shapes were checked"))
        }
        _ => Box::new(Dense::new(&path, input.features(), shape.features(), Activation::Identity, chance)),
    };
    Box::new(Residual::projected(inner, projection))
}

/// A layer that draws nothing when it is made.
///
/// # Panics
/// Of layers that do.
fn free(kind: &LayerKind, input: Shape, path: &str) -> Result<Box<dyn Block>, ShapeError> {
    let norm = |over, affine| -> Result<Box<dyn Block>, ShapeError> {
        let norm = Normalise::new(input, over)?;
        let shape = norm.output();
        with_affine(Box::new(norm), affine, shape, path)
    };
    match kind {
        LayerKind::MaxPool(pool) => Ok(Box::new(Pool::new(input, pool.window(), Of::Largest)?)),
        LayerKind::AveragePool(pool) => Ok(Box::new(Pool::new(input, pool.window(), Of::Mean)?)),
        LayerKind::GlobalPool(_) => Ok(Box::new(Pool::global(input, Of::Mean)?)),
        LayerKind::GroupNorm(group) => norm(Over::Groups(group.groups as usize), group.affine),
        LayerKind::LayerNorm(layer) => norm(Over::Layer, layer.affine),
        LayerKind::RmsNorm(rms) => norm(Over::Rms, rms.affine),
        LayerKind::BatchNorm(batch) => {
            let norm = BatchNorm::new(path, input)?;
            let shape = norm.output();
            with_affine(Box::new(norm), batch.affine, shape, path)
        }
        LayerKind::Dropout(dropout) => {
            Ok(Box::new(Dropout { p: dropout.share as f32, features: input.features() }))
        }
        _ => unreachable!("{} draws its weights", kind.name()),
    }
}

fn with_affine(
    norm: Box<dyn Block>,
    affine: bool,
    shape: Shape,
    path: &str,
) -> Result<Box<dyn Block>, ShapeError> {
    if !affine {
        return Ok(norm);
    }
    Ok(Box::new(Stack::new(vec![norm, Box::new(Affine::new(path, shape)?)])))
}

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
        for (i, layer) in residual.layers.iter().enumerate() {
            layer_faults(model, layer, &format!("{key}.layers[{i}]"), faults);
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
            let mut shape = input;
            let inside = residual.layers.iter().map(|layer| {
                let before = shape;
                shape = self::output(layer, shape, "").unwrap_or(shape);
                most_weights(layer, before, shape)
            });
            return inside.sum();
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

#[cfg(test)]
mod tests {
    use super::*;

    fn model(blocks: &str) -> ModelRecipe {
        let text = format!("[model]\nblocks = {blocks}\n[learner]\nkind = \"back_prop\"\n");
        Recipe::parse(&text, "r.toml").unwrap().model
    }

    const DIGITS: Shape = Shape::Image { c: 1, h: 28, w: 28 };

    #[test]
    fn a_network_larger_than_the_memory_is_a_fault_and_an_unknown_memory_is_none() {
        let found = |blocks: &str, memory: Option<u64>| {
            size_fault(&model(blocks), DIGITS, memory).map(|fault| fault.what)
        };
        let dense = "[[131072], [131072]]";
        let what = "the weights and their moments take 129 GiB, this machine has 16.0";
        assert_eq!(found(dense, Some(16 << 30)).as_deref(), Some(what));
        assert_eq!((found(dense, Some(256 << 30)), found(dense, None)), (None, None));
        let fields = |kind| format!("[[{{ kind = \"{kind}\", field = 10, channels = 131072 }}]]");
        let what = "the weights and their moments take 35 GiB, this machine has 16.0";
        assert_eq!(found(&fields("local"), Some(16 << 30)).as_deref(), Some(what));
        assert_eq!(found(&fields("convolution"), Some(16 << 30)), None);
    }

    #[test]
    fn layers_that_cannot_be_name_key_and_remedy() {
        let cases = [
            ("{ kind = \"local\", field = 29, channels = 3 }", "[0][0].field", "at most 28"),
            (
                "{ kind = \"convolution\", field = 33, padding = 2, channels = 3 }",
                "[0][0].field",
                "at most 32",
            ),
            ("20, { kind = \"local\", field = 3, channels = 3 }", "[0][1]", "before the dense layers"),
            ("{ kind = \"local\", field = 3, padding = 3, channels = 3 }", "[0][0].padding", "less than 3"),
            ("{ kind = \"local\", field = 3, channels = 0 }", "[0][0].channels", "1 to 131072 units"),
            ("0", "[0][0]", "1 to 131072 units"),
        ];
        for (layer, key, remedy) in cases {
            let model = model(&format!("[[{layer}]]"));
            let mut faults = model_faults(&model);
            faults.extend(if faults.is_empty() { shapes(&model, DIGITS).err() } else { None });
            assert_eq!(faults.len(), 1, "{layer}: {faults:?}");
            assert_eq!(faults[0].key, format!("model.blocks{key}"));
            assert!(faults[0].remedy.contains(remedy), "{layer}: {faults:?}");
        }
        let text = "[[{ kind = \"convolution\", field = 3, channels = 2 }]]";
        let keys = |model: &ModelRecipe| model_faults(model).into_iter().map(|f| f.key).collect::<Vec<_>>();
        assert_eq!(keys(&ModelRecipe { engine: Engine::Burn, ..model(text) }), ["model.engine"]);
        let rounded = ModelRecipe { precision: Precision::Bf16, ..model(text) };
        assert!(keys(&rounded).contains(&"model.precision".to_string()));
        assert!(keys(&model(text)).is_empty());
    }

    #[test]
    fn forms_that_cannot_be_are_told_by_key() {
        let cases = [
            ("{ kind = \"local\", field = 0, channels = 3 }", "[0][0].field"),
            ("{ kind = \"local\", field = 3, stride = 0, channels = 3 }", "[0][0].stride"),
            ("{ kind = \"lokal\", field = 3, channels = 2 }", "[0][0].kind"),
            ("{ kind = \"local\", field = 3 }", "[0][0].channels"),
            ("{ kind = \"local\", fields = 3, field = 3, channels = 2 }", "[0][0].fields"),
        ];
        for (layer, key) in cases {
            let text = format!("[model]\nblocks = [[{layer}]]\n[learner]\nkind = \"back_prop\"\n");
            let faults = Recipe::parse(&text, "r.toml").unwrap_err().faults;
            let keys: Vec<_> = faults.iter().map(|fault| fault.key.as_str()).collect();
            assert_eq!(keys, [format!("model.blocks{key}")], "{layer}");
        }
    }

    #[test]
    fn shapes_flow_from_fields_to_dense_layers() {
        let local = |field, stride, channels| {
            format!("{{ kind = \"local\", field = {field}, stride = {stride}, channels = {channels} }}")
        };
        let blocks = format!("[[{}], [{}, {}], [10]]", local(10, 6, 128), local(2, 1, 220), local(2, 1, 512));
        let pixels = |side, c| Shape::Pixels { h: side, w: side, c };
        let expected =
            vec![vec![pixels(4, 128)], vec![pixels(3, 220), pixels(2, 512)], vec![Shape::Flat(10)]];
        assert_eq!(shapes(&model(&blocks), DIGITS).unwrap(), expected);
    }
}
