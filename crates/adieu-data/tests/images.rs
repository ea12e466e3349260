//! Folders of pictures: what is read, in which order, and what each fault says.
#![allow(clippy::unwrap_used)] // a test that cannot go on shall panic

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use adieu_data::{DataError, Dataset, How, OnBad, Split, split};
use png::{BitDepth, ColorType};
use support::{png, shorten};
use tempfile::TempDir;

/// 8 x 8 pixels, the upper half 0, the lower 200; made by another program (Pillow 12, quality 95).
const GREY_JPEG: &str = "\
ffd8ffe000104a46494600010100000100010000ffdb004300020101010101020101010202020202040302020202050404030406050606\
     0605060606070908060709070606080b08090a0a0a0a0a06080b0c0b0a0c090a0a0affc0000b080008000801011100ffc4001400010000\
     0000000000000000000000000007ffc400181000020300000000000000000000000000001a68a7e5ffda0008010100003f000f52a9ff00\
     556a9fffd9";
/// 8 x 8 pixels of red 200, green 90, blue 0.
const COLOUR_JPEG: &str = "\
     ffd8ffe000104a46494600010100000100010000ffdb004300020101010101020101010202020202040302020202050404030406050606\
     0605060606070908060709070606080b08090a0a0a0a0a06080b0c0b0a0c090a0a0affdb004301020202020202050303050a0706070a0a\
     0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0affc00011080008\
     000803012200021101031101ffc4001500010100000000000000000000000000000006ffc4001410010000000000000000000000000000\
     0000ffc4001501010100000000000000000000000000000809ffc40014110100000000000000000000000000000000ffda000c03010002\
     110311003f0083013fcf87ffd9";

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u32> = hex.chars().filter_map(|c| c.to_digit(16)).collect();
    digits.chunks(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect()
}

fn grey(values: [u8; 2]) -> Vec<u8> {
    png(2, 1, ColorType::Grayscale, BitDepth::Eight, &values)
}

struct Pictures {
    _temporary: TempDir,
    path: PathBuf,
}

impl Pictures {
    fn empty() -> Pictures {
        let temporary = TempDir::new().unwrap();
        Pictures { path: temporary.path().join("zoo"), _temporary: temporary }
    }

    /// Classes b (6 pictures to train), a (3) and c (3); two, one and none to test.
    fn new() -> Pictures {
        let pictures = Pictures::empty();
        for (class, train, test) in [("b", 6, 2), ("a", 3, 1), ("c", 3, 0)] {
            let label = class.as_bytes()[0];
            (0..train).for_each(|i| pictures.write(&format!("train/{class}/{i}.png"), &grey([label, i])));
            (0..test).for_each(|i| pictures.write(&format!("test/{class}/{i}.png"), &grey([label, 100 + i])));
        }
        pictures
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.path.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn load(&self) -> Result<Dataset, DataError> {
        adieu_data::load("images", Some(&self.path))
    }

    fn refusal(&self) -> String {
        shorten(self.load().map(|data| data.train.len()), &self.path)
    }
}

#[test]
fn classes_are_the_folders_and_every_stretch_of_rows_has_each_in_its_share() {
    let pictures = Pictures::new();
    pictures.write("train/b/.hidden", b"no picture");
    let data = pictures.load().unwrap();
    assert_eq!(
        (data.info.name.as_str(), &data.info.classes[..]),
        ("zoo", &["a", "b", "c"].map(String::from)[..])
    );
    assert_eq!((data.train.len(), data.test.len(), data.info.image.to_string().as_str()), (12, 3, "1 × 2"));
    for (i, label) in data.train.all_labels().iter().enumerate() {
        assert_eq!(data.train.row(i)[0], b'a' + label, "the label is the folder's");
    }
    for half in [0..6, 6..12] {
        let count = |label| half.clone().filter(|i| data.train.label(*i) == label).count();
        assert!((1..=2).contains(&count(0)) && count(1) == 3 && (1..=2).contains(&count(2)), "{half:?}");
    }
    assert_eq!(split(&data, Split::Choose).validation, Some(10..12));
    assert_eq!(data, pictures.load().unwrap(), "always the same order");
}

#[test]
fn jpeg_is_read_grey_and_in_colour() {
    for (name, file, each) in [("grey", GREY_JPEG, &[200_u8][..]), ("colour", COLOUR_JPEG, &[200, 90, 0])] {
        let pictures = Pictures::empty();
        for place in ["train/x/0.jpg", "train/y/0.jpg", "test/x/0.jpg"] {
            pictures.write(place, &bytes(file));
        }
        let data = pictures.load().unwrap();
        assert_eq!(data.info.image.channels, each.len(), "{name}");
        for (i, pixel) in data.train.row(0).iter().enumerate() {
            let wanted = if each.len() == 1 && i < 32 { 0 } else { each[i / 64] };
            assert!(pixel.abs_diff(wanted) <= 3, "{name}: pixel {i} is {pixel}, not {wanted}");
        }
    }
}

#[test]
fn faults_name_the_file_and_the_remedy() {
    let folder = |change: &dyn Fn(&Pictures)| {
        let pictures = Pictures::new();
        change(&pictures);
        pictures.refusal()
    };
    let broken = &bytes(GREY_JPEG)[..60];
    type Case<'a> = (&'a dyn Fn(&Pictures), &'a [&'a str]);
    let cases: [Case<'_>; 8] = [
        (
            &|p| fs::remove_dir_all(p.path.join("test")).unwrap(),
            &["D/test: no such folder", "FOLDER/train/CLASS"],
        ),
        (
            &|p| p.write("train/a/notes.txt", b"hello"),
            &["D/train/a/notes.txt: neither a PNG nor a JPEG", "out of"],
        ),
        (&|p| p.write("train/c/0.jpg", broken), &["D/train/c/0.jpg: damaged (JPEG", "again"]),
        (
            &|p| p.write("train/b/3.png", &png(1, 1, ColorType::Grayscale, BitDepth::Eight, &[1])),
            &["D/train/b/3.png: a picture of 1 × 1 pixels among pictures of 1 × 2", "one size"],
        ),
        (
            &|p| p.write("test/b/0.png", &png(2, 1, ColorType::Rgb, BitDepth::Eight, &[1; 6])),
            &["D/test/b/0.png: a picture of 1 × 2 × 3 pixels among", "all in colour"],
        ),
        (&|p| p.write("test/d/0.png", &grey([1, 2])), &["D/test: a class `d` that train has not"]),
        (
            &|p| ["a", "c"].iter().for_each(|c| fs::remove_dir_all(p.path.join("train").join(c)).unwrap()),
            &["D/train: 1 folders of pictures, but 2 to 256"],
        ),
        (
            &|p| ["a", "b"].iter().for_each(|c| fs::remove_dir_all(p.path.join("test").join(c)).unwrap()),
            &["D/test: no picture in any of its classes"],
        ),
    ];
    for (change, parts) in cases {
        let said = folder(change);
        assert!(parts.iter().all(|part| said.contains(part)), "{parts:?} in {said}");
    }
    let said = adieu_data::load("images", Some(Path::new("/no/such"))).unwrap_err().to_string();
    assert!(said.contains("/no/such/train: no such folder"), "{said}");
}

#[test]
fn a_folder_that_is_not_divided_gives_a_sixth_of_each_class_to_test() {
    let pictures = Pictures::empty();
    for class in ["day", "night"] {
        (0..12).for_each(|i| pictures.write(&format!("{class}/{i}.png"), &grey([class.as_bytes()[0], i])));
    }
    let data = pictures.load().unwrap();
    assert_eq!((data.train.len(), data.test.len()), (20, 4));
    assert_eq!(data.test.all_labels().iter().filter(|label| **label == 0).count(), 2);
    assert_eq!(data.info.notes, ["a sixth of each class tests, drawn by seed 1"]);
    assert_eq!(data, pictures.load().unwrap(), "always the same");
    let other = How { seed: 5, ..How::default() };
    let other = adieu_data::load_as("images", Some(&pictures.path), &other).unwrap();
    assert_ne!(other.test, data.test, "another seed, other rows");
    fs::create_dir(pictures.path.join("dusk")).unwrap();
    let said = pictures.refusal();
    assert!(said.contains("D/dusk: no picture in it"), "{said}");
}

#[test]
fn bad_pictures_are_left_out_and_counted_if_asked() {
    let pictures = Pictures::new();
    pictures.write("train/c/0.jpg", &bytes(GREY_JPEG)[..60]);
    pictures.write("train/a/notes.txt", b"hello");
    pictures.write("test/b/0.png", &png(2, 1, ColorType::Rgb, BitDepth::Eight, &[1; 6]));
    let skip = How { on_bad: OnBad::Skip, ..How::default() };
    let data = adieu_data::load_as("images", Some(&pictures.path), &skip).unwrap();
    assert_eq!((data.train.len(), data.test.len(), data.info.skipped.count), (12, 2, 3));
    for (i, label) in data.train.all_labels().iter().enumerate() {
        assert_eq!(data.train.row(i)[0], b'a' + label, "rows keep their labels");
    }
    for what in
        ["train/c/0.jpg: damaged", "train/a/notes.txt: neither", "test/b/0.png: a picture of 1 × 2 × 3"]
    {
        assert!(data.info.skipped.first.iter().any(|message| message.contains(what)), "{what}");
    }
}
