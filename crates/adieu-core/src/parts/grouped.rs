//! Grouped convolution (Krizhevsky, Sutskever & Hinton 2012; Xie et al. 2017, arXiv:1611.05431): channels in and out are cut
//! into G neighbouring groups, and each group of outputs sees its own group of inputs only.
//!
//! Shapes: x `[B, h·w·c]` → `[B, h_out·w_out·c_out]`, the channels of a pixel together. G convolutions side by side, each
//! with weights of its own, `[k·k·c/G, c_out/G]`; channels are taken out for them and put back, which copies x and h once.

use super::activation::Activation;
use super::activity::Activity;
use super::block::{Block, Cost, Credit, Descend, Saved, Ungated};
use super::chance::Rng;
use super::convolution::Convolution;
use super::host::{matrix, view};
use super::param::Param;
use super::shape::{Shape, ShapeError};
use super::window::{Window, image, made_for, pixels, planes};
use crate::Tensor;

/// See the module.
pub struct Grouped {
    input: Shape,
    output: Shape,
    groups: Vec<Convolution>,
    /// Pixels and channels of a row that comes in, and of one that goes out.
    sides: [[usize; 2]; 2],
}

impl Grouped {
    /// `groups` convolutions of `channels / groups` windows each over images of shape `input`. `path` names it among its
    /// neighbours: `0`; the groups are `0.0`, `0.1`, ….
    ///
    /// # Errors
    /// If `input` is no image, or one in which the window has no place; if the groups do not divide the channels that come
    /// in and those that go out.
    ///
    /// # Panics
    /// As [`Convolution::new`].
    pub fn new(
        path: &str,
        input: Shape,
        channels: usize,
        groups: usize,
        window: Window,
        activation: Activation,
        chance: &mut Rng,
    ) -> Result<Grouped, ShapeError> {
        let output = window.output(input, channels, "grouped convolution")?;
        let (h, w, c, _) = image(input).expect("an image has an output");
        if groups == 0 || !c.is_multiple_of(groups) || !channels.is_multiple_of(groups) {
            let block = format!("convolution in {groups} groups to {channels} channels");
            return Err(ShapeError {
                block,
                wants: format!("a multiple of {groups} channels'"),
                offered: input,
            });
        }
        let own = Shape::Pixels { h, w, c: c / groups };
        let one =
            |g| Convolution::new(&format!("{path}.{g}"), own, channels / groups, window, activation, chance);
        let convolutions: Result<Vec<_>, _> = (0..groups).map(one).collect();
        let sides = [[h * w, c], [output.features() / channels, channels]];
        Ok(Grouped { input, output, groups: convolutions?, sides })
    }

    /// The shape that comes out.
    pub fn output(&self) -> Shape {
        self.output
    }

    /// The channels of each group, taken out of `x [B, pixels·channels]`.
    fn apart(&self, x: &Tensor, [pixels, channels]: [usize; 2]) -> Vec<Tensor> {
        let (count, rows, x) = (self.groups.len(), x.dims()[0], view(x));
        let each = channels / count;
        let group = |g: usize| {
            let mut own = Vec::with_capacity(rows * pixels * each);
            x.chunks_exact(channels)
                .for_each(|pixel| own.extend_from_slice(&pixel[g * each..(g + 1) * each]));
            matrix(own, rows, pixels * each)
        };
        (0..count).map(group).collect()
    }

    /// The way back of [`Grouped::apart`].
    fn together(&self, groups: &[Tensor], [pixels, channels]: [usize; 2]) -> Vec<f32> {
        let rows = groups[0].dims()[0];
        let each = channels / groups.len();
        let mut all = vec![0.0; rows * pixels * channels];
        for (g, group) in groups.iter().enumerate() {
            let places = all.chunks_exact_mut(channels).map(|pixel| &mut pixel[g * each..(g + 1) * each]);
            places.zip(view(group).chunks_exact(each)).for_each(|(place, own)| place.copy_from_slice(own));
        }
        all
    }
}

impl Block for Grouped {
    fn apply(&self, x: &Activity) -> Activity {
        let [inside, outside] = self.sides;
        let x = self.apart(&pixels(self.input, x).tensor(), inside);
        let h: Vec<Tensor> =
            self.groups.iter().zip(x).map(|(group, x)| group.apply(&x.into()).into_tensor()).collect();
        let rows = h[0].dims()[0];
        matrix(self.together(&h, outside), rows, self.output.features()).into()
    }

    fn forward(&mut self, x: Activity, chance: &mut Rng) -> (Activity, Saved) {
        let [inside, outside] = self.sides;
        let parts = self.apart(&pixels(self.input, &x).tensor(), inside);
        drop(x);
        let mut saved = Saved::default();
        let mut h = Vec::with_capacity(parts.len());
        for (group, x) in self.groups.iter_mut().zip(parts) {
            let (own, kept) = group.forward(x.into(), chance);
            h.push(own.into_tensor());
            saved.inner.push(kept);
        }
        let rows = h[0].dims()[0];
        (matrix(self.together(&h, outside), rows, self.output.features()).into(), saved)
    }

    fn pullback(
        &mut self,
        saved: Saved,
        credit: Credit,
        want_dx: bool,
        descend: &mut dyn Descend,
    ) -> Option<Tensor> {
        let [inside, outside] = self.sides;
        let dy = self.apart(&credit.dy.tensor(), outside);
        let count = self.groups.len();
        let pushed = credit.ungated.map(|push| {
            let rows = push.rows;
            let parts = self.apart(&matrix(push.da, 1, self.output.features()), outside);
            parts.into_iter().map(|da| Ungated { rows, da: view(&da).to_vec() }).collect::<Vec<_>>()
        });
        let mut pushed = pushed.map(Vec::into_iter);
        let mut dx = Vec::with_capacity(count);
        for ((group, kept), dy) in self.groups.iter_mut().zip(saved.inner).zip(dy) {
            let ungated = pushed.as_mut().and_then(Iterator::next);
            let credit = Credit { dy: dy.into(), ungated, skip_idle_rows: credit.skip_idle_rows };
            dx.extend(group.pullback(kept, credit, want_dx, descend));
        }
        want_dx.then(|| {
            let rows = dx[0].dims()[0];
            matrix(planes(self.input, self.together(&dx, inside)), rows, self.input.features())
        })
    }

    fn params(&mut self, visit: &mut dyn FnMut(&mut Param)) {
        self.groups.iter_mut().for_each(|group| group.params(visit));
    }

    fn shape_out(&self, input: Shape) -> Result<Shape, ShapeError> {
        made_for(self, self.input, input, self.output)
    }

    fn cost(&self, rows: usize) -> Cost {
        let mut whole = Cost { saved_bytes: Some(0), ..Cost::default() };
        for cost in self.groups.iter().map(|group| group.cost(rows)) {
            whole.forward_macs += cost.forward_macs;
            whole.weight_macs += cost.weight_macs;
            whole.input_macs += cost.input_macs;
            whole.parameters += cost.parameters;
            whole.output_bytes += cost.output_bytes;
            whole.saved_bytes = whole.saved_bytes.zip(cost.saved_bytes).map(|(sum, own)| sum + own);
        }
        // each keeps a copy of its own channels, not the input
        let copies = (rows * self.input.features() * 4) as u64;
        whole.saved_bytes = whole.saved_bytes.map(|saved| saved + copies);
        whole
    }

    fn describe(&self) -> String {
        let (count, first) = (self.groups.len(), self.groups[0].describe());
        format!("{} → {} in {count} groups of: {first}", self.input, self.output)
    }
}
