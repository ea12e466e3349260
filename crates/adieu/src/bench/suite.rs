//! Benchmarks to a quality: methods side by side on one task, seed by seed in turn, and what each costs until it reaches
//! an error. They are sweeps whose steps are methods; the first is what the others are compared with.
//!
//! Rules: the same network, initial weights, rows, batches, threads, evaluation (all held-out rows after every epoch) for
//! all methods of a seed; settings chosen beforehand, on other seeds' held-out rows, by as many trials for each learner
//! (see the lab log); the order of methods turns round from seed to seed. Test rows choose nothing.

use std::path::Path;

use adieu_core::learn::{BackProp, LearnerRecipe};
use adieu_core::parts::optimizer::AdamW;
use adieu_report::Run;
use adieu_report::quality::{Quality, Target, html};

use super::scaling::contestants;
use crate::duel::Duel;
use crate::files::write_whole;
use crate::recipe::{Recipe, SplitRecipe};
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

/// A built-in task.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Task {
    /// What people write.
    pub name: &'static str,
    /// What it is, in a few words.
    pub about: &'static str,
    /// Kind of the dataset.
    pub data: &'static str,
    hidden: &'static [u64],
    epochs: u64,
    /// How fast its rows come, MB/s; none: they lie in memory.
    throttle_mb_s: Option<f64>,
    /// Which every method should reach, and which tuned back-propagation reaches; `docs/performance.md` says from
    /// how many runs they are set.
    targets: [f64; 2],
    /// Runs a method that the targets are set from; with fewer than [`ENOUGH_RUNS`] they are provisional.
    pub runs: u32,
}

/// Runs a method that targets should rest on.
pub const ENOUGH_RUNS: u32 = 20;

/// All built-in tasks. Targets that enough runs stand behind are frozen: a change of them is another task.
pub const TASKS: [Task; 8] = [
    Task {
        name: "optdigits",
        about: "64-128-128, 60 epochs of 1,497 digits of 8 x 8: seconds",
        data: "optdigits",
        hidden: &[128; 2],
        epochs: 60,
        throttle_mb_s: None,
        targets: [0.10, 0.05],
        runs: 20,
    },
    Task {
        name: "patterns",
        about: "256-64-64, 100 epochs of moving spots that are made up: seconds, for a first look",
        data: "patterns",
        hidden: &[64; 2],
        epochs: 100,
        throttle_mb_s: None,
        targets: [0.30, 0.10],
        runs: 20,
    },
    Task {
        name: "quick",
        about: "784-100-100, 3 epochs of MNIST",
        data: "mnist",
        hidden: &[100; 2],
        epochs: 3,
        throttle_mb_s: None,
        targets: [0.12, 0.06],
        runs: 20,
    },
    Task {
        name: "digits",
        about: "784-500-500-500, 10 epochs of MNIST",
        data: "mnist",
        hidden: &[500; 3],
        epochs: 10,
        throttle_mb_s: None,
        targets: [0.04, 0.02],
        runs: 5,
    },
    Task {
        name: "published",
        about: "784-2000-2000-2000-2000, 10 epochs of MNIST: the net of Hinton 2022; hours",
        data: "mnist",
        hidden: &[2000; 4],
        epochs: 10,
        throttle_mb_s: None,
        targets: [0.04, 0.02],
        runs: 0,
    },
    Task {
        name: "stream",
        about: "quick, with rows that come at 20 MB a second: who waits for data",
        data: "mnist",
        hidden: &[100; 2],
        epochs: 3,
        throttle_mb_s: Some(20.0),
        targets: [0.12, 0.06],
        runs: 20,
    },
    Task {
        name: "fables",
        about: "300-500-500, 10 epochs of next letters of the fables",
        data: "fables",
        hidden: &[500; 2],
        epochs: 10,
        throttle_mb_s: None,
        targets: [0.70, 0.60],
        runs: 0,
    },
    Task {
        name: "cifar",
        about: "3072-1000-1000-1000, 10 epochs of CIFAR-10; name its files by --data-dir, or fetch them",
        data: "cifar10",
        hidden: &[1000; 3],
        epochs: 10,
        throttle_mb_s: None,
        targets: [0.60, 0.50],
        runs: 0,
    },
];

/// Batches made ahead where rows come slowly.
const LEAD: u64 = 2;
/// More rows than any of these datasets holds out.
const ALL_ROWS: u64 = 1_000_000;

impl Suite {
    /// The task with the methods of the house: back-propagation, with AdamW, with checkpointing, in micro-batches;
    /// Forward-Forward, and without its head.
    ///
    /// `data` is read instead of the task's, if it is given: its kind and its folder.
    pub fn of(task: &Task, seeds: u64, data: Option<(&str, Option<&Path>)>) -> Suite {
        let duel = Duel { epochs: task.epochs, hidden: task.hidden.to_vec(), seeds: 1, ..Duel::default() };
        let mut bouts = duel.bouts();
        bouts.reverse(); // back-propagation is what the others are compared with
        let mut methods: Vec<(String, Recipe)> = Vec::new();
        for bout in bouts {
            let (depth, batch) = (task.hidden.len() as u64, bout.recipe.train.batch);
            methods.extend(contestants(bout.recipe, depth, batch));
        }
        let adam = BackProp { optimizer: AdamW::default().into(), ..BackProp::default() };
        let adam = Recipe { learner: LearnerRecipe::from(adam), ..methods[0].1.clone() };
        methods.insert(1, ("back_prop, AdamW".into(), adam));
        for (name, recipe) in &mut methods {
            recipe.name = format!("{} {name}", task.name);
            recipe.data.split = SplitRecipe::Choose;
            (recipe.data.kind, recipe.data.dir) = match data {
                Some((kind, dir)) => (kind.into(), dir.map(Path::to_owned)),
                None => (task.data.into(), None),
            };
            recipe.data.throttle_mb_s = task.throttle_mb_s;
            recipe.data.prefetch = if task.throttle_mb_s.is_some() { LEAD } else { 0 };
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
            assert_eq!(methods.len(), 6);
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
            if bundled {
                suite.sweep.check().expect("every method can be");
            }
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
        assert_eq!(steps, [0, 1, 2, 3, 4, 5, 5, 4, 3, 2, 1, 0, 0, 1, 2, 3, 4, 5]);
        let seeds: Vec<u64> = bouts.iter().map(|(_, bout, _)| bout.recipe.seed).collect();
        assert_eq!((seeds[0], seeds[6], seeds[17]), (1, 2, 3));
    }

    #[test]
    fn targets_have_names() {
        let names = |errors: &[f64]| targets(errors).into_iter().map(|t| t.name).collect::<Vec<_>>();
        assert_eq!(names(&[0.02, 0.04]), ["common", "strong"]);
        assert_eq!(names(&[0.05]), ["5 %"]);
    }
}
