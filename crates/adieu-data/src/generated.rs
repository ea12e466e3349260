//! `moons`, `xor`, `spirals`: small tables of two columns, made by a seed, that no line can divide; `patterns`: small
//! pictures of a spot that moves, whose class is the way it goes. For tests and for teaching.
//!
//! - moons: two half circles that reach into each other, with noise of deviation 0.15.
//! - xor: a grid of 4 × 4 squares, coloured like a chess board; uniform points, none within 0.03 of an edge.
//! - spirals: three arms of 1.25 turns each, with noise of deviation 0.03.
//! - patterns: four frames of 8 × 8 below one another, a spot of 2 × 2 that moves by a pixel a frame, right, left, down
//!   or up, and comes in again at the other side; grey noise from 0 to 60 around it.
//!
//! Classes have as many rows each, to one, in turn. 1,200 rows train unless `rows` says otherwise, half as many test.

use std::f64::consts::{PI, TAU};
use std::path::Path;

use crate::about::{About, Read, Shape};
use crate::chance::Chance;
use crate::error::DataError;
use crate::how::How;
use crate::own::no_folder;
use crate::rows::{Dataset, ImageShape, Origin, Rows};
use crate::source::Source;

const ROWS: usize = 1_200;
const FEWEST: usize = 12;
const MOST: usize = 10_000_000;
/// Side of a frame, and frames.
const SIDE: usize = 8;
const FRAMES: usize = 4;

/// One of the four.
#[derive(Debug)]
pub(crate) enum Generated {
    Moons,
    Xor,
    Spirals,
    Patterns,
}

impl Generated {
    fn classes(&self) -> &'static [&'static str] {
        match self {
            Generated::Moons => &["upper", "lower"],
            Generated::Xor => &["white", "black"],
            Generated::Spirals => &["first", "second", "third"],
            Generated::Patterns => &["right", "left", "down", "up"],
        }
    }

    /// A point of class `class`.
    fn point(&self, class: usize, chance: &mut Chance) -> [f64; 2] {
        match self {
            Generated::Moons => {
                let angle = PI * chance.uniform();
                let [x, y] = if class == 0 {
                    [angle.cos(), angle.sin()]
                } else {
                    [1.0 - angle.cos(), 0.5 - angle.sin()]
                };
                [x + 0.15 * chance.normal(), y + 0.15 * chance.normal()]
            }
            Generated::Xor => {
                // a square of the right colour, then a place in it
                let (line, half) = (chance.below(4), chance.below(2));
                let column = 2 * half + (line + class) % 2;
                [column, line].map(|square| square as f64 + 0.03 + 0.94 * chance.uniform())
            }
            Generated::Spirals | Generated::Patterns => {
                let along = chance.uniform().sqrt();
                let angle = TAU * (1.25 * along + class as f64 / 3.0);
                [angle.cos(), angle.sin()].map(|side| along * side + 0.03 * chance.normal())
            }
        }
    }

    fn rows(&self, n: usize, chance: &mut Chance) -> Rows {
        let classes = self.classes().len();
        let labels: Vec<u8> = (0..n).map(|row| (row % classes) as u8).collect();
        if let Generated::Patterns = self {
            let pixels = labels.iter().flat_map(|class| frames(*class, chance)).collect();
            return Rows::new(pixels, labels, FRAMES * SIDE * SIDE);
        }
        let values =
            labels.iter().flat_map(|class| self.point(usize::from(*class), chance).map(|v| v as f32));
        Rows::reals(values.collect(), labels, 2)
    }
}

/// The frames of one pattern.
fn frames(class: u8, chance: &mut Chance) -> Vec<u8> {
    let mut pixels: Vec<u8> = (0..FRAMES * SIDE * SIDE).map(|_| chance.below(61) as u8).collect();
    let (x, y) = (chance.below(SIDE), chance.below(SIDE));
    let (right, down) = [(1, 0), (SIDE - 1, 0), (0, 1), (0, SIDE - 1)][usize::from(class)];
    for frame in 0..FRAMES {
        for (dx, dy) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
            let (x, y) = ((x + dx + frame * right) % SIDE, (y + dy + frame * down) % SIDE);
            pixels[(frame * SIDE + y) * SIDE + x] = 255;
        }
    }
    pixels
}

impl Source for Generated {
    fn kind(&self) -> &'static str {
        match self {
            Generated::Moons => "moons",
            Generated::Xor => "xor",
            Generated::Spirals => "spirals",
            Generated::Patterns => "patterns",
        }
    }

    fn about(&self) -> &'static str {
        match self {
            Generated::Moons => {
                "two half circles that reach into each other: 2 columns, 2 classes; generated"
            }
            Generated::Xor => "a board of 4 × 4 squares in two colours: 2 columns, 2 classes; generated",
            Generated::Spirals => "three arms of a spiral: 2 columns, 3 classes; generated",
            Generated::Patterns => {
                "a spot that moves, four frames of 8 × 8 grey, 4 classes, the ways it goes; generated"
            }
        }
    }

    fn licence(&self) -> &'static str {
        "none needed: made by the program"
    }

    fn bundled(&self) -> bool {
        true
    }

    fn heeds(&self) -> &'static [&'static str] {
        &["rows"]
    }

    fn load(&self, folder: Option<&Path>, how: &How) -> Result<Dataset, DataError> {
        no_folder(folder, self.kind(), "generated")?;
        let n = how.rows.unwrap_or(ROWS);
        if !(FEWEST..=MOST).contains(&n) {
            let what = format!("{n} rows asked, {FEWEST} to {MOST} can be made");
            let remedy = "choose another number of rows";
            return Err(DataError::Format { path: self.kind().into(), what, remedy });
        }
        let part =
            |part: &str, n| self.rows(n, &mut Chance::new(how.seed, &format!("{} {part}", self.kind())));
        let (train, test) = (part("train", n), part("test", n / 2));
        let about = About {
            name: self.kind().to_owned(),
            origin: Origin::Generated { seed: how.seed },
            licence: self.licence().to_owned(),
            citation: "none needed: made by the program".to_owned(),
            classes: self.classes().iter().map(|&name| name.to_owned()).collect(),
        };
        let shape = match self {
            Generated::Patterns => {
                Shape::Image(ImageShape { height: FRAMES * SIDE, width: SIDE, channels: 1 })
            }
            _ => Shape::Table(vec!["x".to_owned(), "y".to_owned()]),
        };
        Ok(about.dataset(shape, train, test, Read::default()))
    }
}
