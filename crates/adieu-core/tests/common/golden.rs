//! Reading golden numbers.

use std::collections::BTreeMap;

use adieu_core::parts::Batch;
use adieu_core::parts::host::matrix;
use serde_json::Value;

/// All numbers of a value, laid flat.
pub(crate) fn flat(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(items) => items.iter().flat_map(flat).collect(),
        number => vec![number.as_f64().expect("a number")],
    }
}

/// Those of each field.
pub(crate) fn named(value: &Value) -> BTreeMap<String, Vec<f64>> {
    let fields = value.as_object().expect("fields").iter();
    fields.map(|(name, values)| (name.clone(), flat(values))).collect()
}

/// Rows `x` with their labels `y`.
pub(crate) fn batch(value: &Value) -> Batch {
    let labels: Vec<u8> = flat(&value["y"]).iter().map(|y| *y as u8).collect();
    let x = flat(&value["x"]).iter().map(|x| *x as f32).collect::<Vec<_>>();
    let cols = x.len() / labels.len();
    Batch { x: matrix(x, labels.len(), cols), ids: (0..labels.len() as u32).collect(), labels }
}
