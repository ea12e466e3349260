//! Checkpoints: safetensors with names (`net.0.weight`, `learner.layer.0.peers`), and in the header's metadata, under
//! `adieu`, where the run stood. Chance is not in it: every draw is a function of seed, purpose and step.

use std::fs;
use std::io::Write;
use std::path::Path;

use adieu_core::learn::Learner;
use adieu_core::parts::block::Net;
use adieu_core::parts::param::Param;
use safetensors::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::Error;
use crate::clock::Totals;
use crate::files::write_through;

const KEY: &str = "adieu";

/// Where a run stood.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Position {
    /// Steps done.
    pub(crate) step: u64,
    /// Training clock.
    pub(crate) train_ns: u64,
    /// Counters that go on.
    pub(crate) totals: Totals,
}

/// Calls `each` with every parameter of the network and the learner and its name in a checkpoint.
fn everything(net: &mut Net, learner: &mut dyn Learner, each: &mut dyn FnMut(String, &mut Param)) {
    for block in net.iter_mut() {
        block.params(&mut |param| each(format!("net.{}", param.path()), param));
    }
    learner.params(&mut |param| each(format!("learner.{}", param.path()), param));
}

/// The first parameter that is not finite, if there is one.
pub(crate) fn not_finite(net: &mut Net, learner: &mut dyn Learner) -> Option<String> {
    let mut found = None;
    everything(net, learner, &mut |name, param| {
        if found.is_none() && !param.is_finite() {
            found = Some(name);
        }
    });
    found
}

/// Writes a checkpoint; returns its size in bytes. Array by array: a copy of everything would be the peak of the run's
/// memory, and saving is not what is measured.
///
/// # Errors
/// [`Error::Io`]; nothing half-written is left.
pub(crate) fn save(
    path: &Path,
    net: &mut Net,
    learner: &mut dyn Learner,
    position: &Position,
) -> Result<u64, Error> {
    let header = header(net, learner, position);
    write_through(path, "write the checkpoint", |file| {
        file.write_all(&(header.len() as u64).to_le_bytes())?;
        file.write_all(header.as_bytes())?;
        let mut written = Ok(());
        everything(net, learner, &mut |_, param| {
            if written.is_ok() {
                let bytes: Vec<u8> = param.to_rows().iter().flat_map(|value| value.to_le_bytes()).collect();
                written = file.write_all(&bytes);
            }
        });
        written
    })
}

/// The header of a safetensors file: name, type, shape and place of each array, and the metadata; padded to 8 bytes.
fn header(net: &mut Net, learner: &mut dyn Learner, position: &Position) -> String {
    let position = serde_json::to_string(position).expect("a position is made of numbers and names");
    let mut header = serde_json::Map::new();
    header.insert("__metadata__".into(), json!({ KEY: position }));
    let mut at = 0;
    everything(net, learner, &mut |name, param| {
        let end = at + 4 * param.count();
        header.insert(name, json!({ "dtype": "F32", "shape": param.shape(), "data_offsets": [at, end] }));
        at = end;
    });
    let mut header = serde_json::Value::Object(header).to_string();
    header.push_str(&" ".repeat(header.len().next_multiple_of(8) - header.len()));
    header
}

/// Loads a checkpoint into a network and learner built from the same recipe.
///
/// # Errors
/// [`Error::Io`]; [`Error::Checkpoint`] if it is damaged or belongs to another network; nothing is loaded then.
pub(crate) fn load(path: &Path, net: &mut Net, learner: &mut dyn Learner) -> Result<Position, Error> {
    let bytes = fs::read(path).map_err(Error::io(path, "read the checkpoint"))?;
    let refuse = |what: String| Error::Checkpoint {
        path: path.to_path_buf(),
        what,
        remedy: "use the checkpoint together with the recipe.toml of its own run",
    };
    let damaged = |what: String| Error::Checkpoint {
        path: path.to_path_buf(),
        what: format!("the file is damaged or no checkpoint: {what}"),
        remedy: "delete it and resume from an earlier checkpoint, or train again",
    };
    let (_, header) = SafeTensors::read_metadata(&bytes).map_err(|e| damaged(e.to_string()))?;
    let position = header.metadata().as_ref().and_then(|m| m.get(KEY));
    let position = position.ok_or_else(|| damaged("it does not say where the run stood".into()))?;
    let position: Position = serde_json::from_str(position).map_err(|e| damaged(e.to_string()))?;
    let tensors = SafeTensors::deserialize(&bytes).map_err(|e| damaged(e.to_string()))?;
    let (mut wanted, mut fault) = (0, None);
    everything(net, learner, &mut |name, param| {
        wanted += 1;
        let found = tensors.tensor(&name).ok();
        let misfit = match &found {
            None => Some(format!("it has no `{name}`: it belongs to another network or learner")),
            Some(t) if t.dtype() != Dtype::F32 => Some(format!("`{name}` is {:?}, not F32", t.dtype())),
            Some(t) if t.shape() != param.shape() => {
                let shapes = (t.shape(), param.shape());
                Some(format!(
                    "`{name}` has shape {:?}, the recipe's has {:?}: it belongs to another network",
                    shapes.0, shapes.1
                ))
            }
            Some(_) => None,
        };
        fault = fault.take().or(misfit);
    });
    if let Some(fault) = fault {
        return Err(refuse(fault));
    }
    if tensors.len() != wanted {
        return Err(refuse(format!("it holds {} arrays where the recipe has {wanted}", tensors.len())));
    }
    everything(net, learner, &mut |name, param| {
        let tensor = tensors.tensor(&name).expect("its presence was checked above");
        let values: Vec<f32> =
            tensor.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        param.load_rows(&values);
    });
    Ok(position)
}
