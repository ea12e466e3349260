//! Tables of the reader's own, and generated ones: what is read, what is refused and in which words.
#![allow(clippy::unwrap_used)] // a test that cannot go on shall panic

mod support;

use std::fmt::Write as _;
use std::path::Path;

use adieu_data::{Dataset, How, OnBad, Origin, load, load_as};
use proptest::prelude::*;
use support::{Place, shorten, zip};

/// The columns of all rows with their labels, in order of the first column.
fn sorted(data: &Dataset) -> Vec<(Vec<f32>, u8)> {
    let width = data.train.width();
    let mut rows: Vec<(Vec<f32>, u8)> = [&data.train, &data.test]
        .iter()
        .flat_map(|rows| {
            rows.columns().unwrap().chunks_exact(width).map(<[f32]>::to_vec).zip(rows.all_labels().to_vec())
        })
        .collect();
    rows.sort_by(|a, b| a.0[0].total_cmp(&b.0[0]));
    rows
}

fn skipping() -> How {
    How { on_bad: OnBad::Skip, ..How::default() }
}

/// An iris-like table, sorted by class as such tables are.
fn flowers(divider: char) -> String {
    let mut text = ["size", "colour", "class"].join(&divider.to_string()) + "\n";
    for i in 0..24 {
        let (colour, class) = if i < 12 { ("red", "rose") } else { ("white", "\"lily, wild\"") };
        writeln!(text, "{i}.5{divider} {colour}{divider}{class}").unwrap();
    }
    text
}

#[test]
fn a_table_of_text_is_divided_and_its_words_become_columns() {
    let place = Place::new();
    for (name, divider, said) in
        [("a.csv", ',', "commas"), ("b.tsv", '\t', "tabs"), ("c.csv", ';', "semicolons")]
    {
        let path = place.write(name, flowers(divider).as_bytes());
        let data = load("csv", Some(&path)).unwrap();
        assert_eq!(data.info.columns, ["size", "colour=red", "colour=white"].map(String::from), "{name}");
        assert_eq!(data.info.classes, ["lily, wild", "rose"], "{name}");
        assert_eq!((data.train.len(), data.test.len(), data.info.name.len()), (20, 4, 1));
        let rows = sorted(&data);
        assert_eq!((&rows[0], &rows[23]), (&(vec![0.5, 1.0, 0.0], 1), &(vec![23.5, 0.0, 1.0], 0)));
        let tested: usize = data.test.all_labels().iter().map(|label| usize::from(*label)).sum();
        assert_eq!(tested, 2, "of each class its share");
        for notes in ["labels: column `class`", &format!("divided by {said}"), "is words", "drawn by seed 1"]
        {
            assert!(
                data.info.notes.iter().any(|note| note.contains(notes)),
                "{notes} in {:?}",
                data.info.notes
            );
        }
        assert_eq!(data, load("csv", Some(&path)).unwrap(), "always the same");
        let other = load_as("csv", Some(&path), &How { seed: 2, ..How::default() }).unwrap();
        assert_ne!(other.test, data.test, "another seed, other rows");
        let mean = data.info.mean[0];
        let mut x = Vec::new();
        data.train.gather(&(0..20).collect::<Vec<u32>>(), &mut x);
        let sum: f32 = x.iter().step_by(3).sum();
        assert!(sum.abs() < 1e-4 && (10.0..14.0).contains(&mean), "standardised: {sum}, {mean}");
    }
}

#[test]
fn a_folder_of_two_files_is_not_divided() {
    let place = Place::new();
    place.write("train.csv", b"y,a\n0,1\n1,2\n1,3\n");
    place.write("test.csv", b"y,a\n1,9\n");
    let data = load("csv", Some(&place.path)).unwrap();
    assert_eq!((data.train.len(), data.test.columns(), data.info.files.len()), (3, Some(&[9.0][..]), 2));
    place.write("test.csv", b"a,y\n1,9\n");
    let said = shorten(load("csv", Some(&place.path)), &place.path);
    assert!(said.contains("D/train.csv has the columns y, a, but D/test.csv has the columns a, y"), "{said}");
    place.write("test.csv", b"y,a\n2,9\n1,1\n");
    let said = shorten(load("csv", Some(&place.path)), &place.path);
    assert!(said.contains("D/test.csv: line 2: its label is none of those of the rows to train"), "{said}");
    let data = load_as("csv", Some(&place.path), &skipping()).unwrap();
    assert_eq!((data.test.len(), data.info.skipped.count), (1, 1));
}

#[test]
fn faults_of_a_table_name_file_and_line() {
    let place = Place::new();
    let cases = [
        ("a,label\n1,0\n2\n", "line 3: 1 cells, but 2 columns; correct the row, or leave bad rows out"),
        ("a,label\n1,0\n,1\n", "line 3: the cell of column `a` is missing"),
        ("a,label\n1,0\nNaN,1\n", "line 3: the cell of column `a` is missing"),
        ("a,label\n1,0\ninf,1\n", "line 3: `inf` in column `a` is no finite number"),
        ("a,label\n1,0\nred,1\n", "line 3: `red` in column `a` is no finite number"),
        ("a,label\n1,0\n2,?\n", "line 3: the label is missing"),
        ("a,label\n1,0\n2,0\n", "all training rows are of one class"),
        ("a,label\n", "it has no good row"),
        ("", "names no column"),
        ("1,2\n3,4\n", "its first line is numbers, not names"),
        ("a,b\n1,2\n", "no column is called label, class, target or y; there are `a`, `b`; say which column"),
        ("a,a,label\n", "two columns are called `a`"),
        ("label\n1\n", "no column but the labels"),
    ];
    for (text, wanted) in cases {
        let path = place.write("t.csv", text.as_bytes());
        let said = shorten(load("csv", Some(&path)), &place.path);
        assert!(said.starts_with("D/t.csv: ") && said.contains(wanted), "{wanted}: {said}");
    }
    let path = place.write("t.csv", b"a,label\n1,0\n2,1\n\xff,1\n");
    assert!(shorten(load("csv", Some(&path)), &place.path).contains("line 4: not UTF-8"));
    let data = load_as("csv", Some(&path), &skipping()).unwrap();
    assert_eq!((data.info.skipped.count, data.train.len() + data.test.len()), (1, 2));
    let many: String = (0..300).map(|i| format!("{i},{i}\n")).collect();
    let path = place.write("t.csv", format!("a,label\n{many}").as_bytes());
    assert!(shorten(load("csv", Some(&path)), &place.path).contains("300 classes, but at most 256"));
    let words: String = (0..70).map(|i| format!("w{i},{}\n", i % 2)).collect();
    let path = place.write("t.csv", format!("a,label\n{words}").as_bytes());
    assert!(
        shorten(load("csv", Some(&path)), &place.path)
            .contains("column `a` has more than 64 different words")
    );
    let asked = How { label: Some("a".into()), ..How::default() };
    let path = place.write("t.csv", b"a,b\nx,1\nz,2\nx,3\n");
    assert_eq!(load_as("csv", Some(&path), &asked).unwrap().info.classes, ["x", "z"]);
    for kind in ["csv", "arff", "npz"] {
        assert!(load(kind, None).unwrap_err().to_string().contains("no file or folder given"));
        let gone = load(kind, Some(Path::new("/no/such"))).unwrap_err().to_string();
        assert!(gone.contains("/no/such: no such file or folder"), "{gone}");
    }
}

const ARFF: &str = "\
% a comment
@RELATION tiny
@attribute 'the size' REAL
@attribute colour {red, 'dark blue', \"it's\"}
@attribute class {b,a}

@data
1,red,a
2,'dark blue',b
{0 3, 1 'dark blue', 2 a}
{}
5,'it\\'s', b
";

#[test]
fn arff_states_its_types_and_may_be_sparse() {
    let place = Place::new();
    let path = place.write("t.arff", ARFF.as_bytes());
    let data = load("arff", Some(&path)).unwrap();
    assert_eq!(data.info.columns[0], "the size");
    assert_eq!(data.info.columns[1..], ["colour=red", "colour=dark blue", "colour=it's"].map(String::from));
    let wanted = [
        (vec![0.0, 1.0, 0.0, 0.0], 1),
        (vec![1.0, 1.0, 0.0, 0.0], 0),
        (vec![2.0, 0.0, 1.0, 0.0], 1),
        (vec![3.0, 0.0, 1.0, 0.0], 0),
        (vec![5.0, 0.0, 0.0, 1.0], 1),
    ];
    assert_eq!(sorted(&data), wanted);
    for (from, to, wanted) in [
        ("1,red,a", "1,green,a", "line 8: `green` is not among the words of column `colour`"),
        ("1,red,a", "x,red,a", "line 8: `x` in column `the size` is no finite number"),
        ("1,red,a", "?,red,a", "line 8: the cell of column `the size` is missing"),
        ("1,red,a", "1,'red,a", "line 8: a quote is not closed"),
        ("{0 3", "{9 3", "line 10: there is no column 9"),
        ("REAL", "string", "line 3: `the size` is of type string, which is not read"),
        ("{b,a}", "{b,a", "line 5: a brace is not closed"),
        ("@data", "data", "line 7: neither @relation nor @attribute nor @data"),
    ] {
        let path = place.write("t.arff", ARFF.replace(from, to).as_bytes());
        let said = shorten(load("arff", Some(&path)), &place.path);
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
}

/// A NumPy array, its header as NumPy writes it.
fn npy(descr: &str, fortran: bool, shape: &str, values: &[u8]) -> Vec<u8> {
    let fortran = if fortran { "True" } else { "False" };
    let header = format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}\n");
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend((header.len() as u16).to_le_bytes());
    file.extend(header.as_bytes());
    file.extend(values);
    file
}

fn doubles(values: &[f64]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

#[test]
fn arrays_of_numpy_are_tables_and_pictures() {
    let place = Place::new();
    let store = |members: &[(&str, &[u8], u16)]| place.write("t.npz", &zip(members));
    let y = npy("|u1", false, "(3,)", &[1, 0, 1]);
    let wanted = [(vec![1.0, 2.0], 1), (vec![3.0, 4.0], 0), (vec![5.0, 6.0], 1)];
    let c = npy("<f8", false, "(3, 2)", &doubles(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]));
    let fortran = npy("<f8", true, "(3, 2)", &doubles(&[1.0, 3.0, 5.0, 2.0, 4.0, 6.0]));
    let big = npy(">i2", false, "(3, 2)", &[0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6]);
    for (name, x) in [("C", &c), ("Fortran", &fortran), ("big-endian", &big)] {
        let data = load("npz", Some(&store(&[("X.npy", x, 8), ("y.npy", &y, 0)]))).unwrap();
        assert_eq!(sorted(&data), wanted, "{name}");
        assert_eq!(
            (data.info.name.as_str(), &data.info.columns[..]),
            ("t", &["0", "1"].map(String::from)[..])
        );
    }
    let words = npy(
        "<U2",
        false,
        "(3,)",
        &"b\0a\0bc".chars().flat_map(|c| (c as u32).to_le_bytes()).collect::<Vec<u8>>(),
    );
    let path = store(&[
        ("x_train.npy", &c, 8),
        ("y_train.npy", &words, 8),
        ("x_test.npy", &c, 8),
        ("y_test.npy", &words, 0),
    ]);
    let data = load("npz", Some(&path)).unwrap();
    assert_eq!((data.test.len(), data.info.classes), (3, vec!["a".to_owned(), "b".into(), "bc".into()]));
    let nan = npy("<f8", false, "(3, 2)", &doubles(&[1.0, f64::NAN, 3.0, 4.0, 5.0, 6.0]));
    let path = store(&[("X.npy", &nan, 8), ("y.npy", &y, 0)]);
    let said = shorten(load("npz", Some(&path)), &place.path);
    assert!(
        said.contains("D/t.npz: row 0 (rows count from 0): the cell of column `0` is missing")
            || said.contains("column `1` is missing"),
        "{said}"
    );

    let pictures = npy("|u1", false, "(3, 1, 2, 3)", &(0..18).collect::<Vec<u8>>());
    let path = store(&[
        ("x_train.npy", &pictures, 8),
        ("y_train.npy", &y, 0),
        ("x_test.npy", &pictures, 0),
        ("y_test.npy", &y, 0),
    ]);
    let data = load("npz", Some(&path)).unwrap();
    assert_eq!(
        (data.info.image.to_string().as_str(), data.test.row(1)),
        ("1 × 2 × 3", &[6, 9, 7, 10, 8, 11][..])
    );

    for (members, wanted) in [
        (vec![("X.npy", &c[..], 0)], "it holds x but no y"),
        (vec![("a.npy", &c[..], 0)], "neither X and y nor x_train and y_train, but a.npy"),
        (vec![("X.npy", &c[..], 0), ("y.npy", &c, 0)], "y of sizes [3, 2] for x of sizes [3, 2]"),
        (vec![("X.npy", &c[..90], 0), ("y.npy", &y, 0)], "its header promises 48 bytes of values"),
        (vec![("X.npy", &npy("|O", false, "(3,)", &[0; 24])[..], 0), ("y.npy", &y, 0)], "Python objects"),
        (
            vec![("X.npy", &npy("<f8", false, "(0, 2)", &[])[..], 0), ("y.npy", &y, 0)],
            "sizes [0, 2], which holds no rows",
        ),
    ] {
        let said = shorten(load("npz", Some(&store(&members))), &place.path);
        assert!(said.starts_with("D/t.npz") && said.contains(wanted), "{wanted}: {said}");
    }
}

#[test]
fn generated_rows_are_known_by_their_seed_and_have_their_shape() {
    for (kind, classes, width) in [("moons", 2, 2), ("xor", 2, 2), ("spirals", 3, 2), ("patterns", 4, 256)] {
        let make = |seed, rows| load_as(kind, None, &How { seed, rows, ..How::default() }).unwrap();
        let data = make(1, Some(60));
        assert_eq!((data.train.len(), data.test.len(), data.train.width()), (60, 30, width), "{kind}");
        assert_eq!((data.info.classes.len(), &data.info.origin), (classes, &Origin::Generated { seed: 1 }));
        let each = data.train.all_labels().iter().filter(|label| **label == 0).count();
        assert_eq!(each, 60 / classes, "{kind}");
        assert!(data == make(1, Some(60)) && data.train != make(2, Some(60)).train, "{kind}");
        assert_eq!(make(1, None).train.len(), 1_200);
        let few = load_as(kind, None, &How { rows: Some(3), ..How::default() }).unwrap_err().to_string();
        assert!(few.contains("3 rows asked, 12 to"), "{few}");
    }
    let board = load("xor", None).unwrap();
    for (point, label) in sorted(&board) {
        assert_eq!((point[0].floor() + point[1].floor()) as u8 % 2, label, "{point:?}");
    }
    // the lit spot of the second frame lies where the class says
    let patterns = load("patterns", None).unwrap();
    for row in 0..8 {
        let frames: Vec<&[u8]> = patterns.train.row(row).chunks_exact(64).collect();
        let lit = |frame: &[u8], at: usize| frame[at] == 255;
        let (right, down) = [(1, 0), (7, 0), (0, 1), (0, 7)][usize::from(patterns.train.label(row))];
        for at in (0..64).filter(|at| lit(frames[0], *at)) {
            assert!(lit(frames[1], (at / 8 + down) % 8 * 8 + (at % 8 + right) % 8), "row {row}, pixel {at}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(100) })]

    #[test]
    fn garbage_is_read_or_refused(
        which in 0..3_usize,
        set in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        wild in "[ -~\n\t\"'{},%@\\\\]{0,80}",
        skip in any::<bool>(),
    ) {
        let place = Place::new();
        let x = npy("<f8", false, "(3, 2)", &doubles(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]));
        let (kind, mut file) = match which {
            0 => ("csv", flowers(',').into_bytes()),
            1 => ("arff", ARFF.as_bytes().to_vec()),
            _ => ("npz", zip(&[("X.npy", &x, 0), ("y.npy", &npy("|u1", false, "(3,)", &[1, 0, 1]), 0)])),
        };
        for (at, byte) in &set {
            let at = at.index(file.len());
            file[at] = *byte;
        }
        if which < 2 {
            file.extend(wild.as_bytes());
        }
        let how = if skip { skipping() } else { How::default() };
        if let Ok(data) = load_as(kind, Some(&place.write("file", &file)), &how) {
            prop_assert!(data.train.columns().unwrap().iter().all(|value| value.is_finite()));
            prop_assert_eq!(data.info.columns.len(), data.train.width());
        }
    }
}
