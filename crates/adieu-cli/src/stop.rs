//! Ctrl-C, and the polite signals that end a program: the first finishes the step and saves, the third kills.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use adieu::meter::alloc::{self, Category};

use crate::terminal::message;

/// Exit code of a program that was told three times.
const KILLED: i32 = 1;

/// A flag that the first Ctrl-C raises. Call once.
pub(crate) fn flag() -> Arc<AtomicBool> {
    let flag = Arc::new(AtomicBool::new(false));
    let (raised, pressed) = (flag.clone(), AtomicU8::new(0));
    let handler = move || {
        // What this thread allocates is no part of the training that it interrupts.
        alloc::pin_thread(Category::Other);
        raised.store(true, Ordering::Relaxed);
        match pressed.fetch_add(1, Ordering::Relaxed) {
            0 => message("\nadieu: stopping: the step is finished and saved first"),
            1 => message("\nadieu: still finishing and saving, as asked; once more ends it without saving"),
            _ => {
                message("\nadieu: ended without saving; the checkpoint before stays");
                std::process::exit(KILLED);
            }
        }
    };
    if let Err(error) = ctrlc::set_handler(handler) {
        message(&format!("adieu: Ctrl-C will end the run without saving: {error}"));
    }
    flag
}
