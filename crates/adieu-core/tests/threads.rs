//! One pool for all: Burn's own products run on the threads of rayon's current pool, and start none beside them.
//!
//! The only test of this process, so that its threads can be counted.
#![cfg(target_os = "linux")]

use adieu_core::parts::host::{matrix, view};

fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").expect("Linux lists the threads").count()
}

#[test]
fn burn_starts_no_threads_of_its_own() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    pool.broadcast(|_| ());
    let before = threads();
    let n = 512;
    let a = matrix((0..n * n).map(|i| (i as f32 * 0.71).sin()).collect(), n, n);
    let inside = pool.install(|| a.clone().matmul(a.clone()).exp());
    assert_eq!(threads(), before, "on a pool of three");
    // Outside of any pool it is the global one that is used, which starts now: one thread a core.
    let global = rayon::current_num_threads();
    rayon::broadcast(|_| ());
    assert_eq!(threads(), before + global);
    let outside = a.clone().matmul(a).exp();
    assert_eq!(threads(), before + global, "on the global pool");
    assert!(view(&inside)[..] == view(&outside)[..]);
}
