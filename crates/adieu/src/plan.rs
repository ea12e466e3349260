//! A plan: a recipe that was checked, with its data. Only a plan trains.

use std::ops::Range;
use std::path::Path;

use adieu_core::learn::{Learner, Task, widths};
use adieu_core::parts::Batch;
use adieu_core::parts::block::{Block, shape_through};
use adieu_core::parts::chance::{Purpose, Rng};
use adieu_core::parts::composed::Composed;
use adieu_core::parts::dense::Dense;
use adieu_core::parts::host::{self, matrix};
use adieu_core::parts::precision::Precision;
use adieu_core::parts::shape::Shape;
use adieu_core::parts::stack::Stack;
use adieu_data::{Dataset, Rows};
use adieu_record::{LayerInfo, Network, Split};

use crate::recipe::{Engine, Fault, Faults, Recipe, SplitRecipe};
use crate::{Error, meter};

/// A network and the learner at work on it.
pub(crate) type Built = (Vec<Box<dyn Block>>, Box<dyn Learner>);

/// Widths beyond this are taken for slips of the pen: one matrix of it would not fit most memories.
const WIDEST: u64 = 1 << 17;

/// See the module.
pub struct Plan {
    /// What was asked, every default spelled out.
    pub recipe: Recipe,
    /// Where the rows come from.
    pub data: std::sync::Arc<Dataset>,
    /// What there is to learn.
    pub task: Task,
    train: Range<u32>,
    validation: Option<Range<u32>>,
}

impl Plan {
    /// Checks `recipe` and reads its data. `file` is what faults call the recipe.
    ///
    /// # Errors
    /// [`Error::Recipe`] with all faults of meaning; [`Error::Data`].
    pub fn of(recipe: Recipe, file: &str) -> Result<Plan, Error> {
        let mut faults = model_faults(&recipe);
        if let Some(fault) = data_fault(&recipe) {
            faults.push(fault);
            return Err(Faults { file: file.into(), faults }.into());
        }
        let before = meter::alloc::enter(meter::alloc::Category::Data);
        let data = adieu_data::load(&recipe.data.kind, recipe.data.dir.as_deref())?;
        drop(before);
        Plan::with_data(recipe, data.into(), file, faults)
    }

    /// As [`Plan::of`], with data that was read before: several runs share it.
    ///
    /// # Errors
    /// [`Error::Recipe`] with all faults of meaning.
    pub fn on(recipe: Recipe, data: std::sync::Arc<Dataset>, file: &str) -> Result<Plan, Error> {
        let faults = model_faults(&recipe);
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
        let rows = parts.train.len() as u64;
        if recipe.train.batch > rows {
            faults.push(fault(
                "train.batch",
                format!("{} rows asked, {rows} there are", recipe.train.batch),
                "make it smaller",
            ));
        }
        let image = data.info.image;
        let task = Task {
            input: Shape::Image { c: image.channels, h: image.height, w: image.width },
            classes: data.info.classes.len(),
            train_rows: parts.train.len(),
            epochs: recipe.train.epochs,
            seed: recipe.seed,
        };
        if faults.is_empty() {
            faults = learner_faults(&recipe, &task);
            faults.extend(size_fault(&recipe, task.input, meter::machine(Path::new("/")).memory_bytes));
        }
        if !faults.is_empty() {
            return Err(Faults { file: file.into(), faults }.into());
        }
        Ok(Plan { recipe, data, task, train: parts.train, validation: parts.validation })
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
        let widths = widths(net, self.task.input);
        let blocks = net.iter().zip(widths).map(|(block, width)| LayerInfo {
            name: block.describe(),
            units: width as u64,
            parameters: block.cost(1).parameters,
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
        let mut order: Vec<u32> = self.train.clone().collect();
        Rng::stream(self.recipe.seed, Purpose::Shuffle, epoch).shuffle(&mut order);
        order
    }

    /// The training rows `ids` as a batch.
    pub fn batch(&self, ids: &[u32]) -> Batch {
        gather(&self.data.train, ids)
    }

    /// Rows that are judged while training, and their name: held-out rows, or with the final split the test set.
    pub fn watched(&self) -> (Split, Range<u32>) {
        match &self.validation {
            Some(rows) => (Split::Validation, rows.clone()),
            None => (Split::Test, 0..self.data.test.len() as u32),
        }
    }

    /// Rows of `split`.
    pub fn rows(&self, split: Split) -> Range<u32> {
        match split {
            Split::Train => self.train.clone(),
            Split::Validation => self.validation.clone().unwrap_or(0..0),
            Split::Test => 0..self.data.test.len() as u32,
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

fn network(recipe: &Recipe, input: Shape) -> Vec<Box<dyn Block>> {
    let mut n_in = input.features();
    let mut layer = 0;
    let mut dense = |path: String, n_out: u64| {
        let mut chance = Rng::stream(recipe.seed, Purpose::Init, layer);
        layer += 1;
        let n_out = n_out as usize;
        let (activation, inputs) = (recipe.model.activation, std::mem::replace(&mut n_in, n_out));
        match recipe.model.engine {
            Engine::Kernels => Box::new(
                Dense::new(&path, inputs, n_out, activation, &mut chance)
                    .in_precision(recipe.model.precision)
                    .skipping_zeros(recipe.model.skip_zeros),
            ) as Box<dyn Block>,
            Engine::Burn => {
                Box::new(Composed::new(&path, inputs, n_out, activation, host::cpu(), &mut chance))
            }
        }
    };
    let blocks = recipe.model.blocks.iter().enumerate().map(|(b, widths)| match &widths[..] {
        [only] => dense(b.to_string(), *only),
        many => {
            let inside = many.iter().enumerate().map(|(i, width)| dense(format!("{b}.{i}"), *width));
            Box::new(Stack::new(inside.collect())) as Box<dyn Block>
        }
    });
    let net: Vec<_> = blocks.collect();
    debug_assert!(shape_through(&net, input).is_ok(), "dense blocks are built to fit");
    net
}

/// Network and learner as they are before the first step, for a task whose rows are not at hand.
///
/// # Errors
/// [`Error::Recipe`] with all faults of meaning.
pub(crate) fn blank(recipe: &Recipe, task: &Task, file: &str) -> Result<Built, Error> {
    let mut faults = model_faults(recipe);
    if faults.is_empty() {
        faults = learner_faults(recipe, task);
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
    let cols = values.len() / ids.len().max(1);
    Batch { x: matrix(values, ids.len(), cols), labels: rows.labels(ids), ids: ids.to_vec() }
}

fn fault(key: &str, what: String, remedy: &str) -> Fault {
    Fault { key: key.into(), line: None, what, remedy: remedy.into() }
}

fn model_faults(recipe: &Recipe) -> Vec<Fault> {
    let mut faults = Vec::new();
    if recipe.model.blocks.is_empty() {
        faults.push(fault(
            "model.blocks",
            "there is no block".into(),
            "write one list a block: [[1000], [1000], [1000]]",
        ));
    }
    let precision = recipe.model.precision;
    if !precision.is_available() {
        faults.push(fault(
            "model.precision",
            format!("this processor does not multiply {}", precision.name()),
            "choose precision = \"f32\", or a processor with avx512_bf16",
        ));
    }
    if recipe.model.engine == Engine::Burn && precision != Precision::F32 {
        faults.push(fault(
            "model.precision",
            format!("Burn's operations do not multiply {} with sums in f32", precision.name()),
            "choose precision = \"f32\", or engine = \"kernels\"",
        ));
    }
    for (b, widths) in recipe.model.blocks.iter().enumerate() {
        if widths.is_empty() {
            faults.push(fault(
                &format!("model.blocks[{b}]"),
                "the block has no layer".into(),
                "give it a width, as in [1000], or leave it out",
            ));
        }
        for (i, width) in widths.iter().enumerate() {
            if !(1..=WIDEST).contains(width) {
                let what = format!("{width} units are not a layer");
                faults.push(fault(
                    &format!("model.blocks[{b}][{i}]"),
                    what,
                    &format!("choose 1 to {WIDEST} units"),
                ));
            }
        }
    }
    faults
}

/// What the learner refuses; the model must be without faults.
fn learner_faults(recipe: &Recipe, task: &Task) -> Vec<Fault> {
    let widths: Vec<usize> =
        recipe.model.blocks.iter().filter_map(|b| b.last()).map(|w| *w as usize).collect();
    let refusals = recipe.learner.refuse(&widths, task).into_iter();
    let refusals = refusals.map(|r| fault(&format!("learner.{}", r.key), r.what, &r.remedy));
    layer_faults(recipe).chain(refusals).collect()
}

/// Blocks of several layers, for a learner that takes layers apart.
fn layer_faults(recipe: &Recipe) -> impl Iterator<Item = Fault> {
    let apart = recipe.learner.takes_layers_apart();
    let several = recipe.model.blocks.iter().enumerate().filter(move |(_, block)| apart && block.len() > 1);
    several.map(|(b, block)| {
        let what = format!("`{}` needs one layer a block, not {}", recipe.learner.name(), block.len());
        fault(&format!("model.blocks[{b}]"), what, "give each layer a block of its own: [[500], [500]]")
    })
}

/// Weights that cannot fit into this machine's memory, with a moment for each.
fn size_fault(recipe: &Recipe, input: Shape, memory_bytes: Option<u64>) -> Option<Fault> {
    const GIB: f64 = (1_u64 << 30) as f64;
    let widths = recipe.model.blocks.iter().flatten().copied();
    let below = std::iter::once(input.features() as u64).chain(widths.clone());
    let weights: f64 = below.zip(widths).map(|(n_in, n_out)| n_in as f64 * n_out as f64).sum();
    let (needed, memory) = (2.0 * weights * size_of::<f32>() as f64, memory_bytes? as f64);
    let what = format!(
        "the weights and their moments take {:.0} GiB, this machine has {:.1}",
        needed / GIB,
        memory / GIB
    );
    (needed > memory)
        .then(|| fault("model.blocks", what, "choose narrower layers, or a machine with more memory"))
}

fn data_fault(recipe: &Recipe) -> Option<Fault> {
    let (kind, sources) = (&recipe.data.kind, adieu_data::list());
    let Some(source) = sources.iter().find(|source| source.kind() == kind) else {
        let names: Vec<&str> = sources.iter().map(|source| source.kind()).collect();
        let what = format!("there is no dataset `{kind}`");
        return Some(fault("data.kind", what, &format!("choose one of: {}", names.join(", "))));
    };
    let missing = !source.bundled() && recipe.data.dir.is_none();
    let remedy = "name the folder of its files: dir = \"path/to/folder\"";
    missing.then(|| fault("data.dir", format!("`{kind}` needs a folder to read"), remedy))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_larger_than_the_memory_is_a_fault_and_an_unknown_memory_is_none() {
        let text = "[model]\nblocks = [[131072], [131072]]\n[learner]\nkind = \"back_prop\"\n";
        let recipe = Recipe::parse(text, "r.toml").unwrap();
        let input = Shape::Image { c: 1, h: 28, w: 28 };
        let found = |memory: Option<u64>| size_fault(&recipe, input, memory).map(|fault| fault.what);
        let what = "the weights and their moments take 129 GiB, this machine has 16.0";
        assert_eq!(found(Some(16 << 30)).as_deref(), Some(what));
        assert_eq!((found(Some(256 << 30)), found(None)), (None, None));
    }
}
