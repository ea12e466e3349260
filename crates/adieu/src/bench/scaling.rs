//! How cost grows with depth, width and batch: one at a time, Forward-Forward beside back-propagation on the same net.

use std::path::Path;
use std::sync::Arc;

use adieu_core::learn::{BackProp, ForwardForward, LearnerRecipe, Readout};
use adieu_core::parts::negatives::Uniform;
use adieu_data::Dataset;
use adieu_report::scaling::html;
use adieu_report::stats::Estimate;

pub use adieu_report::scaling::{Growth, Point, Scaling as Found};

use super::Told;
use crate::duel::Duel;
use crate::files::write_whole;
use crate::profile::Subject;
use crate::sink::Flow;
use crate::{Error, Plan, Recipe};

/// What is swept, and around which net.
#[derive(Clone, Debug)]
pub struct Scaling {
    /// Numbers of hidden layers; the middle one holds while another is swept, and so below.
    pub depths: Vec<u64>,
    /// Units of each hidden layer.
    pub widths: Vec<u64>,
    /// Rows of a step.
    pub batches: Vec<u64>,
    /// Turns of each net, in which all take turns.
    pub turns: usize,
    /// Steps of a turn.
    pub steps: u64,
}

impl Default for Scaling {
    fn default() -> Scaling {
        Scaling {
            depths: vec![2, 4, 8, 16],
            widths: vec![250, 500, 1000],
            batches: vec![50, 100, 200, 400],
            turns: 7,
            steps: 10,
        }
    }
}

struct Case {
    axis: &'static str,
    at: u64,
    learner: String,
    subject: Subject,
    seconds: Vec<f64>,
    macs: u64,
    kept: u64,
}

impl Scaling {
    /// Runs it on `data`; `None` if `told` stops it.
    ///
    /// # Errors
    /// Of a net that cannot be, or a step that diverges.
    ///
    /// # Panics
    /// If there is nothing to sweep, or less than two turns.
    pub fn run(&self, data: &Arc<Dataset>, told: Told<'_>) -> Result<Option<Found>, Error> {
        assert!(self.turns > 1, "the first turn does not count");
        let mut cases = self.cases(data)?;
        for turn in 0..self.turns {
            if matches!(told(&format!("turn {} of {}", turn + 1, self.turns)), Flow::Stop) {
                return Ok(None);
            }
            for case in &mut cases {
                let (seconds, macs, kept) = case.subject.timed(self.steps)?;
                case.macs = macs;
                case.kept = case.kept.max(kept);
                if turn > 0 {
                    case.seconds.push(seconds / self.steps as f64);
                }
            }
        }
        let points: Vec<Point> = cases.iter().filter_map(|case| self.point(case)).collect();
        Ok(Some(Found::of(points)))
    }

    fn cases(&self, data: &Arc<Dataset>) -> Result<Vec<Case>, Error> {
        let middle = |all: &[u64]| all[(all.len() - 1) / 2];
        let (depth, width, batch) = (middle(&self.depths), middle(&self.widths), middle(&self.batches));
        let depths = self.depths.iter().map(|at| ("depth", *at, [*at, width, batch]));
        let widths = self.widths.iter().map(|at| ("width", *at, [depth, *at, batch]));
        let batches = self.batches.iter().map(|at| ("batch", *at, [depth, width, *at]));
        let mut cases = Vec::new();
        for (axis, at, [depth, width, batch]) in depths.chain(widths).chain(batches) {
            let hidden = vec![width; depth as usize];
            let duel = Duel { epochs: 1_000_000, hidden, seed: 1, seeds: 1, data_dir: None };
            for (learner, mut recipe) in
                duel.bouts().into_iter().flat_map(|bout| contestants(bout.recipe, depth, batch))
            {
                recipe.train.batch = batch;
                let plan = Plan::on(recipe, data.clone(), "the options")?;
                let subject = Subject::fresh(plan);
                cases.push(Case { axis, at, learner, subject, seconds: Vec::new(), macs: 0, kept: 0 });
            }
        }
        Ok(cases)
    }

    fn point(&self, case: &Case) -> Option<Point> {
        Some(Point {
            axis: case.axis,
            at: case.at,
            learner: case.learner.clone(),
            seconds: Estimate::of(&case.seconds)?,
            macs: case.macs as f64 / self.steps as f64,
            step_bytes: case.subject.step_bytes(),
            kept_bytes: case.kept,
        })
    }
}

/// A recipe of a duel, by name, and the ways its learner has to need less memory: Forward-Forward without its head,
/// which keeps the activity of every layer but the first until it has read them all; back-propagation with
/// checkpointing, √depth layers apart, and in micro-batches of a quarter of the batch.
pub fn contestants(recipe: Recipe, depth: u64, batch: u64) -> Vec<(String, Recipe)> {
    let name = recipe.learner.name().to_owned();
    let mut all = vec![(name.clone(), recipe.clone())];
    if let LearnerRecipe::ForwardForward(published) = &recipe.learner {
        let negatives = Uniform::default().into();
        let headless =
            ForwardForward { head: false, negatives, readout: Readout::Goodness, ..published.clone() };
        all.push((format!("{name}, no head"), Recipe { learner: headless.into(), ..recipe.clone() }));
    }
    if let LearnerRecipe::BackProp(published) = &recipe.learner {
        let apart = (depth as f64).sqrt().round().max(1.0) as u32;
        let checkpointing = BackProp { recompute_every: apart, ..published.clone() };
        let micro = BackProp { micro_batch: batch.div_ceil(4) as u32, ..published.clone() };
        for (how, learner) in [("checkpointing", checkpointing), ("micro-batches", micro)] {
            all.push((format!("{name}, {how}"), Recipe { learner: learner.into(), ..recipe.clone() }));
        }
    }
    all
}

/// Names of what [`write()`] makes in a folder.
pub const PAGE: &str = "scaling.html";
/// The numbers beside it.
pub const NUMBERS: &str = "scaling.json";

/// Writes the numbers and the page into `out`, which is made as needed; `footer` is a line at the foot of the page.
///
/// # Errors
/// [`Error::Io`]; no half-written file is left.
pub fn write(found: &Found, out: &Path, footer: Option<&str>) -> Result<(), Error> {
    std::fs::create_dir_all(out).map_err(Error::io(out, "make the folder of the benchmark"))?;
    let mut json = serde_json::to_vec_pretty(found).expect("it is made of strings, finite numbers and lists");
    json.push(b'\n');
    write_whole(&out.join(NUMBERS), &json, "write the benchmark's numbers")?;
    let machine = crate::start::machine();
    let mut deck = vec!["nets of the bundled digits".to_string()];
    deck.extend(machine.cpu.clone());
    deck.extend(machine.threads.map(|n| format!("{n} threads")));
    let page = html(found, &deck.join(" · "), footer);
    write_whole(&out.join(PAGE), page.as_bytes(), "write the benchmark's page")
}

#[cfg(test)]
mod tests {
    use adieu_report::stats::Line;

    use super::*;

    fn value(point: &Point, quantity: &str) -> Option<f64> {
        match quantity {
            "step_bytes" => point.step_bytes.map(|bytes| bytes as f64),
            _ => Some(point.kept_bytes as f64),
        }
    }

    /// What people claim of Forward-Forward, to the byte: what a step keeps does not depend on the depth, while
    /// back-propagation keeps a layer's activity more for each layer. It holds without the head only.
    #[test]
    fn without_its_head_forward_forward_keeps_as_much_at_any_depth() {
        let data = Arc::new(adieu_data::load("mnist", None).expect("bundled"));
        let depths = vec![4, 20, 30, 40];
        let scaling = Scaling { depths, widths: vec![100], batches: vec![20], turns: 2, steps: 1 };
        let found = scaling.run(&data, &mut |_| Flow::Continue).expect("it runs").expect("nobody stops it");
        let slope = |learner: &str, quantity: &str| {
            let all = found.points.iter().filter(|p| p.axis == "depth" && p.at >= 20 && p.learner == learner);
            let points: Vec<_> = all.filter_map(|p| Some((p.at as f64, value(p, quantity)?))).collect();
            Line::through(&points).expect("three points").slope
        };
        let a_layer = f64::from(20 * 100 * 4);
        for quantity in ["kept_bytes", "step_bytes"] {
            assert_eq!(slope("forward_forward, no head", quantity), 0.0, "{quantity}");
            let grows = slope("back_prop", quantity);
            assert!((grows - a_layer).abs() < 1e-6, "{quantity}: {grows} a layer, not {a_layer}");
            let quarter = slope("back_prop, micro-batches", quantity);
            if quantity == "kept_bytes" {
                assert!((quarter - a_layer / 4.0).abs() < 1e-6, "{quarter} a layer");
            } else {
                // A layer more has a gradient more, of 100 x 100 weights in panels of 32 columns and 100 biases.
                let gradient = f64::from((100 * 128 + 100) * 4);
                assert!((quarter - a_layer / 4.0 - gradient).abs() < 1e-6, "{quarter} a layer");
            }
            let grows = slope("back_prop, checkpointing", quantity);
            assert!(grows > 0.0 && grows < a_layer / 2.0, "{quantity}: {grows} a layer");
        }
        // The head keeps what it reads, with its scales: a layer's activity more for each layer as well.
        let grows = slope("forward_forward", "kept_bytes");
        assert!(grows >= a_layer && grows < 1.1 * a_layer, "{grows} a layer");
        assert!(scaling.run(&data, &mut |_| Flow::Stop).expect("it runs").is_none());
    }
}
