//! Memory the program asked for: `allocated` (now) and `allocated_peak` (most since the last
//! [`reset_peaks`](crate::alloc::reset_peaks)), in bytes, in total and by [category](crate::alloc::Category).
//!
//! Exact to the byte, but only where the binary installed the [counting allocator](crate::alloc). The figures are
//! taken before the readings themselves allocate.

use adieu_record::{Reading, Unit};

use crate::alloc::{self, Category, Usage};
use crate::{About, Meter};

const SOURCE: &str = "counting allocator";

/// The `allocated` meter.
#[derive(Clone, Copy, Debug)]
pub struct Allocated;

impl Meter for Allocated {
    fn name(&self) -> &'static str {
        "allocated"
    }

    fn about(&self) -> About {
        About { source: SOURCE, unit: Unit::Bytes, resolution: 1.0, cost_ns: 700 }
    }

    fn read(&mut self, out: &mut Vec<Reading>) {
        if !alloc::installed() {
            out.extend(["allocated", "allocated_peak"].map(|name| {
                let why = "the program was built without the counting allocator";
                let remedy =
                    "install adieu_meter::alloc::CountingAllocator as #[global_allocator] in the binary";
                Reading::unavailable(name, None, Unit::Bytes, why, remedy)
            }));
            return;
        }
        let parts: [(Option<Category>, Usage); 1 + Category::ALL.len()] = std::array::from_fn(|i| match i {
            0 => (None, alloc::total()),
            _ => (Some(Category::ALL[i - 1]), alloc::of(Category::ALL[i - 1])),
        });
        for (part, Usage { live, peak }) in parts {
            let part = part.map(Category::name);
            out.push(Reading::measured("allocated", part, Unit::Bytes, live as f64, SOURCE));
            out.push(Reading::measured("allocated_peak", part, Unit::Bytes, peak as f64, SOURCE));
        }
    }
}
