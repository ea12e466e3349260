//! A dataset in MNIST's layout: images and labels of the training rows, images and labels of the test rows.

use std::path::PathBuf;

use crate::about::{About, Read, Shape, classes_fault};
use crate::error::DataError;
use crate::idx::{Idx, Kind};
use crate::rows::{Dataset, Rows};

/// The four parts, in the order of every array of four here.
pub(crate) const PARTS: [(&str, Kind); 4] = [
    ("train-images-idx3-ubyte", Kind::Images),
    ("train-labels-idx1-ubyte", Kind::Labels),
    ("t10k-images-idx3-ubyte", Kind::Images),
    ("t10k-labels-idx1-ubyte", Kind::Labels),
];

/// Puts the four parts together, after checking that they fit.
pub(crate) fn assemble(paths: [PathBuf; 4], parts: [Idx; 4], mut about: About) -> Result<Dataset, DataError> {
    let disagree = |first: usize, second: usize, has: &dyn Fn(&Idx) -> String| {
        Err(DataError::Disagree {
            first: paths[first].clone(),
            first_has: has(&parts[first]),
            second: paths[second].clone(),
            second_has: has(&parts[second]),
        })
    };
    for images in [0, 2] {
        if parts[images].rows() != parts[images + 1].rows() {
            return disagree(images, images + 1, &|part| format!("{} rows", part.rows()));
        }
    }
    let image = parts[0].image();
    if parts[2].image() != image {
        return disagree(0, 2, &|part| format!("images of {} pixels", part.image()));
    }
    let most = parts[1].elements.iter().max().map_or(0, |&label| usize::from(label));
    let classes = most + 1;
    let mut seen = [false; 256];
    parts[1].elements.iter().for_each(|&label| seen[usize::from(label)] = true);
    let distinct = seen.iter().filter(|seen| **seen).count();
    if let Some(fault) = classes_fault(&paths[1], distinct) {
        return Err(fault);
    }
    let mut read = Read::default();
    if let Some(gap) = seen[..classes].iter().position(|seen| !seen) {
        read.notes.push(format!("no training row has label {gap}, though labels go up to {most}"));
    }
    if let Some(row) = parts[3].elements.iter().position(|&label| usize::from(label) >= classes) {
        let label = parts[3].elements[row];
        return Err(DataError::Label { path: paths[3].clone(), row, label, classes });
    }

    read.files = parts.iter().map(|part| part.sum.clone()).collect();
    let [train_images, train_labels, test_images, test_labels] = parts.map(|part| part.elements);
    let train = Rows::new(train_images, train_labels, image.pixels());
    let test = Rows::new(test_images, test_labels, image.pixels());
    if about.classes.len() != classes {
        about.classes = (0..classes).map(|label| label.to_string()).collect();
    }
    Ok(about.dataset(Shape::Image(image), train, test, read))
}
