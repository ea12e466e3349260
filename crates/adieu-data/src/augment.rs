//! Images changed a little before they are shown: mirrored, turned, cut, with a part covered. Shifts: see `shift.rs`.
//!
//! Each function changes one row `[channels, height, width]` in place and draws nothing: what is drawn is given.

use crate::ImageShape;

/// Mirrors the image `row`: left becomes right.
///
/// # Panics
/// If `row` is not of `image`'s size.
pub fn flip(row: &mut [f32], image: ImageShape) {
    assert_eq!(row.len(), image.pixels(), "flip: pixels of an image of {image}");
    row.chunks_exact_mut(image.width).for_each(<[f32]>::reverse);
}

/// A square, in pixels from the upper left corner; it may reach beyond the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Square {
    /// Its first line.
    pub top: i64,
    /// Its first column.
    pub left: i64,
    /// Its side.
    pub side: i64,
}

/// Makes `square` of the image `row` black, in all channels (cutout, DeVries and Taylor, arXiv:1708.04552).
///
/// # Panics
/// If `row` is not of `image`'s size.
pub fn cover(row: &mut [f32], image: ImageShape, square: Square) {
    assert_eq!(row.len(), image.pixels(), "cover: pixels of an image of {image}");
    let within = |start: i64, size: usize| {
        let clamp = |at: i64| at.clamp(0, size as i64) as usize;
        clamp(start)..clamp(start.saturating_add(square.side.max(0)))
    };
    let (lines, columns) = (within(square.top, image.height), within(square.left, image.width));
    for plane in row.chunks_exact_mut(image.height * image.width) {
        for line in lines.clone() {
            plane[line * image.width..][columns.clone()].fill(0.0);
        }
    }
}

/// What part of an image is seen, and how it is turned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct View {
    /// Degrees, counter-clockwise.
    pub degrees: f32,
    /// Share of height and width that is seen, above 0; 1 is all of it.
    pub share: f32,
    /// Where the middle of what is seen lies, in pixels below that of the image.
    pub down: f32,
    /// The same to the right.
    pub right: f32,
}

/// Draws what `view` sees of the image `row` at the image's own size, each pixel from the four nearest (bilinear); there
/// is black beyond the edges. `room` is used for the image as it was.
///
/// # Panics
/// If `row` is not of `image`'s size.
pub fn look(row: &mut [f32], image: ImageShape, view: View, room: &mut Vec<f32>) {
    assert_eq!(row.len(), image.pixels(), "look: pixels of an image of {image}");
    let ImageShape { height, width, .. } = image;
    room.clear();
    room.extend_from_slice(row);
    let (sin, cos) = view.degrees.to_radians().sin_cos();
    let (middle_y, middle_x) = ((height - 1) as f32 / 2.0, (width - 1) as f32 / 2.0);
    let size = height * width;
    for at in 0..size {
        let (y, x) = ((at / width) as f32 - middle_y, (at % width) as f32 - middle_x);
        let from_y = middle_y + view.down + view.share * (cos * y + sin * x);
        let from_x = middle_x + view.right + view.share * (cos * x - sin * y);
        let (top, left) = (from_y.floor(), from_x.floor());
        let (below, beside) = (from_y - top, from_x - left);
        let corners = [
            (top, left, (1.0 - below) * (1.0 - beside)),
            (top, left + 1.0, (1.0 - below) * beside),
            (top + 1.0, left, below * (1.0 - beside)),
            (top + 1.0, left + 1.0, below * beside),
        ];
        for (plane, old) in row.chunks_exact_mut(size).zip(room.chunks_exact(size)) {
            let seen = corners.iter().filter(|(y, x, weight)| {
                *weight > 0.0 && (0.0..height as f32).contains(y) && (0.0..width as f32).contains(x)
            });
            plane[at] = seen.map(|(y, x, weight)| weight * old[*y as usize * width + *x as usize]).sum();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IMAGE: ImageShape = ImageShape { height: 3, width: 3, channels: 2 };

    fn numbered() -> Vec<f32> {
        (1..=18).map(|i| i as f32).collect()
    }

    #[test]
    fn a_flip_mirrors_each_line_and_twice_is_none() {
        let mut row = numbered();
        flip(&mut row, IMAGE);
        assert_eq!(row[..6], [3.0, 2.0, 1.0, 6.0, 5.0, 4.0]);
        assert_eq!(row[9..12], [12.0, 11.0, 10.0]);
        flip(&mut row, IMAGE);
        assert_eq!(row, numbered());
    }

    #[test]
    fn a_square_is_black_and_what_reaches_beyond_is_lost() {
        for (top, left, side) in
            [(1, 1, 1), (-1, -1, 2), (2, 2, 9), (0, 0, 3), (5, 0, 2), (0, -9, 2), (1, 0, 0)]
        {
            let mut row = numbered();
            cover(&mut row, IMAGE, Square { top, left, side });
            for (i, value) in row.iter().enumerate() {
                let (y, x) = ((i / 3 % 3) as i64, (i % 3) as i64);
                let covered = (top..top + side).contains(&y) && (left..left + side).contains(&x);
                assert_eq!(*value == 0.0, covered, "{top} {left} {side}: pixel {i}");
            }
        }
    }

    #[test]
    fn a_view_turns_shifts_and_magnifies() {
        let still = View { degrees: 0.0, share: 1.0, down: 0.0, right: 0.0 };
        let seen = |view| {
            let mut row = numbered();
            look(&mut row, IMAGE, view, &mut Vec::new());
            row.iter().map(|value| (value * 1e3).round() / 1e3).collect::<Vec<f32>>()
        };
        assert_eq!(seen(still), numbered());
        // a quarter turn against the clock: the right column becomes the upper line
        let turned = seen(View { degrees: 90.0, ..still });
        assert_eq!(turned[..9], [3.0, 6.0, 9.0, 2.0, 5.0, 8.0, 1.0, 4.0, 7.0]);
        assert_eq!(turned[9..12], [12.0, 15.0, 18.0]);
        let shifted = seen(View { down: 1.0, right: -1.0, ..still });
        assert_eq!(shifted[..9], [0.0, 4.0, 5.0, 0.0, 7.0, 8.0, 0.0, 0.0, 0.0]);
        // half of it: the corners lie between four pixels
        let near = seen(View { share: 0.5, ..still });
        assert_eq!((near[0], near[4], near[8]), (3.0, 5.0, 7.0));
    }
}
