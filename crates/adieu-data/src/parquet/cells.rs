//! Columns of a Parquet file, and their cells as the text that `table.rs` makes numbers or words of.

use ::parquet::basic::{ConvertedType, LogicalType, Type as Physical};
use ::parquet::schema::types::{ColumnDescriptor, SchemaDescriptor};

use crate::table::Kind;

/// A column that is read.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) cells: Cells,
    /// Its number among the columns that hold values.
    pub(super) leaf: usize,
    /// The level at which a value is there.
    pub(super) deepest: i16,
}

/// What the cells of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cells {
    /// 0 and 1; labels are words.
    Truth {
        label: bool,
    },
    Whole,
    Unsigned,
    /// Whole numbers with so many digits behind the point.
    Decimal(i32),
    Real,
    /// Sixteen bits.
    Half,
    Text,
    /// The bytes of a picture's file.
    Picture,
}

impl Cells {
    pub(super) fn kind(self) -> Kind {
        match self {
            Cells::Text | Cells::Picture => Kind::Words,
            _ => Kind::Number,
        }
    }

    pub(super) fn truth(self, value: bool) -> String {
        if self == (Cells::Truth { label: true }) { value.to_string() } else { u8::from(value).to_string() }
    }

    pub(super) fn whole(self, value: i64) -> String {
        match self {
            Cells::Unsigned => (value as u64).to_string(),
            Cells::Decimal(scale) => decimal(value.into(), scale),
            _ => value.to_string(),
        }
    }

    pub(super) fn text(self, bytes: &[u8]) -> Result<String, &'static str> {
        match (self, bytes) {
            (Cells::Half, &[low, high]) => Ok(half(u16::from_le_bytes([low, high])).to_string()),
            (Cells::Decimal(scale), _) => {
                // two's complement, the highest byte first
                let sign = if bytes.first().is_some_and(|byte| *byte > 127) { -1_i128 } else { 0 };
                if bytes.len() > 16 {
                    return Err("a number of more than 128 bits");
                }
                let add = |sum: i128, byte: &u8| sum << 8 | i128::from(*byte);
                Ok(decimal(bytes.iter().fold(sign, add), scale))
            }
            _ => std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| "not UTF-8"),
        }
    }
}

/// value · 10^(−scale), its digits all kept.
fn decimal(value: i128, scale: i32) -> String {
    let Ok(scale @ 1..=64) = usize::try_from(scale) else { return format!("{value}") };
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = scale + 1);
    let (whole, part) = digits.split_at(digits.len() - scale);
    format!("{}{whole}.{part}", if value < 0 { "-" } else { "" })
}

/// A float of 16 bits (IEEE 754: 5 of exponent, 10 of fraction).
fn half(bits: u16) -> f32 {
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f32::from(bits & 1023));
    let size = match exponent {
        0 => fraction * 2_f32.powi(-24),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        _ => (1024.0 + fraction) * 2_f32.powi(exponent - 25),
    };
    if bits >> 15 == 1 { -size } else { size }
}

/// What a column holds, or what it is that is not read.
fn cells(column: &ColumnDescriptor) -> Result<Cells, &'static str> {
    use ConvertedType as Converted;
    match column.logical_type_ref() {
        Some(LogicalType::Date | LogicalType::Time(_) | LogicalType::Timestamp(_)) => return Err("a time"),
        Some(LogicalType::Unknown) => return Err("without values"),
        Some(LogicalType::Float16) => return Ok(Cells::Half),
        Some(LogicalType::Integer(whole)) => {
            return Ok(if whole.is_signed { Cells::Whole } else { Cells::Unsigned });
        }
        Some(LogicalType::Decimal(decimal)) => return Ok(Cells::Decimal(decimal.scale)),
        Some(LogicalType::String | LogicalType::Enum | LogicalType::Json) | None => {}
        Some(_) => return Err("of a type of its own"),
    }
    match (column.converted_type(), column.physical_type()) {
        (
            Converted::DATE
            | Converted::TIME_MILLIS
            | Converted::TIME_MICROS
            | Converted::TIMESTAMP_MILLIS
            | Converted::TIMESTAMP_MICROS
            | Converted::INTERVAL,
            _,
        )
        | (_, Physical::INT96) => Err("a time"),
        (Converted::DECIMAL, _) => Ok(Cells::Decimal(column.type_scale())),
        (Converted::UINT_8 | Converted::UINT_16 | Converted::UINT_32 | Converted::UINT_64, _) => {
            Ok(Cells::Unsigned)
        }
        (_, Physical::BOOLEAN) => Ok(Cells::Truth { label: false }),
        (_, Physical::INT32 | Physical::INT64) => Ok(Cells::Whole),
        (_, Physical::FLOAT | Physical::DOUBLE) => Ok(Cells::Real),
        (_, Physical::BYTE_ARRAY) => Ok(Cells::Text),
        (_, Physical::FIXED_LEN_BYTE_ARRAY) => Err("of bytes of fixed length"),
    }
}

/// Column `root` of the table itself, or what it is that is not read.
pub(super) fn plain(schema: &SchemaDescriptor, root: usize) -> Result<Column, String> {
    let field = &schema.root_schema().get_fields()[root];
    let leaf = (0..schema.num_columns()).find(|leaf| schema.get_column_root_idx(*leaf) == root);
    let fault = |what: &str| format!("column `{}` is {what}, which is not read", field.name());
    let Some(leaf) = leaf.filter(|_| field.is_primitive()) else {
        return Err(fault("a list or a structure"));
    };
    let column = schema.column(leaf);
    if column.max_rep_level() > 0 {
        return Err(fault("a list"));
    }
    let cells = cells(&column).map_err(fault)?;
    Ok(Column { name: field.name().to_owned(), cells, leaf, deepest: column.max_def_level() })
}

/// The first column of pictures: a structure of `bytes` and `path`, as the Hugging Face datasets have it, or bytes
/// called `image` or `img`.
pub(super) fn pictures(schema: &SchemaDescriptor) -> Option<Column> {
    (0..schema.num_columns()).find_map(|leaf| {
        let column = schema.column(leaf);
        let parts = column.path().parts();
        let bytes = column.logical_type_ref().is_none() && column.converted_type() == ConvertedType::NONE;
        let named = match parts {
            [name] => matches!(name.to_lowercase().as_str(), "image" | "img"),
            [_, part] => part == "bytes",
            _ => false,
        };
        let fits = named && bytes && column.physical_type() == Physical::BYTE_ARRAY;
        (fits && column.max_rep_level() == 0).then(|| Column {
            name: parts[0].clone(),
            cells: Cells::Picture,
            leaf,
            deepest: column.max_def_level(),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_keep_their_digits() {
        let cases: [(i128, i32, &str); 7] = [
            (12_345, 2, "123.45"),
            (-5, 2, "-0.05"),
            (0, 3, "0.000"),
            (100, 0, "100"),
            (7, 1, "0.7"),
            (-700, 2, "-7.00"),
            (9, -1, "9"),
        ];
        for (value, scale, text) in cases {
            assert_eq!(decimal(value, scale), text);
        }
        let text = |bytes: &[u8]| Cells::Decimal(1).text(bytes).unwrap();
        assert_eq!(
            (text(&[255, 246]), text(&[0, 128]), text(&[])),
            ("-1.0".into(), "12.8".into(), "0.0".into())
        );
        assert!(Cells::Decimal(1).text(&[1; 17]).is_err());
    }

    #[test]
    fn halves_are_what_ieee_says() {
        let cases = [
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65_504.0),
            (0x0001, 5.960_464_5e-8),
            (0x3555, 0.333_251_95),
            (0x7c00, f32::INFINITY),
        ];
        for (bits, value) in cases {
            assert_eq!(half(bits), value, "{bits:04x}");
        }
        assert!(half(0x7e00).is_nan());
    }

    #[test]
    fn cells_become_text() {
        assert_eq!(Cells::Unsigned.whole(-1), u64::MAX.to_string());
        assert_eq!(Cells::Whole.whole(-1), "-1");
        assert_eq!(Cells::Truth { label: true }.truth(true), "true");
        assert_eq!(Cells::Truth { label: false }.truth(true), "1");
        assert_eq!(Cells::Text.text(&[0xff]), Err("not UTF-8"));
    }
}
