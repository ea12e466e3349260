//! The threads: one pool for everything, the kernels and Burn alike, so that never more of them work than were asked.

use anyhow::Context;

/// More than any machine has; a slip of the pen would start thousands.
pub(crate) const MOST: u64 = 1024;

/// Starts the pool: `asked` threads, or one a core. Call once, before any work.
///
/// The calling thread is one of them. It takes part in every product where it is; a caller from outside the pool would
/// hand each product over and sleep, which costs ten microseconds a time.
///
/// # Errors
/// If the operating system refuses the threads.
pub(crate) fn begin(asked: Option<u64>) -> anyhow::Result<()> {
    let threads = asked.unwrap_or(0) as usize; // 0: rayon's own choice, one a core
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).use_current_thread();
    pool.build_global().with_context(|| match asked {
        Some(asked) => format!("cannot start {asked} threads; ask for fewer with --threads"),
        None => "cannot start a thread for each core; ask for fewer with --threads".into(),
    })
}
