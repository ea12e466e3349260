//! What a meter says. **Absent is not zero**: a sensor that cannot be read is [`Value::Unavailable`], with the
//! reason and what would mend it. What a sensor said moment by moment is a [`Series`], in which moments that could not
//! be read are missing.

use serde::{Deserialize, Serialize};

/// One quantity at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// What: `cpu_time`, `resident`, `resident_peak`, `allocated`, `allocated_peak`, `multiply_adds`, `wall`, ….
    pub name: String,
    /// Part of the whole it is about, where there are parts: `parameters`, `optimizer`, `activations`, `data`, `other`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
    /// Unit of the value.
    pub unit: Unit,
    /// The value, or why there is none.
    pub value: Value,
}

/// Units: SI, without prefixes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// s
    Seconds,
    /// B
    Bytes,
    /// multiply-add pairs
    MultiplyAdds,
    /// a plain count
    Count,
    /// in [0, 1]
    Fraction,
    /// Hz
    Hertz,
    /// J
    Joules,
    /// W
    Watts,
    /// °C
    Celsius,
}

/// Three different things, through record, table and chart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Value {
    /// Read from a source.
    Measured {
        /// In the reading's unit.
        value: f64,
        /// Which source: `getrusage`, `/proc/self/status VmHWM`, `counting allocator`, ….
        source: String,
        /// Share of the window that was seen, in (0, 1].
        coverage: f64,
    },
    /// Computed from a model, never ranked beside measurements.
    Estimated {
        /// Lower end.
        lo: f64,
        /// Middle.
        mid: f64,
        /// Upper end.
        hi: f64,
        /// Which model.
        model: String,
    },
    /// Not to be had.
    Unavailable {
        /// Why.
        why: String,
        /// What would mend it.
        remedy: String,
    },
}

/// One quantity over time; moments in which it could not be read are left out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// What, each in its own unit: `power` (W), `resident` and `allocated` (B), `cpu_use` (a count: processors that
    /// this process kept busy), `clock` (Hz), ….
    pub name: String,
    /// A rail, for power; none: the sum.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
    /// Unit of the values.
    pub unit: Unit,
    /// Which source, as in [`Value::Measured`].
    pub source: String,
    /// What was read, oldest first.
    pub points: Vec<Point>,
}

/// A value and its moment.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Run time, as [`Stamped::at_ns`](crate::Stamped::at_ns).
    pub at_ns: u64,
    /// In the series' unit.
    pub value: f64,
}

impl Reading {
    /// A measured value that was seen over the whole window.
    pub fn measured(name: &str, part: Option<&str>, unit: Unit, value: f64, source: &str) -> Reading {
        let value = Value::Measured { value, source: source.into(), coverage: 1.0 };
        Reading { name: name.into(), part: part.map(Into::into), unit, value }
    }

    /// No value, why, and what would mend it.
    pub fn unavailable(name: &str, part: Option<&str>, unit: Unit, why: &str, remedy: &str) -> Reading {
        let value = Value::Unavailable { why: why.into(), remedy: remedy.into() };
        Reading { name: name.into(), part: part.map(Into::into), unit, value }
    }
}
