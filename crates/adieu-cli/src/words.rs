//! Numbers and dates for people.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// `0.4 s`, `12 s`, `4 min 12 s`, `1 h 05 min`.
pub(crate) fn duration(time: Duration) -> String {
    let seconds = time.as_secs_f64().round() as u64;
    match seconds {
        0..10 => format!("{:.1} s", time.as_secs_f64()),
        10..120 => format!("{seconds} s"),
        120..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// `1.36 %`.
pub(crate) fn percent(fraction: f64) -> String {
    format!("{:.2} %", 100.0 * fraction)
}

/// `AUROC 0.973, average precision 0.512`.
pub(crate) fn detection(found: &adieu::record::Detection) -> String {
    format!("AUROC {:.3}, average precision {:.3}", found.auroc, found.average_precision)
}

/// `squared error 0.0123, 18.40 % of the mean row's`.
pub(crate) fn reconstruction(found: &adieu::record::Reconstruction) -> String {
    let share = found.relative().map(|share| format!(", {} of the mean row's", percent(share)));
    let error = adieu::report::with_unit(adieu::record::Unit::Count, found.squared_error);
    format!("squared error {error}{}", share.unwrap_or_default())
}

/// `60,000`.
pub(crate) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `17 bytes`, `26.4 MB`: decimal, as addresses and disks count.
pub(crate) fn bytes(n: u64) -> String {
    match n {
        0..1_000 => plural(n, "byte"),
        1_000..1_000_000 => format!("{:.1} kB", n as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", n as f64 / 1e6),
        _ => format!("{:.1} GB", n as f64 / 1e9),
    }
}

/// `1 run`, `3 runs`.
pub(crate) fn plural(n: u64, one: &str) -> String {
    format!("{} {one}{}", count(n), if n == 1 { "" } else { "s" })
}

/// The last word after `and`: `a, b and c`.
pub(crate) fn list(items: &[&str]) -> String {
    match items {
        [] => String::new(),
        [one] => (*one).into(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// Date and time in UTC, as part of a file name: `20260731-235959`.
pub(crate) fn stamp(time: SystemTime) -> String {
    let seconds = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (day, rest) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(day);
    format!("{year:04}{month:02}{day:02}-{:02}{:02}{:02}", rest / 3600, rest / 60 % 60, rest % 60)
}

/// Year, month and day of the Gregorian calendar, from days since 1970-01-01. Years begin in March, so that the leap
/// day is their last (Hinnant, chrono-compatible low-level date algorithms).
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468; // since 0000-03-01
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (400 * era + year + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        let cases = [
            (0, "19700101-000000"),
            (951_827_696, "20000229-123456"),
            (1_709_164_799, "20240228-235959"),
            (1_735_689_599, "20241231-235959"),
            (4_107_542_400, "21000301-000000"), // 2100 has no leap day
        ];
        for (seconds, expected) in cases {
            assert_eq!(stamp(UNIX_EPOCH + Duration::from_secs(seconds)), expected, "{seconds}");
        }
    }

    #[test]
    fn numbers() {
        let cases =
            [(0.04, "0.0 s"), (9.6, "10 s"), (119.4, "119 s"), (252.0, "4 min 12 s"), (3900.0, "1 h 05 min")];
        for (seconds, expected) in cases {
            assert_eq!(duration(Duration::from_secs_f64(seconds)), expected);
        }
        for (n, expected) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(count(n), expected);
        }
        assert_eq!(
            (percent(0.0136), plural(1, "run"), plural(2, "run")),
            ("1.36 %".into(), "1 run".into(), "2 runs".into())
        );
        for (n, expected) in [
            (1, "1 byte"),
            (999, "999 bytes"),
            (5_148, "5.1 kB"),
            (26_421_880, "26.4 MB"),
            (4_000_000_000, "4.0 GB"),
        ] {
            assert_eq!(bytes(n), expected);
        }
        assert_eq!(list(&["a", "b", "c"]), "a, b and c");
    }
}
