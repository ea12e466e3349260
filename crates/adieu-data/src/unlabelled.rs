//! Data without labels: what there is to say of their classes is left out, so that nothing of it reaches whoever learns or
//! judges.

use crate::rows::Dataset;

/// The dataset without classes: [`Info::classes`](crate::Info::classes) is empty, every label is 0 and says nothing. Rows,
/// their order and what trains and tests stay as they are.
#[must_use]
pub fn unlabelled(data: Dataset) -> Dataset {
    let Dataset { mut info, train, test } = data;
    if !info.classes.is_empty() {
        info.classes.clear();
        info.notes.push("labels: there are some, which are left out".to_owned());
    }
    Dataset { info, train: train.relabelled(|_| 0), test: test.relabelled(|_| 0) }
}

#[cfg(test)]
mod tests {
    use crate::{How, load_as};

    #[test]
    fn nothing_is_left_of_the_labels_and_all_of_the_rows() {
        for kind in ["optdigits", "moons", "mnist"] {
            let how = How { labels: false, ..How::default() };
            let (data, labelled) =
                (load_as(kind, None, &how).unwrap(), load_as(kind, None, &How::default()).unwrap());
            assert!(data.info.classes.is_empty(), "{kind}");
            assert!(
                [&data.train, &data.test]
                    .iter()
                    .all(|rows| rows.all_labels().iter().all(|label| *label == 0))
            );
            assert_eq!(
                (data.train.bytes(), data.test.columns()),
                (labelled.train.bytes(), labelled.test.columns())
            );
            let note = data.info.notes.last().map(String::as_str);
            assert_eq!(note, Some("labels: there are some, which are left out"), "{kind}");
        }
    }
}
