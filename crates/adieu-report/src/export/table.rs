//! One line a number: CSV (RFC 4180) and JSON.

use adieu_record::Stamped;

use super::numbers;

/// Names in the first line, then one line a number; what is unavailable has an empty value and its reason as source.
pub fn csv(events: &[Stamped]) -> String {
    let mut text = String::from("unix_ms,step,name,part,split,layer,unit,kind,value,source\r\n");
    for n in numbers(events) {
        let unit =
            n.unit.map(|unit| serde_json::to_value(unit).ok().and_then(|v| v.as_str().map(String::from)));
        let cells = [
            n.unix_ms.to_string(),
            n.step.to_string(),
            n.name,
            n.part.unwrap_or_default(),
            n.split.unwrap_or_default().into(),
            n.layer.map(|layer| layer.to_string()).unwrap_or_default(),
            unit.flatten().unwrap_or_default(),
            n.kind.into(),
            n.value.map(|value| value.to_string()).unwrap_or_default(),
            n.source.unwrap_or_default(),
        ];
        text += &cells.map(|cell| quoted(&cell)).join(",");
        text += "\r\n";
    }
    text
}

/// A list of objects, one a number; `null` is *not measured*.
pub fn json(events: &[Stamped]) -> String {
    serde_json::to_string(&numbers(events)).expect("it is made of strings and finite numbers")
}

fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.into()
    }
}
