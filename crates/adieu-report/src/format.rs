//! Numbers for people: three significant digits, a unit, no exponents where a prefix will do.

use adieu_record::Unit;

/// The sign for what was not measured.
pub(crate) const ABSENT: &str = "–";

/// `value` with about `digits` significant digits and no exponent: `0.00123`, `1.23`, `12.3`, `1,230`.
pub(crate) fn significant(value: f64, digits: i32) -> String {
    if value == 0.0 || !value.is_finite() {
        return if value == 0.0 { "0".into() } else { ABSENT.into() };
    }
    // Rounding first, so that 9.999 counts as 10.0 and keeps three digits, not four.
    let magnitude = value.abs().log10().floor() as i32;
    let unit = 10_f64.powi(magnitude - digits + 1);
    let rounded = (value / unit).round() * unit;
    let decimals = (digits - 1 - rounded.abs().log10().floor() as i32).clamp(0, 12) as usize;
    let text = format!("{rounded:.decimals$}");
    if decimals == 0 { group(&text) } else { text.replace('-', "−") }
}

/// `0.0136` → `1.36 %`.
pub(crate) fn percent(fraction: f64) -> String {
    format!("{} %", points(fraction))
}

/// `0.0136` → `1.36`: hundredths with two decimals, and a true minus sign.
pub(crate) fn points(fraction: f64) -> String {
    let text = format!("{:.2}", 100.0 * fraction);
    if text == "-0.00" { "0.00".into() } else { text.replace('-', "−") }
}

/// As [`points`], with its sign always shown.
pub(crate) fn signed_points(fraction: f64) -> String {
    let text = points(fraction);
    if text.starts_with('−') || text == "0.00" { text } else { format!("+{text}") }
}

/// Seconds: `45.0 ns`, `850 µs`, `12.3 ms`, `38.1 s`, `4 min 12 s`, `1 h 05 min`.
pub(crate) fn seconds(s: f64) -> String {
    let whole = s.round() as u64;
    match s {
        _ if s < 0.0 => format!("−{}", seconds(-s)),
        _ if s == 0.0 => "0 s".into(),
        _ if s < 0.999_5e-6 => format!("{} ns", significant(s * 1e9, 3)),
        _ if s < 1e-3 => format!("{} µs", significant(s * 1e6, 3)),
        _ if s < 0.999_5 => format!("{} ms", significant(s * 1e3, 3)),
        _ if whole < 120 => format!("{} s", significant(s, 3)),
        _ if whole < 3600 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} min", whole / 3600, whole % 3600 / 60),
    }
}

/// Bytes: `512 B`, `1.50 KiB`, `42.0 MiB`.
pub(crate) fn bytes(b: f64) -> String {
    if b.abs() < 1024.0 {
        return format!("{} B", b.round());
    }
    let mut value = b / 1024.0;
    let mut prefixes = ["KiB", "MiB", "GiB", "TiB"].iter();
    let mut prefix = prefixes.next();
    while value.abs() >= 999.5 {
        let Some(next) = prefixes.next() else { break };
        value /= 1024.0;
        prefix = Some(next);
    }
    format!("{} {}", significant(value, 3), prefix.unwrap_or(&"B"))
}

/// A plain count, grouped by thousands: `1,796,010`.
pub(crate) fn count(n: f64) -> String {
    if n.fract() == 0.0 && n.abs() < 1e15 { group(&format!("{n:.0}")) } else { significant(n, 3) }
}

/// A big number with an SI prefix: `950`, `12.3 k`, `3.40 T`.
pub(crate) fn prefixed(n: f64) -> String {
    const PREFIXES: [&str; 6] = ["", " k", " M", " G", " T", " P"];
    let (mut value, mut i) = (n, 0);
    while value.abs() >= 999.5 && i + 1 < PREFIXES.len() {
        value /= 1000.0;
        i += 1;
    }
    format!("{}{}", significant(value, 3), PREFIXES[i])
}

/// `0.43` → `0.43×`.
pub(crate) fn ratio(r: f64) -> String {
    if r >= 100.0 { format!("{}×", significant(r, 3)) } else { format!("{r:.2}×") }
}

/// A value with its unit, for people: `3.20 GHz`, `85.6 MiB`.
pub fn value(unit: Unit, v: f64) -> String {
    match unit {
        Unit::Seconds => seconds(v),
        Unit::Bytes => bytes(v),
        Unit::MultiplyAdds => prefixed(v),
        Unit::Count => count(v),
        Unit::Fraction => percent(v),
        Unit::Hertz => format!("{}Hz", prefix_gap(v)),
        Unit::Joules => format!("{}J", prefix_gap(v)),
        Unit::Watts => format!("{} W", significant(v, 3)),
        Unit::Celsius => format!("{v:.1} °C"),
    }
}

/// As [`prefixed`], with a gap before the unit that follows: `3.20 G` + `Hz`, `12.0 ` + `J`.
fn prefix_gap(v: f64) -> String {
    let text = prefixed(v);
    if text.contains(' ') { text } else { text + " " }
}

/// A round number without needless digits: `0.5`, `2`, `1,000`; for ticks.
pub(crate) fn trimmed(v: f64) -> String {
    let text = significant(v, 4);
    if !text.contains('.') {
        return text;
    }
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

/// Commas between groups of three digits of an integer; a true minus sign.
fn group(digits: &str) -> String {
    let (sign, digits) = match digits.strip_prefix('-') {
        Some(rest) => ("−", rest),
        None => ("", digits),
    };
    let mut text = String::from(sign);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 3 == 0 {
            text.push(',');
        }
        text.push(c);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        let cases = [
            (significant(9.999, 3), "10.0"),
            (significant(0.001_234, 3), "0.00123"),
            (significant(123_456.0, 3), "123,000"),
            (significant(-0.5, 2), "−0.50"),
            (percent(0.013_6), "1.36 %"),
            (signed_points(0.001_2), "+0.12"),
            (signed_points(-0.001_2), "−0.12"),
            (signed_points(-0.000_01), "0.00"),
            (seconds(0.000_85), "850 µs"),
            (seconds(0.012_3), "12.3 ms"),
            (seconds(38.06), "38.1 s"),
            (seconds(119.4), "119 s"),
            (seconds(119.6), "2 min 00 s"),
            (seconds(252.0), "4 min 12 s"),
            (seconds(3_900.0), "1 h 05 min"),
            (bytes(512.0), "512 B"),
            (bytes(1_536.0), "1.50 KiB"),
            (bytes(44_040_192.0), "42.0 MiB"),
            (bytes(1_048_000.0), "0.999 MiB"),
            (count(1_796_010.0), "1,796,010"),
            (prefixed(3.4e12), "3.40 T"),
            (prefixed(999_700.0), "1.00 M"),
            (prefixed(950.0), "950"),
            (ratio(0.428), "0.43×"),
            (trimmed(0.5), "0.5"),
            (trimmed(20.0), "20"),
            (trimmed(1_200.0), "1,200"),
            (value(Unit::Hertz, 3.2e9), "3.20 GHz"),
            (value(Unit::Joules, 12.0), "12.0 J"),
        ];
        let wrong: Vec<_> = cases.iter().filter(|(found, expected)| found != expected).collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}
