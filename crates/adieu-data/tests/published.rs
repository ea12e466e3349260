//! Datasets that are fetched: tiny files in the real formats, and what each fault says.
#![allow(clippy::unwrap_used)] // a test that cannot go on shall panic

mod support;

use adieu_data::{DataError, Dataset, How, OnBad, list, load, load_as};
use proptest::prelude::*;
use support::{NAMES, Place, gzip, idx, mat, shorten, tar, zip};

fn read(kind: &str, place: &Place) -> Result<Dataset, DataError> {
    load(kind, Some(&place.path))
}

fn skipping(kind: &str, place: &Place) -> Dataset {
    load_as(kind, Some(&place.path), &How { on_bad: OnBad::Skip, ..How::default() }).unwrap()
}

/// A batch of CIFAR: `labels` before each picture, whose planes are 1, 2, 3 in every pixel but the first, the label.
fn cifar(records: &[&[u8]]) -> Vec<u8> {
    let mut file = Vec::new();
    for labels in records {
        file.extend(*labels);
        (1..=3).for_each(|plane| file.extend([vec![labels[labels.len() - 1]], vec![plane; 1023]].concat()));
    }
    file
}

fn cifar10(place: &Place) {
    (1..=5_u8).for_each(|i| {
        place.write(&format!("data_batch_{i}.bin"), &cifar(&[&[i], &[9 - i]]));
    });
    place.write("test_batch.bin", &cifar(&[&[7]]));
}

#[test]
fn cifar_is_read_unpacked_and_as_its_archive() {
    let place = Place::new();
    cifar10(&place);
    let data = read("cifar10", &place).unwrap();
    assert_eq!(data.train.all_labels(), [1, 8, 2, 7, 3, 6, 4, 5, 5, 4]);
    assert_eq!(
        (data.info.classes[7].as_str(), data.info.image.to_string().as_str()),
        ("horse", "32 × 32 × 3")
    );
    let row = data.test.row(0);
    assert_eq!((row[0], row[1], row[1024], row[1025], row[3071]), (7, 1, 7, 2, 3));

    let packed = Place::new();
    let files = [("cifar-100-binary/fine_label_names.txt", b"apple".to_vec())]
        .into_iter()
        .chain([("train", [&[0, 99][..], &[3, 4]]), ("test", [&[1, 98], &[1, 0]])].map(|(part, records)| {
            (
                if part == "train" { "cifar-100-binary/train.bin" } else { "cifar-100-binary/test.bin" },
                cifar(&records),
            )
        }))
        .collect::<Vec<_>>();
    let files: Vec<(&str, &[u8])> = files.iter().map(|(name, bytes)| (*name, &bytes[..])).collect();
    packed.write("cifar-100-binary.tar.gz", &gzip(&tar(&files)));
    let data = read("cifar100", &packed).unwrap();
    assert_eq!((data.train.all_labels(), data.test.all_labels()), (&[99, 4][..], &[98, 0][..]));
    assert_eq!((data.info.classes.len(), data.info.classes[99].as_str()), (100, "worm"));
    packed.write("cifar-100-binary.tar.gz", &gzip(&tar(&files[..2])));
    let said = shorten(read("cifar100", &packed), &packed.path);
    assert!(said.contains("D/cifar-100-binary.tar.gz: no `test.bin` in it"), "{said}");
    packed.write("cifar-100-binary.tar.gz", &gzip(&tar(&files)[..5_000]));
    let said = shorten(read("cifar100", &packed), &packed.path);
    assert!(said.contains("damaged (the archive is cut short)"), "{said}");
}

#[test]
fn bad_records_are_faults_or_counted() {
    let place = Place::new();
    cifar10(&place);
    place.write("data_batch_3.bin", &cifar(&[&[3], &[10], &[6]]));
    let said = shorten(read("cifar10", &place), &place.path);
    assert!(said.contains("D/data_batch_3.bin: label 10 in row 1"), "{said}");
    let data = skipping("cifar10", &place);
    assert_eq!((data.train.len(), data.info.skipped.count, data.info.skipped.first.len()), (10, 1, 1));
    assert!(data.info.skipped.first[0].contains("data_batch_3.bin: label 10 in row 1"));
    place.write("data_batch_3.bin", &cifar(&[&[3]])[1..]);
    let said = shorten(read("cifar10", &place), &place.path);
    assert!(said.contains("promises 3073 bytes in all, found 3072"), "{said}");
}

#[test]
fn svhn_is_turned_and_ten_is_the_digit_nought() {
    let place = Place::new();
    // X[line, column, channel, row], the first fastest: 100 · channel + 10 · row + line at column 0, else 0
    let x = |rows: usize| -> Vec<u8> {
        (0..rows * 3072)
            .map(|i| {
                let (line, column, channel, row) = (i % 32, i / 32 % 32, i / 1024 % 3, i / 3072);
                if column == 0 { (50 * channel + 10 * row + line) as u8 } else { 0 }
            })
            .collect()
    };
    let file = |labels: &[u8], compressed| {
        let n = labels.len() as u32;
        let x = x(labels.len());
        mat(&[("X", &[32, 32, 3, n], &x, compressed), ("y", &[n, 1], labels, compressed)])
    };
    place.write("train_32x32.mat", &file(&[10, 1, 9], true));
    place.write("test_32x32.mat", &file(&[2], false));
    let data = read("svhn", &place).unwrap();
    assert_eq!((data.train.all_labels(), data.test.all_labels()), (&[0, 1, 9][..], &[2][..]));
    let row = data.train.row(1);
    assert_eq!((row[0], row[1], row[32], row[31 * 32], row[1024 + 32]), (10, 0, 11, 41, 61), "line by line");
    for (file, wanted) in [
        (file(&[11], true), "label 11 in row 0"),
        (mat(&[("X", &[32, 32, 3, 1], &x(1), true)]), "no array `y` in it"),
        (
            mat(&[("X", &[32, 32, 3, 2], &x(1), true), ("y", &[1], &[1], true)]),
            "is to have 6144 values and has 3072",
        ),
        (mat(&[("X", &[32, 32, 1, 3], &x(1), true), ("y", &[1], &[1], true)]), "not [32, 32, 3, n]"),
        (b"\x89HDF\r\n".iter().copied().chain([0; 600]).collect(), "version 7.3, which is HDF5"),
    ] {
        place.write("train_32x32.mat", &file);
        let said = shorten(read("svhn", &place), &place.path);
        assert!(said.contains(wanted) && said.starts_with("D/train_32x32.mat: "), "{wanted}: {said}");
    }
}

/// `1 1:-1 256:1\n` and `10 3:0.5\n`, by the bzip2 of another program.
const USPS: &str = "\
425a683931415926535968c5398e0000055800001040037b1020003100d34d04341a6822e784435105f12cdef17724538509 \
     068c5398e0";

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u32> = hex.chars().filter_map(|c| c.to_digit(16)).collect();
    digits.chunks(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect()
}

#[test]
fn usps_is_read_packed_and_plain() {
    let place = Place::new();
    place.write("usps.bz2", &bytes(USPS));
    place.write("usps.t", b"3 2:-1\n");
    let data = read("usps", &place).unwrap();
    assert_eq!((data.train.all_labels(), data.test.all_labels()), (&[0, 9][..], &[2][..]));
    let (first, second) = (data.train.row(0), data.train.row(1));
    assert_eq!((first[0], first[1], first[255], second[2]), (0, 128, 255, 191));
    for (line, wanted) in [
        ("3 2:-1\n11 1:0\n", "line 2: label `11` is not from 1 to 10"),
        ("3 257:1\n", "`257:1` is no index from 1 to 256 and value"),
        ("3 1:NaN\n", "`1:NaN` is no index"),
        ("\n \n", "line 2: it is blank"),
        ("", "it has no row"),
    ] {
        place.write("usps.t", line.as_bytes());
        let said = shorten(read("usps", &place), &place.path);
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
    let mut broken = bytes(USPS);
    broken[30] ^= 0x55;
    place.write("usps.bz2", &broken);
    place.write("usps.t", b"3 2:-1\n");
    let said = shorten(read("usps", &place), &place.path);
    assert!(said.starts_with("D/usps.bz2: damaged ("), "{said}");
}

#[test]
fn emnist_is_turned_counts_from_nought_and_is_read_from_its_archive() {
    let place = Place::new();
    let images = |n: u8| idx(&[u32::from(n), 2, 3], &(0..n * 6).collect::<Vec<u8>>());
    let labels = |labels: &[u8]| idx(&[labels.len() as u32], labels);
    let files = |first: u8| {
        let all: Vec<u8> = (first..26 + first).collect();
        [
            ("train-images-idx3", images(26)),
            ("train-labels-idx1", labels(&all)),
            ("test-images-idx3", images(1)),
            ("test-labels-idx1", labels(&[first + 1])),
        ]
    };
    for (part, file) in files(1) {
        place.write(&format!("emnist-letters-{part}-ubyte"), &file);
    }
    let unpacked = read("emnist-letters", &place).unwrap();
    assert_eq!((unpacked.info.classes[25].as_str(), unpacked.test.label(0)), ("z", 1));
    assert_eq!(
        (unpacked.info.image.to_string().as_str(), unpacked.test.row(0)),
        ("3 × 2", &[0, 3, 1, 4, 2, 5][..])
    );

    let packed = Place::new();
    let members: Vec<(String, Vec<u8>)> =
        files(1).map(|(part, file)| (format!("gzip/emnist-letters-{part}-ubyte.gz"), gzip(&file))).to_vec();
    let members: Vec<(&str, &[u8], u16)> =
        members.iter().zip([0, 8, 0, 8]).map(|((name, file), how)| (name.as_str(), &file[..], how)).collect();
    packed.write("gzip.zip", &zip(&members));
    let data = read("emnist-letters", &packed).unwrap();
    assert_eq!((&data.train, &data.test), (&unpacked.train, &unpacked.test));
    let said = shorten(read("emnist-balanced", &packed), &packed.path);
    assert!(said.contains("D/gzip.zip: no `emnist-balanced-train-images-idx3-ubyte.gz` in it"), "{said}");

    for (part, file) in files(0) {
        place.write(&format!("emnist-letters-{part}-ubyte"), &file);
    }
    let said = shorten(read("emnist-letters", &place), &place.path);
    assert!(said.contains("label 0 in row 0 (rows count from 0), below the first, 1"), "{said}");
}

#[test]
fn files_that_are_not_there_are_named_with_what_gets_them() {
    let place = Place::new();
    for source in list().iter().filter(|source| !source.files().is_empty()) {
        let said = shorten(read(source.kind(), &place), &place.path);
        let fetch = format!("`adieu data fetch {}` (from http", source.kind());
        assert!(said.starts_with("D: found n") && said.contains(&fetch), "{said}");
        let gone = load(source.kind(), Some(&place.path.join("gone"))).unwrap_err().to_string();
        assert!(gone.contains("gone: no such folder; it is to hold ") && gone.contains(&fetch), "{gone}");
        for file in source.files() {
            let hex = |sum: &str| sum.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'));
            assert!(file.md5.is_none_or(|sum| sum.len() == 32 && hex(sum)), "{}", file.name);
            assert!(file.sha256.is_none_or(|sum| sum.len() == 64 && hex(sum)), "{}", file.name);
            assert!(
                !file.urls.is_empty() && file.urls.iter().all(|url| url.ends_with(file.name)),
                "{}",
                file.name
            );
        }
    }
    NAMES.iter().zip([idx(&[2, 1, 1], &[1, 2]), idx(&[2], &[0, 1]), idx(&[1, 1, 1], &[3])]).for_each(
        |(name, file)| {
            place.write(name, &file);
        },
    );
    let said = shorten(read("kmnist", &place), &place.path);
    assert!(said.contains("found no t10k-labels-idx1-ubyte"), "{said}");
    place.write(NAMES[3], &idx(&[1], &[1]));
    let data = read("kmnist", &place).unwrap();
    assert_eq!((data.info.name.as_str(), data.info.licence.starts_with("CC BY-SA")), ("kmnist", true));
}

#[test]
fn a_member_that_claims_more_than_deflate_can_give_is_refused() {
    let place = Place::new();
    let name = "emnist-letters-train-images-idx3-ubyte.gz";
    let mut bomb = zip(&[(name, &[0; 4000], 8)]);
    let at = bomb.len() - 22 - name.len() - 46 + 24;
    bomb[at..at + 4].copy_from_slice(&(1_u32 << 30).to_le_bytes());
    place.write("gzip.zip", &bomb);
    let said = shorten(read("emnist-letters", &place), &place.path);
    assert!(said.contains("it claims to unpack") && said.contains("to 1073741824"), "{said}");
    bomb[at..at + 4].copy_from_slice(&500_u32.to_le_bytes());
    place.write("gzip.zip", &bomb);
    let said = shorten(read("emnist-letters", &place), &place.path);
    assert!(said.contains("longer than 500 bytes"), "{said}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(60) })]

    #[test]
    fn damaged_files_are_read_or_refused(
        which in 0..4_usize,
        set in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5),
        keep in prop::option::weighted(0.3, any::<prop::sample::Index>()),
    ) {
        let place = Place::new();
        let picture = vec![5; 3072];
        let svhn = mat(&[("X", &[32, 32, 3, 1], &picture, false), ("y", &[1, 1], &[1], true)]);
        let images = gzip(&idx(&[1, 1, 1], &[1]));
        let (kind, name, mut file) = match which {
            0 => ("svhn", "train_32x32.mat", svhn.clone()),
            1 => ("usps", "usps.bz2", bytes(USPS)),
            2 => ("emnist-letters", "gzip.zip", zip(&[("emnist-letters-train-images-idx3-ubyte.gz", &images, 8)])),
            _ => ("cifar10", "cifar-10-binary.tar.gz", tar(&[("test_batch.bin", &[1; 40])])),
        };
        for (at, byte) in &set {
            let at = at.index(file.len());
            file[at] = *byte;
        }
        if let Some(keep) = keep {
            file.truncate(keep.index(file.len() + 1));
        }
        if which == 3 {
            file = gzip(&file);
        }
        place.write(name, &file);
        place.write("test_32x32.mat", &svhn);
        place.write("usps.t", b"3 2:-1\n");
        if let Ok(data) = read(kind, &place) {
            prop_assert_eq!(data.train.pixels().len(), data.train.len() * data.info.image.pixels());
        }
    }
}
