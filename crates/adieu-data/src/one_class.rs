//! One class to be learned, all others to be told from it: for the detection of anomalies.
//!
//! Rows stay where they are; only their labels change, and what is known of their values: mean and deviation, by which a
//! table is standardised, are those of the normal rows that train. What an anomaly looks like is not known before one is
//! met, so it is not to shape the scale either.

use std::ops::Range;
use std::path::PathBuf;

use crate::error::DataError;
use crate::rows::{Dataset, Origin, Rows};
use crate::table::shown;

const CLASSES: [&str; 2] = ["normal", "anomaly"];

/// The dataset whose classes named in `normal` are class 0, `normal`, and whose others are class 1, `anomaly`. `trained`
/// are the rows of [`Dataset::train`] that train, as [`split`](crate::split()) says; the normal ones among them give the
/// statistics.
///
/// # Errors
/// [`DataError::Format`] if there is no class of such a name, if none or all of them are normal, or if no row that trains
/// is normal.
///
/// # Panics
/// If `trained` goes beyond the rows there are.
pub fn one_class(data: Dataset, normal: &[String], trained: Range<u32>) -> Result<Dataset, DataError> {
    let Dataset { mut info, train, test } = data;
    let fault = |what: String, remedy| {
        let path = match &info.origin {
            Origin::Folder(path) => path.clone(),
            _ => PathBuf::from(&info.name),
        };
        Err(DataError::Format { path, what, remedy })
    };
    let names: Vec<&str> = info.classes.iter().map(String::as_str).collect();
    if let Some(unknown) = normal.iter().find(|name| !info.classes.contains(name)) {
        let what = format!("no class is called `{unknown}`; there are {}", shown(&names));
        return fault(what, "name classes that are there as normal ones");
    }
    let is_normal: Vec<bool> = info.classes.iter().map(|name| normal.contains(name)).collect();
    let many = is_normal.iter().filter(|is_normal| **is_normal).count();
    if many == 0 || many == is_normal.len() {
        let which = if many == 0 { "none" } else { "every one" };
        let what = format!("{which} of its classes {} is normal", shown(&names));
        return fault(what, "name at least one class as normal, and leave at least one as anomalous");
    }
    let label = |label: u8| u8::from(!is_normal[usize::from(label)]);
    let (train, test) = (train.relabelled(label), test.relabelled(label));
    let learned: Vec<u32> = trained.filter(|row| train.label(*row as usize) == 0).collect();
    if learned.is_empty() {
        let what = "none of the rows that train is normal".to_owned();
        return fault(what, "name another class as normal");
    }
    let counts = |rows: &Rows| {
        let normal = rows.all_labels().iter().filter(|label| **label == 0).count();
        format!("{normal} are normal, {} anomalous", rows.len() - normal)
    };
    let kept: Vec<&str> =
        names.iter().zip(&is_normal).filter(|(_, is)| **is).map(|(name, _)| *name).collect();
    let note = format!(
        "normal: {}; of the rows to train {}, of those to test {}",
        shown(&kept),
        counts(&train),
        counts(&test)
    );
    let statistics = train.picked(&learned).mean_and_deviation(info.image.channels);
    let (train, test) = (train.standardised(&statistics), test.standardised(&statistics));
    (info.mean, info.deviation) = statistics.into_iter().unzip();
    info.classes = CLASSES.map(str::to_owned).to_vec();
    info.notes.push(note);
    Ok(Dataset { info, train, test })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Split, load, split};

    fn own(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn a_table_is_standardised_by_the_normal_rows_that_train() {
        let mut data = load("moons", None).unwrap();
        data.info.classes = own(&["a", "b", "c"]);
        data.info.columns.truncate(1);
        data.info.image.width = 1;
        data.train = Rows::reals(vec![1.0, 100.0, 3.0, 50.0, 8.0, 9.0], vec![2, 0, 2, 1, 2, 2], 1);
        data.test = Rows::reals(vec![4.0, 2.0], vec![1, 2], 1);
        let trained = split(&data, Split::Choose).train;
        assert_eq!(trained, 0..5);
        let one = one_class(data.clone(), &own(&["c"]), trained).unwrap();
        assert_eq!(one.info.classes, ["normal", "anomaly"]);
        assert_eq!((one.train.all_labels(), one.test.all_labels()), (&[0, 1, 0, 1, 0, 0][..], &[1, 0][..]));
        assert_eq!(one.train.columns(), data.train.columns(), "rows stay where they are");
        // 1, 3 and 8: not 9, which is held back, and no anomaly
        assert!((one.info.mean[0] - 4.0).abs() < 1e-12);
        assert!((one.info.deviation[0] - (26.0_f64 / 3.0).sqrt()).abs() < 1e-12);
        let mut out = Vec::new();
        one.test.gather(&[0, 1], &mut out);
        assert!(out[0] == 0.0 && (f64::from(out[1]) + 2.0 / (26.0_f64 / 3.0).sqrt()).abs() < 1e-6, "{out:?}");
        let note = "normal: `c`; of the rows to train 4 are normal, 2 anomalous, of those to test 1 are normal, 1 anomalous";
        assert_eq!(one.info.notes.last().map(String::as_str), Some(note));
        let two = one_class(data, &own(&["a", "b"]), 0..6).unwrap();
        assert_eq!((two.info.mean[0], two.train.label(1)), (75.0, 0));
    }

    #[test]
    fn pixels_keep_their_bytes() {
        let digits = load("optdigits", None).unwrap();
        let trained = split(&digits, Split::Choose).train;
        let one = one_class(digits.clone(), &own(&["0"]), trained).unwrap();
        assert_eq!(one.train.pixels(), digits.train.pixels());
        assert!(one.info.mean[0] != digits.info.mean[0]);
        let normal = crate::class_counts(&one.test, 2);
        assert_eq!(normal, [27, 273]);
    }

    #[test]
    fn names_that_make_no_sense_are_refused() {
        let said = |normal: &[&str], trained| {
            let data = load("spirals", None).unwrap();
            one_class(data, &own(normal), trained).unwrap_err().to_string()
        };
        let classes = "`first`, `second`, `third`";
        assert_eq!(
            said(&["fifth"], 0..9),
            format!(
                "spirals: no class is called `fifth`; there are {classes}; name classes that are there as normal ones"
            )
        );
        assert!(
            said(&[], 0..9)
                .starts_with(&format!("spirals: none of its classes {classes} is normal; name at"))
        );
        assert!(
            said(&["third", "first", "second"], 0..9)
                .contains(&format!("every one of its classes {classes}"))
        );
        assert!(said(&["third"], 0..2).contains("none of the rows that train is normal"));
    }
}
