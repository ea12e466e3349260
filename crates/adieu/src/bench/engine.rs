//! The engine's bench: products, steps and epochs, beside the multiply-add peak and the bandwidth of the moment.

use std::sync::Arc;

use adieu_core::parts::precision::Precision;
use adieu_data::Dataset;
use adieu_kernels::{isa, threads, triad_gbytes};
use serde_json::{Value, json};

use super::{Epoch, ProductSpeed, StepSpeed, Stopped, Taken, Told, Yardstick, epoch, products, steps};
use crate::Error;
use crate::sink::Flow;

/// What is to be timed.
#[derive(Clone, Debug)]
pub struct Engine {
    /// Rows of the products and steps; even numbers.
    pub rows: Vec<usize>,
    /// Widths of the hidden layers.
    pub hidden: Vec<usize>,
    /// Turns each.
    pub turns: usize,
    /// Epochs that are trained; the last is timed. 0: none.
    pub epochs: u64,
    /// Steps of an epoch at most; `None`: all.
    pub steps: Option<usize>,
}

impl Default for Engine {
    fn default() -> Engine {
        Engine { rows: vec![128, 1000, 4096], hidden: vec![2000; 4], turns: 9, epochs: 1, steps: None }
    }
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// `avx512`, ….
    pub isa: &'static str,
    /// Threads of the pool.
    pub threads: usize,
    /// Multiply-add peak by precision, the best that was seen, GFLOP/s, all threads together.
    pub peaks: Vec<(&'static str, f64)>,
    /// Bandwidth of a triad, GB/s, all threads together.
    pub triad: f64,
    /// The three products.
    pub products: Vec<ProductSpeed>,
    /// The steps.
    pub steps: Vec<StepSpeed>,
    /// The epoch.
    pub epoch: Option<Epoch>,
}

impl Engine {
    /// Times everything; `None` if `told` stopped it. `data` gives the digits, if an epoch is asked for.
    ///
    /// # Errors
    /// If the data cannot be read.
    pub fn run(
        &self,
        data: impl FnOnce() -> Result<Arc<Dataset>, Error>,
        told: Told<'_>,
    ) -> Result<Option<Found>, Error> {
        let data = if self.epochs > 0 { Some(data()?) } else { None };
        let Ok(mut found) = self.speeds(told) else { return Ok(None) };
        if let Some(data) = data {
            let hidden: Vec<u64> = self.hidden.iter().map(|width| *width as u64).collect();
            let Ok(epoch) = epoch::measure(&hidden, self.epochs, self.steps, &data, told)? else {
                return Ok(None);
            };
            found.epoch = Some(epoch);
        }
        Ok(Some(found))
    }

    fn speeds(&self, told: Told<'_>) -> Result<Found, Stopped> {
        if told("the peak and the memory") == Flow::Stop {
            return Err(Stopped);
        }
        let precisions: Vec<Precision> = Precision::ALL.into_iter().filter(|p| p.is_available()).collect();
        let kernels: Vec<_> = precisions.iter().map(|p| p.kernel()).collect();
        let mut yardstick = Yardstick::default();
        for _ in 0..5 {
            kernels.iter().for_each(|precision| _ = yardstick.look(*precision, 20));
        }
        let triad = triad_gbytes();
        let widest = self.hidden.iter().copied().max().unwrap_or(1);
        let widths: Vec<usize> = std::iter::once(784).chain(self.hidden.iter().copied()).collect();
        let products = products::measure(&self.rows, widest, &kernels, self.turns, &mut yardstick, told)?;
        let steps = steps::measure(&self.rows, &widths, &precisions, self.turns, &mut yardstick, told)?;
        let judged = |taken: &Taken| taken.judged(&yardstick);
        Ok(Found {
            isa: isa().name(),
            threads: threads(),
            peaks: kernels.iter().map(|precision| (precision.name(), yardstick.best(*precision))).collect(),
            triad,
            products: products
                .into_iter()
                .map(|(p, taken)| ProductSpeed { speed: judged(&taken), ..p })
                .collect(),
            steps: steps.into_iter().map(|(s, taken)| StepSpeed { speed: judged(&taken), ..s }).collect(),
            epoch: None,
        })
    }
}

impl Found {
    /// For programs.
    pub fn json(&self) -> Value {
        let steps = |learner: &str| -> Value {
            let of = self.steps.iter().filter(|step| step.learner == learner);
            let step = |step: &StepSpeed| {
                json!({
                    "rows": step.rows, "precision": step.precision, "ms": step.speed.ms,
                    "fraction_of_peak": step.speed.fraction_of_peak, "gflops": step.speed.gflops,
                    "rows_per_second": step.rows as f64 / step.speed.ms * 1e3, "turns": step.speed.turns.0,
                    "shares": {
                        "product": step.shares.product, "epilogue": step.shares.epilogue,
                        "packing": step.shares.packing, "optimizer": step.shares.optimizer,
                        "waiting": step.shares.waiting, "rest": step.shares.rest,
                    },
                })
            };
            of.map(step).collect()
        };
        let product = |p: &ProductSpeed| {
            json!({
                "rows": p.size[0], "n_in": p.size[1], "n_out": p.size[2], "precision": p.precision,
                "product": p.product, "ms": p.speed.ms, "gflops": p.speed.gflops,
                "fraction_of_peak": p.speed.fraction_of_peak, "turns": p.speed.turns.0,
            })
        };
        json!({
            "isa": self.isa,
            "threads": self.threads,
            "fma_peak_gflops": self.peaks.first().map(|(_, peak)| peak),
            "peaks_gflops": self.peaks.iter().map(|(name, peak)| json!({ "precision": name, "gflops": peak })).collect::<Vec<_>>(),
            "triad_gbytes_per_second": self.triad,
            "products": self.products.iter().map(product).collect::<Vec<_>>(),
            "ff_step": steps("ff"),
            "bp_step": steps("bp"),
            "epoch": self.epoch.as_ref().map(Epoch::json),
        })
    }
}

impl Epoch {
    /// For programs.
    pub fn json(&self) -> Value {
        let mut fields = serde_json::Map::new();
        fields.insert("number".into(), json!(self.number));
        fields.insert("steps".into(), json!(self.steps));
        for variant in &self.variants {
            fields.insert(format!("{}_seconds", variant.key), json!(variant.seconds));
            if !variant.rows_taught.is_empty() {
                fields.insert(format!("{}_rows_taught", variant.key), json!(variant.rows_taught));
            }
        }
        Value::Object(fields)
    }
}
