//! Working memory of the products: one buffer a calling thread, aligned to cache lines, kept between calls.
//!
//! A product packs the operand that is not already in panels. The buffer grows to the largest product seen
//! and is then reused, so that training allocates nothing.

use std::cell::Cell;

/// A cache line of floats: gives the buffer its alignment of 64 bytes.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([f32; LINE]);

/// Floats in a cache line.
const LINE: usize = 16;

thread_local! {
    static HELD: Cell<Vec<Line>> = const { Cell::new(Vec::new()) };
}

/// Lends disjoint buffers of `sizes` floats, each aligned to 64 bytes, content arbitrary.
pub(crate) fn with_scratch<const N: usize, R>(sizes: [usize; N], f: impl FnOnce([&mut [f32]; N]) -> R) -> R {
    let lines = lines(sizes);
    // Taken out, not borrowed: while this thread waits for its helpers rayon may give it another task, whose
    // product then finds the cell empty and simply allocates.
    let mut held = HELD.take();
    if held.len() < lines {
        drop(held);
        held = vec![Line([0.0; LINE]); lines];
    }
    let mut rest = &mut held[..];
    let buffers = sizes.map(|size| {
        let (buffer, others) = std::mem::take(&mut rest).split_at_mut(size.div_ceil(LINE));
        rest = others;
        &mut floats(buffer)[..size]
    });
    let result = f(buffers);
    let meanwhile = HELD.take();
    HELD.set(if meanwhile.len() > held.len() { meanwhile } else { held });
    result
}

fn lines<const N: usize>(sizes: [usize; N]) -> usize {
    sizes.iter().map(|size| size.div_ceil(LINE)).sum()
}

/// Bytes of working memory that [`with_scratch`] takes for `sizes`.
pub(crate) fn bytes<const N: usize>(sizes: [usize; N]) -> usize {
    lines(sizes) * size_of::<Line>()
}

fn floats(lines: &mut [Line]) -> &mut [f32] {
    const { assert!(size_of::<Line>() == LINE * size_of::<f32>()) };
    debug_assert!(lines.as_ptr().cast::<f32>().is_aligned());
    // SAFETY: a `Line` is `repr(C)` around LINE floats and, by the assertion above, nothing else, so the
    // region holds `lines.len()·LINE` initialised floats; the borrow of `lines` is handed on.
    unsafe { std::slice::from_raw_parts_mut(lines.as_mut_ptr().cast(), lines.len() * LINE) }
}

/// Bytes of working memory that products called from this thread hold on to. Zero before the first product.
#[must_use]
pub fn scratch_bytes() -> usize {
    let held = HELD.take();
    let bytes = held.capacity() * size_of::<Line>();
    HELD.set(held);
    bytes
}

/// Gives this thread's working memory back; the next product allocates what it needs.
pub fn release_scratch() {
    drop(HELD.take());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_are_aligned_disjoint_reused_and_released() {
        release_scratch();
        assert_eq!(scratch_bytes(), 0);
        with_scratch([17, 5], |[left, right]| {
            assert_eq!((left.len(), right.len()), (17, 5));
            assert_eq!((left.as_ptr() as usize % 64, right.as_ptr() as usize % 64), (0, 0));
            assert!(left.as_ptr_range().end <= right.as_ptr());
        });
        assert_eq!(scratch_bytes(), 3 * 64);
        with_scratch([3], |_| {});
        assert_eq!(scratch_bytes(), 3 * 64, "a smaller product keeps the buffer");
        release_scratch();
        assert_eq!(scratch_bytes(), 0);
    }

    #[test]
    fn a_product_inside_a_product_gets_its_own_buffer() {
        with_scratch([100], |[outer]| {
            outer.fill(1.0);
            with_scratch([200], |[inner]| inner.fill(2.0));
            assert!(outer.iter().all(|&v| v == 1.0));
        });
        assert!(scratch_bytes() >= 800, "the larger of the two is kept");
    }
}
