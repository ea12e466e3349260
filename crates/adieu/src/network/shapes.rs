//! What comes out of each layer of a recipe, or why nothing can.

use adieu_core::learn::Outline;
use adieu_core::parts::pool::{Of, Pool};
use adieu_core::parts::residual::Join;
use adieu_core::parts::shape::Shape;
use adieu_core::parts::window::Window;

use super::free;
use crate::plan::fault;
use crate::recipe::{Fault, LayerKind, LayerRecipe, ModelRecipe, PatchesRecipe, ResidualRecipe};

/// More numbers in a row than this are taken for slips of the pen.
const MOST_FEATURES: usize = 1 << 27;

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

/// Each block by its shapes, or the first layer that does not fit. As [`shapes`].
pub(crate) fn outlines(model: &ModelRecipe, input: Shape) -> Result<Vec<Outline>, Fault> {
    let mut before = input;
    let outline = |(layers, shapes): (&Vec<LayerRecipe>, Vec<Shape>)| {
        let mut taught = Vec::new();
        for (layer, after) in layers.iter().zip(shapes) {
            taught_in(layer, before, after, &mut taught);
            before = after;
        }
        Outline { output: before, layers: taught }
    };
    Ok(model.blocks.iter().zip(shapes(model, input)?).map(outline).collect())
}

/// What comes out of each layer with weights in `layer`, as the network's leaves have it.
fn taught_in(layer: &LayerRecipe, input: Shape, after: Shape, taught: &mut Vec<Shape>) {
    match layer {
        LayerRecipe::Kind(LayerKind::Residual(residual))
            if !residual.projected && !residual.around.iter().any(LayerRecipe::learns) =>
        {
            let mut before = input;
            for layer in &residual.layers {
                let after = output(layer, before, "").unwrap_or(before);
                taught_in(layer, before, after, taught);
                before = after;
            }
        }
        _ => taught.extend(layer.learns().then_some(after)),
    }
}

/// What comes out of a layer; `key` is where it is written.
pub(super) fn output(layer: &LayerRecipe, input: Shape, key: &str) -> Result<Shape, Fault> {
    let shape = through(layer, input, key)?;
    if shape.features() <= MOST_FEATURES {
        return Ok(shape);
    }
    let what = format!("{shape} are more numbers than the {MOST_FEATURES} a row may have");
    Err(fault(key, what, "choose fewer channels, a longer stride, or less padding"))
}

fn through(layer: &LayerRecipe, input: Shape, key: &str) -> Result<Shape, Fault> {
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
        let remedy = match kind {
            LayerKind::LabelChannel(_) => "let it be the first layer of the first block, or leave it out",
            _ => "put it behind another layer, or choose what divides the channels",
        };
        fault(key, what, remedy)
    })
}

/// What comes out of layers with a way past them.
fn around(residual: &ResidualRecipe, input: Shape, key: &str) -> Result<Shape, Fault> {
    let row = |layers: &[LayerRecipe], name: &str| {
        let mut layers = layers.iter().enumerate();
        layers.try_fold(input, |shape, (i, layer)| output(layer, shape, &format!("{key}.{name}[{i}]")))
    };
    let shape = row(&residual.layers, "layers")?;
    let aside = if residual.projected {
        let what = || format!("no linear map of single pixels brings {input} to {shape}");
        let remedy =
            "give the layers' output the height and width of their input, or a whole fraction of them";
        shortcut(input, shape).map(|_| shape).ok_or_else(|| fault(key, what(), remedy))?
    } else {
        row(&residual.around, "around")?
    };
    residual.join.shape(shape, aside).ok_or_else(|| {
        let past = if residual.around.is_empty() { "it".into() } else { format!("{aside}, which is around") };
        let (cannot, remedy) = match residual.join {
            Join::Sum => ("be added to", "give both one shape, or set projected = true"),
            Join::Beside => (
                "stand beside",
                "give both the height and width of one image, behind a layer that makes its channels, put a pool around, or set projected = true",
            ),
        };
        fault(key, format!("the layers make {shape} of {input}, which cannot {cannot} {past}"), remedy)
    })
}

/// The window of one pixel that brings an image to the places of another; of what is no image, none is needed.
pub(super) fn shortcut(input: Shape, output: Shape) -> Option<Option<Window>> {
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
