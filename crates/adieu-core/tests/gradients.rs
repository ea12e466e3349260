//! Every derivative against central differences: ⟨∇L, v⟩ ≈ (L(+εv) − L(−εv)) / 2ε for random directions v.
//! proptest chooses shapes and points, and ε = 10⁻³. 10⁻² of the larger of the two is asked, and what single precision
//! cannot tell: L is a sum of many terms, each rounded, and the difference divides their roundings by 2ε, however small
//! the derivative is.
#![allow(clippy::unwrap_used)] // a test that cannot go on shall panic

mod common;

use adieu_core::Tensor;
use adieu_core::parts::activation::Activation;
use adieu_core::parts::activity::Activity;
use adieu_core::parts::affine::Affine;
use adieu_core::parts::attention::{Attention, transformer};
use adieu_core::parts::batch_norm::BatchNorm;
use adieu_core::parts::block::{Block, Collect, Cost, Credit, Descend, Saved, Ungated};
use adieu_core::parts::chance::{Purpose, Rng};
use adieu_core::parts::class_score::{ClassScore, Scorer};
use adieu_core::parts::composed::Composed;
use adieu_core::parts::convolution::{Convolution, Window};
use adieu_core::parts::dense::Dense;
use adieu_core::parts::dropout::Dropout;
use adieu_core::parts::goodness::Goodness;
use adieu_core::parts::host::{matrix, matrix_from, view, zip};
use adieu_core::parts::local::Local;
use adieu_core::parts::normalise::{Normalise, Over};
use adieu_core::parts::objective::{CrossEntropy, Objective, Tags};
use adieu_core::parts::param::Param;
use adieu_core::parts::pool::{Of, Pool};
use adieu_core::parts::residual::Residual;
use adieu_core::parts::shape::{Shape, ShapeError};
use adieu_core::parts::stack::Stack;
use adieu_core::parts::taped::{Rows, Taped};
use adieu_core::parts::token_norm::TokenNorm;
use adieu_core::parts::tokens::{Patches, PerToken};
use adieu_core::parts::triangle::Triangle;
use burn::module::Module;
use burn::nn::{LayerNorm, LayerNormConfig, Linear, LinearConfig};
use burn::tensor::Device;
use common::{dot, noise};
use proptest::prelude::*;

const EPSILON: f64 = 1e-3;

/// L, and the size of what was added up to it: its rounding is a few 2⁻²⁴ of that.
struct Loss {
    value: f64,
    size: f64,
}

impl Loss {
    /// ⟨y, w⟩. Total inputs are sums themselves, of size about 1 though y may be small.
    fn weighed(y: &Tensor, w: &Tensor) -> Loss {
        let size = |(y, w): (&f32, &f32)| f64::from((1.0 + y.abs()) * w.abs());
        Loss { value: dot(y, w), size: view(y).iter().zip(view(w).iter()).map(size).sum() }
    }
}

fn agree(what: &str, exact: f64, scale: f64, mut loss: impl FnMut(f32) -> Loss) {
    let (above, below) = (loss(EPSILON as f32), loss(-EPSILON as f32));
    let numeric = (above.value - below.value) / (2.0 * EPSILON);
    let rounding = f64::from(f32::EPSILON) * (above.size + below.size) / (2.0 * EPSILON);
    let allowed = 1e-2 * exact.abs().max(numeric.abs()).max(scale) + rounding;
    assert!((exact - numeric).abs() < allowed, "{what}: exact {exact}, numeric {numeric}, allowed {allowed}");
}

fn along(x: &Tensor, t: f32, v: &Tensor) -> Tensor {
    zip(x, v, |x, v| x + t * v)
}

/// Activations with a corner are checked away from it: a step that crosses it would compare two slopes.
fn check_block(block: &mut dyn Block, n_in: usize, rows: usize, at: u64) {
    let name = block.describe();
    let chance = || Rng::stream(9, Purpose::Dropout, 0);
    let (x, v) = (noise(rows, n_in, at), noise(rows, n_in, at + 1));
    let y = block.forward(x.clone().into(), &mut chance()).0;
    let w = noise(rows, y.dims()[1], at + 2);
    let loss = |block: &mut dyn Block, x: &Tensor| {
        Loss::weighed(&block.forward(x.clone().into(), &mut chance()).0.tensor(), &w)
    };
    let (_, saved) = block.forward(x.clone().into(), &mut chance());
    let mut collected = Collect::default();
    let dx = block.pullback(saved, w.clone().into(), true, &mut collected).expect("dx was wanted");
    agree(&format!("{name}: input"), dot(&dx, &v), 0.1, |t| loss(block, &along(&x, t, &v)));

    let mut paths = Vec::new();
    block.params(&mut |param| paths.extend(param.is_learned().then(|| param.path().to_string())));
    assert_eq!(paths.len(), collected.0.len(), "{name}: one gradient a parameter");
    for (i, path) in paths.iter().enumerate() {
        let gradient = collected.0[path].to_rows();
        let direction = view(&noise(1, gradient.len(), at + 10 + i as u64)).to_vec();
        let exact = gradient.iter().zip(&direction).map(|(g, v)| f64::from(g * v)).sum();
        let mut home = Vec::new();
        block.params(&mut |param| {
            if param.path() == path {
                home = param.to_rows();
            }
        });
        let put = |block: &mut dyn Block, t: f32| {
            let moved: Vec<f32> = home.iter().zip(&direction).map(|(p, v)| p + t * v).collect();
            block.params(&mut |param| {
                if param.path() == path {
                    param.load_rows(&moved);
                }
            });
        };
        agree(&format!("{name}: {path}"), exact, 0.3, |t| {
            put(block, t);
            let found = loss(block, &x);
            put(block, 0.0);
            found
        });
    }
}

/// Rows whose numbers differ in size by 0.05 or more: a step changes no order among them.
fn apart(rows: usize, n: usize, at: u64) -> Tensor {
    let mut rng = Rng::stream(at, Purpose::Probe, 2);
    let mut values = Vec::with_capacity(rows * n);
    for _ in 0..rows {
        let mut sizes: Vec<f32> = (0..n).map(|rank| 0.05 * (rank as f32 + 1.0)).collect();
        for i in (1..n).rev() {
            sizes.swap(i, rng.below(i as u32 + 1) as usize);
        }
        values.extend(sizes.into_iter().map(|size| if rng.below(2) == 0 { size } else { -size }));
    }
    matrix(values, rows, n)
}

/// Groups of a row that are normalised each by itself.
fn block_groups(over: Over) -> usize {
    if let Over::Groups(groups) = over { groups } else { 1 }
}

/// Class scores as a block.
struct Scoring {
    scorer: Box<dyn Scorer>,
    classes: usize,
}

impl Block for Scoring {
    fn apply(&self, x: &Activity) -> Activity {
        self.scorer.scores(x).into()
    }

    fn forward(&mut self, x: Activity, _: &mut Rng) -> (Activity, Saved) {
        let (s, inner) = self.scorer.forward(&x);
        assert_eq!(view(&s)[..], view(&self.scorer.scores(&x))[..], "training and inference agree");
        (s.into(), Saved { matrices: vec![x], inner: vec![inner], other: None })
    }

    fn pullback(
        &mut self,
        mut saved: Saved,
        dy: Credit,
        _: bool,
        descend: &mut dyn Descend,
    ) -> Option<Tensor> {
        let inner = saved.inner.pop().unwrap();
        Some(self.scorer.pull_back(&saved.matrices[0], inner, &dy.dy.tensor(), descend))
    }

    fn params(&mut self, visit: &mut dyn FnMut(&mut Param)) {
        self.scorer.params(visit);
    }

    fn shape_out(&self, _: Shape) -> Result<Shape, ShapeError> {
        Ok(Shape::Flat(self.classes))
    }

    fn cost(&self, _: usize) -> Cost {
        Cost::default()
    }

    fn describe(&self) -> String {
        self.scorer.describe()
    }
}

fn smooth() -> Vec<Activation> {
    let corner = |a: &Activation| matches!(a, Activation::Relu | Activation::LeakyRelu | Activation::Elu);
    Activation::ALL.into_iter().filter(|a| !corner(a)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn dense_of_every_smooth_activation(rows in 1usize..6, n_in in 1usize..40, n_out in 1usize..40, at in 0u64..1000) {
        for activation in smooth() {
            let mut chance = Rng::stream(at, Purpose::Init, 0);
            check_block(&mut Dense::new("0", n_in, n_out, activation, &mut chance), n_in, rows, at * 100);
            let mut composed = Composed::new("0", n_in, n_out, activation, Device::flex(), &mut chance);
            check_block(&mut composed, n_in, rows, at * 100);
        }
    }

    #[test]
    fn convolution_with_every_smooth_activation(
        rows in 1usize..4, (h, w) in (1usize..7, 1usize..7), (c, channels) in (1usize..4, 1usize..6),
        kernel in 1usize..4, stride in 1usize..3, padding in 0usize..3, planes: bool, at in 0u64..1000,
    ) {
        let input = if planes { Shape::Image { c, h, w } } else { Shape::Pixels { h, w, c } };
        let window = Window { kernel, stride, padding };
        for activation in smooth() {
            let mut chance = Rng::stream(at, Purpose::Init, 0);
            let block = Convolution::new("0", input, channels, window, activation, &mut chance);
            match block {
                Ok(mut block) => check_block(&mut block, c * h * w, rows, at * 100),
                Err(_) => prop_assert!(kernel > (h.min(w)) + 2 * padding, "it has a place"),
            }
        }
    }

    #[test]
    fn local_fields_with_every_smooth_activation(
        rows in 1usize..4, (h, w) in (3usize..7, 3usize..7), c in 1usize..4,
        channels in prop_oneof![1usize..6, 31usize..34], kernel in 1usize..4, stride in 1usize..3,
        padding in 0usize..3, planes: bool, at in 0u64..1000,
    ) {
        let input = if planes { Shape::Image { c, h, w } } else { Shape::Pixels { h, w, c } };
        let window = Window { kernel, stride, padding: padding.min(kernel - 1) };
        for activation in smooth() {
            let mut chance = Rng::stream(at, Purpose::Init, 0);
            let mut block = Local::new("0", input, channels, window, activation, &mut chance).unwrap();
            check_block(&mut block, c * h * w, rows, at * 100);
        }
    }

    #[test]
    fn dropout_under_a_fixed_mask(rows in 1usize..6, n in 1usize..20, at in 0u64..1000) {
        check_block(&mut Dropout { p: 0.4, features: n }, n, rows, at * 100);
    }

    #[test]
    fn stacks_of_dense_and_dropout(rows in 1usize..6, n in 1usize..20, m in 1usize..20, at in 0u64..1000) {
        let mut chance = Rng::stream(at, Purpose::Init, 0);
        let mut stack = Stack::new(vec![
            Box::new(Dense::new("0.0", n, m, Activation::Tanh, &mut chance)),
            Box::new(Dropout { p: 0.3, features: m }),
            Box::new(Dense::new("0.1", m, n, Activation::Gelu, &mut chance)),
        ]);
        check_block(&mut stack, n, rows, at * 100);
    }

    #[test]
    fn grouped_convolution(
        rows in 1usize..4, (h, w) in (2usize..6, 2usize..6), groups in 1usize..4, (c, channels) in (1usize..3, 1usize..4),
        kernel in 1usize..3, planes: bool, at in 0u64..1000,
    ) {
        let (c, channels) = (c * groups, channels * groups);
        let input = if planes { Shape::Image { c, h, w } } else { Shape::Pixels { h, w, c } };
        let window = Window { kernel, stride: 1, padding: kernel / 2 };
        let mut chance = Rng::stream(at, Purpose::Init, 0);
        let block = Convolution::grouped("0", input, (channels, groups), window, Activation::Tanh, &mut chance);
        check_block(&mut block.unwrap(), c * h * w, rows, at * 100);
        // a group hears nothing of the others: the first one's outputs do not move with the last one's inputs
        let block = Convolution::grouped("0", Shape::Pixels { h, w, c }, (channels, groups), window, Activation::Tanh, &mut chance);
        let (block, x) = (block.unwrap(), noise(rows, c * h * w, at));
        let other = matrix_from(rows, c * h * w, |r, i| {
            let kept = view(&x)[r * c * h * w + i];
            if i % c >= c / groups { kept + 1.0 } else { kept }
        });
        let (y, z) = (block.apply(&x.into()).tensor(), block.apply(&other.into()).tensor());
        let firsts = |t: &Tensor| -> Vec<f32> {
            view(t).chunks_exact(channels).flat_map(|pixel| pixel[..channels / groups].to_vec()).collect()
        };
        prop_assert_eq!(firsts(&y), firsts(&z));
    }

    #[test]
    fn norms_of_images_rows_and_tokens(
        rows in 2usize..8, (h, w) in (1usize..5, 1usize..5), (groups, each) in (1usize..4, 1usize..5),
        form in 0usize..4, at in 0u64..1000,
    ) {
        let c = groups * each;
        let input = [
            Shape::Image { c, h, w }, Shape::Pixels { h, w, c }, Shape::Tokens { t: h * w, d: c }, Shape::Flat(h * w * c),
        ][form];
        let n = input.features();
        for over in [Over::Layer, Over::Rms, Over::Groups(groups)] {
            let mut block = Normalise::new(input, over).unwrap();
            // of few numbers a norm leaves little but their signs, and bends sharply where they are close
            if n / block_groups(over) > 4 {
                check_block(&mut block, n, rows, at * 100);
            }
        }
        if rows * (if form == 3 { 1 } else { h * w }) > 4 {
            let mut block = BatchNorm::new("0", input).unwrap();
            check_block(&mut block, n, rows, at * 100);
        }
        if form > 0 {
            let affine: Box<dyn Block> = Box::new(Affine::new("0", input).unwrap());
            let mut stack = Stack::new(vec![affine, Box::new(Dropout { p: 0.3, features: n })]);
            check_block(&mut stack, n, rows, at * 100);
        }
    }

    #[test]
    fn triangles(
        rows in 1usize..6, places in 1usize..5, c in 1usize..7, form in 0usize..3, power in 0usize..3, at in 0u64..1000,
    ) {
        let input =
            [Shape::Pixels { h: places, w: 1, c }, Shape::Tokens { t: places, d: c }, Shape::Flat(places * c)][form];
        let (n, power) = (places * c, [1.0, 1.4, 2.0][power]);
        let mut triangle = Triangle::new(input, power).unwrap();
        // numbers that a step does not bring past the mean of their place
        let (x, v) = (noise(rows, n, at), noise(rows, n, at + 1));
        let each = if form == 2 { n } else { c };
        let corner = view(&x).chunks_exact(each).any(|place| {
            let mean = place.iter().sum::<f32>() / each as f32;
            place.iter().any(|x| (x - mean).abs() < 0.008 && each > 1)
        });
        prop_assume!(!corner && each > 1);
        let (y, saved) = triangle.forward(x.clone().into(), &mut Rng::stream(0, Purpose::Dropout, 0));
        let weights = noise(rows, y.dims()[1], at + 2);
        let dx = triangle.pullback(saved, weights.clone().into(), true, &mut Collect::default()).unwrap();
        agree("triangle", dot(&dx, &v), 0.3, |t| {
            Loss::weighed(&triangle.apply(&along(&x, t, &v).into()).tensor(), &weights)
        });
    }

    #[test]
    fn pooling(
        rows in 1usize..4, (h, w) in (1usize..7, 1usize..7), c in 1usize..4, kernel in 1usize..4, stride in 1usize..4,
        padding in 0usize..3, planes: bool, at in 0u64..1000,
    ) {
        let input = if planes { Shape::Image { c, h, w } } else { Shape::Pixels { h, w, c } };
        let (window, n) = (Window { kernel, stride, padding: padding.min(kernel - 1) }, c * h * w);
        check_block(&mut Pool::global(input, Of::Mean).unwrap(), n, rows, at * 100);
        check_block(&mut Pool::global(Shape::Tokens { t: h * w, d: c }, Of::Mean).unwrap(), n, rows, at * 100);
        let Ok(mut mean) = Pool::new(input, window, Of::Mean) else {
            prop_assert!(kernel > h.min(w) + 2 * window.padding, "it has a place");
            return Ok(());
        };
        check_block(&mut mean, n, rows, at * 100);
        // the largest: from numbers that a step does not bring past one another
        let mut largest = Pool::new(input, window, Of::Largest).unwrap();
        let (x, v) = (apart(rows, n, at), noise(rows, n, at + 1));
        let mut still = Rng::stream(0, Purpose::Dropout, 0);
        let (y, saved) = largest.forward(x.clone().into(), &mut still);
        let weights = noise(rows, y.dims()[1], at + 2);
        let dx = largest.pullback(saved, weights.clone().into(), true, &mut Collect::default()).unwrap();
        agree("largest", dot(&dx, &v), 0.3, |t| {
            Loss::weighed(&largest.apply(&along(&x, t, &v).into()).tensor(), &weights)
        });
    }

    #[test]
    fn every_class_score(
        rows in 1usize..5, pixels in 1usize..5, (classes, each) in (2usize..5, 1usize..4), form in 0usize..3,
        at in 0u64..1000,
    ) {
        let c = classes * each;
        let input =
            [Shape::Pixels { h: pixels, w: 1, c }, Shape::Tokens { t: pixels, d: c }, Shape::Flat(pixels * c)][form];
        for score in ClassScore::all() {
            let mut chance = Rng::stream(at, Purpose::Init, 0);
            let scorer = score.build("s", input, classes, &mut chance);
            check_block(&mut Scoring { scorer, classes }, pixels * c, rows, at * 100);
        }
    }

    #[test]
    fn every_goodness(rows in 1usize..6, n in 1usize..30, at in 0u64..1000) {
        for goodness in Goodness::all() {
            let (h, v) = (apart(rows, n, at), noise(rows, n, at + 1));
            let value = |h: Tensor| goodness.value(&h.into());
            let w = noise(rows, value(h.clone()).dims()[1], at + 2);
            let exact = dot(&goodness.pullback(&h.clone().into(), &w).tensor(), &v);
            agree(&format!("{goodness:?}"), exact, 0.3, |t| Loss::weighed(&value(along(&h, t, &v)), &w));
        }
    }

    #[test]
    fn no_goodness_minds_the_order_of_the_units(rows in 1usize..4, n in 1usize..30, at in 0u64..1000, turn in 0usize..30) {
        for goodness in Goodness::all() {
            let h = apart(rows, n, at);
            let turned = matrix_from(rows, n, |r, c| view(&h)[r * n + (c + turn) % n]);
            let (g, same) = (goodness.value(&h.clone().into()), goodness.value(&turned.clone().into()));
            for (g, same) in view(&g).iter().zip(view(&same).iter()) {
                prop_assert!((g - same).abs() <= 1e-6 * (1.0 + g.abs()), "{goodness:?}: {g} and {same}");
            }
            let dg = noise(rows, 1, at);
            let (dh, dt) = (goodness.pullback(&h.into(), &dg).tensor(), goodness.pullback(&turned.into(), &dg).tensor());
            for i in 0..rows * n {
                let there = i / n * n + (i % n + turn) % n;
                let (here, there) = (view(&dt)[i], view(&dh)[there]);
                prop_assert!((here - there).abs() <= 1e-6 * (1.0 + here.abs()), "{goodness:?}");
            }
        }
    }

    #[test]
    fn thresholds_are_in_units_of_a_row_of_ones(rows in 1usize..4, n in 1usize..300) {
        for goodness in Goodness::all() {
            let g = goodness.value(&matrix(vec![1.0; rows * n], rows, n).into());
            let unit = goodness.of_ones(n);
            for g in view(&g).iter() {
                prop_assert!((f64::from(*g) / unit - 1.0).abs() < 1e-6, "{goodness:?}: {g}, not {unit}");
            }
        }
    }

    #[test]
    fn every_objective_either_way(pairs in 1usize..6, at in 0u64..1000, direction in prop::bool::ANY) {
        for objective in Objective::all() {
            let (mut g, v) = (noise(2 * pairs, 1, at) * 3.0, noise(2 * pairs, 1, at + 1));
            if matches!(objective, Objective::ExactStep(_)) {
                g = zip(&g, &g, |g, _| g.abs() + 0.05); // it is about squares, and ends at zero
            }
            let direction = if direction { 1.0 } else { -1.0 };
            let real = (0..2 * pairs).map(|row| row < pairs).collect();
            let tags = Tags { real, labels: vec![0; 2 * pairs], direction, unit: 0.7, stretch: 1.3 };
            let exact = dot(&objective.loss(&g, &tags).1, &v);
            agree(&format!("{objective:?}"), exact, 0.1, |t| {
                let value = objective.loss(&along(&g, t, &v), &tags).0;
                Loss { value, size: value }
            });
        }
    }

    #[test]
    fn cross_entropy(rows in 1usize..6, classes in 2usize..12, at in 0u64..1000, smoothing in 0.0f64..0.5) {
        let (z, v) = (noise(rows, classes, at) * 2.0, noise(rows, classes, at + 1));
        let labels: Vec<u8> = (0..rows).map(|r| ((r as u64 + at) % classes as u64) as u8).collect();
        let objective = CrossEntropy { label_smoothing: smoothing };
        let exact = dot(&objective.loss(&z, &labels).1, &v);
        agree("cross-entropy", exact, 0.1, |t| {
            let value = objective.loss(&along(&z, t, &v), &labels).0;
            Loss { value, size: value }
        });
    }
}

#[test]
fn dense_with_a_corner_has_the_slope_of_its_side() {
    // Around the corner a difference quotient means nothing, so total inputs are placed on one side or the other.
    for (activation, left) in
        [(Activation::Relu, 0.0), (Activation::LeakyRelu, 0.01), (Activation::Elu, (-2f32).exp())]
    {
        let mut dense = Dense::linear_zero("0", 1, 2, true);
        let mut shaped = Dense::new("0", 1, 2, activation, &mut Rng::stream(0, Purpose::Init, 0));
        for block in [&mut dense, &mut shaped] {
            block.params(&mut |param| {
                let values: &[f32] = if param.shape().len() == 1 { &[0.0, 0.0] } else { &[1.0, -1.0] };
                param.load_rows(values);
            });
        }
        let x = matrix(vec![2.0], 1, 1); // a = (2, −2)
        let (_, saved) = shaped.forward(x.into(), &mut Rng::stream(0, Purpose::Dropout, 0));
        let mut collected = Collect::default();
        let dy = matrix(vec![1.0, 1.0], 1, 2);
        shaped.pullback(saved, dy.into(), false, &mut collected);
        let db = collected.0["0.bias"].to_rows();
        assert!((db[0] - 1.0).abs() < 1e-6 && (db[1] - left).abs() < 1e-6, "{activation:?}: {db:?}");
    }
}

#[test]
fn ungated_credit_reaches_units_that_are_off_on_its_rows_only() {
    for skip_idle_rows in [false, true] {
        let mut dense = Dense::new("0", 2, 3, Activation::Relu, &mut Rng::stream(1, Purpose::Init, 0));
        dense.params(&mut |param| {
            if param.shape().len() == 1 {
                param.load_rows(&[-100.0; 3]); // every unit is dead
            }
        });
        let x = noise(4, 2, 1);
        let (h, saved) = dense.forward(x.clone().into(), &mut Rng::stream(1, Purpose::Dropout, 0));
        assert!(view(h.values()).iter().all(|h| *h == 0.0));
        let ungated = Some(Ungated { rows: 3, da: vec![1.0, -2.0, 0.5] });
        let mut collected = Collect::default();
        dense.pullback(
            saved,
            Credit { dy: noise(4, 3, 2).into(), ungated, skip_idle_rows },
            false,
            &mut collected,
        );
        assert_eq!(collected.0["0.bias"].to_rows(), [3.0, -6.0, 1.5]);
        let sum_x: f32 = (0..3).map(|r| view(&x)[r * 2]).sum();
        assert!((collected.0["0.weight"].to_rows()[1] + 2.0 * sum_x).abs() < 1e-5);
    }
}

proptest! {
    #[test]
    fn leaving_idle_rows_out_changes_no_bit(
        rows in 1usize..40, n_in in 1usize..20, n_out in 1usize..40, busy_of_ten in 0u64..11, pushed in 0usize..40, at in 0u64..1000,
    ) {
        let mut dense = Dense::new("0", n_in, n_out, Activation::Relu, &mut Rng::stream(at, Purpose::Init, 0));
        let mut rng = Rng::stream(at, Purpose::Probe, 1);
        let busy: Vec<f32> = (0..rows).map(|_| f32::from(u8::from(u64::from(rng.below(10)) < busy_of_ten))).collect();
        let dy = noise(rows, n_out, at);
        let dy = matrix_from(rows, n_out, |r, c| busy[r] * view(&dy)[r * n_out + c]);
        let x = noise(rows, n_in, at + 1);
        let push = view(&noise(1, n_out, at + 2)).to_vec();
        let mut gradients = [false, true].map(|skip_idle_rows| {
            let (_, saved) = dense.forward(x.clone().into(), &mut Rng::stream(0, Purpose::Dropout, 0));
            let ungated = (pushed > 0).then(|| Ungated { rows: pushed.min(rows), da: push.clone() });
            let mut collected = Collect::default();
            dense.pullback(saved, Credit { dy: dy.clone().into(), ungated, skip_idle_rows }, false, &mut collected);
            collected.0.into_values().map(|param| param.to_rows()).collect::<Vec<_>>().concat()
        }).into_iter();
        let (whole, skipped) = (gradients.next().unwrap(), gradients.next().unwrap());
        prop_assert_eq!(skipped, whole);
    }
}

#[test]
fn a_push_goes_down_to_the_inputs_too() {
    let mut dense = Dense::new("0", 4, 3, Activation::Tanh, &mut Rng::stream(1, Purpose::Init, 0));
    let (x, dy, push) = (noise(5, 4, 1), noise(5, 3, 2), vec![0.3, -0.2, 0.7]);
    let mut dx = |push: Option<Ungated>| {
        let (_, saved) = dense.forward(x.clone().into(), &mut Rng::stream(1, Purpose::Dropout, 0));
        let credit = Credit { dy: dy.clone().into(), ungated: push, skip_idle_rows: true };
        view(&dense.pullback(saved, credit, true, &mut Collect::default()).unwrap()).to_vec()
    };
    let (plain, pushed) = (dx(None), dx(Some(Ungated { rows: 2, da: push.clone() })));
    let mut weights = Vec::new();
    dense.params(&mut |param| weights.extend(param.to_rows()));
    for (at, (plain, pushed)) in plain.iter().zip(&pushed).enumerate() {
        let (r, i) = (at / 4, at % 4);
        let down: f32 = (0..3).map(|j| push[j] * weights[i * 3 + j]).sum();
        assert!((pushed - plain - if r < 2 { down } else { 0.0 }).abs() < 1e-6, "dx[{r}, {i}]");
    }
}

#[derive(Module, Debug)]
struct NormThenLinear {
    norm: LayerNorm,
    linear: Linear,
    features: usize,
}

impl Rows for NormThenLinear {
    fn rows(&self, x: Tensor) -> Tensor {
        burn::tensor::activation::tanh(self.linear.forward(self.norm.forward(x)))
    }
    fn shape_out(&self, input: Shape) -> Result<Shape, String> {
        if input.features() == self.features { Ok(Shape::Flat(4)) } else { Err(self.features.to_string()) }
    }
    fn macs(&self) -> u64 {
        (self.features * 4) as u64
    }
}

fn taped(features: usize) -> Taped<NormThenLinear> {
    let device = Device::flex();
    let module = NormThenLinear {
        norm: LayerNormConfig::new(features).init(&device),
        linear: LinearConfig::new(features, 4).init(&device),
        features,
    };
    Taped::new("0", module, Shape::Flat(features)).expect("it fits")
}

#[test]
fn any_burn_module_is_a_block_with_the_right_derivatives() {
    check_block(&mut taped(6), 6, 5, 77);
    let mut chance = Rng::stream(3, Purpose::Init, 0);
    let mut stack = Stack::new(vec![
        Box::new(Dense::new("0.0", 9, 6, Activation::Silu, &mut chance)),
        Box::new(taped(6)),
    ]);
    check_block(&mut stack, 9, 5, 78);
    assert!(Taped::new("0", taped(6).module().clone(), Shape::Flat(7)).is_err());
}

/// φ of the total input is the block, and ∂L/∂a gives the gradients that ∂L/∂y gives, with a push and without.
#[test]
fn a_layer_taken_apart_is_the_layer() {
    for activation in Activation::ALL {
        let chance = || Rng::stream(4, Purpose::Init, 0);
        let mut blocks: Vec<Box<dyn Block>> = vec![
            Box::new(Dense::new("0", 9, 7, activation, &mut chance())),
            Box::new(Composed::new("0", 9, 7, activation, Device::flex(), &mut chance())),
        ];
        for block in &mut blocks {
            let name = block.describe();
            let (x, dy) = (noise(11, 9, 1), noise(11, 7, 2));
            let a = block.as_layer().unwrap().total_input(&x.clone().into());
            let (y, saved) = block.forward(x.clone().into(), &mut chance());
            let kernel = activation.kernel();
            let of_a: Vec<f64> = view(&a).iter().map(|a| f64::from(kernel.value(*a))).collect();
            common::close(&name, &view(&y.tensor()), &of_a, 1e-5);

            let da = zip(&dy, &a, |dy, a| dy * kernel.slope(a));
            let dx = block.as_layer().unwrap().below(&da.clone().into());
            let (_, again) = block.forward(x.clone().into(), &mut chance());
            let whole = block.pullback(again, dy.clone().into(), true, &mut Collect::default()).unwrap();
            let whole: Vec<f64> = view(&whole).iter().map(|v| f64::from(*v)).collect();
            common::close(&format!("{name}: below"), &view(&dx), &whole, 1e-5);
            let push = || Some(Ungated { rows: 5, da: view(&noise(1, 7, 3)).to_vec() });
            let credit = |dy: Tensor| Credit { dy: dy.into(), ungated: push(), skip_idle_rows: true };
            let (mut whole, mut apart) = (Collect::default(), Collect::default());
            block.pullback(saved, credit(dy), false, &mut whole);
            block.as_layer_mut().unwrap().descend(&x.into(), credit(da), &mut apart);
            assert_eq!(whole.0.len(), 2, "{name}");
            for (path, whole) in &whole.0 {
                let whole: Vec<f64> = whole.to_rows().iter().map(|v| f64::from(*v)).collect();
                common::close(&format!("{name}: {path}"), &apart.0[path].to_rows(), &whole, 1e-5);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn attention_norm_and_mean_of_tokens(
        rows in 1usize..4, t in 1usize..8, heads in 1usize..4, width in 1usize..6, at in 0u64..1000,
    ) {
        let d = heads * width;
        let input = Shape::Tokens { t, d };
        let mut chance = Rng::stream(at, Purpose::Init, 0);
        let mut attention = Attention::new("0", input, heads, &mut chance).unwrap();
        check_block(&mut attention, t * d, rows, at * 100);
        check_block(&mut Pool::global(input, Of::Mean).unwrap(), t * d, rows, at * 100);
        // Of one or two features nothing is left, or a sign, which has no slope to compare.
        if d > 2 {
            check_block(&mut TokenNorm::new("0", input).unwrap(), t * d, rows, at * 100);
        }
    }

    #[test]
    fn patches_of_images(
        rows in 1usize..4, (down, across) in (1usize..4, 1usize..4), side in 1usize..4, c in 1usize..4, d in 1usize..6,
        planes: bool, at in 0u64..1000,
    ) {
        let (h, w) = (down * side, across * side);
        let input = if planes { Shape::Image { c, h, w } } else { Shape::Pixels { h, w, c } };
        let mut chance = Rng::stream(at, Purpose::Init, 0);
        let mut patches = Patches::new("0", input, side, d, &mut chance).unwrap();
        check_block(&mut patches, input.features(), rows, at * 100);
    }

    #[test]
    fn tokens_one_by_one_and_ways_around(
        rows in 1usize..4, t in 1usize..6, n in 1usize..8, m in 1usize..8, at in 0u64..1000,
    ) {
        for activation in smooth() {
            let mut chance = Rng::stream(at, Purpose::Init, 0);
            let mut dense = |path: &str, n_in, n_out| Box::new(Dense::new(path, n_in, n_out, activation, &mut chance));
            let inner = Stack::new(vec![dense("0", n, m), dense("1", m, n)]);
            let mut tokens = PerToken::new(Box::new(inner), Shape::Tokens { t, d: n }).unwrap();
            check_block(&mut tokens, t * n, rows, at * 100);
            check_block(&mut Residual::new(dense("2", n, n)), n, rows, at * 100);
            check_block(&mut Residual::projected(dense("3", n, m), dense("4", n, m)), n, rows, at * 100);
            let flat = Shape::Flat(n);
            check_block(&mut Residual::beside(dense("5", n, m), None, flat).unwrap(), n, rows, at * 100);
            let mut both = Residual::beside(dense("6", n, m), Some(dense("7", n, 2)), flat).unwrap();
            check_block(&mut both, n, rows, at * 100);
        }
    }

    #[test]
    fn transformers(rows in 1usize..4, t in 1usize..5, d in 2usize..4, hidden in 1usize..6, at in 0u64..1000) {
        let (input, mut chance) = (Shape::Tokens { t, d: 2 * d }, Rng::stream(at, Purpose::Init, 0));
        let mut block = transformer("0", input, 2, hidden, Activation::Gelu, &mut chance).unwrap();
        check_block(block.as_mut(), input.features(), rows, at * 100);
    }
}
