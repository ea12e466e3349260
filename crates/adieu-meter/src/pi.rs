//! Raspberry Pi: which board it is, and what its firmware says through the program `vcgencmd`.
//!
//! A question costs the start of a process. One that is not answered within a second is given up, and the process with it.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::found::{Found, Missing};
use crate::tree::word;

const MODEL: &str = "proc/device-tree/model";
const PLACES: [&str; 3] = ["usr/bin/vcgencmd", "usr/local/bin/vcgencmd", "opt/vc/bin/vcgencmd"];
/// Time the program has for its answer.
const LIMIT: Duration = Duration::from_secs(1);
/// Time between two looks at whether it has ended.
const GLANCE: Duration = Duration::from_millis(1);

/// The board's model, if it is a Raspberry Pi.
pub(crate) fn model(root: &Path) -> Option<String> {
    word(root, MODEL).filter(|model| model.starts_with("Raspberry Pi"))
}

/// Whether the board has a power controller that measures currents: model 5, its module and its keyboard.
pub(crate) fn measures(model: &str) -> bool {
    ["Raspberry Pi 5", "Raspberry Pi Compute Module 5"].iter().any(|with| model.starts_with(with))
}

/// Whether the power of the board below `root` is to be had.
pub(crate) fn tells_power(root: &Path) -> bool {
    model(root).is_some_and(|model| measures(&model)) && Firmware::below(root).is_ok()
}

/// The way to the firmware.
#[derive(Clone, Debug)]
pub(crate) struct Firmware {
    program: PathBuf,
    limit: Duration,
}

impl Firmware {
    /// By the program below `root`.
    pub(crate) fn below(root: &Path) -> Found<Firmware> {
        let places = PLACES.iter().map(|place| root.join(place));
        let program = places.into_iter().find(|place| place.is_file());
        let program = program.ok_or_else(|| {
            let first = root.join(PLACES[0]);
            let why = format!("{} does not exist, nor in usr/local/bin or opt/vc/bin", first.display());
            Missing::new(why, "install it: apt install raspi-utils")
        })?;
        Ok(Firmware { program, limit: LIMIT })
    }

    /// What it answers to `question`.
    pub(crate) fn ask(&self, question: &str) -> Found<String> {
        let program = self.program.display();
        let mut command = Command::new(&self.program);
        command.arg(question).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| {
            Missing::new(format!("{program} cannot be started: {error}"), "let this user run it")
        })?;
        let ended = wait(&mut child, self.limit);
        if !matches!(ended, Ok(Some(_))) {
            // It may have ended by itself meanwhile; then there is nothing to end.
            let _ = child.kill();
            let _ = child.wait();
        }
        let closed = "let this user ask the firmware: usermod -aG video USER, or run as root";
        match ended {
            Ok(Some(true)) => Ok(said(child.stdout.take())),
            Ok(Some(false)) => {
                let says = [said(child.stderr.take()), said(child.stdout.take())].concat();
                let line = says.lines().next().unwrap_or("without a word");
                Err(Missing::new(format!("{program} {question} failed: {line}"), closed))
            }
            Ok(None) => Err(Missing::new(
                format!("{program} {question} did not answer within {:?}", self.limit),
                "see whether it answers in a terminal; if not, restart the board",
            )),
            Err(error) => Err(Missing::new(format!("{program} cannot be waited for: {error}"), closed)),
        }
    }
}

/// Whether it succeeded; nothing if it did not end within `limit`.
fn wait(child: &mut Child, limit: Duration) -> std::io::Result<Option<bool>> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status.success()));
        }
        if start.elapsed() >= limit {
            return Ok(None);
        }
        std::thread::sleep(GLANCE);
    }
}

/// All that came through a pipe. Answers are far shorter than what a pipe holds, so that the program can end before.
fn said(pipe: Option<impl Read>) -> String {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        // What came before a fault is judged by the reader of the answer.
        let _ = pipe.take(1 << 16).read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A made-up `vcgencmd` that is this shell script.
#[cfg(all(test, unix))]
pub(crate) fn script(root: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;

    let program = root.join(PLACES[0]);
    std::fs::create_dir_all(program.parent().expect("a parent")).expect("a folder");
    // Beside first: a file that is being written cannot be run.
    let beside = root.join("vcgencmd.new");
    std::fs::write(&beside, format!("#!/bin/sh\n{text}\n")).expect("a file");
    std::fs::set_permissions(&beside, std::fs::Permissions::from_mode(0o755)).expect("a mode");
    std::fs::rename(&beside, &program).expect("a program");
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn it_answers_or_says_why_not() {
        let root = tempfile::tempdir().expect("a folder");
        let why = |found: Found<String>| found.unwrap_err().why;
        let missing = Firmware::below(root.path()).unwrap_err();
        assert!(missing.why.ends_with("usr/bin/vcgencmd does not exist, nor in usr/local/bin or opt/vc/bin"));
        let ask = |text: &str| {
            script(root.path(), text);
            let firmware = Firmware::below(root.path()).expect("it is there");
            Firmware { limit: Duration::from_millis(100), ..firmware }.ask("get_throttled")
        };
        let fine = Firmware {
            limit: LIMIT,
            ..{
                script(root.path(), "echo $1=0x0");
                Firmware::below(root.path()).expect("it is there")
            }
        };
        assert_eq!(fine.ask("get_throttled"), Ok("get_throttled=0x0\n".into()));
        assert!(why(ask("exec sleep 60")).ends_with("vcgencmd get_throttled did not answer within 100ms"));
        script(root.path(), "echo VCHI initialization failed >&2; exit 1");
        let failed = Firmware { limit: LIMIT, ..fine.clone() }.ask("get_throttled").unwrap_err();
        assert!(failed.why.ends_with("failed: VCHI initialization failed"), "{failed:?}");
        assert!(failed.remedy.contains("video"), "{failed:?}");
        std::fs::write(root.path().join(PLACES[0]), "\u{7f}").expect("a file");
        assert!(why(fine.ask("get_throttled")).contains("cannot be started"));
    }

    #[test]
    fn boards_that_measure_currents() {
        for (model, measured) in [
            ("Raspberry Pi 5 Model B Rev 1.0", true),
            ("Raspberry Pi 500 Rev 1.0", true),
            ("Raspberry Pi Compute Module 5 Rev 1.0", true),
            ("Raspberry Pi 4 Model B Rev 1.4", false),
            ("Raspberry Pi 400 Rev 1.0", false),
            ("Raspberry Pi Zero 2 W Rev 1.0", false),
        ] {
            assert_eq!(measures(model), measured, "{model}");
        }
    }
}
