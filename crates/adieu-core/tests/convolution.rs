//! Convolution beside Burn's own `conv2d`, layouts, the push on total inputs, what does not fit.
#![allow(clippy::unwrap_used)] // a test that cannot go on shall panic

mod common;

use adieu_core::Tensor;
use adieu_core::parts::activation::Activation;
use adieu_core::parts::activity::Activity;
use adieu_core::parts::block::{Block, Collect, Credit, Ungated};
use adieu_core::parts::chance::{Purpose, Rng};
use adieu_core::parts::convolution::{Convolution, Window};
use adieu_core::parts::host::{matrix, matrix_from, view};
use adieu_core::parts::shape::Shape;
use burn::tensor::module::conv2d;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Device, TensorData};
use common::{close, noise};
use proptest::prelude::*;

/// A convolution of `input` with biases that show.
fn block(input: Shape, channels: usize, window: Window, activation: Activation, seed: u64) -> Convolution {
    let mut chance = Rng::stream(seed, Purpose::Init, 0);
    let mut block = Convolution::new("0", input, channels, window, activation, &mut chance).unwrap();
    block.params(&mut |param| {
        if param.shape().len() == 1 {
            param.load_rows(&view(&noise(1, channels, seed)));
        }
    });
    block
}

/// Output, ∂L/∂x, ∂L/∂W and ∂L/∂b, row by row.
fn pull(block: &mut Convolution, x: Activity, credit: Credit) -> [Vec<f32>; 4] {
    let (y, saved) = block.forward(x.clone(), &mut Rng::stream(0, Purpose::Dropout, 0));
    assert_eq!(view(&y.tensor())[..], view(&block.apply(&x).tensor())[..]);
    let mut collected = Collect::default();
    let dx = block.pullback(saved, credit, true, &mut collected).unwrap();
    let gradient = |name: &str| collected.0[name].to_rows();
    [view(&y.tensor()).to_vec(), view(&dx).to_vec(), gradient("0.weight"), gradient("0.bias")]
}

/// The same by Burn's autodiff, for rows with channels apart; W as we have it.
fn by_burn(
    (c, h, w): (usize, usize, usize),
    (channels, window): (usize, Window),
    x: &Tensor,
    params: &[Vec<f32>],
    dy: &Tensor,
) -> [Vec<f32>; 4] {
    let Window { kernel, stride, padding } = window;
    let device = Device::flex().autodiff();
    let rows = x.dims()[0];
    let values = |t: &Tensor| view(t).to_vec();
    let x4 = burn::tensor::Tensor::<4>::from_data(TensorData::new(values(x), [rows, c, h, w]), &device)
        .require_grad();
    let w4 = burn::tensor::Tensor::<4>::from_data(
        TensorData::new(params[0].clone(), [kernel, kernel, c, channels]),
        &device,
    )
    .require_grad();
    let b = burn::tensor::Tensor::<1>::from_data(TensorData::new(params[1].clone(), [channels]), &device)
        .require_grad();
    let options = ConvOptions::new([stride; 2], [padding; 2], [1; 2], 1);
    let y = conv2d(x4.clone(), w4.clone().permute([3, 2, 0, 1]), Some(b.clone()), options);
    let y = y.permute([0, 2, 3, 1]);
    let dy = burn::tensor::Tensor::<4>::from_data(TensorData::new(values(dy), y.dims()), &device);
    let mut grads = (y.clone() * dy).sum().backward();
    fn list<const D: usize>(t: burn::tensor::Tensor<D>) -> Vec<f32> {
        t.into_data().try_into_vec().unwrap()
    }
    let y = list(y.inner());
    [
        y,
        list(x4.grad_remove(&mut grads).unwrap()),
        list(w4.grad_remove(&mut grads).unwrap()),
        list(b.grad_remove(&mut grads).unwrap()),
    ]
}

/// `[c, h·w]` in each row → `[h·w, c]`.
fn together(rows: &[f32], c: usize, pixels: usize) -> Vec<f32> {
    let at = |i: usize| {
        let (row, at) = (i / (c * pixels), i % (c * pixels));
        rows[row * c * pixels + at % c * pixels + at / c]
    };
    (0..rows.len()).map(at).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn it_is_the_convolution_of_burn(
        rows in 1usize..6, (h, w) in (3usize..10, 3usize..10), (c, channels) in (1usize..6, 1usize..40),
        kernel in 1usize..4, stride in 1usize..4, padding in 0usize..3, at in 0u64..1000,
    ) {
        let window = Window { kernel, stride, padding };
        let mut planes = block(Shape::Image { c, h, w }, channels, window, Activation::Identity, at);
        let mut params = Vec::new();
        planes.params(&mut |param| params.push(param.to_rows()));
        let x = noise(rows, c * h * w, at + 1);
        let dy = noise(rows, planes.output().features(), at + 2);
        let ours = pull(&mut planes, x.clone().into(), dy.clone().into());
        let burn = by_burn((c, h, w), (channels, window), &x, &params, &dy);
        for (what, (ours, burn)) in ["y", "dx", "dW", "db"].iter().zip(ours.iter().zip(&burn)) {
            close(what, ours, &burn.iter().map(|v| f64::from(*v)).collect::<Vec<_>>(), 1e-4);
        }
        // Channels together from the start: the same numbers, dx in that order too.
        let mut pixels = block(Shape::Pixels { h, w, c }, channels, window, Activation::Identity, at);
        let x = matrix(together(&view(&x), c, h * w), rows, c * h * w);
        let mut expected = ours;
        expected[1] = together(&expected[1], c, h * w);
        prop_assert_eq!(pull(&mut pixels, x.into(), dy.into()), expected);
    }
}

const WINDOW: Window = Window { kernel: 3, stride: 1, padding: 1 };

#[test]
fn scales_of_rows_and_of_errors_are_multiplied_in() {
    let input = Shape::Image { c: 2, h: 4, w: 5 };
    let (rows, n) = (7, input.features());
    for activation in Activation::ALL {
        let mut block = block(input, 3, WINDOW, activation, 1);
        let out = block.output().features();
        let scales = |from: f32| (0..rows).map(|r| from + r as f32 / 8.0).collect::<Vec<f32>>();
        let x = Activity::from(noise(rows, n, 2)).scaled(scales(0.5));
        let dy = Activity::from(noise(rows, out, 3)).scaled(scales(-0.25));
        let plain = pull(&mut block, x.tensor().into(), dy.tensor().into());
        assert_eq!(pull(&mut block, x, dy.into()), plain, "{activation:?}");
    }
}

#[test]
fn a_push_is_added_to_the_total_input_past_the_gate() {
    let input = Shape::Image { c: 2, h: 4, w: 3 };
    let (rows, n, pushed) = (5, input.features(), 3);
    for activation in [Activation::Relu, Activation::Gelu, Activation::Identity] {
        let mut gated = block(input, 4, WINDOW, activation, 1);
        let mut linear = block(input, 4, WINDOW, Activation::Identity, 1);
        let out = gated.output().features();
        let (x, dy, push) = (noise(rows, n, 2), noise(rows, out, 3), noise(1, out, 4));
        let alone = pull(&mut gated, x.clone().into(), dy.clone().into());
        let ungated = Some(Ungated { rows: pushed, da: view(&push).to_vec() });
        let credit = Credit { dy: dy.into(), ungated, skip_idle_rows: true };
        let both = pull(&mut gated, x.clone().into(), credit);
        // What the push adds is what it would do by itself in a layer without a gate.
        let only = matrix_from(rows, out, |r, o| if r < pushed { view(&push)[o] } else { 0.0 });
        let only = pull(&mut linear, x.into(), only.into());
        for i in 1..4 {
            let sum: Vec<f64> =
                alone[i].iter().zip(&only[i]).map(|(a, b)| f64::from(*a) + f64::from(*b)).collect();
            close(&format!("{activation:?}, {i}"), &both[i], &sum, 1e-5);
        }
    }
}

#[test]
fn shapes_that_do_not_fit_are_refused() {
    let new = |input, window| {
        let mut chance = Rng::stream(1, Purpose::Init, 0);
        Convolution::new("0", input, 4, window, Activation::Relu, &mut chance).map(|block| block.output())
    };
    let small = Shape::Image { c: 1, h: 2, w: 9 };
    assert_eq!(new(small, WINDOW), Ok(Shape::Pixels { h: 2, w: 9, c: 4 }));
    let refused = new(small, Window { padding: 0, ..WINDOW }).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "`convolution 3x3` takes a larger image's features, but what comes before it gives 1x2x9"
    );
    let refused = new(Shape::Flat(18), WINDOW).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "`convolution 3x3` takes an image's features, but what comes before it gives 18"
    );
    let grey = block(small, 4, WINDOW, Activation::Relu, 1);
    assert_eq!(
        grey.shape_out(Shape::Pixels { h: 2, w: 9, c: 1 }),
        Ok(grey.output()),
        "one order with one channel"
    );
    let colour = block(Shape::Image { c: 3, h: 2, w: 9 }, 4, WINDOW, Activation::Relu, 1);
    assert!(colour.shape_out(Shape::Pixels { h: 2, w: 9, c: 3 }).is_err(), "another order");
    assert_eq!(colour.describe(), "convolution 3x3, stride 1, padding 1, 3x2x9 → 2x9 pixels of 4, relu");
}
