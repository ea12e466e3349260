//! Pictures for the record: what the first layer looks for, what was misjudged most, what was made up, given back and
//! generated.

use adieu_core::Tensor;
use adieu_core::learn::{Goal, Learner, RECONSTRUCTION, shapes};
use adieu_core::parts::activity::Activity;
use adieu_core::parts::block::Net;
use adieu_core::parts::chance::{Purpose, Rng};
use adieu_core::parts::host::view;
use adieu_core::parts::shape::Shape;
use adieu_record::{Picture, PictureKind, Split};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::evaluate::Mistake;
use crate::plan::Plan;
use crate::recipe::{LayerKind, LayerRecipe};

/// Units shown: the first ones, not the prettiest.
const FEATURES: usize = 64;
const MISTAKES: usize = 24;
const MADE_UP: usize = 24;
const REBUILT: usize = 16;
const GENERATED: usize = 24;

/// All there is to see of a trained network; what there is none of is left out.
pub(crate) fn learnt(plan: &Plan, net: &mut Net, learner: &dyn Learner) -> Vec<(PictureKind, Vec<Picture>)> {
    let features = features(plan, net);
    let [maps, attention] = seen(plan, net, learner);
    let all = [
        (PictureKind::Features, features),
        (PictureKind::MadeUp, made_up(plan, net, learner)),
        (PictureKind::Reconstructions, reconstructions(plan, net, learner)),
        (PictureKind::Generated, generated(plan, net, learner)),
        (PictureKind::Maps, maps),
        (PictureKind::Attention, attention),
    ];
    all.into_iter().filter(|(_, pictures)| !pictures.is_empty()).collect()
}

/// Channels of a layer that are shown.
const CHANNELS: usize = 8;
/// Pictures of maps that a page takes.
const MAPS: usize = 128;

/// Incoming weights of the first units of the first layer, over the image or over the window that it sees; empty if it has
/// no weight for each pixel of either.
fn features(plan: &Plan, net: &mut Net) -> Vec<Picture> {
    let image = plan.data.info.image;
    let mut weights = None;
    if let Some(block) = net.first_mut() {
        block.params(&mut |param| {
            if weights.is_none() && param.shape().len() == 2 {
                weights = Some((param.to_rows(), param.shape()[0], param.shape()[1]));
            }
        });
    }
    let Some((weights, inputs, units)) = weights else { return Vec::new() };
    let side = (inputs / image.channels.max(1)).isqrt();
    let window = inputs == side * side * image.channels && side > 1;
    if inputs != image.pixels() && !window {
        return Vec::new();
    }
    // dense layers see data as they come, channels apart; whatever works on images brings those of a pixel together
    let mut layers = plan.recipe.model.blocks.iter().flatten();
    let drops = |layer: &&LayerRecipe| matches!(layer, LayerRecipe::Kind(LayerKind::Dropout(_)));
    let apart = matches!(layers.find(|layer| !drops(layer)), Some(LayerRecipe::Dense(_)));
    let unit = |unit: usize| {
        let values: Vec<f32> = (0..inputs).map(|input| weights[input * units + unit]).collect();
        let (shades, caption) = (shades(&values), format!("unit {}", unit + 1));
        match (inputs == image.pixels(), apart) {
            (true, true) => picture(plan, &shades, caption),
            (true, false) => of_pixels([image.height, image.width, image.channels], &shades, caption),
            (false, _) => of_pixels([side, side, image.channels], &shades, caption),
        }
    };
    (0..units.min(FEATURES)).map(unit).collect()
}

/// The first picture of the test set with what each layer's first channels make of it, and who attends to whom in it; both
/// are empty where there is nothing of the kind.
fn seen(plan: &Plan, net: &Net, learner: &dyn Learner) -> [Vec<Picture>; 2] {
    let (mut maps, mut attention) = (Vec::new(), Vec::new());
    let Some(row) = plan.data.test.picture(0) else { return [maps, attention] };
    let data = plan.batch_of(Split::Test, &[0]).x;
    for (l, (block, shape)) in net.iter().zip(shapes(net, plan.task.input)).enumerate() {
        let mut looks = 0;
        let x = Activity::from(learner.above(&net[..l], &data)); // between blocks a learner may normalise
        let x = block.watched(&x, &mut |seen| {
            let shares = view(&seen.shares).to_vec();
            for (head, map) in shares.chunks_exact(seen.tokens * seen.tokens).enumerate() {
                let caption = format!("layer {}, look {}, head {}", l + 1, looks + 1, head + 1);
                attention.push(of_pixels([seen.tokens, seen.tokens, 1], &bright(map, largest(map)), caption));
            }
            looks += 1;
        });
        let Shape::Pixels { h, w, c } = shape else { continue };
        let values = view(&x.tensor()).to_vec();
        let most = largest(&values);
        for channel in 0..c.min(CHANNELS) {
            let map: Vec<f32> = values.iter().skip(channel).step_by(c).copied().collect();
            let caption = format!("layer {}, channel {}", l + 1, channel + 1);
            maps.push(of_pixels([h, w, 1], &bright(&map, most), caption));
        }
    }
    maps.truncate(MAPS);
    attention.truncate(MAPS);
    let original = |pictures: &mut Vec<Picture>| {
        if !pictures.is_empty() {
            pictures.insert(0, picture(plan, row, "test row 0".to_string()));
        }
    };
    original(&mut maps);
    original(&mut attention);
    [maps, attention]
}

fn largest(values: &[f32]) -> f32 {
    values.iter().copied().filter(|v| v.is_finite()).fold(f32::MIN_POSITIVE, f32::max)
}

/// From black, 0 or less, to white, `most`.
fn bright(values: &[f32], most: f32) -> Vec<u8> {
    values.iter().map(|v| (255.0 * (v / most).clamp(0.0, 1.0)).round() as u8).collect()
}

/// 128 is zero; the scale is symmetric and reaches the 99th percentile of |w|, so that the few large weights of
/// label pixels do not drown the rest.
fn shades(weights: &[f32]) -> Vec<u8> {
    let mut sizes: Vec<f32> = weights.iter().map(|w| w.abs()).collect();
    sizes.sort_by(f32::total_cmp);
    let scale = sizes[(sizes.len() - 1) * 99 / 100].max(f32::MIN_POSITIVE);
    weights.iter().map(|w| (128.0 + 127.0 * (w / scale).clamp(-1.0, 1.0)).round() as u8).collect()
}

/// The worst mistakes on the test set; none of a table.
pub(crate) fn mistakes(plan: &Plan, worst_first: &[Mistake]) -> Vec<Picture> {
    let show = |mistake: &Mistake| {
        let row = plan.data.test.picture(mistake.row as usize)?;
        Some(Picture {
            truth: Some(u64::from(mistake.truth)),
            guess: Some(u64::from(mistake.guess)),
            margin: Some(mistake.margin),
            ..picture(plan, row, format!("test row {}", mistake.row))
        })
    };
    worst_first.iter().take(MISTAKES).filter_map(show).collect()
}

/// Made-up rows, as the learner would draw them beside the first training rows; empty if it makes up none.
fn made_up(plan: &Plan, net: &Net, learner: &dyn Learner) -> Vec<Picture> {
    if plan.data.train.is_real() {
        return Vec::new(); // a row of a table is no picture
    }
    let ids: Vec<u32> = plan.rows(Split::Train).into_iter().take(MADE_UP).collect();
    let mut chance = Rng::stream(plan.recipe.seed, Purpose::Probe, 1);
    let Some(drawn) = learner.made_up(net, &plan.batch_of(Split::Train, &ids), &mut chance) else {
        return Vec::new();
    };
    of_rows(plan, &drawn, |i| format!("made-up row {}", i + 1))
}

/// The first rows of the test set, each with what came back of it after it; empty where that is not asked for, and of a
/// table.
fn reconstructions(plan: &Plan, net: &Net, learner: &dyn Learner) -> Vec<Picture> {
    if plan.task.goal != Goal::Reconstruct || plan.data.test.is_real() {
        return Vec::new();
    }
    let ids: Vec<u32> = plan.rows(Split::Test).into_iter().take(REBUILT).collect();
    let x = plan.batch_of(Split::Test, &ids).x;
    let back =
        of_rows(plan, &learner.predict(net, &x, RECONSTRUCTION), |i| format!("test row {i}, given back"));
    let rows = of_rows(plan, &x, |i| format!("test row {i}"));
    rows.into_iter().zip(back).flat_map(|(row, back)| [row, back]).collect()
}

/// Rows that the network makes of chance; empty if it makes none, and of a table.
fn generated(plan: &Plan, net: &Net, learner: &dyn Learner) -> Vec<Picture> {
    if plan.data.train.is_real() {
        return Vec::new();
    }
    let mut chance = Rng::stream(plan.recipe.seed, Purpose::Probe, 2);
    let Some(drawn) = learner.generated(net, GENERATED, &mut chance) else { return Vec::new() };
    of_rows(plan, &drawn, |i| format!("generated row {}", i + 1))
}

/// Rows of pixels from 0 to 1, `[rows, pixels]`, as pictures; what lies beyond is cut off.
fn of_rows(plan: &Plan, rows: &Tensor, caption: impl Fn(usize) -> String) -> Vec<Picture> {
    let bytes =
        |row: &[f32]| row.iter().map(|v| (255.0 * v.clamp(0.0, 1.0)).round() as u8).collect::<Vec<u8>>();
    let rows = view(rows);
    let rows = rows.chunks_exact(plan.data.info.image.pixels()).enumerate();
    rows.map(|(i, row)| picture(plan, &bytes(row), caption(i))).collect()
}

/// `planes` holds one plane a channel; a picture wants channels side by side.
fn picture(plan: &Plan, planes: &[u8], caption: String) -> Picture {
    let image = plan.data.info.image;
    let plane = image.height * image.width;
    let pixels: Vec<u8> =
        (0..plane).flat_map(|p| (0..image.channels).map(move |c| planes[c * plane + p])).collect();
    of_pixels([image.height, image.width, image.channels], &pixels, caption)
}

/// `pixels [height, width, channels]`.
fn of_pixels([height, width, channels]: [usize; 3], pixels: &[u8], caption: String) -> Picture {
    Picture {
        width: width as u64,
        height: height as u64,
        channels: channels as u64,
        base64: STANDARD.encode(pixels),
        caption,
        truth: None,
        guess: None,
        margin: None,
    }
}
