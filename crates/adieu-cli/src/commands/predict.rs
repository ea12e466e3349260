//! `adieu predict`: one image, and what a trained network takes it for, or gives back of it.

use std::fmt::Write as _;

use adieu::Trained;
use adieu::data::read_image;
use serde_json::json;

use crate::args::Predict;
use crate::{images, terminal};

/// Columns of the longest bar.
const BAR: usize = 40;

pub(super) fn run(asked: &Predict) -> anyhow::Result<()> {
    let trained = Trained::open(&asked.run)?;
    let readout = super::readout(&trained, asked.readout.as_deref())?;
    let pixels = read_image(&asked.image, trained.image()).map_err(adieu::Error::from)?;
    let scores = trained.scores(&pixels, readout)?;
    if trained.classes().is_empty() {
        return given_back(asked, &trained, readout, (&pixels, &scores));
    }
    let guess = (0..scores.len()).fold(0, |best, i| if scores[i] > scores[best] { i } else { best });
    let classes = trained.classes();
    if asked.json {
        let each =
            classes.iter().zip(&scores).map(|(class, score)| json!({ "class": class, "score": score }));
        let said = json!({
            "run": asked.run.display().to_string(),
            "checkpoint": trained.checkpoint().display().to_string(),
            "image": asked.image.display().to_string(),
            "readout": readout,
            "guess": guess,
            "class": classes[guess],
            "scores": each.collect::<Vec<_>>(),
        });
        return terminal::result(&said.to_string());
    }
    let shape = trained.image();
    let plane = &pixels[..shape.height * shape.width];
    let drawn = images::lines(plane, shape.width, terminal::results_have_colour()).join("\n");
    terminal::result(&format!(
        "{drawn}\n\n{} by `{readout}`\n\n{}",
        classes[guess],
        bars(classes, &scores, guess)
    ))
}

/// The image beside what came back of it, where there are no labels.
fn given_back(
    asked: &Predict,
    trained: &Trained,
    readout: &str,
    (pixels, back): (&[u8], &[f32]),
) -> anyhow::Result<()> {
    let far = |(pixel, back): (&u8, &f32)| (f64::from(*pixel) / 255.0 - f64::from(*back)).powi(2);
    let squares: f64 = pixels.iter().zip(back).map(far).sum();
    let error = squares / pixels.len() as f64;
    if asked.json {
        let said = json!({
            "run": asked.run.display().to_string(),
            "checkpoint": trained.checkpoint().display().to_string(),
            "image": asked.image.display().to_string(),
            "readout": readout,
            "squared_error": error,
            "reconstruction": back,
        });
        return terminal::result(&said.to_string());
    }
    let (shape, colour) = (trained.image(), terminal::results_have_colour());
    let plane = shape.height * shape.width;
    let back: Vec<u8> = back.iter().map(|v| (255.0 * v.clamp(0.0, 1.0)).round() as u8).collect();
    let drawn =
        images::gallery(&[&pixels[..plane], &back[..plane]], shape.width, 2 * shape.width + 8, colour);
    terminal::result(&format!("{drawn}\nsquared error {error:.4} a pixel by `{readout}`\n"))
}

/// One bar a class, from the lowest score to the highest.
fn bars(classes: &[String], scores: &[f32], guess: usize) -> String {
    let (low, high) = scores.iter().fold((f32::MAX, f32::MIN), |(low, high), s| (low.min(*s), high.max(*s)));
    let first = classes.iter().map(|class| class.chars().count()).max().unwrap_or(0);
    let numbers: Vec<String> = scores.iter().map(|score| format!("{score:.4}")).collect();
    let second = numbers.iter().map(String::len).max().unwrap_or(0);
    let mut text = String::new();
    for (i, (class, number)) in classes.iter().zip(&numbers).enumerate() {
        let share = if high > low { (scores[i] - low) / (high - low) } else { 1.0 };
        let bar = "█".repeat((share * BAR as f32).round() as usize);
        let mark = if i == guess { "→" } else { " " };
        let line = format!("{mark} {class:>first$}  {number:>second$}  {bar}");
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_reach_from_the_lowest_score_to_the_highest() {
        let classes = ["0", "boot"].map(String::from);
        insta::assert_snapshot!(bars(&classes, &[-12.5, 3.25], 1), @r"
             0  -12.5000
        → boot    3.2500  ████████████████████████████████████████
        ");
        assert_eq!(bars(&classes, &[1.0, 1.0], 0).matches('█').count(), 2 * BAR, "all alike: all full");
    }
}
