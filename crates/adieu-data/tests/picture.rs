//! One image for a prediction: PNG and IDX, and what each fault says.

mod support;

use std::path::Path;

use adieu_data::{ImageShape, read_image};
use png::{BitDepth, ColorType};
use support::{Folder, NAMES, gzip, idx, png, shorten};

const GREY: ImageShape = ImageShape { height: 1, width: 3, channels: 1 };
const COLOUR: ImageShape = ImageShape { height: 1, width: 3, channels: 3 };

#[test]
fn every_kind_of_png_becomes_the_pixels_the_network_expects() {
    let folder = Folder::new();
    let cases: [(&str, Vec<u8>, [u8; 3]); 7] = [
        ("grey", png(3, 1, ColorType::Grayscale, BitDepth::Eight, &[0, 128, 255]), [0, 128, 255]),
        ("bits", png(3, 1, ColorType::Grayscale, BitDepth::One, &[0b1010_0000]), [255, 0, 255]),
        (
            "sixteen",
            png(3, 1, ColorType::Grayscale, BitDepth::Sixteen, &[0, 9, 128, 3, 255, 255]),
            [0, 128, 255],
        ),
        (
            "alpha",
            png(3, 1, ColorType::GrayscaleAlpha, BitDepth::Eight, &[9, 0, 200, 128, 255, 255]),
            [0, 100, 255],
        ),
        ("palette", png(3, 1, ColorType::Indexed, BitDepth::Eight, &[0, 1, 2]), [0, 76, 90]),
        (
            "rgb",
            png(3, 1, ColorType::Rgb, BitDepth::Eight, &[255, 0, 0, 0, 255, 0, 0, 0, 255]),
            [76, 150, 29],
        ),
        (
            "rgba",
            png(3, 1, ColorType::Rgba, BitDepth::Eight, &[255, 0, 0, 255, 0, 255, 0, 0, 50, 50, 50, 255]),
            [76, 0, 50],
        ),
    ];
    for (name, file, pixels) in cases {
        assert_eq!(read_image(&folder.write(name, &file), GREY).unwrap(), pixels, "{name}");
    }
    let rgb = png(3, 1, ColorType::Rgb, BitDepth::Eight, &[1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert_eq!(read_image(&folder.write("rgb", &rgb), COLOUR).unwrap(), [1, 4, 7, 2, 5, 8, 3, 6, 9]);
    let grey = png(3, 1, ColorType::Grayscale, BitDepth::Eight, &[1, 2, 3]);
    assert_eq!(read_image(&folder.write("grey", &grey), COLOUR).unwrap(), [1, 2, 3, 1, 2, 3, 1, 2, 3]);
}

#[test]
fn a_row_of_an_idx_file_is_chosen_by_its_number() {
    let folder = Folder::new();
    let shape = ImageShape { height: 2, width: 3, channels: 1 };
    let images = folder.path.join(NAMES[0]);
    let row = |suffix: &str| read_image(Path::new(&format!("{}{suffix}", images.display())), shape);
    assert_eq!(row("").unwrap(), [0, 1, 2, 3, 4, 5]);
    assert_eq!(row("#11").unwrap(), [66, 67, 68, 69, 70, 71]);
    assert_eq!(
        shorten(row("#12"), &folder.path),
        "D/train-images-idx3-ubyte: it has no row 12: its 12 rows count from 0; choose a smaller number after the #"
    );
    folder.write("packed#5", &gzip(&folder.read(NAMES[0])));
    assert_eq!(
        read_image(&folder.path.join("packed#5"), shape).unwrap(),
        [0, 1, 2, 3, 4, 5],
        "a # in a name"
    );
    assert_eq!(read_image(&folder.path.join("packed#5#2"), shape).unwrap(), [12, 13, 14, 15, 16, 17]);
}

#[test]
fn every_fault_names_the_file_and_the_remedy() {
    let folder = Folder::new();
    let good = png(3, 1, ColorType::Grayscale, BitDepth::Eight, &[1, 2, 3]);
    folder.write("good.png", &good);
    folder.write("cut.png", &good[..good.len() - 20]);
    folder.write("end.png", &good[..40]);
    let mut flipped = good.clone();
    flipped[45] ^= 4; // in the image data, which have a checksum
    folder.write("flipped.png", &flipped);
    folder.write("large.png", &png(28, 29, ColorType::Grayscale, BitDepth::Eight, &[0; 28 * 29]));
    folder.write("text.png", b"hello");
    folder.write("idx", &idx(&[1, 1, 4], &[0; 4]));
    let cases = [
        (
            "none.png",
            "D/none.png: no such file; name a PNG or JPEG picture, or an IDX file of images with #ROW",
        ),
        ("none#x", "D/none#x: no such file; name a PNG"),
        (".", "D/.: not a file; name a PNG"),
        ("good.png#0", "D/good.png: a PNG picture holds one image, not rows; leave out the # and the number"),
        ("cut.png", "D/cut.png: damaged (PNG: "),
        ("end.png", "D/end.png: damaged (PNG: "),
        ("flipped.png", "D/flipped.png: damaged (PNG: "),
        (
            "large.png",
            "D/large.png: an image of 29 × 28 pixels (height × width), but the network expects 1 × 3; \
             scale or crop it to that size first",
        ),
        ("idx", "D/idx: an image of 1 × 4 pixels (height × width), but the network expects 1 × 3; scale"),
        (
            "text.png",
            "D/text.png: not an IDX file of images (00 00 08 03): it begins with '68 65 6c 6c' and seems to be \
             something else; name a PNG or JPEG picture",
        ),
    ];
    let mut wrong = Vec::new();
    for (name, message) in cases {
        let found = shorten(read_image(&folder.path.join(name), GREY), &folder.path);
        if !found.starts_with(message) {
            wrong.push(format!("expected {message}\n   found {found}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
