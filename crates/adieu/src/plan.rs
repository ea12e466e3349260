//! A plan: a recipe that was checked, with its data. Only a plan trains.

use std::ops::Range;
use std::path::Path;

use adieu_core::learn::{Ask, Goal, Learner, Task};
use adieu_core::parts::Batch;
use adieu_core::parts::block::Block;
use adieu_core::parts::chance::{Purpose, Rng};
use adieu_core::parts::host::matrix;
use adieu_core::parts::shape::Shape;
use adieu_data::{Dataset, Rows};
use adieu_record::{Event, LayerInfo, Network, Split};

use crate::network::{model_faults, network, not_alone, outlines, size_fault};
use crate::recipe::{Fault, Faults, LayerKind, LayerRecipe, Recipe, SplitRecipe};
use crate::{Error, augment, meter, reconstruct};

/// A network and the learner at work on it.
pub(crate) type Built = (Vec<Box<dyn Block>>, Box<dyn Learner>);

/// See the module.
pub struct Plan {
    /// What was asked, every default spelled out.
    pub recipe: Recipe,
    /// Where the rows come from.
    pub data: std::sync::Arc<Dataset>,
    /// What there is to learn.
    pub task: Task,
    /// The data as they were read, before labels were taken off or classes called normal: what other plans share.
    pub(crate) read: std::sync::Arc<Dataset>,
    train: Vec<u32>,
    validation: Option<Range<u32>>,
    /// Of the rows that train, where rows are to be given back; else empty.
    mean_row: Vec<f32>,
}

impl Plan {
    /// Checks `recipe` and reads its data. `file` is what faults call the recipe.
    ///
    /// # Errors
    /// [`Error::Recipe`] with all faults of meaning; [`Error::Data`].
    pub fn of(recipe: Recipe, file: &str) -> Result<Plan, Error> {
        let mut faults = model_faults(&recipe.model);
        if let Some(fault) = data_fault(&recipe) {
            faults.push(fault);
            return Err(Faults { file: file.into(), faults }.into());
        }
        let before = meter::alloc::enter(meter::alloc::Category::Data);
        let data = recipe.data.read()?;
        drop(before);
        Plan::with_data(recipe, data.into(), file, faults)
    }

    /// As [`Plan::of`], with data that was read before: several runs share it.
    ///
    /// # Errors
    /// [`Error::Recipe`] with all faults of meaning.
    pub fn on(recipe: Recipe, data: std::sync::Arc<Dataset>, file: &str) -> Result<Plan, Error> {
        let faults = model_faults(&recipe.model);
        Plan::with_data(recipe, data, file, faults)
    }

    fn with_data(
        recipe: Recipe,
        data: std::sync::Arc<Dataset>,
        file: &str,
        mut faults: Vec<Fault>,
    ) -> Result<Plan, Error> {
        let split = match recipe.data.split {
            SplitRecipe::Choose => adieu_data::Split::Choose,
            SplitRecipe::Final => adieu_data::Split::Final,
        };
        let parts = adieu_data::split(&data, split);
        let (goal, read) = (recipe.data.goal(), data.clone());
        let data = match (goal, &recipe.data.normal) {
            (Goal::Reconstruct, _) if !data.info.classes.is_empty() => {
                adieu_data::unlabelled((*data).clone()).into()
            }
            (Goal::Detect, Some(normal)) => {
                adieu_data::one_class((*data).clone(), normal, parts.train.clone())?.into()
            }
            _ => data,
        };
        if goal == Goal::Classify && data.info.classes.is_empty() {
            let what = format!("`{}` has no labels", data.info.name);
            faults.push(fault("data.labels", what, "say so: labels = false"));
        }
        // where anomalies are to be found, normal rows train
        let detect = goal == Goal::Detect;
        let train: Vec<u32> =
            parts.train.clone().filter(|row| !detect || data.train.label(*row as usize) == 0).collect();
        faults.extend(batch_faults(&recipe, train.len() as u64));
        if data.test.is_empty() {
            let what = "the test set has no row".to_string();
            faults.push(fault("data", what, "put rows aside for it: nothing can be judged without"));
        }
        faults.extend(augment::fault(&recipe.data, data.train.is_real()));
        if data.train.is_real() && recipe.learner.wants_shares() {
            let what = format!(
                "`{}` takes what a row holds for shares from 0 to 1, columns of a table are standardised",
                recipe.learner.name()
            );
            faults.push(fault("learner.kind", what, "choose another learner, or pictures"));
        }
        let image = data.info.image;
        let task = Task {
            input: Shape::Image { c: image.channels, h: image.height, w: image.width },
            classes: data.info.classes.len(),
            train_rows: parts.train.len(),
            epochs: recipe.train.epochs,
            seed: recipe.seed,
            goal,
        };
        if faults.is_empty() {
            faults = task_faults(&recipe, &task);
            let memory = meter::machine(Path::new("/")).memory_bytes;
            faults.extend(size_fault(&recipe.model, task.input, memory));
        }
        if !faults.is_empty() {
            return Err(Faults { file: file.into(), faults }.into());
        }
        let mean_row =
            if goal == Goal::Reconstruct { reconstruct::mean_row(&data.train, &train) } else { Vec::new() };
        Ok(Plan { recipe, data, read, task, train, validation: parts.validation, mean_row })
    }

    /// Steps in an epoch; rows that do not fill a batch are left for the next epoch's order.
    pub fn steps_per_epoch(&self) -> u64 {
        self.train.len() as u64 / self.recipe.train.batch
    }

    /// Steps of the whole run.
    pub fn steps(&self) -> u64 {
        self.steps_per_epoch() * self.recipe.train.epochs
    }

    /// The network, with the initial weights that every learner of this seed starts from.
    pub fn network(&self) -> Vec<Box<dyn Block>> {
        network(&self.recipe, self.task.input)
    }

    /// What the record says of the network.
    pub fn describe(&self, net: &[Box<dyn Block>], learner: &dyn Learner) -> Network {
        let blocks = learner.layers(net).into_iter().map(|block| {
            let cost = block.cost(1);
            let units = cost.output_bytes / size_of::<f32>() as u64;
            LayerInfo { name: block.describe(), units, parameters: cost.parameters }
        });
        let own = learner.parts().into_iter().map(|(name, units, parameters)| LayerInfo {
            name,
            units,
            parameters,
        });
        let layers: Vec<LayerInfo> = blocks.chain(own).collect();
        let parameters = layers.iter().map(|layer| layer.parameters).sum();
        let step_bytes = learner.step_bytes(net, self.recipe.train.batch as usize);
        Network { input: self.task.input.to_string(), layers, parameters, step_bytes }
    }

    /// The training rows of epoch `epoch` (from 1), in that epoch's order.
    pub fn order(&self, epoch: u64) -> Vec<u32> {
        let mut order = self.train.clone();
        Rng::stream(self.recipe.seed, Purpose::Shuffle, epoch).shuffle(&mut order);
        order
    }

    /// The training rows `ids` as the batch of step number `step`, which augmentation depends on.
    pub fn batch(&self, ids: &[u32], step: u64) -> Batch {
        let mut values = Vec::new();
        self.data.train.gather(ids, &mut values);
        let mut chance = Rng::stream(self.recipe.seed, Purpose::Augment, step);
        augment::apply(&self.recipe.data, self.data.info.image, &mut values, &mut chance);
        batch_from(values, &self.data.train, ids)
    }

    /// What the record says of rows that were left out in reading, if any were.
    pub(crate) fn left_out(&self) -> Option<Event> {
        let skipped = &self.data.info.skipped;
        let first = skipped.first.first()?;
        let what = format!("{} bad rows were left out, the first: {first}", skipped.count);
        Some(Event::Warned { what, remedy: "mend them, or let them stop the run: on_bad = \"fail\"".into() })
    }

    /// Bytes of a row as it is stored.
    pub fn row_bytes(&self) -> usize {
        let rows = &self.data.train;
        rows.width() * if rows.is_real() { size_of::<f32>() } else { 1 }
    }

    /// Rows that are judged while training, and their name: held-out rows, or with the final split the test set.
    pub fn watched(&self) -> (Split, Range<u32>) {
        match &self.validation {
            Some(rows) => (Split::Validation, rows.clone()),
            None => (Split::Test, 0..self.data.test.len() as u32),
        }
    }

    /// The mean row of those that train, `[width]`, where rows are to be given back; else empty.
    pub(crate) fn mean_row(&self) -> &[f32] {
        &self.mean_row
    }

    /// Rows of `split`.
    pub fn rows(&self, split: Split) -> Vec<u32> {
        match split {
            Split::Train => self.train.clone(),
            Split::Validation => self.validation.clone().unwrap_or(0..0).collect(),
            Split::Test => (0..self.data.test.len() as u32).collect(),
        }
    }

    /// Rows `ids` of `split` as a batch.
    pub fn batch_of(&self, split: Split, ids: &[u32]) -> Batch {
        match split {
            Split::Train | Split::Validation => gather(&self.data.train, ids),
            Split::Test => gather(&self.data.test, ids),
        }
    }
}

/// Network and learner as they are before the first step, for a task whose rows are not at hand.
///
/// # Errors
/// [`Error::Recipe`] with all faults of meaning.
pub(crate) fn blank(recipe: &Recipe, task: &Task, file: &str) -> Result<Built, Error> {
    let mut faults = model_faults(&recipe.model);
    if faults.is_empty() {
        faults = task_faults(recipe, task);
    }
    if !faults.is_empty() {
        return Err(Faults { file: file.into(), faults }.into());
    }
    let mut net = network(recipe, task.input);
    let learner = recipe.learner.build(&mut net, task);
    Ok((net, learner))
}

fn gather(rows: &Rows, ids: &[u32]) -> Batch {
    let mut values = Vec::new();
    rows.gather(ids, &mut values);
    batch_from(values, rows, ids)
}

fn batch_from(values: Vec<f32>, rows: &Rows, ids: &[u32]) -> Batch {
    let cols = values.len() / ids.len().max(1);
    Batch { x: matrix(values, ids.len(), cols), labels: rows.labels(ids), ids: ids.to_vec() }
}

pub(crate) fn fault(key: &str, what: String, remedy: &str) -> Fault {
    Fault { key: key.into(), line: None, what, remedy: remedy.into() }
}

/// What cannot be for this task: shapes, then what the learner refuses. The model must be without faults of its own.
fn task_faults(recipe: &Recipe, task: &Task) -> Vec<Fault> {
    let blocks = match outlines(&recipe.model, task.input) {
        Ok(blocks) => blocks,
        Err(fault) => return vec![fault],
    };
    let refusals = recipe.learner.refusals(&blocks, task).into_iter();
    let refusals = refusals.map(|r| fault(&format!("learner.{}", r.key), r.what, &r.remedy));
    layer_faults(recipe).chain(refusals).collect()
}

/// Blocks that do not come apart as the learner asks.
fn layer_faults(recipe: &Recipe) -> impl Iterator<Item = Fault> {
    let layer = |block: &[LayerRecipe]| {
        matches!(block, [LayerRecipe::Dense(_) | LayerRecipe::Kind(LayerKind::Local(_))])
    };
    let name = recipe.learner.name();
    recipe.model.blocks.iter().enumerate().filter_map(move |(b, block)| {
        let (asks, key) = (recipe.learner.asks(b), format!("model.blocks[{b}]"));
        if asks.contains(&Ask::LayerByLayer)
            && let Some(fault) = not_alone(block, &key)
        {
            let what = format!("`{name}` teaches layer by layer, but {}", fault.what);
            return Some(Fault { what, ..fault });
        }
        // a learner of learners may ask for both
        let unmet = asks.into_iter().find(|ask| match ask {
            Ask::Layer => !layer(block),
            Ask::Product => !one_product(block),
            Ask::LabelChannel => !shows_labels(block),
            Ask::LayerByLayer => false,
        });
        let (what, remedy) = match unmet? {
            Ask::LayerByLayer => return None,
            Ask::Layer => {
                ("one dense or local layer a block", "give each layer a block of its own: [[500], [500]]")
            }
            Ask::Product => (
                "one dense layer or one convolution a block, with nothing else that learns",
                "give each such layer a block of its own, without groups, and norms no affine = true",
            ),
            Ask::LabelChannel => (
                "a channel to show labels in",
                "begin the block with { kind = \"label_channel\" }, or set the learner's place = \"onto\"",
            ),
        };
        Some(fault(&key, format!("`{name}` needs {what}"), remedy))
    })
}

/// Whether a block begins with a place for labels.
fn shows_labels(block: &[LayerRecipe]) -> bool {
    matches!(block, [LayerRecipe::Kind(LayerKind::LabelChannel(_)), ..])
}

/// Whether all that a block has to learn is in one dense layer or one convolution.
fn one_product(block: &[LayerRecipe]) -> bool {
    let learning = block.iter().filter(|layer| layer.learns());
    let product = |layer: &LayerRecipe| match layer {
        LayerRecipe::Dense(_) => true,
        LayerRecipe::Kind(LayerKind::Convolution(fields)) => fields.groups == 1,
        LayerRecipe::Kind(_) => false,
    };
    let found: Vec<bool> = learning.map(product).collect();
    found.is_empty() || found == [true]
}

/// What is wrong with the number of rows a step, of `rows` that there are.
fn batch_faults(recipe: &Recipe, rows: u64) -> impl Iterator<Item = Fault> {
    let (asked, least, name) = (recipe.train.batch, recipe.learner.least_rows(), recipe.learner.name());
    let fault = |what, remedy| fault("train.batch", what, remedy);
    let many =
        (asked > rows).then(|| fault(format!("{asked} rows asked, {rows} there are"), "make it smaller"));
    let few = (asked < least)
        .then(|| fault(format!("`{name}` needs at least {least} rows a step"), "make it larger"));
    many.into_iter().chain(few)
}

fn data_fault(recipe: &Recipe) -> Option<Fault> {
    let (kind, sources) = (&recipe.data.kind, adieu_data::list());
    let Some(source) = sources.iter().find(|source| source.kind() == kind) else {
        let names: Vec<&str> = sources.iter().map(|source| source.kind()).collect();
        let what = format!("there is no dataset `{kind}`");
        return Some(fault("data.kind", what, &format!("choose one of: {}", names.join(", "))));
    };
    if let (false, Some(_)) = (recipe.data.labels, &recipe.data.normal) {
        let what = "classes are called normal, but there are to be no labels".to_string();
        return Some(fault("data.normal", what, "leave it out, or labels = false"));
    }
    let set = [("rows", recipe.data.rows.is_some()), ("label", recipe.data.label.is_some())];
    if let Some((key, _)) = set.iter().find(|(key, set)| *set && !source.heeds().contains(key)) {
        let takers: Vec<&str> =
            sources.iter().filter(|s| s.heeds().contains(key)).map(|s| s.kind()).collect();
        let what = format!("`{kind}` does not heed it");
        return Some(fault(
            &format!("data.{key}"),
            what,
            &format!("leave it out; it is for {}", takers.join(", ")),
        ));
    }
    let missing = !source.bundled() && source.files().is_empty() && recipe.data.dir.is_none();
    let remedy = "name the folder of its files: dir = \"path/to/folder\"";
    missing.then(|| fault("data.dir", format!("`{kind}` needs a folder to read"), remedy))
}
