//! Shifted images: the cheapest augmentation, and the one Hinton 2022 uses ("jitter").

use crate::ImageShape;

/// Moves the image `row` `[channels, height, width]` down by `down` and to the right by `right` pixels, in place; negative: up, to the left. What
/// comes in from outside is 0, what goes out is lost.
///
/// # Panics
/// If `row` is not of `image`'s size.
pub fn shift(row: &mut [f32], image: ImageShape, down: i32, right: i32) {
    let ImageShape { height, width, .. } = image;
    assert_eq!(row.len(), image.pixels(), "shift: pixels of a {height}x{width} image");
    let size = height * width;
    for plane in row.chunks_exact_mut(size) {
        let (rows, columns) = (down.unsigned_abs() as usize, right.unsigned_abs() as usize);
        if rows >= height || columns >= width {
            plane.fill(0.0);
            continue;
        }
        let (lines, edge) = (rows * width, size - rows * width);
        if down >= 0 {
            plane.copy_within(..edge, lines);
            plane[..lines].fill(0.0);
        } else {
            plane.copy_within(lines.., 0);
            plane[edge..].fill(0.0);
        }
        for line in plane.chunks_exact_mut(width) {
            if right >= 0 {
                line.copy_within(..width - columns, columns);
                line[..columns].fill(0.0);
            } else {
                line.copy_within(columns.., 0);
                line[width - columns..].fill(0.0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pixel_goes_where_it_should_and_nothing_comes_round_the_edge() {
        let image = ImageShape { height: 3, width: 4, channels: 2 };
        let before: Vec<f32> = (1..=24).map(|i| i as f32).collect();
        for down in -4..=4 {
            for right in -5..=5 {
                let mut after = before.clone();
                shift(&mut after, image, down, right);
                for (i, value) in after.iter().enumerate() {
                    let (c, y, x) = (i / 12, (i / 4 % 3) as i32 - down, (i % 4) as i32 - right);
                    let inside = (0..3).contains(&y) && (0..4).contains(&x);
                    let wanted = if inside { before[c * 12 + (y * 4 + x) as usize] } else { 0.0 };
                    assert_eq!(*value, wanted, "down {down}, right {right}, at {i}");
                }
            }
        }
    }
}
