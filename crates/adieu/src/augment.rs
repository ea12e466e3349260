//! Augmentation: every image of a batch is changed a little, afresh at each step, by a stream of its own.
//!
//! For each row in turn are drawn: the shift (`data.jitter`), the flip, the turn, the part that is seen and where it
//! lies, the square that is covered. What is off draws nothing, so runs with a shift alone are what they always were.

use adieu_core::parts::chance::Rng;
use adieu_data::{ImageShape, Square, View, cover, flip, look, shift};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::recipe::{DataRecipe, Fault};

/// How images are changed whenever they are shown in training; everything is off unless asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AugmentRecipe {
    /// Mirror every other image, left to right, by chance.
    pub flip: bool,
    /// Turn each image by up to so many degrees either way.
    #[schemars(range(min = 0.0, max = 180.0))]
    pub rotate: f32,
    /// See a part of each image at full size, whose height and width are at least this share of the image's; 1 is all.
    #[schemars(range(min = 0.1, max = 1.0))]
    pub crop: f32,
    /// Cover a square of so many pixels a side, whose middle may lie anywhere; it is black.
    #[schemars(range(min = 0, max = 1024))]
    pub cutout: u16,
}

impl Default for AugmentRecipe {
    fn default() -> AugmentRecipe {
        AugmentRecipe { flip: false, rotate: 0.0, crop: 1.0, cutout: 0 }
    }
}

/// What cannot be done to these rows.
pub(crate) fn fault(data: &DataRecipe, table: bool) -> Option<Fault> {
    let key = if data.jitter > 0 {
        "data.jitter"
    } else if data.augment != AugmentRecipe::default() {
        "data.augment"
    } else {
        return None;
    };
    let what = "images can be changed, and this is a table".to_owned();
    table.then(|| Fault { key: key.into(), line: None, what, remedy: "leave it out".into() })
}

/// Changes the images `values: [rows · pixels]`.
pub(crate) fn apply(data: &DataRecipe, image: ImageShape, values: &mut [f32], chance: &mut Rng) {
    let (reach, asked) = (data.jitter, &data.augment);
    if reach == 0 && *asked == AugmentRecipe::default() {
        return;
    }
    let mut room = Vec::new();
    for row in values.chunks_exact_mut(image.pixels()) {
        if reach > 0 {
            let mut pixels = || chance.below(2 * u32::from(reach) + 1) as i32 - i32::from(reach);
            let (down, right) = (pixels(), pixels());
            shift(row, image, down, right);
        }
        if asked.flip && chance.below(2) == 1 {
            flip(row, image);
        }
        let degrees = if asked.rotate > 0.0 { (2.0 * chance.unit() - 1.0) * asked.rotate } else { 0.0 };
        let mut view = View { degrees, share: 1.0, down: 0.0, right: 0.0 };
        if asked.crop < 1.0 {
            view.share = asked.crop + (1.0 - asked.crop) * chance.unit();
            let mut free = |side: usize| (chance.unit() - 0.5) * (1.0 - view.share) * (side - 1) as f32;
            (view.down, view.right) = (free(image.height), free(image.width));
        }
        if asked.rotate > 0.0 || asked.crop < 1.0 {
            look(row, image, view, &mut room);
        }
        if asked.cutout > 0 {
            let side = i64::from(asked.cutout);
            let mut start = |size: usize| i64::from(chance.below(size as u32)) - side / 2;
            let (top, left) = (start(image.height), start(image.width));
            cover(row, image, Square { top, left, side });
        }
    }
}

#[cfg(test)]
mod tests {
    use adieu_core::parts::chance::Purpose;

    use super::*;

    const IMAGE: ImageShape = ImageShape { height: 8, width: 8, channels: 1 };

    fn applied(data: &DataRecipe, step: u64) -> Vec<f32> {
        let mut values: Vec<f32> = (0..8 * 64).map(|i| 0.1 + (i % 64) as f32 / 100.0).collect();
        apply(data, IMAGE, &mut values, &mut Rng::stream(3, Purpose::Augment, step));
        values
    }

    #[test]
    fn each_change_is_made_afresh_for_each_image_and_none_when_off() {
        let off = AugmentRecipe::default();
        let still = applied(&DataRecipe::default(), 1);
        assert_eq!(still[..64], still[64..128]);
        let cases = [
            AugmentRecipe { flip: true, ..off.clone() },
            AugmentRecipe { rotate: 20.0, ..off.clone() },
            AugmentRecipe { crop: 0.6, ..off.clone() },
            AugmentRecipe { cutout: 3, ..off.clone() },
        ];
        for augment in cases {
            let data = DataRecipe { augment: augment.clone(), ..DataRecipe::default() };
            let now = applied(&data, 1);
            assert_eq!(now, applied(&data, 1), "{augment:?}");
            assert_ne!(now, applied(&data, 2), "{augment:?}");
            let kinds: std::collections::BTreeSet<Vec<u32>> =
                now.chunks(64).map(|row| row.iter().map(|v| v.to_bits()).collect()).collect();
            assert!(kinds.len() > 1, "{augment:?}: every image alike");
            // a crop sees nothing beyond the edges, and a square of 3 by 3 covers at most nine pixels
            let black = now.iter().filter(|value| **value == 0.0).count();
            match augment {
                AugmentRecipe { cutout: 3, .. } => {
                    assert!((8..=72).contains(&black), "{black} pixels are black")
                }
                AugmentRecipe { rotate: 0.0, .. } => assert_eq!(black, 0, "{augment:?}"),
                _ => {}
            }
        }
    }

    #[test]
    fn tables_are_not_changed() {
        let jitter = DataRecipe { jitter: 1, ..DataRecipe::default() };
        assert_eq!(fault(&jitter, true).map(|fault| fault.key), Some("data.jitter".into()));
        assert!(fault(&jitter, false).is_none() && fault(&DataRecipe::default(), true).is_none());
    }
}
