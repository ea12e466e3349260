//! Batches of a run, in order, made ready before they are asked for.
//!
//! A thread of the loader's own works so many batches ahead ([`DataRecipe::prefetch`](crate::recipe::DataRecipe)); what
//! the trainer still waits for is the *stall*, what the thread did meanwhile is told apart: *fetch*, waiting for rows to
//! come, and *prepare*, making numbers of them. A batch is a function of the seed and its step, so that nothing depends on
//! who makes it or when; without a lead the trainer makes each itself, and all of both is stall.
//!
//! Rows lie in memory before a run begins. Storage that is slower is stood in for by a [`Pace`].

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use adieu_core::parts::Batch;
use adieu_meter::alloc::{self, Category};

use crate::plan::Plan;

/// Nanoseconds that making batches took, whoever made them.
#[derive(Debug, Default)]
pub(crate) struct Busy {
    fetch_ns: AtomicU64,
    prepare_ns: AtomicU64,
}

impl Busy {
    /// Seconds of waiting for rows to come, and of making numbers of them.
    pub(crate) fn seconds(&self) -> [f64; 2] {
        [&self.fetch_ns, &self.prepare_ns].map(|ns| ns.load(Relaxed) as f64 * 1e-9)
    }
}

/// Storage that gives so many bytes a second, one batch after the other.
#[derive(Clone, Copy, Debug)]
struct Pace {
    bytes_per_s: f64,
    /// When the storage has given what was asked so far.
    free_at: Option<Instant>,
}

impl Pace {
    /// Waits until `bytes` more have come. Storage does not work ahead of being asked.
    fn wait(&mut self, bytes: usize) {
        let now = Instant::now();
        let begins = self.free_at.map_or(now, |free| free.max(now));
        let comes = begins + Duration::from_secs_f64(bytes as f64 / self.bytes_per_s);
        std::thread::sleep(comes.saturating_duration_since(now));
        self.free_at = Some(comes);
    }
}

/// Makes batch after batch.
struct Maker {
    plan: Arc<Plan>,
    busy: Arc<Busy>,
    pace: Option<Pace>,
    /// Steps whose batch is made, and whose last it is.
    step: u64,
    until: u64,
    /// Rows of the epoch that step belongs to.
    order: Vec<u32>,
}

impl Iterator for Maker {
    type Item = Batch;

    fn next(&mut self) -> Option<Batch> {
        if self.step >= self.until {
            return None;
        }
        let (per_epoch, batch) = (self.plan.steps_per_epoch(), self.plan.recipe.train.batch as usize);
        let began = Instant::now();
        let at = (self.step % per_epoch) as usize;
        if self.order.is_empty() || at == 0 {
            self.order = self.plan.order(self.step / per_epoch + 1);
        }
        let ids = &self.order[at * batch..][..batch];
        let asked = Instant::now();
        if let Some(pace) = &mut self.pace {
            pace.wait(batch * self.plan.row_bytes());
        }
        let came = Instant::now();
        self.step += 1;
        let made = self.plan.batch(ids, self.step);
        let add = |to: &AtomicU64, time: Duration| to.fetch_add(time.as_nanos() as u64, Relaxed);
        add(&self.busy.fetch_ns, came - asked);
        add(&self.busy.prepare_ns, (asked - began) + came.elapsed());
        Some(made)
    }
}

enum Way {
    InPlace(Maker),
    /// The batches that are ready, and who makes them until nobody listens.
    Ahead(Receiver<Batch>, JoinHandle<()>),
}

/// See the module.
pub(crate) struct Loader {
    /// `None` after the last batch.
    way: Option<Way>,
}

impl Loader {
    /// The batches of the steps after `done` up to `until`, in order; `busy` is told what they take to make.
    pub(crate) fn start(plan: &Arc<Plan>, done: u64, until: u64, busy: &Arc<Busy>) -> Loader {
        let maker = || {
            let rate = plan.recipe.data.throttle_mb_s;
            let pace = rate.map(|megabytes| Pace { bytes_per_s: megabytes * 1e6, free_at: None });
            Maker {
                plan: Arc::clone(plan),
                busy: Arc::clone(busy),
                pace,
                step: done,
                until,
                order: Vec::new(),
            }
        };
        let lead = plan.recipe.data.prefetch as usize;
        // The batch that waits to be taken is ready as well.
        let started = lead.checked_sub(1).and_then(|queue| {
            let (ready, batches) = sync_channel(queue);
            let maker = maker();
            let work = move || {
                alloc::pin_thread(Category::Data);
                for batch in maker {
                    if ready.send(batch).is_err() {
                        break;
                    }
                }
            };
            let thread = std::thread::Builder::new().name("loader".into()).spawn(work).ok()?;
            Some(Way::Ahead(batches, thread))
        });
        // A system that has no thread left gets the same batches, later.
        Loader { way: Some(started.unwrap_or_else(|| Way::InPlace(maker()))) }
    }

    fn finish(&mut self) {
        if let Some(Way::Ahead(batches, thread)) = self.way.take() {
            drop(batches);
            if let Err(panic) = thread.join()
                && !std::thread::panicking()
            {
                std::panic::resume_unwind(panic);
            }
        }
    }
}

impl Iterator for Loader {
    type Item = Batch;

    fn next(&mut self) -> Option<Batch> {
        let next = match self.way.as_mut()? {
            Way::InPlace(maker) => {
                let _category = alloc::enter(Category::Data);
                maker.next()
            }
            Way::Ahead(batches, _) => batches.recv().ok(),
        };
        if next.is_none() {
            // It is at its end, or died: then that is told.
            self.finish();
        }
        next
    }
}

impl Drop for Loader {
    fn drop(&mut self) {
        self.finish();
    }
}

#[cfg(test)]
mod tests {
    use adieu_core::parts::host::view;
    use adieu_data::{Dataset, ImageShape, Info, Origin, Rows, Skipped};

    use super::*;
    use crate::Recipe;

    /// Twelve rows of four pixels, all different.
    fn plan(settings: &str) -> Arc<Plan> {
        let text = format!(
            "[data]\n{settings}\n[train]\nepochs = 3\nbatch = 4\n[model]\nblocks = [[3]]\n[learner]\nkind = \"back_prop\"\n"
        );
        let recipe = Recipe::parse(&text, "test.toml").unwrap_or_else(|faults| panic!("{faults}"));
        let rows = |n: u8| Rows::new((0..4 * n).collect(), (0..n).map(|i| i % 2).collect(), 4);
        let info = Info {
            name: "test".into(),
            origin: Origin::Bundled,
            licence: String::new(),
            citation: String::new(),
            classes: vec!["even".into(), "odd".into()],
            image: ImageShape { height: 2, width: 2, channels: 1 },
            mean: vec![0.5],
            deviation: vec![0.5],
            files: Vec::new(),
            columns: Vec::new(),
            skipped: Skipped::default(),
            notes: Vec::new(),
        };
        let data = Dataset { info, train: rows(15), test: rows(4) };
        Arc::new(Plan::on(recipe, data.into(), "test.toml").unwrap_or_else(|error| panic!("{error}")))
    }

    fn all(plan: &Arc<Plan>, done: u64) -> Vec<(Vec<u32>, Vec<f32>)> {
        let busy = Arc::default();
        Loader::start(plan, done, plan.steps(), &busy)
            .map(|batch| (batch.ids, view(&batch.x).to_vec()))
            .collect()
    }

    #[test]
    fn batches_are_the_same_however_far_ahead_and_wherever_it_begins() {
        let in_turn = all(&plan("prefetch = 0\njitter = 1"), 0);
        assert_eq!(in_turn.len(), 9, "three epochs of three whole batches");
        for lead in [1, 2, 7, 100] {
            let plan = plan(&format!("prefetch = {lead}\njitter = 1"));
            for done in [0, 1, 3, 8, 9] {
                assert_eq!(all(&plan, done), in_turn[done as usize..], "{lead} ahead, {done} done");
            }
        }
    }

    #[test]
    fn a_loader_that_is_left_early_ends_its_thread() {
        let plan = plan("prefetch = 2");
        let busy = Arc::default();
        let mut loader = Loader::start(&plan, 0, plan.steps(), &busy);
        assert!(loader.next().is_some());
        drop(loader);
        assert_eq!(Arc::strong_count(&plan), 1, "the thread has let the plan go");
    }

    #[test]
    fn slow_storage_takes_its_time_and_it_is_told_as_fetching() {
        // 16 bytes a batch at 4 kB a second: 4 ms each.
        for lead in [0, 2] {
            let plan = plan(&format!("prefetch = {lead}\nthrottle_mb_s = 0.004"));
            let busy = Arc::default();
            let start = Instant::now();
            assert_eq!(Loader::start(&plan, 0, plan.steps(), &busy).count(), 9);
            let (took, [fetch, prepare]) = (start.elapsed().as_secs_f64(), busy.seconds());
            assert!(fetch >= 9.0 * 0.004 && fetch + prepare <= took, "{fetch} {prepare} of {took}");
        }
    }
}
