//! Files from a real server on this machine, that cuts, stalls, lies, redirects and refuses.

mod support;

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use adieu_data::RemoteFile;
use adieu_fetch::{FetchError, How, News, Patience, Waiting};
use support::{Act, Listener, Place, Server, file};

const GOOD: &[u8] = b"0123456789abcdefghij";
const SHA256: &str = "6bc14bdc4517a7a682c6910de2e2946eb8e1ecd04090728fef6d092a7ceb62c5";
const MD5: &str = "644be06dfc54061fd1e67f5ebbabcd58";
const WRONG: &[u8] = b"0123456789abcdefghiJ";
/// Long enough for a busy machine to answer, short enough to wait for.
const SILENCE: Duration = Duration::from_millis(500);

fn raw(head: &str, body: &str) -> Act {
    Act::Raw(format!("HTTP/1.1 {head}\r\nConnection: close\r\n\r\n{body}"))
}

fn status(status: &str, header: &str) -> Act {
    raw(&format!("{status}\r\nContent-Length: 4\r\n{header}"), "oops")
}

/// What one address does, with what is there before, and what comes of it.
struct Case {
    what: &'static str,
    acts: Vec<Act>,
    /// Bytes of the part that is there before.
    part: &'static [u8],
    /// All is published, or nothing.
    published: bool,
    /// Bytes of the part that were of use, or what the address is refused for.
    expected: Result<u64, &'static str>,
    /// Requests, without their path: empty for a whole file.
    heard: &'static [&'static str],
    /// Bytes of the part left behind, of a failure.
    left: &'static [u8],
}

impl Default for Case {
    fn default() -> Case {
        Case {
            what: "",
            acts: vec![Act::Serve(GOOD)],
            part: b"",
            published: true,
            expected: Ok(0),
            heard: &[""],
            left: b"",
        }
    }
}

fn successes() -> Vec<Case> {
    let case = Case::default;
    vec![
        Case { what: "a good server", ..case() },
        Case { what: "resumed", part: &GOOD[..7], expected: Ok(7), heard: &["from 7"], ..case() },
        Case { what: "all there but the name", part: GOOD, expected: Ok(20), heard: &[], ..case() },
        Case { what: "a part too long", part: b"0123456789abcdefghij?", ..case() },
        Case { what: "a whole part, wrong", part: WRONG, ..case() },
        Case { what: "a part of another file", part: b"xyz", heard: &["from 3", ""], ..case() },
        Case { what: "nothing published, so nothing resumed", part: b"012", published: false, ..case() },
        Case {
            what: "no ranges",
            acts: vec![Act::Ignore(GOOD)],
            part: &GOOD[..7],
            heard: &["from 7"],
            ..case()
        },
        Case {
            what: "cut twice",
            acts: vec![Act::Cut(GOOD, 5), Act::Cut(GOOD, 6), Act::Serve(GOOD)],
            heard: &["", "from 5", "from 11"],
            ..case()
        },
        Case {
            what: "cut, nothing published: its own length tells",
            acts: vec![Act::Cut(GOOD, 5), Act::Serve(GOOD)],
            published: false,
            heard: &["", ""],
            ..case()
        },
        Case {
            what: "stalls, then serves",
            acts: vec![Act::Stall(GOOD, 5), Act::Serve(GOOD)],
            heard: &["", "from 5"],
            ..case()
        },
        Case {
            what: "silent, then serves",
            acts: vec![Act::Silent, Act::Serve(GOOD)],
            heard: &["", ""],
            ..case()
        },
        Case {
            what: "closes at once",
            acts: vec![Act::Close, Act::Serve(GOOD)],
            heard: &["closed", ""],
            ..case()
        },
        Case { what: "no length", acts: vec![Act::Unsized(GOOD)], ..case() },
        Case {
            what: "no length, cut",
            acts: vec![Act::Unsized(b"012345"), Act::Serve(GOOD)],
            heard: &["", "from 6"],
            ..case()
        },
        Case {
            what: "no length, nothing published",
            acts: vec![Act::Unsized(GOOD)],
            published: false,
            ..case()
        },
        Case {
            what: "other bytes than asked for",
            acts: vec![
                raw("206 Partial Content\r\nContent-Length: 2\r\nContent-Range: bytes 0-1/20", "01"),
                Act::Serve(GOOD),
            ],
            part: &GOOD[..7],
            heard: &["from 7", ""],
            ..case()
        },
        Case {
            what: "a range nobody can read",
            acts: vec![
                raw("206 Partial Content\r\nContent-Length: 2\r\nContent-Range: lines 1-2", "01"),
                Act::Serve(GOOD),
            ],
            part: &GOOD[..7],
            heard: &["from 7", ""],
            ..case()
        },
        Case {
            what: "the range is refused",
            acts: vec![raw("416 Range Not Satisfiable\r\nContent-Length: 0", ""), Act::Serve(GOOD)],
            part: &GOOD[..7],
            heard: &["from 7", ""],
            ..case()
        },
        Case {
            what: "overloaded for a while",
            acts: vec![status("503 Service Unavailable", "Retry-After: 2"), Act::Serve(GOOD)],
            heard: &["", ""],
            ..case()
        },
        Case {
            what: "not HTTP, then HTTP",
            acts: vec![Act::Raw("220 ftp ready\r\n\r\n".into()), Act::Serve(GOOD)],
            heard: &["", ""],
            ..case()
        },
    ]
}

fn failures() -> Vec<Case> {
    let case = Case::default;
    vec![
        Case {
            what: "not found: asked once",
            acts: vec![status("404 Not Found", "")],
            expected: Err("answered 404 Not Found"),
            ..case()
        },
        Case {
            what: "not found keeps what has come",
            acts: vec![status("404 Not Found", "")],
            part: &GOOD[..7],
            expected: Err("answered 404 Not Found"),
            heard: &["from 7"],
            left: &GOOD[..7],
            ..case()
        },
        Case {
            what: "forbidden",
            acts: vec![status("403 Forbidden", "")],
            expected: Err("answered 403 Forbidden"),
            ..case()
        },
        Case {
            what: "overloaded for good",
            acts: vec![status("503 Service Unavailable", "")],
            expected: Err("answered 503 Service Unavailable (after 3 tries)"),
            heard: &["", "", ""],
            ..case()
        },
        Case {
            what: "wants to be left alone",
            acts: vec![status("429 Too Many Requests", "Retry-After: 3600")],
            expected: Err("answered 429 Too Many Requests, and asks to be left alone for 3600 s"),
            ..case()
        },
        Case {
            what: "no content",
            acts: vec![raw("204 No Content", "")],
            expected: Err("answered 204 No Content"),
            ..case()
        },
        Case {
            what: "another file of the same length",
            acts: vec![Act::Serve(WRONG)],
            expected: Err("gave another file: its SHA-256 is bcfc6fd1"),
            ..case()
        },
        Case {
            what: "another length",
            acts: vec![Act::Serve(b"<html>log in</html>")],
            part: &GOOD[..7],
            expected: Err("has 19 bytes where 20 are published"),
            heard: &["from 7"],
            left: &GOOD[..7],
            ..case()
        },
        Case {
            what: "no length, and longer than published",
            acts: vec![Act::Unsized(b"0123456789abcdefghij0123456789abcdefghij")],
            expected: Err("sent more than 20 bytes"),
            ..case()
        },
        Case {
            what: "promises more than it has, for good",
            acts: vec![Act::Cut(GOOD, 0)],
            expected: Err("broke off after 0 of 20 bytes (after 3 tries)"),
            heard: &["", "", ""],
            ..case()
        },
        Case {
            what: "closes at once, for good",
            acts: vec![Act::Close],
            expected: Err("hung up without an answer (after 3 tries)"),
            heard: &["closed", "closed", "closed"],
            ..case()
        },
        Case {
            what: "stalls for good: what has come is kept",
            acts: vec![Act::Stall(GOOD, 5), Act::Silent],
            expected: Err("no answer in time (after 3 tries)"),
            heard: &["", "from 5", "from 5"],
            left: &GOOD[..5],
            ..case()
        },
        Case {
            what: "redirects for ever",
            acts: vec![raw("302 Found\r\nLocation: /again\r\nContent-Length: 0", "")],
            expected: Err("more than 5 redirects"),
            heard: &["", "/again", "/again", "/again", "/again", "/again"],
            ..case()
        },
        Case {
            what: "redirects nowhere",
            acts: vec![raw("302 Found\r\nContent-Length: 0", "")],
            expected: Err("protocol: missing a location header (after 3 tries)"),
            heard: &["", "", ""],
            ..case()
        },
    ]
}

#[test]
fn whatever_a_server_does() {
    let mut wrong = Vec::new();
    for case in successes().into_iter().chain(failures()) {
        let server = Server::new(&case.acts);
        let mut place = Place::new();
        if case.acts.iter().any(|act| matches!(act, Act::Stall(..) | Act::Silent)) {
            place.patience.silence = SILENCE;
        }
        if !case.part.is_empty() {
            place.write("f.gz.part", case.part);
        }
        let (sha256, bytes) = if case.published { (Some(SHA256), Some(20)) } else { (None, None) };
        let files = [file(&[server.at("f.gz")], sha256, bytes)];
        let found = place.fetch(&files, None);
        let said = match &found {
            Ok(all) => match &all[..] {
                [one] if one.sha256 == SHA256 && one.bytes == 20 => match one.how {
                    How::Came { resumed, .. } => Ok(resumed),
                    How::Kept => Err("kept".to_owned()),
                },
                other => Err(format!("{other:?}")),
            },
            Err(FetchError::Nowhere { refusals, .. }) => Err(refusals[0].why.clone()),
            Err(other) => Err(other.to_string()),
        };
        let as_expected = match (&said, case.expected) {
            (Ok(said), Ok(expected)) => *said == expected,
            (Err(said), Err(expected)) => said.starts_with(expected),
            _ => false,
        };
        if !as_expected {
            wrong.push(format!("{}: {said:?} instead of {:?}", case.what, case.expected));
        }
        let heard: Vec<String> =
            server.heard().iter().map(|said| said.replace("/f.gz", "").trim().to_owned()).collect();
        if heard != case.heard {
            wrong.push(format!("{}: asked {heard:?} instead of {:?}", case.what, case.heard));
        }
        let left = match case.expected {
            Ok(_) => vec![("f.gz".to_owned(), GOOD.to_vec())],
            Err(_) if case.left.is_empty() => vec![],
            Err(_) => vec![("f.gz.part".to_owned(), case.left.to_vec())],
        };
        if place.contents() != left {
            wrong.push(format!("{}: left {:?} instead of {left:?}", case.what, place.contents()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_redirect_keeps_the_range() {
    let to = raw("302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0", "");
    let server = Server::new(&[to, Act::Serve(GOOD)]);
    let mut place = Place::new();
    place.write("f.gz.part", &GOOD[..7]);
    let all = place.fetch(&[file(&[server.at("f.gz")], Some(SHA256), None)], None).unwrap();
    assert_eq!(server.heard(), ["/f.gz from 7", "/elsewhere from 7"]);
    assert_eq!(all[0].how, How::Came { from: Some(server.at("f.gz")), resumed: 7 });
    assert_eq!(place.contents(), [("f.gz".to_owned(), GOOD.to_vec())]);
}

#[test]
fn a_part_that_is_whole_is_found_out_without_a_published_size() {
    let server = Server::new(&[Act::Serve(GOOD)]);
    let mut place = Place::new();
    place.write("f.gz.part", GOOD);
    let all = place.fetch(&[file(&[server.at("f.gz")], Some(SHA256), None)], None).unwrap();
    assert_eq!((server.heard(), all[0].checked), (vec!["/f.gz from 20".to_owned()], Some("SHA-256")));
}

#[test]
fn the_next_address_goes_on_where_the_first_broke_off() {
    let first = Server::new(&[Act::Cut(GOOD, 5), status("410 Gone", "")]);
    let second = Server::new(&[Act::Serve(GOOD)]);
    let mut place = Place::new();
    let addresses = [first.at("a"), second.at("b")];
    let all = place.fetch(&[file(&addresses, Some(SHA256), Some(20))], None).unwrap();
    assert_eq!(second.heard(), ["/b from 5"]);
    assert_eq!(all[0].how, How::Came { from: Some(second.at("b")), resumed: 0 });
    assert_eq!(place.listener.whys, ["broke off after 5 of 20 bytes", "answered 410 Gone"]);
}

#[test]
fn a_wrong_file_is_left_for_the_next_address() {
    let (wrong, good) = (Server::new(&[Act::Serve(WRONG)]), Server::new(&[Act::Serve(GOOD)]));
    let mut place = Place::new();
    place.fetch(&[file(&[wrong.at("f"), good.at("f")], Some(SHA256), Some(20))], None).unwrap();
    assert_eq!((wrong.heard().len(), good.heard()), (1, vec!["/f".to_owned()]));
    assert_eq!(place.contents(), [("f.gz".to_owned(), GOOD.to_vec())]);
}

#[test]
fn md5_is_enough_where_nothing_else_is_published() {
    let server = Server::new(&[Act::Serve(GOOD)]);
    let mut place = Place::new();
    let files = [RemoteFile { md5: Some(MD5), ..file(&[server.at("f")], None, None) }];
    assert_eq!(place.fetch(&files, None).unwrap()[0].checked, Some("MD5"));
    place.anew = true;
    let files = [RemoteFile { md5: Some("00"), ..files[0] }];
    let message = place.fetch(&files, None).unwrap_err().to_string();
    assert!(message.contains(&format!("gave another file: its MD5 is {MD5} instead of 00")), "{message}");
    assert_eq!(place.contents(), [("f.gz".to_owned(), GOOD.to_vec())], "the old file stays");
}

#[test]
fn pauses_double_and_a_server_may_ask_for_more() {
    let busy = |header| status("503 Service Unavailable", header);
    let asked = busy("Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nRetry-After: Sun, 06 Nov 1994 08:50:07 GMT");
    let server = Server::new(&[busy(""), busy(""), asked, busy(""), Act::Serve(GOOD)]);
    let mut place = Place::new();
    place.patience.tries = 5;
    place.fetch(&[file(&[server.at("f")], Some(SHA256), None)], None).unwrap();
    assert_eq!(place.listener.pauses, [1, 2, 30, 8].map(Duration::from_secs));
}

#[test]
fn a_try_that_brought_enough_starts_the_count_anew() {
    let server = Server::new(&[Act::Cut(GOOD, 4)]);
    for (worth, done) in [(4, true), (5, false)] {
        let mut place = Place::new();
        place.patience.worth = worth;
        let found = place.fetch(&[file(&[server.at("f")], Some(SHA256), None)], None);
        assert_eq!(found.is_ok(), done, "{worth}: {found:?}");
    }
}

#[test]
fn what_is_there_is_kept_and_what_differs_is_not_touched() {
    let server = Server::new(&[Act::Serve(GOOD)]);
    let mut place = Place::new();
    let files = [file(&[server.at("f")], Some(SHA256), Some(20))];
    place.write("f.gz", GOOD);
    assert_eq!(place.fetch(&files, None).unwrap()[0].how, How::Kept);
    assert_eq!(server.heard(), [""; 0], "nothing was asked for");
    place.write("f.gz", WRONG);
    let message = place.fetch(&files, None).unwrap_err().to_string();
    assert!(
        message.contains("f.gz: is there already, but its SHA-256 is") && message.contains("--force"),
        "{message}"
    );
    assert_eq!(place.contents(), [("f.gz".to_owned(), WRONG.to_vec())]);
    place.anew = true;
    place.write("f.gz.part", b"012");
    assert_eq!(
        place.fetch(&files, None).unwrap()[0].how,
        How::Came { from: Some(server.at("f")), resumed: 0 }
    );
    assert_eq!(server.heard(), ["/f"], "anew: not from the part");
    assert_eq!(place.contents(), [("f.gz".to_owned(), GOOD.to_vec())]);
}

#[test]
fn a_mirror_stands_instead_of_the_published_addresses() {
    let (published, mirror) = (Server::new(&[Act::Serve(GOOD)]), Server::new(&[Act::Serve(GOOD)]));
    let mut place = Place::new();
    let files = [file(&[published.at("f")], Some(SHA256), None)];
    place.fetch(&files, Some(&mirror.at("data/"))).unwrap();
    assert_eq!((published.heard(), mirror.heard()), (vec![], vec!["/data/tiny/f.gz".to_owned()]));
}

#[test]
fn the_first_file_that_cannot_be_had_ends_it_and_the_rest_is_told() {
    let (good, bad) = (Server::new(&[Act::Serve(GOOD)]), Server::new(&[status("404 Not Found", "")]));
    let mut place = Place::new();
    let named =
        |name, server: &Server| RemoteFile { name, ..file(&[server.at(name)], Some(SHA256), Some(20)) };
    let files = [named("one", &good), named("two", &bad), named("three", &good)];
    let message = place.fetch(&files, None).unwrap_err().to_string();
    let (folder, two, three) = (place.path().display().to_string(), bad.at("two"), good.at("three"));
    let expected = format!(
        "two could not be fetched:\n  {two}: answered 404 Not Found\nTo do it by hand, put into {folder}:\n  \
         two\n    20 bytes, SHA-256 {SHA256}\n    {two}\n  three\n    20 bytes, SHA-256 {SHA256}\n    {three}"
    );
    assert_eq!(message, expected);
    assert_eq!(place.contents(), [("one".to_owned(), GOOD.to_vec())]);
}

#[test]
fn where_nobody_listens() {
    let mut place = Place::new();
    let closed = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
    let found = place.fetch(&[file(&[format!("http://{closed}/f")], Some(SHA256), None)], None);
    let Err(FetchError::Nowhere { refusals, .. }) = found else { panic!("{found:?}") };
    assert!(refusals[0].why.ends_with("(after 3 tries)"), "{refusals:?}");
    assert_eq!(place.contents(), []);
    let message = place.fetch(&[file(&[], Some(SHA256), None)], None).unwrap_err().to_string();
    assert!(
        message.starts_with("f.gz could not be fetched:\n  no address of it is known\nTo do it"),
        "{message}"
    );
}

#[test]
fn a_large_file_is_told_as_it_comes() {
    let large: &'static [u8] =
        (0..1_000_003_u32).map(|i| (i.wrapping_mul(i) >> 7) as u8).collect::<Vec<_>>().leak();
    let server = Server::new(&[Act::Cut(large, 400_000), Act::Serve(large)]);
    let mut place = Place::new();
    let files = [file(&[server.at("f")], None, Some(large.len() as u64))];
    // No checksum, so the second try begins anew.
    let all = place.fetch(&files, None).unwrap();
    assert_eq!((server.heard(), all[0].checked), (vec!["/f".to_owned(), "/f".to_owned()], None));
    assert_eq!((place.listener.most, place.listener.of), (1_000_003, Some(1_000_003)));
    assert_eq!(fs::read(place.path().join("f.gz")).unwrap(), large);
}

/// A listener that calls it off as soon as it hears of so many bytes.
struct Impatient<'a>(&'a AtomicBool, u64);

impl Waiting for Impatient<'_> {
    fn hear(&mut self, news: &News<'_>) {
        if matches!(news, News::Came { bytes, .. } if *bytes >= self.1) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

#[test]
fn a_stop_ends_the_wait_for_a_silent_server_and_leaves_a_part() {
    let server = Server::new(&[Act::Stall(GOOD, 5), Act::Serve(GOOD)]);
    let mut place = Place::new();
    let files = [file(&[server.at("f")], Some(SHA256), Some(20))];
    place.patience.silence = Duration::from_secs(600); // only the stop can end it
    let order =
        adieu_fetch::Order { name: "tiny", files: &files, folder: place.path(), mirror: None, anew: false };
    let mut listener = Impatient(&place.stop, 5);
    let found = adieu_fetch::fetch(&order, &place.patience, &place.stop, &mut listener);
    let Err(FetchError::Stopped { bytes: 5, part }) = found else { panic!("{found:?}") };
    assert_eq!(fs::read(part).unwrap(), &GOOD[..5]);
    place.stop.store(false, Ordering::Relaxed);
    assert_eq!(
        place.fetch(&files, None).unwrap()[0].how,
        How::Came { from: Some(server.at("f")), resumed: 5 }
    );
    assert_eq!(server.heard(), ["/f", "/f from 5"]);
}

#[test]
fn a_stop_before_anything_has_come_asks_nobody() {
    let server = Server::new(&[Act::Serve(GOOD)]);
    let mut place = Place::new();
    place.stop.store(true, Ordering::Relaxed);
    let found = place.fetch(&[file(&[server.at("f")], Some(SHA256), None)], None);
    assert!(matches!(found, Err(FetchError::Stopped { bytes: 0, .. })), "{found:?}");
    assert_eq!(server.heard(), [""; 0]);
}

#[test]
fn a_pause_ends_when_it_is_called_off() {
    let begun = Instant::now();
    Impatient(&AtomicBool::new(true), 0).pause(Duration::from_secs(600), &AtomicBool::new(true));
    Impatient(&AtomicBool::new(false), 0).pause(Duration::from_millis(1), &AtomicBool::new(false));
    assert!(begun.elapsed() < Duration::from_secs(300));
}

#[test]
fn one_program_at_a_time() {
    let server = Server::new(&[Act::Serve(GOOD)]);
    let mut place = Place::new();
    place.write("f.gz.part", b"01");
    let other = fs::File::open(place.path().join("f.gz.part")).unwrap();
    other.lock().unwrap();
    let files = [file(&[server.at("f")], Some(SHA256), None)];
    assert!(matches!(place.fetch(&files, None), Err(FetchError::Busy { .. })));
    drop(other);
    assert!(place.fetch(&files, None).is_ok());
}

#[test]
fn a_folder_that_cannot_be_made_is_named_with_a_remedy() {
    let server = Server::new(&[Act::Serve(GOOD)]);
    let place = Place::new();
    place.write("file", b"");
    let folder = place.path().join("file/below");
    let files = [file(&[server.at("f")], Some(SHA256), None)];
    let order =
        adieu_fetch::Order { name: "tiny", files: &files, folder: &folder, mirror: None, anew: false };
    let found = adieu_fetch::fetch(&order, &Patience::default(), &place.stop, &mut Listener::default());
    let message = found.unwrap_err().to_string();
    assert!(
        message.contains("file/below") && message.contains("set ADIEU_DATA to another folder"),
        "{message}"
    );
}
