//! Pictures for the record: what the first layer looks for, what was misjudged most, what was made up.

use adieu_core::learn::Learner;
use adieu_core::parts::block::Net;
use adieu_core::parts::chance::{Purpose, Rng};
use adieu_core::parts::host::view;
use adieu_record::{Picture, Split};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::evaluate::Mistake;
use crate::plan::Plan;

/// Units shown: the first ones, not the prettiest.
const FEATURES: usize = 64;
const MISTAKES: usize = 24;
const MADE_UP: usize = 24;

/// Incoming weights of the first units of the first layer; empty if it has no weight for each pixel.
pub(crate) fn features(plan: &Plan, net: &mut Net) -> Vec<Picture> {
    let image = plan.data.info.image;
    let mut weights = None;
    if let Some(block) = net.first_mut() {
        block.params(&mut |param| {
            if weights.is_none() && param.shape().len() == 2 && param.shape()[0] == image.pixels() {
                weights = Some((param.to_rows(), param.shape()[1]));
            }
        });
    }
    let Some((weights, units)) = weights else { return Vec::new() };
    let unit = |unit: usize| {
        let values: Vec<f32> = (0..image.pixels()).map(|pixel| weights[pixel * units + unit]).collect();
        picture(plan, &shades(&values), format!("unit {}", unit + 1))
    };
    (0..units.min(FEATURES)).map(unit).collect()
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
pub(crate) fn made_up(plan: &Plan, net: &Net, learner: &dyn Learner) -> Vec<Picture> {
    if plan.data.train.is_real() {
        return Vec::new(); // a row of a table is no picture
    }
    let ids: Vec<u32> = plan.rows(Split::Train).into_iter().take(MADE_UP).collect();
    let mut chance = Rng::stream(plan.recipe.seed, Purpose::Probe, 1);
    let Some(drawn) = learner.made_up(net, &plan.batch_of(Split::Train, &ids), &mut chance) else {
        return Vec::new();
    };
    let bytes =
        |row: &[f32]| row.iter().map(|v| (255.0 * v.clamp(0.0, 1.0)).round() as u8).collect::<Vec<u8>>();
    let drawn = view(&drawn);
    let rows = drawn.chunks_exact(plan.data.info.image.pixels()).zip(1..);
    rows.map(|(row, i)| picture(plan, &bytes(row), format!("made-up row {i}"))).collect()
}

/// `planes` holds one plane a channel; a picture wants channels side by side.
fn picture(plan: &Plan, planes: &[u8], caption: String) -> Picture {
    let image = plan.data.info.image;
    let plane = image.height * image.width;
    let pixels: Vec<u8> =
        (0..plane).flat_map(|p| (0..image.channels).map(move |c| planes[c * plane + p])).collect();
    Picture {
        width: image.width as u64,
        height: image.height as u64,
        channels: image.channels as u64,
        base64: STANDARD.encode(pixels),
        caption,
        truth: None,
        guess: None,
        margin: None,
    }
}
