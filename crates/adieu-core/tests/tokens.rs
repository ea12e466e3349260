//! Tokens, attention, residual and token norm: beside Burn's own modules, what they hold, what does not fit, and a
//! network of all of them that learns. Their gradients are in `gradients.rs`.
#![allow(clippy::unwrap_used)] // a test that cannot go on shall panic

mod common;

use adieu_core::Tensor;
use adieu_core::learn::{BackProp, Clock, Goal, Learner, LearnerFn, NoClock, Phase, StepCx, Task};
use adieu_core::parts::Batch;
use adieu_core::parts::activation::Activation;
use adieu_core::parts::activity::Activity;
use adieu_core::parts::attention::{Attention, transformer};
use adieu_core::parts::block::{Block, Collect, Credit, Descend, Saved, Ungated};
use adieu_core::parts::chance::{Purpose, Rng};
use adieu_core::parts::convolution::{Convolution, Window};
use adieu_core::parts::dense::Dense;
use adieu_core::parts::dropout::Dropout;
use adieu_core::parts::host::{matrix, matrix_from, view};
use adieu_core::parts::optimizer::AdamW;
use adieu_core::parts::param::Param;
use adieu_core::parts::pool::{Of, Pool};
use adieu_core::parts::residual::Residual;
use adieu_core::parts::shape::Shape;
use adieu_core::parts::stack::Stack;
use adieu_core::parts::token_norm::TokenNorm;
use adieu_core::parts::tokens::{Patches, PerToken};
use adieu_kernels::Target;
use burn::nn::attention::{MhaInput, MultiHeadAttentionConfig};
use burn::nn::{LayerNormConfig, LinearConfig};
use burn::tensor::{Device, TensorData};
use common::{Blocks, close, everything, noise};

const TOKENS: Shape = Shape::Tokens { t: 5, d: 6 };

fn rng(seed: u64) -> Rng {
    Rng::stream(seed, Purpose::Init, 0)
}

fn dropout_rng() -> Rng {
    Rng::stream(0, Purpose::Dropout, 0)
}

/// Numbers that show, in every parameter.
fn stir(block: &mut dyn Block, seed: u64) {
    let mut index = seed * 100;
    block.params(&mut |param| {
        let values = view(&noise(1, param.count(), index)).iter().map(|v| 0.5 * v).collect::<Vec<_>>();
        param.load_rows(&values);
        index += 1;
    });
}

/// A dense layer for each token.
fn each(path: &str, n_in: usize, n_out: usize, activation: Activation) -> Box<dyn Block> {
    let dense = Dense::new(path, n_in, n_out, activation, &mut rng(n_in as u64));
    Box::new(PerToken::new(Box::new(dense), Shape::Tokens { t: 5, d: n_in }).unwrap())
}

/// Blocks of every kind with the shape they take.
fn blocks() -> Vec<(Box<dyn Block>, Shape)> {
    let image = Shape::Image { c: 3, h: 4, w: 6 };
    let pixels = Shape::Pixels { h: 4, w: 6, c: 3 };
    let same = Window { kernel: 3, stride: 1, padding: 1 };
    let conv = |input, channels, window| -> Box<dyn Block> {
        Box::new(Convolution::new("c", input, channels, window, Activation::Relu, &mut rng(1)).unwrap())
    };
    let project = || -> Box<dyn Block> {
        let window = Window { kernel: 1, stride: 2, padding: 0 };
        Box::new(Convolution::new("p", image, 5, window, Activation::Identity, &mut rng(2)).unwrap())
    };
    let half = Window { stride: 2, ..same };
    let plain =
        |n_in, activation| -> Box<dyn Block> { Box::new(Dense::new("d", n_in, 6, activation, &mut rng(3))) };
    let mut all: Vec<(Box<dyn Block>, Shape)> = vec![
        (Box::new(Patches::new("0", image, 2, 7, &mut rng(4)).unwrap()), image),
        (Box::new(Patches::new("0", pixels, 2, 7, &mut rng(4)).unwrap()), pixels),
        (Box::new(Pool::global(TOKENS, Of::Mean).unwrap()), TOKENS),
        (Box::new(TokenNorm::new("0", TOKENS).unwrap()), TOKENS),
        (Box::new(Attention::new("0", TOKENS, 2, &mut rng(5)).unwrap()), TOKENS),
        (Box::new(Residual::new(conv(pixels, 3, same))), pixels),
        (Box::new(Residual::projected(conv(image, 5, half), project())), image),
        (Box::new(Residual::new(Box::new(Dropout { p: 0.5, features: 6 }))), Shape::Flat(6)),
    ];
    let pool = |input| -> Option<Box<dyn Block>> {
        let two = Window { kernel: 2, stride: 2, padding: 0 };
        Some(Box::new(Pool::new(input, two, Of::Mean).unwrap()))
    };
    let beside = |inner, around, input| -> (Box<dyn Block>, Shape) {
        (Box::new(Residual::beside(inner, around, input).unwrap()), input)
    };
    all.push((Box::new(Residual::projected(conv(pixels, 3, half), pool(pixels).unwrap())), pixels));
    all.push(beside(conv(pixels, 5, same), None, pixels));
    all.push(beside(conv(image, 5, half), pool(image), image));
    all.push(beside(conv(image, 5, half), Some(project()), image));
    all.push(beside(each("b", 6, 8, Activation::Gelu), None, TOKENS));
    all.push(beside(plain(5, Activation::Relu), None, Shape::Flat(5)));
    for activation in Activation::ALL {
        all.push((each("e", 6, 4, activation), TOKENS));
        all.push((Box::new(Residual::new(plain(6, activation))), Shape::Flat(6)));
        all.push((
            Box::new(Residual::projected(plain(9, activation), plain(9, Activation::Tanh))),
            Shape::Flat(9),
        ));
        all.push((transformer("t", TOKENS, 3, 8, activation, &mut rng(6)).unwrap(), TOKENS));
    }
    all.push((
        Box::new(Stack::new(vec![
            Box::new(Patches::new("0", image, 2, 6, &mut rng(7)).unwrap()),
            transformer("1", Shape::Tokens { t: 6, d: 6 }, 2, 5, Activation::Gelu, &mut rng(8)).unwrap(),
            Box::new(Pool::global(Shape::Tokens { t: 6, d: 6 }, Of::Mean).unwrap()),
            Box::new(Dense::new("2", 6, 3, Activation::Identity, &mut rng(9))),
        ])),
        image,
    ));
    all
}

/// Counts what it is told and steps nowhere.
#[derive(Default)]
struct Counting {
    macs: u64,
    collected: Collect,
}

impl Descend for Counting {
    fn work(&mut self, macs: u64) {
        self.macs += macs;
    }
    fn target<'a>(&'a mut self, param: &'a mut Param) -> Target<'a> {
        self.collected.target(param)
    }
}

#[test]
fn every_block_holds_and_does_what_it_declares() {
    for (mut block, input) in blocks() {
        let (rows, name) = (11, block.describe());
        let (x, cost) = (noise(rows, input.features(), 3), block.cost(11));
        let (y, saved) = block.forward(x.clone().into(), &mut dropout_rng());
        let kept = if cost.keeps_input { rows * input.features() * 4 } else { 0 } as u64;
        assert_eq!(Saved::bytes([&saved]), cost.saved_bytes.unwrap() + kept, "{name}");
        let out = block.shape_out(input).unwrap().features();
        assert_eq!((y.dims(), (rows * out * 4) as u64), ([rows, out], cost.output_bytes), "{name}");
        let mut parameters = 0;
        block.params(&mut |param| parameters += param.count() as u64);
        assert_eq!(parameters, cost.parameters, "{name}");
        for want_dx in [false, true] {
            let (_, saved) = block.forward(x.clone().into(), &mut dropout_rng());
            let mut counting = Counting::default();
            let dx = block.pullback(saved, noise(rows, out, 4).into(), want_dx, &mut counting);
            assert_eq!(dx.map(|dx| dx.dims()), want_dx.then(|| [rows, input.features()]), "{name}");
            let macs = cost.weight_macs + if want_dx { cost.input_macs } else { 0 };
            assert_eq!(counting.macs, macs, "{name}, dx: {want_dx}");
        }
    }
}

/// Output, ∂L/∂x, and all gradients.
fn pull(block: &mut dyn Block, x: &Activity, credit: Credit) -> Vec<Vec<f32>> {
    let (y, saved) = block.forward(x.clone(), &mut dropout_rng());
    let mut collected = Collect::default();
    let dx = block.pullback(saved, credit, true, &mut collected).unwrap();
    let values = |t: &Tensor| view(t).to_vec();
    let gradients = collected.0.into_values().map(|param| param.to_rows());
    [values(&y.tensor()), values(&dx)].into_iter().chain(gradients).collect()
}

#[test]
fn scales_of_rows_and_of_errors_are_multiplied_in() {
    for (mut block, input) in blocks() {
        stir(block.as_mut(), 1);
        let (rows, out) = (7, block.shape_out(input).unwrap().features());
        let scales = |from: f32| (0..rows).map(|r| from + r as f32 / 8.0).collect::<Vec<f32>>();
        let x = Activity::from(noise(rows, input.features(), 2)).scaled(scales(0.5));
        let dy = Activity::from(noise(rows, out, 3)).scaled(scales(-0.25));
        let plain = pull(block.as_mut(), &x.tensor().into(), dy.tensor().into());
        let name = block.describe();
        assert!(pull(block.as_mut(), &x, dy.clone().into()) == plain, "{name}");
        let idle = Credit { dy, ungated: None, skip_idle_rows: true };
        assert!(pull(block.as_mut(), &x, idle) == plain, "{name}, leaving idle rows out");
        let apply = view(&block.apply(&x).tensor()).to_vec();
        assert!(name.contains("dropout") || apply == plain[0], "{name}: inference");
    }
}

#[test]
fn neither_threads_nor_neighbours_change_a_bit() {
    for (mut block, input) in blocks() {
        stir(block.as_mut(), 1);
        let (rows, n, name) = (40, input.features(), block.describe());
        let out = block.shape_out(input).unwrap().features();
        let (x, dy) = (Activity::from(noise(rows, n, 2)), noise(rows, out, 3));
        let mut run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| pull(block.as_mut(), &x, dy.clone().into()))
        };
        let alone = run(1);
        assert!(alone == run(2) && alone == run(3), "{name}");
        let one = x.tensor().slice([7..8, 0..n]);
        let one = view(&block.apply(&one.into()).tensor()).to_vec();
        assert!(name.contains("dropout") || one[..] == alone[0][7 * out..8 * out], "{name}");
    }
}

/// A push past the gate is one on the total input; where there is no gate, one on y.
#[test]
fn a_push_differs_from_token_to_token() {
    let (rows, pushed) = (4, 3);
    let push = view(&noise(1, 20, 7)).to_vec();
    let only = matrix_from(rows, 20, |r, i| if r < pushed { push[i] } else { 0.0 });
    for activation in Activation::ALL {
        let (mut gated, mut linear) = (each("e", 6, 4, activation), each("e", 6, 4, Activation::Identity));
        let (x, dy) = (Activity::from(noise(rows, 30, 2)), noise(rows, 20, 3));
        let alone = pull(gated.as_mut(), &x, dy.clone().into());
        let added = pull(linear.as_mut(), &x, only.clone().into());
        let ungated = Some(Ungated { rows: pushed, da: push.clone() });
        let both = pull(gated.as_mut(), &x, Credit { dy: dy.into(), ungated, skip_idle_rows: true });
        for i in 1..alone.len() {
            let sums = alone[i].iter().zip(&added[i]).map(|(a, b)| f64::from(*a) + f64::from(*b));
            close(&format!("{activation:?}, {i}"), &both[i], &sums.collect::<Vec<_>>(), 2e-5);
        }
    }
    for (mut block, input) in blocks().into_iter().filter(|(block, _)| !block.describe().starts_with("dense"))
    {
        let (out, name) = (block.shape_out(input).unwrap().features(), block.describe());
        let (x, dy) = (Activity::from(noise(rows, input.features(), 2)), noise(rows, out, 3));
        let push = view(&noise(1, out, 4)).to_vec();
        let summed =
            matrix_from(rows, out, |r, i| view(&dy)[r * out + i] + if r < 3 { push[i] } else { 0.0 });
        let plain = pull(block.as_mut(), &x, summed.into());
        let ungated = Some(Ungated { rows: 3, da: push });
        let pushed = pull(block.as_mut(), &x, Credit { dy: dy.into(), ungated, skip_idle_rows: false });
        for (pushed, plain) in pushed.iter().zip(&plain) {
            close(&name, pushed, &plain.iter().map(|v| f64::from(*v)).collect::<Vec<_>>(), 1e-5);
        }
    }
}

#[test]
#[should_panic(expected = "only one layer has a total input to push on")]
fn a_push_into_a_row_of_layers_for_each_token_says_why_not() {
    let dense = |path: &str, n_in| -> Box<dyn Block> {
        Box::new(Dense::new(path, n_in, 6, Activation::Relu, &mut rng(1)))
    };
    let inner = Stack::new(vec![dense("0", 6), dense("1", 6)]);
    let mut block = PerToken::new(Box::new(inner), TOKENS).unwrap();
    let ungated = Some(Ungated { rows: 1, da: vec![1.0; 30] });
    let dy = noise(2, 30, 1).into();
    pull(&mut block, &noise(2, 30, 2).into(), Credit { dy, ungated, skip_idle_rows: false });
}

#[test]
fn tokens_are_the_rows_of_a_batch_in_the_same_memory() {
    let mut block = each("e", 6, 4, Activation::Relu);
    let (x, mut chance) = (noise(3, 30, 1), dropout_rng());
    let (y, saved) = block.forward(x.clone().into(), &mut chance);
    let mut dense = Dense::new("e", 6, 4, Activation::Relu, &mut rng(6));
    let (rows, _) = dense.forward(x.clone().reshape([15, 6]).into(), &mut chance);
    assert_eq!(view(&y.tensor())[..], view(&rows.tensor())[..]);
    let address = |t: &Tensor| view(t).as_ptr();
    let kept = &saved.inner[0].matrices;
    assert_eq!(address(kept[0].values()), address(&x));
    assert_eq!(address(kept[1].values()), address(y.values()));
}

/// Burn's tensors of three dimensions.
fn three(t: &Tensor, dims: [usize; 3], device: &Device) -> burn::tensor::Tensor<3> {
    burn::tensor::Tensor::from_data(TensorData::new(view(t).to_vec(), dims), device)
}

fn list<const D: usize>(t: burn::tensor::Tensor<D>) -> Vec<f64> {
    t.into_data().try_into_vec::<f32>().unwrap().into_iter().map(f64::from).collect()
}

/// Values of a block's parameters by name.
fn values(block: &mut dyn Block) -> std::collections::BTreeMap<String, Vec<f32>> {
    let mut all = std::collections::BTreeMap::new();
    block.params(&mut |param| _ = all.insert(param.path().to_string(), param.to_rows()));
    all
}

#[test]
fn it_is_the_attention_of_burn() {
    let (rows, t, d, heads) = (3, 5, 6, 2);
    let mut block = Attention::new("0", TOKENS, heads, &mut rng(1)).unwrap();
    stir(&mut block, 1);
    let (x, dy, params) = (noise(rows, t * d, 2), noise(rows, t * d, 3), values(&mut block));
    let device = Device::flex().autodiff();
    let mut module = MultiHeadAttentionConfig::new(d, heads).with_dropout(0.0).init(&device);
    let linear = |weights: &[f32], bias: &[f32], first: usize, pitch: usize| {
        let columns: Vec<f32> = (0..d * d).map(|i| weights[i / d * pitch + first + i % d]).collect();
        let mut linear = LinearConfig::new(d, d).init(&device);
        let data = TensorData::new(columns, [d, d]);
        linear.weight = burn::module::Param::from_data(data, &device);
        let bias = TensorData::new(bias[first..first + d].to_vec(), [d]);
        linear.bias = Some(burn::module::Param::from_data(bias, &device));
        linear
    };
    let (qkv, bias) = (&params["0.qkv.weight"], &params["0.qkv.bias"]);
    module.query = linear(qkv, bias, 0, 3 * d);
    module.key = linear(qkv, bias, d, 3 * d);
    module.value = linear(qkv, bias, 2 * d, 3 * d);
    module.output = linear(&params["0.out.weight"], &params["0.out.bias"], 0, d);

    let tracked = three(&x, [rows, t, d], &device).require_grad();
    let out = module.forward(MhaInput::self_attn(tracked.clone()));
    close("P", &view(&block.maps(&x.clone().into())), &list(out.weights.inner()), 1e-5);
    let mut grads = (out.context.clone() * three(&dy, [rows, t, d], &device)).sum().backward();
    let [y, dx, d_out_bias, d_out, d_qkv_bias, d_qkv] =
        pull(&mut block, &x.into(), dy.into()).try_into().unwrap();
    close("y", &y, &list(out.context.inner()), 1e-5);
    close("dx", &dx, &list(tracked.grad_remove(&mut grads).unwrap()), 1e-5);
    let mut check = |linear: &burn::nn::Linear, ours: &[f32], bias: &[f32], first: usize, pitch: usize| {
        let columns: Vec<f32> = (0..d * d).map(|i| ours[i / d * pitch + first + i % d]).collect();
        close("dW", &columns, &list(linear.weight.val().grad_remove(&mut grads).unwrap()), 1e-5);
        let theirs = linear.bias.as_ref().unwrap().val().grad_remove(&mut grads).unwrap();
        close("db", &bias[first..first + d], &list(theirs), 1e-5);
    };
    check(&module.query, &d_qkv, &d_qkv_bias, 0, 3 * d);
    check(&module.key, &d_qkv, &d_qkv_bias, d, 3 * d);
    check(&module.value, &d_qkv, &d_qkv_bias, 2 * d, 3 * d);
    check(&module.output, &d_out, &d_out_bias, 0, d);
}

#[test]
fn it_is_the_layer_norm_of_burn() {
    let mut block = TokenNorm::new("0", TOKENS).unwrap();
    stir(&mut block, 1);
    let (x, dy, params) = (noise(3, 30, 2), noise(3, 30, 3), values(&mut block));
    let device = Device::flex().autodiff();
    let mut module = LayerNormConfig::new(6).with_epsilon(1e-5).init(&device);
    let vector =
        |values: &[f32]| burn::module::Param::from_data(TensorData::new(values.to_vec(), [6]), &device);
    module.gamma = vector(&params["0.gain"]);
    module.beta = Some(vector(&params["0.bias"]));
    let tracked = three(&x, [3, 5, 6], &device).require_grad();
    let out = module.forward(tracked.clone());
    let mut grads = (out.clone() * three(&dy, [3, 5, 6], &device)).sum().backward();
    let [y, dx, dbias, dgain] = pull(&mut block, &x.into(), dy.into()).try_into().unwrap();
    close("y", &y, &list(out.inner()), 1e-5);
    close("dx", &dx, &list(tracked.grad_remove(&mut grads).unwrap()), 1e-5);
    close("dγ", &dgain, &list(module.gamma.val().grad_remove(&mut grads).unwrap()), 1e-5);
    close("dβ", &dbias, &list(module.beta.unwrap().val().grad_remove(&mut grads).unwrap()), 1e-5);
}

#[test]
fn patches_are_cut_out_and_placed() {
    let (c, h, w, side) = (2, 4, 6, 2);
    let input = Shape::Image { c, h, w };
    let mut block = Patches::new("0", input, side, 5, &mut rng(1)).unwrap();
    assert_eq!(block.output(), Shape::Tokens { t: 6, d: 5 });
    stir(&mut block, 1);
    let (x, params) = (noise(1, c * h * w, 2), values(&mut block));
    let x = view(&x);
    let mut expected = Vec::new();
    for (token, o) in (0..6).flat_map(|token| (0..5).map(move |o| (token, o))) {
        let mut sum = f64::from(params["0.bias"][o]) + f64::from(params["0.positions"][token * 5 + o]);
        for k in 0..side * side * c {
            let (ky, kx, channel) = (k / c / side, k / c % side, k % c);
            let (oy, ox) = (token / 3 * side + ky, token % 3 * side + kx);
            let weight = params["0.weight"][k * 5 + o];
            sum += f64::from(x[(channel * h + oy) * w + ox]) * f64::from(weight);
        }
        expected.push(sum);
    }
    let y = block.apply(&matrix(x.to_vec(), 1, c * h * w).into()).tensor();
    close("tokens", &view(&y), &expected, 1e-5);
    let mean = Pool::global(block.output(), Of::Mean).unwrap().apply(&y.into()).tensor();
    let means: Vec<f64> =
        (0..5).map(|o| (0..6).map(|token| expected[token * 5 + o]).sum::<f64>() / 6.0).collect();
    close("mean", &view(&mean), &means, 1e-5);
}

#[test]
fn nan_is_carried() {
    for (mut block, input) in blocks() {
        let (n, out, name) = (input.features(), block.shape_out(input).unwrap().features(), block.describe());
        let x = matrix_from(2, n, |r, i| if (r, i) == (1, n / 2) { f32::NAN } else { 1.0 + (i % 3) as f32 });
        let y = view(&block.apply(&x.clone().into()).tensor()).to_vec();
        assert!(y[..out].iter().all(|y| y.is_finite()) && y[out..].iter().any(|y| y.is_nan()), "{name}");
        let (_, saved) = block.forward(noise(2, n, 1).into(), &mut dropout_rng());
        let dy = matrix_from(2, out, |r, i| if (r, i) == (1, out / 2) { f32::NAN } else { 1.0 });
        let mut collected = Collect::default();
        let dx = block.pullback(saved, dy.into(), true, &mut collected).unwrap();
        assert!(view(&dx)[n..].iter().any(|d| d.is_nan()), "{name}: dx");
        let lost = |param: &Param| param.to_rows().iter().all(|g| g.is_finite());
        assert!(collected.0.is_empty() || !collected.0.values().all(lost), "{name}: gradients");
    }
}

#[test]
fn shapes_that_do_not_fit_are_refused_and_told_what_would() {
    let says = |error: Option<adieu_core::parts::shape::ShapeError>, what: &str| {
        let said = error.unwrap().to_string();
        assert_eq!(said, what);
    };
    let grey = Shape::Image { c: 1, h: 12, w: 8 };
    says(
        Patches::new("0", grey, 3, 4, &mut rng(1)).err(),
        "`patches 3x3` takes whole patches' (12x8 pixels have them of side 1, 2, 4) features, but what comes before \
         it gives 1x12x8",
    );
    says(
        Patches::new("0", Shape::Flat(96), 2, 4, &mut rng(1)).err(),
        "`patches 2x2` takes an image's features, but what comes before it gives 96",
    );
    says(
        Attention::new("0", TOKENS, 4, &mut rng(1)).err(),
        "`attention of 4 heads` takes a multiple of 4 (6 go into 1, 2, 3, 6 heads) features, but what comes before it \
         gives 5 tokens of 6",
    );
    says(
        transformer("0", Shape::Flat(30), 2, 4, Activation::Relu, &mut rng(1)).err(),
        "`transformer` takes tokens' (as patches of an image give) features, but what comes before it gives 30",
    );
    assert!(TokenNorm::new("0", grey).is_err() && Pool::global(Shape::Flat(30), Of::Mean).is_err());
    let dense = |n_in, n_out| -> Box<dyn Block> {
        Box::new(Dense::new("0", n_in, n_out, Activation::Relu, &mut rng(1)))
    };
    says(
        PerToken::new(dense(7, 3), TOKENS).err(),
        "`dense 7 → 3, relu` takes 7 features, but what comes before it gives 6",
    );
    says(
        Residual::new(dense(7, 3)).shape_out(Shape::Flat(7)).err(),
        "`residual (dense 7 → 3, relu)` takes 3 (what it gives back; else it wants a projection) features, but what \
         comes before it gives 7",
    );
    says(
        Residual::projected(dense(7, 3), dense(7, 4)).shape_out(Shape::Flat(7)).err(),
        "`sum of both ways of residual (dense 7 → 3, relu), around it (dense 7 → 4, relu)` takes 3 features, but what \
         comes before it gives 4",
    );
    says(
        Residual::beside(dense(7, 3), None, TOKENS).err(),
        "`dense 7 → 3, relu` takes 7 features, but what comes before it gives 5 tokens of 6",
    );
    let halved = Window { kernel: 3, stride: 2, padding: 1 };
    let halved = Convolution::new("0", grey, 2, halved, Activation::Relu, &mut rng(1)).unwrap();
    let said = Residual::beside(Box::new(halved), None, grey).err().unwrap();
    assert!(said.block.ends_with("beside one another") && said.offered == grey, "{said}");
    // Where there is one channel, planes and pixels are one; what comes out is called as the layers call it.
    let window = Window { kernel: 3, stride: 1, padding: 1 };
    let block = Convolution::new("0", grey, 1, window, Activation::Relu, &mut rng(1)).unwrap();
    let pixels = Shape::Pixels { h: 12, w: 8, c: 1 };
    assert_eq!(Residual::new(Box::new(block)).shape_out(grey), Ok(pixels));
    let wrong = Shape::Tokens { t: 6, d: 5 };
    for (block, input) in blocks() {
        assert!(block.shape_out(wrong).is_err(), "{}", block.describe());
        assert!(block.shape_out(input).is_ok(), "{}", block.describe());
    }
}

#[test]
fn maps_are_shares() {
    let block = Attention::new("0", TOKENS, 3, &mut rng(1)).unwrap();
    let maps = block.maps(&noise(4, 30, 1).into());
    assert_eq!(maps.dims(), [4, 3 * 5 * 5]);
    for row in view(&maps).chunks_exact(5) {
        assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-6 && row.iter().all(|p| *p > 0.0), "{row:?}");
    }
}

/// One patch of four has stripes across, stripes down, or checkers: three classes.
fn textures(rows: usize, seed: u64) -> Batch {
    let mut rng = Rng::stream(seed, Purpose::Probe, 98);
    let labels: Vec<u8> = (0..rows).map(|row| (row % 3) as u8).collect();
    let places: Vec<usize> = (0..rows).map(|_| rng.below(4) as usize).collect();
    let x = matrix_from(rows, 64, |r, i| {
        let (y, x) = (i / 8, i % 8);
        let on = match labels[r] {
            0 => y % 2,
            1 => x % 2,
            _ => (x + y) % 2,
        };
        let here = (y / 4 * 2 + x / 4 == places[r]) as u8 as f32;
        0.2 * rng.normal() + here * (2.0 * on as f32 - 1.0)
    });
    Batch { x, labels, ids: (0..rows as u32).collect() }
}

const IMAGE: Shape = Shape::Image { c: 1, h: 8, w: 8 };

/// Patches, two transformers, their mean.
fn network(seed: u64) -> Blocks {
    let tokens = Shape::Tokens { t: 4, d: 12 };
    vec![
        Box::new(Patches::new("0", IMAGE, 4, 12, &mut rng(seed)).unwrap()),
        transformer("1", tokens, 2, 24, Activation::Gelu, &mut rng(seed + 1)).unwrap(),
        transformer("2", tokens, 3, 24, Activation::Relu, &mut rng(seed + 2)).unwrap(),
        Box::new(Pool::global(tokens, Of::Mean).unwrap()),
        Box::new(Dense::new("3", 12, 16, Activation::Relu, &mut rng(seed + 3))),
    ]
}

fn taught(threads: usize, clock: &mut (dyn Clock + Send)) -> (Blocks, Box<dyn Learner>) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    let recipe =
        BackProp { optimizer: AdamW { rate: 0.003, ..AdamW::default() }.into(), ..BackProp::default() };
    let task = Task { input: IMAGE, classes: 3, train_rows: 60, epochs: 1, seed: 1, goal: Goal::Classify };
    pool.install(|| {
        let mut net = vec![Box::new(Stack::new(network(1))) as Box<dyn Block>];
        let mut learner = recipe.build(&mut net, &task);
        learner.epoch(1);
        for step in 1..=80 {
            let mut cx = StepCx { seed: 1, step, clock: &mut *clock };
            learner.step(&mut net, &textures(60, step), &mut cx).expect("nothing diverges");
        }
        (net, learner)
    })
}

#[test]
fn a_transformer_learns_textures() {
    let (mut net, mut learner) = taught(2, &mut NoClock);
    let unseen = textures(300, 1000);
    let scores = learner.predict(&net, &unseen.x, "logits");
    let scores = view(&scores);
    let rows = scores.chunks_exact(3).zip(&unseen.labels);
    let right = rows.filter(|(row, label)| row.iter().all(|other| *other <= row[usize::from(**label)]));
    let right = right.count();
    assert!(right >= 285, "{right} of 300");
    let (mut again, mut other) = taught(1, &mut NoClock);
    assert!(
        everything(&mut net, learner.as_mut()) == everything(&mut again, other.as_mut()),
        "on one thread"
    );
    let mut paths: Vec<String> =
        everything(&mut net, learner.as_mut()).into_iter().map(|one| one.0).collect();
    let count = paths.len();
    paths.sort();
    paths.dedup();
    assert_eq!(paths.len(), count, "names are unique: {paths:?}");
}

/// What a step held and multiplied at most.
#[derive(Default)]
struct Witness {
    held: u64,
    macs: u64,
}

impl Clock for Witness {
    fn press(&mut self, _: Phase, _: usize) {}
    fn held(&mut self, bytes: u64) {
        self.held = self.held.max(bytes);
    }
    fn work(&mut self, macs: u64) {
        self.macs += macs;
    }
}

#[test]
fn a_step_holds_and_multiplies_what_the_blocks_declare() {
    let mut witness = Witness::default();
    taught(1, &mut witness);
    let (cost, head) = (Stack::new(network(1)).cost(60), 60 * 16 * 3);
    // The head keeps its input, which the last layer keeps as its output; the data have a scale for each row.
    assert_eq!(witness.held, cost.saved_bytes.unwrap() + 60 * (64 + 1) * 4);
    assert_eq!(witness.macs, 80 * (cost.forward_macs + cost.weight_macs + 3 * head));
}
