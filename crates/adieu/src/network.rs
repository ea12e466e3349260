//! The network of a recipe: its blocks here, its shapes and what cannot be about it beside.

mod faults;
mod shapes;

pub(crate) use faults::{model_faults, not_alone, size_fault};
pub(crate) use shapes::outlines;

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
use adieu_core::parts::host;
use adieu_core::parts::label_channel::LabelChannel;
use adieu_core::parts::local::Local;
use adieu_core::parts::normalise::{Normalise, Over};
use adieu_core::parts::pool::{Of, Pool};
use adieu_core::parts::residual::{Join, Residual};
use adieu_core::parts::shape::{Shape, ShapeError};
use adieu_core::parts::stack::Stack;
use adieu_core::parts::tokens::{Patches, PerToken};
use adieu_core::parts::triangle::Triangle;
use adieu_core::parts::window::Window;

use self::shapes::shortcut;
use crate::recipe::{
    Engine, FieldsRecipe, LayerKind, LayerRecipe, ModelRecipe, PoolRecipe, Recipe, ResidualRecipe,
};

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
            let channels = (channels, fields.groups as usize);
            Box::new(Convolution::grouped(path, input, channels, window, activation, chance).expect(fits))
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
    let fits = "shapes were checked";
    let mut row = |layers: &[LayerRecipe], path: &str| {
        let mut shape = input;
        let layers = layers.iter().enumerate().map(|(i, layer)| {
            let block = block(model, &format!("{path}.{i}"), layer, shape, chance);
            shape = block.shape_out(shape).expect(fits);
            block
        });
        let blocks: Vec<_> = layers.collect();
        let stack = (!blocks.is_empty()).then(|| Box::new(Stack::new(blocks)) as Box<dyn Block>);
        (stack, shape)
    };
    let (inner, shape) = row(&residual.layers, path);
    let inner = inner.expect("faults of the model were checked");
    let (around, _) = row(&residual.around, &format!("{path}.around"));
    let around = if residual.projected { Some(projection(path, input, shape, chance)) } else { around };
    match (residual.join, around) {
        (Join::Beside, around) => Box::new(Residual::beside(inner, around, input).expect(fits)),
        (Join::Sum, None) => Box::new(Residual::new(inner)),
        (Join::Sum, Some(around)) => Box::new(Residual::projected(inner, around)),
    }
}

/// A linear map of single pixels from one shape to another.
fn projection(path: &str, input: Shape, shape: Shape, chance: &mut Rng) -> Box<dyn Block> {
    let (path, fits) = (format!("{path}.shortcut"), "shapes were checked");
    match (shortcut(input, shape).expect(fits), shape) {
        (Some(window), Shape::Pixels { c, .. }) => {
            Box::new(Convolution::new(&path, input, c, window, Activation::Identity, chance).expect(fits))
        }
        _ => Box::new(Dense::new(&path, input.features(), shape.features(), Activation::Identity, chance)),
    }
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
        LayerKind::LabelChannel(_) => Ok(Box::new(LabelChannel::new(input)?)),
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
        LayerKind::Triangle(triangle) => Ok(Box::new(Triangle::new(input, triangle.power)?)),
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

#[cfg(test)]
mod tests {
    use adieu_core::parts::precision::Precision;

    use super::shapes::shapes;
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
        let past = "[[{ kind = \"residual\", projected = true, layers = [8, 100000] }]]";
        let what = "the weights and their moments take 1 GiB, this machine has 0.5";
        assert_eq!(found(past, Some(1 << 29)).as_deref(), Some(what), "the way past counts");
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
            (
                "{ kind = \"max_pool\", window = 60000, padding = 59999, stride = 1 }",
                "[0][0]",
                "less padding",
            ),
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
