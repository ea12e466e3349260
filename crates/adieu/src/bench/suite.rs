//! Benchmarks to a quality: methods side by side on one task, seed by seed in turn, and what each costs until it reaches
//! an error. They are sweeps whose steps are methods; the first is what the others are compared with.
//!
//! Rules: the same network, initial weights, rows, batches, threads, evaluation (all held-out rows after every epoch) for
//! all methods of a seed; settings chosen beforehand, on other seeds' held-out rows, by as many trials for each learner
//! (see the lab log); the order of methods turns round from seed to seed. Test rows choose nothing.

use std::path::Path;

use adieu_core::learn::{BackProp, DeeperForward, ForwardForward, LearnerRecipe, LocalHeads, Together};
use adieu_core::parts::class_score::{Maps, Projection};
use adieu_core::parts::label_code::Waves;
use adieu_core::parts::norm::Norm;
use adieu_core::parts::objective::PairMargin;
use adieu_core::parts::optimizer::{AdamW, EmaSgd, Optimizer, Sgd};
use adieu_report::Run;
use adieu_report::quality::{Quality, Target, html};

use super::scaling::contestants;
use super::tasks::Trunk;
pub use super::tasks::{ENOUGH_RUNS, TASKS, Task};
use crate::duel::Duel;
use crate::files::write_whole;
use crate::recipe::{Recipe, SplitRecipe};
use crate::sweep::convolutional_pairs;
use crate::{Error, RunFolder, Sweep};

/// Name of the numbers in a benchmark's folder.
pub const NUMBERS: &str = "quality.json";

/// Name of the page in a benchmark's folder.
pub const PAGE: &str = "suite.html";

/// A benchmark.
#[derive(Clone, Debug)]
pub struct Suite {
    /// The methods, as steps.
    pub sweep: Sweep,
    /// What is to be reached.
    pub targets: Vec<Target>,
}

/// Batches made ahead where rows come slowly.
const LEAD: u64 = 2;
/// More rows than any of these datasets holds out.
const ALL_ROWS: u64 = 1_000_000;

impl Suite {
    /// The task with the methods of the house, on the same net, rows, batches and initial weights.
    ///
    /// `data` is read instead of the task's, if it is given: its kind and its folder.
    pub fn of(task: &Task, seeds: u64, data: Option<(&str, Option<&Path>)>) -> Suite {
        let mut methods = match task.trunk {
            Trunk::Dense(hidden) => dense_methods(hidden, task.epochs),
            Trunk::Convolutions(channels) => convolutional_methods(channels.len()),
        };
        for (name, recipe) in &mut methods {
            recipe.name = format!("{} {name}", task.name);
            recipe.model.blocks = task.trunk.blocks();
            recipe.data.split = SplitRecipe::Choose;
            (recipe.data.kind, recipe.data.dir) = match data {
                Some((kind, dir)) => (kind.into(), dir.map(Path::to_owned)),
                None => (task.data.into(), None),
            };
            recipe.data.throttle_mb_s = task.throttle_mb_s;
            recipe.data.prefetch = if task.throttle_mb_s.is_some() { LEAD } else { 0 };
            recipe.train.epochs = task.epochs;
            recipe.train.probe_rows = ALL_ROWS;
        }
        let [common, strong] = task.targets;
        Suite { sweep: Sweep::side_by_side(task.name, seeds, methods), targets: targets(&[common, strong]) }
    }

    /// What the runs in `out` have found, finished or not.
    ///
    /// # Errors
    /// Of records that cannot be read.
    pub fn found(&self, out: &Path) -> Result<Quality, Error> {
        let mut methods: Vec<(String, Vec<Run>)> =
            self.sweep.steps.iter().map(|step| (step.name.clone(), Vec::new())).collect();
        for (step, path) in self.sweep.runs(out) {
            if let Ok(folder) = RunFolder::open(&path) {
                let record = adieu_record::jsonl::read(&folder.events())?;
                methods[step].1.push(Run::from_events(&path.display().to_string(), &record.events)?);
            }
        }
        Ok(Quality::of(&self.sweep.name, &self.targets, &methods))
    }
}

type Methods = Vec<(String, Recipe)>;

/// The recipe with another learner.
fn with(recipe: &Recipe, learner: impl Into<LearnerRecipe>) -> Recipe {
    Recipe { learner: learner.into(), ..recipe.clone() }
}

/// Back-propagation by momentum and by AdamW, with checkpointing, in micro-batches; Forward-Forward, without its head,
/// layer after layer, by differences of pairs; local heads. Rates: the best of three on held-out rows of another seed.
fn dense_methods(hidden: &[u64], epochs: u64) -> Methods {
    let [forward, backward] = bouts(hidden, epochs);
    let depth = hidden.len() as u64;
    let adam = BackProp { optimizer: AdamW::default().into(), ..BackProp::default() };
    let mut all = contestants(backward.clone(), depth, backward.train.batch);
    all.insert(1, ("back_prop, AdamW".into(), with(&backward, adam)));
    let LearnerRecipe::ForwardForward(published) = forward.learner.clone() else {
        unreachable!("the duel's first learner is Forward-Forward")
    };
    all.extend(contestants(forward, depth, backward.train.batch));
    let faster: Optimizer = EmaSgd { rate: 0.04, ..EmaSgd::default() }.into();
    let greedy =
        ForwardForward { layers: Together::Greedily, optimizer: faster.clone(), ..published.clone() };
    all.push(("forward_forward, layer after layer".into(), with(&backward, greedy)));
    let widest = hidden.iter().max().copied().unwrap_or(1);
    let pairs = ForwardForward {
        // as sharp as the logistic at temperature 1
        objective: PairMargin { alpha: widest as f64 }.into(),
        calibrate: true,
        optimizer: faster,
        ..published
    };
    all.push(("forward_forward, pairs".into(), with(&backward, pairs)));
    let heads = LocalHeads { score: Projection::default().into(), norm: Norm::Rms, ..LocalHeads::default() };
    all.push(("local_heads".into(), with(&backward, heads)));
    all
}

/// Back-propagation in the same four ways; Forward-Forward with labels that every window sees; DeeperForward; local
/// heads with a map a class. Rates: the best of three after three epochs, on held-out rows of another seed.
fn convolutional_methods(depth: usize) -> Methods {
    let [_, mut backward] = bouts(&[1], 1);
    backward.train.batch = 128;
    let LearnerRecipe::BackProp(published) = backward.learner.clone() else {
        unreachable!("the duel's second learner is back-propagation")
    };
    // norms are layers of the net
    let sgd = Sgd { rate: 0.03, momentum: 0.9, decay: 1e-4 }.into();
    let sgd = BackProp { norm: Norm::None, optimizer: sgd, ..published };
    let adam_w = |rate: f64| -> Optimizer { AdamW { rate, ..AdamW::default() }.into() };
    let adam = BackProp { optimizer: adam_w(0.001), ..sgd.clone() };
    let mut all = contestants(with(&backward, sgd), depth as u64, backward.train.batch);
    all.insert(1, ("back_prop, AdamW".into(), with(&backward, adam)));
    let waves = ForwardForward { label: Waves::default().into(), ..convolutional_pairs(0.003) };
    all.push(("forward_forward, waves".into(), with(&backward, waves)));
    let published = DeeperForward::default();
    let deeper = AdamW { rate: 0.08, decay: 5e-4, ..AdamW::default() }.into();
    all.push(("deeper_forward".into(), with(&backward, DeeperForward { optimizer: deeper, ..published })));
    let (optimizer, head_optimizer) = (adam_w(0.01), adam_w(0.01));
    let heads =
        LocalHeads { score: Maps::default().into(), optimizer, head_optimizer, ..LocalHeads::default() };
    all.push(("local_heads".into(), with(&backward, heads)));
    all
}

/// The recipes of a duel of this net: Forward-Forward's and back-propagation's.
fn bouts(hidden: &[u64], epochs: u64) -> [Recipe; 2] {
    let duel = Duel { epochs, hidden: hidden.to_vec(), seeds: 1, ..Duel::default() };
    let recipes: Vec<Recipe> = duel.bouts().into_iter().map(|bout| bout.recipe).collect();
    recipes.try_into().unwrap_or_else(|_| unreachable!("a seed of a duel is two runs"))
}

/// Errors to be reached, the easiest first, with names: `common`, then `strong` if they are two.
pub fn targets(errors: &[f64]) -> Vec<Target> {
    let mut errors = errors.to_vec();
    errors.sort_by(|a, b| b.total_cmp(a));
    let name = |i: usize, error: f64| match (i, errors.len()) {
        (0, 2) => "common".into(),
        (1, 2) => "strong".into(),
        _ => format!("{} %", 100.0 * error),
    };
    errors.iter().enumerate().map(|(i, error)| Target { name: name(i, *error), error: *error }).collect()
}

/// Writes the numbers and the page into `out`; `footer` is a line at the foot of the page.
///
/// # Errors
/// [`Error::Io`]; no half-written file is left.
pub fn write(quality: &Quality, out: &Path, footer: Option<&str>) -> Result<(), Error> {
    let mut json =
        serde_json::to_vec_pretty(quality).expect("it is made of strings, finite numbers and lists");
    json.push(b'\n');
    write_whole(&out.join(NUMBERS), &json, "write the benchmark's numbers")?;
    write_whole(&out.join(PAGE), html(quality, footer).as_bytes(), "write the benchmark's page")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_of_a_task_differ_in_their_learner_and_name_only() {
        for task in &TASKS {
            let suite = Suite::of(task, 5, None);
            let methods = &suite.sweep.steps;
            assert_eq!(methods[0].name, "back_prop");
            assert_eq!(methods.len(), if matches!(task.trunk, Trunk::Dense(_)) { 9 } else { 7 });
            for method in methods {
                let same = Recipe {
                    learner: methods[0].recipe.learner.clone(),
                    name: methods[0].recipe.name.clone(),
                    ..method.recipe.clone()
                };
                assert_eq!(same, methods[0].recipe, "{}", method.name);
                // What a run's folder holds can be read again, or nothing goes on.
                let again =
                    Recipe::parse(&method.recipe.to_toml(), "a run's recipe").expect("it was written so");
                assert_eq!(again, method.recipe, "{}", method.name);
            }
            let bundled =
                adieu_data::list().iter().any(|source| source.kind() == task.data && source.bundled());
            let suite = if bundled { suite } else { Suite::of(task, 5, Some(("optdigits", None))) };
            suite.sweep.check().expect("every method can be");
        }
    }

    #[test]
    fn a_task_s_data_can_be_another_s() {
        let cifar = TASKS.iter().find(|task| task.name == "cifar").expect("it is one");
        let suite = Suite::of(cifar, 1, Some(("images", Some(Path::new("pictures")))));
        for method in &suite.sweep.steps {
            let data = &method.recipe.data;
            assert_eq!((data.kind.as_str(), data.dir.as_deref()), ("images", Some(Path::new("pictures"))));
        }
        assert!(Suite::of(cifar, 1, None).sweep.steps.iter().all(|m| m.recipe.data.kind == "cifar10"));
    }

    #[test]
    fn the_order_turns_round_from_seed_to_seed() {
        let suite = Suite::of(&TASKS[0], 3, None);
        let bouts = suite.sweep.bouts(Path::new("nowhere")).expect("nothing lies there");
        let steps: Vec<usize> = bouts.iter().map(|(step, ..)| *step).collect();
        assert_eq!(steps, (0..9).chain((0..9).rev()).chain(0..9).collect::<Vec<_>>());
        let seeds: Vec<u64> = bouts.iter().map(|(_, bout, _)| bout.recipe.seed).collect();
        assert_eq!((seeds[0], seeds[9], seeds[26]), (1, 2, 3));
    }

    #[test]
    fn targets_have_names() {
        let names = |errors: &[f64]| targets(errors).into_iter().map(|t| t.name).collect::<Vec<_>>();
        assert_eq!(names(&[0.02, 0.04]), ["common", "strong"]);
        assert_eq!(names(&[0.05]), ["5 %"]);
    }
}
