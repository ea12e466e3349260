//! The files of a dataset, one after the other: addresses in turn, tries at each, the checksum, the name.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use adieu_data::RemoteFile;
use ureq::Agent;

use crate::address::{Mirror, addresses};
use crate::error::{FetchError, Refusal, by_hand};
use crate::part::Part;
use crate::patience::Patience;
use crate::sum::{Verdict, is_published, judge};
use crate::transfer::{Outcome, agent, attempt, stopped};

/// How often a stop is looked for while nothing comes.
const LOOK: Duration = Duration::from_millis(25);

/// What shall be fetched.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// Name of the dataset, and of its folder on mirrors.
    pub name: &'a str,
    /// Its files.
    pub files: &'a [RemoteFile],
    /// Where they shall be; it is made if it is not there.
    pub folder: &'a Path,
    /// Where they come from, instead of where they are published.
    pub mirror: Option<&'a Mirror>,
    /// Whether files and parts that are there count as not there. A file is replaced when the new one is whole.
    pub anew: bool,
}

/// A file that is there now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// The file.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256 in lower-case hexadecimal digits, as computed.
    pub sha256: String,
    /// The published checksum that it was compared with, `SHA-256` or `MD5`; none if none is published.
    pub checked: Option<&'static str>,
    /// How it came.
    pub how: How,
}

/// How a file came to be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum How {
    /// It was there before.
    Kept,
    /// It was fetched from this address, and `resumed` bytes of it were there before.
    Came {
        /// The address that gave the last of it; none if all was there, and only the name was missing.
        from: Option<String>,
        /// Bytes that an earlier fetch had left.
        resumed: u64,
    },
}

/// What there is to hear while files come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News<'a> {
    /// A file is asked for at an address.
    Asking {
        /// Name of the file.
        file: &'a str,
        /// The address.
        address: &'a str,
    },
    /// Of the file last asked for, so many bytes are here.
    Came {
        /// Bytes that are here.
        bytes: u64,
        /// Bytes of the whole file, if known.
        of: Option<u64>,
    },
    /// The file last asked for is compared with its checksum.
    Checking {
        /// Name of the file.
        file: &'a str,
    },
    /// A try was in vain; there will be another.
    Pausing {
        /// The address.
        address: &'a str,
        /// What went wrong.
        why: &'a str,
        /// How long until then.
        pause: Duration,
    },
    /// An address will not give the file.
    Refused {
        /// The address.
        address: &'a str,
        /// Why.
        why: &'a str,
    },
    /// A file is there.
    Done(&'a Fetched),
}

/// Whoever waits for files.
pub trait Waiting {
    /// Hears how it goes.
    fn hear(&mut self, news: &News<'_>);

    /// Lets `time` pass between two tries, or less if `stop` is raised.
    fn pause(&mut self, time: Duration, stop: &AtomicBool) {
        let begun = Instant::now();
        while let Some(left) = time.checked_sub(begun.elapsed()).filter(|left| !left.is_zero()) {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            thread::sleep(left.min(LOOK));
        }
    }
}

/// Brings all files of an order that are not there. When `stop` is raised, what has come is left to be gone on with.
///
/// Ends at the first file that cannot be had; those before it are there.
///
/// # Errors
/// [`FetchError::Different`] if another file of that name is there, and [`Order::anew`] does not say to replace it; else
/// any but [`FetchError::Mirror`].
pub fn fetch(
    order: &Order<'_>,
    patience: &Patience,
    stop: &AtomicBool,
    waiting: &mut dyn Waiting,
) -> Result<Vec<Fetched>, FetchError> {
    let agent = agent(patience)?;
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let (closing, done_too) = (agent.clone(), &done);
        let watch = scope.spawn(move || {
            while !done_too.load(Ordering::Relaxed) {
                if stop.load(Ordering::Relaxed) {
                    return closing.shutdown(); // a read that waits for a silent server ends now
                }
                thread::park_timeout(LOOK);
            }
        });
        // Raised even in a panic, or the scope would wait for ever.
        let _end = OnDrop(|| {
            done.store(true, Ordering::Relaxed);
            watch.thread().unpark();
        });
        let mut all = Vec::new();
        let mut errand = Errand { order, patience, stop, waiting, agent: &agent };
        for (i, file) in order.files.iter().enumerate() {
            let fetched = errand.file(i, file)?;
            errand.waiting.hear(&News::Done(&fetched));
            all.push(fetched);
        }
        Ok(all)
    })
}

struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

struct Errand<'a> {
    order: &'a Order<'a>,
    patience: &'a Patience,
    stop: &'a AtomicBool,
    waiting: &'a mut dyn Waiting,
    agent: &'a Agent,
}

impl Errand<'_> {
    /// File `i` of the order.
    fn file(&mut self, i: usize, file: &RemoteFile) -> Result<Fetched, FetchError> {
        let path = self.order.folder.join(file.name);
        if !self.order.anew && path.exists() {
            return self.kept(path, file);
        }
        let mut part = Part::open(self.order.folder, file.name)?;
        // Without a checksum nothing would notice the first bytes of another file.
        if self.order.anew
            || !is_published(file)
            || file.bytes.is_some_and(|published| part.bytes() > published)
        {
            part.empty()?;
        }
        let mut refusals = Vec::new();
        let mut from = None;
        let whole = |part: &Part| part.bytes() > 0 && file.bytes == Some(part.bytes());
        let mut verdict = if whole(&part) { self.judged(file, &mut part)?.ok() } else { None };
        for address in addresses(self.order.mirror, self.order.name, file) {
            if verdict.is_some() {
                break;
            }
            match self.address(&address, file, &mut part)? {
                Ok(good) => (verdict, from) = (Some(good), Some(address)),
                Err(why) => {
                    self.waiting.hear(&News::Refused { address: &address, why: &why });
                    refusals.push(Refusal { address, why });
                }
            }
        }
        let Some(verdict) = verdict else {
            part.leave();
            let by_hand = by_hand(&self.order.files[i..], self.order.folder);
            return Err(FetchError::Nowhere { file: file.name.to_owned(), refusals, by_hand });
        };
        let how = How::Came { from, resumed: part.earlier() };
        part.publish(&path)?;
        Ok(Fetched { path, bytes: verdict.bytes, sha256: verdict.sha256, checked: verdict.by, how })
    }

    /// A file that is there already.
    fn kept(&mut self, path: PathBuf, file: &RemoteFile) -> Result<Fetched, FetchError> {
        self.waiting.hear(&News::Checking { file: file.name });
        let verdict = File::open(&path).and_then(|open| judge(open, file));
        let verdict = verdict.map_err(FetchError::io(&path, "read it"))?;
        match verdict.fault {
            Some(what) => Err(FetchError::Different { path, what }),
            None => {
                let Verdict { bytes, sha256, by: checked, .. } = verdict;
                Ok(Fetched { path, bytes, sha256, checked, how: How::Kept })
            }
        }
    }

    /// Tries at one address, until the file is there and good, or why not.
    fn address(
        &mut self,
        address: &str,
        file: &RemoteFile,
        part: &mut Part,
    ) -> Result<Result<Verdict, String>, FetchError> {
        self.waiting.hear(&News::Asking { file: file.name, address });
        let mut failed = 0;
        loop {
            if self.stop.load(Ordering::Relaxed) {
                return Err(stopped(part));
            }
            if !is_published(file) {
                part.empty()?;
            }
            let before = part.bytes();
            let waiting = &mut *self.waiting;
            let mut came = |bytes, of| waiting.hear(&News::Came { bytes, of });
            let outcome = attempt(self.agent, address, file, part, self.stop, &mut came)?;
            let (why, after) = match outcome {
                Outcome::All => match self.judged(file, part)? {
                    Ok(verdict) => return Ok(Ok(verdict)),
                    // The first bytes may have been of another file, so the whole is asked for.
                    Err(what) if before > 0 => (format!("{what}, begun anew"), None),
                    Err(what) => return Ok(Err(format!("gave another file: {what}"))),
                },
                Outcome::Again { why, after } => (why, after),
                Outcome::No(why) => return Ok(Err(why)),
            };
            let worth = part.bytes().saturating_sub(before) >= self.patience.worth;
            failed = if worth { 1 } else { failed + 1 };
            if failed >= self.patience.tries {
                return Ok(Err(format!("{why} (after {failed} tries)")));
            }
            let Some(pause) = self.patience.pause(failed, after) else {
                let asked = after.unwrap_or_default().as_secs();
                return Ok(Err(format!("{why}, and asks to be left alone for {asked} s")));
            };
            self.waiting.hear(&News::Pausing { address, why: &why, pause });
            self.waiting.pause(pause, self.stop);
        }
    }

    /// Compares the part with what is published; a wrong one is emptied.
    fn judged(&mut self, file: &RemoteFile, part: &mut Part) -> Result<Result<Verdict, String>, FetchError> {
        self.waiting.hear(&News::Checking { file: file.name });
        let mut verdict = part.judge(file)?;
        match verdict.fault.take() {
            Some(what) => {
                part.empty()?;
                Ok(Err(what))
            }
            None => Ok(Ok(verdict)),
        }
    }
}
