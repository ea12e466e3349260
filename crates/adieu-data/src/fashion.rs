//! `fashion-mnist`: 70,000 pictures of clothes in MNIST's layout (Xiao, Rasul, Vollgraf, arXiv:1708.07747).

use std::path::Path;

use crate::about::About;
use crate::error::DataError;
use crate::folder::read_four;
use crate::how::How;
use crate::published::{OR_PUT, missing, place};
use crate::remote::RemoteFile;
use crate::rows::{Dataset, Origin};
use crate::source::Source;

const CLASSES: [&str; 10] = [
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
];

static FILES: [RemoteFile; 4] = [
    RemoteFile {
        name: "train-images-idx3-ubyte.gz",
        sha256: None,
        md5: Some("8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
        bytes: None,
        urls: &["http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/train-images-idx3-ubyte.gz"],
    },
    RemoteFile {
        name: "train-labels-idx1-ubyte.gz",
        sha256: None,
        md5: Some("25c81989df183df01b3e8a0aad5dffbe"),
        bytes: None,
        urls: &["http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/train-labels-idx1-ubyte.gz"],
    },
    RemoteFile {
        name: "t10k-images-idx3-ubyte.gz",
        sha256: None,
        md5: Some("bef4ecab320f06d8554ea6380940ec79"),
        bytes: None,
        urls: &["http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/t10k-images-idx3-ubyte.gz"],
    },
    RemoteFile {
        name: "t10k-labels-idx1-ubyte.gz",
        sha256: None,
        md5: Some("bb300cfdad3c16e7a12a480ee83cd310"),
        bytes: None,
        urls: &["http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/t10k-labels-idx1-ubyte.gz"],
    },
];

/// See the module.
#[derive(Debug)]
pub(crate) struct Fashion;

/// What its makers say of it.
pub(crate) fn about(origin: Origin) -> About {
    About {
        name: Fashion.kind().to_owned(),
        origin,
        licence: Fashion.licence().to_owned(),
        citation: "H. Xiao, K. Rasul, R. Vollgraf, Fashion-MNIST: a novel image dataset for benchmarking machine learning \
         algorithms, arXiv:1708.07747, 2017"
            .to_owned(),
        classes: CLASSES.map(str::to_owned).to_vec(),
    }
}

impl Source for Fashion {
    fn kind(&self) -> &'static str {
        "fashion-mnist"
    }

    fn about(&self) -> &'static str {
        "70,000 pictures of clothes, 28 × 28 grey, 10 classes"
    }

    fn licence(&self) -> &'static str {
        "MIT"
    }

    fn bundled(&self) -> bool {
        false
    }

    fn files(&self) -> &'static [RemoteFile] {
        &FILES
    }

    fn load(&self, folder: Option<&Path>, _how: &How) -> Result<Dataset, DataError> {
        let place = place(self, folder)?;
        read_four(&place, about(Origin::Folder(place.clone())), OR_PUT).map_err(|error| match error {
            DataError::Missing { path, what, .. } => missing(self, &path, what),
            other => other,
        })
    }
}
