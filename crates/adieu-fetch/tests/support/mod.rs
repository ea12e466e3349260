//! A real HTTP server on this machine that behaves as badly as it is told, and someone who waits.
#![allow(dead_code)] // each test binary uses its own part
#![allow(clippy::unwrap_used)] // clippy knows tests by their attribute, and these are their helpers

use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use adieu_data::RemoteFile;
use adieu_fetch::{FetchError, Fetched, Mirror, News, Order, Patience, Waiting, fetch};
use tempfile::TempDir;

/// What the server does with one request; each request takes the next, and the last again and again.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// Serves the bytes, and ranges of them.
    Serve(&'static [u8]),
    /// Serves all the bytes whatever range is asked for.
    Ignore(&'static [u8]),
    /// Serves ranges, and closes after so many bytes of the body.
    Cut(&'static [u8], usize),
    /// As `Cut`, but falls silent instead of closing, until the client hangs up.
    Stall(&'static [u8], usize),
    /// Writes so many bytes of a body without a length, and closes.
    Unsized(&'static [u8]),
    /// Sends exactly this and closes.
    Raw(String),
    /// Closes at once.
    Close,
    /// Says nothing until the client hangs up.
    Silent,
}

pub(crate) struct Server {
    port: u16,
    heard: Arc<Mutex<Vec<String>>>,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(crate) fn new(acts: &[Act]) -> Server {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (heard, ended) = (Arc::<Mutex<Vec<String>>>::default(), Arc::<AtomicBool>::default());
        let (acts, heard_too, ended_too) = (acts.to_vec(), heard.clone(), ended.clone());
        let thread = std::thread::spawn(move || {
            for (i, stream) in listener.incoming().enumerate() {
                if ended_too.load(Ordering::Relaxed) {
                    return;
                }
                let act = acts[i.min(acts.len() - 1)].clone();
                // A client that hangs up is what some cases are about.
                let _ = serve(stream.unwrap(), act, &heard_too);
            }
        });
        Server { port, heard, ended, thread: Some(thread) }
    }

    pub(crate) fn at(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    /// Each request as `/path` or `/path from N`.
    pub(crate) fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(("127.0.0.1", self.port)); // wakes it
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(stream: TcpStream, act: Act, heard: &Mutex<Vec<String>>) -> std::io::Result<()> {
    if matches!(act, Act::Close) {
        heard.lock().unwrap().push("closed".into());
        return Ok(());
    }
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut path, mut from) = (String::new(), None);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line == "\r\n" {
            break;
        }
        if let Some(rest) = line.strip_prefix("GET ") {
            path = rest.split(' ').next().unwrap().to_owned();
        }
        let lower = line.to_lowercase();
        if let Some(range) = lower.strip_prefix("range: bytes=") {
            from = Some(range.trim().trim_end_matches('-').parse::<usize>().unwrap());
        }
    }
    let said = from.map_or(path.clone(), |from| format!("{path} from {from}"));
    heard.lock().unwrap().push(said);
    let mut out = &stream;
    match act {
        Act::Serve(bytes) => whole(out, bytes, from, bytes.len())?,
        Act::Ignore(bytes) => whole(out, bytes, None, bytes.len())?,
        Act::Cut(bytes, most) => whole(out, bytes, from, most)?,
        Act::Stall(bytes, most) => {
            whole(out, bytes, from, most)?;
            reader.read_line(&mut String::new())?; // ends when the client hangs up
        }
        Act::Unsized(bytes) => {
            out.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")?;
            out.write_all(bytes)?;
        }
        Act::Raw(text) => out.write_all(text.as_bytes())?,
        Act::Silent => {
            reader.read_line(&mut String::new())?;
        }
        Act::Close => {}
    }
    out.flush()?;
    stream.shutdown(Shutdown::Write)
}

/// An honest head, and `most` bytes of the body.
fn whole(mut out: &TcpStream, bytes: &[u8], from: Option<usize>, most: usize) -> std::io::Result<()> {
    let total = bytes.len();
    let (head, body) = match from {
        None => ("200 OK\r\n".to_owned(), bytes),
        Some(from) if from < total => {
            let range =
                format!("206 Partial Content\r\nContent-Range: bytes {from}-{}/{total}\r\n", total - 1);
            (range, &bytes[from..])
        }
        Some(_) => (format!("416 Range Not Satisfiable\r\nContent-Range: bytes */{total}\r\n"), &b""[..]),
    };
    write!(out, "HTTP/1.1 {head}Content-Length: {}\r\nConnection: close\r\n\r\n", body.len())?;
    out.write_all(&body[..most.min(body.len())])
}

/// Someone who waits: notes what is said, and how long a pause would be.
#[derive(Default)]
pub(crate) struct Listener {
    pub(crate) pauses: Vec<Duration>,
    pub(crate) whys: Vec<String>,
    pub(crate) most: u64,
    pub(crate) of: Option<u64>,
}

impl Waiting for Listener {
    fn hear(&mut self, news: &News<'_>) {
        match news {
            News::Pausing { why, .. } | News::Refused { why, .. } => self.whys.push((*why).to_owned()),
            News::Came { bytes, of } => (self.most, self.of) = (self.most.max(*bytes), *of),
            _ => {}
        }
    }

    fn pause(&mut self, time: Duration, _: &AtomicBool) {
        self.pauses.push(time);
    }
}

/// Short limits for a server on this machine.
pub(crate) fn quick() -> Patience {
    Patience {
        tries: 3,
        connect: Duration::from_secs(5),
        silence: Duration::from_secs(20),
        ..Patience::default()
    }
}

/// A folder to fetch into.
pub(crate) struct Place {
    pub(crate) folder: TempDir,
    pub(crate) listener: Listener,
    pub(crate) patience: Patience,
    pub(crate) stop: AtomicBool,
    pub(crate) anew: bool,
}

impl Place {
    pub(crate) fn new() -> Place {
        let folder = tempfile::tempdir().unwrap();
        Place {
            folder,
            listener: Listener::default(),
            patience: quick(),
            stop: AtomicBool::new(false),
            anew: false,
        }
    }

    pub(crate) fn fetch(
        &mut self,
        files: &[RemoteFile],
        mirror: Option<&str>,
    ) -> Result<Vec<Fetched>, FetchError> {
        let mirror = mirror.map(Mirror::new).transpose()?;
        let folder = self.folder.path();
        let order = Order { name: "tiny", files, folder, mirror: mirror.as_ref(), anew: self.anew };
        fetch(&order, &self.patience, &self.stop, &mut self.listener)
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.path().join(name), bytes).unwrap();
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Names and contents, in order.
    pub(crate) fn contents(&self) -> Vec<(String, Vec<u8>)> {
        let entries = std::fs::read_dir(self.path()).unwrap().map(Result::unwrap);
        let mut all: Vec<_> = entries
            .map(|entry| (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap()))
            .collect();
        all.sort();
        all
    }
}

/// A published file at these addresses.
pub(crate) fn file(urls: &[String], sha256: Option<&'static str>, bytes: Option<u64>) -> RemoteFile {
    let urls: Vec<&'static str> = urls.iter().map(|url| &*url.clone().leak()).collect();
    RemoteFile { name: "f.gz", sha256, md5: None, bytes, urls: urls.leak() }
}
