//! A desk to try the binary on: a temporary folder with tiny data, and the program with its arguments.
#![allow(dead_code)] // each test binary uses its own part
#![allow(clippy::unwrap_used)] // clippy knows tests by their attribute, and these are their helpers

pub(crate) mod boards;

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

pub(crate) const SIDE: usize = 6;
pub(crate) const PIXELS: usize = SIDE * SIDE;
pub(crate) const CLASSES: usize = 3;
pub(crate) const TRAIN_IMAGES: &str = "train-images-idx3-ubyte";
pub(crate) const TRAIN_LABELS: &str = "train-labels-idx1-ubyte";
pub(crate) const TEST_IMAGES: &str = "t10k-images-idx3-ubyte";
pub(crate) const TEST_LABELS: &str = "t10k-labels-idx1-ubyte";

/// What `adieu` did.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    /// It went well; gives standard output.
    #[track_caller]
    pub(crate) fn well(self) -> String {
        assert_eq!(self.code, Some(0), "{self:#?}");
        self.sound();
        self.out
    }

    /// It ended with `code` and one message; gives the message, without the program's name.
    #[track_caller]
    pub(crate) fn badly(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self.sound();
        let complaints = self.err.lines().filter(|line| line.starts_with("adieu: ")).count();
        assert_eq!(complaints, 1, "one message: {self:#?}");
        self.err[self.err.find("adieu: ").unwrap() + 7..].trim_end().to_string()
    }

    #[track_caller]
    fn sound(&self) {
        assert!(!self.err.contains("panicked") && !self.out.contains("panicked"), "{self:#?}");
    }

    /// The last line of standard output, as JSON.
    #[track_caller]
    pub(crate) fn json(self) -> Value {
        let out = self.well();
        assert_eq!(out.lines().count(), 1, "nothing but the object: {out}");
        serde_json::from_str(&out).unwrap()
    }
}

/// A temporary folder; commands run in it.
pub(crate) struct Desk {
    folder: TempDir,
}

impl Desk {
    /// A folder with nothing in it.
    pub(crate) fn bare() -> Desk {
        Desk { folder: TempDir::new().unwrap() }
    }

    /// A folder with `tiny/`: 3 classes, 6 × 6 pixels, 120 rows to train, 60 to test.
    pub(crate) fn new() -> Desk {
        let desk = Desk::bare();
        fs::create_dir(desk.at("tiny")).unwrap();
        desk.rows("tiny", [TRAIN_IMAGES, TRAIN_LABELS], 120, 1);
        desk.rows("tiny", [TEST_IMAGES, TEST_LABELS], 60, 2);
        desk
    }

    fn rows(&self, folder: &str, [images, labels]: [&str; 2], rows: usize, seed: u32) {
        let pixels: Vec<u8> =
            (0..rows).flat_map(|row| image(row % CLASSES, seed * 10_000 + row as u32)).collect();
        self.write(&format!("{folder}/{images}"), &idx(&[rows, SIDE, SIDE], &pixels));
        let classes: Vec<u8> = (0..rows).map(|row| (row % CLASSES) as u8).collect();
        self.write(&format!("{folder}/{labels}"), &idx(&[rows], &classes));
    }

    pub(crate) fn at(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    pub(crate) fn write(&self, path: &str, bytes: &[u8]) {
        fs::write(self.at(path), bytes).unwrap();
    }

    pub(crate) fn read(&self, path: &str) -> Vec<u8> {
        fs::read(self.at(path)).unwrap()
    }

    pub(crate) fn text(&self, path: &str) -> String {
        fs::read_to_string(self.at(path)).unwrap()
    }

    pub(crate) fn has(&self, path: &str) -> bool {
        self.at(path).exists()
    }

    /// A recipe on the tiny data, two layers of 12: `learner` is the inside of that table, `train` of that.
    pub(crate) fn recipe(&self, name: &str, train: &str, learner: &str) {
        let text = format!(
            "name = \"tiny\"\nseed = 3\n[data]\nkind = \"idx\"\ndir = \"tiny\"\nsplit = \"final\"\n[train]\nbatch = 10\n{train}\n\
             [model]\nblocks = [[12], [12]]\n[learner]\n{learner}\n"
        );
        self.write(name, text.as_bytes());
    }

    pub(crate) fn command(&self, args: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_adieu"));
        command.args(args.split_whitespace()).current_dir(self.folder.path()).stdin(Stdio::null());
        command.env_remove("COLUMNS").env_remove("NO_COLOR").env_remove("ADIEU_MIRROR");
        command.env("ADIEU_DATA", self.at("data")); // never the user's own
        command
    }

    /// Runs `adieu` with arguments separated by spaces.
    pub(crate) fn adieu(&self, args: &str) -> Said {
        said(&mut self.command(args))
    }

    /// Runs a line of `sh` in the folder, in which `adieu` is the program.
    pub(crate) fn sh(&self, line: &str) -> Said {
        let mut shell = Command::new("sh");
        let line = format!("adieu() {{ \"$ADIEU\" \"$@\"; }}; {line}");
        shell
            .args(["-c", &line])
            .env("ADIEU", env!("CARGO_BIN_EXE_adieu"))
            .env("ADIEU_DATA", self.at("data"));
        said(shell.current_dir(self.folder.path()).stdin(Stdio::null()))
    }

    /// Starts `adieu` and waits until its progress says `word`.
    pub(crate) fn start_until(&self, args: &str, word: &str) -> Started {
        let mut child = self.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut messages = BufReader::new(child.stderr.take().unwrap());
        let mut heard = String::new();
        while !heard.lines().last().unwrap_or_default().contains(word) {
            assert!(messages.read_line(&mut heard).unwrap() > 0, "it never said `{word}`: {heard}");
        }
        Started { child, messages, heard }
    }

    /// Paths below `path`, folders too, in order.
    pub(crate) fn tree(&self, path: &str) -> Vec<String> {
        let mut found = Vec::new();
        let mut open = vec![self.at(path)];
        while let Some(folder) = open.pop() {
            for entry in fs::read_dir(&folder).into_iter().flatten() {
                let entry = entry.unwrap().path();
                found.push(entry.strip_prefix(self.folder.path()).unwrap().display().to_string());
                open.extend(entry.is_dir().then_some(entry));
            }
        }
        found.sort();
        found
    }

    /// The one checkpoint of a run.
    pub(crate) fn checkpoint(&self, run: &str) -> PathBuf {
        let all: Vec<String> =
            self.tree(run).into_iter().filter(|path| path.ends_with(".safetensors")).collect();
        assert_eq!(all.len(), 1, "{all:?}");
        self.at(&all[0])
    }
}

/// A program that runs.
pub(crate) struct Started {
    child: Child,
    messages: BufReader<std::process::ChildStderr>,
    heard: String,
}

impl Started {
    /// Sends a signal, `INT` or `KILL`.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(sent.unwrap().success(), "the program has ended before it was interrupted");
    }

    /// Number of the process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn wait(mut self) -> Said {
        self.messages.read_to_string(&mut self.heard).unwrap();
        let output = self.child.wait_with_output().unwrap();
        let out = String::from_utf8(output.stdout).unwrap();
        Said { code: output.status.code(), out, err: self.heard }
    }
}

/// Runs a command to its end.
pub(crate) fn said(command: &mut Command) -> Said {
    let output = command.output().unwrap();
    Said {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// An IDX file of unsigned bytes.
pub(crate) fn idx(sizes: &[usize], elements: &[u8]) -> Vec<u8> {
    let mut file = vec![0, 0, 8, sizes.len() as u8];
    file.extend(sizes.iter().flat_map(|size| (*size as u32).to_be_bytes()));
    file.extend(elements);
    file
}

/// Two bright lines where the class says, and noise. The first line is dark: labels are written there.
pub(crate) fn image(class: usize, seed: u32) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    let mut noise = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state % 60) as u8
    };
    let mut pixel = |pixel: usize| match pixel / SIDE {
        0 => 0,
        line if line == class + 1 || line == class + 3 => 180 + noise(),
        _ => noise(),
    };
    (0..PIXELS).map(&mut pixel).collect()
}

/// A grey PNG picture.
pub(crate) fn picture(width: usize, height: usize, pixels: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width as u32, height as u32);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.write_header().unwrap().write_image_data(pixels).unwrap();
    file
}

/// Names, shapes and bytes of a checkpoint's arrays, without what else its header says.
pub(crate) fn tensors(checkpoint: &Path) -> (Value, Vec<u8>) {
    let bytes = fs::read(checkpoint).unwrap();
    let header = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let mut names: Value = serde_json::from_slice(&bytes[8..header]).unwrap();
    names.as_object_mut().unwrap().remove("__metadata__");
    (names, bytes[header..].to_vec())
}
