//! `adieu data fetch` against a server on this machine, as a mirror; and what `adieu data list` says of what is here.
#![allow(clippy::unwrap_used)] // clippy knows tests by their attribute, and these are their helpers

mod support;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use serde_json::json;
use support::{Desk, Said, TEST_IMAGES, TEST_LABELS, TRAIN_IMAGES, TRAIN_LABELS};

/// Answers every request with the same bytes; after a body that is shorter than it said, waits for the other end.
struct Server {
    address: String,
    requests: Arc<Mutex<Vec<String>>>,
    answered: mpsc::Receiver<()>,
}

impl Server {
    fn new(answer: &str) -> Server {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::<Mutex<Vec<String>>>::default();
        let (tell, answered) = mpsc::channel();
        let (answer, heard) = (answer.replace('\n', "\r\n"), requests.clone());
        // Lives as long as the process of the test, as nothing waits for it.
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                // A client that is interrupted hangs up.
                let _ = serve(&stream, &answer, &heard, &tell);
            }
        });
        Server { address, requests, answered }
    }

    /// First line and range of each request.
    fn heard(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

fn serve(
    mut stream: &TcpStream,
    answer: &str,
    heard: &Mutex<Vec<String>>,
    tell: &mpsc::Sender<()>,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut said = String::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line == "\r\n" {
            break;
        }
        let line = line.trim_end();
        if let Some(path) = line.strip_prefix("GET ").and_then(|line| line.strip_suffix(" HTTP/1.1")) {
            said = path.to_owned();
        } else if line.to_lowercase().starts_with("range: ") {
            said = format!("{said} {}", &line[7..]);
        }
    }
    heard.lock().unwrap().push(said);
    stream.write_all(answer.as_bytes())?;
    let _ = tell.send(());
    if answer.contains("Content-Length: 5000") {
        reader.read_line(&mut String::new())?;
    }
    stream.shutdown(Shutdown::Both)
}

/// `adieu` with a mirror in its environment.
fn mirrored(desk: &Desk, args: &str, mirror: &str) -> Said {
    support::said(desk.command(args).env("ADIEU_MIRROR", mirror))
}

const MISSING: &str = "HTTP/1.1 404 Not Found\nContent-Length: 0\nConnection: close\n\n";

#[test]
fn what_cannot_be_fetched_is_told_with_all_that_is_needed_to_do_it_by_hand() {
    let (desk, server) = (Desk::bare(), Server::new(MISSING));
    let message = mirrored(&desk, "data fetch fashion-mnist", &format!("{}/sets/", server.address)).badly(1);
    let asked = format!("/sets/fashion-mnist/{TRAIN_IMAGES}.gz");
    assert_eq!(server.heard(), [asked.as_str()], "asked once, and nobody else");
    let first = format!(
        "{TRAIN_IMAGES}.gz could not be fetched:\n  {}{asked}: answered 404 Not Found\n",
        server.address
    );
    assert!(message.starts_with(&first), "{message}");
    let folder = desk.at("data/fashion-mnist").display().to_string();
    let facts = [
        folder.as_str(),
        "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "bb300cfdad3c16e7a12a480ee83cd310",
        "\n    http",
    ];
    for part in [TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS].iter().chain(&facts) {
        assert!(message.contains(part), "no `{part}` in {message}");
    }
    assert_eq!(desk.tree("data/fashion-mnist"), [""; 0], "nothing is left behind");
}

#[test]
fn another_file_is_never_given_the_name() {
    let (desk, server) = (Desk::bare(), Server::new("HTTP/1.1 200 OK\nContent-Length: 6\n\nlog in"));
    let args = format!("data fetch fashion-mnist --mirror {}", server.address);
    // The option goes before the variable.
    let message = mirrored(&desk, &args, "http://127.0.0.1:1").badly(1);
    assert!(message.contains("gave another file: its MD5 is"), "{message}");
    assert_eq!(desk.tree("data/fashion-mnist"), [""; 0]);
}

#[test]
fn a_file_of_ones_own_is_not_touched() {
    let (desk, server) = (Desk::bare(), Server::new(MISSING));
    let file = format!("data/fashion-mnist/{TRAIN_IMAGES}.gz");
    fs::create_dir_all(desk.at("data/fashion-mnist")).unwrap();
    desk.write(&file, b"mine");
    let message = mirrored(&desk, "data fetch fashion-mnist", &server.address).badly(1);
    assert!(message.contains("is there already, but its MD5 is") && message.contains("--force"), "{message}");
    assert_eq!((server.heard(), desk.read(&file)), (vec![], b"mine".to_vec()));
    mirrored(&desk, "data fetch fashion-mnist --force", &server.address).badly(1);
    assert_eq!((server.heard().len(), desk.read(&file)), (1, b"mine".to_vec()), "until there is another");
}

#[test]
fn ctrl_c_leaves_a_part_that_is_gone_on_with() {
    let desk = Desk::bare();
    let server = Server::new("HTTP/1.1 200 OK\nContent-Length: 5000\n\n0123456789");
    let args = format!("data fetch fashion-mnist --mirror {}", server.address);
    let started = desk.start_until(&args, "fetching train-images-idx3-ubyte.gz from 127.0.0.1");
    server.answered.recv().unwrap();
    let part = desk.at(&format!("data/fashion-mnist/{TRAIN_IMAGES}.gz.part"));
    let begun = Instant::now();
    while fs::metadata(&part).map_or(0, |about| about.len()) < 10 {
        assert!(begun.elapsed() < Duration::from_secs(60), "nothing has come");
        std::thread::sleep(Duration::from_millis(2));
    }
    started.signal("INT");
    let said = started.wait();
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.err.contains("stopping: what has come is kept"), "{said:?}");
    assert!(
        said.err.contains("10 bytes of it are kept in") && said.err.contains("goes on from there"),
        "{said:?}"
    );
    assert_eq!(fs::read(&part).unwrap(), b"0123456789");

    let listed = desk.adieu("data list").well();
    assert!(listed.contains("partly here, 0 of 4 files whole, 10 bytes: "), "{listed}");
    let missing = Server::new(MISSING);
    mirrored(&desk, "data fetch fashion-mnist", &missing.address).badly(1);
    assert_eq!(missing.heard(), [format!("/fashion-mnist/{TRAIN_IMAGES}.gz bytes=10-")]);
    assert_eq!(fs::read(&part).unwrap(), b"0123456789", "a mirror that lacks it costs nothing");
}

#[test]
fn the_list_tells_what_is_here() {
    let desk = Desk::bare();
    let here = |name: &str| {
        let all = desk.adieu("data list --json").json();
        let found = all.as_array().unwrap().iter().find(|of| of["name"] == name).cloned();
        found.unwrap()["here"].clone()
    };
    assert_eq!((here("mnist"), here("idx")), (json!(null), json!(null)));
    assert_eq!(here("fashion-mnist")["state"], "none");
    assert!(desk.adieu("data list").well().contains(": adieu data fetch fashion-mnist; licence: MIT"));
    assert!(!desk.has("data"), "looking makes nothing");
    fs::create_dir_all(desk.at("data/fashion-mnist")).unwrap();
    for (i, file) in [TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS].iter().enumerate() {
        assert_eq!(here("fashion-mnist")["state"], if i == 0 { "none" } else { "part" });
        desk.write(&format!("data/fashion-mnist/{file}.gz"), &[7; 500]);
    }
    let found = here("fashion-mnist");
    assert_eq!(found["files"][3]["bytes"], 500);
    assert_eq!(found["bytes"], 2000);
}

#[test]
fn what_needs_no_fetching_and_what_cannot_be() {
    let desk = Desk::bare();
    assert_eq!(desk.adieu("data fetch mnist").well(), "mnist needs no files: the program has it\n");
    let said = desk.adieu("data fetch fables --json").json();
    assert_eq!(said, json!({ "name": "fables", "folder": null, "files": [] }));
    let message = desk.adieu("data fetch idx").badly(2);
    assert!(message.contains("a folder of your own (--data-dir)"), "{message}");
    let message = desk.adieu("data fetch nonesuch").badly(1);
    assert!(message.contains("no dataset 'nonesuch'") && message.contains("fashion-mnist"), "{message}");
    let message = desk.adieu("data fetch fashion-mnist --mirror ftp://h").badly(2);
    assert!(message.starts_with("--mirror: `ftp://h` is neither http nor https"), "{message}");
    let message = mirrored(&desk, "data fetch fashion-mnist", "nonsense").badly(2);
    assert!(message.starts_with("ADIEU_MIRROR: `nonsense` has no scheme"), "{message}");
    assert!(!desk.has("data"));
}
