//! One class against the rest, for finding anomalies: class 0 is normal, class 1 is everything else.

use std::ops::Range;
use std::path::PathBuf;

use crate::error::DataError;
use crate::rows::{Dataset, Rows};

/// `data` with the classes called `normal` as class 0 and all others as class 1. Every row stays where it is; a table is
/// standardised anew, by the normal rows of `train` among those that train.
///
/// # Errors
/// [`DataError::Format`] if there is no such class, if all classes or none are normal, or if no normal row trains.
pub fn one_class(data: &Dataset, normal: &[String], train: Range<u32>) -> Result<Dataset, DataError> {
    let classes = &data.info.classes;
    let fault =
        |what: String, remedy| Err(DataError::Format { path: PathBuf::from(&data.info.name), what, remedy });
    if let Some(unknown) = normal.iter().find(|name| !classes.contains(name)) {
        let what = format!("no class is called `{unknown}`; there are {}", classes.join(", "));
        return fault(what, "choose among these (normal = [\"…\"])");
    }
    let is_normal: Vec<bool> = classes.iter().map(|class| normal.contains(class)).collect();
    let count = is_normal.iter().filter(|normal| **normal).count();
    if count == 0 || count == classes.len() {
        let what = format!("{count} of {} classes are normal", classes.len());
        return fault(what, "name some classes as normal and leave others out");
    }
    let label = |label: &u8| u8::from(!is_normal[usize::from(*label)]);
    let labels = |rows: &Rows| rows.all_labels().iter().map(label).collect::<Vec<u8>>();
    let (train_labels, test_labels) = (labels(&data.train), labels(&data.test));
    let trains: Vec<u32> = train.filter(|row| train_labels[*row as usize] == 0).collect();
    if trains.is_empty() {
        return fault("none of the rows to train is normal".to_owned(), "name other classes as normal");
    }
    let mut info = data.info.clone();
    let statistics = data.train.chosen(&trains).mean_and_deviation(info.image.channels);
    let anomalies = |labels: &[u8]| labels.iter().filter(|label| **label == 1).count();
    info.notes.push(format!(
        "normal: {}; the rest are anomalies, {} of {} rows to train or choose by, {} of {} to test; {} normal rows train",
        normal.join(", "),
        anomalies(&train_labels),
        train_labels.len(),
        anomalies(&test_labels),
        test_labels.len(),
        trains.len()
    ));
    info.classes = vec!["normal".to_owned(), "anomaly".to_owned()];
    let relabelled = |rows: &Rows, labels| rows.clone().labelled(labels).standardised(&statistics);
    let (train, test) = (relabelled(&data.train, train_labels), relabelled(&data.test, test_labels));
    (info.mean, info.deviation) = statistics.into_iter().unzip();
    Ok(Dataset { info, train, test })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Dataset {
        let mut data = crate::load("moons", None).unwrap();
        data.train = Rows::reals(vec![0.0, 5.0, 2.0, 5.0, 9.0, 9.0, 7.0, 7.0], vec![0, 0, 1, 0], 2);
        data.test = Rows::reals(vec![1.0, 5.0, 3.0, 6.0], vec![1, 0], 2);
        data
    }

    #[test]
    fn normal_rows_that_train_set_the_scale_and_the_rest_is_class_one() {
        let data = one_class(&table(), &["upper".to_owned()], 0..3).unwrap();
        assert_eq!((data.train.all_labels(), data.test.all_labels()), (&[0, 0, 1, 0][..], &[1, 0][..]));
        assert_eq!(data.info.classes, ["normal", "anomaly"]);
        assert_eq!((&data.info.mean[..], &data.info.deviation[..]), (&[1.0, 5.0][..], &[1.0, 0.0][..]));
        let mut out = Vec::new();
        data.test.gather(&[1], &mut out);
        assert_eq!(out, [2.0, 0.0], "a column that does not vary among normal rows says nothing");
        let note = data.info.notes.last().unwrap();
        assert!(note.contains("1 of 4 rows") && note.contains("2 normal rows train"), "{note}");
    }

    #[test]
    fn classes_that_cannot_be_normal_are_named() {
        let said = |normal: &[&str], train| {
            let normal: Vec<String> = normal.iter().map(|name| (*name).to_owned()).collect();
            one_class(&table(), &normal, train).unwrap_err().to_string()
        };
        assert!(said(&["sideways"], 0..3).contains("no class is called `sideways`; there are upper, lower"));
        assert!(said(&["upper", "lower"], 0..3).contains("2 of 2 classes are normal"));
        assert!(said(&[], 0..3).contains("0 of 2 classes are normal"));
        assert!(said(&["upper"], 2..3).contains("none of the rows to train is normal"));
    }
}
