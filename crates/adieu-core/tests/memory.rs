//! Memory: what a step takes at most is what its formula says, to the byte. Every array of numbers is counted as it is
//! allocated; the formula knows nothing of that.
#![allow(unsafe_code)] // an allocator that counts
#![allow(clippy::unwrap_used)] // a test that cannot go on shall panic

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use adieu_core::learn::{
    BackProp, ForwardForward, Goal, Learner, LearnerRecipe, NoClock, Readout, StepCx, Task, Together,
};
use adieu_core::parts::Batch;
use adieu_core::parts::activation::Activation;
use adieu_core::parts::block::{Block, Net};
use adieu_core::parts::chance::{Purpose, Rng};
use adieu_core::parts::composed::Composed;
use adieu_core::parts::dense::Dense;
use adieu_core::parts::goodness::{Goodness, MeanSquares};
use adieu_core::parts::host::cpu;
use adieu_core::parts::label_code::Waves;
use adieu_core::parts::negatives::{Negatives, Uniform};
use adieu_core::parts::norm::Norm;
use adieu_core::parts::optimizer::Sgd;
use adieu_core::parts::precision::Precision;
use adieu_core::parts::shape::Shape;
use adieu_core::parts::stack::Stack;
use adieu_kernels::{alone, release_scratch, scratch_bytes};
use common::{Blocks, noise};

/// Bytes that a thread has live, and the most since somebody last asked.
#[derive(Clone, Copy)]
struct Count {
    live: i64,
    most: i64,
}

thread_local! {
    /// Arrays of numbers, and all else.
    static COUNTS: Cell<[Count; 2]> = const { Cell::new([Count { live: 0, most: 0 }; 2]) };
}

/// Arrays of `f32` and of indices are aligned to 4. Nothing else is: names and labels are to 1, lists to 8, lists of
/// Burn's tensors to 64. So is working memory, which tells its own size.
struct Counting;

fn count(layout: Layout, bytes: i64) {
    // A thread that ends has no counts any more.
    let _ = COUNTS.try_with(|counts| {
        let mut all = counts.get();
        let count = &mut all[usize::from(layout.align() != 4)];
        count.live += bytes;
        count.most = count.most.max(count.live);
        counts.set(all);
    });
}

// SAFETY: every call goes to the system's allocator as it came; counting touches a thread's own cell only, and
// allocates nothing. `realloc` is the provided one, so that the old array and the new one both count while it copies.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout, layout.size() as i64);
        // SAFETY: the caller's promise is handed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout, layout.size() as i64);
        // SAFETY: the caller's promise is handed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        count(layout, -(layout.size() as i64));
        // SAFETY: the caller's promise is handed on; what `alloc` gave is the system's.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// The most bytes that `work` adds to what is live: arrays of numbers, all else.
fn most_in(work: impl FnOnce()) -> [i64; 2] {
    let before = COUNTS.get().map(|count| Count { most: count.live, ..count });
    COUNTS.set(before);
    work();
    let after = COUNTS.get();
    [0, 1].map(|kind| after[kind].most - before[kind].live)
}

const CLASSES: usize = 9;

/// A network to be measured.
#[derive(Clone, Copy, Debug)]
struct Made {
    /// Features, then the width of each layer.
    sizes: &'static [usize],
    activation: Activation,
    /// From which layer on how many are one block.
    stack: Option<(usize, usize)>,
    skip_zeros: bool,
    precision: Precision,
    /// Whether rows are to be given back, and not their classes.
    bare: bool,
}

const PLAIN: Made = Made {
    sizes: &[13, 29, 17, 40],
    activation: Activation::Relu,
    stack: None,
    skip_zeros: false,
    precision: Precision::F32,
    bare: false,
};

impl Made {
    fn net(&self) -> Blocks {
        let layer = |(l, sizes): (usize, &[usize])| {
            let mut chance = Rng::stream(1, Purpose::Init, l as u64);
            let dense = Dense::new(&l.to_string(), sizes[0], sizes[1], self.activation, &mut chance);
            Box::new(dense.skipping_zeros(self.skip_zeros).in_precision(self.precision)) as Box<dyn Block>
        };
        let mut net: Blocks = self.sizes.windows(2).enumerate().map(layer).collect();
        if let Some((from, count)) = self.stack {
            let inside = net.drain(from..from + count).collect();
            net.insert(from, Box::new(Stack::new(inside)));
        }
        net
    }

    fn learner(&self, net: &mut Net, recipe: &LearnerRecipe) -> Box<dyn Learner> {
        let input = Shape::Image { c: 1, h: 1, w: self.sizes[0] };
        let (classes, goal) = if self.bare { (0, Goal::Reconstruct) } else { (CLASSES, Goal::Classify) };
        recipe.build(net, &Task { input, classes, train_rows: 100, epochs: 10, seed: 1, goal })
    }

    fn batch(&self, rows: usize) -> Batch {
        let labels = (0..rows).map(|row| (row % CLASSES) as u8).collect();
        Batch { x: noise(rows, self.sizes[0], 7), labels, ids: (0..rows as u32).collect() }
    }
}

/// What steps 5 to 8 take at most, arrays of numbers with the working memory that the first four left, and all else; and
/// what the formula says. Windows of two train other layers in the second step than in the first, learners that take turns
/// have had both by the fourth.
fn measured(made: &Made, recipe: &LearnerRecipe, rows: usize) -> ([u64; 2], Option<u64>) {
    alone(|| {
        let (mut net, batch) = (made.net(), made.batch(rows));
        let mut learner = made.learner(&mut net, recipe);
        let mut all = [0, 0];
        release_scratch();
        for step in 1..=8 {
            let held = scratch_bytes() as u64;
            let most = most_in(|| {
                let mut cx = StepCx { seed: 1, step, clock: &mut NoClock };
                learner.step(&mut net, &batch, &mut cx).expect("nothing diverges");
            });
            if step > 4 {
                assert_eq!(scratch_bytes() as u64, held, "working memory of {made:?}, {recipe:?}");
                all = [all[0].max(most[0] as u64 + held), all[1].max(most[1] as u64)];
            }
        }
        (all, learner.step_bytes(&net, rows))
    })
}

/// Collects what differs.
#[derive(Default)]
struct Differences {
    checked: usize,
    found: Vec<String>,
}

impl Differences {
    fn check(&mut self, made: &Made, recipe: &LearnerRecipe, rows: usize) {
        let ([counted, _], stated) = measured(made, recipe, rows);
        self.checked += 1;
        if stated != Some(counted) {
            self.found
                .push(format!("{rows} rows, {made:?}, {recipe:?}: {counted} counted, {stated:?} stated"));
        }
    }

    fn none(self, at_least: usize) {
        assert!(self.checked >= at_least, "only {} cases", self.checked);
        let (count, first) = (self.found.len(), self.found.first());
        assert_eq!(first, None, "{count} of {} differ", self.checked);
    }
}

/// Layers narrower and wider than a panel, than the classes, than the input; one to four.
const SIZES: [&[usize]; 6] =
    [&[10, 2, 1], &[13, 29, 17, 40], &[50, 65, 31], &[9, 3, 70, 33, 19], &[70, 8, 9, 100], &[784, 40, 40]];

fn networks() -> impl Iterator<Item = Made> {
    let activations = [Activation::Relu, Activation::Gelu, Activation::Identity];
    let precisions = Precision::ALL.into_iter().filter(|precision| precision.is_available());
    let shapes = SIZES.into_iter().flat_map(move |sizes| {
        activations.into_iter().flat_map(move |activation| {
            [None, Some((0, 2)), Some((0, sizes.len() - 1))].map(|stack| Made {
                sizes,
                activation,
                stack,
                ..PLAIN
            })
        })
    });
    let kernels: Vec<Made> = precisions
        .flat_map(|precision| [false, true].map(|skip_zeros| Made { skip_zeros, precision, ..PLAIN }))
        .collect();
    // A stack at the top that has much inside: on the way through it all that the head reads is there.
    let deep = Made { sizes: &[9, 20, 20, 20, 20, 20, 20, 20, 20, 30, 8], stack: Some((8, 2)), ..PLAIN };
    shapes.chain(kernels).chain([deep])
}

/// Every way to switch the parts of a step on and off.
fn forward_forwards() -> Vec<ForwardForward> {
    let mut all = Vec::new();
    for bits in 0..128_u32 {
        let on = |bit: u32| bits >> bit & 1 == 1;
        let head = on(0);
        let negatives = if head { Negatives::default() } else { Uniform::default().into() };
        all.push(ForwardForward {
            head,
            negatives,
            readout: if head { Readout::Head } else { Readout::Goodness },
            share_image: on(1),
            skip_satisfied: on(2),
            peer_weight: if on(3) { 0.03 } else { 0.0 },
            norm: if on(4) { Norm::Rms } else { Norm::L2 },
            goodness: if on(5) { Goodness::default() } else { MeanSquares {}.into() },
            skip_first: on(6),
            ..ForwardForward::default()
        });
    }
    all
}

#[test]
fn forward_forward_takes_what_its_formula_says() {
    let mut differences = Differences::default();
    for recipe in forward_forwards() {
        for rows in [1, 7, 100] {
            differences.check(&PLAIN, &recipe.clone().into(), rows);
            differences.check(&Made { sizes: &[11, 7, 3, 33], ..PLAIN }, &recipe.clone().into(), rows);
        }
    }
    for goodness in Goodness::all() {
        for calibrate in [false, true] {
            let recipe =
                ForwardForward { goodness: goodness.clone(), calibrate, ..ForwardForward::default() };
            for rows in [1, 7, 100] {
                differences.check(&PLAIN, &recipe.clone().into(), rows);
            }
        }
    }
    let rarely = ForwardForward { readout_every: 3, ..ForwardForward::default() };
    let unscaled = ForwardForward { norm: Norm::None, ..ForwardForward::default() };
    for share_image in [false, true] {
        for base in [ForwardForward::default(), rarely.clone(), unscaled.clone()] {
            let recipe = LearnerRecipe::from(ForwardForward { share_image, skip_first: false, ..base });
            for made in networks() {
                for rows in [1, 7, 100] {
                    differences.check(&made, &recipe, rows);
                }
            }
        }
    }
    differences.none(1000);
}

#[test]
fn back_propagation_takes_what_its_formula_says() {
    let mut differences = Differences::default();
    for made in networks() {
        for rows in [1, 7, 100] {
            for dropout in [0.0, 0.3] {
                for norm in Norm::ALL {
                    let optimizer = Sgd { rate: 1e-4, ..Sgd::default() }.into();
                    let recipe = BackProp { optimizer, dropout, norm, ..BackProp::default() };
                    for (recompute_every, micro_batch) in [(0, 0), (1, 0), (2, 0), (0, 3), (3, 5)] {
                        let recipe = BackProp { recompute_every, micro_batch, ..recipe.clone() };
                        differences.check(&made, &recipe.clone().into(), rows);
                        differences.check(&Made { bare: true, ..made }, &recipe.into(), rows);
                    }
                }
            }
        }
    }
    differences.none(500);
}

/// Layers of the same width, one on the other.
const DEEP: [&[usize]; 3] = [&[20, 50, 50], &[20, 50, 50, 50, 50], &[20, 50, 50, 50, 50, 50, 50, 50, 50]];

#[test]
fn depth_costs_back_propagation_memory_and_forward_forward_none() {
    let rows = 60;
    let bytes = |recipe: LearnerRecipe| {
        DEEP.map(|sizes| {
            let ([counted, _], stated) = measured(&Made { sizes, ..PLAIN }, &recipe, rows);
            assert_eq!(stated, Some(counted), "{sizes:?}, {recipe:?}");
            counted
        })
    };
    let layer = (rows * 50 * 4) as u64;
    let bp = bytes(BackProp::default().into());
    assert_eq!([bp[1] - bp[0], bp[2] - bp[1]], [2 * layer, 4 * layer]);
    let dropout = bytes(BackProp { dropout: 0.5, ..BackProp::default() }.into());
    assert_eq!(dropout[2] - dropout[1], 4 * 3 * layer, "with a mask, and what it lets through");
    let headless =
        ForwardForward { head: false, negatives: Uniform::default().into(), ..ForwardForward::default() };
    let ff = bytes(headless.into());
    assert_eq!([ff[1], ff[2]], [ff[0]; 2]);
    // A head reads all layers after the first at once: in a deep network that is more than any one layer needs.
    let head = bytes(ForwardForward::default().into());
    assert_eq!(head[2] - head[1], 4 * (layer + rows as u64 * 4), "each layer's rows, and their scales");
}

/// Whether it takes layers whose width is no multiple of the classes.
fn groups_nothing(recipe: &LearnerRecipe) -> bool {
    !matches!(recipe, LearnerRecipe::DeeperForward(_) | LearnerRecipe::ChannelCompetition(_))
}

/// Whether its arrays are of single precision. An onlooker standardises what it reads, with means in double precision.
fn of_single_precision(recipe: &LearnerRecipe) -> bool {
    !matches!(recipe, LearnerRecipe::SelfContrastive(_) | LearnerRecipe::SoftHebb(_))
}

#[test]
fn what_is_no_array_of_numbers_does_not_grow_with_the_layers() {
    let wide = Made { sizes: &[13, 290, 170, 400], ..PLAIN };
    for recipe in LearnerRecipe::all().into_iter().filter(groups_nothing).filter(of_single_precision) {
        let ([few, names], _) = measured(&PLAIN, &recipe, 20);
        let ([many, other_names], _) = measured(&wide, &recipe, 20);
        assert!(many > 5 * few && names == other_names, "{few}, {many}; {names}, {other_names}: {recipe:?}");
    }
}

#[test]
fn nothing_is_stated_where_nobody_knows() {
    let stated = |recipe: LearnerRecipe, made: &Made| {
        let mut net = made.net();
        made.learner(&mut net, &recipe).step_bytes(&net, 20)
    };
    let uniform = ForwardForward { negatives: Uniform::default().into(), ..ForwardForward::default() };
    assert!(stated(uniform.clone().into(), &PLAIN).is_some());
    assert_eq!(stated(ForwardForward { overlap: true, ..uniform.clone() }.into(), &PLAIN), None);
    assert_eq!(stated(ForwardForward { layers: Together::Greedily, ..uniform }.into(), &PLAIN), None);
    let waves = ForwardForward { label: Waves::default().into(), ..ForwardForward::default() };
    assert_eq!(stated(waves.into(), &PLAIN), None);
    for recipe in LearnerRecipe::all().into_iter().filter(groups_nothing) {
        let mut net = PLAIN.net();
        let mut chance = Rng::stream(1, Purpose::Init, 0);
        net[1] = Box::new(Composed::new("1", 29, 17, Activation::Relu, cpu(), &mut chance));
        let learner = PLAIN.learner(&mut net, &recipe);
        assert_eq!(learner.step_bytes(&net, 20), None, "{recipe:?}");
    }
}
