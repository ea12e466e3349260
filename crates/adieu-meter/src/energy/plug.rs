//! Power at the socket by a plug in the network, over HTTP: Shelly of either kind, Tasmota, or anything that answers with
//! a number of watts.
//!
//! | kind | asked | power, W | counter |
//! |---|---|---|---|
//! | Shelly, generation 2 and later | `/rpc/Switch.GetStatus?id=0` | `apower` | `aenergy.total`, Wh |
//! | Shelly, generation 1 | `/status` | sum of `meters[].power` and `emeters[].power` | |
//! | Tasmota | `/cm?cmnd=Status%208` | `StatusSNS.ENERGY.Power`, or the sum of its list | |
//! | a number | the address itself | the whole answer | |
//!
//! Asked once a second by a [thread of its own](super::aside); an answer that takes longer than a second is none. The
//! energy is the area under the power; what the plug's own counter says, coarsely, is told beside it in the source.

use std::time::Duration;

use serde_json::Value;
use ureq::Agent;

use super::PlugKind;
use super::aside::Slow;
use crate::found::{Found, Missing};

/// Time between two questions.
pub(super) const EVERY: Duration = Duration::from_secs(1);
/// Time a plug has for its answer.
const LIMIT: Duration = Duration::from_secs(1);
/// Bytes of an answer; no plug says more.
const MOST: u64 = 64 * 1024;
/// In the order in which a plug is asked what it is: each asks for a place that the others do not have.
const KINDS: [PlugKind; 4] = [PlugKind::Shelly, PlugKind::Shelly1, PlugKind::Tasmota, PlugKind::Watts];
const REMEDY: &str =
    "see that the address is right, that the plug is on this network, and that a browser gets its answer";

impl PlugKind {
    fn name(self) -> &'static str {
        match self {
            PlugKind::Shelly1 => "Shelly (generation 1)",
            PlugKind::Shelly => "Shelly",
            PlugKind::Tasmota => "Tasmota",
            PlugKind::Watts => "a plug that says watts",
        }
    }

    fn place(self) -> &'static str {
        match self {
            PlugKind::Shelly1 => "/status",
            PlugKind::Shelly => "/rpc/Switch.GetStatus?id=0",
            PlugKind::Tasmota => "/cm?cmnd=Status%208",
            PlugKind::Watts => "",
        }
    }

    /// Watts, and joules by the plug's own counter if it has one, in `body`; or nothing, if it is not of this kind.
    fn watts(self, body: &str) -> Option<(f64, Option<f64>)> {
        if self == PlugKind::Watts {
            return body.trim().parse().ok().map(|watts| (watts, None));
        }
        let body: Value = serde_json::from_str(body).ok()?;
        match self {
            PlugKind::Shelly => {
                let wh = body["aenergy"]["total"].as_f64();
                Some((body["apower"].as_f64()?, wh.map(|wh| 3600.0 * wh)))
            }
            PlugKind::Shelly1 => {
                let meters = ["meters", "emeters"].into_iter().filter_map(|kind| body[kind].as_array());
                let mut told = meters.flatten().peekable();
                told.peek()?;
                let valid = |meter: &Value| meter["is_valid"].as_bool() != Some(false);
                let power = |meter: &Value| meter["power"].as_f64().filter(|_| valid(meter));
                told.map(power).sum::<Option<f64>>().map(|watts| (watts, None))
            }
            PlugKind::Tasmota => {
                let power = &body["StatusSNS"]["ENERGY"]["Power"];
                let watts = match power.as_array() {
                    Some(all) => {
                        all.iter().map(Value::as_f64).sum::<Option<f64>>().filter(|_| !all.is_empty())
                    }
                    None => power.as_f64(),
                };
                watts.map(|watts| (watts, None))
            }
            PlugKind::Watts => None,
        }
    }
}

/// A plug.
pub(super) struct Plug {
    kind: Option<PlugKind>,
    url: String,
    agent: Agent,
    /// Joules of the plug's own counter, when it was first read and last.
    counter: Option<[f64; 2]>,
}

impl Plug {
    /// The plug at `url`; its kind, if not given, is found out at the first answer.
    pub(super) fn new(kind: Option<PlugKind>, url: &str) -> Plug {
        // A proxy that the environment names is for the world outside.
        let agent = Agent::config_builder().timeout_global(Some(LIMIT)).proxy(None).max_redirects(0).build();
        Plug { kind, url: url.into(), agent: agent.into(), counter: None }
    }

    fn body(&self, kind: PlugKind) -> Result<String, ureq::Error> {
        let url = match kind {
            PlugKind::Watts => self.url.clone(),
            _ => format!("{}{}", self.url.trim_end_matches('/'), kind.place()),
        };
        let mut answer = self.agent.get(&url).call()?;
        answer.body_mut().with_config().limit(MOST).lossy_utf8(true).read_to_string()
    }
}

impl Slow for Plug {
    fn ask(&mut self) -> Found<f64> {
        let kinds = self.kind.as_ref().map_or(&KINDS[..], std::slice::from_ref);
        let mut refused = None;
        for kind in kinds {
            let body = match self.body(*kind) {
                Ok(body) => body,
                // There is a plug, and it has no such place: it may be of another kind.
                Err(ureq::Error::StatusCode(code)) => {
                    refused = Some(format!("{} answers {code} to {}", self.url, kind.place()));
                    continue;
                }
                Err(error) => {
                    let said = match error {
                        ureq::Error::Timeout(_) => "does not answer within a second".to_owned(),
                        error => format!("cannot be asked: {error}"),
                    };
                    return Err(Missing::new(format!("{} {said}", self.url), REMEDY));
                }
            };
            let Some((watts, joules)) = kind.watts(&body) else {
                let shown: String = body.trim().chars().take(40).collect();
                refused = Some(format!("{} says {shown:?}, which is no power", self.url));
                continue;
            };
            if !watts.is_finite() || watts < 0.0 {
                let remedy = "see that the plug is the right way round, and that it measures this machine";
                return Err(Missing::new(format!("{} says {watts} W", self.url), remedy));
            }
            self.kind = Some(*kind);
            if let Some(joules) = joules {
                self.counter = Some([self.counter.map_or(joules, |[first, _]| first), joules]);
            }
            return Ok(watts);
        }
        let why = refused.unwrap_or_else(|| format!("{} is of no known kind", self.url));
        Err(Missing::new(why, REMEDY))
    }

    fn source(&self) -> String {
        let kind = self.kind.map_or("a plug", PlugKind::name);
        let source = format!("the whole machine by {kind} at {}", self.url);
        match self.counter {
            Some([first, last]) if last > first => {
                format!("{source}, whose own counter says {:.0} J", last - first)
            }
            _ => source,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::time::Instant;

    use super::super::aside::Aside;
    use super::super::{Counts, Rail};
    use super::*;

    /// What a plug answers to a place: status and body; nothing: it says nothing for a while.
    type Answer = fn(&str) -> Option<(u16, &'static str)>;

    /// Serves until the test ends, and says where.
    fn served(answer: Answer) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let say = move |mut stream: TcpStream| -> std::io::Result<()> {
            let (mut head, mut byte) = (Vec::new(), [0]);
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte)? == 1 {
                head.push(byte[0]);
            }
            let head = String::from_utf8_lossy(&head).into_owned();
            let Some((code, body)) = answer(head.split(' ').nth(1).unwrap_or_default()) else {
                // Until the other side gives up.
                return stream.read(&mut byte).map(|_| ());
            };
            write!(
                stream,
                "HTTP/1.1 {code} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            )
        };
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // One that hung up is gone.
                let _ = say(stream);
            }
        });
        url
    }

    fn plug(kind: Option<PlugKind>, url: &str, limit: Duration) -> Plug {
        let agent = Agent::config_builder().timeout_global(Some(limit)).proxy(None).max_redirects(0).build();
        Plug { agent: agent.into(), ..Plug::new(kind, url) }
    }

    const STATUS: &str = r#"{"wifi_sta":{},"meters":[{"power":40.5,"is_valid":true},{"power":2.0}]}"#;
    const GET_STATUS: &str =
        r#"{"id":0,"output":true,"apower":61.2,"voltage":230.1,"aenergy":{"total":11.5}}"#;
    const STATUS_8: &str = r#"{"StatusSNS":{"Time":"x","ENERGY":{"Total":3.1,"Power":17}}}"#;

    fn shelly1(place: &str) -> Option<(u16, &'static str)> {
        Some(if place == "/status" { (200, STATUS) } else { (404, "Not Found") })
    }

    fn shelly(place: &str) -> Option<(u16, &'static str)> {
        Some(if place == "/rpc/Switch.GetStatus?id=0" { (200, GET_STATUS) } else { (404, "") })
    }

    fn tasmota(place: &str) -> Option<(u16, &'static str)> {
        // Its web server shows its page for every place it does not know.
        Some(if place == "/cm?cmnd=Status%208" { (200, STATUS_8) } else { (200, "<html>Tasmota</html>") })
    }

    #[test]
    fn plugs_are_known_by_what_they_answer() {
        let number: Answer = |_| Some((200, " 33.25\n"));
        let cases: [(Answer, PlugKind, f64); 4] = [
            (shelly1, PlugKind::Shelly1, 42.5),
            (shelly, PlugKind::Shelly, 61.2),
            (tasmota, PlugKind::Tasmota, 17.0),
            (number, PlugKind::Watts, 33.25),
        ];
        for (answer, kind, watts) in cases {
            let url = served(answer);
            for asked in [None, Some(kind)] {
                let mut plug = Plug::new(asked, &url);
                assert_eq!(plug.ask(), Ok(watts), "{kind:?}");
                assert_eq!((plug.kind, plug.ask()), (Some(kind), Ok(watts)), "{kind:?}, a second time");
                assert!(plug.source().contains(kind.name()), "{}", plug.source());
            }
        }
        // What it is said to be it must be.
        assert!(Plug::new(Some(PlugKind::Tasmota), &served(shelly1)).ask().is_err());
    }

    #[test]
    fn what_is_no_power_is_unavailable_with_the_reason() {
        let cases: [(Option<PlugKind>, Answer, &str); 9] = [
            (None, |_| Some((200, "<html>hello</html>")), "says \"<html>hello</html>\", which is no power"),
            (None, |_| Some((401, "")), "answers 401 to "),
            (Some(PlugKind::Watts), |_| Some((200, "NaN")), "says NaN W"),
            (Some(PlugKind::Watts), |_| Some((200, "-3")), "says -3 W"),
            (Some(PlugKind::Watts), |_| Some((200, "")), "says \"\", which is no power"),
            (Some(PlugKind::Shelly), |_| Some((200, "{\"apower\":null}")), "says \"{\\\"apower\\\":null}\""),
            (Some(PlugKind::Shelly1), |_| Some((200, "{\"meters\":[]}")), "says \"{\\\"meters\\\":[]}\""),
            (
                Some(PlugKind::Shelly1),
                |_| Some((200, "{\"meters\":[{\"power\":3,\"is_valid\":false}]}")),
                "which is no power",
            ),
            (Some(PlugKind::Tasmota), |_| Some((302, "")), "which is no power"),
        ];
        for (kind, answer, why) in cases {
            let missing = Plug::new(kind, &served(answer)).ask().unwrap_err();
            assert!(missing.why.contains(why) && !missing.remedy.is_empty(), "{why}: {missing:?}");
        }
    }

    #[test]
    fn one_that_is_slow_or_gone_is_given_up() {
        let mute = served(|_| None);
        let start = Instant::now();
        let missing = plug(None, &mute, Duration::from_millis(50)).ask().unwrap_err();
        assert_eq!(missing.why, format!("{mute} does not answer within a second"));
        assert!(start.elapsed() < LIMIT, "the first that is not answered ends the round");
        let gone = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
        let missing = Plug::new(None, &format!("http://{gone}")).ask().unwrap_err();
        assert!(missing.why.contains("cannot be asked"), "{missing:?}");
    }

    #[test]
    fn a_plug_s_own_counter_is_told_beside() {
        let mut plug = Plug::new(None, &served(shelly));
        plug.ask().expect("an answer");
        assert!(!plug.source().contains("own counter"), "it has not moved: {}", plug.source());
        plug.counter = Some([11.0 * 3600.0, 0.0]);
        plug.ask().expect("an answer");
        assert!(plug.source().ends_with("whose own counter says 1800 J"), "{}", plug.source());
    }

    #[test]
    fn its_energy_is_that_of_its_power_to_a_percent() {
        let url = served(shelly);
        let times = [Duration::from_millis(10), Duration::from_secs(1)];
        let mut rail = Aside::start("external", Counts::Whole, times, Plug::new(None, &url));
        // Looking never waits for the plug.
        while rail.tally().covered_ns < 100_000_000 {
            let _ = rail.look(0);
            std::thread::yield_now();
        }
        let tally = rail.tally();
        let watts = tally.joules / (tally.covered_ns as f64 * 1e-9);
        assert!((watts / 61.2 - 1.0).abs() < 0.01, "{watts} W");
        assert!(tally.coverage() > 0.0 && tally.coverage() <= 1.0, "{tally:?}");
        assert!(rail.source().contains("Shelly at http://127.0.0.1:"), "{}", rail.source());
    }
}
