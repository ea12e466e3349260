//! `external`: a meter at the socket. It sees the whole machine, supply, disks and fans included, and so contains every
//! other rail: it is never added to one, and is the sum only where there is no other.
//!
//! Either a file that another program appends to ([`table`](super::table)), or a plug in the network
//! ([`plug`](super::plug)).

use std::path::PathBuf;
use std::str::FromStr;

use super::aside::Aside;
use super::plug::{self, Plug};
use super::table::Table;
use super::{Counts, Rail};
use crate::setup::SetupError;

/// Name of the rail.
pub(super) const NAME: &str = "external";

/// A meter at the socket, as it is written: the path of a file, or the address of a plug.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum External {
    /// A file of lines `unix_s,watts` that grows.
    Table(PathBuf),
    /// A plug that answers by HTTP.
    Plug {
        /// What it speaks; `None`: that is found out by asking.
        kind: Option<PlugKind>,
        /// `http://HOST`, with a port where needed; of [`PlugKind::Watts`] with the path.
        url: String,
    },
}

/// What a plug speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlugKind {
    /// Shelly, first generation: `/status`, `meters[].power`.
    Shelly1,
    /// Shelly, second generation and later: `/rpc/Switch.GetStatus?id=0`, `apower` and `aenergy.total`.
    Shelly,
    /// Tasmota: `/cm?cmnd=Status%208`, `StatusSNS.ENERGY.Power`.
    Tasmota,
    /// Anything whose answer is a number of watts and nothing else.
    Watts,
}

impl FromStr for External {
    type Err = SetupError;

    /// # Errors
    /// If it is no path of a file and no address of a plug.
    fn from_str(text: &str) -> Result<External, SetupError> {
        let no = |why| SetupError::External { text: text.into(), why };
        let Some((scheme, place)) = text.split_once("://") else {
            return if text.trim().is_empty() {
                Err(no("is empty"))
            } else {
                Ok(External::Table(text.into()))
            };
        };
        let kind = match scheme {
            "http" => None,
            "shelly1+http" => Some(PlugKind::Shelly1),
            "shelly+http" => Some(PlugKind::Shelly),
            "tasmota+http" => Some(PlugKind::Tasmota),
            "watts+http" => Some(PlugKind::Watts),
            "https" => return Err(no("is encrypted, which no plug here is asked to be")),
            _ => return Err(no("is of no known kind")),
        };
        let url = format!("http://{place}");
        let address: ureq::http::Uri = url.parse().map_err(|_| no("is no address"))?;
        if address.host().is_none_or(str::is_empty) {
            return Err(no("names no host"));
        }
        Ok(External::Plug { kind, url })
    }
}

/// Its rail.
pub(super) fn rail(external: &External) -> Box<dyn Rail> {
    match external {
        External::Table(path) => Box::new(Table::follow(path)),
        External::Plug { kind, url } => {
            let times = [plug::EVERY, super::power::LONGEST_SLOW];
            Box::new(Aside::start(NAME, Counts::Whole, times, Plug::new(*kind, url)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_plugs_are_told_apart_and_faults_say_what_to_give() {
        let plug = |kind, url: &str| Ok(External::Plug { kind, url: url.into() });
        let cases = [
            ("power.csv", Ok(External::Table("power.csv".into()))),
            ("/a b/power", Ok(External::Table("/a b/power".into()))),
            ("http://10.0.0.7", plug(None, "http://10.0.0.7")),
            ("http://plug.lan:8080/w", plug(None, "http://plug.lan:8080/w")),
            ("shelly1+http://[::1]:80", plug(Some(PlugKind::Shelly1), "http://[::1]:80")),
            ("shelly+http://plug", plug(Some(PlugKind::Shelly), "http://plug")),
            ("tasmota+http://plug", plug(Some(PlugKind::Tasmota), "http://plug")),
            ("watts+http://plug/p?x=1", plug(Some(PlugKind::Watts), "http://plug/p?x=1")),
            ("", Err("is empty")),
            ("  ", Err("is empty")),
            ("https://plug", Err("is encrypted, which no plug here is asked to be")),
            ("ftp://plug", Err("is of no known kind")),
            ("http://", Err("is no address")),
            ("http://a b", Err("is no address")),
        ];
        for (text, expected) in cases {
            let expected = expected.map_err(|why| SetupError::External { text: text.into(), why });
            assert_eq!(text.parse::<External>(), expected, "{text:?}");
        }
        let message = "ftp://plug".parse::<External>().unwrap_err().to_string();
        assert!(message.starts_with("\"ftp://plug\" is of no known kind; give the file"), "{message}");
    }
}
