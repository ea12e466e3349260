//! Datasets from a folder: what is read, and what each fault says.

mod support;

use adieu_data::How;

use std::fs;
use std::path::Path;

use support::{Folder, NAMES, gzip, idx};

#[test]
fn a_folder_is_read_whatever_its_files_are_called() {
    let expected = Folder::new().load().unwrap();
    assert_eq!((expected.train.len(), expected.test.len(), expected.train.width()), (12, 4, 6));
    assert_eq!(expected.train.row(11), [66, 67, 68, 69, 70, 71]);
    assert_eq!((expected.info.name.as_str(), expected.info.classes.len()), ("tiny", 3));

    let dotted = |name: &str| name.replace("-idx", ".idx");
    let spellings: [&dyn Fn(&str) -> String; 3] =
        [&|name| format!("{name}.gz"), &dotted, &|name| format!("{}.gz", dotted(name))];
    for spelling in spellings {
        let folder = Folder::new();
        for name in NAMES {
            let plain = folder.read(name);
            folder.remove(name);
            let name = spelling(name);
            folder.write(&name, &if name.ends_with("gz") { gzip(&plain) } else { plain });
        }
        let found = folder.load().unwrap();
        assert_eq!((&found.train, &found.test), (&expected.train, &expected.test));
        let sums =
            |d: &adieu_data::Dataset| d.info.files.iter().map(|f| (f.bytes, f.crc32)).collect::<Vec<_>>();
        assert_eq!(sums(&found), sums(&expected), "checksums are of the uncompressed files");
    }
}

#[test]
fn contents_tell_gzip_not_names() {
    // browsers unpack a download and keep its name
    let folder = Folder::new();
    fs::rename(folder.path.join(NAMES[0]), folder.path.join(format!("{}.gz", NAMES[0]))).unwrap();
    folder.write(NAMES[1], &gzip(&folder.read(NAMES[1])));
    assert_eq!(folder.load().unwrap().train, Folder::new().load().unwrap().train);
}

#[test]
fn a_folder_goes_before_the_bundle_and_gives_its_name_and_classes() {
    let digits = adieu_data::load("mnist", Some(&Folder::named("mine").path)).unwrap();
    assert_eq!((digits.info.name.as_str(), digits.train.len()), ("mine", 12));

    let labels: Vec<u8> = (0..12).map(|row| row % 10).collect();
    for (name, ninth) in [("fashion-mnist", "Ankle boot"), ("FashionMNIST", "Ankle boot"), ("fashions", "9")]
    {
        let folder = Folder::named(name);
        folder.write(NAMES[1], &idx(&[12], &labels));
        assert_eq!(folder.load().unwrap().info.classes[9], ninth, "{name}");
    }
    // named so, but with three classes: it is something else
    assert_eq!(Folder::named("fashion-mnist").load().unwrap().info.classes, ["0", "1", "2"]);

    let one_class = Folder::new();
    one_class.write(NAMES[1], &idx(&[12], &[0; 12]));
    one_class.write(NAMES[3], &idx(&[4], &[0, 1, 0, 0]));
    assert!(one_class.refusal().contains("all training rows are of one class; there must be two"));

    let gap = Folder::new();
    gap.write(NAMES[1], &idx(&[12], &[0, 3, 0, 3, 0, 3, 0, 3, 0, 3, 1, 1]));
    let info = gap.load().unwrap().info;
    assert_eq!(
        (info.classes.len(), info.notes),
        (4, vec!["no training row has label 2, though labels go up to 3".to_owned()])
    );
}

#[test]
fn every_fault_names_the_file_and_the_remedy() {
    let cut = |bytes: Vec<u8>, n: usize| bytes[..bytes.len() - n].to_vec();
    let good = Folder::new();
    let packed = gzip(&good.read(NAMES[0]));
    let mut flipped = packed.clone();
    let last = flipped.len() - 6; // in the checksum
    flipped[last] ^= 1;
    let belong = "they do not belong together: take all four files from one copy of the dataset";
    let again = "copy or download it again";
    let cases: Vec<(usize, Vec<u8>, String)> = vec![
        (
            0,
            cut(good.read(NAMES[0]), 5),
            format!(
                "D/{}: its header promises 88 bytes in all, found 83; the file is cut short: {again}",
                NAMES[0]
            ),
        ),
        (
            1,
            [good.read(NAMES[1]), vec![0]].concat(),
            format!(
                "D/{}: its header promises 20 bytes in all, found at least 21; the file is too long: {again}",
                NAMES[1]
            ),
        ),
        (
            0,
            gzip(&cut(good.read(NAMES[0]), 5)),
            format!(
                "D/{}: its header promises 88 bytes in all, found 83; the file is cut short: {again}",
                NAMES[0]
            ),
        ),
        (0, cut(packed.clone(), 12), format!("D/{}: damaged (compressed data: ", NAMES[0])),
        (
            0,
            flipped,
            format!(
                "D/{}: damaged (compressed data: corrupt gzip stream does not have a matching checksum); {again}",
                NAMES[0]
            ),
        ),
        (0, [packed, b"tail".to_vec()].concat(), format!("D/{}: damaged (compressed data: ", NAMES[0])),
        (
            2,
            idx(&[4], &[0; 4]),
            format!(
                "D/{}: not an IDX file of images (00 00 08 03): it begins with '00 00 08 01' and seems to be an IDX file of labels; the files are swapped or misnamed: exchange them",
                NAMES[2]
            ),
        ),
        (
            1,
            idx(&[11], &[0; 11]),
            format!("D/{} has 12 rows, but D/{} has 11 rows; {belong}", NAMES[0], NAMES[1]),
        ),
        (
            3,
            idx(&[5], &[0; 5]),
            format!("D/{} has 4 rows, but D/{} has 5 rows; {belong}", NAMES[2], NAMES[3]),
        ),
        (
            2,
            idx(&[4, 3, 2], &[0; 24]),
            format!(
                "D/{} has images of 2 × 3 pixels, but D/{} has images of 3 × 2 pixels; {belong}",
                NAMES[0], NAMES[2]
            ),
        ),
        (
            3,
            idx(&[4], &[0, 1, 7, 9]),
            format!(
                "D/{}: label 7 in row 2 (rows count from 0), but the training labels go from 0 to 2; take all four files from one copy of the dataset",
                NAMES[3]
            ),
        ),
        (
            0,
            idx(&[0, 2, 3], &[]),
            format!(
                "D/{}: its header says that it has no rows; it is damaged or no dataset: take another copy",
                NAMES[0]
            ),
        ),
    ];
    let mut wrong = Vec::new();
    for (part, bytes, message) in cases {
        let folder = Folder::new();
        folder.write(NAMES[part], &bytes);
        let found = folder.refusal();
        if !found.starts_with(&message) || (message.ends_with(again) && found != message) {
            wrong.push(format!("expected {message}\n   found {found}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn all_missing_files_are_named_at_once() {
    let folder = Folder::new();
    folder.remove(NAMES[1]);
    folder.remove(NAMES[2]);
    // a folder of that name, as some archives unpack to, is no file
    fs::create_dir(folder.path.join(NAMES[1])).unwrap();
    assert_eq!(
        folder.refusal(),
        "D: found no train-labels-idx1-ubyte, no t10k-images-idx3-ubyte (nor with .idx for -idx, nor with .gz after \
         it); put one copy of each there, or leave the folder out to use the bundled digits"
    );
    let name = |folder: Option<&Path>, kind| adieu_data::load(kind, folder).unwrap_err().to_string();
    let remedy = "name the folder that holds the four files (--data-dir)";
    assert_eq!(name(Some(Path::new("/no/where")), "idx"), format!("/no/where: no such folder; {remedy}"));
    let file = folder.path.join(NAMES[0]);
    assert_eq!(name(Some(&file), "idx"), format!("{}: not a folder; {remedy}", file.display()));
    assert_eq!(name(None, "idx"), format!("idx: no folder given; {remedy}"));
    let said = name(None, "minst");
    assert!(
        said.starts_with("there is no dataset 'minst': choose one of mnist, optdigits, fables, "),
        "{said}"
    );
}

/// A gzip bomb: 64 MiB of zeros behind a header of 12 rows are not unpacked.
#[test]
fn nothing_is_unpacked_beyond_what_the_header_promises() {
    let folder = Folder::new();
    let mut bomb = idx(&[12, 2, 3], &[0; 72]);
    bomb.resize(64 << 20, 0);
    folder.write(NAMES[0], &gzip(&bomb));
    let looked_at = 88 + (1 << 20);
    assert_eq!(
        folder.refusal(),
        format!(
            "D/{}: its header promises 88 bytes in all, found at least {looked_at}; the file is too long: copy or download it again",
            NAMES[0]
        )
    );
}

#[test]
fn the_registry_names_each_dataset_once() {
    let kinds: Vec<_> = adieu_data::list().iter().map(|source| source.kind()).collect();
    let mut once = kinds.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), kinds.len(), "{kinds:?}");
    assert!(
        ["mnist", "fables", "idx", "images", "cifar10", "csv", "moons"]
            .iter()
            .all(|kind| kinds.contains(kind))
    );
    for source in adieu_data::list() {
        assert!(!source.about().is_empty() && !source.licence().is_empty(), "{}", source.kind());
        // what is fetched may be on this machine or not
        if source.files().is_empty() {
            assert_eq!(source.load(None, &How::default()).is_ok(), source.bundled(), "{}", source.kind());
        } else {
            assert!(!source.bundled(), "{}", source.kind());
        }
    }
}
