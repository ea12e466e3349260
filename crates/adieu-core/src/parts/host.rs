//! Host slices of Burn tensors: the only place that knows the CPU backend's storage.
//!
//! Reading is a reference count, making a tensor from a `Vec` moves it: neither copies.

use std::ops::Deref;

use burn::tensor::{Device, TensorData};
use burn_flex::{Flex, FlexTensor};

use crate::Tensor;

/// A tensor's values, row by row.
pub struct View(FlexTensor);

impl Deref for View {
    type Target = [f32];
    fn deref(&self) -> &[f32] {
        self.0.as_slice::<f32>().expect("a view is contiguous f32 by construction")
    }
}

/// The values of `t`, without a copy if they lie in order (they do unless `t` was transposed or sliced by columns).
///
/// # Panics
/// If `t` lives on another device than the CPU.
pub fn view(t: &Tensor) -> View {
    let flex = t.clone().try_into_primitive::<Flex>().expect("the tensor lives on the CPU device");
    View(if flex.is_contiguous() { flex } else { flex.to_contiguous() })
}

/// The CPU as a device of Burn's.
pub fn cpu() -> Device {
    Device::flex()
}

/// `[rows, cols]` from its values, moved.
///
/// # Panics
/// If there are not `rows · cols` values.
pub fn matrix(values: Vec<f32>, rows: usize, cols: usize) -> Tensor {
    assert_eq!(values.len(), rows * cols, "matrix: {rows} x {cols}");
    Tensor::from_primitive::<Flex>(FlexTensor::from_data(TensorData::new(values, [rows, cols])))
}

/// `[rows, cols]` computed element by element.
pub fn matrix_from(rows: usize, cols: usize, mut f: impl FnMut(usize, usize) -> f32) -> Tensor {
    let values = (0..rows * cols).map(|i| f(i / cols, i % cols)).collect();
    matrix(values, rows, cols)
}

/// `out[i] = f(a[i], b[i])`, of the shape of both.
///
/// # Panics
/// If the shapes differ.
pub fn zip(a: &Tensor, b: &Tensor, f: impl Fn(f32, f32) -> f32) -> Tensor {
    assert_eq!(a.dims(), b.dims(), "zip: shapes");
    let [rows, cols] = a.dims();
    matrix(view(a).iter().zip(view(b).iter()).map(|(a, b)| f(*a, *b)).collect(), rows, cols)
}

/// `t` with its values changed by `change`: in place where nobody else holds them.
pub fn update(t: Tensor, change: impl FnOnce(&mut [f32])) -> Tensor {
    let [rows, cols] = t.dims();
    let mut flex = t.try_into_primitive::<Flex>().expect("the tensor lives on the CPU device");
    let whole = flex.is_contiguous() && flex.bytes().len() == rows * cols * size_of::<f32>();
    if whole && let Some(values) = flex.try_storage_mut::<f32>() {
        change(values);
        return Tensor::from_primitive::<Flex>(flex);
    }
    let mut values = View(if flex.is_contiguous() { flex } else { flex.to_contiguous() }).to_vec();
    change(&mut values);
    matrix(values, rows, cols)
}

/// The rows of `a`, then the rows of `b`.
///
/// # Panics
/// If the numbers of columns differ.
pub fn stack_rows(a: &Tensor, b: &Tensor) -> Tensor {
    let ([rows_a, cols], [rows_b, cols_b]) = (a.dims(), b.dims());
    assert_eq!(cols, cols_b, "stack_rows: columns");
    let mut values = Vec::with_capacity((rows_a + rows_b) * cols);
    values.extend_from_slice(&view(a));
    values.extend_from_slice(&view(b));
    matrix(values, rows_a + rows_b, cols)
}

/// Where the values of `t` begin: equal for two tensors that share their memory.
pub(crate) fn address(t: &Tensor) -> usize {
    view(t).as_ptr() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_making_nor_viewing_copies() {
        let values = vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let address_before = values.as_ptr() as usize;
        let t = matrix(values, 2, 3);
        assert_eq!(address(&t), address_before);
        assert_eq!(&view(&t)[..], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        assert_eq!(&view(&t.transpose())[..], &[1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
    }

    #[test]
    fn updating_copies_only_what_others_hold() {
        let double = |values: &mut [f32]| values.iter_mut().for_each(|v| *v *= 2.0);
        let t = matrix(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 2, 3);
        let address_before = address(&t);
        let t = update(t, double);
        assert_eq!((address(&t), &view(&t)[..]), (address_before, &[2.0, 4.0, 6.0, 8.0, 10.0, 12.0][..]));
        let twice = update(t.clone(), double);
        assert_eq!(&view(&twice)[..], &[4.0, 8.0, 12.0, 16.0, 20.0, 24.0]);
        assert_eq!(&view(&update(t.clone().transpose(), double))[..], &[4.0, 16.0, 8.0, 20.0, 12.0, 24.0]);
        assert_eq!(&view(&t)[..], &[2.0, 4.0, 6.0, 8.0, 10.0, 12.0], "the other holder sees nothing");
    }
}
