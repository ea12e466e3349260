//! Ctrl-C, and the polite signals that end a program: the first finishes the step, and saves what there is to save; the
//! third kills.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use adieu::meter::alloc::{self, Category};

use crate::terminal::message;

/// Exit code of a program that was told three times.
const KILLED: i32 = 1;

/// What is said to the first, the second and the third.
type Said = [&'static str; 3];

/// A flag that the first Ctrl-C raises, for a training. Call once.
pub(crate) fn flag() -> Arc<AtomicBool> {
    raised_by([
        "stopping: the step is finished and saved first",
        "still finishing and saving, as asked; once more ends it without saving",
        "ended without saving; the checkpoint before stays",
    ])
}

/// The same for work that leaves nothing behind.
pub(crate) fn plain_flag() -> Arc<AtomicBool> {
    raised_by([
        "stopping: what is being timed is finished first",
        "still stopping; once more ends it",
        "ended",
    ])
}

/// The same for a fetch, which keeps what has come however it ends.
pub(crate) fn fetch_flag() -> Arc<AtomicBool> {
    raised_by([
        "stopping: what has come is kept",
        "still stopping; once more ends it, and what has come is kept",
        "ended; what has come is kept",
    ])
}

fn raised_by(said: Said) -> Arc<AtomicBool> {
    let flag = Arc::new(AtomicBool::new(false));
    let (raised, pressed) = (flag.clone(), AtomicU8::new(0));
    let handler = move || {
        // What this thread allocates is no part of the training that it interrupts.
        alloc::pin_thread(Category::Other);
        raised.store(true, Ordering::Relaxed);
        let times = usize::from(pressed.fetch_add(1, Ordering::Relaxed)).min(said.len() - 1);
        message(&format!("\nadieu: {}", said[times]));
        if times == said.len() - 1 {
            std::process::exit(KILLED);
        }
    };
    if let Err(error) = ctrlc::set_handler(handler) {
        message(&format!("adieu: Ctrl-C will end it at once: {error}"));
    }
    flag
}
