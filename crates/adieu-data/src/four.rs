//! A dataset in MNIST's layout: images and labels of the training rows, images and labels of the test rows. One that is
//! published so is a [`Four`] and nothing else.

use std::path::{Path, PathBuf};

use crate::about::{About, Read, Shape, classes_fault};
use crate::error::DataError;
use crate::folder::{find, read_four};
use crate::how::How;
use crate::idx::{Idx, Kind};
use crate::published::{self, OR_PUT, missing, place};
use crate::remote::RemoteFile;
use crate::rows::{Dataset, Rows};
use crate::source::Source;

/// The four parts, in the order of every array of four here.
pub(crate) const PARTS: [(&str, Kind); 4] = [
    ("train-images-idx3-ubyte", Kind::Images),
    ("train-labels-idx1-ubyte", Kind::Labels),
    ("t10k-images-idx3-ubyte", Kind::Images),
    ("t10k-labels-idx1-ubyte", Kind::Labels),
];

/// A published dataset of four files, as its makers describe it.
#[derive(Debug)]
pub(crate) struct Four {
    pub(crate) kind: &'static str,
    pub(crate) about: &'static str,
    pub(crate) licence: &'static str,
    pub(crate) citation: &'static str,
    pub(crate) classes: &'static [&'static str],
    /// See [`four_files!`].
    pub(crate) files: &'static [RemoteFile; 4],
}

/// The four files, packed, below an address that ends in `/`, with their MD5 in the order of [`PARTS`].
macro_rules! four_files {
    ($address:literal, [$a:literal, $b:literal, $c:literal, $d:literal]) => {
        four_files!(
            $address,
            "train-images-idx3-ubyte.gz" $a,
            "train-labels-idx1-ubyte.gz" $b,
            "t10k-images-idx3-ubyte.gz" $c,
            "t10k-labels-idx1-ubyte.gz" $d
        )
    };
    ($address:literal, $($name:literal $md5:literal),+) => {
        &[$($crate::remote::RemoteFile {
            name: $name,
            sha256: None,
            md5: Some($md5),
            bytes: None,
            urls: &[concat!($address, $name)],
        }),+]
    };
}
pub(crate) use four_files;

impl Four {
    /// What is known of it, read from `place`.
    pub(crate) fn about(&self, place: &Path) -> About {
        published::about(self, place, self.citation, self.classes)
    }
}

impl Source for Four {
    fn kind(&self) -> &'static str {
        self.kind
    }

    fn about(&self) -> &'static str {
        self.about
    }

    fn licence(&self) -> &'static str {
        self.licence
    }

    fn bundled(&self) -> bool {
        false
    }

    fn files(&self) -> &'static [RemoteFile] {
        self.files
    }

    fn found(&self, folder: &Path) -> Option<Vec<PathBuf>> {
        find(folder, OR_PUT).ok().map(Vec::from)
    }

    fn load(&self, folder: Option<&Path>, _how: &How) -> Result<Dataset, DataError> {
        let place = place(self, folder)?;
        read_four(&place, self.about(&place), OR_PUT).map_err(|error| match error {
            DataError::Missing { path, what, .. } => missing(self, &path, what),
            other => other,
        })
    }
}

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
