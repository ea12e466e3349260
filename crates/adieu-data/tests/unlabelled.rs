//! Data without labels: read where the caller says so, refused where nobody does.
#![allow(clippy::unwrap_used)] // a test that cannot go on shall panic

mod support;

use adieu_data::{Dataset, How, OnBad, load, load_as};
use png::{BitDepth, ColorType};
use proptest::prelude::*;
use support::{Place, png, shorten, zip};

fn bare() -> How {
    How { labels: false, ..How::default() }
}

fn noted(data: &Dataset, note: &str) -> bool {
    data.info.notes.iter().any(|said| said.contains(note))
}

fn assert_bare(data: &Dataset) {
    assert!(data.info.classes.is_empty());
    assert!([&data.train, &data.test].iter().all(|rows| rows.all_labels().iter().all(|label| *label == 0)));
}

/// A `.npy` file of format 1 in C order.
fn npy(descr: &str, shape: &str, values: &[u8]) -> Vec<u8> {
    let text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend((text.len() as u16).to_le_bytes());
    file.extend(text.as_bytes());
    file.extend(values);
    file
}

fn numbers(lines: usize) -> String {
    (0..lines).map(|i| format!("{i},{}.5\n", 2 * i)).collect()
}

#[test]
fn a_table_without_labels_is_read_when_it_is_said() {
    let place = Place::new();
    let csv = place.write("t.csv", format!("size,weight\n{}", numbers(24)).as_bytes());
    let tsv = place.write("t.tsv", format!("size\tweight\n{}", numbers(24).replace(',', "\t")).as_bytes());
    let arff = "@relation t\n@attribute size numeric\n@attribute weight real\n@data\n";
    let arff = place.write("t.arff", format!("{arff}{}", numbers(24)).as_bytes());
    let x: Vec<u8> =
        (0..48_u32).flat_map(|i| (f64::from(i / 2) * f64::from(1 + i % 2)).to_le_bytes()).collect();
    let npz = place.write("t.npz", &zip(&[("X.npy", &npy("<f8", "(24, 2)", &x), 0)]));
    for (kind, path) in [("csv", &csv), ("csv", &tsv), ("arff", &arff), ("npz", &npz)] {
        let data = load_as(kind, Some(path), &bare()).unwrap();
        assert_bare(&data);
        assert_eq!((data.train.len(), data.test.len(), data.train.width()), (20, 4, 2), "{kind}");
        assert!(noted(&data, "labels: none; every column is learnt from"), "{:?}", data.info.notes);
        assert!(noted(&data, "a sixth of the rows tests, drawn by seed 1"), "{:?}", data.info.notes);
        assert_eq!(data, load_as(kind, Some(path), &bare()).unwrap(), "always the same");
        let said = shorten(load(kind, Some(path)), &place.path);
        let file = path.file_name().unwrap().to_str().unwrap();
        assert!(said.starts_with(&format!("D/{file}: ")), "{said}");
        assert!(said.contains("that there are none (labels = false, --no-labels)"), "{said}");
    }
    // one column is enough to learn from
    let path = place.write("one.csv", b"size\n1\n2\n3\n4\n5\n6\n7\n");
    assert_eq!(load_as("csv", Some(&path), &bare()).unwrap().train.width(), 1);
    let path = place.write("none.csv", b"class\n1\n2\n");
    let said = shorten(load_as("csv", Some(&path), &bare()), &place.path);
    assert!(said.contains("no column but the labels"), "{said}");
    let path = place.write("bad.csv", b"size\n1\nred\n");
    let said = shorten(load_as("csv", Some(&path), &bare()), &place.path);
    assert!(said.contains("D/bad.csv: line 3: `red` in column `size` is no finite number"), "{said}");
}

#[test]
fn labels_that_are_there_are_left_out_whatever_they_are() {
    let place = Place::new();
    // missing ones, one class alone, more than can be told apart: nobody looks
    for labels in [vec!["?"; 24], vec!["a"; 24], ["", "b"].repeat(12)] {
        let lines: String = labels.iter().enumerate().map(|(i, label)| format!("{i},{label}\n")).collect();
        let path = place.write("t.csv", format!("size,class\n{lines}").as_bytes());
        let data = load_as("csv", Some(&path), &bare()).unwrap();
        assert_bare(&data);
        assert_eq!((data.info.columns.len(), data.train.len()), (1, 20));
        assert!(
            noted(&data, "labels: none are wanted, so column `class` is left out"),
            "{:?}",
            data.info.notes
        );
    }
    let text: String = (0..24).map(|i| format!("{i},{},{i}\n", i % 2)).collect();
    let path = place.write("t.csv", format!("size,class,sort\n{text}").as_bytes());
    let asked = How { label: Some("sort".into()), ..bare() };
    let data = load_as("csv", Some(&path), &asked).unwrap();
    assert_eq!(data.info.columns, ["size", "class"].map(String::from), "the one that is named is left out");
    let gone = How { label: Some("kind".into()), ..bare() };
    let said = shorten(load_as("csv", Some(&path), &gone), &place.path);
    assert!(said.contains("no column is called `kind`"), "{said}");
    // labels do not decide which rows test
    let other: String = (0..24).map(|i| format!("{i},{},{i}\n", u8::from(i < 12))).collect();
    let other = place.write("u.csv", format!("size,class,sort\n{other}").as_bytes());
    let data = |path| load_as("csv", Some(path), &bare()).unwrap();
    let sizes = |data: &Dataset| {
        data.train.columns().unwrap().iter().step_by(2).map(|v| *v as u8).collect::<Vec<_>>()
    };
    assert_eq!(sizes(&data(&path)), sizes(&data(&other)));
}

#[test]
fn a_folder_of_two_files_and_arrays_of_pictures() {
    let place = Place::new();
    place.write("train.csv", b"a,b\n0,1\n1,2\n1,3\n");
    place.write("test.csv", b"a,b\n5,9\n");
    let data = load_as("csv", Some(&place.path), &bare()).unwrap();
    assert_eq!((data.train.len(), data.test.columns()), (3, Some(&[5.0, 9.0][..])));
    let images: Vec<u8> = (0..48).collect();
    let x = npy("|u1", "(12, 2, 2)", &images);
    for members in [
        vec![("x_train.npy", &x[..], 0), ("x_test.npy", &x[..], 0)],
        vec![("X.npy", &x[..], 0), ("y.npy", b"nonsense that nobody reads", 0)],
    ] {
        let divided = members[1].0 == "x_test.npy";
        let path = place.write("p.npz", &zip(&members));
        let data = load_as("npz", Some(&path), &bare()).unwrap();
        assert_bare(&data);
        assert_eq!((data.train.len(), data.test.len()), if divided { (12, 12) } else { (10, 2) });
        assert_eq!((data.info.image.height, data.info.image.width), (2, 2));
    }
}

fn grey(value: u8) -> Vec<u8> {
    png(2, 1, ColorType::Grayscale, BitDepth::Eight, &[value, value])
}

#[test]
fn pictures_need_no_folders_of_classes() {
    let place = Place::new();
    let write = |name: &str, value: u8| {
        let path = place.path.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, grey(value)).unwrap();
    };
    (0..12).for_each(|i| write(&format!("loose/{i}.png"), i));
    let loose = place.path.join("loose");
    let data = load_as("images", Some(&loose), &bare()).unwrap();
    assert_bare(&data);
    assert_eq!((data.train.len(), data.test.len()), (10, 2));
    assert_eq!(data.info.notes, ["a sixth of the rows tests, drawn by seed 1"]);
    let said = shorten(load("images", Some(&loose)), &place.path);
    assert!(said.starts_with("D/loose: 0 folders of pictures"), "{said}");
    assert!(said.ends_with("or say that there are no labels (labels = false, --no-labels)"), "{said}");
    // parts, loose or in folders of whatever name
    (0..8).for_each(|i| write(&format!("parts/train/{}/{i}.png", i % 2), i));
    (8..10).for_each(|i| write(&format!("parts/train/{i}.png"), i));
    (0..3).for_each(|i| write(&format!("parts/test/{i}.png"), 100 + i));
    let parts = place.path.join("parts");
    let data = load_as("images", Some(&parts), &bare()).unwrap();
    assert_bare(&data);
    let mut values: Vec<u8> = (0..data.train.len()).map(|row| data.train.row(row)[0]).collect();
    assert_ne!(values, (0..10).collect::<Vec<u8>>(), "in an order of chance: the last rows are held back");
    values.sort_unstable();
    assert_eq!((values, data.test.len()), ((0..10).collect(), 3));
    std::fs::create_dir_all(place.path.join("empty/train")).unwrap();
    let said = shorten(load_as("images", Some(&place.path.join("empty")), &bare()), &place.path);
    assert!(
        said.contains("D/empty/train: no picture in it, nor in its folders; lay the pictures out"),
        "{said}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(100) })]

    #[test]
    fn garbage_without_labels_is_read_or_refused(
        which in 0..3_usize,
        set in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        wild in "[ -~\n\t\"'{},%@\\\\]{0,80}",
        skip in any::<bool>(),
        label in prop::option::of("size|class"),
    ) {
        let place = Place::new();
        let x: Vec<u8> = (0..6).flat_map(|i| f64::from(i).to_le_bytes()).collect();
        let (kind, mut file) = match which {
            0 => ("csv", format!("size,class\n{}", numbers(9)).into_bytes()),
            1 => {
                let head = "@relation t\n@attribute size numeric\n@attribute class numeric\n@data\n";
                ("arff", format!("{head}{}", numbers(9)).into_bytes())
            }
            _ => ("npz", zip(&[("X.npy", &npy("<f8", "(3, 2)", &x), 0)])),
        };
        for (at, byte) in &set {
            let at = at.index(file.len());
            file[at] = *byte;
        }
        if which < 2 {
            file.extend(wild.as_bytes());
        }
        let on_bad = if skip { OnBad::Skip } else { OnBad::Fail };
        if let Ok(data) = load_as(kind, Some(&place.write("file", &file)), &How { on_bad, label, ..bare() }) {
            prop_assert!(data.info.classes.is_empty());
            prop_assert!(data.train.columns().unwrap().iter().all(|value| value.is_finite()));
            prop_assert_eq!(data.info.columns.len(), data.train.width());
        }
    }
}
