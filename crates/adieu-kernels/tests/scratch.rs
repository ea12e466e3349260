//! Working memory: each product takes what it states, whatever the numbers are.

use adieu_kernels::{
    Activation, Epilogue, Errors, Outputs, Precision, Rows, Target, Terms, Weights, Zeros, forward,
    forward_scratch, input_gradient, input_gradient_scratch, panel_len, release_scratch, scratch_bytes,
    weight_gradient, weight_gradient_scratch,
};

/// What `product` leaves behind on a thread that held nothing.
fn held(product: impl FnOnce()) -> usize {
    release_scratch();
    product();
    scratch_bytes()
}

#[test]
fn every_product_holds_what_it_states() {
    for (rows, n_in, n_out) in [(1, 1, 1), (7, 13, 33), (12, 129, 31), (100, 300, 65)] {
        for density in [0.0, 0.1, 1.0] {
            let values = |count: usize, density: f64| -> Vec<f32> {
                let others = (density * 10.0) as usize;
                (0..count).map(|i| if i * 7 % 10 < others { 1.0 + i as f32 } else { 0.0 }).collect()
            };
            let (x, da) = (values(rows * n_in, density), values(rows * n_out, 1.0));
            let w = vec![0.5; panel_len(n_in, n_out)];
            let (x, weights) = (Rows::new(&x, rows, n_in), Weights::new(&w, n_in, n_out));
            let da = Errors::gated(Rows::new(&da, rows, n_out), Activation::Identity, &da);
            let (mut h, mut dx, mut dw) = (vec![0.0; rows * n_out], vec![0.0; rows * n_in], w.clone());
            for precision in Precision::available() {
                let dx = held(|| input_gradient(da, weights, precision, &mut dx));
                assert_eq!(dx, input_gradient_scratch(rows, n_in, n_out, precision));
                for zeros in [Zeros::Multiply, Zeros::Skip, Zeros::Choose] {
                    let x = x.with_zeros(zeros);
                    for wanted in [false, true] {
                        let mut squares = vec![0.0; rows];
                        let squares = wanted.then_some(&mut squares[..]);
                        let out = Outputs { h: &mut h, pre: None, squares };
                        let h = held(|| forward(x, weights, Epilogue::default(), precision, out));
                        assert_eq!(h, forward_scratch(rows, n_in, n_out, precision, zeros, wanted));
                    }
                    let (u, v) = (vec![1.0; n_in], vec![1.0; n_out]);
                    let some: Vec<u32> = (0..rows as u32).step_by(3).collect();
                    for (outer, more) in [(None, 0), (Some((&u[..], &v[..])), 1)] {
                        for listed in [None, Some(&some[..]), Some(&[][..])] {
                            let (terms, target) = (Terms { rows: listed, outer }, Target::Store(&mut dw));
                            let dw = held(|| weight_gradient(x, da, terms, precision, target, None));
                            let stated = weight_gradient_scratch(rows + more, n_in, n_out, precision, zeros);
                            assert_eq!(dw, stated, "{rows} × {n_in} × {n_out}, {zeros:?}, {precision:?}");
                        }
                    }
                }
            }
        }
    }
}
