//! Parquet files of the reader's own: tables and pictures, what is read, and what each fault says.
#![allow(clippy::unwrap_used)] // a test that cannot go on shall panic

mod support;

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use adieu_data::{Dataset, How, ImageShape, OnBad, load, load_as};
use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{BoolType, ByteArrayType, DoubleType, Int32Type, Int64Type};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{WriterProperties, WriterVersion};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use png::{BitDepth, ColorType};
use proptest::prelude::*;
use support::{Place, png, shorten};

/// A column to write: values or none.
enum Cells {
    Truths(Vec<Option<bool>>),
    Ints(Vec<Option<i32>>),
    Longs(Vec<Option<i64>>),
    Doubles(Vec<Option<f64>>),
    Bytes(Vec<Option<Vec<u8>>>),
    /// Bytes within a structure that is there.
    Within(Vec<Option<Vec<u8>>>),
}

fn texts(cells: &[&str]) -> Cells {
    Cells::Bytes(cells.iter().map(|cell| Some(cell.as_bytes().to_vec())).collect())
}

/// How to write a file.
struct Way {
    compression: Compression,
    /// Pages of the second version.
    second: bool,
    /// Words as numbers of a dictionary.
    dictionary: bool,
    metadata: Option<&'static str>,
}

const PLAIN: Way =
    Way { compression: Compression::UNCOMPRESSED, second: false, dictionary: true, metadata: None };

/// A file of these groups of columns.
fn write(schema: &str, way: &Way, groups: &[Vec<Cells>]) -> Vec<u8> {
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let version = if way.second { WriterVersion::PARQUET_2_0 } else { WriterVersion::PARQUET_1_0 };
    let pairs = way.metadata.map(|text| vec![KeyValue::new("huggingface".to_owned(), text.to_owned())]);
    let properties = WriterProperties::builder()
        .set_compression(way.compression)
        .set_writer_version(version)
        .set_dictionary_enabled(way.dictionary)
        .set_key_value_metadata(pairs)
        .build();
    let mut file = Vec::new();
    let mut writer = SerializedFileWriter::new(&mut file, schema, Arc::new(properties)).unwrap();
    for group in groups {
        let mut group_writer = writer.next_row_group().unwrap();
        for cells in group {
            let mut column = group_writer.next_column().unwrap().unwrap();
            macro_rules! put {
                ($kind:ty, $cells:expr, $around:expr) => {{
                    let levels: Vec<i16> =
                        $cells.iter().map(|cell| $around + i16::from(cell.is_some())).collect();
                    let values: Vec<_> = $cells.iter().flatten().cloned().map(Into::into).collect();
                    column.typed::<$kind>().write_batch(&values, Some(&levels), None).unwrap();
                }};
            }
            match cells {
                Cells::Truths(cells) => put!(BoolType, cells, 0),
                Cells::Ints(cells) => put!(Int32Type, cells, 0),
                Cells::Longs(cells) => put!(Int64Type, cells, 0),
                Cells::Doubles(cells) => put!(DoubleType, cells, 0),
                Cells::Bytes(cells) => put!(ByteArrayType, cells, 0),
                Cells::Within(cells) => put!(ByteArrayType, cells, 1),
            }
            column.close().unwrap();
        }
        group_writer.close().unwrap();
    }
    writer.close().unwrap();
    file
}

const TABLE: &str = "message t { optional double size; optional binary colour (UTF8); optional boolean ripe; \
                     optional int64 price (DECIMAL(9, 2)); optional int32 label; }";

/// Twelve rows from `first` on, in two groups.
fn table(way: &Way, first: i32) -> Vec<u8> {
    let group = |rows: std::ops::Range<i32>| {
        let colour = |row: i32| if row % 3 == 0 { "red" } else { "green" };
        vec![
            Cells::Doubles(rows.clone().map(|row| Some(f64::from(row) + 0.5)).collect()),
            texts(&rows.clone().map(colour).collect::<Vec<_>>()),
            Cells::Truths(rows.clone().map(|row| Some(row % 4 == 0)).collect()),
            Cells::Longs(rows.clone().map(|row| Some(i64::from(row) * 5)).collect()),
            Cells::Ints(rows.map(|row| Some(row % 2 + 7)).collect()),
        ]
    };
    write(TABLE, way, &[group(first..first + 9), group(first + 9..first + 12)])
}

fn sorted(data: &Dataset) -> Vec<(Vec<f32>, u8)> {
    let width = data.train.width();
    let parts = [&data.train, &data.test];
    let mut rows: Vec<(Vec<f32>, u8)> = parts
        .iter()
        .flat_map(|rows| {
            let values = rows.columns().unwrap().chunks_exact(width).map(<[f32]>::to_vec);
            values.zip(rows.all_labels().to_vec())
        })
        .collect();
    rows.sort_by(|a, b| a.0[0].total_cmp(&b.0[0]));
    rows
}

fn said(place: &Place, name: &str) -> String {
    shorten(load("parquet", Some(&place.path.join(name))), &place.path)
}

fn skipping() -> How {
    How { on_bad: OnBad::Skip, ..How::default() }
}

#[test]
fn a_table_is_read_however_it_is_compressed() {
    let place = Place::new();
    let zstd = Compression::ZSTD(ZstdLevel::try_new(3).unwrap());
    let gzip = Compression::GZIP(Default::default());
    let compressions =
        [Compression::UNCOMPRESSED, Compression::SNAPPY, zstd, gzip, Compression::LZ4, Compression::LZ4_RAW];
    for (compression, second) in compressions.into_iter().flat_map(|c| [(c, false), (c, true)]) {
        let path = place.write("fruit.parquet", &table(&Way { compression, second, ..PLAIN }, 0));
        let data = load("parquet", Some(&path)).unwrap();
        assert_eq!(
            data.info.columns,
            ["size", "colour=red", "colour=green", "ripe", "price"].map(String::from),
            "{compression}"
        );
        assert_eq!(
            (data.info.name.as_str(), &data.info.classes[..]),
            ("fruit", &["7", "8"].map(String::from)[..])
        );
        assert_eq!((data.train.len(), data.test.len(), data.info.files.len()), (10, 2, 1));
        let rows = sorted(&data);
        assert_eq!(rows[0], (vec![0.5, 1.0, 0.0, 1.0, 0.0], 0), "{compression}");
        assert_eq!(rows[11], (vec![11.5, 0.0, 1.0, 0.0, 0.55], 1), "{compression}");
        assert!(data.info.notes.iter().any(|note| note == "labels: column `label`"));
    }
    let plain = table(&Way { dictionary: false, ..PLAIN }, 0);
    let path = place.write("plain.parquet", &plain);
    assert_eq!(load("parquet", Some(&path)).unwrap().train.len(), 10);
    place.write("delta.parquet", &table(&Way { dictionary: false, second: true, ..PLAIN }, 0));
    let wanted =
        "D/delta.parquet: it has a page in the encoding DELTA_BYTE_ARRAY, which is not read; write it anew";
    assert!(said(&place, "delta.parquet").starts_with(wanted), "{}", said(&place, "delta.parquet"));
}

#[test]
fn parts_and_shards_are_put_together() {
    let place = Place::new();
    place.write("data/train-00000-of-00002.parquet", &table(&PLAIN, 0));
    place.write("data/train-00001-of-00002.parquet", &table(&PLAIN, 12));
    place.write("data/validation-00000-of-00001.parquet", &table(&PLAIN, 90));
    let data = load("parquet", Some(&place.path)).unwrap();
    assert_eq!((data.train.len(), data.test.len(), data.info.files.len()), (24, 12, 3));
    assert_eq!(data.test.columns().unwrap()[0], 90.5, "rows to test stay in their order");
    assert!(data.info.notes.iter().any(|note| note.starts_with("the rows called validation test")));
    place.write(
        "data/validation-00000-of-00001.parquet",
        &write(
            "message t { optional int64 size; optional int32 label; }",
            &PLAIN,
            &[vec![Cells::Longs(vec![Some(1)]), Cells::Ints(vec![Some(7)])]],
        ),
    );
    let wanted = "D/data/train-00000-of-00002.parquet has the columns size, colour (words), ripe, price, label, but \
                  D/data/validation-00000-of-00001.parquet has the columns size, label";
    assert!(said(&place, "").starts_with(wanted), "{}", said(&place, ""));
    // a whole number where there was a real one is a number still
    let place = Place::new();
    let schema = |kind: &str| format!("message t {{ optional {kind} a; optional int32 label; }}");
    let labels = || Cells::Ints(vec![Some(0), Some(1)]);
    let reals = vec![Cells::Doubles(vec![Some(0.5), Some(1.5)]), labels()];
    place.write("train.parquet", &write(&schema("double"), &PLAIN, &[reals]));
    let wholes = vec![Cells::Longs(vec![Some(2), Some(3)]), labels()];
    place.write("test.parquet", &write(&schema("int64"), &PLAIN, &[wholes]));
    assert_eq!(load("parquet", Some(&place.path)).unwrap().test.columns(), Some(&[2.0, 3.0][..]));
}

#[test]
fn faults_of_a_table_name_file_and_row() {
    let place = Place::new();
    let schema = "message t { optional double a; optional int32 label; }";
    let rows = |a: Vec<Option<f64>>, labels: Vec<Option<i32>>| {
        write(schema, &PLAIN, &[vec![Cells::Doubles(a), Cells::Ints(labels)]])
    };
    let two = vec![Some(1.0), Some(2.0), Some(3.0)];
    let labels = vec![Some(0), Some(1), Some(1)];
    let cases = [
        (
            rows(vec![Some(1.0), None, Some(3.0)], labels.clone()),
            "row 1 (rows count from 0): the cell of column `a` is missing",
        ),
        (
            rows(vec![Some(1.0), Some(f64::NAN), Some(3.0)], labels.clone()),
            "row 1 (rows count from 0): the cell of column `a` is missing",
        ),
        (
            rows(vec![Some(1.0), Some(f64::INFINITY), Some(3.0)], labels.clone()),
            "row 1 (rows count from 0): `inf` in column `a` is no finite",
        ),
        (rows(two.clone(), vec![Some(0), Some(1), None]), "row 2 (rows count from 0): the label is missing"),
        (rows(two.clone(), vec![Some(4); 3]), "all training rows are of one class"),
        (rows(vec![], vec![]), "it has no good row"),
        (
            write("message t { optional double a; optional double b; }", &PLAIN, &[]),
            "no column is called label, class, target or y; there are `a`, `b`; say which column",
        ),
        (
            write(
                "message t { optional int64 when (TIMESTAMP(MICROS, true)); optional int32 label; }",
                &PLAIN,
                &[],
            ),
            "column `when` is a time, which is not read; leave the column out",
        ),
        (
            write(
                "message t { optional group at { optional double x; } optional int32 label; }",
                &PLAIN,
                &[],
            ),
            "column `at` is a list or a structure, which is not read",
        ),
        (
            write("message t { repeated double x; optional int32 label; }", &PLAIN, &[]),
            "column `x` is a list",
        ),
        (b"PAR1".to_vec(), "no Parquet file"),
        (b"size,label\n1,2\n".to_vec(), "no Parquet file: it does not begin and end with `PAR1`; give the"),
        (rows(two.clone(), labels.clone())[..90].to_vec(), "damaged (it does not end as a Parquet file does"),
    ];
    for (file, wanted) in cases {
        place.write("t.parquet", &file);
        let said = said(&place, "t.parquet");
        assert!(said.starts_with("D/t.parquet: ") && said.contains(wanted), "{wanted}: {said}");
    }
    let path =
        place.write("t.parquet", &rows(vec![None, Some(2.0), Some(3.0)], vec![Some(1), Some(0), Some(1)]));
    let data = load_as("parquet", Some(&path), &skipping()).unwrap();
    assert_eq!((data.train.len() + data.test.len(), data.info.skipped.count), (2, 1));
    let text = "message t { optional binary a (UTF8); optional int32 label; }";
    let cells = Cells::Bytes(vec![Some(b"x".to_vec()), Some(vec![0xff]), Some(b"y".to_vec())]);
    place.write("t.parquet", &write(text, &PLAIN, &[vec![cells, Cells::Ints(labels.clone())]]));
    assert!(
        said(&place, "t.parquet").contains("row 1 (rows count from 0): the cell of column `a` is not UTF-8")
    );
    place.write("train.parquet", &rows(two, labels.clone()));
    place.write("test.parquet", &rows(vec![Some(1.0), Some(2.0)], vec![Some(1), Some(9)]));
    let unknown = said(&place, "");
    assert!(
        unknown.starts_with("D/test.parquet: row 1 (rows count from 0): its label is none of those"),
        "{unknown}"
    );
    assert_eq!(load_as("parquet", Some(&place.path), &skipping()).unwrap().test.len(), 1);
    let gone = load("parquet", None).unwrap_err().to_string();
    assert!(gone.contains("no file or folder given"), "{gone}");
    assert!(said(&Place::new(), "").contains("D/: found no train.parquet"), "{}", said(&Place::new(), ""));
}

#[test]
fn what_pandas_stores_beside_the_columns_is_left_out_and_labels_may_be_truths() {
    let place = Place::new();
    let schema = "message t { optional double a; optional boolean y; optional int64 __index_level_0__; }";
    let cells = vec![
        Cells::Doubles(vec![Some(1.0), Some(2.0)]),
        Cells::Truths(vec![Some(true), Some(false)]),
        Cells::Longs(vec![Some(70), Some(3)]),
    ];
    let path = place.write("t.parquet", &write(schema, &PLAIN, &[cells]));
    let data = load("parquet", Some(&path)).unwrap();
    assert_eq!(
        (data.info.columns, data.info.classes),
        (vec!["a".to_owned()], vec!["false".to_owned(), "true".into()])
    );
    assert!(data.info.notes.iter().any(|note| note.contains("`__index_level_0__`, an index, is left out")));
}

const PICTURES: &str = "message t { optional group image { optional binary bytes; optional binary path (UTF8); } \
                        optional int64 label; optional binary note (UTF8); }";
const NAMES: &str = r#"{"info": {"features": {"image": {"_type": "Image"},
                        "label": {"names": ["cat", "dog", "emu"], "_type": "ClassLabel"}}}}"#;

fn grey(first: u8, second: u8) -> Vec<u8> {
    png(1, 2, ColorType::Grayscale, BitDepth::Eight, &[first, second])
}

/// A file in the manner of the Hugging Face datasets.
fn pictures(way: &Way, rows: &[(Vec<u8>, i64)]) -> Vec<u8> {
    let files = rows.iter().map(|(file, _)| (!file.is_empty()).then(|| file.clone())).collect();
    let labels = rows.iter().map(|(_, label)| Some(*label)).collect();
    let none = || rows.iter().map(|_| None).collect();
    let columns =
        vec![Cells::Within(files), Cells::Within(none()), Cells::Longs(labels), Cells::Bytes(none())];
    write(PICTURES, way, &[columns])
}

/// Cats are dark, dogs are bright.
fn animals(n: u8) -> Vec<(Vec<u8>, i64)> {
    (0..n).map(|row| (grey(row + 100 * (row % 2), row), i64::from(row % 2))).collect()
}

#[test]
fn pictures_in_the_manner_of_hugging_face() {
    let place = Place::new();
    let way = Way { metadata: Some(NAMES), compression: Compression::SNAPPY, ..PLAIN };
    let path = place.write("animals.parquet", &pictures(&way, &animals(12)));
    let data = load("parquet", Some(&path)).unwrap();
    assert_eq!(data.info.image, ImageShape { height: 2, width: 1, channels: 1 });
    assert_eq!((data.train.len(), data.test.len(), data.info.name.as_str()), (10, 2, "animals"));
    assert_eq!(data.info.classes, ["cat", "dog"]);
    for rows in [&data.train, &data.test] {
        for row in 0..rows.len() {
            assert_eq!(rows.row(row)[0] >= 100, rows.label(row) == 1, "rows keep their labels");
            assert_eq!(rows.row(row)[0] % 100, rows.row(row)[1]);
        }
    }
    for note in [
        "pictures: column `image`, labels: column `label`",
        "columns that are left out: note",
        "a sixth of each class tests, drawn by seed 1",
        "named by the file's Hugging Face metadata",
    ] {
        assert!(data.info.notes.iter().any(|said| said.contains(note)), "{note} in {:?}", data.info.notes);
    }
    assert_eq!(data, load("parquet", Some(&path)).unwrap(), "always the same");
    // plain bytes called img, words as labels, two files
    let place = Place::new();
    let schema = "message t { required binary img; optional binary kind (UTF8); }";
    let file = |first: u8, kinds: &[&str]| {
        let images = (0..kinds.len() as u8).map(|row| Some(grey(first + row, 0))).collect();
        write(schema, &PLAIN, &[vec![Cells::Bytes(images), texts(kinds)]])
    };
    place.write("train.parquet", &file(1, &["x", "y", "x"]));
    place.write("test.parquet", &file(50, &["y"]));
    let how = How { label: Some("kind".into()), ..How::default() };
    let data = load_as("parquet", Some(&place.path), &how).unwrap();
    assert_eq!((data.train.len(), data.test.row(0), data.test.label(0)), (3, &[50, 0][..], 1));
}

#[test]
fn without_labels_nothing_of_them_is_read() {
    let (place, bare) = (Place::new(), How { labels: false, ..How::default() });
    // labels that have no value, or are lists, or are not there at all
    let schema = "message t { required double size; optional binary class (UTF8); }";
    let sizes = || Cells::Doubles((0..12).map(|i| Some(f64::from(i))).collect());
    let path =
        place.write("t.parquet", &write(schema, &PLAIN, &[vec![sizes(), Cells::Bytes(vec![None; 12])]]));
    let data = load_as("parquet", Some(&path), &bare).unwrap();
    assert_eq!((data.info.columns, data.train.len()), (vec!["size".to_owned()], 10));
    assert!(data.info.notes[0].contains("column `class` is left out"), "{:?}", data.info.notes);
    let path =
        place.write("u.parquet", &write("message t { required double size; }", &PLAIN, &[vec![sizes()]]));
    let data = load_as("parquet", Some(&path), &bare).unwrap();
    assert!(data.info.classes.is_empty() && data.train.all_labels().iter().all(|label| *label == 0));
    assert_eq!(data.info.notes[0], "labels: none; every column is learnt from");
    let said = shorten(load("parquet", Some(&path)), &place.path);
    assert!(said.contains("or that there are none (labels = false, --no-labels)"), "{said}");
    // pictures
    let images = (0..6).map(|row| Some(grey(row, 0))).collect();
    let file = write("message t { required binary img; }", &PLAIN, &[vec![Cells::Bytes(images)]]);
    let path = place.write("p.parquet", &file);
    let data = load_as("parquet", Some(&path), &bare).unwrap();
    assert_eq!((data.train.len(), data.test.len(), data.info.classes.len()), (5, 1, 0));
    assert_eq!(data.info.notes[0], "pictures: column `img`, labels: none");
}

#[test]
fn bad_pictures_are_faults_or_counted() {
    let place = Place::new();
    let good = animals(20);
    let with = |row: usize, bad: (Vec<u8>, i64)| {
        let mut rows = good.clone();
        rows[row] = bad;
        pictures(&PLAIN, &rows)
    };
    let wide = png(2, 1, ColorType::Grayscale, BitDepth::Eight, &[1, 2]);
    let mut huge = grey(1, 2);
    huge[16..24].copy_from_slice(&[0, 0, 255, 255, 0, 0, 255, 255]);
    let cases = [
        (with(3, (wide, 0)), "row 3 (rows count from 0): a picture of 1 × 2 pixels among pictures of 2 × 1"),
        (with(4, (grey(1, 2)[..50].to_vec(), 0)), "row 4 (rows count from 0): damaged (PNG"),
        (with(0, (b"GIF89a".to_vec(), 0)), "row 0 (rows count from 0): neither a PNG nor a JPEG picture"),
        (with(7, (Vec::new(), 0)), "row 7 (rows count from 0): neither a PNG nor a JPEG picture"),
        (with(0, (huge, 0)), "row 0 (rows count from 0): damaged (PNG"),
    ];
    for (file, wanted) in cases {
        let path = place.write("t.parquet", &file);
        let fault = said(&place, "t.parquet");
        assert!(fault.starts_with("D/t.parquet: ") && fault.contains(wanted), "{wanted}: {fault}");
        let data = load_as("parquet", Some(&path), &skipping()).unwrap();
        assert_eq!((data.train.len() + data.test.len(), data.info.skipped.count), (19, 1), "{wanted}");
        assert!(data.info.skipped.first[0].contains(wanted), "{:?}", data.info.skipped);
        for row in 0..data.train.len() {
            assert_eq!(data.train.row(row)[0] >= 100, data.train.label(row) == 1, "rows keep their labels");
        }
    }
    let one: Vec<(Vec<u8>, i64)> = good.iter().map(|(file, _)| (file.clone(), 5)).collect();
    place.write("t.parquet", &pictures(&PLAIN, &one));
    assert!(said(&place, "t.parquet").contains("all training rows are of one class"));
    let none: Vec<(Vec<u8>, i64)> = good.iter().map(|(_, label)| (b"no".to_vec(), *label)).collect();
    let path = place.write("t.parquet", &pictures(&PLAIN, &none));
    let fault = shorten(load_as("parquet", Some(&path), &skipping()), &place.path);
    assert!(fault.contains("none of its pictures is good"), "{fault}");
    place.write("train.parquet", &pictures(&PLAIN, &good));
    place.write("test.parquet", &pictures(&PLAIN, &[(grey(1, 2), 1), (grey(3, 4), 6)]));
    let fault = said(&place, "");
    assert!(
        fault.contains("D/test.parquet: row 1 (rows count from 0): its label is none of those"),
        "{fault}"
    );
    place.write("test.parquet", &table(&PLAIN, 0));
    assert!(
        said(&place, "").contains("D/test.parquet: no column `image` of pictures"),
        "{}",
        said(&place, "")
    );
    let how = How { label: Some("kind".into()), ..How::default() };
    let fault = shorten(load_as("parquet", Some(&path), &how), &place.path);
    assert!(fault.contains("no column is called `kind`; there are `image`, `label`, `note`"), "{fault}");
}

#[test]
fn pages_that_claim_too_much_are_refused_before_they_are_unpacked() {
    let place = Place::new();
    // the dictionary of the words red and green: kind, bytes unpacked, bytes packed, values
    let patched = |compression: Compression, at: usize, value: u8| {
        let mut file = table(&Way { compression, ..PLAIN }, 0);
        let header = file.windows(5).position(|bytes| bytes == [0x15, 4, 0x15, 32, 0x15]).unwrap();
        file[header + at] = value;
        place.write("t.parquet", &file);
        said(&place, "t.parquet")
    };
    let fault = patched(Compression::UNCOMPRESSED, 8, 126);
    assert!(fault.starts_with("D/t.parquet: damaged (a dictionary of 16 bytes claims 63 values)"), "{fault}");
    let fault = patched(Compression::GZIP(Default::default()), 3, 30);
    assert!(fault.contains("damaged (a page unpacks to more than the 15 bytes it claims)"), "{fault}");
    let fault = patched(Compression::SNAPPY, 3, 31);
    assert!(fault.contains("damaged (a page of a negative size)"), "{fault}");
    let fault = patched(Compression::SNAPPY, 1, 2);
    assert!(fault.starts_with("D/t.parquet: damaged ("), "a page of an index is passed over: {fault}");
}

/// Files that another program wrote: `reference/parquet_samples.py`.
fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parquet").join(name)
}

#[test]
fn files_of_pyarrow_are_read() {
    let said = load("parquet", Some(&sample("fruit.parquet"))).unwrap_err().to_string();
    assert!(said.contains("row 5 (rows count from 0): the cell of column `gap` is missing"), "{said}");
    let data = load_as("parquet", Some(&sample("fruit.parquet")), &skipping()).unwrap();
    assert_eq!(
        (data.info.skipped.count, &data.info.classes[..]),
        (2, &["fig", "plum"].map(String::from)[..])
    );
    assert!(data.info.skipped.first[1].contains("row 17 "), "{:?}", data.info.skipped);
    let colours = ["colour=red", "colour=dark green", "colour=ünripe"];
    assert_eq!(data.info.columns[15..18], colours.map(String::from));
    let rows = sorted(&data);
    let kept: Vec<u8> = (0..24).filter(|i| ![5, 17].contains(i)).collect();
    assert_eq!(rows.len(), kept.len());
    for (i, (row, label)) in kept.into_iter().zip(rows) {
        let number = f32::from(i);
        let mut wanted = vec![number; 11];
        wanted.extend([-number / 4.0, -number / 4.0, 2_f32.powi(64), f32::from(u8::from(i % 4 == 0))]);
        wanted.extend((0..3).map(|colour| f32::from(u8::from(i % 3 == colour))));
        wanted.push(number);
        assert_eq!((row, label), (wanted, i % 2), "row {i}");
    }
    let data = load("parquet", Some(&sample("animals.parquet"))).unwrap();
    assert_eq!((&data.info.classes[..], data.info.image.height), (&["cat", "dog"].map(String::from)[..], 4));
    assert_eq!((data.train.len(), data.test.len(), data.train.width()), (10, 2, 12));
    for rows in [&data.train, &data.test] {
        for row in 0..rows.len() {
            let first = rows.row(row)[0];
            assert_eq!(rows.row(row), (first..first + 12).collect::<Vec<u8>>());
            assert_eq!(rows.label(row), first / 20 % 2);
        }
    }
}

/// Files that are written in each way there is.
static GOOD: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let zstd = Compression::ZSTD(ZstdLevel::try_new(1).unwrap());
    let mut files = Vec::new();
    for compression in [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        zstd,
        Compression::GZIP(Default::default()),
        Compression::LZ4_RAW,
    ] {
        for second in [false, true] {
            files.push(table(&Way { compression, second, ..PLAIN }, 0));
            files.push(pictures(&Way { compression, second, ..PLAIN }, &animals(12)));
        }
    }
    files.push(table(&Way { dictionary: false, ..PLAIN }, 0));
    files
});

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn damaged_files_are_read_or_refused(
        which in any::<prop::sample::Index>(),
        set in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..5),
        // most of a small file is its footer
        near in prop::collection::vec((0..700_usize, any::<u8>()), 0..3),
        keep in prop::option::weighted(0.2, any::<prop::sample::Index>()),
        skip in any::<bool>(),
        labels in any::<bool>(),
    ) {
        let mut file = which.get(&GOOD).clone();
        for (at, byte) in &set {
            let at = at.index(file.len());
            file[at] = *byte;
        }
        for (at, byte) in &near {
            let at = file.len().saturating_sub(9 + at);
            file[at] ^= *byte;
        }
        if let Some(keep) = keep {
            file.truncate(keep.index(file.len() + 1));
        }
        let place = Place::new();
        let how = How { labels, ..if skip { skipping() } else { How::default() } };
        if let Ok(data) = load_as("parquet", Some(&place.write("t.parquet", &file)), &how) {
            let rows = data.train.len() + data.test.len();
            prop_assert!(rows >= 1 && (!labels || (rows >= 2 && data.info.classes.len() >= 2)));
            prop_assert!(labels || data.info.classes.is_empty());
        }
    }
}
