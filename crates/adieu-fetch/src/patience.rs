//! How long to wait and how often to try: politeness towards servers, in numbers.

use std::time::Duration;

/// Limits of one fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Tries at one address, at least 1; a try that brought [`Patience::worth`] bytes starts the count anew.
    pub tries: u32,
    /// The pause before the second try; each further pause is twice as long.
    pub first: Duration,
    /// The longest pause, whatever is doubled; a server that asks for a longer one is not asked again.
    pub longest: Duration,
    /// For the name of a host, and for a connection with all its handshakes; each.
    pub connect: Duration,
    /// For the head of an answer, and between two pieces of its body; each.
    pub silence: Duration,
    /// Bytes after which a try was worth it.
    pub worth: u64,
}

impl Default for Patience {
    fn default() -> Patience {
        Patience {
            tries: 4,
            first: Duration::from_secs(1),
            longest: Duration::from_secs(60),
            connect: Duration::from_secs(15),
            silence: Duration::from_secs(30),
            worth: 4 << 20,
        }
    }
}

impl Patience {
    /// The pause after `failed` tries in vain, at least 1; `asked` is what the server asks for.
    ///
    /// `None` if the server asks for more than the longest.
    pub(crate) fn pause(&self, failed: u32, asked: Option<Duration>) -> Option<Duration> {
        let doubled = self.first.saturating_mul(1 << failed.saturating_sub(1).min(20)).min(self.longest);
        match asked {
            Some(asked) if asked > self.longest => None,
            Some(asked) => Some(asked.max(doubled)),
            None => Some(doubled),
        }
    }
}

/// What a `Retry-After` asks for: seconds, or a date, which is compared with the server's own `Date`.
///
/// `None` if it cannot be understood.
pub(crate) fn retry_after(header: &str, date: Option<&str>) -> Option<Duration> {
    let header = header.trim();
    if !header.is_empty() && header.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit are a long time too.
        return Some(Duration::from_secs(header.parse().unwrap_or(u64::MAX)));
    }
    let (then, now) = (seconds(header)?, seconds(date?)?);
    Some(Duration::from_secs(then.saturating_sub(now)))
}

/// Seconds since 1970 of a date as RFC 9110, section 5.6.7, wants it: `Sun, 06 Nov 1994 08:49:37 GMT`.
fn seconds(date: &str) -> Option<u64> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let words: Vec<&str> = date.split_whitespace().collect();
    let [_, day, month, year, time, "GMT"] = words[..] else { return None };
    let month = 1 + MONTHS.iter().position(|name| *name == month)? as u64;
    let (day, year): (u64, u64) = (day.parse().ok()?, year.parse().ok()?);
    let time: Vec<u64> = time.split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let [hours, minutes, seconds] = time[..] else { return None };
    if !(1..=31).contains(&day)
        || !(1970..=9999).contains(&year)
        || hours > 23
        || minutes > 59
        || seconds > 60
    {
        return None;
    }
    // Years begin in March, so that the leap day is their last (Hinnant, chrono-compatible low-level date algorithms).
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    Some((days - 719_468) * 86_400 + hours * 3600 + minutes * 60 + seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_give_way_to_the_server() {
        let patience = Patience::default();
        let cases = [
            (1, None, Some(1)),
            (2, None, Some(2)),
            (4, None, Some(8)),
            (7, None, Some(60)),
            (u32::MAX, None, Some(60)),
            (1, Some(30), Some(30)),
            (4, Some(0), Some(8)), // a server in a hurry is not asked more often
            (1, Some(60), Some(60)),
            (1, Some(61), None),
        ];
        for (failed, asked, expected) in cases {
            let found = patience.pause(failed, asked.map(Duration::from_secs));
            assert_eq!(found, expected.map(Duration::from_secs), "{failed} {asked:?}");
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let date = Some("Sun, 06 Nov 1994 08:49:37 GMT");
        let cases = [
            ("120", None, Some(120)),
            (" 0 ", date, Some(0)),
            ("99999999999999999999999", None, Some(u64::MAX)),
            ("Sun, 06 Nov 1994 08:50:07 GMT", date, Some(30)),
            ("Mon, 07 Nov 1994 08:49:37 GMT", date, Some(86_400)),
            ("Sat, 05 Nov 1994 08:49:37 GMT", date, Some(0)), // long past
            ("Sun, 06 Nov 1994 08:50:07 GMT", None, None),
            ("soon", date, None),
            ("-1", date, None),
            ("", date, None),
            ("Sun, 06 Nov 1994 25:00:00 GMT", date, None),
            ("Sun, 06 Foo 1994 08:50:07 GMT", date, None),
        ];
        for (header, date, expected) in cases {
            assert_eq!(retry_after(header, date), expected.map(Duration::from_secs), "{header:?} {date:?}");
        }
    }

    #[test]
    fn dates() {
        let cases = [
            ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(784_111_777)),
            ("Tue, 29 Feb 2000 12:34:56 GMT", Some(951_827_696)),
            ("Mon, 01 Mar 2100 00:00:00 GMT", Some(4_107_542_400)), // 2100 has no leap day
            ("Sun, 00 Nov 1994 08:49:37 GMT", None),
            ("Thu, 01 Jan 1969 00:00:00 GMT", None),
            ("Sunday, 06-Nov-94 08:49:37 GMT", None),
        ];
        for (date, expected) in cases {
            assert_eq!(seconds(date), expected, "{date}");
        }
    }
}
