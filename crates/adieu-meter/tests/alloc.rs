//! The counting allocator, installed: exact to the byte.
//!
//! Without a test harness, whose threads would allocate too: `main` runs the cases one by one, and answers as a
//! harness would (`--list`, a name, `test result: …`).
#![allow(unsafe_code, reason = "blocks are asked for, and held on to, as only an unsafe caller can")]
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test with its own harness")]

use std::alloc::{Layout, alloc, alloc_zeroed, dealloc, realloc};
use std::hint::black_box;
use std::panic::catch_unwind;
use std::process::ExitCode;
use std::sync::{Arc, Barrier};
use std::thread;

use adieu_meter::Meter;
use adieu_meter::alloc::{self as counting, Category, CountingAllocator, Usage};
use adieu_meter::allocated::Allocated;
use adieu_record::{Unit, Value};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

const KIB: usize = 1024;
const MIB: usize = KIB * KIB;

fn main() -> ExitCode {
    let cases: &[(&str, fn())] = &[
        ("it_knows_that_it_is_installed", it_knows_that_it_is_installed),
        ("known_allocations_are_counted_to_the_byte", known_allocations_are_counted_to_the_byte),
        ("zeroed_blocks_are_zero", zeroed_blocks_are_zero),
        ("blocks_grow_and_shrink_with_their_contents", blocks_grow_and_shrink_with_their_contents),
        ("a_block_keeps_its_category", a_block_keeps_its_category),
        ("guards_nest_and_restore", guards_nest_and_restore),
        ("a_pinned_thread_is_not_switched", a_pinned_thread_is_not_switched),
        ("blocks_are_aligned", blocks_are_aligned),
        ("peaks_are_exact_and_begin_anew", peaks_are_exact_and_begin_anew),
        ("peaks_are_exact_under_threads", peaks_are_exact_under_threads),
        ("what_no_memory_holds_is_refused_and_not_counted", what_no_memory_holds_is_refused_and_not_counted),
        ("any_use_is_counted_as_a_model_counts_it", any_use_is_counted_as_a_model_counts_it),
        ("the_meter_reads_these_figures", the_meter_reads_these_figures),
    ];
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |flag: &str| arguments.iter().any(|a| a == flag);
    if has("--list") {
        // None of these is ignored.
        let listed = if has("--ignored") { &[] } else { cases };
        listed.iter().for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    // Of a harness's options only `--exact` means something here; those that take a value take it along.
    let valued = ["--test-threads", "--format", "--color", "--skip", "--logfile", "-Z"];
    let is_filter = |i: usize| {
        let value = i > 0 && valued.contains(&arguments[i - 1].as_str());
        !value && !arguments[i].starts_with('-')
    };
    let filters: Vec<&String> =
        (0..arguments.len()).filter(|&i| is_filter(i)).map(|i| &arguments[i]).collect();
    let wanted = |name: &str| {
        filters.is_empty()
            || filters.iter().any(|f| if has("--exact") { name == *f } else { name.contains(*f) })
    };
    let (mut passed, mut failed) = (0, 0);
    for (name, case) in cases.iter().filter(|(name, _)| wanted(name)) {
        let fine = catch_unwind(case).is_ok();
        // A case that failed half-way may have left another category behind.
        counting::switch(Category::Other);
        println!("test {name} ... {}", if fine { "ok" } else { "FAILED" });
        *(if fine { &mut passed } else { &mut failed }) += 1;
    }
    let result = if failed == 0 { "ok" } else { "FAILED" };
    let filtered = cases.len() - passed - failed;
    println!(
        "\ntest result: {result}. {passed} passed; {failed} failed; 0 ignored; 0 measured; {filtered} filtered out"
    );
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Live bytes of every category, then of all.
fn live() -> [u64; 6] {
    std::array::from_fn(|i| Category::ALL.get(i).map_or_else(counting::total, |&c| counting::of(c)).live)
}

/// Asserts that exactly `bytes` more are live in `category`, and in total, than `before`.
#[track_caller]
fn assert_grown(before: [u64; 6], category: Category, bytes: usize) {
    let mut expected = before;
    expected[category as usize] += bytes as u64;
    expected[5] += bytes as u64;
    assert_eq!(live(), expected, "{bytes} bytes of {}", category.name());
}

fn it_knows_that_it_is_installed() {
    assert!(counting::installed());
    assert!(counting::total().live > 0);
}

fn known_allocations_are_counted_to_the_byte() {
    for category in Category::ALL {
        let before = live();
        let guard = counting::enter(category);
        let one = black_box(Box::new([1_u8; 100]));
        assert_grown(before, category, 100);
        let untouched = black_box(Vec::<u8>::with_capacity(64 * MIB));
        assert_grown(before, category, 100 + 64 * MIB);
        let zeroed = black_box(vec![0_u8; 64 * MIB]);
        assert_grown(before, category, 100 + 128 * MIB);
        drop((untouched, zeroed));
        let many: Vec<Box<[u8; KIB]>> = black_box((0..65_536).map(|_| Box::new([1; KIB])).collect());
        assert_grown(before, category, 100 + 65_536 * (KIB + size_of::<usize>()));
        drop((one, many));
        drop(guard);
        assert_grown(before, category, 0);
    }
}

fn zeroed_blocks_are_zero() {
    // Fill and free first, so that the system has dirty blocks to hand out.
    for size in [1, 15, 100, 4095, 4096, 5000, 200_000, 3 * MIB] {
        drop(black_box(vec![0xa5_u8; size]));
        assert!(black_box(vec![0_u8; size]).iter().all(|&b| b == 0), "{size} bytes");
    }
}

/// Bytes that tell their place.
fn pattern(i: usize) -> u8 {
    (i.wrapping_mul(0x9e37_79b9) >> 11) as u8
}

fn blocks_grow_and_shrink_with_their_contents() {
    let sizes = [1, 100, 4095, 4096, 10_000, 4096, 4000, 63, MIB, 40 * MIB, 80 * MIB, 5000, 16, 300 * KIB, 1];
    for align in [1, 8, 16, 32, 64, 128, 4096, 65_536] {
        let before = live();
        let guard = counting::enter(Category::Data);
        let mut layout = Layout::from_size_align(sizes[0], align).unwrap();
        // SAFETY: the layout is not empty.
        let mut block = unsafe { alloc(layout) };
        let mut filled = 0;
        for size in sizes {
            // SAFETY: the block has this layout, and after it `size` bytes.
            let bytes = unsafe {
                block = realloc(block, layout, size);
                layout = Layout::from_size_align(size, align).unwrap();
                std::slice::from_raw_parts_mut(block.cast::<std::mem::MaybeUninit<u8>>(), size)
            };
            assert_grown(before, Category::Data, size);
            assert_eq!(block.addr() % align, 0);
            assert!(size < 4096 || block.addr().is_multiple_of(64), "{size} bytes begin at {block:?}");
            // SAFETY: the first `filled` bytes were written.
            let kept = |b: &std::mem::MaybeUninit<u8>| unsafe { b.assume_init() };
            let damaged =
                bytes[..filled.min(size)].iter().enumerate().position(|(i, b)| kept(b) != pattern(i));
            assert_eq!(damaged, None, "at {size} bytes, aligned to {align}");
            for (i, byte) in bytes.iter_mut().enumerate() {
                byte.write(pattern(i));
            }
            filled = size;
        }
        // SAFETY: the block has this layout.
        unsafe { dealloc(block, layout) };
        drop(guard);
        assert_grown(before, Category::Data, 0);
    }
}

fn a_block_keeps_its_category() {
    let before = live();
    let guard = counting::enter(Category::Parameters);
    let mut block = black_box(vec![7_u8; 100]);
    drop(guard);
    let guard = counting::enter(Category::Activations);
    block.reserve_exact(900);
    assert_grown(before, Category::Parameters, 1000);
    block.reserve_exact(100_000);
    assert_grown(before, Category::Parameters, 100_100);
    block.shrink_to(50);
    assert_grown(before, Category::Parameters, 100);
    drop(block);
    assert_grown(before, Category::Parameters, 0);
    drop(guard);
}

fn guards_nest_and_restore() {
    let current = || {
        let now = counting::switch(Category::Other);
        counting::switch(now);
        now
    };
    assert_eq!(current(), Category::Other);
    let outer = counting::enter(Category::Data);
    {
        let _inner = counting::enter(Category::Optimizer);
        assert_eq!(counting::switch(Category::Activations), Category::Optimizer);
        assert_eq!(current(), Category::Activations);
    }
    assert_eq!(
        current(),
        Category::Data,
        "the inner guard restores what it found, whatever was switched since"
    );
    drop(outer);
    assert_eq!(current(), Category::Other);
}

fn a_pinned_thread_is_not_switched() {
    let switched = Arc::new(Barrier::new(2));
    let taken = Arc::new(Barrier::new(2));
    let thread = thread::spawn({
        let (switched, taken) = (switched.clone(), taken.clone());
        move || {
            counting::pin_thread(Category::Other);
            switched.wait();
            let before = live();
            let block = black_box(vec![1_u8; 1234]);
            let after = live();
            taken.wait(); // judged later: a panic here would leave the other thread waiting
            (block, before, after)
        }
    });
    let guard = counting::enter(Category::Data);
    switched.wait();
    taken.wait();
    drop(guard);
    // Freed by another thread, which is not pinned.
    let guard = counting::enter(Category::Activations);
    let (block, mut expected, after) = thread.join().unwrap();
    expected[Category::Other as usize] += 1234;
    expected[5] += 1234;
    assert_eq!(after, expected, "taken by the pinned thread");
    let mut expected = live();
    drop(block);
    expected[Category::Other as usize] -= 1234;
    expected[5] -= 1234;
    assert_eq!(live(), expected, "given back by another");
    drop(guard);
}

fn blocks_are_aligned() {
    for size in [1, 2, 8, 24, 100, 1000, 4095, 4096, 4097, 70_000, 2 * MIB] {
        for align in (0..=16).map(|log| 1 << log) {
            let layout = Layout::from_size_align(size, align).unwrap();
            // SAFETY: the layout is not empty, and each block is freed with it.
            unsafe {
                let blocks = [alloc(layout), alloc_zeroed(layout), alloc(layout)];
                for block in blocks {
                    assert_eq!(block.addr() % align, 0, "{size} bytes aligned to {align}");
                    assert!(
                        size < 4096 || block.addr().is_multiple_of(64),
                        "{size} bytes begin at {block:?}"
                    );
                    block.write_bytes(0xff, size);
                }
                blocks.iter().for_each(|&block| dealloc(block, layout));
            }
        }
    }
}

fn peaks_are_exact_and_begin_anew() {
    let take = |category, bytes| {
        let _guard = counting::enter(category);
        black_box(vec![1_u8; bytes])
    };
    counting::reset_peaks();
    let before = live();
    let risen = |category: Option<Category>| {
        let index = category.map_or(5, |c| c as usize);
        category.map_or_else(counting::total, counting::of).peak - before[index]
    };
    let a = take(Category::Activations, 10_000);
    let b = take(Category::Parameters, 5000);
    drop(a);
    let c = take(Category::Activations, 7000);
    let peaks =
        [Some(Category::Activations), Some(Category::Parameters), Some(Category::Data), None].map(risen);
    assert_eq!(
        peaks,
        [10_000, 5000, 0, 15_000],
        "the total peaked with a and b, at 15,000; later it was 12,000"
    );
    counting::reset_peaks();
    let peaks = [Some(Category::Activations), Some(Category::Parameters), None].map(risen);
    assert_eq!(peaks, [7000, 5000, 12_000], "what is live is where peaks begin");
    drop(take(Category::Data, 1));
    assert_eq!([Some(Category::Data), None].map(risen), [1, 12_001], "one byte was a new peak");
    // Growing counts what was asked for, not the old and the new block.
    let mut c = c;
    c.reserve_exact(13_000);
    assert_eq!(risen(Some(Category::Activations)), 20_000);
    c.truncate(1);
    c.shrink_to_fit();
    assert_eq!(risen(Some(Category::Activations)), 20_000);
    assert_eq!(counting::of(Category::Activations).live, before[Category::Activations as usize] + 1);
    drop((b, c));
    assert_eq!(live(), before);
}

fn peaks_are_exact_under_threads() {
    const THREADS: usize = 4;
    let before = counting::of(Category::Data).live;
    let barrier = Arc::new(Barrier::new(THREADS + 1));
    let threads: Vec<_> = (0..THREADS)
        .map(|t| {
            let barrier = barrier.clone();
            thread::spawn(move || {
                barrier.wait(); // all threads are up
                barrier.wait(); // the category is Data
                for round in 1..2000 {
                    black_box(vec![1_u8; 1 + (round * 37 + t * 11) % 900]);
                }
                let held = black_box(vec![1_u8; 100_000 + t]);
                barrier.wait(); // all hold their blocks
                barrier.wait(); // the category is Other again
                held
            })
        })
        .collect();
    barrier.wait();
    counting::reset_peaks();
    let guard = counting::enter(Category::Data);
    barrier.wait();
    barrier.wait();
    drop(guard);
    barrier.wait();
    let sum = (0..THREADS).map(|t| 100_000 + t as u64).sum::<u64>();
    let Usage { live, peak } = counting::of(Category::Data);
    assert_eq!(live - before, sum);
    // Whoever came late churned beside the blocks of the others: at most one small block a thread.
    assert!((sum..sum + 900 * THREADS as u64).contains(&(peak - before)), "{} over {sum}", peak - before);
    let held: Vec<Vec<u8>> = threads.into_iter().map(|t| t.join().unwrap()).collect();
    drop(held);
    assert_eq!(counting::of(Category::Data).live, before);
}

fn what_no_memory_holds_is_refused_and_not_counted() {
    let before = live();
    let most = isize::MAX as usize;
    let small = Layout::from_size_align(10, 1).unwrap();
    // SAFETY: the layouts are not empty; the block is freed with its own.
    unsafe {
        for huge in [most, most - 100, most / 2] {
            let layout = Layout::from_size_align(huge, 1).unwrap();
            assert!(alloc(layout).is_null());
            assert!(alloc_zeroed(layout).is_null());
            let block = alloc(small);
            block.write_bytes(9, 10);
            assert!(realloc(block, small, huge).is_null());
            assert_eq!(std::slice::from_raw_parts(block, 10), [9; 10], "the block is as it was");
            assert_grown(before, Category::Other, 10);
            dealloc(block, small);
        }
    }
    assert_eq!(live(), before);
}

/// One use of the allocator. Blocks are named by index, modulo how many there are.
#[derive(Clone, Debug)]
enum Use {
    Take { size: usize, align: usize, category: Category, zeroed: bool },
    Resize { block: usize, size: usize },
    Give { block: usize },
    Reset,
}

fn any_use() -> impl Strategy<Value = Use> {
    let size = || prop_oneof![1_usize..200, 4000_usize..4200, 1_usize..300_000];
    let category = (0..Category::ALL.len()).prop_map(|i| Category::ALL[i]);
    prop_oneof![
        3 => (size(), 0..9_u32, category, any::<bool>())
            .prop_map(|(size, log, category, zeroed)| Use::Take { size, align: 1 << log, category, zeroed }),
        3 => (any::<usize>(), size()).prop_map(|(block, size)| Use::Resize { block, size }),
        2 => any::<usize>().prop_map(|block| Use::Give { block }),
        1 => Just(Use::Reset),
    ]
}

/// What the counters should say of one category.
#[derive(Clone, Copy, Default)]
struct Model {
    live: u64,
    peak: u64,
}

impl Model {
    fn change(&mut self, more: usize, less: usize) {
        self.live = self.live + more as u64 - less as u64;
        self.peak = self.peak.max(self.live);
    }
}

struct Held {
    block: *mut u8,
    layout: Layout,
    category: Category,
    seed: usize,
}

impl Held {
    fn fill(&self) {
        // SAFETY: the block is that long.
        (0..self.layout.size()).for_each(|i| unsafe { self.block.add(i).write(pattern(i + self.seed)) });
    }

    fn holds(&self, bytes: usize) -> bool {
        // SAFETY: the block was filled at least that far.
        (0..bytes).all(|i| unsafe { self.block.add(i).read() } == pattern(i + self.seed))
    }
}

fn any_use_is_counted_as_a_model_counts_it() {
    let mut runner =
        TestRunner::new(ProptestConfig { failure_persistence: None, cases: 100, ..Default::default() });
    // The model and the runner itself allocate in Other: there only the four others are looked at.
    let watched = [Category::Parameters, Category::Optimizer, Category::Activations, Category::Data];
    let strategy = proptest::collection::vec(any_use(), 1..80);
    let outcome = runner.run(&strategy, |uses| {
        counting::reset_peaks();
        let base = watched.map(|c| counting::of(c).live);
        let mut models = [Model::default(); 5];
        let mut held: Vec<Held> = Vec::new();
        for (seed, one) in uses.into_iter().enumerate() {
            perform(one, seed, &mut held, &mut models)?;
            for (i, category) in watched.into_iter().enumerate() {
                let Usage { live, peak } = counting::of(category);
                prop_assert_eq!((live - base[i], peak - base[i]), (models[i].live, models[i].peak));
            }
            prop_assert!(held.iter().all(|h| h.holds(h.layout.size())), "a block was damaged");
        }
        for Held { block, layout, .. } in held {
            // SAFETY: the block has this layout.
            unsafe { dealloc(block, layout) };
        }
        prop_assert_eq!(watched.map(|c| counting::of(c).live), base);
        Ok(())
    });
    outcome.unwrap_or_else(|e| panic!("{e}"));
}

fn perform(
    one: Use,
    seed: usize,
    held: &mut Vec<Held>,
    models: &mut [Model; 5],
) -> Result<(), TestCaseError> {
    let count = held.len();
    match one {
        Use::Take { size, align, category, zeroed } => {
            let layout = Layout::from_size_align(size, align).unwrap();
            let before = counting::switch(category);
            // SAFETY: the layout is not empty.
            let block = unsafe { if zeroed { alloc_zeroed(layout) } else { alloc(layout) } };
            counting::switch(before);
            prop_assert_eq!(block.addr() % align, 0);
            // SAFETY: the block is that long and zeroed.
            let zero = || (0..size).all(|i| unsafe { block.add(i).read() } == 0);
            prop_assert!(!zeroed || zero(), "a zeroed block of {size} bytes was not zero");
            models[category as usize].change(size, 0);
            held.push(Held { block, layout, category, seed });
            held[count].fill();
        }
        Use::Resize { block, size } if count > 0 => {
            let one = &mut held[block % count];
            let (old, align) = (one.layout.size(), one.layout.align());
            // SAFETY: the block has this layout.
            one.block = unsafe { realloc(one.block, one.layout, size) };
            one.layout = Layout::from_size_align(size, align).unwrap();
            prop_assert_eq!(one.block.addr() % align, 0);
            prop_assert!(one.holds(old.min(size)), "{old} → {size} bytes");
            models[one.category as usize].change(size, old);
            one.fill();
        }
        Use::Give { block } if count > 0 => {
            let Held { block, layout, category, .. } = held.swap_remove(block % count);
            // SAFETY: the block has this layout.
            unsafe { dealloc(block, layout) };
            models[category as usize].change(0, layout.size());
        }
        Use::Reset => {
            counting::reset_peaks();
            models.iter_mut().for_each(|m| m.peak = m.live);
        }
        Use::Resize { .. } | Use::Give { .. } => {}
    }
    Ok(())
}

fn the_meter_reads_these_figures() {
    let guard = counting::enter(Category::Optimizer);
    let moments = black_box(vec![0.5_f32; 1000]);
    drop(guard);
    let mut readings = Vec::with_capacity(100);
    let before = live();
    Allocated.read(&mut readings);
    assert_eq!(readings.len(), 12);
    for (i, pair) in readings.chunks(2).enumerate() {
        let category = i.checked_sub(1).map(|i| Category::ALL[i]);
        let names = [&pair[0].name[..], &pair[1].name[..]];
        assert_eq!(names, ["allocated", "allocated_peak"]);
        let values = [0, 1].map(|k| match &pair[k].value {
            Value::Measured { value, source, coverage }
                if source == "counting allocator" && *coverage == 1.0 =>
            {
                *value
            }
            other => panic!("{other:?}"),
        });
        assert!(
            pair.iter().all(|r| r.part.as_deref() == category.map(Category::name) && r.unit == Unit::Bytes)
        );
        let expected = before[category.map_or(5, |c| c as usize)];
        assert_eq!(values[0], expected as f64, "the readings themselves are not in it");
        assert!(values[1] >= values[0]);
    }
    let optimizer = readings.iter().find(|r| r.part.as_deref() == Some("optimizer")).unwrap();
    assert!(matches!(optimizer.value, Value::Measured { value, .. } if value >= 4000.0));
    drop(moments);
}
